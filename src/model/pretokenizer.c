/* Pre-tokenizer steps: each cuts the pieces of a segment further, and some rewrite the text.
 *
 * A step reads work->text and work->pieces and writes work->more, and where it rewrites also
 * work->other; then they change places. */
#include <stdlib.h>
#include <string.h>

#include "tokenizer_private.h"

int pieces_add(struct pieces *pieces, size_t begin, size_t end, recap_error *error)
{
    if (begin >= end) return RECAP_OK;
    if (grow_array(&pieces->items, &pieces->capacity, pieces->n + 1, sizeof *pieces->items) !=
        RECAP_OK)
        return fail_memory(error, (pieces->n + 1) * sizeof *pieces->items);
    pieces->items[pieces->n++] = (struct piece){begin, end};
    return RECAP_OK;
}

/* ---- reading ---- */

struct pretokenizer_step *pretokenizer_add(struct pretokenizer *pretokenizer,
                                           enum pretokenizer_kind kind, recap_error *error)
{
    if (pretokenizer->n >= max_steps) {
        fail(error, RECAP_ERROR_MODEL, "tokenizer: more than %d pre-tokenizer steps", max_steps);
        return NULL;
    }
    if (grow_array(&pretokenizer->steps, &pretokenizer->capacity, pretokenizer->n + 1,
                   sizeof *pretokenizer->steps) != RECAP_OK) {
        fail_memory(error, (pretokenizer->n + 1) * sizeof *pretokenizer->steps);
        return NULL;
    }
    struct pretokenizer_step *step = &pretokenizer->steps[pretokenizer->n++];
    *step = (struct pretokenizer_step){.kind = kind, .behavior = SPLIT_ISOLATED};
    return step;
}

/* `prepend_scheme`, or the older `add_prefix_space`. */
static int read_scheme(struct pretokenizer_step *step, const char *where, const json_t *object,
                       recap_error *error)
{
    bool old;
    const char *scheme;
    int status = model_get_bool(where, object, "add_prefix_space", true, &old, error);
    if (status == RECAP_OK)
        status = model_get_string(where, object, "prepend_scheme", old ? "always" : "never",
                                  &scheme, error);
    if (status != RECAP_OK) return status;
    if (strcmp(scheme, "always") == 0)
        step->prepend = PREPEND_ALWAYS;
    else if (strcmp(scheme, "first") == 0)
        step->prepend = PREPEND_FIRST;
    else if (strcmp(scheme, "never") == 0)
        step->prepend = PREPEND_NEVER;
    else
        return fail(error, RECAP_ERROR_MODEL, "%s: prepend_scheme \"%.60s\" is not supported",
                    where, scheme);
    return RECAP_OK;
}

static int read_metaspace(struct pretokenizer_step *step, const char *where, const json_t *object,
                          recap_error *error)
{
    const char *replacement;
    int status = model_get_string(where, object, "replacement", "\xE2\x96\x81", &replacement,
                                  error);
    if (status != RECAP_OK) return status;
    if (utf8_count(replacement, strlen(replacement)) != 1)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: replacement \"%.60s\" of Metaspace must be one character", where,
                    replacement);
    step->replacement = copy_string(replacement);
    if (!step->replacement) return fail_memory(error, strlen(replacement));
    status = model_get_bool(where, object, "split", true, &step->split, error);
    return status == RECAP_OK ? read_scheme(step, where, object, error) : status;
}

static int read_byte_level(struct pretokenizer_step *step, const char *where, const json_t *object,
                           recap_error *error)
{
    int status = model_get_bool(where, object, "add_prefix_space", true, &step->add_prefix_space,
                                error);
    if (status == RECAP_OK)
        status = model_get_bool(where, object, "use_regex", true, &step->use_regex, error);
    return status;
}

static int read_punctuation(struct pretokenizer_step *step, const char *where, const json_t *object,
                            recap_error *error)
{
    return split_behavior_read(&step->behavior, where, object, SPLIT_ISOLATED, error);
}

