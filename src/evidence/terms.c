/* The terms of a text: words that may stand for a topic, and pairs of neighbours.
 *
 *   runs      the text is cut by script: Japanese, other letters and digits, the rest
 *   words     Japanese runs by the segmenter, nouns only, each with the suffixes behind it
 *             (感染 + 者); others as they stand, lower-cased
 *   pairs     two words with nothing between them (Japanese: joined) or one blank or hyphen
 *
 * No term: digits, or digits with letters; at most two Latin letters but for the few that mean
 * something; stop words; one character alone; short words of hiragana, which are grammar. In a pair
 * one Japanese word may be a single kanji. "US" is a word where it is written in capitals; "us" is
 * a pronoun. <URL> and <EMAIL> are not words. */
#include <stdlib.h>
#include <string.h>

#include "evidence_private.h"

enum {
    MAX_WORD = 40,        /* characters: what is longer is no word */
    MAX_ABBREVIATION = 16 /* bytes of "U.S." and the like */
};

/* ---- the table ---- */

static size_t find_slot(const struct term_table *table, struct view term)
{
    size_t mask = table->n_slots - 1;
    size_t slot = (size_t)hash_bytes(term.data, term.n).low & mask;
    while (table->slots[slot] >= 0 && !view_equal(view_of(table->terms[table->slots[slot]]), term))
        slot = (slot + 1) & mask;
    return slot;
}

static int grow_slots(struct term_table *table)
{
    if (table->n_slots > 2 * table->n) return RECAP_OK;
    size_t n = table->n_slots ? 2 * table->n_slots : 1024;
    int32_t *slots = new_array(n, sizeof(*slots));
    if (!slots) return RECAP_ERROR_MEMORY;
    memset(slots, 0xFF, n * sizeof(*slots));
    free(table->slots);
    table->slots = slots;
    table->n_slots = n;
    for (size_t i = 0; i < table->n; i++)
        slots[find_slot(table, view_of(table->terms[i]))] = (int32_t)i;
    return RECAP_OK;
}

int term_table_add(struct term_table *table, struct view term, const int32_t parts[2], int n_words,
                   int32_t *out)
{
    size_t n = table->n;
    if (n == INT32_MAX || grow_slots(table)) return RECAP_ERROR_MEMORY;
    size_t slot = find_slot(table, term);
    *out = table->slots[slot];
    if (*out >= 0) return RECAP_OK;
    if (grow_array(&table->terms, &table->capacity, n + 1, sizeof(*table->terms)) ||
        grow_array(&table->n_words, &table->words_capacity, n + 1, 1) ||
        grow_array(&table->parts, &table->parts_capacity, 2 * (n + 1), sizeof(int32_t)))
        return RECAP_ERROR_MEMORY;
    const char *copy = arena_copy(&table->strings, term.data, term.n);
    if (!copy) return RECAP_ERROR_MEMORY;
    table->terms[n] = copy;
    table->n_words[n] = (uint8_t)n_words;
    table->parts[2 * n] = parts[0];
    table->parts[2 * n + 1] = parts[1];
    table->slots[slot] = *out = (int32_t)n;
    table->n++;
    return RECAP_OK;
}

void term_table_free(struct term_table *table)
{
    arena_free(&table->strings);
    free(table->terms);
    free(table->n_words);
    free(table->parts);
    free(table->slots);
    *table = (struct term_table){0};
}

/* ---- characters, after NFKC ---- */

static bool is_hiragana(uint32_t c)
{
    return c >= 0x3041 && c <= 0x309F;
}

bool evidence_is_kanji(uint32_t c)
{
    return (c >= 0x3400 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) || c == 0x3005 ||
           (c >= 0x20000 && c <= 0x3FFFF);
}

