/* UMAP step by step against the reference: smoothing, graph, curve, eigenvectors, layout. */
#include "cluster_fixtures.h"

#include "compute/compute.h"

/* Under a sanitizer the layouts take minutes: one of them is enough there. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SLOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SLOW 1
#endif
#endif
#ifndef IS_SLOW
#define IS_SLOW 0
#endif

struct sample {
    const char *set, *graph; /* folder and prefix of the fixture */
    size_t d, k;
    recap_metric metric;
};
static const struct sample samples[] = {
    {"sent1000", "umap15", 384, 15, RECAP_METRIC_COSINE},
    {"sent1000", "umap30", 384, 30, RECAP_METRIC_COSINE},
    {"blobs", "umap10", 8, 10, RECAP_METRIC_EUCLIDEAN},
};

static void *read_part(const struct sample *sample, const char *part, size_t size, size_t *n)
{
    char name[128];
    snprintf(name, sizeof name, "%s/%s.%s", sample->set, sample->graph, part);
    return read_fixture(name, size, n);
}

/* The neighbours of a sample, and its rows where x is given. */
static size_t find_sample(recap_context *context, const struct sample *sample, int32_t **indices,
                          float **distances, float **x)
{
    size_t n;
    float *rows = read_matrix(sample->set, sample->d, &n);
    *indices = new_array(n * sample->k, sizeof **indices);
    *distances = new_array(n * sample->k, sizeof **distances);
    assert_int_equal(recap_find_neighbors(context, rows, n, sample->d, sample->metric, sample->k,
                                          *indices, *distances, NULL),
                     RECAP_OK);
    if (x)
        *x = rows;
    else
        free(rows);
    return n;
}

static recap_graph build_sample(recap_context *context, const struct sample *sample)
{
    int32_t *indices;
    float *distances;
    size_t n = find_sample(context, sample, &indices, &distances, NULL);
    recap_graph graph;
    assert_int_equal(
        recap_build_fuzzy_graph(context, indices, distances, n, sample->k, &graph, NULL), RECAP_OK);
    free(indices);
    free(distances);
    return graph;
}

static void test_smoothing(void **state)
{
    need_fixtures();
    for (size_t s = 0; s < COUNT_OF(samples); s++) {
        int32_t *indices;
        float *distances;
        size_t n = find_sample(NULL, &samples[s], &indices, &distances, NULL), count;
        float *sigma = read_part(&samples[s], "sigma.f32", sizeof *sigma, &count);
        float *rho = read_part(&samples[s], "rho.f32", sizeof *rho, &count);
        float *smooth = new_array(2 * n, sizeof *smooth);
        cluster_smooth_neighbors(NULL, distances, n, samples[s].k, smooth, smooth + n);
        for (size_t i = 0; i < n; i++) {
            assert_near((double)smooth[i], (double)sigma[i], 1e-5 * (1 + (double)sigma[i]));
            assert_near((double)smooth[n + i], (double)rho[i], 1e-5);
        }
        free(indices);
        free(distances);
        free(sigma);
        free(rho);
        free(smooth);
    }
}

static void test_graph(void **state)
{
    need_fixtures();
    for (size_t s = 0; s < COUNT_OF(samples); s++) {
        size_t count;
        int32_t *rows = read_part(&samples[s], "rows.i32", sizeof *rows, &count);
        int32_t *columns = read_part(&samples[s], "cols.i32", sizeof *columns, &count);
        float *values = read_part(&samples[s], "vals.f32", sizeof *values, &count);
        recap_graph graph = build_sample(NULL, &samples[s]);
        assert_int_equal(graph.offsets[graph.n], count);
        for (size_t i = 0; i < graph.n; i++)
            for (int64_t e = graph.offsets[i]; e < graph.offsets[i + 1]; e++) {
                assert_int_equal(rows[e], i);
                assert_int_equal(columns[e], graph.columns[e]);
                assert_near((double)graph.weights[e], (double)values[e], 1e-5);
            }
        free(rows);
        free(columns);
        free(values);
        recap_free_graph(&graph);
    }
}

static void test_curve(void **state)
{
    const double wanted[][3] = {{0, 1.9328083980052901, 0.7904949736958765},
                                {0.1, 1.57694346046584, 0.8950608779639974},
                                {0.5, 0.5830300203968329, 1.3341669926352966}};
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        double a, b;
        cluster_fit_curve(wanted[i][0], 1, &a, &b);
        assert_near(a, wanted[i][1], 1e-5);
        assert_near(b, wanted[i][2], 1e-5);
    }
}

