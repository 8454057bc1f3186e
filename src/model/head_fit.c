/* Multinomial logistic regression on an embedder's vectors.
 *
 *   minimise  sum_i c_i · -log softmax(W x_i + b)[y_i]  +  l2/2 · |W|²
 *
 * by L-BFGS (Nocedal 1980; liblbfgs), with class weights c, over vectors from which the mean is
 * taken (embedders' vectors share a large common part, which slows the descent down; it goes into
 * the bias at the end). L2 is chosen by stratified cross-validation of the log loss, and the logits
 * of the left-out folds give the temperature (Guo et al. 2017). Products are in f32, sums of the
 * loss in f64. */
#include "head_private.h"

#include <lbfgs.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compute/compute.h"

struct problem {
    recap_context *context;
    size_t n, d, k;
    const float *x;   /* [n, d] */
    float *xt;        /* [d, n] */
    const int32_t *y; /* [n] */
    double *weight;   /* [n] class weights, mean 1 */
    double l2;
    float *w;      /* [k, d] of the point that is evaluated */
    float *logits; /* [n, k] */
    float *p;      /* [k, n] weighted probability minus target */
    float *g;      /* [k, d] */
};

/* Softmax of a row in place; returns log of the sum, so that -log p[y] = that - logit[y]. */
static double softmax(float *row, size_t k)
{
    double top = row[0], sum = 0;
    for (size_t i = 1; i < k; i++)
        if (row[i] > top) top = row[i];
    for (size_t i = 0; i < k; i++) sum += exp((double)row[i] - top);
    double log_sum = top + log(sum);
    for (size_t i = 0; i < k; i++) row[i] = (float)exp((double)row[i] - log_sum);
    return log_sum;
}

/* liblbfgs's callback: parameters are W [k, d] then b [k]. */
static lbfgsfloatval_t evaluate(void *data, const lbfgsfloatval_t *at, lbfgsfloatval_t *gradient,
                                const int n_parameters, const lbfgsfloatval_t step)
{
    struct problem *problem = data;
    size_t n = problem->n, d = problem->d, k = problem->k;
    const double *bias = at + k * d;
    double scale = 1.0 / (double)n, loss = 0;
    for (size_t i = 0; i < k * d; i++) problem->w[i] = (float)at[i];
    compute_product(problem->context, n, k, d, problem->x, d, problem->w, d, problem->logits, k);
    memset(gradient + k * d, 0, k * sizeof *gradient);
    for (size_t i = 0; i < n; i++) {
        float *row = problem->logits + i * k;
        size_t y = (size_t)problem->y[i];
        for (size_t c = 0; c < k; c++) row[c] += (float)bias[c];
        double target = row[y];
        loss += problem->weight[i] * (softmax(row, k) - target);
        for (size_t c = 0; c < k; c++) {
            double p = problem->weight[i] * ((double)row[c] - (c == y));
            problem->p[c * n + i] = (float)p;
            gradient[k * d + c] += p * scale;
        }
    }
    compute_product(problem->context, k, d, n, problem->p, n, problem->xt, n, problem->g, d);
    double penalty = 0;
    for (size_t i = 0; i < k * d; i++) {
        penalty += at[i] * at[i];
        gradient[i] = ((double)problem->g[i] + problem->l2 * at[i]) * scale;
    }
    return (loss + 0.5 * problem->l2 * penalty) * scale;
}

static void close_problem(struct problem *problem)
{
    free(problem->xt);
    free(problem->weight);
    free(problem->w);
    free(problem->logits);
    free(problem->p);
    free(problem->g);
}

