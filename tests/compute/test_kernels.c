/* Every kernel set against double precision on odd sizes, the sets against each other, and the
 * promise that a row's bits depend on nothing but the row. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "compute/compute.h"

#undef fail
#include <cmocka.h>

static float *random_floats(size_t n, uint64_t stream)
{
    float *out = new_array(n, sizeof *out);
    assert_non_null(out);
    for (size_t i = 0; i < n; i++) out[i] = (float)(random_unit(1, stream, i) * 2 - 1);
    return out;
}

/* Runs `check` under each set that the processor has. */
static void each_set(void (*check)(void))
{
    for (size_t i = 0; compute_available(i); i++) {
        assert_true(compute_force(compute_available(i)));
        assert_string_equal(compute_name(), compute_available(i));
        check();
    }
    compute_force(compute_available(0));
}

/* ---- products ---- */

static double exact(const float *a, const float *b, size_t k)
{
    double sum = 0;
    for (size_t p = 0; p < k; p++) sum += (double)a[p] * b[p];
    return sum;
}

/* Values are within ±1: an element of k terms is right to a few roundings of sqrt(k) each. */
static double tolerance(size_t k)
{
    return 1e-6 * (1 + sqrt((double)k));
}

static void check_product_of(recap_context *context, size_t m, size_t n, size_t k)
{
    size_t a_stride = k + 3, b_stride = k + 1, c_stride = n + 5;
    float *a = random_floats(m * a_stride, m), *b = random_floats(n * b_stride, n + 1000);
    float *c = random_floats(m * c_stride, 7), *before = random_floats(m * c_stride, 7);
    compute_product(context, m, n, k, a, a_stride, b, b_stride, c, c_stride);
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            double wanted = exact(a + i * a_stride, b + j * b_stride, k);
            assert_true(fabs(c[i * c_stride + j] - wanted) <= tolerance(k));
        }
        /* nothing beside C is touched */
        assert_memory_equal(c + i * c_stride + n, before + i * c_stride + n, 5 * sizeof *c);
    }
    free(a);
    free(b);
    free(c);
    free(before);
}

static void check_products(void)
{
    static const size_t sizes[][3] = {{1, 1, 1},    {1, 17, 5},    {6, 16, 384},  {7, 15, 383},
                                      {5, 33, 385}, {13, 31, 769}, {97, 129, 64}, {241, 47, 100},
                                      {3, 2, 1200}, {64, 1, 8},    {1, 400, 32},  {500, 700, 33}};
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        check_product_of(NULL, sizes[i][0], sizes[i][1], sizes[i][2]);
}

static void products(void **state)
{
    each_set(check_products);
    float c[6] = {1, 1, 1, 1, 1, 1};
    compute_product(NULL, 2, 2, 0, NULL, 0, NULL, 0, c, 3);
    assert_true(c[0] == 0 && c[1] == 0 && c[2] == 1 && c[3] == 0 && c[4] == 0 && c[5] == 1);
    compute_product(NULL, 0, 3, 4, NULL, 4, NULL, 4, NULL, 3);
}

static void check_dense_of(size_t m, size_t n, size_t k, bool accumulate)
{
    struct compute_matrix matrix;
    float *x = random_floats(m * k, 1), *w = random_floats(n * k, 2), *bias = random_floats(n, 3);
    float *y = random_floats(m * n, 4), *before = random_floats(m * n, 4);
    assert_true(compute_matrix_open(&matrix, n, k));
    for (size_t i = 0; i < n; i += 3) /* in pieces, as loaders do */
        compute_matrix_set(&matrix, i, n - i < 3 ? n - i : 3, w + i * k);
    compute_dense(&matrix, m, x, k, accumulate ? NULL : bias, accumulate, y, n);
    for (size_t i = 0; i < m * n; i++) {
        double start = accumulate ? before[i] : bias[i % n];
        double wanted = start + exact(x + i / n * k, w + i % n * k, k);
        assert_true(fabs(y[i] - wanted) <= tolerance(k));
    }
    compute_matrix_close(&matrix);
    compute_matrix_close(&matrix); /* closed ones may be closed again */
    free(x);
    free(w);
    free(bias);
    free(y);
    free(before);
}

static void check_denses(void)
{
    static const size_t sizes[][3] = {
        {1, 1, 1}, {7, 30, 32}, {6, 16, 384}, {11, 50, 777}, {250, 3, 20}};
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        for (int accumulate = 0; accumulate < 2; accumulate++)
            check_dense_of(sizes[i][0], sizes[i][1], sizes[i][2], accumulate);
}

static void dense_layers(void **state)
{
    each_set(check_denses);
}

