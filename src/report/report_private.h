/* What the files of report share: text made safe for each format (markup.c), the facts about
 * stories that more than one document tells (story.c), and the pictures (pictures.c). */
#ifndef REPORT_PRIVATE_H
#define REPORT_PRIVATE_H

#include "report.h"

/* ---- markup.c ---- */

/* Text as the content of an element or a quoted attribute, of HTML and of XML 1.0 alike: the five
 * characters are escaped, what XML does not allow becomes U+FFFD. NULL adds nothing. */
void report_add_text(struct buf *out, const char *text);
/* The same, of at most n code points, then "…". */
void report_add_text_cut(struct buf *out, const char *text, size_t n);
/* An http or https address with a host and no white space or control characters: may be a link. */
bool report_url_is_safe(const char *url);
/* The host of a safe address, without "www."; a view into it. */
struct view report_url_host(const char *url);
/* " lang=\"ja\"" where the language is Japanese or English, else nothing. */
void report_add_lang(struct buf *out, const char *language);
/* NULL, empty or nothing but white space. */
bool report_is_blank(const char *text);
/* Code points that only steer a terminal or the direction of text: C0, C1, bidi controls, BOM. */
bool report_is_control(uint32_t code_point);

/* ---- dates, in story.c ---- */

/* Days since 1970-01-01 of the date that an RFC 3339 text starts with, as written (no shift by its
 * offset); false where it is none. */
bool report_parse_day(const char *text, int64_t *day);
void report_civil_day(int64_t day, int64_t *year, int *month, int *day_of_month);
/* An RFC 3339 time as strict readers want it: "T", capital "Z", an offset ("Z" where it lacked).
 * False (and nothing added) where it is not such a time. */
bool report_add_time(struct buf *out, const char *text);

/* ---- names, in story.c ---- */

/* A genre's name for readers: the built-in ones in both languages, another as it is. */
const char *report_genre_name(const char *genre, bool japanese);

/* ---- facts, in story.c ---- */

enum { REPORT_MAX_BINS = 62 }; /* bars in a timeline */

/* A cluster as readers meet it. */
struct report_story {
    const recap_cluster *cluster;
    size_t number;        /* of the story in its genre, from 1; 0: no story */
    const char *title;    /* its best representative's article's, else its label or sentence */
    const char *language; /* of the title; or NULL */
    size_t n_articles;    /* with a kept sentence in it */
    size_t n_japanese, n_english; /* sentences */
    size_t n_days;                /* distinct days of those, where dated */
    int64_t first_day, last_day;  /* if n_days > 0 */
    size_t *bins;                 /* [n_bins] articles */
};

struct report_genre_facts {
    struct report_story *stories; /* [evidence->n_clusters] */
    size_t *bins;                 /* [n_bins] articles */
    size_t n_stories;         /* clusters of at least two articles that have a title, no noise */
    size_t n_noise, n_single; /* sentences in the noise group, in clusters of one article */
    bool mapped;              /* the sentences have a 2-D place */
};

struct report_facts {
    struct report_genre_facts *genres; /* [n_genres] */
    bool dated;                        /* some article has a day */
    int64_t first_day, last_day;
    size_t n_bins, bin_days;
    size_t *bins; /* [n_bins] articles of the run */
    size_t n_stories, n_sentences, n_duplicates, n_noise, n_single;
    bool *placed; /* [n_articles] is in some genre */
    struct arena arena;
};
/* False where memory ran out; report_free_facts takes both. */
bool report_gather_facts(const struct report_run *run, struct report_facts *out);
void report_free_facts(struct report_facts *facts);

/* Member `index` of a genre, as the evidence counts them. */
const recap_article *report_member(const struct report_run *run, const struct report_genre *genre,
                                   size_t index);
/* The name that the run's settings give the window: since and until, else the articles' days. */
bool report_window(const struct report_run *run, const struct report_facts *facts, int64_t *first,
                   int64_t *last);
/* At least two thirds of the sentences in either language are Japanese. */
bool report_mostly_japanese(const struct report_run *run);

/* ---- pictures.c ---- */

/* The sentences of genre g by place, coloured by story; links go to #g<G>-s<S>. */
void report_add_map(const struct report_run *run, const struct report_facts *facts, size_t g,
                    const char *label, struct buf *out);
/* Bars of articles a day. */
void report_add_timeline(const struct report_facts *facts, const size_t *bins, bool japanese,
                         const char *label, struct buf *out);
/* The same without words, a story's. */
void report_add_spark(const struct report_facts *facts, const size_t *bins, const char *label,
                      struct buf *out);
/* "16 Nov", "11月16日"; with the year where asked. */
void report_add_day(struct buf *out, int64_t day, bool year, bool japanese);

/* Colours of a map; a story takes the one of its place in the genre. */
enum { REPORT_COLORS = 10 };

#endif
