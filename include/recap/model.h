/* Transformer encoders and sequence classifiers from Hugging Face model directories.
 *
 * Architectures: XLM-RoBERTa, RoBERTa, BERT, DistilBERT. Weights: safetensors, one file or sharded,
 * F32, F16 or BF16, validated whole before use. Sequences are packed without padding and work is
 * split by rows only: the vector of a text has the same bits alone, in any batch, and with any
 * number of threads.
 *
 * Where a directory leaves something open:
 *   pooling      the folder that modules.json gives, else 1_Pooling; without its config.json mean
 *   normalising  with a modules.json, whether it lists a Normalize module; without one, yes
 *   length       the least of the position table, model_max_length of tokenizer_config.json and
 *                max_seq_length of sentence_bert_config.json
 *   prefix       "default_prefix" of recap.json; else "query: " for E5, known by "e5" as a word of
 *                its own (and no "instruct") in the directory's name or config.json's _name_or_path
 *   hub caches   of "models--owner--name" the snapshot that refs/main names
 *
 * A model is read-only once opened; each concurrent caller needs its own recap_context, or NULL to
 * work on its own thread alone. */
#ifndef RECAP_MODEL_H
#define RECAP_MODEL_H

#include "recap/context.h"
#include "recap/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct recap_model recap_model;

typedef struct recap_text {
    const char *data; /* UTF-8, not terminated */
    size_t n;
} recap_text;

typedef enum recap_pooling {
    RECAP_POOLING_MODEL = 0, /* what 1_Pooling/config.json says; absent: the family's default */
    RECAP_POOLING_MEAN,
    RECAP_POOLING_CLS,
    RECAP_POOLING_MAX,
    RECAP_POOLING_LAST,
} recap_pooling;

typedef struct recap_model_info {
    const char *directory;
    const char *architecture; /* "bert", "roberta", "xlm-roberta", "distilbert" */
    size_t n_layers, hidden_size, n_heads, intermediate_size, vocabulary_size;
    size_t max_length;          /* ids of a text, special ones included */
    recap_pooling pooling;      /* resolved; never RECAP_POOLING_MODEL */
    bool pooling_from_file;     /* false: the family's default was taken */
    bool normalize;             /* vectors are scaled to length 1 */
    size_t n_labels;            /* 0: no classification head */
    const char *const *labels;  /* [n_labels], in index order */
    bool multi_label;           /* sigmoid instead of softmax */
    size_t weight_bytes;        /* of the tensors used, as stored */
    const char *dtype;          /* "F32", "F16", "BF16" or "mixed" */
    const char *default_prefix; /* put before every text unless the caller says otherwise;
                                 * "query: " for e5 models, else "" */
    char identity[33];          /* hash of everything that decides a vector, but for the prefix */
} recap_model_info;

typedef struct recap_embed_options {
    const char *prefix; /* NULL: the model's default; "" none. Not doubled where a text already
                         * starts with it. */
    recap_pooling pooling;
    bool no_normalize;   /* leave the vector's length as it is */
    size_t dimensions;   /* 0: all; else the first so many, normalised again */
    size_t max_length;   /* 0: the model's; longer texts are cut at the end. Up to what the position
                          * table holds, above it RECAP_ERROR_USAGE */
    size_t token_budget; /* ids in work at once, over all threads; 0: 4096. A text is never split.
                          * No effect on results */
} recap_embed_options;

/* Opens and validates; RECAP_ERROR_MODEL says what is wrong with which file. */
RECAP_API int recap_open_model(const char *directory, recap_model **out, recap_error *error);
RECAP_API void recap_close_model(recap_model *model);
RECAP_API const recap_model_info *recap_model_describe(const recap_model *model);
RECAP_API const recap_tokenizer *recap_model_tokenizer(const recap_model *model);

/* Embeds n texts into out [n, dimensions]. `options` may be NULL. A vector that is not finite, or
 * of length 0 before normalising, fails with RECAP_ERROR_MODEL naming the text's index. */
RECAP_API int recap_embed(recap_context *context, const recap_model *model, const recap_text *texts,
                          size_t n, const recap_embed_options *options, float *out,
                          recap_error *error);

/* Logits of n texts into out [n, n_labels]; texts are cut at max_length ids (0: the model's). */
RECAP_API int recap_classify(recap_context *context, const recap_model *model,
                             const recap_text *texts, size_t n, size_t max_length, float *out,
                             recap_error *error);

/* Turns one row of logits into scores in 0..1, by softmax or (multi_label) sigmoid. In place. */
RECAP_API void recap_scores_from_logits(float *logits, size_t n_labels, bool multi_label);

#ifdef __cplusplus
}
#endif
#endif
