/*
 * One request: what the web server said, parsed and checked, and the answer being made.
 */
#ifndef HOLDFAST_REQUEST_H
#define HOLDFAST_REQUEST_H

#include "base/json.h"
#include "base/problem.h"
#include "http/gate.h"

#define REQUEST_PARAMS_MAX 4

struct route;
struct request_query;

struct request_identity {
	const char *user_id; /* UUID text; NULL: nobody has logged in */
	const char *role;    /* "user", "organizer", "admin" */
};

struct request {
	struct gate *gate;
	struct arena *arena;
	const char *method;
	const char *path;    /* raw, without the query and without /api/v1 */
	bool at_root;        /* it came without /api/v1 */
	const char *query;   /* raw, never NULL */
	const char *id;      /* request id, safe to print */
	const char *address; /* the client's, as the front server says */
	const struct route *route;
	const char *allow; /* methods that the path knows, where route_find() says METHOD */
	/* The {names} of the route's path in their order, decoded: never empty, UTF-8. */
	const char *params[REQUEST_PARAMS_MAX];
	struct request_identity who;
	const char *body_text;
	size_t body_len;
	const struct json *body; /* an object; {} where there is none; without the key's members */
	const char *key;         /* idempotency key or NULL */
	/* SHA-256 in hex of method, path and body without the key; NULL where there is no key. */
	const char *fingerprint;
	struct problem_why why;
	int64_t started_us;            /* monotonic */
	int64_t deadline_us;           /* monotonic: the worker's budget ends */
	struct request_query *queries; /* the query taken apart, once one has been asked for */
	bool queries_read;
	bool queries_bad;
	/* the answer */
	int status;
	struct str headers; /* "Name: value\r\n"… beside the standard ones */
	struct str out;     /* the body */
	const char *inset;  /* respond_inset(): what lies elsewhere of it */
	size_t inset_len, inset_at;
	const char *content_type;
	bool cacheable; /* the answer has a Cache-Control of its own */
};

/*
 * Fills everything up to the query from the gate, and makes the answer ready to be begun. gate and
 * arena are set, all else is zero. MALFORMED, URI_TOO_LONG; id, method and path are safe to use
 * then too.
 */
enum problem request_read(struct request *r);

/*
 * Reads exactly CONTENT_LENGTH bytes of whatever kind into body_text, as they came. MALFORMED,
 * BODY_TOO_LARGE.
 */
enum problem request_read_raw(struct request *r, int64_t body_max_bytes);

/*
 * The same, of JSON, and parses an object: MALFORMED, BODY_TOO_LARGE, MEDIA_TYPE;
 * INVALID for JSON that is no object.
 */
enum problem request_read_body(struct request *r, int64_t body_max_bytes);

/*
 * The key, from the header (bare or as a structured-field string) and from the body's request_id or
 * idempotency_key, which must agree; and the fingerprint. These two members are taken out of
 * r->body, so that tables of fields do not name them. KEY_INVALID.
 */
enum problem request_read_key(struct request *r);

/* A header field of the request by its CGI name ("HTTP_IF_MATCH"), or NULL. */
const char *request_header(const struct request *r, const char *cgi_name);

/*
 * A query parameter, percent-decoded (RFC 3986, + is a space): NULL if absent. Twice the same, bad
 * encoding or bad UTF-8 gives an error in r->why, told by request_query_done().
 */
const char *request_query(struct request *r, const char *name);
int64_t
request_query_int(struct request *r, const char *name, int64_t fallback, int64_t min, int64_t max);

/* INVALID if a parameter was not usable, or is none of those asked for. */
enum problem request_query_done(struct request *r);

/*
 * len bytes of percent-encoded text on the arena. NULL: a % without two hexadecimal digits, a NUL,
 * or not UTF-8.
 */
const char *request_decode(struct arena *arena, const char *text, size_t len, bool plus_is_space);

#endif