static void test_eigenvectors(void **state)
{
    need_fixtures();
    enum { WANTED = 8, STORED = 9 };
    recap_context *context = open_context(2);
    for (size_t s = 0; s < 2; s++) {
        recap_graph graph = build_sample(context, &samples[s]);
        size_t n = graph.n, count;
        double *reference = read_part(&samples[s], "lap_eigval.f64", sizeof *reference, &count);
        float *stored = read_part(&samples[s], "lap_eigvec.f32", sizeof *stored, &count);
        assert_int_equal(count, n * STORED);
        double *vectors = new_array(n * WANTED, sizeof *vectors), values[WANTED];
        bool converged = false;
        assert_int_equal(
            cluster_spectral_vectors(context, &graph, WANTED, vectors, values, &converged, NULL),
            RECAP_OK);
        assert_true(converged);
        for (size_t j = 0; j < WANTED; j++) {
            assert_near(values[j], reference[j + 1], 1e-8);
            double along = 0;
            for (size_t i = 0; i < n; i++)
                along += vectors[i * WANTED + j] * (double)stored[i * STORED + j + 1];
            assert_near(fabs(along), 1, 1e-6);
        }
        free(reference);
        free(stored);
        free(vectors);
        recap_free_graph(&graph);
    }
    recap_close_context(context);
}

static void test_principal_components(void **state)
{
    need_fixtures();
    enum { WANTED = 8, D = 384 };
    size_t n, count;
    float *x = read_matrix("sent1000", D, &n);
    float *reference = read_fixture("sent1000/pca8.f32", sizeof *reference, &count);
    float *scores = new_array(n * WANTED, sizeof *scores);
    assert_int_equal(recap_pca(NULL, x, n, D, WANTED, scores, NULL), RECAP_OK);
    double ours = 0, theirs = 0;
    for (size_t j = 0; j < WANTED; j++) {
        /* The reference's are approximate (a randomised solver), the later the more. */
        double along = 0, crossed = 0;
        for (size_t i = 0; i < n; i++) {
            double score = (double)scores[i * WANTED + j];
            along += score * (double)reference[i * WANTED + j];
            crossed += score * (double)scores[i * WANTED + (j + 1) % WANTED];
            ours += score * score;
            theirs += pow((double)reference[i * WANTED + j], 2);
        }
        assert_near(crossed, 0, 1e-4);
        for (size_t i = 0; i < n; i++)
            assert_near((double)scores[i * WANTED + j],
                        (double)reference[i * WANTED + j] * (along < 0 ? -1 : 1),
                        j == 0 ? 1e-5 : 0.03);
        assert_true(ours > theirs * (1 - 1e-6));
    }
    /* Fewer rows than columns go by the other Gram matrix: the same distances between scores. */
    float wide[6 * 7], projected[6 * 5];
    for (size_t i = 0; i < 42; i++) wide[i] = (float)random_unit(1, 2, i);
    assert_int_equal(recap_pca(NULL, wide, 6, 7, 5, projected, NULL), RECAP_OK);
    for (size_t i = 1; i < 6; i++) {
        double a = 0, b = 0;
        for (size_t c = 0; c < 7; c++) a += pow((double)wide[c] - (double)wide[i * 7 + c], 2);
        for (size_t c = 0; c < 5; c++)
            b += pow((double)projected[c] - (double)projected[i * 5 + c], 2);
        assert_near(b, a, 1e-5);
    }
    free(x);
    free(reference);
    free(scores);
}

static double trust_of(recap_context *context, const float *x, size_t n, size_t d, const float *y,
                       size_t width)
{
    double trust = 0;
    assert_int_equal(
        recap_trustworthiness(context, x, n, d, RECAP_METRIC_COSINE, y, width, 15, &trust, NULL),
        RECAP_OK);
    return trust;
}

static recap_context *seeded_context(int n_threads, uint64_t seed)
{
    recap_context *context;
    recap_context_options options = {.n_threads = n_threads, .seed = seed};
    assert_int_equal(recap_open_context(&options, &context, NULL), RECAP_OK);
    return context;
}

/* The layout of each row of the reference's list is as trustworthy as its mean - 0.005; three seeds
 * for the first of each number of neighbours, one for the others. */
