/*
 * Counting together: sums of many processes, files that are damaged, cut, gone or of another
 * program, and the text.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/metrics_parts.h"

static const struct metrics_route routes[] = {
	{ "GET", "/events" },
	{ "POST", "/bookings/{booking_id}/confirm" },
};
static const struct metrics_route others[] = { { "GET", "/other" } };

static char dir[] = "/tmp/holdfast-metrics.XXXXXX";
static char path[64];
static struct arena *arena;

static void
begin(void)
{
	cr_assert(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/metrics", dir);
	arena = arena_new();
}

static void
end(void)
{
	metrics_close();
	arena_free(arena);
	cr_assert_eq(system(arena_printf(arena = arena_new(), "rm -rf %s", dir)), 0);
	arena_free(arena);
}

TestSuite(metrics, .init = begin, .fini = end, .timeout = 60);

static bool
open_pool(void)
{
	return metrics_open(path, routes, ARRAY_LENGTH(routes));
}

/* The number behind a series in the text; -1: it is not there. */
static double
value(const char *series)
{
	struct str out;
	const char *at;

	str_init(&out, arena);
	metrics_write(&out);
	at = strstr(out.data, arena_printf(arena, "\n%s ", series));
	return at ? strtod(at + 2 + strlen(series), NULL) : -1;
}

/* Runs work(number) in so many processes at once, and sees all of them end well. */
static void
together(int processes, void (*work)(int number))
{
	int gate[2];
	pid_t pids[64];
	char byte;

	cr_assert(processes <= 64 && pipe(gate) == 0);
	for (int i = 0; i < processes; i++) {
		pids[i] = fork();
		cr_assert_geq(pids[i], 0);
		if (pids[i] == 0) {
			close(gate[1]);
			cr_assert_eq(read(gate[0], &byte, 1), 0);
			work(i);
			_exit(0);
		}
	}
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < processes; i++) {
		int status;

		cr_assert_eq(waitpid(pids[i], &status, 0), pids[i]);
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
	}
}

#define EACH 200000

static void
add_many(int number)
{
	bool is_pool = number % 2;

	if (!(is_pool ? open_pool() : metrics_open(path, NULL, 0)))
		_exit(3);
	for (int i = 0; i < EACH; i++) {
		metrics_add(METRIC_DRIFT, METRIC_DRIFT_SEAT, 2);
		metrics_add_pair(METRIC_REQUESTS, 1, METRIC_CODE_200, 1);
		metrics_observe(METRIC_REDIS_SECONDS, 0, i % 3 * 1000);
	}
}

Test(metrics, additions_of_many_processes_sum_exactly)
{
	together(8, add_many);
	cr_assert(open_pool());
	cr_expect_eq(value("holdfast_drift_total{kind=\"seat\"}"), 16.0 * EACH);
	cr_expect_eq(value("holdfast_drift_total{kind=\"count\"}"), 0);
	cr_expect_eq(value("holdfast_http_requests_total{method=\"GET\",route=\"/"
			   "events\",code=\"200\"}"),
		8.0 * EACH);
	cr_expect_eq(value("holdfast_redis_call_duration_seconds_count"), 8.0 * EACH);
	cr_expect_eq(value("holdfast_redis_call_duration_seconds_bucket{le=\"0.0005\"}"),
		8 * (EACH / 3 + 1));
	cr_expect_eq(value("holdfast_redis_call_duration_seconds_bucket{le=\"0.001\"}"),
		8 * (EACH / 3 * 2 + 2));
	cr_expect_eq(
		value("holdfast_redis_call_duration_seconds_bucket{le=\"0.002\"}"), 8.0 * EACH);
}

static void
add_one(int number)
{
	(void)number;
	if (!open_pool())
		_exit(3);
	metrics_add(METRIC_POSTGRES_REPEATS, 0, 1);
}

