/* Exact k nearest neighbours in two steps: a fast one that proposes, an exact one that decides.
 *
 *   scores      blocks of n x n similarities in float: dot products (compute_product) or, for few
 *               Euclidean columns, squared differences. Only blocks on and above the diagonal are
 *               made; each serves its rows and its columns.
 *   candidates  per row the best k - 1 + MARGIN scores; whatever is dropped scored at most
 *               `threshold`
 *   decision    distances of the candidates in double, sorted by (distance, row)
 *   proof       float scores err by at most a bound that is known beforehand. If even threshold +
 *               bound is farther than the k-th exact distance, nothing dropped can belong to the
 *               answer. Rows where that can't be shown (many copies of one row, data far from the
 *               origin) are searched again by `search_fully`, which drops nothing by more than the
 *               bound.
 * So the answer is that of double arithmetic, whatever the kernels' rounding and the threads.
 * Memory: O(n k) for the candidates and three blocks. */
#include "cluster_private.h"

#include "compute/compute.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 512,         /* rows of a block */
    MARGIN = 12,         /* candidates beyond k - 1 */
    DIRECT_COLUMNS = 32, /* Euclidean rows up to this are compared by differences */
    LANES = 16,
};

struct candidate {
    float score; /* larger is nearer */
    int32_t row;
};

struct exact {
    double distance;
    int32_t row;
};

struct finder {
    recap_context *context;
    const float *x; /* [n, d] */
    size_t n, d, k;
    recap_metric metric;
    bool direct;
    size_t keep, capacity; /* candidates of a row after and before a cut */

    double *square; /* [n], of x's rows */
    double scale;   /* Euclidean: a power of two that brings |x| under 1 */
    double longest; /* the longest scaled row */
    float *half;    /* [n], half the scaled square, subtracted from a product; 0 under cosine */
    struct candidate *candidates; /* [n, capacity] */
    uint32_t *counts;             /* [n] */
    float *thresholds;            /* [n] */

    float *block_a, *block_b; /* [BLOCK, d] scaled rows; block_b transposed where direct */
    float *scores;            /* [BLOCK, BLOCK] */
    size_t a, n_a, b, n_b;    /* the rows of the current blocks */

    int32_t *indices;
    float *distances;
    uint8_t *open; /* [n], rows without a proof */
    atomic_bool out_of_memory;
};

/* ---- scaled rows ---- */

static void measure_rows(void *data, size_t begin, size_t end, int thread)
{
    struct finder *f = data;
    for (size_t i = begin; i < end; i++) {
        const float *row = f->x + cluster_offset(i, f->d, 0);
        f->square[i] = matrix_dot(row, row, f->d);
    }
}

static double row_scale(const struct finder *f, size_t i)
{
    return f->metric == RECAP_METRIC_COSINE ? 1 / sqrt(f->square[i]) : f->scale;
}

static void choose_scale(struct finder *f)
{
    float largest = 0;
    for (size_t i = 0; i < f->n * f->d; i++)
        if (fabsf(f->x[i]) > largest) largest = fabsf(f->x[i]);
    int exponent = 0;
    frexp((double)largest, &exponent);
    f->scale = ldexp(1, -exponent);
    f->longest = 0;
    for (size_t i = 0; i < f->n; i++) {
        double length = sqrt(f->square[i]) * row_scale(f, i);
        if (length > f->longest) f->longest = length;
        bool is_product = f->metric == RECAP_METRIC_EUCLIDEAN && !f->direct;
        f->half[i] = is_product ? (float)(0.5 * length * length) : 0;
    }
}

struct loading {
    const struct finder *f;
    size_t first; /* row that goes to row 0 of out */
    float *out;
    bool is_transposed;
};

static void load_pieces(void *data, size_t begin, size_t end, int thread)
{
    const struct loading *l = data;
    const struct finder *f = l->f;
    for (size_t r = begin; r < end; r++) {
        const float *row = f->x + cluster_offset(l->first + r, f->d, 0);
        const double scale = row_scale(f, l->first + r);
        float *out = l->is_transposed ? l->out + r : l->out + r * f->d;
        const size_t step = l->is_transposed ? BLOCK : 1;
        for (size_t c = 0; c < f->d; c++) out[c * step] = (float)(scale * (double)row[c]);
    }
}

static void load_rows(const struct finder *f, size_t first, size_t n, float *out, bool transposed)
{
    struct loading loading = {f, first, out, transposed};
    pool_run(context_pool(f->context), n, 64, load_pieces, &loading);
}

/* ---- scores of a block ---- */

