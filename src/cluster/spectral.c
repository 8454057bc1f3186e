/* Where a layout starts (as umap-learn's spectral layout): the eigenvectors of the graph's
 * normalised Laplacian, component by component.
 *
 *   one component     its eigenvectors; where they don't converge, PCA of the rows
 *   several           each gets a place of its own (plus and minus the axes, then seeded corners)
 *                     and is laid out around it by its own eigenvectors
 *   small components  seeded points around their place
 * At the end a touch of noise parts equal rows, and every column is stretched to 0..10. */
#include "cluster_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double NOISE = 1e-4, EXTENT = 10;
static const double START_TOLERANCE = 1e-2; /* a start needs no more of its eigenvectors */
enum { START_ROUNDS = 8 };
enum { STREAM_NOISE = 0x7301, STREAM_PLACE, STREAM_SMALL };

/* ---- components ---- */

int cluster_find_components(const recap_graph *graph, int32_t *component, size_t *n_components,
                            recap_error *error)
{
    int32_t *stack = new_array(graph->n, sizeof *stack);
    if (!stack) return fail_memory(error, graph->n * sizeof *stack);
    *n_components = 0;
    for (size_t i = 0; i < graph->n; i++) component[i] = -1;
    for (size_t first = 0; first < graph->n; first++) {
        if (component[first] >= 0) continue;
        const int32_t number = (int32_t)(*n_components)++;
        size_t depth = 0;
        stack[depth++] = (int32_t)first;
        component[first] = number;
        while (depth > 0) {
            int32_t i = stack[--depth];
            for (int64_t e = graph->offsets[i]; e < graph->offsets[i + 1]; e++) {
                if (component[graph->columns[e]] >= 0) continue;
                component[graph->columns[e]] = number;
                stack[depth++] = graph->columns[e];
            }
        }
    }
    free(stack);
    return RECAP_OK;
}

/* The graph of a component's rows [n], renumbered in their order. */
static int extract(const recap_graph *graph, const int32_t *rows, size_t n, int32_t *local,
                   recap_graph *out, recap_error *error)
{
    size_t entries = 0;
    for (size_t i = 0; i < n; i++) {
        local[rows[i]] = (int32_t)i;
        entries += (size_t)(graph->offsets[rows[i] + 1] - graph->offsets[rows[i]]);
    }
    *out = (recap_graph){n, new_array(n + 1, sizeof *out->offsets),
                         new_array(entries, sizeof *out->columns),
                         new_array(entries, sizeof *out->weights)};
    if (!out->offsets || !out->columns || !out->weights) {
        recap_free_graph(out);
        return fail_memory(error, entries * (sizeof *out->columns + sizeof *out->weights));
    }
    int64_t at = 0;
    for (size_t i = 0; i < n; i++) {
        out->offsets[i] = at;
        for (int64_t e = graph->offsets[rows[i]]; e < graph->offsets[rows[i] + 1]; e++) {
            out->columns[at] = local[graph->columns[e]];
            out->weights[at++] = graph->weights[e];
        }
    }
    out->offsets[n] = at;
    return RECAP_OK;
}

/* ---- eigenvectors of one connected graph ---- */

struct adjacency {
    const recap_graph *graph;
    double *weights; /* [offsets[n]], D^-1/2 W D^-1/2 */
    const double *x;
    double *y;
    size_t width;
};

static void multiply_rows(void *data, size_t begin, size_t end, int thread)
{
    const struct adjacency *a = data;
    const size_t width = a->width;
    for (size_t i = begin; i < end; i++) {
        double *restrict out = a->y + i * width;
        memset(out, 0, width * sizeof *out);
        for (int64_t e = a->graph->offsets[i]; e < a->graph->offsets[i + 1]; e++) {
            const double *restrict row = a->x + (size_t)a->graph->columns[e] * width;
            const double weight = a->weights[e];
            for (size_t c = 0; c < width; c++) out[c] += weight * row[c];
        }
    }
}

static void multiply(const struct eigen_operator *op, recap_context *context, const double *x,
                     double *y, size_t width)
{
    struct adjacency a = *(const struct adjacency *)op->data;
    a.x = x;
    a.y = y;
    a.width = width;
    pool_run(context_pool(context), op->n, 128, multiply_rows, &a);
}

