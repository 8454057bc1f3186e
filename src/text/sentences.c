/* Sentences of a normalised text, Japanese and English.
 *
 * A line end always ends a sentence. Inside a line:
 *
 *   brackets     nothing is cut inside 「」『』（）【】〈〉《》〔〕() [] {} that close within 500
 *                characters of the line. A bracket whose last mark ends a sentence ends its own
 * only where it opens one and no particle goes on after it (「…。」と述べた。) closers      closing
 * brackets and quotes after a mark stay with it, and so does a short remark in brackets after 。
 * that no word goes on from ((共同)) 。           ends, but for names written with it
 * (モーニング娘。) and before a bare の or を ! ?          end where a blank follows that is not
 * followed by a lower-case letter; between Japanese text also without a blank, but not between a
 * Latin letter and Japanese (Yahoo!ニュース), before と, って and the like, after names written
 * with it
 *                ('Yahoo! shares'), or before '... he said'
 *   .            ends where a blank follows and neither the word before it nor the one after it
 *                speaks against: abbreviations of five kinds (tables below), initials, list
 * numbers, lower-case words. Without a blank: after Japanese text, after a footnote's [12], and
 *                where a word of `openers` follows a lower-case one ('ended.The market').
 *                Never inside numbers, file names or domains, which have no blank.
 *   .. ...       never; the line's end does.
 *
 * A line that begins with a list marker is an item; the marker ends no sentence, and alone it is
 * none. No piece of a line is shorter than two characters. Apart from blanks and lone markers
 * nothing is lost: the pieces in a row are the text. One pass, looking back and ahead by bounded
 * steps. */
#include "text_private.h"

#include <stdlib.h>
#include <string.h>

enum {
    bracket_characters = 500, /* a longer pair counts as unclosed */
    remark_characters = 20,
    word_bytes = 32, /* longer ones are no abbreviations */
};

/* ---- words ---- */

/* Never end a sentence: titles, and what points at what follows. Lower case. */
static const char *const always_open[] = {
    "adm",    "al",   "approx", "brig", "ca",   "capt", "cf",   "cmdr", "col",  "cpl",   "det",
    "dr",     "drs",  "e.g",    "gen",  "gov",  "govs", "hon",  "i.e",  "insp", "lt",    "maj",
    "messrs", "mlle", "mme",    "mons", "mr",   "mrs",  "ms",   "pres", "prof", "profs", "pvt",
    "rep",    "reps", "rev",    "sen",  "sens", "sgt",  "supt", "v",    "viz",  "vs"};

/* Do not end one where a number follows. Lower case. */
static const char *const numbered[] = {
    "app", "apr",  "art",  "arts", "aug",  "bl",   "c",    "ca",    "ch",  "chap", "dec",
    "eq",  "ex",   "ext",  "feb",  "fig",  "figs", "jan",  "jul",   "jun", "mar",  "no",
    "nos", "nov",  "nr",   "oct",  "op",   "p",    "para", "paras", "pp",  "ref",  "rm",
    "sec", "secs", "sect", "sep",  "sept", "ser",  "tel",  "ver",   "vol", "vols"};

/* With a capital: end a sentence only where the next one begins with a word of `openers`. Lower
 * case. */
static const char *const perhaps_open[] = {
    "admin", "ala",  "apr",  "ariz", "ark",   "assn",  "assoc", "assocs", "asst", "atty", "aug",
    "ave",   "bldg", "blvd", "bros", "calif", "capts", "co",    "colo",   "conn", "corp", "cos",
    "dec",   "del",  "dept", "dist", "div",   "esq",   "feb",   "fed",    "fla",  "fr",   "fri",
    "ft",    "ga",   "gmbh", "govt", "hdq",   "hosp",  "hwy",   "ill",    "inc",  "ind",  "inst",
    "intl",  "jan",  "jr",   "jul",  "jun",   "kan",   "ky",    "la",     "llc",  "llp",  "lp",
    "ltd",   "mar",  "mass", "md",   "mfg",   "mgmt",  "mgr",   "mich",   "minn", "miss", "mo",
    "mon",   "mont", "mt",   "mtn",  "natl",  "neb",   "nev",   "nov",    "oct",  "okla", "ore",
    "pa",    "ph.d", "plc",  "pty",  "rd",    "sat",   "sep",   "sept",   "sq",   "sr",   "st",
    "ste",   "sun",  "tenn", "tex",  "thu",   "thur",  "thurs", "tue",    "tues", "univ", "va",
    "vt",    "wash", "wed",  "wis",  "wyo"};

