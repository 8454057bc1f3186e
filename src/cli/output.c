/* Sinks: standard output, or a file that gets its name only when it is whole; and what every
 * command over JSON Lines does with its records. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { flush_bytes = 1 << 16 };

/* ---- sinks ---- */

static int fail_sink(const struct sink *sink, recap_error *error)
{
    int reason = errno;
    if (interrupted()) return fail_interrupted(error);
    bool full = reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
    return fail(error, full ? RECAP_ERROR_MEMORY : RECAP_ERROR_IO, "%s: cannot write: %s",
                sink->name, reason == EBADF ? "it is closed" : strerror(reason));
}

/* Devices, pipes and the like can't be replaced by a rename: they are written as they are. */
static bool is_special(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode);
}

static int open_path(const char *path, struct sink *sink, recap_error *error)
{
    sink->name = path;
    if (is_special(path)) {
        sink->file = open(path, O_WRONLY | O_CLOEXEC);
        return sink->file < 0 ? fail_sink(sink, error) : RECAP_OK;
    }
    struct buf part = {0};
    buf_printf(&part, "%s.%ld.part", path, (long)getpid());
    sink->part = buf_take(&part, NULL);
    sink->path = copy_string(path);
    if (!sink->part || !sink->path) return fail_memory(error, strlen(path));
    sink->file = open(sink->part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (sink->file < 0) return fail_sink(sink, error);
    interrupt_remove(sink->part);
    return RECAP_OK;
}

/* A file of no name that takes what must be patched before the target gets it: a device or pipe
 * (`special`) or, where that is NULL, standard output. */
static int open_spool(const char *special, struct sink *sink, recap_error *error)
{
    sink->target = special ? open(special, O_WRONLY | O_CLOEXEC) : STDOUT_FILENO;
    if (special) sink->name = special;
    if (sink->target < 0) return fail_sink(sink, error);
    char path[] = "/tmp/recap-XXXXXX";
    const char *folder = getenv("TMPDIR");
    struct buf template = {0};
    buf_printf(&template, "%s/recap-XXXXXX", folder && *folder ? folder : "/tmp");
    char *name = template.failed ? path : template.data;
    sink->file = mkostemp(name, O_CLOEXEC);
    if (sink->file >= 0) unlink(name);
    sink->spooled = true;
    int status = RECAP_OK;
    if (sink->file < 0)
        status = fail(error, RECAP_ERROR_IO, "%s: cannot write: %s", name, strerror(errno));
    buf_free(&template);
    return status;
}

int sink_open(const char *path, bool patched, struct sink *out, recap_error *error)
{
    *out = (struct sink){.file = -1, .target = -1, .name = "standard output"};
    int status = RECAP_OK;
    if (path && strcmp(path, "-") == 0) path = NULL;
    if (patched && (!path || is_special(path)))
        status = open_spool(path, out, error);
    else if (path)
        status = open_path(path, out, error);
    else
        out->file = STDOUT_FILENO;
    if (status != RECAP_OK) sink_close(out);
    return status;
}

static int write_fully(int file, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t written = write(file, data, n);
        if (written < 0 && errno == EINTR && !interrupted()) continue;
        if (written < 0) return -1;
        data += written;
        n -= (size_t)written;
    }
    return 0;
}

int sink_flush(struct sink *sink, recap_error *error)
{
    if (sink->pending.failed) return fail_memory(error, sink->pending.n);
    if (write_fully(sink->file, sink->pending.data, sink->pending.n) != 0)
        return fail_sink(sink, error);
    buf_clear(&sink->pending);
    return RECAP_OK;
}

int sink_write(struct sink *sink, const void *data, size_t n, recap_error *error)
{
    buf_add(&sink->pending, data, n);
    if (sink->pending.failed) return fail_memory(error, n);
    return sink->pending.n >= flush_bytes ? sink_flush(sink, error) : RECAP_OK;
}

int sink_patch(struct sink *sink, const void *data, size_t n, recap_error *error)
{
    int status = sink_flush(sink, error);
    if (status != RECAP_OK) return status;
    return pwrite(sink->file, data, n, 0) == (ssize_t)n ? RECAP_OK : fail_sink(sink, error);
}

static int copy_spool(struct sink *sink, recap_error *error)
{
    char chunk[65536];
    ssize_t n;
    if (lseek(sink->file, 0, SEEK_SET) != 0) return fail_sink(sink, error);
    while ((n = read(sink->file, chunk, sizeof chunk)) > 0)
        if (write_fully(sink->target, chunk, (size_t)n) != 0) return fail_sink(sink, error);
    return n < 0 ? fail_sink(sink, error) : RECAP_OK;
}

int sink_commit(struct sink *sink, recap_error *error)
{
    int status = sink_flush(sink, error);
    if (status != RECAP_OK) return status;
    if (sink->spooled) return copy_spool(sink, error);
    if (!sink->part) return RECAP_OK;
    if (fsync(sink->file) != 0 || rename(sink->part, sink->path) != 0)
        return fail_sink(sink, error);
    interrupt_remove(NULL);
    free(sink->part);
    sink->part = NULL;
    return RECAP_OK;
}

