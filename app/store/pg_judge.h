/*
 * What an answer of PostgreSQL means: done, certainly not done, or unknown. Within app/store.
 */
#ifndef HOLDFAST_PG_JUDGE_H
#define HOLDFAST_PG_JUDGE_H

#include "store/pg.h"

/* What the server said to one statement that was sent. */
struct pg_said {
	bool simple;          /* the statement went as a simple query */
	bool success;         /* it told of a completion, before anything else */
	bool complete;        /* the answer came to its end: the server waits for the next */
	bool error;           /* there was an error; NULL below is what it did not say */
	const char *severity; /* not translated */
	const char *state;
	const char *message;
	const char *detail;
};

/* How a call goes on. */
enum pg_next {
	PG_RETURN,
	PG_REPEAT,   /* undone by the server, which asks to try again */
	PG_RECONNECT /* nothing happened; a new connection will do better */
};

/* name: of the statement, for the log. why may be NULL; *next is left alone for PG_RETURN. */
enum problem pg_judge(const struct pg_said *said, const char *name, struct arena *arena,
	struct problem_why *why, enum pg_next *next);

/* Before a statement is repeated: some milliseconds, more each time, and not the same for all. */
void pg_repeat_pause(int repeats);

/* pg_call() and pg_exec() without their numbers. */
enum problem
pg_call_run(struct pg *pg, const struct pg_statement *statement, const char *const *params,
	struct arena *arena, int64_t deadline_us, struct problem_why *why, struct pg_rows *out);
enum problem pg_exec_run(struct pg *pg, const char *sql, struct arena *arena, int64_t deadline_us,
	struct problem_why *why, struct pg_rows *out);

/* libpq's words, for the log, without the address that stands in front of them. */
const char *pg_reason(const char *message);

#endif
