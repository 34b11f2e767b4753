/*
 * Times as clients write them.
 */
#include <criterion/criterion.h>

#include "base/clock.h"

Test(clock, takes_rfc3339_and_nothing_else)
{
	static const char *const good[] = { "2026-11-21T19:00:00Z", "2026-11-21t19:00:00z",
		"2026-11-21T19:00:00+01:00", "2026-11-21T19:00:00-11:30", "2024-02-29T23:59:60Z",
		"2026-11-21T19:00:00.5Z", "2026-11-21T19:00:00.123456789+00:00",
		"2000-02-29T00:00:00Z" };
	static const char *const bad[] = { "", "2026", "2026-11-21", "2026-11-21T19:00:00",
		"2026-11-21 19:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
		"2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
		"2026-11-21T24:00:00Z", "2026-11-21T19:60:00Z", "2026-11-21T19:00:61Z",
		"2026-11-21T19:00:00.Z", "2026-11-21T19:00:00.1234567890Z",
		"2026-11-21T19:00:00+1:00", "2026-11-21T19:00:00+0100", "2026-11-21T19:00:00+16:00",
		"2026-11-21T19:00:00Z ", " 2026-11-21T19:00:00Z", "2026-11-21T19:00Z",
		"0000-01-01T00:00:00Z", "12026-11-21T19:00:00Z", "infinity", "now", "epoch",
		"2026-11-21T19:00:00Z'--" };

	for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
		cr_assert(clock_is_rfc3339(good[i]), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_assert_not(clock_is_rfc3339(bad[i]), "%s", bad[i]);
}

Test(clock, takes_dates_that_exist)
{
	cr_assert(clock_is_date("2026-11-21"));
	cr_assert(clock_is_date("2024-02-29"));
	cr_assert_not(clock_is_date("2023-02-29"));
	cr_assert_not(clock_is_date("2026-11-21T"));
	cr_assert_not(clock_is_date("2026-1-1"));
	cr_assert_not(clock_is_date("2026-11-00"));
}

Test(clock, writes_what_it_reads_and_moves_on)
{
	char now[CLOCK_RFC3339];
	int64_t before = clock_monotonic_us();

	clock_now_rfc3339(now);
	cr_assert(clock_is_rfc3339(now), "%s", now);
	cr_assert_geq(clock_monotonic_us(), before);
	cr_assert_gt(clock_unix_s(), 1700000000);
}

Test(clock, follows_what_it_is_told)
{
	const int64_t hour_s = 3600;
	int64_t host_s = clock_unix_s();

	cr_assert_not(clock_is_told());
	cr_assert_not(clock_has_moved());
	clock_tell((host_s + hour_s) * 1000000);
	cr_assert(clock_is_told());
	cr_assert_geq(clock_unix_s(), host_s + hour_s);
	cr_assert_lt(clock_unix_s(), host_s + hour_s + 60);
	/* Being told another time is no move of the host's clock. */
	cr_assert_not(clock_has_moved());
	clock_tell((host_s - hour_s) * 1000000);
	cr_assert_lt(clock_unix_s(), host_s);
	cr_assert_not(clock_has_moved());
}
