/*
 * The transition into HOLD: the filter first, then PostgreSQL, which decides.
 */
#ifndef HOLDFAST_HOLD_H
#define HOLDFAST_HOLD_H

#include "domain/booking.h"

#define HOLD_PLACES_MAX 500 /* items (seats, sections) in one request */

/* What a buyer wants: numbered seats, places of sections, or both. */
struct hold_wish {
	int32_t event_id;
	const char *user_id;
	const char **seat_ids;
	const char **seat_pointers; /* where each stood in the request, for errors; so below */
	size_t seats;
	const char **section_ids;
	const int64_t *quantities;
	const char **section_pointers;
	const char **quantity_pointers;
	size_t sections;
	const char *pass; /* as it came, of the event's waiting room; NULL: none */
};

/* Its places, as a part of a booking names them. */
struct booking_part hold_places(const struct hold_wish *wish);

enum hold_outcome { HOLD_NEW, HOLD_REPLAY, HOLD_SAME };

/*
 * All or none. HOLD_REPLAY: the first answer to this key again; HOLD_SAME: the caller's own live
 * hold of exactly these seats. Problems: NOT_FOUND, INVALID with pointers, SEATS_UNAVAILABLE,
 * SOLD_OUT, SALES_CLOSED, LIMIT_EXCEEDED, RATE_LIMITED, BUSY, QUEUE_REQUIRED (says what is wrong
 * with the pass), KEY_REUSED, KEY_IN_FLIGHT, UNAVAILABLE, UNKNOWN_OUTCOME.
 */
enum problem hold_take(struct context *house, const struct hold_wish *wish,
	const struct context_key *key, enum hold_outcome *outcome, struct booking *out);

/* The id of an event's only section. INVALID at /section_id where there are several; NOT_FOUND. */
enum problem hold_only_section(struct context *house, int32_t event_id, const char **section_id);

#endif
