/* recap cluster: labels for the rows of a matrix, by one of several methods. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum method { METHOD_AUTO, METHOD_SEARCH, METHOD_HDBSCAN, METHOD_KMEANS, METHOD_WARD };

struct values {
    const char *output;
    int method, selection, metric;
    int64_t min_cluster_size, min_samples, k, umap;
    double epsilon; /* negative: the method's */
    bool allow_single_cluster;
};

static const struct option options[] = {
    OPTION_TEXT(struct values, output, "output", 'o', "FILE",
                "write there, not to standard output"),
    OPTION_CHOICE(struct values, method, "method", 0, "auto|search|hdbscan|kmeans|ward",
                  "how; auto is kmeans where -k is given, else search"),
    OPTION_INTEGER(struct values, min_cluster_size, "min-cluster-size", 0, 2, 2147483647,
                   "hdbscan: rows that make a cluster"),
    OPTION_INTEGER(struct values, min_samples, "min-samples", 0, 0, 2147483647,
                   "hdbscan: neighbours that make a place dense; 0: the minimum cluster size"),
    OPTION_CHOICE(struct values, selection, "selection", 0, "eom|leaf",
                  "which clusters of the tree are kept"),
    OPTION_NUMBER(struct values, epsilon, "epsilon", 0, 0, 1e30,
                  "clusters closer than this are merged (hdbscan: 0, search: 0.5)"),
    OPTION_FLAG(struct values, allow_single_cluster, "allow-single-cluster", 0,
                "hdbscan: one cluster of everything is an answer"),
    OPTION_CHOICE(struct values, metric, "metric", 0, "euclidean|cosine",
                  "hdbscan: distance of the vectors; kmeans, ward: cosine scales rows to length 1"),
    OPTION_INTEGER(struct values, k, "clusters", 'k', 0, 2147483647,
                   "kmeans, ward: how many clusters"),
    OPTION_INTEGER(struct values, umap, "umap", 0, 0, 1024,
                   "hdbscan, kmeans, ward: first reduce to so many dimensions; 0: don't"),
};

static const struct values defaults = {.min_cluster_size = 5, .epsilon = -1};

/* What a method found; arrays may be NULL where it does not tell. */
struct outcome {
    const float *space; /* [rows, columns] that was clustered */
    size_t rows, columns;
    recap_metric metric; /* of `space` */
    int32_t *labels;
    double *probabilities, *outlier_scores;
    size_t n_clusters;
    bool scored; /* silhouette and dbcv are already known */
    double silhouette, dbcv;
    bool silhouette_known, dbcv_known;
    struct buf params; /* the inside of an object */
};

/* ---- methods ---- */

static int by_search(struct invocation *call, struct outcome *o, recap_error *error)
{
    const struct values *values = call->values;
    recap_search_options wanted = recap_search_defaults();
    wanted.selection = (recap_selection)values->selection;
    if (values->epsilon >= 0) wanted.epsilon = values->epsilon;
    recap_search_result found = {0};
    free(o->outlier_scores);
    o->outlier_scores = NULL;
    int status = recap_search_clusters(call->context, o->space, o->rows, o->columns, &wanted,
                                       o->labels, o->probabilities, &found, error);
    if (status != RECAP_OK) return status;
    o->n_clusters = found.n_clusters;
    o->scored = true;
    o->silhouette = found.silhouette;
    o->dbcv = found.dbcv;
    o->silhouette_known = found.silhouette_known;
    o->dbcv_known = found.dbcv_known;
    buf_printf(&o->params,
               "\"umap\":%s,\"n_neighbors\":%zu,\"n_components\":%zu,\"min_cluster_size\":%zu,"
               "\"min_samples\":%zu,\"trials\":%zu,\"score\":",
               found.umap_used ? "true" : "false", found.n_neighbors, found.n_components,
               found.min_cluster_size, found.min_samples, found.n_trials);
    buf_add_double(&o->params, found.score);
    if (found.fallback) buf_add_string(&o->params, ",\"fallback\":\"kmeans\"");
    recap_free_search(&found);
    return RECAP_OK;
}

static int by_hdbscan(struct invocation *call, struct outcome *o, recap_error *error)
{
    const struct values *values = call->values;
    recap_hdbscan_options wanted = {
        .min_cluster_size = (size_t)values->min_cluster_size,
        .min_samples = (size_t)values->min_samples,
        .selection = (recap_selection)values->selection,
        .epsilon = values->epsilon >= 0 ? values->epsilon : 0,
        .allow_single_cluster = values->allow_single_cluster,
        .metric = o->metric,
    };
    size_t samples = wanted.min_samples ? wanted.min_samples : wanted.min_cluster_size;
    if (o->rows && samples > o->rows - 1) samples = o->rows - 1;
    buf_printf(&o->params,
               "\"min_cluster_size\":%zu,\"min_samples\":%zu,\"selection\":\"%s\",\"epsilon\":",
               wanted.min_cluster_size, samples,
               wanted.selection == RECAP_SELECTION_LEAF ? "leaf" : "eom");
    buf_add_double(&o->params, wanted.epsilon);
    buf_printf(&o->params, ",\"allow_single_cluster\":%s,\"umap\":%lld",
               wanted.allow_single_cluster ? "true" : "false", (long long)values->umap);
    return recap_hdbscan(call->context, o->space, o->rows, o->columns, &wanted, o->labels,
                         o->probabilities, o->outlier_scores, &o->n_clusters, error);
}