/* Fills a->weights and the trivial eigenvector D^1/2 1, known [n]. */
static void normalise(struct adjacency *a, double *known)
{
    const recap_graph *graph = a->graph;
    double total = 0;
    for (size_t i = 0; i < graph->n; i++) {
        double degree = 0;
        for (int64_t e = graph->offsets[i]; e < graph->offsets[i + 1]; e++)
            degree += (double)graph->weights[e];
        known[i] = sqrt(degree);
        total += degree;
    }
    for (size_t i = 0; i < graph->n; i++)
        for (int64_t e = graph->offsets[i]; e < graph->offsets[i + 1]; e++)
            a->weights[e] = (double)graph->weights[e] / (known[i] * known[graph->columns[e]]);
    for (size_t i = 0; i < graph->n; i++) known[i] /= sqrt(total);
}

static int find_vectors(recap_context *context, const recap_graph *graph, size_t wanted,
                        double tolerance, size_t rounds, double *vectors, double *values,
                        bool *converged, recap_error *error)
{
    const size_t entries = (size_t)graph->offsets[graph->n];
    struct adjacency a = {.graph = graph, .weights = new_array(entries, sizeof *a.weights)};
    double *known = new_array(graph->n, sizeof *known);
    int status = RECAP_OK;
    if (a.weights && known) {
        normalise(&a, known);
        struct eigen_operator op = {graph->n, -1, multiply, &a, known, tolerance, rounds};
        status = eigen_largest(context, &op, wanted, vectors, values, converged, error);
        for (size_t i = 0; !status && i < wanted; i++) values[i] = 1 - values[i];
    } else {
        status = fail_memory(error, entries * sizeof *a.weights);
    }
    free(a.weights);
    free(known);
    return status;
}

int cluster_spectral_vectors(recap_context *context, const recap_graph *graph, size_t wanted,
                             double *vectors, double *values, bool *converged, recap_error *error)
{
    return find_vectors(context, graph, wanted, 1e-6, 24, vectors, values, converged, error);
}

/* ---- placing components ---- */

struct placement {
    recap_context *context;
    const recap_graph *graph;
    const float *x; /* [graph->n, d] or NULL */
    size_t d, width;
    size_t n_components;
    int32_t *component; /* [n] */
    int32_t *rows;      /* [n], by component */
    int32_t *starts;    /* [n_components + 1] in rows */
    int32_t *local;     /* [n] */
    double *places;     /* [n_components, width] */
    double *out;        /* [n, width] */
};

static uint64_t seed_of(const struct placement *p)
{
    return p->context ? p->context->seed : 0;
}

static void sort_rows(struct placement *p)
{
    memset(p->starts, 0, (p->n_components + 1) * sizeof *p->starts);
    for (size_t i = 0; i < p->graph->n; i++) p->starts[p->component[i] + 1]++;
    for (size_t c = 0; c < p->n_components; c++) p->starts[c + 1] += p->starts[c];
    for (size_t i = 0; i < p->graph->n; i++) p->rows[p->starts[p->component[i]]++] = (int32_t)i;
    for (size_t c = p->n_components; c > 0; c--) p->starts[c] = p->starts[c - 1];
    p->starts[0] = 0;
}

/* The first 2 width components stand on the axes, at distance 1 from the middle; more of them at
 * seeded points of a cube that has room for all. */
static double place_components(struct placement *p)
{
    const size_t width = p->width;
    memset(p->places, 0, p->n_components * width * sizeof *p->places);
    if (p->n_components <= 2 * width) {
        for (size_t c = 0; c < p->n_components; c++) p->places[c * width + c / 2] = c % 2 ? -1 : 1;
        return 0.5;
    }
    double side = pow((double)p->n_components, 1 / (double)width);
    for (size_t i = 0; i < p->n_components * width; i++)
        p->places[i] = side * (2 * random_unit(seed_of(p), STREAM_PLACE, i) - 1);
    return 0.5;
}

static void scatter(struct placement *p, size_t c, double radius)
{
    for (int32_t t = p->starts[c]; t < p->starts[c + 1]; t++)
        for (size_t j = 0; j < p->width; j++) {
            size_t at = (size_t)p->rows[t] * p->width + j;
            double random = 2 * random_unit(seed_of(p), STREAM_SMALL, at) - 1;
            p->out[at] = p->places[c * p->width + j] + radius * random;
        }
}

/* Eigenvectors of component c, stretched to `radius` around its place. */
static void spread(struct placement *p, size_t c, double radius, const double *vectors)
{
    const size_t n = (size_t)(p->starts[c + 1] - p->starts[c]);
    double largest = 0;
    for (size_t i = 0; i < n * p->width; i++)
        if (fabs(vectors[i]) > largest) largest = fabs(vectors[i]);
    if (largest > 0) radius /= largest;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < p->width; j++)
            p->out[(size_t)p->rows[p->starts[c] + (int32_t)i] * p->width + j] =
                p->places[c * p->width + j] + radius * vectors[i * p->width + j];
}

