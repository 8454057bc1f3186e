/* Genres: which of a taxonomy's genres an article belongs to.
 *
 * Two kinds of classifier give the same answers: sequence-classification models, one a language,
 * and a logistic head over an embedder's vectors, made by recap_train_head for those who have no
 * such model. */
#ifndef RECAP_CLASSIFIER_H
#define RECAP_CLASSIFIER_H

#include "recap/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct recap_classifier recap_classifier;

typedef struct recap_classifier_options {
    /* Either one or both of these: model directories of sequence classifiers ... */
    const char *japanese_model, *english_model;
    /* ... or a head's directory with the embedder it was trained on, which the caller keeps open
     * for as long as the classifier. */
    const char *head;
    const recap_model *embedder;

    /* Which names are expected, in any order; NULL: whatever the models say. A difference in number
     * or names is RECAP_ERROR_MODEL naming the first. */
    const char *const *taxonomy; /* [n_taxonomy] */
    size_t n_taxonomy;
    /* Thresholds by genre; genres not named have *default_threshold (NULL: 0.3). An unknown name
     * or a value outside 0..1 is RECAP_ERROR_CONFIG. */
    const char *const *threshold_genres; /* [n_thresholds] */
    const double *thresholds;            /* [n_thresholds], 0..1 */
    size_t n_thresholds;
    const double *default_threshold;
    size_t max_length; /* ids of a text; 0: 256 */
} recap_classifier_options;

/* The built-in taxonomy of 30 genres, in index order. */
RECAP_API const char *const *recap_default_taxonomy(size_t *n);

RECAP_API int recap_open_classifier(const recap_classifier_options *options, recap_classifier **out,
                                    recap_error *error);
RECAP_API void recap_close_classifier(recap_classifier *classifier);

/* The labels in index order; live as long as the classifier. */
RECAP_API const char *const *recap_classifier_labels(const recap_classifier *classifier, size_t *n);
RECAP_API double recap_classifier_threshold(const recap_classifier *classifier, size_t label);

/* scores [n, n_labels] in 0..1; logits [n, n_labels] may be NULL. The language of each text decides
 * the model; undecided, or that model absent: the Japanese one if present, else the English one. */
RECAP_API int recap_classify_texts(recap_context *context, const recap_classifier *classifier,
                                   const recap_text *texts, size_t n, float *scores, float *logits,
                                   recap_error *error);
/* The best genre that reaches its threshold, else the best. scores [n_labels]. */
RECAP_API size_t recap_top_genre(const recap_classifier *classifier, const float *scores);

/* ---- training a head ---- */

typedef struct recap_train_options {
    double l2;             /* negative: chosen by cross-validation from 1e-4 .. 1e2 */
    size_t folds;          /* 0: 5 (fewer where a genre has fewer examples) */
    bool no_class_weights; /* else examples weigh inversely to their genre's size */
    size_t max_iterations; /* of L-BFGS; 0: 200 */
} recap_train_options;

typedef struct recap_train_report {
    size_t n_examples, n_labels, n_folds;
    double l2;
    double accuracy, macro_f1, log_loss; /* cross-validated, after calibration */
    double temperature;                  /* that the logits are divided by (Guo et al. 2017) */
    double calibration_error;            /* expected, 10 bins, after calibration */
    double *label_f1;                    /* [n_labels] */
    char **labels;                       /* [n_labels], sorted by name */
    size_t *label_counts;                /* [n_labels] */
} recap_train_report;

/* Fits a multinomial logistic head on the vectors of n texts and writes it to `directory` together
 * with the embedder's identity; a head opened with another embedder is refused. At least two
 * genres, at least two examples each. */
RECAP_API int recap_train_head(recap_context *context, const recap_model *embedder,
                               const recap_text *texts, const char *const *labels, size_t n,
                               const recap_train_options *options, const char *directory,
                               recap_train_report *report, recap_error *error);
RECAP_API void recap_free_train_report(recap_train_report *report);

#ifdef __cplusplus
}
#endif
#endif
