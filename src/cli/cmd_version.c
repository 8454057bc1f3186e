/* recap version: what this is. */
#include "cli.h"
#include "compute/compute.h"

static int run(struct invocation *call, recap_error *error)
{
    struct buf text = {0};
    if (call->common.json)
        buf_printf(&text, "{\"version\":\"%s\",\"kernels\":\"%s\"}\n", recap_version(),
                   compute_name());
    else
        buf_printf(&text, "recap %s\n", recap_version());
    if (call->common.verbose && !call->common.json)
        buf_printf(&text, "kernels: %s\nthreads: %d\n", compute_name(),
                   recap_context_threads(call->context));
    int status = output_document(NULL, &text, error);
    buf_free(&text);
    return status;
}

const struct command command_version = {
    .name = "version",
    .arguments = "",
    .summary = "print the version",
    .details = "Prints the version; with --verbose also the kernels in use and the threads.",
    .max_inputs = 0,
    .run = run,
};
