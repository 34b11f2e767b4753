/*
 * The pool of bookings: hold, confirm, release, cancel, and the caller's history.
 */
#include "domain/booking.h"

#include "base/json.h"
#include "domain/demand.h"
#include "domain/hold.h"
#include "domain/ticket.h"
#include "http/page.h"
#include "pools/caller.h"
#include "pools/places.h"
#include "pools/serve.h"
#include "queries.h"

#define POOL_ROUTES booking
#include "pools/routes.h"

#define TEXT_MAX PLACES_TEXT_MAX

/* The fields of every body here; each call has a table of those that it takes. */
struct body {
	const char *event_id;
	const char *show_id;
	const char *user_id;
	const char *section_id;
	const char *payment_id;
	const char *reason;
	int64_t quantity;
	const struct json *seat_ids;
	const struct json *items;
};

#define TEXT(field)                                                                                \
	.kind = JSON_STRING, .min = 1, .max = TEXT_MAX, .offset = offsetof(struct body, field)
#define LIST(field)                                                                                \
	.kind = JSON_ARRAY, .min = 1, .max = HOLD_PLACES_MAX, .offset = offsetof(struct body, field)
#define QUANTITY                                                                                   \
	.kind = JSON_INT, .min = 1, .max = 1000000, .offset = offsetof(struct body, quantity)

static enum problem
body_read(struct request *r, const struct json_field *fields, struct body *in)
{
	*in = (struct body){ 0 };
	return json_read(r->body, fields, in, &r->why, r->arena, "");
}

/* What cannot be an event's id is an event that does not exist. */
static enum problem
event_read(const char *text, int32_t *event_id)
{
	return event_id_read(text, event_id) ? PROBLEM_NONE : PROBLEM_NOT_FOUND;
}

/* ---- answers --------------------------------------------------------------------------------- */

static enum problem
answer(struct request *r, int status, const struct booking *booking, bool replayed)
{
	struct str out;

	str_init(&out, r->arena);
	booking_write(&out, booking);
	respond_json(r, status, out.data);
	if (replayed)
		respond_header(r, "Idempotent-Replayed", "true");
	return PROBLEM_NONE;
}

static void
locate(struct request *r, const struct booking *booking)
{
	respond_header(
		r, "Location", arena_printf(r->arena, "/api/v1/bookings/%s", booking->booking_id));
}

static enum problem
hold(struct request *r, struct hold_wish *wish, enum hold_outcome *outcome, struct booking *out)
{
	struct context_key key = key_of(r);

	wish->user_id = r->who.user_id;
	wish->pass = request_header(r, "HTTP_X_QUEUE_PASS");
	return hold_take(serve_context(), wish, &key, outcome, out);
}

/* ---- hold and its aliases -------------------------------------------------------------------- */

static enum problem
hold_body(struct request *r, const struct body *in, struct hold_wish *wish)
{
	int forms = (in->section_id || in->quantity) + !!in->seat_ids + !!in->items;

	if (forms != 1)
		return problem_at(&r->why, r->arena, "",
			"Give one of: section_id with seats_requested; seat_ids; items.");
	if (in->seat_ids)
		return places_add_seats(r, wish, in->seat_ids);
	if (in->items)
		return places_add_items(r, wish, in->items);
	if (!in->section_id)
		return problem_at(&r->why, r->arena, "/section_id", "This is required.");
	if (!in->quantity)
		return problem_at(&r->why, r->arena, "/seats_requested", "This is required.");
	return places_add_section(r, wish, in->section_id, in->quantity, "/seats_requested");
}

static enum problem
booking_hold(struct request *r)
{
	static const struct json_field fields[] = {
		{ .name = "event_id", TEXT(event_id), .required = true },
		{ .name = "section_id", TEXT(section_id) },
		{ .name = "seats_requested", QUANTITY },
		{ .name = "seat_ids", LIST(seat_ids) },
		{ .name = "items", LIST(items) },
		{ .name = NULL },
	};
	struct hold_wish wish = { 0 };
	enum hold_outcome outcome;
	struct booking booking;
	struct body in;
	enum problem err;

	err = body_read(r, fields, &in);
	if (!err)
		err = hold_body(r, &in, &wish);
	if (!err)
		err = event_read(in.event_id, &wish.event_id);
	if (!err)
		err = hold(r, &wish, &outcome, &booking);
	if (err)
		return err;
	answer(r, outcome == HOLD_SAME ? 200 : 201, &booking, outcome == HOLD_REPLAY);
	locate(r, &booking);
	return PROBLEM_NONE;
}

