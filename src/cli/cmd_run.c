/* recap run: the main job, from articles to evidence.
 *
 * read -> choose by date -> open the models -> genres -> evidence of each genre -> files, summary.
 * Nothing is written before everything is found. */
#include <stdlib.h>
#include <string.h>

#include "run.h"

enum { fewest_articles = 3 }; /* a genre of fewer is listed, not clustered */

static const struct option options[] = {
    OPTION_TEXT(struct run_values, output, "output", 'o', "DIR", "the folder for what is found"),
    OPTION_INTEGER(struct run_values, days, "days", 'd', 1, 36500,
                   "only the N days that end with --until or else with the newest article"),
    OPTION_TEXT(struct run_values, since, "since", 0, "DATE",
                "only articles from then on (RFC 3339; "
                "a mere date begins at 00:00 UTC)"),
    OPTION_TEXT(struct run_values, until, "until", 0, "DATE",
                "only articles up to then; a mere date "
                "counts to its end"),
    OPTION_TEXT(struct run_values, genres, "genres", 'g', "A,B", "only these genres"),
    OPTION_TEXT(struct run_values, classify_with, "classify-with", 0, "DIR|given|none",
                "classify every article with this head or sequence classifier; given: only the "
                "articles' own genres; none: one genre for all"),
    OPTION_TEXT(struct run_values, head, "head", 0, "DIR",
                "a head that \"recap train\" made, for articles without a genre"),
    OPTION_TEXT(struct run_values, japanese, "ja-model", 0, "DIR",
                "a sequence classifier for Japanese articles without a genre"),
    OPTION_TEXT(struct run_values, english, "en-model", 0, "DIR",
                "a sequence classifier for English articles without a genre"),
    OPTION_TEXT(struct run_values, formats, "format", 'f', "LIST",
                "files to write, of json, html, csv, md, atom"),
    OPTION_TEXT(struct run_values, prefix, "prefix", 'p', "TEXT",
                "put before every sentence (default: the model's)"),
    OPTION_CHOICE(struct run_values, clustering, "clustering", 0, "search|stories",
                  "stories joins sentences of articles that tell one event, by average linkage; "
                  "search is the service's, UMAP and HDBSCAN"),
    OPTION_INTEGER(struct run_values, max_tokens, "max-tokens", 0, 0, NO_UPPER_LIMIT,
                   "of a genre's sentences, a quarter of their characters; 0: no limit"),
};

static const struct run_values defaults = {.formats = "json,html",
                                           .clustering = RECAP_CLUSTERING_STORIES};

/* ---- evidence ---- */

static int embed(void *data, recap_context *context, const recap_text *texts, size_t n, float *out,
                 recap_error *error)
{
    const struct run *run = data;
    const recap_embed_options embed_options = {.prefix = run->values->prefix};
    return recap_embed(context, run->model, texts, n, &embed_options, out, error);
}

static recap_evidence_options evidence_options(const struct run *run, const char *genre)
{
    const struct config *config = &run->call->config;
    recap_evidence_options o = recap_evidence_defaults();
    const json_t *own = json_object_get(config->genre_dedup_thresholds, genre);
    o.genre = genre;
    o.max_sentences = (size_t)config->max_total_sentences;
    o.max_sentences_per_document = (size_t)config->max_sentences_per_doc;
    o.max_tokens = (size_t)run->values->max_tokens;
    o.max_representatives = (size_t)config->max_sentences_per_cluster;
    o.max_highlights = (size_t)config->max_genre_sentences;
    o.dedup_threshold = own ? json_number_value(own) : config->dedup_threshold;
    o.dedup_threshold_fixed = own != NULL;
    if (run->classified) o.confidence = run->confidence;
    o.clustering = (recap_clustering)run->values->clustering;
    o.search.selection = (recap_selection)config->hdbscan_selection_method;
    o.search.min_dist = (float)config->umap_min_dist;
    o.search.umap_threshold = (size_t)config->umap_threshold_sentences;
    o.search.seconds = config->hdbscan_timeout;
    o.noise_recluster = config->noise_recluster;
    o.noise_min_points = (size_t)config->noise_min_points;
    o.noise_max_clusters = (size_t)config->noise_max_clusters;
    o.split_large = config->recursive;
    o.split_dynamic = config->split_dynamic;
    o.split_min_size = (size_t)config->split_min_size;
    o.split_max_tokens = (size_t)config->split_max_tokens;
    o.split_tokens_floor = (size_t)config->split_tokens_floor;
    o.split_tokens_ceiling = (size_t)config->split_tokens_ceiling;
    o.layout_2d = true;
    return o;
}

