/*
 * holdfast-demo: loads something to try holdfast with: three accounts, a stadium, a theatre and a
 * club with events on sale. What is there already stays as it is, so running it again changes
 * nothing.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/account.h"
#include "domain/password.h"
#include "domain/venue.h"
#include "queries.h"

#define EXIT_FAILED 1
#define EXIT_USAGE  2
#define EXIT_AWAY   75 /* temporary, as sysexits.h has it: PostgreSQL is away */

#define BUDGET_US   60000000 /* a new budget for each call to the database */
#define ORGANIZER   "organizer@example.test"
#define LAYOUT      "standard"
#define DAY_SECONDS 86400

/* Sections of one kind: so many of each prefix, numbered from 1 where there are several. */
struct demo_section {
	const char *name;
	int count;
	int rows, seats; /* rows 0: general admission of `seats` places */
	int64_t base_price;
	int64_t front_price; /* of the first rows of a section; 0: as the others */
};

struct demo_event {
	const char *title;
	const char *description;
	int days; /* from today */
};

struct demo_venue {
	const char *name;
	const char *address;
	struct demo_section sections[5];
	struct demo_event events[3];
};

static const struct demo_venue venues[] = {
	{ .name = "Riverside Stadium",
		.address = "1 Stadium Road",
		.sections = { { "N", 5, 25, 100, 4900, 6900 }, { "E", 5, 25, 100, 6900, 8900 },
			{ "S", 5, 25, 100, 4900, 6900 }, { "W", 5, 25, 100, 8900, 11900 } },
		.events = { { "Cup Final", "Fifty thousand numbered seats around one pitch.",
			42 } } },
	{ .name = "Old Theatre",
		.address = "7 Market Square",
		.sections = { { "STALLS", 1, 20, 20, 6500, 7900 }, { "CIRCLE", 1, 12, 20, 4500, 0 },
			{ "GALLERY", 1, 8, 20, 2500, 0 } },
		.events = { { "Twelfth Night", "A comedy in five acts.", 21 },
			{ "The Tempest", "A play with a storm in it.", 35 } } },
	{ .name = "The Cellar",
		.address = "23 Harbour Street",
		.sections = { { "FLOOR", 1, 0, 300, 2500, 0 }, { "BALCONY", 1, 0, 80, 3500, 0 } },
		.events = { { "Late Set", "General admission, doors at seven.", 14 },
			{ "Sunday Session", "General admission, doors at five.", 28 } } },
};

static const struct {
	const char *email, *name, *role;
} accounts[] = {
	{ "admin@example.test", "Demo Admin", "admin" },
	{ ORGANIZER, "Demo Organizer", "organizer" },
	{ "buyer@example.test", "Demo Buyer", "user" },
};

/* Says why something failed; the exit status of the program. */
static int
explain(struct context *house, enum problem problem)
{
	for (const struct problem_error *e = house->why->errors; e; e = e->next)
		fprintf(stderr, "holdfast-demo: %s: %s\n", e->pointer, e->detail);
	if (!house->why->errors)
		fprintf(stderr, "holdfast-demo: %s\n",
			house->why->detail ? house->why->detail : problem_rows[problem].title);
	return problem == PROBLEM_UNAVAILABLE || problem == PROBLEM_UNKNOWN_OUTCOME ? EXIT_AWAY
	       : problem == PROBLEM_INVALID                                         ? EXIT_USAGE
										    : EXIT_FAILED;
}

static void
renew_budget(struct context *house)
{
	house->deadline_us = clock_monotonic_us() + BUDGET_US;
}

/* The account's id; it is made where there is none. */
static enum problem
account_ensure(struct context *house, size_t which, const char *password, const char **user_id)
{
	struct account made;
	struct pg_rows rows;
	enum problem err;

	renew_budget(house);
	err = query_account_named(house->pg, house->arena, house->deadline_us, house->why, &rows,
		accounts[which].email);
	if (err)
		return err;
	*user_id = pg_text(&rows, 0, ACCOUNT_NAMED_USER_ID);
	if (*user_id) {
		printf("account  %-24s there already\n", accounts[which].email);
		return PROBLEM_NONE;
	}
	err = account_add(house, accounts[which].email, password, accounts[which].name,
		accounts[which].role, &made);
	if (err)
		return err;
	*user_id = made.user_id;
	printf("account  %-24s made (%s)\n", accounts[which].email, accounts[which].role);
	return PROBLEM_NONE;
}