/* A caller who names a user must name themselves. */
static enum problem
check_user(struct request *r, const struct body *in)
{
	if (!in->user_id || str_equal(in->user_id, r->who.user_id))
		return PROBLEM_NONE;
	r->why.detail = "user_id is not the caller's.";
	return PROBLEM_FORBIDDEN;
}

static enum problem
booking_seat_lock(struct request *r)
{
	static const struct json_field fields[] = {
		{ .name = "show_id", TEXT(show_id), .required = true },
		{ .name = "seat_ids", LIST(seat_ids), .required = true },
		{ .name = "user_id", TEXT(user_id) },
		{ .name = NULL },
	};
	struct hold_wish wish = { 0 };
	enum hold_outcome outcome;
	struct booking booking;
	struct body in;
	struct str out;
	enum problem err;

	err = body_read(r, fields, &in);
	if (!err)
		err = places_add_seats(r, &wish, in.seat_ids);
	if (!err)
		err = check_user(r, &in);
	if (!err)
		err = event_read(in.show_id, &wish.event_id);
	if (!err)
		err = hold(r, &wish, &outcome, &booking);
	if (err)
		return err;
	str_init(&out, r->arena);
	str_add(&out, "{\"success\":true,\"seat_ids\":[");
	for (size_t i = 0; i < booking.items_count; i++) {
		if (i > 0)
			str_add_char(&out, ',');
		str_add_json(&out, booking.items[i].seat_id);
	}
	str_add(&out, "],\"booking_id\":");
	str_add_json(&out, booking.booking_id);
	str_add(&out, ",\"expires_at\":");
	str_add_json(&out, booking.expires_at);
	str_add_char(&out, '}');
	respond_json(r, 200, out.data);
	if (outcome == HOLD_REPLAY)
		respond_header(r, "Idempotent-Replayed", "true");
	return PROBLEM_NONE;
}

static enum problem
booking_book(struct request *r)
{
	static const struct json_field fields[] = {
		{ .name = "section_id", TEXT(section_id) },
		{ .name = "quantity", QUANTITY, .required = true },
		{ .name = NULL },
	};
	struct hold_wish wish = { 0 };
	enum hold_outcome outcome;
	struct booking booking;
	struct body in;
	struct str out;
	enum problem err;

	err = body_read(r, fields, &in);
	if (!err)
		err = event_of(r, &wish.event_id);
	if (!err && !in.section_id)
		err = hold_only_section(serve_context(), wish.event_id, &in.section_id);
	if (!err)
		err = places_add_section(r, &wish, in.section_id, in.quantity, "/quantity");
	if (!err)
		err = hold(r, &wish, &outcome, &booking);
	if (err)
		return err;
	str_init(&out, r->arena);
	str_add(&out, "{\"reservation_id\":");
	str_add_json(&out, booking.booking_id);
	str_add_char(&out, ',');
	booking_write_members(&out, &booking);
	str_add_char(&out, '}');
	respond_json(r, 201, out.data);
	if (outcome == HOLD_REPLAY)
		respond_header(r, "Idempotent-Replayed", "true");
	locate(r, &booking);
	return PROBLEM_NONE;
}

/* ---- moves ----------------------------------------------------------------------------------- */

static struct booking_name
name_of(const struct request *r)
{
	return (struct booking_name){ .booking_id = r->params[0], .user_id = r->who.user_id };
}

