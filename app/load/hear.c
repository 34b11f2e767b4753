/*
 * What answers say, and what a buyer makes of it.
 */
#include "load/crowd.h"

#include <inttypes.h>

#include "base/id.h"

/* ---- reading --------------------------------------------------------------------------------- */

/* The items of a booking, as places. False: they cannot be read. */
static bool
read_items(struct arena *arena, const struct json *booking, struct record_places *places)
{
	const struct json *items = ask_list(booking, "items");
	size_t count = items ? json_length(items) : 0;
	struct record_part *parts = ARENA_ARRAY(arena, struct record_part, count);
	const char **seats = ARENA_ARRAY(arena, const char *, count);

	for (size_t i = 0; i < count; i++) {
		const struct json *item = json_at(items, i);
		const char *section, *seat;

		if (json_kind(item) != JSON_OBJECT)
			return false;
		section = ask_id(item, "section_id");
		seat = ask_id(item, "seat_id");
		if (seat)
			seats[places->seats_count++] = seat;
		else if (section)
			parts[places->parts_count++] =
				(struct record_part){ section, ask_int(item, "quantity", 0) };
		else
			return false;
	}
	places->seats = seats;
	places->parts = parts;
	return count > 0;
}

static int64_t
read_time(const struct json *object, const char *name)
{
	const char *text = ask_text(object, name);
	int64_t us;

	return text && record_time(text, &us) ? us : RECORD_ABSENT;
}

static void
read_booking(const struct buyer *b, struct heard *heard)
{
	struct record_call *record = &heard->record;

	record->got.booking = ask_id(heard->json, "booking_id");
	record->got.status = ask_id(heard->json, "status");
	record->got.expires_us = read_time(heard->json, "expires_at");
	heard->made_us = read_time(heard->json, "created_at");
	heard->confirmed_us = read_time(heard->json, "confirmed_at");
	heard->unreadable =
		!record->got.booking || !record->got.status ||
		strlen(record->got.booking) >= CROWD_BOOKING ||
		!read_items(b->crowd->arena, heard->json, &record->got.places) ||
		(b->call.op == RECORD_HOLD && (heard->made_us == RECORD_ABSENT ||
						      record->got.expires_us == RECORD_ABSENT));
}

/* The seats that a refusal names. */
static void
read_refusal(struct arena *arena, struct heard *heard)
{
	const struct json *seats = ask_list(heard->json, "seat_ids");
	size_t count = seats ? json_length(seats) : 0;
	const char **lost = ARENA_ARRAY(arena, const char *, count);

	for (size_t i = 0; i < count; i++) {
		const struct json *seat = json_at(seats, i);

		if (json_kind(seat) == JSON_STRING)
			lost[heard->record.got.lost_count++] = json_string(seat);
	}
	heard->record.got.lost = lost;
	heard->record.got.available = ask_int(heard->json, "available", RECORD_ABSENT);
}

static void
read_map(struct buyer *b, struct heard *heard)
{
	heard->unreadable = !picture_read(&b->picture, b->crowd->stage.seats_count, heard->json);
	if (heard->unreadable)
		return;
	heard->record.got.version = b->picture.version;
	heard->record.got.free = (int64_t)b->picture.free_count;
	b->sold_out = picture_is_sold_out(&b->picture, b->crowd->stage.seats_count);
}

static void
read_availability(struct buyer *b, struct heard *heard)
{
	const struct json *sections = ask_list(heard->json, "sections");
	int64_t left = 0, sold = 0, all = 0;

	for (size_t i = 0; sections && i < json_length(sections); i++) {
		const struct json *section = json_at(sections, i);

		if (json_kind(section) != JSON_OBJECT)
			continue;
		left += ask_int(section, "available", 0);
		sold += ask_int(section, "sold", 0);
		all += ask_int(section, "capacity", 0);
	}
	heard->record.got.version = ask_int(heard->json, "version", RECORD_ABSENT);
	heard->record.got.free = left;
	heard->unreadable = !sections || heard->record.got.version == RECORD_ABSENT;
	b->sold_out = sections && sold == all;
}

static void
read_place(struct heard *heard)
{
	const char *status = ask_id(heard->json, "status");

	heard->record.got.status = status;
	heard->record.got.position = ask_int(heard->json, "position", RECORD_ABSENT);
	heard->record.got.booking = ask_id(heard->json, "booking_id");
	heard->record.got.expires_us = read_time(heard->json, "expires_at");
	heard->unreadable =
		!status || (str_equal(status, "reserved") &&
				   (!heard->record.got.booking ||
					   strlen(heard->record.got.booking) >= CROWD_BOOKING));
}