static void say_limits(const struct run *run, const struct run_genre *genre)
{
    const recap_evidence *evidence = genre->evidence;
    if (evidence->partial)
        log_message(LOG_WARNING,
                    "genre %s: cut by a limit on sentences (MAX_TOTAL_SENTENCES %lld, "
                    "MAX_SENTENCES_PER_DOC %lld); the first ones were kept",
                    genre->name, (long long)run->call->config.max_total_sentences,
                    (long long)run->call->config.max_sentences_per_doc);
    if (evidence->token_limited)
        log_message(LOG_WARNING,
                    "genre %s: cut by --max-tokens %lld; the first sentences were kept",
                    genre->name, (long long)run->values->max_tokens);
    if (evidence->search.fallback)
        log_message(LOG_WARNING,
                    "genre %s: the search took longer than HDBSCAN_TIMEOUT_SECS; "
                    "k-means took over",
                    genre->name);
}

static int gather(struct run *run, recap_error *error)
{
    const recap_embedder embedder = {embed, run, recap_model_describe(run->model)->hidden_size};
    int status = RECAP_OK;
    for (size_t i = 0; i < run->n_genres && status == RECAP_OK; i++) {
        struct run_genre *genre = &run->genres[i];
        if (genre->n < fewest_articles) {
            run->n_unclustered += genre->n;
            continue;
        }
        char label[80];
        snprintf(label, sizeof label, "%.20s (%zu of %zu)", genre->name, i + 1, run->n_genres);
        progress_label(label);
        recap_evidence_options wanted = evidence_options(run, genre->name);
        log_message(LOG_INFO, "genre %s: %zu articles", genre->name, genre->n);
        status = recap_gather_evidence(run->call->context, genre->members, genre->n, &embedder,
                                       &wanted, &genre->evidence, error);
        if (status != RECAP_OK) break;
        run->embed_seconds += genre->evidence->embed_seconds;
        run->cluster_seconds += genre->evidence->cluster_seconds;
        progress_clear();
        say_limits(run, genre);
    }
    return status;
}

/* ---- the whole ---- */

static int work(struct run *run, recap_error *error)
{
    int status = make_directories(run->values->output, error);
    if (status == RECAP_OK) status = run_read_articles(run, error);
    double loading = clock_seconds();
    if (status == RECAP_OK) status = model_open_wanted(run->call, &run->model, error);
    if (status == RECAP_OK) status = run_open_classifier(run, error);
    run->load_seconds = clock_seconds() - loading;
    if (status == RECAP_OK) status = run_group_genres(run, error);
    if (status == RECAP_OK) status = gather(run, error);
    if (status == RECAP_OK) status = run_write(run, error);
    return status;
}

static void close_run(struct run *run)
{
    for (size_t i = 0; i < run->n_genres; i++) recap_free_evidence(run->genres[i].evidence);
    free(run->genres);
    free(run->articles);
    articles_free(&run->read);
    arena_free(&run->arena);
    genres_close(&run->classifier);
    recap_close_model(run->model);
}

static int run(struct invocation *call, recap_error *error)
{
    const struct run_values *values = call->values;
    struct run state = {
        .call = call,
        .values = values,
        .confidence = {-1, -1},
        .started = clock_seconds(),
    };
    if (!values->output)
        return fail(error, RECAP_ERROR_USAGE,
                    "run: -o DIR, the folder for what is found, is missing");
    int status = run_check_formats(values->formats, error);
    if (status == RECAP_OK && values->genres &&
        strspn(values->genres, ",") == strlen(values->genres))
        status = fail(error, RECAP_ERROR_USAGE, "run: --genres is empty");
    if (status == RECAP_OK) status = work(&state, error);
    close_run(&state);
    return status;
}

const struct command command_run = {
    .name = "run",
    .arguments = "INPUT... -o DIR",
    .summary = "turn articles into evidence and a report",
    .details =
        "Reads articles, gives each a genre, clusters every genre's sentences into stories, and "
        "writes DIR/evidence.json, DIR/report.html (or what --format names) and a summary.\n\n"
        "An input is a file, \"-\" (standard input) or an https:// address: JSON Lines or a JSON "
        "array of articles (id, title, text or paragraphs, lang, published_at or date, url, "
        "genre; only the text is needed), RSS, Atom, JSON Feed, OPML, HTML or plain text, also "
        "compressed (.gz, .zst).\n\n"
        "A bad article is told by file, line and reason, left out and counted, and the exit "
        "status is 1; with --strict the first one ends the run. With --since, --until or --days, "
        "articles without a date are left out as well. A genre of fewer than 3 articles is "
        "listed, not clustered.\n\n"
        "Genres: an article's own; for those without one, the classifier that --head, "
        "--ja-model, --en-model or the settings name, else the head in "
        "XDG_DATA_HOME/recap/heads/genres; without a classifier \"other\", or \"all\" where no "
        "article has a genre.",
    .examples =
        "recap run week.jsonl -o recap\tthe evidence and report of a week\n"
        "recap run https://example.org/feed.xml -o recap --days 7\ta feed's last seven days\n"
        "zcat old.jsonl.gz | recap run - --genres sports -o recap\tone genre",
    .options = options,
    .n_options = COUNT_OF(options),
    .defaults = &defaults,
    .values_size = sizeof(struct run_values),
    .min_inputs = 1,
    .max_inputs = SIZE_MAX,
    .needs = "INPUT",
    .run = run,
};
