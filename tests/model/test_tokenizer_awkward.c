/* Awkward texts and files: what must come out, what must be refused, and in what time. */

#include "../processor_time.h"
#include "tokenizer_testing.h"

#define MARK "\xE2\x96\x81"
#define MODEL_NONE                                                                                 \
    "\"model\": {\"type\": \"WordPiece\", \"unk_token\": \"?\", \"vocab\": {\"?\": 0, \"a\": 1}}"
/* A step in the frame of a small WordPiece model. */
#define WITH(part) "{" MODEL_NONE ", " part "}"

/* ---- special tokens are text ---- */

static const char unigram_json[] =
    "{\"added_tokens\": ["
    "{\"id\": 0, \"content\": \"<s>\", \"special\": true, \"normalized\": false},"
    "{\"id\": 1, \"content\": \"<pad>\", \"special\": true, \"normalized\": false},"
    "{\"id\": 2, \"content\": \"</s>\", \"special\": true, \"normalized\": false},"
    "{\"id\": 3, \"content\": \"<unk>\", \"special\": true, \"normalized\": false},"
    "{\"id\": 15, \"content\": \"<mask>\", \"special\": true, \"lstrip\": true},"
    "{\"id\": 16, \"content\": \"<tag>\", \"special\": false, \"normalized\": false}],"
    "\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"" MARK "\"},"
    "\"post_processor\": {\"type\": \"BertProcessing\", \"cls\": [\"<s>\", 0], \"sep\": [\"</s>\", "
    "2]},"
    "\"model\": {\"type\": \"Unigram\", \"unk_id\": 3, \"vocab\": [[\"<s>\", 0], [\"<pad>\", 0],"
    "[\"</s>\", 0], [\"<unk>\", 0], [\"" MARK "\", -2], [\"<\", -3], [\">\", -3], [\"/\", -3],"
    "[\"s\", -3], [\"p\", -3], [\"a\", -3], [\"d\", -3], [\"u\", -3], [\"n\", -3], [\"k\", -3]]}}";

static void test_special_tokens_are_text(void **state)
{
    static const char text[] = "<s>da</s> <pad><pad><unk>";
    recap_tokenizer *tokenizer = open_json(unigram_json);
    recap_tokenize_options reference = {.reference_special = true};
    recap_tokens tokens = {0};
    recap_error error = {0};
    assert_int_equal(recap_tokenize(tokenizer, text, strlen(text), NULL, &tokens, &error), 0);
    assert_int_equal(tokens.ids[0], 0);
    assert_int_equal(tokens.ids[tokens.n - 1], 2);
    for (size_t i = 1; i + 1 < tokens.n; i++) assert_true(tokens.ids[i] > 3);
    recap_free_tokens(&tokens);
    check_tokens(tokenizer, "<pad>", "<s>|" MARK "|<|p|a|d|>|</s>");
    check_tokens(tokenizer, "a<tag>a", "<s>|" MARK "|a|<tag>|" MARK "|a|</s>");
    check_tokens(tokenizer, "a <mask>", "<s>|" MARK "|a|" MARK "|<|<unk>|a|s|k|>|</s>");
    char *spelled = spell_tokens(tokenizer, text, &reference);
    assert_string_equal(spelled, "<s>|<s>|" MARK "|d|a|</s>|" MARK "|<pad>|<pad>|<unk>|</s>");
    free(spelled);
    spelled = spell_tokens(tokenizer, "a <mask>", &reference);
    assert_string_equal(spelled, "<s>|" MARK "|a|<mask>|</s>");
    free(spelled);
    recap_close_tokenizer(tokenizer);
}

static void test_bert_specials_are_text(void **state)
{
    recap_tokenizer *tokenizer = open_json(
        "{\"added_tokens\": [{\"id\": 1, \"content\": \"[SEP]\", \"special\": true}],"
        "\"pre_tokenizer\": {\"type\": \"WhitespaceSplit\"}, \"model\": {\"type\": \"WordPiece\","
        "\"vocab\": {\"[UNK]\": 0, \"[SEP]\": 1, \"[\": 2, \"##S\": 3, \"##E\": 4, \"##P\": 5, "
        "\"##]\": 6}}}");
    recap_tokenize_options reference = {.reference_special = true};
    check_tokens(tokenizer, "[SEP]", "[|##S|##E|##P|##]");
    char *spelled = spell_tokens(tokenizer, "[SEP]", &reference);
    assert_string_equal(spelled, "[SEP]");
    free(spelled);
    recap_close_tokenizer(tokenizer);
}

