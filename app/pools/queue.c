/*
 * The pool of the queue: join a line, ask how one stands, leave, confirm what one was given.
 */
#include "domain/queue.h"

#include "base/clock.h"
#include "base/json.h"
#include "domain/limit.h"
#include "domain/room.h"
#include "pools/caller.h"
#include "pools/places.h"
#include "pools/serve.h"

#define POOL_ROUTES queue
#include "pools/routes.h"

#define TOKEN_MAX 200

struct body {
	const char *token;
	const char *ticket_type_id;
	const char *event_id;
	const char *section_id;
	int64_t quantity;
};

#define TEXT(field, most)                                                                          \
	.kind = JSON_STRING, .min = 1, .max = (most), .offset = offsetof(struct body, field)

/* ---- answers --------------------------------------------------------------------------------- */

static void
add_number(struct str *out, const char *name, int64_t n, bool known)
{
	str_add(out, ",\"");
	str_add(out, name);
	str_add(out, "\":");
	if (known)
		str_add_int(out, n);
	else
		str_add(out, "null");
}

/* The beginning of an answer that gives a ticket. */
static void
token_write(struct str *out, const struct ticket *ticket)
{
	str_add(out, "{\"token\":\"");
	str_add(out, ticket_write(out->arena, ticket));
	str_add(out, "\",");
}

/* The first members, up to the section. */
static void
head_write(struct str *out, const char *status, int32_t event_id)
{
	str_add(out, "\"status\":\"");
	str_add(out, status);
	str_add(out, "\",\"event_id\":\"");
	str_add_int(out, event_id);
	str_add(out, "\",\"section_id\":");
}

/* The members of every answer that tells how a ticket stands. */
static void
place_write(struct str *out, const struct queue_place *place)
{
	char expires_at[CLOCK_RFC3339];

	head_write(out, queue_status_word(place->status), place->ticket.event_id);
	str_add_json(out, place->ticket.line);
	add_number(out, "quantity", ticket_quantity(&place->ticket), true);
	add_number(out, "position", place->ahead + 1, place->ahead >= 0);
	add_number(out, "ahead", place->ahead, place->ahead >= 0);
	add_number(out, "estimated_wait_seconds", place->wait_s, place->wait_s >= 0);
	add_number(out, "poll_after_seconds", place->poll_after_s, place->poll_after_s >= 0);
	str_add(out, ",\"booking_id\":");
	str_add_json(out, place->booking_id);
	if (place->expires_ms >= 0)
		clock_rfc3339(place->expires_ms, expires_at);
	str_add(out, ",\"expires_at\":");
	str_add_json(out, place->expires_ms >= 0 ? expires_at : NULL);
	str_add(out, ",\"reason\":");
	str_add_json(out, place->reason);
}

/* The same of a place in a waiting room, which is for the whole event. */
static void
room_write(struct str *out, const struct room_place *place)
{
	char time[CLOCK_RFC3339];

	head_write(out, room_status_word(place->status), place->ticket.event_id);
	str_add(out, "null");
	add_number(out, "position", place->ahead + 1, place->ahead >= 0);
	add_number(out, "ahead", place->ahead, place->ahead >= 0);
	add_number(out, "estimated_wait_seconds", place->wait_s, place->wait_s >= 0);
	add_number(out, "poll_after_seconds", place->poll_after_s, place->poll_after_s >= 0);
	if (place->opens_ms >= 0)
		clock_rfc3339(place->opens_ms, time);
	str_add(out, ",\"opens_at\":");
	str_add_json(out, place->opens_ms >= 0 ? time : NULL);
	add_number(out, "starts_in_seconds", place->starts_in_s, place->starts_in_s >= 0);
	str_add(out, ",\"pass\":");
	str_add_json(out, place->pass);
	if (place->expires_ms >= 0)
		clock_rfc3339(place->expires_ms, time);
	str_add(out, ",\"expires_at\":");
	str_add_json(out, place->expires_ms >= 0 ? time : NULL);
	str_add(out, ",\"reason\":");
	str_add_json(out, place->reason);
}

static void
mark_replay(struct request *r, bool replayed)
{
	if (replayed)
		respond_header(r, "Idempotent-Replayed", "true");
}

