/* What `recap run` prints at its end: the largest stories of each genre, what was left out, and the
 * run's numbers, in so many columns.
 *
 * Widths are those of a terminal: wide characters two, combining ones none. Nothing that an article
 * says reaches the terminal as a control sequence. */
#include "report_private.h"

#include <string.h>
#include <utf8proc.h>

enum { LEAST_WIDTH = 40, MANY_GENRES = 6, FEW_STORIES = 3, SOME_STORIES = 5, COUNT_COLUMN = 14 };

struct page {
    struct buf *out;
    size_t width;  /* columns that a line may have */
    size_t column; /* of the next character */
    bool color;
};

/* ---- one line ---- */

static void set_style(struct page *page, const char *code)
{
    if (page->color) buf_printf(page->out, "\033[%sm", code);
}

static void end_line(struct page *page)
{
    buf_add_byte(page->out, '\n');
    page->column = 0;
}

static size_t character_width(uint32_t c)
{
    int width = utf8proc_charwidth((utf8proc_int32_t)c);
    return width > 0 ? (size_t)width : 0;
}

static uint32_t next_printable(const char *text, size_t n, size_t *i)
{
    uint32_t c = utf8_next(text, n, i);
    if (c == UINT32_MAX) return 0xfffd;
    return report_is_control(c) ? ' ' : c;
}

static size_t text_width(const char *text)
{
    size_t width = 0, n = strlen(text);
    for (size_t i = 0; i < n;) width += character_width(next_printable(text, n, &i));
    return width;
}

/* As much of the text as fits before column `limit`; cut text ends in "…". */
static void put_within(struct page *page, const char *text, size_t limit)
{
    size_t n = strlen(text), room = limit > page->column ? limit - page->column : 0;
    bool cut = text_width(text) > room;
    if (room == 0) return;
    size_t used = 0;
    for (size_t i = 0; i < n;) {
        uint32_t c = next_printable(text, n, &i);
        if (used + character_width(c) > room - cut) break;
        used += character_width(c);
        buf_add_code_point(page->out, c);
    }
    if (cut) buf_add_string(page->out, "…");
    page->column += used + cut;
}

static void put(struct page *page, const char *text)
{
    put_within(page, text, page->width);
}

/* Starts a new line, indented, where the text would not fit. */
static void put_item(struct page *page, const char *text, bool first)
{
    if (!first && page->column + 2 + text_width(text) > page->width) {
        end_line(page);
        put(page, "  ");
    } else if (!first) {
        put(page, ", ");
    }
    put(page, text);
}

static void put_count(struct page *page, size_t n, const char *one, const char *many, bool first)
{
    char text[96];
    snprintf(text, sizeof text, "%zu %s", n, n == 1 ? one : many);
    put_item(page, text, first);
}

/* ---- parts ---- */

static void put_head(struct page *page, const struct report_run *run,
                     const struct report_facts *facts)
{
    int64_t first, last;
    struct buf window = {0};
    set_style(page, "1");
    put(page, "Recap");
    set_style(page, "0");
    if (report_window(run, facts, &first, &last)) {
        report_add_day(&window, first, true, false);
        buf_add_string(&window, " – ");
        report_add_day(&window, last, true, false);
        put(page, "  ");
        if (!window.failed) put(page, window.data);
        end_line(page);
    } else {
        put(page, "  ");
    }
    if (window.failed) page->out->failed = true;
    buf_free(&window);
    put_count(page, run->n_articles, "article", "articles", true);
    put_count(page, run->n_genres, "genre", "genres", false);
    put_count(page, facts->n_stories, "story", "stories", false);
    put_count(page, facts->n_sentences, "sentence", "sentences", false);
    end_line(page);
}