static int lay_component(struct placement *p, size_t c, double radius, recap_error *error)
{
    const size_t n = (size_t)(p->starts[c + 1] - p->starts[c]);
    if (n < p->width + 2) {
        scatter(p, c, radius);
        return RECAP_OK;
    }
    recap_graph part;
    int status = extract(p->graph, p->rows + p->starts[c], n, p->local, &part, error);
    if (status) return status;
    bool converged = true;
    double *vectors = new_array(n * p->width + p->width, sizeof *vectors);
    if (vectors)
        status = find_vectors(p->context, &part, p->width, START_TOLERANCE, START_ROUNDS, vectors,
                              vectors + n * p->width, &converged, error);
    else
        status = fail_memory(error, n * p->width * sizeof *vectors);
    if (!status) spread(p, c, radius, vectors);
    free(vectors);
    recap_free_graph(&part);
    return status;
}

/* ---- one component ---- */

static int use_principal_components(struct placement *p, recap_error *error)
{
    const size_t n = p->graph->n, width = p->width;
    float *scores = new_array(n * width, sizeof *scores);
    if (!scores) return fail_memory(error, n * width * sizeof *scores);
    int status = recap_pca(p->context, p->x, n, p->d, width, scores, error);
    for (size_t i = 0; !status && i < n * width; i++) p->out[i] = (double)scores[i];
    free(scores);
    return status;
}

static int lay_whole(struct placement *p, recap_error *error)
{
    const size_t n = p->graph->n, width = p->width;
    if (n < width + 2) {
        scatter(p, 0, 1);
        return RECAP_OK;
    }
    bool converged;
    double *values = new_array(width, sizeof *values);
    if (!values) return fail_memory(error, width * sizeof *values);
    int status = find_vectors(p->context, p->graph, width, START_TOLERANCE, START_ROUNDS, p->out,
                              values, &converged, error);
    free(values);
    if (!status && !converged && p->x) status = use_principal_components(p, error);
    return status;
}

/* ---- the whole ---- */

/* Stretches every column to 0..EXTENT after adding the noise. */
static void finish(const struct placement *p, float *out)
{
    const size_t n = p->graph->n, width = p->width;
    double largest = 0;
    for (size_t i = 0; i < n * width; i++)
        if (fabs(p->out[i]) > largest) largest = fabs(p->out[i]);
    double scale = largest > 0 ? EXTENT / largest : 1;
    for (size_t i = 0; i < n * width; i++)
        p->out[i] = p->out[i] * scale + NOISE * (4 * random_unit(seed_of(p), STREAM_NOISE, i) - 2);
    for (size_t j = 0; j < width; j++) {
        double low = p->out[j], high = low;
        for (size_t i = 0; i < n; i++) {
            low = fmin(low, p->out[i * width + j]);
            high = fmax(high, p->out[i * width + j]);
        }
        double stretch = high > low ? EXTENT / (high - low) : 0;
        for (size_t i = 0; i < n; i++)
            out[i * width + j] = (float)((p->out[i * width + j] - low) * stretch);
    }
}

static int lay_components(struct placement *p, recap_error *error)
{
    sort_rows(p);
    if (p->n_components == 1) return lay_whole(p, error);
    double radius = place_components(p);
    int status = RECAP_OK;
    for (size_t c = 0; !status && c < p->n_components; c++)
        status = lay_component(p, c, radius, error);
    return status;
}

int spectral_start(recap_context *context, const recap_graph *graph, const float *x, size_t d,
                   size_t width, float *out, recap_error *error)
{
    const size_t n = graph->n;
    struct placement p = {.context = context, .graph = graph, .x = x, .d = d, .width = width};
    int32_t *numbers = new_zeroed(4 * n + 1, sizeof *numbers);
    double *positions = new_array(2 * n * width, sizeof *positions);
    int status = RECAP_OK;
    if (numbers && positions) {
        p.component = numbers;
        p.rows = numbers + n;
        p.local = numbers + 2 * n;
        p.starts = numbers + 3 * n;
        p.out = positions;
        p.places = positions + n * width;
        memset(p.places, 0, n * width * sizeof *p.places);
        status = cluster_find_components(graph, p.component, &p.n_components, error);
        if (!status) status = lay_components(&p, error);
        if (!status) finish(&p, out);
    } else {
        status = fail_memory(error, 2 * n * width * sizeof *positions);
    }
    free(numbers);
    free(positions);
    return status;
}