static void test_trust(void **state)
{
    need_fixtures();
    json_t *json = read_json("umap.json"), *rows = json_object_get(json, "trust");
    size_t n;
    float *x = read_matrix("sent1000", 384, &n);
    float *y = new_array(n * 20, sizeof *y);
    bool print = getenv("RECAP_TEST_PRINT") != NULL;
    for (size_t r = 0; r < json_array_size(rows); r++) {
        json_t *row = json_array_get(rows, r), *seeds = json_object_get(row, "seeds");
        if (!seeds) continue;
        recap_umap_options options = recap_umap_defaults();
        options.min_dist = 0;
        options.n_neighbors = (size_t)json_integer_value(json_object_get(row, "n_neighbors"));
        options.n_components = (size_t)json_integer_value(json_object_get(row, "n_components"));
        double wanted = json_number_value(json_object_get(row, "mean")) - 0.005;
        size_t n_seeds = options.n_components == 2 || print ? json_array_size(seeds) : 1;
        if (IS_SLOW && (options.n_components != 8 || options.n_neighbors != 15)) continue;
        for (size_t s = 0; s < n_seeds; s++) {
            recap_context *context = seeded_context(
                2, (uint64_t)json_integer_value(json_array_get(seeds, s)));
            assert_int_equal(recap_umap(context, x, n, 384, &options, y, NULL), RECAP_OK);
            double trust = trust_of(context, x, n, 384, y, options.n_components);
            recap_close_context(context);
            if (print)
                printf("%zu neighbors, %zu components: %.4f, reference %.4f, %+.4f\n",
                       options.n_neighbors, options.n_components, trust, wanted + 0.005,
                       trust - wanted - 0.005);
            else if (trust < wanted)
                fail_msg("%zu neighbors, %zu components: %.4f < %.4f", options.n_neighbors,
                         options.n_components, trust, wanted);
        }
    }
    json_decref(json);
    free(x);
    free(y);
}

/* The same bytes on 1, 2 and 3 threads and twice; another seed gives another layout. */
static void test_threads(void **state)
{
    enum { N = 700, D = 10 };
    float x[N * D], one[N * 20], other[N * 20];
    for (size_t i = 0; i < (size_t)N * D; i++)
        x[i] = (float)(random_unit(1, i / D % 7, i % D) + 0.3 * random_unit(2, 0, i));
    const size_t widths[] = {2, 5, 8, 20};
    for (size_t w = 0; w < COUNT_OF(widths); w++) {
        recap_umap_options options = recap_umap_defaults();
        options.n_components = widths[w];
        options.n_epochs = 60;
        size_t bytes = N * widths[w] * sizeof(float);
        for (int threads = 1; threads <= 4; threads++) {
            recap_context *context = seeded_context(threads == 4 ? 1 : threads, 42);
            assert_int_equal(
                recap_umap(context, x, N, D, &options, threads == 1 ? one : other, NULL), RECAP_OK);
            recap_close_context(context);
            if (threads > 1) assert_memory_equal(one, other, bytes);
        }
        recap_context *context = seeded_context(2, 43);
        assert_int_equal(recap_umap(context, x, N, D, &options, other, NULL), RECAP_OK);
        recap_close_context(context);
        assert_memory_not_equal(one, other, bytes);
    }
}

/* Neighbours are decided in double and the layout's kernels round alike: each set of instructions
 * gives the same bytes. */
static void test_instruction_sets(void **state)
{
    enum { N = 600, D = 48 };
    float *x = new_array((size_t)N * D, sizeof *x), one[N * 8], other[N * 8];
    for (size_t i = 0; i < (size_t)N * D; i++)
        x[i] = (float)(random_unit(1, i / D % 7, i % D) + 0.3 * random_unit(2, 0, i));
    char before[32];
    snprintf(before, sizeof before, "%s", compute_name());
    if (strcmp(before, "generic") == 0) skip();
    recap_umap_options options = recap_umap_defaults();
    options.n_components = 8;
    options.n_epochs = 60;
    assert_int_equal(recap_umap(NULL, x, N, D, &options, one, NULL), RECAP_OK);
    assert_true(compute_force("generic"));
    assert_int_equal(recap_umap(NULL, x, N, D, &options, other, NULL), RECAP_OK);
    assert_true(compute_force(before));
    assert_memory_equal(one, other, sizeof one);
    free(x);
}

static void check_finite(const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) assert_true(isfinite(y[i]));
}

