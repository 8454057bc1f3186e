/* Model directories, good and bad: each fault is named, with its file. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "model/model_private.h"

#undef fail
#include <cmocka.h>

#include "small_model.h"

static const int32_t some_ids[] = {2, 5, 6, 7, 8, 9, 3};

/* ---- helpers ---- */

static void embed_directory(const char *directory, float out[small_hidden])
{
    recap_model *model;
    recap_error error = {0};
    struct sequence sequence = {some_ids, COUNT_OF(some_ids), 0};
    if (model_open_encoder(directory, &model, &error) != RECAP_OK) fail_msg("%s", error.message);
    assert_int_equal(model_embed_ids(NULL, model, &sequence, 1, NULL, out, NULL), RECAP_OK);
    recap_close_model(model);
}

/* Opening must fail with RECAP_ERROR_MODEL and words that contain all of `words`. */
static void expect_refused(const char *directory, const char *const *words, size_t n)
{
    recap_model *model;
    recap_error error = {0};
    int status = recap_open_model(directory, &model, &error);
    if (status != RECAP_ERROR_MODEL || error.code != status || model)
        fail_msg("status %d, message: %s", status, error.message);
    for (size_t i = 0; i < n; i++)
        if (!strstr(error.message, words[i]))
            fail_msg("\"%s\" is not in: %s", words[i], error.message);
}

#define REFUSED(directory, ...)                                                                    \
    do {                                                                                           \
        const char *const words_[] = {__VA_ARGS__};                                                \
        expect_refused(directory, words_, COUNT_OF(words_));                                       \
    } while (0)

static void refuse_weights(const char *bytes, size_t n, const char *word)
{
    char *directory = small_model(&(struct small_options){0});
    small_write(directory, "model.safetensors", bytes, n);
    REFUSED(directory, "model.safetensors", word);
    small_remove(directory);
}

static void refuse_config(const char *before, const char *after, const char *word)
{
    char *directory = small_model(&(struct small_options){0});
    const char *at = strstr(small_config, before);
    struct buf text = {0};
    assert_non_null(at);
    buf_printf(&text, "%.*s%s%s", (int)(at - small_config), small_config, after,
               at + strlen(before));
    small_write_text(directory, "config.json", text.data);
    REFUSED(directory, "config.json", word);
    buf_free(&text);
    small_remove(directory);
}

/* ---- what must be equal ---- */

static void prefixes_give_equal_vectors(void **state)
{
    static const char *const prefixes[] = {"", "roberta.", "bert.", "distilbert.", "model."};
    float first[small_hidden], other[small_hidden];
    char identity[33] = "";
    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        char *directory = small_model(&(struct small_options){.prefix = prefixes[i]});
        recap_model *model;
        embed_directory(directory, i ? other : first);
        if (i) assert_memory_equal(first, other, sizeof first);
        assert_int_equal(recap_open_model(directory, &model, NULL), RECAP_OK);
        if (i) assert_string_equal(recap_model_describe(model)->identity, identity);
        memcpy(identity, recap_model_describe(model)->identity, sizeof identity);
        recap_close_model(model);
        small_remove(directory);
    }
}

static void types_may_be_mixed_and_extras_are_ignored(void **state)
{
    static const struct small_options ways[] = {
        {0}, {.mixed = true}, {.extras = true}, {.gamma = true}, {.mixed = true, .extras = true}};
    float first[small_hidden], other[small_hidden];
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        char *directory = small_model(&ways[i]);
        embed_directory(directory, i ? other : first);
        if (i) assert_memory_equal(first, other, sizeof first);
        small_remove(directory);
    }
}

static const char small_index[] =
    "{\"metadata\": {}, \"weight_map\": {\"embeddings.word_embeddings.weight\": "
    "\"one.safetensors\", "
    "\"encoder.layer.0.output.LayerNorm.bias\": \"two.safetensors\"}}";

