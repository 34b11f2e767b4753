/*
 * Tickets of the queue: exact, signed, bound to their place, and readable after a key has followed.
 */
#include "domain/ticket.h"

#include <criterion/criterion.h>

#include "base/base64.h"
#include "base/keyring.h"
#include "base/str.h"

#define USER  "0b9f6d1c-2f4e-4a7b-9c3d-5e6f70818293"
#define OTHER "1b9f6d1c-2f4e-4a7b-9c3d-5e6f70818293"
#define ONE   "one 0123456789abcdefghijklmnopqrstuvwxyzA\n"
#define TWO   "two ZYXWVUTSRQPONMLKJIHGFEDCBA9876543210a\n"

static struct arena *arena;
static char path[] = "/tmp/holdfast-ticket.XXXXXX";

/* The keys of the installation from here on. */
static void
keys(const char *text)
{
	static struct conf conf;
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
	conf.program = "test";
	conf.environment = "production";
	conf.jwt_keys_file = path;
	conf.jwt_secret = "";
	keyring_load(&conf);
	ticket_init();
}

static void
setup(void)
{
	int fd = mkstemp(path);

	cr_assert(fd >= 0);
	fclose(fdopen(fd, "w"));
	arena = arena_new();
	keys(ONE);
}

static void
teardown(void)
{
	remove(path);
	arena_free(arena);
}

TestSuite(ticket, .init = setup, .fini = teardown);

static int64_t
score(int64_t epoch, int64_t number, int64_t quantity)
{
	return ((epoch << 34) + number) * 512 + quantity - 1;
}

static const struct ticket some = { .event_id = 42, .line = "VIP-1_a", .user_id = USER };

static struct ticket
with_score(int64_t n)
{
	struct ticket ticket = some;

	ticket.score = n;
	return ticket;
}

Test(ticket, a_score_has_its_parts)
{
	static const int64_t parts[][3] = { { 1, 1, 1 }, { 3, 77, 500 },
		{ 1023, (INT64_C(1) << 34) - 1, 500 }, { 1023, 1, 1 } };

	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		struct ticket ticket = with_score(score(parts[i][0], parts[i][1], parts[i][2]));

		cr_assert_eq(ticket_score(parts[i][0], parts[i][1], parts[i][2]), ticket.score);
		cr_assert_eq(ticket_epoch(&ticket), parts[i][0]);
		cr_assert_eq(ticket_number(&ticket), parts[i][1]);
		cr_assert_eq(ticket_quantity(&ticket), parts[i][2]);
		cr_assert_lt(ticket.score, INT64_C(1) << 53, "exact as a double");
	}
}

Test(ticket, what_is_written_is_read)
{
	static const char *const lines[] = { "", "A",
		"0123456789012345678901234567890123456789012345678901234567890123" };

	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
		struct ticket ticket = with_score(score(7, 123456789, 3)), got;
		const char *token;

		ticket.line = lines[i];
		token = ticket_write(arena, &ticket);
		cr_assert(ticket_read(arena, token, &got));
		cr_assert_eq(got.event_id, 42);
		cr_assert_eq(got.score, ticket.score);
		cr_assert_str_eq(got.line, lines[i]);
		cr_assert_str_eq(got.user_id, USER);
		cr_assert_str_eq(ticket_write(arena, &got), token, "a ticket has one token");
	}
}

Test(ticket, every_changed_bit_is_seen)
{
	struct ticket ticket = with_score(score(7, 9, 3)), got = { .event_id = -1 };
	size_t len;
	unsigned char *bytes = base64url_read(arena, ticket_write(arena, &ticket), &len);

	for (size_t bit = 0; bit < 8 * len; bit++) {
		bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
		cr_assert_not(ticket_read(arena, base64url_write(arena, bytes, len), &got),
			"bit %zu", bit);
		bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < len; cut++)
		cr_assert_not(ticket_read(arena, base64url_write(arena, bytes, cut), &got),
			"cut %zu", cut);
	cr_assert_eq(got.event_id, -1, "nothing is written");
	cr_assert(ticket_read(arena, base64url_write(arena, bytes, len), &got));
}

Test(ticket, parts_cannot_be_moved_from_one_to_another)
{
	struct ticket a = with_score(score(7, 9, 3)), b = a, got;
	size_t len;
	unsigned char *one, *two;

	b.user_id = OTHER;
	one = base64url_read(arena, ticket_write(arena, &a), &len);
	two = base64url_read(arena, ticket_write(arena, &b), &len);
	memcpy(one + 13, two + 13, 16);
	cr_assert_not(ticket_read(arena, base64url_write(arena, one, len), &got));
}

Test(ticket, keys_follow_one_another)
{
	struct ticket ticket = with_score(score(7, 9, 3)), got;
	const char *old = ticket_write(arena, &ticket), *new;

	keys(TWO ONE);
	cr_assert(ticket_read(arena, old, &got), "what the old key signed is good");
	new = ticket_write(arena, &ticket);
	cr_assert_str_neq(new, old);
	keys(TWO);
	cr_assert_not(ticket_read(arena, old, &got), "until it goes");
	cr_assert(ticket_read(arena, new, &got));
}

Test(ticket, rubbish_is_none)
{
	static const char *const rubbish[] = { "", "A", "AQ", "!!!!", "AQAAACoAAAAAAAAAAA",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };
	struct ticket got;
	char longest[4000];

	for (size_t i = 0; i < ARRAY_LENGTH(rubbish); i++)
		cr_assert_not(ticket_read(arena, rubbish[i], &got), "%s", rubbish[i]);
	memset(longest, 'A', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	cr_assert_not(ticket_read(arena, longest, &got));
}

Test(ticket, names_of_lines)
{
	cr_assert(ticket_line_is_name(""));
	cr_assert(ticket_line_is_name("VIP_1-a"));
	cr_assert_not(ticket_line_is_name("a b"));
	cr_assert_not(ticket_line_is_name("a:b"));
	cr_assert_not(ticket_line_is_name("a|b"));
	cr_assert_not(ticket_line_is_name("{1}"));
	cr_assert_not(ticket_line_is_name("\xc3\xa4"));
	cr_assert_not(ticket_line_is_name(
		"01234567890123456789012345678901234567890123456789012345678901234"));
}

Test(ticket, a_ticket_has_one_booking)
{
	struct ticket a = with_score(score(7, 9, 3)), b = with_score(score(7, 9, 4)),
		      c = with_score(score(7, 10, 3));
	char first[ID_UUID_TEXT], again[ID_UUID_TEXT];
	int32_t event_id;

	ticket_booking(&a, "secret", first);
	ticket_booking(&b, "secret", again);
	cr_assert_str_eq(first, again, "the place counts");
	cr_assert(id_booking_event(first, &event_id));
	cr_assert_eq(event_id, 42);
	ticket_booking(&c, "secret", again);
	cr_assert_str_neq(first, again);
	ticket_booking(&a, "another", again);
	cr_assert_str_neq(first, again);
	a.line = "VIP-1";
	ticket_booking(&a, "secret", again);
	cr_assert_str_neq(first, again);
}