static void score_directly(void *data, size_t begin, size_t end, int thread)
{
    struct finder *f = data;
    for (size_t r = begin; r < end; r++) {
        float *restrict out = f->scores + r * BLOCK;
        const float *row = f->block_a + r * f->d;
        memset(out, 0, f->n_b * sizeof *out);
        for (size_t c = 0; c < f->d; c++) {
            const float *restrict column = f->block_b + c * BLOCK;
            float value = row[c];
            for (size_t j = 0; j < f->n_b; j++) {
                float u = value - column[j];
                out[j] -= u * u;
            }
        }
    }
}

static void score_block(struct finder *f)
{
    if (f->direct)
        pool_run(context_pool(f->context), f->n_a, 32, score_directly, f);
    else
        compute_product(f->context, f->n_a, f->n_b, f->d, f->block_a, f->d, f->block_b, f->d,
                        f->scores, BLOCK);
}

/* ---- candidates ---- */

/* Moves the `keep` largest scores to the front and returns the smallest of them. */
static float select_largest(struct candidate *list, size_t n, size_t keep)
{
    size_t low = 0, high = n - 1;
    while (low < high) {
        float pivot = list[low + (high - low) / 2].score;
        size_t i = low, j = high;
        while (i <= j) {
            while (list[i].score > pivot) i++;
            while (list[j].score < pivot) j--;
            if (i > j) break;
            struct candidate swap = list[i];
            list[i++] = list[j];
            list[j] = swap;
            if (j == 0) break;
            j--;
        }
        if (keep - 1 <= j)
            high = j;
        else if (keep - 1 >= i)
            low = i;
        else
            break;
    }
    float smallest = list[0].score;
    for (size_t i = 1; i < keep; i++)
        if (list[i].score < smallest) smallest = list[i].score;
    return smallest;
}

static void push(struct finder *f, size_t row, size_t other, float score)
{
    if (row == other) return;
    struct candidate *list = f->candidates + cluster_offset(row, f->capacity, 0);
    list[f->counts[row]++] = (struct candidate){score, (int32_t)other};
    if (f->counts[row] < f->capacity) return;
    f->thresholds[row] = select_largest(list, f->capacity, f->keep);
    f->counts[row] = (uint32_t)f->keep;
}

/* The block's rows: each looks along its row of scores. */
static void collect_rows(void *data, size_t begin, size_t end, int thread)
{
    struct finder *f = data;
    const float *half = f->half + f->b;
    for (size_t r = begin; r < end; r++) {
        const float *scores = f->scores + r * BLOCK;
        const float *threshold = &f->thresholds[f->a + r];
        for (size_t c = 0; c < f->n_b; c += LANES) {
            size_t n = f->n_b - c < LANES ? f->n_b - c : LANES;
            int any = n < LANES;
            if (n == LANES)
                for (size_t t = 0; t < LANES; t++) any |= scores[c + t] - half[c + t] > *threshold;
            for (size_t t = 0; any && t < n; t++) {
                float score = scores[c + t] - half[c + t];
                if (score > *threshold) push(f, f->a + r, f->b + c + t, score);
            }
        }
    }
}

/* The block's columns: each looks down its column, LANES columns side by side. */
static void collect_columns(void *data, size_t begin, size_t end, int thread)
{
    struct finder *f = data;
    float *thresholds = f->thresholds + f->b;
    for (size_t c = begin; c < end; c += LANES) {
        size_t n = end - c < LANES ? end - c : LANES;
        for (size_t r = 0; r < f->n_a; r++) {
            const float *scores = f->scores + r * BLOCK + c;
            float half = f->half[f->a + r];
            int any = n < LANES;
            if (n == LANES)
                for (size_t t = 0; t < LANES; t++) any |= scores[t] - half > thresholds[c + t];
            for (size_t t = 0; any && t < n; t++)
                if (scores[t] - half > thresholds[c + t])
                    push(f, f->b + c + t, f->a + r, scores[t] - half);
        }
    }
}

static int collect(struct finder *f, recap_error *error)
{
    struct pool *pool = context_pool(f->context);
    for (size_t i = 0; i < f->n; i++) f->thresholds[i] = -INFINITY;
    for (f->a = 0; f->a < f->n; f->a += BLOCK) {
        f->n_a = f->n - f->a < BLOCK ? f->n - f->a : BLOCK;
        load_rows(f, f->a, f->n_a, f->block_a, false);
        for (f->b = f->a; f->b < f->n; f->b += BLOCK) {
            int status = context_check(f->context, "neighbors", f->a, f->n, error);
            if (status) return status;
            f->n_b = f->n - f->b < BLOCK ? f->n - f->b : BLOCK;
            load_rows(f, f->b, f->n_b, f->block_b, f->direct);
            score_block(f);
            pool_run(pool, f->n_a, 32, collect_rows, f);
            if (f->b != f->a) pool_run(pool, f->n_b, 32, collect_columns, f);
        }
    }
    return RECAP_OK;
}

