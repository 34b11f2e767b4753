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
	size_t len;
	uint64_t hash;
	uint64_t used; /* when, by the count of uses */
	struct token_good good;
};

static struct slot sets[SETS][WAYS];
static uint64_t uses;
static uint64_t seed;

static uint64_t
mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

/* Words multiplied and folded, from a start of our own. */
static uint64_t
hash_of(const char *token, size_t len)
{
	uint64_t hash, word = 0;

	while (seed == 0)
		id_random(&seed, sizeof(seed));
	hash = seed ^ len;
	for (; len >= sizeof(word); len -= sizeof(word), token += sizeof(word)) {
		memcpy(&word, token, sizeof(word));
		hash = mix(hash, word);
	}
	word = 0;
	memcpy(&word, token, len);
	return mix(hash, word);
}

static struct slot *
set_of(uint64_t hash)
{
	return sets[hash & (SETS - 1)];
}

/* In the same time wherever they differ, so that nobody finds out a token byte by byte. */
static bool
is_token(const struct slot *slot, uint64_t hash, const char *token, size_t len)
{
	return slot->token && slot->hash == hash &&
	       str_equal_secret(slot->token, slot->len, token, len);
}

const struct token_good *
token_cache_find(const char *token, int64_t now)
{
	size_t len = strlen(token);
	uint64_t hash = hash_of(token, len);
	struct slot *set = set_of(hash);

	for (size_t i = 0; i < WAYS; i++) {
		if (!is_token(&set[i], hash, token, len))
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
	size_t len = strlen(token);
	uint64_t hash = hash_of(token, len);
	struct slot *set = set_of(hash), *slot = set;

	if (len > TOKEN_BYTES_MAX)
		return;
	/* Its own slot, if it has one; else a free one; else the least recently used. */
	for (size_t i = 0; i < WAYS; i++) {
		if (is_token(&set[i], hash, token, len)) {
			slot = &set[i];
			break;
		}
		if (set[i].used < slot->used)
			slot = &set[i];
	}
	free(slot->token);
	slot->token = strdup(token);
	slot->len = len;
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
