/* Byte-pair encoding: the characters of a piece, merged pair by pair in the order of the merges.
 *
 * Symbols form a linked list; a heap gives the pair with the lowest rank, leftmost first. An entry
 * whose pair has changed since is dropped when it comes up. n log n in the length of the piece. */
#include <stdlib.h>
#include <string.h>

#include "tokenizer_private.h"

/* ---- reading ---- */

static size_t slot_of(const struct bpe *bpe, uint64_t pair)
{
    uint64_t mixed = pair * 0x9E3779B97F4A7C15u;
    return (size_t)(mixed ^ mixed >> 32) & (bpe->n_slots - 1);
}

static struct bpe_merge *find_slot(const struct bpe *bpe, uint64_t pair)
{
    size_t slot = slot_of(bpe, pair);
    while (bpe->merges[slot].pair != pair && bpe->merges[slot].pair != UINT64_MAX)
        slot = (slot + 1) & (bpe->n_slots - 1);
    return &bpe->merges[slot];
}

static const struct bpe_merge *find_merge(const struct bpe *bpe, int32_t left, int32_t right)
{
    const struct bpe_merge *merge = find_slot(bpe,
                                              (uint64_t)(uint32_t)left << 32 | (uint32_t)right);
    return merge->pair == UINT64_MAX ? NULL : merge;
}

/* "a b" or ["a", "b"]. */
static bool merge_sides(const json_t *entry, struct view *left, struct view *right)
{
    const json_t *a = json_array_get(entry, 0), *b = json_array_get(entry, 1);
    if (json_array_size(entry) == 2 && json_is_string(a) && json_is_string(b)) {
        *left = (struct view){json_string_value(a), json_string_length(a)};
        *right = (struct view){json_string_value(b), json_string_length(b)};
        return true;
    }
    if (!json_is_string(entry)) return false;
    const char *text = json_string_value(entry), *space = strchr(text, ' ');
    if (!space || strchr(space + 1, ' ')) return false;
    *left = (struct view){text, (size_t)(space - text)};
    *right = view_of(space + 1);
    return true;
}

static int fail_merge(recap_error *error, const char *where, size_t rank, struct view token)
{
    return fail(error, RECAP_ERROR_MODEL, "%s: merges[%zu]: \"%.*s\" is not in the vocabulary",
                where, rank, (int)(token.n < 80 ? token.n : 80), token.data);
}

static int read_merge(recap_tokenizer *tokenizer, const char *where, size_t rank,
                      const json_t *entry, struct buf *joined, recap_error *error)
{
    struct bpe *bpe = &tokenizer->bpe;
    struct view left, right;
    if (!merge_sides(entry, &left, &right))
        return fail(error, RECAP_ERROR_MODEL, "%s: merges[%zu] must be two tokens", where, rank);
    int32_t a = vocabulary_find(&tokenizer->vocabulary, left.data, left.n);
    int32_t b = vocabulary_find(&tokenizer->vocabulary, right.data, right.n);
    if (a < 0) return fail_merge(error, where, rank, left);
    if (b < 0) return fail_merge(error, where, rank, right);
    size_t skip = bpe->prefix ? strlen(bpe->prefix) : 0;
    if (skip > right.n) skip = right.n;
    buf_clear(joined);
    buf_add(joined, left.data, left.n);
    buf_add(joined, right.data + skip, right.n - skip);
    if (joined->failed) return fail_memory(error, left.n + right.n);
    int32_t id = vocabulary_find(&tokenizer->vocabulary, joined->data, joined->n);
    if (id < 0) return fail_merge(error, where, rank, (struct view){joined->data, joined->n});
    uint64_t pair = (uint64_t)(uint32_t)a << 32 | (uint32_t)b;
    *find_slot(bpe, pair) = (struct bpe_merge){pair, (int32_t)rank, id};
    return RECAP_OK;
}

static int read_merges(recap_tokenizer *tokenizer, const char *where, const json_t *list,
                       recap_error *error)
{
    struct bpe *bpe = &tokenizer->bpe;
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > max_tokens)
        return fail(error, RECAP_ERROR_MODEL, "%s: merges must be a list of at most %d", where,
                    max_tokens);
    bpe->n_slots = 16;
    while (bpe->n_slots < 2 * n) bpe->n_slots *= 2;
    bpe->merges = new_array(bpe->n_slots, sizeof *bpe->merges);
    if (!bpe->merges) return fail_memory(error, bpe->n_slots * sizeof *bpe->merges);
    for (size_t i = 0; i < bpe->n_slots; i++) bpe->merges[i].pair = UINT64_MAX;
    struct buf joined = {0};
    int status = RECAP_OK;
    for (size_t i = 0; i < n && status == RECAP_OK; i++)
        status = read_merge(tokenizer, where, i, json_array_get(list, i), &joined, error);
    buf_free(&joined);
    return status;
}

