/* tokenizer.json: its parts in the order in which they depend on each other.
 *
 *   model, added_tokens, normalizer, pre_tokenizer, post_processor
 *
 * `truncation` and `padding` are left alone (the limit comes from the caller), and so is `decoder`.
 * What isn't known is refused by its name: a wrong id would go unseen. */
#include <stdlib.h>
#include <string.h>

#include "tokenizer_private.h"

/* ---- JSON with the model's error code ---- */

int model_status(int status, recap_error *error)
{
    if (status != RECAP_ERROR_INPUT) return status;
    if (error) error->code = RECAP_ERROR_MODEL;
    return RECAP_ERROR_MODEL;
}

int model_get_bool(const char *where, const json_t *object, const char *name, bool otherwise,
                   bool *out, recap_error *error)
{
    return model_status(json_get_bool(where, object, name, otherwise, out, error), error);
}

int model_get_int(const char *where, const json_t *object, const char *name, int64_t otherwise,
                  int64_t *out, recap_error *error)
{
    return model_status(json_get_int(where, object, name, otherwise, out, error), error);
}

int model_get_string(const char *where, const json_t *object, const char *name,
                     const char *otherwise, const char **out, recap_error *error)
{
    return model_status(json_get_string(where, object, name, otherwise, out, error), error);
}

int model_read_part(const char *where, const json_t *object, const char *part, const char *list,
                    part_fn read, void *target, recap_error *error)
{
    if (!object || json_is_null(object)) return RECAP_OK;
    const char *type = NULL;
    int status = json_is_object(object)
                     ? model_get_string(where, object, "type", NULL, &type, error)
                     : RECAP_OK;
    if (status != RECAP_OK) return status;
    if (!type) return fail(error, RECAP_ERROR_MODEL, "%s: %s without a type", where, part);
    if (strcmp(type, "Sequence") != 0) return read(target, where, object, type, error);
    const json_t *members = json_object_get(object, list);
    if (!json_is_array(members))
        return fail(error, RECAP_ERROR_MODEL, "%s: \"%s\" must be a list", where, list);
    for (size_t i = 0; i < json_array_size(members) && status == RECAP_OK; i++)
        status = model_read_part(where, json_array_get(members, i), part, list, read, target,
                                 error);
    return status;
}

/* ---- post-processors: ids before and after the text ---- */

struct around {
    recap_tokenizer *tokenizer;
    const char *where;
    recap_error *error;
};

static int check_id(const struct around *around, int64_t id)
{
    if (id >= 0 && id < max_tokens) return RECAP_OK;
    return fail(around->error, RECAP_ERROR_MODEL, "%s: post_processor: id %lld; must be 0 to %d",
                around->where, (long long)id, max_tokens - 1);
}

/* Outermost: in front of all that is before, or behind all that is after. */
static int add_around(const struct around *around, bool after, const int32_t *ids, size_t n)
{
    recap_tokenizer *tokenizer = around->tokenizer;
    int32_t **list = after ? &tokenizer->after : &tokenizer->before;
    size_t *count = after ? &tokenizer->n_after : &tokenizer->n_before;
    int32_t *grown = new_array(*count + n, sizeof *grown);
    if (!grown) return fail_memory(around->error, (*count + n) * sizeof *grown);
    size_t offset = after ? *count : 0;
    for (size_t i = 0; i < *count; i++) grown[after ? i : n + i] = (*list)[i];
    for (size_t i = 0; i < n; i++) grown[offset + i] = ids[i];
    free(*list);
    *list = grown;
    *count += n;
    return RECAP_OK;
}

/* "sep": ["[SEP]", 102] of BertProcessing and RobertaProcessing. */
static int read_pair(const struct around *around, const json_t *object, const char *name,
                     bool after)
{
    const json_t *id = json_array_get(json_object_get(object, name), 1);
    if (!json_is_integer(id))
        return fail(around->error, RECAP_ERROR_MODEL,
                    "%s: post_processor: \"%s\" must be [token, id]", around->where, name);
    int64_t value = json_integer_value(id);
    int status = check_id(around, value);
    return status == RECAP_OK ? add_around(around, after, &(int32_t){(int32_t)value}, 1) : status;
}

static int check_type_id(const struct around *around, const json_t *piece)
{
    int64_t type;
    int status = model_get_int(around->where, piece, "type_id", 0, &type, around->error);
    if (status != RECAP_OK || type == 0) return status;
    return fail(around->error, RECAP_ERROR_MODEL,
                "%s: post_processor: type_id %lld for a single text; only 0 is supported",
                around->where, (long long)type);
}

/* The ids of special token `name`, behind what the list has. */
static int append_special(const struct around *around, const json_t *specials, const char *name,
                          struct recap_tokens *list)
{
    const json_t *ids = json_object_get(json_object_get(specials, name), "ids");
    if (!json_is_array(ids))
        return fail(around->error, RECAP_ERROR_MODEL,
                    "%s: post_processor: special token \"%.60s\" without ids", around->where, name);
    int status = RECAP_OK;
    for (size_t i = 0; i < json_array_size(ids) && status == RECAP_OK; i++) {
        const json_t *id = json_array_get(ids, i);
        status = check_id(around, json_is_integer(id) ? json_integer_value(id) : -1);
        if (status == RECAP_OK)
            status = tokens_add(list, (int32_t)json_integer_value(id), around->error);
    }
    return status;
}

