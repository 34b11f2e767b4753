/*
 * Rule 3: every refusal was justified at some instant between request and answer.
 *
 * Somebody else may have held one of the seats that were said to be lost, from the first byte of
 * the request that took it to the last moment at which it can have been given back; likewise the
 * places of a section, and what a buyer has. Bookings of which the history knows nothing count by
 * the times that the database has of them. A hold that was not answered may have kept its places
 * from others, and so may one that was refused for another place, while it ran: Redis had given it
 * all, and PostgreSQL refused. That was for what somebody owned, not for what another such hold
 * kept: what Redis refuses it takes nothing of.
 *
 * What comes free in a section with a line is kept for those who stand in it: there a refusal is
 * justified as well when somebody may have waited then, from the first byte of the join to the
 * answer to the leave, or to the service. That is known where the line began in the run and nobody
 * has stood in it whose join the history does not have.
 *
 * A move was refused for the booking's state: another move may have brought it there by then, or
 * the deadline come. And sales were closed when the database says so.
 */
#include <inttypes.h>

#include "history/history.h"

struct refusals {
	struct history *h;
	struct report *report;
	struct possible *places, *buyers;
	struct possible *waits; /* by section: who may have stood in its line */
};

/* Of one request under its key all tries are one; others stand for themselves. */
static uint32_t
owner_of_try(const struct history *h, const struct call *call)
{
	uint32_t line = call_line(h, call);

	if (call->key && h->key[call->key].stored)
		return h->key[call->key].stored;
	if (call->key && h->key[call->key].first)
		line = h->key[call->key].first;
	return h->bookings.count + line;
}

static bool
span_has(const struct history *h, struct span span, uint32_t place)
{
	for (uint32_t i = 0; i < span.count; i++) {
		if (h->pool[span.at + i].number == place)
			return true;
	}
	return false;
}

/* Whether the hold may have kept places although it did not become a booking, as is known. */
static bool
may_have_kept(const struct history *h, const struct call *call)
{
	/* Of the one place that it asked for it was told that it cannot have it. */
	bool alone = call->asked.count == 1 &&
		     (call->refusal == REFUSAL_SOLD_OUT ||
			     (call->refusal == REFUSAL_SEATS && call->lost.count == 0));
	bool stored = call_unknown(call) && call->key && h->key[call->key].stored;

	return call->op == RECORD_HOLD && !call_done(call) && call->status != 400 &&
	       call->status != 401 && call->status != 429 && !alone && !stored;
}

static void
add_try(const struct history *h, struct intervals *places, const struct call *call)
{
	struct interval interval = {
		.owner = owner_of_try(h, call),
		.start_us = call->sent_us,
		.end_us = call->done_us + h->drift_us,
	};

	/* Redis keeps what it was told to take until its deadline, where nobody takes it back. */
	if (call_unknown(call))
		interval.end_us += h->head.hold_ms * 1000 + 1000000;
	for (uint32_t i = 0; i < call->asked.count; i++) {
		const struct place *place = &h->pool[call->asked.at + i];

		if (span_has(h, call->lost, place->number))
			continue;
		interval.resource = place->number;
		interval.quantity = place->quantity;
		interval_add(places, interval);
	}
}

/* What became bookings, and what may have been kept without an answer. */
static void
add_owned(const struct history *h, struct intervals *places)
{
	for (uint32_t number = 1; number <= h->bookings.count; number++) {
		struct interval interval = booking_possible(h, number);
		struct span span = booking_places(h, number);

		for (uint32_t i = 0; i < span.count; i++) {
			interval.resource = h->pool[span.at + i].number;
			interval.quantity = h->pool[span.at + i].quantity;
			interval_add(places, interval);
		}
	}
	for (size_t i = 0; i < h->calls_count; i++) {
		if (call_unknown(&h->calls[i]) && may_have_kept(h, &h->calls[i]))
			add_try(h, places, &h->calls[i]);
	}
}

static void
index_buyers(struct refusals *r)
{
	const struct history *h = r->h;
	struct intervals buyers = { .list = NULL };

	for (uint32_t number = 1; number <= h->bookings.count; number++) {
		struct interval interval = booking_possible(h, number);
		const struct booking *b = &h->booking[number];

		interval.resource = b->stored ? b->user : b->asker;
		interval.quantity = history_quantity(h, booking_places(h, number));
		interval_add(&buyers, interval);
	}
	r->buyers = possible_new(&buyers, h->users.count);
}

static void
index_waits(struct refusals *r)
{
	const struct history *h = r->h;
	struct intervals waits = { .list = NULL };

	for (size_t i = 0; i < h->lines.joins_count; i++) {
		const struct line_join *join = &h->lines.joins[i];

		interval_add(&waits, (struct interval){ .resource = join->section,
					     .owner = join->user,
					     .quantity = 1,
					     .start_us = join->sent_us,
					     .end_us = join->until_us });
	}
	r->waits = possible_new(&waits, h->places.count);
}

