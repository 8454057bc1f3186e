/* The table of settings, and where their values come from. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#define NO_LIMIT 9.2e18
#define FIELD(name) offsetof(struct config, name)
#define TEXT                                                                                       \
    {                                                                                              \
        VALUE_TEXT, 0, 0, NULL                                                                     \
    }
#define FLAG                                                                                       \
    {                                                                                              \
        VALUE_FLAG, 0, 0, NULL                                                                     \
    }
#define INTEGER(low, high)                                                                         \
    {                                                                                              \
        VALUE_INTEGER, low, high, NULL                                                             \
    }
#define NUMBER(low, high)                                                                          \
    {                                                                                              \
        VALUE_NUMBER, low, high, NULL                                                              \
    }
#define NUMBERS(low, high)                                                                         \
    {                                                                                              \
        VALUE_NUMBERS, low, high, NULL                                                             \
    }
#define CHOICE(choices)                                                                            \
    {                                                                                              \
        VALUE_CHOICE, 0, 0, choices                                                                \
    }

static const struct setting settings[] = {
    {"DEVICE", false, TEXT, FIELD(device), "cpu", "where texts are embedded"},
    {"MODEL_ID", false, TEXT, FIELD(model_id), NULL,
     "the embedder: a directory, or a fetched name"},
    {"MECAB_DICTIONARY", true, TEXT, FIELD(mecab_dictionary), NULL, "a MeCab dictionary's folder"},
    {"BATCH_SIZE", false, INTEGER(1, 1e6), FIELD(batch_size), "64", "texts in one embedding batch"},
    {"LEARNING_MACHINE_STUDENT_JA_DIR", true, TEXT, FIELD(student_ja_dir), NULL,
     "the Japanese genre classifier's directory"},
    {"LEARNING_MACHINE_STUDENT_EN_DIR", true, TEXT, FIELD(student_en_dir), NULL,
     "the English genre classifier's directory"},
    {"LEARNING_MACHINE_TAXONOMY_PATH", true, TEXT, FIELD(taxonomy_path), NULL,
     "YAML file with \"genres: [...]\""},
    {"GENRE_THRESHOLDS", true, NUMBERS(0, 1), FIELD(genre_thresholds), NULL,
     "JSON object: a genre's classification threshold"},
    {"MAX_TOTAL_SENTENCES", false, INTEGER(1, NO_LIMIT), FIELD(max_total_sentences), "6000",
     "sentences of a genre"},
    {"MAX_SENTENCES_PER_DOC", false, INTEGER(10, NO_LIMIT), FIELD(max_sentences_per_doc), "200",
     "sentences of an article"},
    {"DEDUP_THRESHOLD", false, NUMBER(0, 1), FIELD(dedup_threshold), "0.92",
     "cosine from which two sentences are one"},
    {"GENRE_DEDUP_THRESHOLDS", true, NUMBERS(0, 1), FIELD(genre_dedup_thresholds), NULL,
     "JSON object: a genre's own DEDUP_THRESHOLD"},
    {"MAX_SENTENCES_PER_CLUSTER", false, INTEGER(1, 50), FIELD(max_sentences_per_cluster), "8",
     "representative sentences of a cluster"},
    {"MAX_GENRE_SENTENCES", false, INTEGER(1, 50), FIELD(max_genre_sentences), "15",
     "highlights of a genre"},
    {"UMAP_MIN_DIST", true, NUMBER(0, 1), FIELD(umap_min_dist), "0.0",
     "how close points may lie in the layout"},
    {"UMAP_THRESHOLD_SENTENCES", true, INTEGER(2, NO_LIMIT), FIELD(umap_threshold_sentences), "10",
     "sentences from which a layout is made"},
    {"HDBSCAN_SELECTION_METHOD", true, CHOICE("eom|leaf"), FIELD(hdbscan_selection_method), "eom",
     "which clusters of the tree are kept"},
    {"HDBSCAN_TIMEOUT_SECS", true, NUMBER(30, 1e9), FIELD(hdbscan_timeout), "300",
     "seconds of a genre's search; then k-means takes over"},
    {"NOISE_RECLUSTER_ENABLED", false, FLAG, FIELD(noise_recluster), "true",
     "look for clusters in what is left"},
    {"NOISE_RECLUSTER_MIN_POINTS", false, INTEGER(2, NO_LIMIT), FIELD(noise_min_points), "30",
     "... from so many sentences on"},
    {"NOISE_RECLUSTER_MAX_CLUSTERS", false, INTEGER(2, 1000), FIELD(noise_max_clusters), "8",
     "... into at most so many clusters"},
    {"CLUSTERING_RECURSIVE_ENABLED", false, FLAG, FIELD(recursive), "true", "split large clusters"},
    {"RECURSIVE_DYNAMIC_THRESHOLDS", false, FLAG, FIELD(split_dynamic), "true",
     "... by limits from the clusters' own medians"},
    {"RECURSIVE_MAX_TOKENS_FLOOR", false, INTEGER(100, NO_LIMIT), FIELD(split_tokens_floor), "400",
     "... that are never under so many tokens"},
    {"RECURSIVE_MAX_TOKENS_CEIL", false, INTEGER(1000, NO_LIMIT), FIELD(split_tokens_ceiling),
     "4000", "... and never over so many"},
    {"CLUSTERING_MAX_TOKENS_PER_CLUSTER", false, INTEGER(1, NO_LIMIT), FIELD(split_max_tokens),
     "1500", "... or else clusters over so many tokens"},
    {"CLUSTERING_MIN_SPLIT_SIZE", false, INTEGER(2, NO_LIMIT), FIELD(split_min_size), "10",
     "... and of at least so many sentences"},
    {"RANDOM_SEED", false, INTEGER(0, NO_LIMIT), FIELD(random_seed), "42",
     "same input, same seed: the same output, bit for bit"},
    {"LOG_LEVEL", false, CHOICE("error|warning|info|debug"), FIELD(log_level), "warning",
     "what is said on standard error"},
};

const struct setting *config_settings(size_t *n)
{
    *n = COUNT_OF(settings);
    return settings;
}

static int take(const struct setting *setting, const char *from, const char *value, int code,
                struct config *out, recap_error *error)
{
    if (value_parse(&setting->rule, value, (char *)out + setting->offset)) return RECAP_OK;
    struct buf range = {0};
    value_describe(&setting->rule, &range);
    fail(error, code, "%s: \"%s\" is not allowed: %s", from, value, range.data ? range.data : "");
    buf_free(&range);
    return code;
}

/* An empty variable is as good as none. */
static const char *variable(const char *prefix, const char *name, char *full, size_t size)
{
    snprintf(full, size, "%s%s", prefix, name);
    const char *value = getenv(full);
    return value && *value ? value : NULL;
}

