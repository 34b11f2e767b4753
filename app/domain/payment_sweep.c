/*
 * The sweep: payments of which nothing was heard, some at once.
 */
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "domain/payment_parts.h"
#include "queries.h"

/* A payment that is due. */
struct due {
	struct payment_name name;
	bool cancel;             /* nobody waits for it */
	bool ended;              /* nothing more is to be asked */
	struct stripe_call call; /* the next one, and then what the provider says */
};

static void
read_due(const struct pg_rows *rows, int row, struct due *out)
{
	*out = (struct due){ .cancel = pg_bool(rows, row, PAYMENT_DUE_CANCEL) };
	out->name = (struct payment_name){
		.booking_id = pg_text(rows, row, PAYMENT_DUE_BOOKING_ID),
		.event_id = (int32_t)pg_int(rows, row, PAYMENT_DUE_EVENT_ID),
		.attempt = pg_int(rows, row, PAYMENT_DUE_ATTEMPT),
	};
	out->call = (struct stripe_call){
		.payment_id = pg_text(rows, row, PAYMENT_DUE_PROVIDER_ID),
		.booking_id = out->name.booking_id,
		.attempt = out->name.attempt,
		.amount = pg_int(rows, row, PAYMENT_DUE_AMOUNT),
		.currency = pg_text(rows, row, PAYMENT_DUE_CURRENCY),
	};
	/* If its creation was never answered it may not be there, and its id is not known here. */
	out->call.verb = !out->call.payment_id ? STRIPE_PAYMENT_CREATE
			 : out->cancel         ? STRIPE_PAYMENT_CANCEL
					       : STRIPE_PAYMENT_GET;
}

static void
note(const struct due *due)
{
	log_line(LOG_WARN, "sweep=%s attempt=%lld result=%s error=%s", due->name.booking_id,
		(long long)due->name.attempt, payment_result_word(due->call.result),
		log_value(due->call.error));
}

static enum problem
tell(struct context *house, const struct due *due)
{
	const char *outcome;
	enum problem err = payment_tell(house, &due->name, &due->call.payment, &outcome);

	if (!err)
		log_line(LOG_DEBUG, "sweep=%s attempt=%lld status=%s outcome=%s",
			due->name.booking_id, (long long)due->name.attempt,
			due->call.payment.status, outcome);
	return err;
}

/* What the provider has said of one. */
static enum problem
step(struct context *house, struct due *due)
{
	struct stripe_call *call = &due->call;
	enum problem err = PROBLEM_NONE;

	due->ended = true;
	if (call->verb == STRIPE_PAYMENT_CREATE && call->result == STRIPE_DONE) {
		call->payment_id = call->payment.id;
		err = payment_opened(house, &due->name, call->payment_id, NULL);
		if (!err && due->cancel) {
			call->verb = STRIPE_PAYMENT_CANCEL;
			due->ended = false;
			return PROBLEM_NONE;
		}
	} else if (call->verb == STRIPE_PAYMENT_CREATE && call->result == STRIPE_REFUSED) {
		err = payment_opened(house, &due->name, NULL, call->error);
	} else if (call->verb == STRIPE_PAYMENT_CANCEL && call->result == STRIPE_REFUSED) {
		/* Money may have been quicker: what has become of it is asked. */
		call->verb = STRIPE_PAYMENT_GET;
		due->ended = false;
		return PROBLEM_NONE;
	}
	if (!err && call->result == STRIPE_DONE)
		return tell(house, due);
	if (!err)
		note(due);
	return err;
}

/* Asks for all that has not ended. *left: how much of it has not by then. What fails of one is kept
 * until the others are told: they have been asked for too. */
static enum problem
ask(struct context *house, struct due *dues, int count, int *left, bool *away)
{
	struct stripe_call *calls[STRIPE_AT_ONCE];
	enum problem err = PROBLEM_NONE;
	size_t n = 0;

	for (int i = 0; i < count; i++) {
		if (!dues[i].ended)
			calls[n++] = &dues[i].call;
	}
	context_renew(house);
	payment_ask(house, calls, n);
	FAULT("sweep.asked");
	*left = 0;
	for (int i = 0; !context_is_cut_off(err) && i < count; i++) {
		if (dues[i].ended)
			continue;
		*away |= dues[i].call.result == STRIPE_AWAY;
		context_renew(house);
		err = context_sum(err, step(house, &dues[i]));
		*left += !dues[i].ended;
	}
	return err;
}

enum problem
payment_sweep(struct context *house, int64_t limit, int64_t *done)
{
	struct due dues[STRIPE_AT_ONCE];
	struct pg_rows rows;
	enum problem err;
	bool away = false;
	int left;

	*done = 0;
	if (!payment_provider(house->conf))
		return PROBLEM_NONE;
	err = query_payment_due(house->pg, house->arena, house->deadline_us, house->why, &rows,
		limit < STRIPE_AT_ONCE ? limit : STRIPE_AT_ONCE,
		house->conf->payment_sweep_seconds);
	if (err)
		return err;
	for (int i = 0; i < rows.count; i++)
		read_due(&rows, i, &dues[i]);
	*done = left = rows.count;
	while (!context_is_cut_off(err) && left > 0) {
		err = context_sum(err, ask(house, dues, rows.count, &left, &away));
	}
	return !err && away ? PROBLEM_UNAVAILABLE : err;
}
