/* umap: the fuzzy graph and the layout of 384-dimensional unit vectors with exact neighbours given
 * (30 neighbours, 8 and 20 components, min_dist 0), beside umap-learn on the same neighbours where
 * $RECAP_BENCH_PYTHON has it (bench/peer_umap.py). Medians of 3 after one to warm up; trust is the
 * trustworthiness at k = 15; "x" is the peer's time over ours. "umap N" takes N rows only. */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "measure.h"
#include "recap/cluster.h"

enum { RUNS = 3, D = 384, K = 30, TRUST_K = 15, MOST = 20 };

struct bench {
    recap_context *context;
    size_t n, width;
    float *x; /* [n, D] */
    int32_t *indices;
    float *distances; /* [n, K] */
    float *y;         /* [n, MOST] */
};

/* Unit vectors around n / 50 directions, which lie on a few themselves. */
static float *make_rows(size_t n)
{
    float *x = new_array(n * D, sizeof *x);
    if (!x) exit(1);
    for (size_t i = 0; i < n; i++) {
        size_t group = random_below(n / 50 + 1, 4, 1, i);
        double square = 0;
        for (size_t c = 0; c < D; c++) {
            double value = random_unit(3, 0, group % 9 * D + c) + random_unit(3, 1, group * D + c) +
                           2 * random_unit(3, 2, i * D + c) - 2;
            x[i * D + c] = (float)value;
            square += value * value;
        }
        for (size_t c = 0; c < D; c++) x[i * D + c] /= (float)sqrt(square);
    }
    return x;
}

static void check(int status, const recap_error *error)
{
    if (status == RECAP_OK) return;
    fprintf(stderr, "umap: %s\n", error->message);
    exit(1);
}

static void run_layout(struct bench *b)
{
    recap_error error;
    recap_graph graph;
    recap_umap_options options = recap_umap_defaults();
    options.n_components = b->width;
    options.min_dist = 0;
    check(recap_build_fuzzy_graph(b->context, b->indices, b->distances, b->n, K, &graph, &error),
          &error);
    check(recap_layout_graph(b->context, &graph, b->x, D, &options, b->y, &error), &error);
    recap_free_graph(&graph);
}

struct peer {
    double seconds, trust; /* 0 where there is none */
};

static struct peer time_peer(const struct bench *b)
{
    const char *python = getenv("RECAP_BENCH_PYTHON");
    char path[] = "/tmp/recap-bench-XXXXXX";
    struct peer peer = {0, 0};
    int file = python ? mkstemp(path) : -1;
    if (file < 0) return peer;
    close(file);
    if (file_write(path, b->x, b->n * D * sizeof *b->x, NULL) == RECAP_OK) {
        struct buf command = {0};
        buf_printf(&command, "'%s' '%s/bench/peer_umap.py' %zu %d %d %zu %s", python, SOURCE_ROOT,
                   b->n, D, K, b->width, path);
        FILE *pipe = command.failed ? NULL : popen(command.data, "r");
        if (pipe && fscanf(pipe, "umap-learn %lf %lf", &peer.seconds, &peer.trust) != 2)
            peer.seconds = 0;
        if (pipe) pclose(pipe);
        buf_free(&command);
    }
    unlink(path);
    return peer;
}

static void bench_width(struct bench *b, size_t width)
{
    double seconds[RUNS], trust = 0;
    recap_error error;
    b->width = width;
    run_layout(b);
    for (size_t r = 0; r < RUNS; r++) {
        double start = clock_seconds();
        run_layout(b);
        seconds[r] = clock_seconds() - start;
    }
    double ours = median(seconds, RUNS);
    check(recap_trustworthiness(b->context, b->x, b->n, D, RECAP_METRIC_COSINE, b->y, width,
                                TRUST_K, &trust, &error),
          &error);
    printf("  %6zu rows, %2zu components: %7.3f s, trust %.4f", b->n, width, ours, trust);
    fflush(stdout);
    struct peer peer = time_peer(b);
    if (peer.seconds > 0)
        printf("   umap-learn %.3f s = %.1fx, trust %.4f", peer.seconds, peer.seconds / ours,
               peer.trust);
    printf("\n");
    fflush(stdout);
}

static void bench_rows(recap_context *context, size_t n)
{
    struct bench b = {context,
                      n,
                      0,
                      make_rows(n),
                      new_array(n * K, sizeof(int32_t)),
                      new_array(n * K, sizeof(float)),
                      new_array(n * MOST, sizeof(float))};
    recap_error error;
    if (!b.indices || !b.distances || !b.y) exit(1);
    check(recap_find_neighbors(context, b.x, n, D, RECAP_METRIC_COSINE, K, b.indices, b.distances,
                               &error),
          &error);
    bench_width(&b, 8);
    bench_width(&b, MOST);
    free(b.x);
    free(b.indices);
    free(b.distances);
    free(b.y);
}

int main(int argc, char **argv)
{
    recap_context *context;
    static const size_t sizes[] = {1000, 3000};
    if (recap_open_context(NULL, &context, NULL)) return 1;
    long only = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    printf("%d threads\n", recap_context_threads(context));
    if (only >= 100)
        bench_rows(context, (size_t)only);
    else
        for (size_t i = 0; i < COUNT_OF(sizes); i++) bench_rows(context, sizes[i]);
    recap_close_context(context);
    return 0;
}
