/*
 * Calls from the pages of other origins.
 */
#include <criterion/criterion.h>

#include "fake_gate.h"
#include "http/respond.h"

TestSuite(cors, .init = fake_begin, .fini = fake_end);

static const char *
call(const char *allowed, const char *origin)
{
	fake_begin();
	respond_allow_origins(allowed);
	if (origin)
		fake_set("HTTP_ORIGIN", origin);
	fake_request("GET", "/api/v1/events");
	respond_json(&r, 200, "{}");
	respond_send(&r);
	return fake.sent.data;
}

Test(cors, nobody_is_allowed_by_default)
{
	const char *answer = call("", "https://shop.example");

	cr_assert_null(strstr(answer, "Access-Control"));
	cr_assert_null(strstr(answer, "Vary"));
}

Test(cors, listed_origins_alone)
{
	static const char *const lists[] = { "https://shop.example,https://b.example",
		"https://b.example , https://shop.example/",
		"[\"https://b.example\", \"https://shop.example\"]" };

	for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
		cr_assert(strstr(call(lists[i], "https://shop.example"),
			"Access-Control-Allow-Origin: https://shop.example\r\n"));
		cr_assert(strstr(fake.sent.data, "Vary: Origin\r\n"));
		cr_assert(strstr(fake.sent.data, "Access-Control-Expose-Headers: "));
		cr_assert_null(strstr(fake.sent.data, "Allow-Credentials"));
		cr_assert_null(strstr(call(lists[i], "https://evil.example"), "Access-Control"));
		cr_assert(strstr(fake.sent.data, "Vary: Origin\r\n"));
		cr_assert_null(
			strstr(call(lists[i], "https://shop.example.evil"), "Access-Control"));
		cr_assert_null(strstr(call(lists[i], "null"), "Access-Control"));
		cr_assert_null(strstr(call(lists[i], ""), "Access-Control"));
		cr_assert_null(strstr(call(lists[i], NULL), "Access-Control"));
	}
}

Test(cors, star_is_everybody)
{
	cr_assert(strstr(call("*", "https://any.example"), "Access-Control-Allow-Origin: *\r\n"));
	cr_assert_null(strstr(fake.sent.data, "Vary"));
}

Test(cors, preflight_is_answered_from_the_methods_of_the_path)
{
	respond_allow_origins("https://shop.example");
	fake_set("HTTP_ORIGIN", "https://shop.example");
	fake_set("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "POST");
	fake_request("OPTIONS", "/api/v1/bookings/hold");
	r.allow = "POST, OPTIONS";
	respond_empty(&r, 204);
	respond_send(&r);
	cr_assert(strstr(fake.sent.data, "Access-Control-Allow-Methods: POST, OPTIONS\r\n"));
	cr_assert(strstr(fake.sent.data, "Authorization, Content-Type, Idempotency-Key"));
	cr_assert(strstr(fake.sent.data, "Access-Control-Max-Age: "));
}
