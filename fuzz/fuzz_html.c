/* Any bytes as a page, and as a title with entities: unescaping twice is once. */
#include "text/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf title = {0}, text = {0}, once = {0}, twice = {0};
    struct view raw = {(const char *)data, size};
    if (text_extract_html(raw.data, raw.n, NULL, &title, &text, NULL) == RECAP_OK) {
        if (utf8_check(text.data, text.n) != text.n) abort();
        if (utf8_check(title.data, title.n) != title.n) abort();
    }
    text_unescape(raw, &once);
    text_unescape((struct view){once.data, once.n}, &twice);
    if (!view_equal((struct view){once.data, once.n}, (struct view){twice.data, twice.n})) abort();
    buf_free(&title);
    buf_free(&text);
    buf_free(&once);
    buf_free(&twice);
    return 0;
}
