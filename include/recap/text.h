/* Text before the models: language and sentences, Japanese and English. */
#ifndef RECAP_TEXT_H
#define RECAP_TEXT_H

#include <stddef.h>

#include "recap/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum recap_language {
    RECAP_LANGUAGE_UNDECIDED = 0,
    RECAP_LANGUAGE_JAPANESE,
    RECAP_LANGUAGE_ENGLISH,
} recap_language;

/* By the shares of Japanese (U+3040-30FF, U+4E00-9FAF) and ASCII letters among alphanumeric and
 * Japanese characters; a text of fewer than 50 characters is undecided. See docs/guide. */
RECAP_API recap_language recap_detect_language(const char *text, size_t n);
/* "ja", "en" or "und". */
RECAP_API const char *recap_language_code(recap_language language);

/* The sentences of a paragraph, normalised (NFKC, URLs and addresses replaced, white space
 * collapsed); one NUL-terminated string each, in one allocation that the caller frees with free().
 * Joined, they give the normalised paragraph back, white space aside. */
typedef struct recap_sentence_list {
    char **items; /* [n], and the strings behind them: one block, free(items) */
    size_t n;
} recap_sentence_list;
RECAP_API int recap_split_sentences(const char *text, size_t n, recap_sentence_list *out,
                                    recap_error *error);

#ifdef __cplusplus
}
#endif
#endif