/* What an encoder compares with its rows: added tokens and the post-processor's ids count. */
static void test_size(void **state)
{
    recap_tokenizer *tokenizer = open_json(unigram_json);
    assert_int_equal(recap_tokenizer_size(tokenizer), 17);
    assert_string_equal(recap_token_text(tokenizer, 16), "<tag>");
    assert_string_equal(recap_tokenizer_kind(tokenizer), "unigram");
    recap_close_tokenizer(tokenizer);
    tokenizer = open_json(WITH("\"post_processor\": {\"type\": \"BertProcessing\","
                               "\"cls\": [\"x\", 40], \"sep\": [\"y\", 41]}"));
    assert_int_equal(recap_tokenizer_size(tokenizer), 42);
    recap_close_tokenizer(tokenizer);
}

/* ---- byte fallback ---- */

/* The Unigram model with byte pieces 00 to FF but for `missing` (-1: none). */
static char *byte_model(bool fallback, int missing)
{
    struct buf json = {0};
    buf_printf(
        &json,
        "{\"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"byte_fallback\": %s, \"vocab\":"
        "[[\"<unk>\", 0], [\"a\", -1], [\"b\", -1]",
        fallback ? "true" : "false");
    for (int i = 0; i < 256; i++)
        if (i != missing) buf_printf(&json, ", [\"<0x%02X>\", -5]", i);
    buf_add_string(&json, "]}}");
    return buf_take(&json, NULL);
}

