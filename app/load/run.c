/*
 * The frame of a run: the event, the accounts, the time, and the end, however it comes.
 */
#include "load/run.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "load/show.h"

#define ENTERING_MAX 16 /* hashing passwords is dear */
#define STEP_US      100000
#define DRAIN_US     10000000 /* time for the last answers */
#define HURRY_US     1000000  /* the same, where the run was cut short */
#define LOOK_TRIES   12
#define LOOK_PAUSE   250 /* ms */

static volatile sig_atomic_t stopped;

/* All of one run. */
struct run {
	const struct run_options *options;
	struct crowd crowd;
	struct ask ask;
	struct arena *kept; /* as long as the run */
	struct show show;
	int64_t entered, to_enter;
	char *other_accounts; /* lines of the file that nobody here needs */
	int64_t began_us, ends_us, ended_us;
	bool timed_out;
	/* Open loop: buyers who may come, and who comes next. */
	struct buyer *rested;
	struct timer arrival;
	int64_t arrivals;
};

static struct run run;

static void
on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static int
impossible(const char *what, const char *why)
{
	show_end(&run.show);
	fprintf(stderr, "holdfast-loadgen: %s%s%s\n", what, *what ? ": " : "", why);
	return stopped ? RUN_INTERRUPTED : RUN_IMPOSSIBLE;
}

/* ---- the event ------------------------------------------------------------------------------- */

/* NULL: done. */
static const char *
log_in(const struct run_organizer *organizer)
{
	const char *body = arena_printf(run.kept, "{\"email\":\"%s\",\"password\":\"%s\"}",
		organizer->email, organizer->password);
	const char *wrong;
	const struct json *json = ask_json(&run.ask, "POST", "/auth/login", body, 200, &wrong);

	if (!json)
		return wrong;
	run.ask.token = ask_id(json, "access_token");
	return run.ask.token ? NULL : "the organizer's login cannot be read";
}

static const char *
find_stage(void)
{
	const struct run_options *options = run.options;
	const char *wrong;

	if (!options->organizer)
		return stage_find(&run.crowd.stage, &run.ask, run.kept, options->scenario);
	wrong = log_in(options->organizer);
	return wrong ? wrong
		     : stage_make(&run.crowd.stage, &run.ask, run.kept, options->scenario,
			       options->buyers);
}

/* ---- accounts -------------------------------------------------------------------------------- */

static void
on_entered(struct buyer *b)
{
	if (run.crowd.over) {
		buyer_leave(b);
		return;
	}
	b->state = BUYER_AWAY;
	run.entered++;
	if (run.to_enter < run.crowd.count)
		buyer_enter(&run.crowd.buyers[run.to_enter++], on_entered);
}

static const char *
enter_all(void)
{
	struct crowd *crowd = &run.crowd;

	while (run.to_enter < crowd->count && run.to_enter - run.entered < ENTERING_MAX)
		buyer_enter(&crowd->buyers[run.to_enter++], on_entered);
	while (run.entered < crowd->count && !stopped && !crowd->failed) {
		loop_step(&crowd->loop, STEP_US);
		show_accounts(&run.show, crowd, run.entered);
	}
	return stopped ? "interrupted" : crowd->failed;
}

static const char *
read_accounts(void)
{
	const struct run_options *options = run.options;
	struct crowd *crowd = &run.crowd;
	const char *wrong = NULL;
	size_t found = 0;

	crowd->accounts = calloc((size_t)crowd->count, sizeof(*crowd->accounts));
	crowd->buyers = calloc((size_t)crowd->count, sizeof(*crowd->buyers));
	if (!crowd->accounts || !crowd->buyers)
		abort();
	if (options->accounts)
		wrong = account_read(options->accounts, options->url, crowd->accounts,
			(size_t)crowd->count, &found, &run.other_accounts);
	for (size_t i = found; i < (size_t)crowd->count; i++)
		account_init(&crowd->accounts[i]);
	for (int64_t i = 0; i < crowd->count; i++)
		buyer_init(&crowd->buyers[i], crowd, i);
	crowd->present = crowd->count;
	return wrong;
}

static void
write_accounts(void)
{
	const struct run_options *options = run.options;

	if (options->accounts && !account_write(options->accounts, options->url, run.crowd.accounts,
					 (size_t)run.crowd.count, run.other_accounts))
		fprintf(stderr, "holdfast-loadgen: %s: %s\n", options->accounts, strerror(errno));
}

/* ---- the time -------------------------------------------------------------------------------- */

static void
first_round(struct buyer *b)
{
	buyer_begin(b, b->timer.due_us);
}

/* Open loop: when the next one is due. */
static int64_t
next_arrival_us(void)
{
	return run.began_us + (int64_t)((double)run.arrivals * 1e6 / (double)run.options->rate);
}

