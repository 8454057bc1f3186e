/* Kinds of characters, word lists and list markers, for the files of this room. */
#include "text_private.h"

#include <string.h>
#include <utf8proc.h>

bool text_is_line_end(uint32_t c)
{
    return (c >= 0x0A && c <= 0x0D) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

bool text_is_blank(uint32_t c)
{
    if (text_is_line_end(c)) return false;
    return c <= 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

bool text_is_japanese(uint32_t c)
{
    return (c >= 0x3040 && c <= 0x30FF) || (c >= 0x4E00 && c <= 0x9FAF);
}

bool text_is_hiragana(uint32_t c)
{
    return c >= 0x3041 && c <= 0x309F;
}

static bool has_category(uint32_t c, int first, int last)
{
    if (c > 0x10FFFF) return false;
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
    return (int)category >= first && (int)category <= last;
}

bool text_is_letter(uint32_t c)
{
    return has_category(c, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LO);
}

bool text_is_upper(uint32_t c)
{
    return c < 0x80 ? c >= 'A' && c <= 'Z'
                    : has_category(c, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LU) ||
                          has_category(c, UTF8PROC_CATEGORY_LT, UTF8PROC_CATEGORY_LT);
}

bool text_is_lower(uint32_t c)
{
    return c < 0x80 ? c >= 'a' && c <= 'z'
                    : has_category(c, UTF8PROC_CATEGORY_LL, UTF8PROC_CATEGORY_LL);
}

bool text_is_ascii_alphanumeric(uint32_t c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

uint32_t text_before(const char *data, size_t end, size_t *begin)
{
    size_t start = end - 1;
    while (start > 0 && end - start < 4 && ((unsigned char)data[start] & 0xC0) == 0x80) start--;
    size_t i = start;
    uint32_t c = utf8_next(data, end, &i);
    *begin = i == end ? start : end - 1;
    return i == end ? c : UINT32_MAX;
}

bool text_starts_with(struct view text, const char *prefix)
{
    size_t n = strlen(prefix);
    return text.n >= n && memcmp(text.data, prefix, n) == 0;
}

bool text_in_list(struct view word, const char *const *sorted, size_t n)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        size_t length = strlen(sorted[middle]);
        size_t shorter = length < word.n ? length : word.n;
        int order = shorter ? memcmp(sorted[middle], word.data, shorter) : 0;
        if (order == 0 && length == word.n) return true;
        if (order < 0 || (order == 0 && length < word.n))
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* ---- list markers ---- */

static size_t skip_blanks(struct view line, size_t i)
{
    for (size_t next = i; i < line.n; i = next)
        if (!text_is_blank(utf8_next(line.data, line.n, &next))) break;
    return i;
}

/* '・' and its like need nothing after them; '-', '*', '+' and dashes a blank or the line's end. */
static size_t bullet(struct view line)
{
    static const char *const marks[] = {"・", "•", "‣", "◦", "●", "○", "■",
                                        "□",  "◆", "◇", "▪", "▶", "►"};
    static const char *const dashes[] = {"-", "*", "+", "–", "—"};
    for (size_t i = 0; i < COUNT_OF(marks); i++)
        if (text_starts_with(line, marks[i])) return skip_blanks(line, strlen(marks[i]));
    for (size_t i = 0; i < COUNT_OF(dashes); i++) {
        if (!text_starts_with(line, dashes[i])) continue;
        size_t n = strlen(dashes[i]), after = skip_blanks(line, n);
        return after > n || n == line.n ? after : 0;
    }
    return 0;
}

static bool is_kanji_numeral(uint32_t c)
{
    static const uint16_t numerals[] = {0x4E00, 0x4E03, 0x4E09, 0x4E5D, 0x4E8C,
                                        0x4E94, 0x516B, 0x516D, 0x5341, 0x56DB};
    for (size_t i = 0; i < COUNT_OF(numerals); i++)
        if (c == numerals[i]) return true;
    return false;
}

/* Bytes of an item's name: up to three digits, a Latin letter, a kana, a kanji numeral; 0: none. */
static size_t item_name(struct view line, size_t i)
{
    size_t digits = 0;
    while (i + digits < line.n && digits < 4 && line.data[i + digits] >= '0' &&
           line.data[i + digits] <= '9')
        digits++;
    if (digits) return digits <= 3 ? digits : 0;
    if (i >= line.n) return 0;
    size_t next = i;
    uint32_t c = utf8_next(line.data, line.n, &next);
    bool kana = (c >= 0x3041 && c <= 0x3096) || (c >= 0x30A1 && c <= 0x30FA);
    return ((c | 32) >= 'a' && (c | 32) <= 'z') || kana || is_kanji_numeral(c) ? next - i : 0;
}

size_t text_list_marker(struct view line)
{
    size_t n = bullet(line);
    if (n) return n;
    bool open = line.n > 0 && line.data[0] == '(';
    size_t i = open ? 1 : 0, name = item_name(line, i);
    i += name;
    if (!name || i >= line.n) return 0;
    bool latin = (unsigned char)line.data[open ? 1 : 0] < 0x80;
    if (line.data[i] == ')' && (open || latin)) return skip_blanks(line, i + 1);
    if (line.data[i] != '.' || open || !latin) return 0;
    size_t after = skip_blanks(line, i + 1);
    return after > i + 1 || i + 1 == line.n ? after : 0;
}
