/*
 * holdfast-payment-sweep: asks the payment provider about every payment of which nothing was heard,
 * and cancels those that nobody waits for any more.
 *
 * With it a notice that never came loses nothing: what was paid is confirmed or goes back.
 */
#include "jobs/job.h"

#include <inttypes.h>

#include "domain/payment.h"
#include "queries.h"

#define TRIM_BATCH 1000

/* Notices that their sender does not repeat any more. */
static enum problem
trim(struct context *house, struct job_run *run, int64_t *done)
{
	int64_t left = run->limit - run->rows;
	struct pg_rows rows;
	enum problem err;

	err = query_payment_trim(house->pg, house->arena, house->deadline_us, house->why, &rows,
		left < TRIM_BATCH ? left : TRIM_BATCH);
	if (!err)
		*done = pg_int(&rows, 0, PAYMENT_TRIM_GONE);
	return err;
}

static enum problem
tell_waiting(struct context *house, struct job_run *run)
{
	struct pg_rows rows;
	enum problem err;

	err = query_payment_waiting(house->pg, house->arena, house->deadline_us, house->why, &rows,
		house->conf->payment_sweep_seconds);
	if (!err)
		run->detail =
			arena_printf(run->arena, "payments_open=%" PRId64 " payments_due=%" PRId64,
				pg_int(&rows, 0, PAYMENT_WAITING_OPEN),
				pg_int(&rows, 0, PAYMENT_WAITING_DUE));
	return err;
}

/* Once a run. */
static enum problem
give_up(struct context *house, struct job_run *run)
{
	struct pg_rows rows;

	run->state = run;
	return query_payment_give_up(
		house->pg, house->arena, house->deadline_us, house->why, &rows, TRIM_BATCH);
}

static enum problem
batch(struct context *house, struct job_run *run, int64_t *done)
{
	enum problem err = PROBLEM_NONE;

	if (run->dry_run)
		return tell_waiting(house, run);
	if (!run->state)
		err = give_up(house, run);
	if (!err)
		err = payment_sweep(house, run->limit - run->rows, done);
	filter_idle(house);
	if (!err && *done == 0)
		err = trim(house, run, done);
	return err;
}

int
main(int argc, char **argv)
{
	static const struct job job = {
		.program = { .name = "payment-sweep",
			.summary = "ask the payment provider what has become of open payments" },
		.for_seconds = 50,
		.derives_ids = true,
		.batch = batch,
	};

	return job_main(&job, argc, argv);
}
