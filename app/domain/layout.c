/*
 * Checks sections and rows of seats, and writes them out for the database.
 */
#include "domain/layout.h"

#include "base/map.h"

#define SECTION_ID_MAX 64
#define NAME_MAX_CHARS 100
#define ROW_MAX_CHARS  20
#define ROW_SEATS_MAX  1000
#define SEAT_ID_MAX    100
#define CAPACITY_MAX   1000000

struct section {
	const char *name;
	const char *section_id;
	const char *kind;
	const struct json *rows;
	int64_t capacity, base_price, price;
	bool has_capacity, has_base_price, has_price;
};

/* One call of layout_write(). */
struct writing {
	struct str *out;
	enum layout_use use;
	struct problem_why *why;
	struct arena *arena;
	int64_t seats; /* so far */
};

bool
layout_is_line(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	}
	return true;
}

static enum problem
refuse(struct writing *w, const char *pointer, const char *member, const char *detail)
{
	return problem_at(
		w->why, w->arena, arena_printf(w->arena, "%s%s", pointer, member), "%s", detail);
}

static bool
is_id_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

static bool
is_section_id(const char *text)
{
	size_t len = 0;

	while (is_id_char(text[len]))
		len++;
	return !text[len] && len >= 1 && len <= SECTION_ID_MAX;
}

/* The name with each other character replaced by `-`. */
static const char *
id_of_name(struct arena *arena, const char *name)
{
	struct str id;

	str_init(&id, arena);
	for (; *name; name++) {
		if (((unsigned char)*name & 0xc0) != 0x80)
			str_add_char(&id, is_id_char(*name) ? *name : '-');
	}
	return id.data;
}

/* The seats of one row as a list of ids. */
static enum problem
write_seat_ids(struct writing *w, const struct json *ids, const char *pointer)
{
	size_t count = json_length(ids);

	if (count < 1 || count > ROW_SEATS_MAX)
		return refuse(w, pointer, "/seats", "A row has 1 to 1000 seats.");
	str_add(w->out, "[");
	for (size_t i = 0; i < count; i++) {
		const struct json *id = json_at(ids, i);
		const char *text = NULL;

		if (json_kind(id) == JSON_INT)
			text = arena_printf(w->arena, "%lld", (long long)json_int(id));
		else if (json_kind(id) == JSON_STRING)
			text = json_string(id);
		/* Bytes are at least as many as characters, and ids of so many bytes are rare. */
		if (!text || !*text || strlen(text) > SEAT_ID_MAX || !layout_is_line(text))
			return refuse(w, pointer, arena_printf(w->arena, "/seats/%zu", i),
				"A seat's id has 1 to 100 bytes without control characters.");
		if (i > 0)
			str_add_char(w->out, ',');
		str_add_json(w->out, text);
	}
	str_add_char(w->out, ']');
	w->seats += (int64_t)count;
	return PROBLEM_NONE;
}

struct row {
	const char *row;
	const struct json *seat_ids;
	int64_t row_number, seats, price;
	bool has_number, has_price;
};

/* Reads a row, whose label is text or a number, and whose seats are a count or a list. */
static enum problem
read_row(struct writing *w, const struct json *json, const char *pointer, struct row *out)
{
	struct json_field fields[] = {
		{ .name = "row",
			.kind = JSON_STRING,
			.required = true,
			.min = 1,
			.max = ROW_MAX_CHARS,
			.offset = offsetof(struct row, row) },
		{ .name = "seats",
			.kind = JSON_INT,
			.required = true,
			.min = 1,
			.max = ROW_SEATS_MAX,
			.offset = offsetof(struct row, seats) },
		{ .name = "price",
			.kind = JSON_INT,
			.min = 0,
			.max = LAYOUT_PRICE_MAX,
			.offset = offsetof(struct row, price),
			.present_offset = offsetof(struct row, has_price) },
		{ .name = NULL },
	};
	const struct json *label, *seats;
	enum problem err;

	if (json_kind(json) != JSON_OBJECT)
		return refuse(w, pointer, "", "A row is an object {row, seats}.");
	label = json_get(json, "row");
	if (label && json_kind(label) == JSON_INT) {
		fields[0] = (struct json_field){ .name = "row",
			.kind = JSON_INT,
			.min = 0,
			.max = 1000000,
			.offset = offsetof(struct row, row_number),
			.present_offset = offsetof(struct row, has_number) };
	}
	seats = json_get(json, "seats");
	if (seats && json_kind(seats) == JSON_ARRAY) {
		fields[1] = (struct json_field){ .name = "seats",
			.kind = JSON_ARRAY,
			.offset = offsetof(struct row, seat_ids) };
	}
	err = json_read(json, fields, out, w->why, w->arena, pointer);
	if (err)
		return err;
	if (out->has_number)
		out->row = arena_printf(w->arena, "%lld", (long long)out->row_number);
	return layout_is_line(out->row)
		       ? PROBLEM_NONE
		       : refuse(w, pointer, "/row", "A row's name has no control characters.");
}

