/*
 * What everybody reads of events. The static part comes out of PostgreSQL, the live numbers out of
 * the filter, or out of PostgreSQL where the filter cannot say.
 */
#include "domain/event.h"

#include "base/clock.h"
#include "domain/cursor.h"
#include "domain/event_input.h"
#include "queries.h"

bool
event_id_read(const char *text, int32_t *out)
{
	int64_t n;

	if (*text < '1' || *text > '9' || !str_to_int(text, 1, INT32_MAX, &n))
		return false;
	*out = (int32_t)n;
	return true;
}

void
event_write(struct str *out, const struct event *event)
{
	/* The head is an object: its last character makes room for the sections. */
	str_add_bytes(out, event->head, strlen(event->head) - 1);
	str_add(out, ",\"sections\":[");
	for (size_t i = 0; i < event->sections; i++) {
		if (i > 0)
			str_add_char(out, ',');
		str_add(out, event->open[i]);
		str_add_int(out, event->available[i]);
		str_add_char(out, '}');
	}
	str_add(out, "]}");
}

/* The section of the live picture; sections mostly stand at the same place in both. */
static const struct filter_section *
picture_section(const struct filter_picture *picture, size_t guess, const char *section_id)
{
	if (guess < picture->sections_count &&
		str_equal(picture->sections[guess].section_id, section_id))
		return &picture->sections[guess];
	for (size_t i = 0; i < picture->sections_count; i++) {
		if (str_equal(picture->sections[i].section_id, section_id))
			return &picture->sections[i];
	}
	return NULL;
}

static int64_t
places_left(const struct filter_section *section)
{
	int64_t left = section ? section->capacity - section->held - section->sold : 0;

	return left > 0 ? left : 0;
}

/* Fills the numbers of available places of an event out of its live picture. */
static enum problem
read_available(struct context *house, struct event *event)
{
	struct filter_picture picture;
	enum problem err = filter_picture(house, (int32_t)event->event_id, &picture);

	if (err)
		return err;
	for (size_t i = 0; i < event->sections; i++)
		event->available[i] =
			places_left(picture_section(&picture, i, event->section_ids[i]));
	return PROBLEM_NONE;
}

static void
take_sections(struct arena *arena, struct event *event, const char *ids, const char *open)
{
	event->sections = pg_array_read(arena, ids, &event->section_ids);
	pg_array_read(arena, open, &event->open);
	event->available = ARENA_ARRAY(arena, int64_t, event->sections + 1);
}

enum problem
event_get(struct context *house, const struct event_caller *caller, int32_t event_id,
	struct event *out)
{
	struct pg_rows rows;
	enum problem err;

	err = query_event_get(house->pg, house->arena, house->deadline_us, house->why, &rows,
		event_id, caller->user_id, caller->everything, house->conf->hold_seconds,
		house->conf->max_seats_per_booking, house->conf->max_seats_per_user);
	if (err)
		return err;
	*out = (struct event){
		.event_id = event_id,
		.shared = pg_bool(&rows, 0, EVENT_GET_SHARED),
		.version = pg_int(&rows, 0, EVENT_GET_VERSION),
		.head = pg_text(&rows, 0, EVENT_GET_HEAD),
	};
	take_sections(house->arena, out, pg_text(&rows, 0, EVENT_GET_SECTION_IDS),
		pg_text(&rows, 0, EVENT_GET_SECTIONS));
	return read_available(house, out);
}

/* The numbers of a whole page in one statement, while the filter is away. */
static enum problem
count_available(struct context *house, struct event *events, size_t count)
{
	int64_t *ids = ARENA_ARRAY(house->arena, int64_t, count);
	struct pg_rows rows;
	enum problem err;

	for (size_t i = 0; i < count; i++)
		ids[i] = events[i].event_id;
	err = query_event_available(house->pg, house->arena, house->deadline_us, house->why, &rows,
		pg_array_int(house->arena, ids, count));
	for (int row = 0; !err && row < rows.count; row++) {
		int64_t event_id = pg_int(&rows, row, EVENT_AVAILABLE_EVENT_ID);
		const char *section_id = pg_text(&rows, row, EVENT_AVAILABLE_SECTION_ID);

		for (size_t i = 0; i < count; i++) {
			for (size_t s = 0; events[i].event_id == event_id && s < events[i].sections;
				s++) {
				if (str_equal(events[i].section_ids[s], section_id))
					events[i].available[s] =
						pg_int(&rows, row, EVENT_AVAILABLE_AVAILABLE);
			}
		}
	}
	return err;
}

