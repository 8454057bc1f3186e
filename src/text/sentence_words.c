/* Words that decide whether a stop or a mark ends a sentence; sentence_ends.c says how. In the
 * order of strcmp; all but the last two lists in lower case. */
#include "text_private.h"

/* Never end a sentence: titles, and what points at what follows. */
static const char *const always_open[] = {
    "adm",    "al",   "approx", "brig", "ca",   "capt", "cf",   "cmdr", "col",  "cpl",   "det",
    "dr",     "drs",  "e.g",    "gen",  "gov",  "govs", "hon",  "i.e",  "insp", "lt",    "maj",
    "messrs", "mlle", "mme",    "mons", "mr",   "mrs",  "ms",   "pres", "prof", "profs", "pvt",
    "rep",    "reps", "rev",    "sen",  "sens", "sgt",  "supt", "v",    "viz",  "vs"};

/* Do not end one where a number follows. */
static const char *const numbered[] = {
    "app", "apr",  "art",  "arts", "aug",  "bl",   "c",    "ca",    "ch",  "chap", "dec",
    "eq",  "ex",   "ext",  "feb",  "fig",  "figs", "jan",  "jul",   "jun", "mar",  "no",
    "nos", "nov",  "nr",   "oct",  "op",   "p",    "para", "paras", "pp",  "ref",  "rm",
    "sec", "secs", "sect", "sep",  "sept", "ser",  "tel",  "ver",   "vol", "vols"};

/* With a capital: end a sentence only where the next one begins with a word of `openers`. */
static const char *const perhaps_open[] = {
    "admin", "ala",  "alex", "apr",  "ariz", "ark",   "assn", "assoc", "assocs", "asst", "atty",
    "aug",   "ave",  "benj", "blvd", "bros", "calif", "chas", "co",    "colo",   "conn", "corp",
    "cos",   "dec",  "del",  "dept", "dist", "div",   "esq",  "feb",   "fed",    "fla",  "fr",
    "fri",   "ft",   "ga",   "geo",  "gmbh", "govt",  "hwy",  "ill",   "inc",    "ind",  "inst",
    "intl",  "jan",  "jas",  "jos",  "jr",   "jul",   "jun",  "kan",   "ky",     "la",   "llc",
    "llp",   "lp",   "ltd",  "mar",  "mass", "md",    "mfg",  "mich",  "minn",   "miss", "mo",
    "mon",   "mont", "mt",   "mtn",  "neb",  "nev",   "nov",  "oct",   "okla",   "ore",  "pa",
    "ph.d",  "plc",  "pty",  "rd",   "robt", "sat",   "sep",  "sept",  "sq",     "sr",   "st",
    "ste",   "sun",  "tenn", "tex",  "thos", "thu",   "thur", "thurs", "tue",    "tues", "univ",
    "va",    "vt",   "wash", "wed",  "wis",  "wm",    "wyo"};

/* Often begin a sentence and hardly ever follow an abbreviation inside one. */
static const char *const openers[] = {
    "a",        "about",        "above",   "according",  "across",   "after",     "against",
    "all",      "along",        "already", "also",       "although", "among",     "an",
    "analysts", "another",      "any",     "around",     "as",       "at",        "because",
    "before",   "besides",      "between", "both",       "but",      "by",        "can",
    "citing",   "could",        "despite", "do",         "does",     "during",    "each",
    "earlier",  "either",       "even",    "every",      "everyone", "few",       "finally",
    "for",      "former",       "from",    "given",      "had",      "has",       "have",
    "he",       "her",          "here",    "his",        "how",      "however",   "i",
    "if",       "in",           "instead", "into",       "is",       "it",        "its",
    "last",     "later",        "like",    "many",       "maybe",    "meanwhile", "more",
    "moreover", "most",         "mr",      "mrs",        "ms",       "much",      "my",
    "neither",  "nevertheless", "no",      "nobody",     "none",     "nor",       "not",
    "nothing",  "now",          "of",      "officials",  "on",       "once",      "one",
    "only",     "other",        "others",  "otherwise",  "our",      "over",      "perhaps",
    "several",  "she",          "should",  "since",      "so",       "some",      "someone",
    "soon",     "still",        "such",    "than",       "that",     "the",       "their",
    "them",     "then",         "there",   "therefore",  "these",    "they",      "this",
    "those",    "though",       "through", "throughout", "thus",     "to",        "today",
    "tomorrow", "two",          "under",   "unless",     "unlike",   "until",     "up",
    "upon",     "was",          "we",      "were",       "what",     "when",      "where",
    "whether",  "which",        "while",   "who",        "whoever",  "whose",     "why",
    "will",     "with",         "within",  "without",    "would",    "yes",       "yesterday",
    "yet",      "you",          "your"};

