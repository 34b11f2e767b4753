/*
 * Events made and changed by staff. The database judges, in one transaction a call.
 */
#include "domain/event.h"

#include "domain/event_input.h"
#include "domain/room.h"
#include "queries.h"

static enum problem
create_once(struct context *house, const struct event_caller *caller, const struct context_key *key,
	const char *json, bool wait, struct pg_rows *rows)
{
	return query_event_create(house->pg, house->arena, house->deadline_us, house->why, rows,
		caller->user_id, caller->everything, key->key, key->fingerprint, wait, json,
		house->conf->hold_seconds, house->conf->max_seats_per_booking,
		house->conf->max_seats_per_user, room_defaults(house));
}

enum problem
event_create(struct context *house, const struct event_caller *caller,
	const struct context_key *key, const struct json *body, struct event_answer *out)
{
	struct event_input input;
	struct pg_rows rows;
	enum problem err;

	err = event_input_read(house->arena, body, LAYOUT_NEW, house->conf->currency,
		house->conf->payment_provider, house->why, &input);
	if (err)
		return err;
	err = create_once(house, caller, key, input.json, false, &rows);
	/* With a key the same call can find out what became of the first. */
	if (err == PROBLEM_UNKNOWN_OUTCOME && key->key)
		err = create_once(house, caller, key, input.json, true, &rows);
	if (err)
		return event_refused(err, house->why, house->arena);
	*out = (struct event_answer){
		.replayed = pg_bool(&rows, 0, EVENT_CREATE_REPLAYED),
		.event_id = pg_text(&rows, 0, EVENT_CREATE_ID),
		.version = 1,
		.body = pg_text(&rows, 0, EVENT_CREATE_BODY),
	};
	return PROBLEM_NONE;
}

/* The versions that both the caller's condition and the body allow, as an array; NULL: any. */
static const char *
versions_wanted(
	struct arena *arena, const int64_t *versions, size_t count, const struct event_input *input)
{
	if (!input->has_version)
		return versions ? pg_array_int(arena, versions, count) : NULL;
	if (!versions)
		return pg_array_int(arena, &input->version, 1);
	for (size_t i = 0; i < count; i++) {
		if (versions[i] == input->version)
			return pg_array_int(arena, &input->version, 1);
	}
	return pg_array_int(arena, NULL, 0);
}

enum problem
event_update(struct context *house, const struct event_caller *caller, int32_t event_id,
	const int64_t *versions, size_t count, const struct json *body, struct event_answer *out)
{
	struct event_input input;
	struct pg_rows rows;
	enum problem err;

	err = event_input_read(house->arena, body, LAYOUT_CHANGES, NULL,
		house->conf->payment_provider, house->why, &input);
	if (err)
		return err;
	err = query_event_update(house->pg, house->arena, house->deadline_us, house->why, &rows,
		event_id, caller->user_id, caller->everything,
		versions_wanted(house->arena, versions, count, &input), input.json,
		house->conf->hold_seconds, house->conf->max_seats_per_booking,
		house->conf->max_seats_per_user, room_defaults(house));
	/* Also when nobody knows whether it was done: what is kept is then built anew
	 * for nothing. */
	if (!err || err == PROBLEM_UNKNOWN_OUTCOME)
		filter_forget(house, event_id);
	if (err)
		return event_refused(err, house->why, house->arena);
	*out = (struct event_answer){
		.event_id = arena_printf(house->arena, "%d", (int)event_id),
		.version = pg_int(&rows, 0, EVENT_UPDATE_VERSION),
		.body = pg_text(&rows, 0, EVENT_UPDATE_BODY),
	};
	return PROBLEM_NONE;
}
