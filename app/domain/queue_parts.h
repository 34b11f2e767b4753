/*
 * What the files of the queue share among themselves.
 */
#ifndef HOLDFAST_QUEUE_PARTS_H
#define HOLDFAST_QUEUE_PARTS_H

#include "domain/filter_parts.h"
#include "domain/queue.h"
#include "domain/room.h"

#define QUEUE_POLL_SOLD 5 /* intervals after which whoever is told `sold_out` asks again */

/* Seconds until one with so many ahead is served, at so many people in a million seconds; -1: not
 * known, as the rate of 0 says. */
int64_t queue_wait(int64_t ahead, int64_t rate);

/* Seconds after which one who waits asks again. */
int64_t queue_poll_after(const struct conf *conf, const struct queue_place *place);

/* What that goes by in a waiting room, besides how one stands. */
struct room_pace {
	int64_t stale_s; /* at least 2 */
	int64_t life_s;  /* of a pass: at least 4 */
	int64_t waiting; /* people */
};
int64_t
room_poll_after(const struct conf *conf, const struct room_place *place, struct room_pace pace);

/* A script of a line; bucket NULL: it needs no other key. NULL: Redis is away. */
const struct redis_value *queue_script(struct context *house, const struct redis_script *script,
	int32_t event_id, const char *bucket, const char *const *args);

/* Nobody answers for a line, which with its places is kept: UNAVAILABLE. */
enum problem queue_away(struct context *house);

/* The word that the answer of a script begins with; NULL: there is no such answer. */
const char *queue_said(const struct redis_value *reply);

/* How the line is moved on that somebody has just asked about. */
void queue_note(int32_t event_id, const char *line, int64_t since_ms, bool open);

/*
 * Begins a line of which Redis keeps nothing, or what an earlier run of it left; `above`: under an
 * epoch that is at least as high. Waits a moment for another process that does.
 */
enum problem queue_begin(struct context *house, int32_t event_id, const char *line, int64_t above);

/* The name in Redis of the caller's key; NULL: there is none. */
const char *queue_key(struct context *house, int32_t event_id, const char *user_id,
	const struct context_key *key);

/*
 * Binds the caller's key to the request before that does anything. *kept: what was answered under
 * it before; NULL: nothing, also without a key or while Redis is away. KEY_REUSED.
 */
enum problem queue_key_bind(struct context *house, int32_t event_id, const char *user_id,
	const struct context_key *key, const char **kept);

/*
 * Keeps an answer under the key of a request that ended with err. One that was refused leaves the
 * key free; where it may have been done it stays bound. Returns err, or KEY_REUSED. *kept: another
 * answer that was quicker, or NULL.
 */
enum problem queue_key_end(struct context *house, int32_t event_id, const char *user_id,
	const struct context_key *key, enum problem err, const char *answer, const char **kept);

/*
 * How a ticket ended, as PostgreSQL knows it; *known: false where it has not. booking_id: that
 * which it is said to have been served with; NULL: that which it would be.
 */
enum problem queue_ask(struct context *house, const struct ticket *ticket, const char *booking_id,
	bool *known, struct queue_place *out);

/*
 * *sales: when the event of a line is on sale, as a problem tells it, where nobody of that line is
 * served any more; NULL: somebody may be.
 */
enum problem queue_over(struct context *house, const struct ticket *ticket, const char **sales);

#endif
