/* HDBSCAN against the hdbscan package's stored answers, and on awkward inputs. */
#include "cluster_fixtures.h"

#include "compute/compute.h"

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

/* Labels appear in the order of their numbers. */
static void assert_numbered(const int32_t *labels, size_t n, size_t n_clusters)
{
    int32_t next = 0;
    for (size_t i = 0; i < n; i++) {
        assert_true(labels[i] >= -1 && labels[i] <= next);
        if (labels[i] == next) next++;
    }
    assert_int_equal(next, n_clusters);
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
    assert_numbered(labels, n, n_clusters);
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

/* Two groups, one point between them and one far off; values from the package. */
static void test_outlier_scores(void **state)
{
    static const float x[12][2] = {{0, 0},      {0, 1},       {1, 0},  {1, 1},
                                   {.5f, .6f},  {9, 9},       {9, 10}, {10, 9},
                                   {10.5f, 10}, {9.4f, 9.3f}, {5, 5},  {20, -3}};
    static const int32_t wanted[12] = {0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, -1};
    static const double probabilities[12] = {
        1, 1, 1, 1, 1, 1, 1, 1, 0.7669648597706306, 1, 0.17677669529663687, 0};
    static const double scores[12] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0.23303514022936944, 0, 0.8232233047033631, 0.9378929905955463};
    recap_hdbscan_options options = {.min_cluster_size = 3, .min_samples = 2};
    recap_context *context = open_context(1);
    int32_t labels[12];
    double probability[12], score[12];
    size_t n_clusters = 0;
    assert_int_equal(recap_hdbscan(context, x[0], 12, 2, &options, labels, probability, score,
                                   &n_clusters, NULL),
                     RECAP_OK);
    assert_int_equal(n_clusters, 2);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(labels[i], wanted[i]);
        assert_near(probability[i], probabilities[i], 1e-9);
        assert_near(score[i], scores[i], 1e-9);
    }
    recap_close_context(context);
}

/* ---- awkward inputs ---- */

#define MOST 80
struct answer {
    size_t n_clusters;
    int32_t labels[MOST];
    double probabilities[MOST], scores[MOST];
};

static struct answer cluster_rows(const float *x, size_t n, size_t d,
                                  const recap_hdbscan_options *options)
{
    struct answer answer = {0};
    recap_error error;
    recap_context *context = open_context(2);
    if (recap_hdbscan(context, x, n, d, options, answer.labels, answer.probabilities, answer.scores,
                      &answer.n_clusters, &error))
        fail_msg("%s", error.message);
    for (size_t i = 0; i < n; i++) {
        assert_true(answer.probabilities[i] >= 0 && answer.probabilities[i] <= 1);
        assert_true(answer.scores[i] >= 0 && answer.scores[i] <= 1);
        if (answer.labels[i] < 0) assert_true(answer.probabilities[i] == 0);
    }
    assert_numbered(answer.labels, n, answer.n_clusters);
    recap_close_context(context);
    return answer;
}

/* 20 copies of one row and 20 of another, mixed; both metrics, any min_samples, eom and leaf. */
static void test_copies(void **state)
{
    float x[40][3];
    for (size_t i = 0; i < 40; i++) {
        float side = i % 3 == 0 || i >= 33 ? 1.f : -1.f;
        x[i][0] = .6f * side;
        x[i][1] = .64f;
        x[i][2] = side * .48f;
    }
    for (int i = 0; i < 24; i++) {
        recap_hdbscan_options options = {
            .min_cluster_size = i % 2 ? 5 : 20,
            .min_samples = i % 3 == 0   ? 1
                           : i % 3 == 1 ? 5
                                        : 19,
            .metric = i / 6 % 2 ? RECAP_METRIC_COSINE : RECAP_METRIC_EUCLIDEAN,
            .selection = i / 12 ? RECAP_SELECTION_LEAF : RECAP_SELECTION_EOM};
        size_t n_first = 0;
        for (size_t j = 0; j < 40; j++) n_first += x[j][0] > 0;
        if (options.min_cluster_size == 20 && n_first != 20) continue;
        struct answer answer = cluster_rows(x[0], 40, 3, &options);
        assert_int_equal(answer.n_clusters, 2);
        for (size_t j = 0; j < 40; j++) {
            assert_int_equal(answer.labels[j], x[j][0] > 0 ? 0 : 1);
            assert_true(answer.probabilities[j] == 1);
            assert_true(answer.scores[j] == 0);
        }
    }
}

static void test_identical_and_one(void **state)
{
    float x[61][2];
    for (size_t i = 0; i < 61; i++) x[i][0] = x[i][1] = i == 30 ? 4.f : 1.f;
    recap_hdbscan_options options = {.min_cluster_size = 5, .min_samples = 5};
    struct answer answer = cluster_rows(x[0], 61, 2, &options);
    assert_int_equal(answer.n_clusters, 0);
    options.allow_single_cluster = true;
    answer = cluster_rows(x[0], 61, 2, &options);
    assert_int_equal(answer.n_clusters, 1);
    for (size_t i = 0; i < 61; i++) {
        assert_int_equal(answer.labels[i], i == 30 ? -1 : 0);
        assert_true(answer.probabilities[i] == (i == 30 ? 0 : 1));
        assert_true(answer.scores[i] == (i == 30 ? 1 : 0));
    }
}

