/* The door of base: what every room stands on.
 *
 *   errors      fail()
 *   memory      checked sizes, arena
 *   bytes       buf (growable), string views
 *   files       map, read whole, write atomically
 *   hash        128-bit content hash
 *   random      counter-based, so that no result depends on the order of work
 *   threads     pool with a loop over rows
 *   context     recap_context's fields
 *   log         messages to standard error
 *   clock       monotonic seconds
 */
#ifndef BASE_H
#define BASE_H

#include <locale.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "recap/context.h"
#include "recap/status.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define PRINTF_LIKE(position, first) __attribute__((format(printf, position, first)))

/* ---- errors ---- */

/* Fills `error` (may be NULL) and returns `code`, so that `return fail(...)` reads well. */
int fail(recap_error *error, int code, const char *format, ...) PRINTF_LIKE(3, 4);
/* RECAP_ERROR_MEMORY with the number of bytes that could not be had. */
int fail_memory(recap_error *error, size_t bytes);
/* Puts "prefix: " before the message that is there; returns the error's code. */
int fail_prefix(recap_error *error, const char *format, ...) PRINTF_LIKE(2, 3);

/* Makes blanks of control characters, in place: what an input says can't begin a line of its own or
 * steer a terminal. fail() and log_message() do so. */
void make_one_line(char *text);

/* ---- memory ---- */

/* a * b, a + b: false where it does not fit. */
bool size_mul(size_t a, size_t b, size_t *out);
bool size_add(size_t a, size_t b, size_t *out);
/* n elements of `size` bytes, not initialised; NULL where that overflows or fails.
 * n == 0 gives a valid pointer to nothing. Freed with free(). */
void *new_array(size_t n, size_t size);
void *new_zeroed(size_t n, size_t size);
/* Aligned to 64 bytes, freed with free(). */
void *new_aligned(size_t n, size_t size);
/* Grows *array (elements of `size`) so that it holds at least n; doubles. 0 or RECAP_ERROR_MEMORY;
 * on failure nothing is changed. */
int grow_array(void *array_pointer, size_t *capacity, size_t n, size_t size);
char *copy_string(const char *s);             /* NULL on failure; freed with free() */
char *copy_bytes(const void *data, size_t n); /* with a final NUL; freed with free() */

/* Allocations that live and die together. Zero-initialise, then arena_free at the end. */
struct arena {
    struct arena_block *blocks;
};
void *arena_alloc(struct arena *arena, size_t n,
                  size_t size); /* 16-byte aligned, zeroed; or NULL */
char *arena_copy(struct arena *arena, const void *data, size_t n); /* with a final NUL; or NULL */
void arena_free(struct arena *arena);

/* ---- bytes ---- */

/* A view: not owned, not terminated. */
struct view {
    const char *data;
    size_t n;
};
struct view view_of(const char *string); /* NULL gives an empty view */
bool view_equal(struct view a, struct view b);

/* Growable bytes, always NUL-terminated once something was appended. Zero-initialise; buf_free.
 * A failed allocation sets `failed` and further appends do nothing: check once at the end. */
