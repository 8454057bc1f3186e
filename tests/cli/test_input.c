/* The input room of the command line: dates, lines, matrices, articles, feeds. */
#include "cli/input.h" /* before cmocka, which has a macro fail() */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/recap-test-XXXXXX";

static const char *place(const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *put(const char *name, const void *data, size_t n)
{
    const char *path = place(name);
    assert_int_equal(file_write(path, data, n, NULL), RECAP_OK);
    return path;
}

static const char *put_text(const char *name, const char *text)
{
    return put(name, text, strlen(text));
}

/* ---- dates ---- */

static void check_date(const char *text, int64_t seconds, int offset)
{
    struct date date;
    assert_true(date_parse_rfc3339(view_of(text), true, &date));
    assert_int_equal(date.seconds, seconds);
    assert_int_equal(date.offset, offset);
}

static void test_rfc3339(void **state)
{
    check_date("1970-01-01T00:00:00Z", 0, 0);
    check_date("2000-02-29T23:59:59Z", 951868799, 0);
    check_date("2025-01-31T09:00:00+09:00", 1738281600, 540);
    check_date("2025-01-31t00:00:00z", 1738281600, 0);
    check_date("2025-01-31 00:00:00", 1738281600, 0);
    check_date("2025-01-31T00:00:00.123456789Z", 1738281600, 0);
    check_date("2025-01-31T00:00Z", 1738281600, 0);
    check_date("2025-01-31", 1738281600, 0);
    check_date("2099-12-31T23:59:59-08:00", 4102473599, -480);
    check_date("1969-12-31T23:59:59Z", -1, 0);
    check_date("2016-12-31T23:59:60Z", 1483228799, 0);
}

static void test_not_rfc3339(void **state)
{
    static const char *const wrong[] = {
        "",
        "2025-02-29T00:00:00Z",
        "2025-01-31T24:00:00Z",
        "2025-13-01T00:00:00Z",
        "2025-01-32T00:00:00Z",
        "2025-01-00T00:00:00Z",
        "2025-01-31T00:60:00Z",
        "2025-1-31T00:00:00Z",
        "Fri, 31 Jan 2025 00:00:00 GMT",
        "2025-01-31T00:00:00+9",
        "2025-01-31T00:00:00Z and more",
        "2025-01-31T00:00:00.Z",
        "2025/01/31",
        "20250131T000000Z",
        "yesterday",
    };
    struct date date;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        if (date_parse_rfc3339(view_of(wrong[i]), true, &date)) fail_msg("%s", wrong[i]);
    assert_false(date_parse_rfc3339(view_of("2025-01-31"), false, &date));
}

static void test_rfc822(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
        int offset;
    } good[] = {
        {"Fri, 31 Jan 2025 09:00:00 +0900", 1738281600, 540},
        {"31 Jan 25 00:00 GMT", 1738281600, 0},
        {"Thu, 30 Jan 2025 19:00:00 EST", 1738281600, -300},
        {"Fri,  31 January 2025 0:00:00 Z", 1738281600, 0},
        {"31 Jan 2025 09:00:00 JST", 1738281600, 540},
    };
    struct date date;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        if (!date_parse_rfc822(view_of(good[i].text), &date)) fail_msg("%s", good[i].text);
        assert_int_equal(date.seconds, good[i].seconds);
        assert_int_equal(date.offset, good[i].offset);
    }
    static const char *const wrong[] = {"", "Fri, 31 Foo 2025 00:00:00 GMT", "2025-01-31",
                                        "Fri, 30 Feb 2025 00:00:00 GMT", "31 Jan 2025"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        if (date_parse_rfc822(view_of(wrong[i]), &date)) fail_msg("%s", wrong[i]);
}

static void test_date_round_trip(void **state)
{
    for (int64_t day = -200000; day < 200000; day += 37) {
        struct date date = {day * 86400 + (day & 0xFFF), (int)(day % 13) * 60}, again;
        char text[40];
        date_format(date, text);
        if (!date_parse_rfc3339(view_of(text), false, &again)) fail_msg("%s", text);
        assert_int_equal(again.seconds, date.seconds);
        assert_int_equal(again.offset, date.offset);
    }
}

