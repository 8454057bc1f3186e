/* What comes after the last layer: pooling, classification heads, scores. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_private.h"

/* ---- pooling ---- */

static void pool_mean(const float *hidden, size_t n_tokens, size_t stride, size_t n, float *out)
{
    memset(out, 0, n * sizeof *out);
    for (size_t t = 0; t < n_tokens; t++)
        for (size_t j = 0; j < n; j++) out[j] += hidden[t * stride + j];
    for (size_t j = 0; j < n; j++) out[j] /= (float)n_tokens;
}

static void pool_max(const float *hidden, size_t n_tokens, size_t stride, size_t n, float *out)
{
    memcpy(out, hidden, n * sizeof *out);
    for (size_t t = 1; t < n_tokens; t++)
        for (size_t j = 0; j < n; j++) {
            float value = hidden[t * stride + j];
            if (value > out[j] || isnan(value)) out[j] = value;
        }
}

void model_pool(recap_pooling pooling, const float *hidden, size_t n_tokens, size_t n_hidden,
                size_t n, float *out)
{
    size_t row = pooling == RECAP_POOLING_LAST ? n_tokens - 1 : 0;
    if (pooling == RECAP_POOLING_MEAN)
        pool_mean(hidden, n_tokens, n_hidden, n, out);
    else if (pooling == RECAP_POOLING_MAX)
        pool_max(hidden, n_tokens, n_hidden, n, out);
    else
        memcpy(out, hidden + row * n_hidden, n * sizeof *out);
}

/* ---- classification ---- */

int model_apply_head(const recap_model *model, float *first, size_t n, float *out,
                     recap_error *error)
{
    const struct head *head = &model->head;
    size_t hidden = model->config.hidden, n_labels = model->config.n_labels;
    float *middle = new_array(hidden, sizeof *middle);
    if (!middle) return fail_memory(error, hidden * sizeof *middle);
    for (size_t i = 0; i < n; i++) {
        compute_dense(&head->first, 1, first + i * hidden, hidden, head->first_bias, false, middle,
                      hidden);
        for (size_t j = 0; j < hidden; j++)
            middle[j] = model->config.family == FAMILY_DISTILBERT ? (middle[j] < 0 ? 0 : middle[j])
                                                                  : (float)tanh((double)middle[j]);
        compute_dense(&head->second, 1, middle, hidden, head->second_bias, false,
                      out + i * n_labels, n_labels);
    }
    free(middle);
    return RECAP_OK;
}

void recap_scores_from_logits(float *logits, size_t n_labels, bool multi_label)
{
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < n_labels; i++) most = fmax(most, logits[i]);
    for (size_t i = 0; !multi_label && i < n_labels; i++) sum += exp((double)logits[i] - most);
    for (size_t i = 0; i < n_labels; i++) {
        double value = logits[i];
        logits[i] = (float)(multi_label ? 1 / (1 + exp(-value)) : exp(value - most) / sum);
    }
}
