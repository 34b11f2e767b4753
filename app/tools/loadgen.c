/*
 * holdfast-loadgen: buyers by the thousand, who do what a scenario says; or single requests, as fast
 * as they are answered or at a fixed rate.
 */
#include <stdio.h>

#include "base/conf.h"
#include "base/str.h"
#include "load/requests.h"

#define EXIT_USAGE 2

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
requests_options(struct conf *conf, struct requests *requests)
{
	const char *text = NULL, *wrong = NULL;

	if (conf_option(conf, "tokens", &text))
		wrong = requests_read(&requests->tokens, text, false);
	if (!wrong && conf_option(conf, "ids", &text))
		wrong = requests_read(&requests->ids, text, true);
	while (!wrong && conf_option(conf, "request", &text))
		wrong = requests_add(requests, text);
	if (!wrong && conf_option(conf, "save", &text)) {
		requests->save = fopen(text, "we");
		wrong = requests->save ? NULL : "--save: the file cannot be made";
	}
	return wrong;
}

static int
requests_main(struct conf *conf)
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
	wrong = requests_options(conf, &requests);
	conf_done(conf, 1);
	if (!wrong && requests.kinds_count == 0)
		wrong = "at least one --request is needed";
	if (wrong)
		return usage("", wrong);
	wrong = target_read(&requests.target, url);
	return wrong ? usage(url, wrong) : requests_run(&requests);
}

int
main(int argc, char **argv)
{
	static const struct conf_program program = {
		.name = "loadgen",
		.summary = "buyers by the thousand, or single requests",
		.usage = "requests --request 'WEIGHT METHOD PATH [BODY]'... [OPTION]...",
		.options =
			"  requests: sends what the templates say, mixed by their weights, and "
			"prints\n"
			"  one line of JSON. {n} is the number of the request, {row} and {seat} "
			"its\n"
			"  place in rows of a thousand, {hex} it in twelve digits, {id} a line of "
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
			"                     with {id} the booking that it has made last\n"
			"  --tokens FILE      access tokens, one a line, each in turn\n"
			"  --ids FILE         lines `ID TOKEN`: an id and the line of its token\n"
			"  --save FILE        writes such lines of bookings that were made\n",
	};
	static struct conf conf;

	conf_load(&conf, &program, argc, argv);
	if (conf.argc > 0 && str_equal(conf.argv[0], "requests"))
		return requests_main(&conf);
	conf_done(&conf, 1);
	return usage("", "nothing to do is named");
}
