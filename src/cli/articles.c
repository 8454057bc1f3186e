/* Articles from files, standard input and addresses.
 *
 * What an input is, is told by its first characters, then by its name: '<' begins a feed or HTML,
 * '[' an array of articles, '{' JSON Lines, a single article or a JSON Feed; .html and .txt are one
 * article each; anything else is read as JSON Lines. An article is checked whole: a bad one is told
 * by input, line and reason, counted, and left out. A text's blank lines part its paragraphs. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "input.h"
#include "text/text.h"

/* ---- adding one ---- */

int articles_refuse(struct articles *articles, const char *where, const char *reason,
                    recap_error *error)
{
    recap_error whole;
    fail(&whole, RECAP_ERROR_INPUT, "%s: %s", where, reason);
    if (articles->strict) return fail(error, RECAP_ERROR_INPUT, "%s", whole.message);
    articles->n_refused++;
    if (articles->refused) articles->refused(articles->refused_data, whole.message);
    return RECAP_OK;
}

static struct view trim(struct view text)
{
    static const char ideographic[] = "\xE3\x80\x80"; /* U+3000 */
    for (;;) {
        if (text.n && strchr(" \t\r\n", text.data[0]) && text.data[0])
            text = (struct view){text.data + 1, text.n - 1};
        else if (text.n >= 3 && memcmp(text.data, ideographic, 3) == 0)
            text = (struct view){text.data + 3, text.n - 3};
        else
            break;
    }
    while (text.n) {
        if (strchr(" \t\r\n", text.data[text.n - 1]) && text.data[text.n - 1])
            text.n--;
        else if (text.n >= 3 && memcmp(text.data + text.n - 3, ideographic, 3) == 0)
            text.n -= 3;
        else
            break;
    }
    return text;
}

/* A copy in the arena; NULL for an empty view. Sets *failed where memory ran out. */
static const char *keep(struct articles *articles, struct view text, bool *failed)
{
    text = trim(text);
    if (text.n == 0) return NULL;
    const char *copy = arena_copy(&articles->arena, text.data, text.n);
    if (!copy) *failed = true;
    return copy;
}

/* Entities and tags that were written as text are put right on the way. */
static const char *keep_clean(struct articles *articles, struct view text, bool *failed)
{
    struct buf clean = {0};
    if (!text.n || (!memchr(text.data, '&', text.n) && !memchr(text.data, '<', text.n)))
        return keep(articles, text, failed);
    text_unescape(text, &clean);
    if (clean.failed) *failed = true;
    const char *copy = clean.n ? keep(articles, (struct view){clean.data, clean.n}, failed) : NULL;
    buf_free(&clean);
    return copy;
}

/* The next run of lines between blank lines, or (`by_line`) the next line. */
static bool next_paragraph(struct view *rest, bool by_line, struct view *paragraph)
{
    const char *at = rest->data, *end = rest->data + rest->n;
    const char *stop = end;
    for (const char *c = at; c < end; c++) {
        if (*c != '\n') continue;
        if (by_line) {
            stop = c;
            break;
        }
        const char *d = c + 1;
        while (d < end && (*d == ' ' || *d == '\t' || *d == '\r')) d++;
        if (d == end || *d != '\n') continue;
        stop = c;
        break;
    }
    *paragraph = trim((struct view){at, (size_t)(stop - at)});
    *rest = (struct view){stop, (size_t)(end - stop)};
    if (rest->n) *rest = trim(*rest);
    return paragraph->n > 0;
}

static int keep_paragraphs(struct articles *articles, const struct article_draft *draft,
                           recap_article *out, recap_error *error)
{
    size_t capacity = 0, n = 0;
    const char **found = NULL;
    bool failed = false;
    for (size_t i = 0; i < draft->n_paragraphs && !failed; i++) {
        struct view rest = draft->paragraphs[i], one;
        while (next_paragraph(&rest, draft->lines_part, &one) && !failed) {
            const char *text = keep_clean(articles, one, &failed);
            if (!text) continue;
            failed = grow_array(&found, &capacity, n + 1, sizeof *found) != RECAP_OK;
            if (!failed) found[n++] = text;
        }
    }
    const char **kept = failed ? NULL : arena_alloc(&articles->arena, n, sizeof *kept);
    if (kept && n) memcpy(kept, found, n * sizeof *kept);
    free(found);
    if (!kept) return fail_memory(error, n * sizeof *kept);
    out->paragraphs = kept;
    out->n_paragraphs = n;
    return RECAP_OK;
}

/* The same article has the same name, wherever it is read from. */
static const char *content_id(struct articles *articles, const recap_article *article)
{
    struct buf content = {0};
    char name[33];
    buf_add_string(&content, article->title ? article->title : "");
    for (size_t i = 0; i < article->n_paragraphs; i++) {
        buf_add_byte(&content, '\n');
        buf_add_string(&content, article->paragraphs[i]);
    }
    const char *id = NULL;
    if (!content.failed) {
        hash_text(hash_bytes(content.data, content.n), name);
        id = arena_copy(&articles->arena, name, 16);
    }
    buf_free(&content);
    return id;
}

