/*
 * A load driver: HTTP/1.1 over kept connections, one request at a time on each, as fast as
 * answers come.
 *
 *   load --port N [--tokens FILE] [--connections N] [--seconds S] [--most N] [--from N]
 *        [--ids FILE] [--save FILE] --request 'WEIGHT METHOD PATH [BODY]'...
 *
 * Requests are made from templates (fill.h), mixed by their weights; their number counts from
 * --from. {id} takes the next line `ID TOKEN` of --ids. The token of a request is that of its id,
 * else each in turn. --save writes such lines for every booking answered with 201. It ends after
 * the time, after so many requests, or when the ids are used up, and prints one line of JSON.
 */
#include "fill.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define REQUEST_BYTES   4096
#define ANSWER_BYTES    65536
#define REQUESTS_MAX    4
#define BUCKETS         4096 /* of latency: 16 for each power of two */
#define STATUS_MAX      600
#define DRAIN_US        2000000 /* time for the last answers */

/* A template of requests. */
struct request {
	int weight;
	const char *method, *path, *body;
	long answered, good;
};

struct connection {
	int fd;
	size_t len, sent; /* of the request */
	size_t have;      /* of the answer */
	int token;
	struct request *kind;
	int64_t began_us;
	bool busy;
	char out[REQUEST_BYTES];
	char in[ANSWER_BYTES];
};

struct line {
	char *text;
	int token; /* --ids alone */
};

struct list {
	struct line *lines;
	long count, next;
};

static struct {
	int port, connections;
	double seconds;
	long most, from;
	struct list tokens, ids;
	FILE *save;
	struct request requests[REQUESTS_MAX];
	int requests_count, weights;
} load = { .connections = 32, .seconds = 2, .most = INT64_MAX };

static struct connection *connections;
static long sent_count, answered_count, lost_count, statuses[STATUS_MAX], latencies[BUCKETS];
static int64_t began_us, ends_us;
static int poller;

