/*
 * How webhooks are signed, and which addresses they may have.
 */
#include <criterion/criterion.h>

#include "domain/webhook.h"

static struct arena *arena;

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

TestSuite(webhook, .init = begin, .fini = end);

/* By openssl: … | openssl dgst -sha256 -hmac secret -binary | base64 */
Test(webhook, signs_id_time_and_body)
{
	cr_assert_str_eq(webhook_signature(arena, "secret", 6, "msg_1", 1614265330, "{\"a\":1}"),
		"v1,s7VEx+z6YbFcbhg0YyFXcjGBJCBNsJjhisuFxLOHzrw=");
}

Test(webhook, judges_addresses)
{
	static const char *const good[] = { "https://example.com", "https://example.com:8443/a?b=c",
		"https://8.8.8.8/", "https://[2606:4700::1111]/", "https://a.b.example.com./" };
	static const char *const bad[] = { "", "example.com", "http://example.com/",
		"https://localhost/", "https://Localhost", "https://x.localhost/", "https://x/",
		"https://x.internal/", "https://u@example.com/", "https://u:p@example.com/",
		"https://127.0.0.1/", "https://127.0.0.1./", "https://127.1/",
		"https://0x7f000001/", "https://%ff%fe.example.com/", "https://exam%70le.com/",
		"https://2130706433/", "https://10.0.0.1/", "https://169.254.169.254/",
		"https://100.64.0.1/", "https://[::1]/", "https://[fe80::1]/", "https://[fd00::1]/",
		"https://[::ffff:10.0.0.1]/", "https://example.com/#x", "https://exa mple.com/",
		"https://example.com/\n", "file:///etc/passwd", "gopher://example.com/" };

	for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
		cr_expect_null(webhook_address_mistake(arena, good[i], false), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_expect_not_null(webhook_address_mistake(arena, bad[i], false), "%s", bad[i]);
	cr_expect_null(webhook_address_mistake(arena, "http://127.0.0.1:1234/", true));
	cr_expect_not_null(webhook_address_mistake(arena, "http://u:p@127.0.0.1/", true));
	cr_expect_not_null(webhook_address_mistake(arena, "file:///etc/passwd", true));
}
