/* The fuzzy simplicial set of a neighbour table (McInnes, Healy, Melville 2018, section 3.1) and
 * the curve that a layout's distances are read by.
 *
 *   smoothing   per row rho (distance to the nearest other place) and sigma, such that the
 *               memberships exp(-(distance - rho) / sigma) add up to log2(k)
 *   directed    memberships of the table, A [n, k - 1]
 *   union       A + At - A * At, by merging each row of A with the same row of At */
#include "cluster_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- smoothing ---- */

static const int BISECTIONS = 64;
static const double SUM_TOLERANCE = 1e-5;
static const double LEAST_SIGMA = 1e-3; /* in mean distances */

struct smoother {
    const float *distances; /* [n, k] */
    size_t k;
    double mean; /* of all distances */
    float *sigma, *rho;
};

static double membership_sum(const float *distances, size_t k, double rho, double sigma)
{
    double sum = 0;
    for (size_t t = 1; t < k; t++) {
        double beyond = (double)distances[t] - rho;
        sum += beyond > 0 ? exp(-beyond / sigma) : 1;
    }
    return sum;
}

static double find_sigma(const float *distances, size_t k, double rho)
{
    const double target = log2((double)k);
    double low = 0, high = INFINITY, sigma = 1;
    for (int i = 0; i < BISECTIONS; i++) {
        double sum = membership_sum(distances, k, rho, sigma);
        if (fabs(sum - target) < SUM_TOLERANCE) break;
        if (sum > target)
            high = sigma;
        else
            low = sigma;
        sigma = isinf(high) ? 2 * sigma : 0.5 * (low + high);
    }
    return sigma;
}

static void smooth_rows(void *data, size_t begin, size_t end, int thread)
{
    struct smoother *s = data;
    for (size_t i = begin; i < end; i++) {
        const float *row = s->distances + cluster_offset(i, s->k, 0);
        double rho = 0, sum = 0;
        for (size_t t = 0; t < s->k; t++) {
            if (rho == 0 && row[t] > 0) rho = (double)row[t];
            sum += (double)row[t];
        }
        double sigma = find_sigma(row, s->k, rho);
        double least = LEAST_SIGMA * (rho > 0 ? sum / (double)s->k : s->mean);
        s->sigma[i] = (float)(sigma < least ? least : sigma);
        s->rho[i] = (float)rho;
    }
}

void cluster_smooth_neighbors(recap_context *context, const float *distances, size_t n, size_t k,
                              float *sigma, float *rho)
{
    double sum = 0;
    for (size_t i = 0; i < n * k; i++) sum += (double)distances[i];
    struct smoother s = {distances, k, n > 0 && k > 0 ? sum / (double)(n * k) : 0, sigma, rho};
    pool_run(context_pool(context), n, 64, smooth_rows, &s);
}

/* ---- the graph ---- */

struct entry {
    int32_t column;
    float weight;
};

/* A by rows (columns ascending) and its transpose; row i of A holds counts[i] of its k places. */
struct table {
    size_t n, k;
    struct entry *rows;  /* [n, k] */
    uint32_t *counts;    /* [n] */
    int64_t *in_offsets; /* [n + 1] */
    struct entry *in;    /* [in_offsets[n]] */
};

static int check_table(const int32_t *indices, const float *distances, size_t n, size_t k,
                       recap_error *error)
{
    if (n > INT32_MAX || k > n || k == 0)
        return fail(error, RECAP_ERROR_USAGE, "a table of %zu neighbors of %zu rows: 1 to %zu", k,
                    n, n);
    for (size_t i = 0; i < n; i++) {
        for (size_t t = 0; t < k; t++) {
            size_t at = cluster_offset(i, k, t);
            if (indices[at] < 0 || (size_t)indices[at] >= n)
                return fail(error, RECAP_ERROR_INPUT, "row %zu: neighbor %zu is %d of 0..%zu", i, t,
                            indices[at], n - 1);
            if (!isfinite(distances[at]) || distances[at] < 0)
                return fail(error, RECAP_ERROR_INPUT,
                            "row %zu: the distance of neighbor %zu is %g: at least 0 is needed", i,
                            t, (double)distances[at]);
        }
    }
    return RECAP_OK;
}

static float membership(float distance, float rho, float sigma)
{
    float beyond = distance - rho;
    return beyond <= 0 || sigma == 0 ? 1 : (float)exp(-(double)beyond / (double)sigma);
}

static int by_column(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    return (a->column > b->column) - (a->column < b->column);
}

static void fill_rows(struct table *table, const int32_t *indices, const float *distances,
                      const float *sigma, const float *rho)
{
    for (size_t i = 0; i < table->n; i++) {
        struct entry *row = table->rows + cluster_offset(i, table->k, 0);
        uint32_t count = 0;
        for (size_t t = 0; t < table->k; t++) {
            size_t at = cluster_offset(i, table->k, t);
            float weight = membership(distances[at], rho[i], sigma[i]);
            if ((size_t)indices[at] == i || weight == 0) continue;
            row[count++] = (struct entry){indices[at], weight};
        }
        qsort(row, count, sizeof *row, by_column);
        table->counts[i] = count;
    }
}

/* Counting sort by column: rows come out ascending by themselves. */
static void transpose(struct table *table)
{
    int64_t *offsets = table->in_offsets;
    for (size_t i = 0; i < table->n; i++)
        for (uint32_t t = 0; t < table->counts[i]; t++)
            offsets[table->rows[cluster_offset(i, table->k, t)].column + 1]++;
    for (size_t i = 0; i < table->n; i++) offsets[i + 1] += offsets[i];
    for (size_t i = 0; i < table->n; i++) {
        for (uint32_t t = 0; t < table->counts[i]; t++) {
            struct entry e = table->rows[cluster_offset(i, table->k, t)];
            table->in[offsets[e.column]++] = (struct entry){(int32_t)i, e.weight};
        }
    }
    for (size_t i = table->n; i > 0; i--) offsets[i] = offsets[i - 1];
    offsets[0] = 0;
}

