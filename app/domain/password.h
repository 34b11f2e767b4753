/*
 * Password hashes: yescrypt through libxcrypt, which password.c alone includes.
 *
 * One hash takes tens of milliseconds and megabytes by design, and cannot be cut short.
 */
#ifndef HOLDFAST_PASSWORD_H
#define HOLDFAST_PASSWORD_H

#include "base/base.h"

#define PASSWORD_BYTES_MIN 8
#define PASSWORD_BYTES_MAX 511 /* the longest that libxcrypt takes */
#define PASSWORD_HASH_ROOM 384

/*
 * Sets the cost of new hashes and makes the one that unknown accounts are checked against. Once,
 * before all else; ends the process if the system cannot hash.
 */
void password_init(int64_t cost);

/* False: the password's length is out of bounds, or memory is short. */
bool password_hash(const char *password, char hash[PASSWORD_HASH_ROOM]);

/* hash NULL (no such account): takes as long, and is never right. */
bool password_is_right(const char *hash, const char *password);

/* Made with today's method and cost. */
bool password_is_current(const char *hash);

#endif
