/*
 * Public ids of events.
 */
#include "domain/event.h"

bool
event_id_read(const char *text, int32_t *out)
{
	int64_t n;

	if (*text < '1' || *text > '9' || !str_to_int(text, 1, INT32_MAX, &n))
		return false;
	*out = (int32_t)n;
	return true;
}
