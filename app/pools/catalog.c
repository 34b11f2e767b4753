/*
 * The pool of reading: events, what is left of them, their seats and maps. Everybody may ask, many
 * do at once; front servers may keep each answer as long as its Cache-Control says.
 */
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/metrics.h"
#include "domain/event.h"
#include "domain/queue.h"
#include "http/page.h"
#include "pools/caller.h"
#include "pools/serve.h"
#include "queries.h"

#define POOL_ROUTES catalog
#include "pools/routes.h"

/* How long front servers may keep answers. A change is visible to everybody within five seconds:
 * nginx, which counts in whole seconds, may make two more of it, and a client one. */
#define EVENT_AGE_S         2 /* details, lists and layouts */
#define POPULAR_AGE_S       60
#define LIVE_AGE_S          1 /* live numbers */

/* What /metrics waits for PostgreSQL at most. */
#define METRICS_PATIENCE_US 1000000

#define POPULAR_LIMIT       5
#define POPULAR_LIMIT_MAX   20

#define SEATS_LIMIT         500
#define SEATS_LIMIT_MAX     1000

static enum problem
catalog_healthz(struct request *r)
{
	respond_json(r, 200, "{\"status\":\"ok\"}");
	return PROBLEM_NONE;
}

/* The last run of each job. */
static void
write_jobs(struct str *out, const struct pg_rows *rows)
{
	static const struct {
		enum metric metric;
		int column;
	} shown[] = {
		{ METRIC_JOB_STARTED, SERVICE_WATCH_STARTED },
		{ METRIC_JOB_ENDED, SERVICE_WATCH_ENDED },
		{ METRIC_JOB_SUCCESS, SERVICE_WATCH_OK },
		{ METRIC_JOB_ROWS, SERVICE_WATCH_ROWS },
		{ METRIC_JOB_FAILED, SERVICE_WATCH_FAILED },
		{ METRIC_JOB_RUNNING, SERVICE_WATCH_RUNNING },
		{ METRIC_JOB_LATE, SERVICE_WATCH_LATE },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(shown); i++) {
		metrics_family(out, shown[i].metric);
		for (int row = 0; row < rows->count; row++) {
			if (pg_text(rows, row, shown[i].column))
				metrics_sample(out, shown[i].metric,
					pg_text(rows, row, SERVICE_WATCH_NAME),
					(double)pg_int(rows, row, shown[i].column));
		}
	}
}

/* What others are to be told of and have not been. */
static void
write_outbox(struct str *out, const struct pg_rows *rows)
{
	static const struct {
		enum metric metric;
		int column;
	} shown[] = {
		{ METRIC_OUTBOX_WAITING, OUTBOX_STATE_WAITING },
		{ METRIC_OUTBOX_OLDEST, OUTBOX_STATE_OLDEST },
		{ METRIC_OUTBOX_DEAD, OUTBOX_STATE_DEAD },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(shown); i++) {
		metrics_family(out, shown[i].metric);
		for (int row = 0; row < rows->count; row++)
			metrics_sample(out, shown[i].metric,
				pg_text(rows, row, OUTBOX_STATE_CHANNEL),
				(double)pg_int(rows, row, shown[i].column));
	}
}

/*
 * What all processes have counted, and what the servers say. Whoever watches waits for no server
 * that is away, and sees from this very answer that it is.
 */
