/*
 * A look at a line for those who verify: nobody is in two states, and who was served has a booking.
 */
#include <inttypes.h>

#include "base/map.h"
#include "domain/queue_parts.h"
#include "queries.h"
#include "scripts.h"

#define PAGE_TEXT       "500"
#define DIFFERENCES_MAX 1000

/* A page of people, each with how they were served, where in the line, and being served or not. */
struct look {
	struct context *house;
	int32_t event_id;
	const char *line;
	const struct redis_value *people;
	struct map bookings; /* of the page, by id: whose ("+" in front: open) */
	const char **differences;
	size_t count;
};

static const char *
word(const struct look *look, size_t person, size_t at)
{
	return redis_text(redis_at(look->people, 4 * person + at), NULL);
}

/* score|booking|deadline; NULL: was not served, or was refused. */
static const char *
booking_of(const struct look *look, size_t person)
{
	char *rest = arena_strdup(look->house->arena, word(look, person, 1));
	const char *booking;

	strsep(&rest, "|");
	booking = strsep(&rest, "|");
	return booking && id_is_uuid(booking) ? booking : NULL;
}

static void
differs(struct look *look, size_t person, const char *what, const char *booking)
{
	if (look->count < DIFFERENCES_MAX)
		look->differences[look->count++] = arena_printf(look->house->arena,
			"line %s: user %s %s%s", look->line, word(look, person, 0), what, booking);
}

static void
judge(struct look *look, size_t person)
{
	bool waits = *word(look, person, 2), served_now = *word(look, person, 3);
	const char *booking = booking_of(look, person);
	const char *owner = booking ? map_get(&look->bookings, booking) : NULL;

	if (waits && served_now)
		differs(look, person, "waits and is being served", "");
	if (!booking)
		return;
	if (!owner)
		differs(look, person, "was served with no booking: ", booking);
	else if (!str_equal(owner + 1, word(look, person, 0)))
		differs(look, person, "was served with another user's booking: ", booking);
	else if (*owner == '+' && (waits || served_now))
		differs(look, person, "waits, with an open booking: ", booking);
}

static enum problem
read_bookings(struct look *look, size_t people)
{
	struct context *house = look->house;
	const char **ids = ARENA_ARRAY(house->arena, const char *, people + 1);
	struct pg_rows rows;
	size_t count = 0;
	enum problem err;

	map_init(&look->bookings, house->arena);
	for (size_t i = 0; i < people; i++) {
		ids[count] = booking_of(look, i);
		count += ids[count] != NULL;
	}
	err = query_audit_bookings(house->pg, house->arena, house->deadline_us, house->why, &rows,
		look->event_id, pg_array_text(house->arena, ids, count));
	for (int i = 0; !err && i < rows.count; i++)
		map_set(&look->bookings, pg_text(&rows, i, AUDIT_BOOKINGS_BOOKING_ID),
			arena_printf(house->arena, "%c%s",
				pg_bool(&rows, i, AUDIT_BOOKINGS_IS_OPEN) ? '+' : '-',
				pg_text(&rows, i, AUDIT_BOOKINGS_USER_ID)));
	return err;
}

enum problem
queue_audit(struct context *house, int32_t event_id, const char *line, const char ***differences,
	size_t *count, int64_t *people)
{
	struct look look = { .house = house,
		.event_id = event_id,
		.line = line,
		.differences = ARENA_ARRAY(house->arena, const char *, DIFFERENCES_MAX) };
	const char *args[] = { line, "0", PAGE_TEXT, NULL };
	enum problem err;

	*people = 0;
	do {
		const struct redis_value *page =
			queue_script(house, &script_queue_audit, event_id, NULL, args);
		size_t on_page;

		if (!page || redis_kind(page) != REDIS_LIST || redis_length(page) != 3)
			return PROBLEM_UNAVAILABLE;
		look.people = redis_at(page, 2);
		on_page = redis_length(look.people) / 4;
		if (str_equal(args[1], "0"))
			*people += redis_int(redis_at(page, 1));
		*people += (int64_t)on_page;
		args[1] = redis_text(redis_at(page, 0), NULL);
		err = read_bookings(&look, on_page);
		for (size_t i = 0; i < on_page && !err; i++)
			judge(&look, i);
	} while (!err && !str_equal(args[1], "0"));
	*differences = look.differences;
	*count = look.count;
	return err;
}
