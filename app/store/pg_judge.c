/*
 * What an answer of PostgreSQL means.
 *
 * The server writes the completion of a statement before the Sync commits it: an error without a
 * completion before it means that nothing was committed; a connection lost after a completion, or
 * without a word, leaves the outcome unknown. So does a panic, which may strike while the commit is
 * being written, and the end of a session under a simple query, which is committed before its
 * completion is told.
 */
#include "store/pg_judge.h"

#include "base/log.h"
#include "base/str.h"

static bool
is_one_of(const char *state, const char *const *list)
{
	for (; *list != NULL; list++) {
		if (str_starts(state, *list))
			return true;
	}
	return false;
}

/* An error by which the server says that nothing was committed. */
static enum problem
error_judge(const struct pg_said *said, const char *name, struct arena *arena,
	struct problem_why *why, enum pg_next *next)
{
	/* Deadlock, serialisation failure. */
	static const char *const again[] = { "40P01", "40001", NULL };
	/* The session is at its end, or of no use: a statement or its plan that the server has
	 * forgotten, a server that has become a standby, an operator who ends the session. */
	static const char *const stale[] = { "26000", "0A000", "25006", "57P", "08", "25P03",
		NULL };
	/* No room, no memory, no connection, a broken disk. */
	static const char *const short_of[] = { "53", "58", NULL };
	enum problem problem;

	if (is_one_of(said->state, again)) {
		*next = PG_REPEAT;
		return PROBLEM_BUSY;
	}
	if (is_one_of(said->state, stale)) {
		*next = PG_RECONNECT;
		return PROBLEM_UNAVAILABLE;
	}
	if (is_one_of(said->state, short_of))
		return PROBLEM_UNAVAILABLE;
	problem = problem_from_sqlstate(said->state);
	if (problem == PROBLEM_INTERNAL) {
		/* What a client cannot be told, and nobody above knows any more. */
		log_line(LOG_ERROR, "statement=%s sqlstate=%s message=%s", log_value(name),
			log_value(said->state), log_value(said->message));
	} else if (str_starts(said->state, "HF") && why != NULL) {
		why->detail = said->message != NULL ? arena_strdup(arena, said->message) : NULL;
		why->extensions = said->detail != NULL && *said->detail == '{'
					  ? arena_strdup(arena, said->detail)
					  : NULL;
	}
	return problem;
}

enum problem
pg_judge(const struct pg_said *said, const char *name, struct arena *arena, struct problem_why *why,
	enum pg_next *next)
{
	if (!said->error)
		return said->complete && said->success ? PROBLEM_NONE : PROBLEM_UNKNOWN_OUTCOME;
	if (said->severity == NULL || said->state == NULL || str_equal(said->severity, "PANIC"))
		return PROBLEM_UNKNOWN_OUTCOME;
	if (!said->complete && (said->simple || said->success))
		return PROBLEM_UNKNOWN_OUTCOME;
	return error_judge(said, name, arena, why, next);
}

const char *
pg_reason(const char *message)
{
	const char *failed = strstr(message, "failed: ");

	return log_value(failed != NULL ? failed + strlen("failed: ") : message);
}
