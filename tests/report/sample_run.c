/* See sample_run.h. Allocation failures are not handled: these are tests. */
#include "sample_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static void *take(struct sample *sample, size_t n, size_t size)
{
    void *memory = arena_alloc(&sample->arena, n ? n : 1, size);
    if (!memory) abort();
    return memory;
}

static const char *keep(struct sample *sample, const char *text)
{
    char *copy = text ? arena_copy(&sample->arena, text, strlen(text)) : NULL;
    if (text && !copy) abort();
    return copy;
}

/* ---- by hand ---- */

static const char *mix(struct sample *sample, const char *text, const char *hostile)
{
    struct buf buf = {0};
    buf_add_string(&buf, text);
    if (hostile) buf_add_string(&buf, hostile);
    const char *copy = keep(sample, buf.data);
    buf_free(&buf);
    return copy;
}

static void fill_run(struct sample *out, const char *hostile)
{
    static const struct report_setting settings[] = {{"DEDUP_THRESHOLD", "0.92"}, {"SEED", "42"}};
    struct report_setting *copy = take(out, 2, sizeof *copy);
    memcpy(copy, settings, sizeof settings);
    copy[1].value = mix(out, "42", hostile);
    out->run.since = "2026-11-16T00:00:00Z";
    out->run.until = "2026-11-22T23:59:59Z";
    out->run.created_at = "2026-11-23T00:10:00Z";
    out->run.model = mix(out, "multilingual-e5-small", hostile);
    out->run.model_identity = "0123456789abcdef0123456789abcdef";
    out->run.classifier = "given";
    out->run.device = "cpu, avx2, 2 threads";
    out->run.settings = copy;
    out->run.n_settings = 2;
    out->run.load_seconds = 0.25;
    out->run.embed_seconds = 1.5;
    out->run.cluster_seconds = 0.75;
    out->run.total_seconds = 2.6;
}

static recap_article *make_articles(struct sample *out, const char *hostile)
{
    recap_article *articles = take(out, 5, sizeof *articles);
    static const char *const titles[] = {"河川が氾濫、1400戸が浸水", "River bursts its banks", NULL,
                                         "A recipe", "Another recipe"};
    static const char *const times[] = {"2026-11-16T09:00:00+09:00", "2026-11-17t01:02:03.5z",
                                        "2026-11-17 10:00:00", NULL, "not a date"};
    for (size_t i = 0; i < 5; i++) {
        articles[i].id = mix(out, i == 2 ? "" : "a", i == 2 ? NULL : hostile);
        articles[i].title = titles[i] ? mix(out, titles[i], hostile) : NULL;
        articles[i].language = i == 0 ? "ja" : "en";
        articles[i].published_at = times[i];
        articles[i].url = mix(out, "https://example.com/story?a=1&b=2", hostile);
        articles[i].genre = i < 3 ? "climate_environment" : "food_cuisine";
        articles[i].confidence = i == 0 ? 0.75 : -1;
    }
    articles[2].url = hostile ? hostile : "javascript:alert(1)";
    return articles;
}

static recap_sentence *make_sentences(struct sample *out, const char *hostile)
{
    static const recap_sentence sentences[] = {
        {"川の水位は一晩で5メートル上がり、堤防を越えた。", "ja", 0, 0, 0, -1, 1.5F, -2},
        {"The river rose by five metres overnight and topped the wall.", "en", 1, 0, 0, -1, 1.25F,
         3},
        {"The river rose by five metres overnight and topped the wall.", "en", 2, 0, -1, 1, 0, 0},
        {"Bakers on the dry side of town gave away bread.", "en", 2, 1, 1, -1, -4, 0.5F},
    };
    recap_sentence *copy = take(out, COUNT_OF(sentences), sizeof *copy);
    for (size_t i = 0; i < COUNT_OF(sentences); i++) {
        copy[i] = sentences[i];
        copy[i].text = mix(out, sentences[i].text, hostile);
    }
    return copy;
}

