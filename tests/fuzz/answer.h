/*
 * An answer, checked as a client's parser would.
 */
#ifndef HOLDFAST_FUZZ_ANSWER_H
#define HOLDFAST_FUZZ_ANSWER_H

#include "fuzz.h"

/* One field, on a line of its own. Returns what comes after it. */
static inline const char *
answer_field(const char *at)
{
	size_t name = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");
	const char *end = strstr(at, "\r\n");

	assert(end && name > 0 && at[name] == ':' && at[name + 1] == ' ');
	for (const char *c = at; c < end; c++)
		assert((unsigned char)*c >= 0x20 && *c != 0x7f);
	return end + 2;
}

/*
 * As the web server hears it: a status that is no fault of ours, fields, and a body that is JSON
 * where they say so and none where none may be. Returns the status.
 */
static inline int
answer_check(const char *answer, size_t len, bool head)
{
	bool is_json = false, has_id = false;
	const char *at = answer, *detail;
	int64_t status;
	size_t left;

	assert(str_starts(answer, "Status: ") && len > 12);
	assert(str_to_int(arena_copy(arena, answer + 8, 3), 200, 599, &status));
	assert(status != 500);
	while (!str_starts(at, "\r\n")) {
		is_json = is_json || str_starts(at, "Content-Type: application/json") ||
			  str_starts(at, "Content-Type: application/problem+json");
		has_id = has_id || str_starts(at, "X-Request-Id: ");
		at = answer_field(at);
	}
	at += 2;
	left = len - (size_t)(at - answer);
	assert(has_id);
	if (head || status == 204 || status == 304)
		assert(left == 0);
	else if (is_json)
		assert(json_parse(arena, at, left, &detail));
	return (int)status;
}

#endif