/* One end of a period: a time, or a day where the event is. NULL: open. */
struct bound {
	const char *time, *day;
};

static enum problem
read_bound(struct context *house, const char *pointer, const char *text, struct bound *out)
{
	*out = (struct bound){ 0 };
	if (!text)
		return PROBLEM_NONE;
	if (!event_time_is_usable(text))
		return problem_at(house->why, house->arena, pointer,
			"The time must be as in RFC 3339, or a date.");
	if (clock_is_date(text))
		out->day = text;
	else
		out->time = text;
	return PROBLEM_NONE;
}

/* "date in microseconds:event". */
static bool
read_place(struct context *house, const char *cursor, int64_t *at_us, int64_t *event_id)
{
	const char *place = cursor_read(house->arena, "events", cursor);
	const char *colon = place ? strchr(place, ':') : NULL;

	if (colon &&
		str_to_int(arena_copy(house->arena, place, (size_t)(colon - place)), INT64_MIN,
			INT64_MAX, at_us) &&
		str_to_int(colon + 1, 1, INT32_MAX, event_id))
		return true;
	problem_at(house->why, house->arena, "/cursor", "This is no cursor of this list.");
	return false;
}

static enum problem
run_search(struct context *house, const struct event_search *search, struct pg_rows *rows)
{
	int64_t at_us = 0, event_id = 0, venue_id = 0;
	struct bound from, to;
	enum problem err = read_bound(house, "/from", search->from, &from);
	enum problem other = read_bound(house, "/to", search->to, &to);

	if (search->cursor && !read_place(house, search->cursor, &at_us, &event_id))
		other = PROBLEM_INVALID;
	if (err || other)
		return PROBLEM_INVALID;
	if (search->venue_id && !event_venue_read(search->venue_id, &venue_id))
		venue_id = 0; /* no venue has this number */
	err = query_event_list(house->pg, house->arena, house->deadline_us, house->why, rows,
		search->words, from.time, to.time, from.day, to.day,
		search->venue_id ? &venue_id : NULL, search->cursor ? &at_us : NULL,
		search->cursor ? &event_id : NULL, search->limit + 1, house->conf->hold_seconds,
		house->conf->max_seats_per_booking, house->conf->max_seats_per_user);
	return event_refused(err, house->why, house->arena);
}

enum problem
event_list(struct context *house, const struct event_search *search, struct event **events,
	size_t *count, const char **next)
{
	struct event *list;
	struct pg_rows rows;
	enum problem err = run_search(house, search, &rows);
	int shown;

	if (err)
		return err;
	shown = rows.count <= search->limit ? rows.count : (int)search->limit;
	list = ARENA_ARRAY(house->arena, struct event, shown + 1);
	for (int i = 0; i < shown; i++) {
		list[i] = (struct event){
			.event_id = pg_int(&rows, i, EVENT_LIST_EVENT_ID),
			.shared = true,
			.head = pg_text(&rows, i, EVENT_LIST_HEAD),
		};
		take_sections(house->arena, &list[i], pg_text(&rows, i, EVENT_LIST_SECTION_IDS),
			pg_text(&rows, i, EVENT_LIST_SECTIONS));
	}
	/* A picture out of Redis costs a hundredth of counting the claims of a stadium. */
	if (!redis_is_up(house->redis))
		err = count_available(house, list, (size_t)shown);
	else
		for (int i = 0; i < shown && !err; i++)
			err = read_available(house, &list[i]);
	if (err)
		return err;
	*events = list;
	*count = (size_t)shown;
	*next = NULL;
	if (rows.count > shown)
		*next = cursor_make(house->arena, "events",
			arena_printf(house->arena, "%s:%s",
				pg_text(&rows, shown - 1, EVENT_LIST_AT_US),
				pg_text(&rows, shown - 1, EVENT_LIST_EVENT_ID)));
	return PROBLEM_NONE;
}
