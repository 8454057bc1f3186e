/* Silhouette, DBCV and agreement against scikit-learn's and hdbscan's answers, and awkward inputs.
 */
#include "cluster_fixtures.h"

static void split_name(const char *labels, char set[64])
{
    snprintf(set, 64, "%s", labels);
    *strchr(set, '/') = '\0';
}

static void test_silhouette(void **state)
{
    need_fixtures();
    recap_context *context = open_context(2);
    json_t *json = read_json("silhouette.json"), *row;
    size_t i;
    json_array_foreach(json_object_get(json, "silhouette"), i, row)
    {
        const char *name = json_string_value(json_object_get(row, "labels"));
        if (!strchr(name, '/')) continue;
        char set[64], path[160];
        split_name(name, set);
        size_t n = 0, n_labels = 0, n_samples = 0, d = set_dimensions(set);
        float *x = read_matrix(set, d, &n);
        snprintf(path, sizeof path, "%s.i32", name);
        int32_t *labels = read_fixture(path, sizeof *labels, &n_labels);
        *strstr(path, ".labels") = '\0';
        strcat(path, ".sil_samples.f64");
        double *wanted = read_fixture(path, sizeof *wanted, &n_samples);
        double *samples = new_array(n, sizeof *samples), score = 0;
        bool known = false;
        assert_int_equal(recap_silhouette(context, x, n, d, RECAP_METRIC_EUCLIDEAN, labels, &score,
                                          &known, NULL),
                         RECAP_OK);
        assert_true(known);
        assert_near(score, json_number_value(json_object_get(row, "silhouette_no_noise")), 1e-9);
        assert_int_equal(cluster_silhouette_samples(context, x, n, d, RECAP_METRIC_EUCLIDEAN,
                                                    labels, samples, &known, NULL),
                         RECAP_OK);
        size_t at = 0;
        for (size_t j = 0; j < n; j++)
            if (labels[j] >= 0) assert_near(samples[j], wanted[at++], 1e-9);
        assert_int_equal(at, n_samples);
        free(samples);
        free(wanted);
        free(labels);
        free(x);
    }
    json_decref(json);
    recap_close_context(context);
}

static void test_dbcv(void **state)
{
    need_fixtures();
    recap_context *context = open_context(2);
    json_t *json = read_json("dbcv.json"), *row;
    size_t i;
    json_array_foreach(json_object_get(json, "dbcv"), i, row)
    {
        const char *name = json_string_value(json_object_get(row, "labels"));
        char set[64], path[160];
        split_name(name, set);
        size_t n = 0, n_labels = 0, d = set_dimensions(set);
        float *x = read_matrix(set, d, &n);
        snprintf(path, sizeof path, "%s.i32", name);
        int32_t *labels = read_fixture(path, sizeof *labels, &n_labels);
        double score = 0;
        bool known = false;
        assert_int_equal(recap_dbcv(context, x, n, d, labels, &score, &known, NULL), RECAP_OK);
        assert_true(known);
        assert_near(score, json_number_value(json_object_get(row, "dbcv_pkg_no_noise")), 1e-6);
        free(labels);
        free(x);
    }
    json_decref(json);
    recap_close_context(context);
}

/* ---- silhouette, DBCV where they are easy to get wrong ---- */

struct scores {
    double silhouette, dbcv;
    bool silhouette_known, dbcv_known;
};

static struct scores score_rows(const float *x, size_t n, size_t d, const int32_t *labels)
{
    struct scores s = {0};
    recap_context *context = open_context(2);
    recap_error error;
    if (recap_silhouette(context, x, n, d, RECAP_METRIC_EUCLIDEAN, labels, &s.silhouette,
                         &s.silhouette_known, &error) ||
        recap_dbcv(context, x, n, d, labels, &s.dbcv, &s.dbcv_known, &error))
        fail_msg("%s", error.message);
    assert_true(s.silhouette >= -1 && s.silhouette <= 1);
    assert_true(s.dbcv >= -1 && s.dbcv <= 1);
    recap_close_context(context);
    return s;
}

static void test_singleton(void **state)
{
    need_fixtures();
    size_t n = 0;
    float *x = read_matrix("blobs", 8, &n);
    int32_t *labels = new_array(n, sizeof *labels);
    for (size_t i = 0; i < n; i++) labels[i] = i < 60 ? 0 : i < 160 ? 1 : i < 199 ? 2 : 3;
    struct scores s = score_rows(x, n, 8, labels);
    assert_true(s.silhouette_known);
    assert_near(s.silhouette, -0.15258987746206054, 1e-9);
    assert_false(s.dbcv_known);
    free(labels);
    free(x);
}

