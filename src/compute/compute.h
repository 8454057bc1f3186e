/* The door of compute: kernels, chosen once for the processor that is found.
 *
 * RECAP_CPU=generic|avx2 (environment) or compute_force() picks a lower set. A set that the
 * processor lacks is refused: of the environment with a warning. Every set gives each output
 * element by sums whose order depends on the inner dimension alone, never on the number of rows,
 * their place or the threads. Sets differ from each other by rounding only (tests/compute states by
 * how much).
 *
 * But for compute_product all run on the calling thread: who splits rows over threads is the
 * caller, and the bits don't depend on how. */
#ifndef COMPUTE_H
#define COMPUTE_H

#include "base/base.h"

/* ---- products ---- */

/* C [m, n] = A [m, k] · Bᵀ, B [n, k]; row strides in elements. Split over the context's threads by
 * rows of A and B; context may be NULL (calling thread). Products of one element never depend on m,
 * n or the place of its row. */
void compute_product(recap_context *context, size_t m, size_t n, size_t k, const float *a,
                     size_t a_stride, const float *b, size_t b_stride, float *c, size_t c_stride);

/* A matrix [n, k] packed for the set in use, for products with many rows. */
struct compute_matrix {
    size_t n, k;
    float *panels; /* owned; NULL when closed */
    const struct compute_kernels *kernels;
};
bool compute_matrix_open(struct compute_matrix *matrix, size_t n, size_t k); /* zeroed; or false */
void compute_matrix_close(struct compute_matrix *matrix);
/* Packs rows first .. first + n_rows - 1 from rows [n_rows, k]. */
void compute_matrix_set(struct compute_matrix *matrix, size_t first, size_t n_rows,
                        const float *rows);

/* y [m, n] = x [m, k] · matrixᵀ, plus bias [n] (may be NULL), or added to what y holds. */
void compute_dense(const struct compute_matrix *matrix, size_t m, const float *x, size_t x_stride,
                   const float *bias, bool accumulate, float *y, size_t y_stride);

/* ---- what else an encoder is made of ---- */

enum compute_activation { COMPUTE_GELU, COMPUTE_GELU_TANH, COMPUTE_RELU };
/* In place over n values. COMPUTE_GELU is exact but for 1e-7 absolute, COMPUTE_GELU_TANH is the
 * tanh approximation to 3e-7 of the larger of 1 and the value. */
void compute_activate(enum compute_activation activation, float *x, size_t n);

/* Each row of x [m, n]: adds bias [n] (may be NULL), then normalises to mean 0 and variance 1,
 * times gain [n], plus shift [n]. */
void compute_add_norm(size_t m, size_t n, float *x, const float *bias, const float *gain,
                      const float *shift, float epsilon);

/* One head of one sequence: out = softmax(scale · q · kᵀ) · v. */
struct compute_head {
    size_t length, width;   /* tokens, columns of the head */
    const float *q, *k, *v; /* [length, width], rows `stride` apart */
    size_t stride;
    float *out; /* [length, width], rows `out_stride` apart */
    size_t out_stride;
    float scale;
    float *scratch; /* compute_head_scratch() floats, aligned to 64 bytes */
};
/* Floats that compute_attend needs, or 0 where that number doesn't fit. */
size_t compute_head_scratch(size_t length, size_t width);
void compute_attend(const struct compute_head *head);

/* Turns x [n] into exp(scale (x - max)) and returns the sum. */
float compute_softmax(float *x, size_t n, float scale);

/* n little-endian values of any alignment to floats. */
void compute_from_f16(const void *source, size_t n, float *out);
void compute_from_bf16(const void *source, size_t n, float *out);

/* ---- vectors ---- */

/* Scales each row of x [n, d] to length 1; a row of length 0 or not finite stops with its index in
 * *bad_row and false. */
bool compute_normalize(float *x, size_t n, size_t d, size_t *bad_row);
float compute_dot(const float *a, const float *b, size_t n);

/* ---- the set ---- */

/* The name of the set in use: "generic" or "avx2". */
const char *compute_name(void);
/* Uses the named set from now on (before any work begins); false where the processor lacks it. */
bool compute_force(const char *name);
/* Names of the sets that this processor can run, best first; NULL past the last. */
const char *compute_available(size_t i);

#endif
