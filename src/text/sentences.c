/* Sentences of a normalised text, Japanese and English.
 *
 * A line end always ends a sentence; sentence_ends.c has the rules for marks
 * inside a line. Nothing is cut inside 「」『』（）【】〈〉《》〔〕() [] {}
 * that close within 500 characters of their line.
 *
 * A line that begins with a list marker is an item; the marker ends no
 * sentence, and alone it is none. No piece of a line is shorter than two
 * characters. Apart from blanks and lone markers nothing is lost: the pieces
 * in a row are the text. One pass, looking back and ahead by bounded steps:
 * linear time. */
#include "text_private.h"

#include <stdlib.h>
#include <string.h>

enum { bracket_characters = 500 }; /* a longer pair counts as unclosed */

/* ---- brackets ---- */

struct span {
    size_t open, close; /* bytes of the opening bracket's first and the closing one's first byte */
    size_t after;       /* the byte after the closing bracket */
};

struct opener {
    size_t at, character;
    int kind;
};

/* Everything about one line; the arrays serve the next one again. */
struct splitter {
    struct view line;
    struct span *spans; /* outermost pairs in order */
    size_t n_spans, spans_capacity;
    struct opener *stack;
    size_t n_stack, stack_capacity;
    struct view *sentences; /* of all lines */
    size_t n_sentences, sentences_capacity;
};

static int push_opener(struct splitter *s, struct opener opener, size_t *counts)
{
    if (grow_array(&s->stack, &s->stack_capacity, s->n_stack + 1, sizeof *s->stack) != RECAP_OK)
        return RECAP_ERROR_MEMORY;
    s->stack[s->n_stack++] = opener;
    counts[opener.kind - 1]++;
    return RECAP_OK;
}

/* Pairs the closer with the last opener of its kind; openers in between are unclosed. */
static int close_bracket(struct splitter *s, int kind, struct span span, size_t character,
                         size_t *counts)
{
    if (counts[kind - 1] == 0) return RECAP_OK;
    struct opener opener;
    do {
        opener = s->stack[--s->n_stack];
        counts[opener.kind - 1]--;
    } while (opener.kind != kind);
    if (character - opener.character > bracket_characters) return RECAP_OK;
    span.open = opener.at;
    while (s->n_spans > 0 && s->spans[s->n_spans - 1].open > span.open) s->n_spans--;
    if (grow_array(&s->spans, &s->spans_capacity, s->n_spans + 1, sizeof *s->spans) != RECAP_OK)
        return RECAP_ERROR_MEMORY;
    s->spans[s->n_spans++] = span;
    return RECAP_OK;
}

static int find_spans(struct splitter *s)
{
    size_t counts[sentence_brackets] = {0}, character = 0;
    s->n_spans = s->n_stack = 0;
    for (size_t i = 0, next = 0; i < s->line.n; i = next, character++) {
        int kind = sentence_bracket(utf8_next(s->line.data, s->line.n, &next)), status = RECAP_OK;
        if (kind > 0)
            status = push_opener(s, (struct opener){i, character, kind}, counts);
        else if (kind < 0)
            status = close_bracket(s, -kind, (struct span){.close = i, .after = next}, character,
                                   counts);
        if (status != RECAP_OK) return status;
    }
    return RECAP_OK;
}

/* ---- pieces ---- */

static bool shorter_than_two(struct view text)
{
    size_t i = 0;
    if (text.n > 0) utf8_next(text.data, text.n, &i);
    return i >= text.n;
}

static struct view trim(struct view text)
{
    size_t begin = 0, end = text.n, start;
    for (size_t next = 0; begin < end; begin = next)
        if (!text_is_blank(utf8_next(text.data, text.n, &next))) break;
    for (; end > begin; end = start)
        if (!text_is_blank(text_before(text.data, end, &start))) break;
    return (struct view){text.data + begin, end - begin};
}

static struct view rest_of(struct view line, size_t i)
{
    return (struct view){line.data + i, line.n - i};
}

static size_t skip_blanks(struct view line, size_t i)
{
    for (size_t next = i; i < line.n; i = next)
        if (!text_is_blank(utf8_next(line.data, line.n, &next))) break;
    return i;
}

static int add_sentence(struct splitter *s, struct view text)
{
    text = trim(text);
    if (text.n == 0) return RECAP_OK;
    if (grow_array(&s->sentences, &s->sentences_capacity, s->n_sentences + 1,
                   sizeof *s->sentences) != RECAP_OK)
        return RECAP_ERROR_MEMORY;
    s->sentences[s->n_sentences++] = text;
    return RECAP_OK;
}

/* Does the bracket at `open` stand in the middle of the sentence that begins at `begin`? */
static bool is_inside(const struct splitter *s, size_t begin, size_t open)
{
    return open > begin + text_list_marker(rest_of(s->line, begin));
}