/* Each row alone, all rows at once, other numbers of columns, other threads: the same bits. */
static void check_rows_alone(void)
{
    enum { m = 53, n = 70, k = 500 };
    float *a = random_floats(m * k, 1), *b = random_floats(n * k, 2);
    float *whole = random_floats(m * n, 3), *other = random_floats(m * n, 4);
    struct compute_matrix matrix;
    recap_context *context;
    recap_context_options options = {.n_threads = 3, .seed = 1};
    assert_int_equal(recap_open_context(&options, &context, NULL), RECAP_OK);
    compute_product(NULL, m, n, k, a, k, b, k, whole, n);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j += 9)
            compute_product(NULL, 1, n - j < 9 ? n - j : 9, k, a + i * k, k, b + j * k, k,
                            other + i * n + j, n);
    assert_memory_equal(whole, other, m * n * sizeof *whole);
    compute_product(context, m, n, k, a, k, b, k, other, n);
    assert_memory_equal(whole, other, m * n * sizeof *whole);
    assert_true(compute_matrix_open(&matrix, n, k));
    compute_matrix_set(&matrix, 0, n, b);
    compute_dense(&matrix, m, a, k, NULL, false, whole, n);
    for (size_t i = 0; i < m; i++)
        compute_dense(&matrix, 1, a + i * k, k, NULL, false, other + i * n, n);
    assert_memory_equal(whole, other, m * n * sizeof *whole);
    compute_matrix_close(&matrix);
    recap_close_context(context);
    free(a);
    free(b);
    free(whole);
    free(other);
}

static void rows_do_not_depend_on_their_neighbours(void **state)
{
    each_set(check_rows_alone);
}

/* ---- functions of one value ---- */

static void check_gelu(void)
{
    double worst = 0, worst_tanh = 0;
    for (size_t i = 0; i < 24007; i++) {
        float x[11], t[11];
        size_t n = 1 + i % 11;
        for (size_t j = 0; j < n; j++)
            x[j] = t[j] = (float)((double)i * 1e-3 - 12 + 1e-5 * (double)j);
        double value = x[n - 1], cube = value + 0.044715 * value * value * value;
        double wanted = value * 0.5 * erfc(-value / sqrt(2));
        double tanh_wanted = value * 0.5 * (1 + tanh(0.7978845608028654 * cube));
        double size = fmax(1, fabs(value));
        compute_activate(COMPUTE_GELU, x, n);
        compute_activate(COMPUTE_GELU_TANH, t, n);
        worst = fmax(worst, fabs(x[n - 1] - wanted) / size);
        worst_tanh = fmax(worst_tanh, fabs(t[n - 1] - tanh_wanted) / size);
    }
    print_message("%s: gelu within %.2g, its tanh form within %.2g\n", compute_name(), worst,
                  worst_tanh);
    assert_true(worst < 1.5e-7);
    assert_true(worst_tanh < 3e-7);
}

static void check_extremes(void)
{
    static const enum compute_activation all[] = {COMPUTE_GELU, COMPUTE_GELU_TANH, COMPUTE_RELU};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        float x[9] = {0, -0.0f, 1e30f, -1e30f, 60, -60, 1e-30f, NAN, 1};
        compute_activate(all[i], x, 9);
        assert_true(x[0] == 0 && x[1] == 0 && x[2] == 1e30f && x[4] == 60);
        assert_true(fabsf(x[5]) < 1e-6f && isnan(x[7])); /* NaN is not swallowed */
        assert_true(isfinite(x[3]) && fabsf(x[3]) <= 1e12f);
    }
}

static void activations(void **state)
{
    each_set(check_gelu);
    each_set(check_extremes);
}

/* ---- rows ---- */

static void check_norms(void)
{
    for (size_t n = 1; n < 70; n++) {
        float *x = random_floats(2 * n, n), *kept = random_floats(2 * n, n);
        float *bias = random_floats(n, 1), *gain = random_floats(n, 2),
              *shift = random_floats(n, 3);
        compute_add_norm(2, n, x, n % 2 ? bias : NULL, gain, shift, 1e-5f);
        for (size_t row = 0; row < 2; row++) {
            double mean = 0, squares = 0;
            for (size_t j = 0; j < n; j++)
                mean += (kept[row * n + j] += n % 2 ? bias[j] : 0) / (double)n;
            for (size_t j = 0; j < n; j++) squares += pow(kept[row * n + j] - mean, 2) / (double)n;
            for (size_t j = 0; j < n; j++) {
                double wanted = (kept[row * n + j] - mean) / sqrt(squares + 1e-5) * gain[j] +
                                shift[j];
                assert_true(fabs(x[row * n + j] - wanted) < 5e-6);
            }
        }
        free(x);
        free(kept);
        free(bias);
        free(gain);
        free(shift);
    }
}

static void norms(void **state)
{
    each_set(check_norms);
}

static void check_softmax(void)
{
    for (size_t n = 1; n < 70; n++) {
        float *x = random_floats(n, n), *kept = random_floats(n, n);
        double most = -INFINITY, wanted = 0;
        for (size_t i = 0; i < n; i++) most = fmax(most, kept[i]);
        float sum = compute_softmax(x, n, 8);
        for (size_t i = 0; i < n; i++) {
            double value = exp(8 * (kept[i] - most));
            wanted += value;
            assert_true(fabs(x[i] - value) < 1e-6);
        }
        assert_true(fabs(sum - wanted) < 1e-6 * (double)n);
        free(x);
        free(kept);
    }
    float far[3] = {0, -1e30f, 1e30f};
    assert_true(fabsf(compute_softmax(far, 3, 1) - 1) < 1e-6f && far[2] == 1 && far[0] < 1e-30f);
}

