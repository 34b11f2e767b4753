/*
 * The file that all processes count in: found or made, looked after, and left to the next.
 *
 * Whoever makes one does so under a lock of its directory and puts it in place whole. Somebody may
 * cut it short all the same while it is mapped: then the kernel sends SIGBUS, and the process goes
 * on with memory of its own until it finds the time to look.
 */
#include "base/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics_parts.h"

#define MAGIC        UINT64_C(0x31747361666c6f68) /* whatever differs was not written here */
#define LOOK_US      5000000                      /* between looks at the file */
#define LOCK_TRIES   100                          /* of 10 ms each, when a process starts */
#define MEMBERS_FROM 0x100000 /* locks: one byte a worker, behind what is there */
#define MEMBERS_MAX  1024     /* workers of one pool that are counted */

enum state {
	USABLE,
	ABSENT,
	DAMAGED,
	OTHER, /* well-formed, of another list of metrics or routes */
	BARRED /* cannot be opened or made */
};

const struct metrics_route *metrics_routes;
size_t metrics_routes_count;

static char path[PATH_MAX - 8]; /* "": there is no file to look for */
static int fd = -1;
static struct metrics_file *mapped;
static volatile sig_atomic_t lost; /* the mapping has become memory of our own */
static int joined = -1;
static int64_t look_us;

static void
unsettle(int number, siginfo_t *info, void *ctx)
{
	uintptr_t at = (uintptr_t)info->si_addr, from = (uintptr_t)mapped;

	(void)ctx;
	if (mapped && at >= from && at < from + sizeof(*mapped) &&
		mmap(mapped, sizeof(*mapped), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
		lost = 1;
	else
		signal(number, SIG_DFL); /* it happens again at once, and ends the process */
}

/* FNV-1a, of the text and its end. */
static uint64_t
mix(uint64_t hash, const char *text)
{
	do {
		hash ^= (unsigned char)*text;
		hash *= UINT64_C(1099511628211);
	} while (*text++);
	return hash;
}

static uint64_t
layout_of(void)
{
	uint64_t hash = UINT64_C(14695981039346656037) ^ sizeof(struct metrics_file);

	for (size_t i = 0; i < ARRAY_LENGTH(metrics_bounds_us); i++)
		hash = (hash ^ (uint64_t)metrics_bounds_us[i]) * UINT64_C(1099511628211);
	for (int i = 0; i < METRIC_SETS; i++) {
		hash = mix(hash, metric_sets[i].label);
		for (const char *const *value = metric_sets[i].values; *value; value++)
			hash = mix(hash, *value);
	}
	for (int i = 0; i < METRICS; i++) {
		const struct metric_row *row = &metric_rows[i];

		hash = mix(hash, row->name);
		hash ^= (uint64_t)row->kind << 32 ^ (uint64_t)row->a << 16 ^ (uint64_t)row->b;
	}
	return hash;
}

/* 0 is nobody's. */
static uint64_t
routes_of(void)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	if (!metrics_routes)
		return 0;
	for (size_t i = 0; i < metrics_routes_count; i++)
		hash = mix(mix(hash, metrics_routes[i].method), metrics_routes[i].path);
	return hash ? hash : 1;
}

static enum state
judge(int file)
{
	uint64_t routes = routes_of();
	struct metrics_head head;
	struct stat is;

	if (fstat(file, &is) != 0 || !S_ISREG(is.st_mode) ||
		pread(file, &head, sizeof(head), 0) != sizeof(head) || head.magic != MAGIC)
		return DAMAGED;
	if (head.layout != layout_of() || (routes && head.routes && head.routes != routes))
		return OTHER;
	return is.st_size == sizeof(struct metrics_file) ? USABLE : DAMAGED;
}

static enum state
find(int *file)
{
	enum state state;

	*file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (*file < 0)
		return errno == ENOENT                    ? ABSENT
		       : errno == ELOOP || errno == ENXIO ? DAMAGED
							  : BARRED;
	state = judge(*file);
	if (state != USABLE)
		close(*file);
	return state;
}

/* What root makes is to be usable by whoever the directory belongs to. */
static bool
hand_over(int file, int directory)
{
	struct stat is;

	return geteuid() != 0 ||
	       (fstat(directory, &is) == 0 && fchown(file, is.st_uid, is.st_gid) == 0);
}

/* Where there is a usable one by now it is taken. */
static enum state
make_locked(int *file, int directory)
{
	struct metrics_head head = { .magic = MAGIC,
		.layout = layout_of(),
		.routes = routes_of(),
		.began_s = clock_unix_s() };
	char name[PATH_MAX];

	if (find(file) == USABLE)
		return USABLE;
	snprintf(name, sizeof(name), "%s.new", path);
	unlink(name);
	*file = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*file < 0)
		return BARRED;
	/* All of it, so that a full disk is met here and not in the middle of a request. */
	if (posix_fallocate(*file, 0, sizeof(struct metrics_file)) == 0 &&
		pwrite(*file, &head, sizeof(head), 0) == sizeof(head) && fchmod(*file, 0660) == 0 &&
		hand_over(*file, directory) && rename(name, path) == 0)
		return USABLE;
	unlink(name);
	close(*file);
	return BARRED;
}