/* ---- lines and records ---- */

static void test_lines(void **state)
{
    static const char text[] = "one\r\ntwo\n\nlast";
    struct lines *lines;
    struct line line;
    bool found;
    assert_int_equal(lines_open(put_text("lines.txt", text), &lines, NULL), RECAP_OK);
    static const char *const expected[] = {"one", "two", "", "last"};
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_int_equal(lines_next(lines, &line, &found, NULL), RECAP_OK);
        assert_true(found);
        assert_int_equal(line.number, i + 1);
        assert_true(view_equal(line.bytes, view_of(expected[i])));
    }
    assert_int_equal(lines_next(lines, &line, &found, NULL), RECAP_OK);
    assert_false(found);
    lines_close(lines);
}

static void test_records(void **state)
{
    static const char text[] = "\xEF\xBB\xBF\"first\"\n"
                               "{\"text\":\"second\",\"id\":7}\n"
                               "  \n"
                               "not json\n"
                               "{\"id\":1}\n"
                               "[1]\n"
                               "\"\\ud83d\"\n"
                               "\"\\ud83d\\udca9\"\n";
    const char *inputs[] = {put_text("records.jsonl", text)};
    struct records *records;
    struct record *batch;
    size_t n;
    assert_int_equal(records_open(inputs, 1, &records, NULL), RECAP_OK);
    assert_int_equal(records_next(records, 100, &batch, &n, NULL), RECAP_OK);
    assert_int_equal(n, 7);
    assert_true(view_equal(batch[0].text, view_of("first")));
    assert_true(view_equal(batch[1].text, view_of("second")));
    assert_int_equal(batch[2].line, 4);
    for (size_t i = 2; i < 6; i++) assert_non_null(batch[i].reason);
    assert_non_null(strstr(batch[2].reason, "line 4"));
    assert_true(view_equal(batch[6].text, view_of("\xF0\x9F\x92\xA9")));
    assert_int_equal(records_next(records, 100, &batch, &n, NULL), RECAP_OK);
    assert_int_equal(n, 0);
    records_close(records);
}

/* Good lines before a file that is missing are not lost. */
static void test_records_then_missing(void **state)
{
    char *first = copy_string(put_text("a.jsonl", "\"a\"\n"));
    const char *inputs[] = {first, "/nowhere/at/all.jsonl"};
    struct records *records;
    struct record *batch;
    size_t n;
    recap_error error = {0};
    assert_int_equal(records_open(inputs, 2, &records, NULL), RECAP_OK);
    assert_int_equal(records_next(records, 100, &batch, &n, &error), RECAP_OK);
    assert_int_equal(n, 1);
    assert_int_equal(records_next(records, 100, &batch, &n, &error), RECAP_ERROR_IO);
    assert_non_null(strstr(error.message, "/nowhere/at/all.jsonl"));
    records_close(records);
    free(first);
}

static void test_emit(void **state)
{
    static const char text[] =
        "{\"a\":[1,2.5,1.0,0.1,-3e300,true,null],\"b\":\"x\\u2028y\\u0000\"}";
    json_t *value = json_loads(text, JSON_ALLOW_NUL, NULL);
    struct buf out = {0};
    json_emit(&out, value);
    assert_string_equal(out.data,
                        "{\"a\":[1,2.5,1.0,0.1,-3e300,true,null],\"b\":\"x\\u2028y\\u0000\"}");
    buf_free(&out);
    json_decref(value);
}

/* ---- matrices ---- */

static void add_npy(struct buf *out, const char *header, const void *data, size_t n)
{
    size_t length = strlen(header);
    buf_add(out, "\x93NUMPY\x01\x00", 8);
    buf_add_byte(out, (char)(length & 255));
    buf_add_byte(out, (char)(length >> 8));
    buf_add(out, header, length);
    buf_add(out, data, n);
}

