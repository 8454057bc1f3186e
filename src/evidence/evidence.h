/* The door of evidence: the stages of the pipeline, one file each, in the order in which pipeline.c
 * calls them. A stage takes arrays and gives arrays, and calls no other stage.
 *
 *   collect          articles -> sentences, within the run's limits
 *   embed            sentences -> unit vectors, checked
 *   deduplicate      vectors and texts -> who is whose duplicate
 *   (search)         recap_search_clusters: vectors -> labels
 *   refine           labels -> labels: noise gathered, large clusters split, at most ten
 *   group            labels -> groups, largest first, noise last
 *   topics           groups -> terms
 *   representatives  groups -> sentences, one an article
 *   highlights       representatives -> the genre's best
 *   map              vectors -> points on a page
 *
 * Outputs given an arena live in it. `x` is [n, d], rows of length 1. */
#ifndef EVIDENCE_H
#define EVIDENCE_H

#include "base/base.h"
#include "recap/evidence.h"
#include "text/text.h"

/* ---- collect.c ---- */

struct collection {
    recap_sentence
        *sentences; /* [n], with text, language, tokens, article, paragraph; no cluster */
    size_t n;
    size_t n_articles_used, n_articles_unsure, n_articles_cut;
    bool partial, token_limited;
};
int evidence_collect(const recap_article *articles, size_t n, const recap_evidence_options *options,
                     struct arena *arena, struct collection *out, recap_error *error);

/* ---- embed.c ---- */

/* out [n, embedder->dimensions]. A vector that is not finite, or zero, fails with
 * RECAP_ERROR_MODEL naming the sentence and its article. */
int evidence_embed(recap_context *context, const recap_embedder *embedder,
                   const recap_article *articles, const recap_sentence *sentences, size_t n,
                   float *out, recap_error *error);

/* ---- dedup.c, facts.c ---- */

/* The threshold in effect. */
double evidence_dedup_threshold(const recap_evidence_options *options);
/* duplicate_of [n]: the first kept sentence that says the same, or -1. */
int evidence_deduplicate(recap_context *context, const recap_sentence *sentences, const float *x,
                         size_t n, size_t d, double threshold, int64_t *duplicate_of,
                         recap_error *error);

/* What a sentence asserts, as far as it can be compared word by word. */
struct facts;
int facts_collect(const recap_sentence *sentences, size_t n, struct facts **out,
                  recap_error *error);
/* Do sentences a and b differ in a number, a name or a negation? */
bool facts_contradict(const struct facts *facts, size_t a, size_t b);
void facts_free(struct facts *facts);

/* ---- stories.c ---- */

struct story_options {
    double max_distance, article_weight;
    size_t min_size;
};
/* The other way to cluster. articles [n]: of each row; the rows of one stand together. labels [n]
 * as below. */
int evidence_stories(recap_context *context, const float *x, size_t n, size_t d,
                     const size_t *articles, const struct story_options *options, int32_t *labels,
                     size_t *n_labels, recap_error *error);

/* ---- refine.c ---- */

/* labels [n], in and out: 0 .. *n_clusters-1 by first member, -1 noise. tokens [n]. */
int evidence_refine(recap_context *context, const float *x, size_t n, size_t d,
                    const size_t *tokens, size_t min_cluster_size,
                    const recap_evidence_options *options, int32_t *labels, size_t *n_clusters,
                    recap_error *error);

/* ---- group.c ---- */

struct group {
    int32_t id;      /* 0 .. in order; -1: noise */
    size_t n;        /* at least 1 */
    size_t *members; /* [n], ascending */
};
int evidence_group(const int32_t *labels, size_t n, struct arena *arena, struct group **out,
                   size_t *n_groups, recap_error *error);

/* ---- topics.c, terms.c ---- */

#define TOPIC_TERMS 5

struct topic {
    const char *terms[TOPIC_TERMS]; /* best first */
    size_t n;
};
/* topics [n_groups]. The segmenter may be NULL where no text has Japanese in it. */
int evidence_topics(const char *const *texts, const struct group *groups, size_t n_groups,
                    struct segmenter *segmenter, struct arena *arena, struct topic *topics,
                    recap_error *error);
/* Does any of the texts need the segmenter? */
bool evidence_needs_segmenter(const char *const *texts, size_t n);
/* The weight of a term that a group of `length` terms has `count` times, where `n_with` of
 * `n_groups` groups have it. */
double evidence_term_weight(double count, double length, double mean_length, size_t n_with,
                            size_t n_groups);

/* ---- mmr.c: maximal marginal relevance (Carbonell, Goldstein 1998) ---- */

struct mmr;
/* Over the rows `candidates` [n] of x; relevance is the cosine to the mean of the rows `of` [n_of].
 * lambda is clamped to 0..1: 1 is the order of relevance; 0 spreads after the first, which is
 * always the most relevant. */
int mmr_open(const float *x, size_t d, const size_t *candidates, size_t n, const size_t *of,
             size_t n_of, double lambda, struct mmr **out, recap_error *error);
/* The next best as an index into candidates, never one twice, ties in input order; only those with
 * allowed[index] where `allowed` is given. False where none is left. */
bool mmr_next(struct mmr *mmr, const bool *allowed, size_t *index);
void mmr_close(struct mmr *mmr);
/* 0.5 + 0.3 (1 - average similarity); `otherwise` where that is not known. */
double mmr_lambda(double average_similarity, bool known, double otherwise);
/* The mean cosine of two different rows among rows [n]; false for fewer than two. */
bool average_similarity(const float *x, size_t d, const size_t *rows, size_t n, double *out);

/* ---- representatives.c, highlights.c ---- */

/* chosen [n_groups, limit], n_chosen [n_groups]: rows, best first. voices [n]: the article that
 * each row speaks for. may_speak [n]: long enough and not code. lambdas [n_groups]. */
int evidence_representatives(const float *x, size_t n, size_t d, const struct group *groups,
                             size_t n_groups, const size_t *voices, const bool *may_speak,
                             const double *lambdas, size_t limit, size_t *chosen, size_t *n_chosen,
                             recap_error *error);
bool evidence_may_speak(const char *text);
/* voices [n]: articles of one non-empty id are one. */
int evidence_voices(const recap_article *articles, size_t n_articles,
                    const recap_sentence *const *sentences, size_t n, size_t *voices,
                    recap_error *error);
double evidence_score(size_t rank); /* max(0, 1 - 0.05 rank) */

/* out [limit], *n_out: rows, best first. */
int evidence_highlights(const float *x, size_t d, const size_t *rows, size_t n, double otherwise,
                        size_t limit, size_t *out, size_t *n_out, recap_error *error);

/* ---- map.c ---- */

/* points [n, 2] */
int evidence_map(recap_context *context, const float *x, size_t n, size_t d, float *points,
                 recap_error *error);

#endif
