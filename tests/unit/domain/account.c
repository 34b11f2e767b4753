/*
 * Mail addresses and roles. What accounts do is tested against the database and over HTTP.
 */
#include <criterion/criterion.h>

#include "domain/account.h"

Test(account, takes_usable_addresses)
{
	static const char *const good[] = { "a@b.c", "buyer@example.test",
		"A.b+c_d-e@Sub.Example.COM", "!#$%&'*+-/=?^_`{|}~@x.yz", "1@2.3",
		"o'neill@a-b.example",
		"1234567890123456789012345678901234567890123456789012345678901234@x.yz" };

	for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
		cr_assert(account_email_is_usable(good[i]), "%s", good[i]);
}

Test(account, refuses_the_rest)
{
	static const char *const bad[] = { "", "@", "a", "a@", "@b.c", "a@b", "a@b.", "a@.b",
		"a@b..c", ".a@b.c", "a.@b.c", "a..b@c.d", "a b@c.d", "a@b c.d", "a@b@c.d", "a@-b.c",
		"a@b-.c", "a@b.c\n", "\na@b.c", "a\r\nBcc: x@y.z@b.c", "\"a\"@b.c", "a@[127.0.0.1]",
		"<a@b.c>", "a@b_c.d", "\xc3\xa4@b.c", "a@b\xc3\xa4.c", "a\x7f@b.c", "a,b@c.d",
		"12345678901234567890123456789012345678901234567890123456789012345@x.yz",
		"a@1234567890123456789012345678901234567890123456789012345678901234.c" };
	char text[ACCOUNT_EMAIL_BYTES_MAX + 2];

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_assert_not(account_email_is_usable(bad[i]), "%s", bad[i]);
	/* 254 bytes and one more, in labels of two. */
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 2 ? '.' : 'x';
	text[1] = '@';
	text[ACCOUNT_EMAIL_BYTES_MAX - 1] = 'x';
	text[ACCOUNT_EMAIL_BYTES_MAX] = '\0';
	cr_assert(account_email_is_usable(text));
	text[ACCOUNT_EMAIL_BYTES_MAX] = 'x';
	text[ACCOUNT_EMAIL_BYTES_MAX + 1] = '\0';
	cr_assert_not(account_email_is_usable(text));
}

Test(account, knows_the_roles)
{
	cr_assert(account_role_exists("user"));
	cr_assert(account_role_exists("organizer"));
	cr_assert(account_role_exists("admin"));
	cr_assert_not(account_role_exists(""));
	cr_assert_not(account_role_exists("Admin"));
	cr_assert_not(account_role_exists("root"));
}
