/*
 * Fault points: compiled into test builds alone.
 *
 * Rules that make no sense end the program: a test that asks for what does not exist must not pass.
 */
#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

#define PATH_BYTES  512
#define TEXT_BYTES  16384
#define RULES_MAX   256
#define COUNTS_MAX  1024
#define WORKERS_MAX 64
#define EXIT_STATUS 70

enum action { ACT_KILL, ACT_EXIT, ACT_WAIT, ACT_CUT_REDIS, ACT_CUT_POSTGRES };

struct rule {
	char point[64];
	char word[32]; /* the action as it was written */
	enum action action;
	int wait_ms;
	uint64_t name;  /* of the rule under this seed */
	uint64_t below; /* fires where a number of 53 bits is below this */
};

/* How often each rule was judged: what a worker's number keeps over the deaths of its bearers. */
struct slot {
	struct {
		uint64_t rule;
		uint64_t count;
	} counts[COUNTS_MAX];
};

#undef FAULT
#undef FAULT_CALL
#define FAULT(point, where)     point,
#define FAULT_CALL(call, where) call ".sending", call ".sent",
static const char *const points[] = {
#include "base/fault.def"
};

static const char *config_file, *program_name;
static int sockets[FAULT_SERVERS] = { -1, -1 };
static struct stat seen; /* of the rules that are in force */
static struct rule rules[RULES_MAX];
static size_t rules_count;
static uint64_t seed;
static struct slot *slot;
static int worker = -1;

static void
refuse(const char *what)
{
	fprintf(stderr, "holdfast-%s: fault: %s\n", program_name, what);
	abort();
}

void
fault_init(const char *config, const char *program)
{
	config_file = config;
	program_name = program;
}

void
fault_socket(enum fault_server server, int fd)
{
	sockets[server] = fd;
}

static const char *
path_of(const char *name)
{
	static char path[PATH_BYTES];

	if (snprintf(path, sizeof(path), "%s.faults/%s", config_file, name) >= (int)sizeof(path))
		refuse("the path is too long");
	return path;
}

/* ---- chance ---------------------------------------------------------------------------------- */

#define HASH_FIRST UINT64_C(14695981039346656037)

/* FNV-1a, from `hash` on. */
static uint64_t
hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return hash;
}

/* The finaliser of SplitMix64. */
static uint64_t
mix(uint64_t n)
{
	n = (n ^ (n >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	n = (n ^ (n >> 27)) * UINT64_C(0x94d049bb133111eb);
	return n ^ (n >> 31);
}

static uint64_t
rule_name(const struct rule *rule)
{
	uint64_t n = mix(seed ^ hash_text(HASH_FIRST, rule->point));

	return mix(n ^ hash_text(HASH_FIRST, rule->word));
}

static bool
decide(const struct rule *rule, uint64_t count)
{
	uint64_t n = mix(rule->name ^ hash_text(HASH_FIRST + (uint64_t)worker, program_name));

	return mix(n ^ count) >> 11 < rule->below;
}

/* Counts this time, too. */
static uint64_t
count_next(uint64_t rule)
{
	size_t i = rule % COUNTS_MAX;

	for (size_t tries = 0; tries < COUNTS_MAX; tries++, i = (i + 1) % COUNTS_MAX) {
		if (slot->counts[i].rule == 0)
			slot->counts[i].rule = rule;
		if (slot->counts[i].rule == rule)
			return ++slot->counts[i].count;
	}
	refuse("too many rules");
	return 0;
}

/* ---- rules ----------------------------------------------------------------------------------- */

static bool
is_point(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(points); i++) {
		if (str_equal(points[i], name))
			return true;
	}
	return false;
}

static bool
action_read(struct rule *rule)
{
	static const char *const words[] = { "kill", "exit", "wait:", "cut-redis", "cut-postgres" };
	const char *rest = rule->word;
	int64_t ms = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		if (!str_starts(rule->word, words[i]))
			continue;
		rest += strlen(words[i]);
		rule->action = (enum action)i;
		if (rule->action != ACT_WAIT)
			return *rest == '\0';
		if (!str_to_int(rest, 1, 60000, &ms))
			return false;
		rule->wait_ms = (int)ms;
		return true;
	}
	return false;
}

/* Cuts the next word off; "" where there is none. */
static const char *
word_next(char **rest)
{
	const char *word = strsep(rest, " ");

	return word ? word : "";
}

