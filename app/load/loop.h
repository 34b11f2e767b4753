/*
 * What a load generator waits for: sockets and moments, in one thread.
 */
#ifndef HOLDFAST_LOOP_H
#define HOLDFAST_LOOP_H

#include "base/base.h"

/* A moment. Lives in whatever waits for it; zeroed, it is not set. */
struct timer {
	void (*fire)(struct timer *timer);
	int64_t due_us; /* by clock_monotonic_us() */
	size_t place;   /* in the heap, from 1; 0: not set */
};

/* A socket: ready() hears epoll's events. */
struct watch {
	void (*ready)(struct watch *watch, uint32_t events);
};

struct loop {
	int poller;
	int64_t now_us; /* when the events at hand were read */
	struct timer **timers;
	size_t count, room;
};

/* False, with errno. */
bool loop_init(struct loop *loop);
void loop_release(struct loop *loop);

/* Waits for the next event or moment, at most for so long, and tells whom it is for. */
void loop_step(struct loop *loop, int64_t wait_us);

/* Sets it, also where it is set already. What is due already fires in the next step. */
void timer_set(struct loop *loop, struct timer *timer, int64_t due_us);
void timer_clear(struct loop *loop, struct timer *timer);

/* False, with errno. A socket that is closed is no longer watched. */
bool watch_add(struct loop *loop, struct watch *watch, int fd, uint32_t events);
void watch_change(struct loop *loop, struct watch *watch, int fd, uint32_t events);

#endif
