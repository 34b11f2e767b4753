/*
 * The connection to Redis, over hiredis.
 *
 * Every wait is a poll with the deadline of the call, so that a server that answers byte by byte
 * cannot hold a worker longer than one that is silent. But the first read of an answer waits by
 * itself, as long as the socket allows: mostly there is no other. A context that has failed once is
 * freed: a late reply would otherwise be taken for the next one's.
 */
#include "store/redis.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/id.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/str.h"
#include "store/redis_url.h"
#include "store/resp.h"
#include "store/wait.h"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#define RUN_ID_MAX 64
#define LOOK_US    1000

struct redis {
	struct arena *arena; /* the address, for as long as this lives */
	bool wanted;         /* there is an address */
	struct redis_url url;
	int64_t timeout_us;
	int64_t retry_us;
	int64_t looked_us;   /* when the connection was last seen to stand */
	int64_t retry_at_us; /* the breaker is open until this monotonic time */
	int64_t log_at_us;   /* refused commands are not logged before this time */
	int64_t failed_us;   /* the last call without an answer */
	redisContext *context;
	bool away; /* its loss has been logged */
	char run_id[RUN_ID_MAX];
};

/* Drops the connection and opens the breaker. */
static void
connection_fail(struct redis *redis, const char *reason)
{
	uint32_t random;

	if (!redis->away)
		log_line(LOG_WARN, "redis=away reason=%s", log_value(reason));
	redis->away = true;
	metrics_met(METRIC_SERVER_REDIS, false, clock_monotonic_us());
	FAULT_SOCKET(FAULT_REDIS, -1);
	if (redis->context != NULL)
		redisFree(redis->context);
	redis->context = NULL;
	id_random(&random, sizeof(random));
	redis->failed_us = clock_monotonic_us();
	redis->retry_at_us = redis->failed_us + redis->retry_us +
			     (int64_t)(random % (uint32_t)(redis->retry_us / 2 + 1));
}

/*
 * The next reply, or NULL when the connection failed or the time is over. all_left: so is all of
 * it, and the first read may wait as long as the socket allows; one that finds nothing, at once or
 * after that, is none to hiredis.
 */
static redisReply *
reply_read(redisContext *context, int64_t deadline_us, bool all_left)
{
	void *reply = NULL;

	for (bool read = all_left;; read = false) {
		if (redisGetReplyFromReader(context, &reply) != REDIS_OK)
			return NULL;
		if (reply != NULL)
			return reply;
		if (!read && !wait_for(context->fd, POLLIN, deadline_us))
			return NULL;
		if (redisBufferRead(context) != REDIS_OK)
			return NULL;
	}
}

/* ---- connecting ------------------------------------------------------------------------------ */

/* AUTH, SELECT and INFO, as far as they are needed; returns how many these are. */
static int
session_write(struct str *out, const struct redis_url *url)
{
	const char *auth[] = { "AUTH", url->user != NULL ? url->user : url->password,
		url->password };
	const char *select[] = { "SELECT", str_int(out->arena, url->db) };
	const char *info[] = { "INFO", "server" };
	int replies = 1;

	if (url->password != NULL) {
		resp_write(out, url->user != NULL ? 3 : 2, auth, NULL);
		replies++;
	}
	if (url->db != 0) {
		resp_write(out, 2, select, NULL);
		replies++;
	}
	resp_write(out, 2, info, NULL);
	return replies;
}

static bool
run_id_read(const char *info, char run_id[RUN_ID_MAX])
{
	const char *line = strstr(info, "run_id:");
	size_t len;

	if (line == NULL)
		return false;
	line += strlen("run_id:");
	len = strcspn(line, "\r\n");
	if (len == 0 || len >= RUN_ID_MAX)
		return false;
	memcpy(run_id, line, len);
	run_id[len] = '\0';
	return true;
}

