/* recap umap: a layout of a matrix in few dimensions, or its fuzzy graph. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct values {
    const char *output;
    int64_t components, neighbors, epochs;
    double min_dist;
    int metric; /* enum recap_metric */
    bool graph;
};

static const struct option options[] = {
    OPTION_TEXT(struct values, output, "output", 'o', "FILE",
                "write there, not to standard output"),
    OPTION_INTEGER(struct values, components, "components", 'c', 1, 1024,
                   "dimensions of the layout"),
    OPTION_INTEGER(struct values, neighbors, "neighbors", 'k', 2, 100000,
                   "neighbours that shape it"),
    OPTION_NUMBER(struct values, min_dist, "min-dist", 0, 0, 1, "how close points may lie"),
    OPTION_CHOICE(struct values, metric, "metric", 0, "euclidean|cosine",
                  "distance of the vectors"),
    OPTION_INTEGER(struct values, epochs, "epochs", 0, 0, 100000,
                   "rounds of the layout; 0: 500 up to 10,000 rows, else 200"),
    OPTION_FLAG(struct values, graph, "graph", 0,
                "write the fuzzy graph instead, as JSON Lines [i,j,weight] with i < j"),
};

static const struct values defaults = {.components = 2, .neighbors = 15, .min_dist = 0.1};

/* ---- the graph ---- */

static int write_graph(const recap_graph *graph, const char *output, recap_error *error)
{
    struct sink sink;
    int status = sink_open(output, false, &sink, error);
    for (size_t i = 0; i < graph->n && status == RECAP_OK; i++) {
        struct buf lines = {0};
        for (int64_t e = graph->offsets[i]; e < graph->offsets[i + 1]; e++) {
            if ((size_t)graph->columns[e] <= i) continue;
            buf_printf(&lines, "[%zu,%d,", i, graph->columns[e]);
            buf_add_float(&lines, graph->weights[e]);
            buf_add_string(&lines, "]\n");
        }
        status = lines.failed ? fail_memory(error, lines.n)
                              : sink_write(&sink, lines.data, lines.n, error);
        buf_free(&lines);
    }
    if (status == RECAP_OK) status = sink_commit(&sink, error);
    sink_close(&sink);
    return status;
}

static int make_graph(struct invocation *call, const struct matrix *x, recap_error *error)
{
    const struct values *values = call->values;
    size_t k = (size_t)values->neighbors < x->rows ? (size_t)values->neighbors : x->rows, total;
    recap_graph graph = {0};
    if (!size_mul(x->rows, k, &total)) return fail_memory(error, SIZE_MAX);
    int32_t *indices = new_array(total, sizeof *indices);
    float *distances = new_array(total, sizeof *distances);
    int status = indices && distances ? RECAP_OK : fail_memory(error, total * 8);
    if (status == RECAP_OK)
        status = recap_find_neighbors(call->context, x->data, x->rows, x->columns,
                                      (recap_metric)values->metric, k, indices, distances, error);
    if (status == RECAP_OK)
        status = recap_build_fuzzy_graph(call->context, indices, distances, x->rows, k, &graph,
                                         error);
    if (status == RECAP_OK) status = write_graph(&graph, values->output, error);
    if (status == RECAP_OK || graph.offsets) recap_free_graph(&graph);
    free(indices);
    free(distances);
    return status;
}

/* ---- the layout ---- */

static int make_layout(struct invocation *call, const struct matrix *x, recap_error *error)
{
    const struct values *values = call->values;
    recap_umap_options wanted = recap_umap_defaults();
    size_t columns = (size_t)values->components, total;
    if (x->rows < columns + 2)
        return fail(error, RECAP_ERROR_USAGE,
                    "umap: --components %zu is not allowed: %zu rows have at most %zu", columns,
                    x->rows, x->rows > 2 ? x->rows - 2 : 0);
    wanted.n_components = columns;
    wanted.n_neighbors = (size_t)values->neighbors;
    wanted.min_dist = (float)values->min_dist;
    wanted.n_epochs = (size_t)values->epochs;
    wanted.metric = (recap_metric)values->metric;
    float *layout = size_mul(x->rows, columns, &total) ? new_array(total, sizeof *layout) : NULL;
    int status = layout ? recap_umap(call->context, x->data, x->rows, x->columns, &wanted, layout,
                                     error)
                        : fail_memory(error, x->rows * columns);
    struct buf file = {0};
    if (status == RECAP_OK) {
        npy_header(&file, "<f4", x->rows, columns);
        buf_add(&file, layout, total * sizeof *layout);
        status = output_document(values->output, &file, error);
    }
    buf_free(&file);
    free(layout);
    return status;
}

static int run(struct invocation *call, recap_error *error)
{
    const struct values *values = call->values;
    struct matrix x;
    if (!values->graph && is_terminal(values->output))
        return fail_terminal(call->command->name, error);
    int status = npy_read(call->inputs[0], &x, error);
    if (status == RECAP_OK)
        status = fail_file(values->graph ? make_graph(call, &x, error)
                                         : make_layout(call, &x, error),
                           call->inputs[0], error);
    matrix_free(&x);
    return status;
}

const struct command command_umap = {
    .name = "umap",
    .arguments = "VECTORS",
    .summary = "lay vectors out in few dimensions",
    .details =
        "Reads a .npy matrix (float32, C order) and writes its UMAP layout as another, the same "
        "for a seed with any number of threads.",
    .examples = "recap umap vectors.npy --metric cosine -o map.npy\ta plane\n"
                "recap umap vectors.npy --graph\tthe weights between neighbours",
    .options = options,
    .n_options = COUNT_OF(options),
    .defaults = &defaults,
    .values_size = sizeof(struct values),
    .min_inputs = 1,
    .max_inputs = 1,
    .needs = "VECTORS, a .npy file,",
    .run = run,
};
