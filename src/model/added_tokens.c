/* Added tokens: matched in the text itself, before the model sees it.
 *
 * At each place the longest one wins, from left to right. A match that doesn't count (a special
 * token where text is text, or a single_word inside a word) is passed over whole, as the reference
 * does. Tokens with `normalized` are looked for after the normalizer, by their normalized form. */
#include <stdlib.h>
#include <string.h>

#include "tokenizer_private.h"

int added_tokens_put(recap_tokenizer *tokenizer, const char *where, struct added_token token,
                     recap_error *error)
{
    struct added_tokens *added = &tokenizer->added;
    struct vocabulary *vocabulary = &tokenizer->vocabulary;
    if (token.content.n == 0) return RECAP_OK; /* the reference leaves it out as well */
    int32_t known = vocabulary_find(vocabulary, token.content.data, token.content.n);
    if (known >= 0 && known != token.id)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: added token \"%.80s\" has id %d, in the vocabulary it has %d", where,
                    token.content.data, token.id, known);
    if (known < 0 && (size_t)token.id < vocabulary->n && vocabulary->texts[token.id].data)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: added token \"%.80s\" has id %d, which is that of \"%.80s\"", where,
                    token.content.data, token.id, vocabulary->texts[token.id].data);
    if (known < 0) {
        int status = vocabulary_put(vocabulary, where, token.id, token.content.data,
                                    token.content.n, error);
        if (status != RECAP_OK) return status;
    }
    token.content = vocabulary->texts[token.id];
    if (token.special) vocabulary_mark_special(vocabulary, token.id);
    if (grow_array(&added->tokens, &added->capacity, added->n + 1, sizeof *added->tokens) !=
        RECAP_OK)
        return fail_memory(error, (added->n + 1) * sizeof *added->tokens);
    added->tokens[added->n++] = token;
    return RECAP_OK;
}

static int read_token(recap_tokenizer *tokenizer, const char *where, size_t index,
                      const json_t *object, recap_error *error)
{
    struct added_token token = {0};
    int64_t id;
    const char *content;
    int status = model_get_int(where, object, "id", -1, &id, error);
    if (status == RECAP_OK)
        status = model_get_string(where, object, "content", NULL, &content, error);
    if (status == RECAP_OK)
        status = model_get_bool(where, object, "single_word", false, &token.single_word, error);
    if (status == RECAP_OK)
        status = model_get_bool(where, object, "lstrip", false, &token.lstrip, error);
    if (status == RECAP_OK)
        status = model_get_bool(where, object, "rstrip", false, &token.rstrip, error);
    if (status == RECAP_OK)
        status = model_get_bool(where, object, "special", false, &token.special, error);
    if (status == RECAP_OK)
        status = model_get_bool(where, object, "normalized", !token.special, &token.normalized,
                                error);
    if (status != RECAP_OK) return status;
    if (!content || id < 0 || id >= max_tokens)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: added_tokens[%zu]: needs a content and an id of 0 to %d", where, index,
                    max_tokens - 1);
    token.id = (int32_t)id;
    token.content = view_of(content);
    return added_tokens_put(tokenizer, where, token, error);
}

int added_tokens_read(recap_tokenizer *tokenizer, const char *where, const json_t *array,
                      recap_error *error)
{
    if (!array || json_is_null(array)) return RECAP_OK;
    if (!json_is_array(array))
        return fail(error, RECAP_ERROR_MODEL, "%s: added_tokens must be a list", where);
    int status = RECAP_OK;
    for (size_t i = 0; i < json_array_size(array) && status == RECAP_OK; i++)
        status = read_token(tokenizer, where, i, json_array_get(array, i), error);
    return status;
}

/* The content as the normalizer makes it, kept in the arena. */
static int normalized_content(recap_tokenizer *tokenizer, struct tokenizer_work *work,
                              struct view *content, recap_error *error)
{
    buf_clear(&work->text);
    buf_add(&work->text, content->data, content->n);
    if (work->text.failed) return fail_memory(error, content->n);
    int status = normalizer_apply(&tokenizer->normalizer, work, error);
    if (status != RECAP_OK) return status;
    char *copy = arena_copy(&tokenizer->added.arena, work->text.data, work->text.n);
    if (!copy) return fail_memory(error, work->text.n);
    *content = (struct view){copy, work->text.n};
    return RECAP_OK;
}