static void test_npy(void **state)
{
    const float values[6] = {1, 2, 3, -4, 0.5F, 6};
    struct buf file = {0};
    struct matrix matrix;
    npy_header(&file, "<f4", 2, 3);
    assert_int_equal(file.n, 128);
    buf_add(&file, values, sizeof values);
    assert_int_equal(npy_read(put("m.npy", file.data, file.n), &matrix, NULL), RECAP_OK);
    assert_int_equal(matrix.rows, 2);
    assert_int_equal(matrix.columns, 3);
    assert_memory_equal(matrix.data, values, sizeof values);
    matrix_free(&matrix);
    buf_free(&file);
}

static void test_bad_npy(void **state)
{
    const float values[2] = {1, 2};
    const float not_finite[2] = {1, NAN};
    static const struct {
        const char *header, *message;
        bool finite;
    } cases[] = {
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }", "<f8", true},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (1, 2), }", ">f4", true},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2), }", "Fortran", true},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "1 dimensions", true},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 2), }", "3 dimensions", true},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", "8 bytes", true},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", "memory",
         true},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }", "row 0, column 1", false},
        {"{'fortran_order': False, 'shape': (1, 2), }", "descr", true},
        {"{'fortran_order': False, 'shape': (1, 2), 'descr':", "<f4", true},
        {"{'descr': '<f4', 'fortran_order': False, }", "shape", true},
        {"", "descr", true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf file = {0};
        struct matrix matrix;
        recap_error error = {0};
        add_npy(&file, cases[i].header, cases[i].finite ? values : not_finite, sizeof values);
        assert_int_equal(npy_read(put("bad.npy", file.data, file.n), &matrix, &error),
                         RECAP_ERROR_IO);
        if (!strstr(error.message, cases[i].message))
            fail_msg("%s: %s", cases[i].message, error.message);
        assert_non_null(strstr(error.message, "bad.npy"));
        /* Cut anywhere, it is refused. */
        for (size_t n = 0; n < file.n; n += 7)
            assert_int_equal(npy_read(put("cut.npy", file.data, n), &matrix, NULL), RECAP_ERROR_IO);
        buf_free(&file);
    }
}

/* ---- articles ---- */

struct told {
    struct articles articles;
    struct buf refusals; /* a line each */
};

static void remember(void *data, const char *message)
{
    buf_printf(&((struct told *)data)->refusals, "%s\n", message);
}

static void read_as(struct told *told, const char *name, const char *text)
{
    recap_error error = {0};
    *told = (struct told){.articles = {.refused = remember}};
    told->articles.refused_data = told;
    if (articles_read(&told->articles, put_text(name, text), &error) != RECAP_OK)
        fail_msg("%s", error.message);
}

static void forget(struct told *told)
{
    articles_free(&told->articles);
    buf_free(&told->refusals);
}

static void test_json_lines_articles(void **state)
{
    struct told told;
    read_as(&told, "a.jsonl",
            "{\"id\":\"x\",\"title\":\"T\",\"text\":\"One.\\nTwo.\\n\\nThree.\",\"lang\":\"en\","
            "\"published_at\":\"2025-01-31t09:00:00.123456789+09:00\",\"url\":\"https://e.org/x\","
            "\"genre\":\"sports\"}\n"
            "{\"id\":7,\"paragraphs\":[\"P\",\" \",\"Q\"],\"date\":\"2025-02-01\"}\n"
            "\n"
            "{\"text\":\"same\"}\r\n"
            "{\"text\":\"same\"}\n");
    const struct articles *a = &told.articles;
    assert_int_equal(a->n, 4);
    assert_int_equal(a->n_refused, 0);
    assert_string_equal(a->items[0].id, "x");
    assert_int_equal(a->items[0].n_paragraphs, 2);
    assert_string_equal(a->items[0].paragraphs[0], "One.\nTwo.");
    assert_string_equal(a->items[0].published_at, "2025-01-31T09:00:00+09:00");
    assert_string_equal(a->items[0].genre, "sports");
    assert_true(a->items[0].confidence < 0);
    assert_string_equal(a->items[1].id, "7");
    assert_int_equal(a->items[1].n_paragraphs, 2);
    assert_string_equal(a->items[1].published_at, "2025-02-01T00:00:00Z");
    assert_null(a->items[1].title);
    assert_string_equal(a->items[2].id, a->items[3].id);
    assert_int_equal(strlen(a->items[2].id), 16);
    forget(&told);
}

