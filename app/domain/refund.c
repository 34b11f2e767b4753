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

/* One that is due. */
struct due {
	const char *refund_id;
	int64_t tries;
	struct stripe_call call; /* the next one, and then what the provider says */
};

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

static void
read_due(const struct pg_rows *rows, int row, struct due *out)
{
	struct stripe_call *call = &out->call;

	*out = (struct due){
		.refund_id = pg_text(rows, row, REFUND_DUE_REFUND_ID),
		.tries = pg_int(rows, row, REFUND_DUE_TRIES),
	};
	*call = (struct stripe_call){
		.refund_id = out->refund_id,
		.payment_id = pg_text(rows, row, REFUND_DUE_PROVIDER_ID),
		.provider_refund = pg_text(rows, row, REFUND_DUE_PROVIDER_REFUND),
		.earlier = pg_text(rows, row, REFUND_DUE_PREVIOUS_IDS),
		.amount = pg_int(rows, row, REFUND_DUE_AMOUNT),
		.currency = pg_text(rows, row, REFUND_DUE_CURRENCY),
	};
	/* What was sent a day ago and never answered the provider does not know by its key. */
	call->verb = call->provider_refund              ? STRIPE_REFUND_GET
		     : out->tries > 1 || *call->earlier ? STRIPE_REFUND_FIND
							: STRIPE_REFUND_CREATE;
}

/* Those that the provider does not have yet it is sent. */
static void
ask(struct context *house, struct due *dues, size_t count)
{
	struct stripe_call *calls[STRIPE_AT_ONCE];
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		calls[i] = &dues[i].call;
	context_renew(house);
	payment_ask(house, calls, count);
	for (size_t i = 0; i < count; i++) {
		struct stripe_call *call = &dues[i].call;

		if (call->verb != STRIPE_REFUND_FIND || call->result != STRIPE_DONE ||
			call->refund.id)
			continue;
		call->verb = STRIPE_REFUND_CREATE;
		calls[n++] = call;
	}
	if (n > 0) {
		context_renew(house);
		payment_ask(house, calls, n);
	}
}

/* A definite no is written down, and nobody tries again but by hand. */
static enum problem
tell_due(struct context *house, const struct due *due)
{
	const struct stripe_call *call = &due->call;
	const char *outcome;

	if (call->result != STRIPE_DONE)
		log_line(LOG_WARN, "refund=%s tries=%lld result=%s error=%s", due->refund_id,
			(long long)due->tries, payment_result_word(call->result),
			log_value(call->error));
	if (call->result == STRIPE_AWAY || call->result == STRIPE_UNKNOWN)
		return PROBLEM_NONE;
	context_renew(house);
	if (call->result == STRIPE_REFUSED)
		return tell(house, due->refund_id, NULL, "failed", call->error, &outcome);
	return tell(house, due->refund_id, call->refund.id, call->refund.status, call->refund.error,
		&outcome);
}

enum problem
refund_send_due(struct context *house, int64_t most, int64_t *done)
{
	struct due dues[STRIPE_AT_ONCE];
	struct pg_rows rows;
	enum problem err;
	bool away = false, heard = false;

	*done = 0;
	if (!payment_provider(house->conf))
		return PROBLEM_NONE;
	context_renew(house);
	err = query_refund_due(house->pg, house->arena, house->deadline_us, house->why, &rows,
		most < STRIPE_AT_ONCE ? most : STRIPE_AT_ONCE);
	if (err || rows.count == 0)
		return err;
	for (int i = 0; i < rows.count; i++)
		read_due(&rows, i, &dues[i]);
	ask(house, dues, (size_t)rows.count);
	FAULT("refund.asked");
	for (*done = 0; !context_is_cut_off(err) && *done < rows.count; ++*done) {
		err = context_sum(err, tell_due(house, &dues[*done]));
		away |= dues[*done].call.result == STRIPE_AWAY;
		heard |= dues[*done].call.answered;
	}
	return !err && (away || !heard) ? PROBLEM_UNAVAILABLE : err;
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
