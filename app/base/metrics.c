/*
 * Counting: places in metric.def, atomic additions.
 */
#include "base/metrics.h"

#include "base/metrics_parts.h"

#define AWAY_GAP_US 5000000 /* nobody has met the server for so long: nothing is known */

struct metrics_file metrics_own;
struct metrics_file *metrics_at = &metrics_own;

const int64_t metrics_bounds_us[METRICS_BUCKETS - 1] = { METRICS_BOUNDS_US };

#define METRIC_SET(set, label)      static const char *const values_##set[] = {
#define METRIC_VALUE(set, id, text) text,
/* clang-format off */
#define METRIC_SET_END(set)         NULL };
/* clang-format on */
#include "base/metric_rows.h"

const struct metric_set_row metric_sets[METRIC_SETS] = {
#define METRIC_SET(set, label) { label, values_##set, METRIC_##set##_COUNT_ },
#include "base/metric_rows.h"
};

const struct metric_row metric_rows[METRICS] = {
#define METRIC(id, kind, name, a, b, help)                                                         \
	{ METRIC_##kind, name, help, METRIC_SET_##a, METRIC_SET_##b, METRICS_AT_##id },
#include "base/metric_rows.h"
};

static void
cell_add(int cell, int64_t n)
{
	__atomic_fetch_add(&metrics_at->cells[cell], (uint64_t)n, __ATOMIC_RELAXED);
}

void
metrics_add_pair(enum metric metric, int a, int b, int64_t n)
{
	const struct metric_row *row = &metric_rows[metric];

	assert(row->kind == METRIC_COUNTER || row->kind == METRIC_SECONDS);
	assert(a >= 0 && a < metric_sets[row->a].count);
	assert(b >= 0 && b < metric_sets[row->b].count);
	cell_add(row->at + a * metric_sets[row->b].count + b, n);
}

void
metrics_add(enum metric metric, int value, int64_t n)
{
	metrics_add_pair(metric, value, 0, n);
}

void
metrics_observe(enum metric metric, int value, int64_t us)
{
	const struct metric_row *row = &metric_rows[metric];
	int first = row->at + value * (METRICS_BUCKETS + 1);
	int bucket = 0;

	assert(row->kind == METRIC_HISTOGRAM && value >= 0 && value < metric_sets[row->a].count);
	while (bucket < METRICS_BUCKETS - 1 && us > metrics_bounds_us[bucket])
		bucket++;
	cell_add(first + bucket, 1);
	cell_add(first + METRICS_SUM, us);
}

/* Whoever moves the moment forward counts the time up to it, so that no second counts twice. */
void
metrics_away(int server, int64_t now_us)
{
	int64_t *moment, last;

	assert(server >= 0 && server < METRIC_SERVER_COUNT_);
	moment = &metrics_at->head.away_us[server];
	last = __atomic_load_n(moment, __ATOMIC_RELAXED);
	/* A moment of the future was written before the machine last started. */
	if ((last == now_us) || (last > now_us && last - now_us < AWAY_GAP_US))
		return;
	if (__atomic_compare_exchange_n(
		    moment, &last, now_us, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED) &&
		last < now_us && now_us - last < AWAY_GAP_US)
		metrics_add(METRIC_DEGRADED, server, now_us - last);
}

int
metrics_code(int status)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", status);
	for (int i = 0; i < METRIC_CODE_OTHER; i++) {
		if (strcmp(values_CODE[i], text) == 0)
			return i;
	}
	return METRIC_CODE_OTHER;
}
