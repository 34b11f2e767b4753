/*
 * The pool of staff: organizers make and change their own venues and events, admins everybody's.
 */
#include "domain/analytics.h"
#include "domain/booking.h"
#include "domain/event.h"
#include "domain/pricing.h"
#include "domain/venue.h"
#include "domain/webhook.h"
#include "http/page.h"
#include "pools/caller.h"
#include "pools/serve.h"

#define POOL_ROUTES admin
#include "pools/routes.h"

#define LOG_LIMIT      100
#define LOG_LIMIT_MAX  1000
#define CONDITIONS_MAX 16 /* tags of one If-Match that are looked at */
#define REFERENCE_MAX  200

static void
answer_created(struct request *r, const char *location, bool replayed, const char *body)
{
	respond_json(r, 201, body);
	if (location)
		respond_header(r, "Location", location);
	if (replayed)
		respond_header(r, "Idempotent-Replayed", "true");
}

static void
add_version(struct request *r, int64_t version)
{
	respond_header(r, "ETag", arena_printf(r->arena, "\"%lld\"", (long long)version));
}

static enum problem
admin_event_create(struct request *r)
{
	struct event_caller caller = caller_of(r);
	struct context_key key = key_of(r);
	struct event_answer answer;
	enum problem err = request_query_done(r);

	if (!err)
		err = event_create(serve_context(), &caller, &key, r->body, &answer);
	if (err)
		return err;
	answer_created(r, arena_printf(r->arena, "/api/v1/events/%s", answer.event_id),
		answer.replayed, answer.body);
	add_version(r, answer.version);
	return PROBLEM_NONE;
}

/*
 * The versions that If-Match (RFC 9110, 13.1.1) allows: a tag of ours begins with the event's
 * version, up to its end or a dash. It is as good where nginx made it weak, as it does with each
 * answer that it compresses. Tags of others match nothing. NULL: any version will do.
 */
static const int64_t *
versions_of(struct request *r, size_t *count)
{
	const char *at = request_header(r, "HTTP_IF_MATCH");
	int64_t *versions;

	*count = 0;
	if (!at || strcmp(at, "*") == 0)
		return NULL;
	versions = ARENA_ARRAY(r->arena, int64_t, CONDITIONS_MAX);
	while (*count < CONDITIONS_MAX) {
		const char *end;
		size_t digits;

		at += strspn(at, " \t,");
		at += str_starts(at, "W/") ? 2 : 0;
		end = *at == '"' ? strchr(at + 1, '"') : NULL;
		if (!end)
			return versions;
		digits = strspn(at + 1, "0123456789");
		if ((at[1 + digits] == '"' || at[1 + digits] == '-') &&
			str_to_int(arena_copy(r->arena, at + 1, digits), 1, INT32_MAX,
				&versions[*count]))
			++*count;
		at = end + 1;
	}
	return versions;
}

static enum problem
admin_event_update(struct request *r)
{
	struct event_caller caller = caller_of(r);
	const int64_t *versions;
	struct event_answer answer;
	int32_t event_id;
	size_t count;
	enum problem err = request_query_done(r);

	if (!err)
		err = event_of(r, &event_id);
	if (err)
		return err;
	versions = versions_of(r, &count);
	err = event_update(serve_context(), &caller, event_id, versions, count, r->body, &answer);
	if (err)
		return err;
	respond_json(r, 200, answer.body);
	add_version(r, answer.version);
	return PROBLEM_NONE;
}

/* The elements of a page that PostgreSQL has written. */
static const char *
items_of(struct request *r, const char *const *bodies, size_t count)
{
	struct str items;

	str_init(&items, r->arena);
	for (size_t i = 0; i < count; i++) {
		page_item(&items);
		str_add(&items, bodies[i]);
	}
	return items.data;
}

