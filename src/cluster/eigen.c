/* Extreme eigenvectors of symmetric operators: Chebyshev-filtered subspace iteration (Zhou, Saad,
 * Tiago, Chelikowsky 2006) with Rayleigh-Ritz by Jacobi's rotations.
 *
 * A round: a polynomial of degree DEGREE damps everything under the block's smallest Ritz value,
 * the block is made orthonormal, and the small problem inside it is solved. There are at most
 * `rounds` of them, whatever the graph: near-equal eigenvalues (a graph nearly in pieces) only
 * decide how the directions inside the block are turned. Sums over rows run in fixed chunks, added
 * in order, so the threads don't change a bit. Shapes: blocks [n, width], row-major. */
#include "cluster_private.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEGREE = 20, CHUNK = 512, SPARE = 8 };

/* ---- dense ---- */

/* Turns rows and columns p, q of a so that a[p][q] becomes 0. */
static void rotate(double *a, double *vectors, size_t n, size_t p, size_t q)
{
    double apq = a[p * n + q];
    double theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
    double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
    double c = 1 / sqrt(t * t + 1), s = t * c;
    for (size_t i = 0; i < n; i++) {
        double u = a[i * n + p], v = a[i * n + q];
        a[i * n + p] = c * u - s * v;
        a[i * n + q] = s * u + c * v;
    }
    for (size_t i = 0; i < n; i++) {
        double u = a[p * n + i], v = a[q * n + i];
        a[p * n + i] = c * u - s * v;
        a[q * n + i] = s * u + c * v;
    }
    for (size_t i = 0; i < n; i++) {
        double u = vectors[i * n + p], v = vectors[i * n + q];
        vectors[i * n + p] = c * u - s * v;
        vectors[i * n + q] = s * u + c * v;
    }
}

static void sort_descending(double *values, double *vectors, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++) {
        size_t best = i;
        for (size_t j = i + 1; j < n; j++)
            if (values[j] > values[best]) best = j;
        if (best == i) continue;
        double swap = values[i];
        values[i] = values[best];
        values[best] = swap;
        for (size_t r = 0; r < n; r++) {
            swap = vectors[r * n + i];
            vectors[r * n + i] = vectors[r * n + best];
            vectors[r * n + best] = swap;
        }
    }
}

void eigen_dense(double *a, size_t n, double *vectors, double *values)
{
    memset(vectors, 0, n * n * sizeof *vectors);
    for (size_t i = 0; i < n; i++) vectors[i * n + i] = 1;
    double total = 0;
    for (size_t i = 0; i < n * n; i++) total += a[i] * a[i];
    for (int sweep = 0; sweep < 40; sweep++) {
        double off = 0;
        for (size_t p = 0; p < n; p++)
            for (size_t q = p + 1; q < n; q++) off += a[p * n + q] * a[p * n + q];
        if (off <= 1e-30 * total) break;
        for (size_t p = 0; p < n; p++)
            for (size_t q = p + 1; q < n; q++)
                if (a[p * n + q] * a[p * n + q] > 1e-36 * total) rotate(a, vectors, n, p, q);
    }
    for (size_t i = 0; i < n; i++) values[i] = a[i * n + i];
    sort_descending(values, vectors, n);
}

/* ---- blocks ---- */

struct work {
    recap_context *context;
    const struct eigen_operator *op;
    size_t n, width;
    double *x, *y, *z;            /* [n, width] */
    double *gram, *turn, *values; /* [width, width], [width, width], [width] */
    double *partial;              /* [chunks, width, width] */
    const double *left, *right;   /* operands of a running sum or product */
    double *out;
};

static void gram_chunks(void *data, size_t begin, size_t end, int thread)
{
    struct work *w = data;
    const size_t width = w->width;
    for (size_t chunk = begin; chunk < end; chunk++) {
        double *sum = w->partial + chunk * width * width;
        size_t last = (chunk + 1) * CHUNK < w->n ? (chunk + 1) * CHUNK : w->n;
        memset(sum, 0, width * width * sizeof *sum);
        for (size_t r = chunk * CHUNK; r < last; r++) {
            const double *left = w->left + r * width;
            const double *restrict right = w->right + r * width;
            for (size_t i = 0; i < width; i++) {
                double *restrict row = sum + i * width;
                for (size_t j = 0; j < width; j++) row[j] += left[i] * right[j];
            }
        }
    }
}

