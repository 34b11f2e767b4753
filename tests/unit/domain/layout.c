/*
 * Sections and rows: what is written for the database, and what is pointed at.
 */
#include <criterion/criterion.h>

#include "domain/layout.h"

static struct arena *arena;
static struct problem_why why;
static int64_t before; /* seats that the same call has described already */

static void
begin(void)
{
	arena = arena_new();
	why = (struct problem_why){ 0 };
	before = 0;
}

static void
end(void)
{
	arena_free(arena);
}

TestSuite(layout, .init = begin, .fini = end);

/* What is written for these sections; NULL: refused. */
static const char *
written(const char *text, enum layout_use use)
{
	const char *detail;
	const struct json *sections = json_parse(arena, text, strlen(text), &detail);
	struct str out;
	int64_t seats = before;

	cr_assert_not_null(sections, "%s", text);
	str_init(&out, arena);
	why = (struct problem_why){ 0 };
	return layout_write(&out, sections, use, "/sections", &why, &seats) ? NULL : out.data;
}

static void
expect_refused(const char *text, enum layout_use use, const char *pointer)
{
	cr_assert_null(written(text, use), "%s", text);
	cr_assert_not_null(why.errors, "%s", text);
	cr_assert_str_eq(why.errors->pointer, pointer, "%s: %s", text, why.errors->pointer);
}

Test(layout, writes_every_default)
{
	cr_assert_str_eq(written("[{\"name\":\"Main floor\",\"capacity\":3}]", LAYOUT_NEW),
		"[{\"section_id\":\"Main-floor\",\"name\":\"Main floor\",\"kind\":\"ga\","
		"\"base_price\":0,\"capacity\":3}]");
	cr_assert_str_eq(
		written("[{\"name\":\"S\",\"base_price\":5,\"rows\":[{\"row\":1,\"seats\":2},"
			"{\"row\":\"B\",\"seats\":[\"x\",7],\"price\":0}]}]",
			LAYOUT_NEW),
		"[{\"section_id\":\"S\",\"name\":\"S\",\"kind\":\"seated\",\"base_price\":5,"
		"\"rows\":[{\"row\":\"1\",\"seats\":2},{\"row\":\"B\",\"seats\":[\"x\",\"7\"],"
		"\"price\":0}],\"capacity\":4}]");
}

Test(layout, changes_say_what_is_given_alone)
{
	cr_assert_str_eq(written("[]", LAYOUT_CHANGES), "[]");
	cr_assert_str_eq(
		written("[{\"section_id\":\"S\"}]", LAYOUT_CHANGES), "[{\"section_id\":\"S\"}]");
	cr_assert_str_eq(
		written("[{\"section_id\":\"S\",\"capacity\":0,\"price\":7}]", LAYOUT_CHANGES),
		"[{\"section_id\":\"S\",\"price\":7,\"capacity\":0}]");
}

Test(layout, makes_ids_of_names)
{
	cr_assert_not_null(
		strstr(written("[{\"name\":\"\\u00d6st (1)_a-Z\",\"capacity\":1}]", LAYOUT_NEW),
			"\"section_id\":\"-st--1-_a-Z\""));
}

