/*
 * The connection to Redis, against real servers and against sockets that misbehave.
 */
#include "servers.h"

#include "store/redis.h"

/* The longest that a call may take: connect and call, each with its timeout, and a busy machine. */
#define BOUND_US (600 * 1000)

static struct servers servers;
static struct arena *arena;
static struct redis *redis;

static const struct redis_script script = {
	.name = "test",
	.text = "return {KEYS[1], tonumber(ARGV[1]) + 1, false, {'a'}}",
	.sha1 = "706ba885008f342581e9a1d0bcdf3d346321d281",
};

static void
begin(void)
{
	servers_init(&servers);
	snprintf(servers.url, sizeof(servers.url), "unix://%s/redis.sock", servers.dir);
	servers.conf.redis_url = servers.url;
	arena = arena_new();
	redis = redis_open(&servers.conf);
}

static void
end(void)
{
	redis_close(redis);
	arena_free(arena);
	servers_remove(&servers);
}

TestSuite(redis, .init = begin, .fini = end, .timeout = 60);

static const struct redis_value *
command(const char *a, const char *b, const char *c)
{
	const char *words[] = { a, b, c };

	return redis_command(redis, c ? 3 : b ? 2 : 1, words, NULL, arena);
}

static bool
is_pong(void)
{
	const struct redis_value *value = command("PING", NULL, NULL);

	return value != NULL && strcmp(redis_text(value, NULL), "PONG") == 0;
}

static void
assert_away(void)
{
	int64_t began_us = clock_monotonic_us();

	cr_assert_null(command("PING", NULL, NULL));
	cr_assert_lt(clock_monotonic_us() - began_us, BOUND_US);
	cr_assert_not(redis_is_up(redis));
	/* The breaker answers at once, without trying. */
	began_us = clock_monotonic_us();
	for (int i = 0; i < 100; i++)
		cr_assert_null(command("PING", NULL, NULL));
	cr_assert_lt(clock_monotonic_us() - began_us, 50 * 1000);
}

/* Within the pause and its jitter. */
static void
assert_comes_back(void)
{
	int64_t deadline_us = clock_monotonic_us() + 2 * SECOND;

	while (!is_pong()) {
		cr_assert_lt(clock_monotonic_us(), deadline_us);
		poll(NULL, 0, 10);
	}
	cr_assert(redis_is_up(redis));
}

Test(redis, runs_commands_and_scripts)
{
	const char *words[] = { "SET", "bytes", "a\0b" };
	const size_t lens[] = { 3, 5, 3 };
	const char *const keys[] = { "k", NULL };
	const char *const args[] = { "41", NULL };
	const struct redis_value *value;
	size_t len;

	servers_run(&servers, "redis-start", "");
	cr_assert(is_pong());
	cr_assert_not_null(redis_command(redis, 3, words, lens, arena));
	value = command("GET", "bytes", NULL);
	cr_assert_eq(redis_kind(value), REDIS_TEXT);
	cr_assert_eq(memcmp(redis_text(value, &len), "a\0b", 3), 0);
	cr_assert_eq(len, 3);
	cr_assert_eq(redis_kind(command("GET", "none", NULL)), REDIS_NIL);
	for (int i = 0; i < 3; i++) {
		/* Unknown at first, then known by its hash, then forgotten again. */
		if (i == 2)
			cr_assert_not_null(command("SCRIPT", "FLUSH", NULL));
		value = redis_script(redis, &script, keys, args, arena);
		cr_assert_not_null(value);
		cr_assert_eq(redis_length(value), 4);
		cr_assert_str_eq(redis_text(redis_at(value, 0), NULL), "k");
		cr_assert_eq(redis_int(redis_at(value, 1)), 42);
		cr_assert_eq(redis_kind(redis_at(value, 2)), REDIS_NIL);
		cr_assert_eq(redis_length(redis_at(value, 3)), 1);
	}
	value = command("INFO", "commandstats", NULL);
	cr_assert_not_null(strstr(redis_text(value, NULL), "cmdstat_eval:calls=2,"));
	/* A refused command is no answer, and no reason to leave. */
	cr_assert_null(command("INCR", "bytes", NULL));
	cr_assert(redis_is_up(redis));
}

