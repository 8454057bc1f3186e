/* Words by MeCab: the same as one call over the whole text, at any length. */
#include "../processor_time.h"
#include "text/text.h"

#include <mecab.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char system_dictionary[] = "/var/lib/mecab/dic/ipadic-utf8";

static struct segmenter *open_default(void)
{
    struct segmenter *segmenter = NULL;
    if (!path_exists(system_dictionary)) skip();
    recap_error error = {0};
    if (segmenter_open(system_dictionary, &segmenter, &error) != RECAP_OK)
        fail_msg("%s", error.message);
    return segmenter;
}

static const struct word *split(struct segmenter *segmenter, const char *text, size_t size,
                                size_t *n)
{
    const struct word *words = NULL;
    recap_error error = {0};
    if (segmenter_split(segmenter, (struct view){text, size}, &words, n, &error) != RECAP_OK)
        fail_msg("%s", error.message);
    return words;
}

/* In order, inside the text, with nothing but white space between. */
static void check_cover(const char *text, size_t size, const struct word *words, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        size_t begin = (size_t)(words[i].surface.data - text);
        assert_true(begin >= at && words[i].surface.n > 0 && begin + words[i].surface.n <= size);
        for (; at < begin; at++) assert_non_null(memchr(" \t\n\r\v\f", text[at], 6));
        at = begin + words[i].surface.n;
    }
    for (; at < size; at++) assert_non_null(memchr(" \t\n\r\v\f", text[at], 6));
}

static bool has_word(const struct word *words, size_t n, const char *surface, bool noun)
{
    for (size_t i = 0; i < n; i++)
        if (view_equal(words[i].surface, view_of(surface)) && words[i].noun == noun) return true;
    return false;
}

static void test_words(void **state)
{
    struct segmenter *segmenter = open_default();
    const char *text = "感染が拡大しています。東京都は50%の値引きをやめ、彼は美しい。";
    size_t n = 0;
    const struct word *words = split(segmenter, text, strlen(text), &n);
    check_cover(text, strlen(text), words, n);
    assert_true(has_word(words, n, "感染", true));
    assert_true(has_word(words, n, "拡大", true));
    assert_true(has_word(words, n, "東京", true));
    assert_true(has_word(words, n, "ます", false));
    assert_true(has_word(words, n, "い", false));
    assert_true(has_word(words, n, "50", false));
    assert_true(has_word(words, n, "%", false));
    assert_true(has_word(words, n, "都", false)); /* a suffix */
    assert_true(has_word(words, n, "彼", false));
    for (size_t i = 0; i < n; i++) {
        assert_true(!words[i].noun || words[i].content);
        if (view_equal(words[i].surface, view_of("美しい"))) assert_true(words[i].content);
        if (view_equal(words[i].surface, view_of("し"))) assert_false(words[i].content);
        if (view_equal(words[i].surface, view_of("感染"))) {
            assert_true(words[i].known);
            assert_memory_equal(words[i].features.data, "名詞,サ変接続", 19);
        }
    }
    split(segmenter, "", 0, &n);
    assert_int_equal(n, 0);
    segmenter_close(segmenter);
}

/* A text of many sentences, spaces, names and numbers, in which windows end everywhere. */
static void make_text(struct buf *text, size_t size)
{
    static const char *const parts[] = {
        "政府は二十五日、",
        "感染症の対策として",
        "3,000億円の補正予算案を閣議決定した。",
        "米Apple Inc.の新型機",
        "「来年度に発売する」と",
        "述べ、\n",
        "東京株式市場の終値は",
        "　前日比１２３円高",
        "コンピューター・ネットワーク",
        "🦙🦙",
        "ＮＨＫの取材に対し",
        "話した。",
    };
    for (uint64_t i = 0; text->n < size; i++)
        buf_add_string(text, parts[random_below(COUNT_OF(parts), 7, 1, i)]);
}

static void test_equals_one_call(void **state)
{
    struct segmenter *segmenter = open_default();
    struct buf text = {0};
    make_text(&text, 120000);
    size_t n = 0, i = 0;
    const struct word *words = split(segmenter, text.data, text.n, &n);
    char name[] = "test", rc[] = "-r", none[] = "/dev/null", d[] = "-d", path[64];
    snprintf(path, sizeof path, "%s", system_dictionary);
    char *arguments[] = {name, rc, none, d, path, NULL};
    mecab_t *mecab = mecab_new(5, arguments);
    assert_non_null(mecab);
    const mecab_node_t *node = mecab_sparse_tonode2(mecab, text.data, text.n);
    for (node = node->next; node && node->stat != MECAB_EOS_NODE; node = node->next, i++) {
        assert_true(i < n);
        assert_ptr_equal(node->surface, words[i].surface.data);
        assert_int_equal(node->length, words[i].surface.n);
        assert_string_equal(node->feature, words[i].features.data);
    }
    assert_int_equal(i, n);
    mecab_destroy(mecab);
    buf_free(&text);
    segmenter_close(segmenter);
}

