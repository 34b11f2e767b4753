/*
 * The watchdog of a worker: one that hangs is ended after two minutes, one that works is not, nor
 * is its request cut. The worker's clock and its alarm are the test's, which lets the time pass at
 * once; the signal is the real one.
 */
#include "fcgi_worker.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#define WATCHDOG_S 120

static struct {
	_Atomic int64_t now_us;
	_Atomic int64_t due_us; /* the alarm; 0: none is set */
	_Atomic int alarms;     /* so often it was set */
	_Atomic int begun;      /* requests */
} * world;

/* In a worker. */
static bool is_ours;

int
clock_gettime(clockid_t clock, struct timespec *out)
{
	if (!is_ours || clock != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, clock, out);
	*out = (struct timespec){ .tv_sec = world->now_us / 1000000 };
	return 0;
}

unsigned
alarm(unsigned seconds)
{
	const struct itimerval timer = { .it_value.tv_sec = seconds };

	if (is_ours) {
		world->due_us = seconds ? world->now_us + (int64_t)seconds * 1000000 : 0;
		world->alarms++;
	} else {
		setitimer(ITIMER_REAL, &timer, NULL);
	}
	return 0;
}

/* Answers with the length of the body; "hang" never. */
static void
work(struct gate *gate)
{
	is_ours = true;
	/* One that hangs would outlive a test that fails. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (gate_accept(gate, NULL, NULL)) {
		char text[100], body[100];
		int total = 0, got;

		world->begun++;
		while (strcmp(gate_param(gate, "NAME"), "hang") == 0)
			poll(NULL, 0, -1);
		while ((got = gate_read(gate, body, sizeof(body))) > 0)
			total += got;
		snprintf(text, sizeof(text), "%d", got < 0 ? -1 : total);
		gate_write(gate, text, strlen(text));
		gate_finish(gate);
	}
}

static void
begin(void)
{
	world = shared(sizeof(*world));
	world->now_us = INT64_C(1000000000);
	start(work);
}

static void
wait_until(const _Atomic int *count, int is)
{
	while (*count < is)
		poll(NULL, 0, 1);
	cr_assert_eq(*count, is);
}

/* The worker waits within the kernel. */
static void
wait_until_it_waits(void)
{
	char path[64], state = 'R';

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)worker);
	while (state != 'S') {
		FILE *file = fopen(path, "re");

		cr_assert_not_null(file);
		cr_assert_eq(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
		fclose(file);
		poll(NULL, 0, 1);
	}
}

static void
pass(int seconds)
{
	world->now_us += (int64_t)seconds * 1000000;
}

static bool
is_due(void)
{
	return world->due_us && world->due_us <= world->now_us;
}

static void
ring(void)
{
	cr_assert(is_due());
	world->due_us = 0;
	kill(worker, SIGALRM);
}

static bool
is_alive(void)
{
	return waitpid(worker, NULL, WNOHANG) == 0;
}

/* A request without its body. */
static int
send_head(const char *name)
{
	int fd = dial(), before = world->begun;

	begin_request(fd, name);
	wait_until(&world->begun, before + 1);
	return fd;
}

static void
assert_serves(void)
{
	cr_assert(ask("next", "hello"));
	cr_assert_str_eq(answer, "5");
}

TestSuite(gate_watchdog, .init = begin, .timeout = 60);

Test(gate_watchdog, worker_that_hangs_in_a_request_is_ended)
{
	int fd = send_head("hang"), waiting;

	waiting = dial();
	begin_request(waiting, "waiting");
	put(waiting, STDIN, "", 0);
	pass(WATCHDOG_S - 1);
	cr_assert_not(is_due());
	pass(1);
	ring();
	cr_assert_eq(ended(), 128 + SIGALRM);
	cr_assert_not(take(fd));
	cr_assert_str_eq(answer, "");
	/* Its successor finds those who wait. */
	worker_start(work);
	cr_assert(take(waiting));
	cr_assert_eq(stop(SIGTERM), 0);
}

Test(gate_watchdog, worker_that_a_peer_leaves_within_a_record_is_ended)
{
	int fd = dial();

	cr_assert_eq(send(fd, "\1\1\0\1", 4, MSG_NOSIGNAL), 4);
	wait_until(&world->alarms, 1);
	wait_until_it_waits();
	pass(WATCHDOG_S);
	ring();
	cr_assert_eq(ended(), 128 + SIGALRM);
}

/* The alarm is the one that was set for an earlier request. */
Test(gate_watchdog, time_is_counted_from_the_request_that_hangs)
{
	assert_serves();
	pass(50);
	send_head("hang");
	pass(WATCHDOG_S - 50);
	ring();
	wait_until(&world->alarms, 2);
	cr_assert_eq(world->due_us - world->now_us, 50 * 1000000);
	cr_assert(is_alive());
	pass(50);
	ring();
	cr_assert_eq(ended(), 128 + SIGALRM);
}

/* Nor does the signal cut what it reads. */
Test(gate_watchdog, worker_that_works_on_is_not_ended)
{
	int fd;

	assert_serves();
	pass(50);
	fd = send_head("slow");
	wait_until_it_waits();
	pass(WATCHDOG_S - 50);
	ring();
	wait_until(&world->alarms, 2);
	wait_until_it_waits();
	put(fd, STDIN, "hello", 5);
	put(fd, STDIN, "", 0);
	cr_assert(take(fd));
	cr_assert_str_eq(answer, "5");
	cr_assert(is_alive());
	cr_assert_eq(stop(SIGTERM), 0);
}

Test(gate_watchdog, idle_worker_is_not_ended_and_watched_again)
{
	assert_serves();
	wait_until_it_waits();
	pass(WATCHDOG_S);
	ring();
	assert_serves();
	cr_assert(is_alive());
	cr_assert_eq(world->alarms, 2);
	send_head("hang");
	pass(WATCHDOG_S);
	ring();
	cr_assert_eq(ended(), 128 + SIGALRM);
}

Test(gate_watchdog, busy_worker_hears_no_alarm)
{
	for (int i = 0; i < 1000; i++) {
		assert_serves();
		pass(1);
		cr_assert_not(is_due());
	}
	/* Once in a while, not for each. */
	cr_assert_lt(world->alarms, 30);
	cr_assert_eq(stop(SIGTERM), 0);
}
