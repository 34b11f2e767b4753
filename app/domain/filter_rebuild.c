/*
 * Building what is kept of an event from nothing, in pages, behind a fence.
 */
#include "domain/filter_parts.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/str.h"
#include "domain/notice.h"
#include "queries.h"
#include "scripts.h"

#define USED_MAX     100000
#define LOOKS_MAX    8
#define FIELDS_MAX   31

/* What fails after so long, or half the budget, is left alone so many times as long as it took. */
#define LONG_US      INT64_C(1000000)
#define REST_TIMES   30
#define REST_MAX_MS  INT64_C(120000)

/* Requests that were under way when the state was lost may still come back for their answer. */
#define IN_FLIGHT_MS 10000
#define DAY_MS       86400000

bool
filter_fence_up(struct context *house, int32_t event_id, bool patient, struct filter_fence *fence)
{
	unsigned char random[8];
	char epoch[2 * sizeof(random) + 1];
	const struct redis_value *reply;
	const char *said;

	*fence = (struct filter_fence){
		.prefix = filter_prefix(house, event_id),
		.stamp = filter_stamp(house),
	};
	if (!fence->stamp)
		return false;
	id_random(random, sizeof(random));
	id_hex(random, sizeof(random), epoch);
	fence->epoch = arena_strdup(house->arena, epoch);
	reply = redis_script(house->redis, &script_fence, (const char *[]){ fence->prefix, NULL },
		(const char *[]){ fence->stamp, fence->epoch,
			arena_printf(house->arena, "%d", FILTER_LEASE_MS), patient ? "1" : "0",
			NULL },
		house->arena);
	said = reply && redis_kind(reply) == REDIS_LIST ? redis_text(redis_at(reply, 0), NULL)
							: NULL;
	if (!said)
		return false;
	fence->busy = strcmp(said, "busy") == 0;
	fence->missing = strcmp(said, "missing") == 0;
	if (!fence->busy)
		fence->redis_ms = redis_int(redis_at(reply, 1));
	return true;
}

bool
filter_step(struct context *house, const struct filter_fence *fence, struct arena *arena,
	const char *const *args)
{
	const char *keys[] = { fence->prefix, NULL };
	const struct redis_value *reply =
		redis_script(house->redis, &script_install, keys, args, arena);

	return reply && redis_kind(reply) == REDIS_INT && redis_int(reply) == 1;
}

void
filter_fence_down(struct context *house, const struct filter_fence *fence)
{
	filter_step(house, fence, house->arena, (const char *[]){ fence->epoch, "release", NULL });
}

const char *
filter_entry_text(struct arena *arena, const struct pg_rows *rows, int row)
{
	return arena_printf(arena, "%s|%s|%" PRId64 "|0|%s|%s",
		pg_text(rows, row, FILTER_ENTRIES_STATE),
		pg_text(rows, row, FILTER_ENTRIES_USER_ID),
		pg_int(rows, row, FILTER_ENTRIES_DEADLINE),
		filter_positions(arena, pg_text(rows, row, FILTER_ENTRIES_POSITIONS)),
		filter_sections(arena, pg_text(rows, row, FILTER_ENTRIES_SECTION_IDS),
			pg_text(rows, row, FILTER_ENTRIES_QUANTITIES)));
}

/* How much there is to write for an entry: each place and what stands beside it has a comma. */
size_t
filter_places(const char *entry)
{
	size_t places = 1;

	for (const char *p = entry; *p; p++)
		places += *p == ',';
	return places;
}

/* A script of entries; the others wait for Redis as long as it takes. */
static bool
send_entries(struct context *house, const struct filter_fence *fence, struct arena *arena,
	const char *const *args)
{
	const struct redis_value *reply = redis_script(
		house->redis, &script_repair, (const char *[]){ fence->prefix, NULL }, args, arena);

	return reply && redis_kind(reply) == REDIS_LIST &&
	       strcmp(redis_text(redis_at(reply, 0), NULL), "ok") == 0;
}

