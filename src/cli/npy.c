/* NumPy's .npy files: float32 matrices in, float32 and int32 out.
 *
 * "\x93NUMPY", major, minor, the header's length (2 bytes, from version 2 on 4, little-endian), the
 * header (a Python dictionary of descr, fortran_order and shape), then the values. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"

static const char magic[] = "\x93NUMPY";
enum { magic_bytes = 6, header_bytes = 128, header_limit = 1 << 20 };

static int refuse(recap_error *error, const char *path, const char *reason)
{
    return fail(error, RECAP_ERROR_IO, "%s: %s", input_name(path), reason);
}

/* What follows 'name': in the header, past blanks; NULL: not there. */
static const char *field(const char *header, const char *name)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s'", name);
    const char *found = strstr(header, quoted);
    if (!found) return NULL;
    found += strlen(quoted);
    found += strspn(found, " ");
    if (*found != ':') return NULL;
    found++;
    return found + strspn(found, " ");
}

static int check_type(const char *path, const char *header, recap_error *error)
{
    const char *type = field(header, "descr"), *order = field(header, "fortran_order");
    if (!type || !order) return refuse(error, path, "a .npy header without descr or fortran_order");
    if (strncmp(type, "'<f4'", 5) != 0) {
        type += strspn(type, "'\"");
        size_t n = strcspn(type, "'\"},");
        return fail(error, RECAP_ERROR_IO,
                    "%s: values of type %.*s; little-endian float32 (<f4) is needed",
                    input_name(path), (int)(n > 20 ? 20 : n), type);
    }
    if (strncmp(order, "False", 5) != 0)
        return refuse(error, path, "in Fortran order; C order is needed");
    return RECAP_OK;
}

static int read_shape(const char *path, const char *header, struct matrix *out, recap_error *error)
{
    const char *shape = field(header, "shape");
    if (!shape || *shape != '(') return refuse(error, path, "a .npy header without a shape");
    size_t sizes[2], n = 0;
    const char *c = shape + 1;
    for (; *c && *c != ')'; c++) {
        if (*c == ' ' || *c == ',') continue;
        char *end;
        if (*c < '0' || *c > '9')
            return refuse(error, path, "a .npy shape that is no list of sizes");
        unsigned long long size = strtoull(c, &end, 10);
        if (n < 2) sizes[n] = size;
        n++;
        c = end - 1;
    }
    if (n != 2)
        return fail(error, RECAP_ERROR_IO,
                    "%s: an array of %zu dimensions; 2 (rows, columns) are needed",
                    input_name(path), n);
    out->rows = sizes[0];
    out->columns = sizes[1];
    return RECAP_OK;
}

/* Splits the file into header and values. */
static int read_header(const char *path, const struct view *file, char **header, size_t *body,
                       recap_error *error)
{
    const unsigned char *bytes = (const unsigned char *)file->data;
    *header = NULL;
    if (file->n < 12 || memcmp(bytes, magic, magic_bytes) != 0)
        return refuse(error, path, "not a .npy file");
    size_t prefix = bytes[6] == 1 ? 10 : 12;
    if (bytes[6] < 1 || bytes[6] > 3) return refuse(error, path, "an unknown version of .npy");
    size_t n = bytes[8] | (size_t)bytes[9] << 8;
    if (prefix == 12) n |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (n > file->n - prefix) return refuse(error, path, "cut off inside its header");
    *header = copy_bytes(file->data + prefix, n);
    *body = prefix + n;
    return *header ? RECAP_OK : fail_memory(error, n);
}

