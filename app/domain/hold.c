/*
 * The transition into HOLD.
 */
#include "domain/hold.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/id.h"
#include "base/metrics.h"
#include "domain/demand.h"
#include "domain/limit.h"
#include "domain/pass.h"
#include "domain/room.h"
#include "queries.h"

/* Verdicts are counted under their own numbers. */
static_assert((int)METRIC_VERDICT_AWAY == FILTER_AWAY && (int)METRIC_VERDICT_ASK == FILTER_ASK &&
		      (int)METRIC_VERDICT_PASS == FILTER_PASS,
	"the values of a label are those of an enum");

/* One call of the function in PostgreSQL, with the arrays made once. */
struct attempt {
	const struct hold_wish *wish;
	const struct context_key *key;
	const char *booking_id;
	const char *seats, *sections, *quantities;
	const char *lines;   /* by the word of the filter people wait there for these places */
	const int64_t *pass; /* NULL: none that is good */
	enum filter_verdict verdict;
	const char *taken; /* as the filter answered it, where it took */
	bool doubtful;     /* the take may have been done and not answered */
	bool repeated;     /* the answer to a call was lost */
	bool slow;         /* from the take to the commit it took long */
	struct pg_rows rows;
};

static enum problem
call(struct context *house, struct attempt *a, bool wait, bool give_back)
{
	const struct conf *conf = house->conf;

	return query_booking_hold(house->pg, house->arena, house->deadline_us, house->why, &a->rows,
		a->wish->event_id, a->wish->user_id, a->booking_id, a->key->key,
		a->key->key ? a->key->fingerprint : NULL, wait, give_back, a->seats, a->sections,
		a->quantities, conf->hold_seconds, conf->max_seats_per_booking,
		conf->max_seats_per_user, a->pass, a->verdict != FILTER_TAKEN, a->lines);
}

/*
 * PostgreSQL's word. A full section is asked for once more after giving back what is due; an
 * unknown outcome is asked for once more under the same id, waiting for whoever may still be at
 * work on it.
 */
static enum problem
decide(struct context *house, struct attempt *a, bool *unknown)
{
	bool wait = false, give_back = false;
	enum problem err;

	*unknown = false;
	for (;;) {
		err = call(house, a, wait, give_back);
		if (err == PROBLEM_GIVE_BACK && !give_back) {
			give_back = true;
		} else if (err == PROBLEM_UNKNOWN_OUTCOME && !wait) {
			wait = a->repeated = *unknown = true;
		} else {
			break;
		}
		FAULT("hold.again");
	}
	if (err == PROBLEM_GIVE_BACK) {
		*house->why = (struct problem_why){ .extensions = "{\"available\":0}" };
		err = PROBLEM_SOLD_OUT;
	}
	/* Without an answer the first call may have been committed, whatever kept the
	 * second away. */
	if (err != PROBLEM_UNAVAILABLE && err != PROBLEM_UNKNOWN_OUTCOME && err != PROBLEM_BUSY)
		*unknown = false;
	return *unknown ? PROBLEM_UNKNOWN_OUTCOME : err;
}

/* What the filter refused by itself. */
static enum problem
refuse(struct context *house, const struct hold_wish *wish, const struct filter_answer *answer)
{
	struct str out;

	switch (answer->verdict) {
	case FILTER_LIMITED:
		return limit_refuse(
			house, "hold", house->conf->rate_write, answer->retry_ms * 1000);
	case FILTER_LOST:
		str_init(&out, house->arena);
		str_add(&out, ",\"seat_ids\":[");
		for (size_t i = 0; i < answer->lost_count; i++) {
			if (i > 0)
				str_add_char(&out, ',');
			str_add_json(&out, wish->seat_ids[answer->lost[i]]);
		}
		str_add_char(&out, ']');
		house->why->members = out.data;
		return PROBLEM_SEATS_UNAVAILABLE;
	case FILTER_FULL:
		str_init(&out, house->arena);
		str_add(&out, ",\"section_id\":");
		str_add_json(&out, answer->section_id);
		str_printf(&out, ",\"available\":%" PRId64,
			answer->available > 0 ? answer->available : 0);
		house->why->members = out.data;
		return PROBLEM_SOLD_OUT;
	case FILTER_PASS:
		return PROBLEM_QUEUE_REQUIRED;
	default:
		return PROBLEM_NONE;
	}
}

