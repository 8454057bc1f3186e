/* Tokens and their ids, both ways. */
#include <stdlib.h>

#include "tokenizer_private.h"

int vocabulary_put(struct vocabulary *vocabulary, const char *where, int64_t id, const char *text,
                   size_t n, recap_error *error)
{
    if (id < 0 || id >= max_tokens)
        return fail(error, RECAP_ERROR_MODEL, "%s: token \"%.*s\" has id %lld; must be 0 to %d",
                    where, (int)(n < 80 ? n : 80), text, (long long)id, max_tokens - 1);
    size_t wanted = (size_t)id + 1;
    if (grow_array(&vocabulary->texts, &vocabulary->capacity, wanted, sizeof *vocabulary->texts) !=
        RECAP_OK)
        return fail_memory(error, wanted * sizeof *vocabulary->texts);
    while (vocabulary->n < wanted) vocabulary->texts[vocabulary->n++] = (struct view){NULL, 0};
    char *copy = arena_copy(&vocabulary->arena, text, n);
    if (!copy) return fail_memory(error, n);
    vocabulary->texts[id] = (struct view){copy, n};
    return RECAP_OK;
}

int vocabulary_finish(struct vocabulary *vocabulary, recap_error *error)
{
    struct trie_key *keys = new_array(vocabulary->n, sizeof *keys);
    if (!keys) return fail_memory(error, vocabulary->n * sizeof *keys);
    size_t n = 0;
    for (size_t id = 0; id < vocabulary->n; id++) {
        struct view text = vocabulary->texts[id];
        if (text.data) keys[n++] = (struct trie_key){text.data, text.n, (int32_t)id};
    }
    trie_free(&vocabulary->trie);
    int status = trie_build(&vocabulary->trie, keys, n, error);
    free(keys);
    return status;
}

int vocabulary_read(struct vocabulary *vocabulary, const char *where, const json_t *object,
                    recap_error *error)
{
    if (!json_is_object(object) || json_object_size(object) == 0)
        return fail(error, RECAP_ERROR_MODEL, "%s: vocab must be an object of tokens", where);
    const char *token;
    json_t *id;
    void *walk = json_object_iter((json_t *)object);
    for (; walk; walk = json_object_iter_next((json_t *)object, walk)) {
        token = json_object_iter_key(walk);
        id = json_object_iter_value(walk);
        if (!json_is_integer(id))
            return fail(error, RECAP_ERROR_MODEL, "%s: vocab: the id of \"%.80s\" is no integer",
                        where, token);
        size_t n = json_object_iter_key_len(walk);
        int status = vocabulary_put(vocabulary, where, json_integer_value(id), token, n, error);
        if (status != RECAP_OK) return status;
    }
    return vocabulary_finish(vocabulary, error);
}

void vocabulary_mark_special(struct vocabulary *vocabulary, int32_t id)
{
    struct view text = vocabulary->texts[id];
    int32_t node = text.data ? trie_node(&vocabulary->trie, text.data, text.n) : -1;
    if (node > 0 && vocabulary->trie.units[node].value == id)
        vocabulary->trie.units[node].value |= special_flag;
}

void vocabulary_free(struct vocabulary *vocabulary)
{
    trie_free(&vocabulary->trie);
    free(vocabulary->texts);
    arena_free(&vocabulary->arena);
    *vocabulary = (struct vocabulary){0};
}

int32_t vocabulary_find(const struct vocabulary *vocabulary, const char *text, size_t n)
{
    return id_of_value(trie_find(&vocabulary->trie, text, n), true);
}

void byte_tokens(const struct vocabulary *vocabulary, int32_t bytes[256])
{
    for (int i = 0; i < 256; i++) {
        char name[8];
        int n = snprintf(name, sizeof name, "<0x%02X>", i);
        bytes[i] = vocabulary_find(vocabulary, name, (size_t)n);
    }
}
