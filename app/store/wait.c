/*
 * Waiting for a socket.
 */
#include "store/wait.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>

short
wait_for(int fd, short events, int64_t deadline_us)
{
	for (;;) {
		struct pollfd one = { .fd = fd, .events = events };
		int64_t left_us = deadline_us - clock_monotonic_us();
		int ready;

		if (left_us < 0 || fd < 0)
			return 0;
		ready = poll(&one, 1, (int)((left_us + 999) / 1000));
		if (ready > 0)
			return one.revents;
		if (ready < 0 && errno != EINTR)
			return 0;
	}
}
