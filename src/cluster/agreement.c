/* Agreement of two labelings, corrected for chance.
 *
 * Both measures need only the sizes of the labels in a and in b and of the cells where both meet;
 * the cells come from sorting, so the table is never made. Expected mutual information is the exact
 * one (Vinh, Epps, Bailey 2010), summed once per pair of distinct sizes; the mean of the entropies
 * normalises, as in scikit-learn. */
#include "recap/cluster.h"

#include "base/base.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Sizes in order of label, or of cell. */
struct sizes {
    size_t n;
    size_t *size; /* [n] */
};

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int compare_sizes(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

/* Run lengths of the sorted keys. */
static struct sizes count_runs(const uint64_t *keys, size_t n)
{
    struct sizes runs = {0, new_array(n, sizeof *runs.size)};
    for (size_t i = 0; runs.size && i < n; i++) {
        if (i == 0 || keys[i] != keys[i - 1]) runs.size[runs.n++] = 0;
        runs.size[runs.n - 1]++;
    }
    return runs;
}

struct table {
    size_t n; /* rows */
    struct sizes a, b, cells;
    uint64_t *keys; /* [n], sorted pairs */
};

static void table_free(struct table *table)
{
    free(table->a.size);
    free(table->b.size);
    free(table->cells.size);
    free(table->keys);
}

static struct sizes count_labels(const int32_t *labels, size_t n, uint64_t *keys)
{
    for (size_t i = 0; i < n; i++) keys[i] = (uint32_t)labels[i];
    qsort(keys, n, sizeof *keys, compare_u64);
    return count_runs(keys, n);
}

static bool table_make(const int32_t *a, const int32_t *b, size_t n, struct table *table)
{
    *table = (struct table){.n = n, .keys = new_array(n, sizeof *table->keys)};
    if (!table->keys) return false;
    table->a = count_labels(a, n, table->keys);
    table->b = count_labels(b, n, table->keys);
    for (size_t i = 0; i < n; i++) table->keys[i] = (uint64_t)(uint32_t)a[i] << 32 | (uint32_t)b[i];
    qsort(table->keys, n, sizeof *table->keys, compare_u64);
    table->cells = count_runs(table->keys, n);
    return table->a.size && table->b.size && table->cells.size;
}

/* ---- adjusted Rand ---- */

static double count_pairs(const struct sizes *sizes)
{
    double pairs = 0;
    for (size_t i = 0; i < sizes->n; i++)
        pairs += (double)sizes->size[i] * ((double)sizes->size[i] - 1) / 2;
    return pairs;
}

double recap_adjusted_rand(const int32_t *a, const int32_t *b, size_t n)
{
    struct table table;
    double result = NAN;
    if (table_make(a, b, n, &table)) {
        double both = count_pairs(&table.cells);
        double in_a = count_pairs(&table.a), in_b = count_pairs(&table.b);
        double all = (double)n * ((double)n - 1) / 2;
        if (in_a == both && in_b == both) {
            result = 1;
        } else {
            double expected = in_a * in_b / all;
            result = (both - expected) / ((in_a + in_b) / 2 - expected);
        }
    }
    table_free(&table);
    return result;
}

/* ---- adjusted mutual information ---- */

static double entropy(const struct sizes *sizes, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < sizes->n; i++) {
        double share = (double)sizes->size[i] / (double)n;
        sum -= share * log(share);
    }
    return sum;
}

/* ln k! for k = 0 .. n, in long double so that differences of large ones keep their digits. */
static long double *log_factorials(size_t n)
{
    long double *table = new_array(n + 1, sizeof *table);
    if (!table) return NULL;
    table[0] = 0;
    for (size_t k = 1; k <= n; k++) table[k] = table[k - 1] + logl((long double)k);
    return table;
}

/* The expected share of one pair of labels of sizes a and b among n rows: over all the sizes that
 * their cell may have, hypergeometric. */
static double expected_cell(size_t a, size_t b, size_t n, const long double *f)
{
    size_t least = a + b > n ? a + b - n : 1, most = a < b ? a : b;
    long double fixed = f[a] + f[b] + f[n - a] + f[n - b] - f[n];
    double sum = 0;
    for (size_t k = least ? least : 1; k <= most; k++) {
        long double chance = fixed - f[k] - f[a - k] - f[b - k] - f[n + k - a - b];
        double information = log((double)n * (double)k / ((double)a * (double)b));
        sum += (double)k / (double)n * information * exp((double)chance);
    }
    return sum;
}

/* Sums over distinct sizes: n rows have at most sqrt(2 n) of them. Sorts both. */
static double expected_information(struct sizes *a, struct sizes *b, size_t n, const long double *f)
{
    double sum = 0;
    qsort(a->size, a->n, sizeof *a->size, compare_sizes);
    qsort(b->size, b->n, sizeof *b->size, compare_sizes);
    for (size_t i = 0, next_i; i < a->n; i = next_i) {
        for (next_i = i; next_i < a->n && a->size[next_i] == a->size[i];) next_i++;
        for (size_t j = 0, next_j; j < b->n; j = next_j) {
            for (next_j = j; next_j < b->n && b->size[next_j] == b->size[j];) next_j++;
            double times = (double)(next_i - i) * (double)(next_j - j);
            sum += times * expected_cell(a->size[i], b->size[j], n, f);
        }
    }
    return sum;
}

/* Away from 0 by at least the rounding of 1, keeping the sign: 0 / 0 of a perfect match is 1. */
static double not_zero(double value)
{
    if (value < 0) return value < -DBL_EPSILON ? value : -DBL_EPSILON;
    return value > DBL_EPSILON ? value : DBL_EPSILON;
}

double recap_adjusted_mutual_information(const int32_t *a, const int32_t *b, size_t n)
{
    struct table table;
    double result = NAN;
    long double *factorials = log_factorials(n);
    if (table_make(a, b, n, &table) && factorials) {
        if (table.a.n <= 1 || table.b.n <= 1) {
            result = table.a.n == table.b.n ? 1 : 0;
        } else if (table.a.n == table.cells.n && table.b.n == table.cells.n) {
            result = 1; /* the same partition; 0 / 0 where all rows are alone */
        } else {
            double of_a = entropy(&table.a, n), of_b = entropy(&table.b, n);
            double information = of_a + of_b - entropy(&table.cells, n);
            double expected = expected_information(&table.a, &table.b, n, factorials);
            result = not_zero(information - expected) / not_zero((of_a + of_b) / 2 - expected);
        }
    }
    free(factorials);
    table_free(&table);
    return result;
}
