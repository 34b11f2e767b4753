/*
 * Faults in what was refused without a reason, but for places: rules 3 and 5.
 */
#include "base/str.h"
#include "history/plant.h"

#define LONG_US 100000 /* by which a booking is left alone */

static const char planted_key[] = "planted";

struct record_call *
plant_refused(struct plant *p, size_t number, enum record_op op, const char *key, int64_t status,
	const char *problem)
{
	struct record_call call = *plant_call(p, number);

	call.op = op;
	call.key = key;
	plant_at(&call, call.done_us + 1000);
	call.status = status;
	call.problem = problem;
	call.got.booking = call.got.status = NULL;
	call.got.places = (struct record_places){ .seats = NULL };
	call.got.expires_us = RECORD_ABSENT;
	call.got.replayed = false;
	return plant_append(p, &call);
}

static bool
refused_cancel(struct plant *p)
{
	for (uint32_t i = 1; i <= p->bookings.count; i++) {
		size_t confirm = p->stories[i].confirm;

		if (!confirm || !plant_call(p, confirm)->asked.booking)
			continue;
		plant_name(p, confirm);
		plant_refused(p, confirm, RECORD_CANCEL, NULL, 409, "wrong-state");
		return true;
	}
	return false;
}

/* After a hold that was answered sales were open, but in their last moment. */
static bool
closed_sales(struct plant *p)
{
	size_t found = 0;

	for (size_t i = 1; i <= p->count; i++) {
		const struct record_call *call = plant_call(p, i);

		if (call->op == RECORD_HOLD && call->status == 201 &&
			(!found || call->sent_us > plant_call(p, found)->sent_us))
			found = i;
	}
	if (!found)
		return false;
	plant_refused(p, found, RECORD_HOLD, NULL, 409, "sales-closed");
	return true;
}

static bool
refused_key(struct plant *p)
{
	for (size_t i = 1; i <= p->count; i++) {
		const struct record_call *call = plant_call(p, i);

		if ((call->op != RECORD_CONFIRM && call->op != RECORD_RELEASE) || !call->key ||
			call->status != 200 || p->key_uses[names_find(&p->keys, call->key)] != 1)
			continue;
		plant_name(p, i);
		plant_refused(p, i, (enum record_op)call->op, call->key, 410, "hold-expired");
		return true;
	}
	return false;
}

/* ---- holds ----------------------------------------------------------------------------------- */

/* A hold that was granted, again, and refused so. */
static bool
refused_hold(struct plant *p, const char *key, int64_t status, const char *problem)
{
	for (size_t i = 1; i <= p->count; i++) {
		const struct record_call *call = plant_call(p, i);

		if (call->op != RECORD_HOLD || call->status != 201 || !call->user)
			continue;
		plant_refused(p, i, RECORD_HOLD, key, status, problem);
		return true;
	}
	return false;
}

static bool
no_reason(struct plant *p)
{
	return refused_hold(p, NULL, 409, NULL);
}

static bool
quick_busy(struct plant *p)
{
	return refused_hold(p, NULL, 409, "busy");
}

static bool
lost_event(struct plant *p)
{
	return refused_hold(p, NULL, 404, "not-found");
}

static bool
no_room(struct plant *p)
{
	for (size_t i = 1; i <= p->count; i++) {
		if (str_equal(plant_call(p, i)->problem, "queue-required"))
			return false;
	}
	return refused_hold(p, NULL, 403, "queue-required");
}

static bool
granted_invalid(struct plant *p)
{
	return refused_hold(p, NULL, 422, "invalid");
}

static bool
unused_key(struct plant *p)
{
	return refused_hold(p, planted_key, 422, "idempotency-key-reused");
}

static bool
nobody_in_flight(struct plant *p)
{
	return refused_hold(p, planted_key, 409, "idempotency-in-flight");
}

/* Not a seat is named, and none was anybody's yet. */
static bool
unnamed_refusal(struct plant *p)
{
	for (uint32_t i = 1; i <= p->places.count; i++) {
		size_t first = p->place_stories[i].first;
		struct record_call *refused;

		if (!first || plant_call(p, first)->status != 201 ||
			plant_call(p, first)->asked.places.seats_count == 0 ||
			plant_call(p, first)->asked.places.parts_count > 0)
			continue;
		refused = plant_refused(p, first, RECORD_HOLD, NULL, 409, "seats-unavailable");
		refused->asked.places.seats = plant_texts(p, names_text(&p->places, i));
		refused->asked.places.seats_count = 1;
		plant_at(refused, plant_call(p, first)->sent_us - 2000);
		return true;
	}
	return false;
}

