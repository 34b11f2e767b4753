/*
 * Histories by hand of people in line, and how their places ended by the database.
 */
#ifndef HOLDFAST_TEST_IN_LINE_H
#define HOLDFAST_TEST_IN_LINE_H

#include "by_hand.h"

/* Joins the line of a section, and is told a position in it. */
static inline void
join_of(double second, const char *user, const char *section, int64_t quantity, int64_t status)
{
	const struct record_part part = { section, quantity };
	struct record_call call = call_at(second, user, RECORD_JOIN, NULL, status);

	call.asked.places = (struct record_places){ .parts = &part, .parts_count = 1 };
	call.got.position = status == 202 ? 1 : RECORD_ABSENT;
	record_call(writer, &call);
}

static inline void
join(double second, const char *user)
{
	join_of(second, user, "G", 1, 202);
}

static inline void
leave(double second, const char *user, int64_t status)
{
	struct record_call call = call_at(second, user, RECORD_LEAVE, NULL, status);

	record_call(writer, &call);
}

/* Is told to have been served. */
static inline void
told(double second, const char *user, const char *booking)
{
	struct record_call call = call_at(second, user, RECORD_POLL, booking, 200);

	call.asked.booking = NULL;
	call.got.status = "reserved";
	call.got.expires_us = call.sent_us + 10 * SECOND;
	record_call(writer, &call);
}

/* The line of a section began at this second, for the last time. */
static inline void
line_begun(const char *section, int64_t epoch, double second)
{
	uint32_t number = history_place(&h, true, section); /* the array may move */
	struct resource *line = &h.resource[number];

	line->known = true;
	line->capacity = 10;
	line->epoch = epoch;
	line->begun_us = (int64_t)(second * 1e6);
}

static inline void
load_line(void)
{
	load();
	line_begun("G", 1, 0.5);
}

static inline struct ticket_end *
ended(double second, const char *user, enum ticket_outcome outcome, const char *booking)
{
	h.ends = grow_array(h.ends, sizeof(*h.ends), &h.ends_room, h.ends_count + 1);
	h.ends[h.ends_count] = (struct ticket_end){
		.section = history_place(&h, true, "G"),
		.user = names_add(&h.users, user),
		.booking = history_booking(&h, booking),
		.outcome = (uint8_t)outcome,
		.epoch = 1,
		.ended_us = (int64_t)(second * 1e6),
	};
	return &h.ends[h.ends_count++];
}

static inline struct ticket_end *
served_with(double second, const char *user, const char *booking, int64_t quantity)
{
	struct booking *b = store(booking, user, second, BOOKING_HOLD);

	b->served = true;
	b->places = history_span(&h);
	history_add_place(&h, &b->places, history_place(&h, true, "G"), quantity);
	return ended(second, user, TICKET_RESERVED, booking);
}

static inline struct ticket_end *
served(double second, const char *user, const char *booking)
{
	return served_with(second, user, booking, 1);
}

static inline void
expect_lines(int64_t refusals, int64_t lines)
{
	judge_loaded();
	cr_assert_eq(report.findings[3], refusals, "rule 3: %ld", (long)report.findings[3]);
	cr_assert_eq(report.findings[7], lines, "rule 7: %ld", (long)report.findings[7]);
}

#endif
