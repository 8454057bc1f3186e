/* embed: tokens a second through the encoder, as a part of the arithmetic peak measured in the same
 * run; then whole texts, beside the peers that $RECAP_BENCH_PYTHON has.
 *
 * Models: those of $RECAP_TEST_MODELS or already fetched; one that is not there is replaced by
 * random weights of its shape, which take the same time. Lengths: news sentences (lognormal, mean
 * 32 ids) and articles of 256 ids. The second share is of the processor time that the run got: on a
 * machine that others use too it is the one to look at. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "measure.h"
#include "model/model_private.h"
#include "random_model.h"

enum { runs = 5, sentence_tokens = 4000, article_tokens = 4096, article_length = 256 };

static const struct random_shape shapes[] = {
    {"multilingual-e5-small", "bert", 12, 384, 12, 1536, 30000},
    {"all-MiniLM-L6-v2", "bert", 6, 384, 12, 1536, 30000},
    {"distilbert-base", "distilbert", 6, 768, 12, 3072, 30000},
};

struct batch {
    struct sequence *sequences;
    size_t n, n_tokens;
    double operations; /* multiply-adds count two */
    int32_t *ids;
};

/* Lognormal with mean 32 and sigma 0.6, by Box and Muller. */
static size_t sentence_length(size_t i)
{
    double u = random_unit(1, 1, i) + 1e-12, v = random_unit(1, 2, i);
    double normal = sqrt(-2 * log(u)) * cos(2 * 3.14159265358979 * v);
    double length = exp(log(32) - 0.18 + 0.6 * normal);
    return length < 4 ? 4 : length > 512 ? 512 : (size_t)length;
}

static double operations_of(const recap_model_info *info, size_t length)
{
    double h = (double)info->hidden_size, w = (double)info->intermediate_size, n = (double)length;
    return (double)info->n_layers * n * (2 * (4 * h * h + 2 * h * w) + 4 * h * n);
}

static void make_batch(const recap_model_info *info, bool articles, struct batch *out)
{
    size_t most = articles ? article_tokens : sentence_tokens;
    *out = (struct batch){.ids = new_array(most + 512, sizeof *out->ids),
                          .sequences = new_array(most, sizeof *out->sequences)};
    if (!out->ids || !out->sequences) exit(1);
    while (out->n_tokens < most) {
        size_t n = articles ? article_length : sentence_length(out->n);
        out->sequences[out->n] = (struct sequence){out->ids + out->n_tokens, n, out->n};
        for (size_t t = 0; t < n; t++) {
            double u = random_unit(2, out->n, t); /* small ids are frequent ones */
            out->ids[out->n_tokens++] = (int32_t)((double)(info->vocabulary_size - 1) * u * u * u);
        }
        out->operations += operations_of(info, n);
        out->n++;
    }
}

/* Seconds of the clock and of the processors, the median run's. */
struct spent {
    double wall, busy;
};

static int run_batch(recap_context *context, const recap_model *model, struct batch *batch,
                     struct spent *spent)
{
    double wall[runs], busy[runs];
    recap_error error = {0};
    float *out = new_array(batch->n * recap_model_describe(model)->hidden_size, sizeof *out);
    if (!out) exit(1);
    int status = RECAP_OK;
    for (int r = -1; status == RECAP_OK && r < runs; r++) { /* one to warm up */
        double start = clock_seconds();
        clock_t used = clock();
        status = model_embed_ids(context, model, batch->sequences, batch->n, NULL, out, &error);
        if (r < 0) continue;
        busy[r] = (double)(clock() - used) / CLOCKS_PER_SEC;
        wall[r] = clock_seconds() - start;
    }
    free(out);
    if (status == RECAP_OK)
        *spent = (struct spent){median(wall, runs), median(busy, runs)};
    else
        fprintf(stderr, "embed: %s\n", error.message);
    return status;
}

static int time_batch(recap_context *context, const recap_model *model, bool articles, double peak,
                      double core_peak)
{
    struct batch batch;
    struct spent spent;
    int threads = recap_context_threads(context);
    make_batch(recap_model_describe(model), articles, &batch);
    int status = run_batch(context, model, &batch, &spent);
    if (status == RECAP_OK) {
        double rate = batch.operations / spent.wall;
        printf("  %-9s %2d threads %8.0f tokens/s %7.1f texts/s %7.1f GFLOP/s %5.1f %% of %s, "
               "%5.1f %% of what it got\n",
               articles ? "articles" : "sentences", threads, (double)batch.n_tokens / spent.wall,
               (double)batch.n / spent.wall, rate * 1e-9, 100 * rate / peak, compute_name(),
               100 * batch.operations / spent.busy / core_peak);
        fflush(stdout);
    }
    free(batch.ids);
    free(batch.sequences);
    return status;
}

static int time_model(const recap_model *model, int n_threads)
{
    recap_context *context;
    recap_context_options options = {.n_threads = n_threads, .seed = 1};
    int status = recap_open_context(&options, &context, NULL);
    if (status != RECAP_OK) return status;
    double peak = measure_peak(context, compute_name());
    double core_peak = measure_core_peak(compute_name());
    status = time_batch(context, model, false, peak, core_peak);
    if (status == RECAP_OK) status = time_batch(context, model, true, peak, core_peak);
    recap_close_context(context);
    return status;
}

/* ---- whole texts, beside the peers ---- */

struct texts {
    recap_text *texts; /* [n] the bodies of examples/week.jsonl */
    size_t n;
    struct arena arena;
    struct buf json; /* one string a line, for the peers */
};