struct buf {
    char *data;
    size_t n, capacity;
    bool failed;
};
void buf_add(struct buf *buf, const void *data, size_t n);
void buf_add_string(struct buf *buf, const char *s);
void buf_add_byte(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_add_code_point(struct buf *buf, uint32_t code_point); /* as UTF-8 */
/* The decimal point is a point, whatever the program's locale, here and in buf_printf. The shortest
 * decimal that reads back as the same float; JSON-safe, "null" if not finite. */
void buf_add_float(struct buf *buf, float value);
void buf_add_double(struct buf *buf, double value);
void buf_add_floats(struct buf *buf, const float *values, size_t n); /* a JSON array */
/* A JSON string with its quotes; invalid UTF-8 becomes U+FFFD; U+2028/9 are escaped. */
void buf_add_json(struct buf *buf, const char *data, size_t n);
/* Between the two the calling thread prints and reads numbers in the C locale. */
locale_t locale_enter(void);
void locale_leave(locale_t before);
void buf_clear(struct buf *buf);
void buf_free(struct buf *buf);
/* The owner takes data (never NULL unless failed); the buf is empty after. */
char *buf_take(struct buf *buf, size_t *n);

/* Decodes one code point of UTF-8 at data[*i], *i < n, and moves *i past it. Invalid bytes give
 * UINT32_MAX, one byte a call. */
uint32_t utf8_next(const char *data, size_t n, size_t *i);
/* Bytes that `code_point` takes; writes at most 4. */
size_t utf8_put(uint32_t code_point, char out[4]);
/* Offset of the first byte that is not valid UTF-8 (surrogates and overlong forms are not), or n.
 */
size_t utf8_check(const char *data, size_t n);
size_t utf8_count(const char *data, size_t n); /* code points; an invalid byte counts one */

/* ---- files ---- */

struct file_map {
    const void *data; /* read-only; NULL when size is 0 */
    size_t size;
};
int file_map_open(const char *path, struct file_map *out, recap_error *error);
void file_map_close(struct file_map *map);
/* Appends the whole file; RECAP_ERROR_IO, or RECAP_ERROR_INPUT over `limit` bytes (0: none). */
int file_read(const char *path, size_t limit, struct buf *out, recap_error *error);
/* Writes beside the target and renames; flushed to the disk. */
int file_write(const char *path, const void *data, size_t n, recap_error *error);
int make_directories(const char *path, recap_error *error); /* like mkdir -p */
bool path_exists(const char *path);
bool path_is_directory(const char *path);
/* "a/b"; freed with free(); NULL on failure. */
char *path_join(const char *a, const char *b);
/* $XDG_DATA_HOME/recap or ~/.local/share/recap; NULL on failure. */
char *path_data_home(void);

/* ---- hash ---- */

struct hash128 {
    uint64_t high, low;
};
struct hash128 hash_bytes(const void *data, size_t n); /* XXH3, 128 bits */
void hash_text(struct hash128 hash, char out[33]);     /* 32 hex digits and NUL */

/* ---- random ---- */

/* SplitMix64's finaliser over (seed, stream, counter): the same triple gives the same value. */
uint64_t random_u64(uint64_t seed, uint64_t stream, uint64_t counter);
double random_unit(uint64_t seed, uint64_t stream, uint64_t counter); /* [0, 1) */
/* [0, n), without modulo bias worth the name; n >= 1. */
uint64_t random_below(uint64_t n, uint64_t seed, uint64_t stream, uint64_t counter);

/* ---- threads ---- */

struct pool;
typedef void (*pool_fn)(void *data, size_t begin, size_t end, int thread);
struct pool *pool_open(int n_threads); /* NULL on failure; 1 thread starts none */
void pool_close(struct pool *pool);
int pool_threads(const struct pool *pool);
/* Runs fn over [0, n) in pieces of at most `grain` rows; returns when all are done. `thread` is in
 * [0, pool_threads). Idle threads take the next piece, so fn must not depend on who runs what.
 * A NULL pool, or a call from inside fn, runs everything on the calling thread. */
void pool_run(struct pool *pool, size_t n, size_t grain, pool_fn fn, void *data);
/* Processors this process may use: the affinity mask and the cgroup's quota, at least 1. */
int processor_count(void);

/* ---- context ---- */

struct recap_context {
    struct pool *pool;
    uint64_t seed;
    recap_progress_fn progress;
    void *progress_data;
    atomic_bool cancelled;
};
/* Between pieces of work, on the calling thread: reports and asks; RECAP_OK or
 * RECAP_ERROR_CANCELLED with the error filled. */
int context_check(recap_context *context, const char *stage, size_t done, size_t total,
                  recap_error *error);
/* The context's threads; NULL, the calling thread alone, where there is no context. */
struct pool *context_pool(const recap_context *context);
/* Cheap, from any thread: has somebody asked to stop? */
bool context_cancelled(const recap_context *context);

/* ---- log ---- */

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
void log_set_level(enum log_level level);
void log_message(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- clock ---- */

double clock_seconds(void); /* monotonic */

#endif