static bool starts_with(struct view text, const char *start)
{
    size_t n = strlen(start);
    return text.n >= n && strncasecmp(text.data, start, n) == 0;
}

/* NULL, or what is wrong with the draft. */
static const char *check_draft(const struct article_draft *draft, struct date *date)
{
    struct view all[] = {draft->id, draft->title, draft->language, draft->url, draft->genre};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (all[i].n && memchr(all[i].data, '\0', all[i].n)) return "a field contains U+0000";
    for (size_t i = 0; i < draft->n_paragraphs; i++)
        if (draft->paragraphs[i].n &&
            memchr(draft->paragraphs[i].data, '\0', draft->paragraphs[i].n))
            return "its text contains U+0000";
    struct view text = trim(draft->published_at);
    if (text.n == 0) return NULL;
    if (date_parse_rfc3339(text, true, date)) return NULL;
    if (draft->feed_dates && date_parse_rfc822(text, date)) return NULL;
    return "date";
}

static int refuse_draft(struct articles *articles, const char *where,
                        const struct article_draft *draft, const char *reason, recap_error *error)
{
    recap_error detail;
    if (strcmp(reason, "date") != 0) return articles_refuse(articles, where, reason, error);
    struct view date = draft->published_at;
    fail(&detail, RECAP_ERROR_INPUT, "the date \"%.*s\" is not RFC 3339 (2025-01-31T09:00:00Z)%s",
         (int)(date.n > 40 ? 40 : date.n), date.data, draft->feed_dates ? " or RFC 822" : "");
    return articles_refuse(articles, where, detail.message, error);
}

int articles_add(struct articles *articles, const char *where, const struct article_draft *draft,
                 recap_error *error)
{
    struct date date = {0};
    const char *reason = check_draft(draft, &date);
    if (reason) return refuse_draft(articles, where, draft, reason, error);
    recap_article article = {.confidence = -1};
    int status = keep_paragraphs(articles, draft, &article, error);
    if (status != RECAP_OK) return status;
    if (article.n_paragraphs == 0) return articles_refuse(articles, where, "it has no text", error);
    bool failed = false;
    article.title = keep_clean(articles, draft->title, &failed);
    article.language = keep(articles, draft->language, &failed);
    article.genre = keep(articles, draft->genre, &failed);
    if (starts_with(draft->url, "http://") || starts_with(draft->url, "https://"))
        article.url = keep(articles, draft->url, &failed);
    article.id = keep(articles, draft->id, &failed);
    if (!article.id) article.id = content_id(articles, &article);
    if (trim(draft->published_at).n) {
        char text[40];
        date_format(date, text);
        article.published_at = keep(articles, view_of(text), &failed);
    }
    failed = failed || !article.id ||
             grow_array(&articles->items, &articles->capacity, articles->n + 1,
                        sizeof *articles->items) != RECAP_OK ||
             grow_array(&articles->dates, &articles->dates_capacity, articles->n + 1,
                        sizeof *articles->dates) != RECAP_OK;
    if (failed) return fail_memory(error, articles->n * sizeof *articles->items);
    articles->dates[articles->n] = date;
    articles->items[articles->n++] = article;
    return RECAP_OK;
}

void articles_free(struct articles *articles)
{
    arena_free(&articles->arena);
    free(articles->items);
    free(articles->dates);
    articles->items = NULL;
    articles->dates = NULL;
    articles->n = articles->capacity = articles->dates_capacity = 0;
}

/* ---- HTML and plain text ---- */

static int add_html(struct articles *articles, const char *where, struct view html,
                    const char *charset, recap_error *error)
{
    struct buf title = {0}, text = {0};
    recap_error reason = {0};
    int status = text_extract_html(html.data, html.n, charset, &title, &text, &reason);
    if (status == RECAP_OK) {
        struct view body = {text.data ? text.data : "", text.n};
        const struct article_draft draft = {
            .title = {title.data ? title.data : "", title.n},
            .paragraphs = &body,
            .n_paragraphs = 1,
            .lines_part = true,
        };
        status = articles_add(articles, where, &draft, error);
    } else if (status == RECAP_ERROR_INPUT) {
        status = articles_refuse(articles, where, reason.message, error);
    } else {
        status = fail(error, reason.code, "%s", reason.message);
    }
    buf_free(&title);
    buf_free(&text);
    return status;
}

/* The first paragraph is the title where it is one short line and more follows. */
static int add_text(struct articles *articles, const char *where, struct view text,
                    const char *charset, recap_error *error)
{
    struct buf decoded = {0};
    recap_error reason = {0};
    int status = text_decode(text.data, text.n, charset, &decoded, &reason);
    if (status != RECAP_OK) {
        buf_free(&decoded);
        return articles_refuse(articles, where, reason.message, error);
    }
    struct view body = trim((struct view){decoded.data ? decoded.data : "", decoded.n});
    struct view rest = body, first;
    struct article_draft draft = {.paragraphs = &body, .n_paragraphs = 1};
    if (next_paragraph(&rest, false, &first) && rest.n && first.n <= 200 &&
        !memchr(first.data, '\n', first.n)) {
        draft.title = first;
        body = rest;
    }
    status = articles_add(articles, where, &draft, error);
    buf_free(&decoded);
    return status;
}