/* Words that often begin a sentence and hardly ever follow an abbreviation inside one. Lower case.
 */
static const char *const openers[] = {
    "a",        "about",     "above",        "according", "across",    "after",      "against",
    "all",      "along",     "already",      "also",      "although",  "among",      "an",
    "analysts", "and",       "another",      "any",       "around",    "as",         "at",
    "because",  "before",    "besides",      "between",   "both",      "but",        "by",
    "can",      "citing",    "could",        "despite",   "do",        "does",       "during",
    "each",     "earlier",   "either",       "even",      "every",     "everyone",   "few",
    "finally",  "for",       "former",       "from",      "given",     "had",        "has",
    "have",     "he",        "her",          "here",      "his",       "how",        "however",
    "i",        "if",        "in",           "instead",   "into",      "is",         "it",
    "its",      "last",      "later",        "like",      "many",      "maybe",      "meanwhile",
    "more",     "moreover",  "most",         "mr",        "mrs",       "ms",         "much",
    "my",       "neither",   "nevertheless", "no",        "nobody",    "none",       "nor",
    "not",      "nothing",   "now",          "of",        "officials", "on",         "once",
    "one",      "only",      "or",           "other",     "others",    "otherwise",  "our",
    "over",     "perhaps",   "several",      "she",       "should",    "since",      "so",
    "some",     "someone",   "soon",         "still",     "such",      "than",       "that",
    "the",      "their",     "them",         "then",      "there",     "therefore",  "these",
    "they",     "this",      "those",        "though",    "through",   "throughout", "thus",
    "to",       "today",     "tomorrow",     "two",       "under",     "unless",     "unlike",
    "until",    "up",        "upon",         "was",       "we",        "were",       "what",
    "when",     "where",     "whether",      "which",     "while",     "who",        "whoever",
    "whose",    "why",       "will",         "with",      "within",    "without",    "would",
    "yes",      "yesterday", "yet",          "you",       "your"};

/* After these a single letter is no initial: 'Plan B. He ...'. Lower case. */
static const char *const not_initials[] = {
    "annex",  "appendix", "block", "category",  "class",   "division", "exhibit",
    "figure", "grade",    "group", "hepatitis", "league",  "option",   "part",
    "phase",  "plan",     "point", "schedule",  "section", "series",   "studio",
    "table",  "team",     "type",  "vitamin"};

/* Follow 'a.m.' and 'p.m.' inside a sentence. */
static const char *const after_hours[] = {
    "April",     "August",  "BST",      "Bangkok", "Beijing",  "CDT",     "CEST",    "CET",
    "CST",       "Central", "December", "EDT",     "EST",      "ET",      "Eastern", "February",
    "Fri",       "Friday",  "GMT",      "HKT",     "IST",      "JST",     "January", "July",
    "June",      "KST",     "Local",    "March",   "May",      "Mon",     "Monday",  "Mountain",
    "November",  "October", "PDT",      "PST",     "PT",       "Pacific", "Sat",     "Saturday",
    "September", "Sun",     "Sunday",   "Thu",     "Thursday", "Tokyo",   "Tue",     "Tuesday",
    "UTC",       "Wed",     "Wednesday"};

/* A quotation that ends in ? or ! goes on with one of these. */
static const char *const said_words[] = {
    "added",     "announced", "argued",    "asked",   "began",   "cried",   "declared", "demanded",
    "exclaimed", "explained", "joked",     "laughed", "quipped", "read",    "reads",    "recalled",
    "replied",   "reported",  "responded", "said",    "says",    "shouted", "tells",    "told",
    "tweeted",   "warned",    "wondered",  "wrote",   "yelled"};

