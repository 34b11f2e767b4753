/*
 * The vocabulary of failure. problem.def is the one list: the enum, the SQLSTATE map, the
 * problem+json rows (RFC 9457) and nginx's own error bodies all come from it.
 *
 * Zero is success. Functions return an enum problem and never log it: the edge says it once.
 */
#ifndef HOLDFAST_PROBLEM_H
#define HOLDFAST_PROBLEM_H

#include "base/arena.h"

enum problem {
	PROBLEM_NONE = 0,
#define PROBLEM(name, slug, status, sqlstate, title) PROBLEM_##name,
#include "base/problem.def"
#undef PROBLEM
	PROBLEM_COUNT
};

struct problem_row {
	const char *slug; /* type is /problems/<slug>; stable */
	const char *title;
	const char *sqlstate; /* of our class HF, or NULL */
	int status;
};

extern const struct problem_row problem_rows[PROBLEM_COUNT];

/* What PostgreSQL's SQLSTATE stands for; PROBLEM_INTERNAL if it is no client's fault. */
enum problem problem_from_sqlstate(const char *sqlstate);

/* One entry of "errors" in a 422: a JSON pointer (RFC 6901) and a sentence. */
struct problem_error {
	const char *pointer;
	const char *detail;
	struct problem_error *next;
};

/*
 * Why: what travels with an enum problem up to the answer. All strings live on the arena of the
 * request; zero it before use.
 */
struct problem_why {
	const char *detail;     /* a sentence for a human, or NULL */
	const char *extensions; /* members of the problem: JSON object text "{...}", or NULL */
	const char *members;    /* likewise, as they go into the answer: ",\"name\":value" */
	struct problem_error *errors;
	struct problem_error *errors_last;
	int retry_after_s; /* 0: the default of the status */
	const char *limit; /* of RATE_LIMITED, for the RateLimit fields: its name and rate */
	int64_t limit_per_minute;
};

/* Adds one error. Returns PROBLEM_INVALID: a check can end with `return problem_at(…)`. */
enum problem problem_at(struct problem_why *why, struct arena *arena, const char *pointer,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
