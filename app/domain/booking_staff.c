/*
 * What staff say of the money of a booking: that it was paid elsewhere, or has been given back.
 */
#include "domain/booking.h"

#include "base/id.h"
#include "domain/room.h"
#include "queries.h"

/* What PostgreSQL answered, as the moves of buyers tell it. */
static enum booking_outcome
outcome_of(const struct pg_rows *rows)
{
	const char *said = pg_text(rows, 0, BOOKING_GET_OUTCOME);

	return str_equal(said, "moved")  ? BOOKING_MOVED
	       : str_equal(said, "done") ? BOOKING_DONE
					 : BOOKING_REPLAY;
}

static enum problem
call_paid(struct context *house, const struct booking_staff *staff, int32_t event_id,
	const char *reference, const struct context_key *key, bool wait, struct pg_rows *rows)
{
	enum problem err;

	err = query_booking_paid(house->pg, house->arena, house->deadline_us, house->why, rows,
		event_id, staff->booking_id, staff->user_id, staff->everything, key->key,
		key->key ? key->fingerprint : NULL, wait, reference);
	return err;
}

/* After the commit: the filter keeps what the booking now holds, and its waiting room hears. */
static void
paid_follow(struct context *house, int32_t event_id, const struct pg_rows *rows)
{
	const char *user_id = pg_text(rows, 0, BOOKING_PAID_USER_ID);
	struct filter_entry entry = booking_entry(house->arena, rows, 0, event_id, user_id);

	entry.revived_ms = pg_int(rows, 0, BOOKING_PAID_REVIVED);
	filter_put(house, &entry);
	if (pg_text(rows, 0, BOOKING_PAID_PASS))
		room_end(house, event_id, user_id, pg_int(rows, 0, BOOKING_PAID_PASS), "confirmed");
}

enum problem
booking_paid(struct context *house, const struct booking_staff *staff, const char *reference,
	const struct context_key *key, enum booking_outcome *outcome, struct booking *out)
{
	struct pg_rows rows;
	int32_t event_id;
	bool repeated;
	enum problem err;

	if (!id_booking_event(staff->booking_id, &event_id))
		return PROBLEM_NOT_FOUND;
	err = call_paid(house, staff, event_id, reference, key, false, &rows);
	repeated = err == PROBLEM_UNKNOWN_OUTCOME;
	if (repeated) {
		err = call_paid(house, staff, event_id, reference, key, true, &rows);
		if (err == PROBLEM_UNAVAILABLE || err == PROBLEM_BUSY)
			err = PROBLEM_UNKNOWN_OUTCOME;
	}
	if (err == PROBLEM_UNKNOWN_OUTCOME)
		filter_unheard(house, event_id, staff->booking_id, false);
	if (err)
		return err;
	*outcome = outcome_of(&rows);
	if (*outcome != BOOKING_REPLAY)
		paid_follow(house, event_id, &rows);
	else if (repeated)
		filter_refresh(house, event_id, staff->booking_id);
	booking_read(house->arena, &rows, 0, out);
	return PROBLEM_NONE;
}

enum problem
booking_refunds(struct context *house, const struct booking_staff *staff, bool again,
	const struct context_key *key, enum booking_outcome *outcome, struct booking *out)
{
	struct pg_rows rows;
	int32_t event_id;
	enum problem err = PROBLEM_UNKNOWN_OUTCOME;

	if (!id_booking_event(staff->booking_id, &event_id))
		return PROBLEM_NOT_FOUND;
	for (int tries = 0; tries < 2 && err == PROBLEM_UNKNOWN_OUTCOME; tries++) {
		err = query_booking_refunded(house->pg, house->arena, house->deadline_us,
			house->why, &rows, event_id, staff->booking_id, staff->user_id,
			staff->everything, key->key, key->key ? key->fingerprint : NULL, tries > 0,
			again);
	}
	if (err)
		return err;
	*outcome = outcome_of(&rows);
	booking_read(house->arena, &rows, 0, out);
	return PROBLEM_NONE;
}
