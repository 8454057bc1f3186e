/* The encoder against the reference: hidden states, vectors and logits of every tiny architecture,
 * and of the real models where RECAP_TEST_MODELS names a folder of them. Ids come from the
 * fixtures, so that the tokenizer plays no part. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "model/model_private.h"

#undef fail
#include <cmocka.h>

/* ---- fixtures ---- */

static bool have_fixtures(void)
{
    return path_is_directory(FIXTURES);
}

static char *fixture(const char *a, const char *b)
{
    struct buf path = {0};
    buf_printf(&path, FIXTURES "/%s%s%s", a, b ? "/" : "", b ? b : "");
    return buf_take(&path, NULL);
}

/* Calls `each` with every line of a JSON Lines file. */
static void for_lines(const char *path, void (*each)(void *data, json_t *line), void *data)
{
    struct buf text = {0};
    assert_int_equal(file_read(path, 0, &text, NULL), RECAP_OK);
    for (size_t begin = 0; begin < text.n;) {
        size_t n = strcspn(text.data + begin, "\n");
        json_t *line;
        assert_int_equal(json_parse(path, text.data + begin, n, &line, NULL), RECAP_OK);
        each(data, line);
        json_decref(line);
        begin += n + 1;
    }
    buf_free(&text);
}

/* The ids of a line, cut to `most` as a tokenizer does: the last one stays. */
static int32_t *ids_of(const json_t *line, size_t most, size_t *n)
{
    const json_t *list = json_object_get(line, "input_ids");
    size_t all = json_array_size(list);
    int32_t *ids = new_array(all, sizeof *ids);
    assert_non_null(ids);
    *n = all < most ? all : most;
    for (size_t i = 0; i < *n; i++) ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    if (all > most) ids[most - 1] = (int32_t)json_integer_value(json_array_get(list, all - 1));
    return ids;
}

static recap_model *open_model(const char *directory)
{
    recap_model *model;
    recap_error error = {0};
    if (model_open_encoder(directory, &model, &error) != RECAP_OK) fail_msg("%s", error.message);
    return model;
}

static double cosine(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
}

static double largest_difference(const float *a, const json_t *list)
{
    double most = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        most = fmax(most, fabs(a[i] - json_number_value(json_array_get(list, i))));
    return most;
}

/* ---- the tiny models ---- */

struct tiny {
    recap_context *context;
    recap_model *model;
    size_t n_lines, n_logits;
    double vector_error, logit_error;
};

static void check_tiny_line(void *data, json_t *line)
{
    struct tiny *tiny = data;
    const recap_model_info *info = recap_model_describe(tiny->model);
    struct sequence sequence = {.index = 0};
    int32_t *ids = ids_of(line, (size_t)json_integer_value(json_object_get(line, "max_length")),
                          &sequence.n);
    float vector[64], logits[64];
    recap_error error = {0};
    sequence.ids = ids;
    if (model_embed_ids(tiny->context, tiny->model, &sequence, 1, NULL, vector, &error) != RECAP_OK)
        fail_msg("%s", error.message);
    const json_t *wanted = json_object_get(line, "embedding");
    assert_int_equal(json_array_size(wanted), info->hidden_size);
    tiny->vector_error = fmax(tiny->vector_error, largest_difference(vector, wanted));
    wanted = json_object_get(line, "logits");
    if (wanted) {
        assert_int_equal(json_array_size(wanted), info->n_labels);
        assert_int_equal(model_classify_ids(tiny->context, tiny->model, &sequence, 1, logits, NULL),
                         RECAP_OK);
        tiny->logit_error = fmax(tiny->logit_error, largest_difference(logits, wanted));
        tiny->n_logits++;
    }
    tiny->n_lines++;
    free(ids);
}

static void check_tiny(const char *name, size_t n_labels)
{
    char *directory = fixture("tiny", name), *lines = path_join(directory, "expected.jsonl");
    struct tiny tiny = {.model = open_model(directory)};
    assert_int_equal(recap_open_context(NULL, &tiny.context, NULL), RECAP_OK);
    assert_int_equal(recap_model_describe(tiny.model)->n_labels, n_labels);
    for_lines(lines, check_tiny_line, &tiny);
    print_message("%s: vectors within %.2g, logits within %.2g\n", name, tiny.vector_error,
                  tiny.logit_error);
    assert_true(tiny.n_lines >= 80);
    assert_int_equal(tiny.n_logits, n_labels ? tiny.n_lines : 0);
    assert_true(tiny.vector_error < 5e-6);
    assert_true(tiny.logit_error < 5e-5);
    recap_close_context(tiny.context);
    recap_close_model(tiny.model);
    free(directory);
    free(lines);
}

