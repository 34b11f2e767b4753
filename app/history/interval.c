/*
 * Intervals of ownership: the sweep for what was owned for certain, and the index for what may
 * have been.
 */
#include "history/interval.h"
#include "history/names.h"

void
interval_add(struct intervals *intervals, struct interval interval)
{
	if (interval.end_us < interval.start_us)
		return;
	intervals->list = grow_array(
		intervals->list, sizeof(*intervals->list), &intervals->room, intervals->count + 1);
	intervals->list[intervals->count++] = interval;
}

void
intervals_release(struct intervals *intervals)
{
	free(intervals->list);
	*intervals = (struct intervals){ .list = NULL };
}

static int
by_start(const void *left, const void *right)
{
	const struct interval *a = left, *b = right;

	if (a->resource != b->resource)
		return a->resource < b->resource ? -1 : 1;
	if (a->start_us != b->start_us)
		return a->start_us < b->start_us ? -1 : 1;
	if (a->end_us != b->end_us)
		return a->end_us < b->end_us ? -1 : 1;
	return (a->owner > b->owner) - (a->owner < b->owner);
}

static void
sort_intervals(struct intervals *intervals)
{
	if (intervals->count > 0)
		qsort(intervals->list, intervals->count, sizeof(*intervals->list), by_start);
}

/* ---- the sweep ------------------------------------------------------------------------------- */

static void
heap_swap(struct heap *heap, size_t a, size_t b)
{
	struct interval kept = heap->items[a];

	heap->items[a] = heap->items[b];
	heap->items[b] = kept;
}

void
heap_push(struct heap *heap, const struct interval *interval)
{
	size_t at = heap->count;

	heap->items = grow_array(heap->items, sizeof(*heap->items), &heap->room, heap->count + 1);
	heap->items[heap->count++] = *interval;
	heap->sum += interval->quantity;
	while (at > 0 && heap->items[(at - 1) / 2].end_us > heap->items[at].end_us) {
		heap_swap(heap, at, (at - 1) / 2);
		at = (at - 1) / 2;
	}
}

void
heap_pop(struct heap *heap)
{
	size_t at = 0, least;

	heap->sum -= heap->items[0].quantity;
	heap->items[0] = heap->items[--heap->count];
	for (;;) {
		least = at;
		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < heap->count; child++)
			if (heap->items[child].end_us < heap->items[least].end_us)
				least = child;
		if (least == at)
			return;
		heap_swap(heap, at, least);
		at = least;
	}
}

static int
newest_first(const void *left, const void *right)
{
	return by_start(right, left);
}

void
intervals_sweep(struct intervals *intervals,
	int64_t (*capacity)(const void *ctx, uint32_t resource),
	void (*crowded)(void *ctx, const struct interval *open, size_t count, int64_t sum),
	void *ctx)
{
	struct heap heap = { .items = NULL };

	sort_intervals(intervals);
	for (size_t i = 0; i < intervals->count; i++) {
		const struct interval *next = &intervals->list[i];

		if (i > 0 && next[-1].resource != next->resource) {
			heap.count = 0;
			heap.sum = 0;
		}
		/* One that ends as the next begins has made way for it. */
		while (heap.count > 0 && heap.items[0].end_us <= next->start_us)
			heap_pop(&heap);
		heap_push(&heap, next);
		if (heap.sum > capacity(ctx, next->resource))
			crowded(ctx, heap.items, heap.count, heap.sum);
	}
	free(heap.items);
}

void
intervals_newest_first(struct interval *open, size_t count)
{
	qsort(open, count, sizeof(*open), newest_first);
}

/* ---- could it have been? --------------------------------------------------------------------- */

/* Of all intervals of the resource up to this one: the two last ends, of different owners. */
struct reach {
	int64_t end_us, other_end_us;
	uint32_t owner;
	uint32_t at; /* which it is */
};

/* How much was owned from this instant to the next step. */
struct step {
	int64_t at_us, level;
};

struct possible {
	struct intervals sorted;
	struct reach *reach; /* beside each interval */
	size_t *first;       /* by resource: its first interval; one more at the end */
	struct step *steps;  /* two an interval, at twice its place */
	int64_t *most;       /* a tree over the steps of each resource, at twice their place */
	uint32_t resources;
};

static int
by_time(const void *left, const void *right)
{
	const struct step *a = left, *b = right;

	return (a->at_us > b->at_us) - (a->at_us < b->at_us);
}

static void
index_reach(struct possible *p, size_t from, size_t to)
{
	struct reach last = { INT64_MIN, INT64_MIN, 0, 0 };

	for (size_t i = from; i < to; i++) {
		const struct interval *v = &p->sorted.list[i];

		if (v->owner == last.owner) {
			if (v->end_us > last.end_us) {
				last.end_us = v->end_us;
				last.at = (uint32_t)i;
			}
		} else if (v->end_us > last.end_us) {
			last = (struct reach){ v->end_us, last.end_us, v->owner, (uint32_t)i };
		} else if (v->end_us > last.other_end_us) {
			last.other_end_us = v->end_us;
		}
		p->reach[i] = last;
	}
}

