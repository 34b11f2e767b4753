/*
 * The rules on what was answered alone, on histories by hand.
 */
#include <criterion/criterion.h>

#include "by_hand.h"

TestSuite(rules, .init = begin, .fini = end);

Test(rules, one_after_the_other_is_well)
{
	hold(1, "a", "S", "1", NULL);
	move(2, "a", RECORD_RELEASE, "1", 200, "RELEASED");
	hold(3, "b", "S", "2", NULL);
	hold(13.0, "a", "S", "3", NULL); /* its deadline has come */
	move(14, "a", RECORD_CONFIRM, "3", 200, "CONFIRMED");
	move(50, "a", RECORD_CANCEL, "3", 200, "CANCELLED");
	hold(51, "b", "S", "4", NULL);
	judge();
	expect(0, 0, 0, 0);
}

Test(rules, a_hold_is_its_owners_to_its_deadline)
{
	hold(1, "a", "S", "1", NULL);
	hold(10.8, "b", "S", "2", NULL);
	judge();
	expect(1, 0, 0, 0);
}

Test(rules, a_confirmed_booking_is_its_owners_until_cancelled)
{
	hold(1, "a", "S", "1", NULL);
	move(2, "a", RECORD_CONFIRM, "1", 200, "CONFIRMED");
	hold(40, "b", "S", "2", NULL);
	judge();
	expect(1, 0, 0, 0);
}

Test(rules, who_may_have_let_go_owns_nothing_for_certain)
{
	hold(1, "a", "S", "1", NULL);
	move(2, "a", RECORD_RELEASE, "1", 0, NULL);
	hold(2, "b", "S", "2", NULL);
	judge();
	expect(0, 0, 0, 0);
}

Test(rules, a_section_is_not_oversold)
{
	places(1, "a", 6, "1");
	places(2, "b", 4, "2");
	places(3, "c", 1, "3");
	judge();
	expect(1, 0, 0, 0);
}

Test(rules, refusals_have_a_reason)
{
	hold(1, "a", "S", "1", NULL);
	hold(1.05, "b", "S", NULL, NULL); /* at the same time */
	hold(5, "b", "S", NULL, NULL);    /* while it is held */
	hold(11.9, "b", "S", NULL, NULL); /* within the second of the clocks */
	places(12, "a", 8, "2");
	places(13, "b", 3, NULL);
	judge();
	expect(0, 0, 0, 0);
}

Test(rules, refusals_without_a_reason)
{
	hold(0.5, "b", "S", NULL, NULL); /* before anybody asked */
	hold(1, "a", "S", "1", NULL);
	hold(13, "b", "S", NULL, NULL); /* for a hold that is dead */
	hold(20, "a", "S", "2", NULL);
	move(21, "a", RECORD_RELEASE, "2", 200, "RELEASED");
	hold(22, "b", "S", NULL, NULL); /* after it came back */
	places(23, "a", 8, "3");
	places(24, "b", 2, NULL); /* there were two */
	judge();
	expect(0, 4, 0, 0);
}

Test(rules, refusals_give_a_reason_of_their_own)
{
	static const char *const holds[] = { "seats-unavailable", "sold-out", "limit-exceeded",
		"sales-closed", "busy", "wrong-state", "hold-expired", NULL };
	static const char *const moves[] = { "wrong-state", "sales-closed", "payment-required",
		"payment-in-progress", "seats-unavailable", "sold-out", "limit-exceeded",
		"hold-expired", NULL };
	struct record_call call = call_at(1, NULL, RECORD_HOLD, NULL, 409);

	for (size_t i = 0; i < ARRAY_LENGTH(holds); i++) {
		call.problem = holds[i];
		record_call(writer, &call);
	}
	call.op = RECORD_CONFIRM;
	for (size_t i = 0; i < ARRAY_LENGTH(moves); i++) {
		call.problem = moves[i];
		record_call(writer, &call);
	}
	call.status = 410;
	for (size_t i = 0; i < ARRAY_LENGTH(moves); i++) {
		call.problem = moves[i];
		record_call(writer, &call);
	}
	load();
	judge_loaded();
	/* And once seats were refused that nobody had. */
	expect(0, 1 + 3 + 5 + 8, 0, 0);
}

Test(rules, two_who_lost_are_no_reason_for_each_other)
{
	hold(1, "a", "S", NULL, NULL);
	hold(1, "b", "S", NULL, NULL);
	judge();
	expect(0, 2, 0, 0);
}

Test(rules, an_unanswered_hold_is_a_reason_while_it_may_live)
{
	const char *seats[] = { "S" };
	struct record_call lost = call_at(1, "a", RECORD_HOLD, NULL, 0);

	lost.asked.places = (struct record_places){ .seats = seats, .seats_count = 1 };
	record_call(writer, &lost);
	hold(9, "b", "S", NULL, NULL);
	hold(30, "b", "S", NULL, NULL);
	judge();
	expect(0, 1, 0, 0);
}

Test(rules, deadlines_count)
{
	hold(1, "a", "S", "1", NULL);
	hold(1, "a", "T", "2", NULL);
	move(2, "a", RECORD_CONFIRM, "2", 200, "CONFIRMED");
	move(12, "a", RECORD_CONFIRM, "1", 200, "CONFIRMED"); /* too late */
	move(40, "a", RECORD_CONFIRM, "2", 200, "CONFIRMED"); /* it is so already */
	judge();
	expect(0, 0, 1, 0);
}

Test(rules, what_one_has_already_has_not_ended)
{
	hold(1, "a", "S", "1", NULL);
	hold(5, "a", "S", "1", NULL);
	hold(50, "a", "S", "1", NULL);
	load();
	for (uint32_t line = 3; line <= 4; line++) {
		line_call(&h, line)->status = 200;
		line_call(&h, line)->expires_us = 11 * SECOND;
	}
	judge_loaded();
	expect(0, 0, 1, 0);
}

Test(rules, what_one_has_already_was_not_given_back)
{
	hold(1, "a", "S", "1", NULL);
	move(2, "a", RECORD_RELEASE, "1", 200, "RELEASED");
	hold(3, "a", "S", "1", NULL);
	load();
	line_call(&h, 4)->status = 200;
	line_call(&h, 4)->expires_us = 11 * SECOND;
	judge_loaded();
	expect(0, 0, 0, 1);
}

Test(rules, a_hold_is_told_its_deadline)
{
	hold(1, "a", "S", "1", NULL);
	load();
	line_call(&h, 2)->expires_us = RECORD_ABSENT;
	judge_loaded();
	expect(0, 0, 1, 0);
}

Test(rules, time_does_not_go_back)
{
	hold(1, "a", "S", "1", NULL);
	move(2, "a", RECORD_RELEASE, "1", 200, "RELEASED");
	move(3, "a", RECORD_CONFIRM, "1", 200, "CONFIRMED");
	hold(4, "a", "T", "2", NULL);
	move(5, "a", RECORD_CONFIRM, "2", 200, "CONFIRMED");
	move(5.05, "a", RECORD_GET, "2", 200, "HOLD"); /* at the same time */
	move(6, "a", RECORD_GET, "2", 200, "HOLD");
	judge();
	expect(0, 0, 0, 2);
}

Test(rules, a_key_has_one_effect)
{
	hold(1, "a", "S", "1", "k");
	hold(2, "a", "S", "1", "k"); /* with another deadline */
	hold(3, "a", "S", "2", "k");
	hold(4, "b", "T", "3", "k"); /* somebody else's key */
	judge();
	rule_keys(&h, &report);
	cr_assert_eq(report.findings[5], 2);
}
