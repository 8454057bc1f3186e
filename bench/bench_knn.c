/* knn: exact neighbours of 384-dimensional unit vectors, beside the whole product alone (every dot
 * product once, by the same kernels) and, where $RECAP_BENCH_PYTHON has it, faiss IndexFlatIP
 * (bench/peer_knn.py). Medians of 5 after one to warm up; "x" is the other's time over ours.
 * "knn N" takes N rows only. */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "compute/compute.h"
#include "measure.h"
#include "recap/cluster.h"

enum { RUNS = 5, D = 384, K = 31, BLOCK = 1024 };

struct bench {
    recap_context *context;
    size_t n;
    float *x; /* [n, D] */
    int32_t *indices;
    float *distances; /* [n, K] */
    float *product;   /* [BLOCK, n] */
};

/* Unit vectors around n / 50 directions. */
static float *make_rows(size_t n)
{
    float *x = new_array(n * D, sizeof *x);
    if (!x) exit(1);
    for (size_t i = 0; i < n; i++) {
        size_t group = random_below(n / 50 + 1, 4, 1, i);
        double square = 0;
        for (size_t c = 0; c < D; c++) {
            double value = random_unit(3, 1, group * D + c) + 1.5 * random_unit(3, 2, i * D + c) -
                           1.25;
            x[i * D + c] = (float)value;
            square += value * value;
        }
        for (size_t c = 0; c < D; c++) x[i * D + c] /= (float)sqrt(square);
    }
    return x;
}

static void run_neighbors(struct bench *b)
{
    recap_error error;
    if (recap_find_neighbors(b->context, b->x, b->n, D, RECAP_METRIC_COSINE, K, b->indices,
                             b->distances, &error) == RECAP_OK)
        return;
    fprintf(stderr, "knn: %s\n", error.message);
    exit(1);
}

static void run_product(struct bench *b)
{
    for (size_t i = 0; i < b->n; i += BLOCK)
        compute_product(b->context, b->n - i < BLOCK ? b->n - i : BLOCK, b->n, D, b->x + i * D, D,
                        b->x, D, b->product, b->n);
}

static double time_runs(struct bench *b, void (*run)(struct bench *))
{
    double seconds[RUNS];
    run(b);
    for (size_t r = 0; r < RUNS; r++) {
        double start = clock_seconds();
        run(b);
        seconds[r] = clock_seconds() - start;
    }
    return median(seconds, RUNS);
}

/* Seconds of the peer, or 0 where there is none. */
static double time_peer(const struct bench *b)
{
    const char *python = getenv("RECAP_BENCH_PYTHON");
    char path[] = "/tmp/recap-bench-XXXXXX";
    int file = python ? mkstemp(path) : -1;
    if (file < 0) return 0;
    close(file);
    double seconds = 0;
    if (file_write(path, b->x, b->n * D * sizeof *b->x, NULL) == RECAP_OK) {
        struct buf command = {0};
        buf_printf(&command, "'%s' '%s/bench/peer_knn.py' %zu %d %d %d %s", python, SOURCE_ROOT,
                   b->n, D, K, recap_context_threads(b->context), path);
        FILE *pipe = command.failed ? NULL : popen(command.data, "r");
        if (pipe && fscanf(pipe, "faiss %lf", &seconds) != 1) seconds = 0;
        if (pipe) pclose(pipe);
        buf_free(&command);
    }
    unlink(path);
    return seconds;
}

static void bench_rows(recap_context *context, size_t n)
{
    struct bench b = {context,
                      n,
                      make_rows(n),
                      new_array(n * K, sizeof(int32_t)),
                      new_array(n * K, sizeof(float)),
                      new_array(n * BLOCK, sizeof(float))};
    if (!b.indices || !b.distances || !b.product) exit(1);
    double ours = time_runs(&b, run_neighbors), product = time_runs(&b, run_product);
    double peer = time_peer(&b);
    printf("  %6zu x %d, k %d: %.4f s   product alone %.4f s = %.2fx", n, D, K, ours, product,
           product / ours);
    if (peer > 0) printf("   faiss %.4f s = %.2fx", peer, peer / ours);
    printf("\n");
    fflush(stdout);
    free(b.x);
    free(b.indices);
    free(b.distances);
    free(b.product);
}

int main(int argc, char **argv)
{
    recap_context *context;
    static const size_t sizes[] = {1000, 3000, 10000};
    if (recap_open_context(NULL, &context, NULL)) return 1;
    long only = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    printf("%d threads, kernels %s\n", recap_context_threads(context), compute_name());
    if (only >= 100)
        bench_rows(context, (size_t)only);
    else
        for (size_t i = 0; i < COUNT_OF(sizes); i++) bench_rows(context, sizes[i]);
    recap_close_context(context);
    return 0;
}
