/* The weights of a model directory: model.safetensors, or the shards that an index names.
 *
 * Where model.safetensors.index.json is there it decides, and a single file beside it is ignored.
 * Tensors are asked for by their plain names ("encoder.layer.0...") and looked for under each of
 * the prefixes that the families' different heads put before them. Everything that is used goes
 * into the identity by its plain name, so that a prefix changes nothing. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/json.h"
#include "model_private.h"

static const char *const prefixes[] = {"", "roberta.", "bert.", "distilbert.", "model."};
/* Names that older files have for the same thing. */
static const char *const endings[][2] = {{"LayerNorm.weight", "LayerNorm.gamma"},
                                         {"LayerNorm.bias", "LayerNorm.beta"}};

int encoder_status(int status, recap_error *error)
{
    if (status != RECAP_ERROR_INPUT && status != RECAP_ERROR_IO && status != RECAP_ERROR_CONFIG)
        return status;
    if (error) error->code = RECAP_ERROR_MODEL;
    return RECAP_ERROR_MODEL;
}

bool model_has_entry(const char *directory, const char *name)
{
    struct stat info;
    char path[4096]; /* PATH_MAX: a longer one can't be there */
    int n = snprintf(path, sizeof path, "%s/%s", directory, name);
    return n > 0 && (size_t)n < sizeof path && lstat(path, &info) == 0;
}

/* ---- files ---- */

static int open_file(struct weights *weights, const char *name, recap_error *error)
{
    char *path = path_join(weights->directory, name);
    if (!path) return fail_memory(error, strlen(name));
    int status = safetensors_open(path, &weights->files[weights->n_files], error);
    if (status == RECAP_OK) weights->n_files++;
    free(path);
    return status;
}

/* Every tensor must be in the shard that the index gives for it. */
static int check_index(const struct weights *weights, const char *const *shards, json_t *map,
                       recap_error *error)
{
    const char *name;
    json_t *value;
    json_object_foreach(map, name, value)
    {
        size_t i = 0;
        while (strcmp(shards[i], json_string_value(value)) != 0) i++;
        if (!safetensors_find(&weights->files[i], name))
            return fail(error, RECAP_ERROR_MODEL,
                        "%s: tensor \"%.200s\" is not there, though the index says so",
                        weights->files[i].path, name);
    }
    return RECAP_OK;
}

/* Puts the names of the shards, each once, into shards [json_object_size(map)]. */
static int list_shards(const char *index, json_t *map, const char **shards, size_t *n,
                       recap_error *error)
{
    const char *name;
    json_t *value;
    json_object_foreach(map, name, value)
    {
        const char *shard = json_string_value(value);
        if (!shard || !*shard || strchr(shard, '/') || shard[0] == '.')
            return fail(error, RECAP_ERROR_MODEL,
                        "%s: \"weight_map\" gives no plain file name for \"%.200s\"", index, name);
        size_t i = 0;
        while (i < *n && strcmp(shards[i], shard) != 0) i++;
        if (i == *n) shards[(*n)++] = shard;
    }
    return RECAP_OK;
}

static int open_shards(struct weights *weights, const char *index, json_t *root, recap_error *error)
{
    json_t *map = json_object_get(root, "weight_map");
    size_t n = 0, n_names = json_object_size(map);
    if (n_names == 0) return fail(error, RECAP_ERROR_MODEL, "%s: no \"weight_map\" in it", index);
    const char **shards = new_zeroed(n_names, sizeof *shards);
    weights->files = NULL;
    int status = shards ? list_shards(index, map, shards, &n, error)
                        : fail_memory(error, n_names * sizeof *shards);
    if (status == RECAP_OK && !(weights->files = new_zeroed(n, sizeof *weights->files)))
        status = fail_memory(error, n * sizeof *weights->files);
    for (size_t i = 0; status == RECAP_OK && i < n; i++) {
        status = open_file(weights, shards[i], error);
        if (status != RECAP_OK) fail_prefix(error, "shard %zu of %zu", i + 1, n);
    }
    if (status == RECAP_OK) status = check_index(weights, shards, map, error);
    free(shards);
    return status;
}

static int open_index(struct weights *weights, const char *path, recap_error *error)
{
    json_t *root;
    int status = json_parse_file(path, &root, error);
    if (status != RECAP_OK) return encoder_status(status, error);
    status = open_shards(weights, path, root, error);
    json_decref(root);
    return status;
}

static int open_single(struct weights *weights, recap_error *error)
{
    static const char *const others[] = {"pytorch_model.bin", "tf_model.h5", "model.onnx",
                                         "model.gguf"};
    weights->files = new_zeroed(1, sizeof *weights->files);
    if (!weights->files) return fail_memory(error, sizeof *weights->files);
    if (model_has_entry(weights->directory, "model.safetensors"))
        return open_file(weights, "model.safetensors", error);
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (model_has_entry(weights->directory, others[i]))
            return fail(error, RECAP_ERROR_MODEL,
                        "%s: no model.safetensors; %s is there, which is not read; convert it",
                        weights->directory, others[i]);
    return fail(error, RECAP_ERROR_MODEL, "%s: no model.safetensors", weights->directory);
}

