/* The search over the recipe's grid: ranges, clamps, choice, deadline, awkward sizes. */
#include "cluster_fixtures.h"

#include <time.h>

#define D 24

/* Rows around `n_groups` directions, group by turns. */
static float *make_rows(size_t n, size_t n_groups, double spread)
{
    float *x = new_array(n * D, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < D; c++) {
            double centre = random_unit(11, i % n_groups, c) - .5;
            x[i * D + c] = (float)(centre + spread * (random_unit(12, i, c) - .5));
        }
    }
    return x;
}

struct found {
    size_t n;
    int32_t *labels;
    double *probabilities;
    recap_search_result result;
};

static void free_found(struct found *found)
{
    recap_free_search(&found->result);
    free(found->labels);
    free(found->probabilities);
}

static int search_status(recap_context *context, const float *x, size_t n,
                         const recap_search_options *options, struct found *found,
                         recap_error *error)
{
    *found = (struct found){.n = n};
    found->labels = new_array(n, sizeof *found->labels);
    found->probabilities = new_array(n, sizeof *found->probabilities);
    return recap_search_clusters(context, x, n, D, options, found->labels, found->probabilities,
                                 &found->result, error);
}

/* What holds for every answer. */
static void check_found(const struct found *found)
{
    const recap_search_result *r = &found->result;
    int32_t next = 0;
    for (size_t i = 0; i < found->n; i++) {
        double probability = found->probabilities[i];
        assert_true(found->labels[i] >= -1 && found->labels[i] <= next);
        if (found->labels[i] == next) next++;
        assert_true(found->labels[i] < 0 ? probability == 0 : probability >= 0 && probability <= 1);
    }
    assert_int_equal(next, r->n_clusters);
    for (size_t i = 0; r->layout && i < found->n * r->layout_dimensions; i++)
        assert_true(isfinite(r->layout[i]));
    assert_true(isfinite(r->score) && isfinite(r->silhouette) && isfinite(r->dbcv));
    double score = (r->silhouette_known ? 0.6 * r->silhouette : 0) +
                   (r->dbcv_known ? 0.4 * r->dbcv : 0);
    assert_near(r->score, score, 1e-15);
}

static struct found search_rows(const float *x, size_t n, const recap_search_options *options,
                                int n_threads)
{
    struct found found;
    recap_error error;
    recap_context *context = open_context(n_threads);
    if (search_status(context, x, n, options, &found, &error)) fail_msg("%s", error.message);
    check_found(&found);
    recap_close_context(context);
    return found;
}

/* ---- few rows ---- */

static void test_few_rows(void **state)
{
    recap_search_options options = recap_search_defaults();
    for (size_t n = 0; n < 10; n++) {
        float *x = make_rows(n, 2, .1);
        struct found found = search_rows(x, n, &options, 2);
        assert_false(found.result.umap_used || found.result.fallback);
        assert_int_equal(found.result.n_neighbors, 0);
        assert_int_equal(found.result.n_components, 0);
        assert_int_equal(found.result.n_trials, n ? 9 : 0);
        assert_int_equal(found.result.layout_dimensions, n ? D : 0);
        if (n < 6) assert_int_equal(found.result.n_clusters, 0);
        if (n) assert_memory_equal(found.result.layout, x, n * D * sizeof *x);
        free_found(&found);
        free(x);
    }
}

/* All scores 0: the largest min_cluster_size, then the largest min_samples, both as used. */
static void test_ties(void **state)
{
    recap_search_options options = recap_search_defaults();
    static const size_t samples[] = {0, 1, 2, 3, 3};
    float *x = make_rows(5, 5, 2);
    for (size_t n = 1; n <= 5; n++) {
        struct found found = search_rows(x, n, &options, 1);
        assert_true(found.result.score == 0);
        assert_int_equal(found.result.min_cluster_size, 5);
        assert_int_equal(found.result.min_samples, samples[n - 1]);
        free_found(&found);
    }
    free(x);
}

