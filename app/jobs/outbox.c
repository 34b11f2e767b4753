/*
 * holdfast-outbox: publishes notices, delivers them to webhooks and mailboxes, and sends refunds.
 *
 * A batch gives each channel one turn, and a turn is short, so that one that is slow holds up no
 * other for long. Whoever cannot be reached is left alone for a while.
 */
#include "jobs/job.h"

#include <inttypes.h>

#include "base/str.h"
#include "domain/outbox.h"
#include "domain/payment.h"
#include "domain/refund.h"
#include "queries.h"

#define EXIT_USAGE     2
#define REFUNDS_A_TURN 2

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
send_refunds(struct context *house, int64_t *done)
{
	int64_t n = 0;
	enum problem err = PROBLEM_NONE;

	if (!provider_away)
		err = refund_send_due(house, REFUNDS_A_TURN, &n);
	refunds += n;
	provider_away |= err == PROBLEM_UNAVAILABLE;
	if (!provider_away)
		*done += n;
	return provider_away ? PROBLEM_NONE : err;
}

/* What one turn has done is added up; the first problem ends the batch. */
static enum problem
turns(struct context *house, int64_t *done)
{
	int64_t n = 0;
	enum problem err = outbox_publish(outbox, house, &n);

	*done += n;
	for (int channel = OUTBOX_MAIL; !err && channel <= OUTBOX_WEBHOOK; channel++) {
		err = outbox_deliver(outbox, house, (enum outbox_channel)channel, &n);
		*done += err ? 0 : n;
	}
	if (!err)
		err = send_refunds(house, done);
	if (!err && *done == 0)
		err = outbox_trim(outbox, house, done);
	return !err && *done == 0 && provider_away ? PROBLEM_UNAVAILABLE : err;
}

static enum problem
batch(struct context *house, struct job_run *run, int64_t *done)
{
	const struct outbox_tally *tally = outbox_tally(outbox);
	static char detail[240];
	enum problem err;

	if (run->dry_run)
		return tell_state(house, run);
	err = turns(house, done);
	snprintf(detail, sizeof(detail),
		"published=%" PRId64 " mails=%" PRId64 " mails_later=%" PRId64
		" mails_dead=%" PRId64 " webhooks=%" PRId64 " webhooks_later=%" PRId64
		" webhooks_dead=%" PRId64 " refunds=%" PRId64 " trimmed=%" PRId64,
		tally->published, tally->done[OUTBOX_MAIL], tally->later[OUTBOX_MAIL],
		tally->dead[OUTBOX_MAIL], tally->done[OUTBOX_WEBHOOK], tally->later[OUTBOX_WEBHOOK],
		tally->dead[OUTBOX_WEBHOOK], refunds, tally->trimmed);
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
		.options = options,
		.batch = batch,
	};
	int status = job_main(&job, argc, argv);

	outbox_close(outbox);
	return status;
}