/* gram = leftT right, made symmetric. */
static void make_gram(struct work *w, const double *left, const double *right)
{
    const size_t width = w->width, chunks = (w->n + CHUNK - 1) / CHUNK;
    w->left = left;
    w->right = right;
    pool_run(context_pool(w->context), chunks, 1, gram_chunks, w);
    memcpy(w->gram, w->partial, width * width * sizeof *w->gram);
    for (size_t chunk = 1; chunk < chunks; chunk++)
        for (size_t i = 0; i < width * width; i++)
            w->gram[i] += w->partial[chunk * width * width + i];
    for (size_t i = 0; i < width; i++)
        for (size_t j = 0; j < i; j++) {
            double mean = 0.5 * (w->gram[i * width + j] + w->gram[j * width + i]);
            w->gram[i * width + j] = w->gram[j * width + i] = mean;
        }
}

static void turn_rows(void *data, size_t begin, size_t end, int thread)
{
    struct work *w = data;
    const size_t width = w->width;
    for (size_t r = begin; r < end; r++) {
        const double *row = w->left + r * width;
        double *restrict out = w->out + r * width;
        memset(out, 0, width * sizeof *out);
        for (size_t i = 0; i < width; i++) {
            const double *restrict turn = w->turn + i * width;
            for (size_t j = 0; j < width; j++) out[j] += row[i] * turn[j];
        }
    }
}

/* *block = *block times turn; *block and z change places. */
static void turn_block(struct work *w, double **block)
{
    w->left = *block;
    w->out = w->z;
    pool_run(context_pool(w->context), w->n, 256, turn_rows, w);
    w->z = *block;
    *block = w->out;
}

/* Takes the known eigenvector out of x. */
static void leave_out_known(struct work *w)
{
    const double *known = w->op->known;
    if (!known) return;
    double *along = w->values;
    memset(along, 0, w->width * sizeof *along);
    for (size_t r = 0; r < w->n; r++)
        for (size_t j = 0; j < w->width; j++) along[j] += known[r] * w->x[r * w->width + j];
    for (size_t r = 0; r < w->n; r++)
        for (size_t j = 0; j < w->width; j++) w->x[r * w->width + j] -= known[r] * along[j];
}

/* gram = S gram S with a diagonal of ones; the scales S go to the front of y, which is free here.
 */
static double *scale_gram(struct work *w)
{
    const size_t width = w->width;
    double *scales = w->y;
    for (size_t i = 0; i < width; i++) {
        double square = w->gram[i * width + i];
        scales[i] = square > DBL_MIN ? 1 / sqrt(square) : 0;
    }
    for (size_t i = 0; i < width; i++)
        for (size_t j = 0; j < width; j++) w->gram[i * width + j] *= scales[i] * scales[j];
    return scales;
}

/* Makes x orthonormal by the eigenvectors of its Gram matrix, twice (Stathopoulos, Wu 2002). The
 * filter leaves columns of very different lengths, hence the scaling. */
static void make_orthonormal(struct work *w)
{
    const size_t width = w->width;
    for (int pass = 0; pass < 2; pass++) {
        make_gram(w, w->x, w->x);
        const double *scales = scale_gram(w);
        eigen_dense(w->gram, width, w->turn, w->values);
        for (size_t j = 0; j < width; j++) {
            double value = w->values[j] > 1e-14 ? w->values[j] : 1e-14;
            for (size_t i = 0; i < width; i++) w->turn[i * width + j] *= scales[i] / sqrt(value);
        }
        turn_block(w, &w->x);
    }
}

static void apply(struct work *w, const double *x, double *y)
{
    w->op->apply(w->op, w->context, x, y, w->width);
}

/* Rayleigh-Ritz: x becomes Ritz vectors, y their images, values their Ritz values. */
static void solve_inside(struct work *w)
{
    apply(w, w->x, w->y);
    make_gram(w, w->x, w->y);
    eigen_dense(w->gram, w->width, w->turn, w->values);
    turn_block(w, &w->x);
    turn_block(w, &w->y);
}

static double worst_residual(const struct work *w, size_t wanted)
{
    double worst = 0;
    for (size_t j = 0; j < wanted; j++) {
        double sum = 0;
        for (size_t r = 0; r < w->n; r++) {
            double u = w->y[r * w->width + j] - w->values[j] * w->x[r * w->width + j];
            sum += u * u;
        }
        if (sqrt(sum) > worst) worst = sqrt(sum);
    }
    return worst;
}

/* x = T_DEGREE of the operator with [lowest, cut] mapped to [-1, 1]; y holds A x on entry. Columns
 * are scaled by their own growth on the way, so that nothing overflows. */
