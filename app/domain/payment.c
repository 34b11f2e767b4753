/*
 * What is known of a payment goes to PostgreSQL, which decides; Redis follows.
 */
#include "domain/payment.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/id.h"
#include "base/log.h"
#include "base/metrics.h"
#include "domain/filter_parts.h"
#include "domain/payment_parts.h"
#include "domain/refund.h"
#include "domain/room.h"
#include "queries.h"

struct stripe *
payment_provider(const struct conf *conf)
{
	static struct stripe *stripe;

	if (!stripe && str_equal(conf->payment_provider, PAYMENT_STRIPE))
		stripe = stripe_open(conf);
	return stripe;
}

void
payment_ask(struct context *house, struct stripe_call *const *calls, size_t count)
{
	static const int values[] = {
		[STRIPE_DONE] = METRIC_RESULT_OK,
		[STRIPE_REFUSED] = METRIC_RESULT_REFUSED,
		[STRIPE_AWAY] = METRIC_RESULT_AWAY,
		[STRIPE_UNKNOWN] = METRIC_RESULT_UNKNOWN,
	};

	stripe_ask(payment_provider(house->conf), calls, count,
		house->deadline_us - CONF_PAYMENT_RECORD_MS * INT64_C(1000), house->arena);
	for (size_t i = 0; i < count; i++) {
		metrics_add(METRIC_PROVIDER_CALLS, values[calls[i]->result], 1);
		metrics_observe(METRIC_PROVIDER_SECONDS, 0, calls[i]->took_us);
	}
}

const char *
payment_result_word(enum stripe_result result)
{
	static const char *const words[] = {
		[STRIPE_DONE] = "done",
		[STRIPE_REFUSED] = "refused",
		[STRIPE_AWAY] = "away",
		[STRIPE_UNKNOWN] = "unknown",
	};

	return words[result];
}

static void
count_outcome(const char *outcome)
{
	static const struct {
		const char *outcome;
		int value;
	} values[] = {
		{ "confirmed", METRIC_PAID_CONFIRMED },
		{ "confirmed-late", METRIC_PAID_LATE },
		{ "unfulfilled", METRIC_PAID_UNFULFILLED },
		{ "refunding", METRIC_PAID_REFUNDING },
		{ "back-to-hold", METRIC_PAID_BACK },
		{ "released", METRIC_PAID_RELEASED },
		{ "noted", METRIC_PAID_NOTED },
		{ "replay", METRIC_PAID_REPLAY },
		{ "unknown", METRIC_PAID_UNKNOWN },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
		if (str_equal(outcome, values[i].outcome))
			metrics_add(METRIC_PAID, values[i].value, 1);
	}
}

/* The columns of both statements that move a booking lie in one order. */
_Static_assert((int)PAYMENT_TOLD_STATE == (int)PAYMENT_OPENED_STATE &&
		       (int)PAYMENT_TOLD_REVIVED == (int)PAYMENT_OPENED_REVIVED,
	"told and opened answer the same columns");

/* After the commit: the filter keeps what the booking now holds, if that has changed. */
static void
follow(struct context *house, const struct pg_rows *rows)
{
	const char *state = pg_text(rows, 0, PAYMENT_TOLD_STATE);
	const char *booking_id = pg_text(rows, 0, PAYMENT_TOLD_BOOKING_ID);
	const char *user_id = pg_text(rows, 0, PAYMENT_TOLD_USER_ID);
	int32_t event_id = (int32_t)pg_int(rows, 0, PAYMENT_TOLD_EVENT_ID);

	if (!state)
		return;
	if (*state == '-') {
		filter_drop(house, event_id, booking_id, true);
		return;
	}
	filter_put(house, &(struct filter_entry){
				  .event_id = event_id,
				  .booking_id = booking_id,
				  .user_id = user_id,
				  .state = *state,
				  .deadline_ms = pg_int(rows, 0, PAYMENT_TOLD_DEADLINE_MS),
				  .positions = filter_positions(
					  house->arena, pg_text(rows, 0, PAYMENT_TOLD_POSITIONS)),
				  .sections = pg_text(rows, 0, PAYMENT_TOLD_SECTIONS),
				  .revived_ms = pg_int(rows, 0, PAYMENT_TOLD_REVIVED),
			  });
	if (pg_text(rows, 0, PAYMENT_TOLD_PASS))
		room_end(house, event_id, user_id, pg_int(rows, 0, PAYMENT_TOLD_PASS), "confirmed");
}

/* Nobody knows whether it was done: whoever can ask PostgreSQL later tells Redis. */
static enum problem
unheard(struct context *house, const struct payment_name *name, enum problem err)
{
	if (err == PROBLEM_UNKNOWN_OUTCOME && name->booking_id)
		filter_unheard(house, name->event_id, name->booking_id, false);
	return err;
}

