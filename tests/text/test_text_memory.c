/* Every allocation fails once: RECAP_ERROR_MEMORY or the right answer, never a crash or a leak.
 *
 * The linker's --wrap sends this program's own calls of malloc, calloc and realloc through the
 * counters below; those inside shared libraries (MeCab, libxml2, iconv) are not ours to fail. */
#include "text/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static long left = -1; /* calls until one fails; negative: none does */

static bool fails_now(void)
{
    return left >= 0 && left-- == 0;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t n);

void *__wrap_malloc(size_t n)
{
    return fails_now() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t n)
{
    return fails_now() ? NULL : __real_realloc(old, n);
}

/* Runs `work` with the first, second, third ... allocation failing until none is left to fail. */
static void fail_each(int (*work)(recap_error *error))
{
    long n = 0;
    for (bool failed = true; failed; n++) {
        recap_error error = {0};
        left = n;
        int status = work(&error);
        failed = left < 0;
        left = -1;
        if (failed && status != RECAP_OK) {
            assert_int_equal(status, RECAP_ERROR_MEMORY);
            assert_int_equal(error.code, RECAP_ERROR_MEMORY);
        } else {
            assert_int_equal(status, RECAP_OK);
        }
        assert_true(n < 10000);
    }
    print_message("%ld allocations\n", n - 1);
    assert_true(n > 1);
}

static const char text[] =
    "「感染が拡大している。」と述べた。(共同)Mr. Doe wrote to a@b.co…\n・停電\n"
    "か\xE3\x82\x99 The end. Then it began.";

static int split(recap_error *error)
{
    recap_sentence_list list;
    int status = recap_split_sentences(text, strlen(text), &list, error);
    if (status == RECAP_OK) assert_int_equal(list.n, 5);
    free(list.items);
    return status;
}

static int decode(recap_error *error)
{
    struct buf out = {0};
    int status = text_decode("\x8A\x43\x95\xD3\x82\xCC\x92\xAC", 8, "shift_jis", &out, error);
    if (status == RECAP_OK) assert_string_equal(out.data, "海辺の町");
    buf_free(&out);
    return status;
}

static int extract(recap_error *error)
{
    static const char html[] = "<title>A</title><h1>A</h1><p>Some text of a usual length.<h2>B</h2>"
                               "<p>More text of a usual length.";
    struct buf title = {0}, body = {0};
    int status = text_extract_html(html, strlen(html), NULL, &title, &body, error);
    if (status == RECAP_OK) {
        assert_string_equal(title.data, "A");
        assert_string_equal(body.data,
                            "Some text of a usual length.\nB\nMore text of a usual length.");
    }
    buf_free(&title);
    buf_free(&body);
    return status;
}

static int unescape(recap_error *error)
{
    struct buf out = {0};
    text_unescape(view_of("A&amp;amp;B <b>c</b>"), &out);
    int status = out.failed ? fail_memory(error, 1) : RECAP_OK;
    if (!out.failed) assert_string_equal(out.data, "A&B c");
    buf_free(&out);
    return status;
}

static int segment(recap_error *error)
{
    struct segmenter *segmenter = NULL;
    const struct word *words;
    size_t n;
    int status = segmenter_open("/var/lib/mecab/dic/ipadic-utf8", &segmenter, error);
    if (status == RECAP_OK) status = segmenter_split(segmenter, view_of(text), &words, &n, error);
    if (status == RECAP_OK) assert_true(n > 20);
    segmenter_close(segmenter);
    return status;
}

static void test_split(void **state)
{
    fail_each(split);
}

static void test_decode(void **state)
{
    fail_each(decode);
}

static void test_extract(void **state)
{
    fail_each(extract);
}

static void test_unescape(void **state)
{
    fail_each(unescape);
}

static void test_segment(void **state)
{
    if (!path_exists("/var/lib/mecab/dic/ipadic-utf8")) skip();
    fail_each(segment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),   cmocka_unit_test(test_decode),
        cmocka_unit_test(test_extract), cmocka_unit_test(test_unescape),
        cmocka_unit_test(test_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
