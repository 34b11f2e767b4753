/*
 * The judgement of outcomes: what may be repeated, what is told as done, and what nobody knows.
 */
#include <criterion/criterion.h>

#include "base/log.h"
#include "store/pg_judge.h"

static struct arena *arena;
static struct problem_why why;
static enum pg_next next;

static void
begin(void)
{
	log_init("test", LOG_ERROR);
	arena = arena_new();
}

static void
end(void)
{
	arena_free(arena);
}

TestSuite(pg_judge, .init = begin, .fini = end);

static enum problem
judge(struct pg_said said)
{
	next = PG_RETURN;
	why = (struct problem_why){ .detail = NULL };
	said.error = said.error || said.state != NULL;
	if (said.state != NULL && said.severity == NULL)
		said.severity = "ERROR";
	return pg_judge(&said, "test", arena, &why, &next);
}

Test(pg_judge, knows_success_only_when_it_came_to_its_end)
{
	cr_assert_eq(judge((struct pg_said){ .success = true, .complete = true }), PROBLEM_NONE);
	cr_assert_eq(judge((struct pg_said){ .success = true }), PROBLEM_UNKNOWN_OUTCOME);
	cr_assert_eq(judge((struct pg_said){ .complete = true }), PROBLEM_UNKNOWN_OUTCOME);
	cr_assert_eq(judge((struct pg_said){ .complete = false }), PROBLEM_UNKNOWN_OUTCOME);
}

Test(pg_judge, knows_that_an_error_undid_it)
{
	/* At its commit, too: a completion, then the error, then the end. */
	cr_assert_eq(judge((struct pg_said){ .state = "HF201", .success = true, .complete = true }),
		PROBLEM_SEATS_UNAVAILABLE);
	cr_assert_eq(judge((struct pg_said){
			     .state = "HF201", .complete = true, .message = "m", .detail = "{}" }),
		PROBLEM_SEATS_UNAVAILABLE);
	cr_assert_str_eq(why.detail, "m");
	cr_assert_str_eq(why.extensions, "{}");
	cr_assert_eq(next, PG_RETURN);
	cr_assert_eq(judge((struct pg_said){ .state = "40P01", .complete = true }), PROBLEM_BUSY);
	cr_assert_eq(next, PG_REPEAT);
	cr_assert_eq(judge((struct pg_said){ .state = "40001", .complete = true }), PROBLEM_BUSY);
	cr_assert_eq(next, PG_REPEAT);
	cr_assert_eq(
		judge((struct pg_said){ .state = "53100", .complete = true }), PROBLEM_UNAVAILABLE);
	cr_assert_eq(next, PG_RETURN);
}

Test(pg_judge, tries_a_new_connection_where_nothing_happened)
{
	static const char *const states[] = { "57P01", "57P03", "25006", "26000", "0A000",
		"08P01" };

	for (size_t i = 0; i < ARRAY_LENGTH(states); i++) {
		cr_assert_eq(judge((struct pg_said){ .state = states[i], .severity = "FATAL" }),
			PROBLEM_UNAVAILABLE, "%s", states[i]);
		cr_assert_eq(next, PG_RECONNECT);
	}
}

Test(pg_judge, knows_nothing_where_the_session_ended_after_a_completion)
{
	cr_assert_eq(
		judge((struct pg_said){ .state = "57P01", .severity = "FATAL", .success = true }),
		PROBLEM_UNKNOWN_OUTCOME);
	cr_assert_eq(next, PG_RETURN);
	cr_assert_eq(
		judge((struct pg_said){ .state = "57P01", .severity = "FATAL", .simple = true }),
		PROBLEM_UNKNOWN_OUTCOME);
	cr_assert_eq(judge((struct pg_said){ .state = "53100", .severity = "PANIC" }),
		PROBLEM_UNKNOWN_OUTCOME);
	/* libpq's own words of a lost connection have no SQLSTATE. */
	cr_assert_eq(judge((struct pg_said){ .error = true, .message = "server closed" }),
		PROBLEM_UNKNOWN_OUTCOME);
	cr_assert_eq(next, PG_RETURN);
}
