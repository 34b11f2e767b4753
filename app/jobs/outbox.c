/*
 * holdfast-outbox: publishes notices, delivers them to webhooks and mailboxes, and sends refunds.
 *
 * A batch gives each channel one turn, and a turn is short, so that one that is slow holds up no
 * other for long. Whoever cannot be reached is left alone for a while, and a receiver that takes
 * long is called when there is nothing else to do.
 */
#include "jobs/job.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/str.h"
#include "domain/outbox.h"
#include "domain/payment.h"
#include "domain/refund.h"
#include "queries.h"

#define EXIT_USAGE 2

/* What can wait has a turn that often in a run that always has something else to do. */
#define IDLE_US    INT64_C(30000000)

static struct outbox *outbox;

/* Refunds of this run that were due, and whether the rest waits for a provider that is away. */
static int64_t refunds;
static bool provider_away;

/* A setting that is wrong is told at the start, like any other. */
static void
options(struct conf *conf, struct job_run *run)
{
	const char *mistake;

	(void)run;
	outbox = outbox_open(conf, &mistake);
	if (!outbox) {
		fprintf(stderr, "holdfast-%s: %s\n", conf->program, mistake);
		exit(EXIT_USAGE);
	}
	payment_provider(conf);
}

static enum problem
tell_state(struct context *house, struct job_run *run)
{
	struct pg_rows rows;
	struct str detail;
	enum problem err;

	err = query_outbox_state(house->pg, house->arena, house->deadline_us, house->why, &rows);
	if (err)
		return err;
	str_init(&detail, run->arena);
	for (int i = 0; i < rows.count; i++)
		str_printf(&detail, "%s%s_waiting=%" PRId64 " %s_dead=%" PRId64, i > 0 ? " " : "",
			pg_text(&rows, i, OUTBOX_STATE_CHANNEL),
			pg_int(&rows, i, OUTBOX_STATE_WAITING),
			pg_text(&rows, i, OUTBOX_STATE_CHANNEL),
			pg_int(&rows, i, OUTBOX_STATE_DEAD));
	run->detail = detail.data;
	return PROBLEM_NONE;
}

/* A provider that is away stops no other channel: that is said when there is nothing else to do. */
static enum problem
send_refunds(struct context *house, int64_t most, int64_t *done)
{
	int64_t n = 0;
	enum problem err = PROBLEM_NONE;

	if (!provider_away)
		err = refund_send_due(house, most, &n);
	refunds += n;
	provider_away |= err == PROBLEM_UNAVAILABLE;
	*done = provider_away ? 0 : n;
	return provider_away ? PROBLEM_NONE : err;
}

static enum problem
send_mails(struct context *house, int64_t most, int64_t *done)
{
	return outbox_mail(outbox, house, most, done);
}

static enum problem
call_webhooks(struct context *house, int64_t most, int64_t *done)
{
	return outbox_call(outbox, house, false, most, done);
}

static enum problem
call_slow(struct context *house, int64_t most, int64_t *done)
{
	return outbox_call(outbox, house, true, most, done);
}

static enum problem
publish(struct context *house, int64_t most, int64_t *done)
{
	return outbox_publish(outbox, house, most, done);
}

static enum problem
bury(struct context *house, int64_t most, int64_t *done)
{
	return outbox_bury(outbox, house, most, done);
}

static enum problem
trim(struct context *house, int64_t most, int64_t *done)
{
	return outbox_trim(outbox, house, most, done);
}

/* Each has its turn in a batch. One that meets a problem has no more of them in this run. */
static struct channel {
	enum problem (*turn)(struct context *house, int64_t most, int64_t *done);
	enum problem problem;
	bool idle;      /* only where the others have nothing to do, or when it is due */
	int64_t due_us; /* since the first batch; at a turn it is put off by IDLE_US */
} channels[] = {
	{ .turn = publish },
	{ .turn = send_mails },
	{ .turn = call_webhooks },
	{ .turn = send_refunds },
	{ .turn = call_slow, .idle = true, .due_us = IDLE_US / 3 },
	{ .turn = bury, .idle = true },
	{ .turn = trim, .idle = true },
};

/* The first problem is told when there is nothing else to do. */
static enum problem
turns(struct context *house, int64_t most, int64_t *done)
{
	static int64_t began_us;
	enum problem first = PROBLEM_NONE;

	if (began_us == 0)
		began_us = clock_monotonic_us();
	for (size_t i = 0; i < ARRAY_LENGTH(channels); i++) {
		struct channel *channel = &channels[i];
		int64_t n = 0;

		if (!channel->problem && *done < most &&
			(!channel->idle || *done == 0 ||
				clock_monotonic_us() - began_us >= channel->due_us)) {
			*house->why = (struct problem_why){ 0 };
			channel->problem = channel->turn(house, most - *done, &n);
			*done += channel->problem ? 0 : n;
			channel->due_us = clock_monotonic_us() - began_us + IDLE_US;
		}
		if (!first)
			first = channel->problem;
	}
	if (*done > 0)
		return PROBLEM_NONE;
	return !first && provider_away ? PROBLEM_UNAVAILABLE : first;
}

static bool
has_failed(void)
{
	for (size_t i = 0; i < ARRAY_LENGTH(channels); i++) {
		if (channels[i].problem)
			return true;
	}
	return outbox_tally(outbox)->mistakes > 0;
}

static enum problem
batch(struct context *house, struct job_run *run, int64_t *done)
{
	const struct outbox_tally *tally = outbox_tally(outbox);
	static char detail[320];
	enum problem err;

	if (run->dry_run)
		return tell_state(house, run);
	err = turns(house, run->limit - run->rows, done);
	run->failed |= has_failed();
	snprintf(detail, sizeof(detail),
		"published=%" PRId64 " mails=%" PRId64 " mails_later=%" PRId64
		" mails_dead=%" PRId64 " webhooks=%" PRId64 " webhooks_later=%" PRId64
		" webhooks_dead=%" PRId64 " refunds=%" PRId64 " buried=%" PRId64 " trimmed=%" PRId64
		" mistakes=%" PRId64,
		tally->published, tally->done[OUTBOX_MAIL], tally->later[OUTBOX_MAIL],
		tally->dead[OUTBOX_MAIL], tally->done[OUTBOX_WEBHOOK], tally->later[OUTBOX_WEBHOOK],
		tally->dead[OUTBOX_WEBHOOK], refunds, tally->buried, tally->trimmed,
		tally->mistakes);
	run->detail = detail;
	return err;
}

int
main(int argc, char **argv)
{
	static const struct job job = {
		.program = { .name = "outbox",
			.summary = "publish notices, deliver them to webhooks and mailboxes, send "
				   "refunds" },
		.for_seconds = 50,
		.derives_ids = true,
		.options = options,
		.batch = batch,
	};
	int status = job_main(&job, argc, argv);

	outbox_close(outbox);
	return status;
}
