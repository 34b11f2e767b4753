/*
 * Rule 3, for what counts beside places: every refusal gives a reason, one that its call can have,
 * and one that was so.
 *
 * Seats are refused to whoever asks for some, and a section is sold out for whoever asks for one;
 * who joins a line is refused only since sales are closed, or others at work. A payment is
 * required of what costs something, and is held. Whoever is told that others are at work has
 * waited for them. A key is in flight while another call with it may be at work, and belongs to
 * another request if there was one before, which of holds is one for other places. Places that
 * were granted to somebody are no invalid ones, an event that is there is found, and nobody is
 * forbidden what is theirs.
 *
 * Who had the locks that somebody waited for is not known: jobs take them, too.
 */
#include <inttypes.h>

#include "history/history.h"

struct granted {
	uint64_t hash; /* of what was asked */
	uint32_t line;
};

/* A request that may have been answered under a key. */
struct use {
	int64_t sent_us; /* EVER: there is none; 0: by a call that is not recorded */
	const struct call *call;
};

/* Of a key: the first one, and the first that asked for other places than that. */
struct uses {
	struct use first, other;
};

struct reasons {
	struct history *h;
	struct report *report;
	struct acts keys;        /* calls with a key that was said to be in flight */
	struct uses *uses;       /* by key; where any was said to be another request's */
	struct granted *granted; /* holds, by hash; where any was said to be invalid */
	size_t granted_count, granted_room;
};

/* ---- what is there to compare with ----------------------------------------------------------- */

static int
by_hash(const void *left, const void *right)
{
	const struct granted *a = left, *b = right;

	return (a->hash > b->hash) - (a->hash < b->hash);
}

static void
index_granted(struct reasons *r)
{
	const struct history *h = r->h;

	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];

		if (call->op != RECORD_HOLD || call->status != 201)
			continue;
		r->granted = grow_array(
			r->granted, sizeof(*r->granted), &r->granted_room, r->granted_count + 1);
		r->granted[r->granted_count++] = (struct granted){
			.hash = history_hash(h, call->asked),
			.line = call_line(h, call),
		};
	}
	if (r->granted_count > 0)
		qsort(r->granted, r->granted_count, sizeof(*r->granted), by_hash);
}

/* Calls that were told that another is at work were not at work under the key themselves. */
static void
index_keys(struct reasons *r)
{
	const struct history *h = r->h;
	bool *wanted = calloc((size_t)h->keys.count + 1, sizeof(*wanted));

	assert(wanted);
	for (size_t i = 0; i < h->calls_count; i++)
		wanted[h->calls[i].key] |= h->calls[i].refusal == REFUSAL_IN_FLIGHT;
	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];

		if (call->key && wanted[call->key] && call->refusal != REFUSAL_IN_FLIGHT)
			acts_add(h, &r->keys, call->key, call);
	}
	free(wanted);
	acts_sort(&r->keys);
}

/* In the same order: another order is another request. */
static bool
asks_the_same(const struct history *h, const struct call *a, const struct call *b)
{
	for (uint32_t i = 0; i < a->asked.count && i < b->asked.count; i++) {
		const struct place *left = &h->pool[a->asked.at + i];
		const struct place *right = &h->pool[b->asked.at + i];

		if (left->number != right->number || left->quantity != right->quantity)
			return false;
	}
	return a->asked.count == b->asked.count;
}

static void
use_earlier(struct use *use, const struct call *call)
{
	if (call->sent_us < use->sent_us)
		*use = (struct use){ call->sent_us, call };
}

/* An answer may be kept under its key; the 200 of a hold is kept under none. */
static bool
may_be_kept(const struct call *call)
{
	return call->key &&
	       (call_unknown(call) ||
		       (call_done(call) && (call->op != RECORD_HOLD || call->status == 201)));
}

static void
index_uses(struct reasons *r)
{
	const struct history *h = r->h;

	r->uses = calloc((size_t)h->keys.count + 1, sizeof(*r->uses));
	assert(r->uses);
	for (uint32_t i = 0; i <= h->keys.count; i++)
		r->uses[i].first.sent_us = r->uses[i].other.sent_us = EVER;
	for (size_t i = 0; i < h->calls_count; i++) {
		if (may_be_kept(&h->calls[i]))
			use_earlier(&r->uses[h->calls[i].key].first, &h->calls[i]);
	}
	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];
		struct uses *uses = &r->uses[call->key];

		if (may_be_kept(call) && uses->first.call &&
			!asks_the_same(h, call, uses->first.call))
			use_earlier(&uses->other, call);
	}
	for (uint32_t i = 1; i <= h->keys.count; i++) {
		if (r->uses[i].first.call && r->uses[i].first.call->replayed)
			r->uses[i].first.sent_us = 0;
	}
}

