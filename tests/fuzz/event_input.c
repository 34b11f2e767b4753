/*
 * Bodies that make and change events: what goes to the database is one JSON object, and what is
 * refused is pointed at.
 */
#include "domain/event_input.h"
#include "fuzz.h"

static void
try(const struct json *body, enum layout_use use, const char *provider)
{
	struct problem_why why = { 0 };
	struct event_input out = { 0 };
	enum problem err = event_input_read(arena, body, use, "EUR", provider, &why, &out);
	const struct json *written;

	fuzz_check_errors(&why);
	assert(err == PROBLEM_NONE || err == PROBLEM_INVALID || err == PROBLEM_NOT_FOUND);
	assert(err != PROBLEM_INVALID || why.errors);
	if (err)
		return;
	assert(!why.errors);
	written = fuzz_json(out.json, strlen(out.json));
	assert(written && json_kind(written) == JSON_OBJECT);
	if (use == LAYOUT_NEW)
		assert(json_get(written, "title") && json_get(written, "event_date") &&
			(json_get(written, "sections") || json_get(written, "layout")));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct json *body;

	fuzz_begin();
	body = fuzz_json(data, size);
	if (!body || json_kind(body) != JSON_OBJECT)
		return 0;
	try(body, LAYOUT_NEW, "none");
	try(body, LAYOUT_CHANGES, "stripe");
	return 0;
}
