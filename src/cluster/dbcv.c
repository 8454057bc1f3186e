/* Density-based clustering validation (Moulavi et al. 2014), by the rule of the hdbscan package's
 * validity_index on the clustered rows.
 *
 * Per cluster, on its own rows:
 *   1. all-points core distance a(i) = (mean over the others of (1 / d(i, j))^D)^(-1 / D), where
 *      equal rows add nothing but count in the mean. With the nearest distance taken out of the sum
 *      every term is at most 1 and the sum at least 1: D = 384 is no trouble
 *   2. Prim from row 0 over max(d, a, a), lowest row on ties. The parent of a new row is the lowest
 *      row in the tree at that distance (isclose, as numpy's): the tree has many ties, and which
 *      rows are internal (degree above 1) depends on it
 *   3. sparseness: the largest edge between internal rows, or of all where there is none
 * Then separation: the smallest reachability from its internal rows to any other cluster's, and the
 * mean of (separation - sparseness) / max of both, by size.
 *
 * Not measured: fewer than two clusters, a cluster of one or two rows or of equal rows only. */
#include "cluster_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_ROWS 16
#define ROUND_WORK (1ull << 24) /* element operations between two looks at cancellation */
#define CLOSE_ABSOLUTE 1e-8
#define CLOSE_RELATIVE 1e-5

/* Rows stand in the groups' order, and every group starts a tile of its own; [N] are arrays over
 * these places, of which those between two groups are never read. */
struct dbcv {
    const struct groups *groups;
    struct points points; /* N of them */
    size_t *begin;        /* [n_groups], place of a group's first row */
    size_t *group;        /* [N] */
    size_t first;         /* of the places in this round */
    double *keys;         /* [threads, N] */
    double *rows;         /* [threads, d] */
    double *core;         /* [N] squared core distances */
    double *best;         /* [N] squared reachability to the tree; negative: in the tree */
    double *weight;       /* [N] of the edge that brought a row in */
    size_t *parent;       /* [N] */
    int32_t *degree;      /* [N] */
    double *nearest;      /* [N] squared reachability of an internal row's nearest elsewhere */
    double *sparseness;   /* [n_groups] */
};

static size_t group_size(const struct dbcv *v, size_t g)
{
    return (size_t)(v->groups->begin[g + 1] - v->groups->begin[g]);
}

/* ---- 1. core distances ---- */

/* ratio^(d / 2) for 0 < ratio <= 1. */
static double half_power(double ratio, size_t d)
{
    double power = d % 2 ? sqrt(ratio) : 1;
    for (size_t n = d / 2; n > 0; n /= 2) {
        if (n % 2) power *= ratio;
        ratio *= ratio;
    }
    return power;
}

/* The squared core distance from the squared distances to the m rows of the cluster; 0 where all
 * are equal. */
static double core_key(const double *keys, size_t m, size_t d)
{
    double least = INFINITY, sum = 0;
    for (size_t j = 0; j < m; j++)
        if (keys[j] > 0 && keys[j] < least) least = keys[j];
    if (isinf(least)) return 0;
    for (size_t j = 0; j < m; j++)
        if (keys[j] > 0) sum += half_power(least / keys[j], d);
    return least * exp(-2 * log(sum / (double)(m - 1)) / (double)d);
}

static void core_piece(void *data, size_t begin, size_t end, int thread)
{
    struct dbcv *v = data;
    double *keys = v->keys + (size_t)thread * v->points.n;
    double *row = v->rows + (size_t)thread * v->points.d;
    for (size_t i = v->first + begin; i < v->first + end; i++) {
        size_t g = v->group[i], start = v->begin[g], m = group_size(v, g);
        if (i >= start + m) continue;
        points_get(&v->points, i, row);
        points_keys(&v->points, row, start, start + m, keys);
        v->core[i] = core_key(keys, m, v->points.d);
    }
}

/* ---- 2. the tree of a cluster ---- */

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* Brings `row` of the group that starts at `start` into the tree; gives the next row. */
static size_t grow_tree(struct dbcv *v, size_t start, size_t m, size_t row, double *keys,
                        double *values)
{
    double *best = v->best + start;
    const double *core = v->core + start;
    points_get(&v->points, start + row, values);
    points_keys(&v->points, values, start, start + m, keys);
    best[row] = -1;
    size_t next = m;
    for (size_t j = 0; j < m; j++) {
        if (best[j] < 0) continue;
        double key = larger(larger(keys[j], core[j]), core[row]);
        if (key < best[j]) best[j] = key;
        if (next == m || best[j] < best[next]) next = j;
    }
    return next;
}

