/* Ids against the reference's: the fixtures' lists, byte-level BPE, and each step by itself. */
#include "tokenizer_testing.h"

static json_t *load(const char *path)
{
    json_t *value = NULL;
    recap_error error = {0};
    if (json_parse_file(path, &value, &error) != RECAP_OK) fail_msg("%s", error.message);
    return value;
}

static char *dump(const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    assert_non_null(text);
    return text;
}

/* ---- the fixtures' lists ---- */

/* Every line of golden file `file`: its text gives the list under `key`. */
static void check_lines(const char *directory, const char *file, const char *key)
{
    recap_tokenizer *tokenizer = NULL;
    recap_error error = {0};
    recap_tokenize_options options = {.reference_special = true};
    struct buf lines = {0};
    if (recap_open_tokenizer(directory, &tokenizer, &error) != RECAP_OK)
        fail_msg("%s", error.message);
    assert_int_equal(file_read(file, 0, &lines, &error), RECAP_OK);
    size_t n = 0;
    for (char *line = lines.data, *end; (end = strchr(line, '\n')); line = end + 1, n++) {
        json_t *row = NULL;
        assert_int_equal(json_parse(file, line, (size_t)(end - line), &row, &error), RECAP_OK);
        const json_t *text = json_object_get(row, "text"), *ids = json_object_get(row, key);
        assert_true(json_is_string(text) && json_is_array(ids));
        check_ids(tokenizer, json_string_value(text), json_string_length(text), &options, ids);
        json_decref(row);
    }
    assert_true(n >= 80);
    buf_free(&lines);
    recap_close_tokenizer(tokenizer);
}

static void test_tiny_models(void **state)
{
    static const char *const names[] = {"xlmr", "xlmr-cls-bf16", "bert-cased-f16",
                                        "distilbert-cls30"};
    if (!path_exists(FIXTURES)) skip();
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char directory[1024], file[1100];
        snprintf(directory, sizeof directory, "%s/tiny/%s", FIXTURES, names[i]);
        snprintf(file, sizeof file, "%s/expected.jsonl", directory);
        check_lines(directory, file, "input_ids");
    }
}

static void test_real_models(void **state)
{
    static const char *const rows[][3] = {
        {"multilingual-e5-small", "e5-small-dq", "input_ids"},
        {"multilingual-e5-small", "fuzz_tokenizers", "xlmr_ids"},
        {"all-MiniLM-L6-v2", "minilm", "input_ids"},
        {"all-MiniLM-L6-v2", "fuzz_tokenizers", "bert_uncased_ids"},
        {"categorium-en", "categorium-en", "input_ids"},
        {"categorium-fr", "categorium-fr", "input_ids"},
    };
    const char *models = getenv("RECAP_TEST_MODELS");
    size_t n = 0;
    if (!models || !path_exists(FIXTURES)) skip();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char directory[1024], file[1024];
        snprintf(directory, sizeof directory, "%s/%s", models, rows[i][0]);
        snprintf(file, sizeof file, "%s/golden/%s.jsonl", FIXTURES, rows[i][1]);
        if (!path_exists(directory)) continue;
        check_lines(directory, file, rows[i][2]);
        n++;
    }
    if (n == 0) skip();
}

/* Ties in Viterbi, with the weights of a real vocabulary. */
static void test_real_ties(void **state)
{
    static const char *const rows[][2] = {{"ｗｗｗｗｗｗｗ", "[0, 148, 1574, 1574, 2]"},
                                          {"-----", "[0, 112111, 9, 2]"},
                                          {"=====", "[0, 182906, 69112, 2]"}};
    const char *models = getenv("RECAP_TEST_MODELS");
    char directory[1024];
    recap_tokenizer *tokenizer = NULL;
    recap_error error = {0};
    if (!models) skip();
    snprintf(directory, sizeof directory, "%s/multilingual-e5-small", models);
    if (!path_exists(directory)) skip();
    assert_int_equal(recap_open_tokenizer(directory, &tokenizer, &error), RECAP_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_t *ids = json_loads(rows[i][1], 0, NULL);
        check_ids(tokenizer, rows[i][0], strlen(rows[i][0]), NULL, ids);
        json_decref(ids);
    }
    recap_close_tokenizer(tokenizer);
}

