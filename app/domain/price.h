/*
 * The rule of moving prices: a pure function from what is known of a section to its next price.
 * Whole numbers in, whole numbers out; shares are in thousandths, money in the currency's minor
 * unit, times in seconds since 1970.
 *
 *   u      = 1000 sold / capacity                  how much is sold: utilisation
 *   e      = 1000 (now - start) / (end - start)    how much an even sale would have sold by now
 *   pull   = (u - e) (1000 + e) / 2000             speed against an even sale; it counts half at
 *                                                  the beginning and in full when no time is left
 *   scarce = u u / 1000                            the last places are the dear ones
 *   demand = pull + scarce, within -1000 and 1000
 *   target = base + (ceiling - base) demand / 1000  where demand is positive
 *            base - (base - floor) -demand / 1000   where it is negative
 *
 * The price goes from where it is towards the target, by the largest step at most, to the nearest
 * multiple of round_to that keeps to the step and the bounds; never past its old value in the other
 * direction. Floor and ceiling are shares of the base price, as is the step (one unit at least).
 *
 * Where it comes from: the booking curve of airlines, which compares what is sold with what ought
 * to be sold by this day (Talluri and van Ryzin, The Theory and Practice of Revenue Management,
 * 2004), and the shape of the best price for a stock that perishes: for the same places left it
 * falls as time runs out, for the same time left it rises as places go (Gallego and van Ryzin,
 * Management Science 40(8), 1994). Only what is sold counts: a hold costs nothing, so that prices
 * cannot be driven by it.
 */
#ifndef HOLDFAST_PRICE_H
#define HOLDFAST_PRICE_H

#include "base/base.h"

/* The bounds of a rule, the same for settings and events: the base price is always within. */
#define PRICE_FLOOR_MIN   1
#define PRICE_FLOOR_MAX   100
#define PRICE_CEILING_MIN 100
#define PRICE_CEILING_MAX 1000
#define PRICE_STEP_MAX    1000
#define PRICE_ROUND_MAX   100000000
#define PRICE_REST_MAX    (366 * 86400)

struct price_rule {
	int64_t floor_percent;   /* of the base price */
	int64_t ceiling_percent; /* of the base price */
	int64_t step_percent;    /* of the base price: largest step of one change */
	int64_t round_to;        /* prices that the rule makes are multiples of it */
	int64_t rest_s;          /* least time between two changes */
};

struct price_facts {
	int64_t base;     /* 0 to LAYOUT_PRICE_MAX */
	int64_t price;    /* the present one, within the same bounds */
	int64_t capacity; /* 0 to 2^31 - 1 */
	int64_t sold;
	int64_t sales_start, sales_end, now; /* from 1970 to the year 9999 */
	int64_t last_change;                 /* by this rule; 0: none */
};

enum price_reason {
	/* it moves */
	PRICE_SELLING_FAST,   /* up: a quarter or more ahead of an even sale */
	PRICE_FILLING_UP,     /* up: places are going */
	PRICE_SELLING_SLOWLY, /* down: behind an even sale */
	PRICE_BACK_TO_BASE,   /* what moved it has passed */
	/* it stays */
	PRICE_STEADY,      /* it is where it belongs */
	PRICE_WITHIN_STEP, /* step, bounds and rounding leave it no other value */
	PRICE_RESTING,     /* changed a short time ago */
	PRICE_NOT_BEGUN,
	PRICE_OVER,
	PRICE_NO_PLACES,
	PRICE_FREE /* a base price of zero stays zero */
};

struct price_decision {
	int64_t price; /* the next one: another than the present one if and only if it moves */
	enum price_reason reason;
	/* How it came about; zero where it stays for a reason behind PRICE_WITHIN_STEP. */
	int64_t sold_share, even_share, demand; /* thousandths */
	int64_t floor, ceiling, step, target;   /* money */
};

/* Each value within its bounds. */
bool price_rule_is_sound(const struct price_rule *rule);

/* The rule is sound and the facts are within their bounds. */
void price_decide(
	const struct price_rule *rule, const struct price_facts *facts, struct price_decision *out);

/* The word for a reason, as history and tables show it: "selling_fast". */
const char *price_reason_word(enum price_reason reason);

#endif
