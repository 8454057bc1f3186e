/* Bytes of any encoding to UTF-8. */
#include "text/text.h"

#include <iconv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char news[] =
    "海辺の町で十二日、灯台の完成百年を祝うまつりが開かれ、およそ三千人が訪れた。"
    "実行委員会によると、灯台の内部が公開されたのは十年ぶりで、朝から長い列ができた。";

/* `text` in `charset`, behind `prefix`. */
static void encode(const char *text, const char *charset, const char *prefix, size_t n_prefix,
                   struct buf *out)
{
    iconv_t converter = iconv_open(charset, "UTF-8");
    assert_true(converter != (iconv_t)-1);
    char bytes[2048], *input = (char *)text, *output = bytes;
    size_t left = strlen(text), room = sizeof bytes;
    assert_true(iconv(converter, &input, &left, &output, &room) != (size_t)-1);
    assert_true(iconv(converter, NULL, NULL, &output, &room) != (size_t)-1);
    iconv_close(converter);
    buf_clear(out);
    buf_add(out, prefix, n_prefix);
    buf_add(out, bytes, sizeof bytes - room);
}

static void expect_text(struct view data, const char *declared, const char *expected)
{
    struct buf out = {0};
    recap_error error = {0};
    buf_add_string(&out, ">");
    if (text_decode(data.data, data.n, declared, &out, &error) != RECAP_OK)
        fail_msg("%s", error.message);
    assert_int_equal(out.data[0], '>');
    assert_string_equal(out.data + 1, expected);
    buf_free(&out);
}

static void expect_error(struct view data, const char *declared, const char *part)
{
    struct buf out = {0};
    recap_error error = {0};
    assert_int_equal(text_decode(data.data, data.n, declared, &out, &error), RECAP_ERROR_INPUT);
    if (!strstr(error.message, part)) fail_msg("'%s' without '%s'", error.message, part);
    assert_int_equal(out.n, 0);
    buf_free(&out);
}

static void expect_encoded(const char *text, const char *charset, const char *declared)
{
    struct buf data = {0};
    encode(text, charset, "", 0, &data);
    expect_text((struct view){data.data, data.n}, declared, text);
    buf_free(&data);
}

static void test_charsets(void **state)
{
    static const char *const charsets[] = {"CP932", "EUC-JP", "ISO-2022-JP", "UTF-8"};
    for (size_t i = 0; i < COUNT_OF(charsets); i++) {
        expect_encoded(news, charsets[i], NULL);
        expect_encoded(news, charsets[i], "");
        expect_encoded(news, charsets[i], "no-such-charset");
        expect_encoded("これは短い", charsets[i], NULL);
    }
    expect_encoded(news, "CP932", "Shift_JIS");
    expect_encoded(news, "CP932", "utf-8"); /* a false declaration */
    expect_encoded("①～㈱", "CP932", "shift_jis");
    expect_encoded(news, "EUC-JP", "x-euc-jp");
    expect_encoded(news, "UTF-16LE", "utf-16");
    expect_encoded(news, "UTF-16BE", "UTF-16BE");
    expect_encoded("A caf\xC3\xA9 owner \xE2\x80\x9Coffered\xE2\x80\x9D free coffee.", "CP1252",
                   NULL);
    expect_encoded("caf\xC3\xA9", "CP1252", "ISO-8859-1");
    expect_encoded("plain", "UTF-16LE", NULL);
    expect_encoded("plain", "UTF-16BE", NULL);
    expect_text((struct view){"", 0}, NULL, "");
    expect_text((struct view){NULL, 0}, "utf-8", "");
}

static void test_marks(void **state)
{
    static const struct {
        const char *charset, *mark;
        size_t n;
    } marks[] = {{"UTF-8", "\xEF\xBB\xBF", 3},
                 {"UTF-16LE", "\xFF\xFE", 2},
                 {"UTF-16BE", "\xFE\xFF", 2},
                 {"UTF-32LE", "\xFF\xFE\0\0", 4},
                 {"UTF-32BE", "\0\0\xFE\xFF", 4}};
    struct buf data = {0};
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        encode(news, marks[i].charset, marks[i].mark, marks[i].n, &data);
        expect_text((struct view){data.data, data.n}, "shift_jis", news); /* the mark wins */
        expect_text((struct view){data.data, data.n}, NULL, news);
    }
    expect_error((struct view){"\xEF\xBB\xBF"
                               "ab\xFF",
                               6},
                 NULL, "UTF-8 at byte 5");
    expect_error((struct view){"\xFF\xFE"
                               "a",
                               3},
                 NULL, "UTF-16LE");
    buf_free(&data);
}

static void test_invalid(void **state)
{
    expect_error(view_of("日本語\xE6\x97の文"), NULL, "UTF-8 at byte 9");     /* cut */
    expect_error(view_of("日本語\xC0\xAFの文"), NULL, "UTF-8 at byte 9");     /* overlong */
    expect_error(view_of("日本語\xED\xA0\x80の文"), NULL, "UTF-8 at byte 9"); /* a surrogate */
    expect_error(view_of("日本語\xFFの文"), "utf-8", "UTF-8 at byte 9");
    expect_error(view_of("\x83\x65\x83"), "shift_jis", "CP932 at byte 2");
    expect_error(view_of("\xF4\xAC\xA8\xAC"), NULL, "UTF-8 at byte 0"); /* over U+10FFFF */
    expect_error(view_of("\xFF\xFF\xFF\xFF"), "euc-jp", "EUC-JP at byte 0");
}

/* Valid UTF-8 that was broken before it came is not ours to mend. */
static void test_broken_before(void **state)
{
    expect_text(view_of("æ—¥çµŒ"), NULL, "æ—¥çµŒ");
    expect_text(view_of("æ—¥çµŒ"), "shift_jis", "æ—¥çµŒ");
    expect_text(view_of("caf\xC3\xA9"), "windows-1252", "caf\xC3\xA9");
    expect_text(view_of("\x1B[31mred"), NULL, "\x1B[31mred");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_charsets),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_broken_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
