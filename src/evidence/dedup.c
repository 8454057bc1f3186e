/* Stage 3: later sentences that say what an earlier one said.
 *
 * Greedy, in order: a sentence is a duplicate of the first kept one whose cosine with it reaches
 * the threshold and whose facts don't contradict its own (facts.c; docs/decisions/dedup-rule.md).
 * Products come in tiles of a block of rows against earlier rows, so memory is one tile whatever n:
 *
 *            0 ......... begin ... end
 *   block    [ earlier tiles  |tri ]     earlier rows are decided, the last tile is decided row by
 *                                        row as it is read */
#include <stdlib.h>

#include "compute/compute.h"
#include "evidence.h"

enum { BLOCK_ROWS = 128, TILE_COLUMNS = 1024 };

struct dedup {
    recap_context *context;
    const float *x; /* [n, d] */
    size_t n, d;
    double threshold;
    const struct facts *facts;
    int64_t *duplicate_of; /* [n] */
    float *tile;           /* [BLOCK_ROWS, TILE_COLUMNS] */
};

double evidence_dedup_threshold(const recap_evidence_options *options)
{
    double threshold = options->dedup_threshold;
    double average = options->confidence.average, coverage = options->confidence.coverage;
    if (options->dedup_threshold_fixed) return threshold;
    if (average >= 0 && average < 0.35) {
        threshold = threshold + 0.03 < 0.97 ? threshold + 0.03 : 0.97;
    } else if (average > 0.75 && coverage > 0.6) {
        threshold = threshold - 0.04 > 0.82 ? threshold - 0.04 : 0.82;
    }
    if (threshold < 0) return 0;
    return threshold > 0.99 ? 0.99 : threshold;
}

/* Looks for row's original among columns [begin, end), whose cosines are `cosines`. */
static void match_row(struct dedup *dedup, size_t row, size_t begin, size_t end,
                      const float *cosines)
{
    for (size_t column = begin; column < end && column < row; column++) {
        if ((double)cosines[column - begin] < dedup->threshold) continue;
        if (dedup->duplicate_of[column] >= 0) continue;
        if (facts_contradict(dedup->facts, column, row)) continue;
        dedup->duplicate_of[row] = (int64_t)column;
        return;
    }
}

static void match_tile(struct dedup *dedup, size_t row, size_t n_rows, size_t column,
                       size_t n_columns)
{
    size_t d = dedup->d;
    compute_product(dedup->context, n_rows, n_columns, d, dedup->x + row * d, d,
                    dedup->x + column * d, d, dedup->tile, TILE_COLUMNS);
    for (size_t i = 0; i < n_rows; i++) {
        if (dedup->duplicate_of[row + i] >= 0) continue;
        match_row(dedup, row + i, column, column + n_columns, dedup->tile + i * TILE_COLUMNS);
    }
}

static size_t at_most(size_t value, size_t limit)
{
    return value < limit ? value : limit;
}

static int match_blocks(struct dedup *dedup, recap_error *error)
{
    int status = RECAP_OK;
    for (size_t row = 0; !status && row < dedup->n; row += BLOCK_ROWS) {
        size_t n_rows = at_most(dedup->n - row, BLOCK_ROWS);
        for (size_t column = 0; column < row; column += TILE_COLUMNS)
            match_tile(dedup, row, n_rows, column, at_most(row - column, TILE_COLUMNS));
        match_tile(dedup, row, n_rows, row, n_rows);
        status = context_check(dedup->context, "deduplicate", row + n_rows, dedup->n, error);
    }
    return status;
}

int evidence_deduplicate(recap_context *context, const recap_sentence *sentences, const float *x,
                         size_t n, size_t d, double threshold, int64_t *duplicate_of,
                         recap_error *error)
{
    struct dedup dedup = {.context = context,
                          .x = x,
                          .n = n,
                          .d = d,
                          .threshold = threshold,
                          .duplicate_of = duplicate_of};
    struct facts *facts = NULL;
    int status = facts_collect(sentences, n, &facts, error);
    if (status) return status;
    dedup.facts = facts;
    dedup.tile = new_aligned((size_t)BLOCK_ROWS * TILE_COLUMNS, sizeof(float));
    if (!dedup.tile) status = fail_memory(error, BLOCK_ROWS * TILE_COLUMNS * sizeof(float));
    for (size_t i = 0; i < n; i++) duplicate_of[i] = -1;
    if (!status) status = match_blocks(&dedup, error);
    free(dedup.tile);
    facts_free(facts);
    return status;
}
