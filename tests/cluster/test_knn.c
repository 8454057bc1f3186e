/* Neighbours: against the reference's exact table, ties, threads, odd input. */
#include "cluster_fixtures.h"

struct neighbors {
    int32_t *indices;
    float *distances;
    int status;
    recap_error error;
};

static struct neighbors find(int n_threads, const float *x, size_t n, size_t d, recap_metric metric,
                             size_t k)
{
    recap_context *context = open_context(n_threads);
    struct neighbors out = {
        new_array(n * k, sizeof(int32_t)), new_array(n * k, sizeof(float)), 0, {0}};
    out.status = recap_find_neighbors(context, x, n, d, metric, k, out.indices, out.distances,
                                      &out.error);
    recap_close_context(context);
    return out;
}

static void drop(struct neighbors *neighbors)
{
    free(neighbors->indices);
    free(neighbors->distances);
}

/* The distance in plain double arithmetic. */
static double plain_distance(const float *x, size_t d, recap_metric metric, size_t i, size_t j)
{
    double dot = 0, a = 0, b = 0, sum = 0;
    for (size_t c = 0; c < d; c++) {
        double u = (double)x[i * d + c], v = (double)x[j * d + c];
        dot += u * v;
        a += u * u;
        b += v * v;
        sum += (u - v) * (u - v);
    }
    return metric == RECAP_METRIC_COSINE ? 1 - dot / sqrt(a) / sqrt(b) : sqrt(sum);
}

/* Every row's distances must be the k smallest there are, each belonging to its index, ascending,
 * no index twice. Exact up to the rounding to float. */
static void check_table(const struct neighbors *out, const float *x, size_t n, size_t d,
                        recap_metric metric, size_t k, double tolerance)
{
    double *all = new_array(n, sizeof *all);
    char *seen = new_array(n, 1);
    for (size_t i = 0; i < n; i++) {
        const int32_t *indices = out->indices + i * k;
        const float *distances = out->distances + i * k;
        assert_int_equal(indices[0], i);
        assert_true(distances[0] == 0);
        memset(seen, 0, n);
        for (size_t t = 0; t < k; t++) {
            size_t j = (size_t)indices[t];
            assert_false(seen[j]);
            seen[j] = 1;
            double wanted = plain_distance(x, d, metric, i, j);
            assert_near((double)distances[t], wanted < 0 ? 0 : wanted, tolerance);
            if (t > 1) assert_true(distances[t - 1] <= distances[t]);
        }
        for (size_t j = 0; j < n; j++)
            if (!seen[j])
                assert_true(plain_distance(x, d, metric, i, j) >=
                            (double)distances[k - 1] - tolerance);
    }
    free(all);
    free(seen);
}

static void fill_random(float *x, size_t n, uint64_t stream)
{
    for (size_t i = 0; i < n; i++) x[i] = (float)(random_unit(5, stream, i) - 0.5);
}

static void test_reference(void **state)
{
    need_fixtures();
    size_t n, count;
    enum { K = 31, D = 384 };
    float *x = read_matrix("sent1000", D, &n);
    int32_t *indices = read_fixture("sent1000/knn_idx.i32", sizeof *indices, &count);
    assert_int_equal(count, n * K);
    double *distances = read_fixture("sent1000/knn_dist.f64", sizeof *distances, &count);
    struct neighbors out = find(2, x, n, D, RECAP_METRIC_COSINE, K);
    assert_int_equal(out.status, RECAP_OK);
    size_t different = 0;
    for (size_t i = 0; i < n * K; i++) {
        assert_near((double)out.distances[i], distances[i], 2e-7);
        if (out.indices[i] == indices[i]) continue;
        /* Only neighbours that are equally far change places. */
        assert_near(distances[i],
                    plain_distance(x, D, RECAP_METRIC_COSINE, i / K, (size_t)out.indices[i]), 1e-9);
        different++;
    }
    assert_true(different < 20);
    check_table(&out, x, n, D, RECAP_METRIC_COSINE, K, 2e-7);
    drop(&out);
    free(x);
    free(indices);
    free(distances);
}

static void test_reference_euclidean(void **state)
{
    need_fixtures();
    size_t n, count;
    float *x = read_matrix("blobs", 8, &n);
    int32_t *indices = read_fixture("blobs/knn10_idx.i32", sizeof *indices, &count);
    float *distances = read_fixture("blobs/knn10_dist.f32", sizeof *distances, &count);
    assert_int_equal(count, n * 10);
    struct neighbors out = find(2, x, n, 8, RECAP_METRIC_EUCLIDEAN, 10);
    for (size_t i = 0; i < n * 10; i++) {
        assert_int_equal(out.indices[i], indices[i]);
        assert_near((double)out.distances[i], (double)distances[i], 1e-5);
    }
    drop(&out);
    free(x);
    free(indices);
    free(distances);
}

