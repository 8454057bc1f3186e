/* Limits of the machine: chains of multiply-adds that never wait for each other, and a long read.
 */
#include "measure.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define TARGET(features) __attribute__((target(features), noinline))
#else
#define TARGET(features) __attribute__((noinline))
#endif

enum { rounds = 20000, chains = 12, repeats = 7 };

/* Each returns its sum, so that nothing is optimised away, and counts its operations. */
typedef float (*chain_fn)(double *operations);

static float chain_generic(double *operations)
{
    typedef float four __attribute__((vector_size(16)));
    four sums[chains], factor = {0.999f, 0.998f, 0.997f, 0.996f},
                       add = {1e-3f, 1e-3f, 1e-3f, 1e-3f};
    for (int c = 0; c < chains; c++) sums[c] = add * (float)c;
    for (int i = 0; i < rounds; i++) {
#pragma GCC unroll 12
        for (int c = 0; c < chains; c++) sums[c] = sums[c] * factor + add;
    }
    four all = sums[0];
    for (int c = 1; c < chains; c++) all += sums[c];
    *operations = 2.0 * 4 * chains * rounds;
    return all[0] + all[1] + all[2] + all[3];
}

#if defined(__x86_64__)
TARGET("avx2,fma") static float chain_avx2(double *operations)
{
    __m256 sums[chains], factor = _mm256_set1_ps(0.999f), add = _mm256_set1_ps(1e-3f);
    for (int c = 0; c < chains; c++) sums[c] = _mm256_set1_ps((float)c);
    for (int i = 0; i < rounds; i++) {
#pragma GCC unroll 12
        for (int c = 0; c < chains; c++) sums[c] = _mm256_fmadd_ps(sums[c], factor, add);
    }
    for (int c = 1; c < chains; c++) sums[0] = _mm256_add_ps(sums[0], sums[c]);
    *operations = 2.0 * 8 * chains * rounds;
    return _mm256_cvtss_f32(sums[0]);
}

TARGET("avx512f") static float chain_avx512(double *operations)
{
    __m512 sums[chains], factor = _mm512_set1_ps(0.999f), add = _mm512_set1_ps(1e-3f);
    for (int c = 0; c < chains; c++) sums[c] = _mm512_set1_ps((float)c);
    for (int i = 0; i < rounds; i++) {
#pragma GCC unroll 12
        for (int c = 0; c < chains; c++) sums[c] = _mm512_fmadd_ps(sums[c], factor, add);
    }
    for (int c = 1; c < chains; c++) sums[0] = _mm512_add_ps(sums[0], sums[c]);
    *operations = 2.0 * 16 * chains * rounds;
    return _mm512_cvtss_f32(sums[0]);
}
#endif

static chain_fn find_chain(const char *set)
{
#if defined(__x86_64__)
    if (strcmp(set, "avx2") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? chain_avx2 : NULL;
    if (strcmp(set, "avx512") == 0) return __builtin_cpu_supports("avx512f") ? chain_avx512 : NULL;
#endif
    return strcmp(set, "generic") == 0 ? chain_generic : NULL;
}

const char *measure_set(size_t i)
{
    static const char *const names[] = {"generic", "avx2", "avx512"};
    return i < COUNT_OF(names) ? names[i] : NULL;
}

double median(double *values, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && values[j] < values[j - 1]; j--) {
            double other = values[j];
            values[j] = values[j - 1];
            values[j - 1] = other;
        }
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* ---- arithmetic ---- */

struct chain_run {
    chain_fn chain;
    _Atomic float sink;
};

static void run_chains(void *data, size_t begin, size_t end, int thread)
{
    struct chain_run *run = data;
    double operations;
    for (size_t i = begin; i < end; i++) run->sink = run->chain(&operations);
}

double measure_peak(recap_context *context, const char *set)
{
    struct chain_run run = {.chain = find_chain(set)};
    if (!run.chain) return 0;
    size_t pieces = (size_t)recap_context_threads(context) * 40;
    double best = 0, operations;
    run.chain(&operations);
    for (int r = -2; r < repeats; r++) { /* two to warm up */
        double start = clock_seconds();
        pool_run(context->pool, pieces, 1, run_chains, &run);
        double rate = operations * (double)pieces / (clock_seconds() - start);
        if (r >= 0 && rate > best) best = rate; /* a limit is the best, not the middle */
    }
    return best;
}

double measure_core_peak(const char *set)
{
    chain_fn chain = find_chain(set);
    volatile float sink = 0;
    double best = 0, operations;
    for (int r = -2; chain && r < 5 * repeats; r++) {
        struct timespec begin, end;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
        for (int i = 0; i < 10; i++) sink = chain(&operations);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
        double seconds = (double)(end.tv_sec - begin.tv_sec) +
                         1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
        if (r >= 0 && 10 * operations / seconds > best) best = 10 * operations / seconds;
    }
    (void)sink;
    return best;
}

/* ---- memory ---- */

enum { piece_bytes = 1 << 20, n_pieces = 1024 };

struct read_run {
    const uint64_t *data;
    atomic_ullong sink;
};

static void read_pieces(void *data, size_t begin, size_t end, int thread)
{
    struct read_run *run = data;
    const size_t words = piece_bytes / sizeof *run->data;
    uint64_t sums[8] = {0};
    for (const uint64_t *p = run->data + begin * words; p < run->data + end * words; p += 8)
        for (int i = 0; i < 8; i++) sums[i] += p[i];
    for (int i = 1; i < 8; i++) sums[0] += sums[i];
    atomic_fetch_add(&run->sink, sums[0]);
}

double measure_bandwidth(recap_context *context)
{
    size_t bytes = (size_t)piece_bytes * n_pieces;
    uint64_t *memory = new_aligned(bytes, 1);
    if (!memory) return 0;
    memset(memory, 1, bytes);
    struct read_run run = {.data = memory};
    double rates[repeats];
    for (int r = -1; r < repeats; r++) {
        double start = clock_seconds();
        pool_run(context->pool, n_pieces, 4, read_pieces, &run);
        if (r >= 0) rates[r] = (double)bytes / (clock_seconds() - start);
    }
    free(memory);
    return median(rates, repeats);
}
