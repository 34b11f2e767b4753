/*
 * Comparing what is kept of an event with one snapshot of PostgreSQL, and repairing it behind a
 * fence.
 *
 * First what was read of the event itself: where that has changed and nobody has told, all is built
 * anew. Then the entries, here too: each booking that holds places has one, with its seats,
 * sections and deadline. Then, against the entries as they are, what is made of them:
 * filter_compare.c.
 */
#include "domain/filter_compare.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/id.h"
#include "base/str.h"
#include "queries.h"
#include "scripts.h"

/* A take writes Redis's idea of the deadline, which PostgreSQL's differs from by the
 * way between. */
#define DEADLINE_SLACK_MS 2000

void
filter_differ(struct filter_compare *c, int64_t *counter, const char *format, ...)
{
	struct filter_drift *drift = c->drift;
	va_list args;
	char *text;

	++*counter;
	if (drift->differences_count == FILTER_DIFFERENCES_MAX)
		return;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	drift->differences[drift->differences_count++] = arena_strdup(c->house->arena, text);
	free(text);
}

/* state|user|deadline|taken|positions|sections */
static struct filter_kept *
entry_read(struct arena *arena, const char *booking_id, const char *text)
{
	struct filter_kept *entry = ARENA_NEW(arena, struct filter_kept);
	char *rest = arena_strdup(arena, text);
	char *word[6];

	for (size_t i = 0; i < ARRAY_LENGTH(word); i++) {
		word[i] = strsep(&rest, "|");
		if (!word[i])
			word[i] = arena_strdup(arena, "");
	}
	*entry = (struct filter_kept){ booking_id, text, word[0][0], strtoll(word[2], NULL, 10),
		word[1], word[4], word[5], false };
	return entry;
}

static bool
entry_same(const struct filter_kept *a, const struct filter_kept *b)
{
	return a->state == b->state && str_equal(a->user_id, b->user_id) &&
	       llabs(a->deadline_ms - b->deadline_ms) <= DEADLINE_SLACK_MS &&
	       str_equal(a->positions, b->positions) && str_equal(a->sections, b->sections);
}

/* A clock that is read over a busy way is wrong by no more. */
#define OFFSET_SLACK_MS 1000

/* ---- reading both sides ---------------------------------------------------------------------- */

static enum problem
read_truth(struct filter_compare *c)
{
	struct context *house = c->house;
	const char *after = "00000000-0000-0000-0000-000000000000";
	struct pg_rows rows;
	enum problem err;

	err = query_filter_event(
		house->pg, house->arena, house->deadline_us, house->why, &c->event, c->event_id);
	if (err)
		return err;
	if (c->event.count == 0)
		return PROBLEM_NOT_FOUND;
	c->clock_ms = pg_int(&c->event, 0, FILTER_EVENT_CLOCK_MS);
	c->seats = pg_int(&c->event, 0, FILTER_EVENT_SEATS);
	c->layout = pg_text(&c->event, 0, FILTER_EVENT_SECTIONS);
	err = query_filter_killed(
		house->pg, house->arena, house->deadline_us, house->why, &rows, c->event_id);
	if (err)
		return err;
	c->killed = filter_positions(house->arena, pg_text(&rows, 0, FILTER_KILLED_POSITIONS));
	map_init(&c->truth, house->arena);
	do {
		err = query_filter_entries(house->pg, house->arena, house->deadline_us, house->why,
			&rows, c->event_id, after, FILTER_PAGE);
		for (int i = 0; !err && i < rows.count; i++) {
			after = pg_text(&rows, i, FILTER_ENTRIES_BOOKING_ID);
			map_set(&c->truth, after,
				entry_read(house->arena, after,
					filter_entry_text(house->arena, &rows, i)));
		}
	} while (!err && rows.count == FILTER_PAGE);
	return err;
}

static enum problem
read_snapshot(struct filter_compare *c)
{
	struct context *house = c->house;
	struct pg_rows none;
	enum problem err;

	err = pg_exec(house->pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", house->arena,
		house->deadline_us, house->why, &none);
	if (err)
		return err;
	err = read_truth(c);
	pg_exec(house->pg, "ROLLBACK", house->arena, house->deadline_us, house->why, &none);
	return err;
}