static recap_cluster *make_clusters(struct sample *out, const char *hostile)
{
    recap_cluster *clusters = take(out, 2, sizeof *clusters);
    const char **terms = take(out, 2, sizeof *terms);
    terms[0] = mix(out, "river", hostile);
    terms[1] = mix(out, "堤防", hostile);
    recap_representative *representatives = take(out, 3, sizeof *representatives);
    representatives[0] = (recap_representative){1, 1.0};
    representatives[1] = (recap_representative){0, 0.95};
    representatives[2] = (recap_representative){3, 1.0};
    clusters[0] = (recap_cluster){.id = 0,
                                  .size = 2,
                                  .n_terms = 2,
                                  .terms = terms,
                                  .average_similarity = 0.875,
                                  .average_similarity_known = true,
                                  .tokens = 24,
                                  .n_representatives = 2,
                                  .representatives = representatives};
    clusters[1] = (recap_cluster){.id = -1,
                                  .size = 1,
                                  .tokens = 12,
                                  .n_representatives = 1,
                                  .representatives = representatives + 2};
    return clusters;
}

bool sample_small(const char *hostile, struct sample *out)
{
    *out = (struct sample){0};
    recap_evidence *evidence = take(out, 1, sizeof *evidence);
    *evidence = (recap_evidence){.n_sentences = 4,
                                 .sentences = make_sentences(out, hostile),
                                 .n_clusters = 2,
                                 .clusters = make_clusters(out, hostile),
                                 .n_articles_used = 3,
                                 .dedup_pairs = 1,
                                 .dedup_threshold = 0.92,
                                 .partial = true,
                                 .noise_known = true,
                                 .noise_ratio = 1.0 / 3,
                                 .search = {.min_cluster_size = 3,
                                            .min_samples = 1,
                                            .silhouette = 0.5,
                                            .silhouette_known = true,
                                            .dbcv = NAN,
                                            .n_trials = 6},
                                 .embed_seconds = 1.5,
                                 .total_seconds = 2.25};
    evidence->highlights = evidence->clusters[0].representatives;
    evidence->n_highlights = 1;
    static const size_t members[] = {0, 1, 2, 3, 4};
    struct report_genre *genres = take(out, 2, sizeof *genres);
    recap_article *articles = make_articles(out, hostile);
    genres[0] = (struct report_genre){mix(out, "climate_environment", hostile), members, 3,
                                      articles, evidence};
    genres[1] = (struct report_genre){"food_cuisine", members + 3, 1, NULL, NULL};
    fill_run(out, hostile);
    out->run.articles = articles;
    out->run.n_articles = 5;
    out->run.genres = genres;
    out->run.n_genres = 2;
    out->run.n_read = 7;
    out->run.n_refused = 1;
    out->run.n_filtered = 1;
    out->run.n_unclustered = 2;
    return true;
}

/* ---- from the week ---- */

enum { MAX_ARTICLES = 4000, MAX_SENTENCES = 20, MAX_STORIES = 40, LEAST_ARTICLES = 3 };

struct week {
    recap_article articles[MAX_ARTICLES];
    const char *stories[MAX_ARTICLES]; /* or NULL */
    const char *texts[MAX_ARTICLES];
    size_t n;
};

static const char *field(struct sample *sample, const json_t *object, const char *name)
{
    return keep(sample, json_string_value(json_object_get(object, name)));
}

static bool read_week(const char *path, struct sample *sample, struct week *week)
{
    struct buf file = {0};
    if (file_read(path, 0, &file, NULL) != RECAP_OK) return false;
    for (char *line = strtok(file.data, "\n"); line && week->n < MAX_ARTICLES;
         line = strtok(NULL, "\n")) {
        json_t *object = json_loads(line, 0, NULL);
        recap_article *article = &week->articles[week->n];
        article->id = field(sample, object, "id");
        article->title = field(sample, object, "title");
        article->language = field(sample, object, "lang");
        article->published_at = field(sample, object, "published_at");
        article->url = field(sample, object, "url");
        article->genre = field(sample, object, "genre");
        article->confidence = -1;
        week->stories[week->n] = field(sample, object, "story");
        week->texts[week->n++] = field(sample, object, "text");
        json_decref(object);
    }
    buf_free(&file);
    return true;
}