/* The next seat after this place, from 0, that was asked for and given at once; 0: none. */
static uint32_t
next_given(const struct plant *p, uint32_t place)
{
	while (++place <= p->places.count) {
		size_t first = p->place_stories[place].first;

		if (first && plant_call(p, first)->status == 201 && plant_call(p, first)->user &&
			plant_call(p, first)->asked.places.parts_count == 0)
			return place;
	}
	return 0;
}

/* Before anybody asked for two seats two ask for both, and each is refused one of them. */
static bool
mutual_refusals(struct plant *p)
{
	uint32_t one = next_given(p, 0), other = one ? next_given(p, one) : 0;
	const char **pair = ARENA_ARRAY(p->arena, const char *, 2);
	struct record_call *refused;
	size_t first;

	if (!other)
		return false;
	first = p->place_stories[one].first;
	if (plant_call(p, p->place_stories[other].first)->sent_us < plant_call(p, first)->sent_us)
		first = p->place_stories[other].first;
	pair[0] = names_text(&p->places, one);
	pair[1] = names_text(&p->places, other);
	refused = plant_refused(p, first, RECORD_HOLD, NULL, 409, "seats-unavailable");
	plant_at(refused, plant_call(p, first)->sent_us - 2000);
	refused->asked.places = (struct record_places){ .seats = pair, .seats_count = 2 };
	refused->got.lost = &pair[0];
	refused->got.lost_count = 1;
	refused = plant_append(p, refused);
	refused->user = plant_other_user(p, refused->user);
	refused->got.lost = &pair[1];
	p->lines_count = 1; /* the other's finding is another one */
	return refused->user;
}

/* The next hold of seats alone, or of places of a section alone, that was answered 201; 0: none. */
static size_t
next_hold_of(const struct plant *p, size_t after, bool section)
{
	for (size_t i = after + 1; i <= p->count; i++) {
		const struct record_call *call = plant_call(p, i);

		if (call->op == RECORD_HOLD && call->status == 201 && call->user &&
			(call->asked.places.parts_count > 0) == section &&
			(call->asked.places.seats_count > 0) != section)
			return i;
	}
	return 0;
}

static bool
seats_of_section(struct plant *p)
{
	size_t hold = next_hold_of(p, 0, true);

	if (hold)
		plant_refused(p, hold, RECORD_HOLD, NULL, 409, "seats-unavailable");
	return hold;
}

static bool
sold_out_seats(struct plant *p)
{
	size_t hold = next_hold_of(p, 0, false);

	if (hold)
		plant_refused(p, hold, RECORD_HOLD, NULL, 409, "sold-out");
	return hold;
}

/* A moment after a seat was held it is refused, and this one is named. */
static bool
refused_naming(struct plant *p, size_t hold, const char *seat)
{
	struct record_call *refused =
		plant_refused(p, hold, RECORD_HOLD, NULL, 409, "seats-unavailable");

	refused->got.lost = plant_texts(p, seat);
	refused->got.lost_count = 1;
	return true;
}

static bool
other_seat(struct plant *p)
{
	size_t hold = next_hold_of(p, 0, false), other = hold;

	while (other && str_equal(plant_call(p, other)->asked.places.seats[0],
				plant_call(p, hold)->asked.places.seats[0]))
		other = next_hold_of(p, other, false);
	if (!other)
		return false;
	/* That one is held then, and the other is asked for. */
	refused_naming(p, hold, plant_call(p, hold)->asked.places.seats[0]);
	p->calls[p->count - 1].asked.places = (struct record_places){
		.seats = plant_texts(p, plant_call(p, other)->asked.places.seats[0]),
		.seats_count = 1,
	};
	return true;
}

static bool
unknown_seat(struct plant *p)
{
	size_t hold = next_hold_of(p, 0, false);

	return hold && refused_naming(p, hold, "no seat of this house");
}

/* The next hold with a key that no other call has; 0: none. */
static size_t
next_keyed(const struct plant *p, size_t after)
{
	do
		after = next_hold_of(p, after, false);
	while (after && (!plant_call(p, after)->key ||
				p->key_uses[names_find(&p->keys, plant_call(p, after)->key)] != 1));
	return after;
}

static bool
own_key(struct plant *p)
{
	size_t hold = next_keyed(p, 0);

	if (hold)
		plant_refused(p, hold, RECORD_HOLD, plant_name(p, hold)->key, 422,
			"idempotency-key-reused");
	return hold;
}

static bool
later_key(struct plant *p)
{
	size_t hold = next_keyed(p, 0);
	struct record_call *refused;

	if (!hold)
		return false;
	refused = plant_refused(
		p, hold, RECORD_HOLD, plant_name(p, hold)->key, 422, "idempotency-key-reused");
	refused->asked.places.seats = plant_texts(p, "another seat");
	refused->asked.places.seats_count = 1;
	plant_at(refused, plant_call(p, hold)->sent_us - 2000);
	return true;
}

