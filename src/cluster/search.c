/* The search for a clustering: UMAP, then HDBSCAN over a small grid, the best by
 * 0.6 silhouette + 0.4 DBCV (a part that can't be measured counts 0; equal: the larger
 * min_cluster_size, then the larger min_samples, then the earlier trial).
 *
 *   one neighbour table (at the largest n_neighbors; smaller ones are its first columns)
 *     one fuzzy graph per n_neighbors
 *       one layout per n_components
 *         one spanning tree per min_samples
 *           one cut per min_cluster_size, scored unless the same labels were scored before
 *
 * Everything in it runs in a context of its own that also stops at the deadline. Then the best so
 * far is the answer, or where no trial was finished mini-batch k-means of the rows themselves.
 *
 * Leaf selection takes no root, so in rows that nothing splits it finds only noise; where a single
 * cluster is allowed the search asks for that one instead. */
#include "cluster_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SILHOUETTE_SHARE 0.6
#define DBCV_SHARE 0.4
#define MAX_SCORED 32

struct scored {
    struct hash128 labels;
    double silhouette, dbcv;
    bool silhouette_known, dbcv_known;
};

struct search {
    recap_context *outer;
    struct recap_context context; /* outer's threads and seed, and the deadline */
    double deadline;              /* clock_seconds(); infinite: none */
    const float *x;               /* [n, d] */
    size_t n, d;
    const recap_search_options *options;
    struct search_grid grid;

    int32_t *neighbors; /* [n, k] */
    float *distances;   /* [n, k] */
    size_t k;

    float *layout; /* [n, layout_d], of the trials at hand */
    size_t layout_d, n_neighbors, n_components;
    struct scored scored[MAX_SCORED]; /* on this layout */
    size_t n_scored;

    int32_t *trial_labels;       /* [n] */
    double *trial_probabilities; /* [n] */
    bool layout_is_best;         /* the best so far was found on this layout */
    bool has_best;
    int32_t *labels;       /* [n], the caller's: the best so far */
    double *probabilities; /* [n], ours */
    recap_search_result *out;
};

static size_t at_most(size_t value, size_t limit)
{
    return value < limit ? value : limit;
}

/* ---- one trial ---- */

static int score_labels(struct search *s, struct scored *score, recap_error *error)
{
    double start = clock_seconds();
    int status = recap_silhouette(&s->context, s->layout, s->n, s->layout_d, RECAP_METRIC_EUCLIDEAN,
                                  s->trial_labels, &score->silhouette, &score->silhouette_known,
                                  error);
    if (!status)
        status = recap_dbcv(&s->context, s->layout, s->n, s->layout_d, s->trial_labels,
                            &score->dbcv, &score->dbcv_known, error);
    s->out->score_seconds += clock_seconds() - start;
    return status;
}

/* The scores of the trial's labels, from memory where this layout had them before. */
static int look_up_score(struct search *s, struct scored *score, recap_error *error)
{
    struct hash128 hash = hash_bytes(s->trial_labels, s->n * sizeof *s->trial_labels);
    for (size_t i = 0; i < s->n_scored; i++) {
        if (s->scored[i].labels.high != hash.high || s->scored[i].labels.low != hash.low) continue;
        *score = s->scored[i];
        return RECAP_OK;
    }
    *score = (struct scored){.labels = hash};
    int status = score_labels(s, score, error);
    if (!status && s->n_scored < MAX_SCORED) s->scored[s->n_scored++] = *score;
    return status;
}

static bool is_better(const struct search *s, double score, size_t size, size_t samples)
{
    const recap_search_result *best = s->out;
    if (!s->has_best || score != best->score) return !s->has_best || score > best->score;
    if (size != best->min_cluster_size) return size > best->min_cluster_size;
    return samples > best->min_samples;
}

