/*
 * One request from the environment and standard input: plain CGI (RFC 3875), for a shell, a
 * debugger or a test.
 */
#include <errno.h>
#include <unistd.h>

#include "base/str.h"
#include "http/gate_parts.h"

struct gate_cgi {
	struct gate gate;
	bool served;
	int64_t body_left; /* a CGI program must not read beyond CONTENT_LENGTH */
};

static void
cgi_close(struct gate *gate)
{
	free(gate);
}

static bool
cgi_accept(struct gate *gate, int (*idle)(void *ctx), void *ctx)
{
	struct gate_cgi *cgi = (struct gate_cgi *)gate;
	const char *length = getenv("CONTENT_LENGTH");

	if (cgi->served) {
		if (idle)
			idle(ctx);
		return false;
	}
	cgi->served = true;
	if (length)
		str_to_int(length, 0, INT64_MAX, &cgi->body_left);
	return true;
}

static const char *
cgi_param(const struct gate *gate, const char *name)
{
	(void)gate;
	return getenv(name);
}

static int
cgi_read(struct gate *gate, char *out, int room)
{
	struct gate_cgi *cgi = (struct gate_cgi *)gate;
	ssize_t got;

	if (cgi->body_left == 0)
		return 0;
	if (room > cgi->body_left)
		room = (int)cgi->body_left;
	do
		got = read(STDIN_FILENO, out, (size_t)room);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return -1;
	cgi->body_left -= got;
	return (int)got;
}

static void
cgi_write(struct gate *gate, const char *bytes, size_t len)
{
	(void)gate;
	while (len) {
		ssize_t put = write(STDOUT_FILENO, bytes, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return;
		bytes += put;
		len -= (size_t)put;
	}
}

static void
cgi_finish(struct gate *gate)
{
	(void)gate;
}

const struct gate_kind gate_cgi_kind = {
	.close = cgi_close,
	.accept = cgi_accept,
	.param = cgi_param,
	.read = cgi_read,
	.write = cgi_write,
	.finish = cgi_finish,
};

struct gate *
gate_cgi_open(void)
{
	struct gate_cgi *cgi = calloc(1, sizeof(*cgi));

	if (!cgi)
		abort();
	cgi->gate.kind = &gate_cgi_kind;
	return &cgi->gate;
}
