/* Checks of the rooms' matrices, exact distances between rows, and numbering of labels.
 *
 * Sums run over eight double lanes in a fixed order: the same two rows give the same bits wherever
 * they stand, and a row against itself gives its own square exactly. */
#include "cluster_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef float float4 __attribute__((vector_size(16)));
typedef double double4 __attribute__((vector_size(32)));

static inline __attribute__((always_inline)) void load4(const float *x, double4 *out)
{
    float4 v;
    memcpy(&v, x, sizeof v);
    *out = __builtin_convertvector(v, double4);
}

/* Inlined into a version for each instruction set; they give the same bits. */
static inline __attribute__((always_inline)) double dot(const float *a, const float *b, size_t d)
{
    double4 s0 = {0}, s1 = {0}, u, v;
    size_t i = 0;
    for (; i + 8 <= d; i += 8) {
        load4(a + i, &u);
        load4(b + i, &v);
        s0 += u * v;
        load4(a + i + 4, &u);
        load4(b + i + 4, &v);
        s1 += u * v;
    }
    s0 += s1;
    double sum = (s0[0] + s0[1]) + (s0[2] + s0[3]);
    for (; i < d; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

static inline __attribute__((always_inline)) double squared(const float *a, const float *b,
                                                            size_t d)
{
    double4 s0 = {0}, s1 = {0}, u, v;
    size_t i = 0;
    for (; i + 8 <= d; i += 8) {
        load4(a + i, &u);
        load4(b + i, &v);
        u -= v;
        s0 += u * u;
        load4(a + i + 4, &u);
        load4(b + i + 4, &v);
        u -= v;
        s1 += u * u;
    }
    s0 += s1;
    double sum = (s0[0] + s0[1]) + (s0[2] + s0[3]);
    for (; i < d; i++) {
        double difference = (double)a[i] - (double)b[i];
        sum += difference * difference;
    }
    return sum;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static double dot_avx2(const float *a, const float *b, size_t d)
{
    return dot(a, b, d);
}

__attribute__((target("avx2"))) static double squared_avx2(const float *a, const float *b, size_t d)
{
    return squared(a, b, d);
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}
#else
#define dot_avx2 dot
#define squared_avx2 squared

static bool has_avx2(void)
{
    return false;
}
#endif

double matrix_dot(const float *a, const float *b, size_t d)
{
    return has_avx2() ? dot_avx2(a, b, d) : dot(a, b, d);
}

double matrix_squared_distance(const float *a, const float *b, size_t d)
{
    return has_avx2() ? squared_avx2(a, b, d) : squared(a, b, d);
}

double matrix_distance(recap_metric metric, const float *a, const float *b, size_t d,
                       double square_a, double square_b)
{
    if (metric == RECAP_METRIC_EUCLIDEAN) return sqrt(matrix_squared_distance(a, b, d));
    /* sqrt(s * s) is s exactly, so equal rows are at distance 0; rounding elsewhere is clamped. */
    double distance = 1 - matrix_dot(a, b, d) / sqrt(square_a * square_b);
    return distance < 0 ? 0 : distance > 2 ? 2 : distance;
}

static int check_row(const float *row, size_t i, size_t d, recap_metric metric, recap_error *error)
{
    bool zero = true;
    for (size_t c = 0; c < d; c++) {
        if (!isfinite(row[c]))
            return fail(error, RECAP_ERROR_INPUT,
                        "row %zu, column %zu is %g: every value must be a finite number", i, c,
                        (double)row[c]);
        zero = zero && row[c] == 0;
    }
    if (zero && metric == RECAP_METRIC_COSINE)
        return fail(error, RECAP_ERROR_INPUT,
                    "row %zu holds only zeros: it has no direction, so no cosine", i);
    return RECAP_OK;
}

int cluster_check_matrix(const float *x, size_t n, size_t d, recap_metric metric,
                         recap_error *error)
{
    size_t bytes;
    if (metric != RECAP_METRIC_EUCLIDEAN && metric != RECAP_METRIC_COSINE)
        return fail(error, RECAP_ERROR_USAGE, "metric %d: 0 (euclidean) or 1 (cosine) are allowed",
                    (int)metric);
    if (n > INT32_MAX)
        return fail(error, RECAP_ERROR_INPUT, "%zu rows: at most %d are allowed", n, INT32_MAX);
    if (n && d == 0)
        return fail(error, RECAP_ERROR_INPUT, "rows of 0 columns: at least 1 is needed");
    if (!size_mul(n, d, &bytes) || !size_mul(bytes, sizeof *x, &bytes))
        return fail(error, RECAP_ERROR_INPUT, "%zu rows of %zu columns exceed the address space", n,
                    d);
    for (size_t i = 0; i < n; i++) {
        int status = check_row(x + cluster_offset(i, d, 0), i, d, metric, error);
        if (status) return status;
    }
    return RECAP_OK;
}

size_t matrix_renumber(int32_t *labels, size_t n, size_t k, int32_t *map)
{
    size_t next = 0;
    for (size_t c = 0; c < k; c++) map[c] = -1;
    for (size_t i = 0; i < n; i++) {
        if (labels[i] < 0) continue;
        if (map[labels[i]] < 0) map[labels[i]] = (int32_t)next++;
        labels[i] = map[labels[i]];
    }
    return next;
}
