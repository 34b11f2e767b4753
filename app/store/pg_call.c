/*
 * What calls of PostgreSQL come to, and how long they take, for the metrics.
 */
#include "store/pg.h"

#include <poll.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/metrics.h"
#include "store/pg_judge.h"

/*
 * A session that waits for a replica does so until it has it, also when nobody waits for its answer
 * any more. Those of this user's that have waited so long, or longer, for one that must be away.
 */
#define WAITING_TEXT                                                                               \
	"select exists (select from pg_stat_activity where usename = current_user"                 \
	" and wait_event = 'SyncRep' and query_start < clock_timestamp() - interval '1 second')"

#define PAUSE_MS 8 /* the longest before the first repetition, doubled for each next */

void
pg_repeat_pause(int repeats)
{
	uint32_t random;

	metrics_add(METRIC_POSTGRES_REPEATS, 0, 1);
	id_random(&random, sizeof(random));
	poll(NULL, 0, 1 + (int)(random % (uint32_t)(PAUSE_MS << repeats)));
}

static int
result_of(enum problem problem)
{
	switch (problem) {
	case PROBLEM_NONE:
		return METRIC_RESULT_OK;
	case PROBLEM_UNAVAILABLE:
		return METRIC_RESULT_AWAY;
	case PROBLEM_UNKNOWN_OUTCOME:
		return METRIC_RESULT_UNKNOWN;
	case PROBLEM_INTERNAL:
		return METRIC_RESULT_FAILED;
	default:
		return METRIC_RESULT_REFUSED;
	}
}

static enum problem
count(enum problem problem, int64_t began_us)
{
	bool away = problem == PROBLEM_UNAVAILABLE || problem == PROBLEM_UNKNOWN_OUTCOME;
	int64_t now_us = clock_monotonic_us();

	metrics_add(METRIC_POSTGRES_CALLS, result_of(problem), 1);
	metrics_observe(METRIC_POSTGRES_SECONDS, 0, now_us - began_us);
	metrics_met(METRIC_SERVER_POSTGRES, !away, now_us);
	return problem;
}

/* A durable call of this process has run out of its time. */
static bool waited_in_vain;

/*
 * Whether a durable call would wait in vain, too. Each one would leave a session behind, until no
 * connection is left for anybody; like this each process leaves one.
 */
static bool
replica_is_away(struct pg *pg, struct arena *arena, int64_t deadline_us)
{
	struct pg_rows rows;

	if (waited_in_vain && !pg_exec_run(pg, WAITING_TEXT, arena, deadline_us, NULL, &rows))
		waited_in_vain = pg_bool(&rows, 0, 0);
	return waited_in_vain;
}

enum problem
pg_call(struct pg *pg, const struct pg_statement *statement, const char *const *params,
	struct arena *arena, int64_t deadline_us, struct problem_why *why, struct pg_rows *out)
{
	int64_t began_us = clock_monotonic_us();
	enum problem problem = PROBLEM_UNAVAILABLE;

	if (!statement->durable || !replica_is_away(pg, arena, deadline_us)) {
		problem = pg_call_run(pg, statement, params, arena, deadline_us, why, out);
		if (statement->durable && problem == PROBLEM_UNKNOWN_OUTCOME &&
			clock_monotonic_us() >= deadline_us)
			waited_in_vain = true;
	}
	return count(problem, began_us);
}

enum problem
pg_exec(struct pg *pg, const char *sql, struct arena *arena, int64_t deadline_us,
	struct problem_why *why, struct pg_rows *out)
{
	int64_t began_us = clock_monotonic_us();

	return count(pg_exec_run(pg, sql, arena, deadline_us, why, out), began_us);
}
