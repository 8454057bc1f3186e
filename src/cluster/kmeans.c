/* k-means: Lloyd, mini-batches (Sculley 2010), k-means++ (Arthur, Vassilvitskii 2007).
 *
 *   nearest centre  scores by compute_product in float propose, double decides: every centre whose
 *                   score is within the float's error bound of the best is measured exactly, so the
 *                   labels are those of double arithmetic (ties: the lower centre)
 *   new centres     means in double, rows added in their order
 *   empty centres   take the row that is farthest from its own centre; where all rows stand on
 *                   centres, the empty ones are dropped at the end
 * Shapes: x [n, d], centres [k, d]. */
#include "cluster_private.h"

#include "compute/compute.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 512, MAX_ITERATIONS = 300, STARTS = 3, PATIENCE = 10 };
static const uint64_t STREAM_START = 0x6b6d0000, STREAM_BATCH = 0x6b6e0000;

typedef double pair __attribute__((vector_size(16)));

struct kmeans {
    recap_context *context;
    const float *x;
    size_t n, d, k;        /* k: centres in use */
    const float *rows;     /* the rows being assigned: x, or a batch */
    double *centers;       /* [k, d] */
    float *rounded, *half; /* [k, d], [k]: centres in float, half their squares */
    double longest;        /* of the centres */
    float *scores;         /* [ROWS, k] */
    size_t first;          /* row of scores[0] */
    int32_t *labels;       /* [n] */
    double *distances;     /* [n], squared, to the row's own centre */
    double *sums;          /* [k, d] */
    size_t *counts;        /* [k] */
};

/* ---- the nearest centre ---- */

static double squared_distance(const float *row, const double *center, size_t d)
{
    pair s0 = {0}, s1 = {0};
    size_t c = 0;
    for (; c + 4 <= d; c += 4) {
        pair u = {(double)row[c] - center[c], (double)row[c + 1] - center[c + 1]};
        pair v = {(double)row[c + 2] - center[c + 2], (double)row[c + 3] - center[c + 3]};
        s0 += u * u;
        s1 += v * v;
    }
    s0 += s1;
    double sum = s0[0] + s0[1];
    for (; c < d; c++) {
        double u = (double)row[c] - center[c];
        sum += u * u;
    }
    return sum;
}

/* A score is x.c - |c|^2 / 2, larger for a nearer centre. In float it errs by less than this: the
 * rounding of a sum of d products, of the centre, of half its square and of the subtraction. */
static double score_error(const struct kmeans *m, const float *row)
{
    double length = sqrt(matrix_dot(row, row, m->d)), unit = 1.01 * 0x1p-24;
    double error = unit * ((double)(m->d + 12) * length * m->longest + 4 * m->longest * m->longest);
    return error < 1e30 ? error + 1e-30 : INFINITY; /* past that floats overflow: measure all */
}

static void assign_row(const struct kmeans *m, size_t i, const float *scores)
{
    const float *row = m->rows + i * m->d;
    double slack = 2 * score_error(m, row), least = -INFINITY;
    if (isfinite(slack)) {
        float best = -INFINITY;
        for (size_t j = 0; j < m->k; j++) {
            float score = scores[j] - m->half[j];
            if (score > best) best = score;
        }
        least = (double)best - slack;
    }
    double nearest = INFINITY;
    int32_t label = 0;
    for (size_t j = 0; j < m->k; j++) {
        if (isfinite(least) && (double)(scores[j] - m->half[j]) < least) continue;
        double distance = squared_distance(row, m->centers + j * m->d, m->d);
        if (distance >= nearest) continue;
        nearest = distance;
        label = (int32_t)j;
    }
    m->labels[i] = label;
    m->distances[i] = nearest;
}

static void assign_rows(void *data, size_t begin, size_t end, int thread)
{
    const struct kmeans *m = data;
    for (size_t r = begin; r < end; r++) assign_row(m, m->first + r, m->scores + r * m->k);
}

static void round_centers(struct kmeans *m)
{
    m->longest = 0;
    for (size_t j = 0; j < m->k; j++) {
        double square = 0;
        for (size_t c = 0; c < m->d; c++) {
            double value = m->centers[j * m->d + c];
            m->rounded[j * m->d + c] = (float)value;
            square += value * value;
        }
        m->half[j] = (float)fmin(0.5 * square, (double)FLT_MAX);
        if (sqrt(square) > m->longest) m->longest = sqrt(square);
    }
}

