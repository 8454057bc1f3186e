/* An article's main text out of a page.
 *
 *   1. decode   by the charset given, else the one that a <meta> or the XML
 *               declaration names
 *   2. parse    libxml2's forgiving parser, after blanking what would make it
 *               slow
 *   3. judge    every element: what can hold no article text is cut off
 *               (scripts, navigation, figures, tables of data, hidden parts),
 *               and so is what by its name or class is beside the article,
 *               unless it holds half of the page; text and link text are
 *               added upwards
 *   4. choose   the deepest element that holds four fifths of the good
 *               paragraphs' text, from <article> or <main> on where one of
 *               these holds half of it
 *   5. write    its blocks in order, one line each: paragraphs with few links,
 *               headings before such a paragraph; of ruby the base only; no
 *               footnote marks
 *
 * A paragraph is good with 25 characters (10 of Japanese), less than half of
 * them links. A page with no good paragraph gives all its text that is not
 * links. <br> ends a line after a sentence or where two follow each other.
 * White space with a line end between two Japanese characters is none. */
#include "text_private.h"

#include <libxml/HTMLparser.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    prescan_bytes = 2048,
    most_attributes = 256, /* of a tag */
    most_open = 400,       /* elements within each other */
    good_characters = 25,  /* a Japanese character counts as 2.5 */
};

/* ---- the charset that a page names ---- */

/* The word after `key` and '=' in the page's head, in `out`; false: none. */
static bool find_charset(struct view html, const char *key, char out[64])
{
    size_t n = html.n < prescan_bytes ? html.n : prescan_bytes, length = strlen(key);
    for (size_t i = 0; i + length < n; i++) {
        if (strncasecmp(html.data + i, key, length) != 0) continue;
        size_t k = i + length, used = 0;
        while (k < n && strchr(" \t\r\n", html.data[k]) && html.data[k]) k++;
        if (k >= n || html.data[k] != '=') continue;
        k++;
        while (k < n && html.data[k] && strchr(" \t\r\n\"'", html.data[k])) k++;
        for (; k < n && used < 63; k++) {
            char c = html.data[k];
            if (!text_is_ascii_alphanumeric((unsigned char)c) && (!c || !strchr("-_.:", c))) break;
            out[used++] = c;
        }
        out[used] = '\0';
        if (used) return true;
    }
    return false;
}

/* ---- what would make the parser slow ---- */

/* These nest by themselves, end by themselves, or hold nothing. */
static const char *const self_ending[] = {
    "br",     "col", "dd",    "dt",     "embed", "hr", "img",   "input", "li",    "link", "meta",
    "option", "p",   "param", "source", "tbody", "td", "tfoot", "th",    "thead", "tr",   "wbr",
};

/* The byte after the tag at html[i], a '<'. Attributes past the limit are blanked. */
static size_t tame_tag(char *html, size_t n, size_t i)
{
    size_t attributes = 0;
    char quote = 0, last = 0; /* last: not blank */
    for (i++; i < n; i++) {
        char c = html[i];
        bool blank = c == ' ' || (c >= '\t' && c <= '\r');
        if (quote) {
            if (c == quote) quote = 0;
            continue;
        }
        if (c == '>' || c == '<') return c == '>' ? i + 1 : i;
        if ((c == '"' || c == '\'') && last == '=') quote = c;
        attributes += blank;
        if (attributes > most_attributes) html[i] = ' ';
        if (!blank) last = c;
    }
    return n;
}

static size_t after_text(const char *html, size_t n, size_t i, const char *end)
{
    size_t length = strlen(end);
    for (; i + length <= n; i++)
        if (html[i] == end[0] && strncasecmp(html + i, end, length) == 0) return i;
    return n;
}

/* The parser compares every attribute of a tag with every other and looks for an end tag's start
 * through all that is open: blanks attributes beyond a number, and start tags beyond a depth. */
static void tame(char *html, size_t n)
{
    size_t depth = 0;
    for (size_t i = after_text(html, n, 0, "<"); i < n; i = after_text(html, n, i, "<")) {
        char name[12];
        bool closing = i + 1 < n && html[i + 1] == '/';
        size_t start = i, k = i + 1 + closing, used = 0;
        for (; k < n && text_is_ascii_alphanumeric((unsigned char)html[k]); k++)
            if (used < sizeof name) name[used++] = (char)(html[k] | 32);
        if (n - i >= 4 && memcmp(html + i, "<!--", 4) == 0)
            i = after_text(html, n, i + 4, "-->");
        else if (used == 0)
            i++;
        else
            i = tame_tag(html, n, i);
        struct view view = {name, used};
        if (used == 0 || text_in_list(view, self_ending, COUNT_OF(self_ending))) continue;
        if (closing)
            depth -= depth > 0;
        else if (depth >= most_open)
            memset(html + start, ' ', i - start);
        else
            depth++;
        if (!closing && view_equal(view, view_of("script"))) i = after_text(html, n, i, "</script");
        if (!closing && view_equal(view, view_of("style"))) i = after_text(html, n, i, "</style");
    }
}

