/* Patterns (literal or PCRE2, which is called only here) and the pre-tokenizer that cuts by them.
 *
 * The reference's patterns are Oniguruma's; what the usual files contain means the same to PCRE2
 * with UTF and UCP. A pattern that PCRE2 doesn't take is refused with its message. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "tokenizer_private.h"

/* ---- patterns ---- */

static int compile(struct pattern *pattern, const char *where, const char *text, recap_error *error)
{
    int code;
    PCRE2_SIZE offset;
    pattern->code = pcre2_compile((PCRE2_SPTR)text, strlen(text),
                                  PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &offset,
                                  NULL);
    if (pattern->code) return RECAP_OK;
    if (code == PCRE2_ERROR_NOMEMORY) return fail_memory(error, strlen(text));
    PCRE2_UCHAR reason[160];
    pcre2_get_error_message(code, reason, sizeof reason);
    return fail(error, RECAP_ERROR_MODEL, "%s: pattern \"%.200s\", at character %zu: %s", where,
                text, (size_t)offset, (const char *)reason);
}

int pattern_read(struct pattern *pattern, const char *where, const json_t *object,
                 recap_error *error)
{
    const char *literal = NULL, *expression = NULL;
    int status = RECAP_OK;
    if (json_is_string(object)) /* old files */
        literal = json_string_value(object);
    else
        status = model_get_string(where, object, "String", NULL, &literal, error);
    if (status == RECAP_OK && json_is_object(object))
        status = model_get_string(where, object, "Regex", NULL, &expression, error);
    if (status != RECAP_OK) return status;
    if (expression && *expression) return compile(pattern, where, expression, error);
    if (!literal || !*literal)
        return fail(error, RECAP_ERROR_MODEL, "%s: pattern without String or Regex", where);
    pattern->n = strlen(literal);
    pattern->literal = copy_bytes(literal, pattern->n);
    return pattern->literal ? RECAP_OK : fail_memory(error, pattern->n);
}

void pattern_free(struct pattern *pattern)
{
    pcre2_code_free(pattern->code);
    free(pattern->literal);
    *pattern = (struct pattern){0};
}

void pattern_free_match(void *match_data)
{
    pcre2_match_data_free(match_data);
}

static int match_expression(const struct pattern *pattern, struct tokenizer_work *work,
                            struct pattern_walk *walk, recap_error *error)
{
    size_t n = walk->text.n;
    if (!work->match_data) work->match_data = pcre2_match_data_create(1, NULL);
    if (!work->match_data) return fail_memory(error, sizeof(PCRE2_SIZE) * 2);
    int got = pcre2_match(pattern->code, (PCRE2_SPTR)walk->text.data, n, walk->from,
                          PCRE2_NO_UTF_CHECK, work->match_data, NULL);
    walk->found = got >= 0;
    if (got == PCRE2_ERROR_NOMATCH) return RECAP_OK;
    if (got == PCRE2_ERROR_NOMEMORY || got == PCRE2_ERROR_HEAPLIMIT) return fail_memory(error, n);
    if (got < 0)
        return fail(error, RECAP_ERROR_INPUT,
                    "the tokenizer's pattern gave up at byte %zu of a text of %zu (PCRE2 %d)",
                    walk->from, n, got);
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(work->match_data);
    /* \K can move the beginning anywhere. */
    size_t begin = ends[0] > walk->last_end ? ends[0] : walk->last_end;
    size_t end = ends[1] > walk->from ? ends[1] : walk->from;
    walk->match = (struct piece){begin < end ? begin : end, end};
    return RECAP_OK;
}

static void match_literal(const struct pattern *pattern, struct pattern_walk *walk)
{
    if (walk->from >= walk->text.n) return;
    const char *begin = walk->text.data + walk->from;
    const char *at = memmem(begin, walk->text.n - walk->from, pattern->literal, pattern->n);
    if (!at) return;
    size_t offset = (size_t)(at - walk->text.data);
    walk->found = true;
    walk->match = (struct piece){offset, offset + pattern->n};
    walk->from = walk->match.end;
}

