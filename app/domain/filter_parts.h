/*
 * What the files of the filter share among themselves: filter.c, filter_picture.c,
 * filter_reconcile.c.
 */
#ifndef HOLDFAST_FILTER_PARTS_H
#define HOLDFAST_FILTER_PARTS_H

#include "domain/filter.h"

/* Key prefix of an event, with the hash tag. */
const char *filter_prefix(struct context *house, int32_t event_id);

/* The event of a key: hf:{NUMBER}:… */
bool filter_key_event(struct arena *arena, const char *key, int32_t *event_id);

/* What state in Redis must have been built under to be believed; NULL: Redis is away. */
const char *filter_stamp(struct context *house);

/* Writes rows of sql/queries/filter/entries; returns their number. */
int filter_put_rows(struct context *house, int32_t event_id, const struct pg_rows *rows);

/* Before a keyed request is judged: Redis may not have heard all that this process wrote. */
void filter_doubt(struct context *house, int32_t event_id);

/* Notes that a request found nothing kept of this event; for filter_rebuild_wanted(). */
void filter_want(int32_t event_id);

/* Whether that has shown, in this process and a moment ago, that the event is over. */
bool filter_is_over(int32_t event_id);

/* Arrays in PostgreSQL's text format in the form of an entry: "1,2,3" and "FLOOR:2,VIP:1". */
const char *filter_positions(struct arena *arena, const char *literal);
const char *filter_sections(struct arena *arena, const char *ids, const char *quantities);

/* A fence around a rebuild or a repair. */
struct filter_fence {
	const char *prefix;
	const char *stamp;
	const char *epoch;
	int64_t redis_ms; /* Redis's clock when it went up */
	bool busy;        /* another one stands */
	bool missing;     /* nothing usable is kept */
};

/*
 * False: Redis is away. patient: for reconcile, which has the time; others find it busy for a while
 * after a build that took long and failed.
 */
bool
filter_fence_up(struct context *house, int32_t event_id, bool patient, struct filter_fence *fence);
void filter_fence_down(struct context *house, const struct filter_fence *fence);

/* A step of store/lua/install.lua; false: the fence is another's, or Redis is away. */
bool filter_step(struct context *house, const struct filter_fence *fence, struct arena *arena,
	const char *const *args);

/* An entry in the form of the scripts, as taken at the beginning of time. */
const char *filter_entry_text(struct arena *arena, const struct pg_rows *rows, int row);

#define FILTER_LEASE_MS 15000 /* as in store/lua/common.lua */
#define FILTER_PAGE     2000

/* Places in one script of entries, and how many an entry has. */
#define FILTER_PLACES   250
size_t filter_places(const char *entry);

#endif
