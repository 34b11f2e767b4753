/*
 * The frame of every job.
 */
#include "jobs/job.h"

#include <inttypes.h>
#include <signal.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/str.h"
#include "domain/notice.h"
#include "queries.h"

#define EXIT_USAGE     2
#define EXIT_TEMPORARY 75

#define COMMON_OPTIONS                                                                             \
	"  --dry-run          say what it would do, change nothing\n"                              \
	"  --limit N          do at most N rows\n"                                                 \
	"  --for SECONDS      begin no batch after so long\n"                                      \
	"  --verbose          say more\n"                                                          \
	"Exit status: 0 done, or another copy is running; 1 failed; 2 usage; 75 a server is "      \
	"away.\n"

static volatile sig_atomic_t stopping;

static void
note_stop(int signal)
{
	(void)signal;
	stopping = 1;
}

/* Calls that are under way go on: a batch is ended by its own transaction alone. */
static void
catch_signals(void)
{
	struct sigaction action = { .sa_handler = note_stop, .sa_flags = SA_RESTART };

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int64_t
number_option(struct conf *conf, const char *name, int64_t fallback)
{
	const char *text = NULL;
	int64_t n = fallback;

	if (conf_option(conf, name, &text) && !str_to_int(text, 1, INT64_C(1000000000), &n)) {
		fprintf(stderr, "holdfast-%s: --%s needs a number of 1 or more\n", conf->program,
			name);
		exit(EXIT_USAGE);
	}
	return n;
}

/* alone: false where another copy is at it. */
static enum problem
begin(struct context *house, const struct job_run *run, bool *alone)
{
	struct pg_rows rows;
	enum problem err;

	context_renew(house);
	err = query_job_begin(
		house->pg, house->arena, house->deadline_us, house->why, &rows, run->name);
	*alone = !err && pg_bool(&rows, 0, JOB_BEGIN_ALONE);
	return err;
}

/* Tells how far the run is. alone: false where the lock was lost with its connection. */
static enum problem
beat(struct context *house, const struct job_run *run, bool *alone)
{
	struct pg_rows rows;
	enum problem err;

	context_renew(house);
	err = query_job_beat(house->pg, house->arena, house->deadline_us, house->why, &rows,
		run->name, run->rows);
	*alone = !err && pg_bool(&rows, 0, JOB_BEAT_ALONE);
	return err;
}

/* Batches until there is nothing left, the limit or the time is reached, or a signal came. */
static enum problem
run_batches(const struct job *job, struct context *house, struct job_run *run, int64_t until_us,
	bool *alone)
{
	enum problem err;
	int64_t done;

	for (;;) {
		done = 0;
		metrics_tick(clock_monotonic_us());
		run->more = false;
		*house->why = (struct problem_why){ 0 };
		context_renew(house);
		err = job->batch(house, run, &done);
		run->rows += done;
		notice_idle(house);
		arena_reset(house->arena);
		FAULT("job.batched");
		if (err || !(run->more || (done > 0 && !run->dry_run)) || run->rows >= run->limit ||
			stopping || clock_monotonic_us() >= until_us)
			return err;
		if (run->dry_run || run->apart)
			continue;
		err = beat(house, run, alone);
		arena_reset(house->arena);
		if (err || !*alone)
			return err;
	}
}

/* What is told of a run that did not do all its work: NULL, it did. */
static const char *
error_of(const struct job_run *run, enum problem err)
{
	return err ? problem_rows[err].slug : run->failed ? "failed" : NULL;
}

/* What cannot be written now is told by the next run's beginning: this one has not ended. */
static void
end(struct context *house, const struct job_run *run, const char *error)
{
	struct problem_why ignored = { 0 };
	struct pg_rows rows;

	context_renew(house);
	query_job_end(house->pg, house->arena, house->deadline_us, &ignored, &rows, run->name,
		run->rows, error);
}

/* The one line of a run. */
static void
log_run(const struct job_run *run, int64_t began_us, bool alone, const char *error)
{
	log_line(error ? LOG_ERROR : LOG_INFO,
		"job=%s rows=%" PRId64 " ms=%" PRId64 "%s%s%s%s%s%s%s", run->name, run->rows,
		(clock_monotonic_us() - began_us) / 1000, run->dry_run ? " dry_run=yes" : "",
		alone ? "" : " busy=yes", stopping ? " stopped=yes" : "", run->detail ? " " : "",
		run->detail ? run->detail : "", error ? " error=" : "", error ? error : "");
}

static int
run_job(const struct job *job, struct context *house, struct job_run *run)
{
	int64_t began_us = clock_monotonic_us();
	bool kept = !run->dry_run && !run->apart, alone = true;
	enum problem err = PROBLEM_NONE;

	if (kept)
		err = begin(house, run, &alone);
	if (!err && !alone) {
		log_line(LOG_DEBUG, "job=%s busy=yes", run->name);
		return 0;
	}
	if (!err) {
		FAULT("job.begun");
		err = run_batches(job, house, run, began_us + run->for_seconds * 1000000, &alone);
		if (kept)
			end(house, run, error_of(run, err));
	}
	log_run(run, began_us, err || alone, error_of(run, err));
	if (err == PROBLEM_UNAVAILABLE || err == PROBLEM_UNKNOWN_OUTCOME)
		return EXIT_TEMPORARY;
	return err || run->failed ? 1 : 0;
}

int
job_main(const struct job *job, int argc, char **argv)
{
	struct conf_program program = job->program;
	struct problem_why why = { 0 };
	struct context house;
	struct job_run run;
	static struct conf conf; /* what it points to lives as long as the process */
	struct arena *arena = arena_new();
	int status;

	program.options =
		arena_printf(arena, "%s" COMMON_OPTIONS, program.options ? program.options : "");
	conf_load(&conf, &program, argc, argv);
	run = (struct job_run){ .arena = arena, .limit = number_option(&conf, "limit", INT64_MAX) };
	run.dry_run = conf_option(&conf, "dry-run", NULL);
	run.verbose = conf_option(&conf, "verbose", NULL);
	run.for_seconds = number_option(&conf, "for", 0);
	run.name = conf.program;
	if (job->options)
		job->options(&conf, &run);
	if (run.for_seconds == 0)
		run.for_seconds = job->for_seconds;
	conf_done(&conf, 0);
	if (job->derives_ids)
		conf_need_id_secret(&conf);
	catch_signals();
	log_init(conf.program, run.verbose ? LOG_DEBUG : log_level_of(conf.log_level));
	/* Where there is no file the pools say so. */
	metrics_open(conf.metrics_file, NULL, 0);
	house = (struct context){ .conf = &conf,
		.pg = pg_open(&conf),
		.redis = redis_open(&conf),
		.arena = arena_new(),
		.why = &why };
	status = run_job(job, &house, &run);
	pg_close(house.pg);
	notice_settle(&house);
	redis_close(house.redis);
	metrics_close();
	arena_free(house.arena);
	arena_free(arena);
	return status;
}