static enum problem
admin_event_prices(struct request *r)
{
	struct event_caller caller = caller_of(r);
	struct pricing_history history;
	struct page page;
	int32_t event_id;
	enum problem err;

	page_read(r, PAGE_LIMIT, PAGE_LIMIT_MAX, &page);
	err = request_query_done(r);
	if (!err)
		err = event_of(r, &event_id);
	if (!err)
		err = pricing_history(
			serve_context(), &caller, event_id, page.cursor, page.limit, &history);
	if (err)
		return err;
	page_respond_with(r, arena_printf(r->arena, "\"pricing\":%s,", history.pricing),
		items_of(r, history.bodies, history.count), history.next);
	return PROBLEM_NONE;
}

/*
 * ?after= goes on behind a position, for those who ask again and again; ?cursor= is the same, as
 * every list has it.
 */
static enum problem
admin_event_log(struct request *r)
{
	struct event_caller caller = caller_of(r);
	int64_t after = request_query_int(r, "after", 0, 0, INT64_MAX);
	struct webhook_log log;
	struct page page;
	int32_t event_id;
	enum problem err;

	page_read(r, LOG_LIMIT, LOG_LIMIT_MAX, &page);
	err = request_query_done(r);
	if (!err && page.cursor && !str_to_int(page.cursor, 0, INT64_MAX, &after))
		err = problem_at(&r->why, r->arena, "/cursor", "This is no cursor of this list.");
	if (!err)
		err = event_of(r, &event_id);
	if (!err)
		err = webhook_log(serve_context(), &caller, event_id, after, page.limit, &log);
	if (err)
		return err;
	page_respond_with(r, arena_printf(r->arena, "\"after\":%lld,", (long long)log.last),
		items_of(r, log.bodies, log.count),
		log.more ? arena_printf(r->arena, "%lld", (long long)log.last) : NULL);
	return PROBLEM_NONE;
}

static enum problem
admin_webhook_create(struct request *r)
{
	struct event_caller caller = caller_of(r);
	const char *webhook_id, *body;
	enum problem err = request_query_done(r);

	if (!err)
		err = webhook_create(serve_context(), &caller, r->body, &webhook_id, &body);
	if (!err)
		answer_created(r, arena_printf(r->arena, "/api/v1/admin/webhooks/%s", webhook_id),
			false, body);
	return err;
}

static enum problem
admin_webhooks(struct request *r)
{
	struct event_caller caller = caller_of(r);
	struct webhook_page list;
	struct page page;
	enum problem err;

	page_read(r, PAGE_LIMIT, PAGE_LIMIT_MAX, &page);
	err = request_query_done(r);
	if (!err)
		err = webhook_list(serve_context(), &caller, page.cursor, page.limit, &list);
	if (err)
		return err;
	page_respond(r, items_of(r, list.bodies, list.count), list.next);
	return PROBLEM_NONE;
}

static enum problem
admin_webhook_delete(struct request *r)
{
	struct event_caller caller = caller_of(r);
	enum problem err = request_query_done(r);

	if (!err)
		err = webhook_delete(serve_context(), &caller, r->params[0]);
	if (!err)
		respond_empty(r, 204);
	return err;
}

static enum problem
admin_venue_create(struct request *r)
{
	struct event_caller caller = caller_of(r);
	struct context_key key = key_of(r);
	struct venue_answer answer = { 0 };
	enum problem err = request_query_done(r);

	if (!err)
		err = venue_create(serve_context(), &caller, &key, r->body, &answer);
	if (!err)
		/* No Location: a venue alone cannot be asked for. */
		answer_created(r, NULL, answer.replayed, answer.body);
	return err;
}

static enum problem
admin_venues(struct request *r)
{
	struct event_caller caller = caller_of(r);
	const char **bodies;
	const char *next;
	struct page page;
	size_t count;
	enum problem err;

	page_read(r, PAGE_LIMIT, PAGE_LIMIT_MAX, &page);
	err = request_query_done(r);
	if (!err)
		err = venue_list(
			serve_context(), &caller, page.cursor, page.limit, &bodies, &count, &next);
	if (err)
		return err;
	page_respond(r, items_of(r, bodies, count), next);
	return PROBLEM_NONE;
}

