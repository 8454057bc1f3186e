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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silhouette),
        cmocka_unit_test(test_dbcv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
