/*
 * What a run adds up: answers by kind of call and status, latencies, and who owned which seat when.
 */
#ifndef HOLDFAST_TALLY_H
#define HOLDFAST_TALLY_H

#include "load/expect.h"
#include "load/histogram.h"
#include "load/record.h"

#define TALLY_STATUSES 600

/* Who had a seat last, by the server's clock. */
struct tally_owner {
	uint64_t booking; /* a fingerprint of its id; 0: nobody yet */
	int64_t from_us, until_us;
	bool ended; /* given back, rather than left to its deadline */
};

struct tally {
	struct histogram latency[RECORD_OPS];
	int64_t statuses[RECORD_OPS][TALLY_STATUSES]; /* 0: no answer */
	int64_t all[TALLY_STATUSES];
	int64_t calls;
	int64_t counts[MEASURES]; /* those that are counted as they happen */
	struct tally_owner *owners;
	size_t seats;
	int64_t ahead_us; /* the server's clock is ahead of ours by at least so much */
	bool clock_known;
	bool crash;             /* holds may have been undone */
	struct histogram unmet; /* open loop: how long those had waited for whom nobody came */
	/* Since the progress was last shown. */
	struct histogram recent;
};

/* Made once, of that many seats. */
struct tally *tally_new(size_t seats);
void tally_free(struct tally *tally);

/* Tells texts apart. */
uint64_t tally_mark(const char *text, size_t len);

void tally_answer(struct tally *tally, enum record_op op, int status, int64_t latency_us);

/* A seat is a booking's from then until its deadline. */
void
tally_own(struct tally *tally, size_t seat, const char *booking, int64_t from_us, int64_t until_us);

/* It is the booking's for good. */
void tally_keep(struct tally *tally, size_t seat, const char *booking);

/* From this moment of our clock on it may be somebody else's. */
void tally_end(struct tally *tally, size_t seat, const char *booking, int64_t sent_us);

/* At the end, at this moment of our clock: what nobody took after its deadline. */
void tally_finish(struct tally *tally, int64_t ended_us);

/* An answer that came at this moment of ours was made before, at that moment of the server's. */
void tally_clock(struct tally *tally, int64_t made_us, int64_t done_us);

/* An arrival that never was sent, although it was due so long ago. */
void tally_unmet(struct tally *tally, int64_t waited_us);

/* All measures, for the expectations. */
void tally_known(const struct tally *tally, struct expect_known *known);

#endif
