/*
 * Answers as they go out.
 */
#include <criterion/criterion.h>

#include "fake_gate.h"
#include "http/respond.h"

TestSuite(respond, .init = fake_begin, .fini = fake_end);

static const char *
send(void)
{
	respond_send(&r);
	return fake.sent.data;
}

static const char *
body_of(const char *answer)
{
	const char *end = strstr(answer, "\r\n\r\n");

	cr_assert(end, "%s", answer);
	return end + 4;
}

static bool
has_line(const char *answer, const char *line)
{
	const char *at = strstr(answer, line);

	return at && (at == answer || at[-1] == '\n') && str_starts(at + strlen(line), "\r\n");
}

static const struct json *
problem(enum problem err)
{
	const struct json *value;
	const char *detail;
	const char *body;

	respond_problem(&r, err);
	body = body_of(send());
	value = json_parse(arena, body, strlen(body), &detail);
	cr_assert(value, "%s: %s", detail, body);
	return value;
}

Test(respond, json_goes_out_with_the_standard_fields)
{
	const char *answer;

	fake_set("HTTP_X_REQUEST_ID", "abc");
	fake_request("GET", "/api/v1/x");
	respond_json(&r, 201, "{\"a\":1}");
	respond_header(&r, "Location", "/api/v1/x/1");
	answer = send();
	cr_assert(str_starts(answer, "Status: 201 Created\r\n"));
	cr_assert(has_line(answer, "Content-Type: application/json"));
	cr_assert(has_line(answer, "Content-Length: 7"));
	cr_assert(has_line(answer, "X-Request-Id: abc"));
	cr_assert(has_line(answer, "X-Content-Type-Options: nosniff"));
	cr_assert(has_line(answer, "Cache-Control: no-store"));
	cr_assert(has_line(answer, "Location: /api/v1/x/1"));
	cr_assert_str_eq(body_of(answer), "{\"a\":1}");
}

Test(respond, field_values_stay_on_their_line)
{
	const char *answer;

	fake_request("GET", "/api/v1/x");
	respond_json(&r, 200, "{}");
	respond_header(&r, "Location", "/a\r\nSet-Cookie: x=y\r\n\r\n<html>");
	answer = send();
	cr_assert(has_line(answer, "Location: /aSet-Cookie: x=y<html>"));
	cr_assert_str_eq(body_of(answer), "{}");
}

Test(respond, empty_answers_have_neither_type_nor_length)
{
	const char *answer;

	fake_request("POST", "/api/v1/x");
	respond_empty(&r, 204);
	answer = send();
	cr_assert(str_starts(answer, "Status: 204 No Content\r\n"));
	cr_assert_null(strstr(answer, "\nContent-Type"));
	cr_assert_null(strstr(answer, "Content-Length"));
	cr_assert_str_eq(body_of(answer), "");
}

Test(respond, head_has_the_fields_of_get_without_the_body)
{
	const char *answer;

	fake_request("HEAD", "/api/v1/x");
	respond_json(&r, 200, "{\"a\":1}");
	answer = send();
	cr_assert(has_line(answer, "Content-Length: 7"));
	cr_assert_str_eq(body_of(answer), "");
}

Test(respond, every_problem_is_a_problem_document)
{
	for (int i = 1; i < PROBLEM_COUNT; i++) {
		const struct json *value;
		bool passes;

		fake_begin();
		fake_set("HTTP_X_REQUEST_ID", "the-id");
		fake_request("GET", "/api/v1/x");
		r.allow = "GET, HEAD, OPTIONS";
		value = problem((enum problem)i);
		cr_assert(str_starts(json_string(json_get(value, "type")), "/problems/"));
		cr_assert_str_eq(json_string(json_get(value, "type")) + 10, problem_rows[i].slug);
		cr_assert_str_eq(json_string(json_get(value, "title")), problem_rows[i].title);
		cr_assert_eq(json_int(json_get(value, "status")), problem_rows[i].status);
		cr_assert_str_eq(json_string(json_get(value, "instance")), "the-id");
		cr_assert_str_eq(json_string(json_get(value, "detail")),
			arena_printf(r.arena, "%s.", problem_rows[i].title));
		cr_assert_eq(json_get(value, "errors") != NULL, i == PROBLEM_INVALID);
		cr_assert(has_line(fake.sent.data, "Content-Type: application/problem+json"));
		cr_assert(has_line(fake.sent.data, "Cache-Control: no-store"));
		cr_assert_null(strstr(fake.sent.data, "Status: Status"));
		passes = problem_rows[i].status == 429 || problem_rows[i].status == 503 ||
			 i == PROBLEM_KEY_IN_FLIGHT || i == PROBLEM_BUSY;
		cr_assert_eq(has_line(fake.sent.data, "Retry-After: 1"), passes, "%s",
			problem_rows[i].slug);
		cr_assert_eq(has_line(fake.sent.data, "Retry-After: 60"),
			i == PROBLEM_PAYMENT_IN_PROGRESS, "%s", problem_rows[i].slug);
		cr_assert_eq(strstr(fake.sent.data, "WWW-Authenticate: Bearer") != NULL,
			problem_rows[i].status == 401);
		cr_assert_eq(
			has_line(fake.sent.data, "Allow: GET, HEAD, OPTIONS"), i == PROBLEM_METHOD);
	}
}

