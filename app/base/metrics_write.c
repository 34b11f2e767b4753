/*
 * What has been counted as text: Prometheus' format 0.0.4.
 */
#include "base/metrics.h"

#include <inttypes.h>

#include "base/metrics_parts.h"
#include "base/problem.h"

static uint64_t
cell(int at)
{
	return __atomic_load_n(&metrics_at->cells[at], __ATOMIC_RELAXED);
}

void
metrics_family(struct str *out, enum metric metric)
{
	static const char *const types[] = { "counter", "counter", "histogram", "gauge" };
	const struct metric_row *row = &metric_rows[metric];

	str_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
		types[row->kind]);
}

/* `label="value"`, what the format gives a meaning escaped. */
static void
add_label(struct str *out, const char *label, const char *value)
{
	str_printf(out, "%s=\"", label);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			str_add_char(out, '\\');
		if (*value == '\n')
			str_add(out, "\\n");
		else
			str_add_char(out, *value);
	}
	str_add_char(out, '"');
}

static int
count_of(enum metric_set set)
{
	return set == METRIC_SET_ROUTE ? (int)metrics_routes_count + 1 : metric_sets[set].count;
}

/* The labels of one value of a set; of a route there are two. */
static void
add_value(struct str *out, enum metric_set set, int value)
{
	if (set == METRIC_SET_ROUTE && value > 0) {
		add_label(out, "method", metrics_routes[value - 1].method);
		str_add_char(out, ',');
		add_label(out, metric_sets[set].label, metrics_routes[value - 1].path);
	} else if (set == METRIC_SET_ROUTE) {
		add_label(out, "method", "any");
		str_add_char(out, ',');
		add_label(out, metric_sets[set].label, metric_sets[set].values[0]);
	} else {
		add_label(out, metric_sets[set].label, metric_sets[set].values[value]);
	}
}

/*
 * Of two labels only what has happened is shown, and always what alerts wait for: a series that
 * begins at 1 would hide its first event from them.
 */
static bool
is_shown(const struct metric_row *row, int b)
{
	int problem = b - METRIC_OUTCOME_REPLAY;

	if (row->b == METRIC_SET_NONE)
		return true;
	if (row->b == METRIC_SET_CODE)
		return *metric_sets[row->b].values[b] == '5';
	return row->b != METRIC_SET_OUTCOME || problem <= 0 || problem_rows[problem].status >= 500;
}

static void
write_counter(struct str *out, const struct metric_row *row)
{
	for (int a = 0; a < count_of(row->a); a++) {
		for (int b = 0; b < count_of(row->b); b++) {
			uint64_t n = cell(row->at + a * metric_sets[row->b].count + b);

			if (n == 0 && !is_shown(row, b))
				continue;
			str_add(out, row->name);
			if (row->a != METRIC_SET_NONE) {
				str_add_char(out, '{');
				add_value(out, row->a, a);
				if (row->b != METRIC_SET_NONE) {
					str_add_char(out, ',');
					add_value(out, row->b, b);
				}
				str_add_char(out, '}');
			}
			if (row->kind == METRIC_SECONDS)
				str_printf(out, " %" PRIu64 ".%06d\n", n / 1000000,
					(int)(n % 1000000));
			else
				str_printf(out, " %" PRIu64 "\n", n);
		}
	}
}

/* `name_suffix{labels,le="bound"} ` */
static void
add_series(struct str *out, const struct metric_row *row, int value, const char *suffix,
	const char *bound)
{
	bool labelled = row->a != METRIC_SET_NONE;

	str_printf(out, "%s%s", row->name, suffix);
	if (labelled || bound)
		str_add_char(out, '{');
	if (labelled)
		add_value(out, row->a, value);
	if (labelled && bound)
		str_add_char(out, ',');
	if (bound)
		add_label(out, "le", bound);
	if (labelled || bound)
		str_add_char(out, '}');
	str_add_char(out, ' ');
}

/* The count is the sum of the buckets, so that all numbers fit together whatever is added
 * meanwhile. */
static void
write_histogram(struct str *out, const struct metric_row *row)
{
	char bound[32];

	for (int value = 0; value < count_of(row->a); value++) {
		int at = row->at + value * (METRICS_BUCKETS + 1);
		uint64_t counts[METRICS_BUCKETS], total = 0, sum;

		for (int i = 0; i < METRICS_BUCKETS; i++)
			counts[i] = total += cell(at + i);
		if (row->a != METRIC_SET_NONE && total == 0)
			continue;
		for (int i = 0; i < METRICS_BUCKETS - 1; i++) {
			snprintf(bound, sizeof(bound), "%g", (double)metrics_bounds_us[i] / 1e6);
			add_series(out, row, value, "_bucket", bound);
			str_printf(out, "%" PRIu64 "\n", counts[i]);
		}
		add_series(out, row, value, "_bucket", "+Inf");
		str_printf(out, "%" PRIu64 "\n", total);
		sum = cell(at + METRICS_SUM);
		add_series(out, row, value, "_sum", NULL);
		str_printf(out, "%" PRIu64 ".%06d\n", sum / 1000000, (int)(sum % 1000000));
		add_series(out, row, value, "_count", NULL);
		str_printf(out, "%" PRIu64 "\n", total);
	}
}

void
metrics_sample(struct str *out, enum metric metric, const char *value, double number)
{
	const struct metric_row *row = &metric_rows[metric];

	assert(row->kind == METRIC_GAUGE && !value == (row->a == METRIC_SET_NONE));
	str_add(out, row->name);
	if (value) {
		str_add_char(out, '{');
		add_label(out, metric_sets[row->a].label, value);
		str_add_char(out, '}');
	}
	str_printf(out, " %.15g\n", number);
}

void
metrics_write(struct str *out)
{
	for (int metric = 0; metric < METRICS; metric++) {
		const struct metric_row *row = &metric_rows[metric];

		if (row->kind == METRIC_GAUGE)
			continue;
		metrics_family(out, (enum metric)metric);
		if (row->kind == METRIC_HISTOGRAM)
			write_histogram(out, row);
		else
			write_counter(out, row);
	}
	metrics_family(out, METRIC_PROCESSES);
	for (int pool = 0; pool < METRIC_POOL_COUNT_; pool++)
		metrics_sample(out, METRIC_PROCESSES, metric_sets[METRIC_SET_POOL].values[pool],
			metrics_members(pool));
	metrics_family(out, METRIC_START_TIME);
	metrics_sample(out, METRIC_START_TIME, NULL, (double)metrics_at->head.began_s);
	metrics_family(out, METRIC_BUILD_INFO);
	metrics_sample(out, METRIC_BUILD_INFO, HOLDFAST_VERSION, 1);
}
