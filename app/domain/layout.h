/*
 * Sections and rows of seats as staff describe them: checked, with pointers to what is wrong, and
 * written out for the database with every default in its place.
 *
 * A section is {name, section_id?, kind?, capacity, base_price?} for general admission, or {name,
 * section_id?, kind?, rows: [{row, seats, price?}], base_price?} with numbered seats, where seats
 * is a count, or a list of seat ids. What depends on other rows (two seats of one id, what is there
 * already) is judged by the database.
 */
#ifndef HOLDFAST_LAYOUT_H
#define HOLDFAST_LAYOUT_H

#include "base/json.h"

#define LAYOUT_SECTIONS_MAX 200
#define LAYOUT_SEATS_MAX    100000 /* in one call */
#define LAYOUT_PRICE_MAX    100000000000

enum layout_use {
	LAYOUT_NEW,    /* of a new event or a venue: sections must be complete */
	LAYOUT_CHANGES /* of an event that is there: sections may name what changes alone */
};

/*
 * Adds the sections as a JSON array to out, and their seats to *seats, which counts those of the
 * whole call. pointer: where they stand in the request. INVALID with errors in why; out is then of
 * no use.
 */
enum problem layout_write(struct str *out, const struct json *sections, enum layout_use use,
	const char *pointer, struct problem_why *why, int64_t *seats);

/* Text that fits on one line: no control characters. */
bool layout_is_line(const char *text);

#endif
