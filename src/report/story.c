/* What more than one document tells of a run: the stories with their titles, articles and days, the
 * days of the whole, and the genres' names.
 *
 *   days    an article's day is the one written in its time, whatever the offset
 *   bins    equal runs of days from the first to the last, at most REPORT_MAX_BINS
 *   pairs   (cluster, article) of the kept sentences, sorted: each distinct one counts once */
#include "report_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- dates ---- */

static bool digits(const char *text, size_t n, int *out)
{
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        *out = *out * 10 + (text[i] - '0');
    }
    return true;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

bool report_parse_day(const char *text, int64_t *day)
{
    int year, month, date;
    if (!text || !digits(text, 4, &year) || text[4] != '-' || !digits(text + 5, 2, &month) ||
        text[7] != '-' || !digits(text + 8, 2, &date))
        return false;
    if (month < 1 || month > 12 || date < 1 || date > month_days(year, month)) return false;
    /* Years that start in March: leap days come last. */
    int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + date - 1;
    *day = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
    return true;
}

void report_civil_day(int64_t day, int64_t *year, int *month, int *day_of_month)
{
    int64_t z = day + 719468, era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
    *day_of_month = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = y + era * 400 + (*month <= 2);
}

/* Bytes of ".123" at the text's start. */
static size_t fraction_length(const char *text)
{
    if (text[0] != '.') return 0;
    size_t n = strspn(text + 1, "0123456789");
    return n ? n + 1 : 0;
}

bool report_add_time(struct buf *out, const char *text)
{
    int64_t day;
    int hour, minute, second, number;
    if (!report_parse_day(text, &day) || !text[10] || !strchr("Tt ", text[10])) return false;
    const char *time = text + 11;
    if (!digits(time, 2, &hour) || time[2] != ':' || !digits(time + 3, 2, &minute) ||
        time[5] != ':' || !digits(time + 6, 2, &second) || hour > 23 || minute > 59 || second > 60)
        return false;
    size_t fraction = fraction_length(time + 8);
    const char *zone = time + 8 + fraction;
    bool utc = !*zone || ((*zone == 'Z' || *zone == 'z') && !zone[1]);
    if (!utc && ((*zone != '+' && *zone != '-') || !digits(zone + 1, 2, &number) || number > 23 ||
                 zone[3] != ':' || !digits(zone + 4, 2, &number) || number > 59 || zone[6]))
        return false;
    buf_add(out, text, 10);
    buf_add_byte(out, 'T');
    buf_add(out, time, 8 + fraction);
    buf_add_string(out, utc ? "Z" : zone);
    return true;
}

/* ---- names ---- */

static const struct genre_name {
    const char *genre, *english, *japanese;
} genre_names[] = {
    {"ai_data", "AI and data", "AI・データ"},
    {"software_dev", "Software development", "ソフトウェア開発"},
    {"cybersecurity", "Cybersecurity", "サイバーセキュリティ"},
    {"consumer_tech", "Consumer technology", "デジタル機器"},
    {"internet_platforms", "Internet platforms", "ネットサービス"},
    {"space_astronomy", "Space and astronomy", "宇宙・天文"},
    {"climate_environment", "Climate and environment", "気候・環境"},
    {"energy_transition", "Energy transition", "エネルギー転換"},
    {"health_medicine", "Health and medicine", "健康・医療"},
    {"life_science", "Life science", "生命科学"},
    {"economics_macro", "Economy", "経済"},
    {"markets_finance", "Markets and finance", "市場・金融"},
    {"startups_innovation", "Start-ups and innovation", "スタートアップ"},
    {"industry_logistics", "Industry and logistics", "産業・物流"},
    {"politics_government", "Politics and government", "政治・行政"},
    {"diplomacy_security", "Diplomacy and security", "外交・安全保障"},
    {"law_crime", "Law and crime", "司法・事件"},
    {"education", "Education", "教育"},
    {"labor_workplace", "Work", "労働・職場"},
    {"society_demographics", "Society", "社会・人口"},
    {"culture_arts", "Culture and arts", "文化・芸術"},
    {"film_tv", "Film and television", "映画・テレビ"},
    {"music_audio", "Music and audio", "音楽"},
    {"sports", "Sports", "スポーツ"},
    {"food_cuisine", "Food", "食"},
    {"travel_places", "Travel and places", "旅・街"},
    {"home_living", "Home and living", "住まい・暮らし"},
    {"games_esports", "Games and esports", "ゲーム・eスポーツ"},
    {"mobility_automotive", "Cars and mobility", "自動車・交通"},
    {"consumer_products", "Consumer products", "生活用品"},
    {"other", "Other", "その他"},
};

const char *report_genre_name(const char *genre, bool japanese)
{
    for (size_t i = 0; i < COUNT_OF(genre_names); i++)
        if (strcmp(genre_names[i].genre, genre) == 0)
            return japanese ? genre_names[i].japanese : genre_names[i].english;
    return genre;
}

