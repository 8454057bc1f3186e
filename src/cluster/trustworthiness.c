/* Trustworthiness of a layout (Venna, Kaski 2001): how many of a row's k neighbours in the layout
 * are its neighbours in the input, and by how many ranks the others miss. */
#include "cluster_private.h"

#include <math.h>
#include <stdlib.h>

struct trust {
    const float *x; /* [n, d] */
    size_t n, d, k;
    recap_metric metric;
    const double *square;     /* [n] */
    const int32_t *neighbors; /* [n, k + 1], in the layout, the row itself first */
    double *penalty;          /* [n] */
    size_t first;             /* row of a loop's piece 0 */
    atomic_bool out_of_memory;
};

/* Ranks by (distance, row), 1 for the nearest other row. */
static double row_penalty(const struct trust *t, size_t i, double *distances)
{
    for (size_t j = 0; j < t->n; j++)
        distances[j] = matrix_distance(t->metric, t->x + cluster_offset(i, t->d, 0),
                                       t->x + cluster_offset(j, t->d, 0), t->d, t->square[i],
                                       t->square[j]);
    double penalty = 0;
    for (size_t m = 1; m <= t->k; m++) {
        size_t other = (size_t)t->neighbors[cluster_offset(i, t->k + 1, m)], rank = 1;
        for (size_t j = 0; j < t->n; j++)
            rank += j != i && (distances[j] < distances[other] ||
                               (distances[j] == distances[other] && j < other));
        if (rank > t->k) penalty += (double)(rank - t->k);
    }
    return penalty;
}

static void penalise_rows(void *data, size_t begin, size_t end, int thread)
{
    struct trust *t = data;
    double *distances = new_array(t->n, sizeof *distances);
    if (!distances) atomic_store(&t->out_of_memory, true);
    for (size_t i = t->first + begin; distances && i < t->first + end; i++)
        t->penalty[i] = row_penalty(t, i, distances);
    free(distances);
}

static int measure(recap_context *context, struct trust *t, double *out, recap_error *error)
{
    enum { STEP = 512 };
    for (t->first = 0; t->first < t->n; t->first += STEP) {
        int status = context_check(context, "trustworthiness", t->first, t->n, error);
        if (status) return status;
        size_t count = t->n - t->first < STEP ? t->n - t->first : STEP;
        pool_run(context_pool(context), count, 16, penalise_rows, t);
    }
    if (atomic_load(&t->out_of_memory)) return fail_memory(error, t->n * sizeof(double));
    double sum = 0, n = (double)t->n, k = (double)t->k;
    for (size_t i = 0; i < t->n; i++) sum += t->penalty[i];
    *out = 1 - 2 * sum / (n * k * (2 * n - 3 * k - 1));
    return RECAP_OK;
}

int recap_trustworthiness(recap_context *context, const float *x, size_t n, size_t d,
                          recap_metric metric, const float *y, size_t d_y, size_t k, double *out,
                          recap_error *error)
{
    int status = cluster_check_matrix(x, n, d, metric, error);
    if (status) return status;
    if (k < 1 || 2 * k >= n)
        return fail(error, RECAP_ERROR_USAGE,
                    "trustworthiness over %zu neighbors of %zu rows: 1 to under half the rows", k,
                    n);
    struct trust t = {.x = x, .n = n, .d = d, .k = k, .metric = metric};
    int32_t *neighbors = new_array(n * (k + 1), sizeof *neighbors);
    float *distances = new_array(n * (k + 1), sizeof *distances);
    double *numbers = new_array(2 * n, sizeof *numbers);
    if (neighbors && distances && numbers) {
        for (size_t i = 0; i < n; i++) numbers[i] = matrix_dot(x + i * d, x + i * d, d);
        t.square = numbers;
        t.penalty = numbers + n;
        t.neighbors = neighbors;
        status = recap_find_neighbors(context, y, n, d_y, RECAP_METRIC_EUCLIDEAN, k + 1, neighbors,
                                      distances, error);
        if (!status) status = measure(context, &t, out, error);
    } else {
        status = fail_memory(error, n * (k + 1) * (sizeof *neighbors + sizeof *distances));
    }
    free(neighbors);
    free(distances);
    free(numbers);
    return status;
}
