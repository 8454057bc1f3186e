/* A model directory opened: configuration, settings, weights, layers, tokenizer, identity. */
#include <stdlib.h>
#include <string.h>

#include "model_private.h"

/* ---- identity ---- */

/* The files that decide which ids a text has. */
static const char *const tokenizer_files[] = {
    "tokenizer.json", "tokenizer_config.json",   "vocab.txt",         "vocab.json",
    "merges.txt",     "sentencepiece.bpe.model", "added_tokens.json",
};

static int hash_file(const char *directory, const char *name, struct buf *identity,
                     recap_error *error)
{
    if (!model_has_entry(directory, name)) return RECAP_OK;
    char *path = path_join(directory, name), hash[33];
    struct file_map map = {0};
    if (!path) return fail_memory(error, strlen(name));
    int status = encoder_status(file_map_open(path, &map, error), error);
    hash_text(hash_bytes(map.data ? map.data : "", map.size), hash);
    buf_printf(identity, "%s %s\n", name, hash);
    file_map_close(&map);
    free(path);
    return status;
}

/* Everything that decides a vector, as lines of text, hashed. The tensors' lines are there already;
 * the directory's name, the prefix and the kernel set are not part of it. */
static int make_identity(recap_model *model, recap_error *error)
{
    const struct model_config *config = &model->config;
    const struct model_settings *settings = &model->settings;
    struct buf *identity = &model->weights.identity;
    for (size_t i = 0; i < COUNT_OF(tokenizer_files); i++) {
        int status = hash_file(model->weights.directory, tokenizer_files[i], identity, error);
        if (status != RECAP_OK) return status;
    }
    buf_printf(identity, "recap 1 %s heads %zu activation %d epsilon %.9g pad %zu positions %zu ",
               family_name(config->family), config->n_heads, (int)config->activation,
               config->epsilon, config->pad_id, config->first_position);
    buf_printf(identity, "length %zu pooling %d normalize %d", settings->max_length,
               (int)settings->pooling, settings->normalize);
    if (identity->failed) return fail_memory(error, identity->n);
    hash_text(hash_bytes(identity->data, identity->n), model->info.identity);
    buf_free(identity);
    return RECAP_OK;
}

/* ---- description ---- */

static const char *stored_type(unsigned used)
{
    return used == 1u << DTYPE_F32    ? "F32"
           : used == 1u << DTYPE_F16  ? "F16"
           : used == 1u << DTYPE_BF16 ? "BF16"
                                      : "mixed";
}

static void describe(recap_model *model, const char *directory)
{
    const struct model_config *config = &model->config;
    const struct model_settings *settings = &model->settings;
    recap_model_info *info = &model->info;
    info->directory = directory;
    info->architecture = family_name(config->family);
    info->n_layers = config->n_layers;
    info->hidden_size = config->hidden;
    info->n_heads = config->n_heads;
    info->intermediate_size = config->intermediate;
    info->vocabulary_size = config->vocabulary;
    info->max_length = settings->max_length;
    info->pooling = settings->pooling;
    info->pooling_from_file = settings->pooling_from_file;
    info->normalize = settings->normalize;
    info->n_labels = config->n_labels;
    info->labels = config->n_labels ? config->labels : NULL;
    info->multi_label = config->multi_label;
    info->weight_bytes = model->weights.used_bytes;
    info->dtype = stored_type(model->weights.used_dtypes);
    info->default_prefix = settings->default_prefix;
}

/* ---- open and close ---- */

static int open_encoder(recap_model *model, const char *given, recap_error *error)
{
    char *directory = NULL, *path = NULL;
    char *name = arena_copy(&model->arena, given, strlen(given));
    int status = name ? model_resolve_directory(given, &directory, error)
                      : fail_memory(error, strlen(given));
    if (status == RECAP_OK && !(path = path_join(directory, "config.json")))
        status = fail_memory(error, strlen(directory));
    if (status == RECAP_OK) status = model_config_read(path, &model->arena, &model->config, error);
    if (status == RECAP_OK)
        status = model_settings_read(given, directory, &model->config, &model->arena,
                                     &model->settings, error);
    if (status == RECAP_OK) status = weights_open(directory, &model->weights, error);
    if (status == RECAP_OK) status = model_load_layers(model, error);
    if (status == RECAP_OK) status = make_identity(model, error);
    if (status == RECAP_OK) {
        describe(model, name);
        weights_drop_pages(&model->weights);
    }
    free(path);
    free(directory);
    return status;
}

int model_open_encoder(const char *directory, recap_model **out, recap_error *error)
{
    *out = NULL;
    recap_model *model = new_zeroed(1, sizeof *model);
    if (!model) return fail_memory(error, sizeof *model);
    int status = open_encoder(model, directory, error);
    if (status == RECAP_OK)
        *out = model;
    else
        recap_close_model(model);
    return status;
}

/* An id without a row in the word embeddings would read past them: refused here, by name. */
static int check_vocabulary(const recap_model *model, recap_error *error)
{
    size_t size = recap_tokenizer_size(model->tokenizer), rows = model->config.vocabulary;
    if (size <= rows) return RECAP_OK;
    size_t id = rows;
    while (id + 1 < size && !recap_token_text(model->tokenizer, (int32_t)id)) id++;
    const char *token = recap_token_text(model->tokenizer, (int32_t)id);
    return fail(
        error, RECAP_ERROR_MODEL,
        "%s: the tokenizer's token \"%.100s\" has id %zu; the word embeddings have %zu rows",
        model->info.directory, token ? token : "", id, rows);
}

int recap_open_model(const char *directory, recap_model **out, recap_error *error)
{
    int status = model_open_encoder(directory, out, error);
    if (status != RECAP_OK) return status;
    recap_model *model = *out;
    status = recap_open_tokenizer(model->weights.directory, &model->tokenizer, error);
    if (status == RECAP_OK) status = check_vocabulary(model, error);
    if (status != RECAP_OK) {
        recap_close_model(model);
        *out = NULL;
    }
    return status;
}

void recap_close_model(recap_model *model)
{
    if (!model) return;
    model_close_layers(model);
    recap_close_tokenizer(model->tokenizer);
    weights_close(&model->weights);
    arena_free(&model->arena);
    free(model);
}

const recap_model_info *recap_model_describe(const recap_model *model)
{
    return &model->info;
}

const recap_tokenizer *recap_model_tokenizer(const recap_model *model)
{
    return model->tokenizer;
}