static int build_trie(recap_tokenizer *tokenizer, struct tokenizer_work *work, bool normalized,
                      recap_error *error)
{
    struct added_tokens *added = &tokenizer->added;
    struct trie_key *keys = new_array(added->n, sizeof *keys);
    if (!keys) return fail_memory(error, added->n * sizeof *keys);
    size_t n = 0;
    int status = RECAP_OK;
    for (size_t i = 0; i < added->n && status == RECAP_OK; i++) {
        if (added->tokens[i].normalized != normalized) continue;
        struct view content = added->tokens[i].content;
        if (normalized) status = normalized_content(tokenizer, work, &content, error);
        if (status != RECAP_OK || content.n == 0) continue;
        added->begins[normalized][(unsigned char)content.data[0]] = true;
        keys[n++] = (struct trie_key){content.data, content.n, (int32_t)i};
    }
    if (status == RECAP_OK && n) status = trie_build(&added->tries[normalized], keys, n, error);
    free(keys);
    return status;
}

/* Of two tokens with the same normalized form the one with the lower id is taken: it must come
 * later, since of equal keys a trie takes the largest value. */
static int compare_ids(const void *left, const void *right)
{
    const struct added_token *a = left, *b = right;
    return (a->id < b->id) - (a->id > b->id);
}

int added_tokens_finish(recap_tokenizer *tokenizer, recap_error *error)
{
    struct added_tokens *added = &tokenizer->added;
    if (added->n) qsort(added->tokens, added->n, sizeof *added->tokens, compare_ids);
    struct tokenizer_work *work = work_lend(tokenizer->shelf);
    if (!work) return fail_memory(error, sizeof *work);
    int status = build_trie(tokenizer, work, false, error);
    if (status == RECAP_OK) status = build_trie(tokenizer, work, true, error);
    work_take_back(tokenizer->shelf, work);
    return status;
}

void added_tokens_free(struct added_tokens *added)
{
    trie_free(&added->tries[0]);
    trie_free(&added->tries[1]);
    free(added->tokens);
    arena_free(&added->arena);
    *added = (struct added_tokens){0};
}

/* The longest token at the start of text; *length is its bytes. */
static int32_t longest_at(const struct trie *trie, struct view text, size_t *length)
{
    int32_t node = 0, found = -1;
    for (size_t i = 0; i < text.n; i++) {
        node = trie_step(trie, node, (unsigned char)text.data[i]);
        if (node < 0) break;
        if (trie->units[node].value < 0) continue;
        found = trie->units[node].value;
        *length = i + 1;
    }
    return found;
}

/* The character that ends before `at`. */
static uint32_t char_before(struct view text, size_t at, size_t *begin)
{
    size_t i = at - 1;
    while (i > 0 && at - i < 4 && (text.data[i] & 0xC0) == 0x80) i--;
    *begin = i;
    return next_char(text.data, at, &i);
}

static bool stands_alone(struct view text, struct piece match)
{
    size_t i = match.end;
    if (i < text.n && char_is_word(next_char(text.data, text.n, &i))) return false;
    return match.begin == 0 || !char_is_word(char_before(text, match.begin, &i));
}

/* Takes the white space beside it, but none that a token before has taken. */
static void take_space(const struct added_token *token, struct added_walk *walk)
{
    struct piece *match = &walk->match;
    size_t next;
    while (token->lstrip && match->begin > walk->done &&
           char_is_space(char_before(walk->text, match->begin, &next)))
        match->begin = next;
    for (next = match->end; token->rstrip && next < walk->text.n; match->end = next)
        if (!char_is_space(next_char(walk->text.data, walk->text.n, &next))) break;
    if (match->begin < walk->done) match->begin = walk->done;
}

bool added_tokens_next(const struct added_tokens *added, struct added_walk *walk)
{
    const struct trie *trie = &added->tries[walk->normalized];
    const bool *begins = added->begins[walk->normalized];
    if (!trie->units) return false;
    while (walk->from < walk->text.n) {
        size_t begin = walk->from, length = 1;
        int32_t index = -1;
        if (begins[(unsigned char)walk->text.data[begin]])
            index = longest_at(trie, (struct view){walk->text.data + begin, walk->text.n - begin},
                               &length);
        walk->from += length;
        if (index < 0) {
            walk->from = begin + 1;
            continue;
        }
        const struct added_token *token = &added->tokens[index];
        walk->match = (struct piece){begin, begin + length};
        if (token->special && !walk->special) continue;
        if (token->single_word && !stands_alone(walk->text, walk->match)) continue;
        take_space(token, walk);
        walk->done = walk->match.end;
        walk->id = token->id;
        return true;
    }
    return false;
}
