/*
 * Faults, planted: a copy of a history that tells of something that cannot have happened.
 */
#ifndef HOLDFAST_PLANT_H
#define HOLDFAST_PLANT_H

#include "history/names.h"
#include "load/record.h"

#define PLANT_LINES 2

/* What the answered calls say of one booking; calls by number from 1, 0: none. */
struct story {
	size_t hold;    /* the first hold that was answered 201 */
	size_t confirm; /* the first answered 2xx, and so on */
	size_t release, cancel;
	size_t confirms;       /* those that can have had effect */
	int64_t leave_sent_us; /* the first release or cancel that can have */
	bool unknown;          /* something about it had no answer */
};

/* What the holds say of one place. */
struct place_story {
	size_t first; /* the call on it that was sent first, and last */
	size_t last;
	size_t holds;       /* answered 201 */
	bool confirmed;     /* a booking with it was, or may have been */
	bool odd;           /* a hold of it was neither answered 2xx nor told that it is lost */
	int64_t expires_us; /* the last deadline that was answered */
};

struct plant {
	struct arena *arena;
	struct record_head head;
	int64_t end_us;
	struct record_call *calls;
	size_t count, room;
	struct names bookings, places, users, keys;
	struct story *stories;             /* by number of the booking */
	struct place_story *place_stories; /* by number of the place */
	size_t *user_first;                /* by number of the user: the first call of a hold */
	size_t *key_uses;                  /* by number of the key */
	size_t lines[PLANT_LINES];         /* calls in whose lines the fault is to be found */
	size_t lines_count;
};

struct plant_kind {
	const char *name;
	int rule; /* that it breaks */
	const char *summary;
	bool (*plant)(struct plant *p); /* false: there is no place for it */
};

/* End with a row without a name. */
extern const struct plant_kind plant_answers[];  /* rules 1 and 5: what is kept */
extern const struct plant_kind plant_instants[]; /* rules 2, 3, 4 and 6: when it was */
extern const struct plant_kind plant_told[];     /* rules 1, 4 and 6: what answers tell */
extern const struct plant_kind plant_refusals[]; /* rules 3 and 5: all but places */
extern const struct plant_kind plant_lines[];    /* rules 3 to 5 and 7: who stands in line */

/* NULL: there is no such kind. */
const struct plant_kind *plant_find(const char *name);
void plant_list(void); /* on standard output, a line each */

/* Reads a history, plants into it, writes it to standard output: an exit status. */
int plant_run(const struct plant_kind *kind, const char *path);

/* ---- for those that plant -------------------------------------------------------------------- */

/* One call more, as this one is; its line is one of those of the fault. */
struct record_call *plant_append(struct plant *p, const struct record_call *like);

/* The next booking after this one that was held and is well known, from 0: its story, or NULL. */
const struct story *plant_next_story(const struct plant *p, uint32_t *booking);

/* The same, of those that were told a deadline. */
const struct story *plant_next_timed(const struct plant *p, uint32_t *booking);

#define PLANT_HOUR_US INT64_C(3600000000)

/* It was due and sent at this instant, and took a millisecond. */
void plant_at(struct record_call *call, int64_t us);

/* The call with this number, which is changed: its line is one of those of the fault. */
struct record_call *plant_change(struct plant *p, size_t number);

/* One call more: this one again, a moment after its answer, as another operation and refused. */
struct record_call *plant_refused(struct plant *p, size_t number, enum record_op op,
	const char *key, int64_t status, const char *problem);

/* As it stands; its line is one of those of the fault. */
const struct record_call *plant_name(struct plant *p, size_t number);

const struct record_call *plant_call(const struct plant *p, size_t number);
const char *plant_booking(struct plant *p);                      /* an id that there is not */
const char *plant_other_user(struct plant *p, const char *user); /* another one, if there is */

/* A text in a list of its own. */
const char *const *plant_texts(struct plant *p, const char *text);

#endif
