/* What the search tries, by the number of rows and the genre: the recipe's ranges, clamped to what
 * the rows allow and without repeats. */
#include "cluster_private.h"

static void add_value(struct search_values *values, size_t value)
{
    for (size_t i = 0; i < values->n; i++)
        if (values->value[i] == value) return;
    if (values->n < SEARCH_VALUES) values->value[values->n++] = value;
}

static size_t at_most(size_t value, size_t limit)
{
    return value < limit ? value : limit;
}

static void add_sizes(struct search_grid *grid, size_t first, size_t second, size_t third)
{
    add_value(&grid->sizes, first);
    add_value(&grid->sizes, second);
    add_value(&grid->sizes, third);
}

static void choose_clusters(struct search_grid *grid, size_t n, bool other)
{
    if (other || n < 10) {
        add_sizes(grid, 3, 4, 5);
        for (size_t samples = 1; samples <= (other ? 2 : 3); samples++)
            add_value(&grid->samples, samples);
        grid->n_common = grid->samples.n;
        return;
    }
    if (n < 50) {
        add_sizes(grid, 5, 7, 10);
        add_value(&grid->samples, 3);
    } else {
        add_sizes(grid, 10, 15, 20);
    }
    add_value(&grid->samples, 5);
    grid->n_common = grid->samples.n;
    grid->samples_of_size = true;
    for (size_t i = 0; i < grid->sizes.n; i++) add_value(&grid->samples, grid->sizes.value[i]);
}

bool search_grid_has(const struct search_grid *grid, size_t size, size_t samples)
{
    if (samples > size) return false;
    if (grid->samples_of_size && samples == size) return true;
    for (size_t i = 0; i < grid->n_common; i++)
        if (grid->samples.value[i] == samples) return true;
    return false;
}

static size_t count_trials(const struct search_grid *grid)
{
    size_t n = 0;
    for (size_t i = 0; i < grid->sizes.n; i++)
        for (size_t j = 0; j < grid->samples.n; j++)
            n += search_grid_has(grid, grid->sizes.value[i], grid->samples.value[j]);
    return grid->neighbors.n ? n * grid->neighbors.n * grid->components.n : n;
}

/* n_neighbors counts the row itself and is at most n / 3; 2 is the least that says anything. */
static void choose_layouts(struct search_grid *grid, size_t n, const recap_search_options *options)
{
    size_t limit = n / 3 > 2 ? n / 3 : 2;
    size_t first = options->other ? 10 : n < 50 ? 15 : 30;
    size_t second = options->other ? 15 : n < 50 ? 30 : 50;
    add_value(&grid->neighbors, at_most(first, limit));
    add_value(&grid->neighbors, at_most(second, limit));
    if (options->n_components) {
        add_value(&grid->components, at_most(options->n_components, n - 2));
        return;
    }
    if (options->other) add_value(&grid->components, at_most(5, n - 2));
    add_value(&grid->components, at_most(8, n - 2));
}

struct search_grid search_grid_choose(size_t n, const recap_search_options *options)
{
    struct search_grid grid = {.selection = options->other ? RECAP_SELECTION_LEAF
                                                           : options->selection,
                               .allow_single_cluster = options->other};
    size_t threshold = options->umap_threshold ? options->umap_threshold : 10;
    choose_clusters(&grid, n, options->other);
    if (!options->no_umap && n >= threshold && n >= 4) choose_layouts(&grid, n, options);
    grid.n_trials = count_trials(&grid);
    if (options->max_trials) grid.n_trials = at_most(grid.n_trials, options->max_trials);
    return grid;
}