static void add_text(struct texts *texts, const char *line, size_t n)
{
    json_t *root;
    const char *body = NULL;
    if (json_parse("week.jsonl", line, n, &root, NULL) != RECAP_OK) return;
    if (json_get_string("week.jsonl", root, "text", NULL, &body, NULL) == RECAP_OK && body) {
        size_t length = strlen(body);
        const char *copy = arena_copy(&texts->arena, body, length);
        if (!copy) exit(1);
        texts->texts[texts->n++] = (recap_text){copy, length};
        buf_add_json(&texts->json, body, length);
        buf_add_byte(&texts->json, '\n');
    }
    json_decref(root);
}

static bool read_texts(struct texts *texts)
{
    struct buf file = {0};
    *texts = (struct texts){0};
    if (file_read(SOURCE_ROOT "/examples/week.jsonl", 0, &file, NULL) == RECAP_OK &&
        (texts->texts = new_array(file.n, sizeof *texts->texts)) != NULL)
        for (size_t begin = 0; begin < file.n;) {
            size_t n = strcspn(file.data + begin, "\n");
            add_text(texts, file.data + begin, n);
            begin += n + 1;
        }
    buf_free(&file);
    return texts->n > 0;
}

static void close_texts(struct texts *texts)
{
    free(texts->texts);
    arena_free(&texts->arena);
    buf_free(&texts->json);
}

static void print_peers(const char *name, const char *directory, const struct texts *texts,
                        int n_threads, double ours)
{
    const char *python = getenv("RECAP_BENCH_PYTHON");
    char path[] = "/tmp/recap-bench-XXXXXX", peer[64];
    int file = python ? mkstemp(path) : -1;
    bool found = false;
    struct buf command = {0};
    if (file >= 0) close(file);
    if (file >= 0 && file_write(path, texts->json.data, texts->json.n, NULL) == RECAP_OK) {
        buf_printf(&command, "'%s' '%s/bench/peer_embed.py' '%s' '%s' '%s' %d 2>/dev/null", python,
                   SOURCE_ROOT, name, directory, path, n_threads);
        FILE *pipe = command.failed ? NULL : popen(command.data, "r");
        double rate;
        for (; pipe && fscanf(pipe, "%63s %lf", peer, &rate) == 2; found = true)
            printf("  texts     %-24s %9.1f texts/s   ours is %.2fx of it\n", peer, rate,
                   ours / rate);
        if (pipe) pclose(pipe);
    }
    if (file >= 0) unlink(path);
    if (!found) printf("  texts     peers: not installed\n");
    buf_free(&command);
}

static int time_texts(const char *name, const char *directory)
{
    recap_model *model;
    recap_context *context = NULL;
    recap_error error = {0};
    struct texts texts;
    double seconds[runs];
    int status = recap_open_model(directory, &model, &error);
    if (status == RECAP_OK) status = recap_open_context(NULL, &context, &error);
    bool ready = status == RECAP_OK && read_texts(&texts);
    float *out = ready ? new_array(texts.n * recap_model_describe(model)->hidden_size, sizeof *out)
                       : NULL;
    for (int r = -1; out && status == RECAP_OK && r < runs; r++) {
        double start = clock_seconds();
        status = recap_embed(context, model, texts.texts, texts.n, NULL, out, &error);
        if (r >= 0) seconds[r] = clock_seconds() - start;
    }
    if (out && status == RECAP_OK) {
        double rate = (double)texts.n / median(seconds, runs);
        printf("  texts     %-24s %9.1f texts/s   %d threads, with tokenizing\n", "recap", rate,
               recap_context_threads(context));
        fflush(stdout);
        print_peers(name, directory, &texts, recap_context_threads(context), rate);
    } else if (status != RECAP_OK) {
        fprintf(stderr, "embed: %s\n", error.message);
    }
    free(out);
    if (ready) close_texts(&texts);
    recap_close_context(context);
    recap_close_model(model);
    return status;
}

/* ---- models ---- */

/* The real model's directory, or a new folder with random weights of its shape. */
static char *find_directory(const struct random_shape *shape, bool *random)
{
    const char *folder = getenv("RECAP_TEST_MODELS");
    char *path = folder ? path_join(folder, shape->name) : NULL;
    *random = false;
    if (path && path_is_directory(path)) return path;
    free(path);
    char *home = path_data_home();
    path = home ? path_join(home, "models") : NULL;
    free(home);
    char *fetched = path ? path_join(path, shape->name) : NULL;
    free(path);
    if (fetched && path_is_directory(fetched)) return fetched;
    free(fetched);
    *random = true;
    return random_model_write(shape);
}

static int bench_shape(const struct random_shape *shape)
{
    bool random;
    recap_model *model;
    recap_error error = {0};
    char *directory = find_directory(shape, &random);
    if (!directory) return RECAP_ERROR_IO;
    double start = clock_seconds();
    int status = model_open_encoder(directory, &model, &error);
    if (status == RECAP_OK) {
        printf("%s%s (opened in %.2f s)\n", shape->name, random ? ", random weights" : "",
               clock_seconds() - start);
        int most = processor_count();
        status = time_model(model, 1);
        if (status == RECAP_OK && most > 1) status = time_model(model, most);
        recap_close_model(model);
    } else {
        fprintf(stderr, "embed: %s\n", error.message);
    }
    if (status == RECAP_OK && !random) status = time_texts(shape->name, directory);
    if (random) random_model_remove(directory);
    free(directory);
    fflush(stdout);
    return status;
}

int main(void)
{
    int status = RECAP_OK;
    for (size_t i = 0; status == RECAP_OK && i < COUNT_OF(shapes); i++)
        status = bench_shape(&shapes[i]);
    return status == RECAP_OK ? 0 : 1;
}
