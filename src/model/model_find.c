/* From what a user calls a model to its directory. */
#include "model.h"

#include <stdlib.h>
#include <string.h>

static bool has_config(const char *directory)
{
    char *path = path_join(directory, "config.json");
    bool found = path && path_exists(path);
    free(path);
    return found;
}

/* snapshots/REVISION of the hub's cache for "owner/name"; NULL where it isn't there. */
static char *find_in_hub(const char *name)
{
    const char *home = getenv("HF_HOME"), *user = getenv("HOME");
    struct buf path = {0}, revision = {0};
    if (home && *home)
        buf_printf(&path, "%s/hub/models--", home);
    else
        buf_printf(&path, "%s/.cache/huggingface/hub/models--", user ? user : "");
    for (const char *c = name; *c; c++) buf_add(&path, *c == '/' ? "--" : c, *c == '/' ? 2 : 1);
    size_t root = path.n;
    buf_add_string(&path, "/refs/main");
    char *found = NULL;
    if (!path.failed && file_read(path.data, 4096, &revision, NULL) == RECAP_OK && revision.n > 0) {
        while (revision.n > 0 && strchr("\r\n \t", revision.data[revision.n - 1])) revision.n--;
        path.n = root;
        buf_printf(&path, "/snapshots/%.*s", (int)revision.n, revision.data);
        if (!path.failed && !memchr(revision.data, '/', revision.n) && path_is_directory(path.data))
            found = copy_string(path.data);
    }
    buf_free(&path);
    buf_free(&revision);
    return found;
}

int model_find(const char *name, char **directory, recap_error *error)
{
    *directory = NULL;
    if (path_is_directory(name)) {
        *directory = copy_string(name);
        return *directory ? RECAP_OK : fail_memory(error, strlen(name));
    }
    char *home = model_home();
    char *local = home ? path_join(home, name) : NULL;
    free(home);
    if (!local) return fail_memory(error, strlen(name));
    if (has_config(local)) {
        *directory = local;
        return RECAP_OK;
    }
    if (strchr(name, '/')) *directory = find_in_hub(name);
    bool known = false;
    for (size_t i = 0; model_source(i) && !known; i++)
        known = strcmp(model_source(i)->name, name) == 0;
    int status = RECAP_OK;
    if (!*directory && known)
        status = fail(error, RECAP_ERROR_MODEL,
                      "model %s is not on this machine: recap model fetch %s", name, name);
    else if (!*directory)
        status = fail(error, RECAP_ERROR_MODEL, "model %s: no such directory, and nothing in %s%s",
                      name, local, strchr(name, '/') ? " or the Hugging Face cache" : "");
    free(local);
    return status;
}
