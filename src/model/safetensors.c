/* Safetensors: 8 bytes of header length, a JSON header, then the tensors' bytes.
 *
 * {"name": {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}, "__metadata__": {...}}
 *
 * The whole header is checked against the file before any tensor is handed out: types, shapes,
 * sizes, offsets in range, no overlap, no holes. A tensor of a type that we don't read is kept as
 * DTYPE_OTHER, so that a file may hold position ids in I64. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "model_private.h"

enum { header_limit = 100 * 1000 * 1000 };

static const struct {
    const char *name;
    enum dtype dtype;
    size_t bits;
} dtypes[] = {
    {"F32", DTYPE_F32, 32},      {"F16", DTYPE_F16, 16},      {"BF16", DTYPE_BF16, 16},
    {"F64", DTYPE_OTHER, 64},    {"I64", DTYPE_OTHER, 64},    {"U64", DTYPE_OTHER, 64},
    {"I32", DTYPE_OTHER, 32},    {"U32", DTYPE_OTHER, 32},    {"I16", DTYPE_OTHER, 16},
    {"U16", DTYPE_OTHER, 16},    {"I8", DTYPE_OTHER, 8},      {"U8", DTYPE_OTHER, 8},
    {"BOOL", DTYPE_OTHER, 8},    {"F8_E4M3", DTYPE_OTHER, 8}, {"F8_E5M2", DTYPE_OTHER, 8},
    {"F8_E8M0", DTYPE_OTHER, 8}, {"C64", DTYPE_OTHER, 64},
};

/* ---- what is no safetensors file ---- */

static bool starts_with(const char *data, size_t n, const char *word)
{
    size_t length = strlen(word);
    return n >= length && strncasecmp(data, word, length) == 0;
}

/* Says what the file is instead, where that is known. */
static int check_kind(const char *path, const char *data, size_t n, recap_error *error)
{
    if (n == 0) return fail(error, RECAP_ERROR_MODEL, "%s: the file is empty", path);
    if (starts_with(data, n, "version https://git-lfs"))
        return fail(
            error, RECAP_ERROR_MODEL,
            "%s: a Git LFS pointer (%zu bytes), not the weights; fetch them with git lfs pull",
            path, n);
    size_t i = 0;
    while (i < n && i < 64 && strchr(" \t\r\n", data[i]) && data[i]) i++;
    if (starts_with(data + i, n - i, "<!doctype") || starts_with(data + i, n - i, "<html") ||
        starts_with(data + i, n - i, "<?xml"))
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: an HTML page (%zu bytes), not the weights: a download that went wrong",
                    path, n);
    if (starts_with(data, n, "PK\003\004"))
        return fail(error, RECAP_ERROR_MODEL, "%s: a zip file (PyTorch's format), not safetensors",
                    path);
    if (n < 10)
        return fail(error, RECAP_ERROR_MODEL, "%s: %zu bytes are too few for safetensors", path, n);
    return RECAP_OK;
}

/* ---- one tensor ---- */

static int fail_tensor(recap_error *error, const char *path, const char *name, const char *what)
{
    return fail(error, RECAP_ERROR_MODEL, "%s: tensor \"%.200s\": %s", path, name, what);
}

static int read_shape(const char *path, const json_t *entry, struct tensor *tensor, size_t *values,
                      recap_error *error)
{
    const json_t *shape = json_object_get(entry, "shape");
    if (!json_is_array(shape) || json_array_size(shape) > most_dims)
        return fail_tensor(error, path, tensor->name,
                           "\"shape\" must be a list of at most 8 sizes");
    tensor->n_dims = json_array_size(shape);
    *values = 1;
    for (size_t i = 0; i < tensor->n_dims; i++) {
        const json_t *size = json_array_get(shape, i);
        json_int_t value = json_is_integer(size) ? json_integer_value(size) : -1;
        if (value < 0 || !size_mul(*values, (size_t)value, values))
            return fail_tensor(error, path, tensor->name, "a size in \"shape\" is out of range");
        tensor->dims[i] = (size_t)value;
    }
    return RECAP_OK;
}

static int read_offsets(const char *path, const json_t *entry, const unsigned char *data,
                        size_t n_data, struct tensor *tensor, recap_error *error)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return fail_tensor(error, path, tensor->name, "\"data_offsets\" must be two integers");
    json_int_t begin = json_integer_value(first), end = json_integer_value(last);
    if (begin < 0 || end < begin)
        return fail_tensor(error, path, tensor->name, "\"data_offsets\" are not in order");
    if ((uint64_t)end > n_data)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: truncated: tensor \"%.200s\" ends at byte %lld of the data, which has %zu",
                    path, tensor->name, (long long)end, n_data);
    tensor->data = data + begin;
    tensor->n_bytes = (size_t)(end - begin);
    return RECAP_OK;
}

