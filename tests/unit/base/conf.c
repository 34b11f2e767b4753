/*
 * Settings from the file, the environment and the command line; what is refused; what is masked.
 */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <unistd.h>

#include "base/conf_list.h"
#include "base/conf_table.h"
#include "base/str.h"

static const struct conf_program program = {
	.name = "test",
	.summary = "tests the settings",
	.usage = "[OPTION]...",
};
static struct conf conf;
static char path[100];

static void
begin(void)
{
	const char *where = getenv("TMPDIR");

	snprintf(path, sizeof(path), "%s/holdfast-conf-XXXXXX", where ? where : "/tmp");
	clearenv();
	cr_redirect_stdout();
	cr_redirect_stderr();
}

static void
end(void)
{
	unlink(path);
}

TestSuite(conf, .init = begin, .fini = end);

static void
load(const char *const *words)
{
	char *argv[16] = { (char *)(uintptr_t) "holdfast-test" };
	int argc = 1;

	for (; *words; words++)
		argv[argc++] = (char *)(uintptr_t)*words;
	conf_load(&conf, &program, argc, argv);
}

#define LOAD(...) load((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

static const char *
write_file(const char *text)
{
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return path;
}

static void
stdout_is(const char *part, bool there)
{
	char text[65536] = "";

	fflush(stdout);
	close(STDOUT_FILENO);
	cr_assert_gt(fread(text, 1, sizeof(text) - 1, cr_get_redirected_stdout()), 0);
	cr_assert_eq(strstr(text, part) != NULL, there, "%s in %s", part, text);
}

Test(conf, every_default_is_within_its_bounds)
{
	for (const struct conf_row *row = conf_rows; row->name; row++) {
		cr_assert(*row->help, "%s", row->name);
		if (row->kind == CONF_KIND_INT)
			cr_assert(row->int_default >= row->min && row->int_default <= row->max,
				"%s", row->name);
		for (const struct conf_row *other = conf_rows; other != row; other++)
			cr_assert_str_neq(other->name, row->name);
	}
}

Test(conf, defaults_stand_where_nothing_is_said)
{
	LOAD();
	cr_assert_eq(conf.hold_seconds, 600);
	cr_assert(conf.rate_limit);
	cr_assert_str_eq(conf.environment, "production");
	cr_assert_str_eq(conf.program, "test");
	conf_done(&conf, 0);
}

Test(conf, file_then_environment_then_set)
{
	write_file("# a comment\n\n  hold_seconds = 5 \nrate_write=6\nrate_read = 7\n"
		   "jwt_issuer = a = b # not a comment\nrate_limit = off");
	setenv("HOLDFAST_RATE_WRITE", "16", 1);
	setenv("HOLDFAST_RATE_READ", "17", 1);
	LOAD("--config", path, "--set", "rate_read=27");
	cr_assert_eq(conf.hold_seconds, 5);
	cr_assert_eq(conf.rate_write, 16);
	cr_assert_eq(conf.rate_read, 27);
	cr_assert_str_eq(conf.jwt_issuer, "a = b # not a comment");
	cr_assert_not(conf.rate_limit);
}

Test(conf, file_of_the_environment)
{
	setenv("HOLDFAST_CONF", write_file("hold_seconds = 9\n"), 1);
	LOAD();
	cr_assert_eq(conf.hold_seconds, 9);
}

Test(conf, own_name_wins_over_aliases)
{
	setenv("SECRET_KEY", "second", 1);
	setenv("JWT_SECRET", "first", 1);
	setenv("REDIS_URL", "", 1);
	setenv("UPSTASH_REDIS_URL", "redis://u", 1);
	setenv("ACCESS_TOKEN_EXPIRE_SECONDS", "60", 1);
	setenv("HOLDFAST_ACCESS_TOKEN_SECONDS", "61", 1);
	LOAD();
	cr_assert_str_eq(conf.jwt_secret, "first");
	cr_assert_str_eq(conf.redis_url, "redis://u");
	cr_assert_eq(conf.access_token_seconds, 61);
}

Test(conf, addresses_in_parts)
{
	setenv("DB_HOST", "db.example", 1);
	setenv("DB_PORT", "6543", 1);
	setenv("DB_NAME", "tickets", 1);
	setenv("DB_USER", "me", 1);
	setenv("DB_PASSWORD", "a'b\\c d", 1);
	setenv("REDIS_HOST", "cache", 1);
	setenv("REDIS_PORT", "6380", 1);
	setenv("REDIS_USER", "a@b", 1);
	setenv("REDIS_PASSWORD", "p", 1);
	LOAD();
	cr_assert_str_eq(conf.database_url, "host='db.example' port='6543' dbname='tickets' "
					    "user='me' password='a\\'b\\\\c d'");
	cr_assert_str_eq(conf.redis_url, "redis://a%40b@cache:6380/0");
	cr_assert_str_eq(conf.redis_password, "p");
}

