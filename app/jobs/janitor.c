/*
 * holdfast-janitor: gives back what is due, ends its bookings, and trims what has served its time.
 *
 * Nothing waits for it to be right: a hold past its deadline blocks nobody without it. It keeps the
 * books tidy, and the history of bookings true to what was shown.
 */
#include "jobs/job.h"

#include <inttypes.h>

#include "base/fault.h"
#include "domain/filter.h"
#include "queries.h"

/* Claims in one transaction: few enough that their locks are held for some milliseconds. */
#define BATCH 500

struct tally {
	int64_t bookings, answers, sessions;
};

static int64_t
batch_of(const struct job_run *run)
{
	return run->limit - run->rows < BATCH ? run->limit - run->rows : BATCH;
}

/* PostgreSQL first; the filter follows, by the booking's id. */
static enum problem
expire(struct context *house, struct job_run *run, struct tally *tally, int64_t *done)
{
	struct pg_rows rows;
	enum problem err;

	err = query_janitor_expire(
		house->pg, house->arena, house->deadline_us, house->why, &rows, batch_of(run));
	if (err)
		return err;
	FAULT("janitor.expired");
	for (int i = 0; i < rows.count; i++) {
		filter_drop(house, (int32_t)pg_int(&rows, i, JANITOR_EXPIRE_EVENT_ID),
			pg_text(&rows, i, JANITOR_EXPIRE_BOOKING_ID), true);
		FAULT("janitor.dropped");
	}
	tally->bookings += rows.count;
	*done += rows.count;
	return PROBLEM_NONE;
}

static enum problem
trim(struct context *house, struct job_run *run, struct tally *tally, int64_t *done)
{
	struct pg_rows rows;
	enum problem err;

	err = query_janitor_trim(
		house->pg, house->arena, house->deadline_us, house->why, &rows, batch_of(run));
	if (err)
		return err;
	tally->answers += pg_int(&rows, 0, JANITOR_TRIM_ANSWERS);
	tally->sessions += pg_int(&rows, 0, JANITOR_TRIM_SESSIONS);
	*done += pg_int(&rows, 0, JANITOR_TRIM_ANSWERS) + pg_int(&rows, 0, JANITOR_TRIM_SESSIONS);
	return PROBLEM_NONE;
}

static enum problem
batch(struct context *house, struct job_run *run, int64_t *done)
{
	struct tally *tally = run->state ? run->state : ARENA_NEW(run->arena, struct tally);
	struct pg_rows rows;
	enum problem err;

	run->state = tally;
	if (run->dry_run) {
		err = query_janitor_due(
			house->pg, house->arena, house->deadline_us, house->why, &rows);
		if (!err)
			run->detail = arena_printf(run->arena,
				"claims_due=%" PRId64 " answers_due=%" PRId64
				" sessions_due=%" PRId64,
				pg_int(&rows, 0, JANITOR_DUE_CLAIMS),
				pg_int(&rows, 0, JANITOR_DUE_ANSWERS),
				pg_int(&rows, 0, JANITOR_DUE_SESSIONS));
		return err;
	}
	err = expire(house, run, tally, done);
	if (!err && *done == 0)
		err = trim(house, run, tally, done);
	run->detail = arena_printf(run->arena,
		"bookings=%" PRId64 " answers=%" PRId64 " sessions=%" PRId64, tally->bookings,
		tally->answers, tally->sessions);
	return err;
}

int
main(int argc, char **argv)
{
	static const struct job job = {
		.program = { .name = "janitor",
			.summary = "give back what is due and trim what has served its time" },
		.for_seconds = 50,
		.batch = batch,
	};

	return job_main(&job, argc, argv);
}
