/* What the tokenizer's files share.
 *
 *   text -> added tokens cut out -> normalizer -> pre-tokenizer -> model -> post-processor -> ids
 *
 *   trie.c           double array: longest and common prefixes
 *   vocabulary.c     token <-> id
 *   char_class.c     classes of code points, normal forms
 *   normalizer.c     steps that rewrite a segment; charsmap.c is the largest of them
 *   pretokenizer.c   steps that cut a segment into pieces; pattern.c has those by pattern
 *   unigram.c, wordpiece.c, bpe.c   a piece to ids
 *   added_tokens.c   tokens matched in the text itself
 *   tokenizer_json.c, tokenizer_vocab.c   the two kinds of directory
 *   bert_japanese.c  words by MeCab as a pre-tokenizer step
 *   tokenizer_work.c the working memory of calls
 *   tokenizer.c      the order of the stages, and the public functions */
#ifndef TOKENIZER_PRIVATE_H
#define TOKENIZER_PRIVATE_H

#include <pthread.h>

#include "base/json.h"
#include "recap/tokenizer.h"
#include "text/text.h"

enum {
    max_tokens = 1 << 22,   /* ids are below this: bounds what a file can make us allocate */
    special_flag = 1 << 30, /* on a trie's value: the id of a special token */
    max_steps = 64,         /* normalizer or pre-tokenizer steps of one file */
};

/* ---- trie.c ---- */

/* Node s has a child by byte c where units[units[s].base ^ c].parent == s. The root is 0. The
 * array is a multiple of 256 long, so that the step needs no bound. */
struct trie_unit {
    int32_t base, parent;
    int32_t value; /* of the key that ends here, or -1 */
};
struct trie {
    struct trie_unit *units;
    size_t n;
};
struct trie_key {
    const char *data;
    size_t n;
    int32_t value;
};
/* Sorts `keys`; of equal keys the one with the largest value is taken; empty ones are left out. */
int trie_build(struct trie *trie, struct trie_key *keys, size_t n, recap_error *error);
void trie_free(struct trie *trie);
/* The node and value of a whole key, or -1. */
int32_t trie_node(const struct trie *trie, const char *data, size_t n);
int32_t trie_find(const struct trie *trie, const char *data, size_t n);

static inline int32_t trie_step(const struct trie *trie, int32_t node, unsigned char c)
{
    int32_t next = trie->units[node].base ^ c;
    return trie->units[next].parent == node ? next : -1;
}

/* ---- vocabulary.c ---- */

struct vocabulary {
    struct arena arena;
    struct view *texts; /* [n], by id; data is NULL where no token has the id */
    size_t n, capacity;
    struct trie trie; /* token -> id, with special_flag */
};
/* Tokens first, then finish, then look-ups. `where` begins the message. */
int vocabulary_put(struct vocabulary *vocabulary, const char *where, int64_t id, const char *text,
                   size_t n, recap_error *error);
int vocabulary_finish(struct vocabulary *vocabulary, recap_error *error);
/* From a JSON object token -> id. */
int vocabulary_read(struct vocabulary *vocabulary, const char *where, const json_t *object,
                    recap_error *error);
void vocabulary_mark_special(struct vocabulary *vocabulary, int32_t id);
void vocabulary_free(struct vocabulary *vocabulary);
int32_t vocabulary_find(const struct vocabulary *vocabulary, const char *text,
                        size_t n); /* or -1 */

/* The id of a trie's value for text of an article: -1 where special ids are not to be given. */
static inline int32_t id_of_value(int32_t value, bool allow_special)
{
    if (value < 0 || (!allow_special && (value & special_flag))) return -1;
    return value & ~special_flag;
}

/* ---- char_class.c: as the reference's tables have them, which are of different ages ---- */

bool char_is_space(uint32_t c);
bool char_is_punctuation(uint32_t c);
bool char_is_control(uint32_t c); /* what BertNormalizer leaves out */
bool char_is_cjk(uint32_t c);     /* what BertNormalizer puts spaces around */
bool char_is_nonspacing(uint32_t c);
bool char_is_mark(uint32_t c);
bool char_is_word(uint32_t c);   /* \w */
bool char_is_number(uint32_t c); /* \p{N} */
bool char_is_letter(uint32_t c); /* \p{L} */
void buf_add_lower(struct buf *buf, uint32_t c);

/* Decodes as utf8_next; a byte that is not UTF-8 counts as U+FFFD. */
static inline uint32_t next_char(const char *data, size_t n, size_t *i)
{
    unsigned char first = (unsigned char)data[*i];
    if (first < 0x80) {
        *i += 1;
        return first;
    }
    uint32_t c = utf8_next(data, n, i);
    return c == UINT32_MAX ? 0xFFFD : c;
}

