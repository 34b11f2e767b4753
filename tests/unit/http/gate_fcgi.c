/*
 * The FastCGI gate on a real socket: requests written record by record, honest and torn, and the
 * ways a worker ends.
 */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "http/gate.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum record { BEGIN_REQUEST = 1, END_REQUEST = 3, PARAMS = 4, STDIN = 5, STDOUT = 6 };

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static int listening;
static pid_t worker;
static char answer[1024 * 1024];

/* For the name "+LENGTH…": so many bytes, each written in one piece, with a mark behind it. */
static void
write_long(struct gate *gate, const char *name)
{
	static char bytes[512 * 1024];

	memset(bytes, 'x', sizeof(bytes));
	for (char *end; *name == '+'; name = end) {
		size_t len = strtoul(name + 1, &end, 10);

		cr_assert_leq(len, sizeof(bytes));
		gate_write(gate, bytes, len);
		gate_write(gate, "|", 1);
	}
}

/* Answers each request with what it read: the length of the body, -1 where it was cut. */
static void
work(int delay_ms)
{
	struct gate *gate;

	dup2(listening, STDIN_FILENO);
	gate = gate_open();
	if (gate_is_cgi(gate))
		_exit(9);
	while (gate_accept(gate, NULL, NULL)) {
		const char *name = gate_param(gate, "NAME");
		char text[200], body[100];
		int total = 0, got, len;

		poll(NULL, 0, delay_ms);
		while ((got = gate_read(gate, body, sizeof(body))) > 0)
			total += got;
		len = snprintf(text, sizeof(text), "Status: 200\r\n\r\n%s %d", name ? name : "-",
			got < 0 ? -1 : total);
		gate_write(gate, text, (size_t)len);
		if (name)
			write_long(gate, name);
		gate_finish(gate);
	}
	gate_close(gate);
	_exit(0);
}

static void
start(int delay_ms)
{
	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/holdfast-gate-%d.sock",
		(int)getpid());
	unlink(address.sun_path);
	listening = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(bind(listening, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(listening, 16), 0);
	worker = fork();
	cr_assert_geq(worker, 0);
	if (worker == 0)
		work(delay_ms);
}