/* Several blocks, odd sizes, both metrics, few and many columns, far from the origin. */
static void test_shapes(void **state)
{
    const struct {
        size_t n, d, k;
        recap_metric metric;
        float shift;
    } cases[] = {
        {1300, 24, 20, RECAP_METRIC_EUCLIDEAN, 0},  {1100, 40, 12, RECAP_METRIC_EUCLIDEAN, 0},
        {700, 40, 5, RECAP_METRIC_EUCLIDEAN, 1000}, {900, 3, 50, RECAP_METRIC_COSINE, 0},
        {513, 33, 17, RECAP_METRIC_COSINE, 0},      {530, 2, 9, RECAP_METRIC_EUCLIDEAN, 1e6f},
        {40, 7, 40, RECAP_METRIC_COSINE, 0},        {5, 100, 3, RECAP_METRIC_EUCLIDEAN, 0},
    };
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        size_t n = cases[c].n, d = cases[c].d, k = cases[c].k;
        float *x = new_array(n * d, sizeof *x);
        fill_random(x, n * d, c);
        for (size_t i = 0; i < n * d; i++) x[i] += cases[c].shift;
        struct neighbors out = find(2, x, n, d, cases[c].metric, k);
        assert_int_equal(out.status, RECAP_OK);
        check_table(&out, x, n, d, cases[c].metric, k, 3e-7);
        drop(&out);
        free(x);
    }
}

/* Many copies: the lower rows come first, at distance exactly 0, with any number of threads. */
static void test_copies(void **state)
{
    enum { N = 1200, D = 48, K = 10, KINDS = 3 };
    float *x = new_array((size_t)N * D, sizeof *x);
    for (size_t metric = 0; metric < 2; metric++) {
        for (size_t i = 0; i < N; i++)
            for (size_t c = 0; c < D; c++)
                x[i * D + c] = (float)random_unit(9, i % KINDS, c) - 0.5f;
        struct neighbors out = find(2, x, N, D, (recap_metric)metric, K);
        for (size_t i = 0; i < N; i++) {
            int32_t expected = (int32_t)(i % KINDS);
            for (size_t t = 1; t < K; t++, expected += KINDS) {
                if ((size_t)expected == i) expected += KINDS;
                assert_int_equal(out.indices[i * K + t], expected);
                assert_true(out.distances[i * K + t] == 0);
            }
        }
        drop(&out);
    }
    free(x);
}

/* Distances that differ by less than a float product can tell: still ranked rightly. */
static void test_close_ranks(void **state)
{
    enum { N = 600, D = 64, K = 8 };
    float *x = new_zeroed((size_t)N * D, sizeof *x);
    for (size_t i = 0; i < N; i++) {
        for (size_t c = 0; c < D; c++) x[i * D + c] = (float)random_unit(1, 0, c) + 1;
        x[i * D + i % D] += 1e-5f * (float)((i * 7919) % N);
    }
    for (size_t metric = 0; metric < 2; metric++) {
        struct neighbors out = find(2, x, N, D, (recap_metric)metric, K);
        for (size_t i = 0; i < N; i++) {
            size_t nearer = 0;
            double last = plain_distance(x, D, (recap_metric)metric, i,
                                         (size_t)out.indices[i * K + K - 1]);
            for (size_t j = 0; j < N; j++)
                nearer += plain_distance(x, D, (recap_metric)metric, i, j) < last - 1e-15;
            assert_true(nearer <= K - 1);
        }
        drop(&out);
    }
    free(x);
}

static void test_threads(void **state)
{
    enum { N = 1500, D = 50, K = 16 };
    float *x = new_array((size_t)N * D, sizeof *x);
    fill_random(x, (size_t)N * D, 77);
    for (size_t metric = 0; metric < 2; metric++) {
        struct neighbors one = find(1, x, N, D, (recap_metric)metric, K);
        for (int threads = 2; threads <= 3; threads++) {
            struct neighbors more = find(threads, x, N, D, (recap_metric)metric, K);
            assert_memory_equal(one.indices, more.indices, (size_t)N * K * sizeof(int32_t));
            assert_memory_equal(one.distances, more.distances, (size_t)N * K * sizeof(float));
            drop(&more);
        }
        drop(&one);
    }
    free(x);
}

