/* One genre of the HTML report: its stories with their sentences, and beside them its map, timeline
 * and highlights. Anchors are numbers (g1, g1-s1): nothing of an article's is in an id. */
#include "html_private.h"

#include <string.h>

enum { SHOWN_SENTENCES = 3, LISTED_SENTENCES = 60, SHOWN_SINGLES = 30 };

static void add_quote(const struct html_page *page, const struct report_genre *genre, size_t index)
{
    struct buf *out = page->out;
    const recap_sentence *sentence = &genre->evidence->sentences[index];
    buf_add_string(out, "<li><p");
    report_add_lang(out, sentence->language);
    buf_add_byte(out, '>');
    report_add_text(out, sentence->text);
    buf_add_string(out, "</p><p class=\"source\">");
    html_add_source(page, report_member(page->run, genre, sentence->article), sentence->language);
    buf_add_string(out, "</p></li>\n");
}

static void add_terms(const struct html_page *page, const recap_cluster *cluster)
{
    if (!cluster->n_terms) return;
    buf_add_string(page->out, "<ul class=\"terms\">");
    for (size_t t = 0; t < cluster->n_terms; t++) {
        buf_add_string(page->out, "<li>");
        report_add_text(page->out, cluster->terms[t]);
        buf_add_string(page->out, "</li>");
    }
    buf_add_string(page->out, "</ul>\n");
}

static bool is_representative(const recap_cluster *cluster, size_t sentence)
{
    for (size_t r = 0; r < cluster->n_representatives; r++)
        if (cluster->representatives[r].sentence == sentence) return true;
    return false;
}

/* The representatives that are not shown, then the other sentences of the cluster. */
static void add_rest(const struct html_page *page, const struct report_genre *genre, size_t c,
                     size_t shown)
{
    const recap_cluster *cluster = &genre->evidence->clusters[c];
    size_t listed = shown;
    if (cluster->size <= shown) return;
    buf_printf(page->out, "<details><summary>%s</summary><ul class=\"quotes\">\n",
               html_say(page, "All sentences", "すべての文"));
    for (size_t r = shown; r < cluster->n_representatives; r++, listed++)
        add_quote(page, genre, cluster->representatives[r].sentence);
    for (size_t s = 0; s < genre->evidence->n_sentences && listed < LISTED_SENTENCES; s++) {
        if (genre->evidence->sentences[s].cluster != (int32_t)c || is_representative(cluster, s))
            continue;
        add_quote(page, genre, s);
        listed++;
    }
    buf_add_string(page->out, "</ul>\n");
    if (cluster->size > listed)
        buf_printf(page->out, "<p class=\"note\">%s: %zu (evidence.json)</p>",
                   html_say(page, "Not shown", "省略した文"), cluster->size - listed);
    buf_add_string(page->out, "</details>\n");
}

static void add_days(const struct html_page *page, const struct report_story *story)
{
    struct buf *out = page->out;
    if (!story->n_days) return;
    buf_add_string(out, "<span>");
    report_add_day(out, story->first_day, false, page->japanese);
    if (story->last_day > story->first_day) {
        buf_add_string(out, " – ");
        report_add_day(out, story->last_day, false, page->japanese);
        buf_add_string(out, html_say(page, ", ", "、"));
        html_add_count(page, story->n_days, "day", "days", "日間");
    }
    buf_add_string(out, "</span>");
}

static void add_story(const struct html_page *page, size_t g, size_t c)
{
    struct buf *out = page->out;
    const struct report_genre *genre = &page->run->genres[g];
    const struct report_story *story = &page->facts->genres[g].stories[c];
    const recap_cluster *cluster = story->cluster;
    buf_printf(out,
               "<article class=\"story\" id=\"g%zu-s%zu\">\n<header><span class=\"number b%zu\" "
               "aria-hidden=\"true\">%zu</span><h3",
               g + 1, story->number, (story->number - 1) % REPORT_COLORS, story->number);
    report_add_lang(out, story->language);
    buf_add_byte(out, '>');
    report_add_text_cut(out, story->title, 160);
    buf_add_string(out, "</h3>");
    report_add_spark(page->facts, story->bins, html_say(page, "Articles by day", "日ごとの記事数"),
                     out);
    buf_add_string(out, "</header>\n<p class=\"meta\"><span>");
    html_add_articles(page, story->n_articles);
    buf_add_string(out, "</span><span>");
    html_add_sentences(page, cluster->size);
    buf_add_string(out, "</span>");
    add_days(page, story);
    if (story->n_japanese && story->n_english)
        buf_printf(out, "<span>%s</span>", html_say(page, "Japanese and English", "日本語と英語"));
    buf_add_string(out, "</p>\n");
    add_terms(page, cluster);
    buf_add_string(out, "<ul class=\"quotes\">\n");
    size_t shown = 0;
    for (; shown < cluster->n_representatives && shown < SHOWN_SENTENCES; shown++)
        add_quote(page, genre, cluster->representatives[shown].sentence);
    buf_add_string(out, "</ul>\n");
    add_rest(page, genre, c, shown);
    buf_add_string(out, "</article>\n");
}

