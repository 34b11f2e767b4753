/*
 * The waiting room of an event whose queue is on: a line for the whole event. Who comes before it
 * opens is put in an order that is drawn, who comes later stands behind as they come; whoever's
 * turn it is gets a pass, by a rate and by how many are inside. Without a pass no place is held.
 *
 * The line is in Redis (store/lua/room.lua) and moves with each call that reaches it. PostgreSQL
 * keeps who left, which passes are spent, and how often the line was begun; tickets put it together
 * again where Redis has lost it, as those of other lines do.
 */
#ifndef HOLDFAST_ROOM_H
#define HOLDFAST_ROOM_H

#include "domain/context.h"
#include "domain/pass.h"

enum room_status {
	ROOM_WAITING,
	ROOM_ADMITTED,
	ROOM_CONFIRMED, /* a booking was confirmed with its pass */
	ROOM_EXPIRED,   /* the pass has ended, or nobody was there when the turn came */
	ROOM_LEFT
};

/* "waiting", "admitted", … */
const char *room_status_word(enum room_status status);

/* How a ticket stands; -1 and NULL: there is no such thing. */
struct room_place {
	struct ticket ticket;
	enum room_status status;
	int64_t ahead; /* not before the opening */
	int64_t wait_s;
	int64_t poll_after_s;
	int64_t opens_ms; /* since 1970, as long as that is to come */
	int64_t starts_in_s;
	const char *pass; /* NULL, admitted: none is needed, the queue is off */
	int64_t expires_ms;
	const char *reason;
};

/*
 * A place; whoever has one, or is inside, gets that again. *replayed: the first answer to this key.
 * NOT_FOUND, INVALID (the event has no waiting room), SALES_CLOSED, KEY_REUSED; UNAVAILABLE while
 * Redis is away.
 */
enum problem room_join(struct context *house, int32_t event_id, const char *user_id,
	const struct context_key *key, bool *replayed, struct room_place *out);

/* Counts against the account's rate of reads: RATE_LIMITED. UNAVAILABLE while Redis is away. */
enum problem
room_status(struct context *house, const struct ticket *ticket, struct room_place *out);

/* Gives the place up, and the pass that has come of it. KEY_REUSED; UNAVAILABLE while PostgreSQL or
 * Redis is away: it may have been done in part, and may be repeated. */
enum problem room_leave(struct context *house, const struct ticket *ticket,
	const struct context_key *key, bool *replayed);

/* Redis is told, after PostgreSQL has it, how a place ended: "left" or "confirmed". Never fails: at
 * worst the place ends with its pass. */
void room_end(struct context *house, int32_t event_id, const char *user_id, int64_t score,
	const char *how);

/* Somebody who was not known to be inside has held a place with it. Never fails: likewise. */
void room_inside(struct context *house, const struct pass *pass);

/* Lets in whose turn it is, where nobody asks. *waiting: after it; -1: there is no such room. */
enum problem
room_advance(struct context *house, int32_t event_id, int64_t *waiting, int64_t *admitted);

/*
 * Where an account stands among those who come before the opening: a number of so many bits, the
 * same however often it joins, and for nobody to foresee or to choose.
 */
#define ROOM_SHUFFLE_BITS 18
int64_t room_shuffle(const char *secret, int32_t event_id, const char *user_id);

/* What the configuration says of waiting rooms, as JSON, for events that do not say it. */
const char *room_defaults(struct context *house);

#endif
