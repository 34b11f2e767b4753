/*
 * holdfast-reconcile: sets right what Redis keeps of an event.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/filter.h"

#define TEMPORARY 75 /* EX_TEMPFAIL of sysexits.h */

static void
print_drift(int64_t event_id, const struct filter_drift *drift, bool verbose)
{
	for (size_t i = 0; verbose && i < drift->differences_count; i++)
		printf("%s\n", drift->differences[i]);
	printf("event=%" PRId64 " %sevent_wrong=%" PRId64 " entries=%" PRId64
	       " entries_wrong=%" PRId64 " seats_wrong=%" PRId64 " counts_wrong=%" PRId64
	       " deadlines_wrong=%" PRId64 " repaired=%" PRId64 " skipped=%" PRId64 "\n",
		event_id, drift->missing ? "rebuilt=yes " : "", drift->event_wrong, drift->entries,
		drift->entries_wrong, drift->seats_wrong, drift->counts_wrong,
		drift->deadlines_wrong, drift->repaired, drift->skipped);
}

int
main(int argc, char **argv)
{
	static const struct conf_program program = {
		.name = "reconcile",
		.summary = "compare what Redis keeps of an event with PostgreSQL, and repair it",
		.usage = "[OPTION]... --event ID",
		.options = "  --event ID         the event\n"
			   "  --dry-run          say what differs, change nothing\n"
			   "  --verbose          a line for each difference\n"
			   "Exit status: 0 done, 1 no such event or failed, 2 usage, 75 a server "
			   "is away.\n",
	};
	struct problem_why why = { 0 };
	struct filter_drift drift;
	struct context house;
	static struct conf conf;
	const char *event = NULL;
	bool dry_run, verbose;
	int64_t event_id;
	enum problem err;

	conf_load(&conf, &program, argc, argv);
	conf_option(&conf, "event", &event);
	dry_run = conf_option(&conf, "dry-run", NULL);
	verbose = conf_option(&conf, "verbose", NULL);
	conf_done(&conf, 0);
	if (conf.redis_timeout_ms < FILTER_PATIENCE_MS)
		conf.redis_timeout_ms = FILTER_PATIENCE_MS;
	if (!event || !str_to_int(event, 1, INT32_MAX, &event_id)) {
		fprintf(stderr, "holdfast-reconcile: --event needs the number of an event\n");
		return 2;
	}
	log_init("reconcile", LOG_WARN);
	house = (struct context){ .conf = &conf,
		.pg = pg_open(&conf),
		.redis = redis_open(&conf),
		.arena = arena_new(),
		.deadline_us = clock_monotonic_us() + INT64_C(600000000),
		.why = &why };
	err = filter_reconcile(&house, (int32_t)event_id, !dry_run, &drift);
	if (!err && drift.busy)
		printf("event=%" PRId64 " busy=yes\n", event_id);
	else if (!err)
		print_drift(event_id, &drift, verbose);
	else
		fprintf(stderr, "holdfast-reconcile: %s\n", problem_rows[err].title);
	redis_close(house.redis);
	pg_close(house.pg);
	arena_free(house.arena);
	return !err ? 0 : err == PROBLEM_UNAVAILABLE ? TEMPORARY : 1;
}
