/*
 * The filter: what Redis keeps of an event, so that those who cannot win are turned away before
 * they cost a database transaction, and everybody sees the live picture. It never decides: whatever
 * it says or fails to say, PostgreSQL is right.
 *
 * Kept under keys with the hash tag {event}: one byte a seat, the owner of each taken seat, one
 * entry a booking, the deadlines, the counts of general admission, the ids used lately. Release,
 * confirm and cancel act through the entry of their booking alone. store/lua/event.lua has the
 * layout.
 */
#ifndef HOLDFAST_FILTER_H
#define HOLDFAST_FILTER_H

#include "domain/context.h"

/* Places asked for, as a hold hands them over. */
struct filter_wish {
	int32_t event_id;
	const char *booking_id;
	const char *user_id;
	bool keyed;
	const char *const *seat_ids;
	size_t seats;
	const char *const *section_ids;
	const int64_t *quantities;
	size_t sections;
	const char *pass; /* of the event's waiting room: "place|end in ms"; "": none */
};

enum filter_verdict {
	FILTER_AWAY,    /* Redis is away: PostgreSQL decides */
	FILTER_MISSING, /* nothing is kept of this event: PostgreSQL decides, a rebuild is due */
	FILTER_ASK,   /* PostgreSQL decides (known id, own seat, unknown places, closed gate …) */
	FILTER_TAKEN, /* taken under the booking's id until PostgreSQL says no */
	FILTER_LOST,  /* some of the seats are others' */
	FILTER_FULL,  /* a section has not enough left */
	FILTER_LIMITED, /* the account's rate is used up */
	FILTER_PASS     /* the event has a waiting room, and no pass of it was shown */
};

struct filter_answer {
	enum filter_verdict verdict;
	const int64_t *lost; /* FILTER_LOST: indexes into seat_ids, ascending */
	size_t lost_count;
	const char *section_id; /* FILTER_FULL */
	int64_t available;
	int64_t retry_ms;  /* FILTER_LIMITED */
	bool doubtful;     /* FILTER_AWAY: asked, and the answer was lost; it may have been taken */
	int64_t remaining; /* of the account's rate; -1: no limit in force */
	const char *taken; /* FILTER_TAKEN: stands for this take, for filter_undo() */
	bool stranger;     /* FILTER_TAKEN: the pass is of somebody not known to be inside */
	/* FILTER_ASK: lines in which people wait for these places, as far as that was looked at.
	 * FILTER_MISSING: all of the event in which people wait. */
	const char *const *lines;
	size_t lines_count;
};

/* Takes all or none, in one round trip; counts the account's rate too. */
void
filter_take(struct context *house, const struct filter_wish *wish, struct filter_answer *answer);

/* What a booking holds, for filter_put(): from a booking_view with positions, or a filter_entry. */
struct filter_entry {
	int32_t event_id;
	const char *booking_id;
	const char *user_id;
	char state;            /* 'h', 'r', 'b' */
	int64_t deadline_ms;   /* PostgreSQL's, since 1970; -1: none */
	const char *positions; /* "1,2,3", may be empty */
	const char *sections;  /* "FLOOR:2,VIP:1", may be empty */
	/* PostgreSQL's, since 1970: it had ended before, and stands again by money that came late;
	 * 0: not so. An end that was marked later stays. */
	int64_t revived_ms;
};

/* After PostgreSQL has committed: the booking holds exactly this. */
void filter_put(struct context *house, const struct filter_entry *entry);

/* The booking holds nothing any more, after PostgreSQL has committed (ended), or because it
 * refused. */
void filter_drop(struct context *house, int32_t event_id, const char *booking_id, bool ended);

/* The same of one that has ended and may have been confirmed since, by money that came late:
 * ended_ms is when PostgreSQL said so, by its clock, since 1970. */
void filter_drop_ended(
	struct context *house, int32_t event_id, const char *booking_id, int64_t ended_ms);

/* PostgreSQL refused what was taken: away with that take, and with nothing that was put since. */
void
filter_undo(struct context *house, int32_t event_id, const char *booking_id, const char *taken);

/* PostgreSQL has contradicted the filter on these seats: writes their owners as they are. */
void
filter_repair(struct context *house, int32_t event_id, const char *const *seat_ids, size_t seats);

/* Writes one booking as PostgreSQL now has it: held places, or none. */
void filter_refresh(struct context *house, int32_t event_id, const char *booking_id);

/* After a change of the event or its layout: nothing kept is believed until it is rebuilt. */
void filter_forget(struct context *house, int32_t event_id);

/*
 * The live picture of an event. Due claims count as available. What it points to stays until the
 * next one is asked for.
 */
struct filter_picture {
	bool from_filter;   /* else out of PostgreSQL */
	int64_t version;    /* another one with every change; odd: out of PostgreSQL */
	int64_t as_of_ms;   /* PostgreSQL's clock, since 1970 */
	const char *states; /* a, h, r, b, x: one character a seat in layout order */
	size_t seats;
	char *tag; /* filter_picture_tag() */
	struct filter_section {
		const char *section_id;
		int64_t capacity, held, sold; /* available is the rest */
		int64_t price;                /* where from_filter */
	} * sections;                         /* in the order of the event */
	size_t sections_count;
	/* Where from_filter: */
	bool shared; /* everybody may see the event */
	int64_t layout_version;
	bool partial;           /* these are all positions written after the version asked for */
	const int64_t *changed; /* in no order */
	size_t changed_count;
};

