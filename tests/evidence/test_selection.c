/* What the evidence keeps and shows: duplicates, groups, terms, representatives, highlights. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "evidence/evidence.h"
#include "fake_embedder.h"

#include <cmocka.h> /* last: it defines a macro named fail */
#undef fail

#define stop_with(...)                                                                             \
    do {                                                                                           \
        print_message(__VA_ARGS__);                                                                \
        assert_true(false);                                                                        \
    } while (0)

static recap_context *open_context(int n_threads)
{
    recap_context *context;
    recap_context_options options = {.n_threads = n_threads, .seed = 42};
    assert_int_equal(recap_open_context(&options, &context, NULL), RECAP_OK);
    return context;
}

/* ---- duplicates ---- */

static double threshold_for(double average, double coverage, double setting)
{
    recap_evidence_options options = recap_evidence_defaults();
    options.confidence = (recap_corpus_confidence){average, coverage};
    options.dedup_threshold = setting;
    return evidence_dedup_threshold(&options);
}

static void test_threshold_follows_confidence(void **state)
{
    assert_float_equal(threshold_for(-1, -1, 0.92), 0.92, 1e-12);
    assert_float_equal(threshold_for(0.34, 1, 0.92), 0.95, 1e-12);
    assert_float_equal(threshold_for(0.34, 1, 0.96), 0.97, 1e-12);
    assert_float_equal(threshold_for(0.35, 1, 0.92), 0.92, 1e-12);
    assert_float_equal(threshold_for(0.76, 0.61, 0.92), 0.88, 1e-12);
    assert_float_equal(threshold_for(0.76, 0.61, 0.84), 0.82, 1e-12);
    assert_float_equal(threshold_for(0.76, 0.60, 0.92), 0.92, 1e-12);
    assert_float_equal(threshold_for(0.5, 0.9, 1), 0.99, 1e-12);
    recap_evidence_options options = recap_evidence_defaults();
    options.confidence = (recap_corpus_confidence){0.1, 1};
    options.dedup_threshold = 0.8;
    options.dedup_threshold_fixed = true;
    assert_float_equal(evidence_dedup_threshold(&options), 0.8, 1e-12);
}

/* Sentence i repeats sentence i % n_distinct, in another case where `i` is odd. */
static void test_duplicates_are_those_of_the_definition(void **state)
{
    enum { N = 1500, D = FAKE_DIMENSIONS };
    recap_sentence *sentences = new_zeroed(N, sizeof(*sentences));
    float *x = new_array((size_t)N * D, sizeof(float));
    int64_t *one = new_array(N, sizeof(*one)), *two = new_array(N, sizeof(*two));
    assert_true(sentences && x && one && two);
    for (size_t i = 0; i < N; i++) {
        sentences[i].text = "same";
        for (size_t j = 0; j < D; j++)
            x[i * D + j] = (float)(random_unit(1, i % 700, j) - 0.5 + 0.1 * random_unit(2, i, j));
        double length = 0;
        for (size_t j = 0; j < D; j++) length += (double)x[i * D + j] * (double)x[i * D + j];
        for (size_t j = 0; j < D; j++) x[i * D + j] = (float)((double)x[i * D + j] / sqrt(length));
    }
    recap_context *context = open_context(1), *pair = open_context(2);
    assert_int_equal(evidence_deduplicate(context, sentences, x, N, D, 0.98, one, NULL), 0);
    assert_int_equal(evidence_deduplicate(pair, sentences, x, N, D, 0.98, two, NULL), 0);
    assert_memory_equal(one, two, N * sizeof(*one));
    size_t n_dropped = 0;
    for (size_t i = 0; i < N; i++) {
        double best = -1;
        int64_t first = -1;
        for (size_t k = 0; k < i; k++) {
            double dot = 0;
            if (one[k] >= 0) continue;
            for (size_t j = 0; j < D; j++) dot += (double)x[i * D + j] * (double)x[k * D + j];
            best = dot > best ? dot : best;
            if (first < 0 && dot >= 0.98) first = (int64_t)k;
        }
        n_dropped += one[i] >= 0;
        if (fabs(best - 0.98) > 1e-5) assert_int_equal(one[i] >= 0, best >= 0.98);
        if (fabs(best - 0.98) > 1e-5 && one[i] >= 0) assert_int_equal(one[i], first);
    }
    assert_true(n_dropped > 300);
    recap_close_context(context);
    recap_close_context(pair);
    free(sentences);
    free(x);
    free(one);
    free(two);
}

