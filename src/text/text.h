/* The door of text: bytes to UTF-8, HTML to text, normalising, sentences, words. */
#ifndef TEXT_H
#define TEXT_H

#include "base/base.h"
#include "recap/text.h"

/* ---- decoding (uchardet, iconv) ---- */

/* Appends `data` as UTF-8, without a byte-order mark. `declared` is the charset that a header or
 * document named, or NULL. A mark wins, then valid UTF-8, then `declared`, then detection; see the
 * head of decode.c. RECAP_ERROR_INPUT names the charset and the offset of what can't be decoded. */
int text_decode(const char *data, size_t n, const char *declared, struct buf *out,
                recap_error *error);

/* ---- HTML (libxml2) ---- */

/* An article's main text, paragraphs separated by '\n': no boilerplate, scripts, tables, ruby
 * readings. Appends nothing where nothing is found. `charset` may be NULL. */
int text_extract_html(const char *html, size_t n, const char *charset, struct buf *title,
                      struct buf *text, recap_error *error);
/* One written rule for titles and bodies that carry entities or tags as text; see the head of
 * unescape.c. 'AT&T' stays; a second pass changes nothing. Appends. */
void text_unescape(struct view text, struct buf *out);

/* ---- normalising and sentences ---- */

/* NFKC, URLs -> <URL>, e-mail -> <EMAIL>, repeated 。！？!? -> one, white space collapsed but for
 * line ends, which become '\n'; a line that is only a list marker is joined to the next. Appends;
 * a second pass changes nothing. RECAP_ERROR_INPUT gives the offset of what is not UTF-8. */
int text_normalize(struct view text, struct buf *out, recap_error *error);
/* Views into `normalized`, in order, trimmed; the array is allocated in the arena. */
int text_split(struct view normalized, struct arena *arena, struct view **sentences, size_t *n,
               recap_error *error);
/* Source code, a table row, a stack trace: never a representative. */
bool text_is_code(struct view sentence);

/* ---- words ---- */

/* MeCab over one dictionary; not shared between threads. `dictionary` is a directory, or NULL for
 * the default: RECAP_MECAB_DICTIONARY, then XDG_DATA_HOME/recap/dictionaries/ipadic, then the
 * system's. RECAP_ERROR_CONFIG names the path that is missing or incomplete. */
struct segmenter;
int segmenter_open(const char *dictionary, struct segmenter **out, recap_error *error);
void segmenter_close(struct segmenter *segmenter);
struct word {
    struct view surface;  /* into the text given */
    struct view features; /* the dictionary's line, valid until the next call */
    bool noun;            /* a common noun or name with a meaning of its own: what topics are of */
    bool content;         /* that, or an independent verb or adjective (as inflected here) */
    bool known;           /* in the dictionary */
};
/* Words of `text` in order, valid until the next call. Text of any length, in linear time. */
int segmenter_split(struct segmenter *segmenter, struct view text, const struct word **words,
                    size_t *n, recap_error *error);

/* Lower-cased word in one of the built-in lists. */
bool text_is_stop_word(struct view word, recap_language language);

#endif
