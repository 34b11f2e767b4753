/*
 * What Stripe sends: signatures, notices and the objects in them.
 */
#include "store/stripe.h"

#include <criterion/criterion.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/str.h"
#include "store/stripe_parts.h"

#define NOW  1700000000
#define BODY "{\"id\":\"evt_1\"}"

#define T    "t=1700000000,"

static struct arena *arena;
static const char *why;

static void
begin(void)
{
	arena = arena_new();
}

static void
end(void)
{
	arena_free(arena);
}

TestSuite(stripe, .init = begin, .fini = end);

/* The signature of a text, by a way of its own: that of the command line. */
static const char *
openssl(const char *secret, const char *text)
{
	char *line = arena_printf(
		arena, "printf '%%s' '%s' | openssl dgst -sha256 -hmac %s -r", text, secret);
	char *hex = arena_alloc(arena, ID_SHA256_HEX);
	FILE *pipe = popen(line, "r");

	cr_assert_not_null(pipe);
	cr_assert_eq(fread(hex, 1, ID_SHA256_HEX - 1, pipe), ID_SHA256_HEX - 1);
	pclose(pipe);
	return hex;
}

static bool
check(const char *header, const char *secrets, int64_t now)
{
	return stripe_signature_check(arena, header, BODY, strlen(BODY), secrets, now, &why);
}

Test(stripe, believes_what_a_secret_has_signed)
{
	const char *good = openssl("whsec_one", "1700000000." BODY);
	const char *other = openssl("whsec_two", "1700000000." BODY);
	const char *header = arena_printf(arena, "t=1700000000,v1=%s,v0=%s", good, other);
	const char *twice = arena_printf(arena, "t=1700000000, v1=%s, v1=%s", other, good);

	cr_assert(check(header, "whsec_one", NOW));
	cr_assert(check(header, "whsec_two, whsec_one", NOW));
	cr_assert(check(header, "whsec_one whsec_two", NOW));
	cr_assert(check(twice, "whsec_one", NOW));
	cr_assert_not(check(header, "whsec_two", NOW), "v0 is no signature");
	cr_assert_not(check(header, "", NOW));
	cr_assert_not(check(header, " , ", NOW));
	cr_assert(check(header, "whsec_one", NOW + 300));
	cr_assert(check(header, "whsec_one", NOW - 300));
	cr_assert_not(check(header, "whsec_one", NOW + 301));
	cr_assert_str_eq(why, "The signature is too old, or of a time to come.");
	cr_assert_not(check(header, "whsec_one", NOW - 301));
}

Test(stripe, believes_nothing_else)
{
	char *good = arena_strdup(arena, openssl("whsec_one", "1700000000." BODY));
	const char *const bad[] = {
		NULL,
		"",
		"t=1700000000",
		arena_printf(arena, "v1=%s", good),
		arena_printf(arena, "t=,v1=%s", good),
		arena_printf(arena, "t=1700000001,v1=%s", good),
		arena_printf(arena, "t=1700000000,v1=%.63s", good),
		arena_printf(arena, "t=1700000000,v1=%s0", good),
		arena_printf(arena, "t=1700000000,v1=,v1="),
		arena_printf(arena, "t=1700000000;v1=%s", good),
		arena_printf(arena, "t=99999999999999999999,v1=%s", good),
		arena_printf(arena, "t=1700000001,t=1700000000,v1=%s", good),
	};

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_expect_not(check(bad[i], "whsec_one", NOW), "%s", bad[i]);
	cr_assert_not(stripe_signature_check(arena, arena_printf(arena, T "v1=%s", good), BODY " ",
		strlen(BODY) + 1, "whsec_one", NOW, &why));
	good[10] = good[10] == '0' ? '1' : '0';
	cr_assert_not(check(arena_printf(arena, T "v1=%s", good), "whsec_one", NOW));
}

static bool
notice(struct stripe_notice *out, const char *text)
{
	const char *detail;
	const struct json *body = json_parse(arena, text, strlen(text), &detail);

	cr_assert_not_null(body, "%s", text);
	return stripe_notice_read(arena, body, out, &why);
}

