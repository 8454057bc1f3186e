/* Topic classifiers from the categorium package: TensorFlow's HDF5 weights of a small BERT to a
 * Hugging Face directory. Kernels are transposed, names translated, labels taken from the CSV. */
#include "fetch_private.h"

#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"

enum { max_tensors = 4096, max_values = 1 << 26 };

struct weights {
    struct arena arena;
    struct tensor_out *tensors; /* [max_tensors] */
    size_t n;
    int status;
    recap_error *error;
};

/* "…/tf_bert_for_sequence_classification/bert/encoder/layer_._0/attention/self/key/kernel:0" to
 * "bert.encoder.layer.0.attention.self.key.weight"; NULL where memory ends. */
static char *translate_name(struct arena *arena, const char *path, bool *transpose)
{
    static const struct {
        const char *from, *to;
    } endings[] = {
        {".kernel", ".weight"},
        {".gamma", ".weight"},
        {".beta", ".bias"},
        {"_embeddings.embeddings", "_embeddings.weight"},
    };
    static const char marker[] = "/tf_bert_for_sequence_classification/";
    const char *start = strstr(path, marker);
    start = start ? start + sizeof marker - 1 : path;
    struct buf name = {0};
    for (const char *c = start; *c && *c != ':'; c++) {
        if (strncmp(c, "layer_._", 8) == 0) {
            buf_add_string(&name, "layer.");
            c += 7;
        } else {
            buf_add_byte(&name, *c == '/' ? '.' : *c);
        }
    }
    buf_add(&name, "", 0);
    *transpose = false;
    for (size_t i = 0; !name.failed && i < COUNT_OF(endings); i++) {
        size_t k = strlen(endings[i].from);
        if (name.n < k || strcmp(name.data + name.n - k, endings[i].from) != 0) continue;
        *transpose = i == 0;
        name.n -= k;
        buf_add_string(&name, endings[i].to);
        break;
    }
    char *result = name.failed ? NULL : arena_copy(arena, name.data, name.n);
    buf_free(&name);
    return result;
}

static void transpose(float *values, size_t rows, size_t columns, float *scratch)
{
    memcpy(scratch, values, rows * columns * sizeof *values);
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < columns; k++) values[k * rows + i] = scratch[i * columns + k];
}

static int read_dataset(struct weights *weights, hid_t dataset, const char *path)
{
    hid_t space = H5Dget_space(dataset);
    hsize_t shape[2] = {0, 0};
    int rank = H5Sget_simple_extent_ndims(space);
    bool good = rank == 1 || rank == 2;
    if (good) H5Sget_simple_extent_dims(space, shape, NULL);
    H5Sclose(space);
    good = good && shape[0] > 0 && shape[0] < max_values && shape[1] < max_values &&
           (rank == 1 || (shape[1] > 0 && shape[0] * shape[1] < max_values));
    if (!good || weights->n == max_tensors)
        return fail(weights->error, RECAP_ERROR_MODEL, "%s: an array of unexpected shape", path);
    size_t count = (size_t)shape[0] * (size_t)(rank == 2 ? shape[1] : 1);
    bool turned;
    char *name = translate_name(&weights->arena, path, &turned);
    float *values = arena_alloc(&weights->arena, count, sizeof *values);
    float *scratch = turned ? new_array(count, sizeof *scratch) : NULL;
    if (!name || !values || (turned && !scratch)) {
        free(scratch);
        return fail_memory(weights->error, count * sizeof *values);
    }
    if (H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) {
        free(scratch);
        return fail(weights->error, RECAP_ERROR_MODEL, "%s: the array cannot be read", path);
    }
    struct tensor_out *tensor = &weights->tensors[weights->n++];
    *tensor = (struct tensor_out){name, {(size_t)shape[0], (size_t)shape[1]}, values};
    if (turned && rank == 2) {
        transpose(values, tensor->shape[0], tensor->shape[1], scratch);
        tensor->shape[0] = (size_t)shape[1];
        tensor->shape[1] = (size_t)shape[0];
    }
    free(scratch);
    return RECAP_OK;
}

static herr_t visit(hid_t root, const char *path, const H5O_info_t *info, void *data)
{
    struct weights *weights = data;
    if (info->type != H5O_TYPE_DATASET) return 0;
    hid_t dataset = H5Dopen2(root, path, H5P_DEFAULT);
    if (dataset < 0) return 0;
    weights->status = read_dataset(weights, dataset, path);
    H5Dclose(dataset);
    return weights->status == RECAP_OK ? 0 : 1;
}

/* HDF5 reads files, so the package's one goes through a temporary. */
static int read_weights(const struct import *import, const struct buf *content,
                        struct weights *weights, recap_error *error)
{
    char *path = path_join(import->directory, "weights.h5.part");
    if (!path) return fail_memory(error, strlen(import->directory));
    weights->error = error;
    weights->tensors = arena_alloc(&weights->arena, max_tensors, sizeof *weights->tensors);
    weights->status = weights->tensors ? file_write(path, content->data, content->n, error)
                                       : fail_memory(error, max_tensors * sizeof *weights->tensors);
    if (weights->status == RECAP_OK) {
        H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
        hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
        if (file < 0) {
            weights->status = fail(error, RECAP_ERROR_MODEL, "tf_model.h5: not an HDF5 file");
        } else {
            H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, visit, weights);
            H5Fclose(file);
        }
    }
    unlink(path);
    free(path);
    return weights->status;
}

