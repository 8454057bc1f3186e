/* WordPiece: from the left, always the longest token that fits; inside a word with the prefix. A
 * word that can't be covered, or is too long, is one unknown token. */
#include <stdlib.h>
#include <string.h>

#include "tokenizer_private.h"

int wordpiece_set(recap_tokenizer *tokenizer, const char *where, const char *unknown,
                  const char *prefix, recap_error *error)
{
    struct wordpiece *wordpiece = &tokenizer->wordpiece;
    wordpiece->unknown = vocabulary_find(&tokenizer->vocabulary, unknown, strlen(unknown));
    if (wordpiece->unknown < 0)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: the unknown token \"%.60s\" is not in the "
                    "vocabulary",
                    where, unknown);
    wordpiece->continuing = trie_node(&tokenizer->vocabulary.trie, prefix, strlen(prefix));
    tokenizer->model = MODEL_WORDPIECE;
    tokenizer->kind = "wordpiece";
    return RECAP_OK;
}

int wordpiece_read(recap_tokenizer *tokenizer, const char *where, const json_t *model,
                   recap_error *error)
{
    const char *unknown, *prefix;
    int64_t longest;
    int status = vocabulary_read(&tokenizer->vocabulary, where, json_object_get(model, "vocab"),
                                 error);
    if (status == RECAP_OK)
        status = model_get_string(where, model, "unk_token", "[UNK]", &unknown, error);
    if (status == RECAP_OK)
        status = model_get_string(where, model, "continuing_subword_prefix", "##", &prefix, error);
    if (status == RECAP_OK)
        status = model_get_int(where, model, "max_input_chars_per_word", 100, &longest, error);
    if (status != RECAP_OK) return status;
    if (longest < 1 || longest > 1000000)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: max_input_chars_per_word is %lld; must be 1 to 1000000", where,
                    (long long)longest);
    tokenizer->wordpiece.max_characters = (size_t)longest;
    return wordpiece_set(tokenizer, where, unknown, prefix, error);
}

/* The longest token at the start of text, from the trie's node `at`; *end gets its length. */
static int32_t longest_token(const struct trie *trie, int32_t at, struct view text, bool special,
                             size_t *end)
{
    int32_t found = -1;
    for (size_t i = 0; i < text.n && at >= 0; i++) {
        at = trie_step(trie, at, (unsigned char)text.data[i]);
        if (at < 0) break;
        int32_t id = id_of_value(trie->units[at].value, special);
        /* Only whole characters: a token may be any bytes of the file. */
        if (id < 0 || (i + 1 < text.n && (text.data[i + 1] & 0xC0) == 0x80)) continue;
        found = id;
        *end = i + 1;
    }
    return found;
}

static int each_character(const recap_tokenizer *tokenizer, struct view piece, bool special,
                          recap_tokens *out, recap_error *error)
{
    int status = RECAP_OK;
    for (size_t i = 0; i < piece.n && status == RECAP_OK;) {
        size_t begin = i;
        next_char(piece.data, piece.n, &i);
        int32_t id = id_of_value(
            trie_find(&tokenizer->vocabulary.trie, piece.data + begin, i - begin), special);
        status = tokens_add(out, id < 0 ? tokenizer->wordpiece.unknown : id, error);
    }
    return status;
}

int wordpiece_apply(const recap_tokenizer *tokenizer, struct view piece, bool special,
                    recap_tokens *out, recap_error *error)
{
    const struct wordpiece *wordpiece = &tokenizer->wordpiece;
    if (wordpiece->characters) return each_character(tokenizer, piece, special, out, error);
    size_t first = out->n, done = 0;
    bool covered = piece.n <= wordpiece->max_characters ||
                   utf8_count(piece.data, piece.n) <= wordpiece->max_characters;
    while (covered && done < piece.n) {
        struct view rest = {piece.data + done, piece.n - done};
        int32_t node = done == 0 ? 0 : wordpiece->continuing;
        size_t length = 0;
        int32_t id = longest_token(&tokenizer->vocabulary.trie, node, rest, special, &length);
        covered = id >= 0;
        if (!covered) break;
        int status = tokens_add(out, id, error);
        if (status != RECAP_OK) return status;
        done += length;
    }
    if (covered) return RECAP_OK;
    out->n = first;
    return tokens_add(out, wordpiece->unknown, error);
}
