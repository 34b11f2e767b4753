/*
 * Rule 5: every idempotency key had one effect.
 *
 * Whoever asks again with the key gets the first answer again: the same booking, places, state,
 * deadline and position in line, and is not refused what was done, nor told with 200 of what they
 * have now. The database keeps one booking, or one answer, under the key.
 *
 * A key is its user's: where a call does not say whose it was, it is not compared.
 */
#include "history/history.h"

/* Answers to keys are kept for a day at least. */
#define KEPT_US INT64_C(82800000000)

/* The 200 of a hold tells of what one has already and belongs to no key. */
static bool
is_kept(const struct call *call)
{
	return call->op == RECORD_HOLD ? call->status == 201 : call_done(call);
}

static uint32_t
booking_of(const struct call *call)
{
	return call->got_booking ? call->got_booking : call->asked_booking;
}

/*
 * A join is answered again with the position of then. Answers to joins lie beside the line: where
 * it was lost and begun anew, so were they, and the key has made another place.
 */
static bool
positions_differ(const struct history *h, const struct call *first, const struct call *again)
{
	return first->op == RECORD_JOIN && again->replayed && first->asked.count > 0 &&
	       h->resource[h->pool[first->asked.at].number].epoch == 1 &&
	       again->sent_us <= first->done_us + KEPT_US && first->position != again->position;
}

static void
judge_repeat(const struct history *h, struct report *report, const struct call *first,
	const struct call *again)
{
	const char *op = record_op_names[first->op];

	/* What the crash has undone is done anew. */
	if (h->crash && (first->op == RECORD_HOLD || first->op == RECORD_RELEASE))
		return;
	report_line(report, call_line(h, first));
	report_line(report, call_line(h, again));
	if (booking_of(first) != booking_of(again))
		report_finding(report, 5,
			"one key, two effects: %s of booking %s and of booking %s", op,
			names_text(&h->bookings, booking_of(first)),
			names_text(&h->bookings, booking_of(again)));
	else if (first->asked_booking != again->asked_booking ||
		 history_hash(h, first->asked) != history_hash(h, again->asked))
		report_finding(report, 5, "one key, and two requests to %s were answered", op);
	else if (first->expires_us != again->expires_us || first->shown != again->shown ||
		 first->got_hash != again->got_hash || first->status != again->status ||
		 positions_differ(h, first, again))
		report_finding(report, 5, "one key, two answers to %s", op);
	else
		report->lines_count = 0;
}

/* A hold that was answered with what its buyer has, long after the key had made a booking. */
static void
judge_anew(const struct history *h, struct report *report, const struct call *first,
	const struct call *again)
{
	if (h->crash || again->user == 0 || again->sent_us <= first->done_us ||
		again->sent_us > first->done_us + KEPT_US)
		return;
	report_line(report, call_line(h, first));
	report_line(report, call_line(h, again));
	report_finding(report, 5,
		"one key, two answers to %s: booking %s, which it made, and %d with booking %s",
		record_op_names[first->op], names_text(&h->bookings, booking_of(first)),
		again->status, names_text(&h->bookings, booking_of(again)));
}

static void
judge_kept(const struct history *h, struct report *report, const struct call *call)
{
	const struct key *key = &h->key[call->key];

	if (call->asked_booking == 0 || call->user == 0 || call->done_us < h->now_us - KEPT_US ||
		h->crash)
		return;
	if (key->stored == UINT32_MAX || key->stored == booking_of(call))
		return;
	report_line(report, call_line(h, call));
	if (key->stored == 0)
		report_finding(report, 5, "the answer to the key of this %s was not kept",
			record_op_names[call->op]);
	else
		report_finding(report, 5,
			"under the key of this %s an answer of booking %s is kept",
			record_op_names[call->op], names_text(&h->bookings, key->stored));
}

/* The booking that a key made is stored under it. */
static void
judge_stored(const struct history *h, struct report *report, const struct call *call)
{
	const struct booking *b = &h->booking[call->got_booking];

	if (call->got_booking == 0 || call->user == 0 || call->status != 201 || !b->stored ||
		b->key == call->key)
		return;
	report_line(report, call_line(h, call));
	report_finding(report, 5, "booking %s was answered to a key, and is stored under %s",
		names_text(&h->bookings, call->got_booking), b->key ? "another" : "none");
}

/* A hold that was refused long after the booking was made under its key. */
static bool
hold_is_denied(const struct history *h, const struct call *call)
{
	uint32_t number = h->key[call->key].stored;
	const struct booking *b = &h->booking[number];

	if (number == 0 || call->status != 409 ||
		(call->refusal != REFUSAL_SEATS && call->refusal != REFUSAL_SOLD_OUT &&
			call->refusal != REFUSAL_LIMIT && call->refusal != REFUSAL_CLOSED))
		return false;
	return b->created_us + TRANSACTION_US + h->skew_us < call->sent_us &&
	       call->sent_us < b->created_us + KEPT_US;
}

/*
 * A move that was refused although it was done, before or after: where a hold has expired, nothing
 * is done any more, and what cannot be confirmed or released any more will never be. To cancel may
 * come too early.
 */
static bool
move_is_denied(const struct history *h, const struct call *call)
{
	bool expired = call->refusal == REFUSAL_EXPIRED;
	bool state = call->refusal == REFUSAL_STATE && call->op != RECORD_CANCEL && !h->crash;

	return call->asked_booking && h->key[call->key].stored == call->asked_booking &&
	       !h->booking[call->asked_booking].late && (expired || state);
}

static void
judge_refused(const struct history *h, struct report *report, const struct call *call)
{
	bool moves = call_moves(call);

	if (call->user == 0 || (!moves && call->op != RECORD_HOLD))
		return;
	if (moves ? !move_is_denied(h, call) : !hold_is_denied(h, call))
		return;
	report_line(report, h->key[call->key].first);
	report_line(report, call_line(h, call));
	report_finding(report, 5, "%s was refused, and under its key booking %s is kept",
		record_op_names[call->op], names_text(&h->bookings, h->key[call->key].stored));
}

void
rule_keys(struct history *h, struct report *report)
{
	uint32_t *first = calloc((size_t)h->keys.count + 1, sizeof(*first));

	assert(first);
	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];

		if (call->key && call->refusal != REFUSAL_NONE)
			judge_refused(h, report, call);
		if (call->key && call_done(call) && !is_kept(call) && first[call->key])
			judge_anew(h, report, line_call(h, first[call->key]), call);
		if (call->key == 0 || !is_kept(call))
			continue;
		if (first[call->key])
			judge_repeat(h, report, line_call(h, first[call->key]), call);
		else
			first[call->key] = call_line(h, call);
		if (call->op == RECORD_HOLD)
			judge_stored(h, report, call);
		else if (call_moves(call))
			judge_kept(h, report, call);
	}
	for (uint32_t number = 1; number <= h->keys.count; number++) {
		const struct key *key = &h->key[number];

		if (key->another == 0)
			continue;
		report_line(report, first[number]);
		report_finding(report, 5, "one key, and two bookings in the database: %s and %s",
			names_text(&h->bookings, key->stored),
			names_text(&h->bookings, key->another));
	}
	free(first);
}
