/*
 * Mail as it goes over the wire.
 */
#include <criterion/criterion.h>

#include "domain/message.h"

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

TestSuite(message, .init = begin, .fini = end);

static const char *
write_one(const char *name, const char *subject, const char *text)
{
	struct message message = {
		.from = { name, "office@example.test" },
		.to = "a@example.test",
		.subject = subject,
		.text = text,
		.html = "<p>x</p>",
		.id = "0123-abcd",
		.unix_s = 1795273200,
	};
	struct str out;

	str_init(&out, arena);
	message_write(&out, &message);
	return out.data;
}

Test(message, knows_addresses)
{
	static const char *const good[] = { "a@b", "a.b+c@d-e.example", "o'neil@example.test",
		"A_1=x/y@EXAMPLE.test" };
	static const char *const bad[] = { "", "a", "@b", "a@", "a@b@c", "a b@c", "a@b c", "a..b@c",
		".a@b", "a.@b", "a@.b", "a@b.", "a@b..c", "a@-b", "a@b-", "<a@b>", "a@[1.2.3.4]",
		"\"a\"@b", "a@b\r\nRCPT TO:<c@d>", "a\n@b", "a(x)@b", "a,b@c", "a@b,c",
		"\xc3\xa4@b", "a@\xc3\xa4", "a@b>", "a;@b", "a:@b", "a\\@b" };
	char local[80];

	for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
		cr_expect(message_address_is_valid(good[i]), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_expect_not(message_address_is_valid(bad[i]), "%s", bad[i]);
	memset(local, 'a', sizeof(local));
	memcpy(local + 64, "@b", 3);
	cr_expect(message_address_is_valid(local));
	memcpy(local + 65, "@b", 3);
	local[64] = 'a';
	cr_expect_not(message_address_is_valid(local));
}

Test(message, knows_senders)
{
	struct message_sender sender;

	cr_expect(message_sender_read(arena, "a@b.test", &sender));
	cr_expect_str_eq(sender.name, "");
	cr_expect(message_sender_read(arena, "The \xc3\x84ther  <a@b.test>", &sender));
	cr_expect_str_eq(sender.name, "The \xc3\x84ther");
	cr_expect_str_eq(sender.address, "a@b.test");
	cr_expect_not(message_sender_read(arena, "", &sender));
	cr_expect_not(message_sender_read(arena, "A <a@b.test", &sender));
	cr_expect_not(message_sender_read(arena, "A <a@b.test> x", &sender));
	cr_expect_not(message_sender_read(arena, "A <>", &sender));
	cr_expect_not(message_sender_read(arena, "\xff <a@b.test>", &sender));
}

Test(message, writes_a_mail)
{
	cr_assert_str_eq(write_one("Box office", "Hello", "one\ntwo"),
		"From: \"Box office\" <office@example.test>\r\n"
		"To: a@example.test\r\n"
		"Subject: Hello\r\n"
		"Date: Sat, 21 Nov 2026 15:00:00 +0000\r\n"
		"Message-ID: <0123-abcd@example.test>\r\n"
		"MIME-Version: 1.0\r\n"
		"Auto-Submitted: auto-generated\r\n"
		"Content-Type: multipart/alternative;\r\n boundary=\"=_0123-abcd\"\r\n\r\n"
		"--=_0123-abcd\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
		"one\r\ntwo\r\n"
		"--=_0123-abcd\r\n"
		"Content-Type: text/html; charset=utf-8\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
		"<p>x</p>\r\n"
		"--=_0123-abcd--\r\n");
}

Test(message, encodes_what_is_no_plain_text)
{
	const char *mail = write_one("", "\xc3\x84rger\r\nBcc: x@y", "");

	cr_expect(strstr(mail, "From: office@example.test\r\n"));
	cr_expect(strstr(mail, "Subject: =?UTF-8?B?w4RyZ2VyDQpCY2M6IHhAeQ==?=\r\n"), "%s", mail);
	cr_expect_null(strstr(mail, "\nBcc"));
	mail = write_one("a\"b", "=?x?=", "");
	cr_expect_null(strstr(mail, "a\"b"));
	cr_expect_null(strstr(mail, "=?x?="));
	/* Long ones in several words, none of which ends within a character. */
	mail = write_one("",
		"\xe6\x84\x9b\xe6\x84\x9b\xe6\x84\x9b\xe6\x84\x9b\xe6\x84\x9b\xe6\x84\x9b"
		"\xe6\x84\x9b\xe6\x84\x9b\xe6\x84\x9b\xe6\x84\x9b\xe6\x84\x9b\xe6\x84\x9b"
		"\xe6\x84\x9b\xe6\x84\x9b\xe6\x84\x9b\xe6\x84\x9b",
		"");
	cr_expect(strstr(mail, "?=\r\n =?UTF-8?B?5oSb?=\r\n"), "%s", mail);
	/* What is no UTF-8 has no characters to end with. */
	mail = write_one("",
		"\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81"
		"\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81"
		"\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81",
		"");
	cr_expect(strstr(mail, "=?UTF-8?B?gYGB"), "%s", mail);
}

Test(message, quotes_lines)
{
	const char *mail = write_one("", "x",
		".\nFrom x\na =b \n\xc3\xa4\r\n"
		"012345678901234567890123456789012345678901234567890123456789012345678901234567890"
		"1");

	cr_expect(strstr(mail, "\r\n\r\n=2E\r\n=46rom x\r\na =3Db=20\r\n=C3=A4\r\n"), "%s", mail);
	cr_expect(strstr(mail, "01234=\r\n5678901\r\n"), "%s", mail);
}
