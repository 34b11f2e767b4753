/*
 * holdfast-loadgen: buyers by the thousand, who do what a scenario says; or single requests, as
 * fast as they are answered or at a fixed rate.
 */
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/account.h"
#include "domain/password.h"
#include "load/requests.h"
#include "load/run.h"

#define EXIT_USAGE 2
#define BUDGET_US  10000000

static int
usage(const char *what, const char *mistake)
{
	fprintf(stderr, "holdfast-loadgen: %s%s%s; see holdfast-loadgen --help\n", what,
		*what ? " " : "", mistake);
	return EXIT_USAGE;
}

/* ---- the words of the command line ----------------------------------------------------------- */

/* An option that is a whole number; the program ends where it is none. */
static int64_t
option_int(struct conf *conf, const char *name, int64_t fallback, int64_t min, int64_t max)
{
	const char *text = NULL;
	int64_t value = fallback;

	if (!conf_option(conf, name, &text))
		return fallback;
	if (!str_to_int(text, min, max, &value)) {
		fprintf(stderr, "holdfast-loadgen: --%s takes a whole number from %lld to %lld\n",
			name, (long long)min, (long long)max);
		exit(EXIT_USAGE);
	}
	return value;
}

static double
option_real(struct conf *conf, const char *name, double fallback, double max)
{
	const char *text = NULL;
	char *end = NULL;
	double value;

	if (!conf_option(conf, name, &text))
		return fallback;
	value = strtod(text, &end);
	if (end == text || *end || !(value > 0 && value <= max)) {
		fprintf(stderr, "holdfast-loadgen: --%s takes a number up to %.0f\n", name, max);
		exit(EXIT_USAGE);
	}
	return value;
}

/* ---- requests -------------------------------------------------------------------------------- */

/* NULL: done. Else what is wrong. */
static const char *
requests_options(struct conf *conf, struct arena *arena, struct requests *requests)
{
	const char *text = NULL, *wrong = NULL;

	if (conf_option(conf, "tokens", &text))
		wrong = requests_read(&requests->tokens, text, false);
	if (!wrong && conf_option(conf, "ids", &text))
		wrong = requests_read(&requests->ids, text, true);
	while (!wrong && conf_option(conf, "request", &text))
		wrong = requests_add(requests, arena_strdup(arena, text));
	if (!wrong && conf_option(conf, "save", &text)) {
		requests->save = fopen(text, "we");
		wrong = requests->save ? NULL : "--save: the file cannot be made";
	}
	return wrong;
}

static int
requests_main(struct conf *conf, struct arena *arena)
{
	static struct requests requests;
	const char *url = NULL, *wrong;
	char here[64];

	snprintf(here, sizeof(here), "http://127.0.0.1:%lld",
		(long long)option_int(conf, "port", 80, 1, 65535));
	if (!conf_option(conf, "url", &url))
		url = here;
	requests.connections = option_int(conf, "connections", 32, 1, REQUESTS_CONNECTIONS_MAX);
	requests.seconds = option_real(conf, "seconds", 2, 1e6);
	requests.rate = option_real(conf, "rate", 0, 1e6);
	requests.most = option_int(conf, "most", INT64_MAX, 1, INT64_MAX);
	requests.from = option_int(conf, "from", 0, 0, INT64_MAX / 2);
	requests.chain = conf_option(conf, "chain", NULL);
	requests.keyed = conf_option(conf, "keys", NULL);
	requests.histogram = conf_option(conf, "histogram", NULL);
	wrong = requests_options(conf, arena, &requests);
	conf_done(conf, 1);
	if (!wrong && requests.kinds_count == 0)
		wrong = "at least one --request is needed";
	if (wrong)
		return usage("", wrong);
	wrong = target_read(&requests.target, url);
	return wrong ? usage(url, wrong) : requests_run(&requests);
}

/* ---- scenarios ------------------------------------------------------------------------------- */

/*
 * An account that may make events, added as holdfast-user does it, by that program's role. Its
 * password is nobody's: it is of no use after this run. NULL: done; else what is wrong.
 */
