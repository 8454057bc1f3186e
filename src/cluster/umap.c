/* UMAP's layout (McInnes, Healy, Melville 2018) by stochastic gradient descent, parallel and yet
 * the same bytes with any number of threads.
 *
 *   edges    those weaker than 1/n_epochs of the strongest never come due and are dropped; an edge
 *            of relative strength r comes due in r of the epochs
 *   epoch    every row moves by itself, reading where all others stood when the epoch began: for
 *            each of its edges due, towards its neighbour and away from NEGATIVES random rows. The
 *            random rows depend on (seed, epoch, row) only. So rows can be moved in any order and
 *            by any thread: docs/decisions/umap-parallel.md
 *   curve    powers by a polynomial of our own, eight at a time: the same on every machine
 *
 * Shapes: positions [n, padded], padded = components rounded up to LANES, the rest 0. */
#include "cluster_private.h"

#include "compute/compute.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    NEGATIVES = 5,
    EDGE_POINTS = 1 + NEGATIVES,
    EDGES = 4, /* moved together; EDGES * EDGE_POINTS fills whole batches */
    POINTS = EDGES * EDGE_POINTS,
    BATCH = 8,
    LANES = 4,
    MOST_LANES = 32, /* components pushed at a time */
    GROUP = 64,      /* edges whose turn is looked up at a time */
    GRAIN = 64,
};
static const float CLIP = 4; /* the longest push of one random row along one axis, times alpha */
static const uint64_t STREAM_EPOCH = 0x756d6170;

static const float NEAREST = 1e-9f, FARTHEST = 1e12f; /* squared distances are kept within */

#define ALWAYS_INLINE __attribute__((always_inline))

typedef float lanes __attribute__((vector_size(16))); /* components of a point */
typedef float batch __attribute__((vector_size(32))); /* one number for each point of a batch */
typedef int32_t batch_int __attribute__((vector_size(32)));

struct edge {
    int32_t other;
    uint32_t rate; /* share of the epochs in which it comes due, of 2^31 */
};

struct layout {
    recap_context *context;
    size_t n, width, padded;
    int64_t *offsets; /* [n + 1] */
    struct edge *edges;
    float *now, *next; /* [n, padded] */
    float a, b;
    float alpha; /* of this epoch */
    size_t epoch, n_epochs;
    uint64_t seed;
};

/* ---- the curve ---- */

/* *out = *x ^ power (relative error about 1e-5) for x in NEAREST..FARTHEST and 0 < power <= 3. */
static inline ALWAYS_INLINE void power_of(const batch *x, float power, batch *out)
{
    batch_int bits, whole;
    memcpy(&bits, x, sizeof bits);
    whole = (bits >> 23) - 127;
    bits = (bits & 0x7fffff) | 0x3f800000;
    batch f;
    memcpy(&f, &bits, sizeof f);
    f -= 1;
    batch q = 0.0258412994f * f - 0.0959561536f;
    q = q * f + 0.1819486717f;
    q = q * f - 0.2756002568f;
    q = q * f + 0.4425449390f;
    batch log2 = __builtin_convertvector(whole, batch) + f * (1 + (1 - f) * q);
    batch y = power * log2 + 127; /* with the exponent's bias it is positive: conversion floors */
    whole = __builtin_convertvector(y, batch_int);
    f = y - __builtin_convertvector(whole, batch);
    batch r = 0.0018968497f * f + 0.0108446007f;
    r = r * f + 0.0666998967f;
    r = r * f + 0.3068470199f;
    whole <<= 23;
    batch scale;
    memcpy(&scale, &whole, sizeof scale);
    *out = scale * (1 + f * (1 + (f - 1) * r));
}

/* ---- one row ---- */

