/* recap extract: the main text of HTML documents. */
#include "cli.h"
#include "text/text.h"

struct values {
    const char *output, *charset;
};

static const struct option options[] = {
    OPTION_TEXT(struct values, output, "output", 'o', "FILE",
                "write there, not to standard output"),
    OPTION_TEXT(struct values, charset, "charset", 0, "NAME",
                "the documents' encoding, where they don't tell it right"),
};

static int extract_one(struct invocation *call, const char *input, struct sink *sink,
                       recap_error *error)
{
    const struct values *values = call->values;
    struct buf html = {0}, title = {0}, text = {0}, line = {0};
    int status = input_read(input, document_limit, &html, error);
    if (status == RECAP_OK)
        status = text_extract_html(html.data ? html.data : "", html.n, values->charset, &title,
                                   &text, error);
    if (status == RECAP_OK) {
        buf_add_string(&line, "{\"title\":");
        buf_add_json(&line, title.data ? title.data : "", title.n);
        buf_add_string(&line, ",\"text\":");
        buf_add_json(&line, text.data ? text.data : "", text.n);
    } else if (status == RECAP_ERROR_INPUT && !call->common.strict) {
        call->n_refused++;
        buf_add_string(&line, "{\"error\":");
        buf_add_json(&line, error->message, view_of(error->message).n);
        status = RECAP_OK;
    }
    if (status == RECAP_OK && call->n_inputs > 1) {
        buf_add_string(&line, ",\"file\":");
        buf_add_json(&line, input, view_of(input).n);
    }
    buf_add_string(&line, "}\n");
    if (status == RECAP_OK && line.failed) status = fail_memory(error, text.n);
    if (status == RECAP_OK) status = sink_write(sink, line.data, line.n, error);
    buf_free(&html);
    buf_free(&title);
    buf_free(&text);
    buf_free(&line);
    return status;
}

static int run(struct invocation *call, recap_error *error)
{
    const struct values *values = call->values;
    struct sink sink;
    int status = sink_open(values->output, false, &sink, error);
    if (status != RECAP_OK) return status;
    if (call->n_inputs == 0) status = extract_one(call, "-", &sink, error);
    for (size_t i = 0; i < call->n_inputs && status == RECAP_OK; i++)
        status = extract_one(call, call->inputs[i], &sink, error);
    if (status == RECAP_OK) status = sink_commit(&sink, error);
    sink_close(&sink);
    return status;
}

const struct command command_extract = {
    .name = "extract",
    .arguments = "[FILE...]",
    .summary = "find the main text of HTML documents",
    .details =
        "Writes for each document {\"title\": \"...\", \"text\": \"...\"}: its article without "
        "navigation, scripts and tables. Nothing found: empty strings.",
    .examples = "recap extract page.html\tone object",
    .options = options,
    .n_options = COUNT_OF(options),
    .values_size = sizeof(struct values),
    .max_inputs = SIZE_MAX,
    .run = run,
};
