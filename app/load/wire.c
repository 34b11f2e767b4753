/*
 * Connections: opening without waiting, writing as far as it goes, reading until the answer is
 * whole.
 */
#include "load/wire.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

#define IN_FIRST    4096
#define IN_MAX      (ANSWER_BODY_MAX + 2 * ANSWER_HEAD_MAX)
#define PATIENCE_US 60000000
#define FILES_SPARE 64

_Static_assert(sizeof(struct sockaddr_storage) <= sizeof(((struct target *)0)->address), "address");

/* ---- where to -------------------------------------------------------------------------------- */

/* Host and port apart; an address of IPv6 stands in brackets. */
static const char *
target_split(const char *text, char *host, size_t room, const char **port)
{
	const char *from = text + (*text == '['), *end;

	end = *text == '[' ? strchr(text, ']') : text + strcspn(text, ":/");
	if (!end || end == from)
		return "has no host";
	if ((size_t)(end - from) >= room)
		return "has a host that is too long";
	snprintf(host, room, "%.*s", (int)(end - from), from);
	end += *end == ']';
	*port = *end == ':' ? end + 1 : NULL;
	return NULL;
}

const char *
target_read(struct target *target, const char *url)
{
	struct addrinfo wanted = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	const char *port, *text = url + strlen("http://"), *wrong;
	char host[WIRE_HOST_MAX], number[8] = "80";
	int64_t checked;

	if (!str_starts(url, "http://"))
		return "does not begin with http://";
	wrong = target_split(text, host, sizeof(host), &port);
	if (wrong)
		return wrong;
	if (port)
		snprintf(number, sizeof(number), "%.*s", (int)strcspn(port, "/"), port);
	if (!str_to_int(number, 1, 65535, &checked))
		return "has a port that is no port";
	text += strcspn(text, "/");
	if (*text && !str_equal(text, "/"))
		return "has a path: give the address of the server alone";
	if (getaddrinfo(host, number, &wanted, &found) != 0 || !found)
		return "names a host that is not known";
	memcpy(target->address, found->ai_addr, found->ai_addrlen);
	target->address_len = found->ai_addrlen;
	target->family = found->ai_family;
	freeaddrinfo(found);
	text = url + strlen("http://");
	snprintf(target->host, sizeof(target->host), "%.*s", (int)strcspn(text, "/"), text);
	return NULL;
}

void
request_write(struct str *out, const struct target *target, const struct request *request)
{
	str_printf(out, "%s /api/v1%s HTTP/1.1\r\nHost: %s\r\n", request->method, request->path,
		target->host);
	if (request->token)
		str_printf(out, "Authorization: Bearer %s\r\n", request->token);
	if (request->key)
		str_printf(out, "Idempotency-Key: %s\r\n", request->key);
	if (request->ticket)
		str_printf(out, "X-Queue-Token: %s\r\n", request->ticket);
	if (request->body)
		str_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
			strlen(request->body));
	else if (!str_equal(request->method, "GET"))
		str_add(out, "Content-Length: 0\r\n");
	str_add(out, "\r\n");
	if (request->body)
		str_add(out, request->body);
}

bool
wire_allow(int64_t connections)
{
	struct rlimit files;
	rlim_t wanted = (rlim_t)connections + FILES_SPARE;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return false;
	if (files.rlim_cur >= wanted)
		return true;
	files.rlim_cur = wanted;
	if (files.rlim_max < wanted)
		files.rlim_max = wanted;
	return setrlimit(RLIMIT_NOFILE, &files) == 0;
}

/* ---- the connection -------------------------------------------------------------------------- */

/* Room for len bytes; what is there stays. */
static void
room_for(char **bytes, size_t *room, size_t len, size_t first)
{
	if (len <= *room)
		return;
	if (*room == 0)
		*room = first;
	while (*room < len)
		*room *= 2;
	*bytes = realloc(*bytes, *room);
	if (!*bytes)
		abort();
}

static void
close_socket(struct wire *wire)
{
	if (wire->fd >= 0)
		close(wire->fd);
	wire->fd = -1;
	wire->connecting = wire->stuck = false;
}

static void
finish(struct wire *wire, bool lost)
{
	if (lost || wire->answer.last)
		close_socket(wire);
	wire->lost = lost;
	wire->busy = false;
	wire->done_us = clock_monotonic_us();
	wire->done(wire);
	/* Thousands of these have read a map each. */
	if (wire->in_room > IN_FIRST && !wire->keeps_room && (!wire->busy || wire->in_len == 0)) {
		free(wire->in);
		wire->in = NULL;
		wire->in_room = 0;
	}
}

