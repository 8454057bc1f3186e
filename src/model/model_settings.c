/* The files beside config.json: pooling, modules, lengths and the default prefix.
 *
 * Pooling: the folder that modules.json gives for its Pooling module, else 1_Pooling; without its
 * config.json the mean, which is what these families' embedders are trained with (pooling_from_file
 * says which it was).
 * Normalise: with modules.json, whether it lists a Normalize module; without one, yes.
 * Length: the least of what the position table, tokenizer_config.json's model_max_length and
 * sentence_bert_config.json's max_seq_length allow.
 * Prefix: recap.json's "default_prefix"; else "query: " where the model is an E5: "e5" stands as a
 * word of its own in the last part of the directory's path, in its hub cache's name or in
 * config.json's "_name_or_path", and "instruct" does not. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "model_private.h"

/* *out is NULL where there is no such file. */
static int read_optional(const char *directory, const char *name, json_t **out, recap_error *error)
{
    *out = NULL;
    if (!model_has_entry(directory, name)) return RECAP_OK;
    char *path = path_join(directory, name);
    if (!path) return fail_memory(error, strlen(name));
    int status = encoder_status(json_parse_file(path, out, error), error);
    free(path);
    return status;
}

/* ---- pooling ---- */

static const struct {
    const char *field, *name;
    recap_pooling pooling;
} modes[] = {
    {"pooling_mode_mean_tokens", "mean", RECAP_POOLING_MEAN},
    {"pooling_mode_cls_token", "cls", RECAP_POOLING_CLS},
    {"pooling_mode_max_tokens", "max", RECAP_POOLING_MAX},
    {"pooling_mode_lasttoken", "lasttoken", RECAP_POOLING_LAST},
    {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", RECAP_POOLING_MODEL},
    {"pooling_mode_weightedmean_tokens", "weightedmean", RECAP_POOLING_MODEL},
};

static int set_mode(const char *where, size_t mode, bool *found, struct model_settings *out,
                    recap_error *error)
{
    if (modes[mode].pooling == RECAP_POOLING_MODEL)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: pooling \"%s\"; supported are mean, cls, max and lasttoken", where,
                    modes[mode].name);
    if (*found)
        return fail(error, RECAP_ERROR_MODEL, "%s: more than one pooling mode is on", where);
    *found = true;
    out->pooling = modes[mode].pooling;
    return RECAP_OK;
}

static int read_modes(const char *where, const json_t *root, struct model_settings *out,
                      recap_error *error)
{
    bool found = false;
    const char *name;
    int status = json_get_string(where, root, "pooling_mode", NULL, &name, error);
    for (size_t i = 0; status == RECAP_OK && i < COUNT_OF(modes); i++) {
        bool on = false;
        status = json_get_bool(where, root, modes[i].field, false, &on, error);
        if (status == RECAP_OK && (on || (name && strcmp(name, modes[i].name) == 0)))
            status = set_mode(where, i, &found, out, error);
    }
    if (status == RECAP_OK && !found)
        status = fail(error, RECAP_ERROR_MODEL, "%s: no pooling mode is on", where);
    return status;
}

static int read_pooling_file(const char *where, const json_t *root, size_t hidden,
                             struct model_settings *out, recap_error *error)
{
    int64_t size;
    int status = json_get_int(where, root, "word_embedding_dimension", (int64_t)hidden, &size,
                              error);
    if (status == RECAP_OK && size != (int64_t)hidden)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: \"word_embedding_dimension\" is %lld; the model's vectors have %zu", where,
                    (long long)size, hidden);
    if (status == RECAP_OK) status = read_modes(where, root, out, error);
    out->pooling_from_file = status == RECAP_OK;
    return status;
}