/* ---- judging elements ---- */

/* What is known of an element, in its _private; freed with the arena. */
struct about {
    size_t text;  /* characters below it that show, Japanese ones counting 2.5, in tenths */
    size_t links; /* of these, inside <a> */
    size_t good;  /* of these, in good paragraphs */
    bool block;   /* begins a line */
    bool cut;     /* with all below it */
    bool suspect; /* cut unless it holds most of the page */
};

static const char *const never_shown[] = {
    "audio",  "button",   "canvas",   "datalist", "dialog",   "embed",    "figcaption",
    "figure", "frame",    "frameset", "head",     "iframe",   "input",    "map",
    "math",   "menu",     "meter",    "nav",      "noframes", "noscript", "object",
    "option", "progress", "rp",       "rt",       "rtc",      "script",   "select",
    "style",  "svg",      "template", "textarea", "title",    "video",
};
static const char *const suspects[] = {"aside", "footer", "form", "header", "table"};
static const char *const blocks[] = {
    "address", "article", "aside", "blockquote", "body",     "caption", "center",  "dd",
    "details", "div",     "dl",    "dt",         "fieldset", "footer",  "form",    "h1",
    "h2",      "h3",      "h4",    "h5",         "h6",       "header",  "hr",      "html",
    "li",      "main",    "nav",   "ol",         "p",        "pre",     "section", "summary",
    "table",   "tbody",   "td",    "tfoot",      "th",       "thead",   "tr",      "ul",
};
/* Whole words of class and id. */
static const char *const boilerplate_words[] = {
    "ad",         "ads",          "adsense",   "advert",      "advertisement", "banner",
    "breadcrumb", "breadcrumbs",  "byline",    "caption",     "comment",       "comments",
    "consent",    "cookie",       "cookies",   "copyright",   "credit",        "disqus",
    "footer",     "hidden",       "links",     "login",       "menu",          "modal",
    "nav",        "navbar",       "navi",      "navigation",  "newsletter",    "pager",
    "pagination", "paywall",      "popular",   "popup",       "promo",         "promotion",
    "rank",       "ranking",      "recommend", "recommended", "recommends",    "related",
    "relation",   "respond",      "share",     "sharing",     "sidebar",       "signup",
    "sitemap",    "skip",         "sns",       "social",      "sponsor",       "sponsored",
    "subscribe",  "subscription", "tags",      "toolbar",     "trending",      "widget",
};
static const char *const boilerplate_roles[] = {
    "alert", "banner", "complementary", "contentinfo", "dialog",
    "form",  "menu",   "navigation",    "search",
};

static bool name_in(const xmlNode *node, const char *const *list, size_t n)
{
    return node->type == XML_ELEMENT_NODE && node->name &&
           text_in_list(view_of((const char *)node->name), list, n);
}

static bool is_element(const xmlNode *node, const char *name)
{
    return node && node->type == XML_ELEMENT_NODE && node->name &&
           strcmp((const char *)node->name, name) == 0;
}

/* An attribute's plain value, or "". */
static const char *attribute(const xmlNode *node, const char *name)
{
    for (const xmlAttr *a = node->properties; a; a = a->next)
        if (a->name && strcmp((const char *)a->name, name) == 0)
            return a->children && a->children->content ? (const char *)a->children->content : "";
    return "";
}

/* <a> that leads out of the page; headings and footnotes link to themselves. */
static bool is_link(const xmlNode *node)
{
    return is_element(node, "a") && attribute(node, "href")[0] != '#';
}