const struct redis_value *
filter_read_key(struct filter_compare *c, const char *command, const char *key)
{
	const char *words[] = { command,
		arena_printf(c->house->arena, "%s:%s", c->fence.prefix, key) };

	return redis_command(c->house->redis, 2, words, NULL, c->house->arena);
}

enum problem
filter_read_entries(struct filter_compare *c)
{
	const struct redis_value *all = filter_read_key(c, "HGETALL", "entry");

	if (!all)
		return PROBLEM_UNAVAILABLE;
	c->kept_count = redis_length(all) / 2;
	c->kept = ARENA_ARRAY(c->house->arena, struct filter_kept *, c->kept_count + 1);
	for (size_t i = 0; i < c->kept_count; i++)
		c->kept[i] = entry_read(c->house->arena, redis_text(redis_at(all, 2 * i), NULL),
			redis_text(redis_at(all, 2 * i + 1), NULL));
	return PROBLEM_NONE;
}

/* ---- the event ------------------------------------------------------------------------------- */

/* The value of a field in a flat list of fields and values, NULL: there is none. */
static const struct redis_value *
member_of(const struct redis_value *list, const char *name)
{
	for (size_t i = 0; i + 1 < redis_length(list); i += 2) {
		if (str_equal(redis_text(redis_at(list, i), NULL), name))
			return redis_at(list, i + 1);
	}
	return NULL;
}

/*
 * What was read of the event when the state was built, and how far the clocks were apart then. The
 * one who changes an event says so, but may be ended before, or find Redis away.
 */
static enum problem
compare_event(struct filter_compare *c)
{
	static const struct {
		const char *name;
		int column;
	} fields[] = {
		{ "from", FILTER_EVENT_OPEN_FROM },
		{ "until", FILTER_EVENT_OPEN_UNTIL },
		{ "hold", FILTER_EVENT_HOLD_MS },
		{ "max", FILTER_EVENT_PLACES_MAX },
		{ "seats", FILTER_EVENT_SEATS },
		{ "sections", FILTER_EVENT_SECTIONS },
	};
	const struct redis_value *all = filter_read_key(c, "HGETALL", "meta");
	int64_t offset_ms = c->clock_ms - c->fence.redis_ms;
	const struct redis_value *offset;

	if (!all)
		return PROBLEM_UNAVAILABLE;
	for (size_t f = 0; f < ARRAY_LENGTH(fields); f++) {
		const struct redis_value *kept = member_of(all, fields[f].name);

		if (!str_equal(kept ? redis_text(kept, NULL) : NULL,
			    pg_text(&c->event, 0, fields[f].column)))
			filter_differ(
				c, &c->drift->event_wrong, "event: %s has changed", fields[f].name);
	}
	offset = member_of(all, "offset");
	/* Without a fence Redis has not been asked for its time. */
	if (c->repair && (!offset || llabs(redis_int(offset) - offset_ms) > OFFSET_SLACK_MS))
		filter_differ(c, &c->drift->event_wrong, "event: the clocks have moved");
	return PROBLEM_NONE;
}

/* ---- repairs in batches ---------------------------------------------------------------------- */

enum problem
filter_send(struct filter_compare *c, const struct redis_script *script, size_t fixed)
{
	const char *keys[] = { c->fence.prefix, NULL };
	const struct redis_value *reply;
	size_t count = c->batch_count;

	c->batch_count = fixed;
	c->batch_places = 0;
	if (count == fixed || !c->repair)
		return PROBLEM_NONE;
	c->batch[count] = NULL;
	reply = redis_script(c->house->redis, script, keys, c->batch, c->house->arena);
	if (!reply || redis_kind(reply) != REDIS_LIST || redis_length(reply) < 3)
		return PROBLEM_UNAVAILABLE; /* away, or the fence is another's */
	c->drift->repaired += redis_int(redis_at(reply, 1));
	c->drift->skipped += redis_int(redis_at(reply, 2));
	return PROBLEM_NONE;
}

/* Adds arguments; a full batch is sent. */
static enum problem
add_repair(struct filter_compare *c, const char *booking_id, const char *old, const char *new)
{
	c->batch[c->batch_count++] = booking_id;
	c->batch[c->batch_count++] = old;
	c->batch[c->batch_count++] = new;
	c->batch_places += filter_places(old) + filter_places(new);
	if (c->batch_count <= 3 * FILTER_BATCH && c->batch_places < FILTER_PLACES)
		return PROBLEM_NONE;
	return filter_send(c, &script_repair, 3);
}

