/* Articles as JSON: Lines, an array, one object, or a JSON Feed.
 *
 * What begins with '[' is an array; with '{' it is JSON Lines where the first line is whole, else
 * one document; anything else is taken for lines, each of which will be refused by its number. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "input.h"
#include "text/text.h"

/* ---- one article ---- */

static struct view view_of_json(const json_t *string)
{
    return (struct view){json_string_value(string), json_string_length(string)};
}

/* A string, or where `numbers` allows it an integer, put into `space`; false: another type. */
static bool take_field(const json_t *object, const char *name, bool numbers, char space[32],
                       struct view *out)
{
    const json_t *value = json_object_get(object, name);
    if (!value || json_is_null(value)) return true;
    if (json_is_string(value)) {
        *out = view_of_json(value);
        return true;
    }
    if (!numbers || !json_is_integer(value)) return false;
    int n = snprintf(space, 32, "%lld", (long long)json_integer_value(value));
    *out = (struct view){space, (size_t)n};
    return true;
}

static const char *take_fields(const json_t *object, char space[32], struct article_draft *draft)
{
    if (!take_field(object, "id", true, space, &draft->id)) return "\"id\" must be a string";
    if (!take_field(object, "title", false, space, &draft->title))
        return "\"title\" must be a string";
    if (!take_field(object, "lang", false, space, &draft->language))
        return "\"lang\" must be a string";
    if (!take_field(object, "url", false, space, &draft->url)) return "\"url\" must be a string";
    if (!take_field(object, "genre", false, space, &draft->genre))
        return "\"genre\" must be a string";
    if (!take_field(object, "date", false, space, &draft->published_at))
        return "\"date\" must be a string";
    if (!take_field(object, "published_at", false, space, &draft->published_at))
        return "\"published_at\" must be a string";
    return NULL;
}

/* `paragraphs` has room for every paragraph of the object, and for one text. */
static const char *take_texts(const json_t *object, struct view *paragraphs, size_t *n)
{
    const json_t *text = json_object_get(object, "text"),
                 *list = json_object_get(object, "paragraphs");
    *n = 0;
    if (json_array_size(list) > 0 || (json_is_array(list) && !text)) {
        for (size_t i = 0; i < json_array_size(list); i++) {
            if (!json_is_string(json_array_get(list, i)))
                return "\"paragraphs\" must be a list of strings";
            paragraphs[(*n)++] = view_of_json(json_array_get(list, i));
        }
        return NULL;
    }
    if (list && !json_is_null(list) && !json_is_array(list))
        return "\"paragraphs\" must be a list of strings";
    if (!text || json_is_null(text)) return "\"text\" or \"paragraphs\" is missing";
    if (!json_is_string(text)) return "\"text\" must be a string";
    paragraphs[(*n)++] = view_of_json(text);
    return NULL;
}

static int add_object(struct articles *articles, const char *where, const json_t *object,
                      recap_error *error)
{
    char space[32];
    if (!json_is_object(object))
        return articles_refuse(articles, where, "an article must be a JSON object", error);
    size_t room = json_array_size(json_object_get(object, "paragraphs")) + 1;
    struct view *paragraphs = new_array(room, sizeof *paragraphs);
    if (!paragraphs) return fail_memory(error, room * sizeof *paragraphs);
    struct article_draft draft = {.paragraphs = paragraphs};
    const char *reason = take_fields(object, space, &draft);
    if (!reason) reason = take_texts(object, paragraphs, &draft.n_paragraphs);
    int status = reason ? articles_refuse(articles, where, reason, error)
                        : articles_add(articles, where, &draft, error);
    free(paragraphs);
    return status;
}

static int add_array(struct articles *articles, const char *where, const json_t *array,
                     recap_error *error)
{
    int status = RECAP_OK;
    for (size_t i = 0; i < json_array_size(array) && status == RECAP_OK; i++) {
        struct buf place = {0};
        buf_printf(&place, "%s: article %zu", where, i + 1);
        status = place.failed ? fail_memory(error, i)
                              : add_object(articles, place.data, json_array_get(array, i), error);
        buf_free(&place);
    }
    return status;
}

static bool is_json_feed(const json_t *value)
{
    const char *version = json_string_value(json_object_get(value, "version"));
    return version && strstr(version, "jsonfeed.org") && json_object_get(value, "items");
}

static int add_value(struct articles *articles, const char *where, const json_t *value,
                     recap_error *error)
{
    if (json_is_array(value)) return add_array(articles, where, value, error);
    if (is_json_feed(value)) return feeds_read_json(articles, where, value, error);
    return add_object(articles, where, value, error);
}

static bool is_blank(struct view line)
{
    for (size_t i = 0; i < line.n; i++)
        if (!line.data[i] || !strchr(" \t\r", line.data[i])) return false;
    return true;
}

