/* Genres of texts, by sequence classifiers (one a language) or by a head over an embedder.
 *
 * Everything that must agree is checked at the door: the two models' labels, the taxonomy, the
 * thresholds' names, and the embedder that a head was trained on. */
#include <stdlib.h>
#include <string.h>

#include "head_private.h"
#include "recap/text.h"

enum { japanese, english, n_models };

struct recap_classifier {
    recap_model *models[n_models];
    size_t *columns[n_models]; /* [n_labels]: where a model has each label */
    struct head head;
    const recap_model *embedder; /* of the head; else NULL */
    size_t n_labels;
    const char *const *labels; /* [n_labels], owned by a model or the head */
    double *thresholds;        /* [n_labels] */
    size_t max_length;
};

static const double usual_threshold = 0.3;

void recap_close_classifier(recap_classifier *classifier)
{
    if (!classifier) return;
    for (int i = 0; i < n_models; i++) {
        recap_close_model(classifier->models[i]);
        free(classifier->columns[i]);
    }
    head_free(&classifier->head);
    free(classifier->thresholds);
    free(classifier);
}

const char *const *recap_classifier_labels(const recap_classifier *classifier, size_t *n)
{
    *n = classifier->n_labels;
    return classifier->labels;
}

double recap_classifier_threshold(const recap_classifier *classifier, size_t label)
{
    return classifier->thresholds[label];
}

/* Index of `name`, or n. */
static size_t find_label(const char *const *labels, size_t n, const char *name)
{
    size_t i = 0;
    while (i < n && strcmp(labels[i], name) != 0) i++;
    return i;
}

static int open_one(recap_classifier *classifier, int which, const char *directory,
                    recap_error *error)
{
    if (!directory || !*directory) return RECAP_OK;
    int status = recap_open_model(directory, &classifier->models[which], error);
    if (status != RECAP_OK) return status;
    const recap_model_info *info = recap_model_describe(classifier->models[which]);
    if (info->n_labels < 2)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: an embedder without a classification head (architecture %s)", directory,
                    info->architecture);
    if (!classifier->labels) {
        classifier->labels = info->labels;
        classifier->n_labels = info->n_labels;
    }
    if (info->n_labels != classifier->n_labels)
        return fail(error, RECAP_ERROR_MODEL, "%s: %zu labels, but the other model has %zu",
                    directory, info->n_labels, classifier->n_labels);
    classifier->columns[which] = new_array(info->n_labels, sizeof(size_t));
    if (!classifier->columns[which]) return fail_memory(error, info->n_labels * sizeof(size_t));
    for (size_t i = 0; i < classifier->n_labels; i++) {
        size_t column = find_label(info->labels, info->n_labels, classifier->labels[i]);
        if (column == info->n_labels)
            return fail(error, RECAP_ERROR_MODEL,
                        "%s: has no label \"%s\", which the other model has", directory,
                        classifier->labels[i]);
        classifier->columns[which][i] = column;
    }
    return RECAP_OK;
}

static int open_head(recap_classifier *classifier, const recap_classifier_options *options,
                     recap_error *error)
{
    if (!options->embedder)
        return fail(error, RECAP_ERROR_USAGE, "head %s needs the embedder it was trained on",
                    options->head);
    int status = head_read(options->head, &classifier->head, error);
    if (status != RECAP_OK) return status;
    const struct head *head = &classifier->head;
    const recap_model_info *info = recap_model_describe(options->embedder);
    if (strcmp(head->embedder, info->identity) != 0 || head->dimensions != info->hidden_size)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: trained on another embedder (identity %.12s…, %zu dimensions) than %s "
                    "(%.12s…, %zu): train it again",
                    options->head, head->embedder, head->dimensions, info->directory,
                    info->identity, info->hidden_size);
    classifier->embedder = options->embedder;
    classifier->labels = (const char *const *)head->labels;
    classifier->n_labels = head->n_labels;
    return RECAP_OK;
}

static int check_taxonomy(const recap_classifier *classifier,
                          const recap_classifier_options *options, recap_error *error)
{
    if (!options->taxonomy) return RECAP_OK;
    if (options->n_taxonomy != classifier->n_labels)
        return fail(error, RECAP_ERROR_MODEL, "the classifier has %zu genres, the taxonomy %zu",
                    classifier->n_labels, options->n_taxonomy);
    for (size_t i = 0; i < classifier->n_labels; i++)
        if (find_label(options->taxonomy, options->n_taxonomy, classifier->labels[i]) ==
            options->n_taxonomy)
            return fail(error, RECAP_ERROR_MODEL,
                        "the classifier's genre \"%s\" is not in the taxonomy",
                        classifier->labels[i]);
    return RECAP_OK;
}

static int set_thresholds(recap_classifier *classifier, const recap_classifier_options *options,
                          recap_error *error)
{
    size_t n = classifier->n_labels;
    classifier->thresholds = new_array(n, sizeof(double));
    if (!classifier->thresholds) return fail_memory(error, n * sizeof(double));
    double otherwise = options->default_threshold ? *options->default_threshold : usual_threshold;
    if (!(otherwise >= 0 && otherwise <= 1))
        return fail(error, RECAP_ERROR_CONFIG,
                    "the threshold of every genre is %g; 0 to 1 are allowed", otherwise);
    for (size_t i = 0; i < n; i++) classifier->thresholds[i] = otherwise;
    for (size_t i = 0; i < options->n_thresholds; i++) {
        size_t label = find_label(classifier->labels, n, options->threshold_genres[i]);
        double value = options->thresholds[i];
        if (label == n)
            return fail(error, RECAP_ERROR_CONFIG, "a threshold for \"%s\", which is no genre here",
                        options->threshold_genres[i]);
        if (!(value >= 0 && value <= 1))
            return fail(error, RECAP_ERROR_CONFIG, "threshold of \"%s\" is %g; 0 to 1 are allowed",
                        options->threshold_genres[i], value);
        classifier->thresholds[label] = value;
    }
    return RECAP_OK;
}

