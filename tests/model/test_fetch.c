/* Models by name: what happens without pip, without a network, and with a copy that is there. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char folder[] = "/tmp/recap-fetch-XXXXXX";

static int set_up(void **state)
{
    if (!mkdtemp(folder)) return -1;
    return setenv("XDG_DATA_HOME", folder, 1);
}

static int tear_down(void **state)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* A directory as model_fetch writes it, with one file. */
static char *write_fetched(const char *name, const char *content, const char *hashed)
{
    recap_error error = {0};
    char *home = model_home(), *directory = path_join(home, name), hash[33];
    assert_int_equal(make_directories(directory, &error), RECAP_OK);
    char *file = path_join(directory, "config.json"),
         *manifest = path_join(directory, "recap.json");
    assert_int_equal(file_write(file, content, strlen(content), &error), RECAP_OK);
    hash_text(hash_bytes(hashed, strlen(hashed)), hash);
    struct buf text = {0};
    buf_printf(&text, "{\"xxh128\": {\"config.json\": \"%s\"}}", hash);
    assert_int_equal(file_write(manifest, text.data, text.n, &error), RECAP_OK);
    buf_free(&text);
    free(file);
    free(manifest);
    free(home);
    return directory;
}

static void count_lines(void *data, const char *line)
{
    int *counts = data;
    counts[0]++;
    counts[1] += strncmp(line, "fetching", 8) == 0;
}

static void test_a_whole_copy_needs_no_network(void **state)
{
    char *directory = write_fetched("all-MiniLM-L6-v2", "{}", "{}"), *written = NULL, *found = NULL;
    recap_error error = {0};
    int lines[2] = {0};
    assert_int_equal(
        model_fetch("all-MiniLM-L6-v2", NULL, NULL, count_lines, lines, &written, &error),
        RECAP_OK);
    assert_string_equal(written, directory);
    assert_int_equal(lines[1], 0);
    size_t checked;
    assert_int_equal(model_verify_files(directory, &checked, &error), RECAP_OK);
    assert_int_equal(checked, 1);
    assert_int_equal(model_find("all-MiniLM-L6-v2", &found, &error), RECAP_OK);
    assert_string_equal(found, directory);
    free(found);
    free(written);
    free(directory);
}

static void test_a_damaged_copy_is_named(void **state)
{
    char *directory = write_fetched("categorium-de", "{\"x\": 1}", "{}");
    recap_error error = {0};
    size_t checked;
    assert_int_equal(model_verify_files(directory, &checked, &error), RECAP_ERROR_MODEL);
    assert_non_null(strstr(error.message, "config.json: changed since it was fetched"));
    free(directory);
}

static void test_wrong_names_and_formats(void **state)
{
    recap_error error = {0};
    assert_int_equal(model_fetch("bert-huge", NULL, NULL, NULL, NULL, NULL, &error),
                     RECAP_ERROR_USAGE);
    assert_non_null(strstr(error.message, "\"bert-huge\""));
    assert_non_null(strstr(error.message, "multilingual-e5-small"));
    assert_int_equal(model_fetch("multilingual-e5-small", NULL, "q3", NULL, NULL, NULL, &error),
                     RECAP_ERROR_USAGE);
    assert_non_null(strstr(error.message, "f16 and f32"));
    assert_int_equal(model_fetch("categorium-en", NULL, "f32", NULL, NULL, NULL, &error),
                     RECAP_ERROR_USAGE);
}

/* Fetches with the environment changed; nothing may be left behind. */
static void fetch_in_vain(const char *variable, const char *value, int wanted, const char *word)
{
    char *old = getenv(variable) ? copy_string(getenv(variable)) : NULL;
    setenv(variable, value, 1);
    recap_error error = {0};
    char *target = path_join(folder, "target/model");
    assert_int_equal(model_fetch("categorium-en", target, NULL, NULL, NULL, NULL, &error), wanted);
    if (!strstr(error.message, word)) fail_msg("%s", error.message);
    assert_false(path_exists(target));
    char *parent = path_join(folder, "target");
    assert_int_equal(rmdir(parent), 0); /* so it is empty */
    free(parent);
    free(target);
    if (old)
        setenv(variable, old, 1);
    else
        unsetenv(variable);
    free(old);
}

static void test_without_pip(void **state)
{
    fetch_in_vain("PATH", folder, RECAP_ERROR_CONFIG, "python3-pip");
}

