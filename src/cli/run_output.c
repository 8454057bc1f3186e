/* What a run leaves: files in its folder, each whole or not there, and a summary. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "compute/compute.h"
#include "run.h"

static const struct format {
    const char *name, *file;
    int (*render)(const struct report_run *run, struct buf *out, recap_error *error);
} formats[] = {
    {"json", "evidence.json", report_json}, {"html", "report.html", report_html},
    {"csv", "evidence.csv", report_csv},    {"md", "report.md", report_markdown},
    {"atom", "evidence.atom", report_atom},
};

static const struct format *find_format(const char *name, size_t n)
{
    for (size_t i = 0; i < COUNT_OF(formats); i++)
        if (strlen(formats[i].name) == n && strncmp(formats[i].name, name, n) == 0)
            return &formats[i];
    return NULL;
}

int run_check_formats(const char *list, recap_error *error)
{
    if (!*list) return fail(error, RECAP_ERROR_USAGE, "run: --format is empty");
    for (const char *c = list; *c;) {
        size_t n = strcspn(c, ",");
        if (!find_format(c, n))
            return fail(
                error, RECAP_ERROR_USAGE,
                "run: --format: \"%.*s\" is not allowed: a list of json, html, csv, md, atom",
                (int)n, c);
        c += n + (c[n] == ',');
    }
    return RECAP_OK;
}

/* ---- the run as the reports want it ---- */

struct view_of_run {
    struct report_run run;
    struct report_genre *genres;
    struct report_setting settings[10];
    char numbers[10][48];
    char device[64], created[40];
};

static void add_setting(struct view_of_run *v, const char *name, const char *value)
{
    v->settings[v->run.n_settings++] = (struct report_setting){name, value};
}

static void add_number(struct view_of_run *v, const char *name, double value)
{
    char *text = v->numbers[v->run.n_settings];
    snprintf(text, sizeof v->numbers[0], "%.10g", value);
    add_setting(v, name, text);
}

static void fill_settings(const struct run *run, struct view_of_run *v)
{
    const struct config *config = &run->call->config;
    const char *prefix = run->values->prefix;
    add_number(v, "seed", (double)config->random_seed);
    add_setting(v, "prefix", prefix ? prefix : recap_model_describe(run->model)->default_prefix);
    add_number(v, "dedup_threshold", config->dedup_threshold);
    add_number(v, "max_sentences", (double)config->max_total_sentences);
    add_number(v, "max_sentences_per_article", (double)config->max_sentences_per_doc);
    add_number(v, "max_tokens", (double)run->values->max_tokens);
    add_setting(v, "clustering",
                run->values->clustering == RECAP_CLUSTERING_STORIES ? "stories" : "search");
    add_setting(v, "selection",
                config->hdbscan_selection_method == SELECTION_LEAF ? "leaf" : "eom");
}

/* The reproducible builds' clock, where it is set, makes two runs the same to the byte. */
static void creation_date(char out[40])
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    struct date now = date_now();
    if (epoch && *epoch) now.seconds = strtoll(epoch, NULL, 10);
    date_format(now, out);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static int fill_view(const struct run *run, struct view_of_run *v, recap_error *error)
{
    const recap_model_info *info = recap_model_describe(run->model);
    *v = (struct view_of_run){0};
    v->genres = new_zeroed(run->n_genres, sizeof *v->genres);
    if (!v->genres) return fail_memory(error, run->n_genres * sizeof *v->genres);
    for (size_t i = 0; i < run->n_genres; i++) {
        const struct run_genre *genre = &run->genres[i];
        v->genres[i] = (struct report_genre){genre->name, genre->articles, genre->n, genre->members,
                                             genre->evidence};
    }
    snprintf(v->device, sizeof v->device, "cpu, %s, %d threads", compute_name(),
             recap_context_threads(run->call->context));
    creation_date(v->created);
    v->run = (struct report_run){
        .articles = run->articles,
        .n_articles = run->n_articles,
        .genres = v->genres,
        .n_genres = run->n_genres,
        .n_read = run->read.n + run->read.n_refused,
        .n_refused = run->read.n_refused,
        .n_filtered = run->n_filtered,
        .n_unclustered = run->n_unclustered,
        .since = *run->since ? run->since : NULL,
        .until = *run->until ? run->until : NULL,
        .created_at = v->created,
        .model = base_name(info->directory),
        .model_identity = info->identity,
        .classifier = run->genres_from,
        .device = v->device,
        .settings = v->settings,
        .load_seconds = run->load_seconds,
        .classify_seconds = run->classify_seconds,
        .embed_seconds = run->embed_seconds,
        .cluster_seconds = run->cluster_seconds,
        .total_seconds = clock_seconds() - run->started,
    };
    fill_settings(run, v);
    return RECAP_OK;
}

