/*
 * A run of a scenario, from its event to its report.
 */
#ifndef HOLDFAST_RUN_H
#define HOLDFAST_RUN_H

#include <stdio.h>

#include "load/scenario.h"

#define RUN_FAILED      1
#define RUN_IMPOSSIBLE  2
#define RUN_INTERRUPTED 130

/* Somebody who may make events. */
struct run_organizer {
	const char *email, *password;
};

struct run_options {
	struct scenario *scenario;
	const char *url;
	const struct run_organizer *organizer; /* NULL: an event is looked for */
	int64_t buyers, duration_s, rate, seed;
	double speed;                            /* buyers think so many times faster */
	const char *history, *accounts, *report; /* files; NULL: none */
	FILE *history_file, *report_file; /* those, open for appending, for the run to close */
	bool crash;                       /* the database crashes meanwhile */
	bool quiet;
};

/* The exit status of the program. */
int run_scenario(const struct run_options *options);

#endif