void sink_close(struct sink *sink)
{
    if (sink->file > STDERR_FILENO) close(sink->file);
    if (sink->target > STDERR_FILENO) close(sink->target);
    if (sink->part) {
        unlink(sink->part);
        interrupt_remove(NULL);
    }
    free(sink->part);
    free(sink->path);
    buf_free(&sink->pending);
    *sink = (struct sink){.file = -1, .target = -1};
}

bool is_terminal(const char *path)
{
    return (!path || strcmp(path, "-") == 0) && isatty(STDOUT_FILENO);
}

int fail_terminal(const char *command, recap_error *error)
{
    return fail(error, RECAP_ERROR_USAGE,
                "%s: the output is binary and standard output a terminal: use -o FILE", command);
}

int output_document(const char *path, const struct buf *document, recap_error *error)
{
    struct sink sink;
    if (document->failed) return fail_memory(error, document->n);
    int status = sink_open(path, false, &sink, error);
    if (status != RECAP_OK) return status;
    status = sink_write(&sink, document->data, document->n, error);
    if (status == RECAP_OK) status = sink_commit(&sink, error);
    sink_close(&sink);
    return status;
}

/* ---- records ---- */

static bool is_named(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return strcmp(name, "text") == 0;
}

int output_record(struct sink *sink, const struct record *record, const char *results,
                  const char *const *names, size_t n_names, recap_error *error)
{
    struct buf line = {0};
    buf_add_byte(&line, '{');
    const char *name;
    json_t *value;
    if (json_is_object(record->value)) json_object_foreach(record->value, name, value)
        {
            if (is_named(name, names, n_names)) continue;
            buf_add_json(&line, name, strlen(name));
            buf_add_byte(&line, ':');
            json_emit(&line, value);
            buf_add_byte(&line, ',');
        }
    buf_add_string(&line, results);
    buf_add_string(&line, "}\n");
    int status = line.failed ? fail_memory(error, line.n)
                             : sink_write(sink, line.data, line.n, error);
    buf_free(&line);
    return status;
}

int output_refusal(struct sink *sink, struct invocation *call, const struct record *record,
                   recap_error *error)
{
    if (call->common.strict) {
        /* What was answered before the bad line is not lost. */
        int status = sink ? sink_flush(sink, error) : RECAP_OK;
        return status == RECAP_OK ? fail(error, RECAP_ERROR_INPUT, "%s", record->reason) : status;
    }
    call->n_refused++;
    if (!sink) return RECAP_OK;
    struct buf line = {0};
    buf_add_string(&line, "{\"error\":");
    buf_add_json(&line, record->reason, strlen(record->reason));
    buf_printf(&line, ",\"line\":%zu", record->line);
    if (record->file) {
        buf_add_string(&line, ",\"file\":");
        buf_add_json(&line, record->file, strlen(record->file));
    }
    buf_add_string(&line, "}\n");
    int status = line.failed ? fail_memory(error, line.n)
                             : sink_write(sink, line.data, line.n, error);
    buf_free(&line);
    return status;
}

/* ---- commands over JSON Lines ---- */

/* Puts the good records' answers and the refusals where their lines were. */
static int write_batch(struct invocation *call, const struct line_work *work, struct sink *sink,
                       const struct record *batch, size_t n, const struct buf *results,
                       recap_error *error)
{
    size_t good = 0;
    int status = RECAP_OK;
    for (size_t i = 0; i < n && status == RECAP_OK; i++) {
        if (batch[i].reason) {
            status = output_refusal(sink, call, &batch[i], error);
            continue;
        }
        const struct buf *result = &results[good++];
        if (result->failed) return fail_memory(error, result->n);
        status = output_record(sink, &batch[i], result->data, work->names, work->n_names, error);
    }
    return status == RECAP_OK ? sink_flush(sink, error) : status;
}

static int answer_batch(struct invocation *call, const struct line_work *work, struct sink *sink,
                        struct record *batch, size_t n, recap_error *error)
{
    struct record **good = new_array(n, sizeof *good);
    struct buf *results = new_zeroed(n, sizeof *results);
    size_t n_good = 0;
    int status = RECAP_OK;
    if (!good || !results) status = fail_memory(error, n * sizeof *results);
    for (size_t i = 0; i < n && status == RECAP_OK; i++)
        if (!batch[i].reason) good[n_good++] = &batch[i];
    if (status == RECAP_OK && n_good)
        status = work->answer(work->data, call->context, good, n_good, results, error);
    if (status == RECAP_OK) status = write_batch(call, work, sink, batch, n, results, error);
    for (size_t i = 0; results && i < n; i++) buf_free(&results[i]);
    free(results);
    free(good);
    return status;
}

int run_lines(struct invocation *call, const struct line_work *work, recap_error *error)
{
    struct sink sink;
    struct records *records = NULL;
    struct record *batch;
    size_t n = 0, done = 0;
    int status = sink_open(work->output, false, &sink, error);
    if (status != RECAP_OK) return status;
    status = records_open(call->inputs, call->n_inputs, &records, error);
    progress_lines(0, -1);
    while (status == RECAP_OK) {
        status = records_next(records, work->batch, &batch, &n, error);
        if (status != RECAP_OK || n == 0) break;
        status = answer_batch(call, work, &sink, batch, n, error);
        progress_lines(done += n, records_share(records));
    }
    progress_clear();
    if (status == RECAP_OK) status = sink_commit(&sink, error);
    records_close(records);
    sink_close(&sink);
    return status;
}