static int read_pooling(const char *directory, const char *folder, size_t hidden,
                        struct model_settings *out, recap_error *error)
{
    out->pooling = RECAP_POOLING_MEAN;
    char *name = path_join(folder, "config.json"),
         *where = name ? path_join(directory, name) : NULL;
    json_t *root = NULL;
    int status = where ? read_optional(directory, name, &root, error)
                       : fail_memory(error, strlen(folder));
    if (status == RECAP_OK && root)
        status = encoder_status(read_pooling_file(where, root, hidden, out, error), error);
    json_decref(root);
    free(name);
    free(where);
    return status;
}

/* ---- modules ---- */

/* The last word of "sentence_transformers.models.Pooling". */
static const char *module_kind(const json_t *module)
{
    const char *type = json_string_value(json_object_get(module, "type"));
    const char *dot = type ? strrchr(type, '.') : NULL;
    return dot ? dot + 1 : type ? type : "";
}

static int read_module(const char *directory, const json_t *module, char **folder,
                       struct model_settings *out, recap_error *error)
{
    const char *kind = module_kind(module);
    const char *path = json_string_value(json_object_get(module, "path"));
    if (strcmp(kind, "Transformer") == 0) return RECAP_OK;
    if (strcmp(kind, "Normalize") == 0) {
        out->normalize = true;
        return RECAP_OK;
    }
    if (strcmp(kind, "Pooling") != 0)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s/modules.json: module \"%.100s\"; supported are Transformer, Pooling and "
                    "Normalize",
                    directory, kind);
    if (!path || !*path) return RECAP_OK;
    if (strchr(path, '/') || path[0] == '.')
        return fail(error, RECAP_ERROR_MODEL, "%s/modules.json: \"%.100s\" is no plain folder name",
                    directory, path);
    free(*folder);
    *folder = copy_string(path);
    return *folder ? RECAP_OK : fail_memory(error, strlen(path));
}

/* *folder is where the pooling lies; the caller frees it. */
static int read_modules(const char *directory, char **folder, struct model_settings *out,
                        recap_error *error)
{
    json_t *root;
    *folder = copy_string("1_Pooling");
    if (!*folder) return fail_memory(error, 16);
    int status = read_optional(directory, "modules.json", &root, error);
    out->normalize = root == NULL;
    for (size_t i = 0; status == RECAP_OK && i < json_array_size(root); i++)
        status = read_module(directory, json_array_get(root, i), folder, out, error);
    json_decref(root);
    return status;
}

/* ---- lengths ---- */

/* Lowers *length to the number in the file; absent, null and huge (1e30) mean no limit. */
static int limit_length(const char *directory, const char *file, const char *field, size_t *length,
                        recap_error *error)
{
    json_t *root;
    double value = 0;
    int status = read_optional(directory, file, &root, error);
    if (status == RECAP_OK && root)
        status = encoder_status(json_get_number(file, root, field, 1e30, &value, error), error);
    if (status == RECAP_OK && root && value < 2)
        status = fail(error, RECAP_ERROR_MODEL, "%s/%s: \"%s\" is %g; at least 2 is needed",
                      directory, file, field, value);
    if (status == RECAP_OK && root && value < (double)*length) *length = (size_t)value;
    json_decref(root);
    return status;
}

/* ---- prefix ---- */

/* Is `word` in `text`, between characters that are neither letters nor digits? */
static bool has_word(const char *text, size_t n, const char *word)
{
    size_t length = strlen(word);
    for (size_t i = 0; i + length <= n; i++) {
        if (strncasecmp(text + i, word, length) != 0) continue;
        bool starts = i == 0 || !isalnum((unsigned char)text[i - 1]);
        bool ends = i + length == n || !isalnum((unsigned char)text[i + length]);
        if (starts && ends) return true;
    }
    return false;
}

static bool is_e5(const char *name, size_t n)
{
    return has_word(name, n, "e5") && !has_word(name, n, "instruct");
}

/* Looks at the last part of the path, and at a part that a hub cache made ("models--org--name"). */
static bool path_is_e5(const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    size_t begin = n;
    while (begin > 0 && path[begin - 1] != '/') begin--;
    if (is_e5(path + begin, n - begin)) return true;
    const char *cache = strstr(path, "models--");
    return cache && is_e5(cache, strcspn(cache, "/"));
}

