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
	/* Who asks for no places can lose none. */
	expect(0, 5 + 5 + 8, 0, 0);
}

/* Asks for a seat, for places of the section, or for both, and is refused so. */
static void
ask(double second, const char *seat, bool places, const char *problem, const char *lost)
{
	const struct record_part part = { "G", 1 };
	struct record_call call = call_at(second, "b", RECORD_HOLD, NULL, 409);

	call.problem = problem;
	call.asked.places = (struct record_places){
		.seats = &seat,
		.seats_count = seat != NULL,
		.parts = &part,
		.parts_count = places,
	};
	call.got.lost = &lost;
	call.got.lost_count = lost != NULL;
	record_call(writer, &call);
}

Test(rules, a_refusal_is_of_what_was_asked_for)
{
	hold(1, "a", "S", "1", NULL);
	places(1, "a", 10, "2");
	ask(2, "S", false, "seats-unavailable", NULL);
	ask(2, "S", true, "seats-unavailable", "S");
	ask(2, "S", true, "sold-out", NULL);
	ask(2, NULL, true, "sold-out", NULL);
	judge();
	expect(0, 0, 0, 0);
}

Test(rules, a_refusal_of_what_was_not_asked_for)
{
	hold(1, "a", "S", "1", NULL);
	places(1, "a", 10, "2");
	ask(2, NULL, true, "seats-unavailable", NULL); /* it asks for no seat */
	ask(3, "S", false, "sold-out", NULL);          /* and for no section */
	ask(4, "T", false, "seats-unavailable", "S");
	ask(5, "S", false, "seats-unavailable", "none");
	ask(6, "T", true, "seats-unavailable", NULL); /* a section is no seat that is lost */
	judge();
	expect(0, 5, 0, 0);
}

Test(rules, two_who_lost_are_no_reason_for_each_other)
{
	hold(1, "a", "S", NULL, NULL);
	hold(1, "b", "S", NULL, NULL);
	judge();
	expect(0, 2, 0, 0);
}

/* Asks for the seats S and T, and for as many places, and is refused so. */
static void
ask_both(double second, const char *user, int64_t places, const char *problem, const char *lost)
{
	static const char *const seats[] = { "S", "T" };
	const struct record_part part = { "G", places };
	struct record_call call = call_at(second, user, RECORD_HOLD, NULL, 409);

	call.problem = problem;
	call.asked.places = (struct record_places){
		.seats = seats,
		.seats_count = 2,
		.parts = &part,
		.parts_count = places > 0,
	};
	call.got.lost = &lost;
	call.got.lost_count = lost != NULL;
	record_call(writer, &call);
}

Test(rules, two_who_were_refused_are_no_reason_for_each_other)
{
	ask(1, "S", false, "seats-unavailable", NULL);
	ask(1, "S", false, "seats-unavailable", NULL);
	ask_both(2, "a", 0, "seats-unavailable", "S");
	ask_both(2, "b", 0, "seats-unavailable", "T");
	ask_both(3, "a", 0, "seats-unavailable", NULL);
	ask_both(3, "b", 0, "seats-unavailable", NULL);
	ask_both(4, "a", 6, "sold-out", NULL);
	ask_both(4, "b", 6, "sold-out", NULL);
	ask_both(5, "a", 6, "sold-out", NULL);
	ask_both(5, "b", 6, "seats-unavailable", "S");
	judge();
	expect(0, 10, 0, 0);
}

