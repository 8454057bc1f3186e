/* Files and standard input as streams of bytes, decompressed by libarchive where they are gzip or
 * zstd.
 *
 * The reading itself is done here and not by libarchive, so that an interrupt ends a wait. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"

struct stream {
    struct archive *archive;
    const char *name;
    int file;
    int reason; /* errno of a failed read */
    bool empty;
    size_t consumed, given; /* bytes of the file; of its content */
    char chunk[65536];
};

const char *input_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

static la_ssize_t read_chunk(struct archive *archive, void *data, const void **out)
{
    struct stream *stream = data;
    *out = stream->chunk;
    for (;;) {
        ssize_t n = read(stream->file, stream->chunk, sizeof stream->chunk);
        if (n >= 0) {
            stream->consumed += (size_t)n;
            return n;
        }
        if (errno == EINTR && !interrupted()) continue;
        stream->reason = errno;
        archive_set_error(archive, errno, "%s", strerror(errno));
        return -1;
    }
}

static int fail_stream(struct stream *stream, recap_error *error)
{
    if (interrupted()) return fail_interrupted(error);
    const char *reason = archive_error_string(stream->archive);
    return fail(error, RECAP_ERROR_IO, "%s: cannot read: %s", stream->name,
                stream->reason ? strerror(stream->reason)
                : reason       ? reason
                               : "unknown reason");
}

static int open_file(const char *path, struct stream *stream, recap_error *error)
{
    stream->name = input_name(path);
    if (strcmp(path, "-") == 0) {
        stream->file = STDIN_FILENO;
        return RECAP_OK;
    }
    stream->file = open(path, O_RDONLY | O_CLOEXEC);
    if (stream->file < 0)
        return fail(error, RECAP_ERROR_IO, "%s: cannot read: %s", path, strerror(errno));
    struct stat info;
    if (fstat(stream->file, &info) == 0 && S_ISDIR(info.st_mode))
        return fail(error, RECAP_ERROR_IO, "%s: is a directory, not a file", path);
    return RECAP_OK;
}

static int open_archive(struct stream *stream, recap_error *error)
{
    stream->archive = archive_read_new();
    if (!stream->archive) return fail_memory(error, sizeof *stream);
    archive_read_support_filter_gzip(stream->archive);
    archive_read_support_filter_zstd(stream->archive);
    archive_read_support_format_raw(stream->archive);
    archive_read_support_format_empty(stream->archive);
    struct archive_entry *entry;
    if (archive_read_open(stream->archive, stream, NULL, read_chunk, NULL) != ARCHIVE_OK)
        return fail_stream(stream, error);
    int found = archive_read_next_header(stream->archive, &entry);
    stream->empty = found == ARCHIVE_EOF;
    return found == ARCHIVE_OK || stream->empty ? RECAP_OK : fail_stream(stream, error);
}

int stream_open(const char *path, struct stream **out, recap_error *error)
{
    *out = NULL;
    struct stream *stream = new_zeroed(1, sizeof *stream);
    if (!stream) return fail_memory(error, sizeof *stream);
    stream->file = -1;
    int status = open_file(path, stream, error);
    if (status == RECAP_OK) status = open_archive(stream, error);
    if (status == RECAP_OK)
        *out = stream;
    else
        stream_close(stream);
    return status;
}

/* At the end of packed data: what follows it in the file is not lost without a word. */
static void tell_rest(const struct stream *stream)
{
    la_int64_t used = archive_filter_bytes(stream->archive, -1);
    if (archive_filter_code(stream->archive, 0) != ARCHIVE_FILTER_NONE && used >= 0 &&
        (size_t)used < stream->consumed)
        log_message(LOG_WARNING, "%s: what follows its packed data was not read", stream->name);
}

int stream_read(struct stream *stream, void *data, size_t capacity, size_t *n, recap_error *error)
{
    *n = 0;
    if (interrupted()) return fail_interrupted(error);
    if (stream->empty) return RECAP_OK;
    la_ssize_t got = archive_read_data(stream->archive, data, capacity);
    if (got < 0) return fail_stream(stream, error);
    *n = (size_t)got;
    if (got == 0) tell_rest(stream);
    stream->given += *n;
    return RECAP_OK;
}

size_t stream_consumed(const struct stream *stream)
{
    /* Libarchive reads ahead; without a filter, what it handed out is the better answer. */
    bool packed = archive_filter_code(stream->archive, 0) != ARCHIVE_FILTER_NONE;
    return packed ? stream->consumed : stream->given;
}

void stream_close(struct stream *stream)
{
    if (!stream) return;
    archive_read_free(stream->archive);
    if (stream->file > STDIN_FILENO) close(stream->file);
    free(stream);
}

int input_read(const char *path, size_t limit, struct buf *out, recap_error *error)
{
    struct stream *stream;
    int status = stream_open(path, &stream, error);
    if (status != RECAP_OK) return status;
    char chunk[65536];
    size_t n = 0, total = 0;
    do {
        status = stream_read(stream, chunk, sizeof chunk, &n, error);
        if (status != RECAP_OK) break;
        total += n;
        if (limit && total > limit)
            status = fail(error, RECAP_ERROR_IO, "%s: larger than %zu bytes", input_name(path),
                          limit);
        buf_add(out, chunk, n);
    } while (n > 0 && status == RECAP_OK);
    stream_close(stream);
    if (status == RECAP_OK && out->failed) status = fail_memory(error, total);
    return status;
}
