/*
 * Array literals, written and read back.
 */
#include <criterion/criterion.h>

#include "store/pg.h"

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

TestSuite(pg_array, .init = begin, .fini = end);

Test(pg_array, writes_what_postgres_reads)
{
	const char *const items[] = { "VIP-A-12", "", "a b", "\"q\\", "NULL", NULL, "{,}" };

	cr_assert_str_eq(pg_array_text(arena, items, 0), "{}");
	cr_assert_str_eq(pg_array_text(arena, items, 7),
		"{\"VIP-A-12\",\"\",\"a b\",\"\\\"q\\\\\",\"NULL\",NULL,\"{,}\"}");
	cr_assert_str_eq(pg_array_int(arena, (const int64_t[]){ 0 }, 0), "{}");
	cr_assert_str_eq(pg_array_int(arena, (const int64_t[]){ INT64_MIN, 0, 7 }, 3),
		"{-9223372036854775808,0,7}");
}

Test(pg_array, reads_what_it_writes)
{
	const char *const items[] = { "VIP-A-12", "", "a b", "\"q\\", "NULL", NULL, "{,}" };
	const char **read;

	cr_assert_eq(pg_array_read(arena, pg_array_text(arena, items, 7), &read), 7);
	for (int i = 0; i < 7; i++) {
		if (items[i] == NULL)
			cr_assert_null(read[i]);
		else
			cr_assert_str_eq(read[i], items[i]);
	}
}

Test(pg_array, reads_what_postgres_writes)
{
	const char **read;

	cr_assert_eq(pg_array_read(arena, "{}", &read), 0);
	cr_assert_eq(pg_array_read(arena, "{1,NULL,abc,\"x,y\"}", &read), 4);
	cr_assert_str_eq(read[0], "1");
	cr_assert_null(read[1]);
	cr_assert_str_eq(read[2], "abc");
	cr_assert_str_eq(read[3], "x,y");
}

Test(pg_array, has_room_for_what_is_no_array)
{
	const char **read;

	cr_assert_eq(pg_array_read(arena, "{a\"b\"\"c\"\"d\"\"e\"", &read), 1);
	cr_assert_eq(pg_array_read(arena, "{\"a\"\"b\"\"c\",", &read), 1);
	cr_assert_eq(pg_array_read(arena, "{", &read), 0);
	cr_assert_eq(pg_array_read(arena, "{,", &read), 2);
}
