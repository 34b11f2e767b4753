/*
 * Reading a history. Every line is taken to be hostile: it must be exactly what the writer would
 * have written, byte for byte of its form, or the file is refused with the line's number.
 *
 * Texts are unescaped where they stand in the buffer of the line, so that nothing is allocated for
 * a call: an escaped text is never shorter than what it stands for.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "load/record.h"

#define READ_BUFFER (RECORD_LINE_MAX * 2)

struct record_reader {
	int fd;
	char *buffer;
	size_t at, len; /* what has been read and not yet taken */
	char *line;
	size_t line_len;
	int64_t number, bytes, size, calls, end_us;
	char *at_char;      /* where the line is being read */
	const char *wanted; /* what was expected there; NULL: all is well so far */
	char fault[300];
	char *head;
	const char *lists[3][RECORD_SEATS_MAX];
	struct record_part parts[2][RECORD_PARTS_MAX];
};

/* ---- the file --------------------------------------------------------------------------------- */

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
	r->at_char = r->line;
	r->wanted = NULL;
	return true;
}

/* ---- the parts of a line ---------------------------------------------------------------------- */

static bool
want(struct record_reader *r, const char *what)
{
	if (!r->wanted)
		r->wanted = what;
	return false;
}

/* Takes exactly this text, if it stands there. */
static bool
take_if(struct record_reader *r, const char *text)
{
	size_t len = strlen(text);

	if (r->wanted || strncmp(r->at_char, text, len) != 0)
		return false;
	r->at_char += len;
	return true;
}

static bool
take(struct record_reader *r, const char *text)
{
	return take_if(r, text) || want(r, text);
}

static bool
take_number(struct record_reader *r, int64_t min, int64_t *out)
{
	char *start = r->at_char, *end = start, was;
	bool ok;

	if (r->wanted)
		return false;
	if (*end == '-')
		end++;
	while (*end >= '0' && *end <= '9')
		end++;
	was = *end;
	*end = '\0';
	/* One form a number: no sign or zero that says nothing. */
	ok = str_to_int(start, min, INT64_MAX, out) && strcmp(start, "-0") != 0 &&
	     (start[0] != '0' || end == start + 1) && (start[0] != '-' || start[1] != '0');
	*end = was;
	if (!ok)
		return want(r, min >= 0 ? "a number that is not negative" : "a number");
	r->at_char = end;
	return true;
}

static bool
hex_of(const char *text, unsigned *out)
{
	*out = 0;
	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit = text[i] ? strchr(digits, text[i] | 0x20) : NULL;

		if (!digit)
			return false;
		*out = *out * 16 + (unsigned)(digit - digits);
	}
	return true;
}

static char *
put_utf8(char *to, unsigned c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 0x3f));
	} else {
		if (c < 0x10000) {
			*to++ = (char)(0xe0 | c >> 12);
		} else {
			*to++ = (char)(0xf0 | c >> 18);
			*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	}
	return to;
}

