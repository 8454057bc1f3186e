/* Parsing a command line by the tables of options. */
#include "options.h"

#include <stdlib.h>
#include <string.h>

static const struct option common_table[] = {
    OPTION_TEXT(struct common, model, "model", 'm', "DIR|NAME",
                "the embedder: a directory, or a name that \"recap model fetch\" brought"),
    OPTION_INTEGER(struct common, threads, "threads", 't', 0, 1024,
                   "threads; 0: one for every processor. No result depends on it"),
    OPTION_TEXT(struct common, device, "device", 0, "D", "where to compute: cpu or auto"),
    OPTION_TEXT(struct common, precision, "precision", 0, "P", "arithmetic of models: f32"),
    OPTION_INTEGER(struct common, seed, "seed", 0, 0, NO_UPPER_LIMIT, "of everything random (42)"),
    OPTION_TEXT(struct common, settings, "set", 0, "NAME=VALUE", "one setting; may be repeated"),
    OPTION_FLAG(struct common, strict, "strict", 0, "stop at the first input that is refused"),
    OPTION_FLAG(struct common, json, "json", 0, "make the command's report machine-readable"),
    OPTION_FLAG(struct common, quiet, "quiet", 'q', "say nothing but errors"),
    OPTION_FLAG(struct common, verbose, "verbose", 'v', "say more about the work"),
    OPTION_FLAG(struct common, help, "help", 'h', "this text"),
    OPTION_FLAG(struct common, version, "version", 'V', "the version"),
};

const struct option *common_options(size_t *n)
{
    *n = COUNT_OF(common_table);
    return common_table;
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < n_commands; i++)
        if (strcmp(commands[i]->name, name) == 0) return commands[i];
    return NULL;
}

/* ---- the nearest name ---- */

