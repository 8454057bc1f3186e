/* Titles and bodies that carry entities or tags as text.
 *
 * The rule: an entity that ends in ';' becomes its character, again and again until none is left
 * ('&amp;amp;' is '&', '&amp;#39;' is an apostrophe); one without ';' is text ('AT&T', '&copy').
 * A tag with the name of an HTML element is removed, escaped or not; where it begins or ends a
 * block the line ends. What stands between <rt>, <rp>, <script> or <style> and its end goes with
 * it, and so do comments. Other angle brackets are text ('<URL>', 'a < b', '<MCD>').
 *
 * Every character is appended by one function, which looks whether it completes an entity, a tag or
 * a comment that the output then ends in, takes that back and appends what it stands for the same
 * way. So the output never holds anything to unescape (a second pass changes nothing), whatever was
 * nested in what, and each character is appended and taken back once: linear time. */
#include "text_private.h"

#include <libxml/HTMLparser.h>
#include <string.h>

enum {
    entity_bytes = 32,
    tag_bytes = 2048,    /* a longer one is text */
    reading_bytes = 200, /* so is a longer reading */
};

struct output {
    struct buf *buf;
    size_t start;         /* of what this call appended */
    size_t comment;       /* where '<!--' stands; SIZE_MAX: none */
    size_t dropped;       /* where the content to be dropped began; SIZE_MAX: none */
    char dropped_name[8]; /* of its element */
};

/* Takes everything from `size` on back. */
static void shorten(struct output *o, size_t size)
{
    o->buf->n = size;
    o->buf->data[size] = '\0';
    if (o->comment != SIZE_MAX && o->comment >= size) o->comment = SIZE_MAX;
    if (o->dropped != SIZE_MAX && o->dropped > size) o->dropped = SIZE_MAX;
}

/* ---- entities ---- */

/* What feeds mean by &#128; to &#159;: windows-1252. */
static uint32_t of_windows(uint32_t c)
{
    static const uint16_t table[32] = {
        0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021, 0x2C6,  0x2030, 0x160,
        0x2039, 0x152,  0x8D,   0x17D,  0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
        0x2013, 0x2014, 0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178,
    };
    return c >= 0x80 && c < 0xA0 ? table[c - 0x80] : c;
}

/* The character of '#39' or '#x27'; 0: none. */
static uint32_t numeric(const char *name, size_t n)
{
    bool hex = n > 1 && (name[1] | 32) == 'x';
    size_t i = hex ? 2 : 1;
    uint32_t c = 0;
    if (i >= n) return 0;
    for (; i < n; i++) {
        uint32_t digit = (uint32_t)(unsigned char)name[i];
        if (digit >= '0' && digit <= '9')
            digit -= '0';
        else if (hex && (digit | 32) >= 'a' && (digit | 32) <= 'f')
            digit = (digit | 32) - 'a' + 10;
        else
            return 0;
        c = c * (hex ? 16 : 10) + digit;
        if (c > 0x10FFFF) return 0;
    }
    return c >= 0xD800 && c <= 0xDFFF ? 0 : of_windows(c);
}

static uint32_t entity_value(const char *name, size_t n)
{
    if (n == 0 || n >= entity_bytes) return 0;
    if (name[0] == '#') return numeric(name, n);
    char copy[entity_bytes];
    memcpy(copy, name, n);
    copy[n] = '\0';
    if (strcmp(copy, "apos") == 0) return '\'';
    const htmlEntityDesc *entity = htmlEntityLookup((const xmlChar *)copy);
    return entity ? entity->value : 0;
}

/* The output has got a ';'. Takes the entity back that it ends; its character, or 0. */
static uint32_t close_entity(struct output *o)
{
    size_t end = o->buf->n - 1, begin = end;
    const char *data = o->buf->data;
    while (begin > o->start && end - begin < entity_bytes && data[begin - 1] != '&' &&
           (text_is_ascii_alphanumeric((unsigned char)data[begin - 1]) || data[begin - 1] == '#'))
        begin--;
    if (begin == o->start || data[begin - 1] != '&') return 0;
    uint32_t c = entity_value(data + begin, end - begin);
    if (c) shorten(o, begin - 1);
    return c;
}

/* ---- tags ---- */

static const char *const elements[] = {
    "a",      "abbr",       "acronym",  "address",    "article", "aside",   "audio",   "b",
    "big",    "blockquote", "body",     "br",         "button",  "caption", "center",  "cite",
    "code",   "col",        "dd",       "del",        "dfn",     "div",     "dl",      "dt",
    "em",     "embed",      "fieldset", "figcaption", "figure",  "font",    "footer",  "form",
    "h1",     "h2",         "h3",       "h4",         "h5",      "h6",      "head",    "header",
    "hr",     "html",       "i",        "iframe",     "img",     "input",   "ins",     "kbd",
    "label",  "li",         "link",     "main",       "mark",    "meta",    "nav",     "noscript",
    "object", "ol",         "p",        "param",      "picture", "pre",     "q",       "rb",
    "rp",     "rt",         "ruby",     "s",          "samp",    "script",  "section", "small",
    "source", "span",       "strike",   "strong",     "style",   "sub",     "sup",     "svg",
    "table",  "tbody",      "td",       "tfoot",      "th",      "thead",   "time",    "title",
    "tr",     "tt",         "u",        "ul",         "var",     "video",   "wbr",
};

