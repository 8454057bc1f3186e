/* UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing over U+10FFFF. */
#include "base.h"

uint32_t utf8_next(const char *data, size_t n, size_t *i)
{
    const unsigned char *s = (const unsigned char *)data + *i;
    size_t left = n - *i;
    *i += 1;
    if (s[0] < 0x80) return s[0];
    int extra = s[0] >= 0xF0 ? 3 : s[0] >= 0xE0 ? 2 : 1;
    static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    if (s[0] < 0xC2 || s[0] > 0xF4 || left <= (size_t)extra) return UINT32_MAX;
    uint32_t c = s[0] & (0x3Fu >> extra);
    for (int k = 1; k <= extra; k++) {
        if ((s[k] & 0xC0) != 0x80) return UINT32_MAX;
        c = c << 6 | (s[k] & 0x3F);
    }
    if (c < smallest[extra] || (c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF) return UINT32_MAX;
    *i += (size_t)extra;
    return c;
}

size_t utf8_put(uint32_t c, char out[4])
{
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) c = 0xFFFD;
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

size_t utf8_check(const char *data, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t start = i;
        if ((unsigned char)data[i] < 0x80) {
            i++;
        } else if (utf8_next(data, n, &i) == UINT32_MAX) {
            return start;
        }
    }
    return n;
}

size_t utf8_count(const char *data, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; count++) utf8_next(data, n, &i);
    return count;
}
