/* What keeps two alike sentences from being one: their numbers, names, negations and directions.
 *
 * An embedder puts sentences of one template together whatever they say ("8080番ポート…" and
 * "8081番ポート…", two companies' dividends, two papers' by-lines), so a cosine alone doesn't make
 * a duplicate. Compared word by word:
 *
 *   numbers      runs of digits, "1,000" as "1000"; English number words up to twelve
 *   names        Latin words with a capital that are no stop words; runs of at least two kanji or
 *                katakana, which are nearly all of a Japanese sentence's nouns
 *   words        Latin words of four letters and more that are neither names nor stop words, by
 *                their stems
 *   negation     not, never, no ...; ない, ません ...
 *   direction    rose / fell, 上昇 / 下落 ...
 *
 * Two sentences contradict each other where each has a number, or each a name, that the other lacks
 * (one that only says less is no contradiction), where one is negated and the other is not, or
 * where they point in opposite directions. Measured in docs/decisions/dedup-rule.md. */
#include <stdlib.h>
#include <string.h>

#include "evidence_private.h"

enum {
    MIN_WORD = 4,
    MAX_FACTS = 256 /* of a kind and sentence; further ones are not compared */
};

struct fact_list {
    struct view *items; /* [n] views into the sentence's text */
    size_t n, capacity;
};

struct assertion {
    struct view text;                     /* lower-cased ASCII */
    struct view *numbers, *names, *words; /* [n_numbers], [n_names], [n_words] */
    size_t n_numbers, n_names, n_words;
    uint32_t up, down; /* bits by direction */
    bool negated;
};

struct facts {
    struct arena arena;
    struct assertion *assertions; /* [n] */
};

/* ---- characters ---- */

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_capital(uint32_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7);
}

static bool is_latin(uint32_t c)
{
    return ((c | 32) >= 'a' && (c | 32) <= 'z') ||
           (c >= 0xC0 && c <= 0x24F && c != 0xD7 && c != 0xF7);
}

static bool is_katakana(uint32_t c)
{
    return c >= 0x30A1 && c <= 0x30FF && c != 0x30FB;
}

static bool is_numeral(uint32_t c)
{
    return is_digit(c) || c == ',' || c == '.';
}

/* ---- tables ---- */

static const struct {
    const char *word, *digits;
} number_words[] = {
    {"one", "1"},  {"two", "2"},  {"three", "3"},   {"four", "4"},
    {"five", "5"}, {"six", "6"},  {"seven", "7"},   {"eight", "8"},
    {"nine", "9"}, {"ten", "10"}, {"eleven", "11"}, {"twelve", "12"},
};

static const char *const negations[] = {"not",     "no",  "never",   "none",
                                        "neither", "nor", "without", "cannot"};
static const char *const japanese_negations[] = {"ない",   "なかった", "なく",
                                                 "ません", "せず",     "できず"};

/* One bit a direction. English words whole, Japanese ones anywhere. */
static const struct {
    int bit;
    const char *up, *down;
} directions[] = {
    {0, "rise", "fall"},           {0, "rises", "falls"},         {0, "rose", "fell"},
    {0, "risen", "fallen"},        {0, "rising", "falling"},      {0, "increase", "decrease"},
    {0, "increased", "decreased"}, {0, "gained", "lost"},         {0, "up", "down"},
    {0, "higher", "lower"},        {0, "raised", "cut"},          {0, "raises", "cuts"},
    {0, "上昇", "下落"},           {0, "増加", "減少"},           {0, "値上", "値下"},
    {0, "引き上げ", "引き下げ"},   {0, "高値", "安値"},           {1, "won", "lost"},
    {1, "wins", "loses"},          {1, "勝利", "敗北"},           {1, "勝っ", "敗れ"},
    {2, "bought", "sold"},         {2, "buys", "sells"},          {2, "buy", "sell"},
    {2, "買収", "売却"},           {3, "approved", "rejected"},   {3, "approves", "rejects"},
    {3, "可決", "否決"},           {4, "opened", "closed"},       {4, "opens", "closes"},
    {4, "開幕", "閉幕"},           {5, "always", "never"},        {6, "profit", "loss"},
    {7, "before", "after"},        {8, "convicted", "acquitted"}, {8, "有罪", "無罪"},
};

/* ---- collecting ---- */

struct collector {
    struct facts *facts;
    struct fact_list numbers, names, words;
    recap_error *error;
};

static int add_fact(struct fact_list *list, struct view fact)
{
    if (list->n == MAX_FACTS) return RECAP_OK;
    if (grow_array(&list->items, &list->capacity, list->n + 1, sizeof(*list->items)))
        return RECAP_ERROR_MEMORY;
    list->items[list->n++] = fact;
    return RECAP_OK;
}

