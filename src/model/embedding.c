/* From texts to vectors and logits: the public calls.
 *
 * Texts come in windows: a window's texts are tokenized by all threads, encoded in whatever order
 * suits, and each result lands in its text's row. So memory is bounded by the window, whatever the
 * number of texts. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "model_private.h"

enum { window_texts = 4096 };

/* ---- vectors from ids ---- */

struct vectors {
    size_t hidden, dimensions;
    recap_pooling pooling;
    bool normalize;
    float *out;        /* [n, dimensions] */
    atomic_size_t bad; /* the lowest index of a vector that can't be used, or SIZE_MAX */
};

static void note_bad(atomic_size_t *bad, size_t index)
{
    size_t seen = atomic_load(bad);
    while (index < seen && !atomic_compare_exchange_weak(bad, &seen, index)) continue;
}

static bool usable(const float *vector, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)vector[i] * vector[i];
    return isfinite(sum) && sum > 0;
}

static void finish_vector(void *data, const struct sequence *sequence, const float *hidden)
{
    struct vectors *vectors = data;
    float *out = vectors->out + sequence->index * vectors->dimensions;
    model_pool(vectors->pooling, hidden, sequence->n, vectors->hidden, vectors->dimensions, out);
    if (!usable(out, vectors->dimensions))
        note_bad(&vectors->bad, sequence->index);
    else if (vectors->normalize)
        compute_normalize(out, 1, vectors->dimensions, NULL);
}

/* What `options` come to for this model. */
static int plan_vectors(const recap_model *model, const recap_embed_options *options, float *out,
                        struct vectors *vectors, recap_error *error)
{
    size_t hidden = model->config.hidden;
    if ((unsigned)options->pooling > RECAP_POOLING_LAST)
        return fail(error, RECAP_ERROR_USAGE, "pooling %d: 0 to %d are known",
                    (int)options->pooling, RECAP_POOLING_LAST);
    if (options->dimensions > hidden)
        return fail(error, RECAP_ERROR_USAGE, "%zu dimensions: the model's vectors have %zu",
                    options->dimensions, hidden);
    vectors->hidden = hidden;
    vectors->dimensions = options->dimensions ? options->dimensions : hidden;
    vectors->pooling = options->pooling ? options->pooling : model->settings.pooling;
    vectors->normalize = model->settings.normalize && !options->no_normalize;
    vectors->out = out;
    atomic_init(&vectors->bad, SIZE_MAX);
    return RECAP_OK;
}

static int embed_sequences(struct encode_job job, struct vectors *vectors, recap_error *error)
{
    job.finish = finish_vector;
    job.data = vectors;
    job.stage = "embed";
    int status = model_encode(&job, error);
    size_t bad = atomic_load(&vectors->bad);
    if (status != RECAP_OK || bad == SIZE_MAX) return status;
    return fail(error, RECAP_ERROR_MODEL, "%s: the vector of text %zu is not finite or all zero",
                job.model->info.directory, bad);
}

static const recap_embed_options default_options = {0};

int model_embed_ids(recap_context *context, const recap_model *model, struct sequence *sequences,
                    size_t n, const recap_embed_options *options, float *out, recap_error *error)
{
    struct vectors vectors;
    if (!options) options = &default_options;
    int status = plan_vectors(model, options, out, &vectors, error);
    if (status != RECAP_OK) return status;
    return embed_sequences((struct encode_job){.context = context,
                                               .model = model,
                                               .sequences = sequences,
                                               .n = n,
                                               .token_budget = options->token_budget,
                                               .total = n},
                           &vectors, error);
}

/* ---- logits and hidden states from ids ---- */

struct rows {
    size_t hidden;
    size_t first_index; /* of row 0 of out */
    bool whole;         /* all rows of a sequence, else its first */
    float *out;
};

static void finish_rows(void *data, const struct sequence *sequence, const float *hidden)
{
    const struct rows *rows = data;
    size_t n = rows->whole ? sequence->n : 1;
    float *out = rows->out + (sequence->index - rows->first_index) * rows->hidden;
    memcpy(out, hidden, n * rows->hidden * sizeof *out);
}

