/*
 * A buyer: the account first, then the script, step by step.
 */
#include "base/clock.h"
#include "load/crowd.h"

#define PATIENCE_US  50000  /* least time before asking again */
#define IDLE_US      50000  /* after a round in which nothing was asked */
#define ENTER_TRIES  30     /* of one step to an account, before the run */
#define ENTER_WAIT_S 3600   /* longest that a server may ask to wait for an account */
#define SOLD_WAIT_US 500000 /* before looking again where nothing is free */

static int64_t
chance(struct buyer *b, int64_t least, int64_t most)
{
	return picture_chance(&b->random, least, most);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void
on_time(struct timer *timer)
{
	struct buyer *b = (struct buyer *)(void *)((char *)timer - offsetof(struct buyer, timer));

	b->then(b);
}

void
buyer_wait(struct buyer *b, enum buyer_state state, int64_t us, void (*then)(struct buyer *b))
{
	b->state = state;
	b->then = then;
	timer_set(&b->crowd->loop, &b->timer, clock_monotonic_us() + us);
}

/* ---- the account ----------------------------------------------------------------------------- */

static int64_t
now_s(const struct buyer *b)
{
	return (clock_monotonic_us() + b->crowd->anchor_us) / 1000000;
}

static void
enter_step(struct buyer *b)
{
	struct crowd *crowd = b->crowd;
	struct request request;
	struct str text;

	if (b->entering == ACCOUNT_READY) {
		b->in(b);
		return;
	}
	if (b->entering == ACCOUNT_FAILED || crowd->over) {
		if (!crowd->over && !crowd->failed)
			crowd->failed = "an account could not be registered or logged in";
		buyer_leave(b);
		return;
	}
	account_ask(b->account, b->entering, crowd->arena, &request);
	str_init(&text, crowd->arena);
	request_write(&text, &crowd->target, &request);
	b->state = BUYER_ENTERING;
	b->call = (struct call){ .op = b->entering == ACCOUNT_REGISTER ? RECORD_REGISTER
								       : RECORD_LOGIN,
		.due_us = clock_monotonic_us() };
	wire_send(&b->wire, text.data, text.len);
}

void
buyer_enter(struct buyer *b, void (*in)(struct buyer *b))
{
	b->in = in;
	b->failures = 0;
	b->entering = account_next(b->account, now_s(b));
	enter_step(b);
}

/*
 * The same once more, when the server wants it. Before the run it must work one day; in it, its end
 * is the end of that, too.
 */
static void
enter_again(struct buyer *b, int status)
{
	struct crowd *crowd = b->crowd;
	int64_t wait_s = status != 0 ? b->wire.answer.retry_after_s : 0;
	int64_t wait_us = wait_s > 0 ? wait_s * 1000000 : PATIENCE_US;

	if (status == 429)
		b->failures = 0;
	else
		b->failures++;
	if (wait_s > ENTER_WAIT_S)
		crowd->failed = "the server asks to wait for longer than an hour";
	else if (b->failures >= ENTER_TRIES && b->in != call_resume)
		crowd->failed = "the server fails again and again";
	if (crowd->failed || crowd->over)
		buyer_leave(b);
	else
		buyer_wait(b, BUYER_ENTERING, wait_us + chance(b, 0, 4 * PATIENCE_US), enter_step);
}

static void
enter_hear(struct buyer *b)
{
	struct crowd *crowd = b->crowd;
	struct heard heard;

	hear_read(b, &heard);
	if ((b->entering == ACCOUNT_REGISTER && heard.status == 201) ||
		(b->entering == ACCOUNT_WHO && heard.status == 200))
		heard.record.user = ask_id(heard.json, "user_id");
	tally_answer(crowd->tally, b->call.op, heard.status, b->wire.done_us - b->call.due_us);
	if (crowd->record)
		record_call(crowd->record, &heard.record);
	if (heard.status == 0 || heard.status == 429 || heard.status >= 500) {
		enter_again(b, heard.status);
		return;
	}
	b->failures = 0;
	b->entering = account_hear(b->account, b->entering, heard.status, heard.json, now_s(b));
	enter_step(b);
}

/* ---- the script ------------------------------------------------------------------------------ */

void
buyer_leave(struct buyer *b)
{
	if (b->state == BUYER_GONE)
		return;
	b->state = BUYER_GONE;
	timer_clear(&b->crowd->loop, &b->timer);
	b->crowd->present--;
}

void
buyer_begin(struct buyer *b, int64_t due_us)
{
	b->step = 0;
	b->round_calls = b->calls;
	b->held = HELD_NOTHING;
	b->ticket[0] = '\0';
	b->seats_count = 0;
	b->section = NULL;
	buyer_go_on(b, due_us);
}

static void
begin_again(struct buyer *b)
{
	buyer_begin(b, b->timer.due_us);
}

void
buyer_end_round(struct buyer *b)
{
	struct crowd *crowd = b->crowd;
	const struct scenario *s = crowd->scenario;

	b->rounds++;
	if (crowd->over || (s->until_sold_out && b->sold_out) ||
		(s->rounds > 0 && b->rounds >= s->rounds && !crowd->rested)) {
		buyer_leave(b);
	} else if (crowd->rested) {
		b->state = BUYER_AWAY;
		crowd->rested(b);
	} else {
		/* By the loop, not from here: rounds without an end must not nest. */
		buyer_wait(
			b, BUYER_THINKING, b->calls == b->round_calls ? IDLE_US : 0, begin_again);
	}
}

static void
go_on_in_time(struct buyer *b)
{
	buyer_go_on(b, b->timer.due_us);
}

/* Seats or places; false: nothing could be picked. */
static bool
pick(struct buyer *b, const struct step *step)
{
	struct stage *stage = &b->crowd->stage;
	size_t wanted = (size_t)chance(b, step->least, step->most), fitting = 0;

	if (stage->most > 0 && wanted > (size_t)stage->most)
		wanted = (size_t)stage->most;
	b->seats_count = 0;
	b->section = NULL;
	if (step->kind == STEP_PICK) {
		b->seats_count = picture_pick(
			&b->picture, stage, step, wanted, b->number, &b->random, b->seats);
		return b->seats_count > 0;
	}
	b->quantity = (int64_t)wanted;
	if (step->section) {
		b->section = stage_section(stage, step->section);
		return b->section != NULL;
	}
	for (size_t i = 0; i < stage->sections_count; i++) {
		if (stage->sections[i].seated && step->kind != STEP_QUEUE)
			continue;
		/* Each as likely as the others. */
		if (chance(b, 0, (int64_t)fitting++) == 0)
			b->section = &stage->sections[i];
	}
	return b->section != NULL;
}

/* Requests again what was answered with 2xx; what was not is judged anew, and is no replay. */
static bool
retry(struct buyer *b, int64_t due_us)
{
	if (!*b->call.key || b->call.first_status < 200 || b->call.first_status > 299 ||
		(b->call.op == RECORD_HOLD && b->call.first_status != 201))
		return false;
	call_repeat(b, due_us);
	return true;
}

/* Does one step. True: it goes on from here later; false: the next step follows. */
static bool
do_step(struct buyer *b, const struct step *step, int64_t due_us)
{
	bool seats = b->crowd->stage.seats_count > 0 && scenario_wants_seats(b->crowd->scenario);

	switch (step->kind) {
	case STEP_BROWSE:
		call_begin(b, seats ? RECORD_MAP : RECORD_AVAILABILITY, due_us);
		return true;
	case STEP_PICK:
	case STEP_PLACES:
		if (pick(b, step))
			return false;
		if (b->sold_out || b->crowd->over || b->crowd->rested)
			buyer_end_round(b);
		else
			buyer_wait(b, BUYER_THINKING, SOLD_WAIT_US + chance(b, 0, SOLD_WAIT_US),
				buyer_end_round);
		return true;
	case STEP_THINK:
		b->state = BUYER_THINKING;
		b->then = go_on_in_time;
		timer_set(&b->crowd->loop, &b->timer,
			due_us + (int64_t)(1000.0 * (double)chance(b, step->least, step->most) /
					   b->crowd->speed));
		return true;
	case STEP_HOLD:
		if (b->seats_count == 0 && !b->section)
			return false;
		call_begin(b, RECORD_HOLD, due_us);
		return true;
	case STEP_CONFIRM:
	case STEP_RELEASE:
		if (b->held != HELD_HOLD)
			return false;
		call_begin(b, step->kind == STEP_CONFIRM ? RECORD_CONFIRM : RECORD_RELEASE, due_us);
		return true;
	case STEP_CANCEL:
		if (b->held != HELD_CONFIRMED)
			return false;
		call_begin(b, RECORD_CANCEL, due_us);
		return true;
	case STEP_RETRY:
		return retry(b, due_us);
	case STEP_QUEUE:
		if (!pick(b, step))
			return false;
		call_begin(b, RECORD_JOIN, due_us);
		return true;
	case STEP_ABANDON:
		buyer_end_round(b);
		return true;
	default:
		buyer_leave(b);
		return true;
	}
}

void
buyer_go_on(struct buyer *b, int64_t due_us)
{
	const struct scenario *s = b->crowd->scenario;

	while (!b->crowd->over && b->step < s->steps_count) {
		const struct step *step = &s->steps[b->step++];

		if (step->percent < 100 && chance(b, 0, 99) >= step->percent)
			continue;
		if (do_step(b, step, due_us))
			return;
	}
	buyer_end_round(b);
}

/* ---- each ------------------------------------------------------------------------------------ */

static void
on_done(struct wire *wire)
{
	struct buyer *b = (struct buyer *)(void *)((char *)wire - offsetof(struct buyer, wire));

	arena_reset(b->crowd->arena);
	if (b->state == BUYER_ENTERING)
		enter_hear(b);
	else
		call_done(b);
}

void
buyer_init(struct buyer *b, struct crowd *crowd, int64_t number)
{
	*b = (struct buyer){ .crowd = crowd,
		.account = &crowd->accounts[number],
		.number = number,
		.random = picture_stream(crowd->seed, number),
		.timer = { .fire = on_time } };
	wire_init(&b->wire, &crowd->loop, &crowd->target);
	b->wire.done = on_done;
}

void
buyer_release(struct buyer *b)
{
	wire_release(&b->wire);
	picture_release(&b->picture);
}
