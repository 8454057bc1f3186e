/* HDBSCAN: which clusters of the hierarchy are taken, and what that makes of each point.
 *
 *   1. stability of each cluster: the sum over its points of lambda at leaving - lambda at birth
 *   2. selection: excess of mass (a cluster against the best of what it splits into) or leaves
 *   3. epsilon: a selected cluster born at a distance below it gives way to its nearest ancestor
 *      born above it
 *   4. a point belongs to its nearest selected cluster upwards; probability and GLOSH outlier score
 *      compare its lambda with the highest of its cluster
 *
 * The rules in corners are those of the hdbscan package: the root is a cluster only where a single
 * one is allowed; alone, it takes the points that reach 1 / epsilon (epsilon 0: its highest
 * lambda); leaf selection takes no root, so without a split everything is noise. Unlike there, a
 * point of finite lambda in a cluster of infinite ones has outlier score 1, not NaN. */
#include "cluster_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* All arrays are [n_clusters]. */
struct selection {
    const struct condensed_tree *tree;
    double *stability;
    double *death; /* highest lambda at which a point or a split leaves the cluster itself */
    double *children_mass; /* the best that the clusters below can do */
    int32_t *n_children;
    int32_t *owner; /* the nearest selected cluster upwards, itself included; -1: none */
    bool *selected;
};

static void selection_free(struct selection *s)
{
    free(s->stability);
    free(s->death);
    free(s->children_mass);
    free(s->n_children);
    free(s->owner);
    free(s->selected);
}

/* A cluster born between equal points has no mass: the difference of two infinities is 0 here. */
static double mass(double lambda, double birth, double n_points)
{
    return lambda > birth ? (lambda - birth) * n_points : 0;
}

static void leave(struct selection *s, int32_t cluster, double lambda, double n_points)
{
    s->stability[cluster] += mass(lambda, s->tree->birth[cluster], n_points);
    if (lambda > s->death[cluster]) s->death[cluster] = lambda;
}

static int selection_open(const struct condensed_tree *tree, struct selection *s,
                          recap_error *error)
{
    size_t n = tree->n_clusters;
    *s = (struct selection){.tree = tree};
    s->stability = new_zeroed(n, sizeof *s->stability);
    s->death = new_zeroed(n, sizeof *s->death);
    s->children_mass = new_zeroed(n, sizeof *s->children_mass);
    s->n_children = new_zeroed(n, sizeof *s->n_children);
    s->owner = new_array(n, sizeof *s->owner);
    s->selected = new_zeroed(n, sizeof *s->selected);
    if (!s->stability || !s->death || !s->children_mass || !s->n_children || !s->owner ||
        !s->selected) {
        selection_free(s);
        return fail_memory(error, n * 4 * sizeof(double));
    }
    for (size_t i = 0; i < tree->n; i++) leave(s, tree->point_cluster[i], tree->point_lambda[i], 1);
    for (size_t c = 1; c < n; c++) {
        leave(s, tree->parent[c], tree->birth[c], tree->size[c]);
        s->n_children[tree->parent[c]]++;
    }
    return RECAP_OK;
}

/* Excess of mass, from the leaves up; then only the topmost of the winners stay. */
static void select_mass(struct selection *s, bool allow_root)
{
    size_t n = s->tree->n_clusters;
    for (size_t c = n; c-- > 0;) {
        if (c == 0 && !allow_root) break;
        s->selected[c] = !(s->children_mass[c] > s->stability[c]);
        double best = s->selected[c] ? s->stability[c] : s->children_mass[c];
        if (c > 0) s->children_mass[s->tree->parent[c]] += best;
    }
    for (size_t c = 0; c < n; c++) { /* owner serves as a flag: selected itself or under such */
        bool under = c > 0 && s->owner[s->tree->parent[c]];
        s->owner[c] = under || s->selected[c];
        if (under) s->selected[c] = false;
    }
}

static void select_leaves(struct selection *s)
{
    for (size_t c = 1; c < s->tree->n_clusters; c++) s->selected[c] = s->n_children[c] == 0;
}

/* The nearest ancestor born at a distance above epsilon; below the root it ends at the cluster
 * under it, unless the root may be one. */
static int32_t climb(const struct condensed_tree *tree, int32_t cluster, double epsilon,
                     bool allow_root)
{
    for (;;) {
        int32_t parent = tree->parent[cluster];
        if (parent == 0) return allow_root ? 0 : cluster;
        if (1 / tree->birth[parent] > epsilon) return parent;
        cluster = parent;
    }
}

static void merge_close(struct selection *s, double epsilon, bool allow_root)
{
    size_t n = s->tree->n_clusters;
    if (s->selected[0]) return; /* the root is the only one then */
    for (size_t c = 0; c < n; c++) s->owner[c] = 0;
    for (size_t c = 1; c < n; c++) {
        if (!s->selected[c]) continue;
        int32_t target = (int32_t)c;
        if (1 / s->tree->birth[c] < epsilon) target = climb(s->tree, target, epsilon, allow_root);
        s->owner[target] = 1;
    }
    for (size_t c = 0; c < n; c++) s->selected[c] = s->owner[c] == 1;
}

static void find_owners(struct selection *s)
{
    for (size_t c = 0; c < s->tree->n_clusters; c++) {
        int32_t above = c == 0 ? -1 : s->owner[s->tree->parent[c]];
        s->owner[c] = s->selected[c] ? (int32_t)c : above;
    }
}