/* Two far groups of 40 with 15 neighbours: two components, which stay apart. */
static void test_disconnected(void **state)
{
    enum { N = 80, D = 6 };
    float x[N * D], y[N * 8];
    for (size_t i = 0; i < (size_t)N * D; i++)
        x[i] = (float)random_unit(1, 1, i) + (i / D < 40 ? 0 : 1000);
    for (size_t width = 2; width <= 8; width += 6) {
        recap_umap_options options = recap_umap_defaults();
        options.metric = RECAP_METRIC_EUCLIDEAN;
        options.n_components = width;
        assert_int_equal(recap_umap(NULL, x, N, D, &options, y, NULL), RECAP_OK);
        check_finite(y, N * width);
        double inside = 0, outside = INFINITY;
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < i; j++) {
                double sum = 0;
                for (size_t c = 0; c < width; c++)
                    sum += pow((double)y[i * width + c] - (double)y[j * width + c], 2);
                if ((i < 40) != (j < 40) && sum < outside) outside = sum;
                if ((i < 40) == (j < 40) && sum > inside) inside = sum;
            }
        assert_true(outside > 0.5);
    }
    int32_t component[N], indices[N * 15];
    float distances[N * 15];
    size_t n_components;
    recap_graph graph;
    assert_int_equal(
        recap_find_neighbors(NULL, x, N, D, RECAP_METRIC_EUCLIDEAN, 15, indices, distances, NULL),
        RECAP_OK);
    assert_int_equal(recap_build_fuzzy_graph(NULL, indices, distances, N, 15, &graph, NULL),
                     RECAP_OK);
    assert_int_equal(cluster_find_components(&graph, component, &n_components, NULL), RECAP_OK);
    assert_int_equal(n_components, 2);
    for (size_t i = 0; i < N; i++) assert_int_equal(component[i], i >= 40);
    recap_free_graph(&graph);
}

/* Rings hung together by single weak edges: nearly disconnected. Bounded work, finite vectors. */
static void test_nearly_disconnected(void **state)
{
    enum { RINGS = 40, LENGTH = 50, N = RINGS * LENGTH, WIDTH = 8 };
    recap_graph graph = {N, new_array(N + 1, sizeof(int64_t)), new_array(4 * N, sizeof(int32_t)),
                         new_array(4 * N, sizeof(float))};
    int64_t at = 0;
    for (int32_t i = 0; i < N; i++) {
        graph.offsets[i] = at;
        const int32_t base = i - i % LENGTH;
        int32_t links[4] = {base + (i + 1) % LENGTH, base + (i + LENGTH - 1) % LENGTH, -1, -1};
        if (i % LENGTH == 0) {
            links[2] = i - LENGTH;
            links[3] = i + LENGTH < N ? i + LENGTH : -1;
        }
        for (int round = 0; round < 4; round++) { /* in ascending order */
            int best = -1;
            for (int t = 0; t < 4; t++)
                if (links[t] >= 0 && (best < 0 || links[t] < links[best])) best = t;
            if (best < 0) break;
            graph.columns[at] = links[best];
            graph.weights[at++] = best < 2 ? 1 : 1e-7f;
            links[best] = -1;
        }
    }
    graph.offsets[N] = at;
    recap_context *context = open_context(2);
    double *vectors = new_array(N * WIDTH, sizeof *vectors), values[WIDTH];
    bool converged;
    assert_int_equal(
        cluster_spectral_vectors(context, &graph, WIDTH, vectors, values, &converged, NULL),
        RECAP_OK);
    for (size_t i = 0; i < N * WIDTH; i++) assert_true(isfinite(vectors[i]));
    for (size_t j = 0; j < WIDTH; j++) assert_in_range((int)(values[j] * 1e6), 0, 100);
    float *y = new_array(N * WIDTH, sizeof *y);
    recap_umap_options options = recap_umap_defaults();
    options.n_components = WIDTH;
    options.n_epochs = 20;
    assert_int_equal(recap_layout_graph(context, &graph, NULL, 0, &options, y, NULL), RECAP_OK);
    check_finite(y, N * WIDTH);
    recap_close_context(context);
    free(vectors);
    free(y);
    recap_free_graph(&graph);
}

