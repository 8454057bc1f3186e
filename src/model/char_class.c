/* Classes of code points and Unicode normal forms, as the `tokenizers` package has them.
 *
 * utf8proc gives the categories. The reference takes each class from another crate, some of them
 * from Unicode 8 or 9: the tables below list the characters that were assigned later and that it
 * therefore doesn't count. They were found by asking it about every code point. */
#include <stdlib.h>
#include <utf8proc.h>

#include "tokenizer_private.h"

struct span {
    uint32_t first, last;
};

/* Category P, but no punctuation to the reference. */
static const struct span not_punctuation[] = {
    {0x061D, 0x061D},   {0x09FD, 0x09FD},   {0x0A76, 0x0A76},   {0x0C77, 0x0C77},
    {0x0C84, 0x0C84},   {0x1B7D, 0x1B7E},   {0x2E43, 0x2E4F},   {0x2E52, 0x2E5D},
    {0x10EAD, 0x10EAD}, {0x10F55, 0x10F59}, {0x10F86, 0x10F89}, {0x1144B, 0x1144F},
    {0x1145A, 0x1145B}, {0x1145D, 0x1145D}, {0x11660, 0x1166C}, {0x116B9, 0x116B9},
    {0x1183B, 0x1183B}, {0x11944, 0x11946}, {0x119E2, 0x119E2}, {0x11A3F, 0x11A46},
    {0x11A9A, 0x11A9C}, {0x11A9E, 0x11AA2}, {0x11B00, 0x11B09}, {0x11C41, 0x11C45},
    {0x11C70, 0x11C71}, {0x11EF7, 0x11EF8}, {0x11F43, 0x11F4F}, {0x11FFF, 0x11FFF},
    {0x12FF1, 0x12FF2}, {0x16E97, 0x16E9A}, {0x16FE2, 0x16FE2}, {0x1E95E, 0x1E95F},
};

/* Category Mn, but not stripped by BertNormalizer. */
static const struct span not_nonspacing[] = {
    {0x07FD, 0x07FD},   {0x0898, 0x089F},   {0x08CA, 0x08E1},   {0x09FE, 0x09FE},
    {0x0AFA, 0x0AFF},   {0x0B55, 0x0B55},   {0x0C04, 0x0C04},   {0x0C3C, 0x0C3C},
    {0x0D00, 0x0D00},   {0x0D3B, 0x0D3C},   {0x0D81, 0x0D81},   {0x0EBA, 0x0EBA},
    {0x0ECE, 0x0ECE},   {0x180F, 0x180F},   {0x1885, 0x1886},   {0x1ABF, 0x1ACE},
    {0x1DF6, 0x1DFB},   {0xA82C, 0xA82C},   {0xA8C5, 0xA8C5},   {0xA8FF, 0xA8FF},
    {0xA9BD, 0xA9BD},   {0x10D24, 0x10D27}, {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF},
    {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x11073, 0x11074},
    {0x110C2, 0x110C2}, {0x111C9, 0x111C9}, {0x111CF, 0x111CF}, {0x1123E, 0x1123E},
    {0x11241, 0x11241}, {0x1133B, 0x1133B}, {0x11438, 0x1143F}, {0x11442, 0x11444},
    {0x11446, 0x11446}, {0x1145E, 0x1145E}, {0x1182F, 0x11837}, {0x11839, 0x1183A},
    {0x1193B, 0x1193C}, {0x1193E, 0x1193E}, {0x11943, 0x11943}, {0x119D4, 0x119D7},
    {0x119DA, 0x119DB}, {0x119E0, 0x119E0}, {0x11A01, 0x11A0A}, {0x11A33, 0x11A38},
    {0x11A3B, 0x11A3E}, {0x11A47, 0x11A47}, {0x11A51, 0x11A56}, {0x11A59, 0x11A5B},
    {0x11A8A, 0x11A96}, {0x11A98, 0x11A99}, {0x11C30, 0x11C36}, {0x11C38, 0x11C3D},
    {0x11C3F, 0x11C3F}, {0x11C92, 0x11CA7}, {0x11CAA, 0x11CB0}, {0x11CB2, 0x11CB3},
    {0x11CB5, 0x11CB6}, {0x11D31, 0x11D36}, {0x11D3A, 0x11D3A}, {0x11D3C, 0x11D3D},
    {0x11D3F, 0x11D45}, {0x11D47, 0x11D47}, {0x11D90, 0x11D91}, {0x11D95, 0x11D95},
    {0x11D97, 0x11D97}, {0x11EF3, 0x11EF4}, {0x11F00, 0x11F01}, {0x11F36, 0x11F3A},
    {0x11F40, 0x11F40}, {0x11F42, 0x11F42}, {0x13440, 0x13440}, {0x13447, 0x13455},
    {0x16F4F, 0x16F4F}, {0x16FE4, 0x16FE4}, {0x1CF00, 0x1CF2D}, {0x1CF30, 0x1CF46},
    {0x1E000, 0x1E006}, {0x1E008, 0x1E018}, {0x1E01B, 0x1E021}, {0x1E023, 0x1E024},
    {0x1E026, 0x1E02A}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE},
    {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF}, {0x1E944, 0x1E94A},
};