/* What was asked, for the history. */
static void
write_asked(const struct buyer *b, struct record_call *record)
{
	struct arena *arena = b->crowd->arena;
	struct record_part *part;
	const char **seats;

	switch (b->call.op) {
	case RECORD_HOLD:
	case RECORD_JOIN:
		if (b->section) {
			part = ARENA_NEW(arena, struct record_part);
			*part = (struct record_part){ b->section->id, b->quantity };
			record->asked.places.parts = part;
			record->asked.places.parts_count = 1;
			break;
		}
		seats = ARENA_ARRAY(arena, const char *, b->seats_count);
		for (size_t i = 0; i < b->seats_count; i++)
			seats[i] = b->crowd->stage.seats[b->seats[i]].id;
		record->asked.places.seats = seats;
		record->asked.places.seats_count = b->seats_count;
		break;
	case RECORD_CONFIRM:
	case RECORD_RELEASE:
	case RECORD_CANCEL:
		record->asked.booking = b->booking;
		break;
	case RECORD_POLL:
	case RECORD_LEAVE:
		record->asked.token = b->ticket_mark;
		break;
	default:
		break;
	}
}

static void
read_body(struct buyer *b, struct heard *heard)
{
	switch (b->call.op) {
	case RECORD_HOLD:
	case RECORD_CONFIRM:
	case RECORD_RELEASE:
	case RECORD_CANCEL:
		read_booking(b, heard);
		break;
	case RECORD_MAP:
		read_map(b, heard);
		break;
	case RECORD_AVAILABILITY:
		read_availability(b, heard);
		break;
	case RECORD_JOIN:
		heard->unreadable = !ask_id(heard->json, "token") ||
				    strlen(ask_id(heard->json, "token")) >= CROWD_TICKET;
		heard->record.got.position = ask_int(heard->json, "position", RECORD_ABSENT);
		break;
	case RECORD_POLL:
		read_place(heard);
		break;
	default:
		break;
	}
}

void
hear_read(struct buyer *b, struct heard *heard)
{
	struct crowd *crowd = b->crowd;
	const struct wire *wire = &b->wire;
	const char *detail;

	*heard = (struct heard){ .status = wire->lost ? 0 : wire->answer.status,
		.made_us = RECORD_ABSENT,
		.confirmed_us = RECORD_ABSENT };
	heard->record = (struct record_call){
		.buyer = b->number,
		.user = *b->account->user ? b->account->user : NULL,
		.op = b->call.op,
		.due_us = b->call.due_us + crowd->anchor_us,
		.sent_us = wire->sent_us + crowd->anchor_us,
		.done_us = wire->done_us + crowd->anchor_us,
		.key = *b->call.key ? b->call.key : NULL,
		.status = heard->status,
		.got = { .expires_us = RECORD_ABSENT,
			.position = RECORD_ABSENT,
			.available = RECORD_ABSENT,
			.version = RECORD_ABSENT,
			.free = RECORD_ABSENT },
	};
	write_asked(b, &heard->record);
	if (heard->status == 0)
		return;
	heard->replayed = heard->record.got.replayed = wire->answer.replayed;
	if (wire->answer.body_len > 0)
		heard->json =
			json_parse(crowd->arena, wire->answer.body, wire->answer.body_len, &detail);
	if (heard->json && json_kind(heard->json) != JSON_OBJECT)
		heard->json = NULL;
	if (heard->status >= 400) {
		heard->problem = heard->record.problem = ask_problem(heard->json);
		heard->unreadable = !heard->json;
		if (b->call.op == RECORD_HOLD)
			read_refusal(crowd->arena, heard);
	} else if (heard->json) {
		read_body(b, heard);
	} else {
		heard->unreadable = heard->status != 204;
	}
}

/* ---- taking ---------------------------------------------------------------------------------- */

static void
count(const struct buyer *b, enum measure measure)
{
	b->crowd->tally->counts[measure]++;
}

/* Whether a booking has just what the buyer picked. */
static bool
is_what_was_asked(const struct buyer *b, const struct record_places *places)
{
	size_t same = 0;

	if (b->section && b->section->seated) /* which the line has chosen */
		return places->parts_count == 0 && (int64_t)places->seats_count == b->quantity;
	if (b->section)
		return places->seats_count == 0 && places->parts_count == 1 &&
		       places->parts[0].quantity == b->quantity;
	for (size_t i = 0; i < places->seats_count; i++) {
		for (size_t n = 0; n < b->seats_count; n++)
			same += str_equal(places->seats[i], b->crowd->stage.seats[b->seats[n]].id);
	}
	return places->parts_count == 0 && places->seats_count == b->seats_count &&
	       same == b->seats_count;
}

/*
 * A replay must be the first answer, byte for byte; after a crash, of what it cannot have undone.
 */
static void
take_replay(struct buyer *b, const struct heard *heard)
{
	bool undone =
		b->crowd->crash && (b->call.op == RECORD_HOLD || b->call.op == RECORD_RELEASE);

	count(b, MEASURE_REPLAYS);
	if (!undone && (heard->status != b->call.first_status ||
			       tally_mark(b->wire.answer.body, b->wire.answer.body_len) !=
				       b->call.first_answer))
		count(b, MEASURE_DIFFERENT);
	buyer_go_on(b, b->wire.done_us);
}

