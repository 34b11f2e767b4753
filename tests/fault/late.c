/*
 * A clock that can be put forward, for a program that is started with this library in LD_PRELOAD:
 *
 *   LATE=FILE    while FILE exists, the monotonic clock of the program is two minutes ahead
 *
 * Its alarms go off as ever.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define AHEAD_S 121

int
clock_gettime(clockid_t clock, struct timespec *out)
{
	const char *file = getenv("LATE");
	int failed = (int)syscall(SYS_clock_gettime, clock, out);
	int kept = errno;

	if (!failed && clock == CLOCK_MONOTONIC && file && access(file, F_OK) == 0)
		out->tv_sec += AHEAD_S;
	errno = kept;
	return failed;
}