/* "1,000." as "1000". */
static int add_number(struct collector *collector, struct view run)
{
    while (run.n && !is_digit((uint8_t)run.data[run.n - 1])) run.n--;
    char *digits = arena_copy(&collector->facts->arena, run.data, run.n);
    if (!digits) return RECAP_ERROR_MEMORY;
    size_t n = 0;
    for (size_t i = 0; i < run.n; i++) {
        if (run.data[i] != ',') digits[n++] = run.data[i];
    }
    return add_fact(&collector->numbers, (struct view){digits, n});
}

static void mark_directions(struct assertion *assertion, struct view word)
{
    for (size_t i = 0; i < COUNT_OF(directions); i++) {
        if (view_equal(word, view_of(directions[i].up))) assertion->up |= 1U << directions[i].bit;
        if (view_equal(word, view_of(directions[i].down)))
            assertion->down |= 1U << directions[i].bit;
    }
}

static bool is_negation(struct view word)
{
    for (size_t i = 0; i < COUNT_OF(negations); i++) {
        if (view_equal(word, view_of(negations[i]))) return true;
    }
    return false;
}

/* `word` in lower case, `capital` as it was written. */
static int add_latin(struct collector *collector, struct assertion *assertion, struct view word,
                     bool capital)
{
    mark_directions(assertion, word);
    if (is_negation(word)) assertion->negated = true;
    for (size_t i = 0; i < COUNT_OF(number_words); i++) {
        if (view_equal(word, view_of(number_words[i].word)))
            return add_fact(&collector->numbers, view_of(number_words[i].digits));
    }
    if (word.n < 2 || text_is_stop_word(word, RECAP_LANGUAGE_ENGLISH)) return RECAP_OK;
    if (capital) return add_fact(&collector->names, word);
    if (word.n < MIN_WORD) return RECAP_OK;
    /* "launches" and "launched" begin alike. */
    word.n = word.n >= MIN_WORD + 2 ? word.n - 2 : MIN_WORD;
    return add_fact(&collector->words, word);
}

static int add_japanese(struct collector *collector, struct view run)
{
    if (utf8_count(run.data, run.n) < 2) return RECAP_OK;
    if (text_is_stop_word(run, RECAP_LANGUAGE_JAPANESE)) return RECAP_OK;
    return add_fact(&collector->names, run);
}

static bool is_not_ending(struct view text, size_t i)
{
    return i + 1 < text.n && text.data[i] == '\'' && text.data[i + 1] == 't';
}

/* One run of like characters at `begin`; *end behind it. `original` has the capitals. */
static int add_run(struct collector *collector, struct assertion *assertion, struct view original,
                   size_t begin, size_t *end)
{
    struct view text = assertion->text;
    size_t next = begin;
    uint32_t c = utf8_next(original.data, original.n, &next);
    bool (*belongs)(uint32_t) = is_digit(c)            ? is_numeral
                                : is_latin(c)          ? is_latin
                                : evidence_is_kanji(c) ? evidence_is_kanji
                                : is_katakana(c)       ? is_katakana
                                                       : NULL;
    *end = belongs ? evidence_run_end(text, begin, belongs) : next;
    struct view run = {text.data + begin, *end - begin};
    if (!belongs) return RECAP_OK;
    if (is_digit(c)) return add_number(collector, run);
    if (!is_latin(c)) return add_japanese(collector, run);
    if (is_not_ending(text, *end)) assertion->negated = true;
    return add_latin(collector, assertion, run, is_capital(c));
}

static bool has(struct view text, const char *part)
{
    return memmem(text.data, text.n, part, strlen(part)) != NULL;
}

static void mark_japanese(struct assertion *assertion)
{
    for (size_t i = 0; i < COUNT_OF(japanese_negations); i++) {
        if (has(assertion->text, japanese_negations[i])) assertion->negated = true;
    }
    for (size_t i = 0; i < COUNT_OF(directions); i++) {
        if ((uint8_t)directions[i].up[0] < 0x80) continue;
        if (has(assertion->text, directions[i].up)) assertion->up |= 1U << directions[i].bit;
        if (has(assertion->text, directions[i].down)) assertion->down |= 1U << directions[i].bit;
    }
}

static int store_list(struct arena *arena, const struct fact_list *list, struct view **out,
                      size_t *n)
{
    *out = arena_alloc(arena, list->n, sizeof(**out));
    if (!*out) return RECAP_ERROR_MEMORY;
    if (list->n) memcpy(*out, list->items, list->n * sizeof(**out));
    *n = list->n;
    return RECAP_OK;
}

