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

/* ---- sentences ---- */

/* The marks after which a sentence may end, with the closers among and after them. */
struct ending {
    size_t begin;   /* of the sentence */
    size_t mark;    /* byte of the first mark */
    size_t end;     /* byte after the last mark or closer */
    size_t dots;    /* of the last run of stops */
    bool full_stop; /* 。 is among them */
    bool exclaims;  /* ! or ? is */
    bool quoted;    /* a quote closes after them */
    bool bracketed; /* they stand at the end of a bracket, */
    bool inside;    /* which does not begin the sentence */
};

/* One of . ! ? 。 or their full- and half-width forms. */
bool sentence_mark(uint32_t c);
/* +k: opens pair k - 1, -k: closes it, 0: no bracket. k <= sentence_brackets. */
int sentence_bracket(uint32_t c);
enum { sentence_brackets = 13, sentence_word_bytes = 32 };

/* Takes marks and closers of `line` from byte i on into e. *odd: an uneven number of '"' stands
 * before; kept up to date. */
void sentence_take_marks(struct view line, size_t i, bool *odd, struct ending *e);
/* Takes the marks at the end of the bracket with these bytes open and close; false: none. */
bool sentence_marks_in_bracket(struct view line, size_t open, size_t close, struct ending *e);
/* Does the sentence end after e? May move e->end past a remark or footnote. */
bool sentence_ends(struct view line, struct ending *e);

enum sentence_words {
    WORDS_ALWAYS_OPEN,
    WORDS_NUMBERED,
    WORDS_PERHAPS_OPEN,
    WORDS_OPENERS,
    WORDS_NOT_INITIALS,
    WORDS_SAID_WORDS,
    WORDS_AFTER_HOURS,
    WORDS_LOWER_NAMES,
};
bool sentence_word_in(enum sentence_words list, struct view word);

#endif
