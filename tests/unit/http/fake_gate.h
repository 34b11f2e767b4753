/*
 * A gate for tests: variables and a body given by the test, the answer kept in memory.
 */
#ifndef HOLDFAST_FAKE_GATE_H
#define HOLDFAST_FAKE_GATE_H

#include "base/str.h"
#include "http/gate_parts.h"
#include "http/request.h"

#define FAKE_PARAMS_MAX 32

struct fake_gate {
	struct gate gate;
	struct {
		const char *name, *value;
	} params[FAKE_PARAMS_MAX];
	size_t count;
	const char *body;
	size_t body_len;
	size_t body_read;
	bool cut;      /* the body ends with an error */
	int piece_max; /* bytes a read gives at most; 0: no limit */
	struct str sent;
};

static struct fake_gate fake;
static struct arena *arena;
static struct request r;

static const char *
fake_param(const struct gate *gate, const char *name)
{
	(void)gate;
	for (size_t i = 0; i < fake.count; i++) {
		if (str_equal(fake.params[i].name, name))
			return fake.params[i].value;
	}
	return NULL;
}

static int
fake_read(struct gate *gate, char *out, int room)
{
	size_t left = fake.body_len - fake.body_read;

	(void)gate;
	if (left == 0)
		return fake.cut ? -1 : 0;
	if ((size_t)room > left)
		room = (int)left;
	if (fake.piece_max && room > fake.piece_max)
		room = fake.piece_max;
	memcpy(out, fake.body + fake.body_read, (size_t)room);
	fake.body_read += (size_t)room;
	return room;
}

static void
fake_write(struct gate *gate, const char *bytes, size_t len)
{
	(void)gate;
	str_add_bytes(&fake.sent, bytes, len);
}

static inline void
fake_set(const char *name, const char *value)
{
	fake.params[fake.count].name = name;
	fake.params[fake.count++].value = value;
}

/* A body with its length announced as it is. */
static inline void
fake_body(const char *body)
{
	fake.body = body;
	fake.body_len = strlen(body);
	fake_set("CONTENT_LENGTH", arena_printf(arena, "%zu", fake.body_len));
	fake_set("CONTENT_TYPE", "application/json");
}

/* Before each test, and within one for a fresh request. */
static inline void
fake_begin(void)
{
	static const struct gate_kind kind = {
		.param = fake_param,
		.read = fake_read,
		.write = fake_write,
	};

	if (arena)
		arena_reset(arena);
	else
		arena = arena_new();
	memset(&fake, 0, sizeof(fake));
	fake.gate.kind = &kind;
	str_init(&fake.sent, arena);
	r = (struct request){ .gate = &fake.gate, .arena = arena };
}

static inline void
fake_end(void)
{
	arena_free(arena);
	arena = NULL;
}

/* A request up to its query. */
static inline enum problem
fake_request(const char *method, const char *uri)
{
	fake_set("REQUEST_METHOD", method);
	fake_set("REQUEST_URI", uri);
	return request_read(&r);
}

#endif