int pattern_next(const struct pattern *pattern, struct tokenizer_work *work,
                 struct pattern_walk *walk, recap_error *error)
{
    walk->found = false;
    if (pattern->literal) {
        match_literal(pattern, walk);
        return RECAP_OK;
    }
    while (walk->from <= walk->text.n) {
        int status = match_expression(pattern, work, walk, error);
        if (status != RECAP_OK || !walk->found) return status;
        bool empty = walk->match.begin == walk->match.end;
        walk->from = walk->match.end;
        if (!empty || !walk->any || walk->match.end != walk->last_end) break;
        /* Nothing, right behind the last match: doesn't count. */
        walk->found = false;
        if (walk->from >= walk->text.n) return RECAP_OK;
        next_char(walk->text.data, walk->text.n, &walk->from);
    }
    walk->any = true;
    walk->last_end = walk->match.end;
    return RECAP_OK;
}

/* ---- behaviours ---- */

static int give(struct splitter *splitter, struct piece piece, recap_error *error)
{
    return pieces_add(&splitter->work->more, piece.begin, piece.end, error);
}

/* Does the span join the open piece? */
static bool joins(const struct splitter *splitter, bool match)
{
    switch (splitter->behavior) {
    case SPLIT_CONTIGUOUS:
        return match == splitter->last_match;
    case SPLIT_MERGED_WITH_PREVIOUS:
        return match && !splitter->last_match;
    case SPLIT_MERGED_WITH_NEXT:
        return !match && splitter->last_match;
    default:
        return false;
    }
}

int splitter_span(struct splitter *splitter, size_t begin, size_t end, bool match,
                  recap_error *error)
{
    int status = RECAP_OK;
    if (splitter->behavior == SPLIT_REMOVED)
        return match ? RECAP_OK : give(splitter, (struct piece){begin, end}, error);
    if (splitter->any && joins(splitter, match)) {
        splitter->open.end = end;
    } else {
        if (splitter->any) status = give(splitter, splitter->open, error);
        splitter->open = (struct piece){begin, end};
    }
    splitter->any = true;
    splitter->last_match = match;
    return status;
}

int splitter_end(struct splitter *splitter, recap_error *error)
{
    bool any = splitter->any;
    splitter->any = false;
    return any ? give(splitter, splitter->open, error) : RECAP_OK;
}

int split_behavior_read(enum split_behavior *behavior, const char *where, const json_t *object,
                        enum split_behavior otherwise, recap_error *error)
{
    static const char *const names[] = {"Removed", "Isolated", "MergedWithPrevious",
                                        "MergedWithNext", "Contiguous"};
    const char *name;
    int status = model_get_string(where, object, "behavior", names[otherwise], &name, error);
    if (status != RECAP_OK) return status;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(names[i], name) != 0) continue;
        *behavior = (enum split_behavior)i;
        return RECAP_OK;
    }
    return fail(error, RECAP_ERROR_MODEL, "%s: behavior \"%.60s\" is not supported", where, name);
}

int split_read(struct pretokenizer_step *step, const char *where, const json_t *object,
               recap_error *error)
{
    int status = pattern_read(&step->pattern, where, json_object_get(object, "pattern"), error);
    if (status == RECAP_OK)
        status = split_behavior_read(&step->behavior, where, object, SPLIT_ISOLATED, error);
    if (status == RECAP_OK)
        status = model_get_bool(where, object, "invert", false, &step->invert, error);
    return status;
}

/* A gap between matches; there is none of no characters. */
static int gap(struct splitter *splitter, size_t begin, size_t end, bool match, recap_error *error)
{
    return begin < end ? splitter_span(splitter, begin, end, match, error) : RECAP_OK;
}

int split_by_pattern(const struct pretokenizer_step *step, struct tokenizer_work *work,
                     struct piece piece, recap_error *error)
{
    struct splitter splitter = {.work = work, .behavior = step->behavior};
    struct pattern_walk walk = {.text = {work->text.data + piece.begin, piece.end - piece.begin}};
    size_t done = 0;
    for (;;) {
        int status = pattern_next(&step->pattern, work, &walk, error);
        if (status != RECAP_OK) return status;
        if (!walk.found) break;
        size_t begin = piece.begin + walk.match.begin, end = piece.begin + walk.match.end;
        status = gap(&splitter, piece.begin + done, begin, step->invert, error);
        if (status == RECAP_OK) status = splitter_span(&splitter, begin, end, !step->invert, error);
        if (status != RECAP_OK) return status;
        done = walk.match.end;
    }
    int status = gap(&splitter, piece.begin + done, piece.end, step->invert, error);
    return status == RECAP_OK ? splitter_end(&splitter, error) : status;
}
