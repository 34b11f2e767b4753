/*
 * Findings, and how far a long run is.
 */
#ifndef HOLDFAST_REPORT_H
#define HOLDFAST_REPORT_H

#include "base/base.h"

#define REPORT_RULES     7
#define REPORT_LINES_MAX 20 /* of the history, named in one finding */

struct report {
	int64_t most;                       /* findings of a rule that are shown */
	int64_t findings[REPORT_RULES + 1]; /* by rule, from 1 */
	uint32_t lines[REPORT_LINES_MAX];   /* those of the next finding; 0 is none */
	size_t lines_count;
};

/* Names a line of the history in the next finding. 0 is not named. */
void report_line(struct report *report, uint32_t line);

/* `rule 2, lines 17 and 52: why` on standard output. */
void report_finding(struct report *report, int rule, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* How many findings of each rule were not shown; returns how many there are in all. */
int64_t report_end(const struct report *report);

/* One line on standard error: rewritten on a terminal, else now and then. */
void progress_show(const char *what, int64_t done, int64_t total);
void progress_end(void);

#endif