/* ---- facts ---- */

const recap_article *report_member(const struct report_run *run, const struct report_genre *genre,
                                   size_t index)
{
    return genre->members ? &genre->members[index] : &run->articles[genre->articles[index]];
}

static bool is_language(const recap_sentence *sentence, const char *language)
{
    return sentence->language && strcmp(sentence->language, language) == 0;
}

bool report_mostly_japanese(const struct report_run *run)
{
    size_t japanese = 0, english = 0;
    for (size_t g = 0; g < run->n_genres; g++) {
        const recap_evidence *evidence = run->genres[g].evidence;
        for (size_t s = 0; evidence && s < evidence->n_sentences; s++) {
            japanese += is_language(&evidence->sentences[s], "ja");
            english += is_language(&evidence->sentences[s], "en");
        }
    }
    return japanese > 2 * english;
}

bool report_window(const struct report_run *run, const struct report_facts *facts, int64_t *first,
                   int64_t *last)
{
    bool since = report_parse_day(run->since, first), until = report_parse_day(run->until, last);
    if (!since && facts->dated) *first = facts->first_day;
    if (!until && facts->dated) *last = facts->last_day;
    return (since || facts->dated) && (until || facts->dated);
}

static size_t bin_of(const struct report_facts *facts, int64_t day)
{
    return (size_t)(day - facts->first_day) / facts->bin_days;
}

/* First and last day, the bins and the whole run's bars. */
static bool gather_days(const struct report_run *run, struct report_facts *facts)
{
    int64_t day;
    for (size_t i = 0; i < run->n_articles; i++) {
        if (!report_parse_day(run->articles[i].published_at, &day)) continue;
        if (!facts->dated || day < facts->first_day) facts->first_day = day;
        if (!facts->dated || day > facts->last_day) facts->last_day = day;
        facts->dated = true;
    }
    size_t span = facts->dated ? (size_t)(facts->last_day - facts->first_day) + 1 : 0;
    facts->bin_days = (span + REPORT_MAX_BINS - 1) / REPORT_MAX_BINS;
    if (facts->bin_days == 0) facts->bin_days = 1;
    facts->n_bins = (span + facts->bin_days - 1) / facts->bin_days;
    facts->bins = arena_alloc(&facts->arena, facts->n_bins, sizeof *facts->bins);
    if (!facts->bins) return false;
    for (size_t i = 0; i < run->n_articles; i++)
        if (report_parse_day(run->articles[i].published_at, &day))
            facts->bins[bin_of(facts, day)]++;
    return true;
}

struct pair {
    size_t cluster;
    int64_t value;
};

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->cluster != y->cluster) return x->cluster < y->cluster ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

/* Sorts, and leaves each pair once. */
static size_t unique_pairs(struct pair *pairs, size_t n)
{
    size_t kept = 0;
    if (n) qsort(pairs, n, sizeof *pairs, compare_pairs);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || compare_pairs(&pairs[kept - 1], &pairs[i]) != 0) pairs[kept++] = pairs[i];
    return kept;
}

static void count_story_days(const struct pair *days, size_t n, struct report_story *stories)
{
    for (size_t i = 0; i < n; i++) {
        struct report_story *story = &stories[days[i].cluster];
        if (story->n_days++ == 0) story->first_day = days[i].value;
        story->last_day = days[i].value;
    }
}

/* Marks the articles that repeat others word for word: two sentences or more, none of them kept.
 * One repeated sentence alone is a notice ("subscribe to read on") and tells no story. */
static void mark_copies(const recap_evidence *evidence, bool *copies)
{
    for (size_t begin = 0, end; begin < evidence->n_sentences; begin = end) {
        size_t article = evidence->sentences[begin].article, n_kept = 0;
        for (end = begin; end < evidence->n_sentences; end++) {
            if (evidence->sentences[end].article != article) break;
            n_kept += evidence->sentences[end].duplicate_of < 0;
        }
        copies[article] = n_kept == 0 && end - begin > 2;
    }
}

