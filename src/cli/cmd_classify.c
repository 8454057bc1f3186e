/* recap classify: the genre of each text. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct values {
    const char *output, *japanese, *english, *head;
    bool logits;
    int64_t top_k, max_length;
    double threshold; /* negative: the settings' */
};

static const struct option options[] = {
    OPTION_TEXT(struct values, output, "output", 'o', "FILE",
                "write there, not to standard output"),
    OPTION_TEXT(struct values, japanese, "ja-model", 0, "DIR",
                "a sequence classifier for Japanese texts"),
    OPTION_TEXT(struct values, english, "en-model", 0, "DIR",
                "a sequence classifier for English texts"),
    OPTION_TEXT(struct values, head, "head", 0, "DIR",
                "a head that \"recap train\" made, on the embedder's vectors"),
    OPTION_FLAG(struct values, logits, "logits", 0, "add \"logits\", in the order of the labels"),
    OPTION_INTEGER(struct values, top_k, "top-k", 'k', 0, 1000,
                   "add \"candidates\": the best genres over their threshold, at most so many"),
    OPTION_NUMBER(struct values, threshold, "threshold", 0, 0, 1,
                  "score that a genre must reach (0.3, or GENRE_THRESHOLDS)"),
    OPTION_INTEGER(struct values, max_length, "max-length", 0, 0, 1e6,
                   "cut texts at so many ids; 0: 256"),
};

struct work {
    recap_classifier *classifier;
    const char *const *labels;
    size_t n_labels;
    size_t top_k;
    bool logits;
};

static void add_candidate(const struct work *work, const float *scores, size_t label,
                          struct buf *out)
{
    buf_add_string(out, "{\"genre\":");
    buf_add_json(out, work->labels[label], strlen(work->labels[label]));
    buf_add_string(out, ",\"score\":");
    buf_add_float(out, scores[label]);
    buf_add_string(out, ",\"threshold\":");
    buf_add_double(out, recap_classifier_threshold(work->classifier, label));
    buf_add_byte(out, '}');
}

/* The genres over their threshold, best first; none: the best alone. */
static void add_candidates(const struct work *work, const float *scores, struct buf *out)
{
    buf_add_string(out, ",\"candidates\":[");
    float last_score = 2;
    size_t last = 0, written = 0;
    while (written < work->top_k) {
        size_t best = work->n_labels;
        for (size_t i = 0; i < work->n_labels; i++) {
            bool after = scores[i] < last_score || (scores[i] == last_score && i > last);
            if (after && (best == work->n_labels || scores[i] > scores[best])) best = i;
        }
        if (best == work->n_labels) break;
        last_score = scores[best];
        last = best;
        /* A genre under its own threshold is passed over: the next may have a lower one. */
        if ((double)scores[best] < recap_classifier_threshold(work->classifier, best)) continue;
        if (written++) buf_add_byte(out, ',');
        add_candidate(work, scores, best, out);
    }
    if (written == 0) add_candidate(work, scores, recap_top_genre(work->classifier, scores), out);
    buf_add_byte(out, ']');
}

static void add_result(const struct work *work, const float *scores, const float *logits,
                       struct buf *out)
{
    size_t top = recap_top_genre(work->classifier, scores);
    buf_add_string(out, "\"top_genre\":");
    buf_add_json(out, work->labels[top], strlen(work->labels[top]));
    buf_add_string(out, ",\"confidence\":");
    buf_add_float(out, scores[top]);
    buf_add_string(out, ",\"scores\":{");
    for (size_t i = 0; i < work->n_labels; i++) {
        if (i) buf_add_byte(out, ',');
        buf_add_json(out, work->labels[i], strlen(work->labels[i]));
        buf_add_byte(out, ':');
        buf_add_float(out, scores[i]);
    }
    buf_add_byte(out, '}');
    if (work->top_k) add_candidates(work, scores, out);
    if (!logits) return;
    buf_add_string(out, ",\"logits\":");
    buf_add_floats(out, logits, work->n_labels);
}

static int answer(void *data, recap_context *context, struct record *const *records, size_t n,
                  struct buf *results, recap_error *error)
{
    const struct work *work = data;
    recap_text *texts = texts_of(records, n);
    float *scores = new_array(n * work->n_labels, sizeof *scores);
    float *logits = work->logits ? new_array(n * work->n_labels, sizeof *logits) : NULL;
    int status = RECAP_OK;
    if (!texts || !scores || (work->logits && !logits))
        status = fail_memory(error, n * work->n_labels * sizeof *scores);
    if (status == RECAP_OK)
        status = recap_classify_texts(context, work->classifier, texts, n, scores, logits, error);
    for (size_t i = 0; i < n && status == RECAP_OK; i++)
        add_result(work, scores + i * work->n_labels, logits ? logits + i * work->n_labels : NULL,
                   &results[i]);
    free(texts);
    free(scores);
    free(logits);
    return status;
}

static int run(struct invocation *call, recap_error *error)
{
    static const char *const names[] = {"top_genre", "confidence", "scores", "candidates",
                                        "logits"};
    const struct values *values = call->values;
    const struct genre_wishes wishes = {
        .japanese = values->japanese,
        .english = values->english,
        .head = values->head,
        .threshold = values->threshold,
        .max_length = values->max_length,
    };
    struct work work = {.top_k = (size_t)values->top_k, .logits = values->logits};
    const struct line_work lines = {
        .output = values->output,
        .batch = (size_t)call->config.batch_size,
        .names = names,
        .n_names = COUNT_OF(names),
        .data = &work,
        .answer = answer,
    };
    struct genre_source source;
    bool found;
    int status = genres_open(call, &wishes, &source, &found, error);
    if (status != RECAP_OK) return status;
    if (!found)
        return fail(error, RECAP_ERROR_CONFIG,
                    "classify: no classifier: name one with --ja-model, --en-model or --head");
    work.classifier = source.classifier;
    work.labels = recap_classifier_labels(source.classifier, &work.n_labels);
    status = run_lines(call, &lines, error);
    genres_close(&source);
    return status;
}

const struct command command_classify = {
    .name = "classify",
    .arguments = "[FILE...]",
    .summary = "give texts their genre",
    .details =
        "Reads JSON Lines: each line a string, or an object with \"text\". Writes for each "
        "{\"top_genre\": \"...\", \"confidence\": 0.9, \"scores\": {...}} with the other fields "
        "of the object.\n\n"
        "Genres come from sequence classifiers, one a language (--ja-model, --en-model, or the "
        "settings LEARNING_MACHINE_STUDENT_JA_DIR and _EN_DIR), or from a head that \"recap "
        "train\" made. The language of a text decides its model; where it is undecided, or that "
        "model is absent, the Japanese one counts, else the English one.",
    .examples = "recap classify --head ./genres articles.jsonl\twith a head of your own\n"
                "recap classify --en-model categorium-en texts.jsonl\twith a fetched classifier",
    .options = options,
    .n_options = COUNT_OF(options),
    .defaults = &(const struct values){.threshold = -1},
    .values_size = sizeof(struct values),
    .max_inputs = SIZE_MAX,
    .run = run,
};
