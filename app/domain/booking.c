/*
 * Moves of a booking after its hold: PostgreSQL first, then the filter follows.
 */
#include "domain/booking.h"

#include "base/fault.h"
#include "base/id.h"
#include "base/metrics.h"
#include "domain/filter_parts.h"
#include "domain/room.h"
#include "queries.h"

static enum problem
count(int move, enum problem err, const enum booking_outcome *outcome)
{
	static const int values[] = {
		[BOOKING_MOVED] = METRIC_OUTCOME_DONE,
		[BOOKING_DONE] = METRIC_OUTCOME_SAME,
		[BOOKING_REPLAY] = METRIC_OUTCOME_REPLAY,
	};

	metrics_add_pair(
		METRIC_MOVES, move, err ? METRIC_OUTCOME_REPLAY + (int)err : values[*outcome], 1);
	return err;
}

/* A move under way: the caller's booking, and one call of a function in PostgreSQL. */
struct move {
	const struct booking_name *name;
	const struct context_key *key;
	const struct booking_part *part; /* cancel alone */
	int32_t event_id;
	bool repeated; /* the answer to the first call was lost */
	bool spends;   /* the rows say with which pass of a waiting room */
	bool revives;  /* late money may confirm what it ends; the rows say by when it had ended */
	struct pg_rows rows;
	enum problem (*call)(struct context *house, struct move *move, bool wait);
};

static const char *
fingerprint_of(const struct context_key *key)
{
	return key->key ? key->fingerprint : NULL;
}

static enum problem
call_confirm(struct context *house, struct move *move, bool wait)
{
	enum problem err;

	err = query_booking_confirm(house->pg, house->arena, house->deadline_us, house->why,
		&move->rows, move->event_id, move->name->booking_id, move->name->user_id,
		move->key->key, fingerprint_of(move->key), wait);
	FAULT("confirm.decided");
	return err;
}

static enum problem
call_release(struct context *house, struct move *move, bool wait)
{
	enum problem err;

	err = query_booking_release(house->pg, house->arena, house->deadline_us, house->why,
		&move->rows, move->event_id, move->name->booking_id, move->name->user_id,
		move->key->key, fingerprint_of(move->key), wait);
	FAULT("release.decided");
	return err;
}

static enum problem
call_cancel(struct context *house, struct move *move, bool wait)
{
	const struct booking_part *part = move->part;
	bool whole = !part->seat_ids && !part->section_ids;
	enum problem err;

	err = query_booking_cancel(house->pg, house->arena, house->deadline_us, house->why,
		&move->rows, move->event_id, move->name->booking_id, move->name->user_id,
		move->key->key, fingerprint_of(move->key), wait, part->reason,
		whole ? NULL : pg_array_text(house->arena, part->seat_ids, part->seats),
		whole ? NULL : pg_array_text(house->arena, part->section_ids, part->sections),
		whole ? NULL : pg_array_int(house->arena, part->quantities, part->sections));
	FAULT("cancel.decided");
	return err;
}

static enum problem
call_extend(struct context *house, struct move *move, bool wait)
{
	const struct conf *conf = house->conf;
	return query_booking_extend(house->pg, house->arena, house->deadline_us, house->why,
		&move->rows, move->event_id, move->name->booking_id, move->name->user_id,
		move->key->key, fingerprint_of(move->key), wait, conf->hold_seconds,
		conf->hold_life_max_seconds, conf->extensions_max);
}

/*
 * Calls, and after an unknown outcome once more: then it waits for whoever may still be at work
 * under the same key, and finds what has been done or does it.
 */
static enum problem
move_make(struct context *house, struct move *move, enum booking_outcome *outcome)
{
	enum problem err;
	const char *said;

	if (!id_booking_event(move->name->booking_id, &move->event_id))
		return PROBLEM_NOT_FOUND;
	err = move->call(house, move, false);
	if (err == PROBLEM_UNKNOWN_OUTCOME) {
		FAULT("move.again");
		move->repeated = true;
		err = move->call(house, move, true);
		if (err == PROBLEM_UNAVAILABLE || err == PROBLEM_BUSY)
			err = PROBLEM_UNKNOWN_OUTCOME;
	}
	if (err == PROBLEM_UNKNOWN_OUTCOME)
		filter_unheard(house, move->event_id, move->name->booking_id, false);
	if (err)
		return err;
	said = pg_text(&move->rows, 0, BOOKING_GET_OUTCOME);
	if (str_equal(said, "asked")) {
		house->why->detail = "The payment is being cancelled first.";
		return PROBLEM_PAYMENT_IN_PROGRESS;
	}
	*outcome = str_equal(said, "moved")  ? BOOKING_MOVED
		   : str_equal(said, "done") ? BOOKING_DONE
					     : BOOKING_REPLAY;
	return PROBLEM_NONE;
}

