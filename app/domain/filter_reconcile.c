/*
 * Comparing what is kept of an event with one snapshot of PostgreSQL, and repairing it behind a fence.
 *
 * First the entries: each booking that holds places has one, with its seats, sections and deadline.
 * Then, against the entries as they are, the single bytes and owners, the counts and the deadline set.
 */
#include "domain/filter_parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/id.h"
#include "base/map.h"
#include "base/str.h"
#include "queries.h"
#include "scripts.h"

/* A take writes Redis's idea of the deadline, which PostgreSQL's differs from by the way between. */
#define DEADLINE_SLACK_MS 2000

#define BATCH 200

/* An entry, as kept in Redis or as it should be. */
struct entry {
	const char *booking_id;
	const char *text; /* in the form of the scripts */
	char state;
	int64_t deadline_ms;
	const char *user_id, *positions, *sections;
	bool seen;
};

struct compare {
	struct context *house;
	struct filter_drift *drift;
	struct filter_fence fence;
	bool repair;
	int32_t event_id;
	int64_t clock_ms;  /* PostgreSQL's, at the snapshot */
	int64_t age_ms;    /* younger entries may not be in PostgreSQL yet */
	int64_t seats;
	const char *layout; /* sections, as :meta has them */
	struct map truth;   /* booking -> struct entry, out of PostgreSQL */
	const char *killed; /* positions not for sale, "1,2" */
	struct entry **kept; /* out of Redis */
	size_t kept_count;
	const char **batch; /* arguments of a script being gathered */
	size_t batch_count;
};

static void __attribute__((format(printf, 3, 4)))
differ(struct compare *c, int64_t *counter, const char *format, ...)
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
static struct entry *
entry_read(struct arena *arena, const char *booking_id, const char *text)
{
	struct entry *entry = ARENA_NEW(arena, struct entry);
	char *rest = arena_strdup(arena, text);
	char *word[6];

	for (size_t i = 0; i < ARRAY_LENGTH(word); i++) {
		word[i] = strsep(&rest, "|");
		if (!word[i])
			word[i] = arena_strdup(arena, "");
	}
	*entry = (struct entry){ booking_id, text, word[0][0], strtoll(word[2], NULL, 10), word[1],
		word[4], word[5], false };
	return entry;
}

static bool
entry_same(const struct entry *a, const struct entry *b)
{
	return a->state == b->state && str_equal(a->user_id, b->user_id)
		&& llabs(a->deadline_ms - b->deadline_ms) <= DEADLINE_SLACK_MS
		&& str_equal(a->positions, b->positions) && str_equal(a->sections, b->sections);
}

/* ---- reading both sides -------------------------------------------------------------------------- */