/* Is one of the words of a class or id in the list? Words end at '-', '_', blanks and capitals. */
static bool has_word(const char *value, const char *const *list, size_t n)
{
    char word[24];
    size_t used = 0;
    for (const char *p = value;; p++) {
        unsigned char c = (unsigned char)*p;
        bool letter = text_is_ascii_alphanumeric(c);
        bool new_word = letter && c >= 'A' && c <= 'Z' && p > value && p[-1] >= 'a' && p[-1] <= 'z';
        if ((!letter || new_word) && used) {
            if (used < sizeof word && text_in_list((struct view){word, used}, list, n)) return true;
            used = 0;
        }
        if (!c) return false;
        if (!letter) continue;
        if (used < sizeof word) word[used] = c >= 'A' && c <= 'Z' ? (char)(c | 32) : (char)c;
        used += used < sizeof word;
    }
}

static bool is_hidden(const xmlNode *node)
{
    const char *style = attribute(node, "style");
    for (const xmlAttr *a = node->properties; a; a = a->next)
        if (a->name && strcmp((const char *)a->name, "hidden") == 0) return true;
    return strcasecmp(attribute(node, "aria-hidden"), "true") == 0 ||
           strstr(style, "display:none") || strstr(style, "display: none");
}

/* A reference to a footnote: <sup> around a link into the page, or '[12]'. */
static bool is_footnote_mark(const xmlNode *node)
{
    if (!is_element(node, "sup")) return false;
    const xmlNode *child = node->children;
    if (is_element(child, "a") && attribute(child, "href")[0] == '#') return true;
    return child && child->type == XML_TEXT_NODE && child->content && child->content[0] == '[';
}

static bool has_child(const xmlNode *node, const char *name)
{
    for (const xmlNode *child = node->children; child; child = child->next)
        if (is_element(child, name)) return true;
    return false;
}

/* A table with header cells or a caption holds data; without, it may hold the page. */
static bool is_data_table(const xmlNode *node)
{
    if (!is_element(node, "table")) return false;
    for (const xmlNode *part = node->children; part; part = part->next) {
        if (is_element(part, "caption") || is_element(part, "thead")) return true;
        if (is_element(part, "tr") && has_child(part, "th")) return true;
        if (!is_element(part, "tbody")) continue;
        for (const xmlNode *row = part->children; row; row = row->next)
            if (is_element(row, "tr") && has_child(row, "th")) return true;
    }
    return false;
}

static void judge(const xmlNode *node, struct about *about)
{
    about->block = name_in(node, blocks, COUNT_OF(blocks));
    about->cut = name_in(node, never_shown, COUNT_OF(never_shown)) || is_hidden(node) ||
                 is_footnote_mark(node) || is_data_table(node);
    if (is_element(node, "html") || is_element(node, "body")) {
        about->cut = false;
        return;
    }
    about->suspect =
        name_in(node, suspects, COUNT_OF(suspects)) ||
        has_word(attribute(node, "class"), boilerplate_words, COUNT_OF(boilerplate_words)) ||
        has_word(attribute(node, "id"), boilerplate_words, COUNT_OF(boilerplate_words)) ||
        has_word(attribute(node, "role"), boilerplate_roles, COUNT_OF(boilerplate_roles));
}

/* ---- walking ---- */

static struct about *about_of(const xmlNode *node)
{
    return node->_private;
}

/* The next node of a walk over `root` in the document's order; what is below a node that `enter`
 * says no to is passed over. */
static xmlNode *next_node(xmlNode *node, const xmlNode *root, bool enter)
{
    if (enter && node->type == XML_ELEMENT_NODE && node->children) return node->children;
    while (node != root && !node->next) node = node->parent;
    return node == root ? NULL : node->next;
}

static size_t weight_of(const char *text)
{
    size_t weight = 0, n = strlen(text);
    for (size_t i = 0; i < n;) {
        uint32_t c = utf8_next(text, n, &i);
        if (!text_is_blank(c) && !text_is_line_end(c)) weight += text_is_japanese(c) ? 25 : 10;
    }
    return weight;
}

static bool is_text(const xmlNode *node)
{
    return (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE) && node->content;
}

/* Gives every element its `about`, and adds the weight of texts to all elements above them. */
static int judge_all(xmlNode *root, struct arena *arena, recap_error *error)
{
    for (xmlNode *node = root; node;) {
        bool enter = true;
        if (node->type == XML_ELEMENT_NODE) {
            struct about *about = arena_alloc(arena, 1, sizeof *about);
            if (!about) return fail_memory(error, sizeof *about);
            node->_private = about;
            judge(node, about);
            enter = !about->cut;
        } else if (is_text(node)) {
            size_t weight = weight_of((const char *)node->content);
            bool link = false;
            for (xmlNode *up = node->parent; up && about_of(up); up = up->parent) {
                link = link || is_link(up);
                about_of(up)->text += weight;
                if (link) about_of(up)->links += weight;
                if (up == root) break;
            }
        }
        node = next_node(node, root, enter);
    }
    return RECAP_OK;
}

