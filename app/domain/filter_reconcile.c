/*
 * Comparing what is kept of an event with one snapshot of PostgreSQL, and repairing it behind a
 * fence.
 *
 * First what was read of the event itself: where that has changed and nobody has told, all is built
 * anew. Then the entries: each booking that holds places has one, with its seats, sections and
 * deadline. Then, against the entries, what is made of them: filter_compare.c. At last the ids that
 * a retry may come under.
 */
#include "domain/filter_compare.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"
#include "domain/notice.h"
#include "queries.h"
#include "scripts.h"

/* A take writes Redis's idea of the deadline, which PostgreSQL's differs from by the
 * way between. */
#define DEADLINE_SLACK_MS 2000

/* A clock that is read over a busy way is wrong by no more. */
#define OFFSET_SLACK_MS   1000

#define DAY_MS            86400000
#define USED_MAX          100000

void
filter_differ(struct filter_compare *c, int64_t *counter, const char *format, ...)
{
	struct filter_drift *drift = c->drift;
	va_list args;

	++*counter;
	if (drift->differences_count == FILTER_DIFFERENCES_MAX)
		return;
	va_start(args, format);
	drift->differences[drift->differences_count++] =
		arena_vprintf(c->house->arena, format, args);
	va_end(args);
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
	c->refused |= !reply && redis_is_up(c->house->redis);
	if (!reply || redis_length(reply) < 3)
		return PROBLEM_UNAVAILABLE; /* away, or the fence is another's */
	if (redis_int(redis_at(reply, 1)) > 0)
		notice_changed(c->house, c->event_id);
	c->drift->repaired += redis_int(redis_at(reply, 1));
	c->drift->skipped += redis_int(redis_at(reply, 2));
	*c->wrong -= redis_int(redis_at(reply, 2));
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

/* ---- the event ------------------------------------------------------------------------------- */

/* The value of a field in a flat list of fields and values, NULL: there is none. */
static const char *
member_of(const struct redis_value *list, const char *name)
{
	for (size_t i = 0; i + 1 < redis_length(list); i += 2) {
		if (str_equal(redis_text(redis_at(list, i), NULL), name))
			return redis_text(redis_at(list, i + 1), NULL);
	}
	return NULL;
}

/* A number that the scripts count on. Not there is right only where it is optional. */
static void
compare_number(struct filter_compare *c, const struct redis_value *meta, const char *name,
	int64_t least, int64_t most, bool optional)
{
	const char *text = member_of(meta, name);
	int64_t n;

	if (text ? !str_to_int(text, least, most, &n) : !optional)
		filter_differ(c, &c->drift->event_wrong, "event: %s is damaged", name);
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
		{ "room", FILTER_EVENT_ROOM },
		{ "seats", FILTER_EVENT_SEATS },
		{ "sections", FILTER_EVENT_SECTIONS },
		{ "shown", FILTER_EVENT_SHOWN },
	};
	const struct redis_value *meta = filter_read_key(c, "HGETALL", "meta");
	int64_t offset_ms = c->clock_ms - c->fence.redis_ms, kept_ms;
	int64_t latest_ms = c->clock_ms + DAY_MS + DAY_MS;
	const char *offset;

	if (!meta)
		return PROBLEM_UNAVAILABLE;
	for (size_t f = 0; f < ARRAY_LENGTH(fields); f++) {
		if (!str_equal(member_of(meta, fields[f].name),
			    pg_text(&c->event, 0, fields[f].column)))
			filter_differ(
				c, &c->drift->event_wrong, "event: %s has changed", fields[f].name);
	}
	compare_number(c, meta, "version", 0, INT64_C(1) << 53, false);
	compare_number(c, meta, "complete", 0, latest_ms, false);
	/* Without a fence Redis has not been asked for its time. */
	if (!c->repair)
		return PROBLEM_NONE;
	compare_number(c, meta, "heard", 0, c->fence.redis_ms, false);
	compare_number(c, meta, "unheard", 0, c->fence.redis_ms + DAY_MS, true);
	offset = member_of(meta, "offset");
	if (!offset || !str_to_int(offset, INT64_MIN, INT64_MAX, &kept_ms) ||
		llabs(kept_ms - offset_ms) > OFFSET_SLACK_MS)
		filter_differ(c, &c->drift->event_wrong, "event: the clocks have moved");
	return PROBLEM_NONE;
}