static int read_digits(struct pretokenizer_step *step, const char *where, const json_t *object,
                       recap_error *error)
{
    bool individual;
    int status = model_get_bool(where, object, "individual_digits", false, &individual, error);
    if (status == RECAP_OK) step->behavior = individual ? SPLIT_ISOLATED : SPLIT_CONTIGUOUS;
    return status;
}

static const struct {
    const char *type;
    enum pretokenizer_kind kind;
    int (*read)(struct pretokenizer_step *step, const char *where, const json_t *object,
                recap_error *error);
} kinds[] = {
    {"BertPreTokenizer", PRETOKENIZER_BERT, NULL},
    {"Whitespace", PRETOKENIZER_WHITESPACE, NULL},
    {"WhitespaceSplit", PRETOKENIZER_WHITESPACE_SPLIT, NULL},
    {"Metaspace", PRETOKENIZER_METASPACE, read_metaspace},
    {"ByteLevel", PRETOKENIZER_BYTE_LEVEL, read_byte_level},
    {"Punctuation", PRETOKENIZER_PUNCTUATION, read_punctuation},
    {"Digits", PRETOKENIZER_DIGITS, read_digits},
    {"Split", PRETOKENIZER_SPLIT, split_read},
};

static int read_step(void *target, const char *where, const json_t *object, const char *type,
                     recap_error *error)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(kinds[i].type, type) != 0) continue;
        struct pretokenizer_step *step = pretokenizer_add(target, kinds[i].kind, error);
        if (!step) return error->code;
        return kinds[i].read ? kinds[i].read(step, where, object, error) : RECAP_OK;
    }
    return fail(error, RECAP_ERROR_MODEL, "%s: pre_tokenizer of type \"%.60s\" is not supported",
                where, type);
}

int pretokenizer_read(struct pretokenizer *pretokenizer, const char *where, const json_t *object,
                      recap_error *error)
{
    return model_read_part(where, object, "pre_tokenizer", "pretokenizers", read_step, pretokenizer,
                           error);
}

void pretokenizer_free(struct pretokenizer *pretokenizer)
{
    for (size_t i = 0; i < pretokenizer->n; i++) {
        free(pretokenizer->steps[i].replacement);
        pattern_free(&pretokenizer->steps[i].pattern);
        mecab_words_close(pretokenizer->steps[i].words);
    }
    free(pretokenizer->steps);
    *pretokenizer = (struct pretokenizer){0};
}

/* ---- cutting by classes of characters ---- */

/* Runs of equal class become pieces; class 0 is left out, 1 is cut at every character. */
static int cut_by_class(int (*class_of)(uint32_t c), struct tokenizer_work *work,
                        struct piece piece, recap_error *error)
{
    const char *data = work->text.data;
    size_t begin = piece.begin;
    int last = 0;
    for (size_t i = piece.begin; i < piece.end;) {
        size_t start = i;
        int class = class_of(next_char(data, piece.end, &i));
        if (class == last && class != 1) continue;
        int status = last ? pieces_add(&work->more, begin, start, error) : RECAP_OK;
        if (status != RECAP_OK) return status;
        begin = start;
        last = class;
    }
    return last ? pieces_add(&work->more, begin, piece.end, error) : RECAP_OK;
}

static int bert_class(uint32_t c)
{
    return char_is_space(c) ? 0 : char_is_punctuation(c) ? 1 : 2;
}

static int word_class(uint32_t c)
{
    return char_is_word(c) ? 2 : char_is_space(c) ? 0 : 3;
}

static int space_class(uint32_t c)
{
    return char_is_space(c) ? 0 : 2;
}

