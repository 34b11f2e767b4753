/*
 * Percent-decoding, and the parameters of a query.
 */
#include <ctype.h>
#include <inttypes.h>

#include "http/request.h"

#define QUERIES_MAX 32

struct request_query {
	const char *name;
	const char *value;
	bool asked;
	struct request_query *next;
};

static int
hex_value(char c)
{
	if (!isxdigit((unsigned char)c))
		return -1;
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

const char *
request_decode(struct arena *arena, const char *text, size_t len, bool plus_is_space)
{
	char *out = arena_alloc(arena, len + 1);
	size_t at = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '%') {
			int high = i + 2 < len ? hex_value(text[i + 1]) : -1;
			int low = high >= 0 ? hex_value(text[i + 2]) : -1;

			if (low < 0)
				return NULL;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		out[at++] = c;
	}
	return str_is_utf8(out, at) ? out : NULL;
}

static void
refuse(struct request *r, const char *name, const char *detail)
{
	struct str pointer;

	str_init(&pointer, r->arena);
	for (str_add_char(&pointer, '/'); *name; name++) {
		if (*name == '~' || *name == '/')
			str_add(&pointer, *name == '~' ? "~0" : "~1");
		else
			str_add_char(&pointer, *name);
	}
	problem_at(&r->why, r->arena, pointer.data, "%s", detail);
	r->queries_bad = true;
}

/* One `name=value` of len bytes. */
static void
read_one(struct request *r, const char *text, size_t len)
{
	const char *equals = memchr(text, '=', len);
	size_t name_len = equals ? (size_t)(equals - text) : len;
	const char *name = request_decode(r->arena, text, name_len, true);
	const char *value =
		equals ? request_decode(r->arena, equals + 1, len - name_len - 1, true) : "";
	struct request_query *query;

	if (!name || !value) {
		refuse(r, name ? name : "", "The parameter is not percent-encoded UTF-8.");
		return;
	}
	for (query = r->queries; query; query = query->next) {
		if (str_equal(query->name, name)) {
			refuse(r, name, "The parameter is given twice.");
			return;
		}
	}
	query = ARENA_NEW(r->arena, struct request_query);
	*query = (struct request_query){ .name = name, .value = value, .next = r->queries };
	r->queries = query;
}

static void
read_all(struct request *r)
{
	const char *at = r->query;
	int count = 0;

	r->queries_read = true;
	/* What is empty says nothing, but would be kept by caches as another address. */
	for (bool more = *at != '\0'; more;) {
		size_t len = strcspn(at, "&");

		if (len == 0 || ++count > QUERIES_MAX) {
			refuse(r, "",
				len == 0 ? "There is an empty parameter."
					 : "There are too many parameters.");
			return;
		}
		read_one(r, at, len);
		more = at[len] == '&';
		at += len + 1;
	}
}

const char *
request_query(struct request *r, const char *name)
{
	if (!r->queries_read)
		read_all(r);
	for (struct request_query *query = r->queries; query; query = query->next) {
		if (str_equal(query->name, name)) {
			query->asked = true;
			return query->value;
		}
	}
	return NULL;
}

int64_t
request_query_int(struct request *r, const char *name, int64_t fallback, int64_t min, int64_t max)
{
	const char *value = request_query(r, name);
	int64_t n = fallback;

	if (value && !str_to_int(value, min, max, &n))
		refuse(r, name,
			arena_printf(r->arena,
				"The value must be a whole number from %" PRId64 " to %" PRId64 ".",
				min, max));
	return n;
}

enum problem
request_query_done(struct request *r)
{
	if (!r->queries_read)
		read_all(r);
	for (struct request_query *query = r->queries; query; query = query->next) {
		if (!query->asked)
			refuse(r, query->name, "There is no such parameter.");
	}
	return r->queries_bad ? PROBLEM_INVALID : PROBLEM_NONE;
}