int recap_open_classifier(const recap_classifier_options *options, recap_classifier **out,
                          recap_error *error)
{
    *out = NULL;
    recap_classifier *classifier = new_zeroed(1, sizeof *classifier);
    if (!classifier) return fail_memory(error, sizeof *classifier);
    classifier->max_length = options->max_length ? options->max_length : head_max_length;
    int status = RECAP_OK;
    if (options->head) {
        status = open_head(classifier, options, error);
    } else {
        status = open_one(classifier, japanese, options->japanese_model, error);
        if (status == RECAP_OK)
            status = open_one(classifier, english, options->english_model, error);
        if (status == RECAP_OK && !classifier->labels)
            status = fail(error, RECAP_ERROR_USAGE, "no classifier: name a model or a head");
    }
    if (status == RECAP_OK) status = check_taxonomy(classifier, options, error);
    if (status == RECAP_OK) status = set_thresholds(classifier, options, error);
    if (status == RECAP_OK)
        *out = classifier;
    else
        recap_close_classifier(classifier);
    return status;
}

/* ---- classifying ---- */

static int which_model(const recap_classifier *classifier, const recap_text *text)
{
    recap_language language = recap_detect_language(text->data, text->n);
    if (language == RECAP_LANGUAGE_ENGLISH && classifier->models[english]) return english;
    return classifier->models[japanese] ? japanese : english;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The texts at `rows`, all for one model; raw logits and scores into those rows of the outputs. */
static int classify_rows(recap_context *context, const recap_classifier *classifier, int which,
                         const recap_text *texts, const size_t *rows, size_t n, float *scores,
                         float *logits, recap_error *error)
{
    const recap_model *model = classifier->models[which];
    const recap_model_info *info = recap_model_describe(model);
    size_t k = classifier->n_labels;
    recap_text *chosen = new_array(n, sizeof *chosen);
    float *raw = new_array(n * k, sizeof *raw);
    int status = chosen && raw ? RECAP_OK : fail_memory(error, n * k * sizeof *raw);
    for (size_t i = 0; status == RECAP_OK && i < n; i++) chosen[i] = texts[rows[i]];
    if (status == RECAP_OK)
        status = recap_classify(context, model, chosen, n,
                                smaller(classifier->max_length, info->max_length), raw, error);
    for (size_t i = 0; status == RECAP_OK && i < n; i++) {
        float *to = scores + rows[i] * k;
        for (size_t c = 0; c < k; c++) to[c] = raw[i * k + classifier->columns[which][c]];
        if (logits) memcpy(logits + rows[i] * k, to, k * sizeof *to);
        recap_scores_from_logits(to, k, info->multi_label);
    }
    free(chosen);
    free(raw);
    return status;
}

static int classify_by_head(recap_context *context, const recap_classifier *classifier,
                            const recap_text *texts, size_t n, float *scores, float *logits,
                            recap_error *error)
{
    const struct head *head = &classifier->head;
    size_t k = head->n_labels;
    size_t longest = recap_model_describe(classifier->embedder)->max_length;
    recap_embed_options how = {.prefix = head->prefix,
                               .max_length = smaller(classifier->max_length, longest)};
    float *vectors = new_array(n * head->dimensions, sizeof *vectors);
    if (!vectors) return fail_memory(error, n * head->dimensions * sizeof *vectors);
    int status = recap_embed(context, classifier->embedder, texts, n, &how, vectors, error);
    for (size_t i = 0; status == RECAP_OK && i < n; i++) {
        float *to = scores + i * k;
        head_apply(head, vectors + i * head->dimensions, to);
        if (logits) memcpy(logits + i * k, to, k * sizeof *to);
        recap_scores_from_logits(to, k, false);
    }
    free(vectors);
    return status;
}

int recap_classify_texts(recap_context *context, const recap_classifier *classifier,
                         const recap_text *texts, size_t n, float *scores, float *logits,
                         recap_error *error)
{
    if (n == 0) return RECAP_OK;
    if (classifier->embedder)
        return classify_by_head(context, classifier, texts, n, scores, logits, error);
    size_t *rows = new_array(n, sizeof *rows);
    if (!rows) return fail_memory(error, n * sizeof *rows);
    int status = RECAP_OK;
    for (int which = 0; which < n_models && status == RECAP_OK; which++) {
        size_t m = 0;
        for (size_t i = 0; i < n; i++)
            if (which_model(classifier, &texts[i]) == which) rows[m++] = i;
        if (m > 0)
            status = classify_rows(context, classifier, which, texts, rows, m, scores, logits,
                                   error);
    }
    free(rows);
    return status;
}

size_t recap_top_genre(const recap_classifier *classifier, const float *scores)
{
    size_t best = 0, reached = classifier->n_labels;
    for (size_t i = 0; i < classifier->n_labels; i++) {
        if (scores[i] > scores[best]) best = i;
        if ((double)scores[i] >= classifier->thresholds[i] &&
            (reached == classifier->n_labels || scores[i] > scores[reached]))
            reached = i;
    }
    return reached < classifier->n_labels ? reached : best;
}