static void
rule_read(char *line)
{
	struct rule *rule = &rules[rules_count];
	const char *point = word_next(&line), *word = word_next(&line);
	int64_t number;

	if (str_equal(point, "seed") && str_to_int(word, 0, INT64_MAX, &number)) {
		seed = (uint64_t)number;
		return;
	}
	if (rules_count == RULES_MAX || !is_point(point) || strlen(word) >= sizeof(rule->word) ||
		!str_to_int(word_next(&line), 0, 1000, &number))
		refuse(point);
	snprintf(rule->point, sizeof(rule->point), "%s", point);
	snprintf(rule->word, sizeof(rule->word), "%s", word);
	if (!action_read(rule))
		refuse(word);
	rule->below = (uint64_t)number * ((UINT64_C(1) << 53) / 1000);
	rules_count++;
}

static void
rules_read(void)
{
	char text[TEXT_BYTES];
	char *rest = text, *line;
	FILE *file = fopen(path_of("rules"), "re");
	size_t len;

	rules_count = 0;
	if (!file)
		return;
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	if (len == sizeof(text) - 1)
		refuse("too many rules");
	text[len] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		if (*line)
			rule_read(line);
	}
	for (size_t i = 0; i < rules_count; i++)
		rules[i].name = rule_name(&rules[i]);
}

/* ---- the worker's number --------------------------------------------------------------------- */

/* The lock goes with the process, however it ends; what is mapped stays in the file. */
static void
slot_take(void)
{
	char name[64];
	int fd;

	for (worker = 0; worker < WORKERS_MAX; worker++) {
		snprintf(name, sizeof(name), "%s-%d", program_name, worker);
		fd = open(path_of(name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			refuse(strerror(errno));
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			break;
		close(fd);
	}
	if (worker == WORKERS_MAX || ftruncate(fd, sizeof(*slot)) != 0)
		refuse("no number for this worker");
	slot = mmap(NULL, sizeof(*slot), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (slot == MAP_FAILED)
		refuse(strerror(errno));
}

/* Follows the rules as they now are; false: there are none. */
static bool
rules_in_force(void)
{
	struct stat now;

	if (!config_file || stat(path_of("rules"), &now) != 0)
		return false;
	if (!slot)
		slot_take();
	if (now.st_ino != seen.st_ino || now.st_mtim.tv_sec != seen.st_mtim.tv_sec ||
		now.st_mtim.tv_nsec != seen.st_mtim.tv_nsec) {
		seen = now;
		rules_read();
	}
	return rules_count > 0;
}

/* ---- firing ---------------------------------------------------------------------------------- */

/* One write(2) a line, before anything happens. */
static void
tell(const struct rule *rule, uint64_t count)
{
	char line[256];
	int len = snprintf(line, sizeof(line),
		"seed=%lld worker=%s-%d point=%s action=%s count=%llu\n", (long long)seed,
		program_name, worker, rule->point, rule->word, (unsigned long long)count);
	int fd = open(path_of("fired"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, line, (size_t)len) != len)
		refuse("what fires cannot be told");
	close(fd);
}

static void
act(const struct rule *rule)
{
	switch (rule->action) {
	case ACT_KILL:
		kill(getpid(), SIGKILL);
		return;
	case ACT_EXIT:
		_exit(EXIT_STATUS);
	case ACT_WAIT:
		poll(NULL, 0, rule->wait_ms);
		return;
	case ACT_CUT_REDIS:
		shutdown(sockets[FAULT_REDIS], SHUT_RDWR);
		return;
	case ACT_CUT_POSTGRES:
		shutdown(sockets[FAULT_POSTGRES], SHUT_RDWR);
		return;
	}
}

static void
come_by(const char *point)
{
	int error = errno;

	if (!rules_in_force())
		return;
	for (size_t i = 0; i < rules_count; i++) {
		uint64_t count;

		if (!str_equal(rules[i].point, point))
			continue;
		count = count_next(rules[i].name);
		if (!decide(&rules[i], count))
			continue;
		tell(&rules[i], count);
		act(&rules[i]);
	}
	errno = error;
}

void
fault_point(const char *point)
{
	assert(is_point(point));
	come_by(point);
}

void
fault_call(const char *call, const char *when)
{
	char point[64];

	if (snprintf(point, sizeof(point), "%s.%s", call, when) < (int)sizeof(point) &&
		is_point(point))
		come_by(point);
}
