/* Bisecting k-means (Steinbach, Karypis, Kumar 2000): two-means applied to the cluster with the
 * largest sum of squares, again and again. */
#include "cluster_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int split_in_two(recap_context *context, const float *x, size_t n, size_t d, int32_t *side,
                        double *inertia, bool *is_split, recap_error *error)
{
    *is_split = false;
    memset(side, 0, n * sizeof *side);
    if (n < 2) return cluster_check_matrix(x, n, d, RECAP_METRIC_EUCLIDEAN, error);
    const recap_kmeans_options options = {.k = 2};
    size_t n_clusters = 0;
    int status = recap_kmeans(context, x, n, d, &options, side, NULL, inertia, &n_clusters, error);
    *is_split = !status && n_clusters == 2;
    return status;
}

int cluster_bisect(recap_context *context, const float *x, size_t n, size_t d, int32_t *side,
                   bool *is_split, recap_error *error)
{
    return split_in_two(context, x, n, d, side, NULL, is_split, error);
}

/* ---- down to k ---- */

struct bisection {
    recap_context *context;
    const float *x; /* [n, d] */
    size_t n, d;
    int32_t *labels;  /* [n] */
    double *squares;  /* [k], sum of squares of a cluster; 0 where it can't be split */
    float *part;      /* [n, d], the rows of one cluster */
    int32_t *members; /* [n] */
    int32_t *side;    /* [n] */
};

static double sum_of_squares(const struct bisection *b, const float *rows, size_t n)
{
    double sum = 0;
    for (size_t c = 0; c < b->d; c++) {
        double mean = 0, square = 0;
        for (size_t i = 0; i < n; i++) mean += (double)rows[i * b->d + c] / (double)n;
        for (size_t i = 0; i < n; i++) square += pow((double)rows[i * b->d + c] - mean, 2);
        sum += square;
    }
    return sum;
}

/* Copies the rows of cluster c to `part`; their number. */
static size_t gather(struct bisection *b, int32_t c)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (b->labels[i] != c) continue;
        memcpy(b->part + n * b->d, b->x + i * b->d, b->d * sizeof *b->part);
        b->members[n++] = (int32_t)i;
    }
    return n;
}

/* Splits cluster c; the second half becomes cluster `next`. */
static int split_cluster(struct bisection *b, int32_t c, int32_t next, bool *is_split,
                         recap_error *error)
{
    size_t n = gather(b, c);
    double inertia = 0;
    int status = split_in_two(b->context, b->part, n, b->d, b->side, &inertia, is_split, error);
    b->squares[c] = 0;
    if (status || !*is_split) return status;
    for (size_t i = 0; i < n; i++)
        if (b->side[i] == 1) b->labels[b->members[i]] = next;
    b->squares[c] = sum_of_squares(b, b->part, gather(b, c));
    b->squares[next] = sum_of_squares(b, b->part, gather(b, next));
    return RECAP_OK;
}

static int run(struct bisection *b, size_t k, size_t *n_clusters, recap_error *error)
{
    memset(b->labels, 0, b->n * sizeof *b->labels);
    *n_clusters = 1;
    b->squares[0] = sum_of_squares(b, b->x, b->n);
    while (*n_clusters < k) {
        size_t widest = 0;
        for (size_t c = 1; c < *n_clusters; c++)
            if (b->squares[c] > b->squares[widest]) widest = c;
        if (!(b->squares[widest] > 0)) break;
        bool is_split;
        int status = split_cluster(b, (int32_t)widest, (int32_t)*n_clusters, &is_split, error);
        if (status) return status;
        if (is_split) ++*n_clusters;
    }
    return RECAP_OK;
}

int cluster_bisecting_kmeans(recap_context *context, const float *x, size_t n, size_t d, size_t k,
                             int32_t *labels, size_t *n_clusters, recap_error *error)
{
    *n_clusters = 0;
    int status = cluster_check_matrix(x, n, d, RECAP_METRIC_EUCLIDEAN, error);
    if (status || n == 0) return status;
    if (k < 1 || k > n)
        return fail(error, RECAP_ERROR_USAGE, "bisecting into %zu clusters of %zu rows: 1 to %zu",
                    k, n, n);
    struct bisection b = {.context = context, .x = x, .n = n, .d = d, .labels = labels};
    int32_t *numbers = new_array(2 * n + k, sizeof *numbers);
    b.squares = new_array(k, sizeof *b.squares);
    b.part = new_array(n * d, sizeof *b.part);
    if (numbers && b.squares && b.part) {
        b.members = numbers;
        b.side = numbers + n;
        status = run(&b, k, n_clusters, error);
        if (!status) matrix_renumber(labels, n, *n_clusters, numbers + 2 * n);
    } else {
        status = fail_memory(error, n * d * sizeof *b.part);
    }
    free(numbers);
    free(b.squares);
    free(b.part);
    return status;
}