Test(metrics, those_who_come_first_make_one_file)
{
	struct stat is;

	for (int round = 0; round < 10; round++) {
		together(32, add_one);
		cr_assert(open_pool());
		cr_assert_eq(value("holdfast_postgres_repeats_total"), 32);
		cr_assert_eq(stat(path, &is), 0);
		cr_assert_eq(is.st_mode & 07777, 0660);
		cr_assert_neq(access(arena_printf(arena, "%s.new", path), F_OK), 0);
		metrics_close();
		unlink(path);
	}
}

/* Makes a usable file in which one thing has been counted. */
static void
counted_file(void)
{
	unlink(path);
	cr_assert(open_pool());
	metrics_add(METRIC_POSTGRES_REPEATS, 0, 7);
	metrics_close();
}

static void
write_at(off_t at, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY);

	cr_assert_geq(fd, 0);
	cr_assert_eq(pwrite(fd, bytes, len, at), (ssize_t)len);
	close(fd);
}

static void
damage_nothing(void)
{
}

static void
damage_emptied(void)
{
	cr_assert_eq(truncate(path, 0), 0);
}

static void
damage_short(void)
{
	cr_assert_eq(truncate(path, sizeof(struct metrics_file) - 1), 0);
}

static void
damage_long(void)
{
	cr_assert_eq(truncate(path, sizeof(struct metrics_file) + 1), 0);
}

static void
damage_head(void)
{
	write_at(0, "\xff\xff\xff\xff", 4);
}

static void
damage_rubbish(void)
{
	cr_assert_eq(truncate(path, 0), 0);
	write_at(0, "rubbish, and more of it than a head is long: it goes on and on and on", 68);
}

static void
damage_link(void)
{
	char target[80];

	snprintf(target, sizeof(target), "%s.target", path);
	cr_assert_eq(rename(path, target), 0);
	cr_assert_eq(symlink(target, path), 0);
}

static void
damage_pipe(void)
{
	unlink(path);
	cr_assert_eq(mkfifo(path, 0660), 0);
}

/* Else the pools could not count into what a job that root started has made. */
Test(metrics, what_root_makes_is_the_directory_s)
{
	struct stat is;

	if (geteuid() != 0)
		cr_skip_test("only root can give a directory away");
	cr_assert_eq(chown(dir, 65534, 65534), 0);
	cr_assert(open_pool());
	cr_assert_eq(stat(path, &is), 0);
	cr_assert_eq(is.st_uid, 65534);
}

Test(metrics, what_is_damaged_is_replaced_by_whoever_comes)
{
	static const struct {
		void (*damage)(void);
		int left;
	} ways[] = {
		{ damage_nothing, 7 },
		{ damage_emptied, 0 },
		{ damage_short, 0 },
		{ damage_long, 0 },
		{ damage_head, 0 },
		{ damage_rubbish, 0 },
		{ damage_link, 0 },
		{ damage_pipe, 0 },
	};

	for (size_t i = 0; i < 2 * ARRAY_LENGTH(ways); i++) {
		struct stat is;

		counted_file();
		ways[i / 2].damage();
		cr_assert(i % 2 ? metrics_open(path, NULL, 0) : open_pool(), "way %zu", i);
		cr_expect_eq(
			value("holdfast_postgres_repeats_total"), ways[i / 2].left, "way %zu", i);
		cr_assert_eq(lstat(path, &is), 0);
		cr_expect(S_ISREG(is.st_mode), "way %zu", i);
		cr_expect_eq(is.st_size, sizeof(struct metrics_file), "way %zu", i);
		metrics_close();
	}
}

Test(metrics, a_program_of_another_layout)
{
	uint64_t layout = 1;

	counted_file();
	write_at(offsetof(struct metrics_head, layout), &layout, sizeof(layout));
	/* A job is nobody to replace it: what it counts stays with itself. */
	cr_expect_not(metrics_open(path, NULL, 0));
	metrics_add(METRIC_POSTGRES_REPEATS, 0, 1);
	metrics_tick(clock_monotonic_us() + 10000000);
	cr_expect_not(metrics_shared());
	metrics_close();
	/* A pool starts anew. */
	cr_assert(open_pool());
	cr_expect_eq(value("holdfast_postgres_repeats_total"), 1, "its own counts come along");
}

