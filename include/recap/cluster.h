/* Clustering: neighbours, layouts, clusters and their scores.
 *
 * All matrices are row-major and dense. Everything is deterministic for the context's seed, with
 * any number of threads; a NULL context is one thread and seed 0. Values are checked to be finite
 * at the door (RECAP_ERROR_INPUT names the row). Labels are 0 .. n_clusters-1, numbered by their
 * first member's row; -1 is noise. Outputs are arrays that the caller owns and sizes. */
#ifndef RECAP_CLUSTER_H
#define RECAP_CLUSTER_H

#include "recap/context.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum recap_metric { RECAP_METRIC_EUCLIDEAN = 0, RECAP_METRIC_COSINE = 1 } recap_metric;

/* ---- neighbours ---- */

/* Exact k nearest neighbours of each of n rows of x [n, d]: the row itself first (distance 0), then
 * ascending, ties by the lower row. 1 <= k <= n. indices [n, k], distances [n, k]. Cosine distance
 * is 1 - cosine, clamped to 0..2; a zero row is an error under cosine. Ranks are those of double
 * arithmetic. */
RECAP_API int recap_find_neighbors(recap_context *context, const float *x, size_t n, size_t d,
                                   recap_metric metric, size_t k, int32_t *indices,
                                   float *distances, recap_error *error);

/* ---- UMAP (McInnes, Healy, Melville 2018; checked against umap-learn 0.5) ---- */

/* A symmetric sparse matrix by rows, columns ascending. */
typedef struct recap_graph {
    size_t n;
    int64_t *offsets; /* [n + 1] */
    int32_t *columns; /* [offsets[n]] */
    float *weights;   /* [offsets[n]], membership strengths in (0, 1] */
} recap_graph;
RECAP_API void recap_free_graph(recap_graph *graph);

/* The fuzzy simplicial set of the neighbours (k includes the row itself). */
RECAP_API int recap_build_fuzzy_graph(recap_context *context, const int32_t *indices,
                                      const float *distances, size_t n, size_t k, recap_graph *out,
                                      recap_error *error);

typedef struct recap_umap_options {
    size_t n_neighbors;  /* 0: 15; clamped to n */
    size_t n_components; /* 0: 2; at most n - 2 and at least 1: see below */
    float min_dist;      /* default 0.1 */
    float spread;        /* default 1 */
    size_t n_epochs;     /* 0: 500 up to 10,000 rows, else 200 */
    recap_metric metric; /* of the input */
} recap_umap_options;
RECAP_API recap_umap_options recap_umap_defaults(void);

/* Lays out the graph: out [graph->n, n_components]. x [n, d] serves the start where the spectral
 * one fails; it may be NULL. */
RECAP_API int recap_layout_graph(recap_context *context, const recap_graph *graph, const float *x,
                                 size_t d, const recap_umap_options *options, float *out,
                                 recap_error *error);
/* Neighbours, graph and layout in one call; out as above. */
RECAP_API int recap_umap(recap_context *context, const float *x, size_t n, size_t d,
                         const recap_umap_options *options, float *out, recap_error *error);
/* How well x's neighbourhoods survive in y [n, d_y]: 0..1 (Venna, Kaski 2001); input by `metric`,
 * layout Euclidean. Needs k < n / 2. */
RECAP_API int recap_trustworthiness(recap_context *context, const float *x, size_t n, size_t d,
                                    recap_metric metric, const float *y, size_t d_y, size_t k,
                                    double *out, recap_error *error);
/* The first `n_components` principal component scores, out [n, n_components]; the sign of each
 * component makes its largest absolute score positive. */
RECAP_API int recap_pca(recap_context *context, const float *x, size_t n, size_t d,
                        size_t n_components, float *out, recap_error *error);

/* ---- HDBSCAN (Campello, Moulavi, Sander 2013; McInnes, Healy 2017; checked against the hdbscan
 * package, whose min_samples does not count the point itself) ---- */

typedef enum recap_selection { RECAP_SELECTION_EOM = 0, RECAP_SELECTION_LEAF = 1 } recap_selection;

typedef struct recap_hdbscan_options {
    size_t min_cluster_size; /* 0: 5; at least 2 */
    size_t min_samples;      /* 0: min_cluster_size; clamped to n - 1 */
    recap_selection selection;
    double epsilon; /* clusters closer than this are merged */
    bool allow_single_cluster;
    recap_metric metric;
} recap_hdbscan_options;

/* The minimum spanning tree of the mutual reachability graph: n - 1 edges, ascending by weight. */
typedef struct recap_tree {
    size_t n;        /* points */
    int32_t *from;   /* [n - 1] */
    int32_t *to;     /* [n - 1] */
    double *weights; /* [n - 1] */
    double *core;    /* [n] core distances */
} recap_tree;
RECAP_API void recap_free_tree(recap_tree *tree);
/* One tree serves every min_cluster_size, selection and epsilon of its min_samples (0: no core
 * distances, plain single linkage; clamped to n - 1). Of edges that weigh the same the one of the
 * smaller distance comes first. */
RECAP_API int recap_build_spanning_tree(recap_context *context, const float *x, size_t n, size_t d,
                                        recap_metric metric, size_t min_samples, recap_tree *out,
                                        recap_error *error);
/* labels [n]; probabilities [n] and outlier_scores [n] (GLOSH) may be NULL; both are 0..1. As in
 * the package, a single cluster is found by eom only: leaf selection without a split gives noise.
 */
