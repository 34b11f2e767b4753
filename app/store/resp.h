/*
 * Commands as the protocol of Redis has them (RESP: an array of bulk strings).
 * https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
#ifndef HOLDFAST_RESP_H
#define HOLDFAST_RESP_H

#include "base/str.h"

/* Adds one command of so many words. lens: NULL, where each ends with its NUL. */
void resp_write(struct str *out, int words, const char *const *word, const size_t *lens);

#endif
