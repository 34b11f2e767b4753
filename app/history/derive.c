/*
 * What the calls tell of each booking, and from when to when it certainly or possibly held its
 * places.
 */
#include "history/history.h"

static void
least(int64_t *known, int64_t us)
{
	if (*known == RECORD_ABSENT || us < *known)
		*known = us;
}

static void
most(int64_t *known, int64_t us)
{
	if (*known == RECORD_ABSENT || us > *known)
		*known = us;
}

static void
first(uint32_t *known, uint32_t line)
{
	if (*known == 0)
		*known = line;
}

/* An answer that told that the booking holds its places, or holds them for good. */
static void
derive_told(struct history *h, const struct call *call, struct booking *b)
{
	first(&b->held, call_line(h, call));
	first(&b->asker, call->user);
	least(&b->told_us, call->done_us);
	if (call->shown == BOOKING_HOLD && call->expires_us != RECORD_ABSENT) {
		least(&b->least_expires_us, call->expires_us);
		most(&b->most_expires_us, call->expires_us);
	}
}

static void
derive_leave(struct history *h, const struct call *call, struct booking *b)
{
	bool whole = call->asked.count == 0 || call->shown == BOOKING_CANCELLED;
	/* While a payment is open the wish is noted, and done when that has ended. */
	bool noted = call->op == RECORD_RELEASE && call->refusal == REFUSAL_PAYING;

	if (!call_done(call) && !call_unknown(call) && !noted)
		return;
	least(&b->leave_sent_us, call->sent_us);
	if (!call_done(call)) {
		b->leave_unknown = true;
		return;
	}
	first(&b->left, call_line(h, call));
	first(&b->asker, call->user);
	if (whole)
		least(&b->left_us, call->done_us);
}

static void
derive_confirm(struct history *h, const struct call *call, struct booking *b)
{
	if (!call_done(call) && !call_unknown(call))
		return;
	least(&b->confirm_sent_us, call->sent_us);
	if (call_unknown(call)) {
		b->confirm_unknown = true;
		return;
	}
	first(&b->confirmed, call_line(h, call));
	derive_told(h, call, b);
}

/* A hold without an answer may have made the booking that the database has under its key. */
static void
derive_tried(struct history *h, const struct call *call)
{
	uint32_t number = call->key ? h->key[call->key].stored : 0;
	struct booking *b;

	if (number == 0)
		return;
	b = &h->booking[number];
	first(&b->tried, call_line(h, call));
	first(&b->asker, call->user);
	least(&b->sent_us, call->sent_us);
}

static void
derive_call(struct history *h, const struct call *call)
{
	uint32_t number = call->asked_booking ? call->asked_booking : call->got_booking;
	struct booking *b = &h->booking[number];

	if (call->key)
		first(&h->key[call->key].used, call_line(h, call));
	if (call->key && (call_done(call) || call_unknown(call)))
		first(&h->key[call->key].first, call_line(h, call));
	if (call->op == RECORD_HOLD && call_unknown(call))
		derive_tried(h, call);
	if (number == 0)
		return;
	switch ((enum record_op)call->op) {
	case RECORD_HOLD:
		if (call_done(call)) {
			derive_told(h, call, b);
			least(&b->sent_us, call->sent_us);
		}
		break;
	case RECORD_CONFIRM:
		derive_confirm(h, call, b);
		break;
	case RECORD_RELEASE:
	case RECORD_CANCEL:
		derive_leave(h, call, b);
		break;
	case RECORD_GET:
	case RECORD_POLL:
		if (call_done(call) &&
			(call->shown == BOOKING_HOLD || call->shown == BOOKING_RESERVED ||
				call->shown == BOOKING_CONFIRMED))
			derive_told(h, call, b);
		break;
	default:
		break;
	}
}

/* Whoever leaves a line gives back what was served there; the call names no booking. */
static void
derive_left_lines(struct history *h)
{
	int64_t *left = calloc((size_t)h->users.count + 1, sizeof(*left));

	assert(left);
	for (size_t i = 0; i <= h->users.count; i++)
		left[i] = RECORD_ABSENT;
	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];

		if (call->op == RECORD_LEAVE && (call_done(call) || call_unknown(call)))
			least(&left[call->user], call->sent_us);
	}
	for (uint32_t i = 1; i <= h->bookings.count; i++) {
		struct booking *b = &h->booking[i];

		if (b->served && left[b->user] != RECORD_ABSENT) {
			least(&b->leave_sent_us, left[b->user]);
			b->leave_unknown = true;
		}
	}
	free(left);
}

void
history_derive(struct history *h)
{
	for (uint32_t i = 0; i <= h->bookings.count; i++) {
		struct booking *b = &h->booking[i];

		b->sent_us = b->told_us = b->left_us = RECORD_ABSENT;
		b->least_expires_us = b->most_expires_us = RECORD_ABSENT;
		b->confirm_sent_us = b->leave_sent_us = RECORD_ABSENT;
		if (!b->stored)
			b->confirmed_us = b->ended_us = b->cancelled_us = RECORD_ABSENT;
	}
	for (size_t i = 0; i < h->calls_count; i++)
		derive_call(h, &h->calls[i]);
	derive_left_lines(h);
	lines_derive(h);
}

