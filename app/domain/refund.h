/*
 * Refunds: money that is owed goes back through the provider that took it. What is owed, and what
 * has become of it, is in PostgreSQL; each refund has a key of its own at the provider, so that
 * trying again sends nothing twice.
 */
#ifndef HOLDFAST_REFUND_H
#define HOLDFAST_REFUND_H

#include "domain/context.h"
#include "store/stripe.h"

/*
 * Sends refunds that are due, or asks about those that are under way, some at once, `most` at
 * most. *done: so many were due. One that fails is tried again later, by PostgreSQL's plan.
 * UNAVAILABLE: a server or the provider is away, or has answered none of them; the rest waits.
 * Takes at most payment_timeout_ms, twice where one was tried before, and the time to write it
 * down: the deadline of house is set anew for each.
 */
enum problem refund_send_due(struct context *house, int64_t most, int64_t *done);

/* A notice of the provider about a refund, ours or made there. *outcome: a word for what it did.
 * PAYMENT_UNKNOWN: it came before its payment's, and is to be sent again. */
enum problem refund_hear(struct context *house, const char *notice_id,
	const struct stripe_refund *refund, const char **outcome);

/* A notice that a payment is disputed: staff are told. */
enum problem refund_hear_dispute(struct context *house, const char *notice_id,
	const struct stripe_dispute *dispute, const char **outcome);

#endif