static const struct {
    const char *a, *b;
    bool contradict;
} fact_pairs[] = {
    {"8080番ポートで動作しています。", "8081番ポートで動作しています。", true},
    {"Always rebase before pushing.", "Never rebase before pushing.", true},
    {"The bill was approved by the Senate.", "The bill was rejected by the Senate.", true},
    {"The deal is subject to approval.", "The deal is not subject to approval.", true},
    {"日経平均株価は上昇した。", "日経平均株価は下落した。", true},
    {"会談は行われた。", "会談は行われなかった。", true},
    {"Porex Corp declared a dividend of 10 cts.", "Medco Inc declared a dividend of 10 cts.", true},
    {"Two people were killed in Leeds.", "Nine people were killed in Leeds.", true},
    {"岩手日報、2006年9月8日。", "新潟日報、2006年9月8日。", true},
    {"Annie Ernaux (pictured) is awarded the prize.", "Annie Ernaux is awarded the prize.", false},
    {"A gas explosion in Jersey kills at least nine people.",
     "A gas explosion in Jersey kills 9 people.", false},
    {"Sales were 1,000 dollars.", "Sales were 1000 dollars.", false},
    {"Read more", "Read more.", false},
    {"続きを読む", "続きを読む »", false},
    {"首相は会見した。", "首相は3日に会見した。", false},
    {"7月2日の朝刊。", "7月7日の朝刊。", true},
    {"Dixons said shareholders at a special meeting approved the merger with Cyclops.",
     "Under the terms, Dixons said the remaining public Cyclops holders receive 95 dlrs.", true},
    {"NASA's uncrewed Artemis 1 test flight launches successfully.",
     "NASA's Artemis 1 is successfully launched on an uncrewed test flight.", false},
    {"骨髄移植推進財団は25万人が登録したと発表した。", "骨髄移植推進財団。", true},
    {"NASA reports a landing.", "NASA reports a landing in Utah.", false},
};

static void test_facts_part_sentences_of_one_template(void **state)
{
    for (size_t i = 0; i < COUNT_OF(fact_pairs); i++) {
        recap_sentence sentences[2] = {{.text = fact_pairs[i].a}, {.text = fact_pairs[i].b}};
        struct facts *facts;
        assert_int_equal(facts_collect(sentences, 2, &facts, NULL), RECAP_OK);
        if (facts_contradict(facts, 0, 1) != fact_pairs[i].contradict)
            stop_with("%s | %s", fact_pairs[i].a, fact_pairs[i].b);
        assert_int_equal(facts_contradict(facts, 1, 0), fact_pairs[i].contradict);
        assert_false(facts_contradict(facts, 0, 0));
        facts_free(facts);
    }
}

/* ---- groups ---- */

static void test_groups_are_in_order(void **state)
{
    static const int32_t labels[] = {2, -1, 0, 1, 1, -1, -1, -1, 0, 2};
    struct arena arena = {0};
    struct group *groups;
    size_t n;
    assert_int_equal(evidence_group(labels, COUNT_OF(labels), &arena, &groups, &n, NULL), 0);
    assert_int_equal(n, 4);
    static const size_t firsts[] = {0, 2, 3, 1}, sizes[] = {2, 2, 2, 4};
    for (size_t g = 0; g < n; g++) {
        assert_int_equal(groups[g].id, g < 3 ? (int)g : -1);
        assert_int_equal(groups[g].n, sizes[g]);
        assert_int_equal(groups[g].members[0], firsts[g]);
    }
    assert_int_equal(evidence_group(labels, 0, &arena, &groups, &n, NULL), 0);
    assert_int_equal(n, 0);
    arena_free(&arena);
}

/* ---- terms ---- */

