/* Opening a directory's tokenizer, and the stages of tokenize in their order.
 *
 *   clean     invalid UTF-8 becomes U+FFFD
 *   cut out   added tokens that are looked for in the text as it stands
 *   per rest  normalizer; cut out those looked for in normalized text; pre-tokenizer; model
 *   around    the special ids of the post-processor; what is over the limit goes at the end */
#include "tokenizer_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- opening ---- */

static int parse_if_there(const char *directory, const char *name, json_t **out, recap_error *error)
{
    char *path = path_join(directory, name);
    if (!path) return fail_memory(error, strlen(directory));
    int status = RECAP_OK;
    if (path_exists(path)) status = model_status(json_parse_file(path, out, error), error);
    free(path);
    return status;
}

/* The class that tokenizer_config.json names, else config.json; "" where none does. */
static int read_config(const char *directory, json_t **config, char **class, recap_error *error)
{
    static const char *const files[] = {"tokenizer_config.json", "config.json"};
    const char *name = "";
    json_t *general = NULL;
    int status = parse_if_there(directory, files[0], config, error);
    if (status == RECAP_OK && *config)
        status = model_get_string(files[0], *config, "tokenizer_class", "", &name, error);
    if (status == RECAP_OK && !*name) status = parse_if_there(directory, files[1], &general, error);
    if (status == RECAP_OK && general)
        status = model_get_string(files[1], general, "tokenizer_class", "", &name, error);
    if (status == RECAP_OK) {
        *class = copy_string(name);
        if (!*class) status = fail_memory(error, strlen(name));
    }
    json_decref(general);
    return status;
}

/* Says what a directory without a tokenizer that we read has instead. */
static int fail_nothing(const char *directory, recap_error *error)
{
    static const char *const others[][2] = {
        {"sentencepiece.bpe.model", "a SentencePiece model alone is not supported: its ids differ"},
        {"spiece.model", "a SentencePiece model alone is not supported: its ids differ"},
        {"tokenizer.model", "a SentencePiece model alone is not supported: its ids differ"},
        {"vocab.json", "vocab.json and merges.txt alone are not supported"},
    };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        char *path = path_join(directory, others[i][0]);
        bool there = path && path_exists(path);
        free(path);
        if (there)
            return fail(error, RECAP_ERROR_MODEL,
                        "%s: no tokenizer.json, only %s: %s; save the tokenizer once with "
                        "transformers' fast tokenizers to get tokenizer.json",
                        directory, others[i][0], others[i][1]);
    }
    return fail(error, RECAP_ERROR_MODEL, "%s: neither tokenizer.json nor vocab.txt is there",
                directory);
}

static int read_files(recap_tokenizer *tokenizer, const char *directory, const json_t *config,
                      const char *class, recap_error *error)
{
    char *json = path_join(directory, "tokenizer.json"), *vocab = path_join(directory, "vocab.txt");
    int status;
    if (!json || !vocab)
        status = fail_memory(error, strlen(directory));
    else if (path_exists(json) &&
             (strcmp(class, "BertJapaneseTokenizer") != 0 || !path_exists(vocab)))
        status = tokenizer_json_read(tokenizer, json, error);
    else if (path_exists(vocab))
        status = tokenizer_vocab_read(tokenizer, vocab, class, config, error);
    else
        status = fail_nothing(directory, error);
    free(json);
    free(vocab);
    return status;
}

static int open_directory(recap_tokenizer *tokenizer, const char *directory, recap_error *error)
{
    json_t *config = NULL;
    char *class = NULL;
    int status = RECAP_OK;
    if (!path_is_directory(directory))
        status = fail(error, RECAP_ERROR_MODEL, "%s: is not there or no directory", directory);
    if (status == RECAP_OK) status = read_config(directory, &config, &class, error);
    if (status == RECAP_OK) status = read_files(tokenizer, directory, config, class, error);
    if (status == RECAP_OK) status = added_tokens_finish(tokenizer, error);
    json_decref(config);
    free(class);
    return status;
}

int recap_open_tokenizer(const char *directory, recap_tokenizer **out, recap_error *error)
{
    recap_error unwanted;
    if (!error) error = &unwanted;
    *out = NULL;
    recap_tokenizer *tokenizer = new_zeroed(1, sizeof *tokenizer);
    if (!tokenizer) return fail_memory(error, sizeof *tokenizer);
    tokenizer->shelf = work_shelf_open();
    int status = tokenizer->shelf ? open_directory(tokenizer, directory, error)
                                  : fail_memory(error, sizeof *tokenizer);
    if (status != RECAP_OK) {
        recap_close_tokenizer(tokenizer);
        return status;
    }
    *out = tokenizer;
    return RECAP_OK;
}

