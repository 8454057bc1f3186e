/* Main text of pages, and unescaping. */
#include "../processor_time.h"
#include "text/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void extract(struct view html, const char *charset, struct buf *title, struct buf *text)
{
    recap_error error = {0};
    buf_clear(title);
    buf_clear(text);
    if (text_extract_html(html.data, html.n, charset, title, text, &error) != RECAP_OK)
        fail_msg("%s", error.message);
    buf_add(title, "", 0);
    buf_add(text, "", 0);
}

static void expect_page(const char *html, const char *expected)
{
    struct buf title = {0}, text = {0};
    extract(view_of(html), NULL, &title, &text);
    if (strcmp(text.data, expected) != 0) print_message("page: %s\n", html);
    assert_string_equal(text.data, expected);
    buf_free(&title);
    buf_free(&text);
}

static void expect_file(const char *name, const char *title_expected, const char *text_expected)
{
    char path[512];
    struct buf html = {0}, title = {0}, text = {0};
    snprintf(path, sizeof path, "%s/tests/text/data/%s", SOURCE_ROOT, name);
    assert_int_equal(file_read(path, 0, &html, NULL), RECAP_OK);
    extract((struct view){html.data, html.n}, NULL, &title, &text);
    assert_string_equal(title.data, title_expected);
    assert_string_equal(text.data, text_expected);
    buf_free(&html);
    buf_free(&title);
    buf_free(&text);
}

static void test_pages(void **state)
{
    expect_file("article-ja.html", "海辺の町で灯台まつり、三千人が集う",
                "海辺の町で十二日、灯台の完成百年を祝うまつりが開かれ、およそ三千人が訪れた。\n"
                "実行委員会によると、灯台の内部が公開されたのは十年ぶりで、朝から長い列ができた。"
                "“海の道しるべ”として知られる。\n"
                "夜には光の演出も\n"
                "夜は灯台の壁に映像を映す催しがあり、子どもたちが歓声を上げた。\n"
                "町は来年も続けたいとしている。A&B社も協賛した。");
    expect_file(
        "article-en.html", "Harbour wall to be rebuilt after storm",
        "The town council voted on Tuesday to rebuild the harbour wall that a storm broke in "
        "January, at a cost of 3.4 million pounds.\n"
        "“We could not wait another winter,” said the mayor, Ann Lee. She added that work "
        "would begin in May.\n"
        "Fishermen at the front of the quay had asked for help, and a café owner offered free "
        "coffee.\n"
        "The sea gives and the sea takes, as the old men say here.\n"
        "Work begins in May and ends in October.\n"
        "The quay stays open.");
    static const char *const notices[] = {"notice-sjis.html", "notice-eucjp.html"};
    for (size_t i = 0; i < COUNT_OF(notices); i++)
        expect_file(
            notices[i], "古い掲示板",
            "お知らせ\n町内の水道工事は二十日に終わりました。\nご協力ありがとうございました。\n"
            "なお、断水の予定はありません。戻る");
}

static void test_fragments(void **state)
{
    expect_page("", "");
    expect_page("   ", "");
    expect_page("短い文。", "短い文。");
    expect_page("<p>短い文。</p><p>次の文。</p>", "短い文。\n次の文。");
    expect_page("<ruby>虐待<rp>(</rp><rt>ぎゃくたい</rt><rp>)</rp></ruby>を防ぐ", "虐待を防ぐ");
    expect_page("<ruby>漢<rt>かん<rt>x</ruby><ruby>字<rt>じ</ruby>", "漢字");
    expect_page("日本\nの町 で", "日本の町 で");
    expect_page("one\ntwo<br>three.<br>four", "one two three.\nfour");
    expect_page("<div>a<span>b</span> c<div>d</div>e</div>", "ab c\nd\ne");
    expect_page("<a href='/'>only a link</a>", "");
    expect_page("<script>var a = '<p>x</p>';</script><style>p {}</style>text", "text");
    expect_page("<p>Hello &amp; good &eacute;vening &#x3042; &nosuch;</p>",
                "Hello & good évening あ &nosuch;");
    expect_page("<p>first paragraph<p>second <b>bold</b> one<ul><li>item</ul>",
                "first paragraph\nsecond bold one\nitem");
    expect_page("<body><nav>Home and more words of the menu</nav><p>Body.</p></body>", "Body.");
    expect_page("<h2><a href='#h'>Heading</a></h2><p>A paragraph of the usual length is here.</p>",
                "Heading\nA paragraph of the usual length is here.");
    /* A class name that holds nearly the whole page is not believed. */
    expect_page(
        "<div class='sidebar'><p>All the text of this page is in here, believe it.</p></div>",
        "All the text of this page is in here, believe it.");
}

