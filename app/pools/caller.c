/*
 * The caller, the key and the event of a request.
 */
#include "pools/caller.h"

#include "http/route.h"

struct event_caller
caller_of(const struct request *r)
{
	return (struct event_caller){
		.user_id = r->who.user_id,
		.everything = str_equal(r->who.role, "admin"),
	};
}

struct context_key
key_of(const struct request *r)
{
	return (struct context_key){
		.operation = r->route->operation,
		.key = r->key,
		.fingerprint = r->fingerprint,
	};
}

enum problem
event_of(const struct request *r, int32_t *event_id)
{
	return event_id_read(r->params[0], event_id) ? PROBLEM_NONE : PROBLEM_NOT_FOUND;
}