/* 60 identical points and one other; all identical. */
static void test_identical(void **state)
{
    enum { N = 61, D = 4 };
    float x[N * D], y[N * 2], distances[N * 15], sigma[N], rho[N];
    int32_t indices[N * 15];
    for (int others = 0; others < 2; others++) {
        for (size_t i = 0; i < (size_t)N * D; i++) x[i] = i / D == 60 && others ? 2 + (float)i : 1;
        for (size_t metric = 0; metric < 2; metric++) {
            assert_int_equal(recap_find_neighbors(NULL, x, N, D, (recap_metric)metric, 15, indices,
                                                  distances, NULL),
                             RECAP_OK);
            cluster_smooth_neighbors(NULL, distances, N, 15, sigma, rho);
            check_finite(sigma, N);
            check_finite(rho, N);
            recap_umap_options options = recap_umap_defaults();
            options.metric = (recap_metric)metric;
            assert_int_equal(recap_umap(NULL, x, N, D, &options, y, NULL), RECAP_OK);
            check_finite(y, N * 2);
        }
    }
}

/* Very few rows, with options that are too large for them: clamped, finite. */
static void test_few_rows(void **state)
{
    float x[12 * 5], y[12 * 20];
    for (size_t i = 0; i < 60; i++) x[i] = (float)random_unit(6, 6, i) + 0.1f;
    for (size_t n = 0; n <= 12; n++) {
        recap_umap_options options = recap_umap_defaults();
        options.n_neighbors = 30;
        options.n_components = 20;
        for (size_t i = 0; i < COUNT_OF(y); i++) y[i] = NAN;
        assert_int_equal(recap_umap(NULL, x, n, 5, &options, y, NULL), RECAP_OK);
        size_t width = cluster_layout_width(n, 20);
        assert_int_equal(width, n <= 3 ? 1 : n - 2);
        check_finite(y, n * width);
        assert_true(n == 12 || isnan(y[n * width]));
    }
    assert_int_equal(cluster_layout_width(100, 0), 2);
    assert_int_equal(cluster_layout_width(100, 8), 8);
}

static void test_bad_input(void **state)
{
    float x[20], y[20], distances[] = {0, 1, 0, 1};
    int32_t indices[] = {0, 1, 1, 2};
    recap_error error;
    recap_graph graph;
    recap_umap_options options = recap_umap_defaults();
    for (size_t i = 0; i < 20; i++) x[i] = (float)i + 1;
    x[7] = NAN;
    assert_int_equal(recap_umap(NULL, x, 10, 2, &options, y, &error), RECAP_ERROR_INPUT);
    assert_non_null(strstr(error.message, "row 3, column 1"));
    x[7] = 8;
    options.min_dist = 2;
    assert_int_equal(recap_umap(NULL, x, 10, 2, &options, y, &error), RECAP_ERROR_USAGE);
    assert_int_equal(recap_build_fuzzy_graph(NULL, indices, distances, 2, 2, &graph, &error),
                     RECAP_ERROR_INPUT);
    assert_non_null(strstr(error.message, "row 1"));
    indices[3] = 0;
    distances[3] = -1;
    assert_int_equal(recap_build_fuzzy_graph(NULL, indices, distances, 2, 2, &graph, &error),
                     RECAP_ERROR_INPUT);
    double trust;
    assert_int_equal(
        recap_trustworthiness(NULL, x, 10, 2, RECAP_METRIC_COSINE, y, 2, 5, &trust, &error),
        RECAP_ERROR_USAGE);
    assert_int_equal(recap_pca(NULL, x, 10, 2, 0, y, &error), RECAP_ERROR_USAGE);
}

static bool stop_in_epochs(void *data, const char *stage, size_t done, size_t total)
{
    return strcmp(stage, "umap") != 0 || done < 3;
}

static void test_cancel(void **state)
{
    float x[400], y[400];
    for (size_t i = 0; i < 400; i++) x[i] = (float)random_unit(6, 7, i);
    recap_context_options options = {.n_threads = 2, .progress = stop_in_epochs};
    recap_context *context;
    recap_error error;
    assert_int_equal(recap_open_context(&options, &context, NULL), RECAP_OK);
    recap_umap_options umap = recap_umap_defaults();
    assert_int_equal(recap_umap(context, x, 100, 4, &umap, y, &error), RECAP_ERROR_CANCELLED);
    assert_non_null(strstr(error.message, "3 of 500"));
    recap_close_context(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smoothing),
        cmocka_unit_test(test_graph),
        cmocka_unit_test(test_curve),
        cmocka_unit_test(test_eigenvectors),
        cmocka_unit_test(test_principal_components),
        cmocka_unit_test(test_trust),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_instruction_sets),
        cmocka_unit_test(test_disconnected),
        cmocka_unit_test(test_nearly_disconnected),
        cmocka_unit_test(test_identical),
        cmocka_unit_test(test_few_rows),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