/* Sends in who is due, as far as anybody is there to come. */
static void
send_in(struct timer *timer)
{
	struct crowd *crowd = &run.crowd;
	int64_t now_us = clock_monotonic_us();

	while (!crowd->over) {
		int64_t due_us = next_arrival_us();

		if (!run.rested || due_us >= run.ends_us)
			return;
		if (due_us > now_us) {
			timer_set(&crowd->loop, timer, due_us);
			return;
		}
		struct buyer *b = run.rested;

		run.rested = b->next_free;
		run.arrivals++;
		buyer_begin(b, due_us);
	}
}

static void
on_rested(struct buyer *b)
{
	b->next_free = run.rested;
	run.rested = b;
	if (!run.arrival.place)
		timer_set(&run.crowd.loop, &run.arrival, clock_monotonic_us());
}

static void
begin_all(void)
{
	struct crowd *crowd = &run.crowd;
	int64_t ramp_us =
		(int64_t)((double)run.options->scenario->ramp_s * 1e6 / run.options->speed);

	/* In a run that is cut short everybody comes, too. */
	if (ramp_us > run.options->duration_s * 250000)
		ramp_us = run.options->duration_s * 250000;
	run.began_us = clock_monotonic_us();
	run.ends_us = run.began_us + run.options->duration_s * 1000000;
	run.arrival.fire = send_in;
	if (run.options->rate > 0)
		crowd->rested = on_rested;
	for (int64_t i = crowd->count - 1; i >= 0; i--) {
		struct buyer *b = &crowd->buyers[i];

		if (crowd->rested)
			on_rested(b);
		else
			buyer_wait(b, BUYER_AWAY, ramp_us * i / crowd->count, first_round);
	}
}

/* Nobody begins anything; who has asked waits for the answer, but not for ever. */
static void
end_all(void)
{
	struct crowd *crowd = &run.crowd;
	int64_t began_us = clock_monotonic_us(), now_us = began_us;

	crowd->over = true;
	for (int64_t i = 0; i < crowd->count; i++) {
		if (!crowd->buyers[i].wire.busy)
			buyer_leave(&crowd->buyers[i]);
	}
	while (crowd->present > 0 &&
		now_us < began_us + (stopped || crowd->failed ? HURRY_US : DRAIN_US)) {
		loop_step(&crowd->loop, STEP_US);
		now_us = clock_monotonic_us();
	}
	for (int64_t i = 0; i < crowd->count; i++) {
		struct buyer *b = &crowd->buyers[i];

		if (!b->wire.busy)
			continue;
		wire_close(&b->wire);
		b->wire.lost = true;
		b->wire.done_us = clock_monotonic_us();
		b->wire.done(&b->wire);
	}
}

static void
run_through(void)
{
	struct crowd *crowd = &run.crowd;

	show_init(&run.show, run.options->quiet);
	run.show.calls = crowd->tally->calls;
	begin_all();
	while (crowd->present > 0 && !stopped && clock_monotonic_us() < run.ends_us &&
		!crowd->failed) {
		loop_step(&crowd->loop, STEP_US);
		show_run(&run.show, crowd, run.began_us, run.ends_us);
	}
	run.ended_us = clock_monotonic_us();
	run.timed_out = run.ended_us >= run.ends_us;
	end_all();
	tally_finish(crowd->tally, run.ended_us + crowd->anchor_us);
	/* Who never came waited at least until now. */
	while (crowd->rested && next_arrival_us() < run.ended_us &&
		next_arrival_us() < run.ends_us) {
		tally_unmet(crowd->tally, clock_monotonic_us() - next_arrival_us());
		run.arrivals++;
	}
	show_end(&run.show);
}

/* ---- the end --------------------------------------------------------------------------------- */

static bool
has_failed(const struct outcome *outcome, enum measure measure)
{
	for (size_t i = 0; i < outcome->expectations_count; i++) {
		if (outcome->expectations[i].measure == measure &&
			expect_judge(&outcome->expectations[i], &outcome->known) == EXPECT_FAILED)
			return true;
	}
	return false;
}

/* What is sold; what was sold last may be told a moment later. */
static const char *
look(struct outcome *outcome)
{
	int64_t *values = outcome->known.values;
	const char *wrong = NULL;

	values[MEASURE_SOLD] = values[MEASURE_UNSOLD] = -1; /* not known */
	/* Who was given less time, or somebody else's event, has not failed to sell it out. */
	if (run.timed_out && (!run.options->organizer ||
				     run.options->duration_s < run.options->scenario->duration_s))
		return NULL;
	run.ask.token = run.crowd.accounts[0].access;
	for (int tries = 0; tries < LOOK_TRIES && !wrong && !stopped; tries++) {
		if (tries > 0)
			ask_pause(&run.ask, LOOK_PAUSE);
		wrong = stage_look(
			&run.crowd.stage, &run.ask, &values[MEASURE_SOLD], &values[MEASURE_UNSOLD]);
		if (!has_failed(outcome, MEASURE_SOLD) && !has_failed(outcome, MEASURE_UNSOLD))
			break;
	}
	return wrong;
}

