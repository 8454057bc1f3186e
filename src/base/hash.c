/* Content hashes: XXH3 of 128 bits (libxxhash). */
#include "base.h"

#include <xxhash.h>

struct hash128 hash_bytes(const void *data, size_t n)
{
    XXH128_hash_t hash = XXH3_128bits(data, n);
    return (struct hash128){hash.high64, hash.low64};
}

void hash_text(struct hash128 hash, char out[33])
{
    snprintf(out, 33, "%016llx%016llx", (unsigned long long)hash.high,
             (unsigned long long)hash.low);
}
