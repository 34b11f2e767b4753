/*
 * One kept HTTP/1.1 connection, one request at a time. It is opened when there is something to
 * send, and anew when the server has ended it.
 */
#ifndef HOLDFAST_WIRE_H
#define HOLDFAST_WIRE_H

#include "base/str.h"
#include "load/answer.h"
#include "load/loop.h"

#define WIRE_HOST_MAX 256

/* Where requests go. */
struct target {
	char host[WIRE_HOST_MAX + 16]; /* as it stands in Host: */
	unsigned char address[128];    /* a struct sockaddr_storage */
	unsigned address_len;
	int family;
};

/* NULL: done. Else what is wrong with `http://host[:port][/]`, as the end of a sentence. */
const char *target_read(struct target *target, const char *url);

/* One request; what is NULL is left out. */
struct request {
	const char *method, *path, *token, *key, *ticket, *body;
};

void request_write(struct str *out, const struct target *target, const struct request *request);

struct wire {
	struct loop *loop;
	const struct target *target;
	int64_t patience_us; /* after so long without an answer it is lost */

	bool keeps_room; /* of long answers, for the next one */

	/*
	 * The request is over: the answer is there for as long as this goes on, or the connection
	 * was lost without a whole one. Never called by wire_send() itself.
	 */
	void (*done)(struct wire *wire);
	bool lost;
	bool busy;
	struct answer answer;
	int64_t sent_us, done_us;

	/* Its own. */
	struct watch watch;
	struct timer timer;
	int fd; /* -1: closed */
	bool connecting, stuck;
	char *out, *in;
	size_t out_len, out_room, sent, in_len, in_room;
};

/* Lets the process have so many connections open. False: it may not, and errno says why. */
bool wire_allow(int64_t connections);

void wire_init(struct wire *wire, struct loop *loop, const struct target *target);
void wire_send(struct wire *wire, const char *request, size_t len);

/* Forgets what is under way. */
void wire_close(struct wire *wire);
void wire_release(struct wire *wire);

#endif
