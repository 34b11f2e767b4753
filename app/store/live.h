/*
 * Posts notices to the servers that stream them, each a unix socket on which nginx's module nchan
 * publishes what is posted. Nothing here ever waits: what cannot be handed over now is not.
 */
#ifndef HOLDFAST_LIVE_H
#define HOLDFAST_LIVE_H

#include "base/arena.h"

struct live;

/* As a notice fared, with several servers the first of these that one of them had; one that has
 * said nothing for a second counts only where no other has it. */
enum live_result {
	LIVE_BUSY, /* a server has no room, or not answered to what it got before: try again */
	LIVE_SENT, /* handed over */
	LIVE_AWAY  /* there is nobody: no stream either, so that nobody has missed anything */
};

/* sockets: paths with commas. Does not connect yet; copies what it needs. */
struct live *live_open(const char *sockets);
void live_close(struct live *live);

/* A server-sent event of this name; data is one line. Counts what became of it. */
enum live_result
live_post(struct live *live, int32_t event_id, const char *name, const char *data, int64_t now_us);

/*
 * Whether every server has answered to all it got; one that has gone owes nothing, nor one that
 * has said nothing for a second where another has answered. A server may forget what it got from a
 * process that ends before that.
 */
bool live_answered(struct live *live, int64_t now_us);

/*
 * Counts the answers in bytes that have come, and those among them that are no success. state: 0 at
 * the beginning of a connection, then what the call before left there.
 */
struct live_answers {
	int count, refused;
};
struct live_answers live_read_answers(const char *bytes, size_t len, int *state);

#endif
