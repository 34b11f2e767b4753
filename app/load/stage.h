/*
 * The event that buyers come for: made for the scenario, or found; its sections and seats.
 */
#ifndef HOLDFAST_STAGE_H
#define HOLDFAST_STAGE_H

#include "load/ask.h"
#include "load/scenario.h"

struct stage_section {
	const char *id;
	bool seated;
	int64_t capacity;
	size_t first, count; /* its seats, by position */
};

struct stage_seat {
	const char *id; /* NULL: there is none at this position */
	int32_t row;    /* rows are counted through all sections */
};

struct stage {
	const char *event_id, *title;
	int64_t hold_ms;
	int64_t capacity;
	int64_t most; /* places of one booking */
	struct stage_section *sections;
	size_t sections_count;
	struct stage_seat *seats; /* by position */
	size_t seats_count;
};

/*
 * Each NULL: done; else what is wrong, as a sentence. All lives on the arena. stage_make() asks as
 * an organizer.
 */
const char *stage_make(struct stage *stage, struct ask *ask, struct arena *arena,
	const struct scenario *scenario, int64_t buyers);
const char *stage_find(
	struct stage *stage, struct ask *ask, struct arena *arena, const struct scenario *scenario);

/* How much is sold now. */
const char *stage_look(const struct stage *stage, struct ask *ask, int64_t *sold, int64_t *unsold);

/* NULL: there is none of that name. */
struct stage_section *stage_section(const struct stage *stage, const char *name);

#endif