/* Merges row i of A and of At into `out` from `at` on; returns the end. */
static int64_t merge_row(const struct table *table, size_t i, recap_graph *out, int64_t at)
{
    const struct entry *a = table->rows + cluster_offset(i, table->k, 0), *a_end = a;
    a_end += table->counts[i];
    const struct entry *b = table->in + table->in_offsets[i];
    const struct entry *b_end = table->in + table->in_offsets[i + 1];
    while (a < a_end || b < b_end) {
        int32_t column_a = a < a_end ? a->column : INT32_MAX;
        int32_t column_b = b < b_end ? b->column : INT32_MAX;
        int32_t column = column_a < column_b ? column_a : column_b;
        float u = column_a == column ? (a++)->weight : 0;
        float v = column_b == column ? (b++)->weight : 0;
        out->columns[at] = column;
        out->weights[at++] = u + v - u * v;
    }
    return at;
}

static int merge_rows(const struct table *table, recap_graph *out, recap_error *error)
{
    size_t most = 2 * (size_t)table->in_offsets[table->n];
    out->n = table->n;
    out->offsets = new_array(table->n + 1, sizeof *out->offsets);
    out->columns = new_array(most, sizeof *out->columns);
    out->weights = new_array(most, sizeof *out->weights);
    if (!out->offsets || !out->columns || !out->weights) {
        recap_free_graph(out);
        return fail_memory(error, most * (sizeof *out->columns + sizeof *out->weights));
    }
    out->offsets[0] = 0;
    for (size_t i = 0; i < table->n; i++)
        out->offsets[i + 1] = merge_row(table, i, out, out->offsets[i]);
    return RECAP_OK;
}

static void free_table(struct table *table)
{
    free(table->rows);
    free(table->counts);
    free(table->in_offsets);
    free(table->in);
}

int recap_build_fuzzy_graph(recap_context *context, const int32_t *indices, const float *distances,
                            size_t n, size_t k, recap_graph *out, recap_error *error)
{
    *out = (recap_graph){0};
    if (n == 0) return fail(error, RECAP_ERROR_USAGE, "a graph of 0 rows: at least 1 is needed");
    int status = check_table(indices, distances, n, k, error);
    if (status) return status;
    size_t places = n * k; /* the caller's arrays have as many */
    struct table table = {n,
                          k,
                          new_array(places, sizeof *table.rows),
                          new_array(n, sizeof *table.counts),
                          new_zeroed(n + 1, sizeof *table.in_offsets),
                          new_array(places, sizeof *table.in)};
    float *smooth = new_array(2 * n, sizeof *smooth);
    if (table.rows && table.counts && table.in_offsets && table.in && smooth) {
        cluster_smooth_neighbors(context, distances, n, k, smooth, smooth + n);
        fill_rows(&table, indices, distances, smooth, smooth + n);
        transpose(&table);
        status = merge_rows(&table, out, error);
    } else {
        status = fail_memory(error, places * 2 * sizeof(struct entry));
    }
    free_table(&table);
    free(smooth);
    return status;
}

void recap_free_graph(recap_graph *graph)
{
    free(graph->offsets);
    free(graph->columns);
    free(graph->weights);
    *graph = (recap_graph){0};
}

/* ---- the curve ---- */

enum { CURVE_POINTS = 300 };

/* Sum of squares of the residuals; adds J'J and J'r where `normal` is given ([0] aa, [1] ab, [2]
 * bb, [3] a, [4] b). */
static double curve_residual(double min_dist, double spread, double a, double b, double *normal)
{
    double sum = 0;
    for (int i = 0; i < CURVE_POINTS; i++) {
        double x = 3 * spread * i / (CURVE_POINTS - 1);
        double wanted = x < min_dist ? 1 : exp(-(x - min_dist) / spread);
        double power = x > 0 ? pow(x, 2 * b) : 0, value = 1 / (1 + a * power);
        double residual = value - wanted;
        sum += residual * residual;
        if (!normal) continue;
        double by_a = -value * value * power;
        double by_b = x > 0 ? by_a * a * 2 * log(x) : 0;
        normal[0] += by_a * by_a;
        normal[1] += by_a * by_b;
        normal[2] += by_b * by_b;
        normal[3] += by_a * residual;
        normal[4] += by_b * residual;
    }
    return sum;
}

/* Levenberg and Marquardt's method from a = b = 1. */
void cluster_fit_curve(double min_dist, double spread, double *a, double *b)
{
    double damping = 1e-3;
    *a = *b = 1;
    double sum = curve_residual(min_dist, spread, 1, 1, NULL);
    for (int round = 0; round < 200 && damping < 1e12; round++) {
        double m[5] = {0};
        curve_residual(min_dist, spread, *a, *b, m);
        double aa = m[0] * (1 + damping), bb = m[2] * (1 + damping);
        double determinant = aa * bb - m[1] * m[1];
        double next_a = *a - (bb * m[3] - m[1] * m[4]) / determinant;
        double next_b = *b - (aa * m[4] - m[1] * m[3]) / determinant;
        double next = next_a > 0 && next_b > 0
                          ? curve_residual(min_dist, spread, next_a, next_b, NULL)
                          : INFINITY;
        if (next < sum) {
            double gain = sum - next;
            *a = next_a;
            *b = next_b;
            sum = next;
            damping *= 0.1;
            if (gain < 1e-18 * sum) break;
        } else {
            damping *= 10;
        }
    }
}
