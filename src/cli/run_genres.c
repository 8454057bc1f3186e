/* The genres of a run: given, from a classifier, or one for all.
 *
 * An article's own genre counts unless --classify-with names a classifier for all. What is left is
 * classified where a classifier is set; else it is "other" if any article had a genre, and "all" if
 * none had. */
#include <stdlib.h>
#include <string.h>

#include "run.h"

enum { classified_bytes = 6000 }; /* of a text: more than 256 ids ever need */

/* ---- the classifier ---- */

static bool is_head(const char *directory)
{
    char *path = path_join(directory, "head.json");
    bool found = path && path_exists(path);
    free(path);
    return found;
}

static bool classifies_all(const struct run *run)
{
    const char *with = run->values->classify_with;
    return with && strcmp(with, "given") != 0 && strcmp(with, "none") != 0;
}

int run_open_classifier(struct run *run, recap_error *error)
{
    const struct run_values *values = run->values;
    struct genre_wishes wishes = {
        .head = values->head,
        .japanese = values->japanese,
        .english = values->english,
        .threshold = -1,
        .embedder = run->model,
    };
    if (values->classify_with && !classifies_all(run)) return RECAP_OK;
    if (classifies_all(run) && (wishes.head || wishes.japanese || wishes.english))
        return fail(error, RECAP_ERROR_USAGE,
                    "run: --classify-with excludes --head, --ja-model and --en-model");
    if (classifies_all(run)) {
        if (is_head(values->classify_with))
            wishes.head = values->classify_with;
        else
            wishes.english = values->classify_with; /* alone, it serves every language */
    }
    bool found;
    return genres_open(run->call, &wishes, &run->classifier, &found, error);
}

/* Title and paragraphs, as far as a classifier reads. */
static char *text_of(const recap_article *article, size_t *n)
{
    struct buf text = {0};
    if (article->title) buf_printf(&text, "%s\n", article->title);
    for (size_t i = 0; i < article->n_paragraphs && text.n < classified_bytes; i++) {
        buf_add_string(&text, article->paragraphs[i]);
        buf_add_byte(&text, '\n');
    }
    if (text.n > classified_bytes) {
        text.n = classified_bytes;
        while (text.n && ((unsigned char)text.data[text.n] & 0xC0) == 0x80) text.n--;
    }
    return buf_take(&text, n);
}

static int take_classes(struct run *run, const size_t *which, size_t n, const float *scores,
                        recap_error *error)
{
    size_t n_labels, reached = 0;
    double sum = 0;
    const char *const *labels = recap_classifier_labels(run->classifier.classifier, &n_labels);
    for (size_t i = 0; i < n; i++) {
        const float *row = scores + i * n_labels;
        size_t top = recap_top_genre(run->classifier.classifier, row);
        recap_article *article = &run->articles[which[i]];
        article->genre = labels[top];
        article->confidence = (double)row[top];
        sum += article->confidence;
        reached += article->confidence >=
                   recap_classifier_threshold(run->classifier.classifier, top);
    }
    run->confidence.average = sum / (double)n;
    run->confidence.coverage = (double)reached / (double)n;
    run->classified = true;
    return RECAP_OK;
}

/* which [n]: the articles to classify. */
static int classify(struct run *run, const size_t *which, size_t n, recap_error *error)
{
    size_t n_labels, total;
    recap_classifier_labels(run->classifier.classifier, &n_labels);
    recap_text *texts = new_zeroed(n, sizeof *texts);
    float *scores = size_mul(n, n_labels, &total) ? new_array(total, sizeof *scores) : NULL;
    int status = texts && scores ? RECAP_OK : fail_memory(error, n * n_labels * sizeof *scores);
    for (size_t i = 0; i < n && status == RECAP_OK; i++) {
        texts[i].data = text_of(&run->articles[which[i]], &texts[i].n);
        if (!texts[i].data) status = fail_memory(error, classified_bytes);
    }
    if (status == RECAP_OK)
        status = recap_classify_texts(run->call->context, run->classifier.classifier, texts, n,
                                      scores, NULL, error);
    if (status == RECAP_OK) status = take_classes(run, which, n, scores, error);
    for (size_t i = 0; texts && i < n; i++) free((void *)(uintptr_t)texts[i].data);
    free(texts);
    free(scores);
    return status;
}

