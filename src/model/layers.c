/* From tensors to what the encoder works with: vectors in float32, matrices packed in panels.
 *
 * Only the word embeddings stay where they are, in the mapped file: of a multilingual model they
 * are most of its bytes, and a text touches a few rows. */
#include <stdlib.h>
#include <string.h>

#include "model_private.h"

/* The names of one layer's parts; %zu is the layer. Each has .weight and .bias. */
struct part_names {
    const char *query, *key, *value, *out, *out_norm, *up, *down, *down_norm;
};

static const struct part_names bert_parts = {
    "encoder.layer.%zu.attention.self.query",
    "encoder.layer.%zu.attention.self.key",
    "encoder.layer.%zu.attention.self.value",
    "encoder.layer.%zu.attention.output.dense",
    "encoder.layer.%zu.attention.output.LayerNorm",
    "encoder.layer.%zu.intermediate.dense",
    "encoder.layer.%zu.output.dense",
    "encoder.layer.%zu.output.LayerNorm",
};
static const struct part_names distilbert_parts = {
    "transformer.layer.%zu.attention.q_lin", "transformer.layer.%zu.attention.k_lin",
    "transformer.layer.%zu.attention.v_lin", "transformer.layer.%zu.attention.out_lin",
    "transformer.layer.%zu.sa_layer_norm",   "transformer.layer.%zu.ffn.lin1",
    "transformer.layer.%zu.ffn.lin2",        "transformer.layer.%zu.output_layer_norm",
};

enum { name_bytes = 128, rows_at_once = 64 };

static void tensor_name(char out[name_bytes], const char *part, const char *ending)
{
    snprintf(out, name_bytes, "%s.%s", part, ending);
}

/* ---- one tensor ---- */

/* Reads a vector [n] into `out`, or into new memory of the model where *out is NULL. */
static int load_vector(recap_model *model, const char *part, const char *ending, size_t n,
                       float **out, recap_error *error)
{
    char name[name_bytes];
    const struct tensor *tensor;
    tensor_name(name, part, ending);
    int status = weights_use(&model->weights, name, 1, &n, &tensor, error);
    if (status != RECAP_OK) return status;
    if (!*out) *out = arena_alloc(&model->arena, n, sizeof **out);
    if (!*out) return fail_memory(error, n * sizeof **out);
    tensor_read(tensor, 0, n, *out);
    return RECAP_OK;
}

/* Packs the tensor [n, matrix->k] as rows first .. first + n - 1 of the matrix. */
static int load_rows(recap_model *model, const char *part, struct compute_matrix *matrix,
                     size_t first, size_t n, recap_error *error)
{
    char name[name_bytes];
    const struct tensor *tensor;
    size_t k = matrix->k;
    tensor_name(name, part, "weight");
    int status = weights_use(&model->weights, name, 2, (size_t[]){n, k}, &tensor, error);
    if (status != RECAP_OK) return status;
    float *rows = new_array(rows_at_once * k, sizeof *rows);
    if (!rows) return fail_memory(error, rows_at_once * k * sizeof *rows);
    for (size_t i = 0; i < n; i += rows_at_once) {
        size_t count = n - i < rows_at_once ? n - i : rows_at_once;
        tensor_read(tensor, i * k, count * k, rows);
        compute_matrix_set(matrix, first + i, count, rows);
    }
    free(rows);
    return RECAP_OK;
}

static int open_matrix(struct compute_matrix *matrix, size_t n, size_t k, recap_error *error)
{
    return compute_matrix_open(matrix, n, k) ? RECAP_OK : fail_memory(error, n * k * sizeof(float));
}

/* A whole linear layer: weight [n, k] and bias [n]. */
static int load_linear(recap_model *model, const char *part, size_t n, size_t k,
                       struct compute_matrix *matrix, float **bias, recap_error *error)
{
    int status = open_matrix(matrix, n, k, error);
    if (status == RECAP_OK) status = load_rows(model, part, matrix, 0, n, error);
    if (status == RECAP_OK) status = load_vector(model, part, "bias", n, bias, error);
    return status;
}

