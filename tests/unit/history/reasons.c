/*
 * The reasons that refusals give, beside places, on histories by hand.
 */
#include <criterion/criterion.h>

#include "by_hand.h"

TestSuite(reasons, .init = begin, .fini = end);

/* A call that was refused so. */
static void
turn_down(double second, const char *user, enum record_op op, const char *booking, const char *key,
	int64_t status, const char *problem)
{
	static const char *const seats[] = { "S" };
	struct record_call call = call_at(second, user, op, booking, status);

	call.key = key;
	call.problem = problem;
	if (op == RECORD_HOLD)
		call.asked.places = (struct record_places){ .seats = seats, .seats_count = 1 };
	record_call(writer, &call);
}

/* A hold of these two seats whose key was another's. */
static void
mistake(double second, const char *user, const char *first, const char *second_seat,
	const char *key)
{
	const char *seats[] = { first, second_seat };
	struct record_call call = call_at(second, user, RECORD_HOLD, NULL, 422);

	call.key = key;
	call.problem = "idempotency-key-reused";
	call.asked.places = (struct record_places){ .seats = seats, .seats_count = 2 };
	record_call(writer, &call);
}

static void
take_two(double second, const char *user, const char *first, const char *second_seat,
	const char *key, bool replayed)
{
	const char *seats[] = { first, second_seat };
	struct record_call call = call_at(second, user, RECORD_HOLD, "1", 201);

	call.key = key;
	call.got.replayed = replayed;
	call.asked.places = (struct record_places){ .seats = seats, .seats_count = 2 };
	record_call(writer, &call);
}

static void
expect_refusals(int64_t refusals)
{
	history_derive(&h);
	report = (struct report){ .most = 0 };
	rule_reasons(&h, &report);
	cr_assert_eq(report.findings[3], refusals, "%ld", (long)report.findings[3]);
}

Test(reasons, a_payment_is_required_of_what_is_held_and_costs_something)
{
	struct booking *b;

	hold(1, "a", "S", "1", NULL);
	refuse(2, "a", RECORD_CONFIRM, "1", NULL, "payment-required");
	load();
	b = store("1", "a", 1, BOOKING_HOLD);
	h.paid = true;
	expect_refusals(0);
	b->free = true;
	expect_refusals(1);
	b->free = false;
	h.paid = false;
	expect_refusals(1);
	b->late = true;
	expect_refusals(0);
}

Test(reasons, no_payment_is_required_of_what_has_come_to_its_end)
{
	hold(1, "a", "S", "1", NULL);
	hold(1, "b", "T", "2", NULL);
	hold(1, "c", "U", "3", NULL);
	move(2, "a", RECORD_CONFIRM, "1", 200, "CONFIRMED");
	move(2, "b", RECORD_RELEASE, "2", 200, "RELEASED");
	refuse(2.05, "a", RECORD_CONFIRM, "1", NULL, "payment-required"); /* at the same time */
	refuse(2.05, "b", RECORD_CONFIRM, "2", NULL, "payment-required");
	refuse(3, "a", RECORD_CONFIRM, "1", NULL, "payment-required");
	refuse(3, "b", RECORD_CONFIRM, "2", NULL, "payment-required");
	refuse(10.9, "c", RECORD_CONFIRM, "3", NULL, "payment-required");
	refuse(12, "c", RECORD_CONFIRM, "3", NULL, "payment-required");
	load();
	h.paid = true;
	store("1", "a", 1, BOOKING_CONFIRMED);
	store("2", "b", 1, BOOKING_RELEASED);
	store("3", "c", 1, BOOKING_EXPIRED);
	expect_refusals(3);
	/* It was given more time. */
	store("3", "c", 1, BOOKING_EXPIRED)->expires_us = 20 * SECOND;
	expect_refusals(2);
	h.crash = true;
	expect_refusals(1);
}

Test(reasons, who_is_told_that_others_are_at_work_has_waited)
{
	turn_down(1, "a", RECORD_HOLD, NULL, NULL, 409, "busy");
	load();
	h.wait_us = 100000;
	expect_refusals(0);
	h.wait_us = 150000;
	expect_refusals(1);
}

