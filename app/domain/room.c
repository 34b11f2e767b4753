/*
 * The waiting room: join, status, leave, and letting in.
 */
#include "domain/room.h"

#include <inttypes.h>

#include "base/fault.h"
#include "base/metrics.h"
#include "domain/limit.h"
#include "domain/queue_parts.h"
#include "queries.h"
#include "scripts.h"

#define LINE        "" /* of the whole event */
#define TRIES       6
#define EXTRA_MAX   5
#define NUMBER_BITS 43 /* of a score below its epoch, as in store/lua/room.lua */

const char *
room_status_word(enum room_status status)
{
	static const char *const words[] = {
		[ROOM_WAITING] = "waiting",
		[ROOM_ADMITTED] = "admitted",
		[ROOM_CONFIRMED] = "confirmed",
		[ROOM_EXPIRED] = "expired",
		[ROOM_LEFT] = "left",
	};

	return words[status];
}

static struct room_place
place_of(const struct ticket *ticket, enum room_status status)
{
	return (struct room_place){ .ticket = *ticket,
		.status = status,
		.ahead = -1,
		.wait_s = -1,
		.poll_after_s = -1,
		.opens_ms = -1,
		.starts_in_s = -1,
		.expires_ms = -1 };
}

/* ---- one call of a script -------------------------------------------------------------------- */

/* What is asked of one waiting room, until Redis can answer it. */
struct asking {
	int32_t event_id;
	const struct redis_script *script;
	const char *bucket;           /* another key, or NULL */
	const char *extra[EXTRA_MAX]; /* arguments of the script's own */
	const char **reads;           /* that of them which is the burst of reads, or NULL */
	const char *told;             /* what PostgreSQL has said of the event; NULL: not asked */
	bool joining;
	int64_t epoch; /* of a ticket: the line is begun above it */
	const struct redis_value *reply;
	const char *said; /* the first word of it */
};

static enum problem
ask_postgres(struct context *house, struct asking *a)
{
	struct pg_rows rows;
	enum problem err;

	filter_want(a->event_id);
	err = query_queue_room(house->pg, house->arena, house->deadline_us, house->why, &rows,
		a->event_id, a->joining);
	if (err)
		return err == PROBLEM_UNKNOWN_OUTCOME ? PROBLEM_UNAVAILABLE : err;
	a->told = arena_printf(house->arena, "%s|%s|%s", pg_text(&rows, 0, QUEUE_ROOM_CLOCK_MS),
		pg_text(&rows, 0, QUEUE_ROOM_UNTIL_MS), pg_text(&rows, 0, QUEUE_ROOM_ROOM));
	return PROBLEM_NONE;
}

static void
call(struct context *house, struct asking *a)
{
	const struct conf *conf = house->conf;
	const char *stamp = filter_stamp(house);
	const char *args[6 + EXTRA_MAX + 1] = {
		LINE,
		stamp,
		stamp ? redis_run_id(house->redis) : NULL,
		a->told ? a->told : "",
		arena_printf(house->arena,
			"%" PRId64 "|%" PRId64 "|%" PRId64 "|%" PRId64 "|%" PRId64,
			conf->room_admit_per_minute, conf->room_inside_max,
			conf->room_stale_seconds, conf->room_grace_seconds,
			conf->room_pass_seconds),
		str_int(house->arena, 1000 * conf->queue_poll_seconds),
	};

	for (size_t i = 0; i < EXTRA_MAX && a->extra[i]; i++)
		args[6 + i] = a->extra[i];
	a->reply = args[2] ? queue_script(house, a->script, a->event_id, a->bucket, args) : NULL;
	a->said = queue_said(a->reply);
}

/* Until there is an answer: PostgreSQL is asked, the line is begun. */
static enum problem
ask(struct context *house, struct asking *a)
{
	enum problem err = PROBLEM_NONE;

	for (int tries = 0; tries < TRIES && !err; tries++) {
		call(house, a);
		if (!a->said)
			break;
		/* One call is one read, however often the script has to be asked. */
		if (a->reads)
			*a->reads = "0";
		/* What ends it for somebody is not said by what Redis keeps of the event alone. */
		if ((str_equal(a->said, "ask") || str_equal(a->said, "over")) && !a->told)
			err = ask_postgres(house, a);
		else if (str_equal(a->said, "begin"))
			err = queue_begin(house, a->event_id, LINE, a->epoch);
		else
			return PROBLEM_NONE;
	}
	return err ? err : queue_away(house);
}

