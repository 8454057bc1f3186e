/* A model small enough to be written by a test: one layer, 8 wide, 20 words, made with whatever
 * fault the test wants to see named. Needs no fixtures. */
#ifndef SMALL_MODEL_H
#define SMALL_MODEL_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

enum { small_hidden = 8, small_words = 20, small_positions = 16, small_wide = 16 };

struct small_tensor {
    const char *name;
    size_t rows, columns; /* columns 0: a vector */
};

static const struct small_tensor small_tensors[] = {
    {"embeddings.word_embeddings.weight", small_words, small_hidden},
    {"embeddings.position_embeddings.weight", small_positions, small_hidden},
    {"embeddings.token_type_embeddings.weight", 2, small_hidden},
    {"embeddings.LayerNorm.weight", small_hidden, 0},
    {"embeddings.LayerNorm.bias", small_hidden, 0},
    {"encoder.layer.0.attention.self.query.weight", small_hidden, small_hidden},
    {"encoder.layer.0.attention.self.query.bias", small_hidden, 0},
    {"encoder.layer.0.attention.self.key.weight", small_hidden, small_hidden},
    {"encoder.layer.0.attention.self.key.bias", small_hidden, 0},
    {"encoder.layer.0.attention.self.value.weight", small_hidden, small_hidden},
    {"encoder.layer.0.attention.self.value.bias", small_hidden, 0},
    {"encoder.layer.0.attention.output.dense.weight", small_hidden, small_hidden},
    {"encoder.layer.0.attention.output.dense.bias", small_hidden, 0},
    {"encoder.layer.0.attention.output.LayerNorm.weight", small_hidden, 0},
    {"encoder.layer.0.attention.output.LayerNorm.bias", small_hidden, 0},
    {"encoder.layer.0.intermediate.dense.weight", small_wide, small_hidden},
    {"encoder.layer.0.intermediate.dense.bias", small_wide, 0},
    {"encoder.layer.0.output.dense.weight", small_hidden, small_wide},
    {"encoder.layer.0.output.dense.bias", small_hidden, 0},
    {"encoder.layer.0.output.LayerNorm.weight", small_hidden, 0},
    {"encoder.layer.0.output.LayerNorm.bias", small_hidden, 0},
};

static const char small_config[] =
    "{\"model_type\": \"bert\", \"architectures\": [\"BertModel\"], \"hidden_size\": 8, "
    "\"num_hidden_layers\": 1, \"num_attention_heads\": 2, \"intermediate_size\": 16, "
    "\"vocab_size\": 20, \"max_position_embeddings\": 16, \"hidden_act\": \"gelu\"}";
static const char small_vocabulary[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncat\nsat\non\nmat\na\nb\nc\nd\ne\nf\ng\nh\n.\n,\n";

/* How the weights are written; all zero is the plain way. */
struct small_options {
    const char *prefix;                     /* before every name */
    const char *skip;                       /* a tensor to leave out */
    bool only_first_half, only_second_half; /* for shards */
    bool mixed;         /* F32, F16 and BF16 in turn, of values that all three hold */
    bool extras;        /* position ids in I64 and a pooler that nobody asks for */
    bool gamma;         /* the old names of layer norms */
    const char *poison; /* a tensor whose values are 1e30 */
};

/* Values that float32, float16 and bfloat16 all hold: eighths of -8 .. 7. */
static float small_value(const struct small_tensor *tensor, size_t i)
{
    uint64_t stream = hash_bytes(tensor->name, strlen(tensor->name)).low;
    float value = ((float)random_below(16, 1, stream, i) - 8) / 8;
    return strstr(tensor->name, "LayerNorm.weight") ? 1 + value / 4 : value;
}

static uint16_t small_half(float value) /* only for the values above */
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (value == 0) return (uint16_t)(bits >> 16);
    return (uint16_t)((bits >> 16 & 0x8000) | (((bits >> 23 & 255) - 112) << 10) |
                      (bits >> 13 & 0x3ff));
}

