/*
 * Faults in lines: served out of their order, or without having joined, and refused for people who
 * did not wait, or shown when they are over, or told other reasons or positions. Rules 3, 4, 5, 7.
 */
#include "base/str.h"
#include "history/plant.h"

#define CLEAR_US 1000000 /* clocks differ by less */
#define MANY     1000000 /* more than stand in line */

/* What the calls say of one user in line. */
struct waiter {
	size_t join;   /* the first; calls by number from 1, 0: none */
	size_t served; /* the poll that told of the first booking */
	size_t again;  /* the one that told of the second */
	bool odd;      /* has done something else before being served */
};

static const char *
section_of(const struct record_call *join)
{
	return join->asked.places.parts_count == 1 ? join->asked.places.parts[0].section : "";
}

static void
see_join(const struct record_call *call, size_t number, struct waiter *waiter)
{
	bool stands = call->status == 202 && call->got.position != RECORD_ABSENT;

	if (!waiter->join) {
		waiter->join = number;
		waiter->odd = !stands || call->got.replayed || waiter->odd;
	} else if (!waiter->served) {
		waiter->odd = true;
	}
}

static void
see_poll(
	const struct plant *p, const struct record_call *call, size_t number, struct waiter *waiter)
{
	if (!str_equal(call->got.status, "reserved") || !call->got.booking ||
		call->got.expires_us == RECORD_ABSENT)
		return;
	if (!waiter->served)
		waiter->served = number;
	else if (!waiter->again &&
		 !str_equal(plant_call(p, waiter->served)->got.booking, call->got.booking))
		waiter->again = number;
}

/* By number of the user. */
static struct waiter *
find_waiters(struct plant *p)
{
	struct waiter *waiters = ARENA_ARRAY(p->arena, struct waiter, p->users.count + 1);

	for (size_t i = 1; i <= p->count; i++) {
		const struct record_call *call = plant_call(p, i);
		struct waiter *waiter = &waiters[names_find(&p->users, call->user)];

		if (!call->user)
			continue;
		if (call->op == RECORD_JOIN)
			see_join(call, i, waiter);
		else if (call->op == RECORD_POLL)
			see_poll(p, call, i, waiter);
		else if ((call->op == RECORD_HOLD || call->op == RECORD_LEAVE) && !waiter->served)
			waiter->odd = true;
	}
	return waiters;
}

/* ---- rule 7 ---------------------------------------------------------------------------------- */

/* For the sort. */
static const struct plant *sorted;

/* By section, and then by when they were served. */
static int
by_section_and_turn(const void *left, const void *right)
{
	const struct waiter *a = left, *b = right;
	int order = strcmp(
		section_of(plant_call(sorted, a->join)), section_of(plant_call(sorted, b->join)));
	int64_t a_us = plant_call(sorted, a->served)->got.expires_us;
	int64_t b_us = plant_call(sorted, b->served)->got.expires_us;

	return order ? order : (a_us > b_us) - (a_us < b_us);
}

/* Whoever was served later had joined first. */
static bool
overtaken(struct plant *p)
{
	struct waiter *waiters = find_waiters(p), *first = NULL;
	size_t count = 0;

	for (uint32_t i = 1; i <= p->users.count; i++) {
		if (waiters[i].join && waiters[i].served && !waiters[i].odd)
			waiters[count++] = waiters[i];
	}
	sorted = p;
	qsort(waiters, count, sizeof(*waiters), by_section_and_turn);
	for (size_t i = 0; i < count; i++) {
		const struct record_call *join = plant_call(p, waiters[i].join), *before;
		struct record_call *moved;

		before = first ? plant_call(p, first->join) : NULL;
		if (!before || !str_equal(section_of(before), section_of(join)) ||
			before->asked.places.parts[0].quantity <
				join->asked.places.parts[0].quantity) {
			first = &waiters[i];
			continue;
		}
		/* With one deadline they may have been served at once. */
		if (plant_call(p, waiters[i].served)->got.expires_us ==
			plant_call(p, first->served)->got.expires_us)
			continue;
		plant_name(p, first->join);
		moved = plant_change(p, waiters[i].join);
		plant_at(moved, before->sent_us - CLEAR_US);
		return true;
	}
	return false;
}

