/* What the encoder's files share: tensors of a directory, its configuration, the model, and the
 * door that tests use to go around the tokenizer.
 *
 *   safetensors.c     one weights file: header validated whole, tensors as views into the map
 *   weights.c         all the weights of a directory, found by name; the identity hash
 *   model_config.c    config.json
 *   model_settings.c  the other files: pooling, modules, lengths, prefix, hub caches
 *   layers.c          tensors into packed matrices
 *   encoder.c         ids to hidden states, group by group
 *   pooling.c         hidden states to vectors and logits
 *   embedding.c       texts to ids, and the public calls
 *   encoder_model.c   open, describe, close
 */
#ifndef MODEL_PRIVATE_H
#define MODEL_PRIVATE_H

#include "base/base.h"
#include "compute/compute.h"
#include "recap/model.h"

/* A directory's files fail with RECAP_ERROR_MODEL, whatever the reader below called it; running out
 * of memory stays what it is. */
int encoder_status(int status, recap_error *error);

/* Is there such an entry, be it a link to nowhere? So that reading it can say what is missing. */
bool model_has_entry(const char *directory, const char *name);

/* ---- safetensors ---- */

enum dtype { DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_OTHER };
enum { most_dims = 8 };

struct tensor {
    const char *name; /* owned by the file's arena */
    const char *dtype_name;
    enum dtype dtype;
    size_t n_dims, dims[most_dims];
    const unsigned char *data; /* [n_bytes] in the map, any alignment */
    size_t n_bytes;
};

struct safetensors {
    const char *path; /* owned by the arena */
    struct file_map map;
    struct tensor *tensors; /* [n], by name */
    size_t n;
    struct arena arena;
};

/* Maps and validates; nothing is kept on failure. Close accepts a zeroed struct. */
int safetensors_open(const char *path, struct safetensors *out, recap_error *error);
void safetensors_close(struct safetensors *file);
const struct tensor *safetensors_find(const struct safetensors *file, const char *name);
/* The same checks over bytes in memory, which outlive *out; for fuzzing as well. */
int safetensors_parse(const char *path, const void *data, size_t size, struct safetensors *out,
                      recap_error *error);
/* Values first .. first + n - 1 of the flattened tensor (F32, F16 or BF16). */
void tensor_read(const struct tensor *tensor, size_t first, size_t n, float *out);

/* ---- the weights of a directory ---- */

struct weights {
    char *directory;
    struct safetensors *files; /* [n_files] */
    size_t n_files;
    struct buf identity; /* what decides a vector, as text */
    size_t used_bytes;
    unsigned used_dtypes; /* a bit for each enum dtype */
};

int weights_open(const char *directory, struct weights *out, recap_error *error);
void weights_close(struct weights *weights);
/* The tensor of this name under one of the prefixes, or NULL. */
const struct tensor *weights_look(const struct weights *weights, const char *name);
/* The same, but it must be there with this shape and a type that can be read; counted
 * and hashed into the identity. */
int weights_use(struct weights *weights, const char *name, size_t n_dims, const size_t *dims,
                const struct tensor **out, recap_error *error);
/* Lets the pages of the maps go; they come back when read. */
void weights_drop_pages(const struct weights *weights);

/* ---- configuration ---- */

enum family { FAMILY_BERT, FAMILY_ROBERTA, FAMILY_XLM_ROBERTA, FAMILY_DISTILBERT };

struct model_config {
    enum family family;
    bool wants_head; /* architectures names a sequence classifier */
    bool knows_head; /* architectures is there at all */
    size_t n_layers, hidden, n_heads, intermediate, vocabulary, n_positions, n_types;
    size_t pad_id;
    size_t first_position; /* of the first token: pad_id + 1 for (XLM-)RoBERTa, else 0 */
    enum compute_activation activation;
    const char *activation_name;
    double epsilon;
    const char **labels; /* [n_labels], by index; NULL where config.json names none */
    size_t n_labels;
    bool multi_label;
    const char *name_or_path; /* "" where absent */
};

