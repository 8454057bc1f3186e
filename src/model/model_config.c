/* config.json of the four families: what it must say, its ranges, and what it is refused for. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "model_private.h"

static const struct family_names {
    const char *model_type;
    const char *classifier; /* in "architectures" */
    const char *layers, *hidden, *heads, *intermediate, *activation;
} families[] = {
    [FAMILY_BERT] = {"bert", "BertForSequenceClassification", "num_hidden_layers", "hidden_size",
                     "num_attention_heads", "intermediate_size", "hidden_act"},
    [FAMILY_ROBERTA] = {"roberta", "RobertaForSequenceClassification", "num_hidden_layers",
                        "hidden_size", "num_attention_heads", "intermediate_size", "hidden_act"},
    [FAMILY_XLM_ROBERTA] = {"xlm-roberta", "XLMRobertaForSequenceClassification",
                            "num_hidden_layers", "hidden_size", "num_attention_heads",
                            "intermediate_size", "hidden_act"},
    [FAMILY_DISTILBERT] = {"distilbert", "DistilBertForSequenceClassification", "n_layers", "dim",
                           "n_heads", "hidden_dim", "activation"},
};

static const struct {
    const char *name;
    enum compute_activation activation;
} activations[] = {
    {"gelu", COMPUTE_GELU},           {"gelu_python", COMPUTE_GELU},
    {"gelu_new", COMPUTE_GELU_TANH},  {"gelu_pytorch_tanh", COMPUTE_GELU_TANH},
    {"gelu_fast", COMPUTE_GELU_TANH}, {"relu", COMPUTE_RELU},
};

const char *family_name(enum family family)
{
    return families[family].model_type;
}

/* ---- the family ---- */

static int read_family(const char *path, const json_t *root, struct model_config *out,
                       recap_error *error)
{
    const char *type;
    int status = json_get_string(path, root, "model_type", NULL, &type, error);
    if (status != RECAP_OK) return status;
    if (!type)
        return fail(error, RECAP_ERROR_MODEL, "%s: no \"model_type\" in it: not a model's config",
                    path);
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        if (strcmp(type, families[i].model_type) != 0) continue;
        out->family = (enum family)i;
        return RECAP_OK;
    }
    return fail(error, RECAP_ERROR_MODEL,
                "%s: \"model_type\" is \"%.100s\"; supported are bert, roberta, xlm-roberta and "
                "distilbert",
                path, type);
}

/* Heads that don't change the encoder are fine; any other head is no encoder of ours. */
static bool is_encoder(const char *architecture)
{
    static const char *const endings[] = {"Model", "ForMaskedLM", "ForPreTraining"};
    size_t n = strlen(architecture);
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        size_t length = strlen(endings[i]);
        if (n >= length && strcmp(architecture + n - length, endings[i]) == 0) return true;
    }
    return false;
}

static int read_architecture(const char *path, const json_t *root, struct model_config *out,
                             recap_error *error)
{
    const char *name = json_string_value(json_array_get(json_object_get(root, "architectures"), 0));
    out->knows_head = name != NULL;
    if (!name || is_encoder(name)) return RECAP_OK;
    out->wants_head = strcmp(name, families[out->family].classifier) == 0;
    if (out->wants_head) return RECAP_OK;
    return fail(error, RECAP_ERROR_MODEL,
                "%s: \"architectures\" is \"%.100s\"; supported are encoders and %s", path, name,
                families[out->family].classifier);
}

/* ---- numbers ---- */

struct number {
    const char *name;
    int64_t otherwise; /* -1: must be there */
    int64_t least, most;
    size_t *out;
};

static int read_number(const char *path, const json_t *root, const struct number *number,
                       recap_error *error)
{
    int64_t value;
    int status = json_get_int(path, root, number->name, number->otherwise, &value, error);
    if (status != RECAP_OK) return status;
    if (value == -1 && number->otherwise == -1)
        return fail(error, RECAP_ERROR_MODEL, "%s: \"%s\" is missing", path, number->name);
    if (value < number->least || value > number->most)
        return fail(error, RECAP_ERROR_MODEL, "%s: \"%s\" is %lld; %lld to %lld is allowed", path,
                    number->name, (long long)value, (long long)number->least,
                    (long long)number->most);
    *number->out = (size_t)value;
    return RECAP_OK;
}