/* A cosine that rounds to 1.0000001 is a distance of 0. */
static void test_clamp(void **state)
{
    const float x[] = {0.1f,  0.2f,  0.3f,  0.2f,   0.4f,   0.6f,
                       -0.1f, -0.2f, -0.3f, 1e-20f, 2e-20f, 3e-20f};
    struct neighbors out = find(1, x, 4, 3, RECAP_METRIC_COSINE, 4);
    assert_int_equal(out.status, RECAP_OK);
    for (size_t i = 0; i < 16; i++) assert_true(out.distances[i] >= 0 && out.distances[i] <= 2);
    assert_int_equal(out.indices[1], 1);
    assert_true(out.distances[1] == 0);
    assert_near((double)out.distances[3], 2, 1e-6);
    drop(&out);
}

static void test_bad_input(void **state)
{
    float x[] = {1, 2, 3, NAN, 5, 6, 0, 0};
    struct neighbors out = find(1, x, 4, 2, RECAP_METRIC_EUCLIDEAN, 2);
    assert_int_equal(out.status, RECAP_ERROR_INPUT);
    assert_non_null(strstr(out.error.message, "row 1, column 1"));
    drop(&out);
    x[3] = INFINITY;
    out = find(1, x, 4, 2, RECAP_METRIC_EUCLIDEAN, 2);
    assert_int_equal(out.status, RECAP_ERROR_INPUT);
    drop(&out);
    x[3] = 4;
    out = find(1, x, 4, 2, RECAP_METRIC_COSINE, 2);
    assert_int_equal(out.status, RECAP_ERROR_INPUT);
    assert_non_null(strstr(out.error.message, "row 3"));
    drop(&out);
    out = find(1, x, 4, 2, RECAP_METRIC_EUCLIDEAN, 4);
    assert_int_equal(out.status, RECAP_OK);
    drop(&out);
    int32_t index;
    float distance;
    assert_int_equal(
        recap_find_neighbors(NULL, x, 1, 2, RECAP_METRIC_COSINE, 1, &index, &distance, NULL),
        RECAP_OK);
    assert_int_equal(index, 0);
    assert_int_equal(
        recap_find_neighbors(NULL, x, 1, 2, RECAP_METRIC_COSINE, 2, &index, &distance, NULL),
        RECAP_ERROR_USAGE);
    assert_int_equal(recap_find_neighbors(NULL, x, (size_t)INT32_MAX + 1, 2, RECAP_METRIC_COSINE, 2,
                                          &index, &distance, NULL),
                     RECAP_ERROR_INPUT);
    assert_int_equal(recap_find_neighbors(NULL, x, 2, SIZE_MAX / 2, RECAP_METRIC_COSINE, 2, &index,
                                          &distance, NULL),
                     RECAP_ERROR_INPUT);
}

/* Huge and tiny values: the largest float and a denormal. */
static void test_extremes(void **state)
{
    float x[80];
    for (size_t i = 0; i < 40; i++) {
        x[2 * i] = i % 2 ? 3e38f : 1e-40f * (float)(i + 1);
        x[2 * i + 1] = i % 2 ? 1e36f * (float)i : 1e-42f;
    }
    for (size_t metric = 0; metric < 2; metric++) {
        struct neighbors out = find(2, x, 40, 2, (recap_metric)metric, 5);
        assert_int_equal(out.status, RECAP_OK);
        for (size_t i = 0; i < 40; i++)
            for (size_t t = 0; t < 5; t++) {
                assert_true(isfinite(out.distances[i * 5 + t]));
                if (metric == RECAP_METRIC_EUCLIDEAN)
                    assert_int_equal(out.indices[i * 5 + t] % 2, i % 2);
            }
        drop(&out);
    }
}

static void test_offsets(void **state)
{
    assert_true(cluster_offset(70000, 40000, 3) == 2800000003u);
    assert_true(cluster_offset(3000000, 1024, 1023) == 3072001023u);
}

static bool stop_at_once(void *data, const char *stage, size_t done, size_t total)
{
    (*(int *)data)++;
    return false;
}

static void test_cancel(void **state)
{
    int calls = 0;
    recap_context_options options = {
        .n_threads = 2, .progress = stop_at_once, .progress_data = &calls};
    recap_context *context;
    assert_int_equal(recap_open_context(&options, &context, NULL), RECAP_OK);
    float x[300];
    int32_t indices[300];
    float distances[300];
    fill_random(x, 300, 3);
    recap_error error;
    assert_int_equal(recap_find_neighbors(context, x, 100, 3, RECAP_METRIC_COSINE, 3, indices,
                                          distances, &error),
                     RECAP_ERROR_CANCELLED);
    assert_int_equal(calls, 1);
    recap_close_context(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),   cmocka_unit_test(test_reference_euclidean),
        cmocka_unit_test(test_shapes),      cmocka_unit_test(test_copies),
        cmocka_unit_test(test_close_ranks), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_clamp),       cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_extremes),    cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