/* What the script took, or may have taken, is undone: where it cannot be told from what another
 * request under the same key has put there since, PostgreSQL is asked first. */
static void
undo_take(struct context *house, const struct attempt *a)
{
	if (a->taken)
		filter_undo(house, a->wish->event_id, a->booking_id, a->taken);
	else
		filter_unheard(house, a->wish->event_id, a->booking_id, true);
}

/* After a refusal: what the script took is undone, and what it did not know is written. */
static void
undo(struct context *house, const struct attempt *a, enum problem err)
{
	const struct hold_wish *wish = a->wish;
	/* Else whoever asks for events that there are not would fill Redis with their keys. */
	bool stranger = a->verdict == FILTER_MISSING && err == PROBLEM_NOT_FOUND;

	if (a->verdict != FILTER_TAKEN && !stranger && !a->doubtful)
		return;
	if (stranger)
		filter_drop(house, wish->event_id, a->booking_id, false);
	else
		undo_take(house, a);
	FAULT("hold.undone");
	if (err == PROBLEM_SEATS_UNAVAILABLE)
		filter_repair(house, wish->event_id, wish->seat_ids, wish->seats);
}

/* After PostgreSQL has committed: the filter follows where its own take does not say the same. */
static void
follow(struct context *house, const struct attempt *a, enum hold_outcome outcome)
{
	const struct hold_wish *wish = a->wish;
	struct filter_entry entry;

	if (outcome == HOLD_NEW) {
		if (a->verdict != FILTER_TAKEN || a->slow) {
			entry = booking_entry(
				house->arena, &a->rows, 0, wish->event_id, wish->user_id);
			filter_put(house, &entry);
		}
	} else if (a->verdict == FILTER_TAKEN || a->doubtful) {
		undo_take(house, a);
		filter_refresh(
			house, wish->event_id, pg_text(&a->rows, 0, BOOKING_HOLD_BOOKING_ID));
	} else if (a->repeated) {
		/* This request's own first call, that is told again. */
		filter_refresh(house, wish->event_id, a->booking_id);
	}
}

struct booking_part
hold_places(const struct hold_wish *wish)
{
	return (struct booking_part){
		.seat_ids = wish->seat_ids,
		.seat_pointers = wish->seat_pointers,
		.seats = wish->seats,
		.section_ids = wish->section_ids,
		.quantities = wish->quantities,
		.section_pointers = wish->section_pointers,
		.quantity_pointers = wish->quantity_pointers,
		.sections = wish->sections,
	};
}

/* PostgreSQL names unknown places and too many of them; the request says where they stood. */
static enum problem
explain(struct context *house, const struct hold_wish *wish, enum problem err)
{
	struct booking_part places = hold_places(wish);

	return err == PROBLEM_INVALID ? booking_places_unknown(house, &places) : err;
}

static enum problem
take(struct context *house, const struct hold_wish *wish, const struct context_key *key,
	enum hold_outcome *outcome, struct booking *out)
{
	char booking_id[ID_UUID_TEXT];
	const char *secret = house->conf->id_secret;
	struct attempt a = { .wish = wish, .key = key, .booking_id = booking_id };
	struct filter_answer answer;
	struct pass pass;
	enum pass_state shown;
	const char *said;
	int64_t began_us;
	bool unknown;
	enum problem err;

