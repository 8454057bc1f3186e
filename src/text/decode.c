/* Bytes of any usual encoding to UTF-8.
 *
 * In this order; the first that fits the whole text wins:
 *   1. a byte-order mark: UTF-8, UTF-16, UTF-32
 *   2. ISO-2022-JP, known by its escape sequences (its bytes are ASCII and so valid UTF-8)
 *   3. valid UTF-8, whatever it says; text that was broken before it came passes unchanged
 *   4. the declared charset, by the names of the web (shift_jis means CP932, latin1 windows-1252)
 *   5. where most of what is not ASCII is UTF-8: it is UTF-8 with a fault, an error
 *   6. what uchardet finds, but after a wrong declaration no single-byte charset; where that is
 *      no Japanese encoding, CP932 or EUC-JP if the text then has a good share of kana (uchardet
 *      needs more text than a headline to see that)
 *
 * What none of them fits is RECAP_ERROR_INPUT with the charset that came nearest and the offset. */
#include "text_private.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uchardet.h>

enum { detect_bytes = 1 << 20 };

/* ---- names ---- */

static const struct {
    const char *name, *charset;
} aliases[] = {
    {"shift_jis", "CP932"},
    {"shift-jis", "CP932"},
    {"sjis", "CP932"},
    {"x-sjis", "CP932"},
    {"ms_kanji", "CP932"},
    {"windows-31j", "CP932"},
    {"cp932", "CP932"},
    {"ms932", "CP932"},
    {"euc-jp", "EUC-JP"},
    {"x-euc-jp", "EUC-JP"},
    {"eucjp", "EUC-JP"},
    {"euc_jp", "EUC-JP"},
    {"iso-2022-jp", "ISO-2022-JP"},
    {"iso-8859-1", "windows-1252"},
    {"latin1", "windows-1252"},
    {"latin-1", "windows-1252"},
    {"us-ascii", "windows-1252"},
    {"ascii", "windows-1252"},
    {"cp1252", "windows-1252"},
    {"windows-1252", "windows-1252"},
    {"utf-8", "UTF-8"},
    {"utf8", "UTF-8"},
    {"unicode-1-1-utf-8", "UTF-8"},
    {"utf-16", "UTF-16LE"},
    {"utf-16le", "UTF-16LE"},
    {"utf-16be", "UTF-16BE"},
    {"gb2312", "GB18030"},
    {"gbk", "GB18030"},
    {"big5", "BIG5-HKSCS"},
    {"ks_c_5601-1987", "CP949"},
    {"euc-kr", "CP949"},
};

/* Our name for a charset, or the name itself. */
static const char *canonical(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(aliases); i++)
        if (strcasecmp(name, aliases[i].name) == 0) return aliases[i].charset;
    return name;
}

/* What iconv calls it; supersets first where the web's documents need them. */
static iconv_t open_converter(const char *charset)
{
    static const struct {
        const char *charset, *wider;
    } wider[] = {{"EUC-JP", "EUC-JP-MS"}, {"ISO-2022-JP", "ISO-2022-JP-3"}};
    for (size_t i = 0; i < COUNT_OF(wider); i++) {
        if (strcmp(charset, wider[i].charset) != 0) continue;
        iconv_t converter = iconv_open("UTF-8", wider[i].wider);
        if (converter != (iconv_t)-1) return converter;
    }
    return iconv_open("UTF-8", charset);
}

/* ---- conversion ---- */

enum outcome { DONE, UNKNOWN_CHARSET, BAD_BYTES };

/* Appends the whole of `data` or nothing; *offset is of the first byte that does not fit. */
static enum outcome convert(const char *charset, struct view data, struct buf *out, size_t *offset)
{
    *offset = 0;
    iconv_t converter = open_converter(charset);
    if (converter == (iconv_t)-1) return UNKNOWN_CHARSET;
    size_t before = out->n, left = data.n;
    char *input = (char *)data.data; /* iconv does not write to it */
    enum outcome outcome = DONE;
    bool flushed = false;
    while (!flushed) {
        char chunk[4096], *output = chunk;
        size_t room = sizeof chunk;
        flushed = left == 0;
        size_t result = iconv(converter, flushed ? NULL : &input, &left, &output, &room);
        buf_add(out, chunk, sizeof chunk - room);
        if (result == (size_t)-1 && errno != E2BIG) {
            outcome = BAD_BYTES;
            break;
        }
    }
    iconv_close(converter);
    *offset = data.n - left;
    if (outcome == DONE && !out->failed && out->n > before &&
        utf8_check(out->data + before, out->n - before) < out->n - before) {
        outcome = BAD_BYTES; /* iconv takes more for UTF-8 than we do */
        *offset = 0;
    }
    if (outcome != DONE && !out->failed) out->n = before;
    return outcome;
}

