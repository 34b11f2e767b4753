/*
 * Who has stood in line, from when to when: joins and leaves out of the calls, beside how each
 * place ended by the database.
 *
 * A user has one place in a line at a time, and every place was made by a join of its own. So they
 * are followed one after the other: a place that ended was made by a join that was sent before, and
 * that was not over when the place before it ended. Where one join alone is left, it was that one.
 */
#include "history/history.h"

/* ---- joins ----------------------------------------------------------------------------------- */

/* By user, then by section. */
static int
by_stand(uint32_t a_user, uint32_t a_section, uint32_t b_user, uint32_t b_section)
{
	if (a_user != b_user)
		return a_user < b_user ? -1 : 1;
	return (a_section > b_section) - (a_section < b_section);
}

static int
by_stand_and_sent(const void *left, const void *right)
{
	const struct line_join *a = left, *b = right;
	int order = by_stand(a->user, a->section, b->user, b->section);

	return order ? order : (a->sent_us > b->sent_us) - (a->sent_us < b->sent_us);
}

static int
by_stand_and_end(const void *left, const void *right)
{
	const struct ticket_end *a = left, *b = right;
	int order = by_stand(a->user, a->section, b->user, b->section);

	return order ? order : (a->ended_us > b->ended_us) - (a->ended_us < b->ended_us);
}

/* Whether a place may have come of it. A key that was used before is told of after the join. */
static bool
may_have_joined(const struct call *call)
{
	return call->op == RECORD_JOIN && call->asked.count > 0 &&
	       (call_done(call) || call_unknown(call) || (call->status == 422 && call->key));
}

static void
join_add(struct history *h, const struct call *call)
{
	struct lines *lines = &h->lines;
	uint32_t section = h->pool[call->asked.at].number;

	if (call->user == 0) {
		h->resource[section].unnamed = h->resource[section].crowded = true;
		return;
	}
	lines->joins = grow_array(
		lines->joins, sizeof(*lines->joins), &lines->joins_room, lines->joins_count + 1);
	lines->joins[lines->joins_count++] = (struct line_join){
		.user = call->user,
		.section = section,
		.line = call_line(h, call),
		.proves = call_done(call) && call->position > 0 && !call->replayed,
		.sent_us = call->sent_us,
		.reach_us = call_reach(h, call),
		.until_us = EVER,
	};
}

static void
add_calls(struct history *h)
{
	struct lines *lines = &h->lines;
	bool *joined = calloc((size_t)h->users.count + 1, sizeof(*joined));

	assert(joined);
	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];

		if (may_have_joined(call)) {
			join_add(h, call);
			joined[call->user] = true;
		} else if (call->op == RECORD_LEAVE && call->status != 404) {
			acts_add(h, &lines->leaves, call->user, call);
		}
	}
	for (size_t i = 0; i < h->calls_count; i++) {
		const struct call *call = &h->calls[i];

		if (call->op == RECORD_HOLD && joined[call->user])
			acts_add(h, &lines->holds, call->user, call);
	}
	free(joined);
	acts_sort(&lines->leaves);
	acts_sort(&lines->holds);
	if (lines->joins_count > 0)
		qsort(lines->joins, lines->joins_count, sizeof(*lines->joins), by_stand_and_sent);
	if (h->ends_count > 0)
		qsort(h->ends, h->ends_count, sizeof(*h->ends), by_stand_and_end);
}

/* ---- stands ---------------------------------------------------------------------------------- */

static bool
is_of(uint32_t user, uint32_t section, const struct stand *stand)
{
	return user == stand->user && section == stand->section;
}

static void
add_stands(struct history *h)
{
	struct lines *lines = &h->lines;
	size_t join = 0, end = 0;

	while (join < lines->joins_count || end < h->ends_count) {
		struct stand stand = { .joins = lines->joins + join, .ends = h->ends + end };
		bool ends = join == lines->joins_count;

		if (!ends && end < h->ends_count)
			ends = by_stand(stand.ends->user, stand.ends->section, stand.joins->user,
				       stand.joins->section) < 0;
		stand.user = ends ? stand.ends->user : stand.joins->user;
		stand.section = ends ? stand.ends->section : stand.joins->section;
		for (; join < lines->joins_count &&
			is_of(lines->joins[join].user, lines->joins[join].section, &stand);
			join++)
			stand.joins_count++;
		for (; end < h->ends_count &&
			is_of(h->ends[end].user, h->ends[end].section, &stand);
			end++)
			stand.ends_count++;
		if (stand.joins_count == 0)
			h->resource[stand.section].crowded = true;
		lines->stands = grow_array(lines->stands, sizeof(*lines->stands),
			&lines->stands_room, lines->stands_count + 1);
		lines->stands[lines->stands_count++] = stand;
	}
}

