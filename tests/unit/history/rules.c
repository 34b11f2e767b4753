/*
 * The rules that need no database, on histories by hand: what the database holds is said here.
 */
#include <criterion/criterion.h>
#include <unistd.h>

#include "history/history.h"

#define SECOND INT64_C(1000000)

static char path[] = "/tmp/holdfast-rules-XXXXXX";
static struct history h;
static struct report report;
static struct record_writer *writer;

static void
begin(void)
{
	const struct record_head head = { "rules", "http://a", "1", "0", 0, 10000, 0 };
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	close(fd);
	writer = record_create(path, &head);
	cr_assert(writer);
}

static void
end(void)
{
	history_release(&h);
	unlink(path);
}

TestSuite(rules, .init = begin, .fini = end);

/* A call of a second's tenth, at this second. */
static struct record_call
call_at(double second, const char *user, enum record_op op, const char *booking, int64_t status)
{
	int64_t us = (int64_t)(second * 1e6);

	return (struct record_call){
		.user = user,
		.op = op,
		.due_us = us,
		.sent_us = us,
		.done_us = us + SECOND / 10,
		.asked = { .booking = op == RECORD_HOLD ? NULL : booking },
		.status = status,
		.got = { .booking = status < 300 ? booking : NULL,
			.expires_us = RECORD_ABSENT,
			.available = RECORD_ABSENT,
			.version = RECORD_ABSENT,
			.free = RECORD_ABSENT,
			.position = RECORD_ABSENT },
	};
}

/* A hold of one seat, answered with this booking; NULL: refused. */
static void
hold(double second, const char *user, const char *seat, const char *booking, const char *key)
{
	const char *seats[] = { seat };
	struct record_call call = call_at(second, user, RECORD_HOLD, booking, booking ? 201 : 409);

	call.key = key;
	call.asked.places = (struct record_places){ .seats = seats, .seats_count = 1 };
	if (booking) {
		call.got.places = call.asked.places;
		call.got.status = "HOLD";
		call.got.expires_us = call.sent_us + 10 * SECOND;
	} else {
		call.problem = "seats-unavailable";
		call.got.lost = seats;
		call.got.lost_count = 1;
	}
	record_call(writer, &call);
}

static void
move(double second, const char *user, enum record_op op, const char *booking, int64_t status,
	const char *shown)
{
	struct record_call call = call_at(second, user, op, booking, status);

	call.got.status = shown;
	record_call(writer, &call);
}

static void
places(double second, const char *user, int64_t quantity, const char *booking)
{
	const struct record_part part = { "G", quantity };
	struct record_call call = call_at(second, user, RECORD_HOLD, booking, booking ? 201 : 409);

	call.asked.places = (struct record_places){ .parts = &part, .parts_count = 1 };
	if (booking) {
		call.got.places = call.asked.places;
		call.got.status = "HOLD";
		call.got.expires_us = call.sent_us + 10 * SECOND;
	} else {
		call.problem = "sold-out";
	}
	record_call(writer, &call);
}

/* A move that was refused, for this reason. */
static void
refuse(double second, const char *user, enum record_op op, const char *booking, const char *key,
	const char *problem)
{
	bool gone = strcmp(problem, "hold-expired") == 0;
	struct record_call call = call_at(second, user, op, booking, gone ? 410 : 409);

	call.key = key;
	call.problem = problem;
	record_call(writer, &call);
}

/* A call whose answer was lost. */
static void
lose(double second, const char *user, enum record_op op, const char *booking, const char *key)
{
	const char *seats[] = { "S" };
	struct record_call call = call_at(second, user, op, booking, 0);

	call.key = key;
	call.got.booking = NULL;
	if (op == RECORD_HOLD)
		call.asked.places = (struct record_places){ .seats = seats, .seats_count = 1 };
	record_call(writer, &call);
}

/* Every seat is known and every section has ten places. */
static void
load(void)
{
	const char *fault;

	cr_assert(record_finish(writer, 100 * SECOND));
	h = (struct history){ .skew_us = 50000 };
	cr_assert(history_read(&h, path, &fault), "%s", fault);
	for (uint32_t i = 1; i <= h.places.count; i++) {
		h.resource[i].known = true;
		h.resource[i].capacity = h.resource[i].is_section ? 10 : 1;
	}
}

/* What the database says of a booking: made at this second, and so. */
static struct booking *
store(const char *booking, const char *user, double second, enum booking_status status)
{
	struct booking *b = &h.booking[history_booking(&h, booking)];

	b->stored = true;
	b->user = names_add(&h.users, user);
	b->status = (uint8_t)status;
	b->created_us = (int64_t)(second * 1e6);
	b->expires_us = b->created_us + 10 * SECOND;
	b->confirmed_us = b->ended_us = b->cancelled_us = RECORD_ABSENT;
	return b;
}

/* The seat S is the booking's by the database. */
static void
store_seat(struct booking *b)
{
	b->places = history_span(&h);
	history_add_place(&h, &b->places, history_place(&h, false, "S"), 1);
}

static void
judge_loaded(void)
{
	history_derive(&h);
	report = (struct report){ .most = 0 };
	rule_owners(&h, &report);
	rule_refusals(&h, &report);
	rule_deadlines(&h, &report);
	rule_order(&h, &report);
}

