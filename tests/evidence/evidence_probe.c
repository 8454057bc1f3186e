/* A tool for reading evidence by eye, not a test: articles in, clusters and duplicates out.
 *
 *   evidence_probe [options] ARTICLES.jsonl        {"id", "text", "label"?, "lang"?} a line
 *     --model DIR       the embedder (default: $RECAP_TEST_MODELS/multilingual-e5-small)
 *     --cache FILE      keeps vectors between calls
 *     --genre NAME      --seconds N     --lines N (representatives shown)
 *     --only GENRE (articles of it)     --stories (instead of the search)
 *     --sentences N (of a document)     --threshold T (of duplicates)
 *     --epsilon E       --other         --leaf      of the search
 *     --duplicates      prints the dropped sentences with their originals and cosines
 *     --rejected        prints pairs of kept sentences over the threshold that contradict each
 * other
 *     --quiet           only the summary
 *     --whole           one vector an article and the search alone; with --dump FILE the vectors
 *                       (float32) and FILE.labels (int32) for comparison with other programs
 *
 * Where articles have labels, the summary has the agreement of clusters and labels (adjusted mutual
 * information) with the noise as one cluster, and without the noise. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "compute/compute.h"
#include "evidence/evidence.h"

struct probe {
    recap_model *model;
    size_t d, n_cached, keys_capacity, vectors_capacity;
    struct hash128 *keys; /* [n_cached] */
    float *vectors;       /* [n_cached, d] */
    const char *cache;
};

static void stop(const recap_error *error)
{
    fprintf(stderr, "%s\n", error->message);
    exit(1);
}

static void load_cache(struct probe *probe)
{
    FILE *file = probe->cache ? fopen(probe->cache, "rb") : NULL;
    if (!file) return;
    for (struct hash128 key; fread(&key, sizeof(key), 1, file) == 1; probe->n_cached++) {
        size_t n = probe->n_cached;
        if (grow_array(&probe->keys, &probe->keys_capacity, n + 1, sizeof(key)) ||
            grow_array(&probe->vectors, &probe->vectors_capacity, (n + 1) * probe->d,
                       sizeof(float)))
            abort();
        probe->keys[n] = key;
        if (fread(probe->vectors + n * probe->d, sizeof(float), probe->d, file) != probe->d) break;
    }
    fclose(file);
}

static const float *find_cached(const struct probe *probe, struct hash128 key)
{
    for (size_t i = 0; i < probe->n_cached; i++) {
        if (probe->keys[i].low == key.low && probe->keys[i].high == key.high)
            return probe->vectors + i * probe->d;
    }
    return NULL;
}

static int embed_missing(struct probe *probe, recap_context *context, const recap_text *texts,
                         const size_t *rows, size_t n, float *out, recap_error *error)
{
    size_t d = probe->d;
    recap_text *missing = new_array(n, sizeof(*missing));
    float *vectors = new_array(n * d, sizeof(float));
    if (!missing || !vectors) abort();
    for (size_t i = 0; i < n; i++) missing[i] = texts[rows[i]];
    int status = n ? recap_embed(context, probe->model, missing, n, NULL, vectors, error)
                   : RECAP_OK;
    FILE *file = !status && probe->cache ? fopen(probe->cache, "ab") : NULL;
    for (size_t i = 0; !status && i < n; i++) {
        struct hash128 key = hash_bytes(missing[i].data, missing[i].n);
        memcpy(out + rows[i] * d, vectors + i * d, d * sizeof(float));
        if (!file) continue;
        fwrite(&key, sizeof(key), 1, file);
        fwrite(vectors + i * d, sizeof(float), d, file);
    }
    if (file) fclose(file);
    free(missing);
    free(vectors);
    return status;
}

static int embed(void *data, recap_context *context, const recap_text *texts, size_t n, float *out,
                 recap_error *error)
{
    struct probe *probe = data;
    size_t *rows = new_array(n, sizeof(*rows)), n_rows = 0;
    if (!rows) abort();
    for (size_t i = 0; i < n; i++) {
        const float *found = find_cached(probe, hash_bytes(texts[i].data, texts[i].n));
        if (found)
            memcpy(out + i * probe->d, found, probe->d * sizeof(float));
        else
            rows[n_rows++] = i;
    }
    int status = embed_missing(probe, context, texts, rows, n_rows, out, error);
    free(rows);
    return status;
}

