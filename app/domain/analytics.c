/*
 * What staff are told of sales. The database adds up; here requests are read.
 */
#include "domain/analytics.h"

#include "base/clock.h"
#include "domain/cursor.h"
#include "domain/event_input.h"
#include "queries.h"

/* The number of an event that is asked for by its id, or NULL; NOT_FOUND: there can be none. */
static enum problem
read_event(struct context *house, const char *text, const int64_t **out)
{
	int64_t *event_id;
	int32_t n;

	*out = NULL;
	if (!text)
		return PROBLEM_NONE;
	if (!event_id_read(text, &n))
		return PROBLEM_NOT_FOUND;
	event_id = ARENA_NEW(house->arena, int64_t);
	*event_id = n;
	*out = event_id;
	return PROBLEM_NONE;
}

static void
check_word(struct context *house, const char *name, const char *word, const char *const *words,
	enum problem *problem)
{
	struct str list;

	if (!word)
		return;
	str_init(&list, house->arena);
	for (; *words; words++) {
		if (str_equal(word, *words))
			return;
		str_printf(&list, "%s%s", list.len > 0 ? ", " : "", *words);
	}
	*problem = problem_at(house->why, house->arena, arena_printf(house->arena, "/%s", name),
		"The value must be one of: %s.", list.data);
}

static void
check_time(struct context *house, const char *name, const char *text, enum problem *problem)
{
	if (text && !event_time_is_usable(text))
		*problem = problem_at(house->why, house->arena,
			arena_printf(house->arena, "/%s", name),
			"The time must be as in RFC 3339, or a date.");
}

enum problem
analytics_get(struct context *house, const struct event_caller *caller,
	const struct analytics_wish *wish, const char **body)
{
	static const char *const intervals[] = { "hour", "day", "week", "month", NULL };
	enum problem problem = PROBLEM_NONE;
	const int64_t *event_id;
	struct pg_rows rows;
	enum problem err;

	check_time(house, "from", wish->from, &problem);
	check_time(house, "to", wish->to, &problem);
	check_word(house, "interval", wish->interval, intervals, &problem);
	if (problem)
		return problem;
	err = read_event(house, wish->event_id, &event_id);
	if (err)
		return err;
	err = query_analytics_get(house->pg, house->arena, house->deadline_us, house->why, &rows,
		caller->user_id, caller->everything, event_id, wish->from, wish->to, wish->timezone,
		wish->interval, wish->popular);
	if (err)
		return event_refused(err, house->why, house->arena);
	*body = pg_text(&rows, 0, ANALYTICS_GET_BODY);
	return PROBLEM_NONE;
}

enum problem
capacity_list(struct context *house, const struct event_caller *caller,
	const struct capacity_wish *wish, struct capacity_page *out)
{
	static const char *const words[] = { "all", "upcoming", "past", NULL };
	const char *when = wish->when ? wish->when : words[0];
	const char *kind = arena_printf(house->arena, "capacity/%s", when);
	enum problem problem = PROBLEM_NONE;
	int64_t at_us = 0, after = 0;
	const int64_t *event_id;
	struct pg_rows rows;
	enum problem err;

	check_word(house, "when", when, words, &problem);
	if (wish->cursor && !cursor_read_event(house->arena, kind, wish->cursor, &at_us, &after))
		problem = problem_at(
			house->why, house->arena, "/cursor", "This is no cursor of this list.");
	if (problem)
		return problem;
	err = read_event(house, wish->event_id, &event_id);
	if (!err)
		err = query_analytics_capacity(house->pg, house->arena, house->deadline_us,
			house->why, &rows, caller->user_id, caller->everything, event_id, when,
			wish->cursor ? &at_us : NULL, wish->cursor ? &after : NULL, wish->limit);
	if (err)
		return err;
	*out = (struct capacity_page){
		.bodies = ARENA_ARRAY(house->arena, const char *, rows.count + 1),
		.count = (size_t)rows.count,
	};
	for (int i = 0; i < rows.count; i++)
		out->bodies[i] = pg_text(&rows, i, ANALYTICS_CAPACITY_BODY);
	if (rows.count > 0 && pg_bool(&rows, rows.count - 1, ANALYTICS_CAPACITY_MORE))
		out->next = cursor_make(house->arena, kind,
			arena_printf(house->arena, "%s:%s",
				pg_text(&rows, rows.count - 1, ANALYTICS_CAPACITY_AT_US),
				pg_text(&rows, rows.count - 1, ANALYTICS_CAPACITY_EVENT_ID)));
	return PROBLEM_NONE;
}
