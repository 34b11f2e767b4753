/*
 * A disk that refuses writes, for a server that is started with this library in LD_PRELOAD:
 *
 *   FULL_DISK=DIRECTORY    while DIRECTORY/data exists, no file below a directory `base` grows;
 *                          while DIRECTORY/log exists, nothing is written below `pg_wal`
 *
 * The refusal is ENOSPC, as of a disk that is full. It needs no rights and no file system of its
 * own.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static bool
is_set(const char *name)
{
	const char *directory = getenv("FULL_DISK");
	char path[512];

	if (!directory)
		return false;
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return access(path, F_OK) == 0;
}

/* Whether a write up to this end of the file is refused. */
static bool
refuses(int fd, off_t end)
{
	char link[64], path[512];
	struct stat now;
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		return false;
	path[len] = '\0';
	if (strstr(path, "/pg_wal/"))
		return is_set("log");
	return strstr(path, "/base/") && is_set("data") && fstat(fd, &now) == 0 &&
	       end > now.st_size;
}

ssize_t
pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	static ssize_t (*next)(int, const void *, size_t, off_t);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "pwrite");
	if (refuses(fd, at + (off_t)len)) {
		errno = ENOSPC;
		return -1;
	}
	return next(fd, bytes, len, at);
}

ssize_t
pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
	static ssize_t (*next)(int, const struct iovec *, int, off_t);
	off_t end = at;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "pwritev");
	for (int i = 0; i < count; i++)
		end += (off_t)parts[i].iov_len;
	if (refuses(fd, end)) {
		errno = ENOSPC;
		return -1;
	}
	return next(fd, parts, count, at);
}
