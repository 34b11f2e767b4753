/*
 * Faults in what an answer tells of a booking: rules 1, 4 and 6.
 */
#include "base/str.h"
#include "history/plant.h"

#define LITTLE_US 20000 /* clocks differ by more */

/* The first hold that is well known, to be changed; NULL: there is none. */
static struct record_call *
change_hold(struct plant *p)
{
	uint32_t booking = 0;
	const struct story *story = plant_next_timed(p, &booking);

	return story ? plant_change(p, story->hold) : NULL;
}

/* ---- rule 1 ---------------------------------------------------------------------------------- */

static bool
no_booking(struct plant *p)
{
	const struct story *story;

	for (uint32_t booking = 0; (story = plant_next_timed(p, &booking));) {
		if (!story->confirm)
			continue;
		plant_change(p, story->confirm)->got.booking = NULL;
		return true;
	}
	return false;
}

static bool
other_state(struct plant *p)
{
	struct record_call *hold = change_hold(p);

	if (hold)
		hold->got.status = "CONFIRMED";
	return hold;
}

/* ---- rule 4 ---------------------------------------------------------------------------------- */

static bool
no_deadline(struct plant *p)
{
	struct record_call *hold = change_hold(p);

	if (hold)
		hold->got.expires_us = RECORD_ABSENT;
	return hold;
}

/* So little that the hold is not given too long a life. */
static bool
later_deadline(struct plant *p)
{
	struct record_call *hold = change_hold(p);

	if (hold)
		hold->got.expires_us += LITTLE_US;
	return hold;
}

static bool
expired_confirmed(struct plant *p)
{
	for (uint32_t i = 1; i <= p->bookings.count; i++) {
		size_t confirm = p->stories[i].confirm;

		if (!confirm || !plant_call(p, confirm)->asked.booking)
			continue;
		plant_name(p, confirm);
		plant_refused(p, confirm, RECORD_CONFIRM, NULL, 410, "hold-expired");
		return true;
	}
	return false;
}

/* The hold is asked for again at this instant, and is said to be there. */
static struct record_call *
hold_again(struct plant *p, const struct story *story, int64_t us)
{
	struct record_call *again = plant_append(p, plant_call(p, story->hold));

	plant_at(again, us);
	again->key = NULL;
	again->status = 200;
	again->got.replayed = false;
	return again;
}

static bool
dead_again(struct plant *p)
{
	uint32_t booking = 0;
	const struct story *story = plant_next_timed(p, &booking);

	if (story)
		hold_again(p, story, plant_call(p, story->hold)->got.expires_us + PLANT_HOUR_US);
	return story;
}

/* A hold that nobody has confirmed or given back, an hour after its deadline, asked for so. */
static struct record_call *
ask_dead(struct plant *p, enum record_op op, const char *status)
{
	const struct story *story;

	for (uint32_t booking = 0; (story = plant_next_timed(p, &booking));) {
		struct record_call *call;

		if (story->confirm || story->leave_sent_us != 0)
			continue;
		call = hold_again(
			p, story, plant_name(p, story->hold)->got.expires_us + PLANT_HOUR_US);
		call->op = op;
		call->asked.booking = call->got.booking;
		call->asked.places = call->got.places = (struct record_places){ .seats = NULL };
		call->got.status = status;
		return call;
	}
	return NULL;
}

static bool
late_release(struct plant *p)
{
	struct record_call *release = ask_dead(p, RECORD_RELEASE, "RELEASED");

	if (release)
		release->got.expires_us = RECORD_ABSENT;
	return release;
}

static bool
late_get(struct plant *p)
{
	return ask_dead(p, RECORD_GET, "HOLD");
}

/* ---- rule 6 ---------------------------------------------------------------------------------- */

static bool
held_after_release(struct plant *p)
{
	const struct story *story;

	for (uint32_t booking = 0; (story = plant_next_timed(p, &booking));) {
		if (!story->release)
			continue;
		hold_again(p, story, plant_name(p, story->release)->done_us + 1000);
		return true;
	}
	return false;
}

const struct plant_kind plant_told[] = {
	{ "no-booking", 1, "a confirm was answered, and told of no booking", no_booking },
	{ "other-state", 1, "a hold was answered with a booking in another state", other_state },
	{ "no-deadline", 4, "a hold was answered without its deadline", no_deadline },
	{ "later-deadline", 4, "a hold was told a later deadline than it has", later_deadline },
	{ "expired-confirmed", 4, "a confirmed booking was said to have expired as a hold",
		expired_confirmed },
	{ "dead-again", 4, "a hold was said to be there after its deadline", dead_again },
	{ "late-release", 4, "a hold was released after its deadline", late_release },
	{ "late-get", 4, "a hold was shown after its deadline", late_get },
	{ "held-after-release", 6, "a hold was said to be there after its release",
		held_after_release },
	{ .name = NULL },
};
