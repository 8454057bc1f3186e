/* The pictures of the HTML report, as inline SVG without any style of its own: classes only, so
 * that the page's style sheet and its content policy decide everything.
 *
 *   map       360 x 280: uniform scale, noise first, then the stories with their numbers on top
 *   timeline  360 x 92: a bar a day (or a bin of days), its count above, its date below
 *   spark     4 units a bar, 16 high */
#include "report_private.h"

#include <math.h>

static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void report_add_day(struct buf *out, int64_t day, bool year, bool japanese)
{
    int64_t y;
    int month, date;
    report_civil_day(day, &y, &month, &date);
    if (japanese && year) buf_printf(out, "%d年", (int)y);
    if (japanese)
        buf_printf(out, "%d月%d日", month, date);
    else
        buf_printf(out, "%d %s", date, month_names[month - 1]);
    if (!japanese && year) buf_printf(out, " %d", (int)y);
}

/* ---- map ---- */

enum { MAP_WIDTH = 360, MAP_HEIGHT = 280, MAP_MARGIN = 14, MAP_TITLE = 140 };

struct frame {
    double left, top, scale; /* of the layout's smallest x, largest y */
    double shift_x, shift_y;
};

static bool is_kept(const recap_sentence *sentence)
{
    return sentence->cluster >= 0 && isfinite(sentence->x) && isfinite(sentence->y);
}

static struct frame fit_frame(const recap_evidence *evidence)
{
    double low_x = INFINITY, high_x = -INFINITY, low_y = INFINITY, high_y = -INFINITY;
    for (size_t i = 0; i < evidence->n_sentences; i++) {
        const recap_sentence *s = &evidence->sentences[i];
        if (!is_kept(s)) continue;
        low_x = fmin(low_x, s->x), high_x = fmax(high_x, s->x);
        low_y = fmin(low_y, s->y), high_y = fmax(high_y, s->y);
    }
    double width = MAP_WIDTH - 2 * MAP_MARGIN, height = MAP_HEIGHT - 2 * MAP_MARGIN;
    double span_x = fmax(high_x - low_x, 1e-6), span_y = fmax(high_y - low_y, 1e-6);
    double scale = fmin(width / span_x, height / span_y);
    return (struct frame){low_x, high_y, scale, MAP_MARGIN + (width - scale * span_x) / 2,
                          MAP_MARGIN + (height - scale * span_y) / 2};
}

static double place_x(const struct frame *frame, double x)
{
    return frame->shift_x + (x - frame->left) * frame->scale;
}

static double place_y(const struct frame *frame, double y)
{
    return frame->shift_y + (frame->top - y) * frame->scale;
}

static void add_points(const struct report_run *run, const struct report_genre *genre,
                       const struct frame *frame, size_t cluster, struct buf *out)
{
    for (size_t i = 0; i < genre->evidence->n_sentences; i++) {
        const recap_sentence *s = &genre->evidence->sentences[i];
        if (!is_kept(s) || (size_t)s->cluster != cluster) continue;
        buf_printf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.4\"><title", place_x(frame, s->x),
                   place_y(frame, s->y));
        report_add_lang(out, s->language);
        buf_add_byte(out, '>');
        report_add_text_cut(out, s->text, MAP_TITLE);
        const char *title = report_member(run, genre, s->article)->title;
        if (!report_is_blank(title)) {
            buf_add_string(out, "\n— ");
            report_add_text_cut(out, title, MAP_TITLE / 2);
        }
        buf_add_string(out, "</title></circle>");
    }
}

/* A story's number at the middle of its points. */
static void add_number(const recap_evidence *evidence, const struct frame *frame, size_t cluster,
                       size_t number, struct buf *out)
{
    double x = 0, y = 0;
    size_t n = 0;
    for (size_t i = 0; i < evidence->n_sentences; i++) {
        const recap_sentence *s = &evidence->sentences[i];
        if (!is_kept(s) || (size_t)s->cluster != cluster) continue;
        x += s->x, y += s->y, n++;
    }
    if (!n) return;
    double middle_x = place_x(frame, x / (double)n), middle_y = place_y(frame, y / (double)n);
    buf_printf(out, "<circle class=\"tag c%zu\" cx=\"%.1f\" cy=\"%.1f\" r=\"8.5\"/>",
               (number - 1) % REPORT_COLORS, middle_x, middle_y);
    buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\">%zu</text>", middle_x, middle_y + 3.8, number);
}

void report_add_map(const struct report_run *run, const struct report_facts *facts, size_t g,
                    const char *label, struct buf *out)
{
    const struct report_genre *genre = &run->genres[g];
    const recap_evidence *evidence = genre->evidence;
    struct frame frame = fit_frame(evidence);
    buf_printf(out, "<svg class=\"map\" viewBox=\"0 0 %d %d\" role=\"group\" aria-label=\"",
               MAP_WIDTH, MAP_HEIGHT);
    report_add_text(out, label);
    buf_add_string(out, "\">");
    const struct report_story *stories = facts->genres[g].stories;
    for (size_t c = 0; c < evidence->n_clusters; c++) {
        if (stories[c].number) continue;
        buf_add_string(out, "<g class=\"none\">");
        add_points(run, genre, &frame, c, out);
        buf_add_string(out, "</g>");
    }
    for (size_t c = 0; c < evidence->n_clusters; c++) {
        size_t number = stories[c].number;
        if (!number) continue;
        buf_printf(out, "<a href=\"#g%zu-s%zu\" aria-label=\"%zu. ", g + 1, number, number);
        report_add_text(out, stories[c].title);
        buf_printf(out, "\"><g class=\"c%zu\">", (number - 1) % REPORT_COLORS);
        add_points(run, genre, &frame, c, out);
        buf_add_string(out, "</g>");
        add_number(evidence, &frame, c, number, out);
        buf_add_string(out, "</a>");
    }
    buf_add_string(out, "</svg>\n");
}

