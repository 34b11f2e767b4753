/*
 * Idempotency keys and fingerprints.
 */
#include <criterion/criterion.h>

#include "fake_gate.h"

TestSuite(request_key, .init = fake_begin, .fini = fake_end);

/* header NULL: none. */
static enum problem
read_key(const char *header, const char *body)
{
	fake_begin();
	fake_body(body);
	if (header)
		fake_set("HTTP_IDEMPOTENCY_KEY", header);
	cr_assert_eq(fake_request("POST", "/api/v1/bookings/hold"), PROBLEM_NONE);
	cr_assert_eq(request_read_body(&r, 65536), PROBLEM_NONE, "%s", body);
	return request_read_key(&r);
}

Test(request_key, bare_and_quoted_are_the_same_key)
{
	static const char *const spellings[] = { "8e03978e", "\"8e03978e\"", " 8e03978e ",
		"\t\"8e03978e\" " };

	for (size_t i = 0; i < ARRAY_LENGTH(spellings); i++) {
		cr_assert_eq(read_key(spellings[i], "{}"), PROBLEM_NONE, "%s", spellings[i]);
		cr_assert_str_eq(r.key, "8e03978e");
	}
	cr_assert_eq(read_key("\"a\\\"b\\\\c\"", "{}"), PROBLEM_NONE);
	cr_assert_str_eq(r.key, "a\"b\\c");
	cr_assert_eq(read_key("a\"b", "{}"), PROBLEM_NONE);
	cr_assert_str_eq(r.key, "a\"b");
}

Test(request_key, what_is_no_key_is_refused)
{
	static const char *const bad[] = { "", " ", "\"\"", "\"", "\"a", "a b", "\"a b\"",
		"\"a\"b\"", "\"a\\x\"", "\"a\\\"", "\"a\";p=1", "\"a\", \"b\"", "a\x01", "a\x7f",
		"\xc3\xa9", "\"\xc3\xa9\"" };

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		cr_assert_eq(
			read_key(bad[i], "{}"), PROBLEM_KEY_INVALID, "case %zu: %s", i, bad[i]);
		cr_assert(r.why.detail);
	}
}

Test(request_key, has_at_most_255_characters)
{
	char key[260];

	memset(key, 'k', sizeof(key));
	key[255] = '\0';
	cr_assert_eq(read_key(key, "{}"), PROBLEM_NONE);
	key[255] = 'k';
	key[256] = '\0';
	cr_assert_eq(read_key(key, "{}"), PROBLEM_KEY_INVALID);
	/* 255 within the quotes. */
	memset(key, 'k', sizeof(key));
	key[0] = key[256] = '"';
	key[257] = '\0';
	cr_assert_eq(read_key(key, "{}"), PROBLEM_NONE);
	cr_assert_eq(strlen(r.key), 255);
}

Test(request_key, may_stand_in_the_body)
{
	cr_assert_eq(read_key(NULL, "{\"request_id\":\"k\",\"a\":1}"), PROBLEM_NONE);
	cr_assert_str_eq(r.key, "k");
	cr_assert_eq(read_key(NULL, "{\"idempotency_key\":\"k\"}"), PROBLEM_NONE);
	cr_assert_str_eq(r.key, "k");
	cr_assert_eq(read_key(NULL, "{\"idempotency_key\":null}"), PROBLEM_NONE);
	cr_assert_null(r.key);
	cr_assert_eq(read_key(NULL, "{\"a\":1}"), PROBLEM_NONE);
	cr_assert_null(r.key);
}

Test(request_key, places_must_agree)
{
	cr_assert_eq(read_key("\"k\"", "{\"request_id\":\"k\",\"idempotency_key\":\"k\"}"),
		PROBLEM_NONE);
	cr_assert_eq(read_key("k", "{\"request_id\":\"l\"}"), PROBLEM_KEY_INVALID);
	cr_assert_eq(read_key("k", "{\"idempotency_key\":\"K\"}"), PROBLEM_KEY_INVALID);
	cr_assert_eq(read_key(NULL, "{\"request_id\":\"a\",\"idempotency_key\":\"b\"}"),
		PROBLEM_KEY_INVALID);
}

Test(request_key, in_the_body_must_be_usable_too)
{
	static const char *const bad[] = { "{\"request_id\":\"\"}", "{\"request_id\":1}",
		"{\"request_id\":{}}", "{\"request_id\":\"a b\"}", "{\"idempotency_key\":true}",
		"{\"idempotency_key\":\"\\u00e9\"}" };

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_assert_eq(read_key(NULL, bad[i]), PROBLEM_KEY_INVALID, "%s", bad[i]);
}

Test(request_key, is_taken_out_of_the_body)
{
	cr_assert_eq(read_key("k", "{\"request_id\":\"k\",\"a\":{\"request_id\":\"stays\"}}"),
		PROBLEM_NONE);
	cr_assert_null(json_get(r.body, "request_id"));
	cr_assert(json_get(json_get(r.body, "a"), "request_id"));
	cr_assert_eq(read_key(NULL, "{\"request_id\":null}"), PROBLEM_NONE);
	cr_assert_null(json_get(r.body, "request_id"));
}

static const char *
fingerprint(const char *uri, const char *header, const char *body)
{
	static char texts[8][65];
	static int next;
	char *out = texts[next++ % 8];

	fake_begin();
	fake_body(body);
	if (header)
		fake_set("HTTP_IDEMPOTENCY_KEY", header);
	cr_assert_eq(fake_request("POST", uri), PROBLEM_NONE);
	cr_assert_eq(request_read_body(&r, 65536), PROBLEM_NONE);
	cr_assert_eq(request_read_key(&r), PROBLEM_NONE);
	cr_assert_eq(strlen(r.fingerprint), 64);
	memcpy(out, r.fingerprint, 65);
	return out;
}

Test(request_key, fingerprint_sees_what_is_asked_and_not_how_it_is_written)
{
	const char *base = fingerprint("/api/v1/bookings/hold", "k", "{\"a\":1,\"b\":[1,2]}");

	cr_assert_str_eq(
		base, fingerprint("/api/v1/bookings/hold", "k", " { \"b\" : [1,2] , \"a\":1 }"));
	cr_assert_str_eq(base, fingerprint("/api/v1/bookings/hold?x=1", NULL,
				       "{\"a\":1,\"b\":[1,2],\"request_id\":\"k\"}"));
	cr_assert_str_neq(base, fingerprint("/api/v1/bookings/hold", "k", "{\"a\":1,\"b\":[2,1]}"));
	cr_assert_str_neq(
		base, fingerprint("/api/v1/bookings/hold", "k", "{\"a\":\"1\",\"b\":[1,2]}"));
	cr_assert_str_neq(base, fingerprint("/api/v1/seat-lock", "k", "{\"a\":1,\"b\":[1,2]}"));
}

Test(request_key, without_a_key_there_is_no_fingerprint)
{
	fake_begin();
	fake_body("{\"a\":1,\"request_id\":null}");
	cr_assert_eq(fake_request("POST", "/api/v1/bookings/hold"), PROBLEM_NONE);
	cr_assert_eq(request_read_body(&r, 65536), PROBLEM_NONE);
	cr_assert_eq(request_read_key(&r), PROBLEM_NONE);
	cr_assert_null(r.key);
	cr_assert_null(r.fingerprint);
	cr_assert_null(json_get(r.body, "request_id"));
}
