/*
 * Rule 4: no hold outlived its deadline, and none died before it.
 *
 * A hold gets the life that the event gives, counted from its call. A confirm that was sent after
 * the deadline confirms nothing, whatever has been tidied meanwhile, nor does the first release
 * release anything, and nobody is shown a hold or a reservation any more. A move that was answered
 * before the deadline, or asked of what is confirmed, is not told that the hold has expired; nor
 * has the database a hold that expired before. Only money that comes late may revive a booking,
 * and the database says of which.
 */
#include <inttypes.h>

#include "history/history.h"

#define MILLISECOND_US 1000 /* deadlines are cut to milliseconds */

/* A new hold's deadline is its life after an instant of its call. */
static void
judge_life(const struct history *h, struct report *report, const struct call *call)
{
	int64_t life_us = h->head.hold_ms * 1000, from_us = call->sent_us;
	uint32_t line = call_line(h, call);
	bool is_first = !call->replayed && (call->key == 0 || h->key[call->key].first == line);

	if (call->expires_us == RECORD_ABSENT) {
		report_line(report, line);
		report_finding(report, 4, "hold was answered %d without a deadline", call->status);
		return;
	}
	/* What one has already is asked for anew: it is told as it is then. */
	if (call->status == 200 && call->expires_us < from_us - h->skew_us) {
		report_line(report, line);
		report_finding(report, 4,
			"hold was answered with one that had ended %" PRId64 " ms before its call",
			(from_us - call->expires_us) / 1000);
	}
	if (life_us == 0 || call->shown != BOOKING_HOLD)
		return;
	if (call->expires_us > call->done_us + life_us + h->skew_us) {
		report_line(report, line);
		report_finding(report, 4,
			"the hold ends %" PRId64 " ms after its answer, and may live %" PRId64
			" ms",
			(call->expires_us - call->done_us) / 1000, h->head.hold_ms);
	}
	/* A replay, and the hold that one has already, tell of an earlier call. */
	if (call->status == 201 && is_first &&
		call->expires_us < from_us + life_us - MILLISECOND_US - h->skew_us) {
		report_line(report, line);
		report_finding(report, 4,
			"the hold ends %" PRId64 " ms after its call, and is to live %" PRId64
			" ms",
			(call->expires_us - from_us) / 1000, h->head.hold_ms);
	}
}

/* Told that its hold has expired, before it has, or once it cannot. */
static void
judge_early(const struct history *h, struct report *report, const struct call *call)
{
	const struct booking *b = &h->booking[call->asked_booking];

	if (call->asked_booking == 0 || call->refusal != REFUSAL_EXPIRED || b->late)
		return;
	if (call_follows_confirm(h, call, b)) {
		report_line(report, b->confirmed);
		report_line(report, call_line(h, call));
		report_finding(report, 4,
			"%s was refused since the hold had expired, and it had been confirmed",
			record_op_names[call->op]);
		return;
	}
	if (b->least_expires_us == RECORD_ABSENT ||
		call->done_us >= b->least_expires_us - h->skew_us)
		return;
	report_line(report, b->held);
	report_line(report, call_line(h, call));
	report_finding(report, 4,
		"%s was refused since the hold had expired, %" PRId64 " ms before its deadline",
		record_op_names[call->op], (b->least_expires_us - call->done_us) / 1000);
}

static void
judge_late(const struct history *h, struct report *report, uint32_t number)
{
	const struct booking *b = &h->booking[number];
	int64_t deadline_us = booking_deadline(b);

	if (b->late)
		return;
	/* It can be put off, and never comes sooner; a crash may have put it back. */
	if (b->stored && !h->crash && deadline_us > b->expires_us + MILLISECOND_US) {
		report_line(report, b->held);
		report_finding(report, 4,
			"booking %s was told to end %" PRId64
			" ms later than it does by the database",
			names_text(&h->bookings, number), (deadline_us - b->expires_us) / 1000);
	}
	if (b->confirmed && deadline_us != RECORD_ABSENT &&
		b->confirm_sent_us > deadline_us + h->skew_us) {
		report_line(report, b->held);
		report_line(report, b->confirmed);
		report_finding(report, 4,
			"booking %s was confirmed by a call sent %" PRId64 " ms after its deadline",
			names_text(&h->bookings, number),
			(b->confirm_sent_us - deadline_us) / 1000);
	}
	if (b->stored && b->confirmed_us != RECORD_ABSENT && b->confirmed_us > b->expires_us) {
		report_line(report, b->held);
		report_line(report, b->confirmed);
		report_finding(report, 4,
			"booking %s was confirmed %" PRId64
			" ms after its deadline by the database",
			names_text(&h->bookings, number), (b->confirmed_us - b->expires_us) / 1000);
	}
}

