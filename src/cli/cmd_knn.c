/* recap knn: the exact nearest neighbours of every row of a matrix. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum format { FORMAT_JSON, FORMAT_NPY };

struct values {
    const char *output;
    int64_t k;
    int metric, format; /* enum recap_metric, enum format */
    bool approximate;
};

static const struct option options[] = {
    OPTION_TEXT(struct values, output, "output", 'o', "FILE",
                "write there, not to standard output; with --format npy the two files "
                "FILE.indices.npy and FILE.distances.npy"),
    OPTION_INTEGER(struct values, k, "neighbors", 'k', 1, 2147483647,
                   "neighbours of each row, itself among them"),
    OPTION_CHOICE(struct values, metric, "metric", 0, "euclidean|cosine", "distance"),
    OPTION_CHOICE(struct values, format, "format", 'f', "json|npy", "what to write"),
    OPTION_FLAG(struct values, approximate, "approximate", 0,
                "an approximate answer will do; this version always gives the exact one"),
};

static void add_rows(struct buf *out, const struct values *values, size_t rows,
                     const int32_t *indices, const float *distances)
{
    size_t k = (size_t)values->k;
    buf_add_string(out, "{\"indices\":[");
    for (size_t i = 0; i < rows; i++) {
        if (i) buf_add_byte(out, ',');
        add_integers(out, indices + i * k, k);
    }
    buf_add_string(out, "],\"distances\":[");
    for (size_t i = 0; i < rows; i++) {
        if (i) buf_add_byte(out, ',');
        buf_add_floats(out, distances + i * k, k);
    }
    buf_add_string(out, "]}\n");
}

static int write_matrix(const char *base, const char *what, const char *type, const void *data,
                        size_t rows, size_t columns, recap_error *error)
{
    struct buf path = {0}, file = {0};
    size_t n = strlen(base);
    if (n > 4 && strcmp(base + n - 4, ".npy") == 0) n -= 4;
    buf_printf(&path, "%.*s.%s.npy", (int)n, base, what);
    npy_header(&file, type, rows, columns);
    buf_add(&file, data, rows * columns * 4);
    int status = path.failed ? fail_memory(error, n) : output_document(path.data, &file, error);
    buf_free(&path);
    buf_free(&file);
    return status;
}

static int write_result(const struct values *values, size_t rows, const int32_t *indices,
                        const float *distances, recap_error *error)
{
    size_t k = (size_t)values->k;
    if (values->format == FORMAT_NPY) {
        int status = write_matrix(values->output, "indices", "<i4", indices, rows, k, error);
        return status == RECAP_OK
                   ? write_matrix(values->output, "distances", "<f4", distances, rows, k, error)
                   : status;
    }
    struct buf text = {0};
    add_rows(&text, values, rows, indices, distances);
    int status = output_document(values->output, &text, error);
    buf_free(&text);
    return status;
}

static int find(struct invocation *call, const struct matrix *x, recap_error *error)
{
    const struct values *values = call->values;
    size_t k = (size_t)values->k, total;
    if (k > x->rows)
        return fail(error, RECAP_ERROR_USAGE, "knn: -k %zu is not allowed: the matrix has %zu rows",
                    k, x->rows);
    if (!size_mul(x->rows, k, &total)) return fail_memory(error, SIZE_MAX);
    int32_t *indices = new_array(total, sizeof *indices);
    float *distances = new_array(total, sizeof *distances);
    int status = indices && distances ? RECAP_OK : fail_memory(error, total * 8);
    if (status == RECAP_OK)
        status = recap_find_neighbors(call->context, x->data, x->rows, x->columns,
                                      (recap_metric)values->metric, k, indices, distances, error);
    if (status == RECAP_OK) status = write_result(values, x->rows, indices, distances, error);
    free(indices);
    free(distances);
    return status;
}

static int run(struct invocation *call, recap_error *error)
{
    const struct values *values = call->values;
    struct matrix x;
    if (values->k == 0)
        return fail(error, RECAP_ERROR_USAGE, "knn: -k N, the number of neighbours, is missing");
    if (values->format == FORMAT_NPY && (!values->output || strcmp(values->output, "-") == 0))
        return fail(error, RECAP_ERROR_USAGE,
                    "knn: --format npy writes two files: -o FILE is needed");
    int status = npy_read(call->inputs[0], &x, error);
    if (status == RECAP_OK) status = fail_file(find(call, &x, error), call->inputs[0], error);
    matrix_free(&x);
    return status;
}

const struct command command_knn = {
    .name = "knn",
    .arguments = "VECTORS",
    .summary = "find the nearest neighbours of vectors",
    .details =
        "Reads a .npy matrix (float32, C order) and writes for every row the k nearest rows, "
        "itself first, then ascending, ties by the lower row: {\"indices\": [[...]], "
        "\"distances\": [[...]]}. Cosine distance is 1 - cosine.",
    .examples = "recap knn vectors.npy -k 15 --metric cosine\tJSON",
    .options = options,
    .n_options = COUNT_OF(options),
    .values_size = sizeof(struct values),
    .min_inputs = 1,
    .max_inputs = 1,
    .needs = "VECTORS, a .npy file,",
    .run = run,
};
