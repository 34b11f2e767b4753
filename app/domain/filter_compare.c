/*
 * What is made of the entries: the counts of sections, bytes and owners of seats, deadlines.
 */
#include "domain/filter_compare.h"

#include <inttypes.h>

#include "base/str.h"
#include "scripts.h"

/* The fixed arguments of a script that mends parts are its fence's epoch alone. */
static void
begin_batch(struct filter_compare *c, int64_t *wrong)
{
	c->batch[0] = c->fence.epoch;
	c->batch_count = 1;
	c->wrong = wrong;
}

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

/* ---- counts ---------------------------------------------------------------------------------- */

/* Adds what an entry has to the sums by field; as store/lua/event.lua reads it. */
static void
add_sections(struct filter_compare *c, struct map *sums, const struct filter_kept *entry)
{
	struct arena *arena = c->house->arena;
	char *list = arena_strdup(arena, entry->sections);

	for (char *s = strsep(&list, ","); s; s = strsep(&list, ",")) {
		char *quantity = strchr(s, ':');
		const char *field;
		int64_t *sum;

		if (!quantity || quantity == s || quantity[1] < '0' || quantity[1] > '9')
			continue;
		*quantity++ = '\0';
		field = arena_printf(arena, "%c:%s", entry->state == 'b' ? 'b' : 'h', s);
		sum = map_get(sums, field);
		if (!sum) {
			sum = ARENA_NEW(arena, int64_t);
			map_set(sums, field, sum);
		}
		*sum += strtoll(quantity, NULL, 10);
	}
}

/* The sums of the entries when the fence went up; without a fence, as they are. */
static void
add_entries(struct filter_compare *c, struct map *sums)
{
	map_init(sums, c->house->arena);
	for (size_t i = 0; i < c->kept.room; i++) {
		const struct filter_kept *entry = c->kept.slots[i].value;

		if (entry && !map_get(&c->before, entry->booking_id))
			add_sections(c, sums, entry);
	}
	for (size_t i = 0; i < c->before.room; i++) {
		if (c->before.slots[i].value)
			add_sections(c, sums, c->before.slots[i].value);
	}
}

static void
add_kept(struct filter_compare *c, const char *name, const char *value, void *ctx)
{
	map_set(ctx, name, arena_strdup(c->house->arena, value));
}

static void
differ_count(struct filter_compare *c, const char *field, const char *is, const char *be)
{
	filter_differ(c, &c->drift->counts_wrong, "count %s: kept %s, should be %s", field,
		*is ? is : "none", be);
}

/* Behind a fence one script compares and sets right: it knows what has moved meanwhile. */
static enum problem
send_counts(struct filter_compare *c)
{
	const struct redis_value *reply;

	if (c->batch_count == 1)
		return PROBLEM_NONE;
	c->batch[c->batch_count] = NULL;
	c->batch_count = 1;
	reply = redis_script(c->house->redis, &script_recount,
		(const char *[]){ c->fence.prefix, NULL }, c->batch, c->house->arena);
	if (!reply || redis_length(reply) < 3) {
		c->refused |= !reply && redis_is_up(c->house->redis);
		return PROBLEM_UNAVAILABLE;
	}
	c->drift->repaired += redis_int(redis_at(reply, 1));
	for (size_t i = 3; i + 2 < redis_length(reply); i += 3)
		differ_count(c, redis_text(redis_at(reply, i), NULL),
			redis_text(redis_at(reply, i + 1), NULL),
			redis_text(redis_at(reply, i + 2), NULL));
	return PROBLEM_NONE;
}

static enum problem
compare_count(struct filter_compare *c, const struct map *kept, const char *field, int64_t number)
{
	const char *be = str_int(c->house->arena, number);
	const char *is;

	if (c->repair) {
		c->batch[c->batch_count++] = field;
		c->batch[c->batch_count++] = be;
		return c->batch_count > 2 * FILTER_BATCH ? send_counts(c) : PROBLEM_NONE;
	}
	is = map_get(kept, field);
	if (!str_equal(is ? is : *field == 'c' ? "" : "0", be))
		differ_count(c, field, is ? is : "", be);
	return PROBLEM_NONE;
}

enum problem
filter_compare_counts(struct filter_compare *c)
{
	struct arena *arena = c->house->arena;
	char *lines = arena_strdup(arena, c->layout);
	struct map sums, kept;
	enum problem err;

	begin_batch(c, &c->drift->counts_wrong);
	add_entries(c, &sums);
	map_init(&kept, arena);
	err = c->repair ? PROBLEM_NONE : filter_scan(c, "HSCAN", "count", add_kept, &kept);
	for (char *line = strsep(&lines, "\n"); !err && line && *line;
		line = strsep(&lines, "\n")) {
		char *id = strsep(&line, "|");
		bool ga = str_equal(strsep(&line, "|"), "ga");
		const char *fields[] = { "h", "b" };

		if (!ga)
			continue;
		err = compare_count(c, &kept, arena_printf(arena, "c:%s", id),
			strtoll(strsep(&line, "|"), NULL, 10));
		for (size_t i = 0; !err && i < ARRAY_LENGTH(fields); i++) {
			const char *field = arena_printf(arena, "%s:%s", fields[i], id);
			const int64_t *sum = map_get(&sums, field);

			err = compare_count(c, &kept, field, sum ? *sum : 0);
		}
	}
	return err || !c->repair ? err : send_counts(c);
}

