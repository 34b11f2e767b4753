/*
 * The queue on the way of a request: join and status.
 */
#include "domain/queue.h"

#include <inttypes.h>

#include "base/fault.h"
#include "base/metrics.h"
#include "domain/limit.h"
#include "domain/pass.h"
#include "domain/queue_parts.h"
#include "queries.h"
#include "scripts.h"

#define TRIES 6

const char *
queue_status_word(enum queue_status status)
{
	static const char *const words[] = {
		[QUEUE_WAITING] = "waiting",
		[QUEUE_RESERVED] = "reserved",
		[QUEUE_CONFIRMED] = "confirmed",
		[QUEUE_EXPIRED] = "expired",
		[QUEUE_SOLD_OUT] = "sold_out",
		[QUEUE_LEFT] = "left",
	};

	return words[status];
}

static struct queue_place
place_of(const struct ticket *ticket, enum queue_status status)
{
	return (struct queue_place){ .ticket = *ticket,
		.status = status,
		.ahead = -1,
		.wait_s = -1,
		.poll_after_s = -1,
		.expires_ms = -1 };
}

/* Out of {waiting | serving, score, ahead, sold, closed, rate, since ms, open}. */
static struct queue_place
place_in_line(struct context *house, const struct ticket *ticket, const struct redis_value *reply)
{
	bool sold = redis_int(redis_at(reply, 3)) == 1, closed = redis_int(redis_at(reply, 4)) == 1;
	int64_t rate = redis_int(redis_at(reply, 5));
	struct queue_place place = place_of(ticket, sold ? QUEUE_SOLD_OUT : QUEUE_WAITING);

	place.ahead = redis_int(redis_at(reply, 2));
	if (closed)
		place.reason = "sales-closed";
	else if (!sold)
		place.wait_s = queue_wait(place.ahead, rate);
	place.poll_after_s = queue_poll_after(house->conf, &place);
	queue_note(ticket->event_id, ticket->line, redis_int(redis_at(reply, 6)),
		redis_int(redis_at(reply, 7)) == 1);
	return place;
}

/* Out of {done, score, booking, state, deadline}; false: it has ended, or is not known in Redis. */
static bool
place_served(const struct ticket *ticket, const struct redis_value *reply, struct queue_place *out)
{
	const char *state = redis_text(redis_at(reply, 3), NULL);

	*out = place_of(ticket, *state == 'b' ? QUEUE_CONFIRMED : QUEUE_RESERVED);
	out->booking_id = redis_text(redis_at(reply, 2), NULL);
	if (*state != 'b')
		out->expires_ms = redis_int(redis_at(reply, 4));
	return *state != '\0';
}

/* ---- how a ticket ended, in PostgreSQL ------------------------------------------------------- */

enum problem
queue_ask(struct context *house, const struct ticket *ticket, const char *booking_id, bool *known,
	struct queue_place *out)
{
	char derived[ID_UUID_TEXT];
	const char *outcome, *status;
	struct pg_rows rows;
	enum problem err;

	if (!booking_id) {
		ticket_booking(ticket, house->conf->id_secret, derived);
		booking_id = derived;
	}
	err = query_queue_ticket(house->pg, house->arena, house->deadline_us, house->why, &rows,
		ticket->event_id, ticket->line, ticket_epoch(ticket), ticket_number(ticket),
		ticket->user_id, booking_id);
	*known = !err && rows.count > 0;
	if (!*known)
		return err == PROBLEM_UNKNOWN_OUTCOME ? PROBLEM_UNAVAILABLE : err;
	outcome = pg_text(&rows, 0, QUEUE_TICKET_OUTCOME);
	status = pg_text(&rows, 0, QUEUE_TICKET_STATUS);
	*out = place_of(ticket, QUEUE_LEFT);
	out->reason = pg_text(&rows, 0, QUEUE_TICKET_REASON);
	if (!str_equal(outcome, "reserved"))
		return PROBLEM_NONE;
	out->booking_id = pg_text(&rows, 0, QUEUE_TICKET_BOOKING_ID);
	if (str_equal(status, "HOLD") || str_equal(status, "RESERVED")) {
		out->status = QUEUE_RESERVED;
		out->expires_ms = pg_int(&rows, 0, QUEUE_TICKET_EXPIRES_MS);
	} else if (str_equal(status, "CONFIRMED")) {
		out->status = QUEUE_CONFIRMED;
	} else if (str_equal(status, "EXPIRED") || str_equal(status, "PAID_UNFULFILLED")) {
		out->status = QUEUE_EXPIRED;
	}
	return PROBLEM_NONE;
}