static void test_title(void **state)
{
    static const struct {
        const char *html, *title;
    } titles[] = {
        {"<title>A &amp; B\n c</title><p>x</p>", "A & B c"},
        {"<title>Story - Site</title><h1>Story</h1>", "Story"},
        {"<title>Story</title><h1>Site</h1>", "Story"},
        {"<h1>Story</h1><p>x</p>", "Story"},
        {"<p>x</p>", ""},
        {"<meta property='og:title' content='Own'><title>Story</title>", "Own"},
    };
    for (size_t i = 0; i < COUNT_OF(titles); i++) {
        struct buf title = {0}, text = {0};
        extract(view_of(titles[i].html), NULL, &title, &text);
        assert_string_equal(title.data, titles[i].title);
        buf_free(&title);
        buf_free(&text);
    }
}

static void test_charset(void **state)
{
    struct buf title = {0}, text = {0};
    extract(view_of("<p>caf\xE9</p>"), "iso-8859-1", &title, &text);
    assert_string_equal(text.data, "café");
    /* What the page is wins over what its meta element says. */
    extract(view_of("<meta charset=shift_jis><p>日本</p>"), NULL, &title, &text);
    assert_string_equal(text.data, "日本");
    extract(view_of("<?xml version='1.0' encoding='EUC-JP'?><p>\xC6\xFC</p>"), NULL, &title, &text);
    assert_string_equal(text.data, "日");
    recap_error error = {0};
    assert_int_equal(text_extract_html("<p>日本\xE6\x97</p>", 11, NULL, &title, &text, &error),
                     RECAP_ERROR_INPUT);
    assert_non_null(strstr(error.message, "UTF-8 at byte 9"));
    buf_free(&title);
    buf_free(&text);
}

static void check_hostile(const char *unit, size_t count, const char *tail, const char *expected)
{
    struct buf html = {0}, title = {0}, text = {0};
    for (size_t i = 0; i < count; i++) buf_add_string(&html, unit);
    buf_add_string(&html, tail);
    double start = processor_seconds();
    extract((struct view){html.data, html.n}, NULL, &title, &text);
    double spent = processor_seconds() - start;
    print_message("%.20s x %zu: %.3f s\n", unit, count, spent);
    assert_true(spent < 20);
    if (expected) assert_string_equal(text.data, expected);
    buf_free(&html);
    buf_free(&title);
    buf_free(&text);
}

static void test_hostile(void **state)
{
    static const char tail[] = "<p>Some text of a usual length, with words.</p>";
    static const char text[] = "Some text of a usual length, with words.";
    check_hostile("<div>", 100000, tail, text);
    check_hostile("<font>", 100000, tail, text);
    check_hostile("<div></p>", 50000, tail, text);
    check_hostile("<b><p>", 20000, tail, NULL);
    check_hostile("<ul><li>", 20000, tail, NULL);
    check_hostile("<table><tr><td>", 20000, tail, NULL);
    check_hostile("</div>", 100000, tail, text);
    check_hostile("<p ", 1, "", "");
    struct buf attributes = {0};
    buf_add_string(&attributes, "<p");
    for (int i = 0; i < 50000; i++) buf_printf(&attributes, " a%d=1", i);
    buf_add_string(&attributes, ">");
    check_hostile(attributes.data, 1, "Some text.", "Some text.");
    buf_free(&attributes);
    check_hostile("<iframe src=\"", 1, "x", "");
    check_hostile("<", 200000, "", NULL);
    check_hostile("&", 200000, "", NULL);
    check_hostile("<!--", 100000, "", NULL);
    check_hostile("<script>", 100000, "", NULL);
}

/* ---- unescaping ---- */

static void unescape(struct view text, struct buf *out)
{
    buf_clear(out);
    text_unescape(text, out);
    buf_add(out, "", 0);
}

