/*
 * Venues.
 */
#include "domain/venue.h"

#include "base/map.h"
#include "domain/cursor.h"
#include "domain/event_input.h"
#include "queries.h"

#define NAME_MAX_CHARS 200
#define ADDRESS_MAX    500
#define TIMEZONE_MAX   64
#define LAYOUTS_MAX    20

struct input {
	const char *name, *address, *timezone;
	const struct json *layouts;
};

struct layout {
	const char *name;
	const struct json *sections;
};

static enum problem
write_layout(struct str *out, const struct json *json, const char *pointer, struct problem_why *why,
	struct map *names, int64_t *seats)
{
	static const struct json_field fields[] = {
		{ .name = "name",
			.kind = JSON_STRING,
			.required = true,
			.min = 1,
			.max = NAME_MAX_CHARS,
			.offset = offsetof(struct layout, name) },
		{ .name = "sections",
			.kind = JSON_ARRAY,
			.required = true,
			.offset = offsetof(struct layout, sections) },
		{ .name = NULL },
	};
	struct layout layout = { .name = NULL };
	enum problem err = json_read(json, fields, &layout, why, out->arena, pointer);

	if (err)
		return err;
	if (map_get(names, layout.name))
		return problem_at(why, out->arena, arena_printf(out->arena, "%s/name", pointer),
			"Another layout has this name.");
	map_set(names, layout.name, names);
	str_add(out, "{\"name\":");
	str_add_json(out, layout.name);
	str_add(out, ",\"sections\":");
	err = layout_write(out, layout.sections, LAYOUT_NEW,
		arena_printf(out->arena, "%s/sections", pointer), why, seats);
	str_add_char(out, '}');
	return err;
}

static enum problem
write_layouts(struct str *out, const struct json *layouts, struct problem_why *why)
{
	enum problem problem = PROBLEM_NONE;
	struct map names;
	int64_t seats = 0;

	map_init(&names, out->arena);
	str_add(out, ",\"layouts\":[");
	for (size_t i = 0; i < json_length(layouts); i++) {
		enum problem err;

		if (i > 0)
			str_add_char(out, ',');
		err = write_layout(out, json_at(layouts, i),
			arena_printf(out->arena, "/layouts/%zu", i), why, &names, &seats);
		if (err)
			problem = err;
	}
	str_add_char(out, ']');
	return problem;
}

enum problem
venue_input_read(
	struct arena *arena, const struct json *body, struct problem_why *why, const char **json)
{
	static const struct json_field fields[] = {
		{ .name = "name",
			.kind = JSON_STRING,
			.required = true,
			.min = 1,
			.max = NAME_MAX_CHARS,
			.offset = offsetof(struct input, name) },
		{ .name = "address",
			.kind = JSON_STRING,
			.min = 0,
			.max = ADDRESS_MAX,
			.offset = offsetof(struct input, address) },
		{ .name = "timezone",
			.kind = JSON_STRING,
			.min = 1,
			.max = TIMEZONE_MAX,
			.offset = offsetof(struct input, timezone) },
		{ .name = "layouts",
			.kind = JSON_ARRAY,
			.min = 0,
			.max = LAYOUTS_MAX,
			.offset = offsetof(struct input, layouts) },
		{ .name = NULL },
	};
	struct input in = { .name = NULL };
	enum problem problem = json_read(body, fields, &in, why, arena, "");
	struct str out;

	if (problem)
		return problem;
	if (!layout_is_line(in.name))
		problem = problem_at(
			why, arena, "/name", "The text must not have control characters.");
	if (in.timezone && !layout_is_line(in.timezone))
		problem = problem_at(
			why, arena, "/timezone", "The text must not have control characters.");
	str_init(&out, arena);
	str_add(&out, "{\"name\":");
	str_add_json(&out, in.name);
	if (in.address) {
		str_add(&out, ",\"address\":");
		str_add_json(&out, in.address);
	}
	if (in.timezone) {
		str_add(&out, ",\"timezone\":");
		str_add_json(&out, in.timezone);
	}
	if (in.layouts && write_layouts(&out, in.layouts, why))
		problem = PROBLEM_INVALID;
	str_add_char(&out, '}');
	if (!problem)
		*json = out.data;
	return problem;
}

enum problem
venue_create(struct context *house, const struct event_caller *caller,
	const struct context_key *key, const struct json *body, struct venue_answer *out)
{
	const char *json;
	struct pg_rows rows;
	enum problem err = venue_input_read(house->arena, body, house->why, &json);

	if (err)
		return err;
	err = query_venue_create(house->pg, house->arena, house->deadline_us, house->why, &rows,
		caller->user_id, key->key, key->fingerprint, false, json);
	/* With a key the same call can find out what became of the first. */
	if (err == PROBLEM_UNKNOWN_OUTCOME && key->key)
		err = query_venue_create(house->pg, house->arena, house->deadline_us, house->why,
			&rows, caller->user_id, key->key, key->fingerprint, true, json);
	if (err)
		return event_refused(err, house->why, house->arena);
	*out = (struct venue_answer){
		.replayed = pg_bool(&rows, 0, VENUE_CREATE_REPLAYED),
		.venue_id = pg_text(&rows, 0, VENUE_CREATE_ID),
		.body = pg_text(&rows, 0, VENUE_CREATE_BODY),
	};
	return PROBLEM_NONE;
}

enum problem
venue_list(struct context *house, const struct event_caller *caller, const char *cursor,
	int64_t limit, const char ***bodies, size_t *count, const char **next)
{
	struct pg_rows rows;
	int64_t after = 0;
	enum problem err;
	int shown;

	if (cursor) {
		const char *place = cursor_read(house->arena, "venues", cursor);

		if (!place || !str_to_int(place, 1, INT32_MAX, &after))
			return problem_at(house->why, house->arena, "/cursor",
				"This is no cursor of this list.");
	}
	err = query_venue_list(house->pg, house->arena, house->deadline_us, house->why, &rows,
		caller->user_id, caller->everything, after, limit + 1);
	if (err)
		return err;
	shown = rows.count <= limit ? rows.count : (int)limit;
	*bodies = ARENA_ARRAY(house->arena, const char *, shown + 1);
	for (int i = 0; i < shown; i++)
		(*bodies)[i] = pg_text(&rows, i, VENUE_LIST_BODY);
	*count = (size_t)shown;
	*next = rows.count > shown ? cursor_make(house->arena, "venues",
					     pg_text(&rows, shown - 1, VENUE_LIST_VENUE_ID))
				   : NULL;
	return PROBLEM_NONE;
}
