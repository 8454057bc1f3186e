/* Values, and settings from their three sources. */
#include "config/config.h" /* before cmocka, which has a macro fail() */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void test_values(void **state)
{
    const struct value_rule integer = {VALUE_INTEGER, 1, 50, NULL};
    const struct value_rule number = {VALUE_NUMBER, 0, 1, NULL};
    const struct value_rule flag = {VALUE_FLAG, 0, 0, NULL};
    const struct value_rule choice = {VALUE_CHOICE, 0, 0, "eom|leaf"};
    int64_t i = -1;
    double x = -1;
    bool b = false;
    int c = -1;
    assert_true(value_parse(&integer, "50", &i));
    assert_int_equal(i, 50);
    static const char *const not_integers[] = {"",   "0",  "51",  "1.5", "5x",
                                               " 5", "+5", "0x5", "9e1", "99999999999999999999"};
    for (size_t k = 0; k < COUNT_OF(not_integers); k++)
        if (value_parse(&integer, not_integers[k], &i)) fail_msg("%s", not_integers[k]);
    assert_int_equal(i, 50);
    assert_true(value_parse(&number, "2.5e-1", &x));
    assert_true(x == 0.25);
    static const char *const not_numbers[] = {"",     "nan",  "inf",    "1.01",
                                              "-0.1", "0.5 ", "0x1p-2", "."};
    for (size_t k = 0; k < COUNT_OF(not_numbers); k++)
        if (value_parse(&number, not_numbers[k], &x)) fail_msg("%s", not_numbers[k]);
    assert_true(value_parse(&flag, "ON", &b));
    assert_true(b);
    assert_false(value_parse(&flag, "2", &b));
    assert_true(value_parse(&choice, "leaf", &c));
    assert_int_equal(c, 1);
    assert_false(value_parse(&choice, "lea", &c));
    assert_false(value_parse(&choice, "eom|leaf", &c));
    assert_false(value_parse(&choice, "", &c));
}

static void test_defaults(void **state)
{
    struct config config;
    assert_int_equal(config_load(NULL, 0, &config, NULL), RECAP_OK);
    assert_int_equal(config.max_total_sentences, 6000);
    assert_true(config.dedup_threshold == 0.92);
    assert_int_equal(config.random_seed, 42);
    assert_true(config.noise_recluster);
    assert_null(config.genre_thresholds);
    config_free(&config);
}

static void test_sources(void **state)
{
    struct config config;
    const char *const assignments[] = {"DEDUP_THRESHOLD=0.5", "DEDUP_THRESHOLD=0.6",
                                       "GENRE_THRESHOLDS={\"sports\":0.4}"};
    setenv("RECAP_SUBWORKER_DEDUP_THRESHOLD", "0.7", 1);
    setenv("RECAP_SUBWORKER_RANDOM_SEED", "7", 1);
    setenv("RECAP_RANDOM_SEED", "8", 1); /* has no short name */
    setenv("RECAP_SUBWORKER_UMAP_MIN_DIST", "0.2", 1);
    setenv("RECAP_UMAP_MIN_DIST", "0.3", 1);
    setenv("RECAP_SUBWORKER_BATCH_SIZE", "", 1);
    assert_int_equal(config_load(assignments, 3, &config, NULL), RECAP_OK);
    assert_true(config.dedup_threshold == 0.6);
    assert_int_equal(config.random_seed, 7);
    assert_true(config.umap_min_dist == 0.3);
    assert_int_equal(config.batch_size, 64);
    assert_true(json_number_value(json_object_get(config.genre_thresholds, "sports")) == 0.4);
    config_free(&config);
    unsetenv("RECAP_SUBWORKER_DEDUP_THRESHOLD");
    unsetenv("RECAP_SUBWORKER_RANDOM_SEED");
    unsetenv("RECAP_RANDOM_SEED");
    unsetenv("RECAP_SUBWORKER_UMAP_MIN_DIST");
    unsetenv("RECAP_UMAP_MIN_DIST");
    unsetenv("RECAP_SUBWORKER_BATCH_SIZE");
}

static void test_faults(void **state)
{
    static const struct {
        const char *assignment, *words[3];
    } cases[] = {
        {"DEDUP_THRESHOLD=1.5", {"DEDUP_THRESHOLD", "\"1.5\"", "0 to 1"}},
        {"DEDUP_THRESHOLD=", {"DEDUP_THRESHOLD", "\"\"", "0 to 1"}},
        {"MAX_SENTENCES_PER_DOC=9", {"MAX_SENTENCES_PER_DOC", "\"9\"", "10 or more"}},
        {"HDBSCAN_SELECTION_METHOD=best", {"HDBSCAN_SELECTION_METHOD", "\"best\"", "eom, leaf"}},
        {"GENRE_THRESHOLDS={\"a\":2}", {"GENRE_THRESHOLDS", "{\"a\":2}", "JSON object"}},
        {"GENRE_THRESHOLDS=[1]", {"GENRE_THRESHOLDS", "[1]", "JSON object"}},
        {"GENRE_THRESHOLDS={", {"GENRE_THRESHOLDS", "\"{\"", "JSON object"}},
        {"NO_SUCH_THING=1", {"NO_SUCH_THING", "no such setting", ""}},
        {"DEDUP_THRESHOLD", {"DEDUP_THRESHOLD", "NAME=VALUE", ""}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct config config;
        recap_error error = {0};
        assert_int_equal(config_load(&cases[i].assignment, 1, &config, &error), RECAP_ERROR_USAGE);
        for (size_t k = 0; k < 3; k++)
            if (!strstr(error.message, cases[i].words[k]))
                fail_msg("%s: %s", cases[i].words[k], error.message);
    }
    struct config config;
    recap_error error = {0};
    setenv("RECAP_SUBWORKER_BATCH_SIZE", "none", 1);
    assert_int_equal(config_load(NULL, 0, &config, &error), RECAP_ERROR_CONFIG);
    assert_non_null(strstr(error.message, "RECAP_SUBWORKER_BATCH_SIZE: \"none\""));
    unsetenv("RECAP_SUBWORKER_BATCH_SIZE");
    const char *const crossed[] = {"RECURSIVE_MAX_TOKENS_FLOOR=5000"};
    assert_int_equal(config_load(crossed, 1, &config, &error), RECAP_ERROR_CONFIG);
}

/* The table is whole: every default is allowed by its own rule, every setting has a help text. */
static void test_table(void **state)
{
    size_t n;
    const struct setting *settings = config_settings(&n);
    for (size_t i = 0; i < n; i++) {
        union {
            int64_t integer;
            double number;
            const char *text;
            json_t *object;
            bool flag;
            int choice;
        } field = {0};
        assert_true(strlen(settings[i].help) > 5);
        if (!settings[i].otherwise) continue;
        if (!value_parse(&settings[i].rule, settings[i].otherwise, &field))
            fail_msg("%s", settings[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),  cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_sources), cmocka_unit_test(test_faults),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