/* \uXXXX, or a pair of surrogates, at *from. */
static bool
take_unicode(char **from, char **to)
{
	unsigned c, low;

	if (!hex_of(*from + 2, &c) || c == 0 || (c >= 0xdc00 && c <= 0xdfff))
		return false;
	*from += 6;
	if (c >= 0xd800 && c <= 0xdbff) {
		if ((*from)[0] != '\\' || (*from)[1] != 'u' || !hex_of(*from + 2, &low) ||
			low < 0xdc00 || low > 0xdfff)
			return false;
		*from += 6;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	*to = put_utf8(*to, c);
	return true;
}

/* A text in quotes, unescaped where it stands. */
static bool
take_text(struct record_reader *r, const char **out)
{
	static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	char *from = r->at_char, *to = from;

	if (!take(r, "\""))
		return false;
	*out = to = ++from;
	while (*from != '"') {
		if ((unsigned char)*from < 0x20)
			return want(r, "the end of a text");
		if (*from != '\\') {
			*to++ = *from++;
		} else if (from[1] == 'u') {
			if (!take_unicode(&from, &to))
				return want(r, "a text of UTF-8");
		} else {
			size_t i = 0;

			while (escapes[i] && escapes[i] != from[1])
				i += 2;
			if (!escapes[i])
				return want(r, "a text");
			*to++ = escapes[i + 1];
			from += 2;
		}
	}
	*to = '\0';
	r->at_char = from + 1;
	return true;
}

static bool
take_text_or_null(struct record_reader *r, const char **out)
{
	*out = NULL;
	return take_if(r, "null") || take_text(r, out);
}

/* Takes the name of a member that may be left out; a comma stands before it unless it is first. */
static bool
take_name_if(struct record_reader *r, const char *name, bool *first)
{
	char *start = r->at_char;

	if (r->wanted)
		return false;
	if ((*first || take_if(r, ",")) && take_if(r, "\"") && take_if(r, name) &&
		take_if(r, "\":")) {
		*first = false;
		return true;
	}
	r->at_char = start;
	return false;
}

static void
take_list_if(
	struct record_reader *r, const char *name, const char **list, size_t *count, bool *first)
{
	*count = 0;
	if (!take_name_if(r, name, first) || !take(r, "["))
		return;
	do {
		if (*count == RECORD_SEATS_MAX) {
			want(r, "no more seats");
			return;
		}
		if (!take_text(r, &list[*count]))
			return;
		(*count)++;
	} while (take_if(r, ","));
	take(r, "]");
}

static void
take_places_if(struct record_reader *r, const char **list, struct record_part *parts,
	struct record_places *places, bool *first)
{
	places->seats = list;
	places->parts = parts;
	places->parts_count = 0;
	take_list_if(r, "seats", list, &places->seats_count, first);
	if (!take_name_if(r, "sections", first) || !take(r, "["))
		return;
	do {
		struct record_part *part = &parts[places->parts_count];

		if (places->parts_count == RECORD_PARTS_MAX) {
			want(r, "no more sections");
			return;
		}
		if (!take(r, "{\"id\":") || !take_text(r, &part->section) || !take(r, ",\"n\":") ||
			!take_number(r, 0, &part->quantity) || !take(r, "}"))
			return;
		places->parts_count++;
	} while (take_if(r, ","));
	take(r, "]");
}

static void
take_text_if(struct record_reader *r, const char *name, const char **out, bool *first)
{
	*out = NULL;
	if (take_name_if(r, name, first))
		take_text(r, out);
}

static void
take_number_if(struct record_reader *r, const char *name, int64_t *out, bool *first)
{
	*out = RECORD_ABSENT;
	if (take_name_if(r, name, first))
		take_number(r, 0, out);
}

/* ---- lines ------------------------------------------------------------------------------------ */

/* The line was read to its end, and all was as wanted. */
static bool
line_done(struct record_reader *r)
{
	if (!r->wanted && r->at_char == r->line + r->line_len)
		return true;
	return fail(r, "byte %td: %s is missing", r->at_char - r->line + 1,
		r->wanted ? r->wanted : "the end");
}

static bool
read_head(struct record_reader *r, struct record_head *head)
{
	int64_t form;

	return take(r, "{\"history\":") && take_number(r, 1, &form) &&
	       (form == 1 || want(r, "a form that is known, 1,")) && take(r, ",\"scenario\":") &&
	       take_text(r, &head->scenario) && take(r, ",\"url\":") && take_text(r, &head->url) &&
	       take(r, ",\"event\":") && take_text(r, &head->event) && take(r, ",\"began\":") &&
	       take_number(r, 0, &head->began_us) && take(r, ",\"hold_ms\":") &&
	       take_number(r, 0, &head->hold_ms) && take(r, ",\"seed\":") &&
	       take_number(r, INT64_MIN, &head->seed) && take(r, ",\"version\":") &&
	       take_text(r, &head->version) && take(r, "}");
}

static bool
take_op(struct record_reader *r, enum record_op *out)
{
	const char *name;

	if (!take_text(r, &name))
		return false;
	for (int op = 0; op < RECORD_OPS; op++) {
		if (strcmp(name, record_op_names[op]) == 0) {
			*out = (enum record_op)op;
			return true;
		}
	}
	return want(r, "the name of a call before this");
}

static void
read_asked(struct record_reader *r, struct record_call *call)
{
	bool first = true;

	take(r, ",\"asked\":{");
	take_text_if(r, "booking", &call->asked.booking, &first);
	take_text_if(r, "token", &call->asked.token, &first);
	take_places_if(r, r->lists[0], r->parts[0], &call->asked.places, &first);
	take(r, "}");
}

static void
read_got(struct record_reader *r, struct record_call *call)
{
	bool first = true;

	take(r, ",\"got\":{");
	take_text_if(r, "booking", &call->got.booking, &first);
	take_text_if(r, "status", &call->got.status, &first);
	take_places_if(r, r->lists[1], r->parts[1], &call->got.places, &first);
	take_number_if(r, "expires_at", &call->got.expires_us, &first);
	call->got.lost = r->lists[2];
	take_list_if(r, "lost", r->lists[2], &call->got.lost_count, &first);
	take_number_if(r, "available", &call->got.available, &first);
	take_number_if(r, "version", &call->got.version, &first);
	take_number_if(r, "free", &call->got.free, &first);
	take_number_if(r, "position", &call->got.position, &first);
	call->got.replayed = take_name_if(r, "replayed", &first) && take(r, "true");
	take(r, "}");
}

static bool
read_call(struct record_reader *r, struct record_call *call)
{
	int64_t n;

	*call = (struct record_call){ .op = RECORD_OPS };
	if (!take(r, "{\"n\":") || !take_number(r, 1, &n))
		return line_done(r);
	if (n != r->calls + 1)
		return fail(r, "it is call %" PRId64 ", after call %" PRId64, n, r->calls);
	r->calls = n;
	if (!take(r, ",\"b\":") || !take_number(r, 0, &call->buyer) || !take(r, ",\"user\":") ||
		!take_text_or_null(r, &call->user) || !take(r, ",\"op\":") ||
		!take_op(r, &call->op) || !take(r, ",\"due\":") ||
		!take_number(r, 0, &call->due_us) || !take(r, ",\"sent\":") ||
		!take_number(r, 0, &call->sent_us) || !take(r, ",\"done\":") ||
		!take_number(r, 0, &call->done_us) || !take(r, ",\"key\":") ||
		!take_text_or_null(r, &call->key))
		return line_done(r);
	read_asked(r, call);
	if (!take(r, ",\"status\":") || !take_number(r, 0, &call->status) ||
		!take(r, ",\"problem\":") || !take_text_or_null(r, &call->problem))
		return line_done(r);
	read_got(r, call);
	take(r, "}");
	if (!line_done(r))
		return false;
	if (call->status > 599)
		return fail(r, "there is no status %" PRId64, call->status);
	if (call->done_us < call->sent_us)
		return fail(r, "it was done before it was sent");
	return true;
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
		r->at_char = r->line = r->head;
		if (read_head(r, head), line_done(r))
			return r;
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

	if (take_number(r, 0, &r->end_us) && take(r, ",\"calls\":") && take_number(r, 0, &calls))
		take(r, "}");
	if (!line_done(r))
		return RECORD_LINE_BAD;
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
	if (take_if(r, "{\"end\":"))
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