/* vocab.txt and tokenizer_config.json give what tokenizer.json gives. */
static void test_vocab_file_equals_json(void **state)
{
    const char *models = getenv("RECAP_TEST_MODELS");
    char vocab[1024], file[1024];
    struct buf data = {0};
    recap_error error = {0};
    if (!models || !path_exists(FIXTURES)) skip();
    snprintf(vocab, sizeof vocab, "%s/all-MiniLM-L6-v2/vocab.txt", models);
    if (!path_exists(vocab)) skip();
    assert_int_equal(file_read(vocab, 0, &data, &error), RECAP_OK);
    remove_file("tokenizer.json");
    put_file("vocab.txt", data.data, data.n);
    put_file("tokenizer_config.json", "{\"do_lower_case\": true}", 23);
    snprintf(file, sizeof file, "%s/golden/minilm.jsonl", FIXTURES);
    check_lines(test_folder, file, "input_ids");
    snprintf(file, sizeof file, "%s/golden/fuzz_tokenizers.jsonl", FIXTURES);
    check_lines(test_folder, file, "bert_uncased_ids");
    buf_free(&data);
}

/* Lower case and characters instead of pieces, after MeCab's words; U+0000 loses nothing. */
static void test_japanese_characters(void **state)
{
    const char *dictionaries = getenv("RECAP_TEST_DICTIONARIES");
    static const char vocab[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n東\n京\na\nb\n";
    char config[1200];
    recap_tokenizer *tokenizer = NULL;
    recap_error error = {0};
    if (!dictionaries) skip();
    snprintf(config, sizeof config,
             "{\"tokenizer_class\": \"BertJapaneseTokenizer\", \"word_tokenizer_type\": \"mecab\","
             "\"subword_tokenizer_type\": \"character\", \"do_lower_case\": true,"
             "\"mecab_kwargs\": {\"mecab_dic\": null, \"mecab_option\": \"-d %s/ipadic\"}}",
             dictionaries);
    remove_file("tokenizer.json");
    put_file("vocab.txt", vocab, strlen(vocab));
    put_file("tokenizer_config.json", config, strlen(config));
    int status = recap_open_tokenizer(test_folder, &tokenizer, &error);
    if (status == RECAP_ERROR_CONFIG) skip(); /* no ipadic in that folder */
    if (status != RECAP_OK) fail_msg("%s", error.message);
    assert_string_equal(recap_tokenizer_kind(tokenizer), "bert-japanese");
    check_tokens(tokenizer, "東京 ＡB 大", "[CLS]|東|京|a|b|[UNK]|[SEP]");
    check_tokens(tokenizer, "[SEP]", "[CLS]|[UNK]|[UNK]|[UNK]|[UNK]|[UNK]|[SEP]");
    json_t *ids = json_loads("[2, 4, 1, 5, 3]", 0, NULL);
    check_ids(tokenizer, "東\0京", 7, NULL, ids);
    json_decref(ids);
    recap_close_tokenizer(tokenizer);
}

static void check_japanese(const char *name, const char *golden)
{
    const char *dictionaries = getenv("RECAP_TEST_DICTIONARIES");
    char path[1024], config[1200], file[1024];
    struct buf vocab = {0};
    recap_error error = {0};
    if (!dictionaries || !path_exists(FIXTURES)) skip();
    snprintf(path, sizeof path, "%s/%s", dictionaries, name);
    if (!path_exists(path)) skip();
    snprintf(config, sizeof config,
             "{\"tokenizer_class\": \"BertJapaneseTokenizer\", \"word_tokenizer_type\": \"mecab\","
             "\"mecab_kwargs\": {\"mecab_dic\": null, \"mecab_option\": \"-r /dev/null -d "
             "\\\"%s\\\"\"}}",
             path);
    snprintf(file, sizeof file, "%s/tiny/bert-ja/vocab.txt", FIXTURES);
    assert_int_equal(file_read(file, 0, &vocab, &error), RECAP_OK);
    remove_file("tokenizer.json");
    put_file("vocab.txt", vocab.data, vocab.n);
    put_file("tokenizer_config.json", config, strlen(config));
    snprintf(file, sizeof file, "%s/golden/%s.jsonl", FIXTURES, golden);
    check_lines(test_folder, file, "input_ids");
    buf_free(&vocab);
}

static void test_japanese_ipadic(void **state)
{
    check_japanese("ipadic", "ja_tiny_ipadic");
}

static void test_japanese_unidic_lite(void **state)
{
    check_japanese("unidic_lite", "ja_tiny_unidic_lite");
}

/* A named dictionary is found through its variable, and a missing one is said with its path. */
static void test_japanese_dictionary_by_name(void **state)
{
    const char *dictionaries = getenv("RECAP_TEST_DICTIONARIES");
    char path[1024];
    recap_tokenizer *tokenizer = NULL;
    recap_error error = {0};
    if (!path_exists(FIXTURES)) skip();
    setenv("RECAP_MECAB_DICTIONARY_UNIDIC_LITE", "/nowhere/unidic", 1);
    int status = recap_open_tokenizer(FIXTURES "/tiny/bert-ja", &tokenizer, &error);
    assert_int_equal(status, RECAP_ERROR_CONFIG);
    assert_non_null(strstr(error.message, "/nowhere/unidic"));
    unsetenv("RECAP_MECAB_DICTIONARY_UNIDIC_LITE");
    if (!dictionaries) return;
    snprintf(path, sizeof path, "%s/unidic_lite", dictionaries);
    if (!path_exists(path)) return;
    setenv("RECAP_MECAB_DICTIONARY_UNIDIC_LITE", path, 1);
    check_lines(FIXTURES "/tiny/bert-ja", FIXTURES "/tiny/bert-ja/expected.jsonl", "input_ids");
    unsetenv("RECAP_MECAB_DICTIONARY_UNIDIC_LITE");
}

/* ---- byte-level BPE ---- */

static void check_bpe(json_t *whole, const char *key)
{
    json_t *cases = load(SOURCE_ROOT "/tests/model/data/bpe_cases.json");
    char *json = dump(whole), special_key[64];
    recap_tokenizer *tokenizer = open_json(json);
    snprintf(special_key, sizeof special_key, "%s_special", key);
    assert_string_equal(recap_tokenizer_kind(tokenizer), "bpe");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *row = json_array_get(cases, i), *text = json_object_get(row, "text");
        recap_tokenize_options options = {.reference_special = true};
        const char *data = json_string_value(text);
        size_t n = json_string_length(text);
        check_ids(tokenizer, data, n, NULL, json_object_get(row, key));
        check_ids(tokenizer, data, n, &options, json_object_get(row, special_key));
    }
    assert_true(json_array_size(cases) > 20);
    recap_close_tokenizer(tokenizer);
    json_decref(cases);
    free(json);
}

