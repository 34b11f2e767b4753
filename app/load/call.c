/*
 * Requests of buyers, as often as it takes: whoever does not know what became of a request sends it
 * again under its key.
 */
#include "load/crowd.h"

#include <inttypes.h>

#include "base/clock.h"

#define TRIES_MAX 1000
#define WAIT_US   50000

/* ---- requests -------------------------------------------------------------------------------- */

static const char *
hold_body(const struct buyer *b)
{
	const struct stage *stage = &b->crowd->stage;
	struct str body;

	str_init(&body, b->crowd->arena);
	str_printf(&body, "{\"event_id\":\"%s\",", stage->event_id);
	if (b->section) {
		str_printf(&body, "\"section_id\":\"%s\",\"seats_requested\":%" PRId64 "}",
			b->section->id, b->quantity);
		return body.data;
	}
	str_add(&body, "\"seat_ids\":[");
	for (size_t i = 0; i < b->seats_count; i++)
		str_printf(&body, "%s\"%s\"", i > 0 ? "," : "", stage->seats[b->seats[i]].id);
	str_add(&body, "]}");
	return body.data;
}

static void
move_request(const struct buyer *b, const char *verb, struct request *out)
{
	struct arena *arena = b->crowd->arena;

	out->method = "POST";
	out->path = arena_printf(arena, "/bookings/%s/%s", b->booking, verb);
	out->body = "{}";
}

static void
line_request(const struct buyer *b, const char *path, struct request *out)
{
	out->method = "POST";
	out->path = path;
	out->body = arena_printf(b->crowd->arena, "{\"token\":\"%s\"}", b->ticket);
}

/* The request of the call under way, out of what the buyer has picked and holds. */
static void
request_of(const struct buyer *b, struct request *out)
{
	struct arena *arena = b->crowd->arena;
	const char *event = b->crowd->stage.event_id;

	*out = (struct request){ .method = "GET",
		.token = b->account->access,
		.key = *b->call.key ? b->call.key : NULL };
	switch (b->call.op) {
	case RECORD_MAP:
		out->path =
			b->picture.free
				? arena_printf(arena, "/events/%s/seatmap/status?since=%" PRId64,
					  event, b->picture.version)
				: arena_printf(arena, "/events/%s/seatmap/status", event);
		break;
	case RECORD_AVAILABILITY:
		out->path = arena_printf(arena, "/events/%s/availability", event);
		break;
	case RECORD_HOLD:
		out->method = "POST";
		out->path = "/bookings/hold";
		out->body = hold_body(b);
		break;
	case RECORD_CONFIRM:
		if (*b->ticket)
			line_request(b, "/reservation/confirm", out);
		else
			move_request(b, "confirm", out);
		break;
	case RECORD_RELEASE:
		move_request(b, "release", out);
		break;
	case RECORD_CANCEL:
		move_request(b, "cancel", out);
		break;
	case RECORD_JOIN:
		out->method = "POST";
		out->path = "/queue/join";
		out->body = arena_printf(arena,
			"{\"event_id\":\"%s\",\"section_id\":\"%s\",\"quantity\":%" PRId64 "}",
			event, b->section->id, b->quantity);
		break;
	case RECORD_POLL:
		out->path = "/reservation/status";
		out->ticket = b->ticket;
		break;
	default:
		assert(b->call.op == RECORD_LEAVE);
		line_request(b, "/queue/leave", out);
	}
}

/* From this moment on what is given back may be somebody else's. */
static void
give_back(const struct buyer *b)
{
	int64_t now_us = clock_monotonic_us() + b->crowd->anchor_us;

	for (size_t i = 0; i < b->seats_count; i++)
		tally_end(b->crowd->tally, (size_t)b->seats[i], b->booking, now_us);
}

static void
send_now(struct buyer *b)
{
	struct crowd *crowd = b->crowd;
	struct request request;
	struct str text;

	request_of(b, &request);
	str_init(&text, crowd->arena);
	request_write(&text, &crowd->target, &request);
	if (b->call.op == RECORD_RELEASE || b->call.op == RECORD_CANCEL)
		give_back(b);
	b->state = b->call.op == RECORD_POLL ? BUYER_IN_LINE : BUYER_CALLING;
	b->call.tries++;
	b->calls++;
	wire_send(&b->wire, text.data, text.len);
}