#define INTENT(members)                                                                            \
	"\"data\":{\"object\":{\"id\":\"pi_1\",\"amount\":500,\"currency\":\"eur\"" members "}}}"

Test(stripe, reads_notices_of_payments)
{
	static const struct {
		const char *type, *members, *status;
		int64_t captured;
	} cases[] = {
		{ "succeeded", ",\"status\":\"succeeded\",\"amount_received\":400", "succeeded",
			400 },
		{ "succeeded", "", "succeeded", 500 },
		{ "payment_failed", ",\"status\":\"requires_payment_method\"", "failed", 0 },
		{ "canceled", ",\"status\":\"canceled\",\"unknown\":[1,{\"a\":null}]", "cancelled",
			0 },
		{ "processing", ",\"amount_received\":0", "processing", 0 },
	};
	struct stripe_notice it;

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cr_assert(notice(&it,
			arena_printf(arena,
				"{\"id\":\"evt_1\",\"type\":\"payment_intent.%s\"," INTENT("%s"),
				cases[i].type, cases[i].members)));
		cr_assert_str_eq(it.id, "evt_1");
		cr_assert_str_eq(it.payment.id, "pi_1");
		cr_assert_str_eq(it.payment.status, cases[i].status);
		cr_assert_str_eq(it.payment.currency, "EUR");
		cr_assert_eq(it.payment.amount, 500);
		cr_assert_eq(it.payment.captured, cases[i].captured);
		cr_assert_null(it.payment.booking_id);
		cr_assert_null(it.refund.id);
	}
	cr_assert(notice(&it,
		"{\"id\":\"evt_1\",\"type\":\"payment_intent.succeeded\"," INTENT(
			",\"metadata\":{\"holdfast_booking\":\"b\",\"holdfast_attempt\":\"2\"},"
			"\"last_payment_error\":{\"code\":\"card_declined\"}")));
	cr_assert_str_eq(it.payment.booking_id, "b");
	cr_assert_eq(it.payment.attempt, 2);
	cr_assert_str_eq(it.payment.error, "card_declined");
	cr_assert_null(it.payment.decline);
}

Test(stripe, names_a_try_that_was_declined)
{
	static const struct {
		const char *error, *name;
	} cases[] = {
		{ "{\"charge\":\"ch_1\",\"payment_method\":{\"id\":\"pm_1\"}}", "ch_1" },
		{ "{\"charge\":null,\"payment_method\":{\"id\":\"pm_1\"}}", "pm_1" },
		{ "{\"payment_method\":\"pm_1\"}", NULL },
		{ "{}", NULL },
		{ "null", NULL },
	};
	struct stripe_notice it;

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cr_assert(notice(&it,
			arena_printf(arena,
				"{\"id\":\"evt_1\",\"type\":\"payment_intent.payment_"
				"failed\"," INTENT(
					",\"latest_charge\":\"ch_9\",\"last_payment_error\":%s"),
				cases[i].error)));
		cr_assert(str_equal(it.payment.decline, cases[i].name));
	}
}

Test(stripe, reads_notices_of_refunds_and_passes_over_the_rest)
{
	struct stripe_notice it;

	cr_assert(notice(&it,
		"{\"id\":\"evt_1\",\"type\":\"refund.failed\",\"data\":{\"object\":{"
		"\"id\":\"re_1\",\"status\":\"failed\",\"failure_reason\":\"lost_or_stolen_card\","
		"\"metadata\":{\"holdfast_refund\":\"r\"}}}}"));
	cr_assert_str_eq(it.refund.id, "re_1");
	cr_assert_str_eq(it.refund.status, "failed");
	cr_assert_str_eq(it.refund.refund_id, "r");
	cr_assert_str_eq(it.refund.error, "lost_or_stolen_card");
	cr_assert(notice(&it, "{\"id\":\"evt_1\",\"type\":\"charge.refund.updated\",\"data\":{"
			      "\"object\":{\"id\":\"re_1\",\"status\":\"pending\"}}}"));
	cr_assert_str_eq(it.refund.status, "sent");
	cr_assert(notice(&it, "{\"id\":\"evt_1\",\"type\":\"payment_intent.created\"," INTENT("")));
	cr_assert_null(it.payment.id);
	cr_assert(notice(&it, "{\"id\":\"evt_1\",\"type\":\"x\",\"data\":{\"object\":{}}}"));
	cr_assert_null(it.payment.id);
	cr_assert_null(it.refund.id);
}

