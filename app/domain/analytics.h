/*
 * What staff are told of sales: numbers over time, and how full events are.
 */
#ifndef HOLDFAST_ANALYTICS_H
#define HOLDFAST_ANALYTICS_H

#include "domain/event.h"

#define ANALYTICS_POPULAR     5
#define ANALYTICS_POPULAR_MAX 100

/* The sales of a period. NULL: not asked for. */
struct analytics_wish {
	const char *event_id; /* of this event alone */
	const char *from;     /* RFC 3339, or a date, which is the whole of its day */
	const char *to;       /* the period ends before it */
	const char *timezone; /* IANA; in which days, weeks and months begin */
	const char *interval; /* hour, day, week or month */
	int64_t popular;      /* this many events at most */
};

/* *body: JSON. NOT_FOUND (the event), FORBIDDEN, INVALID. */
enum problem analytics_get(struct context *house, const struct event_caller *caller,
	const struct analytics_wish *wish, const char **body);

struct capacity_wish {
	const char *event_id; /* NULL: all */
	const char *when;     /* NULL: all; upcoming, past or all */
	const char *cursor;   /* NULL: the first page */
	int64_t limit;
};

struct capacity_page {
	const char **bodies; /* JSON, an event each */
	size_t count;
	const char *next; /* NULL: this page is the last */
};

/* A page, which may be shorter than asked for, of events with how full they are. The same. */
enum problem capacity_list(struct context *house, const struct event_caller *caller,
	const struct capacity_wish *wish, struct capacity_page *out);

#endif
