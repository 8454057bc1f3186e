/* k-means: against the reference from given centres, seeded starts, mini-batches, bisecting, odd
 * input. */
#include "cluster_fixtures.h"

struct result {
    int32_t *labels;
    double *centers;
    double inertia;
    size_t n_clusters;
    int status;
    recap_error error;
};

static struct result run(int n_threads, const float *x, size_t n, size_t d,
                         recap_kmeans_options options)
{
    recap_context *context = open_context(n_threads);
    struct result out = {
        new_array(n, sizeof(int32_t)), new_array(options.k * d, sizeof(double)), 0, 0, 0, {0}};
    out.status = recap_kmeans(context, x, n, d, &options, out.labels, out.centers, &out.inertia,
                              &out.n_clusters, &out.error);
    recap_close_context(context);
    return out;
}

static void drop(struct result *result)
{
    free(result->labels);
    free(result->centers);
}

static void check_reference(const char *set, size_t k, double inertia)
{
    char name[128];
    size_t n, d = set_dimensions(set), count;
    float *x = read_matrix(set, d, &n);
    snprintf(name, sizeof name, "%s/kmeans%zu.labels.i32", set, k);
    int32_t *labels = read_fixture(name, sizeof *labels, &count);
    assert_int_equal(count, n);
    snprintf(name, sizeof name, "%s/kmeans%zu.centers.f64", set, k);
    double *centers = read_fixture(name, sizeof *centers, &count);
    double *initial = new_array(k * d, sizeof *initial);
    for (size_t i = 0; i < k * d; i++) initial[i] = (double)x[i];
    struct result out = run(2, x, n, d, (recap_kmeans_options){.k = k, .initial = initial});
    assert_int_equal(out.status, RECAP_OK);
    assert_int_equal(out.n_clusters, k);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            assert_int_equal(labels[i] == labels[j], out.labels[i] == out.labels[j]);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < d; c++)
            assert_near(out.centers[(size_t)out.labels[i] * d + c],
                        centers[(size_t)labels[i] * d + c], 1e-9);
    assert_near(out.inertia, inertia, 1e-6 * inertia);
    drop(&out);
    free(x);
    free(labels);
    free(centers);
    free(initial);
}

static void test_reference(void **state)
{
    need_fixtures();
    json_t *json = read_json("kmeans.json"), *rows = json_object_get(json, "kmeans");
    assert_true(json_array_size(rows) >= 3);
    for (size_t r = 0; r < json_array_size(rows); r++) {
        json_t *row = json_array_get(rows, r);
        check_reference(json_string_value(json_object_get(row, "set")),
                        (size_t)json_integer_value(json_object_get(row, "k")),
                        json_number_value(json_object_get(row, "inertia")));
    }
    json_decref(json);
}

enum { N = 600, D = 5, GROUPS = 6 };

/* GROUPS tight groups far apart. */
static void fill_groups(float *x)
{
    for (size_t i = 0; i < N; i++)
        for (size_t c = 0; c < D; c++)
            x[i * D + c] = (float)(20 * random_unit(3, i % GROUPS, c) + 0.1 * random_unit(4, i, c));
}

static void check_groups(const int32_t *labels)
{
    for (size_t i = 0; i < N; i++) assert_int_equal(labels[i], i % GROUPS);
}

static void test_starts(void **state)
{
    float x[N * D];
    fill_groups(x);
    struct result out = run(2, x, N, D, (recap_kmeans_options){.k = GROUPS, .n_init = 5});
    check_groups(out.labels);
    double lloyd = out.inertia;
    drop(&out);
    out = run(2, x, N, D, (recap_kmeans_options){.k = GROUPS, .n_init = 5, .batch_size = 64});
    check_groups(out.labels);
    assert_true(out.inertia < 1.5 * lloyd);
    drop(&out);
}

static void test_threads(void **state)
{
    enum { ROWS = 1300, K = 17 };
    float *x = new_array((size_t)ROWS * D, sizeof *x);
    for (size_t i = 0; i < (size_t)ROWS * D; i++) x[i] = (float)random_unit(8, 1, i);
    for (size_t batch = 0; batch <= 100; batch += 100) {
        recap_kmeans_options options = {.k = K, .batch_size = batch};
        struct result one = run(1, x, ROWS, D, options), two = run(2, x, ROWS, D, options);
        assert_memory_equal(one.labels, two.labels, ROWS * sizeof(int32_t));
        assert_memory_equal(one.centers, two.centers, K * D * sizeof(double));
        assert_true(one.inertia == two.inertia);
        drop(&one);
        drop(&two);
    }
    free(x);
}