static bool
told_anew(struct plant *p)
{
	size_t hold = next_keyed(p, 0);
	struct record_call *again;

	if (!hold)
		return false;
	plant_name(p, hold);
	again = plant_append(p, plant_call(p, hold));
	plant_at(again, again->done_us + 1000);
	again->status = 200;
	return true;
}

/* When nobody can be at work on it any more. */
static bool
refused_hold_key(struct plant *p)
{
	for (size_t i = 1; i <= p->count; i++) {
		const struct record_call *call = plant_call(p, i);
		struct record_call *refused;

		if (call->op != RECORD_HOLD || call->status != 201 || !call->key ||
			p->key_uses[names_find(&p->keys, call->key)] != 1)
			continue;
		plant_name(p, i);
		refused = plant_refused(p, i, RECORD_HOLD, call->key, 409, "limit-exceeded");
		plant_at(refused, refused->sent_us + PLANT_HOUR_US);
		return true;
	}
	return false;
}

/* ---- moves ----------------------------------------------------------------------------------- */

/* A move of a booking a moment after this call of it, refused so. */
static bool
refused_move(struct plant *p, size_t after, enum record_op op, int64_t status, const char *problem)
{
	const struct record_call *call = plant_name(p, after);
	const char *booking = call->asked.booking ? call->asked.booking : call->got.booking;
	struct record_call *refused = plant_refused(p, after, op, NULL, status, problem);

	refused->asked.booking = booking;
	refused->asked.places = (struct record_places){ .seats = NULL };
	return true;
}

static bool
needless_payment(struct plant *p)
{
	for (uint32_t i = 1; i <= p->bookings.count; i++) {
		if (p->stories[i].confirm)
			return refused_move(
				p, p->stories[i].confirm, RECORD_CONFIRM, 409, "payment-required");
	}
	return false;
}

/* Of a booking that nobody moved for a while after it was held. */
static bool
refused_held(struct plant *p, int64_t status, const char *problem)
{
	for (uint32_t i = 1; i <= p->bookings.count; i++) {
		const struct story *story = &p->stories[i];
		const struct record_call *hold = story->hold ? plant_call(p, story->hold) : NULL;

		if (!hold || story->unknown || hold->got.expires_us < hold->done_us + LONG_US ||
			(story->leave_sent_us != 0 &&
				story->leave_sent_us < hold->done_us + LONG_US))
			continue;
		return refused_move(p, story->hold, RECORD_CONFIRM, status, problem);
	}
	return false;
}

static bool
refused_confirm(struct plant *p)
{
	return refused_held(p, 409, "wrong-state");
}

static bool
own_forbidden(struct plant *p)
{
	return refused_held(p, 403, "forbidden");
}

const struct plant_kind plant_refusals[] = {
	{ "refused-cancel", 3, "a confirmed booking was in no state to be cancelled",
		refused_cancel },
	{ "refused-confirm", 3, "a hold was in no state to be confirmed", refused_confirm },
	{ "needless-payment", 3, "a confirmed booking was said to need a payment",
		needless_payment },
	{ "own-forbidden", 3, "a confirm of one's own hold was forbidden", own_forbidden },
	{ "closed-sales", 3, "sales were said to be closed, and were not", closed_sales },
	{ "unnamed-refusal", 3, "seats were refused that nobody had, and none was named",
		unnamed_refusal },
	{ "mutual-refusals", 3, "two holds of two seats were refused for each other",
		mutual_refusals },
	{ "no-reason", 3, "a hold was refused without a reason", no_reason },
	{ "quick-busy", 3, "a hold was refused for others at work, and had not waited",
		quick_busy },
	{ "nobody-in-flight", 3, "a key was in flight that nobody else had used",
		nobody_in_flight },
	{ "unused-key", 3, "a key was another request's, and had not been used", unused_key },
	{ "own-key", 3, "a key was another request's, and had made the same", own_key },
	{ "later-key", 3, "a key was another request's, which came later", later_key },
	{ "seats-of-section", 3, "seats were refused to a hold of places", seats_of_section },
	{ "sold-out-seats", 3, "a hold of seats was told that a section is sold out",
		sold_out_seats },
	{ "other-seat", 3, "a seat was refused that had not been asked for", other_seat },
	{ "unknown-seat", 3, "a seat was refused that there is not", unknown_seat },
	{ "granted-invalid", 3, "a hold was invalid, and the same had been granted",
		granted_invalid },
	{ "lost-event", 3, "a hold did not find the event", lost_event },
	{ "no-room", 3, "a hold was refused for a waiting room that there is not", no_room },
	{ "refused-hold-key", 5, "a hold was made, and refused under its key", refused_hold_key },
	{ "told-anew", 5, "a hold was made, and its key answered with what one has", told_anew },
	{ "refused-key", 5, "a move was done, and refused under its key", refused_key },
	{ .name = NULL },
};