/* Writes entries where none is yet, unless they have been touched since the fence went up. */
static bool
install_entries(struct context *house, const struct filter_fence *fence, struct arena *arena,
	const struct pg_rows *rows)
{
	const char **args = ARENA_ARRAY(arena, const char *, 4 + 3 * rows->count);
	size_t n = 3, places = 0;

	args[0] = fence->epoch;
	args[1] = "0";
	args[2] = "0";
	for (int i = 0; i < rows->count; i++) {
		args[n++] = pg_text(rows, i, FILTER_ENTRIES_BOOKING_ID);
		args[n++] = "";
		args[n++] = filter_entry_text(arena, rows, i);
		places += filter_places(args[n - 1]);
		if (places < FILTER_PLACES && i < rows->count - 1)
			continue;
		args[n] = NULL;
		if (!send_entries(house, fence, arena, args))
			return false;
		n = 3;
		places = 0;
	}
	return true;
}

/* A page of the layout: the bytes, and the positions of the seat ids. */
static enum problem
install_seats(struct context *house, const struct filter_fence *fence, struct arena *arena,
	int32_t event_id, int64_t from)
{
	struct pg_rows rows;
	struct str bytes;
	const char **args;
	size_t n = 0;
	enum problem err;

	err = query_filter_seats(house->pg, arena, house->deadline_us, house->why, &rows, event_id,
		from, from + FILTER_PAGE);
	if (err || rows.count == 0)
		return err;
	str_init(&bytes, arena);
	args = ARENA_ARRAY(arena, const char *, 4 + rows.count);
	args[n++] = fence->epoch;
	args[n++] = "ids";
	args[n++] = str_int(arena, from);
	for (int i = 0; i < rows.count; i++) {
		args[n++] = pg_text(&rows, i, FILTER_SEATS_SEAT_ID);
		str_add_char(&bytes, pg_bool(&rows, i, FILTER_SEATS_KILLED) ? 'x' : 'a');
	}
	if (!filter_step(house, fence, arena, args) ||
		!filter_step(house, fence, arena,
			(const char *[]){ fence->epoch, "seats", bytes.data, NULL }))
		return PROBLEM_UNAVAILABLE;
	return PROBLEM_NONE;
}

static enum problem
install_all_entries(struct context *house, const struct filter_fence *fence, struct arena *arena,
	int32_t event_id)
{
	char after[ID_UUID_TEXT] = "00000000-0000-0000-0000-000000000000";
	struct pg_rows rows;
	enum problem err;

	do {
		arena_reset(arena);
		err = query_filter_entries(house->pg, arena, house->deadline_us, house->why, &rows,
			event_id, after, FILTER_PAGE);
		if (err || rows.count == 0)
			return err;
		memcpy(after, pg_text(&rows, rows.count - 1, FILTER_ENTRIES_BOOKING_ID),
			sizeof(after));
		if (!install_entries(house, fence, arena, &rows))
			return PROBLEM_UNAVAILABLE;
	} while (rows.count == FILTER_PAGE);
	return PROBLEM_NONE;
}

/*
 * The ids of keyed requests of the last day that hold nothing. *complete: the time from which Redis
 * knows every id that a retry may bring.
 */
static enum problem
install_used(struct context *house, const struct filter_fence *fence, struct arena *arena,
	int32_t event_id, int64_t now_ms, int64_t *complete)
{
	const char *at = str_int(house->arena, now_ms);
	struct pg_rows rows;
	enum problem err;

	arena_reset(arena);
	err = query_filter_used(
		house->pg, arena, house->deadline_us, house->why, &rows, event_id, USED_MAX);
	if (err)
		return err;
	*complete = now_ms + (rows.count < USED_MAX ? IN_FLIGHT_MS : DAY_MS);
	for (int i = 0; i < rows.count;) {
		const char *args[4 + FILTER_PAGE] = { fence->epoch, "used", at };

		for (size_t n = 3; n < 3 + FILTER_PAGE && i < rows.count; n++, i++)
			args[n] = pg_text(&rows, i, FILTER_USED_BOOKING_ID);
		if (!filter_step(house, fence, arena, args))
			return PROBLEM_UNAVAILABLE;
	}
	return PROBLEM_NONE;
}

static bool
install_capacities(struct context *house, const struct filter_fence *fence, const char *sections)
{
	char *lines = arena_strdup(house->arena, sections);

	for (char *line = strsep(&lines, "\n"); line && *line; line = strsep(&lines, "\n")) {
		char *id = strsep(&line, "|");
		char *kind = strsep(&line, "|");
		char *capacity = strsep(&line, "|");

		if (strcmp(kind, "ga") == 0 &&
			!filter_step(house, fence, house->arena,
				(const char *[]){ fence->epoch, "capacity", id, capacity, NULL }))
			return false;
	}
	return true;
}