/* Labels and distances of n of m->rows. */
static int assign(struct kmeans *m, const float *rows, size_t n, recap_error *error)
{
    round_centers(m);
    m->rows = rows;
    for (m->first = 0; m->first < n; m->first += ROWS) {
        int status = context_check(m->context, "k-means", m->first, n, error);
        if (status) return status;
        size_t count = n - m->first < ROWS ? n - m->first : ROWS;
        compute_product(m->context, count, m->k, m->d, rows + m->first * m->d, m->d, m->rounded,
                        m->d, m->scores, m->k);
        pool_run(context_pool(m->context), count, 64, assign_rows, m);
    }
    return RECAP_OK;
}

static double inertia_of(const struct kmeans *m)
{
    double sum = 0;
    for (size_t i = 0; i < m->n; i++) sum += m->distances[i];
    return sum;
}

/* ---- the start ---- */

struct seeding {
    struct kmeans *m;
    const double *center;
};

static void lower_distances(void *data, size_t begin, size_t end, int thread)
{
    const struct seeding *s = data;
    for (size_t i = begin; i < end; i++) {
        double distance = squared_distance(s->m->x + i * s->m->d, s->center, s->m->d);
        if (distance < s->m->distances[i]) s->m->distances[i] = distance;
    }
}

static void copy_row(double *to, const float *from, size_t d)
{
    for (size_t c = 0; c < d; c++) to[c] = (double)from[c];
}

/* The row where the running sum of the distances passes `share` of their total. */
static size_t draw_row(const struct kmeans *m, double total, double share)
{
    double sum = 0;
    size_t last = 0;
    for (size_t i = 0; i < m->n; i++) {
        if (m->distances[i] <= 0) continue;
        sum += m->distances[i];
        last = i;
        if (sum > share * total) break;
    }
    return last;
}

/* k-means++; fewer than `wanted` centres where fewer distinct rows exist. */
static int seed_centers(struct kmeans *m, size_t wanted, size_t start, recap_error *error)
{
    const uint64_t seed = m->context ? m->context->seed : 0, stream = STREAM_START + start;
    size_t row = random_below(m->n, seed, stream, 0);
    for (size_t i = 0; i < m->n; i++) m->distances[i] = INFINITY;
    for (m->k = 0; m->k < wanted;) {
        int status = context_check(m->context, "k-means", m->k, wanted, error);
        if (status) return status;
        double *center = m->centers + m->k++ * m->d;
        copy_row(center, m->x + row * m->d, m->d);
        struct seeding seeding = {m, center};
        pool_run(context_pool(m->context), m->n, 256, lower_distances, &seeding);
        double total = inertia_of(m);
        if (!(total > 0)) break;
        row = draw_row(m, total, random_unit(seed, stream, m->k));
    }
    return RECAP_OK;
}

/* ---- Lloyd ---- */

static void add_rows(struct kmeans *m)
{
    memset(m->sums, 0, m->k * m->d * sizeof *m->sums);
    memset(m->counts, 0, m->k * sizeof *m->counts);
    for (size_t i = 0; i < m->n; i++) {
        double *restrict sum = m->sums + (size_t)m->labels[i] * m->d;
        const float *restrict row = m->x + i * m->d;
        for (size_t c = 0; c < m->d; c++) sum[c] += (double)row[c];
        m->counts[m->labels[i]]++;
    }
}

static size_t farthest_row(const struct kmeans *m)
{
    size_t farthest = 0;
    for (size_t i = 1; i < m->n; i++)
        if (m->distances[i] > m->distances[farthest]) farthest = i;
    return farthest;
}

/* Gives every empty centre the row that is farthest from its own. */
static void fill_empty(struct kmeans *m)
{
    for (size_t j = 0; j < m->k; j++) {
        if (m->counts[j] > 0) continue;
        size_t row = farthest_row(m);
        if (!(m->distances[row] > 0) || m->counts[m->labels[row]] < 2) return;
        double *sum = m->sums + (size_t)m->labels[row] * m->d;
        for (size_t c = 0; c < m->d; c++) sum[c] -= (double)m->x[row * m->d + c];
        m->counts[m->labels[row]]--;
        copy_row(m->sums + j * m->d, m->x + row * m->d, m->d);
        m->counts[j] = 1;
        m->labels[row] = (int32_t)j;
        m->distances[row] = 0;
    }
}