/* The buyer leaves the waiting room's inside, where that is how they came in. */
static void
booking_spend(struct context *house, int32_t event_id, const char *user_id,
	const struct pg_rows *rows, int row, int column)
{
	if (pg_text(rows, row, column))
		room_end(house, event_id, user_id, pg_int(rows, row, column), "confirmed");
}

/*
 * After the commit: the filter keeps what the booking now holds. A replay has been followed before,
 * unless it is this request's own first call that is told again.
 */
static void
move_follow(struct context *house, const struct move *move, enum booking_outcome outcome)
{
	const char *booking_id = pg_text(&move->rows, 0, BOOKING_GET_BOOKING_ID);
	const char *status = pg_text(&move->rows, 0, BOOKING_GET_STATUS);
	struct filter_entry entry;

	if (outcome == BOOKING_REPLAY) {
		if (move->repeated)
			filter_refresh(house, move->event_id, booking_id);
		return;
	}
	if (str_equal(status, "CONFIRMED") || str_equal(status, "HOLD")) {
		entry = booking_entry(
			house->arena, &move->rows, 0, move->event_id, move->name->user_id);
		filter_put(house, &entry);
		if (move->spends)
			booking_spend(house, move->event_id, move->name->user_id, &move->rows, 0,
				BOOKING_CONFIRM_PASS);
	} else if (move->revives) {
		filter_drop_ended(house, move->event_id, booking_id,
			pg_int(&move->rows, 0, BOOKING_RELEASE_AT_MS));
	} else {
		filter_drop(house, move->event_id, booking_id, true);
	}
}

/* Makes durable what an answer is going to tell of. */
static enum problem
flush(struct context *house)
{
	struct pg_rows rows;

	return query_booking_flush(house->pg, house->arena, house->deadline_us, house->why, &rows)
		       ? PROBLEM_UNKNOWN_OUTCOME
		       : PROBLEM_NONE;
}

static enum problem
move_run(struct context *house, struct move *move, enum booking_outcome *outcome,
	struct booking *out)
{
	enum problem err = move_make(house, move, outcome);

	if (err)
		return err;
	move_follow(house, move, *outcome);
	booking_read(house->arena, &move->rows, 0, out);
	return PROBLEM_NONE;
}

/*
 * A move that made twice is two moves: parts given back, time added. Without a key of the caller's
 * it has one of its own, so that it finds what it has done after an unknown outcome.
 */
static enum problem
move_run_counted(struct context *house, struct move *move, enum booking_outcome *outcome,
	struct booking *out)
{
	char random[ID_UUID_TEXT];
	struct context_key own = { .key = random, .fingerprint = "" };
	struct move counted = *move;
	bool keyed = move->key->key;
	enum problem err;

	if (!keyed) {
		id_booking_random(1, random);
		counted.key = &own;
	}
	err = move_run(house, &counted, outcome, out);
	move->rows = counted.rows;
	if (!err && !keyed && *outcome == BOOKING_REPLAY)
		*outcome = BOOKING_MOVED;
	return err;
}

enum problem
booking_confirm(struct context *house, const struct booking_name *name,
	const struct context_key *key, enum booking_outcome *outcome, struct booking *out)
{
	struct move move = { .name = name, .key = key, .spends = true, .call = call_confirm };
	enum problem err = move_run(house, &move, outcome, out);

	FAULT("confirm.followed");
	/* What was done before, if only a part cancelled, may be visible and not yet durable. */
	if (!err && *outcome != BOOKING_MOVED)
		err = flush(house);
	return count(METRIC_MOVE_CONFIRM, err, outcome);
}

enum problem
booking_release(struct context *house, const struct booking_name *name,
	const struct context_key *key, enum booking_outcome *outcome, struct booking *out)
{
	struct move move = { .name = name, .key = key, .revives = true, .call = call_release };
	enum problem err = move_run(house, &move, outcome, out);

	FAULT("release.followed");
	return count(METRIC_MOVE_RELEASE, err, outcome);
}

