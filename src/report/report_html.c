/* report.html: one file for readers, without network, that needs no script.
 *
 *   head       content policy: nothing but this file's own style and script, by their hashes
 *   masthead   the window, the run's counts, its timeline
 *   top        the largest stories of all genres
 *   genres     html_genre.c
 *   left out   what is not in the stories, and why
 *   run        numbers and settings
 *
 * The page's own words are English or Japanese; an article's are marked with their language.
 * Style and script are files in assets/, embedded at build time. */
#include "html_private.h"

#include <stdlib.h>
#include <string.h>

#include "assets_report.h"

enum { TOP_STORIES = 9, LISTED_ARTICLES = 100 };

/* ---- words ---- */

const char *html_say(const struct html_page *page, const char *english, const char *japanese)
{
    return page->japanese ? japanese : english;
}

void html_add_count(const struct html_page *page, size_t n, const char *one, const char *many,
                    const char *japanese)
{
    if (page->japanese)
        buf_printf(page->out, "<b>%zu</b>%s", n, japanese);
    else
        buf_printf(page->out, "<b>%zu</b> %s", n, n == 1 ? one : many);
}

void html_add_articles(const struct html_page *page, size_t n)
{
    html_add_count(page, n, "article", "articles", "記事");
}

void html_add_sentences(const struct html_page *page, size_t n)
{
    html_add_count(page, n, "sentence", "sentences", "文");
}

static void add_say(const struct html_page *page, const char *english, const char *japanese)
{
    buf_add_string(page->out, html_say(page, english, japanese));
}

/* A dt with its dd. */
static void add_fact(const struct html_page *page, const char *english, const char *japanese,
                     const char *value)
{
    if (report_is_blank(value)) return;
    buf_printf(page->out, "<dt>%s</dt><dd>", html_say(page, english, japanese));
    report_add_text(page->out, value);
    buf_add_string(page->out, "</dd>\n");
}

static void add_seconds(const struct html_page *page, const char *english, const char *japanese,
                        double seconds)
{
    char text[48];
    if (!(seconds > 0)) return;
    snprintf(text, sizeof text, seconds < 10 ? "%.2f s" : "%.1f s", seconds);
    add_fact(page, english, japanese, text);
}

void html_add_source(const struct html_page *page, const recap_article *article,
                     const char *language)
{
    struct buf *out = page->out;
    bool safe = report_url_is_safe(article->url);
    const char *title = report_is_blank(article->title) ? article->id : article->title;
    if (report_is_blank(title)) title = html_say(page, "untitled", "無題");
    buf_add_string(out, "<cite");
    report_add_lang(out, language);
    buf_add_byte(out, '>');
    if (safe) {
        buf_add_string(out, "<a rel=\"noreferrer\" href=\"");
        report_add_text(out, article->url);
        buf_add_string(out, "\">");
    }
    report_add_text_cut(out, title, 120);
    buf_add_string(out, safe ? "</a></cite>" : "</cite>");
    if (safe) {
        struct view host = report_url_host(article->url);
        char *name = copy_bytes(host.data, host.n);
        if (!name) out->failed = true;
        buf_add_string(out, "<span class=\"host\">");
        report_add_text_cut(out, name, 40);
        buf_add_string(out, "</span>");
        free(name);
    }
    int64_t day;
    if (!report_parse_day(article->published_at, &day)) return;
    buf_add_string(out, "<time datetime=\"");
    buf_add(out, article->published_at, 10);
    buf_add_string(out, "\">");
    report_add_day(out, day, false, page->japanese);
    buf_add_string(out, "</time>");
}

/* ---- head ---- */