static bool is_japanese(uint32_t c)
{
    return is_hiragana(c) || (c >= 0x30A1 && c <= 0x30FF && c != 0x30FB) || evidence_is_kanji(c);
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_ascii_letter(char c)
{
    return ((uint8_t)c | 32) >= 'a' && ((uint8_t)c | 32) <= 'z';
}

static bool is_latin(uint32_t c)
{
    return ((c | 32) >= 'a' && (c | 32) <= 'z') ||
           (c >= 0xC0 && c <= 0x24F && c != 0xD7 && c != 0xF7) || (c >= 0x1E00 && c <= 0x1EFF);
}

/* Letters of the scripts that are written with blanks between words, marks included. */
static bool is_letter(uint32_t c)
{
    return is_latin(c) || (c >= 0x300 && c <= 0x37D) || (c >= 0x386 && c <= 0x589 && c != 0x387) ||
           (c >= 0x591 && c <= 0x1FFF && !(c >= 0x60C && c <= 0x61F) &&
            !(c >= 0x660 && c <= 0x66D) && c != 0x6D4 && !(c >= 0x964 && c <= 0x96F) &&
            c != 0xE3F) ||
           (c >= 0xAC00 && c <= 0xD7A3);
}

static uint32_t lower(uint32_t c)
{
    if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
    if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3A9) ||
        (c >= 0x410 && c <= 0x42F))
        return c + 32;
    if (c >= 0x400 && c <= 0x40F) return c + 80;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return c + (c & 1);
    if ((c >= 0x100 && c <= 0x137 && c != 0x130) || (c >= 0x14A && c <= 0x177) ||
        (c >= 0x460 && c <= 0x481) || (c >= 0x48A && c <= 0x4BF) || (c >= 0x4D0 && c <= 0x52F) ||
        (c >= 0x1E00 && c <= 0x1E95) || (c >= 0x1EA0 && c <= 0x1EFF))
        return c | 1;
    return c;
}

/* ---- words ---- */

struct spoken {
    struct view text;   /* lower-cased where it has case */
    bool alone, paired; /* may be a term by itself; may be part of a pair */
    bool joined;        /* Japanese: pairs without a blank */
};

struct speaker {
    struct segmenter *segmenter;
    struct term_table *table;
    struct term_list *out;
    /* The word before, where it may be paired. */
    struct buf previous;
    bool has_previous, previous_joined;
    int32_t previous_id; /* -1: no term alone */
    struct buf lowered, scratch;
    recap_error *error;
};

static int emit(struct speaker *speaker, struct view term, const int32_t parts[2], int n_words,
                int32_t *id)
{
    struct term_list *out = speaker->out;
    if (term_table_add(speaker->table, term, parts, n_words, id) ||
        grow_array(&out->ids, &out->capacity, out->n + 1, sizeof(*out->ids)))
        return fail_memory(speaker->error, term.n + sizeof(*out->ids));
    out->ids[out->n++] = *id;
    return RECAP_OK;
}

/* The pair of the word before and this one; not of two single kanji, which are rarely a word. */
static int emit_pair(struct speaker *speaker, const struct spoken *word, int32_t id)
{
    struct buf *buf = &speaker->scratch;
    bool joined = word->joined && speaker->previous_joined;
    buf_clear(buf);
    buf_add(buf, speaker->previous.data, speaker->previous.n);
    if (!joined) buf_add_byte(buf, ' ');
    buf_add(buf, word->text.data, word->text.n);
    if (buf->failed) return fail_memory(speaker->error, buf->n + word->text.n);
    if (joined && utf8_count(buf->data, buf->n) < 3) return RECAP_OK;
    int32_t pair, parts[2] = {speaker->previous_id, id};
    return emit(speaker, (struct view){buf->data, buf->n}, parts, 2, &pair);
}

static void pause_speech(struct speaker *speaker)
{
    speaker->has_previous = false;
}

static int speak(struct speaker *speaker, const struct spoken *word)
{
    static const int32_t no_parts[2] = {-1, -1};
    int32_t id = -1;
    int status = RECAP_OK;
    if (word->alone) status = emit(speaker, word->text, no_parts, 1, &id);
    if (!status && word->paired && speaker->has_previous) status = emit_pair(speaker, word, id);
    speaker->has_previous = word->paired;
    speaker->previous_joined = word->joined;
    speaker->previous_id = id;
    buf_clear(&speaker->previous);
    buf_add(&speaker->previous, word->text.data, word->text.n);
    if (!status && speaker->previous.failed) status = fail_memory(speaker->error, word->text.n);
    return status;
}

/* ---- Japanese ---- */

struct shape {
    size_t n;
    bool kanji, hiragana_only;
};

static struct shape shape_of(struct view text)
{
    struct shape shape = {.hiragana_only = true};
    for (size_t i = 0; i < text.n; shape.n++) {
        uint32_t c = utf8_next(text.data, text.n, &i);
        if (evidence_is_kanji(c)) shape.kanji = true;
        if (!is_hiragana(c)) shape.hiragana_only = false;
    }
    return shape;
}

