/*
 * A history in memory, beside what the database holds of its event, and the rules by which the two
 * are judged.
 *
 * Texts (users, keys, bookings, places) are numbered, so that a call takes about a hundred bytes
 * and whatever is known of a booking stands in an array by its number.
 */
#ifndef HOLDFAST_HISTORY_H
#define HOLDFAST_HISTORY_H

#include "history/interval.h"
#include "history/names.h"
#include "history/report.h"
#include "load/record.h"

struct pg;

/* What a booking is, or was shown as. */
enum booking_status {
	BOOKING_NONE, /* nothing was said */
	BOOKING_HOLD,
	BOOKING_RESERVED,
	BOOKING_CONFIRMED,
	BOOKING_EXPIRED,
	BOOKING_RELEASED,
	BOOKING_CANCELLED,
	BOOKING_REFUNDED,
	BOOKING_PAID_UNFULFILLED,
	BOOKING_STATUSES
};

/* One of a set of them. */
#define BOOKING_BIT(status) (1u << BOOKING_##status)

extern const char *const booking_status_names[BOOKING_STATUSES];

enum booking_status booking_status_of(const char *name); /* BOOKING_NONE: no such */

/* The clock of Redis is taken to be right as long as it is no further off than this. */
#define REDIS_CLOCK_US INT64_C(1000000)

/* From the beginning of a transaction, which is stored, to its end: the budget of a worker. */
#define TRANSACTION_US INT64_C(4000000)

/* Refusals that are judged; all others are OTHER. */
enum refusal {
	REFUSAL_NONE,
	REFUSAL_SEATS, /* seats-unavailable */
	REFUSAL_SOLD_OUT,
	REFUSAL_LIMIT,   /* limit-exceeded */
	REFUSAL_EXPIRED, /* hold-expired */
	REFUSAL_STATE,   /* wrong-state */
	REFUSAL_CLOSED,  /* sales-closed */
	REFUSAL_PAYING,  /* payment-in-progress */
	REFUSAL_UNPAID,  /* payment-required */
	REFUSAL_BUSY,
	REFUSAL_IN_FLIGHT,  /* idempotency-in-flight */
	REFUSAL_KEY_REUSED, /* idempotency-key-reused */
	REFUSAL_ROOM,       /* queue-required */
	REFUSAL_OTHER
};

/* A seat, or so many places of a section. */
struct place {
	uint32_t number; /* in history->places */
	uint32_t quantity;
};

/* A range of history->pool. */
struct span {
	uint32_t at, count;
};

struct call {
	int64_t sent_us, done_us;
	int64_t expires_us; /* as answered; RECORD_ABSENT: not */
	int64_t version;    /* of a map; RECORD_ABSENT: none */
	uint64_t got_hash;  /* of the places answered; 0: none were */
	uint32_t user, key; /* the key with its user and operation; 0: none */
	uint32_t asked_booking, got_booking;
	uint32_t token;    /* that stands for a place in a line; 0: none */
	uint32_t position; /* answered in one; 0: none */
	struct span asked; /* of holds, joins and cancels */
	struct span lost;
	uint16_t status;
	uint8_t op;      /* enum record_op */
	uint8_t refusal; /* enum refusal */
	uint8_t shown;   /* enum booking_status: as answered */
	bool replayed;   /* it was said to be an answer of before */
};

/* All that is known of a booking: by the database, and by the calls. */
struct booking {
	/* by the database */
	bool stored, late, served, parted, free; /* free: of charge */
	uint8_t status;                          /* enum booking_status */
	uint32_t user, key;                      /* key as in a call; 0: none */
	struct span places;
	int64_t created_us, expires_us;
	int64_t confirmed_us, ended_us, cancelled_us; /* RECORD_ABSENT: never */
	const char *lacks; /* what it should have and has not; NULL: nothing */
	/* by the calls, 0 or RECORD_ABSENT where there is none */
	uint32_t held;      /* line of the first answer that told of it */
	uint32_t left;      /* line of the first release or cancel answered 2xx */
	uint32_t tried;     /* line of a hold without an answer that may have made it */
	uint32_t confirmed; /* line of the first confirm answered 2xx */
	uint32_t asker;     /* the user of those calls */
	int64_t sent_us;    /* the first call that can have made it */
	int64_t told_us;    /* the first answer that told of it as held or owned */
	int64_t least_expires_us, most_expires_us; /* deadlines that were answered */
	int64_t confirm_sent_us;                   /* the first confirm that can have had effect */
	int64_t leave_sent_us; /* the first release or cancel that can have had effect */
	int64_t left_us;       /* the first answer that it was released or cancelled */
	bool leave_unknown;    /* a release or cancel had no answer */
	bool confirm_unknown;  /* a confirm had no answer */
};