/* The articles and days of every story of a genre. A copy counts where its sentences were kept. */
static bool count_members(const struct report_run *run, const struct report_genre *genre,
                          struct report_facts *facts, struct report_story *stories)
{
    const recap_evidence *evidence = genre->evidence;
    struct pair *pairs = new_array(evidence->n_sentences, sizeof *pairs);
    bool *copies = new_zeroed(genre->n_articles, sizeof *copies);
    if (!pairs || !copies) {
        free(pairs);
        free(copies);
        return false;
    }
    size_t n = 0, n_days = 0;
    mark_copies(evidence, copies);
    for (size_t i = 0; i < evidence->n_sentences; i++) {
        const recap_sentence *s = &evidence->sentences[i];
        if (s->duplicate_of >= 0 && copies[s->article]) {
            int32_t cluster = evidence->sentences[s->duplicate_of].cluster;
            if (cluster >= 0) pairs[n++] = (struct pair){(size_t)cluster, (int64_t)s->article};
        }
        if (s->cluster < 0) continue;
        pairs[n++] = (struct pair){(size_t)s->cluster, (int64_t)s->article};
        stories[s->cluster].n_japanese += is_language(s, "ja");
        stories[s->cluster].n_english += is_language(s, "en");
    }
    n = unique_pairs(pairs, n);
    for (size_t i = 0; i < n; i++) {
        size_t cluster = pairs[i].cluster, article = (size_t)pairs[i].value;
        int64_t day;
        stories[cluster].n_articles++;
        if (!report_parse_day(report_member(run, genre, article)->published_at, &day)) continue;
        if (day >= facts->first_day && day <= facts->last_day)
            stories[cluster].bins[bin_of(facts, day)]++;
        pairs[n_days++] = (struct pair){cluster, day};
    }
    count_story_days(pairs, unique_pairs(pairs, n_days), stories);
    free(copies);
    free(pairs);
    return true;
}

static void name_story(const struct report_run *run, const struct report_genre *genre,
                       struct report_story *story)
{
    const recap_cluster *cluster = story->cluster;
    const recap_sentence *best =
        cluster->n_representatives
            ? &genre->evidence->sentences[cluster->representatives[0].sentence]
            : NULL;
    const char *title = best ? report_member(run, genre, best->article)->title : NULL;
    story->language = best ? best->language : NULL;
    if (report_is_blank(title)) title = cluster->n_terms ? cluster->terms[0] : NULL;
    if (report_is_blank(title)) title = best ? best->text : "";
    story->title = title;
}

static bool any_place(const recap_evidence *evidence)
{
    for (size_t i = 0; i < evidence->n_sentences; i++)
        if (evidence->sentences[i].x != 0 || evidence->sentences[i].y != 0) return true;
    return false;
}

/* What two articles tell is a story; the others stand alone. A cluster that nothing names, neither
 * a sentence nor a term, is a phrase ("He was 95.") that many articles use. */
static void count_stories(size_t n_clusters, struct report_genre_facts *out)
{
    for (size_t c = 0; c < n_clusters; c++) {
        struct report_story *story = &out->stories[c];
        if (story->cluster->id < 0)
            out->n_noise += story->cluster->size;
        else if (story->n_articles > 1 && !report_is_blank(story->title))
            story->number = ++out->n_stories;
        else
            out->n_single += story->cluster->size;
    }
}

static bool gather_genre(const struct report_run *run, const struct report_genre *genre,
                         struct report_facts *facts, struct report_genre_facts *out)
{
    const recap_evidence *evidence = genre->evidence;
    out->bins = arena_alloc(&facts->arena, facts->n_bins, sizeof *out->bins);
    if (!out->bins) return false;
    int64_t day;
    for (size_t i = 0; i < genre->n_articles; i++) {
        facts->placed[genre->articles[i]] = true;
        if (report_parse_day(run->articles[genre->articles[i]].published_at, &day))
            out->bins[bin_of(facts, day)]++;
    }
    if (!evidence) return true;
    out->stories = arena_alloc(&facts->arena, evidence->n_clusters, sizeof *out->stories);
    if (!out->stories) return false;
    for (size_t c = 0; c < evidence->n_clusters; c++) {
        struct report_story *story = &out->stories[c];
        story->cluster = &evidence->clusters[c];
        story->bins = arena_alloc(&facts->arena, facts->n_bins, sizeof *story->bins);
        if (!story->bins) return false;
        name_story(run, genre, story);
    }
    out->mapped = any_place(evidence);
    if (!count_members(run, genre, facts, out->stories)) return false;
    count_stories(evidence->n_clusters, out);
    return true;
}

bool report_gather_facts(const struct report_run *run, struct report_facts *out)
{
    *out = (struct report_facts){0};
    out->genres = arena_alloc(&out->arena, run->n_genres, sizeof *out->genres);
    out->placed = arena_alloc(&out->arena, run->n_articles, sizeof *out->placed);
    if (!out->genres || !out->placed || !gather_days(run, out)) return false;
    for (size_t g = 0; g < run->n_genres; g++) {
        if (!gather_genre(run, &run->genres[g], out, &out->genres[g])) return false;
        out->n_stories += out->genres[g].n_stories;
        out->n_noise += out->genres[g].n_noise;
        out->n_single += out->genres[g].n_single;
        if (!run->genres[g].evidence) continue;
        out->n_sentences += run->genres[g].evidence->n_sentences;
        out->n_duplicates += run->genres[g].evidence->dedup_pairs;
    }
    return true;
}

void report_free_facts(struct report_facts *facts)
{
    arena_free(&facts->arena);
}
