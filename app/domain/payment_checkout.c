/*
 * A checkout: the payment is written down, then the provider is asked, then its word is written.
 */
#include "base/clock.h"
#include "base/fault.h"
#include "base/id.h"
#include "base/log.h"
#include "base/metrics.h"
#include "domain/payment_parts.h"
#include "queries.h"

/* A provider that let so many calls of this process in a row run out of their time is left alone
 * for so long: others would wait in vain, and those behind them for a worker. */
#define HANGS_MAX 2
#define REST_US   INT64_C(5000000)

static struct {
	int hangs;
	int64_t until_us;
} rest;

/* A checkout under way: the caller's booking, and the payment that PostgreSQL gave it. */
struct checkout {
	const struct booking_name *name;
	const struct context_key *key;
	struct stripe *stripe; /* NULL: no provider is set up */
	struct payment_name payment;
	struct pg_rows rows;
	bool repeated; /* once: a payment of before turned out to have ended */
};

static enum problem
call_checkout(struct context *house, struct checkout *checkout, bool wait)
{
	const struct context_key *key = checkout->key;
	enum problem err;

	err = query_payment_checkout(house->pg, house->arena, house->deadline_us, house->why,
		&checkout->rows, checkout->payment.event_id, checkout->name->booking_id,
		checkout->name->user_id, key->key, key->key ? key->fingerprint : NULL, wait,
		checkout->stripe ? PAYMENT_STRIPE : NULL, house->conf->payment_grace_seconds,
		house->conf->hold_life_max_seconds);
	FAULT("checkout.reserved");
	return err;
}

/* HOLD to RESERVED; what was done under an answer that got lost is found and told again. */
static enum problem
reserve(struct context *house, struct checkout *checkout)
{
	struct filter_entry entry;
	enum problem err = call_checkout(house, checkout, false);

	if (err == PROBLEM_UNKNOWN_OUTCOME) {
		err = call_checkout(house, checkout, true);
		if (err == PROBLEM_UNAVAILABLE || err == PROBLEM_BUSY)
			err = PROBLEM_UNKNOWN_OUTCOME;
	}
	if (err == PROBLEM_UNKNOWN_OUTCOME)
		filter_unheard(
			house, checkout->payment.event_id, checkout->name->booking_id, false);
	if (err)
		return err;
	checkout->payment.booking_id = checkout->name->booking_id;
	checkout->payment.attempt = pg_int(&checkout->rows, 0, PAYMENT_CHECKOUT_ATTEMPT);
	if (str_equal(pg_text(&checkout->rows, 0, BOOKING_GET_STATUS), "RESERVED")) {
		entry = booking_entry(house->arena, &checkout->rows, 0, checkout->payment.event_id,
			checkout->name->user_id);
		filter_put(house, &entry);
	}
	return PROBLEM_NONE;
}

/* The provider was asked in vain; why is for the log of those who run this, not for buyers. */
static enum problem
failed(struct context *house, const struct checkout *checkout, const struct stripe_call *call)
{
	log_line(LOG_WARN, "checkout=%s result=%s error=%s", checkout->name->booking_id,
		payment_result_word(call->result), log_value(call->error));
	house->why->detail = "The payment provider does not answer. The places stay reserved; try "
			     "again.";
	return PROBLEM_UNAVAILABLE;
}

/* Unless the provider is left alone for now. */
static void
ask(struct context *house, struct stripe_call *call)
{
	int64_t began_us = clock_monotonic_us();

	if (began_us < rest.until_us) {
		call->result = STRIPE_AWAY;
		call->error = "it has not answered in time, and is left alone for some seconds";
		return;
	}
	payment_ask(house, &call, 1);
	if (call->result == STRIPE_DONE || call->result == STRIPE_REFUSED ||
		call->took_us < house->conf->payment_timeout_ms * INT64_C(950))
		rest.hangs = 0;
	else if (++rest.hangs >= HANGS_MAX)
		rest.until_us = clock_monotonic_us() + REST_US;
}