static void test_few_rows(void **state)
{
    const float x[3][2] = {{0, 0}, {1, 0}, {0, 3}};
    recap_hdbscan_options options = {.min_cluster_size = 3, .min_samples = 5};
    for (size_t n = 0; n <= 3; n++) {
        options.allow_single_cluster = false;
        struct answer answer = cluster_rows(x[0], n, 2, &options);
        assert_int_equal(answer.n_clusters, 0);
        options.allow_single_cluster = true;
        cluster_rows(x[0], n, 2, &options);
    }
    recap_context *context = open_context(1);
    recap_tree tree;
    assert_int_equal(
        recap_build_spanning_tree(context, x[0], 3, 2, RECAP_METRIC_EUCLIDEAN, 5, &tree, NULL),
        RECAP_OK);
    assert_near(tree.core[0], 3, 0); /* min_samples clamped to 2: the farther of the others */
    assert_near(tree.weights[0], sqrt(10), 1e-15);
    recap_free_tree(&tree);
    recap_close_context(context);
}

static void test_refusals(void **state)
{
    float x[4][2] = {{0, 1}, {1, 0}, {1, 1}, {2, 1}};
    int32_t labels[4];
    size_t n_clusters;
    recap_error error;
    recap_context *context = open_context(1);
    recap_hdbscan_options options = {.min_cluster_size = 1};
    assert_int_equal(
        recap_hdbscan(context, x[0], 4, 2, &options, labels, NULL, NULL, &n_clusters, &error),
        RECAP_ERROR_USAGE);
    assert_non_null(strstr(error.message, "min_cluster_size 1"));
    options = (recap_hdbscan_options){.epsilon = NAN};
    assert_int_equal(
        recap_hdbscan(context, x[0], 4, 2, &options, labels, NULL, NULL, &n_clusters, &error),
        RECAP_ERROR_USAGE);
    options = (recap_hdbscan_options){.metric = RECAP_METRIC_COSINE};
    x[2][0] = x[2][1] = 0;
    assert_int_equal(
        recap_hdbscan(context, x[0], 4, 2, &options, labels, NULL, NULL, &n_clusters, &error),
        RECAP_ERROR_INPUT);
    assert_non_null(strstr(error.message, "row 2"));
    x[3][1] = INFINITY;
    options.metric = RECAP_METRIC_EUCLIDEAN;
    assert_int_equal(
        recap_hdbscan(context, x[0], 4, 2, &options, labels, NULL, NULL, &n_clusters, &error),
        RECAP_ERROR_INPUT);
    assert_non_null(strstr(error.message, "row 3"));
    recap_close_context(context);
}

/* ---- metrics, order, threads, cancellation ---- */

static float *random_rows(size_t n, size_t d)
{
    float *x = new_array(n * d, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n * d; i++) {
        double centre = (double)(random_below(4, 1, 2, i / d)) * .7;
        x[i] = (float)(centre + random_unit(7, 0, i) - .5);
    }
    return x;
}

static recap_tree build(recap_context *context, const float *x, size_t n, size_t d,
                        recap_metric metric, size_t min_samples)
{
    recap_tree tree;
    recap_error error;
    if (recap_build_spanning_tree(context, x, n, d, metric, min_samples, &tree, &error))
        fail_msg("%s", error.message);
    return tree;
}

/* Between unit vectors 1 - cosine is half the squared Euclidean distance. */
static void test_cosine(void **state)
{
    enum { N = 150, D = 9 };
    float *x = random_rows(N, D), *unit = new_array(N * D, sizeof *unit);
    for (size_t i = 0; i < N; i++) {
        double square = 0;
        for (size_t c = 0; c < D; c++) square += (double)x[i * D + c] * (double)x[i * D + c];
        for (size_t c = 0; c < D; c++) unit[i * D + c] = (float)(x[i * D + c] / sqrt(square));
    }
    recap_context *context = open_context(1);
    recap_tree cosine = build(context, x, N, D, RECAP_METRIC_COSINE, 4);
    recap_tree plain = build(context, unit, N, D, RECAP_METRIC_EUCLIDEAN, 4);
    for (size_t i = 0; i + 1 < N; i++)
        assert_near(cosine.weights[i], plain.weights[i] * plain.weights[i] / 2, 1e-7);
    recap_free_tree(&plain);
    recap_free_tree(&cosine);
    recap_close_context(context);
    free(unit);
    free(x);
}

