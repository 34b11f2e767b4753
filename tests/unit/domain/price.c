/*
 * The rule of moving prices: a table of cases, what holds for whatever comes, and the table that
 * the documentation shows.
 */
#include <criterion/criterion.h>

#include "domain/layout.h"
#include "domain/price.h"

static const struct price_rule usual = { 80, 150, 10, 10, 0 };

/* A section of 100 places at a base price of 1000, in the middle of sales from 1000 to 2000. */
static const struct price_facts even = {
	.base = 1000,
	.price = 1000,
	.capacity = 100,
	.sold = 50,
	.sales_start = 1000,
	.sales_end = 2000,
	.now = 1500,
};

struct row {
	int64_t price, sold, now;
	int64_t target, next;
	const char *reason;
};

Test(price, table)
{
	static const struct row rows[] = {
		/* nothing sold: at the beginning nobody knows, at the end it is at the floor */
		{ 1000, 0, 1000, 1000, 1000, "steady" },
		{ 1000, 0, 1100, 989, 990, "selling_slowly" },
		{ 1000, 0, 1500, 925, 930, "selling_slowly" },
		{ 1000, 0, 1999, 801, 900, "selling_slowly" },
		{ 800, 0, 1999, 801, 800, "within_step" },
		/* an even sale: the price rises with what is gone */
		{ 1000, 10, 1100, 1005, 1010, "filling_up" },
		{ 1000, 50, 1500, 1125, 1100, "filling_up" },
		{ 1000, 90, 1900, 1405, 1100, "filling_up" },
		{ 1400, 90, 1900, 1405, 1410, "filling_up" },
		/* faster than even, and slower */
		{ 1000, 30, 1100, 1100, 1100, "selling_fast" },
		{ 1000, 50, 1100, 1235, 1100, "selling_fast" },
		{ 1000, 30, 1600, 970, 970, "selling_slowly" },
		{ 1000, 50, 1950, 963, 960, "selling_slowly" },
		/* sold out, whenever: what comes back is dear */
		{ 1000, 100, 1000, 1500, 1100, "selling_fast" },
		{ 1450, 100, 1999, 1500, 1500, "filling_up" },
		{ 1500, 100, 1500, 1500, 1500, "steady" },
		{ 1000, 120, 1500, 1500, 1100, "selling_fast" },
		/* back from where it was */
		{ 1300, 50, 1500, 1125, 1200, "back_to_base" },
		{ 850, 30, 1600, 970, 950, "back_to_base" },
		/* outside of the bounds, by hand: step by step back */
		{ 3000, 100, 1500, 1500, 2900, "back_to_base" },
		{ 0, 0, 1999, 801, 100, "back_to_base" },
		/* a price by hand that no rounding would give stays where it belongs */
		{ 1005, 10, 1100, 1005, 1005, "steady" },
		{ 1003, 10, 1100, 1005, 1010, "filling_up" },
		/* a quarter faster than even is fast, and no less */
		{ 1000, 50, 1400, 1160, 1100, "selling_fast" },
		{ 1000, 49, 1400, 1151, 1100, "filling_up" },
		/* before and after */
		{ 1000, 0, 999, 0, 1000, "not_begun" },
		{ 1000, 50, 2000, 0, 1000, "over" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct price_facts facts = even;
		struct price_decision got;

		facts.price = rows[i].price;
		facts.sold = rows[i].sold;
		facts.now = rows[i].now;
		price_decide(&usual, &facts, &got);
		cr_expect(got.target == rows[i].target && got.price == rows[i].next,
			"row %zu: %lld towards %lld", i, (long long)got.price,
			(long long)got.target);
		cr_expect_str_eq(price_reason_word(got.reason), rows[i].reason, "row %zu", i);
	}
}

Test(price, what_has_no_price_or_no_places_stays)
{
	struct price_facts facts = even;
	struct price_decision got;

	facts.base = facts.price = 0;
	facts.sold = 100;
	price_decide(&usual, &facts, &got);
	cr_assert_eq(got.price, 0);
	cr_assert_eq(got.reason, PRICE_FREE);
	facts.price = 700;
	price_decide(&usual, &facts, &got);
	cr_assert_eq(got.price, 700);
	facts = even;
	facts.capacity = facts.sold = 0;
	price_decide(&usual, &facts, &got);
	cr_assert_eq(got.reason, PRICE_NO_PLACES);
	cr_assert_eq(got.price, 1000);
}

Test(price, rests_between_two_changes)
{
	struct price_rule rule = usual;
	struct price_facts facts = even;
	struct price_decision got;

	rule.rest_s = 100;
	facts.last_change = facts.now - 99;
	price_decide(&rule, &facts, &got);
	cr_assert_eq(got.reason, PRICE_RESTING);
	cr_assert_eq(got.price, 1000);
	facts.last_change = facts.now - 100;
	price_decide(&rule, &facts, &got);
	cr_assert_eq(got.price, 1100);
	facts.last_change = facts.now + 1;
	price_decide(&rule, &facts, &got);
	cr_assert_eq(got.reason, PRICE_RESTING);
}

Test(price, rounding_keeps_to_step_and_bounds)
{
	struct price_rule rule = usual;
	struct price_facts facts = even;
	struct price_decision got;

	/* The ceiling is 157, the highest multiple below it 150; the floor 84, above it 90. */
	facts.base = facts.price = 105;
	rule.step_percent = 100;
	facts.sold = 100;
	price_decide(&rule, &facts, &got);
	cr_assert_eq(got.price, 150);
	facts.sold = 0;
	facts.now = 1999;
	price_decide(&rule, &facts, &got);
	cr_assert_eq(got.price, 90);
	/* No multiple within the step: it stays, whichever way. */
	rule.step_percent = 3;
	price_decide(&rule, &facts, &got);
	cr_assert_eq(got.price, 105);
	cr_assert_eq(got.reason, PRICE_WITHIN_STEP);
	facts.sold = 100;
	price_decide(&rule, &facts, &got);
	cr_assert_eq(got.price, 105);
	/* A step of less than one unit is one unit. */
	rule.round_to = 1;
	rule.step_percent = 1;
	facts.base = facts.price = 9;
	price_decide(&rule, &facts, &got);
	cr_assert_eq(got.price, 10);
}

Test(price, a_ceiling_below_the_floor_cannot_be)
{
	static const struct price_rule bad[] = {
		{ 0, 150, 10, 10, 0 },
		{ 101, 150, 10, 10, 0 },
		{ 100, 99, 10, 10, 0 },
		{ 80, 1001, 10, 10, 0 },
		{ 80, 150, 0, 10, 0 },
		{ 80, 150, 1001, 10, 0 },
		{ 80, 150, 10, 0, 0 },
		{ 80, 150, 10, PRICE_ROUND_MAX + 1, 0 },
		{ 80, 150, 10, 10, -1 },
		{ -80, -150, 10, 10, 0 },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_expect_not(price_rule_is_sound(&bad[i]), "%zu", i);
	cr_assert(price_rule_is_sound(&usual));
	cr_assert(price_rule_is_sound(&(struct price_rule){ 100, 100, 1, 1, 0 }));
	cr_assert(price_rule_is_sound(&(struct price_rule){
		1, PRICE_CEILING_MAX, PRICE_STEP_MAX, PRICE_ROUND_MAX, PRICE_REST_MAX }));
}

/* The same numbers in every run (splitmix64). */
static uint64_t
number(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Between both, of all sizes, and the ends often. */
static int64_t
between(uint64_t *seed, int64_t least, int64_t most)
{
	uint64_t pick = number(seed) % 16, span = (uint64_t)(most - least) + 1;

	if (pick < 2)
		return pick == 0 ? least : most;
	return least + (int64_t)((number(seed) >> number(seed) % 56) % span);
}

static void
make_up(uint64_t *seed, struct price_rule *rule, struct price_facts *facts)
{
	int64_t start = between(seed, 0, INT64_C(32503680000));

	*rule = (struct price_rule){
		between(seed, PRICE_FLOOR_MIN, PRICE_FLOOR_MAX),
		between(seed, PRICE_CEILING_MIN, PRICE_CEILING_MAX),
		between(seed, 1, PRICE_STEP_MAX),
		between(seed, 1, PRICE_ROUND_MAX),
		0,
	};
	*facts = (struct price_facts){
		.base = between(seed, 0, LAYOUT_PRICE_MAX),
		.price = between(seed, 0, LAYOUT_PRICE_MAX),
		.capacity = between(seed, 0, INT32_MAX),
		.sold = between(seed, 0, INT32_MAX),
		.sales_start = start,
		.sales_end = between(seed, start, INT64_C(253402300800)),
		.now = between(seed, start, INT64_C(253402300800)),
	};
	/* Mostly near to its base, while it is sold. */
	if (number(seed) % 4 != 0) {
		facts->price = between(seed, facts->base / 2, facts->base);
		facts->price += between(seed, 0, (LAYOUT_PRICE_MAX - facts->price) / 2);
		facts->now = between(seed, start, facts->sales_end);
		facts->sold = between(seed, 0, facts->capacity);
	}
}

static int64_t
distance(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

Test(price, holds_for_whatever_comes)
{
	uint64_t seed = 20261121;
	size_t moved = 0;

	for (size_t i = 0; i < 300000; i++) {
		struct price_rule rule;
		struct price_facts facts;
		struct price_decision got, more;
		bool up, down;

		make_up(&seed, &rule, &facts);
		price_decide(&rule, &facts, &got);
		up = got.price > facts.price;
		down = got.price < facts.price;
		moved += up || down;
		cr_assert_eq(up || down, got.reason <= PRICE_BACK_TO_BASE, "%zu", i);
		cr_assert(got.price >= 0 && got.price <= LAYOUT_PRICE_MAX, "%zu", i);
		if (up || down) {
			cr_assert(distance(got.price, facts.price) <= got.step, "%zu", i);
			cr_assert_eq(got.price % rule.round_to, 0, "%zu", i);
			cr_assert(up == (got.target > facts.price), "%zu", i);
			cr_assert(!up || got.price <= got.ceiling, "%zu", i);
			cr_assert(!down || got.price >= got.floor, "%zu", i);
			cr_assert(got.floor <= facts.base && facts.base <= got.ceiling, "%zu", i);
		}
		/* The more is sold, the dearer. */
		facts.sold = between(&seed, facts.sold, INT32_MAX);
		price_decide(&rule, &facts, &more);
		cr_assert(more.price >= got.price, "%zu: %lld after %lld", i, (long long)more.price,
			(long long)got.price);
		/* The later with the same left, the cheaper. */
		if (got.reason <= PRICE_WITHIN_STEP && more.reason <= PRICE_WITHIN_STEP) {
			facts.now = between(&seed, facts.now, facts.sales_end - 1);
			price_decide(&rule, &facts, &got);
			cr_assert(got.price <= more.price, "%zu", i);
		}
	}
	cr_assert(moved > 10000, "%zu have moved", moved);
}

/* The lines of the table in the documentation, worked out again. */
Test(price, the_documented_table_is_true)
{
	static const int64_t sold[] = { 0, 25, 50, 75, 90, 100 };
	FILE *file = fopen("docs/pricing.md", "r");
	char line[200], want[200];
	int found = 0;

	cr_assert_not_null(file, "the tests run at the top of the tree");
	while (fgets(line, sizeof(line), file)) {
		int when, at;

		if (sscanf(line, "| %d %% over |", &when) != 1)
			continue;
		at = snprintf(want, sizeof(want), "| %d %% over |", when);
		for (size_t i = 0; i < ARRAY_LENGTH(sold); i++) {
			struct price_facts facts = even;
			struct price_decision got;

			facts.sold = sold[i];
			facts.now = 1000 + 10 * when;
			price_decide(&usual, &facts, &got);
			at += snprintf(want + at, sizeof(want) - (size_t)at, " %lld |",
				(long long)got.target);
		}
		snprintf(want + at, sizeof(want) - (size_t)at, "\n");
		cr_expect_str_eq(line, want);
		found++;
	}
	fclose(file);
	cr_assert_eq(found, 5);
}
