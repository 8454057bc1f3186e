/* Tokenizers of Hugging Face model directories: text in, vocabulary ids out.
 *
 * Read from tokenizer.json (Unigram, WordPiece, byte-level BPE), else from vocab.txt (BERT, and
 * BertJapanese with MeCab). Ids equal those of the `tokenizers` and `transformers` packages, but
 * for one rule: what an article says never becomes a special token, unless reference_special asks
 * for the reference's habit. A tokenizer is read-only once opened: any number of threads may share
 * it. Time is linear in the length of the text. */
#ifndef RECAP_TOKENIZER_H
#define RECAP_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recap/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct recap_tokenizer recap_tokenizer;

typedef struct recap_tokenize_options {
    size_t max_length;      /* ids a text may have, special ones included; 0: no limit. What is over
                             * is cut from the end of the text, the special ids stay. */
    bool no_special;        /* leave out the special ids that the model puts around a text */
    bool reference_special; /* special tokens written in the text count as special */
} recap_tokenize_options;

typedef struct recap_tokens {
    int32_t *ids; /* [n] */
    size_t n;
    size_t capacity;
    bool truncated;
} recap_tokens;

/* Opens the tokenizer of model directory `directory`. RECAP_ERROR_MODEL names what is missing or
 * not supported. recap_close_tokenizer accepts NULL. */
RECAP_API int recap_open_tokenizer(const char *directory, recap_tokenizer **out,
                                   recap_error *error);
RECAP_API void recap_close_tokenizer(recap_tokenizer *tokenizer);

/* Fills `out`, which is zero-initialised before the first use, may be used again for the next text,
 * and is ended with recap_free_tokens. `text` is n bytes of UTF-8 (invalid bytes are taken as
 * U+FFFD). `options` NULL: no limit, special ids on. */
RECAP_API int recap_tokenize(const recap_tokenizer *tokenizer, const char *text, size_t n,
                             const recap_tokenize_options *options, recap_tokens *out,
                             recap_error *error);
RECAP_API void recap_free_tokens(recap_tokens *tokens);

/* The token of an id, or NULL if there is none; lives as long as the tokenizer. */
RECAP_API const char *recap_token_text(const recap_tokenizer *tokenizer, int32_t id);

/* One more than the largest id that the tokenizer can give. */
RECAP_API size_t recap_tokenizer_size(const recap_tokenizer *tokenizer);

/* "unigram", "wordpiece", "bpe" or "bert-japanese". */
RECAP_API const char *recap_tokenizer_kind(const recap_tokenizer *tokenizer);

#ifdef __cplusplus
}
#endif
#endif