/*
 * The picture as Redis keeps it, in one round trip; one that this process had before is only
 * asked for again by its version. after: a version after which changes are wanted, -1: none
 * are. False: it is not to be had, or there is no such event.
 */
bool filter_picture_kept(
	struct context *house, int32_t event_id, int64_t after, struct filter_picture *out);

/* The same, or out of PostgreSQL, of an event that there is. NOT_FOUND, UNAVAILABLE. */
enum problem filter_picture(struct context *house, int32_t event_id, struct filter_picture *out);

/* Text that stands for the states and nothing else, wherever they come from. */
const char *filter_picture_tag(const struct filter_picture *picture);

enum filter_built {
	FILTER_THERE, /* nothing to do, or another process is at it, or it is left to a job */
	FILTER_BUILT, /* here */
	FILTER_OVER   /* the event is over: nothing is kept of it */
};

/*
 * Builds what is kept of an event from one snapshot of PostgreSQL where nothing usable is there,
 * behind a fence: whatever a request touches meanwhile is looked at again afterwards. One process
 * at a time; does nothing where the state is there, or the event is over. In pages: needs little
 * memory for any number of seats. What fails after a second, or half the budget of a request, is
 * left alone for thirty times as long, two minutes at most, by all but reconcile (patient), which
 * has the time: else one that is too large for that budget would be begun again and again.
 */
enum problem
filter_rebuild(struct context *house, int32_t event_id, bool patient, enum filter_built *out);

/* By PostgreSQL's word. NOT_FOUND: there is no such event. */
enum problem filter_ask_over(struct context *house, int32_t event_id, bool *over);

/*
 * Rebuilds the event that a request of this process found missing, if there is one: while no client
 * waits. What fails is logged.
 */
void filter_rebuild_wanted(struct context *house);

/*
 * Redis has not heard what has become of a booking: filter_idle() will tell. undo: where it holds
 * nothing, its request was refused. What put, drop and take cannot say they note by themselves.
 */
void
filter_unheard(const struct context *house, int32_t event_id, const char *booking_id, bool undo);

/* At the start of a process that writes bookings: what its predecessor wrote may be unknown. */
void filter_begin(struct context *house);

/*
 * While no client waits: what was wanted is rebuilt, what Redis did not hear is told. True: not all
 * of it could be done now.
 */
bool filter_idle(struct context *house);

/* What a comparison found. Under repair, what was touched meanwhile counts as no difference. */
struct filter_drift {
	bool busy;    /* another process is at it, or came to it before the end */
	bool over;    /* the event is over: nothing is to be kept of it; repair alone looks */
	bool missing; /* nothing usable was there: rebuilt, or (repair false) nothing to compare */
	int64_t event_wrong; /* what was read of the event itself: all is built anew */
	int64_t entries;     /* bookings compared */
	int64_t entries_wrong, seats_wrong, counts_wrong, deadlines_wrong;
	int64_t ids_unknown; /* of keyed bookings that hold nothing any more; repair alone looks */
	int64_t repaired;
	int64_t skipped;          /* left to the next run: touched meanwhile, or too young */
	const char **differences; /* the first of them in words, on the arena */
	size_t differences_count;
};

#define FILTER_DIFFERENCES_MAX 1000

/* How long a program that compares waits for Redis, which others keep busy. */
#define FILTER_PATIENCE_MS     5000

/* What is kept of an event may be built anew between a take and its commit, as after a change of
 * the event: a snapshot that it is built from has neither. So a hold that takes longer than this
 * from before its take until after its commit is told again, and whoever builds waits so long
 * before the snapshot: it has what did not take longer. */
#define FILTER_SLOW_US         10000

/*
 * Rebuilds where nothing is there, then compares everything that is kept with one snapshot of
 * PostgreSQL and repairs it, behind a fence: whatever a request touches meanwhile is left alone.
 * With repair false it only compares and writes nothing. Reads both in pages, so that nobody waits
 * for it long. NOT_FOUND: no such event. UNAVAILABLE: a server is away, or the fence was another's.
 */
enum problem
filter_reconcile(struct context *house, int32_t event_id, bool repair, struct filter_drift *drift);

/* A row of sql/queries/reconcile/glance that Redis does not agree with, and why. */
struct filter_doubt {
	int32_t event_id;
	const char *why;
};

/*
 * A quick comparison of a page of the events after one of them, by sums. *last: the last event of
 * the page, 0 where there is none. doubts, on the arena: those that filter_reconcile() should look
 * at. UNAVAILABLE: a server is away.
 */
enum problem filter_glance(struct context *house, int32_t after, int64_t limit, bool dry,
	int64_t *events, int32_t *last, struct filter_doubt **doubts, size_t *count);

/* Ids of events that something is kept of, in pages; cursor is "0" before and after the last. */
enum problem
filter_kept(struct context *house, const char **cursor, int32_t **events, size_t *count);

/* Away with all that is kept of an event. False: Redis is away. */
bool filter_discard(struct context *house, int32_t event_id);

#endif
