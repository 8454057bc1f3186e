/* Every allocation fails once, while a tokenizer is opened and a text tokenized: an error each
 * time, nothing lost, nothing broken. The linker sends the allocations of our own code here, and
 * jansson takes the same functions. */
#include "tokenizer_testing.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t n);

static long countdown = -1; /* the allocation that fails; below 0: none */
static long counted;

static bool refused(void)
{
    counted++;
    return countdown >= 0 && countdown-- == 0;
}

void *__wrap_malloc(size_t n)
{
    return refused() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return refused() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t n)
{
    return refused() ? NULL : __real_realloc(old, n);
}

static int open_and_tokenize(void)
{
    static const char text[] = "The  caf\xC3\xA9 <tag> it's \xE3\x81\x8B\xE3\x82\x99 \xFF"
                               "12";
    recap_tokenizer *tokenizer = NULL;
    recap_error error = {0};
    recap_tokens tokens = {0};
    int status = recap_open_tokenizer(test_folder, &tokenizer, &error);
    if (status == RECAP_OK)
        status = recap_tokenize(tokenizer, text, sizeof text - 1, NULL, &tokens, &error);
    recap_free_tokens(&tokens);
    recap_close_tokenizer(tokenizer);
    if (status != RECAP_OK) assert_true(error.message[0] != '\0');
    return status;
}

static void check_failures(void)
{
    countdown = -1;
    counted = 0;
    assert_int_equal(open_and_tokenize(), RECAP_OK);
    long n = counted;
    assert_true(n > 20);
    for (long i = 0; i < n; i++) {
        countdown = i;
        int status = open_and_tokenize();
        countdown = -1;
        /* jansson reports some as a syntax error, and a segmenter may do without its list. */
        if (status != RECAP_OK && status != RECAP_ERROR_MEMORY && status != RECAP_ERROR_MODEL)
            fail_msg("allocation %ld of %ld: status %d", i, n, status);
    }
    assert_int_equal(open_and_tokenize(), RECAP_OK);
}

static const char common[] =
    "\"added_tokens\": [{\"id\": 20, \"content\": \"<tag>\", \"normalized\": true},"
    "{\"id\": 21, \"content\": \"<s>\", \"special\": true}],"
    "\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFKC\"},"
    "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"BAAAAAAAAABhAA==\"},"
    "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \" {2,}\"}, \"content\": \" \"},"
    "{\"type\": \"BertNormalizer\"}]}, \"post_processor\": {\"type\": \"RobertaProcessing\","
    "\"cls\": [\"<s>\", 21], \"sep\": [\"<s>\", 21]},";

static void check_model(const char *rest)
{
    struct buf json = {0};
    buf_printf(&json, "{%s%s}", common, rest);
    recap_close_tokenizer(open_json(json.data));
    buf_free(&json);
    check_failures();
}

static void test_unigram(void **state)
{
    check_model("\"pre_tokenizer\": {\"type\": \"Metaspace\"}, \"model\": {\"type\": \"Unigram\","
                "\"unk_id\": 0, \"vocab\": [[\"<unk>\", 0], [\"t\", -1], [\"the\", -2]]}");
}

static void test_wordpiece(void **state)
{
    check_model("\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\":"
                "\"BertPreTokenizer\"}, {\"type\": \"Split\", \"behavior\": \"Isolated\","
                "\"pattern\": {\"Regex\": \"[0-9]\"}}]}, \"model\": {\"type\": \"WordPiece\","
                "\"vocab\": {\"[UNK]\": 0, \"t\": 1, \"##he\": 2}}");
}

static void test_bpe(void **state)
{
    check_model("\"pre_tokenizer\": {\"type\": \"ByteLevel\"}, \"model\": {\"type\": \"BPE\","
                "\"unk_token\": \"?\", \"end_of_word_suffix\": \"$\", \"vocab\": {\"?\": 0,"
                "\"t\": 1, \"h\": 2, \"th\": 3, \"e$\": 4, \"the$\": 5},"
                "\"merges\": [\"t h\", [\"th\", \"e$\"]]}");
}

static void test_vocab_file(void **state)
{
    recap_tokenizer *tokenizer = NULL;
    recap_error error = {0};
    assert_int_equal(open_with("vocab.txt", "[UNK]\n[CLS]\n[SEP]\nthe\n", &tokenizer, &error),
                     RECAP_OK);
    recap_close_tokenizer(tokenizer);
    put_file("tokenizer_config.json", "{\"do_lower_case\": false}", 24);
    check_failures();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unigram),
        cmocka_unit_test(test_wordpiece),
        cmocka_unit_test(test_bpe),
        cmocka_unit_test(test_vocab_file),
    };
    json_set_alloc_funcs(__wrap_malloc, free);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
