/* Stage 7: which sentences speak for each group.
 *
 * Maximal marginal relevance within the group, to the group's mean. An article speaks once in the
 * whole run where that is possible. So that a large group does not use up the voices that a small
 * one needs, the groups take turns, those with the fewest voices first:
 *
 *   turn 0      every group takes its best sentence of an article that has not spoken; a group with
 *               no such article takes its best sentence all the same
 *   turn 1..    every group that still has such an article takes one more, up to the limit */
#include <stdlib.h>
#include <string.h>

#include "evidence.h"

enum { MIN_CHARACTERS = 20 };

struct speaking {
    const struct group *groups;
    size_t n_groups, limit;
    const size_t *voices;
    const bool *may_speak;
    size_t **candidates;  /* [n_groups][n_candidates[g]] rows */
    size_t *n_candidates; /* [n_groups] */
    struct mmr **mmrs;    /* [n_groups] */
    bool **allowed;       /* [n_groups][n_candidates[g]] */
    struct turn {
        size_t group, n_voices;
    } * turns;  /* [n_groups] in order */
    bool *used; /* [n] by voice */
    size_t *chosen, *n_chosen;
};

bool evidence_may_speak(const char *text)
{
    struct view view = view_of(text);
    return utf8_count(view.data, view.n) >= MIN_CHARACTERS && !text_is_code(view);
}

double evidence_score(size_t rank)
{
    double score = 1 - 0.05 * (double)rank;
    return score > 0 ? score : 0;
}

static int compare_turns(const void *a, const void *b)
{
    const struct turn *x = a, *y = b;
    if (x->n_voices != y->n_voices) return x->n_voices < y->n_voices ? -1 : 1;
    return x->group < y->group ? -1 : x->group > y->group;
}

static int open_group(struct speaking *speaking, size_t g, const float *x, size_t d, double lambda,
                      recap_error *error)
{
    const struct group *group = &speaking->groups[g];
    size_t *candidates = new_array(group->n, sizeof(*candidates)), n = 0;
    speaking->candidates[g] = candidates;
    speaking->allowed[g] = new_zeroed(group->n, sizeof(bool));
    if (!candidates || !speaking->allowed[g])
        return fail_memory(error, group->n * sizeof(*candidates));
    for (size_t i = 0; i < group->n; i++) {
        if (speaking->may_speak[group->members[i]]) candidates[n++] = group->members[i];
    }
    speaking->n_candidates[g] = n;
    return mmr_open(x, d, candidates, n, group->members, group->n, lambda, &speaking->mmrs[g],
                    error);
}

/* `used` serves as the mark of a voice counted, and is clear again afterwards. */
static size_t count_voices(struct speaking *speaking, size_t g)
{
    size_t count = 0, n = speaking->n_candidates[g];
    const size_t *candidates = speaking->candidates[g];
    for (size_t i = 0; i < n; i++) {
        bool *used = &speaking->used[speaking->voices[candidates[i]]];
        count += !*used;
        *used = true;
    }
    for (size_t i = 0; i < n; i++) speaking->used[speaking->voices[candidates[i]]] = false;
    return count;
}

static bool take(struct speaking *speaking, size_t g, const bool *allowed)
{
    size_t index;
    if (!mmr_next(speaking->mmrs[g], allowed, &index)) return false;
    size_t row = speaking->candidates[g][index];
    speaking->used[speaking->voices[row]] = true;
    speaking->chosen[g * speaking->limit + speaking->n_chosen[g]++] = row;
    return true;
}

static bool take_unheard(struct speaking *speaking, size_t g)
{
    bool *allowed = speaking->allowed[g];
    for (size_t i = 0; i < speaking->n_candidates[g]; i++)
        allowed[i] = !speaking->used[speaking->voices[speaking->candidates[g][i]]];
    return take(speaking, g, allowed);
}

static void take_turns(struct speaking *speaking)
{
    for (size_t round = 0; round < speaking->limit; round++) {
        bool more = false;
        for (size_t t = 0; t < speaking->n_groups; t++) {
            size_t g = speaking->turns[t].group;
            if (speaking->n_chosen[g] < round) continue;
            bool took = take_unheard(speaking, g);
            if (!took && round == 0) took = take(speaking, g, NULL);
            more = more || took;
        }
        if (!more) break;
    }
}