/* ---- telling them apart ---- */

/* Does `name`, less ".gz" and the like, end so? */
static bool has_ending(const char *name, const char *ending)
{
    static const char *const packed[] = {".gz", ".zst"};
    size_t n = strlen(name), m = strlen(ending);
    for (size_t i = 0; i < COUNT_OF(packed); i++) {
        size_t k = strlen(packed[i]);
        if (n > k && strcasecmp(name + n - k, packed[i]) == 0) n -= k;
    }
    return n >= m && strncasecmp(name + n - m, ending, m) == 0;
}

static bool is_html(struct view text)
{
    if (text.n == 0 || text.data[0] != '<') return false; /* JSON may have tags in its strings */
    /* The first tag that is no comment, declaration or instruction. */
    const char *at = text.data, *end = text.data + text.n;
    while (at && at < end) {
        struct view rest = {at, (size_t)(end - at)};
        if (starts_with(rest, "<!doctype html") || starts_with(rest, "<html")) return true;
        if (starts_with(rest, "<!--")) {
            at = memmem(at, rest.n, "-->", 3);
            at = at ? at + 3 : NULL;
        } else if (starts_with(rest, "<?") || starts_with(rest, "<!")) {
            at = memchr(at, '>', rest.n);
            at = at ? at + 1 : NULL;
        } else if (*at == '<') {
            return starts_with(rest, "<head") || starts_with(rest, "<body") ||
                   starts_with(rest, "<div") || starts_with(rest, "<article");
        } else {
            at++;
        }
    }
    return false;
}

static bool is_utf16(struct view text)
{
    return text.n >= 2 &&
           (memcmp(text.data, "\xFF\xFE", 2) == 0 || memcmp(text.data, "\xFE\xFF", 2) == 0);
}

static int add_bytes(struct articles *articles, const char *name, struct view bytes,
                     const char *charset, int depth, recap_error *error);

static int add_utf16(struct articles *articles, const char *name, struct view bytes, int depth,
                     recap_error *error)
{
    struct buf decoded = {0};
    recap_error reason = {0};
    int status = text_decode(bytes.data, bytes.n, NULL, &decoded, &reason);
    if (status == RECAP_ERROR_INPUT)
        status = articles_refuse(articles, input_name(name), reason.message, error);
    else if (status != RECAP_OK)
        status = fail(error, reason.code, "%s", reason.message);
    else if (decoded.n)
        status = add_bytes(articles, name, (struct view){decoded.data, decoded.n}, "UTF-8", depth,
                           error);
    buf_free(&decoded);
    return status;
}

/* `name` is the file or address, for its ending. */
static int add_bytes(struct articles *articles, const char *name, struct view bytes,
                     const char *charset, int depth, recap_error *error)
{
    const char *where = input_name(name);
    if (is_utf16(bytes)) return add_utf16(articles, name, bytes, depth, error);
    struct view text = bytes;
    if (text.n >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0)
        text = (struct view){text.data + 3, text.n - 3};
    struct view start = trim(text);
    bool plain = has_ending(name, ".txt") || has_ending(name, ".text");
    bool html = has_ending(name, ".html") || has_ending(name, ".htm") || is_html(start);
    bool xml = start.n && start.data[0] == '<';
    if ((plain || html || xml) && text.n > document_limit)
        return articles_refuse(articles, where, "a document of over 256 MiB", error);
    if (plain) return add_text(articles, where, text, charset, error);
    if (html) return add_html(articles, where, bytes, charset, error);
    if (xml) return feeds_read_xml(articles, where, start.data, start.n, charset, depth, error);
    return articles_read_json(articles, where, text, charset, error);
}

int articles_read_address(struct articles *articles, const char *address, int depth,
                          recap_error *error)
{
    if (articles->offline)
        return articles_refuse(articles, address, "addresses are not read here", error);
    struct buf bytes = {0}, charset = {0};
    recap_error reason = {0};
    int status = fetch_address(address, &bytes, &charset, &reason);
    if (status == RECAP_OK)
        status = add_bytes(articles, address, (struct view){bytes.data ? bytes.data : "", bytes.n},
                           charset.n ? charset.data : NULL, depth, error);
    else if (status == RECAP_ERROR_IO)
        status = articles_refuse(articles, address, reason.message, error);
    else
        status = fail(error, status, "%s", reason.message);
    buf_free(&bytes);
    buf_free(&charset);
    return status;
}

int articles_read_bytes(struct articles *articles, const char *name, struct view bytes,
                        const char *charset, recap_error *error)
{
    return add_bytes(articles, name, bytes, charset, 0, error);
}

int articles_read(struct articles *articles, const char *input, recap_error *error)
{
    if (input_is_address(input)) return articles_read_address(articles, input, 0, error);
    struct buf bytes = {0};
    int status = input_read(input, input_limit, &bytes, error);
    if (status == RECAP_OK)
        status = add_bytes(articles, input, (struct view){bytes.data ? bytes.data : "", bytes.n},
                           NULL, 0, error);
    buf_free(&bytes);
    return status;
}
