/* The stories as an Atom feed (RFC 4287), one entry each, largest genre first.
 *
 * An entry's id is made of its genre and its sentences, so the same story of the same articles
 * keeps its id when a run is repeated. */
#include "report_private.h"

#include <string.h>

/* A UUID of version 8 (free form) from the hash of `data`. */
static void add_id(struct buf *out, const struct buf *data)
{
    char hex[33];
    hash_text(hash_bytes(data->data, data->n), hex);
    hex[12] = '8';
    hex[16] = "89ab"[hex[16] & 3];
    buf_printf(out, "<id>urn:uuid:%.8s-%.4s-%.4s-%.4s-%.12s</id>\n", hex, hex + 8, hex + 12,
               hex + 16, hex + 20);
}

static void add_updated(struct buf *out, const char *name, const char *time)
{
    buf_printf(out, "<%s>", name);
    if (!report_add_time(out, time)) buf_add_string(out, "1970-01-01T00:00:00Z");
    buf_printf(out, "</%s>\n", name);
}

static void add_element(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, "<%s>", name);
    report_add_text(out, text);
    buf_printf(out, "</%s>\n", name);
}

static void add_sentences(const struct report_run *run, const struct report_genre *genre,
                          const recap_cluster *cluster, struct buf *out)
{
    buf_add_string(out,
                   "<content type=\"xhtml\"><div xmlns=\"http://www.w3.org/1999/xhtml\"><ul>\n");
    for (size_t r = 0; r < cluster->n_representatives; r++) {
        const recap_sentence *s = &genre->evidence->sentences[cluster->representatives[r].sentence];
        const recap_article *article = report_member(run, genre, s->article);
        buf_add_string(out, "<li>");
        report_add_text(out, s->text);
        if (report_url_is_safe(article->url)) {
            buf_add_string(out, " (<a href=\"");
            report_add_text(out, article->url);
            buf_add_string(out, "\">");
            report_add_text(out, report_is_blank(article->title) ? article->url : article->title);
            buf_add_string(out, "</a>)");
        }
        buf_add_string(out, "</li>\n");
    }
    buf_add_string(out, "</ul></div></content>\n");
}

static void add_story_id(const struct report_genre *genre, size_t cluster, struct buf *out)
{
    struct buf key = {0};
    buf_add_string(&key, genre->name);
    for (size_t i = 0; i < genre->evidence->n_sentences; i++) {
        if (genre->evidence->sentences[i].cluster != (int32_t)cluster) continue;
        buf_add_byte(&key, '\n');
        buf_add_string(&key, genre->evidence->sentences[i].text);
    }
    if (key.failed)
        out->failed = true;
    else
        add_id(out, &key);
    buf_free(&key);
}

static void add_entry(const struct report_run *run, const struct report_genre *genre,
                      const struct report_story *story, size_t index, struct buf *out)
{
    const recap_cluster *cluster = story->cluster;
    buf_add_string(out, "<entry>\n");
    add_story_id(genre, index, out);
    add_element(out, "title", story->title);
    add_updated(out, "updated", run->created_at);
    buf_add_string(out, "<category term=\"");
    report_add_text(out, genre->name);
    buf_add_string(out, "\" label=\"");
    report_add_text(out, report_genre_name(genre->name, false));
    buf_add_string(out, "\"/>\n");
    if (cluster->n_representatives) {
        const recap_sentence *s = &genre->evidence->sentences[cluster->representatives[0].sentence];
        const char *url = report_member(run, genre, s->article)->url;
        if (report_url_is_safe(url)) {
            buf_add_string(out, "<link rel=\"alternate\" href=\"");
            report_add_text(out, url);
            buf_add_string(out, "\"/>\n");
        }
    }
    add_sentences(run, genre, cluster, out);
    buf_add_string(out, "</entry>\n");
}

static void add_head(const struct report_run *run, struct buf *out)
{
    struct buf key = {0};
    buf_add_string(&key, "recap feed ");
    if (run->created_at) buf_add_string(&key, run->created_at);
    for (size_t i = 0; i < run->n_articles; i++) {
        buf_add_byte(&key, '\n');
        if (run->articles[i].id) buf_add_string(&key, run->articles[i].id);
    }
    buf_add_string(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<feed xmlns=\"http://www.w3.org/2005/Atom\">\n");
    if (key.failed)
        out->failed = true;
    else
        add_id(out, &key);
    buf_free(&key);
    add_element(out, "title", "Recap");
    add_updated(out, "updated", run->created_at);
    buf_add_string(out, "<author><name>Recap</name></author>\n");
    buf_printf(out, "<generator version=\"%s\">Recap</generator>\n", recap_version());
}

int report_atom(const struct report_run *run, struct buf *out, recap_error *error)
{
    struct report_facts facts;
    bool good = report_gather_facts(run, &facts);
    if (good) add_head(run, out);
    for (size_t g = 0; good && g < run->n_genres; g++) {
        const struct report_genre *genre = &run->genres[g];
        for (size_t c = 0; genre->evidence && c < genre->evidence->n_clusters; c++)
            if (facts.genres[g].stories[c].number)
                add_entry(run, genre, &facts.genres[g].stories[c], c, out);
    }
    if (good) buf_add_string(out, "</feed>\n");
    report_free_facts(&facts);
    return good && !out->failed ? RECAP_OK : fail_memory(error, out->n);
}