RECAP_API int recap_cut_tree(const recap_tree *tree, const recap_hdbscan_options *options,
                             int32_t *labels, double *probabilities, double *outlier_scores,
                             size_t *n_clusters, recap_error *error);
RECAP_API int recap_hdbscan(recap_context *context, const float *x, size_t n, size_t d,
                            const recap_hdbscan_options *options, int32_t *labels,
                            double *probabilities, double *outlier_scores, size_t *n_clusters,
                            recap_error *error);

/* ---- k-means and Ward ---- */

typedef struct recap_kmeans_options {
    size_t k;              /* 1 .. n */
    size_t max_iterations; /* 0: 300 */
    size_t n_init;         /* starts, the best is kept; 0: 3 */
    size_t batch_size;     /* 0: Lloyd over all rows; else mini-batches of so many rows */
    const double *initial; /* [k, d] centres to start from, or NULL: k-means++ */
} recap_kmeans_options;
/* centers [k, d] (double, in the order of the labels), inertia and n_clusters may be NULL. Empty
 * clusters are reseeded; where fewer than k distinct rows exist, fewer labels are used, *n_clusters
 * says how many, and the other centers are 0. */
RECAP_API int recap_kmeans(recap_context *context, const float *x, size_t n, size_t d,
                           const recap_kmeans_options *options, int32_t *labels, double *centers,
                           double *inertia, size_t *n_clusters, recap_error *error);

/* Ward's linkage (Müllner 2011, nearest-neighbour chain): merges [n - 1, 4] as scipy's: a, b,
 * height, size. */
RECAP_API int recap_ward(recap_context *context, const float *x, size_t n, size_t d, double *merges,
                         recap_error *error);
/* Average linkage of the cosine distance (Sokal, Michener 1958: UPGMA) in the same form; heights
 * are distances, 0..2. A zero row is an error. */
RECAP_API int recap_average_linkage(recap_context *context, const float *x, size_t n, size_t d,
                                    double *merges, recap_error *error);
/* Cuts any such linkage of n points into k clusters (n where k is larger). */
RECAP_API int recap_cut_linkage(const double *merges, size_t n, size_t k, int32_t *labels,
                                size_t *n_clusters, recap_error *error);
/* Keeps the merges up to `height`, which must be ascending, as both linkages give them. */
RECAP_API int recap_cut_linkage_at(const double *merges, size_t n, double height, int32_t *labels,
                                   size_t *n_clusters, recap_error *error);

/* ---- scores: noise (-1) is left out; *known is false where the score can't be measured ---- */

RECAP_API int recap_silhouette(recap_context *context, const float *x, size_t n, size_t d,
                               recap_metric metric, const int32_t *labels, double *out, bool *known,
                               recap_error *error);
/* Moulavi et al. 2014, by the rule of the hdbscan package's validity_index on the clustered points
 * (Euclidean). */
RECAP_API int recap_dbcv(recap_context *context, const float *x, size_t n, size_t d,
                         const int32_t *labels, double *out, bool *known, recap_error *error);
/* Agreement of two labelings of n rows (-1 is a label like the others). */
RECAP_API double recap_adjusted_rand(const int32_t *a, const int32_t *b, size_t n);
RECAP_API double recap_adjusted_mutual_information(const int32_t *a, const int32_t *b, size_t n);

/* ---- the search: UMAP then HDBSCAN over a small grid ---- */

typedef struct recap_search_options {
    bool other; /* the ranges of the genre "other": smaller clusters, leaf selection */
    recap_selection selection; /* of every other genre */
    double epsilon;            /* cluster_selection_epsilon, default 0.5 */
    float min_dist;            /* default 0 */
    size_t n_components;       /* 0: 8 (other: 5 and 8) */
    size_t umap_threshold;     /* rows under which no UMAP is made; 0: 10 */
    bool no_umap;
    size_t max_trials; /* 0: the whole grid */
    double seconds;    /* 0: none; past it the best so far, or mini-batch k-means */
} recap_search_options;
RECAP_API recap_search_options recap_search_defaults(void);

typedef struct recap_search_result {
    size_t n_clusters;
    bool umap_used;
    bool fallback; /* k-means took over at the deadline */
    size_t n_neighbors, n_components, min_cluster_size, min_samples;
    size_t n_trials;
    double score; /* 0.6 silhouette + 0.4 DBCV */
    double silhouette, dbcv;
    bool silhouette_known, dbcv_known;
    double umap_seconds, hdbscan_seconds, score_seconds;
    size_t layout_dimensions; /* of *layout */
    float *layout; /* [n, layout_dimensions], what was clustered; owned, recap_free_search */
} recap_search_result;
/* labels [n], probabilities [n] (may be NULL). Any n >= 0. A row of zeros is an error. The result
 * tells the values in use, after clamping; without UMAP n_neighbors and n_components are 0, and
 * after the fallback min_cluster_size and min_samples too. For `other`, rows that nothing splits
 * are one cluster. */
RECAP_API int recap_search_clusters(recap_context *context, const float *x, size_t n, size_t d,
                                    const recap_search_options *options, int32_t *labels,
                                    double *probabilities, recap_search_result *out,
                                    recap_error *error);
RECAP_API void recap_free_search(recap_search_result *result);

#ifdef __cplusplus
}
#endif
#endif
