/* evidence.json: everything a run found, for programs. docs/evidence-schema.md describes it and
 * docs/evidence.schema.json checks it.
 *
 * Strict JSON. What was not measured is absent, never zero. One line an article, a sentence, a
 * representative, so that two runs can be compared with diff. */
#include "report_private.h"

#include <math.h>
#include <string.h>

enum { SCHEMA_VERSION = 1 };

struct writer {
    struct buf *out;
    int depth;
    bool first;  /* nothing yet in the innermost object or array */
    int compact; /* over 0: inside a value written on one line */
};

static void line_break(struct writer *w)
{
    if (w->compact) return;
    buf_add_byte(w->out, '\n');
    for (int i = 0; i < w->depth; i++) buf_add_byte(w->out, ' ');
}

/* What stands before a value: a comma, a line, and in an object the name. */
static void before(struct writer *w, const char *name)
{
    if (!w->first) buf_add_string(w->out, w->compact ? ", " : ",");
    if (w->depth) line_break(w);
    w->first = false;
    if (!name) return;
    buf_add_json(w->out, name, strlen(name));
    buf_add_string(w->out, ": ");
}

static void open_value(struct writer *w, const char *name, char bracket)
{
    before(w, name);
    buf_add_byte(w->out, bracket);
    w->depth++;
    w->first = true;
}

static void close_value(struct writer *w, char bracket)
{
    w->depth--;
    if (!w->first) line_break(w);
    buf_add_byte(w->out, bracket);
    w->first = false;
}

/* The same on one line. */
static void open_line(struct writer *w, const char *name, char bracket)
{
    open_value(w, name, bracket);
    w->compact++;
}

static void close_line(struct writer *w, char bracket)
{
    close_value(w, bracket);
    w->compact--;
}

static void put_string(struct writer *w, const char *name, const char *value)
{
    before(w, name);
    buf_add_json(w->out, value, strlen(value));
}

static void put_if(struct writer *w, const char *name, const char *value)
{
    if (value) put_string(w, name, value);
}

static void put_size(struct writer *w, const char *name, size_t value)
{
    before(w, name);
    buf_printf(w->out, "%zu", value);
}

static void put_bool(struct writer *w, const char *name, bool value)
{
    before(w, name);
    buf_add_string(w->out, value ? "true" : "false");
}

/* Nothing where the number is none. */
static void put_number(struct writer *w, const char *name, double value)
{
    if (!isfinite(value)) return;
    before(w, name);
    buf_add_double(w->out, value);
}

static void put_float(struct writer *w, const char *name, float value)
{
    if (!isfinite(value)) return;
    before(w, name);
    buf_add_float(w->out, value);
}

/* Seconds (unit 1) or milliseconds (1e3), to three places; nothing where it was not measured. */
static void put_time(struct writer *w, const char *name, double seconds, double unit)
{
    if (seconds > 0) put_number(w, name, round(seconds * unit * 1e3) / 1e3);
}

/* ---- the parts ---- */

static void put_representative(struct writer *w, const struct report_run *run,
                               const struct report_genre *genre, const recap_representative *r)
{
    const recap_sentence *sentence = &genre->evidence->sentences[r->sentence];
    const recap_article *article = report_member(run, genre, sentence->article);
    open_line(w, NULL, '{');
    put_string(w, "article_id", article->id ? article->id : "");
    put_size(w, "article", genre->articles[sentence->article]);
    put_size(w, "sentence", r->sentence);
    put_size(w, "paragraph_idx", sentence->paragraph);
    put_string(w, "sentence_text", sentence->text);
    put_string(w, "lang", sentence->language ? sentence->language : "und");
    put_number(w, "score", r->score);
    put_if(w, "title", article->title);
    put_if(w, "url", article->url);
    put_if(w, "published_at", article->published_at);
    close_line(w, '}');
}

static void put_representatives(struct writer *w, const char *name, const struct report_run *run,
                                const struct report_genre *genre, const recap_representative *list,
                                size_t n)
{
    open_value(w, name, '[');
    for (size_t i = 0; i < n; i++) put_representative(w, run, genre, &list[i]);
    close_value(w, ']');
}

static void put_terms(struct writer *w, const recap_cluster *cluster)
{
    if (cluster->n_terms) {
        put_string(w, "label", cluster->terms[0]);
    } else {
        before(w, "label");
        buf_add_string(w->out, "null");
    }
    open_line(w, "top_terms", '[');
    for (size_t i = 0; i < cluster->n_terms; i++) put_string(w, NULL, cluster->terms[i]);
    close_line(w, ']');
}