static void test_clamps(void **state)
{
    for (size_t n = 10; n <= 12; n++) {
        float *x = make_rows(n, 2, .1);
        recap_search_options options = recap_search_defaults();
        options.n_components = 20;
        struct found found = search_rows(x, n, &options, 2);
        assert_true(found.result.umap_used);
        assert_int_equal(found.result.n_neighbors, n / 3);
        assert_int_equal(found.result.n_components, n - 2);
        assert_int_equal(found.result.layout_dimensions, n - 2);
        assert_true(found.result.min_samples <= n - 1);
        free_found(&found);
        options.n_components = 0;
        found = search_rows(x, n, &options, 2);
        assert_int_equal(found.result.n_components, 8);
        free_found(&found);
        free(x);
    }
}

/* ---- the grid ---- */

static void test_ranges(void **state)
{
    static const struct {
        size_t n;
        bool other;
        size_t n_trials; /* sizes x samples x neighbours x components */
    } cases[] = {{9, false, 3 * 3},
                 {9, true, 3 * 2},
                 {45, false, (2 + 3 + 3) * 1},
                 {49, false, (2 + 3 + 3) * 2},
                 {50, false, (2 + 2 + 2) * 1},
                 {93, false, (2 + 2 + 2) * 2},
                 {30, true, 3 * 2 * 1 * 2},
                 {36, true, 3 * 2 * 2 * 2}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        float *x = make_rows(cases[i].n, 3, .3);
        recap_search_options options = recap_search_defaults();
        options.other = cases[i].other;
        struct found found = search_rows(x, cases[i].n, &options, 2);
        if (found.result.n_trials != cases[i].n_trials)
            fail_msg("%zu rows: %zu trials, not %zu", cases[i].n, found.result.n_trials,
                     cases[i].n_trials);
        free_found(&found);
        options.max_trials = 2;
        found = search_rows(x, cases[i].n, &options, 2);
        assert_int_equal(found.result.n_trials, 2);
        free_found(&found);
        free(x);
    }
}

static void test_umap_threshold(void **state)
{
    float *x = make_rows(30, 2, .1);
    recap_search_options options = recap_search_defaults();
    options.umap_threshold = 31;
    struct found found = search_rows(x, 30, &options, 1);
    assert_false(found.result.umap_used);
    assert_true(found.result.min_cluster_size >= 5); /* the ranges go by the number of rows */
    free_found(&found);
    options.umap_threshold = 30;
    found = search_rows(x, 30, &options, 1);
    assert_true(found.result.umap_used);
    free_found(&found);
    options = recap_search_defaults();
    options.no_umap = true;
    found = search_rows(x, 30, &options, 1);
    assert_false(found.result.umap_used);
    free_found(&found);
    free(x);
}

static double total_score(recap_context *context, const float *layout, size_t n, size_t d,
                          const int32_t *labels)
{
    double silhouette, dbcv;
    bool known;
    recap_silhouette(context, layout, n, d, RECAP_METRIC_EUCLIDEAN, labels, &silhouette, &known,
                     NULL);
    recap_dbcv(context, layout, n, d, labels, &dbcv, &known, NULL);
    return 0.6 * silhouette + 0.4 * dbcv;
}

/* The choice repeated by hand over the same layout. */
static void test_choice(void **state)
{
    enum { N = 120 };
    static const size_t sizes[] = {10, 15, 20};
    float *x = make_rows(N, 4, 1.1);
    recap_search_options options = recap_search_defaults();
    options.no_umap = true;
    options.epsilon = 0;
    struct found found = search_rows(x, N, &options, 2);
    const recap_search_result *r = &found.result;
    recap_context *context = open_context(1);
    int32_t labels[N];
    size_t n_clusters = 0;
    for (size_t i = 0; i < 6; i++) {
        recap_hdbscan_options trial = {.min_cluster_size = sizes[i / 2],
                                       .min_samples = i % 2 ? 5 : sizes[i / 2]};
        recap_hdbscan(context, x, N, D, &trial, labels, NULL, NULL, &n_clusters, NULL);
        double score = total_score(context, x, N, D, labels);
        assert_true(score <= r->score);
        bool is_chosen = trial.min_cluster_size == r->min_cluster_size &&
                         trial.min_samples == r->min_samples;
        if (is_chosen) {
            assert_true(score == r->score);
            assert_memory_equal(labels, found.labels, sizeof labels);
        } else if (score == r->score) {
            assert_true(trial.min_cluster_size < r->min_cluster_size ||
                        (trial.min_cluster_size == r->min_cluster_size &&
                         trial.min_samples < r->min_samples));
        }
    }
    assert_true(r->n_clusters >= 2);
    recap_close_context(context);
    free_found(&found);
    free(x);
}

