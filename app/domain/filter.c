/*
 * The filter on the way of a request: take, put, drop, repair, and the live picture.
 */
#include "domain/filter.h"

#include "base/clock.h"
#include "base/str.h"
#include "domain/filter_parts.h"
#include "domain/limit.h"
#include "domain/notice.h"
#include "queries.h"
#include "scripts.h"

/*
 * State in Redis is believed only under the run of Redis and of PostgreSQL that it was built under:
 * a restart of either may have lost what the other knows. NULL: Redis is away.
 */
const char *
filter_stamp(struct context *house)
{
	const char *run_id = house->redis ? redis_run_id(house->redis) : NULL;

	if (!run_id)
		return NULL;
	return STR_JOIN(house->arena, run_id, " ", pg_started(house->pg, house->deadline_us));
}

/* One script of an event with its stamp first. NULL: Redis is away. */
static const struct redis_value *
run(struct context *house, const struct redis_script *script, int32_t event_id,
	const char *const *args)
{
	const char *keys[] = { filter_prefix(house, event_id), NULL };

	return redis_script(house->redis, script, keys, args, house->arena);
}

static void
read_verdict(struct filter_answer *answer, const struct redis_value *reply, struct arena *arena)
{
	static const struct {
		const char *name;
		enum filter_verdict verdict;
	} names[] = {
		{ "taken", FILTER_TAKEN },
		{ "lost", FILTER_LOST },
		{ "full", FILTER_FULL },
		{ "ask", FILTER_ASK },
		{ "missing", FILTER_MISSING },
		{ "limited", FILTER_LIMITED },
		{ "pass", FILTER_PASS },
	};
	const char *name = redis_text(redis_at(reply, 0), NULL);
	const char **lines;
	int64_t *lost;

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		if (name && strcmp(name, names[i].name) == 0)
			answer->verdict = names[i].verdict;
	}
	answer->remaining = redis_int(redis_at(reply, 1));
	switch (answer->verdict) {
	case FILTER_TAKEN:
		answer->taken = redis_text(redis_at(reply, 2), NULL);
		answer->stranger = redis_length(reply) > 3;
		break;
	case FILTER_LOST:
		answer->lost_count = redis_length(reply) - 2;
		lost = ARENA_ARRAY(arena, int64_t, answer->lost_count);
		for (size_t i = 0; i < answer->lost_count; i++)
			lost[i] = redis_int(redis_at(reply, i + 2));
		answer->lost = lost;
		break;
	case FILTER_FULL:
		answer->section_id = redis_text(redis_at(reply, 2), NULL);
		answer->available = redis_int(redis_at(reply, 3));
		break;
	case FILTER_ASK:
	case FILTER_MISSING:
		answer->lines_count = redis_length(reply) - 2;
		lines = ARENA_ARRAY(arena, const char *, answer->lines_count);
		for (size_t i = 0; i < answer->lines_count; i++)
			lines[i] = redis_text(redis_at(reply, i + 2), NULL);
		answer->lines = lines;
		break;
	case FILTER_LIMITED:
		answer->retry_ms = redis_int(redis_at(reply, 2));
		break;
	default:
		break;
	}
}

void
filter_take(struct context *house, const struct filter_wish *wish, struct filter_answer *answer)
{
	const struct conf *conf = house->conf;
	const char *stamp = filter_stamp(house);
	const struct redis_value *reply;
	const char *keys[] = { filter_prefix(house, wish->event_id),
		limit_key(house, "hold", wish->user_id), NULL };
	const char **args;
	size_t n = 0;

	*answer = (struct filter_answer){ .verdict = FILTER_AWAY, .remaining = -1 };
	if (!stamp)
		return;
	if (wish->keyed)
		filter_doubt(house, wish->event_id);
	args = ARENA_ARRAY(house->arena, const char *, 11 + wish->seats + 2 * wish->sections);
	args[n++] = stamp;
	args[n++] = wish->booking_id;
	args[n++] = wish->user_id;
	args[n++] = wish->keyed ? "1" : "0";
	args[n++] = str_int(house->arena, conf->hold_seconds * 1000);
	args[n++] = str_int(house->arena, conf->max_seats_per_booking);
	args[n++] = str_int(house->arena, conf->rate_write);
	args[n++] = conf->rate_limit ? str_int(house->arena, conf->rate_write_burst) : "0";
	args[n++] = wish->pass;
	args[n++] = str_int(house->arena, (int64_t)wish->seats);
	for (size_t i = 0; i < wish->seats; i++)
		args[n++] = wish->seat_ids[i];
	for (size_t i = 0; i < wish->sections; i++) {
		args[n++] = wish->section_ids[i];
		args[n++] = str_int(house->arena, wish->quantities[i]);
	}
	reply = redis_script(house->redis, &script_take, keys, args, house->arena);
	answer->doubtful = !reply;
	if (!reply || redis_kind(reply) != REDIS_LIST)
		return;
	read_verdict(answer, reply, house->arena);
	switch (answer->verdict) {
	case FILTER_MISSING:
		filter_want(wish->event_id);
		break;
	case FILTER_TAKEN:
	case FILTER_LOST:
	case FILTER_FULL:
	case FILTER_ASK:
		/* Also who gets nothing may have had places given back that were due. */
		notice_changed(house, wish->event_id);
		break;
	default:
		break;
	}
}