/* Pieces that end in 。 or in a stop and a blank: good enough for a picture. */
static size_t split(struct sample *sample, const char *text, const char **out)
{
    size_t n = 0;
    while (*text && n < MAX_SENTENCES) {
        const char *stop = strstr(text, "。"), *point = strstr(text, ". ");
        size_t length = strlen(text);
        if (stop && (!point || stop < point))
            length = (size_t)(stop - text) + strlen("。");
        else if (point)
            length = (size_t)(point - text) + 1;
        out[n++] = arena_copy(&sample->arena, text, length);
        text += length;
        text += strspn(text, " ");
    }
    return n;
}

struct group {
    const char *story; /* NULL: noise */
    size_t size;
};

static int compare_groups(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    if (!x->story || !y->story) return (y->story != NULL) - (x->story != NULL);
    if (x->size != y->size) return x->size > y->size ? -1 : 1;
    return strcmp(x->story, y->story);
}

static size_t find_group(struct group *groups, size_t *n, const char *story)
{
    for (size_t i = 0; i < *n; i++)
        if (groups[i].story == story ||
            (story && groups[i].story && strcmp(groups[i].story, story) == 0))
            return i;
    groups[*n] = (struct group){story, 0};
    return (*n)++;
}

static int64_t first_same(const recap_sentence *sentences, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(sentences[i].text, text) == 0) return (int64_t)i;
    return -1;
}

/* Groups on a circle, sentences scattered around their group's place. */
static void place(recap_sentence *sentence, size_t group, size_t n_groups, uint64_t index)
{
    double angle = 6.2832 * (double)group / (double)n_groups, radius = 6;
    double spread = group + 1 == n_groups ? 5 : 1.3;
    if (group + 1 == n_groups) radius = 0;
    double u = random_unit(7, group, 2 * index), v = random_unit(7, group, 2 * index + 1);
    sentence->x = (float)(radius * cos(angle) +
                          spread * sqrt(-2 * log(u + 1e-9)) * cos(6.2832 * v));
    sentence->y = (float)(radius * sin(angle) +
                          spread * sqrt(-2 * log(u + 1e-9)) * sin(6.2832 * v));
}

static void collect_sentences(struct sample *sample, const struct week *week,
                              const struct report_genre *genre, struct group *groups,
                              size_t n_groups, recap_evidence *evidence)
{
    recap_sentence *sentences = take(sample, genre->n_articles * MAX_SENTENCES, sizeof *sentences);
    for (size_t a = 0; a < genre->n_articles; a++) {
        const char *pieces[MAX_SENTENCES];
        size_t index = genre->articles[a], n = split(sample, week->texts[index], pieces);
        size_t group = find_group(groups, &n_groups, week->stories[index]);
        for (size_t i = 0; i < n; i++) {
            recap_sentence *s = &sentences[evidence->n_sentences];
            *s = (recap_sentence){.text = pieces[i],
                                  .language = week->articles[index].language,
                                  .article = a,
                                  .cluster = (int32_t)group,
                                  .duplicate_of = -1};
            s->duplicate_of = first_same(sentences, evidence->n_sentences, pieces[i]);
            if (s->duplicate_of >= 0)
                s->cluster = -1;
            else
                place(s, group, n_groups, evidence->n_sentences);
            evidence->dedup_pairs += s->duplicate_of >= 0;
            evidence->n_sentences++;
        }
    }
    evidence->sentences = sentences;
}

static bool was_chosen(const recap_cluster *cluster, const recap_sentence *sentences,
                       size_t article)
{
    for (size_t r = 0; r < cluster->n_representatives; r++)
        if (sentences[cluster->representatives[r].sentence].article == article) return true;
    return false;
}

/* A sentence of each article; the story's name is its term. */
static void fill_cluster(struct sample *sample, const recap_evidence *evidence, size_t c,
                         const struct group *group, recap_cluster *cluster)
{
    cluster->id = group->story ? (int32_t)c : -1;
    cluster->representatives = take(sample, 8, sizeof *cluster->representatives);
    for (size_t i = 0; i < evidence->n_sentences; i++) {
        const recap_sentence *s = &evidence->sentences[i];
        if (s->cluster != (int32_t)c) continue;
        cluster->size++;
        cluster->tokens += (utf8_count(s->text, strlen(s->text)) + 3) / 4;
        if (cluster->n_representatives == 8 || was_chosen(cluster, evidence->sentences, s->article))
            continue;
        double score = 1 - 0.05 * (double)cluster->n_representatives;
        cluster->representatives[cluster->n_representatives++] = (recap_representative){i, score};
    }
    cluster->average_similarity = 0.87;
    cluster->average_similarity_known = true;
    cluster->terms = take(sample, 3, sizeof *cluster->terms);
    if (!group->story) return;
    cluster->terms[cluster->n_terms++] = group->story;
    cluster->terms[cluster->n_terms++] = "用語の例";
    cluster->terms[cluster->n_terms++] = "sample term";
}