static void index_wins_over_a_single_file(void **state)
{
    float whole[small_hidden], sharded[small_hidden];
    char *directory = small_model(&(struct small_options){0});
    embed_directory(directory, whole);
    small_write_text(directory, "model.safetensors", "stray");
    small_write_text(directory, "model.safetensors.index.json", small_index);
    small_write_weights(directory, "one.safetensors",
                        &(struct small_options){.only_first_half = true});
    REFUSED(directory, "two.safetensors", "shard 2 of 2");
    small_write_weights(directory, "two.safetensors",
                        &(struct small_options){.only_second_half = true});
    embed_directory(directory, sharded);
    assert_memory_equal(whole, sharded, sizeof whole);
    small_write_weights(directory, "two.safetensors",
                        &(struct small_options){.only_second_half = true,
                                                .skip = "encoder.layer.0.output.LayerNorm.bias"});
    REFUSED(directory, "two.safetensors", "encoder.layer.0.output.LayerNorm.bias", "index");
    small_write_text(directory, "model.safetensors.index.json",
                     "{\"weight_map\": {\"a\": \"../evil.safetensors\"}}");
    REFUSED(directory, "index.json", "no plain file name");
    small_write_text(directory, "model.safetensors.index.json", "{}");
    REFUSED(directory, "index.json", "weight_map");
    small_remove(directory);
}

/* ---- weights that are none ---- */

