/* JSON through jansson, with errors that name the place.
 *
 * `where` is what the message starts with: a file name, or "file: line 3". */
#ifndef JSON_H
#define JSON_H

#include <jansson.h>

#include "base.h"

/* Strict JSON, one value, nesting up to 128; duplicate names: the last wins. The caller owns *out
 * (json_decref). Fails with RECAP_ERROR_INPUT naming line and column. */
int json_parse(const char *where, const char *data, size_t n, json_t **out, recap_error *error);
/* The same for what others will read again: an integer over 64 bits becomes a string of its digits,
 * where json_parse makes a rounded real of it. */
int json_parse_data(const char *where, const char *data, size_t n, json_t **out,
                    recap_error *error);
int json_parse_file(const char *path, json_t **out, recap_error *error);

/* Fields of an object. Absent (or null) gives the default where there is one; a wrong type fails
 * with the field's name. Strings stay owned by the object. */
int json_get_string(const char *where, const json_t *object, const char *name,
                    const char *otherwise, const char **out, recap_error *error);
int json_get_int(const char *where, const json_t *object, const char *name, int64_t otherwise,
                 int64_t *out, recap_error *error);
int json_get_number(const char *where, const json_t *object, const char *name, double otherwise,
                    double *out, recap_error *error);
int json_get_bool(const char *where, const json_t *object, const char *name, bool otherwise,
                  bool *out, recap_error *error);

#endif
