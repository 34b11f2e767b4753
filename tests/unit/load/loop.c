/*
 * Moments fire in their order, once, and not after they were taken back.
 */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "load/loop.h"

#define TIMERS 500

static struct loop loop;
static struct timer timers[TIMERS];
static int64_t last_us;
static int fired;

static void
on_fire(struct timer *timer)
{
	cr_assert_geq(timer->due_us, last_us);
	cr_assert_eq(timer->place, 0);
	last_us = timer->due_us;
	fired++;
}

Test(loop, fires_in_order)
{
	int64_t now_us;
	int left = 0;

	cr_assert(loop_init(&loop));
	now_us = clock_monotonic_us();
	for (int i = 0; i < TIMERS; i++) {
		timers[i].fire = on_fire;
		timer_set(&loop, &timers[i], now_us + i * 7919 % TIMERS);
	}
	/* Some are moved, some taken back. */
	for (int i = 0; i < TIMERS; i += 3)
		timer_set(&loop, &timers[i], now_us + i * 104729 % TIMERS);
	for (int i = 0; i < TIMERS; i += 5) {
		timer_clear(&loop, &timers[i]);
		timer_clear(&loop, &timers[i]);
	}
	for (int i = 0; i < TIMERS; i++)
		left += timers[i].place > 0;
	cr_assert_eq(left, TIMERS - TIMERS / 5);
	while (loop.count > 0)
		loop_step(&loop, 10000);
	cr_assert_eq(fired, left);
	loop_release(&loop);
}

static void
on_fire_again(struct timer *timer)
{
	fired++;
	timer_set(&loop, timer, 0);
}

Test(loop, what_is_due_at_once_fires_once_a_step)
{
	cr_assert(loop_init(&loop));
	timers[0].fire = on_fire_again;
	timer_set(&loop, &timers[0], 0);
	loop_step(&loop, 0);
	cr_assert_eq(fired, 1);
	loop_step(&loop, 0);
	cr_assert_eq(fired, 2);
	loop_release(&loop);
}

Test(loop, waits_no_longer_than_asked)
{
	int64_t began_us = clock_monotonic_us();

	cr_assert(loop_init(&loop));
	timers[0].fire = on_fire;
	timer_set(&loop, &timers[0], began_us + 3600000000);
	loop_step(&loop, 20000);
	cr_assert_eq(fired, 0);
	cr_assert_geq(clock_monotonic_us() - began_us, 20000);
	loop_release(&loop);
}