static int read_tensor(const char *path, const json_t *entry, const unsigned char *data,
                       size_t n_data, struct tensor *tensor, recap_error *error)
{
    const char *name = json_string_value(json_object_get(entry, "dtype"));
    if (!name) return fail_tensor(error, path, tensor->name, "\"dtype\" must be a string");
    size_t values, bytes, kind = 0;
    int status = read_shape(path, entry, tensor, &values, error);
    if (status == RECAP_OK) status = read_offsets(path, entry, data, n_data, tensor, error);
    if (status != RECAP_OK) return status;
    while (kind < COUNT_OF(dtypes) && strcmp(dtypes[kind].name, name) != 0) kind++;
    tensor->dtype = DTYPE_OTHER;
    tensor->dtype_name = "unknown";
    if (kind == COUNT_OF(dtypes)) return RECAP_OK; /* its size is not ours to judge */
    tensor->dtype = dtypes[kind].dtype;
    tensor->dtype_name = dtypes[kind].name;
    if (!size_mul(values, dtypes[kind].bits / 8, &bytes) || bytes != tensor->n_bytes)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: tensor \"%.200s\": %zu values of %s don't take the %zu bytes given", path,
                    tensor->name, values, name, tensor->n_bytes);
    return RECAP_OK;
}

/* ---- the file ---- */

static int by_place(const void *a, const void *b)
{
    const struct tensor *x = a, *y = b;
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return x->n_bytes < y->n_bytes ? -1 : x->n_bytes > y->n_bytes;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tensor *)a)->name, ((const struct tensor *)b)->name);
}

/* Tensors sorted by place must follow one another from the first byte to the last. */
static int check_places(struct safetensors *file, const unsigned char *data, size_t n_data,
                        recap_error *error)
{
    const unsigned char *end = data;
    qsort(file->tensors, file->n, sizeof *file->tensors, by_place);
    for (size_t i = 0; i < file->n; i++) {
        const struct tensor *tensor = &file->tensors[i];
        if (tensor->data < end)
            return fail_tensor(error, file->path, tensor->name, "overlaps the tensor before it");
        if (tensor->data > end)
            return fail_tensor(error, file->path, tensor->name, "leaves a hole before it");
        end = tensor->data + tensor->n_bytes;
    }
    if (end != data + n_data)
        return fail(error, RECAP_ERROR_MODEL, "%s: %zu bytes after the last tensor", file->path,
                    (size_t)(data + n_data - end));
    return RECAP_OK;
}

static int read_tensors(struct safetensors *file, json_t *header, const unsigned char *data,
                        size_t n_data, recap_error *error)
{
    file->tensors = arena_alloc(&file->arena, json_object_size(header), sizeof *file->tensors);
    if (!file->tensors) return fail_memory(error, json_object_size(header) * sizeof *file->tensors);
    const char *name;
    json_t *entry;
    json_object_foreach(header, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0) continue;
        struct tensor *tensor = &file->tensors[file->n];
        tensor->name = arena_copy(&file->arena, name, strlen(name));
        if (!tensor->name) return fail_memory(error, strlen(name));
        int status = read_tensor(file->path, entry, data, n_data, tensor, error);
        if (status != RECAP_OK) return status;
        file->n++;
    }
    int status = check_places(file, data, n_data, error);
    qsort(file->tensors, file->n, sizeof *file->tensors, by_name);
    return status;
}

static int read_header(struct safetensors *file, const unsigned char *data, size_t size,
                       recap_error *error)
{
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--) length = length << 8 | data[i];
    if (length > size - 8)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: truncated or not safetensors: a header of %llu bytes in a file of %zu",
                    file->path, (unsigned long long)length, size);
    if (length > header_limit)
        return fail(error, RECAP_ERROR_MODEL, "%s: the header has %llu bytes; the limit is %d",
                    file->path, (unsigned long long)length, header_limit);
    json_t *header;
    int status = json_parse(file->path, (const char *)data + 8, (size_t)length, &header, error);
    if (status != RECAP_OK) return encoder_status(status, error);
    if (json_is_object(header))
        status = read_tensors(file, header, data + 8 + length, size - 8 - (size_t)length, error);
    else
        status = fail(error, RECAP_ERROR_MODEL, "%s: the header is not an object", file->path);
    json_decref(header);
    return status;
}

int safetensors_parse(const char *path, const void *data, size_t size, struct safetensors *out,
                      recap_error *error)
{
    *out = (struct safetensors){0};
    int status = check_kind(path, data, size, error);
    if (status == RECAP_OK && !(out->path = arena_copy(&out->arena, path, strlen(path))))
        status = fail_memory(error, strlen(path));
    if (status == RECAP_OK) status = read_header(out, data, size, error);
    if (status != RECAP_OK) safetensors_close(out);
    return status;
}

int safetensors_open(const char *path, struct safetensors *out, recap_error *error)
{
    struct file_map map;
    *out = (struct safetensors){0};
    int status = file_map_open(path, &map, error);
    if (status != RECAP_OK) return encoder_status(status, error);
    status = safetensors_parse(path, map.data, map.size, out, error);
    if (status == RECAP_OK)
        out->map = map;
    else
        file_map_close(&map);
    return status;
}

void safetensors_close(struct safetensors *file)
{
    file_map_close(&file->map);
    arena_free(&file->arena);
    *file = (struct safetensors){0};
}

const struct tensor *safetensors_find(const struct safetensors *file, const char *name)
{
    struct tensor key = {.name = name};
    if (file->n == 0) return NULL;
    return bsearch(&key, file->tensors, file->n, sizeof key, by_name);
}

void tensor_read(const struct tensor *tensor, size_t first, size_t n, float *out)
{
    if (tensor->dtype == DTYPE_F32)
        memcpy(out, tensor->data + first * 4, n * sizeof *out);
    else if (tensor->dtype == DTYPE_F16)
        compute_from_f16(tensor->data + first * 2, n, out);
    else
        compute_from_bf16(tensor->data + first * 2, n, out);
}
