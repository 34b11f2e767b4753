/*
 * Making an event as the scenario wants it, finding one that will do, and reading its layout.
 */
#include "load/stage.h"

#include "base/id.h"
#include "load/record.h"

#define TITLE     "holdfast-loadgen: "
#define DATE      "2999-01-01" /* behind all others in the catalogue */
#define PAGES_MAX 10

/* ---- making ---------------------------------------------------------------------------------- */

/* How many there are where so many buyers come. */
static int64_t
size_of(const struct scenario_size *size, int64_t buyers)
{
	return size->buyers ? buyers : size->number;
}

static void
add_section(struct str *out, const struct scenario *scenario,
	const struct scenario_section *section, int64_t buyers)
{
	int64_t rows = size_of(&section->rows, buyers), seats = size_of(&section->seats, buyers);
	int64_t times = scenario->scale ? buyers : scenario->buyers;
	int64_t all = (section->seated ? rows : 1) * seats * times / scenario->buyers;

	str_printf(out, "{\"name\":\"%s\",\"base_price\":1500,", section->name);
	if (all < 1)
		all = 1;
	if (!section->seated) {
		str_printf(out, "\"capacity\":%lld}", (long long)all);
		return;
	}
	str_add(out, "\"kind\":\"seated\",\"rows\":[");
	for (int64_t row = 1; all > 0; row++, all -= seats)
		str_printf(out, "%s{\"row\":\"%lld\",\"seats\":%lld}", row > 1 ? "," : "",
			(long long)row, (long long)(all < seats ? all : seats));
	str_add(out, "]}");
}

static const char *
event_body(struct arena *arena, const struct scenario *scenario, int64_t buyers)
{
	struct str out;

	str_init(&out, arena);
	str_printf(&out, "{\"title\":\"" TITLE "%s\",\"event_date\":\"" DATE "\",", scenario->name);
	if (scenario->hold_seconds > 0)
		str_printf(&out, "\"hold_seconds\":%lld,", (long long)scenario->hold_seconds);
	str_printf(&out, "\"max_seats_per_booking\":%d,\"sections\":[", SCENARIO_PLACES_MAX);
	for (size_t i = 0; i < scenario->sections_count; i++) {
		if (i > 0)
			str_add_char(&out, ',');
		add_section(&out, scenario, &scenario->sections[i], buyers);
	}
	str_add(&out, "]}");
	return out.data;
}

/* ---- reading --------------------------------------------------------------------------------- */

static const char *
read_sections(struct stage *stage, struct arena *arena, const struct json *event)
{
	const struct json *sections = ask_list(event, "sections");
	const char *id = ask_id(event, "event_id"), *title = ask_text(event, "title");

	*stage = (struct stage){ .hold_ms = 1000 * ask_int(event, "hold_seconds", 0),
		.most = ask_int(event, "max_seats_per_booking", 1) };
	if (!id || !sections || stage->hold_ms <= 0)
		return "the event's description cannot be read";
	stage->event_id = arena_strdup(arena, id);
	stage->title = arena_strdup(arena, title ? title : "");
	stage->sections_count = json_length(sections);
	stage->sections = ARENA_ARRAY(arena, struct stage_section, stage->sections_count);
	for (size_t i = 0; i < stage->sections_count; i++) {
		const struct json *section = json_at(sections, i);
		const char *name, *kind;

		if (json_kind(section) != JSON_OBJECT)
			return "the event's sections cannot be read";
		name = ask_id(section, "section_id");
		kind = ask_text(section, "kind");
		stage->sections[i].capacity = ask_int(section, "capacity", -1);
		if (!name || !kind || stage->sections[i].capacity < 0)
			return "the event's sections cannot be read";
		stage->sections[i].id = arena_strdup(arena, name);
		stage->sections[i].seated = str_equal(kind, "seated");
		stage->capacity += stage->sections[i].capacity;
	}
	return NULL;
}

/* The seats of one row; false: they cannot be read. */
static bool
read_row(struct stage *stage, struct arena *arena, struct stage_section *section,
	const struct json *row, int32_t number)
{
	const struct json *seats = json_kind(row) == JSON_OBJECT ? ask_list(row, "seats") : NULL;

	for (size_t i = 0; seats && i < json_length(seats); i++) {
		const struct json *seat = json_at(seats, i);
		const char *id = json_kind(seat) == JSON_OBJECT ? ask_id(seat, "seat_id") : NULL;
		int64_t at = id ? ask_int(seat, "position", -1) : -1;

		if (at < 0 || (size_t)at >= stage->seats_count || stage->seats[at].id)
			return false;
		stage->seats[at] = (struct stage_seat){ arena_strdup(arena, id), number };
		if (section->count++ == 0)
			section->first = (size_t)at;
	}
	return seats != NULL;
}