static const char *const inline_elements[] = {
    "a",    "abbr", "acronym", "b",    "big",    "cite",  "code", "del",    "dfn",    "em",
    "font", "i",    "img",     "ins",  "kbd",    "label", "mark", "q",      "rb",     "rp",
    "rt",   "ruby", "s",       "samp", "script", "small", "span", "strike", "strong", "style",
    "sub",  "sup",  "time",    "tt",   "u",      "var",   "wbr",
};

struct tag {
    char name[12]; /* lower case */
    bool closing;
};

/* Is data[0..n), from '<' to '>', the tag of an HTML element? */
static bool parse_tag(const char *data, size_t n, struct tag *tag)
{
    size_t i = 1, length = 0;
    tag->closing = i < n && data[i] == '/';
    i += tag->closing;
    for (; i < n && text_is_ascii_alphanumeric((unsigned char)data[i]); i++) {
        if (length + 1 >= sizeof tag->name) return false;
        char c = data[i];
        tag->name[length++] = c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
    }
    tag->name[length] = '\0';
    if (i >= n || !memchr(" \t\r\n/>", data[i], 6)) return false;
    return text_in_list((struct view){tag->name, length}, elements, COUNT_OF(elements));
}

static bool drops_content(const char *name)
{
    return strcmp(name, "rt") == 0 || strcmp(name, "rp") == 0 || strcmp(name, "script") == 0 ||
           strcmp(name, "style") == 0;
}

/* Does this tag end the element whose content is being dropped? A reading may lack its end tag. */
static bool ends_dropped(const struct output *o, const struct tag *tag)
{
    if (tag->closing && strcmp(tag->name, o->dropped_name) == 0) return true;
    bool reading = o->dropped_name[0] == 'r';
    return reading && ((tag->closing && strcmp(tag->name, "ruby") == 0) ||
                       (!tag->closing && drops_content(tag->name)) ||
                       (!tag->closing && strcmp(tag->name, "rb") == 0));
}

/* Drops what is to be dropped; '\n' where the tag ends a line, else 0. */
static uint32_t act_on_tag(struct output *o, const struct tag *tag)
{
    if (o->dropped != SIZE_MAX && ends_dropped(o, tag)) {
        if (o->dropped_name[0] != 'r' || o->buf->n - o->dropped <= reading_bytes)
            shorten(o, o->dropped);
        o->dropped = SIZE_MAX;
    }
    if (!tag->closing && drops_content(tag->name) && o->dropped == SIZE_MAX) {
        o->dropped = o->buf->n;
        snprintf(o->dropped_name, sizeof o->dropped_name, "%.7s", tag->name);
    }
    if (text_in_list(view_of(tag->name), inline_elements, COUNT_OF(inline_elements))) return 0;
    return o->buf->n > o->start && o->buf->data[o->buf->n - 1] != '\n' ? '\n' : 0;
}

/* The output has got a '>'. Takes the tag or comment back that it ends; what stands for it, or 0.
 */
static uint32_t close_angle(struct output *o)
{
    size_t n = o->buf->n, open = n - 1;
    const char *data = o->buf->data;
    if (o->comment != SIZE_MAX && n - o->comment >= 7 && memcmp(data + n - 3, "-->", 3) == 0) {
        shorten(o, o->comment);
        return 0;
    }
    while (open > o->start && n - open < tag_bytes && data[open - 1] != '<' &&
           data[open - 1] != '>')
        open--;
    struct tag tag;
    if (open == o->start || data[open - 1] != '<' ||
        !parse_tag(data + open - 1, n - open + 1, &tag))
        return 0;
    shorten(o, open - 1);
    return act_on_tag(o, &tag);
}

static void append(struct output *o, uint32_t c)
{
    while (c) {
        buf_add_code_point(o->buf, c);
        if (o->buf->failed) return;
        size_t n = o->buf->n;
        if (c == '-' && o->comment == SIZE_MAX && n - o->start >= 4 &&
            memcmp(o->buf->data + n - 4, "<!--", 4) == 0)
            o->comment = n - 4;
        c = c == ';' ? close_entity(o) : c == '>' ? close_angle(o) : 0;
    }
}

void text_unescape(struct view text, struct buf *out)
{
    struct output o = {.buf = out, .start = out->n, .comment = SIZE_MAX, .dropped = SIZE_MAX};
    for (size_t i = 0; i < text.n && !out->failed;) {
        size_t start = i;
        uint32_t c = utf8_next(text.data, text.n, &i);
        if (c == UINT32_MAX || c == 0)
            buf_add(out, text.data + start, i - start);
        else
            append(&o, c);
    }
    while (out->n > o.start && out->data[out->n - 1] == '\n') shorten(&o, out->n - 1);
}
