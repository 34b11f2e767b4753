/*
 * Lines in Redis: their scripts, how they begin, how many wait, and answers kept under keys.
 */
#include <inttypes.h>
#include <poll.h>

#include "domain/queue_parts.h"
#include "queries.h"
#include "scripts.h"

#define BEGIN_TRIES    250
#define BEGIN_PAUSE_MS 2 /* about as long as a line takes to begin */
#define LINES_MAX      10000
#define ALL_LINES      "hf:lines" /* EVENT:LINE of every line, for those who count */
#define KEY_LIFE_MS    "86400000"

const struct redis_value *
queue_script(struct context *house, const struct redis_script *script, int32_t event_id,
	const char *bucket, const char *const *args)
{
	const char *keys[] = { filter_prefix(house, event_id), bucket, NULL };

	return redis_script(house->redis, script, keys, args, house->arena);
}

const char *
queue_said(const struct redis_value *reply)
{
	if (!reply)
		return NULL;
	if (redis_kind(reply) != REDIS_LIST)
		return redis_kind(reply) == REDIS_TEXT ? redis_text(reply, NULL) : NULL;
	return redis_length(reply) > 0 ? redis_text(redis_at(reply, 0), NULL) : NULL;
}

/* ---- how a line begins ----------------------------------------------------------------------- */

static const struct redis_value *
begin_step(
	struct context *house, int32_t event_id, const char *line, const char *step, int64_t epoch)
{
	int64_t wait_ms = 2000 * house->conf->queue_poll_seconds;
	const char *run = redis_run_id(house->redis);
	const char *args[] = { line, step, run, str_int(house->arena, epoch),
		str_int(house->arena, wait_ms), NULL };

	return run ? queue_script(house, &script_queue_begin, event_id, NULL, args) : NULL;
}

/* With the right to begin the line, which ends with it. */
static enum problem
begin_claimed(struct context *house, int32_t event_id, const char *line, int64_t above)
{
	struct pg_rows rows;
	enum problem err;
	int64_t epoch;

	err = query_queue_epoch(house->pg, house->arena, house->deadline_us, house->why, &rows,
		event_id, line, above);
	if (err) {
		const char *drop[] = { "DEL", arena_printf(house->arena, "%s:q:%s:begin",
						      filter_prefix(house, event_id), line) };

		redis_command(house->redis, 2, drop, NULL, house->arena);
		return err == PROBLEM_UNKNOWN_OUTCOME ? PROBLEM_UNAVAILABLE : err;
	}
	epoch = pg_int(&rows, 0, QUEUE_EPOCH_EPOCH);
	/* Before it begins, so that none is begun and never counted. */
	redis_command(house->redis, 3,
		(const char *[]){ "SADD", ALL_LINES,
			arena_printf(house->arena, "%" PRId32 ":%s", event_id, line) },
		NULL, house->arena);
	return begin_step(house, event_id, line, "begin", epoch) ? PROBLEM_NONE
								 : PROBLEM_UNAVAILABLE;
}

enum problem
queue_begin(struct context *house, int32_t event_id, const char *line, int64_t above)
{
	for (int tries = 0; tries < BEGIN_TRIES; tries++) {
		const struct redis_value *reply = begin_step(house, event_id, line, "claim", above);
		const char *said = queue_said(reply);
		int64_t known;

		if (!said)
			return PROBLEM_UNAVAILABLE;
		if (str_equal(said, "begun"))
			return PROBLEM_NONE;
		if (str_equal(said, "claimed")) {
			known = redis_int(redis_at(reply, 1));
			return begin_claimed(house, event_id, line, known > above ? known : above);
		}
		poll(NULL, 0, BEGIN_PAUSE_MS);
	}
	return PROBLEM_UNAVAILABLE;
}

/* ---- how many wait --------------------------------------------------------------------------- */

