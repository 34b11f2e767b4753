/*
 * Rule 7: lines were served in their order, and only those who stood in them.
 *
 * Whoever had been told that they stand in a line before another's join was sent is not served
 * after that one. The other is served first when less was wanted (what does not fit lets others
 * pass), in the same batch (which is one instant), or while a hold or another line had the lock of
 * the first. Whoever left, stood in a line that was begun anew, or may have been served already
 * with the place that was told of, was not certainly in front.
 *
 * And nobody is served who has not joined, or twice for one join.
 *
 * All of a section are looked at once, the last one served first: of those who came later it is
 * enough to know, for each quantity, who had joined first.
 */
#include <inttypes.h>

#include "history/history.h"

#define QUANTITY_MAX 512 /* of a ticket */

/* One who was served. */
struct turn {
	const struct ticket_end *end;
	int64_t quantity;
	int64_t told_us; /* stood in line by then; EVER: that is not certain */
	uint32_t told;   /* line of the join that says so */
	int64_t busy_us; /* might have been passed over until then; EVER: at any time */
};

struct turns {
	struct turn *list;
	size_t count, room;
};

/* ---- who was certainly in front -------------------------------------------------------------- */

/* A join that was sent later tells of no place but the one that ended then; EVER: none does. */
static int64_t
certain_after(const struct history *h, const struct stand *stand, size_t at)
{
	const struct ticket_end *end = &stand->ends[at], *before = NULL;
	const struct resource *line = &h->resource[end->section];
	int64_t after_us = acts_last(&h->lines.leaves, end->user, end->ended_us + h->skew_us);
	int64_t begun_us = line->begun_us + TRANSACTION_US + h->skew_us;

	for (size_t i = at; i > 0 && !before; i--) {
		if (stand->ends[i - 1].outcome != TICKET_LEFT)
			before = &stand->ends[i - 1];
	}
	if (before) {
		int64_t told_us = before->outcome == TICKET_RESERVED
					  ? h->booking[before->booking].told_us
					  : RECORD_ABSENT;

		if (told_us == RECORD_ABSENT)
			return EVER;
		if (told_us > after_us)
			after_us = told_us;
	}
	/* A line that was lost has only those in it who have come back since. */
	if (line->epoch == 1 || (line->epoch == 2 && end->epoch == 1 &&
					end->ended_us + h->skew_us < line->begun_us))
		return after_us;
	if (line->epoch != end->epoch)
		return EVER;
	return begun_us > after_us ? begun_us : after_us;
}

static void
add_turn(const struct history *h, struct turns *turns, const struct stand *stand, size_t at,
	bool elsewhere)
{
	const struct ticket_end *end = &stand->ends[at];
	int64_t held_us = acts_last(&h->lines.holds, end->user, end->ended_us + h->skew_us);
	int64_t after_us = certain_after(h, stand, at);
	struct turn turn = {
		.end = end,
		.quantity = history_quantity(h, h->booking[end->booking].places),
		.told_us = EVER,
		.busy_us = elsewhere                  ? EVER
			   : held_us == RECORD_ABSENT ? held_us
						      : held_us + h->skew_us,
	};
	size_t low = 0, high = stand->joins_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (stand->joins[middle].sent_us <= after_us)
			low = middle + 1;
		else
			high = middle;
	}
	while (low < stand->joins_count && !stand->joins[low].proves &&
		stand->joins[low].sent_us < end->ended_us)
		low++;
	if (low < stand->joins_count && stand->joins[low].reach_us <= end->ended_us - h->skew_us) {
		turn.told_us = stand->joins[low].reach_us;
		turn.told = stand->joins[low].line;
	}
	turns->list = grow_array(turns->list, sizeof(*turns->list), &turns->room, turns->count + 1);
	turns->list[turns->count++] = turn;
}

/* ---- order ----------------------------------------------------------------------------------- */

/* By section, the last one served first. */
static int
by_section_and_end(const void *left, const void *right)
{
	const struct ticket_end *a = ((const struct turn *)left)->end;
	const struct ticket_end *b = ((const struct turn *)right)->end;

	if (a->section != b->section)
		return a->section < b->section ? -1 : 1;
	return (a->ended_us < b->ended_us) - (a->ended_us > b->ended_us);
}

