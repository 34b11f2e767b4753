/*
 * Who owned a seat when: two owners at once are seen, and nothing else is taken for it.
 */
#include <criterion/criterion.h>

#include "load/tally.h"

static struct tally *tally;

static void
begin(void)
{
	tally = tally_new(4);
}

static void
end(void)
{
	tally_free(tally);
}

TestSuite(tally, .init = begin, .fini = end);

Test(tally, one_after_the_other)
{
	tally_own(tally, 1, "a", 100, 200);
	tally_own(tally, 1, "a", 100, 200); /* its replay */
	tally_own(tally, 1, "b", 200, 300);
	cr_assert_eq(tally->counts[MEASURE_WINNERS], 1);
	cr_assert_eq(tally->counts[MEASURE_RETAKEN], 0);
	tally_own(tally, 1, "c", 5301, 5400);
	cr_assert_eq(tally->counts[MEASURE_RETAKEN], 5001);
}

Test(tally, two_at_once)
{
	tally_own(tally, 1, "a", 100, 200);
	tally_own(tally, 2, "b", 150, 250); /* another seat */
	cr_assert_eq(tally->counts[MEASURE_WINNERS], 1);
	tally_own(tally, 1, "b", 199, 299);
	cr_assert_eq(tally->counts[MEASURE_WINNERS], 2);
}

Test(tally, two_at_once_whichever_is_heard_first)
{
	tally_own(tally, 1, "b", 150, 250);
	tally_own(tally, 1, "a", 100, 151);
	cr_assert_eq(tally->counts[MEASURE_WINNERS], 2);
}

Test(tally, an_old_answer_is_no_second_owner)
{
	tally_own(tally, 1, "b", 200, 300);
	tally_own(tally, 1, "a", 100, 200);
	cr_assert_eq(tally->counts[MEASURE_WINNERS], 1);
	tally_own(tally, 1, "c", 299, 400); /* b's, which the old one did not displace */
	cr_assert_eq(tally->counts[MEASURE_WINNERS], 2);
}

Test(tally, sold_is_for_good)
{
	tally_own(tally, 1, "a", 100, 200);
	tally_keep(tally, 1, "a");
	cr_assert_eq(tally->counts[MEASURE_WINNERS], 1);
	tally_own(tally, 1, "b", 100000, 100100);
	cr_assert_eq(tally->counts[MEASURE_WINNERS], 2);
}

Test(tally, confirmed_though_taken_by_another)
{
	tally_own(tally, 1, "a", 100, 200);
	tally_own(tally, 1, "b", 200, 300);
	tally_keep(tally, 1, "a");
	cr_assert_eq(tally->counts[MEASURE_WINNERS], 2);
}

Test(tally, given_back)
{
	tally_own(tally, 1, "a", 100, 200);
	tally_keep(tally, 1, "a");
	tally_end(tally, 1, "a", 150);
	tally_own(tally, 1, "b", 150, 250);
	cr_assert_eq(tally->counts[MEASURE_WINNERS], 1);
	/* What nobody wanted meanwhile was not kept from anybody. */
	tally_end(tally, 1, "b", 200);
	tally_own(tally, 1, "c", 9000200, 9000300);
	cr_assert_eq(tally->counts[MEASURE_RETAKEN], 0);
	cr_assert_eq(tally->counts[MEASURE_WINNERS], 1);
}

Test(tally, by_the_servers_clock)
{
	tally_clock(tally, 1000100, 140); /* ahead by a second */
	tally_clock(tally, 1000200, 200);
	cr_assert_eq(tally->ahead_us, 1000000);
	tally_own(tally, 1, "a", 1000100, 1000900);
	tally_end(tally, 1, "a", 300);
	tally_own(tally, 1, "b", 1000300, 1000900);
	cr_assert_eq(tally->counts[MEASURE_WINNERS], 1);
	tally_own(tally, 1, "c", 1000899, 1001900);
	cr_assert_eq(tally->counts[MEASURE_WINNERS], 2);
}

Test(tally, a_hold_bears_the_time_from_which_it_waited)
{
	tally_own(tally, 1, "a", 100, 90000000);
	tally_keep(tally, 1, "a");
	tally_end(tally, 1, "a", 10000000);
	tally_own(tally, 1, "b", 6000000, 80000000);
	cr_assert_eq(tally->counts[MEASURE_WINNERS], 1);
	tally_own(tally, 2, "a", 100, 90000000);
	tally_end(tally, 2, "a", 10000000);
	tally_own(tally, 2, "b", 5999999, 80000000);
	cr_assert_eq(tally->counts[MEASURE_WINNERS], 2, "but not for ever");
}

Test(tally, a_crash_undoes_holds_and_nothing_else)
{
	tally->crash = true;
	tally_own(tally, 1, "a", 100, 900);
	tally_own(tally, 1, "b", 200, 1000);
	cr_assert_eq(tally->counts[MEASURE_WINNERS], 1);
	tally_keep(tally, 1, "b");
	tally_own(tally, 1, "c", 150, 950); /* heard late, and undone before b came */
	cr_assert_eq(tally->counts[MEASURE_WINNERS], 1);
	tally_own(tally, 1, "d", 300, 1100);
	cr_assert_eq(tally->counts[MEASURE_WINNERS], 2);
}

Test(tally, what_nobody_takes_again)
{
	tally_clock(tally, 1000100, 100); /* ahead by a second */
	tally_own(tally, 0, "a", 1000000, 1100000);
	tally_own(tally, 1, "b", 1000000, 1050000);
	tally_keep(tally, 1, "b");
	tally_own(tally, 2, "c", 1000000, 1050000);
	tally_end(tally, 2, "c", 2000);
	tally_own(tally, 3, "d", 1000000, 9000000);
	tally_finish(tally, 90000);
	cr_assert_eq(tally->counts[MEASURE_OVERDUE], 0, "its deadline is to come");
	tally_finish(tally, 350000);
	cr_assert_eq(tally->counts[MEASURE_OVERDUE], 250000);
}

Test(tally, who_never_came_has_waited)
{
	struct expect_known known = { .capacity = 1 };

	tally_answer(tally, RECORD_HOLD, 201, 3000);
	for (int i = 0; i < 9; i++)
		tally_unmet(tally, 5000000);
	tally_known(tally, &known);
	cr_assert_eq(known.values[MEASURE_UNMET], 9);
	cr_assert_geq(known.values[MEASURE_P50], 4900000);
	cr_assert_eq(known.values[MEASURE_LONGEST], 5000000);
	cr_assert_eq(known.values[MEASURE_CALLS], 1);
}

Test(tally, measures)
{
	struct expect_known known = { .capacity = 1 };

	tally_answer(tally, RECORD_HOLD, 201, 3000);
	tally_answer(tally, RECORD_HOLD, 0, 9000);
	tally_answer(tally, RECORD_MAP, 503, 1000);
	tally_answer(tally, RECORD_LOGIN, 500, 99000);
	tally_known(tally, &known);
	cr_assert_eq(known.values[MEASURE_CALLS], 4);
	cr_assert_eq(known.values[MEASURE_LOST], 1);
	cr_assert_eq(known.values[MEASURE_5XX], 2);
	cr_assert_eq(known.statuses[201], 1);
	cr_assert_eq(known.values[MEASURE_LONGEST], 9000, "without what comes before the run");
}
