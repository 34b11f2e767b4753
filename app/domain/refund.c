/*
 * Refunds: the next try is written down before it is made, then the provider is asked, then its
 * word is written.
 */
#include "domain/refund.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/id.h"
#include "base/log.h"
#include "base/metrics.h"
#include "domain/payment_parts.h"
#include "queries.h"

/* One that is due, out of a row of sql/queries/refund/due. */
struct due {
	struct stripe *stripe;
	const char *refund_id, *payment_id;
	const char *provider_refund; /* the provider has it already */
	int64_t amount, tries;
	const char *currency;
	const char *previous_ids; /* of before it was sent again, with spaces between them */
};

static enum stripe_result
create(const struct due *due, struct stripe_call *call, struct stripe_refund *out)
{
	enum stripe_result result;

	/* What was sent a day ago and never answered the provider does not know by its key. */
	if (due->tries > 1 || *due->previous_ids) {
		result = stripe_refund_find(
			due->stripe, call, due->refund_id, due->previous_ids, due->payment_id, out);
		if (result != STRIPE_DONE || out->id)
			return result;
	}
	return stripe_refund_create(due->stripe, call, due->refund_id, due->payment_id, due->amount,
		due->currency, out);
}

static void
count_outcome(const char *outcome, const char *status)
{
	static const struct {
		const char *outcome;
		int value;
	} values[] = {
		{ "replay", METRIC_REFUND_REPLAY },
		{ "outside", METRIC_REFUND_OUTSIDE },
		{ "unfit", METRIC_REFUND_UNFIT },
		{ "unknown", METRIC_REFUND_UNKNOWN },
		{ "early", METRIC_REFUND_EARLY },
		{ "disputed", METRIC_REFUND_DISPUTED },
	};
	int value = str_equal(status, "done")     ? METRIC_REFUND_DONE
		    : str_equal(status, "failed") ? METRIC_REFUND_FAILED
						  : METRIC_REFUND_SENT;

	for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
		if (str_equal(outcome, values[i].outcome))
			value = values[i].value;
	}
	metrics_add(METRIC_REFUNDS_TOLD, value, 1);
}

/* Money that went back and is in no book: somebody must look. */
static void
warn_unfit(const char *outcome, const char *refund_id, const char *provider_refund,
	const char *payment_id)
{
	if (str_equal(outcome, "unfit"))
		log_line(LOG_ERROR,
			"refund=%s provider_refund=%s payment=%s reason=more_than_was_paid",
			log_value(refund_id), log_value(provider_refund), log_value(payment_id));
}

static enum problem
tell(struct context *house, const char *refund_id, const char *provider_refund, const char *status,
	const char *error, const char **outcome)
{
	struct pg_rows rows;
	enum problem err;

	err = query_refund_told(house->pg, house->arena, house->deadline_us, house->why, &rows,
		refund_id, provider_refund, status, error);
	FAULT("refund.told");
	if (err)
		return err;
	*outcome = pg_text(&rows, 0, REFUND_TOLD_OUTCOME);
	count_outcome(*outcome, status);
	warn_unfit(*outcome, refund_id, provider_refund, NULL);
	return PROBLEM_NONE;
}

/* A definite no is written down, and nobody tries again but by hand. */
static enum problem
send_one(struct context *house, const struct due *due)
{
	struct stripe_refund refund = { .id = NULL };
	struct stripe_call call;
	enum stripe_result result;
	const char *outcome;
	int64_t began_us = clock_monotonic_us();

	house->deadline_us = began_us + house->conf->worker_budget_ms * 1000;
	call = payment_call(house);
	result = due->provider_refund
			 ? stripe_refund_get(due->stripe, &call, due->provider_refund, &refund)
			 : create(due, &call, &refund);
	payment_count(result, began_us);
	FAULT("refund.asked");
	if (result != STRIPE_DONE)
		log_line(LOG_WARN, "refund=%s tries=%lld result=%s error=%s", due->refund_id,
			(long long)due->tries,
			result == STRIPE_REFUSED ? "refused"
			: result == STRIPE_AWAY  ? "away"
						 : "unknown",
			log_value(call.error));
	if (result == STRIPE_REFUSED)
		return tell(house, due->refund_id, NULL, "failed", call.error, &outcome);
	if (result != STRIPE_DONE)
		return result == STRIPE_AWAY ? PROBLEM_UNAVAILABLE : PROBLEM_NONE;
	return tell(house, due->refund_id, refund.id, refund.status, refund.error, &outcome);
}

static void
read_due(const struct pg_rows *rows, int row, struct due *out)
{
	out->refund_id = pg_text(rows, row, REFUND_DUE_REFUND_ID);
	out->payment_id = pg_text(rows, row, REFUND_DUE_PROVIDER_ID);
	out->provider_refund = pg_text(rows, row, REFUND_DUE_PROVIDER_REFUND);
	out->amount = pg_int(rows, row, REFUND_DUE_AMOUNT);
	out->currency = pg_text(rows, row, REFUND_DUE_CURRENCY);
	out->tries = pg_int(rows, row, REFUND_DUE_TRIES);
	out->previous_ids = pg_text(rows, row, REFUND_DUE_PREVIOUS_IDS);
}

enum problem
refund_send_due(struct context *house, int64_t limit, int64_t *done)
{
	struct due due = { .stripe = payment_provider(house->conf) };
	struct pg_rows rows;
	enum problem err = PROBLEM_NONE;

	/* One at a time, so that none is put off that was not tried. */
	for (*done = 0; due.stripe && !err && *done < limit; ++*done) {
		err = query_refund_due(
			house->pg, house->arena, house->deadline_us, house->why, &rows, 1);
		if (err || rows.count == 0)
			break;
		read_due(&rows, 0, &due);
		err = send_one(house, &due);
	}
	return err;
}

enum problem
refund_hear(struct context *house, const char *notice_id, const struct stripe_refund *refund,
	const char **outcome)
{
	const char *refund_id =
		refund->refund_id && id_is_uuid(refund->refund_id) ? refund->refund_id : NULL;
	struct pg_rows rows;
	enum problem err;

	err = query_refund_heard(house->pg, house->arena, house->deadline_us, house->why, &rows,
		PAYMENT_STRIPE, notice_id, refund_id, refund->payment_id, refund->id,
		refund->status, refund->amount, refund->currency, refund->error);
	FAULT("refund.told");
	if (err)
		return err;
	*outcome = pg_text(&rows, 0, REFUND_HEARD_OUTCOME);
	count_outcome(*outcome, refund->status);
	warn_unfit(*outcome, refund_id, refund->id, refund->payment_id);
	if (!str_equal(*outcome, "early"))
		return PROBLEM_NONE;
	house->why->detail = "Its payment is not known to have succeeded; send the notice again.";
	return PROBLEM_PAYMENT_UNKNOWN;
}

enum problem
refund_hear_dispute(struct context *house, const char *notice_id,
	const struct stripe_dispute *dispute, const char **outcome)
{
	struct pg_rows rows;
	enum problem err;

	err = query_payment_disputed(house->pg, house->arena, house->deadline_us, house->why, &rows,
		PAYMENT_STRIPE, notice_id, dispute->payment_id, dispute->id, dispute->amount,
		dispute->currency, dispute->reason);
	if (err)
		return err;
	*outcome = pg_text(&rows, 0, PAYMENT_DISPUTED_OUTCOME);
	count_outcome(*outcome, "");
	return PROBLEM_NONE;
}
