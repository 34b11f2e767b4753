/*
 * What domain/payment and domain/refund share: calls of the provider, and what follows an outcome.
 */
#ifndef HOLDFAST_PAYMENT_PARTS_H
#define HOLDFAST_PAYMENT_PARTS_H

#include "domain/payment.h"

#define PAYMENT_STRIPE "stripe"

/* A payment of ours, by what is written on it too, where its id is not known here yet. */
struct payment_name {
	const char *notice_id; /* NULL: not told by a notice */
	const char *booking_id;
	int32_t event_id;
	int64_t attempt;
};

/* Asks the provider (payment_provider()) for all of it at once, STRIPE_AT_ONCE at most, leaving
 * time to write down what it says, and counts the calls. */
void payment_ask(struct context *house, struct stripe_call *const *calls, size_t count);

/* For logs. */
const char *payment_result_word(enum stripe_result result);

/* What the provider says of a payment goes to PostgreSQL, and Redis follows. *outcome: as in
 * sql/queries/payment/told. */
enum problem payment_tell(struct context *house, const struct payment_name *name,
	const struct stripe_payment *payment, const char **outcome);

/* What the provider says to a new payment: its id, or (error) that it will not have it. */
enum problem payment_opened(struct context *house, const struct payment_name *name,
	const char *payment_id, const char *error);

#endif
