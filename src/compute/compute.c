/* The choice of the kernel set, and the small functions that need no table of their own. */
#include "compute_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Best first. */
static const struct compute_kernels *const sets[] = {
#ifdef RECAP_HAVE_AVX2
    &kernels_avx2,
#endif
    &kernels_generic,
};

static _Atomic(const struct compute_kernels *) chosen;

static const struct compute_kernels *find_set(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(sets); i++)
        if ((!name || strcmp(sets[i]->name, name) == 0) && sets[i]->supported()) return sets[i];
    return NULL;
}

static const struct compute_kernels *choose(void)
{
    const char *wanted = getenv("RECAP_CPU");
    if (!wanted || !*wanted) return find_set(NULL);
    const struct compute_kernels *set = find_set(wanted);
    if (set) return set;
    set = find_set(NULL);
    log_message(LOG_WARNING, "RECAP_CPU=%s is not a kernel set of this processor; using %s", wanted,
                set->name);
    return set;
}

const struct compute_kernels *compute_kernels(void)
{
    const struct compute_kernels *set = atomic_load_explicit(&chosen, memory_order_acquire);
    if (!set) {
        set = choose(); /* two threads at once choose the same */
        atomic_store_explicit(&chosen, set, memory_order_release);
    }
    return set;
}

const char *compute_name(void)
{
    return compute_kernels()->name;
}

bool compute_force(const char *name)
{
    const struct compute_kernels *set = find_set(name);
    if (set) atomic_store_explicit(&chosen, set, memory_order_release);
    return set != NULL;
}

const char *compute_available(size_t i)
{
    for (size_t s = 0; s < COUNT_OF(sets); s++)
        if (sets[s]->supported() && i-- == 0) return sets[s]->name;
    return NULL;
}

void compute_activate(enum compute_activation activation, float *x, size_t n)
{
    if (activation == COMPUTE_GELU)
        compute_kernels()->gelu(x, n);
    else if (activation == COMPUTE_GELU_TANH)
        compute_kernels()->gelu_tanh(x, n);
    else
        for (size_t i = 0; i < n; i++) x[i] = x[i] < 0 ? 0 : x[i]; /* NaN stays */
}

void compute_add_norm(size_t m, size_t n, float *x, const float *bias, const float *gain,
                      const float *shift, float epsilon)
{
    const struct compute_kernels *set = compute_kernels();
    for (size_t i = 0; i < m; i++) set->add_norm(n, x + i * n, bias, gain, shift, epsilon);
}

float compute_softmax(float *x, size_t n, float scale)
{
    return compute_kernels()->softmax(x, n, scale);
}

float compute_dot(const float *a, const float *b, size_t n)
{
    return compute_kernels()->dot(a, b, n);
}

void compute_from_f16(const void *source, size_t n, float *out)
{
    compute_kernels()->from_f16(source, n, out);
}

void compute_from_bf16(const void *source, size_t n, float *out)
{
    const unsigned char *bytes = source;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)bytes[2 * i] << 16 | (uint32_t)bytes[2 * i + 1] << 24;
        memcpy(&out[i], &bits, sizeof bits);
    }
}

bool compute_normalize(float *x, size_t n, size_t d, size_t *bad_row)
{
    for (size_t i = 0; i < n; i++) {
        float *row = x + i * d;
        double sum = 0;
        for (size_t j = 0; j < d; j++) sum += (double)row[j] * row[j];
        if (!(sum > 0) || !isfinite(sum)) {
            if (bad_row) *bad_row = i;
            return false;
        }
        double factor = 1 / sqrt(sum);
        for (size_t j = 0; j < d; j++) row[j] = (float)(row[j] * factor);
    }
    return true;
}
