/*
 * Passes of waiting rooms: whoever was let in may hold places until the pass ends. Signed like
 * tickets, under keys of their own, and bound to account and event, so that a worker judges one by
 * itself. The place that it was given for names it: once a booking is confirmed with it, PostgreSQL
 * keeps it as spent. A secret of its holder: nobody writes one down.
 */
#ifndef HOLDFAST_PASS_H
#define HOLDFAST_PASS_H

#include "base/problem.h"
#include "domain/ticket.h"

struct pass {
	int32_t event_id;
	const char *user_id;
	int64_t score;  /* of the place */
	int64_t ends_s; /* since 1970, by PostgreSQL's clock */
};

const char *pass_write(struct arena *arena, const struct pass *pass);

enum pass_state {
	PASS_NONE,
	PASS_WRONG, /* not signed here, or another account's or event's */
	PASS_ENDED,
	PASS_GOOD,
	PASS_SPENT /* PostgreSQL's word: a booking was confirmed with it, or its place was left */
};

/* "missing", "wrong", "ended", "good", "spent" */
const char *pass_word(enum pass_state state);

/* text: as it came; NULL or empty: none. Fills *out where it is good. */
enum pass_state pass_check(struct arena *arena, const char *text, int32_t event_id,
	const char *user_id, struct pass *out);

/* Where a pass is needed: QUEUE_REQUIRED, with why there is none that will do. */
enum problem
pass_refuse(struct problem_why *why, struct arena *arena, int32_t event_id, enum pass_state state);

/* "place|end in ms" for the filter; NULL: "". */
const char *pass_place(struct arena *arena, const struct pass *pass);

#endif
