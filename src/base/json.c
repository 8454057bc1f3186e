/* JSON through jansson, with errors that name the place. */
#include "json.h"

#include <string.h>

enum { max_depth = 128, load_flags = JSON_DECODE_ANY | JSON_ALLOW_NUL };

/* jansson's own limit is far higher; the depth is counted outside strings, before parsing. */
static bool too_deep(const char *data, size_t n)
{
    int depth = 0;
    bool inside = false;
    for (size_t i = 0; i < n; i++) {
        char c = data[i];
        if (inside && c == '\\')
            i++;
        else if (c == '"')
            inside = !inside;
        else if (!inside && (c == '[' || c == '{') && ++depth > max_depth)
            return true;
        else if (!inside && (c == ']' || c == '}'))
            depth--;
    }
    return false;
}

/* How many digits `data` begins with. */
static size_t count_digits(const char *data, size_t n)
{
    size_t i = 0;
    while (i < n && data[i] >= '0' && data[i] <= '9') i++;
    return i;
}

/* Does the integer of `digits` digits fit into 64 bits? */
static bool fits(const char *data, size_t digits, bool negative)
{
    const char *most = negative ? "9223372036854775808" : "9223372036854775807";
    return digits < 19 || (digits == 19 && memcmp(data, most, 19) <= 0);
}

/* An integer that jansson can't hold, as a real or as a string of its digits. */
static void add_large(struct buf *text, const char *data, size_t digits, bool as_string)
{
    bool negative = as_string && text->n > 0 && text->data[text->n - 1] == '-';
    if (negative) text->n--;
    if (as_string) buf_add_byte(text, '"');
    if (negative) buf_add_byte(text, '-');
    buf_add(text, data, digits);
    buf_add_string(text, as_string ? "\"" : ".0");
}

/* The same text with another form for every integer over 64 bits: tokenizer configurations write
 * 1000000000000000019884624838656 for "no limit". */
static json_t *load_large(const char *data, size_t n, bool as_strings, json_error_t *reason)
{
    struct buf text = {0};
    bool inside = false;
    for (size_t i = 0; i < n;) {
        size_t digits = inside ? 0 : count_digits(data + i, n - i);
        if (digits > 0) {
            char after = i + digits < n ? data[i + digits] : ' ';
            char before = i > 0 ? data[i - 1] : ' ';
            bool whole = before != '.' && before != '+' && before != 'e' && before != 'E' &&
                         after != '.' && after != 'e' && after != 'E';
            if (whole && !fits(data + i, digits, before == '-'))
                add_large(&text, data + i, digits, as_strings);
            else
                buf_add(&text, data + i, digits);
            i += digits;
            continue;
        }
        if (inside && data[i] == '\\' && i + 1 < n)
            buf_add_byte(&text, data[i++]);
        else if (data[i] == '"')
            inside = !inside;
        buf_add_byte(&text, data[i++]);
    }
    json_t *value = NULL;
    if (!text.failed) value = json_loadb(text.data ? text.data : "", text.n, load_flags, reason);
    buf_free(&text);
    return value;
}

static int parse(const char *where, const char *data, size_t n, bool large_as_strings, json_t **out,
                 recap_error *error)
{
    *out = NULL;
    if (n >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0) {
        data += 3;
        n -= 3;
    }
    if (too_deep(data, n))
        return fail(error, RECAP_ERROR_INPUT, "%s: JSON nested deeper than %d", where, max_depth);
    json_error_t reason;
    *out = json_loadb(data, n, load_flags, &reason);
    if (!*out && json_error_code(&reason) == json_error_numeric_overflow)
        *out = load_large(data, n, large_as_strings, &reason);
    if (*out) return RECAP_OK;
    if (json_error_code(&reason) == json_error_out_of_memory) return fail_memory(error, n);
    return fail(error, RECAP_ERROR_INPUT, "%s: not valid JSON at line %d, column %d: %s", where,
                reason.line, reason.column, reason.text);
}

int json_parse(const char *where, const char *data, size_t n, json_t **out, recap_error *error)
{
    return parse(where, data, n, false, out, error);
}

int json_parse_data(const char *where, const char *data, size_t n, json_t **out, recap_error *error)
{
    return parse(where, data, n, true, out, error);
}

int json_parse_file(const char *path, json_t **out, recap_error *error)
{
    struct buf data = {0};
    *out = NULL;
    int status = file_read(path, 0, &data, error);
    if (status == RECAP_OK)
        status = json_parse(path, data.data ? data.data : "", data.n, out, error);
    buf_free(&data);
    return status;
}

static int fail_type(recap_error *error, const char *where, const char *name, const char *wanted)
{
    return fail(error, RECAP_ERROR_INPUT, "%s: \"%s\" must be %s", where, name, wanted);
}

int json_get_string(const char *where, const json_t *object, const char *name,
                    const char *otherwise, const char **out, recap_error *error)
{
    const json_t *value = json_object_get(object, name);
    *out = otherwise;
    if (!value || json_is_null(value)) return RECAP_OK;
    if (!json_is_string(value)) return fail_type(error, where, name, "a string");
    if (strlen(json_string_value(value)) != json_string_length(value))
        return fail(error, RECAP_ERROR_INPUT, "%s: \"%s\" contains U+0000", where, name);
    *out = json_string_value(value);
    return RECAP_OK;
}

int json_get_int(const char *where, const json_t *object, const char *name, int64_t otherwise,
                 int64_t *out, recap_error *error)
{
    const json_t *value = json_object_get(object, name);
    *out = otherwise;
    if (!value || json_is_null(value)) return RECAP_OK;
    if (!json_is_integer(value)) return fail_type(error, where, name, "an integer");
    *out = json_integer_value(value);
    return RECAP_OK;
}

int json_get_number(const char *where, const json_t *object, const char *name, double otherwise,
                    double *out, recap_error *error)
{
    const json_t *value = json_object_get(object, name);
    *out = otherwise;
    if (!value || json_is_null(value)) return RECAP_OK;
    if (!json_is_number(value)) return fail_type(error, where, name, "a number");
    *out = json_number_value(value);
    return RECAP_OK;
}

int json_get_bool(const char *where, const json_t *object, const char *name, bool otherwise,
                  bool *out, recap_error *error)
{
    const json_t *value = json_object_get(object, name);
    *out = otherwise;
    if (!value || json_is_null(value)) return RECAP_OK;
    if (!json_is_boolean(value)) return fail_type(error, where, name, "true or false");
    *out = json_is_true(value);
    return RECAP_OK;
}