/* Every label is the nearest centre's and every centre the mean of its rows. */
static void test_fixed_point(void **state)
{
    enum { ROWS = 900, K = 11 };
    float *x = new_array((size_t)ROWS * D, sizeof *x);
    for (size_t i = 0; i < (size_t)ROWS * D; i++) x[i] = (float)random_unit(8, 2, i) + 100;
    struct result out = run(2, x, ROWS, D, (recap_kmeans_options){.k = K});
    double sums[K * D] = {0}, counts[K] = {0};
    for (size_t i = 0; i < ROWS; i++) {
        double nearest = INFINITY;
        int32_t label = -1;
        for (size_t j = 0; j < K; j++) {
            double sum = 0;
            for (size_t c = 0; c < D; c++)
                sum += pow((double)x[i * D + c] - out.centers[j * D + c], 2);
            if (sum < nearest) {
                nearest = sum;
                label = (int32_t)j;
            }
        }
        assert_int_equal(label, out.labels[i]);
        counts[label]++;
        for (size_t c = 0; c < D; c++) sums[(size_t)label * D + c] += (double)x[i * D + c];
    }
    for (size_t j = 0; j < K * D; j++) assert_near(sums[j] / counts[j / D], out.centers[j], 1e-9);
    drop(&out);
    free(x);
}

static void test_duplicates(void **state)
{
    float x[60];
    for (size_t i = 0; i < 30; i++) {
        x[2 * i] = (float)(i % 3);
        x[2 * i + 1] = 1;
    }
    for (size_t batch = 0; batch <= 8; batch += 8) {
        struct result out = run(2, x, 30, 2, (recap_kmeans_options){.k = 8, .batch_size = batch});
        assert_int_equal(out.status, RECAP_OK);
        assert_int_equal(out.n_clusters, 3);
        for (size_t i = 0; i < 30; i++) assert_int_equal(out.labels[i], i % 3);
        assert_near(out.inertia, 0, 1e-12);
        drop(&out);
    }
    struct result out = run(1, x, 30, 2, (recap_kmeans_options){.k = 30});
    assert_int_equal(out.n_clusters, 3);
    drop(&out);
}

/* Given centres that nothing is near to are put to use. */
static void test_empty_centers(void **state)
{
    float x[20];
    double initial[6] = {0, 1e6, 2e6, 3e6, 4e6, 5e6};
    for (size_t i = 0; i < 20; i++) x[i] = (float)(i * i);
    struct result out = run(1, x, 20, 1, (recap_kmeans_options){.k = 6, .initial = initial});
    assert_int_equal(out.n_clusters, 6);
    drop(&out);
}

static void test_bad_input(void **state)
{
    float x[] = {1, 2, 3, NAN};
    double initial[] = {1, INFINITY};
    struct result out = run(1, x, 2, 2, (recap_kmeans_options){.k = 1});
    assert_int_equal(out.status, RECAP_ERROR_INPUT);
    assert_non_null(strstr(out.error.message, "row 1"));
    drop(&out);
    x[3] = 4;
    out = run(1, x, 2, 2, (recap_kmeans_options){.k = 3});
    assert_int_equal(out.status, RECAP_ERROR_USAGE);
    drop(&out);
    out = run(1, x, 2, 2, (recap_kmeans_options){.k = 1, .initial = initial});
    assert_int_equal(out.status, RECAP_ERROR_INPUT);
    drop(&out);
    out = run(1, x, 1, 4, (recap_kmeans_options){.k = 1});
    assert_int_equal(out.status, RECAP_OK);
    assert_int_equal(out.n_clusters, 1);
    drop(&out);
}

static void test_large_values(void **state)
{
    float x[40];
    for (size_t i = 0; i < 40; i++) x[i] = (i % 4 < 2 ? 3e38f : -3e38f) - 1e36f * (float)(i % 5);
    struct result out = run(1, x, 20, 2, (recap_kmeans_options){.k = 2});
    assert_int_equal(out.status, RECAP_OK);
    for (size_t i = 0; i < 20; i++) assert_int_equal(out.labels[i], i % 2);
    drop(&out);
}

static void test_bisecting(void **state)
{
    float x[N * D];
    int32_t labels[N];
    bool is_split;
    fill_groups(x);
    assert_int_equal(cluster_bisect(NULL, x, N, D, labels, &is_split, NULL), RECAP_OK);
    assert_true(is_split);
    assert_int_equal(labels[0], 0);
    for (size_t i = GROUPS; i < N; i++) assert_int_equal(labels[i], labels[i % GROUPS]);
    for (size_t i = 0; i < (size_t)N * D; i++) x[i] = 0.1f;
    assert_int_equal(cluster_bisect(NULL, x, N, D, labels, &is_split, NULL), RECAP_OK);
    assert_false(is_split);
    assert_int_equal(cluster_bisect(NULL, x, 1, D, labels, &is_split, NULL), RECAP_OK);
    assert_false(is_split);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),  cmocka_unit_test(test_starts),
        cmocka_unit_test(test_threads),    cmocka_unit_test(test_fixed_point),
        cmocka_unit_test(test_duplicates), cmocka_unit_test(test_empty_centers),
        cmocka_unit_test(test_bad_input),  cmocka_unit_test(test_large_values),
        cmocka_unit_test(test_bisecting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
