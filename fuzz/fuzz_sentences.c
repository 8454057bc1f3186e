/* Any bytes as a paragraph: normalising twice is once, and the sentences joined are the paragraph,
 * white space and lone markers aside. */
#include "text/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t solid_bytes(struct view text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) n += text.data[i] != ' ' && text.data[i] != '\n';
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once = {0}, twice = {0};
    struct arena arena = {0};
    struct view *sentences;
    size_t n, solid = 0;
    struct view raw = {(const char *)data, size};
    text_is_code(raw);
    recap_detect_language(raw.data, raw.n);
    if (text_normalize(raw, &once, NULL) == RECAP_OK) {
        struct view text = {once.data, once.n};
        if (text_normalize(text, &twice, NULL) != RECAP_OK ||
            !view_equal(text, (struct view){twice.data, twice.n}))
            abort();
        if (text_split(text, &arena, &sentences, &n, NULL) != RECAP_OK) abort();
        for (size_t i = 0; i < n; i++) solid += solid_bytes(sentences[i]);
        if (n > 0 && solid != solid_bytes(text)) abort();
    }
    arena_free(&arena);
    if (text_split(raw, &arena, &sentences, &n, NULL) != RECAP_OK) abort();
    arena_free(&arena);
    buf_free(&once);
    buf_free(&twice);
    return 0;
}
