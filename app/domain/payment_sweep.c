/*
 * The sweep: payments of which nothing was heard, one at a time.
 */
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "domain/payment_parts.h"
#include "queries.h"

/* A payment that is due, and what the provider says of it. */
struct due {
	struct stripe *stripe;
	struct payment_name name;
	const char *payment_id; /* NULL: its creation was never answered */
	int64_t amount;
	const char *currency;
	bool cancel; /* nobody waits for it */
	struct stripe_payment payment;
	const char *error;
};

enum verb { CREATE, GET, CANCEL };

static enum stripe_result
ask(struct context *house, struct due *due, enum verb verb)
{
	struct stripe_call call = payment_call(house);
	int64_t began_us = clock_monotonic_us();
	enum stripe_result result;

	if (verb == CREATE)
		result = stripe_payment_create(due->stripe, &call, due->name.booking_id,
			due->name.attempt, due->amount, due->currency, &due->payment);
	else if (verb == GET)
		result = stripe_payment_get(due->stripe, &call, due->payment_id, &due->payment);
	else
		result = stripe_payment_cancel(due->stripe, &call, due->payment_id, &due->payment);
	payment_count(result, began_us);
	FAULT("sweep.asked");
	due->error = call.error;
	return result;
}

static enum problem
note(const struct due *due, enum stripe_result result)
{
	log_line(LOG_WARN, "sweep=%s attempt=%lld result=%s error=%s", due->name.booking_id,
		(long long)due->name.attempt,
		result == STRIPE_REFUSED ? "refused"
		: result == STRIPE_AWAY  ? "away"
					 : "unknown",
		log_value(due->error));
	return result == STRIPE_AWAY ? PROBLEM_UNAVAILABLE : PROBLEM_NONE;
}

/* A payment that may not be there yet, or whose id is not known here. */
static enum stripe_result
create(struct context *house, struct due *due, enum problem *err)
{
	enum stripe_result result = ask(house, due, CREATE);

	if (result == STRIPE_DONE) {
		due->payment_id = due->payment.id;
		*err = payment_opened(house, &due->name, due->payment_id, NULL);
	} else if (result == STRIPE_REFUSED) {
		*err = payment_opened(house, &due->name, NULL, due->error);
	}
	return result;
}

/* Money may be quicker than the cancel, which is refused then: what has become of it is asked. */
static enum stripe_result
cancel(struct context *house, struct due *due)
{
	enum stripe_result result = ask(house, due, CANCEL);

	return result == STRIPE_REFUSED ? ask(house, due, GET) : result;
}

static enum problem
sweep_one(struct context *house, struct due *due)
{
	enum problem err = PROBLEM_NONE;
	enum stripe_result result = STRIPE_DONE;
	const char *outcome;

	if (!due->payment_id)
		result = create(house, due, &err);
	else if (!due->cancel)
		result = ask(house, due, GET);
	if (err)
		return err;
	if (result == STRIPE_DONE && due->cancel)
		result = cancel(house, due);
	if (result != STRIPE_DONE)
		return note(due, result);
	err = payment_tell(house, &due->name, &due->payment, &outcome);
	if (!err)
		log_line(LOG_DEBUG, "sweep=%s attempt=%lld status=%s outcome=%s",
			due->name.booking_id, (long long)due->name.attempt, due->payment.status,
			outcome);
	return err;
}

enum problem
payment_sweep(struct context *house, int64_t *done)
{
	struct due due = { .stripe = payment_provider(house->conf) };
	struct pg_rows rows;
	enum problem err;

	*done = 0;
	if (!due.stripe)
		return PROBLEM_NONE;
	err = query_payment_due(house->pg, house->arena, house->deadline_us, house->why, &rows, 1,
		house->conf->payment_sweep_seconds);
	if (err || rows.count == 0)
		return err;
	*done = 1;
	due.name = (struct payment_name){
		.booking_id = pg_text(&rows, 0, PAYMENT_DUE_BOOKING_ID),
		.event_id = (int32_t)pg_int(&rows, 0, PAYMENT_DUE_EVENT_ID),
		.attempt = pg_int(&rows, 0, PAYMENT_DUE_ATTEMPT),
	};
	due.payment_id = pg_text(&rows, 0, PAYMENT_DUE_PROVIDER_ID);
	due.amount = pg_int(&rows, 0, PAYMENT_DUE_AMOUNT);
	due.currency = pg_text(&rows, 0, PAYMENT_DUE_CURRENCY);
	due.cancel = pg_bool(&rows, 0, PAYMENT_DUE_CANCEL);
	return sweep_one(house, &due);
}
