/*
 * holdfast-verify: checks that what the databases hold is sound, and says so a line an invariant.
 *
 * What is in PostgreSQL is checked by one statement, which sees one snapshot. What Redis keeps is
 * compared with PostgreSQL event by event; since both move on while one looks from one to the
 * other, a difference counts only if the very same one is there again some seconds later.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/queue.h"
#include "queries.h"

#define EXIT_BROKEN    1
#define EXIT_USAGE     2
#define EXIT_AWAY      75 /* EX_TEMPFAIL of sysexits.h */

#define WAIT_DEFAULT_S 3
#define WAIT_MAX_S     60
#define EVENTS_PAGE    1000
#define BUDGET_US      INT64_C(600000000) /* of each question: the statement timeout of the role */

/* An event, or one of its lines, whose first comparison found differences. */
struct suspect {
	int32_t event_id;
	const char *line; /* NULL: the event */
	const char **differences;
	size_t count;
	struct suspect *next;
};

struct comparison {
	struct arena
		*arena; /* lives as long as the comparison; that of the house is for one event */
	struct suspect *suspects;
	int64_t places; /* events or lines that were compared */
	int64_t things; /* and bookings or people in them */
	int64_t failures;
	const char *first;
};

/* The exit status for a question that could not be answered. */
static int
explain(const struct context *house, enum problem err)
{
	fprintf(stderr, "holdfast-verify: %s\n",
		house->why->detail ? house->why->detail : problem_rows[err].title);
	return err == PROBLEM_UNAVAILABLE || err == PROBLEM_UNKNOWN_OUTCOME ? EXIT_AWAY
									    : EXIT_BROKEN;
}

static int
print_line(const char *invariant, int64_t failures, const char *first, const char *checked)
{
	if (failures == 0) {
		printf("%s ok 0 %s\n", invariant, checked);
		return EXIT_SUCCESS;
	}
	printf("%s FAIL %" PRId64 " first: %s\n", invariant, failures, first);
	return EXIT_BROKEN;
}

/* What PostgreSQL says of an invariant that is looked for in Redis too: told together. */
struct half {
	const char *invariant;
	int64_t failures;
	const char *first, *checked; /* NULL: nothing has been said */
};

static int
check_postgres(struct context *house, struct arena *arena, struct half *half)
{
	struct pg_rows rows;
	int status = EXIT_SUCCESS;
	enum problem err;

	house->deadline_us = clock_monotonic_us() + BUDGET_US;
	err = query_audit_run(house->pg, house->arena, house->deadline_us, house->why, &rows);
	if (err)
		return explain(house, err);
	for (int i = 0; i < rows.count; i++) {
		const char *invariant = pg_text(&rows, i, AUDIT_RUN_INVARIANT);
		const char *first = pg_text(&rows, i, AUDIT_RUN_FIRST);
		int64_t failures = pg_int(&rows, i, AUDIT_RUN_FAILURES);

		if (str_equal(invariant, half->invariant)) {
			half->failures = failures;
			half->first = first ? arena_strdup(arena, first) : NULL;
			half->checked = arena_strdup(arena, pg_text(&rows, i, AUDIT_RUN_CHECKED));
		} else if (print_line(invariant, failures, first,
				   pg_text(&rows, i, AUDIT_RUN_CHECKED))) {
			status = EXIT_BROKEN;
		}
	}
	return status;
}

static bool
was_there(const struct suspect *suspect, const char *difference)
{
	for (size_t i = 0; i < suspect->count; i++) {
		if (strcmp(suspect->differences[i], difference) == 0)
			return true;
	}
	return false;
}

/* What one comparison found. */
struct found {
	const char **differences;
	size_t count;
	int64_t places, things;
};

/* Notes what differs now, to be looked for again. */
static void
note_suspect(struct comparison *c, int32_t event_id, const char *line, const struct found *found)
{
	struct suspect *suspect = ARENA_NEW(c->arena, struct suspect);

	suspect->event_id = event_id;
	suspect->line = line ? arena_strdup(c->arena, line) : NULL;
	suspect->count = found->count;
	suspect->differences = ARENA_ARRAY(c->arena, const char *, found->count);
	for (size_t i = 0; i < found->count; i++)
		suspect->differences[i] = arena_strdup(c->arena, found->differences[i]);
	suspect->next = c->suspects;
	c->suspects = suspect;
}

