/* Is a sentence source code, a table's row or a stack trace, and not prose?
 *
 * Each of these signs is enough. They are shapes that prose does not take; a
 * single word never decides, so 'at', 'line', 'return' and 'class' may stand
 * in any sentence.
 *
 *   trace      'at package.Class.method(File.java:12)', 'File "x.py", line 3',
 *              'Traceback (most ...', '#0 0x7f in main'
 *   opening    a line that begins as a declaration or statement does and ends
 *              as one: 'func main() {', 'import a.b;', 'def f(x):', '#include <'
 *   operators  two or more of '{}' '();' '=>' '->' '::' '==' '&&' '</' and such
 *   row        three or more '|' or tabs between cells; '+---+---+'
 *   brackets   over a tenth of at least 20 bytes are of {}[]<>;=$ and such,
 *              and hardly any of another script */
#include "text_private.h"

#include <string.h>

static size_t count_of(struct view text, const char *needle)
{
    size_t n = strlen(needle), count = 0;
    const char *at = text.data, *end = text.data + text.n;
    while (at && (at = memmem(at, (size_t)(end - at), needle, n)) != NULL) {
        count++;
        at += n;
    }
    return count;
}

static bool contains(struct view text, const char *needle)
{
    return text.data && memmem(text.data, text.n, needle, strlen(needle)) != NULL;
}

static struct view next_line(struct view *rest)
{
    const char *end = memchr(rest->data, '\n', rest->n);
    size_t n = end ? (size_t)(end - rest->data) : rest->n;
    struct view line = {rest->data, n};
    rest->data += n + (end != NULL);
    rest->n -= n + (end != NULL);
    while (line.n > 0 && (line.data[0] == ' ' || line.data[0] == '\t')) line.data++, line.n--;
    while (line.n > 0 && strchr(" \t\r", line.data[line.n - 1])) line.n--;
    return line;
}

static bool ends_with_any(struct view line, const char *characters)
{
    return line.n > 0 && line.data[line.n - 1] && strchr(characters, line.data[line.n - 1]);
}

/* 'at java.util.List.get(List.java:12)', 'at Object.<anonymous> (/a.js:3:1)' */
static bool is_frame(struct view line)
{
    if (!text_starts_with(line, "at ") || line.data[line.n - 1] != ')') return false;
    struct view name = {line.data + 3, line.n - 3};
    const char *open = memchr(name.data, '(', name.n);
    const char *blank = memchr(name.data, ' ', name.n);
    const char *dot = memchr(name.data, '.', name.n);
    return open && dot && dot < open && (!blank || blank + 1 >= open) &&
           (memchr(open, ':', (size_t)(name.data + name.n - open)) ||
            contains(name, "Native Method"));
}

static bool is_trace(struct view text)
{
    static const char *const signs[] = {
        "Traceback (most recent call last)",
        "Exception in thread \"",
        "goroutine 1 [",
        "NullPointerException",
        "Caused by: java.",
        "Segmentation fault (core dumped)",
    };
    for (size_t i = 0; i < COUNT_OF(signs); i++)
        if (contains(text, signs[i])) return true;
    if (contains(text, "File \"") && contains(text, "\", line ")) return true;
    if (contains(text, " in <module>") || contains(text, "node:internal/")) return true;
    for (struct view rest = text; rest.n > 0;)
        if (is_frame(next_line(&rest))) return true;
    return text.data[0] == '#' && contains(text, " 0x") && contains(text, " in ");
}

/* A line of code by how it begins and how it ends. */
static bool is_statement(struct view line)
{
    static const char *const heads[] = {
        "func ",   "function ", "def ",     "class ",    "public ", "private ",
        "static ", "void ",     "int ",     "const ",    "let ",    "var ",
        "return ", "if (",      "for (",    "while (",   "else {",  "switch (",
        "try {",   "import ",   "from ",    "package ",  "using ",  "namespace ",
        "struct ", "enum ",     "impl ",    "fn ",       "pub ",    "async ",
        "await ",  "export ",   "typedef ", "template<", "print(",  "echo ",
    };
    bool head = false;
    for (size_t i = 0; i < COUNT_OF(heads) && !head; i++) head = text_starts_with(line, heads[i]);
    if (!head) return false;
    if (ends_with_any(line, "{;}")) return true;
    return ends_with_any(line, ":") && contains(line, "(") &&
           (text_starts_with(line, "def ") || text_starts_with(line, "class "));
}

static bool is_opening(struct view text)
{
    static const char *const heads[] = {"#include <", "#include \"", "#!/",     "<?php",   "<?xml",
                                        "<!DOCTYPE",  "```",         "$ sudo ", "#define "};
    for (struct view rest = text; rest.n > 0;) {
        struct view line = next_line(&rest);
        for (size_t i = 0; i < COUNT_OF(heads); i++)
            if (text_starts_with(line, heads[i])) return true;
        if (is_statement(line)) return true;
    }
    return contains(text, "SELECT ") && contains(text, " FROM ") &&
           (contains(text, "SELECT *") || contains(text, " WHERE ") || contains(text, ";"));
}

static bool has_operators(struct view text)
{
    static const char *const operators[] = {"{}", "();", "=>", "->", "::", "==", "!=", "&&",  "||",
                                            "+=", "</",  "/>", ");", "];", "};", "){", ") {", "*/"};
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(operators) && count < 2; i++)
        count += count_of(text, operators[i]);
    return count >= 2;
}

static bool is_row(struct view text)
{
    size_t bars = count_of(text, "|"), tabs = count_of(text, "\t");
    return bars >= 3 || tabs >= 3 || contains(text, "+--") || contains(text, "|--");
}

static bool has_brackets(struct view text)
{
    size_t signs = 0, other = 0;
    for (size_t i = 0; i < text.n; i++) {
        signs += text.data[i] && strchr("{}[]<>;=$\\|_~^`", text.data[i]) != NULL;
        other += (unsigned char)text.data[i] >= 0x80;
    }
    return text.n >= 20 && signs * 10 > text.n && other * 4 < text.n;
}

bool text_is_code(struct view sentence)
{
    if (sentence.n == 0) return false;
    return is_trace(sentence) || is_opening(sentence) || has_operators(sentence) ||
           is_row(sentence) || has_brackets(sentence);
}
