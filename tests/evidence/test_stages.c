/* The stages before and around the clusters: collecting, embedding, refining, the map. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/evidence.h"
#include "fake_embedder.h"

#include <cmocka.h> /* last: it defines a macro named fail */
#undef fail

#define ARTICLE(name, ...)                                                                         \
    {                                                                                              \
        .id = name, .confidence = -1, .paragraphs = (const char *const[]){__VA_ARGS__},            \
        .n_paragraphs = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)                \
    }

static struct arena arena;

static int free_arena(void **state)
{
    arena_free(&arena);
    return 0;
}

static struct collection collect(const recap_article *articles, size_t n,
                                 const recap_evidence_options *options)
{
    struct collection out;
    recap_error error;
    assert_int_equal(evidence_collect(articles, n, options, &arena, &out, &error), RECAP_OK);
    return out;
}

/* ---- collecting ---- */

static void test_lines_and_stops_end_sentences(void **state)
{
    const recap_article articles[] = {
        ARTICLE("a", "\xE3\x80\x80 \n", "最初の文です。次の文です。\n改行で終わる文", "x"),
        ARTICLE("b", "One sentence here. Another one there.\nA third"),
    };
    recap_evidence_options options = recap_evidence_defaults();
    struct collection out = collect(articles, 2, &options);
    static const char *const expected[] = {"最初の文です。",     "次の文です。",
                                           "改行で終わる文",     "One sentence here.",
                                           "Another one there.", "A third"};
    assert_int_equal(out.n, COUNT_OF(expected));
    for (size_t i = 0; i < out.n; i++) {
        assert_string_equal(out.sentences[i].text, expected[i]);
        assert_int_equal(out.sentences[i].article, i >= 3);
        assert_int_equal(out.sentences[i].paragraph, 0); /* the blank one does not count */
        assert_int_equal(out.sentences[i].tokens,
                         (utf8_count(expected[i], strlen(expected[i])) + 3) / 4);
        assert_string_equal(out.sentences[i].language, i < 3 ? "ja" : "und");
    }
    assert_int_equal(out.n_articles_used, 2);
    assert_false(out.partial || out.token_limited);
}

static void test_languages(void **state)
{
    recap_article articles[] = {
        ARTICLE("hint", "Short one.", "Кратко и ясно."),
        ARTICLE("whole",
                "Yes. This is certainly a long enough English paragraph to be told for what "
                "it is by its letters."),
        ARTICLE("kanji", "東京都知事選挙。"),
        ARTICLE("chinese", "搭載俄羅斯與美國太空人的聯盟號飛船從拜科努爾航天發射場發射升空並與國際"
                           "太空站完成對接然後返回地球完成任務全部成功結束。"),
    };
    articles[0].language = "EN-gb";
    articles[2].language = "ja";
    articles[3].language = "zh";
    recap_evidence_options options = recap_evidence_defaults();
    struct collection out = collect(articles, 4, &options);
    static const char *const expected[] = {"en", "en", "en", "en", "ja", "und"};
    assert_int_equal(out.n, COUNT_OF(expected));
    for (size_t i = 0; i < out.n; i++) assert_string_equal(out.sentences[i].language, expected[i]);
}

static void test_limits_of_a_document_and_of_the_run(void **state)
{
    const recap_article articles[] = {
        ARTICLE("a", "First line\nSecond line\nThird line", "Fourth line"),
        ARTICLE("b", "Fifth line\nSixth line"),
    };
    recap_evidence_options options = recap_evidence_defaults();
    options.max_sentences_per_document = 2;
    struct collection out = collect(articles, 2, &options);
    assert_int_equal(out.n, 4);
    assert_int_equal(out.n_articles_cut, 1);
    assert_string_equal(out.sentences[2].text, "Fifth line");
    assert_false(out.partial);

    options.max_sentences = 3;
    out = collect(articles, 2, &options);
    assert_int_equal(out.n, 3);
    assert_true(out.partial);
    options.max_sentences = 4;
    assert_false(collect(articles, 2, &options).partial); /* nothing was cut by it */
}

