/*
 * Histories: one that is read, written again, is the same file byte for byte; any other is refused
 * with a reason.
 */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "load/record.h"

/* A file in memory that can be opened by name. */
struct paper {
	int fd;
	char path[40];
};

static struct paper given = { .fd = -1 }, copy = { .fd = -1 };

static void
paper_begin(struct paper *paper, const uint8_t *data, size_t size)
{
	if (paper->fd < 0)
		paper->fd = memfd_create("history", 0);
	assert(paper->fd >= 0 && ftruncate(paper->fd, 0) == 0);
	assert(pwrite(paper->fd, data, size, 0) == (ssize_t)size);
	snprintf(paper->path, sizeof(paper->path), "/proc/self/fd/%d", paper->fd);
}

static void
check_copy(const uint8_t *data, size_t size)
{
	char *bytes = arena_alloc(arena, size + 1);

	assert(pread(copy.fd, bytes, size + 1, 0) == (ssize_t)size);
	assert(memcmp(bytes, data, size) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record_reader *reader;
	struct record_writer *writer;
	struct record_head head;
	struct record_call call;
	enum record_line line;
	const char *fault = NULL;

	fuzz_begin();
	paper_begin(&given, data, size);
	paper_begin(&copy, NULL, 0);
	reader = record_open(given.path, &head, &fault);
	if (!reader) {
		assert(fault && *fault);
		return 0;
	}
	writer = record_create(fopen(copy.path, "we"), &head);
	while ((line = record_next(reader, &call)) == RECORD_LINE_CALL)
		record_call(writer, &call);
	assert(record_finish(writer, line == RECORD_LINE_END ? record_end_us(reader) : 1));
	if (line == RECORD_LINE_END)
		check_copy(data, size);
	else
		assert(*record_fault(reader));
	record_close(reader);
	return 0;
}
