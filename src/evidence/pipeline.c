/* The evidence pipeline: the one file that knows the order of the stages.
 *
 *   articles ─ collect ─ embed ─ deduplicate ─ search, refine ─ group ─ topics
 *                                           └─ stories ───────┘    ├─ representatives ─ highlights
 *                                                                  └─ map
 *
 * From `deduplicate` on, arrays are over the kept sentences: kept[i] is the sentence of row i.
 * What is handed out lives in the run's arena, what only the stages need in `scratch`. */
#include <stdlib.h>
#include <string.h>

#include "evidence.h"

struct run {
    recap_context *context;
    const recap_article *articles;
    size_t n_articles;
    const recap_embedder *embedder;
    const recap_evidence_options *options;
    recap_error *error;

    recap_evidence *evidence;
    struct arena *arena;  /* the evidence's memory */
    struct arena scratch; /* until the run ends */
    struct segmenter *segmenter;

    size_t n, d;           /* kept sentences, dimensions */
    float *x;              /* [n, d]; before deduplicating: of all sentences */
    recap_sentence **kept; /* [n] */
    const char **texts;    /* [n] */
    size_t *tokens;        /* [n] */
    int32_t *labels;       /* [n] */
    size_t n_labels;
    struct group *groups; /* [n_groups] */
    size_t n_groups;
    double *lambdas; /* [n_groups] */
};

recap_evidence_options recap_evidence_defaults(void)
{
    return (recap_evidence_options){
        .max_sentences = 6000,
        .max_sentences_per_document = 200,
        .max_tokens = 12000,
        .max_representatives = 8,
        .max_highlights = 15,
        .dedup_threshold = 0.92,
        .mmr_lambda = 0.35,
        .confidence = {-1, -1},
        .story_distance = 0.7,
        .story_article_weight = 2,
        .story_min_size = 3,
        .search = recap_search_defaults(),
        .noise_recluster = true,
        .noise_min_points = 30,
        .noise_max_clusters = 8,
        .split_large = true,
        .split_dynamic = true,
        .split_tokens_floor = 400,
        .split_tokens_ceiling = 4000,
        .split_max_tokens = 1500,
        .split_min_size = 10,
    };
}

static void *scratch(struct run *run, size_t n, size_t size)
{
    void *memory = arena_alloc(&run->scratch, n, size);
    if (!memory) fail_memory(run->error, n * size);
    return memory;
}

static void *keep(struct run *run, size_t n, size_t size)
{
    void *memory = arena_alloc(run->arena, n, size);
    if (!memory) fail_memory(run->error, n * size);
    return memory;
}

/* ---- before clustering ---- */

static int collect(struct run *run)
{
    struct collection collection;
    int status = evidence_collect(run->articles, run->n_articles, run->options, run->arena,
                                  &collection, run->error);
    if (status) return status;
    recap_evidence *evidence = run->evidence;
    evidence->sentences = collection.sentences;
    evidence->n_sentences = collection.n;
    evidence->n_articles_used = collection.n_articles_used;
    evidence->n_articles_unsure = collection.n_articles_unsure;
    evidence->n_articles_cut = collection.n_articles_cut;
    evidence->partial = collection.partial;
    evidence->token_limited = collection.token_limited;
    return context_check(run->context, "collect", run->n_articles, run->n_articles, run->error);
}

/* A missing dictionary is told before the costly stages. */
static int open_segmenter(struct run *run)
{
    for (size_t i = 0; i < run->evidence->n_sentences && !run->segmenter; i++) {
        const char *text = run->evidence->sentences[i].text;
        if (!evidence_needs_segmenter(&text, 1)) continue;
        int status = segmenter_open(run->options->dictionary, &run->segmenter, run->error);
        if (status) return status;
    }
    return RECAP_OK;
}

static int embed(struct run *run)
{
    double began = clock_seconds();
    size_t n = run->evidence->n_sentences, elements;
    run->d = run->embedder->dimensions;
    if (!size_mul(n, run->d, &elements)) return fail_memory(run->error, SIZE_MAX);
    run->x = new_aligned(elements, sizeof(float));
    if (!run->x) return fail_memory(run->error, elements * sizeof(float));
    int status = evidence_embed(run->context, run->embedder, run->articles,
                                run->evidence->sentences, n, run->x, run->error);
    run->evidence->embed_seconds = clock_seconds() - began;
    return status;
}

