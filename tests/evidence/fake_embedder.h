/* A deterministic embedder for tests: the sum of one random direction a word, where a word is a run
 * of ASCII letters and digits or a pair of neighbouring characters of another script. Texts that
 * share words are alike; equal texts are equal. */
#ifndef FAKE_EMBEDDER_H
#define FAKE_EMBEDDER_H

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "recap/evidence.h"

enum { FAKE_DIMENSIONS = 48 };

static inline bool fake_is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static inline void fake_add(float *out, const char *word, size_t n)
{
    uint64_t stream = hash_bytes(word, n).low;
    for (size_t j = 0; j < FAKE_DIMENSIONS; j++)
        out[j] += (float)(random_unit(7, stream, j) + random_unit(8, stream, j) - 1);
}

static inline void fake_embed_one(const char *text, size_t n, float *out)
{
    for (size_t j = 0; j < FAKE_DIMENSIONS; j++) out[j] = j ? 0 : 1e-3F;
    for (size_t i = 0; i < n;) {
        size_t begin = i;
        while (i < n && fake_is_word(text[i])) i++;
        if (i > begin) {
            fake_add(out, text + begin, i - begin);
            continue;
        }
        bool other = (uint8_t)text[i] >= 0x80;
        utf8_next(text, n, &i);
        size_t end = i;
        if (!other || i >= n || (uint8_t)text[i] < 0x80) continue;
        utf8_next(text, n, &end);
        fake_add(out, text + begin, end - begin);
    }
    double length = 0;
    for (size_t j = 0; j < FAKE_DIMENSIONS; j++) length += (double)out[j] * (double)out[j];
    for (size_t j = 0; j < FAKE_DIMENSIONS; j++) out[j] = (float)((double)out[j] / sqrt(length));
}

static inline int fake_embed(void *data, recap_context *context, const recap_text *texts, size_t n,
                             float *out, recap_error *error)
{
    size_t *n_calls = data;
    if (n_calls) ++*n_calls;
    for (size_t i = 0; i < n; i++)
        fake_embed_one(texts[i].data, texts[i].n, out + i * FAKE_DIMENSIONS);
    return RECAP_OK;
}

#endif
