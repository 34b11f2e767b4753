/*
 * holdfast-rollup: adds up what was sold, by quarters of an hour and days, for the analytics.
 *
 * A batch is some quarters of an hour in which nothing can happen any more. What they do not reach
 * is read from the bookings themselves: without this job the answers are the same, and slower. The
 * sums can be compared with the bookings, and made anew from them, day by day, while in use.
 */
#include "jobs/job.h"

#include <inttypes.h>

#include "base/clock.h"
#include "queries.h"

/* In quarters of an hour; a batch is to take a moment, so that its end can be waited for. */
#define BATCH_MOST     (4 * 24 * 7)
#define BATCH_LONG_US  1000000
#define BATCH_SHORT_US 100000
#define BUDGET_US      INT64_C(600000000) /* of one statement, as the role has it */
#define DAY_S          86400

struct tally {
	bool check, rebuild;
	int64_t batch; /* size of the next */
	const char *day;
	int64_t days, wrong;
};

static void
options(struct conf *conf, struct job_run *run)
{
	struct tally *tally = ARENA_NEW(run->arena, struct tally);

	*tally = (struct tally){ .batch = 4 };
	run->state = tally;
	tally->check = conf_option(conf, "check", NULL);
	tally->rebuild = conf_option(conf, "rebuild", NULL);
	if (!tally->check && !tally->rebuild)
		return;
	if (run->for_seconds == 0)
		run->for_seconds = DAY_S;
	run->apart = tally->check; /* it only looks */
}

static enum problem
tell_due(struct context *house, struct job_run *run)
{
	struct pg_rows rows;
	enum problem err;
	const char *until;

	err = query_rollup_due(house->pg, house->arena, house->deadline_us, house->why, &rows);
	if (err)
		return err;
	until = pg_text(&rows, 0, ROLLUP_DUE_UNTIL);
	run->detail = arena_printf(run->arena, "until=%s bookings_due=%" PRId64,
		until ? until : "-", pg_int(&rows, 0, ROLLUP_DUE_BOOKINGS));
	return PROBLEM_NONE;
}

/* The next quarters of an hour. */
static enum problem
add_up(struct context *house, struct job_run *run, struct tally *tally, int64_t *done)
{
	int64_t began_us = clock_monotonic_us(), took_us;
	int64_t left = run->limit - run->rows;
	struct pg_rows rows;
	enum problem err;
	const char *until;

	err = query_rollup_step(house->pg, house->arena, house->deadline_us, house->why, &rows,
		left < tally->batch ? left : tally->batch);
	if (err)
		return err;
	took_us = clock_monotonic_us() - began_us;
	if (took_us > BATCH_LONG_US && tally->batch > 1)
		tally->batch /= 2;
	else if (took_us < BATCH_SHORT_US && tally->batch < BATCH_MOST)
		tally->batch *= 2;
	*done = pg_int(&rows, 0, ROLLUP_STEP_QUARTERS);
	run->more = pg_bool(&rows, 0, ROLLUP_STEP_MORE);
	until = pg_text(&rows, 0, ROLLUP_STEP_UNTIL);
	run->detail = arena_printf(run->arena, "until=%s%s", until ? until : "-",
		pg_bool(&rows, 0, ROLLUP_STEP_WAITS) ? " waits=yes" : "");
	return PROBLEM_NONE;
}

/* One day of the sums beside the bookings; what is wrong is said on stdout. */
static enum problem
compare(struct context *house, struct job_run *run, struct tally *tally, int64_t *done)
{
	bool repair = tally->rebuild && !run->dry_run;
	struct pg_rows rows;
	const char *next;
	enum problem err;
	int64_t wrong;

	if (repair)
		err = query_rollup_repair(
			house->pg, house->arena, house->deadline_us, house->why, &rows, tally->day);
	else
		err = query_rollup_compare(
			house->pg, house->arena, house->deadline_us, house->why, &rows, tally->day);
	if (err)
		return err;
	if (rows.count > 0) {
		wrong = pg_int(&rows, 0, ROLLUP_COMPARE_WRONG);
		next = pg_text(&rows, 0, ROLLUP_COMPARE_NEXT);
		if (wrong > 0)
			printf("%s: %" PRId64 " rows missing or wrong%s, one is %s\n",
				pg_text(&rows, 0, ROLLUP_COMPARE_DAY), wrong,
				repair ? ", put right" : "",
				pg_text(&rows, 0, ROLLUP_COMPARE_FIRST));
		tally->days++;
		tally->wrong += wrong;
		*done = repair ? wrong : 0;
		run->failed = tally->wrong > 0 && !repair;
		run->more = next != NULL;
		tally->day = next ? arena_strdup(run->arena, next) : NULL;
	}
	run->detail = arena_printf(
		run->arena, "days=%" PRId64 " wrong=%" PRId64, tally->days, tally->wrong);
	return PROBLEM_NONE;
}

static enum problem
batch(struct context *house, struct job_run *run, int64_t *done)
{
	struct tally *tally = run->state;

	house->deadline_us = clock_monotonic_us() + BUDGET_US;
	if (tally->check || tally->rebuild)
		return compare(house, run, tally, done);
	if (run->dry_run)
		return tell_due(house, run);
	return add_up(house, run, tally, done);
}

int
main(int argc, char **argv)
{
	static const struct job job = {
		.program = { .name = "rollup",
			.summary = "add up what was sold, for the analytics",
			.options =
				"  --check            compare the sums with the bookings; exit 1 "
				"if any is wrong\n"
				"  --rebuild          the same, and make those anew that are "
				"wrong\n" },
		.for_seconds = 240,
		.options = options,
		.batch = batch,
	};

	return job_main(&job, argc, argv);
}
