/*
 * The connection to PostgreSQL, against real servers and against a socket that never answers. What
 * matters is what it says of an outcome: nothing happened, it was done, or nobody knows.
 */
#include "servers.h"

#include "store/pg.h"

enum { ONE, NULLS, FAIL, DIVIDE, SLEEP, COUNT, ADD, ADD_LOCALLY, LOCK, STAR, PID };

/* Stands in for the generated table: these are the statements of the program "test". */
const struct pg_statement pg_statements[] = {
	[ONE] = { "t/one", "select $1::int + 1, $1::int > 0, 'x'", 1, " test ", false, false },
	[NULLS] = { "t/nulls", "select $1::text, $2::text", 2, " other test ", false, false },
	[FAIL] = { "t/fail", "select fail($1, $2)", 2, " test ", false, false },
	[DIVIDE] = { "t/divide", "select 1 / $1::int", 1, " test ", false, false },
	[SLEEP] = { "t/sleep", "insert into rows select 1 from pg_sleep($1::float8)", 1, " test ",
		false, false },
	[COUNT] = { "t/count", "select count(*) from rows", 0, " test ", false, false },
	[ADD] = { "t/add", "insert into rows values (1)", 0, " test ", true, true },
	[ADD_LOCALLY] = { "t/add-locally", "select add_locally()", 0, " test ", true, true },
	[LOCK] = { "t/lock", "select lock_two($1, $2)", 2, " test ", false, false },
	[STAR] = { "t/star", "select * from rows limit 1", 0, " test ", false, false },
	[PID] = { "t/pid", "select pg_backend_pid()", 0, " test ", false, false },
	{ .name = NULL },
};

static const char schema[] =
	"do $$ begin create role holdfast_test login;"
	"exception when duplicate_object or unique_violation then null; end $$;"
	"create table rows (n int);"
	"create table locks (n int primary key, hits int); insert into locks values (1, 0), (2, 0);"
	"create function fail(state text, detail text) returns void language plpgsql as "
	"$$ begin raise exception using errcode = state, message = 'why', detail = detail; end $$;"
	"create function add_locally() returns void language sql as $$ select set_config("
	"'synchronous_commit', 'off', true); insert into rows values (2) $$;"
	"create function lock_two(a int, b int) returns void language plpgsql as "
	"$$ begin update locks set hits = hits + 1 where n = a; perform pg_sleep(0.1);"
	"update locks set hits = hits + 1 where n = b; end $$;"
	"grant all on rows, locks to holdfast_test";

static struct servers servers;
static struct arena *arena;
static struct problem_why why;
static struct pg_rows rows;
static struct pg *pg;

static void
sql(const char *text)
{
	setenv("SQL", text, 1);
	servers_run(&servers, "pg-sql", "");
}

/* Each test has a schema of its own, so that many can share a server. */
static void
begin_in(const char *dir)
{
	static char name[32], options[64];

	snprintf(servers.dir, sizeof(servers.dir), "%s", dir);
	snprintf(name, sizeof(name), "t_%d", (int)getpid());
	snprintf(options, sizeof(options), "-c search_path=%s", name);
	setenv("PGOPTIONS", options, 1);
	snprintf(servers.url, sizeof(servers.url), "host=%s/pg dbname=postgres options='%s'", dir,
		options);
	servers.conf.database_url = servers.url;
	arena = arena_new();
	pg = pg_open(&servers.conf);
}

static void
fill(void)
{
	char text[200];

	snprintf(text, sizeof(text), "create schema t_%d; grant usage on schema t_%d to public",
		(int)getpid(), (int)getpid());
	sql(text);
	sql(schema);
}

static void
begin_shared(void)
{
	char dir[64];

	servers_init(&servers);
	snprintf(dir, sizeof(dir), "%s/shared", getenv("HOLDFAST_TEST_DIR"));
	begin_in(dir);
	servers_run(&servers, "pg-shared", "");
	fill();
}

