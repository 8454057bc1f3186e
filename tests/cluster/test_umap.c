/* UMAP step by step against the reference: smoothing, graph, curve, eigenvectors, layout. */
#include "cluster_fixtures.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smoothing),
        cmocka_unit_test(test_graph),
        cmocka_unit_test(test_curve),
        cmocka_unit_test(test_eigenvectors),
        cmocka_unit_test(test_principal_components),
        cmocka_unit_test(test_trust),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