/* Cuts the suspects that hold less than half of what shows. */
static void cut_suspects(xmlNode *root)
{
    size_t half = about_of(root)->text / 2;
    for (xmlNode *node = root; node;) {
        struct about *about = node->type == XML_ELEMENT_NODE ? about_of(node) : NULL;
        if (about && about->suspect && about->text <= half) about->cut = true;
        node = next_node(node, root, about && !about->cut);
    }
}

/* ---- blocks ---- */

/* The text between two line ends of the page. */
struct block {
    struct buf text;
    size_t weight, links;
    const xmlNode *owner; /* the block element it stands in */
    bool space;           /* white space is due before the next character, */
    bool space_line;      /* with a line end in it */
    bool space_break;     /* and a <br> */
};

typedef int (*block_fn)(void *data, struct block *block);

static uint32_t last_character(const struct buf *text)
{
    size_t begin;
    return text->n ? text_before(text->data, text->n, &begin) : 0;
}

static bool ends_sentence(uint32_t c)
{
    return c == '.' || c == '!' || c == '?' || c == 0x3002 || c == 0xFF01 || c == 0xFF1F ||
           c == 0x300D || c == 0x300F || c == '"' || c == 0x201D || c == 0xFF09 || c == ')';
}

static bool is_wide(uint32_t c)
{
    return text_is_japanese(c) || (c >= 0x3000 && c <= 0x303F) || (c >= 0xFF01 && c <= 0xFF60);
}

static void add_character(struct block *block, uint32_t c)
{
    uint32_t last = last_character(&block->text);
    if (block->space && last && last != '\n') {
        if (block->space_break && ends_sentence(last))
            buf_add_byte(&block->text, '\n');
        else if (!block->space_line || !is_wide(last) || !is_wide(c))
            buf_add_byte(&block->text, ' ');
    }
    block->space = block->space_line = block->space_break = false;
    buf_add_code_point(&block->text, c);
}

static void add_text(struct block *block, const char *text, bool link)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n;) {
        uint32_t c = utf8_next(text, n, &i);
        if (text_is_blank(c) || text_is_line_end(c)) {
            block->space = true;
            block->space_line = block->space_line || text_is_line_end(c);
            continue;
        }
        size_t weight = text_is_japanese(c) ? 25 : 10;
        block->weight += weight;
        block->links += link ? weight : 0;
        add_character(block, c);
    }
}

/* A <br>: a second one in a row ends the line for certain. */
static void add_break(struct block *block)
{
    uint32_t last = last_character(&block->text);
    if (block->space_break && last && last != '\n') buf_add_byte(&block->text, '\n');
    block->space = block->space_line = block->space_break = true;
}

static const xmlNode *owner_of(const xmlNode *node, const xmlNode *root, bool *link)
{
    *link = false;
    for (; node != root && !(node->type == XML_ELEMENT_NODE && about_of(node)->block);
         node = node->parent)
        *link = *link || is_link(node);
    return node;
}

static int end_block(struct block *block, const xmlNode *owner, block_fn fn, void *data)
{
    int status = RECAP_OK;
    if (block->text.failed) return RECAP_ERROR_MEMORY;
    if (block->weight > 0) status = fn(data, block);
    buf_clear(&block->text);
    struct buf text = block->text;
    *block = (struct block){.text = text, .owner = owner};
    return status;
}

/* Calls fn for every block below root, in order. */
static int each_block(xmlNode *root, block_fn fn, void *data)
{
    struct block block = {.owner = root};
    int status = RECAP_OK;
    for (xmlNode *node = root; node && status == RECAP_OK;) {
        bool element = node->type == XML_ELEMENT_NODE, link = false;
        bool cut = element && about_of(node)->cut;
        const xmlNode *owner = cut ? block.owner : owner_of(node, root, &link);
        if (owner != block.owner) status = end_block(&block, owner, fn, data);
        if (status == RECAP_OK && is_text(node))
            add_text(&block, (const char *)node->content, link);
        else if (is_element(node, "br"))
            add_break(&block);
        node = next_node(node, root, element && !cut);
    }
    if (status == RECAP_OK) status = end_block(&block, NULL, fn, data);
    buf_free(&block.text);
    return status;
}

static bool is_good(const struct block *block)
{
    return block->weight >= good_characters * 10 && block->links * 2 < block->weight;
}

