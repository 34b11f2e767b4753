/*
 * What the parts of base/metrics share: the file's layout and the rows of metric.def.
 */
#ifndef HOLDFAST_METRICS_PARTS_H
#define HOLDFAST_METRICS_PARTS_H

#include "base/metrics.h"

/* Upper bounds of a histogram's buckets; above the last there is one more. */
#define METRICS_BOUNDS_US                                                                          \
	500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000,      \
		5000000
#define METRICS_BUCKETS 14
#define METRICS_SUM     METRICS_BUCKETS /* the cell behind the buckets: the sum in microseconds */

extern const int64_t metrics_bounds_us[METRICS_BUCKETS - 1];

enum metric_kind { METRIC_COUNTER, METRIC_SECONDS, METRIC_HISTOGRAM, METRIC_GAUGE };

enum metric_set {
#define METRIC_SET(set, label) METRIC_SET_##set,
#include "base/metric_rows.h"
	METRIC_SETS
};

struct metric_set_row {
	const char *label;
	const char *const *values; /* but of ROUTE, whose names others tell */
	int count;
};

struct metric_row {
	enum metric_kind kind;
	const char *name;
	const char *help;
	enum metric_set a, b;
	int at; /* its first cell */
};

extern const struct metric_set_row metric_sets[METRIC_SETS];
extern const struct metric_row metric_rows[METRICS];

/* Cells of a metric of each kind. */
#define METRICS_SIZE_COUNTER(a, b)   ((int)METRIC_##a##_COUNT_ * (int)METRIC_##b##_COUNT_)
#define METRICS_SIZE_SECONDS(a, b)   METRICS_SIZE_COUNTER(a, b)
#define METRICS_SIZE_HISTOGRAM(a, b) (METRICS_SIZE_COUNTER(a, b) * (METRICS_BUCKETS + 1))
#define METRICS_SIZE_GAUGE(a, b)     0

enum {
#define METRIC(id, kind, name, a, b, help)                                                         \
	METRICS_AT_##id, METRICS_END_##id = METRICS_AT_##id + METRICS_SIZE_##kind(a, b) - 1,
#include "base/metric_rows.h"
	METRICS_CELLS
};

struct metrics_head {
	uint64_t magic;
	uint64_t layout; /* fingerprint of metric.def */
	uint64_t routes; /* fingerprint of the routes; 0: nobody who knows them was here yet */
	int64_t began_s; /* since 1970 */
	int64_t away_us[METRIC_SERVER_COUNT_]; /* monotonic: when it was last met away */
};

struct metrics_file {
	union {
		struct metrics_head head;
		char line[128]; /* cells begin with a cache line of their own */
	};
	uint64_t cells[METRICS_CELLS];
};

/* What this process counts into: the mapped file, or memory of its own. */
extern struct metrics_file *metrics_at;
extern struct metrics_file metrics_own;

extern const struct metrics_route *metrics_routes;
extern size_t metrics_routes_count;

/* How many workers of a pool live, as far as the file's locks tell. */
int metrics_members(int pool);

#endif
