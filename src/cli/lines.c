/* JSON Lines in: lines of any file, and records with a text; compact JSON out.
 *
 * Memory is bounded by one batch: lines are read as they are needed, and one over 64 MiB is refused
 * without being kept. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "input.h"

enum { batch_bytes = 4 << 20 };

/* ---- lines ---- */

struct lines {
    struct stream *stream;
    struct buf line;
    size_t number;
    char chunk[65536];
    size_t at, n; /* in chunk */
    bool ended;
};

int lines_open(const char *path, struct lines **out, recap_error *error)
{
    *out = NULL;
    struct lines *lines = new_zeroed(1, sizeof *lines);
    if (!lines) return fail_memory(error, sizeof *lines);
    int status = stream_open(path, &lines->stream, error);
    if (status == RECAP_OK)
        *out = lines;
    else
        free(lines);
    return status;
}

/* Appends what the chunk has of the current line; true when its end was there. */
static bool take_piece(struct lines *lines, bool *too_long)
{
    const char *piece = lines->chunk + lines->at;
    const char *end = memchr(piece, '\n', lines->n - lines->at);
    size_t n = end ? (size_t)(end - piece) : lines->n - lines->at;
    lines->at += n + (end != NULL);
    if (lines->line.n + n > line_limit) *too_long = true;
    if (!*too_long) buf_add(&lines->line, piece, n);
    return end != NULL;
}

int lines_next(struct lines *lines, struct line *out, bool *found, recap_error *error)
{
    bool too_long = false, complete = false, any = false;
    *found = false;
    buf_clear(&lines->line);
    while (!complete && !lines->ended) {
        if (lines->at == lines->n) {
            int status = stream_read(lines->stream, lines->chunk, sizeof lines->chunk, &lines->n,
                                     error);
            lines->at = 0;
            if (status != RECAP_OK) return status;
            lines->ended = lines->n == 0;
            continue;
        }
        any = true;
        complete = take_piece(lines, &too_long);
    }
    if (lines->line.failed) return fail_memory(error, lines->line.n);
    if (!any) return RECAP_OK;
    size_t n = lines->line.n;
    if (n && lines->line.data[n - 1] == '\r') n--;
    *out = (struct line){++lines->number, {lines->line.data ? lines->line.data : "", n}, too_long};
    *found = true;
    return RECAP_OK;
}

/* Less what lies in the chunk and was not handed out. */
static size_t lines_consumed(const struct lines *lines)
{
    size_t consumed = stream_consumed(lines->stream), rest = lines->n - lines->at;
    return consumed > rest ? consumed - rest : 0;
}

void lines_close(struct lines *lines)
{
    if (!lines) return;
    stream_close(lines->stream);
    buf_free(&lines->line);
    free(lines);
}

/* ---- records ---- */

struct records {
    const char *const *inputs;
    size_t n_inputs, next_input;
    struct lines *lines;       /* of the current input, or NULL */
    size_t bytes, total_bytes; /* of the inputs that are done; of all, 0 where not known */
    struct record *batch;
    size_t n, capacity;
    recap_error failure; /* met while a batch was not empty: the batch goes first */
};

static const char *const standard_input[] = {"-"};

/* 0 where one is no regular file. */
static size_t sum_sizes(const char *const *inputs, size_t n)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        struct stat info;
        bool known = strcmp(inputs[i], "-") == 0 ? fstat(0, &info) == 0
                                                 : stat(inputs[i], &info) == 0;
        if (!known || !S_ISREG(info.st_mode)) return 0;
        total += (size_t)info.st_size;
    }
    return total;
}

int records_open(const char *const *inputs, size_t n, struct records **out, recap_error *error)
{
    struct records *records = *out = new_zeroed(1, sizeof *records);
    if (!records) return fail_memory(error, sizeof *records);
    records->inputs = n ? inputs : standard_input;
    records->n_inputs = n ? n : 1;
    records->total_bytes = sum_sizes(records->inputs, records->n_inputs);
    return RECAP_OK;
}

double records_share(const struct records *records)
{
    size_t bytes = records->bytes;
    if (records->lines) bytes += lines_consumed(records->lines);
    return records->total_bytes ? (double)bytes / (double)records->total_bytes : -1;
}

static void clear_batch(struct records *records)
{
    for (size_t i = 0; i < records->n; i++) {
        json_decref(records->batch[i].value);
        free(records->batch[i].reason);
    }
    records->n = 0;
}

static bool is_blank(struct view line)
{
    for (size_t i = 0; i < line.n; i++)
        if (!strchr(" \t\r", line.data[i]) || !line.data[i]) return false;
    return true;
}

