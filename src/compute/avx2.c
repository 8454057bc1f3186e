/* AVX2 with FMA and F16C: tiles of 6 rows by 16 columns, twelve accumulators.
 *
 * Built with those flags of its own; runs only where the processor has all three. */
#include "compute_private.h"

#include <cpuid.h>
#include <float.h>
#include <immintrin.h>
#include <string.h>

enum { rows = 6, columns = 16 };

#define INLINE static inline __attribute__((always_inline))

static bool supported(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_F16C)) return false;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

/* ---- products ---- */

/* `n_rows` is a constant in every call: the arrays become registers. */
INLINE void tile_rows(const size_t n_rows, size_t k, const float *a, size_t a_stride,
                      const float *panel, const float *bias, bool accumulate, float *c,
                      size_t c_stride)
{
    __m256 left[rows], right[rows];
#pragma GCC unroll 6
    for (size_t i = 0; i < n_rows; i++) {
        const float *start = accumulate ? c + i * c_stride : bias;
        left[i] = start ? _mm256_loadu_ps(start) : _mm256_setzero_ps();
        right[i] = start ? _mm256_loadu_ps(start + 8) : _mm256_setzero_ps();
    }
    for (size_t p = 0; p < k; p++, panel += columns, a++) {
        __m256 b0 = _mm256_loadu_ps(panel), b1 = _mm256_loadu_ps(panel + 8);
#pragma GCC unroll 6
        for (size_t i = 0; i < n_rows; i++) {
            __m256 x = _mm256_broadcast_ss(a + i * a_stride);
            left[i] = _mm256_fmadd_ps(x, b0, left[i]);
            right[i] = _mm256_fmadd_ps(x, b1, right[i]);
        }
    }
#pragma GCC unroll 6
    for (size_t i = 0; i < n_rows; i++) {
        _mm256_storeu_ps(c + i * c_stride, left[i]);
        _mm256_storeu_ps(c + i * c_stride + 8, right[i]);
    }
}

static void tile(size_t n_rows, size_t k, const float *a, size_t a_stride, const float *panel,
                 const float *bias, bool accumulate, float *c, size_t c_stride)
{
    switch (n_rows) {
    case 1:
        tile_rows(1, k, a, a_stride, panel, bias, accumulate, c, c_stride);
        break;
    case 2:
        tile_rows(2, k, a, a_stride, panel, bias, accumulate, c, c_stride);
        break;
    case 3:
        tile_rows(3, k, a, a_stride, panel, bias, accumulate, c, c_stride);
        break;
    case 4:
        tile_rows(4, k, a, a_stride, panel, bias, accumulate, c, c_stride);
        break;
    case 5:
        tile_rows(5, k, a, a_stride, panel, bias, accumulate, c, c_stride);
        break;
    default:
        tile_rows(6, k, a, a_stride, panel, bias, accumulate, c, c_stride);
        break;
    }
}

/* Eight rows of eight become eight columns, `columns` floats apart. */
INLINE void transpose8(const float *b, size_t stride, float *out)
{
    __m256 r[8], t[8];
    for (int i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(b + (size_t)i * stride);
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xEE);
        r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
    }
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(out + i * columns, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(out + (i + 4) * columns, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}

static void pack(const float *b, size_t stride, size_t k, float *panel)
{
    size_t p = 0;
    for (; p + 8 <= k; p += 8) {
        transpose8(b + p, stride, panel + p * columns);
        transpose8(b + 8 * stride + p, stride, panel + p * columns + 8);
    }
    for (; p < k; p++)
        for (size_t j = 0; j < columns; j++) panel[p * columns + j] = b[j * stride + p];
}

/* ---- functions of one value ---- */

/* Operands of min and max are in the order that lets a NaN through. */
INLINE __m256 power_of_two(__m256 t)
{
    t = _mm256_max_ps(_mm256_set1_ps(-126), t);
    t = _mm256_min_ps(_mm256_set1_ps(126), t);
    __m256 whole = _mm256_round_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 f = _mm256_sub_ps(t, whole), value = _mm256_set1_ps(exp2_short[EXP2_DEGREE]);
#pragma GCC unroll 8
    for (int i = EXP2_DEGREE - 1; i >= 0; i--)
        value = _mm256_fmadd_ps(value, f, _mm256_set1_ps(exp2_short[i]));
    __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(whole), 23);
    __m256 scaled = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(value), exponent));
    return _mm256_blendv_ps(scaled, t, _mm256_cmp_ps(t, t, _CMP_UNORD_Q));
}

INLINE __m256 gelu8(__m256 x)
{
    __m256 size = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
    __m256 z = _mm256_min_ps(_mm256_set1_ps(GELU_LIMIT), size);
    __m256 power = _mm256_set1_ps(gelu_tail[GELU_DEGREE]);
#pragma GCC unroll 16
    for (int i = GELU_DEGREE - 1; i >= 0; i--)
        power = _mm256_fmadd_ps(power, z, _mm256_set1_ps(gelu_tail[i]));
    __m256 tail = power_of_two(_mm256_xor_ps(power, _mm256_set1_ps(-0.0f)));
    return _mm256_fnmadd_ps(size, tail, _mm256_max_ps(_mm256_setzero_ps(), x));
}