static void test_byte_fallback(void **state)
{
    static const struct {
        bool fallback;
        int missing;
        const char *expected;
    } rows[] = {
        {true, -1, "a|<0xF0>|<0x9F>|<0xA6>|<0x99>|b"},
        {false, -1, "a|<unk>|b"},
        {true, 0xA6, "a|<unk>|b"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *json = byte_model(rows[i].fallback, rows[i].missing);
        recap_tokenizer *tokenizer = open_json(json);
        check_tokens(tokenizer,
                     "a\xF0\x9F\xA6\x99"
                     "b",
                     rows[i].expected);
        if (!rows[i].fallback) /* one for the run */
            check_tokens(tokenizer,
                         "a\xF0\x9F\xA6\x99\xF0\x9F\xA6\x99"
                         "b",
                         rows[i].expected);
        recap_close_tokenizer(tokenizer);
        free(json);
    }
}

/* ---- ties ---- */

/* Of equal paths the first that reaches a place stays: lists from the reference. */
static void test_ties(void **state)
{
    recap_tokenizer *tokenizer = open_json(
        "{\"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\":"
        "[[\"<unk>\", 0], [\"ｗ\", -1], [\"ｗｗ\", -2],"
        "[\"-\", -1], [\"--\", -2], [\"---\", -3]]}}");
    check_tokens(tokenizer, "ｗｗｗｗｗｗｗ", "ｗ|ｗｗ|ｗｗ|ｗｗ");
    check_tokens(tokenizer, "-----", "--|---");
    recap_close_tokenizer(tokenizer);
}

/* ---- the voicing mark, by strip_accents and lowercase ---- */

static void test_strip_accents(void **state)
{
    static const struct {
        const char *strip, *lower, *expected;
    } rows[] = {
        {"null", "true", "か|ハ|e"},  {"null", "false", "が|パ|é"}, {"true", "true", "か|ハ|e"},
        {"true", "false", "か|ハ|e"}, {"false", "true", "が|パ|é"}, {"false", "false", "が|パ|é"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf json = {0};
        buf_printf(&json,
                   "{\"normalizer\": {\"type\": \"BertNormalizer\", \"strip_accents\": %s,"
                   "\"lowercase\": %s}, \"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"},"
                   "\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"[UNK]\": 0, \"か\": 1,"
                   "\"が\": 2, \"ハ\": 3, \"パ\": 4, \"e\": 5, \"é\": 6}}}",
                   rows[i].strip, rows[i].lower);
        recap_tokenizer *tokenizer = open_json(json.data);
        check_tokens(tokenizer, "が パ é", rows[i].expected);
        recap_close_tokenizer(tokenizer);
        buf_free(&json);
    }
}

/* ---- vocab.txt ---- */

static void test_vocab_lines(void **state)
{
    recap_tokenizer *tokenizer = NULL;
    recap_error error = {0};
    static const char vocab[] =
        "\xEF\xBB\xBF[PAD]\r\n[UNK]\n[CLS]\n[SEP]\n\n\xE2\x80\xA8\na\r\n##b";
    if (open_with("vocab.txt", vocab, &tokenizer, &error) != RECAP_OK)
        fail_msg("%s", error.message);
    assert_int_equal(recap_tokenizer_size(tokenizer), 8);
    assert_string_equal(recap_token_text(tokenizer, 0), "[PAD]");
    assert_string_equal(recap_token_text(tokenizer, 4), "");
    assert_string_equal(recap_token_text(tokenizer, 5), "\xE2\x80\xA8");
    assert_string_equal(recap_token_text(tokenizer, 6), "a");
    assert_string_equal(recap_token_text(tokenizer, 7), "##b");
    assert_null(recap_token_text(tokenizer, 8));
    assert_null(recap_token_text(tokenizer, -1));
    check_tokens(tokenizer, "AB ba", "[CLS]|a|##b|[UNK]|[SEP]");
    recap_close_tokenizer(tokenizer);
}

static void test_vocab_without_specials(void **state)
{
    recap_tokenizer *tokenizer = NULL;
    recap_error error = {0};
    int status = open_with("vocab.txt", "[PAD]\n[UNK]\na\n", &tokenizer, &error);
    assert_int_equal(status, RECAP_ERROR_MODEL);
    assert_non_null(strstr(error.message, "[CLS]"));
}

static void test_only_other_files(void **state)
{
    static const char *const names[] = {"sentencepiece.bpe.model", "vocab.json"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        recap_tokenizer *tokenizer = NULL;
        recap_error error = {0};
        int status = open_with(names[i], "x", &tokenizer, &error);
        assert_int_equal(status, RECAP_ERROR_MODEL);
        assert_non_null(strstr(error.message, names[i]));
        assert_null(tokenizer);
    }
    recap_tokenizer *tokenizer = NULL;
    recap_error error = {0};
    assert_int_equal(recap_open_tokenizer("/nowhere/at/all", &tokenizer, &error),
                     RECAP_ERROR_MODEL);
    assert_int_equal(recap_open_tokenizer("/nowhere/at/all", &tokenizer, NULL), RECAP_ERROR_MODEL);
}

static void test_mecab_directory_is_missing(void **state)
{
    static const char config[] =
        "{\"tokenizer_class\": \"BertJapaneseTokenizer\", \"word_tokenizer_type\": \"mecab\","
        "\"mecab_kwargs\": {\"mecab_dic\": null, \"mecab_option\": \"-d /nowhere/dic\"}}";
    recap_tokenizer *tokenizer = NULL;
    recap_error error = {0};
    remove_file("tokenizer.json");
    put_file("vocab.txt", "[UNK]\n[CLS]\n[SEP]\n", 18);
    put_file("tokenizer_config.json", config, strlen(config));
    int status = recap_open_tokenizer(test_folder, &tokenizer, &error);
    assert_int_equal(status, RECAP_ERROR_CONFIG);
    assert_non_null(strstr(error.message, "/nowhere/dic"));
}

/* ---- files that are refused, by name ---- */

static void test_refusals(void **state)
{
    static const char *const rows[][2] = {
        {"{\"model\": {\"type\": \"WordLevel\", \"vocab\": {\"a\": 0}}}", "WordLevel"},
        {"{\"model\": {\"type\": 5}}", "type"},
        {"{}", "model"},
        {"[]", "object"},
        {"{\"model\": ", "not valid JSON"},
        {WITH("\"normalizer\": {\"type\": \"Mystery\"}"), "Mystery"},
        {WITH("\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": 3}"), "normalizers"},
        {WITH("\"normalizer\": {\"type\": \"BertNormalizer\", \"lowercase\": 1}"), "lowercase"},
        {WITH("\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"!\"}"),
         "base64"},
        {WITH("\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAAA\"}"),
         "precompiled_charsmap"},
        {WITH("\"normalizer\": {\"type\": \"Precompiled\","
              "\"precompiled_charsmap\": \"/////wAAAAA=\"}"),
         "4294967295"},
        {WITH("\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"(\"},"
              "\"content\": \"\"}"),
         "pattern"},
        {WITH("\"pre_tokenizer\": {\"type\": \"UnicodeScripts\"}"), "UnicodeScripts"},
        {WITH("\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"ab\"}"),
         "Metaspace"},
        {WITH("\"pre_tokenizer\": {\"type\": \"Metaspace\", \"prepend_scheme\": \"last\"}"),
         "last"},
        {WITH("\"pre_tokenizer\": {\"type\": \"Punctuation\", \"behavior\": \"Gone\"}"), "Gone"},
        {WITH("\"post_processor\": {\"type\": \"Mystery\"}"), "Mystery"},
        {WITH("\"post_processor\": {\"type\": \"BertProcessing\", \"sep\": [\"a\", -1],"
              "\"cls\": [\"a\", 1]}"),
         "-1"},
        {WITH("\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": []}"),
         "sequence A"},
        {WITH("\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\":"
              "[{\"Sequence\": {\"id\": \"A\", \"type_id\": 1}}]}"),
         "type_id 1"},
        {WITH("\"added_tokens\": [{\"id\": 0, \"content\": \"a\"}]"), "added token"},
        {WITH("\"added_tokens\": [{\"id\": 1, \"content\": \"b\"}]"), "that of \"a\""},
        {WITH("\"added_tokens\": [{\"id\": 4194304, \"content\": \"b\"}]"), "4194303"},
        {WITH("\"added_tokens\": [{\"content\": \"b\"}]"), "added_tokens[0]"},
        {"{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 0}}}", "[UNK]"},
        {"{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 99999999}}}", "99999999"},
        {"{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": \"b\"}}}", "integer"},
        {"{\"model\": {\"type\": \"Unigram\", \"vocab\": [[\"a\", -1]], \"unk_id\": 1}}", "unk_id"},
        {"{\"model\": {\"type\": \"Unigram\", \"vocab\": [[\"a\", -1]]}}", "unk_id"},
        {"{\"model\": {\"type\": \"Unigram\", \"vocab\": [[\"a\", \"b\"]], \"unk_id\": 0}}",
         "vocab[0]"},
        {"{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [\"a b\"]}}",
         "merges[0]"},
        {"{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [\"a a\"]}}",
         "\"aa\""},
        {"{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [], "
         "\"dropout\": 0.1}}",
         "dropout"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) refuse_json(rows[i][0], rows[i][1]);
}

/* ---- limits and invalid bytes ---- */

static void test_truncation(void **state)
{
    recap_tokenizer *tokenizer = open_json(unigram_json);
    recap_tokenize_options options = {.max_length = 4};
    recap_tokens tokens = {0};
    recap_error error = {0};
    assert_int_equal(recap_tokenize(tokenizer, "dana", 4, &options, &tokens, &error), RECAP_OK);
    assert_int_equal(tokens.n, 4);
    assert_true(tokens.truncated);
    assert_int_equal(tokens.ids[0], 0);
    assert_int_equal(tokens.ids[3], 2);
    options.max_length = 7;
    assert_int_equal(recap_tokenize(tokenizer, "dana", 4, &options, &tokens, &error), RECAP_OK);
    assert_int_equal(tokens.n, 7);
    assert_false(tokens.truncated);
    options.no_special = true;
    options.max_length = 5;
    assert_int_equal(recap_tokenize(tokenizer, "dana", 4, &options, &tokens, &error), RECAP_OK);
    assert_int_equal(tokens.n, 5);
    assert_false(tokens.truncated);
    options = (recap_tokenize_options){.max_length = 2};
    assert_int_equal(recap_tokenize(tokenizer, "dana", 4, &options, &tokens, &error),
                     RECAP_ERROR_USAGE);
    assert_non_null(strstr(error.message, "max_length 2"));
    assert_int_equal(recap_tokenize(tokenizer, NULL, 0, NULL, &tokens, &error), RECAP_OK);
    assert_int_equal(tokens.n, 2);
    recap_free_tokens(&tokens);
    recap_close_tokenizer(tokenizer);
}

static void test_invalid_bytes(void **state)
{
    recap_tokenizer *tokenizer = open_json(
        "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"\xEF\xBF\xBD\": 1},"
        "\"merges\": []}}");
    check_tokens(tokenizer,
                 "a\xFF\xC0\x80"
                 "a\xE3\x81",
                 "a|\xEF\xBF\xBD|\xEF\xBF\xBD|\xEF\xBF\xBD|"
                 "a|\xEF\xBF\xBD|\xEF\xBF\xBD");
    check_tokens(tokenizer, "\xED\xA0\xBD", "\xEF\xBF\xBD|\xEF\xBF\xBD|\xEF\xBF\xBD");
    recap_close_tokenizer(tokenizer);
}

/* ---- long texts, in linear time ---- */

static char *repeated(const char *piece, size_t times)
{
    size_t n = strlen(piece);
    char *text = new_array(times * n + 1, 1);
    assert_non_null(text);
    for (size_t i = 0; i < times; i++) memcpy(text + i * n, piece, n);
    text[times * n] = '\0';
    return text;
}

static void check_long(const char *json)
{
    static const struct {
        const char *piece;
        size_t times;
    } rows[] = {
        {"A", 1000000},
        {"あ", 100000},
        {"\xF0\x9F\x98\x80", 20000},
        {" ", 80000},
        {"1", 10000},
        {"e\xCC\x81\xCC\xA3\xCC\x81", 50000},
        {"<s", 100000},
        {"\xCC\x81\xCC\xA3", 100000},
        {" <mask>", 20000},
        {"\xF0\x9F\x91\xA8\xE2\x80\x8D", 20000},
    };
    recap_tokenizer *tokenizer = open_json(json);
    recap_tokens tokens = {0};
    recap_error error = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *text = repeated(rows[i].piece, rows[i].times);
        double start = processor_seconds();
        int status = recap_tokenize(tokenizer, text, strlen(text), NULL, &tokens, &error);
        assert_int_equal(status, RECAP_OK);
        /* Half a second on a quiet machine; quadratic time would take minutes. */
        if (processor_seconds() - start > 8)
            fail_msg("\"%s\" x %zu: %.1f s", rows[i].piece, rows[i].times,
                     processor_seconds() - start);
        free(text);
    }
    recap_free_tokens(&tokens);
    recap_close_tokenizer(tokenizer);
}

static void test_long_texts(void **state)
{
    static const char *const files[] = {"bpe_roberta.json", "bpe_split.json"};
    check_long(unigram_json);
    check_long("{\"normalizer\": {\"type\": \"BertNormalizer\"}, \"pre_tokenizer\":"
               "{\"type\": \"BertPreTokenizer\"}, \"model\": {\"type\": \"WordPiece\", \"vocab\":"
               "{\"[UNK]\": 0, \"a\": 1, \"##a\": 2, \"<\": 3, \"s\": 4}}}");
    check_long("{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFKC\"},"
               "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \" {2,}\"}, \"content\": \" \"}]},"
               "\"model\": {\"type\": \"BPE\", \"vocab\": {\"A\": 0, \"AA\": 1, \"AAAA\": 2},"
               "\"merges\": [\"A A\", \"AA AA\"]}}");
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct buf json = {0};
        recap_error error = {0};
        char path[1024];
        snprintf(path, sizeof path, "%s/tests/model/data/%s", SOURCE_ROOT, files[i]);
        assert_int_equal(file_read(path, 0, &json, &error), RECAP_OK);
        check_long(json.data);
        buf_free(&json);
    }
}

/* ---- one tokenizer, many threads ---- */

struct crowd {
    const recap_tokenizer *tokenizer;
    atomic_int wrong;
};

static void tokenize_rows(void *data, size_t begin, size_t end, int thread)
{
    struct crowd *crowd = data;
    recap_tokens tokens = {0};
    for (size_t row = begin; row < end; row++) {
        char text[64];
        recap_error error = {0};
        snprintf(text, sizeof text, "dana %zu <tag> kanda", row);
        size_t n = strlen(text) - (row % 3), expected = 0;
        int status = recap_tokenize(crowd->tokenizer, text, n, NULL, &tokens, &error);
        for (size_t i = 0; i < tokens.n; i++) expected += tokens.ids[i] == 16;
        if (status != RECAP_OK || expected != 1) atomic_fetch_add(&crowd->wrong, 1);
    }
    recap_free_tokens(&tokens);
}

static void test_threads(void **state)
{
    recap_tokenizer *tokenizer = open_json(unigram_json);
    struct crowd crowd = {.tokenizer = tokenizer};
    struct pool *pool = pool_open(4);
    assert_non_null(pool);
    pool_run(pool, 2000, 10, tokenize_rows, &crowd);
    pool_close(pool);
    assert_int_equal(crowd.wrong, 0);
    recap_close_tokenizer(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_special_tokens_are_text),
        cmocka_unit_test(test_bert_specials_are_text),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_byte_fallback),
        cmocka_unit_test(test_ties),
        cmocka_unit_test(test_strip_accents),
        cmocka_unit_test(test_vocab_lines),
        cmocka_unit_test(test_vocab_without_specials),
        cmocka_unit_test(test_only_other_files),
        cmocka_unit_test(test_mecab_directory_is_missing),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_invalid_bytes),
        cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