static int load_norm(recap_model *model, const char *part, float **gain, float **shift,
                     recap_error *error)
{
    size_t n = model->config.hidden;
    int status = load_vector(model, part, "weight", n, gain, error);
    if (status == RECAP_OK) status = load_vector(model, part, "bias", n, shift, error);
    return status;
}

/* ---- layers ---- */

static void part_of(char out[name_bytes], const char *pattern, size_t layer)
{
    const char *hole = strstr(pattern, "%zu");
    snprintf(out, name_bytes, "%.*s%zu%s", (int)(hole - pattern), pattern, layer, hole + 3);
}

static int load_qkv(recap_model *model, const struct part_names *names, size_t index,
                    recap_error *error)
{
    struct layer *layer = &model->layers[index];
    const char *const parts[3] = {names->query, names->key, names->value};
    size_t hidden = model->config.hidden;
    int status = open_matrix(&layer->qkv, 3 * hidden, hidden, error);
    layer->qkv_bias = arena_alloc(&model->arena, 3 * hidden, sizeof *layer->qkv_bias);
    if (status == RECAP_OK && !layer->qkv_bias)
        status = fail_memory(error, 3 * hidden * sizeof *layer->qkv_bias);
    for (size_t i = 0; status == RECAP_OK && i < 3; i++) {
        char part[name_bytes];
        part_of(part, parts[i], index);
        float *bias = layer->qkv_bias + i * hidden;
        status = load_rows(model, part, &layer->qkv, i * hidden, hidden, error);
        if (status == RECAP_OK) status = load_vector(model, part, "bias", hidden, &bias, error);
    }
    return status;
}

static int load_layer(recap_model *model, const struct part_names *names, size_t index,
                      recap_error *error)
{
    struct layer *layer = &model->layers[index];
    size_t hidden = model->config.hidden, wide = model->config.intermediate;
    char part[name_bytes];
    int status = load_qkv(model, names, index, error);
    if (status != RECAP_OK) return status;
    part_of(part, names->out, index);
    status = load_linear(model, part, hidden, hidden, &layer->out, &layer->out_bias, error);
    if (status != RECAP_OK) return status;
    part_of(part, names->out_norm, index);
    status = load_norm(model, part, &layer->attention_gain, &layer->attention_shift, error);
    if (status != RECAP_OK) return status;
    part_of(part, names->up, index);
    status = load_linear(model, part, wide, hidden, &layer->up, &layer->up_bias, error);
    if (status != RECAP_OK) return status;
    part_of(part, names->down, index);
    status = load_linear(model, part, hidden, wide, &layer->down, &layer->down_bias, error);
    if (status != RECAP_OK) return status;
    part_of(part, names->down_norm, index);
    return load_norm(model, part, &layer->output_gain, &layer->output_shift, error);
}

/* ---- embeddings ---- */

/* The token type of every token is 0: its row is added to each position once. */
static int load_positions(recap_model *model, recap_error *error)
{
    const struct model_config *config = &model->config;
    size_t hidden = config->hidden, n = config->n_positions * hidden;
    const struct tensor *positions, *types = NULL;
    int status = weights_use(&model->weights, "embeddings.position_embeddings.weight", 2,
                             (size_t[]){config->n_positions, hidden}, &positions, error);
    if (status == RECAP_OK && config->n_types > 0)
        status = weights_use(&model->weights, "embeddings.token_type_embeddings.weight", 2,
                             (size_t[]){config->n_types, hidden}, &types, error);
    if (status != RECAP_OK) return status;
    float *type = arena_alloc(&model->arena, hidden, sizeof *type);
    model->positions = arena_alloc(&model->arena, n, sizeof *model->positions);
    if (!type || !model->positions) return fail_memory(error, n * sizeof *model->positions);
    if (types) tensor_read(types, 0, hidden, type);
    tensor_read(positions, 0, n, model->positions);
    for (size_t i = 0; i < n; i++) model->positions[i] += type[i % hidden];
    return RECAP_OK;
}

