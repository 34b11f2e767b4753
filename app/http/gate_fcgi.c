/*
 * Requests over FastCGI. libfcgi is included here alone.
 *
 * A stop signal must neither cut a request nor be lost between two. So the stop signals stay
 * blocked and are read from a signalfd, polled beside the listening socket; accept() itself never
 * waits, since the socket is non-blocking and shared with the other workers of the pool. The socket
 * is polled exclusively: a request that comes wakes one idle worker, not all of them.
 */
#include <fcgiapp.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "http/gate_parts.h"

#define LISTEN_FD        0

/* A peer that stops in the middle of a record would hold the worker for ever: SIGALRM ends it then.
 * Above the longest budget that a request can be given. */
#define WATCHDOG_SECONDS 120

struct gate_fcgi {
	struct gate gate;
	FCGX_Request request;
	int signals;
	int poller; /* of both */
};

static void
fcgi_close(struct gate *gate)
{
	struct gate_fcgi *fcgi = (struct gate_fcgi *)gate;

	FCGX_Free(&fcgi->request, 1);
	close(fcgi->poller);
	close(fcgi->signals);
	free(fcgi);
}

static bool
fcgi_accept(struct gate *gate, int (*idle)(void *ctx), void *ctx)
{
	struct gate_fcgi *fcgi = (struct gate_fcgi *)gate;
	struct epoll_event event;
	int ready;

	for (;;) {
		/* One at a time, the two in turn: a busy socket does not keep a signal waiting. */
		ready = epoll_wait(fcgi->poller, &event, 1, idle ? idle(ctx) : -1);
		if (ready < 1)
			continue;
		if (event.data.fd != LISTEN_FD || event.events & EPOLLERR)
			return false;
		alarm(WATCHDOG_SECONDS);
		if (FCGX_Accept_r(&fcgi->request) == 0)
			return true;
		/* Another worker was quicker, or the peer sent no request. */
		alarm(0);
	}
}

static const char *
fcgi_param(const struct gate *gate, const char *name)
{
	const struct gate_fcgi *fcgi = (const struct gate_fcgi *)gate;

	return FCGX_GetParam(name, fcgi->request.envp);
}

static int
fcgi_read(struct gate *gate, char *out, int room)
{
	struct gate_fcgi *fcgi = (struct gate_fcgi *)gate;
	int got = FCGX_GetStr(out, room, fcgi->request.in);

	return got == 0 && FCGX_GetError(fcgi->request.in) ? -1 : got;
}

static void
fcgi_write(struct gate *gate, const char *bytes, size_t len)
{
	struct gate_fcgi *fcgi = (struct gate_fcgi *)gate;

	assert(len <= INT32_MAX);
	/* A client that has gone is no concern of the worker. */
	FCGX_PutStr(bytes, (int)len, fcgi->request.out);
}

static void
fcgi_finish(struct gate *gate)
{
	struct gate_fcgi *fcgi = (struct gate_fcgi *)gate;

	/*
	 * libfcgi would wait until the web server has closed its end, so that what is still on its
	 * way does not reset the connection. Where all has been read, nothing is; getting one more
	 * byte reads the record that ends the body.
	 */
	if (FCGX_GetChar(fcgi->request.in) < 0)
		FCGX_Detach(&fcgi->request);
	FCGX_Finish_r(&fcgi->request);
	alarm(0);
}

static const struct gate_kind fcgi_kind = {
	.close = fcgi_close,
	.accept = fcgi_accept,
	.param = fcgi_param,
	.read = fcgi_read,
	.write = fcgi_write,
	.finish = fcgi_finish,
};

static int
open_signals(void)
{
	sigset_t stop;
	int fd;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGUSR1);
	sigaddset(&stop, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &stop, NULL) != 0)
		abort();
	fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		abort();
	return fd;
}

static int
open_poller(int signals)
{
	struct epoll_event socket = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = LISTEN_FD };
	struct epoll_event stop = { .events = EPOLLIN, .data.fd = signals };
	int poller = epoll_create1(EPOLL_CLOEXEC);

	if (poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, LISTEN_FD, &socket) != 0 ||
		epoll_ctl(poller, EPOLL_CTL_ADD, signals, &stop) != 0)
		abort();
	return poller;
}

struct gate *
gate_fcgi_open(void)
{
	struct gate_fcgi *fcgi;
	pid_t parent = getppid();
	int flags;

	if (FCGX_IsCGI())
		return NULL;
	fcgi = calloc(1, sizeof(*fcgi));
	if (!fcgi)
		abort();
	fcgi->gate.kind = &fcgi_kind;
	fcgi->signals = open_signals();
	fcgi->poller = open_poller(fcgi->signals);
	/* A worker whose supervisor has gone would go on serving beside its successors. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		raise(SIGTERM);
	flags = fcntl(LISTEN_FD, F_GETFL);
	if (flags < 0 || fcntl(LISTEN_FD, F_SETFL, flags | O_NONBLOCK) < 0 || FCGX_Init() != 0 ||
		FCGX_InitRequest(&fcgi->request, LISTEN_FD, FCGI_FAIL_ACCEPT_ON_INTR) != 0)
		abort();
	return &fcgi->gate;
}
