/*
 * Routes: the tables of all pools, made from pools/routes.def.
 */
#ifndef HOLDFAST_ROUTE_H
#define HOLDFAST_ROUTE_H

#include "http/request.h"

/* conf/nginx.conf.in has the same for their paths. */
#define ROUTE_RAW_BYTES_MAX 262144

enum route_flags {
	R_PUBLIC = 0,
	R_USER = 1 << 0,       /* needs an access token */
	R_STAFF = 1 << 1,      /* needs role organizer or admin */
	R_BODY = 1 << 2,       /* takes a JSON object */
	R_IDEMPOTENT = 1 << 3, /* takes an idempotency key */
	R_KEY = 1 << 4,        /* and must have one */
	R_READ = 1 << 5,       /* counts against rate_read, together with all others of these */
	R_WRITE = 1 << 6,      /* counts against rate_write, under the name of its operation */
	R_WRITE_SELF = 1 << 7, /* the same, but the handler's own script counts (one round trip) */
	R_BARE = 1 << 8, /* answers at the root too; no limits, and no line in the log at info */
	R_OPTIONAL_USER = 1 << 9, /* a token is used where there is one */
	/* Without a token the same for everybody: front servers may keep it. Nothing in its path is
	 * percent-encoded. */
	R_SHARED = 1 << 10,
	R_READ_SELF = 1 << 11, /* as R_READ, the handler's own script counts; no line at info */
	R_TELLS = 1 << 13,     /* what it does others are told of: the outbox is woken */
	R_RAW = 1 << 12        /* takes whatever body there is as it came, of ROUTE_RAW_BYTES_MAX */
};

struct route {
	const char *pool;
	const char *method;
	const char *path;      /* "/bookings/{booking_id}/confirm" */
	const char *operation; /* scope of keys and limits: "confirm"; aliases share it */
	unsigned flags;
	enum problem (*handle)(struct request *r);
};

/*
 * Finds r's route among routes (ends with a row without path) and fills r->route and r->params.
 * NOT_FOUND; METHOD with r->allow, for which all routes of all pools count; MALFORMED.
 */
enum problem route_find(const struct route *routes, struct request *r);

/* Every route of every pool without its handler; ends with a row without path. */
extern const struct route route_all[];

#endif
