/* HDBSCAN against the hdbscan package's stored answers, and on awkward inputs. */
#include "cluster_fixtures.h"

/* ---- reference values ---- */

static void check_weights(recap_context *context, const char *set, size_t min_samples)
{
    char name[128];
    snprintf(name, sizeof name, "%s/mst_ms%zu.f64", set, min_samples);
    if (!has_fixture(name)) return;
    size_t n = 0, n_edges = 0, n_core = 0, d = set_dimensions(set);
    float *x = read_matrix(set, d, &n);
    double *weights = read_fixture(name, sizeof *weights, &n_edges);
    snprintf(name, sizeof name, "%s/core_ms%zu.f64", set, min_samples);
    double *core = read_fixture(name, sizeof *core, &n_core);
    assert_int_equal(n_edges, n - 1);
    recap_tree tree;
    assert_int_equal(recap_build_spanning_tree(context, x, n, d, RECAP_METRIC_EUCLIDEAN,
                                               min_samples, &tree, NULL),
                     RECAP_OK);
    for (size_t i = 0; i < n_edges; i++)
        assert_near(tree.weights[i], weights[i], 1e-9 * weights[i]);
    for (size_t i = 0; i < n_core; i++) assert_near(tree.core[i], core[i], 1e-9 * core[i]);
    recap_free_tree(&tree);
    free(core);
    free(weights);
    free(x);
}

static void test_weights(void **state)
{
    static const char *const sets[] = {"blobs", "sent500u20", "identical", "two",
                                       "dups",  "outlier",    "grid"};
    static const size_t min_samples[] = {1, 5, 10, 20};
    need_fixtures();
    recap_context *context = open_context(2);
    for (size_t i = 0; i < COUNT_OF(sets); i++)
        for (size_t j = 0; j < COUNT_OF(min_samples); j++)
            check_weights(context, sets[i], min_samples[j]);
    recap_close_context(context);
}

struct reference {
    char name[128];
    const char *set;
    recap_hdbscan_options options;
    size_t n_clusters;
};

static struct reference read_reference(json_t *row)
{
    struct reference r = {.set = json_string_value(json_object_get(row, "set"))};
    const char *selection = json_string_value(json_object_get(row, "sel"));
    r.options.min_cluster_size = (size_t)json_integer_value(json_object_get(row, "mcs"));
    r.options.min_samples = (size_t)json_integer_value(json_object_get(row, "ms"));
    r.options.epsilon = json_number_value(json_object_get(row, "eps"));
    r.options.allow_single_cluster = json_integer_value(json_object_get(row, "single"));
    r.options.selection = strcmp(selection, "leaf") == 0 ? RECAP_SELECTION_LEAF
                                                         : RECAP_SELECTION_EOM;
    r.n_clusters = (size_t)json_integer_value(json_object_get(row, "clusters"));
    snprintf(r.name, sizeof r.name, "%s/h_mcs%zu_ms%zu_%s_e%g_%s", r.set,
             r.options.min_cluster_size, r.options.min_samples, selection, r.options.epsilon,
             r.options.allow_single_cluster ? "single" : "multi");
    return r;
}

static void compare_exactly(const struct reference *r, size_t n, const int32_t *labels,
                            const double *probabilities, const int32_t *wanted)
{
    char name[160];
    size_t n_wanted = 0;
    snprintf(name, sizeof name, "%s.prob.f64", r->name);
    double *wanted_probabilities = read_fixture(name, sizeof *wanted_probabilities, &n_wanted);
    assert_int_equal(n_wanted, n);
    for (size_t i = 0; i < n; i++) {
        if ((labels[i] < 0) != (wanted[i] < 0)) fail_msg("%s: noise differs at %zu", r->name, i);
        if (fabs(probabilities[i] - wanted_probabilities[i]) > 1e-6)
            fail_msg("%s: probability %g is not %g at %zu", r->name, probabilities[i],
                     wanted_probabilities[i], i);
    }
    if (recap_adjusted_rand(labels, wanted, n) != 1) fail_msg("%s: partition differs", r->name);
    free(wanted_probabilities);
}

static void check_reference(recap_context *context, const struct reference *r)
{
    char name[160];
    size_t n = 0, n_wanted = 0, d = set_dimensions(r->set), n_clusters = 0;
    float *x = read_matrix(r->set, d, &n);
    snprintf(name, sizeof name, "%s.labels.i32", r->name);
    int32_t *wanted = read_fixture(name, sizeof *wanted, &n_wanted);
    assert_int_equal(n_wanted, n);
    int32_t *labels = new_array(n, sizeof *labels);
    double *probabilities = new_array(n, sizeof *probabilities);
    assert_int_equal(recap_hdbscan(context, x, n, d, &r->options, labels, probabilities, NULL,
                                   &n_clusters, NULL),
                     RECAP_OK);
    if (n_clusters != r->n_clusters)
        fail_msg("%s: %zu clusters, not %zu", r->name, n_clusters, r->n_clusters);
    double rand = recap_adjusted_rand(labels, wanted, n);
    if (strcmp(r->set, "sent500u20") != 0)
        compare_exactly(r, n, labels, probabilities, wanted);
    else if (rand < 0.98)
        fail_msg("%s: adjusted Rand %g", r->name, rand);
    free(probabilities);
    free(labels);
    free(wanted);
    free(x);
}

static void test_labels(void **state)
{
    need_fixtures();
    recap_context *context = open_context(2);
    json_t *json = read_json("hdbscan.json"), *row;
    size_t i, n_checked = 0;
    json_array_foreach(json_object_get(json, "hdbscan"), i, row)
    {
        struct reference r = read_reference(row);
        if (strcmp(r.set, "grid") == 0) continue; /* every distance tied: labels mean nothing */
        check_reference(context, &r);
        n_checked++;
    }
    assert_true(n_checked >= 192);
    json_decref(json);
    recap_close_context(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
