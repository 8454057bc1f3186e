/* Texts through the public calls: bits that depend on the text alone, prefixes, lengths, empty
 * texts, cancelling, bounded passes, and the vectors of the real models from text to end. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include "base/json.h"
#include "model/model_private.h"

#undef fail
#include <cmocka.h>

#include "small_model.h"

/* ---- helpers ---- */

static recap_text text_of(const char *text)
{
    return (recap_text){text, strlen(text)};
}

static recap_model *open_whole(const char *directory)
{
    recap_model *model;
    recap_error error = {0};
    if (recap_open_model(directory, &model, &error) != RECAP_OK) fail_msg("%s", error.message);
    return model;
}

static recap_context *open_threads(int n)
{
    recap_context *context;
    recap_context_options options = {.n_threads = n, .seed = 1};
    assert_int_equal(recap_open_context(&options, &context, NULL), RECAP_OK);
    return context;
}

static void embed(recap_context *context, const recap_model *model, const char *const *texts,
                  size_t n, const recap_embed_options *options, float *out)
{
    recap_error error = {0};
    recap_text *views = new_array(n, sizeof *views);
    for (size_t i = 0; i < n; i++) views[i] = text_of(texts[i]);
    if (recap_embed(context, model, views, n, options, out, &error) != RECAP_OK)
        fail_msg("%s", error.message);
    free(views);
}

/* ---- the same bits ---- */

enum { n_many = 2000, words_most = 14 };

static void make_texts(char **texts)
{
    static const char *const words[] = {"the", "cat", "sat", "on", "mat", "a", "b", "unknown", "."};
    for (size_t i = 0; i < n_many; i++) {
        struct buf text = {0};
        buf_add_string(&text, i % 50 == 0 ? "" : "the");
        for (size_t w = random_below(words_most, 1, 1, i); w > 0; w--)
            buf_printf(&text, " %s", words[random_below(COUNT_OF(words), 2, i, w)]);
        texts[i] = buf_take(&text, NULL);
        assert_non_null(texts[i]);
    }
}

static void check_shuffled(const recap_model *model, char **texts, const float *alone,
                           int n_threads, size_t budget)
{
    recap_context *context = open_threads(n_threads);
    const char **shuffled = new_array(n_many, sizeof *shuffled);
    size_t *from = new_array(n_many, sizeof *from);
    float *out = new_array(n_many * small_hidden, sizeof *out);
    for (size_t i = 0; i < n_many; i++) from[i] = i;
    for (size_t i = n_many - 1; budget != 0 && i > 0; i--) {
        size_t j = random_below(i + 1, budget, 3, i), other = from[i];
        from[i] = from[j];
        from[j] = other;
    }
    for (size_t i = 0; i < n_many; i++) shuffled[i] = texts[from[i]];
    embed(context, model, shuffled, n_many, &(recap_embed_options){.token_budget = budget}, out);
    for (size_t i = 0; i < n_many; i++)
        assert_memory_equal(out + i * small_hidden, alone + from[i] * small_hidden,
                            small_hidden * sizeof *out);
    free(shuffled);
    free(from);
    free(out);
    recap_close_context(context);
}

static void a_text_has_the_same_bits_in_any_batch(void **state)
{
    char *directory = small_model(&(struct small_options){0});
    recap_model *model = open_whole(directory);
    char **texts = new_array(n_many, sizeof *texts);
    float *alone = new_array(n_many * small_hidden, sizeof *alone);
    make_texts(texts);
    for (size_t i = 0; i < n_many; i++)
        embed(NULL, model, (const char *const *)&texts[i], 1, NULL, alone + i * small_hidden);
    check_shuffled(model, texts, alone, 1, 0);
    check_shuffled(model, texts, alone, 2, 0);
    check_shuffled(model, texts, alone, 1, 100);
    check_shuffled(model, texts, alone, 2, 1); /* a budget smaller than one text */
    check_shuffled(model, texts, alone, 4, 100000);
    for (size_t i = 0; i < n_many; i++) free(texts[i]);
    free(texts);
    free(alone);
    recap_close_model(model);
    small_remove(directory);
}

/* ---- rules ---- */

static void prefixes_are_not_doubled(void **state)
{
    char *directory = small_model(&(struct small_options){0});
    small_write_text(directory, "recap.json", "{\"default_prefix\": \"the \"}");
    recap_model *model = open_whole(directory);
    static const char *const texts[] = {"cat sat", "the cat sat", "the the cat sat"};
    float plain[3][small_hidden], prefixed[3][small_hidden];
    recap_embed_options none = {.prefix = ""}, the = {.prefix = "the "};
    embed(NULL, model, texts, 3, &none, plain[0]);
    embed(NULL, model, texts, 3, NULL, prefixed[0]); /* the model's default */
    assert_memory_equal(prefixed[0], plain[1], sizeof plain[0]);
    assert_memory_equal(prefixed[1], plain[1], sizeof plain[0]);
    assert_memory_equal(prefixed[2], plain[2], sizeof plain[0]);
    assert_true(memcmp(plain[0], plain[1], sizeof plain[0]) != 0);
    float again[3][small_hidden];
    embed(NULL, model, texts, 3, &the, again[0]);
    assert_memory_equal(again, prefixed, sizeof again);
    recap_close_model(model);
    small_remove(directory);
}