/* Names in lower case that may begin a sentence. */
static const char *const lower_names[] = {"eBay", "eBooks", "iCloud", "iMac",    "iOS",
                                          "iPad", "iPads",  "iPhone", "iPhones", "iPod",
                                          "iTV",  "iTunes", "macOS",  "watchOS", "xAI"};

/* Names that a mark belongs to; the longest match before the mark counts. */
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

/* ---- brackets ---- */

struct span {
    size_t open, close; /* bytes of the opening bracket's first and the closing one's first byte */
    size_t after;       /* the byte after the closing bracket */
};

struct opener {
    size_t at, character;
    int kind;
};

/* Everything about one line; the arrays serve the next one again. */
struct splitter {
    struct view line;
    struct span *spans; /* outermost pairs in order */
    size_t n_spans, spans_capacity;
    struct opener *stack;
    size_t n_stack, stack_capacity;
    struct view *sentences; /* of all lines */
    size_t n_sentences, sentences_capacity;
};

static const struct {
    uint32_t open, close;
} brackets[] = {
    {'(', ')'},       {'[', ']'},       {'{', '}'},       {0x300C, 0x300D}, {0x300E, 0x300F},
    {0xFF08, 0xFF09}, {0x3010, 0x3011}, {0x3008, 0x3009}, {0x300A, 0x300B}, {0x3014, 0x3015},
    {0xFF3B, 0xFF3D}, {0xFF5B, 0xFF5D}, {0xFF62, 0xFF63},
};

/* +k: opens pair k-1, -k: closes it, 0: neither. */
static int bracket_kind(uint32_t c)
{
    if (c > '}' && c < 0x3008) return 0;
    for (size_t i = 0; i < COUNT_OF(brackets); i++) {
        if (c == brackets[i].open) return (int)i + 1;
        if (c == brackets[i].close) return -(int)i - 1;
    }
    return 0;
}

static int push_opener(struct splitter *s, struct opener opener, size_t *counts)
{
    if (grow_array(&s->stack, &s->stack_capacity, s->n_stack + 1, sizeof *s->stack) != RECAP_OK)
        return RECAP_ERROR_MEMORY;
    s->stack[s->n_stack++] = opener;
    counts[opener.kind - 1]++;
    return RECAP_OK;
}

/* Pairs the closer with the last opener of its kind; openers in between are unclosed. */
static int close_bracket(struct splitter *s, int kind, struct span span, size_t character,
                         size_t *counts)
{
    if (counts[kind - 1] == 0) return RECAP_OK;
    struct opener opener;
    do {
        opener = s->stack[--s->n_stack];
        counts[opener.kind - 1]--;
    } while (opener.kind != kind);
    if (character - opener.character > bracket_characters) return RECAP_OK;
    span.open = opener.at;
    while (s->n_spans > 0 && s->spans[s->n_spans - 1].open > span.open) s->n_spans--;
    if (grow_array(&s->spans, &s->spans_capacity, s->n_spans + 1, sizeof *s->spans) != RECAP_OK)
        return RECAP_ERROR_MEMORY;
    s->spans[s->n_spans++] = span;
    return RECAP_OK;
}

static int find_spans(struct splitter *s)
{
    size_t counts[COUNT_OF(brackets)] = {0}, character = 0;
    s->n_spans = s->n_stack = 0;
    for (size_t i = 0, next = 0; i < s->line.n; i = next, character++) {
        int kind = bracket_kind(utf8_next(s->line.data, s->line.n, &next)), status = RECAP_OK;
        if (kind > 0)
            status = push_opener(s, (struct opener){i, character, kind}, counts);
        else if (kind < 0)
            status = close_bracket(s, -kind, (struct span){.close = i, .after = next}, character,
                                   counts);
        if (status != RECAP_OK) return status;
    }
    return RECAP_OK;
}