static int load_embeddings(recap_model *model, recap_error *error)
{
    const struct model_config *config = &model->config;
    int status = weights_use(&model->weights, "embeddings.word_embeddings.weight", 2,
                             (size_t[]){config->vocabulary, config->hidden}, &model->words, error);
    if (status == RECAP_OK) status = load_positions(model, error);
    if (status == RECAP_OK)
        status = load_norm(model, "embeddings.LayerNorm", &model->embedding_gain,
                           &model->embedding_shift, error);
    return status;
}

/* ---- heads ---- */

static const struct {
    const char *first, *second;
} head_parts[] = {
    [FAMILY_BERT] = {"pooler.dense", "classifier"},
    [FAMILY_ROBERTA] = {"classifier.dense", "classifier.out_proj"},
    [FAMILY_XLM_ROBERTA] = {"classifier.dense", "classifier.out_proj"},
    [FAMILY_DISTILBERT] = {"pre_classifier", "classifier"},
};

/* Without "architectures" in config.json the tensors tell whether there is a head. */
static bool has_head(const recap_model *model, const struct tensor **second)
{
    char name[name_bytes];
    tensor_name(name, head_parts[model->config.family].second, "weight");
    *second = weights_look(&model->weights, name);
    return model->config.knows_head ? model->config.wants_head : *second != NULL;
}

/* Labels that config.json doesn't name are LABEL_0, LABEL_1, ... */
static int name_labels(recap_model *model, size_t n, recap_error *error)
{
    struct model_config *config = &model->config;
    if (config->n_labels == n) return RECAP_OK;
    if (config->n_labels != 0)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: \"id2label\" names %zu labels; the classifier's weights have %zu",
                    model->weights.directory, config->n_labels, n);
    config->labels = arena_alloc(&model->arena, n, sizeof *config->labels);
    for (size_t i = 0; config->labels && i < n; i++) {
        char name[32];
        int length = snprintf(name, sizeof name, "LABEL_%zu", i);
        config->labels[i] = arena_copy(&model->arena, name, (size_t)length);
        if (!config->labels[i]) config->labels = NULL;
    }
    if (!config->labels) return fail_memory(error, n * sizeof *config->labels);
    config->n_labels = n;
    return RECAP_OK;
}

static int load_head(recap_model *model, recap_error *error)
{
    const struct tensor *second;
    struct model_config *config = &model->config;
    struct head *head = &model->head;
    if (!has_head(model, &second)) {
        config->n_labels = 0;
        return RECAP_OK;
    }
    size_t n = config->n_labels ? config->n_labels : 2;
    if (second && second->n_dims == 2 && second->dims[1] == config->hidden) n = second->dims[0];
    int status = name_labels(model, n, error);
    if (status == RECAP_OK)
        status = load_linear(model, head_parts[config->family].first, config->hidden,
                             config->hidden, &head->first, &head->first_bias, error);
    if (status == RECAP_OK)
        status = load_linear(model, head_parts[config->family].second, n, config->hidden,
                             &head->second, &head->second_bias, error);
    if (n == 1) config->multi_label = true; /* one label can only be a yes or no */
    return status;
}

/* ---- all ---- */

int model_load_layers(recap_model *model, recap_error *error)
{
    bool distilbert = model->config.family == FAMILY_DISTILBERT;
    const struct part_names *names = distilbert ? &distilbert_parts : &bert_parts;
    size_t n = model->config.n_layers;
    int status = load_embeddings(model, error);
    if (status != RECAP_OK) return status;
    model->layers = arena_alloc(&model->arena, n, sizeof *model->layers);
    if (!model->layers) return fail_memory(error, n * sizeof *model->layers);
    for (size_t i = 0; status == RECAP_OK && i < n; i++)
        status = load_layer(model, names, i, error);
    if (status == RECAP_OK) status = load_head(model, error);
    return status;
}

void model_close_layers(recap_model *model)
{
    for (size_t i = 0; model->layers && i < model->config.n_layers; i++) {
        compute_matrix_close(&model->layers[i].qkv);
        compute_matrix_close(&model->layers[i].out);
        compute_matrix_close(&model->layers[i].up);
        compute_matrix_close(&model->layers[i].down);
    }
    compute_matrix_close(&model->head.first);
    compute_matrix_close(&model->head.second);
}