/* ---- tokenizer_work.c: a call's working memory ---- */

struct piece {
    size_t begin, end;
};
struct pieces {
    struct piece *items;
    size_t n, capacity;
};
struct unigram_node {
    double score;
    int32_t id, start; /* start -1: not reached */
};
struct bpe_symbol {
    int32_t id, previous, next; /* id -1: merged into its left neighbour */
};
struct bpe_merge_todo {
    int32_t rank, at, id;
};
struct tokenizer_work {
    struct buf clean;       /* the text with U+FFFD for what is not UTF-8 */
    struct buf text, other; /* a segment, and what a step makes of it */
    struct pieces pieces, more;
    struct buf normalized;    /* a segment in which added tokens are still to be found */
    bool first_segment;       /* the segment begins where the text begins */
    bool as_reference;        /* reference_special was asked for */
    int32_t *points, *sorted; /* code points */
    size_t points_capacity, sorted_capacity;
    struct unigram_node *nodes;
    size_t nodes_capacity;
    struct bpe_symbol *symbols;
    size_t symbols_capacity;
    struct bpe_merge_todo *heap;
    size_t heap_n, heap_capacity;
    struct buf spelled; /* a character with prefix and suffix */
    void *match_data;   /* pcre2_match_data */
};
struct work_shelf;
struct work_shelf *work_shelf_open(void); /* NULL on failure */
void work_shelf_close(struct work_shelf *shelf);
struct tokenizer_work *work_lend(struct work_shelf *shelf); /* NULL on failure */
void work_take_back(struct work_shelf *shelf, struct tokenizer_work *work);
int pieces_add(struct pieces *pieces, size_t begin, size_t end, recap_error *error);
static inline void work_swap_text(struct tokenizer_work *work)
{
    struct buf kept = work->text;
    work->text = work->other;
    work->other = kept;
}
int tokens_add(struct recap_tokens *tokens, int32_t id, recap_error *error);

enum { FORM_DECOMPOSE = 0, FORM_COMPOSE = 1, FORM_COMPATIBLE = 2, FORM_CURRENT = 4 };
/* work->text in a Unicode normal form. FORM_CURRENT: with all of today's mappings, as Python's
 * unicodedata has them; without it, those that the reference's older table lacks are left out. */
int normal_form(struct tokenizer_work *work, int form, recap_error *error);

/* ---- patterns (pattern.c; PCRE2 is called there only) ---- */

struct pattern {
    void *code; /* pcre2_code, or NULL: the literal string */
    char *literal;
    size_t n;
};
/* From {"String": ...} or {"Regex": ...}. */
int pattern_read(struct pattern *pattern, const char *where, const json_t *object,
                 recap_error *error);
void pattern_free(struct pattern *pattern);
void pattern_free_match(void *match_data); /* of the working memory */
/* A walk over the matches in `text`; zero but for the text at first. */
struct pattern_walk {
    struct view text;
    size_t from, last_end;
    bool any;
    bool found; /* the result: is there one more */
    struct piece match;
};
int pattern_next(const struct pattern *pattern, struct tokenizer_work *work,
                 struct pattern_walk *walk, recap_error *error);

/* ---- charsmap.c ---- */

struct charsmap {
    uint32_t *units;
    size_t n_units;
    char *normalized; /* NUL-terminated strings */
    size_t n_normalized;
};
int charsmap_read(struct charsmap *map, const char *where, const char *base64, size_t n,
                  recap_error *error);
void charsmap_apply(const struct charsmap *map, struct view text, struct buf *out);
void charsmap_free(struct charsmap *map);

/* ---- normalizer.c ---- */

enum normalizer_kind {
    NORMALIZER_BERT,
    NORMALIZER_CHARSMAP,
    NORMALIZER_FORM,
    NORMALIZER_LOWERCASE,
    NORMALIZER_STRIP_ACCENTS,
    NORMALIZER_STRIP,
    NORMALIZER_REPLACE,
    NORMALIZER_PREPEND,
    NORMALIZER_NMT,
};
struct normalizer_step {
    enum normalizer_kind kind;
    bool clean_text, chinese_chars, strip_accents, lowercase; /* BERT */
    bool left, right;                                         /* STRIP */
    int form;                                                 /* FORM */
    struct charsmap charsmap;
    struct pattern pattern; /* REPLACE */
    char *content;          /* REPLACE, PREPEND */
};
struct normalizer {
    struct normalizer_step *steps;
    size_t n, capacity;
};
int normalizer_read(struct normalizer *normalizer, const char *where, const json_t *object,
                    recap_error *error);
