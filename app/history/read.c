/*
 * A history out of its file into memory.
 */
#include "base/str.h"
#include "history/history.h"

#define READ_ROUND 1024 /* calls from one look at the clock to the next */

const char *const booking_status_names[BOOKING_STATUSES] = {
	[BOOKING_NONE] = "none",
	[BOOKING_HOLD] = "HOLD",
	[BOOKING_RESERVED] = "RESERVED",
	[BOOKING_CONFIRMED] = "CONFIRMED",
	[BOOKING_EXPIRED] = "EXPIRED",
	[BOOKING_RELEASED] = "RELEASED",
	[BOOKING_CANCELLED] = "CANCELLED",
	[BOOKING_REFUNDED] = "REFUNDED",
	[BOOKING_PAID_UNFULFILLED] = "PAID_UNFULFILLED",
};

enum booking_status
booking_status_of(const char *name)
{
	for (int status = BOOKING_HOLD; name && status < BOOKING_STATUSES; status++) {
		if (strcmp(name, booking_status_names[status]) == 0)
			return (enum booking_status)status;
	}
	return BOOKING_NONE;
}

uint32_t
history_booking(struct history *h, const char *booking)
{
	uint32_t number = names_add(&h->bookings, booking);

	h->booking =
		grow_array(h->booking, sizeof(*h->booking), &h->booking_room, (size_t)number + 1);
	return number;
}

uint32_t
history_place(struct history *h, bool is_section, const char *name)
{
	char text[RECORD_TEXT_MAX + 16];
	uint32_t number;

	/* Kept with what it is: a seat may be called as a section is. */
	snprintf(text, sizeof(text), "%s %s", is_section ? "section" : "seat", name);
	number = names_add(&h->places, text);
	h->resource = grow_array(
		h->resource, sizeof(*h->resource), &h->resource_room, (size_t)number + 1);
	h->resource[number].is_section = is_section;
	if (is_section)
		h->resource[number].section = number;
	return number;
}

uint32_t
history_key(struct history *h, enum record_op op, uint32_t user, const char *key)
{
	char text[RECORD_TEXT_MAX + 40];
	uint32_t number;

	if (!key)
		return 0;
	snprintf(text, sizeof(text), "%s %u %s", record_op_names[op], user, key);
	number = names_add(&h->keys, text);
	h->key = grow_array(h->key, sizeof(*h->key), &h->key_room, (size_t)number + 1);
	return number;
}

struct span
history_span(const struct history *h)
{
	return (struct span){ .at = (uint32_t)h->pool_count };
}

void
history_add_place(struct history *h, struct span *span, uint32_t number, int64_t quantity)
{
	assert(h->pool_count < UINT32_MAX && span->at + span->count == h->pool_count);
	h->pool = grow_array(h->pool, sizeof(*h->pool), &h->pool_room, h->pool_count + 1);
	h->pool[h->pool_count++] = (struct place){
		.number = number,
		.quantity = quantity < UINT32_MAX ? (uint32_t)quantity : UINT32_MAX,
	};
	span->count++;
}

/* The finalizer of splitmix64 (Steele, Lea, Flood): the sum of these does not mind the order. */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

uint64_t
history_hash(const struct history *h, struct span span)
{
	uint64_t hash = 0;

	for (uint32_t i = 0; i < span.count; i++) {
		const struct place *place = &h->pool[span.at + i];

		hash += mix((uint64_t)place->number << 32 | place->quantity);
	}
	return hash;
}

int64_t
history_quantity(const struct history *h, struct span span)
{
	int64_t quantity = 0;

	for (uint32_t i = 0; i < span.count; i++)
		quantity += h->pool[span.at + i].quantity;
	return quantity;
}

static struct span
keep_seats(struct history *h, const char *const *seats, size_t count)
{
	struct span span = history_span(h);

	for (size_t i = 0; i < count; i++)
		history_add_place(h, &span, history_place(h, false, seats[i]), 1);
	return span;
}

static struct span
keep_places(struct history *h, const struct record_places *places)
{
	struct span span = keep_seats(h, places->seats, places->seats_count);

	for (size_t i = 0; i < places->parts_count; i++)
		history_add_place(h, &span, history_place(h, true, places->parts[i].section),
			places->parts[i].quantity);
	return span;
}