Test(respond, problem_tells_why)
{
	const struct json *value;
	const struct json *errors;

	fake_request("POST", "/api/v1/x");
	r.why.detail = "Because \"so\".";
	problem_at(&r.why, arena, "/a", "no %s", "\"a\"");
	problem_at(&r.why, arena, "/b~1c", "no b");
	value = problem(PROBLEM_INVALID);
	errors = json_get(value, "errors");
	cr_assert_str_eq(json_string(json_get(value, "detail")), "Because \"so\".");
	cr_assert_eq(json_length(errors), 2);
	cr_assert_str_eq(json_string(json_get(json_at(errors, 0), "pointer")), "/a");
	cr_assert_str_eq(json_string(json_get(json_at(errors, 0), "detail")), "no \"a\"");
	cr_assert_str_eq(json_string(json_get(json_at(errors, 1), "pointer")), "/b~1c");
}

Test(respond, extensions_become_members_but_replace_none)
{
	const struct json *value;

	fake_request("POST", "/api/v1/x");
	r.why.extensions =
		"{\"available\": 3, \"seat_ids\": [\"A-1\", null], \"status\": \"HOLD\", "
		"\"type\": 1, \"errors\": 2}";
	value = problem(PROBLEM_SOLD_OUT);
	cr_assert_eq(json_int(json_get(value, "available")), 3);
	cr_assert_eq(json_length(json_get(value, "seat_ids")), 2);
	cr_assert_eq(json_int(json_get(value, "status")), 409);
	cr_assert_str_eq(json_string(json_get(value, "current_status")), "HOLD");
	cr_assert_null(json_get(value, "errors"));
}

Test(respond, broken_extensions_are_left_out)
{
	static const char *const bad[] = { "", "x", "[1]", "{\"a\":", "{}", "null",
		"{\"a\":1}}{\"b\":2" };

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		fake_begin();
		fake_request("POST", "/api/v1/x");
		r.why.extensions = bad[i];
		cr_assert_null(json_get(problem(PROBLEM_SOLD_OUT), "a"), "%s", bad[i]);
	}
}

Test(respond, inner_trouble_is_not_told)
{
	fake_request("POST", "/api/v1/x");
	r.why.detail = "relation \"users\" does not exist";
	r.why.extensions = "{\"password\": 1}";
	problem(PROBLEM_INTERNAL);
	cr_assert_null(strstr(fake.sent.data, "users"));
	cr_assert_null(strstr(fake.sent.data, "password"));
}

Test(respond, problem_drops_what_was_begun)
{
	fake_request("GET", "/api/v1/x");
	respond_json(&r, 200, "{\"half\":");
	respond_header(&r, "Location", "/x");
	respond_cacheable(&r, 5, NULL);
	problem(PROBLEM_NOT_FOUND);
	cr_assert_null(strstr(fake.sent.data, "half"));
	cr_assert_null(strstr(fake.sent.data, "Location"));
	cr_assert_null(strstr(fake.sent.data, "ETag"));
	cr_assert_null(strstr(fake.sent.data, "public"));
}

Test(respond, limits_tell_their_rate)
{
	fake_request("POST", "/api/v1/x");
	r.why.limit = "hold";
	r.why.limit_per_minute = 10;
	r.why.retry_after_s = 6;
	problem(PROBLEM_RATE_LIMITED);
	cr_assert(has_line(fake.sent.data, "Retry-After: 6"));
	cr_assert(has_line(fake.sent.data, "RateLimit-Policy: \"hold\";q=10;w=60"));
	cr_assert(has_line(fake.sent.data, "RateLimit: \"hold\";r=0;t=6"));
}

Test(respond, number_of_errors_has_a_limit)
{
	fake_request("POST", "/api/v1/x");
	for (int i = 0; i < 10000; i++)
		problem_at(&r.why, arena, "/x", "no");
	cr_assert_leq(json_length(json_get(problem(PROBLEM_INVALID), "errors")), 50);
}

Test(respond, refused_token_is_told_from_none)
{
	fake_request("GET", "/api/v1/x");
	problem(PROBLEM_UNAUTHENTICATED);
	cr_assert(has_line(fake.sent.data, "WWW-Authenticate: Bearer realm=\"holdfast\""));
	fake_begin();
	fake_set("HTTP_AUTHORIZATION", "Bearer x");
	fake_request("GET", "/api/v1/x");
	problem(PROBLEM_UNAUTHENTICATED);
	cr_assert(has_line(fake.sent.data,
		"WWW-Authenticate: Bearer realm=\"holdfast\", error=\"invalid_token\""));
}

Test(respond, what_is_not_copied_stands_where_it_was_put)
{
	static const char middle[] = "\"status\":\"aahb\"";
	const char *answer;

	fake_request("GET", "/api/v1/x");
	respond_json(&r, 200, "{\"seats\":4,");
	respond_inset(&r, middle, strlen(middle));
	str_add(&r.out, "}");
	answer = send();
	cr_assert_str_eq(body_of(answer), "{\"seats\":4,\"status\":\"aahb\"}");
	cr_assert(
		has_line(answer, arena_printf(arena, "Content-Length: %zu", strlen(middle) + 12)));
	/* A problem drops all of it. */
	fake_begin();
	fake_request("GET", "/api/v1/x");
	respond_json(&r, 200, "{");
	respond_inset(&r, middle, strlen(middle));
	respond_problem(&r, PROBLEM_NOT_FOUND);
	cr_assert_null(strstr(send(), "aahb"));
}