/* A single letter after these is no initial: 'Plan B. He ...'. */
static const char *const not_initials[] = {
    "annex",  "appendix", "block", "category",  "class",   "division", "exhibit",
    "figure", "grade",    "group", "hepatitis", "league",  "option",   "part",
    "phase",  "plan",     "point", "schedule",  "section", "series",   "studio",
    "table",  "team",     "type",  "vitamin"};

/* A quotation that ends in ? or ! goes on with one of these. */
static const char *const said_words[] = {
    "added",     "announced", "argued",    "asked",   "began",   "cried",   "declared", "demanded",
    "exclaimed", "explained", "joked",     "laughed", "quipped", "read",    "reads",    "recalled",
    "replied",   "reported",  "responded", "said",    "says",    "shouted", "tells",    "told",
    "tweeted",   "warned",    "wondered",  "wrote",   "yelled"};

/* Follow 'a.m.' and 'p.m.' inside a sentence. */
static const char *const after_hours[] = {
    "April",     "August",  "BST",      "Bangkok", "Beijing",  "CDT",     "CEST",    "CET",
    "CST",       "Central", "December", "EDT",     "EST",      "ET",      "Eastern", "February",
    "Fri",       "Friday",  "GMT",      "HKT",     "IST",      "JST",     "January", "July",
    "June",      "KST",     "Local",    "March",   "May",      "Mon",     "Monday",  "Mountain",
    "November",  "October", "PDT",      "PST",     "PT",       "Pacific", "Sat",     "Saturday",
    "September", "Sun",     "Sunday",   "Thu",     "Thursday", "Tokyo",   "Tue",     "Tuesday",
    "UTC",       "Wed",     "Wednesday"};

/* Names in lower case that may begin a sentence. */
static const char *const lower_names[] = {"eBay", "eBooks", "iCloud", "iMac",    "iOS",
                                          "iPad", "iPads",  "iPhone", "iPhones", "iPod",
                                          "iTV",  "iTunes", "macOS",  "watchOS", "xAI"};

static const struct {
    const char *const *words;
    size_t n;
    bool any_case;
} lists[] = {
    [WORDS_ALWAYS_OPEN] = {always_open, COUNT_OF(always_open), true},
    [WORDS_NUMBERED] = {numbered, COUNT_OF(numbered), true},
    [WORDS_PERHAPS_OPEN] = {perhaps_open, COUNT_OF(perhaps_open), true},
    [WORDS_OPENERS] = {openers, COUNT_OF(openers), true},
    [WORDS_NOT_INITIALS] = {not_initials, COUNT_OF(not_initials), true},
    [WORDS_SAID_WORDS] = {said_words, COUNT_OF(said_words), true},
    [WORDS_AFTER_HOURS] = {after_hours, COUNT_OF(after_hours), false},
    [WORDS_LOWER_NAMES] = {lower_names, COUNT_OF(lower_names), false},
};

bool sentence_word_in(enum sentence_words list, struct view word)
{
    char lower[sentence_word_bytes];
    if (word.n > sizeof lower) return false;
    for (size_t i = 0; i < word.n; i++) {
        char c = word.data[i];
        lower[i] = lists[list].any_case && c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
    }
    return text_in_list((struct view){lower, word.n}, lists[list].words, lists[list].n);
}
