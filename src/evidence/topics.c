/* Stage 6: what each group is about, in five terms.
 *
 * Class-based TF-IDF with BM25 weighting (Robertson and Zaragoza 2009; a group is one document):
 *
 *   weight = t (k1 + 1) / (t + k1 (1 - b + b length / mean length)) · idf
 *   idf    = ln(1 + (N - n + 0.5) / (n + 0.5))
 *
 * with t the term's count in the group, length the group's terms, N groups, n of them with the
 * term; k1 1.5, b 0.75. This is the fixtures' `textbook_bm25`. BERTopic's variant has neither k1
 * nor b; the replaced system put the saturation over TF-IDF values, which flattens it. The
 * logarithm is never 0, so a single group has terms too.
 *
 *   count      terms of every sentence (terms.c), by group
 *   rank       by weight; in a group of many sentences, terms of one sentence alone come last
 *   select     a word gives way to a pair that is about as good; no word is said twice */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "evidence_private.h"

enum { MANY_SENTENCES = 6 };
static const double K1 = 1.5, B = 0.75;
/* A pair this much of its word's weight is what the word was said for. */
static const double PAIR_SHARE = 0.75;

/* The terms of all groups: those of group g are at [starts[g], starts[g + 1]). */
struct counts {
    struct term_table table;
    struct entry {
        int32_t term;
        uint32_t count, n_sentences;
    } * entries; /* [n] ascending by term within a group */
    size_t n, capacity;
    size_t *starts;   /* [n_groups + 1] */
    double *lengths;  /* [n_groups] terms, repeats too */
    uint32_t *n_with; /* [table.n] groups that have the term */
};

double evidence_term_weight(double count, double length, double mean_length, size_t n_with,
                            size_t n_groups)
{
    double norm = mean_length > 0 ? 1 - B + B * length / mean_length : 1;
    double idf = log(1 + ((double)n_groups - (double)n_with + 0.5) / ((double)n_with + 0.5));
    return count * (K1 + 1) / (count + K1 * norm) * idf;
}

bool evidence_needs_segmenter(const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (terms_need_segmenter(view_of(texts[i]))) return true;
    }
    return false;
}

/* ---- counting ---- */

struct occurrence {
    int32_t term;
    uint32_t sentence;
};

static int compare_occurrences(const void *a, const void *b)
{
    const struct occurrence *x = a, *y = b;
    if (x->term != y->term) return x->term < y->term ? -1 : 1;
    return (x->sentence > y->sentence) - (x->sentence < y->sentence);
}

/* Every term of a group's sentences; *out freed by the caller. */
static int list_occurrences(const char *const *texts, const struct group *group,
                            struct segmenter *segmenter, struct term_table *table,
                            struct occurrence **out, size_t *n, recap_error *error)
{
    struct term_list list = {0};
    size_t capacity = 0;
    int status = RECAP_OK;
    *out = NULL;
    *n = 0;
    for (size_t i = 0; !status && i < group->n; i++) {
        status = terms_of_text(view_of(texts[group->members[i]]), segmenter, table, &list, error);
        if (!status && grow_array(out, &capacity, *n + list.n, sizeof(**out)))
            status = fail_memory(error, (*n + list.n) * sizeof(**out));
        for (size_t k = 0; !status && k < list.n; k++)
            (*out)[(*n)++] = (struct occurrence){list.ids[k], (uint32_t)i};
    }
    free(list.ids);
    return status;
}

static int add_entries(struct counts *counts, struct occurrence *occurrences, size_t n,
                       recap_error *error)
{
    if (n) qsort(occurrences, n, sizeof(*occurrences), compare_occurrences);
    if (grow_array(&counts->entries, &counts->capacity, counts->n + n, sizeof(*counts->entries)))
        return fail_memory(error, (counts->n + n) * sizeof(*counts->entries));
    for (size_t i = 0; i < n; i++) {
        bool same_term = i && occurrences[i].term == occurrences[i - 1].term;
        if (!same_term) counts->entries[counts->n++] = (struct entry){.term = occurrences[i].term};
        struct entry *entry = &counts->entries[counts->n - 1];
        entry->count++;
        entry->n_sentences += !same_term || occurrences[i].sentence != occurrences[i - 1].sentence;
    }
    return RECAP_OK;
}

static int count_groups(struct counts *counts, const char *const *texts, const struct group *groups,
                        size_t n_groups, struct segmenter *segmenter, recap_error *error)
{
    int status = RECAP_OK;
    counts->starts = new_zeroed(n_groups + 1, sizeof(*counts->starts));
    counts->lengths = new_zeroed(n_groups, sizeof(*counts->lengths));
    if (!counts->starts || !counts->lengths) return fail_memory(error, n_groups * sizeof(double));
    for (size_t g = 0; !status && g < n_groups; g++) {
        struct occurrence *occurrences;
        size_t n;
        status = list_occurrences(texts, &groups[g], segmenter, &counts->table, &occurrences, &n,
                                  error);
        if (!status) status = add_entries(counts, occurrences, n, error);
        free(occurrences);
        counts->lengths[g] = (double)n;
        counts->starts[g + 1] = counts->n;
    }
    if (status) return status;
    counts->n_with = new_zeroed(counts->table.n, sizeof(*counts->n_with));
    if (!counts->n_with) return fail_memory(error, counts->table.n * sizeof(uint32_t));
    for (size_t i = 0; i < counts->n; i++) counts->n_with[counts->entries[i].term]++;
    return RECAP_OK;
}

