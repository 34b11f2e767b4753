/*
 * The mode `requests`: templates of requests, sent as fast as answers come or at a fixed rate.
 */
#ifndef HOLDFAST_REQUESTS_H
#define HOLDFAST_REQUESTS_H

#include "load/wire.h"

#define REQUESTS_KINDS_MAX       16
#define REQUESTS_CONNECTIONS_MAX 16384

/* A template of requests; its places are those of fill.h. */
struct requests_kind {
	int64_t weight, earned;
	const char *method, *path, *body;
	int64_t answered, good;
};

struct requests_line {
	char *text;
	int64_t token; /* of ids alone */
};

struct requests_list {
	struct requests_line *lines;
	int64_t count, next;
};

struct requests {
	struct target target;
	int64_t connections;
	double seconds;
	/* So many a second, or so many chains, whether answers come or not; 0: as fast as they. */
	double rate;
	int64_t most, from;
	bool chain;     /* each connection sends one kind after the other, over and over */
	bool keyed;     /* each request has an Idempotency-Key of its own */
	bool histogram; /* it is printed too */
	struct requests_list tokens, ids;
	FILE *save;
	struct requests_kind kinds[REQUESTS_KINDS_MAX];
	int64_t kinds_count, weights;
};

/* Each NULL: done; else what is wrong, as a sentence without its end. A template stays in use. */
const char *requests_add(struct requests *requests, char *text);
const char *requests_read(struct requests_list *list, const char *path, bool numbers);

/*
 * Which kind is next. In as many turns as the weights come to, from the first on, each has as many
 * as its weight.
 */
struct requests_kind *requests_pick(struct requests *requests);

/* Sends them, and prints one line of JSON. The exit status of the program. */
int requests_run(struct requests *requests);

#endif