enum problem
payment_tell(struct context *house, const struct payment_name *name,
	const struct stripe_payment *payment, const char **outcome)
{
	int64_t event_id = name->event_id, attempt = name->attempt;
	struct pg_rows rows;
	enum problem err;

	err = query_payment_told(house->pg, house->arena, house->deadline_us, house->why, &rows,
		PAYMENT_STRIPE, payment->id, name->booking_id ? &event_id : NULL, name->booking_id,
		name->booking_id ? &attempt : NULL, name->notice_id, payment->status,
		payment->captured, payment->currency, payment->error, payment->decline);
	FAULT("payment.told");
	if (err)
		return unheard(house, name, err);
	*outcome = pg_text(&rows, 0, PAYMENT_TOLD_OUTCOME);
	count_outcome(*outcome);
	follow(house, &rows);
	return PROBLEM_NONE;
}

enum problem
payment_opened(struct context *house, const struct payment_name *name, const char *payment_id,
	const char *error)
{
	struct pg_rows rows;
	enum problem err;

	err = query_payment_opened(house->pg, house->arena, house->deadline_us, house->why, &rows,
		name->event_id, name->booking_id, name->attempt, payment_id, error);
	FAULT("payment.opened");
	if (err)
		return unheard(house, name, err);
	follow(house, &rows);
	return PROBLEM_NONE;
}

/* ---- notices --------------------------------------------------------------------------------- */

/* What is written on a payment or a refund, if it is a booking's id at all: others sell through the
 * same account. */
static void
name_read(const char *booking_id, int64_t attempt, struct payment_name *out)
{
	if (booking_id && id_is_uuid(booking_id) && id_booking_event(booking_id, &out->event_id)) {
		out->booking_id = booking_id;
		out->attempt = attempt;
	}
}

static enum problem
hear_payment(struct context *house, const struct stripe_notice *notice, const char **outcome)
{
	struct payment_name name = { .notice_id = notice->id };
	enum problem err;

	name_read(notice->payment.booking_id, notice->payment.attempt, &name);
	err = payment_tell(house, &name, &notice->payment, outcome);
	if (err || !str_equal(*outcome, "unknown") || !name.booking_id ||
		!str_equal(notice->payment.status, "succeeded"))
		return err;
	house->why->detail = "It names a booking; send the notice again.";
	return PROBLEM_PAYMENT_UNKNOWN;
}

static enum problem
notice_believe(struct context *house, const char *signature, const char *body, size_t len,
	struct stripe_notice *out)
{
	struct problem_why *why = house->why;
	const struct json *read;

	/* The time that a signature is judged by is PostgreSQL's, which nobody asks in vain. */
	if (!clock_is_told()) {
		if (!stripe_signature_check(house->arena, signature, body, len,
			    house->conf->stripe_webhook_secret, STRIPE_ANY_TIME, &why->detail))
			return PROBLEM_MALFORMED;
		pg_started(house->pg, house->deadline_us);
	}
	if (!stripe_signature_check(house->arena, signature, body, len,
		    house->conf->stripe_webhook_secret, clock_unix_s(), &why->detail))
		return PROBLEM_MALFORMED;
	read = json_parse(house->arena, body, len, &why->detail);
	if (!read)
		return PROBLEM_MALFORMED;
	if (json_kind(read) != JSON_OBJECT) {
		why->detail = "A notice is an object.";
		return PROBLEM_MALFORMED;
	}
	if (!stripe_notice_read(house->arena, read, out, &why->detail))
		return PROBLEM_MALFORMED;
	why->detail = NULL;
	return PROBLEM_NONE;
}

enum problem
payment_hear(struct context *house, const char *signature, const char *body, size_t len,
	const char **outcome)
{
	struct stripe_notice notice;
	enum problem err;

	if (!payment_provider(house->conf))
		return PROBLEM_NOT_FOUND;
	err = notice_believe(house, signature, body, len, &notice);
	if (err)
		return err;
	*outcome = "ignored";
	if (!stripe_is_ours(payment_provider(house->conf),
		    notice.payment.id ? notice.payment.site : notice.refund.site))
		err = PROBLEM_NONE;
	else if (notice.payment.id)
		err = hear_payment(house, &notice, outcome);
	else if (notice.refund.id)
		err = refund_hear(house, notice.id, &notice.refund, outcome);
	else if (notice.dispute.id)
		err = refund_hear_dispute(house, notice.id, &notice.dispute, outcome);
	log_line(LOG_INFO, "notice=%s type=%s payment=%s outcome=%s", log_value(notice.id),
		log_value(notice.type),
		log_value(notice.payment.id   ? notice.payment.id
			  : notice.dispute.id ? notice.dispute.payment_id
					      : notice.refund.id),
		err ? problem_rows[err].slug : *outcome);
	return err;
}