static void put_day(struct writer *w, const char *name, int64_t day)
{
    int64_t year;
    int month, date;
    report_civil_day(day, &year, &month, &date);
    before(w, name);
    buf_printf(w->out, "\"%04d-%02d-%02d\"", (int)year, month, date);
}

static void put_cluster(struct writer *w, const struct report_run *run,
                        const struct report_genre *genre, const struct report_story *story)
{
    const recap_cluster *cluster = story->cluster;
    open_value(w, NULL, '{');
    before(w, "cluster_id");
    buf_printf(w->out, "%d", (int)cluster->id);
    put_size(w, "size", cluster->size);
    put_terms(w, cluster);
    if (*story->title) put_string(w, "title", story->title);
    open_line(w, "stats", '{');
    if (cluster->average_similarity_known) put_number(w, "avg_sim", cluster->average_similarity);
    put_size(w, "token_count", cluster->tokens);
    put_size(w, "article_count", story->n_articles);
    if (story->n_days) {
        put_size(w, "day_count", story->n_days);
        put_day(w, "first_day", story->first_day);
        put_day(w, "last_day", story->last_day);
    }
    close_line(w, '}');
    put_representatives(w, "representatives", run, genre, cluster->representatives,
                        cluster->n_representatives);
    close_value(w, '}');
}

static void put_sentence(struct writer *w, const struct report_genre *genre,
                         const recap_sentence *sentence, bool mapped)
{
    const recap_evidence *evidence = genre->evidence;
    open_line(w, NULL, '{');
    put_size(w, "article", genre->articles[sentence->article]);
    put_size(w, "paragraph_idx", sentence->paragraph);
    put_string(w, "text", sentence->text);
    put_string(w, "lang", sentence->language ? sentence->language : "und");
    if (sentence->cluster >= 0) {
        before(w, "cluster_id");
        buf_printf(w->out, "%d", (int)evidence->clusters[sentence->cluster].id);
    }
    if (sentence->duplicate_of >= 0) put_size(w, "duplicate_of", (size_t)sentence->duplicate_of);
    if (mapped && sentence->duplicate_of < 0) {
        put_float(w, "x", sentence->x);
        put_float(w, "y", sentence->y);
    }
    close_line(w, '}');
}

static void put_search(struct writer *w, const recap_search_result *search)
{
    put_bool(w, "umap_used", search->umap_used);
    if (search->umap_used) {
        open_line(w, "umap", '{');
        put_size(w, "n_neighbors", search->n_neighbors);
        put_size(w, "n_components", search->n_components);
        close_line(w, '}');
    }
    if (search->min_cluster_size) {
        open_line(w, "hdbscan", '{');
        put_size(w, "min_cluster_size", search->min_cluster_size);
        put_size(w, "min_samples", search->min_samples);
        close_line(w, '}');
    }
    if (search->n_trials) put_size(w, "trials", search->n_trials);
    put_bool(w, "fallback", search->fallback);
    if (search->silhouette_known) put_number(w, "silhouette_score", search->silhouette);
    if (search->dbcv_known) put_number(w, "dbcv_score", search->dbcv);
    put_time(w, "umap_ms", search->umap_seconds, 1e3);
    put_time(w, "hdbscan_ms", search->hdbscan_seconds, 1e3);
    put_time(w, "score_ms", search->score_seconds, 1e3);
}

static void put_diagnostics(struct writer *w, const recap_evidence *evidence)
{
    open_value(w, "diagnostics", '{');
    put_size(w, "total_sentences", evidence->n_sentences);
    put_size(w, "articles_used", evidence->n_articles_used);
    put_size(w, "dedup_pairs", evidence->dedup_pairs);
    put_number(w, "dedup_threshold", evidence->dedup_threshold);
    put_bool(w, "partial", evidence->partial);
    put_bool(w, "token_limited", evidence->token_limited);
    if (evidence->noise_known) put_number(w, "noise_ratio", evidence->noise_ratio);
    put_search(w, &evidence->search);
    put_time(w, "embedding_ms", evidence->embed_seconds, 1e3);
    put_time(w, "clustering_ms", evidence->cluster_seconds, 1e3);
    put_time(w, "total_ms", evidence->total_seconds, 1e3);
    close_value(w, '}');
}

