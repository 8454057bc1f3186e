/* Ward's and average linkage: scipy's matrices and cuts, all pairs by hand, and odd input. */
#include "cluster_fixtures.h"

static double *link_set(int n_threads, const float *x, size_t n, size_t d)
{
    recap_context *context = open_context(n_threads);
    double *merges = new_array(4 * n, sizeof *merges);
    assert_int_equal(recap_ward(context, x, n, d, merges, NULL), RECAP_OK);
    recap_close_context(context);
    return merges;
}

static void check_cuts(const char *set, const double *merges, size_t n, bool exact)
{
    const size_t cuts[] = {2, 5, 10};
    int32_t *labels = new_array(n, sizeof *labels);
    for (size_t c = 0; c < COUNT_OF(cuts); c++) {
        char name[128];
        size_t count, n_clusters = 0;
        snprintf(name, sizeof name, "%s/ward_cut%zu.i32", set, cuts[c]);
        int32_t *wanted = read_fixture(name, sizeof *wanted, &count);
        assert_int_equal(count, n);
        assert_int_equal(recap_cut_linkage(merges, n, cuts[c], labels, &n_clusters, NULL),
                         RECAP_OK);
        assert_int_equal(n_clusters, cuts[c]);
        for (size_t i = 0; exact && i < n; i++)
            for (size_t j = 0; j < i; j++)
                assert_int_equal(labels[i] == labels[j], wanted[i] == wanted[j]);
        free(wanted);
    }
    free(labels);
}

static void check_reference(const char *set, bool has_ties)
{
    char name[128];
    size_t n, count, d = set_dimensions(set);
    float *x = read_matrix(set, d, &n);
    snprintf(name, sizeof name, "%s/ward_Z.f64", set);
    double *wanted = read_fixture(name, sizeof *wanted, &count);
    assert_int_equal(count, 4 * (n - 1));
    double *merges = link_set(2, x, n, d);
    for (size_t i = 0; i + 1 < n; i++) {
        assert_near(merges[4 * i + 2], wanted[4 * i + 2], 1e-9 * (1 + wanted[4 * i + 2]));
        for (size_t c = 0; !has_ties && c < 4; c++)
            if (c != 2) assert_true(merges[4 * i + c] == wanted[4 * i + c]);
    }
    check_cuts(set, merges, n, true);
    free(x);
    free(wanted);
    free(merges);
}

static void test_reference(void **state)
{
    need_fixtures();
    check_reference("blobs", false);
    check_reference("sent500u20", false);
    check_reference("dups", true);
}

static void test_threads(void **state)
{
    enum { N = 3000, D = 24 };
    float *x = new_array((size_t)N * D, sizeof *x);
    for (size_t i = 0; i < (size_t)N * D; i++) x[i] = (float)random_unit(2, 2, i);
    double *one = link_set(1, x, N, D), *two = link_set(2, x, N, D);
    assert_memory_equal(one, two, 4 * (N - 1) * sizeof(double));
    for (size_t i = 1; i + 1 < N; i++) assert_true(one[4 * i + 2] >= one[4 * i - 2]);
    assert_true(one[4 * (N - 2) + 3] == N);
    free(x);
    free(one);
    free(two);
}

/* On a lattice every distance is tied: still a tree, and each cut has its number of clusters. */
static void test_ties(void **state)
{
    float x[200];
    for (size_t i = 0; i < 100; i++) {
        x[2 * i] = (float)(i % 10);
        x[2 * i + 1] = (float)(i / 10);
    }
    double *merges = link_set(2, x, 100, 2);
    int32_t labels[100];
    for (size_t k = 1; k <= 120; k++) {
        size_t n_clusters;
        assert_int_equal(recap_cut_linkage(merges, 100, k, labels, &n_clusters, NULL), RECAP_OK);
        assert_int_equal(n_clusters, k < 100 ? k : 100);
        assert_int_equal(labels[0], 0);
        for (size_t i = 0; i < 100; i++) assert_in_range(labels[i], 0, n_clusters - 1);
    }
    free(merges);
}

static void test_few_rows(void **state)
{
    const float x[] = {0, 0, 3, 4};
    double merges[4];
    int32_t labels[2];
    size_t n_clusters;
    assert_int_equal(recap_ward(NULL, x, 0, 2, NULL, NULL), RECAP_OK);
    assert_int_equal(recap_ward(NULL, x, 1, 2, NULL, NULL), RECAP_OK);
    assert_int_equal(recap_ward(NULL, x, 2, 2, merges, NULL), RECAP_OK);
    assert_true(merges[0] == 0 && merges[1] == 1 && merges[3] == 2);
    assert_near(merges[2], 5, 1e-12);
    assert_int_equal(recap_cut_linkage(NULL, 1, 3, labels, &n_clusters, NULL), RECAP_OK);
    assert_int_equal(n_clusters, 1);
    assert_int_equal(recap_cut_linkage(merges, 2, 1, labels, &n_clusters, NULL), RECAP_OK);
    assert_int_equal(n_clusters, 1);
}