/* ---- how a place stands ---------------------------------------------------------------------- */

static void
place_admitted(struct context *house, struct ticket *ticket, int64_t ends_s, struct room_place *out)
{
	struct pass pass = { ticket->event_id, ticket->user_id, ticket->score, ends_s };

	*out = place_of(ticket, ROOM_ADMITTED);
	out->pass = pass_write(house->arena, &pass);
	out->expires_ms = ends_s * 1000;
}

/* Out of what room_standing() of store/lua/room.lua answers; ticket: its event and account. */
static void
place_read(struct context *house, struct ticket *ticket, const struct redis_value *reply,
	struct room_place *out)
{
	int64_t let_in = redis_int(redis_at(reply, 1));
	int64_t rate, opens_in_ms;

	metrics_add(METRIC_QUEUE_MOVES, METRIC_QUEUE_MOVE_ADMITTED, let_in);
	ticket->score = redis_int(redis_at(reply, 2));
	if (str_equal(queue_said(reply), "inside")) {
		place_admitted(house, ticket, redis_int(redis_at(reply, 3)), out);
		return;
	}
	*out = place_of(ticket, ROOM_WAITING);
	rate = redis_int(redis_at(reply, 4));
	opens_in_ms = redis_int(redis_at(reply, 5));
	if (opens_in_ms > 0) {
		out->opens_ms = redis_int(redis_at(reply, 6));
		out->starts_in_s = (opens_in_ms + 999) / 1000;
	} else {
		out->ahead = redis_int(redis_at(reply, 3));
		out->wait_s = queue_wait(out->ahead, rate);
	}
	if (redis_int(redis_at(reply, 9)) == 1)
		out->reason = "sales-closed";
	out->poll_after_s = room_poll_after(house->conf, out,
		(struct room_pace){ .stale_s = redis_int(redis_at(reply, 7)),
			.life_s = redis_int(redis_at(reply, 10)),
			.waiting = redis_int(redis_at(reply, 8)) });
}

/* ---- join ------------------------------------------------------------------------------------ */

int64_t
room_shuffle(const char *secret, int32_t event_id, const char *user_id)
{
	char event[12];
	const char *parts[] = { "holdfast waiting room 1", event, user_id, NULL };
	unsigned char hash[ID_SHA256_BYTES];

	snprintf(event, sizeof(event), "%" PRId32, event_id);
	id_hmac(secret, strlen(secret), parts, hash);
	return ((hash[0] << 16) | (hash[1] << 8) | hash[2]) >> (24 - ROOM_SHUFFLE_BITS);
}

static enum problem
join(struct context *house, int32_t event_id, const char *user_id, const struct context_key *key,
	const char **kept, struct room_place *out)
{
	struct ticket ticket = { .event_id = event_id, .line = LINE, .user_id = user_id };
	struct asking a = {
		.event_id = event_id,
		.script = &script_room_join,
		.bucket = queue_key(house, event_id, user_id, key),
		.extra = { user_id,
			str_int(house->arena,
				room_shuffle(house->conf->id_secret, event_id, user_id)),
			key->key ? key->fingerprint : NULL },
		.joining = true,
	};
	enum problem err = ask(house, &a);

	*kept = NULL;
	if (err)
		return err;
	if (str_equal(a.said, "reused"))
		return PROBLEM_KEY_REUSED;
	if (str_equal(a.said, "kept")) {
		*kept = redis_text(redis_at(a.reply, 1), NULL);
		return PROBLEM_NONE;
	}
	if (str_equal(a.said, "off"))
		return problem_at(house->why, house->arena, "/section_id",
			"This event has no waiting room: name a section to stand in line for.");
	place_read(house, &ticket, a.reply, out);
	if (redis_int(redis_at(a.reply, redis_length(a.reply) - 1)) == 1)
		metrics_add(METRIC_QUEUE_MOVES, METRIC_QUEUE_MOVE_JOINED, 1);
	return PROBLEM_NONE;
}

/* An answer as it is kept under a key, and out of that again. */
static const char *
place_text(struct context *house, const struct room_place *p)
{
	return arena_printf(house->arena,
		"%" PRId64 " %d %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
		" %" PRId64,
		p->ticket.score, (int)p->status, p->ahead, p->wait_s, p->poll_after_s, p->opens_ms,
		p->starts_in_s, p->expires_ms);
}

