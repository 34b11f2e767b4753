/*
 * How a line moves on. A place goes from the line to those being served, which has a deadline; then
 * PostgreSQL writes its hold, durably; then Redis is told. Whoever dies in between leaves the place
 * to its deadline, after which it goes back to where it was, and PostgreSQL says what was done.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metrics.h"
#include "domain/queue_parts.h"
#include "queries.h"
#include "scripts.h"

#define BATCH_PEOPLE 50
#define BATCHES_MAX  4 /* on end: clients may be waiting */
#define LINES_MAX    64
#define PERIOD_US    INT64_C(500000)
#define LEAST_MS     400 /* between two looks at a line, of all processes */
#define SEEN_MORE_US INT64_C(5000000)
#define HEAD_WORDS   5 /* of the answer of queue_serve.lua, before the people */
#define BODY_WORDS   4 /* for each of them */

/* A batch under way: people, their places, and how each ended. */
struct batch {
	int32_t event_id;
	const char *line;
	const char *drive;
	size_t count;
	struct ticket *tickets;
	int64_t *waited_ms;
	int64_t *passes;
	struct pg_rows rows;
	bool unknown; /* an earlier question of this drive may be answered yet */
};

static const struct redis_value *
pick(struct context *house, int32_t event_id, const char *line, const char *drive, int64_t least_ms)
{
	const char *stamp = filter_stamp(house);
	const char *args[] = { line, stamp, stamp ? redis_run_id(house->redis) : NULL, drive,
		str_int(house->arena, 2 * house->conf->worker_budget_ms + 2000),
		str_int(house->arena, BATCH_PEOPLE), str_int(house->arena, least_ms), NULL };

	return stamp && args[2] ? queue_script(house, &script_queue_serve, event_id, NULL, args)
				: NULL;
}

static void
batch_read(struct context *house, const struct redis_value *reply, struct batch *b)
{
	b->count = (redis_length(reply) - HEAD_WORDS) / BODY_WORDS;
	b->tickets = ARENA_ARRAY(house->arena, struct ticket, b->count + 1);
	b->waited_ms = ARENA_ARRAY(house->arena, int64_t, b->count + 1);
	b->passes = ARENA_ARRAY(house->arena, int64_t, b->count + 1);
	for (size_t i = 0; i < b->count; i++) {
		size_t at = HEAD_WORDS + BODY_WORDS * i;

		b->tickets[i] = (struct ticket){ b->event_id, b->line,
			redis_text(redis_at(reply, at), NULL), redis_int(redis_at(reply, at + 1)) };
		b->waited_ms[i] = redis_int(redis_at(reply, at + 2));
		b->passes[i] = redis_int(redis_at(reply, at + 3));
	}
}

/* One transaction for all of them, durable when it is answered. */
static enum problem
decide(struct context *house, struct batch *b)
{
	struct arena *arena = house->arena;
	int64_t *epochs = ARENA_ARRAY(arena, int64_t, b->count);
	int64_t *numbers = ARENA_ARRAY(arena, int64_t, b->count);
	int64_t *quantities = ARENA_ARRAY(arena, int64_t, b->count);
	const char **users = ARENA_ARRAY(arena, const char *, b->count);
	const char **bookings = ARENA_ARRAY(arena, const char *, b->count);
	bool lock = false;
	enum problem err;

	for (size_t i = 0; i < b->count; i++) {
		char id[ID_UUID_TEXT];

		epochs[i] = ticket_epoch(&b->tickets[i]);
		numbers[i] = ticket_number(&b->tickets[i]);
		quantities[i] = ticket_quantity(&b->tickets[i]);
		users[i] = b->tickets[i].user_id;
		ticket_booking(&b->tickets[i], house->conf->id_secret, id);
		bookings[i] = arena_strdup(arena, id);
	}
	for (int tries = 0; tries < 2; tries++) {
		err = query_queue_serve(house->pg, arena, house->deadline_us, house->why, &b->rows,
			b->event_id, b->line, pg_array_int(arena, epochs, b->count),
			pg_array_int(arena, numbers, b->count),
			pg_array_text(arena, users, b->count),
			pg_array_int(arena, quantities, b->count),
			pg_array_text(arena, bookings, b->count), house->conf->queue_hold_seconds,
			house->conf->max_seats_per_user, house->conf->max_seats_per_booking,
			pg_array_int(arena, b->passes, b->count), lock);
		/* What was done is told again; what others took meanwhile is counted anew. */
		if (err != PROBLEM_UNKNOWN_OUTCOME && err != PROBLEM_GIVE_BACK)
			break;
		lock = err == PROBLEM_GIVE_BACK;
		b->unknown |= err == PROBLEM_UNKNOWN_OUTCOME;
		FAULT("queue.again");
	}
	/* That nothing was done now does not say so of before. */
	return err && b->unknown ? PROBLEM_UNKNOWN_OUTCOME : err;
}

