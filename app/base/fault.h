/*
 * Named points at which a test makes this process die, wait, or lose a connection, so that what
 * the rules promise of a crash at any instruction can be shown. They exist in test builds alone
 * (`make FAULTS=1`): elsewhere a point is nothing, and fault.c is not compiled.
 *
 * A test writes rules into the directory CONFIG.faults beside the configuration file CONFIG;
 * without that directory nothing happens. The file `rules` may change at any time (by rename):
 *
 *     seed 42
 *     POINT ACTION RATE          a line each; RATE of a thousand
 *
 * POINT is one of fault.def. ACTION: kill (SIGKILL to itself), exit, wait:MS, cut-redis or
 * cut-postgres (the connection is shut in both directions, as if the other side had gone).
 *
 * Whether a rule fires is a pure function of (seed, rule, worker, how often this worker has come
 * by under this rule and seed). The worker's number is the lowest that no living process of its
 * program has, and its counts outlive it, so that a run can be repeated as far as the kernel
 * schedules alike. What fires is first written to the file `fired`.
 */
#ifndef HOLDFAST_FAULT_H
#define HOLDFAST_FAULT_H

#include "base/base.h"

enum fault_server { FAULT_POSTGRES, FAULT_REDIS, FAULT_SERVERS };

void fault_init(const char *config, const char *program); /* config NULL: no faults */
void fault_point(const char *point);
void fault_call(const char *call, const char *when); /* one that is not listed is no point */
void fault_socket(enum fault_server server, int fd); /* -1: there is none */

#ifdef HOLDFAST_FAULTS
#define FAULT(point)             fault_point(point)
#define FAULT_CALL(call, when)   fault_call(call, when)
#define FAULT_SOCKET(server, fd) fault_socket(server, fd)
#define FAULT_INIT(file, name)   fault_init(file, name)
#else
#define FAULT(point)             ((void)0)
#define FAULT_CALL(call, when)   ((void)0)
#define FAULT_SOCKET(server, fd) ((void)0)
#define FAULT_INIT(file, name)   ((void)0)
#endif

#endif
