/*
 * Percent-decoding and parameters.
 */
#include <criterion/criterion.h>

#include "fake_gate.h"

TestSuite(request_query, .init = fake_begin, .fini = fake_end);

static void
ask(const char *query)
{
	fake_begin();
	fake_request("GET", arena_printf(arena, "/api/v1/events?%s", query));
}

Test(request_query, decodes_strictly)
{
	static const char *const bad[] = { "%", "%4", "a%", "a%4", "%zz", "%4g", "%g4", "%00",
		"a%00b", "%ff", "%c3", "%c0%80", "%ed%a0%80", "%c3%28", "% 41", "%+41" };

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_assert_null(request_decode(arena, bad[i], strlen(bad[i]), true), "%s", bad[i]);
	cr_assert_str_eq(request_decode(arena, "a%20b%2Fc%2f%C3%A9+", 19, true), "a b/c/\xc3\xa9 ");
	cr_assert_str_eq(request_decode(arena, "a+b", 3, false), "a+b");
	cr_assert_str_eq(request_decode(arena, "%25", 3, false), "%");
	cr_assert_str_eq(request_decode(arena, "%2541", 5, false), "%41");
	cr_assert_str_eq(request_decode(arena, "", 0, false), "");
	/* The length decides, not what lies behind it. */
	cr_assert_null(request_decode(arena, "%41", 2, false));
}

Test(request_query, finds_parameters)
{
	ask("q=rock+%26+roll&limit=5&flag&empty=&a%3db=c%3dd=e");
	cr_assert_str_eq(request_query(&r, "q"), "rock & roll");
	cr_assert_str_eq(request_query(&r, "limit"), "5");
	cr_assert_str_eq(request_query(&r, "flag"), "");
	cr_assert_str_eq(request_query(&r, "empty"), "");
	cr_assert_str_eq(request_query(&r, "a=b"), "c=d=e");
	cr_assert_null(request_query(&r, "none"));
	cr_assert_eq(request_query_done(&r), PROBLEM_NONE);
}

Test(request_query, empty_query_is_fine)
{
	ask("");
	cr_assert_null(request_query(&r, "q"));
	cr_assert_eq(request_query_done(&r), PROBLEM_NONE);
}

Test(request_query, what_nobody_asked_for_is_refused)
{
	ask("limit=5&typo=1");
	cr_assert_eq(request_query_int(&r, "limit", 20, 1, 100), 5);
	cr_assert_eq(request_query_done(&r), PROBLEM_INVALID);
	cr_assert_str_eq(r.why.errors->pointer, "/typo");
	ask("x");
	cr_assert_eq(request_query_done(&r), PROBLEM_INVALID);
}

Test(request_query, what_is_not_usable_is_refused)
{
	static const char *const bad[] = { "q=1&q=1", "q=%zz", "q=%00", "%zz=q", "q=%ff",
		"q=1&%71=2", "&", "&&", "q=1&", "&q=1", "q=1&&x=2" };

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		ask(bad[i]);
		request_query(&r, "q");
		request_query(&r, "x");
		cr_assert_eq(request_query_done(&r), PROBLEM_INVALID, "%s", bad[i]);
	}
}

Test(request_query, integers_have_bounds)
{
	static const char *const bad[] = { "n=0", "n=101", "n=", "n", "n=x", "n=1.0", "n=1e1",
		"n=99999999999999999999", "n=%201" };

	ask("");
	cr_assert_eq(request_query_int(&r, "n", 20, 1, 100), 20);
	ask("n=100");
	cr_assert_eq(request_query_int(&r, "n", 20, 1, 100), 100);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		ask(bad[i]);
		cr_assert_eq(request_query_int(&r, "n", 20, 1, 100), 20, "%s", bad[i]);
		cr_assert_eq(request_query_done(&r), PROBLEM_INVALID, "%s", bad[i]);
		cr_assert_str_eq(r.why.errors->pointer, "/n");
	}
}

Test(request_query, number_of_parameters_has_a_limit)
{
	struct str query;

	fake_begin();
	str_init(&query, arena);
	str_add(&query, "/api/v1/events?");
	for (int i = 0; i < 500; i++)
		str_printf(&query, "p%d&", i);
	fake_request("GET", query.data);
	for (int i = 0; i < 500; i++)
		request_query(&r, arena_printf(arena, "p%d", i));
	cr_assert_eq(request_query_done(&r), PROBLEM_INVALID);
}