/* Category M, but not stripped by StripAccents. */
static const struct span not_mark[] = {
    {0x07FD, 0x07FD},   {0x0898, 0x089F},   {0x08CA, 0x08D3},   {0x09FE, 0x09FE},
    {0x0AFA, 0x0AFF},   {0x0B55, 0x0B55},   {0x0C04, 0x0C04},   {0x0C3C, 0x0C3C},
    {0x0CF3, 0x0CF3},   {0x0D00, 0x0D00},   {0x0D3B, 0x0D3C},   {0x0D81, 0x0D81},
    {0x0EBA, 0x0EBA},   {0x0ECE, 0x0ECE},   {0x1715, 0x1715},   {0x180F, 0x180F},
    {0x1ABF, 0x1ACE},   {0x1CF7, 0x1CF7},   {0x1DF6, 0x1DFA},   {0xA82C, 0xA82C},
    {0xA8FF, 0xA8FF},   {0x10D24, 0x10D27}, {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF},
    {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x11073, 0x11074},
    {0x110C2, 0x110C2}, {0x11145, 0x11146}, {0x111C9, 0x111C9}, {0x111CE, 0x111CF},
    {0x11241, 0x11241}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E}, {0x1182C, 0x1183A},
    {0x11930, 0x11935}, {0x11937, 0x11938}, {0x1193B, 0x1193E}, {0x11940, 0x11940},
    {0x11942, 0x11943}, {0x119D1, 0x119D7}, {0x119DA, 0x119E0}, {0x119E4, 0x119E4},
    {0x11A01, 0x11A0A}, {0x11A33, 0x11A39}, {0x11A3B, 0x11A3E}, {0x11A47, 0x11A47},
    {0x11A51, 0x11A5B}, {0x11A8A, 0x11A99}, {0x11D31, 0x11D36}, {0x11D3A, 0x11D3A},
    {0x11D3C, 0x11D3D}, {0x11D3F, 0x11D45}, {0x11D47, 0x11D47}, {0x11D8A, 0x11D8E},
    {0x11D90, 0x11D91}, {0x11D93, 0x11D97}, {0x11EF3, 0x11EF6}, {0x11F00, 0x11F01},
    {0x11F03, 0x11F03}, {0x11F34, 0x11F3A}, {0x11F3E, 0x11F42}, {0x13440, 0x13440},
    {0x13447, 0x13455}, {0x16F4F, 0x16F4F}, {0x16F7F, 0x16F87}, {0x16FE4, 0x16FE4},
    {0x16FF0, 0x16FF1}, {0x1CF00, 0x1CF2D}, {0x1CF30, 0x1CF46}, {0x1E08F, 0x1E08F},
    {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF},
};