static void test_the_token_budget_ends_at_the_first_that_passes_it(void **state)
{
    const recap_article articles[] = {
        ARTICLE("a", "1234\n12345678\nab", "not reached"), /* 1, 2, 1 tokens */
    };
    recap_evidence_options options = recap_evidence_defaults();
    options.max_tokens = 3;
    struct collection out = collect(articles, 1, &options);
    assert_int_equal(out.n, 2);
    assert_true(out.token_limited);
    assert_false(out.partial);
    options.max_tokens = 2; /* the second would pass it; the third, which would fit, is not taken */
    out = collect(articles, 1, &options);
    assert_int_equal(out.n, 1);
    options.max_tokens = 0;
    assert_int_equal(collect(articles, 1, &options).n, 4);
}

static void test_unsure_articles_are_left_out_while_three_remain(void **state)
{
    recap_article articles[] = {
        ARTICLE("0", "Number zero"),  ARTICLE("1", "Number one"),  ARTICLE("2", "Number two"),
        ARTICLE("3", "Number three"), ARTICLE("4", "Number four"),
    };
    articles[0].confidence = 0.29;
    articles[1].confidence = 0.3;
    articles[3].confidence = 0;
    articles[4].confidence = 0.1;
    recap_evidence_options options = recap_evidence_defaults();
    options.confidence.coverage = 0.5;
    struct collection out = collect(articles, 5, &options);
    assert_int_equal(out.n_articles_unsure, 2);
    assert_int_equal(out.n, 3);
    assert_int_equal(out.sentences[0].article, 1);
    assert_int_equal(out.sentences[2].article, 4);
    assert_int_equal(collect(articles, 3, &options).n, 3); /* three or fewer: none is */
    options.confidence.coverage = 0.49;
    assert_int_equal(collect(articles, 5, &options).n, 5);
}

static void test_nothing_to_collect(void **state)
{
    const recap_article articles[] = {ARTICLE("a", "", "  \t", "\xE3\x80\x80", "x\n。\n.")};
    recap_evidence_options options = recap_evidence_defaults();
    assert_int_equal(collect(articles, 1, &options).n, 0);
    assert_int_equal(collect(NULL, 0, &options).n, 0);
    assert_int_equal(collect(articles, 1, &options).n_articles_used, 0);
}

/* ---- embedding ---- */

static int embed_badly(void *data, recap_context *context, const recap_text *texts, size_t n,
                       float *out, recap_error *error)
{
    for (size_t i = 0; i < 4 * n; i++) out[i] = 1;
    if (*(const char *)data == 'f') return fail(error, RECAP_ERROR_IO, "the cable is cut");
    for (size_t j = 0; j < 4; j++) out[4 + j] = *(const char *)data == 'z' ? 0 : NAN;
    return RECAP_OK;
}

static void test_bad_vectors_are_named(void **state)
{
    const recap_article articles[] = {ARTICLE("first", "x"), ARTICLE("second", "x")};
    static const recap_sentence sentences[] = {{.text = "good"}, {.text = "evil", .article = 1}};
    char kind = 'z';
    recap_embedder embedder = {embed_badly, &kind, 4};
    float out[8];
    recap_error error;
    assert_int_equal(evidence_embed(NULL, &embedder, articles, sentences, 2, out, &error),
                     RECAP_ERROR_MODEL);
    assert_string_equal(
        error.message,
        "embedding: the vector of sentence 1 of article \"second\" is zero: \"evil\"");
    kind = 'n';
    assert_int_equal(evidence_embed(NULL, &embedder, articles, sentences, 2, out, &error),
                     RECAP_ERROR_MODEL);
    assert_non_null(strstr(error.message, "is not finite"));
    kind = 'f';
    assert_int_equal(evidence_embed(NULL, &embedder, articles, sentences, 2, out, &error),
                     RECAP_ERROR_IO);
    assert_string_equal(error.message, "embedding: the cable is cut");
    assert_int_equal(evidence_embed(NULL, &embedder, articles, sentences, 2, out, NULL),
                     RECAP_ERROR_IO);
    kind = 'z';
    assert_int_equal(evidence_embed(NULL, &embedder, articles, sentences, 1, out, &error),
                     RECAP_OK);
    assert_float_equal(out[0], 0.5, 1e-6);
}

