/*
 * Stripe's objects, notices of them, and their signatures.
 */
#include <ctype.h>
#include <inttypes.h>

#include "base/id.h"
#include "base/str.h"
#include "store/stripe_parts.h"

#define SIGNATURES_MAX 16

const char *
stripe_text(const struct json *object, const char *name)
{
	const struct json *value = json_get(object, name);

	return value && json_kind(value) == JSON_STRING ? json_string(value) : NULL;
}

static bool
read_int(const struct json *object, const char *name, int64_t *out)
{
	const struct json *value = json_get(object, name);

	if (!value || json_kind(value) != JSON_INT || json_int(value) < 0)
		return false;
	*out = json_int(value);
	return true;
}

static const struct json *
read_object(const struct json *object, const char *name)
{
	const struct json *value = json_get(object, name);

	return value && json_kind(value) == JSON_OBJECT ? value : NULL;
}

/*
 * Currencies that Stripe counts in another way than ISO 4217
 * (https://docs.stripe.com/currencies#special-cases): two whose smallest unit is the whole come in
 * hundredths, the ariary in whole ones, and of thousandths the last digit must be 0.
 */
static const struct currency {
	const char *code;
	int64_t times; /* so many of theirs are one of ours */
	int64_t per;   /* and one of theirs is so many of ours */
	int64_t step;  /* ours must be a multiple of it */
} currencies[] = {
	{ "ISK", 100, 1, 1 },
	{ "UGX", 100, 1, 1 },
	{ "MGA", 1, 100, 100 },
	{ "BHD", 1, 1, 10 },
	{ "JOD", 1, 1, 10 },
	{ "KWD", 1, 1, 10 },
	{ "OMR", 1, 1, 10 },
	{ "TND", 1, 1, 10 },
};

static const struct currency *
find_currency(const char *code)
{
	static const struct currency usual = { "", 1, 1, 1 };

	for (size_t i = 0; i < ARRAY_LENGTH(currencies); i++) {
		if (str_equal(code, currencies[i].code))
			return &currencies[i];
	}
	return &usual;
}

bool
stripe_amount_write(const char *currency, int64_t amount, int64_t *out)
{
	const struct currency *it = find_currency(currency);

	*out = amount / it->per * it->times;
	return amount % it->step == 0;
}

int64_t
stripe_amount_read(const char *currency, int64_t amount)
{
	const struct currency *it = find_currency(currency);

	return amount <= INT64_MAX / it->per ? amount / it->times * it->per : INT64_MAX;
}

bool
stripe_counts_whole(const char *currency)
{
	return find_currency(currency)->per > 1;
}

static char *
change_case(struct arena *arena, const char *text, int (*change)(int c))
{
	char *out = arena_strdup(arena, text);

	for (char *at = out; *at; at++)
		*at = (char)change((unsigned char)*at);
	return out;
}

char *
stripe_lower(struct arena *arena, const char *text)
{
	return change_case(arena, text, tolower);
}

/* ---- objects --------------------------------------------------------------------------------- */

