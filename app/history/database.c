/*
 * What the database holds of the history's event: its places, its bookings, the keys kept.
 *
 * All in one snapshot, in pages, so that a sale of a million bookings needs no more memory at once
 * than what is kept of it.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/str.h"
#include "history/history.h"
#include "queries.h"

#define PAGE      10000
#define BUDGET_US INT64_C(600000000) /* of each question: the statement timeout of the role */

static const char nobody[] = "00000000-0000-0000-0000-000000000000";

struct reading {
	struct history *h;
	struct pg *pg;
	struct arena *arena; /* of a page */
	struct problem_why why;
	int64_t event;
	uint32_t *seats; /* place by position */
	size_t seats_room, seats_count;
	uint32_t *sections; /* place by section_no */
	size_t sections_room, sections_count;
	enum problem err;
};

static int64_t
next_deadline(struct reading *r)
{
	arena_reset(r->arena);
	return clock_monotonic_us() + BUDGET_US;
}

static int64_t
time_of(const struct pg_rows *rows, int row, int column)
{
	return pg_text(rows, row, column) ? pg_int(rows, row, column) : RECORD_ABSENT;
}

/* ---- places ---------------------------------------------------------------------------------- */

static bool
read_sections(struct reading *r)
{
	struct history *h = r->h;
	struct pg_rows rows;

	r->err =
		query_history_sections(r->pg, r->arena, next_deadline(r), &r->why, &rows, r->event);
	for (int i = 0; !r->err && i < rows.count; i++) {
		size_t number = (size_t)pg_int(&rows, i, HISTORY_SECTIONS_SECTION_NO);
		uint32_t place =
			history_place(h, true, pg_text(&rows, i, HISTORY_SECTIONS_SECTION_ID));

		r->sections = grow_array(
			r->sections, sizeof(*r->sections), &r->sections_room, number + 1);
		r->sections[number] = place;
		if (r->sections_count <= number)
			r->sections_count = number + 1;
		h->resource[place].known = pg_bool(&rows, i, HISTORY_SECTIONS_IS_GA);
		h->resource[place].capacity = pg_int(&rows, i, HISTORY_SECTIONS_CAPACITY);
		h->resource[place].epoch = pg_int(&rows, i, HISTORY_SECTIONS_EPOCH);
		h->resource[place].begun_us = pg_int(&rows, i, HISTORY_SECTIONS_BEGUN_US);
		h->now_us = pg_int(&rows, i, HISTORY_SECTIONS_NOW_US);
		h->sales_start_us = pg_int(&rows, i, HISTORY_SECTIONS_SALES_START_US);
		h->sales_end_us = pg_int(&rows, i, HISTORY_SECTIONS_SALES_END_US);
		h->paid = pg_bool(&rows, i, HISTORY_SECTIONS_PAID);
		h->room = pg_bool(&rows, i, HISTORY_SECTIONS_ROOM);
		h->wait_us = pg_int(&rows, i, HISTORY_SECTIONS_WAIT_US);
		if (i == 0)
			h->event_status = arena_strdup(
				h->arena, pg_text(&rows, i, HISTORY_SECTIONS_EVENT_STATUS));
		if (pg_text(&rows, i, HISTORY_SECTIONS_MAX_PER_USER))
			h->max_per_user = pg_int(&rows, i, HISTORY_SECTIONS_MAX_PER_USER);
	}
	return !r->err && rows.count > 0;
}

static bool
read_seats(struct reading *r)
{
	struct history *h = r->h;
	struct pg_rows rows;

	do {
		r->err = query_history_seats(r->pg, r->arena, next_deadline(r), &r->why, &rows,
			r->event, (int64_t)r->seats_count - 1, PAGE);
		for (int i = 0; !r->err && i < rows.count; i++) {
			size_t position = (size_t)pg_int(&rows, i, HISTORY_SEATS_POSITION);
			size_t section = (size_t)pg_int(&rows, i, HISTORY_SEATS_SECTION_NO);
			uint32_t place =
				history_place(h, false, pg_text(&rows, i, HISTORY_SEATS_SEAT_ID));

			r->seats = grow_array(
				r->seats, sizeof(*r->seats), &r->seats_room, position + 1);
			r->seats[position] = place;
			r->seats_count = position + 1;
			h->resource[place] = (struct resource){
				.known = true,
				.capacity = 1,
				.section = section < r->sections_count ? r->sections[section] : 0,
				.killed = pg_bool(&rows, i, HISTORY_SEATS_KILLED),
			};
		}
	} while (!r->err && rows.count == PAGE);
	return !r->err;
}

/* ---- bookings -------------------------------------------------------------------------------- */

