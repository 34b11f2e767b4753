/*
 * Ids, hashes and randomness. libcrypto is included here alone.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/id.h"

#include <errno.h>
#include <sys/random.h>

void
id_random(void *out, size_t len)
{
	unsigned char *at = out;

	while (len) {
		ssize_t got = getrandom(at, len, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort();
		at += got;
		len -= (size_t)got;
	}
}

void
id_sha256(const void *data, size_t len, unsigned char out[ID_SHA256_BYTES])
{
	if (!EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL))
		abort();
}

void
id_hex(const unsigned char *bytes, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * len] = '\0';
}

void
id_hmac(const void *secret, size_t secret_len, const char *const *parts,
	unsigned char out[ID_SHA256_BYTES])
{
	unsigned char *input;
	unsigned char *at;
	size_t len = 0;

	for (size_t i = 0; parts[i]; i++)
		len += 8 + strlen(parts[i]);
	input = malloc(len ? len : 1);
	if (!input)
		abort();
	at = input;
	for (size_t i = 0; parts[i]; i++) {
		size_t part_len = strlen(parts[i]);

		for (int shift = 56; shift >= 0; shift -= 8)
			*at++ = (unsigned char)((uint64_t)part_len >> shift);
		memcpy(at, parts[i], part_len);
		at += part_len;
	}
	id_hmac_bytes(secret, secret_len, input, len, out);
	free(input);
}

/* HMAC() would look for the algorithm at each call, which takes longer than the sum itself. */
static EVP_MAC_CTX *
hmac_sha256(void)
{
	static EVP_MAC_CTX *sum;
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *hmac;

	if (sum)
		return sum;
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (!hmac)
		abort();
	sum = EVP_MAC_CTX_new(hmac);
	if (!sum || !EVP_MAC_CTX_set_params(sum, params))
		abort();
	EVP_MAC_free(hmac);
	return sum;
}

void
id_hmac_bytes(const void *secret, size_t secret_len, const void *data, size_t len,
	unsigned char out[ID_SHA256_BYTES])
{
	EVP_MAC_CTX *sum = hmac_sha256();

	assert(secret); /* else the one of the last call would count */
	if (!EVP_MAC_init(sum, secret, secret_len, NULL) || !EVP_MAC_update(sum, data, len) ||
		!EVP_MAC_final(sum, out, &len, ID_SHA256_BYTES) || len != ID_SHA256_BYTES)
		abort();
}

void
id_uuid_text(const unsigned char bytes[16], char out[ID_UUID_TEXT])
{
	char hex[33];

	id_hex(bytes, 16, hex);
	for (int i = 0, at = 0; i < 32; i++) {
		if (i == 8 || i == 12 || i == 16 || i == 20)
			out[at++] = '-';
		out[at++] = hex[i];
	}
	out[ID_UUID_TEXT - 1] = '\0';
}

/* Event, version 8 and variant written over the first and the marked bits of 16 bytes. */
static void
booking_text(int32_t event_id, unsigned char bytes[16], char out[ID_UUID_TEXT])
{
	for (int i = 0; i < 4; i++)
		bytes[i] = (unsigned char)((uint32_t)event_id >> (24 - 8 * i));
	bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x80);
	bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
	id_uuid_text(bytes, out);
}

void
id_booking_random(int32_t event_id, char out[ID_UUID_TEXT])
{
	unsigned char bytes[16];

	id_random(bytes, sizeof(bytes));
	booking_text(event_id, bytes, out);
}

void
id_booking_from_key(int32_t event_id, const void *secret, size_t secret_len, const char *user,
	const char *operation, const char *key, char out[ID_UUID_TEXT])
{
	unsigned char mac[ID_SHA256_BYTES];
	char event[12];

	snprintf(event, sizeof(event), "%d", (int)event_id);
	id_hmac(secret, secret_len, (const char *const[]){ user, operation, event, key, NULL },
		mac);
	booking_text(event_id, mac, out);
}

bool
id_is_uuid(const char *text)
{
	for (int i = 0; i < ID_UUID_TEXT - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !text[i] || !strchr("0123456789abcdef", text[i]))
			return false;
	}
	return text[ID_UUID_TEXT - 1] == '\0';
}

bool
id_booking_event(const char *text, int32_t *event_id)
{
	uint32_t event = 0;

	if (!id_is_uuid(text) || text[14] != '8' || !strchr("89ab", text[19]))
		return false;
	for (int i = 0; i < 8; i++) {
		unsigned digit = (unsigned)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);

		event = event << 4 | digit;
	}
	/* Events are numbered from 1 in a signed column. */
	if (event == 0 || event > INT32_MAX)
		return false;
	*event_id = (int32_t)event;
	return true;
}
