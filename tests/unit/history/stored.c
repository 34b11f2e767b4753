/*
 * The rules on what was answered and on what the database holds, on histories by hand.
 */
#include <criterion/criterion.h>

#include "by_hand.h"

TestSuite(stored, .init = begin, .fini = end);

Test(stored, what_was_done_under_a_key_is_not_refused_under_it)
{
	hold(1, "a", "S", "1", NULL);
	lose(2, "a", RECORD_CONFIRM, "1", "k"); /* it was done */
	refuse(12, "a", RECORD_CONFIRM, "1", "k", "hold-expired");
	refuse(13, "a", RECORD_CONFIRM, "1", "k", "busy");
	refuse(14, "a", RECORD_CONFIRM, "1", "other", "hold-expired"); /* of no answer */
	load();
	store("1", "a", 1, BOOKING_CONFIRMED)->confirmed_us = 2 * SECOND;
	keep_answer(3, "1");
	judge_loaded();
	rule_keys(&h, &report);
	cr_assert_eq(report.findings[5], 1);
}

Test(stored, a_hold_that_was_made_is_not_refused_under_its_key)
{
	lose(1, "a", RECORD_HOLD, NULL, "k");
	hold(1.2, "a", "S", NULL, "k"); /* it may still have been on its way */
	hold(8, "a", "S", NULL, "k");
	load();
	store_seat(store("1", "a", 1, BOOKING_HOLD));
	keep_answer(2, "1");
	judge_loaded();
	rule_keys(&h, &report);
	cr_assert_eq(report.findings[5], 1);
}

Test(stored, a_cancel_may_come_too_early)
{
	hold(1, "a", "S", "1", NULL);
	refuse(2, "a", RECORD_CANCEL, "1", "k", "wrong-state");
	move(3, "a", RECORD_CONFIRM, "1", 200, "CONFIRMED");
	load();
	store("1", "a", 1, BOOKING_CANCELLED)->confirmed_us = 3 * SECOND;
	keep_answer(3, "1");
	judge_loaded();
	rule_keys(&h, &report);
	cr_assert_eq(report.findings[5], 0);
	expect(0, 0, 0, 0);
}

Test(stored, keys_of_nobody_are_not_compared)
{
	hold(1, NULL, "S", "1", "k");
	load();
	store("1", "a", 1, BOOKING_HOLD)->key = history_key(&h, RECORD_HOLD, 1, "k");
	judge_loaded();
	rule_keys(&h, &report);
	cr_assert_eq(report.findings[5], 0);
}

Test(stored, a_move_is_refused_for_a_state_that_can_have_been)
{
	hold(1, "a", "S", "1", NULL);
	move(2, "a", RECORD_RELEASE, "1", 200, "RELEASED");
	refuse(3, "a", RECORD_CONFIRM, "1", NULL, "wrong-state");
	hold(4, "a", "S", "2", NULL);
	hold(4, "b", "T", "3", NULL);
	lose(5, "a", RECORD_CONFIRM, "2", NULL);
	refuse(5, "a", RECORD_CANCEL, "2", NULL, "wrong-state");
	refuse(6, "a", RECORD_RELEASE, "2", NULL, "wrong-state");
	refuse(14, "b", RECORD_CONFIRM, "3", NULL, "wrong-state"); /* at its deadline */
	refuse(14, "b", RECORD_RELEASE, "3", NULL, "hold-expired");
	judge();
	expect(0, 0, 0, 0);
}

Test(stored, a_move_is_refused_for_a_state_that_cannot_have_been)
{
	hold(1, "a", "S", "1", NULL);
	hold(1, "b", "T", "2", NULL);
	refuse(2, "a", RECORD_CONFIRM, "1", NULL, "wrong-state");
	refuse(2, "b", RECORD_RELEASE, "2", NULL, "hold-expired"); /* before its deadline */
	refuse(3, "a", RECORD_RELEASE, "1", NULL, "wrong-state");
	move(4, "a", RECORD_CONFIRM, "1", 200, "CONFIRMED");
	refuse(5, "a", RECORD_CANCEL, "1", NULL, "wrong-state");
	refuse(50, "a", RECORD_CONFIRM, "1", NULL, "wrong-state");
	refuse(50, "a", RECORD_CANCEL, "1", NULL, "hold-expired"); /* what is confirmed */
	judge();
	expect(0, 4, 2, 0);
}

Test(stored, sales_are_closed_when_they_are)
{
	for (int second = 1; second < 40; second += 10) {
		struct record_call call = call_at(second, "a", RECORD_HOLD, NULL, 409);

		call.problem = "sales-closed";
		record_call(writer, &call);
	}
	load();
	h.event_status = "on_sale";
	h.sales_start_us = 5 * SECOND;
	h.sales_end_us = 21 * SECOND;
	judge_loaded();
	expect(0, 1, 0, 0);
	h.event_status = "closed";
	judge_loaded();
	expect(0, 0, 0, 0);
}

