/* The whole pipeline with a fake embedder: what an evidence promises its readers, the same bytes
 * again, and every allocation failing once. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "evidence/evidence.h"
#include "fake_embedder.h"

#include <cmocka.h> /* last: it defines a macro named fail */
#undef fail

#define stop_with(...)                                                                             \
    do {                                                                                           \
        print_message(__VA_ARGS__);                                                                \
        assert_true(false);                                                                        \
    } while (0)

/* ---- failing allocations: the linker sends them here (--wrap) ---- */

static long n_allocations, failing = -1; /* the allocation that fails, or -1 */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t n);
void *__real_aligned_alloc(size_t alignment, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t n);
void *__wrap_aligned_alloc(size_t alignment, size_t n);

static bool fails(void)
{
    return __atomic_fetch_add(&n_allocations, 1, __ATOMIC_RELAXED) == failing;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t n)
{
    return fails() ? NULL : __real_realloc(old, n);
}

void *__wrap_aligned_alloc(size_t alignment, size_t n)
{
    return fails() ? NULL : __real_aligned_alloc(alignment, n);
}

/* ---- a made-up week ---- */

enum { STORIES = 6, ARTICLES = 90, LINES = 4 };

static const char *const stories[STORIES][LINES] = {
    {"The central bank raised interest rates to fight inflation this week",
     "Interest rates rose again as the central bank fought inflation",
     "Economists expect the central bank to raise interest rates once more",
     "Inflation made the central bank raise its interest rates"},
    {"The striker scored twice as the home team won the cup final",
     "The home team won the cup final after the striker scored",
     "Fans of the home team celebrated the cup final and the striker",
     "The cup final was won by the home team and its striker"},
    {"A new chip doubles the speed of large language models",
     "Large language models run faster on the new chip",
     "The maker of the new chip trains large language models",
     "Speed of large language models doubled by the chip"},
    {"台風が九州に上陸し各地で停電が発生した", "九州では台風による停電が各地で続いている",
     "台風の上陸で九州の交通機関が停電の影響を受けた", "停電は台風が上陸した九州の各地で発生した"},
    {"政府は新しい経済対策を閣議で決定した", "新しい経済対策を政府が閣議で決めた",
     "経済対策について政府は閣議で説明した", "閣議で決定した経済対策を政府が発表した"},
    {"探査機が小惑星から試料を持ち帰った", "小惑星の試料を探査機が地球に持ち帰った",
     "持ち帰った小惑星の試料を研究者が分析する", "探査機の試料は小惑星の起源を示す"},
};

struct week {
    recap_article articles[ARTICLES];
    const char *paragraphs[ARTICLES][1];
    char texts[ARTICLES][1024];
    char ids[ARTICLES][32];
};

/* Article a tells story a % STORIES in LINES sentences, each with words of its own, and ends in
 * boilerplate. */
static void write_week(struct week *week, size_t n)
{
    static const char *const names[] = {"Alpha", "Bravo", "Cedar", "Delta", "Ember", "Frost",
                                        "Grove", "Haven", "Inlet", "Jumbo", "Karst", "Lotus"};
    memset(week, 0, sizeof(*week));
    for (size_t a = 0; a < n; a++) {
        struct buf buf = {0};
        for (size_t line = 0; line < LINES; line++)
            buf_printf(&buf, "%s %s %s\n", stories[a % STORIES][line],
                       names[(a / STORIES + 3 * line) % COUNT_OF(names)],
                       names[(a / STORIES * 5 + line + 1) % COUNT_OF(names)]);
        buf_add_string(&buf, a % STORIES < 3 ? "Read more" : "続きを読む");
        assert_false(buf.failed);
        snprintf(week->texts[a], sizeof(week->texts[a]), "%s", buf.data);
        snprintf(week->ids[a], sizeof(week->ids[a]), "article-%zu", a);
        buf_free(&buf);
        week->paragraphs[a][0] = week->texts[a];
        week->articles[a] = (recap_article){.id = week->ids[a],
                                            .confidence = -1,
                                            .n_paragraphs = 1,
                                            .paragraphs = week->paragraphs[a]};
    }
}

