/*
 * Faults in what was answered and in what is kept: rules 1 and 5.
 */
#include "base/str.h"
#include "history/plant.h"

static const char planted_key[] = "planted";

/* ---- rule 1 ---------------------------------------------------------------------------------- */

static bool
lost_booking(struct plant *p)
{
	uint32_t booking = 0;
	const struct story *story = plant_next_story(p, &booking);

	if (!story)
		return false;
	plant_change(p, story->hold)->got.booking = plant_booking(p);
	return true;
}

/* All that was told of it was never said. */
static bool
invented_booking(struct plant *p)
{
	uint32_t booking = 0;
	const struct story *story = plant_next_story(p, &booking);
	const char *id;

	if (!story)
		return false;
	id = names_text(&p->bookings, booking);
	for (size_t i = 0; i < p->count; i++) {
		struct record_call *call = &p->calls[i];

		if (!str_equal(call->asked.booking, id) && !str_equal(call->got.booking, id))
			continue;
		call->status = 429;
		call->problem = "rate-limited";
		call->got.booking = call->got.status = NULL;
		call->got.places = (struct record_places){ .seats = NULL };
		call->got.expires_us = RECORD_ABSENT;
		call->got.replayed = false;
	}
	plant_name(p, story->hold);
	return true;
}

static bool
wrong_user(struct plant *p)
{
	uint32_t booking = 0;
	const struct story *story = plant_next_story(p, &booking);
	const char *other = story ? plant_other_user(p, plant_call(p, story->hold)->user) : NULL;

	if (!other)
		return false;
	plant_change(p, story->hold)->user = other;
	return true;
}

/* Places that are not these: another seat in the first one's place, or one place more. */
static void
other_places(struct plant *p, struct record_places *places)
{
	const char **seats = ARENA_ARRAY(p->arena, const char *, places->seats_count + 1);
	struct record_part *parts =
		ARENA_ARRAY(p->arena, struct record_part, places->parts_count + 1);

	for (size_t i = 0; i < places->seats_count; i++)
		seats[i] = i == 0 ? "planted" : places->seats[i];
	for (size_t i = 0; i < places->parts_count; i++) {
		parts[i] = places->parts[i];
		parts[i].quantity += i == 0;
	}
	places->seats = seats;
	places->parts = parts;
}

static bool
wrong_places(struct plant *p)
{
	uint32_t booking = 0;
	const struct story *story = plant_next_story(p, &booking);

	if (!story)
		return false;
	other_places(p, &plant_change(p, story->hold)->got.places);
	return true;
}

static bool
other_places_kept(struct plant *p)
{
	uint32_t booking = 0;
	const struct story *story = plant_next_story(p, &booking);
	struct record_call *call;

	if (!story)
		return false;
	call = plant_change(p, story->hold);
	other_places(p, &call->asked.places);
	other_places(p, &call->got.places);
	return true;
}

/* An answer to a move of a booking, a moment after this call of it. */
static struct record_call *
append_move(struct plant *p, size_t after, enum record_op op, const char *status)
{
	struct record_call move = *plant_call(p, after);

	if (!move.asked.booking)
		move.asked.booking = move.got.booking;
	move.op = op;
	plant_at(&move, move.done_us + 1000);
	move.key = NULL;
	move.asked.places = (struct record_places){ .seats = NULL };
	move.status = 200;
	move.got.status = status;
	move.got.expires_us = RECORD_ABSENT;
	move.got.replayed = false;
	return plant_append(p, &move);
}

static bool
lost_confirm(struct plant *p)
{
	const struct story *story;

	for (uint32_t booking = 0; (story = plant_next_story(p, &booking));) {
		if (story->confirms > 0)
			continue;
		append_move(p, story->hold, RECORD_CONFIRM, "CONFIRMED");
		return true;
	}
	return false;
}

/* A booking that stays confirmed is told to have been given back. */
static bool
lost_leave(struct plant *p, enum record_op op, const char *status)
{
	const struct story *story;

	for (uint32_t booking = 0; (story = plant_next_story(p, &booking));) {
		if (!story->confirm || story->leave_sent_us != 0)
			continue;
		append_move(p, story->confirm, op, status);
		return true;
	}
	return false;
}

static bool
lost_release(struct plant *p)
{
	return lost_leave(p, RECORD_RELEASE, "RELEASED");
}

static bool
lost_cancel(struct plant *p)
{
	return lost_leave(p, RECORD_CANCEL, "CANCELLED");
}

/* The moves of one kind of some booking were all refused, by what was answered. */
static bool
unasked(struct plant *p, enum record_op op)
{
	const struct story *story;

	for (uint32_t booking = 0; (story = plant_next_story(p, &booking));) {
		const char *id = names_text(&p->bookings, booking);
		size_t found = op == RECORD_CONFIRM   ? story->confirm
			       : op == RECORD_RELEASE ? story->release
						      : story->cancel;

		/* Of a hold that ended in time nobody need have asked. */
		if (!found)
			continue;
		for (size_t i = 0; i < p->count; i++) {
			struct record_call *call = &p->calls[i];

			if (call->op != op || !str_equal(call->asked.booking, id))
				continue;
			call->status = 409;
			call->problem = "busy";
			call->got.booking = call->got.status = NULL;
			call->got.places = (struct record_places){ .seats = NULL };
			call->got.replayed = false;
		}
		plant_name(p, story->hold);
		return true;
	}
	return false;
}