static bool starts_with(struct view text, const char *prefix)
{
    size_t n = strlen(prefix);
    return text.n >= n && !memcmp(text.data, prefix, n);
}

/* A suffix that makes a noun of a noun: 者, 市, 委; not 的, nor the ways to address people. */
static bool is_suffix(const struct word *word)
{
    static const char *const others[] = {"的", "氏", "様", "君", "達"};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        if (view_equal(word->surface, view_of(others[i]))) return false;
    }
    return starts_with(word->features, "名詞,接尾,") && shape_of(word->surface).kanji;
}

/* The noun words[begin] with the suffixes behind it, words[begin + 1 .. end), as one. */
static struct spoken japanese_word(const struct word *words, size_t begin, size_t end)
{
    const struct word *noun = &words[begin];
    const char *after = words[end - 1].surface.data + words[end - 1].surface.n;
    struct view text = {noun->surface.data, (size_t)(after - noun->surface.data)};
    struct shape shape = shape_of(text);
    bool fit = noun->noun && !text_is_stop_word(text, RECAP_LANGUAGE_JAPANESE) &&
               !(shape.hiragana_only && shape.n < 3) && shape.n <= MAX_WORD;
    /* 昨年, 午後: nouns that say when, but seldom what. */
    if (end == begin + 1 && starts_with(noun->features, "名詞,副詞可能")) fit = false;
    return (struct spoken){
        .text = text,
        .alone = fit && shape.n > 1,
        .paired = fit && (shape.n > 1 || shape.kanji),
        .joined = true,
    };
}

/* The end of the suffixes behind words[i]. A single kanji within a compound takes none: 早 + 咲 +
 * 市 is no 咲市. */
static size_t suffixes_end(const struct word *words, size_t n, size_t i)
{
    size_t end = i + 1;
    if (!words[i].noun) return end;
    bool single = utf8_count(words[i].surface.data, words[i].surface.n) == 1;
    if (single && i > 0 && shape_of(words[i - 1].surface).kanji) return end;
    while (end < n && !words[end].noun && is_suffix(&words[end])) end++;
    return end;
}

/* `counted`: behind a number, so that the first word is what it counts (3 人, 2 例目). */
static int speak_japanese(struct speaker *speaker, struct view run, bool counted)
{
    const struct word *words;
    size_t n;
    int status = segmenter_split(speaker->segmenter, run, &words, &n, speaker->error);
    for (size_t i = 0, end; !status && i < n; i = end) {
        end = suffixes_end(words, n, i);
        struct spoken word = japanese_word(words, i, end);
        if (i == 0 && counted) word.alone = word.paired = false;
        status = speak(speaker, &word);
    }
    return status;
}

/* ---- other scripts ---- */

/* What a run of letters and digits is made of. */
struct spelling {
    size_t n, n_letters, n_digits, n_latin, n_capitals;
};

static struct spelling spelling_of(struct view run)
{
    struct spelling spelling = {0};
    for (size_t i = 0; i < run.n; spelling.n++) {
        uint32_t c = utf8_next(run.data, run.n, &i);
        spelling.n_letters += is_letter(c);
        spelling.n_digits += is_digit(c);
        spelling.n_latin += is_latin(c);
        spelling.n_capitals += c >= 'A' && c <= 'Z';
    }
    return spelling;
}

static bool is_short_term(struct view word, const struct spelling *spelling)
{
    static const char *const kept[] = {"ai", "vr", "uk", "us", "eu", "ux"};
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        if (!view_equal(word, view_of(kept[i]))) continue;
        return strcmp(kept[i], "us") != 0 || spelling->n_capitals == 2;
    }
    return false;
}

static bool is_term(struct view word, const struct spelling *spelling)
{
    if (spelling->n_digits || spelling->n < 2 || spelling->n > MAX_WORD) return false;
    if (spelling->n <= 2 && spelling->n_latin) return is_short_term(word, spelling);
    return !text_is_stop_word(word, RECAP_LANGUAGE_ENGLISH);
}