static enum refusal
refusal_of(const char *problem)
{
	static const char *const slugs[REFUSAL_OTHER] = {
		[REFUSAL_SEATS] = "seats-unavailable",
		[REFUSAL_SOLD_OUT] = "sold-out",
		[REFUSAL_LIMIT] = "limit-exceeded",
		[REFUSAL_EXPIRED] = "hold-expired",
		[REFUSAL_STATE] = "wrong-state",
		[REFUSAL_CLOSED] = "sales-closed",
		[REFUSAL_PAYING] = "payment-in-progress",
		[REFUSAL_UNPAID] = "payment-required",
		[REFUSAL_BUSY] = "busy",
		[REFUSAL_IN_FLIGHT] = "idempotency-in-flight",
		[REFUSAL_KEY_REUSED] = "idempotency-key-reused",
		[REFUSAL_ROOM] = "queue-required",
	};

	if (!problem)
		return REFUSAL_NONE;
	for (int refusal = REFUSAL_NONE + 1; refusal < REFUSAL_OTHER; refusal++) {
		if (strcmp(problem, slugs[refusal]) == 0)
			return (enum refusal)refusal;
	}
	return REFUSAL_OTHER;
}

static uint32_t
position_of(const struct record_call *record)
{
	int64_t position = record->got.position;

	if (position <= 0) /* or absent */
		return 0;
	return position < UINT32_MAX ? (uint32_t)position : UINT32_MAX;
}

/* Of a booking, or of whoever stands in line: what was served there is held. */
static enum booking_status
shown_as(const struct record_call *record)
{
	const char *status = record->got.status;

	if (record->op != RECORD_POLL || !status)
		return booking_status_of(status);
	if (strcmp(status, "reserved") == 0)
		return BOOKING_HOLD;
	return strcmp(status, "confirmed") == 0 ? BOOKING_CONFIRMED : BOOKING_NONE;
}

static void
keep_call(struct history *h, const struct record_call *record)
{
	uint32_t user = names_add(&h->users, record->user);
	size_t pool_count;
	struct span got;
	struct call *call;

	h->calls = grow_array(h->calls, sizeof(*h->calls), &h->calls_room, h->calls_count + 1);
	call = &h->calls[h->calls_count++];
	*call = (struct call){
		.sent_us = record->sent_us,
		.done_us = record->done_us,
		.expires_us = record->got.expires_us,
		.version = record->got.version,
		.user = user,
		.key = history_key(h, record->op, user, record->key),
		.asked_booking = history_booking(h, record->asked.booking),
		.got_booking = history_booking(h, record->got.booking),
		.status = (uint16_t)record->status,
		.op = (uint8_t)record->op,
		.refusal = (uint8_t)refusal_of(record->problem),
		.shown = (uint8_t)shown_as(record),
		.token = names_add(&h->tokens, record->asked.token),
		.position = position_of(record),
		.replayed = record->got.replayed,
	};
	call->asked = keep_places(h, &record->asked.places);
	call->lost = keep_seats(h, record->got.lost, record->got.lost_count);
	/* What was answered is only compared: what it adds up to is enough. */
	pool_count = h->pool_count;
	got = keep_places(h, &record->got.places);
	call->got_hash = history_hash(h, got);
	h->pool_count = pool_count;
}

bool
history_read(struct history *h, const char *path, const char **fault)
{
	static char why[400];
	struct record_reader *reader;
	struct record_call record;
	enum record_line line;

	h->arena = arena_new();
	names_init(&h->users, h->arena);
	names_init(&h->keys, h->arena);
	names_init(&h->bookings, h->arena);
	names_init(&h->places, h->arena);
	names_init(&h->tokens, h->arena);
	reader = record_open(path, &h->head, fault);
	if (!reader)
		return false;
	h->head.scenario = arena_strdup(h->arena, h->head.scenario);
	h->head.event = arena_strdup(h->arena, h->head.event);
	h->head.url = arena_strdup(h->arena, h->head.url);
	h->head.version = arena_strdup(h->arena, h->head.version);
	while ((line = record_next(reader, &record)) == RECORD_LINE_CALL) {
		keep_call(h, &record);
		if (h->calls_count % READ_ROUND == 0)
			progress_show("bytes read", record_bytes(reader), record_size(reader));
	}
	h->end_us = record_end_us(reader);
	snprintf(why, sizeof(why), "%s", record_fault(reader));
	*fault = why;
	record_close(reader);
	return line == RECORD_LINE_END;
}

void
history_release(struct history *h)
{
	names_release(&h->users);
	names_release(&h->keys);
	names_release(&h->bookings);
	names_release(&h->places);
	names_release(&h->tokens);
	free(h->calls);
	free(h->pool);
	free(h->booking);
	free(h->resource);
	free(h->key);
	free(h->ends);
	lines_release(h);
	arena_free(h->arena);
}
