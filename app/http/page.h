/*
 * Pages of lists: ?limit= and ?cursor= of the request, items with next_cursor and a Link of the
 * answer (RFC 8288).
 */
#ifndef HOLDFAST_PAGE_H
#define HOLDFAST_PAGE_H

#include "http/respond.h"

#define PAGE_LIMIT     20
#define PAGE_LIMIT_MAX 100

struct page {
	int64_t limit;
	const char *cursor; /* NULL: the first page */
};

/* Mistakes are told by request_query_done(). */
void page_read(struct request *r, int64_t limit, int64_t limit_max, struct page *out);

/* Comes before each item that is added to the items of an answer. */
void page_item(struct str *items);

/*
 * Answers 200 with {"items": [items], "next_cursor": next}. items: the elements with commas between
 * them. next NULL: the last page.
 */
void page_respond(struct request *r, const char *items, const char *next);

/* The same with members of its own in front: "\"name\":value,…", each with a comma behind it. */
void page_respond_with(struct request *r, const char *members, const char *items, const char *next);

#endif