static void put_genre(struct writer *w, const struct report_run *run,
                      const struct report_genre *genre, const struct report_genre_facts *facts)
{
    const recap_evidence *evidence = genre->evidence;
    open_value(w, NULL, '{');
    put_string(w, "genre", genre->name);
    put_bool(w, "clustered", evidence != NULL);
    open_line(w, "articles", '[');
    for (size_t i = 0; i < genre->n_articles; i++) put_size(w, NULL, genre->articles[i]);
    close_line(w, ']');
    open_value(w, "clusters", '[');
    for (size_t c = 0; evidence && c < evidence->n_clusters; c++)
        put_cluster(w, run, genre, &facts->stories[c]);
    close_value(w, ']');
    if (evidence) {
        put_representatives(w, "genre_highlights", run, genre, evidence->highlights,
                            evidence->n_highlights);
        put_diagnostics(w, evidence);
    }
    open_value(w, "sentences", '[');
    for (size_t s = 0; evidence && s < evidence->n_sentences; s++)
        put_sentence(w, genre, &evidence->sentences[s], facts->mapped);
    close_value(w, ']');
    close_value(w, '}');
}

static void put_article(struct writer *w, const recap_article *article)
{
    open_line(w, NULL, '{');
    put_string(w, "id", article->id ? article->id : "");
    put_if(w, "title", article->title);
    put_if(w, "url", article->url);
    put_if(w, "published_at", article->published_at);
    put_if(w, "lang", article->language);
    put_if(w, "genre", article->genre);
    if (article->confidence >= 0) put_number(w, "confidence", article->confidence);
    close_line(w, '}');
}

static void put_counts(struct writer *w, const struct report_run *run,
                       const struct report_facts *facts)
{
    open_value(w, "counts", '{');
    put_size(w, "articles_read", run->n_read);
    put_size(w, "articles_refused", run->n_refused);
    put_size(w, "articles_filtered", run->n_filtered);
    put_size(w, "articles", run->n_articles);
    put_size(w, "articles_unclustered", run->n_unclustered);
    put_size(w, "genres", run->n_genres);
    put_size(w, "stories", facts->n_stories);
    put_size(w, "sentences", facts->n_sentences);
    put_size(w, "duplicate_sentences", facts->n_duplicates);
    put_size(w, "noise_sentences", facts->n_noise);
    put_size(w, "single_sentences", facts->n_single);
    close_value(w, '}');
}

static void put_run(struct writer *w, const struct report_run *run)
{
    put_if(w, "created_at", run->created_at);
    open_line(w, "window", '{');
    put_if(w, "since", run->since);
    put_if(w, "until", run->until);
    close_line(w, '}');
    open_line(w, "model", '{');
    put_if(w, "name", run->model);
    put_if(w, "identity", run->model_identity);
    close_line(w, '}');
    put_if(w, "classifier", run->classifier);
    put_if(w, "device", run->device);
    open_value(w, "settings", '{');
    for (size_t i = 0; i < run->n_settings; i++)
        put_string(w, run->settings[i].name, run->settings[i].value);
    close_value(w, '}');
    open_value(w, "timings", '{');
    put_time(w, "load_seconds", run->load_seconds, 1);
    put_time(w, "classify_seconds", run->classify_seconds, 1);
    put_time(w, "embed_seconds", run->embed_seconds, 1);
    put_time(w, "cluster_seconds", run->cluster_seconds, 1);
    put_time(w, "total_seconds", run->total_seconds, 1);
    close_value(w, '}');
}

static void put_document(struct writer *w, const struct report_run *run,
                         const struct report_facts *facts)
{
    open_value(w, NULL, '{');
    put_size(w, "schema_version", SCHEMA_VERSION);
    open_line(w, "generator", '{');
    put_string(w, "name", "recap");
    put_string(w, "version", recap_version());
    close_line(w, '}');
    put_run(w, run);
    put_counts(w, run, facts);
    open_value(w, "genres", '[');
    for (size_t g = 0; g < run->n_genres; g++)
        put_genre(w, run, &run->genres[g], &facts->genres[g]);
    close_value(w, ']');
    open_value(w, "articles", '[');
    for (size_t i = 0; i < run->n_articles; i++) put_article(w, &run->articles[i]);
    close_value(w, ']');
    close_value(w, '}');
    buf_add_byte(w->out, '\n');
}

int report_json(const struct report_run *run, struct buf *out, recap_error *error)
{
    struct report_facts facts;
    struct writer writer = {.out = out, .first = true};
    bool good = report_gather_facts(run, &facts);
    if (good) put_document(&writer, run, &facts);
    report_free_facts(&facts);
    if (!good || out->failed) return fail_memory(error, out->n);
    return RECAP_OK;
}
