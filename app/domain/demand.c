/*
 * The demand for events. Workers add up in their own memory, and tell Redis once a second. What a
 * worker that is killed has not told is missing, and what is told while the order is being built
 * may count twice: a second's worth of holds, until the order is built anew, every hour.
 */
#include "domain/demand.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/str.h"
#include "queries.h"
#include "scripts.h"

#define NOTES_MAX     256 /* events; more than these in a second are not counted */
#define FLUSH_US      1000000
#define BUILD_MOST    2000 /* events that are kept of PostgreSQL */
#define LIFE_MS       "3600000"
#define LEASE_MS      "5000"
#define REMEMBERED_US 10000000 /* while Redis is away */

#define TEXT_OF(n)    #n
#define TEXT(n)       TEXT_OF(n)

static const char *const keys[] = { "demand:{all}:meta", "demand:{all}:score", "demand:{all}:lease",
	NULL };

static struct {
	int32_t event_id;
	int64_t places;
} notes[NOTES_MAX];

static size_t notes_count;
static int64_t flushed_us;

/* The last order that came out of PostgreSQL. */
static struct demand remembered;
static int64_t remembered_us;

void
demand_note(int32_t event_id, int64_t places)
{
	size_t i = 0;

	while (i < notes_count && notes[i].event_id != event_id)
		i++;
	if (i == NOTES_MAX)
		return;
	if (i == notes_count) {
		notes[i].event_id = event_id;
		notes[i].places = 0;
		notes_count++;
	}
	notes[i].places += places;
}

/* What is kept is believed under this run of Redis alone: what another one kept may be old. */
static const char *
stamp_of(struct context *house)
{
	const char *run_id = redis_run_id(house->redis);

	if (!run_id)
		return NULL;
	return arena_printf(
		house->arena, "%s %" PRId64, run_id, house->conf->popular_half_life_minutes);
}

bool
demand_idle(struct context *house)
{
	int64_t now_us = clock_monotonic_us();
	const char *add_keys[] = { keys[0], keys[1], NULL };
	const char *stamp, **args;
	size_t n = 0;

	if (*house->conf->redis_url == '\0')
		notes_count = 0; /* nobody to tell */
	if (notes_count == 0)
		return false;
	if (now_us - flushed_us < FLUSH_US)
		return true;
	flushed_us = now_us;
	stamp = stamp_of(house);
	if (!stamp)
		return true;
	args = ARENA_ARRAY(house->arena, const char *, 2 + 2 * notes_count + 1);
	args[n++] = stamp;
	args[n++] = str_int(house->arena, house->conf->popular_half_life_minutes * 60);
	for (size_t i = 0; i < notes_count; i++) {
		args[n++] = str_int(house->arena, notes[i].event_id);
		args[n++] = str_int(house->arena, notes[i].places);
	}
	if (!redis_script(house->redis, &script_demand_add, add_keys, args, house->arena))
		return true;
	notes_count = 0;
	return false;
}

static void
add(struct demand *out, int64_t event_id, const char *score, const char *score_before)
{
	size_t i = out->count;

	if (i == DEMAND_TOP)
		return;
	out->event_ids[i] = event_id;
	out->ranks[i] = i > 0 && str_equal(score, score_before) ? out->ranks[i - 1] : (int64_t)i;
	out->count++;
}

/* What Redis says of the order; NULL: it is away. */
static const char *
read_kept(struct context *house, const char *stamp, struct demand *out)
{
	const char *args[] = { stamp, TEXT(DEMAND_TOP), LEASE_MS, NULL };
	const struct redis_value *reply =
		redis_script(house->redis, &script_demand_top, keys, args, house->arena);
	const char *score = NULL, *before;

	if (!reply || redis_length(reply) == 0)
		return NULL;
	for (size_t i = 1; i + 1 < redis_length(reply); i += 2) {
		before = score;
		score = redis_text(redis_at(reply, i + 1), NULL);
		add(out, redis_int(redis_at(reply, i)), score, before);
	}
	return redis_text(redis_at(reply, 0), NULL);
}

static void
build(struct context *house, const char *stamp, const struct pg_rows *rows)
{
	const char **args = ARENA_ARRAY(house->arena, const char *, 2 + 2 * rows->count + 1);
	size_t n = 0;

	args[n++] = stamp;
	args[n++] = LIFE_MS;
	for (int i = 0; i < rows->count; i++) {
		args[n++] = pg_text(rows, i, EVENT_DEMAND_EVENT_ID);
		args[n++] = pg_text(rows, i, EVENT_DEMAND_SCORE);
	}
	redis_script(house->redis, &script_demand_build, keys, args, house->arena);
}

enum problem
demand_top(struct context *house, struct demand *out)
{
	const char *stamp = stamp_of(house), *said = NULL, *score = NULL, *before;
	int64_t now_us = clock_monotonic_us();
	struct pg_rows rows;
	enum problem err;

	out->count = 0;
	if (stamp)
		said = read_kept(house, stamp, out);
	if (str_equal(said, "ok"))
		return PROBLEM_NONE;
	if (!str_equal(said, "build") && remembered_us && now_us - remembered_us < REMEMBERED_US) {
		*out = remembered;
		return PROBLEM_NONE;
	}
	err = query_event_demand(house->pg, house->arena, house->deadline_us, house->why, &rows,
		house->conf->popular_half_life_minutes, BUILD_MOST);
	if (err)
		return err;
	for (int i = 0; i < rows.count; i++) {
		before = score;
		score = pg_text(&rows, i, EVENT_DEMAND_SCORE);
		add(out, pg_int(&rows, i, EVENT_DEMAND_EVENT_ID), score, before);
	}
	remembered = *out;
	remembered_us = now_us;
	if (str_equal(said, "build"))
		build(house, stamp, &rows);
	return PROBLEM_NONE;
}
