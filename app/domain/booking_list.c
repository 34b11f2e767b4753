/*
 * Reading bookings, and telling where in a request its unknown places stood.
 */
#include "domain/booking.h"

#include <inttypes.h>

#include "base/id.h"
#include "base/json.h"
#include "domain/cursor.h"
#include "queries.h"

enum problem
booking_get(struct context *house, const struct booking_name *name, struct booking *out)
{
	struct pg_rows rows;
	int32_t event_id;
	enum problem err;

	if (!id_booking_event(name->booking_id, &event_id))
		return PROBLEM_NOT_FOUND;
	err = query_booking_get(house->pg, house->arena, house->deadline_us, house->why, &rows,
		event_id, name->booking_id, name->user_id);
	if (!err)
		booking_read(house->arena, &rows, 0, out);
	return err;
}

enum problem
booking_list(struct context *house, const struct booking_page *page, struct booking **bookings,
	size_t *count, const char **next)
{
	const char *before_id = NULL;
	int64_t event_id = page->event_id ? *page->event_id : 0, before = 0;
	struct pg_rows rows;
	int32_t ignored;
	enum problem err;

	if (page->cursor &&
		(!cursor_read_row(house->arena, "bookings", page->cursor, &before, &before_id) ||
			!id_booking_event(before_id, &ignored)))
		return problem_at(
			house->why, house->arena, "/cursor", "This is no cursor of this list.");
	err = query_booking_list(house->pg, house->arena, house->deadline_us, house->why, &rows,
		page->user_id, page->status, page->event_id ? &event_id : NULL,
		before_id ? &before : NULL, before_id, page->limit + 1);
	if (err)
		return err;
	*count = rows.count > page->limit ? (size_t)page->limit : (size_t)rows.count;
	*bookings = ARENA_ARRAY(house->arena, struct booking, *count + 1);
	for (size_t i = 0; i < *count; i++)
		booking_read(house->arena, &rows, (int)i, &(*bookings)[i]);
	*next = NULL;
	if (rows.count > page->limit)
		*next = cursor_make(house->arena, "bookings",
			arena_printf(house->arena, "%" PRId64 "/%s",
				pg_int(&rows, (int)*count - 1, BOOKING_LIST_AT),
				(*bookings)[*count - 1].booking_id));
	return PROBLEM_NONE;
}

static bool
is_among(const struct json *list, const char *name)
{
	for (size_t i = 0; list && i < json_length(list); i++) {
		if (str_equal(json_string(json_at(list, i)), name))
			return true;
	}
	return false;
}

/* Too many places: said of the first seat beyond the limit, of the quantity, or of all of a mix. */
static enum problem
too_many(struct context *house, const struct booking_part *places, int64_t most)
{
	const char *pointer = places->sections == 0 ? places->seat_pointers[most] : "/items";

	if (places->sections == 1 && places->seats == 0)
		pointer = places->quantity_pointers[0];
	house->why->extensions =
		arena_printf(house->arena, "{\"max_seats_per_booking\":%" PRId64 "}", most);
	return problem_at(house->why, house->arena, pointer,
		"One booking of this event has at most %" PRId64 " places.", most);
}

static void
explain_seat(
	struct context *house, const struct json *named, const char *seat_id, const char *pointer)
{
	if (is_among(json_get(named, "unknown_seats"), seat_id))
		problem_at(house->why, house->arena, pointer, "There is no such seat here.");
	else if (is_among(json_get(named, "other_seats"), seat_id))
		problem_at(house->why, house->arena, pointer, "This seat is not in this booking.");
}

static void
explain_section(struct context *house, const struct json *named, const struct booking_part *places,
	size_t i)
{
	const char *section_id = places->section_ids[i], *pointer = places->section_pointers[i];
	const struct json *standing = json_get(named, "standing");
	const struct json *most = standing ? json_get(standing, section_id) : NULL;

	if (is_among(json_get(named, "seated_sections"), section_id))
		problem_at(house->why, house->arena, pointer,
			"The places of this section are numbered: name the seats.");
	else if (is_among(json_get(named, "unknown_sections"), section_id))
		problem_at(house->why, house->arena, pointer, "There is no such section here.");
	else if (is_among(json_get(named, "other_sections"), section_id))
		problem_at(house->why, house->arena, pointer,
			"This booking has no places of this section without a number.");
	else if (most)
		problem_at(house->why, house->arena, places->quantity_pointers[i],
			"The booking has %" PRId64 " of these places, so that is the most.",
			json_int(most));
}

enum problem
booking_places_unknown(struct context *house, const struct booking_part *places)
{
	const char *text = house->why->extensions;
	const struct json *named =
		text ? json_parse(house->arena, text, strlen(text), &text) : NULL;
	const struct json *most;

	*house->why = (struct problem_why){ 0 };
	if (!named)
		return PROBLEM_INVALID;
	most = json_get(named, "max_seats_per_booking");
	if (most)
		return too_many(house, places, json_int(most));
	for (size_t i = 0; i < places->seats; i++)
		explain_seat(house, named, places->seat_ids[i], places->seat_pointers[i]);
	for (size_t i = 0; i < places->sections; i++)
		explain_section(house, named, places, i);
	return PROBLEM_INVALID;
}