static const char *
read_layout(struct stage *stage, struct ask *ask, struct arena *arena)
{
	const char *path = arena_printf(arena, "/events/%s/seatmap", stage->event_id), *wrong;
	const struct json *map = ask_json(ask, "GET", path, NULL, 200, &wrong);
	const struct json *sections = ask_list(map, "sections");
	int64_t count = ask_int(map, "seats", -1);
	int32_t row = 0;

	if (!map)
		return wrong;
	if (!sections || count < 0 || count > 10000000)
		return "the layout of the seats cannot be read";
	stage->seats_count = (size_t)count;
	stage->seats = ARENA_ARRAY(arena, struct stage_seat, count);
	for (size_t i = 0; i < json_length(sections); i++) {
		const struct json *one = json_at(sections, i);
		const char *id = json_kind(one) == JSON_OBJECT ? ask_id(one, "section_id") : NULL;
		const struct json *rows = id ? ask_list(one, "rows") : NULL;
		struct stage_section *section = id ? stage_section(stage, id) : NULL;

		for (size_t n = 0; section && rows && n < json_length(rows); n++) {
			if (!read_row(stage, arena, section, json_at(rows, n), row++))
				return "the layout of the seats cannot be read";
		}
	}
	return NULL;
}

static const char *
read_event(struct stage *stage, struct ask *ask, struct arena *arena, const struct json *event)
{
	const char *wrong = read_sections(stage, arena, event);
	bool seated = false;

	for (size_t i = 0; !wrong && i < stage->sections_count; i++)
		seated |= stage->sections[i].seated;
	return wrong || !seated ? wrong : read_layout(stage, ask, arena);
}

struct stage_section *
stage_section(const struct stage *stage, const char *name)
{
	for (size_t i = 0; i < stage->sections_count; i++) {
		if (str_equal(stage->sections[i].id, name))
			return &stage->sections[i];
	}
	return NULL;
}

const char *
stage_make(struct stage *stage, struct ask *ask, struct arena *arena,
	const struct scenario *scenario, int64_t buyers)
{
	unsigned char random[16];
	char key[2 * sizeof(random) + 1];
	const struct json *event;
	const char *wrong;

	/* One event, even if the answer to the first try is lost. */
	id_random(random, sizeof(random));
	id_hex(random, sizeof(random), key);
	ask->key = key;
	event = ask_json(
		ask, "POST", "/admin/events", event_body(arena, scenario, buyers), 201, &wrong);
	ask->key = NULL;
	return event ? read_event(stage, ask, arena, event) : wrong;
}

/* ---- finding --------------------------------------------------------------------------------- */

static bool
is_on_sale(const struct json *event)
{
	const char *status = ask_text(event, "status");
	const char *start = ask_text(event, "sales_start"), *end = ask_text(event, "sales_end");
	int64_t now_us = 1000000 * (int64_t)time(NULL), start_us, end_us;

	return status && str_equal(status, "on_sale") && start && end &&
	       record_time(start, &start_us) && record_time(end, &end_us) && start_us <= now_us &&
	       end_us > now_us;
}

/* How many places of the kind wanted can be had; 0: this event will not do. */
static int64_t
places_left(const struct json *event, bool seated)
{
	const char *queue = ask_text(event, "queue");
	const char *title = ask_text(event, "title"), *payment = ask_text(event, "payment");
	const struct json *sections = ask_list(event, "sections");
	int64_t left = 0;

	if (!is_on_sale(event) || !queue || !str_equal(queue, "off") || !payment ||
		!str_equal(payment, "none") || !title || str_starts(title, TITLE))
		return 0;
	for (size_t i = 0; sections && i < json_length(sections); i++) {
		const struct json *section = json_at(sections, i);
		const char *kind =
			json_kind(section) == JSON_OBJECT ? ask_text(section, "kind") : NULL;

		if (kind && str_equal(kind, seated ? "seated" : "ga"))
			left += ask_int(section, "available", 0);
	}
	return left;
}

const char *
stage_find(
	struct stage *stage, struct ask *ask, struct arena *arena, const struct scenario *scenario)
{
	bool seated = scenario_wants_seats(scenario);
	const char *path = "/events?limit=100", *wrong = NULL, *cursor;
	const struct json *best = NULL, *page;
	int64_t most = 0;

	for (int i = 0; path && i < PAGES_MAX; i++) {
		const struct json *items;

		page = ask_json(ask, "GET", path, NULL, 200, &wrong);
		if (!page)
			return wrong;
		items = ask_list(page, "items");
		for (size_t n = 0; items && n < json_length(items); n++) {
			const struct json *event = json_at(items, n);
			int64_t left =
				json_kind(event) == JSON_OBJECT ? places_left(event, seated) : 0;

			if (left > most) {
				most = left;
				best = event;
			}
		}
		cursor = ask_id(page, "next_cursor");
		path = cursor ? arena_printf(arena, "/events?limit=100&cursor=%s", cursor) : NULL;
	}
	if (!best)
		return seated ? "no event on sale has numbered seats left"
			      : "no event on sale has places of general admission left";
	return read_event(stage, ask, arena, best);
}

const char *
stage_look(const struct stage *stage, struct ask *ask, int64_t *sold, int64_t *unsold)
{
	const char *wrong;
	const struct json *answer = ask_json(ask, "GET",
		arena_printf(ask->arena, "/events/%s/availability", stage->event_id), NULL, 200,
		&wrong);
	const struct json *sections = ask_list(answer, "sections");
	int64_t all_sold = 0, all = 0;

	if (!answer)
		return wrong;
	if (!sections)
		return "what is left cannot be read";
	for (size_t i = 0; i < json_length(sections); i++) {
		const struct json *section = json_at(sections, i);

		if (json_kind(section) != JSON_OBJECT)
			return "what is left cannot be read";
		all_sold += ask_int(section, "sold", 0);
		all += ask_int(section, "capacity", 0);
	}
	*sold = all_sold;
	*unsold = all - all_sold;
	return NULL;
}
