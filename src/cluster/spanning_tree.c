/* The minimum spanning tree of the mutual reachability graph.
 *
 *   1. core distances: the distance of each row to its min_samples-th other row; by rows, parallel
 *   2. Prim from row 0: the reachability max(distance, core, core) of the newest row to all that
 *      are left is computed where it is needed, so memory is O(n); large rounds are parallel by
 *      columns
 *   3. edges sorted by weight
 *
 * Everything compares keys (squared distances) and takes roots only of what is kept. Many
 * reachabilities are equal, being some row's core distance; of those the smaller distance goes
 * first, in Prim and in the order of the edges, so that the tree does not hang on the order of the
 * rows. What is still tied goes to the lowest row, whatever the pieces, and keeps Prim's order:
 * a group of equal rows is merged one row at a time and never looks like two clusters that meet at
 * distance 0. */
#include "cluster_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CORE_ROWS 16             /* rows of a piece in step 1 */
#define PRIM_PIECE 1024          /* columns of a piece in step 2; a multiple of POINTS_TILE */
#define PARALLEL_WORK (1u << 18) /* element operations that are worth waking the threads */
#define CHECK_WORK (1ull << 24)  /* element operations between two looks at cancellation */

/* ---- core distances ---- */

struct core_job {
    const struct points *points;
    size_t min_samples, first; /* of the rows in this round */
    double *keys;              /* [threads, padded n] */
    double *heaps;             /* [threads, min_samples] */
    double *rows;              /* [threads, d] */
    double *core;              /* [n] keys */
};