static void update_centers(struct kmeans *m)
{
    add_rows(m);
    fill_empty(m);
    for (size_t j = 0; j < m->k; j++)
        for (size_t c = 0; m->counts[j] > 0 && c < m->d; c++)
            m->centers[j * m->d + c] = m->sums[j * m->d + c] / (double)m->counts[j];
}

/* Until no label changes; `before` [n] is working memory. */
static int run_lloyd(struct kmeans *m, size_t iterations, int32_t *before, recap_error *error)
{
    for (size_t i = 0; i < m->n; i++) before[i] = -1;
    int status = assign(m, m->x, m->n, error);
    for (size_t t = 0; !status && t < iterations; t++) {
        if (memcmp(before, m->labels, m->n * sizeof *before) == 0) break;
        memcpy(before, m->labels, m->n * sizeof *before);
        update_centers(m);
        status = assign(m, m->x, m->n, error);
    }
    return status;
}

/* ---- mini-batches ---- */

/* Moves each centre towards the batch's rows with a rate of one over the rows it has seen. */
static void follow_batch(struct kmeans *m, const float *batch, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        size_t j = (size_t)m->labels[i];
        double rate = 1 / (double)++m->counts[j];
        double *center = m->centers + j * m->d;
        for (size_t c = 0; c < m->d; c++)
            center[c] += rate * ((double)batch[i * m->d + c] - center[c]);
    }
}

/* Ends after PATIENCE batches in a row without a better smoothed inertia. */
static int run_batches(struct kmeans *m, size_t size, size_t iterations, size_t start,
                       recap_error *error)
{
    const uint64_t seed = m->context ? m->context->seed : 0;
    float *batch = new_array(size * m->d, sizeof *batch);
    if (!batch) return fail_memory(error, size * m->d * sizeof *batch);
    double smooth = 0, best = INFINITY;
    double weight = fmin(1, 2 * (double)size / (double)(m->n + 1));
    int status = RECAP_OK;
    memset(m->counts, 0, m->k * sizeof *m->counts);
    for (size_t t = 0, waiting = 0; !status && t < iterations && waiting < PATIENCE; t++) {
        for (size_t i = 0; i < size; i++) {
            size_t row = random_below(m->n, seed, STREAM_BATCH + start, t * size + i);
            memcpy(batch + i * m->d, m->x + row * m->d, m->d * sizeof *batch);
        }
        status = assign(m, batch, size, error);
        if (status) break;
        double inertia = 0;
        for (size_t i = 0; i < size; i++) inertia += m->distances[i] / (double)size;
        follow_batch(m, batch, size);
        smooth = t == 0 ? inertia : smooth + weight * (inertia - smooth);
        waiting = smooth < best ? 0 : waiting + 1;
        best = fmin(best, smooth);
    }
    free(batch);
    return status;
}

static int fill_and_assign(struct kmeans *m, recap_error *error)
{
    int status = assign(m, m->x, m->n, error);
    if (status) return status;
    add_rows(m);
    bool is_full = true;
    for (size_t j = 0; j < m->k; j++) is_full = is_full && m->counts[j] > 0;
    if (is_full) return RECAP_OK;
    fill_empty(m);
    for (size_t j = 0; j < m->k; j++)
        if (m->counts[j] == 1)
            for (size_t c = 0; c < m->d; c++) m->centers[j * m->d + c] = m->sums[j * m->d + c];
    return assign(m, m->x, m->n, error);
}

/* ---- the best of several starts ---- */

struct best {
    double inertia;
    int32_t *labels; /* [n] */
    double *centers; /* [k, d] */
    size_t k;
};

static int run_start(struct kmeans *m, const recap_kmeans_options *options, size_t start,
                     int32_t *before, recap_error *error)
{
    size_t iterations = options->max_iterations ? options->max_iterations : MAX_ITERATIONS;
    int status = RECAP_OK;
    m->k = options->k;
    if (options->initial)
        memcpy(m->centers, options->initial, m->k * m->d * sizeof *m->centers);
    else
        status = seed_centers(m, options->k, start, error);
    if (status) return status;
    if (options->batch_size == 0 || options->batch_size >= m->n)
        return run_lloyd(m, iterations, before, error);
    status = run_batches(m, options->batch_size, iterations, start, error);
    return status ? status : fill_and_assign(m, error);
}

