/*
 * From when to when calls may have been at work, asked by whose they were: a user's, or a key's.
 */
#include "history/history.h"

int64_t
call_reach(const struct history *h, const struct call *call)
{
	return call->done_us + (call_unknown(call) ? TRANSACTION_US + h->drift_us : 0);
}

static int
by_owner_and_sent(const void *left, const void *right)
{
	const struct act *a = left, *b = right;

	if (a->owner != b->owner)
		return a->owner < b->owner ? -1 : 1;
	return (a->sent_us > b->sent_us) - (a->sent_us < b->sent_us);
}

void
acts_add(const struct history *h, struct acts *acts, uint32_t owner, const struct call *call)
{
	if (call->status == 400 || call->status == 401 || call->status == 429)
		return;
	acts->list = grow_array(acts->list, sizeof(*acts->list), &acts->room, acts->count + 1);
	acts->list[acts->count++] = (struct act){
		.owner = owner,
		.sent_us = call->sent_us,
		.reach_us = call_reach(h, call),
	};
}

void
acts_sort(struct acts *acts)
{
	if (acts->count > 0)
		qsort(acts->list, acts->count, sizeof(*acts->list), by_owner_and_sent);
	for (size_t i = 1; i < acts->count; i++) {
		struct act *act = &acts->list[i];

		if (act->owner == act[-1].owner && act->reach_us < act[-1].reach_us)
			act->reach_us = act[-1].reach_us;
	}
}

int64_t
acts_last(const struct acts *acts, uint32_t owner, int64_t by_us)
{
	const struct act wanted = { .owner = owner, .sent_us = by_us };
	size_t low = 0, high = acts->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (by_owner_and_sent(&acts->list[middle], &wanted) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && acts->list[low - 1].owner == owner ? acts->list[low - 1].reach_us
							     : RECORD_ABSENT;
}

void
acts_release(struct acts *acts)
{
	free(acts->list);
	*acts = (struct acts){ .list = NULL };
}
