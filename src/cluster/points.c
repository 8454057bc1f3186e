/* Rows as doubles, laid out for one kind of work: the squared distances of one row to many.
 *
 * Points stand in tiles of POINTS_TILE; a tile is [d, POINTS_TILE], so that a row's distances to a
 * tile are POINTS_TILE independent sums over d, each in the order of the dimensions: the same bits
 * whatever the instruction set, the block or the thread. For the cosine metric the rows are scaled
 * to length 1 first: half the squared distance of two unit vectors is 1 - cosine, is never negative
 * and is exactly 0 between equal rows. */
#include "cluster_private.h"

#include "compute/compute.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef double lanes __attribute__((vector_size(32)));
typedef double loose_lanes __attribute__((vector_size(32), aligned(8), may_alias));

static double row_scale(const float *row, size_t d, bool cosine)
{
    if (!cosine) return 1;
    double sum = 0;
    for (size_t c = 0; c < d; c++) sum += (double)row[c] * (double)row[c];
    return 1 / sqrt(sum);
}

int points_open(const float *x, const int32_t *rows, size_t n, size_t d, recap_metric metric,
                struct points *out, recap_error *error)
{
    *out = (struct points){.n = n, .d = d, .cosine = metric == RECAP_METRIC_COSINE};
    size_t padded = points_padded(n), size = 0;
    if (!size_mul(padded, d, &size)) return fail_memory(error, SIZE_MAX);
    out->tiles = new_aligned(size, sizeof *out->tiles);
    if (!out->tiles) return fail_memory(error, size * sizeof *out->tiles);
    if (padded > n)
        memset(out->tiles + (padded - POINTS_TILE) * d, 0, POINTS_TILE * d * sizeof *out->tiles);
    for (size_t i = 0; i < n; i++) {
        const float *row = x + (rows ? (size_t)rows[i] : i) * d;
        double scale = row_scale(row, d, out->cosine);
        double *tile = out->tiles + i / POINTS_TILE * POINTS_TILE * d + i % POINTS_TILE;
        for (size_t c = 0; c < d; c++) tile[c * POINTS_TILE] = (double)row[c] * scale;
    }
    return RECAP_OK;
}

void points_close(struct points *points)
{
    free(points->tiles);
    *points = (struct points){0};
}

void points_get(const struct points *points, size_t i, double *row)
{
    const double *tile = points->tiles + i / POINTS_TILE * POINTS_TILE * points->d;
    for (size_t c = 0; c < points->d; c++) row[c] = tile[c * POINTS_TILE + i % POINTS_TILE];
}

void points_move(struct points *points, size_t to, size_t from)
{
    size_t d = points->d;
    double *target = points->tiles + to / POINTS_TILE * POINTS_TILE * d + to % POINTS_TILE;
    const double *source = points->tiles + from / POINTS_TILE * POINTS_TILE * d +
                           from % POINTS_TILE;
    for (size_t c = 0; c < d; c++) target[c * POINTS_TILE] = source[c * POINTS_TILE];
}

/* What follows is inlined into a version for each instruction set. */
#define EACH_SET static inline __attribute__((always_inline)) void

EACH_SET tile_keys(const double *tile, const double *row, size_t d, double *keys)
{
    lanes sum[4] = {{0}, {0}, {0}, {0}};
    for (size_t c = 0; c < d; c++) {
        const lanes *values = (const lanes *)(const void *)(tile + c * POINTS_TILE);
        lanes difference[4] = {values[0] - row[c], values[1] - row[c], values[2] - row[c],
                               values[3] - row[c]};
        for (int i = 0; i < 4; i++) sum[i] += difference[i] * difference[i];
    }
    for (int i = 0; i < 4; i++) *(loose_lanes *)(void *)(keys + 4 * i) = sum[i];
}

EACH_SET all_keys(const double *tiles, const double *row, size_t d, size_t n_tiles, double *keys)
{
    for (size_t t = 0; t < n_tiles; t++)
        tile_keys(tiles + t * POINTS_TILE * d, row, d, keys + t * POINTS_TILE);
}

EACH_SET all_roots(double *keys, size_t n)
{
    for (size_t i = 0; i < n; i++) keys[i] = sqrt(keys[i]);
}

static void keys_plain(const double *tiles, const double *row, size_t d, size_t n, double *keys)
{
    all_keys(tiles, row, d, n, keys);
}

static void roots_plain(double *keys, size_t n)
{
    all_roots(keys, n);
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))

AVX2 static void keys_avx2(const double *tiles, const double *row, size_t d, size_t n, double *keys)
{
    all_keys(tiles, row, d, n, keys);
}

AVX2 static void roots_avx2(double *keys, size_t n)
{
    all_roots(keys, n);
}
#else
#define keys_avx2 keys_plain
#define roots_avx2 roots_plain
#endif

bool points_use_avx2(void)
{
    return strcmp(compute_name(), "avx2") == 0;
}

void points_keys(const struct points *points, const double *row, size_t begin, size_t end,
                 double *keys)
{
    size_t n_tiles = (end - begin + POINTS_TILE - 1) / POINTS_TILE;
    const double *tiles = points->tiles + begin * points->d;
    if (points_use_avx2())
        keys_avx2(tiles, row, points->d, n_tiles, keys);
    else
        keys_plain(tiles, row, points->d, n_tiles, keys);
}

void points_distances(const struct points *points, double *keys, size_t n)
{
    if (points->cosine) {
        for (size_t i = 0; i < n; i++) keys[i] = keys[i] < 4 ? keys[i] / 2 : 2;
    } else if (points_use_avx2()) {
        roots_avx2(keys, n);
    } else {
        roots_plain(keys, n);
    }
}

double points_distance(const struct points *points, double key)
{
    points_distances(points, &key, 1);
    return key;
}
