/*
 * A comparison under way: what filter_reconcile.c, filter_read.c and filter_compare.c share.
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
	bool refused; /* a key is not of its kind */
	int32_t event_id;
	struct pg_rows event; /* of sql/queries/filter/event */
	int64_t clock_ms;     /* PostgreSQL's, at the snapshot */
	int64_t age_ms;       /* younger entries may not be in PostgreSQL yet */
	int64_t renewed_us;   /* when the lease of the fence last began */
	int64_t seats;
	const char *layout; /* sections, as :meta has them */
	const char *killed; /* positions not for sale, "1,2" */
	/* booking -> struct filter_kept: out of PostgreSQL; out of Redis; and of those touched
	 * since the fence went up, as they were then (without text: not kept) */
	struct map truth, kept, before;
	const char **batch; /* arguments of a script being gathered */
	size_t batch_count;
	size_t batch_places; /* of the entries in it */
	int64_t *wrong;      /* where the differences of the batch have been counted */
};

/* Counts one difference, and keeps it in words while there is room. */
void filter_differ(struct filter_compare *c, int64_t *counter, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- reading (filter_read.c) ----------------------------------------------------------------- */

/* The event and its bookings, out of one snapshot of PostgreSQL. */
enum problem filter_read_truth(struct filter_compare *c);

/* A whole small key of the event; NULL: Redis is away, or the key is not of its kind. */
const struct redis_value *
filter_read_key(struct filter_compare *c, const char *command, const char *key);

/* HSCAN or ZSCAN of a key, a page at a time. A member that moves may come twice. */
enum problem filter_scan(struct filter_compare *c, const char *command, const char *key,
	void (*each)(struct filter_compare *c, const char *name, const char *value, void *ctx),
	void *ctx);

/* Fills kept and, behind a fence, before. */
enum problem filter_read_entries(struct filter_compare *c);

/* ---- repairing (filter_reconcile.c) ---------------------------------------------------------- */

/* Sends the batch to the script, if there is more in it than its fixed arguments. */
enum problem filter_send(struct filter_compare *c, const struct redis_script *script, size_t fixed);

/* ---- comparing (filter_compare.c) ------------------------------------------------------------ */

/* The counts of general admission, with what the entries were when the fence went up. */
enum problem filter_compare_counts(struct filter_compare *c);

/* The bytes and owners of seats, and the deadlines, with the entries as they are. */
enum problem filter_compare_parts(struct filter_compare *c);

#endif