static void test_bad_articles(void **state)
{
    static const struct {
        const char *line, *reason;
    } cases[] = {
        {"{\"id\":\"x\"}", "\"text\" or \"paragraphs\" is missing"},
        {"{\"text\":5}", "\"text\" must be a string"},
        {"{\"text\":\"\"}", "no text"},
        {"{\"text\":\" \\n\\t\"}", "no text"},
        {"{\"text\":\"a\",\"title\":[]}", "\"title\" must be a string"},
        {"{\"text\":\"a\",\"paragraphs\":[1]}", "\"paragraphs\" must be a list of strings"},
        {"{\"text\":\"a\",\"paragraphs\":\"b\"}", "\"paragraphs\" must be a list of strings"},
        {"{\"text\":\"a\",\"published_at\":\"2025-02-29T00:00:00Z\"}", "2025-02-29T00:00:00Z"},
        {"{\"text\":\"a\",\"published_at\":\"Fri, 31 Jan 2025 00:00:00 GMT\"}", "not RFC 3339"},
        {"{\"text\":\"a\",\"published_at\":\"2025-01-31T24:00:00Z\"}", "24:00:00"},
        {"{\"text\":\"a\",\"published_at\":5}", "\"published_at\" must be a string"},
        {"{\"text\":\"a\\u0000b\"}", "U+0000"},
        {"{\"text\":\"\\ud83d\"}", "Unicode"},
        {"{\"text\":\"a\"", "not valid JSON"},
        {"[1]", "must be a JSON object"},
        {"\"only a string\"", "must be a JSON object"},
        {"{\"text\":NaN}", "not valid JSON"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct told told;
        struct buf text = {0};
        buf_printf(&text, "{\"text\":\"good\"}\n%s\n{\"text\":\"also good\"}\n", cases[i].line);
        read_as(&told, "bad.jsonl", text.data);
        if (told.articles.n_refused != 1) fail_msg("%s was not refused", cases[i].line);
        /* [1] is an array of one bad article; the others are told by their line. */
        assert_non_null(strstr(told.refusals.data, "bad.jsonl: line 2"));
        if (!strstr(told.refusals.data, cases[i].reason))
            fail_msg("%s: %s", cases[i].line, told.refusals.data);
        assert_int_equal(told.articles.n, 2);
        buf_free(&text);
        forget(&told);
    }
}

/* An identifier over 64 bits keeps its digits; an empty list of paragraphs hides no text. */
static void test_odd_articles(void **state)
{
    struct told told;
    read_as(&told, "odd.jsonl",
            "{\"id\":18446744073709551615,\"text\":\"a\"}\n"
            "{\"id\":\"x\",\"text\":\"body\",\"paragraphs\":[]}\n"
            "{\"paragraphs\":[]}\n"
            "{\"text\":\"a\",\"paragraphs\":{}}\n");
    assert_int_equal(told.articles.n, 2);
    assert_int_equal(told.articles.n_refused, 2);
    assert_string_equal(told.articles.items[0].id, "18446744073709551615");
    assert_string_equal(told.articles.items[1].paragraphs[0], "body");
    forget(&told);
    /* Cut in the middle of a character: refused, not the end of the run. */
    put("cut.txt",
        "\xFF\xFE"
        "a",
        3);
    told = (struct told){.articles = {.refused = remember}};
    told.articles.refused_data = &told;
    assert_int_equal(articles_read(&told.articles, place("cut.txt"), NULL), RECAP_OK);
    assert_int_equal(told.articles.n_refused, 1);
    assert_non_null(strstr(told.refusals.data, "UTF-16LE"));
    forget(&told);
}

/* A line and a document may be long, but not without end. */
static void test_bounds(void **state)
{
    struct told told;
    struct buf text = {0};
    recap_error error = {0};
    buf_add_string(&text, "{\"text\":\"good\"}\n\"");
    for (size_t i = 0; i < line_limit / 64; i++)
        buf_add_string(&text, "a line longer than any article, which nobody will read to its end");
    buf_add_string(&text, "\"\n{\"text\":\"also good\"}\n");
    assert_false(text.failed);
    read_as(&told, "long.jsonl", text.data);
    assert_int_equal(told.articles.n, 2);
    assert_int_equal(told.articles.n_refused, 1);
    assert_non_null(strstr(told.refusals.data, "line 2: longer than 67108864 bytes"));
    forget(&told);
    buf_free(&text);
    const char *path = put_text("endless.jsonl", "");
    assert_int_equal(truncate(path, (off_t)input_limit + 1), 0); /* a hole: no disk is taken */
    struct articles articles = {0};
    assert_int_equal(articles_read(&articles, path, &error), RECAP_ERROR_IO);
    assert_non_null(strstr(error.message, "larger than 536870912 bytes"));
    articles_free(&articles);
    assert_int_equal(truncate(put_text("large.txt", "x"), (off_t)document_limit + 1), 0);
    told = (struct told){.articles = {.refused = remember}};
    told.articles.refused_data = &told;
    assert_int_equal(articles_read(&told.articles, place("large.txt"), NULL), RECAP_OK);
    assert_non_null(strstr(told.refusals.data, "over 256 MiB"));
    forget(&told);
}

static void test_strict(void **state)
{
    struct articles articles = {.strict = true};
    recap_error error = {0};
    assert_int_equal(
        articles_read(&articles, put_text("s.jsonl", "{\"text\":\"a\"}\n{}\n"), &error),
        RECAP_ERROR_INPUT);
    assert_non_null(strstr(error.message, "line 2"));
    articles_free(&articles);
}

static void test_json_array(void **state)
{
    struct told told;
    read_as(&told, "a.json", "\n [ {\"text\":\"a\"},\n {\"text\":4}, {\"text\":\"b\"} ]\n");
    assert_int_equal(told.articles.n, 2);
    assert_non_null(strstr(told.refusals.data, "article 2"));
    forget(&told);
    read_as(&told, "pretty.json", "{\n  \"title\": \"T\",\n  \"text\": \"a\"\n}\n");
    assert_int_equal(told.articles.n, 1);
    forget(&told);
    read_as(&told, "broken.json", "[ {\"text\":\"a\"},\n");
    assert_int_equal(told.articles.n, 0);
    assert_int_equal(told.articles.n_refused, 1);
    assert_non_null(strstr(told.refusals.data, "line 2"));
    forget(&told);
}

static void test_encodings(void **state)
{
    struct told told;
    /* 日本の首都は東京です。東京の人口は日本で一番多い。 in Shift_JIS, inside JSON */
    static const char sjis[] =
        "{\"id\":\"s\",\"text\":\"\x93\xFA\x96\x7B\x82\xCC\x8E\xF1\x93\x73\x82\xCD\x93\x8C\x8B\x9E"
        "\x82\xC5\x82\xB7\x81\x42\x93\x8C\x8B\x9E\x82\xCC\x90\x6C\x8C\xFB\x82\xCD\x93\xFA\x96\x7B"
        "\x82"
        "\xC5\x88\xEA\x94\xD4\x91\xBD\x82\xA2\x81\x42\"}\n";
    read_as(&told, "sjis.jsonl", sjis);
    assert_int_equal(told.articles.n, 1);
    assert_string_equal(told.articles.items[0].paragraphs[0],
                        "日本の首都は東京です。東京の人口は日本で一番多い。");
    forget(&told);
    /* In a file that is UTF-8 the same bytes are broken, and so are overlong forms and surrogates.
     */
    static const char *const broken[] = {sjis, "{\"text\":\"\xC0\xAF\"}\n",
                                         "{\"text\":\"\xED\xA0\x80\"}\n",
                                         "{\"text\":\"\xE6\x97\"}\n"};
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        struct buf text = {0};
        buf_printf(&text, "\n\n{\"text\":\"次の行\"}\n%s", broken[i]);
        read_as(&told, "mixed.jsonl", text.data);
        assert_int_equal(told.articles.n, 1);
        assert_int_equal(told.articles.n_refused, 1);
        assert_non_null(strstr(told.refusals.data, "mixed.jsonl: line 4: byte "));
        forget(&told);
        buf_free(&text);
    }
    /* A declared encoding. */
    read_as(&told, "eucjp.xml",
            "<?xml version=\"1.0\" encoding=\"EUC-JP\"?><rss><channel><item><title>\xC5\xEC\xB5\xFE"
            "</title><description>\xC6\xFC\xCB\xDC</description></item></channel></rss>");
    assert_int_equal(told.articles.n, 1);
    assert_string_equal(told.articles.items[0].title, "東京");
    assert_string_equal(told.articles.items[0].paragraphs[0], "日本");
    forget(&told);
    /* Broken before it came: passes unchanged. */
    read_as(&told, "moji.jsonl", "{\"text\":\"æ—¥çµŒ\"}\n");
    assert_string_equal(told.articles.items[0].paragraphs[0], "æ—¥çµŒ");
    forget(&told);
}

