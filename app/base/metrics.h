/*
 * Numbers about all processes of all pools and jobs, summed where they arise: each process maps
 * the same file (setting metrics_file) and adds to it with atomic instructions. Counting costs no
 * system call and no lock, and what a process has counted stays when it is killed.
 *
 * The file is never trusted: places and bounds are fixed when this is compiled, so that rubbish in
 * it gives wrong numbers and nothing else. Without a file, counts go to memory of this process.
 */
#ifndef HOLDFAST_METRICS_H
#define HOLDFAST_METRICS_H

#include "base/str.h"

#define METRICS_ROUTES_MAX 128

/* METRIC_REQUESTS, METRIC_DRIFT, … */
enum metric {
#define METRIC(id, kind, name, a, b, help) METRIC_##id,
#include "base/metric_rows.h"
	METRICS
};

/* Values of labels, from 0 in each set: METRIC_DRIFT_SEAT, …; METRIC_DRIFT_COUNT_ are there. */
enum metric_value {
#define METRIC_SET(set, label)      METRIC_##set##_BEFORE_ = -1,
#define METRIC_VALUE(set, id, text) METRIC_##set##_##id,
#define METRIC_VALUES(set, count)   METRIC_##set##_LAST_ = METRIC_##set##_NONE + (count),
#define METRIC_SET_END(set)         METRIC_##set##_COUNT_,
#include "base/metric_rows.h"
};

/* Adds n to a counter (SECONDS: microseconds). value: of its label; 0 where it has none. */
void metrics_add(enum metric metric, int value, int64_t n);

/* The same for a counter with two labels. */
void metrics_add_pair(enum metric metric, int a, int b, int64_t n);

/* One observation of a histogram. */
void metrics_observe(enum metric metric, int value, int64_t us);

/*
 * The server (METRIC_SERVER_…) was just found up, or away: then the time since this process found
 * it so before counts as degraded, as far as no other process has counted it.
 */
void metrics_met(int server, bool up, int64_t now_us);

/* The value of METRIC_CODE_… for a status. */
int metrics_code(int status);

/* ---- the file -------------------------------------------------------------------------------- */

struct metrics_route {
	const char *method;
	const char *path;
};

/*
 * Opens or makes the file; path "": stays within this process. A damaged file is replaced. One of
 * another layout is replaced by a pool, which has routes (and keeps them for as long as it lives),
 * and left alone by a job, which has none (NULL, 0). False: not possible now, tried again later.
 */
bool metrics_open(const char *path, const struct metrics_route *routes, size_t count);

/* Makes this process one of the workers of a pool, until it ends, however that is. */
void metrics_join(const char *pool);

/* Between requests: every few seconds looks whether the file is still there, and the same. */
void metrics_tick(int64_t now_us);

/* Whether others' counts are seen here. */
bool metrics_shared(void);

void metrics_close(void);

/* ---- the text -------------------------------------------------------------------------------- */

/* All that is kept, in Prometheus' text format 0.0.4, and the processes that live. */
void metrics_write(struct str *out);

/* HELP and TYPE of a gauge; then its numbers, one a value of its label (NULL: it has none). */
void metrics_family(struct str *out, enum metric metric);
void metrics_sample(struct str *out, enum metric metric, const char *value, double number);

#endif
