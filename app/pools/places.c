/*
 * Seats and sections named in a body.
 */
#include "pools/places.h"

#include "base/json.h"

/* Room for as many places. */
static void
places_init(struct hold_wish *wish, struct arena *arena, size_t most)
{
	wish->seat_ids = ARENA_ARRAY(arena, const char *, most + 1);
	wish->seat_pointers = ARENA_ARRAY(arena, const char *, most + 1);
	wish->section_ids = ARENA_ARRAY(arena, const char *, most + 1);
	wish->section_pointers = ARENA_ARRAY(arena, const char *, most + 1);
	wish->quantity_pointers = ARENA_ARRAY(arena, const char *, most + 1);
	wish->quantities = ARENA_ARRAY(arena, int64_t, most + 1);
}

static enum problem
add_seat(struct request *r, struct hold_wish *wish, const char *seat_id, const char *pointer)
{
	for (size_t i = 0; i < wish->seats; i++) {
		if (str_equal(wish->seat_ids[i], seat_id))
			return problem_at(&r->why, r->arena, pointer, "This seat is named twice.");
	}
	wish->seat_ids[wish->seats] = seat_id;
	wish->seat_pointers[wish->seats++] = pointer;
	return PROBLEM_NONE;
}

static enum problem
add_section(struct request *r, struct hold_wish *wish, const char *section_id, int64_t quantity,
	const char *pointer, const char *quantity_pointer)
{
	int64_t *quantities = (int64_t *)wish->quantities;

	for (size_t i = 0; i < wish->sections; i++) {
		if (str_equal(wish->section_ids[i], section_id))
			return problem_at(
				&r->why, r->arena, pointer, "This section is named twice.");
	}
	quantities[wish->sections] = quantity;
	wish->section_ids[wish->sections] = section_id;
	wish->quantity_pointers[wish->sections] = quantity_pointer;
	wish->section_pointers[wish->sections++] = pointer;
	return PROBLEM_NONE;
}

enum problem
places_add_section(struct request *r, struct hold_wish *wish, const char *section_id,
	int64_t quantity, const char *quantity_pointer)
{
	places_init(wish, r->arena, 1);
	return add_section(r, wish, section_id, quantity, "/section_id", quantity_pointer);
}

/* ["A-1", …] */
enum problem
places_add_seats(struct request *r, struct hold_wish *wish, const struct json *list)
{
	enum problem err = PROBLEM_NONE, one;

	places_init(wish, r->arena, json_length(list));
	for (size_t i = 0; i < json_length(list); i++) {
		const char *pointer = arena_printf(r->arena, "/seat_ids/%zu", i);
		const struct json *seat = json_at(list, i);

		if (json_kind(seat) != JSON_STRING || *json_string(seat) == '\0' ||
			strlen(json_string(seat)) > PLACES_TEXT_MAX)
			one = problem_at(&r->why, r->arena, pointer,
				"A seat's id is a text of 1 to %d bytes.", PLACES_TEXT_MAX);
		else
			one = add_seat(r, wish, json_string(seat), pointer);
		err = one ? one : err;
	}
	return err;
}

struct item {
	const char *section_id;
	const char *seat_id;
	int64_t quantity;
};

/* [{"seat_id"} or {"section_id", "quantity"}, …] */
enum problem
places_add_items(struct request *r, struct hold_wish *wish, const struct json *list)
{
	static const struct json_field fields[] = {
		{ .name = "section_id",
			.kind = JSON_STRING,
			.min = 1,
			.max = PLACES_TEXT_MAX,
			.offset = offsetof(struct item, section_id) },
		{ .name = "seat_id",
			.kind = JSON_STRING,
			.min = 1,
			.max = PLACES_TEXT_MAX,
			.offset = offsetof(struct item, seat_id) },
		{ .name = "quantity",
			.kind = JSON_INT,
			.min = 1,
			.max = 1000000,
			.offset = offsetof(struct item, quantity) },
		{ .name = NULL },
	};
	enum problem err = PROBLEM_NONE, one;

	places_init(wish, r->arena, json_length(list));
	for (size_t i = 0; i < json_length(list); i++) {
		const char *at = arena_printf(r->arena, "/items/%zu", i);
		const struct json *value = json_at(list, i);
		struct item item = { 0 };

		if (json_kind(value) != JSON_OBJECT)
			one = problem_at(&r->why, r->arena, at, "An item is an object.");
		else
			one = json_read(value, fields, &item, &r->why, r->arena, at);
		if (!one && item.seat_id && !item.section_id && !item.quantity)
			one = add_seat(
				r, wish, item.seat_id, arena_printf(r->arena, "%s/seat_id", at));
		else if (!one && item.section_id && item.quantity && !item.seat_id)
			one = add_section(r, wish, item.section_id, item.quantity,
				arena_printf(r->arena, "%s/section_id", at),
				arena_printf(r->arena, "%s/quantity", at));
		else if (!one)
			one = problem_at(&r->why, r->arena, at,
				"An item is either a seat_id, or a section_id with a quantity.");
		err = one ? one : err;
	}
	return err;
}