static bool
open_socket(struct wire *wire)
{
	const struct sockaddr *address = (const struct sockaddr *)wire->target->address;
	int on = 1;

	wire->fd = socket(wire->target->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (wire->fd < 0)
		return false;
	setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	wire->connecting = connect(wire->fd, address, wire->target->address_len) != 0;
	if (wire->connecting && errno != EINPROGRESS)
		return false;
	return watch_add(wire->loop, &wire->watch, wire->fd,
		EPOLLIN | (wire->connecting ? (uint32_t)EPOLLOUT : 0));
}

/* False: the connection is lost. */
static bool
write_on(struct wire *wire)
{
	while (wire->sent < wire->out_len) {
		ssize_t did = send(
			wire->fd, wire->out + wire->sent, wire->out_len - wire->sent, MSG_NOSIGNAL);

		if (did < 0 && errno == EINTR)
			continue;
		if (did < 0 && errno == EAGAIN) {
			wire->stuck = true;
			watch_change(wire->loop, &wire->watch, wire->fd, EPOLLIN | EPOLLOUT);
			return true;
		}
		if (did < 0)
			return false;
		wire->sent += (size_t)did;
	}
	return true;
}

static void
read_on(struct wire *wire)
{
	enum answer_state state;
	ssize_t got;

	room_for(&wire->in, &wire->in_room, wire->in_len + 2, IN_FIRST);
	got = recv(wire->fd, wire->in + wire->in_len, wire->in_room - 1 - wire->in_len, 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* Nobody asked: the server ends an idle connection, or talks out of turn. */
	if (!wire->busy) {
		close_socket(wire);
		return;
	}
	if (got < 0) {
		finish(wire, true);
		return;
	}
	wire->in_len += (size_t)got;
	state = got > 0 ? answer_read(&wire->answer, wire->in, wire->in_len)
			: answer_end(&wire->answer, wire->in, wire->in_len);
	if (state != ANSWER_MORE)
		finish(wire, state == ANSWER_BAD);
	else if (wire->in_len > IN_MAX)
		finish(wire, true);
}

static void
on_ready(struct watch *watch, uint32_t events)
{
	struct wire *wire = (struct wire *)(void *)((char *)watch - offsetof(struct wire, watch));

	if (wire->fd < 0)
		return;
	if (wire->busy && (wire->connecting || wire->stuck) &&
		events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
		int error = 0;
		socklen_t len = sizeof(error);

		getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		wire->connecting = wire->stuck = false;
		watch_change(wire->loop, &wire->watch, wire->fd, EPOLLIN);
		if (error || !write_on(wire)) {
			finish(wire, true);
			return;
		}
	}
	if (events & ~(uint32_t)EPOLLOUT && !wire->connecting)
		read_on(wire);
}

/*
 * The timer is not moved with each request: where it finds another one than it was set for, it goes
 * on waiting.
 */
static void
on_time(struct timer *timer)
{
	struct wire *wire = (struct wire *)(void *)((char *)timer - offsetof(struct wire, timer));
	int64_t ends_us = wire->sent_us + wire->patience_us;

	if (!wire->busy)
		return;
	if (wire->fd >= 0 && wire->loop->now_us < ends_us)
		timer_set(wire->loop, timer, ends_us);
	else
		finish(wire, true);
}

void
wire_init(struct wire *wire, struct loop *loop, const struct target *target)
{
	*wire = (struct wire){
		.loop = loop,
		.target = target,
		.patience_us = PATIENCE_US,
		.watch = { on_ready },
		.timer = { .fire = on_time },
		.fd = -1,
	};
}

void
wire_send(struct wire *wire, const char *request, size_t len)
{
	bool good = true;

	assert(!wire->busy);
	room_for(&wire->out, &wire->out_room, len, 1024);
	memcpy(wire->out, request, len);
	wire->out_len = len;
	wire->sent = wire->in_len = 0;
	wire->answer = (struct answer){ .phase = ANSWER_HEAD };
	wire->busy = true;
	wire->lost = false;
	wire->sent_us = clock_monotonic_us();
	if (wire->fd < 0)
		good = open_socket(wire);
	if (good && !wire->connecting)
		good = write_on(wire);
	if (!good)
		close_socket(wire);
	if (!good || !wire->timer.place)
		timer_set(wire->loop, &wire->timer, good ? wire->sent_us + wire->patience_us : 0);
}

void
wire_close(struct wire *wire)
{
	timer_clear(wire->loop, &wire->timer);
	close_socket(wire);
	wire->busy = false;
}

void
wire_release(struct wire *wire)
{
	wire_close(wire);
	free(wire->out);
	free(wire->in);
}