/* The lowest row in the tree at the distance at which `row` joins it. */
static size_t find_parent(struct dbcv *v, size_t start, size_t m, size_t row, double *keys,
                          double *values)
{
    const double *best = v->best + start, *core = v->core + start;
    double distance = sqrt(best[row]);
    double limit = distance + CLOSE_ABSOLUTE + CLOSE_RELATIVE * distance;
    points_get(&v->points, start + row, values);
    for (size_t j = 0; j < m; j += POINTS_TILE) {
        size_t end = j + POINTS_TILE < m ? j + POINTS_TILE : m;
        points_keys(&v->points, values, start + j, start + end, keys);
        for (size_t i = j; i < end; i++)
            if (best[i] < 0 && larger(larger(keys[i - j], core[i]), core[row]) <= limit * limit)
                return i;
    }
    return 0;
}

/* ---- 3. sparseness ---- */

static double find_sparseness(const struct dbcv *v, size_t start, size_t m)
{
    double inner = -1, any = 0;
    for (size_t i = 1; i < m; i++) {
        double weight = v->weight[start + i];
        bool internal = v->degree[start + i] > 1 && v->degree[start + v->parent[start + i]] > 1;
        any = larger(any, weight);
        if (internal) inner = larger(inner, weight);
    }
    return inner >= 0 ? inner : any;
}

/* Where no row has a degree above 1, row 0 stands for the cluster. */
static void mark_internal(struct dbcv *v, size_t start, size_t m)
{
    bool some = false;
    for (size_t i = start; i < start + m; i++) some = some || v->degree[i] > 1;
    if (!some) v->degree[start] = 2;
}

static void tree_piece(void *data, size_t begin, size_t end, int thread)
{
    struct dbcv *v = data;
    double *keys = v->keys + (size_t)thread * v->points.n;
    double *values = v->rows + (size_t)thread * v->points.d;
    for (size_t g = begin; g < end; g++) {
        size_t start = v->begin[g], m = group_size(v, g), row = 0;
        for (size_t i = start; i < start + m; i++) {
            v->best[i] = INFINITY;
            v->degree[i] = 0;
        }
        for (size_t n_in = 1; n_in < m; n_in++) {
            row = grow_tree(v, start, m, row, keys, values);
            size_t parent = find_parent(v, start, m, row, keys, values);
            v->parent[start + row] = parent;
            v->weight[start + row] = sqrt(v->best[start + row]);
            v->degree[start + row]++;
            v->degree[start + parent]++;
        }
        v->sparseness[g] = find_sparseness(v, start, m);
        mark_internal(v, start, m);
    }
}

/* ---- separation ---- */

static void separation_piece(void *data, size_t begin, size_t end, int thread)
{
    struct dbcv *v = data;
    double *keys = v->keys + (size_t)thread * v->points.n;
    double *row = v->rows + (size_t)thread * v->points.d;
    for (size_t i = v->first + begin; i < v->first + end; i++) {
        size_t own = v->group[i];
        if (i >= v->begin[own] + group_size(v, own) || v->degree[i] < 2) continue;
        points_get(&v->points, i, row);
        points_keys(&v->points, row, 0, v->points.n, keys);
        double least = INFINITY;
        for (size_t g = 0; g < v->groups->n_groups; g++) {
            if (g == own) continue;
            for (size_t j = v->begin[g]; j < v->begin[g] + group_size(v, g); j++) {
                /* best is now the core distance of internal rows, infinite elsewhere */
                double key = larger(keys[j], v->best[j]);
                least = key < least ? key : least;
            }
        }
        v->nearest[i] = larger(least, v->core[i]);
    }
}

/* ---- all of it ---- */

static int run_rounds(recap_context *context, struct dbcv *v, pool_fn fn, recap_error *error)
{
    size_t n = v->points.n;
    size_t round = (size_t)(ROUND_WORK / ((uint64_t)n * (v->points.d + 4)));
    round *= (size_t)pool_threads(context_pool(context));
    if (round < PIECE_ROWS) round = PIECE_ROWS;
    for (v->first = 0; v->first < n; v->first += round) {
        int status = context_check(context, "density validation", v->first, n, error);
        if (status) return status;
        size_t left = n - v->first;
        pool_run(context_pool(context), left < round ? left : round, PIECE_ROWS, fn, v);
    }
    return RECAP_OK;
}

static bool has_flat_group(const struct dbcv *v)
{
    for (size_t g = 0; g < v->groups->n_groups; g++)
        if (v->core[v->begin[g]] == 0) return true;
    return false;
}

static void mask_inner_rows(struct dbcv *v)
{
    for (size_t i = 0; i < v->points.n; i++) v->best[i] = v->degree[i] > 1 ? v->core[i] : INFINITY;
}