/* ---- looking around ---- */

static struct view rest_of(const struct splitter *s, size_t i)
{
    return (struct view){s->line.data + i, s->line.n - i};
}

static uint32_t char_at(const struct splitter *s, size_t i)
{
    return i < s->line.n ? utf8_next(s->line.data, s->line.n, &i) : 0;
}

/* The character before byte i of the sentence that begins at `begin`; 0: none. */
static uint32_t char_before(const struct splitter *s, size_t begin, size_t i)
{
    size_t start;
    return i > begin ? text_before(s->line.data, i, &start) : 0;
}

static size_t skip_blanks(const struct splitter *s, size_t i)
{
    for (size_t next = i; i < s->line.n; i = next)
        if (!text_is_blank(utf8_next(s->line.data, s->line.n, &next))) break;
    return i;
}

static bool is_open_quote(uint32_t c)
{
    return c == '"' || c == '\'' || c == 0x201C || c == 0x2018 || c == 0xAB || c == 0x201E ||
           c == '`' || bracket_kind(c) > 0;
}

static size_t skip_open_quotes(const struct splitter *s, size_t i)
{
    for (size_t next = i; i < s->line.n; i = next)
        if (!is_open_quote(utf8_next(s->line.data, s->line.n, &next))) break;
    return i;
}