/* ---- files ---- */

struct rendered {
    const struct format *format;
    struct buf text;
    char *path;
};

/* Everything is rendered before the first file is touched. */
static int render_all(const struct run *run, const struct report_run *view, struct rendered *out,
                      size_t *n, recap_error *error)
{
    int status = RECAP_OK;
    for (const char *c = run->values->formats; *c && status == RECAP_OK;) {
        size_t length = strcspn(c, ",");
        const struct format *format = find_format(c, length);
        c += length + (c[length] == ',');
        bool again = false;
        for (size_t i = 0; i < *n; i++) again = again || out[i].format == format;
        if (again) continue;
        struct rendered *one = &out[(*n)++];
        one->format = format;
        one->path = path_join(run->values->output, format->file);
        status = one->path ? format->render(view, &one->text, error) : fail_memory(error, 1);
        if (status == RECAP_OK && one->text.failed) status = fail_memory(error, one->text.n);
    }
    return status;
}

static int write_all(struct rendered *all, size_t n, recap_error *error)
{
    int status = interrupted() ? fail_interrupted(error) : RECAP_OK;
    for (size_t i = 0; i < n && status == RECAP_OK; i++)
        status = output_document(all[i].path, &all[i].text, error);
    return status;
}

/* ---- the summary ---- */

static size_t terminal_width(void)
{
    struct winsize size;
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40)
        return size.ws_col;
    return 80;
}

static void add_json_summary(const struct run *run, const struct rendered *all, size_t n,
                             struct buf *out)
{
    buf_printf(out, "{\"articles\":%zu,\"refused\":%zu,\"filtered\":%zu,\"genres\":[",
               run->n_articles, run->read.n_refused, run->n_filtered);
    for (size_t i = 0; i < run->n_genres; i++) {
        const struct run_genre *genre = &run->genres[i];
        buf_add_string(out, i ? ",{\"genre\":" : "{\"genre\":");
        buf_add_json(out, genre->name, strlen(genre->name));
        buf_printf(out, ",\"articles\":%zu,\"clusters\":%zu}", genre->n,
                   genre->evidence ? genre->evidence->n_clusters : 0);
    }
    buf_add_string(out, "],\"files\":[");
    for (size_t i = 0; i < n; i++) {
        if (i) buf_add_byte(out, ',');
        buf_add_json(out, all[i].path, strlen(all[i].path));
    }
    buf_add_string(out, "],\"seconds\":");
    buf_add_double(out, clock_seconds() - run->started);
    buf_add_string(out, "}\n");
}

static int print_summary(const struct run *run, const struct report_run *view,
                         const struct rendered *all, size_t n, recap_error *error)
{
    struct buf out = {0};
    int status = RECAP_OK;
    if (run->call->common.quiet && !run->call->common.json) return RECAP_OK;
    if (run->call->common.json) {
        add_json_summary(run, all, n, &out);
    } else {
        const char *plain = getenv("NO_COLOR");
        bool color = isatty(STDOUT_FILENO) && !(plain && *plain);
        status = report_summary(view, terminal_width(), color, &out, error);
        buf_add_byte(&out, '\n');
        for (size_t i = 0; i < n; i++) buf_printf(&out, "%s\n", all[i].path);
    }
    if (status == RECAP_OK) status = output_document(NULL, &out, error);
    buf_free(&out);
    return status;
}

int run_write(const struct run *run, recap_error *error)
{
    struct view_of_run view;
    struct rendered all[COUNT_OF(formats)] = {0};
    size_t n = 0;
    int status = fill_view(run, &view, error);
    if (status == RECAP_OK) status = render_all(run, &view.run, all, &n, error);
    if (status == RECAP_OK) status = write_all(all, n, error);
    progress_clear();
    if (status == RECAP_OK) status = print_summary(run, &view.run, all, n, error);
    for (size_t i = 0; i < n; i++) {
        buf_free(&all[i].text);
        free(all[i].path);
    }
    free(view.genres);
    return status;
}
