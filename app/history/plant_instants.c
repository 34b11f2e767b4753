/*
 * Faults in when something was: two owners at once, refusals without a reason, deadlines that did
 * not count, time that goes backwards. Rules 2, 3, 4 and 6.
 */
#include "base/str.h"
#include "history/plant.h"

#define SHORT_US 250000  /* clocks differ */
#define MANY     1000000 /* more than a section has, or a buyer may have */

static const struct record_places nowhere;

/* An instant at which the booking was certainly held: halfway. 0: it was held too shortly. */
static int64_t
middle(const struct plant *p, const struct story *story)
{
	const struct record_call *hold = plant_call(p, story->hold);
	int64_t end_us = hold->got.expires_us;

	if (story->leave_sent_us != 0 && story->leave_sent_us < end_us)
		end_us = story->leave_sent_us;
	if (end_us - hold->done_us < SHORT_US)
		return 0;
	return hold->done_us + (end_us - hold->done_us) / 2;
}

/* ---- rule 2 ---------------------------------------------------------------------------------- */

/* A second hold of these places, while a booking has them; by another buyer, if there is one. */
static bool
append_second(struct plant *p, const struct story *story, struct record_places places, bool same)
{
	struct record_call second = *plant_call(p, story->hold);
	const char *other = same ? NULL : plant_other_user(p, second.user);

	plant_name(p, story->hold);
	second.asked.places = second.got.places = places;
	second.key = NULL;
	second.user = other ? other : second.user;
	plant_at(&second, middle(p, story));
	second.got.booking = plant_booking(p);
	second.got.expires_us += second.done_us - plant_call(p, story->hold)->done_us;
	plant_append(p, &second);
	return true;
}

/* Of a booking of `least` to `most` seats its last one. */
static bool
two_owners_of(struct plant *p, size_t least, size_t most)
{
	const struct story *story;

	for (uint32_t booking = 0; (story = plant_next_timed(p, &booking));) {
		const struct record_call *hold = plant_call(p, story->hold);
		struct record_places places = hold->asked.places;

		if (places.seats_count < least || places.seats_count > most ||
			middle(p, story) == 0)
			continue;
		places = (struct record_places){
			.seats = &places.seats[places.seats_count - 1],
			.seats_count = 1,
		};
		return append_second(p, story, places, false);
	}
	return false;
}

static bool
two_owners(struct plant *p)
{
	return two_owners_of(p, 1, 1);
}

static bool
two_owners_pair(struct plant *p)
{
	return two_owners_of(p, 2, RECORD_SEATS_MAX);
}

static struct record_places
many_of(struct plant *p, const char *section)
{
	struct record_part *part = ARENA_NEW(p->arena, struct record_part);

	*part = (struct record_part){ section, MANY };
	return (struct record_places){ .parts = part, .parts_count = 1 };
}

static bool
over_capacity(struct plant *p)
{
	const struct story *story;

	for (uint32_t booking = 0; (story = plant_next_timed(p, &booking));) {
		const struct record_call *hold = plant_call(p, story->hold);

		if (hold->asked.places.parts_count == 0 || middle(p, story) == 0)
			continue;
		return append_second(
			p, story, many_of(p, hold->asked.places.parts[0].section), false);
	}
	return false;
}

static bool
is_limited(const struct plant *p)
{
	for (size_t i = 0; i < p->count; i++) {
		if (str_equal(p->calls[i].problem, "limit-exceeded"))
			return true;
	}
	return false;
}

static bool
over_limit(struct plant *p)
{
	const struct story *story;

	for (uint32_t booking = 0; is_limited(p) && (story = plant_next_timed(p, &booking));) {
		if (middle(p, story) == 0)
			continue;
		return append_second(p, story, many_of(p, "planted"), true);
	}
	return false;
}

/* ---- rule 3 ---------------------------------------------------------------------------------- */

/* A hold of one place, refused. */
static void
append_refusal(struct plant *p, const struct record_call *like, int64_t us, const char *problem)
{
	struct record_call refused = *like;
	const char *other = plant_other_user(p, like->user);

	if (other && strcmp(problem, "limit-exceeded") != 0)
		refused.user = other;
	plant_at(&refused, us);
	refused.key = NULL;
	refused.status = 409;
	refused.problem = problem;
	refused.got.booking = refused.got.status = NULL;
	refused.got.places = nowhere;
	refused.got.expires_us = RECORD_ABSENT;
	refused.got.replayed = false;
	if (strcmp(problem, "seats-unavailable") == 0) {
		refused.got.lost = refused.asked.places.seats;
		refused.got.lost_count = refused.asked.places.seats_count;
	}
	plant_append(p, &refused);
}