struct corpus {
    recap_article *articles;
    int32_t *labels; /* numbers of the labels, -1: none */
    size_t n, articles_capacity, labels_capacity;
};

static int32_t label_number(const char *label)
{
    static char **names;
    static size_t n, capacity;
    if (!label) return -1;
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(names[i], label)) return (int32_t)i;
    }
    if (grow_array(&names, &capacity, n + 1, sizeof(*names))) abort();
    names[n] = copy_string(label);
    return (int32_t)n++;
}

/* Everything read lives until the end of the program. */
static void read_corpus(const char *path, const char *genre, struct corpus *corpus)
{
    recap_error error;
    struct buf text = {0};
    if (file_read(path, 0, &text, &error)) stop(&error);
    for (char *line = text.data, *end; line && *line; line = end ? end + 1 : NULL) {
        end = strchr(line, '\n');
        json_t *object;
        if (json_parse(path, line, end ? (size_t)(end - line) : strlen(line), &object, &error))
            stop(&error);
        const char *of = json_string_value(json_object_get(object, "genre"));
        if (genre && (!of || strcmp(of, genre))) continue;
        if (grow_array(&corpus->articles, &corpus->articles_capacity, corpus->n + 1,
                       sizeof(*corpus->articles)) ||
            grow_array(&corpus->labels, &corpus->labels_capacity, corpus->n + 1, sizeof(int32_t)))
            abort();
        const char **paragraphs = new_array(1, sizeof(*paragraphs));
        paragraphs[0] = json_string_value(json_object_get(object, "text"));
        corpus->labels[corpus->n] = label_number(
            json_string_value(json_object_get(object, "label")));
        corpus->articles[corpus->n++] = (recap_article){
            .id = json_string_value(json_object_get(object, "id")),
            .language = json_string_value(json_object_get(object, "lang")),
            .paragraphs = paragraphs,
            .n_paragraphs = paragraphs[0] != NULL,
            .confidence = -1,
        };
    }
}

static void print_agreement(const recap_evidence *evidence, const struct corpus *corpus)
{
    int32_t *a = new_array(evidence->n_sentences, sizeof(*a));
    int32_t *b = new_array(evidence->n_sentences, sizeof(*b));
    size_t n = 0, n_in = 0;
    for (int inside = 0; inside <= 1; inside++) {
        n = 0;
        for (size_t i = 0; i < evidence->n_sentences; i++) {
            const recap_sentence *sentence = &evidence->sentences[i];
            int32_t label = corpus->labels[sentence->article];
            if (sentence->cluster < 0 || label < 0) continue;
            int32_t id = evidence->clusters[sentence->cluster].id;
            if (inside && id < 0) continue;
            a[n] = id;
            b[n++] = label;
        }
        if (!n) break;
        printf("%s n %zu AMI %.3f ARI %.3f\n", inside ? "without noise:" : "all:", n,
               recap_adjusted_mutual_information(a, b, n), recap_adjusted_rand(a, b, n));
        n_in = n;
    }
    if (!n_in) printf("no labels\n");
    free(a);
    free(b);
}

static void print_sentences(const recap_evidence *evidence, const recap_representative *items,
                            size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const recap_sentence *sentence = &evidence->sentences[items[i].sentence];
        printf("    %.2f %s %.300s\n", items[i].score, sentence->language, sentence->text);
    }
}

static void print_clusters(const recap_evidence *evidence, size_t lines)
{
    for (size_t c = 0; c < evidence->n_clusters; c++) {
        const recap_cluster *cluster = &evidence->clusters[c];
        printf("[%d] %zu sentences, similarity %.3f:", cluster->id, cluster->size,
               cluster->average_similarity);
        for (size_t t = 0; t < cluster->n_terms; t++)
            printf("%s %s", t ? " /" : "", cluster->terms[t]);
        printf("\n");
        print_sentences(evidence, cluster->representatives,
                        cluster->n_representatives < lines ? cluster->n_representatives : lines);
    }
    printf("highlights\n");
    print_sentences(evidence, evidence->highlights, evidence->n_highlights);
}