/* ---- refining ---- */

enum { D = 8 };

struct points {
    float x[400 * D];
    size_t tokens[400];
    int32_t labels[400];
    size_t n, n_clusters;
};

/* `count` points about the direction `axis` (0 .. 15: the axes, then their opposites). */
static void add_blob(struct points *points, size_t axis, size_t count, int32_t label)
{
    for (size_t i = 0; i < count; i++, points->n++) {
        float *row = points->x + points->n * D;
        double length = 0;
        for (size_t j = 0; j < D; j++) {
            row[j] = (float)(0.1 * (random_unit(3, points->n, j) - 0.5));
            if (j == axis % D) row[j] += axis < D ? 1 : -1;
            length += (double)row[j] * (double)row[j];
        }
        for (size_t j = 0; j < D; j++) row[j] = (float)((double)row[j] / sqrt(length));
        points->tokens[points->n] = 10;
        points->labels[points->n] = label;
    }
    if (label >= 0 && (size_t)label >= points->n_clusters) points->n_clusters = (size_t)label + 1;
}

static void refine(struct points *points, const recap_evidence_options *options)
{
    recap_context *context;
    recap_error error;
    assert_int_equal(recap_open_context(NULL, &context, NULL), RECAP_OK);
    assert_int_equal(evidence_refine(context, points->x, points->n, D, points->tokens, 5, options,
                                     points->labels, &points->n_clusters, &error),
                     RECAP_OK);
    recap_close_context(context);
    int32_t seen = -1;
    for (size_t i = 0; i < points->n; i++) {
        assert_true(points->labels[i] >= -1 && points->labels[i] <= seen + 1);
        if (points->labels[i] > seen) seen = points->labels[i];
    }
    assert_int_equal(seen + 1, points->n_clusters);
}

static void test_enough_noise_is_parted(void **state)
{
    struct points points = {.n = 0};
    recap_evidence_options options = recap_evidence_defaults();
    options.split_large = false;
    add_blob(&points, 0, 20, 0);
    for (size_t axis = 1; axis <= 3; axis++) add_blob(&points, axis, 11, -1);
    refine(&points, &options);
    assert_int_equal(points.n_clusters, 4);
    for (size_t i = 20; i < points.n; i++) assert_int_equal(points.labels[i], 1 + (i - 20) / 11);
}

static void test_little_noise_is_left(void **state)
{
    struct points points = {.n = 0};
    recap_evidence_options options = recap_evidence_defaults();
    add_blob(&points, 0, 20, 0);
    add_blob(&points, 1, 20, 1);
    for (size_t axis = 2; axis <= 3; axis++) add_blob(&points, axis, 14, -1);
    refine(&points, &options);
    assert_int_equal(points.n_clusters, 2);
    for (size_t i = 40; i < points.n; i++) assert_int_equal(points.labels[i], -1);
}

static void test_large_clusters_are_split(void **state)
{
    /* Medians: 10 tokens, 20 sentences, so the limit is the floor of 400; 40 + 40 sentences are
     * 800 tokens of two directions. */
    struct points points = {.n = 0};
    recap_evidence_options options = recap_evidence_defaults();
    add_blob(&points, 0, 40, 0);
    add_blob(&points, 1, 40, 0);
    add_blob(&points, 2, 20, 1);
    add_blob(&points, 3, 20, 2);
    refine(&points, &options);
    assert_int_equal(points.n_clusters, 4);
    for (size_t i = 0; i < 80; i++) assert_int_equal(points.labels[i], i / 40);

    points = (struct points){.n = 0};
    options.split_dynamic = false;
    options.split_max_tokens = 1500;
    add_blob(&points, 0, 80, 0);
    add_blob(&points, 2, 20, 1);
    refine(&points, &options);
    assert_int_equal(points.n_clusters, 2);
}

