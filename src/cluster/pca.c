/* Principal component scores: the largest eigenvectors of the smaller of the two Gram matrices of
 * the centred rows (columns by columns where d <= n, else rows by rows). */
#include "cluster_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct pca {
    const float *x; /* [n, d] */
    size_t n, d, size;
    double *mean; /* [d] */
    double *gram; /* [size, size], scaled so that its largest eigenvalue is at most 1 */
};

static void apply_gram(const struct eigen_operator *op, recap_context *context, const double *x,
                       double *y, size_t width)
{
    const struct pca *p = op->data;
    for (size_t i = 0; i < p->size; i++) {
        double *restrict out = y + i * width;
        memset(out, 0, width * sizeof *out);
        for (size_t j = 0; j < p->size; j++) {
            const double *restrict row = x + j * width;
            double factor = p->gram[i * p->size + j];
            for (size_t c = 0; c < width; c++) out[c] += factor * row[c];
        }
    }
}

static double centred(const struct pca *p, size_t row, size_t column)
{
    return (double)p->x[cluster_offset(row, p->d, column)] - p->mean[column];
}

/* Rows begin..end of the columns' Gram matrix, right of the diagonal. */
static void gram_of_columns(void *data, size_t begin, size_t end, int thread)
{
    struct pca *p = data;
    for (size_t r = 0; r < p->n; r++) {
        const float *row = p->x + cluster_offset(r, p->d, 0);
        for (size_t i = begin; i < end; i++) {
            double value = (double)row[i] - p->mean[i];
            double *restrict out = p->gram + i * p->d;
            for (size_t j = i; j < p->d; j++) out[j] += value * ((double)row[j] - p->mean[j]);
        }
    }
}

static void gram_of_rows(void *data, size_t begin, size_t end, int thread)
{
    struct pca *p = data;
    for (size_t i = begin; i < end; i++) {
        for (size_t j = i; j < p->n; j++) {
            double sum = 0;
            for (size_t c = 0; c < p->d; c++) sum += centred(p, i, c) * centred(p, j, c);
            p->gram[i * p->n + j] = sum;
        }
    }
}

/* Mirrors the upper half and scales by the trace; false where all rows are equal. */
static bool finish_gram(struct pca *p)
{
    double trace = 0;
    for (size_t i = 0; i < p->size; i++) trace += p->gram[i * p->size + i];
    if (!(trace > 0)) return false;
    for (size_t i = 0; i < p->size; i++)
        for (size_t j = i; j < p->size; j++) {
            p->gram[i * p->size + j] /= trace;
            p->gram[j * p->size + i] = p->gram[i * p->size + j];
        }
    return true;
}

/* scores [n, wanted] from the eigenvectors of either Gram matrix. */
static void write_scores(const struct pca *p, size_t wanted, const double *vectors,
                         const double *values, double trace, float *out, size_t out_width)
{
    for (size_t c = 0; c < wanted; c++) {
        double largest = 0;
        for (size_t r = 0; r < p->n; r++) {
            double score = 0;
            if (p->size == p->d)
                for (size_t j = 0; j < p->d; j++)
                    score += centred(p, r, j) * vectors[j * wanted + c];
            else if (values[c] > 0)
                score = vectors[r * wanted + c] * sqrt(values[c] * trace);
            out[r * out_width + c] = (float)score;
            if (fabs(score) > fabs(largest) * (1 + 1e-9)) largest = score;
        }
        for (size_t r = 0; largest < 0 && r < p->n; r++)
            out[r * out_width + c] = -out[r * out_width + c];
    }
}

static double total_variance(const struct pca *p)
{
    double total = 0;
    for (size_t r = 0; r < p->n; r++)
        for (size_t c = 0; c < p->d; c++) total += centred(p, r, c) * centred(p, r, c);
    return total;
}

static int solve(recap_context *context, struct pca *p, size_t wanted, float *out, size_t out_width,
                 recap_error *error)
{
    pool_run(context_pool(context), p->size, 32, p->size == p->d ? gram_of_columns : gram_of_rows,
             p);
    int status = context_check(context, "pca", 1, 2, error);
    if (status || !finish_gram(p)) return status;
    double *vectors = new_array(p->size * wanted + wanted, sizeof *vectors);
    if (!vectors) return fail_memory(error, (p->size + 1) * wanted * sizeof *vectors);
    double *values = vectors + p->size * wanted;
    struct eigen_operator op = {
        .n = p->size, .lowest = 0, .apply = apply_gram, .data = p, .tolerance = 1e-6, .rounds = 24};
    bool converged; /* near-equal variances: any turn of their directions is an answer */
    status = eigen_largest(context, &op, wanted, vectors, values, &converged, error);
    if (!status) write_scores(p, wanted, vectors, values, total_variance(p), out, out_width);
    free(vectors);
    return status;
}

int recap_pca(recap_context *context, const float *x, size_t n, size_t d, size_t n_components,
              float *out, recap_error *error)
{
    int status = cluster_check_matrix(x, n, d, RECAP_METRIC_EUCLIDEAN, error);
    if (status) return status;
    if (n_components == 0)
        return fail(error, RECAP_ERROR_USAGE, "0 principal components: at least 1 is needed");
    if (n == 0) return RECAP_OK;
    struct pca p = {x, n, d, d <= n ? d : n, NULL, NULL};
    size_t wanted = n_components < p.size ? n_components : p.size;
    memset(out, 0, n * n_components * sizeof *out); /* components past the rank are 0 */
    p.mean = new_zeroed(d, sizeof *p.mean);
    p.gram = new_zeroed(p.size * p.size, sizeof *p.gram);
    if (p.mean && p.gram) {
        for (size_t r = 0; r < n; r++)
            for (size_t c = 0; c < d; c++) p.mean[c] += (double)x[r * d + c];
        for (size_t c = 0; c < d; c++) p.mean[c] /= (double)n;
        status = solve(context, &p, wanted, out, n_components, error);
    } else {
        status = fail_memory(error, p.size * p.size * sizeof *p.gram);
    }
    free(p.mean);
    free(p.gram);
    return status;
}
