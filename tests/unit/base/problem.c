/*
 * The table of problems is complete, and agrees with the SQLSTATEs.
 */
#include <criterion/criterion.h>

#include <ctype.h>

#include "base/problem.h"
#include "base/str.h"

Test(problem, every_row_is_whole_and_unlike_the_others)
{
	for (int i = 1; i < PROBLEM_COUNT; i++) {
		const struct problem_row *row = &problem_rows[i];

		cr_assert(row->slug && *row->slug, "row %d", i);
		cr_assert(row->title && *row->title, "%s", row->slug);
		cr_assert(row->status >= 400 && row->status <= 599, "%s", row->slug);
		cr_assert_null(strpbrk(row->title, "\"\\"), "%s", row->slug);
		for (const char *c = row->slug; *c; c++)
			cr_assert(islower((unsigned char)*c) || *c == '-', "%s", row->slug);
		if (row->sqlstate) {
			cr_assert_eq(strlen(row->sqlstate), 5, "%s", row->slug);
			cr_assert(str_starts(row->sqlstate, "HF"), "%s", row->slug);
		}
		for (int j = 1; j < i; j++) {
			cr_assert_str_neq(row->slug, problem_rows[j].slug);
			if (row->sqlstate && problem_rows[j].sqlstate)
				cr_assert_str_neq(row->sqlstate, problem_rows[j].sqlstate);
		}
	}
}

Test(problem, sqlstates_lead_to_their_rows)
{
	for (int i = 1; i < PROBLEM_COUNT; i++) {
		if (problem_rows[i].sqlstate)
			cr_assert_eq(
				problem_from_sqlstate(problem_rows[i].sqlstate), (enum problem)i);
	}
	cr_assert_eq(problem_from_sqlstate("22021"), PROBLEM_MALFORMED);
	cr_assert_eq(problem_from_sqlstate("22003"), PROBLEM_INVALID);
	cr_assert_eq(problem_from_sqlstate("55P03"), PROBLEM_BUSY);
	cr_assert_eq(problem_from_sqlstate("57014"), PROBLEM_UNAVAILABLE);
	cr_assert_eq(problem_from_sqlstate("42601"), PROBLEM_INTERNAL);
	cr_assert_eq(problem_from_sqlstate("HF999"), PROBLEM_INTERNAL);
	cr_assert_eq(problem_from_sqlstate(NULL), PROBLEM_INTERNAL);
}

Test(problem, errors_keep_their_order)
{
	struct arena *arena = arena_new();
	struct problem_why why = { 0 };

	cr_assert_eq(problem_at(&why, arena, "/a", "no %d", 1), PROBLEM_INVALID);
	cr_assert_eq(problem_at(&why, arena, "/b", "no %s", "é"), PROBLEM_INVALID);
	cr_assert_str_eq(why.errors->pointer, "/a");
	cr_assert_str_eq(why.errors->detail, "no 1");
	cr_assert_str_eq(why.errors->next->detail, "no é");
	cr_assert_null(why.errors->next->next);
	cr_assert_eq(why.errors_last, why.errors->next);
	arena_free(arena);
}
