/* BertJapanese: NFKC, words by MeCab, then WordPiece (or characters) inside each word.
 *
 * A segmenter serves one thread at a time, and opening one reads a dictionary: those that are not
 * in use wait in a list, so that there are never more than callers at once. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tokenizer_private.h"

/* ---- which dictionary ---- */

/* $RECAP_MECAB_DICTIONARY_NAME, XDG_DATA_HOME/recap/dictionaries/NAME, for ipadic Debian's. */
static int find_dictionary(const char *where, const char *name, char **out, recap_error *error)
{
    static const char system_ipadic[] = "/var/lib/mecab/dic/ipadic-utf8";
    struct buf variable = {0}, folder = {0};
    buf_add_string(&variable, "RECAP_MECAB_DICTIONARY_");
    for (const char *c = name; *c; c++) buf_add_byte(&variable, (char)toupper((unsigned char)*c));
    buf_printf(&folder, "dictionaries/%s", name);
    char *home = path_data_home(), *ours = NULL;
    if (home && !folder.failed) ours = path_join(home, folder.data);
    const char *set = variable.failed ? NULL : getenv(variable.data), *found = NULL;
    if (set && *set)
        found = set;
    else if (ours && path_exists(ours))
        found = ours;
    else if (strcmp(name, "ipadic") == 0 && path_exists(system_ipadic))
        found = system_ipadic;
    int status = RECAP_OK;
    *out = found ? copy_string(found) : NULL;
    if (!ours || variable.failed || (found && !*out))
        status = fail_memory(error, strlen(name) + 256);
    else if (!found)
        status = fail(error, RECAP_ERROR_CONFIG,
                      "%s: needs MeCab dictionary %s: %s is not there and %s is not set", where,
                      name, ours, variable.data);
    free(ours);
    free(home);
    buf_free(&variable);
    buf_free(&folder);
    return status;
}

/* One word of an option string, without its quotes; *text moves behind it. */
static struct view option_word(const char **text)
{
    const char *p = *text + strspn(*text, " \t");
    bool quoted = *p == '"';
    p += quoted;
    struct view word = {p, strcspn(p, quoted ? "\"" : " \t")};
    p += word.n;
    *text = quoted && *p ? p + 1 : p;
    return word;
}

/* The directory of "-d DIR" in mecab_option; "-r FILE" is passed over. */
static int option_directory(const char *where, const char *option, char **out, recap_error *error)
{
    const char *p = option;
    struct view directory = {NULL, 0};
    bool known = true;
    while (known && *p) {
        struct view name = option_word(&p);
        if (name.n == 0) break;
        known = view_equal(name, view_of("-d")) || view_equal(name, view_of("-r"));
        struct view value = option_word(&p);
        if (name.data[1] == 'd') directory = value;
    }
    if (!known || directory.n == 0)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: mecab_kwargs: mecab_option \"%.200s\"; only -d DIR is supported", where,
                    option);
    *out = copy_bytes(directory.data, directory.n);
    return *out ? RECAP_OK : fail_memory(error, directory.n);
}

static int choose_dictionary(const char *where, const json_t *config, char **out,
                             recap_error *error)
{
    static const char *const known[] = {"ipadic", "unidic_lite", "unidic"};
    const json_t *kwargs = json_object_get(config, "mecab_kwargs");
    const json_t *named = json_object_get(kwargs, "mecab_dic");
    const char *name, *option;
    int status = model_get_string(where, kwargs, "mecab_option", "", &option, error);
    if (status != RECAP_OK) return status;
    if (named && json_is_null(named)) return option_directory(where, option, out, error);
    /* Directories that don't say it are of the time when ipadic was the reference's default. */
    status = model_get_string(where, kwargs, "mecab_dic", "ipadic", &name, error);
    if (status != RECAP_OK) return status;
    if (*option)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: mecab_kwargs: mecab_option \"%.200s\" beside mecab_dic is not supported",
                    where, option);
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (strcmp(known[i], name) == 0) return find_dictionary(where, name, out, error);
    return fail(error, RECAP_ERROR_MODEL,
                "%s: mecab_kwargs: mecab_dic \"%.60s\" is not supported (ipadic, unidic_lite, "
                "unidic)",
                where, name);
}

/* ---- reading ---- */

static int add_steps(recap_tokenizer *tokenizer, const char *where, const json_t *config,
                     recap_error *error)
{
    const json_t *kwargs = json_object_get(config, "mecab_kwargs");
    bool normalize, lowercase;
    char *dictionary = NULL;
    int status = model_get_bool(where, kwargs, "normalize_text", true, &normalize, error);
    if (status == RECAP_OK)
        status = model_get_bool(where, config, "do_lower_case", false, &lowercase, error);
    if (status == RECAP_OK) status = choose_dictionary(where, config, &dictionary, error);
    if (status != RECAP_OK) return status;
    struct pretokenizer_step *step = pretokenizer_add(&tokenizer->pretokenizer, PRETOKENIZER_MECAB,
                                                      error);
    status = step ? mecab_words_open(&step->words, where, dictionary, lowercase, error)
                  : error->code;
    free(dictionary);
    if (status != RECAP_OK || !normalize) return status;
    struct normalizer_step *form = normalizer_add(&tokenizer->normalizer, NORMALIZER_FORM, error);
    if (!form) return error->code;
    form->form = FORM_COMPOSE | FORM_COMPATIBLE | FORM_CURRENT;
    return RECAP_OK;
}

