/* A logistic head over an embedder's vectors: one JSON file, head.json, in a directory.
 *
 *   {"format": "recap-head", "version": 1, "embedder": identity, "embedder_name": ..., "prefix":
 * ..., "max_length": n, "labels": [..], "weights": [[..], ..], "bias": [..], "temperature": t,
 *    "report": {..}}
 *
 * logit = (weights · vector + bias) / temperature. */
#ifndef HEAD_PRIVATE_H
#define HEAD_PRIVATE_H

#include "base/base.h"
#include "recap/classifier.h"

enum { head_max_length = 256 };

struct head {
    size_t n_labels, dimensions;
    char **labels;  /* [n_labels] */
    float *weights; /* [n_labels, dimensions] */
    float *bias;    /* [n_labels] */
    double temperature;
    char *embedder; /* identity */
    char *prefix;
};

/* Reads directory/head.json; RECAP_ERROR_MODEL names what is wrong with it. head_free accepts a
 * half-filled one. */
int head_read(const char *directory, struct head *out, recap_error *error);
int head_write(const char *directory, const struct head *head, const char *embedder_name,
               const recap_train_report *report, recap_error *error);
void head_free(struct head *head);
/* logits [n_labels] of one vector [dimensions]. */
void head_apply(const struct head *head, const float *vector, float *logits);

/* Fits weights, bias and temperature of `head` (whose sizes are set and arrays allocated) to the
 * vectors x [n, dimensions] with labels y [n] in 0..n_labels-1. */
int head_fit(recap_context *context, struct head *head, const float *x, const int32_t *y, size_t n,
             const recap_train_options *options, recap_train_report *report, recap_error *error);

#endif