/* "16 – 22 Nov 2026": what both days share is said once. */
static void add_window(const struct html_page *page)
{
    int64_t first, last, first_year, last_year;
    int first_month, last_month, first_date, last_date;
    if (!report_window(page->run, page->facts, &first, &last)) return;
    report_civil_day(first, &first_year, &first_month, &first_date);
    report_civil_day(last, &last_year, &last_month, &last_date);
    bool same_year = first_year == last_year, same_month = same_year && first_month == last_month;
    if (first == last) {
        report_add_day(page->out, first, true, page->japanese);
    } else if (page->japanese) {
        report_add_day(page->out, first, true, true);
        buf_add_string(page->out, "〜");
        if (same_month)
            buf_printf(page->out, "%d日", last_date);
        else
            report_add_day(page->out, last, !same_year, true);
    } else {
        if (same_month)
            buf_printf(page->out, "%d", first_date);
        else
            report_add_day(page->out, first, !same_year, false);
        buf_add_string(page->out, " – ");
        report_add_day(page->out, last, true, false);
    }
}

static void add_head(const struct html_page *page)
{
    struct buf *out = page->out;
    buf_printf(out, "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n",
               html_say(page, "en", "ja"));
    buf_add_string(out,
                   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                   "style-src 'sha256-" REPORT_STYLE_SHA256 "'; script-src "
                   "'sha256-" REPORT_SCRIPT_SHA256 "'; img-src data:; base-uri 'none'; "
                   "form-action 'none'\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                   "<meta name=\"color-scheme\" content=\"light dark\">\n"
                   "<meta name=\"referrer\" content=\"no-referrer\">\n"
                   "<meta name=\"robots\" content=\"noindex\">\n");
    buf_printf(out, "<meta name=\"generator\" content=\"Recap %s\">\n<title>Recap · ",
               recap_version());
    add_window(page);
    buf_add_string(out, "</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>");
    buf_add(out, report_style, sizeof report_style - 1);
    buf_add_string(out, "</style>\n</head>\n<body>\n");
    buf_printf(out, "<a class=\"skip\" href=\"#main\">%s</a>\n",
               html_say(page, "Skip to the stories", "本文へ"));
}

static void add_masthead(const struct html_page *page)
{
    struct buf *out = page->out;
    buf_add_string(out, "<header class=\"masthead\">\n<div><p class=\"brand\">Recap</p>\n<h1>");
    add_window(page);
    buf_add_string(out, "</h1>\n<p class=\"counts\"><span>");
    html_add_articles(page, page->run->n_articles);
    buf_add_string(out, "</span><span>");
    html_add_count(page, page->run->n_genres, "genre", "genres", "ジャンル");
    buf_add_string(out, "</span><span>");
    html_add_count(page, page->facts->n_stories, "story", "stories", "の話題");
    buf_add_string(out, "</span><span>");
    html_add_sentences(page, page->facts->n_sentences);
    buf_add_string(out, "</span></p></div>\n");
    if (page->facts->dated) {
        buf_printf(out, "<figure><figcaption>%s</figcaption>",
                   html_say(page, "Articles by day", "日ごとの記事数"));
        report_add_timeline(page->facts, page->facts->bins, page->japanese,
                            html_say(page, "Articles by day", "日ごとの記事数"), out);
        buf_add_string(out, "</figure>\n");
    }
    buf_add_string(out, "</header>\n");
}

static void add_navigation(const struct html_page *page)
{
    struct buf *out = page->out;
    if (!page->run->n_genres) return;
    buf_printf(out, "<nav aria-label=\"%s\"><ul>\n", html_say(page, "Genres", "ジャンル"));
    for (size_t g = 0; g < page->run->n_genres; g++) {
        buf_printf(out, "<li><a href=\"#g%zu\">", g + 1);
        report_add_text(out, report_genre_name(page->run->genres[g].name, page->japanese));
        buf_printf(out, " <small>%zu</small></a></li>\n", page->run->genres[g].n_articles);
    }
    buf_add_string(out, "</ul>");
    /* Shown by the script, which alone can use it. */
    buf_printf(out,
               "<input id=\"filter\" type=\"search\" hidden placeholder=\"%s\" aria-label=\"%s\">",
               html_say(page, "Filter stories", "話題を絞り込む"),
               html_say(page, "Filter stories", "話題を絞り込む"));
    buf_add_string(out, "</nav>\n");
}

/* ---- the largest stories ---- */

