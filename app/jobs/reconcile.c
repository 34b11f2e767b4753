/*
 * holdfast-reconcile: keeps Redis equal to PostgreSQL.
 *
 * Light, each minute: a quick look at every event that is sold or lately was; one that does not
 * agree is compared as a whole. Full, each hour: every event that is sold or that Redis keeps
 * anything of is compared as a whole; what is kept of events that are over, or are not, goes. An
 * event that should be kept and is not is built.
 */
#include "jobs/job.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/metrics.h"
#include "base/str.h"
#include "domain/filter.h"
#include "queries.h"

#define EXIT_USAGE       2

#define GLANCE_PAGE      100
#define WANTED_PAGE      1000
#define FULL_FOR_SECONDS 3000
#define BUDGET_US        INT64_C(600000000) /* of one event: the statement timeout of the role */

/* Where the next events come from. */
enum source { FROM_GLANCE, FROM_WANTED, FROM_KEPT, FROM_NOWHERE };

struct work {
	bool full;
	int64_t event_id; /* --event; 0: none */
	enum source source;
	int32_t after;      /* the last event of the page before */
	const char *cursor; /* of the keys in Redis */
	int32_t *queue;     /* events to be compared, and those of them to be removed: negative */
	size_t room, count, at;
	struct map seen; /* events that a full run has had */
	struct filter_drift sum;
	int64_t events, compared, missing, busy, removed;
};

static void
options(struct conf *conf, struct job_run *run)
{
	struct work *work = ARENA_NEW(run->arena, struct work);
	const char *event = NULL;
	bool light = conf_option(conf, "light", NULL);

	work->full = conf_option(conf, "full", NULL);
	conf_option(conf, "event", &event);
	if (light + work->full + !!event > 1 ||
		(event && !str_to_int(event, 1, INT32_MAX, &work->event_id))) {
		fprintf(stderr, "holdfast-reconcile: give one of --light, --full and --event "
				"with the number of an event\n");
		exit(EXIT_USAGE);
	}
	if (conf->redis_timeout_ms < FILTER_PATIENCE_MS)
		conf->redis_timeout_ms = FILTER_PATIENCE_MS;
	if (work->full) {
		run->name = "reconcile-full";
		run->for_seconds = run->for_seconds ? run->for_seconds : FULL_FOR_SECONDS;
	}
	run->apart = event;
	work->source = event ? FROM_NOWHERE : work->full ? FROM_WANTED : FROM_GLANCE;
	work->cursor = "0";
	map_init(&work->seen, run->arena);
	run->state = work;
}

/* ---- which events ---------------------------------------------------------------------------- */

static void
enqueue(struct job_run *run, struct work *work, int32_t event_id)
{
	size_t room = work->room ? 2 * work->room : WANTED_PAGE;
	int32_t *queue;

	if (work->count == work->room) {
		queue = ARENA_ARRAY(run->arena, int32_t, room);
		if (work->count > 0)
			memcpy(queue, work->queue, work->count * sizeof(*queue));
		work->queue = queue;
		work->room = room;
	}
	work->queue[work->count++] = event_id;
}

/* Whether a full run meets this event for the first time. */
static bool
is_new(struct job_run *run, struct work *work, int32_t event_id)
{
	const char *name = str_int(run->arena, event_id);

	if (map_get(&work->seen, name))
		return false;
	map_set(&work->seen, name, work);
	return true;
}

static enum problem
next_glance(struct context *house, struct job_run *run, struct work *work)
{
	struct filter_doubt *doubts;
	int64_t left = run->limit - run->rows, events = 0;
	int64_t page = left < GLANCE_PAGE ? left : GLANCE_PAGE;
	int32_t last;
	size_t count;
	enum problem err = filter_glance(
		house, work->after, page, run->dry_run, &events, &last, &doubts, &count);

	if (err)
		return err;
	work->events += events - (int64_t)count; /* those are counted when they are compared */
	for (size_t i = 0; i < count; i++) {
		enqueue(run, work, doubts[i].event_id);
		if (run->verbose)
			printf("event=%" PRId32 " differs=%s\n", doubts[i].event_id, doubts[i].why);
	}
	work->after = last;
	if (events < page)
		work->source = FROM_NOWHERE;
	return PROBLEM_NONE;
}

static enum problem
next_wanted(struct context *house, struct job_run *run, struct work *work)
{
	struct pg_rows rows;
	enum problem err = query_reconcile_wanted(house->pg, house->arena, house->deadline_us,
		house->why, &rows, work->after, WANTED_PAGE);

	if (err)
		return err;
	for (int i = 0; i < rows.count; i++) {
		work->after = (int32_t)pg_int(&rows, i, RECONCILE_WANTED_EVENT_ID);
		is_new(run, work, work->after);
		enqueue(run, work, work->after);
	}
	if (rows.count < WANTED_PAGE)
		work->source = FROM_KEPT;
	return PROBLEM_NONE;
}