static void tiny_models(void **state)
{
    if (!have_fixtures()) skip();
    static const char *const sets[] = {"avx2", "generic"};
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        if (!compute_force(sets[i])) continue;
        check_tiny("xlmr", 0);
        check_tiny("xlmr-cls-bf16", 3);
        check_tiny("bert-cased-f16", 0);
        check_tiny("distilbert-cls30", 30);
        check_tiny("bert-ja", 0);
    }
    compute_force(compute_available(0));
}

/* ---- hidden states ---- */

/* The vectors above are means of hidden states; here the other poolings are derived by hand. */
static void hidden_states_pool_to_the_vector(void **state)
{
    if (!have_fixtures()) skip();
    char *directory = fixture("tiny", "xlmr");
    recap_model *model = open_model(directory);
    static const int32_t ids[] = {0, 22, 23, 4, 25, 145, 2};
    float hidden[COUNT_OF(ids) * 32], vector[32], pooled[32];
    struct sequence sequence = {ids, COUNT_OF(ids), 0};
    assert_int_equal(model_hidden_ids(NULL, model, ids, COUNT_OF(ids), hidden, NULL), RECAP_OK);
    static const recap_pooling poolings[] = {RECAP_POOLING_MEAN, RECAP_POOLING_CLS,
                                             RECAP_POOLING_MAX, RECAP_POOLING_LAST};
    for (size_t i = 0; i < COUNT_OF(poolings); i++) {
        recap_embed_options options = {.pooling = poolings[i], .no_normalize = true};
        assert_int_equal(model_embed_ids(NULL, model, &sequence, 1, &options, vector, NULL),
                         RECAP_OK);
        for (size_t j = 0; j < 32; j++) {
            double mean = 0, most = -INFINITY;
            for (size_t t = 0; t < COUNT_OF(ids); t++) {
                mean += hidden[t * 32 + j] / (double)COUNT_OF(ids);
                most = fmax(most, hidden[t * 32 + j]);
            }
            pooled[j] = (float)(i == 0   ? mean
                                : i == 1 ? hidden[j]
                                : i == 2 ? most
                                         : hidden[(COUNT_OF(ids) - 1) * 32 + j]);
            assert_true(fabsf(pooled[j] - vector[j]) < 2e-6f);
        }
    }
    recap_close_model(model);
    free(directory);
}

static void fewer_dimensions_are_normalised_again(void **state)
{
    if (!have_fixtures()) skip();
    char *directory = fixture("tiny", "xlmr");
    recap_model *model = open_model(directory);
    static const int32_t ids[] = {0, 22, 23, 4, 2};
    float whole[32], cut[12];
    struct sequence sequence = {ids, COUNT_OF(ids), 0};
    recap_embed_options options = {.dimensions = 12};
    assert_int_equal(model_embed_ids(NULL, model, &sequence, 1, NULL, whole, NULL), RECAP_OK);
    assert_int_equal(model_embed_ids(NULL, model, &sequence, 1, &options, cut, NULL), RECAP_OK);
    assert_true(compute_normalize(whole, 1, 12, NULL));
    for (size_t i = 0; i < 12; i++) assert_true(fabsf(whole[i] - cut[i]) < 1e-6f);
    recap_error error = {0};
    options.dimensions = 33;
    assert_int_equal(model_embed_ids(NULL, model, &sequence, 1, &options, whole, &error),
                     RECAP_ERROR_USAGE);
    assert_non_null(strstr(error.message, "33 dimensions"));
    recap_close_model(model);
    free(directory);
}

