/*
 * One connection to Redis. hiredis is included by redis.c alone. Redis filters and counts; it never
 * decides, so every caller has a way to go on without it.
 *
 * Each call is bounded by redis_timeout_ms. After a failure the connection is dropped and the
 * circuit breaker answers "away" at once for redis_retry_ms (with jitter).
 */
#ifndef HOLDFAST_REDIS_H
#define HOLDFAST_REDIS_H

#include "base/arena.h"
#include "base/conf.h"

struct redis;

/* A script of store/lua, generated: the text and its SHA-1. */
struct redis_script {
	const char *name;
	const char *text;
	const char *sha1;
};

/* A reply or a part of one; owned by the arena. */
struct redis_value;

enum redis_kind { REDIS_NIL, REDIS_INT, REDIS_TEXT, REDIS_LIST, REDIS_ERROR };

struct redis *redis_open(const struct conf *conf); /* does not connect yet */
void redis_close(struct redis *redis);

/*
 * EVALSHA, with EVAL when the server does not know the script. keys and args end with NULL; an
 * argument that holds NUL bytes goes into bytes form by redis_command(). NULL: Redis is away, slow
 * or answered an error (counted, logged once a pause).
 */
const struct redis_value *redis_script(struct redis *redis, const struct redis_script *script,
	const char *const *keys, const char *const *args, struct arena *arena);

/* Any command as words, with their lengths (lens NULL: strlen). */
const struct redis_value *redis_command(struct redis *redis, int words, const char *const *word,
	const size_t *lens, struct arena *arena);

enum redis_kind redis_kind(const struct redis_value *value);
int64_t redis_int(const struct redis_value *value); /* of an int, or of text that is one; else 0 */
const char *redis_text(const struct redis_value *value, size_t *len); /* len may be NULL */
size_t redis_length(const struct redis_value *list);
const struct redis_value *redis_at(const struct redis_value *list, size_t index);

/* INFO's run_id of the server that this connection reaches; NULL while it is away. Connects. */
const char *redis_run_id(struct redis *redis);

bool redis_is_up(const struct redis *redis);

/* Monotonic time of the last call that had no answer; of redis_open() where each had one. */
int64_t redis_failed_us(const struct redis *redis);

#endif