Test(stored, what_was_served_in_a_line_is_owned)
{
	struct record_call poll = call_at(2, "a", RECORD_POLL, NULL, 200);

	poll.got.booking = "1";
	poll.got.status = "reserved";
	poll.got.expires_us = 12 * SECOND;
	record_call(writer, &poll);
	hold(5, "b", "S", "2", NULL);
	load();
	store_seat(store("1", "a", 2, BOOKING_HOLD));
	h.booking[1].served = true;
	judge_loaded();
	cr_assert_eq(h.booking[1].least_expires_us, 12 * SECOND);
	expect(1, 0, 0, 0);
}

Test(stored, a_release_may_be_done_when_the_payment_has_ended)
{
	struct booking *b;

	hold(1, "a", "S", "1", NULL);
	refuse(2, "a", RECORD_RELEASE, "1", NULL, "payment-in-progress");
	hold(8, "b", "S", "2", NULL);
	load();
	b = store("1", "a", 1, BOOKING_RELEASED);
	b->ended_us = 7 * SECOND;
	store_seat(b);
	judge_loaded();
	rule_found(&h, &report, NULL);
	expect(0, 0, 0, 0);
	cr_assert_eq(report.findings[1], 1); /* only that 2 is not stored */
}

Test(stored, other_runs_are_not_judged)
{
	struct booking *b;

	hold(50, "a", "S", "1", NULL);
	hold(55, "b", "S", NULL, NULL);
	load();
	h.head.began_us = 49 * SECOND;
	h.end_us = 60 * SECOND;
	store("2", "a", 10, BOOKING_EXPIRED);
	store("3", "a", 80, BOOKING_HOLD);
	store("4", "a", 52, BOOKING_HOLD); /* of this run, and no call's */
	b = store("1", "a", 50, BOOKING_CONFIRMED);
	b->confirmed_us = 80 * SECOND;
	b->places = line_call(&h, 2)->asked;
	judge_loaded();
	rule_found(&h, &report, NULL);
	cr_assert_eq(report.findings[1], 1);
}

Test(stored, runs_that_follow_each_other_at_once_are_told_apart)
{
	struct booking *b;

	hold(50, "a", "S", "1", NULL);
	load();
	h.head.began_us = 49 * SECOND;
	h.end_us = 60 * SECOND;
	store("2", "a", 48.9, BOOKING_HOLD);
	store("3", "a", 60.1, BOOKING_HOLD);
	b = store("1", "a", 50, BOOKING_RELEASED);
	b->ended_us = 60 * SECOND + SECOND / 10;
	b->places = line_call(&h, 2)->asked;
	judge_loaded();
	rule_found(&h, &report, NULL);
	cr_assert_eq(report.findings[1], 0);
}

Test(stored, what_one_has_already_was_made_by_a_hold)
{
	hold(50, "a", "S", "1", NULL);
	load();
	h.head.began_us = 49 * SECOND;
	h.end_us = 60 * SECOND;
	line_call(&h, 2)->status = 200;
	store_seat(store("1", "a", 49.5, BOOKING_HOLD));
	judge_loaded();
	rule_found(&h, &report, NULL);
	cr_assert_eq(report.findings[1], 1);
	h.booking[1].created_us = 45 * SECOND; /* in another run */
	judge_loaded();
	rule_found(&h, &report, NULL);
	cr_assert_eq(report.findings[1], 0);
}

Test(stored, answers_tell_of_a_booking_as_the_call_makes_it)
{
	static const enum booking_status well[] = { BOOKING_HOLD, BOOKING_CONFIRMED,
		BOOKING_CANCELLED };
	struct call *call;

	hold(1, "a", "S", "1", NULL);
	move(2, "a", RECORD_CONFIRM, "1", 200, "CONFIRMED");
	move(3, "a", RECORD_CANCEL, "1", 200, "CANCELLED");
	load();
	store_seat(store("1", "a", 1, BOOKING_CANCELLED));
	h.booking[1].confirmed_us = 2 * SECOND;
	h.booking[1].ended_us = 3 * SECOND;
	judge_loaded();
	rule_found(&h, &report, NULL);
	cr_assert_eq(report.findings[1], 0);
	for (int i = 0; i < 3; i++) {
		call = line_call(&h, (uint32_t)i + 2);
		for (int shown = BOOKING_NONE; shown < BOOKING_STATUSES; shown++) {
			bool fits = shown == (int)well[i] ||
				    (i == 0 && shown == BOOKING_RESERVED) ||
				    (i == 2 && shown == BOOKING_REFUNDED);

			call->shown = (uint8_t)shown;
			report = (struct report){ .most = 0 };
			rule_found(&h, &report, NULL);
			cr_assert_eq(report.findings[1], fits ? 0 : 1, "call %d as %s", i,
				booking_status_names[shown]);
		}
		call->shown = (uint8_t)well[i];
	}
}

