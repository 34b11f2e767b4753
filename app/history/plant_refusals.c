/*
 * Faults in moves and sales that were refused without a reason: rules 3 and 5.
 */
#include "history/plant.h"

struct record_call *
plant_refused(struct plant *p, size_t number, enum record_op op, const char *key, int64_t status,
	const char *problem)
{
	struct record_call call = *plant_call(p, number);

	call.op = op;
	call.key = key;
	call.due_us = call.sent_us = call.done_us + 1000;
	call.done_us += 2000;
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

const struct plant_kind plant_refusals[] = {
	{ "refused-cancel", 3, "a confirmed booking was in no state to be cancelled",
		refused_cancel },
	{ "closed-sales", 3, "sales were said to be closed, and were not", closed_sales },
	{ "refused-key", 5, "a move was done, and refused under its key", refused_key },
	{ .name = NULL },
};
