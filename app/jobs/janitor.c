/*
 * holdfast-janitor: gives back what is due, ends its bookings, and trims what has served its time.
 *
 * Nothing waits for it to be right: a hold past its deadline blocks nobody without it. It keeps the
 * books tidy, and the history of bookings true to what was shown.
 */
#include "jobs/job.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/fault.h"
#include "domain/filter.h"
#include "queries.h"

/*
 * Claims in one transaction. Whoever wants one of them, or a place in their section, waits for its
 * end: some milliseconds. Where the server is slow, batches become smaller until it is so again.
 */
#define BATCH_MOST    128
#define BATCH_LEAST   16
#define BATCH_LONG_US 15000

struct tally {
	int64_t bookings, answers, sessions, tickets;
	int64_t batch;      /* size of the next */
	int64_t longest_us; /* a transaction of this run */
};

static int64_t
batch_of(const struct job_run *run, const struct tally *tally)
{
	int64_t left = run->limit - run->rows;

	return left < tally->batch ? left : tally->batch;
}

/* A transaction has taken so long: what that means for the next. */
static void
note_time(struct tally *tally, int64_t took_us)
{
	if (took_us > tally->longest_us)
		tally->longest_us = took_us;
	if (took_us > BATCH_LONG_US && tally->batch > BATCH_LEAST)
		tally->batch /= 2;
	else if (took_us < BATCH_LONG_US / 4 && tally->batch < BATCH_MOST)
		tally->batch += BATCH_LEAST;
}

/* PostgreSQL first; the filter follows, by the booking's id. */
static enum problem
expire(struct context *house, struct job_run *run, struct tally *tally, int64_t *done)
{
	int64_t began_us = clock_monotonic_us();
	struct pg_rows rows;
	enum problem err;

	err = query_janitor_expire(house->pg, house->arena, house->deadline_us, house->why, &rows,
		batch_of(run, tally));
	if (err)
		return err;
	note_time(tally, clock_monotonic_us() - began_us);
	FAULT("janitor.expired");
	for (int i = 0; i < rows.count; i++) {
		filter_drop_ended(house, (int32_t)pg_int(&rows, i, JANITOR_EXPIRE_EVENT_ID),
			pg_text(&rows, i, JANITOR_EXPIRE_BOOKING_ID),
			pg_int(&rows, i, JANITOR_EXPIRE_ENDED_MS));
		FAULT("janitor.dropped");
	}
	tally->bookings += rows.count;
	*done = rows.count;
	return PROBLEM_NONE;
}

/* Kept answers first, then sessions, then what lines have left. */
static enum problem
trim(struct context *house, struct job_run *run, struct tally *tally, int64_t *done)
{
	int64_t began_us = clock_monotonic_us();
	struct pg_rows rows;
	enum problem err;

	err = query_janitor_trim(house->pg, house->arena, house->deadline_us, house->why, &rows,
		batch_of(run, tally));
	if (err)
		return err;
	*done = pg_int(&rows, 0, JANITOR_TRIM_ANSWERS);
	tally->answers += *done;
	if (*done == 0) {
		err = query_janitor_trim_sessions(house->pg, house->arena, house->deadline_us,
			house->why, &rows, batch_of(run, tally));
		if (err)
			return err;
		*done = pg_int(&rows, 0, JANITOR_TRIM_SESSIONS_SESSIONS);
		tally->sessions += *done;
	}
	if (*done == 0) {
		err = query_janitor_trim_queue(house->pg, house->arena, house->deadline_us,
			house->why, &rows, batch_of(run, tally));
		if (err)
			return err;
		*done = pg_int(&rows, 0, JANITOR_TRIM_QUEUE_TICKETS);
		tally->tickets += *done;
	}
	note_time(tally, clock_monotonic_us() - began_us);
	return PROBLEM_NONE;
}

static enum problem
tell_due(struct context *house, struct job_run *run)
{
	struct pg_rows rows;
	enum problem err;

	err = query_janitor_due(house->pg, house->arena, house->deadline_us, house->why, &rows);
	if (!err)
		run->detail = arena_printf(run->arena,
			"claims_due=%" PRId64 " answers_due=%" PRId64 " sessions_due=%" PRId64,
			pg_int(&rows, 0, JANITOR_DUE_CLAIMS), pg_int(&rows, 0, JANITOR_DUE_ANSWERS),
			pg_int(&rows, 0, JANITOR_DUE_SESSIONS));
	return err;
}

static enum problem
batch(struct context *house, struct job_run *run, int64_t *done)
{
	static char detail[160];
	struct tally *tally = run->state;
	enum problem err;

	if (run->dry_run)
		return tell_due(house, run);
	if (!tally) {
		tally = ARENA_NEW(run->arena, struct tally);
		tally->batch = BATCH_MOST;
		run->state = tally;
	}
	err = expire(house, run, tally, done);
	if (!err && *done == 0)
		err = trim(house, run, tally, done);
	snprintf(detail, sizeof detail,
		"bookings=%" PRId64 " answers=%" PRId64 " sessions=%" PRId64 " tickets=%" PRId64
		" longest_ms=%" PRId64,
		tally->bookings, tally->answers, tally->sessions, tally->tickets,
		tally->longest_us / 1000);
	run->detail = detail;
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