/* A step to be filled in, all zero; NULL with the error set. */
struct normalizer_step *normalizer_add(struct normalizer *normalizer, enum normalizer_kind kind,
                                       recap_error *error);
/* Rewrites work->text. */
int normalizer_apply(const struct normalizer *normalizer, struct tokenizer_work *work,
                     recap_error *error);
void normalizer_free(struct normalizer *normalizer);

/* ---- bert_japanese.c ---- */

/* Segmenters of one dictionary; one is lent to each call at a time. */
struct mecab_words {
    pthread_mutex_t lock;
    char *dictionary;
    struct segmenter **idle; /* [n_idle] */
    size_t n_idle, capacity;
    bool lowercase;
};
int mecab_words_open(struct mecab_words **out, const char *where, const char *dictionary,
                     bool lowercase, recap_error *error);
int mecab_words_apply(struct mecab_words *words, struct tokenizer_work *work, recap_error *error);
void mecab_words_close(struct mecab_words *words);
int bert_japanese_read(recap_tokenizer *tokenizer, const char *where, const json_t *config,
                       recap_error *error);

/* ---- pretokenizer.c, pattern.c ---- */

enum split_behavior {
    SPLIT_REMOVED,
    SPLIT_ISOLATED,
    SPLIT_MERGED_WITH_PREVIOUS,
    SPLIT_MERGED_WITH_NEXT,
    SPLIT_CONTIGUOUS,
};
enum pretokenizer_kind {
    PRETOKENIZER_BERT,
    PRETOKENIZER_WHITESPACE,
    PRETOKENIZER_WHITESPACE_SPLIT,
    PRETOKENIZER_METASPACE,
    PRETOKENIZER_BYTE_LEVEL,
    PRETOKENIZER_PUNCTUATION,
    PRETOKENIZER_DIGITS,
    PRETOKENIZER_SPLIT,
    PRETOKENIZER_MECAB,
};
enum prepend_scheme { PREPEND_ALWAYS, PREPEND_FIRST, PREPEND_NEVER };
struct pretokenizer_step {
    enum pretokenizer_kind kind;
    char *replacement; /* METASPACE: one character */
    enum prepend_scheme prepend;
    bool split;                       /* METASPACE */
    bool add_prefix_space, use_regex; /* BYTE_LEVEL */
    enum split_behavior behavior;     /* PUNCTUATION, SPLIT, DIGITS */
    bool invert;                      /* SPLIT */
    struct pattern pattern;           /* SPLIT */
    struct mecab_words *words;        /* MECAB */
};
struct pretokenizer {
    struct pretokenizer_step *steps;
    size_t n, capacity;
};
int pretokenizer_read(struct pretokenizer *pretokenizer, const char *where, const json_t *object,
                      recap_error *error);
struct pretokenizer_step *pretokenizer_add(struct pretokenizer *pretokenizer,
                                           enum pretokenizer_kind kind, recap_error *error);
/* Cuts work->text into work->pieces; steps may rewrite both. */
int pretokenizer_apply(const struct pretokenizer *pretokenizer, struct tokenizer_work *work,
                       recap_error *error);
void pretokenizer_free(struct pretokenizer *pretokenizer);

/* Matches and the gaps between them, one after the other, become work->more by `behavior`. */
struct splitter {
    struct tokenizer_work *work;
    enum split_behavior behavior;
    bool any, last_match; /* of the spans so far in this piece */
    struct piece open;    /* not yet given out */
};
int splitter_span(struct splitter *splitter, size_t begin, size_t end, bool match,
                  recap_error *error);
int splitter_end(struct splitter *splitter, recap_error *error);
int split_read(struct pretokenizer_step *step, const char *where, const json_t *object,
               recap_error *error);
int split_behavior_read(enum split_behavior *behavior, const char *where, const json_t *object,
                        enum split_behavior otherwise, recap_error *error);
int split_by_pattern(const struct pretokenizer_step *step, struct tokenizer_work *work,
                     struct piece piece, recap_error *error);

/* ---- models: a piece of text to ids ---- */

