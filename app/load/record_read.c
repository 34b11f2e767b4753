/*
 * Reading a history. Every line is taken to be hostile: it must be exactly what the writer would
 * have written, byte for byte of its form, or the file is refused with the line's number.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "load/record.h"
#include "load/scan.h"

/* Far from what would overflow when something is added. */
#define TIME_MAX_US INT64_C(100000000000000000)
#define LIFE_MAX_MS INT64_C(100000000000)

#define READ_BUFFER (RECORD_LINE_MAX * 2)

struct record_reader {
	int fd;
	char *buffer;
	size_t at, len; /* what has been read and not yet taken */
	char *line;
	size_t line_len;
	int64_t number, bytes, size, calls;
	int64_t began_us, last_us, end_us; /* last: when the call before was done */
	struct scan scan;
	char fault[300];
	char *head;
	const char *lists[3][RECORD_SEATS_MAX];
	struct record_part parts[2][RECORD_PARTS_MAX];
};

/* ---- the file -------------------------------------------------------------------------------- */

static bool __attribute__((format(printf, 2, 3)))
fail(struct record_reader *r, const char *format, ...)
{
	va_list args;
	int len = snprintf(r->fault, sizeof(r->fault), "line %" PRId64 ": ", r->number);

	va_start(args, format);
	vsnprintf(r->fault + len, sizeof(r->fault) - (size_t)len, format, args);
	va_end(args);
	return false;
}