static void test_without_an_index(void **state)
{
    char *links = getenv("PIP_FIND_LINKS") ? copy_string(getenv("PIP_FIND_LINKS")) : NULL;
    unsetenv("PIP_FIND_LINKS");
    fetch_in_vain("PIP_NO_INDEX", "1", RECAP_ERROR_IO, "categorium==0.2.2");
    if (links) setenv("PIP_FIND_LINKS", links, 1);
    free(links);
}

/* The package that pip is given is not the one whose hash is pinned. */
static void test_another_package_under_the_name(void **state)
{
    char *links = path_join(folder, "links"), *file = path_join(links, "categorium-0.2.2.tar.gz");
    recap_error error = {0};
    assert_int_equal(make_directories(links, &error), RECAP_OK);
    assert_int_equal(file_write(file, "not the one", 11, &error), RECAP_OK);
    setenv("PIP_NO_INDEX", "1", 1);
    fetch_in_vain("PIP_FIND_LINKS", links, RECAP_ERROR_IO, "categorium==0.2.2");
    unsetenv("PIP_NO_INDEX");
    free(file);
    free(links);
}

/* A folder of somebody's own is refused before anything is downloaded, and stays as it is. */
static void test_a_folder_of_ones_own(void **state)
{
    char *directory = path_join(folder, "own"), *weights = path_join(directory, "weights"),
         *manifest = path_join(directory, "recap.json");
    recap_error error = {0};
    assert_int_equal(make_directories(directory, &error), RECAP_OK);
    assert_int_equal(file_write(weights, "mine", 4, &error), RECAP_OK);
    assert_int_equal(file_write(manifest, "{\"default_prefix\": \"q: \"}", 25, &error), RECAP_OK);
    int lines[2] = {0};
    assert_int_equal(
        model_fetch("categorium-en", directory, NULL, count_lines, lines, NULL, &error),
        RECAP_ERROR_IO);
    assert_non_null(strstr(error.message, "it holds other files"));
    assert_int_equal(lines[1], 0);
    assert_true(path_exists(weights) && path_exists(manifest));
    free(directory);
    free(weights);
    free(manifest);
}

/* A damaged copy may be fetched anew; where that fails it stays. */
static void test_a_damaged_copy_is_kept_until_the_new_one_is_there(void **state)
{
    char *directory = write_fetched("categorium-fr", "{\"x\": 1}", "{}");
    recap_error error = {0};
    int lines[2] = {0};
    setenv("PIP_NO_INDEX", "1", 1);
    assert_int_equal(model_fetch("categorium-fr", NULL, NULL, count_lines, lines, NULL, &error),
                     RECAP_ERROR_IO);
    unsetenv("PIP_NO_INDEX");
    assert_int_equal(lines[1], 1);
    char *file = path_join(directory, "config.json");
    assert_true(path_exists(file));
    free(file);
    free(directory);
}

static void test_where_models_are_looked_for(void **state)
{
    recap_error error = {0};
    char *found = NULL;
    assert_int_equal(model_find("multilingual-e5-small", &found, &error), RECAP_ERROR_MODEL);
    assert_non_null(strstr(error.message, "recap model fetch multilingual-e5-small"));
    assert_int_equal(model_find("someone/unknown", &found, &error), RECAP_ERROR_MODEL);
    assert_non_null(strstr(error.message, "Hugging Face cache"));
    /* refs/main may end in a newline */
    char *snapshot = path_join(folder, "hf/hub/models--owner--name/snapshots/abc");
    char *refs = path_join(folder, "hf/hub/models--owner--name/refs"),
         *main_ref = path_join(refs, "main");
    char *home = path_join(folder, "hf");
    assert_int_equal(make_directories(snapshot, &error), RECAP_OK);
    assert_int_equal(make_directories(refs, &error), RECAP_OK);
    assert_int_equal(file_write(main_ref, "abc\n", 4, &error), RECAP_OK);
    setenv("HF_HOME", home, 1);
    assert_int_equal(model_find("owner/name", &found, &error), RECAP_OK);
    assert_string_equal(found, snapshot);
    unsetenv("HF_HOME");
    free(found);
    free(home);
    free(main_ref);
    free(refs);
    free(snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_copy_needs_no_network),
        cmocka_unit_test(test_a_damaged_copy_is_named),
        cmocka_unit_test(test_wrong_names_and_formats),
        cmocka_unit_test(test_without_pip),
        cmocka_unit_test(test_without_an_index),
        cmocka_unit_test(test_another_package_under_the_name),
        cmocka_unit_test(test_a_folder_of_ones_own),
        cmocka_unit_test(test_a_damaged_copy_is_kept_until_the_new_one_is_there),
        cmocka_unit_test(test_where_models_are_looked_for),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
