/*
 * Access tokens: JWT (RFC 7519) signed with HS256, checked as RFC 8725 asks. Refresh tokens are
 * opaque and live in domain/account.
 */
#ifndef HOLDFAST_TOKEN_H
#define HOLDFAST_TOKEN_H

#include "base/conf.h"
#include "http/request.h"

/* Loads the keys; a missing or (in production) short secret ends the program with exit 2. */
void token_init(const struct conf *conf);

/* A signed token on the arena, with iss, aud, sub, role, iat, nbf, exp and the header kid. */
const char *token_make(struct arena *arena, const char *user_id, const char *role);

/*
 * Fills r->who from Authorization: Bearer. UNAUTHENTICATED with WWW-Authenticate for anything but
 * a token of ours in force: wrong alg, kid, signature, iss, aud, exp, nbf, role, shape, length.
 */
enum problem token_check(struct request *r);

#endif