static void check_long(struct segmenter *segmenter, const char *unit, size_t count, double seconds)
{
    struct buf text = {0};
    for (size_t i = 0; i < count; i++) buf_add_string(&text, unit);
    assert_false(text.failed);
    size_t n = 0;
    double start = processor_seconds();
    const struct word *words = split(segmenter, text.data, text.n, &n);
    double spent = processor_seconds() - start;
    check_cover(text.data, text.n, words, n);
    print_message("%.12s x %zu: %zu words, %.2f s\n", unit, count, n, spent);
    assert_true(spent < seconds);
    buf_free(&text);
}

static void test_long(void **state)
{
    struct segmenter *segmenter = open_default();
    check_long(segmenter, "あ", 100000, 10);
    check_long(segmenter, "カ", 100000, 10);
    check_long(segmenter, "すもももももももものうち", 8000, 10);
    check_long(segmenter, "🦙", 20000, 10);
    check_long(segmenter, "ｗ", 100000, 10);
    check_long(segmenter, "A", 1000000, 20);
    check_long(segmenter, "9", 10000, 10);
    check_long(segmenter, " ", 80000, 10);
    check_long(segmenter, "漢", 100000, 10);
    /* More white space before a word than MeCab's 16 bits hold. */
    struct buf text = {0};
    for (int i = 0; i < 80000; i++) buf_add_byte(&text, ' ');
    buf_add_string(&text, "東京");
    size_t n = 0;
    const struct word *words = split(segmenter, text.data, text.n, &n);
    assert_int_equal(n, 1);
    assert_ptr_equal(words[0].surface.data, text.data + 80000);
    buf_free(&text);
    segmenter_close(segmenter);
}

static void test_random_bytes(void **state)
{
    struct segmenter *segmenter = open_default();
    static const char *const parts[] = {"\xff", "\xe3\x81", "\xf0\x9f", "a", "日", " ", "。", "\n"};
    for (uint64_t round = 0; round < 50; round++) {
        struct buf text = {0};
        for (uint64_t i = 0; i < 400; i++)
            buf_add_string(&text, parts[random_below(COUNT_OF(parts), 3, round, i)]);
        buf_add_byte(&text, '\0');
        buf_add_string(&text, "終");
        size_t n = 0;
        const struct word *words = split(segmenter, text.data, text.n, &n);
        check_cover(text.data, text.n, words, n);
        buf_free(&text);
    }
    segmenter_close(segmenter);
}

static void expect_refusal(const char *directory, const char *named)
{
    struct segmenter *segmenter = NULL;
    recap_error error = {0};
    assert_int_equal(segmenter_open(directory, &segmenter, &error), RECAP_ERROR_CONFIG);
    assert_null(segmenter);
    if (!strstr(error.message, named)) fail_msg("'%s' does not name %s", error.message, named);
}

static void test_refused(void **state)
{
    if (!path_exists(system_dictionary)) skip();
    expect_refusal("/no/such/dictionary", "/no/such/dictionary");
    expect_refusal("/dev/null", "/dev/null");
    char folder[] = "/tmp/recap-dictionary-XXXXXX";
    assert_non_null(mkdtemp(folder));
    static const char *const names[] = {"dicrc", "sys.dic", "char.bin", "unk.dic"};
    char from[512], to[512];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(from, sizeof from, "%s/%s", system_dictionary, names[i]);
        snprintf(to, sizeof to, "%s/%s", folder, names[i]);
        assert_int_equal(symlink(from, to), 0);
    }
    snprintf(to, sizeof to, "%s/matrix.bin", folder);
    expect_refusal(folder, to); /* missing */
    assert_int_equal(file_write(to, "", 0, NULL), RECAP_OK);
    expect_refusal(folder, to); /* empty */
    assert_int_equal(file_write(to, "\x01\0\x01\0xxxxxxxx", 12, NULL), RECAP_OK);
    expect_refusal(folder, folder); /* of a wrong size */
    setenv("RECAP_MECAB_DICTIONARY", folder, 1);
    expect_refusal(NULL, folder);
    unsetenv("RECAP_MECAB_DICTIONARY");
    unlink(to);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(to, sizeof to, "%s/%s", folder, names[i]);
        unlink(to);
    }
    rmdir(folder);
    segmenter_close(NULL);
}

/* A dictionary in another charset would give words of single bytes. */
static void test_charset(void **state)
{
    if (!path_exists("/var/lib/mecab/dic/ipadic/sys.dic")) skip();
    expect_refusal("/var/lib/mecab/dic/ipadic", "UTF-8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),   cmocka_unit_test(test_equals_one_call),
        cmocka_unit_test(test_long),    cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_charset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
