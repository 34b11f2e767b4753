/*
 * Tickets of the queue: one place in one line, as a signed token that its holder keeps.
 *
 * The token carries the place itself, so that a line that Redis has lost is put together again by
 * those who stand in it, each at the old place. Only what this installation has signed is believed;
 * the keys are derived from its signing keys and rotate with them. A ticket always has the same
 * token under one key, and a token is a secret of its holder: nobody writes one down.
 */
#ifndef HOLDFAST_TICKET_H
#define HOLDFAST_TICKET_H

#include "base/arena.h"
#include "base/id.h"

#define TICKET_LINE_MAX     64 /* characters of a section's id */
#define TICKET_QUANTITY_MAX 500

/*
 * score: the order of a line, lowest first: epoch * 2^43, and below that, in the line of a section,
 * number * 2^9 + quantity - 1; in a waiting room what store/lua/room.lua says.
 */
struct ticket {
	int32_t event_id;
	const char *line; /* the section's id; "": the waiting room of the event */
	const char *user_id;
	int64_t score;
};

int64_t ticket_epoch(const struct ticket *ticket);

/* Of the line of a section. */
int64_t ticket_number(const struct ticket *ticket);
int64_t ticket_quantity(const struct ticket *ticket);

int64_t ticket_score(int64_t epoch, int64_t number, int64_t quantity);

/* A section's id, or "". */
bool ticket_line_is_name(const char *line);

/* Once, after the signing keys have been loaded. */
void ticket_init(void);

const char *ticket_write(struct arena *arena, const struct ticket *ticket);

/* False: nothing that was signed here. */
bool ticket_read(struct arena *arena, const char *token, struct ticket *out);

/* The same with keys of their own, for other things of this shape: a pass names its end as line. */
enum ticket_kind { TICKET_PLACE, TICKET_PASS, TICKET_KINDS };

const char *
ticket_write_as(struct arena *arena, enum ticket_kind kind, const struct ticket *ticket);
bool
ticket_read_as(struct arena *arena, enum ticket_kind kind, const char *token, struct ticket *out);

/* The id of the booking that this ticket is served with: the same however often it is tried. */
void ticket_booking(const struct ticket *ticket, const char *secret, char out[ID_UUID_TEXT]);

#endif