static void print_duplicates(struct probe *probe, recap_context *context,
                             const recap_evidence *evidence)
{
    float *pair = new_array(2 * probe->d, sizeof(float));
    recap_error error;
    for (size_t i = 0; i < evidence->n_sentences; i++) {
        const recap_sentence *sentence = &evidence->sentences[i];
        if (sentence->duplicate_of < 0) continue;
        const recap_sentence *original = &evidence->sentences[sentence->duplicate_of];
        if (!strcmp(original->text, sentence->text)) continue;
        recap_text texts[2] = {{original->text, strlen(original->text)},
                               {sentence->text, strlen(sentence->text)}};
        if (embed(probe, context, texts, 2, pair, &error)) stop(&error);
        printf("%.3f | %.200s | %.200s\n", (double)compute_dot(pair, pair + probe->d, probe->d),
               original->text, sentence->text);
    }
    free(pair);
}

static void print_rejected(struct probe *probe, recap_context *context,
                           const recap_evidence *evidence)
{
    size_t n = evidence->n_sentences, d = probe->d;
    recap_text *texts = new_array(n, sizeof(*texts));
    float *x = new_array(n * d, sizeof(float));
    recap_error error;
    struct facts *facts;
    if (!texts || !x) abort();
    for (size_t i = 0; i < n; i++)
        texts[i] = (recap_text){evidence->sentences[i].text, strlen(evidence->sentences[i].text)};
    if (embed(probe, context, texts, n, x, &error)) stop(&error);
    if (facts_collect(evidence->sentences, n, &facts, &error)) stop(&error);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            float cosine = compute_dot(x + i * d, x + k * d, d);
            if ((double)cosine >= evidence->dedup_threshold && facts_contradict(facts, k, i))
                printf("rejected %.3f | %.200s | %.200s\n", (double)cosine, texts[k].data,
                       texts[i].data);
        }
    }
    facts_free(facts);
    free(texts);
    free(x);
}

static void dump(const char *path, const float *x, size_t n, size_t d, const int32_t *labels)
{
    recap_error error;
    struct buf name = {0};
    buf_printf(&name, "%s.labels", path);
    if (file_write(path, x, n * d * sizeof(float), &error) ||
        file_write(name.data, labels, n * sizeof(*labels), &error))
        stop(&error);
    buf_free(&name);
}