static void
add_rows(struct str *out, const struct demo_section *section)
{
	assert(section->rows <= 26); /* they have letters */
	str_add(out, ",\"rows\":[");
	for (int row = 0; row < section->rows; row++) {
		str_add(out, row > 0 ? ",{\"row\":" : "{\"row\":");
		str_printf(out, "\"%c\",\"seats\":%d", 'A' + row, section->seats);
		if (section->front_price > 0 && row < 3)
			str_printf(out, ",\"price\":%lld", (long long)section->front_price);
		str_add_char(out, '}');
	}
	str_add_char(out, ']');
}

static const char *
venue_body(struct arena *arena, const struct demo_venue *venue)
{
	const char *between = "";
	struct str out;

	str_init(&out, arena);
	str_add(&out, "{\"name\":");
	str_add_json(&out, venue->name);
	str_add(&out, ",\"address\":");
	str_add_json(&out, venue->address);
	str_add(&out, ",\"timezone\":\"Europe/Berlin\",\"layouts\":[{\"name\":\"" LAYOUT
		      "\",\"sections\":[");
	for (const struct demo_section *s = venue->sections; s->name; s++) {
		for (int n = 1; n <= s->count; n++) {
			str_printf(&out, "%s{\"name\":\"%s", between, s->name);
			if (s->count > 1)
				str_add_int(&out, n);
			str_printf(&out, "\",\"base_price\":%lld", (long long)s->base_price);
			if (s->rows > 0)
				add_rows(&out, s);
			else
				str_printf(&out, ",\"capacity\":%d", s->seats);
			str_add_char(&out, '}');
			between = ",";
		}
	}
	str_add(&out, "]}]}");
	return out.data;
}

static const char *
event_body(struct arena *arena, const struct demo_event *event, const char *venue_id)
{
	time_t when = (time_t)clock_unix_s() + (time_t)event->days * DAY_SECONDS;
	char date[CLOCK_RFC3339];
	struct str out;
	struct tm utc;

	gmtime_r(&when, &utc);
	strftime(date, sizeof(date), "%Y-%m-%dT19:00:00Z", &utc);
	str_init(&out, arena);
	str_add(&out, "{\"title\":");
	str_add_json(&out, event->title);
	str_add(&out, ",\"description\":");
	str_add_json(&out, event->description);
	str_printf(&out, ",\"venue_id\":\"%s\",\"layout\":\"" LAYOUT "\",\"event_date\":\"%s\"}",
		venue_id, date);
	return out.data;
}

/* What this program writes is JSON. */
static const struct json *
parse(struct arena *arena, const char *text)
{
	const char *detail;
	const struct json *body = json_parse(arena, text, strlen(text), &detail);

	assert(body);
	return body;
}

static enum problem
venue_ensure(struct context *house, const struct event_caller *caller,
	const struct demo_venue *venue, const char **venue_id)
{
	const struct context_key no_key = { .operation = "venue_create" };
	struct venue_answer answer;
	struct pg_rows rows;
	enum problem err;

	renew_budget(house);
	err = query_venue_find(house->pg, house->arena, house->deadline_us, house->why, &rows,
		caller->user_id, venue->name);
	if (err)
		return err;
	*venue_id = pg_text(&rows, 0, VENUE_FIND_VENUE_ID);
	if (*venue_id) {
		printf("venue    %-24s there already\n", venue->name);
		return PROBLEM_NONE;
	}
	err = venue_create(house, caller, &no_key,
		parse(house->arena, venue_body(house->arena, venue)), &answer);
	if (err)
		return err;
	*venue_id = answer.venue_id;
	printf("venue    %-24s made\n", venue->name);
	return PROBLEM_NONE;
}