static enum problem
read_truth(struct compare *c)
{
	struct context *house = c->house;
	const char *after = "00000000-0000-0000-0000-000000000000";
	struct pg_rows rows;
	enum problem err;

	err = query_filter_event(
		house->pg, house->arena, house->deadline_us, house->why, &rows, c->event_id);
	if (err)
		return err;
	if (rows.count == 0)
		return PROBLEM_NOT_FOUND;
	c->clock_ms = pg_int(&rows, 0, FILTER_EVENT_CLOCK_MS);
	c->seats = pg_int(&rows, 0, FILTER_EVENT_SEATS);
	c->layout = pg_text(&rows, 0, FILTER_EVENT_SECTIONS);
	err = query_filter_killed(
		house->pg, house->arena, house->deadline_us, house->why, &rows, c->event_id);
	if (err)
		return err;
	c->killed = filter_positions(
		house->arena, pg_text(&rows, 0, FILTER_KILLED_POSITIONS));
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
read_snapshot(struct compare *c)
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

/* A whole key of the event; NULL: Redis is away. */
static const struct redis_value *
read_key(struct compare *c, const char *command, const char *key)
{
	const char *words[] = { command,
		arena_printf(c->house->arena, "%s:%s", c->fence.prefix, key) };

	return redis_command(c->house->redis, 2, words, NULL, c->house->arena);
}

static enum problem
read_entries(struct compare *c)
{
	const struct redis_value *all = read_key(c, "HGETALL", "entry");

	if (!all)
		return PROBLEM_UNAVAILABLE;
	c->kept_count = redis_length(all) / 2;
	c->kept = ARENA_ARRAY(c->house->arena, struct entry *, c->kept_count + 1);
	for (size_t i = 0; i < c->kept_count; i++)
		c->kept[i] = entry_read(c->house->arena, redis_text(redis_at(all, 2 * i), NULL),
			redis_text(redis_at(all, 2 * i + 1), NULL));
	return PROBLEM_NONE;
}

/* ---- repairs in batches --------------------------------------------------------------------------- */

static enum problem
send_batch(struct compare *c, const struct redis_script *script, size_t fixed)
{
	const char *keys[] = { c->fence.prefix, NULL };
	const struct redis_value *reply;

	if (c->batch_count == fixed || !c->repair)
		return PROBLEM_NONE;
	c->batch[c->batch_count] = NULL;
	reply = redis_script(c->house->redis, script, keys, c->batch, c->house->arena);
	c->batch_count = fixed;
	if (!reply || redis_kind(reply) != REDIS_LIST || redis_length(reply) < 3)
		return PROBLEM_UNAVAILABLE; /* away, or the fence is another's */
	c->drift->repaired += redis_int(redis_at(reply, 1));
	c->drift->skipped += redis_int(redis_at(reply, 2));
	return PROBLEM_NONE;
}

/* Adds arguments; a full batch is sent. */
static enum problem
add_repair(struct compare *c, const char *booking_id, const char *old, const char *new)
{
	c->batch[c->batch_count++] = booking_id;
	c->batch[c->batch_count++] = old;
	c->batch[c->batch_count++] = new;
	return c->batch_count > 3 * BATCH ? send_batch(c, &script_repair, 3) : PROBLEM_NONE;
}

static enum problem
add_mend(struct compare *c, const char *kind, const char *name, const char *old, const char *new)
{
	c->batch[c->batch_count++] = kind;
	c->batch[c->batch_count++] = name;
	c->batch[c->batch_count++] = old;
	c->batch[c->batch_count++] = new;
	return c->batch_count > 4 * BATCH ? send_batch(c, &script_mend, 1) : PROBLEM_NONE;
}

/* ---- entries ----------------------------------------------------------------------------------------- */

static enum problem
compare_kept(struct compare *c, struct entry *kept)
{
	struct entry *truth = map_get(&c->truth, kept->booking_id);

	c->drift->entries++;
	if (truth)
		truth->seen = true;
	if (truth && entry_same(kept, truth))
		return PROBLEM_NONE;
	/* What is due is given back by whoever comes next: no difference. */
	if (!truth && kept->deadline_ms >= 0 && kept->deadline_ms <= c->clock_ms)
		return PROBLEM_NONE;
	differ(c, &c->drift->entries_wrong, "booking %s: kept %s, should be %s", kept->booking_id,
		kept->text, truth ? truth->text : "none");
	return add_repair(c, kept->booking_id, kept->text, truth ? truth->text : "");
}

static enum problem
compare_entries(struct compare *c)
{
	enum problem err = read_entries(c);

	c->batch[0] = c->fence.epoch;
	c->batch[1] = arena_printf(c->house->arena, "%" PRId64, c->clock_ms);
	c->batch[2] = arena_printf(c->house->arena, "%" PRId64, c->age_ms);
	c->batch_count = 3;
	for (size_t i = 0; !err && i < c->kept_count; i++)
		err = compare_kept(c, c->kept[i]);
	for (size_t i = 0; !err && i < c->truth.room; i++) {
		struct entry *truth = c->truth.slots[i].value;

		if (!truth || truth->seen)
			continue;
		c->drift->entries++;
		differ(c, &c->drift->entries_wrong, "booking %s: kept none, should be %s",
			truth->booking_id, truth->text);
		err = add_repair(c, truth->booking_id, "", truth->text);
	}
	return err ? err : send_batch(c, &script_repair, 3);
}

/* ---- bytes and owners ---------------------------------------------------------------------------------- */

/* What every seat should be, by the entries and the killed seats. */
static void
expect_seats(struct compare *c, char *bytes, const char **owners)
{
	char *list;

	memset(bytes, 'a', (size_t)c->seats);
	for (size_t i = 0; i < c->kept_count; i++) {
		list = arena_strdup(c->house->arena, c->kept[i]->positions);
		for (char *p = strsep(&list, ","); p && *p; p = strsep(&list, ",")) {
			int64_t at = strtoll(p, NULL, 10);
			struct entry *other = at < c->seats && owners[at]
				? map_get(&c->truth, owners[at])
				: NULL;

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
compare_seats(struct compare *c)
{
	struct arena *arena = c->house->arena;
	const struct redis_value *seats = read_key(c, "GET", "seats");
	const struct redis_value *owner = read_key(c, "HGETALL", "owner");
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
		const char *be = arena_printf(
			arena, "%c%s", bytes[at], owners[at] ? owners[at] : "");

		if (str_equal(is, be))
			continue;
		differ(c, &c->drift->seats_wrong, "seat %" PRId64 ": kept %s, should be %s", at, is, be);
		err = add_mend(c, "p", arena_printf(arena, "%" PRId64, at), is, be);
	}
	return err;
}

/* ---- counts and deadlines ------------------------------------------------------------------------------ */

/* What an entry adds to the counts of its sections. */
static void
expect_counts(struct compare *c, struct map *expected)
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
			field = arena_printf(arena, "%c:%s", c->kept[i]->state == 'b' ? 'b' : 'h', s);
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
compare_count(struct compare *c, const struct map *kept, const char *field, int64_t expected)
{
	const char *is = map_get(kept, field);
	const char *be = arena_printf(c->house->arena, "%" PRId64, expected);

	if (str_equal(is ? is : "0", be))
		return PROBLEM_NONE;
	differ(c, &c->drift->counts_wrong, "count %s: kept %s, should be %s", field, is ? is : "none", be);
	return add_mend(c, "s", field, is ? is : "", be);
}

static enum problem
compare_counts(struct compare *c)
{
	struct arena *arena = c->house->arena;
	const struct redis_value *all = read_key(c, "HGETALL", "count");
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
	for (char *line = strsep(&lines, "\n"); !err && line && *line; line = strsep(&lines, "\n")) {
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
compare_deadlines(struct compare *c)
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
		const struct entry *entry = c->kept[i];
		const char *is = map_get(&kept, entry->booking_id);
		const char *be = entry->deadline_ms < 0
			? ""
			: arena_printf(arena, "%" PRId64, entry->deadline_ms);

		if (is)
			map_set(&kept, entry->booking_id, NULL);
		if (str_equal(is ? is : "", be))
			continue;
		differ(c, &c->drift->deadlines_wrong, "deadline of %s: kept %s, should be %s",
			entry->booking_id, is ? is : "none", *be ? be : "none");
		err = add_mend(c, "d", entry->booking_id, is ? is : "", be);
	}
	for (size_t i = 0; !err && i < kept.room; i++) {
		if (!kept.slots[i].value)
			continue;
		differ(c, &c->drift->deadlines_wrong, "deadline of %s: no such booking is kept",
			kept.slots[i].key);
		err = add_mend(c, "d", kept.slots[i].key, kept.slots[i].value, "");
	}
	return err;
}

static enum problem
compare_parts(struct compare *c)
{
	/* Once more, as the repairs have left them. */
	enum problem err = read_entries(c);

	c->batch[0] = c->fence.epoch;
	c->batch_count = 1;
	if (!err)
		err = compare_seats(c);
	if (!err)
		err = compare_counts(c);
	if (!err)
		err = compare_deadlines(c);
	return err ? err : send_batch(c, &script_mend, 1);
}

/* ---- the whole ------------------------------------------------------------------------------------------ */

/* Without a fence there is nothing to take down, and nothing is written. */
static enum problem
begin(struct compare *c)
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
	stamp = c->fence.stamp ? redis_command(c->house->redis, 3, words, NULL, c->house->arena) : NULL;
	if (!stamp)
		return PROBLEM_UNAVAILABLE;
	c->drift->missing = c->fence.missing =
		redis_kind(stamp) != REDIS_TEXT || !str_equal(redis_text(stamp, NULL), c->fence.stamp);
	return PROBLEM_NONE;
}

enum problem
filter_reconcile(struct context *house, int32_t event_id, bool repair, struct filter_drift *drift)
{
	struct compare c = {
		.house = house,
		.drift = drift,
		.repair = repair,
		.event_id = event_id,
		.age_ms = house->conf->worker_budget_ms + 1000,
	};
	enum problem err;

	*drift = (struct filter_drift){ .differences = ARENA_ARRAY(
						house->arena, const char *, FILTER_DIFFERENCES_MAX) };
	c.batch = ARENA_ARRAY(house->arena, const char *, 4 * BATCH + 16);
	err = begin(&c);
	if (err || drift->busy || c.fence.missing)
		return err;
	err = read_snapshot(&c);
	if (!err)
		err = compare_entries(&c);
	if (!err)
		err = compare_parts(&c);
	if (repair)
		filter_fence_down(house, &c.fence);
	return err;
}