static void small_add_value(struct buf *data, int kind, float value)
{
    uint32_t bits;
    uint16_t half = small_half(value), brain;
    memcpy(&bits, &value, sizeof bits);
    brain = (uint16_t)(bits >> 16);
    if (kind == 0) buf_add(data, &bits, 4);
    if (kind == 1) buf_add(data, &half, 2);
    if (kind == 2) buf_add(data, &brain, 2);
}

static void small_add_name(struct buf *header, const struct small_options *options,
                           const char *name)
{
    const char *norm = strstr(name, "LayerNorm.");
    buf_printf(header, "%s\"%s", header->n ? ", " : "", options->prefix ? options->prefix : "");
    if (options->gamma && norm)
        buf_printf(header, "%.*sLayerNorm.%s\"", (int)(norm - name), name,
                   strstr(norm, "weight") ? "gamma" : "beta");
    else
        buf_printf(header, "%s\"", name);
}

static void small_add_tensor(struct buf *header, struct buf *data, size_t index,
                             const struct small_options *options)
{
    static const char *const kinds[] = {"F32", "F16", "BF16"};
    const struct small_tensor *tensor = &small_tensors[index];
    int kind = options->mixed ? (int)(index % 3) : 0;
    size_t begin = data->n, n = tensor->rows * (tensor->columns ? tensor->columns : 1);
    bool poison = options->poison && strcmp(options->poison, tensor->name) == 0;
    for (size_t i = 0; i < n; i++)
        small_add_value(data, kind, poison ? 1e30f : small_value(tensor, i));
    small_add_name(header, options, tensor->name);
    buf_printf(header, ": {\"dtype\": \"%s\", \"shape\": [%zu", kinds[kind], tensor->rows);
    if (tensor->columns) buf_printf(header, ", %zu", tensor->columns);
    buf_printf(header, "], \"data_offsets\": [%zu, %zu]}", begin, data->n);
}

/* The bytes of a safetensors file. */
static void small_weights(const struct small_options *options, struct buf *out)
{
    struct buf header = {0}, data = {0};
    size_t half = COUNT_OF(small_tensors) / 2;
    if (options->extras) {
        int64_t ids[2] = {0, 1};
        buf_printf(&header, "\"__metadata__\": {\"format\": \"pt\"}, \"embeddings.position_ids\": "
                            "{\"dtype\": \"I64\", \"shape\": [1, 2], \"data_offsets\": [0, 16]}");
        buf_add(&data, ids, sizeof ids);
    }
    for (size_t i = 0; i < COUNT_OF(small_tensors); i++) {
        if (options->skip && strcmp(options->skip, small_tensors[i].name) == 0) continue;
        if ((options->only_first_half && i >= half) || (options->only_second_half && i < half))
            continue;
        small_add_tensor(&header, &data, i, options);
    }
    uint64_t length = header.n + 2;
    buf_clear(out);
    buf_add(out, &length, sizeof length);
    buf_printf(out, "{%s}", header.data);
    buf_add(out, data.data, data.n);
    buf_free(&header);
    buf_free(&data);
}

static void small_write(const char *directory, const char *name, const void *data, size_t n)
{
    char *path = path_join(directory, name);
    assert_int_equal(file_write(path, data, n, NULL), RECAP_OK);
    free(path);
}

static void small_write_text(const char *directory, const char *name, const char *text)
{
    small_write(directory, name, text, strlen(text));
}

static void small_write_weights(const char *directory, const char *name,
                                const struct small_options *options)
{
    struct buf bytes = {0};
    small_weights(options, &bytes);
    small_write(directory, name, bytes.data, bytes.n);
    buf_free(&bytes);
}

/* A new temporary folder with a whole model in it; freed by small_remove. */
static char *small_model(const struct small_options *options)
{
    const char *folder = getenv("TMPDIR");
    char *directory = path_join(folder && *folder ? folder : "/tmp", "recap-model-XXXXXX");
    assert_non_null(mkdtemp(directory));
    small_write_text(directory, "config.json", small_config);
    small_write_text(directory, "vocab.txt", small_vocabulary);
    small_write_weights(directory, "model.safetensors", options);
    return directory;
}

static void small_remove(char *directory)
{
    char command[512];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    assert_int_equal(system(command), 0);
    free(directory);
}

#endif