static int open_problem(struct problem *problem, bool class_weights, recap_error *error)
{
    size_t n = problem->n, d = problem->d, k = problem->k;
    problem->xt = new_array(n * d, sizeof(float));
    problem->weight = new_array(n, sizeof(double));
    problem->w = new_array(k * d, sizeof(float));
    problem->logits = new_array(n * k, sizeof(float));
    problem->p = new_array(n * k, sizeof(float));
    problem->g = new_array(k * d, sizeof(float));
    size_t *counts = new_zeroed(k, sizeof *counts);
    if (!problem->xt || !problem->weight || !problem->w || !problem->logits || !problem->p ||
        !problem->g || !counts) {
        free(counts);
        return fail_memory(error, n * d * sizeof(float));
    }
    size_t present = 0;
    for (size_t i = 0; i < n; i++) present += counts[problem->y[i]]++ == 0;
    for (size_t i = 0; i < n; i++) {
        problem->weight[i] = class_weights
                                 ? (double)n / ((double)present * (double)counts[problem->y[i]])
                                 : 1;
        for (size_t c = 0; c < d; c++) problem->xt[c * n + i] = problem->x[i * d + c];
    }
    free(counts);
    return RECAP_OK;
}

/* Descends from `parameters` [k * d + k], which hold the result after. */
static int descend(struct problem *problem, size_t max_iterations, double *parameters,
                   recap_error *error)
{
    size_t n = problem->k * problem->d + problem->k;
    lbfgsfloatval_t *at = lbfgs_malloc((int)n);
    if (!at) return fail_memory(error, n * sizeof *at);
    memcpy(at, parameters, n * sizeof *at);
    lbfgs_parameter_t options;
    lbfgs_parameter_init(&options);
    options.epsilon = 1e-4;
    options.past = 5;
    options.delta = 1e-6;
    options.max_iterations = (int)max_iterations;
    /* Its other ends (rounding in the line search, the limit of iterations) leave the best point.
     */
    int ended = lbfgs((int)n, at, NULL, evaluate, NULL, problem, &options);
    memcpy(parameters, at, n * sizeof *at);
    lbfgs_free(at);
    if (ended == LBFGSERR_OUTOFMEMORY) return fail_memory(error, n * sizeof *at);
    return context_check(problem->context, "train", 0, 0, error);
}

/* ---- cross-validation ---- */

static const double grid[] = {1e2, 1e1, 1, 1e-1, 1e-2, 1e-3, 1e-4}; /* each starts from the last */

struct split {
    size_t n;
    float *x;        /* [n, d] */
    int32_t *y;      /* [n] */
    size_t *origins; /* [n] */
};

static void close_split(struct split *split)
{
    free(split->x);
    free(split->y);
    free(split->origins);
}

/* The rows whose fold is (`inside`) or is not `fold`. */
static int open_split(struct split *split, const float *x, const int32_t *y, const size_t *folds,
                      size_t n, size_t d, size_t fold, bool inside, recap_error *error)
{
    split->x = new_array(n * d, sizeof(float));
    split->y = new_array(n, sizeof(int32_t));
    split->origins = new_array(n, sizeof(size_t));
    split->n = 0;
    if (!split->x || !split->y || !split->origins) return fail_memory(error, n * d * sizeof(float));
    for (size_t i = 0; i < n; i++) {
        if ((folds[i] == fold) != inside) continue;
        memcpy(split->x + split->n * d, x + i * d, d * sizeof(float));
        split->y[split->n] = y[i];
        split->origins[split->n++] = i;
    }
    return RECAP_OK;
}

/* Fits on the other folds for every l2 of the grid; out [n_grid, n, k] gets the logits of this one.
 */
static int run_fold(recap_context *context, const struct head *head, const float *x,
                    const int32_t *y, const size_t *folds, size_t n, size_t fold,
                    const recap_train_options *options, const double *l2, size_t n_l2, float *out,
                    recap_error *error)
{
    size_t d = head->dimensions, k = head->n_labels;
    struct split train = {0}, test = {0};
    struct problem problem = {.context = context, .d = d, .k = k};
    double *parameters = new_zeroed(k * d + k, sizeof *parameters);
    int status = parameters ? RECAP_OK : fail_memory(error, k * d * sizeof *parameters);
    if (status == RECAP_OK) status = open_split(&train, x, y, folds, n, d, fold, false, error);
    if (status == RECAP_OK) status = open_split(&test, x, y, folds, n, d, fold, true, error);
    problem.n = train.n;
    problem.x = train.x;
    problem.y = train.y;
    if (status == RECAP_OK) status = open_problem(&problem, !options->no_class_weights, error);
    for (size_t g = 0; status == RECAP_OK && g < n_l2; g++) {
        problem.l2 = l2[g];
        status = descend(&problem, options->max_iterations, parameters, error);
        for (size_t i = 0; status == RECAP_OK && i < test.n; i++)
            for (size_t c = 0; c < k; c++) {
                double sum = parameters[k * d + c];
                for (size_t j = 0; j < d; j++)
                    sum += parameters[c * d + j] * (double)test.x[i * d + j];
                out[(g * n + test.origins[i]) * k + c] = (float)sum;
            }
    }
    close_problem(&problem);
    close_split(&train);
    close_split(&test);
    free(parameters);
    return status;
}

