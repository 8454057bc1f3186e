/* Agglomerative linkage by the nearest-neighbour chain (Müllner 2011), in O(n d) memory.
 *
 * Ward's and average linkage are both functions of the clusters' centroids, so no matrix of
 * distances is kept. With |A| the size and a the centroid of a cluster, the key of a merge is
 *
 *   Ward      2 |A| |B| / (|A| + |B|) · |a - b|², whose root is the height
 *   average   1 - a·b over rows of length 1: the mean cosine distance of all pairs (UPGMA)
 *
 *   clusters  the centroids alive stand in slots 0 .. n_alive-1 of `points`, without gaps, with
 *             their sizes; a merge puts the new centroid in one slot, moves the last to the other
 *   chain     every cluster's nearest follows it; two that are each other's nearest merge. Ties go
 *             to the chain's own past, then to the lowest row, so the answer is one
 *   order     merges sorted by height and renumbered as scipy does: merge i makes cluster n + i
 */
#include "cluster_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1024 }; /* slots of one piece of a search; a multiple of POINTS_TILE */

struct found {
    double key; /* of the merge; grows with its height */
    int32_t row;
};

struct merge {
    double height;
    int32_t a, b; /* a row of each side */
    int32_t order;
};

struct linkage {
    recap_context *context;
    bool average; /* else Ward */
    size_t n, n_alive;
    struct points points; /* centroids */
    double *size;         /* [n], of the slot's cluster */
    double *square;       /* [n], the squared length of its centroid; average only */
    int32_t *row;         /* [n], a row of the slot's cluster: its name */
    int32_t *slot;        /* [n], of a name */
    int32_t *chain;       /* [n], names */
    struct merge *merges; /* [n - 1] */
    /* the search for the nearest of slot `from` */
    size_t from;
    double *centroid;    /* [d] */
    double *keys;        /* [n rounded up] */
    struct found *found; /* [pieces] */
};

/* ---- searching ---- */

static bool is_better(struct found a, struct found b)
{
    return a.key < b.key || (a.key == b.key && a.row < b.row);
}

/* The key of merging the clusters in slots `a` and `b`, whose centroids are sqrt(squared) apart. */
static double merge_key(const struct linkage *w, size_t a, size_t b, double squared)
{
    if (w->average) return 1 - (w->square[a] + w->square[b] - squared) / 2;
    return squared * (2 * w->size[a] * w->size[b] / (w->size[a] + w->size[b]));
}

static void search_pieces(void *data, size_t begin, size_t end, int thread)
{
    struct linkage *w = data;
    for (size_t piece = begin; piece < end; piece++) {
        size_t first = piece * PIECE;
        size_t last = first + PIECE < w->n_alive ? first + PIECE : w->n_alive;
        points_keys(&w->points, w->centroid, first, last, w->keys + first);
        struct found best = {INFINITY, INT32_MAX};
        for (size_t s = first; s < last; s++) {
            if (s == w->from) continue;
            double key = merge_key(w, w->from, s, w->keys[s]);
            if (key > best.key) continue;
            struct found candidate = {key, w->row[s]};
            if (is_better(candidate, best)) best = candidate;
        }
        w->found[piece] = best;
    }
}

/* The cluster nearest to `name`; `previous` (a name or -1) wins ties. */
static struct found find_nearest(struct linkage *w, int32_t name, int32_t previous)
{
    enum { WORTH_THREADS = 1 << 16 };
    w->from = (size_t)w->slot[name];
    points_get(&w->points, w->from, w->centroid);
    const size_t pieces = (w->n_alive + PIECE - 1) / PIECE;
    bool is_large = w->n_alive * w->points.d >= WORTH_THREADS;
    pool_run(is_large ? context_pool(w->context) : NULL, pieces, 1, search_pieces, w);
    struct found best = w->found[0];
    for (size_t piece = 1; piece < pieces; piece++)
        if (is_better(w->found[piece], best)) best = w->found[piece];
    if (previous < 0) return best;
    size_t past = (size_t)w->slot[previous];
    double key = merge_key(w, w->from, past, w->keys[past]);
    return key <= best.key ? (struct found){key, previous} : best;
}

/* ---- merging ---- */

static void put_centroid(struct points *points, size_t i, const double *row)
{
    double *tile = points->tiles + i / POINTS_TILE * POINTS_TILE * points->d;
    for (size_t c = 0; c < points->d; c++) tile[c * POINTS_TILE + i % POINTS_TILE] = row[c];
}

static double squared_length(const double *row, size_t d)
{
    double sum = 0;
    for (size_t c = 0; c < d; c++) sum += row[c] * row[c];
    return sum;
}

