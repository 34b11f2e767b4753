/*
 * The address of a Redis server as operators write it:
 *   redis://[[user][:password]@]host[:port][/db]
 *   unix://[[user][:password]@]/path/to.sock[?db=N]
 * User and password are percent-encoded; a host may be an IPv6 address in brackets.
 */
#ifndef HOLDFAST_REDIS_URL_H
#define HOLDFAST_REDIS_URL_H

#include "base/arena.h"

struct redis_url {
	const char *path; /* of a unix socket; NULL: host and port count */
	const char *host;
	int port;
	const char *user;     /* NULL where there is none */
	const char *password; /* NULL where there is none */
	int db;
};

/* False: not an address of these forms; *mistake then says why, without repeating the address. */
bool
redis_url_read(struct arena *arena, const char *text, struct redis_url *url, const char **mistake);

#endif
