/*
 * What a scenario expects of its run: a measure, how it compares, and with what.
 */
#ifndef HOLDFAST_EXPECT_H
#define HOLDFAST_EXPECT_H

#include "base/base.h"

#define EXPECT_MAX 64

enum measure {
	MEASURE_STATUS,     /* answers of one status */
	MEASURE_5XX,        /* answers of 500 and above */
	MEASURE_LOST,       /* requests without an answer */
	MEASURE_UNEXPECTED, /* answers that no buyer here can earn */
	MEASURE_CALLS,
	MEASURE_HOLDS,        /* new ones */
	MEASURE_HELD_ALREADY, /* holds answered with 200 */
	MEASURE_REFUSED,      /* holds answered with 409 */
	MEASURE_CONFIRMS,
	MEASURE_CANCELS,
	MEASURE_RELEASES,
	MEASURE_SERVED,    /* holds that the line has given */
	MEASURE_REPLAYS,   /* requests sent again under their key */
	MEASURE_DIFFERENT, /* replays with another answer than the first */
	MEASURE_PARTIAL,   /* 2xx with other places than those asked for */
	MEASURE_WINNERS,   /* most owners of one seat at one moment */
	MEASURE_RETAKEN,   /* us: longest from a deadline until somebody else had the seat */
	MEASURE_OVERDUE,   /* us: the same, at the end, for a seat that nobody had again */
	MEASURE_LATE,      /* confirms after the deadline */
	MEASURE_SOLD,      /* at the end */
	MEASURE_UNSOLD,    /* at the end, held ones included */
	MEASURE_BUYERS,    /* who have confirmed something */
	MEASURE_UNMET,     /* open loop: arrivals for which no buyer was free in time */
	MEASURE_P50,       /* us, of all calls of the run */
	MEASURE_P99,
	MEASURE_P999,
	MEASURE_LONGEST,
	MEASURES
};

enum expect_value { EXPECT_NUMBER, EXPECT_CAPACITY, EXPECT_BUYERS, EXPECT_OTHERS };

struct expectation {
	enum measure measure;
	int status; /* of MEASURE_STATUS */
	enum { EXPECT_EQUAL, EXPECT_AT_MOST, EXPECT_AT_LEAST, EXPECT_BELOW, EXPECT_ABOVE } how;
	enum expect_value kind;
	int64_t value;
	bool implied; /* holds for every scenario that does not say otherwise */
};

/* What is known at the end, times in us; a measure that was not taken is below 0. */
struct expect_known {
	int64_t values[MEASURES];
	const int64_t *statuses; /* 600 of them */
	int64_t capacity, buyers;
};

/*
 * Reads `MEASURE = NUMBER`: words apart, as many as count. NULL: done; else what is wrong, as a
 * sentence without its end.
 */
const char *expect_read(struct expectation *expectation, char **words, size_t count);

/* Adds it to a list, in the place of an older one of the same measure. False: the list is full. */
bool expect_add(struct expectation *list, size_t *count, const struct expectation *expectation);

/* Adds those that hold for every run. */
void expect_imply(struct expectation *list, size_t *count);

const char *expect_name(enum measure measure);

#define EXPECT_TEXT 64 /* room for either of the following */

/* "holds >= 3", and the value that it is judged by: of times in ms, "1000.9", as they are. */
void expect_write(const struct expectation *expectation, char *out);
void expect_write_value(
	const struct expectation *expectation, const struct expect_known *known, char *out);

/* The value of a measure that is no status. */
void expect_write_measure(enum measure measure, const struct expect_known *known, char *out);

enum expect_verdict { EXPECT_MET, EXPECT_FAILED, EXPECT_UNJUDGED };

enum expect_verdict
expect_judge(const struct expectation *expectation, const struct expect_known *known);

#endif
