/*
 * Rates of accounts and addresses.
 */
#include "domain/limit.h"

#include <arpa/inet.h>

#include "base/str.h"
#include "scripts.h"

const char *
limit_key(struct context *house, const char *operation, const char *who)
{
	return STR_JOIN(house->arena, "limit:", operation, ":", who);
}

const char *
limit_who(struct context *house, const char *user_id, const char *address)
{
	struct in6_addr v6;
	char text[INET6_ADDRSTRLEN];

	if (user_id)
		return user_id;
	if (inet_pton(AF_INET6, address, &v6) != 1)
		return address;
	/* A socket for both kinds shows an IPv4 client so; they have no network in common. */
	if (IN6_IS_ADDR_V4MAPPED(&v6))
		return arena_strdup(
			house->arena, inet_ntop(AF_INET, v6.s6_addr + 12, text, sizeof(text)));
	memset(v6.s6_addr + 8, 0, 8);
	return arena_strdup(house->arena, inet_ntop(AF_INET6, &v6, text, sizeof(text)));
}

enum problem
limit_refuse(struct context *house, const char *operation, int64_t per_minute, int64_t wait_us)
{
	house->why->retry_after_s = wait_us <= 1000000 ? 1 : (int)((wait_us + 999999) / 1000000);
	house->why->limit = operation;
	house->why->limit_per_minute = per_minute;
	return PROBLEM_RATE_LIMITED;
}

enum problem
limit_check(struct context *house, const char *operation, const char *who, int64_t per_minute,
	int64_t burst)
{
	const struct redis_value *reply;
	const char *keys[] = { limit_key(house, operation, who), NULL };
	const char *args[] = {
		str_int(house->arena, per_minute),
		str_int(house->arena, burst),
		NULL,
	};

	if (!house->conf->rate_limit || !house->redis)
		return PROBLEM_NONE;
	reply = redis_script(house->redis, &script_limit, keys, args, house->arena);
	if (!reply || redis_kind(reply) != REDIS_INT || redis_int(reply) == 0)
		return PROBLEM_NONE;
	return limit_refuse(house, operation, per_minute, redis_int(reply));
}
