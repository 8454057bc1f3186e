/* recap_context: threads, seed, progress and cancellation. */
#include "base.h"

#include <stdlib.h>
#include <time.h>

int recap_open_context(const recap_context_options *options, recap_context **out,
                       recap_error *error)
{
    const recap_context_options defaults = {.seed = 42};
    if (!options) options = &defaults;
    *out = NULL;
    if (options->n_threads < 0 || options->n_threads > 1024)
        return fail(error, RECAP_ERROR_USAGE, "%d threads: 0 (all processors) to 1024 are allowed",
                    options->n_threads);
    recap_context *context = new_zeroed(1, sizeof *context);
    if (!context) return fail_memory(error, sizeof *context);
    context->pool = pool_open(options->n_threads ? options->n_threads : processor_count());
    if (!context->pool) {
        free(context);
        return fail(error, RECAP_ERROR_MEMORY, "the worker threads could not be started");
    }
    context->seed = options->seed;
    context->progress = options->progress;
    context->progress_data = options->progress_data;
    *out = context;
    return RECAP_OK;
}

void recap_close_context(recap_context *context)
{
    if (!context) return;
    pool_close(context->pool);
    free(context);
}

void recap_cancel(recap_context *context)
{
    atomic_store(&context->cancelled, true);
}

int recap_context_threads(const recap_context *context)
{
    return pool_threads(context->pool);
}

struct pool *context_pool(const recap_context *context)
{
    return context ? context->pool : NULL;
}

bool context_cancelled(const recap_context *context)
{
    return context && atomic_load_explicit(&context->cancelled, memory_order_relaxed);
}

int context_check(recap_context *context, const char *stage, size_t done, size_t total,
                  recap_error *error)
{
    if (!context) return RECAP_OK;
    if (context->progress && !context->progress(context->progress_data, stage, done, total))
        recap_cancel(context);
    if (context_cancelled(context))
        return fail(error, RECAP_ERROR_CANCELLED, "cancelled during %s (%zu of %zu done)", stage,
                    done, total);
    return RECAP_OK;
}

double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
