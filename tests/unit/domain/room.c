/*
 * The order that is drawn for those who come before the opening: even, and each event's own.
 */
#include <criterion/criterion.h>

#include <math.h>

#include "base/id.h"
#include "domain/room.h"

#define PEOPLE  20000
#define BUCKETS 100
#define SECRET  "a secret of this test, always the same"

static const char *
person(int n, char out[ID_UUID_TEXT])
{
	snprintf(out, ID_UUID_TEXT, "00000000-0000-4000-8000-%012d", n);
	return out;
}

/* How far the counts are from even: about BUCKETS - 1, give or take a few times sqrt(2 * that). */
static double
chi_square(const int *counts, int buckets, double expected)
{
	double sum = 0;

	for (int i = 0; i < buckets; i++)
		sum += (counts[i] - expected) * (counts[i] - expected) / expected;
	return sum;
}

Test(room, draws_evenly)
{
	int counts[BUCKETS] = { 0 };
	char user[ID_UUID_TEXT];

	for (int n = 0; n < PEOPLE; n++) {
		int64_t drawn = room_shuffle(SECRET, 7, person(n, user));

		cr_assert(drawn >= 0 && drawn < 1 << ROOM_SHUFFLE_BITS);
		cr_assert_eq(drawn, room_shuffle(SECRET, 7, user), "the same again");
		counts[drawn * BUCKETS >> ROOM_SHUFFLE_BITS]++;
	}
	cr_assert_lt(fabs(chi_square(counts, BUCKETS, (double)PEOPLE / BUCKETS) - (BUCKETS - 1)),
		4 * sqrt(2 * (BUCKETS - 1)));
}

/* Whether an earlier account, or an earlier comer, has the better place: half of the time. */
Test(room, draws_without_regard_to_the_account)
{
	char one[ID_UUID_TEXT], two[ID_UUID_TEXT];
	int before = 0;

	for (int n = 0; n < PEOPLE; n++)
		before += room_shuffle(SECRET, 7, person(n, one)) <
			  room_shuffle(SECRET, 7, person(n + 1, two));
	cr_assert_lt(abs(before - PEOPLE / 2), 4 * sqrt(PEOPLE) / 2);
}

/* Luck in one event is none in another, and a secret decides all of it. */
Test(room, draws_for_each_event_anew)
{
	char user[ID_UUID_TEXT];
	int counts[4] = { 0 }, same = 0;

	for (int n = 0; n < PEOPLE; n++) {
		int64_t here = room_shuffle(SECRET, 7, person(n, user));
		int64_t there = room_shuffle(SECRET, 8, user);
		int half = 1 << (ROOM_SHUFFLE_BITS - 1);

		counts[(here >= half) * 2 + (there >= half)]++;
		same += here == room_shuffle("another secret", 7, user);
	}
	cr_assert_lt(chi_square(counts, 4, PEOPLE / 4.0), 20);
	cr_assert_lt(same, 5);
}
