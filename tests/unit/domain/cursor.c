/*
 * Cursors: there and back, and nothing else passes for one.
 */
#include <criterion/criterion.h>

#include "domain/cursor.h"

static struct arena *arena;

static void
begin(void)
{
	arena = arena_new();
}

static void
end(void)
{
	arena_free(arena);
}

TestSuite(cursor, .init = begin, .fini = end);

Test(cursor, comes_back_at_every_length)
{
	char place[256] = "";

	for (size_t len = 1; len < sizeof(place); len++) {
		const char *cursor;

		place[len - 1] = (char)('!' + len % 90);
		place[len] = '\0';
		cursor = cursor_make(arena, "events", place);
		cr_assert_eq(strspn(cursor, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					    "0123456789-_"),
			strlen(cursor), "%s", cursor);
		cr_assert_str_eq(cursor_read(arena, "events", cursor), place);
	}
}

Test(cursor, is_of_one_list)
{
	const char *cursor = cursor_make(arena, "seats/7", "12");

	cr_assert_null(cursor_read(arena, "seats/8", cursor));
	cr_assert_null(cursor_read(arena, "events", cursor));
	cr_assert_null(cursor_read(arena, "", cursor));
}

/* Every cursor that differs in one letter, is longer, or shorter. */
Test(cursor, is_not_tampered_with)
{
	const char *cursor = cursor_make(arena, "events", "1799103600000000:17");
	size_t len = strlen(cursor);

	for (size_t i = 0; i < len; i++) {
		for (int c = 1; c < 256; c++) {
			char *other = arena_strdup(arena, cursor);

			if (other[i] == (char)c)
				continue;
			other[i] = (char)c;
			cr_assert_null(cursor_read(arena, "events", other), "%s", other);
		}
		cr_assert_null(cursor_read(arena, "events", arena_copy(arena, cursor, i)));
	}
	cr_assert_null(cursor_read(arena, "events", arena_printf(arena, "%sA", cursor)));
	cr_assert_null(cursor_read(arena, "events", arena_printf(arena, "%s=", cursor)));
}

Test(cursor, place_of_an_event_is_a_time_and_a_number)
{
	int64_t at_us, id;

	cr_assert(cursor_read_event(
		arena, "events", cursor_make(arena, "events", "-17:3"), &at_us, &id));
	cr_assert_eq(at_us, -17);
	cr_assert_eq(id, 3);
	for (const char *const *place =
			(const char *const[]){ "17", "17:", ":3", "17:0", "x:3", "17:3:4", NULL };
		*place; place++)
		cr_assert_not(cursor_read_event(arena, "events",
				      cursor_make(arena, "events", *place), &at_us, &id),
			"%s", *place);
}

#define ROW_ID "00000017-b428-8f9a-a06c-2877b3dd3913"

Test(cursor, place_of_a_row_is_a_time_and_an_id)
{
	int64_t at_us;
	const char *id;

	cr_assert(cursor_read_row(
		arena, "rows", cursor_make(arena, "rows", "17/" ROW_ID), &at_us, &id));
	cr_assert_eq(at_us, 17);
	cr_assert_str_eq(id, ROW_ID);
	for (const char *const *place = (const char *const[]){ "17", "17/", "/" ROW_ID,
		     "-1/" ROW_ID, "253402300800000000/" ROW_ID, "17/" ROW_ID "/", "17/x", NULL };
		*place; place++)
		cr_assert_not(cursor_read_row(arena, "rows", cursor_make(arena, "rows", *place),
				      &at_us, &id),
			"%s", *place);
}

Test(cursor, refuses_what_is_too_long)
{
	char *text = arena_alloc(arena, 100001);

	memset(text, 'A', 100000);
	cr_assert_null(cursor_read(arena, "events", text));
	cr_assert_null(cursor_read(arena, "events", ""));
}