static int take_values(const char *path, const struct view *file, size_t body, struct matrix *out,
                       recap_error *error)
{
    size_t n, bytes;
    if (!size_mul(out->rows, out->columns, &n) || !size_mul(n, sizeof(float), &bytes))
        return refuse(error, path, "a shape that does not fit into memory");
    if (file->n - body != bytes)
        return fail(error, RECAP_ERROR_IO,
                    "%s: %zu bytes of values; the shape (%zu, %zu) needs %zu", input_name(path),
                    file->n - body, out->rows, out->columns, bytes);
    out->data = new_aligned(n, sizeof(float));
    if (!out->data) return fail_memory(error, bytes);
    if (bytes) memcpy(out->data, file->data + body, bytes);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(out->data[i]))
            return fail(error, RECAP_ERROR_IO, "%s: row %zu, column %zu is not a finite number",
                        input_name(path), i / out->columns, i % out->columns);
    return RECAP_OK;
}

int npy_parse(const char *name, struct view file, struct matrix *out, recap_error *error)
{
    char *header = NULL;
    size_t body = 0;
    *out = (struct matrix){0};
    int status = read_header(name, &file, &header, &body, error);
    if (status == RECAP_OK) status = check_type(name, header, error);
    if (status == RECAP_OK) status = read_shape(name, header, out, error);
    if (status == RECAP_OK) status = take_values(name, &file, body, out, error);
    free(header);
    if (status != RECAP_OK) matrix_free(out);
    return status;
}

/* How many bytes the file should have, by its header. */
static int expect_size(const char *path, const struct view *file, size_t *size, recap_error *error)
{
    char *header = NULL;
    size_t body = 0, n = 0;
    struct matrix shape = {0};
    int status = read_header(path, file, &header, &body, error);
    if (status == RECAP_OK) status = check_type(path, header, error);
    if (status == RECAP_OK) status = read_shape(path, header, &shape, error);
    free(header);
    if (status != RECAP_OK) return status;
    if (!size_mul(shape.rows, shape.columns, &n) || !size_mul(n, sizeof(float), &n) ||
        n > SIZE_MAX - body)
        return refuse(error, path, "a shape that does not fit into memory");
    *size = body + n;
    return RECAP_OK;
}

/* Reads no more than the header asks for: a packed file may unpack to anything. */
static int read_bounded(const char *path, struct stream *stream, struct buf *file,
                        recap_error *error)
{
    char chunk[65536];
    size_t n = 1, size = 0;
    while (n > 0) {
        int status = stream_read(stream, chunk, sizeof chunk, &n, error);
        if (status != RECAP_OK) return status;
        buf_add(file, chunk, n);
        if (file->failed) return fail_memory(error, file->n);
        if (!size && file->n >= header_limit) {
            status = expect_size(path, &(struct view){file->data, file->n}, &size, error);
            if (status != RECAP_OK) return status;
        }
        if (size && file->n > size) return refuse(error, path, "more values than its shape needs");
    }
    return RECAP_OK;
}

int npy_read(const char *path, struct matrix *out, recap_error *error)
{
    struct buf file = {0};
    struct stream *stream;
    *out = (struct matrix){0};
    int status = stream_open(path, &stream, error);
    if (status != RECAP_OK) return status;
    status = read_bounded(path, stream, &file, error);
    stream_close(stream);
    if (status == RECAP_OK)
        status = npy_parse(path, (struct view){file.data ? file.data : "", file.n}, out, error);
    buf_free(&file);
    return status;
}

void matrix_free(struct matrix *matrix)
{
    free(matrix->data);
    *matrix = (struct matrix){0};
}

void npy_header(struct buf *out, const char *type, size_t rows, size_t columns)
{
    char text[header_bytes];
    int n = snprintf(text, sizeof text,
                     "{'descr': '%s', 'fortran_order': False, 'shape': (%zu, %zu), }", type, rows,
                     columns);
    const size_t prefix = 10, length = header_bytes - prefix;
    buf_add(out, magic, magic_bytes);
    buf_add(out, "\x01\x00", 2);
    buf_add_byte(out, (char)length);
    buf_add_byte(out, 0);
    buf_add(out, text, (size_t)n);
    for (size_t i = (size_t)n; i + 1 < length; i++) buf_add_byte(out, ' ');
    buf_add_byte(out, '\n');
}
