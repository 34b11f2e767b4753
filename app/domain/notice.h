/*
 * Notices for those who watch an event: it has changed, look again. A hint with a version and
 * nothing more, at most one a second and event over all processes of all hosts; Redis says whose
 * turn it is. What has changed is told before the next change is, or a second later, by whichever
 * process that has changed something still lives.
 *
 * Nothing here waits, fails a request or comes before its answer: the functions that note a change
 * only write it down. With `live` off they do nothing.
 */
#ifndef HOLDFAST_NOTICE_H
#define HOLDFAST_NOTICE_H

#include "domain/context.h"

/* The version that Redis keeps of the event has moved, or Redis is away. False: no room. */
bool notice_changed(struct context *house, int32_t event_id);

/* Something has changed that Redis keeps nothing of: a price, a title. */
void notice_moved(struct context *house, int32_t event_id);

/* The event was read at this version, and it is another one than this process knew. */
void notice_seen(struct context *house, int32_t event_id, int64_t version);

/*
 * Tells what is due, while no client waits. Returns after how many milliseconds it wants to be
 * called again; -1: not before something is noted.
 */
int notice_idle(struct context *house);

/* Before a job ends: tells the rest, which takes hardly more than a second. */
void notice_settle(struct context *house);

#endif