static void label_points(const struct selection *s, const recap_hdbscan_options *options,
                         int32_t *labels)
{
    size_t n_selected = 0;
    for (size_t c = 0; c < s->tree->n_clusters; c++) n_selected += s->selected[c];
    double least = options->epsilon != 0 ? 1 / options->epsilon : s->death[0];
    for (size_t i = 0; i < s->tree->n; i++) {
        int32_t owner = s->owner[s->tree->point_cluster[i]];
        if (owner == 0 && (n_selected > 1 || !(s->tree->point_lambda[i] >= least))) owner = -1;
        labels[i] = owner;
    }
}

static void score_points(const struct selection *s, const int32_t *labels, double *probabilities)
{
    for (size_t i = 0; i < s->tree->n; i++) {
        double lambda = s->tree->point_lambda[i];
        probabilities[i] = 0;
        if (labels[i] < 0) continue;
        double highest = s->death[labels[i]];
        probabilities[i] = highest == 0 || isinf(lambda) || lambda >= highest ? 1
                                                                              : lambda / highest;
    }
}

/* GLOSH: how far below the densest point under its cluster a point left. Changes death. */
static void score_outliers(struct selection *s, double *scores)
{
    const struct condensed_tree *tree = s->tree;
    for (size_t c = tree->n_clusters; c-- > 1;)
        if (s->death[c] > s->death[tree->parent[c]]) s->death[tree->parent[c]] = s->death[c];
    for (size_t i = 0; i < tree->n; i++) {
        double highest = s->death[tree->point_cluster[i]], lambda = tree->point_lambda[i];
        if (highest == 0 || isinf(lambda))
            scores[i] = 0;
        else
            scores[i] = isinf(highest) ? 1 : (highest - lambda) / highest;
    }
}

static int cut(const struct condensed_tree *tree, const recap_hdbscan_options *options,
               int32_t *labels, double *probabilities, double *outlier_scores, size_t *n_clusters,
               recap_error *error)
{
    struct selection s;
    int status = selection_open(tree, &s, error);
    if (status) return status;
    if (options->selection == RECAP_SELECTION_EOM)
        select_mass(&s, options->allow_single_cluster);
    else
        select_leaves(&s);
    if (options->epsilon != 0 && tree->n_clusters > 1)
        merge_close(&s, options->epsilon, options->allow_single_cluster);
    find_owners(&s);
    label_points(&s, options, labels);
    if (probabilities) score_points(&s, labels, probabilities);
    if (outlier_scores) score_outliers(&s, outlier_scores);
    *n_clusters = matrix_renumber(labels, tree->n, tree->n_clusters, s.owner);
    selection_free(&s);
    return RECAP_OK;
}

static int check_options(const recap_hdbscan_options *options, recap_error *error)
{
    if (options->min_cluster_size == 1)
        return fail(error, RECAP_ERROR_USAGE, "min_cluster_size 1: 2 or more (0: 5) are allowed");
    if (options->selection != RECAP_SELECTION_EOM && options->selection != RECAP_SELECTION_LEAF)
        return fail(error, RECAP_ERROR_USAGE, "cluster selection %d is neither eom nor leaf",
                    (int)options->selection);
    if (!(options->epsilon >= 0) || isinf(options->epsilon))
        return fail(error, RECAP_ERROR_USAGE,
                    "epsilon %g: a finite distance of 0 or more is needed", options->epsilon);
    return RECAP_OK;
}

static size_t cluster_size_of(const recap_hdbscan_options *options)
{
    return options->min_cluster_size ? options->min_cluster_size : 5;
}

int recap_cut_tree(const recap_tree *tree, const recap_hdbscan_options *options, int32_t *labels,
                   double *probabilities, double *outlier_scores, size_t *n_clusters,
                   recap_error *error)
{
    *n_clusters = 0;
    int status = check_options(options, error);
    if (status) return status;
    if (tree->n < 2) { /* a point alone is near to nothing */
        for (size_t i = 0; i < tree->n; i++) labels[i] = -1;
        if (probabilities && tree->n) probabilities[0] = 0;
        if (outlier_scores && tree->n) outlier_scores[0] = 0;
        return RECAP_OK;
    }
    struct condensed_tree condensed;
    status = condensed_tree_build(tree, cluster_size_of(options), &condensed, error);
    if (status) return status;
    status = cut(&condensed, options, labels, probabilities, outlier_scores, n_clusters, error);
    condensed_tree_free(&condensed);
    return status;
}

int recap_hdbscan(recap_context *context, const float *x, size_t n, size_t d,
                  const recap_hdbscan_options *options, int32_t *labels, double *probabilities,
                  double *outlier_scores, size_t *n_clusters, recap_error *error)
{
    recap_tree tree;
    *n_clusters = 0;
    int status = check_options(options, error);
    if (status) return status;
    size_t min_samples = options->min_samples ? options->min_samples : cluster_size_of(options);
    status = recap_build_spanning_tree(context, x, n, d, options->metric, min_samples, &tree,
                                       error);
    if (status) return status;
    status = recap_cut_tree(&tree, options, labels, probabilities, outlier_scores, n_clusters,
                            error);
    recap_free_tree(&tree);
    return status;
}
