/* Values as people write them: parsed by a rule, and the rule put in words. */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"

static bool parse_flag(const char *text, bool *out)
{
    static const char *const words[] = {"true", "on", "yes", "1", "false", "off", "no", "0"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcasecmp(text, words[i]) != 0) continue;
        *out = i < 4;
        return true;
    }
    return false;
}

static bool parse_integer(const struct value_rule *rule, const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno || strchr(" \t\n+", text[0])) return false;
    if ((double)value < rule->low || (double)value > rule->high) return false;
    *out = value;
    return true;
}

static bool parse_number(const struct value_rule *rule, const char *text, double *out)
{
    char *end;
    if (strspn(text, "0123456789.eE+-") != strlen(text)) return false; /* no hex, no "inf" */
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value)) return false;
    if (value < rule->low || value > rule->high) return false;
    *out = value;
    return true;
}

struct view value_choice(const char *choices, int index)
{
    for (const char *c = choices; index >= 0; index--) {
        size_t n = strcspn(c, "|");
        if (index == 0) return (struct view){c, n};
        if (!c[n]) break;
        c += n + 1;
    }
    return (struct view){0};
}

static bool parse_choice(const char *choices, const char *text, int *out)
{
    for (int i = 0;; i++) {
        struct view name = value_choice(choices, i);
        if (!name.data) return false;
        if (name.n != strlen(text) || strncasecmp(name.data, text, name.n) != 0) continue;
        *out = i;
        return true;
    }
}

static bool parse_numbers(const struct value_rule *rule, const char *text, json_t **out)
{
    json_t *object;
    if (json_parse("value", text, strlen(text), &object, NULL) != RECAP_OK) return false;
    bool good = json_is_object(object);
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        double number = json_number_value(value);
        if (!json_is_number(value) || number < rule->low || number > rule->high) good = false;
    }
    if (!good) {
        json_decref(object);
        return false;
    }
    json_decref(*out);
    *out = object;
    return true;
}

bool value_parse(const struct value_rule *rule, const char *text, void *field)
{
    switch (rule->kind) {
    case VALUE_FLAG:
        return parse_flag(text, field);
    case VALUE_INTEGER:
        return parse_integer(rule, text, field);
    case VALUE_NUMBER:
        return parse_number(rule, text, field);
    case VALUE_CHOICE:
        return parse_choice(rule->choices, text, field);
    case VALUE_NUMBERS:
        return parse_numbers(rule, text, field);
    case VALUE_TEXT:
        break;
    }
    memcpy(field, &text, sizeof text);
    return true;
}

/* "1 to 50", or "1 or more" where the upper end is no limit worth telling. */
static void describe_range(const struct value_rule *rule, int decimals, struct buf *out)
{
    bool open_end = rule->high >= 9e15;
    if (decimals == 0)
        buf_printf(out, open_end ? "%.0f or more" : "%.0f to %.0f", rule->low, rule->high);
    else
        buf_printf(out, open_end ? "%g or more" : "%g to %g", rule->low, rule->high);
}

void value_describe(const struct value_rule *rule, struct buf *out)
{
    switch (rule->kind) {
    case VALUE_FLAG:
        buf_add_string(out, "true or false");
        break;
    case VALUE_TEXT:
        buf_add_string(out, "any text");
        break;
    case VALUE_INTEGER:
        buf_add_string(out, "a whole number, ");
        describe_range(rule, 0, out);
        break;
    case VALUE_NUMBER:
        buf_add_string(out, "a number, ");
        describe_range(rule, 1, out);
        break;
    case VALUE_NUMBERS:
        buf_add_string(out, "a JSON object of numbers, each ");
        describe_range(rule, 1, out);
        break;
    case VALUE_CHOICE:
        buf_add_string(out, "one of ");
        for (const char *c = rule->choices; *c; c++) {
            if (*c == '|')
                buf_add_string(out, ", ");
            else
                buf_add_byte(out, *c);
        }
        break;
    }
}
