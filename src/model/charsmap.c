/* SentencePiece's precompiled character map, applied as the `tokenizers` package does.
 *
 *   u32 n, n bytes of double array (u32 units), NUL-terminated replacements     (little-endian)
 *   unit: bits 0-7 and 31 label, bit 8 has a leaf, bits 10-30 offset (<< 8 where bit 9 is set);
 *   a leaf's unit: bits 0-30 index into the replacements
 *
 * A grapheme cluster of fewer than 6 bytes is looked up whole and replaced whole, by what its
 * shortest prefix in the map says; where there is none, and in longer clusters, each character is
 * looked up for itself. */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "tokenizer_private.h"

static int digit_value(unsigned char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool decode_base64(const char *text, size_t n, struct buf *out)
{
    while (n > 0 && text[n - 1] == '=') n--;
    uint32_t bits = 0;
    int n_bits = 0;
    for (size_t i = 0; i < n; i++) {
        int value = digit_value((unsigned char)text[i]);
        if (value < 0) return false;
        bits = bits << 6 | (uint32_t)value;
        n_bits += 6;
        if (n_bits < 8) continue;
        n_bits -= 8;
        buf_add_byte(out, (char)(bits >> n_bits & 0xFF));
    }
    return true;
}

static uint32_t read_u32(const char *data)
{
    const unsigned char *b = (const unsigned char *)data;
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static int read_parts(struct charsmap *map, const char *where, const struct buf *blob,
                      recap_error *error)
{
    size_t bytes = blob->n >= 4 ? read_u32(blob->data) : 0;
    if (blob->n < 8 || bytes < 4 || bytes % 4 != 0 || bytes > blob->n - 4)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: precompiled_charsmap: %zu bytes of trie said in a map of %zu bytes", where,
                    bytes, blob->n);
    map->n_units = bytes / 4;
    map->n_normalized = blob->n - 4 - bytes;
    map->units = new_array(map->n_units, sizeof *map->units);
    map->normalized = copy_bytes(blob->data + 4 + bytes, map->n_normalized);
    if (!map->units || !map->normalized) return fail_memory(error, blob->n);
    for (size_t i = 0; i < map->n_units; i++) map->units[i] = read_u32(blob->data + 4 + i * 4);
    size_t fault = utf8_check(map->normalized, map->n_normalized);
    if (fault != map->n_normalized)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: precompiled_charsmap: replacements not UTF-8 at byte %zu", where, fault);
    return RECAP_OK;
}

int charsmap_read(struct charsmap *map, const char *where, const char *base64, size_t n,
                  recap_error *error)
{
    struct buf blob = {0};
    int status;
    if (!decode_base64(base64, n, &blob))
        status = fail(error, RECAP_ERROR_MODEL, "%s: precompiled_charsmap is not base64", where);
    else if (blob.failed)
        status = fail_memory(error, n);
    else
        status = read_parts(map, where, &blob, error);
    buf_free(&blob);
    return status;
}

void charsmap_free(struct charsmap *map)
{
    free(map->units);
    free(map->normalized);
    *map = (struct charsmap){0};
}

static size_t offset_of(uint32_t unit)
{
    return (size_t)(unit >> 10) << ((unit & 1u << 9) >> 6);
}

/* What the shortest prefix of text[0, n) becomes, or NULL. */
static const char *look_up(const struct charsmap *map, const char *text, size_t n)
{
    size_t at = offset_of(map->units[0]);
    for (size_t i = 0; i < n && text[i] != '\0'; i++) {
        at ^= (unsigned char)text[i];
        if (at >= map->n_units) return NULL;
        uint32_t unit = map->units[at];
        if ((unit & (1u << 31 | 0xFF)) != (unsigned char)text[i]) return NULL;
        at ^= offset_of(unit);
        if (at >= map->n_units) return NULL;
        if (!(unit & 1u << 8)) continue;
        size_t index = map->units[at] & ((1u << 31) - 1);
        if (index > map->n_normalized || (map->normalized[index] & 0xC0) == 0x80) return NULL;
        return map->normalized + index;
    }
    return NULL;
}

static void map_character(const struct charsmap *map, const char *text, size_t n, struct buf *out)
{
    const char *replacement = look_up(map, text, n);
    if (replacement)
        buf_add_string(out, replacement);
    else
        buf_add(out, text, n);
}

/* Always a cluster of its own when it follows another such or ASCII: no property look-up. */
static bool is_plain(uint32_t c)
{
    return (c >= 0x20 && c < 0x7F) || (c >= 0x3041 && c <= 0x3096) ||
           (c >= 0x30A1 && c <= 0x30FA) || (c >= 0x4E00 && c <= 0x9FFF);
}

static bool breaks(uint32_t before, uint32_t after, int32_t *state)
{
    if (is_plain(before) && is_plain(after)) return true;
    return utf8proc_grapheme_break_stateful((int32_t)before, (int32_t)after, state);
}

static void map_cluster(const struct charsmap *map, const char *text, size_t n, size_t first,
                        struct buf *out)
{
    const char *whole = n < 6 ? look_up(map, text, n) : NULL;
    if (whole) {
        buf_add_string(out, whole);
        return;
    }
    if (first == n) {
        map_character(map, text, n, out);
        return;
    }
    for (size_t i = 0; i < n;) {
        size_t begin = i;
        next_char(text, n, &i);
        map_character(map, text + begin, i - begin, out);
    }
}

void charsmap_apply(const struct charsmap *map, struct view text, struct buf *out)
{
    size_t i = 0;
    uint32_t next = text.n ? next_char(text.data, text.n, &i) : 0;
    for (size_t begin = 0; begin < text.n;) {
        size_t end = i, first = i - begin;
        int32_t state = 0;
        while (i < text.n) {
            uint32_t before = next;
            next = next_char(text.data, text.n, &i);
            if (breaks(before, next, &state)) break;
            end = i;
        }
        map_cluster(map, text.data + begin, end - begin, first, out);
        begin = end;
    }
}