/* The order of the rows changes nothing where distances differ, though many reachabilities tie. */
static void test_row_order(void **state)
{
    enum { N = 400, D = 5 };
    float *x = random_rows(N, D), *turned = new_array(N * D, sizeof *turned);
    for (size_t i = 0; i < N; i++) /* 17 and 400 have no common divisor */
        memcpy(turned + i * D, x + i * 17 % N * D, D * sizeof *x);
    int32_t labels[N], turned_labels[N], back[N];
    size_t n_clusters = 0, n_turned = 0;
    recap_hdbscan_options options = {.min_cluster_size = 5, .min_samples = 5};
    recap_context *context = open_context(1);
    recap_hdbscan(context, x, N, D, &options, labels, NULL, NULL, &n_clusters, NULL);
    recap_hdbscan(context, turned, N, D, &options, turned_labels, NULL, NULL, &n_turned, NULL);
    for (size_t i = 0; i < N; i++) back[i * 17 % N] = turned_labels[i];
    assert_true(n_clusters >= 2);
    assert_int_equal(n_turned, n_clusters);
    assert_true(recap_adjusted_rand(labels, back, N) == 1);
    for (size_t i = 0; i < N; i++) assert_int_equal(labels[i] < 0, back[i] < 0);
    recap_close_context(context);
    free(turned);
    free(x);
}

/* Large enough that Prim's rounds are parallel too. */
static void test_threads(void **state)
{
    enum { N = 1300, D = 220 };
    float *x = random_rows(N, D);
    recap_context *one = open_context(1), *three = open_context(3);
    recap_tree a = build(one, x, N, D, RECAP_METRIC_EUCLIDEAN, 5);
    recap_tree b = build(three, x, N, D, RECAP_METRIC_EUCLIDEAN, 5);
    assert_memory_equal(a.weights, b.weights, (N - 1) * sizeof *a.weights);
    assert_memory_equal(a.from, b.from, (N - 1) * sizeof *a.from);
    assert_memory_equal(a.to, b.to, (N - 1) * sizeof *a.to);
    assert_memory_equal(a.core, b.core, N * sizeof *a.core);
    recap_free_tree(&a);
    recap_free_tree(&b);
    recap_close_context(one);
    recap_close_context(three);
    free(x);
}

/* The portable loops give the same bits as those for AVX2. */
static void test_instruction_sets(void **state)
{
    enum { N = 250, D = 13 };
    if (strcmp(compute_name(), "avx2") != 0) skip();
    float *x = random_rows(N, D);
    int32_t labels[N];
    double silhouettes[2], dbcv[2];
    bool known;
    recap_context *context = open_context(1);
    recap_tree trees[2];
    for (size_t i = 0; i < N; i++) labels[i] = (int32_t)random_below(4, 1, 2, i);
    for (int i = 0; i < 2; i++) {
        assert_true(compute_force(i ? "avx2" : "generic"));
        trees[i] = build(context, x, N, D, RECAP_METRIC_EUCLIDEAN, 5);
        recap_silhouette(context, x, N, D, RECAP_METRIC_EUCLIDEAN, labels, &silhouettes[i], &known,
                         NULL);
        recap_dbcv(context, x, N, D, labels, &dbcv[i], &known, NULL);
    }
    assert_memory_equal(trees[0].weights, trees[1].weights, (N - 1) * sizeof *trees[0].weights);
    assert_memory_equal(trees[0].to, trees[1].to, (N - 1) * sizeof *trees[0].to);
    assert_true(silhouettes[0] == silhouettes[1] && silhouettes[0] > 0);
    assert_true(known && dbcv[0] == dbcv[1]);
    recap_free_tree(&trees[0]);
    recap_free_tree(&trees[1]);
    recap_close_context(context);
    free(x);
}

struct stopper {
    const char *stage;
    int seen;
};

static bool stop_at_stage(void *data, const char *stage, size_t done, size_t total)
{
    struct stopper *stopper = data;
    assert_true(done <= total);
    if (strcmp(stage, stopper->stage) == 0) stopper->seen++;
    return stopper->seen < 2;
}

static void test_cancellation(void **state)
{
    static const char *const stages[] = {"core distances", "spanning tree"};
    enum { N = 2000, D = 64 };
    float *x = random_rows(N, D);
    for (size_t i = 0; i < COUNT_OF(stages); i++) {
        struct stopper stopper = {stages[i], 0};
        recap_context_options options = {
            .n_threads = 2, .progress = stop_at_stage, .progress_data = &stopper};
        recap_context *context = NULL;
        recap_error error;
        recap_tree tree;
        recap_open_context(&options, &context, NULL);
        assert_int_equal(
            recap_build_spanning_tree(context, x, N, D, RECAP_METRIC_EUCLIDEAN, 5, &tree, &error),
            RECAP_ERROR_CANCELLED);
        assert_non_null(strstr(error.message, stages[i]));
        assert_null(tree.weights);
        assert_int_equal(stopper.seen, 2); /* in the middle of the stage */
        recap_close_context(context);
    }
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights),           cmocka_unit_test(test_labels),
        cmocka_unit_test(test_outlier_scores),    cmocka_unit_test(test_copies),
        cmocka_unit_test(test_identical_and_one), cmocka_unit_test(test_few_rows),
        cmocka_unit_test(test_refusals),          cmocka_unit_test(test_cosine),
        cmocka_unit_test(test_row_order),         cmocka_unit_test(test_threads),
        cmocka_unit_test(test_instruction_sets),  cmocka_unit_test(test_cancellation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
