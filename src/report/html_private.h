/* What the two halves of the HTML report share: the page being written and its own words. */
#ifndef HTML_PRIVATE_H
#define HTML_PRIVATE_H

#include "report_private.h"

struct html_page {
    struct buf *out;
    const struct report_run *run;
    const struct report_facts *facts;
    bool japanese; /* the page's own words */
};

/* The one of two phrases that is in the page's language. Constant text, added as it is. */
const char *html_say(const struct html_page *page, const char *english, const char *japanese);
/* "1 article", "7 articles", "7記事". */
void html_add_count(const struct html_page *page, size_t n, const char *one, const char *many,
                    const char *japanese);
void html_add_articles(const struct html_page *page, size_t n);
void html_add_sentences(const struct html_page *page, size_t n);
/* The article's title as a link where its address is safe, its host and its day. */
void html_add_source(const struct html_page *page, const recap_article *article,
                     const char *language);
/* The section of genre g; in html_genre.c. */
void html_add_genre(const struct html_page *page, size_t g);

#endif