static enum problem
write_row(struct writing *w, const struct json *json, const char *pointer, struct map *labels)
{
	struct row row = { .row = NULL };
	enum problem err = read_row(w, json, pointer, &row);

	if (err)
		return err;
	if (map_get(labels, row.row))
		return refuse(w, pointer, "/row", "The section has another row of this name.");
	map_set(labels, row.row, labels);
	str_add(w->out, "{\"row\":");
	str_add_json(w->out, row.row);
	str_add(w->out, ",\"seats\":");
	if (row.seat_ids) {
		err = write_seat_ids(w, row.seat_ids, pointer);
	} else {
		str_add_int(w->out, row.seats);
		w->seats += row.seats;
	}
	if (row.has_price) {
		str_add(w->out, ",\"price\":");
		str_add_int(w->out, row.price);
	}
	str_add_char(w->out, '}');
	return err;
}

/* The rows of a section, and its capacity, which is the number of their seats. */
static enum problem
write_rows(struct writing *w, const struct section *section, const char *pointer)
{
	int64_t before = w->seats;
	struct map labels;

	if (json_length(section->rows) < 1)
		return refuse(w, pointer, "/rows", "A seated section has at least one row.");
	map_init(&labels, w->arena);
	str_add(w->out, ",\"rows\":[");
	/* The first row that is wrong is enough: there may be thousands like it. */
	for (size_t i = 0; i < json_length(section->rows); i++) {
		const char *at = arena_printf(w->arena, "%s/rows/%zu", pointer, i);
		enum problem err;

		if (i > 0)
			str_add_char(w->out, ',');
		err = write_row(w, json_at(section->rows, i), at, &labels);
		if (err)
			return err;
	}
	str_add(w->out, "],\"capacity\":");
	str_add_int(w->out, w->seats - before);
	if (section->has_capacity && section->capacity != w->seats - before)
		return refuse(w, pointer, "/capacity",
			"The capacity of a seated section is the number of its seats.");
	return PROBLEM_NONE;
}

static enum problem
read_section(struct writing *w, const struct json *json, const char *pointer, struct section *out)
{
	const struct json_field fields[] = {
		{ .name = "name",
			.kind = JSON_STRING,
			.required = w->use == LAYOUT_NEW,
			.min = 1,
			.max = NAME_MAX_CHARS,
			.offset = offsetof(struct section, name) },
		{ .name = "section_id",
			.kind = JSON_STRING,
			.offset = offsetof(struct section, section_id) },
		{ .name = "kind", .kind = JSON_STRING, .offset = offsetof(struct section, kind) },
		{ .name = "rows", .kind = JSON_ARRAY, .offset = offsetof(struct section, rows) },
		{ .name = "capacity",
			.kind = JSON_INT,
			.min = w->use == LAYOUT_NEW ? 1 : 0,
			.max = CAPACITY_MAX,
			.offset = offsetof(struct section, capacity),
			.present_offset = offsetof(struct section, has_capacity) },
		{ .name = "base_price",
			.kind = JSON_INT,
			.min = 0,
			.max = LAYOUT_PRICE_MAX,
			.offset = offsetof(struct section, base_price),
			.present_offset = offsetof(struct section, has_base_price) },
		{ .name = w->use == LAYOUT_CHANGES ? "price" : NULL,
			.kind = JSON_INT,
			.min = 0,
			.max = LAYOUT_PRICE_MAX,
			.offset = offsetof(struct section, price),
			.present_offset = offsetof(struct section, has_price) },
		{ .name = NULL },
	};
	enum problem err = json_read(json, fields, out, w->why, w->arena, pointer);

	if (err)
		return err;
	if (out->name && !layout_is_line(out->name))
		return refuse(w, pointer, "/name", "A name has no control characters.");
	if (out->section_id && !is_section_id(out->section_id))
		return refuse(w, pointer, "/section_id",
			"A section's id has 1 to 64 letters of A-Z, a-z, 0-9, _ and -.");
	if (!out->section_id && !out->name)
		return refuse(
			w, pointer, "/section_id", "A section is named by its id or its name.");
	if (!out->section_id) {
		out->section_id = id_of_name(w->arena, out->name);
		if (!is_section_id(out->section_id))
			return refuse(w, pointer, "/name",
				"The name is too long to make the section's id of it: give a "
				"section_id.");
	}
	return PROBLEM_NONE;
}

