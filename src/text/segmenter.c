/* Words of a text by MeCab, whatever the text's length.
 *
 *   dictionary   chosen, checked file by file, opened without the user's mecabrc
 *   windows      MeCab sees at most window_bytes at a time
 *   words        views into the text, with the dictionary's features and our part-of-speech rule
 *
 * MeCab keeps lengths in 16 bits and looks at a run of like characters again from every place in
 * it, so its input is cut into windows; a window also ends where a run of like characters gets
 * long. The next window begins at a word that this one found, a full stop where there is one, and
 * gives that word itself: the best path through a word does not depend on the other side of it, so
 * the words are those of one call over the whole text. */
#include "text.h"

#include <mecab.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <utf8proc.h>

enum {
    window_bytes = 8192,
    run_characters = 256, /* of one class, then the window ends */
    margin_bytes = 96,    /* words so near a cut are not trusted */
};

struct segmenter {
    mecab_model_t *model;
    mecab_t *tagger;
    mecab_lattice_t *lattice;
    struct word *words;
    size_t n_words, capacity;
};

/* ---- the dictionary ---- */

static const char *const system_dictionaries[] = {
    "/var/lib/mecab/dic/ipadic-utf8",
    "/var/lib/mecab/dic/debian",
    "/usr/share/mecab/dic/ipadic",
    "/usr/lib/mecab/dic/ipadic",
};

static const char *const dictionary_files[] = {"dicrc", "sys.dic", "matrix.bin", "char.bin",
                                               "unk.dic"};

/* The default's path, freed with free(). */
static int find_default(char **out, recap_error *error)
{
    const char *set = getenv("RECAP_MECAB_DICTIONARY");
    char *path = NULL;
    if (set && *set) {
        path = copy_string(set);
        if (!path) return fail_memory(error, strlen(set));
        *out = path;
        return RECAP_OK;
    }
    char *home = path_data_home();
    path = home ? path_join(home, "dictionaries/ipadic") : NULL;
    free(home);
    if (path && path_exists(path)) {
        *out = path;
        return RECAP_OK;
    }
    free(path);
    for (size_t i = 0; i < COUNT_OF(system_dictionaries); i++) {
        if (!path_exists(system_dictionaries[i])) continue;
        *out = copy_string(system_dictionaries[i]);
        return *out ? RECAP_OK : fail_memory(error, strlen(system_dictionaries[i]));
    }
    return fail(error, RECAP_ERROR_CONFIG,
                "no MeCab dictionary: %s is not there and RECAP_MECAB_DICTIONARY is not set",
                system_dictionaries[0]);
}

static int check_file(const char *directory, const char *name, recap_error *error)
{
    char *path = path_join(directory, name);
    if (!path) return fail_memory(error, strlen(directory) + strlen(name));
    struct stat about;
    int status = RECAP_OK;
    if (stat(path, &about) != 0)
        status = fail(error, RECAP_ERROR_CONFIG, "MeCab dictionary: %s is missing", path);
    else if (!S_ISREG(about.st_mode) || about.st_size == 0)
        status = fail(error, RECAP_ERROR_CONFIG, "MeCab dictionary: %s is empty or no file", path);
    free(path);
    return status;
}

static int check_dictionary(const char *directory, recap_error *error)
{
    if (!path_exists(directory))
        return fail(error, RECAP_ERROR_CONFIG, "MeCab dictionary: %s is not there", directory);
    if (!path_is_directory(directory))
        return fail(error, RECAP_ERROR_CONFIG, "MeCab dictionary: %s is not a directory",
                    directory);
    for (size_t i = 0; i < COUNT_OF(dictionary_files); i++) {
        int status = check_file(directory, dictionary_files[i], error);
        if (status != RECAP_OK) return status;
    }
    return RECAP_OK;
}

static int open_model(struct segmenter *segmenter, const char *directory, recap_error *error)
{
    char name[] = "recap", rc[] = "-r", no_file[] = "/dev/null", dictionary[] = "-d";
    char *path = copy_string(directory);
    if (!path) return fail_memory(error, strlen(directory));
    char *arguments[] = {name, rc, no_file, dictionary, path, NULL};
    segmenter->model = mecab_model_new(5, arguments);
    free(path);
    if (!segmenter->model)
        return fail(error, RECAP_ERROR_CONFIG, "MeCab dictionary: %s: %.300s", directory,
                    mecab_strerror(NULL));
    const mecab_dictionary_info_t *about = mecab_model_dictionary_info(segmenter->model);
    if (!about || !about->charset ||
        (strcasecmp(about->charset, "utf-8") != 0 && strcasecmp(about->charset, "utf8") != 0))
        return fail(error, RECAP_ERROR_CONFIG,
                    "MeCab dictionary: %s is in charset %s, needed is UTF-8", directory,
                    about && about->charset ? about->charset : "unknown");
    segmenter->tagger = mecab_model_new_tagger(segmenter->model);
    segmenter->lattice = mecab_model_new_lattice(segmenter->model);
    if (!segmenter->tagger || !segmenter->lattice)
        return fail(error, RECAP_ERROR_CONFIG, "MeCab dictionary: %s: %.300s", directory,
                    mecab_strerror(NULL));
    return RECAP_OK;
}

