/* Stories: sentences that know their article. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/evidence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { STORIES = 4, TELLINGS = 3, SENTENCES = 5, ROWS = STORIES * TELLINGS * SENTENCES, D = 64 };

static const struct story_options options = {0.7, 2, 3};

/* Each sentence: a large part common to all, its story's direction, a little of its article's and
 * much of its own. */
static void make_rows(float *x, size_t *articles, int32_t *truth)
{
    for (size_t i = 0; i < ROWS; i++) {
        size_t article = i / SENTENCES, story = article / TELLINGS;
        double length = 0;
        articles[i] = article;
        truth[i] = (int32_t)story;
        for (size_t c = 0; c < D; c++) {
            double value = 3.0 + 1.2 * (random_unit(1, story, c) - 0.5) +
                           0.5 * (random_unit(2, article, c) - 0.5) +
                           1.6 * (random_unit(3, i, c) - 0.5);
            x[i * D + c] = (float)value;
            length += value * value;
        }
        for (size_t c = 0; c < D; c++) x[i * D + c] /= (float)sqrt(length);
    }
}

static double agreement(recap_context *context, const struct story_options *how, int32_t *labels)
{
    static float x[ROWS * D];
    static size_t articles[ROWS];
    static int32_t truth[ROWS];
    size_t n_labels;
    make_rows(x, articles, truth);
    assert_int_equal(evidence_stories(context, x, ROWS, D, articles, how, labels, &n_labels, NULL),
                     RECAP_OK);
    for (size_t i = 0; i < ROWS; i++) assert_in_range(labels[i] + 1, 0, n_labels);
    return recap_adjusted_mutual_information(truth, labels, ROWS);
}

static void test_articles_make_the_story_clear(void **state)
{
    recap_context *one = NULL, *two = NULL;
    recap_context_options threads = {.n_threads = 1, .seed = 1};
    assert_int_equal(recap_open_context(&threads, &one, NULL), RECAP_OK);
    threads.n_threads = 2;
    assert_int_equal(recap_open_context(&threads, &two, NULL), RECAP_OK);
    int32_t labels[ROWS], again[ROWS];
    assert_true(agreement(one, &options, labels) > 0.95);
    assert_true(agreement(two, &options, again) > 0.95);
    assert_memory_equal(labels, again, sizeof labels);
    const struct story_options alone = {0.7, 0, 1};
    assert_true(agreement(one, &alone, again) < 0.8);
    recap_close_context(one);
    recap_close_context(two);
}

static void test_small_groups_are_noise(void **state)
{
    /* two articles of three sentences on one axis each, one of a single sentence on a third */
    static const float x[7 * 3] = {1, 0,   0, 1, .1f, 0, 1,   0, .1f, 0, 1,
                                   0, .1f, 1, 0, 0,   1, .1f, 0, 0,   1};
    static const size_t articles[7] = {0, 0, 0, 1, 1, 1, 2};
    int32_t labels[7];
    size_t n_labels;
    assert_int_equal(evidence_stories(NULL, x, 7, 3, articles, &options, labels, &n_labels, NULL),
                     RECAP_OK);
    static const int32_t wanted[7] = {0, 0, 0, 1, 1, 1, -1};
    assert_memory_equal(labels, wanted, sizeof wanted);
    assert_int_equal(n_labels, 2);
    /* all of them small: none is thrown away */
    const struct story_options large = {0.7, 2, 50};
    assert_int_equal(evidence_stories(NULL, x, 7, 3, articles, &large, labels, &n_labels, NULL),
                     RECAP_OK);
    assert_int_equal(n_labels, 3);
}

static void test_few_and_equal_rows(void **state)
{
    static const float equal[4 * 2] = {.6f, .8f, .6f, .8f, .6f, .8f, .6f, .8f};
    static const size_t articles[4] = {0, 0, 1, 2};
    int32_t labels[4];
    size_t n_labels;
    assert_int_equal(
        evidence_stories(NULL, equal, 0, 2, articles, &options, labels, &n_labels, NULL), RECAP_OK);
    assert_int_equal(n_labels, 0);
    for (size_t n = 1; n <= 4; n++) {
        assert_int_equal(
            evidence_stories(NULL, equal, n, 2, articles, &options, labels, &n_labels, NULL),
            RECAP_OK);
        assert_int_equal(n_labels, 1);
        for (size_t i = 0; i < n; i++) assert_int_equal(labels[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_articles_make_the_story_clear),
        cmocka_unit_test(test_small_groups_are_noise),
        cmocka_unit_test(test_few_and_equal_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
