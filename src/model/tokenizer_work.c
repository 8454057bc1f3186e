/* Working memory of calls. A tokenizer keeps what its calls have used on a shelf and lends it to
 * the next ones: there is one a concurrent call, not one a text, and a call that follows others
 * allocates nothing. What a very long text has blown up is not kept. */
#include <stdlib.h>

#include "tokenizer_private.h"

enum { kept_bytes = 4 << 20 };

struct work_shelf {
    pthread_mutex_t lock;
    struct tokenizer_work **idle; /* [n] */
    size_t n, capacity;
};

struct work_shelf *work_shelf_open(void)
{
    struct work_shelf *shelf = new_zeroed(1, sizeof *shelf);
    if (shelf) pthread_mutex_init(&shelf->lock, NULL);
    return shelf;
}

static void free_work(struct tokenizer_work *work)
{
    struct buf *bufs[] = {&work->clean, &work->text, &work->other, &work->normalized,
                          &work->spelled};
    for (size_t i = 0; i < COUNT_OF(bufs); i++) buf_free(bufs[i]);
    free(work->pieces.items);
    free(work->more.items);
    free(work->points);
    free(work->sorted);
    free(work->nodes);
    free(work->symbols);
    free(work->heap);
    pattern_free_match(work->match_data);
    free(work);
}

void work_shelf_close(struct work_shelf *shelf)
{
    if (!shelf) return;
    for (size_t i = 0; i < shelf->n; i++) free_work(shelf->idle[i]);
    free(shelf->idle);
    pthread_mutex_destroy(&shelf->lock);
    free(shelf);
}

struct tokenizer_work *work_lend(struct work_shelf *shelf)
{
    struct tokenizer_work *work = NULL;
    pthread_mutex_lock(&shelf->lock);
    if (shelf->n) work = shelf->idle[--shelf->n];
    pthread_mutex_unlock(&shelf->lock);
    return work ? work : new_zeroed(1, sizeof *work);
}

static bool worth_keeping(const struct tokenizer_work *work)
{
    size_t bytes = work->clean.capacity + work->text.capacity + work->other.capacity +
                   work->normalized.capacity + work->spelled.capacity;
    bytes += (work->pieces.capacity + work->more.capacity) * sizeof(struct piece);
    bytes += (work->points_capacity + work->sorted_capacity) * sizeof *work->points;
    bytes += work->nodes_capacity * sizeof *work->nodes;
    bytes += work->symbols_capacity * sizeof *work->symbols;
    bytes += work->heap_capacity * sizeof *work->heap;
    return bytes <= kept_bytes;
}

void work_take_back(struct work_shelf *shelf, struct tokenizer_work *work)
{
    bool kept = worth_keeping(work);
    pthread_mutex_lock(&shelf->lock);
    kept = kept && grow_array(&shelf->idle, &shelf->capacity, shelf->n + 1, sizeof *shelf->idle) ==
                       RECAP_OK;
    if (kept) shelf->idle[shelf->n++] = work;
    pthread_mutex_unlock(&shelf->lock);
    if (!kept) free_work(work);
}
