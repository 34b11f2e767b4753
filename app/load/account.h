/*
 * The buyers' accounts: registered and logged in over HTTP, and kept in a file for the next run.
 */
#ifndef HOLDFAST_ACCOUNT_LOAD_H
#define HOLDFAST_ACCOUNT_LOAD_H

#include "load/ask.h"

#define ACCOUNT_ADDRESS  64
#define ACCOUNT_PASSWORD 33
#define ACCOUNT_USER     40
#define ACCOUNT_TOKEN    80

/* What an account has to do next before its buyer can ask for anything. */
enum account_step {
	ACCOUNT_READY,
	ACCOUNT_REFRESH,
	ACCOUNT_LOGIN,
	ACCOUNT_REGISTER,
	ACCOUNT_WHO, /* its own id, where the answer to the registration was lost */
	ACCOUNT_FAILED
};

struct account {
	char email[ACCOUNT_ADDRESS];
	char password[ACCOUNT_PASSWORD];
	char user[ACCOUNT_USER];     /* its id; "" while it is not known */
	char refresh[ACCOUNT_TOKEN]; /* "": none */
	char *access;                /* NULL: none */
	int64_t ends_s;              /* of the access token, since 1970 */
	bool registered;             /* in this run */
};

/* An account that nobody has yet. */
void account_init(struct account *account);

/* What comes next, so that its token is good for some while from now on. */
enum account_step account_next(const struct account *account, int64_t now_s);

/* The request of a step. */
void account_ask(const struct account *account, enum account_step step, struct arena *arena,
	struct request *out);

/* What comes after the answer to a step; one that only asks for patience is not shown to it. */
enum account_step account_hear(struct account *account, enum account_step step, int status,
	const struct json *json, int64_t now_s);

/* The token was refused: it is not used again. */
void account_refused(struct account *account);

/*
 * Reads as many accounts as there are out of a file, at most `count`; those of another server are
 * refused. No file: none. NULL: done, *found says how many, and *rest has the lines of all others,
 * to be freed; else what is wrong.
 */
const char *account_read(const char *path, const char *url, struct account *accounts, size_t count,
	size_t *found, char **rest);

/* Writes those that are registered, and the rest, for nobody else's eyes. False, with errno. */
bool account_write(const char *path, const char *url, const struct account *accounts, size_t count,
	const char *rest);

#endif
