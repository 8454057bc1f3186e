/* Unigram: the best path through the tokens of a piece, by the sum of their log probabilities.
 *
 * Forward over the bytes: nodes[i] keeps the best score of a path that ends at byte i and where its
 * last token starts; then back from the end. A character with no token of its own can be passed as
 * unknown. Strictly better replaces, so of equal paths the first found stays. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tokenizer_private.h"

static const double unknown_penalty = 10.0;

static int read_entry(recap_tokenizer *tokenizer, const char *where, size_t id, const json_t *entry,
                      double *lowest, recap_error *error)
{
    const json_t *token = json_array_get(entry, 0), *score = json_array_get(entry, 1);
    if (json_array_size(entry) != 2 || !json_is_string(token) || !json_is_number(score))
        return fail(error, RECAP_ERROR_MODEL, "%s: vocab[%zu] must be [token, score]", where, id);
    double value = json_number_value(score);
    if (!isfinite(value))
        return fail(error, RECAP_ERROR_MODEL, "%s: vocab[%zu]: score is not finite", where, id);
    if (value < *lowest) *lowest = value;
    tokenizer->unigram.scores[id] = value;
    return vocabulary_put(&tokenizer->vocabulary, where, (int64_t)id, json_string_value(token),
                          json_string_length(token), error);
}

static int read_vocab(recap_tokenizer *tokenizer, const char *where, const json_t *list,
                      recap_error *error)
{
    size_t n = json_array_size(list);
    if (n == 0 || n > max_tokens)
        return fail(error, RECAP_ERROR_MODEL, "%s: vocab must be a list of 1 to %d [token, score]",
                    where, max_tokens);
    struct unigram *unigram = &tokenizer->unigram;
    unigram->scores = new_array(n, sizeof *unigram->scores);
    if (!unigram->scores) return fail_memory(error, n * sizeof *unigram->scores);
    double lowest = DBL_MAX;
    for (size_t id = 0; id < n; id++) {
        int status = read_entry(tokenizer, where, id, json_array_get(list, id), &lowest, error);
        if (status != RECAP_OK) return status;
    }
    unigram->unknown_score = lowest - unknown_penalty;
    return vocabulary_finish(&tokenizer->vocabulary, error);
}

int unigram_read(recap_tokenizer *tokenizer, const char *where, const json_t *model,
                 recap_error *error)
{
    struct unigram *unigram = &tokenizer->unigram;
    int64_t unknown;
    int status = read_vocab(tokenizer, where, json_object_get(model, "vocab"), error);
    if (status == RECAP_OK)
        status = model_get_bool(where, model, "byte_fallback", false, &unigram->byte_fallback,
                                error);
    if (status == RECAP_OK) status = model_get_int(where, model, "unk_id", -1, &unknown, error);
    if (status != RECAP_OK) return status;
    if (unknown < 0 || (size_t)unknown >= tokenizer->vocabulary.n)
        return fail(error, RECAP_ERROR_MODEL, "%s: unk_id %lld; must be 0 to %zu", where,
                    (long long)unknown, tokenizer->vocabulary.n - 1);
    unigram->unknown = (int32_t)unknown;
    byte_tokens(&tokenizer->vocabulary, unigram->bytes);
    tokenizer->model = MODEL_UNIGRAM;
    tokenizer->kind = "unigram";
    return RECAP_OK;
}

static void reach(struct unigram_node *node, double score, size_t start, int32_t id)
{
    if (node->start >= 0 && score <= node->score) return;
    *node = (struct unigram_node){score, id, (int32_t)start};
}

static size_t character_bytes(unsigned char first)
{
    return first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

static void forward(const recap_tokenizer *tokenizer, struct unigram_node *nodes, struct view piece,
                    bool special)
{
    const struct trie *trie = &tokenizer->vocabulary.trie;
    const struct unigram *unigram = &tokenizer->unigram;
    for (size_t start = 0; start < piece.n;) {
        double so_far = nodes[start].score;
        size_t one = character_bytes((unsigned char)piece.data[start]);
        if (one > piece.n - start) one = piece.n - start;
        bool single = false;
        int32_t at = 0;
        for (size_t i = start; i < piece.n; i++) {
            at = trie_step(trie, at, (unsigned char)piece.data[i]);
            if (at < 0) break;
            int32_t id = id_of_value(trie->units[at].value, special);
            if (id < 0) continue;
            reach(&nodes[i + 1], unigram->scores[id] + so_far, start, id);
            if (i + 1 - start == one) single = true;
        }
        if (!single)
            reach(&nodes[start + one], unigram->unknown_score + so_far, start, unigram->unknown);
        start += one;
    }
}

/* The text of unknown tokens in a row, taken as one. */
static int add_unknown(const recap_tokenizer *tokenizer, struct view text, bool special,
                       recap_tokens *out, recap_error *error)
{
    const struct unigram *unigram = &tokenizer->unigram;
    int32_t id = id_of_value(trie_find(&tokenizer->vocabulary.trie, text.data, text.n), special);
    if (id >= 0) return tokens_add(out, id, error);
    bool all = unigram->byte_fallback;
    for (size_t i = 0; i < text.n && all; i++)
        all = unigram->bytes[(unsigned char)text.data[i]] >= 0;
    if (!all) return tokens_add(out, unigram->unknown, error);
    int status = RECAP_OK;
    for (size_t i = 0; i < text.n && status == RECAP_OK; i++)
        status = tokens_add(out, unigram->bytes[(unsigned char)text.data[i]], error);
    return status;
}

/* Turns the links round, so that the path can be read from the start: nodes[s].start becomes the
 * end of the token that starts at s, and nodes[s].id its id. */
static void turn_round(struct unigram_node *nodes, size_t n)
{
    int32_t end = (int32_t)n, id = nodes[n].id, start = nodes[n].start;
    while (end > 0) {
        struct unigram_node before = nodes[start];
        nodes[start].start = end;
        nodes[start].id = id;
        end = start;
        start = before.start;
        id = before.id;
    }
}

int unigram_apply(const recap_tokenizer *tokenizer, struct tokenizer_work *work, struct view piece,
                  bool special, recap_tokens *out, recap_error *error)
{
    if (grow_array(&work->nodes, &work->nodes_capacity, piece.n + 1, sizeof *work->nodes) !=
        RECAP_OK)
        return fail_memory(error, (piece.n + 1) * sizeof *work->nodes);
    struct unigram_node *nodes = work->nodes;
    for (size_t i = 0; i <= piece.n; i++) nodes[i] = (struct unigram_node){0, 0, -1};
    forward(tokenizer, nodes, piece, special);
    turn_round(nodes, piece.n);
    int status = RECAP_OK;
    for (size_t i = 0; i < piece.n && status == RECAP_OK;) {
        size_t begin = i;
        int32_t id = nodes[i].id;
        while (i < piece.n && nodes[i].id == tokenizer->unigram.unknown) i = (size_t)nodes[i].start;
        if (i > begin) {
            struct view run = {piece.data + begin, i - begin};
            status = add_unknown(tokenizer, run, special, out, error);
        } else {
            i = (size_t)nodes[i].start;
            status = tokens_add(out, id, error);
        }
    }
    return status;
}