int model_hidden_ids(recap_context *context, const recap_model *model, const int32_t *ids, size_t n,
                     float *out, recap_error *error)
{
    struct rows rows = {.hidden = model->config.hidden, .whole = true, .out = out};
    struct sequence sequence = {ids, n, 0};
    return model_encode(&(struct encode_job){.context = context,
                                             .model = model,
                                             .sequences = &sequence,
                                             .n = 1,
                                             .finish = finish_rows,
                                             .data = &rows,
                                             .stage = "embed",
                                             .total = 1},
                        error);
}

static int check_logits(const recap_model *model, const float *logits, size_t n, size_t first,
                        recap_error *error)
{
    for (size_t i = 0; i < n * model->config.n_labels; i++)
        if (!isfinite(logits[i]))
            return fail(error, RECAP_ERROR_MODEL, "%s: a logit of text %zu is not finite",
                        model->info.directory, first + i / model->config.n_labels);
    return RECAP_OK;
}

/* out [job.n, n_labels] gets the rows of the texts from job.done on. */
static int classify_sequences(struct encode_job job, float *out, recap_error *error)
{
    size_t hidden = job.model->config.hidden;
    struct rows rows = {.hidden = hidden, .first_index = job.done};
    rows.out = new_array(job.n * hidden, sizeof *rows.out);
    if (!rows.out) return fail_memory(error, job.n * hidden * sizeof *rows.out);
    job.finish = finish_rows;
    job.data = &rows;
    job.stage = "classify";
    int status = model_encode(&job, error);
    if (status == RECAP_OK) status = model_apply_head(job.model, rows.out, job.n, out, error);
    if (status == RECAP_OK) status = check_logits(job.model, out, job.n, job.done, error);
    free(rows.out);
    return status;
}

static int check_head(const recap_model *model, recap_error *error)
{
    if (model->config.n_labels > 0) return RECAP_OK;
    return fail(error, RECAP_ERROR_MODEL, "%s: the model has no classification head",
                model->info.directory);
}

int model_classify_ids(recap_context *context, const recap_model *model, struct sequence *sequences,
                       size_t n, float *out, recap_error *error)
{
    int status = check_head(model, error);
    if (status != RECAP_OK) return status;
    return classify_sequences(
        (struct encode_job){
            .context = context, .model = model, .sequences = sequences, .n = n, .total = n},
        out, error);
}

/* ---- texts ---- */

/* A window of texts while it is tokenized, and the buffers that serve for the next one too. */
struct window {
    const recap_model *model;
    const recap_text *texts; /* [n] of this window */
    const char *prefix;
    size_t n, first; /* texts before the window */
    recap_tokenize_options tokenize;
    struct sequence *sequences; /* [window_texts] */
    recap_tokens *tokens;       /* [window_texts] */
    struct buf *prefixed;       /* [threads] */
    size_t n_threads;
    pthread_mutex_t mutex; /* of status and error */
    int status;
    size_t failed; /* lowest text that failed */
    recap_error error;
};

static void note_failure(struct window *window, size_t text, int status, const recap_error *error)
{
    pthread_mutex_lock(&window->mutex);
    if (window->status == RECAP_OK || text < window->failed) {
        window->status = status;
        window->failed = text;
        window->error = *error;
    }
    pthread_mutex_unlock(&window->mutex);
}

/* The text with the prefix before it, unless it begins with it already. */
static struct view add_prefix(const struct window *window, const recap_text *text, int thread)
{
    size_t n = strlen(window->prefix);
    if (n == 0 || (text->n >= n && memcmp(text->data, window->prefix, n) == 0))
        return (struct view){text->data ? text->data : "", text->n};
    struct buf *buf = &window->prefixed[thread];
    buf_clear(buf);
    buf_add(buf, window->prefix, n);
    if (text->n) buf_add(buf, text->data, text->n);
    return (struct view){buf->data, buf->n};
}

static int tokenize_text(struct window *window, size_t i, int thread, recap_error *error)
{
    struct view text = add_prefix(window, &window->texts[i], thread);
    if (window->prefixed[thread].failed) return fail_memory(error, window->texts[i].n);
    recap_tokens *tokens = &window->tokens[i];
    int status = recap_tokenize(window->model->tokenizer, text.data, text.n, &window->tokenize,
                                tokens, error);
    if (status != RECAP_OK) return status;
    if (tokens->n == 0) return fail(error, RECAP_ERROR_INPUT, "the text has no tokens");
    window->sequences[i] = (struct sequence){tokens->ids, tokens->n, window->first + i};
    return RECAP_OK;
}

