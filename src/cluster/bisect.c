/* Two-means: the step of bisecting k-means (Steinbach, Karypis, Kumar 2000). */
#include "cluster_private.h"

#include <string.h>

int cluster_bisect(recap_context *context, const float *x, size_t n, size_t d, int32_t *side,
                   bool *is_split, recap_error *error)
{
    *is_split = false;
    memset(side, 0, n * sizeof *side);
    if (n < 2) return cluster_check_matrix(x, n, d, RECAP_METRIC_EUCLIDEAN, error);
    const recap_kmeans_options options = {.k = 2};
    size_t n_clusters = 0;
    int status = recap_kmeans(context, x, n, d, &options, side, NULL, NULL, &n_clusters, error);
    *is_split = !status && n_clusters == 2;
    return status;
}
