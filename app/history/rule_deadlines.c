/*
 * Rule 4: no hold outlived its deadline, and none died before it.
 *
 * A hold gets the life that the event gives, counted from its call. A confirm that was sent after
 * the deadline confirms nothing, whatever has been tidied meanwhile; a move that was answered
 * before the deadline, or asked of what is confirmed, is not told that the hold has expired. Only
 * money that comes late may revive a booking, and the database says of which.
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
	bool is_first = call->key == 0 || h->key[call->key].first == line;

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
	int64_t deadline_us = b->most_expires_us;

	if (b->late)
		return;
	if (b->stored && (deadline_us == RECORD_ABSENT || b->expires_us > deadline_us))
		deadline_us = b->expires_us;
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

void
rule_deadlines(struct history *h, struct report *report)
{
	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];

		if (call->op == RECORD_HOLD && call_done(call))
			judge_life(h, report, call);
		else if (call_moves(call))
			judge_early(h, report, call);
	}
	for (uint32_t number = 1; number <= h->bookings.count; number++)
		judge_late(h, report, number);
}
