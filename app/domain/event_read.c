/*
 * What everybody reads of events. The static part comes out of PostgreSQL, the live numbers out of
 * the filter, or out of PostgreSQL where the filter cannot say.
 */
#include "domain/event.h"

#include "domain/event_parts.h"
#include "domain/room.h"
#include "queries.h"

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

enum problem
event_read_available(struct context *house, struct event *event)
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

void
event_take_sections(struct arena *arena, struct event *event, const char *ids, const char *open)
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
		house->conf->max_seats_per_booking, house->conf->max_seats_per_user,
		room_defaults(house));
	if (err)
		return err;
	*out = (struct event){
		.event_id = event_id,
		.shared = pg_bool(&rows, 0, EVENT_GET_SHARED),
		.version = pg_int(&rows, 0, EVENT_GET_VERSION),
		.head = pg_text(&rows, 0, EVENT_GET_HEAD),
	};
	event_take_sections(house->arena, out, pg_text(&rows, 0, EVENT_GET_SECTION_IDS),
		pg_text(&rows, 0, EVENT_GET_SECTIONS));
	return event_read_available(house, out);
}