/* The search without the stages around it. */
static void search_whole(struct probe *probe, recap_context *context, const struct corpus *corpus,
                         const recap_evidence_options *options, const char *dump_path)
{
    size_t n = corpus->n, d = probe->d;
    recap_text *texts = new_array(n, sizeof(*texts));
    float *x = new_array(n * d, sizeof(float));
    int32_t *labels = new_array(n, sizeof(*labels));
    if (!texts || !x || !labels) abort();
    for (size_t i = 0; i < n; i++) {
        const char *text = corpus->articles[i].n_paragraphs ? corpus->articles[i].paragraphs[0]
                                                            : "";
        texts[i] = (recap_text){text, strlen(text)};
    }
    recap_error error;
    recap_search_result result;
    double began = clock_seconds();
    if (embed(probe, context, texts, n, x, &error)) stop(&error);
    double embedded = clock_seconds();
    if (dump_path) dump(dump_path, x, n, d, corpus->labels);
    if (recap_search_clusters(context, x, n, d, &options->search, labels, NULL, &result, &error))
        stop(&error);
    size_t noise = 0;
    for (size_t i = 0; i < n; i++) noise += labels[i] < 0;
    printf(
        "%zu vectors: %zu clusters, noise %.3f; neighbours %zu, mcs %zu, ms %zu, silhouette %.3f, "
        "DBCV %.3f; AMI %.3f ARI %.3f; embed %.1f s, search %.1f s\n",
        n, result.n_clusters, (double)noise / (double)n, result.n_neighbors,
        result.min_cluster_size, result.min_samples, result.silhouette, result.dbcv,
        recap_adjusted_mutual_information(labels, corpus->labels, n),
        recap_adjusted_rand(labels, corpus->labels, n), embedded - began,
        clock_seconds() - embedded);
    recap_free_search(&result);
    free(texts);
    free(x);
    free(labels);
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        {"model", 1, NULL, 'm'},     {"cache", 1, NULL, 'c'},     {"genre", 1, NULL, 'g'},
        {"lines", 1, NULL, 'l'},     {"seconds", 1, NULL, 's'},   {"duplicates", 0, NULL, 'd'},
        {"threshold", 1, NULL, 't'}, {"quiet", 0, NULL, 'q'},     {"whole", 0, NULL, 'w'},
        {"epsilon", 1, NULL, 'e'},   {"other", 0, NULL, 'O'},     {"leaf", 0, NULL, 'L'},
        {"stories", 0, NULL, 'S'},   {"only", 1, NULL, 'y'},      {"rejected", 0, NULL, 'r'},
        {"dump", 1, NULL, 'o'},      {"sentences", 1, NULL, 'n'}, {NULL, 0, NULL, 0},
    };
    struct probe probe = {0};
    recap_evidence_options options = recap_evidence_defaults();
    size_t lines = 4;
    const char *dump_path = NULL, *only = NULL;
    bool duplicates = false, quiet = false, whole = false, rejected = false;
    char *models = getenv("RECAP_TEST_MODELS");
    char *directory = models ? path_join(models, "multilingual-e5-small") : NULL;
    options.max_tokens = 0;
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) >= 0;) {
        if (c == 'm') directory = optarg;
        if (c == 'c') probe.cache = optarg;
        if (c == 'g') options.genre = optarg;
        if (c == 'l') lines = strtoul(optarg, NULL, 10);
        if (c == 's') options.search.seconds = strtod(optarg, NULL);
        if (c == 't') options.dedup_threshold = strtod(optarg, NULL);
        if (c == 'n') options.max_sentences_per_document = strtoul(optarg, NULL, 10);
        if (c == 'd') duplicates = true;
        if (c == 'q') quiet = true;
        if (c == 'w') whole = true;
        if (c == 'e') options.search.epsilon = strtod(optarg, NULL);
        if (c == 'S') options.clustering = RECAP_CLUSTERING_STORIES;
        if (c == 'y') only = optarg;
        if (c == 'O') options.search.other = true;
        if (c == 'L') options.search.selection = RECAP_SELECTION_LEAF;
        if (c == 'r') rejected = true;
        if (c == 'o') dump_path = optarg;
    }
    if (!directory || optind + 1 != argc) {
        fprintf(stderr, "usage: evidence_probe --model DIR [options] ARTICLES.jsonl\n");
        return 2;
    }
    struct corpus corpus = {0};
    recap_error error;
    recap_context *context;
    recap_evidence *evidence;
    read_corpus(argv[optind], only, &corpus);
    if (recap_open_model(directory, &probe.model, &error)) stop(&error);
    probe.d = recap_model_describe(probe.model)->hidden_size;
    load_cache(&probe);
    if (recap_open_context(NULL, &context, &error)) stop(&error);
    if (whole) {
        search_whole(&probe, context, &corpus, &options, dump_path);
        return 0;
    }
    recap_embedder embedder = {embed, &probe, probe.d};
    if (recap_gather_evidence(context, corpus.articles, corpus.n, &embedder, &options, &evidence,
                              &error))
        stop(&error);
    if (duplicates) print_duplicates(&probe, context, evidence);
    if (rejected) print_rejected(&probe, context, evidence);
    if (!quiet) print_clusters(evidence, lines);
    const recap_search_result *search = &evidence->search;
    printf("%zu articles, %zu sentences, %zu duplicates, %zu groups, noise %.3f; neighbours %zu, "
           "mcs %zu, ms %zu, silhouette %.3f, DBCV %.3f, %zu found; embed %.1f s, cluster %.1f s, "
           "total %.1f s\n",
           corpus.n, evidence->n_sentences, evidence->dedup_pairs, evidence->n_clusters,
           evidence->noise_ratio, search->n_neighbors, search->min_cluster_size,
           search->min_samples, search->silhouette, search->dbcv, search->n_clusters,
           evidence->embed_seconds, evidence->cluster_seconds, evidence->total_seconds);
    print_agreement(evidence, &corpus);
    recap_free_evidence(evidence);
    recap_close_context(context);
    recap_close_model(probe.model);
    return 0;
}