/* Only what is due is taken from whoever holds it; both times are the database's. */
static void
judge_expired(const struct history *h, struct report *report, uint32_t number)
{
	const struct booking *b = &h->booking[number];

	if (!b->stored || b->late || b->status != BOOKING_EXPIRED || b->ended_us == RECORD_ABSENT ||
		b->ended_us >= b->expires_us)
		return;
	report_line(report, b->held);
	report_finding(report, 4,
		"booking %s expired %" PRId64 " ms before its deadline by the database",
		names_text(&h->bookings, number), (b->expires_us - b->ended_us + 999) / 1000);
}

/* Once it was released in time, its releases are answered with that for ever. */
static void
judge_released(const struct history *h, struct report *report, uint32_t number)
{
	const struct booking *b = &h->booking[number];
	bool released = b->stored && b->status == BOOKING_RELEASED;
	bool in_time = released && b->ended_us <= b->expires_us;
	bool told = b->left && line_call(h, b->left)->shown == BOOKING_RELEASED;
	int64_t deadline_us = booking_deadline(b);

	if (b->late)
		return;
	if (told && !in_time && !h->crash && deadline_us != RECORD_ABSENT &&
		b->leave_sent_us > deadline_us + h->skew_us) {
		report_line(report, b->held);
		report_line(report, b->left);
		report_finding(report, 4,
			"booking %s was released by a call sent %" PRId64 " ms after its deadline",
			names_text(&h->bookings, number), (b->leave_sent_us - deadline_us) / 1000);
	}
	if (released && !in_time) {
		report_line(report, b->held);
		report_line(report, b->left);
		report_finding(report, 4,
			"booking %s was released %" PRId64 " ms after its deadline by the database",
			names_text(&h->bookings, number), (b->ended_us - b->expires_us) / 1000);
	}
}

/* Shown as held: by PostgreSQL, or, to those who stood in line, by Redis. */
static void
judge_shown(const struct history *h, struct report *report, const struct call *call)
{
	uint32_t number = call->asked_booking ? call->asked_booking : call->got_booking;
	const struct booking *b = &h->booking[number];
	int64_t slack_us = h->skew_us + (call->op == RECORD_POLL ? REDIS_CLOCK_US : 0);
	int64_t deadline_us = call->expires_us;

	if (number == 0 || b->late ||
		(call->shown != BOOKING_HOLD && call->shown != BOOKING_RESERVED))
		return;
	/* A crash may have put it back. */
	if (deadline_us == RECORD_ABSENT && b->stored && !h->crash)
		deadline_us = booking_deadline(b);
	if (deadline_us == RECORD_ABSENT || call->sent_us <= deadline_us + slack_us)
		return;
	report_line(report, b->held);
	report_line(report, call_line(h, call));
	report_finding(report, 4,
		"%s was answered with booking %s as %s, which had ended %" PRId64
		" ms before its call",
		record_op_names[call->op], names_text(&h->bookings, number),
		booking_status_names[call->shown], (call->sent_us - deadline_us) / 1000);
}

void
rule_deadlines(struct history *h, struct report *report)
{
	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];

		if (call->op == RECORD_HOLD && call_done(call))
			judge_life(h, report, call);
		else if (call_moves(call))
			judge_early(h, report, call);
		else if ((call->op == RECORD_GET || call->op == RECORD_POLL) && call_done(call))
			judge_shown(h, report, call);
	}
	for (uint32_t number = 1; number <= h->bookings.count; number++) {
		judge_late(h, report, number);
		judge_released(h, report, number);
		judge_expired(h, report, number);
	}
}