static inline lanes load(const float *p)
{
    lanes v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline float bounded(float value, float limit)
{
    value = value < limit ? value : limit;
    return value > -limit ? value : -limit;
}

/* The sums of the four lanes of each of four vectors. */
static inline ALWAYS_INLINE lanes add_across(const lanes *s)
{
    lanes a = __builtin_shufflevector(s[0], s[1], 0, 4, 1, 5) +
              __builtin_shufflevector(s[0], s[1], 2, 6, 3, 7);
    lanes b = __builtin_shufflevector(s[2], s[3], 0, 4, 1, 5) +
              __builtin_shufflevector(s[2], s[3], 2, 6, 3, 7);
    return __builtin_shufflevector(a, b, 0, 1, 4, 5) + __builtin_shufflevector(a, b, 2, 3, 6, 7);
}

/* Squared distances of y to each of rows [POINTS], kept within NEAREST..FARTHEST. */
static inline ALWAYS_INLINE void squared_distances(const float *y, const float *const *rows,
                                                   size_t padded, float *out)
{
    for (size_t first = 0; first < POINTS; first += LANES) {
        lanes sums[LANES];
        for (size_t t = 0; t < LANES; t++) {
            sums[t] = (lanes){0};
            for (size_t c = 0; c < padded; c += LANES) {
                lanes u = load(y + c) - load(rows[first + t] + c);
                sums[t] += u * u;
            }
        }
        lanes squared = add_across(sums);
        memcpy(out + first, &squared, sizeof squared);
    }
    for (size_t t = 0; t < POINTS; t++) {
        out[t] = out[t] > NEAREST ? out[t] : NEAREST;
        out[t] = out[t] < FARTHEST ? out[t] : FARTHEST;
    }
}

/* How far a row goes towards each point, were it a neighbour (a share of the way), and away from
 * it, were it a random row (a multiple of the difference). */
static inline ALWAYS_INLINE void strengths(const struct layout *l, const float *squared,
                                           float *towards, float *away)
{
    const float pull = l->alpha * 2 * l->a * l->b, push = l->alpha * 2 * l->b;
    for (size_t first = 0; first < POINTS; first += BATCH) {
        batch distance, power;
        memcpy(&distance, squared + first, sizeof distance);
        power_of(&distance, l->b, &power);
        batch below = 1 + l->a * power;
        batch pushed = push / ((0.001f + distance) * below);
        batch pulled = pull * power / (distance * below);
        memcpy(away + first, &pushed, sizeof pushed);
        memcpy(towards + first, &pulled, sizeof pulled);
    }
}

/* The components first .. first + width-1 of a step. Each edge stands in both its rows and moves
 * both ends, so a row goes towards its neighbour twice: 1 - (1 - once)^2 of the way; never past it.
 */
static inline ALWAYS_INLINE void pull_and_push(float *restrict y, const float *const *rows,
                                               const float *towards, const float *away, size_t n,
                                               float limit, size_t first, size_t width)
{
    float push[EDGES][MOST_LANES];
    for (size_t e = 0; e < EDGES; e++) {
        const float *const *point = rows + e * EDGE_POINTS;
        const float *factor = away + e * EDGE_POINTS;
        for (size_t c = 0; c < width; c++) {
            float here = y[first + c], sum = 0;
            for (size_t t = 1; t < EDGE_POINTS; t++)
                sum += bounded(factor[t] * (here - point[t][first + c]), limit);
            push[e][c] = sum;
        }
    }
    for (size_t e = 0; e < n; e++) {
        const float *neighbor = rows[e * EDGE_POINTS] + first;
        const float once = towards[e * EDGE_POINTS] < 1 ? towards[e * EDGE_POINTS] : 1;
        const float share = once * (2 - once);
        for (size_t c = 0; c < width; c++)
            y[first + c] += share * (neighbor[c] - y[first + c]) + push[e][c];
    }
}

/* Moves y by n <= EDGES edges; others [EDGES, 1 + NEGATIVES] are an edge's other end and the random
 * rows. The strengths and pushes of all are those of where y stands before (which lets the
 * processor work on them side by side); the pulls follow one another. */
static inline ALWAYS_INLINE void step(const struct layout *l, float *restrict y,
                                      const int32_t *others, size_t n, size_t padded)
{
    const float *rows[POINTS];
    float squared[POINTS], towards[POINTS], away[POINTS];
    for (size_t t = 0; t < POINTS; t++) rows[t] = l->now + (size_t)others[t] * padded;
    squared_distances(y, rows, padded, squared);
    strengths(l, squared, towards, away);
    const float limit = l->alpha * CLIP;
    if (padded <= MOST_LANES) {
        pull_and_push(y, rows, towards, away, n, limit, 0, padded);
        return;
    }
    for (size_t first = 0; first < padded; first += MOST_LANES) {
        size_t width = padded - first < MOST_LANES ? padded - first : MOST_LANES;
        pull_and_push(y, rows, towards, away, n, limit, first, width);
    }
}

/* The next 64 random bits of a row: SplitMix64. */
static inline uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline ALWAYS_INLINE void draw_rows(uint64_t *state, size_t n, int32_t *out)
{
    for (size_t t = 0; t < NEGATIVES; t += 2) {
        uint64_t random = draw(state);
        out[t] = (int32_t)(((random >> 32) * n) >> 32);
        if (t + 1 < NEGATIVES) out[t + 1] = (int32_t)(((random & UINT32_MAX) * n) >> 32);
    }
}

/* The other ends of those of n <= GROUP edges that come due in this epoch. */
static inline ALWAYS_INLINE size_t find_due(const struct layout *l, const struct edge *edges,
                                            size_t n, int32_t *due)
{
    size_t n_due = 0;
    for (size_t e = 0; e < n; e++) { /* without a branch: which are due can't be predicted */
        due[n_due] = edges[e].other;
        uint32_t phase = (uint32_t)l->epoch * edges[e].rate & INT32_MAX;
        n_due += (phase + edges[e].rate) >> 31;
    }
    return n_due;
}

static inline ALWAYS_INLINE void move_row(const struct layout *l, size_t i, size_t padded)
{
    float *y = l->next + i * padded;
    memcpy(y, l->now + i * padded, padded * sizeof *y);
    uint64_t state = random_u64(l->seed, STREAM_EPOCH + l->epoch, i);
    int32_t due[GROUP], others[POINTS] = {0};
    for (int64_t e = l->offsets[i]; e < l->offsets[i + 1]; e += GROUP) {
        int64_t left = l->offsets[i + 1] - e;
        size_t n_due = find_due(l, l->edges + e, left < GROUP ? (size_t)left : GROUP, due);
        for (size_t first = 0; first < n_due; first += EDGES) {
            size_t n = n_due - first < EDGES ? n_due - first : EDGES;
            for (size_t t = 0; t < n; t++) {
                others[t * EDGE_POINTS] = due[first + t];
                draw_rows(&state, l->n, others + t * EDGE_POINTS + 1);
            }
            step(l, y, others, n, padded);
        }
    }
}

/* Inlined into a version for each instruction set; they give the same bits. */
static inline ALWAYS_INLINE void move_rows(const struct layout *l, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        switch (l->padded) {
        case 4:
            move_row(l, i, 4);
            break;
        case 8:
            move_row(l, i, 8);
            break;
        case 20:
            move_row(l, i, 20);
            break;
        default:
            move_row(l, i, l->padded);
        }
    }
}

