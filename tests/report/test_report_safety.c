/* Whatever an article says stays text: in HTML, Atom, CSV and Markdown.
 *
 * A report of hostile texts must have the same elements as one of harmless texts, no handler, no
 * address but http(s), and no script but its own. */
#include "sample_run.h" /* before cmocka, whose fail is a macro */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libxml/HTMLparser.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

static const char *const hostile[] = {
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</title></style></textarea><img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "' onmouseover='alert(1)",
    "\" autofocus onfocus=\"alert(1)",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?php echo 1 ?>",
    "&lt;b&gt;&#60;b&#62;&amp;",
    "&",
    "&#x3c;script&#x3e;",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "\x01javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "//evil.example/",
    "http:evil",
    "https://",
    "https:///x",
    "http://exa mple.com/",
    "http://example.com/\"onclick=\"x",
    "HTTP://EXAMPLE.COM/<b>",
    "https://user@example.com\\@evil.example/",
    "\xff\xfe<b>\xc0\xbc"
    "script\xc0\xbe",
    "\xef\xbf\xbf\xef\xbf\xbe",
    "a\x1b[31mb\x07\x08",
    "\xe2\x80\xae"
    "evil\xe2\x81\xa6",
    "\r\n\r\n# heading\n* item",
    "`code` [x](javascript:y) **b**",
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "a,b\"c\"\r\nd",
    "{{7*7}} ${x} <% x %>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0>",
};

/* ---- HTML ---- */

struct tally {
    size_t scripts, styles, images, others; /* elements but a and span */
    size_t links;
};

static bool allowed_target(const char *value)
{
    return value[0] == '#' || strncasecmp(value, "https://", 8) == 0 ||
           strncasecmp(value, "http://", 7) == 0 || strcmp(value, "data:,") == 0;
}

static void check_attributes(const xmlNode *node)
{
    for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next) {
        const char *name = (const char *)attribute->name;
        assert_false(strncasecmp(name, "on", 2) == 0 || strcasecmp(name, "style") == 0);
        if (strcasecmp(name, "href") != 0 && strcasecmp(name, "src") != 0) continue;
        xmlChar *value = xmlGetProp(node, attribute->name);
        if (!allowed_target((const char *)value)) fail_msg("a link to %s", (const char *)value);
        xmlFree(value);
    }
}

static void count_elements(const xmlNode *node, struct tally *tally)
{
    for (; node; node = node->next) {
        if (node->type != XML_ELEMENT_NODE) continue;
        const char *name = (const char *)node->name;
        if (strcmp(name, "script") == 0)
            tally->scripts++;
        else if (strcmp(name, "style") == 0)
            tally->styles++;
        else if (strcmp(name, "img") == 0 || strcmp(name, "base") == 0)
            tally->images++;
        else if (strcmp(name, "a") == 0)
            tally->links++;
        else if (strcmp(name, "span") != 0)
            tally->others++;
        check_attributes(node);
        count_elements(node->children, tally);
    }
}

static struct tally tally_html(const struct report_run *run)
{
    struct buf out = {0};
    struct tally tally = {0};
    assert_int_equal(report_html(run, &out, NULL), RECAP_OK);
    assert_int_equal(utf8_check(out.data, out.n), out.n);
    assert_int_equal(strlen(out.data), out.n);
    htmlDocPtr document = htmlReadMemory(out.data, (int)out.n, NULL, "UTF-8",
                                         HTML_PARSE_RECOVER | HTML_PARSE_NOERROR |
                                             HTML_PARSE_NOWARNING | HTML_PARSE_NONET);
    assert_non_null(document);
    count_elements(xmlDocGetRootElement(document), &tally);
    xmlFreeDoc(document);
    buf_free(&out);
    return tally;
}