/* A move that asks for nothing but its booking. */
static enum problem
move(struct request *r, const struct json_field *fields,
	enum problem (*make)(struct context *house, const struct booking_name *name,
		const struct context_key *key, enum booking_outcome *outcome, struct booking *out))
{
	struct booking_name name = name_of(r);
	struct context_key key = key_of(r);
	enum booking_outcome outcome;
	struct booking booking;
	struct body in;
	enum problem err;

	err = body_read(r, fields, &in);
	if (!err)
		err = make(serve_context(), &name, &key, &outcome, &booking);
	return err ? err : answer(r, 200, &booking, outcome == BOOKING_REPLAY);
}

static enum problem
booking_confirm_call(struct request *r)
{
	static const struct json_field fields[] = { { .name = "payment_id", TEXT(payment_id) },
		{ .name = NULL } };

	return move(r, fields, booking_confirm);
}

static const struct json_field no_fields[] = { { .name = NULL } };

static enum problem
booking_release_call(struct request *r)
{
	return move(r, no_fields, booking_release);
}

static enum problem
booking_extend_call(struct request *r)
{
	return move(r, no_fields, booking_extend);
}

static enum problem
booking_cancel_call(struct request *r)
{
	static const struct json_field fields[] = {
		{ .name = "reason",
			.kind = JSON_STRING,
			.max = 500,
			.offset = offsetof(struct body, reason) },
		{ .name = "items", LIST(items) },
		{ .name = NULL },
	};
	struct booking_name name = name_of(r);
	struct context_key key = key_of(r);
	struct booking_part part = { 0 };
	struct hold_wish wish = { 0 };
	enum booking_outcome outcome;
	struct booking booking;
	struct body in;
	enum problem err;

	err = body_read(r, fields, &in);
	/* Left out is all of it: what a client failed to fill in must not be taken for that. */
	if (!err && !in.items && json_get(r->body, "items"))
		err = problem_at(&r->why, r->arena, "/items", "The value must be an array.");
	if (!err && in.items) {
		err = places_add_items(r, &wish, in.items);
		part = hold_places(&wish);
	}
	part.reason = in.reason;
	if (!err)
		err = booking_cancel(serve_context(), &name, &part, &key, &outcome, &booking);
	return err ? err : answer(r, 200, &booking, outcome == BOOKING_REPLAY);
}

