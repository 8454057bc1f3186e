/* Small things that several commands need. */
#include "cli.h"

void add_doubles(struct buf *out, const double *values, size_t n)
{
    buf_add_byte(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i) buf_add_byte(out, ',');
        buf_add_double(out, values[i]);
    }
    buf_add_byte(out, ']');
}

void add_integers(struct buf *out, const int32_t *values, size_t n)
{
    buf_add_byte(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i) buf_add_byte(out, ',');
        buf_printf(out, "%d", values[i]);
    }
    buf_add_byte(out, ']');
}

int fail_file(int status, const char *input, recap_error *error)
{
    if (status != RECAP_ERROR_INPUT) return status;
    return fail(error, RECAP_ERROR_IO, "%s: %s", input_name(input), error->message);
}

recap_text *texts_of(struct record *const *records, size_t n)
{
    recap_text *texts = new_array(n, sizeof *texts);
    for (size_t i = 0; texts && i < n; i++)
        texts[i] = (recap_text){records[i]->text.data, records[i]->text.n};
    return texts;
}
