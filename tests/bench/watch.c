/*
 * Many who watch one event: streams that are opened and read, and how long after it was said each
 * notice came.
 *
 *   watch --port N --path PATH [--streams N]
 *
 * Prints {"opened":N} once all have begun; when its standard input ends, one line of JSON about the
 * notices that have come since. Each 5,000 streams come from an address of their own in 127/8.
 */
#include "base/base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BYTES        1024
#define AT_ONCE      256 /* connections that are being opened */
#define EACH_ADDRESS 5000
#define LATE_MS      20000

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

struct stream {
	int fd;
	bool begun;
	size_t have;
	char in[BYTES];
};

static struct {
	int port, streams;
	const char *path;
} watch = { .streams = 10000 };

static struct stream *streams;
static int poller, opening, begun, ended;
static long notices, lateness[LATE_MS + 1];

static _Noreturn void
fail(const char *what)
{
	fprintf(stderr, "watch: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
stream_open(struct stream *s, int number)
{
	struct sockaddr_in from = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)(number / EACH_ADDRESS)) };
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)watch.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = s };
	char text[512];
	int on = 1, len;

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		fail("socket");
	setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(s->fd, (struct sockaddr *)&from, sizeof(from)) != 0 ||
		connect(s->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		fail("connect");
	len = snprintf(text, sizeof(text),
		"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n",
		watch.path);
	if (write(s->fd, text, (size_t)len) != len)
		fail("write");
	if (epoll_ctl(poller, EPOLL_CTL_ADD, s->fd, &event) != 0)
		fail("epoll_ctl");
	opening++;
}

/* "2026-05-01T19:00:00.123Z" */
static int64_t
time_of(const char *text)
{
	struct tm at = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &at);

	return rest ? (int64_t)timegm(&at) * 1000 + strtol(rest + 1, NULL, 10) : 0;
}

/* What has been read whole is counted, and forgotten. */
static void
stream_take(struct stream *s)
{
	static const char name[] = "\"as_of\":\"";
	const char *at, *last = s->in;

	if (!s->begun && strstr(s->in, ": hi")) {
		if (strncmp(s->in, "HTTP/1.1 200", 12) != 0)
			fail("a stream is refused");
		s->begun = true;
		begun++;
		opening--;
	}
	while ((at = strstr(last, name)) != NULL && strchr(at, '}')) {
		int64_t late_ms = now_ms() - time_of(at + strlen(name));

		late_ms = late_ms < 0 ? 0 : late_ms;
		lateness[late_ms < LATE_MS ? late_ms : LATE_MS]++;
		notices++;
		last = strchr(at, '}');
	}
	s->have -= (size_t)(last - s->in);
	memmove(s->in, last, s->have + 1);
	if (s->have > BYTES / 2 && s->begun)
		s->have = 0;
}

static void
stream_read(struct stream *s)
{
	ssize_t got = read(s->fd, s->in + s->have, BYTES - 1 - s->have);

	if (got > 0) {
		s->have += (size_t)got;
		s->in[s->have] = '\0';
		stream_take(s);
		return;
	}
	if (!s->begun)
		fail("a stream is refused");
	close(s->fd);
	ended++;
}

/* Reads for so long as something comes; false once standard input has ended. */
static bool
turn(int wait_ms)
{
	struct epoll_event events[256];
	int count = epoll_wait(poller, events, (int)ARRAY_LENGTH(events), wait_ms);
	bool go_on = true;

	for (int i = 0; i < count; i++) {
		char bytes[64];

		if (events[i].data.ptr)
			stream_read(events[i].data.ptr);
		else if (read(STDIN_FILENO, bytes, sizeof(bytes)) <= 0)
			go_on = false;
	}
	return go_on;
}

static int
quantile_ms(double share)
{
	long before = 0, wanted = (long)((double)notices * share);

	for (int i = 0; i <= LATE_MS; i++) {
		before += lateness[i];
		if (before > wanted)
			return i;
	}
	return LATE_MS;
}

static int
worst_ms(void)
{
	int worst = LATE_MS;

	while (worst > 0 && lateness[worst] == 0)
		worst--;
	return worst;
}

static void
options_read(int argc, char **argv)
{
	static const struct option names[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "path", required_argument, NULL, 'a' },
		{ "streams", required_argument, NULL, 's' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		if (option == 'p')
			watch.port = (int)strtol(optarg, NULL, 10);
		else if (option == 'a')
			watch.path = optarg;
		else if (option == 's')
			watch.streams = (int)strtol(optarg, NULL, 10);
		else
			exit(2);
	}
	if (watch.port <= 0 || !watch.path || watch.streams <= 0) {
		fprintf(stderr, "usage: watch --port N --path PATH [--streams N]\n");
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	struct epoll_event input = { .events = EPOLLIN };

	options_read(argc, argv);
	poller = epoll_create1(EPOLL_CLOEXEC);
	streams = calloc((size_t)watch.streams, sizeof(*streams));
	if (poller < 0 || !streams)
		fail("out of memory");
	for (int i = 0; i < watch.streams; i++) {
		while (opening >= AT_ONCE)
			turn(1000);
		stream_open(&streams[i], i);
	}
	while (opening > 0)
		turn(1000);
	printf("{\"opened\":%d}\n", begun);
	fflush(stdout);
	notices = 0;
	memset(lateness, 0, sizeof(lateness));
	if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &input) != 0)
		fail("standard input");
	while (turn(1000))
		;
	printf("{\"streams\":%d,\"ended\":%d,\"notices\":%ld,\"p50_ms\":%d,\"p99_ms\":%d,"
	       "\"worst_ms\":%d}\n",
		begun, ended, notices, quantile_ms(0.5), quantile_ms(0.99), worst_ms());
	return 0;
}