/* Mean of -log p[y] with logits divided by `temperature`. */
static double log_loss(const float *logits, const int32_t *y, size_t n, size_t k,
                       double temperature)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const float *row = logits + i * k;
        double top = row[0], total = 0;
        for (size_t c = 1; c < k; c++)
            if (row[c] > top) top = row[c];
        for (size_t c = 0; c < k; c++) total += exp(((double)row[c] - top) / temperature);
        sum += log(total) - ((double)row[y[i]] - top) / temperature;
    }
    return sum / (double)n;
}

/* Golden-section search of the temperature over its logarithm. */
static double fit_temperature(const float *logits, const int32_t *y, size_t n, size_t k)
{
    const double ratio = 0.6180339887498949;
    double low = log(0.05), high = log(20.0);
    double a = high - ratio * (high - low), b = low + ratio * (high - low);
    double at_a = log_loss(logits, y, n, k, exp(a)), at_b = log_loss(logits, y, n, k, exp(b));
    for (int i = 0; i < 40; i++) {
        if (at_a < at_b) {
            high = b;
            b = a;
            at_b = at_a;
            a = high - ratio * (high - low);
            at_a = log_loss(logits, y, n, k, exp(a));
        } else {
            low = a;
            a = b;
            at_a = at_b;
            b = low + ratio * (high - low);
            at_b = log_loss(logits, y, n, k, exp(b));
        }
    }
    return exp((low + high) / 2);
}

/* ---- the report ---- */

struct tally {
    size_t hits, predicted, actual;
};

static int measure(const float *logits, const int32_t *y, size_t n, size_t k,
                   recap_train_report *report, recap_error *error)
{
    enum { n_bins = 10 };
    double confidence[n_bins] = {0}, correct[n_bins] = {0};
    struct tally *tallies = new_zeroed(k, sizeof *tallies);
    float *row = new_array(k, sizeof *row);
    size_t right = 0;
    if (!tallies || !row) {
        free(tallies);
        free(row);
        return fail_memory(error, k * sizeof *tallies);
    }
    for (size_t i = 0; i < n; i++) {
        size_t best = 0;
        for (size_t c = 0; c < k; c++) {
            row[c] = logits[i * k + c] / (float)report->temperature;
            if (row[c] > row[best]) best = c;
        }
        softmax(row, k);
        bool hit = best == (size_t)y[i];
        size_t bin = (size_t)((double)row[best] * n_bins);
        if (bin >= n_bins) bin = n_bins - 1;
        confidence[bin] += (double)row[best];
        correct[bin] += hit;
        right += hit;
        tallies[best].predicted++;
        tallies[y[i]].actual++;
        tallies[best].hits += hit;
    }
    report->accuracy = (double)right / (double)n;
    report->log_loss = log_loss(logits, y, n, k, report->temperature);
    for (size_t b = 0; b < n_bins; b++)
        report->calibration_error += fabs(confidence[b] - correct[b]) / (double)n;
    for (size_t c = 0; c < k; c++) {
        size_t sum = tallies[c].predicted + tallies[c].actual;
        report->label_f1[c] = sum ? 2.0 * (double)tallies[c].hits / (double)sum : 0;
        report->macro_f1 += report->label_f1[c] / (double)k;
    }
    free(tallies);
    free(row);
    return RECAP_OK;
}

