/*
 * The seats of an event: live states, pages of seats, the map.
 */
#include "domain/cursor.h"
#include "domain/event.h"
#include "queries.h"

static const struct {
	char state;
	const char *word;
} statuses[] = {
	{ 'a', "available" },
	{ 'h', "held" },
	{ 'r', "reserved" },
	{ 'b', "booked" },
	{ 'x', "not_for_sale" },
};

const char *
event_seat_status(char state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(statuses); i++) {
		if (statuses[i].state == state)
			return statuses[i].word;
	}
	return "not_for_sale";
}

/* Of an event that everybody may see, all that the live answers are made of is in the filter. */
static void
take_kept(struct arena *arena, struct event_live *live)
{
	const struct filter_picture *picture = &live->picture;

	live->shared = true;
	live->layout_version = picture->layout_version;
	live->sections = picture->sections_count;
	live->places = picture->sections;
	live->section_ids = ARENA_ARRAY(arena, const char *, live->sections + 1);
	live->prices = ARENA_ARRAY(arena, int64_t, live->sections + 1);
	for (size_t i = 0; i < live->sections; i++) {
		live->section_ids[i] = picture->sections[i].section_id;
		live->prices[i] = picture->sections[i].price;
	}
}

/* Brings the sections of the picture into the order of the event. */
static void
take_places(struct arena *arena, struct event_live *live)
{
	const struct filter_picture *picture = &live->picture;
	struct filter_section *places =
		ARENA_ARRAY(arena, struct filter_section, live->sections + 1);

	for (size_t i = 0; i < live->sections; i++) {
		for (size_t p = 0; p < picture->sections_count; p++) {
			if (str_equal(picture->sections[p].section_id, live->section_ids[i]))
				places[i] = picture->sections[p];
		}
	}
	live->places = places;
}

enum problem
event_live(struct context *house, const struct event_caller *caller, int32_t event_id,
	int64_t after, struct event_live *out)
{
	bool kept = filter_picture_kept(house, event_id, after, &out->picture);
	struct pg_rows rows;
	const char **prices;
	enum problem err;

	if (kept && out->picture.shared) {
		take_kept(house->arena, out);
		return PROBLEM_NONE;
	}
	/* Who may see it, and whether there is one at all, PostgreSQL says. */
	err = query_event_brief(house->pg, house->arena, house->deadline_us, house->why, &rows,
		event_id, caller->user_id, caller->everything);
	if (!err && !kept)
		err = filter_picture(house, event_id, &out->picture);
	if (err)
		return err;
	out->shared = pg_bool(&rows, 0, EVENT_BRIEF_SHARED);
	out->layout_version = pg_int(&rows, 0, EVENT_BRIEF_LAYOUT_VERSION);
	out->sections = pg_array_read(
		house->arena, pg_text(&rows, 0, EVENT_BRIEF_SECTION_IDS), &out->section_ids);
	pg_array_read(house->arena, pg_text(&rows, 0, EVENT_BRIEF_PRICES), &prices);
	out->prices = ARENA_ARRAY(house->arena, int64_t, out->sections + 1);
	for (size_t i = 0; i < out->sections; i++) {
		if (!str_to_int(prices[i], 0, INT64_MAX, &out->prices[i]))
			return PROBLEM_INTERNAL;
	}
	take_places(house->arena, out);
	return PROBLEM_NONE;
}

/* Checks what is asked for; *state is the byte of the status, -1 for any, *after a position. */
static enum problem
read_wish(struct context *house, const struct event_live *live, const struct event_seats_wish *wish,
	const char *kind, int64_t *state, int64_t *after)
{
	enum problem problem = PROBLEM_NONE;
	bool known = !wish->section_id;
	const char *place;

	for (size_t i = 0; i < live->sections; i++)
		known = known || str_equal(live->section_ids[i], wish->section_id);
	if (!known)
		problem = problem_at(
			house->why, house->arena, "/section_id", "The event has no such section.");
	*state = -1;
	for (size_t i = 0; wish->status && i < ARRAY_LENGTH(statuses); i++) {
		if (str_equal(statuses[i].word, wish->status))
			*state = (unsigned char)statuses[i].state;
	}
	if (wish->status && *state < 0)
		problem = problem_at(house->why, house->arena, "/status",
			"The status is available, held, reserved, booked or not_for_sale.");
	*after = -1;
	if (wish->cursor) {
		place = cursor_read(house->arena, kind, wish->cursor);
		if (!place || !str_to_int(place, 0, INT32_MAX, after))
			problem = problem_at(house->why, house->arena, "/cursor",
				"This is no cursor of this list.");
	}
	return problem;
}