Test(stored, an_answer_that_tells_of_nothing_is_none)
{
	struct record_call call = call_at(1, "a", RECORD_HOLD, NULL, 201);

	record_call(writer, &call);
	call = call_at(2, "a", RECORD_CONFIRM, "1", 200);
	call.got.booking = NULL;
	record_call(writer, &call);
	load();
	h.head.began_us = SECOND / 2;
	store_seat(store("1", "a", 0.1, BOOKING_CONFIRMED)); /* held in another run */
	h.booking[1].confirmed_us = 2 * SECOND;
	judge_loaded();
	rule_found(&h, &report, NULL);
	cr_assert_eq(report.findings[1], 2);
}

Test(stored, a_hold_of_an_earlier_run_is_a_reason)
{
	hold(5, "b", "S", NULL, NULL);
	hold(6, "a", "S", "1", NULL); /* which one has already */
	load();
	line_call(&h, 3)->status = 200;
	line_call(&h, 3)->expires_us = 11 * SECOND;
	store_seat(store("1", "a", 1, BOOKING_HOLD));
	judge_loaded();
	expect(0, 0, 0, 0);
}

Test(stored, a_deadline_does_not_come_sooner_than_was_told)
{
	struct booking *b;

	hold(1, "a", "S", "1", NULL);
	load();
	b = store("1", "a", 1, BOOKING_EXPIRED);
	b->expires_us += 5 * SECOND; /* put off */
	judge_loaded();
	expect(0, 0, 0, 0);
	b->expires_us -= 6 * SECOND;
	judge_loaded();
	expect(0, 0, 1, 0);
	h.crash = true;
	judge_loaded();
	expect(0, 0, 0, 0);
}

Test(stored, a_hold_is_not_taken_before_its_deadline)
{
	struct booking *b;

	hold(1, "a", "S", "1", NULL);
	load();
	b = store("1", "a", 1, BOOKING_EXPIRED);
	b->ended_us = b->expires_us;
	judge_loaded();
	expect(0, 0, 0, 0);
	b->ended_us = b->expires_us - 1;
	judge_loaded();
	expect(0, 0, 1, 0);
	b->late = true;
	judge_loaded();
	expect(0, 0, 0, 0);
	b->late = false;
	b->ended_us = 4 * SECOND;
	judge_loaded();
	expect(0, 0, 1, 0);
}

/* ---- after a crash --------------------------------------------------------------------------- */

Test(stored, a_crash_undoes_releases)
{
	hold(1, "a", "S", "1", NULL);
	move(2, "a", RECORD_RELEASE, "1", 200, "RELEASED"); /* undone */
	hold(5, "b", "S", NULL, NULL);
	move(6, "a", RECORD_RELEASE, "1", 200, "RELEASED");
	hold(15, "b", "S", NULL, NULL);
	load();
	h.crash = true;
	store_seat(store("1", "a", 1, BOOKING_RELEASED));
	h.booking[names_find(&h.bookings, "1")].ended_us = 6 * SECOND;
	judge_loaded();
	expect(0, 1, 0, 0);
	h.booking[names_find(&h.bookings, "1")].status = BOOKING_EXPIRED;
	h.booking[names_find(&h.bookings, "1")].ended_us = 11 * SECOND;
	judge_loaded();
	expect(0, 1, 0, 0);
}

Test(stored, a_crash_undoes_holds_that_their_keys_make_anew)
{
	hold(1, "a", "S", "1", "k"); /* undone */
	hold(2, "b", "S", "2", NULL);
	move(3, "b", RECORD_RELEASE, "2", 200, "RELEASED");
	hold(4, "a", "S", "1", "k");
	load();
	h.crash = true;
	store_seat(store("1", "a", 4, BOOKING_HOLD));
	store_seat(store("2", "b", 2, BOOKING_RELEASED));
	h.booking[names_find(&h.bookings, "2")].ended_us = 3 * SECOND;
	h.booking[names_find(&h.bookings, "1")].key = line_call(&h, 2)->key;
	judge_loaded();
	rule_keys(&h, &report);
	expect(0, 0, 0, 0);
	cr_assert_eq(report.findings[5], 0);
	h.crash = false;
	judge_loaded();
	rule_keys(&h, &report);
	cr_assert_eq(report.findings[5], 1);
}
