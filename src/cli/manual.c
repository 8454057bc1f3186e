/* Help, man pages and shell completion, made from the tables of commands and options. */
#include "options.h"

#include <string.h>

static const char exit_statuses[][2][80] = {
    {"0", "all done"},
    {"1", "done, but some inputs were refused"},
    {"2", "wrong usage"},
    {"3", "a setting or a model can't be used"},
    {"4", "an input or output file can't be read, written or understood"},
    {"5", "memory, disk or device space ran out"},
    {"6", "a time-out"},
    {"130", "interrupted; nothing was left half written"},
};

static const char overview[] =
    "Recap turns articles, Japanese and English, into evidence: genres, clusters of sentences that "
    "tell one story, their topics and their representative sentences.";

/* ---- help on the terminal ---- */

enum { help_width = 79 };

/* Words of `text` wrapped at help_width, further lines indented; blank lines are kept. */
static void wrap(struct buf *out, size_t indent, size_t column, const char *text)
{
    for (const char *word = text; *word;) {
        if (*word == '\n') {
            buf_add_byte(out, '\n');
            column = 0;
            word++;
            continue;
        }
        size_t n = strcspn(word, " \n");
        bool fits = column + 1 + n <= help_width || column <= indent;
        if (!fits) {
            buf_add_byte(out, '\n');
            column = 0;
        } else if (column > indent) {
            buf_add_byte(out, ' ');
            column++;
        }
        for (; column < indent; column++) buf_add_byte(out, ' ');
        buf_add(out, word, n);
        column += n;
        word += n;
        while (*word == ' ') word++;
    }
    buf_add_byte(out, '\n');
}

static bool has_default(const struct option *option, const void *defaults)
{
    if (!defaults || option->rule.kind == VALUE_FLAG || strstr(option->help, "(")) return false;
    const char *field = (const char *)defaults + option->offset;
    int64_t integer;
    double number;
    const char *text;
    switch (option->rule.kind) {
    case VALUE_INTEGER:
        memcpy(&integer, field, sizeof integer);
        return integer > 0;
    case VALUE_NUMBER:
        memcpy(&number, field, sizeof number);
        return number > 0;
    case VALUE_TEXT:
        memcpy(&text, field, sizeof text);
        return text != NULL;
    case VALUE_CHOICE:
        return true;
    default:
        return false;
    }
}

static void add_default(struct buf *out, const struct option *option, const void *defaults)
{
    if (!has_default(option, defaults)) return;
    const char *field = (const char *)defaults + option->offset;
    int64_t integer;
    double number;
    const char *text;
    int choice;
    buf_add_string(out, " (default: ");
    switch (option->rule.kind) {
    case VALUE_INTEGER:
        memcpy(&integer, field, sizeof integer);
        buf_printf(out, "%lld)", (long long)integer);
        break;
    case VALUE_NUMBER:
        memcpy(&number, field, sizeof number);
        buf_printf(out, "%g)", number);
        break;
    case VALUE_CHOICE: {
        memcpy(&choice, field, sizeof choice);
        struct view name = value_choice(option->rule.choices, choice);
        buf_printf(out, "%.*s)", (int)name.n, name.data);
        break;
    }
    default:
        memcpy(&text, field, sizeof text);
        buf_printf(out, "%s)", text);
        break;
    }
}

/* The help text with choices and default. */
static void describe(struct buf *out, const struct option *option, const void *defaults)
{
    buf_add_string(out, option->help);
    if (option->rule.kind == VALUE_CHOICE) {
        buf_add_string(out, ": ");
        for (const char *c = option->rule.choices; *c; c++)
            buf_add_string(out, *c == '|' ? ", " : (char[]){*c, '\0'});
    }
    add_default(out, option, defaults);
}

static void help_options(struct buf *out, const struct option *options, size_t n,
                         const void *defaults)
{
    for (size_t i = 0; i < n; i++) {
        const struct option *option = &options[i];
        size_t start = out->n;
        buf_add_string(out, "  ");
        if (option->letter)
            buf_printf(out, "-%c, ", option->letter);
        else
            buf_add_string(out, "    ");
        buf_printf(out, "--%s", option->name);
        if (option->argument) buf_printf(out, " %s", option->argument);
        struct buf text = {0};
        describe(&text, option, defaults);
        size_t column = out->n - start;
        if (column > 28) {
            buf_add_byte(out, '\n');
            column = 0;
        }
        if (text.data) wrap(out, 30, column, text.data);
        buf_free(&text);
    }
}

