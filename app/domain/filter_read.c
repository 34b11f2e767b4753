/*
 * Both sides of a comparison: what PostgreSQL says of an event in one snapshot, and what Redis
 * keeps of it, in pages so that nobody waits long for either.
 *
 * What moves while the pages are read may be missing or come twice. Behind a fence every script
 * notes what it touches first, and a repair leaves that alone: what has not been touched has stood
 * still, and was read right.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "base/str.h"
#include "domain/filter_compare.h"
#include "queries.h"

#define PAGE_TEXT "1000"
#define RENEW_US  3000000

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
	*entry = (struct filter_kept){ booking_id, text, word[0][0], -1, word[1], word[4], word[5],
		false };
	/* What is no entry is never due. */
	str_to_int(word[2], -1, INT64_MAX, &entry->deadline_ms);
	return entry;
}

/* A long reading keeps its fence. */
static enum problem
renew(struct filter_compare *c)
{
	int64_t now_us = clock_monotonic_us();

	if (!c->repair || now_us - c->renewed_us < RENEW_US)
		return PROBLEM_NONE;
	c->renewed_us = now_us;
	return filter_step(c->house, &c->fence, c->house->arena,
		       (const char *[]){ c->fence.epoch, "renew", NULL })
		       ? PROBLEM_NONE
		       : PROBLEM_UNAVAILABLE;
}

/* ---- PostgreSQL ------------------------------------------------------------------------------ */

static enum problem
read_bookings(struct filter_compare *c)
{
	struct context *house = c->house;
	const char *after = "00000000-0000-0000-0000-000000000000";
	struct pg_rows rows;
	enum problem err;

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
		if (!err)
			err = renew(c);
	} while (!err && rows.count == FILTER_PAGE);
	return err;
}

static enum problem
read_event(struct filter_compare *c)
{
	struct context *house = c->house;
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
	return read_bookings(c);
}

enum problem
filter_read_truth(struct filter_compare *c)
{
	struct context *house = c->house;
	struct pg_rows none;
	enum problem err;

	c->renewed_us = clock_monotonic_us();
	err = pg_exec(house->pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", house->arena,
		house->deadline_us, house->why, &none);
	if (err)
		return err;
	err = read_event(c);
	pg_exec(house->pg, "ROLLBACK", house->arena, house->deadline_us, house->why, &none);
	return err;
}

/* ---- Redis ----------------------------------------------------------------------------------- */

const struct redis_value *
filter_read_key(struct filter_compare *c, const char *command, const char *key)
{
	const char *words[] = { command,
		arena_printf(c->house->arena, "%s:%s", c->fence.prefix, key) };
	const struct redis_value *value =
		redis_command(c->house->redis, 2, words, NULL, c->house->arena);

	c->refused |= !value && redis_is_up(c->house->redis);
	return value;
}

enum problem
filter_scan(struct filter_compare *c, const char *command, const char *key,
	void (*each)(struct filter_compare *c, const char *name, const char *value, void *ctx),
	void *ctx)
{
	struct context *house = c->house;
	const char *words[] = { command, arena_printf(house->arena, "%s:%s", c->fence.prefix, key),
		"0", "COUNT", PAGE_TEXT };
	enum problem err = PROBLEM_NONE;

	do {
		const struct redis_value *page =
			redis_command(house->redis, ARRAY_LENGTH(words), words, NULL, house->arena);
		const struct redis_value *members;

		if (!page || redis_length(page) != 2) {
			c->refused |= redis_is_up(house->redis);
			return PROBLEM_UNAVAILABLE;
		}
		words[2] = redis_text(redis_at(page, 0), NULL);
		members = redis_at(page, 1);
		for (size_t i = 0; i + 1 < redis_length(members); i += 2)
			each(c, redis_text(redis_at(members, i), NULL),
				redis_text(redis_at(members, i + 1), NULL), ctx);
		err = renew(c);
	} while (!err && strcmp(words[2], "0") != 0);
	return err;
}

static void
add_entry(struct filter_compare *c, const char *name, const char *value, void *ctx)
{
	map_set(ctx, name, entry_read(c->house->arena, name, value));
}

enum problem
filter_read_entries(struct filter_compare *c)
{
	enum problem err;

	map_init(&c->kept, c->house->arena);
	map_init(&c->before, c->house->arena);
	err = filter_scan(c, "HSCAN", "entry", add_entry, &c->kept);
	/* After the entries: so it has every one of them that moved while they were read. */
	if (!err && c->repair)
		err = filter_scan(c, "HSCAN", "before", add_entry, &c->before);
	return err;
}