static const char *
organizer_add(const struct conf *conf, struct arena *arena, struct run_organizer *organizer)
{
	struct conf as_user = *conf;
	struct problem_why why = { .detail = NULL };
	struct context house = { .conf = &as_user, .why = &why, .arena = arena };
	unsigned char random[24];
	char hex[2 * sizeof(random) + 1];
	struct account account;
	enum problem err;

	as_user.program = "user";
	id_random(random, sizeof(random));
	id_hex(random, sizeof(random), hex);
	organizer->email = arena_printf(arena, "organizer-%.16s@load.test", hex);
	organizer->password = arena_strdup(arena, hex + 16);
	password_init(conf->password_cost);
	house.pg = pg_open(&as_user);
	house.deadline_us = clock_monotonic_us() + BUDGET_US;
	err = account_add(
		&house, organizer->email, organizer->password, "Load", "organizer", &account);
	pg_close(house.pg);
	if (!err)
		return NULL;
	return why.detail ? why.detail : problem_rows[err].title;
}

/* Expectations given here come before those of the file. */
static int
expectations_read(struct conf *conf, struct arena *arena, struct scenario *scenario)
{
	const char *text = NULL;

	while (conf_option(conf, "expect", &text)) {
		char *rest = arena_strdup(arena, text), *words[4];
		struct expectation expectation;
		const char *wrong;
		size_t count = 0;

		for (char *word; count < ARRAY_LENGTH(words) && (word = strsep(&rest, " "));) {
			if (*word)
				words[count++] = word;
		}
		wrong = expect_read(&expectation, words, count);
		if (!wrong && !expect_add(scenario->expectations, &scenario->expectations_count,
				      &expectation))
			wrong = "there are too many expectations";
		if (wrong)
			return usage(arena_printf(arena, "--expect '%s':", text), wrong);
	}
	return 0;
}

static int
scenario_options(struct conf *conf, struct arena *arena, struct run_options *options)
{
	struct scenario *scenario = options->scenario;

	options->buyers = option_int(conf, "buyers", scenario->buyers, 1, SCENARIO_BUYERS_MAX);
	options->duration_s = option_int(conf, "duration", scenario->duration_s, 1, 604800);
	options->rate = option_int(conf, "rate", scenario->rate, 1, 1000000);
	options->speed = option_real(conf, "speed", 1, 1000);
	id_random(&options->seed, sizeof(options->seed));
	options->seed = option_int(conf, "seed", options->seed & INT32_MAX, 0, INT64_MAX);
	conf_option(conf, "url", &options->url);
	conf_option(conf, "history", &options->history);
	conf_option(conf, "accounts", &options->accounts);
	conf_option(conf, "report", &options->report);
	options->crash = conf_option(conf, "crash", NULL);
	options->quiet = conf_option(conf, "quiet", NULL);
	return expectations_read(conf, arena, scenario);
}

/*
 * A file to be written, before anything is done, which else would be in vain. What it has stays
 * until there is something better.
 */
static int
file_open(const char *path, FILE **file)
{
	if (!path)
		return 0;
	*file = fopen(path, "ae");
	if (*file)
		return 0;
	fprintf(stderr, "holdfast-loadgen: %s: %s\n", path, strerror(errno));
	return EXIT_USAGE;
}

static int
scenario_main(struct conf *conf, struct arena *arena, const char *name, bool configured)
{
	static struct scenario scenario;
	struct run_options options = { .scenario = &scenario };
	struct run_organizer organizer;
	const char *wrong = scenario_load(&scenario, arena, name, conf->file);
	int status;

	if (wrong)
		return usage("", wrong);
	status = scenario_options(conf, arena, &options);
	if (status)
		return status;
	conf_done(conf, 1);
	if (!options.url)
		return usage("", "--url is missing");
	if (!configured && scenario.own)
		return usage(scenario.name,
			"needs an event of its own, with fresh seats: give --config");
	status = file_open(options.history, &options.history_file);
	if (!status)
		status = file_open(options.report, &options.report_file);
	if (status)
		return status;
	if (configured) {
		wrong = organizer_add(conf, arena, &organizer);
		if (wrong)
			return usage("an organizer cannot be added:", wrong);
		options.organizer = &organizer;
	}
	return run_scenario(&options);
}

