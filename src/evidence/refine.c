/* Stage 5: from the labels that the search gave to those that the evidence shows.
 *
 *   gather_noise    enough noise is parted by k-means, the number of parts by silhouette
 *   split_large     a cluster whose sentences pass the token limit is halved by k-means, three
 *                   passes at most; the limit comes from the clusters' own medians
 *   alone           no cluster at all: every sentence its own
 *   merge           more than ten clusters: Ward on their centroids, down to ten
 *
 * All of it on the full vectors: the layout's distances say little between clusters. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/cluster.h"
#include "evidence.h"

enum { MAX_CLUSTERS = 10, MAX_PASSES = 3, MIN_PARTS = 2, MIN_SPLIT = 5 };

struct refine {
    recap_context *context;
    const float *x; /* [n, d] */
    size_t n, d;
    const size_t *tokens; /* [n] */
    const recap_evidence_options *options;
    int32_t *labels; /* [n] */
    size_t n_clusters;
    recap_error *error;
};

static size_t count_label(const struct refine *refine, int32_t label)
{
    size_t count = 0;
    for (size_t i = 0; i < refine->n; i++) count += refine->labels[i] == label;
    return count;
}

/* The rows of one label, copied together: rows [count], x [count, d]; the caller frees both. */
static int take_rows(struct refine *refine, int32_t label, size_t count, size_t **rows, float **x)
{
    size_t d = refine->d, size = 0, k = 0;
    bool fits = size_mul(count, d * sizeof(float), &size);
    *rows = new_array(count, sizeof(**rows));
    *x = fits ? new_array(count, d * sizeof(float)) : NULL;
    if (!*rows || !*x) {
        free(*rows);
        free(*x);
        *rows = NULL;
        *x = NULL;
        return fail_memory(refine->error, size);
    }
    for (size_t i = 0; i < refine->n; i++) {
        if (refine->labels[i] != label) continue;
        memcpy(*x + k * d, refine->x + i * d, d * sizeof(float));
        (*rows)[k++] = i;
    }
    return RECAP_OK;
}

/* ---- noise ---- */

/* k-means with k parts; *score is -infinity where it can't be measured. */
static int part_once(struct refine *refine, const float *x, size_t n, size_t k, int32_t *labels,
                     size_t *n_parts, double *score)
{
    recap_kmeans_options options = {.k = k};
    bool known = false;
    int status = recap_kmeans(refine->context, x, n, refine->d, &options, labels, NULL, NULL,
                              n_parts, refine->error);
    if (!status)
        status = recap_silhouette(refine->context, x, n, refine->d, RECAP_METRIC_COSINE, labels,
                                  score, &known, refine->error);
    if (!known) *score = -INFINITY;
    return status;
}

/* best [n]: the parting of the best silhouette; *n_parts 0 where there is none. */
static int part_best(struct refine *refine, const float *x, size_t n, size_t most, int32_t *best,
                     size_t *n_parts)
{
    int32_t *labels = new_array(n, sizeof(*labels));
    if (!labels) return fail_memory(refine->error, n * sizeof(*labels));
    double best_score = -INFINITY;
    int status = RECAP_OK;
    *n_parts = 0;
    for (size_t k = MIN_PARTS; !status && k <= most; k++) {
        double score = 0;
        size_t found = 0;
        status = part_once(refine, x, n, k, labels, &found, &score);
        if (status || !(score > best_score)) continue;
        best_score = score;
        *n_parts = found;
        memcpy(best, labels, n * sizeof(*labels));
    }
    free(labels);
    return status;
}

static int gather_noise(struct refine *refine, size_t min_cluster_size)
{
    size_t count = count_label(refine, -1), size = min_cluster_size ? min_cluster_size : 1;
    size_t most = count / size < refine->options->noise_max_clusters
                      ? count / size
                      : refine->options->noise_max_clusters;
    if (!refine->options->noise_recluster || most < MIN_PARTS ||
        count < refine->options->noise_min_points)
        return RECAP_OK;
    size_t *rows = NULL, n_parts = 0;
    float *x = NULL;
    int status = take_rows(refine, -1, count, &rows, &x);
    if (status) return status;
    int32_t *parts = new_array(count, sizeof(*parts));
    if (!parts) status = fail_memory(refine->error, count * sizeof(*parts));
    if (!status) status = part_best(refine, x, count, most, parts, &n_parts);
    for (size_t i = 0; !status && n_parts && i < count; i++)
        refine->labels[rows[i]] = (int32_t)refine->n_clusters + parts[i];
    refine->n_clusters += n_parts;
    free(parts);
    free(rows);
    free(x);
    return status;
}

