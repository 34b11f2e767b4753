/*
 * A scenario: how many buyers come, to what event, what each of them does, and what must be true in
 * the end. Plain text; docs/loadgen.md is its manual.
 */
#ifndef HOLDFAST_SCENARIO_H
#define HOLDFAST_SCENARIO_H

#include "base/arena.h"
#include "load/expect.h"

#define SCENARIO_BYTES_MAX    65536
#define SCENARIO_SECTIONS_MAX 20
#define SCENARIO_STEPS_MAX    100
#define SCENARIO_BUYERS_MAX   100000
#define SCENARIO_PLACES_MAX   50 /* that one buyer picks at once */

enum step_kind {
	STEP_BROWSE, /* looks at the live map, or at what is left */
	STEP_PICK,   /* chooses seats of the map */
	STEP_PLACES, /* chooses so many places of a section */
	STEP_HOLD,
	STEP_THINK,
	STEP_CONFIRM,
	STEP_RELEASE,
	STEP_CANCEL,
	STEP_ABANDON, /* leaves what is held as it is, and ends the round */
	STEP_RETRY,   /* sends the last request again, under its key */
	STEP_QUEUE,   /* stands in line until given something */
	STEP_STOP,    /* does nothing more */
	STEP_KINDS
};

enum pick_way {
	PICK_RANDOM,     /* free ones, anywhere */
	PICK_NEIGHBOURS, /* free ones beside each other */
	PICK_HOT,        /* the first free ones */
	PICK_SAME,       /* the first ones, free or not */
	PICK_ANY,        /* any, free or not, in any order */
	PICK_OWN,        /* those of the buyer's own number */
	PICK_WAYS
};

struct step {
	enum step_kind kind;
	int line;
	int64_t least, most; /* milliseconds to think, or how many places */
	int64_t percent;     /* how often it is done */
	enum pick_way way;
	const char *section; /* NULL: any */
};

/* A number, or as many as there are buyers. */
struct scenario_size {
	int64_t number;
	bool buyers;
};

struct scenario_section {
	const char *name;
	bool seated;
	struct scenario_size rows, seats; /* seats of a row; without rows the capacity */
};

struct scenario {
	const char *name, *about;
	int64_t buyers;
	int64_t duration_s;
	int64_t ramp_s;       /* the buyers come within so long */
	int64_t rate;         /* open loop: so many arrivals a second; 0: closed */
	int64_t hold_seconds; /* of the event that is made; 0: the configuration's */
	bool own;             /* nothing but an event of its own will do */
	bool scale;           /* the event has as many rows as there are buyers, in proportion */
	struct scenario_section sections[SCENARIO_SECTIONS_MAX];
	size_t sections_count;
	struct step steps[SCENARIO_STEPS_MAX];
	size_t steps_count;
	int64_t rounds; /* how often each buyer does all of it; 0: until the time is over */
	bool until_sold_out;
	struct expectation expectations[EXPECT_MAX];
	size_t expectations_count;
};

/*
 * Reads a scenario out of text, which is changed and must live as long as it. NULL: done; else what
 * is wrong, "line 7: …", on the arena.
 */
const char *scenario_parse(
	struct scenario *scenario, struct arena *arena, const char *name, char *text, size_t len);

/*
 * Finds it by its name or path, and reads it. NULL: done; else what is wrong. Names are looked for
 * in the directory HOLDFAST_SCENARIOS, beside the configuration file (scenarios/), in
 * conf/scenarios of the tree that the program was built in, and where packages put them.
 */
const char *scenario_load(
	struct scenario *scenario, struct arena *arena, const char *name, const char *conf_file);

/* Prints the names of all that are found, with a line each. False: there are none. */
bool scenario_list(struct arena *arena, const char *conf_file, FILE *out);

/* Whether its buyers choose seats. */
bool scenario_wants_seats(const struct scenario *scenario);

#endif
