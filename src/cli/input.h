/* The input room of the command line: bytes, lines, records, matrices, dates, articles, feeds. */
#ifndef INPUT_H
#define INPUT_H

#include <jansson.h>

#include "base/base.h"
#include "recap/evidence.h"

/* What one input of articles may hold, unpacked; one document (JSON, a page, a feed); one line of
 * JSON Lines. */
enum { input_limit = 512 << 20, document_limit = 256 << 20, line_limit = 64 << 20 };

/* ---- archive.c: files and standard input, decompressed where they are .gz or .zst ---- */

struct stream;
/* "-" is standard input. What is compressed is told by content, not by name. */
int stream_open(const char *path, struct stream **out, recap_error *error);
/* Up to `capacity` bytes; *n is 0 at the end. */
int stream_read(struct stream *stream, void *data, size_t capacity, size_t *n, recap_error *error);
void stream_close(struct stream *stream);
/* Bytes of the file itself, packed as they are, that gave what was read so far; about. */
size_t stream_consumed(const struct stream *stream);
/* Appends everything; RECAP_ERROR_IO over `limit` bytes. */
int input_read(const char *path, size_t limit, struct buf *out, recap_error *error);
/* What messages call an input: "standard input" for "-". */
const char *input_name(const char *path);

/* ---- lines.c: JSON Lines ---- */

/* One line. Either `reason` says why it was refused, or `text` is what is to be worked on. */
struct record {
    const char *file; /* NULL where there is only one input */
    size_t line;      /* from 1 */
    json_t *value;    /* owned; the string or the object; NULL where it was not JSON */
    struct view text; /* into value */
    char *reason;     /* owned */
};

struct records;
/* No inputs: standard input. The inputs must outlive the reader. */
int records_open(const char *const *inputs, size_t n, struct records **out, recap_error *error);
/* The next lines, at most `max` and about 4 MB of them; valid until the next call; *n is 0 at the
 * end. Blank lines are skipped. */
int records_next(struct records *records, size_t max, struct record **batch, size_t *n,
                 recap_error *error);
void records_close(struct records *records);
/* How much of the inputs was read, 0..1; negative where their sizes are not known. */
double records_share(const struct records *records);

/* A line reader for those who don't want records: the bytes live until the next call. A line over
 * 64 MiB has `too_long` set and only its beginning. */
struct lines;
struct line {
    size_t number;     /* from 1 */
    struct view bytes; /* without its end */
    bool too_long;
};
int lines_open(const char *path, struct lines **out, recap_error *error);
int lines_next(struct lines *lines, struct line *out, bool *found, recap_error *error);
void lines_close(struct lines *lines);

/* "at line 1, column 3" of a fault in one line of JSON: "at column 3". In place. */
void shorten_place(char *message);

/* Compact JSON with the shortest numbers; jansson's own writer rounds nothing off. */
void json_emit(struct buf *out, const json_t *value);

/* ---- npy.c ---- */

struct matrix {
    float *data; /* [rows, columns], owned */
    size_t rows, columns;
};
/* Little-endian float32, C order, two dimensions, finite; RECAP_ERROR_IO says what was found. */
int npy_read(const char *path, struct matrix *out, recap_error *error);
int npy_parse(const char *name, struct view file, struct matrix *out, recap_error *error);
void matrix_free(struct matrix *matrix);
/* 128 bytes, whatever the shape, so that it can be written again when the rows are known. */
void npy_header(struct buf *out, const char *type, size_t rows, size_t columns);

/* ---- dates.c ---- */

struct date {
    int64_t seconds; /* since 1970 UTC */
    int offset;      /* minutes east of UTC, as it was written */
};
/* RFC 3339, with a blank or lower-case letters for T and Z, any fraction; without an offset it is
 * UTC. `date_only` allows a mere "2025-01-31" (its first second). */
bool date_parse_rfc3339(struct view text, bool date_only, struct date *out);
bool date_parse_rfc822(struct view text, struct date *out);
/* "2025-01-31T09:00:00+09:00"; UTC is written Z. */
void date_format(struct date date, char out[40]);
struct date date_now(void);

/* ---- articles.c ---- */

struct articles {
    struct arena arena; /* owns every string below */
    recap_article *items;
    struct date *dates; /* [n]; only where items[i].published_at */
    size_t n, capacity, dates_capacity;
    size_t n_refused;
    bool strict;  /* the first refusal ends the reading */
    bool offline; /* addresses are refused */
    /* Called for each refusal; may be NULL. */
    void (*refused)(void *data, const char *message);
    void *refused_data;
};
/* Reads every article of a file, "-" or address. A missing or unreadable file fails; a bad article
 * is told, counted and left out. */
int articles_read(struct articles *articles, const char *input, recap_error *error);
/* The same for bytes that came otherwise; `name` serves its ending and the messages, `charset` is
 * what a header declared, or NULL. */
int articles_read_bytes(struct articles *articles, const char *name, struct view bytes,
                        const char *charset, recap_error *error);
void articles_free(struct articles *articles);

/* For the readers of single formats: what is known of one article, strings of any lifetime. */
struct article_draft {
    struct view id, title, language, url, genre;
    struct view published_at;
    bool feed_dates;               /* RFC 822 is allowed */
    const struct view *paragraphs; /* [n_paragraphs] */
    size_t n_paragraphs;
    bool lines_part; /* a line end ends a paragraph; else a blank line does */
};
/* Checks, completes (a missing id is made from the content) and adds it; a bad one is refused with
 * "where: reason". */
int articles_add(struct articles *articles, const char *where, const struct article_draft *draft,
                 recap_error *error);
int articles_refuse(struct articles *articles, const char *where, const char *reason,
                    recap_error *error);

/* ---- articles_json.c: what begins with '[' or '{', and JSON Lines ---- */

int articles_read_json(struct articles *articles, const char *where, struct view text,
                       const char *charset, recap_error *error);

/* ---- feeds.c ---- */

bool input_is_address(const char *input);
/* Fetches an http(s) address, at most 64 MiB; *charset is what the header said, or empty. */
int fetch_address(const char *address, struct buf *out, struct buf *charset, recap_error *error);
/* RSS, RDF, Atom or OPML. `charset`: what a header said, or NULL; the document's own declaration
 * wins. `depth`: how many lists of feeds led here. */
int feeds_read_xml(struct articles *articles, const char *where, const char *data, size_t n,
                   const char *charset, int depth, recap_error *error);
/* A JSON Feed, parsed. */
int feeds_read_json(struct articles *articles, const char *where, const json_t *feed,
                    recap_error *error);
/* For OPML: one more feed. */
int articles_read_address(struct articles *articles, const char *address, int depth,
                          recap_error *error);

#endif
