/*
 * Rates: who is counted, how tokens come back, and that nobody is refused without Redis.
 */
#include "../store/servers.h"

#include "base/str.h"
#include "domain/limit.h"

static struct servers servers;
static struct arena *arena;
static struct problem_why why;
static struct context house;

static void
begin(void)
{
	servers_init(&servers);
	servers.conf.rate_limit = true;
	snprintf(servers.url, sizeof(servers.url), "unix://%s/redis.sock", servers.dir);
	servers.conf.redis_url = servers.url;
	arena = arena_new();
	why = (struct problem_why){ 0 };
	house = (struct context){
		.conf = &servers.conf,
		.redis = redis_open(&servers.conf),
		.arena = arena,
		.why = &why,
	};
}

static void
end(void)
{
	redis_close(house.redis);
	arena_free(arena);
	servers_remove(&servers);
}

TestSuite(limit, .init = begin, .fini = end, .timeout = 60);

Test(limit, burst_then_refusal_with_the_time_to_wait)
{
	servers_run(&servers, "redis-start", "");
	for (int i = 0; i < 3; i++)
		cr_assert_eq(limit_check(&house, "login", "a", 6, 3), PROBLEM_NONE, "%d", i);
	cr_assert_eq(limit_check(&house, "login", "a", 6, 3), PROBLEM_RATE_LIMITED);
	cr_assert_str_eq(why.limit, "login");
	cr_assert_eq(why.limit_per_minute, 6);
	cr_assert(why.retry_after_s >= 9 && why.retry_after_s <= 10, "%d", why.retry_after_s);
	/* Others have buckets of their own. */
	cr_assert_eq(limit_check(&house, "login", "b", 6, 3), PROBLEM_NONE);
	cr_assert_eq(limit_check(&house, "register", "a", 6, 3), PROBLEM_NONE);
}

Test(limit, tokens_come_back_one_by_one)
{
	servers_run(&servers, "redis-start", "");
	for (int i = 0; i < 2; i++)
		cr_assert_eq(limit_check(&house, "x", "a", 120, 2), PROBLEM_NONE);
	cr_assert_eq(limit_check(&house, "x", "a", 120, 2), PROBLEM_RATE_LIMITED);
	cr_assert_eq(why.retry_after_s, 1);
	usleep(550 * 1000);
	cr_assert_eq(limit_check(&house, "x", "a", 120, 2), PROBLEM_NONE);
	cr_assert_eq(limit_check(&house, "x", "a", 120, 2), PROBLEM_RATE_LIMITED);
}

Test(limit, bucket_that_is_full_is_no_key)
{
	const char *words[] = { "DBSIZE" };

	servers_run(&servers, "redis-start", "");
	cr_assert_eq(limit_check(&house, "x", "a", 600, 5), PROBLEM_NONE);
	cr_assert_eq(redis_int(redis_command(house.redis, 1, words, NULL, arena)), 1);
	usleep(300 * 1000);
	cr_assert_eq(redis_int(redis_command(house.redis, 1, words, NULL, arena)), 0);
}

Test(limit, clock_set_back_or_nonsense_in_the_key_refuses_for_one_interval_at_most)
{
	const char *far[] = { "SET", "limit:x:a", "99999999999999999" };
	const char *junk[] = { "SET", "limit:x:b", "junk" };

	servers_run(&servers, "redis-start", "");
	redis_command(house.redis, 3, far, NULL, arena);
	redis_command(house.redis, 3, junk, NULL, arena);
	cr_assert_eq(limit_check(&house, "x", "a", 60, 5), PROBLEM_RATE_LIMITED);
	cr_assert_leq(why.retry_after_s, 1);
	cr_assert_eq(limit_check(&house, "x", "b", 60, 5), PROBLEM_NONE);
}

Test(limit, nobody_is_refused_without_redis_or_when_switched_off)
{
	for (int i = 0; i < 5; i++)
		cr_assert_eq(limit_check(&house, "x", "a", 1, 1), PROBLEM_NONE);
	servers_run(&servers, "redis-start", "");
	servers.conf.rate_limit = false;
	for (int i = 0; i < 5; i++)
		cr_assert_eq(limit_check(&house, "x", "a", 1, 1), PROBLEM_NONE);
}

Test(limit, counts_accounts_else_addresses_and_of_ipv6_the_network)
{
	cr_assert_str_eq(limit_who(&house, "the-account", "192.0.2.1"), "the-account");
	cr_assert_str_eq(limit_who(&house, NULL, "192.0.2.1"), "192.0.2.1");
	cr_assert_str_eq(limit_who(&house, NULL, "unknown"), "unknown");
	cr_assert_str_eq(limit_who(&house, NULL, "2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
	cr_assert_str_eq(limit_who(&house, NULL, "2001:db8:1:2::9"), "2001:db8:1:2::");
	cr_assert_str_neq(limit_who(&house, NULL, "2001:db8:1:3::9"), "2001:db8:1:2::");
	cr_assert_str_eq(limit_who(&house, NULL, "::ffff:192.0.2.1"), "192.0.2.1");
}

Test(limit, waits_are_told_in_whole_seconds_rounded_up)
{
	cr_assert_eq(limit_refuse(&house, "x", 10, 1), PROBLEM_RATE_LIMITED);
	cr_assert_eq(why.retry_after_s, 1);
	limit_refuse(&house, "x", 10, 1000000);
	cr_assert_eq(why.retry_after_s, 1);
	limit_refuse(&house, "x", 10, 1000001);
	cr_assert_eq(why.retry_after_s, 2);
}