static int gather(const recap_article *articles, size_t n, const recap_evidence_options *options,
                  int n_threads, recap_evidence **out, recap_error *error)
{
    recap_context *context;
    recap_context_options threads = {.n_threads = n_threads, .seed = 42};
    recap_embedder embedder = {fake_embed, NULL, FAKE_DIMENSIONS};
    int status = recap_open_context(&threads, &context, error);
    if (status) return status;
    status = recap_gather_evidence(context, articles, n, &embedder, options, out, error);
    recap_close_context(context);
    return status;
}

static recap_evidence *gather_well(const recap_article *articles, size_t n,
                                   const recap_evidence_options *options)
{
    recap_evidence *evidence;
    recap_error error = {0};
    if (gather(articles, n, options, 2, &evidence, &error)) stop_with("%s", error.message);
    return evidence;
}

/* ---- promises ---- */

static void check_representatives(const recap_evidence *evidence, const recap_representative *items,
                                  size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_true(items[i].sentence < evidence->n_sentences);
        const recap_sentence *sentence = &evidence->sentences[items[i].sentence];
        assert_true(utf8_count(sentence->text, strlen(sentence->text)) >= 20);
        assert_int_equal(sentence->duplicate_of, -1);
        assert_float_equal(items[i].score, fmax(0, 1 - 0.05 * (double)i), 1e-12);
        for (size_t k = 0; k < i; k++) assert_true(items[k].sentence != items[i].sentence);
    }
}

static void check_promises(const recap_evidence *evidence, size_t n_articles)
{
    size_t total = 0, noise = 0, *sizes = new_zeroed(evidence->n_clusters, sizeof(*sizes));
    for (size_t c = 0; c < evidence->n_clusters; c++) {
        const recap_cluster *cluster = &evidence->clusters[c];
        bool last_noise = cluster->id == -1 && c == evidence->n_clusters - 1;
        assert_true(cluster->id == (int32_t)c || last_noise);
        assert_true(cluster->size >= 1 && cluster->n_terms <= 5);
        if (c && !last_noise) assert_true(cluster->size <= evidence->clusters[c - 1].size);
        assert_int_equal(cluster->average_similarity_known, cluster->size > 1);
        assert_true(fabs(cluster->average_similarity) <= 1);
        if (last_noise) noise = cluster->size;
        total += cluster->size;
        check_representatives(evidence, cluster->representatives, cluster->n_representatives);
        for (size_t i = 0; i < cluster->n_representatives; i++)
            assert_int_equal(evidence->sentences[cluster->representatives[i].sentence].cluster, c);
    }
    assert_int_equal(total, evidence->n_sentences - evidence->dedup_pairs);
    for (size_t i = 0; i < evidence->n_sentences; i++) {
        const recap_sentence *sentence = &evidence->sentences[i];
        assert_true(sentence->article < n_articles);
        assert_int_equal(sentence->cluster < 0, sentence->duplicate_of >= 0);
        if (sentence->cluster >= 0)
            sizes[sentence->cluster]++;
        else
            assert_int_equal(evidence->sentences[sentence->duplicate_of].duplicate_of, -1);
    }
    for (size_t c = 0; c < evidence->n_clusters; c++)
        assert_int_equal(sizes[c], evidence->clusters[c].size);
    assert_int_equal(evidence->noise_known, total > 0);
    if (total) assert_float_equal(evidence->noise_ratio, (double)noise / (double)total, 1e-12);
    check_representatives(evidence, evidence->highlights, evidence->n_highlights);
    free(sizes);
}

