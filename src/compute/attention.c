/* Attention of one head over one sequence.
 *
 * The keys and values of the head are packed once into panels; then query rows go through in
 * blocks: scores by the product kernel, softmax by rows, values by the product kernel, and the
 * division by each row's sum last, on the shorter row.
 *
 * scratch: keys [panels of length, width] | values [panels of width, length]
 *          | scores [query_rows, length rounded up] */
#include "compute_private.h"

#include <string.h>

enum { query_rows = 48, align_floats = 16 };

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

size_t compute_head_scratch(size_t length, size_t width)
{
    const struct compute_kernels *set = compute_kernels();
    size_t keys, values, scores, total;
    if (length > SIZE_MAX / 2 || width > SIZE_MAX / 2) return 0;
    if (!panels_size(set, length, width, &keys) || !panels_size(set, width, length, &values) ||
        !size_mul(round_up(length, align_floats), query_rows, &scores) ||
        !size_add(keys, values, &total) || !size_add(total, scores, &total) ||
        !size_add(total, 2 * align_floats, &total))
        return 0;
    return total;
}

/* Rows of B are the tokens: each goes down one column of its panel. */
static void pack_keys(const struct compute_kernels *set, const struct compute_head *head,
                      float *out)
{
    size_t columns = set->columns, length = head->length, width = head->width;
    for (size_t begin = 0; begin < width; begin += block_k) {
        size_t k = width - begin < block_k ? width - begin : block_k;
        for (size_t j = 0; j < length; j += columns) {
            float *panel = out + panels_offset(set, length, width, j, begin);
            const float *rows = head->k + j * head->stride + begin;
            if (length - j >= columns) {
                set->pack(rows, head->stride, k, panel);
                continue;
            }
            memset(panel, 0, k * columns * sizeof *panel);
            for (size_t i = 0; i < length - j; i++)
                for (size_t p = 0; p < k; p++) panel[p * columns + i] = rows[i * head->stride + p];
        }
    }
}

/* Rows of B are the head's columns: a token's values lie side by side already. */
static void pack_values(const struct compute_kernels *set, const struct compute_head *head,
                        float *out)
{
    size_t columns = set->columns, length = head->length, width = head->width;
    for (size_t t = 0; t < length; t++) {
        size_t begin = t / block_k * block_k;
        const float *row = head->v + t * head->stride;
        for (size_t j = 0; j < width; j += columns) {
            float *group = out + panels_offset(set, width, length, j, begin) +
                           (t - begin) * columns;
            size_t n = width - j < columns ? width - j : columns;
            memcpy(group, row + j, n * sizeof *group);
            if (n < columns) memset(group + n, 0, (columns - n) * sizeof *group);
        }
    }
}

static void attend_block(const struct compute_kernels *set, const struct compute_head *head,
                         const float *keys, const float *values, float *scores, size_t first,
                         size_t m)
{
    size_t length = head->length, row = round_up(length, align_floats);
    float sums[query_rows];
    product_run(&(struct product){set, m, length, head->width, head->q + first * head->stride,
                                  head->stride, keys, NULL, false, scores, row});
    for (size_t i = 0; i < m; i++) sums[i] = set->softmax(scores + i * row, length, head->scale);
    float *out = head->out + first * head->out_stride;
    product_run(&(struct product){set, m, head->width, length, scores, row, values, NULL, false,
                                  out, head->out_stride});
    for (size_t i = 0; i < m; i++) {
        float factor = 1 / sums[i];
        for (size_t j = 0; j < head->width; j++) out[i * head->out_stride + j] *= factor;
    }
}

void compute_attend(const struct compute_head *head)
{
    const struct compute_kernels *set = compute_kernels();
    size_t n_keys = 0, n_values = 0;
    panels_size(set, head->length, head->width, &n_keys);
    panels_size(set, head->width, head->length, &n_values);
    float *keys = head->scratch;
    float *values = keys + round_up(n_keys, align_floats);
    float *scores = values + round_up(n_values, align_floats);
    pack_keys(set, head, keys);
    pack_values(set, head, values);
    for (size_t i = 0; i < head->length; i += query_rows) {
        size_t m = head->length - i < query_rows ? head->length - i : query_rows;
        attend_block(set, head, keys, values, scores, i, m);
    }
}
