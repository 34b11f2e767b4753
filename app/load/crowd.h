/*
 * The buyers of a run, and what they share. One thread: each buyer is a state machine that one loop
 * moves on.
 */
#ifndef HOLDFAST_CROWD_H
#define HOLDFAST_CROWD_H

#include "load/account.h"
#include "load/picture.h"
#include "load/tally.h"

#define CROWD_KEY     48
#define CROWD_BOOKING 40
#define CROWD_TICKET  256

enum buyer_state {
	BUYER_AWAY, /* not come yet, or between two arrivals */
	BUYER_ENTERING,
	BUYER_THINKING,
	BUYER_CALLING,
	BUYER_WAITING, /* was told to ask again later */
	BUYER_IN_LINE,
	BUYER_GONE,
	BUYER_STATES
};

/* One request and its answers, until there is a definite one. */
struct call {
	enum record_op op;
	int64_t due_us;
	int tries;
	bool again; /* sent again on purpose, under the same key */
	char key[CROWD_KEY];
	int first_status; /* of the first definite answer, to compare others with it */
	uint64_t first_answer;
};

struct buyer {
	struct crowd *crowd;
	struct account *account;
	struct wire wire;
	struct timer timer;
	void (*then)(struct buyer *buyer); /* when the timer fires */
	void (*in)(struct buyer *buyer);   /* when the account is in force */
	int64_t number;
	uint64_t random; /* its own chance: what others do does not move it */
	enum buyer_state state;
	enum account_step entering;
	int refusals; /* of the token, in a row */
	int failures; /* of the server to give an account, in a row */

	size_t step;
	int64_t rounds, calls;
	int64_t round_calls; /* when this round began */
	bool has_confirmed, sold_out;

	struct picture picture;
	int32_t seats[SCENARIO_PLACES_MAX]; /* those picked */
	size_t seats_count;
	const struct stage_section *section; /* or so many places of it */
	int64_t quantity;

	char booking[CROWD_BOOKING];
	enum { HELD_NOTHING, HELD_HOLD, HELD_CONFIRMED } held;
	int64_t expires_us;        /* by the server's clock */
	char ticket[CROWD_TICKET]; /* of a line; "": none */
	char ticket_mark[20];      /* what the history calls it */
	struct call call, pending; /* the other waits for the account */
	struct buyer *next_free;   /* open loop: who may come next */
};

struct crowd {
	const struct scenario *scenario;
	struct stage stage;
	struct loop loop;
	struct target target;
	struct arena *arena; /* of the answer at hand */
	struct tally *tally;
	struct record_writer *record; /* NULL: no history is kept */
	int64_t anchor_us;            /* what to add to the loop's clock for times since 1970 */
	int64_t seed;                 /* of the buyers' chance */
	double speed;                 /* of thinking */
	uint64_t run;                 /* of the keys of this run */
	struct account *accounts;
	struct buyer *buyers;
	int64_t count;
	int64_t present; /* buyers who are not yet gone */
	int64_t keys;
	bool crash;         /* the database crashes meanwhile: holds and releases may be undone */
	bool over;          /* nobody begins anything more */
	const char *failed; /* why the run cannot go on */

	/* Open loop: a buyer has done all of the script. NULL: each begins again by itself. */
	void (*rested)(struct buyer *buyer);
};

/* ---- buyers (buyer.c) ------------------------------------------------------------------------ */

void buyer_init(struct buyer *buyer, struct crowd *crowd, int64_t number);
void buyer_release(struct buyer *buyer);

/* Has an account registered or refreshed, whatever it takes, and then does that. */
void buyer_enter(struct buyer *buyer, void (*in)(struct buyer *buyer));

/* Begins the script, meant for that moment. */
void buyer_begin(struct buyer *buyer, int64_t due_us);

/* Goes on with the next step, meant for that moment. */
void buyer_go_on(struct buyer *buyer, int64_t due_us);

/* The round is over, or the buyer is. */
void buyer_end_round(struct buyer *buyer);
void buyer_leave(struct buyer *buyer);

/* Does nothing for so long, then what is to be done. */
void buyer_wait(
	struct buyer *buyer, enum buyer_state state, int64_t us, void (*then)(struct buyer *buyer));

/* ---- calls (call.c) -------------------------------------------------------------------------- */

/* Sends a new request of this kind, with what the buyer has picked and holds. */
void call_begin(struct buyer *buyer, enum record_op op, int64_t due_us);

/* The last request again, under its key. */
void call_repeat(struct buyer *buyer, int64_t due_us);

/* Sends what has waited for the account. */
void call_resume(struct buyer *buyer);

/* Hears the answer to it; one that asks for patience is followed by the same request. */
void call_done(struct buyer *buyer);

/* ---- answers (hear.c) ------------------------------------------------------------------------ */

/* What an answer says, as far as it can be read: for the history too. */
struct heard {
	int status; /* 0: lost */
	bool replayed, unreadable;
	const char *problem;
	const struct json *json;       /* NULL: none */
	int64_t made_us, confirmed_us; /* of a booking; RECORD_ABSENT */
	struct record_call record;
};

/* Reads the answer to the call under way into `out`; lives until the arena is reset. */
void hear_read(struct buyer *buyer, struct heard *out);

/* Moves the buyer by it. */
void hear_take(struct buyer *buyer, const struct heard *heard);

#endif