static void keep_best(struct search *s, const struct scored *score, double total, size_t size,
                      size_t samples, size_t n_clusters)
{
    recap_search_result *out = s->out;
    out->n_clusters = n_clusters;
    out->umap_used = s->n_neighbors > 0;
    out->n_neighbors = s->n_neighbors;
    out->n_components = s->n_components;
    out->min_cluster_size = size;
    out->min_samples = samples;
    out->score = total;
    out->silhouette = score->silhouette;
    out->silhouette_known = score->silhouette_known;
    out->dbcv = score->dbcv;
    out->dbcv_known = score->dbcv_known;
    memcpy(s->labels, s->trial_labels, s->n * sizeof *s->labels);
    memcpy(s->probabilities, s->trial_probabilities, s->n * sizeof *s->probabilities);
    s->has_best = s->layout_is_best = true;
}

static int cut_trial(struct search *s, const recap_tree *tree, size_t size, size_t *n_clusters,
                     recap_error *error)
{
    recap_hdbscan_options options = {.min_cluster_size = size,
                                     .selection = s->grid.selection,
                                     .epsilon = s->options->epsilon,
                                     .allow_single_cluster = s->grid.allow_single_cluster};
    double start = clock_seconds();
    int status = recap_cut_tree(tree, &options, s->trial_labels, s->trial_probabilities, NULL,
                                n_clusters, error);
    if (!status && *n_clusters == 0 && options.selection == RECAP_SELECTION_LEAF &&
        options.allow_single_cluster) {
        options.selection = RECAP_SELECTION_EOM;
        status = recap_cut_tree(tree, &options, s->trial_labels, s->trial_probabilities, NULL,
                                n_clusters, error);
    }
    s->out->hdbscan_seconds += clock_seconds() - start;
    return status;
}

static int run_trial(struct search *s, const recap_tree *tree, size_t size, size_t samples,
                     recap_error *error)
{
    size_t n_clusters = 0;
    struct scored score;
    int status = cut_trial(s, tree, size, &n_clusters, error);
    if (!status) status = look_up_score(s, &score, error);
    if (status) return status;
    double total = 0;
    if (score.silhouette_known) total += SILHOUETTE_SHARE * score.silhouette;
    if (score.dbcv_known) total += DBCV_SHARE * score.dbcv;
    s->out->n_trials++;
    if (is_better(s, total, size, samples)) keep_best(s, &score, total, size, samples, n_clusters);
    return RECAP_OK;
}

/* ---- trials of one layout ---- */

static bool has_trials_left(const struct search *s)
{
    return s->out->n_trials < s->grid.n_trials;
}

static int run_tree(struct search *s, size_t samples, recap_error *error)
{
    recap_tree tree;
    double start = clock_seconds();
    int status = recap_build_spanning_tree(&s->context, s->layout, s->n, s->layout_d,
                                           RECAP_METRIC_EUCLIDEAN, samples, &tree, error);
    s->out->hdbscan_seconds += clock_seconds() - start;
    for (size_t i = 0; !status && i < s->grid.sizes.n && has_trials_left(s); i++) {
        size_t size = s->grid.sizes.value[i];
        if (!search_grid_has(&s->grid, size, samples)) continue;
        status = context_check(&s->context, "cluster search", s->out->n_trials, s->grid.n_trials,
                               error);
        if (!status) status = run_trial(s, &tree, size, at_most(samples, s->n - 1), error);
    }
    recap_free_tree(&tree);
    return status;
}

/* Trials on s->layout; hands it to the result where the best was found on it. */
static int run_layout(struct search *s, recap_error *error)
{
    int status = RECAP_OK;
    s->n_scored = 0;
    s->layout_is_best = false;
    for (size_t i = 0; !status && i < s->grid.samples.n && has_trials_left(s); i++)
        status = run_tree(s, s->grid.samples.value[i], error);
    if (s->layout_is_best) {
        free(s->out->layout);
        s->out->layout = s->layout;
        s->out->layout_dimensions = s->layout_d;
    } else {
        free(s->layout);
    }
    s->layout = NULL;
    return status;
}

static int copy_rows(const struct search *s, float **out, recap_error *error)
{
    size_t size = s->n * s->d; /* was checked with the matrix */
    *out = new_array(size, sizeof **out);
    if (!*out) return fail_memory(error, size * sizeof **out);
    memcpy(*out, s->x, size * sizeof **out);
    return RECAP_OK;
}