static bool
unasked_confirm(struct plant *p)
{
	return unasked(p, RECORD_CONFIRM);
}

static bool
unasked_release(struct plant *p)
{
	return unasked(p, RECORD_RELEASE);
}

static bool
unasked_cancel(struct plant *p)
{
	return unasked(p, RECORD_CANCEL);
}

static bool
other_booking(struct plant *p)
{
	const struct story *story;

	for (uint32_t booking = 0; (story = plant_next_story(p, &booking));) {
		if (!story->confirm)
			continue;
		plant_change(p, story->confirm)->got.booking = plant_booking(p);
		return true;
	}
	return false;
}

static bool
vanished_booking(struct plant *p)
{
	uint32_t booking = 0;
	const struct story *story = plant_next_story(p, &booking);
	struct record_call *call;

	if (!story)
		return false;
	call = append_move(p, story->hold, RECORD_GET, NULL);
	call->status = 404;
	call->problem = "not-found";
	call->got.booking = NULL;
	call->got.places = (struct record_places){ .seats = NULL };
	return true;
}

static bool
lost_account(struct plant *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct record_call *call = &p->calls[i];

		if ((call->op != RECORD_REGISTER && call->op != RECORD_LOGIN) || !call->user ||
			(call->status != 201 && call->status != 200))
			continue;
		plant_change(p, i + 1)->user = plant_booking(p);
		return true;
	}
	return false;
}

/* ---- rule 5 ---------------------------------------------------------------------------------- */

/* A hold that was made under a key, one call alone where `once`. */
static size_t
keyed_hold(const struct plant *p, bool once)
{
	const struct story *story;

	for (uint32_t booking = 0; (story = plant_next_story(p, &booking));) {
		const char *key = plant_call(p, story->hold)->key;

		if (key && (!once || p->key_uses[names_find(&p->keys, key)] == 1))
			return story->hold;
	}
	return 0;
}

/* The same call again, a moment later. */
static struct record_call *
repeat(struct plant *p, size_t number)
{
	struct record_call *call;

	plant_name(p, number);
	call = plant_append(p, plant_call(p, number));
	plant_at(call, call->done_us + 1000);
	call->got.replayed = true;
	return call;
}

static bool
two_effects(struct plant *p)
{
	size_t hold = keyed_hold(p, false);

	if (hold)
		repeat(p, hold)->got.booking = plant_booking(p);
	return hold;
}

static bool
other_answer(struct plant *p)
{
	size_t hold = keyed_hold(p, false);

	if (hold)
		repeat(p, hold)->got.expires_us += 1000;
	return hold;
}

static bool
two_requests(struct plant *p)
{
	size_t hold = keyed_hold(p, false);

	if (hold)
		other_places(p, &repeat(p, hold)->asked.places);
	return hold;
}

static bool
other_key(struct plant *p)
{
	size_t hold = keyed_hold(p, true);

	if (hold)
		plant_change(p, hold)->key = planted_key;
	return hold;
}

static bool
lost_key(struct plant *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct record_call *call = &p->calls[i];

		if (!call->key || !call->asked.booking || call->status != 200 ||
			(call->op != RECORD_CONFIRM && call->op != RECORD_RELEASE &&
				call->op != RECORD_CANCEL))
			continue;
		plant_change(p, i + 1)->key = planted_key;
		return true;
	}
	return false;
}

const struct plant_kind plant_answers[] = {
	{ "lost-booking", 1, "a hold was answered with a booking that is not there", lost_booking },
	{ "invented-booking", 1, "a booking is there that no call was answered with",
		invented_booking },
	{ "wrong-user", 1, "a booking is another user's", wrong_user },
	{ "wrong-places", 1, "a hold was answered with other places than were asked for",
		wrong_places },
	{ "other-places", 1, "a booking has other places than were answered", other_places_kept },
	{ "other-booking", 1, "a confirm was answered with another booking", other_booking },
	{ "vanished-booking", 1, "a booking that was answered is not found later",
		vanished_booking },
	{ "lost-confirm", 1, "a confirm was answered and is not there", lost_confirm },
	{ "lost-release", 1, "a release was answered and is not there", lost_release },
	{ "lost-cancel", 1, "a cancel was answered and is not there", lost_cancel },
	{ "unasked-confirm", 1, "a booking is confirmed, and every confirm was refused",
		unasked_confirm },
	{ "unasked-release", 1, "a booking is released, and every release was refused",
		unasked_release },
	{ "unasked-cancel", 1, "a booking is cancelled, and every cancel was refused",
		unasked_cancel },
	{ "lost-account", 1, "an account was let in and is not there", lost_account },
	{ "two-effects-of-a-key", 5, "one key made two bookings", two_effects },
	{ "other-answer-to-a-key", 5, "a repeat was answered with something else", other_answer },
	{ "two-requests-of-a-key", 5, "one key, and two different requests were answered",
		two_requests },
	{ "other-key", 5, "a booking is stored under another key", other_key },
	{ "lost-key", 5, "the answer to a key was not kept", lost_key },
	{ .name = NULL },
};
