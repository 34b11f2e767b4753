/*
 * Tokens found good: sets of a few slots each, one set for each value of a hash that nobody outside
 * can know.
 */
#include "http/token_cache.h"

#include "base/id.h"
#include "base/str.h"

#define SETS            512 /* a power of two */
#define WAYS            8
#define TOKEN_BYTES_MAX 512

struct slot {
	char *token; /* NULL: free */
	uint64_t hash;
	uint64_t used; /* when, by the count of uses */
	struct token_good good;
};

static struct slot sets[SETS][WAYS];
static uint64_t uses;
static uint64_t seed;

/* FNV-1a, from a start of our own. */
static uint64_t
hash_of(const char *token)
{
	uint64_t hash;

	while (seed == 0)
		id_random(&seed, sizeof(seed));
	hash = seed;
	for (; *token; token++)
		hash = (hash ^ (unsigned char)*token) * UINT64_C(0x100000001b3);
	return hash;
}

static struct slot *
set_of(uint64_t hash)
{
	return sets[(hash ^ hash >> 32) & (SETS - 1)];
}

/* In the same time wherever they differ, so that nobody finds out a token byte by byte. */
static bool
is_token(const struct slot *slot, uint64_t hash, const char *token)
{
	return slot->token && slot->hash == hash &&
	       str_equal_secret(slot->token, strlen(slot->token), token, strlen(token));
}

const struct token_good *
token_cache_find(const char *token, int64_t now)
{
	uint64_t hash = hash_of(token);
	struct slot *set = set_of(hash);

	for (size_t i = 0; i < WAYS; i++) {
		if (!is_token(&set[i], hash, token))
			continue;
		if (now < set[i].good.from || now >= set[i].good.until)
			return NULL;
		set[i].used = ++uses;
		return &set[i].good;
	}
	return NULL;
}

void
token_cache_put(const char *token, const struct token_good *good)
{
	uint64_t hash = hash_of(token);
	struct slot *set = set_of(hash), *slot = set;

	if (strlen(token) > TOKEN_BYTES_MAX)
		return;
	/* Its own slot, if it has one; else a free one; else the least recently used. */
	for (size_t i = 0; i < WAYS; i++) {
		if (is_token(&set[i], hash, token)) {
			slot = &set[i];
			break;
		}
		if (set[i].used < slot->used)
			slot = &set[i];
	}
	free(slot->token);
	slot->token = strdup(token);
	slot->hash = hash;
	slot->used = ++uses;
	slot->good = *good;
}

void
token_cache_clear(void)
{
	for (size_t i = 0; i < SETS; i++) {
		for (size_t j = 0; j < WAYS; j++)
			free(sets[i][j].token);
	}
	memset(sets, 0, sizeof(sets));
}