static void
take_hold(struct buyer *b, const struct heard *heard)
{
	const struct record_call *record = &heard->record;
	struct crowd *crowd = b->crowd;

	if (heard->status == 409) {
		count(b, MEASURE_REFUSED);
		for (size_t i = 0; i < record->got.lost_count; i++) {
			for (size_t n = 0; n < b->seats_count; n++) {
				if (str_equal(record->got.lost[i],
					    crowd->stage.seats[b->seats[n]].id))
					picture_lost(&b->picture, (size_t)b->seats[n]);
			}
		}
	}
	if (heard->status >= 300 || heard->unreadable) {
		buyer_end_round(b);
		return;
	}
	if (!is_what_was_asked(b, &record->got.places))
		count(b, MEASURE_PARTIAL);
	count(b, heard->status == 201 ? MEASURE_HOLDS : MEASURE_HELD_ALREADY);
	snprintf(b->booking, sizeof(b->booking), "%s", record->got.booking);
	b->held = HELD_HOLD;
	b->expires_us = record->got.expires_us;
	if (heard->status == 201 && !heard->replayed)
		tally_clock(crowd->tally, heard->made_us, record->done_us);
	for (size_t i = 0; heard->status == 201 && i < b->seats_count; i++)
		tally_own(crowd->tally, (size_t)b->seats[i], b->booking, heard->made_us,
			b->expires_us);
	buyer_go_on(b, b->wire.done_us);
}

static void
take_confirm(struct buyer *b, const struct heard *heard)
{
	bool done = heard->status == 200 && !heard->unreadable;

	b->held = done ? HELD_CONFIRMED : HELD_NOTHING;
	if (done) {
		count(b, MEASURE_CONFIRMS);
		if (!b->has_confirmed)
			count(b, MEASURE_BUYERS);
		b->has_confirmed = true;
		if (!is_what_was_asked(b, &heard->record.got.places))
			count(b, MEASURE_PARTIAL);
		if (b->expires_us != RECORD_ABSENT && heard->confirmed_us > b->expires_us)
			count(b, MEASURE_LATE);
		for (size_t i = 0; i < b->seats_count; i++)
			tally_keep(b->crowd->tally, (size_t)b->seats[i], b->booking);
	}
	buyer_go_on(b, b->wire.done_us);
}

static void
poll_in_time(struct buyer *b)
{
	call_begin(b, RECORD_POLL, b->timer.due_us);
}

static void
poll_later(struct buyer *b, const struct heard *heard)
{
	int64_t wait_s = ask_int(heard->json, "poll_after_seconds", 2);

	if (b->crowd->over)
		buyer_leave(b);
	else
		buyer_wait(b, BUYER_IN_LINE, (wait_s > 0 && wait_s < 3600 ? wait_s : 2) * 1000000,
			poll_in_time);
}

static void
take_join(struct buyer *b, const struct heard *heard)
{
	unsigned char mark[ID_SHA256_BYTES];

	if (heard->status != 202 || heard->unreadable) {
		buyer_end_round(b);
		return;
	}
	snprintf(b->ticket, sizeof(b->ticket), "%s", ask_id(heard->json, "token"));
	/* Whoever stands there already keeps the number of the first time. */
	b->quantity = ask_int(heard->json, "quantity", b->quantity);
	id_sha256(b->ticket, strlen(b->ticket), mark);
	id_hex(mark, (sizeof(b->ticket_mark) - 1) / 2, b->ticket_mark);
	poll_later(b, heard);
}

static void
take_place(struct buyer *b, const struct heard *heard)
{
	const char *status = heard->status == 200 ? heard->record.got.status : NULL;

	if (!status || heard->unreadable) {
		buyer_end_round(b);
	} else if (str_equal(status, "reserved")) {
		count(b, MEASURE_SERVED);
		snprintf(b->booking, sizeof(b->booking), "%s", heard->record.got.booking);
		b->held = HELD_HOLD;
		b->expires_us = heard->record.got.expires_us;
		buyer_go_on(b, b->wire.done_us);
	} else if (str_equal(status, "waiting")) {
		poll_later(b, heard);
	} else if (str_equal(status, "sold_out")) {
		b->sold_out = true;
		call_begin(b, RECORD_LEAVE, b->wire.done_us);
	} else {
		buyer_end_round(b);
	}
}

void
hear_take(struct buyer *b, const struct heard *heard)
{
	if (b->call.again) {
		take_replay(b, heard);
		return;
	}
	b->call.first_status = heard->status;
	b->call.first_answer = tally_mark(b->wire.answer.body, b->wire.answer.body_len);
	switch (b->call.op) {
	case RECORD_HOLD:
		take_hold(b, heard);
		break;
	case RECORD_CONFIRM:
		take_confirm(b, heard);
		break;
	case RECORD_RELEASE:
	case RECORD_CANCEL:
		if (heard->status == 200)
			count(b, b->call.op == RECORD_CANCEL ? MEASURE_CANCELS : MEASURE_RELEASES);
		b->held = HELD_NOTHING;
		buyer_go_on(b, b->wire.done_us);
		break;
	case RECORD_JOIN:
		take_join(b, heard);
		break;
	case RECORD_POLL:
		take_place(b, heard);
		break;
	case RECORD_LEAVE:
		buyer_end_round(b);
		break;
	default:
		buyer_go_on(b, b->wire.done_us);
	}
}
