/* Any bytes through tokenizers of every kind: ids in range, the limit kept, nothing read or written
 * where it should not be. The first byte chooses the tokenizer, the second the options. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "recap/tokenizer.h"

static const char frame[] =
    "{\"added_tokens\": [{\"id\": 60, \"content\": \"<t>\", \"lstrip\": true, \"rstrip\": true},"
    "{\"id\": 61, \"content\": \"[S]\", \"special\": true, \"normalized\": false},"
    "{\"id\": 62, \"content\": \"xy\", \"single_word\": true, \"normalized\": true}], %s}";

static const char *const parts[] = {
    "\"normalizer\": {\"type\": \"BertNormalizer\"}, \"pre_tokenizer\": {\"type\":"
    "\"BertPreTokenizer\"}, \"model\": {\"type\": \"WordPiece\", \"vocab\": {\"[UNK]\": 0,"
    "\"a\": 1, \"##b\": 2, \"[S]\": 61, \"\xE3\x81\x82\": 3}}",
    "\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Nmt\"},"
    "{\"type\": \"NFKC\"}, {\"type\": \"Replace\", \"pattern\": {\"Regex\": \" {2,}\"},"
    "\"content\": \" \"}]}, \"pre_tokenizer\": {\"type\": \"Metaspace\", \"prepend_scheme\":"
    "\"first\"}, \"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"byte_fallback\": true,"
    "\"vocab\": [[\"<unk>\", 0], [\"a\", -1], [\"ab\", -2], [\"\xE2\x96\x81\", -1],"
    "[\"<0x61>\", -9]]}",
    "\"pre_tokenizer\": {\"type\": \"ByteLevel\"}, \"model\": {\"type\": \"BPE\", \"vocab\":"
    "{\"a\": 0, \"b\": 1, \"ab\": 2, \"\xC4\xA0\": 3, \"\xC4\xA0\x61\": 4},"
    "\"merges\": [\"a b\", \"\xC4\xA0 a\"]}",
    "\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFD\"},"
    "{\"type\": \"StripAccents\"}, {\"type\": \"Lowercase\"}, {\"type\": \"Strip\"}]},"
    "\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Whitespace\"},"
    "{\"type\": \"Digits\", \"individual_digits\": true}, {\"type\": \"Punctuation\","
    "\"behavior\": \"MergedWithNext\"}, {\"type\": \"Split\", \"pattern\": {\"Regex\":"
    "\"(?=[A-Z])|b+\"}, \"behavior\": \"MergedWithPrevious\"}]}, \"model\": {\"type\": \"BPE\","
    "\"unk_token\": \"?\", \"fuse_unk\": true, \"continuing_subword_prefix\": \"#\","
    "\"end_of_word_suffix\": \"$\", \"vocab\": {\"?\": 0, \"a\": 1, \"#b\": 2, \"ab\": 3,"
    "\"#b$\": 4}, \"merges\": [[\"a\", \"#b\"]]}",
};
enum { n_parts = COUNT_OF(parts), most_tokenizers = n_parts + 1 };

static recap_tokenizer *tokenizers[most_tokenizers];
static size_t n_tokenizers;

static void add(const char *directory)
{
    recap_error error = {0};
    if (recap_open_tokenizer(directory, &tokenizers[n_tokenizers++], &error) != RECAP_OK) {
        fprintf(stderr, "%s\n", error.message);
        abort();
    }
}

/* The reference's full character map is in the fixtures only. */
static void open_all(void)
{
    char folder[] = "/tmp/recap-fuzz-XXXXXX", path[64];
    if (!mkdtemp(folder)) abort();
    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    for (size_t i = 0; i < n_parts; i++) {
        struct buf json = {0};
        recap_error error;
        buf_printf(&json, frame, parts[i]);
        if (file_write(path, json.data, json.n, &error) != RECAP_OK) abort();
        buf_free(&json);
        add(folder);
    }
    remove(path);
    remove(folder);
    if (path_exists(FIXTURES "/tiny/xlmr")) add(FIXTURES "/tiny/xlmr");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static recap_tokens tokens;
    recap_error error = {0};
    if (n_tokenizers == 0) open_all();
    if (n < 2) return 0;
    const recap_tokenizer *tokenizer = tokenizers[data[0] % n_tokenizers];
    recap_tokenize_options options = {.max_length = data[1] & 1 ? 3 + (data[1] >> 3) : 0,
                                      .no_special = data[1] & 2,
                                      .reference_special = data[1] & 4};
    char *text = copy_bytes(data + 2, n - 2); /* so that reading past the end is seen */
    if (!text) return 0;
    if (recap_tokenize(tokenizer, text, n - 2, &options, &tokens, &error) != RECAP_OK) abort();
    if (options.max_length && tokens.n > options.max_length) abort();
    for (size_t i = 0; i < tokens.n; i++)
        if (tokens.ids[i] < 0 || (size_t)tokens.ids[i] >= recap_tokenizer_size(tokenizer)) abort();
    free(text);
    return 0;
}
