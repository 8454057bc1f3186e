/* Status codes: one table gives name and exit status. */
#include "base.h"

#include <string.h>

static const struct {
    int code;
    const char *name;
    int exit_status;
} table[] = {
    {RECAP_OK, "ok", 0},
    {RECAP_ERROR_INPUT, "input", 1},
    {RECAP_ERROR_USAGE, "usage", 2},
    {RECAP_ERROR_CONFIG, "config", 3},
    {RECAP_ERROR_MODEL, "model", 3},
    {RECAP_ERROR_IO, "io", 4},
    {RECAP_ERROR_MEMORY, "resources", 5},
    {RECAP_ERROR_TIMEOUT, "timeout", 6},
    {RECAP_ERROR_CANCELLED, "cancelled", 130},
    {RECAP_ERROR_INTERNAL, "internal", 70},
};

static size_t find(int code)
{
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (table[i].code == code) return i;
    return COUNT_OF(table) - 1;
}

const char *recap_status_name(int code)
{
    return table[find(code)].name;
}

int recap_status_exit(int code)
{
    return table[find(code)].exit_status;
}

const char *recap_version(void)
{
    return RECAP_VERSION;
}

void make_one_line(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        bool wide = c[0] == 0xC2 && c[1] >= 0x80 && c[1] < 0xA0; /* U+0080 to U+009F */
        if (wide) c[1] = ' ';
        if (wide || *c < 0x20 || *c == 0x7F) *c = ' ';
    }
}

int fail(recap_error *error, int code, const char *format, ...)
{
    if (!error) return code;
    va_list arguments;
    va_start(arguments, format);
    char message[sizeof error->message]; /* the arguments may come from the old message */
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    make_one_line(message);
    error->code = code;
    memcpy(error->message, message, sizeof message);
    return code;
}

int fail_memory(recap_error *error, size_t bytes)
{
    return fail(error, RECAP_ERROR_MEMORY, "out of memory: %zu bytes could not be allocated",
                bytes);
}

int fail_prefix(recap_error *error, const char *format, ...)
{
    if (!error) return RECAP_ERROR_INTERNAL;
    char old[sizeof error->message];
    memcpy(old, error->message, sizeof old);
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    if (n >= 0 && (size_t)n < sizeof error->message)
        snprintf(error->message + n, sizeof error->message - (size_t)n, ": %s", old);
    make_one_line(error->message);
    return error->code;
}