/* ---- large clusters ---- */

static int compare_sizes(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

/* Sorts; between two values where the place falls between them, as numpy does. */
static double percentile(size_t *values, size_t n, double share)
{
    qsort(values, n, sizeof(*values), compare_sizes);
    double place = share * (double)(n - 1);
    size_t below = (size_t)place;
    double low = (double)values[below], high = (double)values[below + 1 < n ? below + 1 : below];
    return low + (high - low) * (place - (double)below);
}

struct limits {
    double tokens, size; /* a cluster over the one and not under the other is split */
};

/* sizes, tokens [n_clusters] */
static void measure_clusters(const struct refine *refine, size_t *sizes, size_t *tokens)
{
    memset(sizes, 0, refine->n_clusters * sizeof(*sizes));
    memset(tokens, 0, refine->n_clusters * sizeof(*tokens));
    for (size_t i = 0; i < refine->n; i++) {
        if (refine->labels[i] < 0) continue;
        sizes[refine->labels[i]]++;
        tokens[refine->labels[i]] += refine->tokens[i];
    }
}

static int find_limits(struct refine *refine, struct limits *out)
{
    const recap_evidence_options *options = refine->options;
    *out = (struct limits){(double)options->split_max_tokens, (double)options->split_min_size};
    if (!options->split_dynamic || !refine->n_clusters) return RECAP_OK;
    size_t n = refine->n_clusters;
    size_t *scratch = new_array(refine->n + 2 * n, sizeof(*scratch));
    if (!scratch) return fail_memory(refine->error, (refine->n + 2 * n) * sizeof(*scratch));
    size_t *sizes = scratch + refine->n;
    memcpy(scratch, refine->tokens, refine->n * sizeof(*scratch));
    measure_clusters(refine, sizes, sizes + n);
    double limit = percentile(scratch, refine->n, 0.5) * 1.5 * percentile(sizes, n, 0.5);
    double least = percentile(sizes, n, 0.1);
    free(scratch);
    double floor = (double)options->split_tokens_floor;
    double ceiling = (double)options->split_tokens_ceiling;
    out->tokens = limit < floor ? floor : limit > ceiling ? ceiling : limit;
    out->size = least > MIN_SPLIT ? least : MIN_SPLIT;
    return RECAP_OK;
}

static int halve(struct refine *refine, int32_t label, size_t count)
{
    size_t *rows = NULL;
    float *x = NULL;
    bool is_split = false;
    int status = take_rows(refine, label, count, &rows, &x);
    if (status) return status;
    int32_t *side = new_array(count, sizeof(*side));
    if (!side) status = fail_memory(refine->error, count * sizeof(*side));
    if (!status)
        status = cluster_bisect(refine->context, x, count, refine->d, side, &is_split,
                                refine->error);
    for (size_t i = 0; !status && is_split && i < count; i++) {
        if (side[i] == 1) refine->labels[rows[i]] = (int32_t)refine->n_clusters;
    }
    if (!status && is_split) refine->n_clusters++;
    free(side);
    free(rows);
    free(x);
    return status;
}

static int split_pass(struct refine *refine, const struct limits *limits, bool *changed)
{
    size_t n = refine->n_clusters;
    size_t *sizes = new_array(2 * n, sizeof(*sizes));
    if (!sizes) return fail_memory(refine->error, 2 * n * sizeof(*sizes));
    measure_clusters(refine, sizes, sizes + n);
    int status = RECAP_OK;
    *changed = false;
    for (size_t c = 0; !status && c < n; c++) {
        if ((double)sizes[n + c] <= limits->tokens || (double)sizes[c] < limits->size) continue;
        status = halve(refine, (int32_t)c, sizes[c]);
    }
    *changed = refine->n_clusters > n;
    free(sizes);
    return status;
}

static int split_large(struct refine *refine)
{
    struct limits limits;
    if (!refine->options->split_large || !refine->n_clusters) return RECAP_OK;
    int status = find_limits(refine, &limits);
    bool changed = true;
    for (int pass = 0; !status && changed && pass < MAX_PASSES; pass++)
        status = split_pass(refine, &limits, &changed);
    return status;
}

/* ---- none, and too many ---- */

static void leave_alone(struct refine *refine)
{
    if (refine->n_clusters) return;
    for (size_t i = 0; i < refine->n; i++) refine->labels[i] = (int32_t)i;
    refine->n_clusters = refine->n;
}

/* centers [n_clusters, d]: the clusters' means. */
static int find_centers(struct refine *refine, float **out)
{
    size_t n = refine->n_clusters, d = refine->d;
    double *sums = new_zeroed(n, d * sizeof(*sums));
    size_t *sizes = new_array(2 * n, sizeof(*sizes));
    float *centers = new_array(n, d * sizeof(*centers));
    *out = centers;
    int status = RECAP_OK;
    if (!sums || !sizes || !centers) status = fail_memory(refine->error, n * d * sizeof(*sums));
    if (!status) measure_clusters(refine, sizes, sizes + n);
    for (size_t i = 0; !status && i < refine->n; i++) {
        if (refine->labels[i] < 0) continue;
        double *sum = sums + (size_t)refine->labels[i] * d;
        for (size_t j = 0; j < d; j++) sum[j] += (double)refine->x[i * d + j];
    }
    for (size_t c = 0; !status && c < n; c++) {
        for (size_t j = 0; j < d; j++)
            centers[c * d + j] = (float)(sums[c * d + j] / (double)sizes[c]);
    }
    free(sums);
    free(sizes);
    return status;
}

static int merge_clusters(struct refine *refine)
{
    size_t n = refine->n_clusters, left = n;
    float *centers = NULL;
    if (n <= MAX_CLUSTERS) return RECAP_OK;
    int status = find_centers(refine, &centers);
    double *merges = status ? NULL : new_array(n - 1, 4 * sizeof(*merges));
    int32_t *parts = status ? NULL : new_array(n, sizeof(*parts));
    if (!status && (!merges || !parts))
        status = fail_memory(refine->error, n * (4 * sizeof(*merges) + sizeof(*parts)));
    if (!status) status = recap_ward(refine->context, centers, n, refine->d, merges, refine->error);
    if (!status) status = recap_cut_linkage(merges, n, MAX_CLUSTERS, parts, &left, refine->error);
    for (size_t i = 0; !status && i < refine->n; i++) {
        if (refine->labels[i] >= 0) refine->labels[i] = parts[refine->labels[i]];
    }
    if (!status) refine->n_clusters = left;
    free(centers);
    free(merges);
    free(parts);
    return status;
}

/* Numbers the clusters by their first member, without gaps. */
static int renumber(struct refine *refine)
{
    int32_t *numbers = new_array(refine->n_clusters, sizeof(*numbers)), next = 0;
    if (!numbers) return fail_memory(refine->error, refine->n_clusters * sizeof(*numbers));
    for (size_t c = 0; c < refine->n_clusters; c++) numbers[c] = -1;
    for (size_t i = 0; i < refine->n; i++) {
        if (refine->labels[i] < 0) continue;
        int32_t *number = &numbers[refine->labels[i]];
        if (*number < 0) *number = next++;
        refine->labels[i] = *number;
    }
    refine->n_clusters = (size_t)next;
    free(numbers);
    return RECAP_OK;
}

int evidence_refine(recap_context *context, const float *x, size_t n, size_t d,
                    const size_t *tokens, size_t min_cluster_size,
                    const recap_evidence_options *options, int32_t *labels, size_t *n_clusters,
                    recap_error *error)
{
    struct refine refine = {.context = context,
                            .x = x,
                            .n = n,
                            .d = d,
                            .tokens = tokens,
                            .options = options,
                            .labels = labels,
                            .n_clusters = *n_clusters,
                            .error = error};
    int status = gather_noise(&refine, min_cluster_size);
    if (!status) status = split_large(&refine);
    leave_alone(&refine);
    if (!status) status = merge_clusters(&refine);
    if (!status) status = renumber(&refine);
    *n_clusters = refine.n_clusters;
    return status;
}