/* One line of JSON Lines. */
static int add_line(struct articles *articles, const char *where, struct view line,
                    recap_error *error)
{
    recap_error reason = {0};
    json_t *value = NULL;
    size_t valid = utf8_check(line.data, line.n);
    int status = RECAP_OK;
    if (valid != line.n)
        status = fail(&reason, RECAP_ERROR_INPUT, "byte %zu of the line is not UTF-8", valid + 1);
    else if (line.n > line_limit)
        status = fail(&reason, RECAP_ERROR_INPUT, "longer than %d bytes", line_limit);
    else
        status = json_parse_data("", line.data, line.n, &value, &reason);
    if (status == RECAP_OK) {
        status = add_value(articles, where, value, error);
    } else if (status != RECAP_ERROR_MEMORY) {
        const char *message = reason.message;
        shorten_place(reason.message);
        status = articles_refuse(articles, where, strncmp(message, ": ", 2) ? message : message + 2,
                                 error);
    } else {
        status = fail(error, reason.code, "%s", reason.message);
    }
    json_decref(value);
    return status;
}

/* The next line from *at on, without its end. */
static struct view next_line(struct view text, size_t *at)
{
    const char *line = text.data + *at;
    const char *end = memchr(line, '\n', text.n - *at);
    size_t n = end ? (size_t)(end - line) : text.n - *at;
    *at += n + 1;
    return (struct view){line, n};
}

static int add_lines(struct articles *articles, const char *where, struct view text,
                     recap_error *error)
{
    int status = RECAP_OK;
    size_t number = 0;
    for (size_t at = 0; at < text.n && status == RECAP_OK;) {
        struct view line = next_line(text, &at);
        number++;
        if (is_blank(line)) continue;
        struct buf place = {0};
        buf_printf(&place, "%s: line %zu", where, number);
        status = place.failed ? fail_memory(error, line.n)
                              : add_line(articles, place.data, line, error);
        buf_free(&place);
    }
    return status;
}

/* ---- telling them apart ---- */

/* Has a line that is UTF-8 and not mere ASCII? Then the whole is meant to be UTF-8. */
static bool is_meant_as_utf8(struct view text)
{
    for (size_t at = 0; at < text.n;) {
        struct view line = next_line(text, &at);
        bool ascii = true;
        for (size_t i = 0; i < line.n && ascii; i++) ascii = (unsigned char)line.data[i] < 0x80;
        if (!ascii && utf8_check(line.data, line.n) == line.n) return true;
    }
    return false;
}

/* Text of another encoding, declared or detected over the whole, as UTF-8. Where some lines are
 * good UTF-8, the others are broken and not of another encoding: they will be refused. */
static struct view decode(struct view text, const char *charset, struct buf *decoded)
{
    if (utf8_check(text.data, text.n) == text.n) return text;
    if (!charset && is_meant_as_utf8(text)) return text;
    if (text_decode(text.data, text.n, charset, decoded, NULL) != RECAP_OK) return text;
    return (struct view){decoded->data ? decoded->data : "", decoded->n};
}

/* A whole JSON document; *done is false where it is none, and nothing was added. */
static int add_document(struct articles *articles, const char *where, struct view text, bool *done,
                        recap_error *error)
{
    json_t *value = NULL;
    int status = text.n > document_limit
                     ? fail(error, RECAP_ERROR_INPUT,
                            "%s: a document of over 256 MiB; JSON Lines may have more", where)
                     : json_parse_data(where, text.data, text.n, &value, error);
    *done = status == RECAP_OK;
    if (*done) status = add_value(articles, where, value, error);
    json_decref(value);
    return status;
}

/* Is the first line that is not blank a JSON value of its own? */
static bool begins_with_line(struct view text)
{
    size_t at = 0;
    struct view line = {text.data, 0};
    while (at < text.n && is_blank(line)) line = next_line(text, &at);
    json_t *value = NULL;
    if (line.n <= line_limit) json_parse_data("", line.data, line.n, &value, NULL);
    bool whole = value != NULL;
    json_decref(value);
    return whole;
}

static int read_json(struct articles *articles, const char *where, struct view text,
                     recap_error *error)
{
    size_t blank = 0;
    while (blank < text.n && text.data[blank] && strchr(" \t\r\n", text.data[blank])) blank++;
    char first = blank < text.n ? text.data[blank] : '\0';
    if (first != '[' && (first != '{' || begins_with_line(text)))
        return add_lines(articles, where, text, error);
    recap_error reason = {0};
    bool done;
    int status = add_document(articles, where, text, &done, &reason);
    if (status == RECAP_OK) return RECAP_OK;
    if (done || status == RECAP_ERROR_MEMORY) return fail(error, status, "%s", reason.message);
    if (first != '[') return add_lines(articles, where, text, error);
    size_t n = strlen(where);
    bool named = strncmp(reason.message, where, n) == 0 &&
                 strncmp(reason.message + n, ": ", 2) == 0;
    return articles_refuse(articles, where, reason.message + (named ? n + 2 : 0), error);
}

int articles_read_json(struct articles *articles, const char *where, struct view text,
                       const char *charset, recap_error *error)
{
    struct buf decoded = {0};
    int status = read_json(articles, where, decode(text, charset, &decoded), error);
    buf_free(&decoded);
    return status;
}