static void test_bad_input(void **state)
{
    float x[] = {1, 2, NAN, 4};
    double merges[8] = {0, 7, 1, 2, 0, 0, 0, 0};
    int32_t labels[3];
    size_t n_clusters;
    recap_error error;
    assert_int_equal(recap_ward(NULL, x, 2, 2, merges, &error), RECAP_ERROR_INPUT);
    assert_non_null(strstr(error.message, "row 1, column 0"));
    assert_int_equal(recap_cut_linkage(merges, 3, 1, labels, &n_clusters, &error),
                     RECAP_ERROR_INPUT);
    assert_non_null(strstr(error.message, "merge 0"));
    merges[1] = 1;
    merges[5] = 2;
    assert_int_equal(recap_cut_linkage(merges, 3, 1, labels, &n_clusters, &error),
                     RECAP_ERROR_INPUT);
    assert_non_null(strstr(error.message, "merge 1"));
    merges[4] = NAN;
    assert_int_equal(recap_cut_linkage(merges, 3, 1, labels, &n_clusters, &error),
                     RECAP_ERROR_INPUT);
    assert_int_equal(recap_cut_linkage(merges, 3, 0, labels, &n_clusters, &error),
                     RECAP_ERROR_USAGE);
}

/* The heights of average linkage over all pairs of rows, by the definition; ascending. */
static void link_by_hand(const float *x, size_t n, size_t d, double *heights)
{
    int32_t *label = new_array(n, sizeof *label);
    for (size_t i = 0; i < n; i++) label[i] = (int32_t)i;
    for (size_t step = 0; step + 1 < n; step++) {
        double best = INFINITY;
        int32_t best_a = 0, best_b = 0;
        for (int32_t a = 0; a < (int32_t)n; a++)
            for (int32_t b = a + 1; b < (int32_t)n; b++) {
                double sum = 0, pairs = 0;
                for (size_t i = 0; i < n; i++)
                    for (size_t j = 0; label[i] == a && j < n; j++) {
                        if (label[j] != b) continue;
                        double dot = 0;
                        for (size_t c = 0; c < d; c++)
                            dot += (double)x[i * d + c] * (double)x[j * d + c];
                        sum += 1 - dot;
                        pairs++;
                    }
                if (pairs > 0 && sum / pairs < best) {
                    best = sum / pairs;
                    best_a = a;
                    best_b = b;
                }
            }
        heights[step] = best;
        for (size_t i = 0; i < n; i++)
            if (label[i] == best_b) label[i] = best_a;
    }
    free(label);
}

static void test_average_linkage(void **state)
{
    enum { N = 30, D = 6 };
    float x[N * D];
    double merges[4 * N], heights[N];
    int32_t labels[N];
    size_t n_clusters;
    for (size_t i = 0; i < N; i++) {
        double sum = 0;
        for (size_t c = 0; c < D; c++) {
            x[i * D + c] = (float)(random_unit(7, 1, i * D + c) - 0.4);
            sum += (double)x[i * D + c] * (double)x[i * D + c];
        }
        for (size_t c = 0; c < D; c++) x[i * D + c] /= (float)sqrt(sum);
    }
    link_by_hand(x, N, D, heights);
    assert_int_equal(recap_average_linkage(NULL, x, N, D, merges, NULL), RECAP_OK);
    for (size_t i = 0; i + 1 < N; i++) assert_near(merges[4 * i + 2], heights[i], 1e-6);
    for (size_t i = 0; i + 1 < N; i++) {
        double height = merges[4 * i + 2];
        assert_int_equal(recap_cut_linkage_at(merges, N, height, labels, &n_clusters, NULL),
                         RECAP_OK);
        assert_int_equal(n_clusters, N - 1 - i);
    }
    assert_int_equal(recap_cut_linkage_at(merges, N, -1, labels, &n_clusters, NULL), RECAP_OK);
    assert_int_equal(n_clusters, N);
    assert_int_equal(recap_cut_linkage_at(merges, N, 3, labels, &n_clusters, NULL), RECAP_OK);
    assert_int_equal(n_clusters, 1);
    memset(x, 0, D * sizeof *x);
    assert_int_equal(recap_average_linkage(NULL, x, N, D, merges, NULL), RECAP_ERROR_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_ties),      cmocka_unit_test(test_few_rows),
        cmocka_unit_test(test_bad_input), cmocka_unit_test(test_average_linkage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
