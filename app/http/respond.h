/*
 * Answers: JSON bodies, problems, headers. Nothing is sent before respond_send().
 */
#ifndef HOLDFAST_RESPOND_H
#define HOLDFAST_RESPOND_H

#include "http/request.h"

/* The answer: status and a JSON body (complete text). */
void respond_json(struct request *r, int status, const char *json);
void respond_text(struct request *r, int status, const char *content_type, const char *text);
void respond_empty(struct request *r, int status);

/*
 * The body goes on with these bytes, once, and then with what is added to r->out from here on. They
 * are not copied: they stay as they are until the answer is sent. For long ones; their answer has a
 * tag of its own, if any.
 */
void respond_inset(struct request *r, const char *bytes, size_t len);
void respond_header(struct request *r, const char *name, const char *value);

/*
 * problem+json out of the row of problem.def and r->why, with the header fields that belong to it
 * (Retry-After, Allow, WWW-Authenticate, RateLimit); drops whatever answer was begun. Extensions
 * that are named like a member of RFC 9457, or errors, are left out; but status, which there is a
 * number, goes out as current_status.
 */
void respond_problem(struct request *r, enum problem problem);

/*
 * Public data, of a route that is R_SHARED: sets ETag (strong, quoted hash of the body unless etag
 * is given, unquoted) and Cache-Control, and turns the answer into 304 if If-None-Match matches
 * (RFC 9110, 13.1.2). Front servers may keep it for shared_age_s seconds and up to two more; for
 * clients it is good for one.
 */
void respond_cacheable(struct request *r, int shared_age_s, const char *etag);

/* Whether If-None-Match has this tag, unquoted: then 304 is all that is asked for. */
bool respond_is_known(struct request *r, const char *etag);

/* Status line, standard headers (request id, nosniff, no-store unless cacheable, CORS), body. */
void respond_send(struct request *r);

/* Origins that may call: commas or JSON list, "*" for all. Called once at start. */
void respond_allow_origins(const char *allowed_origins);

#endif
