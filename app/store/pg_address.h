/*
 * Who connects to PostgreSQL, and where it may be. Within app/store.
 */
#ifndef HOLDFAST_PG_ADDRESS_H
#define HOLDFAST_PG_ADDRESS_H

#include "base/arena.h"

/* One server of a connection string that names several; NULL is left as the string has it. */
struct pg_host {
	const char *host;
	const char *address;
	const char *port;
};

/*
 * The servers out of libpq's parameters host, hostaddr and port, lists with commas or NULL
 * (https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS). Returns how many,
 * at least 1: lists that do not go together, or with an empty host, are left to libpq as a whole.
 */
size_t pg_hosts_read(struct arena *arena, const char *host, const char *address, const char *port,
	struct pg_host **out);

/* The role of a program; names of roles have no hyphens, which would need quotes everywhere. */
const char *pg_role(struct arena *arena, const char *program);

#endif
