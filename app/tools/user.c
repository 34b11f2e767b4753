/*
 * holdfast-user: the operator's way to accounts: adds them with any role, lists them, changes their
 * role or password, disables and enables them. Passwords come on standard input, never in an
 * argument, where other users of the machine would see them.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/account.h"
#include "domain/password.h"
#include "queries.h"

#include <stdio.h>

#define EXIT_FAILED 1
#define EXIT_USAGE  2
#define EXIT_AWAY   75 /* temporary, as sysexits.h has it: PostgreSQL is away */

#define LIST_BATCH  500
#define BUDGET_US   10000000 /* a new budget for each call to the database */

struct options {
	const char *email;
	const char *name;
	const char *role;
};

struct command {
	const char *name;
	int (*run)(struct context *house, const struct options *options);
};

static int
usage(const char *mistake)
{
	fprintf(stderr, "holdfast-user: %s; see holdfast-user --help\n", mistake);
	return EXIT_USAGE;
}

/* Says why something failed; the exit status of the program. */
static int
explain(struct context *house, enum problem problem)
{
	const struct problem_row *row = &problem_rows[problem];

	for (const struct problem_error *e = house->why->errors; e != NULL; e = e->next)
		fprintf(stderr, "holdfast-user: %s %s\n", e->pointer + 1, e->detail);
	if (house->why->errors == NULL)
		fprintf(stderr, "holdfast-user: %s\n",
			house->why->detail != NULL ? house->why->detail : row->title);
	return problem == PROBLEM_UNAVAILABLE || problem == PROBLEM_UNKNOWN_OUTCOME ? EXIT_AWAY
	       : problem == PROBLEM_INVALID                                         ? EXIT_USAGE
										    : EXIT_FAILED;
}

/* One line of standard input without its end; NULL if there is none, or it is too long. */
static const char *
password_read(struct arena *arena)
{
	char line[PASSWORD_BYTES_MAX + 2];
	size_t len;

	if (fgets(line, sizeof(line), stdin) == NULL)
		return NULL;
	len = strlen(line);
	if (len > 0 && line[len - 1] == '\n')
		line[--len] = '\0';
	else if (len > PASSWORD_BYTES_MAX)
		return NULL;
	return str_is_utf8(line, len) ? arena_copy(arena, line, len) : NULL;
}

static int
add(struct context *house, const struct options *options)
{
	const char *password = password_read(house->arena);
	struct account account;
	enum problem problem;

	if (password == NULL)
		return usage("add reads a password from standard input");
	problem = account_add(house, options->email, password, options->name,
		options->role != NULL ? options->role : "user", &account);
	if (problem)
		return explain(house, problem);
	printf("%s %s %s\n", account.user_id, account.role, account.email);
	return EXIT_SUCCESS;
}

static int
list(struct context *house, const struct options *options)
{
	const char *after = NULL;
	struct pg_rows rows;
	enum problem problem;

	(void)options;
	do {
		house->deadline_us = clock_monotonic_us() + BUDGET_US;
		problem = query_account_list(house->pg, house->arena, house->deadline_us,
			house->why, &rows, after, LIST_BATCH);
		if (problem)
			return explain(house, problem);
		for (int i = 0; i < rows.count; i++)
			printf("%s %s %s %s %s\n", pg_text(&rows, i, ACCOUNT_LIST_USER_ID),
				pg_text(&rows, i, ACCOUNT_LIST_CREATED_AT),
				pg_text(&rows, i, ACCOUNT_LIST_ROLE),
				pg_bool(&rows, i, ACCOUNT_LIST_DISABLED) ? "disabled" : "enabled",
				pg_text(&rows, i, ACCOUNT_LIST_EMAIL));
		if (rows.count > 0)
			after = pg_text(&rows, rows.count - 1, ACCOUNT_LIST_EMAIL);
	} while (rows.count == LIST_BATCH);
	return EXIT_SUCCESS;
}

static int
change(struct context *house, const struct options *options, const struct account_change *what)
{
	enum problem problem = account_change(house, options->email, what);

	return problem ? explain(house, problem) : EXIT_SUCCESS;
}

static int
role(struct context *house, const struct options *options)
{
	if (options->role == NULL)
		return usage("role needs --role");
	return change(house, options, &(struct account_change){ .role = options->role });
}

static int
disable(struct context *house, const struct options *options)
{
	return change(house, options, &(struct account_change){ .disabled = &(bool){ true } });
}

static int
enable(struct context *house, const struct options *options)
{
	return change(house, options, &(struct account_change){ .disabled = &(bool){ false } });
}

static int
password(struct context *house, const struct options *options)
{
	const char *text = password_read(house->arena);

	if (text == NULL)
		return usage("password reads a password from standard input");
	return change(house, options, &(struct account_change){ .password = text });
}

static const struct command commands[] = {
	{ "add", add },
	{ "list", list },
	{ "role", role },
	{ "disable", disable },
	{ "enable", enable },
	{ "password", password },
};

static int
command_run(const char *name, struct context *house, const struct options *options)
{
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
		if (!str_equal(commands[i].name, name))
			continue;
		if (options->email == NULL && commands[i].run != list)
			return usage("this needs --email");
		if (options->email != NULL && commands[i].run == list)
			return usage("list takes no --email: it lists all");
		return commands[i].run(house, options);
	}
	return usage("there is no such command");
}

int
main(int argc, char **argv)
{
	static const struct conf_program program = {
		.name = "user",
		.summary = "adds, lists and changes accounts",
		.usage = "COMMAND [--email E] [--name N] [--role R] [OPTION]...",
		.options = "  add                a new account: --email, --role (default user), "
			   "--name;\n"
			   "                     its password is one line on standard input\n"
			   "  list               all accounts: id, creation, role, state, address\n"
			   "  role               gives --email the role --role: user, organizer, "
			   "admin\n"
			   "  disable, enable    shuts --email out, and lets it in again\n"
			   "  password           a new password for --email, from standard input\n"
			   "                     (role, disable, enable and password end its "
			   "sessions;\n"
			   "                     what a buyer may do goes on for up to "
			   "access_token_seconds,\n"
			   "                     until the access token ends: see the README)\n",
	};
	static struct conf conf;
	struct options options = { .email = NULL };
	struct problem_why why = { .detail = NULL };
	struct context house = { .conf = &conf, .why = &why };
	int status;

	conf_load(&conf, &program, argc, argv);
	conf_option(&conf, "email", &options.email);
	conf_option(&conf, "name", &options.name);
	conf_option(&conf, "role", &options.role);
	conf_done(&conf, 1);
	if (conf.argc == 0)
		return usage("a command is missing");
	log_init(conf.program, LOG_WARN);
	password_init(conf.password_cost);
	house.arena = arena_new();
	house.pg = pg_open(&conf);
	house.deadline_us = clock_monotonic_us() + BUDGET_US;
	status = command_run(conf.argv[0], &house, &options);
	pg_close(house.pg);
	arena_free(house.arena);
	return status;
}
