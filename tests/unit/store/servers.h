/*
 * Private servers for the tests of app/store: real ones (servers.sh), and a socket that takes
 * connections and never says a word, or one byte at a time.
 */
#ifndef HOLDFAST_TEST_SERVERS_H
#define HOLDFAST_TEST_SERVERS_H

#include <criterion/criterion.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND INT64_C(1000000)

struct servers {
	char dir[64];
	char url[128];
	struct conf conf;
};

static inline void
servers_run(const struct servers *servers, const char *command, const char *argument)
{
	char line[1000];

	snprintf(line, sizeof(line), "tests/unit/store/servers.sh %s %s %s", command, servers->dir,
		argument);
	cr_assert_eq(system(line), 0, "%s failed", command);
}

/*
 * One directory for all tests of a program, so that what a failed test leaves is found at the end.
 * Tests are processes of their own: its name goes to them in the environment. PostgreSQL, which
 * runs as another user for root, must be able to pass through.
 */
ReportHook(PRE_ALL)(struct criterion_test_set *set)
{
	char top[] = "/tmp/holdfast-store.XXXXXX";

	(void)set;
	cr_assert_not_null(mkdtemp(top));
	cr_assert_eq(chmod(top, 0755), 0);
	setenv("HOLDFAST_TEST_DIR", top, 1);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	char line[1000];

	(void)stats;
	snprintf(line, sizeof(line), "tests/unit/store/servers.sh sweep %s",
		getenv("HOLDFAST_TEST_DIR"));
	cr_assert_eq(system(line), 0);
}

static inline void
servers_init(struct servers *servers)
{
	const char *top = getenv("HOLDFAST_TEST_DIR");

	*servers = (struct servers){
		.conf = { .program = "test",
			.postgres_connect_ms = 300,
			.redis_timeout_ms = 100,
			.redis_retry_ms = 200,
			.redis_url = "",
			.redis_password = "" },
	};
	/* A test that has cleared its environment tidies up by itself. */
	snprintf(servers->dir, sizeof(servers->dir), "%s/holdfast-store.XXXXXX",
		top != NULL ? top : "/tmp");
	cr_assert_not_null(mkdtemp(servers->dir));
	cr_assert_eq(chmod(servers->dir, 0755), 0);
	log_init("test", LOG_ERROR);
}

static inline void
servers_remove(const struct servers *servers)
{
	servers_run(servers, "remove", "");
}

/* Runs work(ctx) in a process of its own; servers_wait() gives its exit status. */
static inline pid_t
servers_fork(int (*work)(void *ctx), void *ctx)
{
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0)
		_exit(work(ctx));
	return pid;
}

static inline int
servers_wait(pid_t pid)
{
	int status;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* A socket at path that takes connections; each gets one '$' every 20 ms if drip. */
static inline pid_t
servers_mute(const char *path, bool drip)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listening = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	cr_assert_eq(bind(listening, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(listening, 16), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			int fd = accept(listening, NULL, NULL);

			while (drip && send(fd, "$1000000", 1, MSG_NOSIGNAL) == 1)
				poll(NULL, 0, 20);
		}
	}
	close(listening);
	return pid;
}

static inline void
servers_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#endif