Test(stripe, refuses_what_is_no_notice)
{
	static const char *const bad[] = {
		"{}",
		"{\"id\":\"evt_1\"}",
		"{\"id\":\"evt_1\",\"type\":\"x\"}",
		"{\"id\":\"evt_1\",\"type\":\"x\",\"data\":[]}",
		"{\"id\":\"evt_1\",\"type\":\"x\",\"data\":{\"object\":null}}",
		"{\"id\":1,\"type\":\"x\",\"data\":{\"object\":{}}}",
		"{\"id\":\"\",\"type\":\"x\",\"data\":{\"object\":{}}}",
		"{\"id\":\"e\",\"type\":\"payment_intent.succeeded\",\"data\":{\"object\":{}}}",
		"{\"id\":\"e\",\"type\":\"payment_intent.succeeded\",\"data\":{\"object\":{"
		"\"id\":\"pi_1\",\"amount\":-1,\"currency\":\"eur\"}}}",
		"{\"id\":\"e\",\"type\":\"payment_intent.succeeded\",\"data\":{\"object\":{"
		"\"id\":\"pi_1\",\"amount\":\"1\",\"currency\":\"eur\"}}}",
		"{\"id\":\"e\",\"type\":\"refund.updated\",\"data\":{\"object\":{\"id\":\"re_1\"}}"
		"}",
	};
	struct stripe_notice it;

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_expect_not(notice(&it, bad[i]), "%s", bad[i]);
}

static bool
writes(const char *currency, int64_t amount, int64_t want)
{
	int64_t out;
	bool good = stripe_amount_write(currency, amount, &out);

	if (good) {
		cr_expect_eq(out, want, "%s %ld", currency, (long)out);
		cr_expect_eq(stripe_amount_read(currency, want), amount, "%s", currency);
	}
	return good;
}

Test(stripe, judges_a_signature_before_the_time_is_known)
{
	const char *good = openssl("whsec_one", "1700000000." BODY);

	cr_assert(check(arena_printf(arena, T "v1=%s", good), "whsec_one", STRIPE_ANY_TIME));
	cr_assert_not(check(arena_printf(arena, T "v1=%s", good), "whsec_two", STRIPE_ANY_TIME));
}

Test(stripe, converts_units_that_differ)
{
	static const char object[] = "{\"id\":\"pi_1\",\"amount\":50000,\"currency\":\"isk\","
				     "\"status\":\"succeeded\",\"amount_received\":50000}";
	static const char *const thousandths[] = { "BHD", "JOD", "KWD", "OMR", "TND" };
	struct stripe_payment it;
	const char *detail;

	cr_assert(writes("ISK", 5, 500));
	cr_assert(writes("UGX", 5, 500));
	cr_assert(writes("JPY", 5, 5));
	cr_assert(writes("EUR", 1234, 1234));
	cr_assert(writes("MGA", 120000, 1200));
	cr_assert_not(writes("MGA", 120050, 0));
	for (size_t i = 0; i < ARRAY_LENGTH(thousandths); i++) {
		cr_expect(writes(thousandths[i], 1230, 1230));
		cr_expect_not(writes(thousandths[i], 1234, 0));
		cr_expect_not(stripe_counts_whole(thousandths[i]));
	}
	cr_assert(stripe_counts_whole("MGA"));
	cr_assert_eq(stripe_amount_read("MGA", INT64_MAX), INT64_MAX);
	cr_assert(stripe_payment_read(
		arena, json_parse(arena, object, strlen(object), &detail), &it));
	cr_assert_eq(it.amount, 500);
	cr_assert_eq(it.captured, 500);
	cr_assert_null(it.site);
}

