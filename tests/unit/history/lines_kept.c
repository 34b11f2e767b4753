/*
 * The rule on lines, on histories by hand: who was served at all.
 */
#include <criterion/criterion.h>

#include "in_line.h"

TestSuite(lines_kept, .init = begin, .fini = end);

/* ---- who was served at all ------------------------------------------------------------------- */

Test(lines_kept, nobody_is_served_who_has_not_joined)
{
	join_of(1, "a", "G", 1, 429);
	join(6, "a");
	load_line();
	served(5, "a", "1");
	expect_lines(0, 1);
}

Test(lines_kept, who_may_have_joined_may_be_served)
{
	join_of(1, "a", "G", 1, 503);
	join_of(2, "b", "G", 1, 0);
	join(5, "c"); /* and its answer came after the service */
	load_line();
	served(4, "a", "1");
	served(4, "b", "2");
	served(5.05, "c", "3");
	expect_lines(0, 0);
}

Test(lines_kept, nobody_is_served_twice_for_one_join)
{
	join(1, "a");
	join(2, "b");
	join(2.5, "b"); /* tells of the same place */
	join(8, "b");
	load_line();
	served(3, "a", "1");
	served(3, "b", "2");
	served(9, "b", "3");
	expect_lines(0, 0);
	served(10, "a", "4");
	served(10, "b", "5");
	expect_lines(0, 2);
}

Test(lines_kept, nor_twice_for_one_that_may_have_come_of_either)
{
	join(1, "a");
	join(1.05, "a");
	load_line();
	served(1.08, "a", "1");
	served(1.09, "a", "2");
	expect_lines(0, 0);
	served(1.095, "a", "3");
	expect_lines(0, 1);
}

Test(lines_kept, who_joins_as_a_place_ends_may_have_another)
{
	struct record_call slow;

	join(1, "a");
	join(2, "a");
	join(1, "b");
	slow = call_at(2, "b", RECORD_LEAVE, NULL, 204);
	slow.done_us += 3 * SECOND;
	record_call(writer, &slow);
	join(3, "b"); /* with the new place */
	load_line();
	served(2.12, "a", "1");
	served(5, "a", "2");
	ended(4.9, "b", TICKET_LEFT, NULL);
	served(8, "b", "3");
	expect_lines(0, 0);
}

Test(lines_kept, what_others_joined_is_not_judged)
{
	join(50, "a");
	join_of(51, NULL, "G", 1, 202);
	join(60, "c");
	load_line();
	served(55, "b", "1");
	served(56, "a", "2");
	served(57, "a", "3"); /* it may be that of line 3 */
	expect_lines(0, 0);
	line_call(&h, 3)->user = names_find(&h.users, "c");
	expect_lines(0, 1);
	/* A line that is older than the run. */
	h.head.began_us = 49 * SECOND;
	h.ends_count = 0;
	served(55, "a", "2");
	expect_lines(0, 0);
	served(56, "a", "3");
	expect_lines(0, 1);
}

Test(lines_kept, what_comes_after_the_run_is_not_judged)
{
	join(1, "a");
	load_line();
	served(5, "a", "1");
	served(100.2, "a", "2");
	expect_lines(0, 0);
}
