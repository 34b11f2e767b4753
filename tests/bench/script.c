/*
 * Runs one command of Redis as fast as answers come, one at a time on each connection:
 *
 *   script SOCKET CONNECTIONS SECONDS FROM WORD...
 *
 * The words are templates (fill.h) whose number counts from FROM. Prints one line of JSON: the
 * rate, and how often each first word was answered.
 */
#include "load/fill.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256
#define BYTES           4096
#define KINDS           8

static struct {
	char name[32];
	long count;
} kinds[KINDS];

static _Noreturn void
fail(const char *what)
{
	fprintf(stderr, "script: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int
connection_open(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		fail(path);
	return fd;
}

static void
command_send(int fd, char **words, int count, long n)
{
	char out[BYTES], word[BYTES];
	size_t len = (size_t)snprintf(out, sizeof(out), "*%d\r\n", count);

	for (int i = 0; i < count; i++) {
		size_t word_len = fill(word, sizeof(word), words[i], n, "");

		len += (size_t)snprintf(
			out + len, sizeof(out) - len, "$%zu\r\n%s\r\n", word_len, word);
		if (len >= sizeof(out))
			fail("a command is too long");
	}
	if (write(fd, out, len) != (ssize_t)len)
		fail("write");
}

static void
kind_count(const char *name, size_t len)
{
	for (int i = 0; i < KINDS; i++) {
		if (kinds[i].count == 0)
			snprintf(kinds[i].name, sizeof(kinds[i].name), "%.*s", (int)len, name);
		if (strlen(kinds[i].name) == len && strncmp(kinds[i].name, name, len) == 0) {
			kinds[i].count++;
			return;
		}
	}
}

/* An answer of these scripts is short and comes as one: its first text is what counts. */
static void
answer_read(int fd)
{
	char in[BYTES];
	ssize_t got = read(fd, in, sizeof(in) - 1);
	const char *text;

	if (got <= 0)
		fail("read");
	in[got] = '\0';
	text = *in == '-' ? in + 1 : strchr(in, '$');
	if (*in != '-' && text)
		text = strstr(text, "\r\n") + 2;
	if (text)
		kind_count(text, strcspn(text, "\r\n"));
}

int
main(int argc, char **argv)
{
	struct pollfd fds[CONNECTIONS_MAX];
	int count = argc > 5 ? (int)strtol(argv[2], NULL, 10) : 0;
	int64_t began_us = now_us(), ends_us;
	long n, answered = 0;

	if (count < 1 || count > CONNECTIONS_MAX) {
		fputs("usage: script SOCKET CONNECTIONS SECONDS FROM WORD...\n", stderr);
		return 2;
	}
	ends_us = began_us + (int64_t)(strtod(argv[3], NULL) * 1e6);
	n = strtol(argv[4], NULL, 10);
	for (int i = 0; i < count; i++) {
		fds[i] = (struct pollfd){ .fd = connection_open(argv[1]), .events = POLLIN };
		command_send(fds[i].fd, argv + 5, argc - 5, n++);
	}
	while (now_us() < ends_us) {
		poll(fds, (nfds_t)count, 100);
		for (int i = 0; i < count; i++) {
			if (!fds[i].revents)
				continue;
			answer_read(fds[i].fd);
			answered++;
			command_send(fds[i].fd, argv + 5, argc - 5, n++);
		}
	}
	printf("{\"rate\":%.1f,\"next\":%ld,\"answers\":{",
		(double)answered * 1e6 / (double)(now_us() - began_us), n);
	for (int i = 0; i < KINDS && kinds[i].count > 0; i++)
		printf("%s\"%s\":%ld", i > 0 ? "," : "", kinds[i].name, kinds[i].count);
	printf("}}\n");
	return 0;
}
