/*
 * Servers out of a connection string that names several.
 */
#include <criterion/criterion.h>

#include "store/pg_address.h"

static struct arena *arena;
static struct pg_host *hosts;

static void
begin(void)
{
	arena = arena_new();
}

static void
end(void)
{
	arena_free(arena);
}

TestSuite(pg_address, .init = begin, .fini = end);

Test(pg_address, splits_lists)
{
	cr_assert_eq(pg_hosts_read(arena, "db1,/run/db2", NULL, "5432,5433", &hosts), 2);
	cr_assert_str_eq(hosts[0].host, "db1");
	cr_assert_str_eq(hosts[0].port, "5432");
	cr_assert_null(hosts[0].address);
	cr_assert_str_eq(hosts[1].host, "/run/db2");
	cr_assert_str_eq(hosts[1].port, "5433");
	cr_assert_eq(pg_hosts_read(arena, NULL, "10.0.0.1,10.0.0.2,10.0.0.3", NULL, &hosts), 3);
	cr_assert_null(hosts[2].host);
	cr_assert_str_eq(hosts[2].address, "10.0.0.3");
	cr_assert_eq(pg_hosts_read(arena, "a,b", "10.0.0.1,10.0.0.2", "6000", &hosts), 2);
	cr_assert_str_eq(hosts[1].host, "b");
	cr_assert_str_eq(hosts[1].address, "10.0.0.2");
	/* One port is that of all: the string says it. */
	cr_assert_null(hosts[1].port);
	/* postgresql://db1,db2/, and with a port at one of them */
	cr_assert_eq(pg_hosts_read(arena, "db1,db2", NULL, ",", &hosts), 2);
	cr_assert_str_eq(hosts[0].port, "5432");
	cr_assert_str_eq(hosts[1].port, "5432");
	cr_assert_eq(pg_hosts_read(arena, "db1,db2", NULL, ",5433", &hosts), 2);
	cr_assert_str_eq(hosts[0].port, "5432");
	cr_assert_str_eq(hosts[1].port, "5433");
}

/* One server, or what only libpq can judge. */
Test(pg_address, leaves_the_rest_as_it_is)
{
	static const struct {
		const char *host, *address, *port;
	} cases[] = {
		{ NULL, NULL, NULL },
		{ "db1", NULL, "5432" },
		{ "", NULL, NULL },
		{ "db1,", NULL, NULL },
		{ ",db2", "10.0.0.1,10.0.0.2", NULL },
		{ "db1,db2", ",10.0.0.2", NULL },
		{ "db1,db2", "10.0.0.1", NULL },
		{ "db1,db2", NULL, "5432,5433,5434" },
		{ "db1,db2", NULL, ",," },
		{ "db1", "10.0.0.1,10.0.0.2", NULL },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cr_assert_eq(pg_hosts_read(
				     arena, cases[i].host, cases[i].address, cases[i].port, &hosts),
			1, "case %zu", i);
		cr_assert_null(hosts[0].host);
		cr_assert_null(hosts[0].address);
		cr_assert_null(hosts[0].port);
	}
}

Test(pg_address, names_roles)
{
	cr_assert_str_eq(pg_role(arena, "payment-sweep"), "holdfast_payment_sweep");
}
