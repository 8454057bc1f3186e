/* Sentences of real news: nothing lost, sizes as they should be, prose is not taken for code. */
#include "text/text.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct counts {
    size_t articles, sentences, characters, code, over_500, inner_stops;
};

static void add_solid(struct view text, struct buf *out)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.data[i] != ' ' && text.data[i] != '\n') buf_add_byte(out, text.data[i]);
    buf_add(out, "", 0);
}

/* A 。 with more text after it, outside all brackets: hardly ever right. */
static bool has_inner_stop(struct view sentence)
{
    int depth = 0;
    for (size_t i = 0; i < sentence.n;) {
        uint32_t c = utf8_next(sentence.data, sentence.n, &i);
        depth += c == 0x300C || c == 0x300E || c == '(' || c == '[';
        depth -= c == 0x300D || c == 0x300F || c == ')' || c == ']';
        if (c == 0x3002 && depth <= 0 && i < sentence.n) return true;
    }
    return false;
}

static void count_article(const char *text, struct counts *counts)
{
    struct buf normalized = {0}, whole = {0}, joined = {0};
    struct arena arena = {0};
    struct view *sentences = NULL;
    size_t n = 0;
    assert_int_equal(text_normalize(view_of(text), &normalized, NULL), RECAP_OK);
    struct view view = {normalized.data, normalized.n};
    assert_int_equal(text_split(view, &arena, &sentences, &n, NULL), RECAP_OK);
    add_solid(view, &whole);
    for (size_t i = 0; i < n; i++) {
        size_t characters = utf8_count(sentences[i].data, sentences[i].n);
        add_solid(sentences[i], &joined);
        counts->characters += characters;
        counts->over_500 += characters > 500;
        counts->code += text_is_code(sentences[i]);
        counts->inner_stops += has_inner_stop(sentences[i]);
    }
    assert_string_equal(whole.data, joined.data);
    counts->articles++;
    counts->sentences += n;
    buf_free(&normalized);
    buf_free(&whole);
    buf_free(&joined);
    arena_free(&arena);
}

static struct counts count_corpus(const char *name)
{
    struct counts counts = {0};
    char command[512], path[400];
    snprintf(path, sizeof path, "%s/corpora/%s.jsonl.gz", FIXTURES, name);
    if (!path_exists(path)) skip();
    snprintf(command, sizeof command, "gzip -dc '%s'", path);
    FILE *file = popen(command, "r");
    assert_non_null(file);
    char *line = NULL;
    size_t capacity = 0;
    for (ssize_t n; (n = getline(&line, &capacity, file)) > 0;) {
        json_t *article = NULL;
        const char *text = NULL;
        assert_int_equal(json_parse(name, line, (size_t)n, &article, NULL), RECAP_OK);
        assert_int_equal(json_get_string(name, article, "text", NULL, &text, NULL), RECAP_OK);
        count_article(text, &counts);
        json_decref(article);
    }
    free(line);
    assert_int_equal(pclose(file), 0);
    print_message("%s: %zu articles, %zu sentences of %.1f characters, %zu over 500, %zu code, %zu "
                  "with a full stop inside\n",
                  name, counts.articles, counts.sentences,
                  (double)counts.characters / (double)counts.sentences, counts.over_500,
                  counts.code, counts.inner_stops);
    return counts;
}

static void test_japanese(void **state)
{
    struct counts counts = count_corpus("jawikinews");
    assert_true(counts.sentences > 60000 && counts.sentences < 64000);
    assert_true(counts.code * 500 < counts.sentences);
    assert_true(counts.over_500 * 500 < counts.sentences);
    assert_true(counts.inner_stops * 300 < counts.sentences);
}

static void test_english(void **state)
{
    struct counts counts = count_corpus("reuters21578");
    assert_true(counts.sentences > 40000 && counts.sentences < 43000);
    assert_true(counts.code * 500 < counts.sentences);
}

static void test_many_languages(void **state)
{
    struct counts counts = count_corpus("itn");
    assert_true(counts.sentences >= counts.articles);
    assert_true(counts.code * 500 < counts.sentences);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_japanese),
        cmocka_unit_test(test_english),
        cmocka_unit_test(test_many_languages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
