/* Genres: language decides the model, labels must agree, heads are trained and bound to their
 * embedder. Runs on the small models of the fixtures. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TINY FIXTURES "/tiny/"

static recap_context *context;
static char folder[] = "/tmp/recap-classifier-XXXXXX";

static int set_up(void **state)
{
    recap_context_options options = {.n_threads = 2, .seed = 42};
    if (recap_open_context(&options, &context, NULL) != RECAP_OK || !mkdtemp(folder)) return -1;
    return 0;
}

static int tear_down(void **state)
{
    char command[64];
    recap_close_context(context);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void need_fixtures(void)
{
    if (!path_exists(TINY "distilbert-cls30/config.json")) skip();
}

static recap_text text_of(const char *s)
{
    return (recap_text){s, strlen(s)};
}

/* ---- sequence classifiers ---- */

static void test_scores_are_the_models(void **state)
{
    need_fixtures();
    recap_classifier_options options = {.japanese_model = TINY "distilbert-cls30"};
    recap_classifier *classifier = NULL;
    recap_error error = {0};
    assert_int_equal(recap_open_classifier(&options, &classifier, &error), RECAP_OK);
    size_t n_labels;
    const char *const *labels = recap_classifier_labels(classifier, &n_labels);
    assert_int_equal(n_labels, 30);
    assert_string_equal(labels[16], "baseball");
    recap_text text = text_of(
        "The central bank raised interest rates by a quarter point on Wednesday, citing stubborn "
        "inflation.");
    float scores[30], logits[30];
    double sum = 0;
    assert_int_equal(recap_classify_texts(context, classifier, &text, 1, scores, logits, &error),
                     RECAP_OK);
    assert_true(fabsf(logits[0] + 0.9012454f) < 1e-3f); /* fixtures/tiny, first text */
    assert_true(fabsf(logits[16] - 3.006788f) < 1e-3f);
    for (size_t i = 0; i < 30; i++) {
        assert_true(scores[i] >= 0 && scores[i] <= 1);
        sum += (double)scores[i];
    }
    assert_true(fabs(sum - 1) < 1e-3);
    assert_string_equal(labels[recap_top_genre(classifier, scores)], "baseball");
    assert_int_equal(recap_classify_texts(context, classifier, NULL, 0, NULL, NULL, &error),
                     RECAP_OK);
    recap_close_classifier(classifier);
}

static void test_thresholds_decide_the_top_genre(void **state)
{
    need_fixtures();
    static const char *const names[] = {"politics", "baseball"};
    static const double values[] = {0.1, 0.9};
    recap_classifier_options options = {.english_model = TINY "distilbert-cls30",
                                        .threshold_genres = names,
                                        .thresholds = values,
                                        .n_thresholds = 2};
    recap_classifier *classifier = NULL;
    recap_error error = {0};
    assert_int_equal(recap_open_classifier(&options, &classifier, &error), RECAP_OK);
    assert_true(recap_classifier_threshold(classifier, 16) == 0.9);
    assert_true(recap_classifier_threshold(classifier, 1) == 0.3);
    float scores[30] = {0};
    scores[16] = 0.6f; /* best, but under its threshold */
    scores[0] = 0.2f;  /* over its own */
    assert_int_equal(recap_top_genre(classifier, scores), 0);
    scores[0] = 0.05f; /* none reaches: the best */
    assert_int_equal(recap_top_genre(classifier, scores), 16);
    recap_close_classifier(classifier);

    static const double half = 0.5, negative = -0.5;
    options.default_threshold = &half;
    assert_int_equal(recap_open_classifier(&options, &classifier, &error), RECAP_OK);
    assert_true(recap_classifier_threshold(classifier, 16) == 0.9);
    assert_true(recap_classifier_threshold(classifier, 1) == 0.5);
    recap_close_classifier(classifier);
    options.default_threshold = &negative;
    assert_int_equal(recap_open_classifier(&options, &classifier, &error), RECAP_ERROR_CONFIG);
    assert_non_null(strstr(error.message, "-0.5"));
    options.default_threshold = NULL;

    static const char *const unknown[] = {"weather forecast"};
    options.threshold_genres = unknown;
    options.n_thresholds = 1;
    assert_int_equal(recap_open_classifier(&options, &classifier, &error), RECAP_ERROR_CONFIG);
    assert_non_null(strstr(error.message, "weather forecast"));
    static const double outside[] = {1.5};
    options.threshold_genres = names;
    options.thresholds = outside;
    assert_int_equal(recap_open_classifier(&options, &classifier, &error), RECAP_ERROR_CONFIG);
    assert_non_null(strstr(error.message, "1.5"));
}

