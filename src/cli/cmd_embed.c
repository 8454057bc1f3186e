/* recap embed: a vector for each text, as JSON Lines, .npy or raw float32. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum format { FORMAT_JSONL, FORMAT_NPY, FORMAT_F32 };

struct values {
    const char *output, *prefix;
    int format, pooling; /* enum format, enum recap_pooling */
    bool no_normalize;
    int64_t dimensions, max_length;
};

static const struct option options[] = {
    OPTION_TEXT(struct values, output, "output", 'o', "FILE",
                "write there, not to standard output"),
    OPTION_CHOICE(struct values, format, "format", 'f', "jsonl|npy|f32", "what to write"),
    OPTION_TEXT(struct values, prefix, "prefix", 'p', "TEXT",
                "put before every text that does not start with it; \"\": nothing (default: the "
                "model's, \"query: \" for e5)"),
    OPTION_CHOICE(struct values, pooling, "pooling", 0, "model|mean|cls|max|last",
                  "how tokens become one vector"),
    OPTION_FLAG(struct values, no_normalize, "no-normalize", 0,
                "leave the vectors' length as it is"),
    OPTION_INTEGER(struct values, dimensions, "dimensions", 'd', 0, 1e6,
                   "keep the first so many, normalised again; 0: all"),
    OPTION_INTEGER(struct values, max_length, "max-length", 0, 0, 1e6,
                   "cut texts at so many ids; 0: the model's limit"),
};

struct work {
    const recap_model *model;
    recap_embed_options options;
    size_t dimensions;
};

static int embed_records(const struct work *work, recap_context *context,
                         struct record *const *records, size_t n, float **vectors,
                         recap_error *error)
{
    size_t total;
    recap_text *texts = texts_of(records, n);
    *vectors = size_mul(n, work->dimensions, &total) ? new_array(total, sizeof(float)) : NULL;
    int status = texts && *vectors
                     ? recap_embed(context, work->model, texts, n, &work->options, *vectors, error)
                     : fail_memory(error, n * work->dimensions * sizeof(float));
    free(texts);
    return status;
}

static int answer(void *data, recap_context *context, struct record *const *records, size_t n,
                  struct buf *results, recap_error *error)
{
    const struct work *work = data;
    float *vectors;
    int status = embed_records(work, context, records, n, &vectors, error);
    for (size_t i = 0; i < n && status == RECAP_OK; i++) {
        buf_add_string(&results[i], "\"embedding\":");
        buf_add_floats(&results[i], vectors + i * work->dimensions, work->dimensions);
    }
    free(vectors);
    return status;
}

/* ---- binary output ---- */

/* Rows of a batch in the order of its lines; a refused line leaves a row of zeros, so that rows and
 * lines keep together. */
static int write_rows(struct invocation *call, const struct work *work, struct sink *sink,
                      struct record *batch, size_t n, recap_error *error)
{
    struct record **good = new_array(n, sizeof *good);
    float *zeros = new_zeroed(work->dimensions, sizeof *zeros), *vectors = NULL;
    size_t n_good = 0, next = 0;
    int status = good && zeros ? RECAP_OK : fail_memory(error, n * sizeof *good);
    for (size_t i = 0; i < n && status == RECAP_OK; i++) {
        if (!batch[i].reason) {
            good[n_good++] = &batch[i];
            continue;
        }
        status = output_refusal(NULL, call, &batch[i], error);
        log_message(LOG_ERROR, "%s; its row is zero", batch[i].reason);
    }
    if (status == RECAP_OK && n_good)
        status = embed_records(work, call->context, good, n_good, &vectors, error);
    for (size_t i = 0; i < n && status == RECAP_OK; i++) {
        const float *row = batch[i].reason ? zeros : vectors + next++ * work->dimensions;
        status = sink_write(sink, row, work->dimensions * sizeof *row, error);
    }
    free(vectors);
    free(zeros);
    free(good);
    return status;
}

static int patch_header(struct sink *sink, size_t rows, size_t columns, recap_error *error)
{
    struct buf header = {0};
    npy_header(&header, "<f4", rows, columns);
    int status = header.failed ? fail_memory(error, header.n)
                               : sink_patch(sink, header.data, header.n, error);
    buf_free(&header);
    return status;
}

