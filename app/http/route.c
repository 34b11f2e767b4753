/*
 * Finds the route of a request.
 */
#include "http/route.h"

#define SEGMENTS_MAX 8

struct segments {
	const char *list[SEGMENTS_MAX]; /* decoded */
	int count;
};

/* MALFORMED: bad encoding. A path of too many or empty segments is no route's: count is 0 then. */
static enum problem
split_path(struct request *r, struct segments *segments)
{
	const char *at = r->path;

	segments->count = 0;
	while (*at) {
		size_t len;
		const char *text;

		at++;
		len = strcspn(at, "/");
		text = request_decode(r->arena, at, len, false);
		if (!text) {
			r->why.detail = "The path is not percent-encoded UTF-8.";
			return PROBLEM_MALFORMED;
		}
		if (!len || segments->count == SEGMENTS_MAX) {
			segments->count = 0;
			return PROBLEM_NONE;
		}
		segments->list[segments->count++] = text;
		at += len;
	}
	return PROBLEM_NONE;
}

/* The number of {names} that had to be filled, -1: no match. params may be NULL. */
static int
match(const struct route *route, const struct request *r, const struct segments *segments,
	const char **params)
{
	const char *at = route->path;
	int filled = 0;
	int i = 0;

	if (r->at_root && !(route->flags & R_BARE))
		return -1;
	for (; *at; i++) {
		size_t len;

		at++;
		len = strcspn(at, "/");
		if (i == segments->count)
			return -1;
		if (*at == '{') {
			assert(filled < REQUEST_PARAMS_MAX);
			if (params)
				params[filled] = segments->list[i];
			filled++;
		} else if (strlen(segments->list[i]) != len ||
			   memcmp(segments->list[i], at, len) != 0) {
			return -1;
		}
		at += len;
	}
	return i == segments->count ? filled : -1;
}

static bool
method_fits(const struct route *route, const struct request *r)
{
	/* HEAD is a GET whose body stays here. */
	return str_equal(route->method, str_equal(r->method, "HEAD") ? "GET" : r->method);
}

/* The methods of the path over all pools, each once. */
static const char *
list_methods(struct request *r, const struct segments *segments)
{
	struct str s;

	str_init(&s, r->arena);
	for (const struct route *route = route_all; route->path; route++) {
		bool listed = false;

		if (match(route, r, segments, NULL) < 0)
			continue;
		for (const char *at = s.data; !listed && *at;
			at += strcspn(at, " "), at += *at == ' ')
			listed = str_starts(at, route->method) &&
				 strchr(",", at[strlen(route->method)]);
		if (listed)
			continue;
		str_printf(&s, "%s%s", s.len ? ", " : "", route->method);
		if (str_equal(route->method, "GET"))
			str_add(&s, ", HEAD");
	}
	if (s.len)
		str_add(&s, ", OPTIONS");
	return s.data;
}

enum problem
route_find(const struct route *routes, struct request *r)
{
	const struct route *best = NULL;
	struct segments segments;
	int fewest = REQUEST_PARAMS_MAX + 1;
	enum problem err = split_path(r, &segments);

	if (err)
		return err;
	/* "/events/popular" is nearer than "/events/{event_id}". */
	for (const struct route *route = routes; route->path; route++) {
		int filled = method_fits(route, r) ? match(route, r, &segments, NULL) : -1;

		if (filled >= 0 && filled < fewest) {
			best = route;
			fewest = filled;
		}
	}
	/* What caches keep has one spelling, so that nobody has it made again under others. */
	if (best && best->flags & R_SHARED && strchr(r->path, '%'))
		return PROBLEM_NOT_FOUND;
	if (best) {
		match(best, r, &segments, r->params);
		r->route = best;
		return PROBLEM_NONE;
	}
	for (const struct route *route = route_all; route->path; route++) {
		/* The front server has sent a request to the wrong pool. */
		if (method_fits(route, r) && match(route, r, &segments, NULL) >= 0)
			return PROBLEM_NOT_FOUND;
	}
	r->allow = list_methods(r, &segments);
	return *r->allow ? PROBLEM_METHOD : PROBLEM_NOT_FOUND;
}