static int from_environment(const struct setting *setting, struct config *out, recap_error *error)
{
    char long_name[96], short_name[96];
    const char *value = variable("RECAP_SUBWORKER_", setting->name, long_name, sizeof long_name);
    const char *winner = NULL;
    if (setting->short_name)
        winner = variable("RECAP_", setting->name, short_name, sizeof short_name);
    if (winner && value && strcmp(winner, value) != 0)
        log_message(LOG_WARNING, "%s and %s differ: %s counts", short_name, long_name, short_name);
    if (winner) return take(setting, short_name, winner, RECAP_ERROR_CONFIG, out, error);
    if (value) return take(setting, long_name, value, RECAP_ERROR_CONFIG, out, error);
    return RECAP_OK;
}

static int assign(const char *assignment, struct config *out, recap_error *error)
{
    size_t n = strcspn(assignment, "=");
    if (!assignment[n])
        return fail(error, RECAP_ERROR_USAGE, "--set %s: NAME=VALUE is needed", assignment);
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        if (strlen(settings[i].name) != n || strncmp(settings[i].name, assignment, n) != 0)
            continue;
        char from[96];
        snprintf(from, sizeof from, "--set %s", settings[i].name);
        return take(&settings[i], from, assignment + n + 1, RECAP_ERROR_USAGE, out, error);
    }
    return fail(error, RECAP_ERROR_USAGE, "--set %.*s: there is no such setting", (int)n,
                assignment);
}

int config_load(const char *const *assignments, size_t n, struct config *out, recap_error *error)
{
    *out = (struct config){0};
    int status = RECAP_OK;
    for (size_t i = 0; i < COUNT_OF(settings) && status == RECAP_OK; i++) {
        const struct setting *setting = &settings[i];
        if (setting->otherwise)
            status = take(setting, setting->name, setting->otherwise, RECAP_ERROR_INTERNAL, out,
                          error);
        if (status == RECAP_OK) status = from_environment(setting, out, error);
    }
    for (size_t i = 0; i < n && status == RECAP_OK; i++)
        status = assign(assignments[i], out, error);
    if (status == RECAP_OK && out->split_tokens_floor > out->split_tokens_ceiling)
        status = fail(error, RECAP_ERROR_CONFIG,
                      "RECURSIVE_MAX_TOKENS_FLOOR (%lld) is over RECURSIVE_MAX_TOKENS_CEIL (%lld)",
                      (long long)out->split_tokens_floor, (long long)out->split_tokens_ceiling);
    if (status != RECAP_OK) config_free(out);
    return status;
}

void config_free(struct config *config)
{
    json_decref(config->genre_thresholds);
    json_decref(config->genre_dedup_thresholds);
    config->genre_thresholds = config->genre_dedup_thresholds = NULL;
}