static enum problem
catalog_metrics(struct request *r)
{
	struct context *house = serve_context();
	struct problem_why ignored = { 0 };
	struct pg_rows rows;
	struct str out;
	int64_t waiting;
	bool pg, redis;

	if (!metrics_shared()) {
		r->why.detail = "The workers do not count together: see the setting metrics_file.";
		return PROBLEM_UNAVAILABLE;
	}
	pg = !query_service_watch(house->pg, house->arena,
		clock_monotonic_us() + METRICS_PATIENCE_US, &ignored, &rows);
	redis = redis_command(house->redis, 1, (const char *const[]){ "PING" }, NULL, house->arena);
	str_init(&out, r->arena);
	metrics_write(&out);
	metrics_family(&out, METRIC_POSTGRES_UP);
	metrics_sample(&out, METRIC_POSTGRES_UP, NULL, pg);
	/* Nobody misses one that is not wanted. */
	if (*house->conf->redis_url) {
		metrics_family(&out, METRIC_REDIS_UP);
		metrics_sample(&out, METRIC_REDIS_UP, NULL, redis);
	}
	if (redis && (waiting = queue_waiting(house)) >= 0) {
		metrics_family(&out, METRIC_QUEUE_WAITING);
		metrics_sample(&out, METRIC_QUEUE_WAITING, NULL, (double)waiting);
	}
	if (redis && (waiting = queue_inside(house)) >= 0) {
		metrics_family(&out, METRIC_QUEUE_INSIDE);
		metrics_sample(&out, METRIC_QUEUE_INSIDE, NULL, (double)waiting);
	}
	if (pg)
		write_jobs(&out, &rows);
	if (pg && !query_outbox_state(house->pg, house->arena,
			  clock_monotonic_us() + METRICS_PATIENCE_US, &ignored, &rows))
		write_outbox(&out, &rows);
	respond_text(r, 200, "text/plain; version=0.0.4; charset=utf-8", out.data);
	return PROBLEM_NONE;
}

/* A tag over text that stands for the answer. */
static const char *
tag_of(struct request *r, const char *prefix, const char *text, size_t len)
{
	unsigned char hash[ID_SHA256_BYTES];
	char hex[ID_SHA256_HEX];

	id_sha256(text, len, hash);
	id_hex(hash, 12, hex);
	return arena_printf(r->arena, "%s%s", prefix, hex);
}

static enum problem
catalog_events(struct request *r)
{
	struct event_search search = {
		.words = request_query(r, "q"),
		.from = request_query(r, "from"),
		.to = request_query(r, "to"),
		.venue_id = request_query(r, "venue_id"),
	};
	struct event *events;
	const char *next;
	struct page page;
	struct str items;
	size_t count;
	enum problem err;

	page_read(r, PAGE_LIMIT, PAGE_LIMIT_MAX, &page);
	err = request_query_done(r);
	if (err)
		return err;
	search.limit = page.limit;
	search.cursor = page.cursor;
	err = event_list(serve_context(), &search, &events, &count, &next);
	if (err)
		return err;
	str_init(&items, r->arena);
	for (size_t i = 0; i < count; i++) {
		page_item(&items);
		event_write(&items, &events[i]);
	}
	page_respond(r, items.data, next);
	respond_cacheable(r, EVENT_AGE_S, NULL);
	return PROBLEM_NONE;
}

static enum problem
catalog_popular(struct request *r)
{
	int64_t limit = request_query_int(r, "limit", POPULAR_LIMIT, 1, POPULAR_LIMIT_MAX);
	enum problem err = request_query_done(r);
	struct event *events;
	size_t count;
	struct str out;

	if (!err)
		err = event_popular(serve_context(), limit, &events, &count);
	if (err)
		return err;
	str_init(&out, r->arena);
	for (size_t i = 0; i < count; i++) {
		page_item(&out);
		event_write(&out, &events[i]);
	}
	respond_json(r, 200, arena_printf(r->arena, "{\"items\":[%s]}", out.data));
	respond_cacheable(r, POPULAR_AGE_S, NULL);
	return PROBLEM_NONE;
}

static enum problem
catalog_event(struct request *r)
{
	struct event_caller caller = caller_of(r);
	struct event event;
	struct str out;
	int32_t event_id;
	enum problem err;

	err = request_query_done(r);
	if (!err)
		err = event_of(r, &event_id);
	if (!err)
		err = event_get(serve_context(), &caller, event_id, &event);
	if (err)
		return err;
	str_init(&out, r->arena);
	event_write(&out, &event);
	respond_json(r, 200, out.data);
	/* The version in front is what If-Match of a change is compared with. */
	if (event.shared)
		respond_cacheable(r, EVENT_AGE_S,
			tag_of(r, arena_printf(r->arena, "%lld-", (long long)event.version),
				out.data, out.len));
	else
		respond_header(
			r, "ETag", arena_printf(r->arena, "\"%lld\"", (long long)event.version));
	return PROBLEM_NONE;
}

