/*
 * The budget of who works with a context.
 */
#include "domain/context.h"

#include "base/clock.h"

void
context_renew(struct context *house)
{
	house->deadline_us = clock_monotonic_us() + house->conf->worker_budget_ms * INT64_C(1000);
}

bool
context_is_cut_off(enum problem err)
{
	return err == PROBLEM_UNAVAILABLE || err == PROBLEM_UNKNOWN_OUTCOME;
}

enum problem
context_sum(enum problem so_far, enum problem err)
{
	return !so_far || context_is_cut_off(err) ? err : so_far;
}
