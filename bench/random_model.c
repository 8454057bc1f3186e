/* Writes config.json and model.safetensors with random bfloat16 weights. */
#include "random_model.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { n_positions = 512 };

struct writer {
    struct buf header; /* entries of the JSON object */
    struct buf data;
};

static uint16_t to_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)(bits >> 16);
}

/* Values within ±scale around `middle`; columns 0 stands for a vector. */
static void add_tensor(struct writer *w, const char *name, size_t rows, size_t columns,
                       float middle, float scale)
{
    size_t n = rows * (columns ? columns : 1), begin = w->data.n;
    uint64_t stream = w->header.n;
    for (size_t i = 0; i < n; i++) {
        float unit = (float)random_unit(3, stream, i) * 2 - 1;
        uint16_t value = to_bf16(middle + scale * unit);
        buf_add(&w->data, &value, sizeof value);
    }
    buf_printf(&w->header, "%s\"%s\": {\"dtype\": \"BF16\", \"shape\": [%zu", begin ? ", " : "",
               name, rows);
    if (columns) buf_printf(&w->header, ", %zu", columns);
    buf_printf(&w->header, "], \"data_offsets\": [%zu, %zu]}", begin, w->data.n);
}

static void add_linear(struct writer *w, const char *part, size_t layer, size_t rows,
                       size_t columns)
{
    char name[128], full[160];
    const char *hole = strchr(part, '#');
    snprintf(name, sizeof name, "%.*s%zu%s", (int)(hole - part), part, layer, hole + 1);
    snprintf(full, sizeof full, "%s.weight", name);
    if (columns)
        add_tensor(w, full, rows, columns, 0, 0.05f);
    else
        add_tensor(w, full, rows, 0, 1, 0.1f); /* a layer norm's gain */
    snprintf(full, sizeof full, "%s.bias", name);
    add_tensor(w, full, rows, 0, 0, 0.05f);
}

static void add_layer(struct writer *w, const struct random_shape *shape, size_t layer)
{
    size_t h = shape->hidden, wide = shape->intermediate;
    bool distil = strcmp(shape->model_type, "distilbert") == 0;
    static const char *const names[2][8] = {
        {"encoder.layer.#.attention.self.query", "encoder.layer.#.attention.self.key",
         "encoder.layer.#.attention.self.value", "encoder.layer.#.attention.output.dense",
         "encoder.layer.#.attention.output.LayerNorm", "encoder.layer.#.intermediate.dense",
         "encoder.layer.#.output.dense", "encoder.layer.#.output.LayerNorm"},
        {"transformer.layer.#.attention.q_lin", "transformer.layer.#.attention.k_lin",
         "transformer.layer.#.attention.v_lin", "transformer.layer.#.attention.out_lin",
         "transformer.layer.#.sa_layer_norm", "transformer.layer.#.ffn.lin1",
         "transformer.layer.#.ffn.lin2", "transformer.layer.#.output_layer_norm"}};
    const size_t sizes[8][2] = {{h, h}, {h, h},    {h, h},    {h, h},
                                {h, 0}, {wide, h}, {h, wide}, {h, 0}};
    for (size_t i = 0; i < 8; i++) add_linear(w, names[distil][i], layer, sizes[i][0], sizes[i][1]);
}

static int write_weights(const struct random_shape *shape, const char *path)
{
    struct writer w = {0};
    struct buf file = {0};
    add_tensor(&w, "embeddings.word_embeddings.weight", shape->vocabulary, shape->hidden, 0, 0.1f);
    add_tensor(&w, "embeddings.position_embeddings.weight", n_positions, shape->hidden, 0, 0.1f);
    if (strcmp(shape->model_type, "bert") == 0)
        add_tensor(&w, "embeddings.token_type_embeddings.weight", 2, shape->hidden, 0, 0.1f);
    add_tensor(&w, "embeddings.LayerNorm.weight", shape->hidden, 0, 1, 0.1f);
    add_tensor(&w, "embeddings.LayerNorm.bias", shape->hidden, 0, 0, 0.1f);
    for (size_t i = 0; i < shape->n_layers; i++) add_layer(&w, shape, i);
    uint64_t length = w.header.n + 2;
    buf_add(&file, &length, sizeof length); /* little-endian machines only, as the bench is */
    buf_printf(&file, "{%s}", w.header.data ? w.header.data : "");
    buf_add(&file, w.data.data, w.data.n);
    bool good = !w.header.failed && !w.data.failed && !file.failed;
    int status = good ? file_write(path, file.data, file.n, NULL) : RECAP_ERROR_MEMORY;
    buf_free(&w.header);
    buf_free(&w.data);
    buf_free(&file);
    return status;
}

static int write_config(const struct random_shape *shape, const char *path)
{
    struct buf text = {0};
    bool distil = strcmp(shape->model_type, "distilbert") == 0;
    buf_printf(&text,
               "{\"model_type\": \"%s\", \"%s\": %zu, \"%s\": %zu, \"%s\": %zu, \"%s\": %zu, "
               "\"vocab_size\": %zu, \"max_position_embeddings\": %d}",
               shape->model_type, distil ? "n_layers" : "num_hidden_layers", shape->n_layers,
               distil ? "dim" : "hidden_size", shape->hidden,
               distil ? "n_heads" : "num_attention_heads", shape->n_heads,
               distil ? "hidden_dim" : "intermediate_size", shape->intermediate, shape->vocabulary,
               n_positions);
    int status = text.failed ? RECAP_ERROR_MEMORY : file_write(path, text.data, text.n, NULL);
    buf_free(&text);
    return status;
}

static const char *const files[] = {"config.json", "model.safetensors"};

char *random_model_write(const struct random_shape *shape)
{
    const char *folder = getenv("TMPDIR");
    char *directory = path_join(folder && *folder ? folder : "/tmp", "recap-bench-XXXXXX");
    if (!directory || !mkdtemp(directory)) {
        free(directory);
        return NULL;
    }
    char *config = path_join(directory, files[0]), *weights = path_join(directory, files[1]);
    bool good = config && weights && write_config(shape, config) == RECAP_OK &&
                write_weights(shape, weights) == RECAP_OK;
    free(config);
    free(weights);
    if (good) return directory;
    random_model_remove(directory);
    free(directory);
    return NULL;
}

void random_model_remove(const char *directory)
{
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char *path = path_join(directory, files[i]);
        if (path) unlink(path);
        free(path);
    }
    rmdir(directory);
}
