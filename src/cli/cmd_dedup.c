/* recap dedup: which rows of a matrix are not duplicates of an earlier kept one.
 *
 * In order, a row is dropped where its cosine to a kept earlier row reaches the threshold. Rows
 * come in blocks; each block is compared with the kept rows in tiles, then within itself. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "compute/compute.h"

enum { block_rows = 256, tile_rows = 4096 };

struct values {
    const char *output;
    double threshold;
};

static const struct option options[] = {
    OPTION_TEXT(struct values, output, "output", 'o', "FILE",
                "write there, not to standard output"),
    OPTION_NUMBER(struct values, threshold, "threshold", 0, 0, 1,
                  "cosine from which two rows are one (DEDUP_THRESHOLD, 0.92)"),
};

struct state {
    const struct matrix *x; /* rows of length 1 */
    float threshold;
    float *kept;      /* [n_kept, columns] copies, so that a product sees them together */
    size_t *kept_row; /* [n_kept] */
    size_t n_kept;
    int64_t *original; /* [rows]: the kept row that it repeats, or -1 */
    float *products;   /* [block_rows, tile_rows] */
    float *best;       /* [block_rows] */
};

static void compare_with_kept(struct state *s, recap_context *context, size_t begin, size_t n)
{
    size_t d = s->x->columns;
    for (size_t i = 0; i < n; i++) s->best[i] = -2;
    for (size_t tile = 0; tile < s->n_kept; tile += tile_rows) {
        size_t width = s->n_kept - tile < tile_rows ? s->n_kept - tile : tile_rows;
        compute_product(context, n, width, d, s->x->data + begin * d, d, s->kept + tile * d, d,
                        s->products, tile_rows);
        for (size_t i = 0; i < n; i++) {
            const float *row = s->products + i * tile_rows;
            for (size_t j = 0; j < width; j++) {
                if (row[j] <= s->best[i]) continue;
                s->best[i] = row[j];
                s->original[begin + i] = (int64_t)s->kept_row[tile + j];
            }
        }
    }
}

static void compare_within(struct state *s, recap_context *context, size_t begin, size_t n)
{
    size_t d = s->x->columns;
    const float *block = s->x->data + begin * d;
    compute_product(context, n, n, d, block, d, block, d, s->products, tile_rows);
    for (size_t i = 0; i < n; i++) {
        if (s->best[i] >= s->threshold) continue;
        s->original[begin + i] = -1;
        memcpy(s->kept + s->n_kept * d, block + i * d, d * sizeof(float));
        s->kept_row[s->n_kept++] = begin + i;
        for (size_t j = i + 1; j < n; j++) {
            float cosine = s->products[j * tile_rows + i];
            if (cosine <= s->best[j]) continue;
            s->best[j] = cosine;
            s->original[begin + j] = (int64_t)(begin + i);
        }
    }
}

static int find(struct invocation *call, struct state *s, recap_error *error)
{
    for (size_t begin = 0; begin < s->x->rows; begin += block_rows) {
        size_t n = s->x->rows - begin < block_rows ? s->x->rows - begin : block_rows;
        int status = context_check(call->context, "deduplicating", begin, s->x->rows, error);
        if (status != RECAP_OK) return status;
        compare_with_kept(s, call->context, begin, n);
        compare_within(s, call->context, begin, n);
    }
    return RECAP_OK;
}

static void add_result(const struct state *s, struct buf *out)
{
    buf_add_string(out, "{\"kept\":[");
    for (size_t i = 0; i < s->n_kept; i++) buf_printf(out, "%s%zu", i ? "," : "", s->kept_row[i]);
    buf_add_string(out, "],\"duplicate_of\":{");
    bool first = true;
    for (size_t i = 0; i < s->x->rows; i++) {
        if (s->original[i] < 0) continue;
        buf_printf(out, "%s\"%zu\":%lld", first ? "" : ",", i, (long long)s->original[i]);
        first = false;
    }
    buf_add_string(out, "}}\n");
}

static int dedup(struct invocation *call, struct matrix *x, recap_error *error)
{
    const struct values *values = call->values;
    double threshold = values->threshold >= 0 ? values->threshold : call->config.dedup_threshold;
    size_t bad;
    struct state s = {
        .x = x,
        .threshold = (float)threshold,
        .kept = new_array(x->rows, x->columns * sizeof *s.kept),
        .kept_row = new_array(x->rows, sizeof *s.kept_row),
        .original = new_array(x->rows, sizeof *s.original),
        .products = new_array((size_t)block_rows * tile_rows, sizeof *s.products),
        .best = new_array(block_rows, sizeof *s.best),
    };
    struct buf text = {0};
    int status = RECAP_OK;
    if (!s.kept || !s.kept_row || !s.original || !s.products || !s.best)
        status = fail_memory(error, x->rows * x->columns * sizeof *s.kept);
    else if (!compute_normalize(x->data, x->rows, x->columns, &bad))
        status = fail(error, RECAP_ERROR_INPUT, "row %zu is zero and has no cosine", bad);
    if (status == RECAP_OK) status = find(call, &s, error);
    if (status == RECAP_OK) {
        add_result(&s, &text);
        status = output_document(values->output, &text, error);
    }
    buf_free(&text);
    free(s.kept);
    free(s.kept_row);
    free(s.original);
    free(s.products);
    free(s.best);
    return status;
}

static int run(struct invocation *call, recap_error *error)
{
    struct matrix x;
    int status = npy_read(call->inputs[0], &x, error);
    if (status == RECAP_OK) status = fail_file(dedup(call, &x, error), call->inputs[0], error);
    matrix_free(&x);
    return status;
}

const struct command command_dedup = {
    .name = "dedup",
    .arguments = "VECTORS",
    .summary = "drop vectors that repeat earlier ones",
    .details =
        "Reads a .npy matrix (float32, C order). In order, a row is dropped where its cosine to "
        "a kept earlier row reaches the threshold. Writes {\"kept\": [...], \"duplicate_of\": "
        "{\"ROW\": ROW}}: the kept rows, and for each other the kept row that it is most like.",
    .examples = "recap dedup vectors.npy --threshold 0.95\tJSON",
    .options = options,
    .n_options = COUNT_OF(options),
    .defaults = &(const struct values){.threshold = -1},
    .values_size = sizeof(struct values),
    .min_inputs = 1,
    .max_inputs = 1,
    .needs = "VECTORS, a .npy file,",
    .run = run,
};
