/* recap doctor: what is wrong on this machine, and what to do about it. */
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli.h"
#include "compute/compute.h"
#include "model/model.h"
#include "text/text.h"

enum outcome { GOOD, WARNING, BAD };

struct check {
    const char *name;
    enum outcome outcome;
    char found[600], advice[300];
};

static void set(struct check *check, enum outcome outcome, const char *format, ...)
    PRINTF_LIKE(3, 4);
static void set(struct check *check, enum outcome outcome, const char *format, ...)
{
    va_list arguments;
    check->outcome = outcome;
    va_start(arguments, format);
    vsnprintf(check->found, sizeof check->found, format, arguments);
    va_end(arguments);
}

static void advise(struct check *check, const char *advice)
{
    snprintf(check->advice, sizeof check->advice, "%s", advice);
}

static void check_processor(struct invocation *call, struct check *check)
{
    const char *kernels = compute_name();
    set(check, strcmp(kernels, "generic") == 0 ? WARNING : GOOD, "%d threads, %s kernels",
        recap_context_threads(call->context), kernels);
    if (check->outcome == WARNING)
        advise(check, "embedding is slow on a processor without AVX2 and FMA");
}

/* MemAvailable of /proc/meminfo, cut by the control group's limit; 0: not known. */
static double available_bytes(void)
{
    struct buf text = {0};
    double available = 0;
    if (file_read("/proc/meminfo", 0, &text, NULL) == RECAP_OK && text.n) {
        const char *line = strstr(text.data, "MemAvailable:");
        if (line) available = strtod(line + strlen("MemAvailable:"), NULL) * 1024;
    }
    buf_clear(&text);
    if (file_read("/sys/fs/cgroup/memory.max", 0, &text, NULL) == RECAP_OK && text.n) {
        double limit = strtod(text.data, NULL); /* "max" is 0 */
        if (limit > 0 && limit < available) available = limit;
    }
    buf_free(&text);
    return available;
}

static void check_memory(struct invocation *call, struct check *check)
{
    double gigabytes = available_bytes() / 1e9;
    set(check, gigabytes < 1 ? WARNING : GOOD, "%.1f GB available", gigabytes);
    if (check->outcome == WARNING) advise(check, "a run with the default model needs about 1 GB");
}

static void check_model(struct invocation *call, struct check *check)
{
    recap_model *model;
    recap_error error = {0};
    int status = model_open_wanted(call, &model, &error);
    if (status != RECAP_OK) {
        set(check, BAD, "%s", error.message);
        if (!strstr(error.message, "recap model fetch"))
            advise(check, "\"recap model list\" tells which models can be fetched");
        return;
    }
    const recap_model_info *info = recap_model_describe(model);
    set(check, GOOD, "%s (%s, %zu dimensions, %s)", info->directory, info->architecture,
        info->hidden_size, info->dtype);
    recap_close_model(model);
}

/* The classifier that the settings name, if any. */
static void check_classifier(struct invocation *call, struct check *check)
{
    const struct genre_wishes wishes = {.threshold = -1};
    struct genre_source source;
    recap_error error = {0};
    bool found;
    size_t n;
    if (genres_open(call, &wishes, &source, &found, &error) != RECAP_OK) {
        set(check, BAD, "%s", error.message);
        advise(check, "see the settings LEARNING_MACHINE_STUDENT_JA_DIR, _EN_DIR and "
                      "LEARNING_MACHINE_TAXONOMY_PATH");
        return;
    }
    if (!found) {
        set(check, GOOD, "none is set: articles keep the genres that they come with");
        return;
    }
    recap_classifier_labels(source.classifier, &n);
    set(check, GOOD, "opens, %zu genres", n);
    genres_close(&source);
}

static void check_mecab(struct invocation *call, struct check *check)
{
    struct segmenter *segmenter;
    recap_error error = {0};
    if (segmenter_open(NULL, &segmenter, &error) != RECAP_OK) {
        set(check, BAD, "%s", error.message);
        advise(check, "install mecab-ipadic-utf8, or set RECAP_MECAB_DICTIONARY");
        return;
    }
    set(check, GOOD, "the Japanese dictionary opens");
    segmenter_close(segmenter);
}

static void check_store(struct invocation *call, struct check *check)
{
    char *home = model_home();
    recap_error error = {0};
    struct statvfs info;
    if (!home || make_directories(home, &error) != RECAP_OK) {
        set(check, BAD, "%s", home ? error.message : "out of memory");
        advise(check, "set XDG_DATA_HOME to a folder that can be written");
    } else if (access(home, W_OK) != 0) {
        set(check, BAD, "%s can't be written", home);
        advise(check, "set XDG_DATA_HOME to a folder that can be written");
    } else {
        double free_gb = statvfs(home, &info) == 0
                             ? (double)info.f_bavail * (double)info.f_frsize / 1e9
                             : 0;
        set(check, free_gb < 0.5 ? WARNING : GOOD, "%s, %.1f GB free", home, free_gb);
        if (free_gb < 0.5) advise(check, "fetching a model needs about 0.5 GB");
    }
    free(home);
}

static const struct {
    const char *name;
    void (*run)(struct invocation *call, struct check *check);
} checks[] = {
    {"processor", check_processor},   {"memory", check_memory},  {"model", check_model},
    {"classifier", check_classifier}, {"japanese", check_mecab}, {"models home", check_store},
};

static void add_check(const struct check *check, bool json, bool first, struct buf *out)
{
    static const char *const marks[] = {"good", "warn", "BAD"};
    static const char *const words[] = {"pass", "warn", "fail"};
    if (!json) {
        buf_printf(out, "%-5s %-12s %s\n", marks[check->outcome], check->name, check->found);
        if (*check->advice) buf_printf(out, "%-18s -> %s\n", "", check->advice);
        return;
    }
    buf_printf(out, "%s{\"name\":\"%s\",\"status\":\"%s\",\"found\":", first ? "" : ",",
               check->name, words[check->outcome]);
    buf_add_json(out, check->found, strlen(check->found));
    if (*check->advice) {
        buf_add_string(out, ",\"advice\":");
        buf_add_json(out, check->advice, strlen(check->advice));
    }
    buf_add_byte(out, '}');
}

static int run(struct invocation *call, recap_error *error)
{
    struct buf out = {0};
    bool json = call->common.json;
    if (json) buf_add_string(&out, "{\"checks\":[");
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        struct check check = {.name = checks[i].name};
        checks[i].run(call, &check);
        if (check.outcome == BAD) call->n_refused++;
        add_check(&check, json, i == 0, &out);
    }
    if (json) buf_printf(&out, "],\"good\":%s}\n", call->n_refused ? "false" : "true");
    int status = output_document(NULL, &out, error);
    buf_free(&out);
    return status;
}

const struct command command_doctor = {
    .name = "doctor",
    .arguments = "",
    .summary = "tell what is wrong here and what to do",
    .details =
        "Checks processor, memory, the embedder, the Japanese dictionary and the models' home. "
        "Exit status 1 where something is bad.",
    .examples = "recap doctor\ta line for each check",
    .max_inputs = 0,
    .run = run,
};