bool
line_is_of_run(const struct history *h, uint32_t section, int64_t epoch)
{
	const struct resource *line = &h->resource[section];

	return epoch > 0 && line->epoch == epoch && !line->unnamed &&
	       line->begun_us >= h->head.began_us;
}

/* ---- what came of each join ------------------------------------------------------------------ */

/* One stand, place by place. */
struct walk {
	struct history *h;
	struct stand *stand;
	size_t first, next; /* joins that were sent by now, and may not be over, lie between */
	size_t taken;       /* of these, those that must have made places before */
	int64_t last_us;    /* when the last place ended that a join waits for */
};

/* The place stood in line no longer than this. */
static int64_t
wait_end(const struct history *h, const struct ticket_end *end)
{
	int64_t us = end->ended_us + TRANSACTION_US + h->skew_us, known_us = RECORD_ABSENT;

	if (end->outcome == TICKET_RESERVED)
		known_us = h->booking[end->booking].told_us;
	else if (end->outcome == TICKET_LEFT)
		known_us = acts_last(&h->lines.leaves, end->user, end->ended_us + h->skew_us);
	if (known_us != RECORD_ABSENT && known_us >= end->ended_us - h->skew_us && known_us < us)
		us = known_us;
	return us + h->drift_us;
}

/* How long before the end of a place the next one can have been joined for. */
static int64_t
overlap(const struct history *h, const struct ticket_end *end)
{
	bool loose = end->outcome == TICKET_LEFT || h->resource[end->section].epoch > 1;

	return h->skew_us + (loose ? TRANSACTION_US : 0);
}

static void
walk_end(struct walk *w, struct ticket_end *end)
{
	const struct history *h = w->h;
	const struct resource *line = &h->resource[end->section];
	struct line_join *joins = w->stand->joins;
	bool known = !line->unnamed && (w->last_us >= h->head.began_us ||
					       line_is_of_run(h, end->section, end->epoch));
	size_t open = 0, over = 0;

	while (w->next < w->stand->joins_count &&
		joins[w->next].sent_us <= end->ended_us + h->skew_us)
		w->next++;
	for (size_t i = w->first; i < w->next; i++) {
		/* What was joined before the line was begun anew has a place of before. */
		bool lost = line->epoch == end->epoch &&
			    joins[i].reach_us + h->skew_us < line->begun_us;

		if (joins[i].over)
			continue;
		open++;
		if (known && !lost && end->joined == 0) {
			end->earliest_us = joins[i].sent_us;
			end->joined = joins[i].line;
		}
	}
	if (known && open > w->taken)
		w->taken++;
	else if (known)
		end->lacks = w->next == 0 ? TICKET_LACKS_JOIN : TICKET_LACKS_OTHER;
	for (size_t i = w->first; i < w->next; i++) {
		if (joins[i].over || (joins[i].reach_us + overlap(h, end) >= end->ended_us &&
					     (!known || open > 1)))
			continue;
		joins[i].over = true;
		joins[i].until_us = wait_end(h, end);
		over++;
	}
	w->taken = w->taken > over ? w->taken - over : 0;
	while (w->first < w->next && joins[w->first].over)
		w->first++;
	if (end->outcome != TICKET_LEFT)
		w->last_us = end->ended_us;
}

static void
walk_stand(struct history *h, struct stand *stand)
{
	struct walk w = { .h = h, .stand = stand, .last_us = RECORD_ABSENT };

	for (size_t i = 0; i < stand->ends_count; i++) {
		struct ticket_end *end = &stand->ends[i];

		end->lacks = TICKET_LACKS_NOTHING;
		end->joined = 0;
		end->earliest_us = RECORD_ABSENT;
		/* Others may have joined after the run; a place that was lost may be left late. */
		if (end->ended_us <= h->end_us &&
			(end->outcome != TICKET_LEFT || h->resource[stand->section].epoch == 1))
			walk_end(&w, end);
	}
}

void
lines_derive(struct history *h)
{
	struct lines *lines = &h->lines;

	lines->joins_count = lines->stands_count = 0;
	lines->leaves.count = lines->holds.count = 0;
	if (!h->resource) /* no place was ever named */
		return;
	for (uint32_t i = 0; i <= h->places.count; i++)
		h->resource[i].unnamed = h->resource[i].crowded = false;
	add_calls(h);
	add_stands(h);
	for (size_t i = 0; i < lines->stands_count; i++)
		walk_stand(h, &lines->stands[i]);
}

void
lines_release(struct history *h)
{
	free(h->lines.joins);
	free(h->lines.stands);
	acts_release(&h->lines.leaves);
	acts_release(&h->lines.holds);
}
