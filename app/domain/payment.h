/*
 * Payments of bookings at the provider, and what its notices and answers do to bookings.
 *
 * PostgreSQL decides, and no transaction is open while the provider is asked: a checkout writes
 * its payment first, asks then, and writes what it was told. Whatever is lost in between, the sweep
 * asks again under the same key. Notices and answers go through one function of PostgreSQL, so that
 * it does not matter which comes first, or how often.
 */
#ifndef HOLDFAST_PAYMENT_H
#define HOLDFAST_PAYMENT_H

#include "domain/booking.h"
#include "store/stripe.h"

/* The provider of this installation, by the settings; NULL: there is none. What is wrong with them
 * ends the program with exit 2. Opened once a process. */
struct stripe *payment_provider(const struct conf *conf);

/* What a buyer needs in order to pay. Strings live on the arena. */
struct payment_offer {
	const char *payment_id;
	const char *provider;
	const char *client_secret; /* NULL: there is nothing left to pay */
	const char *status;        /* open, processing, succeeded or failed (may be tried again) */
	int64_t amount;
	const char *currency;
	struct booking booking;
};

/*
 * HOLD to RESERVED, with a payment of exactly what the booking costs; again, the same payment.
 * WRONG_STATE (nothing to pay, or it has ended), HOLD_EXPIRED, SALES_CLOSED, NOT_FOUND;
 * UNAVAILABLE where the provider does not answer in time: the booking stays reserved then, and the
 * next checkout asks again; PAYMENT_REFUSED where it will not have such a payment: the booking is
 * held as before.
 */
enum problem payment_checkout(struct context *house, const struct booking_name *name,
	const struct context_key *key, struct payment_offer *out);

/*
 * A notice as it came over the network: signature is the header. *outcome: a word for what it did,
 * which is durable. NOT_FOUND: there is no provider. MALFORMED: not signed by it, too old, or not
 * to be understood. PAYMENT_UNKNOWN: it tells of money for a booking of ours and cannot be placed
 * yet, and is to be sent again.
 */
enum problem payment_hear(struct context *house, const char *signature, const char *body,
	size_t len, const char **outcome);

/* Payments that have not settled, at most limit and some at once, first of all those that nobody
 * waits for any more, which are cancelled: else the provider is asked about them. *done: how many;
 * 0 where none is due. UNAVAILABLE: the provider is away. The deadline of house is set anew for
 * each. */
enum problem payment_sweep(struct context *house, int64_t limit, int64_t *done);

#endif
