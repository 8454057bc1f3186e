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
 * number or -1 and may be NULL. Noise (-1) stays. Returns the number in use; 0 on no memory with
 * *failed set. */
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

#endif
