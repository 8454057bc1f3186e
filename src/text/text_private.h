/* What the files of text share. */
#ifndef TEXT_PRIVATE_H
#define TEXT_PRIVATE_H

#include "text.h"

/* White space and control characters, line ends left out. */
bool text_is_blank(uint32_t c);
/* LF, VT, FF, CR, U+0085, U+2028, U+2029. */
bool text_is_line_end(uint32_t c);
/* U+3040-30FF, U+4E00-9FAF: the ranges of the language rule. */
bool text_is_japanese(uint32_t c);
bool text_is_hiragana(uint32_t c);
bool text_is_letter(uint32_t c); /* category L* */
bool text_is_upper(uint32_t c);
bool text_is_lower(uint32_t c);
bool text_is_ascii_alphanumeric(uint32_t c);

/* The code point that ends at byte `end` (> 0) of data, and where it begins. */
uint32_t text_before(const char *data, size_t end, size_t *begin);

bool text_starts_with(struct view text, const char *prefix);
/* Is `word` one of `sorted`, which strcmp orders? */
bool text_in_list(struct view word, const char *const *sorted, size_t n);

/* Bytes of the list marker that `line` begins with ('・', '1)', '(a)', '- '), blanks after it
 * included; 0: none. */
size_t text_list_marker(struct view line);

#endif