INLINE __m256 gelu_tanh8(__m256 x)
{
    __m256 inner = _mm256_fmadd_ps(_mm256_set1_ps(GELU_TANH_B), _mm256_mul_ps(x, x),
                                   _mm256_set1_ps(GELU_TANH_A));
    __m256 power = power_of_two(_mm256_mul_ps(x, inner));
    return _mm256_div_ps(x, _mm256_add_ps(power, _mm256_set1_ps(1)));
}

static void gelu(float *x, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) _mm256_storeu_ps(x + i, gelu8(_mm256_loadu_ps(x + i)));
    if (i == n) return;
    float rest[8] = {0};
    memcpy(rest, x + i, (n - i) * sizeof *x);
    _mm256_storeu_ps(rest, gelu8(_mm256_loadu_ps(rest)));
    memcpy(x + i, rest, (n - i) * sizeof *x);
}

static void gelu_tanh(float *x, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) _mm256_storeu_ps(x + i, gelu_tanh8(_mm256_loadu_ps(x + i)));
    if (i == n) return;
    float rest[8] = {0};
    memcpy(rest, x + i, (n - i) * sizeof *x);
    _mm256_storeu_ps(rest, gelu_tanh8(_mm256_loadu_ps(rest)));
    memcpy(x + i, rest, (n - i) * sizeof *x);
}

/* ---- rows ---- */

INLINE float add_lanes(__m256 v)
{
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

INLINE float largest_lane(__m256 v)
{
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
}

static void add_norm(size_t n, float *x, const float *bias, const float *gain, const float *shift,
                     float epsilon)
{
    size_t whole = n & ~(size_t)7;
    __m256 sums = _mm256_setzero_ps();
    for (size_t j = 0; j < whole; j += 8) {
        __m256 v = _mm256_loadu_ps(x + j);
        if (bias) v = _mm256_add_ps(v, _mm256_loadu_ps(bias + j));
        _mm256_storeu_ps(x + j, v);
        sums = _mm256_add_ps(sums, v);
    }
    float sum = add_lanes(sums);
    for (size_t j = whole; j < n; j++) sum += x[j] += bias ? bias[j] : 0;
    float mean = sum / (float)n;
    __m256 means = _mm256_set1_ps(mean), squares = _mm256_setzero_ps();
    for (size_t j = 0; j < whole; j += 8) {
        __m256 v = _mm256_sub_ps(_mm256_loadu_ps(x + j), means);
        squares = _mm256_fmadd_ps(v, v, squares);
    }
    float square = add_lanes(squares);
    for (size_t j = whole; j < n; j++) square += (x[j] - mean) * (x[j] - mean);
    float factor = 1 / __builtin_sqrtf(square / (float)n + epsilon);
    __m256 factors = _mm256_set1_ps(factor);
    for (size_t j = 0; j < whole; j += 8) {
        __m256 v = _mm256_mul_ps(_mm256_sub_ps(_mm256_loadu_ps(x + j), means), factors);
        v = _mm256_fmadd_ps(v, _mm256_loadu_ps(gain + j), _mm256_loadu_ps(shift + j));
        _mm256_storeu_ps(x + j, v);
    }
    for (size_t j = whole; j < n; j++) x[j] = (x[j] - mean) * factor * gain[j] + shift[j];
}

static float softmax(float *x, size_t n, float scale)
{
    size_t whole = n & ~(size_t)7;
    float rest[8];
    for (size_t i = 0; i < 8; i++) rest[i] = whole + i < n ? x[whole + i] : -FLT_MAX;
    __m256 most = _mm256_loadu_ps(rest);
    for (size_t i = 0; i < whole; i += 8) most = _mm256_max_ps(most, _mm256_loadu_ps(x + i));
    most = _mm256_set1_ps(largest_lane(most));
    __m256 factor = _mm256_set1_ps(scale * LOG2_E), sums = _mm256_setzero_ps();
    for (size_t i = 0; i < whole; i += 8) {
        __m256 v = _mm256_sub_ps(_mm256_loadu_ps(x + i), most);
        v = power_of_two(_mm256_mul_ps(v, factor));
        _mm256_storeu_ps(x + i, v);
        sums = _mm256_add_ps(sums, v);
    }
    float sum = add_lanes(sums);
    __m256 v = _mm256_sub_ps(_mm256_loadu_ps(rest), most);
    _mm256_storeu_ps(rest, power_of_two(_mm256_mul_ps(v, factor)));
    for (size_t i = whole; i < n; i++) sum += x[i] = rest[i - whole];
    return sum;
}

static float dot(const float *a, const float *b, size_t n)
{
    __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                      _mm256_setzero_ps()};
    size_t i = 0;
    for (; i + 32 <= n; i += 32)
        for (size_t s = 0; s < 4; s++)
            sums[s] = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8 * s),
                                      _mm256_loadu_ps(b + i + 8 * s), sums[s]);
    for (; i + 8 <= n; i += 8)
        sums[0] = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), sums[0]);
    float sum = add_lanes(
        _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3])));
    for (; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static void from_f16(const void *source, size_t n, float *out)
{
    const unsigned char *bytes = source;
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(out + i,
                         _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(bytes + 2 * i))));
    if (i < n) {
        unsigned char rest[16] = {0};
        float values[8];
        memcpy(rest, bytes + 2 * i, 2 * (n - i));
        _mm256_storeu_ps(values, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)rest)));
        memcpy(out + i, values, (n - i) * sizeof *out);
    }
}

const struct compute_kernels kernels_avx2 = {
    "avx2", supported, rows, columns, tile, pack, gelu, gelu_tanh, add_norm, softmax, dot, from_f16,
};