/* The hold of a place, of this place alone. */
static struct record_call
hold_of(struct plant *p, const struct record_call *hold, const char *name, bool is_seat)
{
	struct record_call call = *hold;
	struct record_part *part = ARENA_NEW(p->arena, struct record_part);

	*part = (struct record_part){ name, 1 };
	call.asked.places = nowhere;
	if (is_seat)
		call.asked.places.seats = plant_texts(p, name);
	else
		call.asked.places.parts = part;
	call.asked.places.seats_count = is_seat;
	call.asked.places.parts_count = !is_seat;
	return call;
}

static bool
asks_for_seat(const struct record_call *call, const char *name)
{
	for (size_t i = 0; i < call->asked.places.seats_count; i++) {
		if (strcmp(call->asked.places.seats[i], name) == 0)
			return true;
	}
	return false;
}

/* A moment before anybody asked for a place, and was given it. */
static bool
refused_before(struct plant *p, bool seats, const char *problem)
{
	for (uint32_t i = 1; i <= p->places.count; i++) {
		const struct place_story *story = &p->place_stories[i];
		const char *name = names_text(&p->places, i);
		struct record_call hold;

		if (!story->first)
			continue;
		hold = *plant_call(p, story->first);
		if (hold.status != 201 || asks_for_seat(&hold, name) != seats)
			continue;
		hold = hold_of(p, &hold, name, seats);
		append_refusal(p, &hold, hold.sent_us - 2000, problem);
		return true;
	}
	return false;
}

static bool
unjustified_refusal(struct plant *p)
{
	return refused_before(p, true, "seats-unavailable");
}

static bool
unjustified_sold_out(struct plant *p)
{
	return refused_before(p, false, "sold-out");
}

/* A seat that one booking had for a time, and no other call could have. */
static bool
refused_later(struct plant *p, bool released)
{
	for (uint32_t i = 1; i <= p->places.count; i++) {
		const struct place_story *place = &p->place_stories[i];
		const char *name = names_text(&p->places, i);
		const struct story *story;
		struct record_call hold;

		if (place->holds != 1 || place->confirmed || place->odd)
			continue;
		hold = *plant_call(p, place->first);
		if (hold.status != 201 || !asks_for_seat(&hold, name))
			continue;
		story = &p->stories[names_find(&p->bookings, hold.got.booking)];
		if ((story->release != 0) != released || story->unknown)
			continue;
		plant_name(p, place->first);
		hold = hold_of(p, &hold, name, true);
		append_refusal(p, &hold,
			released ? plant_call(p, story->release)->done_us + PLANT_HOUR_US
				 : place->expires_us + PLANT_HOUR_US,
			"seats-unavailable");
		return true;
	}
	return false;
}

static bool
refused_after_expiry(struct plant *p)
{
	return refused_later(p, false);
}

static bool
refused_after_release(struct plant *p)
{
	return refused_later(p, true);
}

static bool
unjustified_limit(struct plant *p)
{
	for (uint32_t i = 1; i <= p->users.count; i++) {
		struct record_call hold;

		if (!p->user_first[i])
			continue;
		hold = *plant_call(p, p->user_first[i]);
		if (hold.asked.places.seats_count > 0)
			hold = hold_of(p, &hold, hold.asked.places.seats[0], true);
		else if (hold.asked.places.parts_count > 0)
			hold = hold_of(p, &hold, hold.asked.places.parts[0].section, false);
		append_refusal(p, &hold, hold.sent_us - 2000, "limit-exceeded");
		return true;
	}
	return false;
}

/* ---- rule 4 ---------------------------------------------------------------------------------- */

static bool
late_confirm(struct plant *p)
{
	const struct story *story;

	for (uint32_t booking = 0; (story = plant_next_timed(p, &booking));) {
		if (!story->confirm || story->confirms > 1)
			continue;
		plant_at(plant_change(p, story->confirm),
			plant_call(p, story->hold)->got.expires_us + PLANT_HOUR_US);
		return true;
	}
	return false;
}

static bool
outlived_hold(struct plant *p)
{
	uint32_t booking = 0;
	const struct story *story = plant_next_timed(p, &booking);

	if (!story || p->head.hold_ms == 0)
		return false;
	plant_change(p, story->hold)->got.expires_us += PLANT_HOUR_US;
	return true;
}

static bool
short_hold(struct plant *p)
{
	const struct story *story;

	for (uint32_t booking = 0;
		p->head.hold_ms > 0 && (story = plant_next_timed(p, &booking));) {
		const struct record_call *hold = plant_call(p, story->hold);

		/* A repeat tells of an earlier call. */
		if (hold->got.replayed ||
			(hold->key && p->key_uses[names_find(&p->keys, hold->key)] > 1))
			continue;
		plant_change(p, story->hold)->got.expires_us = hold->sent_us + 1;
		return true;
	}
	return false;
}