/* ---- choosing ---- */

static int count_good(void *data, struct block *block)
{
    if (!is_good(block)) return RECAP_OK;
    for (const xmlNode *up = block->owner; up && about_of(up); up = up->parent) {
        about_of(up)->good += block->weight;
        if (up == data) break;
    }
    return RECAP_OK;
}

/* The <article> or <main> that holds at least half of the good text, else the body. */
static xmlNode *named_root(xmlNode *body)
{
    xmlNode *best = NULL;
    for (xmlNode *node = body; node;) {
        struct about *about = node->type == XML_ELEMENT_NODE ? about_of(node) : NULL;
        bool named = is_element(node, "article") || is_element(node, "main") ||
                     (about && strcmp(attribute(node, "itemprop"), "articleBody") == 0);
        if (named && !about->cut && about->good * 2 >= about_of(body)->good) best = node;
        node = next_node(node, body, about && !about->cut);
    }
    return best ? best : body;
}

static xmlNode *choose_root(xmlNode *body)
{
    xmlNode *root = named_root(body), *child;
    do {
        for (child = root->children; child; child = child->next)
            if (child->type == XML_ELEMENT_NODE && about_of(child) && !about_of(child)->cut &&
                about_of(child)->block && about_of(child)->good * 5 >= about_of(root)->good * 4 &&
                !is_element(child, "p"))
                break;
        if (child) root = child;
    } while (child);
    return root;
}

/* ---- writing ---- */

struct writer {
    struct buf *out;
    size_t start;
    struct buf heading;      /* waits for a paragraph */
    const struct buf *title; /* its heading is not repeated */
    size_t good;             /* of the root; 0: everything is written */
};

/* Phrases that feeds and pages put under every article. */
static bool is_phrase(const struct buf *text)
{
    static const char *const phrases[] = {
        "続きを読む",
        "もっと読む",
        "続きを見る",
        "関連記事",
        "関連リンク",
        "シェアする",
        "ツイート",
        "あわせて読みたい",
        "無断転載を禁じます",
        "Read more",
        "Continue reading",
        "Advertisement",
        "ADVERTISEMENT",
        "Share this",
        "All rights reserved",
        "Sign up",
        "Related articles",
        "Copyright",
        "(c) ",
        "©",
        "PR",
    };
    if (text->n > 120) return false;
    for (size_t i = 0; i < COUNT_OF(phrases); i++) {
        size_t n = strlen(phrases[i]);
        if (text->n < n || strncasecmp(text->data, phrases[i], n) != 0) continue;
        if (text->n <= n + 12 || phrases[i][0] == '(' || (unsigned char)phrases[i][0] == 0xC2 ||
            strncmp(phrases[i], "Copyright", 9) == 0)
            return true;
    }
    return false;
}

static bool is_heading(const xmlNode *node)
{
    return node && node->name && node->name[0] == 'h' && node->name[1] >= '1' &&
           node->name[1] <= '6' && node->name[2] == '\0';
}

static void write_line(struct writer *w, const struct buf *text)
{
    if (w->out->n > w->start) buf_add_byte(w->out, '\n');
    buf_add(w->out, text->data, text->n);
}

static int write_block(void *data, struct block *block)
{
    struct writer *w = data;
    if (block->links * 2 >= block->weight || is_phrase(&block->text)) return RECAP_OK;
    if (is_heading(block->owner)) {
        bool title = w->title->n > 0 && view_equal((struct view){w->title->data, w->title->n},
                                                   (struct view){block->text.data, block->text.n});
        buf_clear(&w->heading);
        if (!title) buf_add(&w->heading, block->text.data, block->text.n);
        return w->heading.failed ? RECAP_ERROR_MEMORY : RECAP_OK;
    }
    if (w->heading.n > 0) write_line(w, &w->heading);
    buf_clear(&w->heading);
    write_line(w, &block->text);
    return RECAP_OK;
}

/* ---- the title ---- */

static int take_block(void *data, struct block *block)
{
    struct buf *out = data;
    if (out->n > 0) buf_add_byte(out, ' ');
    buf_add(out, block->text.data, block->text.n);
    return RECAP_OK;
}

/* The text of `node`, which may be one that is cut. */
static void node_text(xmlNode *node, struct buf *out)
{
    struct block block = {0};
    for (xmlNode *n = node; n; n = next_node(n, node, true))
        if (is_text(n) && !is_element(n->parent, "rt") && !is_element(n->parent, "rp"))
            add_text(&block, (const char *)n->content, false);
    if (block.text.failed) out->failed = true;
    if (block.weight > 0) take_block(out, &block);
    buf_free(&block.text);
}

