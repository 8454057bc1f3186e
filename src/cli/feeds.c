/* Feeds: RSS 2.0 and 1.0, Atom, OPML (libxml2) and JSON Feed; fetched by libcurl.
 *
 * Elements are told by their local names, so that one reader serves every dialect. A feed that is
 * not quite XML is read as far as libxml2 can mend it, with a warning; one that is none at all is
 * refused. Entities are never loaded from anywhere. */
#include <curl/curl.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "output.h"
#include "text/text.h"

enum { fetch_limit = 64 << 20, fetch_seconds = 30, list_depth = 2, most_redirects = 5 };

/* ---- addresses ---- */

bool input_is_address(const char *input)
{
    return strncasecmp(input, "https://", 8) == 0 || strncasecmp(input, "http://", 7) == 0;
}

static size_t take_bytes(char *data, size_t size, size_t n, void *out)
{
    struct buf *bytes = out;
    if (bytes->n + size * n > fetch_limit) return 0; /* curl gives up */
    buf_add(bytes, data, size * n);
    return bytes->failed ? 0 : size * n;
}

static int watch(void *data, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    return interrupted();
}

/* "text/xml; charset=utf-8" -> utf-8 */
static void find_charset(const char *type, struct buf *out)
{
    const char *found = type ? strcasestr(type, "charset=") : NULL;
    if (!found) return;
    found += strlen("charset=");
    found += strspn(found, "\"' ");
    buf_add(out, found, strcspn(found, "\"' ;"));
}

static void choose(CURL *curl, const char *address, struct buf *out, char *reason)
{
    curl_easy_setopt(curl, CURLOPT_URL, address);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)most_redirects);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)fetch_seconds);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "recap/" RECAP_VERSION);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch);
}