/* ---- bars ---- */

enum { LINE_WIDTH = 360, LINE_HEIGHT = 92, LINE_TOP = 16, LINE_BASE = 72, LINE_LABELS = 10 };

static size_t largest(const size_t *bins, size_t n)
{
    size_t most = 1;
    for (size_t i = 0; i < n; i++)
        if (bins[i] > most) most = bins[i];
    return most;
}

/* "16 Nov: 7", or "16 Nov – 22 Nov: 7". */
static void add_bin_title(const struct report_facts *facts, size_t bin, size_t n, bool japanese,
                          struct buf *out)
{
    int64_t first = facts->first_day + (int64_t)(bin * facts->bin_days);
    int64_t last = first + (int64_t)facts->bin_days - 1;
    buf_add_string(out, "<title>");
    report_add_day(out, first, false, japanese);
    if (last > first) {
        buf_add_string(out, " – ");
        report_add_day(out, last < facts->last_day ? last : facts->last_day, false, japanese);
    }
    buf_printf(out, ": %zu</title>", n);
}

/* Under every bar where there are few, else under some; years where the days span more than one. */
static void add_bin_label(const struct report_facts *facts, size_t bin, double x, bool japanese,
                          struct buf *out)
{
    size_t n = facts->n_bins;
    if (n > LINE_LABELS && bin != 0 && bin != n / 2 && bin + 1 != n) return;
    const char *anchor = "middle";
    if (n > LINE_LABELS && bin == 0) anchor = "start";
    if (n > LINE_LABELS && bin + 1 == n) anchor = "end";
    bool year = facts->last_day - facts->first_day > 330;
    buf_printf(out, "<text class=\"day\" text-anchor=\"%s\" x=\"%.1f\" y=\"%d\">", anchor, x,
               LINE_BASE + 15);
    int64_t day = facts->first_day + (int64_t)(bin * facts->bin_days), y;
    int month, date;
    report_civil_day(day, &y, &month, &date);
    if (japanese && !year)
        buf_printf(out, "%d/%d", month, date); /* narrower than 11月16日 */
    else
        report_add_day(out, day, year, japanese);
    buf_add_string(out, "</text>");
}

void report_add_timeline(const struct report_facts *facts, const size_t *bins, bool japanese,
                         const char *label, struct buf *out)
{
    if (!facts->n_bins) return;
    double step = (double)LINE_WIDTH / (double)facts->n_bins, width = fmin(step * 0.7, 30);
    double unit = (double)(LINE_BASE - LINE_TOP) / (double)largest(bins, facts->n_bins);
    buf_printf(out, "<svg class=\"timeline\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"",
               LINE_WIDTH, LINE_HEIGHT);
    report_add_text(out, label);
    buf_add_string(out, "\">");
    for (size_t i = 0; i < facts->n_bins; i++) {
        double middle = ((double)i + 0.5) * step, height = (double)bins[i] * unit;
        buf_printf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\">",
                   middle - width / 2, LINE_BASE - height, width, height);
        add_bin_title(facts, i, bins[i], japanese, out);
        buf_add_string(out, "</rect>");
        if (facts->n_bins <= 2 * LINE_LABELS && bins[i])
            buf_printf(out, "<text text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">%zu</text>", middle,
                       LINE_BASE - height - 4, bins[i]);
        double edge = middle;
        if (facts->n_bins > LINE_LABELS && i == 0) edge = 0;
        if (facts->n_bins > LINE_LABELS && i + 1 == facts->n_bins) edge = LINE_WIDTH;
        add_bin_label(facts, i, edge, japanese, out);
    }
    buf_printf(out, "<path d=\"M0 %d.5H%d\"/></svg>\n", LINE_BASE, LINE_WIDTH);
}

enum { SPARK_STEP = 7, SPARK_HEIGHT = 18 };

void report_add_spark(const struct report_facts *facts, const size_t *bins, const char *label,
                      struct buf *out)
{
    if (facts->n_bins < 2) return;
    size_t most = largest(bins, facts->n_bins), width = facts->n_bins * SPARK_STEP;
    buf_printf(out,
               "<svg class=\"spark\" viewBox=\"0 0 %zu %d\" width=\"%zu\" height=\"%d\" "
               "role=\"img\" aria-label=\"",
               width, SPARK_HEIGHT, width, SPARK_HEIGHT);
    report_add_text(out, label);
    buf_add_string(out, "\">");
    for (size_t i = 0; i < facts->n_bins; i++) {
        double height = 2 + (double)(SPARK_HEIGHT - 2) * (double)bins[i] / (double)most;
        if (!bins[i]) height = 1.5;
        buf_printf(out, "<rect%s x=\"%zu\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" rx=\"1\"/>",
                   bins[i] ? "" : " class=\"zero\"", i * SPARK_STEP, SPARK_HEIGHT - height,
                   SPARK_STEP - 2, height);
    }
    buf_add_string(out, "</svg>");
}
