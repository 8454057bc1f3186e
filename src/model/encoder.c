/* The encoder: ids to hidden states, in float32, without padding.
 *
 * Sequences, longest first, are cut into groups: one flat run of tokens each. A group goes through
 * all layers in one workspace:
 *
 *     x    [tokens, hidden]       embeddings; then each layer's output, in place
 *     qkv  [tokens, 3 hidden]     query, key and value of the next attention
 *     mix  [tokens, hidden]       what attention gives
 *     wide [row_block, intermediate]  the feed-forward part's middle, a block of rows at a time
 *
 * Where there are groups enough every thread takes whole groups, and nobody waits. Else the groups
 * go one by one, and their rows and heads are split over the threads. Which of both it is, and how
 * the groups are cut, changes no bit: every row is computed by sums over its own row, and attention
 * by its own sequence. */
#include <stdlib.h>
#include <string.h>

#include "model_private.h"

enum {
    row_block = 144,  /* rows in one go through a layer's products */
    group_most = 256, /* tokens of a group, unless one sequence has more */
    group_least = 64,
    default_budget = 4096, /* tokens in all workspaces together */
    groups_a_check = 32,   /* groups of each thread between two looks at progress */
};

struct group {
    const struct sequence *sequences; /* [n] */
    size_t n, n_tokens;
};

/* Buffers of one group in work. */
struct lane {
    float *x, *qkv, *mix;
    size_t *begins; /* [n sequences] first token of each */
};

struct run {
    const struct encode_job *job;
    const recap_model *model;
    struct group *groups;
    struct lane *lanes; /* [n_lanes] */
    float **scratch;    /* [threads] of one thread each */
    float *memory;      /* what lanes and scratch point into */
    size_t *places;     /* what the lanes' begins point into */
    size_t n_groups, n_lanes, n_threads, group_tokens, group_sequences;
    size_t first_group; /* of those that run now */
};

/* One group in work: what the pieces of its loops need. */
struct pass {
    const struct run *run;
    const struct group *group;
    const struct lane *lane;
    const struct layer *layer, *next; /* next is NULL in the last layer */
    int first_thread;                 /* of scratch: pieces run as first_thread + thread */
};

/* ---- embeddings ---- */

static void embed_sequence(const recap_model *model, const struct sequence *sequence, float *x)
{
    const struct model_config *config = &model->config;
    size_t hidden = config->hidden, position = config->first_position;
    bool skips_pad = position > 0;
    for (size_t t = 0; t < sequence->n; t++, x += hidden) {
        size_t id = (size_t)sequence->ids[t], place = position;
        tensor_read(model->words, id * hidden, hidden, x);
        /* (XLM-)RoBERTa: the padding token stays at its own position and is not counted */
        if (skips_pad && id == config->pad_id)
            place = config->pad_id;
        else
            position++;
        const float *row = model->positions + place * hidden;
        for (size_t j = 0; j < hidden; j++) x[j] += row[j];
    }
}

static void embed_sequences(void *data, size_t begin, size_t end, int thread)
{
    const struct pass *pass = data;
    const recap_model *model = pass->run->model;
    size_t hidden = model->config.hidden;
    for (size_t s = begin; s < end; s++) {
        const struct sequence *sequence = &pass->group->sequences[s];
        float *x = pass->lane->x + pass->lane->begins[s] * hidden;
        embed_sequence(model, sequence, x);
        compute_add_norm(sequence->n, hidden, x, NULL, model->embedding_gain,
                         model->embedding_shift, (float)model->config.epsilon);
    }
}

/* ---- a layer ---- */

static void project_rows(const struct pass *pass, const struct layer *layer, size_t begin, size_t n)
{
    size_t hidden = pass->run->model->config.hidden;
    compute_dense(&layer->qkv, n, pass->lane->x + begin * hidden, hidden, layer->qkv_bias, false,
                  pass->lane->qkv + begin * 3 * hidden, 3 * hidden);
}

static void project_first(void *data, size_t begin, size_t end, int thread)
{
    const struct pass *pass = data;
    project_rows(pass, &pass->run->model->layers[0], begin, end - begin);
}

/* A piece is one head of one sequence. */
static void attend(void *data, size_t begin, size_t end, int thread)
{
    const struct pass *pass = data;
    const struct model_config *config = &pass->run->model->config;
    size_t hidden = config->hidden, width = hidden / config->n_heads;
    float scale = 1 / __builtin_sqrtf((float)width);
    for (size_t i = begin; i < end; i++) {
        size_t s = i / config->n_heads, column = i % config->n_heads * width;
        size_t first = pass->lane->begins[s];
        const float *rows = pass->lane->qkv + first * 3 * hidden + column;
        compute_attend(
            &(struct compute_head){.length = pass->group->sequences[s].n,
                                   .width = width,
                                   .q = rows,
                                   .k = rows + hidden,
                                   .v = rows + 2 * hidden,
                                   .stride = 3 * hidden,
                                   .out = pass->lane->mix + first * hidden + column,
                                   .out_stride = hidden,
                                   .scale = scale,
                                   .scratch = pass->run->scratch[pass->first_thread + thread]});
    }
}