/* The place that a number of the database stands for. */
static uint32_t
numbered(const uint32_t *places, size_t count, const char *text)
{
	int64_t at;

	if (!text || !str_to_int(text, 0, (int64_t)count - 1, &at))
		return 0;
	return places[at];
}

static struct span
read_items(struct reading *r, const struct pg_rows *rows, int row)
{
	struct span span = history_span(r->h);
	const char **items, **quantities;
	int64_t quantity;
	size_t count;

	count = pg_array_read(r->arena, pg_text(rows, row, HISTORY_BOOKINGS_POSITIONS), &items);
	for (size_t i = 0; i < count; i++)
		history_add_place(r->h, &span, numbered(r->seats, r->seats_count, items[i]), 1);
	count = pg_array_read(r->arena, pg_text(rows, row, HISTORY_BOOKINGS_SECTION_NOS), &items);
	if (pg_array_read(r->arena, pg_text(rows, row, HISTORY_BOOKINGS_QUANTITIES), &quantities) !=
		count)
		return span;
	for (size_t i = 0; i < count; i++) {
		if (str_to_int(quantities[i], 0, INT32_MAX, &quantity))
			history_add_place(r->h, &span,
				numbered(r->sections, r->sections_count, items[i]), quantity);
	}
	return span;
}

static void
keep_booking(struct reading *r, const struct pg_rows *rows, int row)
{
	struct history *h = r->h;
	uint32_t number = history_booking(h, pg_text(rows, row, HISTORY_BOOKINGS_BOOKING_ID));
	struct booking *b = &h->booking[number];
	const char *lacks = pg_text(rows, row, HISTORY_BOOKINGS_LACKS);

	*b = (struct booking){
		.stored = true,
		.late = pg_bool(rows, row, HISTORY_BOOKINGS_LATE),
		.served = pg_bool(rows, row, HISTORY_BOOKINGS_SERVED),
		.parted = pg_bool(rows, row, HISTORY_BOOKINGS_PARTED),
		.free = pg_bool(rows, row, HISTORY_BOOKINGS_FREE),
		.status = (uint8_t)booking_status_of(pg_text(rows, row, HISTORY_BOOKINGS_STATUS)),
		.user = names_add(&h->users, pg_text(rows, row, HISTORY_BOOKINGS_USER_ID)),
		.created_us = pg_int(rows, row, HISTORY_BOOKINGS_CREATED_US),
		.expires_us = pg_int(rows, row, HISTORY_BOOKINGS_EXPIRES_US),
		.confirmed_us = time_of(rows, row, HISTORY_BOOKINGS_CONFIRMED_US),
		.ended_us = time_of(rows, row, HISTORY_BOOKINGS_ENDED_US),
		.cancelled_us = time_of(rows, row, HISTORY_BOOKINGS_CANCELLED_US),
		.lacks = lacks ? arena_strdup(h->arena, lacks) : NULL,
	};
	b->places = read_items(r, rows, row);
	b->key = history_key(h, RECORD_HOLD, b->user, pg_text(rows, row, HISTORY_BOOKINGS_KEY));
	if (b->key && h->key[b->key].stored)
		h->key[b->key].another = number;
	else if (b->key)
		h->key[b->key].stored = number;
}

static bool
read_bookings(struct reading *r)
{
	char after[ID_UUID_TEXT] = "";
	struct pg_rows rows;
	int64_t done = 0;

	snprintf(after, sizeof(after), "%s", nobody);
	do {
		r->err = query_history_bookings(
			r->pg, r->arena, next_deadline(r), &r->why, &rows, r->event, after, PAGE);
		for (int i = 0; !r->err && i < rows.count; i++) {
			keep_booking(r, &rows, i);
			snprintf(after, sizeof(after), "%s",
				pg_text(&rows, i, HISTORY_BOOKINGS_BOOKING_ID));
		}
		done += r->err ? 0 : rows.count;
		progress_show("bookings compared", done, 0);
	} while (!r->err && rows.count == PAGE);
	return !r->err;
}

/* ---- places in line -------------------------------------------------------------------------- */

static void
keep_ticket(struct history *h, const struct pg_rows *rows, int row)
{
	const char *outcome = pg_text(rows, row, HISTORY_TICKETS_OUTCOME);

	h->ends = grow_array(h->ends, sizeof(*h->ends), &h->ends_room, h->ends_count + 1);
	h->ends[h->ends_count++] = (struct ticket_end){
		.section = history_place(h, true, pg_text(rows, row, HISTORY_TICKETS_SECTION_ID)),
		.user = names_add(&h->users, pg_text(rows, row, HISTORY_TICKETS_USER_ID)),
		.booking = history_booking(h, pg_text(rows, row, HISTORY_TICKETS_BOOKING_ID)),
		.outcome = str_equal(outcome, "reserved")  ? TICKET_RESERVED
			   : str_equal(outcome, "refused") ? TICKET_REFUSED
							   : TICKET_LEFT,
		.epoch = pg_int(rows, row, HISTORY_TICKETS_EPOCH),
		.ended_us = pg_int(rows, row, HISTORY_TICKETS_ENDED_US),
	};
}