/* Who this is, and the server's run_id, in one round trip; returns what is wrong. */
static const char *
session_begin(struct redis *redis, struct arena *arena, int64_t deadline_us)
{
	const char *mistake = NULL;
	struct str text;
	int replies;

	str_init(&text, arena);
	replies = session_write(&text, &redis->url);
	if (!wait_send(redis->context->fd, text.data, text.len, deadline_us))
		return "cannot write";
	for (int i = 0; i < replies; i++) {
		redisReply *reply = reply_read(redis->context, deadline_us, false);

		if (reply == NULL)
			return "no answer in time";
		if (reply->type == REDIS_REPLY_ERROR)
			mistake = "refused by the server";
		else if (i == replies - 1 && (reply->type != REDIS_REPLY_STRING ||
						     !run_id_read(reply->str, redis->run_id)))
			mistake = "not a Redis server";
		freeReplyObject(reply);
		if (mistake != NULL)
			return mistake;
	}
	return NULL;
}

static bool
connection_open(struct redis *redis)
{
	int64_t now_us = clock_monotonic_us();
	int64_t deadline_us = now_us + redis->timeout_us;
	struct timeval timeout = { .tv_sec = redis->timeout_us / 1000000,
		.tv_usec = redis->timeout_us % 1000000 };
	redisContext *context;
	struct arena *arena;
	const char *mistake;

	if (now_us < redis->retry_at_us) {
		redis->failed_us = now_us;
		return false;
	}
	context = redis->url.path != NULL
			  ? redisConnectUnixWithTimeout(redis->url.path, timeout)
			  : redisConnectWithTimeout(redis->url.host, redis->url.port, timeout);
	redis->context = context;
	if (context == NULL || context->err) {
		connection_fail(redis, context != NULL ? context->errstr : "out of memory");
		return false;
	}
	context->flags &= ~REDIS_BLOCK;
	if (fcntl(context->fd, F_SETFL, O_NONBLOCK) != 0 ||
		fcntl(context->fd, F_SETFD, FD_CLOEXEC) != 0) {
		connection_fail(redis, "cannot set up the socket");
		return false;
	}
	arena = arena_new();
	mistake = session_begin(redis, arena, deadline_us);
	arena_free(arena);
	if (mistake == NULL && (fcntl(context->fd, F_SETFL, 0) != 0 ||
				       setsockopt(context->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout,
					       sizeof(timeout)) != 0))
		mistake = "cannot set up the socket";
	if (mistake != NULL) {
		connection_fail(redis, mistake);
		return false;
	}
	if (redis->away)
		log_line(LOG_INFO, "redis=back");
	redis->away = false;
	metrics_add(METRIC_CONNECTS, METRIC_SERVER_REDIS, 1);
	FAULT_SOCKET(FAULT_REDIS, context->fd);
	return true;
}

/*
 * Whether there is a connection to send on. Nothing may be readable while no command is under way:
 * if something is, the server has closed the connection, and a new one is tried at once. What a
 * request asks in one go is looked at once.
 */
