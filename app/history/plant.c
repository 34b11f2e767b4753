/*
 * Planting: the history is read whole, what its calls tell of bookings and places is gathered, a
 * kind of fault finds its place and changes or adds a line.
 */
#include <errno.h>
#include <inttypes.h>

#include "base/id.h"
#include "base/str.h"
#include "history/plant.h"
#include "history/report.h"

#define EXIT_IMPOSSIBLE 2

static bool
is_done(const struct record_call *call)
{
	return call->status >= 200 && call->status < 300;
}

static bool
is_unknown(const struct record_call *call)
{
	return call->status == 0 || call->status >= 500;
}

/* ---- a copy ---------------------------------------------------------------------------------- */

static const char *
copy_text(struct plant *p, const char *text)
{
	return text ? arena_strdup(p->arena, text) : NULL;
}

static const char *const *
copy_texts(struct plant *p, const char *const *texts, size_t count)
{
	const char **list = ARENA_ARRAY(p->arena, const char *, count + 1);

	for (size_t i = 0; i < count; i++)
		list[i] = arena_strdup(p->arena, texts[i]);
	return list;
}

static void
copy_places(struct plant *p, struct record_places *places)
{
	struct record_part *parts =
		ARENA_ARRAY(p->arena, struct record_part, places->parts_count + 1);

	places->seats = copy_texts(p, places->seats, places->seats_count);
	for (size_t i = 0; i < places->parts_count; i++) {
		parts[i].section = arena_strdup(p->arena, places->parts[i].section);
		parts[i].quantity = places->parts[i].quantity;
	}
	places->parts = parts;
}

static struct record_call *
add_call(struct plant *p, const struct record_call *like)
{
	p->calls = grow_array(p->calls, sizeof(*p->calls), &p->room, p->count + 1);
	p->calls[p->count] = *like;
	return &p->calls[p->count++];
}

static void
copy_call(struct plant *p, const struct record_call *read)
{
	struct record_call *call = add_call(p, read);

	call->user = copy_text(p, call->user);
	call->key = copy_text(p, call->key);
	call->problem = copy_text(p, call->problem);
	call->asked.booking = copy_text(p, call->asked.booking);
	call->asked.token = copy_text(p, call->asked.token);
	copy_places(p, &call->asked.places);
	call->got.booking = copy_text(p, call->got.booking);
	call->got.status = copy_text(p, call->got.status);
	copy_places(p, &call->got.places);
	call->got.lost = copy_texts(p, call->got.lost, call->got.lost_count);
}

static bool
read_calls(struct plant *p, const char *path, const char **fault)
{
	static char why[400];
	struct record_call call;
	struct record_reader *reader = record_open(path, &p->head, fault);
	enum record_line line;

	if (!reader)
		return false;
	p->head.scenario = arena_strdup(p->arena, p->head.scenario);
	p->head.url = arena_strdup(p->arena, p->head.url);
	p->head.event = arena_strdup(p->arena, p->head.event);
	p->head.version = arena_strdup(p->arena, p->head.version);
	while ((line = record_next(reader, &call)) == RECORD_LINE_CALL) {
		copy_call(p, &call);
		progress_show("bytes read", record_bytes(reader), record_size(reader));
	}
	progress_end();
	p->end_us = record_end_us(reader);
	snprintf(why, sizeof(why), "%s", record_fault(reader));
	*fault = why;
	record_close(reader);
	return line == RECORD_LINE_END;
}

/* ---- what it tells --------------------------------------------------------------------------- */

static void
tell_booking(struct plant *p, size_t number, const struct record_call *call)
{
	const char *booking = call->asked.booking ? call->asked.booking : call->got.booking;
	struct story *story = &p->stories[names_find(&p->bookings, booking)];
	bool leaves = call->op == RECORD_RELEASE || call->op == RECORD_CANCEL;
	size_t *first = call->op == RECORD_CONFIRM   ? &story->confirm
			: call->op == RECORD_RELEASE ? &story->release
			: call->op == RECORD_CANCEL  ? &story->cancel
						     : NULL;

	if (call->op == RECORD_HOLD && call->status == 201 && !story->hold)
		story->hold = number;
	if (is_unknown(call))
		story->unknown = true;
	else if (!is_done(call))
		return;
	if (first && *first == 0 && is_done(call))
		*first = number;
	if (call->op == RECORD_CONFIRM)
		story->confirms++;
	if (leaves && (story->leave_sent_us == 0 || call->sent_us < story->leave_sent_us))
		story->leave_sent_us = call->sent_us;
}