/* Moves the kept rows together and fills the arrays over them. */
static int keep_rows(struct run *run, const int64_t *duplicate_of)
{
    recap_evidence *evidence = run->evidence;
    size_t n = evidence->n_sentences, d = run->d;
    run->kept = scratch(run, n, sizeof(*run->kept));
    run->texts = scratch(run, n, sizeof(*run->texts));
    run->tokens = scratch(run, n, sizeof(*run->tokens));
    if (!run->kept || !run->texts || !run->tokens) return RECAP_ERROR_MEMORY;
    for (size_t i = 0; i < n; i++) {
        recap_sentence *sentence = &evidence->sentences[i];
        sentence->duplicate_of = duplicate_of[i];
        if (duplicate_of[i] >= 0) continue;
        if (run->n != i) memcpy(run->x + run->n * d, run->x + i * d, d * sizeof(float));
        run->kept[run->n] = sentence;
        run->texts[run->n] = sentence->text;
        run->tokens[run->n] = sentence->tokens;
        run->n++;
    }
    evidence->dedup_pairs = n - run->n;
    return RECAP_OK;
}

static int deduplicate(struct run *run)
{
    recap_evidence *evidence = run->evidence;
    int64_t *duplicate_of = scratch(run, evidence->n_sentences, sizeof(*duplicate_of));
    if (!duplicate_of) return RECAP_ERROR_MEMORY;
    int status = evidence_deduplicate(run->context, evidence->sentences, run->x,
                                      evidence->n_sentences, run->d, evidence->dedup_threshold,
                                      duplicate_of, run->error);
    return status ? status : keep_rows(run, duplicate_of);
}

/* ---- clustering ---- */

static int search(struct run *run)
{
    recap_search_options options = run->options->search;
    const char *genre = run->options->genre;
    if (genre && !strcmp(genre, "other")) options.other = true;
    recap_search_result *result = &run->evidence->search;
    int status = recap_search_clusters(run->context, run->x, run->n, run->d, &options, run->labels,
                                       NULL, result, run->error);
    run->n_labels = status ? 0 : result->n_clusters;
    recap_search_result copy = *result;
    recap_free_search(&copy);
    result->layout = NULL;
    if (status) return status;
    return evidence_refine(run->context, run->x, run->n, run->d, run->tokens,
                           result->min_cluster_size, run->options, run->labels, &run->n_labels,
                           run->error);
}

static int find_stories(struct run *run)
{
    const struct story_options options = {.max_distance = run->options->story_distance,
                                          .article_weight = run->options->story_article_weight,
                                          .min_size = run->options->story_min_size};
    size_t *articles = scratch(run, run->n, sizeof(*articles));
    if (!articles) return RECAP_ERROR_MEMORY;
    for (size_t i = 0; i < run->n; i++) articles[i] = run->kept[i]->article;
    return evidence_stories(run->context, run->x, run->n, run->d, articles, &options, run->labels,
                            &run->n_labels, run->error);
}

static void measure_noise(struct run *run)
{
    size_t noise = 0;
    for (size_t i = 0; i < run->n; i++) noise += run->labels[i] < 0;
    run->evidence->noise_known = run->n > 0;
    run->evidence->noise_ratio = run->n ? (double)noise / (double)run->n : 0;
}

static int cluster(struct run *run)
{
    double began = clock_seconds();
    run->labels = scratch(run, run->n, sizeof(*run->labels));
    if (!run->labels) return RECAP_ERROR_MEMORY;
    bool stories = run->options->clustering == RECAP_CLUSTERING_STORIES;
    int status = stories ? find_stories(run) : search(run);
    if (!status)
        status = evidence_group(run->labels, run->n, &run->scratch, &run->groups, &run->n_groups,
                                run->error);
    run->evidence->cluster_seconds = clock_seconds() - began;
    if (!status) measure_noise(run);
    return status;
}