/* ---- judgements ------------------------------------------------------------------------------ */

/* Who had the place last, so that the finding can name the line. */
static void
name_last(struct refusals *r, uint32_t place, const struct call *call)
{
	const struct interval *last = possible_before(r->places, place, call->done_us);

	if (last && last->owner <= r->h->bookings.count)
		report_line(r->report, r->h->booking[last->owner].held);
}

/* Whether the place may have been kept for somebody in line: the asker, too, may be that. */
static bool
is_kept(const struct refusals *r, const struct call *call, uint32_t place)
{
	const struct history *h = r->h;
	uint32_t section = h->resource[place].section;

	if (h->resource[section].epoch == 0)
		return false;
	if (!line_is_of_run(h, section, 1) || h->resource[section].crowded)
		return true;
	/* PostgreSQL is asked then, and may keep it for a while when nobody waits any more. */
	if ((call->key && h->key[call->key].used != call_line(h, call)) ||
		(place != section &&
			possible_most(r->buyers, call->user, call->sent_us, call->done_us) > 0))
		return true;
	return possible_other(r->waits, section, 0, call->sent_us, call->done_us);
}

/* For the end of a finding. */
static const char *
nor_waited(const struct history *h, uint32_t place)
{
	return h->resource[h->resource[place].section].epoch > 0 ? ", nor have waited for it" : "";
}

static bool
seat_is_justified(const struct refusals *r, const struct call *call, uint32_t place)
{
	const struct resource *resource = &r->h->resource[place];

	if (!resource->known || resource->killed || is_kept(r, call, place))
		return true;
	return possible_other(
		r->places, place, owner_of_try(r->h, call), call->sent_us, call->done_us);
}

/* Each seat that was named; where none was, any that was asked for: rule_reasons.c wants one. */
static bool
seats_stand(const struct refusals *r, const struct call *call)
{
	const struct history *h = r->h;
	bool asks = false;

	for (uint32_t i = 0; i < call->lost.count; i++) {
		uint32_t place = h->pool[call->lost.at + i].number;

		if (!span_has(h, call->asked, place) || !seat_is_justified(r, call, place))
			return false;
	}
	for (uint32_t i = 0; i < call->asked.count && call->lost.count == 0; i++) {
		uint32_t place = h->pool[call->asked.at + i].number;

		if (h->resource[place].is_section)
			continue;
		if (seat_is_justified(r, call, place))
			return true;
		asks = true;
	}
	return !asks;
}

static void
judge_seats(struct refusals *r, const struct call *call)
{
	const struct history *h = r->h;

	if (seats_stand(r, call))
		return;
	for (uint32_t i = 0; i < call->lost.count; i++) {
		uint32_t place = h->pool[call->lost.at + i].number;

		if (!span_has(h, call->asked, place)) {
			report_line(r->report, call_line(h, call));
			report_finding(r->report, 3, "%s was refused, and was not asked for",
				names_text(&h->places, place));
			continue;
		}
		if (seat_is_justified(r, call, place))
			continue;
		report_line(r->report, call_line(h, call));
		name_last(r, place, call);
		report_finding(r->report, 3, "%s was refused, and nobody can have held it then%s",
			names_text(&h->places, place), nor_waited(h, place));
	}
	if (call->lost.count > 0)
		return;
	report_line(r->report, call_line(h, call));
	report_finding(
		r->report, 3, "seats were refused, and nobody can have held any of them then");
}

/* A section that had enough for it, of which so many may have been others'; 0: one had not. */
static uint32_t
sold_out_wrongly(const struct refusals *r, const struct call *call, int64_t *most)
{
	const struct history *h = r->h;
	uint32_t place = 0;

	for (uint32_t i = 0; i < call->asked.count; i++) {
		const struct place *asked = &h->pool[call->asked.at + i];
		const struct resource *resource = &h->resource[asked->number];

		if (!resource->is_section)
			continue;
		place = asked->number;
		/* Its own try is not among them, unless it is justified without any. */
		*most = possible_most(r->places, place, call->sent_us, call->done_us);
		if (!resource->known || is_kept(r, call, place) ||
			*most + asked->quantity > resource->capacity)
			return 0;
	}
	return place;
}

static void
judge_sold_out(struct refusals *r, const struct call *call)
{
	const struct history *h = r->h;
	int64_t most = 0;
	uint32_t place = sold_out_wrongly(r, call, &most);

	if (place == 0)
		return;
	report_line(r->report, call_line(h, call));
	name_last(r, place, call);
	report_finding(r->report, 3,
		"%s was said to be sold out, and others can have had no more than %" PRId64
		" of its %" PRId64 " places then%s",
		names_text(&h->places, place), most, h->resource[place].capacity,
		nor_waited(h, place));
}