/* Their joins, from this call on, were all refused. */
static void
refuse_joins(struct plant *p, const char *user, size_t from)
{
	for (size_t i = from; i <= p->count; i++) {
		struct record_call *call = &p->calls[i - 1];

		if (call->op != RECORD_JOIN || !str_equal(call->user, user))
			continue;
		call->status = 429;
		call->problem = "rate-limited";
		call->got.position = RECORD_ABSENT;
		call->got.replayed = false;
	}
}

static bool
unjoined(struct plant *p)
{
	const struct waiter *waiters = find_waiters(p);

	for (uint32_t i = 1; i <= p->users.count; i++) {
		if (!waiters[i].join || !waiters[i].served)
			continue;
		refuse_joins(p, names_text(&p->users, i), waiters[i].join);
		plant_name(p, waiters[i].served);
		return true;
	}
	return false;
}

static bool
served_twice(struct plant *p)
{
	const struct waiter *waiters = find_waiters(p);

	for (uint32_t i = 1; i <= p->users.count; i++) {
		if (!waiters[i].join || !waiters[i].again || waiters[i].odd)
			continue;
		refuse_joins(p, names_text(&p->users, i), waiters[i].join + 1);
		plant_name(p, waiters[i].again);
		return true;
	}
	return false;
}

static bool
too_far_back(struct plant *p)
{
	for (size_t i = 1; i <= p->count; i++) {
		const struct record_call *call = plant_call(p, i);

		if (call->op != RECORD_JOIN || call->status != 202 || !call->user ||
			call->got.position == RECORD_ABSENT || call->got.replayed)
			continue;
		plant_change(p, i)->got.position += MANY;
		return true;
	}
	return false;
}

/* A join that is told again of what was done under its key. */
static bool
other_position(struct plant *p)
{
	for (size_t i = 1; i <= p->count; i++) {
		const struct record_call *call = plant_call(p, i);

		if (call->op != RECORD_JOIN || call->status != 202 || !call->user || !call->key ||
			call->got.position == RECORD_ABSENT || !call->got.replayed)
			continue;
		plant_change(p, i)->got.position++;
		return true;
	}
	return false;
}

/* A moment after places of a section alone were given, its line is joined, and refused so. */
static bool
refused_join(struct plant *p, const char *problem)
{
	for (size_t i = p->count; i > 0; i--) {
		const struct record_call *call = plant_call(p, i);

		if (call->op != RECORD_HOLD || call->status != 201 || !call->user ||
			!*section_of(call) || call->asked.places.seats_count > 0)
			continue;
		plant_refused(p, i, RECORD_JOIN, NULL, 409, problem);
		return true;
	}
	return false;
}

static bool
closed_join(struct plant *p)
{
	return refused_join(p, "sales-closed");
}

static bool
quick_join(struct plant *p)
{
	return refused_join(p, "busy");
}

static bool
sold_out_join(struct plant *p)
{
	return refused_join(p, "sold-out");
}

/* In a section in whose line nobody stood. */
static bool
no_line(struct plant *p)
{
	size_t hold = 0;
	struct record_call *join;

	for (size_t i = 1; i <= p->count; i++) {
		const struct record_call *call = plant_call(p, i);

		if (call->op == RECORD_JOIN)
			return false;
		if (call->op == RECORD_HOLD && call->status == 201 && call->user &&
			*section_of(call))
			hold = i;
	}
	if (!hold)
		return false;
	join = plant_refused(p, hold, RECORD_JOIN, NULL, 202, NULL);
	join->got.position = 1;
	return true;
}