static int open_speaking(struct speaking *speaking, const float *x, size_t n, size_t d,
                         const double *lambdas, recap_error *error)
{
    size_t n_groups = speaking->n_groups;
    speaking->candidates = new_zeroed(n_groups, sizeof(*speaking->candidates));
    speaking->n_candidates = new_zeroed(n_groups, sizeof(*speaking->n_candidates));
    speaking->mmrs = new_zeroed(n_groups, sizeof(*speaking->mmrs));
    speaking->allowed = new_zeroed(n_groups, sizeof(*speaking->allowed));
    speaking->turns = new_zeroed(n_groups, sizeof(*speaking->turns));
    speaking->used = new_zeroed(n, sizeof(bool));
    if (!speaking->candidates || !speaking->n_candidates || !speaking->mmrs || !speaking->allowed ||
        !speaking->turns || !speaking->used)
        return fail_memory(error, n_groups * sizeof(struct speaking) + n);
    for (size_t g = 0; g < n_groups; g++) {
        int status = open_group(speaking, g, x, d, lambdas[g], error);
        if (status) return status;
        speaking->turns[g] = (struct turn){g, count_voices(speaking, g)};
        speaking->n_chosen[g] = 0;
    }
    if (n_groups) qsort(speaking->turns, n_groups, sizeof(*speaking->turns), compare_turns);
    return RECAP_OK;
}

static void close_speaking(struct speaking *speaking)
{
    for (size_t g = 0; g < speaking->n_groups; g++) {
        if (speaking->mmrs) mmr_close(speaking->mmrs[g]);
        if (speaking->candidates) free(speaking->candidates[g]);
        if (speaking->allowed) free(speaking->allowed[g]);
    }
    free(speaking->candidates);
    free(speaking->n_candidates);
    free(speaking->mmrs);
    free(speaking->allowed);
    free(speaking->turns);
    free(speaking->used);
}

int evidence_representatives(const float *x, size_t n, size_t d, const struct group *groups,
                             size_t n_groups, const size_t *voices, const bool *may_speak,
                             const double *lambdas, size_t limit, size_t *chosen, size_t *n_chosen,
                             recap_error *error)
{
    struct speaking speaking = {.groups = groups,
                                .n_groups = n_groups,
                                .limit = limit,
                                .voices = voices,
                                .may_speak = may_speak,
                                .chosen = chosen,
                                .n_chosen = n_chosen};
    int status = open_speaking(&speaking, x, n, d, lambdas, error);
    if (!status) take_turns(&speaking);
    close_speaking(&speaking);
    return status;
}

/* ---- voices ---- */

struct named {
    const char *id;
    size_t article;
};

static int compare_named(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = strcmp(x->id, y->id);
    if (order) return order;
    return x->article < y->article ? -1 : x->article > y->article;
}

int evidence_voices(const recap_article *articles, size_t n_articles,
                    const recap_sentence *const *sentences, size_t n, size_t *voices,
                    recap_error *error)
{
    struct named *named = new_array(n_articles, sizeof(*named));
    size_t *first = new_array(n_articles, sizeof(*first));
    size_t *numbers = new_array(n_articles, sizeof(*numbers));
    int status = RECAP_OK;
    if (!named || !first || !numbers) {
        status = fail_memory(error, n_articles * (sizeof(*named) + 2 * sizeof(*first)));
        goto done;
    }
    for (size_t i = 0; i < n_articles; i++)
        named[i] = (struct named){articles[i].id ? articles[i].id : "", i};
    if (n_articles) qsort(named, n_articles, sizeof(*named), compare_named);
    for (size_t i = 0; i < n_articles; i++) {
        bool again = i && named[i].id[0] && !strcmp(named[i].id, named[i - 1].id);
        first[named[i].article] = again ? first[named[i - 1].article] : named[i].article;
        numbers[i] = SIZE_MAX;
    }
    /* Numbered by appearance, so that they stay under n. */
    for (size_t i = 0, next = 0; i < n; i++) {
        size_t *number = &numbers[first[sentences[i]->article]];
        if (*number == SIZE_MAX) *number = next++;
        voices[i] = *number;
    }
done:
    free(named);
    free(first);
    free(numbers);
    return status;
}
