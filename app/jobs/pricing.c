/*
 * holdfast-pricing: moves the prices of events that ask for it, by what is sold and how fast.
 *
 * A batch is an event: its sections are read, the rule decides, and what changes is written in one
 * transaction together with its history. An event that somebody edits in between is read again.
 */
#include "jobs/job.h"

#include <inttypes.h>

#include "base/log.h"
#include "domain/pricing.h"
#include "queries.h"

#define EXIT_USAGE  2
#define TRIES_MAX   3
#define TABLE_WIDTH "%-10s %-24s %12s %12s  %s\n"

struct tally {
	const int64_t *only; /* --event; NULL: all */
	int64_t event_id;
	int64_t after; /* events up to this one are done */
	int64_t events;
	int64_t skipped; /* somebody else was at them all the time */
	bool titled;
};

static void
options(struct conf *conf, struct job_run *run)
{
	struct tally *tally = ARENA_NEW(run->arena, struct tally);
	const char *text;
	int32_t event_id;

	run->state = tally;
	if (!conf_option(conf, "event", &text))
		return;
	if (!event_id_read(text, &event_id)) {
		fprintf(stderr, "holdfast-%s: --event needs the number of an event\n",
			conf->program);
		exit(EXIT_USAGE);
	}
	tally->event_id = event_id;
	tally->only = &tally->event_id;
}

static const char *
why_of(struct arena *arena, const struct pricing_section *s)
{
	const struct price_decision *d = &s->decision;

	if (d->reason > PRICE_WITHIN_STEP)
		return price_reason_word(d->reason);
	return arena_printf(arena,
		"%s: sold %" PRId64 " of %" PRId64 " when an even sale had %" PRId64
		", demand %+" PRId64 " of 1000, towards %" PRId64,
		price_reason_word(d->reason), s->facts.sold, s->facts.capacity,
		s->facts.capacity * d->even_share / 1000, d->demand, d->target);
}

/* Every section with what would come of it: a table on stdout. */
static void
show(struct arena *arena, struct tally *tally, const struct pricing_event *event)
{
	if (!tally->titled)
		printf(TABLE_WIDTH, "event", "section", "old", "new", "why");
	tally->titled = true;
	for (size_t i = 0; i < event->count; i++) {
		const struct pricing_section *s = &event->sections[i];

		printf(TABLE_WIDTH, str_int(arena, event->event_id), s->section_id,
			str_int(arena, s->facts.price), str_int(arena, s->decision.price),
			why_of(arena, s));
	}
}

static void
log_changes(const struct pricing_event *event, int64_t changed)
{
	for (size_t i = 0; i < event->count && changed > 0; i++) {
		const struct pricing_section *s = &event->sections[i];

		if (s->decision.price == s->facts.price)
			continue;
		log_line(LOG_DEBUG,
			"event=%" PRId64 " section=%s old=%" PRId64 " new=%" PRId64 " why=%s",
			event->event_id, log_value(s->section_id), s->facts.price,
			s->decision.price, price_reason_word(s->decision.reason));
		changed--;
	}
}

/* What is edited while it is decided, is decided anew; what others keep locked is left alone. */
static enum problem
move_prices(struct context *house, const struct job_run *run, struct tally *tally,
	struct pricing_event *event, int64_t *done)
{
	enum problem err;

	for (int i = 0; i < TRIES_MAX && event->event_id; i++) {
		err = pricing_apply(house, event, run->limit - run->rows, done);
		if (!err)
			log_changes(event, *done);
		if (err != PROBLEM_VERSION_CHANGED && err != PROBLEM_BUSY)
			return err;
		err = pricing_next(house, 0, &event->event_id, event);
		if (err)
			return err;
	}
	tally->skipped += event->event_id != 0;
	return PROBLEM_NONE;
}

static enum problem
batch(struct context *house, struct job_run *run, int64_t *done)
{
	struct tally *tally = run->state;
	struct pricing_event event;
	enum problem err;

	err = pricing_next(house, tally->after, tally->only, &event);
	if (!err && event.event_id) {
		tally->after = event.event_id;
		tally->events++;
		run->more = true;
		if (run->dry_run) {
			show(house->arena, tally, &event);
			*done = pricing_changes(&event);
		} else {
			err = move_prices(house, run, tally, &event, done);
		}
	}
	run->detail = arena_printf(
		run->arena, "events=%" PRId64 " skipped=%" PRId64, tally->events, tally->skipped);
	return err;
}

int
main(int argc, char **argv)
{
	static const struct job job = {
		.program = { .name = "pricing",
			.summary = "move prices by what is sold and how fast",
			.options = "  --event ID         this event alone\n" },
		.for_seconds = 600,
		.options = options,
		.batch = batch,
	};

	return job_main(&job, argc, argv);
}