static void test_many_clusters_are_merged_to_ten(void **state)
{
    struct points points = {.n = 0};
    recap_evidence_options options = recap_evidence_defaults();
    for (size_t axis = 0; axis < 10; axis++) add_blob(&points, axis, 6, (int32_t)axis);
    add_blob(&points, 9, 6, 10); /* two beside two others */
    add_blob(&points, 3, 6, 11);
    refine(&points, &options);
    assert_int_equal(points.n_clusters, 10);
    assert_int_equal(points.labels[60], points.labels[54]);
    assert_int_equal(points.labels[66], points.labels[18]);
}

static void test_no_cluster_at_all(void **state)
{
    struct points points = {.n = 0};
    recap_evidence_options options = recap_evidence_defaults();
    for (size_t axis = 0; axis < 5; axis++) add_blob(&points, axis, 1, -1);
    refine(&points, &options);
    assert_int_equal(points.n_clusters, 5);

    points = (struct points){.n = 0}; /* no more than eleven groups all the same */
    for (size_t axis = 0; axis < 16; axis++) add_blob(&points, axis, 1, -1);
    refine(&points, &options);
    assert_int_equal(points.n_clusters, 10);

    points = (struct points){.n = 0};
    refine(&points, &options);
    assert_int_equal(points.n_clusters, 0);
}

static void test_equal_points_survive(void **state)
{
    struct points points = {.n = 0};
    recap_evidence_options options = recap_evidence_defaults();
    for (size_t i = 0; i < 100; i++) {
        points.x[i * D] = 1;
        points.tokens[i] = 50;
        points.labels[i] = i < 60 ? 0 : -1;
    }
    points.n = 100;
    points.n_clusters = 1;
    refine(&points, &options);
    for (size_t i = 0; i < 60; i++) assert_int_equal(points.labels[i], 0);
}

/* ---- the map ---- */

static void test_the_map_is_finite_for_any_number(void **state)
{
    struct points points = {.n = 0};
    float map[2 * 60];
    recap_context *context;
    assert_int_equal(recap_open_context(NULL, &context, NULL), RECAP_OK);
    add_blob(&points, 0, 30, 0);
    add_blob(&points, 1, 30, 1);
    for (size_t n = 0; n <= 60; n += n < 14 ? 1 : 23) {
        assert_int_equal(evidence_map(context, points.x, n, D, map, NULL), RECAP_OK);
        for (size_t i = 0; i < 2 * n; i++) assert_true(isfinite(map[i]));
    }
    recap_close_context(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_lines_and_stops_end_sentences, free_arena),
        cmocka_unit_test_teardown(test_languages, free_arena),
        cmocka_unit_test_teardown(test_limits_of_a_document_and_of_the_run, free_arena),
        cmocka_unit_test_teardown(test_the_token_budget_ends_at_the_first_that_passes_it,
                                  free_arena),
        cmocka_unit_test_teardown(test_unsure_articles_are_left_out_while_three_remain, free_arena),
        cmocka_unit_test_teardown(test_nothing_to_collect, free_arena),
        cmocka_unit_test(test_bad_vectors_are_named),
        cmocka_unit_test(test_enough_noise_is_parted),
        cmocka_unit_test(test_little_noise_is_left),
        cmocka_unit_test(test_large_clusters_are_split),
        cmocka_unit_test(test_many_clusters_are_merged_to_ten),
        cmocka_unit_test(test_no_cluster_at_all),
        cmocka_unit_test(test_equal_points_survive),
        cmocka_unit_test(test_the_map_is_finite_for_any_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
