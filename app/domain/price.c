/*
 * The rule of moving prices. The largest product is a price of 10^11 times 1000, far within the 64
 * bits that there are.
 */
#include "domain/price.h"

#include "domain/layout.h"

#define WHOLE    1000 /* shares are in thousandths */
#define TIME_MAX INT64_C(253402300800)

static bool
is_within(int64_t n, int64_t least, int64_t most)
{
	return n >= least && n <= most;
}

bool
price_rule_is_sound(const struct price_rule *rule)
{
	return is_within(rule->floor_percent, PRICE_FLOOR_MIN, PRICE_FLOOR_MAX) &&
	       is_within(rule->ceiling_percent, PRICE_CEILING_MIN, PRICE_CEILING_MAX) &&
	       is_within(rule->step_percent, 1, PRICE_STEP_MAX) &&
	       is_within(rule->round_to, 1, PRICE_ROUND_MAX) &&
	       is_within(rule->rest_s, 0, PRICE_REST_MAX);
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t
share_of(int64_t part, int64_t whole)
{
	return most(0, least(WHOLE, WHOLE * part / whole));
}

/* The nearest multiple; halves go up. */
static int64_t
nearest(int64_t n, int64_t unit)
{
	return (n + unit / 2) / unit * unit;
}

/* What comes of the speed of the sale, which counts the more the less time is left. */
static int64_t
pull_of(int64_t sold_share, int64_t even_share)
{
	return (sold_share - even_share) * (WHOLE + even_share) / (2 * WHOLE);
}

/* What comes of how little is left. */
static int64_t
scarcity_of(int64_t sold_share)
{
	return sold_share * sold_share / WHOLE;
}

/* Where the price should be, and how far it may go. */
static void
aim(const struct price_rule *rule, const struct price_facts *facts, struct price_decision *out)
{
	int64_t base = facts->base;
	int64_t u = share_of(facts->sold, facts->capacity);
	int64_t e =
		share_of(facts->now - facts->sales_start, facts->sales_end - facts->sales_start);
	int64_t demand = most(-WHOLE, least(WHOLE, pull_of(u, e) + scarcity_of(u)));

	out->sold_share = u;
	out->even_share = e;
	out->demand = demand;
	out->floor = (base * rule->floor_percent + 99) / 100;
	out->ceiling = least(base * rule->ceiling_percent / 100, LAYOUT_PRICE_MAX);
	out->step = most(1, base * rule->step_percent / 100);
	out->target =
		base + (demand > 0 ? out->ceiling - base : base - out->floor) * demand / WHOLE;
}

/* The next price on the way to the target. */
static int64_t
step_towards(const struct price_decision *aimed, int64_t price, int64_t unit)
{
	int64_t highest, lowest;

	if (aimed->target == price)
		return price;
	if (aimed->target > price) {
		highest = least(price + aimed->step, aimed->ceiling);
		return most(price,
			least(nearest(least(aimed->target, highest), unit), highest / unit * unit));
	}
	lowest = most(price - aimed->step, aimed->floor);
	return least(price, most(nearest(most(aimed->target, lowest), unit),
				    (lowest + unit - 1) / unit * unit));
}

static enum price_reason
reason_of(const struct price_decision *aimed, int64_t price)
{
	if (aimed->target == price)
		return PRICE_STEADY;
	if (aimed->price == price)
		return PRICE_WITHIN_STEP;
	if (aimed->price > price ? aimed->demand <= 0 : aimed->demand >= 0)
		return PRICE_BACK_TO_BASE;
	if (aimed->price < price)
		return PRICE_SELLING_SLOWLY;
	/* A quarter faster than an even sale. */
	return 4 * aimed->sold_share >= 5 * aimed->even_share ? PRICE_SELLING_FAST
							      : PRICE_FILLING_UP;
}

void
price_decide(
	const struct price_rule *rule, const struct price_facts *facts, struct price_decision *out)
{
	assert(price_rule_is_sound(rule));
	assert(is_within(facts->base, 0, LAYOUT_PRICE_MAX));
	assert(is_within(facts->price, 0, LAYOUT_PRICE_MAX));
	assert(is_within(facts->capacity, 0, INT32_MAX) && is_within(facts->sold, 0, INT32_MAX));
	assert(is_within(facts->sales_start, 0, TIME_MAX));
	assert(is_within(facts->sales_end, 0, TIME_MAX) && is_within(facts->now, 0, TIME_MAX));

	*out = (struct price_decision){ .price = facts->price };
	if (facts->base == 0)
		out->reason = PRICE_FREE;
	else if (facts->capacity == 0)
		out->reason = PRICE_NO_PLACES;
	else if (facts->now < facts->sales_start)
		out->reason = PRICE_NOT_BEGUN;
	else if (facts->now >= facts->sales_end)
		out->reason = PRICE_OVER;
	else if (facts->last_change > 0 && facts->now - facts->last_change < rule->rest_s)
		out->reason = PRICE_RESTING;
	else {
		aim(rule, facts, out);
		out->price = step_towards(out, facts->price, rule->round_to);
		out->reason = reason_of(out, facts->price);
	}
}

const char *
price_reason_word(enum price_reason reason)
{
	static const char *const words[] = {
		[PRICE_SELLING_FAST] = "selling_fast",
		[PRICE_FILLING_UP] = "filling_up",
		[PRICE_SELLING_SLOWLY] = "selling_slowly",
		[PRICE_BACK_TO_BASE] = "back_to_base",
		[PRICE_STEADY] = "steady",
		[PRICE_WITHIN_STEP] = "within_step",
		[PRICE_RESTING] = "resting",
		[PRICE_NOT_BEGUN] = "not_begun",
		[PRICE_OVER] = "over",
		[PRICE_NO_PLACES] = "no_places",
		[PRICE_FREE] = "free",
	};

	return words[reason];
}
