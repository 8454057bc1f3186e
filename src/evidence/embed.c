/* Stage 2: the sentences' vectors, through the caller's function; each is checked to be finite and
 * not zero, and scaled to length 1. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compute/compute.h"
#include "evidence.h"

/* `normalize` can't tell which of the two it met; the message should. */
static int bad_vector(const float *row, size_t d, const recap_article *articles,
                      const recap_sentence *sentence, size_t index, recap_error *error)
{
    const char *what = "is zero";
    for (size_t i = 0; i < d; i++) {
        if (!isfinite(row[i])) what = "is not finite";
    }
    const char *id = articles[sentence->article].id;
    return fail(error, RECAP_ERROR_MODEL,
                "embedding: the vector of sentence %zu of article \"%.100s\" %s: \"%.80s\"", index,
                id ? id : "", what, sentence->text);
}

int evidence_embed(recap_context *context, const recap_embedder *embedder,
                   const recap_article *articles, const recap_sentence *sentences, size_t n,
                   float *out, recap_error *error)
{
    recap_text *texts = new_array(n, sizeof(*texts));
    if (!texts) return fail_memory(error, n * sizeof(*texts));
    for (size_t i = 0; i < n; i++)
        texts[i] = (recap_text){sentences[i].text, strlen(sentences[i].text)};
    int status = n ? embedder->embed(embedder->data, context, texts, n, out, error) : RECAP_OK;
    free(texts);
    if (status) {
        fail_prefix(error, "embedding");
        return status;
    }

    size_t bad = 0, d = embedder->dimensions;
    if (!compute_normalize(out, n, d, &bad))
        return bad_vector(out + bad * d, d, articles, &sentences[bad], bad, error);
    return RECAP_OK;
}
