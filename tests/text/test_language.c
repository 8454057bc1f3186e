/* The language that decides the model; stop words; code. */
#include "text/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* `unit` so many times, then `rest`. */
static recap_language detect(const char *unit, size_t count, const char *rest)
{
    struct buf text = {0};
    for (size_t i = 0; i < count; i++) buf_add_string(&text, unit);
    buf_add_string(&text, rest);
    recap_language language = recap_detect_language(text.data, text.n);
    buf_free(&text);
    return language;
}

static void test_shares(void **state)
{
    assert_int_equal(detect("日", 49, ""), RECAP_LANGUAGE_UNDECIDED);
    assert_int_equal(detect("日", 50, ""), RECAP_LANGUAGE_JAPANESE);
    assert_int_equal(detect("a", 49, ""), RECAP_LANGUAGE_UNDECIDED);
    assert_int_equal(detect("a", 49, " "), RECAP_LANGUAGE_ENGLISH); /* characters, not letters */
    assert_int_equal(detect("", 0, ""), RECAP_LANGUAGE_UNDECIDED);
    assert_int_equal(detect(" ", 60, ""), RECAP_LANGUAGE_UNDECIDED);
    assert_int_equal(detect("1", 60, ""), RECAP_LANGUAGE_UNDECIDED);
    /* Over a tenth, not a tenth. */
    assert_int_equal(detect("a", 90, "日日日日日日日日日日"), RECAP_LANGUAGE_ENGLISH);
    assert_int_equal(detect("a", 89, "日日日日日日日日日日"), RECAP_LANGUAGE_JAPANESE);
    /* Not over 30 % Latin, some Japanese: Japanese; none: English all the same. */
    assert_int_equal(detect("1", 69, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), RECAP_LANGUAGE_ENGLISH);
    assert_int_equal(detect("1", 70, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa日"), RECAP_LANGUAGE_JAPANESE);
    assert_int_equal(detect("1", 70, "a"), RECAP_LANGUAGE_ENGLISH);
}

static void test_ranges(void **state)
{
    assert_int_equal(detect("ー", 50, ""), RECAP_LANGUAGE_JAPANESE);
    assert_int_equal(detect("・", 50, ""), RECAP_LANGUAGE_JAPANESE); /* U+30FB is in the range */
    assert_int_equal(detect("\xE3\x80\xBF", 50, ""), RECAP_LANGUAGE_UNDECIDED); /* U+303F */
    assert_int_equal(detect("\xE3\x81\x80", 50, ""), RECAP_LANGUAGE_JAPANESE);  /* U+3040 */
    assert_int_equal(detect("\xE3\x83\xBF", 50, ""), RECAP_LANGUAGE_JAPANESE);  /* U+30FF */
    assert_int_equal(detect("\xE3\x84\x80", 50, ""), RECAP_LANGUAGE_UNDECIDED); /* U+3100 */
    assert_int_equal(detect("\xE4\xB7\xBF", 50, ""), RECAP_LANGUAGE_UNDECIDED); /* U+4DFF */
    assert_int_equal(detect("\xE4\xB8\x80", 50, ""), RECAP_LANGUAGE_JAPANESE);  /* U+4E00 */
    assert_int_equal(detect("\xE9\xBE\xAF", 50, ""), RECAP_LANGUAGE_JAPANESE);  /* U+9FAF */
    assert_int_equal(detect("\xE9\xBE\xB0", 50, ""), RECAP_LANGUAGE_UNDECIDED); /* U+9FB0 */
    assert_int_equal(detect("ＡＩ", 30, ""), RECAP_LANGUAGE_UNDECIDED); /* full-width: no ASCII */
    assert_int_equal(detect("ｱｲｳ", 20, ""), RECAP_LANGUAGE_UNDECIDED);  /* half-width kana */
    assert_int_equal(detect("这是中文新闻", 10, ""), RECAP_LANGUAGE_JAPANESE);
    assert_int_equal(detect("новости", 10, ""), RECAP_LANGUAGE_UNDECIDED);
    assert_int_equal(detect("12345", 20, "日本のα波"), RECAP_LANGUAGE_JAPANESE);
    /* Digits and letters of other scripts count in the whole, marks and signs do not. */
    assert_int_equal(detect("é", 60, "aaaaaaaaaaaaaaaaaaaaaaaaaa日"), RECAP_LANGUAGE_JAPANESE);
    assert_int_equal(detect("!", 60, "aaaaaaaaaaaaaaaaaaaaaaaaaa日"), RECAP_LANGUAGE_ENGLISH);
    assert_int_equal(detect("²", 60, "aaaaaaaaaaaaaaaaaaaaaaaaaa日"), RECAP_LANGUAGE_JAPANESE);
    assert_int_equal(detect("\xFF", 60, "a"), RECAP_LANGUAGE_ENGLISH);
}

static void test_codes(void **state)
{
    assert_string_equal(recap_language_code(RECAP_LANGUAGE_JAPANESE), "ja");
    assert_string_equal(recap_language_code(RECAP_LANGUAGE_ENGLISH), "en");
    assert_string_equal(recap_language_code(RECAP_LANGUAGE_UNDECIDED), "und");
}

static bool is_stop(const char *word, recap_language language)
{
    return text_is_stop_word(view_of(word), language);
}

static void test_stop_words(void **state)
{
    static const char *const english[] = {"a",     "the",    "said", "you", "yourself",
                                          "about", "monday", "with", "isn", "its"};
    static const char *const japanese[] = {"こと", "ます", "い", "する", "発表",
                                           "同社", "さん", "年", "これ", "一部"};
    for (size_t i = 0; i < COUNT_OF(english); i++) {
        if (!is_stop(english[i], RECAP_LANGUAGE_ENGLISH))
            fail_msg("%s is no stop word", english[i]);
        assert_true(is_stop(english[i], RECAP_LANGUAGE_UNDECIDED));
        assert_false(is_stop(english[i], RECAP_LANGUAGE_JAPANESE));
    }
    for (size_t i = 0; i < COUNT_OF(japanese); i++) {
        if (!is_stop(japanese[i], RECAP_LANGUAGE_JAPANESE))
            fail_msg("%s is no stop word", japanese[i]);
        assert_true(is_stop(japanese[i], RECAP_LANGUAGE_UNDECIDED));
        assert_false(is_stop(japanese[i], RECAP_LANGUAGE_ENGLISH));
    }
    static const char *const content[] = {"感染", "拡大", "us",   "ai",   "bank", "earthquake",
                                          "",     "th",   "thee", "台風", "The"};
    for (size_t i = 0; i < COUNT_OF(content); i++)
        if (is_stop(content[i], RECAP_LANGUAGE_UNDECIDED))
            fail_msg("%s is a stop word", content[i]);
}

static void test_code(void **state)
{
    static const char *const code[] = {
        "func main() {\nreturn nil\n}",
        "A | 1 | 2 | 3",
        "at java.util.ArrayList.get(ArrayList.java:433)",
        "at Object.<anonymous> (/app/index.js:3:1)",
        "Traceback (most recent call last):",
        "File \"a.py\", line 3, in <module>",
        "Exception in thread \"main\" java.lang.NullPointerException",
        "#0 0x00007f3 in main () at a.c:3",
        "#include <stdio.h>",
        "import os; x = [i for i in range(10)];",
        "def f(x):",
        "if (a == b && c != d) { return x; }",
        "SELECT * FROM users WHERE id = 3",
        "const x = () => { return 1; };",
        "<div class=\"a\"><span>x</span></div>",
        "+---+---+",
        "goroutine 1 [running]:",
        "name\tage\tcity\tcountry",
    };
    static const char *const prose[] = {
        "He was at the front line of research.",
        "",
        "Return to the class at once; import duties rose.",
        "From Monday the public may use the new line.",
        "The company said earnings (before tax) rose 5 pct - a record.",
        "感染が拡大しています。",
        "東京（渋谷区）の「新・施設」は[注1]公開された。",
        "Let it be, the minister said at the end of the line.",
        "<Sedio N.V.> of Lugano bought <Woodco Inc>.",
        "Shr 34 cts vs 1.19 dlrs Net 807,000 vs 2,858,000",
        "Switch off the lights (if you can) and wait for spring.",
        "In case of fire: call 119!",
    };
    for (size_t i = 0; i < COUNT_OF(code); i++)
        if (!text_is_code(view_of(code[i]))) fail_msg("no code: %s", code[i]);
    for (size_t i = 0; i < COUNT_OF(prose); i++)
        if (text_is_code(view_of(prose[i]))) fail_msg("code: %s", prose[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares), cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_codes),  cmocka_unit_test(test_stop_words),
        cmocka_unit_test(test_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
