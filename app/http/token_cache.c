/*
 * Tokens found good: a table of slots, one for each value of a hash that nobody outside can know.
 */
#include "http/token_cache.h"

#include "base/id.h"
#include "base/str.h"

#define SLOTS           2048 /* a power of two */
#define TOKEN_BYTES_MAX 512

static struct slot {
	char *token; /* NULL: free */
	struct token_good good;
} slots[SLOTS];

static uint64_t seed;

/* FNV-1a, from a start of our own. */
static struct slot *
slot_of(const char *token)
{
	uint64_t hash;

	while (seed == 0)
		id_random(&seed, sizeof(seed));
	hash = seed;
	for (; *token; token++)
		hash = (hash ^ (unsigned char)*token) * UINT64_C(0x100000001b3);
	return &slots[(hash ^ hash >> 32) & (SLOTS - 1)];
}

const struct token_good *
token_cache_find(const char *token, int64_t now)
{
	const struct slot *slot = slot_of(token);

	/* In the same time wherever they differ, so that nobody finds out a token byte by byte. */
	if (!slot->token ||
		!str_equal_secret(slot->token, strlen(slot->token), token, strlen(token)) ||
		now < slot->good.from || now >= slot->good.until)
		return NULL;
	return &slot->good;
}

void
token_cache_put(const char *token, const struct token_good *good)
{
	struct slot *slot = slot_of(token);

	if (strlen(token) > TOKEN_BYTES_MAX)
		return;
	free(slot->token);
	slot->token = strdup(token);
	slot->good = *good;
}

void
token_cache_clear(void)
{
	for (size_t i = 0; i < SLOTS; i++) {
		free(slots[i].token);
		slots[i].token = NULL;
	}
}