static void test_entities(void **state)
{
    struct told told;
    read_as(
        &told, "e.jsonl",
        "{\"title\":\"A&amp;amp;B &amp;#39;x&amp;#39;\",\"text\":\"AT&T &lt;p&gt;x&lt;/p&gt;\"}\n");
    assert_string_equal(told.articles.items[0].title, "A&B 'x'");
    assert_non_null(strstr(told.articles.items[0].paragraphs[0], "AT&T"));
    assert_null(strchr(told.articles.items[0].paragraphs[0], '<'));
    forget(&told);
}

/* Tags inside the strings of a JSON file don't make a page of it. */
static void test_tags_in_json(void **state)
{
    struct told told;
    read_as(&told, "t.jsonl", "{\"text\":\"<div>One came.</div>\"}\n{\"text\":\"Two came.\"}\n");
    assert_int_equal(told.articles.n, 2);
    assert_string_equal(told.articles.items[0].paragraphs[0], "One came.");
    forget(&told);
    read_as(&told, "t.json", "[{\"text\":\"<html><body>One came.\"},{\"text\":\"Two came.\"}]");
    assert_int_equal(told.articles.n, 2);
    forget(&told);
}

static void test_unsafe_address(void **state)
{
    struct told told;
    read_as(&told, "u.jsonl", "{\"text\":\"a\",\"url\":\"javascript:alert(1)\"}\n");
    assert_int_equal(told.articles.n, 1);
    assert_null(told.articles.items[0].url);
    forget(&told);
}