static const recap_evidence *make_evidence(struct sample *sample, const struct week *week,
                                           const struct report_genre *genre)
{
    recap_evidence *evidence = take(sample, 1, sizeof *evidence);
    struct group groups[MAX_STORIES];
    size_t n = 0;
    for (size_t a = 0; a < genre->n_articles; a++)
        groups[find_group(groups, &n, week->stories[genre->articles[a]])].size++;
    qsort(groups, n, sizeof *groups, compare_groups);
    collect_sentences(sample, week, genre, groups, n, evidence);
    evidence->clusters = take(sample, n, sizeof *evidence->clusters);
    evidence->n_clusters = n;
    for (size_t c = 0; c < n; c++)
        fill_cluster(sample, evidence, c, &groups[c], &evidence->clusters[c]);
    evidence->highlights = take(sample, n, sizeof *evidence->highlights);
    for (size_t c = 0; c < n; c++)
        evidence->highlights[evidence->n_highlights++] = evidence->clusters[c].representatives[0];
    evidence->n_articles_used = genre->n_articles;
    evidence->dedup_threshold = 0.92;
    evidence->noise_known = true;
    evidence->noise_ratio = 0.15;
    evidence->search = (recap_search_result){.umap_used = true,
                                             .n_neighbors = 15,
                                             .n_components = 8,
                                             .min_cluster_size = 10,
                                             .min_samples = 5,
                                             .n_trials = 6,
                                             .silhouette = 0.61,
                                             .silhouette_known = true,
                                             .dbcv = 0.48,
                                             .dbcv_known = true};
    evidence->total_seconds = 0.4;
    return evidence;
}

static int compare_genres(const void *a, const void *b)
{
    const struct report_genre *x = a, *y = b;
    if (x->n_articles != y->n_articles) return x->n_articles > y->n_articles ? -1 : 1;
    return strcmp(x->name, y->name);
}

static size_t group_genres(struct sample *sample, const struct week *week,
                           struct report_genre *genres)
{
    size_t n = 0;
    for (size_t i = 0; i < week->n; i++) {
        size_t g = 0;
        while (g < n && strcmp(genres[g].name, week->articles[i].genre) != 0) g++;
        if (g == n)
            genres[n++] = (struct report_genre){.name = week->articles[i].genre,
                                                .articles = take(sample, week->n, sizeof(size_t))};
        ((size_t *)genres[g].articles)[genres[g].n_articles++] = i;
    }
    qsort(genres, n, sizeof *genres, compare_genres);
    return n;
}

bool sample_week(const char *path, struct sample *out)
{
    *out = (struct sample){0};
    struct week *week = take(out, 1, sizeof *week);
    if (!read_week(path, out, week)) return false;
    struct report_genre *genres = take(out, week->n, sizeof *genres);
    size_t n = group_genres(out, week, genres), kept = 0;
    for (size_t g = 0; g < n; g++) {
        if (genres[g].n_articles < LEAST_ARTICLES) {
            out->run.n_unclustered += genres[g].n_articles;
            continue;
        }
        genres[kept] = genres[g];
        genres[kept].evidence = make_evidence(out, week, &genres[g]);
        kept++;
    }
    fill_run(out, NULL);
    out->run.articles = week->articles;
    out->run.n_articles = week->n;
    out->run.n_read = week->n + 3;
    out->run.n_refused = 1;
    out->run.n_filtered = 2;
    out->run.genres = genres;
    out->run.n_genres = kept;
    return true;
}

void sample_free(struct sample *sample)
{
    arena_free(&sample->arena);
}
