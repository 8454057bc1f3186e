/* A map of the sentences for the report: UMAP in two dimensions; principal components where there
 * are too few points for it to mean anything. */
#include <stdlib.h>
#include <string.h>

#include "evidence.h"

enum { DIMENSIONS = 2, MIN_POINTS = 10 };

static int map_few(recap_context *context, const float *x, size_t n, size_t d, float *points,
                   recap_error *error)
{
    memset(points, 0, n * DIMENSIONS * sizeof(*points));
    if (n < DIMENSIONS + 1 || d < DIMENSIONS) {
        /* On a line: one, two or three points need no more. */
        for (size_t i = 0; i < n; i++) points[i * DIMENSIONS] = (float)i;
        return RECAP_OK;
    }
    return recap_pca(context, x, n, d, DIMENSIONS, points, error);
}

int evidence_map(recap_context *context, const float *x, size_t n, size_t d, float *points,
                 recap_error *error)
{
    if (n < MIN_POINTS) return map_few(context, x, n, d, points, error);
    recap_umap_options options = recap_umap_defaults();
    options.n_components = DIMENSIONS;
    options.metric = RECAP_METRIC_COSINE;
    return recap_umap(context, x, n, d, &options, points, error);
}