/* A page of the layout: where Redis believes each of its seats to be. */
static enum problem
compare_ids_page(struct filter_compare *c, struct arena *arena, int64_t from)
{
	struct context *house = c->house;
	const struct redis_value *kept;
	struct pg_rows rows;
	const char **words;
	enum problem err;

	err = query_filter_seats(house->pg, arena, house->deadline_us, house->why, &rows,
		c->event_id, from, from + FILTER_PAGE);
	if (err || rows.count == 0)
		return err;
	words = ARENA_ARRAY(arena, const char *, 2 + rows.count);
	words[0] = "HMGET";
	words[1] = arena_printf(arena, "%s:ids", c->fence.prefix);
	for (int i = 0; i < rows.count; i++)
		words[2 + i] = pg_text(&rows, i, FILTER_SEATS_SEAT_ID);
	kept = redis_command(house->redis, 2 + rows.count, words, NULL, arena);
	c->refused |= !kept && redis_is_up(house->redis);
	if (!kept || redis_length(kept) != (size_t)rows.count)
		return PROBLEM_UNAVAILABLE;
	for (int i = 0; i < rows.count; i++) {
		const char *position = redis_text(redis_at(kept, (size_t)i), NULL);
		int64_t at;

		if (!position || !str_to_int(position, from + i, from + i, &at))
			filter_differ(c, &c->drift->event_wrong, "event: seat %s is not known",
				words[2 + i]);
	}
	return PROBLEM_NONE;
}

static enum problem
compare_ids(struct filter_compare *c)
{
	const struct redis_value *count = filter_read_key(c, "HLEN", "ids");
	struct arena *arena;
	enum problem err = PROBLEM_NONE;

	if (!count)
		return PROBLEM_UNAVAILABLE;
	if (redis_int(count) != c->seats)
		filter_differ(c, &c->drift->event_wrong, "event: %" PRId64 " seats are known",
			redis_int(count));
	arena = arena_new();
	for (int64_t from = 0; !err && from < c->seats; from += FILTER_PAGE) {
		arena_reset(arena);
		err = compare_ids_page(c, arena, from);
	}
	arena_free(arena);
	return err;
}

/* ---- entries --------------------------------------------------------------------------------- */

static bool
entry_same(const struct filter_kept *a, const struct filter_kept *b)
{
	return a->state == b->state && str_equal(a->user_id, b->user_id) &&
	       llabs(a->deadline_ms - b->deadline_ms) <= DEADLINE_SLACK_MS &&
	       str_equal(a->positions, b->positions) && str_equal(a->sections, b->sections);
}

static enum problem
compare_kept(struct filter_compare *c, struct filter_kept *kept)
{
	struct filter_kept *truth = map_get(&c->truth, kept->booking_id);

	c->drift->entries++;
	if (truth)
		truth->seen = true;
	if (map_get(&c->before, kept->booking_id) || (truth && entry_same(kept, truth)))
		return PROBLEM_NONE;
	/* What is due is given back by whoever comes next: no difference. */
	if (!truth && kept->deadline_ms >= 0 && kept->deadline_ms <= c->clock_ms)
		return PROBLEM_NONE;
	filter_differ(c, &c->drift->entries_wrong, "booking %s: kept %s, should be %s",
		kept->booking_id, kept->text, truth ? truth->text : "none");
	return add_repair(c, kept->booking_id, kept->text, truth ? truth->text : "");
}

static void
begin_repairs(struct filter_compare *c)
{
	c->batch[0] = c->fence.epoch;
	c->batch[1] = str_int(c->house->arena, c->clock_ms);
	c->batch[2] = str_int(c->house->arena, c->age_ms);
	c->batch_count = 3;
	c->wrong = &c->drift->entries_wrong;
}

/* Entries that should not be, or should be others. */
static enum problem
compare_entries(struct filter_compare *c)
{
	enum problem err = PROBLEM_NONE;

	begin_repairs(c);
	for (size_t i = 0; !err && i < c->kept.room; i++) {
		if (c->kept.slots[i].value)
			err = compare_kept(c, c->kept.slots[i].value);
	}
	return err ? err : filter_send(c, &script_repair, 3);
}

/* Entries that should be. */
static enum problem
add_missing(struct filter_compare *c)
{
	enum problem err = PROBLEM_NONE;

	begin_repairs(c);
	for (size_t i = 0; !err && i < c->truth.room; i++) {
		struct filter_kept *truth = c->truth.slots[i].value;

		if (!truth || truth->seen || map_get(&c->before, truth->booking_id))
			continue;
		c->drift->entries++;
		filter_differ(c, &c->drift->entries_wrong, "booking %s: kept none, should be %s",
			truth->booking_id, truth->text);
		err = add_repair(c, truth->booking_id, "", truth->text);
	}
	return err ? err : filter_send(c, &script_repair, 3);
}