static void test_text_and_html(void **state)
{
    struct told told;
    read_as(&told, "note.txt", "A title\n\nFirst paragraph,\nwrapped.\n\nSecond one.\n");
    assert_int_equal(told.articles.n, 1);
    assert_string_equal(told.articles.items[0].title, "A title");
    assert_int_equal(told.articles.items[0].n_paragraphs, 2);
    forget(&told);
    read_as(&told, "page.html",
            "<!DOCTYPE html><html><head><title>Storm</title></head><body><nav>Menu</nav><article>"
            "<p>The storm reached the coast on Monday night and went on.</p>"
            "<p>Nobody was hurt, said the town in the morning after.</p></article></body></html>");
    assert_int_equal(told.articles.n, 1);
    assert_string_equal(told.articles.items[0].title, "Storm");
    assert_int_equal(told.articles.items[0].n_paragraphs, 2);
    forget(&told);
    read_as(&told, "empty.html", "<html><body></body></html>");
    assert_int_equal(told.articles.n_refused, 1);
    forget(&told);
}

/* ---- feeds ---- */

static void test_rss(void **state)
{
    struct told told;
    read_as(
        &told, "feed.xml",
        "<?xml version=\"1.0\"?>\n<rss version=\"2.0\" "
        "xmlns:content=\"http://purl.org/rss/1.0/modules/content/\" "
        "xmlns:media=\"http://search.yahoo.com/mrss/\"><channel><title>F</title>"
        "<language>ja</language>\n"
        "<item><title>One</title><media:title>not this</media:title>"
        "<link>https://e.org/1</link><guid>g1</guid>"
        "<pubDate>Fri, 31 Jan 2025 09:00:00 +0900</pubDate><description>short</description>"
        "<content:encoded><![CDATA[<p>A first.</p><p>A second.</p>]]></content:encoded></item>\n"
        "<item><title>Only a headline</title></item>\n"
        "<item><title>Bad</title><description>x</description><pubDate>soon</pubDate></item>\n"
        "<item></item></channel></rss>");
    const recap_article *one = &told.articles.items[0];
    assert_int_equal(told.articles.n, 2);
    assert_string_equal(one->id, "g1");
    assert_string_equal(one->title, "One");
    assert_string_equal(one->language, "ja");
    assert_string_equal(one->url, "https://e.org/1");
    assert_string_equal(one->published_at, "2025-01-31T09:00:00+09:00");
    assert_int_equal(one->n_paragraphs, 2);
    assert_string_equal(one->paragraphs[0], "A first.");
    assert_string_equal(told.articles.items[1].paragraphs[0], "Only a headline");
    assert_int_equal(told.articles.n_refused, 2);
    assert_non_null(strstr(told.refusals.data, "feed.xml: line 5: the date \"soon\""));
    forget(&told);
}

