/* Messages to standard error, one line each. */
#include "base.h"

#include <string.h>

static enum log_level threshold = LOG_WARNING;

void log_set_level(enum log_level level)
{
    threshold = level;
}

void log_message(enum log_level level, const char *format, ...)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    if (level > threshold) return;
    char line[2000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    make_one_line(line);
    fprintf(stderr, "recap: %s: %s\n", names[level], line);
}