/* ---- ownership ------------------------------------------------------------------------------- */

int64_t
booking_deadline(const struct booking *b)
{
	int64_t us = b->most_expires_us;

	if (b->stored)
		most(&us, b->expires_us);
	return us;
}

struct span
booking_places(const struct history *h, uint32_t booking)
{
	const struct booking *b = &h->booking[booking];
	const struct call *call;

	if (b->stored)
		return b->places;
	if (b->held) {
		call = line_call(h, b->held);
		if (call->op == RECORD_HOLD)
			return call->asked;
	}
	return (struct span){ .count = 0 };
}

static int64_t
later(int64_t us, int64_t by_us)
{
	return us > EVER - by_us ? EVER : us + by_us;
}

struct interval
booking_certain(const struct history *h, uint32_t booking)
{
	const struct booking *b = &h->booking[booking];
	int64_t start_us = EVER, end_us = EVER;
	bool made_anew;

	if (h->crash && !b->stored)
		return (struct interval){ .start_us = 0, .end_us = -1 };
	/* What was told before was undone by the crash, and came back under its key. */
	made_anew = h->crash && b->told_us < b->created_us - h->skew_us;
	if (b->stored)
		start_us = later(
			b->late ? b->confirmed_us : b->created_us, TRANSACTION_US + h->skew_us);
	if (b->told_us != RECORD_ABSENT && b->told_us < start_us && !b->late && !made_anew)
		start_us = b->told_us;
	/* A hold ends at its deadline; what was confirmed, when somebody gives it away. */
	if (b->confirmed_us == RECORD_ABSENT && b->confirmed == 0) {
		end_us = b->least_expires_us != RECORD_ABSENT ? b->least_expires_us
			 : b->stored                          ? b->expires_us
							      : INT64_MIN;
		if (end_us != INT64_MIN)
			end_us -= h->skew_us;
	}
	if (b->leave_sent_us != RECORD_ABSENT && b->leave_sent_us < end_us)
		end_us = b->leave_sent_us;
	if (b->ended_us != RECORD_ABSENT && b->ended_us - h->skew_us < end_us)
		end_us = b->ended_us - h->skew_us;
	if (b->cancelled_us != RECORD_ABSENT && b->cancelled_us - h->skew_us < end_us)
		end_us = b->cancelled_us - h->skew_us;
	return (struct interval){ .owner = booking, .start_us = start_us, .end_us = end_us };
}

/* When what was answered to have been given back was so at the latest; EVER: not by that. */
static int64_t
left_end(const struct history *h, const struct booking *b)
{
	int64_t ended_us = later(b->ended_us, TRANSACTION_US + h->skew_us);

	if (!h->crash || !b->stored)
		return b->left_us; /* by the caller's clock, as the refusals are */
	/* The crash may have undone it, and another call have done it again. */
	if (b->status != BOOKING_RELEASED && b->status != BOOKING_CANCELLED &&
		b->status != BOOKING_REFUNDED)
		return EVER;
	return b->left_us > ended_us ? b->left_us : ended_us;
}

/* When its places can have been given back at the latest. */
static int64_t
possible_end(const struct history *h, const struct booking *b)
{
	int64_t deadline_us = booking_deadline(b), slack_us = h->skew_us + h->drift_us;
	bool owned = b->confirmed_us != RECORD_ABSENT || b->confirmed || b->confirm_unknown;
	bool ended = b->status == BOOKING_CANCELLED || b->status == BOOKING_REFUNDED;
	bool kept = b->stored ? b->status == BOOKING_CONFIRMED : owned && !ended;
	bool left = b->left_us != RECORD_ABSENT && (!b->stored || !kept);

	if (left && left_end(h, b) != EVER)
		return later(left_end(h, b), h->drift_us);
	if (kept || deadline_us == RECORD_ABSENT)
		return EVER;
	if (owned && ended)
		/* Until Redis heard of it, which nobody knows when nobody was told. */
		return b->leave_unknown ? EVER : later(b->ended_us, TRANSACTION_US + slack_us);
	deadline_us = later(deadline_us, REDIS_CLOCK_US + slack_us);
	if (b->status == BOOKING_RELEASED && !b->leave_unknown &&
		later(b->ended_us, TRANSACTION_US + slack_us) < deadline_us)
		deadline_us = later(b->ended_us, TRANSACTION_US + slack_us);
	return deadline_us;
}

struct interval
booking_possible(const struct history *h, uint32_t booking)
{
	const struct booking *b = &h->booking[booking];
	struct interval interval = { .owner = booking, .start_us = b->sent_us };

	if (!b->stored && b->held == 0)
		return (struct interval){ .start_us = 0, .end_us = -1 };
	/* Also where it was made by no recorded hold: in a queue, or in an earlier run. */
	if (b->sent_us == RECORD_ABSENT || (b->stored && b->created_us + h->skew_us < b->sent_us))
		interval.start_us =
			(b->stored ? b->created_us : b->told_us) - TRANSACTION_US - h->skew_us;
	interval.end_us = possible_end(h, b);
	return interval;
}
