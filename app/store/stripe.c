/*
 * Stripe's API: forms go out, JSON comes back (https://docs.stripe.com/api).
 */
#include "store/stripe.h"

#include <ctype.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "store/stripe_parts.h"
#include "store/web.h"

/* What fields mean is fixed by the version that a call names. */
#define API_VERSION      "Stripe-Version: 2024-06-20"

#define ANSWER_BYTES_MAX 1048576
#define SITE_CHARS       16

struct stripe {
	struct web *web;
	const char *base; /* without what follows the host */
	const char *key;
	int64_t timeout_ms;
	char site[SITE_CHARS + 1]; /* "": there is no secret to make it of */
};

_Noreturn static void
refuse(const char *why)
{
	fprintf(stderr, "%s\n", why);
	exit(2);
}

/* The address without `/` and `/v1` behind it, which may be written or not. */
static char *
base_of(const char *setting)
{
	char *base = strdup(setting);
	size_t len;

	if (!base)
		abort();
	len = strlen(base);
	while (len > 0 && base[len - 1] == '/')
		len--;
	if (len > 3 && memcmp(base + len - 3, "/v1", 3) == 0)
		len -= 3;
	base[len] = '\0';
	return base;
}

/* Tells nothing of the secret. */
static void
site_make(const struct conf *conf, char out[SITE_CHARS + 1])
{
	static const char *const parts[] = { "payment site", NULL };
	unsigned char mac[ID_SHA256_BYTES];
	char hex[ID_SHA256_HEX];

	if (!*conf->id_secret)
		return;
	id_hmac(conf->id_secret, strlen(conf->id_secret), parts, mac);
	id_hex(mac, sizeof(mac), hex);
	memcpy(out, hex, SITE_CHARS);
}

bool
stripe_is_ours(const struct stripe *stripe, const char *site)
{
	return !site || str_equal(site, stripe->site);
}

struct stripe *
stripe_open(const struct conf *conf)
{
	struct stripe *stripe = calloc(1, sizeof(*stripe));
	struct arena *arena = arena_new();
	struct web_url url;

	if (!stripe)
		abort();
	if (!web_url_read(arena, conf->stripe_api_base, &url) || url.secrets)
		refuse("stripe_api_base is not an address.");
	if (!url.tls && !url.loopback)
		refuse("stripe_api_base must begin with https:// unless it is on this host.");
	if (!*conf->stripe_api_key)
		refuse("payment_provider = stripe needs a stripe_api_key.");
	for (const char *at = conf->stripe_api_key; *at; at++) {
		if (!isgraph((unsigned char)*at))
			refuse("stripe_api_key is not one.");
	}
	arena_free(arena);
	*stripe = (struct stripe){
		.web = web_open(),
		.base = base_of(conf->stripe_api_base),
		.key = conf->stripe_api_key,
		.timeout_ms = conf->payment_timeout_ms,
	};
	site_make(conf, stripe->site);
	return stripe;
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* A field of a form (application/x-www-form-urlencoded). */
static void
form_add(struct str *form, const char *name, const char *value)
{
	str_printf(form, "%s%s=", form->len ? "&" : "", name);
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if (isalnum(c) || strchr("-._~", c))
			str_add_char(form, (char)c);
		else
			str_printf(form, "%%%02X", c);
	}
}

static void
form_add_int(struct str *form, const char *name, int64_t value)
{
	str_printf(form, "%s%s=%" PRId64, form->len ? "&" : "", name, value);
}

/* Ids of the provider stand in addresses: nothing but what ids are made of. */
static bool
is_id(const char *text)
{
	size_t len =
		strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return len > 0 && len <= 255 && !text[len];
}

enum stripe_result
stripe_judge(int status, bool told, bool replayed)
{
	switch (status) {
	case 401: /* the key is not good */
	case 403: /* or may not do this: nothing of the payment's fault */
	case 429:
		return STRIPE_AWAY;
	case 400:
	case 402:
	case 404:
		/* A server in between has no say in this. */
		return told ? STRIPE_REFUSED : STRIPE_UNKNOWN;
	default:
		/* An error of theirs that is kept under our key is the answer for good. */
		return status >= 500 && replayed && told ? STRIPE_REFUSED : STRIPE_UNKNOWN;
	}
}

/* The error that an answer tells in Stripe's form, or NULL. */
static const struct json *
error_read(const struct json *body)
{
	const struct json *error = body ? json_get(body, "error") : NULL;

	return error && json_kind(error) == JSON_OBJECT && stripe_text(error, "type") ? error
										      : NULL;
}