static void test_a_week_of_six_stories(void **state)
{
    static struct week week;
    write_week(&week, ARTICLES);
    recap_evidence_options options = recap_evidence_defaults();
    options.max_tokens = 0;
    options.layout_2d = true;
    recap_evidence *evidence = gather_well(week.articles, ARTICLES, &options);
    check_promises(evidence, ARTICLES);
    assert_int_equal(evidence->n_articles_used, ARTICLES);
    assert_true(evidence->search.silhouette_known);
    assert_true(evidence->n_clusters >= 4 && evidence->n_clusters <= 11);
    assert_true(evidence->n_highlights == 15);
    /* Sentences of one cluster tell one story; the boilerplate is left once a language. */
    size_t boilerplate = 0, agreeing = 0, kept = 0;
    size_t votes[11][STORIES] = {{0}};
    for (size_t i = 0; i < evidence->n_sentences; i++) {
        const recap_sentence *sentence = &evidence->sentences[i];
        if (sentence->cluster < 0) continue;
        boilerplate += !strcmp(sentence->text, "Read more") ||
                       !strcmp(sentence->text, "続きを読む");
        votes[sentence->cluster][sentence->article % STORIES]++;
        assert_true(isfinite(sentence->x) && isfinite(sentence->y));
        kept++;
    }
    for (size_t c = 0; c < evidence->n_clusters; c++) {
        size_t most = 0;
        for (size_t s = 0; s < STORIES; s++) most = votes[c][s] > most ? votes[c][s] : most;
        agreeing += most;
    }
    assert_int_equal(boilerplate, 2);
    assert_true((double)agreeing > 0.9 * (double)kept);
    recap_free_evidence(evidence);
}

static void test_an_article_speaks_once(void **state)
{
    static struct week week;
    write_week(&week, ARTICLES);
    recap_evidence_options options = recap_evidence_defaults();
    options.max_tokens = 0;
    recap_evidence *evidence = gather_well(week.articles, ARTICLES, &options);
    size_t spoken[ARTICLES] = {0};
    for (size_t c = 0; c < evidence->n_clusters; c++) {
        const recap_cluster *cluster = &evidence->clusters[c];
        assert_true(cluster->n_representatives >= 1 && cluster->n_representatives <= 8);
        for (size_t i = 0; i < cluster->n_representatives; i++)
            spoken[evidence->sentences[cluster->representatives[i].sentence].article]++;
    }
    for (size_t a = 0; a < ARTICLES; a++) assert_true(spoken[a] <= 1);
    recap_free_evidence(evidence);
}

static void test_any_small_number_of_articles(void **state)
{
    static struct week week;
    for (size_t n = 0; n <= 14; n++) {
        write_week(&week, n);
        for (int other = 0; other <= 1; other++) {
            recap_evidence_options options = recap_evidence_defaults();
            options.genre = other ? "other" : "ai_data";
            options.layout_2d = true;
            recap_evidence *evidence = gather_well(week.articles, n, &options);
            check_promises(evidence, n);
            assert_true(evidence->n_clusters <= 11);
            assert_int_equal(evidence->n_clusters > 0, n > 0);
            recap_free_evidence(evidence);
        }
    }
}

static void test_sentences_without_terms_or_speakers(void **state)
{
    static const char *const paragraphs[] = {"The of and.\nOf the and.\nIt is.\n12 34.\n5 6 7."};
    static const recap_article article = {
        .id = "", .confidence = -1, .paragraphs = paragraphs, .n_paragraphs = 1};
    recap_evidence *evidence = gather_well(&article, 1, NULL);
    check_promises(evidence, 1);
    for (size_t c = 0; c < evidence->n_clusters; c++) {
        assert_int_equal(evidence->clusters[c].n_terms, 0);
        assert_int_equal(evidence->clusters[c].n_representatives, 0);
    }
    assert_int_equal(evidence->n_highlights, 0);
    recap_free_evidence(evidence);
}

static void test_one_story_under_fifty_ids(void **state)
{
    static struct week week;
    write_week(&week, ARTICLES);
    for (size_t a = 1; a < 50; a++) week.articles[a].paragraphs = week.articles[0].paragraphs;
    recap_evidence *evidence = gather_well(week.articles, 50, NULL);
    check_promises(evidence, 50);
    assert_int_equal(evidence->dedup_pairs, evidence->n_sentences - (LINES + 1));
    recap_free_evidence(evidence);
}

static void test_stories_keep_the_promises(void **state)
{
    static struct week week;
    for (size_t n = 0; n <= 30; n += n < 4 ? 1 : 13) {
        write_week(&week, n);
        recap_evidence_options options = recap_evidence_defaults();
        options.clustering = RECAP_CLUSTERING_STORIES;
        options.layout_2d = true;
        recap_evidence *evidence = gather_well(week.articles, n, &options);
        check_promises(evidence, n);
        assert_false(evidence->search.silhouette_known || evidence->search.dbcv_known);
        recap_free_evidence(evidence);
    }
}

