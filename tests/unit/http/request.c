/*
 * What the web server says of a request, and bodies.
 */
#include <criterion/criterion.h>

#include "fake_gate.h"

TestSuite(request, .init = fake_begin, .fini = fake_end);

Test(request, takes_the_target_apart)
{
	cr_assert_eq(fake_request("GET", "/api/v1/events/7?limit=5&q=a"), PROBLEM_NONE);
	cr_assert_str_eq(r.method, "GET");
	cr_assert_str_eq(r.path, "/events/7");
	cr_assert_str_eq(r.query, "limit=5&q=a");
	cr_assert_not(r.at_root);
	cr_assert_gt(r.started_us, 0);
}

Test(request, knows_the_root_from_the_api)
{
	static const struct {
		const char *uri, *path;
		bool at_root;
	} cases[] = {
		{ "/healthz", "/healthz", true },
		{ "/api/v1", "/", false },
		{ "/api/v1/", "/", false },
		{ "/api/v1?x", "/", false },
		{ "/api/v10/events", "/api/v10/events", true },
		{ "/api/v2/events", "/api/v2/events", true },
		{ "/x?/api/v1/events", "/x", true },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		fake_begin();
		cr_assert_eq(fake_request("GET", cases[i].uri), PROBLEM_NONE);
		cr_assert_str_eq(r.path, cases[i].path);
		cr_assert_eq(r.at_root, cases[i].at_root, "%s", cases[i].uri);
	}
}

Test(request, target_in_parts_where_the_server_gives_no_whole_one)
{
	fake_set("REQUEST_METHOD", "GET");
	fake_set("SCRIPT_NAME", "/api/v1");
	fake_set("PATH_INFO", "/events");
	fake_set("QUERY_STRING", "q=1");
	cr_assert_eq(request_read(&r), PROBLEM_NONE);
	cr_assert_str_eq(r.path, "/events");
	cr_assert_str_eq(r.query, "q=1");
}

Test(request, refuses_strange_targets_and_methods)
{
	char uri[5000];

	cr_assert_eq(fake_request("GET", "*"), PROBLEM_MALFORMED);
	fake_begin();
	cr_assert_eq(fake_request("GET", "http://x/api/v1/events"), PROBLEM_MALFORMED);
	fake_begin();
	cr_assert_eq(fake_request("G ET", "/"), PROBLEM_MALFORMED);
	cr_assert_str_eq(r.method, "-");
	fake_begin();
	cr_assert_eq(fake_request("", "/"), PROBLEM_MALFORMED);
	fake_begin();
	cr_assert_eq(fake_request("ABCDEFGHIJKLMNOPQ", "/"), PROBLEM_MALFORMED);
	fake_begin();
	cr_assert_eq(request_read(&r), PROBLEM_MALFORMED);
	fake_begin();
	memset(uri, 'a', sizeof(uri) - 1);
	uri[0] = '/';
	uri[sizeof(uri) - 1] = '\0';
	cr_assert_eq(fake_request("GET", uri), PROBLEM_URI_TOO_LONG);
}

Test(request, id_is_that_of_the_front_server_if_it_is_safe)
{
	static const char *const bad[] = { "", "a b", "a\"b", "a\nb", "\xc3\xa9", "a=b", "a/b",
		"12345678901234567890123456789012345678901234567890123456789012345" };

	fake_set("HTTP_X_REQUEST_ID", "0af7651916cd43dd8448eb211c80319c");
	fake_request("GET", "/");
	cr_assert_str_eq(r.id, "0af7651916cd43dd8448eb211c80319c");
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		fake_begin();
		fake_set("HTTP_X_REQUEST_ID", bad[i]);
		fake_request("GET", "/");
		cr_assert_eq(strlen(r.id), 32);
		cr_assert_eq(strspn(r.id, "0123456789abcdef"), 32);
	}
}

Test(request, address_is_an_address_or_unknown)
{
	fake_set("REMOTE_ADDR", "2001:db8::1");
	fake_request("GET", "/");
	cr_assert_str_eq(r.address, "2001:db8::1");
	fake_begin();
	fake_set("REMOTE_ADDR", "1.2.3.4 limit:x");
	fake_request("GET", "/");
	cr_assert_str_eq(r.address, "unknown");
}

Test(request, body_is_read_whole_in_whatever_pieces_it_comes)
{
	fake_body("{\"a\":[1,2,3]}");
	fake.piece_max = 2;
	fake_request("POST", "/api/v1/x");
	cr_assert_eq(request_read_body(&r, 1024), PROBLEM_NONE);
	cr_assert_str_eq(r.body_text, "{\"a\":[1,2,3]}");
	cr_assert_eq(json_length(json_get(r.body, "a")), 3);
}