static void
index_all(struct reasons *r)
{
	const struct history *h = r->h;
	bool invalid = false, in_flight = false, reused = false;

	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];

		invalid |= call->op == RECORD_HOLD && call->status == 422;
		in_flight |= call->refusal == REFUSAL_IN_FLIGHT;
		reused |= call->refusal == REFUSAL_KEY_REUSED;
	}
	if (reused)
		index_uses(r);
	if (invalid)
		index_granted(r);
	if (in_flight)
		index_keys(r);
}

/* ---- judgements ------------------------------------------------------------------------------ */

/* Why nobody can have had to pay for it; NULL: they can. */
static const char *
unpaid_fault(const struct history *h, const struct call *call, const struct booking *b)
{
	if (call_follows_confirm(h, call, b))
		return "it had been confirmed";
	if (!h->paid)
		return "the event takes no payment";
	if (b->free)
		return "it is free of charge";
	if (b->left_us != RECORD_ABSENT && b->left_us < call->sent_us && !h->crash)
		return "it had been given back";
	return booking_deadline(b) + h->skew_us < call->sent_us ? "its hold had expired" : NULL;
}

static void
judge_unpaid(struct reasons *r, const struct call *call)
{
	const struct history *h = r->h;
	const struct booking *b = &h->booking[call->asked_booking];
	const char *fault;

	if (call->asked_booking == 0 || !b->stored || b->late)
		return;
	fault = unpaid_fault(h, call, b);
	if (!fault)
		return;
	report_line(r->report, b->held);
	if (call_follows_confirm(h, call, b))
		report_line(r->report, b->confirmed);
	report_line(r->report, call_line(h, call));
	report_finding(r->report, 3, "booking %s was said to need a payment, and %s",
		names_text(&h->bookings, call->asked_booking), fault);
}

static void
judge_busy(struct reasons *r, const struct call *call)
{
	int64_t least_us = r->h->wait_us - r->h->wait_us / 10;

	if (call->done_us - call->sent_us >= least_us)
		return;
	report_line(r->report, call_line(r->h, call));
	report_finding(r->report, 3,
		"%s was refused since others were at work, after %" PRId64
		" us, and waits for %" PRId64 " us before",
		record_op_names[call->op], call->done_us - call->sent_us, r->h->wait_us);
}

static void
judge_in_flight(struct reasons *r, const struct call *call)
{
	const struct history *h = r->h;

	/* What a server that was killed had begun may be at work for longer. */
	if (h->crash || h->drift_us > 0 || (call->key && call->user == 0))
		return;
	if (call->key && acts_last(&r->keys, call->key, call->done_us) >= call->sent_us)
		return;
	report_line(r->report, call_line(h, call));
	report_finding(r->report, 3, "%s was refused since its key was in flight, and %s",
		record_op_names[call->op], call->key ? "no other call with it was" : "it has none");
}

/* Whether something else can have been done with the key: of a move any, its body is not known. */
static bool
was_used(const struct reasons *r, const struct call *call)
{
	const struct history *h = r->h;
	const struct uses *uses = &r->uses[call->key];
	uint32_t stored = h->key[call->key].stored;
	bool same =
		uses->first.call && !call_moves(call) && asks_the_same(h, call, uses->first.call);
	int64_t made_us;

	if ((same ? uses->other.sent_us : uses->first.sent_us) <= call->done_us)
		return true;
	if (stored == 0 || call_moves(call))
		return stored && !uses->first.call;
	/* Before all that is recorded of it, for places in an order that is not known. */
	made_us = h->booking[stored].created_us;
	return made_us - h->skew_us <= call->done_us && made_us + h->skew_us < uses->first.sent_us;
}

static void
judge_reused(struct reasons *r, const struct call *call)
{
	const struct uses *uses = &r->uses[call->key];

	if (call->key && (call->user == 0 || was_used(r, call)))
		return;
	if (call->key && uses->first.call)
		report_line(r->report, call_line(r->h, uses->first.call));
	report_line(r->report, call_line(r->h, call));
	report_finding(r->report, 3, "%s was refused since its key was another's, and %s",
		record_op_names[call->op],
		call->key ? "nothing else was done with it before" : "it has none");
}