static void move_rows_plain(void *data, size_t begin, size_t end, int thread)
{
    move_rows(data, begin, end);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void move_rows_avx2(void *data, size_t begin, size_t end,
                                                           int thread)
{
    move_rows(data, begin, end);
}
#endif

static pool_fn choose_version(void)
{
#if defined(__x86_64__)
    if (strcmp(compute_name(), "avx2") == 0) return move_rows_avx2;
#endif
    return move_rows_plain;
}

/* ---- all epochs ---- */

static int run_epochs(struct layout *l, recap_error *error)
{
    const pool_fn version = choose_version();
    for (l->epoch = 0; l->epoch < l->n_epochs; l->epoch++) {
        int status = context_check(l->context, "umap", l->epoch, l->n_epochs, error);
        if (status) return status;
        l->alpha = 1 - (float)l->epoch / (float)l->n_epochs;
        pool_run(context_pool(l->context), l->n, GRAIN, version, l);
        float *swap = l->now;
        l->now = l->next;
        l->next = swap;
    }
    return RECAP_OK;
}

static void choose_edges(struct layout *l, const recap_graph *graph)
{
    float strongest = 0;
    for (int64_t e = 0; e < graph->offsets[graph->n]; e++)
        if (graph->weights[e] > strongest) strongest = graph->weights[e];
    int64_t at = 0;
    for (size_t i = 0; i < graph->n; i++) {
        l->offsets[i] = at;
        for (int64_t e = graph->offsets[i]; e < graph->offsets[i + 1]; e++) {
            float rate = graph->weights[e] / strongest;
            if (rate * (float)l->n_epochs < 1 || (size_t)graph->columns[e] == i) continue;
            l->edges[at++] = (struct edge){graph->columns[e], (uint32_t)(rate * 0x1p31f)};
        }
    }
    l->offsets[graph->n] = at;
}

static int allocate_layout(struct layout *l, size_t entries, recap_error *error)
{
    size_t size;
    if (!size_mul(l->n, l->padded, &size)) return fail_memory(error, SIZE_MAX);
    l->offsets = new_array(l->n + 1, sizeof *l->offsets);
    l->edges = new_array(entries, sizeof *l->edges);
    l->now = new_aligned(size, sizeof *l->now);
    l->next = new_aligned(size, sizeof *l->next);
    if (l->offsets && l->edges && l->now && l->next) return RECAP_OK;
    return fail_memory(error, 2 * size * sizeof *l->now + entries * sizeof *l->edges);
}

static void copy_rows(float *to, size_t to_width, const float *from, size_t from_width, size_t n)
{
    size_t width = to_width < from_width ? to_width : from_width;
    for (size_t i = 0; i < n; i++) {
        memcpy(to + i * to_width, from + i * from_width, width * sizeof *to);
        if (to_width > width) memset(to + i * to_width + width, 0, (to_width - width) * sizeof *to);
    }
}

static int optimise(struct layout *l, const recap_graph *graph, float *out, recap_error *error)
{
    int status = allocate_layout(l, (size_t)graph->offsets[graph->n], error);
    if (!status) {
        choose_edges(l, graph);
        copy_rows(l->now, l->padded, out, l->width, l->n);
        status = run_epochs(l, error);
    }
    if (!status) copy_rows(out, l->width, l->now, l->padded, l->n);
    free(l->offsets);
    free(l->edges);
    free(l->now);
    free(l->next);
    return status;
}

/* ---- public ---- */

recap_umap_options recap_umap_defaults(void)
{
    return (recap_umap_options){.n_neighbors = 15,
                                .n_components = 2,
                                .min_dist = 0.1f,
                                .spread = 1,
                                .metric = RECAP_METRIC_COSINE};
}

size_t cluster_layout_width(size_t n, size_t wanted)
{
    if (wanted == 0) wanted = 2;
    size_t most = n > 3 ? n - 2 : 1;
    return wanted < most ? wanted : most;
}

static int check_options(const recap_umap_options *options, recap_error *error)
{
    if (!(options->spread > 0) || !(options->min_dist >= 0) || options->min_dist > options->spread)
        return fail(error, RECAP_ERROR_USAGE,
                    "min_dist %g and spread %g: 0 <= min_dist <= spread and spread > 0 are needed",
                    (double)options->min_dist, (double)options->spread);
    if (options->n_epochs > 100000)
        return fail(error, RECAP_ERROR_USAGE, "%zu epochs: at most 100000 are allowed",
                    options->n_epochs);
    return RECAP_OK;
}

int recap_layout_graph(recap_context *context, const recap_graph *graph, const float *x, size_t d,
                       const recap_umap_options *options, float *out, recap_error *error)
{
    int status = check_options(options, error);
    if (status || graph->n == 0) return status;
    const size_t width = cluster_layout_width(graph->n, options->n_components);
    status = spectral_start(context, graph, x, d, width, out, error);
    if (status) return status;
    double a, b;
    cluster_fit_curve((double)options->min_dist, (double)options->spread, &a, &b);
    struct layout l = {.context = context,
                       .n = graph->n,
                       .width = width,
                       .a = (float)a,
                       .b = (float)b,
                       .seed = context ? context->seed : 0};
    l.padded = (width + LANES - 1) / LANES * LANES;
    l.n_epochs = options->n_epochs ? options->n_epochs : graph->n <= 10000 ? 500 : 200;
    return optimise(&l, graph, out, error);
}

int recap_umap(recap_context *context, const float *x, size_t n, size_t d,
               const recap_umap_options *options, float *out, recap_error *error)
{
    int status = check_options(options, error);
    if (!status) status = cluster_check_matrix(x, n, d, options->metric, error);
    if (status || n == 0) return status;
    size_t k = options->n_neighbors ? options->n_neighbors : 15, places;
    if (k > n) k = n;
    if (!size_mul(n, k, &places)) return fail_memory(error, SIZE_MAX);
    int32_t *indices = new_array(places, sizeof *indices);
    float *distances = new_array(places, sizeof *distances);
    recap_graph graph = {0};
    if (indices && distances)
        status = recap_find_neighbors(context, x, n, d, options->metric, k, indices, distances,
                                      error);
    else
        status = fail_memory(error, places * (sizeof *indices + sizeof *distances));
    if (!status) status = recap_build_fuzzy_graph(context, indices, distances, n, k, &graph, error);
    free(indices);
    free(distances);
    if (!status) status = recap_layout_graph(context, &graph, x, d, options, out, error);
    recap_free_graph(&graph);
    return status;
}