static void forget_probabilities(struct outcome *o)
{
    free(o->probabilities);
    free(o->outlier_scores);
    o->probabilities = o->outlier_scores = NULL;
}

static int by_kmeans(struct invocation *call, struct outcome *o, recap_error *error)
{
    const struct values *values = call->values;
    const recap_kmeans_options wanted = {.k = (size_t)values->k};
    double inertia;
    forget_probabilities(o);
    int status = recap_kmeans(call->context, o->space, o->rows, o->columns, &wanted, o->labels,
                              NULL, &inertia, &o->n_clusters, error);
    if (status != RECAP_OK) return status;
    buf_printf(&o->params, "\"k\":%lld,\"umap\":%lld,\"inertia\":", (long long)values->k,
               (long long)values->umap);
    buf_add_double(&o->params, inertia);
    return RECAP_OK;
}

static int by_ward(struct invocation *call, struct outcome *o, recap_error *error)
{
    const struct values *values = call->values;
    double *merges = new_array(o->rows, 4 * sizeof *merges);
    forget_probabilities(o);
    int status = merges ? recap_ward(call->context, o->space, o->rows, o->columns, merges, error)
                        : fail_memory(error, o->rows * 4 * sizeof *merges);
    if (status == RECAP_OK)
        status = recap_cut_linkage(merges, o->rows, (size_t)values->k, o->labels, &o->n_clusters,
                                   error);
    buf_printf(&o->params, "\"k\":%lld,\"umap\":%lld", (long long)values->k,
               (long long)values->umap);
    free(merges);
    return status;
}

static int apply(struct invocation *call, int method, struct outcome *o, recap_error *error)
{
    switch (method) {
    case METHOD_HDBSCAN:
        return by_hdbscan(call, o, error);
    case METHOD_KMEANS:
        return by_kmeans(call, o, error);
    case METHOD_WARD:
        return by_ward(call, o, error);
    default:
        return by_search(call, o, error);
    }
}

static int measure(struct invocation *call, struct outcome *o, recap_error *error)
{
    if (o->scored || o->rows < 2) return RECAP_OK;
    int status = recap_silhouette(call->context, o->space, o->rows, o->columns, o->metric,
                                  o->labels, &o->silhouette, &o->silhouette_known, error);
    if (status == RECAP_OK && o->metric == RECAP_METRIC_EUCLIDEAN)
        status = recap_dbcv(call->context, o->space, o->rows, o->columns, o->labels, &o->dbcv,
                            &o->dbcv_known, error);
    return status;
}

/* ---- output ---- */

static void add_outcome(const struct outcome *o, const char *method, int64_t seed, struct buf *out)
{
    size_t noise = 0;
    for (size_t i = 0; i < o->rows; i++) noise += o->labels[i] < 0;
    buf_add_string(out, "{\"labels\":");
    add_integers(out, o->labels, o->rows);
    if (o->probabilities) {
        buf_add_string(out, ",\"probabilities\":");
        add_doubles(out, o->probabilities, o->rows);
    }
    if (o->outlier_scores) {
        buf_add_string(out, ",\"outlier_scores\":");
        add_doubles(out, o->outlier_scores, o->rows);
    }
    buf_printf(out, ",\"n_clusters\":%zu", o->n_clusters);
    if (o->rows) {
        buf_add_string(out, ",\"noise_ratio\":");
        buf_add_double(out, (double)noise / (double)o->rows);
    }
    if (o->silhouette_known) {
        buf_add_string(out, ",\"silhouette\":");
        buf_add_double(out, o->silhouette);
    }
    if (o->dbcv_known) {
        buf_add_string(out, ",\"dbcv\":");
        buf_add_double(out, o->dbcv);
    }
    buf_printf(out, ",\"params\":{\"method\":\"%s\",\"metric\":\"%s\",\"seed\":%lld", method,
               o->metric == RECAP_METRIC_COSINE ? "cosine" : "euclidean", (long long)seed);
    if (o->params.n) {
        buf_add_byte(out, ',');
        buf_add(out, o->params.data, o->params.n);
    }
    buf_add_string(out, "}}\n");
}

static const char *method_name(int method)
{
    static const char *const names[] = {"auto", "search", "hdbscan", "kmeans", "ward"};
    return names[method];
}

/* ---- the space that is clustered ---- */

