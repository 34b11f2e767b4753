/*
 * The payment provider Stripe: payments (PaymentIntents) and refunds over its API, and the notices
 * that it sends.
 *
 * Money is in the smallest unit of its currency, as everywhere here; where Stripe counts another
 * unit it is converted. A payment carries the booking and the attempt that it is for, so that it is
 * found also when the answer that told its id was lost.
 */
#ifndef HOLDFAST_STRIPE_H
#define HOLDFAST_STRIPE_H

#include "base/conf.h"
#include "base/json.h"

struct stripe;

/*
 * Does not connect yet, and is there until the program ends. A missing key, or an address that
 * would send it in clear text to another host, ends the program with exit 2.
 */
struct stripe *stripe_open(const struct conf *conf);

/* Whether something that has this site written on it (NULL: none) may be of this installation: each
 * writes a word of its own, derived from id_secret, since others may sell through one account. */
bool stripe_is_ours(const struct stripe *stripe, const char *site);

/* Whether Stripe has only whole ones of a currency that is counted in hundredths here. */
bool stripe_counts_whole(const char *currency);

/* What became of a call. */
enum stripe_result {
	STRIPE_DONE,
	STRIPE_REFUSED, /* a definite no in the provider's own words; it is not going to succeed */
	STRIPE_AWAY,    /* nothing was done: not reached, too many calls, the key is not good */
	STRIPE_UNKNOWN  /* it may have been done: make the same call again, with the same key */
};

/* Words for the status, which are those of payment_told(): open, processing, succeeded, failed
 * (declined, and may be tried again), cancelled. On the arena, as all of it. */
struct stripe_payment {
	const char *id;
	const char *status;
	int64_t amount;
	int64_t captured; /* what the provider has taken */
	const char *currency;
	const char *client_secret; /* NULL: not told */
	const char *booking_id;    /* NULL: none of ours */
	int64_t attempt;
	const char *site;    /* the installation that it is of; NULL: not told */
	const char *error;   /* of the last try, or NULL */
	const char *decline; /* names that try, where it was declined; NULL: not told */
};

/* sent (under way), done, failed. */
struct stripe_refund {
	const char *id;
	const char *status;
	const char *refund_id;  /* ours, NULL: none */
	const char *payment_id; /* of which it is; NULL: not told, as all that follows */
	int64_t amount;         /* 0: not told */
	const char *currency;
	const char *site;
	const char *error;
};

/* A buyer's bank takes a payment back, or may. */
struct stripe_dispute {
	const char *id;
	const char *payment_id; /* NULL: none of ours */
	int64_t amount;
	const char *currency;
	const char *reason;
};

enum stripe_verb {
	/* Opens a payment. The provider's key is made of booking and attempt: again is the same
	 * one. */
	STRIPE_PAYMENT_CREATE,
	STRIPE_PAYMENT_GET,
	/* One that has ended before is refused: ask for it then. */
	STRIPE_PAYMENT_CANCEL,
	/*
	 * Sends money back. refund_id is the provider's key too: again is the same refund. REFUSED
	 * only where the provider itself says that it will not have this refund; what a server in
	 * between says, that there is no such payment or address, and a fault that is kept under
	 * the key are UNKNOWN.
	 */
	STRIPE_REFUND_CREATE,
	/* Never REFUSED: not to be shown a refund does not end it. */
	STRIPE_REFUND_GET,
	/*
	 * The refund among those of the payment that has this key or (unless it has failed) one of
	 * the earlier ones: its id is NULL where there is none. For the case that the provider may
	 * have forgotten the key, which it does after a day, or had made what was thought to have
	 * failed. Never REFUSED.
	 */
	STRIPE_REFUND_FIND
};

/* Something that is asked for, and what came of it. Strings live on the caller's arena. */
struct stripe_call {
	enum stripe_verb verb;
	/* What it is about, where it is about such: */
	const char *payment_id, *provider_refund; /* by the provider's ids */
	const char *booking_id;
	int64_t attempt;
	const char *refund_id; /* ours */
	const char *earlier;   /* refund_ids with spaces between them */
	int64_t amount;
	const char *currency;
	/* What came of it: */
	enum stripe_result result;
	struct stripe_payment payment; /* DONE, by the verb one of these */
	struct stripe_refund refund;
	const char *error; /* in words, where it is not DONE */
	bool answered;     /* by the provider, or by somebody in between */
	int64_t took_us;
};

#define STRIPE_AT_ONCE 8

/* Makes all these calls at once, STRIPE_AT_ONCE at most, until the deadline (monotonic) or until
 * payment_timeout_ms are over. Several at once wait first, half a second at most, so that there are
 * not more in a second than the provider takes; the deadline is so much later. */
void stripe_ask(struct stripe *stripe, struct stripe_call *const *calls, size_t count,
	int64_t deadline_us, struct arena *arena);

/* ---- notices --------------------------------------------------------------------------------- */

#define STRIPE_NOTICE_BYTES_MAX   262144
#define STRIPE_NOTICE_AGE_SECONDS 300
#define STRIPE_ANY_TIME           INT64_MIN

/*
 * Whether the header Stripe-Signature is one over exactly this body by one of the secrets (with
 * commas or spaces between them), made within STRIPE_NOTICE_AGE_SECONDS of now, or at
 * STRIPE_ANY_TIME. Takes the same time whatever is wrong with a signature. *why: a sentence where
 * not.
 */
bool stripe_signature_check(struct arena *arena, const char *header, const char *body, size_t len,
	const char *secrets, int64_t now, const char **why);

/* A notice as it came. payment, refund or dispute has an id where it tells of one; else it is none
 * of what we act upon. */
struct stripe_notice {
	const char *id;
	const char *type;
	struct stripe_payment payment;
	struct stripe_refund refund;
	struct stripe_dispute dispute;
};

/* False: no notice of Stripe's; *why is a sentence. */
bool stripe_notice_read(
	struct arena *arena, const struct json *body, struct stripe_notice *out, const char **why);

#endif