int bert_japanese_read(recap_tokenizer *tokenizer, const char *where, const json_t *config,
                       recap_error *error)
{
    const char *word_type, *subword_type;
    int status = model_get_string(where, config, "word_tokenizer_type", "basic", &word_type, error);
    if (status == RECAP_OK)
        status = model_get_string(where, config, "subword_tokenizer_type", "wordpiece",
                                  &subword_type, error);
    if (status != RECAP_OK) return status;
    if (strcmp(word_type, "mecab") != 0)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: word_tokenizer_type \"%.60s\" is not supported (mecab is)", where,
                    word_type);
    tokenizer->wordpiece.characters = strcmp(subword_type, "character") == 0;
    if (!tokenizer->wordpiece.characters && strcmp(subword_type, "wordpiece") != 0)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: subword_tokenizer_type \"%.60s\" is not supported (wordpiece, character)",
                    where, subword_type);
    tokenizer->kind = "bert-japanese";
    return add_steps(tokenizer, where, config, error);
}

/* ---- segmenters ---- */

static int lend(struct mecab_words *words, struct segmenter **out, recap_error *error)
{
    *out = NULL;
    pthread_mutex_lock(&words->lock);
    if (words->n_idle) *out = words->idle[--words->n_idle];
    pthread_mutex_unlock(&words->lock);
    return *out ? RECAP_OK : segmenter_open(words->dictionary, out, error);
}

static void take_back(struct mecab_words *words, struct segmenter *segmenter)
{
    pthread_mutex_lock(&words->lock);
    bool kept = grow_array(&words->idle, &words->capacity, words->n_idle + 1,
                           sizeof *words->idle) == RECAP_OK;
    if (kept) words->idle[words->n_idle++] = segmenter;
    pthread_mutex_unlock(&words->lock);
    if (!kept) segmenter_close(segmenter);
}

int mecab_words_open(struct mecab_words **out, const char *where, const char *dictionary,
                     bool lowercase, recap_error *error)
{
    struct mecab_words *words = new_zeroed(1, sizeof *words);
    if (!words) return fail_memory(error, sizeof *words);
    pthread_mutex_init(&words->lock, NULL);
    words->lowercase = lowercase;
    words->dictionary = copy_string(dictionary);
    *out = words;
    if (!words->dictionary) return fail_memory(error, strlen(dictionary));
    struct segmenter *segmenter;
    int status = lend(words, &segmenter, error); /* a missing file is said at the start */
    if (status != RECAP_OK) {
        fail_prefix(error, "%s", where);
        return status;
    }
    take_back(words, segmenter);
    return RECAP_OK;
}

void mecab_words_close(struct mecab_words *words)
{
    if (!words) return;
    for (size_t i = 0; i < words->n_idle; i++) segmenter_close(words->idle[i]);
    free(words->idle);
    free(words->dictionary);
    pthread_mutex_destroy(&words->lock);
    free(words);
}

/* A word becomes a piece; white space inside it parts it. */
static int add_word(const struct mecab_words *words, struct tokenizer_work *work,
                    struct view surface, recap_error *error)
{
    size_t begin = work->other.n;
    for (size_t i = 0; i < surface.n;) {
        size_t start = i;
        uint32_t c = next_char(surface.data, surface.n, &i);
        if (char_is_space(c) || (c >= 0x1C && c <= 0x1F)) {
            int status = pieces_add(&work->more, begin, work->other.n, error);
            if (status != RECAP_OK) return status;
            begin = work->other.n;
        } else if (words->lowercase) {
            buf_add_lower(&work->other, c);
        } else {
            buf_add(&work->other, surface.data + start, i - start);
        }
    }
    return pieces_add(&work->more, begin, work->other.n, error);
}

int mecab_words_apply(struct mecab_words *words, struct tokenizer_work *work, recap_error *error)
{
    struct segmenter *segmenter;
    const struct word *found;
    size_t n;
    int status = lend(words, &segmenter, error);
    if (status != RECAP_OK) return status;
    struct view text = {work->text.data ? work->text.data : "", work->text.n};
    /* The reference hands MeCab a C string and loses what follows; only comparisons want that. */
    if (work->as_reference) text.n = strnlen(text.data, text.n);
    status = segmenter_split(segmenter, text, &found, &n, error);
    for (size_t i = 0; i < n && status == RECAP_OK; i++)
        status = add_word(words, work, found[i].surface, error);
    take_back(words, segmenter);
    return status;
}
