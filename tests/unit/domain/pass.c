/*
 * Passes: good for their account, event and time alone, and as long as their key is there.
 */
#include <criterion/criterion.h>

#include <unistd.h>

#include "base/clock.h"
#include "base/keyring.h"
#include "base/str.h"
#include "domain/pass.h"

#define USER    "0189abcd-0123-4567-89ab-0123456789ab"
#define OTHER   "0189abcd-0123-4567-89ab-0123456789ac"
#define NOW     INT64_C(1900000000)
#define OLD     "old an-old-secret-of-more-than-32-bytes\n"
#define NEW     "new a-newer-secret-of-more-than-32-byte\n"
#define ANOTHER "x another-secret-with-more-than-32-byte\n"

static struct arena *arena;

/* The signing keys are these, one a line. */
static void
use_keys(const char *lines)
{
	char path[] = "/tmp/holdfast-keys-XXXXXX";
	struct conf conf = { .program = "test", .environment = "test", .jwt_secret = "" };
	int fd = mkstemp(path);

	cr_assert(fd >= 0 && write(fd, lines, strlen(lines)) == (ssize_t)strlen(lines));
	close(fd);
	conf.jwt_keys_file = path;
	keyring_load(&conf);
	ticket_init();
	unlink(path);
}

static void
begin(void)
{
	arena = arena_new();
	clock_tell(NOW * 1000000);
	use_keys(OLD);
}

static void
end(void)
{
	arena_free(arena);
}

TestSuite(pass, .init = begin, .fini = end);

static const char *
make(int64_t ends_s)
{
	return pass_write(arena, &(struct pass){ 7, USER, INT64_C(1) << 43, ends_s });
}

Test(pass, is_good_for_its_account_and_event)
{
	const char *text = make(NOW + 100);
	struct pass pass = { 0 };

	cr_assert_eq(pass_check(arena, text, 7, USER, &pass), PASS_GOOD);
	cr_assert_eq(pass.event_id, 7);
	cr_assert_eq(pass.score, INT64_C(1) << 43);
	cr_assert_eq(pass.ends_s, NOW + 100);
	cr_assert_str_eq(pass_place(arena, &pass), "8796093022208|1900000100000");
	cr_assert_str_eq(pass_place(arena, NULL), "");
	cr_assert_eq(pass_check(arena, text, 8, USER, &pass), PASS_WRONG);
	cr_assert_eq(pass_check(arena, text, 7, OTHER, &pass), PASS_WRONG);
	cr_assert_eq(pass_check(arena, NULL, 7, USER, &pass), PASS_NONE);
	cr_assert_eq(pass_check(arena, "", 7, USER, &pass), PASS_NONE);
	cr_assert_str_eq(text, make(NOW + 100), "the same place has the same pass");
}

Test(pass, ends)
{
	struct pass pass;

	cr_assert_eq(pass_check(arena, make(NOW + 2), 7, USER, &pass), PASS_GOOD);
	cr_assert_eq(pass_check(arena, make(NOW), 7, USER, &pass), PASS_ENDED);
	cr_assert_eq(pass_check(arena, make(NOW - 1), 7, USER, &pass), PASS_ENDED);
}

Test(pass, what_will_not_do_is_refused_with_its_reason)
{
	static const enum pass_state states[] = { PASS_NONE, PASS_WRONG, PASS_ENDED, PASS_SPENT };

	for (size_t i = 0; i < ARRAY_LENGTH(states); i++) {
		struct problem_why why = { 0 };

		cr_assert_eq(pass_refuse(&why, arena, 7, states[i]), PROBLEM_QUEUE_REQUIRED);
		cr_assert_str_eq(
			why.members, arena_printf(arena, ",\"event_id\":\"7\",\"pass\":\"%s\"",
					     pass_word(states[i])));
		cr_assert_not_null(why.detail);
	}
}

/* A ticket is no pass, though it looks like one: the keys differ. */
Test(pass, is_no_ticket)
{
	struct ticket ticket = { 7, "1900000100", USER, INT64_C(1) << 43 };
	struct pass pass;

	cr_assert_eq(pass_check(arena, ticket_write(arena, &ticket), 7, USER, &pass), PASS_WRONG);
	cr_assert_not(ticket_read(arena, make(NOW + 100), &ticket));
}

Test(pass, is_good_in_no_other_spelling)
{
	const char *text = make(NOW + 100);
	struct pass pass;

	for (size_t i = 0; i < strlen(text); i++) {
		for (const char *c = "Aaz09-_=.% "; *c; c++) {
			char *bent = arena_strdup(arena, text);

			if (bent[i] == *c)
				continue;
			bent[i] = *c;
			cr_assert_eq(pass_check(arena, bent, 7, USER, &pass), PASS_WRONG);
		}
		cr_assert_eq(pass_check(arena, arena_copy(arena, text, i), 7, USER, &pass),
			i ? PASS_WRONG : PASS_NONE);
	}
	for (int ends = 0; ends < 3; ends++)
		cr_assert_eq(pass_check(arena,
				     ticket_write_as(arena, TICKET_PASS,
					     &(struct ticket){ 7,
						     (const char *[]){ "", "soon",
							     "99999999999999999999" }[ends],
						     USER, 5 }),
				     7, USER, &pass),
			PASS_WRONG, "an end that is none");
}

Test(pass, outlives_the_key_that_signs_but_not_its_own)
{
	const char *text = make(NOW + 100), *newer;
	struct pass pass;

	use_keys(NEW OLD);
	cr_assert_eq(pass_check(arena, text, 7, USER, &pass), PASS_GOOD);
	newer = make(NOW + 100);
	cr_assert_str_neq(newer, text);
	cr_assert_eq(pass_check(arena, newer, 7, USER, &pass), PASS_GOOD);
	use_keys(NEW);
	cr_assert_eq(pass_check(arena, text, 7, USER, &pass), PASS_WRONG);
	cr_assert_eq(pass_check(arena, newer, 7, USER, &pass), PASS_GOOD);
	use_keys(ANOTHER);
	cr_assert_eq(pass_check(arena, newer, 7, USER, &pass), PASS_WRONG);
}