/* The worker's exit status; 128 and the signal where one ended it. */
static int
ended(void)
{
	int status;

	cr_assert_eq(waitpid(worker, &status, 0), worker);
	unlink(address.sun_path);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
stop(int signal)
{
	kill(worker, signal);
	return ended();
}

static int
dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void
put(int fd, enum record type, const char *content, size_t len)
{
	unsigned char head[8] = { 1, (unsigned char)type, 0, 1, (unsigned char)(len >> 8),
		(unsigned char)len };

	cr_assert_eq(send(fd, head, 8, MSG_NOSIGNAL), 8);
	if (len)
		cr_assert_eq(send(fd, content, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Begins a request as a responder that does not keep the connection, with NAME = value. */
static void
begin_request(int fd, const char *value)
{
	char params[100];
	int len = snprintf(params, sizeof(params), "%c%cNAME%s", 4, (int)strlen(value), value);

	put(fd, BEGIN_REQUEST, "\0\1\0\0\0\0\0\0", 8);
	put(fd, PARAMS, params, (size_t)len);
	put(fd, PARAMS, "", 0);
}

/* Reads to the end of the connection; the content of STDOUT stays in answer. False: no
 * end record. */
static bool
take(int fd)
{
	unsigned char head[8];
	size_t have = 0;
	bool whole = false;

	while (recv(fd, head, 8, MSG_WAITALL) == 8) {
		size_t len = (size_t)(head[4] << 8 | head[5]);
		char content[65536];

		cr_assert_eq(
			recv(fd, content, len + head[6], MSG_WAITALL), (ssize_t)(len + head[6]));
		if (head[1] == STDOUT) {
			memcpy(answer + have, content, len);
			have += len;
		}
		whole = whole || head[1] == END_REQUEST;
	}
	answer[have] = '\0';
	close(fd);
	return whole;
}

static bool
ask(const char *value, const char *body)
{
	int fd = dial();

	begin_request(fd, value);
	if (*body)
		put(fd, STDIN, body, strlen(body));
	put(fd, STDIN, "", 0);
	return take(fd);
}

TestSuite(gate_fcgi, .timeout = 60);

Test(gate_fcgi, serves_one_request_after_the_other)
{
	start(0);
	for (int i = 0; i < 50; i++) {
		cr_assert(ask("first", "hello"));
		cr_assert_str_eq(answer, "Status: 200\r\n\r\nfirst 5");
		cr_assert(ask("second", ""));
		cr_assert_str_eq(answer, "Status: 200\r\n\r\nsecond 0");
	}
	cr_assert_eq(stop(SIGTERM), 0);
}

Test(gate_fcgi, every_stop_signal_ends_an_idle_worker_in_order)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGUSR1, SIGHUP };

	for (size_t i = 0; i < ARRAY_LENGTH(signals); i++) {
		start(0);
		cr_assert(ask("x", ""));
		cr_assert_eq(stop(signals[i]), 0);
	}
}

Test(gate_fcgi, stop_signal_does_not_cut_the_request_that_is_under_way)
{
	int fd;

	start(300);
	fd = dial();
	begin_request(fd, "slow");
	put(fd, STDIN, "", 0);
	poll(NULL, 0, 100);
	kill(worker, SIGTERM);
	cr_assert(take(fd));
	cr_assert_str_eq(answer, "Status: 200\r\n\r\nslow 0");
	cr_assert_eq(ended(), 0);
}

Test(gate_fcgi, answers_of_any_length_and_in_any_pieces_come_whole)
{
	static const char *const names[] = { "+0", "+1", "+8191", "+8192", "+50000", "+65480",
		"+65500", "+65535", "+65536", "+131072", "+500000", "+8000+8000+8000", "+8192+8192",
		"+100000+5+0", "+5+100000", "+8190+20000", "+20000+8191+9000" };

	start(0);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		const char *at;

		cr_assert(ask(names[i], "hello"), "%s", names[i]);
		at = strstr(answer, " 5");
		cr_assert(at, "%s", names[i]);
		at += 2;
		for (const char *name = names[i]; *name == '+';) {
			size_t len = strtoul(name + 1, (char **)&name, 10);

			cr_assert_eq(strspn(at, "x"), len, "%s", names[i]);
			cr_assert_eq(at[len], '|');
			at += len + 1;
		}
		cr_assert_eq(*at, '\0');
	}
	cr_assert_eq(stop(SIGTERM), 0);
}

Test(gate_fcgi, body_that_is_cut_is_told)
{
	int fd;

	start(0);
	fd = dial();
	begin_request(fd, "cut");
	put(fd, STDIN, "hel", 3);
	shutdown(fd, SHUT_WR);
	take(fd);
	cr_assert_str_eq(answer, "Status: 200\r\n\r\ncut -1");
	cr_assert(ask("next", "hello"));
	cr_assert_str_eq(answer, "Status: 200\r\n\r\nnext 5");
	cr_assert_eq(stop(SIGTERM), 0);
}

Test(gate_fcgi, torn_and_foreign_connections_cost_nothing_but_themselves)
{
	static const char *const junk[] = { "", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\1\1\0\1",
		"\1\4\0\1", "\xff\xff\xff\xff\xff\xff\xff\xff" };

	start(0);
	for (size_t i = 0; i < ARRAY_LENGTH(junk); i++) {
		int fd = dial();

		send(fd, junk[i], i == 2 || i == 3 ? 4 : strlen(junk[i]), MSG_NOSIGNAL);
		close(fd);
		cr_assert(ask("after", "abc"), "after junk %zu", i);
		cr_assert_str_eq(answer, "Status: 200\r\n\r\nafter 3");
	}
	cr_assert_eq(stop(SIGTERM), 0);
}

Test(gate_fcgi, client_that_leaves_early_does_not_end_the_worker)
{
	start(50);
	for (int i = 0; i < 5; i++) {
		int fd = dial();

		begin_request(fd, "gone");
		put(fd, STDIN, "", 0);
		close(fd);
	}
	cr_assert(ask("here", ""));
	cr_assert_str_eq(answer, "Status: 200\r\n\r\nhere 0");
	cr_assert_eq(stop(SIGTERM), 0);
}

/* A worker that has fallen behind: what was given up while it waited is not even begun. */
Test(gate_fcgi, requests_given_up_in_the_queue_are_not_served)
{
	int64_t began_us;
	int first;

	start(200);
	first = dial();
	begin_request(first, "first");
	put(first, STDIN, "", 0);
	for (int i = 0; i < 10; i++) {
		int fd = dial();

		begin_request(fd, "gone");
		put(fd, STDIN, "", 0);
		close(fd);
	}
	cr_assert(take(first));
	began_us = clock_monotonic_us();
	cr_assert(ask("here", ""));
	cr_assert_str_eq(answer, "Status: 200\r\n\r\nhere 0");
	/* Ten times as long, had it served them. */
	cr_assert_lt(clock_monotonic_us() - began_us, 1500000);
	cr_assert_eq(stop(SIGTERM), 0);
}

Test(gate_fcgi, worker_ends_with_its_parent)
{
	int ends[2];
	char byte;
	pid_t parent;

	cr_assert_eq(pipe(ends), 0);
	parent = fork();
	cr_assert_geq(parent, 0);
	if (parent == 0) {
		close(ends[0]);
		start(0);
		/* Once it has answered, it has asked to be told of its parent's end. */
		if (ask("x", "") && write(ends[1], "y", 1) != 1)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	close(ends[1]);
	waitpid(parent, NULL, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/holdfast-gate-%d.sock",
		(int)parent);
	unlink(address.sun_path);
	cr_assert_eq(read(ends[0], &byte, 1), 1);
	/* The worker holds the last end of the pipe: it closes when the worker has ended. */
	cr_assert_eq(read(ends[0], &byte, 1), 0);
}