static void weights_that_are_none_are_named(void **state)
{
    static const char pointer[] =
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\n"
        "size 470641600\n";
    static const char page[] = "\n <!DOCTYPE html><html><head><title>404</title></head></html>";
    refuse_weights("", 0, "empty");
    refuse_weights(pointer, strlen(pointer), "Git LFS pointer");
    refuse_weights(page, strlen(page), "HTML page");
    refuse_weights("PK\003\004 and so on", 14, "zip");
    refuse_weights("abc", 3, "too few");
    refuse_weights("\x40\0\0\0\0\0\0\0{}", 10, "header of 64 bytes in a file of 10");
    refuse_weights("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, "truncated or not safetensors");
    refuse_weights("\2\0\0\0\0\0\0\0[]", 10, "not an object");
    refuse_weights("\2\0\0\0\0\0\0\0{x", 10, "not valid JSON");
}

static void truncated_weights_are_named(void **state)
{
    struct buf bytes = {0};
    small_weights(&(struct small_options){0}, &bytes);
    refuse_weights(bytes.data, bytes.n - 1, "truncated");
    refuse_weights(bytes.data, bytes.n / 2, "truncated");
    buf_add_byte(&bytes, 'x');
    refuse_weights(bytes.data, bytes.n, "1 bytes after the last tensor");
    buf_free(&bytes);
}

static void refuse_header(const char *header, size_t n_data, const char *word)
{
    struct buf bytes = {0};
    uint64_t length = strlen(header);
    buf_add(&bytes, &length, sizeof length);
    buf_add_string(&bytes, header);
    for (size_t i = 0; i < n_data; i++) buf_add_byte(&bytes, '\0');
    refuse_weights(bytes.data, bytes.n, word);
    buf_free(&bytes);
}

/* Another file under the name changes nothing for a model that is open. */
static void replaced_weights_wait_for_the_next_start(void **state)
{
    char *directory = small_model(&(struct small_options){0});
    char *before = path_join(directory, "new.safetensors");
    char *after = path_join(directory, "model.safetensors");
    struct sequence sequence = {some_ids, COUNT_OF(some_ids), 0};
    float first[small_hidden], again[small_hidden];
    recap_model *model;
    recap_error error = {0};
    embed_directory(directory, first);
    if (model_open_encoder(directory, &model, &error) != RECAP_OK) fail_msg("%s", error.message);
    small_write_weights(directory, "new.safetensors", &(struct small_options){.prefix = "bert."});
    assert_int_equal(truncate(before, 100), 0);
    assert_int_equal(rename(before, after), 0);
    assert_int_equal(model_embed_ids(NULL, model, &sequence, 1, NULL, again, NULL), RECAP_OK);
    assert_memory_equal(first, again, sizeof first);
    recap_close_model(model);
    REFUSED(directory, "model.safetensors", "truncated");
    free(before);
    free(after);
    small_remove(directory);
}

static void headers_are_checked_whole(void **state)
{
    refuse_header("{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]}, "
                  "\"b\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [4, 12]}}",
                  12, "\"b\": overlaps");
    refuse_header("{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 8]}}", 8,
                  "leaves a hole");
    refuse_header("{\"a\": {\"dtype\": \"F32\", \"shape\": [3], \"data_offsets\": [0, 8]}}", 8,
                  "3 values of F32 don't take the 8 bytes");
    refuse_header("{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [8, 0]}}", 8,
                  "not in order");
    refuse_header("{\"a\": {\"dtype\": \"F32\", \"shape\": [-2], \"data_offsets\": [0, 8]}}", 8,
                  "out of range");
    refuse_header("{\"a\": {\"dtype\": \"F32\", \"shape\": [4611686018427387904, 16, 4], "
                  "\"data_offsets\": [0, 8]}}",
                  8, "out of range");
    refuse_header("{\"a\": {\"dtype\": \"F32\", \"shape\": [4611686018427387904, 2], "
                  "\"data_offsets\": [0, 8]}}",
                  8, "don't take");
    refuse_header("{\"a\": {\"shape\": [2], \"data_offsets\": [0, 8]}}", 8, "\"dtype\"");
    refuse_header("{\"a\": {\"dtype\": \"F32\", \"data_offsets\": [0, 8]}}", 8, "\"shape\"");
    refuse_header("{\"a\": {\"dtype\": \"F32\", \"shape\": [2]}}", 8, "\"data_offsets\"");
    refuse_header("{\"a\": 7}", 8, "\"dtype\"");
    refuse_header("{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 1e3]}}", 8,
                  "\"data_offsets\"");
}

static void other_formats_and_missing_files_are_named(void **state)
{
    char *directory = small_model(&(struct small_options){0});
    char *weights = path_join(directory, "model.safetensors");
    unlink(weights);
    REFUSED(directory, "model.safetensors");
    small_write_text(directory, "pytorch_model.bin", "PK");
    REFUSED(directory, "no model.safetensors", "pytorch_model.bin");
    assert_int_equal(symlink("../blobs/gone", weights), 0);
    REFUSED(directory, "model.safetensors", "link to ../blobs/gone, which is not there");
    free(weights);
    small_remove(directory);
    REFUSED("/nowhere/at/all", "/nowhere/at/all", "no such directory");
}

static void missing_and_misshapen_tensors_are_named(void **state)
{
    char *directory = small_model(&(struct small_options){
        .prefix = "bert.", .skip = "encoder.layer.0.intermediate.dense.weight"});
    REFUSED(directory, "no tensor encoder.layer.0.intermediate.dense.weight",
            "roberta.encoder.layer.0.intermediate.dense.weight",
            "distilbert.encoder.layer.0.intermediate.dense.weight");
    small_remove(directory);
    refuse_config("\"vocab_size\": 20", "\"vocab_size\": -1", "vocab_size");
    directory = small_model(&(struct small_options){0});
    struct buf text = {0};
    const char *at = strstr(small_config, "\"vocab_size\": 20");
    buf_printf(&text, "%.*s\"vocab_size\": 21%s", (int)(at - small_config), small_config, at + 16);
    small_write_text(directory, "config.json", text.data);
    REFUSED(directory, "embeddings.word_embeddings.weight", "[20, 8]", "[21, 8]");
    buf_free(&text);
    small_remove(directory);
}

/* ---- config.json ---- */

static void configurations_are_checked(void **state)
{
    refuse_config("\"model_type\": \"bert\"", "\"model_type\": \"llama\"", "llama");
    refuse_config("\"model_type\": \"bert\", ", "", "model_type");
    refuse_config("BertModel", "BertForTokenClassification", "BertForTokenClassification");
    refuse_config("\"gelu\"", "\"silu\"", "silu");
    refuse_config("\"hidden_size\": 8", "\"hidden_size\": 9", "multiple");
    refuse_config("\"hidden_size\": 8", "\"hidden_size\": \"8\"", "hidden_size");
    refuse_config("\"hidden_size\": 8, ", "", "\"hidden_size\" is missing");
    refuse_config("\"hidden_size\": 8", "\"hidden_size\": 100000000", "65536");
    refuse_config("\"hidden_size\": 8", "\"hidden_size\": 99999999999999999999", "hidden_size");
    refuse_config("\"hidden_act\"", "\"layer_norm_eps\": 0, \"hidden_act\"", "layer_norm_eps");
    refuse_config("\"hidden_act\"", "\"position_embedding_type\": \"relative_key\", \"hidden_act\"",
                  "relative_key");
    refuse_config("\"hidden_act\"", "\"is_decoder\": true, \"hidden_act\"", "decoder");
    refuse_config("{", "[", "not valid JSON");
    refuse_config("BertModel",
                  "BertForSequenceClassification\"], \"id2label\": {\"0\": \"a\", \"2\": "
                  "\"b\"}, \"x\": [\"",
                  "id2label");
    refuse_config("BertModel",
                  "BertForSequenceClassification\"], \"problem_type\": \"regression\", \"x\": [\"",
                  "regression");
}

static float first_value(const char *activation, const char *epsilon)
{
    char *directory = small_model(&(struct small_options){0});
    struct buf text = {0};
    const char *at = strstr(small_config, "\"gelu\"");
    float out[small_hidden];
    buf_printf(&text, "%.*s\"%s\", \"layer_norm_eps\": %s}", (int)(at - small_config), small_config,
               activation, epsilon);
    small_write_text(directory, "config.json", text.data);
    embed_directory(directory, out);
    buf_free(&text);
    small_remove(directory);
    return out[0];
}

static void activations_and_epsilon_are_as_written(void **state)
{
    float gelu = first_value("gelu", "1e-12"), tanh_form = first_value("gelu_new", "1e-12");
    assert_true(gelu == first_value("gelu", "1e-12"));
    assert_true(tanh_form == first_value("gelu_pytorch_tanh", "1e-12"));
    assert_true(gelu != tanh_form && fabsf(gelu - tanh_form) < 1e-2f);
    assert_true(fabsf(gelu - first_value("relu", "1e-12")) > 1e-4f);
    assert_true(gelu != first_value("gelu", "1e-2"));
}

/* ---- the files beside it ---- */

static void describe(const char *directory, recap_model **model)
{
    recap_error error = {0};
    if (recap_open_model(directory, model, &error) != RECAP_OK) fail_msg("%s", error.message);
}

static void pooling_is_what_the_file_says(void **state)
{
    char *directory = small_model(&(struct small_options){0});
    char *folder = path_join(directory, "1_Pooling");
    recap_model *model;
    describe(directory, &model);
    assert_int_equal(recap_model_describe(model)->pooling, RECAP_POOLING_MEAN);
    assert_false(recap_model_describe(model)->pooling_from_file);
    assert_true(recap_model_describe(model)->normalize);
    recap_close_model(model);
    assert_int_equal(mkdir(folder, 0777), 0);
    small_write_text(folder, "config.json", "{\"pooling_mode_cls_token\": true}");
    small_write_text(
        directory, "modules.json",
        "[{\"type\": \"sentence_transformers.models.Transformer\", \"path\": \"\"}, "
        "{\"type\": \"sentence_transformers.models.Pooling\", \"path\": \"1_Pooling\"}]");
    describe(directory, &model);
    assert_int_equal(recap_model_describe(model)->pooling, RECAP_POOLING_CLS);
    assert_true(recap_model_describe(model)->pooling_from_file);
    assert_false(recap_model_describe(model)->normalize);
    recap_close_model(model);
    small_write_text(folder, "config.json",
                     "{\"pooling_mode_cls_token\": true, \"pooling_mode_max_tokens\": true}");
    REFUSED(directory, "1_Pooling/config.json", "more than one");
    small_write_text(folder, "config.json", "{\"pooling_mode_weightedmean_tokens\": true}");
    REFUSED(directory, "1_Pooling/config.json", "weightedmean");
    small_write_text(folder, "config.json", "{\"pooling_mode_cls_token\": false}");
    REFUSED(directory, "1_Pooling/config.json", "no pooling mode");
    small_write_text(folder, "config.json",
                     "{\"pooling_mode_mean_tokens\": true, \"word_embedding_dimension\": 9}");
    REFUSED(directory, "1_Pooling/config.json", "word_embedding_dimension");
    small_write_text(directory, "modules.json",
                     "[{\"type\": \"sentence_transformers.models.Dense\", \"path\": \"2_Dense\"}]");
    REFUSED(directory, "modules.json", "Dense");
    free(folder);
    small_remove(directory);
}

static void lengths_are_the_least_of_all(void **state)
{
    char *directory = small_model(&(struct small_options){0});
    recap_model *model;
    describe(directory, &model);
    assert_int_equal(recap_model_describe(model)->max_length, small_positions);
    recap_close_model(model);
    small_write_text(directory, "tokenizer_config.json",
                     "{\"model_max_length\": 1000000000000000019884624838656}");
    describe(directory, &model);
    assert_int_equal(recap_model_describe(model)->max_length, small_positions);
    recap_close_model(model);
    small_write_text(directory, "sentence_bert_config.json", "{\"max_seq_length\": 12}");
    describe(directory, &model);
    assert_int_equal(recap_model_describe(model)->max_length, 12);
    recap_close_model(model);
    small_write_text(directory, "sentence_bert_config.json", "{\"max_seq_length\": 0}");
    REFUSED(directory, "sentence_bert_config.json", "max_seq_length");
    small_remove(directory);
}

static const char *prefix_under(const char *name, const char *extra)
{
    static char prefix[64];
    char *directory = small_model(&(struct small_options){0});
    char *renamed = path_join(directory, name);
    recap_model *model;
    struct buf command = {0};
    buf_printf(&command, "mkdir -p '%s' && cp '%s'/*.json '%s'/vocab.txt '%s'/*.safetensors '%s'",
               renamed, directory, directory, directory, renamed);
    assert_int_equal(system(command.data), 0);
    if (extra) small_write_text(renamed, "recap.json", extra);
    describe(renamed, &model);
    snprintf(prefix, sizeof prefix, "%s", recap_model_describe(model)->default_prefix);
    recap_close_model(model);
    buf_free(&command);
    free(renamed);
    small_remove(directory);
    return prefix;
}

static void e5_is_known_by_its_name(void **state)
{
    assert_string_equal(prefix_under("multilingual-e5-small", NULL), "query: ");
    assert_string_equal(prefix_under("E5_base", NULL), "query: ");
    assert_string_equal(
        prefix_under("models--intfloat--multilingual-e5-large/snapshots/ab12", NULL), "query: ");
    assert_string_equal(prefix_under("multilingual-e5-large-instruct", NULL), "");
    assert_string_equal(prefix_under("bge-base5", NULL), "");
    assert_string_equal(prefix_under("node51", NULL), "");
    assert_string_equal(prefix_under("e5", "{\"default_prefix\": \"passage: \"}"), "passage: ");
    assert_string_equal(prefix_under("e5", "{\"default_prefix\": \"\"}"), "");
    assert_string_equal(prefix_under("other", "{\"default_prefix\": \"query: \"}"), "query: ");
}

static void hub_caches_are_followed(void **state)
{
    char *directory = small_model(&(struct small_options){0});
    char *cache = path_join(directory, "models--a--b");
    struct buf command = {0};
    recap_model *model;
    buf_printf(&command,
               "cd '%s' && mkdir -p models--a--b/refs models--a--b/snapshots/f00d && "
               "mv *.json vocab.txt *.safetensors models--a--b/snapshots/f00d && "
               "printf 'f00d\\n' > models--a--b/refs/main",
               directory);
    assert_int_equal(system(command.data), 0);
    describe(cache, &model);
    recap_close_model(model);
    char *refs = path_join(cache, "refs");
    small_write_text(refs, "main", "beef");
    REFUSED(cache, "refs/main", "beef");
    small_write_text(refs, "main", "../../etc\n");
    REFUSED(cache, "refs/main", "no snapshot");
    buf_free(&command);
    free(refs);
    free(cache);
    small_remove(directory);
}

static void tokens_beyond_the_embeddings_are_refused(void **state)
{
    char *directory = small_model(&(struct small_options){0});
    struct buf text = {0};
    buf_printf(&text, "%sextra\n", small_vocabulary);
    small_write_text(directory, "vocab.txt", text.data);
    REFUSED(directory, "\"extra\"", "20");
    buf_free(&text);
    small_remove(directory);
}

static void identity_follows_what_decides_a_vector(void **state)
{
    char *directory = small_model(&(struct small_options){0}), first[33];
    recap_model *model;
    describe(directory, &model);
    memcpy(first, recap_model_describe(model)->identity, sizeof first);
    assert_int_equal(strlen(first), 32);
    recap_close_model(model);
    small_write_text(directory, "README.md", "nothing");
    small_write_text(directory, "recap.json", "{\"default_prefix\": \"x\"}");
    describe(directory, &model);
    assert_string_equal(recap_model_describe(model)->identity, first);
    recap_close_model(model);
    small_write_text(directory, "sentence_bert_config.json", "{\"max_seq_length\": 9}");
    describe(directory, &model);
    assert_string_not_equal(recap_model_describe(model)->identity, first);
    recap_close_model(model);
    small_remove(directory);
}

/* ---- numbers that can't be ---- */

static void vectors_that_are_not_finite_are_refused(void **state)
{
    char *directory = small_model(
        &(struct small_options){.poison = "encoder.layer.0.attention.output.dense.weight"});
    recap_model *model;
    recap_error error = {0};
    float out[2 * small_hidden];
    struct sequence sequences[2] = {{some_ids, 4, 0}, {some_ids, 7, 1}};
    describe(directory, &model);
    int status = model_embed_ids(NULL, model, sequences, 2, NULL, out, &error);
    if (status == RECAP_OK) { /* a layer norm may bring even 1e30 back: then all is finite */
        for (size_t i = 0; i < 2 * small_hidden; i++) assert_true(isfinite(out[i]));
    } else {
        assert_int_equal(status, RECAP_ERROR_MODEL);
        assert_non_null(strstr(error.message, "text 0"));
    }
    recap_close_model(model);
    small_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_give_equal_vectors),
        cmocka_unit_test(types_may_be_mixed_and_extras_are_ignored),
        cmocka_unit_test(index_wins_over_a_single_file),
        cmocka_unit_test(weights_that_are_none_are_named),
        cmocka_unit_test(truncated_weights_are_named),
        cmocka_unit_test(replaced_weights_wait_for_the_next_start),
        cmocka_unit_test(headers_are_checked_whole),
        cmocka_unit_test(other_formats_and_missing_files_are_named),
        cmocka_unit_test(missing_and_misshapen_tensors_are_named),
        cmocka_unit_test(configurations_are_checked),
        cmocka_unit_test(activations_and_epsilon_are_as_written),
        cmocka_unit_test(pooling_is_what_the_file_says),
        cmocka_unit_test(lengths_are_the_least_of_all),
        cmocka_unit_test(e5_is_known_by_its_name),
        cmocka_unit_test(hub_caches_are_followed),
        cmocka_unit_test(tokens_beyond_the_embeddings_are_refused),
        cmocka_unit_test(identity_follows_what_decides_a_vector),
        cmocka_unit_test(vectors_that_are_not_finite_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