static int read_numbers(const char *path, const json_t *root, struct model_config *out,
                        recap_error *error)
{
    const struct family_names *names = &families[out->family];
    bool roberta = out->family == FAMILY_ROBERTA || out->family == FAMILY_XLM_ROBERTA;
    bool distilbert = out->family == FAMILY_DISTILBERT;
    const struct number numbers[] = {
        {names->layers, -1, 1, 1000, &out->n_layers},
        {names->hidden, -1, 1, 65536, &out->hidden},
        {names->heads, -1, 1, 65536, &out->n_heads},
        {names->intermediate, -1, 1, 1 << 20, &out->intermediate},
        {"vocab_size", -1, 1, 1 << 26, &out->vocabulary},
        {"max_position_embeddings", -1, 2, 1 << 20, &out->n_positions},
        {"type_vocab_size", distilbert ? 0 : 2, 0, 1024, &out->n_types},
        {"pad_token_id", roberta ? 1 : 0, 0, 1 << 26, &out->pad_id},
    };
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        int status = read_number(path, root, &numbers[i], error);
        if (status != RECAP_OK) return status;
    }
    if (distilbert) out->n_types = 0;
    if (out->hidden % out->n_heads != 0)
        return fail(error, RECAP_ERROR_MODEL, "%s: \"%s\" %zu is no multiple of \"%s\" %zu", path,
                    names->hidden, out->hidden, names->heads, out->n_heads);
    out->first_position = roberta ? out->pad_id + 1 : 0;
    if (out->first_position >= out->n_positions)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: \"pad_token_id\" %zu leaves none of %zu positions for text", path,
                    out->pad_id, out->n_positions);
    return RECAP_OK;
}

/* ---- what would change the computation ---- */

static int read_variants(const char *path, const json_t *root, struct model_config *out,
                         recap_error *error)
{
    const char *positions;
    bool decoder;
    int status = json_get_string(path, root, "position_embedding_type", "absolute", &positions,
                                 error);
    if (status == RECAP_OK)
        status = json_get_bool(path, root, "is_decoder", false, &decoder, error);
    if (status == RECAP_OK)
        status = json_get_number(path, root, "layer_norm_eps", 1e-12, &out->epsilon, error);
    if (status != RECAP_OK) return status;
    if (strcmp(positions, "absolute") != 0)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: \"position_embedding_type\" is \"%.100s\"; only \"absolute\" is supported",
                    path, positions);
    if (decoder) return fail(error, RECAP_ERROR_MODEL, "%s: the model is a decoder", path);
    if (out->family == FAMILY_DISTILBERT) out->epsilon = 1e-12; /* fixed in that family */
    if (!(out->epsilon > 0 && out->epsilon < 1))
        return fail(error, RECAP_ERROR_MODEL, "%s: \"layer_norm_eps\" is %g; 0 to 1 is allowed",
                    path, out->epsilon);
    return RECAP_OK;
}

static int read_activation(const char *path, const json_t *root, struct model_config *out,
                           recap_error *error)
{
    const char *field = families[out->family].activation, *name;
    int status = json_get_string(path, root, field, "gelu", &name, error);
    if (status != RECAP_OK) return status;
    for (size_t i = 0; i < COUNT_OF(activations); i++) {
        if (strcmp(name, activations[i].name) != 0) continue;
        out->activation = activations[i].activation;
        out->activation_name = activations[i].name;
        return RECAP_OK;
    }
    return fail(
        error, RECAP_ERROR_MODEL,
        "%s: \"%s\" is \"%.100s\"; supported are gelu, gelu_new, gelu_pytorch_tanh and relu", path,
        field, name);
}

/* ---- labels ---- */

