/*
 * The loop and the frame of every pool.
 */
#ifndef HOLDFAST_SERVE_H
#define HOLDFAST_SERVE_H

#include "domain/context.h"
#include "http/respond.h"
#include "http/route.h"

struct pool {
	struct conf_program program;
	const struct route *routes;
	bool derives_ids; /* from id_secret, which production must have then */
	/* Once, after the configuration is read; may be NULL. */
	void (*start)(struct context *house);
	/*
	 * At the start and after an answer has gone out, for work that may wait; true: call again
	 * soon, though nothing has come. May be NULL.
	 */
	bool (*idle)(struct context *house);
};

/* main() of a pool. */
int serve(const struct pool *pool, int argc, char **argv);

/* The context of the request being served. */
struct context *serve_context(void);

#endif
