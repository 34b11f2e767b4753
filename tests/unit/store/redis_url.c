/*
 * Addresses of Redis servers, well and badly written.
 */
#include <criterion/criterion.h>

#include "store/redis_url.h"

static struct arena *arena;
static struct redis_url url;
static const char *mistake;

static void
begin(void)
{
	arena = arena_new();
}

static void
end(void)
{
	arena_free(arena);
}

TestSuite(redis_url, .init = begin, .fini = end);

Test(redis_url, reads_hosts)
{
	cr_assert(redis_url_read(arena, "redis://127.0.0.1", &url, &mistake));
	cr_assert_str_eq(url.host, "127.0.0.1");
	cr_assert_eq(url.port, 6379);
	cr_assert_eq(url.db, 0);
	cr_assert_null(url.path);
	cr_assert_null(url.user);
	cr_assert_null(url.password);
	cr_assert(redis_url_read(arena, "redis://h.example:7000/3", &url, &mistake));
	cr_assert_str_eq(url.host, "h.example");
	cr_assert_eq(url.port, 7000);
	cr_assert_eq(url.db, 3);
	cr_assert(redis_url_read(arena, "redis://[::1]:7000/", &url, &mistake));
	cr_assert_str_eq(url.host, "::1");
	cr_assert_eq(url.port, 7000);
	cr_assert(redis_url_read(arena, "redis://[fe80::2]", &url, &mistake));
	cr_assert_str_eq(url.host, "fe80::2");
	cr_assert_eq(url.port, 6379);
	cr_assert(redis_url_read(arena, "redis://[fe80::2%eth0]:7000", &url, &mistake));
	cr_assert_str_eq(url.host, "fe80::2%eth0");
}

Test(redis_url, reads_passwords)
{
	cr_assert(redis_url_read(arena, "redis://u:p%40%3a%2F@h:1/2", &url, &mistake));
	cr_assert_str_eq(url.user, "u");
	cr_assert_str_eq(url.password, "p@:/");
	cr_assert_str_eq(url.host, "h");
	cr_assert(redis_url_read(arena, "redis://:se:cret@h", &url, &mistake));
	cr_assert_null(url.user);
	cr_assert_str_eq(url.password, "se:cret");
	cr_assert(redis_url_read(arena, "redis://u@h", &url, &mistake));
	cr_assert_str_eq(url.user, "u");
	cr_assert_null(url.password);
}

Test(redis_url, reads_unix_sockets)
{
	cr_assert(redis_url_read(arena, "unix:///run/redis.sock", &url, &mistake));
	cr_assert_str_eq(url.path, "/run/redis.sock");
	cr_assert_eq(url.db, 0);
	cr_assert(redis_url_read(arena, "unix://u:p@/run/a@b.sock?db=5", &url, &mistake));
	cr_assert_str_eq(url.path, "/run/a@b.sock");
	cr_assert_str_eq(url.user, "u");
	cr_assert_str_eq(url.password, "p");
	cr_assert_eq(url.db, 5);
}

Test(redis_url, refuses_the_rest)
{
	static const char *const bad[] = { "", "127.0.0.1", "http://h", "rediss://h", "redis://",
		"redis://:6379", "redis://h:", "redis://h:0", "redis://h:65536", "redis://h:6x",
		"redis://a:b:c", "redis://[::1", "redis://[::1]x", "redis://[]", "redis://[[::1]",
		"redis://[h]:1", "redis://a[b:1", "redis://a]:1", "redis://h/x", "redis://h/-1",
		"redis://u:%zz@h", "redis://u:%4@h", "redis://u:%00@h", "unix://run/redis.sock",
		"unix:///x?db=y", "unix:///x?base=1" };

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		mistake = NULL;
		cr_assert_not(redis_url_read(arena, bad[i], &url, &mistake), "%s", bad[i]);
		cr_assert_not_null(mistake);
	}
}