/*
 * One comparison of one event, or of one of its lines. Nothing kept, or no such event any more:
 * nothing differs.
 */
static enum problem
compare(struct context *house, int32_t event_id, const char *line, struct found *found)
{
	struct filter_drift drift;
	enum problem err;

	arena_reset(house->arena);
	house->deadline_us = clock_monotonic_us() + BUDGET_US;
	*found = (struct found){ .places = 1 };
	if (line)
		return queue_audit(
			house, event_id, line, &found->differences, &found->count, &found->things);
	err = filter_reconcile(house, event_id, false, &drift);
	if (err == PROBLEM_NOT_FOUND) {
		found->places = 0;
		return PROBLEM_NONE;
	}
	if (!err)
		*found = (struct found){ drift.differences, drift.differences_count, !drift.missing,
			drift.entries };
	return err;
}

/* The first comparison of an event or a line. */
static enum problem
compare_first(struct context *house, struct comparison *c, int32_t event_id, const char *line)
{
	struct found found;
	enum problem err = compare(house, event_id, line, &found);

	if (err)
		return err;
	c->places += found.places;
	c->things += found.things;
	if (found.count > 0)
		note_suspect(c, event_id, line, &found);
	return PROBLEM_NONE;
}

static enum problem
compare_all(struct context *house, struct comparison *c)
{
	int32_t ids[EVENTS_PAGE];
	struct pg_rows rows;
	int64_t after = 0;
	enum problem err;
	int count;

	do {
		arena_reset(house->arena);
		house->deadline_us = clock_monotonic_us() + BUDGET_US;
		err = query_audit_events(house->pg, house->arena, house->deadline_us, house->why,
			&rows, after, EVENTS_PAGE);
		if (err)
			return err;
		count = rows.count;
		for (int i = 0; i < count; i++)
			ids[i] = (int32_t)pg_int(&rows, i, AUDIT_EVENTS_EVENT_ID);
		for (int i = 0; i < count; i++) {
			after = ids[i];
			err = compare_first(house, c, ids[i], NULL);
			if (err)
				return err;
		}
	} while (count == EVENTS_PAGE);
	return PROBLEM_NONE;
}

static enum problem
compare_lines(struct context *house, struct comparison *c)
{
	char line[TICKET_LINE_MAX + 1] = "";
	int64_t event_id = 0;
	struct pg_rows rows;
	enum problem err;

	for (;;) {
		arena_reset(house->arena);
		house->deadline_us = clock_monotonic_us() + BUDGET_US;
		err = query_audit_lines(house->pg, house->arena, house->deadline_us, house->why,
			&rows, event_id, line, 1);
		if (err || rows.count == 0)
			return err;
		event_id = pg_int(&rows, 0, AUDIT_LINES_EVENT_ID);
		snprintf(line, sizeof(line), "%s", pg_text(&rows, 0, AUDIT_LINES_LINE));
		err = compare_first(house, c, (int32_t)event_id, line);
		if (err)
			return err;
	}
}

static enum problem
compare_again(struct context *house, struct comparison *c)
{
	struct found found;
	enum problem err;

	for (const struct suspect *suspect = c->suspects; suspect; suspect = suspect->next) {
		err = compare(house, suspect->event_id, suspect->line, &found);
		if (err)
			return err;
		for (size_t i = 0; i < found.count; i++) {
			if (!was_there(suspect, found.differences[i]))
				continue;
			if (c->failures++ == 0)
				c->first = arena_printf(c->arena, "event %d: %s", suspect->event_id,
					found.differences[i]);
		}
	}
	return PROBLEM_NONE;
}

/* What is broken stays so, whoever is away afterwards. */
static int
worse(int a, int b)
{
	return a == EXIT_BROKEN || b == EXIT_SUCCESS ? a : b;
}

