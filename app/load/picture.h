/*
 * What one buyer knows of the map of seats, and the choice of some of them: two bits a seat, so
 * that thousands of buyers each have their own.
 */
#ifndef HOLDFAST_PICTURE_H
#define HOLDFAST_PICTURE_H

#include "load/stage.h"

struct picture {
	uint64_t *free; /* a bit a seat; NULL: never seen, all may be free */
	uint64_t *gone; /* sold, or not for sale */
	int64_t version;
	size_t free_count, gone_count;
};

void picture_release(struct picture *picture);

/* Takes an answer of the live map in, whole or what has changed. False: it cannot be read. */
bool picture_read(struct picture *picture, size_t seats, const struct json *answer);

/* This seat was refused. */
void picture_lost(struct picture *picture, size_t seat);

/* Nothing is left, and nothing can come back but by a cancel. */
bool picture_is_sold_out(const struct picture *picture, size_t seats);

/*
 * Where chance comes from: generators of its own (xorshift64*), so that a seed repeats it; each
 * buyer, by number, has one that begins there.
 */
uint64_t picture_stream(int64_t seed, int64_t number);
int64_t picture_chance(uint64_t *random, int64_t least, int64_t most);

/*
 * Chooses at most `wanted` seats into out, their positions; how many. `number` is the buyer's, for
 * those who want seats of their own.
 */
size_t picture_pick(const struct picture *picture, const struct stage *stage,
	const struct step *step, size_t wanted, int64_t number, uint64_t *random, int32_t *out);

#endif
