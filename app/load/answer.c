/*
 * HTTP answers: the head line by line, then the body by its length, by chunks, or to the end.
 */
#include "load/answer.h"

#include <strings.h>

#include "base/str.h"

/* The header fields that matter here. */
struct head {
	int64_t length; /* -1: not said */
	bool chunked, coded, close, keep;
	int version; /* the minor one */
};

static bool
is_named(const char *line, size_t len, const char *name, const char **value)
{
	size_t name_len = strlen(name);

	if (len <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0)
		return false;
	*value = line + name_len + 1;
	*value += strspn(*value, " \t");
	return true;
}

/* One line without its end; NUL-terminated. */
static bool
read_field(struct answer *answer, struct head *head, const char *line, size_t len)
{
	const char *value;
	int64_t number;

	if (is_named(line, len, "Content-Length", &value)) {
		if (!str_to_int(value, 0, ANSWER_BODY_MAX, &number) || *value < '0' ||
			(head->length >= 0 && head->length != number))
			return false;
		head->length = number;
	} else if (is_named(line, len, "Transfer-Encoding", &value)) {
		head->coded = true;
		head->chunked = strcasecmp(value, "chunked") == 0;
	} else if (is_named(line, len, "Connection", &value)) {
		head->close |= strcasestr(value, "close") != NULL;
		head->keep |= strcasestr(value, "keep-alive") != NULL;
	} else if (is_named(line, len, "Retry-After", &value)) {
		if (str_to_int(value, 0, INT32_MAX, &number))
			answer->retry_after_s = number;
	} else if (is_named(line, len, "Idempotent-Replayed", &value)) {
		answer->replayed = strcasecmp(value, "true") == 0;
	}
	return strchr(line, ':') && *line != ':' && *line != ' ' && *line != '\t';
}

static bool
read_status(struct answer *answer, struct head *head, const char *line, size_t len)
{
	if (len < 12 || strncmp(line, "HTTP/1.", 7) != 0 || (line[7] != '0' && line[7] != '1') ||
		line[8] != ' ' || (len > 12 && line[12] != ' '))
		return false;
	head->version = line[7] - '0';
	answer->status = 0;
	for (int i = 9; i < 12; i++) {
		if (line[i] < '0' || line[i] > '9')
			return false;
		answer->status = answer->status * 10 + line[i] - '0';
	}
	return answer->status >= 100 && answer->status < 600;
}

/* How the body ends, as the head says. */
static bool
choose_body(struct answer *answer, const struct head *head)
{
	answer->last = head->close || (head->version == 0 && !head->keep);
	answer->left = 0;
	if (answer->status == 204 || answer->status == 304) {
		answer->phase = ANSWER_LENGTH;
	} else if (head->coded) {
		/* Two lengths are how answers get mixed up. */
		if (!head->chunked || head->length >= 0)
			return false;
		answer->phase = ANSWER_CHUNK;
	} else if (head->length >= 0) {
		answer->phase = ANSWER_LENGTH;
		answer->left = (size_t)head->length;
	} else {
		answer->phase = ANSWER_TO_END;
		answer->last = true;
	}
	return true;
}

/* The line that begins at answer->at, its end replaced by NUL; NULL: not whole yet, or bad. */
static char *
take_line(struct answer *answer, char *in, size_t len, size_t *line_len, bool *bad)
{
	char *line = in + answer->at;
	char *end = memchr(line, '\n', len - answer->at);

	*bad = !end && len - answer->at > ANSWER_HEAD_MAX;
	if (!end)
		return NULL;
	answer->at = (size_t)(end + 1 - in);
	if (end == line || end[-1] != '\r')
		*bad = true;
	else
		*--end = '\0';
	*line_len = (size_t)(end - line);
	*bad |= memchr(line, '\0', *line_len) != NULL;
	while (*line_len > 0 && (line[*line_len - 1] == ' ' || line[*line_len - 1] == '\t'))
		line[--*line_len] = '\0';
	return line;
}