/* The live picture of the event of the path; the query has been read. */
static enum problem
live_of(struct request *r, int64_t after, int32_t *event_id, struct event_live *live)
{
	struct event_caller caller = caller_of(r);
	enum problem err = request_query_done(r);

	if (!err)
		err = event_of(r, event_id);
	return err ? err : event_live(serve_context(), &caller, *event_id, after, live);
}

static const char *
time_text(struct arena *arena, int64_t ms)
{
	char text[CLOCK_RFC3339];

	clock_rfc3339(ms, text);
	return arena_strdup(arena, text);
}

/* `"version":…,"as_of":…`: of when the answer is. */
static void
add_moment(struct str *out, const struct event_live *live)
{
	str_printf(out, "\"version\":%lld,\"as_of\":\"%s\"", (long long)live->picture.version,
		time_text(out->arena, live->picture.as_of_ms));
}

static enum problem
catalog_availability(struct request *r)
{
	struct event_live live;
	struct str sections, out;
	int32_t event_id;
	enum problem err = live_of(r, -1, &event_id, &live);

	if (err)
		return err;
	str_init(&sections, r->arena);
	for (size_t i = 0; i < live.sections; i++) {
		const struct filter_section *places = &live.places[i];
		int64_t left = places->capacity - places->held - places->sold;

		str_add(&sections, i > 0 ? ",{\"section_id\":" : "{\"section_id\":");
		str_add_json(&sections, live.section_ids[i]);
		str_printf(&sections,
			",\"capacity\":%lld,\"available\":%lld,\"held\":%lld,\"sold\":%lld,"
			"\"price\":%lld}",
			(long long)places->capacity, (long long)left, (long long)places->held,
			(long long)places->sold, (long long)live.prices[i]);
	}
	str_init(&out, r->arena);
	str_printf(&out, "{\"event_id\":\"%d\",", (int)event_id);
	add_moment(&out, &live);
	str_add(&out, ",\"sections\":[");
	str_add(&out, sections.data);
	str_add(&out, "]}");
	respond_json(r, 200, out.data);
	if (live.shared)
		respond_cacheable(r, LIVE_AGE_S, tag_of(r, "", sections.data, sections.len));
	return PROBLEM_NONE;
}

static void
add_seat(struct str *out, const struct event_seat *seat)
{
	str_add(out, "{\"seat_id\":");
	str_add_json(out, seat->seat_id);
	str_add(out, ",\"section_id\":");
	str_add_json(out, seat->section_id);
	str_add(out, ",\"section\":");
	str_add_json(out, seat->section_id);
	str_add(out, ",\"row\":");
	str_add_json(out, seat->row);
	str_add(out, ",\"number\":");
	str_add_json(out, seat->number);
	str_printf(out, ",\"status\":\"%s\",\"price\":%lld}", seat->status, (long long)seat->price);
}

static enum problem
catalog_seats(struct request *r)
{
	struct event_seats_wish wish = {
		.section_id = request_query(r, "section_id"),
		.status = request_query(r, "status"),
	};
	struct event_live live;
	struct event_seat *seats;
	const char *next;
	struct page page;
	struct str items;
	int32_t event_id;
	size_t count;
	enum problem err;

	page_read(r, SEATS_LIMIT, SEATS_LIMIT_MAX, &page);
	wish.limit = page.limit;
	wish.cursor = page.cursor;
	err = live_of(r, -1, &event_id, &live);
	if (!err)
		err = event_seats(serve_context(), event_id, &live, &wish, &seats, &count, &next);
	if (err)
		return err;
	str_init(&items, r->arena);
	for (size_t i = 0; i < count; i++) {
		page_item(&items);
		add_seat(&items, &seats[i]);
	}
	page_respond(r, items.data, next);
	if (live.shared)
		respond_cacheable(r, LIVE_AGE_S, NULL);
	return PROBLEM_NONE;
}