/* A place, as the database has it. */
struct resource {
	bool known, is_section, killed;
	bool unnamed;     /* of a section: a join of its line does not say whose it was */
	bool crowded;     /* of a section: others than the history knows have stood in its line */
	uint32_t section; /* that a seat is in; of a section: itself; 0: not known */
	int64_t capacity;
	int64_t epoch;    /* of a section: how often its line was begun; 0: never */
	int64_t begun_us; /* when it was, the last time */
};

enum ticket_outcome { TICKET_RESERVED, TICKET_REFUSED, TICKET_LEFT };

/* How a place in the line of a section ended. */
struct ticket_end {
	/* by the database */
	uint32_t section, user, booking; /* booking 0: was not served */
	uint8_t outcome;                 /* enum ticket_outcome */
	int64_t epoch;                   /* of the line, under which the place was given */
	int64_t ended_us;
	/* by the calls */
	uint8_t lacks;       /* enum ticket_lack */
	uint32_t joined;     /* line of the first join that can have made it; 0: not known */
	int64_t earliest_us; /* when that was sent; RECORD_ABSENT: it may be older than the run */
};

/* What there must be before a place in a line can end. */
enum ticket_lack {
	TICKET_LACKS_NOTHING,
	TICKET_LACKS_JOIN, /* there is none before it */
	TICKET_LACKS_OTHER /* all that there are have made other places */
};

/* A join that can have made a place in a line. */
struct line_join {
	uint32_t user, section;
	uint32_t line; /* of the call */
	bool proves;   /* the answer says that the user stands in line */
	bool over;     /* it has made what has ended by now, if anything */
	int64_t sent_us;
	int64_t reach_us; /* what it does, it has done by then */
	int64_t until_us; /* the wait that came of it was over by then; EVER: that is not known */
};

/* One user's dealings with one line. */
struct stand {
	uint32_t user, section;
	struct line_join *joins; /* by the time of sending */
	size_t joins_count;
	struct ticket_end *ends; /* by time */
	size_t ends_count;
};

/* From when to when a call may have been at work; by whose it was, then by sent_us. */
struct act {
	uint32_t owner; /* a user, or a key */
	int64_t sent_us;
	int64_t reach_us; /* the latest of this and of those of the owner before */
};

struct acts {
	struct act *list;
	size_t count, room;
};

/* Who has stood in line; see lines_derive(). */
struct lines {
	struct line_join *joins; /* by user, section and sent_us */
	size_t joins_count, joins_room;
	struct stand *stands; /* by user and section */
	size_t stands_count, stands_room;
	struct acts leaves; /* out of any line */
	struct acts holds;  /* of those who have joined one */
};

/* Of a key: with its user and operation. */
struct key {
	uint32_t used;    /* line of the first call with it */
	uint32_t first;   /* line of the first call that had an effect or may have had */
	uint32_t stored;  /* the booking that the database has under it; 0: none */
	uint32_t another; /* a second one */
};

struct history {
	struct record_head head;
	struct arena *arena;
	struct names users, keys, bookings, places, tokens;
	struct call *calls; /* call i stands in line i + 2 */
	size_t calls_count, calls_room;
	struct place *pool;
	size_t pool_count, pool_room;
	struct booking *booking; /* by number */
	size_t booking_room;
	struct resource *resource; /* by number of the place */
	size_t resource_room;
	struct key *key; /* by number */
	size_t key_room;
	struct ticket_end *ends;
	size_t ends_count, ends_room;
	struct lines lines;
	int64_t max_per_user;                 /* 0: no limit */
	const char *event_status;             /* NULL: not known */
	int64_t sales_start_us, sales_end_us; /* the end does not belong to them */
	bool paid;                            /* the event takes payment */
	bool room;                            /* it is entered through a waiting room */
	int64_t wait_us; /* for a lock, before anybody is told that it is busy */
	int64_t now_us;  /* of the database, when it was read */
	int64_t end_us;  /* of the history */
	/* how strictly it is judged */
	int64_t skew_us;  /* between the clocks of the caller and the database */
	int64_t drift_us; /* for which Redis may have been behind */
	bool crash;       /* PostgreSQL crashed: holds and releases may have been undone */
};

