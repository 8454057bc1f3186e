/* Model directories with random weights, for timing shapes that nobody has at hand. */
#ifndef RANDOM_MODEL_H
#define RANDOM_MODEL_H

#include "base/base.h"

struct random_shape {
    const char *name, *model_type; /* "bert" or "distilbert" */
    size_t n_layers, hidden, n_heads, intermediate, vocabulary;
};

/* Writes one (bfloat16) below $TMPDIR; the path is freed by the caller, NULL on failure. */
char *random_model_write(const struct random_shape *shape);
void random_model_remove(const char *directory);

#endif
