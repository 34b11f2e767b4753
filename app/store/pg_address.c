/*
 * Who connects to PostgreSQL, and where it may be.
 */
#include "store/pg_address.h"

/* What libpq takes an empty element for. In a URI without ports that is each of them. */
#define PORT_DEFAULT "5432"

/* The elements of a list, where it is empty that one instead; 0: there is no list, or an element
 * is empty and there is nothing instead. */
static size_t
list_read(struct arena *arena, const char *list, const char *instead, const char ***out)
{
	size_t count = 1, n = 0;
	char *rest;
	const char *one;

	if (list == NULL || *list == '\0')
		return 0;
	for (const char *p = list; *p != '\0'; p++)
		count += *p == ',';
	*out = ARENA_ARRAY(arena, const char *, count);
	rest = arena_strdup(arena, list);
	while ((one = strsep(&rest, ",")) != NULL) {
		if (*one == '\0')
			one = instead;
		if (one == NULL)
			return 0;
		(*out)[n++] = one;
	}
	return n;
}

size_t
pg_hosts_read(struct arena *arena, const char *host, const char *address, const char *port,
	struct pg_host **out)
{
	const char **host_list, **address_list, **port_list;
	size_t hosts = list_read(arena, host, NULL, &host_list);
	size_t addresses = list_read(arena, address, NULL, &address_list);
	size_t ports = list_read(arena, port, PORT_DEFAULT, &port_list);
	size_t count = hosts > 0 ? hosts : addresses;

	if (count < 2 || (host != NULL && hosts != count) ||
		(address != NULL && addresses != count) ||
		(port != NULL && ports != count && ports != 1)) {
		*out = ARENA_NEW(arena, struct pg_host);
		return 1;
	}
	*out = ARENA_ARRAY(arena, struct pg_host, count);
	for (size_t i = 0; i < count; i++)
		(*out)[i] = (struct pg_host){
			.host = hosts > 0 ? host_list[i] : NULL,
			.address = addresses > 0 ? address_list[i] : NULL,
			.port = ports > 1 ? port_list[i] : NULL,
		};
	return count;
}

const char *
pg_role(struct arena *arena, const char *program)
{
	char *role = arena_printf(arena, "holdfast_%s", program);

	for (char *p = role; *p != '\0'; p++) {
		if (*p == '-')
			*p = '_';
	}
	return role;
}