/* A moment after a line was left, this token's place in it. */
static bool
waits_again(struct plant *p)
{
	for (size_t i = 1; i <= p->count; i++) {
		const struct record_call *call = plant_call(p, i);
		struct record_call *poll;

		if (call->op != RECORD_LEAVE || call->status != 204 || !call->asked.token)
			continue;
		plant_name(p, i);
		poll = plant_append(p, call);
		poll->op = RECORD_POLL;
		plant_at(poll, poll->done_us + 1000);
		poll->key = NULL;
		poll->status = 200;
		poll->got.status = "waiting";
		poll->got.position = 1;
		return true;
	}
	return false;
}

/* By somebody who has not joined anything yet. */
static bool
lost_leave(struct plant *p)
{
	for (size_t i = 1; i <= p->count; i++) {
		const struct record_call *call = plant_call(p, i);
		struct record_call *leave;

		if (call->op != RECORD_JOIN || !call->user)
			continue;
		leave = plant_append(p, call);
		leave->op = RECORD_LEAVE;
		plant_at(leave, leave->sent_us - PLANT_HOUR_US);
		leave->key = NULL;
		leave->asked.places = (struct record_places){ .seats = NULL };
		leave->asked.token = "planted";
		leave->status = 204;
		leave->problem = NULL;
		leave->got.position = RECORD_ABSENT;
		leave->got.replayed = false;
		return true;
	}
	return false;
}

/* ---- rules 3 to 5 --------------------------------------------------------------------------- */

/* An hour before anybody joined the line of a section, it was kept for those in it. */
static bool
kept_for_nobody(struct plant *p)
{
	int64_t *joined = ARENA_ARRAY(p->arena, int64_t, p->places.count + 1);

	for (size_t i = 1; i <= p->count; i++) {
		const struct record_call *call = plant_call(p, i);
		int64_t *first = &joined[names_find(&p->places, section_of(call))];

		if (call->op == RECORD_JOIN && (*first == 0 || call->sent_us < *first))
			*first = call->sent_us;
	}
	for (size_t i = 1; i <= p->count; i++) {
		const struct record_call *call = plant_call(p, i);
		int64_t first = joined[names_find(&p->places, section_of(call))];
		struct record_call *refused;

		if (call->op != RECORD_HOLD || call->asked.places.seats_count > 0 ||
			!*section_of(call) || first == 0)
			continue;
		refused = plant_refused(p, i, RECORD_HOLD, NULL, 409, "sold-out");
		plant_at(refused, first - PLANT_HOUR_US);
		return true;
	}
	return false;
}

/* What was served, an hour after its deadline. */
static bool
late_poll(struct plant *p)
{
	for (size_t i = 1; i <= p->count; i++) {
		const struct record_call *call = plant_call(p, i);
		struct record_call *again;

		if (call->op != RECORD_POLL || !str_equal(call->got.status, "reserved") ||
			call->got.expires_us == RECORD_ABSENT)
			continue;
		plant_name(p, i);
		again = plant_append(p, call);
		plant_at(again, again->got.expires_us + PLANT_HOUR_US);
		return true;
	}
	return false;
}

const struct plant_kind plant_lines[] = {
	{ "kept-for-nobody", 3, "places were kept for those in line, and nobody was",
		kept_for_nobody },
	{ "closed-join", 3, "a join was told that sales were closed, and they were not",
		closed_join },
	{ "quick-join", 3, "a join was refused for others at work, and had not waited",
		quick_join },
	{ "sold-out-join", 3, "a join was told that the section is sold out", sold_out_join },
	{ "other-position", 5, "a repeated join was told another position", other_position },
	{ "late-poll", 4, "a place that was served was shown as held after its deadline",
		late_poll },
	{ "overtaken", 7, "who had joined a line before was served after", overtaken },
	{ "unjoined", 7, "somebody was served who had not joined the line", unjoined },
	{ "served-twice", 7, "somebody who joined once was served twice", served_twice },
	{ "too-far-back", 7, "a place in line was further back than anybody stood", too_far_back },
	{ "no-line", 7, "somebody stood in a line that there is not", no_line },
	{ "waits-again", 7, "a place that had been left was told to wait", waits_again },
	{ "lost-leave", 7, "a leave was answered and is not there", lost_leave },
	{ .name = NULL },
};
