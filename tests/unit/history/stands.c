/*
 * What was answered to those who stand in line, on histories by hand.
 */
#include <criterion/criterion.h>

#include "in_line.h"

TestSuite(stands, .init = begin, .fini = end);

/* Joins the line, and is told to be this number in it. */
static void
join_as(double second, const char *user, int64_t position)
{
	const struct record_part part = { "G", 1 };
	struct record_call call = call_at(second, user, RECORD_JOIN, NULL, 202);

	call.asked.places = (struct record_places){ .parts = &part, .parts_count = 1 };
	call.got.position = position;
	record_call(writer, &call);
}

/* Leaves with a token, or asks with it how things stand. */
static void
with_token(double second, const char *user, enum record_op op, const char *token,
	const char *status, int64_t position)
{
	struct record_call call = call_at(second, user, op, NULL, op == RECORD_LEAVE ? 204 : 200);

	call.asked.token = token;
	call.got.status = status;
	call.got.position = position;
	record_call(writer, &call);
}

static void
expect_stands(int64_t findings)
{
	history_derive(&h);
	report = (struct report){ .most = 0 };
	rule_stands(&h, &report);
	cr_assert_eq(report.findings[7], findings, "%ld", (long)report.findings[7]);
}

Test(stands, nobody_is_further_back_than_people_can_have_stood)
{
	join_as(1, "a", 1);
	join_as(2, "b", 2);
	join_as(3, "c", 4);  /* there are three */
	join_as(24, "d", 4); /* a has been served, though not long ago */
	join_as(30, "e", 5);
	load_line();
	served(19, "a", "1");
	expect_stands(2);
	h.ends[0].ended_us = 10 * SECOND;
	expect_stands(3);
	/* Of others, and of lines that are older or were lost, it is not known who stood there. */
	line_begun("G", 2, 0.5);
	expect_stands(0);
	line_begun("G", 1, 0.5);
	served(40, "stranger", "2");
	expect_stands(0);
}

/* The same under a key; replayed: it is told of what was done under it. */
static void
join_with(double second, const char *user, const char *key, int64_t position, bool replayed)
{
	const struct record_part part = { "G", 1 };
	struct record_call call = call_at(second, user, RECORD_JOIN, NULL, 202);

	call.key = key;
	call.asked.places = (struct record_places){ .parts = &part, .parts_count = 1 };
	call.got.position = position;
	call.got.replayed = replayed;
	record_call(writer, &call);
}

Test(stands, a_replay_tells_of_what_was_then)
{
	join_as(1, "a", 1);
	join_with(2, "b", "k", 2, false);
	join_with(24, "b", "k", 2, true); /* a has been served meanwhile */
	join_with(25, "b", "k", 9, true); /* there have never been so many */
	join_with(26, "c", "l", 9, true); /* of a call that is not there */
	load_line();
	served(10, "a", "1");
	expect_stands(1);
	rule_keys(&h, &report);
	cr_assert_eq(report.findings[5], 1);
	line_begun("G", 2, 0.5); /* with the keys of those in it */
	report = (struct report){ .most = 0 };
	rule_keys(&h, &report);
	cr_assert_eq(report.findings[5], 0);
}

Test(stands, who_stands_in_line_stands_in_one_that_there_is)
{
	join_as(1, "a", 1);
	load();
	expect_stands(1);
	line_begun("G", 1, 0.5);
	expect_stands(0);
}

Test(stands, who_has_left_is_told_so)
{
	with_token(1, "a", RECORD_POLL, "t", "waiting", 1);
	with_token(2, "a", RECORD_LEAVE, "t", NULL, RECORD_ABSENT);
	with_token(2.05, "a", RECORD_POLL, "t", "waiting", 1); /* at the same time */
	with_token(3, "a", RECORD_POLL, "other", "waiting", 1);
	with_token(3, "a", RECORD_POLL, "t", "left", RECORD_ABSENT);
	with_token(4, "a", RECORD_POLL, "t", "waiting", 1);
	with_token(5, "a", RECORD_POLL, "t", "reserved", RECORD_ABSENT);
	load_line();
	ended(2, "a", TICKET_LEFT, NULL);
	expect_stands(2);
	h.drift_us = 2 * SECOND;
	expect_stands(1);
}

Test(stands, each_place_that_was_left_has_ended)
{
	with_token(1, "a", RECORD_LEAVE, "t", NULL, RECORD_ABSENT);
	with_token(2, "a", RECORD_LEAVE, "t", NULL, RECORD_ABSENT); /* it had been left */
	with_token(3, "a", RECORD_LEAVE, "u", NULL, RECORD_ABSENT);
	load_line();
	expect_stands(2);
	ended(1, "a", TICKET_LEFT, NULL);
	expect_stands(1);
	served(5, "a", "1"); /* after it had been left */
	expect_stands(1);
	h.ends[1].ended_us = 2 * SECOND;
	expect_stands(0);
	h.ends_count = 0;
	h.room = true;
	expect_stands(0);
	h.room = false;
	h.crash = true;
	expect_stands(0);
}