static void bad_ids_are_named(void **state)
{
    if (!have_fixtures()) skip();
    char *directory = fixture("tiny", "xlmr");
    recap_model *model = open_model(directory);
    static const int32_t beyond[] = {0, 1264, 2}, negative[] = {0, -1, 2};
    static int32_t many[600];
    float out[32];
    recap_error error = {0};
    struct sequence sequence = {beyond, 3, 7};
    assert_int_equal(model_embed_ids(NULL, model, &sequence, 1, NULL, out, &error),
                     RECAP_ERROR_INPUT);
    assert_string_equal(error.message, "text 7: id 1264 at place 1; the model has 0 to 1263");
    sequence.ids = negative;
    assert_int_equal(model_embed_ids(NULL, model, &sequence, 1, NULL, out, NULL),
                     RECAP_ERROR_INPUT);
    sequence = (struct sequence){many, 513, 0};
    assert_int_equal(model_embed_ids(NULL, model, &sequence, 1, NULL, out, &error),
                     RECAP_ERROR_INPUT);
    assert_string_equal(error.message, "text 0 has 513 ids; the model takes 1 to 512");
    recap_close_model(model);
    free(directory);
}

/* ---- the real models ---- */

static char *real_model(const char *name)
{
    const char *folder = getenv("RECAP_TEST_MODELS");
    if (!folder || !have_fixtures()) return NULL;
    char *path = path_join(folder, name);
    if (path && path_is_directory(path)) return path;
    free(path);
    return NULL;
}

struct golden {
    recap_context *context;
    recap_model *model;
    struct buf npy;
    const float *vectors; /* [rows, hidden] of the .npy */
    size_t n_vectors;
    double worst_cosine, worst_logit;
};

/* A version 1 .npy of little-endian float32 in C order. */
static void read_npy(const char *path, struct golden *golden)
{
    assert_int_equal(file_read(path, 0, &golden->npy, NULL), RECAP_OK);
    const unsigned char *bytes = (const unsigned char *)golden->npy.data;
    assert_memory_equal(bytes, "\x93NUMPY\x01", 7);
    assert_non_null(strstr(golden->npy.data + 10, "'<f4'"));
    golden->vectors = (const float *)(const void *)(bytes + 10 + bytes[8] + 256 * bytes[9]);
}

static void check_golden_vectors(void *data, json_t *line)
{
    struct golden *golden = data;
    size_t i, hidden = recap_model_describe(golden->model)->hidden_size;
    json_t *entry;
    json_array_foreach(json_object_get(line, "emb"), i, entry)
    {
        struct sequence sequence = {.index = 0};
        size_t row = (size_t)json_integer_value(json_object_get(entry, "npy_row"));
        int32_t *ids = ids_of(line, (size_t)json_integer_value(json_object_get(entry, "n_ids")),
                              &sequence.n);
        float *vector = new_array(hidden, sizeof *vector);
        sequence.ids = ids;
        assert_int_equal(
            model_embed_ids(golden->context, golden->model, &sequence, 1, NULL, vector, NULL),
            RECAP_OK);
        double value = cosine(vector, golden->vectors + row * hidden, hidden);
        golden->worst_cosine = fmin(golden->worst_cosine, value);
        golden->n_vectors++;
        free(vector);
        free(ids);
    }
}

static void check_golden_logits(void *data, json_t *line)
{
    struct golden *golden = data;
    struct sequence sequence = {.index = 0};
    int32_t *ids = ids_of(line, (size_t)json_integer_value(json_object_get(line, "max_length")),
                          &sequence.n);
    float logits[64];
    sequence.ids = ids;
    assert_int_equal(model_classify_ids(golden->context, golden->model, &sequence, 1, logits, NULL),
                     RECAP_OK);
    golden->worst_logit = fmax(golden->worst_logit,
                               largest_difference(logits, json_object_get(line, "logits")));
    golden->n_vectors++;
    free(ids);
}

static void check_golden(const char *name, const char *file, bool vectors)
{
    char *directory = real_model(name);
    if (!directory) skip();
    char lines[64], npy[64];
    snprintf(lines, sizeof lines, "%s.jsonl", file);
    snprintf(npy, sizeof npy, "%s.npy", file);
    char *lines_path = fixture("golden", lines), *npy_path = fixture("golden", npy);
    struct golden golden = {.model = open_model(directory), .worst_cosine = 1};
    assert_int_equal(recap_open_context(NULL, &golden.context, NULL), RECAP_OK);
    if (vectors) read_npy(npy_path, &golden);
    for_lines(lines_path, vectors ? check_golden_vectors : check_golden_logits, &golden);
    print_message("%s: %zu checked, cosine >= 1 - %.2g, logits within %.2g\n", name,
                  golden.n_vectors, 1 - golden.worst_cosine, golden.worst_logit);
    assert_true(golden.n_vectors >= 50);
    assert_true(golden.worst_cosine >= 0.99999);
    assert_true(golden.worst_logit < 1e-3);
    recap_close_context(golden.context);
    recap_close_model(golden.model);
    buf_free(&golden.npy);
    free(lines_path);
    free(npy_path);
    free(directory);
}

