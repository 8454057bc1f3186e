/* Stage 8: the genre's best sentences, by maximal marginal relevance over all representatives. */
#include <stdlib.h>

#include "evidence.h"

int evidence_highlights(const float *x, size_t d, const size_t *rows, size_t n, double otherwise,
                        size_t limit, size_t *out, size_t *n_out, recap_error *error)
{
    double similarity = 0;
    bool known = average_similarity(x, d, rows, n, &similarity);
    struct mmr *mmr;
    *n_out = 0;
    int status = mmr_open(x, d, rows, n, rows, n, mmr_lambda(similarity, known, otherwise), &mmr,
                          error);
    if (status) return status;
    size_t index;
    while (*n_out < limit && mmr_next(mmr, NULL, &index)) out[(*n_out)++] = rows[index];
    mmr_close(mmr);
    return RECAP_OK;
}
