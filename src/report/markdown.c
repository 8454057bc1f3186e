/* The stories as Markdown (CommonMark): headings by genre and story, representative sentences with
 * links to their articles, and the run's numbers.
 *
 * Whatever an article says is plain text: every character that could start markup or HTML is
 * escaped, line ends become blanks, and only safe addresses become links. */
#include "report_private.h"

#include <string.h>

/* Signs that always mean something, and those that do at the start of a line or an item only. */
static const char always[] = "\\`*_[]<>#|&~", at_start[] = "-+.:=)";

static void add_plain(struct buf *out, const char *text)
{
    size_t n = strlen(text);
    bool start = true; /* nothing yet but blanks and digits */
    for (size_t i = 0; i < n;) {
        uint32_t c = utf8_next(text, n, &i);
        if (c == UINT32_MAX) c = 0xfffd;
        if (report_is_control(c)) c = ' ';
        bool sign = c < 0x80 && (strchr(always, (int)c) || (start && strchr(at_start, (int)c)));
        if (sign) buf_add_byte(out, '\\');
        start = start && (c == ' ' || (c >= '0' && c <= '9'));
        buf_add_code_point(out, c);
    }
}

/* The target of a link in angle brackets. */
static void add_target(struct buf *out, const char *url)
{
    buf_add_byte(out, '<');
    for (; *url; url++) {
        if (strchr("<>\\\"`|", *url))
            buf_printf(out, "%%%02X", (unsigned char)*url);
        else
            buf_add_byte(out, *url);
    }
    buf_add_byte(out, '>');
}

static void add_source(struct buf *out, const recap_article *article)
{
    const char *title = report_is_blank(article->title) ? article->id : article->title;
    if (report_is_blank(title)) title = "?";
    buf_add_string(out, " — ");
    if (report_url_is_safe(article->url)) {
        buf_add_byte(out, '[');
        add_plain(out, title);
        buf_add_string(out, "](");
        add_target(out, article->url);
        buf_add_byte(out, ')');
    } else {
        add_plain(out, title);
    }
    int64_t day;
    if (!report_parse_day(article->published_at, &day)) return;
    buf_add_string(out, ", ");
    report_add_day(out, day, false, false);
}

static void add_sentences(const struct report_run *run, const struct report_genre *genre,
                          const recap_cluster *cluster, struct buf *out)
{
    for (size_t r = 0; r < cluster->n_representatives; r++) {
        const recap_sentence *s = &genre->evidence->sentences[cluster->representatives[r].sentence];
        buf_add_string(out, "- ");
        add_plain(out, s->text);
        add_source(out, report_member(run, genre, s->article));
        buf_add_byte(out, '\n');
    }
    buf_add_byte(out, '\n');
}

static void add_story(const struct report_run *run, const struct report_genre *genre,
                      const struct report_story *story, size_t number, struct buf *out)
{
    const recap_cluster *cluster = story->cluster;
    buf_printf(out, "### %zu\\. ", number);
    add_plain(out, story->title);
    buf_printf(out, "\n\n%zu article%s, %zu sentence%s", story->n_articles,
               story->n_articles == 1 ? "" : "s", cluster->size, cluster->size == 1 ? "" : "s");
    if (story->n_days) buf_printf(out, ", %zu day%s", story->n_days, story->n_days == 1 ? "" : "s");
    for (size_t t = 0; t < cluster->n_terms; t++) {
        buf_add_string(out, t ? ", *" : " · *");
        add_plain(out, cluster->terms[t]);
        buf_add_byte(out, '*');
    }
    buf_add_string(out, "\n\n");
    add_sentences(run, genre, cluster, out);
}

static void add_genre(const struct report_run *run, const struct report_genre *genre,
                      const struct report_genre_facts *facts, struct buf *out)
{
    buf_add_string(out, "## ");
    add_plain(out, report_genre_name(genre->name, false));
    buf_printf(out, "\n\n%zu article%s\n\n", genre->n_articles, genre->n_articles == 1 ? "" : "s");
    if (!genre->evidence) return;
    for (size_t c = 0; c < genre->evidence->n_clusters; c++) {
        const struct report_story *story = &facts->stories[c];
        if (story->number) add_story(run, genre, story, story->number, out);
    }
    if (facts->n_noise + facts->n_single)
        buf_printf(out, "In no story: %zu sentence%s.\n\n", facts->n_noise + facts->n_single,
                   facts->n_noise + facts->n_single == 1 ? "" : "s");
}

static void add_head(const struct report_run *run, const struct report_facts *facts,
                     struct buf *out)
{
    int64_t first, last;
    buf_add_string(out, "# Recap");
    if (report_window(run, facts, &first, &last)) {
        buf_add_string(out, ", ");
        report_add_day(out, first, true, false);
        buf_add_string(out, " – ");
        report_add_day(out, last, true, false);
    }
    buf_printf(out, "\n\n%zu articles, %zu genres, %zu stories, %zu sentences.\n\n",
               run->n_articles, run->n_genres, facts->n_stories, facts->n_sentences);
}

int report_markdown(const struct report_run *run, struct buf *out, recap_error *error)
{
    struct report_facts facts;
    bool good = report_gather_facts(run, &facts);
    if (good) add_head(run, &facts, out);
    for (size_t g = 0; good && g < run->n_genres; g++)
        add_genre(run, &run->genres[g], &facts.genres[g], out);
    if (good)
        buf_printf(out,
                   "---\n\nLeft out: %zu repeated sentences, %zu articles refused, %zu outside the "
                   "dates, %zu in genres too small to cluster.\n",
                   facts.n_duplicates, run->n_refused, run->n_filtered, run->n_unclustered);
    report_free_facts(&facts);
    return good && !out->failed ? RECAP_OK : fail_memory(error, out->n);
}
