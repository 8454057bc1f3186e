/* Clusters that are stories: sentences of articles that tell the same event.
 *
 * A sentence alone says little of its story ("He resigned on Monday."), the article that it stands
 * in says much. So each row is its vector, with the mean of all rows taken off (embedders' vectors
 * share a large common part), plus `article_weight` times the mean of its article's rows; average
 * linkage of the cosine distance joins rows up to `max_distance`. Groups of fewer than `min_size`
 * rows are noise, unless all are that small. Values and what they reach: docs/decisions/stories.md.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "evidence.h"

static double row_length(const float *row, size_t d)
{
    double sum = 0;
    for (size_t c = 0; c < d; c++) sum += (double)row[c] * (double)row[c];
    return sqrt(sum);
}

/* y = x less its mean, each row of length 1; false where a row is then nothing. */
static bool centre(const float *x, size_t n, size_t d, double *mean, float *y)
{
    memset(mean, 0, d * sizeof *mean);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < d; c++) mean[c] += (double)x[i * d + c] / (double)n;
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < d; c++) y[i * d + c] = (float)((double)x[i * d + c] - mean[c]);
        double length = row_length(y + i * d, d);
        if (length < 1e-4) return false;
        for (size_t c = 0; c < d; c++) y[i * d + c] /= (float)length;
    }
    return true;
}

/* Adds to every row `weight` times the mean of its article's rows, which stand together. */
static void add_articles(float *y, size_t d, const size_t *articles, size_t n, double weight,
                         double *mean)
{
    for (size_t begin = 0, end; begin < n; begin = end) {
        memset(mean, 0, d * sizeof *mean);
        for (end = begin; end < n && articles[end] == articles[begin]; end++)
            for (size_t c = 0; c < d; c++) mean[c] += (double)y[end * d + c];
        double factor = weight / (double)(end - begin);
        for (size_t i = begin; i < end; i++)
            for (size_t c = 0; c < d; c++)
                y[i * d + c] = (float)((double)y[i * d + c] + factor * mean[c]);
    }
}

/* Groups of fewer than min_size rows become noise; the others are numbered anew. */
static int drop_small(int32_t *labels, size_t n, size_t min_size, size_t *n_labels,
                      recap_error *error)
{
    size_t *sizes = new_zeroed(*n_labels, sizeof *sizes), kept = 0;
    int32_t *map = new_array(*n_labels, sizeof *map);
    if (!sizes || !map) {
        free(sizes);
        free(map);
        return fail_memory(error, *n_labels * sizeof *sizes);
    }
    for (size_t i = 0; i < n; i++) sizes[labels[i]]++;
    for (size_t k = 0; k < *n_labels; k++) map[k] = sizes[k] >= min_size ? (int32_t)kept++ : -1;
    for (size_t i = 0; kept > 0 && i < n; i++) labels[i] = map[labels[i]];
    if (kept > 0) *n_labels = kept;
    free(sizes);
    free(map);
    return RECAP_OK;
}

int evidence_stories(recap_context *context, const float *x, size_t n, size_t d,
                     const size_t *articles, const struct story_options *options, int32_t *labels,
                     size_t *n_labels, recap_error *error)
{
    *n_labels = 0;
    if (n == 0) return RECAP_OK;
    float *y = new_aligned(n * d, sizeof *y);
    double *mean = new_array(d, sizeof *mean), *merges = new_array(4 * n, sizeof *merges);
    int status = y && mean && merges ? RECAP_OK : fail_memory(error, n * d * sizeof *y);
    if (!status) {
        if (!centre(x, n, d, mean, y)) memcpy(y, x, n * d * sizeof *y);
        add_articles(y, d, articles, n, options->article_weight, mean);
        status = recap_average_linkage(context, y, n, d, merges, error);
    }
    if (!status)
        status = recap_cut_linkage_at(merges, n, options->max_distance, labels, n_labels, error);
    if (!status) status = drop_small(labels, n, options->min_size, n_labels, error);
    free(y);
    free(mean);
    free(merges);
    return status;
}
