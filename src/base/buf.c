/* Growable bytes and string views. */
#include "base.h"

#include <stdlib.h>
#include <string.h>

struct view view_of(const char *string)
{
    return (struct view){string, string ? strlen(string) : 0};
}

bool view_equal(struct view a, struct view b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.data, b.data, a.n) == 0);
}

/* Room for n more bytes and the final NUL. */
static bool reserve(struct buf *buf, size_t n)
{
    size_t wanted;
    if (buf->failed) return false;
    if (!size_add(buf->n, n, &wanted) || wanted == SIZE_MAX ||
        grow_array(&buf->data, &buf->capacity, wanted + 1, 1) != RECAP_OK)
        buf->failed = true;
    return !buf->failed;
}

void buf_add(struct buf *buf, const void *data, size_t n)
{
    if (!reserve(buf, n)) return;
    if (n) memcpy(buf->data + buf->n, data, n);
    buf->n += n;
    buf->data[buf->n] = '\0';
}

void buf_add_string(struct buf *buf, const char *s)
{
    buf_add(buf, s, strlen(s));
}

void buf_add_byte(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    locale_t before = locale_enter();
    int n = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (n < 0) buf->failed = true;
    if (n >= 0 && reserve(buf, (size_t)n)) {
        vsnprintf(buf->data + buf->n, (size_t)n + 1, format, again);
        buf->n += (size_t)n;
    }
    locale_leave(before);
    va_end(again);
}

void buf_add_code_point(struct buf *buf, uint32_t code_point)
{
    char bytes[4];
    buf_add(buf, bytes, utf8_put(code_point, bytes));
}

/* One code point (UINT32_MAX: an invalid byte) inside a JSON string; `raw` are its bytes. */
static void add_json_point(struct buf *buf, uint32_t c, const char *raw, size_t n)
{
    switch (c) {
    case '"':
        buf_add_string(buf, "\\\"");
        return;
    case '\\':
        buf_add_string(buf, "\\\\");
        return;
    case '\n':
        buf_add_string(buf, "\\n");
        return;
    case '\r':
        buf_add_string(buf, "\\r");
        return;
    case '\t':
        buf_add_string(buf, "\\t");
        return;
    case UINT32_MAX:
        buf_add_string(buf, "\xEF\xBF\xBD");
        return;
    default:
        break;
    }
    if (c < 0x20 || c == 0x7F || c == 0x2028 || c == 0x2029 || c == 0x85)
        buf_printf(buf, "\\u%04x", c);
    else
        buf_add(buf, raw, n);
}

void buf_add_json(struct buf *buf, const char *data, size_t n)
{
    buf_add_byte(buf, '"');
    size_t plain = 0; /* start of the run of bytes that need no change */
    for (size_t i = 0; i < n;) {
        unsigned char c = (unsigned char)data[i];
        if (c >= 0x20 && c < 0x7F && c != '"' && c != '\\') {
            i++;
            continue;
        }
        buf_add(buf, data + plain, i - plain);
        size_t start = i;
        uint32_t point = utf8_next(data, n, &i);
        add_json_point(buf, point, data + start, i - start);
        plain = i;
    }
    buf_add(buf, data + plain, n - plain);
    buf_add_byte(buf, '"');
}

void buf_clear(struct buf *buf)
{
    buf->n = 0;
    buf->failed = false;
    if (buf->data) buf->data[0] = '\0';
}

void buf_free(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}

char *buf_take(struct buf *buf, size_t *n)
{
    buf_add(buf, "", 0);
    if (buf->failed) {
        buf_free(buf);
        return NULL;
    }
    char *data = buf->data;
    if (n) *n = buf->n;
    *buf = (struct buf){0};
    return data;
}
