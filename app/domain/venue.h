/*
 * Venues: where events are, with layouts that events can start from.
 */
#ifndef HOLDFAST_VENUE_H
#define HOLDFAST_VENUE_H

#include "domain/event.h"

struct venue_answer {
	bool replayed; /* the first answer to this key again */
	const char *venue_id;
	const char *body; /* JSON */
};

/* INVALID, FORBIDDEN, KEY_REUSED, KEY_IN_FLIGHT. */
enum problem venue_create(struct context *house, const struct event_caller *caller,
	const struct context_key *key, const struct json *body, struct venue_answer *out);

/*
 * A page of the caller's venues (an admin's: all) in the order of their making, each as JSON.
 * cursor NULL: from the first; INVALID for one that is none of ours. *next NULL: this page is the
 * last.
 */
enum problem venue_list(struct context *house, const struct event_caller *caller,
	const char *cursor, int64_t limit, const char ***bodies, size_t *count, const char **next);

/* The body of venue_create() as the database takes it. INVALID with errors in why. */
enum problem venue_input_read(
	struct arena *arena, const struct json *body, struct problem_why *why, const char **json);

#endif
