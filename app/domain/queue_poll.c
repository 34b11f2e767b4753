/*
 * How long people wait, and when they ask again: those at the head as often as anybody may, others
 * a few times before it can be their turn. Nobody is told to stay away for so long that what they
 * wait for is lost, or much of it.
 */
#include "domain/queue_parts.h"

#define POLL_NEAR    100 /* so many at the head ask as often as anybody may */
#define POLL_MOST    15  /* intervals: nobody in the line of a section asks more rarely */
#define POLL_EARLY_S 60  /* nobody in a waiting room asks more rarely before the opening */
#define POLL_OPEN_S  15  /* after the opening those who waited for it ask within so long */

/* Never below `low`, which gives way to `most`. */
static int64_t
between(int64_t low, int64_t value, int64_t most)
{
	value = value < low ? low : value;
	return value > most ? most : value;
}

int64_t
queue_wait(int64_t ahead, int64_t rate)
{
	return rate > 0 ? ((ahead + 1) * 1000000 + rate - 1) / rate : -1;
}

/* So whoever comes back after Redis has lost the line is there before it can be their turn. */
int64_t
queue_poll_after(const struct conf *conf, const struct queue_place *place)
{
	int64_t interval = conf->queue_poll_seconds, most = conf->queue_hold_seconds / 4;
	int64_t after = interval;

	if (place->status == QUEUE_SOLD_OUT)
		after = QUEUE_POLL_SOLD * interval;
	else if (place->ahead >= POLL_NEAR)
		after = place->wait_s >= 0 ? place->wait_s / 10
					   : interval * (1 + place->ahead / 500);
	after = between(interval, after, POLL_MOST * interval);
	/* Who is served meanwhile has most of the reservation left. */
	return between(1, after, most > 1 ? most : 1);
}

/* Who was there with one poll is not passed over before the next, and has most of the pass left. */
int64_t
room_poll_after(const struct conf *conf, const struct room_place *place, struct room_pace pace)
{
	int64_t interval = conf->queue_poll_seconds;
	int64_t most = between(1, pace.stale_s / 2, pace.life_s / 4);

	if (pace.waiting <= POLL_NEAR || (place->ahead >= 0 && place->ahead < POLL_NEAR))
		return between(1, interval, most);
	if (place->starts_in_s < 0)
		return between(interval, place->wait_s >= 0 ? place->wait_s / 10 : most, most);
	/* Not all of them at the moment of the opening, nor long after it. */
	return between(between(1, most, POLL_OPEN_S), place->starts_in_s / 2, POLL_EARLY_S);
}
