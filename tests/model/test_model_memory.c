/* Opening a model and embedding with it, while each allocation in turn fails: an error every time,
 * nothing lost (the sanitizer build looks), and afterwards all works. */
#include <setjmp.h>
#include <stdarg.h>

#include "model/model_private.h"

#undef fail
#include <cmocka.h>

#include "small_model.h"

/* The allocation that fails, counted from 1; 0: none. Only this thread allocates. */
static size_t failing, counted;

static bool fails_now(void)
{
    return failing > 0 && ++counted == failing;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t n);
void *__real_aligned_alloc(size_t alignment, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t n);
void *__wrap_aligned_alloc(size_t alignment, size_t n);

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

void *__wrap_aligned_alloc(size_t alignment, size_t n)
{
    return fails_now() ? NULL : __real_aligned_alloc(alignment, n);
}

/* ---- the work ---- */

static int open_and_embed(const char *directory, float *out, recap_error *error)
{
    static const recap_text texts[] = {{"the cat", 7}, {"", 0}, {"sat on the mat .", 16}};
    recap_model *model;
    int status = recap_open_model(directory, &model, error);
    if (status != RECAP_OK) {
        assert_null(model);
        return status;
    }
    recap_embed_options options = {.prefix = "a "};
    status = recap_embed(NULL, model, texts, 3, &options, out, error);
    recap_close_model(model);
    return status;
}

static void fail_each(const char *directory)
{
    float wanted[3 * small_hidden], out[3 * small_hidden];
    size_t failures = 0;
    assert_int_equal(open_and_embed(directory, wanted, NULL), RECAP_OK);
    for (failing = 1;; failing++) {
        recap_error error = {0};
        counted = 0;
        int status = open_and_embed(directory, out, &error);
        bool reached = counted >= failing;
        if (!reached) break;
        if (status == RECAP_OK) continue; /* one that is not needed */
        failures++;
        if (status != RECAP_ERROR_MEMORY || error.code != status)
            fail_msg("allocation %zu: status %d, message: %s", failing, status, error.message);
    }
    failing = 0;
    print_message("%zu allocations failed\n", failures);
    assert_true(failures > 40);
    assert_int_equal(open_and_embed(directory, out, NULL), RECAP_OK);
    assert_memory_equal(wanted, out, sizeof out);
}

static void a_single_file(void **state)
{
    char *directory = small_model(&(struct small_options){.extras = true});
    fail_each(directory);
    small_remove(directory);
}

static void shards_pooling_and_modules(void **state)
{
    char *directory = small_model(&(struct small_options){0});
    small_write_text(
        directory, "model.safetensors.index.json",
        "{\"weight_map\": {\"embeddings.word_embeddings.weight\": \"one.safetensors\", "
        "\"encoder.layer.0.output.LayerNorm.bias\": \"two.safetensors\"}}");
    small_write_weights(directory, "one.safetensors",
                        &(struct small_options){.only_first_half = true});
    small_write_weights(directory, "two.safetensors",
                        &(struct small_options){.only_second_half = true});
    small_write_text(
        directory, "modules.json",
        "[{\"type\": \"Pooling\", \"path\": \"1_Pooling\"}, {\"type\": \"Normalize\"}]");
    small_write_text(directory, "recap.json", "{\"default_prefix\": \"the \"}");
    fail_each(directory);
    small_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_file),
        cmocka_unit_test(shards_pooling_and_modules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
