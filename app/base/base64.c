/*
 * base64 in two alphabets.
 */
#include "base/base64.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static const char alphabet[] = LETTERS "-_";

/* The text, in an alphabet, and room for two bytes of padding and the NUL behind it. */
static char *
letters_of(struct arena *arena, const char *letters, const void *data, size_t len)
{
	unsigned char *bytes = arena_alloc(arena, len + 2); /* zeros behind, for the last group */
	char *out = arena_alloc(arena, len * 4 / 3 + 6);
	size_t at = 0;

	memcpy(bytes, data, len);
	for (size_t i = 0; i < len; i += 3) {
		unsigned group =
			(unsigned)bytes[i] << 16 | (unsigned)bytes[i + 1] << 8 | bytes[i + 2];

		for (int shift = 18; shift >= 0; shift -= 6)
			out[at++] = letters[group >> shift & 63];
	}
	out[(len * 4 + 2) / 3] = '\0';
	return out;
}

const char *
base64url_write(struct arena *arena, const void *data, size_t len)
{
	return letters_of(arena, alphabet, data, len);
}

const char *
base64_write(struct arena *arena, const void *data, size_t len)
{
	char *out = letters_of(arena, LETTERS "+/", data, len);
	size_t at = strlen(out);

	while (at % 4 != 0)
		out[at++] = '=';
	out[at] = '\0';
	return out;
}

unsigned char *
base64url_read(struct arena *arena, const char *text, size_t *len)
{
	unsigned char *bytes = arena_alloc(arena, strlen(text) + 1);
	unsigned held = 0;
	int bits = 0;
	size_t at = 0;

	for (; *text; text++) {
		const char *letter = strchr(alphabet, *text);

		if (!letter)
			return NULL;
		held = held << 6 | (unsigned)(letter - alphabet);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			bytes[at++] = (unsigned char)(held >> bits & 255);
		}
	}
	/* What is left over is padding: always zero. */
	if (bits >= 6 || (held & ((1U << bits) - 1)) != 0)
		return NULL;
	*len = at;
	return bytes;
}