void recap_close_tokenizer(recap_tokenizer *tokenizer)
{
    if (!tokenizer) return;
    work_shelf_close(tokenizer->shelf);
    vocabulary_free(&tokenizer->vocabulary);
    added_tokens_free(&tokenizer->added);
    normalizer_free(&tokenizer->normalizer);
    pretokenizer_free(&tokenizer->pretokenizer);
    free(tokenizer->unigram.scores);
    free(tokenizer->bpe.merges);
    free(tokenizer->bpe.prefix);
    free(tokenizer->bpe.suffix);
    free(tokenizer->before);
    free(tokenizer->after);
    free(tokenizer);
}

const char *recap_token_text(const recap_tokenizer *tokenizer, int32_t id)
{
    if (id < 0 || (size_t)id >= tokenizer->vocabulary.n) return NULL;
    return tokenizer->vocabulary.texts[id].data;
}

size_t recap_tokenizer_size(const recap_tokenizer *tokenizer)
{
    size_t size = tokenizer->vocabulary.n;
    for (size_t i = 0; i < tokenizer->n_before; i++)
        if ((size_t)tokenizer->before[i] >= size) size = (size_t)tokenizer->before[i] + 1;
    for (size_t i = 0; i < tokenizer->n_after; i++)
        if ((size_t)tokenizer->after[i] >= size) size = (size_t)tokenizer->after[i] + 1;
    return size;
}

const char *recap_tokenizer_kind(const recap_tokenizer *tokenizer)
{
    return tokenizer->kind;
}

/* ---- ids ---- */

int tokens_add(struct recap_tokens *tokens, int32_t id, recap_error *error)
{
    if (grow_array(&tokens->ids, &tokens->capacity, tokens->n + 1, sizeof *tokens->ids) != RECAP_OK)
        return fail_memory(error, (tokens->n + 1) * sizeof *tokens->ids);
    tokens->ids[tokens->n++] = id;
    return RECAP_OK;
}

void recap_free_tokens(recap_tokens *tokens)
{
    if (!tokens) return;
    free(tokens->ids);
    *tokens = (recap_tokens){0};
}

/* ---- the stages ---- */

struct call {
    const recap_tokenizer *tokenizer;
    struct tokenizer_work *work;
    recap_tokens *out;
    bool special;
    size_t enough; /* more ids than can be kept */
    recap_error *error;
};

static int run_model(const struct call *call, struct view piece)
{
    const recap_tokenizer *tokenizer = call->tokenizer;
    switch (tokenizer->model) {
    case MODEL_UNIGRAM:
        return unigram_apply(tokenizer, call->work, piece, call->special, call->out, call->error);
    case MODEL_WORDPIECE:
        return wordpiece_apply(tokenizer, piece, call->special, call->out, call->error);
    case MODEL_BPE:
        return bpe_apply(tokenizer, call->work, piece, call->special, call->out, call->error);
    }
    return RECAP_OK;
}

/* work->text, in which nothing is left to be cut out. */
static int run_segment(const struct call *call)
{
    struct tokenizer_work *work = call->work;
    int status = pretokenizer_apply(&call->tokenizer->pretokenizer, work, call->error);
    for (size_t i = 0; i < work->pieces.n && status == RECAP_OK; i++) {
        if (call->out->n >= call->enough) break;
        struct piece piece = work->pieces.items[i];
        status = run_model(call,
                           (struct view){work->text.data + piece.begin, piece.end - piece.begin});
    }
    return status;
}

static int set_text(const struct call *call, struct view text, size_t begin, size_t end)
{
    struct tokenizer_work *work = call->work;
    buf_clear(&work->text);
    buf_add(&work->text, text.data + begin, end - begin);
    return work->text.failed ? fail_memory(call->error, end - begin) : RECAP_OK;
}

typedef int (*segment_fn)(const struct call *call, struct view text, size_t begin, size_t end,
                          bool first);

/* Gives the ids of the added tokens in `text`, and what is between them to `rest`. */
static int cut_out(const struct call *call, struct view text, bool normalized, bool first,
                   segment_fn rest)
{
    struct added_walk walk = {.text = text, .normalized = normalized, .special = call->special};
    size_t done = 0;
    int status = RECAP_OK;
    while (status == RECAP_OK && call->out->n < call->enough &&
           added_tokens_next(&call->tokenizer->added, &walk)) {
        status = rest(call, text, done, walk.match.begin, first && done == 0);
        if (status == RECAP_OK) status = tokens_add(call->out, walk.id, call->error);
        done = walk.match.end;
    }
    if (status != RECAP_OK || call->out->n >= call->enough) return status;
    return rest(call, text, done, text.n, first && done == 0);
}