Test(stripe, takes_a_no_from_the_provider_alone)
{
	static const struct {
		int status;
		bool told, replayed;
		enum stripe_result result;
	} cases[] = {
		{ 400, true, false, STRIPE_REFUSED },
		{ 402, true, false, STRIPE_REFUSED },
		{ 404, true, false, STRIPE_REFUSED },
		{ 400, false, false, STRIPE_UNKNOWN },
		{ 402, false, false, STRIPE_UNKNOWN },
		{ 404, false, false, STRIPE_UNKNOWN },
		{ 408, true, false, STRIPE_UNKNOWN },
		{ 409, true, false, STRIPE_UNKNOWN },
		{ 410, false, false, STRIPE_UNKNOWN },
		{ 418, true, true, STRIPE_UNKNOWN },
		{ 302, false, false, STRIPE_UNKNOWN },
		{ 401, true, false, STRIPE_AWAY },
		{ 403, false, false, STRIPE_AWAY },
		{ 429, true, false, STRIPE_AWAY },
		{ 500, true, false, STRIPE_UNKNOWN },
		{ 500, true, true, STRIPE_REFUSED },
		{ 502, false, true, STRIPE_UNKNOWN },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		cr_expect_eq(stripe_judge(cases[i].status, cases[i].told, cases[i].replayed),
			cases[i].result, "%d", cases[i].status);
}

Test(stripe, reads_notices_of_disputes_and_the_money_of_refunds)
{
	struct stripe_notice it;

	cr_assert(notice(&it,
		"{\"id\":\"evt_1\",\"type\":\"charge.dispute.created\",\"data\":{\"object\":{"
		"\"id\":\"du_1\",\"amount\":700,\"currency\":\"isk\",\"payment_intent\":\"pi_1\","
		"\"reason\":\"fraudulent\"}}}"));
	cr_assert_str_eq(it.dispute.id, "du_1");
	cr_assert_str_eq(it.dispute.payment_id, "pi_1");
	cr_assert_str_eq(it.dispute.currency, "ISK");
	cr_assert_str_eq(it.dispute.reason, "fraudulent");
	cr_assert_eq(it.dispute.amount, 7);
	cr_assert_not(notice(&it,
		"{\"id\":\"evt_1\",\"type\":\"charge.dispute.created\",\"data\":{\"object\":{"
		"\"id\":\"du_1\"}}}"));
	cr_assert(notice(&it, "{\"id\":\"evt_1\",\"type\":\"refund.created\",\"data\":{\"object\":{"
			      "\"id\":\"re_1\","
			      "\"status\":\"pending\",\"amount\":700,\"currency\":\"eur\","
			      "\"payment_intent\":\"pi_1\"}}}"));
	cr_assert_str_eq(it.refund.payment_id, "pi_1");
	cr_assert_str_eq(it.refund.currency, "EUR");
	cr_assert_eq(it.refund.amount, 700);
	cr_assert_null(it.refund.refund_id);
	cr_assert_null(it.dispute.id);
}

/* Whoever asks for several has the whole of its time for each of them. */
Test(stripe, waits_for_its_pace_beside_the_time_of_the_calls)
{
	struct conf conf = { .stripe_api_base = "http://127.0.0.1:1",
		.stripe_api_key = "sk_test",
		.id_secret = "",
		.payment_timeout_ms = 5000 };
	struct stripe_call many[STRIPE_AT_ONCE];
	struct stripe_call *calls[STRIPE_AT_ONCE];
	struct stripe *stripe = stripe_open(&conf);

	/* The second time 480 ms after the first, with 300 to go. */
	for (int i = 0; i < 2; i++) {
		for (int k = 0; k < STRIPE_AT_ONCE; k++) {
			many[k] = (struct stripe_call){ .verb = STRIPE_PAYMENT_GET,
				.payment_id = "pi_1" };
			calls[k] = &many[k];
		}
		stripe_ask(stripe, calls, STRIPE_AT_ONCE, clock_monotonic_us() + 300000, arena);
		for (int k = 0; k < STRIPE_AT_ONCE; k++) {
			cr_assert_eq(many[k].result, STRIPE_AWAY);
			cr_assert_str_neq(many[k].error, "no time was left");
		}
	}
}