/* The first element `name`, or NULL; a <meta> only if it is og:title. */
static xmlNode *find_first(xmlNode *root, const char *name)
{
    for (xmlNode *node = root; node; node = next_node(node, root, true))
        if (is_element(node, name) &&
            (strcmp(name, "meta") != 0 || strcmp(attribute(node, "property"), "og:title") == 0))
            return node;
    return NULL;
}

/* og:title; else the <h1> if it is part of <title> or there is none; else <title>. */
static void find_title(xmlNode *root, struct buf *out)
{
    struct buf title = {0}, heading = {0};
    xmlNode *meta = find_first(root, "meta"), *node = find_first(root, "title");
    struct block block = {0};
    if (meta) add_text(&block, attribute(meta, "content"), false);
    if (node) node_text(node, &title);
    if ((node = find_first(root, "h1")) != NULL) node_text(node, &heading);
    bool use_heading = heading.n > 0 && (title.n == 0 || memmem(title.data, title.n, heading.data,
                                                                heading.n) != NULL);
    const struct buf *chosen = block.weight > 0 ? &block.text : use_heading ? &heading : &title;
    if (chosen->n > 0) buf_add(out, chosen->data, chosen->n);
    if (title.failed || heading.failed || block.text.failed) out->failed = true;
    buf_free(&block.text);
    buf_free(&title);
    buf_free(&heading);
}

/* ---- the whole ---- */

static int extract(xmlNode *root, struct buf *title, struct buf *text, recap_error *error)
{
    struct arena arena = {0};
    struct writer writer = {.out = text, .start = text->n};
    struct buf own_title = {0};
    find_title(root, &own_title);
    xmlNode *body = root;
    for (xmlNode *node = root->children; node; node = node->next)
        if (is_element(node, "body")) body = node;
    int status = judge_all(body, &arena, error);
    if (status == RECAP_OK) {
        cut_suspects(body);
        status = each_block(body, count_good, body);
    }
    if (status == RECAP_OK) {
        writer.title = &own_title;
        writer.good = about_of(body)->good;
        status = each_block(writer.good ? choose_root(body) : body, write_block, &writer);
    }
    if (status == RECAP_OK && writer.good == 0 && writer.heading.n > 0)
        write_line(&writer, &writer.heading);
    if (status == RECAP_OK && title && own_title.n) buf_add(title, own_title.data, own_title.n);
    if (status == RECAP_ERROR_MEMORY || own_title.failed || writer.heading.failed || text->failed ||
        (title && title->failed))
        status = fail_memory(error, text->n);
    buf_free(&own_title);
    buf_free(&writer.heading);
    arena_free(&arena);
    return status;
}

/* NULL where there is nothing that could be a page. */
static xmlDoc *parse(const struct buf *html)
{
    htmlParserCtxt *context = htmlNewParserCtxt();
    if (!context) return NULL;
    context->options |= XML_PARSE_HUGE; /* tame() sees to the depth */
    xmlDoc *document = htmlCtxtReadMemory(context, html->data, (int)html->n, NULL, "UTF-8",
                                          HTML_PARSE_RECOVER | HTML_PARSE_NOERROR |
                                              HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
                                              HTML_PARSE_COMPACT | XML_PARSE_HUGE);
    htmlFreeParserCtxt(context);
    return document;
}

int text_extract_html(const char *html, size_t n, const char *charset, struct buf *title,
                      struct buf *text, recap_error *error)
{
    char named[64];
    struct view view = {html, n};
    if ((!charset || !*charset) &&
        (find_charset(view, "charset", named) || find_charset(view, "encoding", named)))
        charset = named;
    struct buf decoded = {0};
    int status = text_decode(html, n, charset, &decoded, error);
    if (status == RECAP_OK && decoded.n > INT_MAX)
        status = fail(error, RECAP_ERROR_INPUT, "a page of %zu bytes, at most %d", decoded.n,
                      INT_MAX);
    if (status != RECAP_OK || decoded.n == 0) {
        buf_free(&decoded);
        return status;
    }
    tame(decoded.data, decoded.n);
    xmlDoc *document = parse(&decoded);
    buf_free(&decoded);
    if (!document) return RECAP_OK;
    xmlNode *root = xmlDocGetRootElement(document);
    if (root) status = extract(root, title, text, error);
    xmlFreeDoc(document);
    return status;
}
