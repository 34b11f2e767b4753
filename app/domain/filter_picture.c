/*
 * The live picture of an event: out of the filter, or out of the claims where it is not to be had.
 *
 * A process remembers the pictures that it has read. Redis says whether the one of an event is
 * still the same: its version moves with every change, and its build with every rebuild. So a
 * picture that is asked for again and again costs no more than that word. What falls due moves
 * no version before somebody gives it back: until the first deadline no script has to look.
 *
 * Nothing is kept in Redis of an event that is over, so its picture always comes out of the claims,
 * and each ?since= is another answer to nginx. So a process remembers that one for a second too.
 */
#include "domain/filter_parts.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/str.h"
#include "domain/notice.h"
#include "queries.h"
#include "scripts.h"

#define REMEMBERED     64 /* a power of two; as many again for events that are over */
#define REMEMBERED_MAX ((size_t)4 * 1024 * 1024) /* bytes of all of them but the last */
#define TAG_BYTES      12
#define NEAR_MS        100     /* to a deadline, since the clock is reckoned */
#define STEADY_US      1000000 /* how long no script looks, and PostgreSQL's clock is reckoned */
#define CLAIMS_US      1000000 /* as nginx keeps what is not asked for by ?since= */

static struct remembered {
	struct arena *arena; /* NULL: nothing */
	int32_t event_id;
	const char *build;
	int64_t due_ms; /* the first deadline, -1: none */
	bool steady;    /* it was the same when it was last asked for */
	int64_t asked_us;
	struct filter_picture picture; /* as_of_ms: when it was asked for at asked_us */
} remembered[2 * REMEMBERED];

static size_t remembered_bytes;

/* ---- reading what Redis says ----------------------------------------------------------------- */

/* Adds the seats from first to last to what the section holds. */
static void
count_range(struct filter_section *section, const char *states, size_t seats, int64_t first,
	int64_t last)
{
	int64_t held = 0, sold = 0;

	for (int64_t i = first; i <= last && i < (int64_t)seats; i++) {
		held += (states[i] == 'h') | (states[i] == 'r');
		sold += states[i] == 'b';
	}
	section->held += held;
	section->sold += sold;
}

/* The value of a field in a flat list of fields and values. */
static int64_t
count_of(const struct redis_value *list, const char *kind, const char *section_id)
{
	for (size_t i = 0; i + 1 < redis_length(list); i += 2) {
		const char *name = redis_text(redis_at(list, i), NULL);

		if (strncmp(name, kind, 2) == 0 && strcmp(name + 2, section_id) == 0)
			return redis_int(redis_at(list, i + 1));
	}
	return 0;
}

/*
 * Redis may hear of who comes before it hears of who went, and for that moment count more than
 * there is.
 */
static int64_t
within(int64_t count, int64_t most)
{
	return count < 0 ? 0 : count < most ? count : most;
}

/* One line of :meta's sections: id|kind|capacity|ranges. False: not in that form. */
static bool
read_section(char *line, struct filter_section *section, const struct filter_picture *picture,
	const struct redis_value *counts)
{
	char *word[4];
	char *rest = line;

	for (size_t i = 0; i < ARRAY_LENGTH(word); i++) {
		word[i] = strsep(&rest, "|");
		if (!word[i])
			return false;
	}
	section->section_id = word[0];
	section->capacity = strtoll(word[2], NULL, 10);
	if (strcmp(word[1], "ga") == 0) {
		section->sold = within(count_of(counts, "b:", word[0]), section->capacity);
		section->held =
			within(count_of(counts, "h:", word[0]), section->capacity - section->sold);
		return true;
	}
	for (char *range = strsep(&word[3], ","); range && *range; range = strsep(&word[3], ",")) {
		char *end;
		int64_t first = strtoll(range, &end, 10);

		if (*end != '-' || first < 0)
			return false;
		count_range(section, picture->states, picture->seats, first,
			strtoll(end + 1, NULL, 10));
	}
	return true;
}

static bool
read_sections(struct filter_picture *picture, struct arena *arena, const char *sections,
	const struct redis_value *counts)
{
	char *lines = arena_strdup(arena, sections);

	picture->sections_count = *lines ? 1 : 0;
	for (const char *p = lines; *p; p++)
		picture->sections_count += *p == '\n';
	picture->sections = ARENA_ARRAY(arena, struct filter_section, picture->sections_count + 1);
	for (size_t i = 0; i < picture->sections_count; i++) {
		if (!read_section(strsep(&lines, "\n"), &picture->sections[i], picture, counts))
			return false;
	}
	return true;
}

/* shared|layout version|prices. False: not in that form. */
static bool
read_shown(struct filter_picture *picture, struct arena *arena, const char *shown)
{
	char *rest = arena_strdup(arena, shown);
	const char *shared = strsep(&rest, "|"), *layout = strsep(&rest, "|");

	picture->shared = str_equal(shared, "1");
	if (!rest || !str_to_int(layout, 1, INT32_MAX, &picture->layout_version))
		return false;
	for (size_t i = 0; i < picture->sections_count; i++) {
		const char *price = strsep(&rest, ",");

		if (!price || !str_to_int(price, 0, INT64_MAX, &picture->sections[i].price))
			return false;
	}
	return !rest || picture->sections_count == 0;
}