int segmenter_open(const char *dictionary, struct segmenter **out, recap_error *error)
{
    *out = NULL;
    char *found = NULL;
    if (!dictionary) {
        int status = find_default(&found, error);
        if (status != RECAP_OK) return status;
        dictionary = found;
    }
    struct segmenter *segmenter = new_zeroed(1, sizeof *segmenter);
    int status = segmenter ? check_dictionary(dictionary, error)
                           : fail_memory(error, sizeof *segmenter);
    if (status == RECAP_OK) status = open_model(segmenter, dictionary, error);
    free(found);
    if (status != RECAP_OK) {
        segmenter_close(segmenter);
        return status;
    }
    *out = segmenter;
    return RECAP_OK;
}

void segmenter_close(struct segmenter *segmenter)
{
    if (!segmenter) return;
    if (segmenter->lattice) mecab_lattice_destroy(segmenter->lattice);
    if (segmenter->tagger) mecab_destroy(segmenter->tagger);
    if (segmenter->model) mecab_model_destroy(segmenter->model);
    free(segmenter->words);
    free(segmenter);
}

/* ---- parts of speech ---- */

/* Is field `index` (from 0) of the comma-separated features `wanted`? */
static bool field_is(struct view features, int index, const char *wanted)
{
    const char *p = features.data, *end = p + features.n;
    for (; index > 0 && p < end; index--) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        p = comma ? comma + 1 : end;
    }
    size_t n = strlen(wanted);
    return (size_t)(end - p) >= n && memcmp(p, wanted, n) == 0 &&
           ((size_t)(end - p) == n || p[n] == ',');
}

static bool field_in(struct view features, int index, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (field_is(features, index, list[i])) return true;
    return false;
}

/* Symbols that MeCab takes for nouns ('%', '<', '</') and bare numbers are none. */
static bool has_letter(struct view surface)
{
    for (size_t i = 0; i < surface.n;) {
        uint32_t c = utf8_next(surface.data, surface.n, &i);
        if (c == UINT32_MAX) continue;
        utf8proc_category_t kind = utf8proc_category((utf8proc_int32_t)c);
        if (kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO) return true;
    }
    return false;
}

/* The second fields that make a noun of IPADIC, UniDic or JUMAN one without a subject of its own:
 * dependent nouns, pronouns, numbers, suffixes, auxiliary stems. */
static bool is_noun(struct view features)
{
    static const char *const empty[] = {
        "非自立", "代名詞",   "数",           "接尾",       "数詞",     "助動詞語幹",
        "特殊",   "接続詞的", "動詞非自立的", "引用文字列", "形式名詞", "副詞的名詞",
    };
    return field_is(features, 0, "名詞") && !field_in(features, 1, empty, COUNT_OF(empty)) &&
           !field_is(features, 2, "助数詞可能") && !field_is(features, 2, "助数詞");
}

static bool is_content(struct view features)
{
    static const char *const empty[] = {"非自立", "接尾", "非自立可能"};
    if (field_is(features, 0, "形状詞")) return !field_is(features, 1, "助動詞語幹");
    if (!field_is(features, 0, "動詞") && !field_is(features, 0, "形容詞")) return false;
    if (field_in(features, 1, empty, COUNT_OF(empty))) return false;
    /* する and なる say nothing; IPADIC has the base form in field 6, UniDic in fields 7 and 10. */
    static const char *const light[] = {"する", "なる", "ある", "いる", "できる", "為る", "成る"};
    for (int field = 4; field <= 10; field++)
        if (field_in(features, field, light, COUNT_OF(light))) return false;
    return true;
}

/* ---- windows ---- */

enum run_class { RUN_NONE, RUN_LETTER, RUN_DIGIT, RUN_KATAKANA, RUN_OTHER };

