/*
 * Notices for servers that answer, refuse, say nothing, go away or were never there.
 */
#include <criterion/criterion.h>

#include "store/live.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#define SECOND INT64_C(1000000)
#define OK     "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok"
#define NO     "HTTP/1.1 413 Too large\r\nContent-Length: 0\r\n\r\n"

static char dir[] = "/tmp/holdfast-live.XXXXXX";
static char first[64], second[64], both[160];
static struct live *live;

static void
begin(void)
{
	log_init("test", LOG_ERROR);
	cr_assert_not_null(mkdtemp(dir));
	snprintf(first, sizeof(first), "%s/first.sock", dir);
	snprintf(second, sizeof(second), "%s/second.sock", dir);
	snprintf(both, sizeof(both), "%s,%s", first, second);
	live = live_open(first);
}

static void
end(void)
{
	live_close(live);
	unlink(first);
	unlink(second);
	rmdir(dir);
}

TestSuite(live, .init = begin, .fini = end, .timeout = 30);

static int
listen_at(const char *path, int backlog)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(fd, backlog), 0);
	return fd;
}

/* What has been sent on the connection, as text. */
static const char *
sent(int fd)
{
	static char text[4096];
	ssize_t got = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[got > 0 ? got : 0] = '\0';
	return text;
}

static void
say(int fd, const char *answer)
{
	cr_assert_eq(write(fd, answer, strlen(answer)), (ssize_t)strlen(answer));
}

static enum live_result
post(int64_t now_us)
{
	return live_post(live, 12, "changed", "{\"a\":1}", now_us);
}

Test(live, request_is_one_that_nchan_publishes)
{
	int at = listen_at(first, 8), fd;

	cr_assert_eq(post(0), LIVE_SENT);
	fd = accept(at, NULL, NULL);
	cr_assert_str_eq(sent(fd), "POST /events/12 HTTP/1.1\r\nHost: live\r\n"
				   "X-EventSource-Event: changed\r\n"
				   "Content-Type: application/json\r\nContent-Length: 7\r\n\r\n"
				   "{\"a\":1}");
}

Test(live, connection_is_kept_and_answers_are_read_when_the_next_goes_out)
{
	int at = listen_at(first, 8), fd;

	cr_assert_eq(post(0), LIVE_SENT);
	fd = accept(at, NULL, NULL);
	for (int i = 1; i < 1000; i++) {
		cr_assert(*sent(fd));
		say(fd, i % 2 ? OK : NO);
		cr_assert_eq(post(i * 10 * SECOND), LIVE_SENT);
	}
	cr_assert_eq(poll(&(struct pollfd){ .fd = at, .events = POLLIN }, 1, 0), 0);
}

Test(live, several_go_out_before_the_first_is_answered)
{
	int at = listen_at(first, 8), fd;

	for (int i = 0; i < 50; i++)
		cr_assert_eq(post(i), LIVE_SENT);
	fd = accept(at, NULL, NULL);
	for (int i = 0; i < 50; i++)
		say(fd, OK);
	cr_assert_eq(post(5 * SECOND), LIVE_SENT);
}

Test(live, server_that_says_nothing_gets_no_more_until_it_does)
{
	int at = listen_at(first, 8), fd;

	cr_assert_eq(post(0), LIVE_SENT);
	fd = accept(at, NULL, NULL);
	cr_assert_eq(post(SECOND / 2), LIVE_SENT);
	cr_assert_eq(post(2 * SECOND), LIVE_BUSY);
	cr_assert_eq(post(100 * SECOND), LIVE_BUSY);
	say(fd, OK);
	say(fd, OK);
	cr_assert_eq(post(101 * SECOND), LIVE_SENT);
}

Test(live, server_that_has_gone_is_found_again)
{
	int at, fd;

	cr_assert_eq(post(0), LIVE_AWAY);
	at = listen_at(first, 8);
	cr_assert_eq(post(1), LIVE_SENT);
	fd = accept(at, NULL, NULL);
	close(fd);
	cr_assert_eq(post(2), LIVE_SENT, "on a new connection");
	fd = accept(at, NULL, NULL);
	cr_assert(*sent(fd));
	close(fd);
	close(at);
	cr_assert_eq(post(3), LIVE_AWAY);
	unlink(first);
	cr_assert_eq(post(4), LIVE_AWAY);
}