void help_overview(struct buf *out)
{
    buf_add_string(out, "usage: recap COMMAND [options] [input...]\n\n");
    wrap(out, 0, 0, overview);
    buf_add_string(out, "\nCommands:\n");
    for (size_t i = 0; i < n_commands; i++)
        buf_printf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    buf_add_string(out, "\n\"recap COMMAND --help\" tells more about each. Exit status:\n");
    for (size_t i = 0; i < COUNT_OF(exit_statuses); i++)
        buf_printf(out, "  %3s  %s\n", exit_statuses[i][0], exit_statuses[i][1]);
}

void help_command(const struct command *command, struct buf *out)
{
    size_t n;
    const struct option *shared = common_options(&n);
    buf_printf(out, "usage: recap %s [options]%s%s\n\n", command->name,
               *command->arguments ? " " : "", command->arguments);
    wrap(out, 0, 0, command->details);
    if (command->n_options) {
        buf_add_string(out, "\nOptions:\n");
        help_options(out, command->options, command->n_options, command->defaults);
    }
    buf_add_string(out, "\nOptions of every command:\n");
    help_options(out, shared, n, NULL);
    if (!command->examples) return;
    buf_add_string(out, "\nExamples:\n");
    for (const char *line = command->examples; *line;) {
        size_t length = strcspn(line, "\n"), tab = strcspn(line, "\t\n");
        buf_printf(out, "  %.*s\n", (int)tab, line);
        if (tab < length) buf_printf(out, "      %.*s\n", (int)(length - tab - 1), line + tab + 1);
        line += length + (line[length] == '\n');
    }
}

/* ---- man pages ---- */

/* Text for roff: hyphens and backslashes kept, a line never starts with a control character. */
static void add_roff(struct buf *out, const char *text, size_t n)
{
    bool start = true;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (start && (c == '.' || c == '\'')) buf_add_string(out, "\\&");
        if (c == '\\')
            buf_add_string(out, "\\e");
        else if (c == '-')
            buf_add_string(out, "\\-");
        else
            buf_add_byte(out, c);
        start = c == '\n';
    }
}

static void add_paragraphs(struct buf *out, const char *text)
{
    for (const char *end; (end = strstr(text, "\n\n")); text = end + 2) {
        add_roff(out, text, (size_t)(end - text));
        buf_add_string(out, "\n.PP\n");
    }
    add_roff(out, text, strlen(text));
    buf_add_byte(out, '\n');
}

static void manual_options(struct buf *out, const struct option *options, size_t n,
                           const void *defaults)
{
    for (size_t i = 0; i < n; i++) {
        const struct option *option = &options[i];
        buf_add_string(out, ".TP\n");
        if (option->letter) buf_printf(out, "\\fB\\-%c\\fR, ", option->letter);
        buf_add_string(out, "\\fB\\-\\-");
        add_roff(out, option->name, strlen(option->name));
        buf_add_string(out, "\\fR");
        if (option->argument) buf_printf(out, " \\fI%s\\fR", option->argument);
        buf_add_byte(out, '\n');
        struct buf text = {0};
        describe(&text, option, defaults);
        if (text.data) add_roff(out, text.data, text.n);
        buf_free(&text);
        buf_add_byte(out, '\n');
    }
}

static void manual_examples(struct buf *out, const char *examples)
{
    buf_add_string(out, ".SH EXAMPLES\n");
    for (const char *line = examples; *line;) {
        size_t length = strcspn(line, "\n"), tab = strcspn(line, "\t\n");
        buf_add_string(out, ".TP\n\\fB");
        add_roff(out, line, tab);
        buf_add_string(out, "\\fR\n");
        if (tab < length) add_roff(out, line + tab + 1, length - tab - 1);
        buf_add_byte(out, '\n');
        line += length + (line[length] == '\n');
    }
}