Test(request, no_body_is_an_empty_object_without_a_type)
{
	fake_request("POST", "/api/v1/x");
	cr_assert_eq(request_read_body(&r, 1024), PROBLEM_NONE);
	cr_assert_eq(json_kind(r.body), JSON_OBJECT);
	fake_begin();
	fake_set("CONTENT_LENGTH", "");
	cr_assert_eq(request_read_body(&r, 1024), PROBLEM_NONE);
}

static enum problem
read_body_of(const char *length, const char *type, const char *body, size_t len)
{
	fake_begin();
	if (length)
		fake_set("CONTENT_LENGTH", length);
	if (type)
		fake_set("CONTENT_TYPE", type);
	fake.body = body;
	fake.body_len = len;
	return request_read_body(&r, 1024);
}

Test(request, body_must_be_as_long_as_announced)
{
	cr_assert_eq(read_body_of("2", "application/json", "{}", 2), PROBLEM_NONE);
	cr_assert_eq(read_body_of("3", "application/json", "{}", 2), PROBLEM_MALFORMED);
	cr_assert_eq(read_body_of("1", "application/json", "{}", 2), PROBLEM_MALFORMED);
	cr_assert_eq(read_body_of(NULL, "application/json", "{}", 2), PROBLEM_MALFORMED);
	cr_assert_eq(read_body_of("0", "application/json", "{}", 2), PROBLEM_MALFORMED);
	cr_assert_eq(read_body_of("-1", "application/json", "", 0), PROBLEM_MALFORMED);
	cr_assert_eq(read_body_of("+2", "application/json", "{}", 2), PROBLEM_MALFORMED);
	cr_assert_eq(read_body_of("2x", "application/json", "{}", 2), PROBLEM_MALFORMED);
	cr_assert_eq(read_body_of("99999999999999999999", "application/json", "{}", 2),
		PROBLEM_MALFORMED);
	cr_assert_eq(read_body_of("1025", "application/json", "{}", 2), PROBLEM_BODY_TOO_LARGE);
	cr_assert_eq(read_body_of("9223372036854775807", NULL, "{}", 2), PROBLEM_BODY_TOO_LARGE);
	fake_begin();
	fake_body("{}");
	fake.cut = true;
	cr_assert_eq(request_read_body(&r, 1024), PROBLEM_MALFORMED);
}

Test(request, raw_body_is_kept_as_it_came)
{
	static const char bytes[] = "\xff\r\n{ \"a\": 1";

	fake_set("CONTENT_LENGTH", arena_printf(arena, "%zu", strlen(bytes)));
	fake.body = bytes;
	fake.body_len = strlen(bytes);
	fake.piece_max = 3;
	cr_assert_eq(request_read_raw(&r, (int64_t)strlen(bytes)), PROBLEM_NONE);
	cr_assert_eq(r.body_len, strlen(bytes));
	cr_assert_str_eq(r.body_text, bytes);
	cr_assert_null(r.body);
	cr_assert_eq(request_read_raw(&r, (int64_t)strlen(bytes) - 1), PROBLEM_BODY_TOO_LARGE);
}

Test(request, body_must_say_that_it_is_json)
{
	static const char *const good[] = { "application/json", "Application/JSON",
		"application/json; charset=utf-8", "application/json;charset=UTF-8",
		"application/json ; x=y" };
	static const char *const bad[] = { "text/plain", "application/jsonx", "application/json2",
		"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "json",
		"text/html, application/json" };

	for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
		cr_assert_eq(read_body_of("2", good[i], "{}", 2), PROBLEM_NONE, "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_assert_eq(read_body_of("2", bad[i], "{}", 2), PROBLEM_MEDIA_TYPE, "%s", bad[i]);
	cr_assert_eq(read_body_of("2", NULL, "{}", 2), PROBLEM_MEDIA_TYPE);
}

Test(request, body_must_be_an_object)
{
	cr_assert_eq(read_body_of("2", "application/json", "[]", 2), PROBLEM_INVALID);
	cr_assert_str_eq(r.why.errors->pointer, "");
	cr_assert_eq(read_body_of("4", "application/json", "null", 4), PROBLEM_INVALID);
	cr_assert_eq(read_body_of("1", "application/json", "1", 1), PROBLEM_INVALID);
	cr_assert_eq(read_body_of("1", "application/json", "{", 1), PROBLEM_MALFORMED);
	cr_assert_eq(read_body_of("3", "application/json", "{}\0", 3), PROBLEM_MALFORMED);
	cr_assert(r.why.detail);
}
