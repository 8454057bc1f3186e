/* Any bytes as a tokenizer.json: refused in words, or a tokenizer that works. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "recap/tokenizer.h"

static char folder[] = "/tmp/recap-fuzz-XXXXXX";
static char path[64];

static void clean_up(void)
{
    remove(path);
    remove(folder);
}

static void set_up(void)
{
    if (!mkdtemp(folder)) abort();
    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    atexit(clean_up);
}

static void write_bytes(const uint8_t *data, size_t n)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, n, file) != n || fclose(file) != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char text[] =
        "A\xCC\x81 <t> b  it's [S]12 \xE3\x81\x8B\xE3\x82\x99\r\n\xF0\x9F\x98\x80\xFF";
    recap_tokenizer *tokenizer = NULL;
    recap_error error = {0};
    recap_tokens tokens = {0};
    if (path[0] == '\0') set_up();
    write_bytes(data, n);
    if (recap_open_tokenizer(folder, &tokenizer, &error) != RECAP_OK) {
        if (error.code >= 0 || error.message[0] == '\0' || tokenizer) abort();
        return 0;
    }
    recap_tokenize_options options = {.reference_special = n % 2 == 1};
    recap_tokenize(tokenizer, text, sizeof text - 1, &options, &tokens, &error);
    for (size_t i = 0; i < tokens.n; i++)
        if (tokens.ids[i] < 0 || (size_t)tokens.ids[i] >= recap_tokenizer_size(tokenizer)) abort();
    recap_free_tokens(&tokens);
    recap_close_tokenizer(tokenizer);
    return 0;
}
