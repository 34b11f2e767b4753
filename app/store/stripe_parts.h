/*
 * What the parts of store/stripe share: reading the objects that Stripe sends.
 */
#ifndef HOLDFAST_STRIPE_PARTS_H
#define HOLDFAST_STRIPE_PARTS_H

#include "store/stripe.h"

/* Names in the metadata of what is ours. */
#define STRIPE_BOOKING "holdfast_booking"
#define STRIPE_ATTEMPT "holdfast_attempt"
#define STRIPE_REFUND  "holdfast_refund"
#define STRIPE_SITE    "holdfast_site" /* the installation */

/* A member that is a string, or NULL. */
const char *stripe_text(const struct json *object, const char *name);

/* An amount of ours in Stripe's unit. False: Stripe cannot take it exactly. */
bool stripe_amount_write(const char *currency, int64_t amount, int64_t *out);

/* The other way; what would be too much for an int64_t is INT64_MAX. */
int64_t stripe_amount_read(const char *currency, int64_t amount);

/* Letters of ASCII in lower case, on the arena. */
char *stripe_lower(struct arena *arena, const char *text);

/* What an answer means that is no success. told: its body is an error of the provider's own form;
 * replayed: it is kept under the key of the call. */
enum stripe_result stripe_judge(int status, bool told, bool replayed);

/* False: it is no such object. Members that nobody here asks for are passed over. */
bool
stripe_payment_read(struct arena *arena, const struct json *object, struct stripe_payment *out);
bool stripe_refund_read(struct arena *arena, const struct json *object, struct stripe_refund *out);

#endif
