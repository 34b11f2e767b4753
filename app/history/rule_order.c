/*
 * Rule 6: nobody saw time go backwards.
 *
 * Of a booking: an answer to a call that was sent after another answer had come tells of a state
 * that can follow the one told before. Of the map: a buyer who asks again gets a version that is
 * not older than one that was read longer ago than maps may be kept on the way.
 *
 * Odd versions are made by PostgreSQL while Redis does not have the event: they stand in no order
 * with the others.
 */
#include <inttypes.h>

#include "history/history.h"

#define MAP_KEPT_US INT64_C(5000000) /* what stands between may show a map for so long */

/* ---- bookings -------------------------------------------------------------------------------- */

/* What a booking may become, at once or in steps; itself included. */
static const unsigned follows[BOOKING_STATUSES] = {
	[BOOKING_HOLD] = ~0u,
	[BOOKING_RESERVED] = ~0u,
	[BOOKING_CONFIRMED] =
		BOOKING_BIT(CONFIRMED) | BOOKING_BIT(CANCELLED) | BOOKING_BIT(REFUNDED),
	[BOOKING_EXPIRED] = BOOKING_BIT(EXPIRED),
	[BOOKING_RELEASED] = BOOKING_BIT(RELEASED),
	[BOOKING_CANCELLED] = BOOKING_BIT(CANCELLED) | BOOKING_BIT(REFUNDED),
	[BOOKING_REFUNDED] = BOOKING_BIT(REFUNDED),
	[BOOKING_PAID_UNFULFILLED] = BOOKING_BIT(PAID_UNFULFILLED) | BOOKING_BIT(REFUNDED),
};

/* By booking and state: the first answer that told of it. */
struct seen {
	uint32_t line[BOOKING_STATUSES];
};

/* Kept answers, and the 201 of a hold, tell how it once was; its 200 is of what one has. */
static bool
tells_now(const struct history *h, const struct call *call)
{
	if ((call->op == RECORD_HOLD && call->status != 200) || call->op == RECORD_POLL)
		return false;
	return call->key == 0 || h->key[call->key].first == call_line(h, call);
}

static uint32_t
subject(const struct call *call)
{
	return call->asked_booking ? call->asked_booking : call->got_booking;
}

static bool
is_answer(const struct call *call)
{
	return call_done(call) && call->shown != BOOKING_NONE && subject(call) != 0;
}

static void
judge_order(const struct history *h, struct report *report, const struct seen *seen,
	const struct call *call)
{
	const struct booking *b = &h->booking[subject(call)];

	/* What money revives has ended and lives again. */
	if (b->late || !tells_now(h, call))
		return;
	for (int status = BOOKING_HOLD; status < BOOKING_STATUSES; status++) {
		uint32_t line = seen->line[status];

		if (line == 0 || line_call(h, line)->done_us >= call->sent_us ||
			follows[status] & 1u << call->shown)
			continue;
		if (h->crash && status != BOOKING_CONFIRMED)
			continue;
		report_line(report, line);
		report_line(report, call_line(h, call));
		report_finding(report, 6,
			"booking %s was told to be %s, and later %s was answered with %s",
			names_text(&h->bookings, subject(call)), booking_status_names[status],
			record_op_names[call->op], booking_status_names[call->shown]);
	}
}

static void
order_bookings(const struct history *h, struct report *report)
{
	struct seen *seen = calloc((size_t)h->bookings.count + 1, sizeof(*seen));

	assert(seen);
	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];
		uint32_t *line;

		if (!is_answer(call))
			continue;
		line = &seen[subject(call)].line[call->shown];
		if (*line == 0 || line_call(h, *line)->done_us > call->done_us)
			*line = call_line(h, call);
	}
	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];

		if (is_answer(call))
			judge_order(h, report, &seen[subject(call)], call);
	}
	free(seen);
}

/* ---- maps ------------------------------------------------------------------------------------ */

static const struct history *sorted_history;

static int
by_user_and_sent(const void *left, const void *right)
{
	const struct call *a = line_call(sorted_history, *(const uint32_t *)left);
	const struct call *b = line_call(sorted_history, *(const uint32_t *)right);

	if (a->user != b->user)
		return a->user < b->user ? -1 : 1;
	return (a->sent_us > b->sent_us) - (a->sent_us < b->sent_us);
}

static int
by_user_and_done(const void *left, const void *right)
{
	const struct call *a = line_call(sorted_history, *(const uint32_t *)left);
	const struct call *b = line_call(sorted_history, *(const uint32_t *)right);

	if (a->user != b->user)
		return a->user < b->user ? -1 : 1;
	return (a->done_us > b->done_us) - (a->done_us < b->done_us);
}

/* sent and done hold the same lines of maps, sorted by user and then by that time. */
static void
judge_maps(const struct history *h, struct report *report, const uint32_t *sent,
	const uint32_t *done, size_t count)
{
	const struct call *newest = NULL;
	size_t next = 0;

	for (size_t i = 0; i < count; i++) {
		const struct call *call = line_call(h, sent[i]);

		if (newest && newest->user != call->user)
			newest = NULL;
		for (; next < count; next++) {
			const struct call *before = line_call(h, done[next]);

			if (before->user > call->user ||
				(before->user == call->user &&
					before->done_us + MAP_KEPT_US >= call->sent_us))
				break;
			if (before->user == call->user &&
				(!newest || before->version > newest->version))
				newest = before;
		}
		if (!newest || newest->version <= call->version)
			continue;
		report_line(report, call_line(h, newest));
		report_line(report, call_line(h, call));
		report_finding(report, 6,
			"the map went back from version %" PRId64 " to version %" PRId64,
			newest->version, call->version);
	}
}

static void
order_maps(const struct history *h, struct report *report)
{
	uint32_t *sent = calloc(h->calls_count + 1, sizeof(*sent));
	uint32_t *done = calloc(h->calls_count + 1, sizeof(*done));
	size_t count = 0;

	assert(sent && done);
	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];

		if ((call->op == RECORD_MAP || call->op == RECORD_AVAILABILITY) &&
			call->version != RECORD_ABSENT && call->version % 2 == 0 && call->user &&
			call_done(call))
			sent[count++] = call_line(h, call);
	}
	memcpy(done, sent, count * sizeof(*done));
	sorted_history = h;
	qsort(sent, count, sizeof(*sent), by_user_and_sent);
	qsort(done, count, sizeof(*done), by_user_and_done);
	judge_maps(h, report, sent, done, count);
	free(sent);
	free(done);
}

void
rule_order(struct history *h, struct report *report)
{
	order_bookings(h, report);
	order_maps(h, report);
}
