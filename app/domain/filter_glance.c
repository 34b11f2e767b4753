/*
 * A quick comparison of many events: by what is kept of each itself, and by sums. And the events
 * that something is kept of, wherever they come from.
 */
#include "domain/filter_parts.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/str.h"
#include "domain/notice.h"
#include "queries.h"
#include "scripts.h"

/* As far as the times of the two readings are apart, and one of a take from PostgreSQL's. */
#define SLACK_MS   2000

#define PURGE_MOST "1000"
#define KEYS_PAGE  "1000"

/* One event, as both see it. */
struct glance {
	struct context *house;
	const struct pg_rows *rows; /* of sql/queries/reconcile/glance */
	int row;
	int64_t read_us; /* when they were read */
	const struct redis_value *kept;
	const char *why; /* the first difference */
};

static void
differ(struct glance *g, const char *what)
{
	if (!g->why)
		g->why = what;
}

static bool
is_kept(const struct glance *g, size_t index, int column)
{
	return redis_int(redis_at(g->kept, index)) == pg_int(g->rows, g->row, column);
}

/* ":meta sections" without the places of each: id|kind|capacity, as PostgreSQL says it here. */
static const char *
sections_brief(struct arena *arena, const char *sections)
{
	char *out = arena_strdup(arena, sections), *to = out;
	int bars = 0;

	for (const char *p = sections; *p; p++) {
		bars = *p == '\n' ? 0 : bars + (*p == '|');
		if (bars < 3)
			*to++ = *p;
	}
	*to = '\0';
	return out;
}

static void
compare_fields(struct glance *g)
{
	static const int columns[] = { RECONCILE_GLANCE_OPEN_FROM, RECONCILE_GLANCE_OPEN_UNTIL,
		RECONCILE_GLANCE_HOLD_MS, RECONCILE_GLANCE_PLACES_MAX, RECONCILE_GLANCE_SEATS };
	const struct redis_value *fields = redis_at(g->kept, 7);
	const char *sections = redis_text(redis_at(fields, 5), NULL);
	int64_t passed_ms = (clock_monotonic_us() - g->read_us) / 1000;
	int64_t clock_ms = pg_int(g->rows, g->row, RECONCILE_GLANCE_CLOCK_MS) + passed_ms;

	for (size_t i = 0; i < ARRAY_LENGTH(columns); i++) {
		if (!str_equal(redis_text(redis_at(fields, i), NULL),
			    pg_text(g->rows, g->row, columns[i])))
			differ(g, "event");
	}
	if (!str_equal(redis_text(redis_at(fields, 6), NULL),
		    pg_text(g->rows, g->row, RECONCILE_GLANCE_SHOWN)))
		differ(g, "shown");
	if (!str_equal(redis_text(redis_at(fields, 7), NULL),
		    pg_text(g->rows, g->row, RECONCILE_GLANCE_ROOM)))
		differ(g, "room");
	if (!sections || !str_equal(sections_brief(g->house->arena, sections),
				 pg_text(g->rows, g->row, RECONCILE_GLANCE_SECTIONS)))
		differ(g, "sections");
	if (llabs(redis_int(redis_at(g->kept, 1)) - clock_ms) > SLACK_MS)
		differ(g, "clock");
}

static void
compare_seats(struct glance *g)
{
	static const struct {
		char state;
		int column;
	} states[] = {
		{ 'h', RECONCILE_GLANCE_HELD_SEATS },
		{ 'r', RECONCILE_GLANCE_RESERVED_SEATS },
		{ 'b', RECONCILE_GLANCE_BOOKED_SEATS },
		{ 'x', RECONCILE_GLANCE_KILLED_SEATS },
	};
	int64_t counts[256] = { 0 }, taken = 0;
	size_t len;
	const char *bytes = redis_text(redis_at(g->kept, 6), &len);

	for (size_t i = 0; i < len; i++)
		counts[(unsigned char)bytes[i]]++;
	for (size_t i = 0; i < ARRAY_LENGTH(states); i++) {
		taken += counts[(unsigned char)states[i].state];
		if (counts[(unsigned char)states[i].state] !=
			pg_int(g->rows, g->row, states[i].column))
			differ(g, "seats");
	}
	if ((int64_t)len != pg_int(g->rows, g->row, RECONCILE_GLANCE_SEATS) ||
		counts['a'] + taken != (int64_t)len)
		differ(g, "seats");
}

/* A count of general admission. Nothing kept is none, but of a capacity. */
static bool
count_is(const struct glance *g, const char *kind, const char *section_id, const char *number)
{
	const struct redis_value *counts = redis_at(g->kept, 8);
	const char *field = arena_printf(g->house->arena, "%s:%s", kind, section_id);

	for (size_t i = 0; i + 1 < redis_length(counts); i += 2) {
		if (str_equal(redis_text(redis_at(counts, i), NULL), field))
			return str_equal(redis_text(redis_at(counts, i + 1), NULL), number);
	}
	return *kind != 'c' && str_equal(number, "0");
}

static void
compare_counts(struct glance *g)
{
	struct arena *arena = g->house->arena;
	char *sections = arena_strdup(arena, pg_text(g->rows, g->row, RECONCILE_GLANCE_SECTIONS));
	char *counts = arena_strdup(arena, pg_text(g->rows, g->row, RECONCILE_GLANCE_COUNTS));

	for (char *line = strsep(&sections, "\n"); line && *line; line = strsep(&sections, "\n")) {
		const char *id = strsep(&line, "|");

		if (str_equal(strsep(&line, "|"), "ga") && !count_is(g, "c", id, line))
			differ(g, "capacity");
	}
	for (char *line = strsep(&counts, "\n"); line && *line; line = strsep(&counts, "\n")) {
		const char *id = strsep(&line, "|");
		const char *held = strsep(&line, "|");

		if (!count_is(g, "h", id, held) || !count_is(g, "b", id, line))
			differ(g, "counts");
	}
}