static bool
read_tickets(struct reading *r)
{
	struct arena *last = arena_new();
	int64_t epoch = 0, number = 0;
	const char *line = "";
	struct pg_rows rows;

	do {
		r->err = query_history_tickets(r->pg, r->arena, next_deadline(r), &r->why, &rows,
			r->event, line, epoch, number, PAGE);
		for (int i = 0; !r->err && i < rows.count; i++)
			keep_ticket(r->h, &rows, i);
		if (!r->err && rows.count == PAGE) {
			arena_reset(last);
			line = arena_strdup(
				last, pg_text(&rows, PAGE - 1, HISTORY_TICKETS_SECTION_ID));
			epoch = pg_int(&rows, PAGE - 1, HISTORY_TICKETS_EPOCH);
			number = pg_int(&rows, PAGE - 1, HISTORY_TICKETS_NUMBER);
		}
	} while (!r->err && rows.count == PAGE);
	arena_free(last);
	return !r->err;
}

/* ---- kept answers ---------------------------------------------------------------------------- */

static void
keep_answer(struct history *h, const char *user, const char *operation, const char *key,
	const char *booking)
{
	uint32_t number;

	for (int op = RECORD_CONFIRM; op <= RECORD_CANCEL; op++) {
		if (strcmp(operation, record_op_names[op]) != 0)
			continue;
		number = history_key(h, (enum record_op)op, names_add(&h->users, user), key);
		h->key[number].stored = booking ? history_booking(h, booking) : UINT32_MAX;
	}
}

static bool
read_answers(struct reading *r)
{
	struct arena *last = arena_new();
	const char *user = nobody, *operation = "", *key = "";
	struct pg_rows rows;

	do {
		r->err = query_history_answers(r->pg, r->arena, next_deadline(r), &r->why, &rows,
			r->event, user, operation, key, PAGE);
		for (int i = 0; !r->err && i < rows.count; i++)
			keep_answer(r->h, pg_text(&rows, i, HISTORY_ANSWERS_USER_ID),
				pg_text(&rows, i, HISTORY_ANSWERS_OPERATION),
				pg_text(&rows, i, HISTORY_ANSWERS_KEY),
				pg_text(&rows, i, HISTORY_ANSWERS_BOOKING_ID));
		if (!r->err && rows.count == PAGE) {
			arena_reset(last);
			user = arena_strdup(
				last, pg_text(&rows, PAGE - 1, HISTORY_ANSWERS_USER_ID));
			operation = arena_strdup(
				last, pg_text(&rows, PAGE - 1, HISTORY_ANSWERS_OPERATION));
			key = arena_strdup(last, pg_text(&rows, PAGE - 1, HISTORY_ANSWERS_KEY));
		}
	} while (!r->err && rows.count == PAGE);
	arena_free(last);
	return !r->err;
}

static bool
run(struct reading *r, const char *sql)
{
	struct pg_rows rows;

	r->err = pg_exec(r->pg, sql, r->arena, next_deadline(r), &r->why, &rows);
	return !r->err;
}

const char *
history_compare(struct history *h, struct pg *pg, int64_t default_per_user)
{
	static char said[300];
	struct reading r = { .h = h, .pg = pg, .arena = arena_new() };
	bool ok;

	h->max_per_user = default_per_user;
	if (!str_to_int(h->head.event, 1, INT32_MAX, &r.event)) {
		snprintf(said, sizeof(said), "line 1: this is no event's id");
		arena_free(r.arena);
		return said;
	}
	ok = run(&r, "begin isolation level repeatable read read only") && read_sections(&r) &&
	     read_seats(&r) && read_bookings(&r) && read_tickets(&r) && read_answers(&r) &&
	     run(&r, "commit");
	if (!ok && r.err)
		snprintf(said, sizeof(said), "the database cannot be asked: %s",
			r.why.detail ? r.why.detail : problem_rows[r.err].title);
	else if (!ok)
		snprintf(said, sizeof(said),
			"the database has no event %" PRId64 ": it is not the one of this history",
			r.event);
	free(r.seats);
	free(r.sections);
	arena_free(r.arena);
	return ok ? NULL : said;
}