static enum problem
catalog_seatmap(struct request *r)
{
	struct event_caller caller = caller_of(r);
	struct event_seatmap map = { .layout.tag = "" };
	int32_t event_id;
	enum problem err;

	err = request_query_done(r);
	if (!err)
		err = event_of(r, &event_id);
	/* Whoever has the map is told so before it is made: it may be megabytes. */
	if (!err && request_header(r, "HTTP_IF_NONE_MATCH"))
		err = event_layout(serve_context(), &caller, event_id, &map.layout);
	respond_json(r, 200, "");
	if (!err && !(map.layout.shared && respond_is_known(r, map.layout.tag))) {
		err = event_seatmap(serve_context(), &caller, event_id, &map);
		/* Straight into the answer: a copy of it would be megabytes more. */
		if (!err)
			event_seatmap_write(&r->out, &map);
	}
	if (!err && map.layout.shared)
		respond_cacheable(r, EVENT_AGE_S, map.layout.tag);
	return err;
}

/* `"changed":{"a":[1,2],"h":[3]}`: the positions by what their seats are now. */
static void
add_changes(struct str *out, const struct filter_picture *picture)
{
	const char *between = "";

	str_add(out, "\"changed\":{");
	for (const char *state = "ahrbx"; *state; state++) {
		const char *before = "";

		for (size_t i = 0; i < picture->changed_count; i++) {
			int64_t position = picture->changed[i];

			if (picture->states[position] != *state)
				continue;
			if (*before == '\0')
				str_printf(out, "%s\"%c\":[", between, *state);
			str_add(out, before);
			str_add_int(out, position);
			before = ",";
			between = "],";
		}
	}
	str_add(out, *between ? "]}" : "}");
}

/* ?since=: the version that the client has. One out of PostgreSQL is the base of no changes. */
static int64_t
read_since(struct request *r)
{
	int64_t since = request_query_int(r, "since", -1, 0, INT64_MAX);

	return since % 2 == 0 ? since : -1;
}

static enum problem
catalog_seatmap_status(struct request *r)
{
	int64_t since = read_since(r);
	const struct filter_picture *picture;
	struct event_live live;
	const char *tag;
	int32_t event_id;
	enum problem err = live_of(r, since, &event_id, &live);

	if (err)
		return err;
	picture = &live.picture;
	respond_json(r, 200, "{");
	add_moment(&r->out, &live);
	str_printf(&r->out, ",\"layout_version\":%lld,\"seats\":%zu,",
		(long long)live.layout_version, picture->seats);
	if (picture->partial) {
		str_printf(&r->out, "\"since\":%lld,", (long long)since);
		add_changes(&r->out, picture);
		str_add_char(&r->out, '}');
		tag = arena_printf(r->arena, "%lld-%lld-%lld", (long long)live.layout_version,
			(long long)since, (long long)picture->version);
	} else {
		str_add(&r->out, "\"status\":\"");
		/* Most of what this costs is the moving of bytes. */
		respond_inset(r, picture->states, picture->seats);
		str_add(&r->out, "\"}");
		tag = arena_printf(r->arena, "%lld-%s", (long long)live.layout_version,
			filter_picture_tag(picture));
	}
	if (live.shared)
		respond_cacheable(r, LIVE_AGE_S, tag);
	return PROBLEM_NONE;
}

/*
 * nginx asks this before it lets somebody watch, and keeps the answer: 204 for everybody, and
 * streams by itself then. So this is what a client sees where nothing streams.
 */
static enum problem
catalog_stream(struct request *r)
{
	struct event_caller nobody = { 0 };
	struct event event;
	int32_t event_id;
	enum problem err = event_of(r, &event_id);

	if (!err)
		err = event_get(serve_context(), &nobody, event_id, &event);
	if (err)
		return err;
	if (!serve_context()->conf->live) {
		r->why.detail = "Nothing is streamed here: poll the event's seatmap/status.";
		return PROBLEM_NOT_FOUND;
	}
	respond_empty(r, 204);
	return PROBLEM_NONE;
}

int
main(int argc, char **argv)
{
	static const struct pool pool = {
		.program = { .name = "catalog",
			.summary = "serves events, seats and maps over FastCGI",
			.usage = "[OPTION]..." },
		.routes = pool_routes,
		.idle = filter_idle,
	};

	return serve(&pool, argc, argv);
}