/* How many are in this sorted set of all lines together. */
static int64_t
people(struct context *house, const char *part)
{
	const struct redis_value *lines = redis_command(
		house->redis, 2, (const char *[]){ "SMEMBERS", ALL_LINES }, NULL, house->arena);
	int64_t sum = 0;

	if (!lines || redis_kind(lines) != REDIS_LIST)
		return -1;
	for (size_t i = 0; i < redis_length(lines) && i < LINES_MAX; i++) {
		const char *name = redis_text(redis_at(lines, i), NULL);
		const char *line = name ? strchr(name, ':') : NULL;
		const struct redis_value *count;
		const char *key;

		if (!line)
			continue;
		key = arena_printf(
			house->arena, "hf:{%.*s}:q:%s", (int)(line - name), name, line + 1);
		count = redis_command(house->redis, 2,
			(const char *[]){ "ZCARD", arena_printf(house->arena, "%s:%s", key, part) },
			NULL, house->arena);
		if (!count)
			return -1;
		sum += redis_int(count);
		if (redis_int(count) > 0)
			continue;
		/* A line that is not kept any more is forgotten here too, unless it begins now. */
		count = redis_command(house->redis, 3,
			(const char *[]){ "EXISTS", arena_printf(house->arena, "%s:state", key),
				arena_printf(house->arena, "%s:begin", key) },
			NULL, house->arena);
		if (count && redis_int(count) == 0)
			redis_command(house->redis, 3, (const char *[]){ "SREM", ALL_LINES, name },
				NULL, house->arena);
	}
	return sum;
}

int64_t
queue_waiting(struct context *house)
{
	return people(house, "line");
}

int64_t
queue_inside(struct context *house)
{
	return people(house, "inside");
}

/* ---- answers kept under keys ----------------------------------------------------------------- */

/* Not below the event's own prefix: these end by themselves. */
const char *
queue_key(
	struct context *house, int32_t event_id, const char *user_id, const struct context_key *key)
{
	static const char salt[] = "queue";
	const char *parts[] = { user_id, key->operation, key->key, NULL };
	unsigned char hash[ID_SHA256_BYTES];
	char hex[33];

	if (!key->key)
		return NULL;
	id_hmac(salt, sizeof(salt) - 1, parts, hash);
	id_hex(hash, 16, hex);
	return arena_printf(house->arena, "hfk:{%" PRId32 "}:%s", event_id, hex);
}

/* FINGERPRINT, or FINGERPRINT ANSWER. */
static enum problem
key_read(const struct redis_value *value, const struct context_key *key, const char **kept)
{
	const char *text =
		value && redis_kind(value) == REDIS_TEXT ? redis_text(value, NULL) : NULL;
	size_t len = strlen(key->fingerprint);

	if (!text || str_equal(text, key->fingerprint))
		return PROBLEM_NONE;
	if (strncmp(text, key->fingerprint, len) != 0 || text[len] != ' ')
		return PROBLEM_KEY_REUSED;
	*kept = text + len + 1;
	return PROBLEM_NONE;
}

enum problem
queue_key_bind(struct context *house, int32_t event_id, const char *user_id,
	const struct context_key *key, const char **kept)
{
	const char *name = queue_key(house, event_id, user_id, key);
	const char *words[] = { "SET", name, key->fingerprint, "NX", "PX", KEY_LIFE_MS, "GET" };

	*kept = NULL;
	return name ? key_read(redis_command(house->redis, ARRAY_LENGTH(words), words, NULL,
				       house->arena),
			      key, kept)
		    : PROBLEM_NONE;
}

enum problem
queue_key_end(struct context *house, int32_t event_id, const char *user_id,
	const struct context_key *key, enum problem err, const char *answer, const char **kept)
{
	const char *keys[] = { queue_key(house, event_id, user_id, key), NULL };
	const char *args[] = { key->fingerprint, err ? "" : answer, KEY_LIFE_MS, NULL };
	const struct redis_value *reply;

	*kept = NULL;
	if (!keys[0] || err == PROBLEM_UNKNOWN_OUTCOME || err == PROBLEM_UNAVAILABLE ||
		err == PROBLEM_BUSY)
		return err;
	reply = redis_script(house->redis, &script_key_end, keys, args, house->arena);
	return err ? err : key_read(reply, key, kept);
}