/* A new payment, or one whose creation was never answered: the same key, so the same payment. */
static enum problem
create(struct context *house, struct checkout *checkout, struct stripe_payment *payment)
{
	struct stripe_call call = {
		.verb = STRIPE_PAYMENT_CREATE,
		.booking_id = checkout->name->booking_id,
		.attempt = checkout->payment.attempt,
		.amount = pg_int(&checkout->rows, 0, PAYMENT_CHECKOUT_AMOUNT),
		.currency = pg_text(&checkout->rows, 0, PAYMENT_CHECKOUT_PAY_CURRENCY),
	};
	enum problem err;

	ask(house, &call);
	FAULT("checkout.asked");
	*payment = call.payment;
	if (call.result == STRIPE_DONE &&
		(payment->amount != call.amount || !str_equal(payment->currency, call.currency))) {
		call.error = "the answer is of another amount";
		call.result = STRIPE_UNKNOWN;
	}
	if (call.result == STRIPE_DONE)
		return payment_opened(house, &checkout->payment, payment->id, NULL);
	err = failed(house, checkout, &call);
	if (call.result != STRIPE_REFUSED)
		return err;
	err = payment_opened(house, &checkout->payment, NULL, call.error);
	if (err)
		return err;
	house->why->detail = "The payment provider does not accept this payment.";
	return PROBLEM_PAYMENT_REFUSED;
}

/*
 * The payment of an earlier checkout. What has become of it since, PostgreSQL may not have heard.
 * *again: it has ended without money, and another attempt may follow.
 */
static enum problem
find(struct context *house, struct checkout *checkout, struct stripe_payment *payment, bool *again)
{
	struct stripe_call call = {
		.verb = STRIPE_PAYMENT_GET,
		.payment_id = pg_text(&checkout->rows, 0, PAYMENT_CHECKOUT_PROVIDER_ID),
	};
	const char *outcome;

	ask(house, &call);
	*payment = call.payment;
	if (call.result != STRIPE_DONE)
		return failed(house, checkout, &call);
	*again = str_equal(payment->status, "cancelled");
	if (*again || str_equal(payment->status, "succeeded"))
		return payment_tell(house, &checkout->payment, payment, &outcome);
	return PROBLEM_NONE;
}

static enum problem
offer(struct context *house, struct checkout *checkout, struct payment_offer *out)
{
	const struct pg_rows *rows = &checkout->rows;
	struct stripe_payment payment = { .status = "succeeded" };
	const char *said;
	bool again = false;
	enum problem err = reserve(house, checkout);

	if (err)
		return err;
	said = pg_text(rows, 0, PAYMENT_CHECKOUT_OUTCOME);
	if (str_equal(said, "new"))
		err = create(house, checkout, &payment);
	else if (str_equal(said, "open"))
		err = find(house, checkout, &payment, &again);
	else
		payment.id = pg_text(rows, 0, PAYMENT_CHECKOUT_PROVIDER_ID);
	if (!err && again && !checkout->repeated) {
		checkout->repeated = true;
		return offer(house, checkout, out);
	}
	if (err)
		return err;
	*out = (struct payment_offer){
		.payment_id = payment.id,
		.provider = pg_text(rows, 0, PAYMENT_CHECKOUT_PROVIDER),
		.client_secret =
			str_equal(payment.status, "succeeded") ? NULL : payment.client_secret,
		.status = payment.status,
		.amount = pg_int(rows, 0, PAYMENT_CHECKOUT_AMOUNT),
		.currency = pg_text(rows, 0, PAYMENT_CHECKOUT_PAY_CURRENCY),
	};
	booking_read(house->arena, rows, 0, &out->booking);
	return PROBLEM_NONE;
}

enum problem
payment_checkout(struct context *house, const struct booking_name *name,
	const struct context_key *key, struct payment_offer *out)
{
	struct checkout checkout = { .name = name, .key = key };
	enum problem err;

	if (!id_booking_event(name->booking_id, &checkout.payment.event_id))
		return PROBLEM_NOT_FOUND;
	checkout.stripe = payment_provider(house->conf);
	err = offer(house, &checkout, out);
	if (err == PROBLEM_NO_PROVIDER)
		err = PROBLEM_UNAVAILABLE;
	metrics_add_pair(METRIC_MOVES, METRIC_MOVE_CHECKOUT,
		err ? METRIC_OUTCOME_REPLAY + (int)err : METRIC_OUTCOME_DONE, 1);
	return err;
}