/* What a snapshot shows. fields: what the last step will write. */
static enum problem
install_event(struct context *house, const struct filter_fence *fence, struct arena *arena,
	int32_t event_id, const char **fields)
{
	struct pg_rows event;
	const char *sections;
	size_t n = 0;
	int64_t clock_ms, complete = 0, seats;
	enum problem err;

	err = query_filter_event(
		house->pg, house->arena, house->deadline_us, house->why, &event, event_id);
	if (err)
		return err;
	if (event.count == 0)
		return PROBLEM_NOT_FOUND;
	clock_ms = pg_int(&event, 0, FILTER_EVENT_CLOCK_MS);
	seats = pg_int(&event, 0, FILTER_EVENT_SEATS);
	sections = pg_text(&event, 0, FILTER_EVENT_SECTIONS);
	if (!filter_step(
		    house, fence, house->arena, (const char *[]){ fence->epoch, "clear", NULL }) ||
		!install_capacities(house, fence, sections))
		return PROBLEM_UNAVAILABLE;
	for (int64_t from = 0; from < seats && !err; from += FILTER_PAGE) {
		arena_reset(arena);
		err = install_seats(house, fence, arena, event_id, from);
	}
	if (!err)
		err = install_all_entries(house, fence, arena, event_id);
	if (!err)
		err = install_used(house, fence, arena, event_id, clock_ms, &complete);
	if (err)
		return err;
	fields[n++] = fence->epoch;
	fields[n++] = "finish";
	fields[n++] = "stamp";
	fields[n++] = fence->stamp;
	fields[n++] = "offset";
	fields[n++] = str_int(house->arena, clock_ms - fence->redis_ms);
	fields[n++] = "from";
	fields[n++] = pg_text(&event, 0, FILTER_EVENT_OPEN_FROM);
	fields[n++] = "until";
	fields[n++] = pg_text(&event, 0, FILTER_EVENT_OPEN_UNTIL);
	fields[n++] = "hold";
	fields[n++] = pg_text(&event, 0, FILTER_EVENT_HOLD_MS);
	fields[n++] = "max";
	fields[n++] = pg_text(&event, 0, FILTER_EVENT_PLACES_MAX);
	fields[n++] = "room";
	fields[n++] = pg_text(&event, 0, FILTER_EVENT_ROOM);
	fields[n++] = "kept";
	fields[n++] = pg_text(&event, 0, FILTER_EVENT_KEPT_UNTIL);
	fields[n++] = "kept_lines";
	fields[n++] = pg_text(&event, 0, FILTER_EVENT_KEPT_LINES);
	fields[n++] = "seats";
	fields[n++] = pg_text(&event, 0, FILTER_EVENT_SEATS);
	fields[n++] = "heard";
	fields[n++] = str_int(house->arena, fence->redis_ms);
	fields[n++] = "complete";
	fields[n++] = str_int(house->arena, complete);
	fields[n++] = "sections";
	fields[n++] = sections;
	fields[n++] = "shown";
	fields[n++] = pg_text(&event, 0, FILTER_EVENT_SHOWN);
	fields[n] = NULL;
	return PROBLEM_NONE;
}

/*
 * Looks again at what was touched since the last look: behind the same fence, since whoever else
 * put one up in between would keep us out.
 */
static enum problem
install_touched(struct context *house, int32_t event_id, const struct filter_fence *fence)
{
	const char *keys[] = { fence->prefix, NULL };
	const char *args[] = { fence->epoch, "touched", NULL };
	const struct redis_value *touched =
		redis_script(house->redis, &script_install, keys, args, house->arena);
	const char **ids;
	struct pg_rows rows;
	enum problem err;
	size_t count;

	if (!touched || redis_kind(touched) != REDIS_LIST)
		return PROBLEM_UNAVAILABLE;
	count = redis_length(touched);
	if (count == 0)
		return PROBLEM_NONE;
	ids = ARENA_ARRAY(house->arena, const char *, count);
	for (size_t i = 0; i < count; i++)
		ids[i] = redis_text(redis_at(touched, i), NULL);
	err = query_filter_some(house->pg, house->arena, house->deadline_us, house->why, &rows,
		event_id, pg_array_text(house->arena, ids, count));
	if (!err && !install_entries(house, fence, house->arena, &rows))
		err = PROBLEM_UNAVAILABLE;
	return err;
}

