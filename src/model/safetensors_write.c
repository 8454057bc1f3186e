/* Writes safetensors: u64 length of the header, the header as JSON, the tensors in its order. */
#include "fetch_private.h"

#include <stdlib.h>
#include <string.h>

uint16_t half_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000, rest = bits & 0x7FFFFFFF;
    if (rest >= 0x7F800000) return (uint16_t)(sign | 0x7C00 | (rest > 0x7F800000 ? 0x200 : 0));
    if (rest >= 0x477FF000) return (uint16_t)(sign | 0x7C00); /* rounds to over 65,504 */
    if (rest < 0x33000000) return (uint16_t)sign;             /* under half of the smallest */
    uint32_t mantissa, shift;
    if (rest < 0x38800000) { /* subnormal: the implicit bit shows, and more is shifted out */
        shift = 126 - (rest >> 23);
        mantissa = (rest & 0x7FFFFF) | 0x800000;
    } else {
        shift = 13;
        mantissa = rest - (112u << 23);
    }
    uint32_t kept = mantissa >> shift, lost = mantissa & ((1u << shift) - 1);
    uint32_t middle = 1u << (shift - 1);
    if (lost > middle || (lost == middle && (kept & 1))) kept++;
    return (uint16_t)(sign | kept);
}

static size_t count_of(const struct tensor_out *tensor)
{
    return tensor->shape[0] * (tensor->shape[1] ? tensor->shape[1] : 1);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tensor_out *)a)->name, ((const struct tensor_out *)b)->name);
}

static void add_header(struct buf *out, const struct tensor_out *tensors, size_t n, size_t width)
{
    struct buf header = {0};
    size_t offset = 0;
    buf_add_string(&header, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (size_t i = 0; i < n; i++) {
        size_t bytes = count_of(&tensors[i]) * width;
        buf_printf(&header, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[%zu", tensors[i].name,
                   width == 2 ? "F16" : "F32", tensors[i].shape[0]);
        if (tensors[i].shape[1]) buf_printf(&header, ",%zu", tensors[i].shape[1]);
        buf_printf(&header, "],\"data_offsets\":[%zu,%zu]}", offset, offset + bytes);
        offset += bytes;
    }
    buf_add_byte(&header, '}');
    buf_add(&header, "       ", (8 - header.n % 8) % 8);
    uint64_t length = header.n;
    buf_add(out, &length, sizeof length);
    buf_add(out, header.data, header.n);
    out->failed |= header.failed;
    buf_free(&header);
}

static void add_tensor(struct buf *out, const struct tensor_out *tensor, bool half)
{
    size_t n = count_of(tensor);
    if (!half) {
        buf_add(out, tensor->values, n * sizeof(float));
        return;
    }
    uint16_t chunk[4096];
    for (size_t begin = 0; begin < n; begin += COUNT_OF(chunk)) {
        size_t m = n - begin < COUNT_OF(chunk) ? n - begin : COUNT_OF(chunk);
        for (size_t i = 0; i < m; i++) chunk[i] = half_from_float(tensor->values[begin + i]);
        buf_add(out, chunk, m * sizeof chunk[0]);
    }
}

int safetensors_write(const char *path, struct tensor_out *tensors, size_t n, bool half,
                      recap_error *error)
{
    struct buf out = {0};
    qsort(tensors, n, sizeof *tensors, by_name);
    add_header(&out, tensors, n, half ? 2 : 4);
    for (size_t i = 0; i < n; i++) add_tensor(&out, &tensors[i], half);
    int status = out.failed ? fail_memory(error, out.n) : file_write(path, out.data, out.n, error);
    buf_free(&out);
    return status;
}
