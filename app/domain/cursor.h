/*
 * Cursors of lists: where a page ended, opaque to clients. A checksum tells those made here from
 * those made up or damaged; a cursor is no secret and grants nothing.
 */
#ifndef HOLDFAST_CURSOR_H
#define HOLDFAST_CURSOR_H

#include "base/arena.h"

/* kind names the list and what it was asked for: a cursor of one list is none of another. place is
 * text without NUL. The result is base64url (RFC 4648, 5) without padding. */
const char *cursor_make(struct arena *arena, const char *kind, const char *place);

/* The place; NULL if this is no cursor of that kind. */
const char *cursor_read(struct arena *arena, const char *kind, const char *cursor);

/* A place in a list of events by time: "microseconds since 1970:event". */
bool cursor_read_event(struct arena *arena, const char *kind, const char *cursor, int64_t *at_us,
	int64_t *event_id);

/* A place "TIME/ID": a row's creation in microseconds since 1970, up to the year 9999, and the UUID
 * that is its id. False: no cursor of this list. */
bool cursor_read_row(
	struct arena *arena, const char *kind, const char *cursor, int64_t *at_us, const char **id);

#endif
