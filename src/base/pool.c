/* A thread pool with one kind of work: a loop over rows.
 *
 * The caller takes part as thread 0. Pieces are handed out by an atomic counter; workers sleep on a
 * condition variable between loops. */
#include "base.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

struct pool {
    int n_threads;
    pthread_t *threads; /* [n_threads - 1] */
    pthread_mutex_t mutex;
    pthread_cond_t start, finished;
    uint64_t generation; /* of the current loop; guarded by mutex */
    int working;         /* workers not yet done with it; guarded by mutex */
    bool stop;
    bool busy; /* a loop runs: nested calls run serially */
    pool_fn fn;
    void *data;
    size_t n, grain;
    atomic_size_t next;
};

struct starter {
    struct pool *pool;
    int thread;
};

static void take_pieces(struct pool *pool, int thread)
{
    for (;;) {
        size_t begin = atomic_fetch_add(&pool->next, pool->grain);
        if (begin >= pool->n) return;
        size_t end = pool->n - begin < pool->grain ? pool->n : begin + pool->grain;
        pool->fn(pool->data, begin, end, thread);
    }
}

static void *work(void *argument)
{
    struct starter starter = *(struct starter *)argument;
    struct pool *pool = starter.pool;
    free(argument);
    uint64_t seen = 0;
    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        while (pool->generation == seen && !pool->stop)
            pthread_cond_wait(&pool->start, &pool->mutex);
        if (pool->stop) break;
        seen = pool->generation;
        pthread_mutex_unlock(&pool->mutex);
        take_pieces(pool, starter.thread);
        pthread_mutex_lock(&pool->mutex);
        if (--pool->working == 0) pthread_cond_signal(&pool->finished);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

struct pool *pool_open(int n_threads)
{
    struct pool *pool = new_zeroed(1, sizeof *pool);
    if (!pool) return NULL;
    pool->n_threads = 1;
    pool->threads = new_zeroed((size_t)n_threads, sizeof *pool->threads);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->start, NULL);
    pthread_cond_init(&pool->finished, NULL);
    bool good = pool->threads != NULL;
    for (int i = 1; good && i < n_threads; i++) {
        struct starter *starter = new_array(1, sizeof *starter);
        good = starter != NULL;
        if (!good) break;
        *starter = (struct starter){pool, i};
        good = pthread_create(&pool->threads[i - 1], NULL, work, starter) == 0;
        if (good)
            pool->n_threads = i + 1;
        else
            free(starter);
    }
    if (good) return pool;
    pool_close(pool);
    return NULL;
}

void pool_close(struct pool *pool)
{
    if (!pool) return;
    pthread_mutex_lock(&pool->mutex);
    pool->stop = true;
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 0; i + 1 < pool->n_threads; i++) pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->finished);
    pthread_cond_destroy(&pool->start);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->threads);
    free(pool);
}

int pool_threads(const struct pool *pool)
{
    return pool ? pool->n_threads : 1;
}

static void run_serially(size_t n, size_t grain, pool_fn fn, void *data)
{
    for (size_t begin = 0; begin < n; begin += grain)
        fn(data, begin, n - begin < grain ? n : begin + grain, 0);
}

void pool_run(struct pool *pool, size_t n, size_t grain, pool_fn fn, void *data)
{
    if (grain == 0) grain = 1;
    if (grain > n) grain = n;
    if (n == 0) return;
    if (!pool || pool->n_threads == 1 || n <= grain) {
        run_serially(n, grain, fn, data);
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    if (pool->busy) {
        pthread_mutex_unlock(&pool->mutex);
        run_serially(n, grain, fn, data);
        return;
    }
    pool->busy = true;
    pool->fn = fn;
    pool->data = data;
    pool->n = n;
    pool->grain = grain;
    atomic_store(&pool->next, 0);
    pool->working = pool->n_threads - 1;
    pool->generation++;
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->mutex);
    take_pieces(pool, 0);
    pthread_mutex_lock(&pool->mutex);
    while (pool->working > 0) pthread_cond_wait(&pool->finished, &pool->mutex);
    pool->busy = false;
    pthread_mutex_unlock(&pool->mutex);
}

/* The cgroup's quota in processors, or `otherwise` where there is none. */
static int cgroup_quota(int otherwise)
{
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!file) return otherwise;
    long long quota = 0, period = 0;
    int got = fscanf(file, "%lld %lld", &quota, &period);
    fclose(file);
    if (got != 2 || quota <= 0 || period <= 0) return otherwise;
    long long processors = (quota + period - 1) / period;
    return processors < otherwise ? (int)processors : otherwise;
}

int processor_count(void)
{
    cpu_set_t set;
    int n = 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0) n = CPU_COUNT(&set);
    n = cgroup_quota(n);
    return n < 1 ? 1 : n;
}