static void test_bpe(void **state)
{
    json_t *roberta = load(SOURCE_ROOT "/tests/model/data/bpe_roberta.json");
    json_t *split = load(SOURCE_ROOT "/tests/model/data/bpe_split.json");
    check_bpe(roberta, "roberta");
    check_bpe(split, "split");
    json_t *pre = json_object_get(roberta, "pre_tokenizer");
    assert_int_equal(json_object_set_new(pre, "add_prefix_space", json_true()), 0);
    check_bpe(roberta, "prefix");
    json_decref(roberta);
    json_decref(split);
}

/* ---- the steps by themselves ---- */

static void check_step(const json_t *all, const json_t *row)
{
    static const char *const kinds[] = {"normalizer", "pre_tokenizer"};
    json_t *whole = json_pack("{s:O}", "model", json_object_get(all, "model"));
    const json_t *texts = json_object_get(all, "texts"), *lists = json_object_get(row, "ids");
    for (size_t k = 0; k < COUNT_OF(kinds); k++)
        if (json_object_get(row, kinds[k]))
            json_object_set(whole, kinds[k], json_object_get(row, kinds[k]));
    char *json = dump(whole);
    recap_tokenizer *tokenizer = open_json(json);
    print_message("  %s\n", json_string_value(json_object_get(row, "name")));
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const json_t *text = json_array_get(texts, i);
        check_ids(tokenizer, json_string_value(text), json_string_length(text), NULL,
                  json_array_get(lists, i));
    }
    recap_close_tokenizer(tokenizer);
    json_decref(whole);
    free(json);
}

static void test_steps(void **state)
{
    json_t *all = load(SOURCE_ROOT "/tests/model/data/tokenizer_steps.json");
    const json_t *cases = json_object_get(all, "cases");
    assert_true(json_array_size(cases) > 40);
    for (size_t i = 0; i < json_array_size(cases); i++) check_step(all, json_array_get(cases, i));
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiny_models),
        cmocka_unit_test(test_real_models),
        cmocka_unit_test(test_real_ties),
        cmocka_unit_test(test_vocab_file_equals_json),
        cmocka_unit_test(test_japanese_characters),
        cmocka_unit_test(test_japanese_ipadic),
        cmocka_unit_test(test_japanese_unidic_lite),
        cmocka_unit_test(test_japanese_dictionary_by_name),
        cmocka_unit_test(test_bpe),
        cmocka_unit_test(test_steps),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
