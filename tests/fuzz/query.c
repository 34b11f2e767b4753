/*
 * Queries, and pages of lists: a query that is accepted says the same when it is encoded in another
 * way, and the link to the next page is one line.
 */
#include "answer.h"
#include "gate.h"

#include "http/page.h"

static const char *const names[] = { "q", "limit", "cursor", "from", "to", "venue_id", "a b", "" };

static void
ask_all(const char **values)
{
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		values[i] = request_query(&r, names[i]);
}

static void
read_again(const char *const *values)
{
	const char *again[ARRAY_LENGTH(names)];
	const char *between = "?";
	struct str uri;

	str_init(&uri, arena);
	str_add(&uri, "/api/v1/events");
	for (size_t i = ARRAY_LENGTH(names); i-- > 0;) {
		if (!values[i])
			continue;
		str_add(&uri, between);
		gate_encode(&uri, names[i]);
		str_add_char(&uri, '=');
		gate_encode(&uri, values[i]);
		between = "&";
	}
	gate_again();
	if (fake_request("GET", uri.data) == PROBLEM_URI_TOO_LONG)
		return;
	ask_all(again);
	assert(request_query_done(&r) == PROBLEM_NONE);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		assert(str_equal(again[i], values[i]));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const char *values[ARRAY_LENGTH(names)];
	struct page page;

	fake_begin();
	if (fake_request("GET", arena_printf(arena, "/api/v1/events?%s", fuzz_text(&in))))
		return 0;
	ask_all(values);
	page_read(&r, PAGE_LIMIT, PAGE_LIMIT_MAX, &page);
	assert(page.limit >= 1 && page.limit <= PAGE_LIMIT_MAX);
	assert(str_equal(page.cursor, values[2]));
	page_respond(&r, "", "c2Vhcmch");
	respond_send(&r);
	assert(answer_check(fake.sent.data, fake.sent.len, false) == 200);
	if (request_query_done(&r) == PROBLEM_NONE)
		read_again(values);
	else
		assert(r.why.errors);
	fuzz_check_errors(&r.why);
	return 0;
}