static void
judge_invalid(struct reasons *r, const struct call *call)
{
	const struct granted wanted = { .hash = history_hash(r->h, call->asked) };
	const struct granted *found;

	if (call->op != RECORD_HOLD || wanted.hash == 0 || r->granted_count == 0)
		return;
	found = bsearch(&wanted, r->granted, r->granted_count, sizeof(*r->granted), by_hash);
	if (!found)
		return;
	report_line(r->report, found->line);
	report_line(r->report, call_line(r->h, call));
	report_finding(r->report, 3, "hold was refused as invalid, and the same was granted");
}

static void
judge_forbidden(struct reasons *r, const struct call *call)
{
	const struct history *h = r->h;
	const struct booking *b = &h->booking[call->asked_booking];

	if (call->refusal == REFUSAL_ROOM && call->op == RECORD_HOLD && h->event_status &&
		!h->room) {
		report_line(r->report, call_line(h, call));
		report_finding(r->report, 3,
			"hold was refused without a pass, and the event has no waiting room");
	}
	if (call->asked_booking == 0 || !b->stored || call->user == 0 || b->user != call->user)
		return;
	report_line(r->report, b->held);
	report_line(r->report, call_line(h, call));
	report_finding(r->report, 3, "%s of booking %s was forbidden, and it is the user's own",
		record_op_names[call->op], names_text(&h->bookings, call->asked_booking));
}

static void
judge_unfound(struct reasons *r, const struct call *call)
{
	const char *status = r->h->event_status;

	if (call->op != RECORD_HOLD || !status || strcmp(status, "draft") == 0)
		return;
	report_line(r->report, call_line(r->h, call));
	report_finding(r->report, 3, "hold did not find the event, which is %s", status);
}

#define BIT(refusal) (1u << REFUSAL_##refusal)

static bool
asks_for(const struct history *h, const struct call *call, bool section)
{
	for (uint32_t i = 0; i < call->asked.count; i++) {
		if (h->resource[h->pool[call->asked.at + i].number].is_section == section)
			return true;
	}
	return false;
}

/* Whether the refusal is one that calls of this kind can have with this status. */
static bool
is_possible(const struct history *h, const struct call *call)
{
	unsigned conflicts = BIT(BUSY) | BIT(IN_FLIGHT);

	if (call->op == RECORD_HOLD)
		conflicts |= BIT(LIMIT) | BIT(CLOSED) |
			     (asks_for(h, call, false) ? BIT(SEATS) : 0) |
			     (asks_for(h, call, true) ? BIT(SOLD_OUT) : 0);
	else if (call->op == RECORD_JOIN)
		conflicts = BIT(CLOSED) | BIT(BUSY);
	else
		conflicts |= BIT(STATE) | BIT(CLOSED) | BIT(PAYING) | BIT(OTHER);
	if (call->op == RECORD_CONFIRM)
		conflicts |= BIT(UNPAID);
	if (call->status == 410)
		conflicts = call_moves(call) ? BIT(EXPIRED) : 0;
	return conflicts & 1u << call->refusal;
}

static void
judge_conflict(struct reasons *r, const struct call *call)
{
	if (!is_possible(r->h, call)) {
		report_line(r->report, call_line(r->h, call));
		report_finding(r->report, 3,
			"%s was refused with %d, and not for a reason that it can have",
			record_op_names[call->op], call->status);
	} else if (call->refusal == REFUSAL_UNPAID) {
		judge_unpaid(r, call);
	} else if (call->refusal == REFUSAL_BUSY) {
		judge_busy(r, call);
	} else if (call->refusal == REFUSAL_IN_FLIGHT) {
		judge_in_flight(r, call);
	}
}

static void
judge(struct reasons *r, const struct call *call)
{
	switch (call->status) {
	case 403:
		judge_forbidden(r, call);
		break;
	case 404:
		judge_unfound(r, call);
		break;
	case 409:
	case 410:
		judge_conflict(r, call);
		break;
	case 422:
		if (call->refusal == REFUSAL_KEY_REUSED)
			judge_reused(r, call);
		else
			judge_invalid(r, call);
		break;
	default:
		break;
	}
}

void
rule_reasons(struct history *h, struct report *report)
{
	struct reasons r = { .h = h, .report = report };

	index_all(&r);
	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];

		if (call->op == RECORD_HOLD || call_moves(call))
			judge(&r, call);
		else if (call->op == RECORD_JOIN && (call->status == 409 || call->status == 410))
			judge_conflict(&r, call);
	}
	acts_release(&r.keys);
	free(r.uses);
	free(r.granted);
}
