/* evidence.json: strict, whole, absent where unmeasured, and the same numbers that went in. */
#include "base/json.h"
#include "sample_run.h" /* before cmocka, whose fail is a macro */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
static json_t *parse_run(const struct report_run *run)
{
    struct buf out = {0};
    recap_error error = {0};
    json_t *json = NULL;
    assert_int_equal(report_json(run, &out, &error), RECAP_OK);
    assert_int_equal(utf8_check(out.data, out.n), out.n);
    if (json_parse("evidence.json", out.data, out.n, &json, &error) != RECAP_OK)
        fail_msg("%s", error.message);
    buf_free(&out);
    return json;
}

static const char *text_at(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static json_int_t int_at(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static double number_at(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static bool has(const json_t *object, const char *name)
{
    return json_object_get(object, name) != NULL;
}

static void test_run_fields(void **state)
{
    struct sample sample;
    assert_true(sample_small(NULL, &sample));
    json_t *json = parse_run(&sample.run);
    assert_int_equal(int_at(json, "schema_version"), 1);
    assert_string_equal(text_at(json_object_get(json, "generator"), "version"), recap_version());
    assert_string_equal(text_at(json, "created_at"), "2026-11-23T00:10:00Z");
    assert_string_equal(text_at(json_object_get(json, "window"), "since"), "2026-11-16T00:00:00Z");
    assert_string_equal(text_at(json_object_get(json, "model"), "name"), "multilingual-e5-small");
    assert_string_equal(text_at(json_object_get(json, "settings"), "SEED"), "42");
    const json_t *timings = json_object_get(json, "timings");
    assert_true(number_at(timings, "embed_seconds") == 1.5);
    assert_false(has(timings, "classify_seconds")); /* not measured: absent, not zero */
    const json_t *counts = json_object_get(json, "counts");
    assert_int_equal(int_at(counts, "articles_read"), 7);
    assert_int_equal(int_at(counts, "articles_refused"), 1);
    assert_int_equal(int_at(counts, "stories"), 1);
    assert_int_equal(int_at(counts, "sentences"), 4);
    assert_int_equal(int_at(counts, "duplicate_sentences"), 1);
    assert_int_equal(int_at(counts, "noise_sentences"), 1);
    json_decref(json);
    sample_free(&sample);
}

static void test_clusters(void **state)
{
    struct sample sample;
    assert_true(sample_small(NULL, &sample));
    json_t *json = parse_run(&sample.run);
    const json_t *genre = json_array_get(json_object_get(json, "genres"), 0);
    const json_t *clusters = json_object_get(genre, "clusters");
    assert_int_equal(json_array_size(clusters), 2);
    const json_t *first = json_array_get(clusters, 0), *noise = json_array_get(clusters, 1);
    assert_int_equal(int_at(first, "cluster_id"), 0);
    assert_int_equal(int_at(first, "size"), 2);
    assert_string_equal(text_at(first, "label"), "river");
    assert_string_equal(text_at(first, "title"), "River bursts its banks");
    const json_t *stats = json_object_get(first, "stats");
    assert_true(number_at(stats, "avg_sim") == 0.875);
    assert_int_equal(int_at(stats, "token_count"), 24);
    assert_int_equal(int_at(stats, "article_count"), 2);
    assert_int_equal(int_at(stats, "day_count"), 2);
    assert_string_equal(text_at(stats, "last_day"), "2026-11-17");
    const json_t *best = json_array_get(json_object_get(first, "representatives"), 0);
    assert_string_equal(text_at(best, "article_id"), "a");
    assert_int_equal(int_at(best, "article"), 1);
    assert_int_equal(int_at(best, "sentence"), 1);
    assert_string_equal(text_at(best, "lang"), "en");
    assert_true(number_at(best, "score") == 1);
    assert_int_equal(int_at(noise, "cluster_id"), -1);
    assert_true(json_is_null(json_object_get(noise, "label")));
    assert_false(has(json_object_get(noise, "stats"), "avg_sim"));
    assert_int_equal(json_array_size(json_object_get(noise, "top_terms")), 0);
    json_decref(json);
    sample_free(&sample);
}

static void test_sentences_and_diagnostics(void **state)
{
    struct sample sample;
    assert_true(sample_small(NULL, &sample));
    json_t *json = parse_run(&sample.run);
    const json_t *genre = json_array_get(json_object_get(json, "genres"), 0);
    const json_t *sentences = json_object_get(genre, "sentences");
    assert_int_equal(json_array_size(sentences), 4);
    const json_t *kept = json_array_get(sentences, 0), *dropped = json_array_get(sentences, 2);
    assert_true(number_at(kept, "x") == 1.5 && number_at(kept, "y") == -2);
    assert_false(has(kept, "duplicate_of"));
    assert_int_equal(int_at(dropped, "duplicate_of"), 1);
    assert_false(has(dropped, "cluster_id") || has(dropped, "x"));
    const json_t *diagnostics = json_object_get(genre, "diagnostics");
    assert_true(json_is_true(json_object_get(diagnostics, "partial")));
    assert_true(number_at(diagnostics, "silhouette_score") == 0.5);
    assert_false(has(diagnostics, "dbcv_score")); /* NaN and unknown */
    assert_false(has(diagnostics, "umap") || has(diagnostics, "hdbscan_ms"));
    assert_true(number_at(diagnostics, "embedding_ms") == 1500);
    assert_int_equal(int_at(json_object_get(diagnostics, "hdbscan"), "min_samples"), 1);
    const json_t *listed = json_array_get(json_object_get(json, "genres"), 1);
    assert_true(json_is_false(json_object_get(listed, "clustered")));
    assert_int_equal(json_array_size(json_object_get(listed, "clusters")), 0);
    assert_false(has(listed, "diagnostics"));
    const json_t *article = json_array_get(json_object_get(json, "articles"), 2);
    assert_string_equal(text_at(article, "id"), "");
    assert_false(has(article, "title") || has(article, "confidence"));
    json_decref(json);
    sample_free(&sample);
}

/* Quotes, controls, broken UTF-8: the file stays strict, and what is valid comes back as it was. */
/* The story of the small run without its terms and representatives: a phrase, not a story. */
static void test_what_nothing_names_is_no_story(void **state)
{
    struct sample sample;
    assert_true(sample_small(NULL, &sample));
    json_t *json = parse_run(&sample.run);
    assert_int_equal(int_at(json_object_get(json, "counts"), "stories"), 1);
    json_decref(json);
    /* the sample's arena owns the clusters; the report only reads them */
    recap_cluster *story = (recap_cluster *)(uintptr_t)&sample.run.genres[0].evidence->clusters[0];
    story->n_terms = 0;
    story->n_representatives = 0;
    json = parse_run(&sample.run);
    assert_int_equal(int_at(json_object_get(json, "counts"), "stories"), 0);
    assert_true(int_at(json_object_get(json, "counts"), "single_sentences") > 0);
    json_decref(json);
    sample_free(&sample);
}

static void test_hostile_text(void **state)
{
    static const char *const texts[] = {"\"}],\\", "\n\t\x01\x1f\x7f", "\xe2\x80\xa8\xe2\x80\xa9",
                                        "😀 が 名"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct sample sample;
        assert_true(sample_small(texts[i], &sample));
        json_t *json = parse_run(&sample.run);
        const json_t *article = json_array_get(json_object_get(json, "articles"), 0);
        assert_string_equal(text_at(article, "title"), sample.run.articles[0].title);
        json_decref(json);
        sample_free(&sample);
    }
    struct sample sample;
    assert_true(sample_small("\xff\xc3(\xed\xa0\x80", &sample));
    json_decref(parse_run(&sample.run));
    sample_free(&sample);
}

static void test_empty_run(void **state)
{
    struct report_run run = {0};
    json_t *json = parse_run(&run);
    assert_int_equal(json_array_size(json_object_get(json, "genres")), 0);
    assert_false(has(json, "created_at") || has(json, "device"));
    assert_int_equal(json_object_size(json_object_get(json, "window")), 0);
    json_decref(json);
}

static void test_same_bytes(void **state)
{
    struct sample sample;
    struct buf first = {0}, second = {0};
    assert_true(sample_small(NULL, &sample));
    assert_int_equal(report_json(&sample.run, &first, NULL), RECAP_OK);
    assert_int_equal(report_json(&sample.run, &second, NULL), RECAP_OK);
    assert_int_equal(first.n, second.n);
    assert_memory_equal(first.data, second.data, first.n);
    buf_free(&first);
    buf_free(&second);
    sample_free(&sample);
}

/* The week of the demo: sizes sum to the kept sentences, and its stories are those of its truth. */
static void test_week(void **state)
{
    struct sample sample;
    if (!sample_week(SOURCE_ROOT "/examples/week.jsonl", &sample)) skip();
    json_t *json = parse_run(&sample.run), *genre;
    size_t g;
    json_int_t stories = 0;
    json_array_foreach(json_object_get(json, "genres"), g, genre)
    {
        size_t c;
        json_t *cluster;
        json_int_t sizes = 0;
        json_array_foreach(json_object_get(genre, "clusters"), c, cluster)
        {
            sizes += int_at(cluster, "size");
            stories += int_at(cluster, "cluster_id") >= 0;
        }
        const json_t *diagnostics = json_object_get(genre, "diagnostics");
        assert_int_equal(sizes, int_at(diagnostics, "total_sentences") -
                                    int_at(diagnostics, "dedup_pairs"));
    }
    assert_int_equal(stories, int_at(json_object_get(json, "counts"), "stories"));
    assert_in_range(stories, 20, 25);
    json_decref(json);
    sample_free(&sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_fields),
        cmocka_unit_test(test_clusters),
        cmocka_unit_test(test_sentences_and_diagnostics),
        cmocka_unit_test(test_what_nothing_names_is_no_story),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_empty_run),
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_week),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
