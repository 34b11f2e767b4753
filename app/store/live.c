/*
 * Notices over unix sockets that do not block. A connection is kept; answers are read, and counted,
 * when somebody asks for them or the next notice goes out.
 */
#include "store/live.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/str.h"

#define SERVERS_MAX  16
#define REQUEST_MAX  1024
#define ANSWERS_MAX  4096

/* A server that owes an answer for so long gets nothing more until it has given it, and decides no
 * more what becomes of a notice where another server does. */
#define PATIENCE_US  1000000

/* A connection that was not used for so long is made anew: nginx may be about to close it. */
#define IDLE_US      60000000

/* Each answer begins like this, then its status; nothing within one does. */
#define ANSWER_BEGIN "HTTP/1.1 "

struct server {
	struct sockaddr_un address;
	int fd;           /* -1: none */
	int owed;         /* answers */
	int state;        /* of live_read_answers() */
	int64_t since_us; /* no room, or something owed, since then; an answer begins anew */
	int64_t used_us;
	bool full; /* there was no room for a connection */
	bool away; /* its loss has been logged */
};

struct live {
	struct arena *arena;
	struct server servers[SERVERS_MAX];
	size_t count;
};

struct live *
live_open(const char *sockets)
{
	struct arena *arena = arena_new();
	struct live *live = ARENA_NEW(arena, struct live);
	char *list = arena_strdup(arena, sockets);

	live->arena = arena;
	for (char *path = strsep(&list, ","); path; path = strsep(&list, ",")) {
		struct server *server = &live->servers[live->count];
		size_t len = strlen(path);

		if (len == 0 || len >= sizeof(server->address.sun_path) ||
			live->count == SERVERS_MAX) {
			log_line(LOG_ERROR, "live=unusable socket=%s", log_value(path));
			continue;
		}
		server->fd = -1;
		server->address.sun_family = AF_UNIX;
		memcpy(server->address.sun_path, path, len + 1);
		live->count++;
	}
	return live;
}

static void
disconnect(struct server *server)
{
	if (server->fd >= 0)
		close(server->fd);
	server->fd = -1;
	server->owed = 0;
	server->state = 0;
}

void
live_close(struct live *live)
{
	for (size_t i = 0; i < live->count; i++)
		disconnect(&live->servers[i]);
	arena_free(live->arena);
}

struct live_answers
live_read_answers(const char *bytes, size_t len, int *state)
{
	static const char begin[] = ANSWER_BEGIN;
	const int whole = (int)strlen(begin);
	struct live_answers seen = { 0 };

	for (size_t i = 0; i < len; i++) {
		if (*state == whole) {
			seen.count++;
			seen.refused += bytes[i] != '2';
			*state = 0;
		} else if (bytes[i] == begin[*state]) {
			++*state;
		} else {
			*state = bytes[i] == begin[0];
		}
	}
	return seen;
}

/* What has come since the last notice. False: the connection is of no use any more. */
static bool
read_answers(struct server *server, int64_t now_us)
{
	char bytes[ANSWERS_MAX];
	struct live_answers seen;
	ssize_t got;

	while ((got = recv(server->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		seen = live_read_answers(bytes, (size_t)got, &server->state);
		if (seen.refused)
			metrics_add(METRIC_NOTICES, METRIC_NOTICE_REFUSED, seen.refused);
		server->owed -= seen.count;
		server->since_us = now_us;
		/* More than was asked for is no server of ours. */
		if (server->owed < 0)
			return false;
	}
	return got < 0 && (errno == EAGAIN || errno == EINTR);
}

static bool
is_silent(const struct server *server, int64_t now_us)
{
	return (server->owed > 0 || server->full) && now_us - server->since_us > PATIENCE_US;
}

bool
live_answered(struct live *live, int64_t now_us)
{
	bool some = false, silent = false;

	for (size_t i = 0; i < live->count; i++) {
		struct server *server = &live->servers[i];

		if (server->owed > 0 && !read_answers(server, now_us))
			disconnect(server);
		if (is_silent(server, now_us))
			silent = true;
		else if (server->owed > 0)
			return false;
		else
			some |= server->fd >= 0;
	}
	return some || !silent;
}

/* Connecting to a unix socket never waits for the other side: there is room, or there is not. */
static enum live_result
connection_open(struct server *server, int64_t now_us)
{
	int mistake;

	server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server->fd >= 0 && connect(server->fd, (const struct sockaddr *)&server->address,
				       sizeof(server->address)) == 0) {
		if (server->away)
			log_line(LOG_INFO, "live=back socket=%s",
				log_value(server->address.sun_path));
		server->away = server->full = false;
		return LIVE_SENT;
	}
	mistake = errno;
	disconnect(server);
	if (mistake == EAGAIN) {
		if (!server->full)
			server->since_us = now_us;
		server->full = true;
		return LIVE_BUSY;
	}
	server->full = false;
	if (!server->away)
		log_line(LOG_WARN, "live=away socket=%s reason=%s",
			log_value(server->address.sun_path), log_value(strerror(mistake)));
	server->away = true;
	return LIVE_AWAY;
}

/* Whole or not at all: a notice is far shorter than the buffer that has room for it. */
static enum live_result
hand_over(struct server *server, const char *request, size_t len, int64_t now_us)
{
	ssize_t put = send(server->fd, request, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (put == (ssize_t)len) {
		if (server->owed++ == 0)
			server->since_us = now_us;
		server->used_us = now_us;
		return LIVE_SENT;
	}
	if (put < 0 && errno == EAGAIN)
		return LIVE_BUSY;
	disconnect(server);
	return LIVE_AWAY;
}

static enum live_result
post_to(struct server *server, const char *request, size_t len, int64_t now_us)
{
	enum live_result result;

	if (server->fd >= 0 && (!read_answers(server, now_us) ||
				       (server->owed == 0 && now_us - server->used_us > IDLE_US)))
		disconnect(server);
	if (server->fd >= 0) {
		if (is_silent(server, now_us))
			return LIVE_BUSY;
		result = hand_over(server, request, len, now_us);
		if (result != LIVE_AWAY)
			return result;
	}
	result = connection_open(server, now_us);
	return result == LIVE_SENT ? hand_over(server, request, len, now_us) : result;
}

enum live_result
live_post(struct live *live, int32_t event_id, const char *name, const char *data, int64_t now_us)
{
	static const int values[] = {
		[LIVE_BUSY] = METRIC_NOTICE_BUSY,
		[LIVE_SENT] = METRIC_NOTICE_SENT,
		[LIVE_AWAY] = METRIC_NOTICE_AWAY,
	};
	enum live_result result, worst = LIVE_AWAY;
	bool silent = false;
	char request[REQUEST_MAX];
	int len = snprintf(request, sizeof(request),
		"POST /events/%d HTTP/1.1\r\nHost: live\r\nX-EventSource-Event: %s\r\n"
		"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		(int)event_id, name, strlen(data), data);

	assert(len > 0 && len < (int)sizeof(request));
	for (size_t i = 0; i < live->count; i++) {
		result = post_to(&live->servers[i], request, (size_t)len, now_us);
		metrics_add(METRIC_NOTICES, values[result], 1);
		if (result == LIVE_BUSY && is_silent(&live->servers[i], now_us))
			silent = true;
		else if (result < worst)
			worst = result;
	}
	return silent && worst == LIVE_AWAY ? LIVE_BUSY : worst;
}
