/*
 * Header fields, bodies and keys of a request, and the answer with what of them goes into it.
 *
 * Input: lines `NAME value` of CGI variables, an empty line, the body.
 */
#include "answer.h"
#include "gate.h"

#include "http/cors.h"
#include "http/respond.h"

#define BODY_BYTES_MAX 65536
#define HEX            "0123456789abcdef"

static void
read_input(struct input in)
{
	for (;;) {
		char *line = fuzz_line(&in), *space = strchr(line, ' ');

		if (!space || fake.count == FAKE_PARAMS_MAX - 2)
			break;
		*space = '\0';
		/* What a web server gives has no line breaks: they end the line here too. */
		fake_set(line, space + 1);
	}
	fake.piece_max = 7;
	fake.body = fuzz_bytes(in.at, in.left);
	fake.body_len = in.left;
	fake_set("CONTENT_LENGTH", arena_printf(arena, "%zu", in.left));
	fake_set("REQUEST_METHOD", "POST");
}

static void
check_read(void)
{
	assert(strspn(r.id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
		strlen(r.id));
	assert(*r.id && strlen(r.id) <= 64 && *r.method && strlen(r.method) <= 16);
	assert(*r.address && strlen(r.address) <= 45);
}

static void
check_key(void)
{
	assert(!r.key == !r.fingerprint);
	if (!r.key)
		return;
	assert(strlen(r.key) >= 1 && strlen(r.key) <= 255);
	for (const char *c = r.key; *c; c++)
		assert(*c >= 0x21 && *c <= 0x7e);
	assert(strlen(r.fingerprint) == 64 && strspn(r.fingerprint, HEX) == 64);
	assert(!json_get(r.body, "request_id") && !json_get(r.body, "idempotency_key"));
}

/* The same request, its body in canonical form and its key in quotes, has the same fingerprint. */
static void
read_again(void)
{
	const struct request before = r;
	const char *body = json_canonical(arena, r.body, NULL);
	struct str key;

	str_init(&key, arena);
	for (const char *c = r.key; *c; c++)
		str_printf(&key, strchr("\"\\", *c) ? "\\%c" : "%c", *c);
	gate_again();
	fake_set("HTTP_IDEMPOTENCY_KEY", arena_printf(arena, "\"%s\"", key.data));
	fake_set("REQUEST_METHOD", "POST");
	fake_set("REQUEST_URI", arena_printf(arena, "%s%s?%s", before.at_root ? "" : "/api/v1",
					before.path, before.query));
	fake_body(body);
	assert(request_read(&r) == PROBLEM_NONE ||
		strlen(before.path) + strlen(before.query) > 4000);
	assert(request_read_body(&r, INT32_MAX) == PROBLEM_NONE);
	assert(request_read_key(&r) == PROBLEM_NONE);
	assert(str_equal(r.key, before.key));
	assert(!str_equal(r.path, before.path) || str_equal(r.fingerprint, before.fingerprint));
}

static void
answer(enum problem err)
{
	if (err) {
		respond_problem(&r, err);
	} else {
		respond_json(&r, 200, json_canonical(arena, r.body, NULL));
		respond_header(&r, "Location", r.path);
		respond_cacheable(&r, 1, NULL);
	}
	respond_send(&r);
	answer_check(fake.sent.data, fake.sent.len, str_equal(r.method, "HEAD"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	enum problem err;

	fake_begin();
	respond_allow_origins("https://shop.example.test");
	read_input(in);
	err = request_read(&r);
	check_read();
	if (!err)
		err = request_read_body(&r, BODY_BYTES_MAX);
	if (!err)
		err = request_read_key(&r);
	if (!err)
		check_key();
	fuzz_check_errors(&r.why);
	answer(err);
	if (!err && r.key)
		read_again();
	return 0;
}
