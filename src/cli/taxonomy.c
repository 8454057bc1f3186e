/* A taxonomy file: YAML with a list "genres" of names. */
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "cli.h"

void taxonomy_free(char **names, size_t n)
{
    for (size_t i = 0; names && i < n; i++) free(names[i]);
    free(names);
}

static int take_names(const char *path, yaml_document_t *document, const yaml_node_t *list,
                      char ***names, size_t *n, recap_error *error)
{
    if (list->type != YAML_SEQUENCE_NODE)
        return fail(error, RECAP_ERROR_CONFIG, "%s: \"genres\" must be a list of names", path);
    size_t total = (size_t)(list->data.sequence.items.top - list->data.sequence.items.start);
    *names = new_zeroed(total, sizeof **names);
    if (!*names) return fail_memory(error, total);
    for (size_t i = 0; i < total; i++) {
        const yaml_node_t *item = yaml_document_get_node(document,
                                                         list->data.sequence.items.start[i]);
        if (!item || item->type != YAML_SCALAR_NODE || item->data.scalar.length == 0)
            return fail(error, RECAP_ERROR_CONFIG, "%s: genre %zu is not a name", path, i + 1);
        (*names)[i] = copy_bytes(item->data.scalar.value, item->data.scalar.length);
        if (!(*names)[i]) return fail_memory(error, total);
        *n = i + 1;
    }
    if (*n == 0) return fail(error, RECAP_ERROR_CONFIG, "%s: \"genres\" is empty", path);
    return RECAP_OK;
}

static int find_genres(const char *path, yaml_document_t *document, char ***names, size_t *n,
                       recap_error *error)
{
    const yaml_node_t *root = yaml_document_get_root_node(document);
    if (!root || root->type != YAML_MAPPING_NODE)
        return fail(error, RECAP_ERROR_CONFIG, "%s: a list \"genres\" is needed", path);
    for (const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
         pair < root->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(document, pair->key);
        if (key && key->type == YAML_SCALAR_NODE &&
            strcmp((const char *)key->data.scalar.value, "genres") == 0)
            return take_names(path, document, yaml_document_get_node(document, pair->value), names,
                              n, error);
    }
    return fail(error, RECAP_ERROR_CONFIG, "%s: a list \"genres\" is needed", path);
}

int taxonomy_read(const char *path, char ***names, size_t *n, recap_error *error)
{
    enum { size_limit = 1 << 20 };
    struct buf text = {0};
    yaml_parser_t parser;
    yaml_document_t document;
    *names = NULL;
    *n = 0;
    int status = file_read(path, size_limit, &text, error);
    if (status != RECAP_OK) {
        buf_free(&text);
        return status;
    }
    if (!yaml_parser_initialize(&parser)) {
        buf_free(&text);
        return fail_memory(error, sizeof parser);
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)(text.data ? text.data : ""),
                                 text.n);
    if (!yaml_parser_load(&parser, &document)) {
        status = fail(error, RECAP_ERROR_CONFIG, "%s: line %zu: not valid YAML: %s", path,
                      parser.problem_mark.line + 1, parser.problem ? parser.problem : "unknown");
    } else {
        status = find_genres(path, &document, names, n, error);
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    buf_free(&text);
    if (status != RECAP_OK) {
        taxonomy_free(*names, *n);
        *names = NULL;
        *n = 0;
    }
    return status;
}
