/* Labels to groups of rows: the largest first (equal: by first member), the noise last. */
#include <stdlib.h>

#include "evidence.h"

/* Larger first, then by first member; noise after all. */
static int compare_groups(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    if ((x->id < 0) != (y->id < 0)) return x->id < 0 ? 1 : -1;
    if (x->n != y->n) return x->n > y->n ? -1 : 1;
    return x->members[0] < y->members[0] ? -1 : 1;
}

static size_t count_labels(const int32_t *labels, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (labels[i] >= 0 && (size_t)labels[i] >= count) count = (size_t)labels[i] + 1;
    }
    return count;
}

/* groups[label], the noise behind the last label; members filled in ascending order. */
static void fill_groups(const int32_t *labels, size_t n, size_t n_labels, struct group *groups,
                        size_t *rows)
{
    for (size_t i = 0; i < n; i++) groups[labels[i] < 0 ? n_labels : (size_t)labels[i]].n++;
    for (size_t g = 0, next = 0; g <= n_labels; g++) {
        groups[g].id = g < n_labels ? (int32_t)g : -1;
        groups[g].members = rows + next;
        next += groups[g].n;
        groups[g].n = 0;
    }
    for (size_t i = 0; i < n; i++) {
        struct group *group = &groups[labels[i] < 0 ? n_labels : (size_t)labels[i]];
        group->members[group->n++] = i;
    }
}

int evidence_group(const int32_t *labels, size_t n, struct arena *arena, struct group **out,
                   size_t *n_groups, recap_error *error)
{
    size_t n_labels = count_labels(labels, n);
    struct group *groups = arena_alloc(arena, n_labels + 1, sizeof(*groups));
    size_t *rows = arena_alloc(arena, n, sizeof(*rows));
    if (!groups || !rows) return fail_memory(error, n_labels * sizeof(*groups) + n * sizeof(*rows));
    fill_groups(labels, n, n_labels, groups, rows);

    *n_groups = 0;
    for (size_t g = 0; g <= n_labels; g++) {
        if (groups[g].n) groups[(*n_groups)++] = groups[g];
    }
    qsort(groups, *n_groups, sizeof(*groups), compare_groups);
    for (size_t g = 0; g < *n_groups; g++) {
        if (groups[g].id >= 0) groups[g].id = (int32_t)g;
    }
    *out = groups;
    return RECAP_OK;
}