Test(redis, leaves_a_silent_server)
{
	char path[100];
	pid_t mute;

	snprintf(path, sizeof(path), "%s/redis.sock", servers.dir);
	mute = servers_mute(path, false);
	assert_away();
	servers_end(mute);
	unlink(path);
	servers_run(&servers, "redis-start", "");
	assert_comes_back();
}

Test(redis, leaves_a_server_that_drips)
{
	char path[100];
	pid_t mute;

	snprintf(path, sizeof(path), "%s/redis.sock", servers.dir);
	mute = servers_mute(path, true);
	assert_away();
	servers_end(mute);
}

Test(redis, leaves_a_stopped_server_and_never_takes_its_late_reply)
{
	servers_run(&servers, "redis-start", "");
	cr_assert(is_pong());
	cr_assert_not_null(command("CLIENT", "PAUSE", "400"));
	assert_away();
	assert_comes_back();
	cr_assert_eq(redis_int(command("INCR", "n", NULL)), 1);
	cr_assert_eq(redis_int(command("INCR", "n", NULL)), 2);
}

Test(redis, leaves_a_frozen_server_in_the_middle_of_a_long_command)
{
	const size_t len = 32 * 1024 * 1024;
	const size_t lens[] = { 3, 1, len };
	const char *words[] = { "SET", "k", arena_alloc(arena, len) };
	int64_t began_us;

	servers_run(&servers, "redis-start", "");
	cr_assert(is_pong());
	servers_run(&servers, "redis-signal", "STOP");
	began_us = clock_monotonic_us();
	cr_assert_null(redis_command(redis, 3, words, lens, arena));
	cr_assert_lt(clock_monotonic_us() - began_us, BOUND_US);
	servers_run(&servers, "redis-signal", "CONT");
	assert_comes_back();
}

Test(redis, sees_a_restart_before_it_sends)
{
	char run_id[100];

	servers_run(&servers, "redis-start", "");
	snprintf(run_id, sizeof(run_id), "%s", redis_run_id(redis));
	servers_run(&servers, "redis-stop", "");
	servers_run(&servers, "redis-start", "");
	cr_assert(is_pong());
	cr_assert_str_neq(redis_run_id(redis), run_id);
	servers_run(&servers, "redis-stop", "");
	assert_away();
	cr_assert_null(redis_run_id(redis));
	servers_run(&servers, "redis-start", "");
	assert_comes_back();
}

Test(redis, logs_in_and_selects)
{
	struct redis *other;
	char url[200];

	servers_run(&servers, "redis-start",
		"--user default on nopass '~*' '+@all' "
		"--user me on '>p@ss' '~*' '+@all'");
	snprintf(url, sizeof(url), "unix://me:p%%40ss@%s/redis.sock?db=3", servers.dir);
	servers.conf.redis_url = url;
	other = redis_open(&servers.conf);
	cr_assert_not_null(
		redis_command(other, 3, (const char *[]){ "SET", "k", "3" }, NULL, arena));
	cr_assert_eq(redis_kind(command("GET", "k", NULL)), REDIS_NIL);
	cr_assert_not_null(command("SELECT", "3", NULL));
	cr_assert_eq(redis_int(command("GET", "k", NULL)), 3);
	redis_close(other);
	snprintf(url, sizeof(url), "unix://me:wrong@%s/redis.sock", servers.dir);
	other = redis_open(&servers.conf);
	cr_assert_null(redis_run_id(other));
	redis_close(other);
	snprintf(url, sizeof(url), "unix://me@%s/redis.sock", servers.dir);
	servers.conf.redis_password = "p@ss";
	other = redis_open(&servers.conf);
	cr_assert_not_null(redis_run_id(other));
	redis_close(other);
}

Test(redis, counts_a_replica_as_away)
{
	servers_run(&servers, "redis-start", "");
	cr_assert(is_pong());
	cr_assert_not_null(command("REPLICAOF", "127.0.0.1", "1"));
	cr_assert_null(command("SET", "k", "v"));
	cr_assert_not(redis_is_up(redis));
}

Test(redis, does_without_one)
{
	struct redis *none;

	servers.conf.redis_url = "";
	none = redis_open(&servers.conf);
	cr_assert_null(redis_run_id(none));
	cr_assert_null(redis_script(none, &script, NULL, NULL, arena));
	cr_assert_not(redis_is_up(none));
	redis_close(none);
}
