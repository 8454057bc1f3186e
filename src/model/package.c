/* Python packages (wheels are zip files, source archives tar.gz) through libarchive. */
#include "fetch_private.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

static int fail_archive(recap_error *error, const char *path, struct archive *archive)
{
    const char *reason = archive_error_string(archive);
    return fail(error, RECAP_ERROR_MODEL, "%s: cannot be unpacked: %s", path,
                reason ? reason : "not an archive");
}

static int read_content(struct archive *archive, const char *path, struct buf *content,
                        recap_error *error)
{
    char chunk[65536];
    buf_clear(content);
    for (;;) {
        la_ssize_t n = archive_read_data(archive, chunk, sizeof chunk);
        if (n < 0) return fail_archive(error, path, archive);
        if (n == 0) break;
        buf_add(content, chunk, (size_t)n);
        if (content->failed) return fail_memory(error, content->n);
    }
    buf_add(content, "", 0);
    return content->failed ? fail_memory(error, content->n) : RECAP_OK;
}

int package_read(const char *path, package_want_fn want, package_file_fn file, void *data,
                 recap_error *error)
{
    struct archive *archive = archive_read_new();
    if (!archive) return fail_memory(error, 0);
    struct buf content = {0};
    int status = RECAP_OK;
    archive_read_support_filter_all(archive);
    archive_read_support_format_zip(archive);
    archive_read_support_format_tar(archive);
    if (archive_read_open_filename(archive, path, 65536) != ARCHIVE_OK)
        status = fail_archive(error, path, archive);
    while (status == RECAP_OK) {
        struct archive_entry *entry;
        int got = archive_read_next_header(archive, &entry);
        if (got == ARCHIVE_EOF) break;
        if (got < ARCHIVE_WARN) {
            status = fail_archive(error, path, archive);
            break;
        }
        const char *name = archive_entry_pathname(entry);
        if (!name || archive_entry_filetype(entry) != AE_IFREG || !want(data, name)) continue;
        status = read_content(archive, path, &content, error);
        if (status == RECAP_OK) status = file(data, name, &content, error);
    }
    buf_free(&content);
    archive_read_free(archive);
    return status;
}

struct search {
    const char *suffix;
    struct buf *out;
    bool found;
};

static bool ends_in_suffix(void *data, const char *path)
{
    const struct search *search = data;
    size_t n = strlen(path), k = strlen(search->suffix);
    return !search->found && n >= k && strcmp(path + n - k, search->suffix) == 0;
}

static int keep(void *data, const char *path, const struct buf *content, recap_error *error)
{
    struct search *search = data;
    search->found = true;
    buf_add(search->out, content->data, content->n);
    return search->out->failed ? fail_memory(error, content->n) : RECAP_OK;
}

int package_find(const char *archive, const char *suffix, struct buf *out, recap_error *error)
{
    struct search search = {suffix, out, false};
    int status = package_read(archive, ends_in_suffix, keep, &search, error);
    if (status == RECAP_OK && !search.found)
        return fail(error, RECAP_ERROR_MODEL, "%s: no file in it ends in %s", archive, suffix);
    return status;
}
