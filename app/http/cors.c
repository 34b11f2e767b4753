/*
 * Which origins may read answers. Tokens travel in a header of their own and never in cookies, so a
 * page can do nothing here that its reader has not given it a token for.
 */
#include "http/cors.h"

#include "base/conf_list.h"
#include "http/respond.h"

static const char *origins[CONF_ORIGINS_MAX];
static size_t origin_count;
static bool all_origins;

static void
add_origin(const char *text, size_t len)
{
	char *copy;

	if (origin_count == CONF_ORIGINS_MAX)
		return;
	copy = strndup(text, len);
	if (!copy)
		abort();
	/* An origin ends without a slash; people write one all the same. */
	if (len > 1 && copy[len - 1] == '/')
		copy[len - 1] = '\0';
	all_origins = all_origins || str_equal(copy, "*");
	origins[origin_count++] = copy;
}

void
respond_allow_origins(const char *allowed_origins)
{
	const char *origin;

	while (origin_count)
		free((void *)(uintptr_t)origins[--origin_count]);
	all_origins = false;
	for (size_t len; (len = conf_next_origin(&allowed_origins, &origin)) > 0;)
		add_origin(origin, len);
}

static bool
is_allowed(const char *origin)
{
	for (size_t i = 0; i < origin_count; i++) {
		if (strcasecmp(origins[i], origin) == 0)
			return true;
	}
	return false;
}

void
cors_add_headers(const struct request *r, struct str *head)
{
	const char *origin = request_header(r, "HTTP_ORIGIN");

	if (!origin_count)
		return;
	if (!all_origins)
		str_add(head, "Vary: Origin\r\n");
	if (!origin || !*origin || (!all_origins && !is_allowed(origin)))
		return;
	str_printf(head, "Access-Control-Allow-Origin: %s\r\n", all_origins ? "*" : origin);
	if (r->allow && request_header(r, "HTTP_ACCESS_CONTROL_REQUEST_METHOD")) {
		str_printf(head,
			"Access-Control-Allow-Methods: %s\r\n"
			"Access-Control-Allow-Headers: Authorization, Content-Type, "
			"Idempotency-Key, If-Match, If-None-Match, X-Queue-Pass, X-Queue-Token, "
			"X-Request-Id\r\n"
			"Access-Control-Max-Age: 600\r\n",
			r->allow);
		return;
	}
	str_add(head, "Access-Control-Expose-Headers: Allow, ETag, Idempotent-Replayed, Link, "
		      "Location, RateLimit, RateLimit-Policy, Retry-After, "
		      "WWW-Authenticate, X-Request-Id\r\n");
}