static enum state
make(int *file, int tries)
{
	char name[PATH_MAX];
	enum state state = BARRED;
	int directory;

	snprintf(name, sizeof(name), "%s", path);
	directory = open(dirname(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return BARRED;
	while (tries > 0) {
		if (flock(directory, LOCK_EX | LOCK_NB) == 0) {
			state = make_locked(file, directory);
			break;
		}
		if (--tries > 0)
			poll(NULL, 0, 10);
	}
	close(directory);
	return state;
}

/* What was counted in memory of this process alone. */
static void
fold(const struct metrics_file *from)
{
	for (int i = 0; i < METRICS_CELLS; i++) {
		if (from->cells[i])
			__atomic_fetch_add(&metrics_at->cells[i], from->cells[i], __ATOMIC_RELAXED);
	}
}

static void
detach(void)
{
	metrics_at = &metrics_own;
	if (lost)
		fold(mapped);
	if (mapped)
		munmap(mapped, sizeof(*mapped));
	if (fd >= 0)
		close(fd);
	mapped = NULL;
	fd = -1;
	lost = 0;
}

/*
 * A worker holds a lock on one byte of its pool's range, which the kernel gives back when it ends,
 * by whatever means.
 */
static void
join(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };

	for (int i = 0; joined >= 0 && i < MEMBERS_MAX; i++) {
		lock.l_start = MEMBERS_FROM + joined * MEMBERS_MAX + i;
		if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
			return;
	}
}

/* Counts into the file from now on. */
static bool
attach(int file)
{
	struct metrics_file *at =
		mmap(NULL, sizeof(*at), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	uint64_t none = 0, routes = routes_of();

	if (at == MAP_FAILED) {
		close(file);
		return false;
	}
	detach();
	fd = file;
	metrics_at = mapped = at;
	fold(&metrics_own);
	memset(&metrics_own, 0, sizeof(metrics_own));
	if (routes)
		__atomic_compare_exchange_n(
			&at->head.routes, &none, routes, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	join();
	return true;
}

bool
metrics_open(const char *name, const struct metrics_route *routes, size_t count)
{
	struct sigaction action = { .sa_sigaction = unsettle, .sa_flags = SA_SIGINFO };
	enum state state;
	int file;

	assert(count <= METRICS_ROUTES_MAX);
	metrics_close();
	metrics_routes = routes;
	metrics_routes_count = count;
	if (!*name || strlen(name) >= sizeof(path))
		return false;
	snprintf(path, sizeof(path), "%s", name);
	sigaction(SIGBUS, &action, NULL);
	look_us = clock_monotonic_us() + LOOK_US;
	state = find(&file);
	if (state == ABSENT || state == DAMAGED || (state == OTHER && routes))
		state = make(&file, LOCK_TRIES);
	return state == USABLE && attach(file);
}

/* Somebody has removed, replaced or cut the file, or it was not to be had until now. */
static bool
must_look(void)
{
	struct stat here, there;

	return !mapped || lost || stat(path, &there) != 0 || fstat(fd, &here) != 0 ||
	       here.st_dev != there.st_dev || here.st_ino != there.st_ino ||
	       there.st_size != sizeof(struct metrics_file);
}

void
metrics_tick(int64_t now_us)
{
	enum state state;
	int file;

	if (now_us < look_us || !*path)
		return;
	look_us = now_us + LOOK_US;
	if (!must_look())
		return;
	state = find(&file);
	/* One of another layout belongs to the newer program: two must not replace it in turn. */
	if (state == ABSENT || state == DAMAGED)
		state = make(&file, 1);
	if (state != USABLE || !attach(file))
		detach();
}

bool
metrics_shared(void)
{
	return mapped && !lost;
}

void
metrics_close(void)
{
	detach();
	joined = -1;
	*path = '\0';
}

/* ---- who lives ------------------------------------------------------------------------------- */

void
metrics_join(const char *pool)
{
	int i = 0;

	while (i < METRIC_POOL_COUNT_ && !str_equal(metric_sets[METRIC_SET_POOL].values[i], pool))
		i++;
	if (i == METRIC_POOL_COUNT_ || joined >= 0)
		return;
	joined = i;
	metrics_add(METRIC_STARTS, joined, 1);
	if (fd >= 0)
		join();
}

/* Locks of others in a range: the kernel tells of any one, the rest are left and right of it. */
static int
locks_between(off_t from, off_t to)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = from, .l_len = to - from
	};

	if (from >= to || fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
		return 0;
	if (lock.l_start < from || lock.l_len <= 0 || lock.l_start + lock.l_len > to)
		return 1; /* nobody of ours takes more than one byte */
	return 1 + locks_between(from, lock.l_start) + locks_between(lock.l_start + lock.l_len, to);
}

int
metrics_members(int pool)
{
	off_t from = MEMBERS_FROM + pool * MEMBERS_MAX;

	return fd < 0 ? joined == pool : locks_between(from, from + MEMBERS_MAX) + (joined == pool);
}
