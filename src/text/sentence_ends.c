/* Does a sentence end after these marks?
 *
 *   。       yes, but for names written with it (モーニング娘。) and before
 *            a bare の or を
 *   ! ?      yes where a blank follows and no lower-case letter after it;
 *            in Japanese also without a blank. No between a Latin letter
 *            and Japanese (Yahoo!ニュース), before と, って and the like,
 *            after names written with it ('Yahoo! shares'), and where one
 *            of saying goes on ('"Is it?" Smith asked.')
 *   .        where a blank follows, unless the word before it or the one
 *            after it speaks against it: titles, numbered things, hours,
 *            company forms and states, initials, list numbers, lower-case
 *            words. Without a blank only after Japanese text, after a
 *            footnote's [12], and in 'ended.The market'. So never inside
 *            a number, file name or domain.
 *   .. ...   no
 *
 * Marks at the end of a bracket end its own sentence only where the bracket
 * begins one and no particle goes on after it (「…。」と述べた。). Closing
 * quotes and brackets stay with the marks, and so does a remark after 。 that
 * no word goes on from ((共同)). */
#include "text_private.h"

#include <string.h>
#include <strings.h>

enum { remark_characters = 20 };

/* Names that a mark belongs to. */
static const char *const marked_names[] = {
    "モーニング娘。",   "モー娘。",      "カントリー娘。",
    "ゲスの極み乙女。", "君の名は。",    "ハロー!",
    "ラブライブ!",      "ハイキュー!!",  "けいおん!",
    "お願い!",          "開運!",         "踊る!",
    "いいとも!",        "ヒルナンデス!", "アイドリング!!!",
    "Yahoo!",           "YAHOO!",        "Yum!",
    "Jeopardy!",        "Wham!",         "E!",
    "Oklahoma!",        "Panic!",        "Kahoot!",
    "Chips Ahoy!",
};

/* Hiragana that go on after a bracket which ends a sentence, and words that only look so. */
static const char *const going_on[] = {
    "と", "って", "て", "へ",   "を",   "に",   "は",     "が", "の",   "も",
    "で", "や",   "か", "まで", "より", "など", "なんて", "だ", "な",   "、",
    ",",  "・",   "ー", "ら",   "です", "さえ", "しか",   "等", "発言",
};
static const char *const looks_so[] = {
    "ところ",   "とても",         "とにかく", "ともかく", "ともあれ", "とはいえ", "とりわけ",
    "ともに",   "にもかかわらず", "にわか",   "はい",     "はじめ",   "はたして", "がん",
    "がれき",   "のち",           "のど",     "のぞ",     "もし",     "もう",     "もっと",
    "もちろん", "もともと",       "でも",     "では",     "できる",   "やはり",   "やがて",
    "やっと",   "かつて",         "かなり",   "かれ",     "かつ",     "だが",     "だから",
    "だって",   "なお",           "なぜ",     "なに",     "なか",     "また",     "かの",
};

static bool starts_with_any(struct view text, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text_starts_with(text, list[i])) return true;
    return false;
}

static bool goes_on(struct view rest)
{
    return starts_with_any(rest, going_on, COUNT_OF(going_on)) &&
           !starts_with_any(rest, looks_so, COUNT_OF(looks_so));
}

/* The same right after 。 ! ? without a bracket, where only the surest count. */
static bool surely_goes_on(struct view rest, bool after_full_stop)
{
    static const char *const particles[] = {"の", "を"}, *const quoting[] = {"と", "って", "など"};
    if (starts_with_any(rest, looks_so, COUNT_OF(looks_so))) return false;
    return starts_with_any(rest, particles, COUNT_OF(particles)) ||
           (!after_full_stop && starts_with_any(rest, quoting, COUNT_OF(quoting)));
}

/* ---- kinds of characters ---- */

static const struct {
    uint32_t open, close;
} brackets[] = {
    {'(', ')'},       {'[', ']'},       {'{', '}'},       {0x300C, 0x300D}, {0x300E, 0x300F},
    {0xFF08, 0xFF09}, {0x3010, 0x3011}, {0x3008, 0x3009}, {0x300A, 0x300B}, {0x3014, 0x3015},
    {0xFF3B, 0xFF3D}, {0xFF5B, 0xFF5D}, {0xFF62, 0xFF63},
};

/* +k: opens pair k-1, -k: closes it, 0: neither. */
int sentence_bracket(uint32_t c)
{
    if (c > '}' && c < 0x3008) return 0;
    for (size_t i = 0; i < COUNT_OF(brackets); i++) {
        if (c == brackets[i].open) return (int)i + 1;
        if (c == brackets[i].close) return -(int)i - 1;
    }
    return 0;
}

