/* recap: the table of commands, and what happens around each of them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

const struct command *const commands[] = {
    &command_run,     &command_embed, &command_classify, &command_tokenize, &command_split,
    &command_extract, &command_knn,   &command_umap,     &command_cluster,  &command_dedup,
    &command_train,   &command_model, &command_doctor,   &command_version,
};
const size_t n_commands = COUNT_OF(commands);

/* A closed standard descriptor would be given to the next file that is opened. In its place comes
 * one that fails when it is used. */
static void hold_descriptors(void)
{
    for (int file = STDIN_FILENO; file <= STDERR_FILENO; file++) {
        if (fcntl(file, F_GETFD) != -1 || errno != EBADF) continue;
        int held = open("/dev/null", file == STDIN_FILENO ? O_WRONLY : O_RDONLY);
        if (held >= 0 && held != file) close(held);
    }
}

static int tell(int status, const recap_error *error)
{
    progress_clear();
    fprintf(stderr, "recap: %s\n", error->message);
    return recap_status_exit(status);
}

static int print(const struct buf *text)
{
    recap_error error = {0};
    int status = output_document(NULL, text, &error);
    return status == RECAP_OK ? 0 : tell(status, &error);
}

/* Options that win over settings, and what this version can compute with. */
static int apply_common(struct invocation *call, recap_error *error)
{
    const struct common *common = &call->common;
    struct config *config = &call->config;
    if (common->model && !*common->model) return fail(error, RECAP_ERROR_USAGE, "--model is empty");
    if (common->device) config->device = common->device;
    if (common->seed >= 0) config->random_seed = common->seed;
    const char *device = config->device;
    if (device && *device && strcmp(device, "cpu") != 0 && strcmp(device, "auto") != 0)
        return fail(error, RECAP_ERROR_CONFIG,
                    "device \"%s\": this version computes on \"cpu\" only", device);
    if (common->precision && strcmp(common->precision, "f32") != 0)
        return fail(error, RECAP_ERROR_CONFIG, "precision \"%s\": this version knows \"f32\" only",
                    common->precision);
    if (config->mecab_dictionary) setenv("RECAP_MECAB_DICTIONARY", config->mecab_dictionary, 1);
    enum log_level level = (enum log_level)config->log_level;
    log_set_level(common->quiet                         ? LOG_ERROR
                  : common->verbose && level < LOG_INFO ? LOG_INFO
                                                        : level);
    progress_setup(common->quiet, common->verbose);
    return RECAP_OK;
}

static int open_context(struct invocation *call, recap_error *error)
{
    recap_context_options options = {
        .n_threads = (int)call->common.threads,
        .seed = (uint64_t)call->config.random_seed,
        .progress = progress_report,
    };
    int status = recap_open_context(&options, &call->context, error);
    if (status == RECAP_OK) interrupt_setup(call->context);
    return status;
}

static int prepare(struct invocation *call, recap_error *error)
{
    int status = config_load(call->common.settings, call->common.n_settings, &call->config, error);
    if (status == RECAP_OK) status = apply_common(call, error);
    return status == RECAP_OK ? open_context(call, error) : status;
}

static int show_help(const struct command *command)
{
    struct buf text = {0};
    if (command)
        help_command(command, &text);
    else
        help_overview(&text);
    int result = print(&text);
    buf_free(&text);
    return result;
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct invocation call;
    recap_error error = {.code = RECAP_ERROR_INTERNAL, .message = "failed without a reason"};
    int status = options_parse(command, argc, argv, &call, &error);
    if (status == RECAP_OK && call.common.help) {
        invocation_free(&call);
        return show_help(command);
    }
    if (status == RECAP_OK && call.common.version) command = &command_version;
    if (status == RECAP_OK) status = prepare(&call, &error);
    if (status == RECAP_OK) status = command->run(&call, &error);
    progress_clear();
    int result = status == RECAP_OK ? (call.n_refused ? 1 : 0) : tell(status, &error);
    interrupt_setup(NULL); /* the context ends here */
    invocation_free(&call);
    return result;
}

/* Hidden: --generate-man [COMMAND], --generate-completion SHELL, for the build. */
static int generate(int argc, char **argv)
{
    struct buf text = {0};
    const char *which = argc > 2 ? argv[2] : "";
    bool good = true;
    if (strcmp(argv[1], "--generate-completion") == 0) {
        good = completion_script(which, &text);
    } else {
        const struct command *command = command_find(which);
        good = command || !*which || strcmp(which, "recap") == 0;
        if (good) manual_page(command, &text);
    }
    int result = 2;
    if (good)
        result = print(&text);
    else
        fprintf(stderr, "recap: %s: \"%s\" is unknown\n", argv[1], which);
    buf_free(&text);
    return result;
}

static int unknown_command(const char *name)
{
    struct buf hint = {0};
    suggest_command(name, &hint);
    fprintf(stderr, "recap: there is no command \"%s\"%s; \"recap --help\" lists them\n", name,
            hint.data ? hint.data : "");
    buf_free(&hint);
    return 2;
}

int main(int argc, char **argv)
{
    hold_descriptors();
    interrupt_setup(NULL);
    if (argc < 2) {
        fputs("recap: a command is missing; \"recap --help\" lists them\n", stderr);
        return 2;
    }
    const char *name = argv[1];
    if (strncmp(name, "--generate-", 11) == 0) return generate(argc, argv);
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) name = "version";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        const struct command *command = argc > 2 ? command_find(argv[2]) : NULL;
        return argc > 2 && !command && argv[2][0] != '-' ? unknown_command(argv[2])
                                                         : show_help(command);
    }
    const struct command *command = command_find(name);
    return command ? run_command(command, argc - 2, argv + 2) : unknown_command(name);
}
