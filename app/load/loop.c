/*
 * The loop: epoll, and a binary heap of moments.
 */
#include "load/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

#define EVENTS_MAX 256

bool
loop_init(struct loop *loop)
{
	*loop = (struct loop){ .poller = epoll_create1(EPOLL_CLOEXEC) };
	loop->now_us = clock_monotonic_us();
	return loop->poller >= 0;
}

void
loop_release(struct loop *loop)
{
	close(loop->poller);
	free(loop->timers);
}

/* ---- moments --------------------------------------------------------------------------------- */

static void
heap_put(struct loop *loop, size_t place, struct timer *timer)
{
	loop->timers[place] = timer;
	timer->place = place;
}

/* Moves a timer towards the top, then towards the bottom, as far as it belongs. */
static void
heap_settle(struct loop *loop, struct timer *timer)
{
	size_t at = timer->place;

	while (at > 1 && loop->timers[at / 2]->due_us > timer->due_us) {
		heap_put(loop, at, loop->timers[at / 2]);
		at /= 2;
	}
	for (size_t child = 2 * at; child <= loop->count; child = 2 * at) {
		if (child < loop->count &&
			loop->timers[child + 1]->due_us < loop->timers[child]->due_us)
			child++;
		if (loop->timers[child]->due_us >= timer->due_us)
			break;
		heap_put(loop, at, loop->timers[child]);
		at = child;
	}
	heap_put(loop, at, timer);
}

void
timer_set(struct loop *loop, struct timer *timer, int64_t due_us)
{
	if (!timer->place) {
		if (loop->count + 1 >= loop->room) {
			loop->room = loop->room ? 2 * loop->room : 64;
			loop->timers =
				reallocarray(loop->timers, loop->room, sizeof(struct timer *));
			if (!loop->timers)
				abort();
		}
		heap_put(loop, ++loop->count, timer);
	}
	timer->due_us = due_us;
	heap_settle(loop, timer);
}

void
timer_clear(struct loop *loop, struct timer *timer)
{
	size_t place = timer->place;
	struct timer *last;

	if (!place)
		return;
	last = loop->timers[loop->count--];
	timer->place = 0;
	if (last == timer)
		return;
	heap_put(loop, place, last);
	heap_settle(loop, last);
}

/* What is set while this goes on, and due already, is for the next time. */
static void
fire_due(struct loop *loop)
{
	size_t most = loop->count;

	while (most-- > 0 && loop->count > 0 && loop->timers[1]->due_us <= loop->now_us) {
		struct timer *timer = loop->timers[1];

		timer_clear(loop, timer);
		timer->fire(timer);
	}
}

/* ---- events ---------------------------------------------------------------------------------- */

bool
watch_add(struct loop *loop, struct watch *watch, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	return epoll_ctl(loop->poller, EPOLL_CTL_ADD, fd, &event) == 0;
}

void
watch_change(struct loop *loop, struct watch *watch, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };
	int done = epoll_ctl(loop->poller, EPOLL_CTL_MOD, fd, &event);

	assert(done == 0);
	(void)done;
}

void
loop_step(struct loop *loop, int64_t wait_us)
{
	struct epoll_event events[EVENTS_MAX];
	struct timespec wait;
	int count;

	if (loop->count > 0) {
		int64_t left_us = loop->timers[1]->due_us - clock_monotonic_us();

		if (left_us < wait_us)
			wait_us = left_us > 0 ? left_us : 0;
	}
	wait = (struct timespec){ wait_us / 1000000, wait_us % 1000000 * 1000 };
	count = epoll_pwait2(loop->poller, events, EVENTS_MAX, &wait, NULL);
	loop->now_us = clock_monotonic_us();
	for (int i = 0; i < count; i++) {
		struct watch *watch = events[i].data.ptr;

		watch->ready(watch, events[i].events);
	}
	fire_due(loop);
}
