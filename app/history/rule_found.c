/*
 * Rule 1: what was answered is in the database, and what is in the database was asked for.
 *
 * Every booking that an answer told of is there, its buyer's, with its places, in the state that
 * the recorded moves lead to and with its claims; every account is there that was registered. And
 * of the recorded buyers no booking, and no end of one, came to be during the run that no recorded
 * call can have brought about: one that was answered, or one whose answer was lost.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "history/history.h"
#include "queries.h"

#define USERS_ROUND 10000
#define BUDGET_US   INT64_C(600000000)

/* ---- what was answered is there -------------------------------------------------------------- */

/* As what an answer of 2xx tells of a booking. */
static unsigned
answered_as(const struct call *call)
{
	switch ((enum record_op)call->op) {
	case RECORD_HOLD:
		return BOOKING_BIT(HOLD) | BOOKING_BIT(RESERVED);
	case RECORD_CONFIRM:
		return BOOKING_BIT(CONFIRMED);
	case RECORD_RELEASE:
		return BOOKING_BIT(RELEASED);
	case RECORD_CANCEL:
		/* Of a part of it the rest stands. */
		return BOOKING_BIT(CANCELLED) | BOOKING_BIT(REFUNDED) |
		       (call->asked.count > 0 ? BOOKING_BIT(CONFIRMED) : 0);
	default:
		return ~0u;
	}
}

/* An answer that tells nothing is no answer, and one of another state is another call's. */
static void
found_told(struct history *h, struct report *report, const struct call *call)
{
	const char *op = record_op_names[call->op];

	if (call->op < RECORD_HOLD || call->op > RECORD_CANCEL)
		return;
	if (call->got_booking == 0) {
		report_line(report, call_line(h, call));
		report_finding(
			report, 1, "%s was answered %d, and told of no booking", op, call->status);
	} else if (!(answered_as(call) & 1u << call->shown)) {
		report_line(report, call_line(h, call));
		report_finding(report, 1, "%s was answered %d with booking %s as %s", op,
			call->status, names_text(&h->bookings, call->got_booking),
			booking_status_names[call->shown]);
	}
}

/* Whether the answer tells of all that the booking was made of. */
static bool
shows_whole(const struct call *call, const struct booking *b)
{
	if (call->got_hash == 0 || !call_done(call))
		return false;
	switch ((enum record_op)call->op) {
	case RECORD_HOLD:
	case RECORD_RELEASE:
		return true;
	case RECORD_CONFIRM:
	case RECORD_CANCEL:
	case RECORD_GET:
		return !b->parted;
	default:
		return false;
	}
}

static void
found_answer(struct history *h, struct report *report, const struct call *call)
{
	uint32_t number = call->got_booking ? call->got_booking : call->asked_booking;
	const struct booking *b = &h->booking[number];
	const char *op = record_op_names[call->op], *id = names_text(&h->bookings, number);

	if (number == 0)
		return;
	if (call->got_booking && call->asked_booking && call->got_booking != call->asked_booking) {
		report_line(report, call_line(h, call));
		report_finding(report, 1, "%s of booking %s was answered with booking %s", op,
			names_text(&h->bookings, call->asked_booking), id);
	}
	if (!b->stored) {
		if (h->crash && b->confirmed == 0)
			return;
		report_line(report, call_line(h, call));
		report_finding(report, 1,
			"%s was answered %d with booking %s, which is not in the database", op,
			call->status, id);
		return;
	}
	if (call->user && call->user != b->user) {
		report_line(report, call_line(h, call));
		report_finding(report, 1, "%s by user %s was answered with booking %s of user %s",
			op, names_text(&h->users, call->user), id, names_text(&h->users, b->user));
	}
	if (shows_whole(call, b) && call->got_hash != history_hash(h, b->places)) {
		report_line(report, call_line(h, call));
		report_finding(report, 1,
			"%s was answered with other places than booking %s has in the database", op,
			id);
	}
	if (call->op == RECORD_HOLD && call->got_hash != history_hash(h, call->asked)) {
		report_line(report, call_line(h, call));
		report_finding(
			report, 1, "hold was answered with other places than were asked for");
	}
}

/* A booking that had been told of, or is there, was said not to be. */
static void
found_missing(struct history *h, struct report *report, const struct call *call)
{
	const struct booking *b = &h->booking[call->asked_booking];
	bool told = b->told_us != RECORD_ABSENT && b->told_us <= call->sent_us &&
		    call->user == b->asker;
	bool was_there = b->stored && call->user && call->user == b->user &&
			 b->created_us + TRANSACTION_US + h->skew_us < call->sent_us;

	if (call->asked_booking == 0 || call->status != 404 || h->crash || (!told && !was_there))
		return;
	report_line(report, b->held);
	report_line(report, call_line(h, call));
	report_finding(report, 1, "booking %s %s, and then %s did not find it",
		names_text(&h->bookings, call->asked_booking),
		told ? "was answered" : "is the user's by the database", record_op_names[call->op]);
}

