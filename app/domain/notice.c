/*
 * Whom to tell of a change, and when. Each process has a list of the events that it has changed
 * within the last second: an entry is looked at at once, and then a second after its event was last
 * told of, until nothing has changed in between.
 */
#include "domain/notice.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/str.h"
#include "domain/filter_parts.h"
#include "scripts.h"
#include "store/live.h"

#define NOTES_MAX   1024
#define SEEN_MAX    256 /* a power of two */
#define LOOKS_MAX   64  /* in one call: clients may be waiting */
#define PERIOD_US   1000000
#define SETTLE_US   3000000
#define ANSWER_US   1000000 /* so long a server may take for its answer */
#define ANSWER_MS   5       /* and so often it is looked for */

#define VERSION_MAX 24

#define NAME        "changed"

struct note {
	int32_t event_id;
	bool changed;   /* since it was last told here */
	bool moved;     /* in a way that no version shows */
	bool posted;    /* told, if it turns out that its server has taken it */
	int64_t due_us; /* monotonic: when it may be looked at */
	int64_t posted_us;
	char version[VERSION_MAX]; /* as it was posted */
};

/* Out of Redis: whether to tell, and what. */
struct turn {
	bool tell;
	int64_t wait_us; /* do not tell, but ask again then; 0: there is nothing to tell */
	const char *version;
	int64_t clock_ms;
};

static struct note notes[NOTES_MAX];
static size_t notes_count;
static size_t posted_count;
static struct live *live;

/* Versions at which this process has read events. */
static struct {
	int32_t event_id;
	int64_t version;
} seen[SEEN_MAX];

static struct note *
note_of(struct context *house, int32_t event_id)
{
	if (!house->conf->live)
		return NULL;
	for (size_t i = 0; i < notes_count; i++) {
		if (notes[i].event_id == event_id)
			return &notes[i];
	}
	if (notes_count == NOTES_MAX)
		return NULL;
	notes[notes_count] = (struct note){ .event_id = event_id };
	return &notes[notes_count++];
}

bool
notice_changed(struct context *house, int32_t event_id)
{
	struct note *note = note_of(house, event_id);

	if (note)
		note->changed = true;
	return note || !house->conf->live;
}

void
notice_moved(struct context *house, int32_t event_id)
{
	struct note *note = note_of(house, event_id);

	if (note)
		note->changed = note->moved = true;
}

void
notice_seen(struct context *house, int32_t event_id, int64_t version)
{
	size_t slot = (size_t)event_id & (SEEN_MAX - 1);

	if (seen[slot].event_id == event_id && seen[slot].version == version)
		return;
	seen[slot].event_id = event_id;
	seen[slot].version = version;
	notice_changed(house, event_id);
}

static const struct redis_value *
ask(struct context *house, int32_t event_id, const char *step, const char *version)
{
	const char *keys[] = { filter_prefix(house, event_id), NULL };

	return redis_script(house->redis, &script_tell, keys,
		(const char *[]){ step, version, NULL }, house->arena);
}

/* While Redis is away each process has its own turn, and nobody knows the version. */
static struct turn
turn_of(struct context *house, const struct note *note)
{
	const struct redis_value *reply =
		ask(house, note->event_id, note->moved ? "moved" : "look", NULL);
	const char *said = reply && redis_kind(reply) == REDIS_LIST && redis_length(reply) > 0
				   ? redis_text(redis_at(reply, 0), NULL)
				   : NULL;

	if (said && strcmp(said, "nothing") == 0)
		return (struct turn){ 0 };
	if (said && strcmp(said, "wait") == 0)
		return (struct turn){ .wait_us = redis_int(redis_at(reply, 1)) * 1000 };
	if (said && strcmp(said, "tell") == 0)
		return (struct turn){ .tell = true,
			.version = redis_text(redis_at(reply, 1), NULL),
			.clock_ms = redis_int(redis_at(reply, 2)) };
	return (struct turn){ .tell = true, .version = "", .clock_ms = clock_unix_s() * 1000 };
}

static enum live_result
tell(struct context *house, int32_t event_id, const struct turn *turn, int64_t now_us)
{
	char as_of[CLOCK_RFC3339];

	if (!live)
		live = live_open(house->conf->live_socket);
	clock_rfc3339(turn->clock_ms, as_of);
	return live_post(live, event_id, NAME,
		arena_printf(house->arena,
			"{\"event_id\":\"%" PRId32 "\",\"version\":%s,\"as_of\":\"%s\"}", event_id,
			*turn->version ? turn->version : "null", as_of),
		now_us);
}

/* A note that is due: told, put off, or (nothing has changed for a second) left to be removed. */
static void
look(struct context *house, struct note *note, int64_t now_us)
{
	struct turn turn = turn_of(house, note);

	note->moved = false;
	note->due_us = now_us + (turn.wait_us ? turn.wait_us : PERIOD_US);
	if (turn.wait_us || (turn.tell && tell(house, note->event_id, &turn, now_us) == LIVE_BUSY))
		return;
	note->changed = false;
	if (!turn.tell)
		return;
	note->posted = true;
	note->posted_us = now_us;
	snprintf(note->version, sizeof(note->version), "%s", turn.version);
	posted_count++;
}

/*
 * What was posted is told once the servers have answered: until then Redis keeps it as untold, for
 * others to tell should this process or its server end.
 */
static void
collect(struct context *house, int64_t now_us)
{
	bool answered = live_answered(live, now_us);

	for (size_t i = 0; i < notes_count; i++) {
		struct note *note = &notes[i];

		if (!note->posted || (!answered && now_us - note->posted_us < ANSWER_US))
			continue;
		note->posted = false;
		posted_count--;
		if (!answered)
			note->changed = true;
		else if (*note->version)
			ask(house, note->event_id, "told", note->version);
	}
}

int
notice_idle(struct context *house)
{
	int64_t now_us, next_us = INT64_MAX;
	int looks = 0;

	if (notes_count == 0)
		return -1;
	now_us = clock_monotonic_us();
	if (posted_count > 0)
		collect(house, now_us);
	for (size_t i = 0; i < notes_count;) {
		struct note *note = &notes[i];
		bool due = note->due_us <= now_us && !note->posted;

		if (due && !note->changed) {
			*note = notes[--notes_count];
			continue;
		}
		if (due && looks++ < LOOKS_MAX)
			look(house, note, now_us);
		if (note->due_us < next_us)
			next_us = note->due_us;
		i++;
	}
	if (notes_count == 0)
		return -1;
	now_us = clock_monotonic_us();
	if (posted_count > 0 && next_us - now_us > ANSWER_MS * 1000)
		return ANSWER_MS;
	return next_us <= now_us ? 0 : (int)((next_us - now_us) / 1000 + 1);
}

void
notice_settle(struct context *house)
{
	int64_t until_us = clock_monotonic_us() + SETTLE_US;
	int pause_ms = 0;
	bool owes = true;

	while (owes && clock_monotonic_us() + INT64_C(1000) * pause_ms < until_us) {
		poll(NULL, 0, pause_ms);
		pause_ms = notice_idle(house);
		owes = posted_count > 0;
		for (size_t i = 0; i < notes_count; i++)
			owes |= notes[i].changed;
	}
	if (live)
		live_close(live);
	live = NULL;
}