/* What the filter keeps of one who was served. */
static void
follow(struct context *house, const struct batch *b, int row)
{
	const char *section = pg_text(&b->rows, row, QUEUE_SERVE_SECTION_ID);
	const char *booking_id = pg_text(&b->rows, row, QUEUE_SERVE_BOOKING_ID);

	if (str_equal(pg_text(&b->rows, row, QUEUE_SERVE_OUTCOME), "again")) {
		filter_refresh(house, b->event_id, booking_id);
		return;
	}
	filter_put(house,
		&(struct filter_entry){ .event_id = b->event_id,
			.booking_id = booking_id,
			.user_id = pg_text(&b->rows, row, QUEUE_SERVE_USER_ID),
			.state = 'h',
			.deadline_ms = pg_int(&b->rows, row, QUEUE_SERVE_EXPIRES_MS),
			.positions = filter_positions(
				house->arena, pg_text(&b->rows, row, QUEUE_SERVE_POSITIONS)),
			.sections = section ? arena_printf(house->arena, "%s:%" PRId64, section,
						      pg_int(&b->rows, row, QUEUE_SERVE_QUANTITY))
					    : "" });
}

/* One row as the words of queue_served.lua; counts it. */
static const char *
end_of(struct context *house, const struct batch *b, int row, const char **booking,
	const char **why)
{
	const char *outcome = pg_text(&b->rows, row, QUEUE_SERVE_OUTCOME);

	*booking = *why = "-";
	if (str_equal(outcome, "reserved") || str_equal(outcome, "again")) {
		follow(house, b, row);
		FAULT("queue.put");
		*booking = pg_text(&b->rows, row, QUEUE_SERVE_BOOKING_ID);
		*why = str_int(house->arena, pg_int(&b->rows, row, QUEUE_SERVE_EXPIRES_MS));
		if (str_equal(outcome, "reserved")) {
			metrics_add(METRIC_QUEUE_MOVES, METRIC_QUEUE_MOVE_RESERVED, 1);
			if (b->waited_ms[row] >= 0)
				metrics_add(METRIC_QUEUE_WAITED, 0, b->waited_ms[row] * 1000);
		}
		return "reserved";
	}
	if (str_equal(outcome, "refused")) {
		metrics_add(METRIC_QUEUE_MOVES, METRIC_QUEUE_MOVE_REFUSED, 1);
		*why = pg_text(&b->rows, row, QUEUE_SERVE_REASON);
		return "out";
	}
	if (str_equal(outcome, "left"))
		return "left";
	metrics_add(METRIC_QUEUE_MOVES, METRIC_QUEUE_MOVE_KEPT, 1);
	return "back";
}

/* PostgreSQL is to know whether somebody waits: for holds that are made while Redis is away. */
static void
mark(struct context *house, int32_t event_id, const char *line, int64_t waits)
{
	struct problem_why ignored = { 0 };
	struct pg_rows rows;

	if (waits != 0)
		query_queue_mark(house->pg, house->arena, house->deadline_us, &ignored, &rows,
			event_id, line, waits > 0);
}

/*
 * Tells Redis how they ended; err: nothing was done, nor asked. Who may still be given something by
 * an earlier question is left to the deadline.
 */
static void
tell(struct context *house, const struct batch *b, enum problem err, struct queue_drive *out)
{
	const struct redis_value *reply;
	const char **args = ARENA_ARRAY(house->arena, const char *, 4 + 4 * b->count);
	bool closed = false;
	size_t n = 3;

	for (size_t i = 0; i < b->count; i++) {
		args[n] = b->tickets[i].user_id;
		args[n + 1] = "undone";
		args[n + 2] = args[n + 3] = "-";
		if (!err && (int)i < b->rows.count) {
			const char *reason = pg_text(&b->rows, (int)i, QUEUE_SERVE_REASON);

			args[n + 1] = end_of(house, b, (int)i, &args[n + 2], &args[n + 3]);
			out->served += str_equal(args[n + 1], "reserved");
			closed |= reason && str_equal(reason, "sales-closed");
		}
		if (!b->unknown || !str_equal(args[n + 1], "back"))
			n += 4;
	}
	args[n] = NULL;
	args[0] = b->line;
	args[1] = b->drive;
	args[2] = closed ? "1" : "0";
	reply = queue_script(house, &script_queue_served, b->event_id, NULL, args);
	FAULT("queue.told");
	out->waiting = reply ? redis_int(redis_at(reply, 1)) : -1;
	if (reply)
		mark(house, b->event_id, b->line, redis_int(redis_at(reply, 2)));
}