static void free_counts(struct counts *counts)
{
    term_table_free(&counts->table);
    free(counts->entries);
    free(counts->starts);
    free(counts->lengths);
    free(counts->n_with);
}

/* ---- ranking ---- */

struct candidate {
    int32_t term;
    bool supported; /* by as many sentences as the group's size asks for */
    uint8_t n_words;
    uint32_t count;
    double weight;
};

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->supported != y->supported) return x->supported ? -1 : 1;
    if (x->weight != y->weight) return x->weight > y->weight ? -1 : 1;
    if (x->n_words != y->n_words) return x->n_words > y->n_words ? -1 : 1;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return x->term < y->term ? -1 : 1; /* what was said first */
}

static double mean_of(const double *values, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += values[i];
    return n ? sum / (double)n : 0;
}

/* out [starts[g + 1] - starts[g]], best first */
static void rank_terms(const struct counts *counts, size_t g, size_t n_groups, size_t n_sentences,
                       struct candidate *out)
{
    uint32_t needed = n_sentences >= MANY_SENTENCES ? 2 : 1;
    double mean = mean_of(counts->lengths, n_groups);
    size_t n = counts->starts[g + 1] - counts->starts[g];
    for (size_t i = 0; i < n; i++) {
        const struct entry *entry = &counts->entries[counts->starts[g] + i];
        out[i] = (struct candidate){
            .term = entry->term,
            .supported = entry->n_sentences >= needed,
            .n_words = counts->table.n_words[entry->term],
            .count = entry->count,
            .weight = evidence_term_weight(entry->count, counts->lengths[g], mean,
                                           counts->n_with[entry->term], n_groups),
        };
    }
    if (n) qsort(out, n, sizeof(*out), compare_candidates);
}

/* ---- selecting ---- */

/* The terms chosen so far. */
struct selection {
    const struct term_table *table;
    int32_t terms[TOPIC_TERMS];
    size_t n;
};

static bool has_part(const struct term_table *table, int32_t pair, int32_t word)
{
    const int32_t *parts = &table->parts[2 * (size_t)pair];
    return word >= 0 && (parts[0] == word || parts[1] == word);
}

static bool is_plural(const char *one, const char *many)
{
    size_t n = strlen(one);
    return n > 2 && !strncmp(one, many, n) && !strcmp(many + n, "s");
}

/* Do the two say the same word? */
static bool overlap(const struct term_table *table, int32_t a, int32_t b)
{
    const int32_t *parts = &table->parts[2 * (size_t)a];
    if (a == b || has_part(table, a, b) || has_part(table, b, a)) return true;
    if (table->n_words[a] == 2 && table->n_words[b] == 2)
        return has_part(table, b, parts[0]) || has_part(table, b, parts[1]);
    const char *x = table->terms[a], *y = table->terms[b];
    return is_plural(x, y) || is_plural(y, x);
}

static bool is_said(const struct selection *selection, int32_t term)
{
    for (size_t i = 0; i < selection->n; i++) {
        if (overlap(selection->table, selection->terms[i], term)) return true;
    }
    return false;
}

/* The best pair with the word in it that weighs enough, or the word itself. */
static int32_t prefer_pair(const struct selection *selection, const struct candidate *ranked,
                           size_t n, size_t i)
{
    int32_t word = ranked[i].term;
    double least = PAIR_SHARE * ranked[i].weight;
    if (ranked[i].n_words != 1) return word;
    for (size_t k = i + 1; k < n && ranked[k].supported && ranked[k].weight >= least; k++) {
        int32_t pair = ranked[k].term;
        if (has_part(selection->table, pair, word) && !is_said(selection, pair)) return pair;
    }
    return word;
}

static int select_terms(const struct term_table *table, const struct candidate *ranked, size_t n,
                        struct arena *arena, struct topic *out, recap_error *error)
{
    struct selection selection = {.table = table};
    for (size_t i = 0; i < n && selection.n < TOPIC_TERMS; i++) {
        if (is_said(&selection, ranked[i].term)) continue;
        selection.terms[selection.n] = prefer_pair(&selection, ranked, n, i);
        selection.n++;
    }
    for (size_t i = 0; i < selection.n; i++) {
        const char *term = table->terms[selection.terms[i]];
        out->terms[i] = arena_copy(arena, term, strlen(term));
        if (!out->terms[i]) return fail_memory(error, strlen(term));
    }
    out->n = selection.n;
    return RECAP_OK;
}

int evidence_topics(const char *const *texts, const struct group *groups, size_t n_groups,
                    struct segmenter *segmenter, struct arena *arena, struct topic *topics,
                    recap_error *error)
{
    struct counts counts = {0};
    int status = count_groups(&counts, texts, groups, n_groups, segmenter, error);
    for (size_t g = 0; !status && g < n_groups; g++) {
        size_t n = counts.starts[g + 1] - counts.starts[g];
        struct candidate *ranked = new_array(n, sizeof(*ranked));
        topics[g] = (struct topic){.n = 0};
        if (!ranked) {
            status = fail_memory(error, n * sizeof(*ranked));
            break;
        }
        rank_terms(&counts, g, n_groups, groups[g].n, ranked);
        status = select_terms(&counts.table, ranked, n, arena, &topics[g], error);
        free(ranked);
    }
    free_counts(&counts);
    return status;
}
