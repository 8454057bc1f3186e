/* Real sentences through the real embedder: the same bytes one at a time, in one batch, shuffled,
 * with one thread and two. 200 sentences; 2,000 where RECAP_TEST_THOROUGH is set. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "model/model.h"
#include "recap/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct sentences {
    recap_text *texts; /* [n] */
    char **owned;      /* [n] */
    size_t n;
};

/* The first sentence of every article of a corpus, `limit` of them. */
static void read_corpus(const char *name, size_t limit, struct sentences *out)
{
    struct buf command = {0};
    buf_printf(&command, "zcat '%s/corpora/%s.jsonl.gz'", FIXTURES, name);
    FILE *lines = popen(command.data, "r");
    char *line = NULL;
    size_t capacity = 0, end = out->n + limit;
    assert_non_null(lines);
    while (out->n < end && getline(&line, &capacity, lines) > 0) {
        json_t *article;
        recap_sentence_list list;
        assert_int_equal(json_parse(name, line, strlen(line), &article, NULL), RECAP_OK);
        const char *text = json_string_value(json_object_get(article, "text"));
        assert_int_equal(recap_split_sentences(text, strlen(text), &list, NULL), RECAP_OK);
        if (list.n > 0) {
            out->owned[out->n] = copy_string(list.items[0]);
            out->texts[out->n] = (recap_text){out->owned[out->n], strlen(list.items[0])};
            out->n++;
        }
        free(list.items);
        json_decref(article);
    }
    free(line);
    pclose(lines);
    buf_free(&command);
}

static void embed_with(int n_threads, const recap_model *model, const recap_text *texts, size_t n,
                       size_t budget, float *out)
{
    recap_context *context = NULL;
    recap_context_options options = {.n_threads = n_threads, .seed = 1};
    recap_embed_options how = {.token_budget = budget};
    assert_int_equal(recap_open_context(&options, &context, NULL), RECAP_OK);
    assert_int_equal(recap_embed(context, model, texts, n, &how, out, NULL), RECAP_OK);
    recap_close_context(context);
}

static void check_shuffled(const recap_model *model, const struct sentences *all, size_t d,
                           const float *alone)
{
    size_t n = all->n, *from = new_array(n, sizeof *from);
    recap_text *texts = new_array(n, sizeof *texts);
    float *out = new_array(n * d, sizeof *out);
    for (size_t i = 0; i < n; i++) from[i] = i;
    for (size_t i = n - 1; i > 0; i--) {
        size_t j = (size_t)random_below(i + 1, 5, 6, i), other = from[i];
        from[i] = from[j];
        from[j] = other;
    }
    for (size_t i = 0; i < n; i++) texts[i] = all->texts[from[i]];
    embed_with(2, model, texts, n, 777, out);
    for (size_t i = 0; i < n; i++)
        assert_memory_equal(out + i * d, alone + from[i] * d, d * sizeof *out);
    free(from);
    free(texts);
    free(out);
}

static void test_same_bytes_in_any_company(void **state)
{
    const char *folder = getenv("RECAP_TEST_MODELS");
    char *directory = folder ? path_join(folder, "multilingual-e5-small") : NULL;
    if (!directory || !path_is_directory(directory) || !path_is_directory(FIXTURES "/corpora")) {
        free(directory);
        skip();
    }
    recap_model *model = NULL;
    size_t wanted = getenv("RECAP_TEST_THOROUGH") ? 1000 : 100;
    struct sentences all = {new_array(2 * wanted, sizeof *all.texts),
                            new_array(2 * wanted, sizeof *all.owned), 0};
    assert_int_equal(recap_open_model(directory, &model, NULL), RECAP_OK);
    read_corpus("jawikinews", wanted, &all);
    read_corpus("reuters21578", wanted, &all);
    assert_int_equal(all.n, 2 * wanted);
    size_t d = recap_model_describe(model)->hidden_size;
    float *alone = new_array(all.n * d, sizeof *alone),
          *batch = new_array(all.n * d, sizeof *batch);
    for (size_t i = 0; i < all.n; i++) embed_with(1, model, &all.texts[i], 1, 0, alone + i * d);
    embed_with(1, model, all.texts, all.n, 1 << 20, batch);
    assert_memory_equal(alone, batch, all.n * d * sizeof *alone);
    embed_with(2, model, all.texts, all.n, 0, batch);
    assert_memory_equal(alone, batch, all.n * d * sizeof *alone);
    check_shuffled(model, &all, d, alone);
    print_message("%zu sentences, the same bytes\n", all.n);
    for (size_t i = 0; i < all.n; i++) free(all.owned[i]);
    free(all.owned);
    free(all.texts);
    free(alone);
    free(batch);
    free(directory);
    recap_close_model(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bytes_in_any_company)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
