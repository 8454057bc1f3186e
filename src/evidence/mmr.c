/* Maximal marginal relevance (Carbonell and Goldstein 1998):
 *
 *   next = argmax  lambda · cos(candidate, mean) - (1 - lambda) · max cos(candidate, chosen)
 *
 * The state is kept open between picks, so that several groups may take turns. */
#include <math.h>
#include <stdlib.h>

#include "compute/compute.h"
#include "evidence.h"

struct mmr {
    const float *x; /* [.., d] */
    size_t d, n, n_chosen;
    const size_t *candidates; /* [n] rows of x */
    double lambda;
    float *relevance;  /* [n] */
    float *redundancy; /* [n] largest cosine with a chosen one */
    bool *chosen;      /* [n] */
};

static double clamp_unit(double value)
{
    if (!(value > 0)) return 0;
    return value < 1 ? value : 1;
}

double mmr_lambda(double average_similarity, bool known, double otherwise)
{
    return clamp_unit(known ? 0.5 + 0.3 * (1 - average_similarity) : otherwise);
}

/* sum [width]: columns begin .. begin + width of the rows, in double. */
static void sum_rows(const float *x, size_t d, const size_t *rows, size_t n, size_t begin,
                     size_t width, double *sum)
{
    for (size_t j = 0; j < width; j++) sum[j] = 0;
    for (size_t i = 0; i < n; i++) {
        const float *row = x + rows[i] * d + begin;
        for (size_t j = 0; j < width; j++) sum[j] += (double)row[j];
    }
}

static double squared_length(const double *v, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++) sum += v[j] * v[j];
    return sum;
}

/* Over pairs: |sum|² = n + the cosines of all ordered pairs, as rows have length 1. */
bool average_similarity(const float *x, size_t d, const size_t *rows, size_t n, double *out)
{
    if (n < 2) return false;
    double sum[64], total = 0, m = (double)n;
    for (size_t begin = 0; begin < d; begin += COUNT_OF(sum)) {
        size_t width = d - begin < COUNT_OF(sum) ? d - begin : COUNT_OF(sum);
        sum_rows(x, d, rows, n, begin, width, sum);
        total += squared_length(sum, width);
    }
    double mean = (total - m) / (m * (m - 1));
    *out = mean < -1 ? -1 : mean > 1 ? 1 : mean;
    return isfinite(mean);
}

/* The direction of the rows' mean, as float32; zero where they cancel out. */
static int mean_direction(const float *x, size_t d, const size_t *rows, size_t n, float *mean)
{
    double *sum = new_array(d, sizeof(*sum));
    if (!sum) return RECAP_ERROR_MEMORY;
    sum_rows(x, d, rows, n, 0, d, sum);
    double length = sqrt(squared_length(sum, d));
    for (size_t j = 0; j < d; j++) mean[j] = length > 0 ? (float)(sum[j] / length) : 0;
    free(sum);
    return RECAP_OK;
}

static int measure_relevance(struct mmr *mmr, const size_t *of, size_t n_of)
{
    float *mean = new_array(mmr->d, sizeof(*mean));
    if (!mean || mean_direction(mmr->x, mmr->d, of, n_of, mean)) {
        free(mean);
        return RECAP_ERROR_MEMORY;
    }
    for (size_t i = 0; i < mmr->n; i++)
        mmr->relevance[i] = compute_dot(mmr->x + mmr->candidates[i] * mmr->d, mean, mmr->d);
    free(mean);
    return RECAP_OK;
}

int mmr_open(const float *x, size_t d, const size_t *candidates, size_t n, const size_t *of,
             size_t n_of, double lambda, struct mmr **out, recap_error *error)
{
    struct mmr *mmr = new_zeroed(1, sizeof(*mmr));
    *out = NULL;
    if (!mmr) return fail_memory(error, sizeof(*mmr));
    *mmr = (struct mmr){
        .x = x, .d = d, .n = n, .candidates = candidates, .lambda = clamp_unit(lambda)};
    mmr->relevance = new_array(n, sizeof(float));
    mmr->redundancy = new_array(n, sizeof(float));
    mmr->chosen = new_zeroed(n, sizeof(bool));
    if (!mmr->relevance || !mmr->redundancy || !mmr->chosen || measure_relevance(mmr, of, n_of)) {
        mmr_close(mmr);
        return fail_memory(error, n * (2 * sizeof(float) + sizeof(bool)));
    }
    for (size_t i = 0; i < n; i++) mmr->redundancy[i] = -INFINITY;
    *out = mmr;
    return RECAP_OK;
}

void mmr_close(struct mmr *mmr)
{
    if (!mmr) return;
    free(mmr->relevance);
    free(mmr->redundancy);
    free(mmr->chosen);
    free(mmr);
}

static double marginal(const struct mmr *mmr, size_t i)
{
    double relevance = (double)mmr->relevance[i];
    if (!mmr->n_chosen) return relevance;
    return mmr->lambda * relevance - (1 - mmr->lambda) * (double)mmr->redundancy[i];
}

static void choose(struct mmr *mmr, size_t index)
{
    const float *row = mmr->x + mmr->candidates[index] * mmr->d;
    mmr->chosen[index] = true;
    mmr->n_chosen++;
    for (size_t i = 0; i < mmr->n; i++) {
        float cosine = compute_dot(mmr->x + mmr->candidates[i] * mmr->d, row, mmr->d);
        if (cosine > mmr->redundancy[i]) mmr->redundancy[i] = cosine;
    }
}

bool mmr_next(struct mmr *mmr, const bool *allowed, size_t *index)
{
    bool found = false;
    double best = 0;
    for (size_t i = 0; i < mmr->n; i++) {
        if (mmr->chosen[i] || (allowed && !allowed[i])) continue;
        double score = marginal(mmr, i);
        if (found && score <= best) continue;
        found = true;
        best = score;
        *index = i;
    }
    if (found) choose(mmr, *index);
    return found;
}
