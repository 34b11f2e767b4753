/*
 * A comparison under way: what filter_reconcile.c and filter_compare.c share.
 */
#ifndef HOLDFAST_FILTER_COMPARE_H
#define HOLDFAST_FILTER_COMPARE_H

#include "base/map.h"
#include "domain/filter_parts.h"

#define FILTER_BATCH 200 /* repairs in one call of a script */

/* An entry, as kept in Redis or as it should be. */
struct filter_kept {
	const char *booking_id;
	const char *text; /* in the form of the scripts */
	char state;
	int64_t deadline_ms;
	const char *user_id, *positions, *sections;
	bool seen;
};

struct filter_compare {
	struct context *house;
	struct filter_drift *drift;
	struct filter_fence fence;
	bool repair;
	int32_t event_id;
	struct pg_rows event; /* of sql/queries/filter/event */
	int64_t clock_ms;     /* PostgreSQL's, at the snapshot */
	int64_t age_ms;       /* younger entries may not be in PostgreSQL yet */
	int64_t seats;
	const char *layout;        /* sections, as :meta has them */
	struct map truth;          /* booking -> struct filter_kept, out of PostgreSQL */
	const char *killed;        /* positions not for sale, "1,2" */
	struct filter_kept **kept; /* out of Redis */
	size_t kept_count;
	const char **batch; /* arguments of a script being gathered */
	size_t batch_count;
	size_t batch_places; /* of the entries in it */
};

/* Counts one difference, and keeps it in words while there is room. */
void filter_differ(struct filter_compare *c, int64_t *counter, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A whole key of the event; NULL: Redis is away. */
const struct redis_value *
filter_read_key(struct filter_compare *c, const char *command, const char *key);

/* Fills kept with the entries as they are. */
enum problem filter_read_entries(struct filter_compare *c);

/* Sends the batch to the script, if there is more in it than its fixed arguments. */
enum problem filter_send(struct filter_compare *c, const struct redis_script *script, size_t fixed);

/* Compares what is made of the entries with them, and mends it. */
enum problem filter_compare_parts(struct filter_compare *c);

#endif
