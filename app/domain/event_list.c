/*
 * Pages of events: what is upcoming, and what is in most demand.
 */
#include "domain/event.h"

#include "base/clock.h"
#include "domain/cursor.h"
#include "domain/demand.h"
#include "domain/event_input.h"
#include "domain/event_parts.h"
#include "domain/room.h"
#include "queries.h"

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

static enum problem
run_search(struct context *house, const struct event_search *search, struct pg_rows *rows)
{
	int64_t at_us = 0, event_id = 0, venue_id = 0;
	struct bound from, to;
	enum problem err = read_bound(house, "/from", search->from, &from);
	enum problem other = read_bound(house, "/to", search->to, &to);

	if (search->cursor &&
		!cursor_read_event(house->arena, "events", search->cursor, &at_us, &event_id))
		other = problem_at(
			house->why, house->arena, "/cursor", "This is no cursor of this list.");
	if (err || other)
		return PROBLEM_INVALID;
	if (search->venue_id && !event_venue_read(search->venue_id, &venue_id))
		venue_id = 0; /* no venue has this number */
	err = query_event_list(house->pg, house->arena, house->deadline_us, house->why, rows,
		search->words, from.time, to.time, from.day, to.day,
		search->venue_id ? &venue_id : NULL, search->cursor ? &at_us : NULL,
		search->cursor ? &event_id : NULL, search->limit + 1, house->conf->hold_seconds,
		house->conf->max_seats_per_booking, house->conf->max_seats_per_user,
		room_defaults(house));
	return event_refused(err, house->why, house->arena);
}

/* Both statements have the same columns. */
static_assert((int)EVENT_LIST_HEAD == EVENT_POPULAR_HEAD &&
		      (int)EVENT_LIST_SECTION_IDS == EVENT_POPULAR_SECTION_IDS &&
		      (int)EVENT_LIST_SECTIONS == EVENT_POPULAR_SECTIONS,
	"a page of events");

/* The first `shown` rows as events, with their live numbers. */
static enum problem
read_page(struct context *house, const struct pg_rows *rows, int shown, struct event **events)
{
	struct event *list = ARENA_ARRAY(house->arena, struct event, shown + 1);
	enum problem err = PROBLEM_NONE;

	for (int i = 0; i < shown; i++) {
		list[i] = (struct event){
			.event_id = pg_int(rows, i, EVENT_LIST_EVENT_ID),
			.shared = true,
			.head = pg_text(rows, i, EVENT_LIST_HEAD),
		};
		event_take_sections(house->arena, &list[i],
			pg_text(rows, i, EVENT_LIST_SECTION_IDS),
			pg_text(rows, i, EVENT_LIST_SECTIONS));
	}
	*events = list;
	/* A picture out of Redis costs a hundredth of counting the claims of a stadium. */
	if (!redis_run_id(house->redis))
		return count_available(house, list, (size_t)shown);
	for (int i = 0; i < shown && !err; i++)
		err = event_read_available(house, &list[i]);
	return err;
}

enum problem
event_list(struct context *house, const struct event_search *search, struct event **events,
	size_t *count, const char **next)
{
	struct pg_rows rows;
	enum problem err = run_search(house, search, &rows);
	int shown;

	if (err)
		return err;
	shown = rows.count <= search->limit ? rows.count : (int)search->limit;
	err = read_page(house, &rows, shown, events);
	if (err)
		return err;
	*count = (size_t)shown;
	*next = NULL;
	if (rows.count > shown)
		*next = cursor_make(house->arena, "events",
			arena_printf(house->arena, "%s:%s",
				pg_text(&rows, shown - 1, EVENT_LIST_AT_US),
				pg_text(&rows, shown - 1, EVENT_LIST_EVENT_ID)));
	return PROBLEM_NONE;
}

enum problem
event_popular(struct context *house, int64_t limit, struct event **events, size_t *count)
{
	struct demand demand;
	struct pg_rows rows;
	enum problem err = demand_top(house, &demand);

	if (!err)
		err = query_event_popular(house->pg, house->arena, house->deadline_us, house->why,
			&rows, pg_array_int(house->arena, demand.event_ids, demand.count),
			pg_array_int(house->arena, demand.ranks, demand.count), limit,
			house->conf->hold_seconds, house->conf->max_seats_per_booking,
			house->conf->max_seats_per_user, room_defaults(house));
	if (err)
		return err;
	*count = (size_t)rows.count;
	return read_page(house, &rows, rows.count, events);
}
