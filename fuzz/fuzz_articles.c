/* Any bytes as a file of articles, under every ending that decides how it is read: what is accepted
 * has a name, a text, UTF-8 throughout and a date that reads back. */
#include "cli/input.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text)
{
    if (text && utf8_check(text, strlen(text)) != strlen(text)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"a.jsonl", "a.html", "a.txt", "a.xml"};
    if (size == 0) return 0;
    struct articles articles = {.offline = true};
    struct view bytes = {(const char *)data + 1, size - 1};
    articles_read_bytes(&articles, names[data[0] % COUNT_OF(names)], bytes, NULL, NULL);
    for (size_t i = 0; i < articles.n; i++) {
        const recap_article *article = &articles.items[i];
        struct date date;
        if (!article->id || !article->n_paragraphs) abort();
        if (article->published_at &&
            !date_parse_rfc3339(view_of(article->published_at), false, &date))
            abort();
        check(article->id);
        check(article->title);
        check(article->genre);
        for (size_t k = 0; k < article->n_paragraphs; k++) check(article->paragraphs[k]);
    }
    articles_free(&articles);
    return 0;
}