static void test_html(void **state)
{
    struct sample sample;
    assert_true(sample_small(" harmless", &sample));
    struct tally harmless = tally_html(&sample.run);
    sample_free(&sample);
    assert_int_equal(harmless.scripts, 1);
    assert_int_equal(harmless.styles, 1);
    assert_true(harmless.others > 50);
    for (size_t i = 0; i < COUNT_OF(hostile); i++) {
        assert_true(sample_small(hostile[i], &sample));
        struct tally tally = tally_html(&sample.run);
        sample_free(&sample);
        if (tally.scripts != 1 || tally.styles != 1 || tally.images ||
            tally.others != harmless.others)
            fail_msg("%s changed the page: %zu elements, not %zu", hostile[i], tally.others,
                     harmless.others);
    }
}

static void test_unsafe_addresses(void **state)
{
    struct sample sample;
    struct buf out = {0};
    assert_true(sample_small(NULL, &sample)); /* its third article's address is javascript: */
    assert_int_equal(report_html(&sample.run, &out, NULL), RECAP_OK);
    assert_null(strstr(out.data, "javascript:"));
    assert_non_null(strstr(out.data, "href=\"https://example.com/story?a=1&amp;b=2\""));
    assert_non_null(strstr(out.data, "default-src 'none'"));
    assert_null(strstr(out.data, "unsafe-inline"));
    assert_non_null(strstr(out.data, "<p lang=\"ja\">川の水位は"));
    buf_free(&out);
    sample_free(&sample);
}

/* Either language; a run of nothing; genres without evidence. */
static void test_html_kinds(void **state)
{
    struct report_run empty = {0};
    struct buf out = {0};
    assert_int_equal(report_html(&empty, &out, NULL), RECAP_OK);
    assert_non_null(strstr(out.data, "nothing to cluster"));
    buf_clear(&out);
    empty.language = "ja";
    assert_int_equal(report_html(&empty, &out, NULL), RECAP_OK);
    assert_non_null(strstr(out.data, "<html lang=\"ja\">"));
    assert_non_null(strstr(out.data, "まとめる記事がありません"));
    buf_free(&out);
}

/* ---- Atom ---- */

static void test_atom(void **state)
{
    for (size_t i = 0; i < COUNT_OF(hostile); i++) {
        struct sample sample;
        struct buf out = {0};
        assert_true(sample_small(hostile[i], &sample));
        assert_int_equal(report_atom(&sample.run, &out, NULL), RECAP_OK);
        xmlDocPtr document = xmlReadMemory(out.data, (int)out.n, NULL, NULL,
                                           XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                                               XML_PARSE_NONET);
        if (!document) fail_msg("not well-formed with %s:\n%s", hostile[i], out.data);
        const xmlNode *root = xmlDocGetRootElement(document);
        assert_string_equal(root->name, "feed");
        size_t entries = 0;
        for (const xmlNode *node = root->children; node; node = node->next)
            entries += node->type == XML_ELEMENT_NODE &&
                       strcmp((const char *)node->name, "entry") == 0;
        assert_int_equal(entries, 1);
        struct tally tally = {0};
        count_elements(root, &tally);
        assert_int_equal(tally.scripts + tally.images, 0);
        xmlFreeDoc(document);
        buf_free(&out);
        sample_free(&sample);
    }
}

static void test_atom_ids_stay(void **state)
{
    struct sample sample;
    struct buf first = {0}, second = {0};
    assert_true(sample_small(NULL, &sample));
    assert_int_equal(report_atom(&sample.run, &first, NULL), RECAP_OK);
    sample.run.created_at = "2026-11-24 00:00:00.25+09:00";
    assert_int_equal(report_atom(&sample.run, &second, NULL), RECAP_OK);
    const char *entry = strstr(strstr(first.data, "<entry>"), "urn:uuid:");
    char id[46] = {0};
    memcpy(id, entry, 45);
    assert_non_null(strstr(second.data, id));
    assert_non_null(strstr(second.data, "<updated>2026-11-24T00:00:00.25+09:00</updated>"));
    buf_free(&first);
    buf_free(&second);
    sample_free(&sample);
}

/* ---- CSV ---- */

