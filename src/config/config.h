/* The door of config: how a value is written, and the table of settings with its three sources.
 *
 * A setting comes from the command line (--set NAME=VALUE), else from the environment
 * (RECAP_SUBWORKER_<NAME>; those marked in the table also answer to RECAP_<NAME>, which wins), else
 * from its default. A value that can't be parsed or is out of range is an error that names setting,
 * value and range: nothing is guessed. */
#ifndef CONFIG_H
#define CONFIG_H

#include <jansson.h>

#include "base/base.h"

/* ---- values: shared by settings and command-line options ---- */

enum value_kind {
    VALUE_FLAG,    /* bool: true, false, 1, 0, on, off, yes, no */
    VALUE_TEXT,    /* const char *, borrowed */
    VALUE_INTEGER, /* int64_t in low .. high */
    VALUE_NUMBER,  /* double in low .. high */
    VALUE_CHOICE,  /* int: index into `choices` */
    VALUE_NUMBERS, /* json_t *: an object of numbers in low .. high, owned by the field */
};

struct value_rule {
    enum value_kind kind;
    double low, high;
    const char *choices; /* "cosine|euclidean" */
};

/* Parses `text` into *field, whose type the kind decides; false: nothing was changed. */
bool value_parse(const struct value_rule *rule, const char *text, void *field);
/* What is allowed, for messages: "1 to 50", "one of cosine, euclidean". */
void value_describe(const struct value_rule *rule, struct buf *out);
/* The name of choice `index`, or an empty view. */
struct view value_choice(const char *choices, int index);

/* ---- settings ---- */

enum selection_method { SELECTION_EOM, SELECTION_LEAF };

struct config {
    const char *device; /* NULL: cpu */
    const char *model_id;
    const char *mecab_dictionary; /* NULL: the default */
    int64_t batch_size;
    const char *student_ja_dir, *student_en_dir, *taxonomy_path;
    json_t *genre_thresholds, *genre_dedup_thresholds; /* may be NULL; owned */
    int64_t max_total_sentences, max_sentences_per_doc;
    double dedup_threshold;
    int64_t max_sentences_per_cluster, max_genre_sentences;
    double umap_min_dist;
    int64_t umap_threshold_sentences;
    int hdbscan_selection_method; /* enum selection_method */
    double hdbscan_timeout;       /* seconds */
    bool noise_recluster;
    int64_t noise_min_points, noise_max_clusters;
    bool recursive, split_dynamic;
    int64_t split_min_size, split_max_tokens, split_tokens_floor, split_tokens_ceiling;
    int64_t random_seed;
    int log_level; /* enum log_level */
};

struct setting {
    const char *name;
    bool short_name; /* RECAP_<NAME> too */
    struct value_rule rule;
    size_t offset;         /* into struct config */
    const char *otherwise; /* the default as text; NULL: none */
    const char *help;
};
const struct setting *config_settings(size_t *n);

/* Fills *out from `assignments` ("NAME=VALUE", the last of a name wins), the environment and the
 * defaults. RECAP_ERROR_CONFIG for an environment value, RECAP_ERROR_USAGE for an assignment.
 * Strings are borrowed from the assignments and the environment. End with config_free. */
int config_load(const char *const *assignments, size_t n, struct config *out, recap_error *error);
void config_free(struct config *config);

#endif
