/* Reads the arrays of fixtures/clustering for this folder's tests: raw, little-endian, no header.
 */
#ifndef CLUSTER_FIXTURES_H
#define CLUSTER_FIXTURES_H

#include "cluster/cluster.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* its fail() is a macro: after base.h, which declares a function of that name */

/* Skips the test where the fixtures are absent. */
static inline void need_fixtures(void)
{
    if (!path_exists(FIXTURES "/clustering/manifest.tsv")) skip();
}

static inline bool has_fixture(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, FIXTURES "/clustering/%s", name);
    return path_exists(path);
}

/* Elements of `size` bytes, freed with free(). */
static inline void *read_fixture(const char *name, size_t size, size_t *n)
{
    char path[512];
    struct buf buf = {0};
    recap_error error;
    snprintf(path, sizeof path, FIXTURES "/clustering/%s", name);
    if (file_read(path, 0, &buf, &error) != RECAP_OK) fail_msg("%s", error.message);
    size_t bytes = 0;
    void *data = buf_take(&buf, &bytes);
    *n = bytes / size;
    return data;
}

static inline float *read_matrix(const char *set, size_t d, size_t *n)
{
    char name[128];
    snprintf(name, sizeof name, "%s/X.f32", set);
    float *x = read_fixture(name, sizeof *x, n);
    *n /= d;
    return x;
}

static inline json_t *read_json(const char *name)
{
    char path[512];
    json_error_t error;
    snprintf(path, sizeof path, FIXTURES "/clustering/%s", name);
    json_t *json = json_load_file(path, 0, &error);
    if (!json) fail_msg("%s: %s", path, error.text);
    return json;
}

static inline size_t set_dimensions(const char *set)
{
    static const struct {
        const char *name;
        size_t d;
    } sets[] = {{"blobs", 8}, {"sent500u20", 20}, {"sent1000", 384}, {"identical", 4},
                {"two", 4},   {"dups", 3},        {"outlier", 4},    {"grid", 2}};
    for (size_t i = 0; i < COUNT_OF(sets); i++)
        if (strcmp(sets[i].name, set) == 0) return sets[i].d;
    fail_msg("unknown set %s", set);
    return 0;
}

static inline recap_context *open_context(int n_threads)
{
    recap_context *context = NULL;
    recap_context_options options = {.n_threads = n_threads, .seed = 42};
    assert_int_equal(recap_open_context(&options, &context, NULL), RECAP_OK);
    return context;
}

static inline void assert_near(double value, double wanted, double tolerance)
{
    if (!(fabs(value - wanted) <= tolerance))
        fail_msg("%.17g is not %.17g (difference %g, allowed %g)", value, wanted,
                 fabs(value - wanted), tolerance);
}

#endif