static int split_by_test(bool (*test)(uint32_t c), enum split_behavior behavior,
                         struct tokenizer_work *work, struct piece piece, recap_error *error)
{
    struct splitter splitter = {.work = work, .behavior = behavior};
    int status = RECAP_OK;
    size_t gap = piece.begin;
    for (size_t i = piece.begin; i < piece.end && status == RECAP_OK;) {
        size_t begin = i;
        if (!test(next_char(work->text.data, piece.end, &i))) continue;
        if (gap < begin) status = splitter_span(&splitter, gap, begin, false, error);
        if (status == RECAP_OK) status = splitter_span(&splitter, begin, i, true, error);
        gap = i;
    }
    if (status == RECAP_OK && gap < piece.end)
        status = splitter_span(&splitter, gap, piece.end, false, error);
    return status == RECAP_OK ? splitter_end(&splitter, error) : status;
}

/* ---- Metaspace ---- */

static bool starts_with(const char *data, size_t n, const char *prefix, size_t length)
{
    return n >= length && memcmp(data, prefix, length) == 0;
}

static int metaspace(const struct pretokenizer_step *step, struct tokenizer_work *work,
                     struct piece piece, recap_error *error)
{
    const char *data = work->text.data + piece.begin, *mark = step->replacement;
    size_t n = piece.end - piece.begin, length = strlen(mark), begin = work->other.n;
    bool marked = n > 0 && (data[0] == ' ' || starts_with(data, n, mark, length));
    bool prepend = step->prepend == PREPEND_ALWAYS ||
                   (step->prepend == PREPEND_FIRST && work->first_segment && piece.begin == 0);
    if (prepend && !marked) buf_add(&work->other, mark, length);
    for (size_t i = 0; i < n;) {
        size_t start = i;
        bool is_mark = data[i] == ' ' || starts_with(data + i, n - i, mark, length);
        next_char(data, n, &i);
        if (is_mark && step->split) {
            int status = pieces_add(&work->more, begin, work->other.n, error);
            if (status != RECAP_OK) return status;
            begin = work->other.n;
        }
        if (is_mark)
            buf_add(&work->other, mark, length);
        else
            buf_add(&work->other, data + start, i - start);
    }
    return pieces_add(&work->more, begin, work->other.n, error);
}

/* ---- ByteLevel ---- */

/* The printable characters stand for themselves, the 68 other bytes for U+0100 onwards. */
static uint32_t byte_char(unsigned char byte)
{
    if (byte <= 0x20) return 0x100u + byte;
    if (byte >= 0x7F && byte <= 0xA0) return 0x121u + (byte - 0x7Fu);
    return byte == 0xAD ? 0x143 : byte;
}

enum gpt_class { GPT_SPACE, GPT_LETTER, GPT_NUMBER, GPT_OTHER };

static enum gpt_class gpt_class(uint32_t c)
{
    if (char_is_space(c)) return GPT_SPACE;
    if (char_is_letter(c)) return GPT_LETTER;
    return char_is_number(c) ? GPT_NUMBER : GPT_OTHER;
}

/* Length of 's 't 're 've 'm 'll 'd at data, or 0. */
static size_t contraction(const char *data, size_t n)
{
    static const char *const endings[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        size_t length = strlen(endings[i]);
        if (starts_with(data, n, endings[i], length)) return length;
    }
    return 0;
}

/* Where the run of `class` that goes on at `i` ends; *last is where its last character begins. */
static size_t run_end(const char *data, size_t n, size_t i, enum gpt_class class, size_t *last)
{
    while (i < n) {
        size_t next = i;
        if (gpt_class(next_char(data, n, &next)) != class) break;
        *last = i;
        i = next;
    }
    return i;
}

/* GPT-2's pattern: contractions; one space with letters, numbers or other signs; white space, of
 * which a space before something else is left to that. */