static void
begin_alone(void)
{
	char dir[64];

	servers_init(&servers);
	snprintf(dir, sizeof(dir), "%s", servers.dir);
	begin_in(dir);
}

static void
begin_own(void)
{
	begin_alone();
	servers_run(&servers, "pg-init", "");
	servers_run(&servers, "pg-start", "");
	fill();
}

/* The servers are ended after the last test. */
static void
end(void)
{
	pg_close(pg);
	arena_free(arena);
}

TestSuite(pg, .init = begin_shared, .fini = end, .timeout = 120);
TestSuite(pg_own, .init = begin_own, .fini = end, .timeout = 120);
TestSuite(pg_alone, .init = begin_alone, .fini = end, .timeout = 60);

static enum problem
call_within(int64_t us, int statement, const char *a, const char *b)
{
	const char *params[] = { a, b };

	why = (struct problem_why){ .detail = NULL };
	return pg_call(pg, &pg_statements[statement], params, arena, clock_monotonic_us() + us,
		&why, &rows);
}

static enum problem
call(int statement, const char *a, const char *b)
{
	return call_within(3 * SECOND, statement, a, b);
}

static int64_t
count(void)
{
	cr_assert_eq(call(COUNT, NULL, NULL), PROBLEM_NONE);
	return pg_int(&rows, 0, 0);
}

Test(pg, answers)
{
	cr_assert_eq(call(ONE, "41", NULL), PROBLEM_NONE);
	cr_assert_eq(rows.count, 1);
	cr_assert_eq(pg_int(&rows, 0, 0), 42);
	cr_assert(pg_bool(&rows, 0, 1));
	cr_assert_str_eq(pg_text(&rows, 0, 2), "x");
	cr_assert_eq(call(ONE, NULL, NULL), PROBLEM_NONE);
	cr_assert_null(pg_text(&rows, 0, 0));
	cr_assert_eq(pg_int(&rows, 0, 0), 0);
	cr_assert_not(pg_bool(&rows, 0, 1));
	cr_assert_eq(call(NULLS, "a", NULL), PROBLEM_NONE);
	cr_assert_str_eq(pg_text(&rows, 0, 0), "a");
	cr_assert_null(pg_text(&rows, 0, 1));
	cr_assert_eq(call(COUNT, NULL, NULL), PROBLEM_NONE);
	cr_assert_eq(rows.count, 1);
	cr_assert_str_neq(pg_started(pg, clock_monotonic_us() + SECOND), "");
}

Test(pg, names_itself_and_its_settings)
{
	const char *said = "select current_user, current_setting('application_name'),"
			   "current_setting('datestyle'), current_setting('timezone'),"
			   "current_setting('client_encoding')";

	cr_assert_eq(
		pg_exec(pg, said, arena, clock_monotonic_us() + SECOND, &why, &rows), PROBLEM_NONE);
	cr_assert_str_eq(pg_text(&rows, 0, 0), "holdfast_test");
	cr_assert_str_eq(pg_text(&rows, 0, 1), "holdfast_test");
	cr_assert_eq(strncmp(pg_text(&rows, 0, 2), "ISO", 3), 0);
	cr_assert_str_eq(pg_text(&rows, 0, 3), "UTC");
	cr_assert_str_eq(pg_text(&rows, 0, 4), "UTF8");
}