enum problem
queue_drive(struct context *house, int32_t event_id, const char *line, int64_t least_ms,
	struct queue_drive *out)
{
	struct batch b = { .event_id = event_id, .line = line };
	const struct redis_value *reply;
	unsigned char random[8];
	char drive[17];
	const char *said;
	enum problem err;

	*out = (struct queue_drive){ .waiting = -1 };
	id_random(random, sizeof(random));
	id_hex(random, sizeof(random), drive);
	b.drive = drive;
	reply = pick(house, event_id, line, drive, least_ms);
	said = queue_said(reply);
	if (said && str_equal(said, "begin")) {
		err = queue_begin(house, event_id, line, 0);
		return err;
	}
	if (!said)
		return PROBLEM_UNAVAILABLE;
	if (str_equal(said, "none"))
		out->waiting = 0;
	if (!str_equal(said, "serve"))
		return PROBLEM_NONE;
	metrics_add(METRIC_QUEUE_DRIVES, 0, 1);
	out->waiting = redis_int(redis_at(reply, 1));
	if (redis_int(redis_at(reply, 3)) == 0)
		filter_want(event_id);
	mark(house, event_id, line, redis_int(redis_at(reply, 4)));
	batch_read(house, reply, &b);
	if (b.count == 0)
		return PROBLEM_NONE;
	FAULT("queue.picked");
	err = decide(house, &b);
	FAULT("queue.decided");
	/* It may have been done: then the places go back at their deadline, and are told so. */
	if (err == PROBLEM_UNKNOWN_OUTCOME)
		return err;
	tell(house, &b, err, out);
	out->more = redis_int(redis_at(reply, 2)) == 1 && out->served > 0;
	return err;
}

/* ---- lines that this process was asked about ------------------------------------------------- */

struct note {
	int32_t event_id;
	char line[TICKET_LINE_MAX + 1];
	bool at_once;
	int64_t due_us;  /* monotonic: when it is moved on next */
	int64_t seen_us; /* when somebody last asked */
};

static struct note notes[LINES_MAX];
static size_t notes_count;

void
queue_note(int32_t event_id, const char *line, int64_t since_ms, bool open)
{
	int64_t now_us = clock_monotonic_us(), due_us = now_us;
	struct note *note = NULL;

	if (!open && since_ms * 1000 < PERIOD_US)
		due_us += PERIOD_US - since_ms * 1000;
	for (size_t i = 0; i < notes_count && !note; i++) {
		if (notes[i].event_id == event_id && str_equal(notes[i].line, line))
			note = &notes[i];
	}
	if (!note) {
		/* Where there is no room, the line of which nobody has asked for longest is left to
		 * others. */
		if (notes_count < LINES_MAX) {
			note = &notes[notes_count++];
		} else {
			note = &notes[0];
			for (size_t i = 1; i < LINES_MAX; i++) {
				if (notes[i].seen_us < note->seen_us)
					note = &notes[i];
			}
		}
		*note = (struct note){ .event_id = event_id, .due_us = due_us };
		snprintf(note->line, sizeof(note->line), "%s", line);
	}
	note->at_once |= open;
	note->seen_us = now_us;
	if (due_us < note->due_us)
		note->due_us = due_us;
}

/* True: people wait there, or it is not known. */
static bool
move_on(struct context *house, struct note *note)
{
	int64_t least_ms = note->at_once ? 0 : LEAST_MS;
	struct queue_drive drive = { .more = true };
	enum problem err = PROBLEM_NONE;

	note->at_once = false;
	for (int i = 0; i < BATCHES_MAX && !err && drive.more; i++) {
		*house->why = (struct problem_why){ 0 };
		err = queue_drive(house, note->event_id, note->line, least_ms, &drive);
		least_ms = 0;
	}
	note->at_once = !err && drive.more;
	note->due_us = clock_monotonic_us() + (note->at_once ? 0 : PERIOD_US);
	if (err)
		log_line(LOG_DEBUG, "queue=kept event=%" PRId32 " problem=%s", note->event_id,
			problem_rows[err].slug);
	return err || drive.waiting != 0;
}

bool
queue_idle(struct context *house)
{
	/* More than whoever is told `sold_out` waits before asking again. */
	int64_t seen_us =
		SEEN_MORE_US + INT64_C(1000000) * QUEUE_POLL_SOLD * house->conf->queue_poll_seconds;
	int64_t now_us;

	if (notes_count == 0)
		return false;
	now_us = clock_monotonic_us();
	for (size_t i = 0; i < notes_count;) {
		struct note *note = &notes[i];

		if ((note->due_us <= now_us && !move_on(house, note)) ||
			now_us - note->seen_us > seen_us)
			*note = notes[--notes_count];
		else
			i++;
	}
	return notes_count > 0;
}