static inline uint32_t
call_line(const struct history *h, const struct call *call)
{
	return (uint32_t)(call - h->calls) + 2;
}

static inline struct call *
line_call(const struct history *h, uint32_t line)
{
	return &h->calls[line - 2];
}

static inline bool
call_done(const struct call *call)
{
	return call->status >= 200 && call->status < 300;
}

/* It moves a booking that is there on: a confirm, a release or a cancel. */
static inline bool
call_moves(const struct call *call)
{
	return call->op >= RECORD_CONFIRM && call->op <= RECORD_CANCEL;
}

/* It may have taken effect, and nobody was told. */
static inline bool
call_unknown(const struct call *call)
{
	return call->status == 0 || call->status >= 500;
}

/* Whether the booking was told to be confirmed before the call was sent. */
static inline bool
call_follows_confirm(const struct history *h, const struct call *call, const struct booking *b)
{
	return b->confirmed && line_call(h, b->confirmed)->done_us < call->sent_us;
}

/* Reads a file into memory. False with the reason in *fault, which lives as long as the process. */
bool history_read(struct history *h, const char *path, const char **fault);
void history_release(struct history *h);

/* Numbers, with room for what is known of them. */
uint32_t history_booking(struct history *h, const char *booking);
uint32_t history_place(struct history *h, bool is_section, const char *name);
uint32_t history_key(struct history *h, enum record_op op, uint32_t user, const char *key);

struct span history_span(const struct history *h); /* an empty one at the end of the pool */
void history_add_place(struct history *h, struct span *span, uint32_t number, int64_t quantity);

/* One number for a set of places, in any order; 0: none. */
uint64_t history_hash(const struct history *h, struct span span);
int64_t history_quantity(const struct history *h, struct span span); /* places in all */

/* What the database holds of the event. NULL, or a sentence why it cannot be told. */
const char *history_compare(struct history *h, struct pg *pg, int64_t default_per_user);

/* What the calls tell of bookings, keys and lines; after the database has been read. */
void history_derive(struct history *h);

/* The part of it that is about lines: who joined, what came of it; after what is of bookings. */
void lines_derive(struct history *h);
void lines_release(struct history *h);

/* Whether all places of this epoch of the section's line were given while the history was made. */
bool line_is_of_run(const struct history *h, uint32_t section, int64_t epoch);

/* What the call does, it has done by then. */
int64_t call_reach(const struct history *h, const struct call *call);

/* Adds a call, but for those that were turned away at the door. */
void acts_add(const struct history *h, struct acts *acts, uint32_t owner, const struct call *call);
void acts_sort(struct acts *acts); /* after the last was added */
void acts_release(struct acts *acts);

/* When the last of these that the owner had sent by then was over; RECORD_ABSENT: there is none. */
int64_t acts_last(const struct acts *acts, uint32_t owner, int64_t by_us);

/* The rules, one file each; see docs/history.md. */
void rule_found(struct history *h, struct report *report, struct pg *pg);
void rule_owners(struct history *h, struct report *report);
void rule_refusals(struct history *h, struct report *report);
void rule_reasons(struct history *h, struct report *report);
void rule_deadlines(struct history *h, struct report *report);
void rule_keys(struct history *h, struct report *report);
void rule_order(struct history *h, struct report *report);
void rule_lines(struct history *h, struct report *report);
void rule_stands(struct history *h, struct report *report);

/* ---- what may be known of ownership ---------------------------------------------------------- */

/* From when to when a booking certainly, or possibly, held its places; end before start: never. */
struct interval booking_certain(const struct history *h, uint32_t booking);
struct interval booking_possible(const struct history *h, uint32_t booking);

/* The last deadline that it is known to have had; RECORD_ABSENT: none is. */
int64_t booking_deadline(const struct booking *b);

/* The places of a booking, by the database or else as they were asked for. */
struct span booking_places(const struct history *h, uint32_t booking);

#endif