static double mean_validity(const struct dbcv *v)
{
    double sum = 0;
    for (size_t g = 0; g < v->groups->n_groups; g++) {
        size_t start = v->begin[g], m = group_size(v, g);
        double least = INFINITY;
        for (size_t i = start; i < start + m; i++)
            if (v->degree[i] > 1 && v->nearest[i] < least) least = v->nearest[i];
        double separation = sqrt(least), sparseness = v->sparseness[g];
        double validity = (separation - sparseness) / larger(separation, sparseness);
        sum += (double)m / (double)v->groups->n * validity;
    }
    return sum;
}

static int measure(recap_context *context, struct dbcv *v, double *out, bool *known,
                   recap_error *error)
{
    int status = run_rounds(context, v, core_piece, error);
    if (status || has_flat_group(v)) return status;
    pool_run(context_pool(context), v->groups->n_groups, 1, tree_piece, v);
    mask_inner_rows(v);
    status = run_rounds(context, v, separation_piece, error);
    if (status) return status;
    *out = mean_validity(v);
    *known = true;
    return RECAP_OK;
}

/* Places of the rows; the gap after a group repeats its last row. */
static int32_t *place_rows(struct dbcv *v, size_t n_places)
{
    const struct groups *groups = v->groups;
    int32_t *rows = new_array(n_places, sizeof *rows);
    size_t place = 0;
    for (size_t g = 0; rows && g < groups->n_groups; g++) {
        size_t m = group_size(v, g);
        v->begin[g] = place;
        for (size_t i = 0; i < points_padded(m); i++, place++) {
            rows[place] = groups->rows[(size_t)groups->begin[g] + (i < m ? i : m - 1)];
            v->group[place] = g;
        }
    }
    return rows;
}

static int allocate(struct dbcv *v, size_t n_threads, size_t n_places, size_t d, recap_error *error)
{
    size_t n_groups = v->groups->n_groups;
    v->begin = new_array(n_groups, sizeof *v->begin);
    v->sparseness = new_array(n_groups, sizeof *v->sparseness);
    v->group = new_array(n_places, sizeof *v->group);
    v->keys = new_array(n_threads, n_places * sizeof *v->keys);
    v->rows = new_array(n_threads, d * sizeof *v->rows);
    v->core = new_zeroed(n_places, sizeof *v->core);
    v->best = new_array(n_places, sizeof *v->best);
    v->weight = new_array(n_places, sizeof *v->weight);
    v->parent = new_array(n_places, sizeof *v->parent);
    v->degree = new_zeroed(n_places, sizeof *v->degree);
    v->nearest = new_array(n_places, sizeof *v->nearest);
    if (v->begin && v->sparseness && v->group && v->keys && v->rows && v->core && v->best &&
        v->weight && v->parent && v->degree && v->nearest)
        return RECAP_OK;
    return fail_memory(error, (n_threads + 8) * n_places * sizeof(double));
}

static void release(struct dbcv *v)
{
    free(v->begin);
    free(v->sparseness);
    free(v->group);
    free(v->keys);
    free(v->rows);
    free(v->core);
    free(v->best);
    free(v->weight);
    free(v->parent);
    free(v->degree);
    free(v->nearest);
    points_close(&v->points);
}

static int open_and_measure(recap_context *context, const float *x, size_t d,
                            const struct groups *groups, double *out, bool *known,
                            recap_error *error)
{
    struct dbcv v = {.groups = groups};
    size_t n_places = 0;
    for (size_t g = 0; g < groups->n_groups; g++) n_places += points_padded(group_size(&v, g));
    int32_t *rows = NULL;
    int status = allocate(&v, (size_t)pool_threads(context_pool(context)), n_places, d, error);
    if (!status && !(rows = place_rows(&v, n_places)))
        status = fail_memory(error, n_places * sizeof *rows);
    if (!status)
        status = points_open(x, rows, n_places, d, RECAP_METRIC_EUCLIDEAN, &v.points, error);
    if (!status) status = measure(context, &v, out, known, error);
    free(rows);
    release(&v);
    return status;
}

static bool is_measurable(const struct groups *groups)
{
    for (size_t g = 0; g < groups->n_groups; g++)
        if (groups->begin[g + 1] - groups->begin[g] < 3) return false;
    return groups->n_groups >= 2;
}

int recap_dbcv(recap_context *context, const float *x, size_t n, size_t d, const int32_t *labels,
               double *out, bool *known, recap_error *error)
{
    struct groups groups;
    *out = 0;
    *known = false;
    int status = cluster_check_matrix(x, n, d, RECAP_METRIC_EUCLIDEAN, error);
    if (!status) status = groups_open(labels, n, &groups, error);
    if (status) return status;
    if (is_measurable(&groups))
        status = open_and_measure(context, x, d, &groups, out, known, error);
    groups_close(&groups);
    return status;
}