/* Events that something is kept of: those that are not, or are over, are to be removed. */
static enum problem
next_kept(struct context *house, struct job_run *run, struct work *work)
{
	int32_t *events;
	int64_t *fresh;
	size_t count, n = 0;
	struct pg_rows rows;
	enum problem err = filter_kept(house, &work->cursor, &events, &count);

	if (err)
		return err;
	work->cursor = arena_strdup(run->arena, work->cursor);
	if (str_equal(work->cursor, "0"))
		work->source = FROM_NOWHERE;
	fresh = ARENA_ARRAY(house->arena, int64_t, count + 1);
	for (size_t i = 0; i < count; i++) {
		if (is_new(run, work, events[i]))
			fresh[n++] = events[i];
	}
	if (n == 0)
		return PROBLEM_NONE;
	/* After the keys were seen: an event is there before anything is kept of it. */
	err = query_filter_known(house->pg, house->arena, house->deadline_us, house->why, &rows,
		pg_array_int(house->arena, fresh, n));
	for (size_t i = 0; !err && i < n; i++) {
		bool known = false;

		for (int row = 0; row < rows.count && !known; row++)
			known = pg_int(&rows, row, FILTER_KNOWN_EVENT_ID) == fresh[i] &&
				!pg_bool(&rows, row, FILTER_KNOWN_OVER);
		enqueue(run, work, (int32_t)(known ? fresh[i] : -fresh[i]));
	}
	return err;
}

/* ---- one event ------------------------------------------------------------------------------- */

static void
add_drift(struct job_run *run, struct work *work, const struct filter_drift *drift)
{
	const struct {
		int value;
		int64_t found;
		int64_t *sum;
	} kinds[] = {
		{ METRIC_DRIFT_MISSING, drift->missing && !drift->event_wrong, &work->missing },
		{ METRIC_DRIFT_EVENT, drift->event_wrong, &work->sum.event_wrong },
		{ METRIC_DRIFT_ENTRY, drift->entries_wrong, &work->sum.entries_wrong },
		{ METRIC_DRIFT_SEAT, drift->seats_wrong, &work->sum.seats_wrong },
		{ METRIC_DRIFT_COUNT, drift->counts_wrong, &work->sum.counts_wrong },
		{ METRIC_DRIFT_DEADLINE, drift->deadlines_wrong, &work->sum.deadlines_wrong },
		{ METRIC_DRIFT_ID, drift->ids_unknown, &work->sum.ids_unknown },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		*kinds[i].sum += kinds[i].found;
		if (!run->dry_run && kinds[i].found > 0)
			metrics_add(METRIC_DRIFT, kinds[i].value, kinds[i].found);
	}
	work->sum.entries += drift->entries;
	work->sum.repaired += drift->repaired;
	work->sum.skipped += drift->skipped;
	work->compared += !drift->busy;
	work->busy += drift->busy;
	if (run->dry_run)
		return;
	metrics_add(METRIC_COMPARED, METRIC_COMPARED_COMPARED, drift->entries);
	metrics_add(METRIC_COMPARED, METRIC_COMPARED_REPAIRED, drift->repaired);
	metrics_add(METRIC_COMPARED, METRIC_COMPARED_SKIPPED, drift->skipped);
}

/* What --event prints. */
static void
print_drift(int32_t event_id, const struct filter_drift *drift)
{
	if (drift->busy) {
		printf("event=%" PRId32 " busy=yes", event_id);
		if (drift->repaired > 0)
			printf(" repaired=%" PRId64, drift->repaired);
		printf("\n");
		return;
	}
	printf("event=%" PRId32 " %sevent_wrong=%" PRId64 " entries=%" PRId64
	       " entries_wrong=%" PRId64 " seats_wrong=%" PRId64 " counts_wrong=%" PRId64
	       " deadlines_wrong=%" PRId64 " ids_unknown=%" PRId64 " repaired=%" PRId64
	       " skipped=%" PRId64 "\n",
		event_id, drift->missing ? "rebuilt=yes " : "", drift->event_wrong, drift->entries,
		drift->entries_wrong, drift->seats_wrong, drift->counts_wrong,
		drift->deadlines_wrong, drift->ids_unknown, drift->repaired, drift->skipped);
}

static enum problem
discard(struct context *house, struct job_run *run, struct work *work, int32_t event_id)
{
	if (run->verbose || work->event_id)
		printf("event=%" PRId32 " over=yes\n", event_id);
	work->removed++;
	if (run->dry_run)
		return PROBLEM_NONE;
	metrics_add(METRIC_DRIFT, METRIC_DRIFT_STALE, 1);
	return filter_discard(house, event_id) ? PROBLEM_NONE : PROBLEM_UNAVAILABLE;
}