struct place {
    size_t genre, cluster, articles, size;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->articles != y->articles) return x->articles > y->articles ? -1 : 1;
    if (x->size != y->size) return x->size > y->size ? -1 : 1;
    if (x->genre != y->genre) return x->genre < y->genre ? -1 : 1;
    return (x->cluster > y->cluster) - (x->cluster < y->cluster);
}

static size_t list_stories(const struct html_page *page, struct place *places)
{
    size_t n = 0;
    for (size_t g = 0; g < page->run->n_genres; g++) {
        const recap_evidence *evidence = page->run->genres[g].evidence;
        for (size_t c = 0; evidence && c < evidence->n_clusters; c++) {
            const struct report_story *story = &page->facts->genres[g].stories[c];
            if (!story->number) continue;
            places[n++] = (struct place){g, c, story->n_articles, story->cluster->size};
        }
    }
    qsort(places, n, sizeof *places, compare_places);
    return n;
}

static void add_top_story(const struct html_page *page, const struct place *place)
{
    struct buf *out = page->out;
    const struct report_story *story = &page->facts->genres[place->genre].stories[place->cluster];
    buf_printf(out, "<li><a href=\"#g%zu-s%zu\"><span class=\"kicker\">", place->genre + 1,
               story->number);
    report_add_text(out, report_genre_name(page->run->genres[place->genre].name, page->japanese));
    buf_add_string(out, "</span><strong");
    report_add_lang(out, story->language);
    buf_add_byte(out, '>');
    report_add_text_cut(out, story->title, 90);
    buf_add_string(out, "</strong><span class=\"meta\"><span>");
    html_add_articles(page, story->n_articles);
    buf_add_string(out, "</span></span>");
    report_add_spark(page->facts, story->bins, html_say(page, "Articles by day", "日ごとの記事数"),
                     out);
    buf_add_string(out, "</a></li>\n");
}

static void add_top(const struct html_page *page)
{
    if (page->facts->n_stories < 2) return;
    struct place *places = new_array(page->facts->n_stories, sizeof *places);
    if (!places) {
        page->out->failed = true;
        return;
    }
    size_t n = list_stories(page, places);
    buf_printf(page->out, "<section class=\"top\"><h2>%s</h2><ol>\n",
               html_say(page, "Largest stories", "大きな話題"));
    for (size_t i = 0; i < n && i < TOP_STORIES; i++) add_top_story(page, &places[i]);
    buf_add_string(page->out, "</ol></section>\n");
    free(places);
}

/* ---- what was left out ---- */

static void add_left_row(const struct html_page *page, size_t g)
{
    struct buf *out = page->out;
    const recap_evidence *evidence = page->run->genres[g].evidence;
    const struct report_genre_facts *facts = &page->facts->genres[g];
    if (!evidence) return;
    size_t unused = page->run->genres[g].n_articles - evidence->n_articles_used;
    if (evidence->n_articles_used > page->run->genres[g].n_articles) unused = 0;
    buf_add_string(out, "<tr><th scope=\"row\">");
    report_add_text(out, report_genre_name(page->run->genres[g].name, page->japanese));
    buf_printf(out, "</th><td>%zu</td><td>%zu</td><td>%zu</td><td>%zu</td><td>",
               evidence->n_sentences, evidence->dedup_pairs, facts->n_noise + facts->n_single,
               unused);
    if (evidence->partial) add_say(page, "sentence limit", "文数の上限");
    if (evidence->partial && evidence->token_limited) buf_add_string(out, ", ");
    if (evidence->token_limited) add_say(page, "token budget", "トークンの上限");
    if (!evidence->partial && !evidence->token_limited) buf_add_string(out, "–");
    buf_add_string(out, "</td></tr>\n");
}

static void add_left_table(const struct html_page *page)
{
    static const char *const heads[][2] = {{"Genre", "ジャンル"},
                                           {"Sentences", "文"},
                                           {"Repeated", "重複"},
                                           {"In no story", "話題なし"},
                                           {"Articles unused", "未使用の記事"},
                                           {"Cut by", "打ち切り"}};
    buf_add_string(page->out, "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr>");
    for (size_t i = 0; i < COUNT_OF(heads); i++)
        buf_printf(page->out, "<th scope=\"col\">%s</th>",
                   html_say(page, heads[i][0], heads[i][1]));
    buf_add_string(page->out, "</tr></thead><tbody>\n");
    for (size_t g = 0; g < page->run->n_genres; g++) add_left_row(page, g);
    buf_add_string(page->out, "</tbody></table></div>\n");
}

