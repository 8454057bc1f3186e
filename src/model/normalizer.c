/* Normalizer steps: each rewrites a segment of text, in the order of the file. */
#include <stdlib.h>
#include <string.h>

#include "tokenizer_private.h"

/* ---- reading ---- */

struct normalizer_step *normalizer_add(struct normalizer *normalizer, enum normalizer_kind kind,
                                       recap_error *error)
{
    if (normalizer->n >= max_steps) {
        fail(error, RECAP_ERROR_MODEL, "tokenizer: more than %d normalizer steps", max_steps);
        return NULL;
    }
    if (grow_array(&normalizer->steps, &normalizer->capacity, normalizer->n + 1,
                   sizeof *normalizer->steps) != RECAP_OK) {
        fail_memory(error, (normalizer->n + 1) * sizeof *normalizer->steps);
        return NULL;
    }
    struct normalizer_step *step = &normalizer->steps[normalizer->n++];
    *step = (struct normalizer_step){.kind = kind};
    return step;
}

static int read_bert(struct normalizer_step *step, const char *where, const json_t *object,
                     recap_error *error)
{
    int status = model_get_bool(where, object, "clean_text", true, &step->clean_text, error);
    if (status == RECAP_OK)
        status = model_get_bool(where, object, "handle_chinese_chars", true, &step->chinese_chars,
                                error);
    if (status == RECAP_OK)
        status = model_get_bool(where, object, "lowercase", true, &step->lowercase, error);
    if (status == RECAP_OK) /* null means as lowercase */
        status = model_get_bool(where, object, "strip_accents", step->lowercase,
                                &step->strip_accents, error);
    return status;
}

static int read_charsmap(struct normalizer_step *step, const char *where, const json_t *object,
                         recap_error *error)
{
    const char *base64;
    int status = model_get_string(where, object, "precompiled_charsmap", "", &base64, error);
    if (status != RECAP_OK) return status;
    return charsmap_read(&step->charsmap, where, base64, strlen(base64), error);
}

static int read_strip(struct normalizer_step *step, const char *where, const json_t *object,
                      recap_error *error)
{
    int status = model_get_bool(where, object, "strip_left", true, &step->left, error);
    if (status == RECAP_OK)
        status = model_get_bool(where, object, "strip_right", true, &step->right, error);
    return status;
}

static int read_content(struct normalizer_step *step, const char *where, const json_t *object,
                        const char *name, recap_error *error)
{
    const char *content;
    int status = model_get_string(where, object, name, NULL, &content, error);
    if (status != RECAP_OK) return status;
    if (!content) return fail(error, RECAP_ERROR_MODEL, "%s: \"%s\" is missing", where, name);
    step->content = copy_string(content);
    return step->content ? RECAP_OK : fail_memory(error, strlen(content));
}

static int read_replace(struct normalizer_step *step, const char *where, const json_t *object,
                        recap_error *error)
{
    int status = pattern_read(&step->pattern, where, json_object_get(object, "pattern"), error);
    return status == RECAP_OK ? read_content(step, where, object, "content", error) : status;
}

static int read_prepend(struct normalizer_step *step, const char *where, const json_t *object,
                        recap_error *error)
{
    return read_content(step, where, object, "prepend", error);
}

static const struct {
    const char *type;
    enum normalizer_kind kind;
    int form;
    int (*read)(struct normalizer_step *step, const char *where, const json_t *object,
                recap_error *error);
} kinds[] = {
    {"BertNormalizer", NORMALIZER_BERT, 0, read_bert},
    {"Precompiled", NORMALIZER_CHARSMAP, 0, read_charsmap},
    {"NFC", NORMALIZER_FORM, FORM_COMPOSE, NULL},
    {"NFD", NORMALIZER_FORM, FORM_DECOMPOSE, NULL},
    {"NFKC", NORMALIZER_FORM, FORM_COMPOSE | FORM_COMPATIBLE, NULL},
    {"NFKD", NORMALIZER_FORM, FORM_COMPATIBLE, NULL},
    {"Lowercase", NORMALIZER_LOWERCASE, 0, NULL},
    {"StripAccents", NORMALIZER_STRIP_ACCENTS, 0, NULL},
    {"Strip", NORMALIZER_STRIP, 0, read_strip},
    {"Replace", NORMALIZER_REPLACE, 0, read_replace},
    {"Prepend", NORMALIZER_PREPEND, 0, read_prepend},
    {"Nmt", NORMALIZER_NMT, 0, NULL},
};

static int read_step(void *target, const char *where, const json_t *object, const char *type,
                     recap_error *error)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(kinds[i].type, type) != 0) continue;
        struct normalizer_step *step = normalizer_add(target, kinds[i].kind, error);
        if (!step) return error->code;
        step->form = kinds[i].form;
        return kinds[i].read ? kinds[i].read(step, where, object, error) : RECAP_OK;
    }
    return fail(error, RECAP_ERROR_MODEL, "%s: normalizer of type \"%.60s\" is not supported",
                where, type);
}

int normalizer_read(struct normalizer *normalizer, const char *where, const json_t *object,
                    recap_error *error)
{
    return model_read_part(where, object, "normalizer", "normalizers", read_step, normalizer,
                           error);
}

void normalizer_free(struct normalizer *normalizer)
{
    for (size_t i = 0; i < normalizer->n; i++) {
        charsmap_free(&normalizer->steps[i].charsmap);
        pattern_free(&normalizer->steps[i].pattern);
        free(normalizer->steps[i].content);
    }
    free(normalizer->steps);
    *normalizer = (struct normalizer){0};
}

/* ---- applying ---- */