/* ---- decision and proof ---- */

static int nearer(const void *left, const void *right)
{
    const struct exact *a = left, *b = right;
    if (a->distance != b->distance) return a->distance < b->distance ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static double exact_distance(const struct finder *f, size_t i, size_t j)
{
    return matrix_distance(f->metric, f->x + cluster_offset(i, f->d, 0),
                           f->x + cluster_offset(j, f->d, 0), f->d, f->square[i], f->square[j]);
}

/* How much a score in float may differ from the exact one: the standard bound of a sum of d
 * products in any order, the rounding of the scaled rows, of `half` and of the subtraction; with
 * differences the error is relative to the score. */
static double score_error(const struct finder *f, size_t i, double score)
{
    const double unit = 0x1p-24, tiny = 1e-36 * (double)(f->d + 1);
    if (f->direct) return 1.01 * unit * (double)(f->d + 4) * fabs(score) + tiny;
    double length = sqrt(f->square[i]) * row_scale(f, i);
    double sum = (double)(f->d + 8) * length * f->longest + 4 * f->longest * f->longest;
    return 1.01 * unit * sum + tiny;
}

/* The score that a row at `distance` from row i would have in exact arithmetic. */
static double score_at(const struct finder *f, size_t i, double distance)
{
    if (f->metric == RECAP_METRIC_COSINE) return 1 - distance;
    double squared = distance * f->scale * (distance * f->scale);
    if (f->direct) return -squared;
    return 0.5 * (f->square[i] * f->scale * f->scale - squared);
}

static void write_row(struct finder *f, size_t i, const struct exact *list)
{
    size_t at = cluster_offset(i, f->k, 0);
    f->indices[at] = (int32_t)i;
    f->distances[at] = 0;
    for (size_t t = 1; t < f->k; t++) {
        f->indices[at + t] = list[t - 1].row;
        double distance = list[t - 1].distance;
        f->distances[at + t] = distance < (double)FLT_MAX ? (float)distance : FLT_MAX;
    }
}

static void decide_rows(void *data, size_t begin, size_t end, int thread)
{
    struct finder *f = data;
    struct exact *list = new_array(f->capacity, sizeof *list);
    if (!list) atomic_store(&f->out_of_memory, true);
    for (size_t r = begin; list && r < end; r++) {
        const size_t i = f->a + r;
        struct candidate *candidates = f->candidates + cluster_offset(i, f->capacity, 0);
        size_t n = f->counts[i];
        if (n > f->keep) {
            f->thresholds[i] = select_largest(candidates, n, f->keep);
            n = f->keep;
        }
        for (size_t t = 0; t < n; t++) {
            size_t j = (size_t)candidates[t].row;
            list[t] = (struct exact){exact_distance(f, i, j), (int32_t)j};
        }
        qsort(list, n, sizeof *list, nearer);
        write_row(f, i, list);
        if (f->k < 2 || n + 1 == f->n) continue;
        double needed = score_at(f, i, list[f->k - 2].distance);
        double best_dropped = (double)f->thresholds[i];
        /* Two roundings of the conversion itself are far below the bound's own slack. */
        f->open[i] = best_dropped + score_error(f, i, best_dropped) >= needed;
    }
    free(list);
}

/* ---- rows without a proof ---- */

/* Inserts into the sorted list of at most `limit`; ties stand in order of their rows because rows
 * come in ascending order. */
static size_t insert(struct exact *list, size_t n, size_t limit, struct exact item)
{
    if (n == limit && list[n - 1].distance <= item.distance) return n;
    size_t at = n < limit ? n++ : n - 1;
    for (; at > 0 && list[at - 1].distance > item.distance; at--) list[at] = list[at - 1];
    list[at] = item;
    return n;
}

/* Row i against all others. A row is passed over only if its float score is so low that it can't be
 * as near as the k-th exact distance known so far; `reach` is that distance. */
static void search_fully(struct finder *f, size_t i, struct exact *list)
{
    double reach = (double)f->distances[cluster_offset(i, f->k, f->k - 1)] * (1 + 1e-6);
    double length = sqrt(f->square[i]);
    size_t n = 0, limit = f->k - 1;
    const float *row = f->x + cluster_offset(i, f->d, 0);
    bool is_cosine = f->metric == RECAP_METRIC_COSINE;
    for (size_t j = 0; j < f->n; j++) {
        if (j == i) continue;
        if (is_cosine) {
            const float *other = f->x + cluster_offset(j, f->d, 0);
            double lengths = length * sqrt(f->square[j]);
            double dot = (double)compute_dot(row, other, f->d);
            double slack = 1.01 * 0x1p-24 * (double)(f->d + 8);
            bool usable = lengths > 1e-18 && lengths < 1e36;
            if (usable && 1 - dot / lengths > reach + slack) continue;
        }
        n = insert(list, n, limit, (struct exact){exact_distance(f, i, j), (int32_t)j});
        if (n == limit && list[n - 1].distance == 0) break;
    }
    write_row(f, i, list);
}

static void search_open_rows(void *data, size_t begin, size_t end, int thread)
{
    struct finder *f = data;
    struct exact *list = NULL;
    for (size_t r = begin; r < end && !context_cancelled(f->context); r++) {
        const size_t i = f->a + r;
        if (!f->open[i]) continue;
        if (!list) list = new_array(f->k, sizeof *list);
        if (list)
            search_fully(f, i, list);
        else
            atomic_store(&f->out_of_memory, true);
    }
    free(list);
}

/* fn over all rows, BLOCK of them (from f->a on) between two looks at the context. */
static int run_rows(struct finder *f, pool_fn fn, recap_error *error)
{
    for (f->a = 0; f->a < f->n; f->a += BLOCK) {
        int status = context_check(f->context, "neighbors", f->a, f->n, error);
        if (status) return status;
        f->n_a = f->n - f->a < BLOCK ? f->n - f->a : BLOCK;
        pool_run(context_pool(f->context), f->n_a, 16, fn, f);
    }
    bool failed = atomic_load(&f->out_of_memory);
    return failed ? fail_memory(error, f->capacity * sizeof(struct exact)) : RECAP_OK;
}

static int decide(struct finder *f, recap_error *error)
{
    int status = run_rows(f, decide_rows, error);
    if (status || memchr(f->open, true, f->n) == NULL) return status;
    return run_rows(f, search_open_rows, error);
}

/* ---- the whole ---- */

static void free_finder(struct finder *f)
{
    free(f->square);
    free(f->half);
    free(f->candidates);
    free(f->counts);
    free(f->thresholds);
    free(f->block_a);
    free(f->block_b);
    free(f->scores);
    free(f->open);
}

static int allocate_finder(struct finder *f, recap_error *error)
{
    size_t rows, n = f->n;
    if (!size_mul(n, f->capacity, &rows)) return fail_memory(error, SIZE_MAX);
    f->square = new_array(n, sizeof *f->square);
    f->half = new_array(n, sizeof *f->half);
    f->candidates = new_array(rows, sizeof *f->candidates);
    f->counts = new_zeroed(n, sizeof *f->counts);
    f->thresholds = new_array(n, sizeof *f->thresholds);
    f->block_a = new_aligned(BLOCK * f->d, sizeof *f->block_a);
    f->block_b = new_aligned(BLOCK * f->d, sizeof *f->block_b);
    f->scores = new_aligned((size_t)BLOCK * BLOCK, sizeof *f->scores);
    f->open = new_zeroed(n, sizeof *f->open);
    bool good = f->square && f->half && f->candidates && f->counts && f->thresholds && f->block_a &&
                f->block_b && f->scores && f->open;
    return good ? RECAP_OK : fail_memory(error, rows * sizeof *f->candidates);
}

int recap_find_neighbors(recap_context *context, const float *x, size_t n, size_t d,
                         recap_metric metric, size_t k, int32_t *indices, float *distances,
                         recap_error *error)
{
    int status = cluster_check_matrix(x, n, d, metric, error);
    if (status) return status;
    if (n == 0) return RECAP_OK;
    if (k < 1 || k > n)
        return fail(error, RECAP_ERROR_USAGE, "%zu neighbors of %zu rows: 1 to %zu are allowed", k,
                    n, n);
    struct finder f = {.context = context,
                       .x = x,
                       .n = n,
                       .d = d,
                       .k = k,
                       .metric = metric,
                       .indices = indices,
                       .distances = distances};
    f.direct = metric == RECAP_METRIC_EUCLIDEAN && d <= DIRECT_COLUMNS;
    f.keep = k - 1 + MARGIN < n - 1 ? k - 1 + MARGIN : n - 1;
    if (f.keep == 0) f.keep = 1;
    f.capacity = 2 * f.keep;
    status = allocate_finder(&f, error);
    if (!status) {
        pool_run(context_pool(context), n, 64, measure_rows, &f);
        choose_scale(&f);
        status = collect(&f, error);
    }
    if (!status) status = decide(&f, error);
    free_finder(&f);
    return status;
}
