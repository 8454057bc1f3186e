/* A context carries what every heavy call shares: the threads, the seed, and the wish to stop.
 *
 * One context may be used by one caller at a time. Results never depend on the number of threads.
 */
#ifndef RECAP_CONTEXT_H
#define RECAP_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recap/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct recap_context recap_context;

/* Called between pieces of work: `done` of `total` units of `stage` (a constant string).
 * Returning false cancels the call, which then fails with RECAP_ERROR_CANCELLED.
 * Called from the calling thread only. */
typedef bool (*recap_progress_fn)(void *data, const char *stage, size_t done, size_t total);

typedef struct recap_context_options {
    int n_threads;              /* 0: one for every processor that this process may use */
    uint64_t seed;              /* of everything random */
    recap_progress_fn progress; /* may be NULL */
    void *progress_data;
} recap_context_options;

/* Defaults: all processors, seed 42, no progress. `options` may be NULL.
 * The caller owns *out and ends it with recap_close_context, which accepts NULL. */
RECAP_API int recap_open_context(const recap_context_options *options, recap_context **out,
                                 recap_error *error);
RECAP_API void recap_close_context(recap_context *context);

/* Asks the running call to stop; may be called from any thread or from a signal handler. */
RECAP_API void recap_cancel(recap_context *context);

RECAP_API int recap_context_threads(const recap_context *context);

#ifdef __cplusplus
}
#endif
#endif
