/*
 * Events: what everybody reads of them, and how staff make and change them.
 */
#ifndef HOLDFAST_EVENT_H
#define HOLDFAST_EVENT_H

#include "base/json.h"
#include "domain/context.h"
#include "domain/filter.h"

/* Who asks. Drafts are seen, and events changed, by their organizer and by admins. */
struct event_caller {
	const char *user_id; /* NULL: nobody in particular */
	bool everything;     /* an admin */
};

/* An event's public id as it came. False: there can be no such event. */
bool event_id_read(const char *text, int32_t *out);

/* An event as the world sees it; strings live on the arena. */
struct event {
	int64_t event_id;
	bool shared; /* everybody may see it, so that it may be cached */
	int64_t version;
	const char *head; /* its JSON object without the member sections */
	size_t sections;
	const char **section_ids;
	const char **open; /* a section's JSON object up to the number of its available places */
	int64_t *available;
};

/* The one writer of an event's JSON with live numbers. */
void event_write(struct str *out, const struct event *event);

/* NOT_FOUND. */
enum problem event_get(struct context *house, const struct event_caller *caller, int32_t event_id,
	struct event *out);

/* A page of upcoming events, soonest first. NULL: not asked for. */
struct event_search {
	const char *words;    /* all of them in title, venue's name and description, folded */
	const char *from;     /* RFC 3339, or a date, which is a day where the event is; */
	const char *to;       /* both ends included */
	const char *venue_id; /* one that does not exist has no events */
	const char *cursor;
	int64_t limit;
};

/* INVALID for times, words and cursors that are none. *next: NULL where this page is the last. */
enum problem event_list(struct context *house, const struct event_search *search,
	struct event **events, size_t *count, const char **next);

/* The events on sale that are most in demand; where they are too few, the soonest others. */
enum problem
event_popular(struct context *house, int64_t limit, struct event **events, size_t *count);

/* What the live answers are made of. */
struct event_live {
	bool shared;
	int64_t layout_version;
	size_t sections;
	const char **section_ids; /* in their order, as are prices and places */
	int64_t *prices;
	const struct filter_section
		*places; /* zero in a section so new that the picture lacks it */
	struct filter_picture picture;
};

/*
 * Of an event that everybody may see out of Redis alone, in one round trip, while Redis has it. The
 * picture is partial where changes after that version were asked for (-1: they were not) and are
 * known. NOT_FOUND.
 */
enum problem event_live(struct context *house, const struct event_caller *caller, int32_t event_id,
	int64_t after, struct event_live *out);

struct event_seats_wish {
	const char *section_id; /* NULL: all */
	const char *status;     /* NULL: any; a word of event_seat_status() */
	const char *cursor;     /* NULL: from the first */
	int64_t limit;
};

struct event_seat {
	const char *seat_id, *section_id, *row, *number;
	const char *status;
	int64_t price;
};

/* The word for a state of the live picture: available, held, reserved, booked, not_for_sale. */
const char *event_seat_status(char state);

/* A page of seats in layout order. INVALID. */
enum problem event_seats(struct context *house, int32_t event_id, const struct event_live *live,
	const struct event_seats_wish *wish, struct event_seat **seats, size_t *count,
	const char **next);

/* The tag is another one whenever the map is. */
struct event_layout {
	bool shared;
	const char *tag;
};

/* NOT_FOUND. */
enum problem event_layout(struct context *house, const struct event_caller *caller,
	int32_t event_id, struct event_layout *out);

struct event_seatmap {
	int32_t event_id;
	struct event_layout layout;
	int64_t layout_version;
	struct pg_rows pieces;
};

/* NOT_FOUND. */
enum problem event_seatmap(struct context *house, const struct event_caller *caller,
	int32_t event_id, struct event_seatmap *out);

/* Megabytes of JSON, written once, in one piece of memory. */
void event_seatmap_write(struct str *out, const struct event_seatmap *map);

/* What a call of staff answers. */
struct event_answer {
	bool replayed; /* the first answer to this key again */
	const char *event_id;
	int64_t version;
	const char *body; /* JSON */
};

/* INVALID, NOT_FOUND (the venue), FORBIDDEN, KEY_REUSED, KEY_IN_FLIGHT. */
enum problem event_create(struct context *house, const struct event_caller *caller,
	const struct context_key *key, const struct json *body, struct event_answer *out);

/*
 * Changes the fields given. versions: the event must be at one of these (count versions; NULL: no
 * matter), and at the one that the body names. VERSION_CHANGED, CAPACITY_IN_USE, WRONG_STATE,
 * INVALID, NOT_FOUND.
 */
enum problem
event_update(struct context *house, const struct event_caller *caller, int32_t event_id,
	const int64_t *versions, size_t count, const struct json *body, struct event_answer *out);

#endif