/* ---- join ------------------------------------------------------------------------------------ */

/* "event_id:section_id", the two also given by themselves, but not both; without a section the
 * waiting room of the event. */
static enum problem
wish_read(struct request *r, const struct body *in, struct queue_wish *wish)
{
	const char *colon, *event_id = in->event_id;

	wish->line = in->section_id;
	wish->line_pointer = "/section_id";
	if (in->ticket_type_id) {
		if (in->event_id || in->section_id)
			return problem_at(&r->why, r->arena, "/ticket_type_id",
				"Give this, or event_id with section_id.");
		wish->line_pointer = "/ticket_type_id";
		colon = strchr(in->ticket_type_id, ':');
		if (!colon)
			return problem_at(&r->why, r->arena, wish->line_pointer,
				"This is event_id:section_id.");
		event_id = arena_copy(
			r->arena, in->ticket_type_id, (size_t)(colon - in->ticket_type_id));
		wish->line = colon + 1;
	} else if (!in->event_id) {
		return problem_at(&r->why, r->arena, "/event_id", "This is required.");
	}
	if (!event_id_read(event_id, &wish->event_id))
		return PROBLEM_NOT_FOUND;
	if (!wish->line)
		return PROBLEM_NONE;
	if (!*wish->line || !ticket_line_is_name(wish->line))
		return problem_at(
			&r->why, r->arena, wish->line_pointer, "There is no such section.");
	return PROBLEM_NONE;
}

static enum problem
join_room(struct request *r, const struct body *in, const struct queue_wish *wish,
	const struct context_key *key)
{
	struct room_place place;
	struct str out;
	bool replayed;
	enum problem err;

	if (in->quantity)
		return problem_at(&r->why, r->arena, "/quantity",
			"A waiting room is for a person: say how many places with the hold.");
	err = room_join(serve_context(), wish->event_id, wish->user_id, key, &replayed, &place);
	if (err)
		return err;
	str_init(&out, r->arena);
	token_write(&out, &place.ticket);
	room_write(&out, &place);
	str_add_char(&out, '}');
	respond_json(r, 202, out.data);
	mark_replay(r, replayed);
	return PROBLEM_NONE;
}

static enum problem
queue_join_call(struct request *r)
{
	static const struct json_field fields[] = {
		{ .name = "ticket_type_id", TEXT(ticket_type_id, PLACES_TEXT_MAX) },
		{ .name = "event_id", TEXT(event_id, PLACES_TEXT_MAX) },
		{ .name = "section_id", TEXT(section_id, PLACES_TEXT_MAX) },
		{ .name = "quantity",
			.kind = JSON_INT,
			.min = 1,
			.max = TICKET_QUANTITY_MAX,
			.offset = offsetof(struct body, quantity) },
		{ .name = NULL },
	};
	struct context_key key = key_of(r);
	struct queue_wish wish = { .user_id = r->who.user_id,
		.pass = request_header(r, "HTTP_X_QUEUE_PASS") };
	struct body in = { 0 };
	struct queue_place place;
	struct str out;
	bool replayed;
	enum problem err;

	err = json_read(r->body, fields, &in, &r->why, r->arena, "");
	if (!err)
		err = wish_read(r, &in, &wish);
	if (!err && !wish.line)
		return join_room(r, &in, &wish, &key);
	wish.quantity = in.quantity ? in.quantity : 1;
	if (!err)
		err = queue_join(serve_context(), &wish, &key, &replayed, &place);
	if (err)
		return err;
	str_init(&out, r->arena);
	token_write(&out, &place.ticket);
	place_write(&out, &place);
	str_add_char(&out, '}');
	respond_json(r, 202, out.data);
	mark_replay(r, replayed);
	return PROBLEM_NONE;
}

/* ---- status ---------------------------------------------------------------------------------- */

/* A guess counts by the address, where a ticket counts by its account. */
static enum problem
unknown_token(struct request *r)
{
	struct context *house = serve_context();
	enum problem err = limit_check(house, "read", limit_who(house, NULL, r->address),
		house->conf->rate_read, house->conf->rate_read_burst);

	return err ? err : PROBLEM_NOT_FOUND;
}

