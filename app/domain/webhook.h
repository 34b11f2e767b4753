/*
 * Webhooks: where organizers want to be called, and how a call is signed (Standard Webhooks).
 */
#ifndef HOLDFAST_WEBHOOK_H
#define HOLDFAST_WEBHOOK_H

#include "domain/event.h"

#define WEBHOOK_SECRET_BYTES 32

/*
 * A new one. *body: its JSON, with the secret, which is told this once. INVALID (address, kinds),
 * LIMIT_EXCEEDED, FORBIDDEN.
 */
enum problem webhook_create(struct context *house, const struct event_caller *caller,
	const struct json *body, const char **webhook_id, const char **out);

struct webhook_page {
	const char **bodies; /* JSON */
	size_t count;
	const char *next; /* NULL: this page is the last */
};

/* The caller's own. INVALID: the cursor. */
enum problem webhook_list(struct context *house, const struct event_caller *caller,
	const char *cursor, int64_t limit, struct webhook_page *out);

/* NOT_FOUND. */
enum problem
webhook_delete(struct context *house, const struct event_caller *caller, const char *webhook_id);

/* NULL: an address that may be called; else why not, as a sentence. */
const char *webhook_address_mistake(struct arena *arena, const char *url, bool allow_private);

/* The value of the header webhook-signature. */
const char *webhook_signature(struct arena *arena, const void *secret, size_t secret_len,
	const char *id, int64_t unix_s, const char *body);

/* The notices of an event, in order. */
struct webhook_log {
	const char **bodies; /* JSON */
	size_t count;
	int64_t last; /* position of the last of them; where there is none what was asked for */
	bool more;
};

/* Those after a position, all that is committed by now among them. NOT_FOUND, FORBIDDEN. */
enum problem webhook_log(struct context *house, const struct event_caller *caller, int32_t event_id,
	int64_t after, int64_t limit, struct webhook_log *out);

#endif
