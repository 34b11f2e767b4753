/*
 * base64url (RFC 4648, 5) without padding: bytes as text that may stand in an address; and base64.
 */
#ifndef HOLDFAST_BASE64_H
#define HOLDFAST_BASE64_H

#include "base/arena.h"

/* The ordinary alphabet, with padding (RFC 4648, 4). */
const char *base64_write(struct arena *arena, const void *bytes, size_t len);

const char *base64url_write(struct arena *arena, const void *bytes, size_t len);

/*
 * The bytes, NUL-terminated, on the arena. NULL: not text of this kind, or another spelling of it:
 * bytes have one text only.
 */
unsigned char *base64url_read(struct arena *arena, const char *text, size_t *len);

#endif