static void tokenize_texts(void *data, size_t begin, size_t end, int thread)
{
    struct window *window = data;
    recap_error error = {0};
    for (size_t i = begin; i < end; i++) {
        int status = tokenize_text(window, i, thread, &error);
        if (status != RECAP_OK) note_failure(window, i, status, &error);
    }
}

static int fill_window(recap_context *context, struct window *window, recap_error *error)
{
    pool_run(context_pool(context), window->n, 16, tokenize_texts, window);
    if (window->status == RECAP_OK) return RECAP_OK;
    return fail(error, window->status, "text %zu: %s", window->first + window->failed,
                window->error.message);
}

static int open_window(recap_context *context, const recap_model *model, size_t n,
                       size_t max_length, const char *prefix, struct window *out,
                       recap_error *error)
{
    size_t most = model->config.n_positions - model->config.first_position;
    size_t size = n < window_texts ? n : window_texts;
    *out = (struct window){.model = model, .prefix = prefix, .mutex = PTHREAD_MUTEX_INITIALIZER};
    if (max_length > most || max_length == 1)
        return fail(error, RECAP_ERROR_USAGE, "a length of %zu ids: the model takes 2 to %zu",
                    max_length, most);
    out->tokenize.max_length = max_length ? max_length : model->settings.max_length;
    out->n_threads = (size_t)pool_threads(context_pool(context));
    out->sequences = new_array(size, sizeof *out->sequences);
    out->tokens = new_zeroed(size, sizeof *out->tokens);
    out->prefixed = new_zeroed(out->n_threads, sizeof *out->prefixed);
    if (out->sequences && out->tokens && out->prefixed) return RECAP_OK;
    return fail_memory(error, size * sizeof *out->tokens);
}

static void close_window(struct window *window, size_t n)
{
    for (size_t i = 0; window->tokens && i < n && i < window_texts; i++)
        recap_free_tokens(&window->tokens[i]);
    for (size_t i = 0; window->prefixed && i < window->n_threads; i++)
        buf_free(&window->prefixed[i]);
    free(window->sequences);
    free(window->tokens);
    free(window->prefixed);
}

/* Moves the window on to the texts from `first`. */
static int next_window(recap_context *context, struct window *window, const recap_text *texts,
                       size_t first, size_t n, recap_error *error)
{
    window->texts = texts + first;
    window->first = first;
    window->n = n - first < window_texts ? n - first : window_texts;
    return fill_window(context, window, error);
}

int recap_embed(recap_context *context, const recap_model *model, const recap_text *texts, size_t n,
                const recap_embed_options *options, float *out, recap_error *error)
{
    struct vectors vectors;
    struct window window;
    if (!options) options = &default_options;
    const char *prefix = options->prefix ? options->prefix : model->settings.default_prefix;
    int status = plan_vectors(model, options, out, &vectors, error);
    if (status != RECAP_OK || n == 0) return status;
    status = open_window(context, model, n, options->max_length, prefix, &window, error);
    for (size_t i = 0; status == RECAP_OK && i < n; i += window.n) {
        status = next_window(context, &window, texts, i, n, error);
        struct encode_job job = {.context = context,
                                 .model = model,
                                 .sequences = window.sequences,
                                 .n = window.n,
                                 .token_budget = options->token_budget,
                                 .done = i,
                                 .total = n};
        if (status == RECAP_OK) status = embed_sequences(job, &vectors, error);
    }
    close_window(&window, n);
    return status;
}

int recap_classify(recap_context *context, const recap_model *model, const recap_text *texts,
                   size_t n, size_t max_length, float *out, recap_error *error)
{
    struct window window;
    int status = check_head(model, error);
    if (status != RECAP_OK || n == 0) return status;
    status = open_window(context, model, n, max_length, "", &window, error);
    for (size_t i = 0; status == RECAP_OK && i < n; i += window.n) {
        status = next_window(context, &window, texts, i, n, error);
        struct encode_job job = {.context = context,
                                 .model = model,
                                 .sequences = window.sequences,
                                 .n = window.n,
                                 .done = i,
                                 .total = n};
        if (status == RECAP_OK)
            status = classify_sequences(job, out + i * model->config.n_labels, error);
    }
    close_window(&window, n);
    return status;
}
