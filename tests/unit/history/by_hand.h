/*
 * Histories by hand, and what the database is said to hold of them, for the rules that ask it
 * nothing.
 */
#ifndef HOLDFAST_TEST_BY_HAND_H
#define HOLDFAST_TEST_BY_HAND_H

#include <criterion/criterion.h>
#include <unistd.h>

#include "history/history.h"

#define SECOND INT64_C(1000000)

static char path[] = "/tmp/holdfast-rules-XXXXXX";
static struct history h;
static struct report report;
static struct record_writer *writer;
static int64_t end_us = 100 * SECOND; /* of the history */

static inline void
begin(void)
{
	const struct record_head head = { "rules", "http://a", "1", "0", 0, 10000, 0 };
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	writer = record_create(fdopen(fd, "w"), &head);
}

static inline void
end(void)
{
	history_release(&h);
	unlink(path);
}

/* A call of a second's tenth, at this second. */
static inline struct record_call
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
static inline void
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

static inline void
move(double second, const char *user, enum record_op op, const char *booking, int64_t status,
	const char *shown)
{
	struct record_call call = call_at(second, user, op, booking, status);

	call.got.status = shown;
	record_call(writer, &call);
}

static inline void
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
static inline void
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
static inline void
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
static inline void
load(void)
{
	const char *fault;

	cr_assert(record_finish(writer, end_us));
	h = (struct history){ .skew_us = 50000 };
	cr_assert(history_read(&h, path, &fault), "%s", fault);
	for (uint32_t i = 1; i <= h.places.count; i++) {
		h.resource[i].known = true;
		h.resource[i].capacity = h.resource[i].is_section ? 10 : 1;
	}
}

/* What the database says of a booking: made at this second, and so. */
static inline struct booking *
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
static inline void
store_seat(struct booking *b)
{
	b->places = history_span(&h);
	history_add_place(&h, &b->places, history_place(&h, false, "S"), 1);
}

static inline void
judge_loaded(void)
{
	history_derive(&h);
	report = (struct report){ .most = 0 };
	rule_owners(&h, &report);
	rule_refusals(&h, &report);
	rule_reasons(&h, &report);
	rule_deadlines(&h, &report);
	rule_order(&h, &report);
	rule_lines(&h, &report);
	rule_stands(&h, &report);
}

static inline void
judge(void)
{
	load();
	judge_loaded();
}

static inline void
expect(int64_t owners, int64_t refusals, int64_t deadlines, int64_t order)
{
	cr_assert_eq(report.findings[2], owners);
	cr_assert_eq(report.findings[3], refusals);
	cr_assert_eq(report.findings[4], deadlines);
	cr_assert_eq(report.findings[6], order);
}

/* The answer under the key of the call in this line is of this booking. */
static inline void
keep_answer(uint32_t line, const char *booking)
{
	h.key[line_call(&h, line)->key].stored = history_booking(&h, booking);
}

#endif