/* Whether a configuration is named here, not by the environment or found where it usually is. */
static bool
is_configured(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (str_equal(argv[i], "--config") || str_starts(argv[i], "--config="))
			return true;
	}
	return false;
}

int
main(int argc, char **argv)
{
	static const struct conf_program program = {
		.name = "loadgen",
		.summary = "buyers by the thousand, or single requests",
		.does_without = true,
		.usage =
			"SCENARIO --url URL [OPTION]...\n"
			"       holdfast-loadgen requests --request 'WEIGHT METHOD PATH [BODY]'... "
			"[OPTION]...",
		.options =
			"  --list             names the scenarios\n"
			"SCENARIO: a name, or the path of a file; its buyers come, and what it "
			"expects\n"
			"of the run is judged. With --config it makes an organizer and an event.\n"
			"  --url URL          http://host:port\n"
			"  --duration S       seconds at most\n"
			"  --buyers N         so many buyers\n"
			"  --rate R           open loop: R of them arrive a second\n"
			"  --speed X          they think and come X times faster\n"
			"  --seed N           where chance begins\n"
			"  --history FILE     every call and its answer, a line each\n"
			"  --accounts FILE    keeps the buyers' accounts for the next run\n"
			"  --report FILE      how it went, as JSON\n"
			"  --expect 'M = N'   what to expect of the measure M, whatever SCENARIO "
			"says\n"
			"  --crash            the database crashes meanwhile: holds and releases "
			"may be\n"
			"                     undone\n"
			"  --quiet            no progress\n"
			"  exit status: 0 all expectations met, 1 some failed, 2 it could not "
			"run,\n"
			"  130 interrupted\n"
			"requests: sends what the templates say, mixed by their weights, and "
			"prints\n"
			"one line of JSON. {n} is the number of the request, {row} and {seat} its\n"
			"place in rows of a thousand, {hex} it in twelve digits, {id} a line of "
			"--ids.\n"
			"  --url URL          http://host:port (or --port N: of this host)\n"
			"  --connections N    kept connections, one request at a time on each "
			"(32)\n"
			"  --seconds S        how long (2)\n"
			"  --rate R           R requests a second, each counted from when it was "
			"due;\n"
			"                     without it as fast as answers come\n"
			"  --most N           at most N requests\n"
			"  --from N           the number of the first one (0)\n"
			"  --chain            each connection sends the templates one after the "
			"other,\n"
			"                     with {id} the booking that it has made last; "
			"--rate is\n"
			"                     then of whole chains, each counted to its last "
			"answer\n"
			"  --tokens FILE      access tokens, one a line, each in turn\n"
			"  --ids FILE         lines `ID TOKEN`: an id and the line of its token\n"
			"  --save FILE        writes such lines of bookings that were made\n"
			"  --keys             each request with an Idempotency-Key of its own\n"
			"  --histogram        also how many took how long: [microseconds, "
			"requests]\n",
	};
	static struct conf conf;
	bool configured = is_configured(argc, argv);
	struct arena *arena = arena_new();
	int status;

	conf_load(&conf, &program, argc, argv);
	log_init(conf.program, LOG_WARN);
	if (conf_option(&conf, "list", NULL)) {
		conf_done(&conf, 0);
		status = scenario_list(arena, conf.file, stdout) ? 0 : EXIT_USAGE;
	} else if (conf.argc == 0 || *conf.argv[0] == '-') {
		conf_done(&conf, 0);
		status = usage("", "a scenario is missing");
	} else if (str_equal(conf.argv[0], "requests")) {
		status = requests_main(&conf, arena);
	} else {
		status = scenario_main(&conf, arena, conf.argv[0], configured);
	}
	arena_free(arena);
	return status;
}
