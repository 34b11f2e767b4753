/*
 * Reading one HTTP/1.1 answer (RFC 9112) as it comes. The server is not trusted: what is too long,
 * ambiguous or no HTTP is bad, and its connection is of no further use.
 */
#ifndef HOLDFAST_ANSWER_H
#define HOLDFAST_ANSWER_H

#include "base/base.h"

#define ANSWER_HEAD_MAX 32768
#define ANSWER_BODY_MAX (64 << 20)

enum answer_state { ANSWER_MORE, ANSWER_WHOLE, ANSWER_BAD };

struct answer {
	int status;
	bool last;             /* no other answer comes on this connection */
	bool replayed;         /* Idempotent-Replayed: true */
	int64_t retry_after_s; /* of Retry-After in seconds; 0: there is none */
	char *body;            /* NUL-terminated, within the bytes given */
	size_t body_len;
	/* How far it is read. */
	size_t at;      /* bytes that are done with */
	size_t left;    /* of the body, or of a chunk */
	size_t body_at; /* where the body begins; within the head: how far it was looked through */
	enum {
		ANSWER_HEAD,
		ANSWER_LENGTH,
		ANSWER_CHUNK,
		ANSWER_CHUNK_END,
		ANSWER_TRAILER,
		ANSWER_TO_END
	} phase;
};

/*
 * Reads on. `in` has all bytes since the answer began, and room for a NUL behind them; it may have
 * moved since the last call. Whole: the answer is there, and its body points into `in`.
 */
enum answer_state answer_read(struct answer *answer, char *in, size_t len);

/* The connection has ended: whole, where that is what ends this answer; else bad. */
enum answer_state answer_end(struct answer *answer, char *in, size_t len);

#endif
