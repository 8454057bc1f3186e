/* The door of compute: kernels, chosen once for the processor that is found.
 *
 * compute_kernels() gives the table in use. RECAP_CPU=generic|avx2 (environment) or
 * compute_force() picks a lower set; a set that the processor lacks is refused. Every set gives each
 * output element by sums whose order depends on the inner dimension alone, never on the number of
 * rows, their place or the threads. */
#ifndef COMPUTE_H
#define COMPUTE_H

#include "base/base.h"

/* C [m, n] = A [m, k] · Bᵀ, B [n, k]; row strides in elements. Split over the context's threads by
 * rows of A and B; context may be NULL (calling thread). Products of one element never depend on m,
 * n or the place of its row. */
void compute_product(recap_context *context, size_t m, size_t n, size_t k, const float *a,
                     size_t a_stride, const float *b, size_t b_stride, float *c, size_t c_stride);

/* Scales each row of x [n, d] to length 1; a row of length 0 or not finite stops with its index in
 * *bad_row and false. */
bool compute_normalize(float *x, size_t n, size_t d, size_t *bad_row);
float compute_dot(const float *a, const float *b, size_t n);

/* The name of the set in use: "generic" or "avx2". */
const char *compute_name(void);
/* Uses the named set from now on (before any work begins); false where the processor lacks it. */
bool compute_force(const char *name);

#endif
