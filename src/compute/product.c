/* Products in blocks: which tile comes when. The tiles themselves are the sets' (generic.c, ...).
 *
 *     rows in blocks that stay in the second cache
 *       k in blocks (a panel stays in the first cache)
 *         panels of B
 *           tiles of A's rows
 *
 * Each element of C is summed over k in ascending order by one accumulator, whatever the blocks of
 * rows and columns are: blocks of k only pass it through memory. */
#include "compute_private.h"

#include <stdlib.h>
#include <string.h>

enum {
    block_rows = 240, /* a multiple of every set's rows */
    /* compute_product's piece of work: its panels are packed once for so many rows */
    piece_rows = 960,
    piece_panels = 24,
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* ---- packing ---- */

bool panels_size(const struct compute_kernels *kernels, size_t n, size_t k, size_t *out)
{
    size_t padded;
    return size_add(n, kernels->columns - 1, &padded) &&
           size_mul(padded / kernels->columns * kernels->columns, k, out);
}

size_t panels_offset(const struct compute_kernels *kernels, size_t n, size_t k, size_t j,
                     size_t k_begin)
{
    size_t columns = kernels->columns, in_block = smaller(block_k, k - k_begin);
    return k_begin * round_up(n, columns) + j / columns * columns * in_block + j % columns;
}

bool compute_matrix_open(struct compute_matrix *matrix, size_t n, size_t k)
{
    size_t floats;
    *matrix = (struct compute_matrix){.n = n, .k = k, .kernels = compute_kernels()};
    if (!panels_size(matrix->kernels, n, k, &floats)) return false;
    matrix->panels = new_aligned(floats, sizeof *matrix->panels);
    if (matrix->panels) memset(matrix->panels, 0, floats * sizeof *matrix->panels);
    return matrix->panels != NULL;
}

void compute_matrix_close(struct compute_matrix *matrix)
{
    free(matrix->panels);
    matrix->panels = NULL;
}

void compute_matrix_set(struct compute_matrix *matrix, size_t first, size_t n_rows,
                        const float *rows)
{
    size_t k = matrix->k, columns = matrix->kernels->columns;
    for (size_t i = 0; i < n_rows; i++) {
        for (size_t begin = 0; begin < k; begin += block_k) {
            float *out = matrix->panels +
                         panels_offset(matrix->kernels, matrix->n, k, first + i, begin);
            size_t n = smaller(block_k, k - begin);
            const float *row = rows + i * k + begin;
            for (size_t p = 0; p < n; p++) out[p * columns] = row[p];
        }
    }
}

/* ---- tiles ---- */

/* What is the same for all tiles of one panel in one block of k. */
struct strip {
    const struct compute_kernels *kernels;
    size_t m, k;
    const float *a;
    size_t a_stride;
    const float *panel;
    const float *bias; /* of the panel's columns, or NULL */
    bool accumulate;
    float *c;
    size_t c_stride;
};

static void run_tiles(const struct strip *s)
{
    size_t step = s->kernels->rows;
    for (size_t i = 0; i < s->m; i += step)
        s->kernels->tile(smaller(step, s->m - i), s->k, s->a + i * s->a_stride, s->a_stride,
                         s->panel, s->bias, s->accumulate, s->c + i * s->c_stride, s->c_stride);
}

/* The last panel may be wider than C: its tiles are made aside, by the same kernel. */
static void run_edge_tiles(const struct strip *s, size_t width)
{
    float tile[most_rows * most_columns] = {0}, bias[most_columns] = {0};
    size_t step = s->kernels->rows, columns = s->kernels->columns;
    if (s->bias) memcpy(bias, s->bias, width * sizeof *bias);
    for (size_t i = 0; i < s->m; i += step) {
        size_t rows = smaller(step, s->m - i);
        for (size_t r = 0; s->accumulate && r < rows; r++)
            memcpy(tile + r * columns, s->c + (i + r) * s->c_stride, width * sizeof *tile);
        s->kernels->tile(rows, s->k, s->a + i * s->a_stride, s->a_stride, s->panel,
                         s->bias ? bias : NULL, s->accumulate, tile, columns);
        for (size_t r = 0; r < rows; r++)
            memcpy(s->c + (i + r) * s->c_stride, tile + r * columns, width * sizeof *tile);
    }
}

static void run_strip(const struct strip *strip, size_t width)
{
    if (width < strip->kernels->columns)
        run_edge_tiles(strip, width);
    else
        run_tiles(strip);
}

static void run_row_block(const struct product *p, size_t first, size_t m)
{
    size_t columns = p->kernels->columns;
    struct strip strip = {
        .kernels = p->kernels, .m = m, .a_stride = p->a_stride, .c_stride = p->c_stride};
    for (size_t begin = 0; begin < p->k; begin += block_k) {
        strip.k = smaller(block_k, p->k - begin);
        strip.a = p->a + first * p->a_stride + begin;
        strip.accumulate = p->accumulate || begin > 0;
        for (size_t j = 0; j < p->n; j += columns) {
            strip.panel = p->panels + panels_offset(p->kernels, p->n, p->k, j, begin);
            strip.bias = p->bias ? p->bias + j : NULL;
            strip.c = p->c + first * p->c_stride + j;
            run_strip(&strip, smaller(columns, p->n - j));
        }
    }
}

void product_run(const struct product *product)
{
    for (size_t i = 0; i < product->m; i += block_rows)
        run_row_block(product, i, smaller(block_rows, product->m - i));
}

void compute_dense(const struct compute_matrix *matrix, size_t m, const float *x, size_t x_stride,
                   const float *bias, bool accumulate, float *y, size_t y_stride)
{
    product_run(&(struct product){matrix->kernels, m, matrix->n, matrix->k, x, x_stride,
                                  matrix->panels, bias, accumulate, y, y_stride});
}

/* ---- products of two unpacked matrices ---- */

struct pair {
    const struct compute_kernels *kernels;
    size_t m, n, k;
    const float *a, *b;
    size_t a_stride, b_stride;
    float *c;
    size_t c_stride;
    size_t column_pieces;
};

static void pack_panel(const struct pair *pair, size_t j, size_t begin, size_t k, float *panel)
{
    size_t columns = pair->kernels->columns, width = smaller(columns, pair->n - j);
    const float *b = pair->b + j * pair->b_stride + begin;
    if (width == columns) {
        pair->kernels->pack(b, pair->b_stride, k, panel);
        return;
    }
    memset(panel, 0, k * columns * sizeof *panel);
    for (size_t i = 0; i < width; i++)
        for (size_t p = 0; p < k; p++) panel[p * columns + i] = b[i * pair->b_stride + p];
}

static void run_piece(const struct pair *pair, size_t row, size_t column, size_t n_columns)
{
    _Alignas(64) float panel[panel_floats];
    size_t columns = pair->kernels->columns;
    struct strip strip = {.kernels = pair->kernels,
                          .m = smaller(piece_rows, pair->m - row),
                          .a_stride = pair->a_stride,
                          .panel = panel,
                          .c_stride = pair->c_stride};
    for (size_t begin = 0; begin < pair->k; begin += block_k) {
        strip.k = smaller(block_k, pair->k - begin);
        strip.a = pair->a + row * pair->a_stride + begin;
        strip.accumulate = begin > 0;
        for (size_t j = column; j < column + n_columns; j += columns) {
            pack_panel(pair, j, begin, strip.k, panel);
            strip.c = pair->c + row * pair->c_stride + j;
            run_strip(&strip, smaller(columns, pair->n - j));
        }
    }
}

static void run_pieces(void *data, size_t begin, size_t end, int thread)
{
    const struct pair *pair = data;
    size_t width = piece_panels * pair->kernels->columns;
    for (size_t i = begin; i < end; i++) {
        size_t column = i % pair->column_pieces * width;
        run_piece(pair, i / pair->column_pieces * piece_rows, column,
                  smaller(width, pair->n - column));
    }
}

void compute_product(recap_context *context, size_t m, size_t n, size_t k, const float *a,
                     size_t a_stride, const float *b, size_t b_stride, float *c, size_t c_stride)
{
    if (k == 0)
        for (size_t i = 0; i < m; i++) memset(c + i * c_stride, 0, n * sizeof *c);
    if (m == 0 || n == 0 || k == 0) return;
    struct pair pair = {compute_kernels(), m, n, k, a, b, a_stride, b_stride, c, c_stride, 0};
    size_t width = piece_panels * pair.kernels->columns;
    pair.column_pieces = (n + width - 1) / width;
    size_t row_pieces = (m + piece_rows - 1) / piece_rows;
    pool_run(context_pool(context), row_pieces * pair.column_pieces, 1, run_pieces, &pair);
}
