/* The door of report: a finished run as JSON, HTML, CSV, Markdown, Atom and a terminal summary.
 *
 * Everything here reads; nothing is computed but what a picture needs. */
#ifndef REPORT_H
#define REPORT_H

#include "base/base.h"
#include "recap/evidence.h"

/* One genre's articles and what was found in them. */
struct report_genre {
    const char *name;
    const size_t *articles; /* [n_articles] indexes into the run's articles, in the order that the
                             * evidence counts them */
    size_t n_articles;
    const recap_article *members;   /* [n_articles], what recap_gather_evidence was given; or NULL:
                                     * the run's */
    const recap_evidence *evidence; /* or NULL: a genre that was listed, not clustered */
};

struct report_setting {
    const char *name, *value;
};

struct report_run {
    const recap_article *articles; /* [n_articles] all that took part, in input order */
    size_t n_articles;
    const struct report_genre *genres; /* [n_genres], most articles first */
    size_t n_genres;
    size_t n_read, n_refused, n_filtered; /* articles read, refused as bad, outside the dates */
    size_t n_unclustered;      /* in genres of fewer than 3 articles: listed, not clustered */
    const char *since, *until; /* RFC 3339, or NULL */
    const char *created_at;    /* RFC 3339 UTC */
    const char *model, *model_identity;    /* directory's name, hash; or NULL */
    const char *classifier;                /* what gave the genres: a name, or "given"; or NULL */
    const char *device;                    /* "cpu, avx2, 2 threads"; or NULL */
    const struct report_setting *settings; /* [n_settings], what decided the result */
    size_t n_settings;
    /* 0 or less: not measured, and left out everywhere. */
    double load_seconds, classify_seconds, embed_seconds, cluster_seconds, total_seconds;
    const char *language; /* of the HTML page's own words, "ja" or "en"; NULL: Japanese where at
                           * least two thirds of the sentences are, else English */
};

/* Each appends a whole document; RECAP_ERROR_MEMORY is the only failure. */
int report_json(const struct report_run *run, struct buf *out, recap_error *error);
int report_html(const struct report_run *run, struct buf *out, recap_error *error);
int report_csv(const struct report_run *run, struct buf *out, recap_error *error);
int report_markdown(const struct report_run *run, struct buf *out, recap_error *error);
int report_atom(const struct report_run *run, struct buf *out, recap_error *error);
/* What `recap run` prints at its end: at most `width` columns (wide characters count two; under 40
 * counts as 40); colours only where `color`. */
int report_summary(const struct report_run *run, size_t width, bool color, struct buf *out,
                   recap_error *error);

#endif