static size_t gpt_piece(const char *data, size_t n, size_t begin)
{
    size_t length = contraction(data + begin, n - begin), last = begin, i = begin;
    if (length) return begin + length;
    enum gpt_class class = gpt_class(next_char(data, n, &i));
    if (class == GPT_SPACE && data[begin] == ' ' && i < n) {
        size_t next = i;
        enum gpt_class second = gpt_class(next_char(data, n, &next));
        if (second != GPT_SPACE) return run_end(data, n, next, second, &last);
    }
    size_t end = run_end(data, n, i, class, &last);
    return class == GPT_SPACE && end < n && last > begin ? last : end;
}

static int byte_level(const struct pretokenizer_step *step, struct tokenizer_work *work,
                      struct piece piece, recap_error *error)
{
    /* The prefix is put before the text itself, since the pattern must see it. */
    buf_clear(&work->spelled);
    if (step->add_prefix_space && work->text.data[piece.begin] != ' ')
        buf_add_byte(&work->spelled, ' ');
    buf_add(&work->spelled, work->text.data + piece.begin, piece.end - piece.begin);
    if (work->spelled.failed) return fail_memory(error, piece.end - piece.begin);
    const char *data = work->spelled.data;
    size_t n = work->spelled.n;
    for (size_t begin = 0; begin < n;) {
        size_t end = step->use_regex ? gpt_piece(data, n, begin) : n, start = work->other.n;
        for (; begin < end; begin++)
            buf_add_code_point(&work->other, byte_char((unsigned char)data[begin]));
        int status = pieces_add(&work->more, start, work->other.n, error);
        if (status != RECAP_OK) return status;
    }
    return RECAP_OK;
}

/* ---- the steps in order ---- */

static int apply(const struct pretokenizer_step *step, struct tokenizer_work *work,
                 struct piece piece, recap_error *error)
{
    switch (step->kind) {
    case PRETOKENIZER_BERT:
        return cut_by_class(bert_class, work, piece, error);
    case PRETOKENIZER_WHITESPACE:
        return cut_by_class(word_class, work, piece, error);
    case PRETOKENIZER_WHITESPACE_SPLIT:
        return cut_by_class(space_class, work, piece, error);
    case PRETOKENIZER_METASPACE:
        return metaspace(step, work, piece, error);
    case PRETOKENIZER_BYTE_LEVEL:
        return byte_level(step, work, piece, error);
    case PRETOKENIZER_PUNCTUATION:
        return split_by_test(char_is_punctuation, step->behavior, work, piece, error);
    case PRETOKENIZER_DIGITS:
        return split_by_test(char_is_number, step->behavior, work, piece, error);
    case PRETOKENIZER_SPLIT:
        return split_by_pattern(step, work, piece, error);
    case PRETOKENIZER_MECAB:
        break;
    }
    return RECAP_OK;
}

static bool rewrites(enum pretokenizer_kind kind)
{
    return kind == PRETOKENIZER_METASPACE || kind == PRETOKENIZER_BYTE_LEVEL ||
           kind == PRETOKENIZER_MECAB;
}

int pretokenizer_apply(const struct pretokenizer *pretokenizer, struct tokenizer_work *work,
                       recap_error *error)
{
    work->pieces.n = 0;
    int status = pieces_add(&work->pieces, 0, work->text.n, error);
    for (size_t k = 0; k < pretokenizer->n && status == RECAP_OK; k++) {
        const struct pretokenizer_step *step = &pretokenizer->steps[k];
        work->more.n = 0;
        if (rewrites(step->kind)) buf_clear(&work->other);
        if (step->kind == PRETOKENIZER_MECAB) status = mecab_words_apply(step->words, work, error);
        for (size_t i = 0; i < work->pieces.n && status == RECAP_OK; i++)
            status = apply(step, work, work->pieces.items[i], error);
        if (status == RECAP_OK && rewrites(step->kind)) {
            if (work->other.failed) return fail_memory(error, work->text.n);
            work_swap_text(work);
        }
        struct pieces kept = work->pieces;
        work->pieces = work->more;
        work->more = kept;
    }
    return status;
}
