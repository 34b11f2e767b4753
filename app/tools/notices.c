/*
 * holdfast-notices: the operator's way to deliveries: lists them, sends again what was given up,
 * tells what waits, and says whether the texts of mail are good.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/context.h"
#include "domain/mail.h"
#include "queries.h"

#define EXIT_FAILED 1
#define EXIT_USAGE  2
#define EXIT_AWAY   75 /* temporary, as sysexits.h has it: PostgreSQL is away */

#define LIST_LIMIT  100
#define LIST_MOST   100000
#define BUDGET_US   10000000
#define RESEND_STEP 500

struct command {
	const char *name;
	int words; /* that follow it */
	int (*run)(struct context *house, const char *status, int64_t limit);
};

static int
usage(const char *mistake)
{
	fprintf(stderr, "holdfast-notices: %s; see holdfast-notices --help\n", mistake);
	return EXIT_USAGE;
}

static int
explain(const struct context *house, enum problem problem)
{
	fprintf(stderr, "holdfast-notices: %s\n",
		house->why->detail ? house->why->detail : problem_rows[problem].title);
	return problem == PROBLEM_UNAVAILABLE || problem == PROBLEM_UNKNOWN_OUTCOME ? EXIT_AWAY
										    : EXIT_FAILED;
}

/* A line a delivery; what is not known is a dash. */
static int
list(struct context *house, const char *status, int64_t limit)
{
	struct pg_rows rows;
	enum problem err = query_delivery_list(
		house->pg, house->arena, house->deadline_us, house->why, &rows, status, limit);

	if (err)
		return explain(house, err);
	for (int i = 0; i < rows.count; i++) {
		const char *next_at = pg_text(&rows, i, DELIVERY_LIST_NEXT_AT);
		const char *error = pg_text(&rows, i, DELIVERY_LIST_ERROR);

		printf("%s %s %s %s event=%" PRId64 " position=%" PRId64 " target=%s tries=%" PRId64
		       " created=%s next=%s error=%s\n",
			pg_text(&rows, i, DELIVERY_LIST_DELIVERY_ID),
			pg_text(&rows, i, DELIVERY_LIST_STATUS),
			pg_text(&rows, i, DELIVERY_LIST_CHANNEL),
			pg_text(&rows, i, DELIVERY_LIST_TEMPLATE),
			pg_int(&rows, i, DELIVERY_LIST_EVENT_ID),
			pg_int(&rows, i, DELIVERY_LIST_PLACE),
			pg_text(&rows, i, DELIVERY_LIST_TARGET_ID),
			pg_int(&rows, i, DELIVERY_LIST_TRIES),
			pg_text(&rows, i, DELIVERY_LIST_CREATED_AT), next_at ? next_at : "-",
			log_value(error));
	}
	return EXIT_SUCCESS;
}

static int
resend(struct context *house, const char *status, int64_t limit)
{
	const char *word = house->conf->argv[1];
	bool all = strcmp(word, "all-dead") == 0;
	struct pg_rows rows;
	enum problem err;
	int64_t count = 0, step;

	(void)status;
	(void)limit;
	if (!all && !id_is_uuid(word))
		return usage("resend takes the id of a delivery, or all-dead");
	do {
		house->deadline_us = clock_monotonic_us() + BUDGET_US;
		err = query_delivery_resend(house->pg, house->arena, house->deadline_us, house->why,
			&rows, all ? NULL : word, RESEND_STEP);
		step = err ? 0 : pg_int(&rows, 0, DELIVERY_RESEND_COUNT);
		count += step;
		if (!err)
			arena_reset(house->arena);
	} while (step == RESEND_STEP);
	printf("%" PRId64 "\n", count);
	if (err)
		return explain(house, err);
	if (!all && count == 0) {
		fprintf(stderr, "holdfast-notices: there is no such delivery, or its webhook is "
				"disabled\n");
		return EXIT_FAILED;
	}
	return EXIT_SUCCESS;
}

static int
state(struct context *house, const char *status, int64_t limit)
{
	struct pg_rows rows;
	enum problem err =
		query_outbox_state(house->pg, house->arena, house->deadline_us, house->why, &rows);

	(void)status;
	(void)limit;
	if (err)
		return explain(house, err);
	for (int i = 0; i < rows.count; i++)
		printf("%s waiting=%" PRId64 " oldest_seconds=%" PRId64 " dead=%" PRId64 "\n",
			pg_text(&rows, i, OUTBOX_STATE_CHANNEL),
			pg_int(&rows, i, OUTBOX_STATE_WAITING),
			pg_int(&rows, i, OUTBOX_STATE_OLDEST), pg_int(&rows, i, OUTBOX_STATE_DEAD));
	return EXIT_SUCCESS;
}

static int
check(struct context *house, const char *status, int64_t limit)
{
	const char *mistake = mail_check(house->conf, house->arena);

	(void)status;
	(void)limit;
	if (!mistake)
		return EXIT_SUCCESS;
	fprintf(stderr, "holdfast-notices: %s\n", mistake);
	return EXIT_FAILED;
}

static const struct command commands[] = {
	{ "list", 0, list },
	{ "resend", 1, resend },
	{ "state", 0, state },
	{ "check", 0, check },
};

static int
command_run(struct context *house, const char *status, int64_t limit)
{
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
		if (!str_equal(commands[i].name, house->conf->argv[0]))
			continue;
		if (house->conf->argc != 1 + commands[i].words)
			return usage("this is not what the command takes");
		return commands[i].run(house, status, limit);
	}
	return usage("there is no such command");
}

int
main(int argc, char **argv)
{
	static const struct conf_program program = {
		.name = "notices",
		.summary = "lists deliveries of notices, and sends them again",
		.usage = "COMMAND [--status S] [--limit N] [OPTION]...",
		.options =
			"  list               deliveries, newest first: id, status, channel, "
			"kind, target, tries,\n"
			"                     last error; --status waiting, done or dead; "
			"--limit (default 100)\n"
			"  resend ID          this delivery once more, under the same id; prints "
			"how many\n"
			"  resend all-dead    all that were given up, likewise\n"
			"  state              by channel: what waits, for how long, what is dead\n"
			"  check              whether the texts of mail (mail_templates) are "
			"good\n"
			"Exit status: 0 done; 1 failed, or nothing to send; 2 usage; 75 a server "
			"is away.\n",
	};
	static struct conf conf;
	struct problem_why why = { .detail = NULL };
	struct context house = { .conf = &conf, .why = &why };
	const char *status = NULL, *number = NULL;
	int64_t limit = LIST_LIMIT;
	int exit_status;

	conf_load(&conf, &program, argc, argv);
	conf_option(&conf, "status", &status);
	conf_option(&conf, "limit", &number);
	conf_done(&conf, 2);
	if (conf.argc == 0)
		return usage("a command is missing");
	if (number && !str_to_int(number, 1, LIST_MOST, &limit))
		return usage("--limit needs a number from 1 to 100000");
	if (status && !str_equal(status, "waiting") && !str_equal(status, "done") &&
		!str_equal(status, "dead"))
		return usage("--status is waiting, done or dead");
	log_init(conf.program, LOG_WARN);
	house.arena = arena_new();
	house.pg = pg_open(&conf);
	house.deadline_us = clock_monotonic_us() + BUDGET_US;
	exit_status = command_run(&house, status, limit);
	pg_close(house.pg);
	arena_free(house.arena);
	return exit_status;
}