Test(rules, who_was_refused_for_what_is_owned_is_a_reason_for_another)
{
	hold(1, "a", "S", "1", NULL);
	ask_both(2, "b", 6, "seats-unavailable", "S"); /* it may have had the rest */
	hold(2, "c", "T", NULL, NULL);
	places(2, "c", 6, NULL);
	ask_both(3, "b", 6, "limit-exceeded", NULL);
	hold(3, "c", "T", NULL, NULL);
	places(3, "c", 6, NULL);
	places(4, "a", 6, "2");
	ask_both(5, "b", 6, "sold-out", NULL);
	hold(5, "c", "T", NULL, NULL);
	load();
	history_derive(&h);
	report = (struct report){ .most = 0 };
	rule_refusals(&h, &report);
	expect(0, 1, 0, 0); /* b had nothing before: of that limit alone there is a finding */
	line_call(&h, 6)->done_us = line_call(&h, 7)->sent_us - 1;
	line_call(&h, 3)->done_us = line_call(&h, 4)->sent_us - 1;
	report = (struct report){ .most = 0 };
	rule_refusals(&h, &report);
	expect(0, 5, 0, 0);
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

Test(rules, a_release_after_the_deadline_is_not_the_first)
{
	hold(1, "a", "S", "1", NULL);
	hold(1, "a", "T", "2", NULL);
	hold(1, "a", "U", "3", NULL);
	lose(5, "a", RECORD_RELEASE, "2", NULL);
	move(5, "a", RECORD_RELEASE, "3", 200, "RELEASED");
	move(30, "a", RECORD_RELEASE, "1", 200, "RELEASED");
	move(30, "a", RECORD_RELEASE, "2", 200, "RELEASED");
	move(30, "a", RECORD_RELEASE, "3", 200, "RELEASED");
	judge();
	expect(0, 0, 1, 0);
	/* Somebody else has, by then. */
	store("1", "a", 1, BOOKING_RELEASED)->ended_us = 8 * SECOND;
	judge_loaded();
	expect(0, 0, 0, 0);
	h.booking[1].ended_us = 12 * SECOND; /* which nobody can */
	judge_loaded();
	expect(0, 0, 2, 0);
	h.crash = true; /* the deadline may have been put back */
	judge_loaded();
	expect(0, 0, 1, 0);
	h.booking[1].late = true;
	judge_loaded();
	expect(0, 0, 0, 0);
}

/* The hold of this deadline is shown so. */
static void
show(double second, enum record_op op, const char *status, int64_t expires_us)
{
	struct record_call call = call_at(second, "a", op, "1", 200);

	call.got.status = status;
	call.got.expires_us = expires_us;
	record_call(writer, &call);
}

Test(rules, nobody_is_shown_a_hold_after_its_deadline)
{
	hold(1, "a", "S", "1", NULL);
	show(10.9, RECORD_GET, "HOLD", 11 * SECOND);
	show(11.04, RECORD_GET, "HOLD", 11 * SECOND); /* clocks differ */
	show(12.04, RECORD_POLL, "reserved", 11 * SECOND);
	show(13, RECORD_GET, "EXPIRED", RECORD_ABSENT);
	judge();
	expect(0, 0, 0, 0);
}

Test(rules, who_is_shown_a_hold_after_its_deadline)
{
	struct booking *b;

	hold(1, "a", "S", "1", NULL);
	show(11.1, RECORD_GET, "HOLD", 11 * SECOND);
	show(12.1, RECORD_POLL, "reserved", 11 * SECOND);
	show(15, RECORD_GET, "RESERVED", RECORD_ABSENT);
	judge();
	expect(0, 0, 2, 0);
	b = store("1", "a", 1, BOOKING_EXPIRED);
	judge_loaded();
	expect(0, 0, 3, 0);
	b->expires_us = 16 * SECOND; /* a payment has put it off */
	judge_loaded();
	expect(0, 0, 2, 0);
	b->late = true;
	judge_loaded();
	expect(0, 0, 0, 0);
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

Test(rules, a_replay_tells_of_the_life_that_was_left)
{
	hold(5, "a", "S", "1", "k"); /* the call that made it is not there, or was answered later */
	hold(9, "b", "T", "2", NULL);
	load();
	h.head.hold_ms = 10000;
	line_call(&h, 2)->expires_us = 11 * SECOND;
	judge_loaded();
	expect(0, 0, 1, 0);
	line_call(&h, 2)->replayed = true;
	judge_loaded();
	expect(0, 0, 0, 0);
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

Test(rules, a_key_that_made_a_booking_tells_of_no_other)
{
	hold(0.5, "a", "R", "9", "k"); /* what they have: nothing is kept */
	hold(1, "a", "S", "1", "k");
	hold(1.05, "a", "S", "1", "k");  /* at the same time */
	hold(50, "a", "S", "2", NULL);   /* anew */
	hold(51, "a", "S", "2", "k");    /* it is told what it made */
	hold(51, NULL, "S", "2", "k");   /* nobody's key */
	hold(51, "b", "S", "2", "k");    /* another's */
	hold(90000, "a", "S", "2", "k"); /* when it may be forgotten */
	end_us = 90001 * SECOND;
	load();
	for (uint32_t line = 2; line <= 9; line++)
		line_call(&h, line)->status = line == 3 || line == 5 ? 201 : 200;
	judge_loaded();
	report = (struct report){ .most = 0 };
	rule_keys(&h, &report);
	cr_assert_eq(report.findings[5], 1);
	h.crash = true;
	report = (struct report){ .most = 0 };
	rule_keys(&h, &report);
	cr_assert_eq(report.findings[5], 0);
}