/* Nobody answers for the line: it and the places in it are kept. */
enum problem
queue_away(struct context *house)
{
	*house->why = (struct problem_why){
		.detail = "The line cannot be reached now. Your place in it is kept.",
		.retry_after_s = (int)house->conf->queue_poll_seconds,
	};
	return PROBLEM_UNAVAILABLE;
}

/* ---- join ------------------------------------------------------------------------------------ */

/* One who joins, until they have a place or it is said why not. */
struct joining {
	const struct queue_wish *wish;
	const char *kept; /* what was answered under the key before */
	struct pass pass;
	enum pass_state shown;
	const char *trusted; /* the argument of the script */
	enum problem excess; /* why not, unless they have a place: they want too many now */
	bool done;           /* *out is how they stand */
};

/* The reservation that they have out of this line. */
static void
place_open(const struct queue_wish *wish, const struct pg_rows *rows, struct queue_place *out)
{
	struct ticket ticket = { wish->event_id, wish->line, wish->user_id, 0 };

	ticket.score = ticket_score(pg_int(rows, 0, QUEUE_SECTION_EPOCH),
		pg_int(rows, 0, QUEUE_SECTION_NUMBER), pg_int(rows, 0, QUEUE_SECTION_QUANTITY));
	*out = place_of(&ticket, QUEUE_RESERVED);
	out->booking_id = pg_text(rows, 0, QUEUE_SECTION_BOOKING_ID);
	out->expires_ms = pg_int(rows, 0, QUEUE_SECTION_EXPIRES_MS);
}

/* Whether they may join, where Redis cannot say. */
static enum problem
judge(struct context *house, struct joining *j, struct queue_place *out)
{
	const struct queue_wish *wish = j->wish;
	struct booking_part places = { .section_ids = (const char *[]){ wish->line },
		.section_pointers = (const char *[]){ wish->line_pointer },
		.sections = 1 };
	struct pg_rows rows;
	int64_t most, capacity;
	bool room;
	enum problem err;

	err = query_queue_section(house->pg, house->arena, house->deadline_us, house->why, &rows,
		wish->event_id, wish->line, house->conf->max_seats_per_booking, wish->user_id,
		j->shown == PASS_GOOD ? &j->pass.score : NULL);
	if (err == PROBLEM_INVALID)
		return booking_places_unknown(house, &places);
	if (err)
		return err == PROBLEM_UNKNOWN_OUTCOME ? PROBLEM_UNAVAILABLE : err;
	j->done = pg_text(&rows, 0, QUEUE_SECTION_BOOKING_ID) != NULL;
	if (j->done) {
		place_open(wish, &rows, out);
		return PROBLEM_NONE;
	}
	most = pg_int(&rows, 0, QUEUE_SECTION_MOST);
	capacity = pg_int(&rows, 0, QUEUE_SECTION_CAPACITY);
	if (wish->quantity > most)
		j->excess = problem_at(house->why, house->arena, "/quantity",
			"At most %" PRId64 " places go into one booking.", most);
	else if (wish->quantity > capacity)
		j->excess = problem_at(house->why, house->arena, "/quantity",
			"The section has %" PRId64 " places.", capacity);
	if (j->excess) {
		j->trusted = "excess";
		return PROBLEM_NONE;
	}
	room = str_equal(pg_text(&rows, 0, QUEUE_SECTION_QUEUE), "on");
	if (room && pg_bool(&rows, 0, QUEUE_SECTION_SPENT))
		return pass_refuse(house->why, house->arena, wish->event_id, PASS_SPENT);
	j->trusted = room ? "room" : "1";
	return PROBLEM_NONE;
}

/* What the script has answered. */
static enum problem
join_read(struct context *house, struct joining *j, const struct redis_value *reply,
	struct queue_place *out)
{
	const struct queue_wish *wish = j->wish;
	struct ticket ticket = { wish->event_id, wish->line, wish->user_id, 0 };
	const char *said = queue_said(reply);