static double json_cell(const json_t *matrix, size_t row, size_t column)
{
    return json_number_value(json_array_get(json_array_get(matrix, row), column));
}

static void test_weights_equal_the_reference(void **state)
{
    if (!path_exists(FIXTURES "/clustering/ctfidf.json")) skip();
    json_t *root;
    recap_error error;
    assert_int_equal(json_parse_file(FIXTURES "/clustering/ctfidf.json", &root, &error), 0);
    const json_t *counts = json_object_get(root, "counts");
    const json_t *expected = json_object_get(root, "textbook_bm25");
    size_t n_groups = json_array_size(counts);
    size_t n_terms = json_array_size(json_object_get(root, "vocabulary"));
    assert_int_equal(n_groups, 3);
    double lengths[3] = {0}, mean = 0;
    for (size_t g = 0; g < n_groups; g++) {
        for (size_t t = 0; t < n_terms; t++) lengths[g] += json_cell(counts, g, t);
        mean += lengths[g] / (double)n_groups;
    }
    for (size_t t = 0; t < n_terms; t++) {
        size_t n_with = 0;
        for (size_t g = 0; g < n_groups; g++) n_with += json_cell(counts, g, t) > 0;
        for (size_t g = 0; g < n_groups; g++)
            assert_float_equal(
                evidence_term_weight(json_cell(counts, g, t), lengths[g], mean, n_with, n_groups),
                json_cell(expected, g, t), 1e-12);
    }
    json_decref(root);
}

/* Topics of texts in groups; the arena and topics are the caller's. */
static void topics_of(const char *const *texts, const int32_t *labels, size_t n,
                      struct arena *arena, struct topic *topics, size_t *n_groups)
{
    struct segmenter *segmenter = NULL;
    struct group *groups;
    recap_error error;
    if (evidence_needs_segmenter(texts, n) && segmenter_open(NULL, &segmenter, &error)) {
        print_message("%s\n", error.message);
        skip();
    }
    assert_int_equal(evidence_group(labels, n, arena, &groups, n_groups, NULL), RECAP_OK);
    assert_int_equal(evidence_topics(texts, groups, *n_groups, segmenter, arena, topics, &error),
                     RECAP_OK);
    segmenter_close(segmenter);
}

static bool has_term(const struct topic *topic, const char *term)
{
    for (size_t i = 0; i < topic->n; i++) {
        if (!strcmp(topic->terms[i], term)) return true;
    }
    return false;
}

static void test_terms_of_one_japanese_group(void **state)
{
    static const char *const texts[] = {
        "感染が拡大しています。", "感染が拡大しています。", "感染が拡大しています。",
        "感染が拡大しています。", "感染が拡大しています。",
    };
    static const int32_t labels[] = {0, 0, 0, 0, 0};
    struct arena arena = {0};
    struct topic topic;
    size_t n;
    topics_of(texts, labels, COUNT_OF(texts), &arena, &topic, &n);
    assert_int_equal(topic.n, 2);
    assert_true(has_term(&topic, "感染") && has_term(&topic, "拡大"));
    arena_free(&arena);
}

static void test_japanese_compounds_are_joined(void **state)
{
    static const char *const texts[] = {
        "東京電力の原子力発電所で事故が起きた。",
        "東京電力が原子力発電所の事故を発表した。",
        "日銀が金融政策を決めた。",
        "金融政策を日銀が見直した。",
    };
    static const int32_t labels[] = {0, 0, 1, 1};
    struct arena arena = {0};
    struct topic topics[2];
    size_t n;
    topics_of(texts, labels, COUNT_OF(texts), &arena, topics, &n);
    assert_true(has_term(&topics[0], "東京電力") && has_term(&topics[0], "事故"));
    assert_true(has_term(&topics[1], "金融政策") && has_term(&topics[1], "日銀"));
    assert_false(has_term(&topics[0], "東京") || has_term(&topics[1], "金融"));
    arena_free(&arena);
}

