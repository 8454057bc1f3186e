/* What only the files of evidence share: characters, and the terms of a text, for topics.c (both of
 * terms.c). */
#ifndef EVIDENCE_PRIVATE_H
#define EVIDENCE_PRIVATE_H

#include "evidence.h"

bool evidence_is_kanji(uint32_t c);
/* The end of the run of characters from `begin` on that belong. */
size_t evidence_run_end(struct view text, size_t begin, bool (*belongs)(uint32_t));

/* Strings to numbers, in order of first appearance. Zero-initialise; term_table_free. */
struct term_table {
    struct arena strings;
    const char **terms; /* [n] */
    uint8_t *n_words;   /* [n]: 1 or 2 */
    int32_t *parts; /* [n, 2]: the two words' own numbers, or -1 where a word alone is no term */
    size_t n, capacity, words_capacity, parts_capacity;
    int32_t *slots; /* [n_slots], a power of two; -1: free */
    size_t n_slots;
};
/* The number of a term; RECAP_ERROR_MEMORY or 0. */
int term_table_add(struct term_table *table, struct view term, const int32_t parts[2], int n_words,
                   int32_t *out);
void term_table_free(struct term_table *table);

/* The terms of one text, in order, repeats too. Zero-initialise; free ids. */
struct term_list {
    int32_t *ids; /* [n] */
    size_t n, capacity;
};
/* The segmenter may be NULL where the text has no Japanese in it. */
int terms_of_text(struct view text, struct segmenter *segmenter, struct term_table *table,
                  struct term_list *out, recap_error *error);
bool terms_need_segmenter(struct view text);

#endif
