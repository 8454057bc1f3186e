/* The reference set: portable C, the same methods as the faster sets, written plainly. */
#include "compute_private.h"

#include <math.h>
#include <string.h>

enum { rows = 4, columns = 8 };

static bool supported(void)
{
    return true;
}

/* Four floats: every processor that gcc and clang know does these, in registers or one by one. */
typedef float four __attribute__((vector_size(16)));

static inline four load4(const float *p)
{
    four v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* `n_rows` is a constant in every call, so that the accumulators stay in registers. */
static inline __attribute__((always_inline)) void
tile_rows(const size_t n_rows, size_t k, const float *a, size_t a_stride, const float *panel,
          const float *bias, bool accumulate, float *c, size_t c_stride)
{
    four left[rows], right[rows];
#pragma GCC unroll 4
    for (size_t i = 0; i < n_rows; i++) {
        const float *start = accumulate ? c + i * c_stride : bias;
        left[i] = start ? load4(start) : (four){0};
        right[i] = start ? load4(start + 4) : (four){0};
    }
    for (size_t p = 0; p < k; p++, panel += columns) {
        four b0 = load4(panel), b1 = load4(panel + 4);
#pragma GCC unroll 4
        for (size_t i = 0; i < n_rows; i++) {
            float x = a[i * a_stride + p];
            left[i] += (four){x, x, x, x} * b0;
            right[i] += (four){x, x, x, x} * b1;
        }
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < n_rows; i++) {
        memcpy(c + i * c_stride, &left[i], sizeof left[i]);
        memcpy(c + i * c_stride + 4, &right[i], sizeof right[i]);
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
    default:
        tile_rows(4, k, a, a_stride, panel, bias, accumulate, c, c_stride);
        break;
    }
}

static void pack(const float *b, size_t stride, size_t k, float *panel)
{
    for (size_t p = 0; p < k; p++)
        for (size_t j = 0; j < columns; j++) panel[p * columns + j] = b[j * stride + p];
}

/* 2^t for t cut to what a float's exponent holds. */
static float power_of_two(float t)
{
    t = t < -126 ? -126 : t > 126 ? 126 : t;
    if (t != t) return t;
    float whole = (t + 0x1.8p23f) - 0x1.8p23f; /* to the nearest integer, without a call */
    float f = t - whole, value = exp2_short[EXP2_DEGREE];
    for (int i = EXP2_DEGREE - 1; i >= 0; i--) value = value * f + exp2_short[i];
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits += (uint32_t)(int32_t)whole << 23;
    memcpy(&value, &bits, sizeof bits);
    return value;
}

/* x Φ(x) is x less |x| times the tail for x > 0, and minus that product below. */
static void gelu(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float size = fabsf(x[i]), z = size > GELU_LIMIT ? GELU_LIMIT : size;
        float power = gelu_tail[GELU_DEGREE];
        for (int d = GELU_DEGREE - 1; d >= 0; d--) power = power * z + gelu_tail[d];
        float rest = size * power_of_two(-power);
        x[i] = (x[i] < 0 ? 0 : x[i]) - rest;
    }
}

static void gelu_tanh(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float t = x[i] * (GELU_TANH_A + GELU_TANH_B * x[i] * x[i]);
        x[i] = x[i] / (1 + power_of_two(t));
    }
}

static void add_norm(size_t n, float *x, const float *bias, const float *gain, const float *shift,
                     float epsilon)
{
    double sum = 0, squares = 0;
    for (size_t j = 0; j < n; j++) {
        if (bias) x[j] += bias[j];
        sum += x[j];
    }
    float mean = (float)(sum / (double)n);
    for (size_t j = 0; j < n; j++) {
        float difference = x[j] - mean;
        squares += (double)difference * difference;
    }
    float factor = (float)(1 / sqrt(squares / (double)n + epsilon));
    for (size_t j = 0; j < n; j++) x[j] = (x[j] - mean) * factor * gain[j] + shift[j];
}

static float softmax(float *x, size_t n, float scale)
{
    float most = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++) most = x[i] > most ? x[i] : most;
    for (size_t i = 0; i < n; i++) {
        x[i] = power_of_two((x[i] - most) * (scale * LOG2_E));
        sum += x[i];
    }
    return sum;
}

static float dot(const float *a, const float *b, size_t n)
{
    float sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static float half_to_float(uint32_t half)
{
    uint32_t sign = (half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 0x3ff;
    if (exponent == 0) { /* zero or subnormal */
        float value = (float)fraction * 0x1p-24f;
        return sign ? -value : value;
    }
    uint32_t bits = sign | fraction << 13 | (exponent == 31 ? 255u << 23 : (exponent + 112) << 23);
    float value;
    memcpy(&value, &bits, sizeof bits);
    return value;
}

static void from_f16(const void *source, size_t n, float *out)
{
    const unsigned char *bytes = source;
    for (size_t i = 0; i < n; i++)
        out[i] = half_to_float((uint32_t)bytes[2 * i] | (uint32_t)bytes[2 * i + 1] << 8);
}

const struct compute_kernels kernels_generic = {
    "generic", supported, rows,     columns, tile, pack,
    gelu,      gelu_tanh, add_norm, softmax, dot,  from_f16,
};