static int run_plain(struct search *s, recap_error *error)
{
    int status = copy_rows(s, &s->layout, error);
    if (status) return status;
    s->layout_d = s->d;
    return run_layout(s, error);
}

/* ---- layouts ---- */

static int find_table(struct search *s, recap_error *error)
{
    size_t size = 0;
    for (size_t i = 0; i < s->grid.neighbors.n; i++)
        if (s->grid.neighbors.value[i] > s->k) s->k = s->grid.neighbors.value[i];
    if (!size_mul(s->n, s->k, &size)) return fail_memory(error, SIZE_MAX);
    s->neighbors = new_array(size, sizeof *s->neighbors);
    s->distances = new_array(size, sizeof *s->distances);
    if (!s->neighbors || !s->distances) return fail_memory(error, 2 * size * sizeof(float));
    return recap_find_neighbors(&s->context, s->x, s->n, s->d, RECAP_METRIC_COSINE, s->k,
                                s->neighbors, s->distances, error);
}

/* The graph of the first k columns of the table. */
static int build_graph(struct search *s, size_t k, recap_graph *graph, recap_error *error)
{
    int32_t *indices = new_array(s->n * k, sizeof *indices);
    float *distances = new_array(s->n * k, sizeof *distances);
    int status = indices && distances ? RECAP_OK : fail_memory(error, 2 * s->n * k * sizeof(float));
    for (size_t i = 0; !status && i < s->n; i++) {
        memcpy(indices + i * k, s->neighbors + i * s->k, k * sizeof *indices);
        memcpy(distances + i * k, s->distances + i * s->k, k * sizeof *distances);
    }
    if (!status)
        status = recap_build_fuzzy_graph(&s->context, indices, distances, s->n, k, graph, error);
    free(indices);
    free(distances);
    return status;
}

static int make_layout(struct search *s, const recap_graph *graph, recap_error *error)
{
    recap_umap_options options = recap_umap_defaults();
    options.n_neighbors = s->n_neighbors;
    options.n_components = s->n_components;
    options.min_dist = s->options->min_dist;
    options.metric = RECAP_METRIC_COSINE;
    s->layout_d = s->n_components;
    s->layout = new_array(s->n, s->layout_d * sizeof *s->layout);
    if (!s->layout) return fail_memory(error, s->n * s->layout_d * sizeof *s->layout);
    int status = recap_layout_graph(&s->context, graph, s->x, s->d, &options, s->layout, error);
    if (status) {
        free(s->layout);
        s->layout = NULL;
    }
    return status;
}

static int run_graph(struct search *s, size_t k, recap_error *error)
{
    recap_graph graph = {0};
    double start = clock_seconds();
    s->n_neighbors = k;
    int status = build_graph(s, k, &graph, error);
    s->out->umap_seconds += clock_seconds() - start;
    for (size_t i = 0; !status && i < s->grid.components.n && has_trials_left(s); i++) {
        start = clock_seconds();
        s->n_components = s->grid.components.value[i];
        status = make_layout(s, &graph, error);
        s->out->umap_seconds += clock_seconds() - start;
        if (!status) status = run_layout(s, error);
    }
    recap_free_graph(&graph);
    return status;
}

static int run_grid(struct search *s, recap_error *error)
{
    if (s->grid.neighbors.n == 0) return run_plain(s, error);
    double start = clock_seconds();
    int status = find_table(s, error);
    s->out->umap_seconds += clock_seconds() - start;
    for (size_t i = 0; !status && i < s->grid.neighbors.n && has_trials_left(s); i++)
        status = run_graph(s, s->grid.neighbors.value[i], error);
    return status;
}

/* ---- the deadline ---- */

static bool ask(void *data, const char *stage, size_t done, size_t total)
{
    struct search *s = data;
    if (context_check(s->outer, stage, done, total, NULL)) return false;
    return clock_seconds() < s->deadline;
}

