/*
 * The rule on the order of service, on histories by hand.
 */
#include <criterion/criterion.h>

#include "chance.h"
#include "in_line.h"

TestSuite(lines, .init = begin, .fini = end);

Test(lines, who_came_first_is_served_first)
{
	join(1, "a");
	join(2, "b");
	join(3, "c");
	load_line();
	served(5, "a", "1");
	served(6, "b", "2");
	served(6, "c", "3");
	expect_lines(0, 0);
}

Test(lines, nobody_is_overtaken)
{
	join(1, "a");
	join(2, "b");
	load_line();
	served(5, "b", "2");
	served(5.001, "a", "1");
	expect_lines(0, 1);
}

Test(lines, who_asked_at_the_same_time_may_stand_in_any_order)
{
	join(1, "a");
	join(1.05, "b");
	load_line();
	served(5, "b", "2");
	served(6, "a", "1");
	expect_lines(0, 0);
}

Test(lines, those_of_one_batch_are_served_at_once)
{
	join(1, "a");
	join(2, "b");
	load_line();
	served(5, "b", "2");
	served(5, "a", "1");
	expect_lines(0, 0);
}

Test(lines, what_does_not_fit_lets_others_pass)
{
	join_of(1, "a", "G", 2, 202);
	join(2, "b");
	load_line();
	served(5, "b", "2");
	served_with(6, "a", "1", 2);
	expect_lines(0, 0);
	/* But not those who want no less. */
	h.booking[history_booking(&h, "2")].places = h.booking[history_booking(&h, "1")].places;
	expect_lines(0, 1);
}

Test(lines, the_quantity_counts_that_a_place_was_made_with)
{
	join_of(1, "a", "G", 2, 202);
	join_of(1.5, "a", "G", 1, 202);
	join(2, "b");
	load_line();
	served(5, "b", "2");
	served_with(6, "a", "1", 2);
	expect_lines(0, 0);
}

Test(lines, who_was_told_of_no_place_may_stand_behind)
{
	join_of(1, "a", "G", 1, 0);
	join(2, "b");
	join(3, "a");
	load_line();
	served(5, "b", "2");
	served(6, "a", "1");
	expect_lines(0, 0);
}

Test(lines, who_asks_again_stands_in_line_then)
{
	join_of(1, "a", "G", 1, 0);
	join(2, "a");
	join(3, "b");
	load_line();
	served(5, "b", "2");
	served(6, "a", "1");
	expect_lines(0, 1);
}

Test(lines, an_answer_of_before_tells_of_no_place)
{
	join(1, "a");
	join(2, "b");
	load_line();
	served(5, "b", "2");
	served(6, "a", "1");
	line_call(&h, 2)->replayed = true;
	expect_lines(0, 0);
	line_call(&h, 2)->replayed = false;
	line_call(&h, 2)->position = 0;
	expect_lines(0, 0);
	line_call(&h, 2)->position = 1;
	expect_lines(0, 1);
}

Test(lines, who_may_have_joined_before_may_stand_in_front)
{
	join_of(0.8, "b", "G", 1, 503);
	join(1, "a");
	join(2, "b");
	load_line();
	served(5, "b", "2");
	served(6, "a", "1");
	expect_lines(0, 0);
}

Test(lines, who_left_stands_at_the_end)
{
	join(1, "a");
	join(2, "b");
	leave(3, "a", 204);
	join(4, "a");
	load_line();
	ended(3.05, "a", TICKET_LEFT, NULL);
	served(5, "b", "2");
	served(6, "a", "1");
	expect_lines(0, 0);
}

Test(lines, who_may_have_left_may_have_been_away)
{
	join(1, "a");
	join(2, "b");
	leave(3, "a", 503);
	load_line();
	served(5, "b", "2");
	served(6, "a", "1");
	expect_lines(0, 0);
}

Test(lines, who_was_served_stands_at_the_end)
{
	join(1, "a");
	told(3.5, "a", "1");
	join(5, "b");
	join(7, "a");
	told(9.5, "a", "3");
	join(10, "c");
	join(11, "d");
	join(12, "a");
	load_line();
	served(3, "a", "1");
	served(8, "b", "2");
	served(9, "a", "3");
	served(13, "c", "4");
	served(14, "d", "6");
	served(15, "a", "5");
	expect_lines(0, 0);
	h.ends_count = 0;
	served(3, "a", "1");
	served(8, "b", "2");
	served(9, "a", "3");
	served(13, "c", "4");
	served(14, "a", "5"); /* who has joined a second after d */
	served(15, "d", "6");
	expect_lines(0, 1);
}

Test(lines, who_has_not_been_told_may_still_stand_with_the_place_of_before)
{
	join(1, "a");
	told(3.5, "a", "1");
	join(4, "a");
	join(5, "b");
	join(6, "a");
	load_line();
	served(3, "a", "1");
	served(8, "b", "2");
	served(9, "a", "3");
	line_call(&h, 3)->status = 404;
	expect_lines(0, 0);
	line_call(&h, 3)->status = 200;
	expect_lines(0, 1);
}

