/*
 * Rule 2: nothing was owned by two at once.
 *
 * A booking certainly owns its places from the answer that told of it to its deadline, or to the
 * moment when somebody asked to give it away, whichever is first. Two such intervals of different
 * bookings may not share an instant: by real time, one of them was a lie. For a section, and for
 * what a buyer may have, the sum counts.
 */
#include <inttypes.h>

#include "history/history.h"

struct owners {
	struct history *h;
	struct report *report;
	bool of_buyers;
};

static int64_t
capacity_of(const void *ctx, uint32_t resource)
{
	const struct owners *o = ctx;

	if (o->of_buyers)
		return o->h->max_per_user;
	/* What the database does not know is told by the first rule. */
	return o->h->resource[resource].known ? o->h->resource[resource].capacity : INT64_MAX;
}

/* open: the newest first. */
static void
tell_crowd(struct owners *o, const struct interval *open, size_t count, int64_t sum)
{
	const struct history *h = o->h;
	uint32_t resource = open[0].resource;

	for (size_t i = 0; i < count; i++)
		report_line(o->report, h->booking[open[i].owner].held);
	if (o->of_buyers)
		report_finding(o->report, 2,
			"user %s had %" PRId64 " places at once, and may have %" PRId64,
			names_text(&h->users, resource), sum, h->max_per_user);
	else if (h->resource[resource].is_section)
		report_finding(o->report, 2,
			"%s: %" PRId64 " places were owned at once, and it has %" PRId64,
			names_text(&h->places, resource), sum, h->resource[resource].capacity);
	else
		report_finding(o->report, 2, "%s was owned by booking %s and by booking %s at once",
			names_text(&h->places, resource), names_text(&h->bookings, open[0].owner),
			names_text(&h->bookings, open[1].owner));
}

static void
crowded(void *ctx, const struct interval *open, size_t count, int64_t sum)
{
	struct owners *o = ctx;
	struct interval *sorted;

	/* Thousands may be open at each of thousands: only what is shown is put in order. */
	if (o->report->findings[2] >= o->report->most) {
		report_finding(o->report, 2, "more was owned at once than there is");
		return;
	}
	sorted = calloc(count, sizeof(*sorted));
	assert(sorted);
	memcpy(sorted, open, count * sizeof(*sorted));
	intervals_newest_first(sorted, count);
	tell_crowd(o, sorted, count, sum);
	free(sorted);
}

static void
add_booking(struct history *h, struct intervals *places, struct intervals *buyers, uint32_t number)
{
	struct interval interval = booking_certain(h, number);
	const struct booking *b = &h->booking[number];
	struct span span = booking_places(h, number);

	for (uint32_t i = 0; i < span.count; i++) {
		interval.resource = h->pool[span.at + i].number;
		interval.quantity = h->pool[span.at + i].quantity;
		interval_add(places, interval);
	}
	interval.resource = b->stored ? b->user : b->asker;
	interval.quantity = history_quantity(h, span);
	if (h->max_per_user > 0 && interval.resource)
		interval_add(buyers, interval);
}

void
rule_owners(struct history *h, struct report *report)
{
	struct owners owners = { .h = h, .report = report };
	struct intervals places = { .list = NULL }, buyers = { .list = NULL };

	for (uint32_t number = 1; number <= h->bookings.count; number++)
		add_booking(h, &places, &buyers, number);
	intervals_sweep(&places, capacity_of, crowded, &owners);
	owners.of_buyers = true;
	intervals_sweep(&buyers, capacity_of, crowded, &owners);
	intervals_release(&places);
	intervals_release(&buyers);
}
