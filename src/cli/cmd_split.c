/* recap split: the sentences of each text. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct values {
    const char *output;
};

static const struct option options[] = {
    OPTION_TEXT(struct values, output, "output", 'o', "FILE",
                "write there, not to standard output"),
};

static int split_one(struct view text, struct buf *out, recap_error *error)
{
    recap_sentence_list list = {0};
    int status = recap_split_sentences(text.data, text.n, &list, error);
    if (status != RECAP_OK) return status;
    recap_language language = recap_detect_language(text.data, text.n);
    buf_printf(out, "\"lang\":\"%s\",\"sentences\":[", recap_language_code(language));
    for (size_t i = 0; i < list.n; i++) {
        if (i) buf_add_byte(out, ',');
        buf_add_json(out, list.items[i], strlen(list.items[i]));
    }
    buf_add_byte(out, ']');
    free(list.items);
    return RECAP_OK;
}

static int answer(void *data, recap_context *context, struct record *const *records, size_t n,
                  struct buf *results, recap_error *error)
{
    int status = RECAP_OK;
    for (size_t i = 0; i < n && status == RECAP_OK; i++) {
        status = split_one(records[i]->text, &results[i], error);
        if (status == RECAP_OK && interrupted()) status = fail_interrupted(error);
    }
    return status;
}

static int run(struct invocation *call, recap_error *error)
{
    static const char *const names[] = {"lang", "sentences"};
    const struct values *values = call->values;
    const struct line_work work = {
        .output = values->output,
        .batch = 64,
        .names = names,
        .n_names = COUNT_OF(names),
        .answer = answer,
    };
    return run_lines(call, &work, error);
}

const struct command command_split = {
    .name = "split",
    .arguments = "[FILE...]",
    .summary = "cut texts into sentences",
    .details =
        "Reads JSON Lines: each line a string, or an object with \"text\". Writes for each "
        "{\"lang\": \"ja|en|und\", \"sentences\": [\"...\"]} with the other fields of the "
        "object. The sentences are normalised (NFKC, addresses replaced, white space collapsed).",
    .examples = "echo '\"Rain came. It stopped.\"' | recap split\ttwo sentences",
    .options = options,
    .n_options = COUNT_OF(options),
    .values_size = sizeof(struct values),
    .max_inputs = SIZE_MAX,
    .run = run,
};