static void long_texts_are_cut_at_the_end(void **state)
{
    char *directory = small_model(&(struct small_options){0});
    recap_model *model = open_whole(directory);
    static const char *const texts[] = {
        "the cat sat on a mat . the cat sat on a mat . the cat sat on a mat",
        "the cat sat on a mat . the cat sat on a mat .", "the cat sat on"};
    float out[3][small_hidden], cut[3][small_hidden];
    embed(NULL, model, texts, 3, NULL, out[0]);
    assert_memory_equal(out[0], out[1], sizeof out[0]); /* 16 ids, two of them special */
    embed(NULL, model, texts, 3, &(recap_embed_options){.max_length = 6}, cut[0]);
    assert_memory_equal(cut[0], out[2], sizeof out[0]);
    recap_error error = {0};
    recap_text text = text_of(texts[0]);
    recap_embed_options options = {.max_length = 17};
    assert_int_equal(recap_embed(NULL, model, &text, 1, &options, out[0], &error),
                     RECAP_ERROR_USAGE);
    assert_non_null(strstr(error.message, "2 to 16"));
    recap_close_model(model);
    small_remove(directory);
}

static void empty_texts_keep_their_place(void **state)
{
    char *directory = small_model(&(struct small_options){0});
    recap_model *model = open_whole(directory);
    static const char *const texts[] = {"a", "", "b", "   ", "\xff\xfe"};
    float out[5][small_hidden], alone[small_hidden];
    embed(NULL, model, texts, 5, NULL, out[0]);
    for (size_t i = 0; i < 5; i++) {
        double norm = 0;
        for (size_t j = 0; j < small_hidden; j++) norm += (double)out[i][j] * out[i][j];
        assert_true(fabs(norm - 1) < 1e-6);
        embed(NULL, model, &texts[i], 1, NULL, alone);
        assert_memory_equal(alone, out[i], sizeof alone);
    }
    assert_memory_equal(out[1], out[3], sizeof alone);
    recap_text nothing = {NULL, 0};
    assert_int_equal(recap_embed(NULL, model, &nothing, 1, NULL, alone, NULL), RECAP_OK);
    assert_memory_equal(alone, out[1], sizeof alone);
    assert_int_equal(recap_embed(NULL, model, NULL, 0, NULL, NULL, NULL), RECAP_OK);
    recap_close_model(model);
    small_remove(directory);
}

static bool stop_at_once(void *data, const char *stage, size_t done, size_t total)
{
    assert_string_equal(stage, "embed");
    assert_true(done <= total);
    return done < *(size_t *)data;
}

static void a_call_can_be_cancelled(void **state)
{
    char *directory = small_model(&(struct small_options){0});
    recap_model *model = open_whole(directory);
    static const char *texts[9000];
    float *out = new_array(9000 * small_hidden, sizeof *out);
    recap_text *views = new_array(9000, sizeof *views);
    for (size_t i = 0; i < 9000; i++) views[i] = text_of(texts[i] = "the cat sat on a mat");
    size_t limit = 4000;
    recap_context_options options = {
        .n_threads = 2, .seed = 1, .progress = stop_at_once, .progress_data = &limit};
    recap_context *context;
    recap_error error = {0};
    assert_int_equal(recap_open_context(&options, &context, NULL), RECAP_OK);
    assert_int_equal(recap_embed(context, model, views, 9000, NULL, out, &error),
                     RECAP_ERROR_CANCELLED);
    assert_non_null(strstr(error.message, "of 9000"));
    recap_close_context(context);
    free(out);
    free(views);
    recap_close_model(model);
    small_remove(directory);
}

static void encoders_do_not_classify(void **state)
{
    char *directory = small_model(&(struct small_options){0});
    recap_model *model = open_whole(directory);
    recap_text text = text_of("cat");
    recap_error error = {0};
    float out[4];
    assert_int_equal(recap_classify(NULL, model, &text, 1, 0, out, &error), RECAP_ERROR_MODEL);
    assert_non_null(strstr(error.message, "no classification head"));
    recap_close_model(model);
    small_remove(directory);
}

static void scores_come_from_logits(void **state)
{
    float single[3] = {1, 2, 1000}, multi[3] = {0, 2, -1000};
    recap_scores_from_logits(single, 3, false);
    assert_true(single[0] == 0 && single[2] == 1);
    recap_scores_from_logits(multi, 3, true);
    assert_true(multi[0] == 0.5f && fabsf(multi[1] - 0.880797f) < 1e-6f && multi[2] == 0);
    float even[2] = {-3, -3};
    recap_scores_from_logits(even, 2, false);
    assert_true(even[0] == 0.5f && even[1] == 0.5f);
}

/* ---- the real models, from text ---- */