static void manual_exit_status(struct buf *out)
{
    buf_add_string(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < COUNT_OF(exit_statuses); i++)
        buf_printf(out, ".TP\n%s\n%s\n", exit_statuses[i][0], exit_statuses[i][1]);
}

static void manual_settings(struct buf *out)
{
    size_t n;
    const struct setting *settings = config_settings(&n);
    buf_add_string(out, ".SH SETTINGS\nEach is the environment variable "
                        "RECAP_SUBWORKER_\\fINAME\\fR (those with * also RECAP_\\fINAME\\fR, which "
                        "wins), or \\fB\\-\\-set\\fR \\fINAME\\fR=\\fIVALUE\\fR.\n");
    for (size_t i = 0; i < n; i++) {
        struct buf range = {0};
        value_describe(&settings[i].rule, &range);
        buf_printf(out, ".TP\n\\fB%s\\fR%s\n", settings[i].name,
                   settings[i].short_name ? " *" : "");
        add_roff(out, settings[i].help, strlen(settings[i].help));
        buf_printf(out, " (%s; default: %s)\n", range.data ? range.data : "",
                   settings[i].otherwise ? settings[i].otherwise : "none");
        buf_free(&range);
    }
}

static void manual_overview(struct buf *out)
{
    buf_add_string(out, ".TH RECAP 1 \"\" \"recap " RECAP_VERSION "\" \"Recap\"\n"
                        ".SH NAME\nrecap \\- news articles to evidence: genres, stories, topics\n"
                        ".SH SYNOPSIS\n\\fBrecap\\fR \\fICOMMAND\\fR [options] [input...]\n"
                        ".SH DESCRIPTION\n");
    add_paragraphs(out, overview);
    buf_add_string(out, ".SH COMMANDS\n");
    for (size_t i = 0; i < n_commands; i++) {
        buf_printf(out, ".TP\n\\fBrecap\\-%s\\fR(1)\n", commands[i]->name);
        add_roff(out, commands[i]->summary, strlen(commands[i]->summary));
        buf_add_byte(out, '\n');
    }
    size_t n;
    const struct option *shared = common_options(&n);
    buf_add_string(out, ".SH OPTIONS OF EVERY COMMAND\n");
    manual_options(out, shared, n, NULL);
    manual_settings(out);
    manual_exit_status(out);
}

void manual_page(const struct command *command, struct buf *out)
{
    if (!command) {
        manual_overview(out);
        return;
    }
    size_t n;
    const struct option *shared = common_options(&n);
    buf_add_string(out, ".TH RECAP\\-");
    for (const char *c = command->name; *c; c++) buf_add_byte(out, (char)(*c - 'a' + 'A'));
    buf_add_string(out, " 1 \"\" \"recap " RECAP_VERSION "\" \"Recap\"\n");
    buf_printf(out, ".SH NAME\nrecap\\-%s \\- ", command->name);
    add_roff(out, command->summary, strlen(command->summary));
    buf_printf(out, "\n.ad l\n.SH SYNOPSIS\n\\fBrecap %s\\fR [options] %s\n.SH DESCRIPTION\n",
               command->name, command->arguments);
    add_paragraphs(out, command->details);
    buf_add_string(out, ".SH OPTIONS\n");
    manual_options(out, command->options, command->n_options, command->defaults);
    manual_options(out, shared, n, NULL);
    if (command->examples) manual_examples(out, command->examples);
    manual_exit_status(out);
    buf_add_string(out, ".SH SEE ALSO\n\\fBrecap\\fR(1)\n");
}

/* ---- completion ---- */

static void add_option_words(struct buf *out, const struct option *options, size_t n)
{
    for (size_t i = 0; i < n; i++) buf_printf(out, " --%s", options[i].name);
}

/* case lines that complete the value of each option of choices: "--metric) words ;;" */
static void add_choice_cases(struct buf *out, const struct command *command)
{
    for (size_t i = 0; i < command->n_options; i++) {
        const struct option *option = &command->options[i];
        if (option->rule.kind != VALUE_CHOICE) continue;
        buf_printf(out, "    %s,--%s) words=\"", command->name, option->name);
        for (const char *c = option->rule.choices; *c; c++) buf_add_byte(out, *c == '|' ? ' ' : *c);
        buf_add_string(out, "\" ;;\n");
    }
}

