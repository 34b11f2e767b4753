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

/* Every seat is known and every section has ten places. */
static void
judge(void)
{
	const char *fault;

	cr_assert(record_finish(writer, 100 * SECOND));
	h = (struct history){ .skew_us = 50000 };
	cr_assert(history_read(&h, path, &fault), "%s", fault);
	for (uint32_t i = 1; i <= h.places.count; i++) {
		h.resource[i].known = true;
		h.resource[i].capacity = h.resource[i].is_section ? 10 : 1;
	}
	history_derive(&h);
	report = (struct report){ .most = 0 };
	rule_owners(&h, &report);
	rule_refusals(&h, &report);
	rule_deadlines(&h, &report);
	rule_order(&h, &report);
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
