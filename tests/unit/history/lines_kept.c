/*
 * The rules on lines, on histories by hand: who was served at all, and what is kept for those who
 * wait.
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
	join(1, "b");
	join(2, "a");
	join(3, "b"); /* with the new place */
	slow = call_at(2, "b", RECORD_LEAVE, NULL, 204);
	slow.done_us += 3 * SECOND;
	record_call(writer, &slow);
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

/* ---- what is kept for them ------------------------------------------------------------------- */

Test(lines_kept, places_are_kept_for_those_who_wait)
{
	places(0.95, "b", 1, NULL); /* at the same time */
	join(1, "a");
	places(2, "b", 1, NULL);
	leave(3, "a", 204);
	places(3.05, "b", 1, NULL);
	places(50, "a", 1, "1");
	join(60, "a");
	places(61, "a", 1, NULL); /* by the asker's own place */
	load_line();
	store("1", "a", 50, BOOKING_HOLD);
	ended(3.05, "a", TICKET_LEFT, NULL);
	expect_lines(0, 0);
}

Test(lines_kept, nothing_is_kept_for_nobody)
{
	places(0.8, "b", 1, NULL); /* before anybody has joined */
	join(1, "a");
	leave(3, "a", 204);
	places(4, "b", 1, NULL); /* who has left by then */
	join(20, "c");
	told(22, "c", "3");
	places(23, "b", 9, NULL); /* there are nine, and nobody waits */
	join_of(30, "d", "G", 1, 429);
	places(40, "b", 10, NULL); /* nor does who was refused */
	load_line();
	ended(3.05, "a", TICKET_LEFT, NULL);
	served(21, "c", "3")->ended_us = 21 * SECOND;
	expect_lines(4, 0);
	/* Redis may have been behind. */
	h.drift_us = 2 * SECOND;
	expect_lines(2, 0);
}

Test(lines_kept, what_is_served_is_owned)
{
	join_of(20, "c", "G", 2, 202);
	told(22, "c", "3");
	places(23, "b", 9, NULL);
	load_line();
	served_with(21, "c", "3", 2);
	expect_lines(0, 0);
}

Test(lines_kept, seats_are_kept_too)
{
	struct booking *b;

	join_of(1, "a", "H", 1, 202);
	hold(2, "b", "S", NULL, NULL);
	leave(3, "a", 204);
	hold(10, "b", "S", NULL, NULL);
	load_line();
	line_begun("H", 1, 0.5);
	h.resource[history_place(&h, false, "S")].section = history_place(&h, true, "H");
	ended(3.05, "a", TICKET_LEFT, NULL)->section = history_place(&h, true, "H");
	expect_lines(1, 0);
	/* Whoever has something may ask for it again, which PostgreSQL decides. */
	b = store("1", "b", 9, BOOKING_HOLD);
	b->places = history_span(&h);
	history_add_place(&h, &b->places, history_place(&h, true, "H"), 1);
	expect_lines(0, 0);
}

Test(lines_kept, what_is_asked_again_is_for_postgresql_to_decide)
{
	hold(0.2, "b", "S", NULL, "k");
	hold(0.4, "b", "S", NULL, "k");
	join_of(1, "a", "H", 1, 202);
	load_line();
	line_begun("H", 1, 0.5);
	h.resource[history_place(&h, false, "S")].section = history_place(&h, true, "H");
	expect_lines(1, 0);
}

Test(lines_kept, others_who_wait_are_not_known)
{
	places(0.8, "b", 1, NULL);
	join(1, "a");
	load_line();
	expect_lines(1, 0);
	served(5, "z", "1");
	expect_lines(0, 0);
	h.ends_count = 0;
	line_begun("G", 1, -1);
	h.head.began_us = SECOND / 2;
	expect_lines(0, 0);
	line_begun("G", 2, 0.7);
	expect_lines(0, 0);
}