static void clean_bert(const struct normalizer_step *step, struct view text, struct buf *out)
{
    for (size_t i = 0; i < text.n;) {
        size_t begin = i;
        uint32_t c = next_char(text.data, text.n, &i);
        if (step->clean_text && char_is_control(c)) continue;
        if (step->clean_text && char_is_space(c)) {
            buf_add_byte(out, ' ');
        } else if (step->chinese_chars && char_is_cjk(c)) {
            buf_add_byte(out, ' ');
            buf_add(out, text.data + begin, i - begin);
            buf_add_byte(out, ' ');
        } else {
            buf_add(out, text.data + begin, i - begin);
        }
    }
}

static void drop(bool (*unwanted)(uint32_t c), struct view text, struct buf *out)
{
    for (size_t i = 0; i < text.n;) {
        size_t begin = i;
        if (!unwanted(next_char(text.data, text.n, &i))) buf_add(out, text.data + begin, i - begin);
    }
}

static void lowercase(struct view text, struct buf *out)
{
    for (size_t i = 0; i < text.n;) buf_add_lower(out, next_char(text.data, text.n, &i));
}

static void strip(const struct normalizer_step *step, struct view text, struct buf *out)
{
    size_t begin = 0, end = 0; /* of what is no white space at the ends */
    bool any = false;
    for (size_t i = 0; i < text.n;) {
        size_t start = i;
        if (char_is_space(next_char(text.data, text.n, &i))) continue;
        if (!any) begin = start;
        any = true;
        end = i;
    }
    if (!any && (step->left || step->right)) return;
    if (!step->left) begin = 0;
    if (!step->right) end = text.n;
    buf_add(out, text.data + begin, end - begin);
}

static bool nmt_drops(uint32_t c)
{
    return (c >= 1 && c <= 8) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || c == 0x8F ||
           c == 0x9F;
}

static bool nmt_is_space(uint32_t c)
{
    return c == 9 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 ||
           (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
           c == 0xFEFF || c == 0xFFFD;
}

static void clean_nmt(struct view text, struct buf *out)
{
    for (size_t i = 0; i < text.n;) {
        size_t begin = i;
        uint32_t c = next_char(text.data, text.n, &i);
        if (nmt_drops(c)) continue;
        if (nmt_is_space(c))
            buf_add_byte(out, ' ');
        else
            buf_add(out, text.data + begin, i - begin);
    }
}

static int replace(const struct normalizer_step *step, struct tokenizer_work *work,
                   recap_error *error)
{
    struct pattern_walk walk = {.text = {work->text.data ? work->text.data : "", work->text.n}};
    size_t done = 0;
    for (;;) {
        int status = pattern_next(&step->pattern, work, &walk, error);
        if (status != RECAP_OK) return status;
        if (!walk.found) break;
        buf_add(&work->other, walk.text.data + done, walk.match.begin - done);
        buf_add_string(&work->other, step->content);
        done = walk.match.end;
    }
    buf_add(&work->other, walk.text.data + done, walk.text.n - done);
    return RECAP_OK;
}

/* BertNormalizer, in its own order: clean, Chinese characters, accents, case. */
static int apply_bert(const struct normalizer_step *step, struct tokenizer_work *work,
                      recap_error *error)
{
    clean_bert(step, (struct view){work->text.data, work->text.n}, &work->other);
    if (step->strip_accents) {
        if (work->other.failed) return fail_memory(error, work->text.n);
        work_swap_text(work);
        int status = normal_form(work, FORM_DECOMPOSE, error);
        if (status != RECAP_OK) return status;
        buf_clear(&work->other);
        drop(char_is_nonspacing, (struct view){work->text.data, work->text.n}, &work->other);
    }
    if (step->lowercase) {
        if (work->other.failed) return fail_memory(error, work->text.n);
        work_swap_text(work);
        buf_clear(&work->other);
        lowercase((struct view){work->text.data, work->text.n}, &work->other);
    }
    return RECAP_OK;
}

/* Writes work->other. */
static int apply(const struct normalizer_step *step, struct tokenizer_work *work,
                 recap_error *error)
{
    struct view text = {work->text.data, work->text.n};
    switch (step->kind) {
    case NORMALIZER_BERT:
        return apply_bert(step, work, error);
    case NORMALIZER_REPLACE:
        return replace(step, work, error);
    case NORMALIZER_CHARSMAP:
        charsmap_apply(&step->charsmap, text, &work->other);
        break;
    case NORMALIZER_LOWERCASE:
        lowercase(text, &work->other);
        break;
    case NORMALIZER_STRIP_ACCENTS:
        drop(char_is_mark, text, &work->other);
        break;
    case NORMALIZER_STRIP:
        strip(step, text, &work->other);
        break;
    case NORMALIZER_PREPEND:
        if (text.n) buf_add_string(&work->other, step->content);
        buf_add(&work->other, text.data, text.n);
        break;
    case NORMALIZER_NMT:
        clean_nmt(text, &work->other);
        break;
    case NORMALIZER_FORM:
        break;
    }
    return RECAP_OK;
}

int normalizer_apply(const struct normalizer *normalizer, struct tokenizer_work *work,
                     recap_error *error)
{
    for (size_t i = 0; i < normalizer->n; i++) {
        const struct normalizer_step *step = &normalizer->steps[i];
        buf_clear(&work->other);
        int status = step->kind == NORMALIZER_FORM ? normal_form(work, step->form, error)
                                                   : apply(step, work, error);
        if (status != RECAP_OK) return status;
        if (step->kind == NORMALIZER_FORM) continue;
        if (work->other.failed) return fail_memory(error, work->text.n);
        work_swap_text(work);
    }
    return RECAP_OK;
}
