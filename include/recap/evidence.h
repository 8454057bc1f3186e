/* The evidence pipeline: the articles of one genre in, clusters with topics and representative
 * sentences out. Deterministic for the context's seed. */
#ifndef RECAP_EVIDENCE_H
#define RECAP_EVIDENCE_H

#include <stdbool.h>

#include "recap/cluster.h"
#include "recap/model.h"
#include "recap/text.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct recap_article {
    const char *id;                /* any string; may be "" and may repeat */
    const char *title;             /* or NULL */
    const char *language;          /* a hint such as "ja", or NULL */
    const char *published_at;      /* RFC 3339, or NULL */
    const char *url;               /* or NULL */
    const char *genre;             /* or NULL */
    const char *const *paragraphs; /* [n_paragraphs] UTF-8; a line end ends a sentence */
    size_t n_paragraphs;
    double confidence; /* of the classifier, 0..1; negative: none */
} recap_article;

/* Fills out [n, dimensions] with vectors of length 1; returns a recap_status. */
typedef int (*recap_embed_fn)(void *data, recap_context *context, const recap_text *texts, size_t n,
                              float *out, recap_error *error);
typedef struct recap_embedder {
    recap_embed_fn embed;
    void *data;
    size_t dimensions;
} recap_embedder;

/* What the classifier said of the whole genre; negative values: unknown. */
typedef struct recap_corpus_confidence {
    double average, coverage;
} recap_corpus_confidence;

/* How sentences become clusters. */
typedef enum recap_clustering {
    RECAP_CLUSTERING_SEARCH =
        0,                    /* UMAP and HDBSCAN, searched (recap_search_clusters), then refined */
    RECAP_CLUSTERING_STORIES, /* average linkage of sentences that know their article */
} recap_clustering;

typedef struct recap_evidence_options {
    const char *genre;                 /* "other" has its own search ranges; or NULL */
    size_t max_sentences;              /* of the run: 6000 */
    size_t max_sentences_per_document; /* 200 */
    size_t max_tokens;          /* of the run, ceil(characters / 4) each: 12000; 0: no limit */
    size_t max_representatives; /* of a cluster: 8 */
    size_t max_highlights;      /* of the genre: 15 */
    double dedup_threshold;     /* cosine, 0.92 */
    bool dedup_threshold_fixed; /* a genre's own value: corpus confidence does not move it */
    double mmr_lambda;          /* used where a cluster has no average similarity: 0.35 */
    recap_corpus_confidence confidence;
    recap_clustering clustering;
    double story_distance;       /* stories: cosine distance up to which groups join, 0.7 */
    double story_article_weight; /* stories: of the article's mean beside the sentence, 2 */
    size_t story_min_size;       /* stories: smaller groups are noise, 3 */
    recap_search_options search;
    bool noise_recluster;      /* true */
    size_t noise_min_points;   /* 30 */
    size_t noise_max_clusters; /* 8 */
    bool split_large;          /* true */
    bool split_dynamic;        /* true: the limits come from the clusters' own medians ... */
    size_t split_tokens_floor, split_tokens_ceiling; /* ... within 400, 4000; */
    size_t split_max_tokens, split_min_size; /* false: a cluster over 1500 tokens, of 10 or more */
    const char *dictionary;                  /* MeCab's directory; NULL: the default */
    bool layout_2d; /* also a 2-D map of the kept sentences, for the report */
} recap_evidence_options;
RECAP_API recap_evidence_options recap_evidence_defaults(void);

typedef struct recap_sentence {
    const char *text;
    const char *language; /* "ja", "en" or "und" */
    size_t article;       /* index into the articles */
    size_t paragraph;     /* index among the article's kept paragraphs */
    int32_t cluster;      /* index into clusters; -1 for a dropped duplicate */
    int64_t duplicate_of; /* index of the kept sentence, or -1 */
    float x, y;           /* where layout_2d was asked and the sentence kept; else 0 */
    size_t tokens;        /* ceil(characters / 4) */
} recap_sentence;

typedef struct recap_representative {
    size_t sentence; /* index into sentences */
    double score;    /* max(0, 1 - 0.05 rank) */
} recap_representative;

typedef struct recap_cluster {
    int32_t id; /* >= 0 in order; -1 is the noise group, last */
    size_t size;
    size_t n_terms;
    const char **terms;            /* [n_terms], best first; the first is the label */
    double average_similarity;     /* mean cosine of two different members */
    bool average_similarity_known; /* false with one member */
    size_t tokens;
    size_t n_representatives;
    recap_representative *representatives;
} recap_cluster;

typedef struct recap_evidence {
    size_t n_sentences;
    recap_sentence *sentences; /* all collected, in order, duplicates too */
    size_t n_clusters;
    recap_cluster *clusters; /* largest first, noise last */
    size_t n_highlights;
    recap_representative *highlights;
    size_t n_articles_used;   /* with at least one sentence collected */
    size_t n_articles_unsure; /* left out for the classifier's low confidence */
    size_t n_articles_cut;    /* had more sentences than max_sentences_per_document */
    size_t dedup_pairs;
    double dedup_threshold;     /* in effect */
    bool partial;               /* cut by a sentence limit */
    bool token_limited;         /* cut by the token budget */
    recap_search_result search; /* layout already freed */
    bool noise_known;
    double noise_ratio; /* at the end */
    double embed_seconds, cluster_seconds, total_seconds;
    void *memory; /* owns everything above */
} recap_evidence;

/* `articles` must live as long as *out. No article, or no sentence left, gives an evidence of no
 * clusters. */
RECAP_API int recap_gather_evidence(recap_context *context, const recap_article *articles, size_t n,
                                    const recap_embedder *embedder,
                                    const recap_evidence_options *options, recap_evidence **out,
                                    recap_error *error);
RECAP_API void recap_free_evidence(recap_evidence *evidence);

#ifdef __cplusplus
}
#endif
#endif
