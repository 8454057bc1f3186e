/* What the files of compute share: the table of kernels, and the shape of a packed panel.
 *
 * A panel holds `columns` rows of B side by side, one group of `columns` floats for each k, short
 * ones filled with zeros. A packed matrix is cut along k in blocks of `block_k`; in each block the
 * panels follow one another:
 *
 *     [k blocks] [panels] [k in block] [columns]
 *
 * To add a set: a file that fills in a table, a line in the list of compute.c, and its flags in
 * meson.build. */
#ifndef COMPUTE_PRIVATE_H
#define COMPUTE_PRIVATE_H

#include "compute.h"

enum {
    block_k = 384,     /* a panel of 16 columns then has 24 KB and stays in the first cache */
    most_columns = 64, /* of any set's tile */
    most_rows = 16,
    panel_floats = block_k * most_columns,
};

/* c [rows, columns] = a [rows, k] · panel, starting from c itself (accumulate), bias or zero.
 * 1 <= rows <= the table's rows; c and bias are whole tiles wide. */
typedef void (*tile_fn)(size_t rows, size_t k, const float *a, size_t a_stride, const float *panel,
                        const float *bias, bool accumulate, float *c, size_t c_stride);

struct compute_kernels {
    const char *name;
    bool (*supported)(void);
    size_t rows, columns; /* of a tile */
    tile_fn tile;
    void (*pack)(const float *b, size_t stride, size_t k, float *panel); /* a whole panel */
    void (*gelu)(float *x, size_t n);
    void (*gelu_tanh)(float *x, size_t n);
    void (*add_norm)(size_t n, float *x, const float *bias, const float *gain, const float *shift,
                     float epsilon);
    float (*softmax)(float *x, size_t n, float scale);
    float (*dot)(const float *a, const float *b, size_t n);
    void (*from_f16)(const void *source, size_t n, float *out);
};

extern const struct compute_kernels kernels_generic;
#ifdef RECAP_HAVE_AVX2
extern const struct compute_kernels kernels_avx2;
#endif

const struct compute_kernels *compute_kernels(void);

/* A product on the calling thread, B already packed. */
struct product {
    const struct compute_kernels *kernels;
    size_t m, n, k;
    const float *a;
    size_t a_stride;
    const float *panels;
    const float *bias; /* [n] or NULL */
    bool accumulate;
    float *c;
    size_t c_stride;
};
void product_run(const struct product *product);

/* Floats of a packed matrix; false where that does not fit. */
bool panels_size(const struct compute_kernels *kernels, size_t n, size_t k, size_t *out);
/* Where row j of B begins in the block of k that starts at k_begin; its values are `columns`
 * apart. */
size_t panels_offset(const struct compute_kernels *kernels, size_t n, size_t k, size_t j,
                     size_t k_begin);

/* Coefficients shared by the sets, lowest power first; fitted for this project (least squares
 * reweighted to equal error).
 *   gelu_tail:  -log2 of the normal distribution's tail beyond x, 0 <= x <= 9
 *   exp2_short: 2^f, |f| <= 1/2, to 2e-9 */
#define GELU_LIMIT 9.0f
#define GELU_DEGREE 10
static const float gelu_tail[GELU_DEGREE + 1] = {
    0.9999993443489075f,     1.1511183977127075f,     0.45913541316986084f,
    0.05266481265425682f,    -0.00725489342585206f,   0.0002446073922328651f,
    0.0001628090103622526f,  -4.259746492607519e-05f, 5.181922006158857e-06f,
    -3.253491343002679e-07f, 8.419405617132725e-09f,
};
#define EXP2_DEGREE 6
static const float exp2_short[EXP2_DEGREE + 1] = {
    1.0f,
    0.6931471824645996f,
    0.24022646248340607f,
    0.05550328642129898f,
    0.009618489071726799f,
    0.0013399930903688073f,
    0.0001534582261228934f,
};
#define LOG2_E 1.4426950408889634f
/* gelu's tanh form is x / (1 + 2^(x (a + b x²))). */
#define GELU_TANH_A (-2.0f * 0.7978845608028654f * LOG2_E)
#define GELU_TANH_B (GELU_TANH_A * 0.044715f)

#endif