int fetch_address(const char *address, struct buf *out, struct buf *charset, recap_error *error)
{
    static bool started;
    char reason[CURL_ERROR_SIZE] = "";
    if (!started && curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return fail(error, RECAP_ERROR_MEMORY, "the network library could not be started");
    started = true;
    CURL *curl = curl_easy_init();
    if (!curl) return fail_memory(error, sizeof reason);
    choose(curl, address, out, reason);
    log_message(LOG_INFO, "fetching %s", address);
    CURLcode code = curl_easy_perform(curl);
    int status = RECAP_OK;
    if (code == CURLE_OK) {
        char *type = NULL;
        curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
        find_charset(type, charset);
    } else if (interrupted()) {
        status = fail_interrupted(error);
    } else if (out->failed) {
        status = fail_memory(error, out->n);
    } else if (code == CURLE_WRITE_ERROR) {
        status = fail(error, RECAP_ERROR_IO, "larger than %d bytes", fetch_limit);
    } else {
        status = fail(error, RECAP_ERROR_IO, "cannot fetch: %s",
                      *reason ? reason : curl_easy_strerror(code));
    }
    curl_easy_cleanup(curl);
    return status;
}

/* ---- one item, whatever the dialect ---- */

struct item {
    struct buf id, title, url, date, language;
    struct buf body, summary; /* HTML or text */
};

static void free_item(struct item *item)
{
    buf_free(&item->id);
    buf_free(&item->title);
    buf_free(&item->url);
    buf_free(&item->date);
    buf_free(&item->language);
    buf_free(&item->body);
    buf_free(&item->summary);
    *item = (struct item){0};
}

static struct view view_of_buf(const struct buf *buf)
{
    return (struct view){buf->data ? buf->data : "", buf->n};
}

/* The body, else the summary, else the title: a headline alone is a sentence too. */
static int add_item(struct articles *articles, const char *where, const struct item *item,
                    recap_error *error)
{
    struct buf text = {0};
    text_unescape(view_of_buf(&item->body), &text);
    if (text.n == 0) text_unescape(view_of_buf(&item->summary), &text);
    if (text.n == 0) text_unescape(view_of_buf(&item->title), &text);
    struct view body = view_of_buf(&text);
    const struct article_draft draft = {
        .id = view_of_buf(item->id.n ? &item->id : &item->url),
        .title = view_of_buf(&item->title),
        .language = view_of_buf(&item->language),
        .url = view_of_buf(&item->url),
        .published_at = view_of_buf(&item->date),
        .feed_dates = true,
        .paragraphs = &body,
        .n_paragraphs = 1,
        .lines_part = true,
    };
    int status = text.failed ? fail_memory(error, item->body.n)
                             : articles_add(articles, where, &draft, error);
    buf_free(&text);
    return status;
}

/* ---- XML ---- */

static bool named(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

static void set_text(struct buf *out, const xmlNode *node)
{
    xmlChar *content = xmlNodeGetContent(node);
    buf_clear(out);
    if (content) buf_add_string(out, (const char *)content);
    xmlFree(content);
}

static bool get_attribute(const xmlNode *node, const char *name, struct buf *out)
{
    xmlChar *value = xmlGetNoNsProp((xmlNode *)(uintptr_t)node, (const xmlChar *)name);
    buf_clear(out);
    if (!value) return false;
    buf_add_string(out, (const char *)value);
    xmlFree(value);
    return true;
}

/* Atom's content may be markup itself; then its text is that markup written out. */
static void set_content(struct buf *out, const xmlNode *node)
{
    struct buf type = {0};
    get_attribute(node, "type", &type);
    if (type.n && strcmp(type.data, "xhtml") == 0) {
        xmlBuffer *buffer = xmlBufferCreate();
        buf_clear(out);
        for (xmlNode *child = node->children; buffer && child; child = child->next)
            xmlNodeDump(buffer, node->doc, child, 0, 0);
        if (buffer) buf_add_string(out, (const char *)xmlBufferContent(buffer));
        xmlBufferFree(buffer);
    } else {
        set_text(out, node);
    }
    buf_free(&type);
}

/* RSS has the address as text, Atom as an attribute; of several, rel="alternate" or none. */
static void take_link(struct item *item, const xmlNode *node)
{
    struct buf address = {0}, relation = {0};
    if (!get_attribute(node, "href", &address)) {
        if (item->url.n == 0) set_text(&item->url, node);
    } else {
        get_attribute(node, "rel", &relation);
        if (relation.n == 0 || strcmp(relation.data, "alternate") == 0) {
            buf_clear(&item->url);
            buf_add(&item->url, address.data, address.n);
        }
    }
    buf_free(&address);
    buf_free(&relation);
}

static void take_element(struct item *item, const xmlNode *node)
{
    if (named(node, "title")) {
        if (item->title.n == 0) set_text(&item->title, node); /* media:title comes later */
    } else if (named(node, "link")) {
        take_link(item, node);
    } else if (named(node, "guid") || named(node, "id")) {
        set_text(&item->id, node);
    } else if (named(node, "encoded") || named(node, "content")) {
        if (item->body.n == 0) set_content(&item->body, node);
    } else if (named(node, "description") || named(node, "summary")) {
        if (item->summary.n == 0) set_content(&item->summary, node);
    } else if (named(node, "pubDate") || named(node, "published")) {
        set_text(&item->date, node);
    } else if (named(node, "date") || named(node, "updated")) {
        if (item->date.n == 0) set_text(&item->date, node);
    } else if (named(node, "language")) {
        set_text(&item->language, node);
    }
}

static int read_item(struct articles *articles, const char *where, const xmlNode *node,
                     struct view language, recap_error *error)
{
    struct item item = {0};
    struct buf place = {0};
    buf_add(&item.language, language.data, language.n);
    for (const xmlNode *child = node->children; child; child = child->next)
        if (child->type == XML_ELEMENT_NODE) take_element(&item, child);
    buf_printf(&place, "%s: line %ld", where, xmlGetLineNo((xmlNode *)(uintptr_t)node));
    int status = place.failed ? fail_memory(error, place.n)
                              : add_item(articles, place.data, &item, error);
    buf_free(&place);
    free_item(&item);
    return status;
}

/* The language of the feed's own element: xml:lang, or RSS's <language>. */
static void feed_language(const xmlNode *node, struct buf *out)
{
    xmlChar *language = xmlNodeGetLang(node);
    if (language) buf_add_string(out, (const char *)language);
    xmlFree(language);
    for (const xmlNode *child = node->children; child && out->n == 0; child = child->next)
        if (named(child, "language")) set_text(out, child);
}

static int read_items(struct articles *articles, const char *where, const xmlNode *parent,
                      struct view outer, recap_error *error)
{
    struct buf language = {0};
    feed_language(parent, &language);
    struct view own = language.n ? view_of_buf(&language) : outer;
    int status = RECAP_OK;
    for (const xmlNode *child = parent->children; child && status == RECAP_OK;
         child = child->next) {
        if (named(child, "item") || named(child, "entry"))
            status = read_item(articles, where, child, own, error);
        else if (named(child, "channel"))
            status = read_items(articles, where, child, own, error);
    }
    buf_free(&language);
    return status;
}

/* OPML: every outline with an address, in order. */
static int read_outlines(struct articles *articles, const char *where, const xmlNode *parent,
                         int depth, recap_error *error)
{
    int status = RECAP_OK;
    for (const xmlNode *child = parent->children; child && status == RECAP_OK;
         child = child->next) {
        if (child->type != XML_ELEMENT_NODE) continue;
        struct buf address = {0};
        if (named(child, "outline") && get_attribute(child, "xmlUrl", &address)) {
            if (!input_is_address(address.data ? address.data : ""))
                status = articles_refuse(articles, where, "an xmlUrl is not an https:// address",
                                         error);
            else if (depth >= list_depth)
                status = articles_refuse(articles, where, "lists of lists of lists of feeds",
                                         error);
            else
                status = articles_read_address(articles, address.data, depth + 1, error);
        }
        buf_free(&address);
        if (status == RECAP_OK) status = read_outlines(articles, where, child, depth, error);
    }
    return status;
}

static int read_root(struct articles *articles, const char *where, const xmlNode *root, int depth,
                     recap_error *error)
{
    struct view none = {"", 0};
    if (named(root, "rss") || named(root, "RDF") || named(root, "feed"))
        return read_items(articles, where, root, none, error);
    if (named(root, "opml")) return read_outlines(articles, where, root, depth, error);
    struct buf reason = {0};
    buf_printf(&reason, "<%s> is no feed that is known (RSS, Atom, OPML)",
               (const char *)root->name);
    int status = articles_refuse(articles, where, reason.data ? reason.data : "no feed", error);
    buf_free(&reason);
    return status;
}

/* encoding="..." of the XML declaration. */
static void declared_encoding(const char *data, size_t n, struct buf *out)
{
    size_t head = n < 200 ? n : 200;
    const char *end = memmem(data, head, "?>", 2);
    if (!end || n < 5 || memcmp(data, "<?xml", 5) != 0) return;
    const char *found = memmem(data, (size_t)(end - data), "encoding", 8);
    if (!found) return;
    found += 8;
    while (found < end && strchr(" =\"'", *found)) found++;
    const char *stop = found;
    while (stop < end && !strchr(" \"'", *stop)) stop++;
    buf_add(out, found, (size_t)(stop - found));
}

static xmlDoc *parse(const char *where, const struct buf *text)
{
    const int options = XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_NOERROR |
                        XML_PARSE_NOWARNING | XML_PARSE_BIG_LINES;
    xmlDoc *document = xmlReadMemory(text->data, (int)text->n, NULL, "UTF-8", options);
    if (document) return document;
    document = xmlReadMemory(text->data, (int)text->n, NULL, "UTF-8", options | XML_PARSE_RECOVER);
    if (document && xmlDocGetRootElement(document))
        log_message(LOG_WARNING, "%s: not well-formed XML; read as far as it can be mended", where);
    return document;
}

int feeds_read_xml(struct articles *articles, const char *where, const char *data, size_t n,
                   const char *charset, int depth, recap_error *error)
{
    struct buf encoding = {0}, text = {0};
    recap_error reason = {0};
    if (n > INT32_MAX) return articles_refuse(articles, where, "larger than 2 GiB", error);
    declared_encoding(data, n, &encoding);
    int status = text_decode(data, n, encoding.n ? encoding.data : charset, &text, &reason);
    buf_free(&encoding);
    if (status != RECAP_OK) {
        buf_free(&text);
        return articles_refuse(articles, where, reason.message, error);
    }
    xmlDoc *document = parse(where, &text);
    const xmlNode *root = document ? xmlDocGetRootElement(document) : NULL;
    status = root ? read_root(articles, where, root, depth, error)
                  : articles_refuse(articles, where, "neither XML nor HTML", error);
    xmlFreeDoc(document);
    buf_free(&text);
    return status;
}

/* ---- JSON Feed ---- */

static void set_json(struct buf *out, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (json_is_string(value)) buf_add(out, json_string_value(value), json_string_length(value));
    if (json_is_integer(value)) buf_printf(out, "%lld", (long long)json_integer_value(value));
}

static int read_json_item(struct articles *articles, const char *where, const json_t *object,
                          const json_t *feed, recap_error *error)
{
    struct item item = {0};
    if (!json_is_object(object))
        return articles_refuse(articles, where, "an item must be a JSON object", error);
    set_json(&item.id, object, "id");
    set_json(&item.title, object, "title");
    set_json(&item.url, object, "url");
    set_json(&item.language, object, "language");
    if (item.language.n == 0) set_json(&item.language, feed, "language");
    set_json(&item.date, object, "date_published");
    if (item.date.n == 0) set_json(&item.date, object, "date_modified");
    set_json(&item.body, object, "content_html");
    if (item.body.n == 0) set_json(&item.body, object, "content_text");
    set_json(&item.summary, object, "summary");
    int status = add_item(articles, where, &item, error);
    free_item(&item);
    return status;
}

int feeds_read_json(struct articles *articles, const char *where, const json_t *feed,
                    recap_error *error)
{
    const json_t *items = json_object_get(feed, "items");
    int status = RECAP_OK;
    if (!json_is_array(items))
        return articles_refuse(articles, where, "\"items\" must be a list", error);
    for (size_t i = 0; i < json_array_size(items) && status == RECAP_OK; i++) {
        struct buf place = {0};
        buf_printf(&place, "%s: item %zu", where, i + 1);
        status = place.failed
                     ? fail_memory(error, i)
                     : read_json_item(articles, place.data, json_array_get(items, i), feed, error);
        buf_free(&place);
    }
    return status;
}
