/*
 * Cursors of lists.
 */
#include "domain/cursor.h"

#include "base/id.h"

#define CHECK_BYTES 6
#define PLACE_MAX   255

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void
checksum(const char *kind, const char *place, unsigned char out[CHECK_BYTES])
{
	static const char salt[] = "cursor";
	const char *parts[] = { kind, place, NULL };
	unsigned char full[ID_SHA256_BYTES];

	id_hmac(salt, sizeof(salt) - 1, parts, full);
	memcpy(out, full, CHECK_BYTES);
}

const char *
cursor_make(struct arena *arena, const char *kind, const char *place)
{
	size_t len = CHECK_BYTES + strlen(place);
	unsigned char *bytes = arena_alloc(arena, len + 2); /* zeros behind, for the last group */
	char *out = arena_alloc(arena, len * 4 / 3 + 5);
	size_t at = 0;

	assert(strlen(place) <= PLACE_MAX);
	checksum(kind, place, bytes);
	memcpy(bytes + CHECK_BYTES, place, strlen(place));
	for (size_t i = 0; i < len; i += 3) {
		unsigned group =
			(unsigned)bytes[i] << 16 | (unsigned)bytes[i + 1] << 8 | bytes[i + 2];

		for (int shift = 18; shift >= 0; shift -= 6)
			out[at++] = alphabet[group >> shift & 63];
	}
	out[(len * 4 + 2) / 3] = '\0';
	return out;
}

const char *
cursor_read(struct arena *arena, const char *kind, const char *cursor)
{
	size_t len = strlen(cursor);
	unsigned char check[CHECK_BYTES];
	unsigned char *bytes;
	unsigned held = 0;
	int bits = 0;
	size_t at = 0;
	const char *place;

	if (len > (CHECK_BYTES + PLACE_MAX) * 4 / 3 + 1)
		return NULL;
	bytes = arena_alloc(arena, len + 1);
	for (size_t i = 0; i < len; i++) {
		const char *letter = strchr(alphabet, cursor[i]);

		if (!letter)
			return NULL;
		held = held << 6 | (unsigned)(letter - alphabet);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			bytes[at++] = (unsigned char)(held >> bits & 255);
		}
	}
	/* What is left over is padding: always zero, so that a place has one cursor only. */
	if (at <= CHECK_BYTES || bits >= 6 || (held & ((1U << bits) - 1)) != 0 ||
		memchr(bytes + CHECK_BYTES, '\0', at - CHECK_BYTES))
		return NULL;
	place = arena_copy(arena, (const char *)bytes + CHECK_BYTES, at - CHECK_BYTES);
	checksum(kind, place, check);
	return memcmp(check, bytes, CHECK_BYTES) == 0 ? place : NULL;
}
