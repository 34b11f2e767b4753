/*
 * Cells of a histogram: values below 256 have one each; above, the seven bits behind the leading
 * one choose the cell.
 */
#include "load/histogram.h"

#define LIMIT (INT64_C(1) << HISTOGRAM_POWERS)

static int
cell_of(int64_t us)
{
	int power;

	if (us >= LIMIT)
		us = LIMIT - 1;
	if (us < 2 << HISTOGRAM_BITS)
		return us < 0 ? 0 : (int)us;
	power = 63 - HISTOGRAM_BITS - __builtin_clzll((unsigned long long)us);
	return (power << HISTOGRAM_BITS) + (int)(us >> power);
}

int64_t
histogram_cell_us(int cell)
{
	int power = cell < 2 << HISTOGRAM_BITS ? 0 : (cell >> HISTOGRAM_BITS) - 1;
	int64_t least = (int64_t)(cell - (power << HISTOGRAM_BITS)) << power;

	return least + ((INT64_C(1) << power) - 1) / 2;
}

void
histogram_add(struct histogram *h, int64_t us)
{
	h->cells[cell_of(us)]++;
	h->count++;
	if (us > h->most_us)
		h->most_us = us;
}

void
histogram_join(struct histogram *h, const struct histogram *from)
{
	for (int i = 0; i < HISTOGRAM_CELLS; i++)
		h->cells[i] += from->cells[i];
	h->count += from->count;
	if (from->most_us > h->most_us)
		h->most_us = from->most_us;
}

int64_t
histogram_quantile(const struct histogram *h, double share)
{
	double rank = share * (double)h->count;
	int64_t seen = 0;

	for (int i = 0; i < HISTOGRAM_CELLS; i++) {
		seen += h->cells[i];
		if (h->cells[i] > 0 && (double)seen >= rank)
			return histogram_cell_us(i) < h->most_us ? histogram_cell_us(i)
								 : h->most_us;
	}
	return 0;
}
