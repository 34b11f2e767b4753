/*
 * Whose turn it is to wake the outbox Redis says, by a key that lives for a second. Who finds it
 * taken asks again when it has gone: the outbox that was started before may have looked already.
 * Who has the turn asks once more for the same reason: one that still ran, and had looked, ends the
 * one that was started. While Redis does not answer nobody is to start one, lest all do.
 */
#include "pools/nudge.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"

#define KEY       "holdfast:nudge"
#define PERIOD_MS 1000
#define PERIOD    "1000"
#define MARK_ROOM 17
#define AWAY_MS   10000 /* and up to six times that */

static bool wanted;
static bool started;         /* once, for what is wanted */
static char seen[MARK_ROOM]; /* whose turn it was when this process asked; "": it has not */
static int64_t next_us;      /* not before */

enum turn { TURN_MINE, TURN_TAKEN, TURN_UNKNOWN };

void
nudge_note(const struct context *house)
{
	if (!house->conf->outbox_nudge)
		return;
	wanted = true;
	started = false;
	*seen = '\0';
}

/* mark: of whoever had the last turn. */
static enum turn
ask(struct context *house, char mark[MARK_ROOM])
{
	unsigned char bytes[MARK_ROOM / 2];
	const struct redis_value *reply;
	const char *text;

	id_random(bytes, sizeof(bytes));
	id_hex(bytes, sizeof(bytes), mark);
	reply = redis_command(house->redis, 6,
		(const char *[]){ "SET", KEY, mark, "NX", "PX", PERIOD }, NULL, house->arena);
	if (!reply)
		return TURN_UNKNOWN;
	if (redis_kind(reply) == REDIS_TEXT)
		return TURN_MINE;
	reply = redis_command(house->redis, 2, (const char *[]){ "GET", KEY }, NULL, house->arena);
	text = reply && redis_kind(reply) == REDIS_TEXT ? redis_text(reply, NULL) : "";
	snprintf(mark, MARK_ROOM, "%s", text);
	return TURN_TAKEN;
}

/* In the child's child: becomes the outbox, with nothing of this process but its log. */
static _Noreturn void
become_outbox(const char *program, const char *config)
{
	char *const words[] = { (char *)program, config ? (char *)"--config" : NULL, (char *)config,
		NULL };
	sigset_t none;
	int nothing;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
	/* Descriptor 0 is the socket on which this pool is asked. */
	nothing = open("/dev/null", O_RDWR);
	if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 ||
		dup2(STDERR_FILENO, STDOUT_FILENO) < 0 || close_range(3, ~0U, 0) != 0)
		_exit(1);
	execv(program, words);
	_exit(1);
}

static void
start(const struct conf *conf)
{
	char self[PATH_MAX], program[PATH_MAX + sizeof("/holdfast-outbox")];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	pid_t child;

	if (len < 0)
		return;
	while (len > 0 && self[len - 1] != '/')
		len--;
	snprintf(program, sizeof(program), "%.*sholdfast-outbox", (int)len, self);
	child = fork();
	if (child == 0) {
		/* Nobody's child, so that nobody has to wait for its end. */
		if (fork() == 0)
			become_outbox(program, conf->file);
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
	else
		log_line(LOG_WARN, "event=nudge error=fork");
}

/* Not the same for all workers. */
static int64_t
away_us(void)
{
	uint16_t random;

	id_random(&random, sizeof(random));
	return (AWAY_MS + (int64_t)random % (5 * AWAY_MS)) * 1000;
}

int
nudge_idle(struct context *house)
{
	int64_t now_us = clock_monotonic_us();
	char mark[MARK_ROOM];
	enum turn turn;

	if (!wanted)
		return -1;
	if (now_us < next_us)
		return (int)((next_us - now_us) / 1000 + 1);
	turn = ask(house, mark);
	next_us = now_us + PERIOD_MS * 1000;
	if (turn == TURN_UNKNOWN) {
		next_us = now_us + away_us();
		return (int)((next_us - now_us) / 1000);
	}
	if (turn == TURN_TAKEN && (!*seen || strcmp(seen, mark) == 0)) {
		memcpy(seen, mark, sizeof(seen));
		return PERIOD_MS;
	}
	/* Taken by another than before: that one has started it since. */
	wanted = turn == TURN_MINE && !started;
	if (turn == TURN_MINE)
		start(house->conf);
	started = wanted;
	memcpy(seen, mark, sizeof(seen));
	return wanted ? PERIOD_MS : -1;
}
