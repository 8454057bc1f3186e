/* recap_train_head: texts and labels in, a head's directory out. */
#include <stdlib.h>
#include <string.h>

#include "head_private.h"

void recap_free_train_report(recap_train_report *report)
{
    for (size_t i = 0; report->labels && i < report->n_labels; i++) free(report->labels[i]);
    free(report->labels);
    free(report->label_f1);
    free(report->label_counts);
    *report = (recap_train_report){0};
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The distinct labels, sorted, into the report; y [n] gets each example's index. */
static int index_labels(const char *const *labels, size_t n, int32_t *y, recap_train_report *report,
                        recap_error *error)
{
    const char **sorted = new_array(n, sizeof *sorted);
    if (!sorted) return fail_memory(error, n * sizeof *sorted);
    memcpy(sorted, labels, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_name);
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(sorted[i], sorted[k - 1]) != 0) sorted[k++] = sorted[i];
    report->labels = new_zeroed(k, sizeof *report->labels);
    report->label_f1 = new_zeroed(k, sizeof *report->label_f1);
    report->label_counts = new_zeroed(k, sizeof *report->label_counts);
    report->n_labels = k;
    bool good = report->labels && report->label_f1 && report->label_counts;
    for (size_t i = 0; good && i < k; i++)
        good = (report->labels[i] = copy_string(sorted[i])) != NULL;
    for (size_t i = 0; good && i < n; i++) {
        const char **found = bsearch(&labels[i], sorted, k, sizeof *sorted, by_name);
        y[i] = (int32_t)(found - sorted);
        report->label_counts[y[i]]++;
    }
    free(sorted);
    return good ? RECAP_OK : fail_memory(error, k * sizeof *report->labels);
}

static int check_counts(const recap_train_report *report, recap_error *error)
{
    if (report->n_labels < 2)
        return fail(error, RECAP_ERROR_INPUT, "%zu genre in the examples; at least 2 are needed",
                    report->n_labels);
    for (size_t i = 0; i < report->n_labels; i++)
        if (report->label_counts[i] < 2)
            return fail(error, RECAP_ERROR_INPUT,
                        "genre \"%s\" has %zu example; at least 2 are needed", report->labels[i],
                        report->label_counts[i]);
    return RECAP_OK;
}

static size_t choose_folds(const recap_train_report *report, size_t wanted)
{
    size_t folds = wanted ? wanted : 5;
    for (size_t i = 0; i < report->n_labels; i++)
        if (report->label_counts[i] < folds) folds = report->label_counts[i];
    return folds < 2 ? 2 : folds;
}

static int open_head(struct head *head, const recap_model_info *info,
                     const recap_train_report *report, recap_error *error)
{
    head->n_labels = report->n_labels;
    head->dimensions = info->hidden_size;
    head->weights = new_zeroed(head->n_labels * head->dimensions, sizeof *head->weights);
    head->bias = new_zeroed(head->n_labels, sizeof *head->bias);
    head->labels = new_zeroed(head->n_labels, sizeof *head->labels);
    head->embedder = copy_string(info->identity);
    head->prefix = copy_string(info->default_prefix);
    bool good = head->weights && head->bias && head->labels && head->embedder && head->prefix;
    for (size_t i = 0; good && i < head->n_labels; i++)
        good = (head->labels[i] = copy_string(report->labels[i])) != NULL;
    return good ? RECAP_OK : fail_memory(error, head->n_labels * head->dimensions * sizeof(float));
}

int recap_train_head(recap_context *context, const recap_model *embedder, const recap_text *texts,
                     const char *const *labels, size_t n, const recap_train_options *options,
                     const char *directory, recap_train_report *report, recap_error *error)
{
    recap_train_report own = {0};
    recap_train_options chosen = options ? *options : (recap_train_options){.l2 = -1};
    if (chosen.max_iterations == 0) chosen.max_iterations = 200;
    const recap_model_info *info = recap_model_describe(embedder);
    struct head head = {0};
    int32_t *y = new_array(n, sizeof *y);
    float *x = new_array(n * info->hidden_size, sizeof *x);
    int status = x && y ? RECAP_OK : fail_memory(error, n * info->hidden_size * sizeof *x);
    if (status == RECAP_OK && n < 4)
        status = fail(error, RECAP_ERROR_INPUT, "%zu examples; at least 2 genres of 2 are needed",
                      n);
    if (status == RECAP_OK) status = index_labels(labels, n, y, &own, error);
    if (status == RECAP_OK) status = check_counts(&own, error);
    if (status == RECAP_OK) status = open_head(&head, info, &own, error);
    if (status == RECAP_OK) {
        recap_embed_options how = {.max_length = head_max_length};
        if (info->max_length < how.max_length) how.max_length = info->max_length;
        own.n_examples = n;
        own.n_folds = choose_folds(&own, chosen.folds);
        status = recap_embed(context, embedder, texts, n, &how, x, error);
    }
    if (status == RECAP_OK) status = head_fit(context, &head, x, y, n, &chosen, &own, error);
    if (status == RECAP_OK) {
        const char *slash = strrchr(info->directory, '/');
        status = head_write(directory, &head, slash && slash[1] ? slash + 1 : info->directory, &own,
                            error);
    }
    if (status == RECAP_OK && report)
        *report = own;
    else
        recap_free_train_report(&own);
    head_free(&head);
    free(x);
    free(y);
    return status;
}
