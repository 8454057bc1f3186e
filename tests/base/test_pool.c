/* The thread pool and the context: every row once, nested calls, cancellation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/base.h"

#include <cmocka.h> /* last: it defines a macro named fail */
#undef fail

struct rows {
    atomic_int *visits; /* [n] */
    struct pool *pool;
    int threads;
    atomic_int wrong;
};

static void visit(void *data, size_t begin, size_t end, int thread)
{
    struct rows *rows = data;
    if (thread < 0 || thread >= rows->threads) atomic_fetch_add(&rows->wrong, 1);
    for (size_t i = begin; i < end; i++) atomic_fetch_add(&rows->visits[i], 1);
}

static void visit_nested(void *data, size_t begin, size_t end, int thread)
{
    struct rows *rows = data;
    pool_run(rows->pool, 3, 1, visit, rows);
    visit(data, begin, end, thread);
}

static void run_with(int threads, size_t n, size_t grain, pool_fn fn, int extra)
{
    struct pool *pool = pool_open(threads);
    assert_non_null(pool);
    assert_int_equal(pool_threads(pool), threads);
    struct rows rows = {new_zeroed(n + 3, sizeof(atomic_int)), pool, threads, 0};
    for (int round = 0; round < 20; round++) pool_run(pool, n, grain, fn, &rows);
    for (size_t i = 3; i < n; i++) assert_int_equal(atomic_load(&rows.visits[i]), 20);
    assert_true(atomic_load(&rows.visits[0]) >= 20 + extra || n == 0);
    assert_int_equal(atomic_load(&rows.wrong), 0);
    free(rows.visits);
    pool_close(pool);
}

static void test_every_row_once(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 7, 100, 4099};
    for (int threads = 1; threads <= 4; threads++)
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            run_with(threads, sizes[i], 1, visit, 0);
            run_with(threads, sizes[i], 64, visit, 0);
        }
}

static void test_nested_loops_run(void **state)
{
    run_with(2, 100, 5, visit_nested, 20);
}

static bool stop_at_two(void *data, const char *stage, size_t done, size_t total)
{
    return done < 2;
}

static void test_cancellation(void **state)
{
    recap_context *context = NULL;
    recap_error error = {0};
    recap_context_options options = {.n_threads = 2, .seed = 1, .progress = stop_at_two};
    assert_int_equal(recap_open_context(&options, &context, &error), RECAP_OK);
    assert_int_equal(recap_context_threads(context), 2);
    assert_int_equal(context_check(context, "stage", 1, 3, &error), RECAP_OK);
    assert_int_equal(context_check(context, "stage", 2, 3, &error), RECAP_ERROR_CANCELLED);
    assert_string_equal(error.message, "cancelled during stage (2 of 3 done)");
    assert_true(context_cancelled(context));
    recap_close_context(context);
    options.n_threads = -1;
    assert_int_equal(recap_open_context(&options, &context, &error), RECAP_ERROR_USAGE);
    assert_null(context);
    recap_close_context(NULL);
    assert_true(processor_count() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_once),
        cmocka_unit_test(test_nested_loops_run),
        cmocka_unit_test(test_cancellation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