static void test_suffixes_belong_to_their_noun(void **state)
{
    static const char *const texts[] = {
        "山本容疑者を逮捕した。",
        "山本容疑者が供述した。",
        "谷垣財務相が出席した。",
        "会見で谷垣財務相が述べた。",
    };
    static const int32_t labels[] = {0, 0, 1, 1};
    struct arena arena = {0};
    struct topic topics[2];
    size_t n;
    topics_of(texts, labels, COUNT_OF(texts), &arena, topics, &n);
    assert_true(has_term(&topics[0], "山本容疑者"));
    assert_true(has_term(&topics[1], "谷垣財務相"));
    arena_free(&arena);
}

static void test_english_pairs_replace_their_words(void **state)
{
    static const char *const texts[] = {
        "The central bank raised interest rates.",
        "Interest rates rose, said the central bank.",
        "The striker won the cup final.",
        "The cup final was won by the striker.",
    };
    static const int32_t labels[] = {0, 0, 1, 1};
    struct arena arena = {0};
    struct topic topics[2];
    size_t n;
    topics_of(texts, labels, COUNT_OF(texts), &arena, topics, &n);
    assert_true(has_term(&topics[0], "central bank") && has_term(&topics[0], "interest rates"));
    assert_false(has_term(&topics[0], "central") || has_term(&topics[0], "bank"));
    assert_true(has_term(&topics[1], "cup final") && has_term(&topics[1], "striker"));
    arena_free(&arena);
}

static void test_what_is_no_term(void **state)
{
    static const char *const texts[] = {
        "12 2024 covid19 4K go ax ab it AI VR uk EU UX 5G <URL> <EMAIL> don't O'Brien",
        "The US and us, and the U.S. too; 党 米 こと もの 2人",
        "the and of to in",
        "Read it.",
    };
    static const int32_t labels[] = {0, 1, 2, 3};
    static const char *const never[] = {
        "12",  "2024", "covid19", "4k", "go",   "ax",   "ab",  "it",    "5g",    "url",  "email",
        "don", "the",  "党",      "米", "こと", "もの", "2人", "ab it", "covid", "don't"};
    struct arena arena = {0};
    struct topic topics[4];
    size_t n;
    topics_of(texts, labels, COUNT_OF(texts), &arena, topics, &n);
    for (size_t i = 0; i < COUNT_OF(never); i++) {
        for (size_t g = 0; g < n; g++) assert_false(has_term(&topics[g], never[i]));
    }
    assert_true(topics[0].n > 0);
    assert_int_equal(topics[1].n, 1);
    assert_string_equal(topics[1].terms[0], "us");
    assert_int_equal(topics[2].n, 0);
    arena_free(&arena);
}

static void test_short_words_that_are_terms(void **state)
{
    static const char *const kept[] = {"AI", "vr", "UK", "US", "eu", "ux"};
    static const int32_t labels[] = {0};
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        struct arena arena = {0};
        struct topic topic;
        size_t n;
        topics_of(&kept[i], labels, 1, &arena, &topic, &n);
        assert_int_equal(topic.n, 1);
        assert_int_equal(strcasecmp(topic.terms[0], kept[i]), 0);
        arena_free(&arena);
    }
}

/* ---- maximal marginal relevance ---- */

/* Rows of two dimensions by their angle in degrees. */
static void put_angles(const double *degrees, size_t n, float *x)
{
    for (size_t i = 0; i < n; i++) {
        x[2 * i] = (float)cos(degrees[i] * M_PI / 180);
        x[2 * i + 1] = (float)sin(degrees[i] * M_PI / 180);
    }
}

static size_t pick_all(const float *x, size_t n, double lambda, size_t *picked)
{
    size_t rows[16], n_picked = 0;
    struct mmr *mmr;
    for (size_t i = 0; i < n; i++) rows[i] = i;
    assert_int_equal(mmr_open(x, 2, rows, n, rows, n, lambda, &mmr, NULL), RECAP_OK);
    while (mmr_next(mmr, NULL, &picked[n_picked])) n_picked++;
    mmr_close(mmr);
    return n_picked;
}

