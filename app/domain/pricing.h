/*
 * Prices that move by themselves: the rule of domain/price.h put to what the database knows of an
 * event, and the history of its prices.
 */
#ifndef HOLDFAST_PRICING_H
#define HOLDFAST_PRICING_H

#include "domain/event.h"
#include "domain/price.h"

/* A section as it was read, and what the rule makes of it. */
struct pricing_section {
	int64_t section_no;
	const char *section_id;
	struct price_facts facts;
	struct price_decision decision;
};

struct pricing_event {
	int64_t event_id; /* 0: there is none */
	int64_t version;
	struct pricing_section *sections;
	size_t count;
};

/*
 * The next event after `after` whose prices move and which is on sale now, with every section
 * decided; only: this event alone, NULL for any.
 */
enum problem
pricing_next(struct context *house, int64_t after, const int64_t *only, struct pricing_event *out);

/*
 * Writes the changes of at most so many of its sections, in one transaction, if the event is as it
 * was read: else VERSION_CHANGED. BUSY: somebody else has it locked.
 */
enum problem pricing_apply(
	struct context *house, const struct pricing_event *event, int64_t limit, int64_t *changed);

/* The sections whose price changes. */
int64_t pricing_changes(const struct pricing_event *event);

/* A page of the changes of an event's prices, newest first. */
struct pricing_history {
	const char *pricing; /* the rule in force, JSON */
	const char **bodies; /* JSON */
	size_t count;
	const char *next; /* NULL: this page is the last */
};

/* NOT_FOUND, also for staff whose event it is not; FORBIDDEN; INVALID for a cursor that is none. */
enum problem pricing_history(struct context *house, const struct event_caller *caller,
	int32_t event_id, const char *cursor, int64_t limit, struct pricing_history *out);

#endif
