/*
 * When those who wait are told to ask again: often at the head, rarely far behind, and never so
 * rarely that what they wait for is lost.
 */
#include <criterion/criterion.h>

#include "domain/queue_parts.h"

static const struct conf usual = { .queue_poll_seconds = 2, .queue_hold_seconds = 120 };
static const struct conf hasty = { .queue_poll_seconds = 2, .queue_hold_seconds = 8 };
static const struct conf slow = { .queue_poll_seconds = 60, .queue_hold_seconds = 3 };

static int64_t
line(const struct conf *conf, int64_t ahead, int64_t wait_s)
{
	struct queue_place place = { .status = QUEUE_WAITING, .ahead = ahead, .wait_s = wait_s };

	return queue_poll_after(conf, &place);
}

static int64_t
sold(const struct conf *conf)
{
	struct queue_place place = { .status = QUEUE_SOLD_OUT, .wait_s = -1 };

	return queue_poll_after(conf, &place);
}

Test(queue_poll, of_a_line)
{
	cr_assert_eq(line(&usual, 0, 5000), 2, "at the head");
	cr_assert_eq(line(&usual, 99, 5000), 2);
	cr_assert_eq(line(&usual, 100, 100), 10, "a tenth of the wait");
	cr_assert_eq(line(&usual, 100, 1), 2, "not more often than at the head");
	cr_assert_eq(line(&usual, 100, 5000), 30, "not more rarely than this");
	cr_assert_eq(line(&usual, 100, -1), 2, "by the place, where the wait is not known");
	cr_assert_eq(line(&usual, 2600, -1), 12);
	cr_assert_eq(sold(&usual), 10);
}

Test(queue_poll, of_a_line_that_holds_for_a_short_time)
{
	cr_assert_eq(line(&hasty, 5000, 5000), 2);
	cr_assert_eq(sold(&hasty), 2);
	cr_assert_eq(line(&slow, 0, -1), 1, "one second at least");
	cr_assert_eq(sold(&slow), 1);
}

static int64_t
room(const struct conf *conf, int64_t ahead, int64_t wait_s, int64_t stale_s, int64_t life_s)
{
	struct room_place place = { .ahead = ahead, .wait_s = wait_s, .starts_in_s = -1 };
	struct room_pace pace = { .stale_s = stale_s, .life_s = life_s, .waiting = 5000 };

	return room_poll_after(conf, &place, pace);
}

static int64_t
early(const struct conf *conf, int64_t starts_in_s, int64_t stale_s, int64_t life_s)
{
	struct room_place place = { .ahead = -1, .wait_s = -1, .starts_in_s = starts_in_s };
	struct room_pace pace = { .stale_s = stale_s, .life_s = life_s, .waiting = 5000 };

	return room_poll_after(conf, &place, pace);
}

Test(queue_poll, of_a_waiting_room)
{
	cr_assert_eq(room(&usual, 99, 5000, 30, 600), 2, "at the head");
	cr_assert_eq(room(&usual, 100, 100, 30, 600), 10, "a tenth of the wait");
	cr_assert_eq(room(&usual, 100, 1, 30, 600), 2);
	cr_assert_eq(room(&usual, 100, 5000, 30, 600), 15, "as often as one has to be seen");
	cr_assert_eq(room(&usual, 100, -1, 30, 600), 15);
	cr_assert_eq(room(&usual, 100, -1, 3600, 600), 150, "as often as the pass lasts");
	cr_assert_eq(room(&usual, 100, 5000, 3600, 10), 2);
	cr_assert_eq(room(&slow, 0, -1, 30, 600), 15, "also at the head");
	cr_assert_eq(room(&slow, 100, 5000, 5, 10), 2);
}

Test(queue_poll, before_the_opening)
{
	cr_assert_eq(early(&usual, 3600, 30, 600), 60);
	cr_assert_eq(early(&usual, 100, 30, 600), 50);
	cr_assert_eq(early(&usual, 10, 30, 600), 15, "soon after it, but not all at once");
	cr_assert_eq(early(&usual, 10, 300, 600), 15, "however long one may stay away");
	cr_assert_eq(early(&usual, 10, 30, 10), 5);
	cr_assert_eq(early(&usual, 2, 30, 10), 2);
	cr_assert_eq(early(&slow, 10, 5, 600), 5);
}

/* Who does as told is seen with half of the time left after which one is passed over, or later. */
Test(queue_poll, nobody_is_passed_over)
{
	const struct conf *confs[] = { &usual, &hasty, &slow };

	for (size_t i = 0; i < 3; i++) {
		for (int64_t stale_s = 5; stale_s < 200; stale_s += 13) {
			for (int64_t opens_s = 1; opens_s < 400; opens_s++) {
				int64_t after = early(confs[i], opens_s, stale_s, 600);

				cr_assert(after >= 1 && (after < opens_s || after <= stale_s / 2));
			}
		}
	}
}

Test(queue_poll, how_long)
{
	cr_assert_eq(queue_wait(0, 0), -1);
	cr_assert_eq(queue_wait(5, -1), -1);
	cr_assert_eq(queue_wait(0, 1000000), 1);
	cr_assert_eq(queue_wait(9, 2000000), 5);
	cr_assert_eq(queue_wait(10, 2000000), 6, "what is begun counts whole");
}
