/* What the commands share beyond their tables: models by name, settings turned into options. */
#ifndef CLI_H
#define CLI_H

#include "output.h"
#include "recap/recap.h"

/* One a file, cmd_<name>.c. */
extern const struct command command_run, command_embed, command_classify, command_tokenize,
    command_split, command_extract, command_knn, command_umap, command_cluster, command_dedup,
    command_train, command_model, command_doctor, command_version;

#define DEFAULT_MODEL "multilingual-e5-small"

/* ---- models.c ---- */

/* The directory that `name` means (model_find); NULL or "": the default model, whose absence is
 * told with how to get it. The caller frees *directory. */
int model_locate(const char *name, char **directory, recap_error *error);
int model_open_wanted(const struct invocation *call, recap_model **out, recap_error *error);

struct genre_source {
    recap_classifier *classifier;
    recap_model *embedder; /* of a head, if it was opened for it */
    char **taxonomy;       /* [n_taxonomy] or NULL */
    size_t n_taxonomy;
};
struct genre_wishes {
    const char *japanese, *english, *head; /* directories; NULL: the settings' */
    double threshold;                      /* of every genre; negative: the settings' */
    int64_t max_length;
    const recap_model *embedder; /* already open, or NULL */
};
/* Opens the classifier that options or settings name, else the head in the data home's
 * heads/genres; *found is false where there is none. */
int genres_open(const struct invocation *call, const struct genre_wishes *wishes,
                struct genre_source *out, bool *found, recap_error *error);
void genres_close(struct genre_source *source);

/* ---- taxonomy.c: a YAML file with "genres: [...]" ---- */

int taxonomy_read(const char *path, char ***names, size_t *n, recap_error *error);
void taxonomy_free(char **names, size_t n);

/* ---- small things ---- */

/* Number arrays as JSON. */
void add_doubles(struct buf *out, const double *values, size_t n);
void add_integers(struct buf *out, const int32_t *values, size_t n);
/* A fault of the values in an input file that was read whole: the file is what can't be used. */
int fail_file(int status, const char *input, recap_error *error);
/* recap_text of each record's text; NULL: no memory. */
recap_text *texts_of(struct record *const *records, size_t n);

#endif
