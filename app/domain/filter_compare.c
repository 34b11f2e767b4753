/*
 * What is made of the entries: the bytes and owners of seats, the counts of sections, the
 * deadlines. Each is compared with what the entries as they are say.
 */
#include "domain/filter_compare.h"

#include <inttypes.h>

#include "base/str.h"
#include "scripts.h"

static enum problem
add_mend(struct filter_compare *c, const char *kind, const char *name, const char *old,
	const char *new)
{
	c->batch[c->batch_count++] = kind;
	c->batch[c->batch_count++] = name;
	c->batch[c->batch_count++] = old;
	c->batch[c->batch_count++] = new;
	return c->batch_count > 4 * FILTER_BATCH ? filter_send(c, &script_mend, 1) : PROBLEM_NONE;
}

/* ---- bytes and owners ------------------------------------------------------------------------ */

/* What every seat should be, by the entries and the killed seats. */
static void
expect_seats(struct filter_compare *c, char *bytes, const char **owners)
{
	char *list;

	memset(bytes, 'a', (size_t)c->seats);
	for (size_t i = 0; i < c->kept_count; i++) {
		list = arena_strdup(c->house->arena, c->kept[i]->positions);
		for (char *p = strsep(&list, ","); p && *p; p = strsep(&list, ",")) {
			int64_t at = strtoll(p, NULL, 10);
			struct filter_kept *other =
				at < c->seats && owners[at] ? map_get(&c->truth, owners[at]) : NULL;

			/* Where two entries name a seat, it is the one's that PostgreSQL knows. */
			if (at >= c->seats || other)
				continue;
			bytes[at] = c->kept[i]->state;
			owners[at] = c->kept[i]->booking_id;
		}
	}
	list = arena_strdup(c->house->arena, c->killed);
	for (char *p = strsep(&list, ","); p && *p; p = strsep(&list, ","))
		bytes[strtoll(p, NULL, 10)] = 'x';
}

static enum problem
compare_seats(struct filter_compare *c)
{
	struct arena *arena = c->house->arena;
	const struct redis_value *seats = filter_read_key(c, "GET", "seats");
	const struct redis_value *owner = filter_read_key(c, "HGETALL", "owner");
	char *bytes = ARENA_ARRAY(arena, char, c->seats + 1);
	const char **owners = ARENA_ARRAY(arena, const char *, c->seats + 1);
	const char **kept_owners = ARENA_ARRAY(arena, const char *, c->seats + 1);
	const char *kept;
	size_t len = 0;
	enum problem err = PROBLEM_NONE;

	if (!seats || !owner)
		return PROBLEM_UNAVAILABLE;
	kept = redis_kind(seats) == REDIS_TEXT ? redis_text(seats, &len) : "";
	expect_seats(c, bytes, owners);
	for (size_t i = 0; i + 1 < redis_length(owner); i += 2) {
		int64_t at = redis_int(redis_at(owner, i));

		if (at >= 0 && at < c->seats)
			kept_owners[at] = redis_text(redis_at(owner, i + 1), NULL);
	}
	for (int64_t at = 0; !err && at < c->seats; at++) {
		const char *is = arena_printf(arena, "%.*s%s", at < (int64_t)len ? 1 : 0, kept + at,
			kept_owners[at] ? kept_owners[at] : "");
		const char *be =
			arena_printf(arena, "%c%s", bytes[at], owners[at] ? owners[at] : "");

		if (str_equal(is, be))
			continue;
		filter_differ(c, &c->drift->seats_wrong, "seat %" PRId64 ": kept %s, should be %s",
			at, is, be);
		err = add_mend(c, "p", arena_printf(arena, "%" PRId64, at), is, be);
	}
	return err;
}

/* ---- counts and deadlines -------------------------------------------------------------------- */

/* What an entry adds to the counts of its sections. */
static void
expect_counts(struct filter_compare *c, struct map *expected)
{
	struct arena *arena = c->house->arena;

	for (size_t i = 0; i < c->kept_count; i++) {
		char *list = arena_strdup(arena, c->kept[i]->sections);

		for (char *s = strsep(&list, ","); s && *s; s = strsep(&list, ",")) {
			char *quantity = strchr(s, ':');
			const char *field;
			int64_t *sum;

			if (!quantity)
				continue;
			*quantity++ = '\0';
			field = arena_printf(
				arena, "%c:%s", c->kept[i]->state == 'b' ? 'b' : 'h', s);
			sum = map_get(expected, field);
			if (!sum) {
				sum = ARENA_NEW(arena, int64_t);
				map_set(expected, field, sum);
			}
			*sum += strtoll(quantity, NULL, 10);
		}
	}
}

