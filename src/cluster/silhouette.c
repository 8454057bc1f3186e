/* Silhouette (Rousseeuw 1987): per row, the mean distance a to its own cluster's others against the
 * smallest mean distance b to another cluster: (b - a) / max(a, b).
 *
 * Rows are set out by cluster, so the distances of one row become sums over neighbouring columns;
 * no n x n matrix is made. Rows are independent: parallel, with the same bits. */
#include "cluster_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_ROWS 16
#define ROUND_WORK (1ull << 24) /* element operations between two looks at cancellation */

struct silhouette {
    const struct groups *groups;
    struct points points; /* in the groups' order */
    size_t first;         /* of the rows in this round */
    double *keys;         /* [threads, padded n] */
    double *rows;         /* [threads, d] */
    double *samples;      /* by original row */
};

/* Four sums side by side, in a fixed order. */
static double sum_of(const double *values, size_t n)
{
    double sum[4] = {0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t j = 0; j < 4; j++) sum[j] += values[i + j];
    for (; i < n; i++) sum[i % 4] += values[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static double sample_of(const struct silhouette *s, size_t i, const double *distances)
{
    const struct groups *groups = s->groups;
    size_t own = (size_t)groups->group[i];
    double inside = 0, outside = INFINITY;
    for (size_t g = 0; g < groups->n_groups; g++) {
        size_t begin = (size_t)groups->begin[g], n = (size_t)groups->begin[g + 1] - begin;
        if (g == own && n == 1) return 0;
        double sum = sum_of(distances + begin, n);
        if (g == own)
            inside = sum / (double)(n - 1);
        else if (sum / (double)n < outside)
            outside = sum / (double)n;
    }
    double larger = inside > outside ? inside : outside;
    return larger > 0 ? (outside - inside) / larger : 0;
}

static void piece(void *data, size_t begin, size_t end, int thread)
{
    struct silhouette *s = data;
    double *keys = s->keys + (size_t)thread * points_padded(s->points.n);
    double *row = s->rows + (size_t)thread * s->points.d;
    for (size_t i = s->first + begin; i < s->first + end; i++) {
        points_get(&s->points, i, row);
        points_keys(&s->points, row, 0, s->points.n, keys);
        points_distances(&s->points, keys, s->points.n);
        s->samples[s->groups->rows[i]] = sample_of(s, i, keys);
    }
}

static int run(recap_context *context, struct silhouette *s, recap_error *error)
{
    size_t n = s->points.n;
    size_t round = (size_t)(ROUND_WORK / ((uint64_t)n * (s->points.d + 4)));
    round *= (size_t)pool_threads(context_pool(context));
    if (round < PIECE_ROWS) round = PIECE_ROWS;
    for (s->first = 0; s->first < n; s->first += round) {
        int status = context_check(context, "silhouette", s->first, n, error);
        if (status) return status;
        size_t left = n - s->first;
        pool_run(context_pool(context), left < round ? left : round, PIECE_ROWS, piece, s);
    }
    return RECAP_OK;
}

static int measure(recap_context *context, const float *x, size_t d, recap_metric metric,
                   const struct groups *groups, double *samples, recap_error *error)
{
    size_t threads = (size_t)pool_threads(context_pool(context));
    struct silhouette s = {.groups = groups, .samples = samples};
    int status = points_open(x, groups->rows, groups->n, d, metric, &s.points, error);
    if (status) return status;
    s.keys = new_array(threads, points_padded(groups->n) * sizeof *s.keys);
    s.rows = new_array(threads, d * sizeof *s.rows);
    status = s.keys && s.rows ? run(context, &s, error)
                              : fail_memory(error, threads * groups->n * sizeof *s.keys);
    free(s.keys);
    free(s.rows);
    points_close(&s.points);
    return status;
}

int cluster_silhouette_samples(recap_context *context, const float *x, size_t n, size_t d,
                               recap_metric metric, const int32_t *labels, double *samples,
                               bool *known, recap_error *error)
{
    struct groups groups;
    *known = false;
    int status = cluster_check_matrix(x, n, d, metric, error);
    if (!status) status = groups_open(labels, n, &groups, error);
    if (status) return status;
    for (size_t i = 0; i < n; i++) samples[i] = 0;
    bool measurable = groups.n_groups >= 2 && groups.n_groups < groups.n;
    if (measurable) status = measure(context, x, d, metric, &groups, samples, error);
    *known = measurable && !status;
    groups_close(&groups);
    return status;
}

int recap_silhouette(recap_context *context, const float *x, size_t n, size_t d,
                     recap_metric metric, const int32_t *labels, double *out, bool *known,
                     recap_error *error)
{
    *out = 0;
    *known = false;
    double *samples = new_array(n, sizeof *samples);
    if (!samples) return fail_memory(error, n * sizeof *samples);
    int status = cluster_silhouette_samples(context, x, n, d, metric, labels, samples, known,
                                            error);
    size_t n_clustered = 0;
    double sum = 0;
    for (size_t i = 0; !status && *known && i < n; i++) {
        if (labels[i] < 0) continue;
        sum += samples[i];
        n_clustered++;
    }
    if (n_clustered) *out = sum / (double)n_clustered;
    free(samples);
    return status;
}