Test(lines, who_is_held_up_by_a_hold_comes_with_the_next)
{
	join(1, "a");
	join(2, "b");
	places(4.95, "a", 1, "9");
	load_line();
	served(5, "b", "2");
	served(6, "a", "1");
	expect_lines(0, 0);
	for (size_t i = 0; i < h.ends_count; i++)
		h.ends[i].ended_us += SECOND;
	expect_lines(0, 1);
}

Test(lines, who_stands_in_two_lines_may_be_busy_in_the_other)
{
	join(1, "a");
	join_of(1.5, "a", "H", 1, 202);
	join(2, "b");
	load_line();
	line_begun("H", 1, 0.5);
	served(5, "b", "2");
	served(6, "a", "1");
	expect_lines(0, 0);
}

Test(lines, a_line_that_was_lost_has_those_who_come_back)
{
	join(1, "a");
	join(1, "c");
	join(2, "b");
	join(30, "d");
	join(31, "c"); /* whose place of before is lost */
	join(32, "e");
	load();
	line_begun("G", 2, 10);
	served(12, "b", "2");
	served(13, "a", "1");
	served(34, "d", "4")->epoch = 2;
	served(35, "c", "3")->epoch = 2;
	served(36, "e", "5")->epoch = 2;
	expect_lines(0, 0);
	h.ends_count = 0;
	served(34, "e", "5")->epoch = 2;
	served(35, "c", "3")->epoch = 2;
	served(36, "d", "4")->epoch = 2;
	expect_lines(0, 2);
}

Test(lines, a_line_is_whole_until_it_is_lost)
{
	join(1, "b");
	told(7.5, "b", "1");
	join(10, "a");
	join(11, "b");
	load();
	served(7, "b", "1");
	served(13, "b", "2");
	served(14, "a", "3");
	line_begun("G", 2, 50);
	expect_lines(0, 1);
	line_begun("G", 2, 13.5);
	expect_lines(0, 0);
	/* Nobody knows when it began for the second time. */
	line_begun("G", 3, 50);
	expect_lines(0, 0);
	for (size_t i = 0; i < h.ends_count; i++)
		h.ends[i].epoch = 2;
	expect_lines(0, 0);
	/* The place that came back may be another than the one that was told of. */
	line_begun("G", 3, 5);
	expect_lines(0, 0);
}

Test(lines, an_old_place_in_a_lost_line_may_be_left_late)
{
	join(1, "a");
	join(20, "a");
	leave(26, "a", 204);
	load();
	line_begun("G", 2, 10);
	ended(26.05, "a", TICKET_LEFT, NULL);
	served(30, "a", "1")->epoch = 2;
	expect_lines(0, 0);
}

Test(lines, who_is_served_after_the_run_may_have_left_before)
{
	join(1, "a");
	join(2, "b");
	load_line();
	served(5, "b", "2");
	served(100.2, "a", "1");
	expect_lines(0, 0);
	h.end_us += SECOND;
	expect_lines(0, 1);
}

/* ---- against every pair ---------------------------------------------------------------------- */

#define PEOPLE  24
#define ROUNDS  60
#define SECONDS 10 /* in which they join */

struct person {
	char name[8], booking[8];
	int64_t joined, quantity, turn; /* seconds */
};

static int64_t
overtakers(const struct person *people)
{
	int64_t count = 0;

	for (int b = 0; b < PEOPLE; b++) {
		for (int a = 0; a < PEOPLE; a++) {
			if (people[a].joined < people[b].joined &&
				people[a].turn > people[b].turn &&
				people[a].quantity <= people[b].quantity) {
				count++;
				break;
			}
		}
	}
	return count;
}

Test(lines, agrees_with_a_look_at_every_pair)
{
	struct person people[PEOPLE];

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < PEOPLE; i++) {
			struct person *person = &people[i];

			snprintf(person->name, sizeof(person->name), "u%d", i);
			snprintf(person->booking, sizeof(person->booking), "b%d", i);
			person->joined = 1 + i * SECONDS / PEOPLE;
			person->quantity = 1 + below(3);
			/* Nearly as they came. */
			person->turn = 15 + 3 * person->joined + below(8);
			join_of((double)person->joined, person->name, "G", person->quantity, 202);
		}
		load_line();
		for (int i = 0; i < PEOPLE; i++)
			served_with((double)people[i].turn, people[i].name, people[i].booking,
				people[i].quantity);
		judge_loaded();
		cr_assert_eq(report.findings[7], overtakers(people), "round %d", round);
		end();
		h = (struct history){ .end_us = 0 };
		memcpy(path + strlen(path) - 6, "XXXXXX", 6);
		begin();
	}
}