static int fall_back(struct search *s, recap_error *error)
{
    recap_search_result *out = s->out;
    size_t k = (size_t)sqrt((double)s->n / 2);
    k = at_most(k < 2 ? 2 : k > 50 ? 50 : k, s->n);
    recap_kmeans_options options = {.k = k, .batch_size = 1024};
    out->fallback = true;
    int status = copy_rows(s, &out->layout, error);
    if (status) return status;
    out->layout_dimensions = s->d;
    for (size_t i = 0; i < s->n; i++) s->probabilities[i] = 1;
    return recap_kmeans(s->outer, s->x, s->n, s->d, &options, s->labels, NULL, NULL,
                        &out->n_clusters, error);
}

/* What the grid's end means: an answer, an error, or a deadline that passed. */
static int finish(struct search *s, int status, const recap_error *grid_error, recap_error *error)
{
    bool late = status == RECAP_ERROR_CANCELLED && !context_cancelled(s->outer);
    if (status && !late) {
        if (error) *error = *grid_error;
        return status;
    }
    return s->has_best ? RECAP_OK : fall_back(s, error);
}

/* ---- the door ---- */

recap_search_options recap_search_defaults(void)
{
    return (recap_search_options){.selection = RECAP_SELECTION_EOM, .epsilon = 0.5};
}

static int check_options(const recap_search_options *options, recap_error *error)
{
    if (!(options->seconds >= 0))
        return fail(error, RECAP_ERROR_USAGE, "a limit of %g seconds: 0 (none) or more is needed",
                    options->seconds);
    if (!(options->epsilon >= 0) || isinf(options->epsilon))
        return fail(error, RECAP_ERROR_USAGE,
                    "epsilon %g: a finite distance of 0 or more is needed", options->epsilon);
    if (!(options->min_dist >= 0) || isinf(options->min_dist))
        return fail(error, RECAP_ERROR_USAGE,
                    "min_dist %g: a finite distance of 0 or more is needed",
                    (double)options->min_dist);
    return RECAP_OK;
}

static int search_rows(struct search *s, double *probabilities, recap_error *error)
{
    recap_error grid_error;
    int status = run_grid(s, &grid_error);
    status = finish(s, status, &grid_error, error);
    if (!status && probabilities)
        memcpy(probabilities, s->probabilities, s->n * sizeof *probabilities);
    return status;
}

int recap_search_clusters(recap_context *context, const float *x, size_t n, size_t d,
                          const recap_search_options *options, int32_t *labels,
                          double *probabilities, recap_search_result *out, recap_error *error)
{
    *out = (recap_search_result){0};
    /* Cosine: a row of zeros is an error here whatever the metric of the trials. */
    int status = cluster_check_matrix(x, n, d, RECAP_METRIC_COSINE, error);
    if (!status) status = check_options(options, error);
    if (status || n == 0) return status;
    struct search s = {.outer = context, .x = x, .n = n, .d = d, .options = options, .out = out};
    s.context = (struct recap_context){.pool = context_pool(context),
                                       .seed = context ? context->seed : 0,
                                       .progress = ask,
                                       .progress_data = &s};
    s.deadline = options->seconds > 0 ? clock_seconds() + options->seconds : INFINITY;
    s.grid = search_grid_choose(n, options);
    s.labels = labels;
    s.trial_labels = new_array(n, sizeof *s.trial_labels);
    s.trial_probabilities = new_array(n, sizeof *s.trial_probabilities);
    s.probabilities = new_array(n, sizeof *s.probabilities);
    if (s.trial_labels && s.trial_probabilities && s.probabilities)
        status = search_rows(&s, probabilities, error);
    else
        status = fail_memory(error, n * 3 * sizeof(double));
    free(s.trial_labels);
    free(s.trial_probabilities);
    free(s.probabilities);
    free(s.neighbors);
    free(s.distances);
    if (status) recap_free_search(out);
    return status;
}

void recap_free_search(recap_search_result *result)
{
    if (!result) return;
    free(result->layout);
    result->layout = NULL;
    result->layout_dimensions = 0;
}