bool sentence_mark(uint32_t c)
{
    return c == '.' || c == '!' || c == '?' || c == 0x3002 || c == 0xFF01 || c == 0xFF1F ||
           c == 0xFF0E || c == 0xFF61;
}

/* ---- looking around ---- */

static struct view rest_of(struct view line, size_t i)
{
    return (struct view){line.data + i, line.n - i};
}

static uint32_t char_at(struct view line, size_t i)
{
    return i < line.n ? utf8_next(line.data, line.n, &i) : 0;
}

/* The character before byte i of the sentence that begins at `begin`; 0: none. */
static uint32_t char_before(struct view line, size_t begin, size_t i)
{
    size_t start;
    return i > begin ? text_before(line.data, i, &start) : 0;
}

static size_t skip_blanks(struct view line, size_t i)
{
    for (size_t next = i; i < line.n; i = next)
        if (!text_is_blank(utf8_next(line.data, line.n, &next))) break;
    return i;
}

static bool is_open_quote(uint32_t c)
{
    return c == '"' || c == '\'' || c == 0x201C || c == 0x2018 || c == 0xAB || c == 0x201E ||
           c == '`' || sentence_bracket(c) > 0;
}

static size_t skip_open_quotes(struct view line, size_t i)
{
    for (size_t next = i; i < line.n; i = next)
        if (!is_open_quote(utf8_next(line.data, line.n, &next))) break;
    return i;
}

/* The run of letters at byte i, at most sentence_word_bytes + 1 long. */
static struct view word_at(struct view line, size_t i)
{
    size_t n = 0;
    while (i + n < line.n && n <= sentence_word_bytes &&
           ((line.data[i + n] | 32) >= 'a' && (line.data[i + n] | 32) <= 'z'))
        n++;
    return (struct view){line.data + i, n};
}

/* The run of ASCII letters, digits and inner stops that ends at byte i. */
static struct view word_before(struct view line, size_t begin, size_t i)
{
    size_t start = i;
    while (start > begin && i - start <= sentence_word_bytes) {
        char c = line.data[start - 1];
        if (!text_is_ascii_alphanumeric((unsigned char)c) && c != '.') break;
        start--;
    }
    return (struct view){line.data + start, i - start};
}

/* Does the text at i begin as sentences do after an abbreviation? */
static bool is_opener(struct view line, size_t i)
{
    struct view word = word_at(line, i);
    return word.n > 0 && text_is_upper((unsigned char)word.data[0]) &&
           sentence_word_in(WORDS_OPENERS, word);
}

/* 'U.S', 'p.m': single letters with stops between. */
static bool is_dotted(struct view word)
{
    if (word.n < 3 || word.n % 2 == 0) return false;
    for (size_t i = 0; i < word.n; i++) {
        bool letter = (word.data[i] | 32) >= 'a' && (word.data[i] | 32) <= 'z';
        if (i % 2 ? word.data[i] != '.' : !letter) return false;
    }
    return true;
}

/* ---- marks ---- */

static void note_mark(struct ending *e, uint32_t c)
{
    if (c == 0x3002 || c == 0xFF61) e->full_stop = true;
    if (c == '!' || c == '?' || c == 0xFF01 || c == 0xFF1F) e->exclaims = true;
    e->dots = c == '.' || c == 0xFF0E ? e->dots + 1 : 0;
}

/* Is the quote at byte i a closing one? `odd`: an uneven number of '"' stands before it. */
static bool closes_quote(struct view line, uint32_t c, size_t next, bool odd)
{
    if (c == 0x201D || c == 0xBB || c == 0x203A || c == 0x301F) return true;
    if (c != '"' && c != '\'' && c != 0x2019) return false;
    uint32_t after = char_at(line, next);
    if (after == 0 || text_is_blank(after) || sentence_mark(after) || sentence_bracket(after) < 0)
        return true;
    if (after == '"' || after == '\'' || after == 0x201D || after == ',') return true;
    return c == '"' && odd;
}

/* Takes marks and closers from byte i on into e. */
void sentence_take_marks(struct view line, size_t i, bool *odd, struct ending *e)
{
    for (size_t next = i; i < line.n; i = next) {
        uint32_t c = utf8_next(line.data, line.n, &next);
        if (sentence_mark(c)) {
            note_mark(e, c);
        } else if (closes_quote(line, c, next, *odd)) {
            e->quoted = true;
            *odd ^= c == '"';
        } else if (sentence_bracket(c) >= 0) {
            break;
        }
    }
    e->end = i;
}

