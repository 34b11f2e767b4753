/*
 * Notices of a process that has no Redis: it has its own turn, once a second and event. What Redis
 * says of turns is tested with the scripts and with the pools.
 */
#include <criterion/criterion.h>

#include "domain/notice.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#define SECOND INT64_C(1000000)

static char path[] = "/tmp/holdfast-notice.XXXXXX";
static struct conf conf;
static struct context house;
static int server = -1, reader = -1;

static void
begin(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	log_init("test", LOG_ERROR);
	close(mkstemp(path));
	unlink(path);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	server = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(bind(server, (const struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(server, 8), 0);
	conf = (struct conf){ .live = true, .live_socket = path, .redis_url = "" };
	house = (struct context){ .conf = &conf, .redis = redis_open(&conf), .arena = arena_new() };
}

static void
end(void)
{
	redis_close(house.redis);
	arena_free(house.arena);
	unlink(path);
}

TestSuite(notice, .init = begin, .fini = end, .timeout = 30);

/* Answers, and returns how many notices have come since the last time; *text: the last data. */
static int
heard(const char **text)
{
	static const char ok[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
	static char bytes[65536];
	int count = 0;
	ssize_t got;

	if (reader < 0 && poll(&(struct pollfd){ .fd = server, .events = POLLIN }, 1, 0) > 0)
		reader = accept(server, NULL, NULL);
	got = reader < 0 ? 0 : recv(reader, bytes, sizeof(bytes) - 1, MSG_DONTWAIT);
	bytes[got > 0 ? got : 0] = '\0';
	for (const char *p = bytes; (p = strstr(p, "POST ")) != NULL; p++) {
		count++;
		cr_assert_eq(write(reader, ok, strlen(ok)), (ssize_t)strlen(ok));
		if (text)
			*text = strstr(p, "\r\n\r\n") + 4;
	}
	return count;
}

Test(notice, nothing_is_told_where_nothing_has_changed)
{
	cr_assert_eq(notice_idle(&house), -1);
	cr_assert_eq(heard(NULL), 0);
}

Test(notice, nothing_is_noted_where_live_is_off)
{
	conf.live = false;
	cr_assert(notice_changed(&house, 1));
	notice_moved(&house, 1);
	notice_seen(&house, 1, 5);
	cr_assert_eq(notice_idle(&house), -1);
	notice_settle(&house);
	cr_assert_eq(heard(NULL), 0);
}

Test(notice, a_change_is_told_at_once_and_without_a_version)
{
	const char *text = "";
	int pause_ms;

	notice_changed(&house, 12);
	cr_assert_eq(heard(NULL), 0, "not before the process is idle");
	pause_ms = notice_idle(&house);
	cr_assert(pause_ms > 0 && pause_ms < 100, "looks for the answer: %d", pause_ms);
	cr_assert_eq(heard(&text), 1);
	pause_ms = notice_idle(&house);
	cr_assert(pause_ms > 100 && pause_ms <= 1001, "%d", pause_ms);
	cr_assert(str_starts(text, "{\"event_id\":\"12\",\"version\":null,\"as_of\":\"20"), "%s",
		text);
}

Test(notice, a_burst_is_told_once_and_its_end_a_second_later)
{
	int64_t began_us = clock_monotonic_us();
	int pause_ms;

	for (int i = 0; i < 1000; i++) {
		notice_changed(&house, 12);
		notice_idle(&house);
	}
	cr_assert_lt(clock_monotonic_us() - began_us, SECOND);
	cr_assert_eq(heard(NULL), 1);
	while ((pause_ms = notice_idle(&house)) > 0 && heard(NULL) == 0)
		poll(NULL, 0, pause_ms);
	cr_assert_geq(clock_monotonic_us() - began_us, SECOND);
	while ((pause_ms = notice_idle(&house)) >= 0)
		poll(NULL, 0, pause_ms);
	cr_assert_eq(heard(NULL), 0, "nothing more");
}

Test(notice, events_do_not_wait_for_each_other)
{
	for (int32_t event_id = 1; event_id <= 200; event_id++)
		notice_changed(&house, event_id);
	while (notice_idle(&house) == 0)
		;
	cr_assert_eq(heard(NULL), 200);
}

Test(notice, there_is_an_end_to_what_is_noted)
{
	int32_t event_id = 1;

	while (event_id < 100000 && notice_changed(&house, event_id))
		event_id++;
	cr_assert(event_id > 500 && event_id < 100000);
	cr_assert(notice_changed(&house, 1), "this one is noted already");
	notice_moved(&house, 99999);
}

Test(notice, what_is_read_at_the_version_known_is_no_change)
{
	int pause_ms;

	notice_seen(&house, 12, 5);
	notice_idle(&house);
	cr_assert_eq(heard(NULL), 1);
	while ((pause_ms = notice_idle(&house)) >= 0)
		poll(NULL, 0, pause_ms);
	notice_seen(&house, 12, 5);
	cr_assert_eq(notice_idle(&house), -1);
	notice_seen(&house, 12, 6);
	cr_assert_geq(notice_idle(&house), 0);
}

Test(notice, what_is_not_answered_is_told_again)
{
	int64_t until_us = clock_monotonic_us() + 10 * SECOND;
	int told = 0;

	notice_changed(&house, 1);
	notice_idle(&house);
	poll(NULL, 0, 1200);
	notice_changed(&house, 2);
	cr_assert_geq(notice_idle(&house), 0);
	cr_assert_eq(heard(NULL), 1, "the first, and it is answered now");
	while (told < 2 && clock_monotonic_us() < until_us) {
		poll(NULL, 0, notice_idle(&house));
		told += heard(NULL);
	}
	cr_assert_eq(told, 2, "the first again, and the second");
}

Test(notice, a_job_tells_the_rest_before_it_ends)
{
	int64_t began_us = clock_monotonic_us();

	notice_changed(&house, 1);
	notice_idle(&house);
	cr_assert_eq(heard(NULL), 1);
	notice_settle(&house);
	cr_assert_lt(clock_monotonic_us() - began_us, SECOND / 2, "nothing is left to be told");
	notice_changed(&house, 2);
	began_us = clock_monotonic_us();
	notice_settle(&house); /* nobody answers */
	cr_assert_geq(clock_monotonic_us() - began_us, SECOND);
	cr_assert_lt(clock_monotonic_us() - began_us, 5 * SECOND);
}