/* Cf, but kept by BertNormalizer. */
static const struct span not_control[] = {
    {0x0890, 0x0891},
    {0x08E2, 0x08E2},
    {0x110CD, 0x110CD},
    {0x13430, 0x1343F},
};

/* Without a mapping in NFKC and NFKD; U+11938 in all forms. */
static const struct span not_mapped[] = {
    {0x32FF, 0x32FF},   {0xA7F2, 0xA7F4},   {0xAB69, 0xAB69},   {0x10781, 0x10785},
    {0x10787, 0x107B0}, {0x107B2, 0x107BA}, {0x1F16C, 0x1F16C}, {0x1FBF0, 0x1FBF9},
};

/* Alphabetic without being letters or marks: circled and squared letters. */
static const struct span alphabetic_symbols[] = {
    {0x24B6, 0x24E9},
    {0x1F130, 0x1F149},
    {0x1F150, 0x1F169},
    {0x1F170, 0x1F189},
};

static const struct span cjk[] = {
    {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},   {0x20000, 0x2A6DF},
    {0x2A700, 0x2B81F}, {0x2B920, 0x2CEAF}, {0x2F800, 0x2FA1F},
};

static bool in_spans(const struct span *spans, size_t n, uint32_t c)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (spans[middle].last < c)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && spans[low].first <= c;
}
#define IN(spans, c) in_spans(spans, COUNT_OF(spans), c)

static utf8proc_category_t category(uint32_t c)
{
    return utf8proc_category((utf8proc_int32_t)c);
}

static bool between(utf8proc_category_t kind, utf8proc_category_t first, utf8proc_category_t last)
{
    return kind >= first && kind <= last;
}

bool char_is_space(uint32_t c)
{
    if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13);
    return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
           c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool char_is_punctuation(uint32_t c)
{
    if (c < 0x80)
        return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
               (c >= 123 && c <= 126);
    if (!between(category(c), UTF8PROC_CATEGORY_PC, UTF8PROC_CATEGORY_PO))
        return c == 0x166D || c == 0x111C9;
    return !IN(not_punctuation, c);
}

bool char_is_control(uint32_t c)
{
    if (c < 0x80) return (c < 32 && c != '\t' && c != '\n' && c != '\r') || c == 127;
    if (c == 0xFFFD) return true;
    utf8proc_category_t kind = category(c);
    return kind == UTF8PROC_CATEGORY_CC || kind == UTF8PROC_CATEGORY_CO ||
           (kind == UTF8PROC_CATEGORY_CF && !IN(not_control, c));
}

bool char_is_cjk(uint32_t c)
{
    return c >= 0x3400 && IN(cjk, c);
}

bool char_is_nonspacing(uint32_t c)
{
    if (c < 0x300) return false;
    if (category(c) != UTF8PROC_CATEGORY_MN) return c == 0x1734;
    return !IN(not_nonspacing, c);
}

bool char_is_mark(uint32_t c)
{
    if (c < 0x300) return false;
    if (!between(category(c), UTF8PROC_CATEGORY_MN, UTF8PROC_CATEGORY_ME))
        return c == 0x1CF2 || c == 0x1CF3;
    return !IN(not_mark, c);
}

bool char_is_letter(uint32_t c)
{
    return between(category(c), UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LO);
}

bool char_is_number(uint32_t c)
{
    return between(category(c), UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_NO);
}

bool char_is_word(uint32_t c)
{
    if (c < 0x80) return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_';
    utf8proc_category_t kind = category(c);
    return between(kind, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_NL) ||
           kind == UTF8PROC_CATEGORY_PC || c == 0x200C || c == 0x200D || IN(alphabetic_symbols, c);
}

void buf_add_lower(struct buf *buf, uint32_t c)
{
    if (c < 0x80) {
        buf_add_byte(buf, (char)(c >= 'A' && c <= 'Z' ? c + 32 : c));
    } else if (c == 0x130) {
        buf_add(buf, "i\xCC\x87", 3);
    } else {
        buf_add_code_point(buf, (uint32_t)utf8proc_tolower((utf8proc_int32_t)c));
    }
}