/* ---- ids that a retry may come under --------------------------------------------------------- */

/* From here on Redis is known to have heard everything that was written before the fence. */
static enum problem
compare_used(struct filter_compare *c)
{
	struct context *house = c->house;
	int64_t known = c->drift->repaired;
	struct pg_rows rows;
	enum problem err;

	err = query_filter_used(house->pg, house->arena, house->deadline_us, house->why, &rows,
		c->event_id, USED_MAX);
	c->batch[0] = c->fence.epoch;
	c->batch[1] = str_int(house->arena, c->clock_ms);
	c->batch_count = 2;
	c->wrong = &c->drift->ids_unknown;
	for (int i = 0; !err && i < rows.count; i++) {
		c->batch[c->batch_count++] = pg_text(&rows, i, FILTER_USED_BOOKING_ID);
		if (c->batch_count == 4 * FILTER_BATCH || i == rows.count - 1)
			err = filter_send(c, &script_learn, 2);
	}
	c->drift->ids_unknown = c->drift->repaired - known;
	if (err || rows.count == USED_MAX)
		return err;
	return filter_step(house, &c->fence, house->arena,
		       (const char *[]){ c->fence.epoch, "heard",
			       str_int(house->arena, c->fence.redis_ms), NULL })
		       ? PROBLEM_NONE
		       : PROBLEM_UNAVAILABLE;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static enum problem
rebuild(struct filter_compare *c)
{
	enum filter_built built = FILTER_THERE;
	enum problem err = filter_rebuild(c->house, c->event_id, true, &built);

	c->drift->missing = built == FILTER_BUILT;
	c->drift->over = built == FILTER_OVER;
	return err;
}

/* Without a fence there is nothing to take down, and nothing is written. */
static enum problem
begin(struct filter_compare *c)
{
	const char *words[] = { "HGET", NULL, "stamp" };
	const struct redis_value *stamp;
	enum problem err;

	if (c->repair) {
		err = rebuild(c);
		if (err || c->drift->over)
			return err;
		if (!filter_fence_up(c->house, c->event_id, true, &c->fence))
			return PROBLEM_UNAVAILABLE;
		/* Forgotten again since the rebuild: whoever asks will have it built. */
		c->drift->busy = c->fence.busy || c->fence.missing;
		if (c->fence.missing)
			filter_fence_down(c->house, &c->fence);
		return PROBLEM_NONE;
	}
	c->fence.prefix = filter_prefix(c->house, c->event_id);
	c->fence.stamp = filter_stamp(c->house);
	words[1] = arena_printf(c->house->arena, "%s:meta", c->fence.prefix);
	stamp = c->fence.stamp ? redis_command(c->house->redis, 3, words, NULL, c->house->arena)
			       : NULL;
	c->refused |= !stamp && redis_is_up(c->house->redis);
	if (!stamp)
		return PROBLEM_UNAVAILABLE;
	c->drift->missing = c->fence.missing = redis_kind(stamp) != REDIS_TEXT ||
					       !str_equal(redis_text(stamp, NULL), c->fence.stamp);
	return PROBLEM_NONE;
}

static enum problem
compare_all(struct filter_compare *c)
{
	enum problem err = filter_read_truth(c);

	if (!err)
		err = compare_event(c);
	if (!err)
		err = compare_ids(c);
	if (err || (c->repair && c->drift->event_wrong > 0))
		return err;
	err = filter_read_entries(c);
	if (!err)
		err = compare_entries(c);
	/* By what the entries were, whatever was repaired. Before more are added: a count that is
	 * too high for a moment would turn somebody away, one that is too low asks PostgreSQL. */
	if (!err && c->repair)
		err = filter_compare_counts(c);
	if (!err)
		err = add_missing(c);
	if (!err && !c->repair)
		err = filter_compare_counts(c);
	/* The rest by what they are. */
	if (!err && c->drift->repaired > 0)
		err = filter_read_entries(c);
	if (!err)
		err = filter_compare_parts(c);
	return err || !c->repair ? err : compare_used(c);
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
	if (!err && (drift->over || drift->busy || c.fence.missing))
		return PROBLEM_NONE;
	if (!err)
		err = compare_all(&c);
	if (err == PROBLEM_UNAVAILABLE && c.refused) {
		filter_differ(&c, &drift->event_wrong, "event: what is kept is not readable");
		err = PROBLEM_NONE;
	}
	if (!err && repair && drift->event_wrong > 0) {
		filter_forget(house, event_id); /* and with it the fence */
		return rebuild(&c);
	}
	if (repair && c.fence.epoch)
		filter_fence_down(house, &c.fence);
	return err;
}
