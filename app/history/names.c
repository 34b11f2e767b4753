/*
 * Texts by number.
 */
#include "history/names.h"

void *
grow_array(void *array, size_t item, size_t *room, size_t wanted)
{
	size_t more = *room ? *room : 1024;
	char *grown;

	if (wanted <= *room)
		return array;
	while (more < wanted)
		more *= 2;
	grown = reallocarray(array, more, item);
	assert(grown);
	memset(grown + *room * item, 0, (more - *room) * item);
	*room = more;
	return grown;
}

void
names_init(struct names *names, struct arena *arena)
{
	*names = (struct names){ .arena = arena };
	map_init(&names->map, arena);
}

void
names_release(struct names *names)
{
	free(names->texts);
}

uint32_t
names_find(const struct names *names, const char *text)
{
	return (uint32_t)(uintptr_t)map_get(&names->map, text);
}

uint32_t
names_add(struct names *names, const char *text)
{
	size_t room = names->room;
	uint32_t number;
	char *kept;

	if (!text)
		return 0;
	number = names_find(names, text);
	if (number)
		return number;
	assert(names->count < UINT32_MAX / 2);
	number = ++names->count;
	names->texts = grow_array(names->texts, sizeof(*names->texts), &room, number + 1);
	names->room = (uint32_t)room;
	kept = arena_strdup(names->arena, text);
	names->texts[number] = kept;
	map_set(&names->map, kept, (void *)(uintptr_t)number);
	return number;
}

const char *
names_text(const struct names *names, uint32_t number)
{
	return number ? names->texts[number] : "none";
}