static void
replace_by_other(int number)
{
	(void)number;
	if (!metrics_open(path, others, 1))
		_exit(3);
	metrics_add(METRIC_POSTGRES_REPEATS, 0, 5);
}

Test(metrics, programs_of_other_routes)
{
	metrics_open(path, NULL, 0);
	metrics_add(METRIC_POSTGRES_REPEATS, 0, 1);
	metrics_close();
	cr_assert(open_pool());
	cr_expect_eq(
		value("holdfast_postgres_repeats_total"), 1, "a job's file knows no routes yet");
	together(1, replace_by_other);
	/* The older of two leaves the file to the newer, however often it looks. */
	for (int i = 1; i <= 3; i++)
		metrics_tick(clock_monotonic_us() + i * 10000000);
	cr_expect_not(metrics_shared());
	metrics_close();
	cr_assert(metrics_open(path, NULL, 0));
	cr_expect_eq(value("holdfast_postgres_repeats_total"), 5);
}

Test(metrics, rubbish_in_a_file_gives_wrong_numbers_and_nothing_else)
{
	struct metrics_file *rubbish = arena_alloc(arena, sizeof(*rubbish));
	struct str out;

	counted_file();
	memset(rubbish, 0xff, sizeof(*rubbish));
	write_at(offsetof(struct metrics_head, began_s), &rubbish->head.began_s,
		sizeof(*rubbish) - offsetof(struct metrics_head, began_s));
	cr_assert(open_pool());
	str_init(&out, arena);
	metrics_write(&out);
	cr_expect_lt(out.len, 200000);
	metrics_add(METRIC_POSTGRES_REPEATS, 0, 1);
	cr_expect_eq(value("holdfast_postgres_repeats_total"), 0);
	metrics_met(METRIC_SERVER_REDIS, false, INT64_MAX);
	metrics_met(METRIC_SERVER_REDIS, false, 1);
	metrics_close();
	memset(rubbish, 0x7f, sizeof(*rubbish));
	write_at(offsetof(struct metrics_head, began_s), &rubbish->head.began_s,
		sizeof(*rubbish) - offsetof(struct metrics_head, began_s));
	cr_assert(open_pool());
	metrics_met(METRIC_SERVER_REDIS, false, 1);
	metrics_met(METRIC_SERVER_REDIS, false, 1000001);
}

Test(metrics, a_file_cut_while_it_is_used)
{
	cr_assert(open_pool());
	metrics_add(METRIC_POSTGRES_REPEATS, 0, 3);
	cr_assert_eq(truncate(path, 0), 0);
	metrics_add(METRIC_POSTGRES_REPEATS, 0, 2);
	metrics_observe(METRIC_POSTGRES_SECONDS, 0, 5);
	cr_expect_not(metrics_shared());
	metrics_tick(clock_monotonic_us());
	cr_expect_not(metrics_shared(), "not at every request");
	metrics_tick(clock_monotonic_us() + 10000000);
	cr_expect(metrics_shared());
	cr_expect_eq(value("holdfast_postgres_repeats_total"), 2, "what was counted since is kept");
	metrics_close();
	cr_assert(open_pool());
	cr_expect_eq(value("holdfast_postgres_repeats_total"), 2);
}

Test(metrics, a_file_removed_or_not_to_be_had)
{
	cr_assert(open_pool());
	metrics_join("booking");
	metrics_add(METRIC_POSTGRES_REPEATS, 0, 3);
	cr_assert_eq(unlink(path), 0);
	metrics_tick(clock_monotonic_us() + 10000000);
	cr_expect(metrics_shared());
	cr_expect_eq(value("holdfast_postgres_repeats_total"), 0);
	cr_expect_eq(value("holdfast_processes{pool=\"booking\"}"), 1);
	metrics_close();

	snprintf(path, sizeof(path), "%s/later/metrics", dir);
	cr_expect_not(open_pool());
	metrics_add(METRIC_POSTGRES_REPEATS, 0, 4);
	cr_assert_eq(mkdir(arena_printf(arena, "%s/later", dir), 0700), 0);
	metrics_tick(clock_monotonic_us() + 10000000);
	cr_expect(metrics_shared(), "it is made as soon as it can be");
	cr_expect_eq(value("holdfast_postgres_repeats_total"), 4);

	cr_expect_not(metrics_open("", routes, 1), "no file is wanted");
	metrics_tick(clock_monotonic_us() + 10000000);
	cr_expect_not(metrics_shared());
	cr_expect_not(metrics_open(dir, routes, 1), "a directory is left alone");
}