/* Tries that were refused keep places from others only where that was for what is owned. */
static void
index_places(struct refusals *r)
{
	struct history *h = r->h;
	struct intervals places = { .list = NULL }, tries = { .list = NULL };
	int64_t most;

	add_owned(h, &places);
	r->places = possible_new(&places, h->places.count);
	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];

		if (call_unknown(call) || !may_have_kept(h, call) ||
			(call->refusal == REFUSAL_SEATS && !seats_stand(r, call)) ||
			(call->refusal == REFUSAL_SOLD_OUT && sold_out_wrongly(r, call, &most)))
			continue;
		add_try(h, &tries, call);
	}
	if (tries.count == 0)
		return;
	possible_free(r->places);
	add_owned(h, &tries);
	r->places = possible_new(&tries, h->places.count);
}

static void
judge_limit(struct refusals *r, const struct call *call)
{
	const struct history *h = r->h;
	int64_t asked = history_quantity(h, call->asked), most;

	most = possible_most(r->buyers, call->user, call->sent_us, call->done_us);
	if (call->user == 0 || (h->max_per_user > 0 && most + asked > h->max_per_user))
		return;
	report_line(r->report, call_line(h, call));
	if (h->max_per_user == 0)
		report_finding(r->report, 3, "a limit was said to be exceeded, and there is none");
	else
		report_finding(r->report, 3,
			"the limit of %" PRId64 " was said to be exceeded by %" PRId64
			" places more, and the buyer can have had no more than %" PRId64,
			h->max_per_user, asked, most);
}

/* Whether the booking was one that can be confirmed and released, all through the call. */
static bool
was_live(const struct history *h, const struct call *call, const struct booking *b)
{
	return b->told_us != RECORD_ABSENT && b->told_us < call->sent_us &&
	       b->least_expires_us != RECORD_ABSENT &&
	       call->done_us < b->least_expires_us - h->skew_us;
}

/* Whether a move that leads away can have come before the answer. */
static bool
may_have_moved(const struct history *h, const struct call *call, const struct booking *b)
{
	int64_t away_us = call->op == RECORD_CONFIRM ? b->leave_sent_us : b->confirm_sent_us;

	return (away_us != RECORD_ABSENT && away_us <= call->done_us) ||
	       (b->ended_us != RECORD_ABSENT && b->ended_us - h->skew_us <= call->done_us);
}

static void
judge_state(struct refusals *r, const struct call *call)
{
	const struct history *h = r->h;
	const struct booking *b = &h->booking[call->asked_booking];
	bool confirmed = call_follows_confirm(h, call, b);

	/* What money does stands in no line. */
	if (call->asked_booking == 0 || b->late || b->status == BOOKING_PAID_UNFULFILLED)
		return;
	if (call->op == RECORD_CANCEL && !confirmed)
		return;
	if (call->op != RECORD_CANCEL &&
		((!was_live(h, call, b) && (call->op != RECORD_CONFIRM || !confirmed)) ||
			may_have_moved(h, call, b)))
		return;
	report_line(r->report, confirmed ? b->confirmed : b->held);
	report_line(r->report, call_line(h, call));
	report_finding(r->report, 3, "%s was refused for the state of booking %s, which was %s",
		record_op_names[call->op], names_text(&h->bookings, call->asked_booking),
		confirmed ? "confirmed" : "held");
}

static void
judge_closed(struct refusals *r, const struct call *call)
{
	const struct history *h = r->h;
	const char *status = h->event_status;

	if (!status || strcmp(status, "cancelled") == 0)
		return;
	/* What is held may be confirmed after sales, too. */
	if (!call_moves(call) &&
		(strcmp(status, "on_sale") != 0 || call->sent_us < h->sales_start_us + h->skew_us ||
			call->done_us >= h->sales_end_us - h->skew_us))
		return;
	report_line(r->report, call_line(h, call));
	report_finding(r->report, 3, "%s was refused since sales were closed, and they were not",
		record_op_names[call->op]);
}

/* A hold, a move or a join that was answered 409. */
static void
judge_refusal(struct refusals *r, const struct call *call)
{
	bool moves = call_moves(call), holds = call->op == RECORD_HOLD;

	switch ((enum refusal)call->refusal) {
	case REFUSAL_STATE:
		if (moves)
			judge_state(r, call);
		break;
	case REFUSAL_CLOSED:
		judge_closed(r, call);
		break;
	case REFUSAL_SEATS:
		if (holds)
			judge_seats(r, call);
		break;
	case REFUSAL_SOLD_OUT:
		if (holds)
			judge_sold_out(r, call);
		break;
	case REFUSAL_LIMIT:
		if (holds)
			judge_limit(r, call);
		break;
	default:
		break;
	}
}

void
rule_refusals(struct history *h, struct report *report)
{
	struct refusals r = { .h = h, .report = report };

	index_buyers(&r);
	index_waits(&r);
	index_places(&r);
	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];

		if (call->op >= RECORD_HOLD && call->op <= RECORD_JOIN && call->status == 409)
			judge_refusal(&r, call);
	}
	possible_free(r.places);
	possible_free(r.buyers);
	possible_free(r.waits);
}
