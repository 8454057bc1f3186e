/* vocab.txt with tokenizer_config.json: BERT's older directories, and BertJapanese.
 *
 * A token a line, the id is the number of the line. Only LF ends a line; a CR before it and a
 * byte-order mark at the start of the file are no part of a token. */
#include <stdlib.h>
#include <string.h>

#include "tokenizer_private.h"

static int read_lines(recap_tokenizer *tokenizer, const char *path, recap_error *error)
{
    struct buf data = {0};
    int status = file_read(path, 0, &data, error);
    size_t i = data.n >= 3 && memcmp(data.data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    for (int64_t id = 0; i < data.n && status == RECAP_OK; id++) {
        const char *line = data.data + i, *end = memchr(line, '\n', data.n - i);
        size_t n = end ? (size_t)(end - line) : data.n - i;
        i += n + 1;
        if (n > 0 && line[n - 1] == '\r') n--;
        status = vocabulary_put(&tokenizer->vocabulary, path, id, line, n, error);
    }
    buf_free(&data);
    return status == RECAP_OK ? vocabulary_finish(&tokenizer->vocabulary, error) : status;
}

/* "cls_token": "[CLS]" or {"content": "[CLS]", ...}. */
static int special_name(const char *where, const json_t *config, const char *field,
                        const char *otherwise, const char **name, recap_error *error)
{
    const json_t *value = json_object_get(config, field);
    if (json_is_object(value))
        return model_get_string(where, value, "content", otherwise, name, error);
    return model_get_string(where, config, field, otherwise, name, error);
}

static int read_specials(recap_tokenizer *tokenizer, const char *where, const json_t *config,
                         recap_error *error)
{
    static const char *const fields[][2] = {{"cls_token", "[CLS]"},
                                            {"sep_token", "[SEP]"},
                                            {"unk_token", "[UNK]"},
                                            {"pad_token", "[PAD]"},
                                            {"mask_token", "[MASK]"}};
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        const char *name;
        int status = special_name(where, config, fields[i][0], fields[i][1], &name, error);
        if (status != RECAP_OK) return status;
        int32_t id = vocabulary_find(&tokenizer->vocabulary, name, strlen(name));
        if (id < 0 && i < 3)
            return fail(error, RECAP_ERROR_MODEL, "%s: %s \"%.60s\" is not in the vocabulary",
                        where, fields[i][0], name);
        if (id < 0) continue;
        struct added_token token = {.content = view_of(name), .id = id, .special = true};
        status = added_tokens_put(tokenizer, where, token, error);
        if (status != RECAP_OK) return status;
        int32_t **place = i == 0 ? &tokenizer->before : i == 1 ? &tokenizer->after : NULL;
        if (!place) continue;
        *place = new_array(1, sizeof **place);
        if (!*place) return fail_memory(error, sizeof **place);
        **place = id;
        *(i == 0 ? &tokenizer->n_before : &tokenizer->n_after) = 1;
    }
    return RECAP_OK;
}

static int bert_steps(recap_tokenizer *tokenizer, const char *where, const json_t *config,
                      recap_error *error)
{
    struct normalizer_step *step = normalizer_add(&tokenizer->normalizer, NORMALIZER_BERT, error);
    if (!step || !pretokenizer_add(&tokenizer->pretokenizer, PRETOKENIZER_BERT, error))
        return error->code;
    bool basic;
    int status = model_get_bool(where, config, "do_basic_tokenize", true, &basic, error);
    if (status != RECAP_OK) return status;
    if (!basic)
        return fail(error, RECAP_ERROR_MODEL, "%s: do_basic_tokenize false is not supported",
                    where);
    step->clean_text = true;
    status = model_get_bool(where, config, "do_lower_case", true, &step->lowercase, error);
    if (status == RECAP_OK)
        status = model_get_bool(where, config, "tokenize_chinese_chars", true, &step->chinese_chars,
                                error);
    if (status == RECAP_OK)
        status = model_get_bool(where, config, "strip_accents", step->lowercase,
                                &step->strip_accents, error);
    return status;
}

int tokenizer_vocab_read(recap_tokenizer *tokenizer, const char *path, const char *class,
                         const json_t *config, recap_error *error)
{
    static const char *const classes[] = {"BertTokenizer", "BertTokenizerFast",
                                          "DistilBertTokenizer", "DistilBertTokenizerFast"};
    bool japanese = strcmp(class, "BertJapaneseTokenizer") == 0, known = japanese || !*class;
    for (size_t i = 0; i < COUNT_OF(classes); i++) known |= strcmp(class, classes[i]) == 0;
    if (!known)
        return fail(error, RECAP_ERROR_MODEL,
                    "%s: vocab.txt of tokenizer class \"%.60s\" is not supported", path, class);
    const char *unknown = "[UNK]";
    int status = read_lines(tokenizer, path, error);
    if (status == RECAP_OK) status = read_specials(tokenizer, path, config, error);
    if (status == RECAP_OK)
        status = special_name(path, config, "unk_token", "[UNK]", &unknown, error);
    if (status == RECAP_OK) status = wordpiece_set(tokenizer, path, unknown, "##", error);
    tokenizer->wordpiece.max_characters = 100;
    if (status != RECAP_OK) return status;
    return japanese ? bert_japanese_read(tokenizer, path, config, error)
                    : bert_steps(tokenizer, path, config, error);
}