Test(reasons, who_joins_is_refused_for_closed_sales_or_others_at_work)
{
	static const char *const problems[] = { "sales-closed", "busy", "sold-out",
		"seats-unavailable", "limit-exceeded", "wrong-state", "idempotency-in-flight",
		"other", NULL };

	for (size_t i = 0; i < ARRAY_LENGTH(problems); i++)
		turn_down(1 + (double)i, "a", RECORD_JOIN, NULL, NULL, 409, problems[i]);
	turn_down(20, "a", RECORD_JOIN, NULL, NULL, 410, "hold-expired");
	turn_down(30, "a", RECORD_JOIN, NULL, NULL, 409, "sales-closed");
	load();
	expect_refusals(8);
	h.wait_us = 150000; /* the busy one had not waited so long */
	expect_refusals(9);
	h.event_status = "on_sale";
	h.sales_start_us = 5 * SECOND;
	h.sales_end_us = 100 * SECOND;
	report = (struct report){ .most = 0 };
	rule_refusals(&h, &report);
	cr_assert_eq(report.findings[3], 1);
}

Test(reasons, a_key_is_in_flight_while_another_call_with_it_is)
{
	hold(1, "a", "S", "1", "k");
	turn_down(1.05, "a", RECORD_HOLD, NULL, "k", 409, "idempotency-in-flight");
	turn_down(1.5, "a", RECORD_HOLD, NULL, "k", 409, "idempotency-in-flight"); /* nobody is */
	turn_down(1.5, "a", RECORD_HOLD, NULL, "k", 409, "idempotency-in-flight");
	hold(3, "b", "T", "2", "l");
	turn_down(3, "c", RECORD_HOLD, NULL, "l", 409, "idempotency-in-flight"); /* not theirs */
	lose(4, "d", RECORD_HOLD, NULL, "m");
	turn_down(8, "d", RECORD_HOLD, NULL, "m", 409, "idempotency-in-flight");
	turn_down(9, "d", RECORD_HOLD, NULL, "m", 409, "idempotency-in-flight");
	turn_down(20, "e", RECORD_HOLD, NULL, NULL, 409, "idempotency-in-flight");
	turn_down(20, NULL, RECORD_HOLD, NULL, "n", 409, "idempotency-in-flight");
	load();
	expect_refusals(2 + 1 + 1 + 1);
	h.drift_us = SECOND;
	expect_refusals(0);
	h.drift_us = 0;
	h.crash = true;
	expect_refusals(0);
}

Test(reasons, a_key_is_anothers_once_something_was_done_with_it)
{
	hold(1, "a", "T", "1", "k");
	turn_down(2, "a", RECORD_HOLD, NULL, "k", 422, "idempotency-key-reused");
	lose(3, "b", RECORD_HOLD, NULL, "k");
	mistake(4, "b", "S", "T", "k");
	turn_down(5, "c", RECORD_HOLD, NULL, "k", 409, "limit-exceeded");
	turn_down(6, "c", RECORD_HOLD, NULL, "k", 422, "idempotency-key-reused");
	turn_down(7, "d", RECORD_HOLD, NULL, NULL, 422, "idempotency-key-reused");
	turn_down(8, NULL, RECORD_HOLD, NULL, "k", 422, "idempotency-key-reused");
	load();
	expect_refusals(2);
	h.key[line_call(&h, 7)->key].stored = history_booking(&h, "2"); /* in an earlier run */
	expect_refusals(1);
}