/* A payment that was declined waits for another card; it is told apart by its last error. */
static const char *
payment_status(const char *status, bool has_error)
{
	static const struct {
		const char *theirs, *ours;
	} words[] = {
		{ "succeeded", "succeeded" },
		{ "processing", "processing" },
		{ "canceled", "cancelled" },
		{ "requires_action", "open" },
		{ "requires_confirmation", "open" },
		{ "requires_capture", "processing" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		if (str_equal(status, words[i].theirs))
			return words[i].ours;
	}
	return has_error ? "failed" : "open";
}

/* A try by the charge that it made; one that made none, such as where the buyer was not
 * authenticated, by the card, which the next try has anew. */
static const char *
decline_name(const struct json *error)
{
	const struct json *method = read_object(error, "payment_method");
	const char *charge = stripe_text(error, "charge");

	return charge || !method ? charge : stripe_text(method, "id");
}

bool
stripe_payment_read(struct arena *arena, const struct json *object, struct stripe_payment *out)
{
	const struct json *metadata = read_object(object, "metadata");
	const struct json *error = read_object(object, "last_payment_error");
	const char *currency = stripe_text(object, "currency");
	const char *id = stripe_text(object, "id");
	const char *attempt = metadata ? stripe_text(metadata, STRIPE_ATTEMPT) : NULL;

	*out = (struct stripe_payment){ .id = id };
	if (!id || !currency || !read_int(object, "amount", &out->amount))
		return false;
	out->currency = change_case(arena, currency, toupper);
	out->status = payment_status(stripe_text(object, "status"), error);
	if (!read_int(object, "amount_received", &out->captured))
		out->captured = str_equal(out->status, "succeeded") ? out->amount : 0;
	out->amount = stripe_amount_read(out->currency, out->amount);
	out->captured = stripe_amount_read(out->currency, out->captured);
	out->site = metadata ? stripe_text(metadata, STRIPE_SITE) : NULL;
	out->client_secret = stripe_text(object, "client_secret");
	if (error) {
		out->error = stripe_text(error, "decline_code");
		if (!out->error)
			out->error = stripe_text(error, "code");
		out->decline = decline_name(error);
	}
	if (attempt && str_to_int(attempt, 1, INT32_MAX, &out->attempt))
		out->booking_id = stripe_text(metadata, STRIPE_BOOKING);
	return true;
}

/* An amount of Stripe's units and its currency, as ours; nothing where they are not told. */
static void
read_money(struct arena *arena, const struct json *object, int64_t *amount, const char **currency)
{
	const char *text = stripe_text(object, "currency");

	if (!text || !read_int(object, "amount", amount))
		return;
	*currency = change_case(arena, text, toupper);
	*amount = stripe_amount_read(*currency, *amount);
}

bool
stripe_refund_read(struct arena *arena, const struct json *object, struct stripe_refund *out)
{
	const struct json *metadata = read_object(object, "metadata");
	const char *status = stripe_text(object, "status");
	const char *id = stripe_text(object, "id");

	if (!id || !status)
		return false;
	*out = (struct stripe_refund){
		.id = id,
		.status = str_equal(status, "succeeded")                                 ? "done"
			  : str_equal(status, "failed") || str_equal(status, "canceled") ? "failed"
											 : "sent",
		.refund_id = metadata ? stripe_text(metadata, STRIPE_REFUND) : NULL,
		.payment_id = stripe_text(object, "payment_intent"),
		.site = metadata ? stripe_text(metadata, STRIPE_SITE) : NULL,
		.error = stripe_text(object, "failure_reason"),
	};
	read_money(arena, object, &out->amount, &out->currency);
	return true;
}

static bool
read_dispute(struct arena *arena, const struct json *object, struct stripe_dispute *out)
{
	*out = (struct stripe_dispute){
		.id = stripe_text(object, "id"),
		.payment_id = stripe_text(object, "payment_intent"),
		.reason = stripe_text(object, "reason"),
	};
	read_money(arena, object, &out->amount, &out->currency);
	return out->id && out->currency;
}

/* ---- notices --------------------------------------------------------------------------------- */

/* What the type of a notice says goes before the status of its object, which may be left out. */
static const char *
type_status(const char *type)
{
	static const struct {
		const char *type, *status;
	} types[] = {
		{ "payment_intent.succeeded", "succeeded" },
		{ "payment_intent.payment_failed", "failed" },
		{ "payment_intent.canceled", "cancelled" },
		{ "payment_intent.processing", "processing" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
		if (str_equal(type, types[i].type))
			return types[i].status;
	}
	return NULL;
}

static bool
is_refund_type(const char *type)
{
	return str_starts(type, "refund.") || str_equal(type, "charge.refund.updated");
}

bool
stripe_notice_read(
	struct arena *arena, const struct json *body, struct stripe_notice *out, const char **why)
{
	const struct json *data = read_object(body, "data");
	const struct json *object = data ? read_object(data, "object") : NULL;
	const char *status;

	*out = (struct stripe_notice){
		.id = stripe_text(body, "id"),
		.type = stripe_text(body, "type"),
	};
	*why = "A notice needs an id, a type and data with an object.";
	if (!out->id || !*out->id || strlen(out->id) > 255 || !out->type || !object)
		return false;
	status = type_status(out->type);
	if (status) {
		*why = "The notice tells of a payment that has no id, amount or currency.";
		if (!stripe_payment_read(arena, object, &out->payment))
			return false;
		if (str_equal(status, "succeeded") && !json_get(object, "amount_received"))
			out->payment.captured = out->payment.amount;
		out->payment.status = status;
	} else if (is_refund_type(out->type)) {
		*why = "The notice tells of a refund that has no id or status.";
		return stripe_refund_read(arena, object, &out->refund);
	} else if (str_equal(out->type, "charge.dispute.created")) {
		*why = "The notice tells of a dispute that has no id, amount or currency.";
		return read_dispute(arena, object, &out->dispute);
	}
	return true;
}

/* ---- signatures ------------------------------------------------------------------------------ */

/* The parts of t=…,v1=…,v1=…; those of other schemes are passed over. */
struct signature {
	int64_t time;
	const char *time_text;
	const char *v1[SIGNATURES_MAX];
	size_t count;
};

static bool
signature_read(struct arena *arena, const char *header, struct signature *out)
{
	char *rest = arena_strdup(arena, header);

	*out = (struct signature){ 0 };
	for (char *part = strsep(&rest, ","); part; part = strsep(&rest, ",")) {
		part += strspn(part, " \t");
		part[strcspn(part, " \t")] = '\0';
		if (str_starts(part, "t=") && !out->time_text)
			out->time_text = part + 2;
		else if (str_starts(part, "v1=") && out->count < SIGNATURES_MAX)
			out->v1[out->count++] = part + 3;
	}
	return out->count > 0 && out->time_text &&
	       str_to_int(out->time_text, 1, INT64_MAX / 2, &out->time);
}

/* Every signature is compared with that of every secret, whichever fits. */
static bool
is_signed(struct arena *arena, const struct signature *signature, const struct str *text,
	const char *secrets)
{
	char *rest = arena_strdup(arena, secrets);
	bool good = false;

	for (char *secret = strsep(&rest, ", "); secret; secret = strsep(&rest, ", ")) {
		unsigned char mac[ID_SHA256_BYTES];
		char hex[ID_SHA256_HEX];

		if (!*secret)
			continue;
		id_hmac_bytes(secret, strlen(secret), text->data, text->len, mac);
		id_hex(mac, sizeof(mac), hex);
		for (size_t i = 0; i < signature->count; i++)
			good |= str_equal_secret(
				hex, strlen(hex), signature->v1[i], strlen(signature->v1[i]));
	}
	return good;
}

bool
stripe_signature_check(struct arena *arena, const char *header, const char *body, size_t len,
	const char *secrets, int64_t now, const char **why)
{
	struct signature signature;
	struct str text;

	*why = "The header Stripe-Signature is missing or not well-formed.";
	if (!header || strlen(header) > 4096 || !signature_read(arena, header, &signature))
		return false;
	str_init(&text, arena);
	str_reserve(&text, len + strlen(signature.time_text) + 1);
	str_printf(&text, "%s.", signature.time_text);
	str_add_bytes(&text, body, len);
	*why = "The signature is not one over this body.";
	if (!is_signed(arena, &signature, &text, secrets))
		return false;
	*why = "The signature is too old, or of a time to come.";
	return now == STRIPE_ANY_TIME || (signature.time >= now - STRIPE_NOTICE_AGE_SECONDS &&
						 signature.time <= now + STRIPE_NOTICE_AGE_SECONDS);
}