/* ---- remembering ----------------------------------------------------------------------------- */

static void
forget(struct remembered *r)
{
	if (!r->arena)
		return;
	remembered_bytes -= r->picture.seats;
	arena_free(r->arena);
	*r = (struct remembered){ 0 };
}

/* In place of what was there: an arena for the picture of this event. */
static void
begin(struct remembered *r, int32_t event_id, size_t seats)
{
	forget(r);
	remembered_bytes += seats;
	for (size_t i = 2 * REMEMBERED; i > 0 && remembered_bytes > REMEMBERED_MAX; i--)
		forget(&remembered[i - 1]);
	r->arena = arena_new();
	r->event_id = event_id;
	r->picture.seats = seats;
	r->picture.tag = ARENA_ARRAY(r->arena, char, 2 * TAG_BYTES + 1);
}

/* Whatever stands there instead of a picture, readers get a whole one from the claims. */
static bool
remember(struct remembered *r, int32_t event_id, const struct redis_value *reply)
{
	const char *build = redis_text(redis_at(reply, 3), NULL);
	const char *sections = redis_text(redis_at(reply, 6), NULL);
	const char *shown = redis_text(redis_at(reply, 7), NULL);
	struct filter_picture *picture = &r->picture;
	const char *states;
	size_t seats;

	forget(r);
	states = redis_text(redis_at(reply, 5), &seats);
	if (!build || !sections || !shown || strspn(states, "ahrbx") != seats)
		return false;
	begin(r, event_id, seats);
	r->build = arena_strdup(r->arena, build);
	r->due_ms = redis_int(redis_at(reply, 9));
	picture->from_filter = true;
	picture->version = redis_int(redis_at(reply, 1));
	picture->states = arena_copy(r->arena, states, seats);
	if (read_sections(picture, r->arena, sections, redis_at(reply, 8)) &&
		read_shown(picture, r->arena, shown))
		return true;
	forget(r);
	return false;
}