static bool directory_is_e5(const char *given)
{
    if (path_is_e5(given)) return true;
    char *full = realpath(given, NULL);
    bool found = full && path_is_e5(full);
    free(full);
    return found;
}

static int read_prefix(const char *given, const char *directory, const struct model_config *config,
                       struct arena *arena, struct model_settings *out, recap_error *error)
{
    json_t *root;
    const char *prefix = NULL;
    int status = read_optional(directory, "recap.json", &root, error);
    if (status == RECAP_OK && root)
        status = encoder_status(
            json_get_string("recap.json", root, "default_prefix", NULL, &prefix, error), error);
    if (status == RECAP_OK && !prefix) {
        bool e5 = directory_is_e5(given) ||
                  is_e5(config->name_or_path, strlen(config->name_or_path));
        prefix = e5 ? "query: " : "";
    }
    if (status == RECAP_OK && !(out->default_prefix = arena_copy(arena, prefix, strlen(prefix))))
        status = fail_memory(error, strlen(prefix));
    json_decref(root);
    return status;
}

/* ---- all ---- */

int model_settings_read(const char *given, const char *directory, const struct model_config *config,
                        struct arena *arena, struct model_settings *out, recap_error *error)
{
    char *folder;
    *out = (struct model_settings){.max_length = config->n_positions - config->first_position};
    int status = read_modules(directory, &folder, out, error);
    if (status == RECAP_OK) status = read_pooling(directory, folder, config->hidden, out, error);
    free(folder);
    if (status == RECAP_OK)
        status = limit_length(directory, "tokenizer_config.json", "model_max_length",
                              &out->max_length, error);
    if (status == RECAP_OK)
        status = limit_length(directory, "sentence_bert_config.json", "max_seq_length",
                              &out->max_length, error);
    if (status == RECAP_OK) status = read_prefix(given, directory, config, arena, out, error);
    return status;
}

/* ---- hub caches ---- */

static int read_reference(const char *path, struct buf *out, recap_error *error)
{
    int status = encoder_status(file_read(path, 4096, out, error), error);
    if (status != RECAP_OK) return status;
    while (out->n > 0 && isspace((unsigned char)out->data[out->n - 1])) out->data[--out->n] = '\0';
    if (out->n == 0 || strchr(out->data, '/') || out->data[0] == '.')
        return fail(error, RECAP_ERROR_MODEL, "%s: names no snapshot", path);
    return RECAP_OK;
}

static int resolve_reference(const char *directory, const char *reference, char **out,
                             recap_error *error)
{
    struct buf name = {0}, path = {0};
    int status = read_reference(reference, &name, error);
    if (status == RECAP_OK) {
        buf_printf(&path, "%s/snapshots/%s", directory, name.data);
        if (!path.failed && !path_is_directory(path.data))
            status = fail(error, RECAP_ERROR_MODEL,
                          "%s: names the snapshot %.100s, which is not "
                          "there",
                          reference, name.data);
        else if (!(*out = buf_take(&path, NULL)))
            status = fail_memory(error, strlen(directory));
    }
    buf_free(&name);
    buf_free(&path);
    return status;
}

int model_resolve_directory(const char *directory, char **out, recap_error *error)
{
    *out = NULL;
    if (!path_is_directory(directory))
        return fail(error, RECAP_ERROR_MODEL, "%s: no such directory", directory);
    char *reference = path_join(directory, "refs/main");
    int status = RECAP_OK;
    if (!reference)
        status = fail_memory(error, strlen(directory));
    else if (!model_has_entry(directory, "config.json") && path_exists(reference))
        status = resolve_reference(directory, reference, out, error);
    else if (!(*out = copy_string(directory)))
        status = fail_memory(error, strlen(directory));
    free(reference);
    return status;
}
