/* Stage 1: the sentences of the articles, within the run's limits.
 *
 *   leave out      articles that the classifier was unsure of, where it covered enough of the genre
 *                  and at least three articles remain
 *   split          each kept (not blank) paragraph, by the text room
 *   limit          sentences a document; tokens a run (the first that would pass it ends the
 *                  collection); sentences a run (the first ones are kept, the run is partial)
 *   language       by the sentence; where it is too short to tell, by its kana, then the article's
 *                  hint, then the article as a whole */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "evidence.h"

enum { MIN_ARTICLES = 3, MIN_CHARACTERS = 2, LANGUAGE_SAMPLE = 4096 };
static const double COVERED = 0.5, UNSURE = 0.3;

struct collector {
    const recap_evidence_options *options;
    struct arena *arena;
    struct collection *out;
    size_t capacity, tokens;
    bool finished;
};

/* Of the article in hand. */
struct source {
    const recap_article *article;
    size_t index, n_sentences;
    bool language_known;
    const char *language;
};

static bool is_blank_point(uint32_t c)
{
    return c <= 0x20 || c == 0x7F || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200B) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

static bool is_blank(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n) {
        if (!is_blank_point(utf8_next(text, n, &i))) return false;
    }
    return true;
}

static bool has_kana(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n) {
        uint32_t c = utf8_next(text, n, &i);
        if (c >= 0x3041 && c <= 0x30FA) return true;
    }
    return false;
}

/* The language of a hint such as "ja", "EN-us"; NULL where it says nothing. */
static const char *hinted_language(const char *hint)
{
    if (!hint || !hint[0] || !strcasecmp(hint, "und")) return NULL;
    bool whole = !hint[1] || !hint[2] || hint[2] == '-' || hint[2] == '_';
    if (whole && !strncasecmp(hint, "ja", 2)) return "ja";
    if (whole && !strncasecmp(hint, "en", 2)) return "en";
    return "und";
}

/* What an article is written in, found out once, when a sentence needs it. */
static const char *article_language(struct source *source)
{
    if (source->language_known) return source->language;
    const recap_article *article = source->article;
    const char *language = hinted_language(article->language);
    for (size_t i = 0; !language && i < article->n_paragraphs; i++) {
        size_t n = strnlen(article->paragraphs[i], LANGUAGE_SAMPLE);
        recap_language found = recap_detect_language(article->paragraphs[i], n);
        if (found != RECAP_LANGUAGE_UNDECIDED) language = recap_language_code(found);
    }
    source->language_known = true;
    source->language = language ? language : recap_language_code(RECAP_LANGUAGE_UNDECIDED);
    return source->language;
}

static const char *sentence_language(struct source *source, const char *text, size_t n)
{
    bool kana = has_kana(text, n);
    const char *hint = hinted_language(source->article->language);
    if (hint && !strcmp(hint, "und") && !kana) return hint;
    recap_language found = recap_detect_language(text, n);
    if (found != RECAP_LANGUAGE_UNDECIDED) return recap_language_code(found);
    return kana ? recap_language_code(RECAP_LANGUAGE_JAPANESE) : article_language(source);
}

static int add_sentence(struct collector *collector, struct source *source, size_t paragraph,
                        const char *text, recap_error *error)
{
    struct collection *out = collector->out;
    size_t bytes = strlen(text), characters = utf8_count(text, bytes);
    if (characters < MIN_CHARACTERS) return RECAP_OK;
    size_t tokens = (characters + 3) / 4, limit = collector->options->max_tokens;
    if (limit && tokens > limit - collector->tokens) {
        out->token_limited = collector->finished = true;
        return RECAP_OK;
    }
    if (out->n >= collector->options->max_sentences) {
        out->partial = collector->finished = true;
        return RECAP_OK;
    }
    int status = grow_array(&out->sentences, &collector->capacity, out->n + 1,
                            sizeof(*out->sentences));
    char *copy = status ? NULL : arena_copy(collector->arena, text, bytes);
    if (!copy) return fail_memory(error, bytes + sizeof(*out->sentences));
    out->sentences[out->n++] = (recap_sentence){
        .text = copy,
        .language = sentence_language(source, copy, bytes),
        .tokens = tokens,
        .article = source->index,
        .paragraph = paragraph,
        .cluster = -1,
        .duplicate_of = -1,
    };
    collector->tokens += tokens;
    source->n_sentences++;
    return RECAP_OK;
}

/* True once the document has its share; what is over is told, not silently lost. */
static bool document_is_full(struct collector *collector, struct source *source)
{
    if (source->n_sentences < collector->options->max_sentences_per_document) return false;
    collector->out->n_articles_cut++;
    return true;
}

static int collect_paragraph(struct collector *collector, struct source *source, size_t paragraph,
                             const char *text, size_t n, bool *full, recap_error *error)
{
    recap_sentence_list list = {0};
    int status = recap_split_sentences(text, n, &list, error);
    if (status) {
        fail_prefix(error, "article %zu (\"%.80s\"), paragraph %zu", source->index,
                    source->article->id ? source->article->id : "", paragraph);
        return status;
    }
    for (size_t i = 0; !status && i < list.n && !collector->finished && !*full; i++) {
        if (utf8_count(list.items[i], strlen(list.items[i])) < MIN_CHARACTERS) continue;
        *full = document_is_full(collector, source);
        if (!*full) status = add_sentence(collector, source, paragraph, list.items[i], error);
    }
    free(list.items);
    return status;
}

static int collect_article(struct collector *collector, const recap_article *article, size_t index,
                           recap_error *error)
{
    struct source source = {.article = article, .index = index};
    size_t n_kept = 0;
    bool full = false;
    int status = RECAP_OK;
    for (size_t i = 0; !status && i < article->n_paragraphs && !full; i++) {
        const char *text = article->paragraphs[i];
        size_t n = text ? strlen(text) : 0;
        if (is_blank(text, n)) continue;
        if (!collector->finished)
            status = collect_paragraph(collector, &source, n_kept, text, n, &full, error);
        n_kept++;
    }
    if (source.n_sentences) collector->out->n_articles_used++;
    return status;
}

static bool may_leave_out(const recap_article *articles, size_t n,
                          const recap_evidence_options *options)
{
    return n > MIN_ARTICLES && options->confidence.coverage >= COVERED && articles;
}

int evidence_collect(const recap_article *articles, size_t n, const recap_evidence_options *options,
                     struct arena *arena, struct collection *out, recap_error *error)
{
    *out = (struct collection){0};
    struct collector collector = {.options = options, .arena = arena, .out = out};
    bool leave_out = may_leave_out(articles, n, options);
    int status = RECAP_OK;
    for (size_t i = 0; !status && i < n && !collector.finished; i++) {
        double confidence = articles[i].confidence;
        bool unsure = confidence >= 0 && confidence < UNSURE;
        if (leave_out && unsure && n - out->n_articles_unsure > MIN_ARTICLES) {
            out->n_articles_unsure++;
            continue;
        }
        status = collect_article(&collector, &articles[i], i, error);
    }
    recap_sentence *grown = out->sentences;
    out->sentences = status ? NULL : arena_alloc(arena, out->n, sizeof(*grown));
    if (!status && !out->sentences) status = fail_memory(error, out->n * sizeof(*grown));
    if (!status && out->n) memcpy(out->sentences, grown, out->n * sizeof(*grown));
    free(grown);
    return status;
}