static void test_mmr_edges(void **state)
{
    static const double degrees[] = {40, 0, 12, 8, -10};
    float x[10];
    size_t picked[16];
    put_angles(degrees, 5, x);
    /* The mean is at about 9.8 degrees. */
    assert_int_equal(pick_all(x, 5, 1, picked), 5);
    static const size_t relevance[] = {3, 2, 1, 4, 0};
    assert_memory_equal(picked, relevance, sizeof(relevance));
    assert_int_equal(pick_all(x, 5, 0, picked), 5);
    assert_int_equal(picked[0], 3);
    assert_int_equal(picked[1], 0); /* the farthest from it */
    assert_int_equal(picked[2], 4);

    static const double equal[] = {30, 30, 30};
    put_angles(equal, 3, x);
    for (int lambda = 0; lambda <= 1; lambda++) {
        assert_int_equal(pick_all(x, 3, lambda, picked), 3);
        for (size_t i = 0; i < 3; i++) assert_int_equal(picked[i], i);
    }
    assert_int_equal(pick_all(x, 1, 0.5, picked), 1);
    assert_int_equal(pick_all(x, 0, 0.5, picked), 0);
}

static void test_lambda_and_average_similarity(void **state)
{
    static const double degrees[] = {0, 60, 180};
    static const size_t rows[] = {0, 1, 2};
    float x[6];
    double mean;
    put_angles(degrees, 3, x);
    assert_true(average_similarity(x, 2, rows, 3, &mean));
    assert_float_equal(mean, (0.5 - 1 - 0.5) / 3, 1e-6);
    assert_false(average_similarity(x, 2, rows, 1, &mean));
    assert_false(average_similarity(x, 2, rows, 0, &mean));
    assert_float_equal(mmr_lambda(0.8, true, 0.3), 0.56, 1e-12);
    assert_float_equal(mmr_lambda(-1, true, 0.3), 1, 1e-12);
    assert_float_equal(mmr_lambda(0, false, 0.3), 0.3, 1e-12);
}

/* ---- representatives ---- */

static void test_who_may_speak(void **state)
{
    assert_true(evidence_may_speak("He was at the front line of research."));
    assert_true(evidence_may_speak("政府は新しい経済対策を閣議で決定したと発表した。"));
    assert_false(evidence_may_speak("Too short for one.."));
    assert_true(evidence_may_speak("Long enough, by one."));
    assert_false(evidence_may_speak("政府は決定した。"));
    assert_false(evidence_may_speak("func main() {\nreturn nil\n}"));
    assert_false(evidence_may_speak("A | 1 | 2 | 3 | 4 | 5 | 6"));
    assert_false(evidence_may_speak(
        "at com.example.Main.run(Main.java:42) at java.lang.Thread.run(Thread.java:748)"));
}

static void test_scores(void **state)
{
    assert_float_equal(evidence_score(0), 1, 1e-12);
    assert_float_equal(evidence_score(3), 0.85, 1e-12);
    assert_float_equal(evidence_score(20), 0, 1e-12);
    assert_float_equal(evidence_score(50), 0, 0);
}

struct speakers {
    float x[2 * 12];
    size_t voices[12], chosen[3 * 12], n_chosen[3];
    bool may_speak[12];
    double lambdas[3];
};

static void choose(struct speakers *speakers, size_t n, const struct group *groups, size_t n_groups,
                   size_t limit)
{
    for (size_t i = 0; i < n; i++) {
        speakers->x[2 * i] = (float)cos((double)i * 0.1);
        speakers->x[2 * i + 1] = (float)sin((double)i * 0.1);
    }
    for (size_t g = 0; g < n_groups; g++) speakers->lambdas[g] = 0.6;
    assert_int_equal(evidence_representatives(speakers->x, n, 2, groups, n_groups, speakers->voices,
                                              speakers->may_speak, speakers->lambdas, limit,
                                              speakers->chosen, speakers->n_chosen, NULL),
                     RECAP_OK);
}

