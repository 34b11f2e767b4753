/*
 * HTTP answers as a server may send them: whole, in pieces, and wrong.
 */
#include <criterion/criterion.h>

#include "load/answer.h"

/* Reads it byte by byte from a buffer of its very size, which moves each time. */
static enum answer_state
read_slowly(struct answer *answer, const char *text, size_t len, char **kept)
{
	enum answer_state state = ANSWER_MORE;

	*answer = (struct answer){ .phase = ANSWER_HEAD };
	*kept = NULL;
	for (size_t have = 1; have <= len && state == ANSWER_MORE; have++) {
		char *moved = malloc(have + 1);

		cr_assert(moved);
		if (*kept)
			memcpy(moved, *kept, have - 1);
		moved[have - 1] = text[have - 1];
		free(*kept);
		*kept = moved;
		state = answer_read(answer, moved, have);
		if (state == ANSWER_WHOLE)
			cr_assert_eq(have, len, "whole after %zu of %zu bytes", have, len);
	}
	return state;
}

/* The same at once, and slowly. */
static void
assert_body(const char *text, int status, const char *body, bool last)
{
	struct answer answer = { .phase = ANSWER_HEAD };
	char *kept = strdup(text);

	cr_assert_eq(answer_read(&answer, kept, strlen(text)), ANSWER_WHOLE, "%s", text);
	cr_assert_eq(answer.status, status);
	cr_assert_str_eq(answer.body, body);
	cr_assert_eq(answer.last, last);
	free(kept);
	cr_assert_eq(read_slowly(&answer, text, strlen(text), &kept), ANSWER_WHOLE, "%s", text);
	cr_assert_eq(answer.status, status);
	cr_assert_eq(answer.body_len, strlen(body));
	cr_assert_str_eq(answer.body, body);
	cr_assert_eq(answer.last, last);
	free(kept);
}

static void
assert_bad(const char *text)
{
	struct answer answer = { .phase = ANSWER_HEAD };
	char *kept = strdup(text);

	cr_assert_eq(answer_read(&answer, kept, strlen(text)), ANSWER_BAD, "%s", text);
	free(kept);
	cr_assert_eq(read_slowly(&answer, text, strlen(text), &kept), ANSWER_BAD, "%s", text);
	free(kept);
}

Test(answer, bodies_of_all_kinds)
{
	assert_body("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", false);
	assert_body("HTTP/1.1 201 \r\ncontent-length:\t0 \r\nX: y\r\n\r\n", 201, "", false);
	assert_body("HTTP/1.1 204 No Content\r\n\r\n", 204, "", false);
	assert_body("HTTP/1.1 304\r\nContent-Length: 77\r\n\r\n", 304, "", false);
	assert_body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "3\r\nabc\r\n00A;x=y\r\n0123456789\r\n0\r\n\r\n",
		200, "abc0123456789", false);
	assert_body(
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\nz\r\n0\r\nA: b\r\n\r\n",
		200, "z", false);
	assert_body("HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
		    "1\r\n\r\n1",
		200, "1", false);
}

Test(answer, tells_when_the_connection_ends)
{
	struct answer answer = { .phase = ANSWER_HEAD };
	char more[] = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc";

	assert_body("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na", 200, "a",
		true);
	assert_body("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", 200, "a", true);
	assert_body("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na", 200,
		"a", false);
	cr_assert_eq(answer_read(&answer, more, strlen(more)), ANSWER_WHOLE);
	cr_assert_str_eq(answer.body, "a");
	cr_assert(answer.last, "something follows that nobody asked for");
}

Test(answer, body_to_the_end_of_the_connection)
{
	char text[] = "HTTP/1.1 200 OK\r\n\r\nall of it";
	struct answer answer = { .phase = ANSWER_HEAD };

	cr_assert_eq(answer_read(&answer, text, strlen(text)), ANSWER_MORE);
	cr_assert_eq(answer_end(&answer, text, strlen(text)), ANSWER_WHOLE);
	cr_assert_str_eq(answer.body, "all of it");
	cr_assert(answer.last);
}

Test(answer, cut_off_is_bad)
{
	static const char *const texts[] = { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
		"HTTP/1.1 200 OK\r\nContent-Le", "",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n" };

	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		struct answer answer = { .phase = ANSWER_HEAD };
		char kept[128];

		snprintf(kept, sizeof(kept), "%s", texts[i]);
		cr_assert_eq(answer_read(&answer, kept, strlen(kept)), ANSWER_MORE);
		cr_assert_eq(answer_end(&answer, kept, strlen(texts[i])), ANSWER_BAD);
	}
}

Test(answer, fields)
{
	struct answer answer = { .phase = ANSWER_HEAD };
	char text[] = "HTTP/1.1 429 Too Many\r\nretry-after: 7\r\nIdempotent-Replayed: true\r\n"
		      "Content-Length: 0\r\n\r\n";

	cr_assert_eq(answer_read(&answer, text, strlen(text)), ANSWER_WHOLE);
	cr_assert_eq(answer.retry_after_s, 7);
	cr_assert(answer.replayed);
}

Test(answer, what_is_no_http_is_bad)
{
	assert_bad("garbage\r\n\r\n");
	assert_bad("HTTP/2 200 OK\r\n\r\n");
	assert_bad("HTTP/1.1 20 OK\r\n\r\n");
	assert_bad("HTTP/1.1 2000 OK\r\n\r\n");
	assert_bad("HTTP/1.1 999 OK\r\n\r\n");
	assert_bad("HTTP/1.1 101 Switching\r\n\r\n");
	assert_bad("HTTP/1.1 200 OK\r\nno colon\r\n\r\n");
	assert_bad("HTTP/1.1 200 OK\r\n: no name\r\n\r\n");
	assert_bad("HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n");
	assert_bad("HTTP/1.1 200 OK\nContent-Length: 1\r\n\r\n");
}

Test(answer, lengths_that_cannot_be_are_bad)
{
	assert_bad("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n");
	assert_bad("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n");
	assert_bad("HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n");
	assert_bad("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n");
	assert_bad("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n");
	assert_bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n");
	assert_bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n");
	assert_bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n");
	assert_bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n");
	assert_bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n");
}

Test(answer, heads_have_a_bound)
{
	size_t len = 2 * ANSWER_HEAD_MAX;
	struct answer answer = { .phase = ANSWER_HEAD };
	char *text = malloc(len + 1);

	cr_assert(text);
	memset(text, 'x', len);
	memcpy(text, "HTTP/1.1 200 OK\r\nX: ", 20);
	cr_assert_eq(answer_read(&answer, text, len), ANSWER_BAD);
	memcpy(text + len - 4, "\r\n\r\n", 4);
	answer = (struct answer){ .phase = ANSWER_HEAD };
	cr_assert_eq(answer_read(&answer, text, len), ANSWER_BAD);
	free(text);
}