/* What is kept in Redis, looked at twice: one line of output, with what PostgreSQL has said. */
static int
check_redis(struct context *house, int64_t wait_s, const char *checked,
	enum problem (*compare_them)(struct context *house, struct comparison *c),
	const struct half *half)
{
	struct comparison c = {
		.arena = arena_new(), .failures = half->failures, .first = half->first
	};
	int status = EXIT_SUCCESS;
	bool away = false;
	enum problem err;

	err = compare_them(house, &c);
	if (!err && c.suspects) {
		sleep((unsigned)wait_s);
		err = compare_again(house, &c);
	}
	checked = arena_printf(c.arena, checked, c.places, c.things);
	if (err == PROBLEM_UNAVAILABLE && pg_is_up(house->pg) && !redis_is_up(house->redis)) {
		checked = "Redis is away";
		away = true;
	}
	if (away && !half->checked)
		printf("%s skipped 0 %s\n", half->invariant, checked);
	else if (err && !away) {
		status = explain(house, err);
		if (half->failures > 0)
			status = print_line(
				half->invariant, half->failures, half->first, half->checked);
	} else
		status = print_line(half->invariant, c.failures, c.first,
			half->checked ? arena_printf(c.arena, "%s, %s", half->checked, checked)
				      : checked);
	arena_free(c.arena);
	return status;
}

int
main(int argc, char **argv)
{
	static const struct conf_program program = {
		.name = "verify",
		.summary = "check the invariants of the databases; changes nothing",
		.usage = "[OPTION]...",
		.options =
			"  --wait SECONDS     between the two comparisons of Redis with "
			"PostgreSQL, of\n"
			"                     which both must show a difference (3)\n"
			"One line an invariant: `I1 ok 0 WHAT WAS CHECKED` or `I1 FAIL N first: "
			"...`.\n"
			"  I1 claims and bookings agree         I2 capacities and counts add up\n"
			"  I3 kept answers tell of what is      I4 one key, one booking\n"
			"  I5 a hold ends at its deadline       I6 what is confirmed stays so\n"
			"  I7 captured money is kept, refunded or owed: that of each booking adds "
			"up\n"
			"  I8 Redis equals PostgreSQL (`skipped` while Redis is away, which is no\n"
			"     failure: PostgreSQL decides)\n"
			"  I9 who stands in line is in one state, who was served has a booking: "
			"in\n"
			"     PostgreSQL, and in Redis (as I8)\n"
			"Exit status: 0 all hold, 1 not all, 2 usage, 75 a server is away.\n",
	};
	static const char kept[] = "%" PRId64 " events kept in Redis, %" PRId64 " bookings";
	static const char lines[] = "%" PRId64 " lines, %" PRId64 " people in Redis";
	struct half events = { .invariant = "I8" }, queue = { .invariant = "I9" };
	struct problem_why why = { .detail = NULL };
	struct context house = { .why = &why };
	static struct conf conf;
	struct arena *arena;
	const char *wait = NULL;
	int64_t wait_s = WAIT_DEFAULT_S;
	int status;

	conf_load(&conf, &program, argc, argv);
	conf_option(&conf, "wait", &wait);
	conf_done(&conf, 0);
	if (conf.redis_timeout_ms < FILTER_PATIENCE_MS)
		conf.redis_timeout_ms = FILTER_PATIENCE_MS;
	if (wait && !str_to_int(wait, 0, WAIT_MAX_S, &wait_s)) {
		fprintf(stderr, "holdfast-verify: --wait takes 0 to %d seconds\n", WAIT_MAX_S);
		return EXIT_USAGE;
	}
	log_init(conf.program, LOG_WARN); /* why a server is away */
	house.conf = &conf;
	house.arena = arena_new();
	arena = arena_new();
	house.pg = pg_open(&conf);
	house.redis = redis_open(&conf);
	status = check_postgres(&house, arena, &queue);
	if (status != EXIT_AWAY) {
		status = worse(status, check_redis(&house, wait_s, kept, compare_all, &events));
		status = worse(status, check_redis(&house, wait_s, lines, compare_lines, &queue));
	}
	redis_close(house.redis);
	pg_close(house.pg);
	arena_free(house.arena);
	arena_free(arena);
	return status;
}