/* What the answered moves say that the booking must have become. */
static const char *
move_undone(const struct history *h, const struct booking *b)
{
	bool ended = b->status == BOOKING_CANCELLED || b->status == BOOKING_REFUNDED;

	if (b->confirmed && b->confirmed_us == RECORD_ABSENT)
		return "was confirmed, and never was by the database";
	if (b->confirmed && b->status != BOOKING_CONFIRMED && !ended)
		return "was confirmed, and is not so any more";
	if (b->left_us == RECORD_ABSENT || b->late || h->crash)
		return NULL;
	if (b->status == BOOKING_HOLD || b->status == BOOKING_RESERVED ||
		b->status == BOOKING_CONFIRMED || b->status == BOOKING_EXPIRED)
		return "was given back, and is not by the database";
	return NULL;
}

/*
 * Whether a transaction began in this run. Not a moment around it: the same buyers may have come
 * straight from another one, and may go on to the next.
 */
static bool
is_of_run(const struct history *h, int64_t us)
{
	return us >= h->head.began_us && us <= h->end_us;
}

/* What the database says has happened to the booking, and no recorded call can have done. */
static const char *
move_unasked(const struct history *h, const struct booking *b)
{
	int64_t left_us = b->cancelled_us == RECORD_ABSENT ? b->ended_us : b->cancelled_us;

	if (b->confirmed_us != RECORD_ABSENT && b->confirm_sent_us == RECORD_ABSENT && !b->late &&
		is_of_run(h, b->confirmed_us))
		return "is confirmed, and nobody confirmed it";
	if (b->leave_sent_us != RECORD_ABSENT ||
		(left_us != RECORD_ABSENT && !is_of_run(h, left_us)))
		return NULL;
	if (b->status == BOOKING_RELEASED)
		return "is released, and nobody released it";
	if (b->status == BOOKING_CANCELLED || b->status == BOOKING_REFUNDED || b->parted)
		return "is cancelled, and nobody cancelled it";
	return NULL;
}

static void
found_booking(struct history *h, struct report *report, uint32_t number)
{
	const struct booking *b = &h->booking[number];
	const char *id = names_text(&h->bookings, number);
	const char *status = booking_status_names[b->status];
	const char *undone, *unasked;

	if (!b->stored || (b->held == 0 && b->tried == 0))
		return;
	undone = move_undone(h, b);
	if (undone) {
		report_line(report, b->held);
		report_line(report, b->confirmed);
		report_line(report, b->left);
		report_finding(report, 1, "booking %s %s: it is %s", id, undone, status);
	}
	unasked = move_unasked(h, b);
	if (unasked) {
		report_line(report, b->held);
		report_finding(report, 1, "booking %s %s", id, unasked);
	}
	if (b->lacks) {
		report_line(report, b->held);
		report_line(report, b->confirmed);
		report_line(report, b->left);
		report_finding(report, 1, "booking %s is %s, and has no claim of %s", id, status,
			b->lacks);
	}
}

/* ---- what is there was asked for ------------------------------------------------------------- */

/* What a buyer asked for without a key and was not answered; or what was refused, to tell of it. */
struct wish {
	uint32_t user;
	uint32_t line; /* 0: used up */
	uint64_t hash;
};

static int
by_wish(const void *left, const void *right)
{
	const struct wish *a = left, *b = right;

	if (a->user != b->user)
		return a->user < b->user ? -1 : 1;
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return (a->line > b->line) - (a->line < b->line);
}

struct wishes {
	struct wish *list;
	size_t count, room;
};

static void
add_wish(struct wishes *wishes, struct history *h, const struct call *call)
{
	wishes->list =
		grow_array(wishes->list, sizeof(*wishes->list), &wishes->room, wishes->count + 1);
	wishes->list[wishes->count++] = (struct wish){
		.user = call->user,
		.line = call_line(h, call),
		.hash = history_hash(h, call->asked),
	};
}

static struct wish *
find_wish(const struct wishes *wishes, uint32_t user, uint64_t hash)
{
	size_t low = 0, high = wishes->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct wish *wish = &wishes->list[middle];

		if (wish->user < user || (wish->user == user && wish->hash < hash))
			low = middle + 1;
		else
			high = middle;
	}
	/* One wish makes one booking. */
	while (low < wishes->count && wishes->list[low].user == user &&
		wishes->list[low].hash == hash) {
		if (wishes->list[low].line)
			return &wishes->list[low];
		low++;
	}
	return NULL;
}