/* Lower-cased ASCII copy of the word at data[0..n); empty if too long. */
static struct view lower_word(struct view word, char out[word_bytes])
{
    if (word.n > word_bytes) return (struct view){out, 0};
    for (size_t i = 0; i < word.n; i++) {
        char c = word.data[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
    }
    return (struct view){out, word.n};
}

/* The run of letters at byte i, at most word_bytes + 1 long. */
static struct view word_at(const struct splitter *s, size_t i)
{
    size_t n = 0;
    while (i + n < s->line.n && n <= word_bytes &&
           ((s->line.data[i + n] | 32) >= 'a' && (s->line.data[i + n] | 32) <= 'z'))
        n++;
    return (struct view){s->line.data + i, n};
}

/* The run of ASCII letters, digits and inner stops that ends at byte i. */
static struct view word_before(const struct splitter *s, size_t begin, size_t i)
{
    size_t start = i;
    while (start > begin && i - start <= word_bytes) {
        char c = s->line.data[start - 1];
        if (!text_is_ascii_alphanumeric((unsigned char)c) && c != '.') break;
        start--;
    }
    return (struct view){s->line.data + start, i - start};
}

/* Does the text at i begin as sentences do after an abbreviation? */
static bool is_opener(const struct splitter *s, size_t i)
{
    char lower[word_bytes];
    struct view word = word_at(s, i);
    return word.n > 0 && text_is_upper((unsigned char)word.data[0]) &&
           text_in_list(lower_word(word, lower), openers, COUNT_OF(openers));
}

static bool in_list(struct view word, const char *const *list, size_t n)
{
    char lower[word_bytes];
    return text_in_list(lower_word(word, lower), list, n);
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

static bool is_mark(uint32_t c)
{
    return c == '.' || c == '!' || c == '?' || c == 0x3002 || c == 0xFF01 || c == 0xFF1F ||
           c == 0xFF0E || c == 0xFF61;
}

static void note_mark(struct ending *e, uint32_t c)
{
    if (c == 0x3002 || c == 0xFF61) e->full_stop = true;
    if (c == '!' || c == '?' || c == 0xFF01 || c == 0xFF1F) e->exclaims = true;
    e->dots = c == '.' || c == 0xFF0E ? e->dots + 1 : 0;
}

/* Is the quote at byte i a closing one? `odd`: an uneven number of '"' stands before it. */
static bool closes_quote(const struct splitter *s, uint32_t c, size_t next, bool odd)
{
    if (c == 0x201D || c == 0xBB || c == 0x203A || c == 0x301F) return true;
    if (c != '"' && c != '\'' && c != 0x2019) return false;
    uint32_t after = char_at(s, next);
    if (after == 0 || text_is_blank(after) || is_mark(after) || bracket_kind(after) < 0)
        return true;
    if (after == '"' || after == '\'' || after == 0x201D || after == ',') return true;
    return c == '"' && odd;
}

/* Takes marks and closers from byte i on into e. */
static void take_marks(const struct splitter *s, size_t i, bool *odd, struct ending *e)
{
    for (size_t next = i; i < s->line.n; i = next) {
        uint32_t c = utf8_next(s->line.data, s->line.n, &next);
        if (is_mark(c)) {
            note_mark(e, c);
        } else if (closes_quote(s, c, next, *odd)) {
            e->quoted = true;
            *odd ^= c == '"';
        } else if (bracket_kind(c) >= 0) {
            break;
        }
    }
    e->end = i;
}

static bool is_marked_name(const struct splitter *s, const struct ending *e)
{
    for (size_t i = 0; i < COUNT_OF(marked_names); i++) {
        size_t n = strlen(marked_names[i]);
        if (e->end - e->begin < n || memcmp(s->line.data + e->end - n, marked_names[i], n) != 0)
            continue;
        uint32_t before = char_before(s, e->begin, e->end - n);
        if (!text_is_ascii_alphanumeric((unsigned char)marked_names[i][0]) ||
            !text_is_letter(before) || text_is_japanese(before))
            return true;
    }
    return false;
}

/* ---- stops ---- */

/* 'at 5 p.m. Police said': the hour ends a sentence unless its zone or day follows. */
static bool hour_ends(const struct splitter *s, size_t next)
{
    return text_is_upper(char_at(s, next)) &&
           !text_in_list(word_at(s, next), after_hours, COUNT_OF(after_hours));
}

/* Is the letter before the stop an initial ('J. Smith') and not the end of 'Plan B.'? */
static bool is_initial(const struct splitter *s, const struct ending *e, size_t next)
{
    size_t start;
    if (e->mark == e->begin) return false;
    uint32_t letter = text_before(s->line.data, e->mark, &start);
    uint32_t before = char_before(s, e->begin, start);
    if (!text_is_upper(letter) || text_is_letter(before) || text_is_ascii_alphanumeric(before) ||
        before == '\'' || before == 0x2019)
        return false;
    size_t word_end = start;
    while (word_end > e->begin && s->line.data[word_end - 1] == ' ') word_end--;
    struct view previous = word_before(s, e->begin, word_end);
    bool lower = previous.n > 0 && text_is_lower((unsigned char)previous.data[0]);
    if (in_list(previous, not_initials, COUNT_OF(not_initials))) return false;
    if (letter == 'I' && lower) return false;
    return !is_opener(s, next);
}

/* Does the word before the stop leave the sentence open? `next` is where the text goes on. */
static bool is_abbreviation(const struct splitter *s, const struct ending *e, size_t next)
{
    struct view word = word_before(s, e->begin, e->mark);
    uint32_t c = char_at(s, next);
    if (word.n == 0 || word.n > word_bytes) return is_initial(s, e, next);
    bool capital = text_is_upper((unsigned char)word.data[0]);
    if (in_list(word, always_open, COUNT_OF(always_open))) return true;
    if (c >= '0' && c <= '9' && in_list(word, numbered, COUNT_OF(numbered))) return true;
    char lower[word_bytes];
    struct view same = lower_word(word, lower);
    if (view_equal(same, view_of("a.m")) || view_equal(same, view_of("p.m")))
        return !hour_ends(s, next);
    if (is_dotted(word) || (capital && text_in_list(same, perhaps_open, COUNT_OF(perhaps_open))))
        return !is_opener(s, next);
    return is_initial(s, e, next);
}

/* May a sentence begin with the character at `next`? */
static bool may_begin(const struct splitter *s, size_t next)
{
    uint32_t c = char_at(s, next);
    if (text_is_lower(c)) return text_in_list(word_at(s, next), lower_names, COUNT_OF(lower_names));
    return c >= 0x80 || !strchr(",;:)]}%&/=|.!?", (int)c);
}

/* A single stop with a blank after it. */
static bool stop_ends(const struct splitter *s, const struct ending *e, size_t next)
{
    size_t before = e->mark;
    if (char_before(s, e->begin, before) == ' ' && char_before(s, e->begin, before - 1) == '.')
        return false; /* '. . .' */
    size_t first = skip_open_quotes(s, next);
    if (!may_begin(s, next) || !may_begin(s, first)) return false;
    struct view line = {s->line.data + e->begin, s->line.n - e->begin};
    if (e->begin + text_list_marker(line) >= next) return false; /* '1. Item' */
    return e->bracketed || !is_abbreviation(s, e, first);
}

/* A single stop with none: after Japanese text, or 'ended.The market'. */
static bool tight_stop_ends(const struct splitter *s, const struct ending *e)
{
    uint32_t before = char_before(s, e->begin, e->mark), after = char_at(s, e->end);
    if (text_is_japanese(before) || (before >= 0x3000 && bracket_kind(before) < 0))
        return text_is_letter(after) || bracket_kind(after) > 0;
    struct view word = word_before(s, e->begin, e->mark);
    if (word.n < 2 || !text_is_lower((unsigned char)word.data[word.n - 1]) ||
        memchr(word.data, '.', word.n))
        return false;
    size_t end = e->end + word_at(s, e->end).n;
    return is_opener(s, e->end) && text_is_blank(char_at(s, end));
}

/* The byte after a footnote mark '[12]' that follows the stop, or 0. */
static size_t after_footnote(const struct splitter *s, size_t i)
{
    size_t start = i;
    while (char_at(s, i) == '[') {
        size_t k = i + 1;
        while (k < s->line.n && k - i <= 4 && s->line.data[k] >= '0' && s->line.data[k] <= '9') k++;
        if (k == i + 1 || char_at(s, k) != ']') break;
        i = k + 1;
    }
    return i > start ? i : 0;
}

/* ---- deciding ---- */

/* '"Is it?" Smith asked.': up to three words, then one of saying. */
static bool is_said(const struct splitter *s, size_t i)
{
    for (int k = 0; k < 4; k++) {
        struct view word = word_at(s, i);
        if (word.n == 0) return false;
        if (text_in_list(word, said_words, COUNT_OF(said_words))) return true;
        i = skip_blanks(s, i + word.n);
    }
    return false;
}

static bool exclamation_ends(const struct splitter *s, const struct ending *e, size_t next)
{
    uint32_t before = char_before(s, e->begin, e->mark), after = char_at(s, e->end);
    if (is_marked_name(s, e)) return false;
    if (next > e->end)
        return may_begin(s, next) && may_begin(s, skip_open_quotes(s, next)) &&
               !(e->quoted && is_said(s, next));
    if (e->bracketed && goes_on(rest_of(s, e->end))) return false;
    bool latin = text_is_ascii_alphanumeric(before);
    if (text_is_letter(after) && !text_is_ascii_alphanumeric(after) && after >= 0x3000)
        return !latin && !surely_goes_on(rest_of(s, e->end), false);
    if (text_is_ascii_alphanumeric(after)) return text_is_japanese(before);
    return bracket_kind(after) > 0 && !latin;
}

static bool full_stop_ends(const struct splitter *s, const struct ending *e, size_t next)
{
    if (next > e->end) return true;
    if (is_marked_name(s, e)) return false;
    if (e->bracketed && goes_on(rest_of(s, e->end))) return false;
    return !surely_goes_on(rest_of(s, e->end), true);
}

/* Moves e->end past a remark like '(共同)' that nothing goes on from. */
static void take_remark(const struct splitter *s, struct ending *e)
{
    if (char_at(s, e->end) != '(') return;
    bool digits = true;
    size_t i = e->end + 1, count = 0;
    for (size_t next = i; i < s->line.n && count <= remark_characters; i = next, count++) {
        uint32_t c = utf8_next(s->line.data, s->line.n, &next);
        if (c == ')') break;
        if (is_mark(c) || bracket_kind(c) > 0) return;
        digits = digits && c >= '0' && c <= '9';
    }
    if (char_at(s, i) != ')' || digits) return;
    uint32_t after = char_at(s, i + 1);
    if (text_is_hiragana(after) || is_mark(after) || after == 0x3001 || goes_on(rest_of(s, i + 1)))
        return;
    e->end = i + 1;
}

/* Does the sentence end after e? May move e->end a little further. */
static bool ends_here(const struct splitter *s, struct ending *e)
{
    size_t next = skip_blanks(s, e->end);
    if (next >= s->line.n) return false; /* the line's end does it */
    if (e->inside && !(e->full_stop && next > e->end)) return false;
    if (e->full_stop) {
        if (!full_stop_ends(s, e, next)) return false;
        take_remark(s, e);
        return true;
    }
    if (e->exclaims) return exclamation_ends(s, e, next);
    if (e->dots > 1) return false;
    size_t footnote = after_footnote(s, e->end);
    if (footnote && text_is_blank(char_at(s, footnote))) {
        e->end = footnote;
        next = skip_blanks(s, footnote);
        return next < s->line.n && may_begin(s, next);
    }
    return next > e->end ? stop_ends(s, e, next) : tight_stop_ends(s, e);
}

/* The marks at the end of the bracket that e->end is after; false: there are none. */
static bool marks_in_bracket(const struct splitter *s, const struct span *span, struct ending *e)
{
    size_t i = span->close, start = i, first = i;
    bool found = false;
    for (int steps = 0; i > span->open && steps < 16; steps++, i = start) {
        uint32_t c = text_before(s->line.data, i, &start);
        if (is_mark(c)) {
            note_mark(e, c);
            first = start;
            found = true;
        } else if (found || (bracket_kind(c) >= 0 && c != '"' && c != 0x201D && c != '\'')) {
            break;
        }
    }
    e->mark = first;
    return found;
}

/* ---- pieces ---- */

static bool shorter_than_two(struct view text)
{
    size_t i = 0;
    if (text.n > 0) utf8_next(text.data, text.n, &i);
    return i >= text.n;
}

static struct view trim(struct view text)
{
    size_t begin = 0, end = text.n, start;
    for (size_t next = 0; begin < end; begin = next)
        if (!text_is_blank(utf8_next(text.data, text.n, &next))) break;
    for (; end > begin; end = start)
        if (!text_is_blank(text_before(text.data, end, &start))) break;
    return (struct view){text.data + begin, end - begin};
}

static int add_sentence(struct splitter *s, struct view text)
{
    text = trim(text);
    if (text.n == 0) return RECAP_OK;
    if (grow_array(&s->sentences, &s->sentences_capacity, s->n_sentences + 1,
                   sizeof *s->sentences) != RECAP_OK)
        return RECAP_ERROR_MEMORY;
    s->sentences[s->n_sentences++] = text;
    return RECAP_OK;
}

/* Does the bracket at `open` stand in the middle of the sentence that begins at `begin`? */
static bool is_inside(const struct splitter *s, size_t begin, size_t open)
{
    return open > begin + text_list_marker(rest_of(s, begin));
}

/* Steps over the bracket `span`; true with e filled if marks end it and none follow it. */
static bool step_bracket(const struct splitter *s, const struct span *span, bool *odd,
                         struct ending *e)
{
    for (size_t i = span->open; i < span->close; i++) *odd ^= s->line.data[i] == '"';
    e->end = span->after;
    e->bracketed = true;
    e->inside = is_inside(s, e->begin, span->open);
    if (is_mark(char_at(s, span->after)) || !marks_in_bracket(s, span, e)) return false;
    take_marks(s, span->after, odd, e);
    return true;
}

/* Steps over one character or a run of marks; true with e filled if these were marks. */
static bool step_character(const struct splitter *s, size_t i, bool *odd, struct ending *e)
{
    size_t next = i;
    uint32_t c = utf8_next(s->line.data, s->line.n, &next);
    *odd ^= c == '"';
    e->mark = i;
    e->end = next;
    if (!is_mark(c)) return false;
    take_marks(s, i, odd, e);
    return true;
}

static int split_line(struct splitter *s, struct view line)
{
    s->line = line;
    if (line.n == 0 || text_list_marker(line) == line.n) return RECAP_OK;
    if (find_spans(s) != RECAP_OK) return RECAP_ERROR_MEMORY;
    size_t begin = 0, span = 0;
    bool odd = false;
    for (size_t i = 0; i < line.n;) {
        struct ending e = {.begin = begin};
        while (span < s->n_spans && s->spans[span].open < i) span++;
        bool marks = span < s->n_spans && s->spans[span].open == i
                         ? step_bracket(s, &s->spans[span], &odd, &e)
                         : step_character(s, i, &odd, &e);
        bool cut = marks && ends_here(s, &e);
        i = e.end;
        struct view piece = {line.data + begin, i - begin};
        if (!cut || shorter_than_two(trim(piece)) || shorter_than_two(trim(rest_of(s, i))))
            continue;
        if (add_sentence(s, piece) != RECAP_OK) return RECAP_ERROR_MEMORY;
        begin = i = skip_blanks(s, i);
        odd = false;
    }
    return add_sentence(s, rest_of(s, begin));
}

/* The bytes of the line at i, without its end; *after: where the next one begins. */
static size_t line_at(struct view text, size_t i, size_t *after)
{
    size_t n = 0;
    for (size_t next = i; i + n < text.n; n = next - i)
        if (text_is_line_end(utf8_next(text.data, text.n, &next))) {
            *after = next;
            return n;
        }
    *after = text.n;
    return n;
}

int text_split(struct view normalized, struct arena *arena, struct view **sentences, size_t *n,
               recap_error *error)
{
    struct splitter s = {0};
    int status = RECAP_OK;
    for (size_t i = 0, after = 0; i < normalized.n && status == RECAP_OK; i = after) {
        struct view line = {normalized.data + i, line_at(normalized, i, &after)};
        status = split_line(&s, trim(line));
    }
    *n = s.n_sentences;
    *sentences = status == RECAP_OK ? arena_alloc(arena, s.n_sentences, sizeof **sentences) : NULL;
    if (*sentences && s.n_sentences)
        memcpy(*sentences, s.sentences, s.n_sentences * sizeof **sentences);
    free(s.spans);
    free(s.stack);
    free(s.sentences);
    return *sentences ? RECAP_OK : fail_memory(error, s.n_sentences * sizeof **sentences);
}

/* ---- the public call ---- */

/* One block: the pointers, then the strings. */
static int pack(const struct view *sentences, size_t n, recap_sentence_list *out,
                recap_error *error)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) bytes += sentences[i].n + 1;
    bytes += n * sizeof *out->items;
    char **items = new_array(bytes, 1);
    if (!items) return fail_memory(error, bytes);
    char *at = (char *)(items + n);
    for (size_t i = 0; i < n; i++) {
        items[i] = at;
        memcpy(at, sentences[i].data, sentences[i].n);
        at[sentences[i].n] = '\0';
        at += sentences[i].n + 1;
    }
    *out = (recap_sentence_list){items, n};
    return RECAP_OK;
}

int recap_split_sentences(const char *text, size_t n, recap_sentence_list *out, recap_error *error)
{
    *out = (recap_sentence_list){0};
    struct buf normalized = {0};
    struct arena arena = {0};
    struct view *sentences = NULL;
    size_t n_sentences = 0;
    int status = text_normalize((struct view){text, n}, &normalized, error);
    if (status == RECAP_OK)
        status = text_split((struct view){normalized.data, normalized.n}, &arena, &sentences,
                            &n_sentences, error);
    if (status == RECAP_OK) status = pack(sentences, n_sentences, out, error);
    arena_free(&arena);
    buf_free(&normalized);
    return status;
}