static void
tell_place(
	struct plant *p, size_t number, const struct record_call *call, const char *name, bool lost)
{
	struct place_story *story = &p->place_stories[names_find(&p->places, name)];
	const struct story *booking;

	if (!story->first || call->sent_us < p->calls[story->first - 1].sent_us)
		story->first = number;
	if (!story->last || call->sent_us > p->calls[story->last - 1].sent_us)
		story->last = number;
	if (!is_done(call)) {
		story->odd = story->odd || !lost;
		return;
	}
	if (call->status == 201)
		story->holds++;
	if (call->got.booking) {
		booking = &p->stories[names_find(&p->bookings, call->got.booking)];
		story->confirmed = story->confirmed || booking->confirms > 0 || booking->unknown;
	}
	if (call->got.expires_us > story->expires_us)
		story->expires_us = call->got.expires_us;
}

static void
tell_hold(struct plant *p, size_t number, const struct record_call *call)
{
	const struct record_places *asked = &call->asked.places;
	uint32_t user = names_find(&p->users, call->user);

	if (user &&
		(!p->user_first[user] || call->sent_us < p->calls[p->user_first[user] - 1].sent_us))
		p->user_first[user] = number;
	for (size_t i = 0; i < asked->seats_count; i++) {
		bool lost = false;

		for (size_t j = 0; j < call->got.lost_count; j++)
			lost = lost || strcmp(call->got.lost[j], asked->seats[i]) == 0;
		tell_place(p, number, call, asked->seats[i], lost);
	}
	for (size_t i = 0; i < asked->parts_count; i++)
		tell_place(p, number, call, asked->parts[i].section, false);
}

static void
tell_all(struct plant *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct record_call *call = &p->calls[i];

		names_add(&p->bookings, call->asked.booking);
		names_add(&p->bookings, call->got.booking);
		names_add(&p->users, call->user);
		names_add(&p->keys, call->key);
		for (size_t j = 0; j < call->asked.places.seats_count; j++)
			names_add(&p->places, call->asked.places.seats[j]);
		for (size_t j = 0; j < call->asked.places.parts_count; j++)
			names_add(&p->places, call->asked.places.parts[j].section);
	}
	p->stories = ARENA_ARRAY(p->arena, struct story, p->bookings.count + 1);
	p->place_stories = ARENA_ARRAY(p->arena, struct place_story, p->places.count + 1);
	p->user_first = ARENA_ARRAY(p->arena, size_t, p->users.count + 1);
	p->key_uses = ARENA_ARRAY(p->arena, size_t, p->keys.count + 1);
	for (size_t i = 0; i < p->count; i++) {
		const struct record_call *call = &p->calls[i];

		if (call->key)
			p->key_uses[names_find(&p->keys, call->key)]++;
		if (call->asked.booking || call->got.booking)
			tell_booking(p, i + 1, call);
	}
	for (size_t i = 0; i < p->count; i++) {
		if (p->calls[i].op == RECORD_HOLD)
			tell_hold(p, i + 1, &p->calls[i]);
	}
}

/* ---- for those that plant -------------------------------------------------------------------- */

static void
note_call(struct plant *p, size_t number)
{
	assert(p->lines_count < PLANT_LINES);
	p->lines[p->lines_count++] = number;
}

struct record_call *
plant_append(struct plant *p, const struct record_call *like)
{
	struct record_call kept = *like; /* it may move */

	note_call(p, p->count + 1);
	return add_call(p, &kept);
}

struct record_call *
plant_change(struct plant *p, size_t number)
{
	note_call(p, number);
	return &p->calls[number - 1];
}

const struct record_call *
plant_name(struct plant *p, size_t number)
{
	return plant_change(p, number);
}

const struct record_call *
plant_call(const struct plant *p, size_t number)
{
	return &p->calls[number - 1];
}

const struct story *
plant_next_story(const struct plant *p, uint32_t *booking)
{
	while (++*booking <= p->bookings.count) {
		const struct story *story = &p->stories[*booking];

		if (story->hold && !story->unknown)
			return story;
	}
	return NULL;
}

const struct story *
plant_next_timed(const struct plant *p, uint32_t *booking)
{
	const struct story *story;

	do
		story = plant_next_story(p, booking);
	while (story && plant_call(p, story->hold)->got.expires_us == RECORD_ABSENT);
	return story;
}

void
plant_at(struct record_call *call, int64_t us)
{
	call->due_us = call->sent_us = us;
	call->done_us = us + 1000;
}

