/* Files: mapped, read whole, or written so that a reader sees the old or the new one. */
#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail_path(recap_error *error, const char *what, const char *path)
{
    int reason = errno;
    int code = reason == ENOSPC || reason == EDQUOT || reason == EFBIG ? RECAP_ERROR_MEMORY
                                                                       : RECAP_ERROR_IO;
    if (reason == ENOENT && strcmp(what, "read") == 0) {
        char target[512];
        ssize_t n = readlink(path, target, sizeof target - 1);
        if (n > 0) {
            target[n] = '\0';
            return fail(error, code, "%s: link to %s, which is not there", path, target);
        }
    }
    return fail(error, code, "%s: cannot %s: %s", path, what, strerror(reason));
}

int file_map_open(const char *path, struct file_map *out, recap_error *error)
{
    *out = (struct file_map){0};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return fail_path(error, "read", path);
    struct stat stat;
    int status = RECAP_OK;
    if (fstat(file, &stat) != 0) {
        status = fail_path(error, "read", path);
    } else if (!S_ISREG(stat.st_mode)) {
        status = fail(error, RECAP_ERROR_IO, "%s: not a regular file", path);
    } else if (stat.st_size > 0) {
        void *data = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_SHARED, file, 0);
        if (data == MAP_FAILED)
            status = fail_path(error, "map", path);
        else
            *out = (struct file_map){data, (size_t)stat.st_size};
    }
    close(file);
    return status;
}

void file_map_close(struct file_map *map)
{
    if (map->data) munmap((void *)(uintptr_t)map->data, map->size);
    *map = (struct file_map){0};
}

int file_read(const char *path, size_t limit, struct buf *out, recap_error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return fail_path(error, "read", path);
    char chunk[65536];
    size_t total = 0;
    int status = RECAP_OK;
    for (;;) {
        ssize_t n = read(file, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) status = fail_path(error, "read", path);
        if (n <= 0) break;
        total += (size_t)n;
        if (limit && total > limit) {
            status = fail(error, RECAP_ERROR_INPUT, "%s: larger than %zu bytes", path, limit);
            break;
        }
        buf_add(out, chunk, (size_t)n);
    }
    close(file);
    if (status == RECAP_OK && out->failed) status = fail_memory(error, total);
    return status;
}

static int write_all(int file, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t written = write(file, data, n);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return -1;
        data += written;
        n -= (size_t)written;
    }
    return 0;
}

int file_write(const char *path, const void *data, size_t n, recap_error *error)
{
    struct buf temporary = {0};
    buf_printf(&temporary, "%s.%ld.part", path, (long)getpid());
    if (temporary.failed) return fail_memory(error, strlen(path));
    int status = RECAP_OK;
    int file = open(temporary.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool good = file >= 0 && write_all(file, data, n) == 0 && fsync(file) == 0;
    if (!good) status = fail_path(error, "write", path);
    if (file >= 0 && close(file) != 0 && good) {
        good = false;
        status = fail_path(error, "write", path);
    }
    if (good && rename(temporary.data, path) != 0) {
        good = false;
        status = fail_path(error, "write", path);
    }
    if (!good && file >= 0) unlink(temporary.data);
    buf_free(&temporary);
    return status;
}

int make_directories(const char *path, recap_error *error)
{
    char *copy = copy_string(path);
    if (!copy) return fail_memory(error, strlen(path));
    int status = RECAP_OK;
    for (char *c = copy + 1;; c++) {
        if (*c != '/' && *c != '\0') continue;
        char kept = *c;
        *c = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST) status = fail_path(error, "create", copy);
        *c = kept;
        if (kept == '\0' || status != RECAP_OK) break;
    }
    free(copy);
    if (status == RECAP_OK && !path_is_directory(path))
        status = fail(error, RECAP_ERROR_IO, "%s: is there, but is not a directory", path);
    return status;
}

bool path_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool path_is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

char *path_join(const char *a, const char *b)
{
    struct buf path = {0};
    size_t n = strlen(a);
    buf_printf(&path, "%s%s%s", a, n && a[n - 1] == '/' ? "" : "/", b);
    return buf_take(&path, NULL);
}

char *path_data_home(void)
{
    const char *base = getenv("XDG_DATA_HOME");
    if (base && base[0] == '/') return path_join(base, "recap");
    const char *home = getenv("HOME");
    return path_join(home && *home ? home : "/tmp", ".local/share/recap");
}
