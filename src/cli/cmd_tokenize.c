/* recap tokenize: the ids that a model sees. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct values {
    const char *output;
    bool no_special, reference_special;
    int64_t max_length;
};

static const struct option options[] = {
    OPTION_TEXT(struct values, output, "output", 'o', "FILE",
                "write there, not to standard output"),
    OPTION_FLAG(struct values, no_special, "no-special", 0,
                "without the ids that the model puts around a text"),
    OPTION_INTEGER(struct values, max_length, "max-length", 0, 0, 1e9,
                   "cut texts at so many ids, special ones included; 0: never"),
    OPTION_FLAG(struct values, reference_special, "reference-special", 0,
                "special tokens written in a text count as special, as the reference has it"),
};

struct work {
    recap_tokenizer *tokenizer;
    recap_tokenize_options options;
    recap_tokens tokens;
};

static int tokenize_one(struct work *work, struct view text, struct buf *out, recap_error *error)
{
    recap_tokens *tokens = &work->tokens;
    int status = recap_tokenize(work->tokenizer, text.data, text.n, &work->options, tokens, error);
    if (status != RECAP_OK) return status;
    buf_add_string(out, "\"ids\":");
    add_integers(out, tokens->ids, tokens->n);
    buf_add_string(out, ",\"tokens\":[");
    for (size_t i = 0; i < tokens->n; i++) {
        const char *token = recap_token_text(work->tokenizer, tokens->ids[i]);
        if (i) buf_add_byte(out, ',');
        if (token)
            buf_add_json(out, token, strlen(token));
        else
            buf_add_string(out, "null");
    }
    buf_printf(out, "],\"truncated\":%s", tokens->truncated ? "true" : "false");
    return RECAP_OK;
}

static int answer(void *data, recap_context *context, struct record *const *records, size_t n,
                  struct buf *results, recap_error *error)
{
    int status = RECAP_OK;
    for (size_t i = 0; i < n && status == RECAP_OK; i++) {
        status = tokenize_one(data, records[i]->text, &results[i], error);
        if (status == RECAP_OK && interrupted()) status = fail_interrupted(error);
    }
    return status;
}

static int run(struct invocation *call, recap_error *error)
{
    static const char *const names[] = {"ids", "tokens", "truncated"};
    const struct values *values = call->values;
    struct work work = {.options = {.max_length = (size_t)values->max_length,
                                    .no_special = values->no_special,
                                    .reference_special = values->reference_special}};
    const struct line_work lines = {
        .output = values->output,
        .batch = 64,
        .names = names,
        .n_names = COUNT_OF(names),
        .data = &work,
        .answer = answer,
    };
    char *directory = NULL;
    const char *name = call->common.model ? call->common.model : call->config.model_id;
    int status = model_locate(name, &directory, error);
    if (status == RECAP_OK) status = recap_open_tokenizer(directory, &work.tokenizer, error);
    if (status == RECAP_OK) status = run_lines(call, &lines, error);
    recap_free_tokens(&work.tokens);
    recap_close_tokenizer(work.tokenizer);
    free(directory);
    return status;
}

const struct command command_tokenize = {
    .name = "tokenize",
    .arguments = "[FILE...]",
    .summary = "turn texts into a model's ids",
    .details =
        "Reads JSON Lines: each line a string, or an object with \"text\". Writes for each "
        "{\"ids\": [...], \"tokens\": [\"...\"], \"truncated\": false} with the other fields of "
        "the object.",
    .examples = "echo '\"Hello, world!\"' | recap tokenize\tthe default model's ids\n"
                "recap tokenize -m ./my-model texts.jsonl\tthose of a model directory",
    .options = options,
    .n_options = COUNT_OF(options),
    .values_size = sizeof(struct values),
    .max_inputs = SIZE_MAX,
    .run = run,
};
