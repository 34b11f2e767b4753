/*
 * Rates: how often an account or an address may do something. Token buckets in Redis; when Redis is
 * away nobody is refused here, and the front server's limit by address is the only one.
 */
#ifndef HOLDFAST_LIMIT_H
#define HOLDFAST_LIMIT_H

#include "domain/context.h"

/*
 * Takes one token out of the bucket of (operation, who). RATE_LIMITED: it is empty; house->why then
 * says when the next token is there. NONE also when conf->rate_limit is off or Redis is away.
 * who: an account's id, an address, or a hash of what must not be written down.
 */
enum problem limit_check(struct context *house, const char *operation, const char *who,
	int64_t per_minute, int64_t burst);

/* For scripts that take the token themselves (store/lua/bucket.lua): the bucket's key … */
const char *limit_key(struct context *house, const char *operation, const char *who);

/* … and what to answer when they say that it is empty: RATE_LIMITED with house->why filled. */
enum problem
limit_refuse(struct context *house, const char *operation, int64_t per_minute, int64_t wait_us);

/*
 * The account, or else the address, in the form in which it is counted: of an IPv6 address the
 * first 64 bits, since one subscriber has all that share them; an IPv4 address written as IPv6
 * (::ffff:192.0.2.1) as itself.
 */
const char *limit_who(struct context *house, const char *user_id, const char *address);

#endif
