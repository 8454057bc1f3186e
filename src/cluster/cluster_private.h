/* What only the files of this room share. */
#ifndef CLUSTER_PRIVATE_H
#define CLUSTER_PRIVATE_H

#include "cluster.h"

/* ---- matrix.c ---- */

/* Sums in double with a fixed order (eight lanes), so that equal rows give equal numbers. */
double matrix_dot(const float *a, const float *b, size_t d);
double matrix_squared_distance(const float *a, const float *b, size_t d);
/* The distance that recap_find_neighbors gives: squares are the rows' matrix_dot with themselves,
 * used under cosine only. Exactly 0 for equal rows. */
double matrix_distance(recap_metric metric, const float *a, const float *b, size_t d,
                       double square_a, double square_b);
/* Renumbers labels [n] (0 .. k-1) by first member and drops unused ones; map [k] gets the new
 * number or -1. Noise (-1) stays. Returns the number in use. */
size_t matrix_renumber(int32_t *labels, size_t n, size_t k, int32_t *map);

/* ---- eigen.c ---- */

/* A symmetric operator on R^n whose spectrum lies in [lowest, 1]. apply computes y = A x for blocks
 * x, y [n, width], row-major. */
struct eigen_operator {
    size_t n;
    double lowest;
    void (*apply)(const struct eigen_operator *op, recap_context *context, const double *x,
                  double *y, size_t width);
    const void *data;
    const double *known; /* a unit eigenvector to leave out, [n], or NULL */
    double tolerance;    /* of the residuals, relative to the largest eigenvalue */
    size_t rounds;       /* at most so many, each of 20 products */
};
/* The `wanted` largest eigenpairs: vectors [n, wanted], values [wanted] descending. */
int eigen_largest(recap_context *context, const struct eigen_operator *op, size_t wanted,
                  double *vectors, double *values, bool *converged, recap_error *error);
/* All eigenpairs of the dense symmetric a [n, n] (destroyed), values descending, by Jacobi's
 * rotations; columns of vectors [n, n]. */
void eigen_dense(double *a, size_t n, double *vectors, double *values);

/* ---- spectral.c ---- */

/* The start of a layout, out [n, width] float: spectral by component, else PCA of x, else random;
 * each column scaled to 0..10. */
int spectral_start(recap_context *context, const recap_graph *graph, const float *x, size_t d,
                   size_t width, float *out, recap_error *error);

/* ---- points.c ---- */

#define POINTS_TILE 16
struct points {
    size_t n, d;
    bool cosine;
    double *tiles; /* [n / POINTS_TILE rounded up, d, POINTS_TILE] */
};
static inline size_t points_padded(size_t n)
{
    return (n + POINTS_TILE - 1) / POINTS_TILE * POINTS_TILE;
}
/* The rows of x [, d] that `rows` [n] names (NULL: the first n); x must have been checked. */
int points_open(const float *x, const int32_t *rows, size_t n, size_t d, recap_metric metric,
                struct points *out, recap_error *error);
void points_close(struct points *points);
void points_get(const struct points *points, size_t i, double *row /* [d] */);
void points_move(struct points *points, size_t to, size_t from);
/* Keys of `row` [d] to the points begin .. end-1: squared distances, which order as distances do.
 * begin is a multiple of POINTS_TILE; keys has room for whole tiles. */
void points_keys(const struct points *points, const double *row, size_t begin, size_t end,
                 double *keys);
/* Whether this room's own loops, which give the same bits either way, use AVX2. */
bool points_use_avx2(void);
/* Turns n keys into distances, in place; and one. */
void points_distances(const struct points *points, double *keys, size_t n);
double points_distance(const struct points *points, double key);

/* ---- condensed_tree.c ---- */

/* The hierarchy of clusters of at least min_cluster_size points. Cluster 0 is the root; a cluster's
 * parent has a lower number. lambda = 1 / distance, infinite between equal points. */
struct condensed_tree {
    size_t n, n_clusters;
    int32_t *parent;        /* [n_clusters]; -1 for the root */
    double *birth;          /* [n_clusters], lambda of the split that made it; 0 for the root */
    int32_t *size;          /* [n_clusters], points at birth */
    int32_t *point_cluster; /* [n], the cluster that the point fell out of */
    double *point_lambda;   /* [n], where it did */
};
int condensed_tree_build(const recap_tree *tree, size_t min_cluster_size,
                         struct condensed_tree *out, recap_error *error);
void condensed_tree_free(struct condensed_tree *tree);

/* ---- groups.c ---- */

/* The clustered rows (label >= 0), by cluster and in row order within it. */
struct groups {
    size_t n, n_groups; /* rows; clusters with members */
    int32_t *rows;      /* [n] */
    int32_t *group;     /* [n], of each of `rows` */
    int32_t *begin;     /* [n_groups + 1], into rows */
};
int groups_open(const int32_t *labels, size_t n, struct groups *out, recap_error *error);
void groups_close(struct groups *groups);

/* ---- search_grid.c ---- */

#define SEARCH_VALUES 4 /* of one parameter, at most */
struct search_values {
    size_t n;
    size_t value[SEARCH_VALUES]; /* distinct, in the order given */
};

struct search_grid {
    struct search_values neighbors, components; /* empty: no UMAP */
    struct search_values sizes;                 /* min_cluster_size */
    struct search_values samples; /* min_samples; the first n_common go with every size that is not
                                   * below them, the others only with the size that they equal */
    size_t n_common;
    bool samples_of_size;
    size_t n_trials;
    recap_selection selection;
    bool allow_single_cluster;
};
struct search_grid search_grid_choose(size_t n, const recap_search_options *options);
/* Does min_cluster_size `size` go with min_samples `samples`? */
bool search_grid_has(const struct search_grid *grid, size_t size, size_t samples);

#endif
