/*
 * Accounts: who may log in, and the sessions that follow a login.
 *
 * Refresh tokens are base64url: 128 random bits that all tokens of a session begin with, and 256
 * of their own; both are kept as SHA-256 only. Each token is good once: a refresh answers with the
 * next, and one that comes a second time, however long it has been spent, ends the session.
 *
 * password_init() must have run.
 */
#ifndef HOLDFAST_ACCOUNT_H
#define HOLDFAST_ACCOUNT_H

#include "base/id.h"
#include "domain/context.h"

#define ACCOUNT_EMAIL_BYTES_MAX 254
#define ACCOUNT_NAME_MAX        200
#define ACCOUNT_REFRESH_PREFIX  22 /* characters of a refresh token that its session's share */
#define ACCOUNT_REFRESH_TOKEN   66 /* room for a refresh token and its NUL */

/* Strings live on the arena of the context. */
struct account {
	const char *user_id;
	const char *email;
	const char *name; /* NULL where none was given */
	const char *role; /* "user", "organizer", "admin" */
};

struct account_session {
	const char *user_id;
	const char *role;
	char refresh_token[ACCOUNT_REFRESH_TOKEN];
};

/* A usable address: local part, @, a domain of at least two labels; at most 254 bytes. */
bool account_email_is_usable(const char *email);

bool account_role_exists(const char *role);

/* A new account of role user. INVALID, EMAIL_TAKEN. */
enum problem account_register(struct context *house, const char *email, const char *password,
	const char *name, struct account *out);

/* The same for the operator, who chooses the role. */
enum problem account_add(struct context *house, const char *email, const char *password,
	const char *name, const char *role, struct account *out);

/*
 * CREDENTIALS, after the same time, for an unknown address, a wrong password and a disabled
 * account; RATE_LIMITED after too many attempts on the address, known or not: five times as many as
 * one client has.
 */
enum problem account_login(struct context *house, const char *email, const char *password,
	struct account_session *out);

/* CREDENTIALS for whatever is not a good token of an account in force. */
enum problem
account_refresh(struct context *house, const char *refresh_token, struct account_session *out);

/* Ends the session of a refresh token; one that is unknown has none, and that is success too. */
enum problem account_logout(struct context *house, const char *refresh_token);

/* UNAUTHENTICATED if the account is gone or disabled. */
enum problem account_get(struct context *house, const char *user_id, struct account *out);

/* What changes of an account; NULL stays as it is. Ends its sessions. */
struct account_change {
	const char *role;
	const bool *disabled;
	const char *password;
};

/* NOT_FOUND, INVALID. */
enum problem
account_change(struct context *house, const char *email, const struct account_change *change);

#endif