/* Levenshtein's distance of two short names; long ones count as far away. */
static size_t distance(struct view a, struct view b)
{
    enum { longest = 31 };
    size_t row[longest + 1];
    if (a.n > longest || b.n > longest) return longest;
    for (size_t j = 0; j <= b.n; j++) row[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t best = diagonal + (a.data[i - 1] != b.data[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b.n];
}

struct nearest {
    const char *name;
    size_t distance;
};

static void consider(struct nearest *best, struct view wrong, const char *name)
{
    size_t d = distance(wrong, view_of(name));
    if (d >= best->distance || d > 1 + wrong.n / 4) return;
    *best = (struct nearest){name, d};
}

void suggest_command(const char *wrong, struct buf *out)
{
    struct nearest best = {NULL, SIZE_MAX};
    for (size_t i = 0; i < n_commands; i++) consider(&best, view_of(wrong), commands[i]->name);
    if (best.name) buf_printf(out, " (did you mean %s?)", best.name);
}

static int fail_unknown(const struct command *command, struct view wrong, recap_error *error)
{
    struct nearest best = {NULL, SIZE_MAX};
    for (size_t i = 0; i < command->n_options; i++)
        consider(&best, wrong, command->options[i].name);
    for (size_t i = 0; i < COUNT_OF(common_table); i++)
        consider(&best, wrong, common_table[i].name);
    struct buf hint = {0};
    if (best.name) buf_printf(&hint, " (did you mean --%s?)", best.name);
    fail(error, RECAP_ERROR_USAGE, "%s: there is no option --%.*s%s", command->name, (int)wrong.n,
         wrong.data, hint.data ? hint.data : "");
    buf_free(&hint);
    return RECAP_ERROR_USAGE;
}

/* ---- parsing ---- */

struct parser {
    struct invocation *call;
    int argc;
    char **argv;
    int i; /* the next argument */
};

/* An option and the struct that it fills. */
struct found {
    const struct option *option;
    void *target;
};

static bool matches(const struct option *option, struct view name, char letter)
{
    if (letter) return option->letter == letter;
    return view_equal(view_of(option->name), name);
}

static struct found find_option(struct invocation *call, struct view name, char letter)
{
    const struct command *command = call->command;
    for (size_t i = 0; i < command->n_options; i++)
        if (matches(&command->options[i], name, letter))
            return (struct found){&command->options[i], call->values};
    for (size_t i = 0; i < COUNT_OF(common_table); i++)
        if (matches(&common_table[i], name, letter))
            return (struct found){&common_table[i], &call->common};
    return (struct found){0};
}

static int store(struct parser *parser, struct found found, const char *value, recap_error *error)
{
    const struct option *option = found.option;
    struct common *common = &parser->call->common;
    if (found.target == common && option->offset == offsetof(struct common, settings)) {
        /* The array has room for every argument: see options_parse. */
        const char **settings = (const char **)(uintptr_t)common->settings;
        settings[common->n_settings++] = value;
        return RECAP_OK;
    }
    if (value_parse(&option->rule, value, (char *)found.target + option->offset)) return RECAP_OK;
    struct buf range = {0};
    value_describe(&option->rule, &range);
    fail(error, RECAP_ERROR_USAGE, "%s: --%s: \"%s\" is not allowed: %s",
         parser->call->command->name, option->name, value, range.data ? range.data : "");
    buf_free(&range);
    return RECAP_ERROR_USAGE;
}

/* `value` is what came with the option ("=..."), or NULL. */
static int take(struct parser *parser, struct found found, const char *value, recap_error *error)
{
    const char *command = parser->call->command->name;
    if (!found.option->argument) {
        if (value)
            return fail(error, RECAP_ERROR_USAGE, "%s: --%s takes no value", command,
                        found.option->name);
        return store(parser, found, "true", error);
    }
    if (!value) {
        if (parser->i >= parser->argc)
            return fail(error, RECAP_ERROR_USAGE, "%s: --%s needs a value (%s)", command,
                        found.option->name, found.option->argument);
        value = parser->argv[parser->i++];
    }
    return store(parser, found, value, error);
}

static int take_long(struct parser *parser, const char *text, recap_error *error)
{
    struct view name = {text, strcspn(text, "=")};
    struct found found = find_option(parser->call, name, 0);
    if (!found.option) return fail_unknown(parser->call->command, name, error);
    return take(parser, found, text[name.n] ? text + name.n + 1 : NULL, error);
}

/* "-qk10" is -q and -k with the value 10. */
static int take_letters(struct parser *parser, const char *letters, recap_error *error)
{
    for (; *letters; letters++) {
        struct found found = find_option(parser->call, (struct view){0}, *letters);
        if (!found.option)
            return fail(error, RECAP_ERROR_USAGE, "%s: there is no option -%c",
                        parser->call->command->name, *letters);
        if (found.option->argument)
            return take(parser, found, letters[1] ? letters + 1 + (letters[1] == '=') : NULL,
                        error);
        int status = take(parser, found, NULL, error);
        if (status != RECAP_OK) return status;
    }
    return RECAP_OK;
}

static int parse_all(struct parser *parser, recap_error *error)
{
    struct invocation *call = parser->call;
    int status = RECAP_OK;
    bool plain = false; /* past "--" */
    while (parser->i < parser->argc && status == RECAP_OK) {
        const char *argument = parser->argv[parser->i++];
        if (plain || argument[0] != '-' || !argument[1])
            call->inputs[call->n_inputs++] = argument;
        else if (strcmp(argument, "--") == 0)
            plain = true;
        else if (argument[1] == '-')
            status = take_long(parser, argument + 2, error);
        else
            status = take_letters(parser, argument + 1, error);
    }
    return status;
}

static int check_inputs(const struct invocation *call, recap_error *error)
{
    const struct command *command = call->command;
    if (call->n_inputs < command->min_inputs)
        return fail(error, RECAP_ERROR_USAGE, "%s: %s is missing; usage: recap %s %s",
                    command->name, command->needs, command->name, command->arguments);
    if (call->n_inputs > command->max_inputs)
        return fail(error, RECAP_ERROR_USAGE,
                    "%s: \"%s\" is one argument too many; usage: recap %s %s", command->name,
                    call->inputs[command->max_inputs], command->name, command->arguments);
    return RECAP_OK;
}

int options_parse(const struct command *command, int argc, char **argv, struct invocation *out,
                  recap_error *error)
{
    *out = (struct invocation){.command = command, .common = {.seed = -1}};
    size_t room = argc > 0 ? (size_t)argc : 0;
    out->values = new_zeroed(1, command->values_size);
    out->inputs = new_zeroed(room, sizeof *out->inputs);
    out->common.settings = new_zeroed(room, sizeof *out->common.settings);
    if (!out->values || !out->inputs || !out->common.settings) return fail_memory(error, room);
    if (command->defaults) memcpy(out->values, command->defaults, command->values_size);
    struct parser parser = {out, argc, argv, 0};
    int status = parse_all(&parser, error);
    if (status == RECAP_OK && !out->common.help && !out->common.version)
        status = check_inputs(out, error);
    return status;
}

void invocation_free(struct invocation *call)
{
    free(call->values);
    free(call->inputs);
    free((void *)(uintptr_t)call->common.settings);
    config_free(&call->config);
    recap_close_context(call->context);
    *call = (struct invocation){0};
}