/* ---- every article gets a genre ---- */

static int give_genres(struct run *run, recap_error *error)
{
    bool one = run->values->classify_with && strcmp(run->values->classify_with, "none") == 0;
    bool anew = classifies_all(run);
    size_t *which = new_array(run->n_articles, sizeof *which), n = 0, given = 0;
    if (!which) return fail_memory(error, run->n_articles * sizeof *which);
    for (size_t i = 0; i < run->n_articles; i++) {
        if (one || anew) run->articles[i].genre = NULL;
        if (run->articles[i].genre)
            given++;
        else
            which[n++] = i;
    }
    int status = RECAP_OK;
    run->genres_from = given ? "given" : "none";
    if (run->classifier.classifier && n && !one) {
        double started = clock_seconds();
        status = classify(run, which, n, error);
        run->classify_seconds = clock_seconds() - started;
        const char *name = run->values->classify_with ? run->values->classify_with : "classifier";
        run->genres_from = given ? "given and classifier" : name;
    } else {
        for (size_t i = 0; i < n; i++) run->articles[which[i]].genre = given ? "other" : "all";
    }
    free(which);
    return status;
}

/* ---- groups ---- */

static bool is_wished(const char *list, const char *genre)
{
    if (!list) return true;
    size_t n = strlen(genre);
    for (const char *c = list; *c;) {
        size_t m = strcspn(c, ",");
        if (m == n && strncmp(c, genre, n) == 0) return true;
        c += m + (c[m] == ',');
    }
    return false;
}

static struct run_genre *find_genre(struct run *run, const char *name)
{
    for (size_t i = 0; i < run->n_genres; i++)
        if (strcmp(run->genres[i].name, name) == 0) return &run->genres[i];
    return NULL;
}

/* Drops the articles of other genres; their places close up. */
static void keep_wished(struct run *run)
{
    size_t n = 0;
    for (size_t i = 0; i < run->n_articles; i++) {
        if (!is_wished(run->values->genres, run->articles[i].genre))
            run->n_filtered++;
        else
            run->articles[n++] = run->articles[i];
    }
    run->n_articles = n;
}

static int count_genres(struct run *run, recap_error *error)
{
    size_t capacity = 0;
    for (size_t i = 0; i < run->n_articles; i++) {
        struct run_genre *genre = find_genre(run, run->articles[i].genre);
        if (!genre) {
            if (grow_array(&run->genres, &capacity, run->n_genres + 1, sizeof *run->genres))
                return fail_memory(error, run->n_genres * sizeof *run->genres);
            genre = &run->genres[run->n_genres++];
            *genre = (struct run_genre){.name = run->articles[i].genre};
        }
        genre->n++;
    }
    return RECAP_OK;
}

static int fill_genre(struct run *run, struct run_genre *genre, recap_error *error)
{
    genre->articles = arena_alloc(&run->arena, genre->n, sizeof *genre->articles);
    genre->members = arena_alloc(&run->arena, genre->n, sizeof *genre->members);
    if (!genre->articles || !genre->members) return fail_memory(error, genre->n * 100);
    size_t n = 0;
    for (size_t i = 0; i < run->n_articles; i++) {
        if (strcmp(run->articles[i].genre, genre->name) != 0) continue;
        genre->articles[n] = i;
        genre->members[n++] = run->articles[i];
    }
    return RECAP_OK;
}

/* Most articles first; equal ones by name, so that the order of the input does not matter. */
static int by_size(const void *a, const void *b)
{
    const struct run_genre *x = a, *y = b;
    if (x->n != y->n) return x->n < y->n ? 1 : -1;
    return strcmp(x->name, y->name);
}

int run_group_genres(struct run *run, recap_error *error)
{
    int status = give_genres(run, error);
    if (status != RECAP_OK) return status;
    keep_wished(run);
    if (run->n_articles == 0)
        return fail(error, RECAP_ERROR_INPUT, "run: no article is of the wished genres (%s)",
                    run->values->genres);
    status = count_genres(run, error);
    if (status != RECAP_OK) return status;
    qsort(run->genres, run->n_genres, sizeof *run->genres, by_size);
    for (size_t i = 0; i < run->n_genres && status == RECAP_OK; i++)
        status = fill_genre(run, &run->genres[i], error);
    return status;
}
