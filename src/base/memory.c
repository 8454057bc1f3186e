/* Checked allocation and the arena. */
#include "base.h"

#include <stdlib.h>
#include <string.h>

bool size_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

bool size_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

void *new_array(size_t n, size_t size)
{
    size_t bytes;
    if (!size_mul(n, size, &bytes)) return NULL;
    return malloc(bytes ? bytes : 1);
}

void *new_zeroed(size_t n, size_t size)
{
    return calloc(n ? n : 1, size ? size : 1);
}

void *new_aligned(size_t n, size_t size)
{
    size_t bytes;
    if (!size_mul(n, size, &bytes) || bytes > SIZE_MAX - 64) return NULL;
    return aligned_alloc(64, (bytes + 64) & ~(size_t)63);
}

int grow_array(void *array_pointer, size_t *capacity, size_t n, size_t size)
{
    if (n <= *capacity) return RECAP_OK;
    size_t wanted = *capacity < 8 ? 8 : *capacity, bytes;
    while (wanted < n) {
        if (wanted > SIZE_MAX / 2) return RECAP_ERROR_MEMORY;
        wanted *= 2;
    }
    if (!size_mul(wanted, size, &bytes)) return RECAP_ERROR_MEMORY;
    void *old;
    memcpy(&old, array_pointer, sizeof old);
    void *grown = realloc(old, bytes);
    if (!grown) return RECAP_ERROR_MEMORY;
    memcpy(array_pointer, &grown, sizeof grown);
    *capacity = wanted;
    return RECAP_OK;
}

char *copy_bytes(const void *data, size_t n)
{
    if (n == SIZE_MAX) return NULL;
    char *copy = malloc(n + 1);
    if (!copy) return NULL;
    if (n) memcpy(copy, data, n);
    copy[n] = '\0';
    return copy;
}

char *copy_string(const char *s)
{
    return copy_bytes(s, strlen(s));
}

enum { block_bytes = 64 * 1024, arena_align = 16 };

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    _Alignas(arena_align) char data[];
};

void *arena_alloc(struct arena *arena, size_t n, size_t size)
{
    size_t bytes;
    if (!size_mul(n, size, &bytes) || bytes > SIZE_MAX / 2) return NULL;
    bytes = (bytes + arena_align - 1) & ~(size_t)(arena_align - 1);
    struct arena_block *block = arena->blocks;
    if (!block || block->size - block->used < bytes) {
        size_t capacity = bytes > block_bytes ? bytes : block_bytes;
        struct arena_block *fresh = malloc(sizeof *fresh + capacity);
        if (!fresh) return NULL;
        fresh->used = 0;
        fresh->size = capacity;
        /* A block of one large piece goes behind the current one, whose rest stays in use. */
        if (block && bytes > block_bytes / 2) {
            fresh->next = block->next;
            block->next = fresh;
        } else {
            fresh->next = block;
            arena->blocks = fresh;
        }
        block = fresh;
    }
    void *result = block->data + block->used;
    block->used += bytes;
    memset(result, 0, bytes);
    return result;
}

char *arena_copy(struct arena *arena, const void *data, size_t n)
{
    if (n == SIZE_MAX) return NULL;
    char *copy = arena_alloc(arena, n + 1, 1);
    if (copy && n) memcpy(copy, data, n);
    return copy;
}

void arena_free(struct arena *arena)
{
    for (struct arena_block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    arena->blocks = NULL;
}
