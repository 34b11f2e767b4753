/*
 * Access tokens that this worker has found good, so that the next request of the same buyer costs
 * no second verification: parsing and checking one takes longer than all else that a worker does
 * for a request. Bounded: a token takes the place of one that has not been used for long.
 */
#ifndef HOLDFAST_TOKEN_CACHE_H
#define HOLDFAST_TOKEN_CACHE_H

#include "base/base.h"

struct token_good {
	char user_id[37];
	char role[16];
	int64_t from, until; /* seconds since 1970: good at from <= now < until */
};

/* What is kept of exactly this token, if it is good at this time; else NULL. */
const struct token_good *token_cache_find(const char *token, int64_t now);

/* Keeps a token that has just been verified; a very long one is not kept. */
void token_cache_put(const char *token, const struct token_good *good);

/* Forgets all: the keys have changed. */
void token_cache_clear(void);

#endif