Test(pg, tells_problems)
{
	cr_assert_eq(call(FAIL, "HF201", "{\"seat_ids\":[]}"), PROBLEM_SEATS_UNAVAILABLE);
	cr_assert_str_eq(why.detail, "why");
	cr_assert_str_eq(why.extensions, "{\"seat_ids\":[]}");
	cr_assert_eq(call(FAIL, "HF222", "words"), PROBLEM_EMAIL_TAKEN);
	cr_assert_null(why.extensions);
	cr_assert_eq(call(FAIL, "55P03", "-"), PROBLEM_BUSY);
	cr_assert_eq(call(FAIL, "57014", "-"), PROBLEM_UNAVAILABLE);
	cr_assert_eq(call(FAIL, "53100", "-"), PROBLEM_UNAVAILABLE);
	cr_assert_eq(call(FAIL, "XX000", "{}"), PROBLEM_INTERNAL);
	cr_assert_null(why.detail, "the server's words are not for clients");
	cr_assert_null(why.extensions);
	cr_assert_eq(call(ONE, "99999999999", NULL), PROBLEM_INVALID);
	cr_assert_eq(call(NULLS, "\xff", NULL), PROBLEM_MALFORMED);
	cr_assert_eq(call(DIVIDE, "0", NULL), PROBLEM_INTERNAL);
	/* What is asked to be repeated and never comes right ends as busy. */
	cr_assert_eq(call(FAIL, "40001", "-"), PROBLEM_BUSY);
	cr_assert_eq(call(DIVIDE, "1", NULL), PROBLEM_NONE);
}

Test(pg, does_not_know_the_outcome_of_what_it_gave_up)
{
	int64_t began_us = clock_monotonic_us();

	cr_assert_eq(call_within(300 * 1000, SLEEP, "1", NULL), PROBLEM_UNKNOWN_OUTCOME);
	cr_assert_lt(clock_monotonic_us() - began_us, 700 * 1000);
	cr_assert_not(pg_is_up(pg));
	cr_assert_eq(count(), 0);
	poll(NULL, 0, 1500);
	cr_assert_eq(count(), 1, "it was committed all the same");
}

Test(pg, sends_nothing_after_the_deadline)
{
	cr_assert_eq(count(), 0);
	cr_assert_eq(call_within(-1, ADD, NULL, NULL), PROBLEM_UNAVAILABLE);
	cr_assert_eq(count(), 0);
}

static int
end_backend_soon(void *ctx)
{
	poll(NULL, 0, 300);
	return kill(*(pid_t *)ctx, SIGKILL);
}

static int
terminate_soon(void *ctx)
{
	char text[100];

	poll(NULL, 0, 300);
	snprintf(text, sizeof(text), "select pg_terminate_backend(%d)", *(pid_t *)ctx);
	sql(text);
	return 0;
}

static pid_t
backend(void)
{
	cr_assert_eq(call(PID, NULL, NULL), PROBLEM_NONE);
	return (pid_t)pg_int(&rows, 0, 0);
}

Test(pg_own, does_not_know_the_outcome_when_the_server_crashes)
{
	pid_t pid = backend(), child;

	child = servers_fork(end_backend_soon, &pid);
	cr_assert_eq(call(SLEEP, "2", NULL), PROBLEM_UNKNOWN_OUTCOME);
	cr_assert_eq(servers_wait(child), 0);
}

Test(pg, repeats_what_an_operator_cut_short)
{
	pid_t pid = backend(), child;

	child = servers_fork(terminate_soon, &pid);
	cr_assert_eq(call(SLEEP, "0.6", NULL), PROBLEM_NONE);
	cr_assert_eq(servers_wait(child), 0);
	cr_assert_eq(count(), 1, "once, and not twice");
}

Test(pg_own, survives_a_restart_between_calls)
{
	char started[100];

	snprintf(started, sizeof(started), "%s", pg_started(pg, clock_monotonic_us() + SECOND));
	servers_run(&servers, "pg-crash", "");
	servers_run(&servers, "pg-start", "");
	cr_assert_eq(call(ONE, "1", NULL), PROBLEM_NONE);
	cr_assert_str_neq(pg_started(pg, clock_monotonic_us() + SECOND), started);
	servers_run(&servers, "pg-stop", "");
	cr_assert_eq(call(ONE, "1", NULL), PROBLEM_UNAVAILABLE);
	cr_assert_not(pg_is_up(pg));
	servers_run(&servers, "pg-start", "");
	poll(NULL, 0, 300);
	cr_assert_eq(call(ONE, "1", NULL), PROBLEM_NONE);
	cr_assert(pg_is_up(pg));
}