static void test_what_must_agree(void **state)
{
    need_fixtures();
    recap_classifier *classifier = NULL;
    recap_error error = {0};
    /* 30 labels against 3 */
    recap_classifier_options options = {.japanese_model = TINY "distilbert-cls30",
                                        .english_model = TINY "xlmr-cls-bf16"};
    assert_int_equal(recap_open_classifier(&options, &classifier, &error), RECAP_ERROR_MODEL);
    assert_non_null(strstr(error.message, "3 labels"));
    /* an encoder without a head */
    options.japanese_model = TINY "xlmr";
    options.english_model = NULL;
    assert_int_equal(recap_open_classifier(&options, &classifier, &error), RECAP_ERROR_MODEL);
    /* the taxonomy's size and names */
    size_t n;
    options.japanese_model = TINY "distilbert-cls30";
    options.taxonomy = recap_default_taxonomy(&n);
    options.n_taxonomy = n;
    assert_int_equal(n, 30);
    assert_int_equal(recap_open_classifier(&options, &classifier, &error), RECAP_ERROR_MODEL);
    assert_non_null(strstr(error.message, "not in the taxonomy"));
    options.n_taxonomy = 29;
    assert_int_equal(recap_open_classifier(&options, &classifier, &error), RECAP_ERROR_MODEL);
    assert_non_null(strstr(error.message, "30 genres, the taxonomy 29"));
    recap_classifier_options none = {0};
    assert_int_equal(recap_open_classifier(&none, &classifier, &error), RECAP_ERROR_USAGE);
    assert_null(classifier);
}

/* ---- heads ---- */

enum { GENRES = 3, EXAMPLES = 12 };

/* Texts whose words tell the genre, also to a model of random weights. */
static void make_examples(struct arena *arena, recap_text *texts, const char **labels)
{
    static const char *const words[GENRES][4] = {
        {"match", "goal", "team", "league"},
        {"rain", "storm", "cloud", "wind"},
        {"bank", "bond", "rate", "market"},
    };
    static const char *const names[GENRES] = {"sports", "weather", "money"};
    for (size_t i = 0; i < GENRES * EXAMPLES; i++) {
        size_t genre = i % GENRES, k = i / GENRES;
        char text[200];
        int n = snprintf(text, sizeof text, "%s %s and %s with %s %s", words[genre][k % 4],
                         words[genre][(k / 2) % 4], words[genre][(k + 1) % 4],
                         words[genre][(k * 3 + 2) % 4], words[genre][(k / 3) % 4]);
        texts[i] = (recap_text){arena_copy(arena, text, (size_t)n), (size_t)n};
        labels[i] = names[genre];
    }
}

static void test_a_head_learns_and_is_read_back(void **state)
{
    need_fixtures();
    struct arena arena = {0};
    recap_text texts[GENRES * EXAMPLES];
    const char *labels[GENRES * EXAMPLES];
    recap_model *embedder = NULL;
    recap_error error = {0};
    recap_train_report report;
    make_examples(&arena, texts, labels);
    assert_int_equal(recap_open_model(TINY "xlmr", &embedder, &error), RECAP_OK);
    char *directory = path_join(folder, "head");
    int status = recap_train_head(context, embedder, texts, labels, GENRES * EXAMPLES, NULL,
                                  directory, &report, &error);
    if (status) fail_msg("%s", error.message);
    assert_int_equal(report.n_examples, GENRES * EXAMPLES);
    assert_int_equal(report.n_labels, GENRES);
    assert_int_equal(report.n_folds, 5);
    assert_string_equal(report.labels[0], "money");
    assert_int_equal(report.label_counts[0], EXAMPLES);
    assert_true(report.accuracy > 0.7 && report.accuracy <= 1);
    assert_true(report.l2 >= 1e-4 && report.l2 <= 1e2);
    assert_true(report.calibration_error >= 0 && report.calibration_error < 0.4);

    recap_classifier_options options = {.head = directory, .embedder = embedder};
    recap_classifier *classifier = NULL;
    status = recap_open_classifier(&options, &classifier, &error);
    if (status) fail_msg("%s", error.message);
    float scores[GENRES * EXAMPLES * GENRES];
    assert_int_equal(
        recap_classify_texts(context, classifier, texts, GENRES * EXAMPLES, scores, NULL, &error),
        RECAP_OK);
    size_t n, right = 0;
    const char *const *names = recap_classifier_labels(classifier, &n);
    for (size_t i = 0; i < GENRES * EXAMPLES; i++)
        right += strcmp(names[recap_top_genre(classifier, scores + i * GENRES)], labels[i]) == 0;
    assert_true(right >= GENRES * EXAMPLES * 9 / 10);
    recap_close_classifier(classifier);

    /* the same again: the same file, byte for byte, also with one thread */
    recap_context *one = NULL;
    recap_context_options threads = {.n_threads = 1, .seed = 42};
    assert_int_equal(recap_open_context(&threads, &one, &error), RECAP_OK);
    char *again = path_join(folder, "again"), *file = path_join(directory, "head.json"),
         *other = path_join(again, "head.json");
    assert_int_equal(recap_train_head(one, embedder, texts, labels, GENRES * EXAMPLES, NULL, again,
                                      NULL, &error),
                     RECAP_OK);
    struct buf a = {0}, b = {0};
    assert_int_equal(file_read(file, 0, &a, &error), RECAP_OK);
    assert_int_equal(file_read(other, 0, &b, &error), RECAP_OK);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.data, b.data, a.n);
    buf_free(&a);
    buf_free(&b);
    recap_close_context(one);
    free(again);
    free(file);
    free(other);
    free(directory);
    recap_free_train_report(&report);
    recap_close_model(embedder);
    arena_free(&arena);
}