static enum problem
event_ensure(struct context *house, const struct event_caller *caller,
	const struct demo_event *event, const char *venue_id)
{
	const struct context_key no_key = { .operation = "event_create" };
	int64_t started_us = clock_monotonic_us();
	struct event_answer answer;
	struct pg_rows rows;
	enum problem err;

	renew_budget(house);
	err = query_event_find(house->pg, house->arena, house->deadline_us, house->why, &rows,
		caller->user_id, event->title);
	if (err)
		return err;
	if (pg_text(&rows, 0, EVENT_FIND_EVENT_ID)) {
		printf("event    %-24s there already (event %s)\n", event->title,
			pg_text(&rows, 0, EVENT_FIND_EVENT_ID));
		return PROBLEM_NONE;
	}
	err = event_create(house, caller, &no_key,
		parse(house->arena, event_body(house->arena, event, venue_id)), &answer);
	if (!err)
		printf("event    %-24s made (event %s, %d ms)\n", event->title, answer.event_id,
			(int)((clock_monotonic_us() - started_us) / 1000));
	return err;
}

static enum problem
load(struct context *house, const char *password)
{
	struct event_caller organizer = { .user_id = NULL };
	enum problem err = PROBLEM_NONE;
	struct pg_rows rows;

	/* One at a time: two that look at once would both find nothing. */
	renew_budget(house);
	err = pg_exec(house->pg, "select pg_advisory_lock(hashtextextended('holdfast-demo', 3))",
		house->arena, house->deadline_us, house->why, &rows);
	for (size_t i = 0; !err && i < ARRAY_LENGTH(accounts); i++) {
		const char *user_id = NULL;

		err = account_ensure(house, i, password, &user_id);
		if (str_equal(accounts[i].email, ORGANIZER))
			organizer.user_id = user_id;
	}
	for (size_t i = 0; !err && i < ARRAY_LENGTH(venues); i++) {
		const char *venue_id = NULL;

		err = venue_ensure(house, &organizer, &venues[i], &venue_id);
		for (const struct demo_event *e = venues[i].events; !err && e->title; e++)
			err = event_ensure(house, &organizer, e, venue_id);
	}
	return err;
}

/* The first line of the file without its end; NULL if it is no password. */
static const char *
password_read(struct arena *arena, FILE *file)
{
	char line[PASSWORD_BYTES_MAX + 2];
	size_t len;

	if (!fgets(line, sizeof(line), file))
		return NULL;
	len = strlen(line);
	if (len > 0 && line[len - 1] == '\n')
		line[--len] = '\0';
	if (len < PASSWORD_BYTES_MIN || len > PASSWORD_BYTES_MAX || !str_is_utf8(line, len))
		return NULL;
	return arena_copy(arena, line, len);
}

static int
run(struct context *house, const char *password_file)
{
	FILE *file = password_file ? fopen(password_file, "re") : stdin;
	const char *password;
	enum problem err;

	if (!file) {
		fprintf(stderr, "holdfast-demo: cannot read %s\n", password_file);
		return EXIT_USAGE;
	}
	password = password_read(house->arena, file);
	if (password_file)
		fclose(file);
	if (!password) {
		fprintf(stderr,
			"holdfast-demo: the password is one line of %d to %d bytes; see --help\n",
			PASSWORD_BYTES_MIN, PASSWORD_BYTES_MAX);
		return EXIT_USAGE;
	}
	err = load(house, password);
	return err ? explain(house, err) : EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	static const struct conf_program program = {
		.name = "demo",
		.summary = "loads accounts, venues and events to try holdfast with",
		.usage = "[--password-file FILE] [OPTION]...",
		.options = "  --password-file FILE  the password of new accounts is the first line "
			   "of\n"
			   "                        FILE; without it, of standard input\n",
	};
	const char *password_file = NULL;
	struct problem_why why = { .detail = NULL };
	static struct conf conf;
	struct context house = { .conf = &conf, .why = &why };
	int status;

	conf_load(&conf, &program, argc, argv);
	conf_option(&conf, "password-file", &password_file);
	conf_done(&conf, 0);
	log_init(conf.program, LOG_WARN);
	password_init(conf.password_cost);
	house.arena = arena_new();
	house.pg = pg_open(&conf);
	status = run(&house, password_file);
	pg_close(house.pg);
	arena_free(house.arena);
	return status;
}