/* ---- normal forms ---- */

enum { longest_mapping = 32 };

static int combining_class(int32_t c)
{
    return c < 0x300 ? 0 : utf8proc_get_property(c)->combining_class;
}

/* Code points of work->text, decomposed but in no order yet, in work->points. */
static int decompose(struct tokenizer_work *work, int form, size_t *n, recap_error *error)
{
    int options = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
    if (form & FORM_COMPATIBLE) options |= UTF8PROC_COMPAT;
    *n = 0;
    for (size_t i = 0; i < work->text.n;) {
        uint32_t c = next_char(work->text.data, work->text.n, &i);
        if (grow_array(&work->points, &work->points_capacity, *n + longest_mapping,
                       sizeof *work->points) != RECAP_OK)
            return fail_memory(error, (*n + longest_mapping) * sizeof *work->points);
        bool kept = c < 0x80 || (!(form & FORM_CURRENT) &&
                                 (c == 0x11938 || ((form & FORM_COMPATIBLE) && IN(not_mapped, c))));
        int last = 0;
        utf8proc_ssize_t got = 1;
        if (kept)
            work->points[*n] = (int32_t)c;
        else
            got = utf8proc_decompose_char((utf8proc_int32_t)c, work->points + *n, longest_mapping,
                                          (utf8proc_option_t)options, &last);
        if (got < 0 || got > longest_mapping)
            return fail(error, RECAP_ERROR_INTERNAL, "normalising U+%04X: %s", c,
                        utf8proc_errmsg(got));
        *n += (size_t)got;
    }
    return RECAP_OK;
}

/* A run of marks by combining class, stable, in linear time however long the run. */
static int sort_marks(struct tokenizer_work *work, int32_t *run, size_t n, recap_error *error)
{
    size_t starts[257] = {0};
    if (grow_array(&work->sorted, &work->sorted_capacity, n, sizeof *work->sorted) != RECAP_OK)
        return fail_memory(error, n * sizeof *work->sorted);
    for (size_t i = 0; i < n; i++) starts[combining_class(run[i]) + 1]++;
    for (int k = 0; k < 256; k++) starts[k + 1] += starts[k];
    for (size_t i = 0; i < n; i++) work->sorted[starts[combining_class(run[i])]++] = run[i];
    for (size_t i = 0; i < n; i++) run[i] = work->sorted[i];
    return RECAP_OK;
}

static int order_marks(struct tokenizer_work *work, size_t n, recap_error *error)
{
    for (size_t i = 0; i < n;) {
        if (combining_class(work->points[i]) == 0) {
            i++;
            continue;
        }
        size_t begin = i++;
        while (i < n && combining_class(work->points[i]) != 0) i++;
        int status = i - begin > 1 ? sort_marks(work, work->points + begin, i - begin, error)
                                   : RECAP_OK;
        if (status != RECAP_OK) return status;
    }
    return RECAP_OK;
}

static bool is_ascii(struct view text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.data[i] >= 0x80) return false;
    return true;
}

int normal_form(struct tokenizer_work *work, int form, recap_error *error)
{
    if (is_ascii((struct view){work->text.data, work->text.n})) return RECAP_OK;
    size_t n;
    int status = decompose(work, form, &n, error);
    if (status == RECAP_OK) status = order_marks(work, n, error);
    if (status != RECAP_OK) return status;
    if (form & FORM_COMPOSE)
        n = (size_t)utf8proc_normalize_utf32(work->points, (utf8proc_ssize_t)n,
                                             UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    buf_clear(&work->other);
    for (size_t i = 0; i < n; i++) buf_add_code_point(&work->other, (uint32_t)work->points[i]);
    if (work->other.failed) return fail_memory(error, n * 4);
    work_swap_text(work);
    return RECAP_OK;
}
