/*
 * Waiting for a socket, never without a bound.
 */
#ifndef HOLDFAST_WAIT_H
#define HOLDFAST_WAIT_H

#include "base/base.h"

/*
 * Waits until one of events (POLLIN, POLLOUT) is there. Returns what is, errors and the end of the
 * stream included; 0 when the monotonic deadline has passed or fd is no socket.
 */
short wait_for(int fd, short events, int64_t deadline_us);

/* Sends all of it by then; false: the connection has failed, or the time is over. */
bool wait_send(int fd, const void *bytes, size_t len, int64_t deadline_us);

#endif
