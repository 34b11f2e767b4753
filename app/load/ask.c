/*
 * Questions and their answers as JSON.
 */
#include "load/ask.h"

#include <poll.h>

#include "base/clock.h"

#define TRIES_MAX 10
#define ID_MAX    4096
#define WAIT_MS   200
#define WAIT_S    3600 /* longest that a server may ask to wait */
#define STEP_US   100000

const char *
ask_text(const struct json *object, const char *name)
{
	const struct json *value = object ? json_get(object, name) : NULL;

	return value && json_kind(value) == JSON_STRING ? json_string(value) : NULL;
}

const char *
ask_id(const struct json *object, const char *name)
{
	const char *text = ask_text(object, name);

	for (const char *at = text; at && *at; at++) {
		if (*at <= ' ' || *at > '~' || *at == '"' || *at == '\\')
			return NULL;
	}
	return text && *text && strlen(text) <= ID_MAX ? text : NULL;
}

int64_t
ask_int(const struct json *object, const char *name, int64_t fallback)
{
	const struct json *value = object ? json_get(object, name) : NULL;

	return value && json_kind(value) == JSON_INT ? json_int(value) : fallback;
}

const struct json *
ask_list(const struct json *object, const char *name)
{
	const struct json *value = object ? json_get(object, name) : NULL;

	return value && json_kind(value) == JSON_ARRAY ? value : NULL;
}

const char *
ask_problem(const struct json *object)
{
	const char *type = ask_text(object, "type"), *slash = type ? strrchr(type, '/') : NULL;

	return slash ? slash + 1 : NULL;
}

static void
on_done(struct wire *wire)
{
	struct ask *ask = (struct ask *)(void *)((char *)wire - offsetof(struct ask, wire));
	const char *detail;

	ask->json = NULL;
	ask->status = 0;
	ask->wait_s = 0;
	if (wire->lost)
		return;
	ask->status = wire->answer.status;
	ask->wait_s = wire->answer.retry_after_s;
	if (wire->answer.body_len > 0)
		ask->json =
			json_parse(ask->arena, wire->answer.body, wire->answer.body_len, &detail);
	if (ask->json && json_kind(ask->json) != JSON_OBJECT)
		ask->json = NULL;
}

void
ask_init(struct ask *ask, struct loop *loop, const struct target *target, struct arena *arena,
	const volatile sig_atomic_t *stop)
{
	*ask = (struct ask){ .arena = arena, .stop = stop };
	wire_init(&ask->wire, loop, target);
	ask->wire.done = on_done;
}

void
ask_release(struct ask *ask)
{
	wire_release(&ask->wire);
}

void
ask_pause(const struct ask *ask, int64_t ms)
{
	int64_t ends_us = clock_monotonic_us() + 1000 * ms;

	while (!*ask->stop && clock_monotonic_us() < ends_us)
		poll(NULL, 0, (int)(ms < STEP_US / 1000 ? ms : STEP_US / 1000));
}

/* Whether it may be answered otherwise a moment later. */
static bool
is_passing(const struct ask *ask)
{
	const char *problem = ask->status == 409 ? ask_problem(ask->json) : NULL;

	return ask->status == 0 || ask->status == 429 || ask->status >= 502 ||
	       (problem &&
		       (str_equal(problem, "busy") || str_equal(problem, "idempotency-in-flight")));
}

const struct json *
ask_json(struct ask *ask, const char *method, const char *path, const char *body, int wanted,
	const char **wrong)
{
	struct request request = {
		.method = method, .path = path, .token = ask->token, .key = ask->key, .body = body
	};

	for (int tries = 0; tries < TRIES_MAX && !*ask->stop; tries++) {
		struct str text;

		str_init(&text, ask->arena);
		request_write(&text, ask->wire.target, &request);
		wire_send(&ask->wire, text.data, text.len);
		while (ask->wire.busy && !*ask->stop)
			loop_step(ask->wire.loop, STEP_US);
		if (ask->wire.busy)
			wire_close(&ask->wire);
		if (!is_passing(ask) || ask->wait_s > WAIT_S)
			break;
		ask_pause(ask, ask->wait_s > 0 ? ask->wait_s * 1000 : WAIT_MS);
	}
	if (ask->status == wanted && ask->json)
		return ask->json;
	*wrong = *ask->stop         ? "interrupted"
		 : ask->status == 0 ? arena_printf(ask->arena, "%s %s: no answer", method, path)
				    : arena_printf(ask->arena, "%s %s answered with %d %s", method,
					      path, ask->status,
					      ask_problem(ask->json) ? ask_problem(ask->json)
								     : "and nothing to be read");
	return NULL;
}
