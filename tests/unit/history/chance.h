/*
 * Numbers by chance, the same in every run.
 */
#ifndef HOLDFAST_TEST_CHANCE_H
#define HOLDFAST_TEST_CHANCE_H

#include <stdint.h>

static uint64_t state = 88172645463325252u;

/* xorshift (Marsaglia). */
static inline int64_t
below(int64_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (int64_t)(state % (uint64_t)limit);
}

#endif
