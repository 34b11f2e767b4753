/*
 * What a run shows: how it goes while it runs, and how it went.
 */
#ifndef HOLDFAST_SHOW_H
#define HOLDFAST_SHOW_H

#include <stdio.h>

#include "load/crowd.h"

struct show {
	bool quiet;
	bool terminal;                     /* one line, written over and over */
	int64_t last_us, next_us;          /* when it was last shown, and is to be shown again */
	int64_t calls, good, refused, bad; /* until then */
	size_t width;                      /* of the line that stands on the terminal */
};

void show_init(struct show *show, bool quiet);

/* A line about accounts, or about the run, when it is time for one. */
void show_accounts(struct show *show, const struct crowd *crowd, int64_t ready);
void show_run(struct show *show, struct crowd *crowd, int64_t began_us, int64_t ends_us);

/* Ends the line on a terminal. */
void show_end(struct show *show);

struct outcome {
	const char *url;
	double seconds;
	int64_t seed;
	bool interrupted;
	const struct expectation *expectations;
	size_t expectations_count;
	struct expect_known known;
};

/* How many expectations have failed. */
int64_t show_outcome(const struct crowd *crowd, const struct outcome *outcome);

/* The same as JSON, in place of what the file has, and closes it. False, with errno. */
bool show_report(const struct crowd *crowd, const struct outcome *outcome, FILE *file);

#endif
