/*
 * Seats and sections that the body of a request names, with where each stood in it. What does not
 * depend on the event is checked here: shapes, and nothing twice.
 */
#ifndef HOLDFAST_PLACES_H
#define HOLDFAST_PLACES_H

#include "domain/hold.h"
#include "http/request.h"

#define PLACES_TEXT_MAX 200 /* of a seat's or a section's id, in bytes */

/* Each makes the lists of a wish that has none yet.
 *
 * ["A-1", …], found at /seat_ids. INVALID. */
enum problem places_add_seats(struct request *r, struct hold_wish *wish, const struct json *list);

/* [{"seat_id"} or {"section_id", "quantity"}, …], found at /items. INVALID. */
enum problem places_add_items(struct request *r, struct hold_wish *wish, const struct json *list);

/* General admission, found at /section_id and quantity_pointer. INVALID. */
enum problem places_add_section(struct request *r, struct hold_wish *wish, const char *section_id,
	int64_t quantity, const char *quantity_pointer);

#endif