static bool
place_from_text(struct context *house, const char *text, int32_t event_id, const char *user_id,
	struct room_place *out)
{
	char *rest = arena_strdup(house->arena, text);
	int64_t n[8];
	struct ticket ticket = { .event_id = event_id, .line = LINE, .user_id = user_id };

	for (size_t i = 0; i < ARRAY_LENGTH(n); i++) {
		const char *word = strsep(&rest, " ");

		if (!word || !str_to_int(word, -1, INT64_MAX, &n[i]))
			return false;
	}
	ticket.score = n[0];
	if (n[1] == ROOM_ADMITTED) {
		place_admitted(house, &ticket, n[7] / 1000, out);
		return true;
	}
	*out = place_of(&ticket, ROOM_WAITING);
	out->ahead = n[2];
	out->wait_s = n[3];
	out->poll_after_s = n[4];
	out->opens_ms = n[5];
	out->starts_in_s = n[6];
	return true;
}

enum problem
room_join(struct context *house, int32_t event_id, const char *user_id,
	const struct context_key *key, bool *replayed, struct room_place *out)
{
	const char *kept;
	enum problem err = join(house, event_id, user_id, key, &kept, out);

	*replayed = false;
	FAULT("room.joined");
	if (!err && !kept)
		err = queue_key_end(
			house, event_id, user_id, key, PROBLEM_NONE, place_text(house, out), &kept);
	if (err || !kept)
		return err;
	*replayed = place_from_text(house, kept, event_id, user_id, out);
	return *replayed ? PROBLEM_NONE : queue_away(house);
}

/* ---- status ---------------------------------------------------------------------------------- */

static int64_t
number_of(const struct ticket *ticket)
{
	return ticket->score & ((INT64_C(1) << NUMBER_BITS) - 1);
}

/* A place of which Redis knows nothing: how it ended, or else *again: it was lost. */
static enum problem
look_for(struct context *house, const struct ticket *ticket, bool *again, struct room_place *out)
{
	struct pg_rows rows;
	const char *how;
	enum problem err;

	err = query_queue_room_end(house->pg, house->arena, house->deadline_us, house->why, &rows,
		ticket->event_id, ticket_epoch(ticket), number_of(ticket), ticket->user_id,
		ticket->score);
	if (err)
		return err == PROBLEM_UNKNOWN_OUTCOME ? PROBLEM_UNAVAILABLE : err;
	how = pg_text(&rows, 0, QUEUE_ROOM_END_HOW);
	*again = !how;
	if (how)
		*out = place_of(ticket, str_equal(how, "left") ? ROOM_LEFT : ROOM_CONFIRMED);
	return PROBLEM_NONE;
}

static enum problem
status_of(struct context *house, struct ticket *ticket, struct asking *a, bool *again,
	struct room_place *out)
{
	if (str_equal(a->said, "limited"))
		return limit_refuse(house, "read", house->conf->rate_read,
			redis_int(redis_at(a->reply, 1)) * 1000);
	if (str_equal(a->said, "unknown"))
		return look_for(house, ticket, again, out);
	if (str_equal(a->said, "over")) {
		*out = place_of(ticket, ROOM_EXPIRED);
		out->reason = "sales-closed";
	} else if (str_equal(a->said, "off")) {
		*out = place_of(ticket, ROOM_ADMITTED);
		out->reason = "queue-off";
	} else if (str_equal(a->said, "waiting") || str_equal(a->said, "inside")) {
		place_read(house, ticket, a->reply, out);
	} else {
		*out = place_of(ticket, str_equal(a->said, "confirmed") ? ROOM_CONFIRMED
					: str_equal(a->said, "left")    ? ROOM_LEFT
									: ROOM_EXPIRED);
	}
	return PROBLEM_NONE;
}

enum problem
room_status(struct context *house, const struct ticket *ticket, struct room_place *out)
{
	const struct conf *conf = house->conf;
	struct ticket is = *ticket;
	struct asking a = {
		.event_id = ticket->event_id,
		.script = &script_room_status,
		.bucket = limit_key(house, "read", ticket->user_id),
		.extra = { ticket->user_id, str_int(house->arena, ticket->score),
			str_int(house->arena, conf->rate_read),
			conf->rate_limit ? str_int(house->arena, conf->rate_read_burst) : "0",
			"0" },
		.reads = &a.extra[3],
		.epoch = ticket_epoch(ticket),
	};
	bool again = false;
	enum problem err = ask(house, &a);

	if (!err)
		err = status_of(house, &is, &a, &again, out);
	if (err || !again)
		return err;
	a.extra[4] = "1";
	err = ask(house, &a);
	if (!err)
		err = status_of(house, &is, &a, &again, out);
	if (!err && (out->status == ROOM_WAITING || out->status == ROOM_ADMITTED))
		metrics_add(METRIC_QUEUE_MOVES, METRIC_QUEUE_MOVE_RETURNED, 1);
	return err;
}