static enum problem
admin_analytics(struct request *r)
{
	struct event_caller caller = caller_of(r);
	struct analytics_wish wish = {
		.event_id = request_query(r, "event_id"),
		.from = request_query(r, "from"),
		.to = request_query(r, "to"),
		.timezone = request_query(r, "timezone"),
		.interval = request_query(r, "interval"),
		.popular =
			request_query_int(r, "limit", ANALYTICS_POPULAR, 1, ANALYTICS_POPULAR_MAX),
	};
	const char *body;
	enum problem err = request_query_done(r);

	if (!err)
		err = analytics_get(serve_context(), &caller, &wish, &body);
	if (!err)
		respond_json(r, 200, body);
	return err;
}

static enum problem
admin_capacity(struct request *r)
{
	struct event_caller caller = caller_of(r);
	struct capacity_wish wish = {
		.event_id = request_query(r, "event_id"),
		.when = request_query(r, "when"),
	};
	struct capacity_page list;
	struct page page;
	enum problem err;

	page_read(r, PAGE_LIMIT, PAGE_LIMIT_MAX, &page);
	wish.cursor = page.cursor;
	wish.limit = page.limit;
	err = request_query_done(r);
	if (!err)
		err = capacity_list(serve_context(), &caller, &wish, &list);
	if (err)
		return err;
	page_respond(r, items_of(r, list.bodies, list.count), list.next);
	return PROBLEM_NONE;
}

/* ---- money ----------------------------------------------------------------------------------- */

static struct booking_staff
staff_of(const struct request *r)
{
	struct event_caller caller = caller_of(r);

	return (struct booking_staff){
		.booking_id = r->params[0],
		.user_id = caller.user_id,
		.everything = caller.everything,
	};
}

static enum problem
answer_booking(struct request *r, const struct booking *booking, enum booking_outcome outcome)
{
	struct str out;

	str_init(&out, r->arena);
	booking_write(&out, booking);
	respond_json(r, 200, out.data);
	if (outcome == BOOKING_REPLAY)
		respond_header(r, "Idempotent-Replayed", "true");
	return PROBLEM_NONE;
}

static enum problem
admin_booking_paid(struct request *r)
{
	struct in {
		const char *reference;
	} in = { 0 };
	static const struct json_field fields[] = {
		{ .name = "reference",
			.kind = JSON_STRING,
			.min = 1,
			.max = REFERENCE_MAX,
			.offset = offsetof(struct in, reference) },
		{ .name = NULL },
	};
	struct booking_staff staff = staff_of(r);
	struct context_key key = key_of(r);
	enum booking_outcome outcome;
	struct booking booking;
	enum problem err = json_read(r->body, fields, &in, &r->why, r->arena, "");

	if (!err)
		err = booking_paid(serve_context(), &staff, in.reference, &key, &outcome, &booking);
	return err ? err : answer_booking(r, &booking, outcome);
}

static enum problem
admin_booking_refunds(struct request *r)
{
	struct in {
		const char *action;
	} in = { 0 };
	static const struct json_field fields[] = {
		{ .name = "action",
			.kind = JSON_STRING,
			.required = true,
			.offset = offsetof(struct in, action) },
		{ .name = NULL },
	};
	struct booking_staff staff = staff_of(r);
	struct context_key key = key_of(r);
	enum booking_outcome outcome;
	struct booking booking;
	bool again;
	enum problem err = json_read(r->body, fields, &in, &r->why, r->arena, "");

	if (err)
		return err;
	again = str_equal(in.action, "again");
	if (!again && !str_equal(in.action, "done"))
		return problem_at(&r->why, r->arena, "/action", "This is \"done\" or \"again\".");
	err = booking_refunds(serve_context(), &staff, again, &key, &outcome, &booking);
	return err ? err : answer_booking(r, &booking, outcome);
}

int
main(int argc, char **argv)
{
	static const struct pool pool = {
		.program = { .name = "admin",
			.summary = "serves the calls of staff over FastCGI",
			.usage = "[OPTION]..." },
		.routes = pool_routes,
		.start = filter_begin,
		.idle = filter_idle,
	};

	return serve(&pool, argc, argv);
}
