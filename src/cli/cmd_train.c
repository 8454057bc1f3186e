/* recap train: a genre head on the embedder's vectors, from labelled texts. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct values {
    const char *output, *label;
    double l2;
    int64_t folds, iterations;
    bool no_class_weights;
};

static const struct option options[] = {
    OPTION_TEXT(struct values, output, "output", 'o', "DIR",
                "the folder that the head is written to"),
    OPTION_TEXT(struct values, output, "out", 0, "DIR", "the same"),
    OPTION_TEXT(struct values, label, "label", 0, "FIELD",
                "the field with the label (\"label\", else \"genre\")"),
    OPTION_NUMBER(struct values, l2, "l2", 0, 0, 1e6,
                  "strength of the penalty (chosen by cross-validation)"),
    OPTION_INTEGER(struct values, folds, "folds", 0, 2, 100, "parts of the cross-validation"),
    OPTION_INTEGER(struct values, iterations, "iterations", 0, 1, 100000, "of L-BFGS, at most"),
    OPTION_FLAG(struct values, no_class_weights, "no-class-weights", 0,
                "every example weighs the same, whatever its genre's size"),
};

enum { most_refusals_said = 20 };

static const struct values defaults = {.l2 = -1, .folds = 5, .iterations = 200};

/* Texts and labels; both lists live as long as the arena. */
struct examples {
    struct arena arena;
    recap_text *texts;
    const char **labels;
    size_t n, texts_capacity, labels_capacity;
};

static const char *label_of(const json_t *value, const char *field)
{
    const json_t *label = field ? json_object_get(value, field) : json_object_get(value, "label");
    if (!label && !field) label = json_object_get(value, "genre");
    const char *text = json_string_value(label);
    return text && *text && strlen(text) == json_string_length(label) ? text : NULL;
}

/* One by one, but not without end. */
static void say_refusal(size_t n_before, const char *reason)
{
    if (n_before < most_refusals_said)
        log_message(LOG_ERROR, "%s", reason);
    else if (n_before == most_refusals_said)
        log_message(LOG_ERROR, "more than %d lines are refused; the others are only counted",
                    most_refusals_said);
}

static int add_example(struct invocation *call, struct examples *examples, struct record *record,
                       recap_error *error)
{
    const struct values *values = call->values;
    const char *label = json_is_object(record->value) ? label_of(record->value, values->label)
                                                      : NULL;
    if (!record->reason && !label) {
        struct buf reason = {0};
        const char *file = record->file ? record->file : call->inputs[0];
        buf_printf(&reason, "%s: line %zu: an object with \"text\" and a string \"%s\" is needed",
                   input_name(file), record->line, values->label ? values->label : "label");
        record->reason = buf_take(&reason, NULL);
        if (!record->reason) return fail_memory(error, 100);
    }
    if (record->reason) {
        if (!call->common.strict) say_refusal(call->n_refused, record->reason);
        return output_refusal(NULL, call, record, error);
    }
    size_t n = examples->n;
    if (grow_array(&examples->texts, &examples->texts_capacity, n + 1, sizeof *examples->texts) ||
        grow_array(&examples->labels, &examples->labels_capacity, n + 1, sizeof *examples->labels))
        return fail_memory(error, n * sizeof *examples->texts);
    const char *text = arena_copy(&examples->arena, record->text.data, record->text.n);
    const char *kept = arena_copy(&examples->arena, label, strlen(label));
    if (!text || !kept) return fail_memory(error, record->text.n);
    examples->texts[n] = (recap_text){text, record->text.n};
    examples->labels[n] = kept;
    examples->n = n + 1;
    return RECAP_OK;
}

static int read_examples(struct invocation *call, struct examples *examples, recap_error *error)
{
    struct records *records;
    struct record *batch;
    size_t n = 0;
    int status = records_open(call->inputs, call->n_inputs, &records, error);
    while (status == RECAP_OK) {
        status = records_next(records, 256, &batch, &n, error);
        if (status != RECAP_OK || n == 0) break;
        for (size_t i = 0; i < n && status == RECAP_OK; i++)
            status = add_example(call, examples, &batch[i], error);
    }
    records_close(records);
    return status;
}

