/*
 * A map from text to pointers on an arena. Grows; nothing is ever taken out.
 */
#ifndef HOLDFAST_MAP_H
#define HOLDFAST_MAP_H

#include "base/arena.h"

struct map {
	struct arena *arena;
	struct map_slot {
		const char *key; /* NULL: free */
		void *value;
	} * slots;
	size_t room; /* a power of two */
	size_t count;
};

void map_init(struct map *map, struct arena *arena);

/* The key is not copied: it must live as long as the map. Replaces what was there. */
void map_set(struct map *map, const char *key, void *value);

/* NULL: not there. */
void *map_get(const struct map *map, const char *key);

#endif