/* Articles in no genre that was clustered. */
static void add_unplaced(const struct html_page *page)
{
    const struct report_run *run = page->run;
    size_t n = 0, shown = 0;
    for (size_t i = 0; i < run->n_articles; i++) n += !page->facts->placed[i];
    if (!n) return;
    buf_printf(
        page->out, "<details><summary>%s (%zu)</summary><ul class=\"plain\">\n",
        html_say(page, "Articles in genres too small to cluster", "記事が少なく分類だけのもの"), n);
    for (size_t i = 0; i < run->n_articles && shown < LISTED_ARTICLES; i++) {
        if (page->facts->placed[i]) continue;
        buf_add_string(page->out, "<li>");
        html_add_source(page, &run->articles[i], run->articles[i].language);
        buf_add_string(page->out, "</li>\n");
        shown++;
    }
    buf_add_string(page->out, "</ul>");
    if (n > shown) buf_printf(page->out, "<p class=\"note\">+%zu</p>", n - shown);
    buf_add_string(page->out, "</details>\n");
}

static void add_left_out(const struct html_page *page)
{
    const struct report_run *run = page->run;
    struct buf *out = page->out;
    buf_printf(out, "<section class=\"left\" id=\"left-out\"><h2>%s</h2>\n<ul class=\"facts\">",
               html_say(page, "What was left out", "含まれなかったもの"));
    const struct {
        size_t n;
        const char *english, *japanese;
    } lines[] = {
        {run->n_refused, "refused as unreadable or incomplete", "は読めない・不完全のため除外"},
        {run->n_filtered, "outside the dates or genres asked for", "は指定の期間・ジャンルの外"},
        {run->n_unclustered, "in genres of fewer than three articles: listed, not clustered",
         "は3記事に満たないジャンルのもの（一覧のみ）"},
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        if (!lines[i].n) continue;
        buf_add_string(out, "<li>");
        html_add_articles(page, lines[i].n);
        buf_printf(out, "%s%s</li>\n", html_say(page, " ", ""),
                   html_say(page, lines[i].english, lines[i].japanese));
    }
    buf_add_string(out, "<li>");
    html_add_sentences(page, page->facts->n_duplicates);
    add_say(page, " said the same as an earlier one", "は先に出た文と同じ内容");
    buf_add_string(out, "</li>\n<li>");
    html_add_sentences(page, page->facts->n_noise + page->facts->n_single);
    add_say(page, " belong to no story", "はどの話題にも属さない");
    buf_add_string(out, "</li></ul>\n");
    add_unplaced(page);
    add_left_table(page);
    buf_add_string(out, "</section>\n");
}

/* ---- the run ---- */

static void add_score_row(const struct html_page *page, size_t g)
{
    struct buf *out = page->out;
    const recap_evidence *evidence = page->run->genres[g].evidence;
    if (!evidence) return;
    const recap_search_result *search = &evidence->search;
    buf_add_string(out, "<tr><th scope=\"row\">");
    report_add_text(out, report_genre_name(page->run->genres[g].name, page->japanese));
    buf_printf(out, "</th><td>%zu</td>", page->facts->genres[g].n_stories);
    if (search->silhouette_known)
        buf_printf(out, "<td>%.3f</td>", search->silhouette);
    else
        buf_add_string(out, "<td>–</td>");
    if (search->dbcv_known)
        buf_printf(out, "<td>%.3f</td>", search->dbcv);
    else
        buf_add_string(out, "<td>–</td>");
    if (evidence->noise_known)
        buf_printf(out, "<td>%.0f %%</td>", 100 * evidence->noise_ratio);
    else
        buf_add_string(out, "<td>–</td>");
    if (evidence->total_seconds > 0)
        buf_printf(out, "<td>%.2f s</td>", evidence->total_seconds);
    else
        buf_add_string(out, "<td>–</td>");
    buf_add_string(out, "</tr>\n");
}