Test(layout, points_at_mistakes)
{
	static const struct {
		const char *text, *pointer;
	} cases[] = {
		{ "[]", "/sections" },
		{ "[1]", "/sections/0" },
		{ "[{\"capacity\":1}]", "/sections/0/name" },
		{ "[{\"name\":\"\",\"capacity\":1}]", "/sections/0/name" },
		{ "[{\"name\":\"a\\nb\",\"capacity\":1}]", "/sections/0/name" },
		/* As long as a name may be, and longer than an id. */
		{ "[{\"name\":\"a2345678901234567890123456789012345678901234567890123456789012345"
		  "\",\"capacity\":1}]",
			"/sections/0/name" },
		{ "[{\"name\":\"a\"}]", "/sections/0/capacity" },
		{ "[{\"name\":\"a\",\"capacity\":0}]", "/sections/0/capacity" },
		{ "[{\"name\":\"a\",\"capacity\":1000001}]", "/sections/0/capacity" },
		{ "[{\"name\":\"a\",\"capacity\":1e999}]", "/sections/0/capacity" },
		{ "[{\"name\":\"a\",\"capacity\":\"5\"}]", "/sections/0/capacity" },
		{ "[{\"name\":\"a\",\"capacity\":1,\"price\":5}]", "/sections/0/price" },
		{ "[{\"name\":\"a\",\"capacity\":1,\"base_price\":-1}]", "/sections/0/base_price" },
		{ "[{\"name\":\"a\",\"capacity\":1,\"kind\":\"vip\"}]", "/sections/0/kind" },
		{ "[{\"name\":\"a\",\"section_id\":\"\",\"capacity\":1}]",
			"/sections/0/section_id" },
		{ "[{\"name\":\"a\",\"section_id\":\"a:b\",\"capacity\":1}]",
			"/sections/0/section_id" },
		{ "[{\"name\":\"a\",\"capacity\":1},{\"name\":\"a\",\"capacity\":1}]",
			"/sections/1/section_id" },
		{ "[{\"name\":\"a\",\"kind\":\"seated\"}]", "/sections/0/rows" },
		{ "[{\"name\":\"a\",\"rows\":[]}]", "/sections/0/rows" },
		{ "[{\"name\":\"a\",\"rows\":[3]}]", "/sections/0/rows/0" },
		{ "[{\"name\":\"a\",\"rows\":[{\"seats\":1}]}]", "/sections/0/rows/0/row" },
		{ "[{\"name\":\"a\",\"rows\":[{\"row\":\"A\"}]}]", "/sections/0/rows/0/seats" },
		{ "[{\"name\":\"a\",\"rows\":[{\"row\":\"\\u0007\",\"seats\":1}]}]",
			"/sections/0/rows/0/row" },
		{ "[{\"name\":\"a\",\"rows\":[{\"row\":\"A\",\"seats\":[]}]}]",
			"/sections/0/rows/0/seats" },
		{ "[{\"name\":\"a\",\"rows\":[{\"row\":\"A\",\"seats\":[\"1\",null]}]}]",
			"/sections/0/rows/0/seats/1" },
		{ "[{\"name\":\"a\",\"rows\":[{\"row\":\"A\",\"seats\":[\"\\t\"]}]}]",
			"/sections/0/rows/0/seats/0" },
		{ "[{\"name\":\"a\",\"rows\":[{\"row\":1,\"seats\":1},{\"row\":\"1\",\"seats\":1}]}"
		  "]",
			"/sections/0/rows/1/row" },
		{ "[{\"name\":\"a\",\"rows\":[{\"row\":\"A\",\"seats\":1,\"number\":2}]}]",
			"/sections/0/rows/0/number" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		expect_refused(cases[i].text, LAYOUT_NEW, cases[i].pointer);
	expect_refused("[{\"price\":1}]", LAYOUT_CHANGES, "/sections/0/section_id");
	expect_refused(
		"[{\"section_id\":\"a\",\"capacity\":-1}]", LAYOUT_CHANGES, "/sections/0/capacity");
}

/* The text of `count` sections, each of so many rows of so many seats. */
static const char *
sections_of(int count, int rows, int seats)
{
	struct str text;

	str_init(&text, arena);
	str_add_char(&text, '[');
	for (int i = 0; i < count; i++) {
		str_printf(&text, "%s{\"name\":\"s%d\",\"rows\":[", i > 0 ? "," : "", i);
		for (int row = 0; row < rows; row++)
			str_printf(&text, "%s{\"row\":%d,\"seats\":%d}", row > 0 ? "," : "", row,
				seats);
		str_add(&text, "]}");
	}
	str_add_char(&text, ']');
	return text.data;
}

Test(layout, has_limits)
{
	cr_assert_not_null(written(sections_of(200, 1, 1), LAYOUT_NEW));
	expect_refused(sections_of(201, 1, 1), LAYOUT_NEW, "/sections");
	cr_assert_not_null(written(sections_of(2, 50, 1000), LAYOUT_NEW));
	expect_refused(sections_of(2, 51, 1000), LAYOUT_NEW, "/sections");
	before = 1;
	expect_refused(sections_of(2, 50, 1000), LAYOUT_NEW, "/sections");
	expect_refused(sections_of(1, 1, 1001), LAYOUT_NEW, "/sections/0/rows/0/seats");
}