static void test_unescape(void **state)
{
    static const struct {
        const char *text, *expected;
    } examples[] = {
        {"AT&T", "AT&T"},
        {"A&amp;amp;B &amp;#39;x&amp;#39;", "A&B 'x'"},
        {"&lt;p&gt;", ""},
        {"one&lt;p&gt;two", "one\ntwo"},
        {"&copy", "&copy"},
        {"&copy;", "©"},
        {"&#x3042;&#12354;&hellip;&apos;&quot;", "ああ…'\""},
        {"&#146;&#128;", "’€"},
        {"&#0;&#xD800;&#99999999;&;&#;&#x;", "&#0;&#xD800;&#99999999;&;&#;&#x;"},
        {"a < b > c <URL> <MCD> <3", "a < b > c <URL> <MCD> <3"},
        {"<b>bold</b> <I class=\"x\">it</I><br/>new", "bold it\nnew"},
        {"<a title=\"<b>\">x</a>", "x"},
        {"<<b>p>x", "x"},
        {"&a&#109;p;", "&"},
        {"a&am<b></b>p;b", "a&b"},
        {"x<!-- hidden > too -->y", "xy"},
        {"x<!-- open", "x<!-- open"},
        {"<ruby>虐待<rp>(</rp><rt>ぎゃくたい</rt><rp>)</rp></ruby>を防ぐ", "虐待を防ぐ"},
        {"<ruby>漢<rt>かん</ruby>字", "漢字"},
        {"<script>var a;</script>x", "x"},
        {"<p>One</p><p>Two</p>", "One\nTwo"},
        {"&amp;lt;b&amp;gt;x", "x"},
        {"", ""},
    };
    struct buf out = {0};
    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        unescape(view_of(examples[i].text), &out);
        if (strcmp(out.data, examples[i].expected) != 0) print_message("%s\n", examples[i].text);
        assert_string_equal(out.data, examples[i].expected);
    }
    buf_clear(&out);
    buf_add_string(&out, "&am"); /* what stood there before is not looked at */
    text_unescape(view_of("p;"), &out);
    assert_string_equal(out.data, "&amp;");
    buf_free(&out);
}

static void test_unescape_stable(void **state)
{
    static const char *const parts[] = {
        "&",    "amp",   ";",      "#",    "39",   "x27", "lt",   "gt",   "<",    ">",
        "/",    "b",     "p",      "rt",   "ruby", "!--", "--",   "-",    " ",    "a",
        "=\"",  "\"",    "script", "日",   "59",   "38",  "\n",   "&lt;", "&gt;", "&amp;",
        "<rt>", "</rt>", "<b>",    "</b>", "<p>",  "-->", "<!--", "\xFF",
    };
    for (uint64_t round = 0; round < 50000; round++) {
        struct buf text = {0}, once = {0}, twice = {0};
        uint64_t n = random_below(40, 5, round, 0);
        for (uint64_t i = 1; i <= n; i++)
            buf_add_string(&text, parts[random_below(COUNT_OF(parts), 5, round, i)]);
        unescape((struct view){text.data, text.n}, &once);
        unescape((struct view){once.data, once.n}, &twice);
        if (strcmp(once.data, twice.data) != 0)
            fail_msg("'%s' -> '%s' -> '%s'", text.data, once.data, twice.data);
        buf_free(&text);
        buf_free(&once);
        buf_free(&twice);
    }
}

static void test_unescape_linear(void **state)
{
    static const char *const units[] = {"&amp;", "amp;", "&#59", "<b>",        "<",    ">", "&",
                                        "<!--",  "-->",  "<rt>", "<rt>></rt>", "&lt;", "a"};
    for (size_t k = 0; k < COUNT_OF(units); k++) {
        struct buf text = {0}, out = {0};
        buf_add_string(&text, "&");
        for (size_t i = 0; i < 200000; i++) buf_add_string(&text, units[k]);
        buf_add_string(&text, ";");
        double start = processor_seconds();
        unescape((struct view){text.data, text.n}, &out);
        double spent = processor_seconds() - start;
        print_message("%s: %.3f s\n", units[k], spent);
        assert_true(spent < 20);
        buf_free(&text);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),           cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_title),           cmocka_unit_test(test_charset),
        cmocka_unit_test(test_hostile),         cmocka_unit_test(test_unescape),
        cmocka_unit_test(test_unescape_stable), cmocka_unit_test(test_unescape_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