static void filter(struct work *w)
{
    const size_t size = w->n * w->width;
    double cut = w->values[w->width - 1];
    double least = w->op->lowest + 1e-3 * (w->values[0] - w->op->lowest);
    if (!(least > w->op->lowest)) least = w->op->lowest + DBL_MIN;
    if (cut < least) cut = least;
    double middle = 0.5 * (cut + w->op->lowest), half = 0.5 * (cut - w->op->lowest);
    double top = w->values[0] > cut ? w->values[0] : cut;
    double first = half / (top - middle), scale = first;
    for (size_t i = 0; i < size; i++) w->y[i] = (w->y[i] - middle * w->x[i]) * (scale / half);
    for (int degree = 2; degree <= DEGREE; degree++) {
        double next = 1 / (2 / first - scale);
        apply(w, w->y, w->z);
        for (size_t i = 0; i < size; i++) {
            double value = 2 * (next / half) * (w->z[i] - middle * w->y[i]);
            w->z[i] = value - scale * next * w->x[i];
        }
        double *oldest = w->x;
        w->x = w->y;
        w->y = w->z;
        w->z = oldest;
        scale = next;
    }
    double *last = w->y;
    w->y = w->x;
    w->x = last;
}

/* The largest entry of a column is made positive, so that the answer is one. */
static void write_columns(const double *x, size_t n, size_t width, size_t wanted, double *out)
{
    for (size_t j = 0; j < wanted; j++) {
        double largest = 0;
        for (size_t r = 0; r < n; r++)
            if (fabs(x[r * width + j]) > fabs(largest) * (1 + 1e-9)) largest = x[r * width + j];
        for (size_t r = 0; r < n; r++)
            out[r * wanted + j] = largest < 0 ? -x[r * width + j] : x[r * width + j];
    }
}

static int iterate(struct work *w, size_t wanted, bool *converged, recap_error *error)
{
    for (size_t i = 0; i < w->n * w->width; i++)
        w->x[i] = random_unit(w->context ? w->context->seed : 0, 0x6569, i) - 0.5;
    for (size_t round = 0; round < w->op->rounds; round++) {
        int status = context_check(w->context, "eigenvectors", round, w->op->rounds, error);
        if (status) return status;
        leave_out_known(w);
        make_orthonormal(w);
        solve_inside(w);
        *converged = worst_residual(w, wanted) <= w->op->tolerance * fabs(w->values[0]);
        if (*converged || round + 1 == w->op->rounds) break;
        filter(w);
    }
    return RECAP_OK;
}

/* A small operator: its matrix, and Jacobi on that. The known vector is moved under the spectrum.
 */
static int solve_small(recap_context *context, const struct eigen_operator *op, size_t wanted,
                       double *vectors, double *values, recap_error *error)
{
    const size_t n = op->n;
    double *memory = new_zeroed(3 * n * n + n, sizeof *memory);
    if (!memory) return fail_memory(error, (3 * n * n + n) * sizeof *memory);
    double *identity = memory, *a = identity + n * n, *turned = a + n * n, *all = turned + n * n;
    for (size_t i = 0; i < n; i++) identity[i * n + i] = 1;
    op->apply(op, context, identity, a, n);
    for (size_t i = 0; op->known && i < n; i++)
        for (size_t j = 0; j < n; j++)
            a[i * n + j] -= (2 - op->lowest) * op->known[i] * op->known[j];
    eigen_dense(a, n, turned, all);
    write_columns(turned, n, n, wanted, vectors);
    memcpy(values, all, wanted * sizeof *values);
    free(memory);
    return RECAP_OK;
}

int eigen_largest(recap_context *context, const struct eigen_operator *op, size_t wanted,
                  double *vectors, double *values, bool *converged, recap_error *error)
{
    const size_t n = op->n, spare = wanted / 2 > SPARE ? wanted / 2 : SPARE;
    const size_t width = wanted + spare;
    *converged = true;
    if (n <= 64 || n <= 2 * width) return solve_small(context, op, wanted, vectors, values, error);
    const size_t block = n * width, square = width * width, chunks = (n + CHUNK - 1) / CHUNK;
    size_t total = 3 * block + (2 + chunks) * square + width;
    double *memory = new_array(total, sizeof *memory);
    if (!memory) return fail_memory(error, total * sizeof *memory);
    struct work w = {.context = context, .op = op, .n = n, .width = width, .x = memory};
    w.y = w.x + block;
    w.z = w.y + block;
    w.gram = memory + 3 * block;
    w.turn = w.gram + square;
    w.partial = w.turn + square;
    w.values = w.partial + chunks * square;
    int status = iterate(&w, wanted, converged, error);
    if (!status) {
        write_columns(w.x, n, width, wanted, vectors);
        memcpy(values, w.values, wanted * sizeof *values);
    }
    free(memory);
    return status;
}
