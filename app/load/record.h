/*
 * A history: what was asked of the product and what it answered, call by call, as JSON Lines.
 *
 * The first line tells of the run, then comes a line a call, in the order in which the answers were
 * read, and the last line says that this is all; a history without it was cut off. Members have one
 * fixed order and no spaces stand between them, so that a reader can be quick and strict. Times are
 * microseconds since 1970, of a monotonic clock that was set by the host's once, and so none goes
 * back: the run begins, a call is due, sent and done, the next one is done, the run ends. Never in
 * it: tokens, passwords, mail addresses.
 */
#ifndef HOLDFAST_RECORD_H
#define HOLDFAST_RECORD_H

#include <stdio.h>

#include "base/base.h"

#define RECORD_LINE_MAX  (1 << 20) /* bytes */
#define RECORD_TEXT_MAX  1000      /* bytes of one text */
#define RECORD_SEATS_MAX 1000      /* of one call */
#define RECORD_PARTS_MAX 100
#define RECORD_ABSENT    INT64_MIN /* of a number: it is not there */

enum record_op {
	RECORD_REGISTER,
	RECORD_LOGIN,
	RECORD_MAP,
	RECORD_AVAILABILITY,
	RECORD_HOLD,
	RECORD_CONFIRM,
	RECORD_RELEASE,
	RECORD_CANCEL,
	RECORD_JOIN,
	RECORD_POLL,
	RECORD_LEAVE,
	RECORD_GET,
	RECORD_OPS
};

extern const char *const record_op_names[RECORD_OPS];

struct record_head {
	const char *scenario, *url, *event, *version;
	int64_t began_us, hold_ms, seed;
};

/* So many places of a section of general admission. */
struct record_part {
	const char *section;
	int64_t quantity;
};

struct record_places {
	const char *const *seats;
	const struct record_part *parts;
	size_t seats_count, parts_count;
};

/*
 * One call. Texts may be NULL and numbers RECORD_ABSENT where there is nothing to say; they are
 * then not written. In `asked`: a hold has places; confirm, release, cancel and get a booking (with
 * places: what a cancel in part names); join has one part; poll, leave and a confirm in a line have
 * a token, which is never the token itself but a fingerprint. In `got`: a booking with its status,
 * places and deadline; a hold refused, the seats lost or what is left; a map, its version and how
 * many are free.
 */
struct record_call {
	int64_t buyer;
	const char *user; /* its id; NULL: not known yet */
	enum record_op op;
	int64_t due_us;      /* when it was meant to start */
	int64_t sent_us;     /* before its first byte was written */
	int64_t done_us;     /* its answer was read whole, or seen to be lost */
	const char *key;     /* Idempotency-Key, or NULL */
	int64_t status;      /* 0: no answer */
	const char *problem; /* slug of its type */
	struct {
		const char *booking, *token;
		struct record_places places;
	} asked;
	struct {
		const char *booking, *status;
		struct record_places places;
		int64_t expires_us, position;
		const char *const *lost;
		size_t lost_count;
		int64_t available, version, free;
		bool replayed; /* the answer was said to be a replay */
	} got;
};

/* What to add to clock_monotonic_us() for the times of a history: ask once, at the start. */
int64_t record_anchor_us(void);

/* A time in RFC 3339 that ends in Z, as the product writes it, in microseconds since 1970. */
bool record_time(const char *text, int64_t *out_us);

/* ---- writing --------------------------------------------------------------------------------- */

struct record_writer;

/* Writes the first line to an open file, which is the writer's from here on. */
struct record_writer *record_create(FILE *file, const struct record_head *head);
void record_call(struct record_writer *writer, const struct record_call *call);
int64_t record_calls(const struct record_writer *writer); /* how many were written */

/* Writes the last line and closes. False, with errno, if anything could not be written. */
bool record_finish(struct record_writer *writer, int64_t end_us);

/* ---- reading --------------------------------------------------------------------------------- */

struct record_reader;

enum record_line { RECORD_LINE_CALL, RECORD_LINE_END, RECORD_LINE_BAD };

/*
 * Opens a history and reads its first line. NULL with a sentence in *fault, which lives as long as
 * the process. What head points to lives as long as the reader.
 */
struct record_reader *record_open(const char *path, struct record_head *head, const char **fault);

/*
 * The next call; what it points to lives until the next one is read. RECORD_LINE_END comes after
 * the last line was read and found to agree with what stands before it. RECORD_LINE_BAD: see
 * record_fault().
 */
enum record_line record_next(struct record_reader *reader, struct record_call *call);

int64_t record_line_number(const struct record_reader *reader); /* of what was read last, from 1 */
int64_t record_bytes(const struct record_reader *reader);       /* read so far */
int64_t record_size(const struct record_reader *reader);        /* of the file; 0: not known */
int64_t record_end_us(const struct record_reader *reader);      /* of the last line */
const char *record_fault(const struct record_reader *reader);   /* "line 7: …" */
void record_close(struct record_reader *reader);

#endif