static bool is_marked_name(struct view line, const struct ending *e)
{
    for (size_t i = 0; i < COUNT_OF(marked_names); i++) {
        size_t n = strlen(marked_names[i]);
        if (e->end - e->begin < n || memcmp(line.data + e->end - n, marked_names[i], n) != 0)
            continue;
        uint32_t before = char_before(line, e->begin, e->end - n);
        if (!text_is_ascii_alphanumeric((unsigned char)marked_names[i][0]) ||
            !text_is_letter(before) || text_is_japanese(before))
            return true;
    }
    return false;
}

/* ---- stops ---- */

static bool is_hour(struct view word)
{
    return word.n == 3 &&
           (strncasecmp(word.data, "a.m", 3) == 0 || strncasecmp(word.data, "p.m", 3) == 0);
}

/* 'It was 5 p.m. Police said': the hour ends a sentence unless its zone or day follows, or hardly
 * anything came before it ('At 5 p.m. Mr. Smith left'). */
static bool hour_ends(struct view line, const struct ending *e, size_t next)
{
    size_t words = 0;
    for (size_t i = e->begin; i < e->mark && words < 4; i++) words += line.data[i] == ' ';
    return words >= 3 && text_is_upper(char_at(line, next)) &&
           !sentence_word_in(WORDS_AFTER_HOURS, word_at(line, next));
}