/* Steps over the bracket `span`; true with e filled if marks end it and none follow it. */
static bool step_bracket(const struct splitter *s, const struct span *span, bool *odd,
                         struct ending *e)
{
    for (size_t i = span->open; i < span->close; i++) *odd ^= s->line.data[i] == '"';
    e->end = span->after;
    e->bracketed = true;
    e->inside = is_inside(s, e->begin, span->open);
    size_t next = span->after;
    if (next < s->line.n && sentence_mark(utf8_next(s->line.data, s->line.n, &next))) return false;
    if (!sentence_marks_in_bracket(s->line, span->open, span->close, e)) return false;
    sentence_take_marks(s->line, span->after, odd, e);
    return true;
}

/* Steps over one character or a run of marks; true with e filled if these were marks. */
static bool step_character(const struct splitter *s, size_t i, bool *odd, struct ending *e)
{
    size_t next = i;
    uint32_t c = utf8_next(s->line.data, s->line.n, &next);
    *odd ^= c == '"';
    e->mark = i;
    e->end = next;
    if (!sentence_mark(c)) return false;
    sentence_take_marks(s->line, i, odd, e);
    return true;
}

static int split_line(struct splitter *s, struct view line)
{
    s->line = line;
    if (line.n == 0 || text_list_marker(line) == line.n) return RECAP_OK;
    if (find_spans(s) != RECAP_OK) return RECAP_ERROR_MEMORY;
    size_t begin = 0, span = 0;
    bool odd = false;
    for (size_t i = 0; i < line.n;) {
        struct ending e = {.begin = begin};
        while (span < s->n_spans && s->spans[span].open < i) span++;
        bool marks = span < s->n_spans && s->spans[span].open == i
                         ? step_bracket(s, &s->spans[span], &odd, &e)
                         : step_character(s, i, &odd, &e);
        bool cut = marks && sentence_ends(line, &e);
        i = e.end;
        struct view piece = {line.data + begin, i - begin};
        if (!cut || shorter_than_two(trim(piece)) || shorter_than_two(trim(rest_of(s->line, i))))
            continue;
        if (add_sentence(s, piece) != RECAP_OK) return RECAP_ERROR_MEMORY;
        begin = i = skip_blanks(s->line, i);
        odd = false;
    }
    return add_sentence(s, rest_of(s->line, begin));
}

/* The bytes of the line at i, without its end; *after: where the next one begins. */
static size_t line_at(struct view text, size_t i, size_t *after)
{
    size_t n = 0;
    for (size_t next = i; i + n < text.n; n = next - i)
        if (text_is_line_end(utf8_next(text.data, text.n, &next))) {
            *after = next;
            return n;
        }
    *after = text.n;
    return n;
}

int text_split(struct view normalized, struct arena *arena, struct view **sentences, size_t *n,
               recap_error *error)
{
    struct splitter s = {0};
    int status = RECAP_OK;
    for (size_t i = 0, after = 0; i < normalized.n && status == RECAP_OK; i = after) {
        struct view line = {normalized.data + i, line_at(normalized, i, &after)};
        status = split_line(&s, trim(line));
    }
    *n = s.n_sentences;
    *sentences = status == RECAP_OK ? arena_alloc(arena, s.n_sentences, sizeof **sentences) : NULL;
    if (*sentences && s.n_sentences)
        memcpy(*sentences, s.sentences, s.n_sentences * sizeof **sentences);
    free(s.spans);
    free(s.stack);
    free(s.sentences);
    return *sentences ? RECAP_OK : fail_memory(error, s.n_sentences * sizeof **sentences);
}

/* ---- the public call ---- */

/* One block: the pointers, then the strings. */
static int pack(const struct view *sentences, size_t n, recap_sentence_list *out,
                recap_error *error)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) bytes += sentences[i].n + 1;
    bytes += n * sizeof *out->items;
    char **items = new_array(bytes, 1);
    if (!items) return fail_memory(error, bytes);
    char *at = (char *)(items + n);
    for (size_t i = 0; i < n; i++) {
        items[i] = at;
        memcpy(at, sentences[i].data, sentences[i].n);
        at[sentences[i].n] = '\0';
        at += sentences[i].n + 1;
    }
    *out = (recap_sentence_list){items, n};
    return RECAP_OK;
}

int recap_split_sentences(const char *text, size_t n, recap_sentence_list *out, recap_error *error)
{
    *out = (recap_sentence_list){0};
    struct buf normalized = {0};
    struct arena arena = {0};
    struct view *sentences = NULL;
    size_t n_sentences = 0;
    int status = text_normalize((struct view){text, n}, &normalized, error);
    if (status == RECAP_OK)
        status = text_split((struct view){normalized.data, normalized.n}, &arena, &sentences,
                            &n_sentences, error);
    if (status == RECAP_OK) status = pack(sentences, n_sentences, out, error);
    arena_free(&arena);
    buf_free(&normalized);
    return status;
}