/* An article that no other joined: its best sentence speaks for it. */
static bool add_single(const struct html_page *page, const struct report_genre *genre,
                       const struct report_story *story)
{
    if (story->number || story->cluster->id < 0 || !story->cluster->n_representatives) return false;
    add_quote(page, genre, story->cluster->representatives[0].sentence);
    return true;
}

/* Articles that stand alone, and sentences of the noise group. */
static void add_unjoined(const struct html_page *page, size_t g)
{
    const struct report_genre *genre = &page->run->genres[g];
    const struct report_genre_facts *facts = &page->facts->genres[g];
    const recap_evidence *evidence = genre->evidence;
    size_t shown = 0;
    if (!facts->n_noise && !facts->n_single) return;
    buf_printf(page->out, "<details class=\"unjoined\"%s><summary>%s <small>",
               facts->n_stories ? "" : " open",
               html_say(page, "In no story", "話題にまとまらなかったもの"));
    html_add_sentences(page, facts->n_noise + facts->n_single);
    buf_add_string(page->out, "</small></summary><ul class=\"quotes\">\n");
    for (size_t c = 0; c < evidence->n_clusters && shown < SHOWN_SINGLES; c++)
        shown += add_single(page, genre, &facts->stories[c]);
    for (size_t s = 0; s < evidence->n_sentences && shown < SHOWN_SINGLES; s++) {
        int32_t c = evidence->sentences[s].cluster;
        if (c < 0 || evidence->clusters[c].id >= 0) continue;
        add_quote(page, genre, s);
        shown++;
    }
    buf_add_string(page->out, "</ul>\n");
    if (shown == SHOWN_SINGLES)
        buf_printf(page->out, "<p class=\"note\">%s</p>",
                   html_say(page, "All are in evidence.json.", "全文は evidence.json にある。"));
    buf_add_string(page->out, "</details>\n");
}

static void add_highlights(const struct html_page *page, const struct report_genre *genre)
{
    if (!genre->evidence->n_highlights) return;
    buf_printf(page->out,
               "<details class=\"highlights\"><summary>%s</summary><ul class=\"quotes\">\n",
               html_say(page, "Highlights of the genre", "このジャンルの要点"));
    for (size_t i = 0; i < genre->evidence->n_highlights; i++)
        add_quote(page, genre, genre->evidence->highlights[i].sentence);
    buf_add_string(page->out, "</ul></details>\n");
}

/* Map, timeline and highlights, beside the stories on wide screens. */
static void add_aside(const struct html_page *page, size_t g)
{
    const struct report_genre *genre = &page->run->genres[g];
    const struct report_genre_facts *facts = &page->facts->genres[g];
    buf_add_string(page->out, "<aside>\n");
    if (facts->mapped) {
        const char *label = html_say(page, "Sentences by meaning", "文の意味の地図");
        buf_printf(page->out, "<figure><figcaption>%s</figcaption>", label);
        report_add_map(page->run, page->facts, g, label, page->out);
        buf_add_string(page->out, "</figure>\n");
    }
    if (page->facts->n_bins > 1) {
        const char *label = html_say(page, "Articles by day", "日ごとの記事数");
        buf_printf(page->out, "<figure><figcaption>%s</figcaption>", label);
        report_add_timeline(page->facts, facts->bins, page->japanese, label, page->out);
        buf_add_string(page->out, "</figure>\n");
    }
    add_highlights(page, genre);
    buf_add_string(page->out, "</aside>\n");
}

static void add_article_list(const struct html_page *page, const struct report_genre *genre)
{
    buf_add_string(page->out, "<ul class=\"plain\">\n");
    for (size_t i = 0; i < genre->n_articles; i++) {
        const recap_article *article = report_member(page->run, genre, i);
        buf_add_string(page->out, "<li>");
        html_add_source(page, article, article->language);
        buf_add_string(page->out, "</li>\n");
    }
    buf_add_string(page->out, "</ul>\n");
}

void html_add_genre(const struct html_page *page, size_t g)
{
    struct buf *out = page->out;
    const struct report_genre *genre = &page->run->genres[g];
    buf_printf(out, "<section class=\"genre\" id=\"g%zu\">\n<header><h2>", g + 1);
    report_add_text(out, report_genre_name(genre->name, page->japanese));
    buf_add_string(out, "</h2><p class=\"meta\"><span>");
    html_add_articles(page, genre->n_articles);
    buf_add_string(out, "</span>");
    if (genre->evidence) {
        buf_add_string(out, "<span>");
        html_add_count(page, page->facts->genres[g].n_stories, "story", "stories", "の話題");
        buf_add_string(out, "</span>");
    }
    buf_add_string(out, "</p></header>\n<div class=\"columns\"><div class=\"stories\">\n");
    for (size_t c = 0; genre->evidence && c < genre->evidence->n_clusters; c++)
        if (page->facts->genres[g].stories[c].number) add_story(page, g, c);
    if (genre->evidence)
        add_unjoined(page, g);
    else
        add_article_list(page, genre);
    buf_add_string(out, "</div>\n");
    if (genre->evidence) add_aside(page, g);
    buf_add_string(out, "</div></section>\n");
}
