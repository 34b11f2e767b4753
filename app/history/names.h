/*
 * Texts by number: each different text once, numbered from 1. 0 stands for none.
 */
#ifndef HOLDFAST_NAMES_H
#define HOLDFAST_NAMES_H

#include "base/map.h"

struct names {
	struct arena *arena;
	struct map map;
	const char **texts; /* by number */
	uint32_t count;
	uint32_t room;
};

void names_init(struct names *names, struct arena *arena);
void names_release(struct names *names);

uint32_t names_add(struct names *names, const char *text);        /* NULL: 0 */
uint32_t names_find(const struct names *names, const char *text); /* 0: it is not there */
const char *names_text(const struct names *names, uint32_t number);

/* An array of `count` zeroed items grown to `room` of them, at least; for arrays by number. */
void *grow_array(void *array, size_t item, size_t *room, size_t wanted);

#endif