static void add_report(const recap_train_report *report, const char *directory, bool json,
                       struct buf *out)
{
    if (!json) {
        buf_printf(out,
                   "%zu examples of %zu genres; %zu-fold cross-validation:\n"
                   "accuracy %.3f, macro F1 %.3f, log loss %.3f, calibration error %.3f\n"
                   "penalty %g, temperature %.3g\n\n%-28s %8s  %s\n",
                   report->n_examples, report->n_labels, report->n_folds, report->accuracy,
                   report->macro_f1, report->log_loss, report->calibration_error, report->l2,
                   report->temperature, "genre", "examples", "F1");
        for (size_t i = 0; i < report->n_labels; i++)
            buf_printf(out, "%-28s %8zu  %.3f\n", report->labels[i], report->label_counts[i],
                       report->label_f1[i]);
        buf_printf(out, "\nhead written to %s\n", directory);
        return;
    }
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"l2", report->l2},
                   {"accuracy", report->accuracy},
                   {"macro_f1", report->macro_f1},
                   {"log_loss", report->log_loss},
                   {"calibration_error", report->calibration_error},
                   {"temperature", report->temperature}};
    buf_printf(out, "{\"examples\":%zu,\"folds\":%zu", report->n_examples, report->n_folds);
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        buf_printf(out, ",\"%s\":", numbers[i].name);
        buf_add_double(out, numbers[i].value);
    }
    buf_add_string(out, ",\"genres\":{");
    for (size_t i = 0; i < report->n_labels; i++) {
        if (i) buf_add_byte(out, ',');
        buf_add_json(out, report->labels[i], strlen(report->labels[i]));
        buf_printf(out, ":{\"examples\":%zu,\"f1\":", report->label_counts[i]);
        buf_add_double(out, report->label_f1[i]);
        buf_add_byte(out, '}');
    }
    buf_add_string(out, "},\"head\":");
    buf_add_json(out, directory, strlen(directory));
    buf_add_string(out, "}\n");
}

static int train(struct invocation *call, const struct examples *examples, recap_error *error)
{
    const struct values *values = call->values;
    const recap_train_options train_options = {
        .l2 = values->l2,
        .folds = (size_t)values->folds,
        .no_class_weights = values->no_class_weights,
        .max_iterations = (size_t)values->iterations,
    };
    recap_model *model;
    recap_train_report report = {0};
    struct buf text = {0};
    int status = model_open_wanted(call, &model, error);
    if (status == RECAP_OK)
        status = recap_train_head(call->context, model, examples->texts, examples->labels,
                                  examples->n, &train_options, values->output, &report, error);
    progress_clear();
    if (status == RECAP_OK) {
        add_report(&report, values->output, call->common.json, &text);
        status = output_document(NULL, &text, error);
        recap_free_train_report(&report);
    }
    buf_free(&text);
    recap_close_model(model);
    return status;
}

static int run(struct invocation *call, recap_error *error)
{
    const struct values *values = call->values;
    struct examples examples = {0};
    if (!values->output)
        return fail(error, RECAP_ERROR_USAGE,
                    "train: -o DIR, where the head is written, is missing");
    int status = read_examples(call, &examples, error);
    if (status == RECAP_OK)
        status = fail_file(train(call, &examples, error), call->inputs[0], error);
    free(examples.texts);
    free(examples.labels);
    arena_free(&examples.arena);
    return status;
}

const struct command command_train = {
    .name = "train",
    .arguments = "LABELLED... -o DIR",
    .summary = "fit a genre classifier on labelled texts",
    .details =
        "Reads JSON Lines of objects with \"text\" and \"label\" (or \"genre\"), embeds the "
        "texts, fits a multinomial logistic head on the vectors and writes it to DIR. The report "
        "is cross-validated. A head belongs to the embedder it was trained with: \"recap "
        "classify\" and \"recap run\" refuse it with another.",
    .examples = "recap train labelled.jsonl -o genres\ta head\n"
                "recap run articles.jsonl --head genres -o out\tits use",
    .options = options,
    .n_options = COUNT_OF(options),
    .defaults = &defaults,
    .values_size = sizeof(struct values),
    .min_inputs = 1,
    .max_inputs = SIZE_MAX,
    .needs = "LABELLED, a JSON Lines file,",
    .run = run,
};