static void finish_rows(const struct pass *pass, size_t begin, size_t n, float *wide)
{
    const struct model_config *config = &pass->run->model->config;
    const struct layer *layer = pass->layer;
    size_t hidden = config->hidden, middle = config->intermediate;
    float epsilon = (float)config->epsilon;
    float *x = pass->lane->x + begin * hidden;
    compute_dense(&layer->out, n, pass->lane->mix + begin * hidden, hidden, NULL, true, x, hidden);
    compute_add_norm(n, hidden, x, layer->out_bias, layer->attention_gain, layer->attention_shift,
                     epsilon);
    compute_dense(&layer->up, n, x, hidden, layer->up_bias, false, wide, middle);
    compute_activate(config->activation, wide, n * middle);
    compute_dense(&layer->down, n, wide, middle, NULL, true, x, hidden);
    compute_add_norm(n, hidden, x, layer->down_bias, layer->output_gain, layer->output_shift,
                     epsilon);
    if (pass->next) project_rows(pass, pass->next, begin, n);
}

/* After attention all is by rows: the rest of this layer and the next one's projection. */
static void finish_layer(void *data, size_t begin, size_t end, int thread)
{
    const struct pass *pass = data;
    float *wide = pass->run->scratch[pass->first_thread + thread];
    for (size_t i = begin; i < end; i += row_block)
        finish_rows(pass, i, end - i < row_block ? end - i : row_block, wide);
}

/* ---- a group ---- */

/* Rows of a piece: few enough for every thread to get some, a multiple of the tiles' rows. */
static size_t row_grain(const struct run *run, size_t n_tokens)
{
    size_t grain = (n_tokens / (2 * run->n_threads) + 11) / 12 * 12;
    return grain < 24 ? 24 : grain > row_block ? row_block : grain;
}

static void place_sequences(const struct group *group, const struct lane *lane)
{
    for (size_t s = 0, token = 0; s < group->n; token += group->sequences[s++].n)
        lane->begins[s] = token;
}

static void run_group(const struct run *run, const struct group *group, const struct lane *lane,
                      int first_thread)
{
    const recap_model *model = run->model;
    struct pool *pool = context_pool(run->job->context);
    struct pass pass = {run, group, lane, .first_thread = first_thread};
    size_t n_layers = model->config.n_layers, grain = row_grain(run, group->n_tokens);
    place_sequences(group, lane);
    pool_run(pool, group->n, 1, embed_sequences, &pass);
    pool_run(pool, group->n_tokens, grain, project_first, &pass);
    for (size_t i = 0; i < n_layers; i++) {
        pass.layer = &model->layers[i];
        pass.next = i + 1 < n_layers ? &model->layers[i + 1] : NULL;
        pool_run(pool, group->n * model->config.n_heads, 1, attend, &pass);
        pool_run(pool, group->n_tokens, grain, finish_layer, &pass);
    }
    for (size_t s = 0; s < group->n; s++)
        run->job->finish(run->job->data, &group->sequences[s],
                         lane->x + lane->begins[s] * model->config.hidden);
}

static void run_groups(void *data, size_t begin, size_t end, int thread)
{
    const struct run *run = data;
    for (size_t i = begin; i < end && !context_cancelled(run->job->context); i++)
        run_group(run, &run->groups[run->first_group + i], &run->lanes[thread], thread);
}

/* ---- cutting into groups ---- */