static enum problem
booking_confirm_seats_call(struct request *r)
{
	static const struct json_field fields[] = {
		{ .name = "show_id", TEXT(show_id), .required = true },
		{ .name = "seat_ids", LIST(seat_ids), .required = true },
		{ .name = "user_id", TEXT(user_id) },
		{ .name = NULL },
	};
	struct context_key key = key_of(r);
	struct hold_wish wish = { 0 };
	enum booking_outcome outcome;
	const char *body;
	struct body in;
	enum problem err;

	err = body_read(r, fields, &in);
	if (!err)
		err = places_add_seats(r, &wish, in.seat_ids);
	if (!err)
		err = check_user(r, &in);
	if (!err)
		err = event_read(in.show_id, &wish.event_id);
	if (!err)
		err = booking_confirm_seats(serve_context(), wish.event_id, r->who.user_id,
			wish.seat_ids, wish.seat_pointers, wish.seats, &key, &outcome, &body);
	if (err)
		return err;
	respond_json(r, 200, body);
	if (outcome == BOOKING_REPLAY)
		respond_header(r, "Idempotent-Replayed", "true");
	return PROBLEM_NONE;
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum problem
booking_get_call(struct request *r)
{
	struct booking_name name = name_of(r);
	struct booking booking;
	enum problem err;

	err = request_query_done(r);
	if (!err)
		err = booking_get(serve_context(), &name, &booking);
	return err ? err : answer(r, 200, &booking, false);
}

static enum problem
booking_list_call(struct request *r)
{
	static const char *const statuses[] = { "HOLD", "RESERVED", "CONFIRMED", "EXPIRED",
		"RELEASED", "CANCELLED", "REFUNDED", "PAID_UNFULFILLED" };
	struct booking_page page = { .user_id = r->who.user_id };
	struct page asked;
	const char *event = request_query(r, "event_id"), *next;
	struct booking *bookings;
	size_t count, known = 0;
	int32_t event_id = 0;
	struct str out;
	enum problem err;

	page.status = request_query(r, "status");
	page_read(r, PAGE_LIMIT, PAGE_LIMIT_MAX, &asked);
	page.cursor = asked.cursor;
	page.limit = asked.limit;
	err = request_query_done(r);
	if (err)
		return err;
	while (page.status && known < ARRAY_LENGTH(statuses) &&
		!str_equal(page.status, statuses[known]))
		known++;
	if (known == ARRAY_LENGTH(statuses))
		return problem_at(&r->why, r->arena, "/status", "There is no such status.");
	if (event) {
		page.event_id = &event_id; /* no number is no event of anybody's */
		event_read(event, &event_id);
	}
	err = booking_list(serve_context(), &page, &bookings, &count, &next);
	if (err)
		return err;
	str_init(&out, r->arena);
	for (size_t i = 0; i < count; i++) {
		page_item(&out);
		booking_write(&out, &bookings[i]);
	}
	page_respond(r, out.data, next);
	return PROBLEM_NONE;
}

/* ---- service --------------------------------------------------------------------------------- */

/* {"janitor": {"ok_age_seconds", "late_seconds", "rows", "running", "error"}}: the last run of each
 * job. */
static void
write_jobs(struct str *out)
{
	struct context *house = serve_context();
	struct problem_why ignored = { 0 };
	struct pg_rows rows;

	if (query_service_jobs(house->pg, house->arena, house->deadline_us, &ignored, &rows))
		return;
	str_add(out, ",\"jobs\":{");
	for (int i = 0; i < rows.count; i++) {
		const char *age = pg_text(&rows, i, SERVICE_JOBS_OK_AGE);

		str_add(out, i > 0 ? "," : "");
		str_add_json(out, pg_text(&rows, i, SERVICE_JOBS_NAME));
		str_printf(out,
			":{\"ok_age_seconds\":%s,\"late_seconds\":%s,\"rows\":%s,\"running\":%s,"
			"\"error\":",
			age ? age : "null", pg_text(&rows, i, SERVICE_JOBS_LATE),
			pg_text(&rows, i, SERVICE_JOBS_ROWS),
			pg_bool(&rows, i, SERVICE_JOBS_RUNNING) ? "true" : "false");
		str_add_json(out, pg_text(&rows, i, SERVICE_JOBS_ERROR));
		str_add_char(out, '}');
	}
	str_add_char(out, '}');
}

/* 200 while bookings can be made: PostgreSQL takes writes. Redis may be away; that is degraded. How
 * late the jobs are is told and changes nothing: what is sold does not depend on them. */
static enum problem
booking_readyz(struct request *r)
{
	struct context *house = serve_context();
	struct problem_why ignored = { 0 };
	struct pg_rows rows;
	struct str out;
	bool pg, redis;

	pg = !query_service_ready(house->pg, house->arena, house->deadline_us, &ignored, &rows) &&
	     pg_bool(&rows, 0, SERVICE_READY_WRITABLE);
	redis = redis_command(house->redis, 1, (const char *const[]){ "PING" }, NULL, house->arena);
	str_init(&out, r->arena);
	str_printf(&out, "{\"status\":\"%s\",\"postgres\":\"%s\",\"redis\":\"%s\"",
		!pg     ? "unavailable"
		: redis ? "ok"
			: "degraded",
		pg ? "ok" : "away", redis ? "ok" : "away");
	if (pg)
		write_jobs(&out);
	str_add_char(&out, '}');
	respond_json(r, pg ? 200 : 503, out.data);
	if (!pg)
		respond_header(r, "Retry-After", "1");
	return PROBLEM_NONE;
}

static void
booking_start(struct context *house)
{
	ticket_init();
	filter_begin(house);
}

static bool
booking_idle(struct context *house)
{
	return filter_idle(house) + demand_idle(house) > 0; /* both, whatever the first says */
}

int
main(int argc, char **argv)
{
	static const struct pool pool = {
		.program = { .name = "booking",
			.summary = "hold, confirm, extend, release and cancel bookings" },
		.routes = pool_routes,
		.derives_ids = true,
		.start = booking_start,
		.idle = booking_idle,
	};

	return serve(&pool, argc, argv);
}
