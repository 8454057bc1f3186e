/* cluster: HDBSCAN, silhouette, DBCV and the whole search at 1,000 and 3,000 rows, beside the peers
 * that $RECAP_BENCH_PYTHON has (bench/peer_cluster.py; "x" is the peer's time over ours).
 *
 * The first three work on an 8-dimensional layout of blobs and scattered rows, medians of 5 after
 * one to warm up; the search on 384-dimensional unit vectors, once. "cluster N" takes N rows only,
 * and a second word "layout" leaves the search out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"
#include "recap/cluster.h"

enum { runs = 5, layout_width = 8, vector_width = 384, min_cluster_size = 10, min_samples = 5 };

struct rows {
    size_t n, d;
    float *x; /* [n, d] */
    int32_t *labels;
};

/* ---- data ---- */

static double bell(uint64_t stream, uint64_t counter)
{
    double sum = 0;
    for (uint64_t i = 0; i < 4; i++) sum += random_unit(3, stream, counter * 4 + i);
    return sum - 2;
}

static struct rows make_rows(size_t n, size_t d, size_t n_groups, double spread, bool unit)
{
    struct rows rows = {n, d, new_array(n * d, sizeof(float)), new_array(n, sizeof(int32_t))};
    if (!rows.x || !rows.labels) exit(1);
    for (size_t i = 0; i < n; i++) {
        bool scattered = i % 5 == 0;
        size_t group = random_below(n_groups, 4, 1, i);
        double square = 0;
        for (size_t c = 0; c < d; c++) {
            double centre = scattered ? bell(5, i * d + c) : bell(6, group * d + c);
            double value = centre + spread * bell(7, i * d + c);
            rows.x[i * d + c] = (float)value;
            square += value * value;
        }
        for (size_t c = 0; unit && c < d; c++) rows.x[i * d + c] /= (float)sqrt(square);
    }
    return rows;
}

static void free_rows(struct rows *rows)
{
    free(rows->x);
    free(rows->labels);
}

/* ---- ours ---- */

static int run_hdbscan(recap_context *context, struct rows *rows, recap_error *error)
{
    size_t n_clusters;
    recap_hdbscan_options options = {.min_cluster_size = min_cluster_size,
                                     .min_samples = min_samples};
    return recap_hdbscan(context, rows->x, rows->n, rows->d, &options, rows->labels, NULL, NULL,
                         &n_clusters, error);
}

static int run_silhouette(recap_context *context, struct rows *rows, recap_error *error)
{
    double score;
    bool known;
    return recap_silhouette(context, rows->x, rows->n, rows->d, RECAP_METRIC_EUCLIDEAN,
                            rows->labels, &score, &known, error);
}

static int run_dbcv(recap_context *context, struct rows *rows, recap_error *error)
{
    double score;
    bool known;
    return recap_dbcv(context, rows->x, rows->n, rows->d, rows->labels, &score, &known, error);
}

static int run_search(recap_context *context, struct rows *rows, recap_error *error)
{
    recap_search_options options = recap_search_defaults();
    recap_search_result result;
    int status = recap_search_clusters(context, rows->x, rows->n, rows->d, &options, rows->labels,
                                       NULL, &result, error);
    if (status) return status;
    printf("  search     %zu trials: umap %.2f s, hdbscan %.2f s, scores %.2f s; %zu clusters\n",
           result.n_trials, result.umap_seconds, result.hdbscan_seconds, result.score_seconds,
           result.n_clusters);
    recap_free_search(&result);
    return RECAP_OK;
}

/* ---- peers ---- */

struct times {
    struct buf lines; /* "what peer seconds" */
};

static bool write_temporary(const void *data, size_t size, char path[64])
{
    snprintf(path, 64, "/tmp/recap-bench-XXXXXX");
    int file = mkstemp(path);
    if (file < 0) return false;
    close(file);
    return file_write(path, data, size, NULL) == RECAP_OK;
}

