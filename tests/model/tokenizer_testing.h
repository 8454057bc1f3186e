/* What the tokenizer tests share: small directories, and ids compared with lists. */
#ifndef TOKENIZER_TESTING_H
#define TOKENIZER_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "recap/tokenizer.h"

#include <cmocka.h> /* last: its fail() is a macro */

static char test_folder[] = "/tmp/recap-tokenizer-XXXXXX";

static inline int make_folder(void **state)
{
    return mkdtemp(test_folder) ? 0 : -1;
}

static inline int remove_folder(void **state)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf '%s'", test_folder);
    return system(command);
}

static inline void put_file(const char *name, const char *content, size_t n)
{
    recap_error error = {0};
    char *path = path_join(test_folder, name);
    assert_non_null(path);
    assert_int_equal(file_write(path, content, n, &error), RECAP_OK);
    free(path);
}

static inline void remove_file(const char *name)
{
    char *path = path_join(test_folder, name);
    assert_non_null(path);
    unlink(path);
    free(path);
}

/* The test folder as a model directory with this one file in it. */
static inline int open_with(const char *name, const char *content, recap_tokenizer **out,
                            recap_error *error)
{
    static const char *const names[] = {"tokenizer.json", "vocab.txt", "tokenizer_config.json",
                                        "sentencepiece.bpe.model", "vocab.json"};
    for (size_t i = 0; i < COUNT_OF(names); i++) remove_file(names[i]);
    put_file(name, content, strlen(content));
    return recap_open_tokenizer(test_folder, out, error);
}

/* Opens what must be right. */
static inline recap_tokenizer *open_json(const char *json)
{
    recap_tokenizer *tokenizer = NULL;
    recap_error error = {0};
    if (open_with("tokenizer.json", json, &tokenizer, &error) != RECAP_OK)
        fail_msg("%s", error.message);
    return tokenizer;
}

/* Opens what must be refused, with `part` in the message. */
static inline void refuse_json(const char *json, const char *part)
{
    recap_tokenizer *tokenizer = NULL;
    recap_error error = {0};
    int status = open_with("tokenizer.json", json, &tokenizer, &error);
    if (status != RECAP_ERROR_MODEL || error.code != status || !strstr(error.message, part))
        fail_msg("status %d, \"%s\" lacks \"%s\"", status, error.message, part);
    assert_null(tokenizer);
}

static inline void check_ids(const recap_tokenizer *tokenizer, const char *text, size_t n,
                             const recap_tokenize_options *options, const json_t *expected)
{
    recap_tokens tokens = {0};
    recap_error error = {0};
    if (recap_tokenize(tokenizer, text, n, options, &tokens, &error) != RECAP_OK)
        fail_msg("%s", error.message);
    bool same = tokens.n == json_array_size(expected);
    for (size_t i = 0; i < tokens.n && same; i++)
        same = tokens.ids[i] == json_integer_value(json_array_get(expected, i));
    if (!same) {
        struct buf got = {0};
        for (size_t i = 0; i < tokens.n && i < 60; i++) buf_printf(&got, " %d", tokens.ids[i]);
        fail_msg("\"%.200s\" gives%s", text, got.data ? got.data : " nothing");
    }
    recap_free_tokens(&tokens);
}

/* The tokens of a text, joined by '|'. */
static inline char *spell_tokens(const recap_tokenizer *tokenizer, const char *text,
                                 const recap_tokenize_options *options)
{
    recap_tokens tokens = {0};
    recap_error error = {0};
    struct buf spelled = {0};
    if (recap_tokenize(tokenizer, text, strlen(text), options, &tokens, &error) != RECAP_OK)
        fail_msg("%s", error.message);
    for (size_t i = 0; i < tokens.n; i++) {
        if (i) buf_add_byte(&spelled, '|');
        buf_add_string(&spelled, recap_token_text(tokenizer, tokens.ids[i]));
    }
    recap_free_tokens(&tokens);
    buf_add(&spelled, "", 0);
    return buf_take(&spelled, NULL);
}

static inline void check_tokens(const recap_tokenizer *tokenizer, const char *text,
                                const char *expected)
{
    char *spelled = spell_tokens(tokenizer, text, NULL);
    assert_string_equal(spelled, expected);
    free(spelled);
}

#endif