static int read_template_piece(const struct around *around, const json_t *specials,
                               const json_t *piece, bool *seen, struct recap_tokens lists[2])
{
    const json_t *special = json_object_get(piece, "SpecialToken");
    const json_t *sequence = json_object_get(piece, "Sequence");
    int status = check_type_id(around, special ? special : sequence);
    if (status != RECAP_OK) return status;
    const char *name;
    status = model_get_string(around->where, special ? special : sequence, "id", "", &name,
                              around->error);
    if (status != RECAP_OK) return status;
    if (special) return append_special(around, specials, name, &lists[*seen]);
    if (!sequence || strcmp(name, "A") != 0 || *seen)
        return fail(around->error, RECAP_ERROR_MODEL,
                    "%s: post_processor: the template of a single text must have sequence A once",
                    around->where);
    *seen = true;
    return RECAP_OK;
}

static int read_template(const struct around *around, const json_t *object)
{
    const json_t *single = json_object_get(object, "single");
    const json_t *specials = json_object_get(object, "special_tokens");
    struct recap_tokens lists[2] = {{0}, {0}};
    bool seen = false;
    int status = RECAP_OK;
    if (!json_is_array(single))
        return fail(around->error, RECAP_ERROR_MODEL,
                    "%s: post_processor: \"single\" must be a list", around->where);
    for (size_t i = 0; i < json_array_size(single) && status == RECAP_OK; i++)
        status = read_template_piece(around, specials, json_array_get(single, i), &seen, lists);
    if (status == RECAP_OK && !seen)
        status = fail(around->error, RECAP_ERROR_MODEL,
                      "%s: post_processor: the template of a single text has no sequence A",
                      around->where);
    if (status == RECAP_OK) status = add_around(around, false, lists[0].ids, lists[0].n);
    if (status == RECAP_OK) status = add_around(around, true, lists[1].ids, lists[1].n);
    recap_free_tokens(&lists[0]);
    recap_free_tokens(&lists[1]);
    return status;
}

static int read_post(void *target, const char *where, const json_t *object, const char *type,
                     recap_error *error)
{
    const struct around around = {target, where, error};
    if (strcmp(type, "ByteLevel") == 0) return RECAP_OK; /* offsets only */
    if (strcmp(type, "TemplateProcessing") == 0) return read_template(&around, object);
    if (strcmp(type, "BertProcessing") != 0 && strcmp(type, "RobertaProcessing") != 0)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: post_processor of type \"%.60s\" is not supported", where, type);
    int status = read_pair(&around, object, "cls", false);
    return status == RECAP_OK ? read_pair(&around, object, "sep", true) : status;
}

/* ---- the model ---- */

/* Old files leave the type out. */
static const char *guess_type(const json_t *model)
{
    if (json_object_get(model, "merges")) return "BPE";
    if (json_is_array(json_object_get(model, "vocab"))) return "Unigram";
    return json_object_get(model, "max_input_chars_per_word") ? "WordPiece" : "none";
}

static int read_model(recap_tokenizer *tokenizer, const char *where, const json_t *model,
                      recap_error *error)
{
    const char *type;
    if (!json_is_object(model))
        return fail(error, RECAP_ERROR_MODEL, "%s: \"model\" is missing or no object", where);
    int status = model_get_string(where, model, "type", guess_type(model), &type, error);
    if (status != RECAP_OK) return status;
    if (strcmp(type, "Unigram") == 0) return unigram_read(tokenizer, where, model, error);
    if (strcmp(type, "WordPiece") == 0) return wordpiece_read(tokenizer, where, model, error);
    if (strcmp(type, "BPE") == 0) return bpe_read(tokenizer, where, model, error);
    return fail(error, RECAP_ERROR_MODEL,
                "%s: model of type \"%.60s\" is not supported (Unigram, WordPiece and BPE are)",
                where, type);
}

static int read_parts(recap_tokenizer *tokenizer, const char *where, const json_t *root,
                      recap_error *error)
{
    if (!json_is_object(root))
        return fail(error, RECAP_ERROR_MODEL, "%s: must be a JSON object", where);
    int status = read_model(tokenizer, where, json_object_get(root, "model"), error);
    if (status == RECAP_OK)
        status = added_tokens_read(tokenizer, where, json_object_get(root, "added_tokens"), error);
    if (status == RECAP_OK)
        status = normalizer_read(&tokenizer->normalizer, where, json_object_get(root, "normalizer"),
                                 error);
    if (status == RECAP_OK)
        status = pretokenizer_read(&tokenizer->pretokenizer, where,
                                   json_object_get(root, "pre_tokenizer"), error);
    if (status == RECAP_OK)
        status = model_read_part(where, json_object_get(root, "post_processor"), "post_processor",
                                 "processors", read_post, tokenizer, error);
    return status;
}

int tokenizer_json_read(recap_tokenizer *tokenizer, const char *path, recap_error *error)
{
    json_t *root = NULL;
    int status = model_status(json_parse_file(path, &root, error), error);
    if (status == RECAP_OK) status = read_parts(tokenizer, path, root, error);
    json_decref(root);
    return status;
}