/* Runs the peers over the rows; no line where there is no Python or no peer. */
static struct times time_peers(const struct rows *rows, const char *what)
{
    struct times times = {0};
    const char *python = getenv("RECAP_BENCH_PYTHON");
    char x[64] = "", labels[64] = "", line[256];
    if (!python) return times;
    if (write_temporary(rows->x, rows->n * rows->d * sizeof *rows->x, x) &&
        write_temporary(rows->labels, rows->n * sizeof *rows->labels, labels)) {
        struct buf command = {0};
        buf_printf(&command, "'%s' '%s/bench/peer_cluster.py' %s %zu %zu %s %s %d %d", python,
                   SOURCE_ROOT, what, rows->n, rows->d, x, labels, min_cluster_size, min_samples);
        FILE *pipe = command.failed ? NULL : popen(command.data, "r");
        while (pipe && fgets(line, sizeof line, pipe)) buf_add_string(&times.lines, line);
        if (pipe) pclose(pipe);
        buf_free(&command);
    }
    if (*x) unlink(x);
    if (*labels) unlink(labels);
    return times;
}

static void print_ratios(const struct times *times, const char *what, double seconds)
{
    const char *line = times->lines.data;
    while (line && *line) {
        char name[32], peer[64];
        double other;
        if (sscanf(line, "%31s %63s %lf", name, peer, &other) == 3 && strcmp(name, what) == 0)
            printf("   %s %.4f s = %.1fx", peer, other, other / seconds);
        line = strchr(line, '\n');
        if (line) line++;
    }
    printf("\n");
}

/* ---- what is timed ---- */

typedef int (*work_fn)(recap_context *context, struct rows *rows, recap_error *error);

static void time_work(recap_context *context, struct rows *rows, const char *what, work_fn work,
                      int n_runs, const struct times *times)
{
    double seconds[runs];
    recap_error error;
    for (int r = n_runs > 1 ? -1 : 0; r < n_runs; r++) {
        double start = clock_seconds();
        if (work(context, rows, &error)) {
            fprintf(stderr, "cluster: %s: %s\n", what, error.message);
            exit(1);
        }
        if (r >= 0) seconds[r] = clock_seconds() - start;
    }
    double middle = median(seconds, (size_t)n_runs);
    printf("  %-10s %6zu x %-3zu %8.4f s", what, rows->n, rows->d, middle);
    print_ratios(times, what, middle);
    fflush(stdout);
}

static void bench_rows(recap_context *context, size_t n, bool with_search)
{
    struct rows layout = make_rows(n, layout_width, n / 50, .15, false);
    recap_error error;
    if (run_hdbscan(context, &layout, &error)) exit(1); /* the labels that are scored */
    struct times times = time_peers(&layout, "layout");
    time_work(context, &layout, "hdbscan", run_hdbscan, runs, &times);
    time_work(context, &layout, "silhouette", run_silhouette, runs, &times);
    time_work(context, &layout, "dbcv", run_dbcv, runs, &times);
    buf_free(&times.lines);
    free_rows(&layout);
    if (!with_search) return;
    struct rows vectors = make_rows(n, vector_width, n / 50, .9, true);
    memset(vectors.labels, 0, n * sizeof *vectors.labels);
    times = time_peers(&vectors, "search");
    time_work(context, &vectors, "search", run_search, 1, &times);
    buf_free(&times.lines);
    free_rows(&vectors);
}

int main(int argc, char **argv)
{
    recap_context *context;
    static const size_t sizes[] = {1000, 3000};
    if (recap_open_context(NULL, &context, NULL)) return 1;
    long only = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    bool with_search = argc < 3 || strcmp(argv[2], "layout") != 0;
    printf("%d threads\n", recap_context_threads(context));
    if (only >= 100) {
        bench_rows(context, (size_t)only, with_search);
    } else {
        for (size_t i = 0; i < COUNT_OF(sizes); i++) bench_rows(context, sizes[i], with_search);
    }
    recap_close_context(context);
    return 0;
}
