/*
 * The FastCGI gate on a real socket: requests written record by record, honest and torn, and the
 * ways a worker ends.
 */
#include "fcgi_worker.h"

#include <poll.h>

/* What the worker tells, and is told. */
static struct {
	_Atomic int begun; /* requests */
	_Atomic int given_up;
	_Atomic bool hold; /* while it is set, no request is answered */
} * notes;

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

/*
 * Answers each request with what it read: its name, with a * where that came more than once, and
 * the length of the body, -1 where it was cut.
 */
static void
work(struct gate *gate)
{
	while (gate_accept(gate, NULL, NULL)) {
		const char *name = gate_param(gate, "NAME");
		char text[200], body[100];
		int total = 0, got, len;

		notes->begun++;
		notes->given_up += name && strcmp(name, "given up") == 0;
		while (notes->hold)
			poll(NULL, 0, 1);
		while ((got = gate_read(gate, body, sizeof(body))) > 0)
			total += got;
		len = snprintf(text, sizeof(text), "Status: 200\r\n\r\n%s%s %d", name ? name : "-",
			gate_param_repeats(gate, "NAME") ? "*" : "", got < 0 ? -1 : total);
		gate_write(gate, text, (size_t)len);
		if (name)
			write_long(gate, name);
		gate_finish(gate);
	}
}

static void
open_notes(void)
{
	notes = shared(sizeof(*notes));
}

/* A request that is whole, and waits for its answer. */
static int
send_request(const char *name)
{
	int fd = dial();

	begin_request(fd, name);
	put(fd, STDIN, "", 0);
	return fd;
}

static void
give_up(void)
{
	close(send_request("given up"));
}

/* A request that the worker has begun, and does not answer while notes->hold is set. */
static int
send_held(const char *name)
{
	int before = notes->begun, fd;

	notes->hold = true;
	fd = send_request(name);
	while (notes->begun == before)
		poll(NULL, 0, 1);
	return fd;
}

TestSuite(gate_fcgi, .init = open_notes, .timeout = 60);

Test(gate_fcgi, serves_one_request_after_the_other)
{
	start(work);
	for (int i = 0; i < 50; i++) {
		cr_assert(ask("first", "hello"));
		cr_assert_str_eq(answer, "Status: 200\r\n\r\nfirst 5");
		cr_assert(ask("second", ""));
		cr_assert_str_eq(answer, "Status: 200\r\n\r\nsecond 0");
	}
	cr_assert_eq(stop(SIGTERM), 0);
}

Test(gate_fcgi, says_what_came_more_than_once)
{
	static const char twice[] = "\x04\x03NAMEone\x05\x01NAMESx\x04\x03NAMEtwo";
	static const char once[] = "\x05\x01NAMESx\x04\x03NAMEone\x03\x01NAMx";
	static const struct {
		const char *params, *answer;
		size_t len;
	} cases[] = {
		{ twice, "Status: 200\r\n\r\none* 0", sizeof(twice) - 1 },
		{ once, "Status: 200\r\n\r\none 0", sizeof(once) - 1 },
	};

	start(work);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		int fd = dial();

		put(fd, BEGIN_REQUEST, "\0\1\0\0\0\0\0\0", 8);
		put(fd, PARAMS, cases[i].params, cases[i].len);
		put(fd, PARAMS, "", 0);
		put(fd, STDIN, "", 0);
		cr_assert(take(fd));
		cr_assert_str_eq(answer, cases[i].answer);
	}
	cr_assert_eq(stop(SIGTERM), 0);
}

Test(gate_fcgi, every_stop_signal_ends_an_idle_worker_in_order)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGUSR1, SIGHUP };

	for (size_t i = 0; i < ARRAY_LENGTH(signals); i++) {
		start(work);
		cr_assert(ask("x", ""));
		cr_assert_eq(stop(signals[i]), 0);
	}
}

Test(gate_fcgi, stop_signal_does_not_cut_the_request_that_is_under_way)
{
	int fd;

	start(work);
	fd = send_held("slow");
	kill(worker, SIGTERM);
	notes->hold = false;
	cr_assert(take(fd));
	cr_assert_str_eq(answer, "Status: 200\r\n\r\nslow 0");
	cr_assert_eq(ended(), 0);
}

Test(gate_fcgi, answers_of_any_length_and_in_any_pieces_come_whole)
{
	static const char *const names[] = { "+0", "+1", "+8191", "+8192", "+50000", "+65480",
		"+65500", "+65535", "+65536", "+131072", "+500000", "+8000+8000+8000", "+8192+8192",
		"+100000+5+0", "+5+100000", "+8190+20000", "+20000+8191+9000" };

	start(work);
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

	start(work);
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

	start(work);
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
	static const char *const names[] = { "gone", "+50000", "+8000+8000+8000" };

	start(work);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		close(send_held(names[i]));
		notes->hold = false;
		cr_assert(ask("here", ""));
		cr_assert_str_eq(answer, "Status: 200\r\n\r\nhere 0");
	}
	cr_assert_eq(stop(SIGTERM), 0);
}

/* A worker that has fallen behind: what was given up while it waited is not even begun. */
Test(gate_fcgi, requests_given_up_in_the_queue_are_not_served)
{
	int first;

	start(work);
	first = send_held("first");
	for (int i = 0; i < 10; i++)
		give_up();
	notes->hold = false;
	cr_assert(take(first));
	cr_assert(ask("here", ""));
	cr_assert_str_eq(answer, "Status: 200\r\n\r\nhere 0");
	cr_assert_eq(notes->given_up, 0);
	cr_assert_eq(stop(SIGTERM), 0);
}

/* After a long time in which all were waited for, one in sixteen is looked at: the first that is
 * found to be given up makes it look at all of them again. */
Test(gate_fcgi, worker_that_falls_behind_later_finds_out_soon)
{
	for (int before = 200; before < 217; before += 4) {
		int first;

		start(work);
		notes->given_up = 0;
		for (int i = 0; i < before; i++)
			cr_assert(ask("here", ""));
		first = send_held("first");
		for (int i = 0; i < 100; i++)
			give_up();
		notes->hold = false;
		cr_assert(take(first));
		cr_assert(ask("here", ""));
		cr_assert_lt(notes->given_up, 16, "%d of 100", notes->given_up);
		cr_assert_eq(stop(SIGTERM), 0);
	}
}

/* Among those that are given up, too, and whether or not it has closed the end that it is done
 * with. */
Test(gate_fcgi, request_that_is_waited_for_is_always_served)
{
	int first, fds[80];

	start(work);
	first = send_held("first");
	for (size_t i = 0; i < ARRAY_LENGTH(fds); i++) {
		for (size_t j = 0; i < 30 && j < i % 3; j++)
			give_up();
		fds[i] = send_request("here");
		if (i % 2)
			shutdown(fds[i], SHUT_WR);
	}
	notes->hold = false;
	cr_assert(take(first));
	for (size_t i = 0; i < ARRAY_LENGTH(fds); i++) {
		cr_assert(take(fds[i]), "%zu", i);
		cr_assert_str_eq(answer, "Status: 200\r\n\r\nhere 0");
	}
	cr_assert_eq(notes->given_up, 0);
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
		start(work);
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