static _Noreturn void
fail(const char *what)
{
	fprintf(stderr, "load: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
	exit(1);
}

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- latency ------------------------------------------------------------------------------- */

static int
bucket_of(int64_t us)
{
	int power = us < 16 ? 0 : 59 - __builtin_clzll((unsigned long long)us);
	int bucket = power * 16 + (int)(us >> power);

	return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static int64_t
bucket_us(int bucket)
{
	int power = bucket < 32 ? 0 : bucket / 16 - 1;

	return (int64_t)(bucket - power * 16) << power;
}

static int64_t
quantile_us(double share)
{
	long before = 0, wanted = (long)((double)answered_count * share);

	for (int i = 0; i < BUCKETS; i++) {
		before += latencies[i];
		if (before > wanted)
			return bucket_us(i);
	}
	return 0;
}

/* ---- requests ------------------------------------------------------------------------------ */

static struct request *
request_pick(void)
{
	long turn = (sent_count * 7) % load.weights; /* 7: spread the rare ones evenly */
	int i = 0;

	while (turn >= load.requests[i].weight)
		turn -= load.requests[i++].weight;
	return &load.requests[i];
}

/* Makes the next request of a connection; false when there is nothing left to ask for. */
static bool
request_make(struct connection *c)
{
	struct request *kind = request_pick();
	char path[512], body[2048] = "";
	const char *id = "", *token = "";
	size_t body_len;

	if (sent_count == load.most)
		return false;
	c->token = (int)(sent_count % (load.tokens.count + !load.tokens.count));
	if (strstr(kind->path, "{id}")) {
		if (load.ids.next == load.ids.count)
			return false;
		id = load.ids.lines[load.ids.next].text;
		c->token = load.ids.lines[load.ids.next++].token;
	}
	body_len = fill(body, sizeof(body), kind->body, load.from, id);
	if (!fill(path, sizeof(path), kind->path, load.from, id) || (!body_len && *kind->body))
		fail("a request is too long");
	if (load.tokens.count)
		token = load.tokens.lines[c->token].text;
	c->len = (size_t)snprintf(c->out, sizeof(c->out),
		"%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s%s%s"
		"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		kind->method, path, load.port, *token ? "Authorization: Bearer " : "", token,
		*token ? "\r\n" : "", body_len, body);
	if (c->len >= sizeof(c->out))
		fail("a request is too long");
	c->kind = kind;
	c->sent = c->have = 0;
	load.from++;
	sent_count++;
	return true;
}

/* ---- connections --------------------------------------------------------------------------- */

static void
connection_watch(struct connection *c, uint32_t events, int how)
{
	struct epoll_event event = { .events = events, .data.ptr = c };

	if (epoll_ctl(poller, how, c->fd, &event) != 0)
		fail("epoll_ctl");
}

static void
connection_open(struct connection *c)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)load.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		fail("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0)
		fail("fcntl");
	connection_watch(c, EPOLLIN, EPOLL_CTL_ADD);
}

static void
connection_write(struct connection *c)
{
	while (c->sent < c->len) {
		ssize_t did = write(c->fd, c->out + c->sent, c->len - c->sent);

		if (did < 0 && errno == EAGAIN) {
			connection_watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
			return;
		}
		if (did < 0)
			return; /* the reader finds out */
		c->sent += (size_t)did;
	}
}

static void
connection_next(struct connection *c)
{
	c->busy = now_us() < ends_us && request_make(c);
	if (!c->busy)
		return;
	c->began_us = now_us();
	connection_write(c);
}

/* Keeps the id of a booking that was made, with the token that may move it. */
static void
answer_save(const struct connection *c, const char *body)
{
	static const char name[] = "\"booking_id\":\"";
	const char *id = load.save ? strstr(body, name) : NULL;

	if (id)
		fprintf(load.save, "%.36s %d\n", id + sizeof(name) - 1, c->token);
}

/* Whether the server ends the connection after this answer, as nginx does after so many. */
static bool
answer_is_last(const struct connection *c, const char *body)
{
	const char *close = strcasestr(c->in, "\r\nConnection: close\r\n");

	return close && close < body;
}

/* The whole length of the answer once its head is there, else 0. */
static size_t
answer_length(const struct connection *c, const char **body)
{
	const char *end = strstr(c->in, "\r\n\r\n");
	const char *length = end ? strcasestr(c->in, "\r\nContent-Length:") : NULL;

	if (!end)
		return 0;
	*body = end + 4;
	return (size_t)(*body - c->in) +
	       (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
}

static void
answer_count(struct connection *c, const char *body)
{
	int status = (int)strtol(c->in + strlen("HTTP/1.1 "), NULL, 10);
	int64_t now = now_us();

	if (status > 0 && status < STATUS_MAX)
		statuses[status]++;
	/* What comes after the end was under way then: it is not counted in the rate. */
	if (now <= ends_us) {
		answered_count++;
		latencies[bucket_of(now - c->began_us)]++;
		c->kind->answered++;
		c->kind->good += status < 300;
	}
	if (status == 201)
		answer_save(c, body);
}

static void
connection_lost(struct connection *c)
{
	lost_count += c->busy;
	close(c->fd);
	connection_open(c);
	connection_next(c);
}

static void
connection_read(struct connection *c)
{
	const char *body = NULL;
	size_t whole;
	ssize_t got = read(c->fd, c->in + c->have, sizeof(c->in) - 1 - c->have);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		connection_lost(c);
		return;
	}
	c->have += (size_t)got;
	c->in[c->have] = '\0';
	whole = answer_length(c, &body);
	if (whole >= sizeof(c->in))
		fail("an answer is too long");
	if (whole == 0 || c->have < whole)
		return;
	answer_count(c, body);
	if (answer_is_last(c, body)) {
		close(c->fd);
		connection_open(c);
	}
	connection_next(c);
}

/* ---- the run ------------------------------------------------------------------------------- */

static bool
any_busy(void)
{
	for (int i = 0; i < load.connections; i++) {
		if (connections[i].busy)
			return true;
	}
	return false;
}

static void
run(void)
{
	struct epoll_event events[64];

	for (int i = 0; i < load.connections; i++)
		connection_open(&connections[i]);
	began_us = now_us();
	ends_us = began_us + (int64_t)(load.seconds * 1e6);
	for (int i = 0; i < load.connections; i++)
		connection_next(&connections[i]);
	while (any_busy() && now_us() < ends_us + DRAIN_US) {
		int count = epoll_wait(poller, events, (int)ARRAY_LENGTH(events), 100);

		for (int i = 0; i < count; i++) {
			struct connection *c = events[i].data.ptr;

			if (events[i].events & EPOLLOUT) {
				connection_watch(c, EPOLLIN, EPOLL_CTL_MOD);
				connection_write(c);
			}
			if (events[i].events & ~(uint32_t)EPOLLOUT)
				connection_read(c);
		}
	}
	if (now_us() < ends_us)
		ends_us = now_us();
}

static void
report(void)
{
	double seconds = (double)(ends_us - began_us) / 1e6;
	const char *between = "";

	printf("{\"seconds\":%.3f,\"answered\":%ld,\"rate\":%.1f,\"p50_us\":%lld,\"p99_us\":%lld,"
	       "\"lost\":%ld,\"statuses\":{",
		seconds, answered_count, (double)answered_count / seconds,
		(long long)quantile_us(0.5), (long long)quantile_us(0.99), lost_count);
	for (int i = 0; i < STATUS_MAX; i++) {
		if (statuses[i] > 0) {
			printf("%s\"%d\":%ld", between, i, statuses[i]);
			between = ",";
		}
	}
	printf("},\"requests\":[");
	for (int i = 0; i < load.requests_count; i++)
		printf("%s{\"rate\":%.1f,\"good\":%ld}", i > 0 ? "," : "",
			(double)load.requests[i].answered / seconds, load.requests[i].good);
	printf("],\"next\":%ld}\n", load.from);
}

/* ---- options ------------------------------------------------------------------------------- */

/* Lines of a file; where wanted, each with a number behind its text. */
static struct list
list_read(const char *path, bool numbers)
{
	FILE *file = fopen(path, "re");
	struct list list = { 0 };
	char *text = NULL;
	size_t room = 0;
	ssize_t len;

	if (!file)
		fail(path);
	while ((len = getline(&text, &room, file)) > 0) {
		char *space = numbers ? strchr(text, ' ') : NULL;
		struct line line = { .token = space ? (int)strtol(space, NULL, 10) : 0 };

		text[space ? (size_t)(space - text) : strcspn(text, "\n")] = '\0';
		line.text = strdup(text);
		if (list.count % 1024 == 0)
			list.lines =
				reallocarray(list.lines, (size_t)list.count + 1024, sizeof(line));
		if (!list.lines || !line.text)
			fail("out of memory");
		list.lines[list.count++] = line;
	}
	free(text);
	fclose(file);
	return list;
}

static void
request_add(char *text)
{
	struct request *kind = &load.requests[load.requests_count];

	if (load.requests_count++ == REQUESTS_MAX)
		fail("too many kinds of requests");
	kind->weight = (int)strtol(text, &text, 10);
	text++;
	kind->method = strsep(&text, " ");
	kind->path = strsep(&text, " ");
	kind->body = text ? text : "";
	if (kind->weight <= 0 || !kind->path)
		fail("a request is WEIGHT METHOD PATH [BODY]");
	load.weights += kind->weight;
}

static void
options_read(int argc, char **argv)
{
	static const struct option names[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "connections", required_argument, NULL, 'c' },
		{ "seconds", required_argument, NULL, 's' },
		{ "most", required_argument, NULL, 'm' },
		{ "from", required_argument, NULL, 'f' },
		{ "tokens", required_argument, NULL, 't' },
		{ "ids", required_argument, NULL, 'i' },
		{ "save", required_argument, NULL, 'o' },
		{ "request", required_argument, NULL, 'r' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		switch (option) {
		case 'p':
			load.port = (int)strtol(optarg, NULL, 10);
			break;
		case 'c':
			load.connections = (int)strtol(optarg, NULL, 10);
			break;
		case 's':
			load.seconds = strtod(optarg, NULL);
			break;
		case 'm':
			load.most = strtol(optarg, NULL, 10);
			break;
		case 'f':
			load.from = strtol(optarg, NULL, 10);
			break;
		case 't':
			load.tokens = list_read(optarg, false);
			break;
		case 'i':
			load.ids = list_read(optarg, true);
			break;
		case 'o':
			load.save = fopen(optarg, "we");
			break;
		case 'r':
			request_add(optarg);
			break;
		default:
			exit(2);
		}
	}
	if (load.port == 0 || load.requests_count == 0 || load.connections < 1 ||
		load.connections > CONNECTIONS_MAX)
		fail("a port, a request and up to 1024 connections are needed");
}

int
main(int argc, char **argv)
{
	options_read(argc, argv);
	connections = calloc((size_t)load.connections, sizeof(*connections));
	poller = epoll_create1(EPOLL_CLOEXEC);
	if (!connections || poller < 0)
		fail("out of memory");
	run();
	report();
	if (load.save && fclose(load.save) != 0)
		fail("saved ids");
	return lost_count > 0 || answered_count == 0;
}