/* ---- what the bytes look like ---- */

static const struct {
    const char *bytes;
    size_t n;
    const char *charset;
} byte_order_marks[] = {
    {"\xEF\xBB\xBF", 3, "UTF-8"}, {"\xFF\xFE\0\0", 4, "UTF-32LE"}, {"\0\0\xFE\xFF", 4, "UTF-32BE"},
    {"\xFF\xFE", 2, "UTF-16LE"},  {"\xFE\xFF", 2, "UTF-16BE"},
};

static const char *byte_order_mark(struct view data, size_t *n)
{
    for (size_t i = 0; i < COUNT_OF(byte_order_marks); i++) {
        *n = byte_order_marks[i].n;
        if (data.n >= *n && memcmp(data.data, byte_order_marks[i].bytes, *n) == 0)
            return byte_order_marks[i].charset;
    }
    *n = 0;
    return NULL;
}

/* Seven-bit text with an escape to a Japanese set. */
static bool looks_iso_2022_jp(struct view data)
{
    static const char *const escapes[] = {"\x1B$B", "\x1B$@", "\x1B(J", "\x1B(I"};
    bool escape = false;
    for (size_t i = 0; i < COUNT_OF(escapes) && !escape; i++)
        escape = memmem(data.data, data.n, escapes[i], 3) != NULL;
    for (size_t i = 0; escape && i < data.n; i++)
        if ((unsigned char)data.data[i] >= 0x80) return false;
    return escape;
}

/* UTF-16 of mostly Latin text without a mark: every other byte is 0. */
static const char *looks_utf_16(struct view data)
{
    size_t even = 0, odd = 0, half = data.n / 2;
    for (size_t i = 0; i + 1 < data.n; i += 2) {
        even += data.data[i] == 0;
        odd += data.data[i + 1] == 0;
    }
    if (data.n % 2 || half == 0) return NULL;
    if (odd * 2 > half && even * 8 < half) return "UTF-16LE";
    if (even * 2 > half && odd * 8 < half) return "UTF-16BE";
    return NULL;
}

/* More well-formed sequences than stray bytes. */
static bool is_broken_utf8(struct view data)
{
    size_t good = 0, bad = 0;
    for (size_t i = 0; i < data.n;) {
        if ((unsigned char)data.data[i] < 0x80)
            i++;
        else if (utf8_next(data.data, data.n, &i) == UINT32_MAX)
            bad++;
        else
            good++;
    }
    return good > 0 && good >= bad;
}

/* A copy of uchardet's name in `name`; empty: nothing found. */
static void detect(struct view data, char name[64])
{
    name[0] = '\0';
    uchardet_t detector = uchardet_new();
    if (!detector) return;
    size_t n = data.n < detect_bytes ? data.n : detect_bytes;
    if (uchardet_handle_data(detector, data.data, n) == 0) {
        uchardet_data_end(detector);
        snprintf(name, 64, "%s", uchardet_get_charset(detector));
    }
    uchardet_delete(detector);
}

/* Is at least a quarter of what is not ASCII kana? */
static bool has_kana(const char *text, size_t n)
{
    size_t kana = 0, other = 0;
    for (size_t i = 0; i < n;) {
        uint32_t c = utf8_next(text, n, &i);
        kana += c >= 0x3041 && c <= 0x30FE;
        other += c >= 0x80;
    }
    return kana > 0 && kana * 4 >= other;
}

/* ---- the order of trying ---- */

/* What was tried and failed first; the error tells of it. */
struct attempt {
    const char *charset;
    size_t offset;
};