static void test_a_head_refuses_another_embedder(void **state)
{
    need_fixtures();
    char *directory = path_join(folder, "head");
    if (!path_exists(directory)) fail_msg("the test before made no head");
    recap_model *other = NULL;
    recap_classifier *classifier = NULL;
    recap_error error = {0};
    assert_int_equal(recap_open_model(TINY "bert-cased-f16", &other, &error), RECAP_OK);
    recap_classifier_options options = {.head = directory, .embedder = other};
    assert_int_equal(recap_open_classifier(&options, &classifier, &error), RECAP_ERROR_MODEL);
    assert_non_null(strstr(error.message, "trained on another embedder"));
    options.embedder = NULL;
    assert_int_equal(recap_open_classifier(&options, &classifier, &error), RECAP_ERROR_USAGE);
    recap_close_model(other);
    free(directory);
}

static void test_examples_that_cannot_be_learnt(void **state)
{
    need_fixtures();
    recap_model *embedder = NULL;
    recap_error error = {0};
    assert_int_equal(recap_open_model(TINY "xlmr", &embedder, &error), RECAP_OK);
    recap_text texts[5];
    for (size_t i = 0; i < 5; i++) texts[i] = text_of("a sentence");
    const char *one_genre[5] = {"a", "a", "a", "a", "a"}, *lonely[5] = {"a", "a", "a", "a", "b"};
    char *directory = path_join(folder, "none");
    assert_int_equal(
        recap_train_head(context, embedder, texts, one_genre, 5, NULL, directory, NULL, &error),
        RECAP_ERROR_INPUT);
    assert_non_null(strstr(error.message, "at least 2"));
    assert_int_equal(
        recap_train_head(context, embedder, texts, lonely, 5, NULL, directory, NULL, &error),
        RECAP_ERROR_INPUT);
    assert_non_null(strstr(error.message, "\"b\" has 1 example"));
    assert_int_equal(
        recap_train_head(context, embedder, texts, lonely, 0, NULL, directory, NULL, &error),
        RECAP_ERROR_INPUT);
    assert_false(path_exists(directory));
    free(directory);
    recap_close_model(embedder);
}

static void test_damaged_heads_are_named(void **state)
{
    need_fixtures();
    static const struct {
        const char *text, *word;
    } cases[] = {
        {"", "head.json"},
        {"[1]", "recap-head"},
        {"{\"format\": \"recap-head\", \"version\": 2}", "version 1"},
        {"{\"format\": \"recap-head\", \"version\": 1, \"labels\": [\"a\"]}", "labels"},
        {"{\"format\": \"recap-head\", \"version\": 1, \"labels\": [\"a\", 3]}", "label 1"},
        {"{\"format\": \"recap-head\", \"version\": 1, \"labels\": [\"a\", \"b\"]}", "weights"},
        {"{\"format\": \"recap-head\", \"version\": 1, \"labels\": [\"a\", \"b\"], "
         "\"weights\": [[1], [\"x\"]], \"bias\": [0, 0]}",
         "row 1"},
        {"{\"format\": \"recap-head\", \"version\": 1, \"labels\": [\"a\", \"b\"], "
         "\"weights\": [[1], [2]], \"bias\": [0]}",
         "bias"},
        {"{\"format\": \"recap-head\", \"version\": 1, \"temperature\": 0}", "temperature"},
    };
    recap_model *embedder = NULL;
    recap_error error = {0};
    assert_int_equal(recap_open_model(TINY "xlmr", &embedder, &error), RECAP_OK);
    char *directory = path_join(folder, "damaged"), *file = path_join(directory, "head.json");
    assert_int_equal(make_directories(directory, &error), RECAP_OK);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        recap_classifier *classifier = NULL;
        recap_classifier_options options = {.head = directory, .embedder = embedder};
        assert_int_equal(file_write(file, cases[i].text, strlen(cases[i].text), &error), RECAP_OK);
        assert_int_equal(recap_open_classifier(&options, &classifier, &error), RECAP_ERROR_MODEL);
        if (!strstr(error.message, cases[i].word)) fail_msg("case %zu: %s", i, error.message);
    }
    free(file);
    free(directory);
    recap_close_model(embedder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores_are_the_models),
        cmocka_unit_test(test_thresholds_decide_the_top_genre),
        cmocka_unit_test(test_what_must_agree),
        cmocka_unit_test(test_a_head_learns_and_is_read_back),
        cmocka_unit_test(test_a_head_refuses_another_embedder),
        cmocka_unit_test(test_examples_that_cannot_be_learnt),
        cmocka_unit_test(test_damaged_heads_are_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