static void merge_two(struct linkage *w, int32_t a, int32_t b, double *other)
{
    size_t slot_a = (size_t)w->slot[a], slot_b = (size_t)w->slot[b];
    double size_a = w->size[slot_a], size_b = w->size[slot_b];
    points_get(&w->points, slot_a, w->centroid);
    points_get(&w->points, slot_b, other);
    for (size_t c = 0; c < w->points.d; c++)
        w->centroid[c] = (size_a * w->centroid[c] + size_b * other[c]) / (size_a + size_b);
    put_centroid(&w->points, slot_a, w->centroid);
    w->size[slot_a] = size_a + size_b;
    if (w->average) w->square[slot_a] = squared_length(w->centroid, w->points.d);
    size_t last = --w->n_alive;
    if (slot_b == last) return;
    points_move(&w->points, slot_b, last);
    w->size[slot_b] = w->size[last];
    if (w->average) w->square[slot_b] = w->square[last];
    w->row[slot_b] = w->row[last];
    w->slot[w->row[slot_b]] = (int32_t)slot_b;
}

static int run_chain(struct linkage *w, recap_error *error)
{
    size_t depth = 0, done = 0;
    double *other = new_array(w->points.d, sizeof *other);
    if (!other) return fail_memory(error, w->points.d * sizeof *other);
    int status = RECAP_OK;
    while (!status && done + 1 < w->n) {
        if (depth == 0) w->chain[depth++] = w->row[0];
        int32_t name = w->chain[depth - 1], previous = depth > 1 ? w->chain[depth - 2] : -1;
        struct found nearest = find_nearest(w, name, previous);
        if (nearest.row != previous) {
            w->chain[depth++] = nearest.row;
            continue;
        }
        depth -= 2;
        int32_t low = name < previous ? name : previous, high = name < previous ? previous : name;
        w->merges[done] = (struct merge){w->average ? nearest.key : sqrt(nearest.key), low, high,
                                         (int32_t)done};
        merge_two(w, low, high, other);
        done++;
        if (done % 256 == 0) status = context_check(w->context, "linkage", done, w->n - 1, error);
    }
    free(other);
    return status;
}

/* ---- order and names ---- */

