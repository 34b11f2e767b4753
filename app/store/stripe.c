/*
 * Stripe's API: forms go out, JSON comes back (https://docs.stripe.com/api).
 */
#include "store/stripe.h"

#include <ctype.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "store/stripe_parts.h"
#include "store/web.h"

/* What fields mean is fixed by the version that a call names. */
#define API_VERSION      "Stripe-Version: 2024-06-20"

#define ANSWER_BYTES_MAX 1048576
#define SITE_CHARS       16

/* Stripe takes 25 calls a second of one kind (https://docs.stripe.com/rate-limits): who has several
 * to make leaves room for those of buyers. */
#define PACE_US          INT64_C(60000)

struct stripe {
	struct web *web;
	const char *base; /* without what follows the host */
	const char *key;
	int64_t timeout_ms;
	int64_t next_us;           /* several at once not before that */
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
	if (!web_url_read(arena, conf->stripe_api_base, "http", &url) || url.secrets)
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

/* ---- forms, ids, errors ---------------------------------------------------------------------- */

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

/* ---- what is asked --------------------------------------------------------------------------- */

/* A call as HTTP has it; form NULL: a GET. */
struct request {
	const char *path, *form, *key;
};

/* False: the amount is none that Stripe can take. */
static bool
form_add_amount(struct str *form, struct stripe_call *call)
{
	int64_t theirs;

	if (!stripe_amount_write(call->currency, call->amount, &theirs)) {
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

static bool
write_payment(const struct stripe *stripe, struct stripe_call *call, struct arena *arena,
	struct request *out)
{
	struct str form;

	str_init(&form, arena);
	if (!form_add_amount(&form, call))
		return false;
	form_add(&form, "currency", stripe_lower(arena, call->currency));
	form_add(&form, "automatic_payment_methods[enabled]", "true");
	form_add(&form, "metadata[" STRIPE_BOOKING "]", call->booking_id);
	form_add_int(&form, "metadata[" STRIPE_ATTEMPT "]", call->attempt);
	form_add_site(stripe, &form);
	*out = (struct request){ "payment_intents", form.data,
		arena_printf(arena, "%s:%" PRId64, call->booking_id, call->attempt) };
	return true;
}

static bool
write_refund(const struct stripe *stripe, struct stripe_call *call, struct arena *arena,
	struct request *out)
{
	struct str form;

	str_init(&form, arena);
	form_add(&form, "payment_intent", call->payment_id);
	if (!form_add_amount(&form, call))
		return false;
	form_add(&form, "metadata[" STRIPE_REFUND "]", call->refund_id);
	form_add_site(stripe, &form);
	*out = (struct request){ "refunds", form.data, call->refund_id };
	return true;
}

/* An id within an address. */
static const char *
path_of(struct arena *arena, const char *before, const char *id, const char *after)
{
	assert(is_id(id));
	return arena_printf(arena, "%s%s%s", before, id, after);
}

/* False: it cannot be asked for; call->error says why. */
static bool
request_write(const struct stripe *stripe, struct stripe_call *call, struct arena *arena,
	struct request *out)
{
	*out = (struct request){ .path = NULL };
	switch (call->verb) {
	case STRIPE_PAYMENT_CREATE:
		return write_payment(stripe, call, arena, out);
	case STRIPE_PAYMENT_GET:
		out->path = path_of(arena, "payment_intents/", call->payment_id, "");
		return true;
	case STRIPE_PAYMENT_CANCEL:
		out->path = path_of(arena, "payment_intents/", call->payment_id, "/cancel");
		out->form = "";
		return true;
	case STRIPE_REFUND_CREATE:
		return write_refund(stripe, call, arena, out);
	case STRIPE_REFUND_GET:
		out->path = path_of(arena, "refunds/", call->provider_refund, "");
		return true;
	case STRIPE_REFUND_FIND:
		out->path =
			path_of(arena, "refunds?limit=100&payment_intent=", call->payment_id, "");
		return true;
	}
	return false;
}

/* ---- what is answered ------------------------------------------------------------------------ */

/* An answer of 200 that is not what was asked for says nothing of what was done. */
static enum stripe_result
strange(struct stripe_call *call)
{
	call->error = "the answer is not understood";
	return STRIPE_UNKNOWN;
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
pick(struct arena *arena, const struct json *list, struct stripe_call *call)
{
	struct stripe_refund one, *out = &call->refund;
	bool failed;

	*out = (struct stripe_refund){ .id = NULL };
	for (size_t i = 0; i < json_length(list); i++) {
		const struct json *object = json_at(list, i);

		if (json_kind(object) != JSON_OBJECT || !stripe_refund_read(arena, object, &one) ||
			!is_id(one.id))
			continue;
		failed = str_equal(one.status, "failed");
		if (str_equal(one.refund_id, call->refund_id)
				? !failed || !out->id
				: !failed && is_among(one.refund_id, call->earlier))
			*out = one;
	}
}

static enum stripe_result
read_list(struct stripe_call *call, const struct json *body, struct arena *arena)
{
	const struct json *list = json_get(body, "data"), *more = json_get(body, "has_more");

	if (!list || json_kind(list) != JSON_ARRAY)
		return strange(call);
	pick(arena, list, call);
	if (!call->refund.id && more && json_kind(more) == JSON_BOOL && json_bool(more)) {
		call->error = "the payment has more refunds than can be looked at";
		return STRIPE_UNKNOWN;
	}
	return STRIPE_DONE;
}

/* The object that was answered. */
static enum stripe_result
object_read(struct stripe_call *call, const struct json *body, struct arena *arena)
{
	const char *id = NULL;

	switch (call->verb) {
	case STRIPE_PAYMENT_CREATE:
	case STRIPE_PAYMENT_GET:
	case STRIPE_PAYMENT_CANCEL:
		if (stripe_payment_read(arena, body, &call->payment))
			id = call->payment.id;
		break;
	case STRIPE_REFUND_CREATE:
	case STRIPE_REFUND_GET:
		if (stripe_refund_read(arena, body, &call->refund))
			id = call->refund.id;
		break;
	case STRIPE_REFUND_FIND:
		return read_list(call, body, arena);
	}
	return id && is_id(id) ? STRIPE_DONE : strange(call);
}

/* A no that this verb does not take for one: see enum stripe_verb. What is kept under a key is
 * forgotten after a day, and that a payment which we know is not there says that it was looked for
 * at a wrong place. */
static bool
is_doubted(enum stripe_verb verb, int status)
{
	return verb == STRIPE_REFUND_GET || verb == STRIPE_REFUND_FIND ||
	       (verb == STRIPE_REFUND_CREATE && (status == 404 || status >= 500));
}

static enum stripe_result
answer_read(struct stripe_call *call, const struct web_exchange *exchange, struct arena *arena)
{
	const struct web_answer *answer = &exchange->answer;
	const struct json *body = NULL;
	enum stripe_result result;
	const char *ignored;

	if (exchange->result != WEB_ANSWERED) {
		call->error = answer->error;
		return exchange->result == WEB_UNKNOWN ? STRIPE_UNKNOWN : STRIPE_AWAY;
	}
	if (answer->body_len)
		body = json_parse(arena, answer->body, answer->body_len, &ignored);
	if (body && json_kind(body) != JSON_OBJECT)
		body = NULL;
	if (answer->status == 200 && body)
		return object_read(call, body, arena);
	call->error = error_of(arena, answer, body);
	result = stripe_judge(answer->status, error_read(body) != NULL, answer->replayed);
	return result == STRIPE_REFUSED && is_doubted(call->verb, answer->status) ? STRIPE_UNKNOWN
										  : result;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static struct web_request
web_request_of(const struct stripe *stripe, const struct request *request, int64_t deadline_us,
	struct arena *arena)
{
	int64_t own_us = clock_monotonic_us() + stripe->timeout_ms * 1000;
	const char **headers = ARENA_ARRAY(arena, const char *, 4);

	headers[0] = API_VERSION;
	headers[1] = request->form ? "Content-Type: application/x-www-form-urlencoded" : NULL;
	headers[2] = request->key ? arena_printf(arena, "Idempotency-Key: %s", request->key) : NULL;
	headers[3] = NULL;
	return (struct web_request){
		.method = request->form ? "POST" : "GET",
		.url = arena_printf(arena, "%s/v1/%s", stripe->base, request->path),
		.headers = headers,
		.body = request->form,
		.body_len = request->form ? strlen(request->form) : 0,
		.bearer = stripe->key,
		.deadline_us = own_us < deadline_us ? own_us : deadline_us,
		.answer_max = ANSWER_BYTES_MAX,
	};
}

/* So many at once are begun as slowly as if they came one by one. Returns how long that took. */
static int64_t
pace(struct stripe *stripe, size_t count)
{
	int64_t began_us = clock_monotonic_us(), now_us;

	if (began_us < stripe->next_us)
		usleep((useconds_t)(stripe->next_us - began_us));
	now_us = clock_monotonic_us();
	stripe->next_us = now_us + (int64_t)count * PACE_US;
	return now_us - began_us;
}

void
stripe_ask(struct stripe *stripe, struct stripe_call *const *calls, size_t count,
	int64_t deadline_us, struct arena *arena)
{
	struct web_exchange exchanges[STRIPE_AT_ONCE];
	struct stripe_call *asked[STRIPE_AT_ONCE];
	struct request request;
	size_t n = 0;

	assert(count <= STRIPE_AT_ONCE);
	if (count > 1)
		deadline_us += pace(stripe, count);
	for (size_t i = 0; i < count; i++) {
		calls[i]->error = NULL;
		calls[i]->took_us = 0;
		calls[i]->answered = true;
		calls[i]->result = STRIPE_REFUSED;
		if (!request_write(stripe, calls[i], arena, &request))
			continue;
		asked[n] = calls[i];
		exchanges[n++].request = web_request_of(stripe, &request, deadline_us, arena);
	}
	web_call(stripe->web, exchanges, n, arena);
	for (size_t i = 0; i < n; i++) {
		asked[i]->took_us = exchanges[i].took_us;
		asked[i]->answered = exchanges[i].result == WEB_ANSWERED;
		asked[i]->result = answer_read(asked[i], &exchanges[i], arena);
	}
}