/* Reads one RFC 4180 record; the cells land in `cells`, NUL-terminated. */
static size_t read_record(const char **text, struct buf *cells, size_t *starts, size_t most)
{
    size_t n = 0;
    buf_clear(cells);
    const char *p = *text;
    for (;;) {
        assert_in_range(n, 0, most - 1);
        starts[n++] = cells->n;
        if (*p == '"') {
            for (p++; *p && (*p != '"' || p[1] == '"'); p++) {
                if (*p == '"') p++;
                buf_add_byte(cells, *p);
            }
            assert_int_equal(*p++, '"');
        } else {
            for (; *p && !strchr(",\"\r\n", *p); p++) buf_add_byte(cells, *p);
        }
        buf_add_byte(cells, '\0');
        if (*p != ',') break;
        p++;
    }
    assert_int_equal(*p++, '\r');
    assert_int_equal(*p++, '\n');
    *text = p;
    return n;
}

static void test_csv(void **state)
{
    for (size_t i = 0; i < COUNT_OF(hostile); i++) {
        struct sample sample;
        struct buf out = {0}, cells = {0};
        size_t starts[20], rows = 0;
        assert_true(sample_small(hostile[i], &sample));
        assert_int_equal(report_csv(&sample.run, &out, NULL), RECAP_OK);
        for (const char *p = out.data; *p; rows++) {
            assert_int_equal(read_record(&p, &cells, starts, 20), 13);
            for (size_t c = 0; c < 13; c++) {
                const char *cell = cells.data + starts[c];
                if (c == 1 || rows == 0) continue; /* the cluster's own number may be -1 */
                assert_null(strchr("=+-@\t\r", cell[0] ? cell[0] : 'x'));
            }
        }
        assert_int_equal(rows, 1 + 3);
        buf_free(&cells);
        buf_free(&out);
        sample_free(&sample);
    }
}

static void test_csv_formula(void **state)
{
    struct sample sample;
    struct buf out = {0};
    assert_true(sample_small(NULL, &sample));
    recap_article article = sample.run.articles[1];
    article.title = "=HYPERLINK(\"http://evil.example\",\"x\")";
    ((recap_article *)sample.run.articles)[1] = article;
    assert_int_equal(report_csv(&sample.run, &out, NULL), RECAP_OK);
    assert_non_null(strstr(out.data, ",\"'=HYPERLINK(\"\"http://evil.example\"\",\"\"x\"\")\","));
    buf_free(&out);
    sample_free(&sample);
}

/* ---- Markdown ---- */

static size_t count_text(const char *text, const char *wanted)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, wanted)); p += strlen(wanted)) n++;
    return n;
}

static void test_markdown(void **state)
{
    for (size_t i = 0; i < COUNT_OF(hostile); i++) {
        struct sample sample;
        struct buf out = {0};
        assert_true(sample_small(hostile[i], &sample));
        assert_int_equal(report_markdown(&sample.run, &out, NULL), RECAP_OK);
        assert_int_equal(count_text(out.data, "\n# ") + (strncmp(out.data, "# ", 2) == 0), 1);
        assert_int_equal(count_text(out.data, "\n## "), 2);
        assert_int_equal(count_text(out.data, "\n### "), 1);
        assert_int_equal(count_text(out.data, "\n- "), 2);
        for (const char *p = out.data; (p = strstr(p, "](")); p++)
            assert_true(p[-1] == '\\' || strncasecmp(p, "](<http", 7) == 0);
        for (const char *p = out.data; (p = strchr(p, '<')); p++) /* only link targets */
            assert_true(p > out.data && (p[-1] == '\\' || p[-1] == '('));
        buf_free(&out);
        sample_free(&sample);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_html),          cmocka_unit_test(test_unsafe_addresses),
        cmocka_unit_test(test_html_kinds),    cmocka_unit_test(test_atom),
        cmocka_unit_test(test_atom_ids_stay), cmocka_unit_test(test_csv),
        cmocka_unit_test(test_csv_formula),   cmocka_unit_test(test_markdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
