/*
 * The queue: people stand in line for places of a section. Whoever reaches the head gets a hold of
 * the quantity asked for, without asking again.
 *
 * The line itself is in Redis. PostgreSQL keeps how each ticket ended, so that none is served
 * twice, and counts how often a line was begun, so that none is overtaken after Redis has lost
 * something; the tickets that people have put such a line together again. store/lua/queue.lua has
 * the layout.
 *
 * A line is moved on by those who join it, poll or leave, after their answers have gone out
 * (queue_idle()), and by a job where nobody does.
 */
#ifndef HOLDFAST_QUEUE_H
#define HOLDFAST_QUEUE_H

#include "domain/booking.h"
#include "domain/ticket.h"

enum queue_status {
	QUEUE_WAITING,
	QUEUE_RESERVED,
	QUEUE_CONFIRMED,
	QUEUE_EXPIRED,
	QUEUE_SOLD_OUT, /* waiting, and there is nothing to wait for unless places come back */
	QUEUE_LEFT
};

/* "waiting", "reserved", … */
const char *queue_status_word(enum queue_status status);

/* How a ticket stands. */
struct queue_place {
	struct ticket ticket;
	enum queue_status status;
	int64_t ahead;          /* people in front; -1: does not stand in line */
	int64_t wait_s;         /* by how quickly others were served; -1: not known */
	int64_t poll_after_s;   /* when to ask again; -1: nothing will change by itself */
	const char *booking_id; /* NULL: none */
	int64_t expires_ms;     /* of a reservation, since 1970; -1: none */
	const char *reason;     /* why it is as it is, or NULL */
};

struct queue_wish {
	int32_t event_id;
	const char *line;         /* the section's id */
	const char *line_pointer; /* where that stood in the request */
	const char *user_id;
	int64_t quantity;
	const char *pass; /* as it came, of the event's waiting room; NULL: none */
};

/*
 * A place at the end of the line; whoever has one, or a reservation out of it, gets that again.
 * *replayed: the first answer to this key. NOT_FOUND, INVALID with pointers, SALES_CLOSED,
 * QUEUE_REQUIRED, KEY_REUSED; UNAVAILABLE while Redis is away.
 */
enum problem queue_join(struct context *house, const struct queue_wish *wish,
	const struct context_key *key, bool *replayed, struct queue_place *out);

/*
 * Counts against the account's rate of reads: RATE_LIMITED. UNAVAILABLE where what would have to be
 * asked is away; the place is kept.
 */
enum problem
queue_status(struct context *house, const struct ticket *ticket, struct queue_place *out);

/*
 * Gives the place up, or the reservation that has come of it. PAYMENT_IN_PROGRESS, WRONG_STATE (it
 * has been confirmed), KEY_REUSED; UNAVAILABLE while Redis is away.
 */
enum problem queue_leave(struct context *house, const struct ticket *ticket,
	const struct context_key *key, bool *replayed);

/*
 * Confirms the reservation. NOT_RESERVED_YET; SALES_CLOSED also where there never will be one; else
 * as booking_confirm().
 */
enum problem queue_confirm(struct context *house, const struct ticket *ticket,
	const struct context_key *key, enum booking_outcome *outcome, struct booking *out);

struct queue_drive {
	int64_t waiting; /* after it; -1: not known */
	int64_t served;
	bool more; /* the rest may fit too */
};

/*
 * Moves a line on by one batch, unless that was done less than least_ms ago: its heads get what is
 * free.
 */
enum problem queue_drive(struct context *house, int32_t event_id, const char *line,
	int64_t least_ms, struct queue_drive *out);

/* While no client waits: moves on the lines that this process was asked about. True: some wait. */
bool queue_idle(struct context *house);

/* People who wait in all lines; -1: Redis is away. */
int64_t queue_waiting(struct context *house);

/* People whom waiting rooms have let in and who may hold places; likewise. */
int64_t queue_inside(struct context *house);

/*
 * A look at one line that changes nothing: what breaks the rule that a person is in one state, and
 * that who was served has a booking. In words, on the arena of the house. *people: looked at.
 */
enum problem queue_audit(struct context *house, int32_t event_id, const char *line,
	const char ***differences, size_t *count, int64_t *people);

#endif
