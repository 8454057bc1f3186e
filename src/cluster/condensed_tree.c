/* From a spanning tree to the hierarchy of clusters.
 *
 *   1. single linkage: edges by weight join points and earlier joins; node n + i is edge i
 *   2. from the root down: a join of two sides of at least min_cluster_size is a split that makes
 *      two clusters; otherwise small sides fall out of the cluster, which goes on in the large one
 *
 * A join's sides have lower numbers than the join, so one pass over descending numbers is enough.
 */
#include "cluster_private.h"

#include <math.h>
#include <stdlib.h>

struct linkage {
    size_t n;
    int32_t *left, *right; /* [n - 1], nodes */
    int32_t *size;         /* [n - 1] */
};

static void linkage_free(struct linkage *linkage)
{
    free(linkage->left);
    free(linkage->right);
    free(linkage->size);
}

static int32_t find_root(int32_t *up, int32_t node)
{
    while (up[node] != node) {
        up[node] = up[up[node]];
        node = up[node];
    }
    return node;
}

static int32_t node_size(const struct linkage *linkage, int32_t node)
{
    return (size_t)node < linkage->n ? 1 : linkage->size[(size_t)node - linkage->n];
}

static int join_edges(const recap_tree *tree, struct linkage *linkage, int32_t *up,
                      recap_error *error)
{
    size_t n = tree->n;
    for (size_t i = 0; i < 2 * n - 1; i++) up[i] = (int32_t)i;
    for (size_t i = 0; i + 1 < n; i++) {
        int32_t from = tree->from[i], to = tree->to[i];
        if (from < 0 || (size_t)from >= n || to < 0 || (size_t)to >= n)
            return fail(error, RECAP_ERROR_INPUT, "edge %zu joins %d and %d of %zu points", i, from,
                        to, n);
        int32_t left = find_root(up, from), right = find_root(up, to);
        if (left == right || !(tree->weights[i] >= 0))
            return fail(error, RECAP_ERROR_INPUT, "edge %zu (%d to %d, %g) makes no tree", i, from,
                        to, tree->weights[i]);
        linkage->left[i] = left;
        linkage->right[i] = right;
        linkage->size[i] = node_size(linkage, left) + node_size(linkage, right);
        up[left] = up[right] = (int32_t)(n + i);
    }
    return RECAP_OK;
}

static int linkage_build(const recap_tree *tree, struct linkage *out, recap_error *error)
{
    size_t n = tree->n;
    *out = (struct linkage){.n = n};
    if (n > INT32_MAX / 2)
        return fail(error, RECAP_ERROR_INPUT, "%zu points: at most %d", n, INT32_MAX / 2);
    out->left = new_array(n - 1, sizeof *out->left);
    out->right = new_array(n - 1, sizeof *out->right);
    out->size = new_array(n - 1, sizeof *out->size);
    int32_t *up = new_array(2 * n - 1, sizeof *up);
    int status = out->left && out->right && out->size && up
                     ? join_edges(tree, out, up, error)
                     : fail_memory(error, 5 * n * sizeof(int32_t));
    free(up);
    return status;
}

/* Where a node stands while the hierarchy is walked down. */
struct place {
    int32_t cluster;
    double fell; /* lambda at which the node fell out of it; negative: it has not */
};

struct descent {
    const struct linkage *linkage;
    size_t min_cluster_size;
    struct place *places; /* [2n - 1] */
    struct condensed_tree *out;
};

static void start_cluster(struct descent *descent, int32_t node, int32_t parent, double birth)
{
    struct condensed_tree *out = descent->out;
    size_t cluster = out->n_clusters++;
    out->parent[cluster] = parent;
    out->birth[cluster] = birth;
    out->size[cluster] = node_size(descent->linkage, node);
    descent->places[node] = (struct place){(int32_t)cluster, -1};
}

static void descend(struct descent *descent, size_t join, double lambda)
{
    const struct linkage *linkage = descent->linkage;
    struct place here = descent->places[linkage->n + join];
    int32_t sides[2] = {linkage->left[join], linkage->right[join]};
    bool large[2];
    for (int i = 0; i < 2; i++)
        large[i] = (size_t)node_size(linkage, sides[i]) >= descent->min_cluster_size;
    for (int i = 0; i < 2; i++) {
        if (here.fell >= 0)
            descent->places[sides[i]] = here;
        else if (large[0] && large[1])
            start_cluster(descent, sides[i], here.cluster, lambda);
        else
            descent->places[sides[i]] = (struct place){here.cluster, large[i] ? -1 : lambda};
    }
}

static void walk_down(struct descent *descent, const recap_tree *tree)
{
    size_t n = tree->n;
    start_cluster(descent, (int32_t)(2 * n - 2), -1, 0);
    for (size_t join = n - 1; join-- > 0;) {
        double weight = tree->weights[join];
        descend(descent, join, weight > 0 ? 1 / weight : INFINITY);
    }
    for (size_t i = 0; i < n; i++) {
        descent->out->point_cluster[i] = descent->places[i].cluster;
        descent->out->point_lambda[i] = descent->places[i].fell;
    }
}

int condensed_tree_build(const recap_tree *tree, size_t min_cluster_size,
                         struct condensed_tree *out, recap_error *error)
{
    size_t n = tree->n;
    *out = (struct condensed_tree){.n = n};
    out->parent = new_array(n, sizeof *out->parent);
    out->birth = new_array(n, sizeof *out->birth);
    out->size = new_array(n, sizeof *out->size);
    out->point_cluster = new_array(n, sizeof *out->point_cluster);
    out->point_lambda = new_array(n, sizeof *out->point_lambda);
    struct linkage linkage = {0};
    struct descent descent = {&linkage, min_cluster_size, new_array(2 * n, sizeof(struct place)),
                              out};
    int status = RECAP_OK;
    if (!out->parent || !out->birth || !out->size || !out->point_cluster || !out->point_lambda ||
        !descent.places)
        status = fail_memory(error, 9 * n * sizeof(double));
    if (!status) status = linkage_build(tree, &linkage, error);
    if (!status) walk_down(&descent, tree);
    free(descent.places);
    linkage_free(&linkage);
    if (status) condensed_tree_free(out);
    return status;
}

void condensed_tree_free(struct condensed_tree *tree)
{
    free(tree->parent);
    free(tree->birth);
    free(tree->size);
    free(tree->point_cluster);
    free(tree->point_lambda);
    *tree = (struct condensed_tree){0};
}