static bool try_charset(const char *charset, struct view data, struct buf *out,
                        struct attempt *failed)
{
    size_t offset = 0;
    enum outcome outcome = convert(charset, data, out, &offset);
    if (outcome == BAD_BYTES && !failed->charset) *failed = (struct attempt){charset, offset};
    return outcome == DONE;
}

/* CP932 or EUC-JP, where the result reads as Japanese. */
static const char *try_japanese(struct view data, struct buf *out)
{
    static const char *const charsets[] = {"CP932", "EUC-JP"};
    for (size_t i = 0; i < COUNT_OF(charsets); i++) {
        size_t before = out->n, offset = 0;
        if (convert(charsets[i], data, out, &offset) != DONE || out->failed) continue;
        if (has_kana(out->data + before, out->n - before)) return charsets[i];
        out->n = before;
    }
    return NULL;
}

/* After a declared charset that failed only a Japanese one counts: any bytes fit some single-byte
 * charset. */
static const char *try_detected(struct view data, bool any, struct buf *out, struct attempt *failed)
{
    char name[64];
    detect(data, name);
    const char *charset = canonical(name);
    bool japanese = strcmp(charset, "CP932") == 0 || strcmp(charset, "EUC-JP") == 0;
    const char *found = japanese ? NULL : try_japanese(data, out);
    if (found || (!japanese && !any)) return found;
    if (charset == name) { /* not in our table: one constant name for the rest */
        size_t offset = 0;
        if (*name && convert(name, data, out, &offset) == DONE) return "detected";
        return NULL;
    }
    return try_charset(charset, data, out, failed) ? charset : NULL;
}

static const char *decode_without_mark(struct view data, const char *declared, struct buf *out,
                                       struct attempt *failed)
{
    if (looks_iso_2022_jp(data) && try_charset("ISO-2022-JP", data, out, failed))
        return "ISO-2022-JP";
    const char *wide = memchr(data.data, 0, data.n) ? looks_utf_16(data) : NULL;
    if (wide && try_charset(wide, data, out, failed)) return wide;
    size_t bad = utf8_check(data.data, data.n);
    if (bad == data.n) {
        buf_add(out, data.data, data.n);
        return "UTF-8";
    }
    *failed = (struct attempt){0};
    const char *charset = declared && *declared ? canonical(declared) : NULL;
    if (charset && strcmp(charset, "UTF-8") == 0)
        *failed = (struct attempt){charset, bad};
    else if (charset && try_charset(charset, data, out, failed))
        return charset;
    if (is_broken_utf8(data)) {
        if (!failed->charset) *failed = (struct attempt){"UTF-8", bad};
        return NULL;
    }
    bool declared_wrong = failed->charset && strcmp(failed->charset, "UTF-8") != 0;
    return try_detected(data, !declared_wrong, out, failed);
}

int text_decode(const char *data, size_t n, const char *declared, struct buf *out,
                recap_error *error)
{
    struct view view = {data, n};
    struct attempt failed = {0};
    size_t mark = 0;
    const char *found = n ? byte_order_mark(view, &mark) : "UTF-8";
    if (mark) {
        view = (struct view){data + mark, n - mark};
        size_t bad = utf8_check(view.data, view.n);
        if (strcmp(found, "UTF-8") == 0 && bad == view.n)
            buf_add(out, view.data, view.n);
        else if (strcmp(found, "UTF-8") == 0)
            failed = (struct attempt){found, bad};
        else
            try_charset(found, view, out, &failed);
        if (failed.charset) found = NULL;
    } else if (n) {
        found = decode_without_mark(view, declared, out, &failed);
    }
    if (out->failed) return fail_memory(error, n);
    if (found) return RECAP_OK;
    if (!failed.charset)
        return fail(error, RECAP_ERROR_INPUT,
                    "the encoding of these %zu bytes is not known; not valid UTF-8 at byte %zu", n,
                    utf8_check(data, n));
    return fail(error, RECAP_ERROR_INPUT, "not valid %s at byte %zu of %zu (0x%02X)",
                failed.charset, failed.offset + mark, n,
                failed.offset + mark < n ? (unsigned char)data[failed.offset + mark] : 0);
}
