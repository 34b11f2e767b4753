/*
 * What this process wrote to PostgreSQL and Redis did not hear, to be told when it hears again.
 *
 * Whoever dies with such a list, or has more than fits, leaves it to reconcile. Until that has
 * compared everything, Redis must not refuse a keyed request by itself: it may be the retry of one
 * whose booking Redis never knew, and has its answer in PostgreSQL. So each process says of every
 * event how long ago it may last have been the one: when it began (its predecessor may have died),
 * and when it last found nobody listening.
 */
#include "domain/filter_parts.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/str.h"
#include "domain/notice.h"
#include "queries.h"
#include "scripts.h"

#define NOTES_MAX  256
#define NOTED_MAX  256 /* a power of two */
#define PAGES_MAX  20  /* of keys looked through at once, while nobody waits */
#define PAGE_TEXT  "1000"
#define CURSOR_MAX 24

/* A booking to be looked up and told. */
struct note {
	int32_t event_id;
	bool undo; /* where it holds nothing: its request was refused, and left no mark */
	char booking_id[ID_UUID_TEXT];
};

static struct note notes[NOTES_MAX];
static size_t notes_count;

/* Every event that is kept is to be doubted; how far that has come among the keys. */
static bool doubt_all;
static char doubt_cursor[CURSOR_MAX] = "0";

/* Events that have been told since Redis last failed to hear. */
static struct {
	int32_t event_id;
	int64_t failed_us;
} noted[NOTED_MAX];

void
filter_unheard(const struct context *house, int32_t event_id, const char *booking_id, bool undo)
{
	struct note *note;

	if (*house->conf->redis_url == '\0' || strlen(booking_id) >= ID_UUID_TEXT)
		return;
	for (size_t i = 0; i < notes_count; i++) {
		if (notes[i].event_id == event_id && str_equal(notes[i].booking_id, booking_id)) {
			notes[i].undo &= undo;
			return;
		}
	}
	if (notes_count == NOTES_MAX) {
		doubt_all = true;
		return;
	}
	note = &notes[notes_count++];
	note->event_id = event_id;
	note->undo = undo;
	memcpy(note->booking_id, booking_id, strlen(booking_id) + 1);
}

/* What Redis says to that: missing, noted or untold. NULL: it is away. */
static const char *
doubt_event(struct context *house, const char *prefix)
{
	const char *stamp = filter_stamp(house);
	int64_t age_us = clock_monotonic_us() - redis_failed_us(house->redis);
	const char *keys[] = { prefix, NULL };
	const char *args[] = { stamp, str_int(house->arena, age_us / 1000), NULL };
	const struct redis_value *reply =
		stamp ? redis_script(house->redis, &script_unheard, keys, args, house->arena)
		      : NULL;

	return reply ? redis_text(reply, NULL) : NULL;
}

void
filter_doubt(struct context *house, int32_t event_id)
{
	size_t slot = (size_t)event_id & (NOTED_MAX - 1);
	int64_t failed_us = redis_failed_us(house->redis);
	const char *said;

	if (noted[slot].event_id == event_id && noted[slot].failed_us == failed_us)
		return;
	/* What is missing will be built with all that has been written by then: ask again. */
	said = doubt_event(house, filter_prefix(house, event_id));
	if (!said || str_equal(said, "missing"))
		return;
	noted[slot].event_id = event_id;
	noted[slot].failed_us = failed_us;
}

/* The bookings of one event out of a list, which loses them. */
static enum problem
tell_event(struct context *house, struct note *list, size_t count, int32_t event_id)
{
	const char **ids = ARENA_ARRAY(house->arena, const char *, count);
	struct problem_why ignored = { 0 };
	struct pg_rows rows;
	size_t n = 0;
	enum problem err;

	for (size_t i = 0; i < count; i++) {
		if (list[i].event_id == event_id)
			ids[n++] = list[i].booking_id;
	}
	err = query_filter_some(house->pg, house->arena, house->deadline_us, &ignored, &rows,
		event_id, pg_array_text(house->arena, ids, n));
	if (err)
		return err;
	filter_put_rows(house, event_id, &rows);
	for (size_t i = 0; i < count; i++) {
		bool held = false;

		if (list[i].event_id != event_id)
			continue;
		for (int row = 0; row < rows.count && !held; row++)
			held = str_equal(
				pg_text(&rows, row, FILTER_SOME_BOOKING_ID), list[i].booking_id);
		if (!held)
			filter_drop(house, event_id, list[i].booking_id, !list[i].undo);
		list[i].event_id = 0;
	}
	return PROBLEM_NONE;
}

/* What is not heard this time either is noted anew by whoever says it. */
static void
tell_notes(struct context *house)
{
	size_t count = notes_count;
	struct note *list = ARENA_ARRAY(house->arena, struct note, count + 1);
	enum problem err = PROBLEM_NONE;

	memcpy(list, notes, count * sizeof(*list));
	notes_count = 0;
	for (size_t i = 0; i < count && !err && notes_count == 0; i++) {
		if (list[i].event_id)
			err = tell_event(house, list, count, list[i].event_id);
	}
	for (size_t i = 0; i < count; i++) {
		if (list[i].event_id)
			filter_unheard(house, list[i].event_id, list[i].booking_id, list[i].undo);
	}
}

/*
 * A page of keys: of each event that is kept, that it is to be doubted. Whoever was to tell its
 * watchers of a change may have died too. False: Redis is away, or there is much to tell first.
 */
static bool
doubt_page(struct context *house)
{
	const char *words[] = { "SCAN", doubt_cursor, "MATCH", "hf:{*}:meta", "COUNT", PAGE_TEXT };
	const struct redis_value *page =
		redis_command(house->redis, ARRAY_LENGTH(words), words, NULL, house->arena);
	const char *said, *key;
	int32_t event_id;

	if (!page || redis_length(page) != 2)
		return false;
	for (size_t i = 0; i < redis_length(redis_at(page, 1)); i++) {
		key = redis_text(redis_at(redis_at(page, 1), i), NULL);
		if (!filter_key_event(house->arena, key, &event_id))
			continue;
		said = doubt_event(house, filter_prefix(house, event_id));
		if ((!said && !redis_is_up(house->redis)) ||
			(str_equal(said, "untold") && !notice_changed(house, event_id)))
			return false;
	}
	snprintf(doubt_cursor, sizeof(doubt_cursor), "%s", redis_text(redis_at(page, 0), NULL));
	return true;
}

void
filter_begin(struct context *house)
{
	doubt_all = *house->conf->redis_url != '\0';
}

bool
filter_idle(struct context *house)
{
	filter_rebuild_wanted(house);
	if (notes_count == 0 && !doubt_all)
		return false;
	if (!redis_run_id(house->redis))
		return true;
	tell_notes(house);
	for (int i = 0; i < PAGES_MAX && notes_count == 0 && doubt_all; i++) {
		if (!doubt_page(house))
			break;
		doubt_all = strcmp(doubt_cursor, "0") != 0;
	}
	return notes_count > 0 || doubt_all;
}
