/* One row a representative sentence, RFC 4180: commas, CR LF, quotes where needed.
 *
 * UTF-8 without a byte-order mark. A text that a spreadsheet would take as a formula gets a leading
 * apostrophe; line ends inside a text become blanks. */
#include "report_private.h"

#include <string.h>

static const char header[] = "genre,cluster_id,label,size,rank,score,article_id,title,url,"
                             "published_at,lang,paragraph_idx,sentence\r\n";

static void add_cell(struct buf *out, const char *text)
{
    if (!text) return;
    size_t n = strlen(text);
    bool quote = strpbrk(text, ",\"") != NULL || text[0] == ' ' || (n && text[n - 1] == ' ');
    if (quote) buf_add_byte(out, '"');
    const char *start = text + strspn(text, " \t\r\n"); /* spreadsheets trim before they look */
    if (*start && strchr("=+-@", *start)) buf_add_byte(out, '\'');
    for (size_t i = 0; i < n;) {
        uint32_t c = utf8_next(text, n, &i);
        if (c == '"') buf_add_byte(out, '"');
        if (c == UINT32_MAX) c = 0xfffd;
        buf_add_code_point(out, report_is_control(c) ? ' ' : c);
    }
    if (quote) buf_add_byte(out, '"');
}

static void add_row(const struct report_run *run, const struct report_genre *genre,
                    const recap_cluster *cluster, size_t rank, struct buf *out)
{
    const recap_representative *r = &cluster->representatives[rank];
    const recap_sentence *sentence = &genre->evidence->sentences[r->sentence];
    const recap_article *article = report_member(run, genre, sentence->article);
    add_cell(out, genre->name);
    buf_printf(out, ",%d,", (int)cluster->id);
    add_cell(out, cluster->n_terms ? cluster->terms[0] : NULL);
    buf_printf(out, ",%zu,%zu,", cluster->size, rank + 1);
    buf_add_double(out, r->score);
    const char *const cells[] = {article->id, article->title, article->url, article->published_at,
                                 sentence->language};
    for (size_t i = 0; i < COUNT_OF(cells); i++) {
        buf_add_byte(out, ',');
        add_cell(out, cells[i]);
    }
    buf_printf(out, ",%zu,", sentence->paragraph);
    add_cell(out, sentence->text);
    buf_add_string(out, "\r\n");
}

int report_csv(const struct report_run *run, struct buf *out, recap_error *error)
{
    buf_add_string(out, header);
    for (size_t g = 0; g < run->n_genres; g++) {
        const recap_evidence *evidence = run->genres[g].evidence;
        for (size_t c = 0; evidence && c < evidence->n_clusters; c++)
            for (size_t r = 0; r < evidence->clusters[c].n_representatives; r++)
                add_row(run, &run->genres[g], &evidence->clusters[c], r, out);
    }
    return out->failed ? fail_memory(error, out->n) : RECAP_OK;
}
