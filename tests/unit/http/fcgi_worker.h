/*
 * A worker behind the FastCGI gate, as a child of the test, and the web server in front of it:
 * requests written record by record, as many as are wanted at a time.
 */
#ifndef HOLDFAST_FCGI_WORKER_H
#define HOLDFAST_FCGI_WORKER_H

#include <criterion/criterion.h>

#include "http/gate.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKLOG 128

enum record { BEGIN_REQUEST = 1, END_REQUEST = 3, PARAMS = 4, STDIN = 5, STDOUT = 6 };

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static int listening;
static pid_t worker;
static char answer[1024 * 1024];

/* Memory that the test and its workers share, all zero. */
static void *
shared(size_t len)
{
	void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(at, MAP_FAILED);
	return at;
}

/* One more on the socket that there is, as the supervisor of a pool does it. */
static void
worker_start(void (*work)(struct gate *gate))
{
	struct gate *gate;

	worker = fork();
	cr_assert_geq(worker, 0);
	if (worker > 0)
		return;
	dup2(listening, STDIN_FILENO);
	gate = gate_open();
	if (gate_is_cgi(gate))
		_exit(9);
	work(gate);
	gate_close(gate);
	/* In order, so that what it has run is counted (make coverage). */
	exit(0);
}

static void
start(void (*work)(struct gate *gate))
{
	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/holdfast-gate-%d.sock",
		(int)getpid());
	unlink(address.sun_path);
	listening = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(bind(listening, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(listening, BACKLOG), 0);
	worker_start(work);
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

#endif