	if (!said)
		return queue_away(house);
	if (str_equal(said, "reused"))
		return PROBLEM_KEY_REUSED;
	if (str_equal(said, "kept")) {
		j->kept = redis_text(redis_at(reply, 1), NULL);
		j->done = true;
		return PROBLEM_NONE;
	}
	if (str_equal(said, "ask")) {
		if (redis_int(redis_at(reply, 1)) == 1)
			filter_want(wish->event_id);
		return judge(house, j, out);
	}
	if (str_equal(said, "excess"))
		return j->excess;
	if (str_equal(said, "begin"))
		return queue_begin(house, wish->event_id, wish->line, 0);
	if (str_equal(said, "pass"))
		return pass_refuse(house->why, house->arena, wish->event_id, j->shown);
	if (str_equal(said, "spent"))
		return pass_refuse(house->why, house->arena, wish->event_id, PASS_SPENT);
	j->done = true;
	ticket.score = redis_int(redis_at(reply, 1));
	if (str_equal(said, "done")) {
		place_served(&ticket, reply, out);
		return PROBLEM_NONE;
	}
	*out = place_in_line(house, &ticket, reply);
	if (redis_length(reply) > 8)
		metrics_add(METRIC_QUEUE_MOVES, METRIC_QUEUE_MOVE_JOINED, 1);
	return PROBLEM_NONE;
}

static enum problem
join(struct context *house, const struct queue_wish *wish, const struct context_key *key,
	const char **kept, struct queue_place *out)
{
	struct joining j = { .wish = wish, .trusted = "0" };
	const char *name = queue_key(house, wish->event_id, wish->user_id, key);
	enum problem err = PROBLEM_NONE;
	const char *pass;

	j.shown = pass_check(house->arena, wish->pass, wish->event_id, wish->user_id, &j.pass);
	pass = pass_place(house->arena, j.shown == PASS_GOOD ? &j.pass : NULL);
	for (int tries = 0; tries < TRIES && !err && !j.done; tries++) {
		const char *stamp = filter_stamp(house);
		const char *args[] = { wish->line, stamp, stamp ? redis_run_id(house->redis) : NULL,
			wish->user_id, str_int(house->arena, wish->quantity),
			str_int(house->arena, house->conf->max_seats_per_booking), j.trusted, pass,
			name ? key->fingerprint : NULL, NULL };

		err = join_read(house, &j,
			args[2] ? queue_script(
					  house, &script_queue_join, wish->event_id, name, args)
				: NULL,
			out);
	}
	*kept = j.kept;
	return err || j.done ? err : queue_away(house);
}

/* An answer as it is kept under a key, and out of that again. */
static const char *
place_text(struct context *house, const struct queue_place *p)
{
	return arena_printf(house->arena,
		"%" PRId64 " %d %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %s %s",
		p->ticket.score, (int)p->status, p->ahead, p->wait_s, p->poll_after_s,
		p->expires_ms, p->booking_id ? p->booking_id : "-", p->reason ? p->reason : "-");
}

static bool
place_from_text(struct context *house, const char *text, const struct queue_wish *wish,
	struct queue_place *out)
{
	char *rest = arena_strdup(house->arena, text);
	int64_t number[6];
	const char *word[8];

	for (size_t i = 0; i < ARRAY_LENGTH(word); i++) {
		word[i] = strsep(&rest, " ");
		if (!word[i] || (i < ARRAY_LENGTH(number) &&
					!str_to_int(word[i], -1, INT64_MAX, &number[i])))
			return false;
	}
	if (number[1] < QUEUE_WAITING || number[1] > QUEUE_LEFT)
		return false;
	*out = (struct queue_place){
		.ticket = { wish->event_id, wish->line, wish->user_id, number[0] },
		.status = (enum queue_status)number[1],
		.ahead = number[2],
		.wait_s = number[3],
		.poll_after_s = number[4],
		.expires_ms = number[5],
		.booking_id = str_equal(word[6], "-") ? NULL : word[6],
		.reason = str_equal(word[7], "-") ? NULL : word[7],
	};
	return true;
}

enum problem
queue_join(struct context *house, const struct queue_wish *wish, const struct context_key *key,
	bool *replayed, struct queue_place *out)
{
	const char *kept;
	enum problem err = join(house, wish, key, &kept, out);

	*replayed = false;
	FAULT("queue.joined");
	if (!err && !kept && key->key)
		err = queue_key_end(house, wish->event_id, wish->user_id, key, PROBLEM_NONE,
			place_text(house, out), &kept);
	if (err || !kept)
		return err;
	*replayed = place_from_text(house, kept, wish, out);
	return *replayed ? PROBLEM_NONE : queue_away(house);
}

/* ---- status ---------------------------------------------------------------------------------- */

