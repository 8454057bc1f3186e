/* One form for every text before sentences are looked for.
 *
 *   compose   NFKC, by pieces: ASCII is its own NFKC; a run of over 30
 *             combining marks is cut, so that hostile text costs linear time
 *             (as in Unicode's stream-safe format)
 *   tidy      URLs -> <URL>, e-mail -> <EMAIL>, three or more of the same
 *             mark of 。！？!? -> one; white space and control characters
 *             -> one blank, or '\n' where a line end is among them
 *   join      a line that is nothing but a list marker goes to the line after
 *             it, the last one to the line before it
 *
 * A URL is http://, https:// or www. with the ASCII characters that may be in
 * one; what ends a sentence or closes a bracket that the URL does not open
 * stays outside. Any other script ends it, since Japanese goes on without a
 * blank. Twice is the same as once. */
#include "text_private.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { marks_in_a_row = 30, local_bytes = 64, domain_bytes = 253 };

/* ---- NFKC ---- */

static bool is_mark(uint32_t c)
{
    return c >= 0x300 && utf8proc_get_property((utf8proc_int32_t)c)->combining_class != 0;
}

static int compose_piece(struct view piece, struct buf *out, recap_error *error)
{
    utf8proc_uint8_t *result = NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)piece.data,
                                      (utf8proc_ssize_t)piece.n, &result,
                                      UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
    if (n == UTF8PROC_ERROR_NOMEM) return fail_memory(error, piece.n * 4);
    if (n < 0) return fail(error, RECAP_ERROR_INTERNAL, "NFKC: %s", utf8proc_errmsg(n));
    buf_add(out, result, (size_t)n);
    free(result);
    return RECAP_OK;
}

/* Where the piece that begins at `start` ends: at the last of a run of ASCII (which may carry a
 * mark), or inside a long run of marks. */
static size_t piece_end(struct view text, size_t start)
{
    size_t i = start, marks = 0, ascii = 0;
    while (i < text.n) {
        size_t next = i;
        uint32_t c = utf8_next(text.data, text.n, &next);
        ascii = c < 0x80 ? ascii + 1 : 0;
        marks = is_mark(c) ? marks + 1 : 0;
        if (ascii == 2 && i > start) break;
        i = next;
        if (marks > marks_in_a_row) break;
    }
    return i;
}

static int compose(struct view text, struct buf *out, recap_error *error)
{
    for (size_t i = 0; i < text.n;) {
        size_t start = i;
        while (i < text.n && (unsigned char)text.data[i] < 0x80) i++;
        if (i < text.n && i > start) i--; /* the next character may be a mark on it */
        buf_add(out, text.data + start, i - start);
        if (i == text.n) break;
        size_t end = piece_end(text, i);
        int status = compose_piece((struct view){text.data + i, end - i}, out, error);
        if (status != RECAP_OK) return status;
        i = end;
    }
    return RECAP_OK;
}

/* ---- URLs and addresses ---- */

static bool is_url_byte(unsigned char c)
{
    return text_is_ascii_alphanumeric(c) || (c && c < 0x80 && strchr("-._~:/?#[]@!$&'()*+,;=%", c));
}

static size_t trim_url(const char *url, size_t n)
{
    int open = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        open += (url[i] == '(') - (url[i] == ')');
        square += (url[i] == '[') - (url[i] == ']');
    }
    while (n > 0) {
        char last = url[n - 1];
        if (last == ')' && open < 0)
            open++;
        else if (last == ']' && square < 0)
            square++;
        else if (!strchr(".,;:!?'*~", last))
            break;
        n--;
    }
    return n;
}

/* Bytes of the URL at text[i], or 0; `before` is the byte before it, 0: none. */
static size_t url_at(struct view text, size_t i, char before)
{
    struct view rest = {text.data + i, text.n - i};
    bool inside = text_is_ascii_alphanumeric((unsigned char)before) ||
                  (before && strchr("._-@", before));
    size_t head = 0;
    if (rest.n > 8 && strncasecmp(rest.data, "https://", 8) == 0)
        head = 8;
    else if (rest.n > 7 && strncasecmp(rest.data, "http://", 7) == 0)
        head = 7;
    else if (rest.n > 4 && strncasecmp(rest.data, "www.", 4) == 0 && !inside)
        head = 4;
    if (!head ||
        !(text_is_ascii_alphanumeric((unsigned char)rest.data[head]) || rest.data[head] == '['))
        return 0;
    size_t n = head;
    while (n < rest.n && is_url_byte((unsigned char)rest.data[n])) n++;
    n = trim_url(rest.data, n);
    return n > head ? n : 0;
}