static void completion_bash(struct buf *out)
{
    size_t n;
    const struct option *shared = common_options(&n);
    buf_add_string(out, "# bash completion of recap, generated from its option tables\n"
                        "_recap()\n{\n"
                        "    local current=\"${COMP_WORDS[COMP_CWORD]}\" words=\"\"\n"
                        "    local previous=\"${COMP_WORDS[COMP_CWORD-1]}\" "
                        "command=\"${COMP_WORDS[1]}\"\n"
                        "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        words=\"");
    for (size_t i = 0; i < n_commands; i++) buf_printf(out, "%s ", commands[i]->name);
    buf_add_string(out, "--help --version\"\n"
                        "        COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                        "        return\n    fi\n    case \"$command,$previous\" in\n");
    for (size_t i = 0; i < n_commands; i++) add_choice_cases(out, commands[i]);
    buf_add_string(out, "    model,model) words=\"list show fetch verify\" ;;\n    esac\n"
                        "    if [ -z \"$words\" ] && [ \"${current#-}\" != \"$current\" ]; then\n"
                        "        case \"$command\" in\n");
    for (size_t i = 0; i < n_commands; i++) {
        buf_printf(out, "        %s) words=\"", commands[i]->name);
        add_option_words(out, commands[i]->options, commands[i]->n_options);
        buf_add_string(out, "\" ;;\n");
    }
    buf_add_string(out, "        esac\n        words=\"$words");
    add_option_words(out, shared, n);
    buf_add_string(out, "\"\n    fi\n    if [ -n \"$words\" ]; then\n"
                        "        COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n    else\n"
                        "        COMPREPLY=($(compgen -f -- \"$current\"))\n    fi\n}\n"
                        "complete -o filenames -F _recap recap\n");
}

/* Help inside zsh's '...[help]': its brackets, colons and quotes are escaped. */
static void add_zsh_text(struct buf *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '\'') {
            buf_add_string(out, "'\\''");
            continue;
        }
        if (strchr("[]:\\", *c)) buf_add_byte(out, '\\');
        buf_add_byte(out, *c);
    }
}

static void add_zsh_options(struct buf *out, const struct option *options, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct option *option = &options[i];
        buf_printf(out, "            '--%s%s[", option->name, option->argument ? "=" : "");
        add_zsh_text(out, option->help);
        buf_add_byte(out, ']');
        if (option->rule.kind == VALUE_CHOICE) {
            buf_add_string(out, ":value:(");
            for (const char *c = option->rule.choices; *c; c++)
                buf_add_byte(out, *c == '|' ? ' ' : *c);
            buf_add_byte(out, ')');
        } else if (option->argument) {
            buf_printf(out, ":%s:_files", option->argument);
        }
        buf_add_string(out, "' \\\n");
    }
}

static void completion_zsh(struct buf *out)
{
    size_t n;
    const struct option *shared = common_options(&n);
    buf_add_string(out,
                   "#compdef recap\n# zsh completion of recap, generated from its option tables\n"
                   "_recap() {\n    local -a commands\n    commands=(\n");
    for (size_t i = 0; i < n_commands; i++) {
        buf_printf(out, "        '%s:", commands[i]->name);
        add_zsh_text(out, commands[i]->summary);
        buf_add_string(out, "'\n");
    }
    buf_add_string(out, "    )\n    if (( CURRENT == 2 )); then\n"
                        "        _describe command commands\n        return\n    fi\n"
                        "    local command=$words[2]\n    shift words\n    (( CURRENT-- ))\n"
                        "    case $command in\n");
    for (size_t i = 0; i < n_commands; i++) {
        buf_printf(out, "    %s)\n        _arguments -S \\\n", commands[i]->name);
        add_zsh_options(out, commands[i]->options, commands[i]->n_options);
        add_zsh_options(out, shared, n);
        buf_add_string(out, "            '*:input:_files'\n        ;;\n");
    }
    buf_add_string(out, "    esac\n}\n_recap \"$@\"\n");
}

bool completion_script(const char *shell, struct buf *out)
{
    if (strcmp(shell, "bash") == 0)
        completion_bash(out);
    else if (strcmp(shell, "zsh") == 0)
        completion_zsh(out);
    else
        return false;
    return true;
}