enum problem
booking_extend(struct context *house, const struct booking_name *name,
	const struct context_key *key, enum booking_outcome *outcome, struct booking *out)
{
	struct move move = { .name = name, .key = key, .call = call_extend };
	enum problem err = move_run_counted(house, &move, outcome, out);

	if (!err)
		out->extensions_left = pg_text(&move.rows, 0, BOOKING_EXTEND_EXTENSIONS_LEFT);
	return count(METRIC_MOVE_EXTEND, err, outcome);
}

enum problem
booking_cancel(struct context *house, const struct booking_name *name,
	const struct booking_part *part, const struct context_key *key,
	enum booking_outcome *outcome, struct booking *out)
{
	struct move move = { .name = name, .key = key, .part = part, .call = call_cancel };
	enum problem err;

	if (part->seat_ids || part->section_ids)
		err = move_run_counted(house, &move, outcome, out);
	else
		err = move_run(house, &move, outcome, out);
	FAULT("cancel.followed");
	count(METRIC_MOVE_CANCEL, err, outcome);
	return err == PROBLEM_INVALID ? booking_places_unknown(house, part) : err;
}

static enum problem
call_confirm_seats(struct context *house, int32_t event_id, const char *user_id, const char *seats,
	const struct context_key *key, bool wait, struct pg_rows *rows)
{
	return query_booking_confirm_seats(house->pg, house->arena, house->deadline_us, house->why,
		rows, event_id, user_id, key->key, fingerprint_of(key), wait, seats);
}

static enum problem
confirm_seats(struct context *house, int32_t event_id, const char *user_id, const char **seat_ids,
	const char **seat_pointers, size_t seats, const struct context_key *key,
	enum booking_outcome *outcome, const char **body)
{
	const char *list = pg_array_text(house->arena, seat_ids, seats);
	struct booking_part places = {
		.seat_ids = seat_ids,
		.seat_pointers = seat_pointers,
		.seats = seats,
	};
	struct pg_rows rows;
	bool repeated;
	enum problem err;

	err = call_confirm_seats(house, event_id, user_id, list, key, false, &rows);
	repeated = err == PROBLEM_UNKNOWN_OUTCOME;
	if (repeated) {
		FAULT("move.again");
		err = call_confirm_seats(house, event_id, user_id, list, key, true, &rows);
		if (err == PROBLEM_UNAVAILABLE || err == PROBLEM_BUSY)
			err = PROBLEM_UNKNOWN_OUTCOME;
	}
	FAULT("confirm_seats.decided");
	if (err == PROBLEM_INVALID)
		return booking_places_unknown(house, &places);
	if (err)
		return err;
	*outcome = BOOKING_MOVED;
	if (str_equal(pg_text(&rows, 0, BOOKING_CONFIRM_SEATS_OUTCOME), "replay"))
		*outcome = BOOKING_REPLAY;
	for (int i = 0; i < rows.count && *outcome == BOOKING_MOVED; i++) {
		filter_put(house,
			&(struct filter_entry){ .event_id = event_id,
				.booking_id = pg_text(&rows, i, BOOKING_CONFIRM_SEATS_BOOKING_ID),
				.user_id = user_id,
				.state = 'b',
				.deadline_ms = -1,
				.positions = filter_positions(house->arena,
					pg_text(&rows, i, BOOKING_CONFIRM_SEATS_POSITIONS)),
				.sections = pg_text(&rows, i, BOOKING_CONFIRM_SEATS_SECTIONS) });
		booking_spend(house, event_id, user_id, &rows, i, BOOKING_CONFIRM_SEATS_PASS);
		FAULT("confirm_seats.put");
	}
	if (repeated && *outcome == BOOKING_REPLAY)
		filter_repair(house, event_id, seat_ids, seats);
	*body = pg_text(&rows, 0, BOOKING_CONFIRM_SEATS_BODY);
	return PROBLEM_NONE;
}

enum problem
booking_confirm_seats(struct context *house, int32_t event_id, const char *user_id,
	const char **seat_ids, const char **seat_pointers, size_t seats,
	const struct context_key *key, enum booking_outcome *outcome, const char **body)
{
	enum problem err = confirm_seats(
		house, event_id, user_id, seat_ids, seat_pointers, seats, key, outcome, body);

	if (!err && *outcome == BOOKING_REPLAY)
		err = flush(house);
	return count(METRIC_MOVE_CONFIRM, err, outcome);
}