/* What Redis has lost is put back to its place. *done: *out is how it stands. */
static enum problem
give_back(struct context *house, const struct ticket *ticket, bool *done, struct queue_place *out)
{
	const char *stamp = filter_stamp(house);
	const char *run = stamp ? redis_run_id(house->redis) : NULL;
	const char *args[] = { ticket->line, run, ticket->user_id,
		str_int(house->arena, ticket->score), stamp, NULL };
	const struct redis_value *reply =
		run ? queue_script(house, &script_queue_return, ticket->event_id, NULL, args)
		    : NULL;
	const char *said = queue_said(reply);

	if (!said)
		return queue_away(house);
	if (str_equal(said, "begin"))
		return queue_begin(house, ticket->event_id, ticket->line, 0);
	if (str_equal(said, "above"))
		return queue_begin(house, ticket->event_id, ticket->line, ticket_epoch(ticket));
	if (str_equal(said, "back"))
		metrics_add(METRIC_QUEUE_MOVES, METRIC_QUEUE_MOVE_RETURNED, 1);
	*done = str_equal(said, "final") || str_equal(said, "serving");
	if (str_equal(said, "serving")) {
		*out = place_in_line(house, ticket, reply);
	} else if (*done) {
		*out = place_of(ticket, QUEUE_LEFT);
		out->reason = "superseded";
	}
	return PROBLEM_NONE;
}

/* Nobody of the line is served any more: the event is cancelled, or its sales have ended. */
static struct queue_place
place_over(const struct ticket *ticket)
{
	struct queue_place place = place_of(ticket, QUEUE_EXPIRED);

	place.reason = "sales-closed";
	return place;
}

enum problem
queue_over(struct context *house, const struct ticket *ticket, const char **sales)
{
	struct pg_rows rows;
	enum problem err;

	err = query_queue_over(house->pg, house->arena, house->deadline_us, house->why, &rows,
		ticket->event_id, ticket->line);
	if (!err)
		*sales = pg_bool(&rows, 0, QUEUE_OVER_OVER) ? pg_text(&rows, 0, QUEUE_OVER_SALES)
							    : NULL;
	return err == PROBLEM_UNKNOWN_OUTCOME ? PROBLEM_UNAVAILABLE : err;
}

/* Whether a ticket has ended, or never will be served: *done, and *out is how. */
static enum problem
look_for(struct context *house, const struct ticket *ticket, bool *done, struct queue_place *out)
{
	const char *sales = NULL;
	enum problem err = queue_ask(house, ticket, NULL, done, out);

	if (!err && !*done)
		err = queue_over(house, ticket, &sales);
	if (!err && sales) {
		*out = place_over(ticket);
		*done = true;
	}
	return err;
}

/* What one answer of Redis says. *done: *out is how it stands. */
static enum problem
status_of(struct context *house, const struct ticket *ticket, const struct redis_value *reply,
	bool *done, struct queue_place *out)
{
	const char *said = queue_said(reply);
	enum problem err;

	if (!said) {
		err = queue_ask(house, ticket, NULL, done, out);
		return *done ? err : queue_away(house);
	}
	if (str_equal(said, "limited"))
		return limit_refuse(house, "read", house->conf->rate_read,
			redis_int(redis_at(reply, 1)) * 1000);
	if (str_equal(said, "unknown") || str_equal(said, "over")) {
		err = look_for(house, ticket, done, out);
		if (err || *done)
			return err;
	}
	if (str_equal(said, "unknown"))
		return give_back(house, ticket, done, out);
	*done = true;
	if (str_equal(said, "refused")) {
		*out = place_of(ticket, QUEUE_LEFT);
		out->reason = redis_text(redis_at(reply, 2), NULL);
		if (str_equal(out->reason, "left"))
			out->reason = NULL;
	} else if (str_equal(said, "done")) {
		if (!place_served(ticket, reply, out)) {
			err = queue_ask(house, ticket, out->booking_id, done, out);
			return err || *done ? err : PROBLEM_UNAVAILABLE;
		}
	} else {
		*out = place_in_line(house, ticket, reply);
	}
	return PROBLEM_NONE;
}

enum problem
queue_status(struct context *house, const struct ticket *ticket, struct queue_place *out)
{
	const struct conf *conf = house->conf;
	bool done = false;
	enum problem err = PROBLEM_NONE;

	for (int tries = 0; tries < TRIES && !err && !done; tries++) {
		bool counts = conf->rate_limit && tries == 0;
		const char *stamp = filter_stamp(house);
		const char *run = stamp ? redis_run_id(house->redis) : NULL;
		const char *args[] = { ticket->line, stamp, run, ticket->user_id,
			str_int(house->arena, ticket->score),
			str_int(house->arena, conf->rate_read),
			counts ? str_int(house->arena, conf->rate_read_burst) : "0", NULL };
		const struct redis_value *reply =
			run ? queue_script(house, &script_queue_status, ticket->event_id,
				      limit_key(house, "read", ticket->user_id), args)
			    : NULL;

		err = status_of(house, ticket, reply, &done, out);
	}
	return err || done ? err : queue_away(house);
}
