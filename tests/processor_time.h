/* Seconds of the processor, which other programs don't lengthen: for bounds on time in tests. */
#ifndef PROCESSOR_TIME_H
#define PROCESSOR_TIME_H

#include <time.h>

static inline double processor_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

#endif
