/*
 * Seats and sections that a body names: what is accepted is complete, within bounds, and nothing
 * twice; what is refused is pointed at.
 */
#include "pools/places.h"
#include "fuzz.h"
#include "http/request.h"

struct body {
	const struct json *seat_ids, *items;
};

static bool
is_id(const char *text)
{
	return text && *text && str_is_utf8(text, strlen(text)) &&
	       strlen(text) <= (size_t)PLACES_TEXT_MAX * 4;
}

static void
check_wish(const struct hold_wish *wish, const struct json *list)
{
	assert(wish->seats + wish->sections == json_length(list));
	for (size_t i = 0; i < wish->seats; i++) {
		assert(is_id(wish->seat_ids[i]) && *wish->seat_pointers[i] == '/');
		for (size_t j = 0; j < i; j++)
			assert(!str_equal(wish->seat_ids[i], wish->seat_ids[j]));
	}
	for (size_t i = 0; i < wish->sections; i++) {
		assert(is_id(wish->section_ids[i]) && *wish->section_pointers[i] == '/');
		assert(wish->quantities[i] >= 1 && wish->quantities[i] <= 1000000);
		for (size_t j = 0; j < i; j++)
			assert(!str_equal(wish->section_ids[i], wish->section_ids[j]));
	}
}

static void
try(const struct json *list,
	enum problem (*add)(struct request *r, struct hold_wish *wish, const struct json *list))
{
	struct request r = { .arena = arena };
	struct hold_wish wish = { 0 };
	enum problem err;

	if (!list)
		return;
	err = add(&r, &wish, list);
	assert(err == PROBLEM_NONE || err == PROBLEM_INVALID);
	assert((err == PROBLEM_NONE) == !r.why.errors);
	fuzz_check_errors(&r.why);
	if (!err)
		check_wish(&wish, list);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct json_field fields[] = {
		{ .name = "seat_ids",
			.kind = JSON_ARRAY,
			.min = 1,
			.max = HOLD_PLACES_MAX,
			.offset = offsetof(struct body, seat_ids) },
		{ .name = "items",
			.kind = JSON_ARRAY,
			.min = 1,
			.max = HOLD_PLACES_MAX,
			.offset = offsetof(struct body, items) },
		{ .name = NULL },
	};
	struct problem_why why = { 0 };
	struct body body = { 0 };
	const struct json *value;

	fuzz_begin();
	value = fuzz_json(data, size);
	if (!value)
		return 0;
	json_read(value, fields, &body, &why, arena, "");
	try(body.seat_ids, places_add_seats);
	try(body.items, places_add_items);
	return 0;
}
