/*
 * holdfast-history: could what the clients saw have happened?
 *
 * A history (see app/load/record.h) tells what was asked and answered, call by call, with the time
 * before the first byte of each request and after the last of its answer. What happened lies
 * somewhere between. The checker looks for a contradiction: with what the database holds, and
 * within the history by real time.
 *
 * The ideas are those of others: to judge a concurrent object by its calls and answers alone
 * (linearizability, Herlihy and Wing), to record a client's view and search it for anomalies
 * (Kingsbury's Jepsen, with Knossos and Elle; Athalye's Porcupine). A general checker searches all
 * orders of calls, which may take for ever. Here each place is owned by one booking at a time and
 * every answer names its booking, so that the order is known where it matters: what is left are
 * intervals, and n log n.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/str.h"
#include "history/history.h"
#include "history/plant.h"
#include "store/pg.h"

#define EXIT_FINDINGS    1
#define EXIT_USAGE       2
#define SKEW_DEFAULT_MS  50
#define MILLISECONDS_MAX 86400000

static int
usage(const char *mistake)
{
	fprintf(stderr, "holdfast-history: %s (see --help)\n", mistake);
	return EXIT_USAGE;
}

static void
judge(struct history *h, struct report *report, struct pg *pg)
{
	history_derive(h);
	progress_show("rules applied", 0, REPORT_RULES);
	rule_found(h, report, pg);
	progress_show("rules applied", 1, REPORT_RULES);
	rule_owners(h, report);
	progress_show("rules applied", 2, REPORT_RULES);
	rule_refusals(h, report);
	rule_reasons(h, report);
	progress_show("rules applied", 3, REPORT_RULES);
	rule_deadlines(h, report);
	rule_keys(h, report);
	progress_show("rules applied", 5, REPORT_RULES);
	rule_order(h, report);
	progress_show("rules applied", 6, REPORT_RULES);
	rule_lines(h, report);
	rule_stands(h, report);
	progress_end();
}

/* False, and it is said: what should stand on standard output does not. */
static bool
is_told(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return true;
	fprintf(stderr, "holdfast-history: standard output cannot be written: %s\n",
		strerror(errno));
	return false;
}

static int
check(const struct conf *conf, const char *path, struct history *h, struct report *report)
{
	struct pg *pg = NULL;
	const char *fault = NULL;
	int64_t findings = 0;

	if (history_read(h, path, &fault)) {
		progress_end();
		pg = pg_open(conf);
		fault = history_compare(h, pg, conf->max_seats_per_user);
	}
	progress_end();
	if (fault) {
		fprintf(stderr, "holdfast-history: %s\n", fault);
	} else {
		judge(h, report, pg);
		findings = report_end(report);
		printf("%zu calls checked, %" PRId64 " findings\n", h->calls_count, findings);
	}
	if (pg)
		pg_close(pg);
	history_release(h);
	if (fault || !is_told())
		return EXIT_USAGE;
	return findings > 0 ? EXIT_FINDINGS : EXIT_SUCCESS;
}

static int
plant(const struct conf *conf)
{
	const struct plant_kind *kind;

	if (conf->argc != 3)
		return usage("plant takes a FAULT and a FILE");
	kind = plant_find(conf->argv[1]);
	if (!kind)
		return usage("there is no such fault: --list names them");
	return plant_run(kind, conf->argv[2]);
}

int
main(int argc, char **argv)
{
	static struct conf_program program = {
		.name = "history",
		.summary = "checks what clients were answered against the database",
		.usage = "check FILE | plant FAULT FILE | --list [OPTION]...",
		.options =
			"  check FILE         could this history have happened? One line a "
			"finding:\n"
			"                     `rule 2, lines 17,52: why`\n"
			"  --most N           findings of a rule that are shown (10)\n"
			"  --skew-ms N        between the clocks of caller and database (50)\n"
			"  --drift-ms N       for how long places may have been refused after "
			"they\n"
			"                     came back (0; 60000 where a server was away "
			"meanwhile)\n"
			"  --crash            PostgreSQL crashed meanwhile: holds and releases "
			"may\n"
			"                     have been undone, confirmed bookings not\n"
			"  plant FAULT FILE   a copy with this fault on standard output; which "
			"lines\n"
			"                     it is in on standard error\n"
			"  --list             the faults that can be planted\n"
			"Rules: 1 what was answered is there, and nothing else; 2 nothing had two\n"
			"owners; 3 refusals were justified; 4 deadlines counted; 5 a key had one\n"
			"effect; 6 time did not go back; 7 lines were served in their order.\n"
			"Exit status: 0 no findings, or planted; 1 findings; 2 usage, a history\n"
			"that cannot be read or is cut off, no database, no place for the fault, "
			"nowhere\n"
			"to tell of it.\n",
	};
	static struct conf conf;
	static struct history h;
	const char *most = NULL, *skew = NULL, *drift = NULL;
	int64_t skew_ms = SKEW_DEFAULT_MS, drift_ms = 0;
	struct report report = { .most = 10 };
	bool crash, list;

	/* The database is for those who check. */
	program.does_without = argc > 1 && !str_equal(argv[1], "check");
	conf_load(&conf, &program, argc, argv);
	conf_option(&conf, "most", &most);
	conf_option(&conf, "skew-ms", &skew);
	conf_option(&conf, "drift-ms", &drift);
	crash = conf_option(&conf, "crash", NULL);
	list = conf_option(&conf, "list", NULL);
	conf_done(&conf, 3);
	if ((most && !str_to_int(most, 0, INT32_MAX, &report.most)) ||
		(skew && !str_to_int(skew, 0, MILLISECONDS_MAX, &skew_ms)) ||
		(drift && !str_to_int(drift, 0, MILLISECONDS_MAX, &drift_ms)))
		return usage("--most, --skew-ms and --drift-ms take a number");
	if (list) {
		plant_list();
		return is_told() ? EXIT_SUCCESS : EXIT_USAGE;
	}
	log_init(conf.program, LOG_ERROR);
	if (conf.argc > 0 && str_equal(conf.argv[0], "plant"))
		return plant(&conf);
	if (conf.argc != 2 || !str_equal(conf.argv[0], "check"))
		return usage("it takes check FILE, or plant FAULT FILE");
	h.skew_us = skew_ms * 1000;
	h.drift_us = drift_ms * 1000;
	h.crash = crash;
	return check(&conf, conf.argv[1], &h, &report);
}
