/*
 * A hash table with open addressing and linear probing, at most half full. The hash is FNV-1a
 * (Fowler, Noll, Vo; draft-eastlake-fnv), which a client could make collide: what comes out of a
 * body is so little (some thousand names) that this costs milliseconds.
 */
#include "base/map.h"

static uint64_t
hash_of(const char *key)
{
	uint64_t hash = 14695981039346656037u;

	for (; *key; key++)
		hash = (hash ^ (unsigned char)*key) * 1099511628211u;
	return hash;
}

static struct map_slot *
slot_of(const struct map *map, const char *key)
{
	size_t i = hash_of(key) & (map->room - 1);

	while (map->slots[i].key && strcmp(map->slots[i].key, key) != 0)
		i = (i + 1) & (map->room - 1);
	return &map->slots[i];
}

void
map_init(struct map *map, struct arena *arena)
{
	*map = (struct map){ .arena = arena, .room = 64 };
	map->slots = ARENA_ARRAY(arena, struct map_slot, map->room);
}

static void
grow(struct map *map)
{
	struct map old = *map;

	map->room *= 2;
	map->slots = ARENA_ARRAY(map->arena, struct map_slot, map->room);
	for (size_t i = 0; i < old.room; i++) {
		if (old.slots[i].key)
			*slot_of(map, old.slots[i].key) = old.slots[i];
	}
}

void
map_set(struct map *map, const char *key, void *value)
{
	struct map_slot *slot;

	if (map->count * 2 >= map->room)
		grow(map);
	slot = slot_of(map, key);
	if (!slot->key)
		map->count++;
	*slot = (struct map_slot){ .key = key, .value = value };
}

void *
map_get(const struct map *map, const char *key)
{
	return slot_of(map, key)->value;
}