static enum problem
compare_count(struct filter_compare *c, const struct map *kept, const char *field, int64_t expected)
{
	const char *is = map_get(kept, field);
	const char *be = arena_printf(c->house->arena, "%" PRId64, expected);

	if (str_equal(is ? is : "0", be))
		return PROBLEM_NONE;
	filter_differ(c, &c->drift->counts_wrong, "count %s: kept %s, should be %s", field,
		is ? is : "none", be);
	return add_mend(c, "s", field, is ? is : "", be);
}

static enum problem
compare_counts(struct filter_compare *c)
{
	struct arena *arena = c->house->arena;
	const struct redis_value *all = filter_read_key(c, "HGETALL", "count");
	struct map kept, expected;
	char *lines = arena_strdup(arena, c->layout);
	enum problem err = PROBLEM_NONE;

	if (!all)
		return PROBLEM_UNAVAILABLE;
	map_init(&kept, arena);
	map_init(&expected, arena);
	for (size_t i = 0; i + 1 < redis_length(all); i += 2)
		map_set(&kept, redis_text(redis_at(all, i), NULL),
			arena_strdup(arena, redis_text(redis_at(all, i + 1), NULL)));
	expect_counts(c, &expected);
	for (char *line = strsep(&lines, "\n"); !err && line && *line;
		line = strsep(&lines, "\n")) {
		char *id = strsep(&line, "|");
		bool ga = str_equal(strsep(&line, "|"), "ga");
		int64_t capacity = strtoll(strsep(&line, "|"), NULL, 10);
		const char *held = arena_printf(arena, "h:%s", id);
		const char *sold = arena_printf(arena, "b:%s", id);
		int64_t *h = map_get(&expected, held), *b = map_get(&expected, sold);

		if (!ga)
			continue;
		err = compare_count(c, &kept, arena_printf(arena, "c:%s", id), capacity);
		if (!err)
			err = compare_count(c, &kept, held, h ? *h : 0);
		if (!err)
			err = compare_count(c, &kept, sold, b ? *b : 0);
	}
	return err;
}

static enum problem
compare_deadlines(struct filter_compare *c)
{
	struct arena *arena = c->house->arena;
	const char *words[] = { "ZRANGE", arena_printf(arena, "%s:due", c->fence.prefix), "0", "-1",
		"WITHSCORES" };
	const struct redis_value *all =
		redis_command(c->house->redis, ARRAY_LENGTH(words), words, NULL, arena);
	struct map kept;
	enum problem err = PROBLEM_NONE;

	if (!all)
		return PROBLEM_UNAVAILABLE;
	map_init(&kept, arena);
	for (size_t i = 0; i + 1 < redis_length(all); i += 2)
		map_set(&kept, redis_text(redis_at(all, i), NULL),
			arena_strdup(arena, redis_text(redis_at(all, i + 1), NULL)));
	for (size_t i = 0; !err && i < c->kept_count; i++) {
		const struct filter_kept *entry = c->kept[i];
		const char *is = map_get(&kept, entry->booking_id);
		const char *be = entry->deadline_ms < 0
					 ? ""
					 : arena_printf(arena, "%" PRId64, entry->deadline_ms);

		if (is)
			map_set(&kept, entry->booking_id, NULL);
		if (str_equal(is ? is : "", be))
			continue;
		filter_differ(c, &c->drift->deadlines_wrong,
			"deadline of %s: kept %s, should be %s", entry->booking_id,
			is ? is : "none", *be ? be : "none");
		err = add_mend(c, "d", entry->booking_id, is ? is : "", be);
	}
	for (size_t i = 0; !err && i < kept.room; i++) {
		if (!kept.slots[i].value)
			continue;
		filter_differ(c, &c->drift->deadlines_wrong,
			"deadline of %s: no such booking is kept", kept.slots[i].key);
		err = add_mend(c, "d", kept.slots[i].key, kept.slots[i].value, "");
	}
	return err;
}

enum problem
filter_compare_parts(struct filter_compare *c)
{
	/* Once more, as the repairs have left them. */
	enum problem err = filter_read_entries(c);

	c->batch[0] = c->fence.epoch;
	c->batch_count = 1;
	if (!err)
		err = compare_seats(c);
	if (!err)
		err = compare_counts(c);
	if (!err)
		err = compare_deadlines(c);
	return err ? err : filter_send(c, &script_mend, 1);
}