/* One text of a million characters. */
static char *repeat(const char *piece)
{
    struct buf buf = {0};
    while (buf.n < 1000000) buf_add_string(&buf, piece);
    return buf_take(&buf, NULL);
}

static void test_long_texts_take_linear_time(void **state)
{
    static const char *const pieces[] = {"A",     "a.", "1 ",   "12,345.6 ",
                                         "word ", "カ", "感染", "Name "};
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        char *texts[2] = {repeat(pieces[i]), repeat(pieces[i])};
        assert_true(texts[0] && texts[1]);
        if ((uint8_t)pieces[i][0] < 0x80) texts[1][3] = ' '; /* almost equal */
        const char *paragraphs[] = {texts[0], texts[1]};
        recap_article article = {
            .id = "a", .confidence = -1, .paragraphs = paragraphs, .n_paragraphs = 2};
        recap_evidence_options options = recap_evidence_defaults();
        options.max_tokens = 0;
        clock_t began = clock(); /* processor time: the machine may have others to serve */
        recap_evidence *evidence = gather_well(&article, 1, &options);
        check_promises(evidence, 1);
        for (size_t c = 0; c < evidence->n_clusters; c++) {
            for (size_t t = 0; t < evidence->clusters[c].n_terms; t++)
                assert_true(strlen(evidence->clusters[c].terms[t]) < 300);
        }
        if (clock() - began > 20 * CLOCKS_PER_SEC) stop_with("%s takes too long", pieces[i]);
        recap_free_evidence(evidence);
        free(texts[0]);
        free(texts[1]);
    }
}

static void test_limits_are_told(void **state)
{
    static struct week week;
    write_week(&week, ARTICLES);
    recap_evidence_options options = recap_evidence_defaults();
    options.max_sentences = 30;
    recap_evidence *evidence = gather_well(week.articles, ARTICLES, &options);
    check_promises(evidence, ARTICLES);
    assert_true(evidence->partial);
    assert_int_equal(evidence->n_sentences, 30);
    recap_free_evidence(evidence);
    options.max_sentences = 6000;
    options.max_tokens = 512;
    evidence = gather_well(week.articles, ARTICLES, &options);
    assert_true(evidence->token_limited && !evidence->partial);
    recap_free_evidence(evidence);
}

static void test_wrong_options_are_refused(void **state)
{
    recap_evidence *evidence;
    recap_error error;
    recap_evidence_options options = recap_evidence_defaults();
    options.dedup_threshold = NAN;
    assert_int_equal(gather(NULL, 0, &options, 1, &evidence, &error), RECAP_ERROR_USAGE);
    assert_null(evidence);
    options = recap_evidence_defaults();
    options.mmr_lambda = 1.5;
    assert_int_equal(gather(NULL, 0, &options, 1, &evidence, &error), RECAP_ERROR_USAGE);
    assert_string_equal(error.message, "mmr_lambda is 1.5, not in 0..1");
    options = recap_evidence_defaults();
    options.story_distance = NAN;
    assert_int_equal(gather(NULL, 0, &options, 1, &evidence, &error), RECAP_ERROR_USAGE);
    options = recap_evidence_defaults();
    options.dictionary = "/nowhere";
    static const char *const paragraphs[] = {"感染が拡大しています。"};
    recap_article article = {
        .id = "a", .confidence = -1, .paragraphs = paragraphs, .n_paragraphs = 1};
    assert_int_equal(gather(&article, 1, &options, 1, &evidence, &error), RECAP_ERROR_CONFIG);
    assert_non_null(strstr(error.message, "/nowhere"));
}

static bool stop_soon(void *data, const char *stage, size_t done, size_t total)
{
    return strcmp(stage, data) != 0;
}

static void test_a_run_can_be_stopped(void **state)
{
    static struct week week;
    char stage[] = "deduplicate";
    write_week(&week, 20);
    recap_context *context;
    recap_context_options options = {.progress = stop_soon, .progress_data = stage, .seed = 42};
    recap_embedder embedder = {fake_embed, NULL, FAKE_DIMENSIONS};
    recap_evidence *evidence;
    assert_int_equal(recap_open_context(&options, &context, NULL), RECAP_OK);
    assert_int_equal(
        recap_gather_evidence(context, week.articles, 20, &embedder, NULL, &evidence, NULL),
        RECAP_ERROR_CANCELLED);
    recap_close_context(context);
}

