/*
 * The cache of tokens: exactly this token, for as long as it is good.
 */
#include <criterion/criterion.h>

#include "http/token_cache.h"

static const struct token_good buyer = {
	.user_id = "0b8f7c5e-3a52-4d1c-9f7e-2d6a1b3c4d5e",
	.role = "user",
	.from = 1000,
	.until = 2000,
};

Test(token_cache, gives_what_was_kept)
{
	const struct token_good *found;

	cr_assert_null(token_cache_find("a.b.c", 1500));
	token_cache_put("a.b.c", &buyer);
	found = token_cache_find("a.b.c", 1500);
	cr_assert_not_null(found);
	cr_assert_str_eq(found->user_id, buyer.user_id);
	cr_assert_str_eq(found->role, "user");
}

Test(token_cache, only_exactly_that_token)
{
	static const char *const others[] = { "", "a", "a.b.", "a.b.d", "A.b.c", "a.b.cc",
		"x.b.c" };

	token_cache_put("a.b.c", &buyer);
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
		cr_assert_null(token_cache_find(others[i], 1500), "%s", others[i]);
}

Test(token_cache, only_while_it_is_good)
{
	token_cache_put("a.b.c", &buyer);
	cr_assert_null(token_cache_find("a.b.c", 999));
	cr_assert_not_null(token_cache_find("a.b.c", 1000));
	cr_assert_not_null(token_cache_find("a.b.c", 1999));
	cr_assert_null(token_cache_find("a.b.c", 2000));
}

Test(token_cache, forgets_all)
{
	token_cache_put("a.b.c", &buyer);
	token_cache_clear();
	cr_assert_null(token_cache_find("a.b.c", 1500));
}

/* A crowd that fits in: hardly anybody drives out another. */
Test(token_cache, keeps_a_crowd)
{
	char token[64];
	int found = 0;

	for (int round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < 1000; i++) {
			/* As unlike each other as signatures are. */
			uint64_t bits = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

			bits = (bits ^ bits >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
			snprintf(token, sizeof(token), "a.b.%016llx%016llx",
				(unsigned long long)bits, (unsigned long long)(bits * bits));
			if (token_cache_find(token, 1500))
				found++;
			else
				token_cache_put(token, &buyer);
		}
	}
	cr_assert(found > 980, "%d of 1,000 were kept", found);
}

/* What is asked for again and again stays, whatever else comes. */
Test(token_cache, keeps_what_is_used)
{
	char token[32];

	token_cache_put("a.b.c", &buyer);
	for (int i = 0; i < 100000; i++) {
		snprintf(token, sizeof(token), "a.b.%d", i);
		token_cache_put(token, &buyer);
		cr_assert_not_null(token_cache_find("a.b.c", 1500), "after %d others", i);
	}
}

/* Many tokens share the slots: each is found as itself, or not at all. */
Test(token_cache, stays_small_and_right)
{
	struct token_good one = buyer;
	char token[32];
	int found = 0;

	for (int i = 0; i < 100000; i++) {
		snprintf(token, sizeof(token), "a.b.%d", i);
		snprintf(one.user_id, sizeof(one.user_id), "%d", i);
		token_cache_put(token, &one);
	}
	for (int i = 0; i < 100000; i++) {
		const struct token_good *good;

		snprintf(token, sizeof(token), "a.b.%d", i);
		good = token_cache_find(token, 1500);
		if (good) {
			cr_assert_eq(strtol(good->user_id, NULL, 10), i);
			found++;
		}
	}
	cr_assert(found > 3600 && found <= 4096, "%d were kept", found);
}

Test(token_cache, keeps_nothing_endless)
{
	char token[2000] = { 0 };

	memset(token, 'a', sizeof(token) - 1);
	token_cache_put(token, &buyer);
	cr_assert_null(token_cache_find(token, 1500));
}