/* ---- entries --------------------------------------------------------------------------------- */

static enum problem
compare_kept(struct filter_compare *c, struct filter_kept *kept)
{
	struct filter_kept *truth = map_get(&c->truth, kept->booking_id);

	c->drift->entries++;
	if (truth)
		truth->seen = true;
	if (truth && entry_same(kept, truth))
		return PROBLEM_NONE;
	/* What is due is given back by whoever comes next: no difference. */
	if (!truth && kept->deadline_ms >= 0 && kept->deadline_ms <= c->clock_ms)
		return PROBLEM_NONE;
	filter_differ(c, &c->drift->entries_wrong, "booking %s: kept %s, should be %s",
		kept->booking_id, kept->text, truth ? truth->text : "none");
	return add_repair(c, kept->booking_id, kept->text, truth ? truth->text : "");
}

static enum problem
compare_entries(struct filter_compare *c)
{
	enum problem err = filter_read_entries(c);

	c->batch[0] = c->fence.epoch;
	c->batch[1] = arena_printf(c->house->arena, "%" PRId64, c->clock_ms);
	c->batch[2] = arena_printf(c->house->arena, "%" PRId64, c->age_ms);
	c->batch_count = 3;
	for (size_t i = 0; !err && i < c->kept_count; i++)
		err = compare_kept(c, c->kept[i]);
	for (size_t i = 0; !err && i < c->truth.room; i++) {
		struct filter_kept *truth = c->truth.slots[i].value;

		if (!truth || truth->seen)
			continue;
		c->drift->entries++;
		filter_differ(c, &c->drift->entries_wrong, "booking %s: kept none, should be %s",
			truth->booking_id, truth->text);
		err = add_repair(c, truth->booking_id, "", truth->text);
	}
	return err ? err : filter_send(c, &script_repair, 3);
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* Without a fence there is nothing to take down, and nothing is written. */
static enum problem
begin(struct filter_compare *c)
{
	const char *words[] = { "HGET", NULL, "stamp" };
	const struct redis_value *stamp;
	enum problem err;

	if (c->repair) {
		err = filter_rebuild(c->house, c->event_id, &c->drift->missing);
		if (err)
			return err;
		if (!filter_fence_up(c->house, c->event_id, &c->fence))
			return PROBLEM_UNAVAILABLE;
		c->drift->busy = c->fence.busy;
		return PROBLEM_NONE;
	}
	c->fence.prefix = filter_prefix(c->house, c->event_id);
	c->fence.stamp = filter_stamp(c->house);
	words[1] = arena_printf(c->house->arena, "%s:meta", c->fence.prefix);
	stamp = c->fence.stamp ? redis_command(c->house->redis, 3, words, NULL, c->house->arena)
			       : NULL;
	if (!stamp)
		return PROBLEM_UNAVAILABLE;
	c->drift->missing = c->fence.missing = redis_kind(stamp) != REDIS_TEXT ||
					       !str_equal(redis_text(stamp, NULL), c->fence.stamp);
	return PROBLEM_NONE;
}

enum problem
filter_reconcile(struct context *house, int32_t event_id, bool repair, struct filter_drift *drift)
{
	struct filter_compare c = {
		.house = house,
		.drift = drift,
		.repair = repair,
		.event_id = event_id,
		.age_ms = house->conf->worker_budget_ms + 1000,
	};
	enum problem err;

	*drift = (struct filter_drift){ .differences = ARENA_ARRAY(house->arena, const char *,
						FILTER_DIFFERENCES_MAX) };
	c.batch = ARENA_ARRAY(house->arena, const char *, 4 * FILTER_BATCH + 16);
	err = begin(&c);
	if (err || drift->busy || c.fence.missing)
		return err;
	err = read_snapshot(&c);
	if (!err)
		err = compare_event(&c);
	if (!err && repair && drift->event_wrong > 0) {
		filter_forget(house, event_id); /* and with it the fence */
		return filter_rebuild(house, event_id, &drift->missing);
	}
	if (!err)
		err = compare_entries(&c);
	if (!err)
		err = filter_compare_parts(&c);
	if (repair)
		filter_fence_down(house, &c.fence);
	return err;
}
