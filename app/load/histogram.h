/*
 * Latencies, counted in cells whose width grows with the value, as HdrHistogram does it: every
 * value is kept within 1/128 of itself, in a fixed number of cells, however many there are.
 */
#ifndef HOLDFAST_HISTOGRAM_H
#define HOLDFAST_HISTOGRAM_H

#include "base/base.h"

#define HISTOGRAM_BITS   7  /* cells of each power of two: 1 << 7 */
#define HISTOGRAM_POWERS 36 /* longer than 2^36 us (19 hours) counts as that */
#define HISTOGRAM_CELLS  ((HISTOGRAM_POWERS - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS)

struct histogram {
	int64_t count;
	int64_t most_us; /* exact; 0 without values */
	int64_t cells[HISTOGRAM_CELLS];
};

/* A negative value counts as 0. */
void histogram_add(struct histogram *h, int64_t us);

/* Adds all that `from` has. */
void histogram_join(struct histogram *h, const struct histogram *from);

/*
 * The least value that is at least as long as this share (0 to 1) of all; 0 without values. Within
 * 1/256 of the true one, never above the longest.
 */
int64_t histogram_quantile(const struct histogram *h, double share);

/* The middle of a cell, 0 <= cell < HISTOGRAM_CELLS. */
int64_t histogram_cell_us(int cell);

#endif
