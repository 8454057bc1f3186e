/* Numbers as JSON text: the shortest decimal that reads back as the same value.
 *
 * A float has at most 9 significant digits, a double 17. Each length is tried from the shortest
 * that can hold the value; for floats the digits come from double arithmetic, which is exact enough
 * to propose a candidate, and strtof decides. */
#include "base.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Drops the zeros of an exponent ("1e-07" -> "1e-7") and the plus sign. */
static void add_compact(struct buf *buf, const char *text)
{
    const char *e = strchr(text, 'e');
    if (!e) {
        buf_add_string(buf, text);
        return;
    }
    buf_add(buf, text, (size_t)(e - text) + 1);
    const char *digits = e + 1;
    if (*digits == '-') buf_add_byte(buf, '-');
    if (*digits == '-' || *digits == '+') digits++;
    while (digits[0] == '0' && digits[1]) digits++;
    buf_add_string(buf, digits);
}

locale_t locale_enter(void)
{
    return uselocale(newlocale(LC_ALL_MASK, "C", (locale_t)0)); /* a constant: nothing to free */
}

void locale_leave(locale_t before)
{
    uselocale(before);
}

void buf_add_float(struct buf *buf, float value)
{
    if (!isfinite(value)) {
        buf_add_string(buf, "null");
        return;
    }
    char text[32];
    locale_t before = locale_enter();
    for (int precision = 6; precision <= 9; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, (double)value);
        if (strtof(text, NULL) == value) break;
    }
    locale_leave(before);
    add_compact(buf, text);
}

void buf_add_double(struct buf *buf, double value)
{
    if (!isfinite(value)) {
        buf_add_string(buf, "null");
        return;
    }
    char text[40];
    locale_t before = locale_enter();
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, value);
        if (strtod(text, NULL) == value) break;
    }
    locale_leave(before);
    add_compact(buf, text);
}

void buf_add_floats(struct buf *buf, const float *values, size_t n)
{
    buf_add_byte(buf, '[');
    for (size_t i = 0; i < n; i++) {
        if (i) buf_add_byte(buf, ',');
        buf_add_float(buf, values[i]);
    }
    buf_add_byte(buf, ']');
}