/* ---- the same bytes ---- */

static void write_items(struct buf *out, const recap_representative *items, size_t n)
{
    for (size_t i = 0; i < n; i++) buf_printf(out, " %zu=%a", items[i].sentence, items[i].score);
}

static void write_evidence(struct buf *out, const recap_evidence *evidence)
{
    for (size_t i = 0; i < evidence->n_sentences; i++) {
        const recap_sentence *s = &evidence->sentences[i];
        buf_printf(out, "%s|%d|%lld|%a|%a\n", s->text, s->cluster, (long long)s->duplicate_of,
                   (double)s->x, (double)s->y);
    }
    for (size_t c = 0; c < evidence->n_clusters; c++) {
        const recap_cluster *cluster = &evidence->clusters[c];
        buf_printf(out, "%d %zu %a:", cluster->id, cluster->size, cluster->average_similarity);
        for (size_t t = 0; t < cluster->n_terms; t++) buf_printf(out, " %s", cluster->terms[t]);
        write_items(out, cluster->representatives, cluster->n_representatives);
        buf_add_string(out, "\n");
    }
    write_items(out, evidence->highlights, evidence->n_highlights);
    buf_printf(out, "%a %a", evidence->search.silhouette, evidence->search.dbcv);
}

static void test_the_same_bytes_with_any_threads(void **state)
{
    static struct week week;
    struct buf first = {0}, other = {0};
    write_week(&week, ARTICLES);
    recap_evidence_options options = recap_evidence_defaults();
    options.layout_2d = true;
    for (int n_threads = 1; n_threads <= 3; n_threads++) {
        recap_evidence *evidence;
        assert_int_equal(gather(week.articles, ARTICLES, &options, n_threads, &evidence, NULL), 0);
        buf_clear(&other);
        write_evidence(n_threads == 1 ? &first : &other, evidence);
        recap_free_evidence(evidence);
        if (n_threads > 1) assert_string_equal(first.data, other.data);
    }
    buf_free(&first);
    buf_free(&other);
}

/* ---- memory ---- */

static void let_allocations_fail(recap_clustering clustering)
{
    static struct week week;
    write_week(&week, 12);
    recap_evidence_options options = recap_evidence_defaults();
    options.layout_2d = true;
    options.clustering = clustering;
    recap_evidence *evidence;
    recap_error error;
    n_allocations = 0;
    assert_int_equal(gather(week.articles, 12, &options, 1, &evidence, &error), RECAP_OK);
    recap_free_evidence(evidence);
    long n = n_allocations, step = getenv("RECAP_TEST_THOROUGH") ? 1 : 1 + n / 150;
    for (long i = 0; i < n; i += step) {
        n_allocations = 0;
        failing = i;
        evidence = NULL;
        int status = gather(week.articles, 12, &options, 1, &evidence, &error);
        failing = -1;
        if (status == RECAP_OK)
            recap_free_evidence(evidence);
        else if (status != RECAP_ERROR_MEMORY)
            stop_with("allocation %ld of %ld: %s", i, n, error.message);
    }
}

static void test_every_allocation_may_fail(void **state)
{
    let_allocations_fail(RECAP_CLUSTERING_SEARCH);
    let_allocations_fail(RECAP_CLUSTERING_STORIES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_week_of_six_stories),
        cmocka_unit_test(test_an_article_speaks_once),
        cmocka_unit_test(test_any_small_number_of_articles),
        cmocka_unit_test(test_sentences_without_terms_or_speakers),
        cmocka_unit_test(test_one_story_under_fifty_ids),
        cmocka_unit_test(test_stories_keep_the_promises),
        cmocka_unit_test(test_long_texts_take_linear_time),
        cmocka_unit_test(test_limits_are_told),
        cmocka_unit_test(test_wrong_options_are_refused),
        cmocka_unit_test(test_a_run_can_be_stopped),
        cmocka_unit_test(test_the_same_bytes_with_any_threads),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
