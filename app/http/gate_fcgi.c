/*
 * Requests over FastCGI. libfcgi is included here alone.
 *
 * A stop signal must neither cut a request nor be lost between two. So the stop signals stay
 * blocked and are read from a signalfd, polled beside the listening socket; accept() itself never
 * waits, since the socket is non-blocking and shared with the other workers of the pool. The socket
 * is polled exclusively: a request that comes wakes one idle worker, not all of them.
 */
#include "http/gate_parts.h"

#include "base/clock.h"

#include <errno.h>
#include <fastcgi.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/uio.h>
#include <unistd.h>

#define LISTEN_FD        0

/* A peer that stops in the middle of a record would hold the worker for ever: SIGALRM ends it then.
 * Above the longest budget that a request can be given. */
#define WATCHDOG_SECONDS 120

/* After so many requests in a row that somebody waits for, only one in so many is looked at. */
#define WAITED_FOR       64
#define WAITED_FOR_LOOKS 16

/* libfcgi sends so much at a time. */
#define PIECE_BYTES      8192

/*
 * An answer is gathered, and goes out as a whole: the web server wakes for each piece of it. A body
 * longer than libfcgi's pieces is not even copied: it is sent from where it lies, past libfcgi.
 */
struct gate_fcgi {
	struct gate gate;
	FCGX_Request request;
	char small[PIECE_BYTES];
	size_t small_len;
	const char *body; /* among the small ones; NULL: none so long */
	size_t body_len;
	size_t before;       /* so much of the small comes before the body */
	bool handed;         /* libfcgi has the beginning */
	unsigned waited_for; /* requests in a row that were not given up */
	int signals;
	int poller; /* of both */
};

/*
 * When the request that is being served was begun, in seconds (0: none is), and when the alarm goes
 * off. It is put off once in a while rather than set for each request, which would take longer than
 * reading its headers; and never later than when half of the time is left, so that it does not
 * interrupt what is well.
 */
static volatile sig_atomic_t busy_since, alarm_at;

static sig_atomic_t
now_s(void)
{
	return (sig_atomic_t)(clock_monotonic_us() / 1000000 + 1);
}

static void
alarm_set(sig_atomic_t now, unsigned seconds)
{
	alarm_at = now + (sig_atomic_t)seconds;
	alarm(seconds);
}

static void
alarm_heard(int signal_number)
{
	sig_atomic_t now = now_s(), over = busy_since + WATCHDOG_SECONDS;

	if (!busy_since) {
		alarm_at = 0;
	} else if (over > now) {
		alarm_set(now, (unsigned)(over - now));
	} else {
		signal(signal_number, SIG_DFL);
		raise(signal_number);
	}
}

static void
alarm_open(void)
{
	const struct sigaction heard = { .sa_handler = alarm_heard, .sa_flags = SA_RESTART };

	if (sigaction(SIGALRM, &heard, NULL) != 0)
		abort();
}

static void
busy_begin(void)
{
	sig_atomic_t now = now_s();

	busy_since = now;
	if (alarm_at - now < WATCHDOG_SECONDS / 2)
		alarm_set(now, WATCHDOG_SECONDS);
}

static void
fcgi_close(struct gate *gate)
{
	struct gate_fcgi *fcgi = (struct gate_fcgi *)gate;

	FCGX_Free(&fcgi->request, 1);
	close(fcgi->poller);
	close(fcgi->signals);
	free(fcgi);
}

/* Whether the web server has given a request up while it waited here for its turn. In a pool that
 * has fallen behind that is most of them. */
static bool
has_gone(struct gate_fcgi *fcgi)
{
	struct pollfd peer = { .fd = fcgi->request.ipcFd };

	if (fcgi->waited_for++ > WAITED_FOR && fcgi->waited_for % WAITED_FOR_LOOKS)
		return false;
	if (poll(&peer, 1, 0) <= 0 || !(peer.revents & (POLLHUP | POLLERR)))
		return false;
	fcgi->waited_for = 0;
	return true;
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
		busy_begin();
		if (FCGX_Accept_r(&fcgi->request) == 0) {
			if (!has_gone(fcgi))
				return true;
			/* Else a pool that has fallen behind would work for nobody, and never
			 * catch up. */
			FCGX_Free(&fcgi->request, 1);
		}
		/* Nothing to do: another worker was quicker, or the peer sent no request. */
		busy_since = 0;
	}
}

static const char *
fcgi_param(const struct gate *gate, const char *name)
{
	const struct gate_fcgi *fcgi = (const struct gate_fcgi *)gate;

	return FCGX_GetParam(name, fcgi->request.envp);
}

static bool
fcgi_param_repeats(const struct gate *gate, const char *name)
{
	const struct gate_fcgi *fcgi = (const struct gate_fcgi *)gate;
	size_t len = strlen(name);
	int found = 0;

	for (char **param = fcgi->request.envp; *param; param++)
		found += strncmp(*param, name, len) == 0 && (*param)[len] == '=';
	return found > 1;
}

static int
fcgi_read(struct gate *gate, char *out, int room)
{
	struct gate_fcgi *fcgi = (struct gate_fcgi *)gate;
	int got = FCGX_GetStr(out, room, fcgi->request.in);

	return got == 0 && FCGX_GetError(fcgi->request.in) ? -1 : got;
}