enum problem
event_seats(struct context *house, int32_t event_id, const struct event_live *live,
	const struct event_seats_wish *wish, struct event_seat **seats, size_t *count,
	const char **next)
{
	const char *kind = arena_printf(house->arena, "seats/%d", (int)event_id);
	struct pg_rows rows;
	int64_t state, after;
	enum problem err;
	int shown;

	err = read_wish(house, live, wish, kind, &state, &after);
	if (!err)
		err = query_event_seats(house->pg, house->arena, house->deadline_us, house->why,
			&rows, event_id, wish->section_id, after, live->picture.states,
			state < 0 ? NULL : &state, wish->limit + 1);
	if (err)
		return err;
	shown = rows.count <= wish->limit ? rows.count : (int)wish->limit;
	*seats = ARENA_ARRAY(house->arena, struct event_seat, shown + 1);
	for (int i = 0; i < shown; i++) {
		int64_t position = pg_int(&rows, i, EVENT_SEATS_POSITION);

		assert(position >= 0 && (size_t)position < live->picture.seats);
		(*seats)[i] = (struct event_seat){
			.seat_id = pg_text(&rows, i, EVENT_SEATS_SEAT_ID),
			.section_id = pg_text(&rows, i, EVENT_SEATS_SECTION_ID),
			.row = pg_text(&rows, i, EVENT_SEATS_ROW_LABEL),
			.number = pg_text(&rows, i, EVENT_SEATS_LABEL),
			.status = event_seat_status(live->picture.states[position]),
			.price = pg_int(&rows, i, EVENT_SEATS_PRICE),
		};
	}
	*count = (size_t)shown;
	*next = rows.count > shown ? cursor_make(house->arena, kind,
					     pg_text(&rows, shown - 1, EVENT_SEATS_POSITION))
				   : NULL;
	return PROBLEM_NONE;
}

enum problem
event_layout(struct context *house, const struct event_caller *caller, int32_t event_id,
	struct event_layout *out)
{
	struct pg_rows rows;
	enum problem err;

	err = query_event_layout(house->pg, house->arena, house->deadline_us, house->why, &rows,
		event_id, caller->user_id, caller->everything);
	if (err)
		return err;
	out->shared = pg_bool(&rows, 0, EVENT_LAYOUT_SHARED);
	out->tag = pg_text(&rows, 0, EVENT_LAYOUT_TAG);
	return PROBLEM_NONE;
}

enum problem
event_seatmap(struct context *house, const struct event_caller *caller, int32_t event_id,
	struct event_seatmap *out)
{
	enum problem err;

	err = query_event_seatmap(house->pg, house->arena, house->deadline_us, house->why,
		&out->pieces, event_id, caller->user_id, caller->everything);
	if (err)
		return err;
	out->event_id = event_id;
	out->layout.shared = pg_bool(&out->pieces, 0, EVENT_SEATMAP_SHARED);
	out->layout.tag = pg_text(&out->pieces, 0, EVENT_SEATMAP_TAG);
	out->layout_version = pg_int(&out->pieces, 0, EVENT_SEATMAP_LAYOUT_VERSION);
	return PROBLEM_NONE;
}

void
event_seatmap_write(struct str *out, const struct event_seatmap *map)
{
	const struct pg_rows *pieces = &map->pieces;
	size_t room = 128;

	for (int i = 0; i < pieces->count; i++) {
		const char *seats = pg_text(pieces, i, EVENT_SEATMAP_SEAT_ROW);

		room += strlen(pg_text(pieces, i, EVENT_SEATMAP_SECTION)) + 4;
		room += seats ? strlen(seats) : 0;
	}
	str_reserve(out, room);
	str_printf(out, "{\"event_id\":\"%d\",\"layout_version\":%lld,\"seats\":%s,\"sections\":[",
		(int)map->event_id, (long long)map->layout_version,
		pg_text(pieces, 0, EVENT_SEATMAP_SEATS));
	for (int i = 0; i < pieces->count; i++) {
		const char *seats = pg_text(pieces, i, EVENT_SEATMAP_SEAT_ROW);
		bool first = i == 0 || pg_int(pieces, i, EVENT_SEATMAP_SECTION_NO) !=
					       pg_int(pieces, i - 1, EVENT_SEATMAP_SECTION_NO);

		if (first) {
			str_add(out, i > 0 ? "]}," : "");
			str_add(out, pg_text(pieces, i, EVENT_SEATMAP_SECTION));
		}
		str_add(out, first ? "" : ",");
		str_add(out, seats ? seats : "");
	}
	str_add(out, "]}]}");
}
