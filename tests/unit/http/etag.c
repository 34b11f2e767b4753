/*
 * Entity tags and conditional requests.
 */
#include <criterion/criterion.h>

#include "fake_gate.h"
#include "http/respond.h"

TestSuite(etag, .init = fake_begin, .fini = fake_end);

static int
get(const char *if_none_match, const char *body, const char *etag)
{
	fake_begin();
	if (if_none_match)
		fake_set("HTTP_IF_NONE_MATCH", if_none_match);
	fake_request("GET", "/api/v1/events");
	respond_json(&r, 200, body);
	respond_cacheable(&r, 5, etag);
	respond_send(&r);
	return r.status;
}

Test(etag, is_strong_and_of_the_body)
{
	const char *tag;

	cr_assert_eq(get(NULL, "{\"a\":1}", NULL), 200);
	tag = strstr(fake.sent.data, "ETag: \"");
	cr_assert(tag);
	cr_assert_eq(strspn(tag + 7, "0123456789abcdef"), 32);
	cr_assert(strstr(fake.sent.data, "Cache-Control: public, max-age=1, s-maxage=5, "
					 "stale-while-revalidate=1\r\n"));
	cr_assert_null(strstr(fake.sent.data, "no-store"));
	tag = strndup(tag, 41);
	cr_assert_eq(get(NULL, "{\"a\":2}", NULL), 200);
	cr_assert_null(strstr(fake.sent.data, tag));
	cr_assert_eq(get(NULL, "{\"a\":1}", NULL), 200);
	cr_assert(strstr(fake.sent.data, tag));
	free((void *)(uintptr_t)tag);
}

Test(etag, match_gives_304_without_a_body)
{
	static const char *const matching[] = { "\"v7\"", "W/\"v7\"", "*", "\"x\", \"v7\"",
		"\"x\",W/\"v7\" ", "  \"v7\"" };

	for (size_t i = 0; i < ARRAY_LENGTH(matching); i++) {
		cr_assert_eq(get(matching[i], "{}", "v7"), 304, "%s", matching[i]);
		cr_assert(strstr(fake.sent.data, "ETag: \"v7\"\r\n"));
		cr_assert_null(strstr(fake.sent.data, "Content-Length"));
		cr_assert_str_eq(strstr(fake.sent.data, "\r\n\r\n"), "\r\n\r\n");
	}
}

Test(etag, other_tags_and_nonsense_give_the_answer)
{
	static const char *const others[] = { "", "v7", "\"v8\"", "\"v\"", "\"v77\"", "\"v7",
		"v7\"", "W/v7", "\"x\" y, \"v7\"", ",,," };

	for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
		cr_assert_eq(get(others[i], "{}", "v7"), 200, "%s", others[i]);
}