Test(pg, prepares_anew_what_the_server_has_forgotten)
{
	cr_assert_eq(count(), 0);
	cr_assert_eq(
		pg_exec(pg, "deallocate all", arena, clock_monotonic_us() + SECOND, &why, NULL),
		PROBLEM_NONE);
	cr_assert_eq(count(), 0);
	cr_assert_eq(call(STAR, NULL, NULL), PROBLEM_NONE);
	sql("alter table rows add column m int");
	cr_assert_eq(call(STAR, NULL, NULL), PROBLEM_NONE);
}

static int
lock_two(void *ctx)
{
	const char *const *order = ctx;
	enum problem problem = PROBLEM_NONE;

	for (int i = 0; i < 5 && !problem; i++)
		problem = call(LOCK, order[0], order[1]);
	pg_close(pg);
	return (int)problem;
}

Test(pg, repeats_after_a_deadlock)
{
	pid_t one = servers_fork(lock_two, (const char *[]){ "1", "2" });
	pid_t two = servers_fork(lock_two, (const char *[]){ "2", "1" });

	cr_assert_eq(servers_wait(one), 0);
	cr_assert_eq(servers_wait(two), 0);
	cr_assert_eq(pg_exec(pg,
			     "select sum(hits), (select deadlocks from pg_stat_database"
			     " where datname = 'postgres') from locks",
			     arena, clock_monotonic_us() + SECOND, &why, &rows),
		PROBLEM_NONE);
	cr_assert_eq(pg_int(&rows, 0, 0), 20, "each of ten calls counted two");
	cr_assert_gt(pg_int(&rows, 0, 1), 0, "there was no deadlock to repeat after");
}

Test(pg_own, flushes_after_a_statement_in_a_transaction_of_its_own)
{
	cr_assert_eq(call(ADD, NULL, NULL), PROBLEM_NONE);
	cr_assert_eq(count(), 1);
	/* A standby that never comes: what is committed locally stands, its flush is not
	 * answered. */
	sql("alter system set synchronous_standby_names = nobody");
	sql("select pg_reload_conf()");
	poll(NULL, 0, 200);
	cr_assert_eq(call_within(500 * 1000, ADD_LOCALLY, NULL, NULL), PROBLEM_UNKNOWN_OUTCOME);
	cr_assert_eq(count(), 2);
	cr_assert_eq(call_within(500 * 1000, ADD, NULL, NULL), PROBLEM_UNKNOWN_OUTCOME);
}

static enum problem
exec(const char *text)
{
	return pg_exec(pg, text, arena, clock_monotonic_us() + SECOND, &why, &rows);
}

Test(pg, keeps_a_transaction_together)
{
	pid_t pid;

	cr_assert_eq(exec("begin"), PROBLEM_NONE);
	cr_assert_eq(call(SLEEP, "0", NULL), PROBLEM_NONE);
	cr_assert_eq(exec("rollback"), PROBLEM_NONE);
	cr_assert_eq(count(), 0);
	cr_assert_eq(exec("select 1; insert into rows values (3); select 7"), PROBLEM_NONE);
	cr_assert_eq(pg_int(&rows, 0, 0), 7);
	cr_assert_eq(exec("select 1; select broken"), PROBLEM_INTERNAL);
	/* Lost in the middle: the rest must not run by itself. */
	cr_assert_eq(exec("begin"), PROBLEM_NONE);
	pid = backend();
	terminate_soon(&pid);
	poll(NULL, 0, 200);
	cr_assert_eq(call(SLEEP, "0", NULL), PROBLEM_UNAVAILABLE);
	cr_assert_eq(count(), 1);
}