static void add_score_table(const struct html_page *page)
{
    static const char *const heads[][2] = {{"Genre", "ジャンル"},        {"Stories", "話題"},
                                           {"Silhouette", "シルエット"}, {"DBCV", "DBCV"},
                                           {"Noise", "ノイズ"},          {"Time", "時間"}};
    buf_add_string(page->out, "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr>");
    for (size_t i = 0; i < COUNT_OF(heads); i++)
        buf_printf(page->out, "<th scope=\"col\">%s</th>",
                   html_say(page, heads[i][0], heads[i][1]));
    buf_add_string(page->out, "</tr></thead><tbody>\n");
    for (size_t g = 0; g < page->run->n_genres; g++) add_score_row(page, g);
    buf_add_string(page->out, "</tbody></table></div>\n");
}

static void add_settings(const struct html_page *page)
{
    if (!page->run->n_settings) return;
    buf_printf(page->out, "<details><summary>%s</summary><dl class=\"settings\">\n",
               html_say(page, "Settings", "設定"));
    for (size_t i = 0; i < page->run->n_settings; i++) {
        buf_add_string(page->out, "<dt>");
        report_add_text(page->out, page->run->settings[i].name);
        buf_add_string(page->out, "</dt><dd>");
        report_add_text(page->out, page->run->settings[i].value);
        buf_add_string(page->out, "</dd>\n");
    }
    buf_add_string(page->out, "</dl></details>\n");
}

static void add_run(const struct html_page *page)
{
    const struct report_run *run = page->run;
    buf_printf(page->out, "<section class=\"run\" id=\"run\"><h2>%s</h2>\n<dl>",
               html_say(page, "About this run", "この実行について"));
    add_fact(page, "Made", "作成", run->created_at);
    add_fact(page, "Embedder", "埋め込みモデル", run->model);
    add_fact(page, "Identity", "モデルの識別子", run->model_identity);
    add_fact(page, "Genres by", "ジャンルの判定", run->classifier);
    add_fact(page, "Device", "装置", run->device);
    add_seconds(page, "Loading", "読み込み", run->load_seconds);
    add_seconds(page, "Classifying", "分類", run->classify_seconds);
    add_seconds(page, "Embedding", "埋め込み", run->embed_seconds);
    add_seconds(page, "Clustering", "クラスタリング", run->cluster_seconds);
    add_seconds(page, "In all", "全体", run->total_seconds);
    buf_add_string(page->out, "</dl>\n");
    add_score_table(page);
    add_settings(page);
    buf_printf(page->out, "<p class=\"note\">Recap %s</p></section>\n", recap_version());
}

/* ---- the page ---- */

static void add_page(const struct html_page *page)
{
    add_head(page);
    add_masthead(page);
    add_navigation(page);
    buf_add_string(page->out, "<main id=\"main\">\n");
    add_top(page);
    if (!page->run->n_genres)
        buf_printf(page->out, "<p class=\"note\">%s</p>\n",
                   html_say(page, "There was nothing to cluster.", "まとめる記事がありません。"));
    for (size_t g = 0; g < page->run->n_genres; g++) html_add_genre(page, g);
    add_left_out(page);
    add_run(page);
    buf_add_string(page->out, "</main>\n<script>");
    buf_add(page->out, report_script, sizeof report_script - 1);
    buf_add_string(page->out, "</script>\n</body>\n</html>\n");
}

int report_html(const struct report_run *run, struct buf *out, recap_error *error)
{
    struct report_facts facts;
    bool good = report_gather_facts(run, &facts);
    struct html_page page = {out, run, &facts, false};
    page.japanese = run->language ? strcmp(run->language, "ja") == 0 : report_mostly_japanese(run);
    if (good) add_page(&page);
    report_free_facts(&facts);
    return good && !out->failed ? RECAP_OK : fail_memory(error, out->n);
}
