/*
 * Bookings after their hold: confirm, release, cancel, and reading them.
 */
#ifndef HOLDFAST_BOOKING_H
#define HOLDFAST_BOOKING_H

#include "base/str.h"
#include "domain/filter.h"

/* A booking as the world sees it. Times are RFC 3339, money is in minor units. On the arena. */
struct booking {
	const char *booking_id;
	const char *event_id;
	const char *status;
	struct booking_item {
		const char *section_id;
		const char *seat_id; /* NULL: general admission */
		int64_t quantity;
		int64_t unit_price;
	} * items;
	size_t items_count;
	int64_t total;
	const char *currency;
	const char *expires_at; /* NULL: none; so are the next two */
	const char *created_at;
	const char *confirmed_at;
	const char *cancelled_at;
	const char *payment;         /* JSON; NULL: none was ever begun */
	const char *extensions_left; /* NULL: told of one that was just extended alone */
	int64_t version;
	int64_t expires_ms; /* since 1970; 0 without a deadline */
};

/* The one writer of a booking's JSON; a booking always has the same bytes. */
void booking_write(struct str *out, const struct booking *booking);

/* The same without the braces, for answers that have members beside the booking's. */
void booking_write_members(struct str *out, const struct booking *booking);

/* A row whose columns from `positions` on are those of sql/queries/booking/get. */
void booking_read(struct arena *arena, const struct pg_rows *rows, int row, struct booking *out);

enum booking_outcome {
	BOOKING_MOVED,
	BOOKING_DONE,  /* it was there already */
	BOOKING_REPLAY /* the first answer to this key again */
};

/* The caller's booking, by its public id. Somebody else's and no one's are both NOT_FOUND. */
struct booking_name {
	const char *booking_id; /* as it came, not yet checked */
	const char *user_id;
};

/*
 * The moves. All of them: NOT_FOUND, BUSY, KEY_REUSED, KEY_IN_FLIGHT, UNAVAILABLE, UNKNOWN_OUTCOME;
 * HOLD_EXPIRED and WRONG_STATE (the detail has the status) where the booking is not where the move
 * begins. A booking that is already there is BOOKING_DONE.
 *
 * Confirm also: SALES_CLOSED (the event is cancelled), PAYMENT_REQUIRED, PAYMENT_IN_PROGRESS.
 */
enum problem booking_confirm(struct context *house, const struct booking_name *name,
	const struct context_key *key, enum booking_outcome *outcome, struct booking *out);
/* PAYMENT_IN_PROGRESS: its payment is to end first; the wish is noted. */
enum problem booking_release(struct context *house, const struct booking_name *name,
	const struct context_key *key, enum booking_outcome *outcome, struct booking *out);

/* A hold is given more time. LIMIT_EXCEEDED (too often, or too long a life), SALES_CLOSED. */
enum problem booking_extend(struct context *house, const struct booking_name *name,
	const struct context_key *key, enum booking_outcome *outcome, struct booking *out);

/* What is to be cancelled: everything where seats and sections are both NULL. */
struct booking_part {
	const char *reason;
	const char **seat_ids;
	const char **seat_pointers;
	size_t seats;
	const char **section_ids;
	const int64_t *quantities;
	const char **section_pointers;
	const char **quantity_pointers;
	size_t sections;
};

/* INVALID with pointers: not items of this booking. */
enum problem booking_cancel(struct context *house, const struct booking_name *name,
	const struct booking_part *part, const struct context_key *key,
	enum booking_outcome *outcome, struct booking *out);

/*
 * Confirms the caller's live holds that together are exactly these seats. *body: the whole answer.
 * As booking_confirm; SEATS_UNAVAILABLE: some are not the caller's; INVALID with pointers: there
 * are no such seats.
 */
enum problem booking_confirm_seats(struct context *house, int32_t event_id, const char *user_id,
	const char **seat_ids, const char **seat_pointers, size_t seats,
	const struct context_key *key, enum booking_outcome *outcome, const char **body);

enum problem
booking_get(struct context *house, const struct booking_name *name, struct booking *out);

/* Staff and a booking: organizers of its event, and admins. */
struct booking_staff {
	const char *booking_id; /* as it came, not yet checked */
	const char *user_id;
	bool everything;
};

/*
 * The word of staff that a booking was paid elsewhere: it is confirmed, also one that has ended and
 * whose places can be had again. reference: what they note of it, NULL: nothing. As a move;
 * SEATS_UNAVAILABLE: somebody has its places; SALES_CLOSED: the event is cancelled;
 * PAYMENT_IN_PROGRESS: the buyer is paying.
 */
enum problem
booking_paid(struct context *house, const struct booking_staff *staff, const char *reference,
	const struct context_key *key, enum booking_outcome *outcome, struct booking *out);

/*
 * Their word on money owed that no job can send: it was given back by hand; or (again) what has
 * failed is to be sent once more. BOOKING_DONE: nothing was owed like that. NOT_FOUND, BUSY,
 * KEY_REUSED, KEY_IN_FLIGHT, UNAVAILABLE, UNKNOWN_OUTCOME.
 */
enum problem booking_refunds(struct context *house, const struct booking_staff *staff, bool again,
	const struct context_key *key, enum booking_outcome *outcome, struct booking *out);

/* A page of the caller's history, newest first. */
struct booking_page {
	const char *user_id;
	const char *status;      /* NULL: any */
	const int32_t *event_id; /* NULL: any */
	const char *cursor;      /* NULL: from the newest */
	int64_t limit;
};

/* INVALID for a cursor that is none of ours. *next: NULL where this page is the last. */
enum problem booking_list(struct context *house, const struct booking_page *page,
	struct booking **bookings, size_t *count, const char **next);

/* What the filter keeps of a booking of which PostgreSQL answered this row. */
struct filter_entry booking_entry(struct arena *arena, const struct pg_rows *rows, int row,
	int32_t event_id, const char *user_id);

/* "unknown_seats", "unknown_sections", "seated_sections", "max_seats_per_booking" and, of a part of
 * a booking, "other_seats", "other_sections" and "standing" of a refusal as errors with
 * pointers. */
enum problem booking_places_unknown(struct context *house, const struct booking_part *places);

#endif
