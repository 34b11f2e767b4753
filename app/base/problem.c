/*
 * The rows of problem.def, and the way from an SQLSTATE to them.
 */
#include "base/problem.h"

const struct problem_row problem_rows[PROBLEM_COUNT] = {
#define PROBLEM(name, slug, status, sqlstate, title)                                               \
	[PROBLEM_##name] = { slug, title, sqlstate, status },
#include "base/problem.def"
#undef PROBLEM
};

enum problem
problem_from_sqlstate(const char *sqlstate)
{
	/* What a client can cause although everything is checked before: text that the server
	 * cannot store, and numbers beyond its types. */
	static const struct {
		const char *sqlstate;
		enum problem problem;
	} foreign[] = {
		{ "22021", PROBLEM_MALFORMED },
		{ "22P05", PROBLEM_MALFORMED },
		{ "22003", PROBLEM_INVALID },
		{ "22008", PROBLEM_INVALID },
		{ "22007", PROBLEM_INVALID },
		{ "55P03", PROBLEM_BUSY },
		{ "57014", PROBLEM_UNAVAILABLE },
	};

	if (!sqlstate)
		return PROBLEM_INTERNAL;
	for (int i = 1; i < PROBLEM_COUNT; i++) {
		if (problem_rows[i].sqlstate && strcmp(problem_rows[i].sqlstate, sqlstate) == 0)
			return (enum problem)i;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(foreign); i++) {
		if (strcmp(foreign[i].sqlstate, sqlstate) == 0)
			return foreign[i].problem;
	}
	return PROBLEM_INTERNAL;
}

enum problem
problem_at(
	struct problem_why *why, struct arena *arena, const char *pointer, const char *format, ...)
{
	struct problem_error *error = ARENA_NEW(arena, struct problem_error);
	va_list args;

	va_start(args, format);
	error->detail = arena_vprintf(arena, format, args);
	va_end(args);
	error->pointer = arena_strdup(arena, pointer);
	if (why->errors_last)
		why->errors_last->next = error;
	else
		why->errors = error;
	why->errors_last = error;
	return PROBLEM_INVALID;
}