static void test_atom(void **state)
{
    struct told told;
    read_as(&told, "atom.xml",
            "<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"en\"><entry>"
            "<id>urn:1</id><title type=\"html\">A &amp;amp; B</title>"
            "<link rel=\"self\" href=\"https://e.org/self\"/><link href=\"https://e.org/a\"/>"
            "<updated>2025-02-02T00:00:00Z</updated><published>2025-02-01T00:00:00Z</published>"
            "<content type=\"xhtml\"><div xmlns=\"http://www.w3.org/1999/xhtml\"><p>One.</p>"
            "<p>Two.</p></div></content></entry></feed>");
    assert_int_equal(told.articles.n, 1);
    const recap_article *one = &told.articles.items[0];
    assert_string_equal(one->id, "urn:1");
    assert_string_equal(one->title, "A & B");
    assert_string_equal(one->language, "en");
    assert_string_equal(one->url, "https://e.org/a");
    assert_string_equal(one->published_at, "2025-02-01T00:00:00Z");
    assert_int_equal(one->n_paragraphs, 2);
    forget(&told);
}

static void test_json_feed(void **state)
{
    struct told told;
    read_as(&told, "feed.json",
            "{\"version\":\"https://jsonfeed.org/version/1.1\",\"language\":\"en\",\"items\":["
            "{\"id\":\"1\",\"url\":\"https://e.org/1\",\"title\":\"T\",\"content_html\":"
            "\"<p>Body.</p>\",\"date_published\":\"2025-02-01T00:00:00Z\"},"
            "{\"id\":2,\"content_text\":\"Plain.\"},5]}");
    assert_int_equal(told.articles.n, 2);
    assert_string_equal(told.articles.items[0].paragraphs[0], "Body.");
    assert_string_equal(told.articles.items[0].language, "en");
    assert_string_equal(told.articles.items[1].id, "2");
    assert_int_equal(told.articles.n_refused, 1);
    assert_non_null(strstr(told.refusals.data, "item 3"));
    forget(&told);
}

