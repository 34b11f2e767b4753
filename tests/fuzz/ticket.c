/*
 * Tickets, passes and cursors: what is written reads as the same, and with any one bit changed, or
 * as another kind of thing, as nothing.
 *
 * Input: numbers of a place, which bit is changed, and a text, which is also tried as it is.
 */
#include "fuzz.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/keyring.h"
#include "domain/cursor.h"
#include "domain/pass.h"

static void
prepare(void)
{
	static const struct conf conf = {
		.environment = "development",
		.jwt_secret = "5c1f0e7ab93d42868f0e6d1b7a3c9e54",
		.jwt_keys_file = "",
	};
	static bool done;

	if (done)
		return;
	done = true;
	keyring_load(&conf);
	ticket_init();
	clock_tell(INT64_C(1800000000) * 1000000);
}

/* The same text but for one bit; as a string it may be shorter then. */
static const char *
change(const char *text, uint64_t where)
{
	char *out = arena_strdup(arena, text);

	where %= 8 * strlen(text);
	out[where / 8] = (char)(out[where / 8] ^ 1 << where % 8);
	return out;
}

static void
check_ticket(const struct ticket *ticket, uint64_t where)
{
	const char *token = ticket_write(arena, ticket);
	struct ticket read;

	assert(ticket_read(arena, token, &read));
	assert(read.event_id == ticket->event_id && read.score == ticket->score);
	assert(str_equal(read.line, ticket->line) && str_equal(read.user_id, ticket->user_id));
	assert(ticket_score(ticket_epoch(&read), ticket_number(&read), ticket_quantity(&read)) ==
		read.score);
	assert(!ticket_read_as(arena, TICKET_PASS, token, &read));
	assert(!ticket_read(arena, change(token, where), &read));
}

static void
check_pass(const struct ticket *ticket, int64_t ends_s, uint64_t where)
{
	const struct pass pass = { ticket->event_id, ticket->user_id, ticket->score, ends_s };
	const char *text = pass_write(arena, &pass);
	struct pass read;
	enum pass_state state = pass_check(arena, text, pass.event_id, pass.user_id, &read);

	assert(state == (ends_s > clock_unix_s() ? PASS_GOOD : PASS_ENDED));
	assert(state != PASS_GOOD || (read.ends_s == ends_s && read.score == pass.score));
	assert(pass_check(arena, text, pass.event_id ^ 1, pass.user_id, &read) == PASS_WRONG);
	text = change(text, where);
	state = pass_check(arena, text, pass.event_id, pass.user_id, &read);
	assert(state == (*text ? PASS_WRONG : PASS_NONE));
}

static void
check_cursor(const char *place, uint64_t where)
{
	const char *cursor = cursor_make(arena, "events", place);

	assert(!*place || str_equal(cursor_read(arena, "events", cursor), place));
	assert(!cursor_read(arena, "bookings", cursor));
	assert(!cursor_read(arena, "events", change(cursor, where)));
}

/* Nobody makes one up. */
static void
check_forged(const char *text)
{
	struct ticket ticket;
	struct pass pass;
	int64_t at, event;

	assert(!ticket_read(arena, text, &ticket));
	assert(pass_check(arena, text, 1, "", &pass) == (*text ? PASS_WRONG : PASS_NONE));
	assert(!cursor_read(arena, "events", text));
	assert(!cursor_read_event(arena, "events", text, &at, &event));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct ticket ticket = { .line = "" };
	uint64_t where;
	int64_t ends_s;
	char *text;

	fuzz_begin();
	prepare();
	ticket.event_id = (int32_t)(fuzz_int(&in) & INT32_MAX) | 2;
	ticket.score = (fuzz_int(&in) & ((INT64_C(1) << 53) - 1)) | 1;
	where = (uint64_t)fuzz_int(&in);
	ticket.user_id = arena_printf(
		arena, "%08" PRIx64 "-3a52-4d1c-9f7e-2d6a1b3c4d5e", where & UINT32_MAX);
	ends_s = (int64_t)((uint64_t)fuzz_int(&in) % (INT64_MAX / 1000)) + 1;
	text = fuzz_text(&in);
	check_forged(text);
	if (ticket_line_is_name(text))
		ticket.line = text;
	check_ticket(&ticket, where);
	check_pass(&ticket, ends_s, where);
	if (strlen(text) <= 255)
		check_cursor(text, where);
	return 0;
}