static void
live(int gate)
{
	if (!open_pool())
		_exit(3);
	metrics_join("catalog");
	cr_assert_eq(write(gate, "x", 1), 1);
	pause();
}

Test(metrics, workers_that_live)
{
	pid_t pids[5];
	int gate[2];
	char byte;

	cr_assert(open_pool());
	cr_expect_eq(value("holdfast_processes{pool=\"catalog\"}"), 0);
	metrics_join("catalog");
	metrics_join("nobody's");
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(pipe(gate), 0);
		pids[i] = fork();
		if (pids[i] == 0) {
			close(gate[0]);
			live(gate[1]);
		}
		close(gate[1]);
		cr_assert_eq(read(gate[0], &byte, 1), 1);
		close(gate[0]);
	}
	cr_expect_eq(value("holdfast_processes{pool=\"catalog\"}"), 6);
	cr_expect_eq(value("holdfast_processes{pool=\"booking\"}"), 0);
	cr_expect_eq(value("holdfast_process_starts_total{pool=\"catalog\"}"), 6);
	for (int i = 4; i >= 0; i--) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
		cr_expect_eq(value("holdfast_processes{pool=\"catalog\"}"), 1 + i);
	}
	cr_expect_eq(value("holdfast_process_starts_total{pool=\"catalog\"}"), 6);
}

#define S INT64_C(1000000)

Test(metrics, time_without_a_server_counts_once)
{
	const char *redis = "holdfast_degraded_seconds_total{server=\"redis\"}";

	cr_assert(open_pool());
	metrics_met(METRIC_SERVER_REDIS, true, 1 * S);
	metrics_met(METRIC_SERVER_REDIS, false, 10 * S);
	cr_expect_eq(value(redis), 0);
	metrics_met(METRIC_SERVER_REDIS, false, 12 * S);
	metrics_met(METRIC_SERVER_REDIS, false, 12 * S);
	cr_expect_eq(value(redis), 2);
	metrics_at->head.away_us[METRIC_SERVER_REDIS] =
		13 * S; /* another process counted up to here */
	metrics_met(METRIC_SERVER_REDIS, false, 15 * S);
	cr_expect_eq(value(redis), 4);
	metrics_met(METRIC_SERVER_REDIS, true, 16 * S);
	metrics_met(METRIC_SERVER_REDIS, false, 30 * S);
	cr_expect_eq(value(redis), 4, "it was up between");
	metrics_met(METRIC_SERVER_REDIS, false, 3000 * S);
	cr_expect_eq(value(redis), 4, "nobody knows what was between");
	metrics_met(METRIC_SERVER_REDIS, false, 1 * S);
	metrics_met(METRIC_SERVER_REDIS, false, 2 * S);
	cr_expect_eq(value(redis), 5, "the clock began anew");
	cr_expect_eq(value("holdfast_degraded_seconds_total{server=\"postgres\"}"), 0);
}

Test(metrics, labels_of_statuses)
{
	cr_expect_eq(metrics_code(200), METRIC_CODE_200);
	cr_expect_eq(metrics_code(503), METRIC_CODE_503);
	cr_expect_eq(metrics_code(0), METRIC_CODE_OTHER);
	cr_expect_eq(metrics_code(418), METRIC_CODE_OTHER);
	cr_expect_eq(metrics_code(-1), METRIC_CODE_OTHER);
}

Test(metrics, values_are_escaped)
{
	struct str out;

	str_init(&out, arena);
	metrics_sample(&out, METRIC_JOB_ROWS, "a\"b\\c\nd", 3);
	cr_expect_str_eq(out.data, "holdfast_job_last_rows{job=\"a\\\"b\\\\c\\nd\"} 3\n");
}