Test(conf, whole_address_wins_over_its_parts)
{
	setenv("DB_HOST", "db.example", 1);
	setenv("DATABASE_URL", "postgresql:///other", 1);
	LOAD();
	cr_assert_str_eq(conf.database_url, "postgresql:///other");
}

Test(conf, secrets_come_out_of_files)
{
	char setting[128];

	write_file("  the secret \n\n");
	snprintf(setting, sizeof(setting), "jwt_secret=@%s", path);
	LOAD("--set", setting);
	cr_assert_str_eq(conf.jwt_secret, "  the secret");
}

Test(conf, rest_of_the_line_is_left_to_the_program)
{
	const char *value = NULL;

	LOAD("word", "--event", "5", "--set=hold_seconds=8", "--dry-run", "--name=x", "--",
		"--config");
	cr_assert_eq(conf.hold_seconds, 8);
	cr_assert(conf_option(&conf, "event", &value));
	cr_assert_str_eq(value, "5");
	cr_assert(conf_option(&conf, "name", &value));
	cr_assert_str_eq(value, "x");
	cr_assert(conf_option(&conf, "dry-run", NULL));
	cr_assert_not(conf_option(&conf, "dry-run", NULL));
	cr_assert_not(conf_option(&conf, "dry", NULL));
	conf_done(&conf, 2);
}