static int longest_first(const void *a, const void *b)
{
    const struct sequence *x = a, *y = b;
    if (x->n != y->n) return x->n > y->n ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Cuts into groups of at most `most` tokens or one sequence; returns their number. With
 * run->groups NULL only counts. */
static size_t cut_groups(struct run *run, size_t most)
{
    const struct encode_job *job = run->job;
    size_t n = 0, i = 0;
    run->group_tokens = run->group_sequences = 0;
    while (i < job->n) {
        struct group group = {job->sequences + i, 0, 0};
        do group.n_tokens += job->sequences[i++].n, group.n++;
        while (i < job->n && group.n_tokens + job->sequences[i].n <= most);
        if (run->groups) run->groups[n] = group;
        if (group.n_tokens > run->group_tokens) run->group_tokens = group.n_tokens;
        if (group.n > run->group_sequences) run->group_sequences = group.n;
        n++;
    }
    return n;
}

/* Groups for the threads to share, or, where there are too few, groups to split. */
static int plan_groups(struct run *run, recap_error *error)
{
    size_t budget = run->job->token_budget ? run->job->token_budget : default_budget;
    size_t most = budget / run->n_threads;
    most = most < group_least ? group_least : most > group_most ? group_most : most;
    if (most > budget) most = budget;
    run->n_groups = cut_groups(run, most);
    run->n_lanes = run->n_threads;
    if (run->n_threads > 1 && run->n_groups < 2 * run->n_threads) {
        most = budget;
        run->n_groups = cut_groups(run, most);
        run->n_lanes = 1;
    }
    run->groups = new_array(run->n_groups, sizeof *run->groups);
    if (!run->groups) return fail_memory(error, run->n_groups * sizeof *run->groups);
    cut_groups(run, most);
    return RECAP_OK;
}

/* ---- memory ---- */

static size_t scratch_floats(const struct run *run)
{
    const struct model_config *config = &run->model->config;
    size_t rows = run->group_tokens < row_block ? run->group_tokens : row_block;
    size_t wide = rows * config->intermediate;
    size_t head = compute_head_scratch(run->job->sequences[0].n, config->hidden / config->n_heads);
    return ((wide > head ? wide : head) + 15) & ~(size_t)15;
}

static int take_memory(struct run *run, recap_error *error)
{
    size_t hidden = run->model->config.hidden, scratch = scratch_floats(run);
    size_t lane = (run->group_tokens * hidden + 15) & ~(size_t)15;
    size_t floats = run->n_lanes * 5 * lane + run->n_threads * scratch;
    run->memory = new_aligned(floats, sizeof *run->memory);
    run->places = new_array(run->n_lanes * run->group_sequences, sizeof *run->places);
    run->lanes = new_array(run->n_lanes, sizeof *run->lanes);
    run->scratch = new_array(run->n_threads, sizeof *run->scratch);
    if (!run->memory || !run->places || !run->lanes || !run->scratch)
        return fail_memory(error, floats * sizeof *run->memory);
    float *next = run->memory;
    for (size_t i = 0; i < run->n_lanes; i++, next += 5 * lane)
        run->lanes[i] = (struct lane){next, next + lane, next + 4 * lane,
                                      run->places + i * run->group_sequences};
    for (size_t i = 0; i < run->n_threads; i++, next += scratch) run->scratch[i] = next;
    return RECAP_OK;
}

static void close_run(struct run *run)
{
    free(run->groups);
    free(run->memory);
    free(run->places);
    free(run->lanes);
    free(run->scratch);
}

/* ---- all ---- */

static int check_sequences(const struct encode_job *job, recap_error *error)
{
    const struct model_config *config = &job->model->config;
    size_t most = config->n_positions - config->first_position;
    for (size_t i = 0; i < job->n; i++) {
        const struct sequence *sequence = &job->sequences[i];
        if (sequence->n < 1 || sequence->n > most)
            return fail(error, RECAP_ERROR_INPUT, "text %zu has %zu ids; the model takes 1 to %zu",
                        sequence->index, sequence->n, most);
        for (size_t t = 0; t < sequence->n; t++)
            if (sequence->ids[t] < 0 || (size_t)sequence->ids[t] >= config->vocabulary)
                return fail(error, RECAP_ERROR_INPUT,
                            "text %zu: id %d at place %zu; the model has 0 to %zu", sequence->index,
                            (int)sequence->ids[t], t, config->vocabulary - 1);
    }
    return RECAP_OK;
}

static int run_all(struct run *run, recap_error *error)
{
    const struct encode_job *job = run->job;
    struct pool *pool = context_pool(job->context);
    size_t step = run->n_lanes == 1 ? 1 : groups_a_check * run->n_threads;
    int status = context_check(job->context, job->stage, job->done, job->total, error);
    for (size_t i = 0; status == RECAP_OK && i < run->n_groups; i += step) {
        size_t n = run->n_groups - i < step ? run->n_groups - i : step;
        run->first_group = i;
        pool_run(pool, n, 1, run_groups, run);
        const struct group *last = &run->groups[i + n - 1];
        size_t done = (size_t)(last->sequences + last->n - job->sequences);
        status = context_check(job->context, job->stage, job->done + done, job->total, error);
    }
    return status;
}

int model_encode(const struct encode_job *job, recap_error *error)
{
    int status = check_sequences(job, error);
    if (status != RECAP_OK || job->n == 0) return status;
    struct run run = {.job = job, .model = job->model};
    run.n_threads = (size_t)pool_threads(context_pool(job->context));
    qsort(job->sequences, job->n, sizeof *job->sequences, longest_first);
    status = plan_groups(&run, error);
    if (status == RECAP_OK) status = take_memory(&run, error);
    if (status == RECAP_OK) status = run_all(&run, error);
    close_run(&run);
    return status;
}