/* What Redis says of an event. False: it is away. */
static bool
read_kept(struct glance *g, bool dry)
{
	struct context *house = g->house;
	int32_t event_id = (int32_t)pg_int(g->rows, g->row, RECONCILE_GLANCE_EVENT_ID);
	const char *stamp = filter_stamp(house);
	const char *keys[] = { filter_prefix(house, event_id), NULL };
	const char *args[] = { stamp, dry ? "0" : PURGE_MOST, NULL };
	bool there;

	g->kept =
		stamp ? redis_script(house->redis, &script_glance, keys, args, house->arena) : NULL;
	if (!g->kept) {
		differ(g, "not readable");
		return redis_is_up(house->redis);
	}
	there = str_equal(redis_text(redis_at(g->kept, 0), NULL), "ok");
	if (!there) {
		if (pg_bool(g->rows, g->row, RECONCILE_GLANCE_WANTED))
			differ(g, "missing");
		g->kept = NULL;
	} else if (redis_int(redis_at(g->kept, 9))) {
		notice_changed(house, event_id);
	}
	return true;
}

/* One row. False: Redis is away. why stays NULL where both agree. */
static bool
compare_row(struct glance *g, bool dry)
{
	int64_t first_ms;

	g->why = NULL;
	if (!read_kept(g, dry))
		return false;
	if (!g->kept)
		return true;
	if (redis_int(redis_at(g->kept, 2)))
		differ(g, "unheard");
	compare_fields(g);
	if (!is_kept(g, 3, RECONCILE_GLANCE_ENTRIES))
		differ(g, "entries");
	first_ms = redis_int(redis_at(g->kept, 5));
	if (!is_kept(g, 4, RECONCILE_GLANCE_DEADLINES) ||
		llabs(first_ms - pg_int(g->rows, g->row, RECONCILE_GLANCE_FIRST_DEADLINE)) >
			SLACK_MS)
		differ(g, "deadlines");
	compare_seats(g);
	compare_counts(g);
	return true;
}

static enum problem
read_rows(struct glance *g, int32_t after, int64_t limit, struct pg_rows *rows)
{
	struct context *house = g->house;

	g->rows = rows;
	g->row = 0;
	g->read_us = clock_monotonic_us();
	return query_reconcile_glance(
		house->pg, house->arena, house->deadline_us, house->why, rows, after, limit);
}

/*
 * Where bookings move, the two are read at different moments. Read close to each other once more,
 * they mostly agree.
 */
static enum problem
look_again(struct context *house, int32_t event_id, bool dry, const char **why)
{
	struct glance g = { .house = house };
	struct pg_rows rows;
	enum problem err = read_rows(&g, event_id - 1, 1, &rows);

	*why = NULL;
	if (err)
		return err;
	if (rows.count == 0 || pg_int(&rows, 0, RECONCILE_GLANCE_EVENT_ID) != event_id)
		return PROBLEM_NONE;
	if (!compare_row(&g, dry))
		return PROBLEM_UNAVAILABLE;
	*why = g.why;
	return PROBLEM_NONE;
}

enum problem
filter_glance(struct context *house, int32_t after, int64_t limit, bool dry, int64_t *events,
	int32_t *last, struct filter_doubt **doubts, size_t *count)
{
	struct glance page = { .house = house };
	const char *why;
	struct pg_rows rows;
	enum problem err = read_rows(&page, after, limit, &rows);

	*count = 0;
	*last = 0;
	if (err)
		return err;
	*events = rows.count;
	*doubts = ARENA_ARRAY(house->arena, struct filter_doubt, rows.count + 1);
	for (; page.row < rows.count; page.row++) {
		int32_t event_id = (int32_t)pg_int(&rows, page.row, RECONCILE_GLANCE_EVENT_ID);

		*last = event_id;
		if (!compare_row(&page, dry))
			return PROBLEM_UNAVAILABLE;
		if (!page.why)
			continue;
		err = look_again(house, event_id, dry, &why);
		if (err)
			return err;
		if (why)
			(*doubts)[(*count)++] = (struct filter_doubt){ event_id, why };
	}
	return PROBLEM_NONE;
}

/* ---- what is kept at all --------------------------------------------------------------------- */

enum problem
filter_kept(struct context *house, const char **cursor, int32_t **events, size_t *count)
{
	const char *words[] = { "SCAN", *cursor, "MATCH", "hf:{*}:*", "COUNT", KEYS_PAGE };
	const struct redis_value *page =
		redis_command(house->redis, ARRAY_LENGTH(words), words, NULL, house->arena);
	const struct redis_value *keys;

	if (!page || redis_length(page) != 2)
		return PROBLEM_UNAVAILABLE;
	*cursor = redis_text(redis_at(page, 0), NULL);
	keys = redis_at(page, 1);
	*events = ARENA_ARRAY(house->arena, int32_t, redis_length(keys) + 1);
	*count = 0;
	for (size_t i = 0; i < redis_length(keys); i++) {
		if (filter_key_event(
			    house->arena, redis_text(redis_at(keys, i), NULL), &(*events)[*count]))
			++*count;
	}
	return PROBLEM_NONE;
}

bool
filter_discard(struct context *house, int32_t event_id)
{
	const char *keys[] = { filter_prefix(house, event_id), NULL };

	return redis_script(
		house->redis, &script_discard, keys, (const char *[]){ NULL }, house->arena);
}
