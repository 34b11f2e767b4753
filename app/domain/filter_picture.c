/*
 * The live picture of an event: out of the filter, or out of the claims where it is not to be had.
 */
#include "domain/filter_parts.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/str.h"
#include "domain/notice.h"
#include "queries.h"
#include "scripts.h"

/* Adds the seats from first to last to what the section holds. */
static void
count_range(struct filter_section *section, const char *states, size_t seats, int64_t first,
	int64_t last)
{
	for (int64_t i = first; i <= last && i < (int64_t)seats; i++) {
		if (states[i] == 'h' || states[i] == 'r')
			section->held++;
		else if (states[i] == 'b')
			section->sold++;
	}
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

/* One line of :meta's sections: id|kind|capacity|ranges. False: not in that form. */
static bool
read_section(char *line, struct filter_section *section, struct filter_picture *out,
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
		section->held = count_of(counts, "h:", word[0]);
		section->sold = count_of(counts, "b:", word[0]);
		return true;
	}
	for (char *range = strsep(&word[3], ","); range && *range; range = strsep(&word[3], ",")) {
		char *end;
		int64_t first = strtoll(range, &end, 10);

		if (*end != '-' || first < 0)
			return false;
		count_range(section, out->states, out->seats, first, strtoll(end + 1, NULL, 10));
	}
	return true;
}

static bool
read_filter(struct context *house, int32_t event_id, struct filter_picture *out)
{
	const char *stamp = filter_stamp(house);
	const char *keys[] = { filter_prefix(house, event_id), NULL };
	const char *args[] = { stamp, NULL };
	const struct redis_value *reply;
	const char *said, *sections;
	char *lines;

	if (!stamp)
		return false;
	reply = redis_script(house->redis, &script_picture, keys, args, house->arena);
	said = reply && redis_kind(reply) == REDIS_LIST ? redis_text(redis_at(reply, 0), NULL)
							: NULL;
	if (!said || strcmp(said, "ok") != 0) {
		if (said && strcmp(said, "missing") == 0)
			filter_want(event_id);
		return false;
	}
	out->from_filter = true;
	out->version = redis_int(redis_at(reply, 1));
	/* What was due has been given back, or somebody who was to tell of a change has died. */
	notice_seen(house, event_id, out->version);
	out->as_of_ms = redis_int(redis_at(reply, 2));
	out->states = redis_text(redis_at(reply, 3), &out->seats);
	sections = redis_text(redis_at(reply, 4), NULL);
	/* Whatever stands there instead of a picture, readers get a whole one from the claims. */
	if (!sections || strspn(out->states, "ahrbx") != out->seats)
		return false;
	lines = arena_strdup(house->arena, sections);
	out->sections_count = *lines ? 1 : 0;
	for (const char *p = lines; *p; p++)
		out->sections_count += *p == '\n';
	out->sections = ARENA_ARRAY(house->arena, struct filter_section, out->sections_count + 1);
	for (size_t i = 0; i < out->sections_count; i++) {
		if (!read_section(strsep(&lines, "\n"), &out->sections[i], out, redis_at(reply, 5)))
			return false;
	}
	return true;
}

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
		.sections = ARENA_ARRAY(house->arena, struct filter_section, rows.count),
		.sections_count = (size_t)rows.count,
	};
	out->version = out->as_of_ms * 1000;
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

enum problem
filter_picture(struct context *house, int32_t event_id, struct filter_picture *out)
{
	*out = (struct filter_picture){ 0 };
	if (read_filter(house, event_id, out))
		return PROBLEM_NONE;
	return read_claims(house, event_id, out);
}