/* `contracted`: the beginning of "don't" or the like. */
static int speak_letters(struct speaker *speaker, struct view run, bool contracted)
{
    struct spelling spelling = spelling_of(run);
    struct buf *lowered = &speaker->lowered;
    buf_clear(lowered);
    for (size_t i = 0; i < run.n;) {
        uint32_t c = utf8_next(run.data, run.n, &i);
        if (c != '.') buf_add_code_point(lowered, lower(c));
    }
    if (lowered->failed) return fail_memory(speaker->error, run.n);
    spelling.n = utf8_count(lowered->data, lowered->n);
    struct view text = {lowered->data, lowered->n};
    bool term = !contracted && text.n && is_term(text, &spelling);
    struct spoken word = {.text = text, .alone = term, .paired = term};
    return speak(speaker, &word);
}

/* ---- runs ---- */

size_t evidence_run_end(struct view text, size_t begin, bool (*belongs)(uint32_t))
{
    size_t i = begin;
    while (i < text.n) {
        size_t next = i;
        if (!belongs(utf8_next(text.data, text.n, &next))) break;
        i = next;
    }
    return i;
}

static bool is_word_character(uint32_t c)
{
    return is_letter(c) || is_digit(c);
}

/* "U.S." and "U.N.": single letters, each with its stop. `begin` is at a letter. */
static size_t abbreviation_end(struct view text, size_t begin)
{
    size_t i = begin;
    while (i + 1 < text.n && i - begin <= MAX_ABBREVIATION && is_ascii_letter(text.data[i]) &&
           text.data[i + 1] == '.')
        i += 2;
    if (i - begin < 4 || i - begin > MAX_ABBREVIATION) return begin;
    return i < text.n && is_ascii_letter(text.data[i]) ? begin : i;
}

/* Skips "<URL>" and "<EMAIL>". */
static bool skip_placeholder(struct view text, size_t *i)
{
    static const char *const placeholders[] = {"<URL>", "<EMAIL>"};
    struct view rest = {text.data + *i, text.n - *i};
    for (size_t k = 0; k < COUNT_OF(placeholders); k++) {
        if (!starts_with(rest, placeholders[k])) continue;
        *i += strlen(placeholders[k]);
        return true;
    }
    return false;
}

/* Past the "s" of a genitive, or the rest of "don't", which are no words. */
static size_t genitive_end(struct view text, size_t i)
{
    bool quote = i < text.n && text.data[i] == '\'';
    bool curly = i + 3 <= text.n && !memcmp(text.data + i, "\u2019", 3);
    if (!quote && !curly) return i;
    size_t begin = i + (quote ? 1 : 3), end = evidence_run_end(text, begin, is_word_character);
    return end - begin <= 2 && end > begin ? end : i;
}

static int speak_run(struct speaker *speaker, struct view text, size_t *i)
{
    size_t begin = *i, next = *i;
    uint32_t c = utf8_next(text.data, text.n, &next);
    if (is_japanese(c)) {
        *i = evidence_run_end(text, begin, is_japanese);
        bool counted = begin && is_digit((uint8_t)text.data[begin - 1]);
        return speak_japanese(speaker, (struct view){text.data + begin, *i - begin}, counted);
    }
    size_t end = abbreviation_end(text, begin);
    if (end == begin) end = evidence_run_end(text, begin, is_word_character);
    *i = genitive_end(text, end);
    bool contracted = *i > end && text.data[*i - 1] != 's' && text.data[*i - 1] != 'S';
    return speak_letters(speaker, (struct view){text.data + begin, end - begin}, contracted);
}

int terms_of_text(struct view text, struct segmenter *segmenter, struct term_table *table,
                  struct term_list *out, recap_error *error)
{
    struct speaker speaker = {.segmenter = segmenter, .table = table, .out = out, .error = error};
    int status = RECAP_OK;
    out->n = 0;
    for (size_t i = 0; !status && i < text.n;) {
        size_t next = i;
        uint32_t c = utf8_next(text.data, text.n, &next);
        if (c == '<' && skip_placeholder(text, &i)) {
            pause_speech(&speaker);
        } else if (is_word_character(c) || (is_japanese(c) && segmenter)) {
            status = speak_run(&speaker, text, &i);
        } else {
            if ((c != ' ' && c != '-') || speaker.previous_joined) pause_speech(&speaker);
            i = next;
        }
    }
    buf_free(&speaker.lowered);
    buf_free(&speaker.previous);
    buf_free(&speaker.scratch);
    return status;
}

bool terms_need_segmenter(struct view text)
{
    for (size_t i = 0; i < text.n;) {
        if (is_japanese(utf8_next(text.data, text.n, &i))) return true;
    }
    return false;
}
