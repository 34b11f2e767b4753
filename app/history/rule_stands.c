/*
 * Rule 7, for what was answered to those who stand in line: a place there can have been the one
 * that was told, and who has left it stands there no more.
 *
 * Of a line that began in the run, and in which nobody stood of whom the history does not know,
 * the people are known who may have been in front. Whoever is taken out to be served counts for a
 * while longer. And each place that was left has ended by the database, too.
 */
#include "history/history.h"

#define MONTH_US INT64_C(2592000000000) /* the database keeps how places ended for so long */

/* ---- positions ------------------------------------------------------------------------------- */

static struct possible *
index_standing(const struct history *h)
{
	struct intervals standing = { .list = NULL };

	for (size_t i = 0; i < h->lines.joins_count; i++) {
		const struct line_join *join = &h->lines.joins[i];

		interval_add(
			&standing, (struct interval){ .resource = join->section,
					   .owner = join->user,
					   .quantity = 1,
					   .start_us = join->sent_us,
					   .end_us = join->until_us == EVER
							     ? EVER
							     : join->until_us + TRANSACTION_US });
	}
	return possible_new(&standing, h->places.count);
}

/* By key: when the first join with it was sent, of those that are no replays; 0: there is none. */
static int64_t *
find_asked(const struct history *h)
{
	int64_t *asked = calloc((size_t)h->keys.count + 1, sizeof(*asked));

	assert(asked);
	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];

		if (call->op == RECORD_JOIN && call->key && !call->replayed &&
			(asked[call->key] == 0 || call->sent_us < asked[call->key]))
			asked[call->key] = call->sent_us;
	}
	return asked;
}

/* from_us: when it was asked for; a replay tells of what was then. */
static void
judge_position(const struct history *h, struct report *report, const struct possible *standing,
	const struct call *call, int64_t from_us)
{
	uint32_t section = call->asked.count > 0 ? h->pool[call->asked.at].number : 0;
	int64_t most;

	if (section == 0 || from_us == 0)
		return;
	if (h->resource[section].epoch == 0 && !h->crash) {
		report_line(report, call_line(h, call));
		report_finding(report, 7,
			"user %s was told to stand in the line of %s, and there has been none",
			names_text(&h->users, call->user), names_text(&h->places, section));
		return;
	}
	if (!line_is_of_run(h, section, 1) || h->resource[section].crowded)
		return;
	most = possible_most(standing, section, from_us, call->done_us);
	if (call->position <= most)
		return;
	report_line(report, call_line(h, call));
	report_finding(report, 7,
		"user %s was told to be number %u in the line of %s, and no more than %u can have "
		"stood there",
		names_text(&h->users, call->user), call->position, names_text(&h->places, section),
		(unsigned)most);
}

/* ---- who has left ---------------------------------------------------------------------------- */

/* By token: line of the first answer that it has been left. */
static uint32_t *
find_left(const struct history *h)
{
	uint32_t *left = calloc((size_t)h->tokens.count + 1, sizeof(*left));

	assert(left);
	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];

		if (call->op == RECORD_LEAVE && call_done(call) && call->token &&
			left[call->token] == 0)
			left[call->token] = call_line(h, call);
	}
	return left;
}

/* Told to wait, or to have been served, with a place that they had left. */
static void
judge_poll(const struct history *h, struct report *report, const uint32_t *left,
	const struct call *call)
{
	uint32_t line = left[call->token];

	if (line == 0 || line_call(h, line)->done_us + h->drift_us >= call->sent_us ||
		(call->position == 0 && call->shown != BOOKING_HOLD))
		return;
	report_line(report, line);
	report_line(report, call_line(h, call));
	report_finding(report, 7, "user %s had left a line, and was told to %s there",
		names_text(&h->users, call->user),
		call->position > 0 ? "wait" : "have been served");
}

/* By user, then by time. */
static int
by_user_and_end(const void *left, const void *right)
{
	const struct ticket_end *a = left, *b = right;

	if (a->user != b->user)
		return a->user < b->user ? -1 : 1;
	return (a->ended_us > b->ended_us) - (a->ended_us < b->ended_us);
}

/* Of one user, in order of time: which of their places is the next to end, and what has been. */
struct tale {
	size_t next; /* among the ends, from 1; 0: they have none */
	uint32_t ended, left;
};

static struct tale *
find_tales(const struct history *h, const struct ticket_end *ends)
{
	struct tale *tales = calloc((size_t)h->users.count + 1, sizeof(*tales));

	assert(tales);
	for (size_t i = h->ends_count; i-- > 0;)
		tales[ends[i].user].next = i + 1;
	return tales;
}

/* Each token that was left is of a place of its own. */
static void
judge_leaves(const struct history *h, struct report *report, const uint32_t *left)
{
	struct ticket_end *ends = calloc(h->ends_count + 1, sizeof(*ends));
	struct tale *tales;

	assert(ends);
	if (h->ends_count > 0) {
		memcpy(ends, h->ends, h->ends_count * sizeof(*ends));
		qsort(ends, h->ends_count, sizeof(*ends), by_user_and_end);
	}
	tales = find_tales(h, ends);
	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];
		struct tale *tale = &tales[call->user];

		if (call->op != RECORD_LEAVE || call->user == 0 ||
			left[call->token] != call_line(h, call))
			continue;
		/* Calls stand in the order of their answers. */
		while (tale->next > 0 && tale->next <= h->ends_count &&
			ends[tale->next - 1].user == call->user &&
			ends[tale->next - 1].ended_us <= call->done_us + h->skew_us) {
			tale->next++;
			tale->ended++;
		}
		if (++tale->left <= tale->ended)
			continue;
		report_line(report, call_line(h, call));
		report_finding(report, 7,
			"user %s left a line, and none of their places has ended so by then",
			names_text(&h->users, call->user));
	}
	free(ends);
	free(tales);
}

void
rule_stands(struct history *h, struct report *report)
{
	struct possible *standing = index_standing(h);
	uint32_t *left = find_left(h);
	int64_t *asked = find_asked(h);

	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];

		if (call->op == RECORD_JOIN && call_done(call) && call->position > 0)
			judge_position(h, report, standing, call,
				call->replayed ? asked[call->key] : call->sent_us);
		else if (call->op == RECORD_POLL && call_done(call))
			judge_poll(h, report, left, call);
	}
	/* Of a waiting room's places it is not kept how they ended. */
	if (!h->crash && !h->room && h->now_us < h->sales_end_us + MONTH_US)
		judge_leaves(h, report, left);
	possible_free(standing);
	free(left);
	free(asked);
}