/* libfcgi takes what is there. A client that has gone is no concern of the worker. */
static void
hand_over(struct gate_fcgi *fcgi)
{
	FCGX_Stream *out = fcgi->request.out;

	assert(fcgi->body_len <= INT32_MAX);
	FCGX_PutStr(fcgi->small, (int)fcgi->before, out);
	FCGX_PutStr(fcgi->body, (int)fcgi->body_len, out);
	FCGX_PutStr(fcgi->small + fcgi->before, (int)(fcgi->small_len - fcgi->before), out);
	fcgi->small_len = fcgi->before = fcgi->body_len = 0;
	fcgi->body = NULL;
	fcgi->handed = true;
}

static void
fcgi_write(struct gate *gate, const char *bytes, size_t len)
{
	struct gate_fcgi *fcgi = (struct gate_fcgi *)gate;
	bool small = len < PIECE_BYTES;

	if (small ? len > PIECE_BYTES - fcgi->small_len : fcgi->body != NULL)
		hand_over(fcgi);
	if (small) {
		if (len)
			memcpy(fcgi->small + fcgi->small_len, bytes, len);
		fcgi->small_len += len;
	} else {
		fcgi->before = fcgi->small_len;
		fcgi->body = bytes;
		fcgi->body_len = len;
	}
}

/* False: the web server has gone. */
static bool
write_all(int fd, struct iovec *part, int parts)
{
	while (parts > 0) {
		ssize_t did = writev(fd, part, parts);

		if (did < 0 && errno == EINTR)
			continue;
		if (did < 0)
			return false;
		for (; parts > 0 && (size_t)did >= part->iov_len; part++, parts--)
			did -= (ssize_t)part->iov_len;
		if (parts > 0) {
			part->iov_base = (char *)part->iov_base + did;
			part->iov_len -= (size_t)did;
		}
	}
	return true;
}

static FCGI_Header
record_head(const FCGX_Request *request, unsigned char type, size_t len)
{
	return (FCGI_Header){
		.version = FCGI_VERSION_1,
		.type = type,
		.requestIdB1 = (unsigned char)(request->requestId >> 8),
		.requestIdB0 = (unsigned char)request->requestId,
		.contentLengthB1 = (unsigned char)(len >> 8),
		.contentLengthB0 = (unsigned char)len,
	};
}

/* Records of the answer with what ends it behind the last one (FastCGI 1.0, 3.3 and 5.5). */
static bool
write_answer(struct gate_fcgi *fcgi)
{
	const FCGX_Request *request = &fcgi->request;
	FCGI_Header end = record_head(request, FCGI_STDOUT, 0);
	FCGI_EndRequestRecord done = { record_head(request, FCGI_END_REQUEST, sizeof(done.body)),
		{ .protocolStatus = FCGI_REQUEST_COMPLETE } };
	size_t before = fcgi->before, after = fcgi->small_len - before;
	bool last;

	do {
		size_t room = FCGI_MAX_LENGTH - before - after;
		size_t len = fcgi->body_len < room ? fcgi->body_len : room;
		FCGI_Header head;
		struct iovec parts[] = {
			{ &head, sizeof(head) },
			{ fcgi->small, before },
			{ (char *)(uintptr_t)fcgi->body, len },
			{ fcgi->small + fcgi->before, after },
			{ &end, sizeof(end) },
			{ &done, sizeof(done) },
		};

		last = len == fcgi->body_len;
		head = record_head(request, FCGI_STDOUT, before + len + (last ? after : 0));
		if (!write_all(request->ipcFd, parts, last ? ARRAY_LENGTH(parts) : 3))
			return false;
		before = 0;
		fcgi->body += len;
		fcgi->body_len -= len;
	} while (!last);
	return true;
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
	if (fcgi->body && !fcgi->handed) {
		bool close = !write_answer(fcgi) || !fcgi->request.keepConnection;

		FCGX_Free(&fcgi->request, close || FCGX_GetError(fcgi->request.in));
	} else {
		hand_over(fcgi);
		FCGX_Finish_r(&fcgi->request);
	}
	fcgi->small_len = fcgi->before = fcgi->body_len = 0;
	fcgi->body = NULL;
	fcgi->handed = false;
	busy_since = 0;
}

static const struct gate_kind fcgi_kind = {
	.close = fcgi_close,
	.accept = fcgi_accept,
	.param = fcgi_param,
	.param_repeats = fcgi_param_repeats,
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

/*
 * A worker that wakes up waits for its turn, and does not interrupt the web server or Redis, who
 * then do more at a time: in a rush a sixth more requests are answered, and sooner
 * (docs/benchmark.md). Where that is not allowed it is as it was.
 */
static void
be_patient(void)
{
	const struct sched_param normal = { .sched_priority = 0 };

	sched_setscheduler(0, SCHED_BATCH, &normal);
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
	be_patient();
	if (getppid() != parent)
		raise(SIGTERM);
	alarm_open();
	flags = fcntl(LISTEN_FD, F_GETFL);
	if (flags < 0 || fcntl(LISTEN_FD, F_SETFL, flags | O_NONBLOCK) < 0 || FCGX_Init() != 0 ||
		FCGX_InitRequest(&fcgi->request, LISTEN_FD, FCGI_FAIL_ACCEPT_ON_INTR) != 0)
		abort();
	return &fcgi->gate;
}
