/* Commands and their options: the tables, what is parsed from a command line, and what help, man
 * pages and completions are made from.
 *
 * A command's options fill the fields of a struct of its own; those of every command fill struct
 * common. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "config/config.h"

struct option {
    const char *name;     /* without dashes */
    char letter;          /* 0: none */
    const char *argument; /* "N", "FILE": how help names the value; NULL for a flag */
    struct value_rule rule;
    size_t offset; /* of the field */
    const char *help;
};

#define OPTION_FLAG(type, field, name, letter, help)                                               \
    {                                                                                              \
        name, letter, NULL, {VALUE_FLAG, 0, 0, NULL}, offsetof(type, field), help                  \
    }
#define OPTION_TEXT(type, field, name, letter, argument, help)                                     \
    {                                                                                              \
        name, letter, argument, {VALUE_TEXT, 0, 0, NULL}, offsetof(type, field), help              \
    }
#define OPTION_INTEGER(type, field, name, letter, low, high, help)                                 \
    {                                                                                              \
        name, letter, "N", {VALUE_INTEGER, low, high, NULL}, offsetof(type, field), help           \
    }
#define OPTION_NUMBER(type, field, name, letter, low, high, help)                                  \
    {                                                                                              \
        name, letter, "X", {VALUE_NUMBER, low, high, NULL}, offsetof(type, field), help            \
    }
#define OPTION_CHOICE(type, field, name, letter, choices, help)                                    \
    {                                                                                              \
        name, letter, "WORD", {VALUE_CHOICE, 0, 0, choices}, offsetof(type, field), help           \
    }
#define NO_UPPER_LIMIT 9.2e18

struct common {
    bool help, version, json, quiet, verbose, strict;
    int64_t threads;                        /* 0: all */
    int64_t seed;                           /* -1: the setting */
    const char *device, *precision, *model; /* NULL: the settings' */
    const char *const *settings;            /* [n_settings] "NAME=VALUE" */
    size_t n_settings;
};

struct invocation {
    const struct command *command;
    struct common common;
    void *values;        /* the command's own struct */
    const char **inputs; /* [n_inputs] what is left of the command line */
    size_t n_inputs;
    struct config config;
    recap_context *context; /* ready when the command runs */
    size_t n_refused;       /* inputs that the command went on without */
};

struct command {
    const char *name;
    const char *arguments;        /* "[FILE...]" */
    const char *summary;          /* half a line */
    const char *details;          /* paragraphs separated by "\n\n" */
    const char *examples;         /* lines: command, tab, what it does */
    const struct option *options; /* [n_options] */
    size_t n_options;
    const void *defaults; /* [values_size], or NULL: zeros */
    size_t values_size;
    size_t min_inputs, max_inputs;
    const char *needs; /* what is missing when there are fewer inputs than min_inputs */
    int (*run)(struct invocation *call, recap_error *error);
};

/* The table of commands, in the order of help. */
extern const struct command *const commands[];
extern const size_t n_commands;
const struct command *command_find(const char *name); /* or NULL */

const struct option *common_options(size_t *n);

/* Parses what follows the command's name. RECAP_ERROR_USAGE names option, value and range. The
 * invocation borrows from argv; invocation_free in any case. */
int options_parse(const struct command *command, int argc, char **argv, struct invocation *out,
                  recap_error *error);
void invocation_free(struct invocation *call);
/* " (did you mean --x?)" for the nearest name, or nothing. */
void suggest_command(const char *wrong, struct buf *out);

/* ---- manual.c: generated from the tables ---- */

void help_overview(struct buf *out);
void help_command(const struct command *command, struct buf *out);
/* The man page of a command, or of recap itself (NULL), as roff. */
void manual_page(const struct command *command, struct buf *out);
/* "bash" or "zsh"; false for another shell. */
bool completion_script(const char *shell, struct buf *out);

#endif