/*
 * From the last step on the state is believed. It waits for a moment in which nothing is touched
 * between a look and that step, so that nobody finds a place free which somebody was told to have;
 * in a rush there is no such moment, and the look that follows makes up for it at once.
 */
static enum problem
install_end(struct context *house, int32_t event_id, const struct filter_fence *fence,
	const char **fields)
{
	bool believed = false;
	enum problem err;

	for (int look = 1; look <= LOOKS_MAX && !believed; look++) {
		err = install_touched(house, event_id, fence);
		if (err)
			return err;
		fields[1] = look < LOOKS_MAX ? "finish" : "believe";
		believed = filter_step(house, fence, house->arena, fields);
	}
	return believed ? install_touched(house, event_id, fence) : PROBLEM_UNAVAILABLE;
}

/* Behind the fence, and not believed before the last step. */
static enum problem
install(struct context *house, int32_t event_id, const struct filter_fence *fence)
{
	const char *fields[FIELDS_MAX];
	struct pg_rows none;
	struct arena *arena;
	enum problem err;

	/* Nothing was believed when the fence went up: all takes that count came before. */
	usleep(FILTER_SLOW_US);
	err = pg_exec(house->pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", house->arena,
		house->deadline_us, house->why, &none);
	if (err)
		return err;
	arena = arena_new();
	err = install_event(house, fence, arena, event_id, fields);
	arena_free(arena);
	pg_exec(house->pg, "ROLLBACK", house->arena, house->deadline_us, house->why, &none);
	return err ? err : install_end(house, event_id, fence, fields);
}

/*
 * What fails at once is tried again by whoever comes next: that costs little. That it failed for
 * one who has the time says nothing of those who have not.
 */
static void
give_up(struct context *house, const struct filter_fence *fence, bool patient, int64_t took_us)
{
	int64_t long_us = house->conf->worker_budget_ms * INT64_C(1000) / 2;
	int64_t rest_ms = REST_TIMES * took_us / 1000;

	if (patient || took_us < (long_us < LONG_US ? long_us : LONG_US))
		filter_fence_down(house, fence);
	else
		filter_step(house, fence, house->arena,
			(const char *[]){ fence->epoch, "fail", fence->stamp,
				str_int(house->arena,
					rest_ms < REST_MAX_MS ? rest_ms : REST_MAX_MS),
				NULL });
}

enum problem
filter_ask_over(struct context *house, int32_t event_id, bool *over)
{
	int64_t id = event_id;
	struct pg_rows rows;
	enum problem err;

	err = query_filter_known(house->pg, house->arena, house->deadline_us, house->why, &rows,
		pg_array_int(house->arena, &id, 1));
	if (!err && rows.count == 0)
		err = PROBLEM_NOT_FOUND;
	if (!err)
		*over = pg_bool(&rows, 0, FILTER_KNOWN_OVER);
	return err;
}

enum problem
filter_rebuild(struct context *house, int32_t event_id, bool patient, enum filter_built *out)
{
	int64_t began_us = clock_monotonic_us();
	struct filter_fence fence;
	bool over;
	enum problem err = filter_ask_over(house, event_id, &over);

	if (err)
		return err;
	*out = over ? FILTER_OVER : FILTER_THERE;
	if (over)
		return PROBLEM_NONE;
	if (!filter_fence_up(house, event_id, patient, &fence))
		return PROBLEM_UNAVAILABLE;
	if (fence.busy)
		return PROBLEM_NONE;
	if (!fence.missing) {
		filter_fence_down(house, &fence);
		return PROBLEM_NONE;
	}
	err = install(house, event_id, &fence);
	if (err) {
		give_up(house, &fence, patient, clock_monotonic_us() - began_us);
		return err;
	}
	filter_fence_down(house, &fence);
	notice_changed(house, event_id);
	*out = FILTER_BUILT;
	return PROBLEM_NONE;
}
