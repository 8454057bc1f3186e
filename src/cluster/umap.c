/* UMAP's layout (McInnes, Healy, Melville 2018) by stochastic gradient descent, parallel and yet
 * the same bytes with any number of threads.
 *
 *   edges    those weaker than 1/n_epochs of the strongest never come due and are dropped; an edge
 *            of relative strength r comes due in r of the epochs
 *   epoch    every row moves by itself, reading where all others stood when the epoch began: for
 *            each of its edges due, towards its neighbour and away from NEGATIVES random rows. The
 *            random rows depend on (seed, epoch, row) only. So rows can be moved in any order and
 * by any thread (docs/decisions/umap-parallel.md). curve    powers by a polynomial of our own,
 * eight at a time: the same on every machine Shapes: positions [n, padded], padded = components
 * rounded up to LANES, the rest 0. */
#include "cluster_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NEGATIVES = 5, BATCH = 8, LANES = 4, GRAIN = 64 };
static const float CLIP = 4; /* the longest push of one random row along one axis, times alpha */
static const uint64_t STREAM_EPOCH = 0x756d6170;

typedef float lanes __attribute__((vector_size(16))); /* components of a point */
typedef float batch __attribute__((vector_size(32))); /* one number for each point of a batch */
typedef int32_t batch_int __attribute__((vector_size(32)));

struct edge {
    int32_t other;
    float rate; /* share of the epochs in which it comes due */
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

/* *out = *x ^ power for x > 0 (relative error about 1e-5), and for 0 a number near 0. */
static inline void power_of(const batch *x, float power, batch *out)
{
    batch_int bits, exponent;
    memcpy(&bits, x, sizeof bits);
    exponent = (bits >> 23) - 127;
    bits = (bits & 0x7fffff) | 0x3f800000;
    batch f;
    memcpy(&f, &bits, sizeof f);
    f -= 1;
    batch q = 0.0258412994f * f - 0.0959561536f;
    q = q * f + 0.1819486717f;
    q = q * f - 0.2756002568f;
    q = q * f + 0.4425449390f;
    batch log2 = __builtin_convertvector(exponent, batch) + f * (1 + (1 - f) * q);
    batch y = power * log2 + 127; /* biased, so that conversion rounds downwards */
    batch_int low = y<1, high = y> 253;
    batch_int whole = __builtin_convertvector(y, batch_int);
    whole = (whole & ~(low | high)) | (high & 253) | (low & 1);
    f = y - __builtin_convertvector(whole, batch);
    batch_int outside = low | high;
    batch_int f_bits;
    memcpy(&f_bits, &f, sizeof f_bits);
    f_bits &= ~outside;
    memcpy(&f, &f_bits, sizeof f);
    batch r = 0.0018968497f * f + 0.0108446007f;
    r = r * f + 0.0666998967f;
    r = r * f + 0.3068470199f;
    batch fraction = 1 + f * (1 + (f - 1) * r);
    whole <<= 23;
    batch scale;
    memcpy(&scale, &whole, sizeof scale);
    *out = scale * fraction;
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

/* Moves y along edge e: towards its other end (twice, as each edge stands in both rows and moves
 * both ends) and away from the points of `others`. */
static inline __attribute__((always_inline)) void step(const struct layout *l, float *restrict y,
                                                       const int32_t *others, size_t padded)
{
    const float *rows[NEGATIVES + 1];
    batch squared = {1, 1, 1, 1, 1, 1, 1, 1};
    for (size_t t = 0; t < NEGATIVES + 1; t++) {
        rows[t] = l->now + (size_t)others[t] * padded;
        lanes sum = {0};
        for (size_t c = 0; c < padded; c += LANES) {
            lanes u = load(y + c) - load(rows[t] + c);
            sum += u * u;
        }
        squared[t] = (sum[0] + sum[2]) + (sum[1] + sum[3]);
    }
    batch power;
    power_of(&squared, l->b, &power);
    batch below = 1 + l->a * power;
    batch away = l->alpha * 2 * l->b / ((0.001f + squared) * below);
    float towards = 0;
    if (squared[0] > 0) {
        towards = l->alpha * 2 * l->a * l->b * power[0] / (squared[0] * below[0]);
        towards = towards < 1 ? towards * (2 - towards) : 1;
    }
    const float limit = l->alpha * CLIP;
    for (size_t c = 0; c < padded; c++) {
        float here = y[c], move = towards * (rows[0][c] - here);
        for (size_t t = 1; t < NEGATIVES + 1; t++)
            move += bounded(away[t] * (here - rows[t][c]), limit);
        y[c] = here + move;
    }
}

/* The next two random numbers of 32 bits: SplitMix64. */
static inline uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline __attribute__((always_inline)) void move_row(const struct layout *l, size_t i,
                                                           size_t padded)
{
    float *y = l->next + i * padded;
    memcpy(y, l->now + i * padded, padded * sizeof *y);
    uint64_t state = random_u64(l->seed, STREAM_EPOCH + l->epoch, i);
    const float before = (float)l->epoch, after = before + 1;
    int32_t others[NEGATIVES + 1];
    for (int64_t e = l->offsets[i]; e < l->offsets[i + 1]; e++) {
        const struct edge edge = l->edges[e];
        if ((int32_t)(after * edge.rate) == (int32_t)(before * edge.rate)) continue;
        others[0] = edge.other;
        for (size_t t = 1; t < NEGATIVES + 1; t += 2) {
            uint64_t random = draw(&state);
            others[t] = (int32_t)(((random >> 32) * l->n) >> 32);
            if (t < NEGATIVES) others[t + 1] = (int32_t)(((random & UINT32_MAX) * l->n) >> 32);
        }
        step(l, y, others, padded);
    }
}

static void move_rows(void *data, size_t begin, size_t end, int thread)
{
    const struct layout *l = data;
    for (size_t i = begin; i < end; i++) {
        switch (l->padded) {
        case 4:
            move_row(l, i, 4);
            break;
        case 8:
            move_row(l, i, 8);
            break;
        case 12:
            move_row(l, i, 12);
            break;
        case 16:
            move_row(l, i, 16);
            break;
        case 20:
            move_row(l, i, 20);
            break;
        default:
            move_row(l, i, l->padded);
        }
    }
}

/* ---- all epochs ---- */

static int run_epochs(struct layout *l, recap_error *error)
{
    for (l->epoch = 0; l->epoch < l->n_epochs; l->epoch++) {
        int status = context_check(l->context, "umap", l->epoch, l->n_epochs, error);
        if (status) return status;
        l->alpha = 1 - (float)l->epoch / (float)l->n_epochs;
        pool_run(l->context ? l->context->pool : NULL, l->n, GRAIN, move_rows, l);
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
            l->edges[at++] = (struct edge){graph->columns[e], rate};
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