static void test_an_article_speaks_once_where_possible(void **state)
{
    /* Group 0 has articles 0 1 2 3, group 1 only 0 and 1, group 2 only 0. */
    size_t large[] = {0, 1, 2, 3, 4, 5}, middle[] = {6, 7, 8}, small[] = {9, 10};
    struct group groups[] = {{0, 6, large}, {1, 3, middle}, {2, 2, small}};
    struct speakers speakers = {.voices = {0, 1, 2, 3, 2, 3, 0, 1, 1, 0, 0}};
    for (size_t i = 0; i < 11; i++) speakers.may_speak[i] = true;
    choose(&speakers, 11, groups, 3, 8);
    assert_int_equal(speakers.n_chosen[2], 1);
    assert_int_equal(speakers.n_chosen[1], 1);
    assert_int_equal(speakers.voices[speakers.chosen[8]], 1);
    assert_int_equal(speakers.n_chosen[0], 2); /* articles 2 and 3 */
    assert_int_not_equal(speakers.voices[speakers.chosen[0]], speakers.voices[speakers.chosen[1]]);
}

static void test_a_group_without_voice_takes_a_used_one(void **state)
{
    size_t one[] = {0, 1}, two[] = {2, 3}, mute[] = {4};
    struct group groups[] = {{0, 2, one}, {1, 2, two}, {2, 1, mute}};
    struct speakers speakers = {.voices = {0, 0, 0, 0, 1},
                                .may_speak = {true, true, true, true, false}};
    choose(&speakers, 5, groups, 3, 4);
    assert_int_equal(speakers.n_chosen[0], 1);
    assert_int_equal(speakers.n_chosen[1], 1);
    assert_int_equal(speakers.n_chosen[2], 0);
    choose(&speakers, 5, groups, 3, 0);
    assert_int_equal(speakers.n_chosen[0], 0);
}

static void test_voices_are_articles_by_id(void **state)
{
    static const recap_article articles[] = {{.id = "a"}, {.id = ""}, {.id = "b"},
                                             {.id = "a"}, {.id = ""}, {.id = NULL}};
    recap_sentence sentences[6];
    const recap_sentence *pointers[6];
    size_t voices[6];
    for (size_t i = 0; i < 6; i++) {
        sentences[i] = (recap_sentence){.article = i};
        pointers[i] = &sentences[i];
    }
    assert_int_equal(evidence_voices(articles, 6, pointers, 6, voices, NULL), RECAP_OK);
    static const size_t expected[] = {0, 1, 2, 0, 3, 4};
    assert_memory_equal(voices, expected, sizeof(expected));
}

static void test_highlights_are_limited(void **state)
{
    static const double degrees[] = {0, 5, 10, 40, 80};
    static const size_t rows[] = {0, 1, 2, 3, 4};
    float x[10];
    size_t best[5], n;
    put_angles(degrees, 5, x);
    assert_int_equal(evidence_highlights(x, 2, rows, 5, 0.3, 3, best, &n, NULL), RECAP_OK);
    assert_int_equal(n, 3);
    assert_int_equal(evidence_highlights(x, 2, rows, 5, 0.3, 15, best, &n, NULL), RECAP_OK);
    assert_int_equal(n, 5);
    assert_int_equal(evidence_highlights(x, 2, rows, 0, 0.3, 15, best, &n, NULL), RECAP_OK);
    assert_int_equal(n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threshold_follows_confidence),
        cmocka_unit_test(test_duplicates_are_those_of_the_definition),
        cmocka_unit_test(test_facts_part_sentences_of_one_template),
        cmocka_unit_test(test_groups_are_in_order),
        cmocka_unit_test(test_weights_equal_the_reference),
        cmocka_unit_test(test_terms_of_one_japanese_group),
        cmocka_unit_test(test_japanese_compounds_are_joined),
        cmocka_unit_test(test_suffixes_belong_to_their_noun),
        cmocka_unit_test(test_english_pairs_replace_their_words),
        cmocka_unit_test(test_what_is_no_term),
        cmocka_unit_test(test_short_words_that_are_terms),
        cmocka_unit_test(test_mmr_edges),
        cmocka_unit_test(test_lambda_and_average_similarity),
        cmocka_unit_test(test_who_may_speak),
        cmocka_unit_test(test_scores),
        cmocka_unit_test(test_an_article_speaks_once_where_possible),
        cmocka_unit_test(test_a_group_without_voice_takes_a_used_one),
        cmocka_unit_test(test_voices_are_articles_by_id),
        cmocka_unit_test(test_highlights_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