static void sift_down(double *heap, size_t n)
{
    double value = heap[0];
    size_t at = 0;
    for (size_t child = 1; child < n; child = 2 * at + 1) {
        if (child + 1 < n && heap[child + 1] > heap[child]) child++;
        if (heap[child] <= value) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = value;
}

/* The k-th smallest of the keys; heap [k] holds the smallest so far, the largest of them first. */
static double kth_smallest(const double *keys, size_t n, size_t k, double *heap)
{
    for (size_t i = 0; i < k; i++) heap[i] = INFINITY;
    for (size_t j = 0; j < n; j++) {
        if (keys[j] >= heap[0]) continue;
        heap[0] = keys[j];
        sift_down(heap, k);
    }
    return heap[0];
}

static void core_piece(void *data, size_t begin, size_t end, int thread)
{
    struct core_job *job = data;
    size_t n = job->points->n;
    double *keys = job->keys + (size_t)thread * points_padded(n);
    double *heap = job->heaps + (size_t)thread * job->min_samples;
    double *row = job->rows + (size_t)thread * job->points->d;
    for (size_t i = job->first + begin; i < job->first + end; i++) {
        points_get(job->points, i, row);
        points_keys(job->points, row, 0, n, keys);
        keys[i] = INFINITY;
        job->core[i] = kth_smallest(keys, n, job->min_samples, heap);
    }
}

static int run_core(recap_context *context, struct core_job *job, recap_error *error)
{
    size_t n = job->points->n;
    uint64_t row_work = (uint64_t)n * (job->points->d + 2);
    size_t round = (size_t)(CHECK_WORK / row_work) * (size_t)pool_threads(context_pool(context));
    if (round < CORE_ROWS) round = CORE_ROWS;
    for (job->first = 0; job->first < n; job->first += round) {
        int status = context_check(context, "core distances", job->first, n, error);
        if (status) return status;
        size_t left = n - job->first;
        pool_run(context_pool(context), left < round ? left : round, CORE_ROWS, core_piece, job);
    }
    return RECAP_OK;
}

static int find_core(recap_context *context, const struct points *points, size_t min_samples,
                     double *core, recap_error *error)
{
    size_t threads = (size_t)pool_threads(context_pool(context));
    memset(core, 0, points->n * sizeof *core);
    if (min_samples == 0 || points->n < 2) return RECAP_OK;
    struct core_job job = {.points = points, .min_samples = min_samples, .core = core};
    job.keys = new_array(threads, points_padded(points->n) * sizeof *job.keys);
    job.heaps = new_array(threads, min_samples * sizeof *job.heaps);
    job.rows = new_array(threads, points->d * sizeof *job.rows);
    int status = RECAP_OK;
    if (job.keys && job.heaps && job.rows)
        status = run_core(context, &job, error);
    else
        status = fail_memory(error, threads * points_padded(points->n) * sizeof *job.keys);
    free(job.keys);
    free(job.heaps);
    free(job.rows);
    return status;
}

/* ---- edges ---- */

struct edge {
    double weight, plain;
    int32_t order, from, to;
};

static int compare_edges(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;
    if (x->weight != y->weight) return x->weight < y->weight ? -1 : 1;
    if (x->plain != y->plain) return x->plain < y->plain ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void sort_edges(struct edge *edges, recap_tree *tree)
{
    size_t n = tree->n - 1;
    qsort(edges, n, sizeof *edges, compare_edges);
    for (size_t i = 0; i < n; i++) {
        tree->from[i] = edges[i].from;
        tree->to[i] = edges[i].to;
        tree->weights[i] = edges[i].weight;
    }
}

/* ---- Prim ---- */

struct nearest {
    double key, plain; /* squared: mutual reachability, distance */
    int64_t row;
    size_t at; /* place among those left */
};

struct prim {
    struct points *points; /* those left, in any order; consumed */
    size_t n_left;
    double *row; /* [d], the newest row of the tree */
    double row_core;
    int64_t row_id;
    double *keys;           /* [padded n] */
    double *core;           /* [n] keys of those left, as all that follow */
    double *best;           /* [n] smallest key to the tree */
    double *plain;          /* [n] squared distance there */
    int64_t *source;        /* [n] the tree's row that has it */
    int64_t *id;            /* [n] row numbers */
    struct nearest *pieces; /* [n / PRIM_PIECE rounded up] */
};

/* Inlined into a version for each instruction set. */
static inline __attribute__((always_inline)) void update_all(struct prim *prim, size_t begin,
                                                             size_t end)
{
    const double *restrict keys = prim->keys, *restrict core = prim->core;
    double *restrict best = prim->best, *restrict plain = prim->plain;
    int64_t *restrict source = prim->source;
    double row_core = prim->row_core;
    int64_t row_id = prim->row_id;
    for (size_t j = begin; j < end; j++) {
        double key = keys[j] > core[j] ? keys[j] : core[j];
        key = key > row_core ? key : row_core;
        bool closer = (key < best[j]) | ((key == best[j]) & (keys[j] < plain[j]));
        best[j] = closer ? key : best[j];
        plain[j] = closer ? keys[j] : plain[j];
        source[j] = closer ? row_id : source[j];
    }
}

static void update_plain(struct prim *prim, size_t begin, size_t end)
{
    update_all(prim, begin, end);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void update_avx2(struct prim *prim, size_t begin, size_t end)
{
    update_all(prim, begin, end);
}
#else
#define update_avx2 update_plain
#endif

static bool nearer(const struct nearest *a, const struct nearest *b)
{
    if (a->key != b->key) return a->key < b->key;
    return a->plain < b->plain || (a->plain == b->plain && a->row < b->row);
}

static struct nearest find_nearest(const struct prim *prim, size_t begin, size_t end)
{
    struct nearest nearest = {INFINITY, INFINITY, INT64_MAX, begin};
    for (size_t j = begin; j < end; j++) {
        if (prim->best[j] > nearest.key) continue;
        struct nearest other = {prim->best[j], prim->plain[j], prim->id[j], j};
        if (nearer(&other, &nearest)) nearest = other;
    }
    return nearest;
}

static void prim_piece(void *data, size_t begin, size_t end, int thread)
{
    struct prim *prim = data;
    (void)thread;
    for (size_t piece = begin; piece < end; piece++) {
        size_t first = piece * PRIM_PIECE, last = first + PRIM_PIECE;
        if (last > prim->n_left) last = prim->n_left;
        points_keys(prim->points, prim->row, first, last, prim->keys + first);
        if (points_use_avx2())
            update_avx2(prim, first, last);
        else
            update_plain(prim, first, last);
        prim->pieces[piece] = find_nearest(prim, first, last);
    }
}

/* Takes place `at` out of those left: the last one moves there. */
static void remove_left(struct prim *prim, size_t at)
{
    size_t last = --prim->n_left;
    points_get(prim->points, at, prim->row);
    prim->row_core = prim->core[at];
    prim->row_id = prim->id[at];
    if (at == last) return;
    points_move(prim->points, at, last);
    prim->core[at] = prim->core[last];
    prim->best[at] = prim->best[last];
    prim->plain[at] = prim->plain[last];
    prim->source[at] = prim->source[last];
    prim->id[at] = prim->id[last];
}

static struct nearest prim_round(recap_context *context, struct prim *prim)
{
    size_t n_pieces = (prim->n_left + PRIM_PIECE - 1) / PRIM_PIECE;
    bool parallel = prim->n_left * prim->points->d >= PARALLEL_WORK;
    pool_run(parallel ? context_pool(context) : NULL, n_pieces, 1, prim_piece, prim);
    struct nearest nearest = prim->pieces[0];
    for (size_t i = 1; i < n_pieces; i++)
        if (nearer(&prim->pieces[i], &nearest)) nearest = prim->pieces[i];
    return nearest;
}

static int prim_rounds(recap_context *context, struct prim *prim, struct edge *edges,
                       recap_error *error)
{
    size_t n = prim->n_left;
    uint64_t work = CHECK_WORK;
    remove_left(prim, 0);
    for (size_t edge = 0; edge + 1 < n; edge++) {
        work += prim->n_left * (prim->points->d + 2);
        if (work >= CHECK_WORK) {
            int status = context_check(context, "spanning tree", edge, n, error);
            if (status) return status;
            work = 0;
        }
        struct nearest nearest = prim_round(context, prim);
        edges[edge] = (struct edge){.weight = points_distance(prim->points, nearest.key),
                                    .plain = nearest.plain,
                                    .order = (int32_t)edge,
                                    .from = (int32_t)prim->source[nearest.at],
                                    .to = (int32_t)nearest.row};
        remove_left(prim, nearest.at);
    }
    return RECAP_OK;
}

static int run_prim(recap_context *context, struct points *points, const double *core,
                    struct edge *edges, recap_error *error)
{
    size_t n = points->n;
    struct prim prim = {.points = points, .n_left = n};
    prim.row = new_array(points->d, sizeof *prim.row);
    prim.keys = new_array(points_padded(n), sizeof *prim.keys);
    prim.core = new_array(n, sizeof *prim.core);
    prim.best = new_array(n, sizeof *prim.best);
    prim.plain = new_array(n, sizeof *prim.plain);
    prim.source = new_zeroed(n, sizeof *prim.source);
    prim.id = new_array(n, sizeof *prim.id);
    prim.pieces = new_array(n / PRIM_PIECE + 1, sizeof *prim.pieces);
    int status = RECAP_OK;
    if (prim.row && prim.keys && prim.core && prim.best && prim.plain && prim.source && prim.id &&
        prim.pieces) {
        memcpy(prim.core, core, n * sizeof *prim.core);
        for (size_t i = 0; i < n; i++) {
            prim.best[i] = prim.plain[i] = INFINITY;
            prim.id[i] = (int64_t)i;
        }
        status = prim_rounds(context, &prim, edges, error);
    } else {
        status = fail_memory(error, n * 5 * sizeof(double));
    }
    free(prim.row);
    free(prim.keys);
    free(prim.core);
    free(prim.best);
    free(prim.plain);
    free(prim.source);
    free(prim.id);
    free(prim.pieces);
    return status;
}

/* ---- the tree ---- */

static int allocate_tree(size_t n, recap_tree *tree, recap_error *error)
{
    size_t n_edges = n ? n - 1 : 0;
    *tree = (recap_tree){.n = n};
    tree->from = new_array(n_edges, sizeof *tree->from);
    tree->to = new_array(n_edges, sizeof *tree->to);
    tree->weights = new_array(n_edges, sizeof *tree->weights);
    tree->core = new_array(n, sizeof *tree->core);
    if (tree->from && tree->to && tree->weights && tree->core) return RECAP_OK;
    return fail_memory(error, n * 3 * sizeof(double));
}

static int build_tree(recap_context *context, struct points *points, size_t min_samples,
                      recap_tree *tree, recap_error *error)
{
    struct edge *edges = new_array(tree->n, sizeof *edges);
    if (!edges) return fail_memory(error, tree->n * sizeof *edges);
    int status = find_core(context, points, min_samples, tree->core, error);
    if (!status) status = run_prim(context, points, tree->core, edges, error);
    if (!status) {
        sort_edges(edges, tree);
        for (size_t i = 0; i < tree->n; i++) tree->core[i] = points_distance(points, tree->core[i]);
    }
    free(edges);
    return status;
}

int recap_build_spanning_tree(recap_context *context, const float *x, size_t n, size_t d,
                              recap_metric metric, size_t min_samples, recap_tree *out,
                              recap_error *error)
{
    *out = (recap_tree){0};
    struct points points = {0};
    int status = cluster_check_matrix(x, n, d, metric, error);
    if (!status) status = allocate_tree(n, out, error);
    if (!status && n > 0) {
        if (min_samples > n - 1) min_samples = n - 1;
        status = points_open(x, NULL, n, d, metric, &points, error);
        if (!status) status = build_tree(context, &points, min_samples, out, error);
    }
    points_close(&points);
    if (status) recap_free_tree(out);
    return status;
}

void recap_free_tree(recap_tree *tree)
{
    if (!tree) return;
    free(tree->from);
    free(tree->to);
    free(tree->weights);
    free(tree->core);
    *tree = (recap_tree){0};
}