/* Else the next request would go on in it, with its old snapshot. */
Test(pg, ends_a_transaction_that_has_no_time_left)
{
	pid_t pid;

	cr_assert_eq(exec("begin isolation level repeatable read read only"), PROBLEM_NONE);
	pid = backend();
	cr_assert_eq(pg_exec(pg, "rollback", arena, clock_monotonic_us() - 1, &why, &rows),
		PROBLEM_UNAVAILABLE);
	cr_assert_eq(call(ADD, NULL, NULL), PROBLEM_NONE);
	cr_assert_neq(backend(), pid);
	cr_assert_eq(count(), 1);
}

Test(pg_alone, leaves_a_silent_server)
{
	char path[100];
	int64_t began_us;
	pid_t mute;

	snprintf(path, sizeof(path), "%s/pg", servers.dir);
	cr_assert_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/pg/.s.PGSQL.5432", servers.dir);
	mute = servers_mute(path, false);
	began_us = clock_monotonic_us();
	cr_assert_eq(call(ONE, "1", NULL), PROBLEM_UNAVAILABLE);
	cr_assert_lt(clock_monotonic_us() - began_us, 600 * 1000);
	/* The connection is tried at most once in its time. */
	began_us = clock_monotonic_us();
	poll(NULL, 0, 300);
	cr_assert_eq(call_within(50 * 1000, ONE, "1", NULL), PROBLEM_UNAVAILABLE);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(call(ONE, "1", NULL), PROBLEM_UNAVAILABLE);
	cr_assert_lt(clock_monotonic_us() - began_us, 500 * 1000);
	servers_end(mute);
}

/* A machine that has gone refuses nothing: who waits for it would never ask the next one. */
Test(pg, passes_by_a_server_that_is_silent)
{
	char dir[100], path[120], url[400];
	pid_t mute, pid;

	snprintf(dir, sizeof(dir), "%s/mute.%d", getenv("HOLDFAST_TEST_DIR"), (int)getpid());
	cr_assert_eq(mkdir(dir, 0700), 0);
	snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", dir);
	mute = servers_mute(path, false);
	snprintf(url, sizeof(url), "host=%s,%s/pg dbname=postgres options='%s'", dir, servers.dir,
		getenv("PGOPTIONS"));
	servers.conf.database_url = url;
	pg_close(pg);
	pg = pg_open(&servers.conf);
	cr_assert_eq(call(ONE, "1", NULL), PROBLEM_NONE);
	/* From now on the one that answered is asked first. */
	pid = backend();
	terminate_soon(&pid);
	poll(NULL, 0, 200);
	cr_assert_eq(call_within(servers.conf.postgres_connect_ms * 1000 / 2, ONE, "1", NULL),
		PROBLEM_NONE);
	servers_end(mute);
}

/* One that only repeats what another writes would be taken for good, and refuse everything. */
Test(pg, passes_by_a_server_that_takes_no_writes)
{
	char url[400];

	sql("create function pg_is_in_recovery() returns bool language sql as 'select true'");
	snprintf(url, sizeof(url), "host=%s/pg,%s/pg dbname=postgres options='%s,pg_catalog'",
		servers.dir, servers.dir, getenv("PGOPTIONS"));
	servers.conf.database_url = url;
	pg_close(pg);
	pg = pg_open(&servers.conf);
	cr_assert_eq(call(ONE, "1", NULL), PROBLEM_UNAVAILABLE);
	sql("create or replace function pg_is_in_recovery() returns bool language sql as "
	    "'select false'");
	poll(NULL, 0, servers.conf.postgres_connect_ms + 10);
	cr_assert_eq(call(ONE, "1", NULL), PROBLEM_NONE);
}

Test(pg_alone, finds_nobody)
{
	cr_assert_eq(call(ONE, "1", NULL), PROBLEM_UNAVAILABLE);
	cr_assert_str_eq(pg_started(pg, clock_monotonic_us() + SECOND), "");
	cr_assert_not(pg_is_up(pg));
}