static void read_text(const char *where, struct record *record, recap_error *error)
{
    const json_t *text = record->value;
    if (json_is_object(text)) text = json_object_get(text, "text");
    if (json_is_string(text))
        record->text = (struct view){json_string_value(text), json_string_length(text)};
    else
        fail(error, RECAP_ERROR_INPUT,
             "%s: a string, or an object with a string \"text\", is needed", where);
}

/* A line has no lines: "at line 1, column 3" is at column 3. */
void shorten_place(char *message)
{
    static const char place[] = "at line 1, column ";
    char *found = strstr(message, place);
    if (!found) return;
    memmove(found + 3, found + 11, strlen(found + 11) + 1);
}

static int add_record(struct records *records, const struct line *line, recap_error *error)
{
    const char *file = records->inputs[records->next_input - 1];
    if (grow_array(&records->batch, &records->capacity, records->n + 1, sizeof *records->batch))
        return fail_memory(error, records->n * sizeof *records->batch);
    struct record *record = &records->batch[records->n++];
    *record = (struct record){.line = line->number};
    if (records->n_inputs > 1) record->file = file;
    struct buf where = {0};
    recap_error reason = {0};
    buf_printf(&where, "%s: line %zu", input_name(file), line->number);
    if (where.failed) return fail_memory(error, line->bytes.n);
    if (line->too_long)
        fail(&reason, RECAP_ERROR_INPUT, "%s: longer than %d bytes", where.data, line_limit);
    else
        json_parse_data(where.data, line->bytes.data, line->bytes.n, &record->value, &reason);
    shorten_place(reason.message);
    if (!reason.code) read_text(where.data, record, &reason);
    buf_free(&where);
    if (!reason.code) return RECAP_OK;
    record->reason = copy_string(reason.message);
    return record->reason && reason.code != RECAP_ERROR_MEMORY ? RECAP_OK
                                                               : fail_memory(error, line->bytes.n);
}

static int next_line(struct records *records, struct line *line, bool *found, recap_error *error)
{
    int status = RECAP_OK;
    if (!records->lines)
        status = lines_open(records->inputs[records->next_input++], &records->lines, error);
    return status == RECAP_OK ? lines_next(records->lines, line, found, error) : status;
}

int records_next(struct records *records, size_t max, struct record **batch, size_t *n,
                 recap_error *error)
{
    size_t bytes = 0;
    clear_batch(records);
    *n = 0;
    if (records->failure.code)
        return fail(error, records->failure.code, "%s", records->failure.message);
    while (records->n < max && bytes < batch_bytes) {
        struct line line;
        bool found = false;
        if (!records->lines && records->next_input == records->n_inputs) break;
        if (next_line(records, &line, &found, &records->failure) != RECAP_OK) {
            if (records->n == 0) return records_next(records, max, batch, n, error);
            break;
        }
        if (found && !is_blank(line.bytes)) {
            bytes += line.bytes.n;
            int status = add_record(records, &line, error);
            if (status != RECAP_OK) return status;
        }
        if (!found) {
            records->bytes += lines_consumed(records->lines);
            lines_close(records->lines);
            records->lines = NULL;
        }
    }
    *batch = records->batch;
    *n = records->n;
    return RECAP_OK;
}

void records_close(struct records *records)
{
    if (!records) return;
    clear_batch(records);
    lines_close(records->lines);
    free(records->batch);
    free(records);
}

/* ---- JSON out ---- */

/* 1.0 stays a real: some readers care. */
static void emit_real(struct buf *out, double value)
{
    size_t start = out->n;
    buf_add_double(out, value);
    if (!out->failed && !strpbrk(out->data + start, ".en")) buf_add_string(out, ".0");
}

static void emit_object(struct buf *out, const json_t *object)
{
    const char *name;
    json_t *value;
    bool first = true;
    buf_add_byte(out, '{');
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        if (!first) buf_add_byte(out, ',');
        first = false;
        buf_add_json(out, name, strlen(name));
        buf_add_byte(out, ':');
        json_emit(out, value);
    }
    buf_add_byte(out, '}');
}

static void emit_array(struct buf *out, const json_t *array)
{
    buf_add_byte(out, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i) buf_add_byte(out, ',');
        json_emit(out, json_array_get(array, i));
    }
    buf_add_byte(out, ']');
}

void json_emit(struct buf *out, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        emit_object(out, value);
        break;
    case JSON_ARRAY:
        emit_array(out, value);
        break;
    case JSON_STRING:
        buf_add_json(out, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        buf_printf(out, "%lld", (long long)json_integer_value(value));
        break;
    case JSON_REAL:
        emit_real(out, json_real_value(value));
        break;
    case JSON_TRUE:
        buf_add_string(out, "true");
        break;
    case JSON_FALSE:
        buf_add_string(out, "false");
        break;
    case JSON_NULL:
        buf_add_string(out, "null");
        break;
    }
}
