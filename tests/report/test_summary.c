/* The terminal summary: no line wider than asked, wide characters counted, no control sequences of
 * an article's; and dates of every accepted shape. */
#include "sample_run.h" /* before cmocka, whose fail is a macro */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <utf8proc.h>

static size_t line_width(const char *line, size_t n)
{
    size_t width = 0;
    for (size_t i = 0; i < n;) {
        uint32_t c = utf8_next(line, n, &i);
        assert_int_not_equal(c, UINT32_MAX);
        assert_true(c >= 0x20); /* no escape, no tab */
        int columns = utf8proc_charwidth((utf8proc_int32_t)c);
        width += columns > 0 ? (size_t)columns : 0;
    }
    return width;
}

static void check_width(const struct report_run *run, size_t width)
{
    struct buf out = {0};
    assert_int_equal(report_summary(run, width, false, &out, NULL), RECAP_OK);
    for (const char *line = out.data; *line;) {
        size_t n = strcspn(line, "\n");
        size_t found = line_width(line, n);
        if (found > width) fail_msg("%zu columns of %zu: %.*s", found, width, (int)n, line);
        line += n + (line[n] == '\n');
    }
    buf_free(&out);
}

static void test_widths(void **state)
{
    struct sample sample;
    static const size_t widths[] = {40, 41, 42, 43, 57, 80, 81, 132, 1000};
    assert_true(
        sample_small("とても長い題名がここに続く、とても長い題名がここに続く、まだ続く", &sample));
    for (size_t i = 0; i < COUNT_OF(widths); i++) check_width(&sample.run, widths[i]);
    sample_free(&sample);
    assert_true(sample_small(
        "か\xe3\x82\x99 e\xcc\x81 👩‍👩‍👧 \x1b[31mred\x1b[0m\r\n\xe2\x80\xae\xff",
        &sample));
    for (size_t i = 0; i < COUNT_OF(widths); i++) check_width(&sample.run, widths[i]);
    sample_free(&sample);
}

static void test_week_widths(void **state)
{
    struct sample sample;
    if (!sample_week(SOURCE_ROOT "/examples/week.jsonl", &sample)) skip();
    for (size_t width = 40; width < 100; width += 7) check_width(&sample.run, width);
    sample_free(&sample);
}

static void test_words(void **state)
{
    struct sample sample;
    struct buf plain = {0}, color = {0};
    assert_true(sample_small(NULL, &sample));
    assert_int_equal(report_summary(&sample.run, 80, false, &plain, NULL), RECAP_OK);
    assert_non_null(strstr(plain.data, "16 Nov 2026 – 22 Nov 2026"));
    assert_non_null(strstr(plain.data, "5 articles, 2 genres, 1 story, 4 sentences"));
    assert_non_null(strstr(plain.data, "2 articles  River bursts its banks"));
    assert_non_null(strstr(plain.data, "1 repeated sentence, 1 sentence in no story"));
    assert_non_null(strstr(plain.data, "Too small to cluster: Food (1)"));
    assert_null(strchr(plain.data, '\033'));
    assert_int_equal(report_summary(&sample.run, 80, true, &color, NULL), RECAP_OK);
    assert_non_null(strstr(color.data, "\033[1m"));
    buf_free(&plain);
    buf_free(&color);
    sample_free(&sample);
}

static void test_empty(void **state)
{
    struct report_run run = {0};
    struct buf out = {0};
    assert_int_equal(report_summary(&run, 0, false, &out, NULL), RECAP_OK);
    assert_non_null(strstr(out.data, "0 articles"));
    buf_free(&out);
}

/* Any time an article may carry: the documents take it or leave it, and never fail. */
static void test_dates(void **state)
{
    static const char *const times[] = {"2026-11-17t01:02:03.123456789z",
                                        "2026-11-17 10:00:00",
                                        "2099-01-01T00:00:00Z",
                                        "0001-01-01T00:00:00Z",
                                        "2025-02-29T00:00:00Z",
                                        "Mon, 16 Nov 2026 09:00:00 GMT",
                                        "",
                                        "2026-13-01T00:00:00Z",
                                        "9999-12-31T23:59:60+23:59"};
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        struct sample sample;
        struct buf out = {0};
        assert_true(sample_small(NULL, &sample));
        for (size_t a = 0; a < 3; a++)
            ((recap_article *)sample.run.articles)[a].published_at =
                times[(i + a) % COUNT_OF(times)];
        sample.run.since = sample.run.until = NULL;
        sample.run.created_at = times[i];
        assert_int_equal(report_html(&sample.run, &out, NULL), RECAP_OK);
        assert_int_equal(report_json(&sample.run, &out, NULL), RECAP_OK);
        assert_int_equal(report_atom(&sample.run, &out, NULL), RECAP_OK);
        assert_int_equal(report_markdown(&sample.run, &out, NULL), RECAP_OK);
        check_width(&sample.run, 60);
        buf_free(&out);
        sample_free(&sample);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_widths), cmocka_unit_test(test_week_widths),
        cmocka_unit_test(test_words),  cmocka_unit_test(test_empty),
        cmocka_unit_test(test_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
