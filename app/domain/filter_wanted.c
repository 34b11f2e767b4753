/*
 * The event that a request of this process found missing: it is built when no client waits.
 *
 * Everybody may ask for every event that there ever was. One that is over is not built, whoever
 * asks for it is answered by PostgreSQL; and PostgreSQL is not asked again and again whether it is.
 */
#include "base/clock.h"
#include "base/log.h"
#include "domain/filter_parts.h"

#define OVER_MAX 256      /* a power of two */
#define OVER_US  10000000 /* so long an event that is over is taken to be */

static int32_t wanted;

static struct {
	int32_t event_id;
	int64_t until_us;
} over[OVER_MAX];

bool
filter_is_over(int32_t event_id)
{
	size_t slot = (size_t)event_id & (OVER_MAX - 1);

	return over[slot].event_id == event_id && clock_monotonic_us() < over[slot].until_us;
}

void
filter_want(int32_t event_id)
{
	if (!filter_is_over(event_id))
		wanted = event_id;
}

void
filter_rebuild_wanted(struct context *house)
{
	int32_t event_id = wanted;
	size_t slot = (size_t)event_id & (OVER_MAX - 1);
	enum filter_built built = FILTER_THERE;
	enum problem err;

	wanted = 0;
	if (!event_id)
		return;
	err = filter_rebuild(house, event_id, false, &built);
	if (err)
		log_line(LOG_WARN, "filter=rebuild event=%d problem=%s", (int)event_id,
			problem_rows[err].slug);
	if (built == FILTER_OVER) {
		over[slot].event_id = event_id;
		over[slot].until_us = clock_monotonic_us() + OVER_US;
	}
}
