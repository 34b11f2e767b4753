/*
 * The table of one pool, made of routes.def. A pool's file says which pool it is, includes this
 * once, and defines the handlers, which are declared here:
 *
 *	#define POOL_ROUTES accounts
 *	#include "pools/routes.h"
 *
 * and then has `static const struct route pool_routes[]`, with handlers, ending with a row without
 * path.
 */
#ifndef POOL_ROUTES
#error "define POOL_ROUTES as the name of the pool before including this"
#endif

#include "http/route.h"

/* A row is kept where its pool is this one: there the name expands to a comma, which moves
 * ROUTES_KEEP into the second place, the one that is used. */
#define ROUTES_OF_accounts_IN_accounts    ,
#define ROUTES_OF_catalog_IN_catalog      ,
#define ROUTES_OF_booking_IN_booking      ,
#define ROUTES_OF_queue_IN_queue          ,
#define ROUTES_OF_payment_IN_payment      ,
#define ROUTES_OF_webhooks_IN_webhooks    ,
#define ROUTES_OF_admin_IN_admin          ,

#define ROUTES_SECOND(first, second, ...) second
#define ROUTES_PICK(...)                  ROUTES_SECOND(__VA_ARGS__)
#define ROUTES_MARK_(pool, here)          ROUTES_OF_##pool##_IN_##here
#define ROUTES_MARK(pool, here)           ROUTES_MARK_(pool, here)
#define ROUTES_IF_MINE(pool, ...)                                                                  \
	ROUTES_PICK(ROUTES_MARK(pool, POOL_ROUTES) ROUTES_KEEP, ROUTES_DROP, 0)(__VA_ARGS__)
#define ROUTES_KEEP(...) __VA_ARGS__
#define ROUTES_DROP(...)

#define ROUTE(pool, method, path, operation, flags, handler)                                       \
	ROUTES_IF_MINE(pool, static enum problem handler(struct request *r);)
#include "pools/routes.def"
#undef ROUTE

static const struct route pool_routes[] = {
#define ROUTE(pool, method, path, operation, flags, handler)                                       \
	ROUTES_IF_MINE(pool, { #pool, #method, path, #operation, flags, handler }, )
#include "pools/routes.def"
#undef ROUTE
	{ 0 },
};