static int run_starts(struct kmeans *m, const recap_kmeans_options *options, struct best *best,
                      int32_t *before, recap_error *error)
{
    size_t n_starts = options->initial ? 1 : options->n_init ? options->n_init : STARTS;
    best->inertia = INFINITY;
    for (size_t start = 0; start < n_starts; start++) {
        int status = run_start(m, options, start, before, error);
        if (status) return status;
        double inertia = inertia_of(m);
        if (start > 0 && inertia >= best->inertia) continue;
        best->inertia = inertia;
        best->k = m->k;
        memcpy(best->labels, m->labels, m->n * sizeof *m->labels);
        memcpy(best->centers, m->centers, m->k * m->d * sizeof *m->centers);
    }
    return RECAP_OK;
}

/* Labels by first member; centres in the same order, those not used last and zero. */
static void deliver(const struct best *best, size_t n, size_t d, size_t k, int32_t *map,
                    int32_t *labels, double *centers, size_t *n_clusters)
{
    memcpy(labels, best->labels, n * sizeof *labels);
    size_t used = matrix_renumber(labels, n, best->k, map);
    if (n_clusters) *n_clusters = used;
    if (!centers) return;
    memset(centers, 0, k * d * sizeof *centers);
    for (size_t j = 0; j < best->k; j++)
        if (map[j] >= 0)
            memcpy(centers + (size_t)map[j] * d, best->centers + j * d, d * sizeof *centers);
}

static void free_kmeans(struct kmeans *m)
{
    free(m->centers);
    free(m->rounded);
    free(m->half);
    free(m->scores);
    free(m->labels);
    free(m->distances);
    free(m->sums);
    free(m->counts);
}

static int open_kmeans(struct kmeans *m, size_t k, recap_error *error)
{
    size_t places, scores;
    if (!size_mul(k, m->d, &places) || !size_mul(ROWS, k, &scores))
        return fail_memory(error, SIZE_MAX);
    m->centers = new_array(places, sizeof *m->centers);
    m->rounded = new_aligned(places, sizeof *m->rounded);
    m->half = new_array(k, sizeof *m->half);
    m->scores = new_aligned(scores, sizeof *m->scores);
    m->labels = new_array(m->n, sizeof *m->labels);
    m->distances = new_array(m->n, sizeof *m->distances);
    m->sums = new_array(places, sizeof *m->sums);
    m->counts = new_array(k, sizeof *m->counts);
    bool good = m->centers && m->rounded && m->half && m->scores && m->labels && m->distances &&
                m->sums && m->counts;
    return good ? RECAP_OK : fail_memory(error, places * 24 + m->n * 12);
}

static int check_kmeans(const float *x, size_t n, size_t d, const recap_kmeans_options *options,
                        recap_error *error)
{
    int status = cluster_check_matrix(x, n, d, RECAP_METRIC_EUCLIDEAN, error);
    if (status) return status;
    if (options->k < 1 || options->k > n)
        return fail(error, RECAP_ERROR_USAGE, "k-means into %zu clusters of %zu rows: 1 to %zu",
                    options->k, n, n);
    for (size_t i = 0; options->initial && i < options->k * d; i++)
        if (!isfinite(options->initial[i]))
            return fail(error, RECAP_ERROR_INPUT,
                        "initial centre %zu, column %zu is %g: a finite number is needed", i / d,
                        i % d, options->initial[i]);
    return RECAP_OK;
}

int recap_kmeans(recap_context *context, const float *x, size_t n, size_t d,
                 const recap_kmeans_options *options, int32_t *labels, double *centers,
                 double *inertia, size_t *n_clusters, recap_error *error)
{
    int status = check_kmeans(x, n, d, options, error);
    if (status) return status;
    struct kmeans m = {.context = context, .x = x, .n = n, .d = d};
    struct best best = {.labels = new_array(n, sizeof *best.labels),
                        .centers = new_array(options->k * d, sizeof *best.centers)};
    int32_t *numbers = new_array(n + options->k, sizeof *numbers);
    status = open_kmeans(&m, options->k, error);
    if (!status && (!best.labels || !best.centers || !numbers))
        status = fail_memory(error, options->k * d * sizeof *best.centers);
    if (!status) status = run_starts(&m, options, &best, numbers, error);
    if (!status) {
        deliver(&best, n, d, options->k, numbers + n, labels, centers, n_clusters);
        if (inertia) *inertia = best.inertia;
    }
    free(best.labels);
    free(best.centers);
    free(numbers);
    free_kmeans(&m);
    return status;
}