static void
judge(void)
{
	load();
	judge_loaded();
}

static void
expect(int64_t owners, int64_t refusals, int64_t deadlines, int64_t order)
{
	cr_assert_eq(report.findings[2], owners);
	cr_assert_eq(report.findings[3], refusals);
	cr_assert_eq(report.findings[4], deadlines);
	cr_assert_eq(report.findings[6], order);
}

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
	places(1, "a", 8, "2");
	places(2, "b", 3, NULL);
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
	places(1, "a", 8, "3");
	places(2, "b", 2, NULL); /* there were two */
	judge();
	expect(0, 4, 0, 0);
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
	move(12, "a", RECORD_CONFIRM, "1", 200, "CONFIRMED"); /* too late */
	hold(1, "a", "T", "2", NULL);
	move(2, "a", RECORD_CONFIRM, "2", 200, "CONFIRMED");
	move(40, "a", RECORD_CONFIRM, "2", 200, "CONFIRMED"); /* it is so already */
	judge();
	expect(0, 0, 1, 0);
}

Test(rules, time_does_not_go_back)
{
	hold(1, "a", "S", "1", NULL);
	move(2, "a", RECORD_RELEASE, "1", 200, "RELEASED");
	move(3, "a", RECORD_CONFIRM, "1", 200, "CONFIRMED");
	hold(1, "a", "T", "2", NULL);
	move(2, "a", RECORD_CONFIRM, "2", 200, "CONFIRMED");
	move(2.05, "a", RECORD_GET, "2", 200, "HOLD"); /* at the same time */
	move(3, "a", RECORD_GET, "2", 200, "HOLD");
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

/* ---- with what the database says ------------------------------------------------------------- */

/* The answer under the key of the call in this line is of this booking. */
static void
keep_answer(uint32_t line, const char *booking)
{
	h.key[line_call(&h, line)->key].stored = history_booking(&h, booking);
}

Test(rules, what_was_done_under_a_key_is_not_refused_under_it)
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

Test(rules, a_hold_that_was_made_is_not_refused_under_its_key)
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

Test(rules, a_cancel_may_come_too_early)
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

Test(rules, keys_of_nobody_are_not_compared)
{
	hold(1, NULL, "S", "1", "k");
	load();
	store("1", "a", 1, BOOKING_HOLD)->key = history_key(&h, RECORD_HOLD, 1, "k");
	judge_loaded();
	rule_keys(&h, &report);
	cr_assert_eq(report.findings[5], 0);
}

Test(rules, a_move_is_refused_for_a_state_that_can_have_been)
{
	hold(1, "a", "S", "1", NULL);
	move(2, "a", RECORD_RELEASE, "1", 200, "RELEASED");
	refuse(3, "a", RECORD_CONFIRM, "1", NULL, "wrong-state");
	hold(4, "a", "S", "2", NULL);
	lose(5, "a", RECORD_CONFIRM, "2", NULL);
	refuse(6, "a", RECORD_RELEASE, "2", NULL, "wrong-state");
	refuse(5, "a", RECORD_CANCEL, "2", NULL, "wrong-state");
	hold(4, "b", "T", "3", NULL);
	refuse(14, "b", RECORD_CONFIRM, "3", NULL, "wrong-state"); /* at its deadline */
	refuse(14, "b", RECORD_RELEASE, "3", NULL, "hold-expired");
	judge();
	expect(0, 0, 0, 0);
}

Test(rules, a_move_is_refused_for_a_state_that_cannot_have_been)
{
	hold(1, "a", "S", "1", NULL);
	refuse(2, "a", RECORD_CONFIRM, "1", NULL, "wrong-state");
	refuse(3, "a", RECORD_RELEASE, "1", NULL, "wrong-state");
	move(4, "a", RECORD_CONFIRM, "1", 200, "CONFIRMED");
	refuse(5, "a", RECORD_CANCEL, "1", NULL, "wrong-state");
	refuse(50, "a", RECORD_CONFIRM, "1", NULL, "wrong-state");
	hold(1, "b", "T", "2", NULL);
	refuse(2, "b", RECORD_RELEASE, "2", NULL, "hold-expired"); /* before its deadline */
	refuse(50, "a", RECORD_CANCEL, "1", NULL, "hold-expired"); /* what is confirmed */
	judge();
	expect(0, 4, 2, 0);
}

Test(rules, sales_are_closed_when_they_are)
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

Test(rules, what_was_served_in_a_line_is_owned)
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

Test(rules, a_release_may_be_done_when_the_payment_has_ended)
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

Test(rules, other_runs_are_not_judged)
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

Test(rules, a_hold_of_an_earlier_run_is_a_reason)
{
	hold(5, "b", "S", NULL, NULL);
	hold(6, "a", "S", "1", NULL); /* which one has already */
	load();
	line_call(&h, 3)->status = 200;
	store_seat(store("1", "a", 1, BOOKING_HOLD));
	judge_loaded();
	expect(0, 0, 0, 0);
}

/* ---- after a crash --------------------------------------------------------------------------- */

Test(rules, a_crash_undoes_releases)
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
	judge_loaded();
	expect(0, 1, 0, 0);
}

Test(rules, a_crash_undoes_holds_that_their_keys_make_anew)
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
