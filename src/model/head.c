/* head.json: reading, writing, applying. */
#include "head_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "compute/compute.h"

void head_free(struct head *head)
{
    for (size_t i = 0; head->labels && i < head->n_labels; i++) free(head->labels[i]);
    free(head->labels);
    free(head->weights);
    free(head->bias);
    free(head->embedder);
    free(head->prefix);
    *head = (struct head){0};
}

void head_apply(const struct head *head, const float *vector, float *logits)
{
    for (size_t i = 0; i < head->n_labels; i++) {
        float sum = compute_dot(head->weights + i * head->dimensions, vector, head->dimensions);
        logits[i] = (sum + head->bias[i]) / (float)head->temperature;
    }
}

static int read_labels(const char *path, const json_t *labels, struct head *head,
                       recap_error *error)
{
    size_t n = json_array_size(labels);
    if (n < 2)
        return fail(error, RECAP_ERROR_MODEL, "%s: \"labels\" must be at least 2 names", path);
    head->labels = new_zeroed(n, sizeof *head->labels);
    if (!head->labels) return fail_memory(error, n * sizeof *head->labels);
    head->n_labels = n;
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(labels, i));
        if (!name || !*name)
            return fail(error, RECAP_ERROR_MODEL, "%s: label %zu is not a name", path, i);
        head->labels[i] = copy_string(name);
        if (!head->labels[i]) return fail_memory(error, strlen(name));
    }
    return RECAP_OK;
}

static bool read_row(const json_t *row, float *out, size_t n)
{
    if (json_array_size(row) != n) return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(row, i);
        if (!json_is_number(value)) return false;
        out[i] = (float)json_number_value(value);
        if (!isfinite(out[i])) return false;
    }
    return true;
}

static int read_weights(const char *path, const json_t *object, struct head *head,
                        recap_error *error)
{
    const json_t *rows = json_object_get(object, "weights");
    size_t n = head->n_labels, d = json_array_size(json_array_get(rows, 0));
    if (json_array_size(rows) != n || d == 0)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: \"weights\" must be one row for each of %zu labels", path, n);
    head->dimensions = d;
    head->weights = new_array(n * d, sizeof *head->weights);
    head->bias = new_array(n, sizeof *head->bias);
    if (!head->weights || !head->bias) return fail_memory(error, n * d * sizeof *head->weights);
    for (size_t i = 0; i < n; i++)
        if (!read_row(json_array_get(rows, i), head->weights + i * d, d))
            return fail(error, RECAP_ERROR_MODEL, "%s: row %zu of \"weights\" is not %zu numbers",
                        path, i, d);
    if (!read_row(json_object_get(object, "bias"), head->bias, n))
        return fail(error, RECAP_ERROR_MODEL, "%s: \"bias\" is not %zu numbers", path, n);
    return RECAP_OK;
}

static int read_object(const char *path, const json_t *object, struct head *head,
                       recap_error *error)
{
    const char *format, *embedder, *prefix;
    int64_t version;
    int status = json_get_string(path, object, "format", "", &format, error);
    if (status == RECAP_OK) status = json_get_int(path, object, "version", 0, &version, error);
    if (status == RECAP_OK && (strcmp(format, "recap-head") != 0 || version != 1))
        status = fail(error, RECAP_ERROR_MODEL, "%s: not a head of format recap-head, version 1",
                      path);
    if (status == RECAP_OK)
        status = json_get_string(path, object, "embedder", "", &embedder, error);
    if (status == RECAP_OK) status = json_get_string(path, object, "prefix", "", &prefix, error);
    if (status == RECAP_OK)
        status = json_get_number(path, object, "temperature", 1, &head->temperature, error);
    if (status != RECAP_OK) return status;
    if (!(head->temperature > 1e-3 && head->temperature < 1e3))
        return fail(error, RECAP_ERROR_MODEL, "%s: \"temperature\" %g is outside 0.001 to 1000",
                    path, head->temperature);
    head->embedder = copy_string(embedder);
    head->prefix = copy_string(prefix);
    if (!head->embedder || !head->prefix) return fail_memory(error, 256);
    status = read_labels(path, json_object_get(object, "labels"), head, error);
    return status == RECAP_OK ? read_weights(path, object, head, error) : status;
}

int head_read(const char *directory, struct head *out, recap_error *error)
{
    *out = (struct head){0};
    char *path = path_join(directory, "head.json");
    json_t *object = NULL;
    if (!path) return fail_memory(error, strlen(directory));
    int status = json_parse_file(path, &object, error);
    if (status == RECAP_OK) status = read_object(path, object, out, error);
    if (status == RECAP_ERROR_INPUT || status == RECAP_ERROR_IO)
        status = fail(error, RECAP_ERROR_MODEL, "%s", error ? error->message : "");
    if (status != RECAP_OK) head_free(out);
    json_decref(object);
    free(path);
    return status;
}

static void add_field(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, ",\n \"%s\": ", name);
    buf_add_json(out, value, strlen(value));
}

int head_write(const char *directory, const struct head *head, const char *embedder_name,
               const recap_train_report *report, recap_error *error)
{
    struct buf out = {0};
    buf_add_string(&out, "{\"format\": \"recap-head\",\n \"version\": 1");
    add_field(&out, "embedder", head->embedder);
    add_field(&out, "embedder_name", embedder_name);
    add_field(&out, "prefix", head->prefix);
    buf_printf(&out, ",\n \"max_length\": %d,\n \"temperature\": ", head_max_length);
    buf_add_double(&out, head->temperature);
    buf_add_string(&out, ",\n \"labels\": ");
    for (size_t i = 0; i < head->n_labels; i++) {
        buf_add_byte(&out, i ? ',' : '[');
        buf_add_json(&out, head->labels[i], strlen(head->labels[i]));
    }
    buf_add_string(&out, "],\n \"bias\": ");
    buf_add_floats(&out, head->bias, head->n_labels);
    buf_add_string(&out, ",\n \"weights\": ");
    for (size_t i = 0; i < head->n_labels; i++) {
        buf_add_string(&out, i ? ",\n  " : "[");
        buf_add_floats(&out, head->weights + i * head->dimensions, head->dimensions);
    }
    buf_printf(
        &out,
        "],\n \"report\": {\"examples\": %zu, \"folds\": %zu, \"l2\": %g, \"accuracy\": %.4f, "
        "\"macro_f1\": %.4f, \"log_loss\": %.4f, \"calibration_error\": %.4f}}\n",
        report->n_examples, report->n_folds, report->l2, report->accuracy, report->macro_f1,
        report->log_loss, report->calibration_error);
    int status = make_directories(directory, error);
    char *path = path_join(directory, "head.json");
    if (status == RECAP_OK && (out.failed || !path)) status = fail_memory(error, out.n);
    if (status == RECAP_OK) status = file_write(path, out.data, out.n, error);
    free(path);
    buf_free(&out);
    return status;
}
