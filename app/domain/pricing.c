/*
 * Prices that move by themselves. What the rule is given comes out of the database in one
 * statement; what it decides goes back in one transaction an event.
 */
#include "domain/pricing.h"

#include <inttypes.h>

#include "domain/cursor.h"
#include "domain/filter.h"
#include "queries.h"

/* The rule where an event says nothing, as the database lays it under the event's own. */
static const char *
defaults(struct context *house)
{
	const struct conf *conf = house->conf;

	return arena_printf(house->arena,
		"{\"floor_percent\":%" PRId64 ",\"ceiling_percent\":%" PRId64
		",\"step_percent\":%" PRId64 ",\"round_to\":%" PRId64 "}",
		conf->pricing_floor_percent, conf->pricing_ceiling_percent,
		conf->pricing_step_percent, conf->pricing_round_to);
}

static void
read_section(const struct context *house, const struct pg_rows *rows, int row,
	struct pricing_section *out)
{
	struct price_rule rule = {
		.floor_percent = pg_int(rows, row, PRICING_NEXT_FLOOR_PERCENT),
		.ceiling_percent = pg_int(rows, row, PRICING_NEXT_CEILING_PERCENT),
		.step_percent = pg_int(rows, row, PRICING_NEXT_STEP_PERCENT),
		.round_to = pg_int(rows, row, PRICING_NEXT_ROUND_TO),
		.rest_s = house->conf->pricing_rest_hours * 3600,
	};

	*out = (struct pricing_section){
		.section_no = pg_int(rows, row, PRICING_NEXT_SECTION_NO),
		.section_id = pg_text(rows, row, PRICING_NEXT_SECTION_ID),
		.facts = {
			.base = pg_int(rows, row, PRICING_NEXT_BASE_PRICE),
			.price = pg_int(rows, row, PRICING_NEXT_PRICE),
			.capacity = pg_int(rows, row, PRICING_NEXT_CAPACITY),
			.sold = pg_int(rows, row, PRICING_NEXT_SOLD),
			.sales_start = pg_int(rows, row, PRICING_NEXT_SALES_START),
			.sales_end = pg_int(rows, row, PRICING_NEXT_SALES_END),
			.now = pg_int(rows, row, PRICING_NEXT_AT),
			.last_change = pg_int(rows, row, PRICING_NEXT_CHANGED),
		},
	};
	price_decide(&rule, &out->facts, &out->decision);
}

enum problem
pricing_next(struct context *house, int64_t after, const int64_t *only, struct pricing_event *out)
{
	struct pg_rows rows;
	enum problem err;

	err = query_pricing_next(house->pg, house->arena, house->deadline_us, house->why, &rows,
		after, only, defaults(house));
	if (err)
		return err;
	*out = (struct pricing_event){
		.sections = ARENA_ARRAY(house->arena, struct pricing_section, rows.count + 1),
		.count = (size_t)rows.count,
	};
	for (int i = 0; i < rows.count; i++)
		read_section(house, &rows, i, &out->sections[i]);
	if (rows.count > 0) {
		out->event_id = pg_int(&rows, 0, PRICING_NEXT_EVENT_ID);
		out->version = pg_int(&rows, 0, PRICING_NEXT_VERSION);
	}
	return PROBLEM_NONE;
}

static bool
moves(const struct pricing_section *section)
{
	return section->decision.price != section->facts.price;
}

int64_t
pricing_changes(const struct pricing_event *event)
{
	int64_t n = 0;

	for (size_t i = 0; i < event->count; i++)
		n += moves(&event->sections[i]);
	return n;
}

static void
write_change(struct str *out, const struct pricing_section *s)
{
	const struct price_facts *f = &s->facts;
	const struct price_decision *d = &s->decision;

	str_printf(out,
		"{\"section_no\":%" PRId64 ",\"base_price\":%" PRId64 ",\"old_price\":%" PRId64
		",\"new_price\":%" PRId64 ",\"reason\":\"%s\",\"inputs\":{",
		s->section_no, f->base, f->price, d->price, price_reason_word(d->reason));
	str_printf(out,
		"\"base_price\":%" PRId64 ",\"capacity\":%" PRId64 ",\"sold\":%" PRId64
		",\"sold_permille\":%" PRId64 ",\"even_permille\":%" PRId64
		",\"demand_permille\":%" PRId64,
		f->base, f->capacity, f->sold, d->sold_share, d->even_share, d->demand);
	str_printf(out,
		",\"target\":%" PRId64 ",\"floor\":%" PRId64 ",\"ceiling\":%" PRId64
		",\"largest_step\":%" PRId64 "}}",
		d->target, d->floor, d->ceiling, d->step);
}

enum problem
pricing_apply(
	struct context *house, const struct pricing_event *event, int64_t limit, int64_t *changed)
{
	struct pg_rows rows;
	struct str changes;
	int64_t n = 0;
	enum problem err;

	str_init(&changes, house->arena);
	str_add_char(&changes, '[');
	for (size_t i = 0; i < event->count && n < limit; i++) {
		if (!moves(&event->sections[i]))
			continue;
		if (n++ > 0)
			str_add_char(&changes, ',');
		write_change(&changes, &event->sections[i]);
	}
	str_add_char(&changes, ']');
	*changed = n;
	if (n == 0)
		return PROBLEM_NONE;
	err = query_pricing_apply(house->pg, house->arena, house->deadline_us, house->why, &rows,
		event->event_id, event->version, changes.data);
	/* What is kept of the event has the old prices; also when nobody knows. */
	if (!err || err == PROBLEM_UNKNOWN_OUTCOME)
		filter_forget(house, (int32_t)event->event_id);
	if (err)
		*changed = 0;
	return err;
}

enum problem
pricing_history(struct context *house, const struct event_caller *caller, int32_t event_id,
	const char *cursor, int64_t limit, struct pricing_history *out)
{
	const char *kind = arena_printf(house->arena, "prices/%d", (int)event_id);
	const char *place = cursor ? cursor_read(house->arena, kind, cursor) : NULL;
	struct pg_rows rows;
	int64_t before = 0;
	enum problem err;
	int shown;

	if (cursor && (!place || !str_to_int(place, 1, INT64_MAX, &before)))
		return problem_at(
			house->why, house->arena, "/cursor", "This is no cursor of this list.");
	err = query_pricing_list(house->pg, house->arena, house->deadline_us, house->why, &rows,
		event_id, caller->user_id, caller->everything, cursor ? &before : NULL, limit + 1,
		defaults(house));
	if (err)
		return err;
	shown = rows.count <= limit ? rows.count : (int)limit;
	*out = (struct pricing_history){
		.pricing = pg_text(&rows, 0, PRICING_LIST_PRICING),
		.bodies = ARENA_ARRAY(house->arena, const char *, shown + 1),
	};
	/* Where nothing has changed the one row has no change. */
	for (int i = 0; i < shown && pg_text(&rows, i, PRICING_LIST_BODY); i++)
		out->bodies[out->count++] = pg_text(&rows, i, PRICING_LIST_BODY);
	if (rows.count > shown)
		out->next = cursor_make(
			house->arena, kind, pg_text(&rows, shown - 1, PRICING_LIST_CHANGE_NO));
	return PROBLEM_NONE;
}
