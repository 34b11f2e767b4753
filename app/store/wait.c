/*
 * Waiting for a socket.
 */
#include "store/wait.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

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

bool
wait_send(int fd, const void *bytes, size_t len, int64_t deadline_us)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t did = send(fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (did < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (did <= 0 && !wait_for(fd, POLLOUT, deadline_us))
			return false;
		if (did > 0) {
			at += did;
			len -= (size_t)did;
		}
	}
	return true;
}
