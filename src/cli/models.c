/* Models by name or directory, and the classifier that options and settings describe. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "model/model.h"

int model_locate(const char *name, char **directory, recap_error *error)
{
    if (name && *name) return model_find(name, directory, error);
    recap_error reason;
    int status = model_find(DEFAULT_MODEL, directory, &reason);
    if (status != RECAP_ERROR_MODEL) return status == RECAP_OK ? status : fail_memory(error, 1);
    return fail(
        error, RECAP_ERROR_MODEL,
        "no model is here yet: run \"recap model fetch %s\", or name a model directory with "
        "--model",
        DEFAULT_MODEL);
}

int model_open_wanted(const struct invocation *call, recap_model **out, recap_error *error)
{
    char *directory;
    const char *name = call->common.model ? call->common.model : call->config.model_id;
    *out = NULL;
    int status = model_locate(name, &directory, error);
    if (status == RECAP_OK) status = recap_open_model(directory, out, error);
    if (status == RECAP_OK) {
        const recap_model_info *info = recap_model_describe(*out);
        log_message(LOG_INFO, "model %s: %s, %zu layers of %zu, %s pooling%s, prefix \"%s\"",
                    directory, info->architecture, info->n_layers, info->hidden_size,
                    info->pooling == RECAP_POOLING_MEAN  ? "mean"
                    : info->pooling == RECAP_POOLING_CLS ? "cls"
                    : info->pooling == RECAP_POOLING_MAX ? "max"
                                                         : "last",
                    info->pooling_from_file ? "" : " (the family's default)", info->default_prefix);
    }
    free(directory);
    return status;
}

/* ---- the classifier ---- */

/* The settings' thresholds, in arrays that live as long as `arena`. */
static int take_thresholds(const json_t *object, struct arena *arena,
                           recap_classifier_options *options, recap_error *error)
{
    size_t n = json_object_size(object), i = 0;
    const char **names = arena_alloc(arena, n, sizeof *names);
    double *values = arena_alloc(arena, n, sizeof *values);
    if (!names || !values) return fail_memory(error, n);
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        names[i] = name;
        values[i++] = json_number_value(value);
    }
    options->threshold_genres = names;
    options->thresholds = values;
    options->n_thresholds = i;
    return RECAP_OK;
}

static int open_classifier(const struct invocation *call, const struct genre_wishes *wishes,
                           recap_classifier_options *options, struct genre_source *out,
                           recap_error *error)
{
    struct arena arena = {0};
    int status = RECAP_OK;
    if (call->config.taxonomy_path)
        status = taxonomy_read(call->config.taxonomy_path, &out->taxonomy, &out->n_taxonomy, error);
    options->taxonomy = (const char *const *)out->taxonomy;
    options->n_taxonomy = out->n_taxonomy;
    if (wishes->threshold >= 0)
        options->default_threshold = &wishes->threshold;
    else if (status == RECAP_OK)
        status = take_thresholds(call->config.genre_thresholds, &arena, options, error);
    if (status == RECAP_OK) status = recap_open_classifier(options, &out->classifier, error);
    arena_free(&arena);
    return status;
}

/* The head that serves where none is named, if somebody put one there; NULL: none. */
static char *find_default_head(void)
{
    char *home = path_data_home(), *head = home ? path_join(home, "heads/genres") : NULL;
    char *file = head ? path_join(head, "head.json") : NULL;
    bool found = file && path_exists(file);
    free(home);
    free(file);
    if (found) return head;
    free(head);
    return NULL;
}

int genres_open(const struct invocation *call, const struct genre_wishes *wishes,
                struct genre_source *out, bool *found, recap_error *error)
{
    *out = (struct genre_source){0};
    recap_classifier_options options = {
        .japanese_model = wishes->japanese,
        .english_model = wishes->english,
        .head = wishes->head,
        .max_length = (size_t)wishes->max_length,
    };
    if (!wishes->head && !wishes->japanese && !wishes->english) {
        options.japanese_model = call->config.student_ja_dir;
        options.english_model = call->config.student_en_dir;
    }
    if (options.head && (options.japanese_model || options.english_model))
        return fail(error, RECAP_ERROR_USAGE,
                    "--head and --ja-model or --en-model: only one kind of classifier can be used");
    char *located[3] = {NULL, NULL, NULL};
    if (!options.head && !options.japanese_model && !options.english_model)
        options.head = located[2] = find_default_head();
    *found = options.head || options.japanese_model || options.english_model;
    if (!*found) return RECAP_OK;
    int status = RECAP_OK;
    if (options.head && !wishes->embedder) status = model_open_wanted(call, &out->embedder, error);
    options.embedder = wishes->embedder ? wishes->embedder : out->embedder;
    if (status == RECAP_OK && options.japanese_model) {
        status = model_locate(options.japanese_model, &located[0], error);
        options.japanese_model = located[0];
    }
    if (status == RECAP_OK && options.english_model) {
        status = model_locate(options.english_model, &located[1], error);
        options.english_model = located[1];
    }
    if (status == RECAP_OK) status = open_classifier(call, wishes, &options, out, error);
    for (size_t i = 0; i < COUNT_OF(located); i++) free(located[i]);
    if (status != RECAP_OK) genres_close(out);
    return status;
}

void genres_close(struct genre_source *source)
{
    recap_close_classifier(source->classifier);
    recap_close_model(source->embedder);
    taxonomy_free(source->taxonomy, source->n_taxonomy);
    *source = (struct genre_source){0};
}