static bool
connection_ready(struct redis *redis)
{
	bool ready;

	if (!redis->wanted)
		return false;
	if (redis->context != NULL) {
		struct pollfd fd = { .fd = redis->context->fd, .events = POLLIN };
		int64_t now_us = clock_monotonic_us();

		if (now_us - redis->looked_us < LOOK_US)
			return true;
		if (poll(&fd, 1, 0) <= 0) {
			redis->looked_us = now_us;
			return true;
		}
		FAULT_SOCKET(FAULT_REDIS, -1);
		redisFree(redis->context);
		redis->context = NULL;
	}
	ready = connection_open(redis);
	if (!ready) {
		metrics_add(METRIC_REDIS_CALLS, METRIC_RESULT_AWAY, 1);
		metrics_met(METRIC_SERVER_REDIS, false, clock_monotonic_us());
	}
	return ready;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void
reply_release(void *reply)
{
	freeReplyObject(reply);
}

/* Refusals that say that this server is of no use for now, whatever the command was. */
static bool
is_away(const char *error)
{
	static const char *const states[] = { "LOADING", "READONLY", "MASTERDOWN", "NOAUTH",
		"WRONGPASS", "OOM", "MISCONF", "BUSY ", "CLUSTERDOWN", "NOREPLICAS" };

	for (size_t i = 0; i < ARRAY_LENGTH(states); i++) {
		if (str_starts(error, states[i]))
			return true;
	}
	return false;
}

static void
refusal_log(struct redis *redis, const char *what, const char *error)
{
	int64_t now_us = clock_monotonic_us();

	redis->failed_us = now_us;
	if (now_us < redis->log_at_us)
		return;
	redis->log_at_us = now_us + redis->retry_us;
	log_line(LOG_ERROR, "redis=refused command=%s message=%s", log_value(what),
		log_value(error));
}

/* A script that the server did not know yet is no refusal. */
static void
count_answer(const redisReply *reply, int64_t began_us)
{
	bool refused = reply->type == REDIS_REPLY_ERROR && !str_starts(reply->str, "NOSCRIPT");
	int64_t now_us = clock_monotonic_us();

	metrics_add(METRIC_REDIS_CALLS, refused ? METRIC_RESULT_REFUSED : METRIC_RESULT_OK, 1);
	metrics_observe(METRIC_REDIS_SECONDS, 0, now_us - began_us);
	metrics_met(METRIC_SERVER_REDIS, true, now_us);
}

/*
 * Sends one command and reads its reply. NULL: failed. An error reply is returned only if it is
 * NOSCRIPT, for which the caller has an answer.
 */
static redisReply *
command_run(struct redis *redis, const char *what, int words, const char *const *word,
	const size_t *lens, struct arena *arena)
{
	int64_t began_us = clock_monotonic_us(), deadline_us = began_us + redis->timeout_us;
	redisReply *reply;
	struct str text;

	FAULT_CALL(what, "sending");
	/* Past hiredis, which would copy it once more. */
	str_init(&text, arena);
	resp_write(&text, words, word, lens);
	if (!wait_send(redis->context->fd, text.data, text.len, deadline_us)) {
		connection_fail(redis, "cannot write");
		metrics_add(METRIC_REDIS_CALLS, METRIC_RESULT_FAILED, 1);
		return NULL;
	}
	FAULT_CALL(what, "sent");
	reply = reply_read(redis->context, deadline_us,
		clock_monotonic_us() - began_us < redis->timeout_us / 10);
	if (reply == NULL) {
		connection_fail(
			redis, redis->context->err ? redis->context->errstr : "no answer in time");
		metrics_add(METRIC_REDIS_CALLS, METRIC_RESULT_FAILED, 1);
		return NULL;
	}
	count_answer(reply, began_us);
	arena_on_reset(arena, reply_release, reply);
	if (reply->type != REDIS_REPLY_ERROR || str_starts(reply->str, "NOSCRIPT"))
		return reply;
	if (is_away(reply->str))
		connection_fail(redis, reply->str);
	else
		refusal_log(redis, what, reply->str);
	return NULL;
}

static int
words_count(const char *const *words)
{
	int count = 0;

	while (words != NULL && words[count] != NULL)
		count++;
	return count;
}

const struct redis_value *
redis_script(struct redis *redis, const struct redis_script *script, const char *const *keys,
	const char *const *args, struct arena *arena)
{
	int key_count = words_count(keys), arg_count = words_count(args);
	int count = 3 + key_count + arg_count;
	const char **word;
	redisReply *reply;

	if (!connection_ready(redis))
		return NULL;
	word = ARENA_ARRAY(arena, const char *, count);
	word[0] = "EVALSHA";
	word[1] = script->sha1;
	word[2] = str_int(arena, key_count);
	for (int i = 0; i < key_count; i++)
		word[3 + i] = keys[i];
	for (int i = 0; i < arg_count; i++)
		word[3 + key_count + i] = args[i];
	reply = command_run(redis, script->name, count, word, NULL, arena);
	if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {
		word[0] = "EVAL";
		word[1] = script->text;
		reply = command_run(redis, script->name, count, word, NULL, arena);
	}
	return reply != NULL && reply->type != REDIS_REPLY_ERROR ? (const struct redis_value *)reply
								 : NULL;
}

const struct redis_value *
redis_command(struct redis *redis, int words, const char *const *word, const size_t *lens,
	struct arena *arena)
{
	redisReply *reply;

	if (!connection_ready(redis))
		return NULL;
	reply = command_run(redis, word[0], words, word, lens, arena);
	return reply != NULL && reply->type != REDIS_REPLY_ERROR ? (const struct redis_value *)reply
								 : NULL;
}

/* ---- replies --------------------------------------------------------------------------------- */

static const redisReply *
reply_of(const struct redis_value *value)
{
	return (const redisReply *)value;
}

enum redis_kind
redis_kind(const struct redis_value *value)
{
	switch (reply_of(value)->type) {
	case REDIS_REPLY_INTEGER:
		return REDIS_INT;
	case REDIS_REPLY_STRING:
	case REDIS_REPLY_STATUS:
		return REDIS_TEXT;
	case REDIS_REPLY_ARRAY:
		return REDIS_LIST;
	case REDIS_REPLY_ERROR:
		return REDIS_ERROR;
	default:
		return REDIS_NIL;
	}
}

int64_t
redis_int(const struct redis_value *value)
{
	int64_t n = 0;

	if (redis_kind(value) == REDIS_INT)
		return reply_of(value)->integer;
	if (redis_kind(value) == REDIS_TEXT)
		str_to_int(reply_of(value)->str, INT64_MIN, INT64_MAX, &n);
	return n;
}

const char *
redis_text(const struct redis_value *value, size_t *len)
{
	enum redis_kind kind = redis_kind(value);
	bool text = kind == REDIS_TEXT || kind == REDIS_ERROR;

	if (len != NULL)
		*len = text ? reply_of(value)->len : 0;
	return text ? reply_of(value)->str : NULL;
}

size_t
redis_length(const struct redis_value *list)
{
	return redis_kind(list) == REDIS_LIST ? reply_of(list)->elements : 0;
}

const struct redis_value *
redis_at(const struct redis_value *list, size_t index)
{
	assert(index < redis_length(list));
	return (const struct redis_value *)reply_of(list)->element[index];
}

/* ---- opening and closing --------------------------------------------------------------------- */

struct redis *
redis_open(const struct conf *conf)
{
	struct arena *arena = arena_new();
	struct redis *redis = ARENA_NEW(arena, struct redis);
	const char *mistake;

	signal(SIGPIPE, SIG_IGN);
	redis->arena = arena;
	redis->timeout_us = conf->redis_timeout_ms * 1000;
	redis->retry_us = conf->redis_retry_ms * 1000;
	redis->failed_us = clock_monotonic_us();
	redis->wanted = *conf->redis_url != '\0';
	if (!redis->wanted)
		return redis;
	if (!redis_url_read(arena, conf->redis_url, &redis->url, &mistake)) {
		fprintf(stderr, "holdfast-%s: redis_url is not usable: %s\n", conf->program,
			mistake);
		exit(2);
	}
	if (redis->url.password == NULL && *conf->redis_password != '\0')
		redis->url.password = arena_strdup(arena, conf->redis_password);
	return redis;
}

void
redis_close(struct redis *redis)
{
	if (redis->context != NULL)
		redisFree(redis->context);
	arena_free(redis->arena);
}

const char *
redis_run_id(struct redis *redis)
{
	return connection_ready(redis) ? redis->run_id : NULL;
}

bool
redis_is_up(const struct redis *redis)
{
	return redis->context != NULL;
}

int64_t
redis_failed_us(const struct redis *redis)
{
	return redis->failed_us;
}