static int
finish(void)
{
	const struct run_options *options = run.options;
	struct scenario *scenario = options->scenario;
	struct crowd *crowd = &run.crowd;
	struct outcome outcome = {
		.url = options->url,
		.seconds = (double)(run.ended_us - run.began_us) / 1e6,
		.seed = options->seed,
		.interrupted = stopped,
		.known = { .capacity = crowd->stage.capacity, .buyers = crowd->count },
	};
	const char *wrong;
	int64_t failed;

	expect_imply(scenario->expectations, &scenario->expectations_count);
	outcome.expectations = scenario->expectations;
	outcome.expectations_count = scenario->expectations_count;
	tally_known(crowd->tally, &outcome.known);
	wrong = look(&outcome);
	failed = show_outcome(crowd, &outcome);
	if (options->report_file && !show_report(crowd, &outcome, options->report_file))
		return impossible(options->report, strerror(errno));
	if (crowd->failed)
		return impossible("", crowd->failed);
	if (wrong && !stopped)
		return impossible("what was sold", wrong);
	return stopped ? RUN_INTERRUPTED : failed > 0 ? RUN_FAILED : 0;
}

static bool
begin_history(void)
{
	const struct run_options *options = run.options;
	const struct record_head head = { .scenario = options->scenario->name,
		.url = options->url,
		.event = run.crowd.stage.event_id,
		.version = HOLDFAST_VERSION,
		.began_us = clock_monotonic_us() + run.crowd.anchor_us,
		.hold_ms = run.crowd.stage.hold_ms,
		.seed = options->seed };

	if (!options->history_file)
		return true;
	/* What is no file, but a pipe, has nothing to be taken away. */
	if (ftruncate(fileno(options->history_file), 0) != 0 && errno != EINVAL)
		return false;
	run.crowd.record = record_create(options->history_file, &head);
	return true;
}

/* Everything between the first question and the last answer. */
static int
run_all(void)
{
	const struct run_options *options = run.options;
	struct crowd *crowd = &run.crowd;
	const char *wrong = target_read(&crowd->target, options->url);
	int status;

	if (wrong)
		return impossible(options->url, wrong);
	if (!wire_allow(options->buyers))
		return impossible("not enough files may be open", strerror(errno));
	wrong = find_stage();
	if (wrong)
		return impossible("the event", wrong);
	wrong = read_accounts();
	if (wrong)
		return impossible(options->accounts, wrong);
	crowd->tally = tally_new(crowd->stage.seats_count);
	crowd->tally->crash = crowd->crash;
	if (!begin_history())
		return impossible(options->history, strerror(errno));
	wrong = enter_all();
	if (wrong) {
		end_all();
		status = impossible("accounts", wrong);
	} else {
		write_accounts();
		run_through();
		status = finish();
	}
	write_accounts();
	if (crowd->record && !record_finish(crowd->record, clock_monotonic_us() + crowd->anchor_us))
		return impossible(options->history, strerror(errno));
	return status;
}

int
run_scenario(const struct run_options *options)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct crowd *crowd = &run.crowd;
	int status;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	run = (struct run){ .options = options, .kept = arena_new() };
	*crowd = (struct crowd){ .scenario = options->scenario,
		.arena = arena_new(),
		.count = options->buyers,
		.anchor_us = record_anchor_us(),
		.speed = options->speed,
		.crash = options->crash,
		.seed = options->seed };
	id_random(&crowd->run, sizeof(crowd->run));
	show_init(&run.show, options->quiet);
	if (!loop_init(&crowd->loop))
		return impossible("epoll", strerror(errno));
	ask_init(&run.ask, &crowd->loop, &crowd->target, run.kept, &stopped);
	status = run_all();
	for (int64_t i = 0; crowd->buyers && i < crowd->count; i++) {
		buyer_release(&crowd->buyers[i]);
		free(crowd->accounts[i].access);
	}
	free(crowd->buyers);
	free(crowd->accounts);
	free(run.other_accounts);
	if (crowd->tally)
		tally_free(crowd->tally);
	ask_release(&run.ask);
	loop_release(&crowd->loop);
	arena_free(crowd->arena);
	arena_free(run.kept);
	return status;
}