static int read_affix(const char *where, const json_t *model, const char *name, char **out,
                      recap_error *error)
{
    const char *text;
    int status = model_get_string(where, model, name, "", &text, error);
    if (status != RECAP_OK || !*text) return status;
    *out = copy_string(text);
    return *out ? RECAP_OK : fail_memory(error, strlen(text));
}

static int read_unknown(recap_tokenizer *tokenizer, const char *where, const json_t *model,
                        recap_error *error)
{
    const char *unknown;
    int status = model_get_string(where, model, "unk_token", NULL, &unknown, error);
    tokenizer->bpe.unknown = -1;
    if (status != RECAP_OK || !unknown) return status;
    tokenizer->bpe.unknown = vocabulary_find(&tokenizer->vocabulary, unknown, strlen(unknown));
    if (tokenizer->bpe.unknown >= 0) return RECAP_OK;
    return fail(error, RECAP_ERROR_MODEL,
                "%s: the unknown token \"%.60s\" is not in the vocabulary", where, unknown);
}

static int read_flags(struct bpe *bpe, const char *where, const json_t *model, recap_error *error)
{
    double dropout;
    int status = json_get_number(where, model, "dropout", 0.0, &dropout, error);
    status = model_status(status, error);
    if (status != RECAP_OK) return status;
    if (dropout != 0.0)
        return fail(error, RECAP_ERROR_MODEL, "%s: dropout %g is not supported", where, dropout);
    status = model_get_bool(where, model, "fuse_unk", false, &bpe->fuse_unknown, error);
    if (status == RECAP_OK)
        status = model_get_bool(where, model, "byte_fallback", false, &bpe->byte_fallback, error);
    if (status == RECAP_OK)
        status = model_get_bool(where, model, "ignore_merges", false, &bpe->ignore_merges, error);
    return status;
}

int bpe_read(recap_tokenizer *tokenizer, const char *where, const json_t *model, recap_error *error)
{
    struct bpe *bpe = &tokenizer->bpe;
    int status = vocabulary_read(&tokenizer->vocabulary, where, json_object_get(model, "vocab"),
                                 error);
    if (status == RECAP_OK)
        status = read_affix(where, model, "continuing_subword_prefix", &bpe->prefix, error);
    if (status == RECAP_OK)
        status = read_affix(where, model, "end_of_word_suffix", &bpe->suffix, error);
    if (status == RECAP_OK) status = read_unknown(tokenizer, where, model, error);
    if (status == RECAP_OK) status = read_flags(bpe, where, model, error);
    if (status == RECAP_OK)
        status = read_merges(tokenizer, where, json_object_get(model, "merges"), error);
    if (status != RECAP_OK) return status;
    byte_tokens(&tokenizer->vocabulary, bpe->bytes);
    tokenizer->model = MODEL_BPE;
    tokenizer->kind = "bpe";
    return RECAP_OK;
}

/* ---- the first symbols ---- */

struct bpe_word {
    const recap_tokenizer *tokenizer;
    struct tokenizer_work *work;
    size_t n; /* symbols */
    bool special, unknown_open;
    recap_error *error;
};

static int add_symbol(struct bpe_word *word, int32_t id)
{
    struct tokenizer_work *work = word->work;
    if (grow_array(&work->symbols, &work->symbols_capacity, word->n + 1, sizeof *work->symbols) !=
        RECAP_OK)
        return fail_memory(word->error, (word->n + 1) * sizeof *work->symbols);
    int32_t at = (int32_t)word->n++;
    work->symbols[at] = (struct bpe_symbol){id, at - 1, at + 1};
    return RECAP_OK;
}

/* The character as the vocabulary spells it at its place in the word. */
static struct view spell(struct bpe_word *word, struct view character, bool first, bool last)
{
    const struct bpe *bpe = &word->tokenizer->bpe;
    bool prefix = bpe->prefix && !first, suffix = bpe->suffix && last;
    if (!prefix && !suffix) return character;
    struct buf *spelled = &word->work->spelled;
    buf_clear(spelled);
    if (prefix) buf_add_string(spelled, bpe->prefix);
    buf_add(spelled, character.data, character.n);
    if (suffix) buf_add_string(spelled, bpe->suffix);
    return (struct view){spelled->data, spelled->n};
}

static int close_unknown(struct bpe_word *word)
{
    bool open = word->unknown_open;
    word->unknown_open = false;
    return open ? add_symbol(word, word->tokenizer->bpe.unknown) : RECAP_OK;
}

static int add_missing(struct bpe_word *word, struct view spelled)
{
    const struct bpe *bpe = &word->tokenizer->bpe;
    bool all = bpe->byte_fallback;
    for (size_t i = 0; i < spelled.n && all; i++)
        all = bpe->bytes[(unsigned char)spelled.data[i]] >= 0;
    int status = RECAP_OK;
    if (all) {
        for (size_t i = 0; i < spelled.n && status == RECAP_OK; i++)
            status = add_symbol(word, bpe->bytes[(unsigned char)spelled.data[i]]);
        return status;
    }
    if (bpe->unknown < 0) return RECAP_OK;
    if (!bpe->fuse_unknown) status = close_unknown(word);
    word->unknown_open = true;
    return status;
}