static const char *
error_of(struct arena *arena, const struct web_answer *answer, const struct json *body)
{
	const struct json *error = error_read(body);
	const char *message = error ? stripe_text(error, "message") : NULL;
	const char *code = message ? stripe_text(error, "code") : NULL;

	if (!message)
		return arena_printf(arena, "status %d", answer->status);
	return arena_printf(arena, "%s%s%s", code ? code : "", code ? ": " : "", message);
}

/* One call; form NULL: a GET. *body: the object that was answered. */
static enum stripe_result
call_api(struct stripe *stripe, struct stripe_call *call, const char *path, const char *form,
	const char *key, const struct json **body)
{
	int64_t own_us = clock_monotonic_us() + stripe->timeout_ms * 1000;
	const char *headers[4] = { API_VERSION };
	const char *ignored;
	struct web_answer answer;
	enum web_result result;
	const struct json *read = NULL;

	if (form)
		headers[1] = "Content-Type: application/x-www-form-urlencoded";
	if (form && key)
		headers[2] = arena_printf(call->arena, "Idempotency-Key: %s", key);
	result = web_call(stripe->web,
		&(struct web_request){
			.method = form ? "POST" : "GET",
			.url = arena_printf(call->arena, "%s/v1/%s", stripe->base, path),
			.headers = headers,
			.body = form,
			.body_len = form ? strlen(form) : 0,
			.bearer = stripe->key,
			.deadline_us = own_us < call->deadline_us ? own_us : call->deadline_us,
			.answer_max = ANSWER_BYTES_MAX,
		},
		call->arena, &answer);
	if (result != WEB_ANSWERED) {
		call->error = answer.error;
		return result == WEB_UNKNOWN ? STRIPE_UNKNOWN : STRIPE_AWAY;
	}
	if (answer.body_len)
		read = json_parse(call->arena, answer.body, answer.body_len, &ignored);
	if (read && json_kind(read) != JSON_OBJECT)
		read = NULL;
	if (answer.status == 200 && read) {
		*body = read;
		return STRIPE_DONE;
	}
	call->error = error_of(call->arena, &answer, read);
	call->status = answer.status;
	return stripe_judge(answer.status, error_read(read) != NULL, answer.replayed);
}

/* An answer of 200 that is not what was asked for says nothing of what was done. */
static enum stripe_result
strange(struct stripe_call *call)
{
	call->error = "the answer is not understood";
	return STRIPE_UNKNOWN;
}

/* False: the amount is none that Stripe can take. */
static bool
form_add_amount(struct str *form, struct stripe_call *call, int64_t amount, const char *currency)
{
	int64_t theirs;

	if (!stripe_amount_write(currency, amount, &theirs)) {
		call->error = "amount_not_exact: the provider has no such small unit of this "
			      "currency";
		return false;
	}
	form_add_int(form, "amount", theirs);
	return true;
}

static void
form_add_site(const struct stripe *stripe, struct str *form)
{
	if (*stripe->site)
		form_add(form, "metadata[" STRIPE_SITE "]", stripe->site);
}

static enum stripe_result
call_payment(struct stripe *stripe, struct stripe_call *call, const char *path, const char *form,
	const char *key, struct stripe_payment *out)
{
	const struct json *body = NULL;
	enum stripe_result result = call_api(stripe, call, path, form, key, &body);

	if (result != STRIPE_DONE)
		return result;
	return stripe_payment_read(call->arena, body, out) && is_id(out->id) ? STRIPE_DONE
									     : strange(call);
}

enum stripe_result
stripe_payment_create(struct stripe *stripe, struct stripe_call *call, const char *booking_id,
	int64_t attempt, int64_t amount, const char *currency, struct stripe_payment *out)
{
	struct str form;

	str_init(&form, call->arena);
	if (!form_add_amount(&form, call, amount, currency))
		return STRIPE_REFUSED;
	form_add(&form, "currency", stripe_lower(call->arena, currency));
	form_add(&form, "automatic_payment_methods[enabled]", "true");
	form_add(&form, "metadata[" STRIPE_BOOKING "]", booking_id);
	form_add_int(&form, "metadata[" STRIPE_ATTEMPT "]", attempt);
	form_add_site(stripe, &form);
	return call_payment(stripe, call, "payment_intents", form.data,
		arena_printf(call->arena, "%s:%" PRId64, booking_id, attempt), out);
}