static int collect_one(struct collector *collector, const char *sentence, struct assertion *out)
{
    struct arena *arena = &collector->facts->arena;
    struct view original = view_of(sentence);
    char *folded = arena_copy(arena, original.data, original.n);
    if (!folded) return RECAP_ERROR_MEMORY;
    for (size_t i = 0; i < original.n; i++) {
        if (folded[i] >= 'A' && folded[i] <= 'Z') folded[i] = (char)(folded[i] + 32);
    }
    out->text = (struct view){folded, original.n};
    collector->numbers.n = collector->names.n = collector->words.n = 0;
    int status = RECAP_OK;
    for (size_t i = 0; !status && i < original.n;)
        status = add_run(collector, out, original, i, &i);
    mark_japanese(out);
    if (!status) status = store_list(arena, &collector->numbers, &out->numbers, &out->n_numbers);
    if (!status) status = store_list(arena, &collector->names, &out->names, &out->n_names);
    if (!status) status = store_list(arena, &collector->words, &out->words, &out->n_words);
    return status;
}

int facts_collect(const recap_sentence *sentences, size_t n, struct facts **out, recap_error *error)
{
    struct facts *facts = new_zeroed(1, sizeof(*facts));
    struct collector collector = {.facts = facts, .error = error};
    int status = facts ? RECAP_OK : RECAP_ERROR_MEMORY;
    if (facts) facts->assertions = new_zeroed(n, sizeof(*facts->assertions));
    if (facts && !facts->assertions) status = RECAP_ERROR_MEMORY;
    for (size_t i = 0; !status && i < n; i++)
        status = collect_one(&collector, sentences[i].text, &facts->assertions[i]);
    free(collector.numbers.items);
    free(collector.names.items);
    free(collector.words.items);
    if (status) {
        facts_free(facts);
        return fail_memory(error, n * sizeof(*facts->assertions));
    }
    *out = facts;
    return RECAP_OK;
}

void facts_free(struct facts *facts)
{
    if (!facts) return;
    arena_free(&facts->arena);
    free(facts->assertions);
    free(facts);
}

/* ---- comparing ---- */

static size_t count_number(const struct assertion *in, struct view number)
{
    size_t count = 0;
    for (size_t i = 0; i < in->n_numbers; i++) count += view_equal(in->numbers[i], number);
    return count;
}

/* Repeats count: "7月7日" is not "7月2日" that says more. */
static bool lacks_number(const struct assertion *from, const struct assertion *in)
{
    for (size_t i = 0; i < from->n_numbers; i++) {
        if (count_number(from, from->numbers[i]) > count_number(in, from->numbers[i])) return true;
    }
    return false;
}

static bool is_ascii_letter(char c)
{
    return ((uint8_t)c | 32) >= 'a' && ((uint8_t)c | 32) <= 'z';
}

/* Latin names are whole words, stems begin one; Japanese names may be part of a longer one. */
static bool mentions(struct view text, struct view name, bool is_stem)
{
    const char *at = text.data, *end = text.data + text.n;
    bool latin = is_ascii_letter(name.data[0]);
    while ((at = memmem(at, (size_t)(end - at), name.data, name.n))) {
        const char *after = at + name.n;
        bool starts = at == text.data || !is_ascii_letter(at[-1]);
        bool ends = is_stem || after == end || !is_ascii_letter(*after);
        if (!latin || (starts && ends)) return true;
        at++;
    }
    return false;
}

static size_t count_missing(const struct view *facts, size_t n, struct view in, bool are_stems)
{
    size_t missing = 0;
    for (size_t i = 0; i < n; i++) missing += !mentions(in, facts[i], are_stems);
    return missing;
}

static bool names_contradict(const struct assertion *x, const struct assertion *y)
{
    size_t x_missing = count_missing(x->names, x->n_names, y->text, false);
    size_t y_missing = count_missing(y->names, y->n_names, x->text, false);
    if (x_missing && y_missing) return true;
    return 2 * x_missing > x->n_names || 2 * y_missing > y->n_names;
}

static bool words_contradict(const struct assertion *x, const struct assertion *y)
{
    return 2 * count_missing(x->words, x->n_words, y->text, true) > x->n_words &&
           2 * count_missing(y->words, y->n_words, x->text, true) > y->n_words;
}

static bool oppose(const struct assertion *a, const struct assertion *b)
{
    uint32_t a_up = a->up & ~a->down, a_down = a->down & ~a->up;
    uint32_t b_up = b->up & ~b->down, b_down = b->down & ~b->up;
    return (a_up & b_down) || (a_down & b_up);
}

bool facts_contradict(const struct facts *facts, size_t a, size_t b)
{
    const struct assertion *x = &facts->assertions[a], *y = &facts->assertions[b];
    if (view_equal(x->text, y->text)) return false;
    if (x->negated != y->negated || oppose(x, y)) return true;
    if (lacks_number(x, y) && lacks_number(y, x)) return true;
    return names_contradict(x, y) || words_contradict(x, y);
}
