/*
 * Quantiles out of cells: as exact as promised, whatever the size of the values.
 */
#include <criterion/criterion.h>

#include "load/histogram.h"

static struct histogram h, other;

static void
assert_near(int64_t got, int64_t wanted)
{
	int64_t off = got > wanted ? got - wanted : wanted - got;

	cr_assert(off * 128 <= wanted, "%lld, not %lld", (long long)got, (long long)wanted);
}

Test(histogram, is_empty_at_first)
{
	cr_assert_eq(histogram_quantile(&h, 0.5), 0);
	cr_assert_eq(histogram_quantile(&h, 1), 0);
	cr_assert_eq(h.most_us, 0);
}

Test(histogram, keeps_each_value_within_a_hundredth)
{
	for (int64_t us = 1; us < INT64_C(60000000000); us += us / 13 + 1) {
		h = (struct histogram){ 0 };
		histogram_add(&h, us);
		/* A longer one, so that the longest does not correct the cell. */
		histogram_add(&h, INT64_C(68000000000));
		assert_near(histogram_quantile(&h, 0.5), us);
	}
}

Test(histogram, is_exact_for_short_times)
{
	for (int us = 0; us < 256; us++)
		histogram_add(&h, us);
	for (int us = 1; us < 256; us++)
		cr_assert_eq(histogram_quantile(&h, us / 256.0), us - 1);
}

Test(histogram, quantiles_are_those_of_the_sorted_values)
{
	for (int64_t i = 1; i <= 100000; i++)
		histogram_add(&h, i * 10);
	cr_assert_eq(h.count, 100000);
	assert_near(histogram_quantile(&h, 0.5), 500000);
	assert_near(histogram_quantile(&h, 0.9), 900000);
	assert_near(histogram_quantile(&h, 0.99), 990000);
	assert_near(histogram_quantile(&h, 0.999), 999000);
	cr_assert_eq(histogram_quantile(&h, 1), 1000000);
	cr_assert_eq(h.most_us, 1000000);
}

Test(histogram, one_long_one_among_many_is_not_hidden)
{
	for (int i = 0; i < 999; i++)
		histogram_add(&h, 100);
	histogram_add(&h, 3000000);
	cr_assert_eq(histogram_quantile(&h, 0.99), 100);
	cr_assert_eq(histogram_quantile(&h, 0.9995), 3000000);
	cr_assert_eq(h.most_us, 3000000);
}

Test(histogram, takes_what_is_out_of_bounds)
{
	histogram_add(&h, -5);
	cr_assert_eq(histogram_quantile(&h, 1), 0);
	histogram_add(&h, INT64_MAX);
	cr_assert_eq(h.most_us, INT64_MAX);
	cr_assert_geq(histogram_quantile(&h, 1), INT64_C(68000000000));
}

Test(histogram, joins)
{
	for (int i = 0; i < 100; i++) {
		histogram_add(&h, 1000);
		histogram_add(&other, 9000);
	}
	histogram_join(&h, &other);
	cr_assert_eq(h.count, 200);
	assert_near(histogram_quantile(&h, 0.5), 1000);
	assert_near(histogram_quantile(&h, 0.51), 9000);
	cr_assert_eq(h.most_us, 9000);
}