/* The kind, where nothing is said: seated with rows. */
static enum problem
judge_kind(struct writing *w, struct section *section, const char *pointer)
{
	if (section->kind && strcmp(section->kind, "ga") != 0 &&
		strcmp(section->kind, "seated") != 0)
		return refuse(w, pointer, "/kind", "The kind is ga or seated.");
	if (section->rows && section->kind && strcmp(section->kind, "ga") == 0)
		return refuse(w, pointer, "/rows", "A section of general admission has no rows.");
	if (!section->kind && section->rows)
		section->kind = "seated";
	if (w->use == LAYOUT_CHANGES)
		return PROBLEM_NONE;
	if (!section->kind)
		section->kind = "ga";
	if (strcmp(section->kind, "seated") == 0 && !section->rows)
		return refuse(w, pointer, "/rows", "A seated section needs rows.");
	if (!section->rows && !section->has_capacity)
		return refuse(w, pointer, "/capacity", "The field is required.");
	return PROBLEM_NONE;
}

static enum problem
write_section(struct writing *w, const struct json *json, const char *pointer, struct map *ids)
{
	struct section section = { .name = NULL };
	enum problem err = read_section(w, json, pointer, &section);

	if (!err)
		err = judge_kind(w, &section, pointer);
	if (err)
		return err;
	if (map_get(ids, section.section_id))
		return refuse(w, pointer, "/section_id",
			"Another section has this id (made of its name where none is given).");
	map_set(ids, section.section_id, ids);
	str_add(w->out, "{\"section_id\":");
	str_add_json(w->out, section.section_id);
	if (section.name) {
		str_add(w->out, ",\"name\":");
		str_add_json(w->out, section.name);
	}
	if (section.kind) {
		str_add(w->out, ",\"kind\":");
		str_add_json(w->out, section.kind);
	}
	if (section.has_base_price || w->use == LAYOUT_NEW)
		str_printf(w->out, ",\"base_price\":%lld", (long long)section.base_price);
	if (section.has_price)
		str_printf(w->out, ",\"price\":%lld", (long long)section.price);
	if (section.rows)
		err = write_rows(w, &section, pointer);
	else if (section.has_capacity)
		str_printf(w->out, ",\"capacity\":%lld", (long long)section.capacity);
	str_add_char(w->out, '}');
	return err;
}

enum problem
layout_write(struct str *out, const struct json *sections, enum layout_use use, const char *pointer,
	struct problem_why *why, int64_t *seats)
{
	struct writing w = { .out = out, .use = use, .why = why, .arena = out->arena };
	size_t count = json_length(sections);
	enum problem problem = PROBLEM_NONE;
	struct map ids;

	if ((count < 1 && use == LAYOUT_NEW) || count > LAYOUT_SECTIONS_MAX)
		return refuse(&w, pointer, "", "There must be 1 to 200 sections.");
	map_init(&ids, w.arena);
	str_add_char(out, '[');
	for (size_t i = 0; i < count; i++) {
		const char *at = arena_printf(w.arena, "%s/%zu", pointer, i);
		enum problem err;

		if (i > 0)
			str_add_char(out, ',');
		err = write_section(&w, json_at(sections, i), at, &ids);
		if (err)
			problem = err;
	}
	str_add_char(out, ']');
	*seats += w.seats;
	if (!problem && *seats > LAYOUT_SEATS_MAX)
		return refuse(&w, pointer, "", "There can be at most 100000 seats in one call.");
	return problem;
}