/* Coarser than any dictionary's classes; kanji and hiragana are not run together by them. */
static enum run_class class_of(uint32_t c)
{
    if (c >= '0' && c <= '9') return RUN_DIGIT;
    if ((c | 32) >= 'a' && (c | 32) <= 'z') return RUN_LETTER;
    if (c == ' ' || (c >= 0x3041 && c <= 0x309F) || (c >= 0x3400 && c <= 0x9FFF)) return RUN_NONE;
    if (c >= 0x30A0 && c <= 0x30FF) return RUN_KATAKANA;
    if (c >= 0xFF10 && c <= 0xFF19) return RUN_DIGIT;
    if ((c >= 0xC0 && c <= 0x52F) || (c >= 0xFF21 && c <= 0xFF5A)) return RUN_LETTER;
    return RUN_OTHER;
}

/* Where the window that begins at `start` ends, on a character. */
static size_t window_end(struct view text, size_t start)
{
    size_t i = start, limit = text.n - start > window_bytes ? start + window_bytes : text.n;
    int run = 0;
    enum run_class last = RUN_NONE;
    while (i < limit && run < run_characters) {
        size_t next = i;
        enum run_class class = class_of(utf8_next(text.data, text.n, &next));
        if (next > limit) break;
        run = class != RUN_NONE && class == last ? run + 1 : 0;
        last = class;
        i = next;
    }
    return i;
}

static int add_word(struct segmenter *segmenter, const mecab_node_t *node, recap_error *error)
{
    if (grow_array(&segmenter->words, &segmenter->capacity, segmenter->n_words + 1,
                   sizeof *segmenter->words) != RECAP_OK)
        return fail_memory(error, segmenter->capacity * sizeof *segmenter->words);
    struct word *word = &segmenter->words[segmenter->n_words++];
    word->surface = (struct view){node->surface, node->length};
    word->features = view_of(node->feature);
    word->known = node->stat == MECAB_NOR_NODE;
    bool letters = has_letter(word->surface);
    word->noun = letters && is_noun(word->features);
    word->content = word->noun || (letters && is_content(word->features));
    return RECAP_OK;
}

static bool is_stop(const mecab_node_t *node)
{
    return (node->length == 3 && memcmp(node->surface, "。", 3) == 0) ||
           (node->length == 1 && memchr(".!?\n", node->surface[0], 4));
}

/* The word that the next window shall begin with: the last full stop in the second half that is not
 * too near the cut, else the last such word; NULL: none but the first. */
static const mecab_node_t *choose_seam(const mecab_node_t *first, const char *begin,
                                       const char *end)
{
    const mecab_node_t *seam = NULL, *stop = NULL;
    for (const mecab_node_t *node = first; node && node->stat != MECAB_EOS_NODE;
         node = node->next) {
        const char *after = node->surface + node->length;
        if (after + margin_bytes > end) break;
        if (node->surface == begin || node == first) continue;
        seam = node;
        if (is_stop(node) && node->surface - begin > (end - begin) / 2) stop = node;
    }
    return stop ? stop : seam;
}

/* Adds the words from *start on and moves *start to where the next window begins. */
static int split_window(struct segmenter *segmenter, struct view text, size_t *start,
                        recap_error *error)
{
    const char *begin = text.data + *start, *end = text.data + window_end(text, *start);
    mecab_lattice_set_sentence2(segmenter->lattice, begin, (size_t)(end - begin));
    if (!mecab_parse_lattice(segmenter->tagger, segmenter->lattice))
        return fail(error, RECAP_ERROR_INTERNAL, "MeCab failed at byte %zu of %zu: %.200s", *start,
                    text.n, mecab_lattice_strerror(segmenter->lattice));
    const mecab_node_t *first = mecab_lattice_get_bos_node(segmenter->lattice)->next;
    const mecab_node_t *seam = NULL;
    if (end < text.data + text.n) seam = choose_seam(first, begin, end);
    for (const mecab_node_t *node = first; node && node != seam && node->stat != MECAB_EOS_NODE;
         node = node->next) {
        int status = add_word(segmenter, node, error);
        if (status != RECAP_OK) return status;
    }
    *start = (size_t)((seam ? seam->surface : end) - text.data);
    return RECAP_OK;
}

int segmenter_split(struct segmenter *segmenter, struct view text, const struct word **words,
                    size_t *n, recap_error *error)
{
    segmenter->n_words = 0;
    for (size_t start = 0; start < text.n;) {
        int status = split_window(segmenter, text, &start, error);
        if (status != RECAP_OK) return status;
    }
    *words = segmenter->words;
    *n = segmenter->n_words;
    return RECAP_OK;
}