/* Is the letter before the stop an initial ('J. Smith') and not the end of 'Plan B.'? */
static bool is_initial(struct view line, const struct ending *e, size_t next)
{
    size_t start;
    if (e->mark == e->begin) return false;
    uint32_t letter = text_before(line.data, e->mark, &start);
    uint32_t before = char_before(line, e->begin, start);
    if (!text_is_upper(letter) || text_is_letter(before) || text_is_ascii_alphanumeric(before) ||
        before == '\'' || before == 0x2019)
        return false;
    size_t word_end = start;
    while (word_end > e->begin && line.data[word_end - 1] == ' ') word_end--;
    struct view previous = word_before(line, e->begin, word_end);
    bool lower = previous.n > 0 && text_is_lower((unsigned char)previous.data[0]);
    if (sentence_word_in(WORDS_NOT_INITIALS, previous)) return false;
    if (letter == 'I' && lower) return false;
    return !is_opener(line, next);
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

/* Of 'N°.' and 'Nº.'. */
static bool is_number_sign(uint32_t c)
{
    return c == 0xB0 || c == 0xBA;
}

/* Does the word before the stop leave the sentence open? `next` is where the text goes on. */
static bool is_abbreviation(struct view line, const struct ending *e, size_t next)
{
    struct view word = word_before(line, e->begin, e->mark);
    uint32_t c = char_at(line, next);
    if (word.n == 0 && is_number_sign(char_before(line, e->begin, e->mark))) return is_digit(c);
    if (word.n == 0 || word.n > sentence_word_bytes) return is_initial(line, e, next);
    bool capital = text_is_upper((unsigned char)word.data[0]);
    if (sentence_word_in(WORDS_ALWAYS_OPEN, word)) return true;
    if (is_digit(c) && sentence_word_in(WORDS_NUMBERED, word)) return true;
    if (is_hour(word)) return !hour_ends(line, e, next);
    if (is_dotted(word) || (capital && sentence_word_in(WORDS_PERHAPS_OPEN, word)))
        return !is_opener(line, next);
    return is_initial(line, e, next);
}

/* May a sentence begin with the character at `next`? */
static bool may_begin(struct view line, size_t next)
{
    uint32_t c = char_at(line, next);
    if (text_is_lower(c)) return sentence_word_in(WORDS_LOWER_NAMES, word_at(line, next));
    return c >= 0x80 || !strchr(",;:)]}%&/=|.!?", (int)c);
}

/* A single stop with a blank after it. */
static bool stop_ends(struct view line, const struct ending *e, size_t next)
{
    size_t before = e->mark;
    if (char_before(line, e->begin, before) == ' ' &&
        char_before(line, e->begin, before - 1) == '.')
        return false; /* '. . .' */
    size_t first = skip_open_quotes(line, next);
    if (!may_begin(line, next) || !may_begin(line, first)) return false;
    if (e->begin + text_list_marker(rest_of(line, e->begin)) >= next) return false; /* '1. Item' */
    return e->bracketed || !is_abbreviation(line, e, first);
}

/* A single stop with none: after Japanese text, or 'ended.The market'. */
static bool tight_stop_ends(struct view line, const struct ending *e)
{
    uint32_t before = char_before(line, e->begin, e->mark), after = char_at(line, e->end);
    if (text_is_japanese(before) || (before >= 0x3000 && sentence_bracket(before) < 0))
        return text_is_letter(after) || sentence_bracket(after) > 0;
    struct view word = word_before(line, e->begin, e->mark);
    if (word.n < 2 || !text_is_lower((unsigned char)word.data[word.n - 1]) ||
        memchr(word.data, '.', word.n))
        return false;
    size_t end = e->end + word_at(line, e->end).n;
    return is_opener(line, e->end) && text_is_blank(char_at(line, end));
}

/* The byte after a footnote mark '[12]' that follows the stop, or 0. */
static size_t after_footnote(struct view line, size_t i)
{
    size_t start = i;
    while (char_at(line, i) == '[') {
        size_t k = i + 1;
        while (k < line.n && k - i <= 4 && line.data[k] >= '0' && line.data[k] <= '9') k++;
        if (k == i + 1 || char_at(line, k) != ']') break;
        i = k + 1;
    }
    return i > start ? i : 0;
}

/* ---- deciding ---- */

/* '"Is it?" Smith asked.': up to three words, then one of saying. */
static bool is_said(struct view line, size_t i)
{
    for (int k = 0; k < 4; k++) {
        struct view word = word_at(line, i);
        if (word.n == 0) return false;
        if (sentence_word_in(WORDS_SAID_WORDS, word)) return true;
        i = skip_blanks(line, i + word.n);
    }
    return false;
}

static bool exclamation_ends(struct view line, const struct ending *e, size_t next)
{
    uint32_t before = char_before(line, e->begin, e->mark), after = char_at(line, e->end);
    if (is_marked_name(line, e)) return false;
    if (next > e->end)
        return may_begin(line, next) && may_begin(line, skip_open_quotes(line, next)) &&
               !(e->quoted && is_said(line, next));
    if (e->bracketed && goes_on(rest_of(line, e->end))) return false;
    bool latin = text_is_ascii_alphanumeric(before);
    if (text_is_letter(after) && !text_is_ascii_alphanumeric(after) && after >= 0x3000)
        return !latin && !surely_goes_on(rest_of(line, e->end), false);
    if (text_is_ascii_alphanumeric(after)) return text_is_japanese(before);
    return sentence_bracket(after) > 0 && !latin;
}

static bool full_stop_ends(struct view line, const struct ending *e, size_t next)
{
    if (next > e->end) return true;
    if (is_marked_name(line, e)) return false;
    if (e->bracketed && goes_on(rest_of(line, e->end))) return false;
    return !surely_goes_on(rest_of(line, e->end), true);
}

/* Moves e->end past a remark like '(共同)' that nothing goes on from. */
static void take_remark(struct view line, struct ending *e)
{
    if (char_at(line, e->end) != '(') return;
    bool digits = true;
    size_t i = e->end + 1, count = 0;
    for (size_t next = i; i < line.n && count <= remark_characters; i = next, count++) {
        uint32_t c = utf8_next(line.data, line.n, &next);
        if (c == ')') break;
        if (sentence_mark(c) || sentence_bracket(c) > 0) return;
        digits = digits && c >= '0' && c <= '9';
    }
    if (char_at(line, i) != ')' || digits) return;
    uint32_t after = char_at(line, i + 1);
    if (text_is_hiragana(after) || sentence_mark(after) || after == 0x3001 ||
        goes_on(rest_of(line, i + 1)))
        return;
    e->end = i + 1;
}

/* Does the sentence end after e? May move e->end a little further. */
bool sentence_ends(struct view line, struct ending *e)
{
    size_t next = skip_blanks(line, e->end);
    if (next >= line.n) return false; /* the line's end does it */
    if (e->inside && !(e->full_stop && next > e->end)) return false;
    if (e->full_stop) {
        if (!full_stop_ends(line, e, next)) return false;
        take_remark(line, e);
        return true;
    }
    if (e->exclaims) return exclamation_ends(line, e, next);
    if (e->dots > 1) return false;
    size_t footnote = after_footnote(line, e->end);
    if (footnote && text_is_blank(char_at(line, footnote))) {
        e->end = footnote;
        next = skip_blanks(line, footnote);
        return next < line.n && may_begin(line, next);
    }
    return next > e->end ? stop_ends(line, e, next) : tight_stop_ends(line, e);
}

/* The marks at the end of the bracket that e->end is after; false: there are none. */
bool sentence_marks_in_bracket(struct view line, size_t open, size_t close, struct ending *e)
{
    size_t i = close, start = i, first = i;
    bool found = false;
    for (int steps = 0; i > open && steps < 16; steps++, i = start) {
        uint32_t c = text_before(line.data, i, &start);
        if (sentence_mark(c)) {
            note_mark(e, c);
            first = start;
            found = true;
        } else if (found || (sentence_bracket(c) >= 0 && c != '"' && c != 0x201D && c != '\'')) {
            break;
        }
    }
    e->mark = first;
    return found;
}