static bool
early_expiry(struct plant *p)
{
	uint32_t booking = 0;
	const struct story *story = plant_next_timed(p, &booking);
	struct record_call refused;

	if (!story)
		return false;
	refused = *plant_name(p, story->hold);
	plant_at(&refused, refused.done_us + 1000);
	refused.op = RECORD_CONFIRM;
	refused.key = NULL;
	refused.asked.booking = refused.got.booking;
	refused.asked.places = refused.got.places = nowhere;
	refused.status = 410;
	refused.problem = "hold-expired";
	refused.got.booking = refused.got.status = NULL;
	refused.got.expires_us = RECORD_ABSENT;
	plant_append(p, &refused);
	return true;
}

/* ---- rule 6 ---------------------------------------------------------------------------------- */

/* What cannot follow, an hour after what it cannot follow. */
static bool
append_later(struct plant *p, size_t number, enum record_op op, const char *status)
{
	struct record_call call;

	if (!number)
		return false;
	call = *plant_name(p, number);
	plant_at(&call, call.done_us + PLANT_HOUR_US);
	call.op = op;
	call.key = NULL;
	call.asked.places = call.got.places = nowhere;
	call.got.status = status;
	call.got.expires_us = RECORD_ABSENT;
	call.got.replayed = false;
	plant_append(p, &call);
	return true;
}

static bool
confirm_after_release(struct plant *p)
{
	for (uint32_t i = 1; i <= p->bookings.count; i++) {
		if (append_later(p, p->stories[i].release, RECORD_CONFIRM, "CONFIRMED"))
			return true;
	}
	return false;
}

static bool
confirm_after_cancel(struct plant *p)
{
	for (uint32_t i = 1; i <= p->bookings.count; i++) {
		size_t cancel = p->stories[i].cancel;

		/* A cancel of a part leaves it confirmed. */
		if (cancel && str_equal(plant_call(p, cancel)->got.status, "CANCELLED"))
			return append_later(p, cancel, RECORD_CONFIRM, "CONFIRMED");
	}
	return false;
}

static bool
release_after_confirm(struct plant *p)
{
	for (uint32_t i = 1; i <= p->bookings.count; i++) {
		if (append_later(p, p->stories[i].confirm, RECORD_RELEASE, "RELEASED"))
			return true;
	}
	return false;
}

static bool
stale_get(struct plant *p)
{
	for (uint32_t i = 1; i <= p->bookings.count; i++) {
		if (append_later(p, p->stories[i].confirm, RECORD_GET, "HOLD"))
			return true;
	}
	return false;
}

static bool
stale_map(struct plant *p)
{
	struct record_call stale;
	size_t newest = 0;

	for (size_t i = 0; i < p->count; i++) {
		const struct record_call *map = &p->calls[i];

		if (map->op == RECORD_MAP && map->status == 200 && map->user &&
			map->got.version % 2 == 0 &&
			map->got.version > (newest ? plant_call(p, newest)->got.version : 0))
			newest = i + 1;
	}
	if (!newest)
		return false;
	stale = *plant_name(p, newest);
	plant_at(&stale, p->end_us + PLANT_HOUR_US);
	stale.got.version -= 2;
	plant_append(p, &stale);
	return true;
}

const struct plant_kind plant_instants[] = {
	{ "two-owners", 2, "a seat was owned by two at once", two_owners },
	{ "two-owners-pair", 2, "one seat of several was owned by two at once", two_owners_pair },
	{ "over-capacity", 2, "more places of a section were owned than it has", over_capacity },
	{ "over-limit", 2, "a buyer had more places at once than is allowed", over_limit },
	{ "unjustified-refusal", 3, "a seat was refused that nobody had", unjustified_refusal },
	{ "refused-after-expiry", 3, "a seat was refused for a hold that was dead",
		refused_after_expiry },
	{ "refused-after-release", 3, "a seat was refused that had been given back",
		refused_after_release },
	{ "unjustified-sold-out", 3, "a section was sold out, and had places",
		unjustified_sold_out },
	{ "unjustified-limit", 3, "a buyer was over the limit, and had nothing",
		unjustified_limit },
	{ "late-confirm", 4, "a hold was confirmed after its deadline", late_confirm },
	{ "outlived-hold", 4, "a hold was given a life too long", outlived_hold },
	{ "short-hold", 4, "a hold was given a life too short", short_hold },
	{ "early-expiry", 4, "a hold was dead before its deadline", early_expiry },
	{ "confirm-after-release", 6, "a booking was confirmed after it was released",
		confirm_after_release },
	{ "confirm-after-cancel", 6, "a booking was confirmed after it was cancelled",
		confirm_after_cancel },
	{ "release-after-confirm", 6, "a booking was released after it was confirmed",
		release_after_confirm },
	{ "stale-get", 6, "a booking was shown as held after it was confirmed", stale_get },
	{ "stale-map", 6, "a map went back in time", stale_map },
	{ .name = NULL },
};