int weights_open(const char *directory, struct weights *out, recap_error *error)
{
    *out = (struct weights){.directory = copy_string(directory)};
    static const char name[] = "model.safetensors.index.json";
    char *index = path_join(directory, name);
    int status;
    if (!out->directory || !index)
        status = fail_memory(error, strlen(directory));
    else if (model_has_entry(directory, name))
        status = open_index(out, index, error);
    else
        status = open_single(out, error);
    free(index);
    if (status != RECAP_OK) weights_close(out);
    return status;
}

void weights_close(struct weights *weights)
{
    for (size_t i = 0; i < weights->n_files; i++) safetensors_close(&weights->files[i]);
    free(weights->files);
    free(weights->directory);
    buf_free(&weights->identity);
    *weights = (struct weights){0};
}

void weights_drop_pages(const struct weights *weights)
{
    for (size_t i = 0; i < weights->n_files; i++) {
        const struct file_map *map = &weights->files[i].map;
        if (map->size) madvise((void *)(uintptr_t)map->data, map->size, MADV_DONTNEED);
    }
}

/* ---- tensors ---- */

static const struct tensor *look_exactly(const struct weights *weights, const char *name)
{
    for (size_t i = 0; i < weights->n_files; i++) {
        const struct tensor *tensor = safetensors_find(&weights->files[i], name);
        if (tensor) return tensor;
    }
    return NULL;
}

static const struct tensor *look_under(const struct weights *weights, const char *prefix,
                                       const char *name)
{
    char full[512];
    size_t n = (size_t)snprintf(full, sizeof full, "%s%s", prefix, name);
    if (n >= sizeof full) return NULL;
    const struct tensor *tensor = look_exactly(weights, full);
    for (size_t i = 0; !tensor && i < COUNT_OF(endings); i++) {
        size_t length = strlen(endings[i][0]);
        if (n < length || strcmp(full + n - length, endings[i][0]) != 0) continue;
        memcpy(full + n - length, endings[i][1], strlen(endings[i][1]) + 1);
        tensor = look_exactly(weights, full);
    }
    return tensor;
}

const struct tensor *weights_look(const struct weights *weights, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        const struct tensor *tensor = look_under(weights, prefixes[i], name);
        if (tensor) return tensor;
    }
    return NULL;
}

static void print_shape(const size_t *dims, size_t n, struct buf *out)
{
    buf_add_byte(out, '[');
    for (size_t i = 0; i < n; i++) buf_printf(out, "%s%zu", i ? ", " : "", dims[i]);
    buf_add_byte(out, ']');
}

static int fail_missing(const struct weights *weights, const char *name, recap_error *error)
{
    struct buf tried = {0};
    for (size_t i = 0; i < COUNT_OF(prefixes); i++)
        buf_printf(&tried, "%s%s%s", i ? ", " : "", prefixes[i], name);
    int status = fail(error, RECAP_ERROR_MODEL, "%s: the weights have no tensor %s (tried %s)",
                      weights->directory, name, tried.failed ? "" : tried.data);
    buf_free(&tried);
    return status;
}

static int check_tensor(const struct weights *weights, const struct tensor *tensor, size_t n_dims,
                        const size_t *dims, recap_error *error)
{
    if (tensor->dtype == DTYPE_OTHER)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: tensor %s has type %s; F32, F16 and BF16 are read", weights->directory,
                    tensor->name, tensor->dtype_name);
    bool same = tensor->n_dims == n_dims;
    for (size_t i = 0; same && i < n_dims; i++) same = tensor->dims[i] == dims[i];
    if (same) return RECAP_OK;
    struct buf shapes = {0};
    print_shape(tensor->dims, tensor->n_dims, &shapes);
    buf_add_string(&shapes, "; config.json asks for ");
    print_shape(dims, n_dims, &shapes);
    int status = fail(error, RECAP_ERROR_MODEL, "%s: tensor %s has shape %s", weights->directory,
                      tensor->name, shapes.failed ? "" : shapes.data);
    buf_free(&shapes);
    return status;
}

static void add_identity(struct weights *weights, const char *name, const struct tensor *tensor)
{
    char hash[33];
    hash_text(hash_bytes(tensor->data, tensor->n_bytes), hash);
    buf_printf(&weights->identity, "%s %s ", name, tensor->dtype_name);
    print_shape(tensor->dims, tensor->n_dims, &weights->identity);
    buf_printf(&weights->identity, " %s\n", hash);
}

int weights_use(struct weights *weights, const char *name, size_t n_dims, const size_t *dims,
                const struct tensor **out, recap_error *error)
{
    const struct tensor *tensor = weights_look(weights, name);
    *out = tensor;
    if (!tensor) return fail_missing(weights, name, error);
    int status = check_tensor(weights, tensor, n_dims, dims, error);
    if (status != RECAP_OK) return status;
    add_identity(weights, name, tensor);
    weights->used_bytes += tensor->n_bytes;
    weights->used_dtypes |= 1u << tensor->dtype;
    return weights->identity.failed ? fail_memory(error, weights->identity.n) : RECAP_OK;
}
