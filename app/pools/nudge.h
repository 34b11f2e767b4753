/*
 * Wakes the outbox after a request of which others are to be told: the worker starts
 * `holdfast-outbox`, which stands beside its own program, at most once a second over all workers of
 * all hosts, and never before the answer is out. Cron starts it in any case.
 *
 * It outlives its worker. Whoever stops a pool with all that it started tells it by SIGTERM, as
 * deploy/holdfast@.service does: it ends behind the batch that it is at. Killed, it may send once
 * more what it had sent.
 */
#ifndef HOLDFAST_NUDGE_H
#define HOLDFAST_NUDGE_H

#include "domain/context.h"

/* A request has been answered that the outbox should hear of. */
void nudge_note(const struct context *house);

/* While no client waits. After how many milliseconds it is to be called again; -1: not at all. */
int nudge_idle(struct context *house);

#endif
