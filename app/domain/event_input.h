/*
 * The body of a call that makes or changes an event: checked here, then judged by the database.
 * Known to the parts of domain/event, and to their tests.
 */
#ifndef HOLDFAST_EVENT_INPUT_H
#define HOLDFAST_EVENT_INPUT_H

#include "base/json.h"
#include "domain/layout.h"

struct event_input {
	const char *json; /* for the database: every field that was given, checked */
	bool has_version;
	int64_t version; /* of an event that is there: the one that the caller has read */
};

/* currency: of an event that names none; provider: who takes money here, or "none". INVALID with
 * errors in why; NOT_FOUND for a venue's id that can be none. */
enum problem event_input_read(struct arena *arena, const struct json *body, enum layout_use use,
	const char *currency, const char *provider, struct problem_why *why,
	struct event_input *out);

/* RFC 3339, or a date. */
bool event_time_is_usable(const char *text);

/* A venue's public id as it came. False: there can be no such venue. */
bool event_venue_read(const char *text, int64_t *out);

/* Turns the database's word on a field that is not valid into an error with its pointer. */
enum problem event_refused(enum problem err, struct problem_why *why, struct arena *arena);

#endif