/* The clusters as they are handed out, but for terms and representatives. */
static int describe(struct run *run)
{
    recap_evidence *evidence = run->evidence;
    evidence->clusters = keep(run, run->n_groups, sizeof(*evidence->clusters));
    run->lambdas = scratch(run, run->n_groups, sizeof(*run->lambdas));
    if (!evidence->clusters || !run->lambdas) return RECAP_ERROR_MEMORY;
    evidence->n_clusters = run->n_groups;
    for (size_t g = 0; g < run->n_groups; g++) {
        const struct group *group = &run->groups[g];
        recap_cluster *cluster = &evidence->clusters[g];
        cluster->id = group->id;
        cluster->size = group->n;
        cluster->average_similarity_known = average_similarity(
            run->x, run->d, group->members, group->n, &cluster->average_similarity);
        run->lambdas[g] = mmr_lambda(cluster->average_similarity, cluster->average_similarity_known,
                                     run->options->mmr_lambda);
        for (size_t i = 0; i < group->n; i++) {
            cluster->tokens += run->tokens[group->members[i]];
            run->kept[group->members[i]]->cluster = (int32_t)g;
        }
    }
    return RECAP_OK;
}

/* ---- what the clusters say ---- */

static int find_topics(struct run *run)
{
    struct topic *topics = scratch(run, run->n_groups, sizeof(*topics));
    if (!topics) return RECAP_ERROR_MEMORY;
    int status = evidence_topics(run->texts, run->groups, run->n_groups, run->segmenter, run->arena,
                                 topics, run->error);
    for (size_t g = 0; !status && g < run->n_groups; g++) {
        recap_cluster *cluster = &run->evidence->clusters[g];
        cluster->terms = keep(run, topics[g].n, sizeof(*cluster->terms));
        if (!cluster->terms) return RECAP_ERROR_MEMORY;
        cluster->n_terms = topics[g].n;
        memcpy(cluster->terms, topics[g].terms, topics[g].n * sizeof(*cluster->terms));
    }
    return status;
}

/* rows [n] to representatives in the run's arena. */
static recap_representative *rank_rows(struct run *run, const size_t *rows, size_t n)
{
    recap_representative *out = keep(run, n, sizeof(*out));
    for (size_t i = 0; out && i < n; i++)
        out[i] = (recap_representative){
            .sentence = (size_t)(run->kept[rows[i]] - run->evidence->sentences),
            .score = evidence_score(i),
        };
    return out;
}

static int highlight(struct run *run, const size_t *chosen, const size_t *n_chosen, size_t limit)
{
    size_t *rows = scratch(run, run->n_groups * limit, sizeof(*rows)), n = 0, n_best = 0;
    size_t *best = scratch(run, run->options->max_highlights, sizeof(*best));
    if (!rows || !best) return RECAP_ERROR_MEMORY;
    for (size_t g = 0; g < run->n_groups; g++) {
        for (size_t i = 0; i < n_chosen[g]; i++) rows[n++] = chosen[g * limit + i];
    }
    int status = evidence_highlights(run->x, run->d, rows, n, run->options->mmr_lambda,
                                     run->options->max_highlights, best, &n_best, run->error);
    if (status) return status;
    run->evidence->highlights = rank_rows(run, best, n_best);
    run->evidence->n_highlights = run->evidence->highlights ? n_best : 0;
    return run->evidence->highlights ? RECAP_OK : RECAP_ERROR_MEMORY;
}

static int represent(struct run *run)
{
    size_t limit = run->options->max_representatives < run->n ? run->options->max_representatives
                                                              : run->n;
    size_t *voices = scratch(run, run->n, sizeof(*voices));
    bool *may_speak = scratch(run, run->n, sizeof(*may_speak));
    size_t *chosen = scratch(run, run->n_groups * limit, sizeof(*chosen));
    size_t *n_chosen = scratch(run, run->n_groups, sizeof(*n_chosen));
    if (!voices || !may_speak || !chosen || !n_chosen) return RECAP_ERROR_MEMORY;
    int status = evidence_voices(run->articles, run->n_articles,
                                 (const recap_sentence *const *)run->kept, run->n, voices,
                                 run->error);
    for (size_t i = 0; i < run->n; i++) may_speak[i] = evidence_may_speak(run->texts[i]);
    if (!status)
        status = evidence_representatives(run->x, run->n, run->d, run->groups, run->n_groups,
                                          voices, may_speak, run->lambdas, limit, chosen, n_chosen,
                                          run->error);
    for (size_t g = 0; !status && g < run->n_groups; g++) {
        recap_cluster *cluster = &run->evidence->clusters[g];
        cluster->representatives = rank_rows(run, chosen + g * limit, n_chosen[g]);
        if (!cluster->representatives) return RECAP_ERROR_MEMORY;
        cluster->n_representatives = n_chosen[g];
    }
    return status ? status : highlight(run, chosen, n_chosen, limit);
}

