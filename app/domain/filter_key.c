/*
 * The names of what is kept of an event: written, and read.
 */
#include "base/str.h"
#include "domain/filter_parts.h"

const char *
filter_prefix(struct context *house, int32_t event_id)
{
	return STR_JOIN(house->arena, "hf:{", str_int(house->arena, event_id), "}");
}

bool
filter_key_event(struct arena *arena, const char *key, int32_t *event_id)
{
	const char *begin = strchr(key, '{'), *end = strchr(key, '}');
	int64_t n;

	if (!begin || !end || end < begin ||
		!str_to_int(
			arena_copy(arena, begin + 1, (size_t)(end - begin - 1)), 1, INT32_MAX, &n))
		return false;
	*event_id = (int32_t)n;
	return true;
}
