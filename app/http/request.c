/*
 * Reads what the web server says of a request, and its body.
 */
#include "http/request.h"

#include <ctype.h>

#include "base/clock.h"
#include "base/id.h"

#define API_PREFIX    "/api/v1"
#define URI_BYTES_MAX 4096

const char *
request_header(const struct request *r, const char *cgi_name)
{
	return gate_param(r->gate, cgi_name);
}

/* text if it is 1 to max bytes of letters, digits and extra, else NULL. */
static const char *
plain(const char *text, size_t max, const char *extra)
{
	size_t len = 0;

	if (!text || !*text)
		return NULL;
	for (; text[len]; len++) {
		unsigned char c = (unsigned char)text[len];

		if (len == max || c > 0x7f || (!isalnum(c) && !strchr(extra, c)))
			return NULL;
	}
	return text;
}

/* The id that the front server gave, or one of our own where it gave none that is safe to print. */
static const char *
choose_id(struct request *r)
{
	const char *given = plain(request_header(r, "HTTP_X_REQUEST_ID"), 64, "._-");
	unsigned char random[16];
	char *own;

	if (given)
		return arena_strdup(r->arena, given);
	own = arena_alloc(r->arena, 2 * sizeof(random) + 1);
	id_random(random, sizeof(random));
	id_hex(random, sizeof(random), own);
	return own;
}

/* The request target; put together where a CGI server gives it in parts only. */
static const char *
find_uri(struct request *r)
{
	const char *uri = request_header(r, "REQUEST_URI");
	const char *script = request_header(r, "SCRIPT_NAME");
	const char *info = request_header(r, "PATH_INFO");
	const char *query = request_header(r, "QUERY_STRING");

	if (uri && *uri)
		return uri;
	return arena_printf(r->arena, "%s%s%s%s", script ? script : "", info ? info : "",
		query && *query ? "?" : "", query ? query : "");
}

static enum problem
split_uri(struct request *r, const char *uri)
{
	size_t prefix = strlen(API_PREFIX);
	size_t path_len;

	if (strlen(uri) > URI_BYTES_MAX)
		return PROBLEM_URI_TOO_LONG;
	if (*uri != '/') {
		r->why.detail = "The request target is not a path.";
		return PROBLEM_MALFORMED;
	}
	path_len = strcspn(uri, "?");
	r->query = arena_strdup(r->arena, uri[path_len] ? uri + path_len + 1 : "");
	r->at_root = true;
	if (str_starts(uri, API_PREFIX) && (path_len == prefix || uri[prefix] == '/')) {
		r->at_root = false;
		uri += prefix;
		path_len -= prefix;
	}
	r->path = path_len ? arena_copy(r->arena, uri, path_len) : "/";
	return PROBLEM_NONE;
}

enum problem
request_read(struct request *r)
{
	const char *address = plain(request_header(r, "REMOTE_ADDR"), 45, ".:");
	const char *method = plain(request_header(r, "REQUEST_METHOD"), 16, "");

	r->started_us = clock_monotonic_us();
	r->method = method ? arena_strdup(r->arena, method) : "-";
	r->path = "/";
	r->query = "";
	r->id = choose_id(r);
	r->address = address ? arena_strdup(r->arena, address) : "unknown";
	str_init(&r->headers, r->arena);
	str_init(&r->out, r->arena);
	if (!method) {
		r->why.detail = "The method is missing or not usable.";
		return PROBLEM_MALFORMED;
	}
	return split_uri(r, find_uri(r));
}

/* application/json, with or without parameters (charset changes nothing: JSON is UTF-8). */
static bool
is_json_type(const char *type)
{
	static const char json[] = "application/json";
	size_t len = sizeof(json) - 1;

	if (!type || strncasecmp(type, json, len) != 0)
		return false;
	type += len;
	type += strspn(type, " \t");
	return !*type || *type == ';';
}

/* The bytes of the body: as many as announced, and no more. */
static enum problem
read_bytes(struct request *r, size_t len)
{
	char *bytes = arena_alloc(r->arena, len + 1);
	size_t have = 0;
	char more;

	while (have < len) {
		int got = gate_read(r->gate, bytes + have, (int)(len - have));

		if (got <= 0) {
			r->why.detail = "The body is shorter than announced.";
			return PROBLEM_MALFORMED;
		}
		have += (size_t)got;
	}
	if (gate_read(r->gate, &more, 1) != 0) {
		r->why.detail = "The body is longer than announced.";
		return PROBLEM_MALFORMED;
	}
	r->body_text = bytes;
	r->body_len = len;
	return PROBLEM_NONE;
}

enum problem
request_read_raw(struct request *r, int64_t body_max_bytes)
{
	const char *length = request_header(r, "CONTENT_LENGTH");
	int64_t len = 0;

	assert(body_max_bytes <= INT32_MAX);
	if (length && *length &&
		(!isdigit((unsigned char)*length) || !str_to_int(length, 0, INT64_MAX, &len))) {
		r->why.detail = "Content-Length is not a number.";
		return PROBLEM_MALFORMED;
	}
	if (len > body_max_bytes) {
		r->why.detail = arena_printf(
			r->arena, "A body may have at most %lld bytes.", (long long)body_max_bytes);
		return PROBLEM_BODY_TOO_LARGE;
	}
	return read_bytes(r, (size_t)len);
}

enum problem
request_read_body(struct request *r, int64_t body_max_bytes)
{
	const char *text = "{}";
	const char *detail;
	size_t text_len = 2;
	enum problem err;

	err = request_read_raw(r, body_max_bytes);
	if (err)
		return err;
	if (r->body_len) {
		if (!is_json_type(request_header(r, "CONTENT_TYPE")))
			return PROBLEM_MEDIA_TYPE;
		text = r->body_text;
		text_len = r->body_len;
	}
	r->body = json_parse(r->arena, text, text_len, &detail);
	if (!r->body) {
		r->why.detail = detail;
		return PROBLEM_MALFORMED;
	}
	if (json_kind(r->body) != JSON_OBJECT)
		return problem_at(&r->why, r->arena, "", "The body must be an object.");
	return PROBLEM_NONE;
}