static void golden_e5(void **state)
{
    check_golden("multilingual-e5-small", "e5-small-dq", true);
}

static void golden_e5_xlmr(void **state)
{
    check_golden("multilingual-e5-small-xlmr", "e5-small-xlmr", true);
}

static void golden_minilm(void **state)
{
    check_golden("all-MiniLM-L6-v2", "minilm", true);
}

static void golden_categorium_en(void **state)
{
    check_golden("categorium-en", "categorium-en", false);
}

static void golden_categorium_fr(void **state)
{
    check_golden("categorium-fr", "categorium-fr", false);
}

/* ---- the same bits whatever stands beside ---- */

enum { n_many = 2000, many_hidden = 32 };

/* Lengths from 1 to 200, some of 512; ids of the tiny xlmr. */
static size_t many_length(size_t i)
{
    return i % 400 == 7 ? 512 : 1 + random_below(i % 10 == 0 ? 200 : 40, 5, 1, i);
}

static void fill_many(struct sequence *sequences, int32_t *ids)
{
    size_t at = 0;
    for (size_t i = 0; i < n_many; i++) {
        size_t n = many_length(i);
        sequences[i] = (struct sequence){ids + at, n, i};
        for (size_t t = 0; t < n; t++, at++) ids[at] = (int32_t)random_below(1264, 6, i, t);
    }
}

static void embed_many(int n_threads, struct sequence *sequences, size_t budget,
                       const recap_model *model, float *out)
{
    recap_context *context;
    recap_embed_options options = {.token_budget = budget};
    recap_context_options threads = {.n_threads = n_threads, .seed = 1};
    memset(out, 0, n_many * many_hidden * sizeof *out);
    assert_int_equal(recap_open_context(&threads, &context, NULL), RECAP_OK);
    assert_int_equal(model_embed_ids(context, model, sequences, n_many, &options, out, NULL),
                     RECAP_OK);
    recap_close_context(context);
}

static void shuffle_sequences(struct sequence *sequences)
{
    for (size_t i = n_many - 1; i > 0; i--) {
        size_t j = random_below(i + 1, 9, 9, i);
        struct sequence other = sequences[i];
        sequences[i] = sequences[j];
        sequences[j] = other;
    }
}

static void batches_change_no_bit(void **state)
{
    if (!have_fixtures()) skip();
    char *directory = fixture("tiny", "xlmr");
    recap_model *model = open_model(directory);
    size_t n_ids = 0, bytes = n_many * many_hidden * sizeof(float);
    for (size_t i = 0; i < n_many; i++) n_ids += many_length(i);
    struct sequence *sequences = new_array(n_many, sizeof *sequences);
    int32_t *ids = new_array(n_ids, sizeof *ids);
    float *alone = new_array(n_many * many_hidden, sizeof *alone);
    float *other = new_array(n_many * many_hidden, sizeof *other);
    fill_many(sequences, ids);
    for (size_t i = 0; i < n_many; i++) {
        struct sequence one = sequences[i];
        assert_int_equal(model_embed_ids(NULL, model, &one, 1, NULL, alone, NULL), RECAP_OK);
    }
    static const struct {
        int n_threads;
        size_t budget;
    } runs[] = {{1, 0}, {2, 0}, {3, 700}, {2, 1}, {8, 100000}};
    for (size_t i = 0; i < COUNT_OF(runs); i++) {
        shuffle_sequences(sequences);
        embed_many(runs[i].n_threads, sequences, runs[i].budget, model, other);
        assert_memory_equal(alone, other, bytes);
    }
    free(sequences);
    free(ids);
    free(alone);
    free(other);
    recap_close_model(model);
    free(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiny_models),
        cmocka_unit_test(hidden_states_pool_to_the_vector),
        cmocka_unit_test(fewer_dimensions_are_normalised_again),
        cmocka_unit_test(bad_ids_are_named),
        cmocka_unit_test(golden_e5),
        cmocka_unit_test(golden_e5_xlmr),
        cmocka_unit_test(golden_minilm),
        cmocka_unit_test(golden_categorium_en),
        cmocka_unit_test(golden_categorium_fr),
        cmocka_unit_test(batches_change_no_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