/* Of those who were served after it, wanted no more, and could be: who had joined first. */
static const struct turn *
first_behind(struct heap *heaps, const struct turn *turns, const struct turn *turn)
{
	const struct turn *found = NULL;

	for (int64_t quantity = 1; quantity <= turn->quantity; quantity++) {
		struct heap *heap = &heaps[quantity];

		/* Nor could those have been by any who were served even before. */
		while (heap->count > 0 && heap->items[0].start_us >= turn->end->ended_us)
			heap_pop(heap);
		if (heap->count > 0 &&
			(!found || turns[heap->items[0].owner].told_us < found->told_us))
			found = &turns[heap->items[0].owner];
	}
	return found;
}

static void
judge_turn(const struct history *h, struct report *report, const struct turn *turn,
	const struct turn *behind)
{
	const struct ticket_end *end = turn->end;

	if (!behind || end->earliest_us == RECORD_ABSENT || behind->told_us >= end->earliest_us)
		return;
	report_line(report, behind->told);
	report_line(report, end->joined);
	report_line(report, h->booking[end->booking].held);
	report_line(report, h->booking[behind->end->booking].held);
	report_finding(report, 7,
		"user %s joined the line of %s %" PRId64
		" ms after user %s had, wanted no less, and was served %" PRId64 " ms before",
		names_text(&h->users, end->user), names_text(&h->places, end->section),
		(end->earliest_us - behind->told_us) / 1000,
		names_text(&h->users, behind->end->user),
		(behind->end->ended_us - end->ended_us) / 1000);
}

static void
judge_order(const struct history *h, struct report *report, struct turns *turns)
{
	static struct heap heaps[QUANTITY_MAX + 1];
	size_t waiting = 0; /* the first that is in no heap yet: those of one instant go together */

	if (turns->count > 0)
		qsort(turns->list, turns->count, sizeof(*turns->list), by_section_and_end);
	for (size_t i = 0; i < turns->count; i++) {
		const struct turn *turn = &turns->list[i];
		bool first = i == 0 || turn[-1].end->section != turn->end->section;

		for (int quantity = 0; first && quantity <= QUANTITY_MAX; quantity++)
			heaps[quantity].count = 0;
		if (first)
			waiting = i;
		for (; turns->list[waiting].end->ended_us > turn->end->ended_us; waiting++) {
			const struct turn *later = &turns->list[waiting];

			if (later->told_us != EVER && later->busy_us != EVER)
				heap_push(&heaps[later->quantity],
					&(struct interval){ .owner = (uint32_t)waiting,
						.start_us = later->busy_us,
						.end_us = later->told_us });
		}
		judge_turn(h, report, turn, first_behind(heaps, turns->list, turn));
	}
	for (int quantity = 0; quantity <= QUANTITY_MAX; quantity++) {
		free(heaps[quantity].items);
		heaps[quantity] = (struct heap){ .items = NULL };
	}
}

/* ---- who was served at all ------------------------------------------------------------------- */

static void
judge_joined(const struct history *h, struct report *report, const struct ticket_end *end)
{
	if (end->lacks == TICKET_LACKS_NOTHING)
		return;
	report_line(report, h->booking[end->booking].held);
	report_line(report, end->joined);
	report_finding(report, 7, "user %s was served in the line of %s with booking %s, and %s",
		names_text(&h->users, end->user), names_text(&h->places, end->section),
		names_text(&h->bookings, end->booking),
		end->lacks == TICKET_LACKS_JOIN ? "had not joined it"
						: "had not joined it since being served before");
}

/* By number of the user: who made the calls of the history. */
static bool *
find_callers(const struct history *h)
{
	bool *callers = calloc((size_t)h->users.count + 1, sizeof(*callers));

	assert(callers);
	for (size_t i = 0; i < h->calls_count; i++)
		callers[h->calls[i].user] = true;
	return callers;
}

void
rule_lines(struct history *h, struct report *report)
{
	const struct lines *lines = &h->lines;
	struct turns turns = { .list = NULL };
	bool *callers = find_callers(h);

	for (size_t i = 0; i < lines->stands_count; i++) {
		const struct stand *stand = &lines->stands[i];
		bool elsewhere = (i > 0 && stand[-1].user == stand->user) ||
				 (i + 1 < lines->stands_count && stand[1].user == stand->user);

		for (size_t at = 0; callers[stand->user] && at < stand->ends_count; at++) {
			const struct ticket_end *end = &stand->ends[at];
			int64_t quantity = history_quantity(h, h->booking[end->booking].places);

			if (end->outcome != TICKET_RESERVED || end->ended_us > h->end_us)
				continue;
			judge_joined(h, report, end);
			if (quantity > 0 && quantity <= QUANTITY_MAX)
				add_turn(h, &turns, stand, at, elsewhere);
		}
	}
	judge_order(h, report, &turns);
	free(turns.list);
	free(callers);
}