static int reduce(struct invocation *call, const struct matrix *x, struct outcome *o, float **made,
                  recap_error *error)
{
    const struct values *values = call->values;
    recap_umap_options wanted = recap_umap_defaults();
    size_t columns = (size_t)values->umap, total;
    if (x->rows < columns + 2)
        return fail(error, RECAP_ERROR_USAGE,
                    "cluster: --umap %zu is not allowed: %zu rows have at most %zu", columns,
                    x->rows, x->rows > 2 ? x->rows - 2 : 0);
    wanted.n_components = columns;
    wanted.min_dist = 0;
    wanted.metric = (recap_metric)values->metric;
    if (!size_mul(x->rows, columns, &total)) return fail_memory(error, SIZE_MAX);
    *made = new_array(total, sizeof **made);
    if (!*made) return fail_memory(error, total * sizeof **made);
    o->space = *made;
    o->columns = columns;
    o->metric = RECAP_METRIC_EUCLIDEAN;
    return recap_umap(call->context, x->data, x->rows, x->columns, &wanted, *made, error);
}

static int normalize(struct matrix *x, recap_error *error)
{
    for (size_t i = 0; i < x->rows; i++) {
        float *row = x->data + i * x->columns;
        double sum = 0;
        for (size_t j = 0; j < x->columns; j++) sum += (double)row[j] * (double)row[j];
        if (sum == 0) return fail(error, RECAP_ERROR_INPUT, "row %zu is zero and has no cosine", i);
        double scale = 1 / __builtin_sqrt(sum);
        for (size_t j = 0; j < x->columns; j++) row[j] = (float)((double)row[j] * scale);
    }
    return RECAP_OK;
}

static int cluster(struct invocation *call, struct matrix *x, int method, recap_error *error)
{
    const struct values *values = call->values;
    struct outcome o = {
        .space = x->data,
        .rows = x->rows,
        .columns = x->columns,
        .metric = method == METHOD_SEARCH ? RECAP_METRIC_COSINE : (recap_metric)values->metric,
        .labels = new_array(x->rows, sizeof *o.labels),
        .probabilities = new_array(x->rows, sizeof *o.probabilities),
        .outlier_scores = new_array(x->rows, sizeof *o.outlier_scores),
    };
    float *made = NULL;
    struct buf text = {0};
    int status = RECAP_OK;
    if (!o.labels || !o.probabilities || !o.outlier_scores)
        status = fail_memory(error, x->rows * 20);
    if (status == RECAP_OK && values->umap) {
        status = reduce(call, x, &o, &made, error);
    } else if (status == RECAP_OK && method >= METHOD_KMEANS && values->metric) {
        status = normalize(x, error);
        o.metric = RECAP_METRIC_EUCLIDEAN;
    }
    if (status == RECAP_OK) status = apply(call, method, &o, error);
    if (status == RECAP_OK) status = measure(call, &o, error);
    if (status == RECAP_OK) {
        add_outcome(&o, method_name(method), call->config.random_seed, &text);
        status = output_document(values->output, &text, error);
    }
    buf_free(&text);
    buf_free(&o.params);
    forget_probabilities(&o);
    free(o.labels);
    free(made);
    return status;
}

static int run(struct invocation *call, recap_error *error)
{
    const struct values *values = call->values;
    int method = values->method;
    if (method == METHOD_AUTO) method = values->k ? METHOD_KMEANS : METHOD_SEARCH;
    bool counted = method == METHOD_KMEANS || method == METHOD_WARD;
    if (counted && values->k == 0)
        return fail(error, RECAP_ERROR_USAGE, "cluster: -k N, the number of clusters, is missing");
    if (method == METHOD_SEARCH && values->umap)
        return fail(
            error, RECAP_ERROR_USAGE,
            "cluster: --umap does not go with --method search, which makes its own layouts");
    struct matrix x;
    int status = npy_read(call->inputs[0], &x, error);
    if (status == RECAP_OK && counted && (size_t)values->k > x.rows)
        status = fail(error, RECAP_ERROR_USAGE,
                      "cluster: -k %lld is not allowed: the matrix has %zu rows",
                      (long long)values->k, x.rows);
    if (status == RECAP_OK)
        status = fail_file(cluster(call, &x, method, error), call->inputs[0], error);
    matrix_free(&x);
    return status;
}

const struct command command_cluster = {
    .name = "cluster",
    .arguments = "VECTORS",
    .summary = "group vectors",
    .details =
        "Reads a .npy matrix (float32, C order) and writes {\"labels\": [...], "
        "\"probabilities\": [...], \"outlier_scores\": [...], \"n_clusters\": N, "
        "\"noise_ratio\": X, \"silhouette\": X, \"dbcv\": X, \"params\": {...}}. Label -1 is "
        "noise. What a method does not tell, or what can't be measured, is absent.\n\n"
        "search tries a small grid of UMAP layouts and HDBSCAN clusterings and keeps the best; "
        "hdbscan works on the vectors as they are, or on a layout (--umap N); kmeans and ward "
        "make as many clusters as asked.",
    .examples =
        "recap cluster vectors.npy\tthe search\n"
        "recap cluster vectors.npy --method hdbscan --umap 8 --metric cosine\tone clustering",
    .options = options,
    .n_options = COUNT_OF(options),
    .defaults = &defaults,
    .values_size = sizeof(struct values),
    .min_inputs = 1,
    .max_inputs = 1,
    .needs = "VECTORS, a .npy file,",
    .run = run,
};
