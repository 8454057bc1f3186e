/* A trie as a double array, built from sorted keys.
 *
 * Free slots are a ring in order of release. A node with one child takes the first free slot; one
 * with more tries a few of the newest, which lie in nearly empty blocks, and else opens a block of
 * 256. Each node is placed once, so building is linear in the number of nodes. */
#include <stdlib.h>
#include <string.h>

#include "tokenizer_private.h"

enum { block = 256, tries = 48 };

struct slot {
    int32_t next, previous;
};
/* Keys [begin, end) share the first `depth` bytes, which lead to `node`. */
struct range {
    size_t begin, end, depth;
    int32_t node;
};
struct builder {
    struct trie_unit *units;
    struct slot *slots; /* ring of free slots; slots[0] is its head, since 0 is the root */
    size_t n, units_capacity, slots_capacity;
    struct range *todo;
    size_t n_todo, todo_capacity;
    const struct trie_key *keys;
};

static int compare_keys(const void *left, const void *right)
{
    const struct trie_key *a = left, *b = right;
    size_t n = a->n < b->n ? a->n : b->n;
    int order = n ? memcmp(a->data, b->data, n) : 0;
    if (order != 0) return order;
    if (a->n != b->n) return a->n < b->n ? -1 : 1;
    return (a->value > b->value) - (a->value < b->value);
}

static bool open_block(struct builder *builder)
{
    size_t n = builder->n + block;
    if (n > INT32_MAX ||
        grow_array(&builder->units, &builder->units_capacity, n, sizeof *builder->units) != 0 ||
        grow_array(&builder->slots, &builder->slots_capacity, n, sizeof *builder->slots) != 0)
        return false;
    for (size_t i = builder->n; i < n; i++) {
        builder->units[i] = (struct trie_unit){0, -1, -1};
        if (i == 0) { /* the root */
            builder->slots[0] = (struct slot){0, 0};
            continue;
        }
        int32_t last = builder->slots[0].previous;
        builder->slots[i] = (struct slot){0, last};
        builder->slots[last].next = (int32_t)i;
        builder->slots[0].previous = (int32_t)i;
    }
    builder->n = n;
    return true;
}

static bool is_free(const struct builder *builder, int32_t at)
{
    return at != 0 && builder->units[at].parent == -1;
}

static void take(struct builder *builder, int32_t at, int32_t parent)
{
    struct slot slot = builder->slots[at];
    builder->slots[slot.previous].next = slot.next;
    builder->slots[slot.next].previous = slot.previous;
    builder->units[at].parent = parent;
}

/* A base under which all n labels are free, or -1. */
static int32_t find_base(struct builder *builder, const unsigned char *labels, size_t n)
{
    int32_t slot = n == 1 ? builder->slots[0].next : builder->slots[0].previous;
    for (int i = 0; i < tries && slot != 0; i++) {
        int32_t base = slot ^ labels[0];
        size_t k = 1;
        while (k < n && is_free(builder, base ^ labels[k])) k++;
        if (k == n) return base;
        slot = builder->slots[slot].previous;
    }
    int32_t fresh = (int32_t)builder->n;
    return open_block(builder) ? fresh : -1;
}

static bool push(struct builder *builder, struct range range)
{
    if (grow_array(&builder->todo, &builder->todo_capacity, builder->n_todo + 1,
                   sizeof *builder->todo) != 0)
        return false;
    builder->todo[builder->n_todo++] = range;
    return true;
}

static bool place_children(struct builder *builder, struct range range)
{
    const struct trie_key *keys = builder->keys;
    unsigned char labels[block];
    size_t n = 0;
    while (range.begin < range.end && keys[range.begin].n == range.depth)
        builder->units[range.node].value = keys[range.begin++].value;
    for (size_t i = range.begin; i < range.end; i++) {
        unsigned char label = (unsigned char)keys[i].data[range.depth];
        if (n == 0 || labels[n - 1] != label) labels[n++] = label;
    }
    if (n == 0) return true;
    int32_t base = find_base(builder, labels, n);
    if (base < 0) return false;
    builder->units[range.node].base = base;
    for (size_t k = 0; k < n; k++) take(builder, base ^ labels[k], range.node);
    for (size_t i = range.begin, k = 0; i < range.end; k++) {
        size_t begin = i;
        while (i < range.end && (unsigned char)keys[i].data[range.depth] == labels[k]) i++;
        if (!push(builder, (struct range){begin, i, range.depth + 1, base ^ labels[k]}))
            return false;
    }
    return true;
}

int trie_build(struct trie *trie, struct trie_key *keys, size_t n, recap_error *error)
{
    struct builder builder = {.keys = keys};
    *trie = (struct trie){0};
    if (n) qsort(keys, n, sizeof *keys, compare_keys);
    size_t first = 0;
    while (first < n && keys[first].n == 0) first++;
    bool ok = open_block(&builder) && push(&builder, (struct range){first, n, 0, 0});
    while (ok && builder.n_todo > 0) ok = place_children(&builder, builder.todo[--builder.n_todo]);
    free(builder.slots);
    free(builder.todo);
    if (!ok) {
        free(builder.units);
        return fail_memory(error, builder.n * sizeof *builder.units);
    }
    trie->units = builder.units;
    trie->n = builder.n;
    return RECAP_OK;
}

void trie_free(struct trie *trie)
{
    free(trie->units);
    *trie = (struct trie){0};
}

int32_t trie_node(const struct trie *trie, const char *data, size_t n)
{
    int32_t node = 0;
    for (size_t i = 0; i < n && node >= 0; i++)
        node = trie_step(trie, node, (unsigned char)data[i]);
    return node;
}

int32_t trie_find(const struct trie *trie, const char *data, size_t n)
{
    int32_t node = trie_node(trie, data, n);
    return node < 0 ? -1 : trie->units[node].value;
}