	shown = pass_check(house->arena, wish->pass, wish->event_id, wish->user_id, &pass);
	a.pass = shown == PASS_GOOD ? &pass.score : NULL;
	if (key->key)
		id_booking_from_key(wish->event_id, secret, strlen(secret), wish->user_id, "hold",
			key->key, booking_id);
	else
		id_booking_random(wish->event_id, booking_id);
	began_us = clock_monotonic_us();
	filter_take(house,
		&(struct filter_wish){ .event_id = wish->event_id,
			.booking_id = booking_id,
			.user_id = wish->user_id,
			.keyed = key->key != NULL,
			.seat_ids = wish->seat_ids,
			.seats = wish->seats,
			.section_ids = wish->section_ids,
			.quantities = wish->quantities,
			.sections = wish->sections,
			.pass = pass_place(house->arena, a.pass ? &pass : NULL) },
		&answer);
	a.verdict = answer.verdict;
	a.taken = answer.taken;
	a.doubtful = answer.doubtful;
	metrics_add(METRIC_VERDICTS, (int)answer.verdict, 1);
	err = refuse(house, wish, &answer);
	if (err)
		return err == PROBLEM_QUEUE_REQUIRED
			       ? pass_refuse(house->why, house->arena, wish->event_id, shown)
			       : err;

	a.seats = pg_array_text(house->arena, wish->seat_ids, wish->seats);
	a.sections = pg_array_text(house->arena, wish->section_ids, wish->sections);
	a.quantities = pg_array_int(house->arena, wish->quantities, wish->sections);
	a.lines = pg_array_text(house->arena, answer.lines, answer.lines_count);
	FAULT("hold.taken");
	err = decide(house, &a, &unknown);
	a.slow = clock_monotonic_us() - began_us > FILTER_SLOW_US;
	FAULT("hold.decided");
	if (unknown) {
		/* A take stands until its deadline; what was not taken may have been written. */
		if (a.verdict != FILTER_TAKEN && !a.doubtful)
			filter_unheard(house, wish->event_id, booking_id, true);
		return err;
	}
	if (err) {
		undo(house, &a, err);
		if (err == PROBLEM_QUEUE_REQUIRED) {
			if (a.pass)
				room_end(
					house, wish->event_id, wish->user_id, *a.pass, "confirmed");
			return pass_refuse(house->why, house->arena, wish->event_id,
				shown == PASS_GOOD ? PASS_SPENT : shown);
		}
		return explain(house, wish, err);
	}
	said = pg_text(&a.rows, 0, BOOKING_HOLD_OUTCOME);
	*outcome = str_equal(said, "new")    ? HOLD_NEW
		   : str_equal(said, "same") ? HOLD_SAME
					     : HOLD_REPLAY;
	follow(house, &a, *outcome);
	if (a.pass && answer.stranger)
		room_inside(house, &pass);
	FAULT("hold.followed");
	booking_read(house->arena, &a.rows, 0, out);
	return PROBLEM_NONE;
}

static void
note(const struct hold_wish *wish)
{
	int64_t places = (int64_t)wish->seats;

	for (size_t i = 0; i < wish->sections; i++)
		places += wish->quantities[i];
	demand_note(wish->event_id, places);
}

enum problem
hold_take(struct context *house, const struct hold_wish *wish, const struct context_key *key,
	enum hold_outcome *outcome, struct booking *out)
{
	static const int values[] = {
		[HOLD_NEW] = METRIC_OUTCOME_DONE,
		[HOLD_REPLAY] = METRIC_OUTCOME_REPLAY,
		[HOLD_SAME] = METRIC_OUTCOME_SAME,
	};
	enum problem err = take(house, wish, key, outcome, out);

	if (!err && *outcome == HOLD_NEW)
		note(wish);
	metrics_add_pair(METRIC_MOVES, METRIC_MOVE_HOLD,
		err ? METRIC_OUTCOME_REPLAY + (int)err : values[*outcome], 1);
	return err;
}

enum problem
hold_only_section(struct context *house, int32_t event_id, const char **section_id)
{
	struct pg_rows rows;
	enum problem err;

	err = query_booking_sections(
		house->pg, house->arena, house->deadline_us, house->why, &rows, event_id);
	if (err)
		return err;
	if (rows.count == 0)
		return PROBLEM_NOT_FOUND;
	if (rows.count > 1)
		return problem_at(house->why, house->arena, "/section_id",
			"This event has several sections: name one.");
	*section_id = pg_text(&rows, 0, BOOKING_SECTIONS_SECTION_ID);
	return PROBLEM_NONE;
}
