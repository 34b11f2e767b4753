/*
 * The demand for events: places held, each counting half as much after every half-life. Kept in
 * Redis, out of PostgreSQL where it is not to be had there. It is a hint: nothing is decided by it.
 */
#ifndef HOLDFAST_DEMAND_H
#define HOLDFAST_DEMAND_H

#include "domain/context.h"

#define DEMAND_TOP 200

/* A new hold. Costs no round trip: demand_idle() tells it later. */
void demand_note(int32_t event_id, int64_t places);

/* While no client waits: what was noted goes to Redis, once a second. True: there is more. */
bool demand_idle(struct context *house);

/* The events in most demand; those of the same demand have the same rank. */
struct demand {
	size_t count;
	int64_t event_ids[DEMAND_TOP];
	int64_t ranks[DEMAND_TOP];
};

/* UNAVAILABLE. */
enum problem demand_top(struct context *house, struct demand *out);

#endif