/* ---- the end of a place ---------------------------------------------------------------------- */

/* The score of what has ended with it, "": nothing; NULL: Redis is away. */
static const char *
end_in_line(struct context *house, int32_t event_id, const char *user_id, int64_t score,
	const char *how)
{
	const char *args[] = { LINE, user_id, str_int(house->arena, score), how, NULL };

	return queue_said(queue_script(house, &script_room_end, event_id, NULL, args));
}

void
room_end(struct context *house, int32_t event_id, const char *user_id, int64_t score,
	const char *how)
{
	if (house->redis)
		end_in_line(house, event_id, user_id, score, how);
}

void
room_inside(struct context *house, const struct pass *pass)
{
	const char *args[] = { LINE, pass->user_id, str_int(house->arena, pass->score),
		str_int(house->arena, 1000 * pass->ends_s), NULL };

	if (house->redis)
		queue_script(house, &script_room_inside, pass->event_id, NULL, args);
}

/* how: left, or confirmed, which PostgreSQL knew before. */
static enum problem
end_ticket(struct context *house, const struct ticket *ticket, const char **how)
{
	struct pg_rows rows;
	enum problem err = PROBLEM_NONE;

	for (int tries = 0; tries < 2; tries++) {
		err = query_queue_room_leave(house->pg, house->arena, house->deadline_us,
			house->why, &rows, ticket->event_id, ticket_epoch(ticket),
			number_of(ticket), ticket->user_id, ticket->score);
		if (err != PROBLEM_UNKNOWN_OUTCOME)
			break;
	}
	FAULT("room.left");
	if (!err)
		*how = pg_text(&rows, 0, QUEUE_ROOM_LEAVE_HOW);
	return err;
}

/*
 * PostgreSQL is told, and then Redis: also of an older place of the same account that stood for
 * this one. Where one of them cannot be told all of it may be done again.
 */
static enum problem
give_up(struct context *house, const struct ticket *ticket)
{
	struct ticket older = *ticket;
	const char *score, *how, *ignored;
	enum problem err = end_ticket(house, ticket, &how);

	if (err)
		return err;
	score = end_in_line(house, ticket->event_id, ticket->user_id, ticket->score, how);
	if (!score) {
		house->why->detail = "The line could not be told. Leave once more.";
		house->why->retry_after_s = (int)house->conf->queue_poll_seconds;
		return PROBLEM_UNAVAILABLE;
	}
	if (str_to_int(score, 1, ticket->score - 1, &older.score))
		err = end_ticket(house, &older, &ignored);
	if (!err && str_equal(how, "left"))
		metrics_add(METRIC_QUEUE_MOVES, METRIC_QUEUE_MOVE_LEFT, 1);
	return err;
}

enum problem
room_leave(struct context *house, const struct ticket *ticket, const struct context_key *key,
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

/* ---- letting in ------------------------------------------------------------------------------ */

enum problem
room_advance(struct context *house, int32_t event_id, int64_t *waiting, int64_t *admitted)
{
	struct asking a = { .event_id = event_id, .script = &script_room_advance };
	enum problem err = ask(house, &a);

	if (err)
		return err;
	*waiting = -1;
	*admitted = 0;
	if (str_equal(a.said, "moved")) {
		*admitted = redis_int(redis_at(a.reply, 1));
		*waiting = redis_int(redis_at(a.reply, 2));
		metrics_add(METRIC_QUEUE_MOVES, METRIC_QUEUE_MOVE_ADMITTED, *admitted);
	}
	return PROBLEM_NONE;
}

const char *
room_defaults(struct context *house)
{
	const struct conf *conf = house->conf;

	return arena_printf(house->arena,
		"{\"admit_per_minute\":%" PRId64 ",\"inside_max\":%" PRId64
		",\"stale_after_seconds\":%" PRId64 ",\"grace_seconds\":%" PRId64
		",\"pass_seconds\":%" PRId64 "}",
		conf->room_admit_per_minute, conf->room_inside_max, conf->room_stale_seconds,
		conf->room_grace_seconds, conf->room_pass_seconds);
}