/* ---- bytes and owners ------------------------------------------------------------------------ */

/* What every seat should be, and is. */
struct seats {
	char *bytes;
	const char **owners;
	const char *kept;
	size_t kept_length;
	const char **kept_owners;
};

static void
expect_seats(struct filter_compare *c, const struct seats *s)
{
	char *list;

	memset(s->bytes, 'a', (size_t)c->seats);
	for (size_t i = 0; i < c->kept.room; i++) {
		const struct filter_kept *entry = c->kept.slots[i].value;

		if (!entry)
			continue;
		list = arena_strdup(c->house->arena, entry->positions);
		for (char *p = strsep(&list, ","); p && *p; p = strsep(&list, ",")) {
			int64_t at = strtoll(p, NULL, 10);

			/* Where two entries name a seat, it is the one's that PostgreSQL knows. */
			if (at < 0 || at >= c->seats ||
				(s->owners[at] && map_get(&c->truth, s->owners[at])))
				continue;
			s->bytes[at] = entry->state;
			s->owners[at] = entry->booking_id;
		}
	}
	list = arena_strdup(c->house->arena, c->killed);
	for (char *p = strsep(&list, ","); p && *p; p = strsep(&list, ",")) {
		s->bytes[strtoll(p, NULL, 10)] = 'x';
		s->owners[strtoll(p, NULL, 10)] = NULL;
	}
}

static void
add_owner(struct filter_compare *c, const char *name, const char *value, void *ctx)
{
	struct seats *s = ctx;
	int64_t at;

	if (str_to_int(name, 0, c->seats - 1, &at))
		s->kept_owners[at] = value;
}

static enum problem
compare_seat(struct filter_compare *c, const struct seats *s, int64_t at)
{
	struct arena *arena = c->house->arena;
	const char *owner = s->owners[at] ? s->owners[at] : "";
	const char *kept_owner = s->kept_owners[at] ? s->kept_owners[at] : "";
	bool there = at < (int64_t)s->kept_length;
	const char *is, *be;

	if (there && s->kept[at] == s->bytes[at] && str_equal(owner, kept_owner))
		return PROBLEM_NONE;
	is = arena_printf(arena, "%.*s%s", there, s->kept + at, kept_owner);
	be = arena_printf(arena, "%c%s", s->bytes[at], owner);
	filter_differ(
		c, &c->drift->seats_wrong, "seat %" PRId64 ": kept %s, should be %s", at, is, be);
	return add_mend(c, "p", str_int(arena, at), is, be);
}

static enum problem
compare_seats(struct filter_compare *c)
{
	struct arena *arena = c->house->arena;
	const struct redis_value *kept = filter_read_key(c, "GET", "seats");
	struct seats s = {
		.bytes = ARENA_ARRAY(arena, char, c->seats + 1),
		.owners = ARENA_ARRAY(arena, const char *, c->seats + 1),
		.kept = "",
		.kept_owners = ARENA_ARRAY(arena, const char *, c->seats + 1),
	};
	enum problem err;

	if (!kept)
		return PROBLEM_UNAVAILABLE;
	if (redis_kind(kept) == REDIS_TEXT)
		s.kept = redis_text(kept, &s.kept_length);
	err = filter_scan(c, "HSCAN", "owner", add_owner, &s);
	begin_batch(c, &c->drift->seats_wrong);
	expect_seats(c, &s);
	for (int64_t at = 0; !err && at < c->seats; at++)
		err = compare_seat(c, &s, at);
	return err ? err : filter_send(c, &script_mend, 1);
}

/* ---- deadlines ------------------------------------------------------------------------------- */

static enum problem
compare_deadline(struct filter_compare *c, const struct filter_kept *entry, const char *is)
{
	const char *be = entry->deadline_ms < 0 ? "" : str_int(c->house->arena, entry->deadline_ms);

	if (str_equal(is, be))
		return PROBLEM_NONE;
	filter_differ(c, &c->drift->deadlines_wrong, "deadline of %s: kept %s, should be %s",
		entry->booking_id, *is ? is : "none", *be ? be : "none");
	return add_mend(c, "d", entry->booking_id, is, be);
}

static enum problem
compare_deadlines(struct filter_compare *c)
{
	struct map kept;
	enum problem err;

	map_init(&kept, c->house->arena);
	err = filter_scan(c, "ZSCAN", "due", add_kept, &kept);
	begin_batch(c, &c->drift->deadlines_wrong);
	for (size_t i = 0; !err && i < c->kept.room; i++) {
		const struct filter_kept *entry = c->kept.slots[i].value;
		const char *is = entry ? map_get(&kept, entry->booking_id) : NULL;

		if (entry)
			err = compare_deadline(c, entry, is ? is : "");
	}
	for (size_t i = 0; !err && i < kept.room; i++) {
		if (!kept.slots[i].value || map_get(&c->kept, kept.slots[i].key))
			continue;
		filter_differ(c, &c->drift->deadlines_wrong,
			"deadline of %s: no such booking is kept", kept.slots[i].key);
		err = add_mend(c, "d", kept.slots[i].key, kept.slots[i].value, "");
	}
	return err ? err : filter_send(c, &script_mend, 1);
}

enum problem
filter_compare_parts(struct filter_compare *c)
{
	enum problem err = compare_seats(c);

	return err ? err : compare_deadlines(c);
}