static void check_absent(const int32_t labels[8], bool silhouette, bool dbcv)
{
    static const float x[8][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}, {7, 7}, {7, 8}, {8, 7}, {8, 8}};
    struct scores s = score_rows(x[0], 8, 2, labels);
    assert_int_equal(s.silhouette_known, silhouette);
    assert_int_equal(s.dbcv_known, dbcv);
    if (!silhouette) assert_true(s.silhouette == 0);
    if (!dbcv) assert_true(s.dbcv == 0);
}

static void test_absent(void **state)
{
    check_absent((int32_t[8]){0, 0, 0, 0, 1, 1, 1, 1}, true, true);
    check_absent((int32_t[8]){9, 9, 9, 9, 4, 4, 4, 4}, true, true);
    check_absent((int32_t[8]){0, 0, 0, 0, 0, 0, 0, 0}, false, false);
    check_absent((int32_t[8]){0, 0, 0, 0, -1, -1, -1, -1}, false, false);
    check_absent((int32_t[8]){-1, -1, -1, -1, -1, -1, -1, -1}, false, false);
    check_absent((int32_t[8]){0, 1, 2, 3, 4, 5, 6, 7}, false, false);
    check_absent((int32_t[8]){0, 1, -1, -1, -1, -1, -1, -1}, false, false);
    check_absent((int32_t[8]){0, 0, 0, 0, 1, 1, -1, -1}, true, false);
    check_absent((int32_t[8]){0, 0, 0, 0, 1, -1, -1, -1}, true, false);
    struct scores s = score_rows(NULL, 0, 2, NULL);
    assert_false(s.silhouette_known || s.dbcv_known);
}

/* Two clusters of equal rows; one of them; and both on the same spot. */
static void test_flat_clusters(void **state)
{
    float x[8][2] = {{0, 0}, {0, 0}, {0, 0}, {0, 0}, {7, 7}, {7, 7}, {7, 7}, {7, 7}};
    const int32_t labels[8] = {0, 0, 0, 0, 1, 1, 1, 1};
    struct scores s = score_rows(x[0], 8, 2, labels);
    assert_true(s.silhouette_known && s.silhouette == 1);
    assert_false(s.dbcv_known);
    x[0][0] = 1;
    assert_false(score_rows(x[0], 8, 2, labels).dbcv_known);
    x[4][0] = 8;
    assert_true(score_rows(x[0], 8, 2, labels).dbcv_known);
    memset(x, 0, sizeof x);
    s = score_rows(x[0], 8, 2, labels);
    assert_true(s.silhouette_known && s.silhouette == 0);
    assert_false(s.dbcv_known);
}

/* (1 / d)^384 is far from any double; values from a computation in logarithms. */
static void test_dimensions(void **state)
{
    enum { N = 300, ODD = 7 };
    need_fixtures();
    size_t n = 0, n_truth = 0;
    float *x = read_matrix("sent1000", 384, &n);
    int32_t *labels = read_fixture("sent1000/truth.i32", sizeof *labels, &n_truth);
    float *narrow = new_array(N * ODD, sizeof *narrow);
    for (size_t i = 0; i < N; i++) {
        labels[i] %= 3;
        memcpy(narrow + i * ODD, x + i * 384, ODD * sizeof *x);
    }
    struct scores s = score_rows(x, N, 384, labels);
    assert_near(s.dbcv, -0.17693047656564365, 1e-9);
    assert_near(s.silhouette, 0.031856060877907905, 1e-7);
    assert_near(score_rows(narrow, N, ODD, labels).dbcv, -0.4321979110544957, 1e-9);
    recap_context *context = open_context(1);
    double cosine = 0;
    bool known = false;
    assert_int_equal(
        recap_silhouette(context, x, N, 384, RECAP_METRIC_COSINE, labels, &cosine, &known, NULL),
        RECAP_OK);
    assert_near(cosine, 0.05790314935280646, 1e-7);
    recap_close_context(context);
    free(narrow);
    free(labels);
    free(x);
}

/* Scaling all values changes neither score, up to where float ends. */
static void test_scale(void **state)
{
    need_fixtures();
    size_t n = 0, n_labels = 0;
    float *x = read_matrix("blobs", 8, &n);
    int32_t *labels = read_fixture("blobs/truth.i32", sizeof *labels, &n_labels);
    struct scores plain = score_rows(x, n, 8, labels);
    static const float scales[] = {0x1p-100f, 0x1p100f};
    for (size_t i = 0; i < COUNT_OF(scales); i++) {
        float *scaled = new_array(n * 8, sizeof *scaled);
        for (size_t j = 0; j < n * 8; j++) scaled[j] = x[j] * scales[i];
        struct scores s = score_rows(scaled, n, 8, labels);
        assert_near(s.silhouette, plain.silhouette, 1e-9);
        if (scales[i] > 1) assert_near(s.dbcv, plain.dbcv, 0.1); /* isclose is not relative only */
        assert_true(s.dbcv_known);
        free(scaled);
    }
    free(labels);
    free(x);
}