static int first_symbols(struct bpe_word *word, struct view piece)
{
    const struct trie *trie = &word->tokenizer->vocabulary.trie;
    int status = RECAP_OK;
    for (size_t i = 0; i < piece.n && status == RECAP_OK;) {
        size_t begin = i;
        next_char(piece.data, piece.n, &i);
        struct view character = {piece.data + begin, i - begin};
        struct view spelled = spell(word, character, begin == 0, i == piece.n);
        if (word->work->spelled.failed) return fail_memory(word->error, spelled.n);
        int32_t id = id_of_value(trie_find(trie, spelled.data, spelled.n), word->special);
        if (id < 0) {
            status = add_missing(word, spelled);
            continue;
        }
        status = close_unknown(word);
        if (status == RECAP_OK) status = add_symbol(word, id);
    }
    if (status == RECAP_OK) status = close_unknown(word);
    if (word->n) word->work->symbols[word->n - 1].next = -1;
    return status;
}

/* ---- merging ---- */

static bool before(struct bpe_merge_todo a, struct bpe_merge_todo b)
{
    return a.rank != b.rank ? a.rank < b.rank : a.at < b.at;
}

static int heap_push(struct tokenizer_work *work, struct bpe_merge_todo todo, recap_error *error)
{
    if (grow_array(&work->heap, &work->heap_capacity, work->heap_n + 1, sizeof *work->heap) !=
        RECAP_OK)
        return fail_memory(error, (work->heap_n + 1) * sizeof *work->heap);
    size_t i = work->heap_n++;
    for (; i > 0 && before(todo, work->heap[(i - 1) / 2]); i = (i - 1) / 2)
        work->heap[i] = work->heap[(i - 1) / 2];
    work->heap[i] = todo;
    return RECAP_OK;
}

static struct bpe_merge_todo heap_pop(struct tokenizer_work *work)
{
    struct bpe_merge_todo top = work->heap[0], last = work->heap[--work->heap_n];
    size_t i = 0, n = work->heap_n;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < n && before(work->heap[child + 1], work->heap[child])) child++;
        if (child >= n || !before(work->heap[child], last)) break;
        work->heap[i] = work->heap[child];
        i = child;
    }
    work->heap[i] = last;
    return top;
}

/* Queues the pair that begins at symbol `at`, if it can be merged. */
static int queue_pair(struct bpe_word *word, int32_t at)
{
    const struct bpe_symbol *symbols = word->work->symbols;
    if (at < 0 || symbols[at].next < 0) return RECAP_OK;
    const struct bpe_merge *merge = find_merge(&word->tokenizer->bpe, symbols[at].id,
                                               symbols[symbols[at].next].id);
    if (!merge) return RECAP_OK;
    return heap_push(word->work, (struct bpe_merge_todo){merge->rank, at, merge->id}, word->error);
}

static int merge_all(struct bpe_word *word)
{
    struct tokenizer_work *work = word->work;
    struct bpe_symbol *symbols = work->symbols;
    work->heap_n = 0;
    int status = RECAP_OK;
    for (size_t i = 0; i + 1 < word->n && status == RECAP_OK; i++)
        status = queue_pair(word, (int32_t)i);
    while (work->heap_n > 0 && status == RECAP_OK) {
        struct bpe_merge_todo todo = heap_pop(work);
        struct bpe_symbol *left = &symbols[todo.at];
        if (left->id < 0 || left->next < 0) continue;
        struct bpe_symbol *right = &symbols[left->next];
        const struct bpe_merge *merge = find_merge(&word->tokenizer->bpe, left->id, right->id);
        if (!merge || merge->id != todo.id) continue;
        left->id = todo.id;
        right->id = -1;
        left->next = right->next;
        if (left->next >= 0) symbols[left->next].previous = todo.at;
        status = queue_pair(word, left->previous);
        if (status == RECAP_OK) status = queue_pair(word, todo.at);
    }
    return status;
}

int bpe_apply(const recap_tokenizer *tokenizer, struct tokenizer_work *work, struct view piece,
              bool special, recap_tokens *out, recap_error *error)
{
    if (tokenizer->bpe.ignore_merges) {
        const struct trie *trie = &tokenizer->vocabulary.trie;
        int32_t id = id_of_value(trie_find(trie, piece.data, piece.n), special);
        if (id >= 0) return tokens_add(out, id, error);
    }
    struct bpe_word word = {
        .tokenizer = tokenizer, .work = work, .special = special, .error = error};
    buf_clear(&work->spelled);
    int status = first_symbols(&word, piece);
    if (status == RECAP_OK) status = merge_all(&word);
    for (size_t i = 0; i < word.n && status == RECAP_OK; i++)
        if (work->symbols[i].id >= 0) status = tokens_add(out, work->symbols[i].id, error);
    return status;
}