/* The i-th example of a label, in a shuffled order, goes to fold i modulo their number. */
static int assign_folds(uint64_t seed, const int32_t *y, size_t n, size_t k, size_t n_folds,
                        size_t *folds, recap_error *error)
{
    size_t *order = new_array(n, sizeof *order), *seen = new_zeroed(k, sizeof *seen);
    if (!order || !seen) {
        free(order);
        free(seen);
        return fail_memory(error, n * sizeof *order);
    }
    for (size_t i = 0; i < n; i++) order[i] = i;
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)random_below(i, seed, 0x7261696E, i), swap = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swap;
    }
    for (size_t i = 0; i < n; i++) folds[order[i]] = seen[y[order[i]]]++ % n_folds;
    free(order);
    free(seen);
    return RECAP_OK;
}

/* Cross-validates; chooses l2 and temperature. */
static int validate(recap_context *context, const struct head *head, const float *x,
                    const int32_t *y, size_t n, const recap_train_options *options,
                    recap_train_report *report, recap_error *error)
{
    size_t k = head->n_labels;
    const double *l2 = options->l2 >= 0 ? &options->l2 : grid;
    size_t n_l2 = options->l2 >= 0 ? 1 : COUNT_OF(grid), best = 0;
    size_t *folds = new_array(n, sizeof *folds);
    float *logits = new_array(n_l2 * n * k, sizeof *logits);
    int status = folds && logits
                     ? assign_folds(context->seed, y, n, k, report->n_folds, folds, error)
                     : fail_memory(error, n_l2 * n * k * sizeof *logits);
    for (size_t fold = 0; status == RECAP_OK && fold < report->n_folds; fold++) {
        status = context_check(context, "train", fold, report->n_folds + 1, error);
        if (status == RECAP_OK)
            status = run_fold(context, head, x, y, folds, n, fold, options, l2, n_l2, logits,
                              error);
    }
    double lowest = INFINITY;
    for (size_t g = 0; status == RECAP_OK && g < n_l2; g++) {
        double loss = log_loss(logits + g * n * k, y, n, k, 1);
        if (loss < lowest) {
            lowest = loss;
            best = g;
        }
    }
    if (status == RECAP_OK) {
        report->l2 = l2[best];
        report->temperature = fit_temperature(logits + best * n * k, y, n, k);
        status = measure(logits + best * n * k, y, n, k, report, error);
    }
    free(folds);
    free(logits);
    return status;
}

static int fit_all(recap_context *context, struct head *head, const float *x, const int32_t *y,
                   size_t n, const recap_train_options *options, double l2, const double *mean,
                   recap_error *error)
{
    size_t d = head->dimensions, k = head->n_labels;
    struct problem problem = {.context = context, .n = n, .d = d, .k = k, .x = x, .y = y, .l2 = l2};
    double *parameters = new_zeroed(k * d + k, sizeof *parameters);
    int status = parameters ? open_problem(&problem, !options->no_class_weights, error)
                            : fail_memory(error, k * d * sizeof *parameters);
    if (status == RECAP_OK) status = descend(&problem, options->max_iterations, parameters, error);
    for (size_t c = 0; status == RECAP_OK && c < k; c++) {
        double bias = parameters[k * d + c];
        for (size_t j = 0; j < d; j++) {
            head->weights[c * d + j] = (float)parameters[c * d + j];
            bias -= parameters[c * d + j] * mean[j];
        }
        head->bias[c] = (float)bias;
    }
    close_problem(&problem);
    free(parameters);
    return status;
}

int head_fit(recap_context *context, struct head *head, const float *x, const int32_t *y, size_t n,
             const recap_train_options *options, recap_train_report *report, recap_error *error)
{
    size_t d = head->dimensions;
    float *centred = new_array(n * d, sizeof *centred);
    double *mean = new_zeroed(d, sizeof *mean);
    int status = centred && mean ? RECAP_OK : fail_memory(error, n * d * sizeof *centred);
    if (status == RECAP_OK) {
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < d; j++) mean[j] += (double)x[i * d + j] / (double)n;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < d; j++)
                centred[i * d + j] = (float)((double)x[i * d + j] - mean[j]);
        status = validate(context, head, centred, y, n, options, report, error);
    }
    if (status == RECAP_OK)
        status = fit_all(context, head, centred, y, n, options, report->l2, mean, error);
    head->temperature = report->temperature;
    free(centred);
    free(mean);
    return status;
}
