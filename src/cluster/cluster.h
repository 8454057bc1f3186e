/* The door of cluster for the rooms after it and for its tests: include/recap/cluster.h is what the
 * world sees; here are the steps in between that the evidence room and the tests need by
 * themselves.
 *
 *   matrices     checks, 64-bit offsets
 *   UMAP         smoothing, curve, spectral start, width of a layout
 *   k-means      splitting in two
 *   scores       silhouette by row
 */
#ifndef CLUSTER_H
#define CLUSTER_H

#include "base/base.h"
#include "recap/cluster.h"

/* ---- matrices ---- */

/* Element (row, column) of a row-major matrix; in size_t, so that n * k past 2^31 is right. */
static inline size_t cluster_offset(size_t row, size_t width, size_t column)
{
    return row * width + column;
}
/* n rows of d finite values, n * d elements that fit in memory's addresses and n in int32_t; under
 * cosine no row of zeros. RECAP_ERROR_INPUT names the row. */
int cluster_check_matrix(const float *x, size_t n, size_t d, recap_metric metric,
                         recap_error *error);

/* ---- UMAP ---- */

/* Per row the distance to its nearest other row that is not equal to it (rho) and the bandwidth
 * (sigma), from the distances [n, k] of recap_find_neighbors. Always finite. */
void cluster_smooth_neighbors(recap_context *context, const float *distances, size_t n, size_t k,
                              float *sigma, float *rho);
/* The curve 1 / (1 + a x^2b) that is nearest to the wanted one, by least squares. */
void cluster_fit_curve(double min_dist, double spread, double *a, double *b);
/* The smallest `wanted` eigenvectors of the connected graph's normalised Laplacian after the
 * trivial one: vectors [n, wanted], values [wanted] ascending. wanted <= n - 2. *converged tells
 * whether the bounded number of rounds was enough; the vectors are finite and orthonormal in either
 * case. */
int cluster_spectral_vectors(recap_context *context, const recap_graph *graph, size_t wanted,
                             double *vectors, double *values, bool *converged, recap_error *error);
/* Connected components of the graph, numbered by their first row. */
int cluster_find_components(const recap_graph *graph, int32_t *component, size_t *n_components,
                            recap_error *error);
/* How many components a layout of n rows really has: at least 1, at most n - 2. recap_umap and
 * recap_layout_graph write [n, cluster_layout_width(n, wanted)]. */
size_t cluster_layout_width(size_t n, size_t wanted);

/* ---- k-means ---- */

/* Two-means of the rows: side [n] gets 0 (with row 0) or 1. *is_split is false, and every side 0,
 * where all rows are equal. */
int cluster_bisect(recap_context *context, const float *x, size_t n, size_t d, int32_t *side,
                   bool *is_split, recap_error *error);

/* ---- scores ---- */

/* The silhouette of each row in samples [n] (0 for noise and for a cluster of one); *known as
 * recap_silhouette's, and where it is false samples are all 0. */
int cluster_silhouette_samples(recap_context *context, const float *x, size_t n, size_t d,
                               recap_metric metric, const int32_t *labels, double *samples,
                               bool *known, recap_error *error);

#endif
