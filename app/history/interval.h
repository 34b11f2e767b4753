/*
 * Who had what, and when: intervals of ownership, and the two questions that are asked of them.
 *
 * Of intervals in which something was owned for certain: was more owned at one instant than there
 * is? Of those in which it may have been owned: could so much of it have been owned by others at
 * some instant between two? Both are answered by sorting once: n log n for n intervals.
 */
#ifndef HOLDFAST_INTERVAL_H
#define HOLDFAST_INTERVAL_H

#include "base/base.h"

#define EVER INT64_MAX

struct interval {
	uint32_t resource; /* a seat, a section, a buyer's allowance: from 1 */
	uint32_t owner;
	int64_t quantity;
	int64_t start_us, end_us; /* both belong to it */
};

struct intervals {
	struct interval *list;
	size_t count, room;
};

/* Nothing is added where the end comes before the start. */
void interval_add(struct intervals *intervals, struct interval interval);
void intervals_release(struct intervals *intervals);

/*
 * Sorts, and calls crowded for each interval that begins while, with it, more of its resource is
 * owned than capacity says. open: the intervals that are then open, this one too, in no order.
 */
void intervals_sweep(struct intervals *intervals,
	int64_t (*capacity)(const void *ctx, uint32_t resource),
	void (*crowded)(void *ctx, const struct interval *open, size_t count, int64_t sum),
	void *ctx);

/* Intervals as a heap: the one that ends first is items[0]. */
struct heap {
	struct interval *items;
	size_t count, room;
	int64_t sum; /* of their quantities */
};

void heap_push(struct heap *heap, const struct interval *interval);
void heap_pop(struct heap *heap); /* there must be one */

/* Sorts what was open: the one that began last comes first. */
void intervals_newest_first(struct interval *open, size_t count);

/* ---- could it have been? --------------------------------------------------------------------- */

struct possible;

/* Takes the intervals over. resources: the highest number of one. */
struct possible *possible_new(struct intervals *intervals, uint32_t resources);
void possible_free(struct possible *possible);

/* Could somebody but self have owned any of it at an instant from..to? */
bool possible_other(const struct possible *possible, uint32_t resource, uint32_t self,
	int64_t from_us, int64_t to_us);

/* The most that can have been owned of it at one instant from..to, by all. */
int64_t
possible_most(const struct possible *possible, uint32_t resource, int64_t from_us, int64_t to_us);

/* The interval that ended last before this instant; NULL: there is none. For explanations. */
const struct interval *
possible_before(const struct possible *possible, uint32_t resource, int64_t at_us);

#endif
