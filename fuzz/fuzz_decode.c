/* Any bytes in any encoding: what comes out is valid UTF-8, or nothing does. */
#include "text/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const charsets[] = {NULL,     "shift_jis", "euc-jp", "iso-2022-jp",
                                           "utf-16", "latin1",    "utf-8",  "nonsense"};
    if (size == 0) return 0;
    struct buf out = {0};
    recap_error error;
    int status = text_decode((const char *)data + 1, size - 1, charsets[data[0] & 7], &out, &error);
    if (status == RECAP_OK ? utf8_check(out.data, out.n) != out.n : out.n != 0) abort();
    buf_free(&out);
    return 0;
}