static void test_threads(void **state)
{
    need_fixtures();
    size_t n = 0, n_labels = 0;
    float *x = read_matrix("sent500u20", 20, &n);
    int32_t *labels = read_fixture("sent500u20/h_mcs5_ms5_eom_e0_multi.labels.i32", sizeof *labels,
                                   &n_labels);
    double silhouette[3], dbcv[3];
    bool known;
    for (int i = 0; i < 3; i++) {
        recap_context *context = open_context(i + 1);
        recap_silhouette(context, x, n, 20, RECAP_METRIC_EUCLIDEAN, labels, &silhouette[i], &known,
                         NULL);
        recap_dbcv(context, x, n, 20, labels, &dbcv[i], &known, NULL);
        recap_close_context(context);
        assert_memory_equal(&silhouette[i], &silhouette[0], sizeof *silhouette);
        assert_memory_equal(&dbcv[i], &dbcv[0], sizeof *dbcv);
    }
    free(labels);
    free(x);
}

static bool stop_at_once(void *data, const char *stage, size_t done, size_t total)
{
    return false;
}

static void test_refusals(void **state)
{
    float x[8] = {0, 1, 2, 3, 4, NAN, 6, 7};
    const int32_t labels[8] = {0, 0, 0, 0, 1, 1, 1, 1};
    recap_context_options options = {.n_threads = 1, .progress = stop_at_once};
    recap_context *context = NULL;
    recap_error error;
    double out;
    bool known;
    recap_open_context(&options, &context, NULL);
    assert_int_equal(
        recap_silhouette(context, x, 8, 1, RECAP_METRIC_EUCLIDEAN, labels, &out, &known, &error),
        RECAP_ERROR_INPUT);
    assert_non_null(strstr(error.message, "row 5"));
    assert_int_equal(recap_dbcv(context, x, 8, 1, labels, &out, &known, &error), RECAP_ERROR_INPUT);
    assert_non_null(strstr(error.message, "row 5"));
    x[5] = 5;
    assert_int_equal(
        recap_silhouette(context, x, 8, 1, RECAP_METRIC_EUCLIDEAN, labels, &out, &known, &error),
        RECAP_ERROR_CANCELLED);
    assert_int_equal(recap_dbcv(context, x, 8, 1, labels, &out, &known, &error),
                     RECAP_ERROR_CANCELLED);
    assert_false(known);
    recap_close_context(context);
}

/* ---- agreement, values from scikit-learn ---- */

static void check_agreement(const int32_t *a, const int32_t *b, size_t n, double rand,
                            double information)
{
    assert_near(recap_adjusted_rand(a, b, n), rand, 1e-12);
    assert_near(recap_adjusted_rand(b, a, n), rand, 1e-12);
    assert_near(recap_adjusted_mutual_information(a, b, n), information, 1e-10);
    assert_near(recap_adjusted_mutual_information(b, a, n), information, 1e-10);
}

static void test_agreement(void **state)
{
    const int32_t a[10] = {0, 0, 0, 1, 1, 2, 2, 2, -1, -1};
    const int32_t b[10] = {5, 5, 1, 1, 1, 0, 0, -7, -7, -7};
    const int32_t alone[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    const int32_t turned[12] = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0, INT32_MAX, INT32_MIN};
    const int32_t fours[12] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2};
    const int32_t same[12] = {3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3};
    check_agreement(a, b, 10, 0.3918918918918919, 0.48539644446739183);
    check_agreement(a, a, 10, 1, 1);
    check_agreement(alone, turned, 12, 1, 1);
    check_agreement(alone, fours, 12, 0, 0);
    check_agreement(alone, same, 12, 0, 0);
    check_agreement(same, same, 12, 1, 1);
    check_agreement(same, same, 1, 1, 1);
    check_agreement(NULL, NULL, 0, 1, 1);
}

static void test_agreement_with_truth(void **state)
{
    need_fixtures();
    size_t n = 0, n_labels = 0;
    int32_t *truth = read_fixture("sent500u20/truth.i32", sizeof *truth, &n);
    int32_t *few = read_fixture("sent500u20/h_mcs5_ms5_eom_e0_multi.labels.i32", 4, &n_labels);
    int32_t *many = read_fixture("sent500u20/h_mcs3_ms1_leaf_e0_multi.labels.i32", 4, &n_labels);
    check_agreement(truth, few, n, 0.22686147438870582, 0.4341846444429233);
    check_agreement(truth, many, n, 0.05656107146666464, 0.3174014372453549);
    free(many);
    free(few);
    free(truth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silhouette),
        cmocka_unit_test(test_dbcv),
        cmocka_unit_test(test_singleton),
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_flat_clusters),
        cmocka_unit_test(test_dimensions),
        cmocka_unit_test(test_scale),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_agreement),
        cmocka_unit_test(test_agreement_with_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