/* More of the file behind what is there. False: no more, or an error (with a fault). */
static bool
read_more(struct record_reader *r)
{
	ssize_t got;

	if (r->at > 0) {
		memmove(r->buffer, r->buffer + r->at, r->len - r->at);
		r->len -= r->at;
		r->at = 0;
	}
	do {
		got = read(r->fd, r->buffer + r->len, READ_BUFFER - r->len);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return fail(r, "it cannot be read: %s", strerror(errno));
	r->len += (size_t)got;
	return got > 0;
}

/* The next line, without its end, NUL behind it. False: a fault; or the end of the file. */
static bool
next_line(struct record_reader *r, bool *is_end)
{
	char *end;
	size_t seen = 0;

	*is_end = false;
	r->number++;
	while (!(end = memchr(r->buffer + r->at + seen, '\n', r->len - r->at - seen))) {
		seen = r->len - r->at;
		if (seen > RECORD_LINE_MAX)
			return fail(r, "it is longer than %d bytes", RECORD_LINE_MAX);
		if (read_more(r))
			continue;
		if (r->fault[0] == '\0' && seen > 0)
			return fail(r, "it is cut off");
		*is_end = r->fault[0] == '\0';
		return false;
	}
	r->line = r->buffer + r->at;
	r->line_len = (size_t)(end - r->line);
	*end = '\0';
	r->at += r->line_len + 1;
	r->bytes += (int64_t)r->line_len + 1;
	if (r->line_len > RECORD_LINE_MAX)
		return fail(r, "it is longer than %d bytes", RECORD_LINE_MAX);
	if (!str_is_utf8(r->line, r->line_len))
		return fail(r, "it is not UTF-8, or has a NUL byte");
	r->scan.at = r->line;
	r->scan.wanted = NULL;
	return true;
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* The line was read to its end, and all was as wanted. */
static bool
line_done(struct record_reader *r)
{
	if (!r->scan.wanted && r->scan.at == r->line + r->line_len)
		return true;
	return fail(r, "byte %td: %s is missing", r->scan.at - r->line + 1,
		r->scan.wanted ? r->scan.wanted : "the end");
}

static bool
read_head(struct record_reader *r, struct record_head *head)
{
	int64_t form;

	return scan(&r->scan, "{\"history\":") && scan_number(&r->scan, 1, &form) &&
	       (form == 1 || scan_want(&r->scan, "a form that is known, 1,")) &&
	       scan(&r->scan, ",\"scenario\":") && scan_text(&r->scan, &head->scenario) &&
	       scan(&r->scan, ",\"url\":") && scan_text(&r->scan, &head->url) &&
	       scan(&r->scan, ",\"event\":") && scan_text(&r->scan, &head->event) &&
	       scan(&r->scan, ",\"began\":") && scan_number(&r->scan, 0, &head->began_us) &&
	       scan(&r->scan, ",\"hold_ms\":") && scan_number(&r->scan, 0, &head->hold_ms) &&
	       scan(&r->scan, ",\"seed\":") && scan_number(&r->scan, INT64_MIN, &head->seed) &&
	       scan(&r->scan, ",\"version\":") && scan_text(&r->scan, &head->version) &&
	       scan(&r->scan, "}");
}

static bool
take_op(struct record_reader *r, enum record_op *out)
{
	const char *name;

	if (!scan_text(&r->scan, &name))
		return false;
	for (int op = 0; op < RECORD_OPS; op++) {
		if (strcmp(name, record_op_names[op]) == 0) {
			*out = (enum record_op)op;
			return true;
		}
	}
	return scan_want(&r->scan, "the name of a call before this");
}

static void
read_asked(struct record_reader *r, struct record_call *call)
{
	bool first = true;

	scan(&r->scan, ",\"asked\":{");
	scan_text_if(&r->scan, "booking", &call->asked.booking, &first);
	scan_text_if(&r->scan, "token", &call->asked.token, &first);
	scan_places_if(&r->scan, r->lists[0], r->parts[0], &call->asked.places, &first);
	scan(&r->scan, "}");
}

static void
read_got(struct record_reader *r, struct record_call *call)
{
	bool first = true;

	scan(&r->scan, ",\"got\":{");
	scan_text_if(&r->scan, "booking", &call->got.booking, &first);
	scan_text_if(&r->scan, "status", &call->got.status, &first);
	scan_places_if(&r->scan, r->lists[1], r->parts[1], &call->got.places, &first);
	scan_number_if(&r->scan, "expires_at", &call->got.expires_us, &first);
	call->got.lost = r->lists[2];
	scan_list_if(&r->scan, "lost", r->lists[2], &call->got.lost_count, &first);
	scan_number_if(&r->scan, "available", &call->got.available, &first);
	scan_number_if(&r->scan, "version", &call->got.version, &first);
	scan_number_if(&r->scan, "free", &call->got.free, &first);
	scan_number_if(&r->scan, "position", &call->got.position, &first);
	call->got.replayed = scan_name_if(&r->scan, "replayed", &first) && scan(&r->scan, "true");
	scan(&r->scan, "}");
}

/* Calls stand in the order of their answers, and none of their times goes back. */
static bool
check_times(struct record_reader *r, const struct record_call *call)
{
	if (call->done_us > TIME_MAX_US || call->got.expires_us > TIME_MAX_US)
		return fail(r, "a time in it is too far ahead");
	if (call->due_us < r->began_us)
		return fail(r, "it was due before the history began");
	if (call->sent_us < call->due_us)
		return fail(r, "it was sent before it was due");
	if (call->done_us < call->sent_us)
		return fail(r, "it was done before it was sent");
	if (call->done_us < r->last_us)
		return fail(r, "it was done before the call of the line before");
	r->last_us = call->done_us;
	return true;
}

static bool
read_call(struct record_reader *r, struct record_call *call)
{
	int64_t n;

	*call = (struct record_call){ .op = RECORD_OPS };
	if (!scan(&r->scan, "{\"n\":") || !scan_number(&r->scan, 1, &n))
		return line_done(r);
	if (n != r->calls + 1)
		return fail(r, "it is call %" PRId64 ", after call %" PRId64, n, r->calls);
	r->calls = n;
	if (!scan(&r->scan, ",\"b\":") || !scan_number(&r->scan, 0, &call->buyer) ||
		!scan(&r->scan, ",\"user\":") || !scan_text_or_null(&r->scan, &call->user) ||
		!scan(&r->scan, ",\"op\":") || !take_op(r, &call->op) ||
		!scan(&r->scan, ",\"due\":") || !scan_number(&r->scan, 0, &call->due_us) ||
		!scan(&r->scan, ",\"sent\":") || !scan_number(&r->scan, 0, &call->sent_us) ||
		!scan(&r->scan, ",\"done\":") || !scan_number(&r->scan, 0, &call->done_us) ||
		!scan(&r->scan, ",\"key\":") || !scan_text_or_null(&r->scan, &call->key))
		return line_done(r);
	read_asked(r, call);
	if (!scan(&r->scan, ",\"status\":") || !scan_number(&r->scan, 0, &call->status) ||
		!scan(&r->scan, ",\"problem\":") || !scan_text_or_null(&r->scan, &call->problem))
		return line_done(r);
	read_got(r, call);
	scan(&r->scan, "}");
	if (!line_done(r))
		return false;
	if (call->status > 599)
		return fail(r, "there is no status %" PRId64, call->status);
	return check_times(r, call);
}

struct record_reader *
record_open(const char *path, struct record_head *head, const char **fault)
{
	static char why[sizeof(((struct record_reader *)NULL)->fault) + 200];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct record_reader *r;
	struct stat about;
	bool is_end;

	*fault = why;
	if (fd < 0 || fstat(fd, &about) != 0 || S_ISDIR(about.st_mode)) {
		snprintf(why, sizeof(why), "%s cannot be read: %s", path,
			fd < 0 ? strerror(errno) : "it is no file");
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	assert(r);
	r->fd = fd;
	r->size = S_ISREG(about.st_mode) ? (int64_t)about.st_size : 0;
	r->buffer = malloc(READ_BUFFER);
	assert(r->buffer);
	if (next_line(r, &is_end)) {
		/* What the head points to outlives the line. */
		r->head = strdup(r->line);
		assert(r->head);
		r->scan.at = r->line = r->head;
		read_head(r, head);
		if (line_done(r)) {
			r->began_us = r->last_us = head->began_us;
			if (head->hold_ms <= LIFE_MAX_MS && head->began_us <= TIME_MAX_US)
				return r;
			fail(r, "a time in it is too far ahead");
		}
	} else if (is_end) {
		fail(r, "there is none");
	}
	snprintf(why, sizeof(why), "%s", r->fault);
	record_close(r);
	return NULL;
}

/* The last line, of which the beginning was taken. */
static enum record_line
read_end(struct record_reader *r)
{
	int64_t calls = -1;
	bool is_end;

	if (scan_number(&r->scan, 0, &r->end_us) && scan(&r->scan, ",\"calls\":") &&
		scan_number(&r->scan, 0, &calls))
		scan(&r->scan, "}");
	if (!line_done(r))
		return RECORD_LINE_BAD;
	if (r->end_us > TIME_MAX_US) {
		fail(r, "a time in it is too far ahead");
		return RECORD_LINE_BAD;
	}
	if (r->end_us < r->last_us) {
		fail(r, "it ended before the last call was done, or before it began");
		return RECORD_LINE_BAD;
	}
	if (calls != r->calls) {
		fail(r, "%" PRId64 " calls are said to be there, and %" PRId64 " are", calls,
			r->calls);
		return RECORD_LINE_BAD;
	}
	if (next_line(r, &is_end)) {
		fail(r, "something stands behind the last line");
		return RECORD_LINE_BAD;
	}
	r->number--;
	return is_end ? RECORD_LINE_END : RECORD_LINE_BAD;
}

enum record_line
record_next(struct record_reader *r, struct record_call *call)
{
	bool is_end;

	if (!next_line(r, &is_end)) {
		if (is_end)
			fail(r, "the history is cut off: its last line is missing");
		return RECORD_LINE_BAD;
	}
	if (scan_if(&r->scan, "{\"end\":"))
		return read_end(r);
	return read_call(r, call) ? RECORD_LINE_CALL : RECORD_LINE_BAD;
}

int64_t
record_line_number(const struct record_reader *reader)
{
	return reader->number;
}

int64_t
record_bytes(const struct record_reader *reader)
{
	return reader->bytes;
}

int64_t
record_size(const struct record_reader *reader)
{
	return reader->size;
}

int64_t
record_end_us(const struct record_reader *reader)
{
	return reader->end_us;
}

const char *
record_fault(const struct record_reader *reader)
{
	return reader->fault;
}

void
record_close(struct record_reader *reader)
{
	close(reader->fd);
	free(reader->buffer);
	free(reader->head);
	free(reader);
}
