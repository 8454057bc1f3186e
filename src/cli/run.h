/* Between the files of `recap run`: reading and choosing articles, genres, and the writing of what
 * was found. */
#ifndef RUN_H
#define RUN_H

#include "cli.h"
#include "report/report.h"

struct run_values {
    const char *output, *since, *until, *genres, *formats, *classify_with, *head, *japanese,
        *english, *prefix;
    int64_t days, max_tokens;
    int clustering; /* a recap_clustering */
};

/* Articles of one genre, as the pipeline and the report want them. */
struct run_genre {
    const char *name;
    size_t *articles;       /* [n] indexes into the run's articles, ascending */
    recap_article *members; /* [n] */
    size_t n;
    recap_evidence *evidence; /* NULL: too few articles */
};

struct run {
    struct invocation *call;
    const struct run_values *values;
    struct articles read;
    recap_article *articles; /* [n_articles] inside the dates and genres; strings of `read` */
    size_t n_articles, n_filtered, n_undated;
    char since[40], until[40]; /* "" where there is no limit */
    recap_model *model;
    struct genre_source classifier;
    bool classified; /* by a classifier, at least in part */
    recap_corpus_confidence confidence;
    struct arena arena;
    struct run_genre *genres; /* [n_genres] most articles first */
    size_t n_genres, n_unclustered;
    const char *genres_from; /* "given", a classifier's name, "none" */
    double started, load_seconds, classify_seconds, embed_seconds, cluster_seconds;
};

/* ---- run_articles.c ---- */

/* Reads every input and keeps what lies in the window of --since, --until and --days. */
int run_read_articles(struct run *run, recap_error *error);

/* ---- run_genres.c ---- */

/* Opens the classifier that is named, if any, before the long work begins. */
int run_open_classifier(struct run *run, recap_error *error);
/* Gives every article its genre, keeps the wanted genres and groups them. */
int run_group_genres(struct run *run, recap_error *error);

/* ---- run_output.c ---- */

/* Are all words of --format known? */
int run_check_formats(const char *formats, recap_error *error);
/* Renders everything, then writes it into the folder, then prints the summary. */
int run_write(const struct run *run, recap_error *error);

#endif