void
filter_put(struct context *house, const struct filter_entry *entry)
{
	const char *stamp = filter_stamp(house);
	const struct redis_value *reply;
	const char *const args[] = { stamp, entry->booking_id, (char[]){ entry->state, 0 },
		entry->user_id, str_int(house->arena, entry->deadline_ms), entry->positions,
		entry->sections, str_int(house->arena, entry->revived_ms), NULL };
	const char *said;

	reply = stamp ? run(house, &script_put, entry->event_id, args) : NULL;
	if (!reply)
		filter_unheard(house, entry->event_id, entry->booking_id, false);
	said = reply ? redis_text(reply, NULL) : NULL;
	if (said && strcmp(said, "missing") == 0)
		filter_want(entry->event_id);
	notice_changed(house, entry->event_id);
}

/* Instead of when PostgreSQL has ended a booking. */
#define NOT_ENDED INT64_C(0)
#define ENDED_NOW INT64_C(1)

static void
drop(struct context *house, int32_t event_id, const char *booking_id, int64_t ended_ms,
	const char *taken)
{
	const char *stamp = filter_stamp(house);
	const char *const args[] = { stamp, booking_id, str_int(house->arena, ended_ms), taken,
		NULL };
	const struct redis_value *reply = stamp ? run(house, &script_drop, event_id, args) : NULL;

	if (!reply)
		filter_unheard(house, event_id, booking_id, ended_ms == NOT_ENDED);
	/* Nothing was refused of an event that there is not. */
	if (ended_ms != NOT_ENDED || str_equal(reply ? redis_text(reply, NULL) : NULL, "dropped"))
		notice_changed(house, event_id);
}

void
filter_drop(struct context *house, int32_t event_id, const char *booking_id, bool ended)
{
	drop(house, event_id, booking_id, ended ? ENDED_NOW : NOT_ENDED, "");
}

void
filter_drop_ended(struct context *house, int32_t event_id, const char *booking_id, int64_t ended_ms)
{
	drop(house, event_id, booking_id, ended_ms, "");
}

void
filter_undo(struct context *house, int32_t event_id, const char *booking_id, const char *taken)
{
	drop(house, event_id, booking_id, NOT_ENDED, taken);
}

void
filter_forget(struct context *house, int32_t event_id)
{
	static const char *const none[] = { NULL };

	if (house->redis)
		run(house, &script_forget, event_id, none);
	filter_want(event_id);
	notice_moved(house, event_id);
}

/* "a:1,b:2" out of two arrays of PostgreSQL. */
const char *
filter_sections(struct arena *arena, const char *ids, const char *quantities)
{
	const char **id, **quantity;
	struct str out;
	size_t count = ids ? pg_array_read(arena, ids, &id) : 0;

	str_init(&out, arena);
	if (count > 0)
		count = pg_array_read(arena, quantities, &quantity);
	for (size_t i = 0; i < count; i++)
		str_printf(&out, "%s%s:%s", i > 0 ? "," : "", id[i], quantity[i]);
	return out.data;
}

/* "{1,2}" of PostgreSQL as "1,2". */
const char *
filter_positions(struct arena *arena, const char *literal)
{
	size_t len = literal ? strlen(literal) : 0;

	return len < 2 ? "" : arena_copy(arena, literal + 1, len - 2);
}

int
filter_put_rows(struct context *house, int32_t event_id, const struct pg_rows *rows)
{
	for (int i = 0; i < rows->count; i++) {
		struct filter_entry entry = {
			.event_id = event_id,
			.booking_id = pg_text(rows, i, FILTER_ENTRIES_BOOKING_ID),
			.user_id = pg_text(rows, i, FILTER_ENTRIES_USER_ID),
			.state = pg_text(rows, i, FILTER_ENTRIES_STATE)[0],
			.deadline_ms = pg_int(rows, i, FILTER_ENTRIES_DEADLINE),
			.positions = filter_positions(
				house->arena, pg_text(rows, i, FILTER_ENTRIES_POSITIONS)),
			.sections = filter_sections(house->arena,
				pg_text(rows, i, FILTER_ENTRIES_SECTION_IDS),
				pg_text(rows, i, FILTER_ENTRIES_QUANTITIES)),
			.revived_ms = pg_int(rows, i, FILTER_ENTRIES_REVIVED),
		};

		filter_put(house, &entry);
	}
	return rows->count;
}

void
filter_repair(struct context *house, int32_t event_id, const char *const *seat_ids, size_t seats)
{
	struct problem_why ignored = { 0 };
	struct pg_rows rows;

	if (!query_filter_owners(house->pg, house->arena, house->deadline_us, &ignored, &rows,
		    event_id, pg_array_text(house->arena, seat_ids, seats)))
		filter_put_rows(house, event_id, &rows);
}

void
filter_refresh(struct context *house, int32_t event_id, const char *booking_id)
{
	struct problem_why ignored = { 0 };
	struct pg_rows rows;

	if (!query_filter_some(house->pg, house->arena, house->deadline_us, &ignored, &rows,
		    event_id, pg_array_text(house->arena, &booking_id, 1)) &&
		filter_put_rows(house, event_id, &rows) == 0)
		filter_drop(house, event_id, booking_id, true);
}