static int run_binary(struct invocation *call, const struct work *work, recap_error *error)
{
    const struct values *values = call->values;
    bool npy = values->format == FORMAT_NPY;
    struct sink sink;
    struct records *records = NULL;
    struct record *batch;
    size_t n = 0, rows = 0;
    char blank[128] = {0};
    int status = sink_open(values->output, npy, &sink, error);
    if (status != RECAP_OK) return status;
    if (npy) status = sink_write(&sink, blank, sizeof blank, error);
    if (status == RECAP_OK) status = records_open(call->inputs, call->n_inputs, &records, error);
    progress_lines(0, -1);
    while (status == RECAP_OK) {
        status = records_next(records, (size_t)call->config.batch_size, &batch, &n, error);
        if (status != RECAP_OK || n == 0) break;
        status = write_rows(call, work, &sink, batch, n, error);
        progress_lines(rows += n, records_share(records));
    }
    progress_clear();
    if (status == RECAP_OK && npy) status = patch_header(&sink, rows, work->dimensions, error);
    if (status == RECAP_OK) status = sink_commit(&sink, error);
    records_close(records);
    sink_close(&sink);
    return status;
}

static int choose(struct invocation *call, const recap_model *model, struct work *work,
                  recap_error *error)
{
    const struct values *values = call->values;
    const recap_model_info *info = recap_model_describe(model);
    if ((size_t)values->dimensions > info->hidden_size)
        return fail(error, RECAP_ERROR_USAGE,
                    "embed: --dimensions %lld is not allowed: the model has %zu",
                    (long long)values->dimensions, info->hidden_size);
    if ((size_t)values->max_length > info->max_length)
        return fail(error, RECAP_ERROR_USAGE,
                    "embed: --max-length %lld is not allowed: the model takes %zu",
                    (long long)values->max_length, info->max_length);
    *work = (struct work){
        .model = model,
        .options = {.prefix = values->prefix,
                    .pooling = (recap_pooling)values->pooling,
                    .no_normalize = values->no_normalize,
                    .dimensions = (size_t)values->dimensions,
                    .max_length = (size_t)values->max_length},
        .dimensions = values->dimensions ? (size_t)values->dimensions : info->hidden_size,
    };
    return RECAP_OK;
}

static int run(struct invocation *call, recap_error *error)
{
    static const char *const names[] = {"embedding"};
    const struct values *values = call->values;
    struct work work;
    const struct line_work lines = {
        .output = values->output,
        .batch = (size_t)call->config.batch_size,
        .names = names,
        .n_names = COUNT_OF(names),
        .data = &work,
        .answer = answer,
    };
    recap_model *model;
    if (values->format != FORMAT_JSONL && is_terminal(values->output))
        return fail_terminal(call->command->name, error);
    int status = model_open_wanted(call, &model, error);
    if (status == RECAP_OK) status = choose(call, model, &work, error);
    if (status == RECAP_OK)
        status = values->format == FORMAT_JSONL ? run_lines(call, &lines, error)
                                                : run_binary(call, &work, error);
    recap_close_model(model);
    return status;
}

const struct command command_embed = {
    .name = "embed",
    .arguments = "[FILE...]",
    .summary = "turn texts into vectors",
    .details =
        "Reads JSON Lines: each line a string, or an object with \"text\". Writes for each "
        "{\"embedding\": [...]} with the other fields of the object; or all vectors as one .npy "
        "matrix, or as raw little-endian float32.\n\n"
        "A line that can't be used gives {\"error\": \"...\", \"line\": N} in its place (in .npy "
        "and raw output a row of zeros), and exit status 1 at the end. A vector does not depend "
        "on the texts beside it, the batch or the threads.",
    .examples = "recap embed texts.jsonl -o vectors.npy --format npy\ta matrix, one row a line\n"
                "echo '\"a text\"' | recap embed --prefix 'passage: '\tone vector",
    .options = options,
    .n_options = COUNT_OF(options),
    .values_size = sizeof(struct values),
    .defaults = &(const struct values){.pooling = 0},
    .max_inputs = SIZE_MAX,
    .run = run,
};