const char *
plant_booking(struct plant *p)
{
	char id[ID_UUID_TEXT];
	int64_t event = 1;

	str_to_int(p->head.event, 1, INT32_MAX, &event);
	id_booking_random((int32_t)event, id);
	return arena_strdup(p->arena, id);
}

const char *
plant_other_user(struct plant *p, const char *user)
{
	for (uint32_t i = 1; i <= p->users.count; i++) {
		if (!str_equal(names_text(&p->users, i), user))
			return names_text(&p->users, i);
	}
	return NULL;
}

const char *const *
plant_texts(struct plant *p, const char *text)
{
	const char **list = ARENA_ARRAY(p->arena, const char *, 1);

	list[0] = text;
	return list;
}

/* ---- kinds ----------------------------------------------------------------------------------- */

static const struct plant_kind *const tables[] = { plant_answers, plant_told, plant_instants,
	plant_refusals, plant_lines };

const struct plant_kind *
plant_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
		for (const struct plant_kind *kind = tables[i]; kind->name; kind++) {
			if (strcmp(kind->name, name) == 0)
				return kind;
		}
	}
	return NULL;
}

void
plant_list(void)
{
	for (int rule = 1; rule <= REPORT_RULES; rule++) {
		for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
			for (const struct plant_kind *kind = tables[i]; kind->name; kind++) {
				if (kind->rule == rule)
					printf("%-26s rule %d: %s\n", kind->name, rule,
						kind->summary);
			}
		}
	}
}

/* For the sort: calls[i] stands at i before it. */
static const struct record_call *sorted_calls;

static int
by_answer(const void *left, const void *right)
{
	size_t a = *(const size_t *)left, b = *(const size_t *)right;
	int64_t a_us = sorted_calls[a].done_us, b_us = sorted_calls[b].done_us;

	return a_us == b_us ? (a > b) - (a < b) : a_us < b_us ? -1 : 1;
}

/*
 * What was planted stands where its answer was read, as a writer of histories has it, and the run
 * is as long as it takes. The calls' numbers in their new order.
 */
static const size_t *
put_in_order(struct plant *p)
{
	size_t *order = ARENA_ARRAY(p->arena, size_t, p->count + 1);

	for (size_t i = 0; i < p->count; i++) {
		const struct record_call *call = &p->calls[i];

		order[i] = i;
		if (call->due_us < p->head.began_us)
			p->head.began_us = call->due_us;
		if (call->done_us > p->end_us)
			p->end_us = call->done_us;
	}
	sorted_calls = p->calls;
	if (p->count > 0)
		qsort(order, p->count, sizeof(*order), by_answer);
	return order;
}

static int
write_calls(struct plant *p, const struct plant_kind *kind)
{
	const size_t *order = put_in_order(p);
	struct record_writer *writer = record_create(stdout, &p->head);
	size_t lines[PLANT_LINES] = { 0 };

	for (size_t i = 0; i < p->count; i++) {
		record_call(writer, &p->calls[order[i]]);
		for (size_t at = 0; at < p->lines_count; at++) {
			if (p->lines[at] == order[i] + 1)
				lines[at] = i + 2; /* the first line is no call */
		}
	}
	if (!record_finish(writer, p->end_us)) {
		fprintf(stderr, "holdfast-history: the copy cannot be written: %s\n",
			strerror(errno));
		return EXIT_IMPOSSIBLE;
	}
	fprintf(stderr, "planted %s: rule %d, line", kind->name, kind->rule);
	for (size_t i = 0; i < p->lines_count; i++)
		fprintf(stderr, "%s%zu", i == 0 ? " " : ",", lines[i]);
	fputc('\n', stderr);
	return EXIT_SUCCESS;
}

int
plant_run(const struct plant_kind *kind, const char *path)
{
	struct plant p = { .arena = arena_new() };
	int status = EXIT_IMPOSSIBLE;
	const char *fault;

	names_init(&p.bookings, p.arena);
	names_init(&p.places, p.arena);
	names_init(&p.users, p.arena);
	names_init(&p.keys, p.arena);
	if (!read_calls(&p, path, &fault)) {
		fprintf(stderr, "holdfast-history: %s\n", fault);
	} else {
		tell_all(&p);
		if (kind->plant(&p))
			status = write_calls(&p, kind);
		else
			fprintf(stderr,
				"holdfast-history: this history has no call that %s could be "
				"planted at\n",
				kind->name);
	}
	names_release(&p.bookings);
	names_release(&p.places);
	names_release(&p.users);
	names_release(&p.keys);
	free(p.calls);
	arena_free(p.arena);
	return status;
}