static void test_odd_xml(void **state)
{
    struct told told;
    /* An entity bomb: small output, no time. */
    read_as(&told, "bomb.xml",
            "<?xml version=\"1.0\"?><!DOCTYPE rss [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b "
            "\"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">"
            "<!ENTITY f SYSTEM \"file:///etc/passwd\">]><rss><channel><item><title>t</title>"
            "<description>x &f; y</description></item></channel></rss>");
    assert_int_equal(told.articles.n, 1);
    assert_null(strstr(told.articles.items[0].paragraphs[0], "root"));
    forget(&told);
    read_as(&told, "other.xml", "<?xml version=\"1.0\"?><sitemap><url/></sitemap>");
    assert_int_equal(told.articles.n_refused, 1);
    assert_non_null(strstr(told.refusals.data, "<sitemap>"));
    forget(&told);
    /* Not well-formed: mended as far as it goes. */
    read_as(&told, "torn.xml",
            "<rss><channel><item><title>a</title><description>x&nbsp;y</description></item>"
            "<item><title>b</title><description>cut");
    assert_int_equal(told.articles.n, 2);
    forget(&told);
    read_as(&told, "list.opml",
            "<opml><body><outline text=\"x\" xmlUrl=\"/etc/passwd\"/></body></opml>");
    assert_int_equal(told.articles.n, 0);
    assert_int_equal(told.articles.n_refused, 1);
    forget(&told);
}

static void test_empty_inputs(void **state)
{
    static const char *const names[] = {"e.jsonl", "e.txt", "e.html", "e.xml", "e"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct told told;
        read_as(&told, names[i], "");
        assert_int_equal(told.articles.n, 0);
        forget(&told);
    }
}

static void test_packed(void **state)
{
    struct buf command = {0};
    char *path = copy_string(put_text("p.jsonl", "{\"text\":\"packed\"}\n"));
    buf_printf(&command, "gzip -kf %s && gzip -c %s | head -c 20 > %s.cut.gz", path, path, path);
    if (system(command.data) != 0) skip();
    struct told told = {.articles = {.refused = NULL}};
    recap_error error = {0};
    buf_clear(&command);
    buf_printf(&command, "%s.gz", path);
    assert_int_equal(articles_read(&told.articles, command.data, &error), RECAP_OK);
    assert_int_equal(told.articles.n, 1);
    buf_clear(&command);
    buf_printf(&command, "%s.cut.gz", path);
    assert_int_equal(articles_read(&told.articles, command.data, &error), RECAP_ERROR_IO);
    assert_non_null(strstr(error.message, "cut.gz"));
    forget(&told);
    buf_free(&command);
    free(path);
}

static int open_folder(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc3339),
        cmocka_unit_test(test_not_rfc3339),
        cmocka_unit_test(test_rfc822),
        cmocka_unit_test(test_date_round_trip),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_records_then_missing),
        cmocka_unit_test(test_emit),
        cmocka_unit_test(test_npy),
        cmocka_unit_test(test_bad_npy),
        cmocka_unit_test(test_json_lines_articles),
        cmocka_unit_test(test_bad_articles),
        cmocka_unit_test(test_odd_articles),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_strict),
        cmocka_unit_test(test_json_array),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_entities),
        cmocka_unit_test(test_unsafe_address),
        cmocka_unit_test(test_tags_in_json),
        cmocka_unit_test(test_text_and_html),
        cmocka_unit_test(test_rss),
        cmocka_unit_test(test_atom),
        cmocka_unit_test(test_json_feed),
        cmocka_unit_test(test_odd_xml),
        cmocka_unit_test(test_empty_inputs),
        cmocka_unit_test(test_packed),
    };
    return cmocka_run_group_tests(tests, open_folder, remove_folder);
}
