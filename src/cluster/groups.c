/* The clustered rows by cluster: what the scores walk over. Labels may be any numbers. */
#include "cluster_private.h"

#include <stdlib.h>

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void fill(struct groups *groups, const uint64_t *keys)
{
    for (size_t i = 0; i < groups->n; i++) {
        if (i == 0 || keys[i] >> 32 != keys[i - 1] >> 32)
            groups->begin[groups->n_groups++] = (int32_t)i;
        groups->rows[i] = (int32_t)(keys[i] & UINT32_MAX);
        groups->group[i] = (int32_t)groups->n_groups - 1;
    }
    groups->begin[groups->n_groups] = (int32_t)groups->n;
}

int groups_open(const int32_t *labels, size_t n, struct groups *out, recap_error *error)
{
    *out = (struct groups){0};
    uint64_t *keys = new_array(n, sizeof *keys);
    out->rows = new_array(n, sizeof *out->rows);
    out->group = new_array(n, sizeof *out->group);
    out->begin = new_array(n + 1, sizeof *out->begin);
    if (!keys || !out->rows || !out->group || !out->begin) {
        free(keys);
        groups_close(out);
        return fail_memory(error, n * (sizeof *keys + 3 * sizeof(int32_t)));
    }
    for (size_t i = 0; i < n; i++)
        if (labels[i] >= 0) keys[out->n++] = (uint64_t)labels[i] << 32 | i;
    qsort(keys, out->n, sizeof *keys, compare_keys);
    fill(out, keys);
    free(keys);
    return RECAP_OK;
}

void groups_close(struct groups *groups)
{
    free(groups->rows);
    free(groups->group);
    free(groups->begin);
    *groups = (struct groups){0};
}
