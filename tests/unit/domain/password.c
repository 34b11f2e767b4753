/*
 * Password hashes: right and wrong, the bounds, the cost, and the time of what cannot be right.
 */
#include <criterion/criterion.h>

#include "domain/password.h"

/* The cheapest: what is tested does not depend on it, but where costs are compared. */
#define COST 1

static char hash[PASSWORD_HASH_ROOM];

static void
begin(void)
{
	password_init(COST);
}

TestSuite(password, .init = begin);

Test(password, tells_right_from_wrong)
{
	char again[PASSWORD_HASH_ROOM];

	cr_assert(password_hash("correct horse", hash));
	cr_assert_eq(strncmp(hash, "$y$", 3), 0);
	cr_assert(password_hash("correct horse", again));
	cr_assert_str_neq(hash, again, "two hashes with one salt");
	cr_assert(password_is_right(hash, "correct horse"));
	cr_assert_not(password_is_right(hash, "correct Horse"));
	cr_assert_not(password_is_right(hash, "correct hors"));
	cr_assert_not(password_is_right(hash, "correct horse "));
	cr_assert_not(password_is_right(hash, ""));
}

Test(password, is_never_right_without_an_account)
{
	cr_assert_not(password_is_right(NULL, "correct horse"));
	cr_assert_not(password_is_right(NULL, ""));
}

Test(password, is_never_right_for_a_broken_hash)
{
	cr_assert_not(password_is_right("", "correct horse"));
	cr_assert_not(password_is_right("*0", "correct horse"));
	cr_assert_not(password_is_right("$y$", "correct horse"));
	cr_assert_not(password_is_right("correct horse", "correct horse"));
}

Test(password, has_bounds)
{
	char text[PASSWORD_BYTES_MAX + 2];

	memset(text, 'x', sizeof(text));
	text[PASSWORD_BYTES_MAX + 1] = '\0';
	cr_assert_not(password_hash(text, hash));
	cr_assert_not(password_is_right(NULL, text));
	text[PASSWORD_BYTES_MAX] = '\0';
	cr_assert(password_hash(text, hash));
	cr_assert(password_is_right(hash, text));
	/* Nothing is cut off at the end. */
	text[PASSWORD_BYTES_MAX - 1] = 'y';
	cr_assert_not(password_is_right(hash, text));
	text[PASSWORD_BYTES_MIN] = '\0';
	cr_assert(password_hash(text, hash));
	text[PASSWORD_BYTES_MIN - 1] = '\0';
	cr_assert_not(password_hash(text, hash));
}

Test(password, knows_its_cost)
{
	static const char bcrypt[] = "$2b$04$abcdefghijklmnopqrstuuOmkDlaDGDlCBaCF0iBWVSxjb3mcKNUG";

	cr_assert(password_hash("correct horse", hash));
	cr_assert(password_is_current(hash));
	cr_assert_not(password_is_current(bcrypt));
	password_init(COST + 1);
	cr_assert_not(password_is_current(hash));
	cr_assert(password_is_right(hash, "correct horse"), "older hashes stay good");
}

/* Time of this process on a processor: what others do on a busy machine hardly counts. */
static int64_t
cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Keeps the shortest of several tries. */
static void
time_of(const char *stored, const char *password, int64_t *best_us)
{
	int64_t began_us = cpu_us(), took_us;

	cr_assert_not(password_is_right(stored, password));
	took_us = cpu_us() - began_us;
	if (took_us < *best_us)
		*best_us = took_us;
}

Test(password, takes_as_long_without_an_account)
{
	char text[PASSWORD_BYTES_MAX + 2];
	int64_t wrong_us = INT64_MAX, unknown_us = INT64_MAX, long_us = INT64_MAX;

	password_init(5);
	cr_assert(password_hash("correct horse", hash));
	memset(text, 'x', sizeof(text));
	text[PASSWORD_BYTES_MAX + 1] = '\0';
	for (int i = 0; i < 8; i++) {
		time_of(hash, "wrong horse", &wrong_us);
		time_of(NULL, "wrong horse", &unknown_us);
		time_of(hash, text, &long_us);
	}
	cr_assert_gt(wrong_us, 2000);
	cr_assert(unknown_us * 2 > wrong_us && unknown_us < wrong_us * 2, "%lld and %lld us",
		(long long)unknown_us, (long long)wrong_us);
	cr_assert(long_us * 2 > wrong_us && long_us < wrong_us * 2, "%lld and %lld us",
		(long long)long_us, (long long)wrong_us);
}