static int run_normalized(const struct call *call, struct view text, size_t begin, size_t end,
                          bool first)
{
    if (begin >= end) return RECAP_OK;
    int status = set_text(call, text, begin, end);
    call->work->first_segment = first;
    return status == RECAP_OK ? run_segment(call) : status;
}

static int run_plain(const struct call *call, struct view text, size_t begin, size_t end,
                     bool first)
{
    struct tokenizer_work *work = call->work;
    if (begin >= end) return RECAP_OK;
    int status = set_text(call, text, begin, end);
    if (status == RECAP_OK)
        status = normalizer_apply(&call->tokenizer->normalizer, work, call->error);
    if (status != RECAP_OK) return status;
    work->first_segment = first;
    if (!call->tokenizer->added.tries[1].units) return run_segment(call);
    struct buf kept = work->normalized;
    work->normalized = work->text;
    work->text = kept;
    struct view normalized = {work->normalized.data, work->normalized.n};
    return cut_out(call, normalized, true, first, run_normalized);
}

/* The text itself where it is valid, else a copy with U+FFFD. */
static int clean(struct tokenizer_work *work, struct view *text, recap_error *error)
{
    size_t fault = utf8_check(text->data, text->n);
    if (fault == text->n) return RECAP_OK;
    buf_clear(&work->clean);
    buf_add(&work->clean, text->data, fault);
    for (size_t i = fault; i < text->n;)
        buf_add_code_point(&work->clean, next_char(text->data, text->n, &i));
    *text = (struct view){work->clean.data, work->clean.n};
    return work->clean.failed ? fail_memory(error, text->n) : RECAP_OK;
}

static int add_all(recap_tokens *out, const int32_t *ids, size_t n, recap_error *error)
{
    int status = RECAP_OK;
    for (size_t i = 0; i < n && status == RECAP_OK; i++) status = tokens_add(out, ids[i], error);
    return status;
}

static int check_limits(size_t n, size_t limit, size_t around, recap_error *error)
{
    if (n > INT32_MAX / 4)
        return fail(error, RECAP_ERROR_INPUT, "a text of %zu bytes; must be at most %d", n,
                    INT32_MAX / 4);
    if (limit && limit <= around)
        return fail(error, RECAP_ERROR_USAGE,
                    "max_length %zu leaves no room for text beside %zu special ids", limit, around);
    return RECAP_OK;
}

/* The call's ids into out, which is empty. */
static int run(const struct call *call, struct view text, size_t n_before, size_t n_after,
               size_t room)
{
    const recap_tokenizer *tokenizer = call->tokenizer;
    recap_tokens *out = call->out;
    int status = clean(call->work, &text, call->error);
    if (status == RECAP_OK) status = add_all(out, tokenizer->before, n_before, call->error);
    if (status == RECAP_OK) status = cut_out(call, text, false, true, run_plain);
    if (status == RECAP_OK && out->n > room) {
        out->n = room;
        out->truncated = true;
    }
    if (status == RECAP_OK) status = add_all(out, tokenizer->after, n_after, call->error);
    if (status != RECAP_OK) out->n = 0;
    return status;
}

int recap_tokenize(const recap_tokenizer *tokenizer, const char *text, size_t n,
                   const recap_tokenize_options *options, recap_tokens *out, recap_error *error)
{
    static const recap_tokenize_options defaults = {0};
    if (!options) options = &defaults;
    size_t n_before = options->no_special ? 0 : tokenizer->n_before;
    size_t n_after = options->no_special ? 0 : tokenizer->n_after;
    out->n = 0;
    out->truncated = false;
    int status = check_limits(n, options->max_length, n_before + n_after, error);
    if (status != RECAP_OK) return status;
    struct tokenizer_work *work = work_lend(tokenizer->shelf);
    if (!work) return fail_memory(error, sizeof *work);
    work->as_reference = options->reference_special;
    size_t room = options->max_length ? options->max_length - n_after : SIZE_MAX - 1;
    struct call call = {tokenizer, work, out, options->reference_special, room + 1, error};
    status = run(&call, (struct view){text, n}, n_before, n_after, room);
    work_take_back(tokenizer->shelf, work);
    return status;
}
