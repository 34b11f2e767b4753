/*
 * Counting: places in metric.def, atomic additions.
 */
#include "base/metrics.h"

#include "base/metrics_parts.h"

#define AWAY_GAP_US 60000000

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

/*
 * What all processes have counted ends at a moment that they share, so that no second counts twice.
 * Long between two of a process tells nothing: it may just have had nothing to do.
 */
void
metrics_met(int server, bool up, int64_t now_us)
{
	static int64_t away_us[METRIC_SERVER_COUNT_];
	int64_t from, until, *shared;

	assert(server >= 0 && server < METRIC_SERVER_COUNT_);
	from = away_us[server];
	shared = &metrics_at->head.away_us[server];
	away_us[server] = up ? 0 : now_us;
	if (up)
		return;
	until = __atomic_load_n(shared, __ATOMIC_RELAXED);
	if (until == now_us || !__atomic_compare_exchange_n(shared, &until, now_us, false,
				       __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return;
	/* A moment of the future was written before the machine last started. */
	if (!from || from > now_us || now_us - from > AWAY_GAP_US)
		return;
	if (until > from && until < now_us)
		from = until;
	metrics_add(METRIC_DEGRADED, server, now_us - from);
}

int
metrics_code(int status)
{
	static long codes[METRIC_CODE_OTHER];

	for (int i = 0; i < METRIC_CODE_OTHER; i++) {
		if (!codes[i])
			codes[i] = strtol(values_CODE[i], NULL, 10);
		if (codes[i] == status)
			return i;
	}
	return METRIC_CODE_OTHER;
}
