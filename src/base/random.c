/* Counter-based random numbers (Steele, Lea, Flood 2014: SplitMix64's mixing function). */
#include "base.h"

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

uint64_t random_u64(uint64_t seed, uint64_t stream, uint64_t counter)
{
    const uint64_t golden = 0x9E3779B97F4A7C15u;
    return mix(mix(mix(seed + golden) + stream * golden + 1) + counter * golden);
}

double random_unit(uint64_t seed, uint64_t stream, uint64_t counter)
{
    return (double)(random_u64(seed, stream, counter) >> 11) * 0x1p-53;
}

uint64_t random_below(uint64_t n, uint64_t seed, uint64_t stream, uint64_t counter)
{
    return (uint64_t)(((__uint128_t)random_u64(seed, stream, counter) * n) >> 64);
}