Test(live, connection_long_unused_is_made_anew)
{
	int at = listen_at(first, 8), fd;

	cr_assert_eq(post(0), LIVE_SENT);
	fd = accept(at, NULL, NULL);
	cr_assert(*sent(fd));
	say(fd, OK);
	cr_assert_eq(post(3600 * SECOND), LIVE_SENT);
	cr_assert_str_empty(sent(fd));
	fd = accept(at, NULL, NULL);
	cr_assert(*sent(fd));
}

Test(live, full_queue_of_connections_is_busy)
{
	struct live *many[8];
	int busy = 0;

	listen_at(first, 0);
	for (size_t i = 0; i < ARRAY_LENGTH(many); i++) {
		many[i] = live_open(first);
		busy += live_post(many[i], 1, "changed", "{}", 0) == LIVE_BUSY;
	}
	cr_assert_geq(busy, 1);
	for (size_t i = 0; i < ARRAY_LENGTH(many); i++)
		live_close(many[i]);
}

Test(live, every_server_is_told_and_those_that_answer_decide)
{
	struct live *two = live_open(both);
	int one = listen_at(first, 8), other, fd, silent;

	cr_assert_eq(live_post(two, 1, "changed", "{}", 0), LIVE_SENT, "one of them is away");
	other = listen_at(second, 8);
	cr_assert_eq(live_post(two, 1, "changed", "{}", 1), LIVE_SENT);
	fd = accept(one, NULL, NULL);
	silent = accept(other, NULL, NULL);
	cr_assert(*sent(silent));
	say(fd, OK);
	say(fd, OK);
	cr_assert_not(live_answered(two, SECOND), "one may still answer");
	cr_assert(live_answered(two, 2 * SECOND), "it has had its time");
	cr_assert_eq(live_post(two, 1, "changed", "{}", 2 * SECOND), LIVE_SENT);
	cr_assert_str_empty(sent(silent));
	cr_assert_not(live_answered(two, 2 * SECOND));
	cr_assert_not(live_answered(two, 4 * SECOND), "nobody answers any more");
	cr_assert_eq(live_post(two, 1, "changed", "{}", 4 * SECOND), LIVE_BUSY);
	say(fd, OK);
	say(silent, OK);
	cr_assert(live_answered(two, 5 * SECOND));
	cr_assert_eq(live_post(two, 1, "changed", "{}", 5 * SECOND), LIVE_SENT);
	cr_assert(*sent(silent), "it is heard again");
	cr_assert_not(live_answered(two, 5 * SECOND));
	live_close(two);
}

Test(live, server_without_room_for_a_connection_stops_nobody_for_long)
{
	struct live *two = live_open(both);
	struct live *many[8];
	int one = listen_at(first, 8), fd;

	listen_at(second, 0);
	for (size_t i = 0; i < ARRAY_LENGTH(many); i++) {
		many[i] = live_open(second);
		live_post(many[i], 1, "changed", "{}", 0);
	}
	cr_assert_eq(live_post(two, 1, "changed", "{}", 0), LIVE_BUSY);
	fd = accept(one, NULL, NULL);
	say(fd, OK);
	cr_assert_eq(live_post(two, 1, "changed", "{}", 2 * SECOND), LIVE_SENT);
	say(fd, OK);
	cr_assert(live_answered(two, 2 * SECOND));
	live_close(two);
	for (size_t i = 0; i < ARRAY_LENGTH(many); i++)
		live_close(many[i]);
}

Test(live, sockets_that_cannot_be_are_left_out)
{
	char list[400] = ",,";
	struct live *some;

	memset(list + 2, 'x', 200);
	snprintf(list + 202, sizeof(list) - 202, ",%s", first);
	some = live_open(list);
	listen_at(first, 8);
	cr_assert_eq(live_post(some, 1, "changed", "{}", 0), LIVE_SENT);
	live_close(some);
}

Test(live, answers_are_counted_however_they_are_cut)
{
	static const char text[] = OK NO "HTTP/HTTP/1.1 500 x\r\n\r\n" OK;
	size_t len = strlen(text);

	for (size_t cut = 0; cut <= len; cut++) {
		int state = 0;
		struct live_answers a = live_read_answers(text, cut, &state);
		struct live_answers b = live_read_answers(text + cut, len - cut, &state);

		cr_assert_eq(a.count + b.count, 4, "cut at %zu", cut);
		cr_assert_eq(a.refused + b.refused, 2, "cut at %zu", cut);
	}
}