Test(reasons, a_key_is_not_anothers_before_that)
{
	mistake(1, "a", "S", "T", "k");
	take_two(1.05, "a", "U", "V", "k", false); /* at the same time */
	mistake(2, "b", "S", "T", "k");
	take_two(3, "b", "U", "V", "k", false); /* later */
	mistake(4, "c", "S", "T", "k");
	take_two(5, "c", "U", "V", "k", true); /* by a call that is not there */
	refuse(6, "a", RECORD_CONFIRM, "1", "m", "idempotency-key-reused");
	lose(7, "a", RECORD_CONFIRM, "1", "m");
	refuse(8, "a", RECORD_CONFIRM, "1", "m", "idempotency-key-reused");
	load();
	line_call(&h, 8)->status = line_call(&h, 10)->status = 422;
	keep_answer(8, "1");
	expect_refusals(2);
	/* What the database keeps is another call's, where there is none. */
	line_call(&h, 9)->status = 401;
	expect_refusals(1);
}

Test(reasons, a_key_is_not_anothers_for_the_same)
{
	take_two(1, "a", "S", "T", "k", false);
	mistake(2, "a", "S", "T", "k");
	mistake(2, "a", "T", "S", "k"); /* another order is another request */
	take_two(3, "b", "S", "T", "k", false);
	take_two(4, "b", "U", "T", "k", false);
	mistake(4.05, "b", "S", "T", "k");
	mistake(4.05, "b", "U", "T", "k");
	mistake(5, "c", "S", "T", "k");
	load();
	keep_answer(2, "1");
	store("1", "a", 1, BOOKING_HOLD);
	expect_refusals(2);
	h.booking[1].created_us = SECOND / 2; /* for places in another order, before the run */
	expect_refusals(1);
}

Test(reasons, what_was_granted_is_valid)
{
	hold(1, "a", "S", "1", NULL);
	turn_down(2, "b", RECORD_HOLD, NULL, NULL, 422, "invalid");
	places(3, "a", 2, "2");
	turn_down(4, "a", RECORD_CONFIRM, "1", NULL, 422, "invalid");
	load();
	expect_refusals(1);
	line_call(&h, 2)->status = 200; /* what one has already is not judged */
	expect_refusals(0);
	line_call(&h, 2)->status = 201;
	line_call(&h, 3)->asked = line_call(&h, 4)->asked;
	h.pool[line_call(&h, 3)->asked.at].quantity++;
	line_call(&h, 4)->asked.count = 0;
	expect_refusals(0);
}

Test(reasons, an_event_that_is_there_is_found)
{
	turn_down(1, "a", RECORD_HOLD, NULL, NULL, 404, "not-found");
	load();
	expect_refusals(0); /* nothing is known of it */
	h.event_status = "draft";
	expect_refusals(0);
	h.event_status = "closed";
	expect_refusals(1);
}

Test(reasons, nobody_is_forbidden_what_is_theirs)
{
	hold(1, "a", "S", "1", NULL);
	turn_down(2, "a", RECORD_CONFIRM, "1", NULL, 403, "forbidden");
	turn_down(3, "b", RECORD_CONFIRM, "1", NULL, 403, "forbidden");
	turn_down(4, "b", RECORD_HOLD, NULL, NULL, 403, "forbidden");
	load();
	store("1", "a", 1, BOOKING_HOLD);
	expect_refusals(1);
}

Test(reasons, a_pass_is_wanted_where_there_is_a_waiting_room)
{
	turn_down(1, "a", RECORD_HOLD, NULL, NULL, 403, "queue-required");
	load();
	h.event_status = "on_sale";
	expect_refusals(1);
	h.room = true;
	expect_refusals(0);
}

Test(reasons, what_is_the_users_own_is_found)
{
	turn_down(6, "a", RECORD_CONFIRM, "1", NULL, 404, "not-found");
	turn_down(6, "b", RECORD_CONFIRM, "1", NULL, 404, "not-found");
	load();
	h.head.began_us = 5 * SECOND;
	store("1", "a", 1, BOOKING_HOLD);
	judge_loaded();
	rule_found(&h, &report, NULL);
	cr_assert_eq(report.findings[1], 1);
	h.booking[1].created_us = 3 * SECOND; /* its transaction may have been under way */
	report = (struct report){ .most = 0 };
	rule_found(&h, &report, NULL);
	cr_assert_eq(report.findings[1], 0);
}