/* The levels in order of time, and above them the tree of the greatest ones. */
static void
index_steps(struct possible *p, size_t from, size_t to)
{
	struct step *steps = p->steps + 2 * from;
	int64_t *most = p->most + 4 * from;
	size_t count = 2 * (to - from);
	int64_t level = 0;

	for (size_t i = from; i < to; i++) {
		const struct interval *v = &p->sorted.list[i];

		steps[2 * (i - from)] = (struct step){ v->start_us, v->quantity };
		steps[2 * (i - from) + 1] =
			(struct step){ v->end_us == EVER ? EVER : v->end_us + 1, -v->quantity };
	}
	qsort(steps, count, sizeof(*steps), by_time);
	for (size_t i = 0; i < count; i++) {
		level += steps[i].level;
		steps[i].level = level;
		/* Of steps at one instant only the last one's level has stood. */
		most[count + i] =
			i + 1 < count && steps[i + 1].at_us == steps[i].at_us ? INT64_MIN : level;
	}
	for (size_t i = count - 1; i > 0; i--)
		most[i] = most[2 * i] > most[2 * i + 1] ? most[2 * i] : most[2 * i + 1];
}

struct possible *
possible_new(struct intervals *intervals, uint32_t resources)
{
	struct possible *p = calloc(1, sizeof(*p));
	size_t at = 0;

	assert(p && intervals->count < UINT32_MAX);
	p->sorted = *intervals;
	*intervals = (struct intervals){ .list = NULL };
	sort_intervals(&p->sorted);
	p->resources = resources;
	p->first = calloc((size_t)resources + 2, sizeof(*p->first));
	p->reach = calloc(p->sorted.count + 1, sizeof(*p->reach));
	p->steps = calloc(2 * p->sorted.count + 1, sizeof(*p->steps));
	p->most = calloc(4 * p->sorted.count + 1, sizeof(*p->most));
	assert(p->first && p->reach && p->steps && p->most);
	for (uint32_t resource = 0; resource <= resources; resource++) {
		size_t from = at;

		while (at < p->sorted.count && p->sorted.list[at].resource == resource)
			at++;
		p->first[resource] = from;
		p->first[resource + 1] = at;
		if (at > from) {
			index_reach(p, from, at);
			index_steps(p, from, at);
		}
	}
	assert(at == p->sorted.count);
	return p;
}

void
possible_free(struct possible *p)
{
	intervals_release(&p->sorted);
	free(p->first);
	free(p->reach);
	free(p->steps);
	free(p->most);
	free(p);
}

/* How many intervals of the resource begin at this instant or before. */
static size_t
begun(const struct possible *p, uint32_t resource, int64_t at_us)
{
	size_t low = p->first[resource], high = p->first[resource + 1];

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (p->sorted.list[middle].start_us <= at_us)
			low = middle + 1;
		else
			high = middle;
	}
	return low - p->first[resource];
}

bool
possible_other(
	const struct possible *p, uint32_t resource, uint32_t self, int64_t from_us, int64_t to_us)
{
	size_t count = begun(p, resource, to_us);
	const struct reach *reach;

	if (count == 0)
		return false;
	reach = &p->reach[p->first[resource] + count - 1];
	return (reach->owner == self ? reach->other_end_us : reach->end_us) >= from_us;
}

const struct interval *
possible_before(const struct possible *p, uint32_t resource, int64_t at_us)
{
	size_t count = begun(p, resource, at_us);

	return count == 0 ? NULL : &p->sorted.list[p->reach[p->first[resource] + count - 1].at];
}

/* The first step of the resource later than this instant, as a number among its steps. */
static size_t
step_after(const struct step *steps, size_t count, int64_t at_us)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (steps[middle].at_us <= at_us)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int64_t
possible_most(const struct possible *p, uint32_t resource, int64_t from_us, int64_t to_us)
{
	size_t first = p->first[resource], count = 2 * (p->first[resource + 1] - first);
	const struct step *steps = p->steps + 2 * first;
	const int64_t *most = p->most + 4 * first;
	size_t low = step_after(steps, count, from_us);
	size_t high = step_after(steps, count, to_us);
	int64_t found = 0;

	/* The level that stood at the beginning counts too. */
	if (low > 0)
		low--;
	for (low += count, high += count; low < high; low /= 2, high /= 2) {
		if (low % 2 == 1) {
			if (most[low] > found)
				found = most[low];
			low++;
		}
		if (high % 2 == 1 && most[--high] > found)
			found = most[high];
	}
	return found;
}
