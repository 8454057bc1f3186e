/* What the benchmarks share: the limits of this machine, and medians. */
#ifndef MEASURE_H
#define MEASURE_H

#include "base/base.h"

/* The kernel sets whose arithmetic can be measured; NULL past the last. */
const char *measure_set(size_t i);
/* Float32 operations a second (a multiply-add counts two) that the threads of `context` reach
 * together with the instructions of a set, all data in registers; 0 where the processor lacks them.
 */
double measure_peak(recap_context *context, const char *set);
/* The same of one thread in a second of processor time: what neighbours take doesn't count. */
double measure_core_peak(const char *set);
/* Bytes a second read by the threads together from memory far larger than the caches. */
double measure_bandwidth(recap_context *context);
/* Sorts and gives the middle. */
double median(double *values, size_t n);

#endif
