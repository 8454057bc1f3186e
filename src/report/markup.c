/* Text made safe: what an article says never becomes markup, a link only where it is http(s). */
#include "report_private.h"

#include <string.h>
#include <strings.h>

/* What XML 1.0 can't hold, and HTML should not. */
static bool is_forbidden(uint32_t c)
{
    return (c < 0x20 && c != '\t' && c != '\n') || (c >= 0x7f && c < 0xa0) ||
           (c >= 0xd800 && c < 0xe000) || c == 0xfffe || c == 0xffff || c > 0x10ffff;
}

static void add_escaped(struct buf *out, uint32_t c)
{
    switch (c) {
    case '&':
        buf_add_string(out, "&amp;");
        break;
    case '<':
        buf_add_string(out, "&lt;");
        break;
    case '>':
        buf_add_string(out, "&gt;");
        break;
    case '"':
        buf_add_string(out, "&quot;");
        break;
    case '\'':
        buf_add_string(out, "&#39;");
        break;
    default:
        buf_add_code_point(out, is_forbidden(c) ? 0xfffd : c);
    }
}

void report_add_text_cut(struct buf *out, const char *text, size_t n)
{
    if (!text) return;
    size_t length = strlen(text), i = 0;
    for (size_t done = 0; i < length && done < n; done++)
        add_escaped(out, utf8_next(text, length, &i));
    if (i < length) buf_add_string(out, "…");
}

void report_add_text(struct buf *out, const char *text)
{
    report_add_text_cut(out, text, SIZE_MAX);
}

bool report_is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static size_t scheme_length(const char *url)
{
    if (strncasecmp(url, "https://", 8) == 0) return 8;
    if (strncasecmp(url, "http://", 7) == 0) return 7;
    return 0;
}

bool report_url_is_safe(const char *url)
{
    if (!url) return false;
    size_t start = scheme_length(url), n = strlen(url);
    if (!start || !url[start] || strchr("/?#:@", url[start])) return false;
    for (size_t i = 0; i < n;) {
        uint32_t c = utf8_next(url, n, &i);
        if (c == UINT32_MAX || report_is_control(c) || c == ' ' || c == '\\') return false;
    }
    return true;
}

struct view report_url_host(const char *url)
{
    const char *host = url + scheme_length(url);
    size_t n = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', n);
    if (at) {
        n -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    if (n > 4 && strncasecmp(host, "www.", 4) == 0) return (struct view){host + 4, n - 4};
    return (struct view){host, n};
}

void report_add_lang(struct buf *out, const char *language)
{
    if (!language) return;
    if (strcmp(language, "ja") == 0) buf_add_string(out, " lang=\"ja\"");
    if (strcmp(language, "en") == 0) buf_add_string(out, " lang=\"en\"");
}

bool report_is_blank(const char *text)
{
    if (!text) return true;
    size_t n = strlen(text);
    for (size_t i = 0; i < n;) {
        uint32_t c = utf8_next(text, n, &i);
        if (c != ' ' && c != 0xa0 && c != 0x3000 && !report_is_control(c)) return false;
    }
    return true;
}