/* The first column of the CSV, without its heading line, a byte-order mark and line ends. */
static json_t *read_labels(const struct buf *csv)
{
    json_t *labels = json_array();
    const char *at = csv->data, *end = csv->data + csv->n;
    for (bool heading = true; labels && at < end; heading = false) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (!line_end) line_end = end;
        size_t n = (size_t)(line_end - at);
        while (n > 0 && (at[n - 1] == '\r' || at[n - 1] == '"')) n--;
        const char *comma = memchr(at, ',', n);
        if (comma) n = (size_t)(comma - at);
        if (!heading && n > 0) json_array_append_new(labels, json_stringn(at, n));
        at = line_end + 1;
    }
    return labels;
}

static int write_config(const struct import *import, const struct buf *config,
                        const struct buf *csv, size_t n_labels, recap_error *error)
{
    json_t *object = NULL, *labels = read_labels(csv), *by_id = json_object(),
           *by_label = json_object();
    int status = labels && by_id && by_label
                     ? json_parse("config.json", config->data, config->n, &object, error)
                     : fail_memory(error, csv->n);
    if (status == RECAP_OK && json_array_size(labels) != n_labels)
        status = fail(error, RECAP_ERROR_MODEL,
                      "categorium: %zu labels for %zu rows of the classifier",
                      json_array_size(labels), n_labels);
    for (size_t i = 0; status == RECAP_OK && i < n_labels; i++) {
        char id[24];
        snprintf(id, sizeof id, "%zu", i);
        json_t *label = json_array_get(labels, i);
        if (json_object_set(by_id, id, label) ||
            json_object_set_new(by_label, json_string_value(label), json_integer((json_int_t)i)))
            status = fail_memory(error, 64);
    }
    if (status == RECAP_OK) {
        json_object_set(object, "id2label", by_id);
        json_object_set(object, "label2id", by_label);
        char *text = json_dumps(object, JSON_INDENT(1));
        status = text ? import_write(import->directory, "config.json", text, strlen(text), error)
                      : fail_memory(error, config->n);
        free(text);
    }
    json_decref(object);
    json_decref(labels);
    json_decref(by_id);
    json_decref(by_label);
    return status;
}

static size_t label_rows(const struct weights *weights)
{
    for (size_t i = 0; i < weights->n; i++)
        if (strcmp(weights->tensors[i].name, "classifier.bias") == 0)
            return weights->tensors[i].shape[0];
    return 0;
}

static int write_files(const struct import *import, const struct buf *vocabulary,
                       const struct buf *licence, recap_error *error)
{
    static const char tokenizer[] =
        "{\n \"tokenizer_class\": \"BertTokenizer\",\n \"do_lower_case\": true,\n"
        " \"tokenize_chinese_chars\": true,\n \"strip_accents\": null,\n \"model_max_length\": "
        "512,\n"
        " \"unk_token\": \"[UNK]\",\n \"sep_token\": \"[SEP]\",\n \"pad_token\": \"[PAD]\",\n"
        " \"cls_token\": \"[CLS]\",\n \"mask_token\": \"[MASK]\"\n}\n";
    int status = import_write(import->directory, "vocab.txt", vocabulary->data, vocabulary->n,
                              error);
    if (status == RECAP_OK)
        status = import_write(import->directory, "tokenizer_config.json", tokenizer,
                              sizeof tokenizer - 1, error);
    if (status == RECAP_OK)
        status = import_write(import->directory, "LICENSE", licence->data, licence->n, error);
    return status;
}

int import_categorium(const struct import *import, recap_error *error)
{
    enum { h5, config, csv, vocabulary, licence, n_parts };
    const char *language = import->variant;
    char suffixes[n_parts][64];
    snprintf(suffixes[h5], 64, "/%s/%s_hultig_model/tf_model.h5", language, language);
    snprintf(suffixes[config], 64, "/%s/%s_hultig_model/config.json", language, language);
    snprintf(suffixes[csv], 64, "/%s/%s_categorias.csv", language, language);
    snprintf(suffixes[vocabulary], 64, "_%s-vocab.txt", language);
    snprintf(suffixes[licence], 64, "/LICENSE.txt");
    struct buf parts[n_parts] = {{0}};
    struct weights weights = {0};
    int status = RECAP_OK;
    for (int i = 0; i < n_parts && status == RECAP_OK; i++)
        status = package_find(import->archives[0], suffixes[i], &parts[i], error);
    if (status == RECAP_OK) status = read_weights(import, &parts[h5], &weights, error);
    if (status == RECAP_OK)
        status = write_config(import, &parts[config], &parts[csv], label_rows(&weights), error);
    if (status == RECAP_OK)
        status = write_files(import, &parts[vocabulary], &parts[licence], error);
    char *path = path_join(import->directory, "model.safetensors");
    if (status == RECAP_OK)
        status = path ? safetensors_write(path, weights.tensors, weights.n, false, error)
                      : fail_memory(error, strlen(import->directory));
    free(path);
    arena_free(&weights.arena);
    for (int i = 0; i < n_parts; i++) buf_free(&parts[i]);
    return status;
}