/* Bytes of a domain name with a dot and a last label of letters, or 0. */
static size_t domain_at(struct view text, size_t i)
{
    size_t n = 0;
    while (i + n < text.n && n < domain_bytes &&
           (text_is_ascii_alphanumeric((unsigned char)text.data[i + n]) ||
            text.data[i + n] == '.' || text.data[i + n] == '-'))
        n++;
    while (n > 0 && strchr(".-", text.data[i + n - 1])) n--;
    size_t dot = n; /* where the last label begins */
    while (dot > 0 && text.data[i + dot - 1] != '.') dot--;
    if (dot < 2 || n - dot < 2 || text.data[i] == '.') return 0;
    for (size_t k = dot; k < n; k++)
        if ((text.data[i + k] | 32) < 'a' || (text.data[i + k] | 32) > 'z') return 0;
    return n;
}

/* Bytes at the end of `out` that are an address's local part. */
static size_t local_part(const struct buf *out)
{
    size_t n = 0;
    while (n < out->n && n < local_bytes) {
        char c = out->data[out->n - 1 - n];
        if (!text_is_ascii_alphanumeric((unsigned char)c) && !strchr("._%+-", c)) break;
        n++;
    }
    while (n > 0 && !text_is_ascii_alphanumeric((unsigned char)out->data[out->n - n])) n--;
    return n;
}

/* ---- tidy ---- */

/* The run of white space at text[*i] as one byte; *i moves past it. */
static void add_space(struct view text, size_t *i, struct buf *out)
{
    bool line_end = false;
    for (size_t next = *i; *i < text.n; *i = next) {
        uint32_t c = utf8_next(text.data, text.n, &next);
        if (text_is_line_end(c))
            line_end = true;
        else if (!text_is_blank(c))
            break;
    }
    if (out->n > 0 && *i < text.n) buf_add_byte(out, line_end ? '\n' : ' ');
}

static bool is_repeatable(uint32_t c)
{
    return c == '!' || c == '?' || c == 0x3002 || c == 0xFF01 || c == 0xFF1F;
}

/* The run of the same mark at text[*i]: one for three or more. */
static void add_marks(struct view text, size_t *i, uint32_t mark, struct buf *out)
{
    size_t count = 0;
    for (size_t next = *i; *i < text.n; *i = next, count++)
        if (utf8_next(text.data, text.n, &next) != mark) break;
    for (size_t k = 0; k < (count > 2 ? 1 : count); k++) buf_add_code_point(out, mark);
}

static void tidy(struct view text, struct buf *out)
{
    for (size_t i = 0; i < text.n && !out->failed;) {
        size_t next = i, n = 0;
        char last = out->n > 0 ? out->data[out->n - 1] : 0;
        uint32_t c = utf8_next(text.data, text.n, &next);
        if (text_is_blank(c) || text_is_line_end(c)) {
            add_space(text, &i, out);
        } else if (is_repeatable(c)) {
            add_marks(text, &i, c, out);
        } else if (((c | 32) == 'h' || (c | 32) == 'w') && (n = url_at(text, i, last)) > 0) {
            buf_add_string(out, "<URL>");
            i += n;
        } else if (c == '@' && local_part(out) && (n = domain_at(text, next)) > 0) {
            out->n -= local_part(out);
            buf_add_string(out, "<EMAIL>");
            i = next + n;
        } else {
            buf_add(out, text.data + i, next - i);
            i = next;
        }
    }
}

/* ---- lone markers ---- */

static bool is_lone_marker(struct view line)
{
    return line.n > 0 && text_list_marker(line) == line.n;
}

static void join_markers(struct view text, struct buf *out)
{
    bool joined = false; /* the line before was a marker, and this one continues it */
    for (size_t i = 0; i < text.n;) {
        const char *end = memchr(text.data + i, '\n', text.n - i);
        size_t n = (end ? (size_t)(end - text.data) : text.n) - i;
        struct view line = {text.data + i, n};
        bool lone = !joined && is_lone_marker(line);
        if (i > 0) buf_add_byte(out, joined || (lone && !end) ? ' ' : '\n');
        buf_add(out, line.data, line.n);
        joined = lone;
        i += n + 1;
    }
}

int text_normalize(struct view text, struct buf *out, recap_error *error)
{
    size_t bad = utf8_check(text.data, text.n);
    if (bad < text.n)
        return fail(error, RECAP_ERROR_INPUT, "byte %zu of %zu (0x%02X) is not valid UTF-8", bad,
                    text.n, (unsigned char)text.data[bad]);
    struct buf composed = {0}, tidied = {0};
    int status = compose(text, &composed, error);
    if (status == RECAP_OK) {
        tidy((struct view){composed.data, composed.n}, &tidied);
        join_markers((struct view){tidied.data, tidied.n}, out);
        if (composed.failed || tidied.failed || out->failed) status = fail_memory(error, text.n);
    }
    buf_free(&composed);
    buf_free(&tidied);
    return status;
}
