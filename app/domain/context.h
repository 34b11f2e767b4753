/*
 * What a rule of the house works with: handed to every function of the domain by a pool, a job or a
 * tool. The domain knows nothing of HTTP.
 */
#ifndef HOLDFAST_CONTEXT_H
#define HOLDFAST_CONTEXT_H

#include "base/conf.h"
#include "base/problem.h"
#include "store/pg.h"
#include "store/redis.h"

struct context {
	const struct conf *conf;
	struct pg *pg;
	struct redis *redis;
	struct arena *arena;     /* reset after the request or batch */
	int64_t deadline_us;     /* monotonic end of the budget */
	struct problem_why *why; /* what to tell beside the enum problem */
};

/* A new budget from now on, for who does one thing after another: what came before may have taken
 * long. */
void context_renew(struct context *house);

/* Whether PostgreSQL is away by what it was asked last: nothing more is to be told there now. A
 * statement of another row may fare better than one that was refused. */
bool context_is_cut_off(enum problem err);

/* What is said of several steps so far, after one more: the first problem, unless PostgreSQL has
 * gone away since. */
enum problem context_sum(enum problem so_far, enum problem err);

/* The idempotency of one call: key NULL where the client gave none. */
struct context_key {
	const char *operation;
	const char *key;
	const char *fingerprint; /* SHA-256 in hex */
};

#endif