struct unigram {
    double *scores; /* [vocabulary.n] */
    double unknown_score;
    int32_t unknown; /* or -1 */
    bool byte_fallback;
    int32_t bytes[256]; /* ids of <0x00>..<0xFF>, or -1 */
};
struct wordpiece {
    int32_t unknown;
    char *prefix;          /* "##" */
    int32_t continuing;    /* node of the prefix in the trie, or -1 */
    size_t max_characters; /* of a word */
    bool characters;       /* no pieces: each character for itself */
};
struct bpe_merge {
    uint64_t pair; /* left << 32 | right; UINT64_MAX: free */
    int32_t rank, id;
};
struct bpe {
    struct bpe_merge *merges; /* hash table, n_slots a power of two */
    size_t n_slots;
    int32_t unknown; /* or -1: what is unknown is left out */
    char *prefix, *suffix;
    bool fuse_unknown, byte_fallback, ignore_merges;
    int32_t bytes[256];
};
enum model_kind { MODEL_UNIGRAM, MODEL_WORDPIECE, MODEL_BPE };

/* ---- added_tokens.c ---- */

struct added_token {
    struct view content; /* in the tokenizer's vocabulary */
    int32_t id;
    bool single_word, lstrip, rstrip, normalized, special;
};
struct added_tokens {
    struct added_token *tokens;
    size_t n, capacity;
    struct arena arena;
    struct trie tries[2]; /* plain and normalized; values: indices of tokens */
    bool begins[2][256];  /* by first byte, plain and normalized: can a token begin so? */
};
int added_tokens_read(recap_tokenizer *tokenizer, const char *where, const json_t *array,
                      recap_error *error);
int added_tokens_put(recap_tokenizer *tokenizer, const char *where, struct added_token token,
                     recap_error *error);
/* After the normalizer and all tokens are there. */
int added_tokens_finish(recap_tokenizer *tokenizer, recap_error *error);
void added_tokens_free(struct added_tokens *added);
/* A walk over the added tokens in `text`; zero but for the first three at first. */
struct added_walk {
    struct view text;
    bool normalized; /* those that are looked for after the normalizer, or those before */
    bool special;    /* special tokens count */
    size_t from, done;
    struct piece match; /* with the white space that the token takes */
    int32_t id;
};
bool added_tokens_next(const struct added_tokens *added, struct added_walk *walk);

/* ---- the whole ---- */

struct recap_tokenizer {
    const char *kind;
    struct work_shelf *shelf;
    struct vocabulary vocabulary;
    struct added_tokens added;
    struct normalizer normalizer;
    struct pretokenizer pretokenizer;
    enum model_kind model;
    struct unigram unigram;
    struct wordpiece wordpiece;
    struct bpe bpe;
    int32_t *before, *after; /* special ids around a text */
    size_t n_before, n_after;
};

int unigram_read(recap_tokenizer *tokenizer, const char *where, const json_t *model,
                 recap_error *error);
int unigram_apply(const recap_tokenizer *tokenizer, struct tokenizer_work *work, struct view piece,
                  bool special, recap_tokens *out, recap_error *error);
int wordpiece_read(recap_tokenizer *tokenizer, const char *where, const json_t *model,
                   recap_error *error);
int wordpiece_set(recap_tokenizer *tokenizer, const char *where, const char *unknown,
                  const char *prefix, recap_error *error);
int wordpiece_apply(const recap_tokenizer *tokenizer, struct view piece, bool special,
                    recap_tokens *out, recap_error *error);
int bpe_read(recap_tokenizer *tokenizer, const char *where, const json_t *model,
             recap_error *error);
int bpe_apply(const recap_tokenizer *tokenizer, struct tokenizer_work *work, struct view piece,
              bool special, recap_tokens *out, recap_error *error);
void byte_tokens(const struct vocabulary *vocabulary, int32_t bytes[256]);

int tokenizer_json_read(recap_tokenizer *tokenizer, const char *path, recap_error *error);
int tokenizer_vocab_read(recap_tokenizer *tokenizer, const char *path, const char *class,
                         const json_t *config, recap_error *error);

/* ---- reading JSON: the same as json_get_*, but what is wrong is the model's fault ---- */

int model_get_bool(const char *where, const json_t *object, const char *name, bool otherwise,
                   bool *out, recap_error *error);
int model_get_int(const char *where, const json_t *object, const char *name, int64_t otherwise,
                  int64_t *out, recap_error *error);
int model_get_string(const char *where, const json_t *object, const char *name,
                     const char *otherwise, const char **out, recap_error *error);
/* Gives `read` the part's object with its type or, of a "Sequence", each that is in its `list`;
 * absent or null: nothing. `part` is the name in messages. */
typedef int (*part_fn)(void *target, const char *where, const json_t *object, const char *type,
                       recap_error *error);
int model_read_part(const char *where, const json_t *object, const char *part, const char *list,
                    part_fn read, void *target, recap_error *error);
/* RECAP_ERROR_INPUT becomes RECAP_ERROR_MODEL. */
int model_status(int status, recap_error *error);

#endif