/* Sends it once the account is in force, whose own calls come before. */
static void
send_call(struct buyer *b)
{
	struct call call = b->call;
	int64_t now_s = (clock_monotonic_us() + b->crowd->anchor_us) / 1000000;

	if (account_next(b->account, now_s) == ACCOUNT_READY) {
		send_now(b);
		return;
	}
	b->pending = call;
	buyer_enter(b, call_resume);
}

void
call_resume(struct buyer *b)
{
	if (b->crowd->over) {
		buyer_leave(b);
		return;
	}
	b->call = b->pending;
	send_now(b);
}

static void
send_again(struct buyer *b)
{
	if (b->crowd->over) {
		buyer_leave(b);
		return;
	}
	/* Meant for when it was first due: what keeps a buyer away is not quick. */
	send_call(b);
}

void
call_begin(struct buyer *b, enum record_op op, int64_t due_us)
{
	struct crowd *crowd = b->crowd;

	b->call = (struct call){ .op = op, .due_us = due_us };
	if (op != RECORD_MAP && op != RECORD_AVAILABILITY && op != RECORD_POLL)
		snprintf(b->call.key, sizeof(b->call.key), "%016" PRIx64 "-%" PRId64 "-%" PRId64,
			crowd->run, b->number, ++crowd->keys);
	send_call(b);
}

void
call_repeat(struct buyer *b, int64_t due_us)
{
	b->call.again = true;
	b->call.tries = 0;
	b->call.due_us = due_us;
	send_call(b);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* Whether the outcome is not known yet, or the server asks to come again. */
static bool
is_passing(const struct heard *heard)
{
	return heard->status == 0 || heard->status == 429 ||
	       (heard->status >= 502 && heard->status <= 504) ||
	       (heard->status == 409 &&
		       (str_equal(heard->problem, "busy") ||
			       str_equal(heard->problem, "idempotency-in-flight")));
}

/* Answers that a buyer of a scenario can earn by what is asked here. */
static bool
is_expected(const struct crowd *crowd, enum record_op op, int status)
{
	/* A hold that the crash has undone is not there. */
	if (crowd->crash && status == 404 && (op == RECORD_CONFIRM || op == RECORD_RELEASE))
		return true;
	switch (op) {
	case RECORD_HOLD:
		return status == 200 || status == 201 || status == 409;
	case RECORD_CONFIRM:
	case RECORD_RELEASE:
		return status == 200 || status == 409 || status == 410;
	case RECORD_CANCEL:
		return status == 200 || status == 409;
	case RECORD_JOIN:
		return status == 202 || status == 409;
	case RECORD_LEAVE:
		return status == 204;
	default:
		return status == 200;
	}
}

static void
wait_and_repeat(struct buyer *b, const struct heard *heard)
{
	int64_t wait_us = WAIT_US + picture_chance(&b->random, 0, 4 * WAIT_US);

	if (heard->status != 0 && b->wire.answer.retry_after_s > 0)
		wait_us += b->wire.answer.retry_after_s * 1000000;
	if (b->call.tries >= TRIES_MAX || b->crowd->over)
		buyer_leave(b);
	else
		buyer_wait(b, BUYER_WAITING, wait_us, send_again);
}

void
call_done(struct buyer *b)
{
	struct crowd *crowd = b->crowd;
	struct heard heard;

	hear_read(b, &heard);
	tally_answer(crowd->tally, b->call.op, heard.status, b->wire.done_us - b->call.due_us);
	if (crowd->record)
		record_call(crowd->record, &heard.record);
	if (is_passing(&heard)) {
		wait_and_repeat(b, &heard);
		return;
	}
	/* A token may have been ended by a new run of the server: once. */
	if (heard.status == 401 && b->refusals++ == 0 && !crowd->over) {
		account_refused(b->account);
		send_call(b);
		return;
	}
	if (heard.status != 401)
		b->refusals = 0;
	if (heard.status < 500 &&
		(!is_expected(crowd, b->call.op, heard.status) || heard.unreadable))
		crowd->tally->counts[MEASURE_UNEXPECTED]++;
	hear_take(b, &heard);
}
