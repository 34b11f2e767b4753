/*
 * Randomness from the operating system, HMAC, and the ids made of them.
 */
#ifndef HOLDFAST_ID_H
#define HOLDFAST_ID_H

#include "base/base.h"

#define ID_UUID_TEXT    37 /* room for a UUID in text form with its NUL */
#define ID_SHA256_BYTES 32
#define ID_SHA256_HEX   65 /* room for SHA-256 in hexadecimal with its NUL */

/* len random bytes (getrandom(2)); aborts if the system has none. */
void id_random(void *out, size_t len);

void id_sha256(const void *data, size_t len, unsigned char out[ID_SHA256_BYTES]);
void id_hex(const unsigned char *bytes, size_t len, char *out); /* 2 * len + 1 bytes of room */

/*
 * HMAC-SHA256 (RFC 2104) over the parts, each preceded by its length as eight bytes, most
 * significant first, so that no two lists of parts give the same input. parts ends with NULL.
 */
void id_hmac(const void *secret, size_t secret_len, const char *const *parts,
	unsigned char out[ID_SHA256_BYTES]);

/* The same over the bytes as they are, as others sign and verify. */
void id_hmac_bytes(const void *secret, size_t secret_len, const void *data, size_t len,
	unsigned char out[ID_SHA256_BYTES]);

/*
 * A booking's id: a UUID version 8 (RFC 9562, 5.8) whose first 32 bits are the event's number,
 * so that the id alone finds the event, and whose 90 free bits are random, or the beginning of
 * an HMAC over (user, operation, event, key), so that a retry arrives under the same id.
 */
void id_booking_random(int32_t event_id, char out[ID_UUID_TEXT]);
void id_booking_from_key(int32_t event_id, const void *secret, size_t secret_len, const char *user,
	const char *operation, const char *key, char out[ID_UUID_TEXT]);

/* Canonical lower-case UUID text, 36 characters: written, and known. */
void id_uuid_text(const unsigned char bytes[16], char out[ID_UUID_TEXT]);
bool id_is_uuid(const char *text);

/* The event's number out of a booking's id; false if text is no booking id. */
bool id_booking_event(const char *text, int32_t *event_id);

#endif
