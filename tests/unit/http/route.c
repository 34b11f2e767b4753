/*
 * Paths to routes, and the methods that a path knows.
 */
#include <criterion/criterion.h>

#include "fake_gate.h"
#include "http/route.h"

TestSuite(route, .init = fake_begin, .fini = fake_end);

static const struct route *pool_of(const char *name);

static enum problem
find(const char *pool, const char *method, const char *uri)
{
	fake_begin();
	cr_assert_eq(fake_request(method, uri), PROBLEM_NONE);
	return route_find(pool_of(pool), &r);
}

static const struct route *
pool_of(const char *name)
{
	static struct route table[128];
	size_t count = 0;

	for (const struct route *route = route_all; route->path; route++) {
		if (str_equal(route->pool, name))
			table[count++] = *route;
	}
	table[count] = (struct route){ 0 };
	return table;
}

Test(route, every_row_is_found_by_its_own_path)
{
	for (const struct route *route = route_all; route->path; route++) {
		struct str uri;

		fake_begin();
		str_init(&uri, arena);
		str_add(&uri, "/api/v1");
		for (const char *at = route->path; *at; at++) {
			if (*at == '{') {
				str_add(&uri, "7");
				at = strchr(at, '}');
			} else {
				str_add_char(&uri, *at);
			}
		}
		cr_assert_eq(fake_request(route->method, uri.data), PROBLEM_NONE);
		cr_assert_eq(route_find(pool_of(route->pool), &r), PROBLEM_NONE, "%s %s",
			route->method, uri.data);
		cr_assert_str_eq(r.route->path, route->path);
		cr_assert_eq(strchr(route->path, '{') != NULL, r.params[0] != NULL);
	}
}

Test(route, fills_decoded_names)
{
	cr_assert_eq(find("booking", "POST", "/api/v1/bookings/a%20b%2Fc/confirm"), PROBLEM_NONE);
	cr_assert_str_eq(r.route->operation, "confirm");
	cr_assert_str_eq(r.params[0], "a b/c");
	cr_assert_eq(find("booking", "POST", "/api/v1/bookings/hold"), PROBLEM_NONE);
	cr_assert_str_eq(r.route->operation, "hold");
	cr_assert_null(r.params[0]);
	cr_assert_eq(find("booking", "GET", "/api/v1/bookings/hold"), PROBLEM_NONE);
	cr_assert_str_eq(r.params[0], "hold");
}

Test(route, refuses_badly_encoded_paths)
{
	static const char *const bad[] = { "/api/v1/bookings/%", "/api/v1/bookings/%zz",
		"/api/v1/bookings/%00", "/api/v1/bookings/a%00", "/api/v1/bookings/%ff",
		"/api/v1/bookings/%c0%af", "/api/v1/bookings/\xff" };

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_assert_eq(find("booking", "GET", bad[i]), PROBLEM_MALFORMED, "%s", bad[i]);
}

Test(route, unknown_paths_are_not_found)
{
	static const char *const bad[] = { "/", "/api/v1", "/api/v1/", "/api/v1/nothing",
		"/api/v1/bookings/", "/api/v1//bookings", "/api/v1/bookings/7/confirm/",
		"/api/v1/bookings/7/nothing", "/api/v1/Bookings", "/api/v1/bookings/../events",
		"/api/v1/a/b/c/d/e/f/g/h/i/j/k", "/bookings", "/api/v1/bookings//confirm",
		"/api/v1/bookings/{booking_id}/x" };

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_assert_eq(find("booking", "GET", bad[i]), PROBLEM_NOT_FOUND, "%s", bad[i]);
}

Test(route, other_methods_are_told_what_the_path_knows)
{
	cr_assert_eq(find("booking", "DELETE", "/api/v1/bookings"), PROBLEM_METHOD);
	cr_assert_str_eq(r.allow, "GET, HEAD, OPTIONS");
	cr_assert_eq(find("booking", "GET", "/api/v1/bookings/7/confirm"), PROBLEM_METHOD);
	cr_assert_str_eq(r.allow, "POST, OPTIONS");
	/* The methods of one path may live in several pools. */
	cr_assert_eq(find("catalog", "PATCH", "/api/v1/events"), PROBLEM_METHOD);
	cr_assert_str_eq(r.allow, "GET, HEAD, POST, OPTIONS");
	cr_assert_eq(find("booking", "OPTIONS", "/api/v1/bookings/hold"), PROBLEM_METHOD);
	cr_assert_eq(find("booking", "get", "/api/v1/bookings"), PROBLEM_METHOD);
	cr_assert_eq(find("booking", "OPTIONS", "/api/v1/nothing"), PROBLEM_NOT_FOUND);
}

Test(route, path_of_another_pool_is_not_found_here)
{
	cr_assert_eq(find("booking", "GET", "/api/v1/events"), PROBLEM_NOT_FOUND);
}

Test(route, head_is_a_get)
{
	cr_assert_eq(find("catalog", "HEAD", "/api/v1/events"), PROBLEM_NONE);
	cr_assert_str_eq(r.route->method, "GET");
}

Test(route, only_service_calls_answer_at_the_root)
{
	cr_assert_eq(find("catalog", "GET", "/healthz"), PROBLEM_NONE);
	cr_assert_eq(find("catalog", "GET", "/api/v1/healthz"), PROBLEM_NONE);
	cr_assert_eq(find("catalog", "GET", "/events"), PROBLEM_NOT_FOUND);
	cr_assert_eq(find("catalog", "POST", "/healthz"), PROBLEM_METHOD);
	cr_assert_eq(find("catalog", "POST", "/events"), PROBLEM_NOT_FOUND);
}

static enum problem
nothing(struct request *request)
{
	(void)request;
	return PROBLEM_NONE;
}

Test(route, fixed_words_are_nearer_than_names)
{
	static const struct route table[] = {
		{ "x", "GET", "/events/{event_id}", "event", R_PUBLIC, nothing },
		{ "x", "GET", "/events/popular", "popular", R_PUBLIC, nothing },
		{ 0 },
	};

	fake_request("GET", "/api/v1/events/popular");
	cr_assert_eq(route_find(table, &r), PROBLEM_NONE);
	cr_assert_str_eq(r.route->operation, "popular");
}