struct real {
    recap_model *model;
    recap_context *context;
    const float *vectors;
    size_t n_checked, n_other_ids;
    double worst_cosine, worst_logit;
};

/* Texts whose special tokens the reference takes for special have other ids here, on purpose. */
static bool same_ids(const struct real *real, const char *text, const json_t *line)
{
    recap_tokens tokens = {0};
    const json_t *wanted = json_object_get(line, "input_ids");
    assert_int_equal(
        recap_tokenize(recap_model_tokenizer(real->model), text, strlen(text), NULL, &tokens, NULL),
        RECAP_OK);
    bool same = tokens.n == json_array_size(wanted);
    for (size_t i = 0; same && i < tokens.n; i++)
        same = tokens.ids[i] == json_integer_value(json_array_get(wanted, i));
    recap_free_tokens(&tokens);
    return same;
}

static double cosine_to(const float *a, const float *b, size_t n)
{
    double sum = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)a[i] * b[i];
        norm += (double)b[i] * b[i];
    }
    return sum / sqrt(norm);
}

static void check_line(struct real *real, const json_t *line)
{
    const json_t *text_value = json_object_get(line, "text");
    const char *text = json_string_value(text_value);
    size_t hidden = recap_model_describe(real->model)->hidden_size;
    if (strlen(text) != json_string_length(text_value)) return; /* has U+0000 */
    if (!same_ids(real, text, line)) {
        real->n_other_ids++;
        return;
    }
    recap_text view = text_of(text);
    float out[1024];
    const json_t *logits = json_object_get(line, "logits"), *list = json_object_get(line, "emb");
    if (logits) {
        assert_int_equal(recap_classify(real->context, real->model, &view, 1, 0, out, NULL), 0);
        for (size_t i = 0; i < json_array_size(logits); i++)
            real->worst_logit = fmax(real->worst_logit,
                                     fabs(out[i] - json_number_value(json_array_get(logits, i))));
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        recap_embed_options options = {
            .prefix = "",
            .max_length = (size_t)json_integer_value(json_object_get(entry, "max_length"))};
        size_t row = (size_t)json_integer_value(json_object_get(entry, "npy_row"));
        assert_int_equal(recap_embed(real->context, real->model, &view, 1, &options, out, NULL), 0);
        real->worst_cosine = fmin(real->worst_cosine,
                                  cosine_to(out, real->vectors + row * hidden, hidden));
    }
    real->n_checked++;
}

static void check_real(const char *name, const char *golden)
{
    const char *folder = getenv("RECAP_TEST_MODELS");
    char *directory = folder ? path_join(folder, name) : NULL, path[512];
    struct real real = {.worst_cosine = 1};
    struct buf npy = {0}, lines = {0};
    if (!directory || !path_is_directory(directory) || !path_is_directory(FIXTURES)) {
        free(directory);
        skip();
    }
    real.model = open_whole(directory);
    real.context = open_threads(0);
    snprintf(path, sizeof path, FIXTURES "/golden/%s.npy", golden);
    if (path_exists(path)) {
        assert_int_equal(file_read(path, 0, &npy, NULL), RECAP_OK);
        const unsigned char *bytes = (const unsigned char *)npy.data;
        real.vectors = (const float *)(const void *)(bytes + 10 + bytes[8] + 256 * bytes[9]);
    }
    snprintf(path, sizeof path, FIXTURES "/golden/%s.jsonl", golden);
    assert_int_equal(file_read(path, 0, &lines, NULL), RECAP_OK);
    for (size_t begin = 0; begin < lines.n;) {
        size_t n = strcspn(lines.data + begin, "\n");
        json_t *line;
        assert_int_equal(json_parse(path, lines.data + begin, n, &line, NULL), RECAP_OK);
        check_line(&real, line);
        json_decref(line);
        begin += n + 1;
    }
    print_message("%s: %zu texts, cosine >= 1 - %.2g, logits within %.2g; %zu with other ids\n",
                  name, real.n_checked, 1 - real.worst_cosine, real.worst_logit, real.n_other_ids);
    assert_true(real.n_checked >= 70 && real.n_other_ids <= 6);
    assert_true(real.worst_cosine >= 0.99999 && real.worst_logit < 1e-3);
    buf_free(&npy);
    buf_free(&lines);
    recap_close_context(real.context);
    recap_close_model(real.model);
    free(directory);
}

static void real_models_agree(void **state)
{
    check_real("multilingual-e5-small", "e5-small-dq");
    check_real("all-MiniLM-L6-v2", "minilm");
    check_real("categorium-en", "categorium-en");
    check_real("categorium-fr", "categorium-fr");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_has_the_same_bits_in_any_batch),
        cmocka_unit_test(prefixes_are_not_doubled),
        cmocka_unit_test(long_texts_are_cut_at_the_end),
        cmocka_unit_test(empty_texts_keep_their_place),
        cmocka_unit_test(a_call_can_be_cancelled),
        cmocka_unit_test(encoders_do_not_classify),
        cmocka_unit_test(scores_come_from_logits),
        cmocka_unit_test(real_models_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