/* ---- whole searches ---- */

static void test_groups_found(void **state)
{
    enum { N = 80 };
    float *x = make_rows(N, 2, .2);
    recap_search_options options = recap_search_defaults();
    struct found found = search_rows(x, N, &options, 2);
    assert_true(found.result.umap_used);
    assert_int_equal(found.result.n_clusters, 2);
    assert_int_equal(found.result.n_neighbors, N / 3);
    assert_int_equal(found.result.layout_dimensions, 8);
    for (size_t i = 0; i < N; i++)
        if (found.labels[i] >= 0) assert_int_equal(found.labels[i], found.labels[i % 2]);
    assert_true(found.result.score > .5);
    free_found(&found);
    free(x);
}

static void test_threads(void **state)
{
    enum { N = 150 };
    float *x = make_rows(N, 5, .6);
    for (int other = 0; other < 2; other++) {
        recap_search_options options = recap_search_defaults();
        options.other = other;
        struct found one = search_rows(x, N, &options, 1), two = search_rows(x, N, &options, 2);
        assert_memory_equal(one.labels, two.labels, N * sizeof *one.labels);
        assert_memory_equal(one.probabilities, two.probabilities, N * sizeof *one.probabilities);
        assert_int_equal(one.result.layout_dimensions, two.result.layout_dimensions);
        assert_memory_equal(one.result.layout, two.result.layout,
                            N * one.result.layout_dimensions * sizeof(float));
        assert_true(one.result.score == two.result.score);
        free_found(&one);
        free_found(&two);
    }
    free(x);
}

/* The genre "other": one cluster where nothing splits, not all noise. */
static void test_single_cluster(void **state)
{
    float *x = make_rows(7, 1, .05);
    recap_search_options options = recap_search_defaults();
    options.other = true;
    struct found found = search_rows(x, 7, &options, 1);
    assert_int_equal(found.result.n_clusters, 1);
    for (size_t i = 0; i < 7; i++) assert_int_equal(found.labels[i], 0);
    assert_false(found.result.silhouette_known || found.result.dbcv_known);
    free_found(&found);
    options.other = false;
    found = search_rows(x, 7, &options, 1);
    assert_int_equal(found.result.n_clusters, 0);
    free_found(&found);
    free(x);
}

/* Equal rows: two groups, and one group alone. */
static void test_copies(void **state)
{
    enum { N = 40 };
    for (size_t n_groups = 1; n_groups <= 2; n_groups++) {
        float *x = make_rows(N, n_groups, 0);
        for (int flags = 0; flags < 4; flags++) {
            recap_search_options options = recap_search_defaults();
            options.no_umap = flags & 1;
            options.other = flags & 2;
            struct found found = search_rows(x, N, &options, 2);
            if (options.no_umap && n_groups == 2) {
                assert_int_equal(found.result.n_clusters, 2);
                for (size_t i = 0; i < N; i++) {
                    assert_int_equal(found.labels[i], i % 2);
                    assert_true(found.probabilities[i] == 1);
                }
                assert_false(found.result.dbcv_known);
            }
            free_found(&found);
        }
        free(x);
    }
}

/* ---- deadline and cancellation ---- */