static int by_height(const void *left, const void *right)
{
    const struct merge *a = left, *b = right;
    if (a->height != b->height) return a->height < b->height ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

static size_t find_root(int32_t *parent, size_t i)
{
    size_t root = i;
    while (parent[root] >= 0) root = (size_t)parent[root];
    while (parent[i] >= 0) {
        size_t next = (size_t)parent[i];
        parent[i] = (int32_t)root;
        i = next;
    }
    return root;
}

/* Writes merges as scipy's matrix; parent and sizes are of the 2n - 1 clusters. */
static int write_merges(const struct linkage *w, double *out, recap_error *error)
{
    const size_t n = w->n;
    int32_t *parent = new_array(2 * n, sizeof *parent);
    double *sizes = new_array(2 * n, sizeof *sizes);
    if (parent && sizes) {
        for (size_t i = 0; i < 2 * n; i++) {
            parent[i] = -1;
            sizes[i] = 1;
        }
        qsort(w->merges, n - 1, sizeof *w->merges, by_height);
        for (size_t i = 0; i + 1 < n; i++) {
            size_t a = find_root(parent, (size_t)w->merges[i].a);
            size_t b = find_root(parent, (size_t)w->merges[i].b);
            parent[a] = parent[b] = (int32_t)(n + i);
            sizes[n + i] = sizes[a] + sizes[b];
            out[4 * i] = (double)(a < b ? a : b);
            out[4 * i + 1] = (double)(a < b ? b : a);
            out[4 * i + 2] = w->merges[i].height;
            out[4 * i + 3] = sizes[n + i];
        }
    }
    bool good = parent && sizes;
    free(parent);
    free(sizes);
    return good ? RECAP_OK : fail_memory(error, 2 * n * (sizeof *parent + sizeof *sizes));
}

/* ---- public ---- */

static void free_linkage(struct linkage *w)
{
    points_close(&w->points);
    free(w->size);
    free(w->square);
    free(w->row);
    free(w->slot);
    free(w->chain);
    free(w->merges);
    free(w->centroid);
    free(w->keys);
    free(w->found);
}

static int open_linkage(struct linkage *w, const float *x, size_t d, recap_error *error)
{
    const size_t n = w->n;
    recap_metric metric = w->average ? RECAP_METRIC_COSINE : RECAP_METRIC_EUCLIDEAN;
    int status = points_open(x, NULL, n, d, metric, &w->points, error);
    if (status) return status;
    w->size = new_array(n, sizeof *w->size);
    w->square = new_array(w->average ? n : 0, sizeof *w->square);
    w->row = new_array(n, sizeof *w->row);
    w->slot = new_array(n, sizeof *w->slot);
    w->chain = new_array(n, sizeof *w->chain);
    w->merges = new_array(n, sizeof *w->merges);
    w->centroid = new_array(d, sizeof *w->centroid);
    w->keys = new_array(points_padded(n), sizeof *w->keys);
    w->found = new_array(n / PIECE + 1, sizeof *w->found);
    if (!w->size || !w->square || !w->row || !w->slot || !w->chain || !w->merges || !w->centroid ||
        !w->keys || !w->found)
        return fail_memory(error, n * 48);
    for (size_t i = 0; i < n; i++) {
        w->size[i] = 1;
        w->row[i] = w->slot[i] = (int32_t)i;
        if (!w->average) continue;
        points_get(&w->points, i, w->centroid);
        w->square[i] = squared_length(w->centroid, d);
    }
    return RECAP_OK;
}

static int link_rows(recap_context *context, const float *x, size_t n, size_t d, bool average,
                     double *merges, recap_error *error)
{
    recap_metric metric = average ? RECAP_METRIC_COSINE : RECAP_METRIC_EUCLIDEAN;
    int status = cluster_check_matrix(x, n, d, metric, error);
    if (status || n < 2) return status;
    if (n > INT32_MAX / 2)
        return fail(error, RECAP_ERROR_INPUT, "%zu rows: at most %d are allowed", n, INT32_MAX / 2);
    struct linkage w = {.context = context, .average = average, .n = n, .n_alive = n};
    status = open_linkage(&w, x, d, error);
    if (!status) status = run_chain(&w, error);
    if (!status) status = write_merges(&w, merges, error);
    free_linkage(&w);
    return status;
}

int recap_ward(recap_context *context, const float *x, size_t n, size_t d, double *merges,
               recap_error *error)
{
    return link_rows(context, x, n, d, false, merges, error);
}

int recap_average_linkage(recap_context *context, const float *x, size_t n, size_t d,
                          double *merges, recap_error *error)
{
    return link_rows(context, x, n, d, true, merges, error);
}

static bool is_cluster(double value, size_t limit)
{
    return value >= 0 && value < (double)limit && value == floor(value);
}

int recap_cut_linkage(const double *merges, size_t n, size_t k, int32_t *labels, size_t *n_clusters,
                      recap_error *error)
{
    *n_clusters = 0;
    if (n == 0) return RECAP_OK;
    if (k == 0) return fail(error, RECAP_ERROR_USAGE, "0 clusters: at least 1 is needed");
    if (n > INT32_MAX / 2)
        return fail(error, RECAP_ERROR_INPUT, "%zu rows: at most %d are allowed", n, INT32_MAX / 2);
    size_t n_merges = k < n ? n - k : 0;
    int32_t *parent = new_array(2 * n, sizeof *parent), *map = new_array(2 * n, sizeof *map);
    int status = parent && map ? RECAP_OK : fail_memory(error, 4 * n * sizeof *parent);
    for (size_t i = 0; !status && i < 2 * n; i++) parent[i] = -1;
    for (size_t i = 0; !status && i < n_merges; i++) {
        double a = merges[4 * i], b = merges[4 * i + 1];
        bool good = is_cluster(a, n + i) && is_cluster(b, n + i) && a != b;
        if (good) good = parent[(size_t)a] < 0 && parent[(size_t)b] < 0;
        if (good)
            parent[(size_t)a] = parent[(size_t)b] = (int32_t)(n + i);
        else
            status = fail(error, RECAP_ERROR_INPUT,
                          "merge %zu joins %g and %g: two different clusters of 0..%zu not merged "
                          "before are needed",
                          i, a, b, n + i - 1);
    }
    for (size_t i = 0; !status && i < n; i++) labels[i] = (int32_t)find_root(parent, i);
    if (!status) *n_clusters = matrix_renumber(labels, n, 2 * n, map);
    free(parent);
    free(map);
    return status;
}

int recap_cut_linkage_at(const double *merges, size_t n, double height, int32_t *labels,
                         size_t *n_clusters, recap_error *error)
{
    size_t low = 0;
    while (low + 1 < n && merges[4 * low + 2] <= height) low++;
    return recap_cut_linkage(merges, n, n > low ? n - low : 1, labels, n_clusters, error);
}
