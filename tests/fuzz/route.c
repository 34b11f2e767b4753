/*
 * Targets of requests, percent-decoding and routes: what was found is found again, with the same
 * values, by a path that is encoded in another way.
 *
 * Input: the method, a line break, the target.
 */
#include "gate.h"

#include "http/route.h"

/* The path of the route that was found, with its values. */
static const char *
path_again(void)
{
	const char *at = r.route->path;
	struct str out;
	int param = 0;

	str_init(&out, arena);
	str_add(&out, r.at_root ? "" : "/api/v1");
	while (*at) {
		size_t len = strcspn(++at, "/");

		str_add_char(&out, '/');
		gate_encode(&out, *at == '{' ? r.params[param++] : arena_copy(arena, at, len));
		at += len;
	}
	return out.data;
}

static void
find_again(const char *method)
{
	const struct request before = r;
	const char *uri = path_again();
	enum problem err;

	gate_again();
	/* Encoding makes it up to three times as long. */
	if (fake_request(method, uri) == PROBLEM_URI_TOO_LONG)
		return;
	err = route_find(route_all, &r);
	/* What caches keep has one spelling. */
	if (before.route->flags & R_SHARED && strchr(r.path, '%')) {
		assert(err == PROBLEM_NOT_FOUND);
		return;
	}
	assert(!err && r.route == before.route);
	for (int i = 0; i < REQUEST_PARAMS_MAX; i++)
		assert(str_equal(r.params[i], before.params[i]));
}

static void
decode(const char *text, size_t len)
{
	const char *plain = request_decode(arena, fuzz_bytes(text, len), len, false), *again;
	struct str encoded;

	if (!plain)
		return;
	assert(strlen(plain) <= len && str_is_utf8(plain, strlen(plain)));
	str_init(&encoded, arena);
	gate_encode(&encoded, plain);
	again = request_decode(arena, fuzz_bytes(encoded.data, encoded.len), encoded.len, true);
	assert(str_equal(again, plain));
}

/* Names of methods with commas between, each once. */
static void
check_allow(const char *allow)
{
	const char *rest = arena_printf(arena, "%s, ", allow);

	assert(*allow && strspn(allow, "ABCDEFGHIJKLMNOPQRSTUVWXYZ, ") == strlen(allow));
	while (*rest) {
		const char *name = arena_copy(arena, rest, strcspn(rest, " ") + 1);

		rest += strlen(name);
		assert(strlen(name) > 3 && !strstr(rest, name));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const char *method, *uri;
	enum problem err;

	fake_begin();
	method = fuzz_line(&in);
	decode((const char *)in.at, in.left);
	uri = fuzz_text(&in);
	err = fake_request(method, uri);
	assert(strlen(r.path) <= 4096 && strlen(r.query) <= 4096);
	if (err)
		return 0;
	err = route_find(route_all, &r);
	if (err == PROBLEM_METHOD)
		check_allow(r.allow);
	for (int i = 0; !err && i < REQUEST_PARAMS_MAX; i++)
		assert(!r.params[i] ||
			(*r.params[i] && str_is_utf8(r.params[i], strlen(r.params[i]))));
	if (!err)
		find_again(method);
	return 0;
}