/* All strings live in the arena. */
int model_config_read(const char *path, struct arena *arena, struct model_config *out,
                      recap_error *error);
int model_config_parse(const char *path, const char *data, size_t n, struct arena *arena,
                       struct model_config *out, recap_error *error);
const char *family_name(enum family family);

struct model_settings {
    recap_pooling pooling;
    bool pooling_from_file;
    bool normalize;
    size_t max_length;
    const char *default_prefix;
};
int model_settings_read(const char *given, const char *directory, const struct model_config *config,
                        struct arena *arena, struct model_settings *out, recap_error *error);
/* The folder that holds config.json: `directory`, or in a hub cache the snapshot that refs/main
 * names. Freed by the caller. */
int model_resolve_directory(const char *directory, char **out, recap_error *error);

/* ---- the model ---- */

struct layer {
    struct compute_matrix qkv;  /* [3 hidden, hidden]: query, key, value */
    struct compute_matrix out;  /* [hidden, hidden] */
    struct compute_matrix up;   /* [intermediate, hidden] */
    struct compute_matrix down; /* [hidden, intermediate] */
    float *qkv_bias, *out_bias, *up_bias, *down_bias;
    float *attention_gain, *attention_shift; /* [hidden], layer norm after attention */
    float *output_gain, *output_shift;       /* [hidden], layer norm after the feed-forward part */
};

struct head {
    struct compute_matrix first;  /* [hidden, hidden], before the tanh or relu */
    struct compute_matrix second; /* [n_labels, hidden] */
    float *first_bias, *second_bias;
};

struct recap_model {
    recap_model_info info;
    struct model_config config;
    struct model_settings settings;
    struct weights weights;
    const struct tensor *words; /* [vocabulary, hidden], read from the map row by row */
    float *positions;           /* [n_positions, hidden], token type 0 added */
    float *embedding_gain, *embedding_shift;
    struct layer *layers; /* [config.n_layers] */
    struct head head;     /* closed where info.n_labels is 0 */
    recap_tokenizer *tokenizer;
    struct arena arena; /* vectors and strings */
};

/* Everything but the tokenizer, for tests: ids go in by the functions below. */
int model_open_encoder(const char *directory, recap_model **out, recap_error *error);
int model_load_layers(recap_model *model, recap_error *error);
void model_close_layers(recap_model *model);

/* ---- encoding ---- */

struct sequence {
    const int32_t *ids; /* [n] */
    size_t n;
    size_t index; /* for the caller */
};

/* Takes the last hidden states [sequence->n, hidden]; called from any thread of the context, once a
 * sequence. */
typedef void (*finish_fn)(void *data, const struct sequence *sequence, const float *hidden);

struct encode_job {
    recap_context *context;
    const recap_model *model;
    struct sequence *sequences; /* [n], put into another order */
    size_t n;
    size_t token_budget; /* 0: the default */
    finish_fn finish;
    void *data;
    const char *stage;  /* for progress */
    size_t done, total; /* sequences before this job, and of the whole */
};
int model_encode(const struct encode_job *job, recap_error *error);

/* The first n columns of the pooled hidden states [n_tokens, n_hidden] of one sequence, not
 * normalised. out [n]. */
void model_pool(recap_pooling pooling, const float *hidden, size_t n_tokens, size_t n_hidden,
                size_t n, float *out);
/* The head over first hidden states [n, hidden], which it overwrites; out [n, n_labels]. */
int model_apply_head(const recap_model *model, float *first, size_t n, float *out,
                     recap_error *error);

/* The public calls after tokenizing. Sequences are put into another order; row `index` of `out` is
 * filled. */
int model_embed_ids(recap_context *context, const recap_model *model, struct sequence *sequences,
                    size_t n, const recap_embed_options *options, float *out, recap_error *error);
int model_classify_ids(recap_context *context, const recap_model *model, struct sequence *sequences,
                       size_t n, float *out, recap_error *error);
/* The last hidden states of one sequence, out [n, hidden]. */
int model_hidden_ids(recap_context *context, const recap_model *model, const int32_t *ids, size_t n,
                     float *out, recap_error *error);

#endif