static int draw_map(struct run *run)
{
    if (!run->options->layout_2d) return RECAP_OK;
    float *points = scratch(run, run->n, 2 * sizeof(*points));
    if (!points) return RECAP_ERROR_MEMORY;
    int status = evidence_map(run->context, run->x, run->n, run->d, points, run->error);
    for (size_t i = 0; !status && i < run->n; i++) {
        run->kept[i]->x = points[2 * i];
        run->kept[i]->y = points[2 * i + 1];
    }
    return status;
}

/* ---- the order ---- */

static int run_stages(struct run *run)
{
    static int (*const stages[])(struct run *) = {
        collect,  open_segmenter, embed,     deduplicate, cluster,
        describe, find_topics,    represent, draw_map,
    };
    int status = RECAP_OK;
    for (size_t i = 0; !status && i < COUNT_OF(stages); i++) {
        status = stages[i](run);
        if (!status && !run->evidence->n_sentences) break;
        if (!status)
            status = context_check(run->context, "evidence", i + 1, COUNT_OF(stages), run->error);
    }
    return status;
}

/* Not negated, so that what is no number is out of range too. */
static int check_range(const char *name, double value, double least, double most,
                       recap_error *error)
{
    if (value >= least && value <= most) return RECAP_OK;
    return fail(error, RECAP_ERROR_USAGE, "%s is %g, not in %g..%g", name, value, least, most);
}

static int check_options(const recap_evidence_options *options, const recap_embedder *embedder,
                         recap_error *error)
{
    if (!embedder || !embedder->embed || !embedder->dimensions)
        return fail(error, RECAP_ERROR_USAGE, "evidence: no embedder");
    int status = check_range("dedup_threshold", options->dedup_threshold, 0, 1, error);
    if (!status) status = check_range("mmr_lambda", options->mmr_lambda, 0, 1, error);
    if (!status) status = check_range("story_distance", options->story_distance, 0, 2, error);
    if (!status)
        status = check_range("story_article_weight", options->story_article_weight, 0, 1e6, error);
    return status;
}

static recap_evidence *new_evidence(struct run *run)
{
    struct arena *arena = new_zeroed(1, sizeof(*arena));
    recap_evidence *evidence = arena ? arena_alloc(arena, 1, sizeof(*evidence)) : NULL;
    if (!evidence) {
        free(arena);
        return NULL;
    }
    evidence->memory = arena;
    evidence->dedup_threshold = evidence_dedup_threshold(run->options);
    run->arena = arena;
    return evidence;
}

int recap_gather_evidence(recap_context *context, const recap_article *articles, size_t n,
                          const recap_embedder *embedder, const recap_evidence_options *options,
                          recap_evidence **out, recap_error *error)
{
    recap_evidence_options defaults = recap_evidence_defaults();
    struct run run = {.context = context,
                      .articles = articles,
                      .n_articles = n,
                      .embedder = embedder,
                      .options = options ? options : &defaults,
                      .error = error};
    double began = clock_seconds();
    *out = NULL;
    int status = check_options(run.options, embedder, error);
    if (status) return status;
    run.evidence = new_evidence(&run);
    if (!run.evidence) return fail_memory(error, sizeof(*run.evidence));
    status = run_stages(&run);
    run.evidence->total_seconds = clock_seconds() - began;
    segmenter_close(run.segmenter);
    arena_free(&run.scratch);
    free(run.x);
    if (status) {
        recap_free_evidence(run.evidence);
        return status;
    }
    *out = run.evidence;
    return RECAP_OK;
}

void recap_free_evidence(recap_evidence *evidence)
{
    if (!evidence) return;
    struct arena *arena = evidence->memory;
    arena_free(arena);
    free(arena);
}