static void softmaxes(void **state)
{
    each_set(check_softmax);
}

/* ---- attention ---- */

static void check_head_of(size_t length, size_t width)
{
    size_t stride = 3 * width + 2, floats = compute_head_scratch(length, width);
    float *rows = random_floats(length * stride, length), *out = random_floats(length * width, 1);
    float *scratch = new_aligned(floats, sizeof *scratch);
    double *weights = new_array(length, sizeof *weights);
    assert_true(floats > 0 && scratch && weights);
    compute_attend(&(struct compute_head){.length = length,
                                          .width = width,
                                          .q = rows,
                                          .k = rows + width,
                                          .v = rows + 2 * width,
                                          .stride = stride,
                                          .out = out,
                                          .out_stride = width,
                                          .scale = 2,
                                          .scratch = scratch});
    for (size_t i = 0; i < length; i++) {
        double sum = 0;
        for (size_t j = 0; j < length; j++)
            sum += weights[j] = exp(2 * exact(rows + i * stride, rows + j * stride + width, width));
        for (size_t c = 0; c < width; c++) {
            double wanted = 0;
            for (size_t j = 0; j < length; j++)
                wanted += weights[j] / sum * rows[j * stride + 2 * width + c];
            assert_true(fabs(out[i * width + c] - wanted) < 3e-6);
        }
    }
    free(rows);
    free(out);
    free(scratch);
    free(weights);
}

static void check_heads(void)
{
    static const size_t sizes[][2] = {{1, 1},   {1, 32},  {2, 8},   {15, 16}, {16, 32},
                                      {17, 33}, {49, 64}, {97, 20}, {400, 32}};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) check_head_of(sizes[i][0], sizes[i][1]);
}

static void attention(void **state)
{
    each_set(check_heads);
    assert_int_equal(compute_head_scratch(SIZE_MAX / 3, 64), 0);
    assert_int_equal(compute_head_scratch((size_t)1 << 62, (size_t)1 << 62), 0);
}

/* ---- stored types ---- */

static double half_value(unsigned bits)
{
    int exponent = bits >> 10 & 31;
    double fraction = bits & 0x3ff, sign = bits & 0x8000 ? -1 : 1;
    if (exponent == 31) return fraction > 0 ? NAN : sign * INFINITY;
    return sign * (exponent ? ldexp(1 + fraction / 1024, exponent - 15) : ldexp(fraction, -24));
}

static void check_halves(void)
{
    enum { all = 65536, skew = 1 };
    unsigned char *bytes = new_array(2 * all + skew, 1);
    float *values = new_array(all, sizeof *values);
    for (unsigned i = 0; i < all; i++) {
        bytes[skew + 2 * i] = (unsigned char)i;
        bytes[skew + 2 * i + 1] = (unsigned char)(i >> 8);
    }
    for (size_t cut = 0; cut < 3; cut++) { /* whole, and with odd ends */
        compute_from_f16(bytes + skew, all - 3 * cut, values);
        for (unsigned i = 0; i < all - 3 * cut; i++) {
            double wanted = half_value(i);
            assert_true(isnan(wanted) ? isnan(values[i]) : values[i] == wanted);
        }
    }
    compute_from_bf16(bytes + skew, all, values);
    for (unsigned i = 0; i < all; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        assert_int_equal(bits, i << 16);
    }
    free(bytes);
    free(values);
}

static void stored_types(void **state)
{
    each_set(check_halves);
}

/* ---- vectors ---- */

static void check_dots(void)
{
    for (size_t n = 0; n < 100; n++) {
        float *a = random_floats(n, 1), *b = random_floats(n, 2);
        assert_true(fabs(compute_dot(a, b, n) - exact(a, b, n)) <= tolerance(n));
        free(a);
        free(b);
    }
}

static void vectors(void **state)
{
    each_set(check_dots);
    float x[3][2] = {{3, 4}, {1e-20f, 0}, {0, 0}};
    size_t bad = 9;
    assert_false(compute_normalize(&x[0][0], 3, 2, &bad));
    assert_int_equal(bad, 2);
    assert_true(fabsf(x[0][0] - 0.6f) < 1e-7f && fabsf(x[1][0] - 1) < 1e-7f);
    float broken[2] = {1, NAN};
    assert_false(compute_normalize(broken, 1, 2, NULL));
}

/* ---- the choice ---- */

static void unknown_sets_are_refused(void **state)
{
    const char *name = compute_name();
    assert_false(compute_force("none"));
    assert_string_equal(compute_name(), name);
    assert_true(compute_force("generic"));
    assert_string_equal(compute_name(), "generic");
    assert_true(compute_force(name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products),
        cmocka_unit_test(dense_layers),
        cmocka_unit_test(rows_do_not_depend_on_their_neighbours),
        cmocka_unit_test(activations),
        cmocka_unit_test(norms),
        cmocka_unit_test(softmaxes),
        cmocka_unit_test(attention),
        cmocka_unit_test(stored_types),
        cmocka_unit_test(vectors),
        cmocka_unit_test(unknown_sets_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