#define REFUSED(name, ...)                                                                         \
	Test(conf, refuses_##name, .exit_code = 2)                                                 \
	{                                                                                          \
		__VA_ARGS__;                                                                       \
	}

REFUSED(unknown_setting, LOAD("--set", "no_such=1"))
REFUSED(unknown_setting_in_the_file, LOAD("--config", write_file("hold_second = 5\n")))
REFUSED(line_without_equals, LOAD("--config", write_file("hold_seconds 5\n")))
REFUSED(missing_file, LOAD("--config", "/nonexistent/holdfast.conf"))
REFUSED(number_too_small, LOAD("--set", "hold_seconds=0"))
REFUSED(number_too_large, LOAD("--set", "hold_seconds=86401"))
REFUSED(number_with_a_tail, LOAD("--set", "hold_seconds=5s"))
REFUSED(number_beyond_int64, LOAD("--set", "hold_seconds=99999999999999999999"))
REFUSED(strange_truth, LOAD("--set", "rate_limit=maybe"))
REFUSED(bad_environment_value, setenv("HOLDFAST_RATE_READ", "x", 1); LOAD())
REFUSED(bad_redis_port, setenv("REDIS_HOST", "h", 1); setenv("REDIS_PORT", "70000", 1); LOAD())
REFUSED(set_without_a_value, LOAD("--set"))
REFUSED(set_without_equals, LOAD("--set", "hold_seconds"))
REFUSED(secret_file_that_is_not_there, LOAD("--set", "jwt_secret=@/nonexistent"))
REFUSED(unknown_level, LOAD("--set", "log_level=loud"))
REFUSED(unknown_environment, LOAD("--set", "environment=prod"))
REFUSED(unknown_provider, LOAD("--set", "payment_provider=paypal"))
REFUSED(small_currency, LOAD("--set", "currency=eur"))
REFUSED(long_currency, LOAD("--set", "currency=EURO"))
REFUSED(short_id_secret, LOAD("--set", "id_secret=short"))
REFUSED(id_secret_of_an_example, LOAD("--set", "id_secret=change-me-0123456789-abcdefghijkl"))
REFUSED(id_secret_of_one_letter, LOAD("--set", "id_secret=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))
REFUSED(empty_id_secret_that_is_needed, LOAD(); conf_need_id_secret(&conf))
REFUSED(provider_that_is_waited_for_beyond_the_budget,
	LOAD("--set", "payment_provider=stripe", "--set", "payment_timeout_ms=3001"))
REFUSED(budget_with_no_time_for_the_provider,
	LOAD("--set", "payment_provider=stripe", "--set", "payment_timeout_ms=100", "--set",
		"worker_budget_ms=1000"))
REFUSED(networks_that_are_none, LOAD("--set", "metrics_networks=10.0.0.0/8,localhost"))
REFUSED(origins_that_are_none, LOAD("--set", "allowed_origins=https://a.example,b.example"))
REFUSED(unknown_option, LOAD("--nonsense"); conf_done(&conf, 5))
REFUSED(too_many_words, LOAD("a", "b"); conf_done(&conf, 1))
REFUSED(option_without_its_value, const char *value; LOAD("--event");
	conf_option(&conf, "event", &value))

Test(conf, development_takes_short_secrets)
{
	LOAD("--set", "environment=development", "--set", "id_secret=short");
	cr_assert_str_eq(conf.id_secret, "short");
	LOAD("--set", "environment=development");
	conf_need_id_secret(&conf);
}

Test(conf, provider_is_waited_for_within_the_budget)
{
	LOAD("--set", "payment_provider=stripe", "--set", "payment_timeout_ms=3000");
	LOAD("--set", "payment_timeout_ms=60000", "--set", "worker_budget_ms=100");
	cr_assert_eq(conf.payment_timeout_ms, 60000);
}

Test(conf, networks_are_addresses_with_or_without_bits)
{
	static const char *const good[] = { "", " ", "192.0.2.7", "10.0.0.0/8,192.0.2.7",
		"::1, 2001:db8::/32 ,::ffff:10.0.0.1/128", "0.0.0.0/0" };
	static const char *const bad[] = { "10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1",
		"10.0.0.0/8/8", "::1/129", "2001:db8:::/32", "host", "10.0.0.1;", "10.0.0.1 1; }",
		"[::1]", "unix:", "256.0.0.1", "*",
		"2001:0db8:0000:0000:0000:0000:0000:0001/00000000000000000000000000000000000" };

	for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
		cr_assert_null(conf_check_networks(good[i]), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_assert(conf_check_networks(bad[i]), "%s", bad[i]);
}

Test(conf, origins_are_as_browsers_write_them)
{
	static const char *const good[] = { "", "*", "null", "https://shop.example",
		"https://shop.example/, http://127.0.0.1:3000", "[]", "[\"https://a.example\"]",
		" [ \"https://a.example\" , \"http://b-1.example:65535\" ] ",
		"capacitor://localhost,HTTPS://A.EXAMPLE" };
	static const char *const bad[] = { "shop.example", "https://", "https:///", "//a.example",
		"https://a.example/shop", "https://a.example//",
		"https://a.example:", "https://a.example:0", "https://a.example:65536",
		"https://*.example", "https://u@a.example", "https://[::1]:3000",
		"https://a.example;b", "1https://a", "'https://a.example'",
		"[\"https://a.example\"", "\"https://a.example", "https://a.example]",
		"[https://a],[https://b]", "https://a.example?x", "**" };
	char many[CONF_ORIGINS_MAX * 16 + 32] = "";

	for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
		cr_assert_null(conf_check_origins(good[i]), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_assert(conf_check_origins(bad[i]), "%s", bad[i]);
	for (int i = 0; i < CONF_ORIGINS_MAX; i++)
		memcpy(many + strlen(many), "http://a.b ", sizeof("http://a.b "));
	cr_assert_null(conf_check_origins(many));
	memcpy(many + strlen(many), "http://c", 9);
	cr_assert(conf_check_origins(many));
}

Test(conf, masks_passwords_wherever_they_stand)
{
	LOAD("--set", "jwt_secret=hush", "--set", "id_secret=hush-0123456789-abcdefghijkl-hush",
		"--set", "database_url=postgresql://u:hu:sh@hu/sh?hush@h/db?password=hush&a=1",
		"--set", "redis_url=redis://:hush@h:1/2", "--set", "redis_password=hush");
	conf_print(&conf);
	stdout_is("hush", false);
}

Test(conf, masks_conninfo)
{
	LOAD("--set", "database_url=host=h password='hush \\' hush' dbname=d PASSWORD   =  hush");
	conf_print(&conf);
	LOAD("--set", "database_url=password=a\\ hush dbname=d");
	conf_print(&conf);
	stdout_is("hush", false);
}

Test(conf, prints_what_is_no_secret)
{
	LOAD("--set", "database_url=host=h dbname=d", "--set", "rate_limit=no");
	conf_print(&conf);
	stdout_is("database_url = host=h dbname=d\n", true);
}

Test(conf, as_many_workers_as_the_processors_need)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	char line[64];

	LOAD();
	cr_assert_geq(conf.workers_booking, 4);
	cr_assert_leq(conf.workers_booking, 32);
	if (processors >= 2 && processors <= 16)
		cr_assert_eq(conf.workers_booking, 2 * processors);
	/* What a pool is started with. */
	snprintf(line, sizeof(line), "workers_booking = %d\n", (int)conf.workers_booking);
	conf_print(&conf);
	stdout_is(line, true);
	LOAD("--set", "workers_booking=3");
	cr_assert_eq(conf.workers_booking, 3);
}

Test(conf, help_ends_well, .exit_code = 0)
{
	LOAD("--help");
}

Test(conf, version_ends_well, .exit_code = 0)
{
	LOAD("--version");
}