static enum problem
compare(struct context *house, struct job_run *run, struct work *work, int32_t event_id)
{
	const char *reason = "another-is-at-it";
	struct filter_drift drift;
	enum problem err = filter_reconcile(house, event_id, !run->dry_run, &drift);

	/* Its fence was another's: it is looked at by whoever that is. */
	if (err == PROBLEM_UNAVAILABLE && pg_is_up(house->pg) && redis_is_up(house->redis)) {
		reason = "fence-lost";
		drift = (struct filter_drift){ .busy = true, .repaired = drift.repaired };
		err = PROBLEM_NONE;
	}
	/* What a repair would have asked first. */
	if (!err && run->dry_run && drift.missing)
		err = filter_ask_over(house, event_id, &drift.over);
	if (err && err != PROBLEM_NOT_FOUND)
		return err;
	if (err || drift.over) {
		enum problem gone = discard(house, run, work, event_id);

		/* Whoever names one that is none hears it. */
		return gone || !work->event_id ? gone : err;
	}
	if (drift.busy)
		log_line(LOG_INFO, "event=%" PRId32 " busy=yes reason=%s", event_id, reason);
	for (size_t i = 0; run->verbose && i < drift.differences_count; i++) {
		if (!work->event_id)
			printf("event=%" PRId32 " ", event_id);
		printf("%s\n", drift.differences[i]);
	}
	if (work->event_id)
		print_drift(event_id, &drift);
	add_drift(run, work, &drift);
	return PROBLEM_NONE;
}

/* ---- the run --------------------------------------------------------------------------------- */

static enum problem
one(struct context *house, struct job_run *run, struct work *work)
{
	int32_t event_id = work->queue[work->at++];

	if (work->at == work->count)
		work->at = work->count = 0;
	return event_id > 0 ? compare(house, run, work, event_id)
			    : discard(house, run, work, -event_id);
}

static enum problem
more(struct context *house, struct job_run *run, struct work *work)
{
	switch (work->source) {
	case FROM_GLANCE:
		return next_glance(house, run, work);
	case FROM_WANTED:
		return next_wanted(house, run, work);
	case FROM_KEPT:
		return next_kept(house, run, work);
	case FROM_NOWHERE:
		break;
	}
	return PROBLEM_NONE;
}

static void
summarize(struct job_run *run, const struct work *work)
{
	static char detail[320];

	snprintf(detail, sizeof(detail),
		"events=%" PRId64 " compared=%" PRId64 " busy=%" PRId64 " missing=%" PRId64
		" event=%" PRId64 " entry=%" PRId64 " seat=%" PRId64 " count=%" PRId64
		" deadline=%" PRId64 " id=%" PRId64 " repaired=%" PRId64 " skipped=%" PRId64
		" removed=%" PRId64,
		work->events, work->compared, work->busy, work->missing, work->sum.event_wrong,
		work->sum.entries_wrong, work->sum.seats_wrong, work->sum.counts_wrong,
		work->sum.deadlines_wrong, work->sum.ids_unknown, work->sum.repaired,
		work->sum.skipped, work->removed);
	run->detail = detail;
}

static enum problem
batch(struct context *house, struct job_run *run, int64_t *done)
{
	struct work *work = run->state;
	int64_t before = work->events;
	enum problem err = PROBLEM_NONE;

	house->deadline_us = clock_monotonic_us() + BUDGET_US;
	if (work->event_id && work->compared + work->busy + work->removed == 0 && work->count == 0)
		enqueue(run, work, (int32_t)work->event_id);
	/* Without Redis there is nothing to keep equal. */
	if (*house->conf->redis_url == '\0')
		work->source = FROM_NOWHERE;
	else if (work->at < work->count) {
		err = one(house, run, work);
		work->events++;
	} else {
		err = more(house, run, work);
	}
	*done = work->events - before;
	run->more = work->at < work->count || work->source != FROM_NOWHERE;
	summarize(run, work);
	return err;
}

int
main(int argc, char **argv)
{
	static const struct job job = {
		.program = { .name = "reconcile",
			.summary = "compare what Redis keeps with PostgreSQL, and repair it",
			.usage = "[OPTION]... [--light | --full | --event ID]",
			.options =
				"  --light            a quick look at the events that are sold, a "
				"whole one where\n"
				"                     it differs (this is the default)\n"
				"  --full             all events that are sold or kept; what is "
				"over goes\n"
				"  --event ID         this event as a whole, and say what was "
				"found\n" },
		.for_seconds = 50,
		.options = options,
		.batch = batch,
	};

	return job_main(&job, argc, argv);
}