static void test_deadline_at_once(void **state)
{
    static const struct {
        size_t n, k;
    } cases[] = {{2, 2}, {7, 2}, {18, 3}, {200, 10}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t n = cases[i].n;
        float *x = make_rows(n, n, 1);
        recap_search_options options = recap_search_defaults();
        options.seconds = 1e-9;
        struct found found = search_rows(x, n, &options, 2);
        assert_true(found.result.fallback);
        assert_false(found.result.umap_used);
        assert_int_equal(found.result.n_clusters, cases[i].k);
        for (size_t j = 0; j < n; j++)
            assert_true(found.labels[j] >= 0 && found.probabilities[j] == 1);
        assert_int_equal(found.result.layout_dimensions, D);
        free_found(&found);
        free(x);
    }
}

static bool pause_after_a_trial(void *data, const char *stage, size_t done, size_t total)
{
    if (strcmp(stage, "cluster search") == 0 && done == 1) {
        assert_true(total > 1);
        nanosleep(&(struct timespec){.tv_sec = 2, .tv_nsec = 100000000}, NULL);
    }
    return true;
}

static void test_deadline_after_a_trial(void **state)
{
    enum { N = 40 };
    float *x = make_rows(N, 2, .2);
    recap_context_options how = {.n_threads = 1, .progress = pause_after_a_trial};
    recap_context *context = NULL;
    recap_open_context(&how, &context, NULL);
    recap_search_options options = recap_search_defaults();
    options.no_umap = true;
    options.seconds = 2;
    struct found found;
    recap_error error = {.message = "untouched"};
    assert_int_equal(search_status(context, x, N, &options, &found, &error), RECAP_OK);
    assert_string_equal(error.message, "untouched");
    check_found(&found);
    assert_false(found.result.fallback);
    assert_int_equal(found.result.n_trials, 1);
    assert_non_null(found.result.layout);
    free_found(&found);
    recap_close_context(context);
    free(x);
}

static bool refuse_stage(void *data, const char *stage, size_t done, size_t total)
{
    return strcmp(stage, data) != 0;
}

static void test_cancellation(void **state)
{
    static char stages[][20] = {"cluster search", "silhouette", "spanning tree"};
    enum { N = 60 };
    float *x = make_rows(N, 3, .2);
    for (size_t i = 0; i < COUNT_OF(stages); i++) {
        recap_context_options how = {
            .n_threads = 2, .progress = refuse_stage, .progress_data = stages[i]};
        recap_context *context = NULL;
        recap_open_context(&how, &context, NULL);
        recap_search_options options = recap_search_defaults();
        options.seconds = 1000;
        struct found found;
        recap_error error;
        assert_int_equal(search_status(context, x, N, &options, &found, &error),
                         RECAP_ERROR_CANCELLED);
        assert_non_null(strstr(error.message, stages[i]));
        assert_null(found.result.layout);
        free_found(&found);
        recap_close_context(context);
    }
    free(x);
}

static void test_refusals(void **state)
{
    enum { N = 20 };
    float *x = make_rows(N, 2, .2);
    recap_context *context = open_context(1);
    recap_search_options options = recap_search_defaults();
    struct found found;
    recap_error error;
    options.seconds = -1;
    assert_int_equal(search_status(context, x, N, &options, &found, &error), RECAP_ERROR_USAGE);
    free_found(&found);
    options = recap_search_defaults();
    options.no_umap = true;
    memset(x + 3 * D, 0, D * sizeof *x);
    assert_int_equal(search_status(context, x, N, &options, &found, &error), RECAP_ERROR_INPUT);
    assert_non_null(strstr(error.message, "row 3"));
    free_found(&found);
    x[2 * D + 1] = NAN;
    assert_int_equal(search_status(context, x, N, &options, &found, &error), RECAP_ERROR_INPUT);
    assert_non_null(strstr(error.message, "row 2"));
    free_found(&found);
    recap_close_context(context);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_rows),         cmocka_unit_test(test_ties),
        cmocka_unit_test(test_clamps),           cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_umap_threshold),   cmocka_unit_test(test_choice),
        cmocka_unit_test(test_groups_found),     cmocka_unit_test(test_threads),
        cmocka_unit_test(test_single_cluster),   cmocka_unit_test(test_copies),
        cmocka_unit_test(test_deadline_at_once), cmocka_unit_test(test_deadline_after_a_trial),
        cmocka_unit_test(test_cancellation),     cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