const char *
filter_picture_tag(const struct filter_picture *picture)
{
	unsigned char hash[ID_SHA256_BYTES];

	if (!*picture->tag) {
		id_sha256(picture->states, picture->seats, hash);
		id_hex(hash, TAG_BYTES, picture->tag);
	}
	return picture->tag;
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* Whether nothing has moved since the picture was last asked for, and nothing has fallen due. */
static bool
is_same(struct context *house, struct remembered *r, int64_t *as_of_ms)
{
	int64_t passed_us = clock_monotonic_us() - r->asked_us;
	const char *words[] = { "HMGET", NULL, "stamp", "build", "version" };
	const char *stamp = filter_stamp(house);
	const struct redis_value *meta;

	*as_of_ms = r->picture.as_of_ms + passed_us / 1000;
	if (!stamp || !r->steady || passed_us > STEADY_US ||
		(r->due_ms >= 0 && *as_of_ms + NEAR_MS >= r->due_ms))
		return false;
	words[1] = arena_printf(house->arena, "%s:meta", filter_prefix(house, r->event_id));
	meta = redis_command(house->redis, ARRAY_LENGTH(words), words, NULL, house->arena);
	r->steady = meta && redis_length(meta) == 3 &&
		    str_equal(redis_text(redis_at(meta, 0), NULL), stamp) &&
		    str_equal(redis_text(redis_at(meta, 1), NULL), r->build) &&
		    redis_int(redis_at(meta, 2)) == r->picture.version;
	return r->steady;
}

static const struct redis_value *
ask(struct context *house, int32_t event_id, int64_t after, const struct remembered *r)
{
	const char *stamp = filter_stamp(house);
	bool known = r->arena && r->event_id == event_id;
	const char *keys[] = { filter_prefix(house, event_id), NULL };
	const char *args[] = {
		stamp,
		known ? r->build : "",
		known ? str_int(house->arena, r->picture.version) : "",
		after >= 0 ? str_int(house->arena, after) : "",
		NULL,
	};
	const struct redis_value *reply =
		stamp ? redis_script(house->redis, &script_picture, keys, args, house->arena)
		      : NULL;

	return reply && redis_length(reply) > 0 ? reply : NULL;
}

/* The positions of the changes asked for. One that is none: all is said instead. */
static void
read_changes(struct filter_picture *out, struct arena *arena, const struct redis_value *list)
{
	int64_t *changed;

	if (redis_kind(list) != REDIS_LIST)
		return;
	out->changed_count = redis_length(list);
	out->changed = changed = ARENA_ARRAY(arena, int64_t, out->changed_count + 1);
	out->partial = true;
	for (size_t i = 0; i < out->changed_count; i++)
		out->partial &= str_to_int(redis_text(redis_at(list, i), NULL), 0,
			(int64_t)out->seats - 1, &changed[i]);
}

static bool
ask_whole(struct context *house, int32_t event_id, int64_t after, struct remembered *r,
	struct filter_picture *out, bool *missing)
{
	const struct redis_value *reply = ask(house, event_id, after, r);
	const char *said = reply ? redis_text(redis_at(reply, 0), NULL) : NULL;

	*missing = said && str_equal(said, "missing");
	if (!said || !str_equal(said, "ok"))
		return false;
	r->steady = redis_length(reply) == 5;
	if (!r->steady && !remember(r, event_id, reply))
		return false;
	r->asked_us = clock_monotonic_us();
	r->picture.as_of_ms = redis_int(redis_at(reply, 2));
	*out = r->picture;
	read_changes(out, house->arena, redis_at(reply, 4));
	/* What was due has been given back, or somebody who was to tell of a change has died. */
	notice_seen(house, event_id, out->version);
	return true;
}

static bool
read_kept(struct context *house, int32_t event_id, int64_t after, struct filter_picture *out,
	bool *missing)
{
	struct remembered *r = &remembered[(size_t)event_id & (REMEMBERED - 1)];
	int64_t as_of_ms;

	*missing = false;
	if (after >= 0 || !r->arena || r->event_id != event_id || !is_same(house, r, &as_of_ms))
		return ask_whole(house, event_id, after, r, out, missing);
	*out = r->picture;
	out->as_of_ms = as_of_ms;
	return true;
}

bool
filter_picture_kept(
	struct context *house, int32_t event_id, int64_t after, struct filter_picture *out)
{
	bool ignored;

	*out = (struct filter_picture){ 0 };
	return read_kept(house, event_id, after, out, &ignored);
}

/* ---- out of PostgreSQL ----------------------------------------------------------------------- */

static enum problem
read_claims(struct context *house, int32_t event_id, struct filter_picture *out)
{
	struct pg_rows rows, states;
	enum problem err;

	err = query_filter_counts(
		house->pg, house->arena, house->deadline_us, house->why, &rows, event_id);
	if (!err)
		err = query_filter_states(
			house->pg, house->arena, house->deadline_us, house->why, &states, event_id);
	if (err)
		return err;
	if (rows.count == 0)
		return PROBLEM_NOT_FOUND;
	*out = (struct filter_picture){
		.as_of_ms = pg_int(&rows, 0, FILTER_COUNTS_CLOCK_MS),
		.states = pg_text(&states, 0, FILTER_STATES_STATES),
		.tag = ARENA_ARRAY(house->arena, char, 2 * TAG_BYTES + 1),
		.sections = ARENA_ARRAY(house->arena, struct filter_section, rows.count),
		.sections_count = (size_t)rows.count,
	};
	out->version = out->as_of_ms * 1000 + 1;
	if (!out->states)
		out->states = "";
	out->seats = strlen(out->states);
	for (int i = 0; i < rows.count; i++) {
		out->sections[i] = (struct filter_section){
			.section_id = pg_text(&rows, i, FILTER_COUNTS_SECTION_ID),
			.capacity = pg_int(&rows, i, FILTER_COUNTS_CAPACITY),
			.held = pg_int(&rows, i, FILTER_COUNTS_HELD),
			.sold = pg_int(&rows, i, FILTER_COUNTS_SOLD),
		};
	}
	return PROBLEM_NONE;
}

static void
remember_claims(struct remembered *r, int32_t event_id, const struct filter_picture *read)
{
	struct filter_picture *picture = &r->picture;
	struct filter_section *sections;

	begin(r, event_id, read->seats);
	r->asked_us = clock_monotonic_us();
	picture->version = read->version;
	picture->as_of_ms = read->as_of_ms;
	picture->states = arena_copy(r->arena, read->states, read->seats);
	picture->sections_count = read->sections_count;
	picture->sections = sections =
		ARENA_ARRAY(r->arena, struct filter_section, read->sections_count);
	for (size_t i = 0; i < read->sections_count; i++) {
		sections[i] = read->sections[i];
		sections[i].section_id = arena_strdup(r->arena, sections[i].section_id);
	}
}

static enum problem
read_over(struct context *house, int32_t event_id, struct filter_picture *out)
{
	struct remembered *r = &remembered[REMEMBERED + ((size_t)event_id & (REMEMBERED - 1))];
	enum problem err;

	if (!r->arena || r->event_id != event_id ||
		clock_monotonic_us() - r->asked_us >= CLAIMS_US) {
		err = read_claims(house, event_id, out);
		if (err)
			return err;
		remember_claims(r, event_id, out);
	}
	*out = r->picture;
	return PROBLEM_NONE;
}

enum problem
filter_picture(struct context *house, int32_t event_id, struct filter_picture *out)
{
	bool missing;

	*out = (struct filter_picture){ 0 };
	if (read_kept(house, event_id, -1, out, &missing))
		return PROBLEM_NONE;
	if (missing)
		filter_want(event_id);
	return filter_is_over(event_id) ? read_over(house, event_id, out)
					: read_claims(house, event_id, out);
}
