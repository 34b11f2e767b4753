/*
 * Passes of waiting rooms.
 */
#include "domain/pass.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/str.h"

const char *
pass_word(enum pass_state state)
{
	static const char *const words[] = {
		[PASS_NONE] = "missing",
		[PASS_WRONG] = "wrong",
		[PASS_ENDED] = "ended",
		[PASS_GOOD] = "good",
		[PASS_SPENT] = "spent",
	};

	return words[state];
}

const char *
pass_write(struct arena *arena, const struct pass *pass)
{
	struct ticket ticket = {
		.event_id = pass->event_id,
		.line = str_int(arena, pass->ends_s),
		.user_id = pass->user_id,
		.score = pass->score,
	};

	return ticket_write_as(arena, TICKET_PASS, &ticket);
}

enum pass_state
pass_check(struct arena *arena, const char *text, int32_t event_id, const char *user_id,
	struct pass *out)
{
	struct ticket ticket;
	int64_t ends_s;

	if (!text || !*text)
		return PASS_NONE;
	if (!ticket_read_as(arena, TICKET_PASS, text, &ticket) || ticket.event_id != event_id ||
		!str_equal(ticket.user_id, user_id) ||
		!str_to_int(ticket.line, 1, INT64_MAX / 1000, &ends_s))
		return PASS_WRONG;
	if (ends_s <= clock_unix_s())
		return PASS_ENDED;
	*out = (struct pass){ event_id, ticket.user_id, ticket.score, ends_s };
	return PASS_GOOD;
}

enum problem
pass_refuse(struct problem_why *why, struct arena *arena, int32_t event_id, enum pass_state state)
{
	static const char *const details[] = {
		[PASS_NONE] = "Join the waiting room (POST /queue/join), and send X-Queue-Pass.",
		[PASS_WRONG] = "This is no pass of yours for this event.",
		[PASS_ENDED] = "The pass has ended. Join the waiting room again.",
		[PASS_SPENT] = "The pass is spent: a booking was made with it.",
	};

	assert(state != PASS_GOOD);
	*why = (struct problem_why){
		.detail = details[state],
		.members = arena_printf(arena, ",\"event_id\":\"%" PRId32 "\",\"pass\":\"%s\"",
			event_id, pass_word(state)),
	};
	return PROBLEM_QUEUE_REQUIRED;
}

const char *
pass_place(struct arena *arena, const struct pass *pass)
{
	return pass ? arena_printf(arena, "%" PRId64 "|%" PRId64, pass->score, pass->ends_s * 1000)
		    : "";
}
