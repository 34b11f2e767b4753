/*
 * How a ticket comes to its end by its holder: given up, or confirmed.
 */
#include "base/fault.h"
#include "base/metrics.h"
#include "domain/queue_parts.h"
#include "queries.h"
#include "scripts.h"

/* In PostgreSQL; a reservation that has come of it is released: *freed. */
static enum problem
end_ticket(struct context *house, const struct ticket *ticket, bool *freed)
{
	const struct context_key none = { .operation = "release" };
	struct booking_name name = { .user_id = ticket->user_id };
	char booking_id[ID_UUID_TEXT];
	enum booking_outcome outcome;
	struct booking booking;
	struct pg_rows rows;
	bool repeated = false;
	enum problem err;

	ticket_booking(ticket, house->conf->id_secret, booking_id);
	for (;;) {
		err = query_queue_leave(house->pg, house->arena, house->deadline_us, house->why,
			&rows, ticket->event_id, ticket->line, ticket_epoch(ticket),
			ticket_number(ticket), ticket->user_id, booking_id);
		if (err != PROBLEM_UNKNOWN_OUTCOME || repeated)
			break;
		repeated = true;
	}
	FAULT("queue.left");
	if (repeated && (err == PROBLEM_UNAVAILABLE || err == PROBLEM_BUSY))
		err = PROBLEM_UNKNOWN_OUTCOME;
	if (err)
		return err;
	name.booking_id = pg_text(&rows, 0, QUEUE_LEAVE_BOOKING_ID);
	if (!name.booking_id)
		return PROBLEM_NONE;
	err = booking_release(house, &name, &none, &outcome, &booking);
	*freed |= !err && outcome == BOOKING_MOVED;
	if (err != PROBLEM_HOLD_EXPIRED)
		return err;
	*house->why = (struct problem_why){ 0 };
	return PROBLEM_NONE;
}

static const char *
leave_step(struct context *house, const struct ticket *ticket, const char *step)
{
	const char *args[] = { ticket->line, step, ticket->user_id,
		str_int(house->arena, ticket->score), NULL };

	return queue_said(queue_script(house, &script_queue_leave, ticket->event_id, NULL, args));
}

/*
 * Out of the line first, so that whoever joins again has a new place; then PostgreSQL is told, also
 * of an older place of the same account that went with it; and then whoever is being served is so
 * no more.
 */
static enum problem
give_up(struct context *house, const struct ticket *ticket)
{
	struct ticket taken = *ticket;
	const char *score = leave_step(house, ticket, "leave");
	bool was_there, freed = false;
	enum problem err;

	if (!score)
		return queue_away(house);
	was_there = str_to_int(score, 1, ticket->score, &taken.score);
	err = end_ticket(house, ticket, &freed);
	if (!err && taken.score != ticket->score)
		err = end_ticket(house, &taken, &freed);
	if (was_there && err && err != PROBLEM_UNKNOWN_OUTCOME)
		leave_step(house, &taken, "undo");
	if (err)
		return err;
	if (was_there)
		leave_step(house, &taken, "ended");
	if (freed)
		queue_note(ticket->event_id, ticket->line, 0, true);
	metrics_add(METRIC_QUEUE_MOVES, METRIC_QUEUE_MOVE_LEFT, 1);
	return PROBLEM_NONE;
}

enum problem
queue_leave(struct context *house, const struct ticket *ticket, const struct context_key *key,
	bool *replayed)
{
	const char *kept;
	enum problem err;

	*replayed = false;
	err = queue_key_bind(house, ticket->event_id, ticket->user_id, key, &kept);
	if (!err && !kept) {
		err = give_up(house, ticket);
		err = queue_key_end(
			house, ticket->event_id, ticket->user_id, key, err, "left", &kept);
	}
	*replayed = !err && kept;
	return err;
}

/* One who waits, or waits in vain. */
static enum problem
not_reserved(struct context *house, const struct ticket *ticket)
{
	const char *sales;
	enum problem err = queue_over(house, ticket, &sales);

	if (err)
		return err;
	if (sales) {
		house->why->extensions = sales;
		return PROBLEM_SALES_CLOSED;
	}
	/* Whoever asks for it moves the line on, too. */
	queue_note(ticket->event_id, ticket->line, 0, false);
	return PROBLEM_NOT_RESERVED_YET;
}

enum problem
queue_confirm(struct context *house, const struct ticket *ticket, const struct context_key *key,
	enum booking_outcome *outcome, struct booking *out)
{
	char booking_id[ID_UUID_TEXT];
	struct booking_name name = { booking_id, ticket->user_id };
	struct queue_place place;
	bool known;
	enum problem err;

	ticket_booking(ticket, house->conf->id_secret, booking_id);
	err = booking_confirm(house, &name, key, outcome, out);
	if (err != PROBLEM_NOT_FOUND)
		return err;
	*house->why = (struct problem_why){ 0 };
	err = queue_ask(house, ticket, NULL, &known, &place);
	if (err)
		return err;
	if (!known)
		return not_reserved(house, ticket);
	if (place.booking_id) {
		/* Served under another secret for ids. */
		name.booking_id = place.booking_id;
		return booking_confirm(house, &name, key, outcome, out);
	}
	house->why->members = arena_printf(
		house->arena, ",\"current_status\":\"%s\"", queue_status_word(place.status));
	return PROBLEM_WRONG_STATE;
}