static enum problem
room_status_call(struct request *r, const struct ticket *ticket)
{
	struct room_place place;
	struct str out;
	enum problem err = room_status(serve_context(), ticket, &place);

	if (err)
		return err;
	str_init(&out, r->arena);
	str_add_char(&out, '{');
	room_write(&out, &place);
	str_add_char(&out, '}');
	respond_json(r, 200, out.data);
	return PROBLEM_NONE;
}

static enum problem
queue_status_call(struct request *r)
{
	const char *header = request_header(r, "HTTP_X_QUEUE_TOKEN");
	const char *token = request_query(r, "token");
	struct queue_place place;
	struct ticket ticket;
	struct str out;
	enum problem err;

	err = request_query_done(r);
	if (err)
		return err;
	if (header && !*header)
		header = NULL;
	if (token && header && !str_equal(token, header)) {
		r->why.detail = "The parameter token and the header X-Queue-Token differ.";
		return PROBLEM_MALFORMED;
	}
	token = token ? token : header;
	if (!token)
		return problem_at(&r->why, r->arena, "/token", "This is required.");
	if (!ticket_read(r->arena, token, &ticket))
		return unknown_token(r);
	if (!*ticket.line)
		return room_status_call(r, &ticket);
	err = queue_status(serve_context(), &ticket, &place);
	if (err)
		return err;
	str_init(&out, r->arena);
	str_add_char(&out, '{');
	place_write(&out, &place);
	str_add_char(&out, '}');
	respond_json(r, 200, out.data);
	return PROBLEM_NONE;
}

/* ---- leave and confirm ----------------------------------------------------------------------- */

/* The caller's own ticket in the body: nobody else's is told from none. */
static enum problem
token_read(struct request *r, struct ticket *ticket)
{
	static const struct json_field fields[] = {
		{ .name = "token", TEXT(token, TOKEN_MAX), .required = true },
		{ .name = NULL },
	};
	struct body in = { 0 };
	enum problem err = json_read(r->body, fields, &in, &r->why, r->arena, "");

	if (err)
		return err;
	return ticket_read(r->arena, in.token, ticket) && str_equal(ticket->user_id, r->who.user_id)
		       ? PROBLEM_NONE
		       : PROBLEM_NOT_FOUND;
}

static enum problem
queue_leave_call(struct request *r)
{
	struct context_key key = key_of(r);
	struct ticket ticket;
	bool replayed = false;
	enum problem err = token_read(r, &ticket);

	if (!err)
		err = (*ticket.line ? queue_leave : room_leave)(
			serve_context(), &ticket, &key, &replayed);
	if (err)
		return err;
	respond_empty(r, 204);
	mark_replay(r, replayed);
	return PROBLEM_NONE;
}

static enum problem
queue_confirm_call(struct request *r)
{
	struct context_key key = key_of(r);
	enum booking_outcome outcome;
	struct booking booking;
	struct ticket ticket;
	struct str out;
	enum problem err = token_read(r, &ticket);

	if (!err && !*ticket.line) {
		r->why.detail = "A waiting room gives a pass, and holds nothing by itself.";
		return PROBLEM_NOT_RESERVED_YET;
	}
	if (!err)
		err = queue_confirm(serve_context(), &ticket, &key, &outcome, &booking);
	if (err)
		return err;
	str_init(&out, r->arena);
	booking_write(&out, &booking);
	respond_json(r, 200, out.data);
	mark_replay(r, outcome == BOOKING_REPLAY);
	return PROBLEM_NONE;
}

/* ---- between requests ------------------------------------------------------------------------ */

static void
start(struct context *house)
{
	ticket_init();
	filter_begin(house);
}

static bool
idle(struct context *house)
{
	bool lines = queue_idle(house), told = filter_idle(house);

	return lines || told;
}

int
main(int argc, char **argv)
{
	static const struct pool pool = {
		.program = { .name = "queue",
			.summary = "stand in line for places, and be given them in order" },
		.routes = pool_routes,
		.derives_ids = true,
		.start = start,
		.idle = idle,
	};

	return serve(&pool, argc, argv);
}