enum stripe_result
stripe_payment_get(
	struct stripe *stripe, struct stripe_call *call, const char *id, struct stripe_payment *out)
{
	assert(is_id(id));
	return call_payment(
		stripe, call, arena_printf(call->arena, "payment_intents/%s", id), NULL, NULL, out);
}

enum stripe_result
stripe_payment_cancel(
	struct stripe *stripe, struct stripe_call *call, const char *id, struct stripe_payment *out)
{
	assert(is_id(id));
	return call_payment(stripe, call,
		arena_printf(call->arena, "payment_intents/%s/cancel", id), "", NULL, out);
}

static enum stripe_result
call_refund(struct stripe *stripe, struct stripe_call *call, const char *path, const char *form,
	const char *key, struct stripe_refund *out)
{
	const struct json *body = NULL;
	enum stripe_result result = call_api(stripe, call, path, form, key, &body);

	/* That a payment which we know is not there says that it was looked for at a wrong place;
	 * and what is kept under a key is forgotten after a day. */
	if (result == STRIPE_REFUSED && (!form || call->status == 404 || call->status >= 500))
		return STRIPE_UNKNOWN;
	if (result != STRIPE_DONE)
		return result;
	return stripe_refund_read(call->arena, body, out) && is_id(out->id) ? STRIPE_DONE
									    : strange(call);
}

enum stripe_result
stripe_refund_create(struct stripe *stripe, struct stripe_call *call, const char *refund_id,
	const char *payment_id, int64_t amount, const char *currency, struct stripe_refund *out)
{
	struct str form;

	str_init(&form, call->arena);
	form_add(&form, "payment_intent", payment_id);
	if (!form_add_amount(&form, call, amount, currency))
		return STRIPE_REFUSED;
	form_add(&form, "metadata[" STRIPE_REFUND "]", refund_id);
	form_add_site(stripe, &form);
	return call_refund(stripe, call, "refunds", form.data, refund_id, out);
}

enum stripe_result
stripe_refund_get(
	struct stripe *stripe, struct stripe_call *call, const char *id, struct stripe_refund *out)
{
	assert(is_id(id));
	return call_refund(
		stripe, call, arena_printf(call->arena, "refunds/%s", id), NULL, NULL, out);
}

/* Whether a word is one of those in a text, with spaces between them. */
static bool
is_among(const char *word, const char *words)
{
	size_t len = word ? strlen(word) : 0;

	if (len == 0)
		return false;
	for (const char *at = strstr(words, word); at; at = strstr(at + len, word)) {
		if ((at == words || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return true;
	}
	return false;
}

/* The fitting one of a list; one that has failed only where there is no other. */
static void
pick(struct arena *arena, const struct json *list, const char *refund_id, const char *earlier,
	struct stripe_refund *out)
{
	struct stripe_refund one;
	bool failed;

	*out = (struct stripe_refund){ .id = NULL };
	for (size_t i = 0; i < json_length(list); i++) {
		const struct json *object = json_at(list, i);

		if (json_kind(object) != JSON_OBJECT || !stripe_refund_read(arena, object, &one) ||
			!is_id(one.id))
			continue;
		failed = str_equal(one.status, "failed");
		if (str_equal(one.refund_id, refund_id)
				? !failed || !out->id
				: !failed && is_among(one.refund_id, earlier))
			*out = one;
	}
}

enum stripe_result
stripe_refund_find(struct stripe *stripe, struct stripe_call *call, const char *refund_id,
	const char *earlier, const char *payment_id, struct stripe_refund *out)
{
	const struct json *body = NULL, *list, *more;
	enum stripe_result result;

	assert(is_id(payment_id));
	result = call_api(stripe, call,
		arena_printf(call->arena, "refunds?limit=100&payment_intent=%s", payment_id), NULL,
		NULL, &body);
	if (result != STRIPE_DONE)
		return result == STRIPE_REFUSED ? STRIPE_UNKNOWN : result;
	list = json_get(body, "data");
	if (!list || json_kind(list) != JSON_ARRAY)
		return strange(call);
	pick(call->arena, list, refund_id, earlier, out);
	more = json_get(body, "has_more");
	if (!out->id && more && json_kind(more) == JSON_BOOL && json_bool(more)) {
		call->error = "the payment has more refunds than can be looked at";
		return STRIPE_UNKNOWN;
	}
	return STRIPE_DONE;
}