static void
found_unasked(struct history *h, struct report *report, const struct wishes *unanswered,
	const struct wishes *refused, const uint32_t *first_line, const bool *made)
{
	for (uint32_t number = 1; number <= h->bookings.count; number++) {
		struct booking *b = &h->booking[number];
		struct wish *wish;

		if (!b->stored || made[number] || b->tried || b->served ||
			first_line[b->user] == 0 || !is_of_run(h, b->created_us))
			continue;
		wish = b->key ? NULL : find_wish(unanswered, b->user, history_hash(h, b->places));
		if (wish) {
			b->tried = wish->line;
			wish->line = 0;
			continue;
		}
		wish = find_wish(refused, b->user, history_hash(h, b->places));
		report_line(report, wish ? wish->line : first_line[b->user]);
		report_finding(report, 1,
			"booking %s of user %s is in the database, and no hold was answered with "
			"it",
			names_text(&h->bookings, number), names_text(&h->users, b->user));
	}
}

static void
found_invented(struct history *h, struct report *report)
{
	struct wishes unanswered = { .list = NULL }, refused = { .list = NULL };
	uint32_t *first_line = calloc((size_t)h->users.count + 1, sizeof(*first_line));
	bool *made = calloc((size_t)h->bookings.count + 1, sizeof(*made));

	assert(first_line && made);
	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];

		if (call->user && first_line[call->user] == 0)
			first_line[call->user] = call_line(h, call);
		if (call->op != RECORD_HOLD)
			continue;
		if (call_done(call))
			made[call->got_booking] |= call->status == 201;
		else if (!call_unknown(call))
			add_wish(&refused, h, call);
		else if (call->key == 0)
			add_wish(&unanswered, h, call);
	}
	if (unanswered.count > 0)
		qsort(unanswered.list, unanswered.count, sizeof(*unanswered.list), by_wish);
	if (refused.count > 0)
		qsort(refused.list, refused.count, sizeof(*refused.list), by_wish);
	found_unasked(h, report, &unanswered, &refused, first_line, made);
	free(unanswered.list);
	free(refused.list);
	free(first_line);
	free(made);
}

/* ---- accounts -------------------------------------------------------------------------------- */

/* Accounts that were let in, some at a time. */
struct round {
	const char *users[USERS_ROUND];
	uint32_t lines[USERS_ROUND];
	uint32_t next[USERS_ROUND]; /* the one before of the same user, from 1; 0: none */
	size_t count;
	uint32_t *last; /* by number of the user: the last one of it, from 1 */
};

/* The ones of the round that are not there. */
static void
found_strangers(struct history *h, struct report *report, struct pg *pg, struct arena *arena,
	const struct round *round)
{
	struct problem_why why = { .detail = NULL };
	struct pg_rows rows;
	enum problem err = query_history_strangers(pg, arena, clock_monotonic_us() + BUDGET_US,
		&why, &rows, pg_array_text(arena, round->users, round->count));

	if (err) {
		report_finding(report, 1, "the accounts could not be looked up: %s",
			why.detail ? why.detail : problem_rows[err].title);
		return;
	}
	for (int i = 0; i < rows.count; i++) {
		const char *user = pg_text(&rows, i, HISTORY_STRANGERS_USER_ID);
		uint32_t at = round->last[names_find(&h->users, user)];

		for (; at > 0; at = round->next[at - 1])
			report_line(report, round->lines[at - 1]);
		report_finding(report, 1, "user %s was let in, and is not there", user);
	}
}

static void
found_accounts(struct history *h, struct report *report, struct pg *pg)
{
	static struct round round;
	struct arena *arena = arena_new();

	round.last = calloc((size_t)h->users.count + 1, sizeof(*round.last));
	assert(round.last);
	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];

		if ((call->op == RECORD_REGISTER || call->op == RECORD_LOGIN) && call_done(call) &&
			call->user) {
			round.users[round.count] = names_text(&h->users, call->user);
			round.lines[round.count] = call_line(h, call);
			round.next[round.count] = round.last[call->user];
			round.last[call->user] = (uint32_t)++round.count;
		}
		if (round.count > 0 && (round.count == USERS_ROUND || i + 1 == h->calls_count)) {
			found_strangers(h, report, pg, arena, &round);
			arena_reset(arena);
			memset(round.last, 0, ((size_t)h->users.count + 1) * sizeof(*round.last));
			round.count = 0;
		}
	}
	free(round.last);
	arena_free(arena);
}

void
rule_found(struct history *h, struct report *report, struct pg *pg)
{
	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];

		if (!call_done(call)) {
			found_missing(h, report, call);
		} else if (call->op != RECORD_REGISTER && call->op != RECORD_LOGIN) {
			found_told(h, report, call);
			found_answer(h, report, call);
		}
	}
	for (uint32_t number = 1; number <= h->bookings.count; number++)
		found_booking(h, report, number);
	found_invented(h, report);
	found_accounts(h, report, pg);
}