static void put_story(struct page *page, const struct report_story *story)
{
    char count[48];
    snprintf(count, sizeof count, "%4zu %s", story->n_articles,
             story->n_articles == 1 ? "article" : "articles");
    put(page, count);
    while (page->column < COUNT_COLUMN) put(page, " ");
    put(page, " ");
    put(page, story->title);
    end_line(page);
    if (!story->cluster->n_terms) return;
    put(page, "               ");
    set_style(page, "2");
    for (size_t t = 0; t < story->cluster->n_terms && page->column + 4 < page->width; t++) {
        if (t) put(page, " · ");
        put(page, story->cluster->terms[t]);
    }
    set_style(page, "0");
    end_line(page);
}

static void put_genre(struct page *page, const struct report_genre *genre,
                      const struct report_genre_facts *facts, size_t most)
{
    end_line(page);
    set_style(page, "1;36");
    put(page, report_genre_name(genre->name, false));
    set_style(page, "0");
    put(page, "  ");
    put_count(page, genre->n_articles, "article", "articles", true);
    put_count(page, facts->n_stories, "story", "stories", false);
    end_line(page);
    size_t shown = 0;
    if (facts->n_stories == most + 1) most++; /* one line for a story, not for its absence */
    for (size_t c = 0; c < genre->evidence->n_clusters; c++) {
        if (!facts->stories[c].number || shown == most) continue;
        put_story(page, &facts->stories[c]);
        shown++;
    }
    if (facts->n_stories > shown) {
        put(page, "     ");
        put_count(page, facts->n_stories - shown, "more story", "more stories", true);
        end_line(page);
    }
}

/* The genres that were listed, not clustered. */
static void put_small(struct page *page, const struct report_run *run)
{
    bool first = true;
    for (size_t g = 0; g < run->n_genres; g++) {
        if (run->genres[g].evidence) continue;
        struct buf text = {0};
        buf_printf(&text, "%s (%zu)", report_genre_name(run->genres[g].name, false),
                   run->genres[g].n_articles);
        if (first) put(page, "Too small to cluster: ");
        if (text.failed)
            page->out->failed = true;
        else
            put_item(page, text.data, first);
        first = false;
        buf_free(&text);
    }
    if (!first) end_line(page);
}

static void put_left_out(struct page *page, const struct report_run *run,
                         const struct report_facts *facts)
{
    const struct {
        size_t n;
        const char *one, *many;
    } lines[] = {
        {facts->n_duplicates, "repeated sentence", "repeated sentences"},
        {facts->n_noise + facts->n_single, "sentence in no story", "sentences in no story"},
        {run->n_unclustered, "article in a genre too small to cluster",
         "articles in genres too small to cluster"},
        {run->n_filtered, "article outside the dates", "articles outside the dates"},
        {run->n_refused, "article refused", "articles refused"},
    };
    bool first = true;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        if (!lines[i].n) continue;
        if (first) put(page, "Left out: ");
        put_count(page, lines[i].n, lines[i].one, lines[i].many, first);
        first = false;
    }
    if (!first) end_line(page);
}

static void put_numbers(struct page *page, const struct report_run *run)
{
    char text[64];
    bool first = true;
    const char *const names[] = {run->model, run->device};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (!names[i]) continue;
        put_item(page, names[i], first);
        first = false;
    }
    if (run->total_seconds > 0) {
        snprintf(text, sizeof text, "%.1f s", run->total_seconds);
        put_item(page, text, first);
        first = false;
    }
    if (!first) end_line(page);
}

int report_summary(const struct report_run *run, size_t width, bool color, struct buf *out,
                   recap_error *error)
{
    struct report_facts facts;
    struct page page = {out, width < LEAST_WIDTH ? LEAST_WIDTH : width, 0, color};
    bool good = report_gather_facts(run, &facts);
    if (good) {
        put_head(&page, run, &facts);
        size_t most = run->n_genres > MANY_GENRES ? FEW_STORIES : SOME_STORIES;
        for (size_t g = 0; g < run->n_genres; g++)
            if (run->genres[g].evidence) put_genre(&page, &run->genres[g], &facts.genres[g], most);
        end_line(&page);
        put_small(&page, run);
        put_left_out(&page, run, &facts);
        put_numbers(&page, run);
    }
    report_free_facts(&facts);
    return good && !out->failed ? RECAP_OK : fail_memory(error, out->n);
}