/* The whole head at once, since a part of it says nothing. */
static enum answer_state
read_head(struct answer *answer, char *in, size_t len)
{
	size_t from = answer->body_at > 3 ? answer->body_at - 3 : 0, line_len;
	const char *end = memmem(in + from, len - from, "\r\n\r\n", 4);
	struct head head = { .length = -1 };
	char *line;
	bool bad;

	answer->body_at = len;
	if (!end)
		return len - answer->at > ANSWER_HEAD_MAX ? ANSWER_BAD : ANSWER_MORE;
	if ((size_t)(end - in) - answer->at > ANSWER_HEAD_MAX)
		return ANSWER_BAD;
	line = take_line(answer, in, len, &line_len, &bad);
	if (!line || bad || !read_status(answer, &head, line, line_len))
		return ANSWER_BAD;
	while ((line = take_line(answer, in, len, &line_len, &bad)) && !bad && line_len > 0) {
		if (!read_field(answer, &head, line, line_len))
			return ANSWER_BAD;
	}
	if (!line || bad)
		return ANSWER_BAD;
	answer->body_at = answer->at;
	/* Said while the answer is being made: the answer itself follows. */
	if (answer->status < 200)
		return answer->status == 101 || answer->at > ANSWER_HEAD_MAX
			       ? ANSWER_BAD
			       : read_head(answer, in, len);
	return choose_body(answer, &head) ? ANSWER_WHOLE : ANSWER_BAD;
}

/* A line with the size of a chunk; one of 0 is the last. */
static enum answer_state
read_chunk_size(struct answer *answer, char *in, size_t len)
{
	size_t line_len, size = 0;
	bool bad;
	char *line = take_line(answer, in, len, &line_len, &bad), *at = line;

	if (bad)
		return ANSWER_BAD;
	if (!line)
		return ANSWER_MORE;
	for (; *at && strchr("0123456789abcdefABCDEF", *at); at++) {
		if (size > ANSWER_BODY_MAX)
			return ANSWER_BAD;
		size = size * 16 + (size_t)(*at <= '9' ? *at - '0' : (*at | 0x20) - 'a' + 10);
	}
	if (at == line || (*at && *at != ';' && *at != ' ' && *at != '\t') ||
		answer->body_len + size > ANSWER_BODY_MAX)
		return ANSWER_BAD;
	answer->left = size;
	answer->phase = size > 0 ? ANSWER_CHUNK_END : ANSWER_TRAILER;
	return ANSWER_WHOLE;
}

/* The text of a chunk and the end of its line; it moves to where the text so far ends. */
static enum answer_state
read_chunk(struct answer *answer, char *in, size_t len)
{
	if (len - answer->at < answer->left + 2)
		return ANSWER_MORE;
	if (memcmp(in + answer->at + answer->left, "\r\n", 2) != 0)
		return ANSWER_BAD;
	memmove(in + answer->body_at + answer->body_len, in + answer->at, answer->left);
	answer->body_len += answer->left;
	answer->at += answer->left + 2;
	answer->phase = ANSWER_CHUNK;
	return ANSWER_WHOLE;
}

static enum answer_state
read_chunks(struct answer *answer, char *in, size_t len)
{
	enum answer_state state = ANSWER_WHOLE;
	size_t line_len;
	const char *line;
	bool bad;

	while (state == ANSWER_WHOLE && answer->phase != ANSWER_TRAILER)
		state = answer->phase == ANSWER_CHUNK ? read_chunk_size(answer, in, len)
						      : read_chunk(answer, in, len);
	while (state == ANSWER_WHOLE) {
		line = take_line(answer, in, len, &line_len, &bad);
		if (bad)
			return ANSWER_BAD;
		if (!line)
			return ANSWER_MORE;
		if (line_len == 0)
			break;
	}
	return state;
}

static enum answer_state
finish(struct answer *answer, char *in, size_t len)
{
	/* More than was asked for: whose answer is the next one? */
	answer->last |= len > answer->at;
	answer->body = in + answer->body_at;
	answer->body[answer->body_len] = '\0';
	return ANSWER_WHOLE;
}

enum answer_state
answer_read(struct answer *answer, char *in, size_t len)
{
	enum answer_state state;

	if (answer->phase == ANSWER_HEAD) {
		state = read_head(answer, in, len);
		if (state != ANSWER_WHOLE)
			return state;
	}
	switch (answer->phase) {
	case ANSWER_LENGTH:
		if (len - answer->at < answer->left)
			return ANSWER_MORE;
		answer->body_len = answer->left;
		answer->at += answer->left;
		return finish(answer, in, len);
	case ANSWER_TO_END:
		return len - answer->at > ANSWER_BODY_MAX ? ANSWER_BAD : ANSWER_MORE;
	default:
		state = read_chunks(answer, in, len);
		return state == ANSWER_WHOLE ? finish(answer, in, len) : state;
	}
}

enum answer_state
answer_end(struct answer *answer, char *in, size_t len)
{
	if (answer->phase != ANSWER_TO_END)
		return ANSWER_BAD;
	answer->body_len = len - answer->at;
	answer->at = len;
	return finish(answer, in, len);
}