static int read_label(const char *path, const json_t *labels, size_t index, struct arena *arena,
                      const char **out, recap_error *error)
{
    char key[32];
    snprintf(key, sizeof key, "%zu", index);
    const json_t *label = json_object_get(labels, key);
    if (!json_is_string(label))
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: \"id2label\" has %zu entries, but none with the key \"%s\" and a string",
                    path, json_object_size(labels), key);
    *out = arena_copy(arena, json_string_value(label), strlen(json_string_value(label)));
    return *out ? RECAP_OK : fail_memory(error, json_string_length(label));
}

static int read_labels(const char *path, const json_t *root, struct arena *arena,
                       struct model_config *out, recap_error *error)
{
    const json_t *labels = json_object_get(root, "id2label");
    if (!labels || json_is_null(labels)) return RECAP_OK;
    if (!json_is_object(labels) || json_object_size(labels) == 0)
        return fail(error, RECAP_ERROR_MODEL, "%s: \"id2label\" must be an object with labels",
                    path);
    out->n_labels = json_object_size(labels);
    out->labels = arena_alloc(arena, out->n_labels, sizeof *out->labels);
    if (!out->labels) return fail_memory(error, out->n_labels * sizeof *out->labels);
    for (size_t i = 0; i < out->n_labels; i++) {
        int status = read_label(path, labels, i, arena, &out->labels[i], error);
        if (status != RECAP_OK) return status;
    }
    return RECAP_OK;
}

static int read_problem(const char *path, const json_t *root, struct model_config *out,
                        recap_error *error)
{
    const char *type;
    int status = json_get_string(path, root, "problem_type", NULL, &type, error);
    if (status != RECAP_OK || !type) return status;
    out->multi_label = strcmp(type, "multi_label_classification") == 0;
    if (out->multi_label || strcmp(type, "single_label_classification") == 0) return RECAP_OK;
    return fail(error, RECAP_ERROR_MODEL,
                "%s: \"problem_type\" is \"%.100s\"; supported are single_label_classification and "
                "multi_label_classification",
                path, type);
}

/* ---- the file ---- */

static int read_root(const char *path, const json_t *root, struct arena *arena,
                     struct model_config *out, recap_error *error)
{
    if (!json_is_object(root)) return fail(error, RECAP_ERROR_MODEL, "%s: not a JSON object", path);
    const char *name = "";
    int status = read_family(path, root, out, error);
    if (status == RECAP_OK) status = read_architecture(path, root, out, error);
    if (status == RECAP_OK) status = read_numbers(path, root, out, error);
    if (status == RECAP_OK) status = read_variants(path, root, out, error);
    if (status == RECAP_OK) status = read_activation(path, root, out, error);
    if (status == RECAP_OK && !(out->knows_head && !out->wants_head)) {
        status = read_labels(path, root, arena, out, error);
        if (status == RECAP_OK) status = read_problem(path, root, out, error);
    }
    if (status == RECAP_OK) status = json_get_string(path, root, "_name_or_path", "", &name, error);
    if (status != RECAP_OK) return status;
    out->name_or_path = arena_copy(arena, name, strlen(name));
    return out->name_or_path ? RECAP_OK : fail_memory(error, strlen(name));
}

int model_config_parse(const char *path, const char *data, size_t n, struct arena *arena,
                       struct model_config *out, recap_error *error)
{
    json_t *root;
    *out = (struct model_config){0};
    int status = json_parse(path, data, n, &root, error);
    if (status == RECAP_OK) {
        status = read_root(path, root, arena, out, error);
        json_decref(root);
    }
    return encoder_status(status, error);
}

int model_config_read(const char *path, struct arena *arena, struct model_config *out,
                      recap_error *error)
{
    struct buf data = {0};
    *out = (struct model_config){0};
    int status = encoder_status(file_read(path, 16 << 20, &data, error), error);
    if (status == RECAP_OK)
        status = model_config_parse(path, data.data ? data.data : "", data.n, arena, out, error);
    buf_free(&data);
    return status;
}
